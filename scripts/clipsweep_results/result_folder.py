"""The runs of a result folder as the figures need them, and those left out with the reason.

A run is drawn once it reached an outcome (completed or diverged); summary.json counts the same
runs. Only folders of run IDs in the plan are read.
"""

import math
import os
import statistics
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from .clips import Clip
from .columns import NORM_QUANTILES
from .cores import usable_cores
from .log_file import is_compressed
from .plan import RunSpec, SweepPlan
from .probes import Probe, parse_probes
from .profiles import ThroughTime, read_through_time, through_time_path
from .progress import Progress
from .run_record import (
    RunNotFinished,
    counts_as_diverged,
    is_stalled,
    read_record,
    record_path,
    trailing_skipped_steps,
)
from .setups import Setup, plain_name
from .step_log import steps_path
from .step_windows import StepCurve, WindowGrid, choose_windows, read_step_curve
from .strict_json import MALFORMED, DataError, describe
from .values import to_count, to_optional_count, to_optional_float, to_quantiles

EVENT_KINDS = ("nan", "inf", "norm-overflow", "spike")

# Norms or radii by gate.
Gates = dict[str, float | None]

# Starting worker processes costs more than reading a few short logs.
POOL_WORTH_BYTES = 30_000_000
UNPACKED_PER_BYTE = 5  # of a compressed log, roughly


@dataclass(frozen=True)
class Epoch:
    """One whole epoch of a run; None where something was not measured."""

    number: int
    train_loss: float | None
    test_accuracy: float | None
    clipped_share: float | None
    validation_accuracy: float | None
    gate_norms: Gates = field(default_factory=dict)  # raw; empty in cells without gates
    spectral_radii: dict[str, Gates] = field(default_factory=dict)  # by recurrent matrix


@dataclass(frozen=True)
class BadEvent:
    """The first NaN or Inf of a run, from run.json."""

    kind: str
    step: int
    epoch: int
    phase: str
    tensor: str | None
    index: int | None
    nan: int
    positive_inf: int
    negative_inf: int
    last_finite_norm: float | None
    action: str


@dataclass(frozen=True, eq=False)
class Run:
    """One run that reached an outcome (completed or diverged)."""

    spec: RunSpec
    diverged: bool  # or stalled
    stalled_steps: int  # the skipped steps at the end of a stalled run, else 0
    epochs: tuple[Epoch, ...]
    first_bad_event: BadEvent | None
    event_steps: dict[str, tuple[int, ...]]  # by kind of event
    norm_quantiles: dict[str, float | None]  # of the raw norm; None if it never was finite
    steps: int
    skipped: int  # steps whose update was skipped
    spikes: int
    solved_at_step: int | None  # of the first evaluation that solved the task
    curve: StepCurve
    through_time: ThroughTime | None  # None where it was not logged
    probes: tuple[Probe, ...] = ()

    @property
    def divergence_step(self) -> int | None:
        if not self.diverged:
            return None
        if self.stalled_steps:
            return self.steps - self.stalled_steps + 1
        return self.first_bad_event.step if self.first_bad_event else self.steps

    @property
    def final_train_loss(self) -> float | None:
        """The training loss of the last epoch; None where the run diverged or it is not finite."""
        loss = self.epochs[-1].train_loss if self.epochs and not self.diverged else None
        return loss if loss is not None and math.isfinite(loss) else None

    def late_accuracy(self, chance_accuracy: float | None, evaluations: int) -> float | None:
        """Return the median test accuracy of the last evaluations, or of those there are.

        A diverged run counts as chance (None if unknown).
        """
        if self.diverged:
            return chance_accuracy
        late = [epoch.test_accuracy for epoch in self.epochs[-evaluations:]]
        return statistics.median(late) if late else None


@dataclass(frozen=True)
class LeftOutRun:
    """A planned run that is not drawn, and why.

    `state` is its outcome, `unfinished` or `unreadable`.
    """

    id: str
    state: str
    reason: str


@dataclass(frozen=True, eq=False)
class Arm:
    """All drawn runs that differ only in their seed."""

    clip: Clip
    learning_rate: float
    runs: tuple[Run, ...]

    @property
    def label(self) -> str:
        """The name of the arm: `value:0.5 at lr 0.1`."""
        return self.clip.at(self.learning_rate)

    @property
    def diverged_count(self) -> int:
        return sum(run.diverged for run in self.runs)

    def late_accuracies(self, chance_accuracy: float | None, evaluations: int) -> list[float]:
        values = (run.late_accuracy(chance_accuracy, evaluations) for run in self.runs)
        return [value for value in values if value is not None]


@dataclass
class Results:
    """The runs of a sweep as the figures need them."""

    plan: SweepPlan
    grid: WindowGrid
    runs: list[Run] = field(default_factory=list)
    left_out: list[LeftOutRun] = field(default_factory=list)

    @cached_property
    def arms(self) -> list[Arm]:
        """The arms in the order of tables and figures: baseline first."""
        members: dict[tuple[Clip, float], list[Run]] = {}
        for run in self.runs:
            members.setdefault((run.spec.clip, run.spec.learning_rate), []).append(run)
        setups = dict.fromkeys(spec.clip.setup for spec in self.plan.runs)
        ranks = {setup: rank for rank, setup in enumerate(setups)}
        modes = list(dict.fromkeys(spec.clip.mode for spec in self.plan.runs))

        def order(item):
            (clip, learning_rate), _ = item
            return (
                ranks[clip.setup],
                not clip.is_baseline,
                modes.index(clip.mode),
                clip.threshold or 0,
                learning_rate,
            )

        return [
            Arm(clip, learning_rate, tuple(sorted(runs, key=lambda run: run.spec.seed)))
            for (clip, learning_rate), runs in sorted(members.items(), key=order)
        ]

    @property
    def setups(self) -> list[Setup]:
        """The setups that have a drawn run, in the order of the sweep."""
        return list(dict.fromkeys(arm.clip.setup for arm in self.arms))

    def of_setups(self, setups: list[Setup]) -> "Results":
        """Return the runs of these setups only."""
        return replace(self, runs=[run for run in self.runs if run.spec.clip.setup in setups])

    @property
    def diverged_phrase(self) -> str:
        """Return the word for runs that count as diverged, which includes stalled ones."""
        return "diverged or stalled" if any(run.stalled_steps for run in self.runs) else "diverged"

    @property
    def cut_off_logs(self) -> list[str]:
        """The logs of drawn runs whose last line is cut off."""
        steps = [f"step log of {run.spec.id}" for run in self.runs if run.curve.is_cut_off]
        return steps + [
            f"log through time of {run.spec.id}"
            for run in self.runs
            if run.through_time and run.through_time.is_cut_off
        ]


def read_results(plan: SweepPlan) -> Results:
    """Read every run of the plan, in several processes if the logs are large."""
    grid = choose_windows(plan.planned_steps, plan.log_every)
    results = Results(plan, grid)
    read = partial(_read_run, plan.folder, grid)
    for outcome in Progress("runs read:", len(plan.runs)).over(_map_runs(plan, read)):
        (results.runs if isinstance(outcome, Run) else results.left_out).append(outcome)
    return results


def _map_runs(plan: SweepPlan, read) -> Iterator["Run | LeftOutRun"]:
    """Yield read(spec) for each run, in the plan's order."""
    workers = min(usable_cores(), len(plan.runs))
    if workers < 2 or _log_bytes(plan) < POOL_WORTH_BYTES:
        yield from map(read, plan.runs)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(read, plan.runs)


def _log_bytes(plan: SweepPlan) -> int:
    paths = (
        path_of(plan.folder, spec.id)
        for path_of in (steps_path, through_time_path)
        for spec in plan.runs
    )
    return sum(
        path.stat().st_size * (UNPACKED_PER_BYTE if is_compressed(path) else 1)
        for path in paths
        if path.is_file()
    )


def _read_run(folder: Path, grid: WindowGrid, spec: RunSpec) -> Run | LeftOutRun:
    """Read one run, or say why it is left out."""
    try:
        document = read_record(folder, spec)
        steps = steps_path(folder, spec.id)
        curve = read_step_curve(steps, spec.id, grid, with_tensors=spec.clip.is_baseline)
        path = through_time_path(folder, spec.id)
        through_time = read_through_time(path, spec.id, grid.planned_steps)
        return _parse_run(document, spec, curve, through_time)
    except RunNotFinished as unfinished:
        return LeftOutRun(spec.id, unfinished.state, str(unfinished))
    except DataError as error:
        return LeftOutRun(spec.id, "unreadable", _relative(error, folder))
    except MALFORMED as error:
        path = record_path(folder, spec.id)
        return LeftOutRun(spec.id, "unreadable", f"{path.relative_to(folder)}: {describe(error)}")


def _relative(error: DataError, folder: Path) -> str:
    return str(error).removeprefix(f"{folder}{os.sep}")


def _parse_run(
    document: dict, spec: RunSpec, curve: StepCurve, through_time: ThroughTime | None
) -> Run:
    bad_events = [event for event in document["events"] if event["kind"] in ("nan", "inf")]
    totals = document["totals"]
    return Run(
        spec,
        counts_as_diverged(document),
        trailing_skipped_steps(document) if is_stalled(document) else 0,
        tuple(_parse_epoch(epoch) for epoch in document["epochs"]),
        _parse_bad_event(bad_events[0]) if bad_events else None,
        _steps_by_kind(document["events"]),
        to_quantiles(totals["grad_norm_raw"], NORM_QUANTILES),
        to_count(totals["steps"]),
        to_count(totals["skipped_steps"]),
        to_count(totals["spikes"]),
        to_optional_count(document.get("solved_at_step")),
        curve,
        through_time,
        parse_probes(document),
    )


def _steps_by_kind(events: list[dict]) -> dict[str, tuple[int, ...]]:
    """Return the steps of the events, by each kind that figures show."""
    return {
        kind: tuple(to_count(event["step"]) for event in events if event["kind"] == kind)
        for kind in EVENT_KINDS
    }


def _parse_epoch(epoch: dict) -> Epoch:
    return Epoch(
        to_count(epoch["epoch"]),
        to_optional_float(epoch["train_loss"]),
        to_optional_float(epoch["test_accuracy"]),
        to_optional_float(epoch["clipped_share"]),
        to_optional_float(epoch.get("validation_accuracy")),
        _parse_gates(epoch.get("gate_norms")),
        _parse_radii(epoch.get("spectral_radius")),
    )


def _parse_radii(matrices: object) -> dict[str, Gates]:
    if matrices is None:
        return {}
    if not isinstance(matrices, dict):
        raise TypeError(f"{type(matrices).__name__} where spectral radii by matrix belong")
    return {str(matrix): _parse_gates(radii) for matrix, radii in matrices.items()}


def _parse_gates(values: object) -> Gates:
    """Read a value for each gate; empty if null or absent."""
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise TypeError(f"{type(values).__name__} where values by gate belong")
    return {plain_name(gate): to_optional_float(value) for gate, value in values.items()}


def _parse_bad_event(event: dict) -> BadEvent:
    index = event["index"]
    return BadEvent(
        event["kind"],
        to_count(event["step"]),
        to_count(event["epoch"]),
        str(event["phase"]),
        None if event["tensor"] is None else str(event["tensor"]),
        None if index is None else to_count(index),
        to_count(event["nan"]),
        to_count(event["positive_inf"]),
        to_count(event["negative_inf"]),
        to_optional_float(event["last_finite_norm"]),
        str(event["action"]),
    )
