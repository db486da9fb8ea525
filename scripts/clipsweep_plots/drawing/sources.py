"""The input of every figure: the runs, their summary, and the sheet."""

from dataclasses import dataclass

from clipsweep_results.constants import Constants
from clipsweep_results.result_folder import Arm, Results, Run
from clipsweep_results.summary import Comparison, Summary

from .layout import Sheet


@dataclass(frozen=True)
class Sources:
    """The results of a sweep; `summary` is None if summary.json cannot be used."""

    results: Results
    summary: Summary | None
    sheet: Sheet

    @property
    def constants(self) -> Constants:
        return self.summary.constants if self.summary else Constants()

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
        """The comparisons of ordinary arms, without those of perturbed baselines."""
        comparisons = self.summary.comparisons if self.summary else []
        return [comparison for comparison in comparisons if not comparison.arm.perturbed]

    def judged_accuracy(self, run: Run) -> float | None:
        """Return the accuracy of a run that verdicts are about."""
        return run.late_accuracy(self.chance_accuracy, self.constants.late_evaluations)

    def judged_accuracies(self, arm: Arm) -> list[float]:
        """Return the judged accuracies of the runs that have one."""
        return arm.late_accuracies(self.chance_accuracy, self.constants.late_evaluations)
