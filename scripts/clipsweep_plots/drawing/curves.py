"""Curves of arms over steps or epochs: the mean over seeds with its band, in small multiples."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from clipsweep_results.clips import Clip
from clipsweep_results.result_folder import Arm, Results, Run
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from .bands import mean_band, over_seeds
from .layout import FigureText, NamedFigure, draw_pages, paged
from .panel_page import Keys, PageText, PanelPage, first_row_keys, open_page
from .panels import MAX_LINES, Panel, Row, curve_rows
from .sources import Sources
from .style import MUTED, LineLook, element_id, line_looks

# Lines of up to this many points show each of them.
FEW_POINTS = 12
SIDE_STEP = 0.13


@dataclass(frozen=True)
class Curves:
    """The curves of an arm: those of its runs at common points. NaN: not measured."""

    x: np.ndarray  # [points]
    values: np.ndarray  # [points, seeds], in the order of the arm's runs

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class CurveKind:
    """One kind of curve: its words and the source of its numbers."""

    stem: str
    title: str
    caption: str
    alt: str
    x_label: str
    y_label: str
    curves: Callable[[Arm], Curves]
    highest: float = np.inf  # the end of the y axis
    marks_divergence: bool = False
    bands: bool = True  # or lines of single seeds; otherwise only the mean
    drawstyle: str = "default"


def curves_of(arm: Arm, x: np.ndarray, values: Callable[[Run], np.ndarray]) -> Curves:
    return Curves(x, np.stack([values(run) for run in arm.runs], axis=1))


def accuracies(
    run: Run, epochs: int, chance_accuracy: float | None, kind: str = "test_accuracy"
) -> np.ndarray:
    """Return an accuracy in percent after each epoch, [epochs]; `kind` is a member of Epoch.

    From its divergence on, a diverged run has chance level, or NaN if that is unknown.
    """
    fill = 100 * chance_accuracy if run.diverged and chance_accuracy is not None else np.nan
    values = np.full(epochs, fill)
    for epoch in run.epochs:
        measured = getattr(epoch, kind)
        if measured is not None and 1 <= epoch.number <= epochs:
            values[epoch.number - 1] = 100 * measured
    return values


def lines_note(sources: Sources, arms: list[Arm]) -> str:
    """Explain the lines and bands."""
    min_seeds = sources.constants.min_pairs
    with_band = [arm for arm in arms if len(arm.runs) >= min_seeds]
    note = "Bold: mean over the seeds." if any(len(arm.runs) > 1 for arm in arms) else ""
    if with_band:
        note += (
            " Band: its 95 % interval at each point (Student's t). Runs are paired, so arms can differ"
            " even where their bands overlap."
        )
    if len(with_band) < len(arms):
        note += f" Thin: single seeds, in arms with fewer than {min_seeds}."
    return note.strip()


def draw_curves(
    sources: Sources,
    arms: list[Arm],
    kind: CurveKind,
    limit: Callable[[Results, PanelPage], None],
) -> list[NamedFigure]:
    """Draw the arms' curves on the pages that they need; `limit` sets the axes' limits."""
    looks = line_looks(list(dict.fromkeys(arm.clip for arm in sources.arms)))
    points = len(kind.curves(arms[0]))

    def draw_page(rows: list[Row], text: FigureText) -> tuple[Figure, str]:
        page = open_page(
            sources.sheet,
            rows,
            PageText(text.title, text.caption, kind.x_label, kind.y_label),
            row_keys(rows, lambda clip: _key_line(looks[clip], clip, points)),
        )
        for panel, axes in page.pairs():
            _draw_panel(axes, panel, kind, looks, sources.constants.min_pairs)
        limit(sources.results, page)
        shown = "; ".join(arm.label for panel, _ in page.pairs() for arm in panel.arms)
        return page.figure, f"{kind.alt}. Arms: {shown}."

    text = FigureText(kind.stem, kind.title, kind.caption)
    return draw_pages(text, paged(curve_rows(arms, sources.sheet)), draw_page)


def _draw_panel(
    axes: Axes, panel: Panel, kind: CurveKind, looks: dict[Clip, LineLook], min_seeds: int
) -> None:
    _note_if_empty(axes, [kind.curves(arm) for arm in panel.arms], kind.highest)
    for place, arm in enumerate(panel.arms):
        curves = kind.curves(arm)
        if len(curves) == 1:  # single points side by side, not on top of each other
            shift = 1 + SIDE_STEP * (place - (len(panel.arms) - 1) / 2)
            curves = Curves(curves.x * shift, curves.values)
        look = looks[arm.clip.without_setup]
        has_band = len(arm.runs) >= min_seeds and not (kind.marks_divergence and arm.diverged_count)
        if kind.bands and has_band:
            _draw_band(axes, arm, curves, look, min_seeds)
        elif kind.bands and len(arm.runs) > 1:
            _draw_seeds(axes, curves, look)
        _draw_mean(axes, arm, curves, look, kind.drawstyle)
        if kind.marks_divergence:
            _mark_divergences(axes, arm, curves, look, kind.highest)


def _note_if_empty(axes: Axes, drawn: list[Curves], highest: float) -> None:
    """Write a note if a panel has no value within its axes."""
    values = np.concatenate([curves.values.ravel() for curves in drawn])
    if (values <= highest).any():
        return
    words = f"all above {highest:.2g}" if np.isfinite(values).any() else "nothing\nmeasured"
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=MUTED)


def _draw_band(axes: Axes, arm: Arm, curves: Curves, look: LineLook, min_seeds: int) -> None:
    """Fill the interval of the mean, with edges in the arm's dashes for black and white."""
    low, high = mean_band(curves.values, min_seeds)
    gid = element_id("band", arm.clip, arm.learning_rate)
    if len(curves) == 1:
        axes.vlines(curves.x, low, high, color=look.color, linewidth=1.4, zorder=2, gid=gid)
        return
    place = {"color": look.color, "alpha": 0.17, "linewidth": 0, "zorder": 1.5, "gid": gid}
    bounds = np.ma.masked_invalid(low), np.ma.masked_invalid(high)
    band = FillBetweenPolyCollection("x", curves.x, *bounds, **place)
    axes.add_collection(band, autolim=False)  # its edges are in the limits, which take long to find
    for edge in (low, high):
        axes.plot(
            curves.x,
            edge,
            color=look.color,
            linestyle=look.dashes,
            linewidth=0.5,
            alpha=0.55,
            zorder=2,
        )


def _draw_seeds(axes: Axes, curves: Curves, look: LineLook) -> None:
    axes.plot(
        curves.x,
        curves.values,
        color=look.color,
        linewidth=0.6,
        alpha=0.4,
        marker="o" if len(curves) <= FEW_POINTS else "",
        markersize=4.5 if len(curves) == 1 else 1.6,
        markeredgewidth=0,
        zorder=2,
    )


def _draw_mean(
    axes: Axes, arm: Arm, curves: Curves, look: LineLook, drawstyle: str = "default"
) -> None:
    means = over_seeds(np.nanmean, curves.values)
    few_points = len(curves) <= FEW_POINTS or np.count_nonzero(~np.isnan(means)) == 1
    axes.plot(
        curves.x,
        means,
        color=look.color,
        linestyle=look.dashes,
        marker=look.point_marker if few_points else look.marker,
        markevery=1 if few_points else max(1, len(curves) // 8),
        drawstyle=drawstyle,
        zorder=3,
        gid=element_id("mean", arm.clip, arm.learning_rate),
        **MEAN_LINE,
    )


MEAN_LINE = {
    "linewidth": 1.7,
    "markersize": 5,
    "markeredgecolor": "white",
    "markeredgewidth": 0.5,
}


def _mark_divergences(
    axes: Axes, arm: Arm, curves: Curves, look: LineLook, highest: float
) -> None:
    """Mark where each run diverged, at its last measured value, but within the axis."""
    measured = [values[~np.isnan(values)] for values in curves.values.T]
    last = [
        (run.divergence_step, min(values[-1], highest))
        for run, values in zip(arm.runs, measured, strict=True)
        if run.diverged and values.size
    ]
    if last:
        axes.plot(
            *zip(*last, strict=True),
            linestyle="",
            marker="x",
            color=look.color,
            markersize=5,
            markeredgewidth=1.3,
            clip_on=False,
            zorder=4,
            gid=element_id("diverged", arm.clip, arm.learning_rate),
        )


def limit_to_plan(results: Results, page: PanelPage) -> None:
    """Let the x axis span all planned steps; a number at its end would overlap the next panel."""
    planned = results.plan.planned_steps
    last = planned if page.columns == 1 else 0.9 * planned
    for _, axes in page.pairs():
        axes.set_xlim(0, planned * 1.02)
        locator = MaxNLocator(tick_count(axes), steps=[1, 2, 2.5, 5, 10], integer=True)
        ticks = locator.tick_values(0, planned)
        axes.set_xticks([tick for tick in ticks if tick <= last])


def open_epoch_page(
    sources: Sources, rows: list[Row], words: PageText, key: list, margin: float
) -> PanelPage:
    """Lay out panels over the epochs, with some room at both ends and one key for all of them."""
    page = open_page(sources.sheet, rows, words, first_row_keys(rows, key))
    for _, axes in page.pairs():
        axes.set_xlim(1 - margin, sources.results.plan.epochs + margin)
        axes.set_xticks(epoch_ticks(sources.results.plan.epochs, tick_count(axes)))
    return page


def epoch_ticks(epochs: int, intervals: int) -> list[int]:
    """Return whole epochs with equal distances: the last one of each stride."""
    stride = next(s for s in _strides() if epochs / s <= intervals)
    return list(range(stride, epochs + 1, stride))


def _strides() -> Iterator[int]:
    return (factor * 10**k for k in itertools.count() for factor in (1, 2, 5))


def tick_count(axes: Axes) -> int:
    """Return the number of intervals of a horizontal axis between numbers of up to 5 digits."""
    width = axes.get_position().width * axes.figure.get_size_inches()[0]
    return max(2, min(8, int(width / 0.42)))


def limit_to_point(x: float, page: PanelPage) -> None:
    """Let the x axis show a single point."""
    for _, axes in page.pairs():
        axes.set_xlim(0.5 * x, 1.5 * x)
        axes.set_xticks([x])


def row_keys(rows: list[Row], line: Callable[[Clip], Line2D]) -> Keys:
    """Make a key for each panel, or one right of each row whose lines differ from the row above."""
    if any(len(_clips_of(row)) > MAX_LINES for row in rows):
        return [
            [[line(clip) for clip in panel.clips] if panel else [] for panel in row] for row in rows
        ]
    keys, above = [], None
    for row in rows:
        clips = _clips_of(row)
        handles = [line(clip) for clip in clips] if clips != above else []
        keys.append([[] for _ in row[1:]] + [handles])
        above = clips
    return keys


def _clips_of(row: Row) -> list[Clip]:
    return list(dict.fromkeys(clip for panel in row if panel for clip in panel.clips))


def _key_line(look: LineLook, clip: Clip, points: int) -> Line2D:
    return Line2D(
        [],
        [],
        color=look.color,
        linestyle=look.dashes,
        marker=look.point_marker if points <= FEW_POINTS else look.marker,
        label=clip.label,
        **MEAN_LINE,
    )
