"""The axis of a setting that varies, its numbers, and how points at one value stand side by side."""

import re
from collections.abc import Iterable

import numpy as np
from clipsweep_results.setups import Axis, Value
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from .style import text_width

# A setting whose values span more than this factor has a log axis.
LOG_FACTOR = 10
RANGE = re.compile(r"\d+-\d+")
SHARE_OF_GAP = 0.5  # of the smallest distance of two values, for the points at one value
MAX_STEP = 0.03  # between two points at one value, as a share of the whole axis
ROOM = 0.06  # at both ends, as a share of the distance of the ends
LABEL_GAP = 0.06  # inches


def positions(axis: Axis) -> dict[Value, float] | None:
    """Return the place of each value: a number itself, of ranges their order; None for names."""
    if all(isinstance(value, (int, float)) for value in axis.values):
        return {value: float(value) for value in axis.values}
    if all(isinstance(value, str) and RANGE.fullmatch(value) for value in axis.values):
        return {value: float(place) for place, value in enumerate(axis.values)}
    return None


def needs_log(values: Iterable[float]) -> bool:
    values = list(values)
    return min(values) > 0 and max(values) > LOG_FACTOR * min(values)


class Scale:
    """The scale of an axis on which `count` points stand side by side at each of a few values."""

    def __init__(self, values: Iterable[float], count: int, *, is_log: bool):
        self.values, self.count, self.is_log = np.unique(np.fromiter(values, float)), count, is_log
        self.places = np.log10(self.values) if is_log else self.values
        self.extent = float(self.places[-1] - self.places[0]) or 1.0
        gap = float(np.diff(self.places).min()) if self.values.size > 1 else 1.0
        self.step = min(SHARE_OF_GAP * gap / max(count, 1), MAX_STEP * self.extent)

    def beside(self, value: float, place: int) -> float:
        """Return where point number `place` stands at a value."""
        shift = self.step * (place - (self.count - 1) / 2)
        return value * 10**shift if self.is_log else value + shift

    def limit(self, axes: Axes) -> None:
        room = ROOM * self.extent + self.step * (self.count - 1) / 2
        low, high = self.places[0] - room, self.places[-1] + room
        if self.is_log:
            axes.set_xscale("log")
            low, high = 10**low, 10**high
        axes.set_xlim(low, high)

    def label(self, axes: Axes, labels: dict[float, str], points: float) -> None:
        """Number the values, leaving out those whose label would touch the one before."""
        width = axes.get_position().width * axes.figure.get_size_inches()[0]
        low, high = axes.get_xlim()
        low, high = (np.log10(low), np.log10(high)) if self.is_log else (low, high)
        shown, end = [], -np.inf
        for value, place in zip(self.values, self.places, strict=True):
            middle = width * (place - low) / (high - low)
            half = text_width(labels[value], points) / 2
            if middle - half > end:
                shown.append(value)
                end = middle + half + LABEL_GAP
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(shown, [labels[value] for value in shown])
