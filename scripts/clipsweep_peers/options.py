"""The command line of scripts/bench_peers. Standard library only: it is parsed before the download.

    python3 -m clipsweep_peers.options ARGUMENTS    checks them, or prints the help
"""

import argparse
import sys
from pathlib import Path

from .models import MODELS

DESCRIPTION = """\
Measures run-steps per second of clipsweep, Keras, PyTorch and JAX on the same weights and batches, and
prints a page with tables. The first time it downloads the peers into .venv-peers."""


class Parser(argparse.ArgumentParser):
    """Writes an error as one line."""

    def error(self, message: str) -> None:
        print(f"{self.prog}: {message}", file=sys.stderr)
        sys.exit(2)


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = Parser(prog="bench_peers", description=DESCRIPTION)
    names = [model.name for model in MODELS]
    add = parser.add_argument
    add("--out", type=Path, metavar="FILE", help="write the page to FILE instead of printing it")
    add("--only", metavar="NAME", choices=names, help=f"one model: {', '.join(names)}")
    add("--quick", action="store_true", help="one repetition of a few steps, for a first impression")
    options = parser.parse_args(arguments)
    if options.out and not options.out.absolute().parent.is_dir():
        parser.error(f"--out {options.out}: there is no such folder")
    return options


if __name__ == "__main__":
    parse_options()
