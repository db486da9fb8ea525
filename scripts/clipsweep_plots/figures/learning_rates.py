"""Judged test accuracy over the learning rate, with the usable range of each clipping."""

from functools import partial

import numpy as np
from clipsweep_results.clips import Clip
from clipsweep_results.result_folder import Arm
from clipsweep_results.setups import Setup
from clipsweep_results.summary import JUDGED
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..drawing.bands import mean_band
from ..drawing.curves import MEAN_LINE, row_keys
from ..drawing.layout import FigureText, NamedFigure, NotDrawn, Sheet, draw_pages, paged
from ..drawing.panel_page import PageText, open_page
from ..drawing.panels import (
    MAX_LINES,
    Panel,
    Row,
    by_setup,
    clip_groups,
    group_members,
    group_title,
    learning_rates,
    wrap_panels,
)
from ..drawing.sources import Sources
from ..drawing.style import GRID_COLOR, MUTED, LineLook, decade, element_id, line_looks, text_width

STEM = "accuracy_by_learning_rate"
BAR_STEP = 0.05  # of the panel's height between the bars of two clips
FIRST_BAR = 0.04
SIDE_STEP = 0.025  # decades between the points of two clips


def draw_accuracy_by_learning_rate(sources: Sources) -> list[NamedFigure]:
    """Draw the mean of each arm, one line per clip; bars at the bottom are usable ranges."""
    arms = [arm for arm in sources.arms if arm not in _perturbed(sources)]
    if len({arm.learning_rate for arm in arms}) < 2:
        raise NotDrawn("the sweep has only one learning rate")
    if sources.summary is None:
        raise NotDrawn("it needs summary.json, which says which arms are usable")
    text = FigureText(STEM, _title(sources), _caption(sources))
    return draw_pages(text, paged(_rows(arms, sources.sheet)), partial(_draw_page, sources))


def _perturbed(sources: Sources) -> list[Arm]:
    summaries = sources.summary.arms if sources.summary else []
    perturbed = {(arm.clip, arm.learning_rate) for arm in summaries if arm.perturbed}
    return [arm for arm in sources.arms if (arm.clip, arm.learning_rate) in perturbed]


def _rows(arms: list[Arm], sheet: Sheet) -> list[Row]:
    """Arrange one panel if it has few lines, otherwise one per mode or part of a mode."""
    setups = by_setup(arms)
    if all(len({arm.clip for arm in members}) <= MAX_LINES for members in setups.values()):
        panels = [Panel(str(setup), tuple(members)) for setup, members in setups.items()]
        return wrap_panels(panels, sheet.max_columns)
    panels = [
        Panel(group_title(arms, clips), group_members(arms, clips)) for clips in clip_groups(arms)
    ]
    return wrap_panels(panels, sheet.max_keyed_columns)


def _draw_page(sources: Sources, rows: list[Row], text: FigureText) -> tuple[Figure, str]:
    looks = line_looks(list(dict.fromkeys(arm.clip for arm in sources.arms)))
    accuracy = sources.constants.judged_name
    words = PageText(text.title, text.caption, "learning rate", f"{accuracy} (%)")
    keys = row_keys(rows, lambda clip: _key_line(looks[clip], clip))
    page = open_page(sources.sheet, rows, words, keys)
    usable = usable_arms(sources)
    lowest, high = _accuracy_limits(sources)
    bars = _bars_height(max(len(panel.clips) for panel, _ in page.pairs()))
    low = lowest - (high - lowest) * bars / (1 - bars)
    rates = learning_rates([arm for panel, _ in page.pairs() for arm in panel.arms])
    for panel, axes in page.pairs():
        axes.set_xscale("log")
        axes.set_ylim(low, high)
        best = _best_accuracy(sources, panel.arms[0].clip.setup)
        if best is not None:
            margin = sources.constants.usable_points
            axes.axhspan(100 * best - margin, 100 * best, color=GRID_COLOR, alpha=0.8, zorder=0.5)
        for place, clip in enumerate(panel.clips):
            members = [arm for arm in panel.arms if arm.clip.without_setup == clip]
            _draw_clip(axes, members, looks[clip], sources, usable, _shift(place, panel), lowest)
            _draw_usable(axes, members, looks[clip], usable, FIRST_BAR + BAR_STEP * place)
        _separate_bars(axes, lowest, sources.sheet.text.small)
        _number_rates(axes, rates, sources.sheet)
    shown = "; ".join(panel.title or "all arms" for panel, _ in page.pairs())
    alt = f"{accuracy.capitalize()} against learning rate, one line per clipping. Panels: {shown}."
    return page.figure, alt


def _shift(place: int, panel: Panel) -> float:
    """Return the factor that moves a clip's points next to those of the others."""
    return 10 ** (SIDE_STEP * (place - (len(panel.clips) - 1) / 2))


def usable_arms(sources: Sources) -> set[tuple[Clip, float]]:
    return {(arm.clip, arm.learning_rate) for arm in sources.summary.arms if arm.usable}


def _best_accuracy(sources: Sources, setup: Setup) -> float | None:
    means = [
        arm.measures[JUDGED].mean
        for arm in sources.summary.arms
        if not arm.perturbed and arm.clip.setup == setup
    ]
    return max((mean for mean in means if mean is not None), default=None)


def _title(sources: Sources) -> str:
    """Say at how many learning rates the best mode and no clipping are usable."""
    if setups := sum(map(bool, by_setup(sources.arms))):
        return f"{sources.constants.judged_name.capitalize()} by learning rate for {setups} setups"
    modes = [mode for mode in sources.summary.modes if mode.usable_learning_rates]
    count = len({arm.learning_rate for arm in sources.arms})
    clipping = [mode for mode in modes if mode.mode != "none"]
    if not modes:
        points = f"{sources.constants.usable_points:g} points"
        if not any(arm.better_than_chance is not False for arm in sources.summary.arms):
            return f"No arm is usable: none is better than chance, {sources.chance.percent}"
        return f"No arm is usable: each has a diverged run or is over {points} below the best"
    if not clipping:
        return f"Only runs without clipping are usable, at learning rate {_range(modes[0])}"
    widest = max(clipping, key=lambda mode: len(mode.usable_learning_rates))
    with_clipping = f"{widest.mode} is usable at {_range(widest)}"
    none = next((mode for mode in modes if mode.mode == "none"), None)
    if none is None:
        return f"Of {count} learning rates, {with_clipping}"
    if len(none.usable_learning_rates) >= len(widest.usable_learning_rates):
        return (
            f"No mode is usable at more of the {count} learning rates than no clipping "
            f"(usable at {_range(none)})"
        )
    return f"Of {count} learning rates, {with_clipping}, no clipping at {_range(none)}"


def _range(mode) -> str:
    rates = [f"{rate:g}" for rate in mode.usable_learning_rates]
    if len(rates) <= 3:
        return " and ".join([", ".join(rates[:-1]), rates[-1]] if len(rates) > 1 else rates)
    return f"{len(rates)}, from {rates[0]} to {rates[-1]}"


def _caption(sources: Sources) -> str:
    best_of = " of the setup" if len(sources.setups) > 1 else ""
    caption = (
        "Mean over the seeds with its 95 % interval. Usable (filled marks, bars at the bottom): "
        "no run diverged, and the mean is better than chance and within "
        f"{sources.constants.usable_points:g} points of the best arm{best_of} (grey)."
    )
    if any(run.diverged for run in sources.results.runs):
        caption += f" Runs that {sources.results.diverged_phrase} count as chance level, {sources.chance.percent}."
    return caption


def _accuracy_limits(sources: Sources) -> tuple[float, float]:
    """Return the limits of the axis that all means and their intervals need."""
    min_seeds = sources.constants.min_pairs
    values = []
    for found in filter(None, _accuracies(sources).values()):
        values.append(100 * np.mean(found))
        values += [100 * end[0] for end in mean_band(np.array([found]), min_seeds)]
    values = [value for value in values if np.isfinite(value)]
    low, high = min(values, default=0.0), max(values, default=100.0)
    room = 0.08 * max(high - low, 2.0)
    return max(low - room, 0.0), min(high + room, 100.0)


def _bars_height(clips: int) -> float:
    """Return the share of a panel's height that the bars of `clips` clips need."""
    return 2 * FIRST_BAR + BAR_STEP * (clips - 1)


def _separate_bars(axes: Axes, lowest: float, points: float) -> None:
    """Separate the bars from the axis of accuracies, which ends above them."""
    low, high = axes.get_ylim()
    if axes.yaxis.get_tick_params()["labelleft"]:
        axes.text(
            -0.015,
            (lowest - low) / (high - low) / 2,
            "usable",
            transform=axes.transAxes,
            ha="right",
            va="center",
            fontsize=points,
            color=MUTED,
        )
    axes.axhline(lowest, color=MUTED, linewidth=0.7)
    ticks = MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(lowest, axes.get_ylim()[1])
    axes.set_yticks([tick for tick in ticks if lowest <= tick <= axes.get_ylim()[1]])


def _number_rates(axes: Axes, rates: list[float], sheet: Sheet) -> None:
    """Label the learning rates of the sweep, or decades if those labels would overlap."""
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(decade)
    decades = np.log10(rates)
    room = 0.07 * max(decades[-1] - decades[0], 1)
    axes.set_xlim(*10.0 ** np.array([decades[0] - room, decades[-1] + room]))
    width = axes.get_position().width * axes.figure.get_size_inches()[0]
    places = width * decades / (decades[-1] - decades[0] + 2 * room)
    labels = [f"{rate:g}" for rate in rates]
    widths = np.array([text_width(label, sheet.text.small) for label in labels])
    if (np.diff(places) > (widths[1:] + widths[:-1]) / 2 + 0.05).all():
        axes.set_xticks(rates, labels)


def _accuracies(sources: Sources) -> dict[Arm, list[float]]:
    return {arm: sources.judged_accuracies(arm) for arm in sources.arms}


def _draw_clip(
    axes: Axes,
    arms: list[Arm],
    look: LineLook,
    sources: Sources,
    usable: set[tuple[Clip, float]],
    shift: float,
    lowest: float,
) -> None:
    min_seeds = sources.constants.min_pairs
    points = [(arm, sources.judged_accuracies(arm)) for arm in arms]
    points = sorted(
        ((arm, values) for arm, values in points if values), key=lambda p: p[0].learning_rate
    )
    if not points:
        return
    rates = [shift * arm.learning_rate for arm, _ in points]
    means = [100 * np.mean(values) for _, values in points]
    clip = arms[0].clip
    axes.plot(
        rates,
        means,
        color=look.color,
        linestyle=look.dashes,
        linewidth=1.5,
        zorder=3,
        gid=f"line_{element_id('clip', clip, 0).removesuffix('_lr-0')}",
    )
    for rate, mean, (arm, values) in zip(rates, means, points, strict=True):
        low, high = (100 * end[0] for end in mean_band(np.array([values]), min_seeds))
        axes.vlines(
            rate, max(low, lowest), max(high, lowest), color=look.color, linewidth=1, zorder=3
        )
        is_usable = (clip, arm.learning_rate) in usable
        axes.plot(
            rate,
            mean,
            marker=look.point_marker,
            color=look.color,
            markerfacecolor=look.color if is_usable else "white",
            markersize=5,
            zorder=4,
            gid=element_id("usable" if is_usable else "unusable", clip, arm.learning_rate),
        )


def _draw_usable(
    axes: Axes,
    arms: list[Arm],
    look: LineLook,
    usable: set[tuple[Clip, float]],
    height: float,
) -> None:
    """Draw a bar over each range of neighbouring learning rates at which a clip is usable."""
    rates = sorted(arm.learning_rate for arm in arms)
    chosen = [rate if (arms[0].clip, rate) in usable else np.nan for rate in rates]
    axes.plot(
        chosen,
        [height] * len(rates),
        transform=axes.get_xaxis_transform(),
        color=look.color,
        linewidth=2.2,
        marker=look.point_marker,
        markersize=4,
        zorder=3,
        gid=f"range_{element_id('clip', arms[0].clip, 0).removesuffix('_lr-0')}",
    )


def _key_line(look: LineLook, clip: Clip) -> Line2D:
    line = {**MEAN_LINE, "markeredgecolor": look.color}
    return Line2D(
        [],
        [],
        color=look.color,
        linestyle=look.dashes,
        marker=look.point_marker,
        label=clip.label,
        **line,
    )
