"""The files of a figure: rendered as SVG, PNG and PDF, and as images that report.html embeds.

Figures are embedded as images, so their ids cannot clash and their content cannot run in the page.
Title and caption are text of the page, so an embedded image is cut below its header.
"""

import base64
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from .layout import NamedFigure, Sheet, header_height
from .style import FONT

FORMATS = ("svg", "png", "pdf")
DOTS_PER_INCH = 160
# Without DejaVu Sans, the reader's computer chooses a font of nearly the same widths.
FONT_STACK = f"'{FONT}', 'Bitstream Vera Sans', Verdana, sans-serif"
# A vector image is embedded while it is small, and as pixels otherwise; less in large sweeps, whose
# reports have more figures.
MAX_SVG_BYTES, MAX_SVG_BYTES_OF_MANY = 110_000, 45_000
BUDGET_BYTES = 1_500_000  # of all embedded images: the report has to be small enough for e-mail
PIXELS_PER_INCH = 96
COLORS = 32
KEPT_COLORS = 16
MIME_TYPES = {"svg": "image/svg+xml", "webp": "image/webp"}
# A figure up to this wide has half the width of the page.
MAX_HALF_PIXELS = 790


@dataclass(frozen=True)
class EmbeddedImage:
    """One page of a figure as the report embeds it; the size is in pixels."""

    alt: str
    data_uri: str
    width: int
    height: int


@dataclass(frozen=True)
class FigureFiles:
    """One page of a figure: its words, its files by format, and its image for the report."""

    name: str  # of the figure; the stem may have a page number too
    stem: str
    title: str
    caption: str
    alt: str
    files: dict[str, bytes]
    image: EmbeddedImage | None = None


@dataclass(frozen=True)
class EmbeddedFigure:
    """A whole figure as the page embeds it: its pages, and those for a narrow screen if any."""

    name: str
    title: str
    caption: str
    pages: tuple[EmbeddedImage, ...]
    narrow_pages: tuple[EmbeddedImage, ...]
    file_names: tuple[str, ...]

    @property
    def has_small_pages(self) -> bool:
        """Whether two pages fit side by side."""
        return all(page.width <= MAX_HALF_PIXELS for page in self.pages)

    @property
    def is_half(self) -> bool:
        """Whether the figure needs only half of the page's width."""
        return self.has_small_pages and len(self.pages) == 1


def render(
    name: str,
    figure: NamedFigure,
    sheet: Sheet,
    formats: Iterable[str],
    max_svg_bytes: int | None = None,
) -> FigureFiles:
    """Render one page; equal calls give equal bytes.

    With `max_svg_bytes` there is an image for the report too: as SVG up to this size.
    """
    files = {ending: _save(figure, ending) for ending in formats}
    return FigureFiles(
        name,
        figure.stem,
        figure.title,
        figure.caption,
        figure.alt,
        files,
        None if max_svg_bytes is None else _image(figure, sheet, files, max_svg_bytes),
    )


def _save(figure: NamedFigure, ending: str) -> bytes:
    content = io.BytesIO()
    metadata = {
        "svg": {"Date": None, "Title": figure.title, "Description": figure.alt},
        "png": {"Software": None},
        "pdf": {"CreationDate": None, "Title": figure.title},
    }[ending]
    figure.figure.savefig(content, format=ending, dpi=DOTS_PER_INCH, metadata=metadata)
    if ending != "svg":
        return content.getvalue()
    return content.getvalue().replace(f"'{FONT}'".encode(), FONT_STACK.encode())


def _image(
    figure: NamedFigure, sheet: Sheet, files: dict[str, bytes], max_svg_bytes: int
) -> EmbeddedImage:
    """Return the image without its header: as SVG if that is small, otherwise as WebP."""
    width, height = figure.figure.get_size_inches()
    header = header_height(sheet, width, figure.title, figure.caption)
    if len(files["svg"]) <= max_svg_bytes:
        uri = _data_uri("svg", _cut_svg(files["svg"], header, width, height))
    else:
        png = files.get("png") or _save(figure, "png")
        uri = _data_uri("webp", _shrink(png, round(header * DOTS_PER_INCH)))
    return EmbeddedImage(
        figure.alt, uri, round(width * PIXELS_PER_INCH), round((height - header) * PIXELS_PER_INCH)
    )


def _cut_svg(svg: bytes, header: float, width: float, height: float) -> bytes:
    """Let an SVG begin below its header, and take away what only a file needs."""
    wide, high, top = 72 * width, 72 * (height - header), 72 * header
    opening = f'height="{high:.6g}pt" viewBox="0 {top:.6g} {wide:.6g} {high:.6g}" width="{wide:.6g}pt"'
    pattern = rb'width="[\d.]+pt" height="[\d.]+pt" viewBox="[\d. ]+"'
    cut, count = re.subn(pattern, opening.encode(), svg, count=1)
    if not count:
        raise ValueError("the SVG of a figure has no size")
    return re.sub(rb"<metadata>.*?</metadata>\s*|\n +(?=<)", b"", cut, flags=re.DOTALL)


def _data_uri(ending: str, content: bytes) -> str:
    return f"data:{MIME_TYPES[ending]};base64,{base64.b64encode(content).decode('ascii')}"


def _shrink(png: bytes, top: int) -> bytes:
    """Cut an image and store it in few colours as lossless WebP: a quarter of the size."""
    smaller = io.BytesIO()
    image = Image.open(io.BytesIO(png)).convert("RGB")
    _in_few_colors(image.crop((0, top, *image.size))).save(
        smaller, "WEBP", lossless=True, quality=60, method=3
    )
    return smaller.getvalue()


def _in_few_colors(image: Image.Image) -> Image.Image:
    """Reduce the colours of edges; those of areas stay as they are.

    A palette of few colours alone makes white of the light greys of grids and bands.
    """
    few = image.quantize(COLORS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    reduced = np.array(few.convert("RGB"))
    whole = np.asarray(image).astype(np.uint32)
    codes = whole[..., 0] << 16 | whole[..., 1] << 8 | whole[..., 2]
    most_frequent = sorted(image.getcolors(image.width * image.height), reverse=True)
    for _, (red, green, blue) in most_frequent[:KEPT_COLORS]:
        reduced[codes == (red << 16 | green << 8 | blue)] = red, green, blue
    return Image.fromarray(reduced)


def embed_figures(
    figures: list[FigureFiles], wide: list[FigureFiles], narrow: list[FigureFiles]
) -> list[EmbeddedFigure]:
    """Join the pages of each figure: `figures` has the files, the others have the images.

    Images for narrow screens are embedded while the budget allows.
    """
    names = dict.fromkeys(files.name for files in figures)
    spent = sum(len(files.image.data_uri) for files in wide)
    embedded = []
    for name in names:
        pages = [files for files in figures if files.name == name]
        large = [files.image for files in wide if files.name == name]
        small = [files.image for files in narrow if files.name == name]
        size = sum(len(image.data_uri) for image in small)
        if spent + size > BUDGET_BYTES:
            small = []
        spent += size if small else 0
        embedded.append(_join(name, pages, large, small))
    return embedded


def _join(
    name: str, pages: list[FigureFiles], wide: list[EmbeddedImage], narrow: list[EmbeddedImage]
) -> EmbeddedFigure:
    title = pages[0].title.removesuffix(f" (1 of {len(pages)})")
    return EmbeddedFigure(
        name,
        title,
        pages[0].caption,
        tuple(wide),
        tuple(narrow),
        tuple(f"{files.stem}.{ending}" for files in pages for ending in files.files),
    )
