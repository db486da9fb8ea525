"""Calls to the operating system that fail, by a library for LD_PRELOAD.

The library, tests/faults/fault_injection.cpp, counts the calls on files of one folder and lets some
of them fail.
"""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# The errors that a call can have: of local disks, of network file systems, of limits. "short": half
# is read or written; "end": a read finds the end of the file, as in a file that was cut off.
ERRORS = {
    "write": ("EIO", "ENOSPC", "EDQUOT", "ESTALE", "EINTR", "short"),
    "fsync": ("EIO", "ENOSPC", "EDQUOT", "EINTR"),
    "rename": ("EIO", "ENOSPC", "EDQUOT", "EACCES", "ESTALE", "EINTR"),
    "open": ("EMFILE", "ENFILE", "EIO", "EACCES", "ESTALE", "ENOMEM", "EINTR"),
    "read": ("EIO", "ESTALE", "ENOMEM", "EINTR", "short", "end"),
    "opendir": ("EMFILE", "ENFILE", "EIO", "EACCES", "ENOMEM"),
    "readdir": ("EIO", "ESTALE"),
    "stat": ("EIO", "EACCES", "ESTALE", "ENOMEM", "EINTR"),
    "mkdir": ("EIO", "ENOSPC", "EDQUOT", "EACCES"),
    "unlink": ("EIO", "EACCES", "ESTALE", "EINTR"),
    "truncate": ("EIO", "EACCES", "EINTR"),
    "flock": ("ENOLCK", "EOPNOTSUPP", "EINTR", "EIO"),
}
FOREVER = 10**9
# The system says these at a bad moment; a program tries again.
PASSING = ("EINTR", "short")


@dataclass(frozen=True)
class Fault:
    """The calls `first` to `first + count - 1` of this name fail with this error."""

    call: str
    first: int
    error: str
    count: int

    def __str__(self) -> str:
        times = "from then on" if self.count == FOREVER else f"{self.count} times"
        return f"{self.call} number {self.first} fails with {self.error} {times}"

    def environment(self) -> dict[str, str]:
        error = self.error if self.error in ("short", "end") else getattr(errno, self.error)
        return {"CLIPSWEEP_FAULT": f"{self.call},{self.first},{error},{self.count}"}


def preloaded(library: Path, folder: Path, **settings: object) -> dict[str, str]:
    """Return an environment with the library; settings such as COUNTS=PATH."""
    chosen = {f"CLIPSWEEP_FAULT_{key}": str(value) for key, value in settings.items()}
    return os.environ | {"LD_PRELOAD": str(library), "CLIPSWEEP_FAULT_FOLDER": str(folder)} | chosen


def read_counts(path: Path) -> dict[str, int]:
    """Return how often each call was made, as the library wrote it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {call: int(count) for call, count in map(str.split, lines)}


def all_faults(counts: dict[str, int]) -> Iterator[Fault]:
    """Yield each call with each of its errors, once and for ever."""
    for call, errors in ERRORS.items():
        for first in range(1, counts[call] + 1):
            for error in errors:
                yield Fault(call, first, error, 1)
                if error not in PASSING:
                    yield Fault(call, first, error, FOREVER)
