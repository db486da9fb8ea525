"""A result folder: the plan, the runs that can be drawn, and those left out with the reason.

A run is drawn once it reached an outcome (completed or diverged), the same runs that summary.json
counts. Only folders of run IDs in the plan are looked at.
"""

import math
import os
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from .links import refuse_links, refuse_links_of_run
from .profiles import ThroughTime, read_through_time, through_time_path
from .progress import Progress
from .step_log import StepCurve, WindowGrid, choose_windows, ends_torn, read_step_curve
from .strict_json import (
    MALFORMED,
    DataError,
    describe,
    read_document,
    to_count,
    to_float,
    to_optional_float,
)

SWEEP_SCHEMA = "clipsweep/sweep-1"
RUN_SCHEMA = "clipsweep/run-1"
DRAWN_OUTCOMES = ("completed", "diverged")
OUTCOMES = (*DRAWN_OUTCOMES, "failed", "interrupted")
EVENT_KINDS = ("nan", "inf", "norm-overflow", "spike")
NORM_QUANTILES = ("median", "p90", "p99", "max")

# Norms or radii by gate.
Gates = dict[str, float | None]

# IDs become folder names and modes become labels: plain names only.
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")

# Keys that are there only where they are not their default, and what figures call them.
CLIP_DETAILS = {
    "output_threshold": "output",
    "norm_type": "norm",
    "clip_epsilon": "epsilon",
    "agc_output": "output",
    "zclip_decay": "decay",
    "zclip_warmup": "warm-up",
    "adagc_decay": "decay",
    "adagc_warmup": "warm-up",
    "adagc_warmup_norm": "warm-up norm",
    "weight_decay": "weight decay",
    "decoupled_weight_decay": "decoupled weight decay",
    "l1": "L1",
    "perturbed": "last bit flipped",
}

# The cell of a run whose entry names none.
DEFAULT_CELL = "lstm"

# Starting worker processes costs more than reading a few short logs.
POOL_WORTH_BYTES = 30_000_000


@dataclass(frozen=True)
class Clip:
    """A clipping mode with its threshold: None in mode `none`, infinite where it only measures.

    `details` are what else makes an arm: settings of the mode and regularization off their default.
    `model` is the cell with its initialization in a sweep of several, empty in all others.
    """

    mode: str
    threshold: float | None
    details: str = ""
    model: str = ""

    @property
    def label(self) -> str:
        """The model, the pair as the command line's --clip names it, and the details."""
        return ", ".join(filter(None, (self.model, self.pair, self.details)))

    @property
    def pair(self) -> str:
        return self.mode if self.threshold is None else f"{self.mode}:{self.threshold:g}"

    @property
    def without_model(self) -> "Clip":
        """The same clipping where the model is told elsewhere: in a panel's title."""
        return replace(self, model="")

    @property
    def is_baseline(self) -> bool:
        return self.mode == "none" and not self.details


@dataclass(frozen=True)
class RunSpec:
    """One run of the plan."""

    id: str
    clip: Clip
    learning_rate: float
    seed: int


@dataclass(frozen=True)
class Epoch:
    """One whole epoch of a run; None where something was not measured."""

    number: int
    train_loss: float | None
    test_accuracy: float | None
    clipped_share: float | None
    gate_norms: Gates = field(default_factory=dict)  # raw; empty of cells without gates
    spectral_radii: dict[str, Gates] = field(default_factory=dict)  # by recurrent matrix


@dataclass(frozen=True)
class BadEvent:
    """Where a run first turned non-finite, as run.json tells it."""

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
    """One run that reached an outcome."""

    spec: RunSpec
    diverged: bool
    epochs: tuple[Epoch, ...]
    first_bad_event: BadEvent | None
    event_steps: dict[str, tuple[int, ...]]  # by kind of event
    norm_quantiles: dict[str, float | None]  # of the raw norm, over every step
    steps: int
    spikes: int
    curve: StepCurve
    through_time: ThroughTime | None  # None where it was not logged

    @property
    def divergence_step(self) -> int | None:
        if not self.diverged:
            return None
        return self.first_bad_event.step if self.first_bad_event else self.steps

    @property
    def final_train_loss(self) -> float | None:
        """The training loss of the last epoch; None where the run diverged or it is not finite."""
        loss = self.epochs[-1].train_loss if self.epochs and not self.diverged else None
        return loss if loss is not None and math.isfinite(loss) else None

    def final_accuracy(self, chance_accuracy: float | None) -> float | None:
        """Return the last test accuracy; a diverged run counts as chance (None if unknown)."""
        if self.diverged:
            return chance_accuracy
        return self.epochs[-1].test_accuracy if self.epochs else None


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
        return f"{self.clip.label}, lr {self.learning_rate:g}"

    @property
    def diverged_count(self) -> int:
        return sum(run.diverged for run in self.runs)

    def final_accuracies(self, chance_accuracy: float | None) -> list[float]:
        values = (run.final_accuracy(chance_accuracy) for run in self.runs)
        return [value for value in values if value is not None]


@dataclass(frozen=True)
class SweepPlan:
    """sweep.json: the planned runs, and the rest of the file as it was written."""

    folder: Path
    runs: tuple[RunSpec, ...]
    epochs: int
    steps_per_epoch: int
    log_every: int
    document: dict

    @property
    def planned_steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    def section(self, name: str) -> dict:
        """Return an object of sweep.json, empty if it is absent."""
        found = self.document.get(name)
        return found if isinstance(found, dict) else {}


@dataclass
class Results:
    """Everything that the figures are drawn from."""

    plan: SweepPlan
    grid: WindowGrid
    runs: list[Run] = field(default_factory=list)
    left_out: list[LeftOutRun] = field(default_factory=list)

    @cached_property
    def arms(self) -> list[Arm]:
        """The arms in the order in which tables and figures show them: baseline first."""
        members: dict[tuple[Clip, float], list[Run]] = {}
        for run in self.runs:
            members.setdefault((run.spec.clip, run.spec.learning_rate), []).append(run)
        models = list(dict.fromkeys(spec.clip.model for spec in self.plan.runs))
        modes = list(dict.fromkeys(spec.clip.mode for spec in self.plan.runs))

        def order(item):
            (clip, learning_rate), _ = item
            return (
                models.index(clip.model),
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
    def torn(self) -> list[str]:
        """The logs of drawn runs that break off within their last line."""
        steps = [f"step log of {run.spec.id}" for run in self.runs if run.curve.torn]
        return steps + [
            f"log through time of {run.spec.id}"
            for run in self.runs
            if run.through_time and run.through_time.torn
        ]


def read_plan(folder: Path) -> SweepPlan:
    """Read sweep.json; raise DataError, with what to do, if `folder` is not a result folder."""
    path = folder / "sweep.json"
    if not folder.is_dir():
        came = "is a file" if folder.exists() else "does not exist"
        raise DataError(f"{folder}: {came}; name a folder that 'clipsweep sweep --out DIR' wrote")
    refuse_links(folder)
    if not path.is_file():
        came = "has no sweep.json" if any(folder.iterdir()) else "is empty"
        raise DataError(
            f"{folder}: {came}, so it is not a result folder; "
            "name one that 'clipsweep sweep --out DIR' wrote"
        )
    advice = "; run the same 'clipsweep sweep' command again to write it anew"
    try:
        plan = _parse_plan(folder, read_document(path, SWEEP_SCHEMA))
    except DataError as error:
        raise DataError(f"{error}{advice}") from error
    except MALFORMED as error:
        raise DataError(f"{path}: {describe(error)}{advice}") from error
    for spec in plan.runs:
        refuse_links_of_run(folder, spec.id)
    return plan


def _parse_plan(folder: Path, document: dict) -> SweepPlan:
    entries = document["runs"]
    specs = tuple(map(_parse_spec, entries, parse_clips(entries)))
    if not specs:
        raise ValueError("the plan has no runs")
    if len({spec.id for spec in specs}) < len(specs):
        raise ValueError("two runs of the plan have the same id")
    settings = document["settings"]
    epochs, steps_per_epoch = to_count(settings["epochs"]), to_count(settings["steps_per_epoch"])
    if epochs * steps_per_epoch == 0:
        raise ValueError("epochs and steps_per_epoch must be 1 or more")
    log_every = max(1, to_count(document.get("log_every", 1)))
    return SweepPlan(folder, specs, epochs, steps_per_epoch, log_every, document)


def parse_clips(entries: list[dict]) -> list[Clip]:
    """Read how runs or arms clip, and on which model where they have several."""
    return [
        replace(_parse_clip(entry), model=model)
        for entry, model in zip(entries, parse_models(entries), strict=True)
    ]


def parse_models(entries: list[dict]) -> list[str]:
    """Name the model of each entry; all names are empty where there is one model."""
    models = [_parse_model(entry) for entry in entries]
    return models if len(set(models)) > 1 else [""] * len(models)


def _parse_model(entry: dict) -> str:
    """Name the cell of a run or an arm, and its initialization where the entry has one."""
    cell = _plain_name(entry["cell"]) if "cell" in entry else DEFAULT_CELL
    return f"{cell}, {_setting(entry['init'])}" if "init" in entry else cell


def _setting(value: object) -> str:
    """Print a setting such as gaussian:0.01."""
    if not isinstance(value, str) or not value:
        raise TypeError(f"{type(value).__name__} where the name of an initialization belongs")
    return value


def _parse_clip(entry: dict) -> Clip:
    """Read how a run or an arm clips, with what is off its default."""
    details = (
        name if entry[key] is True else f"{name} {str(entry[key]).replace('Infinity', 'inf')}"
        for key, name in CLIP_DETAILS.items()
        if key in entry
    )
    return Clip(
        _plain_name(entry["mode"]), to_optional_float(entry["threshold"]), ", ".join(details)
    )


def _parse_spec(entry: dict, clip: Clip) -> RunSpec:
    learning_rate = to_float(entry["learning_rate"])
    if (clip.mode == "none") != (clip.threshold is None):
        raise ValueError(f"mode {clip.mode!r} with the threshold {clip.threshold}")
    if not (clip.threshold is None or clip.threshold >= 0) or not 0 < learning_rate < math.inf:
        raise ValueError(
            f"threshold {clip.threshold} or learning rate {learning_rate} out of range"
        )
    return RunSpec(_plain_name(entry["id"]), clip, learning_rate, to_count(entry["seed"]))


def _plain_name(value: object) -> str:
    if not isinstance(value, str) or not PLAIN_NAME.fullmatch(value):
        raise ValueError(f"{str(value)[:80]!r} is not a plain name (letters, digits, . _ + -)")
    return value


def read_results(plan: SweepPlan) -> Results:
    """Read every run of the plan, several at a time where that pays."""
    grid = choose_windows(plan.planned_steps, plan.log_every)
    results = Results(plan, grid)
    read = partial(_read_run, plan.folder, grid)
    for outcome in Progress("runs read:", len(plan.runs)).over(_map_runs(plan, read)):
        (results.runs if isinstance(outcome, Run) else results.left_out).append(outcome)
    return results


def _map_runs(plan: SweepPlan, read) -> Iterator["Run | LeftOutRun"]:
    """Yield read(spec) for each run in the plan's order, on all cores if the logs are large."""
    workers = min(len(os.sched_getaffinity(0)), len(plan.runs))
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
    return sum(path.stat().st_size for path in paths if path.is_file())


def steps_path(folder: Path, run_id: str) -> Path:
    return folder / "runs" / run_id / "steps.jsonl"


def _read_run(folder: Path, grid: WindowGrid, spec: RunSpec) -> Run | LeftOutRun:
    """Read one run, or say why it is left out."""
    path = folder / "runs" / spec.id / "run.json"
    if not path.exists():
        return LeftOutRun(spec.id, "unfinished", _why_unfinished(folder, spec.id))
    try:
        document = read_document(path, RUN_SCHEMA)
        outcome = _checked_outcome(document, spec)
        if outcome not in DRAWN_OUTCOMES:
            return LeftOutRun(spec.id, outcome, _why_no_outcome(document, outcome))
        curve = read_step_curve(steps_path(folder, spec.id), spec.id, grid)
        path = through_time_path(folder, spec.id)
        through_time = read_through_time(path, spec.id, grid.planned_steps)
        return _parse_run(document, spec, curve, through_time)
    except DataError as error:
        return LeftOutRun(spec.id, "unreadable", _relative(error, folder))
    except MALFORMED as error:
        return LeftOutRun(spec.id, "unreadable", f"runs/{spec.id}/run.json: {describe(error)}")


def _relative(error: DataError, folder: Path) -> str:
    return str(error).removeprefix(f"{folder}{os.sep}")


def _why_unfinished(folder: Path, run_id: str) -> str:
    path = steps_path(folder, run_id)
    if not path.exists():
        return "not started: it has no run.json and no steps.jsonl"
    if ends_torn(path):
        return "no run.json, and steps.jsonl breaks off within its last line: the run was killed"
    return "no run.json: the run was killed or is still training"


def _why_no_outcome(document: dict, outcome: str) -> str:
    if outcome == "interrupted":
        steps = to_count(document["totals"]["steps"])
        return f"interrupted after {steps:,} steps; the same sweep command continues it"
    return f"failed: {document.get('reason') or 'no reason was logged'}"


def _checked_outcome(document: dict, spec: RunSpec) -> str:
    if document["id"] != spec.id:
        raise ValueError(f"holds the run {str(document['id'])[:80]!r}")
    outcome = document["outcome"]
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome is {str(outcome)[:40]!r}; known are {', '.join(OUTCOMES)}")
    return outcome


def _parse_run(
    document: dict, spec: RunSpec, curve: StepCurve, through_time: ThroughTime | None
) -> Run:
    bad_events = [event for event in document["events"] if event["kind"] in ("nan", "inf")]
    totals = document["totals"]
    return Run(
        spec,
        document["outcome"] == "diverged",
        tuple(_parse_epoch(epoch) for epoch in document["epochs"]),
        _parse_bad_event(bad_events[0]) if bad_events else None,
        _steps_by_kind(document["events"]),
        {name: to_optional_float(totals["grad_norm_raw"][name]) for name in NORM_QUANTILES},
        to_count(totals["steps"]),
        to_count(totals["spikes"]),
        curve,
        through_time,
    )


def _steps_by_kind(events: list[dict]) -> dict[str, tuple[int, ...]]:
    """Return the steps of the events of each kind that a figure knows."""
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
    """Read a value for each gate; null and an absent key say that there is none."""
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise TypeError(f"{type(values).__name__} where values by gate belong")
    return {_plain_name(gate): to_optional_float(value) for gate, value in values.items()}


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
