"""The tables of modes and arms: verdicts, differences, and the worst seeds."""

import math
from dataclasses import dataclass
from functools import partial

from clipsweep_results.constants import Constants
from clipsweep_results.summary import (
    JUDGED,
    ArmSummary,
    Comparison,
    ModeSummary,
    PairedDifference,
    Summary,
)

from ..drawing import style
from . import phrases
from .tables import Cell, Column, Table, build_table

MAX_RATES_LISTED = 6
MAX_ARMS_OF_SETUPS = 80
MAX_MODE_ROWS = 40


@dataclass(frozen=True)
class ComparedArm:
    """An arm with its comparison; None for a baseline, or without a baseline in the sweep."""

    arm: ArmSummary
    comparison: Comparison | None
    constants: Constants

    @property
    def verdict(self) -> str:
        return phrases.verdict_phrase(self.arm, self.comparison)

    @property
    def survives_correction(self) -> bool:
        """Whether a verdict is still significant after correcting for multiple arms.

        True where there is no such verdict or no correction.
        """
        p_adjusted = self.comparison.p_adjusted if self.comparison else None
        is_claim = self.verdict in ("better", "worse")
        return not is_claim or p_adjusted is None or p_adjusted < self.constants.significance_level

    def difference(self, measure: str) -> PairedDifference | None:
        return self.comparison.measures[measure] if self.comparison else None


def compared_arms(summary: Summary) -> list[ComparedArm]:
    return [
        ComparedArm(arm, summary.comparison_of.get(arm.name), summary.constants)
        for arm in summary.arms
    ]


def clip_cell(subject: ComparedArm) -> Cell:
    """Name how an arm clips; the learning rate has its own column."""
    label = subject.arm.clip.label
    return Cell(label, label)


def rate_cell(subject: ComparedArm) -> Cell:
    return Cell(phrases.rate(subject.arm.learning_rate), subject.arm.learning_rate)


def verdict_cell(subject: ComparedArm) -> Cell:
    return Cell(subject.verdict, subject.verdict, _verdict_note(subject))


def _verdict_note(subject: ComparedArm) -> str:
    """Qualify a verdict: by the seeds that it lacks, or the correction for multiple arms."""
    if subject.comparison is None or subject.arm.perturbed:
        return ""
    if not subject.survives_correction:
        return "not after correction"
    judged = subject.comparison.measures[JUDGED]
    if not judged.seeds_needed or max(judged.seeds_needed_range or [judged.n + 1]) <= judged.n:
        return ""
    if judged.seeds_needed_range is None:
        return f"1 point needs {judged.seeds_needed:,} seeds"
    low, high = judged.seeds_needed_range
    return f"1 point needs {f'{low:,} to ' if low < high else ''}{high:,} seeds"


def accuracy_cell(subject: ComparedArm) -> Cell:
    return _accuracy_cell(subject.arm)


def _accuracy_cell(arm: ArmSummary) -> Cell:
    return Cell(phrases.mean_and_sd(arm), arm.measures[JUDGED].mean)


def difference_cell(subject: ComparedArm, measure: str, show) -> Cell:
    """Format a paired difference above its interval."""
    difference = subject.difference(measure)
    if difference is None or difference.mean_difference is None:
        return Cell("–")
    value = difference.mean_difference
    return Cell(show(value), value, phrases.interval(difference, subject.constants, show))


def counted_difference_cell(subject: ComparedArm, measure: str, show) -> Cell:
    """Format a paired difference above its interval and the number of better seeds."""
    cell = difference_cell(subject, measure, show)
    if cell.sort is None:
        return cell
    better = phrases.better_count(subject.difference(measure))
    return Cell(cell.text, cell.sort, f"{cell.note}; better in {better}")


def collapses_cell(subject: ComparedArm) -> Cell:
    """Count the seeds that collapsed in the arm and in its baseline."""
    collapses = subject.comparison.collapses if subject.comparison else None
    if collapses is None:
        return Cell("–")
    shares = collapses.shares
    note = f"of {shares.n}; p {phrases.p_value(shares.p_value)}"
    if collapses.other_iqm is not None:
        note += f"; others {style.points(collapses.other_iqm)}"
    return Cell(f"{shares.arm} against {shares.baseline}", shares.difference, note)


def solved_at_end_cell(subject: ComparedArm) -> Cell:
    """Count the seeds that are solved at the end in the arm and in its baseline."""
    shares = subject.comparison.solved_at_end if subject.comparison else None
    if shares is None:
        return Cell("–")
    note = f"of {shares.n}; p {phrases.p_value(shares.p_value)}"
    return Cell(f"{shares.arm} against {shares.baseline}", shares.difference, note)


def ranks_cell(subject: ComparedArm) -> Cell:
    """Format the training loss by ranks: all pairs; a run without a loss ranks last."""
    difference = subject.difference("final_train_loss")
    ranks = difference.ranks if difference else None
    if ranks is None or ranks.n == 0:
        return Cell("–")
    note = f"p {phrases.p_value(ranks.p_value)}"
    return Cell(f"better in {ranks.better} of {ranks.n}", ranks.better / ranks.n, note)


def p_cell(subject: ComparedArm) -> Cell:
    value = subject.comparison.p_adjusted if subject.comparison else None
    return Cell(phrases.p_value(value), value)


def better_cell(subject: ComparedArm) -> Cell:
    difference = subject.difference(JUDGED)
    if difference is None or difference.n == 0:
        return Cell("–")
    return Cell(phrases.better_count(difference), difference.better / difference.n)


def diverged_cell(subject: ComparedArm) -> Cell:
    arm = subject.arm
    if arm.divergence is None:
        return Cell("–")
    note = phrases.share_interval(arm.divergence)
    if arm.stalled:
        note += f"; {arm.stalled} of these stalled"
    if arm.skipped_share:
        note += f"; {style.percent(arm.skipped_share)} % of the steps were skipped"
    return Cell(f"{arm.diverged} of {arm.seeds}", arm.divergence.share, note)


def spikes_cell(subject: ComparedArm) -> Cell:
    return _spikes_cell(subject.arm)


def _spikes_cell(arm: ArmSummary) -> Cell:
    return Cell(f"{arm.spikes:,}", arm.spikes)


def acted_cell(subject: ComparedArm) -> Cell:
    share, reading = subject.arm.clipped_share, subject.arm.reading
    return Cell(style.percent(share), share, reading or "")


def usable_cell(subject: ComparedArm) -> Cell:
    return Cell("yes" if subject.arm.usable else "no", int(subject.arm.usable))


def reached_cell(subject: ComparedArm) -> Cell:
    arm = subject.arm
    if arm.reached_target is None or not arm.seeds:
        return Cell("–")
    return Cell(f"{arm.reached_target} of {arm.seeds}", arm.reached_target / arm.seeds)


MAX_LOSS_IN_FULL = 1000  # larger differences have three significant digits


def show_loss(value: float | None) -> str:
    if value is None or abs(value) < MAX_LOSS_IN_FULL:
        return style.signed(value, 3)
    return f"{value:+.3g}".replace("-", "−")


show_steps = partial(style.signed, places=0)

CLIPPING = Column("clipping", "Clipping", clip_cell, is_number=False)
LEARNING_RATE = Column("rate", "Learning rate", rate_cell)
ARM_COLUMNS = [
    CLIPPING,
    LEARNING_RATE,
    Column("verdict", "Verdict", verdict_cell, is_number=False),
    Column("accuracy", "Accuracy, %", accuracy_cell, large_first=True),
    Column(
        "difference",
        "Difference, points",
        partial(difference_cell, measure=JUDGED, show=style.points),
        large_first=True,
    ),
    Column("p", "p, Holm", p_cell),
    Column("better", "Seeds better", better_cell, large_first=True),
    Column(
        "loss",
        "Training loss, difference",
        partial(difference_cell, measure="final_train_loss", show=show_loss),
    ),
    Column("diverged", "Diverged", diverged_cell, large_first=True),
    Column("spikes", "Spikes", spikes_cell, large_first=True),
    Column("acted", "Acted, % of steps", acted_cell, large_first=True),
    Column("usable", "Usable", usable_cell, is_number=False, large_first=True),
]


def _test_loss_column(in_bits: bool) -> Column[ComparedArm]:
    def show(loss: float | None) -> str:
        return show_loss(loss / math.log(2) if in_bits and loss is not None else loss)

    title = "Test loss, bits per character" if in_bits else "Test loss"
    cell = partial(counted_difference_cell, measure="final_test_loss", show=show)
    return Column("test-loss", title, cell)


def measure_columns(target: str, in_bits: bool = False) -> list[Column[ComparedArm]]:
    """Return the columns of the other measures, which were declared in advance.

    target: the accuracy to be reached.
    in_bits: whether the test loss is that of a text, in bits per character.
    """
    def column(key: str, title: str, measure: str, show, large_first: bool = False) -> Column:
        cell = partial(counted_difference_cell, measure=measure, show=show)
        return Column(key, title, cell, large_first=large_first)

    return [
        CLIPPING,
        LEARNING_RATE,
        column("final", "Final accuracy, points", "final_test_accuracy", style.points, True),
        column("best", "Best accuracy, points", "best_test_accuracy", style.points, True),
        _test_loss_column(in_bits),
        column("area", "Area under the training loss", "train_loss_area", show_loss),
        Column("collapses", "Seeds that collapsed", collapses_cell),
        Column("solved", "Solved at the end", solved_at_end_cell, large_first=True),
        Column("ranks", "Training loss by ranks", ranks_cell, large_first=True),
        column("steps", f"Steps to {target}", "steps_to_accuracy", show_steps),
        Column("reached", f"Reached {target}", reached_cell, large_first=True),
        column("spread", "Distance of seeds from their median, points", "spread", style.points),
    ]


def listed_arms(summary: Summary) -> list[ComparedArm]:
    """Return the arms that the reports list: of several setups with many arms, the best ones.

    Those are the best arm of each setup with clipping and its best one without.
    """
    compared = compared_arms(summary)
    several = len({arm.clip.setup for arm in summary.arms}) > 1
    if not several or len(compared) <= MAX_ARMS_OF_SETUPS:
        return compared
    names = {arm.name for best in summary.best for arm in (best.arm, best.baseline)}
    return [subject for subject in compared if subject.arm.name in names][:MAX_ARMS_OF_SETUPS]


def arm_table(summary: Summary) -> Table:
    accuracy = summary.constants.judged_name
    caption = f"Arms: {accuracy} against the baseline at the same learning rate"
    return build_table("arms", caption, ARM_COLUMNS, listed_arms(summary), arm_facets)


def arm_facets(subject: ComparedArm) -> dict[str, str]:
    setup = subject.arm.clip.setup
    return {
        **({"setup": str(setup)} if setup else {}),
        "mode": subject.arm.clip.mode,
        "rate": phrases.rate(subject.arm.learning_rate),
        "verdict": subject.verdict,
        "significant": "yes" if subject.survives_correction else "no",
    }


def measure_table(summary: Summary) -> Table:
    caption = "Other measures declared in advance: paired difference, 95 % interval, better seeds"
    compared = [subject for subject in listed_arms(summary) if subject.comparison]
    columns = measure_columns(summary.target.percent, in_bits=summary.chance_bits is not None)
    return build_table("measures", caption, columns, compared)


def mode_table(summary: Summary) -> Table:
    """Lay out each mode's best arm, with its worst seed."""

    def best(cell) -> object:
        """Return a reader of a cell that shows the mode's best arm."""
        return lambda mode: cell(mode.best_arm) if mode.best_arm else Cell("–")

    columns = [
        Column("mode", "Mode", lambda mode: Cell(mode.label, mode.label), is_number=False),
        Column("best", "Best arm", best(_arm_name_cell), is_number=False),
        Column("accuracy", "Accuracy, %", best(_accuracy_cell)),
        *_difference_columns(summary),
        Column("worst", "Worst seed, %", best(_worst_seed_cell)),
        Column(
            "spread",
            "Spread between seeds",
            best(lambda arm: _spread_cell(arm, summary)),
            is_number=False,
        ),
        Column("spikes", "Spikes", best(_spikes_cell)),
        Column("diverged", "Diverged, all arms", lambda mode: _mode_diverged_cell(mode, summary)),
        Column(
            "usable",
            "Usable learning rates",
            lambda mode: _usable_rates_cell(mode, summary),
            is_number=False,
        ),
    ]
    caption = "The best arm of each mode"
    return build_table("modes", caption, columns, summary.modes, max_rows=MAX_MODE_ROWS)


def _difference_columns(summary: Summary) -> list[Column]:
    """Compare each mode with the best arm without clipping; without columns if none is compared."""
    if not any(mode.difference for mode in summary.modes):
        return []
    return [
        Column("difference", "Minus the best without clipping, points", _mode_difference_cell),
        Column("p", "p, all arms", _mode_p_cell),
    ]


def _mode_difference_cell(mode: ModeSummary) -> Cell:
    if mode.difference is None or mode.difference.mean is None:
        return Cell("–")
    interval = mode.difference.simultaneous_interval
    note = f"{style.points(interval[0])} to {style.points(interval[1])}" if interval else ""
    return Cell(style.points(mode.difference.mean), mode.difference.mean, note)


def _mode_p_cell(mode: ModeSummary) -> Cell:
    if mode.difference is None or mode.difference.p_adjusted is None:
        return Cell("–")
    verdict = mode.difference.verdict
    return Cell(phrases.p_value(mode.difference.p_adjusted), mode.difference.p_adjusted, verdict or "")


def _arm_name_cell(arm: ArmSummary) -> Cell:
    return Cell(arm.label, arm.label)


def _worst_seed_cell(arm: ArmSummary) -> Cell:
    worst = arm.measures[JUDGED].min
    return Cell(style.percent(worst), worst)


def _spread_cell(arm: ArmSummary, summary: Summary) -> Cell:
    """Say whether the seeds have a smaller spread than without clipping."""
    comparison = summary.comparison_of.get(arm.name)
    verdict = comparison.measures["spread"].verdict if comparison else None
    names = {"better": "smaller than baseline", "worse": "larger than baseline"}
    return Cell("–" if verdict is None else names.get(verdict, verdict), verdict)


def _mode_diverged_cell(mode: ModeSummary, summary: Summary) -> Cell:
    members = [arm for arm in summary.arms if mode.has_arm(arm) and not arm.perturbed]
    diverged, runs = sum(arm.diverged for arm in members), sum(arm.seeds for arm in members)
    return Cell(f"{diverged:,} of {runs:,}" if runs else "–", diverged / runs if runs else None)


def _usable_rates_cell(mode: ModeSummary, summary: Summary) -> Cell:
    tried = {arm.learning_rate for arm in summary.arms if mode.has_arm(arm)}
    usable = mode.usable_learning_rates
    if not usable:
        return Cell("none", 0, f"of {len(tried)} tried")
    listed = ", ".join(map(phrases.rate, usable))
    if len(usable) > MAX_RATES_LISTED:
        listed = f"{phrases.rate(usable[0])} to {phrases.rate(usable[-1])}"
    return Cell(listed, len(usable), f"{len(usable)} of {len(tried)} tried")
