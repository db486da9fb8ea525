"""Draw a result folder: figures (SVG and PNG), report.html and report.md in DIR/report/.

    scripts/plot.py DIR
    scripts/plot.py DIR --figure training_loss --width 3.3 --no-title --format pdf

Or draw a log of gradient norms from any training, as 'clipsweep advise' reads it, to two files next
to it:

    scripts/plot.py --norms FILE

Prints the path of report.html, or with --figure or --norms the paths of the figures. Exit codes: 0 drawn
(stderr and the report name the runs that are left out), 2 usage, 3 DIR cannot be drawn, 75 the
report cannot be written, 130 interrupted.
"""

import argparse
import contextlib
import difflib
import os
import re
import shlex
import sys
from pathlib import Path

from clipsweep_results.messages import (
    EXIT_DATA,
    EXIT_INTERRUPTED,
    EXIT_STORAGE,
    EXIT_USAGE,
    MAX_WARNINGS,
    Messages,
    one_line,
    print_paths,
    program_name,
)
from clipsweep_results.plan import read_plan
from clipsweep_results.printable import printable_page
from clipsweep_results.result_folder import Results, read_results
from clipsweep_results.strict_json import DataError
from clipsweep_results.summary import Summary, read_summary

from .drawing.figure_files import FORMATS, FigureFiles, embed_figures, render
from .drawing.layout import MAX_WIDTH, MIN_WIDTH, Sheet
from .drawing.sources import Sources
from .drawing.style import apply_style
from .figures.figure_list import FIGURES
from .norms import AdviceError, draw_norms, read_advice
from .rendering import Order, render_figures
from .report.arm_files import arm_files
from .report.report_html import render_report
from .report.report_markdown import render_markdown

DEFAULT_FORMATS = ("svg", "png")
PAGE_NUMBER = r"(_\d+)?"
messages = Messages(program_name("plot.py", "clipsweep-plot"))


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    if options.list_figures:
        print("\n".join(FIGURES))
        return 0
    if message := unknown_figure(options.figure or []):
        return messages.fail(message, EXIT_USAGE)
    apply_style(Sheet(options.width).text)
    try:
        written = draw_log(options) if options.norms else draw(options)
    except AdviceError as error:
        return messages.fail(error, error.exit_code)
    except DataError as error:
        return messages.fail(error, EXIT_DATA)
    except OSError as error:
        return messages.fail(
            f"{error.filename}: cannot be written ({error.strerror})", EXIT_STORAGE
        )
    except KeyboardInterrupt:
        return messages.fail("interrupted; the output is missing or incomplete", EXIT_INTERRUPTED)
    print_paths(written)
    return 0


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=messages.program,
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folder",
        metavar="DIR",
        type=Path,
        nargs="?",
        help="a result folder of 'clipsweep sweep --out DIR'",
    )
    parser.add_argument(
        "--figure",
        metavar="NAME",
        action="append",
        help="draw only this figure, without a report; may be repeated",
    )
    parser.add_argument(
        "--list-figures", action="store_true", help="print the names of all figures"
    )
    parser.add_argument(
        "--norms",
        metavar="FILE",
        type=Path,
        help="draw this log of gradient norms instead of a result folder",
    )
    parser.add_argument(
        "--column", metavar="NAME", help="the column of the norms, as in 'clipsweep advise'"
    )
    parser.add_argument(
        "--format",
        metavar="LIST",
        type=formats,
        default=DEFAULT_FORMATS,
        help="formats of the figure files: svg, png, pdf (default: svg,png)",
    )
    parser.add_argument(
        "--no-title",
        action="store_true",
        help="leave out title and caption, for papers that have their own",
    )
    parser.add_argument(
        "--width",
        metavar="INCHES",
        type=width,
        help="width of every figure, such as 3.3 for a column of a paper (default: the width that "
        "the figure needs)",
    )
    options = parser.parse_args(arguments)
    if options.norms and (options.folder or options.figure or options.list_figures):
        parser.error("--norms FILE draws no result folder; leave out DIR and --figure")
    if options.column and not options.norms:
        parser.error("--column NAME needs --norms FILE")
    if options.folder is None and not options.list_figures and not options.norms:
        parser.error("the following arguments are required: DIR")
    return options


def unknown_figure(names: list[str]) -> str:
    """Return an error about the first name that is not a figure; empty if there is none."""
    for name in names:
        if name not in FIGURES:
            close = difflib.get_close_matches(name, FIGURES, n=1)
            advice = f"; did you mean {close[0]!r}?" if close else "."
            return f"there is no figure {name!r}{advice} Figures: {', '.join(FIGURES)}"
    return ""


def formats(text: str) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for ending in chosen:
        if ending not in FORMATS:
            raise argparse.ArgumentTypeError(
                f"{ending!r} is not a format; allowed are {', '.join(FORMATS)}"
            )
    return chosen


def width(text: str) -> float:
    try:
        inches = float(text)
    except ValueError:
        inches = 0.0
    if not MIN_WIDTH <= inches <= MAX_WIDTH:  # NaN is not in range either
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a width from {MIN_WIDTH:g} to {MAX_WIDTH:g}"
        )
    return inches


def draw(options: argparse.Namespace) -> list[Path]:
    """Draw and write the requested figures or report; return the paths to print."""
    results = read_results(read_plan(options.folder))
    warn_about_left_out(results)
    refuse_if_nothing_to_draw(results)
    summary, notes = read_summary_or_note(results)
    names = tuple(dict.fromkeys(options.figure or FIGURES))
    order = Order(names, formats_of(options), is_report=not options.figure)
    sources = Sources(results, summary, Sheet(options.width, not options.no_title))
    folder = options.folder / "report"
    folder.mkdir(exist_ok=True)  # if it cannot be made, that is an error before figures are drawn
    rendered = render_figures(sources, order)
    report_not_drawn(rendered.not_drawn)
    if options.figure and not rendered.pages:
        with contextlib.suppress(OSError):
            folder.rmdir()  # unless it has files
        raise DataError(f"{options.folder}: nothing to draw")
    written = write_figures(folder, rendered.pages, names, suffix_of(options))
    if options.figure:
        return written
    for name, text in arm_files(summary).items():
        write_page(folder / name, text)
    command = drawing_command(options)
    markdown, report = folder / "report.md", folder / "report.html"
    document = render_markdown(results, summary, notes, rendered.pages, command)
    write_page(markdown, document)
    figures = embed_figures(rendered.pages, rendered.wide, rendered.narrow)
    write_page(report, render_report(results, summary, notes, figures, command))
    return [report]


def write_page(path: Path, text: str) -> None:
    """Write a text without what controls a page: the names of folders come in here too."""
    path.write_text(printable_page(text), encoding="utf-8")


def formats_of(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the requested formats; a report always has the first two."""
    return options.format if options.figure or options.norms else tuple(
        dict.fromkeys(("svg", "png", *options.format))
    )


def suffix_of(options: argparse.Namespace) -> str:
    """Return what tells the files of a single figure with its own look from the report's."""
    if not options.figure:
        return ""
    width = f"_{options.width:g}in" if options.width is not None else ""
    return width + "_untitled" * options.no_title


def drawing_command(options: argparse.Namespace) -> str:
    """Return the command that draws this report again, from the current folder."""
    folder = options.folder
    if folder.is_absolute() and folder.is_relative_to(Path.cwd()):
        folder = folder.relative_to(Path.cwd())
    words = ["scripts/plot.py", str(folder)]
    words += ["--width", f"{options.width:g}"] if options.width is not None else []
    words += ["--no-title"] if options.no_title else []
    words += ["--format", ",".join(options.format)] if options.format != DEFAULT_FORMATS else []
    return shlex.join(words)


def draw_log(options: argparse.Namespace) -> list[Path]:
    """Draw a log of gradient norms; return the paths of the figure."""
    advice = read_advice(options.norms, options.column)
    sheet = Sheet(options.width, not options.no_title)
    figure = draw_norms(advice, options.norms, sheet)
    files = render(figure.stem, figure, sheet, options.format)
    return write_figures(options.norms.parent, [files], (re.escape(figure.stem),), "")


def report_not_drawn(not_drawn: dict[str, str]) -> None:
    """Say why figures are not drawn, with a line for each of several reasons."""
    names: dict[str, list[str]] = {}
    for name, reason in not_drawn.items():
        names.setdefault(reason, []).append(name)
    lines = [f"{', '.join(of_reason)}: {reason}" for reason, of_reason in names.items()]
    if len(lines) == 1:
        messages.note(f"not drawn: {lines[0]}")
    elif lines:
        messages.note("not drawn:")
        for line in lines:
            print(f"  {one_line(line)}", file=sys.stderr)


def warn_about_left_out(results: Results) -> None:
    for run in results.left_out[:MAX_WARNINGS]:
        messages.warn(f"{run.id} is left out: {run.reason}")
    unlisted = len(results.left_out) - MAX_WARNINGS
    if unlisted > 0:
        messages.warn(f"{unlisted} more runs are left out; the report lists them")


def refuse_if_nothing_to_draw(results: Results) -> None:
    if not results.runs:
        raise DataError(
            f"{results.plan.folder}: none of the {len(results.plan.runs)} planned runs can be "
            "drawn; rerun the same 'clipsweep sweep' command again to train them"
        )


def read_summary_or_note(results: Results) -> tuple[Summary | None, list[str]]:
    """Read the summary; a problem with it becomes a note in the report and a warning."""
    notes = [
        f"The last line of the {log} is cut off and was skipped: the run was killed, or the file "
        "is incomplete."
        for log in results.cut_off_logs
    ]
    summary = None
    try:
        summary = read_summary(results.plan.folder)
        notes += note_stale_summary(results, summary)
    except DataError as error:
        notes.append(str(error).removeprefix(f"{results.plan.folder}{os.sep}"))
    for note in notes:
        messages.warn(note)
    return summary, notes


def note_stale_summary(results: Results, summary: Summary) -> list[str]:
    counted = summary.run_counts.get("completed", 0) + summary.run_counts.get("diverged", 0)
    damaged = sum(run.state == "unreadable" for run in results.left_out)
    if len(results.runs) <= counted <= len(results.runs) + damaged:  # summarize reads no steps
        return []
    return [
        f"summary.json counts {counted} runs, but {len(results.runs)} are drawn: tables and "
        "figures show different runs. "
        f"'clipsweep summarize {results.plan.folder}' rewrites it."
    ]


def write_figures(
    folder: Path, figures: list[FigureFiles], names: tuple[str, ...], suffix: str
) -> list[Path]:
    """Write all files, and delete files of the named figures from earlier calls."""
    folder.mkdir(exist_ok=True)
    pattern = f"({'|'.join(names)}){PAGE_NUMBER}{re.escape(suffix)}\\.({'|'.join(FORMATS)})"
    ours = re.compile(pattern)
    for old in folder.iterdir():
        if ours.fullmatch(old.name):
            old.unlink()
    written = []
    for figure in figures:
        for ending, content in figure.files.items():
            path = folder / f"{figure.stem}{suffix}.{ending}"
            path.write_bytes(content)
            written.append(path)
    return written
