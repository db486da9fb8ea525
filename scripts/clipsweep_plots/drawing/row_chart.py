"""Charts of rows: a label, a strip of a shared axis, and the result in words and numbers.

On a narrow sheet, label and result are above the strip, so that the axis has the whole width.
"""

import itertools
from dataclasses import dataclass

from clipsweep_results.setups import Setup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .layout import MARGIN, FigureText, Sheet, add_axes, add_header, header_height, key_width, paged
from .panels import place_title
from .style import INK, LABEL_BOX, POINTS_PER_INCH, lines_height, text_width

ROWS_PER_PAGE = 26
PLOT_WIDTH = 3.9
HEADING_GAP = 0.14
STRIP_HEIGHT, NARROW_STRIP_HEIGHT = 0.3, 0.2


@dataclass(frozen=True)
class ChartRow:
    """One row; a heading has only a label."""

    label: str
    result: str = ""
    is_heading: bool = False


@dataclass(frozen=True)
class RowChart:
    """A figure with the axes of all rows; their y axis is in inches from the top."""

    figure: Figure
    axes: Axes
    centers: list[float]  # of the strips
    strip: float  # height of each


def group_rows(members: list, arm_of, row_of) -> list[tuple[ChartRow, object]]:
    """Return rows with their members, under a heading per setup and learning rate if several.

    A heading's member is None. The rows below it do not name their setup.
    """
    setups = list(dict.fromkeys(arm_of(member).clip.setup for member in members))
    rates = sorted({arm_of(member).learning_rate for member in members})
    rows = []
    for setup, rate in itertools.product(setups, rates):
        found = [member for member in members if _place(arm_of(member)) == (setup, rate)]
        heading = _heading(setup, rate if len(rates) > 1 else None)
        if heading and found:
            rows.append((ChartRow(heading, is_heading=True), None))
        rows += [(row_of(member), member) for member in found]
    return rows


def _heading(setup: Setup, rate: float | None) -> str:
    return str(setup) if rate is None else place_title(setup, rate)


def _place(arm) -> tuple[Setup, float]:
    return arm.clip.setup, arm.learning_rate


def chart_pages(rows: list[tuple[ChartRow, object]]) -> list[list[tuple[ChartRow, object]]]:
    """Cut rows into pages; a page that starts within a group repeats its heading."""
    pages = []
    heading = None
    for page in paged(rows, ROWS_PER_PAGE):
        continues = heading is not None and not page[0][0].is_heading
        pages.append([(heading, None), *page] if continues else page)
        heading = next((row for row, _ in reversed(page) if row.is_heading), heading)
    return pages


def open_row_chart(
    sheet: Sheet,
    rows: list[ChartRow],
    text: FigureText,
    x_label: str,
    key: list[Line2D] = (),
) -> RowChart:
    """Lay out a chart of rows from the top down."""
    return _RowLayout(sheet, rows, text, x_label, list(key)).open()


class _RowLayout:
    """Computes the places of everything in a chart of rows, in inches."""

    def __init__(
        self,
        sheet: Sheet,
        rows: list[ChartRow],
        figure_text: FigureText,
        x_label: str,
        key: list[Line2D],
    ):
        self.sheet, self.rows, self.x_label, self.key = sheet, rows, x_label, key
        self.title, self.caption = figure_text.title, figure_text.caption
        text = sheet.text
        self.labels = max(text_width(row.label, text.small, row.is_heading) for row in rows)
        self.results = max(text_width(row.result, text.small) for row in rows)
        self.text_lines = self._lines_above() if sheet.is_narrow else 0
        self.left = 2 * MARGIN if sheet.is_narrow else self.labels + 3 * MARGIN
        right = 2 * MARGIN if sheet.is_narrow else self.results + 3 * MARGIN
        plot = PLOT_WIDTH if sheet.width is None else sheet.width - self.left - right
        self.plot_width = max(plot, 1.0)
        self.width = self.left + self.plot_width + right
        self.text_height = lines_height(self.text_lines, text.small)
        self.strip = NARROW_STRIP_HEIGHT if sheet.is_narrow else STRIP_HEIGHT
        self.tops = self._stack_rows()
        self.key_columns = self._key_columns()
        key_lines = -(-len(key) // self.key_columns) if key else 0
        self.key_top = header_height(sheet, self.width, self.title, self.caption)
        self.top = self.key_top + lines_height(key_lines, text.small) * 1.12 + 0.1
        self.height = self.top + self.tops[-1] + sheet.bottom

    def _stack_rows(self) -> list[float]:
        """Return the offset of each row from the first, and the end of the last one."""
        heading = lines_height(1, self.sheet.text.small) + HEADING_GAP
        tops = [0.0]
        for row in self.rows:
            tops.append(tops[-1] + (heading if row.is_heading else self.text_height + self.strip))
        return tops

    def open(self) -> RowChart:
        figure = Figure(figsize=(self.width, self.height))
        add_header(figure, self.sheet, self.title, self.caption)
        axes = add_axes(figure, self.left, self.top, self.plot_width, self.tops[-1])
        axes.set_ylim(self.tops[-1], 0)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(self.x_label)
        for number, row in enumerate(self.rows):
            self._write_row(figure, number, row)
        if self.key:
            figure.legend(
                handles=self.key,
                loc="upper left",
                bbox_to_anchor=(MARGIN / self.width, 1 - self.key_top / self.height),
                ncols=self.key_columns,
            )
        centers = [top + self.text_height + self.strip / 2 for top in self.tops[:-1]]
        return RowChart(figure, axes, centers, self.strip)

    def _lines_above(self) -> int:
        fits = all(
            text_width(row.label, self.sheet.text.small)
            + text_width(row.result, self.sheet.text.small)
            < self.sheet.width - 3 * MARGIN
            for row in self.rows
        )
        return 1 if fits else 2

    def _key_columns(self) -> int:
        if not self.key:
            return 1
        small = self.sheet.text.small / POINTS_PER_INCH
        return max(
            1, int((self.width - MARGIN) / (key_width(self.key, self.sheet.text) + 1.6 * small))
        )

    def _write_row(self, figure: Figure, number: int, row: ChartRow) -> None:
        line = lines_height(1, self.sheet.text.small)
        middle = self.top + self.tops[number]
        if row.is_heading:
            middle += HEADING_GAP - 0.02 + line / 2
        else:
            middle += line / 2 + 0.02 if self.sheet.is_narrow else self.strip / 2
        style = {"fontsize": self.sheet.text.small, "color": INK, "va": "center", "bbox": LABEL_BOX}
        figure.text(
            MARGIN / self.width,
            1 - middle / self.height,
            row.label,
            fontweight="bold" if row.is_heading else "normal",
            **style,
        )
        if not row.result:
            return
        right = self.width - MARGIN
        if self.sheet.is_narrow:
            middle += line * (self.text_lines - 1)
        else:
            right -= self.results
        figure.text(
            right / self.width,
            1 - middle / self.height,
            row.result,
            ha="right" if self.sheet.is_narrow else "left",
            **style,
        )
