"""Chooses the Python that runs a script of this folder. Standard library only.

A script runs in the Python that started it if that Python is recent enough and has every package
that the script needs, for example after `pip install ./scripts`. Otherwise the script restarts
itself in a virtual environment: in a checkout .venv, which scripts/setup makes; where the scripts
are installed, one that the user makes with the command that the message names.
"""

import importlib.util
import os
import shlex
import sys

MIN_VERSION = (3, 11)
SCRIPTS = os.path.dirname(os.path.abspath(__file__))
IS_INSTALLED = not os.path.exists(os.path.join(SCRIPTS, "setup"))
USER_DATA = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
VENV = (
    os.path.join(USER_DATA, "clipsweep", "venv")
    if IS_INSTALLED
    else os.path.join(os.path.dirname(SCRIPTS), ".venv")
)
DISTRIBUTIONS = {"PIL": "pillow"}  # of modules with another name
EXIT_USAGE = 2


def ensure_packages(script, packages):
    """Return if this Python can run the script; otherwise restart it in .venv, or exit with 2."""
    problem = find_problem(packages)
    if not problem:
        return
    if os.path.realpath(sys.prefix) == os.path.realpath(VENV):
        stop(script, f"{VENV if IS_INSTALLED else '.venv'} {problem}; {remedy(packages)}")
    python = os.path.join(VENV, "bin", "python")
    if not os.access(python, os.X_OK):
        no_venv = "" if IS_INSTALLED else ", and there is no .venv"
        stop(script, f"{sys.executable} {problem}{no_venv}; {remedy(packages)}")
    os.execv(python, [python, *getattr(sys, "orig_argv", ["", *sys.argv])[1:]])


def find_problem(packages):
    """Say why this Python cannot run a script that needs `packages`; empty if it can."""
    if sys.version_info < MIN_VERSION:
        return "is older than Python " + ".".join(map(str, MIN_VERSION))
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    return f"lacks {', '.join(missing)}" if missing else ""


def remedy(packages):
    if not IS_INSTALLED:
        return "run scripts/setup"
    venv = shlex.quote(VENV)
    names = " ".join(DISTRIBUTIONS.get(name, name) for name in packages)
    return f"run: python3 -m venv {venv} && {venv}/bin/pip install {names}"


def stop(script, message):
    # clipsweep report gives its own name.
    print(f"{os.environ.get('CLIPSWEEP_PROGRAM') or script}: {message}", file=sys.stderr)
    sys.exit(EXIT_USAGE)
