"""report.html: tables, figures, what is missing and how it was made, in one self-contained file.

Figures are embedded as images: their ids cannot clash and nothing in them can act on the page.
"""

import base64
import io
import json
import platform
import shlex
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from . import style
from .layout import NamedFigure
from .paired import NEEDED_PAIRS
from .result_folder import BadEvent, Results, Run
from .summary import Comparison, PairedDifference, Summary

# The report is to travel by mail: vectors while they are small, pixels once they are not.
LARGEST_SVG_BYTES = 450_000
SVG_BUDGET_BYTES = 1_300_000
PIXELS_PER_INCH = 96
MOST_SENTENCES = 8
MOST_DIVERGED_ROWS = 200
MOST_LEFT_OUT_ROWS = 200
OTHER_MEASURES = {
    "best_test_accuracy": ("best test accuracy", True),
    "final_test_loss": ("final test loss", False),
    "final_train_loss": ("final training loss", False),
}
MIME_TYPES = {"svg": "image/svg+xml", "png": "image/png"}


@dataclass(frozen=True)
class FigureFiles:
    """A figure with the bytes of its two files."""

    figure: NamedFigure
    svg: bytes
    png: bytes


@dataclass(frozen=True)
class EmbeddedFigure:
    """A figure as the page shows it."""

    title: str
    caption: str
    alt: str
    stem: str  # of its files
    data_uri: str
    width: int
    height: int


def render_report(
    results: Results, summary: Summary | None, notes: list[str], figures: list[FigureFiles]
) -> str:
    """Render the page; `notes` are sentences on what is missing or at odds."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "number": style.number,
        "decimal": style.decimal,
        "percent": style.percent,
        "points": style.points,
        "interval": _interval,
        "sentence": _sentence,
        "plain": _plain,
        "other_measures": OTHER_MEASURES,
        "other_difference": _other_difference,
    }
    diverged = [run for run in results.runs if run.diverged]
    return environment.get_template("report_template.html").render(
        name=results.plan.folder.resolve().name,
        plan=results.plan,
        results=results,
        summary=summary,
        notes=notes,
        counts=_count_runs(results),
        figures=_embed(figures),
        sentences=summary.comparisons
        if summary and len(summary.comparisons) <= MOST_SENTENCES
        else [],
        diverged=[(run, describe_divergence(run)) for run in diverged[:MOST_DIVERGED_ROWS]],
        diverged_unlisted=max(0, len(diverged) - MOST_DIVERGED_ROWS),
        left_out=results.left_out[:MOST_LEFT_OUT_ROWS],
        left_out_unlisted=max(0, len(results.left_out) - MOST_LEFT_OUT_ROWS),
        spikes=sum(run.spikes for run in results.runs),
        settings=_settings(results),
        command=_command(results),
        drawing_software=_drawing_software(),
    )


def _count_runs(results: Results) -> str:
    states = Counter("diverged" if run.diverged else "completed" for run in results.runs)
    states.update(run.state for run in results.left_out)
    return ", ".join(f"{count} {state}" for state, count in states.items())


def describe_divergence(run: Run) -> str:
    """Say in words where and how a run diverged."""
    event = run.first_bad_event
    if event is None:
        return f"diverged within its {run.steps:,} steps; its log names no place"
    return (
        f"{'NaN' if event.kind == 'nan' else 'Inf'} in the {event.phase}{_place(event)} at step "
        f"{event.step:,} (epoch {event.epoch}): {_bad_values(event)}; {event.action}"
    )


def _place(event: BadEvent) -> str:
    if event.tensor is None:
        return ""
    return f", first at {event.tensor}" + ("" if event.index is None else f"[{event.index}]")


def _bad_values(event: BadEvent) -> str:
    counts = ((event.nan, "NaN"), (event.positive_inf, "+Inf"), (event.negative_inf, "−Inf"))
    return ", ".join(f"{count:,} {what}" for count, what in counts if count) or "no element counted"


def _sentence(comparison: Comparison) -> str:
    """Say what an arm's final test accuracy is against the baseline's, without a verdict."""
    difference = comparison.measures["final_test_accuracy"]
    if difference.mean_difference is None:
        return "no seed reached an outcome both with and without clipping."
    certainty = (
        f"95 % interval {_interval(difference)}"
        if difference.interval
        else _why_no_interval(difference)
    )
    equal = f", equal in {difference.equal}" if difference.equal else ""
    return (
        f"{style.points(difference.mean_difference)} percentage points in final test accuracy "
        f"({certainty}); better in {difference.better} of {difference.n} seeds, "
        f"worse in {difference.worse}{equal}."
    )


def _interval(difference: PairedDifference) -> str:
    if difference.interval is None:
        return _why_no_interval(difference)
    low, high = difference.interval
    return f"{style.points(low)} to {style.points(high)}"


def _why_no_interval(difference: PairedDifference) -> str:
    return (
        f"fewer than {NEEDED_PAIRS} pairs: no interval"
        if difference.n < NEEDED_PAIRS
        else "no interval"
    )


def _other_difference(difference: PairedDifference, is_accuracy: bool) -> str:
    """Print a paired difference of another measure: points for accuracies, plain for losses."""
    if difference.mean_difference is None:
        return "no pairs"
    show = style.points if is_accuracy else (lambda value: style.signed(value, 3))
    text = show(difference.mean_difference)
    if difference.interval:
        text += f" [{show(difference.interval[0])}, {show(difference.interval[1])}]"
    return f"{text}, {difference.better}/{difference.n}"


def _embed(figures: list[FigureFiles]) -> list[EmbeddedFigure]:
    embedded, spent = [], 0
    for files in figures:
        if len(files.svg) <= LARGEST_SVG_BYTES and spent + len(files.svg) <= SVG_BUDGET_BYTES:
            spent += len(files.svg)
            data_uri = _data_uri("svg", files.svg)
        else:
            data_uri = _data_uri("png", _reduce_colors(files.png))
        width, height = files.figure.figure.get_size_inches() * PIXELS_PER_INCH
        embedded.append(
            EmbeddedFigure(
                files.figure.title,
                files.figure.caption,
                files.figure.alt,
                files.figure.stem,
                data_uri,
                round(width),
                round(height),
            )
        )
    return embedded


def _data_uri(ending: str, content: bytes) -> str:
    return f"data:{MIME_TYPES[ending]};base64,{base64.b64encode(content).decode('ascii')}"


def _reduce_colors(png: bytes) -> bytes:
    """Store a picture with a palette of 64 colours: a third of the size, no visible difference."""
    smaller = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(
        smaller, "PNG", optimize=True
    )
    return smaller.getvalue()


def _settings(results: Results) -> list[tuple[str, str, str]]:
    """Return name, value and origin of every setting."""
    origins = results.plan.section("origins")
    return [
        (name, _plain(value), _plain(origins.get(name, "–")))
        for name, value in results.plan.section("settings").items()
    ]


def _plain(value: object) -> str:
    """Print a value of a log as text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _command(results: Results) -> str:
    command = results.plan.document.get("command")
    if not isinstance(command, list) or not command:
        return ""
    return shlex.join(_plain(word) for word in command)


def _drawing_software() -> dict[str, str]:
    return {
        "Python": platform.python_version(),
        "matplotlib": matplotlib.__version__,
        "numpy": np.__version__,
        "pandas": pd.__version__,
    }
