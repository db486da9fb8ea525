"""README.md as a newcomer uses it: every command in it runs, in small."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from small_data import small_data

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Installs packages; tried on a bare machine, not here.
NOT_RUN = "scripts/quickstart"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    """Return the commands of all blocks, each on one line and without its comment."""
    text = "\n".join(blocks("sh")).replace("\\\n", " ")
    lines = [re.sub(r"\s+# .*", "", line).strip() for line in text.splitlines()]
    return [line for line in lines if line]


def in_small(command: str, data: Path) -> str:
    """Return the command with fewer and shorter runs, and with little data."""
    words = shlex.split(command)
    if words[:2] not in (["clipsweep", "sweep"], ["clipsweep", "plan"]):
        return command
    if words[1] == "sweep":  # few arms are drawn sooner; `plan` has the lists
        for flag in {"--threshold", "--lr"} & set(words):
            place = words.index(flag) + 1
            words[place] = re.sub(r"^([\d.]+),.*", r"\1", words[place])
    small = {"--epochs": "1", "--steps-per-epoch": "2", "--seeds": "1", "--workers": "2"}
    if "--task" not in words and "--preset" not in words:
        small["--data"] = str(data)
    for flag, value in small.items():
        if flag in words:
            words[words.index(flag) + 1] = value
        else:
            words += [flag, value]
    return shlex.join(words)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Return a folder that looks like a checkout after the build, with an empty out/."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("scripts", "build", ".venv"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def test_every_command_runs(checkout, tmp_path):
    data = small_data(tmp_path / "data")
    (toml,) = blocks("toml")
    (checkout / "ablation.toml").write_text(toml, encoding="utf-8")
    assert NOT_RUN in commands()
    script = ["set -eu", *(in_small(command, data) for command in commands() if command != NOT_RUN)]
    python = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{python}:{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        ["bash", "-x", "-c", "\n".join(script)],
        cwd=checkout,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (checkout / "out/first/report/report.html").exists()
    assert (checkout / "out/ablation/parquet").is_dir()


def test_it_is_short_and_has_a_picture():
    lines = README.splitlines()
    assert len(lines) <= 150
    assert max(map(len, lines)) <= 120
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert pictures
    assert all((ROOT / picture).exists() for picture in pictures)


def test_its_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)#]+)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
