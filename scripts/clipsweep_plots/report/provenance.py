"""Provenance of a sweep and its report: command, settings, versions, machine, data and time."""

import json
import platform
import shlex
from dataclasses import dataclass

import matplotlib
import numpy as np
from clipsweep_results.plan import SweepPlan

from .phrases import plural

Facts = list[tuple[str, str]]
MAX_LISTED = 6  # values of a setting


@dataclass(frozen=True)
class Provenance:
    """The origin of the runs, from sweep.json, as text."""

    command: str  # empty if sweep.json has none
    drawing_command: str
    calls: int  # the number of calls that trained runs
    settings: list[tuple[str, str, str]]  # name, value, origin
    facts: dict[str, Facts]  # by title


def read_provenance(plan: SweepPlan, drawing_command: str) -> Provenance:
    calls = plan.document.get("calls")
    facts = {
        "Data": _data(plan),
        "Software": _pairs(plan.section("software")) + _drawing_software(),
        "Machine": _pairs(plan.section("machine")),
        "Time": _time(plan.document),
    }
    return Provenance(
        command=_command(plan.document.get("command")),
        drawing_command=drawing_command,
        calls=len(calls) if isinstance(calls, list) else 0,
        settings=_settings(plan),
        facts={title: pairs for title, pairs in facts.items() if pairs},
    )


def _command(words: object) -> str:
    """Format a command for a shell, one option with its values per line."""
    if not isinstance(words, list) or not words:
        return ""
    lines: list[list[str]] = [[]]
    for word in map(plain, words):
        if word.startswith("-") and any(lines):
            lines.append([])
        lines[-1].append(shlex.quote(word))
    return " \\\n  ".join(" ".join(line) for line in lines)


def plain(value: object) -> str:
    """Format a value of a log as text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _pairs(section: dict) -> Facts:
    return [(str(name), plain(value)) for name, value in section.items()]


def _settings(plan: SweepPlan) -> list[tuple[str, str, str]]:
    origins = plan.section("origins")
    return [
        (str(name), _list(value), plain(origins.get(name, "–")))
        for name, value in plan.section("settings").items()
    ]


def _list(value: object) -> str:
    """Format a setting: a list without brackets and quotes, an empty list as a dash."""
    if isinstance(value, list):
        return ", ".join(map(plain, value)) or "–"
    return "–" if value is None else plain(value)


def _data(plan: SweepPlan) -> Facts:
    data = plan.section("data")
    files = data.get("files")
    known = [("folder", "folder"), ("sha256", "SHA-256 of all files")]
    facts = [(title, plain(data[name])) for name, title in known if name in data]
    return facts + (_pairs(files) if isinstance(files, dict) else [])


def _drawing_software() -> Facts:
    return [
        ("Python", platform.python_version()),
        ("matplotlib", matplotlib.__version__),
        ("numpy", np.__version__),
    ]


def _time(document: dict) -> Facts:
    """Format the start, duration and speed of the latest call that trained."""
    facts = [("started", plain(document["wall_started"]))] if "wall_started" in document else []
    measured = [
        ("wall_seconds", "wall time", "{:,.1f} s", 1),
        ("wall_run_steps_per_second", "run-steps per second", "{:,.0f}", 1),
        ("wall_peak_memory", "peak memory", "{:,.0f} MiB", 2**20),
    ]
    for name, title, form, unit in measured:
        value = document.get(name)
        if isinstance(value, int | float):
            facts.append((title, form.format(value / unit)))
    return facts


def describe_sweep(plan: SweepPlan) -> str:
    """Describe in two sentences what was trained, without the last full stop."""
    settings = plan.section("settings")
    rates = len({spec.learning_rate for spec in plan.runs})
    perturbed = {entry["id"] for entry in plan.document["runs"] if entry.get("perturbed")}
    clips = len({spec.clip.without_setup for spec in plan.runs if spec.id not in perturbed})
    seeds = len({spec.seed for spec in plan.runs})
    setups = len({spec.clip.setup for spec in plan.runs})
    counts = [(setups, "setup")] if setups > 1 else []
    counts += [(clips, "clipping setting"), (rates, "learning rate"), (seeds, "seed")]
    crossed = " × ".join(plural(count, noun) for count, noun in counts)
    what = f"trains {_describe_training(plan, settings)} for {plural(plan.planned_steps, 'step')}"
    if len(plan.runs) == 1:
        return f"The only run {what}"
    return f"Each run {what}. The sweep has {crossed}"


def _describe_training(plan: SweepPlan, settings: dict) -> str:
    """Name the cell, the hidden units and the task, then the other settings that vary."""
    models = list(dict.fromkeys(spec.clip.setup.model for spec in plan.runs))
    cells = _values([_upper_name(model) for model in models if model] or _upper_name(_list(settings.get("cell", "?"))))
    hidden, task = (_values(settings.get(name, "?")) for name in ("hidden", "task"))
    others = [axis for axis in plan.axes if axis.setting not in ("hidden", "task")]
    named = [f"{axis.words} {_values(settings[axis.setting])}" for axis in others]
    article = "a" if cells[:1].lower() == "g" else "an"  # a GRU, an LSTM, an RNN
    text = f"{article} {cells} of {hidden} {'unit' if hidden == '1' else 'units'} on {task}"
    return f"{text} with {' and '.join(named)}" if named else text


def _upper_name(cell: str) -> str:
    """Write `rnn-relu:identity` as RNN-RELU:identity."""
    name, colon, scheme = cell.partition(":")
    return f"{name.upper()}{colon}{scheme}"


def _values(value: object) -> str:
    """Format the values of a setting as alternatives, the first and the last one of many."""
    if not isinstance(value, list) or not value:
        return _list(value)
    *first, last = map(plain, value)
    if len(first) >= MAX_LISTED:
        return f"{first[0]} to {last}"
    return f"{', '.join(first)} or {last}" if first else last
