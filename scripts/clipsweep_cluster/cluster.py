"""A private Slurm: its configuration, its daemons, its commands.

It needs no root, no systemd, no accounting and no free port of a certain number, and starts beside
other clusters. All daemons run as the current user, on the loopback interface, with one folder for
their files. The packages are slurmctld, slurmd, slurm-client and munge of the distribution.
"""

import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from .processes import (
    ClusterError,
    command_line,
    kill_all,
    start_daemon,
    wait_until,
    with_environment,
)

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue", "scancel", "sinfo")
PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
READY = ("idle", "mixed", "allocated")
SECONDS_TO_START = 60
SECONDS_TO_SAVE = 6
SECONDS_FOR_COMMAND = 300
# In these Debian puts daemons.
SEARCH_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

# A dead node is noticed within seconds, and a requeued job starts within seconds: a job's
# credential lives for cred_expire seconds, and Slurm lets a requeued job wait for that long.
CONFIGURATION = """\
ClusterName=clipsweep
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
ProctrackType=proctrack/linuxproc
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=6
MessageTimeout=5
KillWait=2
MinJobAge=600
MaxArraySize={max_array_size}
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} State=UNKNOWN"


def missing_programs() -> list[str]:
    return [name for name in PROGRAMS if not shutil.which(name, path=SEARCH_PATH)]


def free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class Cluster:
    """Slurm on `nodes` virtual nodes with `cpus` processors each; `with Cluster() as cluster:`."""

    def __init__(self, nodes: int = 2, cpus: int = 2, max_array_size: int = 1001):
        if missing := missing_programs():
            raise ClusterError(
                f"{', '.join(missing)} not found; install {' '.join(PACKAGES)} (scripts/setup does)"
            )
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        self._cpus = cpus
        self._max_array_size = max_array_size
        self._daemons: dict[str, subprocess.Popen] = {}

    def __enter__(self) -> "Cluster":
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))
        self.folder.chmod(0o711)  # munged insists that others reach its socket
        self._mark = f"CLIPSWEEP_CLUSTER={self.folder}"
        self.environment = os.environ | {
            "PATH": SEARCH_PATH,
            "SLURM_CONF": f"{self.folder}/slurm.conf",
            "CLIPSWEEP_CLUSTER": str(self.folder),
        }
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        """Leave no process and no file behind."""
        for daemon in self._daemons.values():
            daemon.kill()
        kill_all(self._mark)
        for daemon in self._daemons.values():
            daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command, **options) -> subprocess.CompletedProcess:
        """Run a command of Slurm, or one that uses it."""
        options = {"capture_output": True, "text": True, "env": self.environment} | options
        return subprocess.run([str(word) for word in command], timeout=SECONDS_FOR_COMMAND, check=False, **options)

    def output_of(self, *command) -> str:
        """Return stdout; raise ClusterError if the command fails."""
        done = self.run(*command)
        if done.returncode != 0:
            raise ClusterError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
        return done.stdout.strip()

    def start_controller(self) -> None:
        """Start slurmctld; a cluster that had one continues with its state."""
        self._start_daemon("controller", ["slurmctld", "-D"])
        self._wait_for("controller", lambda: " is UP" in self.run("scontrol", "ping").stdout)

    def start_node(self, node: str) -> None:
        self._start_daemon(node, ["slurmd", "-D", "-N", node])
        self._wait_for(node, lambda: self.node_state(node) in READY)

    def kill(self, daemon: str) -> None:
        """Kill the daemon of a node, or "controller". The jobs of a node live on, as orphans.

        The controller writes its state down within SECONDS_TO_SAVE of a change.
        """
        self._daemons[daemon].kill()
        self._daemons[daemon].wait()

    def kill_node(self, node: str) -> None:
        """Kill all that runs on a node, as a loss of power would."""
        self.kill(node)
        kill_all(self._mark, f"CLIPSWEEP_NODE={node}")  # first those that would report the others
        kill_all(self._mark, f"SLURMD_NODENAME={node}")

    def node_state(self, node: str) -> str:
        return self.run("sinfo", "-h", "-n", node, "-o", "%T").stdout.strip()

    def job_processes(self, *settings: str) -> list[int]:
        """Return the processes of jobs with these NAME=VALUE in their environment."""
        return with_environment(self._mark, *settings)

    def programs_of_jobs(self, program: Path, *settings: str) -> list[int]:
        """Return the processes of jobs that run this program."""
        found = self.job_processes(*settings)
        return [process for process in found if command_line(process)[:1] == [str(program)]]

    def states(self) -> dict[str, str]:
        """Return the state of every job that Slurm remembers; of an array of each task: 12_3."""
        lines = self.output_of("squeue", "-h", "-r", "-t", "all", "-o", "%i %T").splitlines()
        return dict(map(str.split, lines))

    def log(self, daemon: str) -> str:
        return (self.folder / f"{daemon}.log").read_text(encoding="utf-8", errors="replace")

    def _start(self) -> None:
        (self.folder / "state").mkdir()
        self._start_munge()
        controller, *nodes = free_ports(1 + len(self.nodes))
        common = {"host": socket.gethostname(), "folder": self.folder}
        lines = [
            NODE.format(name=name, port=port, cpus=self._cpus, **common)
            for name, port in zip(self.nodes, nodes, strict=True)
        ]
        configuration = CONFIGURATION.format(
            user=os.getuid(),
            controller_port=controller,
            max_array_size=self._max_array_size,
            nodes="\n".join(lines),
            **common,
        )
        (self.folder / "slurm.conf").write_text(configuration, encoding="utf-8")
        # Slurm looks for control groups even if nothing uses them, and there are none in a change root.
        plugin = "disabled" if self._slurm_version() >= (23, 11) else "cgroup/v1"
        (self.folder / "cgroup.conf").write_text(f"CgroupPlugin={plugin}\n", encoding="utf-8")
        self.start_controller()
        for node in self.nodes:
            self.start_node(node)

    def _slurm_version(self) -> tuple[int, ...]:
        return tuple(map(int, re.findall(r"\d+", self.output_of("slurmd", "-V"))[:2]))

    def _start_munge(self) -> None:
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        names = ("socket", "key-file", "pid-file", "log-file", "seed-file")
        files = [f"--{name}={self.folder}/munge.{name.removesuffix('-file')}" for name in names]
        self._start_daemon("munge", ["munged", "--foreground", *files])
        self._wait_for("munge", (self.folder / "munge.socket").exists)

    def _start_daemon(self, name: str, command: list[str]) -> None:
        program = shutil.which(command[0], path=SEARCH_PATH)
        log = self.folder / f"{name}.log"
        # slurmd hands it to the process that starts a job and reports its end.
        environment = self.environment | {"CLIPSWEEP_NODE": name}
        self._daemons[name] = start_daemon([program, *command[1:]], log, environment)

    def _wait_for(self, name: str, is_ready: Callable[[], bool]) -> None:
        def ready() -> bool:
            if self._daemons[name].poll() is not None:
                raise ClusterError(f"{name} ended: {self.log(name).strip()[-2000:]}")
            return is_ready()

        wait_until(ready, name, SECONDS_TO_START)
