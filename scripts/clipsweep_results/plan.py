"""sweep.json: the plan of a sweep, with every run that it has."""

import math
from dataclasses import dataclass
from pathlib import Path

from .clips import DETAIL_NAMES, Clip, parse_clips
from .columns import TABLE_COLUMNS, Column, step_columns
from .links import refuse_links, refuse_links_of_run
from .setups import Axis, axes_of_plan, plain_name
from .strict_json import MALFORMED, DataError, describe, read_document
from .values import to_count, to_float

SWEEP_SCHEMA = "clipsweep/sweep-1"
# The keys of a run that are no setting of training, which a setup has.
GRID_KEYS = TABLE_COLUMNS | DETAIL_NAMES.keys()


@dataclass(frozen=True)
class RunSpec:
    """One run of the plan."""

    id: str
    clip: Clip
    learning_rate: float
    seed: int


@dataclass(frozen=True)
class SweepPlan:
    """The planned runs, and the whole file as it was written."""

    folder: Path
    runs: tuple[RunSpec, ...]
    epochs: int
    steps_per_epoch: int
    log_every: int
    step_columns: tuple[Column, ...]  # of steps.jsonl
    axes: tuple[Axis, ...]  # the settings of training that vary
    document: dict

    @property
    def planned_steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    def section(self, name: str) -> dict:
        """Return an object of sweep.json, empty if it is absent."""
        found = self.document.get(name)
        return found if isinstance(found, dict) else {}


def read_plan(folder: Path) -> SweepPlan:
    """Read sweep.json; raise DataError, with advice, if `folder` is not a result folder."""
    path = folder / "sweep.json"
    if not folder.is_dir():
        problem = "is a file" if folder.exists() else "does not exist"
        raise DataError(
            f"{folder}: {problem}; name a folder that 'clipsweep sweep --out DIR' wrote"
        )
    refuse_links(folder)
    if not path.is_file():
        problem = "has no sweep.json" if any(folder.iterdir()) else "is empty"
        raise DataError(
            f"{folder}: {problem}, so it is not a result folder; "
            "name one that 'clipsweep sweep --out DIR' wrote"
        )
    advice = "; rerun the same 'clipsweep sweep' command to write it again"
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
    entries, settings = document["runs"], document["settings"]
    if not entries:
        raise ValueError("the plan has no runs")
    axes = axes_of_plan(settings, entries, GRID_KEYS)
    specs = tuple(map(_parse_spec, entries, parse_clips(entries, axes)))
    if len({spec.id for spec in specs}) < len(specs):
        raise ValueError("two runs of the plan have the same id")
    epochs, steps_per_epoch = to_count(settings["epochs"]), to_count(settings["steps_per_epoch"])
    if epochs * steps_per_epoch == 0:
        raise ValueError("epochs and steps_per_epoch must be 1 or more")
    log_every = max(1, to_count(document.get("log_every", 1)))
    columns = step_columns(document)
    return SweepPlan(folder, specs, epochs, steps_per_epoch, log_every, columns, axes, document)


def _parse_spec(entry: dict, clip: Clip) -> RunSpec:
    learning_rate = to_float(entry["learning_rate"])
    if (clip.mode == "none") != (clip.threshold is None):
        raise ValueError(f"mode {clip.mode!r} with the threshold {clip.threshold}")
    if not (clip.threshold is None or clip.threshold >= 0) or not 0 < learning_rate < math.inf:
        raise ValueError(
            f"threshold {clip.threshold} or learning rate {learning_rate} out of range"
        )
    return RunSpec(plain_name(entry["id"]), clip, learning_rate, to_count(entry["seed"]))
