"""How raw gradient norms are distributed in each arm, with threshold and quantiles marked."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from .layout import NamedFigure, NotDrawn, page_stem, page_title, paged
from .norm_axis import (
    has_drawn_threshold,
    norm_limits,
    threshold_keys,
    threshold_line,
    threshold_note,
)
from .panel_page import PageText, first_row_keys, open_page
from .panels import Panel, Row, arm_rows
from .result_folder import Arm, Results
from .sources import Sources
from .step_log import NORM_BIN_EDGES
from .style import INK, clip_color, decade, element_id, number

STEM = "gradient_norm_histogram"
# Marker and name of each quantile.
QUANTILE_MARKS = {"median": ("o", "median"), "p90": ("^", "P90"), "p99": ("D", "P99")}


def draw_norm_histogram(sources: Sources) -> list[NamedFigure]:
    """Draw one panel an arm: the share of steps in each bin of the norm."""
    results = sources.results
    if not any(run.curve.norm_counts.any() for run in results.runs):
        raise NotDrawn("no gradient norm is finite and above 0")
    pages = paged(
        [
            [panel and Panel(_panel_title(panel.arms[0]), panel.arms) for panel in row]
            for row in arm_rows(results.arms, sources.sheet)
        ]
    )
    return [
        _draw_page(sources, rows, number, len(pages)) for number, rows in enumerate(pages, start=1)
    ]


def _panel_title(arm: Arm) -> str:
    values = arm_quantiles(arm)
    numbers = " · ".join(number(values[name]) for name in QUANTILE_MARKS)
    return f"{arm.label}\n{numbers}"


def arm_quantiles(arm: Arm) -> dict[str, float | None]:
    """Return each quantile's median over the runs, as the report's table has it."""
    quantiles = {}
    for name in QUANTILE_MARKS:
        values = [run.norm_quantiles[name] for run in arm.runs]
        values = [value for value in values if value is not None]
        quantiles[name] = float(np.median(values)) if values else None
    return quantiles


def _draw_page(sources: Sources, rows: list[Row], number: int, pages: int) -> NamedFigure:
    results = sources.results
    title = page_title(_title(results.arms), number, pages)
    caption = _caption(results)
    words = PageText(title, caption, "raw gradient norm", "share of steps (%)")
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
    return NamedFigure(page_stem(STEM, number, pages), title, caption, alt, page.figure)


def _title(arms: list[Arm]) -> str:
    quantiles = [arm_quantiles(arm) for arm in arms]
    ratios = [
        values["p99"] / values["median"]
        for values in quantiles
        if values["median"] and values["p99"] is not None
    ]
    if not ratios:
        return "How gradient norms are distributed"
    low, high = (number(float(ratio), 2) for ratio in (min(ratios), max(ratios)))
    times = low if low == high else f"{low} to {high}"
    one = "One gradient in a hundred is longer than"
    return f"{one} {times} times the median" + (", by arm" if low != high else "")


def _caption(results: Results) -> str:
    logged = "logged steps" if results.plan.log_every > 1 else "steps"
    return (
        f"Before clipping, all {logged} of all seeds together. Marks: median, 90th and 99th "
        "percentile, each the median over the seeds; their values stand above."
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
                **_quantile_mark(name),
            )


def _quantile_mark(name: str) -> dict:
    return {
        "marker": QUANTILE_MARKS[name][0],
        "color": INK,
        "linestyle": "",
        "markersize": 4.5,
        "markerfacecolor": "white",
        "markeredgewidth": 1.1,
        "zorder": 5,
    }


def _key(rows: list[Row]) -> list[Line2D]:
    arms = [panel.arms[0] for row in rows for panel in row if panel]
    marks = [
        Line2D([], [], label=label, **_quantile_mark(name))
        for name, (_, label) in QUANTILE_MARKS.items()
    ]
    return marks + threshold_keys(arms)
