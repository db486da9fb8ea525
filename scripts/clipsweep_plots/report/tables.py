"""Tables of both reports: a column defines the text and the sort key of its cells."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Cell:
    """One cell: its text, its sort key (None sorts last) and a second, smaller line."""

    text: str
    sort: float | str | None = None
    note: str = ""

    @property
    def line(self) -> str:
        """The whole cell on one line."""
        return f"{self.text} ({self.note})" if self.note else self.text


@dataclass(frozen=True)
class Column(Generic[Subject]):
    """One column: its heading, and the function that makes a cell from a row's subject."""

    key: str
    title: str
    cell: Callable[[Subject], Cell]
    is_number: bool = True
    large_first: bool = False  # whether the first click sorts from large to small


@dataclass(frozen=True)
class Row:
    """One row: its cells, and the facets by which readers can filter."""

    cells: list[Cell]
    facets: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A whole table; `unlisted` counts the rows beyond its maximum."""

    key: str
    caption: str
    columns: list[Column]
    rows: list[Row]
    unlisted: int = 0


def build_table(
    key: str,
    caption: str,
    columns: list[Column[Subject]],
    subjects: list[Subject],
    facets: Callable[[Subject], dict[str, str]] = lambda subject: {},
    max_rows: int | None = None,
) -> Table:
    """Lay subjects out as rows, up to `max_rows`."""
    shown = subjects[:max_rows]
    rows = [Row([column.cell(subject) for column in columns], facets(subject)) for subject in shown]
    return Table(key, caption, columns, rows, len(subjects) - len(shown))
