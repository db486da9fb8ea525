"""The answer for many setups: a row for each, its best arm with clipping against its best without."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from clipsweep_results.constants import Constants
from clipsweep_results.setups import Axis, Setup, value_text
from clipsweep_results.summary import JUDGED, ArmSummary, Best, Summary

from ..drawing import style
from . import phrases
from .tables import Cell, Column, Table, build_table

MAX_ANSWERS = 6  # setups whose answers are sentences
MAX_SETUP_ROWS = 150


@dataclass(frozen=True)
class AnsweredSetup:
    """A setup, and its comparison of the best arms, None if it lacks one of both."""

    setup: Setup
    best: Best | None
    constants: Constants

    @property
    def verdict(self) -> str:
        """The verdict after the correction for the choice or, where that has none, before it."""
        if self.best is None or self.best.verdict is None:
            return phrases.NO_VERDICT
        alone = self.best.judged.verdict
        differs = self.best.verdict == "no difference seen" and alone in ("better", "worse")
        return alone if differs else self.best.verdict

    @property
    def is_open(self) -> bool:
        """Whether a verdict of better or worse does not remain after the correction."""
        if self.verdict not in ("better", "worse") or self.best.p_adjusted is None:
            return False
        return self.best.p_adjusted >= self.constants.significance_level


def answered_setups(summary: Summary) -> list[AnsweredSetup]:
    """Return every setup if they are many, otherwise none."""
    setups = list(dict.fromkeys(arm.clip.setup for arm in summary.arms))
    if len(setups) <= MAX_ANSWERS:
        return []
    found = {best.arm.clip.setup: best for best in summary.best}
    return [AnsweredSetup(setup, found.get(setup), summary.constants) for setup in setups]


def count_verdicts(answered: list[AnsweredSetup], accuracy: str) -> str:
    """Say in how many setups the best arm with clipping is better; `accuracy` is what is judged."""
    counts = Counter("open" if each.is_open else each.verdict for each in answered)
    if not counts["better"] and not counts["worse"]:
        title = (
            f"In none of {len(answered)} setups does the best arm with clipping differ detectably "
            f"from the best one without in {accuracy}."
        )
    else:
        title = _count_both(counts, len(answered), accuracy)
    rest = [
        (counts["no difference seen"] + counts["identical"], "no difference was seen"),
        (counts["open"], "the difference does not remain after Holm's correction"),
        (counts[phrases.NO_VERDICT], "there is no verdict"),
    ]
    words = ", ".join(f"in {count} {what}" for count, what in rest if count)
    says_it = rest[0][0] == len(answered)  # the title
    return f"{title} {style.sentence_case(words)}." if words and not says_it else title


def _count_both(counts: Counter[str], setups: int, accuracy: str) -> str:
    return (
        f"In {counts['better']} of {setups} setups the best arm with clipping has a higher "
        f"{accuracy} than the best one without, in {counts['worse']} a lower one."
    )


def setup_table(answered: list[AnsweredSetup], axes: tuple[Axis, ...]) -> Table:
    columns = [
        *_cell_columns(answered),
        *(_axis_column(axis) for axis in axes),
        Column("verdict", "Verdict", _verdict_cell, is_number=False),
        Column("difference", "Difference, points", _difference_cell, large_first=True),
        Column("p", "p, Holm", _p_cell),
        Column("clipped", "Best with clipping, %", _of_best(lambda best: best.arm), large_first=True),
        Column("plain", "Best without, %", _of_best(lambda best: best.baseline), large_first=True),
    ]
    caption = "Setups: the best arm with clipping against the best one without"
    return build_table("setups", caption, columns, answered, max_rows=MAX_SETUP_ROWS)


def _cell_columns(answered: list[AnsweredSetup]) -> list[Column]:
    """Name the cell where there are several."""
    if not any(each.setup.model for each in answered):
        return []
    return [Column("cell", "Cell", lambda each: Cell(each.setup.model, each.setup.model), False)]


def _axis_column(axis: Axis) -> Column:
    def cell(each: AnsweredSetup) -> Cell:
        value = each.setup.value_of(axis.setting)
        return Cell(value_text(value), value)

    key = f"setting-{axis.setting}"
    return Column(key, style.sentence_case(axis.words), cell, is_number=axis.is_numeric)


def _verdict_cell(each: AnsweredSetup) -> Cell:
    return Cell(each.verdict, each.verdict, "not after correction" if each.is_open else "")


def _difference_cell(each: AnsweredSetup) -> Cell:
    judged = each.best.judged if each.best else None
    if judged is None or judged.mean_difference is None:
        return Cell("–")
    note = phrases.interval(judged, each.constants)
    return Cell(style.points(judged.mean_difference), judged.mean_difference, note)


def _p_cell(each: AnsweredSetup) -> Cell:
    value = each.best.p_adjusted if each.best else None
    return Cell(phrases.p_value(value), value)


def _of_best(arm_of: Callable[[Best], ArmSummary]) -> Callable[[AnsweredSetup], Cell]:
    def cell(each: AnsweredSetup) -> Cell:
        if each.best is None:
            return Cell("–")
        arm = arm_of(each.best)
        name = arm.clip.without_setup.at(arm.learning_rate)
        return Cell(phrases.mean_and_sd(arm), arm.measures[JUDGED].mean, name)

    return cell
