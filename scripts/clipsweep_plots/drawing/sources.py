"""The input of every figure: the runs, their summary, and the sheet."""

import statistics
from dataclasses import dataclass, replace
from functools import cached_property

from clipsweep_results.clips import Clip
from clipsweep_results.constants import Constants
from clipsweep_results.levels import Levels
from clipsweep_results.result_folder import Arm, Results, Run
from clipsweep_results.setups import Setup
from clipsweep_results.summary import Comparison, Summary

from .layout import NotDrawn, Sheet

MAX_LISTED = 3
# In a figure with panels for each setup: at most 6 setups, fewer if each of them has many arms.
MAX_SETUPS, MAX_ARMS_OF_SETUPS, MIN_SETUPS = 6, 60, 2


def spread(things: list, count: int) -> list:
    """Choose `count` things or all, spread evenly, the first and the last one included."""
    if len(things) <= count:
        return things
    return [things[round(k * (len(things) - 1) / (count - 1))] for k in range(count)]


@dataclass(frozen=True)
class Sources:
    """The results of a sweep; `summary` is None if summary.json cannot be used.

    `whole` has all setups where these are only some of them.
    """

    results: Results
    summary: Summary | None
    sheet: Sheet
    whole: "Sources | None" = None

    @property
    def constants(self) -> Constants:
        return self.summary.constants if self.summary else Constants()

    @property
    def chance(self) -> Levels:
        """The accuracy with which a diverged run counts."""
        return self.summary.chance if self.summary else Levels()

    @property
    def arms(self) -> list[Arm]:
        return self.results.arms

    @property
    def setups(self) -> list[Setup]:
        return self.results.setups

    @property
    def all_diverged(self) -> bool:
        runs = self.results.runs
        return bool(runs) and all(run.diverged for run in runs)

    def require_evaluations(self) -> None:
        """Raise NotDrawn if no run was evaluated: there is only the chance level to draw."""
        if not any(run.epochs for run in self.results.runs):
            raise NotDrawn("every run diverged before its first evaluation")

    def of_few_setups(self) -> "Sources":
        """Return these sources if they have few setups, otherwise those of a few, with a note."""
        room = MAX_ARMS_OF_SETUPS * len(self.setups) // max(len(self.arms), 1)
        most = min(max(room, MIN_SETUPS), MAX_SETUPS)
        if len(self.setups) <= most:
            return self
        setups = spread(self.setups, most)
        note = f"Shown: {most} of {len(self.setups)} setups, spread evenly."
        return replace(
            self,
            results=self.results.of_setups(setups),
            summary=self.summary and self.summary.of_setups(setups),
            sheet=replace(self.sheet, note=note),
            whole=self,
        )

    @property
    def clipping_arms(self) -> list[Arm]:
        return [arm for arm in self.results.arms if arm.clip.mode != "none"]

    @property
    def comparisons(self) -> list[Comparison]:
        """The comparisons of ordinary arms, without those of perturbed baselines."""
        comparisons = self.summary.comparisons if self.summary else []
        return [comparison for comparison in comparisons if not comparison.arm.perturbed]

    @cached_property
    def identical(self) -> frozenset[tuple[Clip, float]]:
        """The clips and learning rates of arms that are identical to their baseline, seed by seed."""
        return frozenset(
            (comparison.arm.clip, comparison.arm.learning_rate)
            for comparison in self.comparisons
            if comparison.verdict == "identical"
        )

    @property
    def distinct_arms(self) -> list[Arm]:
        """The arms without those that are identical to their baseline."""
        return [arm for arm in self.arms if (arm.clip, arm.learning_rate) not in self.identical]

    @property
    def distinct_clipping_arms(self) -> list[Arm]:
        return [arm for arm in self.distinct_arms if arm.clip.mode != "none"]

    @property
    def distinct_comparisons(self) -> list[Comparison]:
        return [each for each in self.comparisons if each.verdict != "identical"]

    @property
    def identical_note(self) -> str:
        """Say which arms a figure leaves out because they equal their baseline; empty if none."""
        left_out = [arm for arm in self.arms if (arm.clip, arm.learning_rate) in self.identical]
        if not left_out:
            return ""
        names = ", ".join(arm.label for arm in left_out[:MAX_LISTED])
        if len(left_out) > MAX_LISTED:
            names = f"{len(left_out)} arms"
        return f" Left out because they are identical to the runs without clipping: {names}."

    def judged_accuracy(self, run: Run) -> float | None:
        """Return the accuracy of a run that verdicts are about."""
        return run.late_accuracy(self.chance.of(run.spec.clip.setup), self.constants.late_evaluations)

    def judged_accuracies(self, arm: Arm) -> list[float]:
        """Return the judged accuracies of the runs that have one."""
        return arm.late_accuracies(self.chance.of(arm.clip.setup), self.constants.late_evaluations)

    def mean_accuracy(self, arm: Arm) -> float:
        """Return the mean judged accuracy, or -1 without any."""
        values = self.judged_accuracies(arm)
        return statistics.fmean(values) if values else -1.0
