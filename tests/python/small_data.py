"""A few images of Fashion-MNIST, as a data folder of its own."""

import functools
import gzip
import struct
import tempfile
from pathlib import Path

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")

_kept: list[tempfile.TemporaryDirectory] = []


def idx(values: bytes, *sizes: int) -> bytes:
    return gzip.compress(struct.pack(f">{1 + len(sizes)}I", 0x0800 + len(sizes), *sizes) + values)


def small_data(folder: Path) -> Path:
    """Write a data folder with the first 300 training and 200 test images."""
    folder.mkdir()
    for part, count in (("train", 300), ("t10k", 200)):
        images, labels = f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz"
        pixels = gzip.decompress((FASHION_MNIST / images).read_bytes())[16 : 16 + count * 784]
        classes = gzip.decompress((FASHION_MNIST / labels).read_bytes())[8 : 8 + count]
        (folder / images).write_bytes(idx(pixels, count, 28, 28))
        (folder / labels).write_bytes(idx(classes, count))
    return folder


@functools.cache
def first_images() -> Path:
    """Return a folder of small_data that the tests of this process share; do not change it."""
    _kept.append(tempfile.TemporaryDirectory(prefix="clipsweep-data-"))
    return small_data(Path(_kept[-1].name) / "data")


def with_little_data(*arguments: object) -> list[str]:
    """Return the arguments of a sweep, with little data unless they name data or another task.

    To read all of Fashion-MNIST takes half a second.
    """
    words = [str(argument) for argument in arguments]
    own = {"--task", "--data"} & {word.partition("=")[0] for word in words}
    return words if own else ["--data", str(first_images()), *words]
