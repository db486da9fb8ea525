"""A paired difference as a mark in a table's cell: its interval on an axis that all rows share."""

import math
from dataclasses import dataclass

from .arm_tables import ComparedArm
from .summary import PairedDifference

WIDTH = 96
MARGIN = 5  # for the arrow of an interval that leaves the axis
# The axis holds this share of the intervals whole; the few wide ones run out of it.
HELD_SHARE = 0.6


@dataclass(frozen=True)
class IntervalGlyph:
    """Where the parts of the mark lie, in pixels from the left of WIDTH."""

    low: float
    high: float
    mean: float | None  # None where it lies outside the axis
    leaves_left: bool
    leaves_right: bool


def axis_reach(compared: list[ComparedArm]) -> float | None:
    """Return the end of the axis, which is symmetric about 0; None where there is no interval."""
    ends = sorted(
        max(map(abs, difference.interval))
        for difference in map(_accuracy, compared)
        if difference and difference.interval
    )
    widest = ends[math.ceil(HELD_SHARE * len(ends)) - 1] if ends else 0
    return widest or None


def _accuracy(subject: ComparedArm) -> PairedDifference | None:
    return subject.difference("final_test_accuracy")


def interval_glyph(
    difference: PairedDifference | None, reach: float | None
) -> IntervalGlyph | None:
    """Place a difference on the axis from -reach to reach."""
    if difference is None or difference.interval is None or reach is None:
        return None
    low, high = difference.interval
    mean = difference.mean_difference
    return IntervalGlyph(
        _place(low, reach),
        _place(high, reach),
        _place(mean, reach) if mean is not None and abs(mean) <= reach else None,
        low < -reach,
        high > reach,
    )


def _place(value: float, reach: float) -> float:
    clamped = min(max(value, -reach), reach)
    return round((clamped / reach + 1) * (WIDTH - 2 * MARGIN) / 2 + MARGIN, 1)
