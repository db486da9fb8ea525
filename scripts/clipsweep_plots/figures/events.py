"""Events on a time line: NaN, Inf, norm overflows and spikes, one row per arm or run."""

from functools import partial

import numpy as np
from clipsweep_results.result_folder import Arm, Results, Run
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..drawing.layout import FigureText, NamedFigure, NotDrawn, draw_pages
from ..drawing.row_chart import ChartRow, RowChart, chart_pages, group_rows, open_row_chart
from ..drawing.sources import Sources
from ..drawing.style import MUTED, clip_color, edge_mark, element_id

# Up to this number of runs, each has its own row; otherwise the runs of an arm share one.
MAX_RUN_ROWS = 18
SPIKE_BINS = 100
# Marker of each kind of event, and its name in the key.
EVENT_MARKS = {"nan": ("x", "NaN"), "inf": ("^", "Inf"), "norm-overflow": ("d", "norm overflow")}


def draw_events(sources: Sources) -> list[NamedFigure]:
    """Draw one row per run in a small sweep, one per arm in a large one."""
    results = sources.results
    if not any(steps for run in results.runs for steps in run.event_steps.values()):
        raise NotDrawn("no run has an event")
    rows = _rows(results)
    max_spikes = int(max(_spike_counts(member, results).max() for _, member in rows if member))
    text = FigureText("events", _title(results), _caption(sources, max_spikes))
    return draw_pages(text, chart_pages(rows), partial(_draw_page, sources, max_spikes))


def _rows(results: Results) -> list[tuple[ChartRow, Arm | None]]:
    members = results.arms
    if len(results.runs) <= MAX_RUN_ROWS:
        members = [Arm(arm.clip, arm.learning_rate, (run,)) for arm in members for run in arm.runs]
    several = len(members) > len(results.arms)
    members = [arm for arm in members if _has_event(arm)]
    return group_rows(
        members,
        lambda arm: arm,
        lambda arm: ChartRow(
            arm.clip.without_setup.label + (f", seed {arm.runs[0].spec.seed}" if several else ""),
            _result(arm),
        ),
    )


def _has_event(arm: Arm) -> bool:
    return any(steps for run in arm.runs for steps in run.event_steps.values())


def _result(arm: Arm) -> str:
    count = sum(len(run.event_steps["spike"]) for run in arm.runs)
    spikes = f"{count:,} spike" + ("s" if count != 1 else "")
    if len(arm.runs) == 1:
        outcome = "stalled" if arm.runs[0].stalled_steps else "diverged"
        return f"{spikes}, {outcome}" if arm.diverged_count else spikes
    outcome = "diverged or stalled" if any(run.stalled_steps for run in arm.runs) else "diverged"
    return f"{spikes}, {arm.diverged_count} of {len(arm.runs)} {outcome}"


def _draw_page(
    sources: Sources,
    max_spikes: int,
    rows: list[tuple[ChartRow, Arm | None]],
    text: FigureText,
) -> tuple[Figure, str]:
    results = sources.results
    arms = [arm for _, arm in rows]
    chart = open_row_chart(sources.sheet, [row for row, _ in rows], text, "step", _key(results))
    for center, arm in zip(chart.centers, arms, strict=True):
        if arm:
            _draw_row(chart, center, arm, results, max_spikes)
    chart.axes.set_xlim(0, results.plan.planned_steps * 1.01)
    chart.axes.locator_params(axis="x", nbins=5)
    shown = "; ".join(f"{arm.label}: {_result(arm)}" for arm in arms if arm)
    return chart.figure, f"Time line of events, one row per arm or run. {shown}."


def _title(results: Results) -> str:
    runs = results.runs
    spikes = sum(len(run.event_steps["spike"]) for run in runs)
    diverged = [run for run in runs if run.diverged]
    if not diverged:
        bad = sum(bool(run.event_steps["nan"] or run.event_steps["inf"]) for run in runs)
        outcome = (
            f"{bad} of {len(runs)} runs had NaN or Inf, none diverged" if bad else "No run diverged"
        )
        return f"{outcome}; {spikes:,} spikes in {len(runs)} runs"
    outcome = f"{len(diverged)} of {len(runs)} runs {results.diverged_phrase}"
    return f"{outcome}{_where(diverged)}; {spikes:,} spikes"


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
        common += f", at learning rates from {rates[0]:g}"
    return common


def _caption(sources: Sources, max_spikes: int) -> str:
    planned, constants = sources.results.plan.planned_steps, sources.constants
    steps = max(1, -(-planned // SPIKE_BINS))
    spike = (
        f"A spike is a norm above {constants.spike_factor:g} times the median of the last "
        f"{constants.spike_window} steps."
    )
    bars = (
        f"Bars: spikes per {f'{steps} steps' if steps > 1 else 'step'}, up to {max_spikes}; the height is the square root."
        if max_spikes
        else "No run has a spike."
    )
    empty = sum(not _has_event(arm) for arm in sources.arms)
    left_out = f" {empty} of {len(sources.arms)} arms have no event and no row." if empty else ""
    return f"{spike} {bars} A line ends where the last run of its row stops.{left_out}"


def _spike_counts(arm: Arm, results: Results) -> np.ndarray:
    steps = [step for run in arm.runs for step in run.event_steps["spike"]]
    return np.histogram(steps, _bin_edges(results))[0]


def _bin_edges(results: Results) -> np.ndarray:
    planned = results.plan.planned_steps
    width = max(1, -(-planned // SPIKE_BINS))
    return np.arange(0, planned + width, width) + 0.5


def _draw_row(chart: RowChart, center: float, arm: Arm, results: Results, max_spikes: int) -> None:
    bottom = center + 0.34 * chart.strip
    last = max(run.steps for run in arm.runs)
    chart.axes.plot([1, max(last, 2)], [bottom, bottom], color=MUTED, linewidth=0.8, zorder=2)
    counts = _spike_counts(arm, results)
    if counts.any():
        chart.axes.stairs(
            bottom - 0.68 * chart.strip * np.sqrt(counts / max_spikes),
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
    heights = [height] * len(steps)
    axes.plot(steps, heights, gid=gid, clip_on=False, zorder=5, **edge_mark(marker, size=5.5))


def _key(results: Results) -> list[Line2D]:
    """Explain the marks that the sweep has."""
    marks = [
        Line2D([], [], label=label, **edge_mark(marker, size=5.5))
        for kind, (marker, label) in EVENT_MARKS.items()
        if any(run.event_steps[kind] for run in results.runs)
    ]
    if any(run.diverged for run in results.runs):
        marks.append(Line2D([], [], label="a run stops", **edge_mark("|", size=5.5)))
    return marks
