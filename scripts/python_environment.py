"""Chooses the Python that runs a script of this folder. Standard library only.

A script runs in the Python that started it if that Python is recent enough and has every package
that the script needs, for example after `pip install ./scripts`. Otherwise the script restarts
itself in .venv, which scripts/setup makes.
"""

import importlib.util
import os
import sys

MIN_VERSION = (3, 11)
VENV = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), ".venv")
EXIT_USAGE = 2


def ensure_packages(script, packages):
    """Return if this Python can run the script; otherwise restart it in .venv, or exit with 2."""
    problem = find_problem(packages)
    if not problem:
        return
    if os.path.realpath(sys.prefix) == os.path.realpath(VENV):
        stop(script, f".venv {problem}; run scripts/setup")
    python = os.path.join(VENV, "bin", "python")
    if not os.access(python, os.X_OK):
        stop(script, f"{sys.executable} {problem}, and there is no .venv; run scripts/setup")
    os.execv(python, [python, *getattr(sys, "orig_argv", ["", *sys.argv])[1:]])


def find_problem(packages):
    """Say why this Python cannot run a script that needs `packages`; empty if it can."""
    if sys.version_info < MIN_VERSION:
        return "is older than Python " + ".".join(map(str, MIN_VERSION))
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    return f"lacks {', '.join(missing)}" if missing else ""


def stop(script, message):
    print(f"{script}: {message}", file=sys.stderr)
    sys.exit(EXIT_USAGE)
