"""Success or judged accuracy against a setting that varies, such as the length of the sequences.

Success is the share of an arm's runs that solved the task in some evaluation. Where no run did, or a
task cannot be solved, the accuracy that verdicts are about is drawn instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from clipsweep_results.result_folder import Arm
from clipsweep_results.setups import Axis, Setup, value_text
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..drawing.bands import mean_band, wilson_interval
from ..drawing.curves import MEAN_LINE
from ..drawing.layout import FigureText, NamedFigure, NotDrawn, NotMeasured, draw_pages, paged
from ..drawing.panel_page import PageText, first_row_keys, open_page
from ..drawing.panels import (
    Panel,
    Row,
    arm_names,
    by_setup,
    choose_arms,
    chosen_note,
    learning_rates,
    wrap_panels,
)
from ..drawing.setting_axis import Scale, needs_log, positions
from ..drawing.sources import Sources, spread
from ..drawing.style import LineLook, element_id, line_looks, sentence_case
from ..drawing.value_axis import limit_percent

STEM = "by_setting"
MAX_LINES = 8
MAX_PANELS, FURTHER_PANELS = 12, 4  # of the first setting, and of each further one
# The dashes of the learning rates, from the smallest, where there are several.
RATE_DASHES = ("-", (0, (5, 1.5)), (0, (1.3, 1.3)), (0, (7, 1.5, 1.3, 1.5)), (0, (9, 2)))


@dataclass(frozen=True)
class Point:
    """The value of an arm in percent, with its interval (NaN with too few seeds)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Measure:
    """What is drawn over the setting, and its words in the title."""

    name: str
    label: str
    interval: str
    point: Callable[[Arm], Point | None]
    best: Callable[[Arm], str]  # "solves the task in 5 of 5 runs"
    other: Callable[[Arm], str]  # "in 1 of 5"
    none_better: str
    is_share: bool


@dataclass(frozen=True)
class Line:
    """The arms of one clipping and learning rate over all setups, as one pooled arm."""

    arm: Arm
    label: str
    look: LineLook
    dashes: object

    def has(self, arm: Arm) -> bool:
        own = self.arm
        return (arm.clip.without_setup, arm.learning_rate) == (own.clip, own.learning_rate)

    @property
    def style(self) -> dict:
        marker = {"marker": self.look.point_marker, **MEAN_LINE, "linewidth": 1.4}
        return {"color": self.look.color, "linestyle": self.dashes, **marker}


def draw_by_setting(sources: Sources) -> list[NamedFigure]:
    """Draw a page per setting with numbers, and a panel per value of the remaining settings."""
    axes = [axis for axis in sources.results.plan.axes if positions(axis)]
    if not axes:
        raise NotMeasured("no setting of training with numbers varies")
    arms = [arm for arm in sources.arms if not arm.clip.perturbed]
    measure = _success(arms) if _any_solved(arms) else _accuracy(sources)
    if not any(measure.point(arm) for arm in arms):
        raise NotDrawn(f"no run has a {measure.name}")
    pooled = _pool(arms)
    chosen = choose_arms(pooled, MAX_LINES, partial(_score, measure, arms))
    pages = [
        (axis, rows)
        for axis in axes
        for rows in _pages(sources, axis, arms, MAX_PANELS if axis is axes[0] else FURTHER_PANELS)
    ]
    notes = [_caption(sources, measure), chosen_note(chosen, len(pooled)), _panels_note(axes, arms)]
    caption = " ".join(filter(None, notes))
    lines = _lines(chosen)
    drawn = [arm for arm in arms if any(line.has(arm) for line in lines)]
    text = FigureText(STEM, _title(measure, axes[0], drawn), caption)
    return draw_pages(text, pages, partial(_draw_page, sources, measure, lines))


def _any_solved(arms: list[Arm]) -> bool:
    return any(run.solved_at_step is not None for arm in arms for run in arm.runs)


def _solved(arm: Arm) -> int:
    return sum(run.solved_at_step is not None for run in arm.runs)


def _success(arms: list[Arm]) -> Measure:
    def point(arm: Arm) -> Point:
        low, high = wilson_interval(_solved(arm), len(arm.runs))
        return Point(100 * _solved(arm) / len(arm.runs), 100 * low, 100 * high)

    return Measure(
        "share of runs that solved the task",
        "runs that solved the task (%)",
        "Share of the runs that solved the task in some evaluation, with Wilson's 95 % interval.",
        point,
        lambda arm: f"solves the task in {_solved(arm)} of {len(arm.runs)} runs",
        lambda arm: f"in {_solved(arm)} of {len(arm.runs)}",
        "does an arm with clipping solve the task in more runs than the best arm without",
        is_share=True,
    )


def _accuracy(sources: Sources) -> Measure:
    name = sources.constants.judged_name

    def point(arm: Arm) -> Point | None:
        values = 100 * np.array([sources.judged_accuracies(arm)])
        if not values.size:
            return None
        low, high = (float(end[0]) for end in mean_band(values, sources.constants.min_pairs))
        return Point(float(values.mean()), low, high)

    return Measure(
        name,
        f"{name} (%)",
        f"Mean {name} over the seeds, with its 95 % interval (Student's t).",
        point,
        lambda arm: f"reaches {point(arm).value:.1f} % {name}",
        lambda arm: f"{point(arm).value:.1f} %",
        f"does an arm with clipping reach a higher mean {name} than the best arm without",
        is_share=False,
    )


def _pool(arms: list[Arm]) -> list[Arm]:
    """Join the arms of all setups that differ in nothing else."""
    members: dict[tuple, list[Arm]] = {}
    for arm in arms:
        members.setdefault((arm.clip.without_setup, arm.learning_rate), []).append(arm)
    return [
        Arm(clip, rate, tuple(run for arm in found for run in arm.runs))
        for (clip, rate), found in members.items()
    ]


def _score(measure: Measure, arms: list[Arm], pooled: Arm) -> float:
    """Return the mean of a line over the setups."""
    points = [measure.point(arm) for arm in arms if Line(pooled, "", None, "").has(arm)]
    values = [point.value for point in points if point]
    return float(np.mean(values)) if values else -1.0


def _lines(chosen: list[Arm]) -> list[Line]:
    looks = line_looks([arm.clip for arm in chosen])
    names, rates = arm_names(chosen), learning_rates(chosen)
    return [
        Line(
            arm,
            names[arm],
            looks[arm.clip],
            looks[arm.clip].dashes
            if len(rates) == 1
            else RATE_DASHES[rates.index(arm.learning_rate) % len(RATE_DASHES)],
        )
        for arm in chosen
    ]


def _remaining(axis: Axis, arms: list[Arm]) -> list[Setup]:
    """Return the setups without the setting of the x axis."""
    return list(dict.fromkeys(arm.clip.setup.without(axis.setting) for arm in arms))


def _pages(sources: Sources, axis: Axis, arms: list[Arm], most: int) -> list[list[Row]]:
    panels = [
        Panel(str(rest), tuple(a for a in arms if a.clip.setup.without(axis.setting) == rest))
        for rest in spread(_remaining(axis, arms), most)
    ]
    return paged(wrap_panels(panels, sources.sheet.max_columns))


def _panels_note(axes: list[Axis], arms: list[Arm]) -> str:
    left_out = [
        axis.words
        for axis in axes
        if len(_remaining(axis, arms)) > (MAX_PANELS if axis is axes[0] else FURTHER_PANELS)
    ]
    if not left_out:
        return ""
    return f"Of the panels by {' and by '.join(left_out)}, some are shown, spread evenly."


def _title(measure: Measure, axis: Axis, arms: list[Arm]) -> str:
    """Name the setup in which the best arm with clipping is furthest above the best without."""
    pairs = [_best_of_both(measure, members) for members in by_setup(arms).values()]
    pairs = [pair for pair in pairs if pair]
    if not pairs:
        return f"{sentence_case(measure.name)} by {axis.words}"
    lead, clipped, plain = max(reversed(pairs), key=lambda pair: pair[0])
    if lead <= 0:
        return f"In none of {len(pairs)} setups {measure.none_better}"
    name = clipped.clip.without_setup.at(clipped.learning_rate)
    return (
        f"{_in_title(clipped.clip.setup)}: {name} {measure.best(clipped)}, the best arm "
        f"without clipping {measure.other(plain)}"
    )


def _in_title(setup: Setup) -> str:
    return str(setup) if setup.model else sentence_case(str(setup))


def _best_of_both(measure: Measure, arms: list[Arm]) -> tuple[float, Arm, Arm] | None:
    """Return a setup's best arms with and without clipping, after the difference of both."""
    points = {arm: measure.point(arm) for arm in arms}
    values = {arm: point.value for arm, point in points.items() if point}
    clipped = [arm for arm in values if arm.clip.mode != "none"]
    plain = [arm for arm in values if arm.clip.is_baseline]
    if not clipped or not plain:
        return None
    best, other = max(clipped, key=values.get), max(plain, key=values.get)
    return values[best] - values[other], best, other


def _caption(sources: Sources, measure: Measure) -> str:
    caption = f"{measure.interval} Arms at one value stand side by side."
    if any(run.diverged for run in sources.results.runs):
        phrase = sources.results.diverged_phrase
        counts = "count by what they solved before" if measure.is_share else "count as chance level"
        caption += f" Runs that {phrase} {counts}."
    return caption


def _draw_page(
    sources: Sources,
    measure: Measure,
    lines: list[Line],
    page: tuple[Axis, list[Row]],
    text: FigureText,
) -> tuple[Figure, str]:
    axis, rows = page
    places = positions(axis)
    words = PageText(text.title, text.caption, axis.words, measure.label)
    handles = [Line2D([], [], label=line.label, **line.style) for line in lines]
    drawn = open_page(sources.sheet, rows, words, first_row_keys(rows, handles))
    scale = Scale(places.values(), len(lines), is_log=needs_log(places.values()))
    labels = {place: value_text(value) for value, place in places.items()}
    for panel, axes in drawn.pairs():
        scale.limit(axes)
        scale.label(axes, labels, sources.sheet.text.small)
        for number, line in enumerate(lines):
            members = [arm for arm in panel.arms if line.has(arm)]
            values = {arm: arm.clip.setup.value_of(axis.setting) for arm in members}
            at = {
                arm: scale.beside(places[value], number)
                for arm, value in values.items()
                if value in places
            }
            _draw_line(axes, line, at, measure)
    _limit(drawn, measure, lines)
    shown = "; ".join(
        f"{arm.label}: {point.value:.4g} %"
        for panel, _ in drawn.pairs()
        for arm in panel.arms
        if any(line.has(arm) for line in lines) and (point := measure.point(arm))
    )
    return drawn.figure, f"{sentence_case(measure.name)} against {axis.words}. {shown}."


def _draw_line(axes: Axes, line: Line, at: dict[Arm, float], measure: Measure) -> None:
    points = [(place, arm, measure.point(arm)) for arm, place in at.items()]
    points = sorted((point for point in points if point[2]), key=lambda point: point[0])
    if not points:
        return
    x = [place for place, _, _ in points]
    lows, highs = zip(*((point.low, point.high) for _, _, point in points), strict=True)
    first = points[0][1]
    name = element_id("", first.clip, first.learning_rate)
    color = line.look.color
    axes.vlines(x, lows, highs, color=color, linewidth=0.9, zorder=2, gid=f"interval{name}")
    axes.plot(x, [point.value for _, _, point in points], zorder=3, gid=f"line{name}", **line.style)


def _limit(drawn, measure: Measure, lines: list[Line]) -> None:
    points = [
        measure.point(arm)
        for panel, _ in drawn.pairs()
        for arm in panel.arms
        if any(line.has(arm) for line in lines)
    ]
    ends = np.array([end for p in points if p for end in (p.value, p.low, p.high)])
    for _, axes in drawn.pairs():
        if measure.is_share:
            axes.set_ylim(-4, 104)
            axes.set_yticks([0, 25, 50, 75, 100])
        else:
            limit_percent(axes, ends)
