"""Errors in one line, and exit codes: those of clipsweep."""

import sys

SUCCESS, RUN_FAILED, USAGE, INVALID_DATA, STOPPED = 0, 1, 2, 3, 75


class Problem(Exception):
    """Ends the program with one line: what is wrong, and what to do."""

    def __init__(self, message: str, exit_code: int = USAGE):
        super().__init__(message)
        self.exit_code = exit_code


def complain(message: str) -> None:
    print(f"slurm: {message}", file=sys.stderr)


def counted(count: int, noun: str) -> str:
    """`1 run`, `2,000 runs`"""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
