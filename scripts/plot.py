#!/usr/bin/env python3
"""Starts clipsweep_plots.program: `scripts/plot.py --help` describes it."""

import sys

from python_environment import ensure_packages

PACKAGES = ("PIL", "jinja2", "matplotlib", "msgspec", "numpy")

if __name__ == "__main__":
    ensure_packages("plot.py", PACKAGES)
    from clipsweep_plots.program import main

    sys.exit(main())
