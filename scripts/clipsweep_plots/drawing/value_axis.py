"""The axes of accuracies and losses: their limits, and when a loss needs a log scale."""

import numpy as np
from matplotlib.axes import Axes

from .norm_axis import limit_norms

# A loss that spans more than this factor has a log axis.
LOG_FACTOR = 30
MIN_ROOM = 1.0  # percentage points


def limit_percent(axes: Axes, values: np.ndarray) -> None:
    """Limit a y axis of percentages to the values with some room, within 0 to 100."""
    low, high = percent_limits(values)
    axes.set_ylim(low, high)


def percent_limits(values: np.ndarray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    low, high = (known.min(), known.max()) if known.size else (0.0, 100.0)
    room = max(0.12 * (high - low), MIN_ROOM)
    return max(low - room, 0.0), min(high + room, 100.0)


def limit_losses(axes: Axes, values: np.ndarray) -> None:
    """Limit a y axis of losses, on a log scale where they span a large factor."""
    known = values[np.isfinite(values)]
    if not known.size:
        return
    if needs_log(known):
        limit_norms(axes, "y", known.min() / 1.3, known.max() * 1.3)
        return
    room = 0.12 * max(known.max() - known.min(), 1e-3)
    axes.set_ylim(max(known.min() - room, 0.0), known.max() + room)


def needs_log(losses: np.ndarray) -> bool:
    """Return whether losses span more than a factor of 30 and are all above 0."""
    known = losses[np.isfinite(losses)]
    return bool(known.size and known.min() > 0 and known.max() > LOG_FACTOR * known.min())
