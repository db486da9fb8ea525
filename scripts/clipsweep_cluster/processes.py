"""The processes of a cluster: started, found and ended.

A job outlives the daemon that started it, and its parent. What all processes of a cluster have in
common is a variable of their environment, which no other process has with this value.
"""

import ctypes
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
SECONDS_TO_END = 20


class ClusterError(Exception):
    """What the cluster failed to do, in words."""


def wait_until(condition: Callable[[], object], what: str, seconds: float) -> object:
    """Return the first true value of `condition`; raise ClusterError if there is none in time."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise ClusterError(f"waited {seconds} seconds for {what}")
        time.sleep(0.1)
    return value


def _die_with_parent() -> None:
    """Also after a SIGKILL of this process no daemon stays behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start_daemon(command: list, log: Path, environment: dict[str, str]) -> subprocess.Popen:
    """Start a daemon in the foreground. It gets no signals of this terminal, and ends with us."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )


def _contents(process: Path, file: str) -> list[str]:
    """Return the parts of a file in /proc, none if the process has ended or is not ours."""
    try:
        return (process / file).read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def with_environment(*settings: str) -> list[int]:
    """Return the processes that have all of these NAME=VALUE in their environment."""
    return [
        int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if set(settings) <= set(_contents(process, "environ"))
    ]


def command_line(process: int) -> list[str]:
    return _contents(Path("/proc") / str(process), "cmdline")


def is_pending(process: int, number: signal.Signals) -> bool:
    """Whether a stopped process has this signal, and will see it when it continues."""
    try:
        status = (Path("/proc") / str(process) / "status").read_text(encoding="utf-8")
    except OSError as error:
        raise ClusterError(f"process {process} ended: {error}") from error
    masks = re.findall(r"^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)$", status, re.MULTILINE)
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks)


def send(process: int, number: signal.Signals) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        pass


def kill_all(*settings: str) -> None:
    """Kill every process with this environment, until there is none."""

    def none_is_left() -> bool:
        found = with_environment(*settings)
        for process in found:
            send(process, signal.SIGKILL)
        return not found

    wait_until(none_is_left, "processes to end", SECONDS_TO_END)
