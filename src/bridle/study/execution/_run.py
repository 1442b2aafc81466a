"""Make fits, on the threads of this process or on a cluster; where there is a store, only those it does not hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bridle.engine import FitResult, FitSource, FitSpec, FixedSource, Progress, WarmStartChain, run_fits
from bridle.results import ALL_ROWS
from bridle.study.design import Prepared
from bridle.study.execution._cluster import Cluster
from bridle.study.execution._records import outcome_of
from bridle.study.execution._requests import FitRequest, RowSet, fits_of
from bridle.study.execution._stored import PendingFits, StoreSession
from bridle.study.execution._worker import Shard


@dataclass(frozen=True)
class ExecutionContext:
    """By what means fits are made, and where they are kept."""

    threads: int | None = None
    vault: StoreSession | None = None
    cluster: Cluster | None = None

    @property
    def found(self) -> int:
        """Fits that were there already."""
        return 0 if self.vault is None else self.vault.found


def run_requests(
    prepared: Prepared,
    chains: Sequence[Sequence[FitRequest]],
    ground: RowSet,
    *,
    deliver: Callable[[int, FitResult], None],
    watch: Callable[[Progress], None],
    means: ExecutionContext,
    members: int | None = None,
) -> bool:
    """Make the fits of some chains of orders; False where the person stopped it.

    `deliver` hears the number of each order, counted through all chains, and what became of it. `members` is about how
    many orders there will be in all.
    """
    fits, vault = fits_of(prepared, chains, ground, members), means.vault
    if vault is not None:
        vault.same_width(prepared.engine, fits)

    def numbered(fit: FitSpec, outcome: FitResult) -> None:
        deliver(fit.index, outcome)

    source: FitSource = FixedSource(fits)
    hand_over = numbered
    if vault is not None:

        def keys(number: int) -> list[bytes]:
            return vault.keys.chain(prepared, chains[number], fits[number], ground.held_out)

        source = PendingFits(vault, fits, keys, tuple(ground.held_out), numbered)
        hand_over = source.deliver
    if means.cluster is None:
        whole = run_fits(
            prepared.engine.training,
            fits,
            held_out=ground.held_out,
            deliver=hand_over,
            watch=watch,
            threads=means.threads,
            source=source,
        )
    else:
        whole = _on_cluster(prepared, chains, fits, ground, source, hand_over, watch, means.cluster)
    if vault is not None:
        vault.flush()
    return whole


def _on_cluster(
    prepared: Prepared,
    chains: Sequence[Sequence[FitRequest]],
    fits: Sequence[WarmStartChain],
    ground: RowSet,
    source: FitSource,
    hand_over: Callable[[FitSpec, FitResult], None],
    watch: Callable[[Progress], None],
    cluster: Cluster,
) -> bool:
    first = [own[0].index for own in fits]
    orders = dict(zip(first, chains, strict=True))
    recipe, refits = prepared.engine.recipe, chains[0][0].fold == ALL_ROWS
    return cluster.run(
        source,
        orders=lambda chain: orders[chain[0].index],
        keys=lambda chain: cluster.keys.chain(prepared, orders[chain[0].index], chain, ground.held_out),
        deliver=lambda fit, record: hand_over(fit, outcome_of(record, tuple(ground.held_out))),
        watch=watch,
        progress=Progress(sum(map(len, fits)), int(recipe.stops[-1])),
        like=Shard(prepared.outer, refits, (), prepared.engine.width),
    )
