"""A logged value as a Python value: each reader returns it or raises one of MALFORMED.

A non-finite number becomes a real NaN or infinity, null becomes None: not measured is not NaN.
"""

from clipsweep_plots.strict_json import to_count


def to_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{type(value).__name__} where true or false belongs")
    return value


def to_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where a text belongs")
    return value


def to_optional_text(value: object) -> str | None:
    return None if value is None else to_text(value)


def to_optional_count(value: object) -> int | None:
    return None if value is None else to_count(value)
