"""Draws and renders the figures of a report, several at a time in large sweeps."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from clipsweep_results.cores import usable_cores
from clipsweep_results.progress import Progress

from .drawing.figure_files import (
    MAX_SVG_BYTES,
    MAX_SVG_BYTES_OF_MANY,
    FigureFiles,
    render,
)
from .drawing.layout import HALF_PAGE, NARROW_SCREEN, Sheet
from .drawing.sources import Sources
from .drawing.style import apply_style
from .figures.figure_list import ANSWERING, draw_figures

# With fewer, starting processes takes longer than they save.
MIN_ARMS_FOR_PROCESSES = 4
MAX_ARMS_ALL_NARROW = 24  # in larger sweeps only the figures of the answer have a narrow version


@dataclass(frozen=True)
class Order:
    """What to draw: the formats of the files, and whether a report embeds the figures."""

    names: tuple[str, ...]
    formats: tuple[str, ...]
    is_report: bool


@dataclass(frozen=True)
class Rendered:
    """All pages in the order of the names, their images for a report, and what is not drawn."""

    pages: list[FigureFiles]
    wide: list[FigureFiles]
    narrow: list[FigureFiles]
    not_drawn: dict[str, str]


def render_figures(sources: Sources, order: Order) -> Rendered:
    """Draw and render the named figures; the bytes do not depend on the number of processes."""
    rendered = Rendered([], [], [], {})
    progress = Progress("figures drawn:", len(order.names))
    for part in progress.over(_map_names(sources, order)):
        rendered.pages.extend(part.pages)
        rendered.wide.extend(part.wide)
        rendered.narrow.extend(part.narrow)
        rendered.not_drawn.update(part.not_drawn)
    return rendered


def _map_names(sources: Sources, order: Order) -> Iterator[Rendered]:
    """Yield the pages of each name, in their order."""
    workers = min(usable_cores(), len(order.names))
    if workers < 2 or len(sources.arms) < MIN_ARMS_FOR_PROCESSES:
        yield from (_render_name(sources, order, name) for name in order.names)
        return
    with ProcessPoolExecutor(workers, initializer=_keep, initargs=(sources, order)) as pool:
        yield from pool.map(_render_kept, order.names)


_kept: list = []


def _keep(sources: Sources, order: Order) -> None:
    """Remember the input in a worker process, so that it is not sent for each figure."""
    _kept[:] = [sources, order]


def _render_kept(name: str) -> Rendered:
    return _render_name(*_kept, name)


def _render_name(sources: Sources, order: Order, name: str) -> Rendered:
    """Render a figure: its files, and for a report an image without title for each kind of screen.

    A figure of the answer is drawn for half of a wide page; others are shown as in their files.
    """
    if not order.is_report:
        pages, not_drawn = _render_at(
            sources, name, sources.sheet, order.formats, None, is_report=False
        )
        return Rendered(pages, [], [], not_drawn)
    is_large = len(sources.arms) > MAX_ARMS_ALL_NARROW
    max_svg = MAX_SVG_BYTES_OF_MANY if is_large else MAX_SVG_BYTES
    is_answer = name in ANSWERING
    pages, not_drawn = _render_at(
        sources, name, sources.sheet, order.formats, None if is_answer else max_svg
    )
    wide, narrow = pages, []
    if pages and is_answer:
        wide, _ = _render_at(sources, name, Sheet(HALF_PAGE, False), ("svg",), max_svg)
    if pages and (is_answer or not is_large):
        narrow, _ = _render_at(sources, name, Sheet(NARROW_SCREEN, False), ("svg",), max_svg)
    return Rendered(pages, wide, narrow, not_drawn)


def _render_at(
    sources: Sources,
    name: str,
    sheet: Sheet,
    formats: tuple[str, ...],
    max_svg: int | None,
    *,
    is_report: bool = True,
) -> tuple[list[FigureFiles], dict[str, str]]:
    apply_style(sheet.text)
    figures, not_drawn = draw_figures(
        replace(sources, sheet=sheet), [name], is_report=is_report
    )
    return [render(name, each, sheet, formats, max_svg) for each in figures], not_drawn
