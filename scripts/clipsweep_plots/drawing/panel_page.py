"""A page of panels that share both axes, with their keys, and the places of everything on it."""

from collections.abc import Iterator
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .layout import MARGIN, TITLE_PAD, Sheet, add_axes, add_header, header_height, key_width
from .panels import Panel, Row
from .style import POINTS_PER_INCH, lines_height, wrap_text

KEY_GAP = 0.14  # inches between the panels of a narrow sheet and the key of those below them


@dataclass(frozen=True)
class PageText:
    """The words around the panels of a page."""

    title: str
    caption: str
    x_label: str
    y_label: str
    number_room: float = 0  # extra inches for long numbers on the y axis


@dataclass(frozen=True)
class PanelPage:
    """A figure with its empty axes, row by row; None without a panel."""

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


# The lines of a key (legend) for each panel, row by row; empty if it needs none.
Keys = list[list[list[Line2D]]]


def first_row_keys(rows: list[Row], handles: list[Line2D]) -> Keys:
    """Place one key for the whole page next to the last panel of the first row."""
    last = max(column for column, panel in enumerate(rows[0]) if panel)
    return [
        [handles if row == 0 and column == last else [] for column in range(len(rows[0]))]
        for row in range(len(rows))
    ]


def open_page(sheet: Sheet, rows: list[Row], words: PageText, keys: Keys) -> PanelPage:
    """Lay out a page of panels that share both axes; only the outer axes have numbers."""
    return _PageLayout(sheet, rows, words, keys).open()


class _PageLayout:
    """Computes the places of everything on a page, from the top down."""

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
        self.left = (
            sheet.left + words.number_room + lines_height(len(self.y_label) - 1, sheet.text.label)
        )
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
        """Return the room right of a column: a gap, and the widest key there."""
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
        return lines_height(lines, self.sheet.text.small) * 1.12 + 0.08 + self._key_gap(row)

    def _key_gap(self, row: int) -> float:
        """Return the room between a key and the panels above it, whose key it is not."""
        return KEY_GAP if row else 0

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
            top -= self._key_band(row) - self._key_gap(row) + titles + TITLE_PAD / POINTS_PER_INCH
        figure.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(left / self.width, 1 - top / self.height),
            ncols=columns,
        )


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
