"""The commands of Slurm on this machine."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from .messages import RUN_FAILED, Problem

# Of slurm.conf.
DEFAULTS = {"MaxArraySize": 1001, "MaxJobCount": 10000}
MAX_PARTS = 100_000  # of which `clipsweep plan` says how much is complete


def has_slurm() -> bool:
    return shutil.which("sbatch") is not None


def _run(*command: str | Path) -> subprocess.CompletedProcess:
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1]


def largest_array() -> int:
    """Return how many tasks the site allows; raise Problem if Slurm is down."""
    asked = _run("scontrol", "show", "config")
    if asked.returncode != 0:
        raise Problem(_last_line(asked.stderr), RUN_FAILED)
    limits = dict(re.findall(r"^(\w+)\s*=\s*(\d+)\s*$", asked.stdout, re.MULTILINE))
    # Tasks are numbered below MaxArraySize; one job more compares and draws.
    allowed = min(int(limits.get(name, default)) for name, default in DEFAULTS.items())
    return max(1, min(allowed - 1, MAX_PARTS))


def submit(script: Path, options: Iterable[str]) -> int:
    """Submit a script; return the number of its job."""
    submitted = _run("sbatch", "--parsable", *options, script)
    if submitted.returncode != 0:
        raise Problem(_last_line(submitted.stderr), RUN_FAILED)
    return int(submitted.stdout.strip().partition(";")[0])


def queued(jobs: Iterable[int]) -> dict[str, str]:
    """Return the state of each task of these jobs that waits or runs: {"12_3": "RUNNING"}.

    The job in which this program runs does not count. Empty where there is no Slurm, and where it
    has forgotten the jobs.
    """
    own = os.environ.get("SLURM_JOB_ID")
    numbers = ",".join(str(job) for job in jobs if str(job) != own)
    if not numbers or not shutil.which("squeue"):
        return {}
    asked = _run("squeue", "--noheader", "--array", f"--jobs={numbers}", "--format=%i %T")
    if asked.returncode != 0 and "Invalid job id" not in asked.stderr:
        raise Problem(_last_line(asked.stderr), RUN_FAILED)
    return dict(line.split(maxsplit=1) for line in asked.stdout.splitlines())
