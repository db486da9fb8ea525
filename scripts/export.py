#!/usr/bin/env python3
"""Starts clipsweep_export.program: `scripts/export.py --help` describes it."""

import sys

from python_environment import ensure_packages

PACKAGES = ("msgspec", "numpy", "pyarrow", "tensorboard")

if __name__ == "__main__":
    ensure_packages("export.py", PACKAGES)
    from clipsweep_export.program import main

    sys.exit(main())
