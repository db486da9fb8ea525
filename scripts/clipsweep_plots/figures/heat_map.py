"""Judged test accuracy over threshold and learning rate, one map per mode."""

from dataclasses import dataclass

import matplotlib
import numpy as np
from clipsweep_results.clips import Clip
from clipsweep_results.levels import Levels
from clipsweep_results.result_folder import Arm, Results
from clipsweep_results.setups import Setup
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from ..drawing.layout import MARGIN, NamedFigure, Sheet, add_axes, add_header, header_height, paged
from ..drawing.panels import by_setup, learning_rates
from ..drawing.sources import Sources
from ..drawing.style import INK, MUTED, element_id, is_light, lines_height, text_width

CELL_HEIGHT = 0.42
MAX_ROW_WIDTH = 9.0
COLORBAR_WIDTH, COLORBAR_ROOM = 0.16, 1.25
MIN_WIDTH = 5.8
NO_VALUE_COLOR = "#ececec"
HATCH = "////"
MAX_ROWS = 12
SEVERAL_MODES = "modes of one threshold"
BASELINE_GAP = 0.2  # cells between the thresholds and the baseline below them
MIN_COLORBAR, MAX_COLORBAR = 1.15, 2.6


@dataclass(frozen=True)
class ModeMap:
    """One mode's arms: a row per threshold, then the baseline; a column per learning rate."""

    setup: Setup
    mode: str
    rows: dict[Clip, float]  # the upper edge of each clip's row, in cells
    rates: list[float]
    arms: list[Arm]

    @property
    def row_count(self) -> float:
        return max(self.rows.values()) + 1


@dataclass(frozen=True)
class MapSizes:
    """The sizes of cells and of the space around the maps, in inches."""

    sheet: Sheet
    row_labels: float  # the widest

    @property
    def cell_width(self) -> float:
        return 0.52 if self.sheet.is_narrow else 0.66

    @property
    def left(self) -> float:
        """The room left of a map: the label of the axis and those of its rows."""
        return self.row_labels + lines_height(1, self.sheet.text.label) + 2.2 * MARGIN

    @property
    def above(self) -> float:
        return lines_height(1, self.sheet.text.label) + 0.1

    @property
    def below(self) -> float:
        text = self.sheet.text
        return lines_height(1, text.small) + lines_height(1, text.label) + 0.14

    @property
    def max_row_width(self) -> float:
        if self.sheet.width is None:
            return MAX_ROW_WIDTH
        return self.sheet.width - (MARGIN if self.sheet.is_narrow else COLORBAR_ROOM)

    @property
    def max_rates(self) -> int:
        """The number of learning rates that one map has room for."""
        return max(1, int((self.max_row_width - self.left) / self.cell_width))

    def size(self, mode_map: ModeMap) -> tuple[float, float]:
        return len(mode_map.rates) * self.cell_width, mode_map.row_count * CELL_HEIGHT


def draw_heat_map(sources: Sources) -> list[NamedFigure]:
    """Draw the map of every mode side by side, on one colour scale."""
    results, chance = sources.results, sources.chance
    accuracy = sources.constants.judged_name
    means = {arm: _mean(sources.judged_accuracies(arm)) for arm in results.arms}
    title, caption = _title(means, accuracy), _caption(results, chance)
    figure = _draw(sources, means, title, caption)
    return [NamedFigure("final_accuracy", title, caption, _alt(means, accuracy), figure)]


def _draw(sources: Sources, means: dict[Arm, float | None], title: str, caption: str) -> Figure:
    sheet, arms = sources.sheet, list(means)
    small = sheet.text.small
    sizes = MapSizes(sheet, _widest_row_label(arms, small))
    maps = _mode_maps(arms, sizes.max_rates)
    places, width, height = _place(maps, sizes)
    if not sheet.is_narrow:
        height = max(height, sizes.above + MIN_COLORBAR + 0.1)
    header = header_height(sheet, width, title, caption)
    key = lines_height(1, small) + MARGIN if any(arm.diverged_count for arm in arms) else 0
    bar = lines_height(1, small) + lines_height(1, sheet.text.label) + 0.35
    foot = key + (bar if sheet.is_narrow else 0)
    figure = Figure(figsize=(width, header + height + foot))
    add_header(figure, sheet, title, caption)
    scale = _color_scale(means)
    for mode_map, (left, top) in zip(maps, places, strict=True):
        axes = add_axes(figure, left, header + top, *sizes.size(mode_map), _map_title(mode_map))
        _draw_map(axes, mode_map, means, scale, sheet)
    if sheet.is_narrow:
        axes = add_axes(figure, MARGIN * 3, header + height + 0.05, width - 0.6, 0.1)
        _add_colorbar(figure, axes, scale, "horizontal")
    else:
        length = height - sizes.above - sizes.below
        length = min(max(length, MIN_COLORBAR), MAX_COLORBAR)
        left = 0.35 + max(
            left + sizes.size(mode_map)[0] for mode_map, (left, _) in zip(maps, places, strict=True)
        )
        axes = add_axes(figure, left, header + sizes.above, COLORBAR_WIDTH, length)
        _add_colorbar(figure, axes, scale, "vertical")
    _add_key(figure, arms)
    return figure


def _title(means: dict[Arm, float | None], accuracy: str) -> str:
    """Name the highest mean with clipping, and that without at the same learning rate.

    Several setups have no common best arm: each is compared only with itself.
    """
    if (setups := len(by_setup(list(means)))) > 1:
        return f"{accuracy.capitalize()} by threshold and learning rate for {setups} setups"
    clipping = {
        arm: mean for arm, mean in means.items() if mean is not None and arm.clip.mode != "none"
    }
    if not clipping:
        return f"{accuracy.capitalize()} by learning rate, without clipping"
    best = max(clipping, key=lambda arm: clipping[arm])
    title = f"{accuracy.capitalize()} is highest with {best.label}: {100 * clipping[best]:.1f} %"
    same_rate = next(
        (
            mean
            for arm, mean in means.items()
            if arm.clip.is_baseline and arm.learning_rate == best.learning_rate
        ),
        None,
    )
    if same_rate is None:
        return title
    return f"{title}, and {100 * same_rate:.1f} % without clipping at that learning rate"


def _row_label(clip: Clip, mode: str) -> str:
    """Name a row by its threshold if the map has only one mode."""
    if clip.is_baseline:
        return "none"
    if mode == SEVERAL_MODES:
        return clip.without_setup.label
    return clip.without_setup.label.removeprefix(f"{mode}:")


def _widest_row_label(arms: list[Arm], points: float) -> float:
    labels = [
        _row_label(clip, name)
        for members in by_setup(arms).values()
        for name, clips in _clip_groups(members).items()
        for clip in clips
    ]
    return max(text_width(label, points) for label in [*labels, "none"])


def _map_title(mode_map: ModeMap) -> str:
    mode = {"none": "no clipping", SEVERAL_MODES: ""}.get(mode_map.mode, mode_map.mode)
    return mode_map.setup.name_of(mode)


def _caption(results: Results, chance: Levels) -> str:
    caption = "Mean over the seeds, in percent."
    if any(arm.diverged_count for arm in results.arms):
        caption += (
            " Diverged runs are left out, because without summary.json the chance level is unknown."
            if not chance.is_known
            else f" Runs that {results.diverged_phrase} count as chance level, {chance.percent}."
        )
        caption += " The colour scale covers the arms without diverged runs."
    return caption


def _alt(means: dict[Arm, float | None], accuracy: str) -> str:
    values = "; ".join(
        f"{arm.label}: "
        + ("no value" if mean is None else f"{100 * mean:.1f} %")
        + (f", {arm.diverged_count} of {len(arm.runs)} diverged" if arm.diverged_count else "")
        for arm, mean in means.items()
    )
    return f"Heat map of the {accuracy}. {values}."


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _mode_maps(arms: list[Arm], max_rates: int) -> list[ModeMap]:
    """Make a map of each mode, and one of all modes with a single threshold; split large ones."""
    maps = []
    for rates in paged(learning_rates(arms), max_rates):
        members = [arm for arm in arms if arm.learning_rate in rates]
        for setup, own in by_setup(members).items():
            for name, clips in (_clip_groups(own) or {"none": []}).items():
                parts = paged(clips, MAX_ROWS) or [[]]
                maps += [_mode_map(setup, name, part, own) for part in parts]
    return maps


def _clip_groups(arms: list[Arm]) -> dict[str, list[Clip]]:
    """Return the clips of each map of one setup by mode, the highest threshold first."""
    modes: dict[str, set[Clip]] = {}
    for arm in arms:
        if not arm.clip.is_baseline:
            modes.setdefault(arm.clip.mode, set()).add(arm.clip)
    single = [clip for clips in modes.values() if len(clips) == 1 for clip in clips]
    if len(single) < 2:
        single = []
    groups = {
        mode: sorted(clips, key=lambda clip: (clip.threshold or 0, clip.details), reverse=True)
        for mode, clips in modes.items()
        if not clips & set(single)
    }
    return groups | ({SEVERAL_MODES: single} if single else {})


def _mode_map(setup: Setup, mode: str, clips: list[Clip], arms: list[Arm]) -> ModeMap:
    rows = {clip: float(row) for row, clip in enumerate(clips)}
    members = [arm for arm in arms if arm.clip in rows or arm.clip.is_baseline]
    for arm in members:
        if arm.clip.is_baseline:
            rows[arm.clip] = len(clips) + BASELINE_GAP if clips else 0.0
    return ModeMap(setup, mode, rows, learning_rates(arms), members)


def _place(maps: list[ModeMap], sizes: MapSizes) -> tuple[list[tuple[float, float]], float, float]:
    """Arrange the maps in rows; return their upper left corners and the whole size, in inches."""
    places, left, top, row_height, right = [], sizes.left, sizes.above, 0.0, 0.0
    for mode_map in maps:
        map_width, map_height = sizes.size(mode_map)
        if places and left + map_width > sizes.max_row_width:
            left, top = sizes.left, top + row_height + sizes.below + sizes.above
            row_height = 0.0
        places.append((left, top))
        right = max(right, left + map_width)
        left += map_width + sizes.left
        row_height = max(row_height, map_height)
    width = sizes.sheet.width or max(right + COLORBAR_ROOM, MIN_WIDTH)
    return places, width, top + row_height + sizes.below


def _color_scale(means: dict[Arm, float | None]) -> ScalarMappable:
    """Scale the colours to the arms without diverged runs; next to chance all would look equal."""
    known = (
        [100 * mean for arm, mean in means.items() if mean is not None and not arm.diverged_count]
        or [100 * mean for mean in means.values() if mean is not None]
        or [0.0]
    )
    low, high = min(known), max(known)
    # The scale spans at least one point, or rounding noise would look like a finding.
    room = max(1.0 - (high - low), 0) / 2
    return ScalarMappable(Normalize(low - room, high + room), matplotlib.colormaps["cividis"])


def _draw_map(
    axes: Axes,
    mode_map: ModeMap,
    means: dict[Arm, float | None],
    scale: ScalarMappable,
    sheet: Sheet,
) -> None:
    axes.set_xlim(0, len(mode_map.rates))
    axes.set_ylim(mode_map.row_count, 0)
    axes.grid(False)
    axes.tick_params(length=0, pad=4)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks(np.arange(len(mode_map.rates)) + 0.5, [f"{rate:g}" for rate in mode_map.rates])
    axes.set_yticks(
        np.array(list(mode_map.rows.values())) + 0.5,
        [_row_label(clip, mode_map.mode) for clip in mode_map.rows],
    )
    axes.set_xlabel("learning rate")
    if mode_map.mode not in ("none", SEVERAL_MODES):
        axes.set_ylabel("threshold")
    for arm in mode_map.arms:
        _draw_cell(
            axes,
            mode_map.rates.index(arm.learning_rate),
            mode_map.rows[arm.clip],
            arm,
            means[arm],
            scale,
            sheet,
        )


def _draw_cell(
    axes: Axes,
    column: float,
    row: float,
    arm: Arm,
    mean: float | None,
    scale: ScalarMappable,
    sheet: Sheet,
) -> None:
    face = NO_VALUE_COLOR if mean is None else scale.to_rgba(100 * mean)
    axes.add_patch(Rectangle((column, row), 1, 1, facecolor=face, edgecolor="white", linewidth=1.5))
    ink = INK if mean is None or is_light(face) else "white"
    lines = ["–" if mean is None else f"{100 * mean:.1f}"]
    if arm.diverged_count:
        axes.add_patch(
            Rectangle(
                (column + 0.04, row + 0.06),
                0.92,
                0.88,
                fill=False,
                hatch=HATCH,
                edgecolor=ink,
                linewidth=0,
                alpha=0.55,
                gid=element_id("diverged", arm.clip, arm.learning_rate),
            )
        )
        lines.append(f"× {arm.diverged_count}/{len(arm.runs)}")
    box = {"facecolor": face, "edgecolor": "none", "pad": 1.2} if arm.diverged_count else None
    axes.text(
        column + 0.5,
        row + 0.5,
        "\n".join(lines),
        ha="center",
        va="center",
        color=ink,
        fontsize=min(sheet.text.small, 7.5),
        linespacing=1.15,
        bbox=box,
    )


def _add_colorbar(figure: Figure, axes: Axes, scale: ScalarMappable, orientation: str) -> None:
    bar = figure.colorbar(scale, cax=axes, orientation=orientation)
    bar.outline.set_visible(False)
    bar.set_label("test accuracy (%)")
    bar.locator = MaxNLocator(4)
    bar.update_ticks()


def _add_key(figure: Figure, arms: list[Arm]) -> None:
    if not any(arm.diverged_count for arm in arms):
        return
    width, height = figure.get_size_inches()
    patch = Patch(
        facecolor="white",
        edgecolor=MUTED,
        hatch=HATCH,
        linewidth=0.5,
        label="× k/n: k of the arm's n runs diverged",
    )
    figure.legend(
        handles=[patch],
        loc="lower left",
        bbox_to_anchor=(MARGIN / width, 0.05 / height),
        handlelength=2,
    )
