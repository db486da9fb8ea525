"""How much rounding noise alone moves the judged accuracy, next to the effect of clipping."""

from functools import partial

import numpy as np
from clipsweep_results.seed_differences import seed_differences
from clipsweep_results.setups import Setup
from clipsweep_results.summary import ArmSummary, Comparison, NoiseFloor
from matplotlib.figure import Figure

from ..drawing.layout import FigureText, NamedFigure, NotMeasured, draw_pages
from ..drawing.row_chart import ChartRow, RowChart, chart_pages, group_rows, open_row_chart
from ..drawing.sources import Sources
from ..drawing.style import INK, clip_color, decimal, element_id

STEM = "noise_floor"
CAPTION = (
    "Dots: seeds, each as the absolute difference to its baseline in {accuracy}. Bar: the "
    "median. Perturbed: the baseline with the last bit of each initial weight flipped. It differs "
    "from its baseline only by rounding noise, so a difference of that size is no evidence about "
    "clipping."
)


def draw_noise_floor(sources: Sources) -> list[NamedFigure]:
    """Draw one row per arm at the learning rates that have a perturbed baseline."""
    if sources.summary is None or not sources.summary.noise_floor:
        raise NotMeasured("the sweep has no perturbed baseline (--noise-floor)")
    measured = {_place(floor.arm) for floor in sources.summary.noise_floor}
    comparisons = [c for c in sources.summary.comparisons if _place(c.arm) in measured]
    rows = group_rows(
        sorted(comparisons, key=lambda comparison: not comparison.arm.perturbed),
        lambda comparison: comparison.arm,
        lambda comparison: ChartRow(
            comparison.arm.clip.without_setup.label, _result(sources, comparison)
        ),
    )
    text = FigureText(STEM, _title(sources), CAPTION.format(accuracy=sources.constants.judged_name))
    return draw_pages(text, chart_pages(rows), partial(_draw_page, sources))


def _place(arm: ArmSummary) -> tuple[Setup, float]:
    """Return the setup and learning rate, which an arm shares with its baseline."""
    return arm.clip.setup, arm.learning_rate


def _distances(sources: Sources, comparison: Comparison) -> np.ndarray:
    """Return |arm - baseline| of each seed in percentage points."""
    differences = seed_differences(sources.results, comparison, sources.judged_accuracy)
    return 100 * np.abs(differences)


def _result(sources: Sources, comparison: Comparison) -> str:
    distances = _distances(sources, comparison)
    if not distances.size:
        return "no pairs"
    return f"median {decimal(float(np.median(distances)), 1)}, n = {distances.size}"


def _draw_page(
    sources: Sources, rows: list[tuple[ChartRow, Comparison | None]], text: FigureText
) -> tuple[Figure, str]:
    accuracy = sources.constants.judged_name
    x_label = f"absolute difference in {accuracy} (percentage points)"
    chart = open_row_chart(sources.sheet, [row for row, _ in rows], text, x_label)
    for center, (_, comparison) in zip(chart.centers, rows, strict=True):
        if comparison:
            _draw_row(chart, center, comparison, _distances(sources, comparison))
    chart.axes.set_xlim(left=0)
    shown = "; ".join(f"{c.arm.label}: {row.result}" for row, c in rows if c)
    return chart.figure, f"Absolute differences to the baseline in percentage points. {shown}."


def _title(sources: Sources) -> str:
    floors = sources.summary.noise_floor
    accuracy = sources.constants.judged_name
    medians = [
        100 * floor.median_absolute_difference
        for floor in floors
        if floor.median_absolute_difference is not None
    ]
    if not medians:
        return "How much rounding noise alone moves test accuracy"
    low, high = decimal(min(medians), 1), decimal(max(medians), 1)
    amount = low if low == high else f"{low} to {high}"
    suffix = "" if low == high else ", depending on the baseline"
    return f"Flipping the last bit moves the {accuracy} by a median of {amount} points{suffix}"


def _draw_row(
    chart: RowChart, center: float, comparison: Comparison, distances: np.ndarray
) -> None:
    if not distances.size:
        return
    arm = comparison.arm
    chart.axes.plot(
        distances,
        center + 0.24 * chart.strip * (np.arange(distances.size) % 3 - 1),
        linestyle="",
        marker="o" if arm.perturbed else "s",
        markersize=3.6,
        color=clip_color(arm.clip),
        alpha=0.5,
        markeredgewidth=0,
        zorder=2,
    )
    chart.axes.vlines(
        np.median(distances),
        center - 0.38 * chart.strip,
        center + 0.38 * chart.strip,
        color=INK,
        linewidth=2,
        zorder=3,
        gid=element_id("distance", arm.clip, arm.learning_rate),
    )
