"""The width of a figure, the sizes that follow from it, the header and the pages.

Sizes are in inches, so text has the same size in every figure. A narrower sheet has fewer columns
of panels, but never smaller letters than its text sizes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .style import (
    INK,
    MUTED,
    NARROW_TEXT,
    POINTS_PER_INCH,
    WIDE_TEXT,
    TextSizes,
    lines_height,
    text_width,
    wrap_text,
)

MAX_COLUMNS = 4
MAX_GRID_COLUMNS = 6  # where each column is a learning rate
ROWS_PER_PAGE = 6
PAGE_HEIGHT = 9.2  # of all rows of panels, so that page and header fit a sheet of paper

MIN_WIDTH, MAX_WIDTH = 3.0, 20.0
NARROW = 5.0  # below this width: smaller text, and keys above the panels instead of next to them
NARROW_SCREEN = 3.75  # of a telephone
HALF_PAGE = 6.8  # of the report on a wide screen
MARGIN = 0.1
PANEL_SIZES = {1: (5.6, 3.1), 2: (3.3, 2.3), 3: (2.45, 1.9), 4: (1.95, 1.5), 5: (1.75, 1.35), 6: (1.6, 1.25)}
HEIGHT_OF_WIDTH = {1: 0.58, 2: 0.72, 3: 0.77, 4: 0.77, 5: 0.77, 6: 0.77}
MAX_PANEL_HEIGHT = 5.0
TITLE_PAD = 4  # points between a panel and its title


Page = TypeVar("Page")


class NotDrawn(Exception):
    """A sweep has no data for a figure; the message says why."""


class NotMeasured(NotDrawn):
    """The sweep was not asked for what a figure shows; a report does not mention such figures."""


@dataclass(frozen=True)
class Sheet:
    """The width of a figure (None: the width that it needs) and the sizes that follow from it.

    `has_title` says whether title and caption are above the panels; `note` ends every caption.
    """

    width: float | None = None
    has_title: bool = True
    note: str = ""

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
        """The room that is reserved for a key next to the panels."""
        return MARGIN if self.is_narrow else 1.95

    @property
    def max_columns(self) -> int:
        """The number of panels that fit side by side."""
        return min(self.max_grid_columns, MAX_COLUMNS)

    @property
    def max_grid_columns(self) -> int:
        """The number of panels that fit side by side in a grid."""
        if self.width is None:
            return MAX_GRID_COLUMNS
        narrowest_panel = 1.15 if self.is_narrow else 1.6
        room = self.width - self.left - self.key_room + self.gap
        return min(max(int(room / (narrowest_panel + self.gap)), 1), MAX_GRID_COLUMNS)

    @property
    def max_keyed_columns(self) -> int:
        """The number of panels that fit side by side if each has a key."""
        return 1 if self.is_narrow else min(self.max_columns, 2)

    def panel_size(self, rows: int, columns: int, room_beside: float) -> tuple[float, float]:
        """Return a panel's width and height; `room_beside` is for keys and gaps."""
        if self.width is None:
            width, height = PANEL_SIZES[columns]
        else:
            width = (self.width - self.left - room_beside) / columns
            height = min(width * HEIGHT_OF_WIDTH[columns], MAX_PANEL_HEIGHT)
        return width, min(height, PAGE_HEIGHT / rows - 0.4)


@dataclass(frozen=True)
class NamedFigure:
    """A finished figure: its file name without ending, and its content in words."""

    stem: str
    title: str
    caption: str
    alt: str
    figure: Figure


@dataclass(frozen=True)
class FigureText:
    """The name and the words of a figure, or of one of its pages."""

    stem: str
    title: str
    caption: str


def paged(rows: list, max_rows: int = ROWS_PER_PAGE) -> list[list]:
    """Cut rows into pages of about equal length, each of which fits a sheet of paper."""
    pages = max(1, -(-len(rows) // max_rows))
    length = -(-len(rows) // pages)
    return [rows[begin : begin + length] for begin in range(0, len(rows), max(length, 1))]


def draw_pages(
    text: FigureText, pages: list[Page], draw: Callable[[Page, FigureText], tuple[Figure, str]]
) -> list[NamedFigure]:
    """Draw every page; name and title have a number if there are several.

    `draw(page, text)` gets the page with its own text, and returns the figure and its alt text.
    """
    figures = []
    for number, page in enumerate(pages, start=1):
        page_text = text
        if len(pages) > 1:
            title = f"{text.title} ({number} of {len(pages)})"
            page_text = FigureText(f"{text.stem}_{number}", title, text.caption)
        figure, alt = draw(page, page_text)
        figures.append(NamedFigure(page_text.stem, page_text.title, text.caption, alt, figure))
    return figures


def key_width(handles: list[Line2D], text: TextSizes) -> float:
    """Return the width of a key of one column, in inches; 0 without handles."""
    if not handles:
        return 0
    widest = max(text_width(handle.get_label(), text.small) for handle in handles)
    return widest + (text.key_handle + 0.8) * text.small / POINTS_PER_INCH


def add_axes(
    figure: Figure, left: float, top: float, width: float, height: float, title: str = ""
) -> Axes:
    """Add axes; the place is in inches from the figure's upper left corner."""
    figure_width, figure_height = figure.get_size_inches()
    axes = figure.add_axes(
        (
            left / figure_width,
            1 - (top + height) / figure_height,
            width / figure_width,
            height / figure_height,
        )
    )
    axes.set_title(title, y=1.0, pad=TITLE_PAD, linespacing=1.1)
    return axes


def header_height(sheet: Sheet, width: float, title: str, caption: str) -> float:
    """Return the height of title and caption, in inches."""
    if not sheet.has_title:
        return MARGIN
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
        wrap_text(f"{caption} {sheet.note}".rstrip(), room, sheet.text.caption),
    )


def add_header(figure: Figure, sheet: Sheet, title: str, caption: str) -> None:
    """Write title and caption at the figure's upper left, unless the sheet has none."""
    if not sheet.has_title:
        return
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
