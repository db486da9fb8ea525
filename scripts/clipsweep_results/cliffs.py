"""cliff_N.json: the loss of one batch in a plane through the weights before a step of a run."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .strict_json import MALFORMED, DataError, describe, read_document
from .values import to_count, to_float

CLIFF_SCHEMA = "clipsweep/cliff-1"
_NAME = re.compile(r"cliff_[1-9][0-9]*\.json")


@dataclass(frozen=True)
class Mark:
    """Where a step lands: its projection onto the plane, and its loss."""

    along: float
    across: float
    loss: float


@dataclass(frozen=True, eq=False)
class Cliff:
    """The losses over a plane, NaN or infinite where they are not finite."""

    step: int
    loss: float  # before the step
    norm: float  # of the raw gradient
    direction: str  # across
    along: np.ndarray  # [K]
    across: np.ndarray  # [K]
    losses: np.ndarray  # [K across, K along]
    slice_along: np.ndarray
    slice_losses: np.ndarray
    unclipped: Mark
    clipped: Mark | None  # None if the run took no step


def read_cliffs(folder: Path, run_id: str) -> list[Cliff]:
    """Read all of a run, by step; raise DataError for a bad file."""
    run = folder / "runs" / run_id
    names = [path for path in run.iterdir() if _NAME.fullmatch(path.name)] if run.is_dir() else []
    return sorted((_read(path) for path in names), key=lambda cliff: cliff.step)


def _read(path: Path) -> Cliff:
    document = read_document(path, CLIFF_SCHEMA)
    try:
        return _parse(document)
    except MALFORMED as error:
        raise DataError(f"{path}: {describe(error)}") from error


def _parse(document: dict) -> Cliff:
    along, across = _numbers(document["along"]), _numbers(document["across"])
    losses = np.array([_numbers(row) for row in document["losses"]])
    if losses.shape != (len(across), len(along)):
        raise ValueError(f"losses of {losses.shape} for {len(across)} x {len(along)} places")
    points = document["slice"]
    slice_along, slice_losses = _numbers(points["along"]), _numbers(points["losses"])
    if slice_along.shape != slice_losses.shape:
        raise ValueError("a slice with other losses than places")
    return Cliff(
        to_count(document["step"]),
        to_float(document["loss"]),
        to_float(document["grad_norm_raw"]),
        str(document["across_direction"]),
        along,
        across,
        losses,
        slice_along,
        slice_losses,
        _mark(document["unclipped"]),
        None if document["clipped"] is None else _mark(document["clipped"]),
    )


def _numbers(values: object) -> np.ndarray:
    if not isinstance(values, list):
        raise TypeError(f"{type(values).__name__} where a list of numbers belongs")
    return np.array([to_float(value) for value in values])


def _mark(entry: dict) -> Mark:
    return Mark(*(to_float(entry[key]) for key in ("along", "across", "loss")))
