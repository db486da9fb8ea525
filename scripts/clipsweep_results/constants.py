"""The numbers behind verdicts and events, which `summary.json` states under "constants"."""

from dataclasses import dataclass

from .values import to_count, to_float


@dataclass(frozen=True)
class Constants:
    """The values of this version; the defaults apply to folders of versions that state none."""

    min_pairs: int = 5  # pairs of seeds that an interval and a verdict need
    usable_margin: float = 0.03  # of test accuracy (0 to 1) below the best arm
    significance_level: float = 0.05  # a smaller adjusted p value is significant
    spike_factor: float = 10  # a spike is a norm above this multiple of ...
    spike_window: int = 100  # ... the median of this many preceding norms

    @property
    def usable_points(self) -> float:
        """The margin in percentage points."""
        return 100 * self.usable_margin


def parse_constants(entry: object) -> Constants:
    """Read "constants" of a summary; None gives the defaults. Later versions may add keys."""
    if entry is None:
        return Constants()
    if not isinstance(entry, dict):
        raise TypeError(f"constants is a {type(entry).__name__}, not an object")
    return Constants(
        min_pairs=to_count(entry["min_pairs"]),
        usable_margin=to_float(entry["usable_margin"]),
        significance_level=to_float(entry["significance_level"]),
        spike_factor=to_float(entry["spike_factor"]),
        spike_window=to_count(entry["spike_window"]),
    )
