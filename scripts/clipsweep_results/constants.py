"""The numbers behind verdicts and events, which `summary.json` states under "constants"."""

from dataclasses import dataclass

from .values import to_count, to_float


@dataclass(frozen=True)
class Constants:
    """The values of this version; the defaults apply to folders of versions that state none."""

    min_pairs: int = 5  # pairs of seeds that an interval needs
    usable_margin: float = 0.03  # of test accuracy (0 to 1) below the best arm
    significance_level: float = 0.05  # a smaller adjusted p value is significant
    spike_factor: float = 10  # a spike is a norm above this multiple of ...
    spike_window: int = 100  # ... the median of this many preceding norms
    min_pairs_for_verdict: int = 5  # pairs of seeds that a verdict needs
    judged_metric: str = "final_test_accuracy"  # the measure that verdicts are about
    late_evaluations: int = 1  # the judged accuracy is the median of this many last evaluations
    collapse_margin: float = 0.1  # a run further below the better arm's median has collapsed

    @property
    def judged_name(self) -> str:
        """The measure that verdicts are about, in words: `late test accuracy`."""
        return self.judged_metric.replace("_", " ")

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
        min_pairs_for_verdict=to_count(entry.get("min_pairs_for_verdict", entry["min_pairs"])),
        judged_metric=_known_metric(entry.get("judged_metric", Constants.judged_metric)),
        late_evaluations=to_count(entry.get("late_evaluations", Constants.late_evaluations)),
        collapse_margin=to_float(entry.get("collapse_margin", Constants.collapse_margin)),
        usable_margin=to_float(entry["usable_margin"]),
        significance_level=to_float(entry["significance_level"]),
        spike_factor=to_float(entry["spike_factor"]),
        spike_window=to_count(entry["spike_window"]),
    )


def _known_metric(name: object) -> str:
    if name not in ("late_test_accuracy", "final_test_accuracy"):
        raise ValueError(f"judged_metric is {str(name)[:80]!r}, which is not an accuracy")
    return name
