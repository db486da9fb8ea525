"""A number of each arm over the steps, on a log axis: a panel per arm, with its arm without clipping."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from clipsweep_results.result_folder import Arm, Run
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .bands import over_seeds
from .curves import limit_to_plan
from .layout import FigureText
from .norm_axis import limit_norms
from .panel_page import PageText, first_row_keys, open_page
from .panels import Row, chosen_note
from .sources import Sources
from .style import INK, MUTED, clip_color, element_id

MAX_PANELS = 24
MAX_DECADES = 6  # on either side of the median
BASELINE_LINE = {"color": INK, "linewidth": 0.9, "linestyle": (0, (4, 1.6)), "zorder": 4}


def in_windows(value: Callable[[Run], np.ndarray], arm: Arm) -> np.ndarray:
    """Return a number of each run of an arm, [windows, seeds]."""
    return np.stack([value(run) for run in arm.runs], axis=1)


def positive(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values) & (values > 0)]


def limits_of(values: Iterable[np.ndarray]) -> tuple[float, float]:
    """Return the limits of the log axis, around the median if the values span too many decades."""
    known = np.concatenate([positive(found) for found in values])
    if not known.size:
        return 1e-8, 1.0
    middle = float(np.median(known))
    low = max(float(known.min()), middle / 10.0**MAX_DECADES)
    high = min(float(known.max()), middle * 10.0**MAX_DECADES)
    return low / 1.8, high * 1.8


@dataclass(frozen=True)
class MedianPanels:
    """The figure: medians over the seeds, with their range."""

    sources: Sources
    value: Callable[[Run], np.ndarray]  # of a run in each window; NaN where it has none
    limits: tuple[float, float]
    y_label: str
    described: str  # for the alternative text: `Norm of the update`
    without_value: str  # what is in a panel without any value

    def caption(self, what: str, arms: list[Arm], of_arms: int) -> str:
        """Return the caption. what: the number in words; of_arms: how many could have been shown."""
        grid, min_seeds = self.sources.results.grid, self.sources.constants.min_pairs
        windows = f", of windows of {grid.width} steps" if grid.width > 1 else ""
        sentences = [
            f"{what}: medians{windows}. Bold: median over the seeds.",
            "Shaded: the range of the seeds."
            if any(len(arm.runs) >= min_seeds for arm in arms)
            else "Thin: single seeds.",
            "Dashed: without clipping, of the same learning rate." if _has_baselines(arms) else "",
            self.sources.identical_note.strip(),
            chosen_note(arms, of_arms),
        ]
        values = np.concatenate([in_windows(self.value, arm).ravel() for arm in self.sources.arms])
        if cut := int(np.sum((values < self.limits[0]) | (values > self.limits[1]))):
            sentences.append(f"{cut:,} values outside the axis are cut off.")
        return " ".join(filter(None, sentences))

    def draw_page(self, rows: list[Row], text: FigureText) -> tuple[Figure, str]:
        words = PageText(text.title, text.caption, "step", self.y_label)
        page = open_page(self.sources.sheet, rows, words, first_row_keys(rows, self._key(rows)))
        limit_to_plan(self.sources.results, page)
        baselines = {
            (arm.clip.setup, arm.learning_rate): arm
            for arm in self.sources.arms
            if arm.clip.is_baseline
        }
        for panel, axes in page.pairs():
            arm = panel.arms[0]
            limit_norms(axes, "y", *self.limits)
            self._note_if_empty(axes, arm)
            self._draw_arm(axes, arm)
            baseline = baselines.get((arm.clip.setup, arm.learning_rate))
            if baseline not in (None, arm):
                self._draw_baseline(axes, arm, baseline)
        shown = "; ".join(panel.title for panel, _ in page.pairs())
        return page.figure, f"{self.described} against step; panels: {shown}."

    def _note_if_empty(self, axes: Axes, arm: Arm) -> None:
        values, low = in_windows(self.value, arm), self.limits[0]
        if not (values >= low).any():
            is_measured = np.isfinite(values).any()
            words = (
                f"all below {low:.0e}".replace("-", "−") if is_measured else self.without_value
            )
            axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=MUTED)

    def _draw_arm(self, axes: Axes, arm: Arm) -> None:
        values, centers = in_windows(self.value, arm), self.sources.results.grid.centers
        color = clip_color(arm.clip)
        if len(arm.runs) < self.sources.constants.min_pairs:
            axes.plot(centers, values, color=color, linewidth=0.6, alpha=0.45, zorder=2)
        else:
            low, high = (over_seeds(end, values) for end in (np.nanmin, np.nanmax))
            gid = element_id("range", arm.clip, arm.learning_rate)
            axes.fill_between(
                centers, low, high, color=color, alpha=0.3, linewidth=0, zorder=2, gid=gid
            )
        middle = over_seeds(np.nanmedian, values)
        axes.plot(
            centers,
            middle,
            color=color,
            linewidth=1.6,
            marker="o" if np.isfinite(middle).sum() < 2 else "",  # a single point makes no line
            markersize=3,
            zorder=3,
            gid=element_id("median", arm.clip, arm.learning_rate),
        )

    def _draw_baseline(self, axes: Axes, arm: Arm, baseline: Arm) -> None:
        axes.plot(
            self.sources.results.grid.centers,
            over_seeds(np.nanmedian, in_windows(self.value, baseline)),
            gid=element_id("baseline", arm.clip, arm.learning_rate),
            **BASELINE_LINE,
        )

    def _key(self, rows: list[Row]) -> list[Line2D | Patch]:
        arms = [panel.arms[0] for row in rows for panel in row if panel]
        min_seeds = self.sources.constants.min_pairs
        handles: list[Line2D | Patch] = [Line2D([], [], color=INK, linewidth=1.6, label="median")]
        if any(len(arm.runs) >= min_seeds for arm in arms):
            handles.append(Patch(color=INK, alpha=0.3, linewidth=0, label="range of the seeds"))
        if any(len(arm.runs) < min_seeds for arm in arms):
            handles.append(Line2D([], [], color=INK, linewidth=0.6, alpha=0.5, label="single seeds"))
        if not all(arm.clip.is_baseline for arm in arms):
            handles.append(Line2D([], [], label="without clipping", **BASELINE_LINE))
        return handles


def _has_baselines(arms: list[Arm]) -> bool:
    return any(arm.clip.is_baseline for arm in arms) and not all(a.clip.is_baseline for a in arms)
