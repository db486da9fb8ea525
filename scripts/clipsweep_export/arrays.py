"""Arrow's arrays from Python values, made of their buffers.

pa.array() and pa.scalar() import pandas to recognize a Series: in each process, and for a small sweep that
takes longer than the export itself.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

CATEGORY = pa.dictionary(pa.int32(), pa.string())
_WIDTHS = {
    pa.float32(): np.float32,
    pa.float64(): np.float64,
    pa.int32(): np.int32,
    pa.int64(): np.int64,
    pa.bool_(): np.bool_,
}


def array_of(values: Sequence, kind: pa.DataType) -> pa.Array:
    """Return numbers, flags or texts as an array; None is null."""
    if kind == CATEGORY:
        return _categories(values)
    is_text = pa.types.is_string(kind)
    buffers = _text_buffers(values) if is_text else [_number_buffer(values, kind)]
    return pa.Array.from_buffers(kind, len(values), [_validity(values), *buffers])


def repeated(value: object, kind: pa.DataType, count: int) -> pa.Array:
    """Return an array of one value."""
    return array_of([value] * count, kind)


def _validity(values: Sequence) -> pa.Buffer | None:
    """Return the bits that say which values are not null; None if no value is."""
    exists = np.array([value is not None for value in values], np.bool_)
    return None if exists.all() else _bits(exists)


def _bits(flags: np.ndarray) -> pa.Buffer:
    return pa.py_buffer(np.packbits(flags, bitorder="little"))


def _number_buffer(values: Sequence, kind: pa.DataType) -> pa.Buffer:
    with np.errstate(over="ignore"):  # beyond float32 is infinite
        numbers = np.array([0 if value is None else value for value in values], _WIDTHS[kind])
    return _bits(numbers) if pa.types.is_boolean(kind) else pa.py_buffer(numbers)


def _text_buffers(values: Sequence) -> list[pa.Buffer]:
    texts = [b"" if value is None else value.encode() for value in values]
    ends = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    return [pa.py_buffer(ends), pa.py_buffer(b"".join(texts))]


def _categories(values: Sequence) -> pa.Array:
    """Return texts as a dictionary, in the order of their first place."""
    texts = list(dict.fromkeys(value for value in values if value is not None))
    places = {text: place for place, text in enumerate(texts)} | {None: None}
    indices = array_of([places[value] for value in values], pa.int32())
    return pa.DictionaryArray.from_arrays(indices, array_of(texts, pa.string()))
