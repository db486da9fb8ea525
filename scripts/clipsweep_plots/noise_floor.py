"""How far chaos alone moves the final accuracy, beside how far clipping does."""

import numpy as np

from .layout import NamedFigure, NotDrawn, page_stem, page_title
from .paired import seed_differences
from .row_chart import ChartRow, RowChart, chart_pages, group_rows, open_row_chart
from .sources import Sources
from .style import INK, clip_color, decimal, element_id
from .summary import ArmSummary, Comparison, NoiseFloor

STEM = "noise_floor"
CAPTION = (
    "Each dot is one seed: the distance from its baseline in final test accuracy, whatever the "
    "sign. Bar: the median. A run with the last bit of its initial weights flipped differs from "
    "its baseline by the chaos of training alone; a distance of that size says nothing about "
    "clipping."
)


def draw_noise_floor(sources: Sources) -> list[NamedFigure]:
    """Draw a row for each arm at the learning rates that have a perturbed baseline."""
    if sources.summary is None or not sources.summary.noise_floor:
        raise NotDrawn("the sweep has no perturbed baseline (--noise-floor)")
    measured = {_place(floor.arm) for floor in sources.summary.noise_floor}
    comparisons = [c for c in sources.summary.comparisons if _place(c.arm) in measured]
    rows = group_rows(
        sorted(comparisons, key=lambda comparison: not comparison.arm.perturbed),
        lambda comparison: comparison.arm,
        lambda comparison: ChartRow(
            comparison.arm.clip.without_model.label, _result(sources, comparison)
        ),
    )
    pages = chart_pages(rows)
    return [
        _draw_page(sources, page, number, len(pages)) for number, page in enumerate(pages, start=1)
    ]


def _place(arm: ArmSummary) -> tuple[str, float]:
    """Return what an arm has in common with its baseline."""
    return arm.clip.model, arm.learning_rate


def _distances(sources: Sources, comparison: Comparison) -> np.ndarray:
    """Return |arm - baseline| of each seed in percentage points."""
    chance = sources.summary.chance_accuracy
    differences = seed_differences(sources, comparison, lambda run: run.final_accuracy(chance))
    return 100 * np.abs(differences)


def _result(sources: Sources, comparison: Comparison) -> str:
    distances = _distances(sources, comparison)
    if not distances.size:
        return "no pairs"
    return f"median {decimal(float(np.median(distances)), 1)}, n = {distances.size}"


def _draw_page(
    sources: Sources, rows: list[tuple[ChartRow, Comparison | None]], number: int, pages: int
) -> NamedFigure:
    title = page_title(_title(sources.summary.noise_floor), number, pages)
    chart = open_row_chart(
        sources.sheet,
        [row for row, _ in rows],
        title,
        CAPTION,
        "distance in final test accuracy (percentage points)",
    )
    for center, (_, comparison) in zip(chart.centers, rows, strict=True):
        if comparison:
            _draw_row(chart, center, comparison, _distances(sources, comparison))
    chart.axes.set_xlim(left=0)
    alt = "; ".join(
        f"{c.arm.clip.label}, lr {c.arm.learning_rate:g}: {row.result}" for row, c in rows if c
    )
    return NamedFigure(
        page_stem(STEM, number, pages),
        title,
        CAPTION,
        f"Distances from the baseline in percentage points. {alt}.",
        chart.figure,
    )


def _title(floors: list[NoiseFloor]) -> str:
    medians = [
        100 * floor.median_absolute_difference
        for floor in floors
        if floor.median_absolute_difference is not None
    ]
    if not medians:
        return "What chaos alone does to the test accuracy"
    low, high = decimal(min(medians), 1), decimal(max(medians), 1)
    amount = f"{low} points" if low == high else f"{low} to {high} points, by learning rate,"
    return f"One flipped bit alone moves the final test accuracy by {amount} in the median"


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
