"""The norm of dL/dh over the time steps of a sequence: vanishing and exploding gradients.

One run per arm, one line per training step. The loss is at the right end of the axis, so the
gradient flows from right to left.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import matplotlib
import numpy as np
from clipsweep_results.profiles import Profile
from clipsweep_results.result_folder import Arm, Results, Run
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator

from ..drawing.curves import tick_count
from ..drawing.gradient_flow import GradientFlow, describe_flow
from ..drawing.layout import FigureText, NamedFigure, NotDrawn, Sheet, draw_pages, paged
from ..drawing.panel_page import Keys, PageText, PanelPage, first_row_keys, open_page
from ..drawing.panels import Panel, Row, arm_names, choose_arms, chosen_note, named_arm_rows, wrap_panels
from ..drawing.sources import Sources
from ..drawing.style import MARKERS, decade, edge_mark, element_id, number

STEM = "gradient_through_time"
MAX_PANELS = 12
# Light for early steps, dark for late ones, so that lines differ without colour too.
STEP_COLORS = matplotlib.colormaps["cividis_r"]
LIGHTEST, DARKEST = 0.18, 1.0
EVENT_COLOR = "#D55E00"
EVENT_DASHES = (0, (4.5, 1.6))
# Norms that a log axis cannot show are marked on its edges: kind, marker, height and name.
EDGE_MARKS = {
    "nan": ("x", 0.97, "NaN"),
    "inf": ("^", 0.97, "Inf"),
    "zero": ("v", 0.03, "exactly 0"),
}
# The axis ends this far from the norms at the last time step; otherwise one line could flatten all.
MAX_DECADES = 12
LONG_BELOW, LONG_NUMBERS = 1e-9, 0.07  # numbers such as 1e−12 need extra room, in inches
EXPLODING_DECADES = 1.0  # a gradient that grows by more is called exploding
MARKS = 5  # on a line, besides the one at the first time step
FEW_TIMES = 12  # lines of up to this many points show each of them
EVENT_NAMES = {"spike": "spike", "nan": "NaN", "inf": "Inf", "norm-overflow": "norm overflow"}
EACH_STEP_TASKS = ("copy",)  # with a loss at each time step, not only at the last


@dataclass(frozen=True)
class Line:
    """A profile and its look."""

    profile: Profile
    color: object
    dashes: object
    marker: str
    label: str


@dataclass(frozen=True, eq=False)
class RunLines:
    """The run that represents an arm, with its lines."""

    arm: Arm
    run: Run
    lines: tuple[Line, ...]
    name: str  # of the arm, without the learning rate if there is only one

    @property
    def middle(self) -> Profile:
        """The profile of the median change among the regular steps, or among all if none is."""
        regular = [line.profile for line in self.lines if not line.profile.event]
        profiles = regular or [line.profile for line in self.lines]
        ordered = sorted(profiles, key=lambda profile: describe_flow(profile).decades)
        return ordered[len(ordered) // 2]

    @property
    def extreme(self) -> tuple[Profile, GradientFlow]:
        """The profile whose gradient explodes most, or changes most if none explodes."""
        profiles = (line.profile for line in self.lines)
        flows = [(profile, describe_flow(profile)) for profile in profiles]
        exploding = [found for found in flows if found[1].decades >= EXPLODING_DECADES]
        return max(exploding or flows, key=lambda found: abs(found[1].decades))


def draw_gradient_through_time(sources: Sources) -> list[NamedFigure]:
    """Draw one panel per arm, of its run with the lowest seed."""
    arms = [arm for arm in sources.distinct_arms if _drawn_run(arm)]
    if not arms:
        raise NotDrawn("no run has a log of the gradient through time (--through-time-every)")
    shown = _looks([(arm, _drawn_run(arm)) for arm in _chosen(sources, arms)])
    axis = _TimeAxis(shown, sources.results)
    limits = _norm_limits(shown)
    text = FigureText(STEM, _title(shown), _caption(shown, len(arms), axis, limits))
    lines_by_arm = {lines.arm: lines for lines in shown}
    draw = partial(_draw_page, sources.sheet, lines_by_arm, axis, limits)
    return draw_pages(text, paged(_rows(shown, sources.sheet)), draw)


def _chosen(sources: Sources, arms: list[Arm]) -> list[Arm]:
    return choose_arms(arms, MAX_PANELS, sources.mean_accuracy)


def _drawn_run(arm: Arm) -> Run | None:
    runs = (run for run in arm.runs if run.through_time and run.through_time.profiles)
    return next(runs, None)


def _looks(runs: list[tuple[Arm, Run]]) -> list[RunLines]:
    """Give equal training steps equal colours in all panels, darker for later steps."""
    regular = sorted(
        {
            profile.step
            for _, run in runs
            for profile in run.through_time.profiles
            if not profile.event
        }
    )
    shades = np.linspace(LIGHTEST, DARKEST, len(regular)) if len(regular) > 1 else [DARKEST]
    colors = dict(zip(regular, map(STEP_COLORS, shades), strict=False))  # none: only events
    names = arm_names([arm for arm, _ in runs])
    return [RunLines(arm, run, tuple(_lines(run, colors)), names[arm]) for arm, run in runs]


def _lines(run: Run, colors: dict[int, object]) -> Iterator[Line]:
    markers = iter(MARKERS * 2)
    for profile in run.through_time.profiles:
        label = f"step {profile.step:,}"
        if profile.event:
            label += f" ({_event_names(run, profile.step)})"
            yield Line(profile, EVENT_COLOR, EVENT_DASHES, "P", label)
        else:
            yield Line(profile, colors[profile.step], "-", next(markers), label)


def _event_names(run: Run, step: int) -> str:
    names = [name for kind, name in EVENT_NAMES.items() if step in run.event_steps[kind]]
    return ", ".join(names) or "event"


class _TimeAxis:
    """The time steps, counted from the first, or from the last if the lengths differ."""

    def __init__(self, shown: list[RunLines], results: Results):
        lengths = {line.profile.length for lines in shown for line in lines.lines}
        self.longest = max(lengths)
        self.differ = len(lengths) > 1
        self.loss_everywhere = results.plan.section("settings").get("task") in EACH_STEP_TASKS

    @property
    def label(self) -> str:
        if self.differ:
            end = "last" if self.loss_everywhere else "loss"
            return f"time steps before the {end}   (← the gradient flows)"
        if self.loss_everywhere:
            return "time step t   (← the gradient flows)"
        return f"time step t   (loss at t = {self.longest:,}, ← the gradient flows)"

    def places(self, profile: Profile) -> np.ndarray:
        return np.arange(1, profile.length + 1) + (self.longest - profile.length)

    def apply(self, axes: Axes) -> None:
        room = 0.02 * max(self.longest - 1, 1)
        axes.set_xlim(1 - room, self.longest + room)
        locator = MaxNLocator(tick_count(axes), steps=[1, 2, 2.5, 5, 10], integer=True)
        if self.differ:
            back = locator.tick_values(0, self.longest - 1)
            back = back[back < self.longest]
            axes.set_xticks(self.longest - back, [f"{tick:g}" for tick in back])
            return
        ticks = locator.tick_values(0, self.longest)
        gap = ticks[1] - ticks[0] if len(ticks) > 1 else 1
        inner = [tick for tick in ticks if 1 < tick <= self.longest - 0.6 * gap]
        axes.set_xticks(sorted({1, *inner, self.longest}))


def _norm_limits(shown: list[RunLines]) -> tuple[float, float]:
    """Choose the limits that all panels share."""
    profiles = [line.profile for lines in shown for line in lines.lines]
    norms = np.concatenate([profile.norms for profile in profiles])
    norms = norms[np.isfinite(norms) & (norms > 0)]
    if not norms.size:
        return 1e-2, 1e2
    ends = np.array([profile.norms[-1] for profile in profiles])
    ends = ends[np.isfinite(ends) & (ends > 0)]
    middle = float(np.median(ends if ends.size else norms))
    low = max(float(norms.min()), middle / 10.0**MAX_DECADES)
    high = min(float(norms.max()), middle * 10.0**MAX_DECADES)
    room = max(0.08 * np.log10(max(high / low, 1.0)), 0.15)
    return low / 10**room, high * 10**room


def _rows(shown: list[RunLines], sheet: Sheet) -> list[Row]:
    panels = [Panel(_panel_title(lines), (lines.arm,)) for lines in shown]
    if not _share_key(shown):
        return wrap_panels(panels, sheet.max_keyed_columns)
    titles = {lines.arm: _panel_title(lines) for lines in shown}
    return named_arm_rows(titles, sheet)


def _share_key(shown: list[RunLines]) -> bool:
    return len({tuple(line.label for line in lines.lines) for lines in shown}) == 1


def _panel_title(lines: RunLines) -> str:
    profile, flow = lines.extreme
    return f"{lines.name}\n{flow.brief}, step {profile.step:,}"


def _keys(rows: list[Row], lines_by_arm: dict[Arm, RunLines]) -> Keys:
    """Make one key if all panels have the same lines, otherwise one for each panel.

    In a single column, a panel with the same lines as the panel above needs none.
    """
    drawn = [lines_by_arm[panel.arms[0]] for row in rows for panel in row if panel]
    if _share_key(drawn):
        return first_row_keys(rows, _handles(drawn, drawn[0]))
    keys = [
        [
            _handles([lines_by_arm[panel.arms[0]]], lines_by_arm[panel.arms[0]]) if panel else []
            for panel in row
        ]
        for row in rows
    ]
    if len(rows[0]) > 1:
        return keys
    labels = [[handle.get_label() for handle in key] for (key,) in keys]
    return [
        [[] if row and labels[row] == labels[row - 1] else key] for row, (key,) in enumerate(keys)
    ]


def _handles(drawn: list[RunLines], lines: RunLines) -> list[Line2D]:
    """Return an entry of the key for each training step and each kind of mark in the panels."""
    handles = [Line2D([], [], label=line.label, **_line_style(line)) for line in lines.lines]
    kinds = {kind for each in drawn for line in each.lines for kind, _ in _off_axis(line.profile)}
    return handles + [
        Line2D([], [], label=name, **edge_mark(marker))
        for kind, (marker, _, name) in EDGE_MARKS.items()
        if kind in kinds
    ]


def _draw_page(
    sheet: Sheet,
    lines_by_arm: dict[Arm, RunLines],
    axis: _TimeAxis,
    limits: tuple[float, float],
    rows: list[Row],
    text: FigureText,
) -> tuple[Figure, str]:
    room = LONG_NUMBERS if sheet.is_narrow and limits[0] < LONG_BELOW else 0
    words = PageText(text.title, text.caption, axis.label, "gradient norm |∂L/∂hₜ|", room)
    page = open_page(sheet, rows, words, _keys(rows, lines_by_arm))
    _limit(page, axis, limits)
    for panel, axes in page.pairs():
        for line in lines_by_arm[panel.arms[0]].lines:
            _draw_line(axes, panel.arms[0], line, axis)
    panels = "; ".join(_describe(lines_by_arm[panel.arms[0]]) for panel, _ in page.pairs())
    alt = (
        "Norm of the gradient against time step on a log axis, one line per training step. "
        f"Change from the last time step to the first, by panel: {panels}."
    )
    return page.figure, alt


def _describe(lines: RunLines) -> str:
    flows = (f"{line.label} {describe_flow(line.profile).sentence}" for line in lines.lines)
    return f"{lines.arm.label}: {', '.join(flows)}"


def _title(shown: list[RunLines]) -> str:
    """State the largest growth and the largest shrinkage of the gradient at an ordinary step.

    Each run is represented by its median over the regular steps, so that no spike of one run is the
    headline.
    """
    found = [(describe_flow(profile), lines, profile) for lines in shown for profile in [lines.middle]]
    growth = max(found, key=lambda each: each[0].decades)
    shrinkage = min(found, key=lambda each: each[0].decades)
    extremes = [growth] if growth[0].grows else []
    extremes += [shrinkage] if shrinkage[0].shrinks else []
    if not extremes:
        return "Back through time the gradient keeps its size, within a factor of 2"
    if len(shown) == 1:
        return f"{_subject(shown[0].arm)} the gradient {_changes_of_one(extremes)}"
    parts = [f"{flow.sentence} ({lines.name})" for flow, lines, _ in extremes]
    return f"Back through time, the gradient of the median training step {' and '.join(parts)}"


def _changes_of_one(extremes: list[tuple[GradientFlow, RunLines, Profile]]) -> str:
    """Describe the changes in the only run; a factor compares two time steps."""
    parts = [
        flow.sentence
        + (" from the last time step to the first" if np.isfinite(flow.decades) else "")
        + f" at training step {profile.step:,}"
        for flow, _, profile in extremes
    ]
    return " and ".join(parts)


def _subject(arm: Arm) -> str:
    return "Without clipping" if arm.clip.is_baseline else f"With {arm.clip.label}"


def _caption(shown: list[RunLines], arms: int, axis: _TimeAxis, limits: tuple[float, float]) -> str:
    where = "at every time step" if axis.loss_everywhere else "at the right end"
    seeds = {lines.run.spec.seed for lines in shown}
    run = f"Seed {seeds.pop()}" if len(seeds) == 1 else "The lowest seed of each arm"
    rates = {lines.arm.learning_rate for lines in shown}
    run += f", learning rate {rates.pop():g}." if len(rates) == 1 else "."
    sentences = [
        "Norm of the gradient of the loss with respect to the hidden state, over the units and the "
        f"samples of one batch. The loss is {where} and the gradient flows to the left: a line that "
        "rises to the left is an exploding gradient, one that falls a vanishing gradient. "
        '"n-fold" compares the first time step with the last. One line per training step (key); '
        f"later steps are darker. {run}",
    ]
    events = any(line.profile.event for lines in shown for line in lines.lines)
    if events:
        sentences.append("Dashed: the event step with the largest norm.")
    chosen = [lines.arm for lines in shown]
    sentences += [chosen_note(chosen, arms), _edge_note(shown), _cut_note(shown, limits)]
    return " ".join(filter(None, sentences))


def _edge_note(shown: list[RunLines]) -> str:
    profiles = [line.profile for lines in shown for line in lines.lines]
    kinds = {kind for profile in profiles for kind, _ in _off_axis(profile)}
    names = [name for kind, (_, _, name) in EDGE_MARKS.items() if kind in kinds]
    if not names:
        return ""
    kind = " or ".join(names)
    return f"Edge marks, with a bar over the affected time steps: norms that are {kind}."


def _cut_note(shown: list[RunLines], limits: tuple[float, float]) -> str:
    norms = np.concatenate([line.profile.norms for lines in shown for line in lines.lines])
    finite = norms[np.isfinite(norms)]
    below, above = ((finite > 0) & (finite < limits[0])).sum(), (finite > limits[1]).sum()
    parts = [
        f"{count:,} norms {side} {limit:.0e}"
        for count, side, limit in ((below, "below", limits[0]), (above, "above", limits[1]))
        if count
    ]
    return f"Cut off: {' and '.join(parts)}." if parts else ""


def _limit(page: PanelPage, axis: _TimeAxis, limits: tuple[float, float]) -> None:
    for _, axes in page.pairs():
        axes.set_yscale("log")
        axes.set_ylim(*limits)
        few_decades = limits[1] < 100 * limits[0]
        axes.yaxis.set_major_locator(
            LogLocator(subs=(1, 2, 5) if few_decades else (1,), numticks=7)
        )
        axes.yaxis.set_major_formatter(_few_digits if few_decades else decade)
        axes.minorticks_off()
        axis.apply(axes)


def _few_digits(value: float, _place: int = 0) -> str:
    return number(value, 1)


def _draw_line(axes: Axes, arm: Arm, line: Line, axis: _TimeAxis) -> None:
    places, norms = axis.places(line.profile), line.profile.norms
    drawn = np.where(np.isfinite(norms) & (norms > 0), norms, np.nan)
    axes.plot(
        places,
        drawn,
        markevery=_marked(line, places),
        zorder=4 if line.profile.event else 3,
        gid=_id("profile", arm, line),
        **_line_style(line),
    )
    for kind, stretch in _off_axis(line.profile):
        _draw_stretch(axes, kind, places[stretch], line, _id(kind, arm, line))


def _marked(line: Line, places: np.ndarray) -> list[int]:
    """Return the points to mark, different for each line so that markers do not overlap."""
    if places.size <= FEW_TIMES:
        return list(range(places.size))
    shift = (1 + MARKERS.find(line.marker)) / (1 + len(MARKERS))
    return [0, *(int((k + 0.4 + 0.6 * shift) * places.size / MARKS) for k in range(MARKS))]


def _off_axis(profile: Profile) -> Iterator[tuple[str, slice]]:
    """Yield each stretch of time steps whose norm a log axis cannot show, with its kind."""
    norms = profile.norms
    for kind, found in (("nan", np.isnan(norms)), ("inf", np.isinf(norms)), ("zero", norms == 0)):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], found.astype(int), [0]])))
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            yield kind, slice(int(begin), int(end))


def _draw_stretch(axes: Axes, kind: str, places: np.ndarray, line: Line, gid: str) -> None:
    """Draw a bar along the edge, with its marker at the right end, where the gradient enters."""
    height = EDGE_MARKS[kind][1]
    axes.plot(
        places,
        np.full(places.shape, height),
        transform=axes.get_xaxis_transform(),
        linewidth=1.2,
        markevery=[places.size - 1],
        zorder=5,
        gid=gid,
        **edge_mark(EDGE_MARKS[kind][0], line.color) | {"linestyle": "-"},
    )


def _line_style(line: Line) -> dict:
    return {
        "color": line.color,
        "linestyle": line.dashes,
        "linewidth": 1.6,
        "marker": line.marker,
        "markersize": 3.8,
        "markeredgecolor": "white",
        "markeredgewidth": 0.3,
    }


def _id(what: str, arm: Arm, line: Line) -> str:
    return f"{element_id(what, arm.clip, arm.learning_rate)}_step-{line.profile.step}"
