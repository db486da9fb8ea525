"""The output folder: it becomes the whole new export, or stays as it was.

export.json marks a folder as an export and lists its contents, so that a later export can replace
it without ever deleting a file of the user's.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clipsweep_results.strict_json import DataError, read_document

EXPORT_SCHEMA = "clipsweep/export-1"
MARK = "export.json"


class UsageError(Exception):
    """The command line requests something that cannot be done; nothing was changed."""


def check_replaceable(out: Path) -> None:
    """Raise UsageError unless `out` is new, empty or contains only an earlier export."""
    if not os.path.lexists(out):
        return
    if not out.is_dir():
        raise UsageError(f"--out {out}: is a file; name a folder")
    present = {path.name for path in out.iterdir()}
    foreign = present - _exported_names(out) if present else set()
    if foreign:
        raise UsageError(
            f"--out {out}: contains {min(foreign)!r}, which is not part of an earlier export; "
            "name a new or empty folder, or move the file away"
        )


def _exported_names(out: Path) -> set[str]:
    try:
        return {MARK, *read_document(out / MARK, EXPORT_SCHEMA)["contents"]}
    except (DataError, KeyError, TypeError):
        return set()


@contextmanager
def replacement(out: Path) -> Iterator[Path]:
    """Yield a new folder next to `out` to write to; it replaces `out` at the end."""
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        partial.mkdir()  # an interrupt may come right behind it
        yield partial
        _swap(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _swap(new: Path, out: Path) -> None:
    """Rename `new` to `out`; the earlier export is deleted after the new one is in place."""
    if out.exists():
        old = out.with_name(f".{out.name}.{os.getpid()}.old")
        out.rename(old)
        new.rename(out)
        shutil.rmtree(old)
    else:
        new.rename(out)


def write_mark(folder: Path, facts: dict) -> None:
    """Write export.json: the contents of the folder, and `facts` about the export."""
    contents = sorted(path.name for path in folder.iterdir())
    document = {"schema": EXPORT_SCHEMA, **facts, "contents": contents}
    (folder / MARK).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
