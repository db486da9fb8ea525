"""Exit codes and one-line messages on stderr, for the programs that read result folders."""

import os
import sys
from pathlib import Path

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


def one_line(message: object) -> str:
    """Keep a message that quotes a log to one line of printable text."""
    return "".join(character if character.isprintable() else " " for character in str(message))
