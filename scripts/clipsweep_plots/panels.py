"""Which arms share a panel, and which panels share a row.

Many arms become small multiples, never a long legend.
"""

from dataclasses import dataclass

from .layout import Sheet, paged
from .result_folder import Arm, Clip
from .style import THRESHOLDS_PER_PANEL

MOST_LINES = 1 + THRESHOLDS_PER_PANEL  # in a panel: the baseline and the thresholds of a mode


@dataclass(frozen=True)
class Panel:
    """The arms drawn in one pair of axes."""

    title: str
    arms: tuple[Arm, ...]

    @property
    def clips(self) -> list[Clip]:
        return list(dict.fromkeys(arm.clip for arm in self.arms))


Row = list[Panel | None]


def curve_rows(arms: list[Arm], sheet: Sheet) -> list[Row]:
    """Arrange curves: a panel a learning rate, and a mode where lines would be too many."""
    columns = sheet.most_columns
    rates = learning_rates(arms)
    crowded = any(sum(arm.learning_rate == rate for arm in arms) > MOST_LINES for rate in rates)
    if not crowded:
        panels = [Panel(f"learning rate {rate:g}", _at(arms, rate)) for rate in rates]
        return wrap_panels(panels, columns)
    groups = [[_group_panel(arms, clips, rate) for rate in rates] for clips in clip_groups(arms)]
    if len(rates) == 1:
        return wrap_panels([panels[0] for panels in groups], sheet.most_keyed_columns)
    if len(rates) <= columns:
        return groups
    return [
        row
        for panels in groups
        for row in wrap_panels([panel for panel in panels if panel], columns)
    ]


def arm_rows(arms: list[Arm], sheet: Sheet) -> list[Row]:
    """Arrange one panel an arm: clips down and learning rates across where they fit."""
    columns = sheet.most_columns
    rates = learning_rates(arms)
    panels = {(arm.clip, arm.learning_rate): Panel(arm.label, (arm,)) for arm in arms}
    if 1 < len(rates) <= columns:
        clips = dict.fromkeys(arm.clip for arm in arms)
        return [[panels.get((clip, rate)) for rate in rates] for clip in clips]
    return wrap_panels(list(panels.values()), columns)


def learning_rates(arms: list[Arm]) -> list[float]:
    return sorted({arm.learning_rate for arm in arms})


def _at(arms: list[Arm], rate: float) -> tuple[Arm, ...]:
    return tuple(arm for arm in arms if arm.learning_rate == rate)


def clip_groups(arms: list[Arm]) -> list[list[Clip]]:
    """Split the clips, the baseline aside, into groups of one mode and few thresholds each."""
    groups = []
    for mode in dict.fromkeys(arm.clip.mode for arm in arms if not arm.clip.is_baseline):
        clips = sorted(
            {arm.clip for arm in arms if arm.clip.mode == mode and not arm.clip.is_baseline},
            key=lambda clip: (clip.threshold or 0, clip.details),
        )
        groups += paged(clips, THRESHOLDS_PER_PANEL)
    return groups


def group_title(arms: list[Arm], clips: list[Clip]) -> str:
    """Name a group by its mode, and by its thresholds where the mode has other groups."""
    if len(clips) == 1:
        return clips[0].label
    mode = clips[0].mode
    if len({arm.clip for arm in arms if arm.clip.mode == mode}) == len(clips):
        return mode
    return f"{clips[0].label} to {clips[-1].label.removeprefix(f'{mode}:')}"


def _group_panel(arms: list[Arm], clips: list[Clip], rate: float) -> Panel | None:
    """Make a panel of one group at one learning rate, the baseline with it for reference."""
    members = tuple(arm for arm in _at(arms, rate) if arm.clip.is_baseline or arm.clip in clips)
    return Panel(f"{group_title(arms, clips)}, lr {rate:g}", members) if members else None


def wrap_panels(panels: list[Panel], columns: int) -> list[Row]:
    """Break a list of panels into rows of equal length, the last one filled up with None."""
    rows = -(-len(panels) // columns)
    columns = -(-len(panels) // rows)
    padded = panels + [None] * (rows * columns - len(panels))
    return [padded[begin : begin + columns] for begin in range(0, len(padded), columns)]
