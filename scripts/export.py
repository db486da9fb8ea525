"""Write a result folder for other tools: TensorBoard event files or Parquet tables.

    .venv/bin/python scripts/export.py DIR --format tensorboard|parquet [--out FOLDER]

Runs that reached an outcome are exported; the others are left out and named on stderr. Prints the
path of the export. An earlier export in FOLDER is replaced; nothing else ever is.
Exit codes: 0 exported, 2 usage, 3 a log is damaged (all other runs are exported) or DIR cannot be
exported at all, 75 the export cannot be written, 130 interrupted.
"""

import argparse
import difflib
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from clipsweep_export.conversion import Conversion, Converted, LeftOut, map_in_order
from clipsweep_export.event_files import write_run
from clipsweep_export.finished_run import FinishedRun, read_chance_accuracy
from clipsweep_export.output_folder import UsageError, check_replaceable, replacement, write_mark
from clipsweep_export.tables import ParquetFolder, convert_run
from clipsweep_plots.result_folder import SweepPlan, read_plan
from clipsweep_plots.strict_json import DataError

EXIT_USAGE = 2
EXIT_DATA = 3
EXIT_STORAGE = 75
EXIT_INTERRUPTED = 130
MOST_WARNINGS = 10
FORMATS = ("tensorboard", "parquet")


@dataclass
class Tally:
    """What became of the runs of a plan."""

    exported: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def any_damage(self) -> bool:
        return bool(self.cut) or any(run.damaged for run in self.left_out)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    out = options.out or options.folder / options.format
    try:
        plan = read_plan(options.folder)
        check_replaceable(out)
        tally = export(plan, options.format, out)
    except UsageError as error:
        return fail(error, EXIT_USAGE)
    except DataError as error:
        return fail(error, EXIT_DATA)
    except OSError as error:
        reason = error.strerror or error
        return fail(f"{error.filename or out}: cannot be written ({reason})", EXIT_STORAGE)
    except KeyboardInterrupt:
        return fail(f"interrupted; {out} is as it was before", EXIT_INTERRUPTED)
    print(out)
    return EXIT_DATA if tally.any_damage else 0


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="export.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folder", metavar="DIR", type=Path, help="what 'clipsweep sweep --out DIR' wrote"
    )
    parser.add_argument(
        "--format",
        required=True,
        type=known_format,
        metavar="|".join(FORMATS),
        help="what to write",
    )
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        type=Path,
        help="where to; DIR/tensorboard or DIR/parquet if absent",
    )
    return parser.parse_args(arguments)


def known_format(name: str) -> str:
    if name in FORMATS:
        return name
    near = difflib.get_close_matches(name.lower(), FORMATS, n=1)
    advice = f"; did you mean {near[0]}?" if near else ""
    raise argparse.ArgumentTypeError(f"unknown format {name!r}: {' or '.join(FORMATS)}{advice}")


def export(plan: SweepPlan, format_name: str, out: Path) -> Tally:
    """Write the export whole or not at all; raise DataError if there is nothing to write."""
    with replacement(out) as folder:
        write = write_parquet if format_name == "parquet" else write_tensorboard
        tally = write(plan, folder)
        report(plan, tally)
        left_out = {run.id: run.reason for run in tally.left_out}
        write_mark(folder, {"format": format_name, "cut": tally.cut, "left_out": left_out})
    return tally


def write_tensorboard(plan: SweepPlan, folder: Path) -> Tally:
    return convert_all(plan, partial(write_run, folder), lambda nothing: None)


def write_parquet(plan: SweepPlan, folder: Path) -> Tally:
    with ParquetFolder(folder) as tables:
        return convert_all(plan, convert_run, tables.add)


def convert_all(
    plan: SweepPlan, convert: Callable[[FinishedRun], object], add: Callable[[object], None]
) -> Tally:
    """Convert every run of the plan and add each that is whole, in the plan's order."""
    tally = Tally()
    conversion = Conversion(plan.folder, read_chance_accuracy(plan.folder), convert)
    with closing(map_in_order(conversion, list(plan.runs))) as outcomes:
        for number, outcome in enumerate(outcomes, start=1):
            settle(tally, outcome, add)
            show_progress(number, len(plan.runs))
    return tally


def settle(tally: Tally, outcome: Converted | LeftOut, add: Callable[[object], None]) -> None:
    if isinstance(outcome, LeftOut):
        tally.left_out.append(outcome)
        return
    try:
        add(outcome.content)
    except DataError as error:
        tally.left_out.append(LeftOut(outcome.id, str(error), damaged=True))
        return
    tally.exported.append(outcome.id)
    if outcome.notice:
        tally.cut.append(f"{outcome.id}: {outcome.notice}")


def show_progress(done: int, planned: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == planned else ""
        print(f"\rexported {done} of {planned} runs", end=end, file=sys.stderr, flush=True)


def report(plan: SweepPlan, tally: Tally) -> None:
    """Name and count on stderr what is not exported as a whole."""
    left_out = [f"{run.id} is left out: {run.reason}" for run in tally.left_out]
    for message in (tally.cut + left_out)[:MOST_WARNINGS]:
        warn(message)
    unlisted = len(tally.cut) + len(left_out) - MOST_WARNINGS
    if unlisted > 0:
        warn(f"{unlisted} more runs are left out or cut; export.json lists them")
    if left_out:
        kinds = Counter("damaged" if run.damaged else "unfinished" for run in tally.left_out)
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        warn(f"{len(left_out)} of {len(plan.runs)} planned runs are left out: {counts}")
    if not tally.exported:
        raise DataError(
            f"{plan.folder}: none of the {len(plan.runs)} planned runs can be exported; "
            "run the same 'clipsweep sweep' command again to train them"
        )


def warn(message: object) -> None:
    print(f"export.py: warning: {one_line(message)}", file=sys.stderr)


def fail(message: object, exit_code: int) -> int:
    print(f"export.py: {one_line(message)}", file=sys.stderr)
    return exit_code


def one_line(message: object) -> str:
    """Keep a message that quotes a log to one line of printable text."""
    return "".join(character if character.isprintable() else " " for character in str(message))


if __name__ == "__main__":
    sys.exit(main())
