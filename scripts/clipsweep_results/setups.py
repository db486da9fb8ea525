"""Setups: the cell, its initialization and the settings of training that vary within a sweep.

A setup is all that is not clipping, the learning rate or the seed. Its name lists only what varies:
`length 20, hidden 50`, and `gru, length 20` in a sweep of several cells. A sweep of a single setup
has the empty one, whose name is empty too.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from .values import to_text

Value = int | float | str | None

# Names of runs, cells and modes become names of folders and labels: plain names only.
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
SETTING_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
MAX_AXES = 32
# The cell of a run whose entry names none.
DEFAULT_CELL = "lstm"


@dataclass(frozen=True)
class Axis:
    """A setting of training that varies, with its values in the order of the sweep.

    The values are numbers if all are (`length` is text in the files), otherwise text; None where a
    setting has no value of its own, such as the forget bias of a scheme.
    """

    setting: str
    values: tuple[Value, ...]

    @property
    def words(self) -> str:
        """The name of the setting in sentences: `batch size`."""
        return words_of(self.setting)

    @property
    def is_numeric(self) -> bool:
        return not any(isinstance(value, str) for value in self.values)

    def read(self, entry: dict) -> Value:
        """Return the value of the setting in the entry of a run or an arm."""
        value = _plain_value(entry[self.setting])
        if not self.is_numeric:
            return value if value is None else value_text(value)
        if (number := _to_number(value)) is None and value is not None:
            raise ValueError(f"{self.setting} is {str(value)[:80]!r}, where others are numbers")
        return number


@dataclass(frozen=True)
class Setup:
    """One setup: `model` is the cell with its initialization, empty if there is only one."""

    model: str = ""
    settings: tuple[tuple[str, Value], ...] = ()  # of those that vary

    def __bool__(self) -> bool:
        """Whether the sweep has other setups too."""
        return bool(self.model or self.settings)

    def __str__(self) -> str:
        settings = (f"{words_of(key)} {value_text(value)}" for key, value in self.settings)
        return ", ".join(filter(None, [self.model, *settings]))

    def name_of(self, clipping: str) -> str:
        """Name something within the setup as the terminal does: `gru none at lr 1, length 20`."""
        name = f"{self.model} {clipping}".strip()
        return ", ".join(filter(None, [name, str(Setup("", self.settings))]))

    def value_of(self, setting: str) -> Value:
        return dict(self.settings)[setting]

    def without(self, setting: str) -> "Setup":
        """Return what remains if a setting is the x axis of a figure."""
        return Setup(self.model, tuple(pair for pair in self.settings if pair[0] != setting))


def words_of(setting: str) -> str:
    """Name a setting as its flag does: `batch size`, `lr decay`."""
    return setting.replace("learning_rate", "lr").replace("_", " ")


def parse_axes(entries: Iterable[dict], arms: list[dict]) -> tuple[Axis, ...]:
    """Read "axes" of summary.json, in the order in which its arms name the settings."""
    return _checked((_parse_axis(entry["setting"], entry["values"]) for entry in entries), arms)


def axes_of_plan(settings: dict, runs: list[dict], grid: Iterable[str]) -> tuple[Axis, ...]:
    """Return the settings of sweep.json that vary: lists whose values the runs name.

    `grid` lists the keys of a run that are no such setting.
    """
    axes = (
        _parse_axis(key, values)
        for key, values in settings.items()
        if isinstance(values, list) and len(values) > 1 and key in runs[0] and key not in grid
    )
    return _checked(axes, runs)


def _checked(axes: Iterable[Axis], entries: list[dict]) -> tuple[Axis, ...]:
    by_name = {axis.setting: axis for axis in axes}
    if len(by_name) > MAX_AXES:
        raise ValueError(f"{len(by_name)} settings vary; at most {MAX_AXES} are read")
    if not entries:
        return tuple(by_name.values())
    if missing := sorted(by_name.keys() - entries[0].keys()):
        raise KeyError(missing[0])
    return tuple(by_name[key] for key in entries[0] if key in by_name)


def _parse_axis(setting: object, values: object) -> Axis:
    if not isinstance(setting, str) or not SETTING_NAME.fullmatch(setting):
        raise ValueError(f"{str(setting)[:80]!r} is not the name of a setting")
    if not isinstance(values, list):
        raise TypeError(f"{type(values).__name__} where the values of {setting} belong")
    plain = [_plain_value(value) for value in values]
    numbers = [_to_number(value) for value in plain]
    if numbers.count(None) > plain.count(None):
        return Axis(setting, tuple(None if value is None else value_text(value) for value in plain))
    return Axis(setting, tuple(numbers))


def _plain_value(value: object) -> Value:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, (int, float, str)):
        return value
    raise TypeError(f"{type(value).__name__} where the value of a setting belongs")


def _to_number(value: Value) -> int | float | None:
    """Return the number that a value is or spells, None if it is none."""
    try:
        number = float(value) if isinstance(value, str) else value
    except ValueError:
        return None
    if number is None or not math.isfinite(number):
        return None
    return int(number) if float(number).is_integer() and abs(number) < 2**53 else number


def value_text(value: Value) -> str:
    """Spell a value as names do; `default` for none."""
    if value is None:
        return "default"
    return value if isinstance(value, str) else f"{value:g}"


def parse_setups(entries: list[dict], axes: tuple[Axis, ...] = ()) -> list[Setup]:
    """Read the setup of each entry; the model is empty if there is only one."""
    models = [_parse_model(entry) for entry in entries]
    if len(set(models)) < 2:
        models = [""] * len(models)
    return [
        Setup(model, tuple((axis.setting, axis.read(entry)) for axis in axes))
        for model, entry in zip(models, entries, strict=True)
    ]


def _parse_model(entry: dict) -> str:
    """Name the cell, and the initialization if the entry has one, as --cell takes them."""
    cell = plain_name(entry["cell"]) if "cell" in entry else DEFAULT_CELL
    if "init" not in entry:
        return cell
    if not to_text(entry["init"]):
        raise ValueError("the name of an initialization is empty")
    return f"{cell}:{entry['init']}"  # such as gaussian:0.01


def plain_name(value: object) -> str:
    """Return a name of letters, digits and . _ + -; raise ValueError for any other."""
    if not isinstance(value, str) or not PLAIN_NAME.fullmatch(value):
        raise ValueError(f"{str(value)[:80]!r} is not a plain name (letters, digits, . _ + -)")
    return value
