"""The axis of gradient norms: its range, and the thresholds that can be drawn on it."""

import math

import numpy as np
from clipsweep_results.clips import DETAIL_NAMES
from clipsweep_results.result_folder import Arm, Results
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from .style import THRESHOLD_COLOR, decade, number

NORM_THRESHOLD = ("threshold (norm)", (0, (5, 1.5)))
# The lines of thresholds on an axis of norms, by mode. A threshold that does not limit the plotted
# norm has other dashes, and its key says what it limits.
DRAWN_THRESHOLDS = {
    "global-norm": NORM_THRESHOLD,
    "scale": NORM_THRESHOLD,
    "skip": NORM_THRESHOLD,
    "carry": NORM_THRESHOLD,
    "random-step": NORM_THRESHOLD,
    "value": ("threshold (each element)", (0, (1.2, 1.2))),
    "tensor-norm": ("threshold (each tensor)", (0, (4, 1.2, 1.2, 1.2))),
}
# Norms further from the median are cut off, because an exploding run would flatten all others.
MAX_DECADES_ABOVE_MEDIAN = 5
MAX_DECADES_BELOW_MEDIAN = 5


def norm_limits(results: Results) -> tuple[float, float]:
    """Choose the limits that all panels share."""
    medians = np.concatenate([run.curve.norm_median for run in results.runs])
    elements = [run.curve.largest_element for run in results.runs if run.spec.clip.mode == "value"]
    medians = np.concatenate([medians, *elements])
    largest = np.concatenate([run.curve.norm_max for run in results.runs])
    medians, largest = medians[medians > 0], largest[largest > 0]  # also drops NaN
    thresholds = [arm.clip.threshold for arm in results.arms if has_drawn_threshold(arm)]
    if medians.size == 0:
        return 1e-2, 1e2
    middle = float(np.median(medians))
    lowest, highest = min([medians.min(), *thresholds]), max([largest.max(), *thresholds])
    low = max(float(lowest), middle / 10.0**MAX_DECADES_BELOW_MEDIAN)
    high = min(float(highest), middle * 10.0**MAX_DECADES_ABOVE_MEDIAN)
    return low / 1.8, max(high, low) * 2.5


def has_drawn_threshold(arm: Arm) -> bool:
    """Return whether one line shows the arm's threshold: not where it decays over the epochs."""
    threshold = arm.clip.threshold
    if arm.clip.mode not in DRAWN_THRESHOLDS or DETAIL_NAMES["threshold_decay"] in arm.clip.details:
        return False
    return threshold is not None and 0 < threshold < np.inf


def threshold_line(arm: Arm) -> dict:
    """Return the style of an arm's threshold."""
    return {
        "color": THRESHOLD_COLOR,
        "linewidth": 1.2,
        "linestyle": DRAWN_THRESHOLDS[arm.clip.mode][1],
        "zorder": 4,
    }


def threshold_keys(arms: list[Arm]) -> list[Line2D]:
    """Return a line of the key for each kind of threshold among the arms."""
    lines = {
        DRAWN_THRESHOLDS[arm.clip.mode][0]: threshold_line(arm)
        for arm in arms
        if has_drawn_threshold(arm)
    }
    return [Line2D([], [], label=meaning, **line) for meaning, line in lines.items()]


def threshold_note(arms: list[Arm]) -> str:
    """Explain the thresholds that do not limit the plotted norm."""
    modes = {arm.clip.mode for arm in arms}
    note = ""
    if "value" in modes:
        note += (
            " The threshold of value limits each element: compare it with the dotted grey line, the "
            "median of the largest absolute value, not with the norm."
        )
    if "tensor-norm" in modes:
        note += " That of tensor-norm limits the norm of each parameter tensor."
    return note


def limit_norms(axes: Axes, which: str, low: float, high: float) -> None:
    """Give an axis of norms a log scale with these limits and few round numbers."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    (axes.set_xlim if which == "x" else axes.set_ylim)(low, high)
    axis.set_major_locator(FixedLocator(decades_between(low, high)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(_norm_number)


def decades_between(low: float, high: float, most: int = 6) -> list[float]:
    """Return up to `most` powers of 10 within the limits; in a short range 1, 2 and 5 times them."""
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    if last - first < 1:
        numbers = [factor * 10.0**k for k in range(first - 1, last + 1) for factor in (1, 2, 5)]
        return [value for value in numbers if low <= value <= high]
    stride = -(-(last - first + 1) // most)
    return [10.0**k for k in range(first, last + 1, stride)]


def _norm_number(value: float, place: int = 0) -> str:
    exponent = math.log10(value)
    return decade(value, place) if exponent == round(exponent) else number(value, 1)
