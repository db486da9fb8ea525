"""Write a result folder for other tools: TensorBoard event files or Parquet tables.

    scripts/export.py DIR --format tensorboard|parquet [--out FOLDER]

Exports the runs that completed or diverged; stderr names the others. Prints the path of the
export. An earlier export in FOLDER is replaced; no other file is ever changed.
Exit codes: 0 exported, 2 usage, 3 a log is damaged (all other runs are exported) or DIR cannot be
exported at all, 75 the export cannot be written, 130 interrupted.
"""

import argparse
import difflib
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from clipsweep_results.finished_run import FinishedRun
from clipsweep_results.messages import (
    EXIT_DATA,
    EXIT_INTERRUPTED,
    EXIT_STORAGE,
    EXIT_USAGE,
    MAX_WARNINGS,
    Messages,
    print_paths,
    program_name,
)
from clipsweep_results.plan import SweepPlan, read_plan
from clipsweep_results.progress import Progress
from clipsweep_results.strict_json import DataError
from clipsweep_results.summary import read_chance_levels

from .conversion import Conversion, Converted, LeftOut, map_in_order
from .event_files import write_run
from .output_folder import UsageError, check_replaceable, replacement, write_mark
from .tables import ParquetFolder, convert_run, read_layout

messages = Messages(program_name("export.py", "clipsweep-export"))
FORMATS = ("tensorboard", "parquet")


@dataclass
class Tally:
    """The exported runs, and those that are cut off or left out."""

    exported: list[str] = field(default_factory=list)
    cut_off: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def any_damage(self) -> bool:
        return bool(self.cut_off) or any(run.damaged for run in self.left_out)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    out = options.out or options.folder / options.format
    try:
        plan = read_plan(options.folder)
        check_replaceable(out)
        tally = export(plan, options.format, out)
    except UsageError as error:
        return messages.fail(error, EXIT_USAGE)
    except DataError as error:
        return messages.fail(error, EXIT_DATA)
    except OSError as error:
        reason = error.strerror or error
        return messages.fail(f"{error.filename or out}: cannot be written ({reason})", EXIT_STORAGE)
    except KeyboardInterrupt:
        return messages.fail(f"interrupted; {out} is unchanged", EXIT_INTERRUPTED)
    print_paths([out])
    return EXIT_DATA if tally.any_damage else 0


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=messages.program,
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folder", metavar="DIR", type=Path, help="a result folder of 'clipsweep sweep --out DIR'"
    )
    parser.add_argument(
        "--format",
        required=True,
        type=known_format,
        metavar="|".join(FORMATS),
        help="the format of the export",
    )
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        type=Path,
        help="output folder (default: DIR/tensorboard or DIR/parquet)",
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
        write_mark(folder, {"format": format_name, "cut": tally.cut_off, "left_out": left_out})
    return tally


def write_tensorboard(plan: SweepPlan, folder: Path) -> Tally:
    return convert_all(plan, partial(write_run, folder), lambda nothing: None)


def write_parquet(plan: SweepPlan, folder: Path) -> Tally:
    layout = read_layout(plan)
    with ParquetFolder(folder, layout) as tables:
        return convert_all(plan, partial(convert_run, layout), tables.add)


def convert_all(
    plan: SweepPlan, convert: Callable[[FinishedRun], object], add: Callable[[object], None]
) -> Tally:
    """Convert every run of the plan and add each one that has no error, in the plan's order."""
    tally = Tally()
    chance = read_chance_levels(plan.folder)
    conversion = Conversion(plan.folder, plan.step_columns, chance, convert)
    with closing(map_in_order(conversion, list(plan.runs))) as outcomes:
        for outcome in Progress("runs exported:", len(plan.runs)).over(outcomes):
            settle(tally, outcome, add)
    return tally


def settle(tally: Tally, outcome: Converted | LeftOut, add: Callable[[object], None]) -> None:
    if isinstance(outcome, LeftOut):
        tally.left_out.append(outcome)
        return
    add(outcome.content)
    tally.exported.append(outcome.id)
    if outcome.notice:
        tally.cut_off.append(f"{outcome.id}: {outcome.notice}")


def report(plan: SweepPlan, tally: Tally) -> None:
    """Name and count on stderr the runs that are not exported or are cut off."""
    left_out = [f"{run.id} is left out: {run.reason}" for run in tally.left_out]
    for message in (tally.cut_off + left_out)[:MAX_WARNINGS]:
        messages.warn(message)
    unlisted = len(tally.cut_off) + len(left_out) - MAX_WARNINGS
    if unlisted > 0:
        messages.warn(f"{unlisted} more runs are left out or cut off; export.json lists them")
    if left_out:
        kinds = Counter("damaged" if run.damaged else "not finished" for run in tally.left_out)
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        messages.warn(f"{len(left_out)} of {len(plan.runs)} planned runs are left out: {counts}")
    if not tally.exported:
        raise DataError(
            f"{plan.folder}: none of the {len(plan.runs)} planned runs can be exported; "
            "rerun the same 'clipsweep sweep' command to train them"
        )
