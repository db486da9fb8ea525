"""The figures: what each must show, at any width, and what is left out with a reason."""

import itertools
import math

import matplotlib.text
import numpy as np
import plot
import pytest
from clipsweep_plots import bands, findings
from clipsweep_plots.figures import FIGURES, draw_figures
from clipsweep_plots.layout import Sheet
from clipsweep_plots.result_folder import read_plan, read_results
from clipsweep_plots.sources import Sources
from clipsweep_plots.style import apply_style
from clipsweep_plots.summary import read_summary
from conftest import FakeRun, cross, dump
from matplotlib.backends.backend_agg import FigureCanvasAgg

NONE, VALUE, NORM = ("none", None), ("value", 0.5), ("global-norm", 1.0)
SMALLEST_LETTERS = 6.5


def sources(folder, width=None, *, summary=True) -> Sources:
    results = read_results(read_plan(folder.folder))
    return Sources(results, read_summary(folder.folder) if summary else None, Sheet(width))


def draw(folder, name, width=None):
    """Return the pages of one figure and why it is not drawn."""
    apply_style(Sheet(width).text)
    figures, not_drawn = draw_figures(sources(folder, width), [name])
    return figures, not_drawn.get(name)


def texts(figure) -> list[matplotlib.text.Text]:
    """Return the texts of a figure that are seen."""
    beyond = {id(label) for axes in figure.axes for label in labels_beyond_the_limits(axes)}
    return [
        text
        for text in figure.findobj(matplotlib.text.Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in beyond
    ]


def labels_beyond_the_limits(axes):
    """Yield the numbers of ticks that Matplotlib keeps and does not draw."""
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks():
            if not low <= tick.get_loc() <= high:
                yield from (tick.label1, tick.label2)


def overlaps(figure) -> list[tuple[str, str]]:
    """Return the pairs of texts that cover each other, and those that leave the figure."""
    figure.set_dpi(plot.DOTS_PER_INCH)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts(figure)]
    page = figure.bbox
    found = [
        (words, "the edge of the figure")
        for words, box in boxes
        if box.x0 < page.x0 or box.x1 > page.x1 or box.y0 < page.y0 or box.y1 > page.y1
    ]
    for (first, a), (second, b) in itertools.combinations(boxes, 2):
        width, height = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        if width > 1 and height > 1:
            found.append((first, second))
    return found


def many_arms():
    clips = [NONE, *((mode, 0.1 * 3**k) for mode in ("value", "global-norm") for k in range(7))]
    return cross([*clips, ("autoclip", 10.0), ("agc", 0.01)], [0.001, 0.01, 0.1], seeds=5)


def diverging():
    runs = cross([NONE, VALUE, NORM], [0.01, 1.0, 1e38], seeds=5)
    for run in runs:
        if run.learning_rate > 1 or (run.learning_rate == 1 and run.mode == "none" and run.seed):
            run.__init__(
                run.mode, run.threshold, run.learning_rate, run.seed, diverges_at=1 + 7 * run.seed
            )
    return runs


def perturbed():
    twins = [FakeRun("none", None, 0.01, seed, perturbed=True) for seed in range(5)]
    return cross([NONE, VALUE, NORM], seeds=5) + twins


SWEEPS = {
    "classic": lambda: cross([NONE, VALUE, NORM], seeds=6),
    "many arms": many_arms,
    "diverging": diverging,
    "perturbed": perturbed,
    "two seeds": lambda: cross([NONE, VALUE], [0.01, 0.1], seeds=2),
    "one run": lambda: cross([VALUE], seeds=1),
    "seven learning rates": lambda: cross([NONE, VALUE], [10.0**-k for k in range(7)], seeds=2),
}


@pytest.mark.parametrize("width", [None, 3.3, 7.0])
@pytest.mark.parametrize("name", SWEEPS)
def test_no_text_covers_another_or_is_too_small(sweep, name, width):
    folder = sweep(SWEEPS[name]())
    apply_style(Sheet(width).text)
    figures, _ = draw_figures(sources(folder, width), FIGURES)
    for figure in figures:
        if width is not None:
            assert figure.figure.get_size_inches()[0] == pytest.approx(width)
        assert overlaps(figure.figure) == [], figure.stem
        smallest = min(texts(figure.figure), key=lambda text: text.get_fontsize())
        assert smallest.get_fontsize() >= SMALLEST_LETTERS, (figure.stem, smallest.get_text())
