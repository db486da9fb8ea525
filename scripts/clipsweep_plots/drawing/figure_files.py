"""The files of a figure, and the figure as report.html embeds it.

Figures are embedded as images, so their ids cannot clash and their content cannot run in the page.
"""

import base64
import io
from dataclasses import dataclass

from PIL import Image

from .layout import NamedFigure

# The report has to be small enough for e-mail: vector images while they are small, then pixels.
MAX_SVG_BYTES = 250_000
SVG_BUDGET_BYTES = 700_000
PIXELS_PER_INCH = 96
COLORS = 64
MIME_TYPES = {"svg": "image/svg+xml", "webp": "image/webp"}


@dataclass(frozen=True)
class FigureFiles:
    """A figure with the bytes of its two files."""

    figure: NamedFigure
    svg: bytes
    png: bytes


@dataclass(frozen=True)
class EmbeddedFigure:
    """A figure as the page embeds it."""

    title: str
    caption: str
    alt: str
    stem: str  # of its files
    data_uri: str
    width: int
    height: int


def embed_figures(figures: list[FigureFiles]) -> list[EmbeddedFigure]:
    """Embed figures as vector images while the budget allows, and as pixels after that."""
    embedded, spent = [], 0
    for files in figures:
        fits = len(files.svg) <= MAX_SVG_BYTES and spent + len(files.svg) <= SVG_BUDGET_BYTES
        spent += len(files.svg) if fits else 0
        image = _data_uri("svg", files.svg) if fits else _data_uri("webp", _shrink(files.png))
        embedded.append(_embed(files.figure, image))
    return embedded


def _embed(figure: NamedFigure, data_uri: str) -> EmbeddedFigure:
    width, height = (round(inches * PIXELS_PER_INCH) for inches in figure.figure.get_size_inches())
    return EmbeddedFigure(
        figure.title, figure.caption, figure.alt, figure.stem, data_uri, width, height
    )


def _data_uri(ending: str, content: bytes) -> str:
    return f"data:{MIME_TYPES[ending]};base64,{base64.b64encode(content).decode('ascii')}"


def _shrink(png: bytes) -> bytes:
    """Store an image in 64 colours as lossless WebP: a fifth of the size, no visible loss."""
    smaller = io.BytesIO()
    palette = Image.open(io.BytesIO(png)).convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    palette.convert("RGB").save(smaller, "WEBP", lossless=True, quality=80, method=4)
    return smaller.getvalue()
