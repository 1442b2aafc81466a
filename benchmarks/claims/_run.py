"""Run every experiment in both protocols, with one progress for all, and measure its claims."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import Any

from benchmarks.claims._circles import circles_claims
from benchmarks.claims._claim import ACCURACY, Experiment
from benchmarks.claims._iris import iris_claims
from benchmarks.claims._measure import Measured, measure
from benchmarks.claims._moons import continued_claims, moons_claims, schedule_claims
from benchmarks.claims._studies import Laid, lay_out, run_whole, run_without_refits

from bridle._errors import Interrupted, raise_if_interrupted, remember_interrupts
from bridle._progress import progress_bar
from bridle.engine import Progress
from bridle.results import StudyResult
from bridle.study import Update, Watch
from bridle.study.design import Plan, Prepared, make_plan, make_timed_plan

EXPERIMENTS: tuple[Callable[[], Experiment], ...] = (
    circles_claims,
    moons_claims,
    schedule_claims,
    continued_claims,
    iris_claims,
)


@dataclass(frozen=True)
class Ran:
    """An experiment with what was run of it."""

    experiment: Experiment
    tutorial: StudyResult
    honest: StudyResult | None

    @property
    def measured(self) -> list[Measured]:
        """Its claims in numbers."""
        return [measure(claim, self.tutorial, self.honest) for claim in self.experiment.claims]


@dataclass(frozen=True)
class ClaimsRun:
    """What was run, and what it took."""

    ran: tuple[Ran, ...]
    seconds: float
    cpu_seconds: float
    whole: bool


@dataclass(frozen=True)
class Job:
    """One study to run."""

    label: str
    prepared: Prepared
    cost: float
    run: Callable[[Prepared, Watch], StudyResult | None]

    @property
    def plan(self) -> Plan:
        """Every fit but the refits."""
        return make_plan(self.prepared)

    @property
    def work(self) -> float:
        """Its fits, in epochs of the moons network."""
        return len(self.plan) * self.prepared.question.epochs * self.cost


def prepare_claims(*, seeds: int = 100, share: float = 1.0, only: Sequence[str] = ()) -> list[Laid]:
    """Check and lay out every study before the first fit.

    Args:
        seeds: runs of the tutorial's protocol.
        share: the part of each experiment's epochs to train; 1 is as published.
        only: names of experiments; all of them where none is given.

    """
    experiments = [make() for make in EXPERIMENTS]
    chosen = [each for each in experiments if not only or each.name in only]
    return [lay_out(each, seeds, max(1, round(share * each.epochs))) for each in chosen]


def jobs(laid: Sequence[Laid]) -> list[Job]:
    """The studies in the order in which they run: each experiment as in the tutorial, then honestly."""
    found = []
    for each in laid:
        name, cost = each.experiment.name, each.experiment.cost
        found.append(Job(f"{name}, tutorial", each.tutorial, cost, run_without_refits))
        found.append(Job(f"{name}, honest", each.honest, cost, run_whole))
    return found


def expected_seconds(planned: Sequence[Job]) -> float:
    """Estimate the time of all studies from the first one, which is compiled and timed."""
    plan, first = make_timed_plan(planned[0].prepared), planned[0]
    training = plan.seconds - first.prepared.engine.compile_seconds
    unit = max(0.0, training) / (plan.fits * plan.epochs * first.cost)
    compiling = first.prepared.engine.compile_seconds * len(planned)
    return compiling + unit * sum(job.work * job.plan.fits / len(job.plan) for job in planned)


def run_claims(laid: Sequence[Laid], *, progress: bool = True) -> ClaimsRun:
    """Run everything; after Ctrl-C what had finished, marked as not whole."""
    began, used = perf_counter(), process_time()
    planned = jobs(laid)
    done: list[StudyResult] = []
    with remember_interrupts(), progress_bar(progress, ACCURACY) as watch:
        overall = Overall(planned, watch)
        try:
            for job in planned:
                raise_if_interrupted()
                result = job.run(job.prepared, overall.watch(job))
                if result is None:
                    break
                done.append(result)
        except KeyboardInterrupt:
            pass
    ran = tuple(_paired([each.experiment for each in laid], done))
    return ClaimsRun(ran, perf_counter() - began, process_time() - used, len(done) == len(planned))


def stopped(run: ClaimsRun, place: Any) -> Interrupted:
    """What to say where Ctrl-C ended a run."""
    studies = sum(1 + (each.honest is not None) for each in run.ran)
    kept = f" What they say is in {str(place)!r}." if run.ran else ""
    return Interrupted(f"Stopped: {studies} studies had finished.{kept}", run)


def _paired(experiments: Sequence[Experiment], done: Sequence[StudyResult]) -> Iterator[Ran]:
    """Results by experiment, as far as they go: the tutorial's first, then the honest one."""
    results = iter(done)
    for experiment in experiments:
        tutorial = next(results, None)
        if tutorial is None:
            return
        yield Ran(experiment, tutorial, next(results, None))


@dataclass
class Overall:
    """One progress over all studies: finished work is counted, and what the present study says is added."""

    planned: Sequence[Job]
    draw: Watch
    began: float = field(default_factory=perf_counter)
    work: float = field(init=False)
    fits: int = field(init=False)

    def __post_init__(self) -> None:
        self.work = sum(job.work for job in self.planned)
        self.fits = sum(len(job.plan) for job in self.planned)

    def watch(self, job: Job) -> Watch:
        """What the study of a job tells its progress to."""
        before = self.planned[: self.planned.index(job)]
        work, fits, own = sum(each.work for each in before), sum(len(each.plan) for each in before), len(job.plan)

        def hear(update: Update) -> None:
            refits = update.stage.startswith("refits")
            share, done = (1.0, own) if refits else (update.progress.share, update.progress.done)
            each = self.work / self.fits
            total = Progress(self.fits, each, fits + done, work + share * job.work, self.began)
            self.draw(Update("claims", total, None))

        return hear
