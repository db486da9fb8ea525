"""Presets: sweep files that ship with the program, by the real program."""

import json
from pathlib import Path

import pytest
from conftest import ROOT
from test_program import USAGE, call, refusal

PRESETS = sorted(path.stem for path in (ROOT / "lib/presets").glob("*.toml"))


def plan(*arguments: object) -> dict:
    """Return what `plan --json` says, without the estimate."""
    result = call("plan", "--json", *arguments)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_printed_as_it_is_in_the_repository(name):
    result = call("preset", name)
    assert result.returncode == 0
    assert result.stdout == (ROOT / f"lib/presets/{name}.toml").read_text(encoding="utf-8")


def test_all_presets_are_named_within_80_columns():
    lines = call("preset").stdout.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == PRESETS
    assert max(map(len, lines)) <= 80


def test_a_preset_is_a_sweep_file(tmp_path: Path):
    file = tmp_path / "sweep.toml"
    file.write_text(call("preset", "article").stdout, encoding="utf-8")
    ids = [run["id"] for run in plan("--preset", "article")["runs"]]
    assert ids == [run["id"] for run in plan(file)["runs"]]
    assert len(ids) == 20


def test_a_flag_overrides_a_preset():
    assert len(plan("--preset", "article", "--seeds", "3")["runs"]) == 6


def test_a_mistaken_preset_is_refused(tmp_path: Path):
    assert 'did you mean "article"?' in refusal("preset", "artcle", code=USAGE)
    assert 'unknown preset "x"' in refusal("plan", "--preset", "x", code=USAGE)
    file = tmp_path / "sweep.toml"
    file.write_text("lr = 0.1", encoding="utf-8")
    assert "both sweep files" in refusal("plan", "--preset", "article", file, code=USAGE)


def test_the_sweep_file_may_follow_a_flag(tmp_path: Path):
    file = tmp_path / "sweep.toml"
    file.write_text("seeds = 2", encoding="utf-8")
    assert len(plan("--lr", "0.1", file)["runs"]) == 4
