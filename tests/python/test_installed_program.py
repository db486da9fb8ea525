"""The program as `cmake --install` and cpack install it: files, pages, completion, report."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import cross
from test_help import COMMANDS, MAX_WIDTH, PROGRAM
from test_presets import PRESETS

USAGE = 2
BUILD = Path(PROGRAM).parent
WITH_PACKAGES = Path(sys.executable).parent  # the folder of a python3 that can draw
CELLS = ["lstm", "gru", "rnn-tanh", "rnn-relu"]


def run(*command: object, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*map(str, command)], capture_output=True, text=True, timeout=120, check=False, **options
    )


@pytest.fixture(scope="module")
def prefix(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("prefix")
    result = run("cmake", "--install", BUILD, "--prefix", folder)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """Train two short runs; return their folder."""
    folder = tmp_path_factory.mktemp("sweep") / "my sweep"
    grid = ("--task", "adding", "--length", "10", "--clip", "none,value:0.5")
    short = ("--epochs", "1", "--steps-per-epoch", "5", "--seeds", "1", "--quiet", "--out", folder)
    result = run(PROGRAM, "sweep", *grid, *short)
    assert result.returncode == 0, result.stderr
    return folder


def ids_of(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "runs").iterdir())


# ---- Files ---------------------------------------------------------------------------------------


def test_every_file_is_in_its_place(prefix):
    share = prefix / "share"
    for file in (
        prefix / "bin/clipsweep",
        share / "bash-completion/completions/clipsweep",
        share / "zsh/site-functions/_clipsweep",
        share / "doc/clipsweep/README.md",
        share / "doc/clipsweep/LICENSE",
        share / "clipsweep/scripts/plot.py",
        share / "clipsweep/scripts/clipsweep_plots/report/report.css",
    ):
        assert file.is_file(), file
    assert (prefix / "bin/clipsweep-train").exists() == (BUILD / "clipsweep-train").exists()
    assert os.access(share / "clipsweep/scripts/plot.py", os.X_OK)
    assert list(prefix.rglob("__pycache__")) == []


def test_the_installed_program_runs(prefix):
    version = run(prefix / "bin/clipsweep", "--version").stdout
    assert version == run(PROGRAM, "version").stdout == run(PROGRAM, "-V").stdout


# ---- Manual pages --------------------------------------------------------------------------------


def formatter() -> list[str]:
    """Return the command that formats a page and warns about it."""
    for command in (
        ["man", "--warnings=all", "-l"],
        ["groff", "-man", "-ww", "-Tutf8"],
        ["mandoc", "-Wwarning", "-Tutf8"],
    ):
        if shutil.which(command[0]):
            return command
    pytest.skip("there is no man, groff or mandoc")


def manual(prefix: Path, name: str) -> str:
    environment = os.environ | {"MANWIDTH": str(MAX_WIDTH), "LC_ALL": "C.UTF-8"}
    page = prefix / "share/man/man1" / f"{name}.1"
    result = run(*formatter(), page, env=environment)
    assert (result.returncode, result.stderr) == (0, "")
    return re.sub(r"\x1b\[\d*m|.\x08", "", result.stdout)


def test_there_is_a_page_for_each_command(prefix):
    names = {path.stem for path in (prefix / "share/man/man1").iterdir()}
    assert names - {"clipsweep-train"} == {"clipsweep", *(f"clipsweep-{name}" for name in COMMANDS)}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_renders_without_warnings_and_has_every_option(prefix, command):
    text = manual(prefix, f"clipsweep-{command}")
    for part in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO"):
        assert f"\n{part}\n" in text
    help_text = run(PROGRAM, command, "--help").stdout
    for flag in re.findall(r"^  ((?:-\w, )?--[a-z0-9-]+)", help_text, re.MULTILINE):
        assert re.search(rf"^ +{flag}\b", text, re.MULTILINE), flag


def test_the_overview_page_names_every_command(prefix):
    named = re.findall(r"^ {7}([a-z]+)\b.*$", manual(prefix, "clipsweep"), re.MULTILINE)
    assert set(COMMANDS) <= set(named)


# ---- Completion in bash --------------------------------------------------------------------------

DRIVER = """
source "$1"; PATH="$2:$PATH"; shift 2
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_clipsweep
[ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def offered(prefix):
    """Return a function that gives what bash offers for the last of some words."""

    def complete(*words: object) -> list[str]:
        file = prefix / "share/bash-completion/completions/clipsweep"
        bash = ("bash", "--norc", "-c", DRIVER, "bash", file, prefix / "bin")
        result = run(*bash, "clipsweep", *words)
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout.splitlines()

    return complete


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--mode", "none,va"), ["none,value"]),
        (("--ce",), ["--cell"]),
        (("--cell", ""), CELLS),
        (("--preset", ""), PRESETS),
        (("--task", "adding"), ["adding"]),
        # bash cuts words at = and :, and replaces only the last piece
        (("--mode", "=", "none,va"), ["none,value"]),
        (("--cell", "="), CELLS),
        (("--clip", "none,value", ":", "0.5,back"), ["0.5,backprop:0.001"]),
        (("--clip", "value", ":", "1", "--ce"), ["--cell"]),
        (("--lr", ""), []),
    ],
    ids=" ".join,
)
def test_bash_offers_flags_and_values(offered, words, expected):
    assert offered("sweep", *words) == expected


def test_bash_offers_commands_and_modes(offered):
    assert sorted(offered("")) == sorted(COMMANDS)
    assert {"none", "value", "global-norm"} < set(offered("sweep", "--mode", ""))
    assert offered("help", "su") == ["summarize"]


def test_bash_offers_the_runs_of_a_folder(offered, runs):
    ids = ids_of(runs)
    assert sorted(offered("show", runs, "")) == ids
    # As it is typed, with the blank quoted.
    assert offered("show", str(runs).replace(" ", "\\ "), ids[0][:-3]) == [ids[0]]
    assert offered("show", f'"{runs}"', ids[0][-8:-2]) == [ids[0][-8:]]


def test_a_broken_folder_has_no_runs_to_offer(offered, tmp_path):
    assert offered("show", tmp_path / "missing", "") == []
    (tmp_path / "sweep.json").write_text("{", encoding="utf-8")
    assert offered("show", tmp_path, "") == []
    (tmp_path / "sweep.json").unlink()
    os.mkfifo(tmp_path / "sweep.json")
    assert offered("show", tmp_path, "") == []


def test_completion_is_fast(runs):
    started = time.monotonic()
    for _ in range(10):
        run(PROGRAM, "complete", "show", runs, "")
    assert (time.monotonic() - started) / 10 < 0.2


# ---- Completion in zsh ---------------------------------------------------------------------------


class Terminal:
    """An interactive zsh with the installed completion."""

    def __init__(self, prefix: Path, home: Path):
        environment = {"HOME": str(home), "TERM": "dumb", "PATH": os.environ["PATH"]}
        process, self._terminal = pty.fork()
        if process == 0:
            os.execvpe("zsh", ["zsh", "-f", "-i"], environment)
        functions = prefix / "share/zsh/site-functions"
        paths = f"fpath=({functions} $fpath) path=({prefix}/bin $path)"
        self.expect(f"{paths}; echo re''ady\n", "ready")
        self.expect("autoload -Uz compinit; compinit -u; echo de''fined\n", "defined")

    def expect(self, keys: str, shown: str) -> None:
        os.write(self._terminal, keys.encode())
        text, deadline = "", time.monotonic() + 30
        while shown not in text:
            assert time.monotonic() < deadline, text
            if select.select([self._terminal], [], [], 0.1)[0]:
                text += os.read(self._terminal, 4096).decode(errors="replace")


@pytest.mark.skipif(not shutil.which("zsh"), reason="there is no zsh")
def test_zsh_offers_the_same(prefix, runs, tmp_path):
    terminal = Terminal(prefix, tmp_path)
    clear = "\x15"
    terminal.expect("clipsweep sweep --mode none,va\t", "none,value")
    terminal.expect(f"{clear}clipsweep sweep --mode=none,va\t", "--mode=none,value")
    terminal.expect(f"{clear}clipsweep sweep --ce\t", "--cell ")
    terminal.expect(f"{clear}clipsweep show '{runs}' {ids_of(runs)[0][:-3]}\t", ids_of(runs)[0])


# ---- clipsweep report ----------------------------------------------------------------------------


def report(prefix: Path, *arguments: object, **environment: object):
    changed = {name: str(value) for name, value in environment.items()}
    return run(prefix / "bin/clipsweep", "report", *arguments, env=os.environ | changed)


@pytest.fixture
def drawable(sweep) -> Path:
    return sweep(cross([("none", None), ("value", 0.5)], seeds=1), epochs=1).folder


FIGURE = ("--figure", "training_loss", "--width", "3.3", "--format", "pdf", "--no-title")


def test_report_passes_its_options_to_plot(prefix, drawable):
    result = report(prefix, drawable, *FIGURE, PATH=f"{WITH_PACKAGES}:{os.environ['PATH']}")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"{drawable}/report/training_loss_3.3in_untitled.pdf\n" == result.stdout
    assert list(prefix.rglob("__pycache__")) == []


def test_report_of_a_build_draws_with_the_checkout(drawable):
    result = run(PROGRAM, "report", drawable, *FIGURE)
    assert (result.returncode, result.stderr) == (0, "")
    assert "training_loss" in run(PROGRAM, "report", "--list-figures").stdout


def test_messages_of_plot_name_the_command(prefix, drawable):
    path = f"{WITH_PACKAGES}:{os.environ['PATH']}"
    result = report(prefix, drawable, "--figure", "no-such", PATH=path)
    assert result.returncode == USAGE
    assert result.stderr.startswith("clipsweep report: there is no figure 'no-such'")


def test_without_the_packages_one_line_has_the_command_that_helps(
    prefix, drawable, tmp_path, bare_python
):
    result = report(prefix, drawable, PATH=bare_python.parent, XDG_DATA_HOME=tmp_path)
    assert result.returncode == USAGE and result.stdout == ""
    [line] = result.stderr.splitlines()
    venv = f"{tmp_path}/clipsweep/venv"
    assert line.startswith("clipsweep report: ") and " lacks PIL, jinja2, matplotlib" in line
    assert f"; run: python3 -m venv {venv} && {venv}/bin/pip install pillow jinja2" in line


def test_the_environment_that_the_message_names_is_used(prefix, drawable, tmp_path, bare_python):
    (tmp_path / "clipsweep").mkdir()
    (tmp_path / "clipsweep/venv").symlink_to(sys.prefix)
    result = report(prefix, drawable, *FIGURE, PATH=bare_python.parent, XDG_DATA_HOME=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


def test_without_python_or_plot_one_line_says_so(prefix, drawable, tmp_path):
    result = report(prefix, drawable, PATH=tmp_path)
    assert (result.returncode, result.stdout) == (USAGE, "")
    assert result.stderr.startswith("clipsweep: report: no python3 on the path; install Python")
    shutil.copy(prefix / "bin/clipsweep", tmp_path)
    result = run(tmp_path / "clipsweep", "report", drawable)
    assert result.returncode == USAGE
    assert result.stderr.startswith("clipsweep: report: no plot.py at /")


# ---- The Debian package --------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("dpkg-shlibdeps"), reason="there is no dpkg-dev")
def test_the_debian_package_says_what_it_needs(tmp_path):
    only = ("-D", "CPACK_COMPONENTS_ALL=clipsweep", "-B", tmp_path)
    result = run("cpack", "--config", BUILD / "CPackConfig.cmake", "-G", "DEB", *only)
    assert result.returncode == 0, result.stderr
    [package] = tmp_path.glob("clipsweep_*.deb")
    control = run("dpkg-deb", "--field", package).stdout
    assert re.search(r"^Depends: .*libfmt.*, libssl", control, re.M) and "libtorch" not in control
    assert re.search(r"^Recommends: dataset-fashion-mnist, python3", control, re.M)
    files = run("dpkg-deb", "--contents", package).stdout
    for file in ("bin/clipsweep", "share/man/man1/clipsweep-show.1.gz"):
        assert f" ./usr/{file}\n" in files
