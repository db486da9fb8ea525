"""The axis of gradient norms: its range, and the thresholds that have a place on it."""

import numpy as np
from matplotlib.lines import Line2D

from .result_folder import Arm, Results
from .style import THRESHOLD_COLOR

NORM_THRESHOLD = ("threshold (norm)", (0, (5, 1.5)))
# How a mode's threshold is drawn, if it has a place on an axis of norms. Where it is not of the
# plotted norm, its line says what it limits, in other dashes.
DRAWN_THRESHOLDS = {
    "global-norm": NORM_THRESHOLD,
    "scale": NORM_THRESHOLD,
    "random-step": NORM_THRESHOLD,
    "value": ("threshold (each element)", (0, (1.2, 1.2))),
    "tensor-norm": ("threshold (each tensor)", (0, (4, 1.2, 1.2, 1.2))),
}
# Norms further above the median are cut off, or an exploding run would flatten all others.
MOST_DECADES_ABOVE_MEDIAN = 5
MOST_DECADES_BELOW_MEDIAN = 5


def norm_limits(results: Results) -> tuple[float, float]:
    """Choose the limits that all panels share."""
    medians = np.concatenate([run.curve.norm_median for run in results.runs])
    largest = np.concatenate([run.curve.norm_max for run in results.runs])
    medians, largest = medians[medians > 0], largest[largest > 0]  # also drops NaN
    thresholds = [arm.clip.threshold for arm in results.arms if has_drawn_threshold(arm)]
    if medians.size == 0:
        return 1e-2, 1e2
    middle = float(np.median(medians))
    lowest, highest = min([medians.min(), *thresholds]), max([largest.max(), *thresholds])
    low = max(float(lowest), middle / 10.0**MOST_DECADES_BELOW_MEDIAN)
    high = min(float(highest), middle * 10.0**MOST_DECADES_ABOVE_MEDIAN)
    return low / 1.8, max(high, low) * 2.5


def has_drawn_threshold(arm: Arm) -> bool:
    threshold = arm.clip.threshold
    return arm.clip.mode in DRAWN_THRESHOLDS and threshold is not None and 0 < threshold < np.inf


def threshold_line(arm: Arm) -> dict:
    """Return how an arm's threshold is drawn."""
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
    """Say what the thresholds limit that are not of the drawn norm."""
    modes = {arm.clip.mode for arm in arms}
    note = ""
    if "value" in modes:
        note += " The threshold of value limits each element, not the norm that is drawn."
    if "tensor-norm" in modes:
        note += " That of tensor-norm limits the norm of each parameter tensor."
    return note
