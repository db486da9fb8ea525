"""The figure of a log of gradient norms: the norms over the steps, and what thresholds would clip.

All numbers come from `clipsweep advise --json`; nothing is computed here.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from clipsweep_results.messages import EXIT_USAGE
from clipsweep_results.strict_json import DataError
from clipsweep_results.values import to_float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from .drawing.layout import MARGIN, NamedFigure, Sheet, add_axes, add_header, header_height
from .drawing.style import (
    INK,
    MODE_COLORS,
    MUTED,
    decade,
    lines_height,
    number,
    percent,
)

IN_CHECKOUT = Path(__file__).resolve().parents[2] / "build/release/clipsweep"
TITLE_ROOM = 0.3  # above each pair of axes
GAP = 0.75  # between both, for the numbers and the label of the second y axis
NARROW_PANEL, WIDE_PANEL = (2.4, 1.7), (4.0, 2.7)
LINE_COLOR = MODE_COLORS["value"]
# From the largest threshold to the smallest.
AIM_DASHES = {
    "safety net": (0, (5, 1.5)),
    "a tenth of the steps": (0, (4, 1.2, 1.2, 1.2)),
    "step-size limiter": (0, (1.2, 1.2)),
}
AIM_NAMES = {"a tenth of the steps": "90th percentile"}


class AdviceError(Exception):
    """`clipsweep advise` cannot read the log, or there is no such program."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Threshold:
    """One of the thresholds to try."""

    aim: str
    value: float
    clipped_share: float

    @property
    def label(self) -> str:
        name = AIM_NAMES.get(self.aim, self.aim)
        return f"{name} {number(self.value)}: {percent(self.clipped_share)} %"

    @property
    def line(self) -> dict:
        return {"color": INK, "linewidth": 1.2, "linestyle": AIM_DASHES[self.aim], "zorder": 4}


def read_advice(log: Path, column: str | None) -> dict:
    """Return what `clipsweep advise --json` says about the log."""
    program = os.environ.get("CLIPSWEEP") or shutil.which("clipsweep") or str(IN_CHECKOUT)
    choice = ["--column", column] if column else []
    file = f"./{log}" if str(log).startswith("-") else str(log)  # else it would be a flag
    command = [program, "advise", "--json", *choice, file]
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    except OSError as error:
        raise AdviceError(
            f"{program} cannot be started ({error.strerror}); build it or put it on the path",
            EXIT_USAGE,
        ) from error
    if done.returncode:
        raise AdviceError(done.stderr.strip().removeprefix("clipsweep: "), done.returncode)
    return json.loads(done.stdout)


def draw_norms(advice: dict, log: Path, sheet: Sheet) -> NamedFigure:
    """Draw both panels side by side, or one above the other on a narrow sheet."""
    thresholds = [
        Threshold(item["aim"], item["threshold"], item["clipped_share"])
        for item in advice["suggestions"]
    ]
    if not thresholds or not any(to_float(part["maximum"]) > 0 for part in advice["stretches"]):
        raise DataError(f"{log}: no norm is above 0")
    title, caption = _title(advice, thresholds), _caption(advice, log)
    figure, over_steps, over_thresholds = _open(sheet, title, caption)
    _draw_steps(over_steps, advice, thresholds)
    _draw_shares(over_thresholds, advice, thresholds, sheet.bottom)
    alt = f"{title}. Thresholds to try: {'; '.join(each.label for each in thresholds)}."
    return NamedFigure(f"{log.stem}_norms", title, caption, alt, figure)


def _title(advice: dict, thresholds: list[Threshold]) -> str:
    net = thresholds[0]
    drift = advice["drift"]
    course = ""
    if drift and drift["direction"] != "steady" and drift["ratio"]:
        factor = max(drift["ratio"], 1 / drift["ratio"])
        course = f"; the median norm {drift['direction']} by a factor of {number(factor, 2)}"
    share = percent(net.clipped_share)
    return f"A threshold of {number(net.value)} would have clipped {share} % of the steps{course}"


def _caption(advice: dict, log: Path) -> str:
    missing = advice["steps"] - advice["finite"]
    verb = "norm is" if missing == 1 else "norms are"
    left_out = f" {missing:,} {verb} NaN or infinite and left out." if missing else ""
    return (
        f"{advice['finite']:,} gradient norms of {log.name}. Left: line, the median, and shade, "
        "from the minimum to the maximum, of up to 1,000 consecutive parts. Right: the share of "
        "the steps whose norm is above a threshold. Dashed lines: thresholds to try, with the "
        f"share that each would have clipped.{left_out} Whether clipping helps, no log of norms "
        "can tell."
    )


def _open(sheet: Sheet, title: str, caption: str) -> tuple[Figure, Axes, Axes]:
    columns = 1 if sheet.is_narrow else 2
    panel_width, panel_height = NARROW_PANEL if sheet.is_narrow else WIDE_PANEL
    if sheet.width is not None:
        room = sheet.width - sheet.left - 2 * MARGIN - (columns - 1) * GAP
        panel_width = room / columns
    width = sheet.left + columns * panel_width + (columns - 1) * GAP + 2 * MARGIN
    header = header_height(sheet, width, title, caption)
    row = TITLE_ROOM + panel_height + sheet.bottom
    key = lines_height(len(AIM_DASHES), sheet.text.small) * 1.15 + 0.05
    figure = Figure(figsize=(width, header + row * (3 - columns) + key))
    add_header(figure, sheet, title, caption)
    first = add_axes(figure, sheet.left, header + TITLE_ROOM, panel_width, panel_height)
    right, below = (GAP + panel_width, 0) if columns == 2 else (0, row)
    second = add_axes(
        figure, sheet.left + right, header + TITLE_ROOM + below, panel_width, panel_height
    )
    return figure, first, second


def _draw_steps(axes: Axes, advice: dict, thresholds: list[Threshold]) -> None:
    parts = advice["stretches"]
    steps = [(part["first_step"] + part["last_step"]) / 2 for part in parts]
    low, median, high = (
        [to_float(part[name]) or float("nan") for part in parts]  # no 0 on a log axis
        for name in ("minimum", "median", "maximum")
    )
    axes.fill_between(steps, low, high, color=LINE_COLOR, alpha=0.3, linewidth=0, gid="range")
    axes.plot(steps, high, color=LINE_COLOR, linewidth=0.5, alpha=0.5, gid="maximum")
    axes.plot(steps, median, color=LINE_COLOR, linewidth=1.1, gid="median")
    for threshold in thresholds:
        axes.axhline(threshold.value, gid=f"threshold-{threshold.value:g}", **threshold.line)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(decade))
    axes.set_title("Norm over the steps")
    axes.set_xlabel("step")
    axes.set_ylabel("gradient norm")
    axes.margins(x=0.01)


def _draw_shares(
    axes: Axes, advice: dict, thresholds: list[Threshold], below: float
) -> None:
    curve = advice["curve"]
    axes.plot(
        [point["threshold"] for point in curve],
        [100 * point["clipped_share"] for point in curve],
        color=LINE_COLOR,
        linewidth=1.5,
        gid="clipped-share",
    )
    for threshold in thresholds:
        axes.axvline(threshold.value, label=threshold.label, **threshold.line)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(decade))
    axes.set_ylim(0, 100)
    axes.set_title("Clipped steps by threshold")
    axes.set_xlabel("threshold of the global norm")
    axes.set_ylabel("clipped steps (%)")
    height = axes.get_position().height * axes.figure.get_size_inches()[1]
    axes.legend(loc="upper left", bbox_to_anchor=(0, -below / height))  # covers no line
    axes.tick_params(colors=MUTED)
