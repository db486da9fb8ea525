"""What a power loss may leave of a result folder.

From the changes that a process made until the power cut follows what is durable: the content of a
file up to its length when it was last synced, and a name in a folder once the folder was synced
after it. Anything else may be lost, or be zeros; file systems differ in that.
"""

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = 512


@dataclass
class Durable:
    """What the disk has for certain."""

    # The contents from before the process, of files that it has not replaced for certain.
    earlier: dict[str, bytes]
    lengths: dict[str, int] = field(default_factory=dict)  # of each file that was written
    lasting_names: set[str] = field(default_factory=set)
    # Files and folders that may be missing, or have their earlier content.
    loose_names: set[str] = field(default_factory=set)

    def __post_init__(self):
        self.lasting_names |= set(self.earlier)


def _move(durable: Durable, source: str, target: str) -> None:
    durable.lengths[target] = durable.lengths.pop(source, 0)
    durable.loose_names.discard(source)
    # A file that replaces one has the content of either. That of a file from before the process is
    # known; otherwise the new one stays.
    if target in durable.earlier or target not in durable.lasting_names:
        durable.loose_names.add(target)


def _sync(durable: Durable, path: str, length: int) -> None:
    if path in durable.lengths:
        durable.lengths[path] = length
        return
    kept = {name for name in durable.loose_names if os.path.dirname(name) == path}
    durable.loose_names -= kept
    durable.lasting_names |= kept
    for name in kept:
        durable.earlier.pop(name, None)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def durable_after(changes: Path, earlier: dict[str, bytes]) -> Durable:
    """Replay the changes that the library noted. `earlier` has the files from before them."""
    durable = Durable(dict(earlier))
    for line in changes.read_text(encoding="utf-8").splitlines():
        kind, path, *rest = line.split("\t")
        if kind == "create":
            durable.loose_names.add(path)
        elif kind == "write":
            durable.lengths.setdefault(path, 0)
        elif kind == "truncate":
            length = int(rest[0])
            durable.lengths[path] = min(durable.lengths.get(path, length), length)
        elif kind == "sync":
            _sync(durable, path, int(rest[0]))
        elif kind == "move":
            _move(durable, path, rest[0])
        elif kind == "remove":
            durable.lengths.pop(path, None)
            durable.loose_names.discard(path)
            durable.lasting_names.discard(path)
            durable.earlier.pop(path, None)
    return durable


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _lose_names(durable: Durable, share: float) -> None:
    for name in sorted(durable.loose_names):
        if random.random() < share:
            if name in durable.earlier:
                Path(name).write_bytes(durable.earlier[name])
            else:
                _remove(Path(name))


def _for_each_tail(durable: Durable, edit: Callable[[Path, int, int], None]) -> None:
    """Call `edit` with each file whose end is not durable: from where, and its length."""
    for name, kept in sorted(durable.lengths.items()):
        path = Path(name)
        if path.is_file() and path.stat().st_size > kept:
            edit(path, kept, path.stat().st_size)


def zero(path: Path, begin: int, end: int) -> None:
    """Replace these bytes by zeros."""
    with path.open("r+b") as file:
        file.seek(begin)
        file.write(bytes(end - begin))


def _zero_a_block(path: Path, kept: int, size: int) -> None:
    begin = random.randrange(kept, size)
    zero(path, begin, min(begin + BLOCK, size))


def _truncate_anywhere(path: Path, kept: int, size: int) -> None:
    os.truncate(path, random.randint(kept, size))


def lose_everything(durable: Durable) -> None:
    """Keep only what is durable."""
    _for_each_tail(durable, lambda path, kept, size: os.truncate(path, kept))
    _lose_names(durable, 1)


def lose_content(durable: Durable) -> None:
    """Files have their names and lengths, but zeros where they were not synced."""
    _for_each_tail(durable, zero)


def lose_blocks(durable: Durable) -> None:
    """Each file that was not synced has one block of zeros."""
    _for_each_tail(durable, _zero_a_block)


def lose_some(durable: Durable) -> None:
    """Files that were not synced end anywhere, and half of the loose names are lost."""
    _for_each_tail(durable, _truncate_anywhere)
    _lose_names(durable, 0.5)


LOSSES = (lose_everything, lose_content, lose_blocks, lose_some)
