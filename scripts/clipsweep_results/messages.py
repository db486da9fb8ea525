"""Exit codes and one-line messages on stderr, for the programs that read result folders."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from .printable import printable

EXIT_USAGE = 2
EXIT_DATA = 3
EXIT_STORAGE = 75
EXIT_INTERRUPTED = 130
MAX_WARNINGS = 10


def program_name(script: str, command: str) -> str:
    """Return how the user started this program: by the script, by the installed command, or by
    another program, which gives its name in CLIPSWEEP_PROGRAM.
    """
    if name := os.environ.get("CLIPSWEEP_PROGRAM"):
        return name
    return command if Path(sys.argv[0]).stem == command else script


class Messages:
    """Prints messages that begin with the name of the program."""

    def __init__(self, program: str):
        self.program = program

    def warn(self, message: object) -> None:
        print(f"{self.program}: warning: {one_line(message)}", file=sys.stderr)

    def note(self, message: object) -> None:
        print(f"{self.program}: {one_line(message)}", file=sys.stderr)

    def fail(self, message: object, exit_code: int) -> int:
        """Print an error and return the exit code."""
        self.note(message)
        return exit_code


def print_paths(paths: Iterable[Path]) -> None:
    """Print paths on stdout, one a line: to a terminal printable, elsewhere byte by byte.

    A path whose bytes are not UTF-8 reaches a script that reads it as it is.
    """
    sys.stdout.flush()
    for path in paths:
        line = printable(str(path)).encode() if sys.stdout.isatty() else os.fsencode(path)
        sys.stdout.buffer.write(line + b"\n")
    sys.stdout.flush()


def one_line(message: object) -> str:
    """Keep a message that quotes a log to one line of printable text."""
    return printable(str(message).replace("\n", " "))
