"""Maps of the paired difference and of divergence over threshold and learning rate, per mode."""

import math
from functools import partial

import matplotlib
from clipsweep_results.clips import Clip
from clipsweep_results.result_folder import Arm
from clipsweep_results.setups import Setup
from clipsweep_results.summary import JUDGED, Comparison
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..drawing.findings import ACCURACY, comparison_filling, verdict_title
from ..drawing.layout import FigureText, NamedFigure, NotDrawn, Sheet, draw_pages, paged
from ..drawing.map_page import MapPage, MapSize, map_rows
from ..drawing.panels import learning_rates
from ..drawing.sources import Sources
from ..drawing.style import INK, element_id, is_light, points, text_width

STEM = "difference_map"
CELL_HEIGHT = 0.3
LABEL_ROOM = 0.6  # beside a map, for the label of the axis and the margins
NO_VALUE = (0.93, 0.93, 0.93, 1.0)
MIN_REACH = 1.0  # percentage points at the ends of the colours
ROWS_PER_PAGE = 24  # of cells
# By verdict and filling: after Holm's correction, and not.
VERDICT_MARKS = {
    ("better", "full"): "▲",
    ("better", "left"): "△",
    ("worse", "full"): "▼",
    ("worse", "left"): "▽",
    ("identical", "none"): "=",
}

Row = tuple[str, list[Arm]]


def draw_difference_map(sources: Sources) -> list[NamedFigure]:
    """Draw two maps for each mode: the difference to the baseline, and the diverged runs."""
    if not sources.comparisons:
        raise NotDrawn("no arm has a baseline to compare with")
    compared = {_place(comparison.arm): comparison for comparison in sources.comparisons}
    rows = [
        (title, members)
        for title, members in _merge_single(map_rows(sources.arms))
        if any(_place(arm) in compared for arm in members)
    ]
    if not any(len(_clips(arms)) * len(learning_rates(arms)) > 1 for _, arms in rows):
        raise NotDrawn("no mode has several thresholds or learning rates")
    rows = [part for row in rows for part in _split_rates(row, sources.sheet)]
    text = FigureText(STEM, _title(sources), _caption(sources))
    return draw_pages(text, _pages(rows), partial(_draw_page, sources, compared))


def _merge_single(rows: list[Row]) -> list[Row]:
    """Let the modes of a single threshold share a map, one for each setup."""
    single: dict[Setup, list[Arm]] = {}
    for _, arms in rows:
        if len(_clips(arms)) == 1:
            single.setdefault(arms[0].clip.setup, []).extend(arms)
    merged = [(title, arms) for title, arms in rows if len(_clips(arms)) > 1]
    return merged + [(str(setup), arms) for setup, arms in single.items()]


def _split_rates(row: Row, sheet: Sheet) -> list[Row]:
    """Split a mode whose learning rates do not fit side by side."""
    title, arms = row
    if sheet.width is None:
        return [row]
    labels = max(text_width(label, sheet.text.small) for label in _labels(arms))
    max_rates = max(int((sheet.width - labels - LABEL_ROOM) / _cell_width(sheet)), 1)
    return [
        (title, [arm for arm in arms if arm.learning_rate in rates])
        for rates in paged(learning_rates(arms), max_rates)
    ]


def _cell_width(sheet: Sheet) -> float:
    return 0.46 if sheet.is_narrow else 0.62


def _place(arm) -> tuple[Clip, float]:
    return arm.clip, arm.learning_rate


def _pages(rows: list[Row]) -> list[list[Row]]:
    """Fill pages with whole modes."""
    pages, cells = [[]], 0
    for row in rows:
        height = len(_clips(row[1])) + 2
        if pages[-1] and cells + height > ROWS_PER_PAGE:
            pages.append([])
            cells = 0
        pages[-1].append(row)
        cells += height
    return pages


def _clips(arms: list[Arm]) -> list[Clip]:
    """Return the clips of a mode, the highest threshold first."""
    clips = dict.fromkeys(arm.clip for arm in arms)
    return sorted(clips, key=lambda clip: (clip.threshold or 0, clip.details), reverse=True)


def _labels(arms: list[Arm]) -> list[str]:
    """Name the rows of a map by their thresholds, with the mode if there are several."""
    clips = _clips(arms)
    labels = [clip.without_setup.label for clip in clips]  # the baseline, if any, is the last one
    if _is_mixed(arms):
        return labels
    return [label.removeprefix(f"{clips[0].mode}:") for label in labels]


def _is_mixed(arms: list[Arm]) -> bool:
    return len({arm.clip.mode for arm in arms if not arm.clip.is_baseline}) > 1


def _with_baselines(arms: list[Arm], sources: Sources) -> list[Arm]:
    """Add the arms without clipping of the same setup and learning rates."""
    places = {(arm.clip.setup, arm.learning_rate) for arm in arms}
    return arms + [
        arm
        for arm in sources.arms
        if arm.clip.is_baseline and (arm.clip.setup, arm.learning_rate) in places
    ]


def _title(sources: Sources) -> str:
    return verdict_title(sources, ACCURACY) or _range_title(sources)


def _range_title(sources: Sources) -> str:
    """State the smallest and the largest difference, of which there are no verdicts."""
    measured = [comparison.measures[JUDGED].mean_difference for comparison in sources.comparisons]
    known = [difference for difference in measured if difference is not None]
    name = sources.constants.judged_name
    if not known:
        return f"Difference in {name} to no clipping"
    ends = " to ".join(dict.fromkeys(points(end) for end in (min(known), max(known))))
    return f"Clipping changes the {name} by {ends} points; too few seeds for verdicts"


def _caption(sources: Sources) -> str:
    caption = (
        f"{'Left: the' if _any_diverged(sources) else 'The'} {sources.constants.judged_name} minus that of the runs without clipping of the same "
        "seeds and learning rate, mean in percentage points; blue is better, red is worse."
    )
    if any(comparison.verdict in ("better", "worse") for comparison in sources.comparisons):
        caption += " ▲ better, ▼ worse; △ ▽: not after Holm's correction for several arms."
    if any(comparison.verdict == "identical" for comparison in sources.comparisons):
        caption += " =: identical, because clipping never acted."
    if not _any_diverged(sources):
        return caption
    return f"{caption} Right: how many runs {sources.results.diverged_phrase}."


def _any_diverged(sources: Sources) -> bool:
    return any(run.diverged for run in sources.results.runs)


def _reach(compared: dict[tuple[Clip, float], Comparison]) -> float:
    """Return the difference in points at which the colours end: nine in ten are within."""
    sizes = sorted(
        100 * abs(comparison.measures[JUDGED].mean_difference)
        for comparison in compared.values()
        if comparison.measures[JUDGED].mean_difference is not None
    )
    return max(sizes[math.ceil(0.9 * len(sizes)) - 1] if sizes else 0.0, MIN_REACH)


def _draw_page(
    sources: Sources,
    compared: dict[tuple[Clip, float], Comparison],
    rows: list[Row],
    text: FigureText,
) -> tuple[Figure, str]:
    maps = 2 if _any_diverged(sources) else 1
    arms_of_maps = [[arms, _with_baselines(arms, sources)][:maps] for _, arms in rows]
    layout = [
        (title, _labels(shown[-1]), [_size(sources.sheet, arms) for arms in shown])
        for (title, _), shown in zip(rows, arms_of_maps, strict=True)
    ]
    titles = [[f"{title} difference".strip(), f"{title} diverged".strip()][:maps] for title, _ in rows]
    figure, grid = MapPage(sources.sheet, text, layout).open(titles)
    reach = _reach(compared)
    differences = ScalarMappable(Normalize(-reach, reach), matplotlib.colormaps["RdBu"])
    divergences = ScalarMappable(Normalize(0, 1.25), matplotlib.colormaps["Greys"])
    for shown, row_axes in zip(arms_of_maps, grid, strict=True):
        for axes, arms in zip(row_axes, shown, strict=True):
            _open_map(axes, arms)
        for arm in shown[0]:
            found = compared.get(_place(arm))
            _draw_difference(row_axes[0], shown[0], arm, found, differences, sources)
        for arm in shown[1] if maps > 1 else []:
            _draw_divergence(row_axes[1], shown[1], arm, divergences, sources)
    return figure, _alt([arm for shown in arms_of_maps for arm in shown[-1]], compared)


def _size(sheet: Sheet, arms: list[Arm]) -> MapSize:
    return MapSize(_cell_width(sheet) * len(learning_rates(arms)), CELL_HEIGHT * len(_clips(arms)))


def _alt(arms: list[Arm], compared: dict) -> str:
    values = "; ".join(
        f"{arm.label}: {_points(compared.get(_place(arm)))} points, {arm.diverged_count} of "
        f"{len(arm.runs)} diverged"
        for arm in arms
    )
    return f"Maps of the difference to no clipping and of divergence. {values}."


def _open_map(axes: Axes, arms: list[Arm]) -> None:
    rates, clips = learning_rates(arms), _clips(arms)
    axes.set_xlim(0, len(rates))
    axes.set_ylim(len(clips), 0)
    axes.grid(False)
    axes.tick_params(length=0, pad=3)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks([k + 0.5 for k in range(len(rates))], [f"{rate:g}" for rate in rates])
    axes.set_yticks([k + 0.5 for k in range(len(clips))], _labels(arms))
    axes.set_xlabel("learning rate")
    if not _is_mixed(arms):
        axes.set_ylabel("threshold")


def _points(comparison: Comparison | None) -> str:
    return points(comparison.measures[JUDGED].mean_difference if comparison else None)


def _draw_difference(
    axes: Axes,
    arms: list[Arm],
    arm: Arm,
    comparison: Comparison | None,
    scale: ScalarMappable,
    sources: Sources,
) -> None:
    difference = comparison.measures[JUDGED] if comparison else None
    mean = difference.mean_difference if difference else None
    face = NO_VALUE if mean is None else scale.to_rgba(100 * mean)
    mark = ""
    if comparison:
        fill = comparison_filling(comparison, ACCURACY, sources.constants.significance_level)
        mark = VERDICT_MARKS.get((difference.verdict, fill), "")
    text = f"{_points(comparison)} {mark}".strip()
    _draw_cell(axes, arms, arm, face, text, sources, "difference")


def _draw_divergence(
    axes: Axes, arms: list[Arm], arm: Arm, scale: ScalarMappable, sources: Sources
) -> None:
    share = arm.diverged_count / len(arm.runs)
    text = f"{arm.diverged_count}/{len(arm.runs)}" if arm.diverged_count else "0"
    # A baseline is in the map of each mode, and every element has its own name.
    what = f"diverged_{arms[0].clip.mode}" if arm.clip.is_baseline else "diverged"
    _draw_cell(axes, arms, arm, scale.to_rgba(share), text, sources, what)


def _draw_cell(
    axes: Axes,
    arms: list[Arm],
    arm: Arm,
    face: tuple[float, float, float, float],
    text: str,
    sources: Sources,
    what: str,
) -> None:
    column = learning_rates(arms).index(arm.learning_rate)
    row = _clips(arms).index(arm.clip)
    axes.add_patch(
        Rectangle((column, row), 1, 1, facecolor=face, edgecolor="white", linewidth=1.2)
    )
    axes.text(
        column + 0.5,
        row + 0.5,
        text,
        ha="center",
        va="center",
        color=INK if is_light(face) else "white",
        fontsize=min(sources.sheet.text.small, 7.5),
        gid=element_id(what, arm.clip, arm.learning_rate),
    )
