"""The distribution of the raw gradient norms of each arm, with threshold and quantiles."""

from functools import partial

import numpy as np
from clipsweep_results.result_folder import Arm, Results
from clipsweep_results.step_windows import NORM_BIN_EDGES
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..drawing.layout import FigureText, NamedFigure, NotDrawn, draw_pages, paged
from ..drawing.norm_axis import (
    has_drawn_threshold,
    norm_limits,
    threshold_keys,
    threshold_line,
    threshold_note,
)
from ..drawing.panel_page import PageText, first_row_keys, open_page
from ..drawing.panels import Panel, Row, arm_rows
from ..drawing.sources import Sources
from ..drawing.style import clip_color, decade, edge_mark, element_id, number

STEM = "gradient_norm_histogram"
# Marker and name of each quantile.
QUANTILE_MARKS = {"median": ("o", "median"), "p90": ("^", "P90"), "p99": ("D", "P99")}


def draw_norm_histogram(sources: Sources) -> list[NamedFigure]:
    """Draw one panel per arm: the share of steps in each bin of the norm."""
    results = sources.results
    if not any(run.curve.norm_counts.any() for run in results.runs):
        raise NotDrawn("no gradient norm is finite and above 0")
    pages = paged(
        [
            [panel and Panel(_panel_title(panel.arms[0]), panel.arms) for panel in row]
            for row in arm_rows(results.arms, sources.sheet)
        ]
    )
    text = FigureText(STEM, _title(results.arms), _caption(results))
    return draw_pages(text, pages, partial(_draw_page, sources))


def _panel_title(arm: Arm) -> str:
    values = arm_quantiles(arm)
    numbers = " · ".join(number(values[name]) for name in QUANTILE_MARKS)
    return f"{arm.label}\n{numbers}"


def arm_quantiles(arm: Arm) -> dict[str, float | None]:
    """Return the median over the runs of each quantile, as in the report's table."""
    quantiles = {}
    for name in QUANTILE_MARKS:
        values = [run.norm_quantiles[name] for run in arm.runs]
        values = [value for value in values if value is not None]
        quantiles[name] = float(np.median(values)) if values else None
    return quantiles


def _draw_page(sources: Sources, rows: list[Row], text: FigureText) -> tuple[Figure, str]:
    results = sources.results
    words = PageText(text.title, text.caption, "raw gradient norm", "share of steps (%)")
    page = open_page(sources.sheet, rows, words, first_row_keys(rows, _key(rows)))
    shares = {arm: _shares(arm) for arm in results.arms}
    highest = max(share.max() for share in shares.values())
    for panel, axes in page.pairs():
        axes.set_xscale("log")
        axes.set_xlim(*norm_limits(results))
        axes.set_ylim(0, 1.12 * highest)
        axes.minorticks_off()
        axes.xaxis.set_major_formatter(decade)
        _draw_arm(axes, panel.arms[0], shares[panel.arms[0]])
    shown = "; ".join(panel.title.replace("\n", ": ") for panel, _ in page.pairs())
    alt = (
        "Histogram of the raw gradient norm on a log axis with threshold and quantiles; one panel "
        f"for each arm, with its median, P90 and P99: {shown}."
    )
    return page.figure, alt


def _title(arms: list[Arm]) -> str:
    quantiles = [arm_quantiles(arm) for arm in arms]
    ratios = [
        values["p99"] / values["median"]
        for values in quantiles
        if values["median"] and values["p99"] is not None
    ]
    if not ratios:
        return "Distribution of the gradient norms"
    low, high = (number(float(ratio), 2) for ratio in (min(ratios), max(ratios)))
    if low == high:
        return f"1 % of gradients exceed {low} times the median norm"
    return f"1 % of gradients exceed {low} to {high} times the median norm, depending on the arm"


def _caption(results: Results) -> str:
    logged = "logged steps" if results.plan.log_every > 1 else "steps"
    return (
        f"Norms before clipping, all {logged} of all seeds. Marks, with their values above each "
        "panel: median, 90th and 99th percentile, each as the median over the seeds."
        + threshold_note(results.arms)
    )


def _shares(arm: Arm) -> np.ndarray:
    """Return the percentage of the arm's finite norms in each bin."""
    counts = np.sum([run.curve.norm_counts for run in arm.runs], axis=0)
    return 100 * counts / max(counts.sum(), 1)


def _draw_arm(axes: Axes, arm: Arm, shares: np.ndarray) -> None:
    axes.stairs(
        shares,
        NORM_BIN_EDGES,
        fill=True,
        facecolor=(clip_color(arm.clip), 0.35),
        edgecolor=clip_color(arm.clip),
        linewidth=0.9,
        gid=element_id("histogram", arm.clip, arm.learning_rate),
    )
    if has_drawn_threshold(arm):
        axes.axvline(
            arm.clip.threshold,
            gid=element_id("threshold", arm.clip, arm.learning_rate),
            **threshold_line(arm),
        )
    for name, value in arm_quantiles(arm).items():
        if value:
            axes.plot(
                value,
                0.94,
                transform=axes.get_xaxis_transform(),
                gid=element_id(name, arm.clip, arm.learning_rate),
                **edge_mark(QUANTILE_MARKS[name][0], size=4.5),
                zorder=5,
            )


def _key(rows: list[Row]) -> list[Line2D]:
    arms = [panel.arms[0] for row in rows for panel in row if panel]
    marks = [
        Line2D([], [], label=label, **edge_mark(marker, size=4.5))
        for marker, label in QUANTILE_MARKS.values()
    ]
    return marks + threshold_keys(arms)
