"""steps.jsonl as rows, line by line: a log of any length is never in memory as a whole."""

from collections.abc import Iterator
from pathlib import Path

from clipsweep_plots.strict_json import (
    MALFORMED,
    DataError,
    check_schema,
    decode,
    describe,
    to_count,
    to_float,
    to_optional_float,
)

from .values import to_flag

STEPS_SCHEMA = "clipsweep/steps-1"
STEP_FIELDS = {
    "step": to_count,
    "epoch": to_count,
    "loss": to_float,
    "accuracy": to_float,
    "grad_norm_raw": to_float,
    "grad_norm_clipped": to_float,
    "clip_scale": to_float,
    "clipped": to_flag,
    "clipped_fraction": to_float,
    "cosine": to_optional_float,
    "limit": to_optional_float,
    "effective_learning_rate": to_optional_float,
    "grad_max_abs": to_float,
    "nonfinite": to_count,
    "skipped": to_flag,
}
# What a step may lack: logs of earlier versions have no evidence, and few steps are skipped.
ABSENT = {"cosine": None, "limit": None, "effective_learning_rate": None, "skipped": False}


class StepLog:
    """One run's step log. Iterating reads it once and yields a row for each logged step.

    A row holds the values of STEP_FIELDS, then the raw norm of each of `tensors`.
    """

    def __init__(self, path: Path, run_id: str, total_steps: int):
        self.path = path
        self.total_steps = total_steps
        self.last_step = 0
        self.tensors = _read_tensor_names(path, run_id)

    @property
    def cut(self) -> bool:
        """Whether the log, once read, lacks the run's last step."""
        return self.last_step < self.total_steps

    def __iter__(self) -> Iterator[list]:
        try:
            with self.path.open("rb") as log:
                log.readline()
                for number, line in enumerate(log, start=2):
                    if not line.endswith(b"\n"):
                        return  # torn: the mark of a killed run, no step
                    yield self._read_row(number, line)
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error.strerror})") from error

    def _read_row(self, number: int, line: bytes) -> list:
        try:
            row = parse_row(decode(line.decode("utf-8")), self.tensors)
            if not self.last_step < row[0] <= self.total_steps:
                raise ValueError(f"step {row[0]} after {self.last_step} of {self.total_steps}")
        except MALFORMED as error:
            raise DataError(f"{self.path}:{number}: bad line: {describe(error)}") from error
        self.last_step = row[0]
        return row


def parse_row(record: dict, tensors: tuple[str, ...]) -> list:
    """Return the values of one step object."""
    present = {**ABSENT, **record}
    norms = present["tensors"]
    if len(norms) != len(tensors):
        raise ValueError(f"norms of {len(norms)} tensors where the header names {len(tensors)}")
    row = [read(present[key]) for key, read in STEP_FIELDS.items()]
    row += [to_float(norms[name]) for name in tensors]
    return row


def _read_tensor_names(path: Path, run_id: str) -> tuple[str, ...]:
    try:
        with path.open("rb") as log:
            header = decode(log.readline().decode("utf-8"))
        check_schema(header, STEPS_SCHEMA)
        if header["run"] != run_id:
            raise ValueError(f"holds the run {str(header['run'])[:80]!r}")
        return tuple(header["tensors"])
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except MALFORMED as error:
        raise DataError(f"{path}: bad header in line 1: {describe(error)}") from error
