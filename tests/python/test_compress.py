"""`--compress`: the same logs after unpacking, for every reader; and folders in which it is half done."""

import gzip
import json
import os
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from clipsweep_crashes.sweeps import content
from clipsweep_export import program as export
from clipsweep_plots import program as plots
from clipsweep_results import DataError, open_sweep
from test_program import BAD_DATA, OK, STOPPED, call

SWEEP = (
    "--task adding --length 8 --hidden 2 --clip none,value:0.05 --seeds 3 --epochs 2 --steps-per-epoch 30 "
    "--through-time-every 10 --workers 1 --lr 0.1"
).split()
RUNS = 6


def sweep(out: Path, *arguments: str, expect: int = OK) -> subprocess.CompletedProcess:
    result = call("sweep", *SWEEP, *arguments, "--out", out)
    assert result.returncode == expect, result.stderr
    return result


def unpacked(path: Path) -> object:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else content(path)


def contents(folder: Path) -> dict[str, object]:
    """Return what is in each file, logs unpacked and under the name that they have unpacked."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "sweep.json"]
    found = {str(path.relative_to(folder)).removesuffix(".gz"): unpacked(path) for path in paths}
    assert len(found) == len(paths)
    return found


def logs(folder: Path, ending: str) -> list[Path]:
    return sorted(folder.glob(f"runs/*/*{ending}"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("plain") / "out"
    sweep(out)
    return out


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("packed") / "out"
    sweep(out, "--compress")
    return out


@pytest.fixture
def copy(packed, tmp_path) -> Path:
    return shutil.copytree(packed, tmp_path / "copy")


def test_the_logs_are_the_same_after_unpacking(plain, packed):
    assert len(logs(packed, ".jsonl.gz")) == 2 * RUNS and not logs(packed, ".jsonl")
    assert contents(packed) == contents(plain)
    assert json.loads((packed / "sweep.json").read_text())["settings"]["compress"] is True


def test_bytes_are_the_same_every_time_and_have_no_name_and_no_time(packed, tmp_path):
    sweep(tmp_path / "again", "--compress")
    for log in logs(packed, ".jsonl.gz"):
        assert log.read_bytes() == (tmp_path / "again" / log.relative_to(packed)).read_bytes()
        assert log.read_bytes()[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\x03"


def test_a_complete_folder_can_be_compressed_later(plain, packed, tmp_path):
    out = shutil.copytree(plain, tmp_path / "out")
    assert "Compressing the logs of 6 finished runs." in sweep(out, "--compress").stderr
    assert contents(out) == contents(packed) and not logs(out, ".jsonl")
    assert "Compressing" not in sweep(out, "--compress").stderr
    sweep(out)
    assert not logs(out, ".jsonl")


def test_a_folder_may_have_both_kinds(plain, tmp_path):
    out = tmp_path / "out"
    sweep(out, "--compress", "--max-runs", "2", expect=STOPPED)
    assert len(logs(out, ".jsonl.gz")) == 4
    sweep(out)
    assert len(logs(out, ".jsonl.gz")) == 4 and len(logs(out, ".jsonl")) == 8
    assert contents(out) == contents(plain)
    assert call("validate", out).returncode == OK


def test_a_kill_in_the_middle_is_completed(packed, copy):
    """Both logs of a run, a log that only a claim created, and a temporary file."""
    first, second, third, *_ = logs(packed, "steps.jsonl.gz")
    in_copy = [copy / log.relative_to(packed) for log in (first, second, third)]
    in_copy[0].with_suffix("").write_bytes(gzip.decompress(first.read_bytes()))
    in_copy[1].with_suffix("").write_bytes(b"")
    in_copy[2].with_suffix("").write_bytes(gzip.decompress(third.read_bytes()))
    in_copy[2].rename(in_copy[2].with_name("steps.jsonl.gz.123.tmp"))
    assert call("validate", copy).returncode == OK
    assert len(open_sweep(copy).steps()) == len(open_sweep(packed).steps())
    sweep(copy, "--compress")
    assert contents(copy) == contents(packed)


@pytest.mark.parametrize("options", [(), ("--compress",)])
def test_runs_that_are_retried_begin_anew(plain, copy, options):
    sweep(copy, "--retry", "all", *options)
    assert contents(copy) == contents(plain)
    assert len(logs(copy, ".jsonl.gz")) == (2 * RUNS if options else 0)


def test_a_run_without_run_json_is_trained_again(plain, copy):
    (log, *_) = logs(copy, "steps.jsonl.gz")
    (log.parent / "run.json").unlink()
    assert "1 unfinished" in call("show", copy).stdout
    sweep(copy)
    assert contents(copy) == contents(plain)


@pytest.mark.parametrize(
    "arguments", [["show"], ["show", "--events"], ["show", "--json"], ["summarize"], ["validate"]]
)
def test_commands_print_the_same(arguments, plain, packed):
    command, *options = arguments
    results = [call(command, folder, *options) for folder in (plain, packed)]
    results = [result.stdout.replace(str(folder), "") for result, folder in zip(results, (plain, packed))]
    if "--json" in options:
        results = [
            [{k: v for k, v in run.items() if not k.startswith("wall_")} for run in json.loads(result)]
            for result in results
        ]
    assert results[0] == results[1]


def test_data_frames_and_exports_are_the_same(plain, packed, tmp_path):
    for read in (lambda s: s.steps(), lambda s: s.events(), lambda s: s.runs.drop(columns="wall_seconds")):
        pd.testing.assert_frame_equal(read(open_sweep(packed)), read(open_sweep(plain)))
    for name, folder in (("plain", plain), ("packed", packed)):
        assert export.main([str(folder), "--format", "parquet", "--out", str(tmp_path / name)]) == OK
    steps = [pd.read_parquet(tmp_path / name / "steps.parquet") for name in ("plain", "packed")]
    pd.testing.assert_frame_equal(*steps)


def test_figures_are_the_same(plain, packed, tmp_path):
    figures = {}
    for name, folder in (("plain", plain), ("packed", packed)):
        out = shutil.copytree(folder, tmp_path / name / "out")
        for figure in ("gradient_norm", "gradient_through_time"):
            assert plots.main([str(out), "--figure", figure, "--format", "png"]) == OK
        figures[name] = [path.read_bytes() for path in sorted(out.glob("report/*.png"))]
    assert figures["plain"] == figures["packed"] and len(figures["plain"]) >= 2


def test_the_recipe_reads_both(copy, plain):
    (log, *others) = logs(copy, "steps.jsonl.gz")
    log.with_suffix("").write_bytes(gzip.decompress(log.read_bytes()))
    log.unlink()
    line = f"zcat -f {copy}/runs/*/steps.jsonl* | jq -s 'map(select(.clipped)) | length'"
    found = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
    assert int(found.stdout) == open_sweep(plain).steps().clipped.sum() > 0


# ---- Damage --------------------------------------------------------------------------------------


def damage(log: Path, how: str) -> None:
    whole = log.read_bytes()
    changed = {
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "more": whole + b"x",
        "text": gzip.decompress(whole),
        "bit": whole[:60] + bytes([whole[60] ^ 1]) + whole[61:],
    }
    log.write_bytes(changed[how])


@pytest.mark.parametrize("how", ["cut", "empty", "more", "text", "bit"])
def test_damage_is_named(how, copy):
    (log, *_) = logs(copy, "steps.jsonl.gz")
    damage(log, how)
    found = call("validate", copy)
    assert found.returncode == BAD_DATA
    assert found.stdout.startswith(f"{log.relative_to(copy)}")
    assert call("summarize", copy).returncode == OK  # which needs no log
    with pytest.raises(DataError, match=f"{log}"):
        open_sweep(copy).steps()


def test_a_bomb_needs_little_memory(copy):
    """A quarter of a megabyte that unpacks to 256 MiB: the program reads it in 150 MB of memory."""
    (log, *_) = logs(copy, "steps.jsonl.gz")
    header = gzip.decompress(log.read_bytes()).splitlines(keepends=True)[0]
    with gzip.open(log, "wb", compresslevel=6) as bomb:
        bomb.write(header)
        for _ in range(16):
            bomb.write(bytes(1 << 24))
    limited = ["sh", "-c", 'ulimit -v 150000; exec "$@"', "sh"]
    program = os.environ.get("CLIPSWEEP", call.__globals__["PROGRAM"])
    found = subprocess.run([*limited, program, "validate", copy], capture_output=True, text=True)
    assert found.returncode == BAD_DATA and "steps.jsonl.gz:2: a line is longer than 1 MiB" in found.stdout
    with pytest.raises(DataError, match=r"steps\.jsonl\.gz:2: a line is longer than 1 MiB"):
        open_sweep(copy).steps(log.parent.name)
