"""Readers of single logged values: each returns a Python value or raises one of MALFORMED.

A non-finite number becomes a NaN or an infinity, null becomes None: "not measured" is not NaN.
"""

from collections.abc import Iterable

from .strict_json import NON_FINITE

Interval = tuple[float, float]


def to_float(value: object) -> float:
    """Return a logged number: a JSON number, or "NaN", "Infinity" or "-Infinity"."""
    if isinstance(value, str):
        if value not in NON_FINITE:
            raise ValueError(f'"{value[:40]}" where a number belongs')
        return NON_FINITE[value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{type(value).__name__} where a number belongs")
    return float(value)


def to_optional_float(value: object) -> float | None:
    return None if value is None else to_float(value)


def to_interval(ends: list) -> Interval:
    low, high = ends
    return to_float(low), to_float(high)


def to_count(value: object) -> int:
    """Return a logged whole number, 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{str(value)[:40]!r} where a whole number belongs")
    return value


def to_optional_count(value: object) -> int | None:
    return None if value is None else to_count(value)


def to_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{type(value).__name__} where true or false belongs")
    return value


def to_optional_flag(value: object) -> bool | None:
    return None if value is None else to_flag(value)


def to_quantiles(value: object, names: Iterable[str]) -> dict[str, float | None]:
    """Return the named quantiles of a logged object; null, of a run without values, has none."""
    if value is None:
        return dict.fromkeys(names)
    if not isinstance(value, dict):
        raise TypeError(f"{type(value).__name__} where quantiles belong")
    return {name: to_optional_float(value[name]) for name in names}


def to_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where a text belongs")
    return value


def to_optional_text(value: object) -> str | None:
    return None if value is None else to_text(value)
