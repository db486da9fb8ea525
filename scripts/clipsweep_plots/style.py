"""How everything looks: colours, line styles, and numbers as they are printed.

Colours are those of Okabe and Ito (2008), told apart in the common kinds of colour blindness. A
mode is told by its line style too and a threshold by its marker, so that a figure survives a
black-and-white printer. Modes beyond the first five have colours of Paul Tol's muted scheme.
"""

from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.colors import to_rgb

from .result_folder import Clip

INK = "#1a1a1a"
MUTED = "#5c5c5c"
GRID_COLOR = "#dcdcdc"
THRESHOLD_COLOR = INK

MODE_COLORS = {
    "none": "#000000",
    "value": "#0072B2",
    "global-norm": "#D55E00",
    "tensor-norm": "#009E73",
    "scale": "#CC79A7",
    "tensor-rms": "#117733",
    "agc": "#56B4E9",
    "autoclip": "#882255",
    "zclip": "#AA4499",
    "adagc": "#44AA99",
    "backprop": "#999933",
    "random-step": "#332288",
}
MODE_DASHES = {
    "none": "-",
    "value": (0, (4.5, 1.6)),
    "global-norm": (0, (7, 1.5, 1.3, 1.5)),
    "tensor-norm": (0, (1.3, 1.3)),
    "scale": (0, (7, 1.5, 1.3, 1.5, 1.3, 1.5)),
    "tensor-rms": (0, (1.3, 2.6)),
    "agc": (0, (3, 1.3)),
    "autoclip": (0, (9, 1.5)),
    "zclip": (0, (9, 1.5, 1.3, 1.5)),
    "adagc": (0, (3, 1.3, 1.3, 1.3)),
    "backprop": (0, (4.5, 1.3, 1.3, 1.3, 1.3, 1.3)),
    "random-step": (0, (1.3, 1.3, 4.5, 4)),
}
# A mode's marker where lines have few points: single points are told apart without colour.
MODE_MARKERS = {
    "none": "P",
    "value": "o",
    "global-norm": "s",
    "tensor-norm": "^",
    "scale": "D",
    "tensor-rms": "v",
    "agc": "<",
    "autoclip": ">",
    "zclip": "h",
    "adagc": "d",
    "backprop": "X",
    "random-step": "*",
}
OTHER_MODE_COLOR = "#E69F00"
OTHER_MODE_DASHES = (0, (10, 2))
OTHER_MODE_MARKER = "p"

MARKERS = "os^Dv"
THRESHOLDS_PER_PANEL = len(MARKERS)

RC_PARAMS = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID_COLOR,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "legend.handlelength": 3.6,
    "lines.dash_capstyle": "butt",
    "path.simplify": True,
    "hatch.linewidth": 0.7,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.max_open_warning": 0,
    # Equal input gives equal bytes: element ids come from this salt and not from a random one.
    "svg.hashsalt": "clipsweep",
    "svg.fonttype": "path",
}


@dataclass(frozen=True)
class LineLook:
    """How the lines of one clipping mode and threshold are drawn."""

    color: tuple[float, float, float]
    dashes: object
    marker: str  # tells the threshold; empty where the mode has only one
    point_marker: str  # where lines have few points, or a single one


def apply_style() -> None:
    """Draw without a display, in this style, whatever the user's matplotlibrc says."""
    matplotlib.use("Agg")
    matplotlib.rcdefaults()
    matplotlib.rcParams.update(RC_PARAMS)


def line_looks(clips: list[Clip]) -> dict[Clip, LineLook]:
    """Give each clip its mode's colour and dashes, and its threshold a shade and a marker."""
    looks = {}
    for mode in dict.fromkeys(clip.mode for clip in clips):
        members = sorted(
            (clip for clip in clips if clip.mode == mode), key=lambda c: c.threshold or 0
        )
        for rank, clip in enumerate(members):
            looks[clip] = _look(
                mode, rank % THRESHOLDS_PER_PANEL, min(len(members), THRESHOLDS_PER_PANEL)
            )
    return looks


def _look(mode: str, rank: int, count: int) -> LineLook:
    color = np.array(to_rgb(MODE_COLORS.get(mode, OTHER_MODE_COLOR)))
    dashes = MODE_DASHES.get(mode, OTHER_MODE_DASHES)
    if count == 1:
        return LineLook(tuple(color), dashes, "", MODE_MARKERS.get(mode, OTHER_MODE_MARKER))
    return LineLook(_shade(color, rank / (count - 1)), dashes, MARKERS[rank], MARKERS[rank])


def _shade(color: np.ndarray, position: float) -> tuple[float, float, float]:
    """Shade a colour from dark (position 0) to light (1), never too pale to print."""
    if position < 0.5:
        return tuple(color * (0.5 + position))
    return tuple(color + (1 - color) * (position - 0.5) * 0.9)


def element_id(what: str, clip: Clip, learning_rate: float) -> str:
    """Name an arm's artist in the SVG, so that it can be found and restyled."""
    name = clip.label.replace(":", "-").replace(", ", "_").replace(" ", "-")
    return f"{what}_{name}_lr-{learning_rate:g}"


def mode_color(mode: str) -> str:
    return MODE_COLORS.get(mode, OTHER_MODE_COLOR)


def number(value: float | None, digits: int = 3) -> str:
    """Print a measured value with so many significant digits; an en dash says not measured."""
    return "–" if value is None else f"{value:.{digits}g}".replace("-", "−")


def decimal(value: float | None, places: int) -> str:
    return "–" if value is None else f"{value:.{places}f}".replace("-", "−")


def percent(value: float | None, places: int = 1) -> str:
    """Print a share (0 to 1) in percent, without the sign."""
    return "–" if value is None else decimal(100 * value, places)


def signed(value: float | None, places: int) -> str:
    """Print a difference with its sign; what rounds to zero has none."""
    if value is None:
        return "–"
    text = f"{value:+.{places}f}"
    return text.lstrip("+-") if float(text) == 0 else text.replace("-", "−")


def points(value: float | None) -> str:
    """Print a difference of accuracies (0 to 1) in percentage points."""
    return signed(None if value is None else 100 * value, 1)
