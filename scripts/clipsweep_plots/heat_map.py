"""Final test accuracy over threshold and learning rate, one map a mode, diverged arms marked."""

from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from .layout import NamedFigure, add_axes, add_header, header_height, learning_rates
from .result_folder import Arm, Clip, Results
from .style import INK, MUTED, element_id

CELL_WIDTH, CELL_HEIGHT = 0.66, 0.42
WIDEST_ROW = 9.0
LEFT, GAP, ROW_GAP = 0.85, 0.8, 0.85
COLORBAR_WIDTH = 1.25
FOOT, KEY_FOOT = 0.6, 0.95
LEAST_WIDTH = 5.8
NO_VALUE_COLOR = "#ececec"
HATCH = "////"
MOST_ROWS = 12
BASELINE_GAP = 0.2  # cells between the thresholds and the baseline below them
TALLEST_COLORBAR = 2.6
TITLE = "Final test accuracy by threshold and learning rate"


@dataclass(frozen=True)
class ModeMap:
    """One mode's arms: thresholds down, the baseline's row below them, learning rates across."""

    mode: str
    rows: dict[Clip, float]  # the upper edge of each clip's row, in cells
    rates: list[float]
    arms: list[Arm]

    @property
    def row_count(self) -> float:
        return max(self.rows.values()) + 1

    @property
    def size(self) -> tuple[float, float]:
        return len(self.rates) * CELL_WIDTH, self.row_count * CELL_HEIGHT


def draw_heat_map(results: Results, chance_accuracy: float | None) -> NamedFigure:
    """Draw the map of every mode side by side, on one colour scale."""
    maps = _mode_maps(results.arms)
    means = {arm: _mean(arm.final_accuracies(chance_accuracy)) for arm in results.arms}
    caption = _caption(results, chance_accuracy)
    places, width, height = _place(maps)
    header = header_height(caption, width) + 0.3
    foot = KEY_FOOT if any(arm.diverged_count for arm in results.arms) else FOOT
    figure = Figure(figsize=(width, header + height + foot))
    add_header(figure, TITLE, caption)
    scale = _color_scale(means)
    for mode_map, (left, top) in zip(maps, places, strict=True):
        axes = add_axes(figure, left, header + top, *mode_map.size)
        _draw_map(axes, mode_map, means, scale)
    _add_colorbar(figure, scale, header, width, height)
    _add_key(figure, results.arms)
    return NamedFigure("final_accuracy", TITLE, caption, _alt(means), figure)


def _caption(results: Results, chance_accuracy: float | None) -> str:
    caption = "Mean over the seeds, in percent."
    if any(arm.diverged_count for arm in results.arms):
        caption += (
            " Diverged runs are left out: without summary.json the chance level is unknown."
            if chance_accuracy is None
            else f" A diverged run counts as chance, {100 * chance_accuracy:g} %."
        )
        caption += " The colours span the arms of which no run diverged."
    return caption


def _alt(means: dict[Arm, float | None]) -> str:
    values = "; ".join(
        f"{arm.label}: "
        + ("no value" if mean is None else f"{100 * mean:.1f} %")
        + (f", {arm.diverged_count} of {len(arm.runs)} diverged" if arm.diverged_count else "")
        for arm, mean in means.items()
    )
    return f"Heat map of the final test accuracy. {values}."


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _mode_maps(arms: list[Arm]) -> list[ModeMap]:
    """Make a map of each mode that clips, a long one in parts; or of the baseline alone."""
    maps = []
    for mode in dict.fromkeys(arm.clip.mode for arm in arms if not arm.clip.is_baseline):
        clips = sorted(
            {arm.clip for arm in arms if arm.clip.mode == mode},
            key=lambda clip: clip.threshold or 0,
            reverse=True,
        )
        parts = -(-len(clips) // MOST_ROWS)
        length = -(-len(clips) // parts)
        maps += [
            _mode_map(mode, clips[begin : begin + length], arms)
            for begin in range(0, len(clips), length)
        ]
    return maps or [_mode_map("none", [], arms)]


def _mode_map(mode: str, clips: list[Clip], arms: list[Arm]) -> ModeMap:
    rows = {clip: float(row) for row, clip in enumerate(clips)}
    members = [arm for arm in arms if arm.clip in rows or arm.clip.is_baseline]
    for arm in members:
        if arm.clip.is_baseline:
            rows[arm.clip] = len(clips) + BASELINE_GAP if clips else 0.0
    return ModeMap(mode, rows, learning_rates(arms), members)


def _place(maps: list[ModeMap]) -> tuple[list[tuple[float, float]], float, float]:
    """Flow the maps into rows; return their upper left corners and the whole size, in inches."""
    places, left, top, row_height, right = [], LEFT, 0.0, 0.0, 0.0
    for mode_map in maps:
        map_width, map_height = mode_map.size
        if places and left + map_width > WIDEST_ROW:
            left, top, row_height = LEFT, top + row_height + ROW_GAP, 0.0
        places.append((left, top))
        left += map_width + GAP
        row_height = max(row_height, map_height)
        right = max(right, left - GAP)
    return places, max(right + COLORBAR_WIDTH, LEAST_WIDTH), top + row_height


def _color_scale(means: dict[Arm, float | None]) -> ScalarMappable:
    """Span the arms without diverged runs: next to chance all others would look the same."""
    known = (
        [100 * mean for arm, mean in means.items() if mean is not None and not arm.diverged_count]
        or [100 * mean for mean in means.values() if mean is not None]
        or [0.0]
    )
    low, high = min(known), max(known)
    room = (
        max(1.0 - (high - low), 0) / 2
    )  # a point at least, or rounding noise would look like a finding
    return ScalarMappable(Normalize(low - room, high + room), matplotlib.colormaps["cividis"])


def _draw_map(
    axes: Axes, mode_map: ModeMap, means: dict[Arm, float | None], scale: ScalarMappable
) -> None:
    axes.set_title(
        "no clipping" if mode_map.mode == "none" else mode_map.mode, pad=5, fontweight="bold"
    )
    axes.set_xlim(0, len(mode_map.rates))
    axes.set_ylim(mode_map.row_count, 0)
    axes.grid(False)
    axes.tick_params(length=0, pad=4)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks(np.arange(len(mode_map.rates)) + 0.5, [f"{rate:g}" for rate in mode_map.rates])
    axes.set_yticks(
        np.array(list(mode_map.rows.values())) + 0.5,
        ["none" if clip.is_baseline else f"{clip.threshold:g}" for clip in mode_map.rows],
    )
    axes.set_xlabel("learning rate")
    if mode_map.mode != "none":
        axes.set_ylabel("threshold")
    for arm in mode_map.arms:
        _draw_cell(
            axes,
            mode_map.rates.index(arm.learning_rate),
            mode_map.rows[arm.clip],
            arm,
            means[arm],
            scale,
        )


def _draw_cell(
    axes: Axes, column: float, row: float, arm: Arm, mean: float | None, scale: ScalarMappable
) -> None:
    face = NO_VALUE_COLOR if mean is None else scale.to_rgba(100 * mean)
    axes.add_patch(Rectangle((column, row), 1, 1, facecolor=face, edgecolor="white", linewidth=1.5))
    ink = INK if mean is None or _is_light(face) else "white"
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
        lines.append(f"× {arm.diverged_count} of {len(arm.runs)}")
    box = {"facecolor": face, "edgecolor": "none", "pad": 1.2} if arm.diverged_count else None
    axes.text(
        column + 0.5,
        row + 0.5,
        "\n".join(lines),
        ha="center",
        va="center",
        color=ink,
        fontsize=7.5,
        linespacing=1.15,
        bbox=box,
    )


def _is_light(rgba: tuple[float, float, float, float]) -> bool:
    red, green, blue, _ = rgba
    return 0.299 * red + 0.587 * green + 0.114 * blue > 0.5


def _add_colorbar(
    figure: Figure, scale: ScalarMappable, top: float, width: float, height: float
) -> None:
    length = min(max(height, 1.0), TALLEST_COLORBAR)
    axes = add_axes(figure, width - COLORBAR_WIDTH + 0.4, top, 0.16, length)
    bar = figure.colorbar(scale, cax=axes)
    bar.outline.set_visible(False)
    bar.set_label("final test accuracy (%)", fontsize=8)
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
        label="× k of n: k of the arm's n runs diverged",
    )
    figure.legend(
        handles=[patch],
        loc="lower left",
        bbox_to_anchor=(0.1 / width, 0.05 / height),
        borderaxespad=0,
        handlelength=2,
    )
