"""JSON as the logs contain it: RFC 8259, non-finite numbers as strings, a schema in every file."""

import json
import math
from pathlib import Path

from .printable import may_be_unprintable, printable_document

NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

# What reading a malformed value can raise, from the parser to a missing key.
MALFORMED = (ValueError, TypeError, KeyError, OverflowError, RecursionError)


class DataError(Exception):
    """A file that cannot be used. The message names the file, what is wrong and what to do."""


def _refuse_constant(name: str) -> float:
    raise ValueError(f'{name} is not JSON; a non-finite number is the string "{name}"')


# Python's own decoder accepts NaN and Infinity as numbers; strict JSON does not have them.
_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode


def decode(text: str) -> object:
    """Decode strict JSON. All its texts are safe to print, even those of a hostile file."""
    document = _decode(text)
    return printable_document(document) if may_be_unprintable(text) else document


def describe(error: Exception) -> str:
    """Say in a few words what made a value unusable."""
    if isinstance(error, KeyError):
        return f"no key {error}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON (line {error.lineno}, column {error.colno}: {error.msg})"
    return str(error)


def check_schema(document: object, schema: str) -> None:
    """Raise ValueError unless `document` is an object that names `schema`."""
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    found = document.get("schema")
    if found != schema:
        raise ValueError(f"schema is {str(found)[:60]!r}, this program reads {schema!r}")


def read_document(path: Path, schema: str) -> dict:
    """Read a whole JSON file of the given schema; raise DataError if it is not one."""
    try:
        document = decode(path.read_text(encoding="utf-8"))
        check_schema(document, schema)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except MALFORMED as error:
        raise DataError(f"{path}: {describe(error)}") from error
    return document
