"""The scripts that the nodes run.

A task of the array trains its part of the sweep. Before its time limit Slurm sends SIGUSR1 to the
script, which hands it on; the program saves and exits with 75, and the script requeues the task.
SIGTERM comes to the script and the program alike, after `scancel` or where Slurm itself requeues:
then the script does not.
"""

import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from .options import ROOT, Options

# `SLURM_JOB_ID` of the last task of an array is the array's own: requeue would mean all tasks.
TRAIN = """\
#!/bin/bash
# Trains one part of a sweep. Written by scripts/slurm.
{directives}
program={program}
out={out}
part=$SLURM_ARRAY_TASK_ID/{parts}
task=${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID
restarts=${{SLURM_RESTART_COUNT:-0}}

say() {{
  echo "clipsweep: part $part on ${{SLURMD_NODENAME:-$HOSTNAME}}: $*" >&2
}}

if [ ! -f "$out/sweep.json" ]; then
  say "no $out/sweep.json: this node does not share that folder; name one that all nodes share"
  exit 2
fi
cd -- {directory} || exit 2

sweep='' signalled='' saving='' ended=''
trap 'signalled=1 saving=1; [ -z "$sweep" ] || kill -USR1 "$sweep"' USR1
trap 'signalled=1 ended=1' TERM
say "job $task, restart $restarts"
"$program" sweep {sweep} --out "$out" --quiet \\
  --shard "$part" --workers "${{SLURM_CPUS_PER_TASK:-1}}" > /dev/null &
sweep=$!
while :; do
  signalled=
  wait "$sweep"
  code=$?
  [ -n "$signalled" ] || break
done
# The signal may come before the program knows what to do with it.
[ "$code" -ne 138 ] || [ -z "$saving" ] || code=75

if [ "$code" -eq 75 ] && [ -z "$ended" ]; then
  if [ "$restarts" -ge {requeues} ]; then
    say "not requeued again: restarted $restarts times; submit again to continue"
  elif scontrol requeue "$task"; then
    say "requeued"
    exit 75
  fi
fi
say "ended with exit code $code"
exit "$code"
"""

RESULTS = """\
#!/bin/bash
# Compares and draws what has been trained. Written by scripts/slurm.
{directives}
program={program}
out={out}
"$program" summarize "$out"
{report}exec {python} {script} --status "$out"
"""


def array_text(parts: Iterable[int]) -> str:
    """Return parts in ascending order as sbatch reads them: `1-3,7`."""
    ranges: list[list[int]] = []
    for part in parts:
        if ranges and ranges[-1][1] == part - 1:
            ranges[-1][1] = part
        else:
            ranges.append([part, part])
    return ",".join(f"{first}-{last}" if last > first else f"{first}" for first, last in ranges)


def _directives(settings: dict[str, object]) -> str:
    given = {name: value for name, value in settings.items() if value is not None}
    return "\n".join(
        f"#SBATCH --{name}" if value is True else f"#SBATCH --{name}={value}"
        for name, value in given.items()
    )


def train_script(options: Options, parts: int, left: list[int]) -> str:
    """Return the script of the tasks: `parts` in all, of which those in `left` are trained."""
    throttle = f"%{options.at_once}" if options.at_once else ""
    settings = {
        "job-name": "clipsweep",
        "array": array_text(left) + throttle,
        "nodes": 1,
        "ntasks": 1,
        "cpus-per-task": options.cpus,
        "time": options.time,
        "partition": options.partition,
        "signal": f"B:USR1@{options.notice}",
        "requeue": True,
        "open-mode": "append",
    }
    return TRAIN.format(
        directives=_directives(settings),
        program=shlex.quote(str(options.program)),
        out=shlex.quote(str(options.out)),
        parts=parts,
        directory=shlex.quote(str(Path.cwd())),
        sweep=shlex.join(options.sweep),
        requeues=options.requeues,
    )


def results_script(options: Options) -> str:
    """Return the script of the last job."""
    settings = {
        "job-name": "clipsweep-results",
        "nodes": 1,
        "ntasks": 1,
        "cpus-per-task": 1,
        "partition": options.partition,
        "requeue": True,
        "open-mode": "append",
    }
    return RESULTS.format(
        directives=_directives(settings),
        program=shlex.quote(str(options.program)),
        out=shlex.quote(str(options.out)),
        report='"$program" report "$out"\n' if options.report else "",
        python=shlex.quote(sys.executable),
        script=shlex.quote(str(ROOT / "scripts/slurm")),
    )


def log_pattern(folder: Path, name: str) -> str:
    """Return the path of a log for sbatch, in which only `name` has replacements such as %A."""
    return f"{str(folder).replace('%', '%%')}/{name}"
