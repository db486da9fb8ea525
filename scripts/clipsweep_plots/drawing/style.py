"""The look of everything: colours, line styles, markers, and the format of numbers.

Colours are from Okabe and Ito (2008), whose palette remains distinct in the common kinds of colour
blindness. Each mode has a line style too, and each threshold a marker, so that figures can be read
in black and white. Modes beyond the first five have colours of Paul Tol's muted scheme.
"""

from dataclasses import dataclass
from functools import lru_cache

import matplotlib
import numpy as np
from clipsweep_results.clips import Clip
from matplotlib.colors import to_rgb
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

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
    "smooth": "#CC6677",
    "skip": "#661100",
    "carry": "#4477AA",
    "tensor-rms": "#117733",
    "agc": "#56B4E9",
    "autoclip": "#882255",
    "median": "#AA7744",
    "zclip": "#AA4499",
    "adagc": "#44AA99",
    "backprop": "#999933",
    "update-norm": "#66CCAA",
    "random-step": "#332288",
}
MODE_DASHES = {
    "none": "-",
    "value": (0, (4.5, 1.6)),
    "global-norm": (0, (7, 1.5, 1.3, 1.5)),
    "tensor-norm": (0, (1.3, 1.3)),
    "scale": (0, (7, 1.5, 1.3, 1.5, 1.3, 1.5)),
    "smooth": (0, (6, 1.2)),
    "skip": (0, (1.3, 4)),
    "carry": (0, (5, 1.2, 1.3, 1.2, 1.3, 1.2)),
    "tensor-rms": (0, (1.3, 2.6)),
    "agc": (0, (3, 1.3)),
    "autoclip": (0, (9, 1.5)),
    "median": (0, (9, 1.5, 4.5, 1.5)),
    "zclip": (0, (9, 1.5, 1.3, 1.5)),
    "adagc": (0, (3, 1.3, 1.3, 1.3)),
    "backprop": (0, (4.5, 1.3, 1.3, 1.3, 1.3, 1.3)),
    "update-norm": (0, (3, 3)),
    "random-step": (0, (1.3, 1.3, 4.5, 4)),
}
# A mode's marker where lines have few points, so that single points differ without colour. All are
# filled, because their edges are white.
MODE_MARKERS = {
    "none": "P",
    "value": "o",
    "global-norm": "s",
    "tensor-norm": "^",
    "scale": "D",
    "smooth": "H",
    "skip": (4, 1, 0),
    "carry": "8",
    "tensor-rms": "v",
    "agc": "<",
    "autoclip": ">",
    "median": (6, 1, 0),
    "zclip": "h",
    "adagc": "d",
    "backprop": "X",
    "update-norm": (3, 1, 0),
    "random-step": "*",
}
# Arms of mode none that are not the baseline: perturbed, or with regularization.
VARIED_BASELINE = "none, varied"
MODE_COLORS[VARIED_BASELINE] = "#6E6E6E"
MODE_DASHES[VARIED_BASELINE] = (0, (2.2, 1))
MODE_MARKERS[VARIED_BASELINE] = "X"
OTHER_MODE_COLOR = "#E69F00"
OTHER_MODE_DASHES = (0, (10, 2))
OTHER_MODE_MARKER = "p"

MARKERS = "os^Dv"
THRESHOLDS_PER_PANEL = len(MARKERS)

FONT = "DejaVu Sans"
POINTS_PER_INCH = 72
LINE_SPACING = 1.3
# Text over a drawing covers the lines that cross it.
LABEL_BOX = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
PIXEL_SLACK = 1.035  # letters drawn on pixels are a little wider than their outlines

RC_PARAMS = {
    "font.family": FONT,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
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
    "legend.frameon": False,
    "legend.borderpad": 0,
    "legend.borderaxespad": 0,
    "legend.handletextpad": 0.8,
    "legend.columnspacing": 1.6,
    "lines.dash_capstyle": "butt",
    "path.simplify": True,
    "hatch.linewidth": 0.7,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.max_open_warning": 0,
    # Equal input gives equal bytes: element ids come from this salt, not from a random one.
    "svg.hashsalt": "clipsweep",
    # Text stays text, so that it can be searched, edited and set in the font of a paper.
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}
KEPT_SPACE = "\0"  # not whitespace: words are not split at it


@dataclass(frozen=True)
class LineLook:
    """The look of the lines of one clipping mode and threshold."""

    color: tuple[float, float, float]
    dashes: object
    marker: str  # for the threshold; empty if the mode has only one
    point_marker: str  # for lines of few points or a single one


@dataclass(frozen=True)
class TextSizes:
    """Sizes of text in points."""

    title: float
    caption: float
    label: float  # of axes and panels
    small: float  # ticks, keys and numbers within the figure
    key_handle: float  # length of the line in a key, in font sizes


WIDE_TEXT = TextSizes(title=11.5, caption=8.5, label=9, small=8, key_handle=3.6)
NARROW_TEXT = TextSizes(title=8.5, caption=6.6, label=7, small=6.6, key_handle=3.4)


def apply_style(text: TextSizes) -> None:
    """Set this style and a backend without display; the user's matplotlibrc is ignored."""
    matplotlib.use("Agg")
    matplotlib.rcdefaults()
    matplotlib.rcParams.update(RC_PARAMS)
    matplotlib.rcParams.update(
        {
            "font.size": text.label,
            "axes.titlesize": text.label,
            "axes.labelsize": text.label,
            "xtick.labelsize": text.small,
            "ytick.labelsize": text.small,
            "legend.fontsize": text.small,
            "legend.handlelength": text.key_handle,
        }
    )


@lru_cache(maxsize=20_000)
def text_width(text: str, points: float, bold: bool = False) -> float:
    """Return the width of one line of text, in inches."""
    font = FontProperties(family=FONT, size=points, weight="bold" if bold else "normal")
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return PIXEL_SLACK * width / POINTS_PER_INCH


@lru_cache(maxsize=2_000)
def _advance(character: str, bold: bool) -> float:
    """Return how far a character moves the next one, in inches per point."""
    return text_width(2 * character, 1, bold) - text_width(character, 1, bold)


def _surely_fits(text: str, width: float, points: float, bold: bool) -> bool:
    """Whether a line is far from full; a tenth is more than what kerning can add.

    To add up characters takes a hundredth of the time that it takes to lay out their line.
    """
    return 1.1 * points * sum(_advance(character, bold) for character in text) <= width


def wrap_text(text: str, width: float, points: float, bold: bool = False) -> list[str]:
    """Break text into lines of at most `width` inches; a longer word gets its own line.

    No line begins with the % of a number.
    """
    lines: list[str] = []
    for paragraph in text.splitlines():
        kept = paragraph.replace(" %", f"{KEPT_SPACE}%").split()
        words = [word.replace(KEPT_SPACE, " ") for word in kept]
        lines.append(words.pop(0) if words else "")
        for word in words:
            longer = f"{lines[-1]} {word}"
            if _surely_fits(longer, width, points, bold) or text_width(longer, points, bold) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
    return lines


def lines_height(count: int, points: float) -> float:
    """Return the height of `count` lines of text, in inches."""
    return count * points * LINE_SPACING / POINTS_PER_INCH


def line_looks(clips: list[Clip]) -> dict[Clip, LineLook]:
    """Give each clip the colour and dashes of its mode, and a shade and a marker for its threshold.

    The setup makes no difference, because different setups share no panel.
    """
    clips = list(dict.fromkeys(clip.without_setup for clip in clips))
    looks = {clip: _look(clip.mode, 0, 1) for clip in clips if clip.is_baseline}
    for mode in dict.fromkeys(clip.mode for clip in clips):
        members = sorted(
            (clip for clip in clips if clip.mode == mode and not clip.is_baseline),
            key=lambda clip: (clip.threshold or 0, clip.details),
        )
        family = VARIED_BASELINE if mode == "none" else mode
        for rank, clip in enumerate(members):
            looks[clip] = _look(
                family, rank % THRESHOLDS_PER_PANEL, min(len(members), THRESHOLDS_PER_PANEL)
            )
    return looks


def _look(mode: str, rank: int, count: int) -> LineLook:
    color = np.array(to_rgb(MODE_COLORS.get(mode, OTHER_MODE_COLOR)))
    dashes = MODE_DASHES.get(mode, OTHER_MODE_DASHES)
    if count == 1:
        return LineLook(tuple(color), dashes, "", MODE_MARKERS.get(mode, OTHER_MODE_MARKER))
    return LineLook(_shade(color, rank / (count - 1)), dashes, MARKERS[rank], MARKERS[rank])


def _shade(color: np.ndarray, position: float) -> tuple[float, float, float]:
    """Shade a colour from dark (position 0) to light (1), but not too pale to print."""
    if position < 0.5:
        return tuple(color * (0.5 + position))
    return tuple(color + (1 - color) * (position - 0.5) * 0.9)


def darker(color: object) -> tuple[float, float, float]:
    """Return a colour in which small text is easy to read on white."""
    return tuple(0.72 * np.array(to_rgb(color)))


def element_id(what: str, clip: Clip, learning_rate: float) -> str:
    """Return the id of an arm's artist in the SVG, by which users can find and restyle it."""
    parts = [str(clip.setup), clip.pair, clip.details, "perturbed" * clip.perturbed]
    name = "_".join(filter(None, parts)).replace(":", "-").replace(", ", "_").replace(" ", "-")
    return f"{what}_{name}_lr-{learning_rate:g}"


def clip_color(clip: Clip) -> str:
    family = VARIED_BASELINE if clip.mode == "none" and not clip.is_baseline else clip.mode
    return MODE_COLORS.get(family, OTHER_MODE_COLOR)


def is_light(rgba: tuple[float, float, float, float]) -> bool:
    """Return whether dark text is easier to read on a colour than white text."""
    red, green, blue, _ = rgba
    return 0.299 * red + 0.587 * green + 0.114 * blue > 0.5


def edge_mark(marker: str, color: object = INK, size: float = 5) -> dict:
    """Return the style of a mark with a white face, such as those on the edge of a panel."""
    return {
        "linestyle": "",
        "marker": marker,
        "color": color,
        "markersize": size,
        "markerfacecolor": "white",
        "markeredgewidth": 1.2,
    }


def filled_mark(color: object, fill: str) -> dict:
    """Return the style of a mark that is filled fully (`full`), half (`left`) or not (`none`)."""
    return {
        "color": color,
        "fillstyle": "full" if fill == "none" else fill,
        "markerfacecolor": "white" if fill == "none" else color,
        "markerfacecoloralt": "white",
        "markeredgewidth": 0.9,
    }


def sentence_case(text: str) -> str:
    """Begin with a capital letter."""
    return text[:1].upper() + text[1:]


def decade(value: float, _place: int = 0) -> str:
    """Format a number of a log axis without superscripts: 0.1, 100, 1e6."""
    exponent = round(float(np.log10(value)))
    return f"{value:g}" if abs(exponent) <= 3 else f"1e{exponent}".replace("-", "−")


def number(value: float | None, digits: int = 3) -> str:
    """Format a value with `digits` significant digits; an en dash means not measured."""
    return "–" if value is None else f"{value:.{digits}g}".replace("-", "−")


def decimal(value: float | None, places: int) -> str:
    return "–" if value is None else f"{value:.{places}f}".replace("-", "−")


def percent(value: float | None, places: int = 1) -> str:
    """Format a share (0 to 1) in percent, without the percent sign."""
    return "–" if value is None else decimal(100 * value, places)


def signed(value: float | None, places: int) -> str:
    """Format a difference with its sign; a value that rounds to zero has none."""
    if value is None:
        return "–"
    text = f"{value:+.{places}f}"
    return text.lstrip("+-") if float(text) == 0 else text.replace("-", "−")


def points(value: float | None) -> str:
    """Format a difference of accuracies (0 to 1) in percentage points."""
    return signed(None if value is None else 100 * value, 1)
