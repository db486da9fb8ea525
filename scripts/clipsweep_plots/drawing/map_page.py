"""Pages of maps side by side: a row of the page per clipping mode, with its maps in columns."""

from dataclasses import dataclass

from clipsweep_results.result_folder import Arm
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .layout import MARGIN, FigureText, Sheet, add_axes, add_header, header_height
from .panels import by_setup
from .style import lines_height, text_width

MIN_WIDTH = 5.6


@dataclass(frozen=True)
class MapSize:
    """The size of the axes of one map, in inches."""

    width: float
    height: float


def map_rows(arms: list[Arm]) -> list[tuple[str, list[Arm]]]:
    """Return the clipping arms of each setup and mode, with a title."""
    rows = []
    for setup, members in by_setup(arms).items():
        modes = dict.fromkeys(arm.clip.mode for arm in members if not arm.clip.is_baseline)
        for mode in modes:
            own = [
                arm for arm in members if arm.clip.mode == mode and not arm.clip.is_baseline
            ]
            rows.append((setup.name_of(mode), own))
    return rows


class MapPage:
    """Computes the places of the maps of a page; on a narrow sheet they are below each other."""

    def __init__(
        self,
        sheet: Sheet,
        text: FigureText,
        rows: list[tuple[str, list[str], list[MapSize]]],
        number_room: float = 0,
        title_lines: int = 1,
    ):
        """Lay out `rows`: the title, the labels of the y axis and the sizes of the maps of each.

        `number_room` is for numbers on the y axis of every map, in inches; `title_lines` is how many
        lines the longest title of a map has.
        """
        self.sheet, self.text, self.rows = sheet, text, rows
        small, label = sheet.text.small, sheet.text.label
        widest = max((text_width(each, small) for _, labels, _ in rows for each in labels), default=0)
        self.left = max(widest, number_room) + lines_height(1, label) + 2.2 * MARGIN
        self.above = lines_height(title_lines, label) + 0.12
        self.below = lines_height(1, small) + lines_height(1, label) + 0.16
        widths = [
            sum(self.left + size.width for size in sizes) + 2 * MARGIN for _, _, sizes in rows
        ]
        self.width = sheet.width or max(*widths, MIN_WIDTH)
        self.stacked = any(width > self.width for width in widths)
        self.header = header_height(sheet, self.width, text.title, text.caption)
        self.height = self.header + sum(self._row_height(sizes) for _, _, sizes in rows)

    def _row_height(self, sizes: list[MapSize]) -> float:
        heights = [self.above + size.height + self.below for size in sizes]
        return sum(heights) if self.stacked else max(heights)

    def open(self, titles: list[list[str]]) -> tuple[Figure, list[list[Axes]]]:
        """Return the figure and the axes of each row."""
        figure = Figure(figsize=(self.width, self.height))
        add_header(figure, self.sheet, self.text.title, self.text.caption)
        top, grid = self.header, []
        for (_, _, sizes), row_titles in zip(self.rows, titles, strict=True):
            left, below, axes = self.left, top, []
            for size, title in zip(sizes, row_titles, strict=True):
                axes.append(
                    add_axes(figure, left, below + self.above, size.width, size.height, title)
                )
                if self.stacked:
                    below += self.above + size.height + self.below
                else:
                    left += size.width + self.left
            grid.append(axes)
            top += self._row_height(sizes)
        return figure, grid
