"""Every --help is the text in tests/golden/, so that the interface is reviewed in diffs.

After an intended change, rewrite them and read the diff:

    CLIPSWEEP_RENEW_GOLDEN=1 .venv/bin/python -m pytest tests/python/test_help.py
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("CLIPSWEEP", str(ROOT / "build/release/clipsweep"))
GOLDEN = ROOT / "tests/golden"
RENEW = os.environ.get("CLIPSWEEP_RENEW_GOLDEN") == "1"
COMMANDS = (
    *("sweep", "plan", "show", "summarize", "merge", "report", "validate", "clip"),
    *("advise", "preset", "schema", "trace", "cliff", "bench", "help", "version"),
)
MAX_WIDTH = 80


def printed(*arguments: str) -> str:
    """Return stdout; the program must succeed and print nothing on stderr."""
    result = subprocess.run(
        [PROGRAM, *arguments], capture_output=True, encoding="utf-8", timeout=30, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


@pytest.mark.parametrize("command", ("", *COMMANDS))
def test_help_is_the_golden_text(command):
    text = printed(*command.split(), "--help")
    golden = GOLDEN / f"help{'-' * bool(command)}{command}.txt"
    if RENEW:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8"), f"{golden.name}: see the top of this file"


@pytest.mark.parametrize("command", ("", *COMMANDS))
def test_help_fits_a_terminal(command):
    text = printed(*command.split(), "--help")
    assert [line for line in text.splitlines() if len(line) > MAX_WIDTH] == []
    assert text.endswith("\n") and not re.search(r"[ \t]\n|\x1b", text)


@pytest.mark.parametrize("command", COMMANDS)
def test_all_ways_to_ask_for_help_print_the_same(command):
    text = printed(command, "--help")
    assert text == printed(command, "-h") == printed("help", command)


def test_the_overview_names_every_command():
    named = re.findall(r"^  ([a-z]+)\b", printed("--help"), re.MULTILINE)
    assert sorted(named) == sorted(COMMANDS)


def test_golden_texts_are_those_of_the_commands():
    expected = {"help.txt", *(f"help-{command}.txt" for command in COMMANDS)}
    assert {path.name for path in GOLDEN.glob("help*.txt")} == expected
