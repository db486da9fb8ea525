"""What every figure is drawn from: the runs, their summary, and the sheet it goes onto."""

from dataclasses import dataclass

from .layout import Sheet
from .result_folder import Arm, Results
from .summary import Comparison, Summary

NEEDED_SEEDS = 5  # for an interval, as in summary.json


@dataclass(frozen=True)
class Sources:
    """The results of a sweep; `summary` is None where summary.json cannot be used."""

    results: Results
    summary: Summary | None
    sheet: Sheet

    @property
    def chance_accuracy(self) -> float | None:
        return self.summary.chance_accuracy if self.summary else None

    @property
    def arms(self) -> list[Arm]:
        return self.results.arms

    @property
    def clipping_arms(self) -> list[Arm]:
        return [arm for arm in self.results.arms if arm.clip.mode != "none"]

    @property
    def comparisons(self) -> list[Comparison]:
        """The comparisons of ordinary arms: a perturbed baseline is no candidate."""
        comparisons = self.summary.comparisons if self.summary else []
        return [comparison for comparison in comparisons if not comparison.arm.perturbed]
