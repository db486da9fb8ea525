"""The loss around the weights before a step, and where the step lands with and without clipping.

Figure 6 of Pascanu, Mikolov and Bengio (2013) is the model: a wall in the loss, and the path that clipping takes.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from clipsweep_results.cliffs import Cliff, Mark, read_cliffs
from clipsweep_results.result_folder import Arm, Run
from clipsweep_results.strict_json import DataError
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..drawing.layout import FigureText, NamedFigure, NotDrawn, NotMeasured, draw_pages, paged
from ..drawing.map_page import MapPage, MapSize
from ..drawing.norm_axis import limit_norms
from ..drawing.sources import Sources
from ..drawing.style import INK, number, wrap_text

STEM = "cliff"
WIDTH, HEIGHT = 3.0, 2.4
NUMBER_ROOM = 0.5
ROWS_PER_PAGE = 3
MAX_CLIFFS = 12
COLORS = "cividis"
LEVELS = 24
NOT_FINITE = "#c8c8c8"
UNCLIPPED = {"color": "#D55E00", "marker": "X", "markersize": 8}
CLIPPED = {"color": "#009E73", "marker": "o", "markersize": 7}
START = {"color": "white", "marker": "s", "markersize": 5.5}


@dataclass(frozen=True, eq=False)
class Shown:
    """One step of one run."""

    arm: Arm
    run: Run
    cliff: Cliff

    @property
    def name(self) -> str:
        return f"{self.arm.label}, seed {self.run.spec.seed}, step {self.cliff.step:,}"


def draw_cliff(sources: Sources) -> list[NamedFigure]:
    """Draw the surface and its slice along the gradient, for each cliff_N.json."""
    try:
        shown = [
            Shown(arm, run, cliff)
            for arm in sources.arms
            for run in arm.runs
            for cliff in read_cliffs(sources.results.plan.folder, run.spec.id)
        ]
    except DataError as error:
        raise NotDrawn(str(error)) from error
    if not shown:
        raise NotMeasured("no step was chosen (clipsweep cliff DIR RUN)")
    text = FigureText(STEM, _title(shown), _caption(shown))
    pages = paged(shown[:MAX_CLIFFS], ROWS_PER_PAGE)
    return draw_pages(text, pages, partial(_draw_page, sources))


def _title(shown: list[Shown]) -> str:
    """State what the unclipped step would have done to the loss, where it would be worst."""
    worst = max(shown, key=lambda each: np.nan_to_num(each.cliff.unclipped.loss, nan=np.inf))
    cliff = worst.cliff
    title = (
        f"Step {cliff.step:,} of {worst.arm.label}: without clipping the loss goes from "
        f"{number(cliff.loss)} to {_loss(cliff.unclipped)}"
    )
    if cliff.clipped and worst.arm.clip.mode != "none":
        title += f", with it to {_loss(cliff.clipped)}"
    return title


def _loss(mark: Mark) -> str:
    return number(mark.loss) if np.isfinite(mark.loss) else "NaN" if np.isnan(mark.loss) else "Inf"


def _caption(shown: list[Shown]) -> str:
    caption = (
        "Loss of the step's batch around the weights before it (white square): left in a plane, along "
        "the negative gradient and across, dark low and light high on a log scale; right along the gradient only. "
        "Orange cross: where the unclipped step lands; green circle: where the step that was taken "
        "lands. A step that leaves the plane is projected onto it; on the right it is at its own loss."
    )
    if any((~np.isfinite(each.cliff.losses)).any() for each in shown):
        caption += " Grey: the loss is NaN or infinite."
    if any(each.cliff.direction == "random" for each in shown):
        caption += " Across is a random direction where the update before was along the gradient."
    if len(shown) > MAX_CLIFFS:
        caption += f" The first {MAX_CLIFFS} of {len(shown)} steps are drawn."
    return caption


def _draw_page(sources: Sources, rows: list[Shown], text: FigureText) -> tuple[Figure, str]:
    width = WIDTH if sources.sheet.width is None else min(WIDTH, sources.sheet.width - 1.3)
    layout = [(each.name, [], 2 * [MapSize(width, HEIGHT)]) for each in rows]
    names = [wrap_text(each.name, width, sources.sheet.text.label) for each in rows]
    slices = [f"along the gradient (norm {number(each.cliff.norm)})" for each in rows]
    titles = [["\n".join(lines), words] for lines, words in zip(names, slices, strict=True)]
    most_lines = max(map(len, names))
    figure, grid = MapPage(sources.sheet, text, layout, NUMBER_ROOM, most_lines).open(titles)
    for each, (left, right) in zip(rows, grid, strict=True):
        _draw_surface(left, each.cliff)
        _draw_slice(right, each.cliff)
    return figure, f"Loss around the weights before a step. {'; '.join(map(_describe, rows))}."


def _describe(each: Shown) -> str:
    cliff = each.cliff
    words = f"{each.name}: loss {number(cliff.loss)} before, {_loss(cliff.unclipped)} after an unclipped step"
    return words + (f", {_loss(cliff.clipped)} after the step as taken" if cliff.clipped else "")


def _draw_surface(axes: Axes, cliff: Cliff) -> None:
    axes.set_facecolor(NOT_FINITE)
    axes.set_xlim(cliff.along[0], cliff.along[-1])
    axes.set_ylim(cliff.across[0], cliff.across[-1])
    axes.set_xlabel("along the negative gradient")
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(_number_tick)
    axes.set_ylabel("across")
    axes.yaxis.set_major_formatter(_number_tick)
    heights = _log(cliff.losses)
    if np.isfinite(heights).any():
        low, high = np.nanmin(heights), np.nanmax(heights)
        levels = np.linspace(low, max(high, low + 1e-6), LEVELS)
        masked = np.ma.masked_invalid(heights)
        surface = axes.contourf(cliff.along, cliff.across, masked, levels, cmap=COLORS, extend="both")
        surface.set_edgecolor("face")  # no gaps between the levels in SVG
        surface.set_gid("surface")
    axes.axhline(0, color="white", linewidth=0.6, linestyle=(0, (4, 2)))
    for mark, look in _marks(cliff):
        ends = [0, mark.along], [0, mark.across]
        axes.plot(*ends, color=look["color"], linewidth=1.2, zorder=4)
        axes.plot(mark.along, mark.across, markeredgecolor=INK, markeredgewidth=0.7, zorder=6, clip_on=False, **look)
    axes.plot(0, 0, markeredgecolor=INK, markeredgewidth=0.7, zorder=5, **START)


def _draw_slice(axes: Axes, cliff: Cliff) -> None:
    known = np.isfinite(cliff.slice_losses) & (cliff.slice_losses > 0)
    marks = [mark.loss for mark, _ in _marks(cliff) if np.isfinite(mark.loss) and mark.loss > 0]
    values = np.array([*cliff.slice_losses[known], *marks, max(cliff.loss, 1e-30)])
    limit_norms(axes, "y", float(values.min()) / 1.4, float(values.max()) * 1.4)
    axes.set_xlim(cliff.along[0], cliff.along[-1])
    axes.set_xlabel("along the negative gradient")
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(_number_tick)
    axes.set_ylabel("loss")
    for first, last in _stretches(~np.isfinite(cliff.slice_losses)):
        axes.axvspan(cliff.slice_along[first], cliff.slice_along[last], color=NOT_FINITE, linewidth=0)
    line = np.where(known, cliff.slice_losses, np.nan)
    axes.plot(cliff.slice_along, line, color=INK, linewidth=1.2, zorder=3, gid="slice")
    for mark, look in _marks(cliff):
        if np.isfinite(mark.loss) and mark.loss > 0:
            axes.plot(mark.along, mark.loss, markeredgecolor=INK, markeredgewidth=0.7, zorder=6, clip_on=False, **look)
    axes.plot(0, cliff.loss, markeredgecolor=INK, markeredgewidth=0.7, zorder=5, **START)


def _marks(cliff: Cliff) -> list[tuple[Mark, dict]]:
    """Return where the steps land; the unclipped one below the other, if both are the same."""
    marks = [(cliff.unclipped, UNCLIPPED)]
    if cliff.clipped:
        marks.append((cliff.clipped, CLIPPED))
    return marks


def _log(losses: np.ndarray) -> np.ndarray:
    known = np.isfinite(losses)
    positive = losses[known & (losses > 0)]
    lowest = positive.min() if positive.size else 1.0
    return np.where(known, np.log10(np.maximum(np.where(known, losses, 1.0), lowest)), np.nan)


def _number_tick(value: float, _place: int) -> str:
    """Write a number whole: a common factor at the end of the axis would touch the title."""
    return f"{value:g}".replace("-", "−")


def _stretches(flags: np.ndarray) -> list[tuple[int, int]]:
    """Return the first and last places of each stretch of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return [(int(first), int(last) - 1) for first, last in edges.reshape(-1, 2)]
