"""steps.jsonl, read line by line: a log of any length is never in memory as a whole.

The other logs of lines share the header check and the decoding of numbers.
"""

from collections.abc import Callable, Iterator
from operator import attrgetter
from pathlib import Path

import numpy as np

from .columns import Column, names_of, one_per_tensor, step_decoder
from .log_file import lines_after_header, open_log, read_header, stored_log
from .strict_json import MALFORMED, NON_FINITE, DataError, check_schema, decode, describe

STEPS_SCHEMA = "clipsweep/steps-1"


def steps_path(folder: Path, run_id: str) -> Path:
    """Return where the step log of a run is: steps.jsonl or steps.jsonl.gz."""
    return stored_log(folder / "runs" / run_id / "steps.jsonl")


def parse_header(path: Path, line: bytes, schema: str, run_id: str) -> dict:
    """Return the first line of a log; raise DataError unless it names this schema and this run."""
    try:
        header = decode(line.decode("utf-8"))
        check_schema(header, schema)
        found = header["run"]
        if isinstance(found, dict):  # the run's entry in the plan, where steps.jsonl has its ID
            found = found["id"]
        if found != run_id:
            raise ValueError(f"contains the run {str(found)[:80]!r}")
    except MALFORMED as error:
        raise DataError(f"{path}: bad header in line 1: {describe(error)}") from error
    return header


def decode_line(decode_record: Callable[[bytes], object], line: bytes):
    """Decode a line of a log; raise one of MALFORMED where it is not a record in UTF-8."""
    if not line.isascii():
        line.decode("utf-8")  # the decoder does not check texts that it skips
    return decode_record(line)


def check_order(step: int, previous: int, last: int) -> None:
    """Raise ValueError unless a step follows the previous one and is not beyond the last."""
    if not previous < step <= last:
        raise ValueError(f"step {step} after step {previous}, in a run of {last} steps")


def numbers(column: list[float | str | None]) -> np.ndarray:
    """Return a column as float64, NaN where nothing was measured."""
    return np.array(
        [value if type(value) is float else NON_FINITE.get(value, np.nan) for value in column],
        dtype=np.float64,
    )


class StepLog:
    """The step log of one run. Iterating reads it once and yields a row for each logged step.

    A row contains the values of `columns`, among them one for each tensor of a column by tensor.
    Iterating raises DataError, with the line, where the log is bad. A last line that is cut off
    is skipped.
    """

    def __init__(self, path: Path, run_id: str, total_steps: int, columns: tuple[Column, ...]):
        """Read the header; raise DataError if it is bad.

        `total_steps` bounds the step numbers. `columns` are those of the plan.
        """
        self.path = path
        self.total_steps = total_steps
        self.last_step = 0
        self.tensors = read_tensor_names(path, run_id)
        self.columns = one_per_tensor(columns, self.tensors)
        self._decode_row = _RowDecoder(columns, self.tensors)

    @property
    def is_cut_off(self) -> bool:
        """Whether the log, once read, lacks the run's last step."""
        return self.last_step < self.total_steps

    def __iter__(self) -> Iterator[list]:
        self.last_step = 0
        try:
            with open_log(self.path) as log:
                read_header(log)
                for number, line in lines_after_header(self.path, log):
                    if not line.endswith(b"\n"):
                        return
                    yield self._read_row(number, line)
        except FileNotFoundError as error:
            raise DataError(f"{self.path}: cannot be read ({error.strerror})") from error

    def _read_row(self, number: int, line: bytes) -> list:
        try:
            row = self._decode_row(line)
            check_order(row[0], self.last_step, self.total_steps)
        except MALFORMED as error:
            raise DataError(f"{self.path}:{number}: bad line: {describe(error)}") from error
        self.last_step = row[0]
        return row


class _RowDecoder:
    """Returns the values of a line: fast if nothing is wrong, otherwise with a clear error."""

    def __init__(self, columns: tuple[Column, ...], tensors: tuple[str, ...]):
        self._columns = columns
        self._tensors = tensors
        self._decode = step_decoder(columns)
        self._values_of = attrgetter(*names_of(columns))
        self._first_by_tensor = [column.by_tensor for column in columns].index(True)

    def __call__(self, line: bytes) -> list:
        try:
            values = self._values_of(decode_line(self._decode, line))
            row = list(values[: self._first_by_tensor])
            for norms in values[self._first_by_tensor :]:
                row += self._in_order(norms)
            return [NON_FINITE[value] if type(value) is str else value for value in row]
        except MALFORMED:
            return self._parse(decode(line.decode("utf-8")))

    def _parse(self, record: dict) -> list:
        row = []
        for column in self._columns:
            if not column.by_tensor:
                row.append(column.value_in(record))
            elif column.absent is not None or record.get(column.name) is not None:
                row += map(column.read, self._in_order(record[column.name]))
            else:
                row += self._in_order(None)
        return row

    def _in_order(self, norms: dict | None) -> list:
        """Return the value of each tensor; None, where the log lacks the column, for each."""
        if norms is None:
            return [None] * len(self._tensors)
        if len(norms) != len(self._tensors):
            raise ValueError(
                f"norms of {len(norms)} tensors where the header names {len(self._tensors)}"
            )
        return [norms[name] for name in self._tensors]


def read_tensor_names(path: Path, run_id: str) -> tuple[str, ...]:
    """Return the parameter tensors of a run from the header of its log; raise DataError if bad."""
    try:
        with open_log(path) as log:
            header = parse_header(path, read_header(log), STEPS_SCHEMA, run_id)
        return tuple(header["tensors"])
    except FileNotFoundError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except MALFORMED as error:
        raise DataError(f"{path}: bad header in line 1: {describe(error)}") from error
