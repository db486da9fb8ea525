"""steps.jsonl, read once, line by line, and kept as windows of steps and a histogram.

A sweep's step logs reach gigabytes; a figure needs a hundred points a run. Steps are found by their
`step`, never by their line, so thinned logs read the same.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec
import numpy as np

from .strict_json import MALFORMED, NON_FINITE, DataError, check_schema, decode, describe

STEPS_SCHEMA = "clipsweep/steps-1"
MOST_WINDOWS = 120
FEWEST_WINDOWS = 20
SMOOTHING_STEPS = 10

# The bins of the histogram of norms: ten a decade, over more than the range of float32.
NORM_BIN_DECADES = (-20, 40)
NORM_BINS_PER_DECADE = 10
NORM_BIN_EDGES = np.logspace(
    *NORM_BIN_DECADES, (NORM_BIN_DECADES[1] - NORM_BIN_DECADES[0]) * NORM_BINS_PER_DECADE + 1
)

Number = float | Literal["NaN", "Infinity", "-Infinity"]


class StepRecord(msgspec.Struct, gc=False):
    """What the figures read of a step object; logs of before 0.1 have no cosine."""

    step: int
    loss: Number
    grad_norm_raw: Number
    clipped: bool
    cosine: Number | None = None


_decode_step = msgspec.json.Decoder(StepRecord).decode


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
    mean_cosine: np.ndarray  # over the steps on which clipping acted
    first_nan_step: np.ndarray  # of the raw norm in this window
    first_inf_step: np.ndarray
    norm_counts: np.ndarray  # how many finite raw norms lie in each bin of NORM_BIN_EDGES
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
            check_header(path, log.readline(), STEPS_SCHEMA, run_id)
            columns, torn = _read_columns(path, log, grid.planned_steps)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    return _aggregate(grid, *columns, torn)


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


def check_header(path: Path, line: bytes, schema: str, run_id: str) -> None:
    """Raise DataError unless the first line of a log names this schema and this run."""
    try:
        header = decode(line.decode("utf-8"))
        check_schema(header, schema)
        found = header["run"]
        if isinstance(found, dict):  # the run as the plan has it, where steps.jsonl has its ID
            found = found["id"]
        if found != run_id:
            raise ValueError(f"holds the run {str(found)[:80]!r}")
    except MALFORMED as error:
        raise DataError(f"{path}: bad header in line 1: {describe(error)}") from error


def _read_columns(
    path: Path, log: BinaryIO, planned_steps: int
) -> tuple[tuple[np.ndarray, ...], bool]:
    """Return step, loss, raw norm and the cosine of clipped steps; and whether the log is torn."""
    steps, losses, norms, cosines = [], [], [], []
    previous, torn = 0, False
    for number, line in enumerate(log, start=2):
        if torn := not line.endswith(b"\n"):
            break
        try:
            record = decode_line(_decode_step, line)
            if not previous < record.step <= planned_steps:
                raise ValueError(
                    f"step {record.step} after step {previous} of {planned_steps} planned"
                )
        except MALFORMED as error:
            raise DataError(f"{path}:{number}: bad line: {describe(error)}") from error
        previous = record.step
        steps.append(previous)
        losses.append(record.loss)
        norms.append(record.grad_norm_raw)
        cosines.append(record.cosine if record.clipped else None)
    return (np.array(steps, dtype=np.int64), *map(numbers, (losses, norms, cosines))), torn


def decode_line(decode_record: Callable[[bytes], object], line: bytes):
    """Decode a line of a log; raise one of MALFORMED where it is no record in UTF-8."""
    if not line.isascii():
        line.decode("utf-8")  # the decoder does not look into the texts that it skips
    return decode_record(line)


def numbers(column: list[float | str | None]) -> np.ndarray:
    """Return a column as float64, NaN where nothing was measured."""
    return np.array(
        [value if type(value) is float else NON_FINITE.get(value, np.nan) for value in column],
        dtype=np.float64,
    )


def _aggregate(
    grid: WindowGrid,
    steps: np.ndarray,
    losses: np.ndarray,
    norms: np.ndarray,
    cosines: np.ndarray,
    torn: bool,
) -> StepCurve:
    def in_windows(values: np.ndarray) -> np.ndarray:
        """Lay values out as [W, width], NaN where there is no step."""
        table = np.full(grid.count * grid.width, np.nan)
        table[steps - 1] = values
        return table.reshape(grid.count, grid.width)

    finite_norms = np.where(np.isfinite(norms), norms, np.nan)
    norm_table = in_windows(finite_norms)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a window without values is NaN
        return StepCurve(
            mean_loss=np.nanmean(in_windows(np.where(np.isfinite(losses), losses, np.nan)), axis=1),
            norm_median=np.nanmedian(norm_table, axis=1),
            norm_max=np.nanmax(norm_table, axis=1),
            mean_cosine=np.nanmean(in_windows(cosines), axis=1),
            first_nan_step=np.nanmin(in_windows(np.where(np.isnan(norms), steps, np.nan)), axis=1),
            first_inf_step=np.nanmin(in_windows(np.where(np.isinf(norms), steps, np.nan)), axis=1),
            norm_counts=np.histogram(finite_norms, NORM_BIN_EDGES)[0].astype(np.int32),
            torn=torn,
        )
