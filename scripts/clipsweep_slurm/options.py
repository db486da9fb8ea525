"""The command line of scripts/slurm: what is ours, and what goes to `clipsweep sweep`."""

import argparse
import os
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from .messages import Problem
from .time_limits import parse_time_limit

ROOT = Path(__file__).resolve().parent.parent.parent
BUILT_PROGRAM = ROOT / "build/release/clipsweep"
# Each task has its own value of these.
SET_BY_TASKS = {
    "--workers": "--cpus N sets it",
    "--shard": "--tasks N sets it",
    "--max-runs": "--time sets how long a task trains",
}
DESCRIPTION = """\
Train a sweep on a Slurm cluster, in a folder that its nodes share.

    scripts/slurm SWEEP-ARGUMENTS... --out DIR [options]
    scripts/slurm --status DIR

Submits an array of tasks, each of which trains its part of the runs, and a last job that compares
and draws. A task saves its runs before its time limit and is requeued. Submitting again trains what
is left. All other arguments are those of `clipsweep sweep`.

Exit codes: 0 submitted, or nothing is left; 1 a run failed (--status), or sbatch did; 2 usage;
75 runs are left (--status).
"""


@dataclass(frozen=True)
class Options:
    """What to submit, and how."""

    program: Path
    out: Path  # absolute
    sweep: tuple[str, ...]  # the arguments of `clipsweep sweep`
    tasks: int
    cpus: int
    time: str | None
    partition: str | None
    at_once: int | None
    notice: int  # seconds before the time limit
    requeues: int
    sbatch: tuple[str, ...]
    report: bool  # whether the last job draws
    dry_run: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        raise Problem(f"{message}; see scripts/slurm --help")


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,8}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 999,999,999")
    return int(text)


def _count_or_zero(text: str) -> int:
    return 0 if text == "0" else _count(text)


def _time_limit(text: str) -> str:
    try:
        parse_time_limit(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time limit of Slurm, such as 90 (minutes), 12:00:00 or 2-00:00:00"
        ) from None
    return text


def _name(text: str) -> str:
    if not re.fullmatch(r"[\w.,-]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a partition")
    return text


def _words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None


def make_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="scripts/slurm",
        usage=argparse.SUPPRESS,
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--out", metavar="DIR", help="result folder, on a file system that the nodes share")
    add("--status", metavar="DIR", help="say what is done, running, failed and left in DIR")
    add("--tasks", metavar="N", type=_count, default=16, help="parts of the sweep: tasks of the array [16]")
    add("--cpus", metavar="N", type=_count, default=1, help="processors of each task [1]")
    add("--time", metavar="LIMIT", type=_time_limit, help="time limit of a task, as for sbatch [the partition's]")
    add("--partition", metavar="NAME", type=_name, help="partition of the cluster [its default]")
    add("--at-once", metavar="N", type=_count, help="how many tasks may run at the same time [all]")
    add("--notice", metavar="SECONDS", type=_count, default=120, help="save this long before the time limit [120]")
    add("--requeues", metavar="N", type=_count_or_zero, default=20, help="how often a task may be requeued [20]")
    add("--sbatch", metavar="OPTIONS", type=_words, default=(), help='more for sbatch, such as "--account=lab --mem=4G"')
    add("--program", metavar="PATH", type=Path, help="the program [build/release/clipsweep, or clipsweep on the path]")
    add("--no-report", action="store_true", help="let the last job compare, but draw nothing")
    add("--dry-run", action="store_true", help="print the batch scripts and the commands; submit nothing")
    return parser


def parse_words(words: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return our options, and the words that are none of them; raise Problem if one is wrong."""
    joined: list[str] = []
    for word in words:
        # Their value begins with dashes, which argparse would take for an option of ours.
        if joined and joined[-1] == "--sbatch":
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return make_parser().parse_known_args(joined)


def find_program(given: Path | None) -> Path:
    on_path = shutil.which("clipsweep")
    found = given or (BUILT_PROGRAM if BUILT_PROGRAM.is_file() else on_path and Path(on_path))
    if not found or not os.access(found, os.X_OK) or not Path(found).is_file():
        raise Problem(f"{found or 'clipsweep'}: no such program; build it, or name it with --program PATH")
    return Path(found).absolute()


def _require_no_setting_of_tasks(sweep: list[str]) -> None:
    for word in sweep:
        name = word.partition("=")[0]
        if name in SET_BY_TASKS:
            raise Problem(f"{name} differs between tasks; {SET_BY_TASKS[name]}")


def _result_folder(text: str) -> Path:
    # Slurm takes a backslash in the name of a log for its own, and a script has lines.
    if "\\" in text or any(ord(character) < 32 for character in text):
        raise Problem(f"--out {text!r}: the name may have no backslash and no control character")
    return Path(os.path.abspath(text))


def _require_time_to_save(time: str | None, notice: int) -> None:
    if time is not None and parse_time_limit(time) < 2 * notice:
        raise Problem(
            f"--time {time}: tasks would spend it on saving, which begins {notice} seconds "
            "before its end; give more time, or less with --notice SECONDS"
        )


def parse_submission(given: argparse.Namespace, sweep: list[str]) -> Options:
    """Return what to submit; raise Problem if that cannot work."""
    if given.out is None:
        raise Problem("--out DIR is missing: the result folder; see scripts/slurm --help")
    _require_no_setting_of_tasks(sweep)
    _require_time_to_save(given.time, given.notice)
    return Options(
        program=find_program(given.program),
        out=_result_folder(given.out),
        sweep=tuple(sweep),
        tasks=given.tasks,
        cpus=given.cpus,
        time=given.time,
        partition=given.partition,
        at_once=given.at_once,
        notice=given.notice,
        requeues=given.requeues,
        sbatch=given.sbatch,
        report=not given.no_report,
        dry_run=given.dry_run,
    )
