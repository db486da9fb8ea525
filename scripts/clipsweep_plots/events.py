"""When runs turned bad: NaN, Inf, overflowing norms and spikes on a time line, a row an arm."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from .layout import NamedFigure, NotDrawn, page_stem, page_title
from .result_folder import Arm, Results, Run
from .row_chart import ChartRow, RowChart, chart_pages, group_rows, open_row_chart
from .sources import Sources
from .style import INK, MUTED, clip_color, element_id

# Fewer runs have a row each; the runs of an arm share one otherwise.
MOST_RUN_ROWS = 18
SPIKE_BINS = 100
# Marker of each kind of event, and what the key calls it.
EVENT_MARKS = {"nan": ("x", "NaN"), "inf": ("^", "Inf"), "norm-overflow": ("d", "norm overflow")}
CAPTION = "A spike is a norm above 10 times the median of the last 100 steps."


def draw_events(sources: Sources) -> list[NamedFigure]:
    """Draw a row for each run of a small sweep, for each arm of a large one."""
    results = sources.results
    if not any(steps for run in results.runs for steps in run.event_steps.values()):
        raise NotDrawn("no run has an event")
    rows = _rows(results)
    most = max(_spike_counts(member, results).max() for _, member in rows if member)
    pages = chart_pages(rows)
    return [
        _draw_page(sources, page, int(most), number, len(pages))
        for number, page in enumerate(pages, start=1)
    ]


def _rows(results: Results) -> list[tuple[ChartRow, Arm | None]]:
    members = results.arms
    if len(results.runs) <= MOST_RUN_ROWS:
        members = [Arm(arm.clip, arm.learning_rate, (run,)) for arm in members for run in arm.runs]
    several = len(members) > len(results.arms)
    return group_rows(
        members,
        lambda arm: arm,
        lambda arm: ChartRow(
            arm.clip.without_model.label + (f", seed {arm.runs[0].spec.seed}" if several else ""),
            _result(arm),
        ),
    )


def _result(arm: Arm) -> str:
    count = sum(len(run.event_steps["spike"]) for run in arm.runs)
    spikes = f"{count:,} spike" + ("s" if count != 1 else "")
    if len(arm.runs) == 1:
        return f"{spikes}, diverged" if arm.diverged_count else spikes
    return f"{spikes}, {arm.diverged_count} of {len(arm.runs)} diverged"


def _draw_page(
    sources: Sources,
    rows: list[tuple[ChartRow, Arm | None]],
    most: int,
    number: int,
    pages: int,
) -> NamedFigure:
    results = sources.results
    title = page_title(_title(results), number, pages)
    caption = _caption(results, most)
    arms = [arm for _, arm in rows]
    chart = open_row_chart(
        sources.sheet, [row for row, _ in rows], title, caption, "step", _key(results)
    )
    for center, arm in zip(chart.centers, arms, strict=True):
        if arm:
            _draw_row(chart, center, arm, results, most)
    chart.axes.set_xlim(0, results.plan.planned_steps * 1.01)
    chart.axes.locator_params(axis="x", nbins=5)
    alt = "; ".join(f"{arm.label}: {_result(arm)}" for arm in arms if arm)
    return NamedFigure(
        page_stem("events", number, pages),
        title,
        caption,
        f"Time line of events, a row for each arm or run. {alt}.",
        chart.figure,
    )


def _title(results: Results) -> str:
    runs = results.runs
    spikes = sum(len(run.event_steps["spike"]) for run in runs)
    diverged = [run for run in runs if run.diverged]
    if not diverged:
        bad = sum(bool(run.event_steps["nan"] or run.event_steps["inf"]) for run in runs)
        outcome = (
            f"{bad} of {len(runs)} runs met NaN or Inf, none diverged"
            if bad
            else ("No run diverged")
        )
        return f"{outcome}; {spikes:,} spikes in {len(runs)} runs"
    return f"{len(diverged)} of {len(runs)} runs diverged{_where(diverged)}; {spikes:,} spikes"


def _where(diverged: list[Run]) -> str:
    """Say what all diverged runs have in common, if anything."""
    rates = sorted({run.spec.learning_rate for run in diverged})
    modes = {run.spec.clip.mode for run in diverged}
    common = ""
    if modes == {"none"}:
        common += ", all without clipping"
    if len(rates) == 1:
        common += f", all at learning rate {rates[0]:g}"
    elif len(rates) > 1:
        common += f", from learning rate {rates[0]:g} on"
    return common


def _caption(results: Results, most: int) -> str:
    steps = max(1, -(-results.plan.planned_steps // SPIKE_BINS))
    bars = (
        f" Bars: spikes in {steps} steps, the tallest is {most}; heights are square roots."
        if most
        else " No run has one."
    )
    return f"{CAPTION}{bars} A line ends where no run of its row goes on."


def _spike_counts(arm: Arm, results: Results) -> np.ndarray:
    steps = [step for run in arm.runs for step in run.event_steps["spike"]]
    return np.histogram(steps, _bin_edges(results))[0]


def _bin_edges(results: Results) -> np.ndarray:
    planned = results.plan.planned_steps
    width = max(1, -(-planned // SPIKE_BINS))
    return np.arange(0, planned + width, width) + 0.5


def _draw_row(chart: RowChart, center: float, arm: Arm, results: Results, most: int) -> None:
    bottom = center + 0.34 * chart.strip
    last = max(run.steps for run in arm.runs)
    chart.axes.plot([1, max(last, 2)], [bottom, bottom], color=MUTED, linewidth=0.8, zorder=2)
    counts = _spike_counts(arm, results)
    if counts.any():
        chart.axes.stairs(
            bottom - 0.68 * chart.strip * np.sqrt(counts / most),
            _bin_edges(results),
            baseline=bottom,
            fill=True,
            color=clip_color(arm.clip),
            zorder=3,
            gid=_id("spikes", arm),
        )
    for kind, (marker, _) in EVENT_MARKS.items():
        steps = sorted({step for run in arm.runs for step in run.event_steps[kind]})
        if steps:
            _mark(chart.axes, steps, center, marker, _id(kind, arm))
    stops = sorted({run.divergence_step for run in arm.runs if run.diverged})
    if stops:
        _mark(chart.axes, stops, bottom, "|", _id("diverged", arm))


def _id(what: str, arm: Arm) -> str:
    name = element_id(what, arm.clip, arm.learning_rate)
    return f"{name}_seed-{arm.runs[0].spec.seed}" if len(arm.runs) == 1 else name


def _mark(axes: Axes, steps: list[int], height: float, marker: str, gid: str) -> None:
    axes.plot(steps, [height] * len(steps), gid=gid, clip_on=False, **_mark_style(marker))


def _mark_style(marker: str) -> dict:
    return {
        "linestyle": "",
        "marker": marker,
        "color": INK,
        "markersize": 5.5,
        "markerfacecolor": "white",
        "markeredgewidth": 1.1,
        "zorder": 5,
    }


def _key(results: Results) -> list[Line2D]:
    """Explain the marks that the sweep has."""
    marks = [
        Line2D([], [], label=label, **_mark_style(marker))
        for kind, (marker, label) in EVENT_MARKS.items()
        if any(run.event_steps[kind] for run in results.runs)
    ]
    if any(run.diverged for run in results.runs):
        marks.append(Line2D([], [], label="a run stops", **_mark_style("|")))
    return marks
