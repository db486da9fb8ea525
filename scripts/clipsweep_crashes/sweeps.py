"""Starts sweeps; compares result folders with those of undisturbed sweeps, byte by byte.

Equal are all bytes of every steps.jsonl and through_time.jsonl, of runs.csv and summary.json; and
run.json except for keys that start with wall_.
"""

import json
import shlex
import subprocess
import time
from pathlib import Path

FINISHED = 0
MAX_SECONDS_TO_LOG = 60


class Difference(Exception):
    """A difference from the undisturbed sweep, or a failure, in words."""


def start(program: Path, arguments: str, folder: Path, **options) -> subprocess.Popen:
    command = [program, "sweep", *shlex.split(arguments), "--out", folder, "-q"]
    options |= {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **options)


def wait(process: subprocess.Popen) -> tuple[int, str]:
    """Return the exit code and stderr."""
    _, errors = process.communicate(timeout=300)
    return process.returncode, errors


def finish(program: Path, arguments: str, folder: Path) -> float:
    """Run the sweep to its end; return its duration in seconds."""
    start_time = time.monotonic()
    code, errors = wait(start(program, arguments, folder))
    if code != FINISHED:
        raise Difference(f"exit code {code}: {errors.strip()}")
    return time.monotonic() - start_time


def kill_when_it_logs(command: list, folder: Path) -> None:
    """Start a program and kill it a moment after the first run of the folder has a log."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + MAX_SECONDS_TO_LOG
    while not list(folder.glob("runs/*/steps.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(0.01)
    process.kill()
    process.wait()


def without_wall_clock(document):
    if isinstance(document, dict):
        kept = ((key, value) for key, value in document.items() if not key.startswith("wall_"))
        return {key: without_wall_clock(value) for key, value in kept}
    return document


def content(path: Path) -> object:
    if path.name == "run.json":
        return without_wall_clock(json.loads(path.read_text(encoding="utf-8")))
    return path.read_bytes()


def compare(expected: Path, folder: Path) -> None:
    """Raise Difference unless both folders have the same files with the same content."""
    names = [
        {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()} - {"sweep.json"}
        for root in (expected, folder)
    ]
    if names[0] != names[1]:
        raise Difference(f"files differ: {sorted(names[0] ^ names[1])[:5]}")
    for name in sorted(names[0]):
        if content(expected / name) != content(folder / name):
            raise Difference(f"{name} differs")


def check(program: Path, folder: Path) -> None:
    """Raise Difference if `clipsweep validate` finds a problem."""
    checked = subprocess.run([program, "validate", folder], capture_output=True, text=True)
    if checked.returncode != FINISHED:
        raise Difference(f"validate: {checked.stdout.strip()[-300:]}")
