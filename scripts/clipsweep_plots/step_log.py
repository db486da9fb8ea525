"""steps.jsonl, read once, line by line, and kept as windows of steps.

A sweep's step logs reach gigabytes; a figure needs a hundred points a run. Steps are found by their
`step`, never by their line, so thinned logs read the same.
"""

import itertools
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .strict_json import MALFORMED, DataError, check_schema, decode, describe, to_count, to_float

STEPS_SCHEMA = "clipsweep/steps-1"
MOST_WINDOWS = 120
FEWEST_WINDOWS = 20
SMOOTHING_STEPS = 10


@dataclass(frozen=True)
class WindowGrid:
    """The windows that all runs of a sweep share: window k holds steps k*width+1 to (k+1)*width."""

    width: int
    planned_steps: int

    @property
    def count(self) -> int:
        return -(-self.planned_steps // self.width)

    @property
    def centers(self) -> np.ndarray:
        """The middle step of each window, [W]."""
        first = np.arange(self.count) * self.width + 1
        last = np.minimum(first + self.width - 1, self.planned_steps)
        return (first + last) / 2


@dataclass(frozen=True, eq=False)
class StepCurve:
    """What the figures need of one run's steps: arrays [W], NaN where nothing was measured."""

    mean_loss: np.ndarray
    norm_median: np.ndarray
    norm_max: np.ndarray
    first_nan_step: np.ndarray  # of the raw norm in this window
    first_inf_step: np.ndarray
    torn: bool  # the last line broke off


def choose_windows(planned_steps: int, log_every: int) -> WindowGrid:
    """Choose windows that smooth a batch's noise, never narrower than the log's stride."""
    wanted = min(max(planned_steps // SMOOTHING_STEPS, FEWEST_WINDOWS), MOST_WINDOWS)
    return WindowGrid(_round_up(max(planned_steps / wanted, log_every)), planned_steps)


def _round_up(width: float) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50, ... that is not below `width`."""
    decade = 1
    while True:
        for factor in (1, 2, 5):
            if factor * decade >= width:
                return factor * decade
        decade *= 10


def read_step_curve(path: Path, run_id: str, grid: WindowGrid) -> StepCurve:
    """Read one run's steps into windows; raise DataError, with the line, where the log is bad."""
    try:
        with path.open("rb") as log:
            _check_header(path, log.readline(), run_id)
            steps, losses, norms, torn = _read_columns(path, log, grid.planned_steps)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    return _aggregate(grid, steps, losses, norms, torn)


def ends_torn(path: Path) -> bool:
    """Tell whether a log breaks off within a line, the mark of a killed run."""
    try:
        with path.open("rb") as log:
            if log.seek(0, 2) == 0:
                return False
            log.seek(-1, 2)
            return log.read(1) != b"\n"
    except OSError:
        return False


def _check_header(path: Path, line: bytes, run_id: str) -> None:
    try:
        header = decode(line.decode("utf-8"))
        check_schema(header, STEPS_SCHEMA)
        if header["run"] != run_id:
            raise ValueError(f"holds the run {str(header['run'])[:80]!r}")
    except MALFORMED as error:
        raise DataError(f"{path}: bad header in line 1: {describe(error)}") from error


def _read_columns(path: Path, log: BinaryIO, planned_steps: int):
    """Return step, loss and raw norm of every whole line, and whether the last line is torn."""
    steps, losses, norms = array("q"), array("d"), array("d")
    previous = 0
    for number, line in enumerate(log, start=2):
        if not line.endswith(b"\n"):
            return steps, losses, norms, True
        try:
            record = decode(line.decode("utf-8"))
            step = to_count(record["step"])
            if not previous < step <= planned_steps:
                raise ValueError(f"step {step} after step {previous} of {planned_steps} planned")
            loss, norm = to_float(record["loss"]), to_float(record["grad_norm_raw"])
        except MALFORMED as error:
            raise DataError(f"{path}:{number}: bad line: {describe(error)}") from error
        steps.append(step)
        losses.append(loss)
        norms.append(norm)
        previous = step
    return steps, losses, norms, False


def _aggregate(
    grid: WindowGrid, steps: array, losses: array, norms: array, torn: bool
) -> StepCurve:
    step = np.frombuffer(steps, dtype=np.int64) if steps else np.empty(0, dtype=np.int64)
    loss, norm = np.array(losses), np.array(norms)
    curve = StepCurve(*(np.full(grid.count, np.nan) for _ in range(5)), torn)
    edges = np.searchsorted(step, np.arange(grid.count + 1) * grid.width, side="right")
    for window, (begin, end) in enumerate(itertools.pairwise(edges)):
        part = slice(begin, end)
        finite_losses = loss[part][np.isfinite(loss[part])]
        if finite_losses.size:
            curve.mean_loss[window] = finite_losses.mean()
        finite_norms = norm[part][np.isfinite(norm[part])]
        if finite_norms.size:
            curve.norm_median[window] = np.median(finite_norms)
            curve.norm_max[window] = finite_norms.max()
        curve.first_nan_step[window] = _first(step[part], np.isnan(norm[part]))
        curve.first_inf_step[window] = _first(step[part], np.isinf(norm[part]))
    return curve


def _first(steps: np.ndarray, chosen: np.ndarray) -> float:
    return float(steps[chosen.argmax()]) if chosen.any() else np.nan
