"""How wide a figure is, what follows from it, and what stands above every figure.

Sizes are in inches, so text has the same size in every figure; a narrower sheet has fewer columns
of panels and never smaller letters than its text sizes say.
"""

from dataclasses import dataclass

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
class NamedFigure:
    """A finished figure: its file name without ending, and what it shows in words."""

    stem: str
    title: str
    caption: str
    alt: str
    figure: Figure


def paged(rows: list, most: int = ROWS_PER_PAGE) -> list[list]:
    """Cut rows into pages that a sheet of paper holds, of about equal length."""
    pages = max(1, -(-len(rows) // most))
    length = -(-len(rows) // pages)
    return [rows[begin : begin + length] for begin in range(0, len(rows), max(length, 1))]


def page_stem(stem: str, page: int, pages: int) -> str:
    return stem if pages == 1 else f"{stem}_{page}"


def page_title(title: str, page: int, pages: int) -> str:
    return title if pages == 1 else f"{title} ({page} of {pages})"


def key_width(handles: list[Line2D], text: TextSizes) -> float:
    """Return how wide a key of one column is, in inches; 0 for none."""
    if not handles:
        return 0
    widest = max(text_width(handle.get_label(), text.small) for handle in handles)
    return widest + (text.key_handle + 0.8) * text.small / POINTS_PER_INCH


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
