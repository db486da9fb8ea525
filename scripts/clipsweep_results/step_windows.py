"""A step log condensed for figures: windows of steps, and a histogram of the norms.

The step logs of a sweep can have gigabytes; a figure needs a hundred points per run. Steps are
found by their `step`, never by their line, so logs with --log-every read the same.
"""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .columns import STEP_COLUMNS, TENSOR_NORMS, Column, step_decoder
from .log_file import lines_after_header, open_log, read_header
from .step_log import STEPS_SCHEMA, check_order, decode_line, numbers, parse_header
from .strict_json import MALFORMED, DataError, describe
from .values import to_optional_float

MIN_WINDOWS, MAX_WINDOWS = 20, 120
SMOOTHING_STEPS = 10

# The bins of the histograms of norms, over more than the range of float32. A bin is 4.7 % wide.
NORM_BIN_DECADES = (-20, 40)
NORM_BINS_PER_DECADE = 50
NORM_BIN_EDGES = np.logspace(
    *NORM_BIN_DECADES, (NORM_BIN_DECADES[1] - NORM_BIN_DECADES[0]) * NORM_BINS_PER_DECADE + 1
)

# The columns that the figures need.
_NAMES = (
    "step",
    "loss",
    "grad_norm_raw",
    "clipped",
    "cosine",
    "effective_learning_rate",
    "grad_max_abs",
)
# Missing in the lines of steps without an update, in those of runs without the regularizer (--omega),
# in those of steps that were not measured (--smoothness-every), and in logs of earlier versions.
_OPTIONAL_NAMES = ("omega", "update_norm", "weight_norm", "smoothness", "sharpness")
_COLUMNS = (
    *(
        replace(column, absent=None) if column.name == "grad_max_abs" else column
        for column in STEP_COLUMNS
        if column.name in _NAMES
    ),
    *(Column(name, to_optional_float, absent=None) for name in _OPTIONAL_NAMES),
)
_decode_step = step_decoder(_COLUMNS)
_decode_step_and_tensors = step_decoder((*_COLUMNS, replace(TENSOR_NORMS, absent=None)))


@dataclass(frozen=True)
class WindowGrid:
    """The windows that all runs of a sweep share: window k has steps k*width+1 to (k+1)*width."""

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
class MeasuredSteps:
    """The steps at which the local smoothness was measured, arrays [M]; NaN where it had no value."""

    step: np.ndarray
    norm: np.ndarray  # of the raw gradient
    rate: np.ndarray  # the learning rate times the clip scale
    smoothness: np.ndarray
    sharpness: np.ndarray


@dataclass(frozen=True, eq=False)
class StepCurve:
    """One run's steps in windows: arrays [W], NaN where nothing was measured."""

    mean_loss: np.ndarray
    norm_median: np.ndarray
    norm_max: np.ndarray
    largest_element: np.ndarray  # the median of the largest absolute value of the gradient
    mean_cosine: np.ndarray  # over the steps on which clipping acted
    update_ratio: np.ndarray  # the median of the norm of the update by that of the weights
    omega: np.ndarray  # the median of the regularizer Omega
    first_nan_step: np.ndarray  # of the raw norm in this window
    first_inf_step: np.ndarray
    norm_counts: np.ndarray  # the number of finite raw norms in each bin of NORM_BIN_EDGES
    element_counts: np.ndarray  # of largest absolute values
    tensor_counts: np.ndarray  # of the largest norm of any tensor; empty unless asked for
    measured: MeasuredSteps
    is_cut_off: bool  # the log ends within its last line


def choose_windows(planned_steps: int, log_every: int) -> WindowGrid:
    """Choose windows that smooth a batch's noise, never narrower than the log's stride."""
    wanted = min(max(planned_steps // SMOOTHING_STEPS, MIN_WINDOWS), MAX_WINDOWS)
    return WindowGrid(_round_up(max(planned_steps / wanted, log_every)), planned_steps)


def _round_up(width: float) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50, ... that is not below `width`."""
    decade = 1
    while True:
        for factor in (1, 2, 5):
            if factor * decade >= width:
                return factor * decade
        decade *= 10


def read_step_curve(
    path: Path, run_id: str, grid: WindowGrid, *, with_tensors: bool = False
) -> StepCurve:
    """Read one run's steps into windows; raise DataError, with the line, where the log is bad.

    `with_tensors` counts the norms of the tensors too, which takes longer.
    """
    try:
        with open_log(path) as log:
            parse_header(path, read_header(log), STEPS_SCHEMA, run_id)
            columns, measured, is_cut_off = _read_columns(
                path, log, grid.planned_steps, with_tensors
            )
    except FileNotFoundError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    return _aggregate(grid, *columns, measured, is_cut_off)


def _read_columns(
    path: Path, log: BinaryIO, planned_steps: int, with_tensors: bool
) -> tuple[tuple[np.ndarray, ...], MeasuredSteps, bool]:
    """Return the columns that _aggregate takes, and whether the log is cut off."""
    decode_step = _decode_step_and_tensors if with_tensors else _decode_step
    steps, losses, norms, cosines, elements, updates, weights, omegas = ([] for _ in range(8))
    tensors, measured = [], []
    previous, is_cut_off = 0, False
    for number, line in lines_after_header(path, log):
        if is_cut_off := not line.endswith(b"\n"):
            break
        try:
            record = decode_line(decode_step, line)
            check_order(record.step, previous, planned_steps)
        except MALFORMED as error:
            raise DataError(f"{path}:{number}: bad line: {describe(error)}") from error
        previous = record.step
        steps.append(previous)
        losses.append(record.loss)
        norms.append(record.grad_norm_raw)
        cosines.append(record.cosine if record.clipped else None)
        elements.append(record.grad_max_abs)
        updates.append(record.update_norm)
        weights.append(record.weight_norm)
        omegas.append(record.omega)
        if record.smoothness is not None or record.sharpness is not None:
            measured.append(
                (
                    float(previous),
                    record.grad_norm_raw,
                    record.effective_learning_rate,
                    record.smoothness,
                    record.sharpness,
                )
            )
        if with_tensors:
            tensors.append(_largest(record.tensors))
    columns = (losses, norms, cosines, elements, updates, weights, omegas, tensors)
    columns = np.array(steps, dtype=np.int64), *map(numbers, columns)
    transposed = [list(values) for values in zip(*measured, strict=True)] or [[]] * 5
    return columns, MeasuredSteps(*map(numbers, transposed)), is_cut_off


def _largest(norms: dict[str, float | str] | None) -> float | None:
    """Return the largest norm of any tensor; None unless all are finite."""
    values = list(norms.values()) if norms else []
    is_finite = values and all(type(value) is float for value in values)
    return max(values) if is_finite else None


def _aggregate(
    grid: WindowGrid,
    steps: np.ndarray,
    losses: np.ndarray,
    norms: np.ndarray,
    cosines: np.ndarray,
    elements: np.ndarray,
    updates: np.ndarray,
    weights: np.ndarray,
    omegas: np.ndarray,
    tensors: np.ndarray,
    measured: MeasuredSteps,
    is_cut_off: bool,
) -> StepCurve:
    def in_windows(values: np.ndarray) -> np.ndarray:
        """Arrange values as [W, width], NaN where there is no step."""
        table = np.full(grid.count * grid.width, np.nan)
        table[steps - 1] = values
        return table.reshape(grid.count, grid.width)

    finite_norms = np.where(np.isfinite(norms), norms, np.nan)
    finite_elements = np.where(np.isfinite(elements), elements, np.nan)
    with np.errstate(all="ignore"):
        ratios = np.where(np.isfinite(updates) & (weights > 0), updates / weights, np.nan)
    norm_table = in_windows(finite_norms)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a window without values is NaN
        return StepCurve(
            mean_loss=np.nanmean(in_windows(np.where(np.isfinite(losses), losses, np.nan)), axis=1),
            norm_median=np.nanmedian(norm_table, axis=1),
            norm_max=np.nanmax(norm_table, axis=1),
            largest_element=np.nanmedian(in_windows(finite_elements), axis=1),
            update_ratio=np.nanmedian(in_windows(ratios), axis=1),
            omega=np.nanmedian(in_windows(np.where(np.isfinite(omegas), omegas, np.nan)), axis=1),
            mean_cosine=np.nanmean(in_windows(cosines), axis=1),
            first_nan_step=np.nanmin(in_windows(np.where(np.isnan(norms), steps, np.nan)), axis=1),
            first_inf_step=np.nanmin(in_windows(np.where(np.isinf(norms), steps, np.nan)), axis=1),
            norm_counts=_count(finite_norms),
            element_counts=_count(finite_elements),
            tensor_counts=_count(tensors) if tensors.size else tensors,
            measured=measured,
            is_cut_off=is_cut_off,
        )


def _count(values: np.ndarray) -> np.ndarray:
    """Return how many finite values are in each bin of NORM_BIN_EDGES; 0 is in the first.

    The bins have equal widths on a log scale, so a logarithm is faster than a search.
    """
    known = np.maximum(values[np.isfinite(values)], NORM_BIN_EDGES[0])
    places = (np.log10(known) - NORM_BIN_DECADES[0]) * NORM_BINS_PER_DECADE
    bins = np.clip(places.astype(np.int64), 0, NORM_BIN_EDGES.size - 2)
    return np.bincount(bins, minlength=NORM_BIN_EDGES.size - 1).astype(np.int32)
