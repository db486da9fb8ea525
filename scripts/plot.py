"""Draw a result folder: figures (SVG and PNG) and report.html in DIR/report/.

    .venv/bin/python scripts/plot.py DIR

Prints the path of the report. Exit codes: 0 drawn (runs that had to be left out are named on
stderr and in the report), 2 usage, 3 DIR cannot be drawn, 75 the report cannot be written,
130 interrupted.
"""

import argparse
import io
import os
import sys
from pathlib import Path

from clipsweep_plots.curves import draw_clipped_share, draw_test_accuracy, draw_training_loss
from clipsweep_plots.gradient_norm import draw_gradient_norm
from clipsweep_plots.heat_map import draw_heat_map
from clipsweep_plots.layout import NamedFigure
from clipsweep_plots.paired import draw_paired_differences
from clipsweep_plots.report import FigureFiles, render_report
from clipsweep_plots.result_folder import Results, read_plan, read_results
from clipsweep_plots.strict_json import DataError
from clipsweep_plots.style import apply_style
from clipsweep_plots.summary import Summary, read_summary

EXIT_DATA = 3
EXIT_STORAGE = 75
EXIT_INTERRUPTED = 130
MOST_WARNINGS = 10
DOTS_PER_INCH = 160
STEMS = (
    "paired_difference",
    "training_loss",
    "test_accuracy",
    "gradient_norm",
    "clipped_share",
    "final_accuracy",
)


def main(arguments: list[str] | None = None) -> int:
    folder = parse_arguments(arguments).folder
    apply_style()
    try:
        results = read_results(read_plan(folder))
        warn_of_left_out(results)
        refuse_if_nothing_to_draw(results)
        summary, notes = read_summary_or_note(results)
        figures = [save(figure) for figure in draw(results, summary)]
        report = write(folder / "report", figures, render_report(results, summary, notes, figures))
    except DataError as error:
        return fail(error, EXIT_DATA)
    except OSError as error:
        return fail(f"{error.filename}: cannot be written ({error.strerror})", EXIT_STORAGE)
    except KeyboardInterrupt:
        return fail("interrupted; nothing was written or only a part of it", EXIT_INTERRUPTED)
    print(report)
    return 0


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="plot.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folder", metavar="DIR", type=Path, help="what 'clipsweep sweep --out DIR' wrote"
    )
    return parser.parse_args(arguments)


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
        f"The step log of {run_id} breaks off within its last line, which was skipped: "
        "the run was killed or the log was cut."
        for run_id in results.torn
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
    if counted == len(results.runs):
        return []
    at_odds = (
        f"summary.json counts {counted} runs, {len(results.runs)} are drawn: the tables and the "
        "figures are not over the same runs. "
        f"'clipsweep summarize {results.plan.folder.name}' writes it anew."
    )
    return [at_odds]


def draw(results: Results, summary: Summary | None) -> list[NamedFigure]:
    """Draw all figures in the order of the report."""
    chance_accuracy = summary.chance_accuracy if summary else None
    return [
        *(draw_paired_differences(results, summary) if summary else []),
        *draw_training_loss(results),
        *draw_test_accuracy(results, chance_accuracy),
        *draw_gradient_norm(results),
        *draw_clipped_share(results),
        draw_heat_map(results, chance_accuracy),
    ]


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


def write(folder: Path, figures: list[FigureFiles], page: str) -> Path:
    """Write all files, the report last, and drop figures that an earlier sweep left there."""
    folder.mkdir(exist_ok=True)
    for stem in STEMS:
        for ending in ("svg", "png"):
            for old in folder.glob(f"{stem}*.{ending}"):
                old.unlink()
    for files in figures:
        (folder / f"{files.figure.stem}.svg").write_bytes(files.svg)
        (folder / f"{files.figure.stem}.png").write_bytes(files.png)
    report = folder / "report.html"
    report.write_text(page, encoding="utf-8")
    return report


if __name__ == "__main__":
    sys.exit(main())
