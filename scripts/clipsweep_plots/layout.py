"""Which arms share a panel, which panels share a page, and where a panel's axes lie.

Many arms become small multiples, never a long legend. Sizes are in inches, so text has the same
size in every figure; a narrower sheet has fewer columns of panels and never smaller letters than
its text sizes say.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .result_folder import Arm, Clip
from .style import (
    INK,
    MUTED,
    NARROW_TEXT,
    POINTS_PER_INCH,
    THRESHOLDS_PER_PANEL,
    WIDE_TEXT,
    TextSizes,
    lines_height,
    text_width,
    wrap_text,
)

MOST_LINES = 1 + THRESHOLDS_PER_PANEL  # in a panel: the baseline and the thresholds of a mode
MOST_COLUMNS = 4
ROWS_PER_PAGE = 6
PAGE_HEIGHT = 9.2  # of all rows of panels: a sheet of paper with its header

NARROWEST, WIDEST = 3.0, 20.0
NARROW = 5.0  # below: smaller text, and keys above the panels instead of beside them
MARGIN = 0.1
PANEL_SIZES = {1: (5.6, 3.1), 2: (3.3, 2.3), 3: (2.45, 1.9), 4: (1.95, 1.5)}
HEIGHT_OF_WIDTH = {1: 0.58, 2: 0.72, 3: 0.77, 4: 0.77}
TALLEST_PANEL = 5.0
TITLE_PAD = 4  # points between a panel and its title


class NotDrawn(Exception):
    """A figure that a sweep has nothing for: the message says why."""


@dataclass(frozen=True)
class Sheet:
    """How wide a figure may be, None as wide as it likes, and what follows from it."""

    width: float | None = None

    @property
    def is_narrow(self) -> bool:
        return self.width is not None and self.width < NARROW

    @property
    def text(self) -> TextSizes:
        return NARROW_TEXT if self.is_narrow else WIDE_TEXT

    @property
    def left(self) -> float:
        """The room for the numbers and the label of the y axis."""
        return 0.53 if self.is_narrow else 0.72

    @property
    def bottom(self) -> float:
        """The room for the numbers and the label of the x axis."""
        return 0.4 if self.is_narrow else 0.48

    @property
    def gap(self) -> float:
        return 0.16 if self.is_narrow else 0.2

    @property
    def key_room(self) -> float:
        """What a key beside the panels may take before the panels are laid out."""
        return MARGIN if self.is_narrow else 1.95

    @property
    def most_columns(self) -> int:
        """How many panels fit side by side."""
        if self.width is None:
            return MOST_COLUMNS
        narrowest_panel = 1.15 if self.is_narrow else 1.6
        room = self.width - self.left - self.key_room + self.gap
        return min(max(int(room / (narrowest_panel + self.gap)), 1), MOST_COLUMNS)

    @property
    def most_keyed_columns(self) -> int:
        """How many panels fit side by side that have a key each."""
        return 1 if self.is_narrow else min(self.most_columns, 2)

    def panel_size(self, rows: int, columns: int, room_beside: float) -> tuple[float, float]:
        """Return a panel's width and height; `room_beside` is for keys and gaps."""
        if self.width is None:
            width, height = PANEL_SIZES[columns]
        else:
            width = (self.width - self.left - room_beside) / columns
            height = min(width * HEIGHT_OF_WIDTH[columns], TALLEST_PANEL)
        return width, min(height, PAGE_HEIGHT / rows - 0.4)


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


def curve_rows(arms: list[Arm], sheet: Sheet) -> list[Row]:
    """Arrange curves: a panel a learning rate, and a mode where lines would be too many."""
    columns = sheet.most_columns
    rates = learning_rates(arms)
    crowded = any(sum(arm.learning_rate == rate for arm in arms) > MOST_LINES for rate in rates)
    if not crowded:
        panels = [Panel(f"learning rate {rate:g}", _at(arms, rate)) for rate in rates]
        return wrap_panels(panels, columns)
    groups = [[_group_panel(arms, clips, rate) for rate in rates] for clips in clip_groups(arms)]
    if len(rates) == 1:
        return wrap_panels([panels[0] for panels in groups], sheet.most_keyed_columns)
    if len(rates) <= columns:
        return groups
    return [
        row
        for panels in groups
        for row in wrap_panels([panel for panel in panels if panel], columns)
    ]


def arm_rows(arms: list[Arm], sheet: Sheet) -> list[Row]:
    """Arrange one panel an arm: clips down and learning rates across where they fit."""
    columns = sheet.most_columns
    rates = learning_rates(arms)
    panels = {(arm.clip, arm.learning_rate): Panel(arm.label, (arm,)) for arm in arms}
    if 1 < len(rates) <= columns:
        clips = dict.fromkeys(arm.clip for arm in arms)
        return [[panels.get((clip, rate)) for rate in rates] for clip in clips]
    return wrap_panels(list(panels.values()), columns)


def learning_rates(arms: list[Arm]) -> list[float]:
    return sorted({arm.learning_rate for arm in arms})


def paged(rows: list, most: int = ROWS_PER_PAGE) -> list[list]:
    """Cut rows into pages that a sheet of paper holds, of about equal length."""
    pages = max(1, -(-len(rows) // most))
    length = -(-len(rows) // pages)
    return [rows[begin : begin + length] for begin in range(0, len(rows), max(length, 1))]


def page_stem(stem: str, page: int, pages: int) -> str:
    return stem if pages == 1 else f"{stem}_{page}"


def page_title(title: str, page: int, pages: int) -> str:
    return title if pages == 1 else f"{title} ({page} of {pages})"


def _at(arms: list[Arm], rate: float) -> tuple[Arm, ...]:
    return tuple(arm for arm in arms if arm.learning_rate == rate)


def clip_groups(arms: list[Arm]) -> list[list[Clip]]:
    """Split the clips, the baseline aside, into groups of one mode and few thresholds each."""
    groups = []
    for mode in dict.fromkeys(arm.clip.mode for arm in arms if not arm.clip.is_baseline):
        clips = sorted(
            {arm.clip for arm in arms if arm.clip.mode == mode and not arm.clip.is_baseline},
            key=lambda clip: (clip.threshold or 0, clip.details),
        )
        groups += paged(clips, THRESHOLDS_PER_PANEL)
    return groups


def group_title(arms: list[Arm], clips: list[Clip]) -> str:
    """Name a group by its mode, and by its thresholds where the mode has other groups."""
    if len(clips) == 1:
        return clips[0].label
    mode = clips[0].mode
    if len({arm.clip for arm in arms if arm.clip.mode == mode}) == len(clips):
        return mode
    return f"{clips[0].label} to {clips[-1].label.removeprefix(f'{mode}:')}"


def _group_panel(arms: list[Arm], clips: list[Clip], rate: float) -> Panel | None:
    """Make a panel of one group at one learning rate, the baseline with it for reference."""
    members = tuple(arm for arm in _at(arms, rate) if arm.clip.is_baseline or arm.clip in clips)
    return Panel(f"{group_title(arms, clips)}, lr {rate:g}", members) if members else None


def wrap_panels(panels: list[Panel], columns: int) -> list[Row]:
    """Break a list of panels into rows of equal length, the last one filled up with None."""
    rows = -(-len(panels) // columns)
    columns = -(-len(panels) // rows)
    padded = panels + [None] * (rows * columns - len(panels))
    return [padded[begin : begin + columns] for begin in range(0, len(padded), columns)]


@dataclass(frozen=True)
class PageText:
    """The words around the panels of a page."""

    title: str
    caption: str
    x_label: str
    y_label: str


@dataclass(frozen=True)
class PanelPage:
    """A figure with its empty axes, row by row; None where there is no panel."""

    figure: Figure
    axes: list[list[Axes | None]]
    rows: list[Row]

    @property
    def columns(self) -> int:
        return len(self.rows[0])

    def pairs(self) -> Iterator[tuple[Panel, Axes]]:
        """Yield each panel with its axes."""
        for row, axes_row in zip(self.rows, self.axes, strict=True):
            for panel, axes in zip(row, axes_row, strict=True):
                if panel is not None:
                    yield panel, axes


# The lines of a key (legend) for each panel, row by row; empty where it needs none.
Keys = list[list[list[Line2D]]]


def first_row_keys(rows: list[Row], handles: list[Line2D]) -> Keys:
    """Put one key for the whole page beside the last panel of the first row."""
    last = max(column for column, panel in enumerate(rows[0]) if panel)
    return [
        [handles if row == 0 and column == last else [] for column in range(len(rows[0]))]
        for row in range(len(rows))
    ]


def open_page(sheet: Sheet, rows: list[Row], words: PageText, keys: Keys) -> PanelPage:
    """Lay out a page of panels that share both axes; only the outer ones carry numbers."""
    return _PageLayout(sheet, rows, words, keys).open()


class _PageLayout:
    """The places of everything on a page, from the top down."""

    def __init__(self, sheet: Sheet, rows: list[Row], words: PageText, keys: Keys):
        self.sheet, self.rows, self.words, self.keys = sheet, rows, words, keys
        self.columns = len(rows[0])
        self.beside = [self._room_beside(column) for column in range(self.columns)]
        self.panel_width, self.panel_height = sheet.panel_size(
            len(rows), self.columns, sum(self.beside)
        )
        self.y_label = wrap_text(
            words.y_label, len(rows) * (self.panel_height + 0.2), sheet.text.label
        )
        self.left = sheet.left + lines_height(len(self.y_label) - 1, sheet.text.label)
        if sheet.width is not None:
            self.panel_width -= (self.left - sheet.left) / self.columns
        self.width = self.left + self.columns * self.panel_width + sum(self.beside)
        self.titles = [
            [
                wrap_text(panel.title, self.panel_width, sheet.text.label) if panel else []
                for panel in row
            ]
            for row in rows
        ]
        self.tops, self.height = self._stack_rows()

    def open(self) -> PanelPage:
        figure = Figure(figsize=(self.width, self.height))
        add_header(figure, self.sheet, self.words.title, self.words.caption)
        page = PanelPage(figure, self._add_panels(figure), self.rows)
        _share_axes(page)
        self._add_labels(figure)
        for row, row_keys in enumerate(self.keys):
            for column, handles in enumerate(row_keys):
                if handles:
                    self._add_key(figure, row, column, handles)
        return page

    def _room_beside(self, column: int) -> float:
        """Return the room right of a column: a gap, and the widest key that stands there."""
        last = column == self.columns - 1
        if self.sheet.is_narrow:
            return MARGIN if last else self.sheet.gap
        widest = max(key_width(row[column], self.sheet.text) for row in self.keys)
        return max(widest + 2 * MARGIN if widest else 0, 0.25 if last else self.sheet.gap)

    def _stack_rows(self) -> tuple[list[float], float]:
        """Return the upper edge of each row of panels, and the height of the page."""
        text = self.sheet.text
        tops, bottom = (
            [],
            header_height(self.sheet, self.width, self.words.title, self.words.caption),
        )
        for row, titles in enumerate(self.titles):
            numbers_above = row > 0 and any(
                below is None and above is not None
                for above, below in zip(self.rows[row - 1], self.rows[row], strict=True)
            )
            bottom += lines_height(1, text.small) + 0.08 if numbers_above else 0.05
            bottom += self._key_band(row)
            bottom += lines_height(max(map(len, titles)), text.label) + TITLE_PAD / POINTS_PER_INCH
            tops.append(bottom)
            bottom += self.panel_height
        return tops, bottom + self.sheet.bottom

    def _key_band(self, row: int) -> float:
        """Return the height of the key above a row, on a narrow sheet."""
        handles = next((handles for handles in self.keys[row] if handles), [])
        if not handles or not self.sheet.is_narrow:
            return 0
        lines = -(-len(handles) // self._key_columns(handles))
        return lines_height(lines, self.sheet.text.small) * 1.12 + 0.08

    def _key_columns(self, handles: list[Line2D]) -> int:
        entry = key_width(handles, self.sheet.text) + 1.6 * self.sheet.text.small / POINTS_PER_INCH
        return min(max(int((self.width - self.left) / entry), 1), len(handles))

    def _left(self, column: int) -> float:
        return self.left + column * self.panel_width + sum(self.beside[:column])

    def _add_panels(self, figure: Figure) -> list[list[Axes | None]]:
        return [
            [
                None
                if panel is None
                else add_axes(
                    figure,
                    self._left(column),
                    self.tops[row_number],
                    self.panel_width,
                    self.panel_height,
                    "\n".join(self.titles[row_number][column]),
                )
                for column, panel in enumerate(row)
            ]
            for row_number, row in enumerate(self.rows)
        ]

    def _add_labels(self, figure: Figure) -> None:
        panels = self._left(self.columns - 1) + self.panel_width
        figure.text(
            (self.left + panels) / 2 / self.width,
            0.06 / self.height,
            self.words.x_label,
            ha="center",
            va="bottom",
        )
        top, bottom = self.tops[0], self.height - self.sheet.bottom
        figure.text(
            0.06 / self.width,
            1 - (top + bottom) / 2 / self.height,
            "\n".join(self.y_label),
            rotation=90,
            ha="left",
            va="center",
            multialignment="center",
        )

    def _add_key(self, figure: Figure, row: int, column: int, handles: list[Line2D]) -> None:
        left, top, columns = self._left(column) + self.panel_width + MARGIN, self.tops[row], 1
        if self.sheet.is_narrow:
            columns = self._key_columns(handles)
            titles = lines_height(max(map(len, self.titles[row])), self.sheet.text.label)
            left = self.left  # right of the label of the y axis
            top -= self._key_band(row) + titles + TITLE_PAD / POINTS_PER_INCH
        figure.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(left / self.width, 1 - top / self.height),
            ncols=columns,
        )


def key_width(handles: list[Line2D], text: TextSizes) -> float:
    """Return how wide a key of one column is, in inches; 0 for none."""
    if not handles:
        return 0
    widest = max(text_width(handle.get_label(), text.small) for handle in handles)
    return widest + (text.key_handle + 0.8) * text.small / POINTS_PER_INCH


def _share_axes(page: PanelPage) -> None:
    all_axes = [axes for _, axes in page.pairs()]
    for axes in all_axes[1:]:
        axes.sharex(all_axes[0])
        axes.sharey(all_axes[0])
    for row_number, row in enumerate(page.axes):
        for column, axes in enumerate(row):
            if axes is None:
                continue
            below = page.axes[row_number + 1][column] if row_number + 1 < len(page.axes) else None
            left = row[column - 1] if column else None
            axes.tick_params(labelbottom=below is None, labelleft=left is None)


def add_axes(
    figure: Figure, left: float, top: float, width: float, height: float, title: str = ""
) -> Axes:
    """Add axes at a place given in inches from the figure's upper left corner."""
    figure_width, figure_height = figure.get_size_inches()
    axes = figure.add_axes(
        (
            left / figure_width,
            1 - (top + height) / figure_height,
            width / figure_width,
            height / figure_height,
        )
    )
    axes.set_title(title, pad=TITLE_PAD, linespacing=1.1)
    return axes


def header_height(sheet: Sheet, width: float, title: str, caption: str) -> float:
    """Return the height of title and caption above everything else."""
    titles, captions = _header_lines(sheet, width, title, caption)
    return (
        MARGIN
        + lines_height(len(titles), sheet.text.title)
        + lines_height(len(captions), sheet.text.caption)
        + 0.08
    )


def _header_lines(
    sheet: Sheet, width: float, title: str, caption: str
) -> tuple[list[str], list[str]]:
    room = width - 2 * MARGIN
    return (
        wrap_text(title, room, sheet.text.title, bold=True),
        wrap_text(caption, room, sheet.text.caption),
    )


def add_header(figure: Figure, sheet: Sheet, title: str, caption: str) -> None:
    """Write title and caption at the figure's upper left."""
    width, height = figure.get_size_inches()
    titles, captions = _header_lines(sheet, width, title, caption)
    figure.text(
        MARGIN / width,
        1 - MARGIN / height,
        "\n".join(titles),
        va="top",
        fontsize=sheet.text.title,
        fontweight="bold",
        color=INK,
        linespacing=1.15,
    )
    below_title = MARGIN + lines_height(len(titles), sheet.text.title)
    figure.text(
        MARGIN / width,
        1 - below_title / height,
        "\n".join(captions),
        va="top",
        fontsize=sheet.text.caption,
        color=MUTED,
        linespacing=1.15,
    )
