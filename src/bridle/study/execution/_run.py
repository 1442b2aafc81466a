"""Execution of requests, on the threads of this process or on a cluster; with a store, only of those it lacks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bridle.engine import FitResult, FitSource, FitSpec, FixedSource, Progress, WarmStartChain, run_fits
from bridle.results import ALL_ROWS
from bridle.study.design._prepared import Prepared
from bridle.study.execution._cluster import Cluster, ClusterWork
from bridle.study.execution._facts import fits_of
from bridle.study.execution._keys import FitKeys
from bridle.study.execution._requests import FitRequest, RowSet, Task, from_record
from bridle.study.execution._stored import PendingFits, StoreSession


@dataclass(frozen=True)
class ExecutionContext:
    """Execution context: threads, optional store, optional cluster."""

    threads: int | None = None
    session: StoreSession | None = None
    cluster: Cluster | None = None

    @property
    def reused_fits(self) -> int:
        """The number of fits that were stored already."""
        return 0 if self.session is None else self.session.reused_fits

    def recommended(self, outer: int | None, candidate: int | None, fits: int) -> int | None:
        """Return the candidate that is refit for the rule `recommended`: of a complete store, the one it has."""
        return candidate if self.session is None else self.session.recommended(outer, candidate, fits)


def run_requests(
    prepared: Prepared,
    chains: Sequence[Sequence[FitRequest]],
    row_set: RowSet,
    *,
    deliver: Callable[[int, FitResult], None],
    watch: Callable[[Progress], None],
    context: ExecutionContext,
    total_fits: int | None = None,
) -> bool:
    """Train the fits of chains of requests; return False if the user stopped them.

    Args:
        prepared: the study.
        chains: requests, each chain trained one after another.
        row_set: the rows that they refer to.
        deliver: called with the index of each request, counted through all chains, and its result.
        watch: called about ten times a second with the progress.
        context: threads, store, cluster.
        total_fits: about how many fits the study has in all.

    """
    fits, session = fits_of(prepared, chains, row_set, total_fits), context.session
    if session is not None:
        session.reuse_width(prepared.engine, fits)

    def hand_over(fit: FitSpec, result: FitResult) -> None:
        deliver(fit.index, result)

    source: FitSource = FixedSource(fits)
    if session is not None:

        def keys_of(index: int) -> list[bytes]:
            return session.keys.of_chain(chains[index], fits[index], row_set.held_out)

        source = PendingFits(session, fits, keys_of, row_set, hand_over)
        hand_over = source.deliver
    if context.cluster is None:
        finished = run_fits(
            prepared.engine.training,
            fits,
            held_out=row_set.held_out,
            deliver=hand_over,
            watch=watch,
            threads=context.threads,
            source=source,
        )
    else:
        progress = Progress(sum(map(len, fits)), int(prepared.engine.recipe.stops[-1]))
        work = _cluster_work(
            prepared,
            {chain[0].index: requests for chain, requests in zip(fits, chains, strict=True)},
            row_set,
            context.cluster.keys,
            hand_over,
        )
        finished = context.cluster.run(source, work, watch, progress)
    if session is not None:
        session.flush()
    return finished


def _cluster_work(
    prepared: Prepared,
    requests: dict[int, Sequence[FitRequest]],
    row_set: RowSet,
    keys: FitKeys,
    hand_over: Callable[[FitSpec, FitResult], None],
) -> ClusterWork:
    """Return the work of a cluster; `requests` are those of each chain, by the index of its first fit."""
    refits = next(iter(requests.values()))[0].fold == ALL_ROWS

    def requests_of(chain: WarmStartChain) -> Sequence[FitRequest]:
        return requests[chain[0].index]

    return ClusterWork(
        task_of=lambda chains: Task(
            prepared.outer, refits, tuple(tuple(requests_of(chain)) for chain in chains), prepared.engine.width
        ),
        keys_of=lambda chain: keys.of_chain(requests_of(chain), chain, row_set.held_out),
        deliver=lambda fit, record: hand_over(fit, from_record(record, tuple(row_set.held_out))),
    )
