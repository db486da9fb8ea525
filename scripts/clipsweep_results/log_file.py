"""A log of a run on disk: plain, or compressed (`sweep --compress`) as LOG.gz.

Where both are there, LOG.gz is the log. What is in memory does not grow with a log.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from .strict_json import DataError

MAX_LINE_BYTES = 1 << 20  # longer lines are not of a log; a small file may unpack to a huge one
BUFFER_BYTES = 1 << 16


def is_compressed(path: Path) -> bool:
    return path.suffix == ".gz"


def stored_log(log: Path) -> Path:
    """Return the file that holds a log: LOG.gz if it is there, otherwise LOG, which may be missing."""
    compressed = log.with_name(f"{log.name}.gz")
    return compressed if compressed.exists() else log


@contextmanager
def open_log(path: Path) -> Iterator[BinaryIO]:
    """Open a log for reading; raise DataError if it cannot be read to where it is read.

    A missing file is a FileNotFoundError.
    """
    try:
        with path.open("rb") as file:
            yield _unpacked(file) if is_compressed(path) else file
    except FileNotFoundError:
        raise
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: is truncated or corrupt ({error})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error


def _unpacked(file: BinaryIO) -> BinaryIO:
    return io.BufferedReader(gzip.GzipFile(fileobj=file), BUFFER_BYTES)


def lines_after_header(path: Path, log: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the bytes of each line of an open log after its first one."""
    read_line = partial(log.readline, MAX_LINE_BYTES + 1)
    for number, line in enumerate(iter(read_line, b""), start=2):
        if len(line) > MAX_LINE_BYTES:
            raise DataError(f"{path}:{number}: a line is longer than 1 MiB")
        yield number, line


def read_header(log: BinaryIO) -> bytes:
    """Return the first line of an open log, or the beginning of it if it is too long."""
    return log.readline(MAX_LINE_BYTES)


def ends_cut_off(path: Path) -> bool:
    """Return whether a log ends within a line, which is the mark of a killed run."""
    if is_compressed(path):
        return False  # it was compressed when it was complete
    try:
        with path.open("rb") as log:
            if log.seek(0, 2) == 0:
                return False
            log.seek(-1, 2)
            return log.read(1) != b"\n"
    except OSError:
        return False
