"""The arrangement of arms in panels, and of panels in rows.

Many arms become small multiples, never a long legend.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from clipsweep_results.clips import Clip
from clipsweep_results.result_folder import Arm
from clipsweep_results.setups import Setup

from .layout import Sheet, paged
from .style import THRESHOLDS_PER_PANEL

MAX_LINES = 1 + THRESHOLDS_PER_PANEL  # in a panel: the baseline and the thresholds of a mode


@dataclass(frozen=True)
class Panel:
    """The arms drawn in one pair of axes."""

    title: str
    arms: tuple[Arm, ...]

    @property
    def clips(self) -> list[Clip]:
        """The clips of the arms, without their setup, which is in the title."""
        return list(dict.fromkeys(arm.clip.without_setup for arm in self.arms))


Row = list[Panel | None]


def curve_rows(arms: list[Arm], sheet: Sheet) -> list[Row]:
    """Arrange curves: one panel per learning rate, split by mode if it had too many lines.

    Arms of different setups share no panel.
    """
    rates = learning_rates(arms)
    crowded = any(
        sum(arm.learning_rate == rate for arm in members) > MAX_LINES
        for members in by_setup(arms).values()
        for rate in rates
    )
    if not crowded:
        return _setup_rows(arms, rates, sheet)
    groups = [[_group_panel(arms, clips, rate) for rate in rates] for clips in clip_groups(arms)]
    if len(rates) == 1:
        return wrap_panels([panels[0] for panels in groups], sheet.max_keyed_columns)
    if len(rates) <= sheet.max_grid_columns:
        return groups
    return [
        row
        for panels in groups
        for row in wrap_panels([panel for panel in panels if panel], sheet.max_columns)
    ]


def _setup_rows(arms: list[Arm], rates: list[float], sheet: Sheet) -> list[Row]:
    """Make a panel for each setup and learning rate: a row per setup if the rates fit in it."""
    panels = {
        (setup, rate): _rate_panel(setup, rate, _at(members, rate))
        for setup, members in by_setup(arms).items()
        for rate in rates
    }
    return grid_rows({key: panel for key, panel in panels.items() if panel}, rates, sheet)


def _rate_panel(setup: Setup, rate: float, arms: tuple[Arm, ...]) -> Panel | None:
    return Panel(place_title(setup, rate), arms) if arms else None


def place_title(setup: Setup, rate: float) -> str:
    """Name what a baseline and its arms share, the setup only if there are several."""
    return f"{setup} at lr {rate:g}" if setup else f"learning rate {rate:g}"


def by_setup(arms: list[Arm]) -> dict[Setup, list[Arm]]:
    """Return the arms of each setup."""
    members: dict[Setup, list[Arm]] = {}
    for arm in arms:
        members.setdefault(arm.clip.setup, []).append(arm)
    return members


def arm_rows(arms: list[Arm], sheet: Sheet) -> list[Row]:
    """Arrange one panel per arm: a row per clip, with a column per learning rate if they fit."""
    families = {(*_family(arm), arm.learning_rate): Panel(arm.label, (arm,)) for arm in arms}
    if len(families) == len(arms):  # one threshold of each mode: a row per mode
        panels = {(tuple(key), rate): panel for (*key, rate), panel in families.items()}
    else:
        panels = {(arm.clip, arm.learning_rate): Panel(arm.label, (arm,)) for arm in arms}
    return grid_rows(panels, learning_rates(arms), sheet)


def grid_rows(panels: dict, rates: list[float], sheet: Sheet) -> list[Row]:
    """Arrange panels by (anything, learning rate): a column per learning rate where they fit.

    A single learning rate, or more than fit side by side, fills the rows one after another.
    """
    if 1 < len(rates) <= sheet.max_grid_columns:
        keys = dict.fromkeys(key for key, _ in panels)
        return [[panels.get((key, rate)) for rate in rates] for key in keys]
    return wrap_panels(list(panels.values()), sheet.max_columns)


def arm_names(arms: list[Arm]) -> dict[Arm, str]:
    """Name arms by their clipping, with the learning rate if there are several."""
    several = len(learning_rates(arms)) > 1
    return {arm: arm.label if several else arm.clip.label for arm in arms}


def named_arm_rows(names: dict[Arm, str], sheet: Sheet) -> list[Row]:
    """Arrange one panel per arm under these titles."""
    return [
        [panel and Panel(names[panel.arms[0]], panel.arms) for panel in row]
        for row in arm_rows(list(names), sheet)
    ]


def choose_arms(arms: list[Arm], max_arms: int, score: Callable[[Arm], float]) -> list[Arm]:
    """Choose up to `max_arms` arms that matter: all if they are few.

    Otherwise the best threshold of each mode at each learning rate; if those are too many, the best
    arm of each mode, with the arms without clipping at the same learning rates. At a single
    learning rate there is room for further thresholds, spread evenly.
    """
    if len(arms) <= max_arms:
        return arms
    chosen = _best_of_each(arms, lambda arm: (*_family(arm), arm.learning_rate), score)
    if len(chosen) > max_arms:
        best = _best_of_each(chosen, _family, score)
        rates = {(arm.clip.setup, arm.learning_rate) for arm in best}
        twins = [a for a in chosen if (a.clip.setup, a.learning_rate) in rates and a.clip.is_baseline]
        chosen = [*best, *(arm for arm in twins if arm not in best)][:max_arms]
    elif len(learning_rates(arms)) == 1 and len(chosen) < max_arms:
        others = [arm for arm in arms if arm not in chosen]
        chosen += others[:: -(-len(others) // (max_arms - len(chosen)))]
    return [arm for arm in arms if arm in chosen]


def _best_of_each(
    arms: list[Arm], group: Callable[[Arm], Hashable], score: Callable[[Arm], float]
) -> list[Arm]:
    """Return the arm of the highest score of each group."""
    best: dict[Hashable, Arm] = {}
    for arm in arms:
        other = best.get(group(arm))
        if other is None or score(arm) > score(other):
            best[group(arm)] = arm
    return list(best.values())


def _family(arm: Arm) -> tuple:
    """Return what arms of a row of a grid share: setup and mode, and whether it is a baseline."""
    return arm.clip.setup, arm.clip.mode, arm.clip.is_baseline


def chosen_note(chosen: list[Arm], count: int) -> str:
    """Say which of `count` arms choose_arms chose; empty if all."""
    if len(chosen) == count:
        return ""
    clipping = [arm for arm in chosen if not arm.clip.is_baseline]
    rates = {family: set() for family in map(_family, clipping or chosen)}
    for arm in clipping or chosen:
        rates[_family(arm)].add(arm.learning_rate)
    what = "the best threshold of each mode"
    if max(map(len, rates.values())) > 1:
        what += " at each learning rate"
    elif len(learning_rates(chosen)) > 1:
        what = "the best arm of each mode, and no clipping at the same learning rates"
    elif len(chosen) > 2 * len(set(map(_family, chosen))):
        what += ", and others spread evenly"
    return f"Shown: {what}, {len(chosen)} of {count} arms."


def learning_rates(arms: list[Arm]) -> list[float]:
    return sorted({arm.learning_rate for arm in arms})


def _at(arms: list[Arm], rate: float) -> tuple[Arm, ...]:
    return tuple(arm for arm in arms if arm.learning_rate == rate)


def clip_groups(arms: list[Arm]) -> list[list[Clip]]:
    """Split the clips into groups of one setup and mode with few thresholds, without baselines.

    A setup that has only its baseline is a group of that.
    """
    groups = []
    for members in by_setup(arms).values():
        clips = {arm.clip for arm in members}
        varied = [clip for clip in clips if not clip.is_baseline]
        for mode in dict.fromkeys(arm.clip.mode for arm in members):
            chosen = sorted(
                (clip for clip in varied if clip.mode == mode),
                key=lambda clip: (clip.threshold or 0, clip.details),
            )
            groups += paged(chosen, THRESHOLDS_PER_PANEL) if chosen else []
        if not varied and members[0].clip.setup:
            groups.append(list(clips))
    return groups


def group_title(arms: list[Arm], clips: list[Clip]) -> str:
    """Name a group by its mode, with its thresholds if the mode has other groups."""
    if len(clips) == 1:
        return clips[0].label
    mode, setup = clips[0].mode, clips[0].setup
    if len({arm.clip for arm in by_setup(arms)[setup] if arm.clip.mode == mode}) == len(clips):
        return setup.name_of(mode)
    first, last = (clip.without_setup.label for clip in (clips[0], clips[-1]))
    return setup.name_of(f"{first} to {last.removeprefix(f'{mode}:')}")


def _group_panel(arms: list[Arm], clips: list[Clip], rate: float) -> Panel | None:
    """Make a panel of one group at one learning rate, with the baseline for reference."""
    members = group_members(list(_at(arms, rate)), clips)
    return Panel(f"{group_title(arms, clips)} at lr {rate:g}", members) if members else None


def group_members(arms: list[Arm], clips: list[Clip]) -> tuple[Arm, ...]:
    """Return the arms of a group, with the baseline of its setup."""
    return tuple(
        arm
        for arm in arms
        if arm.clip in clips or (arm.clip.is_baseline and arm.clip.setup == clips[0].setup)
    )


def wrap_panels(panels: list[Panel], columns: int) -> list[Row]:
    """Break a list of panels into rows of equal length; None fills the last row."""
    rows = -(-len(panels) // columns)
    columns = -(-len(panels) // rows)
    padded = panels + [None] * (rows * columns - len(panels))
    return [padded[begin : begin + columns] for begin in range(0, len(padded), columns)]
