"""report.html for tests: its words, tags, references and tables."""

from html.parser import HTMLParser
from unittest import mock

from clipsweep_plots import program as plot
from clipsweep_plots.figures.figure_list import FIGURES
from clipsweep_plots.report.report_html import render_report
from clipsweep_results.plan import read_plan
from clipsweep_results.result_folder import read_results
from clipsweep_results.strict_json import DataError
from clipsweep_results.summary import read_summary


class Page(HTMLParser):
    """The parts of report.html that tests use."""

    def __init__(self, html: str):
        super().__init__()
        self.html = html
        self.references, self.images, self.tags, self.ids, self.words = [], [], [], [], []
        self.attributes = []  # of every tag, in the order of `tags`
        self.scripts = []  # their contents
        self.tables = {}  # id to rows of cells
        self._row, self._unseen = None, None
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self.attributes.append(attributes)
        self.references += [attributes[name] for name in ("src", "href") if name in attributes]
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "img":
            self.images.append(attributes)
        if tag == "table":
            self._rows = self.tables.setdefault(attributes["id"], [])
        if tag == "tr":
            self._row = []
            self._rows.append(self._row)
        if tag in ("td", "th"):
            self._row.append("")
        if tag in ("script", "style"):
            self._unseen = tag

    def handle_endtag(self, tag):
        if tag == self._unseen:
            self._unseen = None
        if tag == "tr":
            self._row = None

    def handle_data(self, data):
        if self._unseen == "script":
            self.scripts.append(data)
        if self._unseen:
            return
        self.words.append(data)
        if self._row:
            self._row[-1] = " ".join(f"{self._row[-1]} {data}".split())

    @property
    def text(self) -> str:
        """The visible text, in one line."""
        return " ".join(" ".join(self.words).split())

    def column(self, table: str, heading: str) -> list[str]:
        """Return a column's cells without the heading."""
        headings, *rows = self.tables[table]
        return [row[headings.index(heading)] for row in rows]


# Drawing takes longest, and most tests of the report are about its words.
FEW_FIGURES = ("paired_difference", "training_loss")


def draw(sweep, figures=FEW_FIGURES) -> Page:
    """Draw a folder that can be drawn, with only these figures, and return its page."""
    chosen = {name: FIGURES[name] for name in figures}
    with mock.patch.object(plot, "FIGURES", chosen):
        assert plot.main([str(sweep.folder)]) == 0
    return Page((sweep.folder / "report" / "report.html").read_text(encoding="utf-8"))


def read(sweep) -> tuple:
    """Return results, summary and notes as the reports take them."""
    results = read_results(read_plan(sweep.folder))
    try:
        return results, read_summary(sweep.folder), []
    except DataError as error:
        return results, None, [str(error)]


def render(sweep) -> Page:
    """Render the page without figures, which take longest."""
    return Page(render_report(*read(sweep), [], "scripts/plot.py sweep"))
