"""Draw a result folder: figures (SVG and PNG), report.html and report.md in DIR/report/.

    .venv/bin/python scripts/plot.py DIR
    .venv/bin/python scripts/plot.py DIR --figure training_loss --width 3.3

Prints the path of report.html, or with --figure those of the figures. Exit codes: 0 drawn (runs
that had to be left out are named on stderr and in the report), 2 usage, 3 DIR cannot be drawn, 75
the report cannot be written, 130 interrupted.
"""

import argparse
import difflib
import io
import os
import re
import sys
from pathlib import Path

from clipsweep_plots.figure_files import FigureFiles
from clipsweep_plots.figures import FIGURES, draw_figures
from clipsweep_plots.layout import NARROWEST, WIDEST, NamedFigure, Sheet
from clipsweep_plots.progress import Progress
from clipsweep_plots.report import render_report
from clipsweep_plots.report_markdown import render_markdown
from clipsweep_plots.result_folder import Results, read_plan, read_results
from clipsweep_plots.sources import Sources
from clipsweep_plots.strict_json import DataError
from clipsweep_plots.style import apply_style
from clipsweep_plots.summary import Summary, read_summary

EXIT_USAGE = 2
EXIT_DATA = 3
EXIT_STORAGE = 75
EXIT_INTERRUPTED = 130
MOST_WARNINGS = 10
DOTS_PER_INCH = 160
PAGE_NUMBER = r"(_\d+)?"


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    if options.list_figures:
        print("\n".join(FIGURES))
        return 0
    if message := unknown_figure(options.figure or []):
        return fail(message, EXIT_USAGE)
    apply_style(Sheet(options.width).text)
    try:
        written = draw(options)
    except DataError as error:
        return fail(error, EXIT_DATA)
    except OSError as error:
        return fail(f"{error.filename}: cannot be written ({error.strerror})", EXIT_STORAGE)
    except KeyboardInterrupt:
        return fail("interrupted; nothing was written or only a part of it", EXIT_INTERRUPTED)
    print("\n".join(map(str, written)))
    return 0


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="plot.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folder", metavar="DIR", type=Path, nargs="?", help="what 'clipsweep sweep --out DIR' wrote"
    )
    parser.add_argument(
        "--figure",
        metavar="NAME",
        action="append",
        help="draw this figure alone, without a report; may be repeated",
    )
    parser.add_argument(
        "--list-figures", action="store_true", help="print the names of all figures"
    )
    parser.add_argument(
        "--width",
        metavar="INCHES",
        type=width,
        help="of every figure, such as 3.3 for a column of a paper; by default as wide as the "
        "figure needs",
    )
    options = parser.parse_args(arguments)
    if options.folder is None and not options.list_figures:
        parser.error("the following arguments are required: DIR")
    return options


def unknown_figure(names: list[str]) -> str:
    """Return what to say about the first name that is no figure's; empty if all are."""
    for name in names:
        if name not in FIGURES:
            close = difflib.get_close_matches(name, FIGURES, n=1)
            advice = f"; did you mean {close[0]!r}?" if close else "."
            return f"no figure is called {name!r}{advice} Figures: {', '.join(FIGURES)}"
    return ""


def width(text: str) -> float:
    try:
        inches = float(text)
    except ValueError:
        inches = 0.0
    if not NARROWEST <= inches <= WIDEST:  # NaN is not in range either
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a width from {NARROWEST:g} to {WIDEST:g}"
        )
    return inches


def draw(options: argparse.Namespace) -> list[Path]:
    """Draw and write what was asked for; return the paths to print."""
    results = read_results(read_plan(options.folder))
    warn_of_left_out(results)
    refuse_if_nothing_to_draw(results)
    summary, notes = read_summary_or_note(results)
    names = options.figure or list(FIGURES)
    figures, not_drawn = draw_figures(Sources(results, summary, Sheet(options.width)), names)
    say_what_is_not_drawn(not_drawn)
    if options.figure and not figures:
        raise DataError(f"{options.folder}: nothing to draw")
    progress = Progress("figures drawn:", len(figures))
    files = [save(figure) for figure in progress.over(figures)]
    folder = options.folder / "report"
    written = write_figures(folder, files, names)
    if options.figure:
        return written
    markdown, report = folder / "report.md", folder / "report.html"
    markdown.write_text(render_markdown(results, summary, notes, files), encoding="utf-8")
    report.write_text(render_report(results, summary, notes, files), encoding="utf-8")
    return [report]


def say_what_is_not_drawn(not_drawn: dict[str, str]) -> None:
    if not_drawn:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in not_drawn.items())
        print(f"plot.py: not drawn: {one_line(reasons)}", file=sys.stderr)


def fail(message: object, exit_code: int) -> int:
    print(f"plot.py: {one_line(message)}", file=sys.stderr)
    return exit_code


def warn(message: object) -> None:
    print(f"plot.py: warning: {one_line(message)}", file=sys.stderr)


def one_line(message: object) -> str:
    """Keep a message that quotes a log to one line of printable text."""
    return "".join(character if character.isprintable() else " " for character in str(message))


def warn_of_left_out(results: Results) -> None:
    for run in results.left_out[:MOST_WARNINGS]:
        warn(f"{run.id} is left out: {run.reason}")
    unlisted = len(results.left_out) - MOST_WARNINGS
    if unlisted > 0:
        warn(f"{unlisted} more runs are left out; the report lists them")


def refuse_if_nothing_to_draw(results: Results) -> None:
    if not results.runs:
        raise DataError(
            f"{results.plan.folder}: none of the {len(results.plan.runs)} planned runs can be "
            "drawn; run the same 'clipsweep sweep' command again to train them"
        )


def read_summary_or_note(results: Results) -> tuple[Summary | None, list[str]]:
    """Read the summary; what is missing or at odds becomes a note in the report and a warning."""
    notes = [
        f"The {log} breaks off within its last line, which was skipped: "
        "the run was killed or the log was cut."
        for log in results.torn
    ]
    summary = None
    try:
        summary = read_summary(results.plan.folder)
        notes += note_stale_summary(results, summary)
    except DataError as error:
        notes.append(str(error).removeprefix(f"{results.plan.folder}{os.sep}"))
    for note in notes:
        warn(note)
    return summary, notes


def note_stale_summary(results: Results, summary: Summary) -> list[str]:
    counted = summary.run_counts.get("completed", 0) + summary.run_counts.get("diverged", 0)
    damaged = sum(run.state == "unreadable" for run in results.left_out)
    if len(results.runs) <= counted <= len(results.runs) + damaged:  # the summary reads no steps
        return []
    at_odds = (
        f"summary.json counts {counted} runs, {len(results.runs)} are drawn: the tables and the "
        "figures are not over the same runs. "
        f"'clipsweep summarize {results.plan.folder.name}' writes it anew."
    )
    return [at_odds]


def save(figure: NamedFigure) -> FigureFiles:
    """Render a figure as SVG and PNG, with nothing that differs between two equal calls."""
    svg, png = io.BytesIO(), io.BytesIO()
    figure.figure.savefig(
        svg,
        format="svg",
        dpi=DOTS_PER_INCH,
        metadata={"Date": None, "Title": figure.title, "Description": figure.alt},
    )
    figure.figure.savefig(png, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return FigureFiles(figure, svg.getvalue(), png.getvalue())


def write_figures(folder: Path, figures: list[FigureFiles], names: list[str]) -> list[Path]:
    """Write all files, and drop what an earlier sweep left of the named figures."""
    folder.mkdir(exist_ok=True)
    ours = re.compile(f"({'|'.join(names)}){PAGE_NUMBER}\\.(svg|png)")
    for old in folder.iterdir():
        if ours.fullmatch(old.name):
            old.unlink()
    written = []
    for files in figures:
        for ending, content in (("svg", files.svg), ("png", files.png)):
            path = folder / f"{files.figure.stem}.{ending}"
            path.write_bytes(content)
            written.append(path)
    return written


if __name__ == "__main__":
    sys.exit(main())
