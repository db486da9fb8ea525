"""A small mark in a table's cell: a paired difference with its interval, on a shared axis."""

import math
from dataclasses import dataclass

from clipsweep_results.summary import JUDGED, PairedDifference

from .arm_tables import ComparedArm

WIDTH = 96
MARGIN = 5  # for the arrow of an interval that leaves the axis
# The axis contains this share of the intervals completely; the wide ones extend beyond it.
CONTAINED_SHARE = 0.6


@dataclass(frozen=True)
class IntervalGlyph:
    """The places of the parts of the mark, in pixels from the left of WIDTH."""

    low: float
    high: float
    mean: float | None  # None outside the axis
    leaves_left: bool
    leaves_right: bool


def axis_reach(compared: list[ComparedArm]) -> float | None:
    """Return the end of the axis, which is symmetric about 0; None without any interval."""
    ends = sorted(
        max(map(abs, difference.interval))
        for difference in map(_accuracy, compared)
        if difference and difference.interval
    )
    widest = ends[math.ceil(CONTAINED_SHARE * len(ends)) - 1] if ends else 0
    return widest or None


def _accuracy(subject: ComparedArm) -> PairedDifference | None:
    return subject.difference(JUDGED)


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
