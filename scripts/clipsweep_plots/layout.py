"""Which arms share a panel, which panels a page, and where a panel's axes lie.

Many arms become small multiples, never a long legend. Sizes are in inches, so text has the same
size in every figure.
"""

import textwrap
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .result_folder import Arm, Clip
from .style import INK, MUTED, THRESHOLDS_PER_PANEL

MOST_LINES = 1 + THRESHOLDS_PER_PANEL  # in a panel: the baseline and the thresholds of a mode
MOST_COLUMNS = 4
ROWS_PER_PAGE = 6

LEFT_MARGIN = 0.72
LEGEND_WIDTH = 1.95
BOTTOM_MARGIN = 0.62
COLUMN_GAP = 0.2
ROW_GAP = 0.45
TITLE_PAD = 6
PANEL_SIZES = {1: (5.6, 3.1), 2: (3.3, 2.3), 3: (2.45, 1.9), 4: (1.95, 1.5)}
PAGE_HEIGHT = 9.2  # of all rows of panels: a sheet of paper with its header
TITLE_POINTS, SUBTITLE_POINTS = 11.5, 8.5


@dataclass(frozen=True)
class Panel:
    """The arms drawn in one pair of axes."""

    title: str
    arms: tuple[Arm, ...]

    @property
    def clips(self) -> list[Clip]:
        return list(dict.fromkeys(arm.clip for arm in self.arms))


Row = list[Panel | None]


@dataclass(frozen=True)
class NamedFigure:
    """A finished figure: its file name without ending, and what it shows in words."""

    stem: str
    title: str
    caption: str
    alt: str
    figure: Figure


def curve_rows(arms: list[Arm]) -> list[Row]:
    """Arrange curves: a panel a learning rate, and a mode where lines would be too many."""
    rates = learning_rates(arms)
    crowded = any(sum(arm.learning_rate == rate for arm in arms) > MOST_LINES for rate in rates)
    if not crowded:
        panels = [Panel(f"learning rate {rate:g}", _at(arms, rate)) for rate in rates]
        return _wrap(panels)
    groups = [[_group_panel(arms, clips, rate) for rate in rates] for clips in _clip_groups(arms)]
    if len(rates) == 1:
        return _wrap([panels[0] for panels in groups], columns=2)  # each has its own legend
    if len(rates) <= MOST_COLUMNS:
        return groups
    return [row for panels in groups for row in _wrap([panel for panel in panels if panel])]


def arm_rows(arms: list[Arm]) -> list[Row]:
    """Arrange one panel an arm: clips down and learning rates across where they fit."""
    rates = learning_rates(arms)
    panels = {(arm.clip, arm.learning_rate): Panel(arm.label, (arm,)) for arm in arms}
    if 1 < len(rates) <= MOST_COLUMNS:
        clips = dict.fromkeys(arm.clip for arm in arms)
        return [[panels.get((clip, rate)) for rate in rates] for clip in clips]
    return _wrap(list(panels.values()))


def learning_rates(arms: list[Arm]) -> list[float]:
    return sorted({arm.learning_rate for arm in arms})


def paged(rows: list[Row]) -> list[list[Row]]:
    """Cut rows into pages that a sheet of paper holds, of about equal length."""
    pages = -(-len(rows) // ROWS_PER_PAGE)
    length = -(-len(rows) // pages)
    return [rows[begin : begin + length] for begin in range(0, len(rows), length)]


def page_stem(stem: str, page: int, pages: int) -> str:
    return stem if pages == 1 else f"{stem}_{page}"


def page_title(title: str, page: int, pages: int) -> str:
    return title if pages == 1 else f"{title} ({page} of {pages})"


def _at(arms: list[Arm], rate: float) -> tuple[Arm, ...]:
    return tuple(arm for arm in arms if arm.learning_rate == rate)


def _clip_groups(arms: list[Arm]) -> list[list[Clip]]:
    """Split the clips into groups of one mode and few thresholds each."""
    groups = []
    for mode in dict.fromkeys(arm.clip.mode for arm in arms if not arm.clip.is_baseline):
        clips = sorted(
            {arm.clip for arm in arms if arm.clip.mode == mode}, key=lambda c: c.threshold or 0
        )
        groups += [
            clips[begin : begin + THRESHOLDS_PER_PANEL]
            for begin in range(0, len(clips), THRESHOLDS_PER_PANEL)
        ]
    return groups


def _group_title(arms: list[Arm], clips: list[Clip]) -> str:
    """Name a group by its mode, and by its thresholds where the mode has other groups."""
    mode = clips[0].mode
    if len({arm.clip for arm in arms if arm.clip.mode == mode}) == len(clips):
        return mode
    return f"{clips[0].label} to {clips[-1].threshold:g}"


def _group_panel(arms: list[Arm], clips: list[Clip], rate: float) -> Panel | None:
    """Make a panel of one group at one learning rate, the baseline with it for reference."""
    members = tuple(arm for arm in _at(arms, rate) if arm.clip.is_baseline or arm.clip in clips)
    return Panel(f"{_group_title(arms, clips)}, lr {rate:g}", members) if members else None


def _wrap(panels: list[Panel], columns: int = MOST_COLUMNS) -> list[Row]:
    """Break a list of panels into rows of equal length, the last one filled up with None."""
    rows = -(-len(panels) // columns)
    columns = -(-len(panels) // rows)
    padded = panels + [None] * (rows * columns - len(panels))
    return [padded[begin : begin + columns] for begin in range(0, len(padded), columns)]


@dataclass(frozen=True)
class PanelPage:
    """A figure with its empty axes, row by row; None where there is no panel."""

    figure: Figure
    axes: list[list[Axes | None]]
    rows: list[Row]

    def pairs(self):
        """Yield each panel with its axes."""
        for row, axes_row in zip(self.rows, self.axes, strict=True):
            for panel, axes in zip(row, axes_row, strict=True):
                if panel is not None:
                    yield panel, axes


def open_page(
    rows: list[Row],
    title: str,
    subtitle: str,
    x_label: str,
    y_label: str,
    legend_width: float,
    column_gap: float = COLUMN_GAP,
) -> PanelPage:
    """Lay out a page of panels that share both axes; only the outer ones carry numbers."""
    columns = len(rows[0])
    panel_width, panel_height = _panel_size(len(rows), columns)
    width = LEFT_MARGIN + columns * panel_width + (columns - 1) * column_gap + legend_width
    top = header_height(subtitle, width) + 0.28  # the first row's panel titles
    height = top + len(rows) * panel_height + (len(rows) - 1) * ROW_GAP + BOTTOM_MARGIN
    figure = Figure(figsize=(width, height))
    add_header(figure, title, subtitle)
    axes = [
        [
            None
            if panel is None
            else add_axes(
                figure,
                LEFT_MARGIN + column * (panel_width + column_gap),
                top + row_number * (panel_height + ROW_GAP),
                panel_width,
                panel_height,
            )
            for column, panel in enumerate(row)
        ]
        for row_number, row in enumerate(rows)
    ]
    page = PanelPage(figure, axes, rows)
    _share_axes(page)
    middle = (LEFT_MARGIN + (width - legend_width)) / 2 / width
    figure.text(middle, 0.14 / height, x_label, ha="center", va="bottom")
    figure.text(
        0.1 / width,
        (BOTTOM_MARGIN + height - top) / 2 / height,
        y_label,
        rotation=90,
        ha="left",
        va="center",
    )
    return page


def _panel_size(rows: int, columns: int) -> tuple[float, float]:
    width, height = PANEL_SIZES[columns]
    return width, min(height, (PAGE_HEIGHT - (rows - 1) * ROW_GAP) / rows)


def _share_axes(page: PanelPage) -> None:
    all_axes = [axes for _, axes in page.pairs()]
    for axes in all_axes[1:]:
        axes.sharex(all_axes[0])
        axes.sharey(all_axes[0])
    for row_number, row in enumerate(page.axes):
        for column, axes in enumerate(row):
            if axes is None:
                continue
            axes.set_title(page.rows[row_number][column].title, pad=TITLE_PAD)
            below = page.axes[row_number + 1][column] if row_number + 1 < len(page.axes) else None
            left = row[column - 1] if column else None
            axes.tick_params(labelbottom=below is None, labelleft=left is None)


def add_axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes at a place given in inches from the figure's upper left corner."""
    figure_width, figure_height = figure.get_size_inches()
    return figure.add_axes(
        (
            left / figure_width,
            1 - (top + height) / figure_height,
            width / figure_width,
            height / figure_height,
        )
    )


def header_height(subtitle: str, width: float) -> float:
    return 0.42 + 0.165 * len(_wrapped(subtitle, width)) + 0.06


def add_header(figure: Figure, title: str, subtitle: str) -> None:
    """Write title and subtitle at the figure's upper left."""
    width, height = figure.get_size_inches()
    left = 0.1 / width
    figure.text(
        left, 1 - 0.1 / height, title, va="top", fontsize=TITLE_POINTS, fontweight="bold", color=INK
    )
    figure.text(
        left,
        1 - 0.4 / height,
        "\n".join(_wrapped(subtitle, width)),
        va="top",
        fontsize=SUBTITLE_POINTS,
        color=MUTED,
        linespacing=1.35,
    )


def _wrapped(text: str, width: float) -> list[str]:
    average_character = 0.52 * SUBTITLE_POINTS / 72
    return textwrap.wrap(text, int((width - 0.25) / average_character))
