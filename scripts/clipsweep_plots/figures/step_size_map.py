"""Judged accuracy over threshold and learning rate, and over their product, the longest step.

Where clipping acts on nearly every step, the product of both decides the result and the threshold
is only another learning rate: equal colours are then on horizontal lines of the right map.
"""

from functools import partial

import matplotlib
import numpy as np
from clipsweep_results.result_folder import Arm
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from ..drawing.layout import FigureText, NamedFigure, NotDrawn, draw_pages, paged
from ..drawing.map_page import MapPage, MapSize, map_rows
from ..drawing.norm_axis import limit_norms
from ..drawing.panels import learning_rates
from ..drawing.sources import Sources
from ..drawing.style import INK, element_id

STEM = "step_size_map"
# The modes whose threshold, times the learning rate, limits a step of SGD.
STEP_MODES = ("value", "global-norm", "tensor-norm", "scale", "smooth", "skip", "carry", "tensor-rms")
WIDTH, HEIGHT = 2.5, 2.1
NUMBER_ROOM = 0.45
ROWS_PER_PAGE = 3
MARGIN_FACTOR = 2.2

Row = tuple[str, list[Arm]]


def draw_step_size_map(sources: Sources) -> list[NamedFigure]:
    """Draw two maps for each mode that limits the step: by threshold, and by longest step."""
    rows = [
        (title, [arm for arm in arms if 0 < arm.clip.threshold < np.inf and not arm.clip.details])
        for title, arms in map_rows(sources.arms)
        if arms[0].clip.mode in STEP_MODES
    ]
    rows = [(title, arms) for title, arms in rows if _is_grid(arms)]
    if not rows:
        raise NotDrawn("no mode has several thresholds at several learning rates")
    means = {arm: _mean(sources, arm) for _, arms in rows for arm in arms}
    if not any(mean is not None for mean in means.values()):
        raise NotDrawn("no run has an accuracy")
    text = FigureText(STEM, _title(sources), _caption(sources, means))
    return draw_pages(text, paged(rows, ROWS_PER_PAGE), partial(_draw_page, sources, means))


def _is_grid(arms: list[Arm]) -> bool:
    return len(learning_rates(arms)) > 1 and len({arm.clip.threshold for arm in arms}) > 1


def _mean(sources: Sources, arm: Arm) -> float | None:
    values = sources.judged_accuracies(arm)
    return 100 * float(np.mean(values)) if values else None


def longest_step(arm: Arm) -> float:
    """Return the learning rate times the threshold: what limits a step of plain SGD."""
    return arm.learning_rate * arm.clip.threshold


def _title(sources: Sources) -> str:
    accuracy = sources.constants.judged_name.capitalize()
    return f"{accuracy} by threshold, and by the longest step (learning rate × threshold)"


def _caption(sources: Sources, means: dict[Arm, float | None]) -> str:
    known = [mean for mean in means.values() if mean is not None]
    caption = (
        f"Colour: mean over the seeds, from {min(known):.1f} % (dark) to {max(known):.1f} % (light). If colours on the right depend on "
        "the height only, clipping acts as another learning rate."
    )
    if any(run.diverged for run in sources.results.runs):
        caption += f" ×: some of the runs {sources.results.diverged_phrase}."
    return caption


def _draw_page(
    sources: Sources, means: dict[Arm, float | None], rows: list[Row], text: FigureText
) -> tuple[Figure, str]:
    sheet = sources.sheet
    width = WIDTH if sheet.width is None else min(WIDTH, sheet.width - 1.3)
    layout = [(title, [], 2 * [MapSize(width, HEIGHT)]) for title, _ in rows]
    titles = [[title, f"{title}: longest step"] for title, _ in rows]
    figure, grid = MapPage(sheet, text, layout, NUMBER_ROOM).open(titles)
    scale = _scale(means)
    for (_, arms), (left, right) in zip(rows, grid, strict=True):
        _draw_map(left, arms, [arm.clip.threshold for arm in arms], means, scale, "threshold")
        steps = [longest_step(arm) for arm in arms]
        _draw_map(right, arms, steps, means, scale, "learning rate × threshold")
    shown = "; ".join(
        f"{arm.label}: {'no value' if means[arm] is None else format(means[arm], '.1f') + ' %'}"
        for _, arms in rows
        for arm in arms
    )
    return figure, f"Maps of the accuracy. {shown}."


def _scale(means: dict[Arm, float | None]) -> ScalarMappable:
    known = [mean for mean in means.values() if mean is not None]
    return ScalarMappable(
        Normalize(min(known), max(max(known), min(known) + 1)), matplotlib.colormaps["cividis"]
    )


def _draw_map(
    axes: Axes,
    arms: list[Arm],
    heights: list[float],
    means: dict[Arm, float | None],
    scale: ScalarMappable,
    label: str,
) -> None:
    rates = [arm.learning_rate for arm in arms]
    limit_norms(axes, "x", min(rates) / MARGIN_FACTOR, max(rates) * MARGIN_FACTOR)
    limit_norms(axes, "y", min(heights) / MARGIN_FACTOR, max(heights) * MARGIN_FACTOR)
    axes.set_xlabel("learning rate")
    axes.set_ylabel(label)
    what = "step" if "×" in label else "threshold"
    for arm, height in zip(arms, heights, strict=True):
        mean = means[arm]
        axes.plot(
            arm.learning_rate,
            height,
            linestyle="",
            marker="s",
            markersize=11,
            color="#ececec" if mean is None else scale.to_rgba(mean),
            gid=element_id(f"by-{what}", arm.clip, arm.learning_rate),
        )
        if arm.diverged_count:
            axes.plot(
                arm.learning_rate,
                height,
                linestyle="",
                marker="x",
                markersize=6,
                markeredgewidth=1.6,
                color="white" if mean is not None and mean < np.mean(scale.get_clim()) else INK,
            )
