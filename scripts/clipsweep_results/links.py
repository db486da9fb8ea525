"""Links, pipes and devices in a result folder: an error before anything is read or written.

The result folder itself may be a symbolic link.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from .strict_json import DataError

SWEEP_ENTRIES = (".lock", "sweep.json", "runs", "runs.csv", "summary.json", "report")


def refuse_links(folder: Path) -> None:
    """Raise DataError if one of the sweep's entries, or one in its report, is a link or a device."""
    _refuse(folder / name for name in SWEEP_ENTRIES)
    _refuse(_entries(folder / "report"))


def refuse_links_of_run(folder: Path, run_id: str) -> None:
    """Do the same for a run's folder and its contents."""
    run_folder = folder / "runs" / run_id
    _refuse([run_folder])
    _refuse(_entries(run_folder))


def _entries(folder: Path) -> Iterator[Path]:
    return folder.iterdir() if folder.is_dir() else iter(())


def _refuse(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_symlink():
            raise DataError(
                f"{path}: is a link, and links inside a result folder are not followed; "
                "replace it by its target or remove it"
            )
        if path.exists() and not path.is_file() and not path.is_dir():
            raise DataError(f"{path}: is neither a file nor a folder; remove it")
