"""scripts/ as Python packages: `pip install ./scripts`, and the scripts under any Python."""

import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
from conftest import ROOT, cross
from test_python_architecture import SCRIPTS, third_party

FIVE_LINES = """
from clipsweep_results import open_sweep
sweep = open_sweep({folder!r})
print(sweep.runs["state"].value_counts()["completed"])
print(len(sweep.steps(columns=["step", "loss"])))
print(sweep.summary.arms[0].label)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Install a copy of scripts/ by its pyproject.toml, offline; return the target folder."""
    copy = tmp_path_factory.mktemp("source") / "scripts"
    shutil.copytree(
        SCRIPTS, copy, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    )
    root = tmp_path_factory.mktemp("root")
    # What pip does with setuptools, but without the package wheel, which .venv may lack.
    setup = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        "import setuptools; setuptools.setup()",
        "--quiet",
    ]
    places = ["--root", root, "--install-lib", "lib", "--install-scripts", "bin"]
    record = ["--single-version-externally-managed", "--record", root / "record"]
    subprocess.run([*setup, "install", *places, *record], cwd=copy, check=True, timeout=120)
    return root


def run_python(folder, target, *arguments) -> str:
    """Run Python in another folder, with the installed packages and not those of the source."""
    environment = os.environ | {"PYTHONPATH": str(target / "lib")}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_five_lines_load_a_sweep_after_installation(installed, sweep, tmp_path):
    folder = sweep(cross([("none", None), ("value", 0.5)])).folder
    output = run_python(tmp_path, installed, "-c", FIVE_LINES.format(folder=str(folder)))
    assert output.splitlines() == ["4", "160", "none at lr 0.01"]


def test_the_installed_commands_draw_and_export(installed, sweep, tmp_path):
    folder = sweep(cross([("none", None)], seeds=1), epochs=1).folder
    output = run_python(tmp_path, installed, installed / "bin" / "clipsweep-plot", folder)
    assert output == f"{folder / 'report' / 'report.html'}\n"
    command = installed / "bin" / "clipsweep-export"
    output = run_python(tmp_path, installed, command, folder, "--format", "parquet")
    assert output == f"{folder / 'parquet'}\n"
    usage = run_python(tmp_path, installed, command, "--help")
    assert usage.startswith("usage: clipsweep-export ")


def project() -> dict:
    return tomllib.loads((SCRIPTS / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_package_that_is_imported_is_a_dependency():
    imported = third_party("clipsweep_results") | third_party("clipsweep_plots")
    imported |= third_party("clipsweep_export")
    distributions = {"PIL": "pillow"}
    names = {re.match(r"[\w-]+", entry)[0] for entry in project()["dependencies"]}
    assert names == {distributions.get(name, name) for name in imported}


def test_the_pinned_versions_are_allowed():
    pins = dict(
        line.split("==")
        for name in ("requirements.txt", "requirements-all.txt")
        for line in (SCRIPTS / name).read_text(encoding="utf-8").splitlines()
        if "==" in line
    )
    for entry in project()["dependencies"]:
        name, minimum = entry.split(">=")
        assert version(pins[name]) >= version(minimum)


def version(text: str) -> list[int]:
    return [int(part) for part in text.split(".")]


def test_the_version_is_that_of_the_program():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert project()["version"] == re.search(r"project\(clipsweep VERSION ([\d.]+)", text)[1]


# The scripts under a Python that may lack the packages


@pytest.fixture
def checkout(tmp_path):
    """Copy scripts/ next to no .venv."""
    shutil.copytree(SCRIPTS, tmp_path / "checkout" / "scripts")
    return tmp_path / "checkout"


def start(*command) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "script, option, word",
    [("plot.py", "--list-figures", "gradient_norm"), ("export.py", "--help", "tensorboard")],
)
def test_a_python_without_the_packages_starts_the_one_of_venv(
    checkout, bare_python, script, option, word
):
    (checkout / ".venv").symlink_to(sys.prefix)
    result = start(bare_python, checkout / "scripts" / script, option)
    assert (result.returncode, result.stderr) == (0, "") and word in result.stdout


@pytest.mark.parametrize("script", ["plot.py", "export.py"])
def test_a_script_has_its_run_bit_and_starts_by_itself(checkout, script):
    (checkout / ".venv").symlink_to(sys.prefix)
    assert os.access(SCRIPTS / script, os.X_OK)
    result = start(checkout / "scripts" / script, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(f"usage: {script} ")


def test_a_python_that_has_the_packages_is_kept(checkout):
    (checkout / ".venv" / "bin").mkdir(parents=True)
    trap = checkout / ".venv" / "bin" / "python"
    trap.write_text("#!/bin/sh\nexit 99\n")
    trap.chmod(0o755)
    assert start(sys.executable, checkout / "scripts" / "plot.py", "--list-figures").returncode == 0


def test_without_venv_one_line_says_what_to_run(checkout, bare_python):
    result = start(bare_python, checkout / "scripts" / "plot.py", "--list-figures")
    assert result.returncode == 2 and result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith("plot.py: ") and "lacks PIL, jinja2, matplotlib" in line
    assert line.endswith("and there is no .venv; run scripts/setup")


def test_a_venv_that_lacks_the_packages_is_not_started_forever(checkout, bare_python):
    (checkout / ".venv").symlink_to(bare_python.parents[1])
    result = start(bare_python, checkout / "scripts" / "export.py", "--help")
    assert result.returncode == 2
    assert re.fullmatch(r"export\.py: \.venv lacks .*; run scripts/setup\n", result.stderr)
