"""clipsweep merge: one result folder from several of the same sweep, with the bytes of one process's."""

import itertools
import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from clipsweep_crashes.faults import preloaded
from clipsweep_crashes.sweeps import check, compare
from conftest import ROOT

OK, USAGE, INVALID_DATA, STOPPED = 0, 2, 3, 75
PROGRAM = ROOT / "build/release/clipsweep"
LIBRARY = ROOT / "build/release/tests/libfault_injection.so"
SWEEP = (
    "--task sine --hidden 2 --batch-size 2 --length 3 --clip none,value:0.1 --epochs 2 "
    "--steps-per-epoch 20 --checkpoint-every 7 --through-time-every 10 --workers 1 --save-weights"
).split()


def call(*arguments, **options) -> subprocess.CompletedProcess:
    command = [PROGRAM, *map(str, arguments)]
    options = {"timeout": 60, "check": False} | options
    return subprocess.run(command, capture_output=True, encoding="utf-8", **options)


def sweep(out: Path, *arguments: str, expect: int = OK) -> Path:
    result = call("sweep", *SWEEP, *(arguments or ("--seeds", "6")), "-q", "--out", out)
    assert result.returncode == expect, result.stderr
    return out


def merge(*folders: Path, out: Path, expect: int = OK, **options) -> subprocess.CompletedProcess:
    result = call("merge", *folders, "--out", out, **options)
    assert result.returncode == expect, result.stderr
    return result


def bytes_of(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """One process's folder, `one`, and its three parts on private disks, `1` to `3`."""
    folder = tmp_path_factory.mktemp("made")
    sweep(folder / "one")
    for index in range(1, 4):
        sweep(folder / str(index), "--seeds", "6", "--shard", f"{index}/3")
    return folder


@pytest.fixture
def parts(made, tmp_path) -> list[Path]:
    return [shutil.copytree(made / str(index), tmp_path / str(index)) for index in range(1, 4)]


def test_parts_from_private_disks_make_the_sweep(made, parts, tmp_path):
    before = [bytes_of(part) for part in parts]
    out = tmp_path / "out"
    result = merge(*parts, out=out)
    compare(made / "one", out)
    check(PROGRAM, out)
    assert "Does clipping help?" in result.stdout
    assert result.stderr == (
        f"Took 4 runs from {parts[0]}.\nTook 4 runs from {parts[1]}.\nTook 4 runs from {parts[2]}.\n"
        f"{out} has 12 of 12 runs.\n"
        f"\nAll tables:           clipsweep summarize {out}\n"
        f"Figures and a report: clipsweep report {out}\n"
    )
    assert [bytes_of(part) for part in parts] == before


def test_compressed_logs_stay_compressed(made, parts, tmp_path):
    sweep(parts[0], "--seeds", "6", "--shard", "1/3", "--compress")
    out = tmp_path / "out"
    for _ in range(2):
        merge(*parts, out=out)
        check(PROGRAM, out)
    compressed = [path.parent.name for path in out.glob("runs/*/steps.jsonl.gz")]
    assert sorted(compressed) == sorted(path.name for path in parts[0].glob("runs/*"))
    assert not any((out / "runs" / run / "steps.jsonl").exists() for run in compressed)
    subprocess.run(["gunzip", *out.glob("runs/*/*.gz")], check=True)
    compare(made / "one", out)


def test_a_damaged_compressed_log_is_not_taken(parts, tmp_path):
    sweep(parts[0], "--seeds", "6", "--shard", "1/3", "--compress")
    log = min(parts[0].glob("runs/*/steps.jsonl.gz"))
    log.write_bytes(log.read_bytes()[:-9])
    result = merge(*parts, out=tmp_path / "out", expect=INVALID_DATA)
    assert f"{log}: the gzip stream is truncated; this copy of the run was not taken" in result.stderr
    assert not (tmp_path / "out/runs" / log.parent.name / "run.json").exists()


def test_the_order_of_the_folders_does_not_matter(parts, tmp_path):
    results = []
    for number, order in enumerate(itertools.permutations(parts)):
        merge(*order, out=tmp_path / f"out{number}")
        results.append(bytes_of(tmp_path / f"out{number}"))
    assert all(result == results[0] for result in results)


def test_merging_again_changes_nothing(parts, tmp_path):
    out = tmp_path / "out"
    merge(*parts, out=out)
    before = bytes_of(out)
    result = merge(*parts, *parts, out, out=out)
    assert "12 were there before" in result.stderr
    assert bytes_of(out) == before


def test_one_folder_after_the_other_makes_the_same(made, parts, tmp_path):
    out = tmp_path / "out"
    for part in parts:
        merge(part, out=out)
    compare(made / "one", out)


def test_a_source_may_be_the_target(made, parts):
    merge(*parts, out=parts[1])
    compare(made / "one", parts[1])


def test_sweeps_that_overlap_make_their_union(tmp_path):
    """Seeds 0-3 here, 2-5 there: the bytes of seeds 0-5 in one process."""
    first = sweep(tmp_path / "first", "--seeds", "0-3", "--lr", "0.1,0.01")
    second = sweep(tmp_path / "second", "--seeds", "2-5", "--lr", "0.1,0.01")
    one = sweep(tmp_path / "one", "--seeds", "6", "--lr", "0.1,0.01")
    merge(second, first, out=tmp_path / "out")
    compare(one, tmp_path / "out")


def test_the_merged_folder_continues(made, parts, tmp_path):
    out = tmp_path / "out"
    result = merge(parts[0], parts[2], out=out)
    assert f"{out} has 8 of 12 runs.\n" in result.stderr
    assert "clipsweep: 4 runs have not finished in any of the folders: " in result.stderr
    assert f" and 1 more; merge again when they have, or train them with clipsweep sweep ... --out {out}\n" in result.stderr
    sweep(out)
    compare(made / "one", out)


def test_an_unfinished_run_is_taken_when_it_has_finished(made, tmp_path):
    part = sweep(tmp_path / "part", "--seeds", "6", "--max-runs", "5", expect=STOPPED)
    out = tmp_path / "out"
    merge(part, out=out)
    sweep(part)
    merge(part, out=out)
    compare(made / "one", out)


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (("--hidden", "3"), "hidden is 2, not 3"),
        (("--log-every", "2"), "log_every is 1, not 2"),
        (("--length", "4"), 'length is "3", not "4"'),
    ],
)
def test_other_settings_are_refused(other, difference, made, tmp_path):
    arguments = [*SWEEP]
    if other[0] in arguments:
        arguments[arguments.index(other[0]) + 1] = other[1]
    else:
        arguments += other
    folder = tmp_path / "other"
    assert call("sweep", *arguments, "--seeds", "1", "-q", "--out", folder).returncode == OK
    result = merge(made / "1", folder, out=tmp_path / "out", expect=USAGE)
    assert result.stderr == (
        f"clipsweep: {made}/1 holds another sweep than {folder} (its {difference}); only folders of the same "
        "settings and data can be merged\n"
    )
    assert not (tmp_path / "out").exists()


def test_folders_without_a_sweep_are_refused(made, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("x", encoding="utf-8")
    for folders, out, message in [
        ([tmp_path / "none"], "out", "none: no such folder; name one that clipsweep sweep --out wrote"),
        ([tmp_path / "empty"], "out", "empty: no sweep.json in this folder"),
        ([made / "1"], "mine", "this folder holds something else (thesis.tex)"),
    ]:
        result = merge(*folders, out=tmp_path / out, expect=USAGE)
        assert message in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_what_is_missing_on_the_command_line_is_named(made):
    assert call("merge", made / "1").stderr == "clipsweep: merge: no output folder is named; add --out DIR\n"
    assert call("merge", "--out", "x").stderr == (
        "clipsweep: merge: no folder is named; write clipsweep merge DIR... --out DIR, where each DIR is "
        "the --out folder of a sweep\n"
    )


def change_run(folder: Path, change) -> Path:
    path = sorted(folder.glob("runs/*/run.json"))[0]
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_equal_runs_of_two_machines_are_one(made, tmp_path):
    """They differ in their times and in the instruction set."""

    def change(document: dict) -> None:
        document.update({"wall_seconds": 99, "simd": "SSE4"})
        del document["sha256"]["record"]

    copy = shutil.copytree(made / "one", tmp_path / "copy")
    change_run(copy, change)
    merge(made / "one", copy, out=tmp_path / "out")
    compare(made / "one", tmp_path / "out")


def test_different_results_of_one_run_are_reported(made, tmp_path):
    def change(document: dict) -> None:
        document["epochs"][0]["test_loss"] += 1
        del document["sha256"]["record"]

    copy = shutil.copytree(made / "one", tmp_path / "copy")
    changed = change_run(copy, change)
    before = bytes_of(copy)
    result = merge(made / "one", copy, out=tmp_path / "out", expect=INVALID_DATA)
    first = made / "one" / changed.relative_to(copy)
    assert f'{first} and {changed} are one run with different results ("epochs" differs); the first stays\n' in (
        result.stderr
    )
    compare(made / "one", tmp_path / "out")
    assert bytes_of(copy) == before


def test_a_damaged_run_is_not_taken(made, tmp_path):
    for number, damage in enumerate(["run.json", "steps.jsonl", "through_time.jsonl", "weights.npz"]):
        copy = shutil.copytree(made / "one", tmp_path / f"copy{number}")
        path = sorted(copy.glob(f"runs/*/{damage}"))[0]
        content = bytearray(path.read_bytes())
        place = len(content) // 2
        if damage == "run.json":  # where not every digit can be checked, such as those of a duration
            place = content.index(b'"steps": 40') + len(b'"steps": 4')
        content[place] ^= 1
        path.write_bytes(content)
        out = tmp_path / f"out{number}"
        result = merge(copy, out=out, expect=INVALID_DATA)
        assert str(path) in result.stderr and "this copy of the run was not taken" in result.stderr
        assert "has 11 of 12 runs" in result.stderr
        # Another copy of the run is taken; the damage is reported all the same.
        merge(copy, made / "one", out=out, expect=INVALID_DATA)
        compare(made / "one", out)


def test_links_are_not_followed(parts, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret", encoding="utf-8")
    log = sorted(parts[0].glob("runs/*/steps.jsonl"))[0]
    log.unlink()
    log.symlink_to(secret)
    result = merge(*parts, out=tmp_path / "out", expect=INVALID_DATA)
    assert "is a link" in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_hostile_call_changes_only_the_provenance(made, tmp_path):
    copy = shutil.copytree(made / "1", tmp_path / "copy")
    path = copy / "sweep.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["calls"][0]["wall_started"] = "9999-01-01T00:00:00Z"
    document["calls"][0] |= {"runs": [], "settings": {}, "schema": "x"}
    path.write_text(json.dumps(document), encoding="utf-8")
    merge(copy, made / "2", made / "3", out=tmp_path / "out")
    compare(made / "one", tmp_path / "out")


def test_killed_anywhere_the_same_command_completes(made, parts, tmp_path):
    """The process is killed before its N-th change of a file, for N at random."""
    count = tmp_path / "changes"
    merge(*parts, out=tmp_path / "whole", env=preloaded(LIBRARY, tmp_path / "whole", CHANGES=count))
    changes = len(count.read_text(encoding="utf-8").splitlines())
    assert changes > 100
    for cut in random.Random(1).sample(range(1, changes), 12):
        out = tmp_path / f"out{cut}"
        killed = call("merge", *parts, "--out", out, env=preloaded(LIBRARY, out, CUT=cut))
        assert killed.returncode < 0
        merge(*parts, out=out)
        compare(made / "one", out)


def test_a_run_in_training_is_left_alone(made, parts, tmp_path):
    """A process that trains in the target holds its runs."""
    import fcntl

    out = tmp_path / "out"
    merge(parts[0], out=out)
    run = sorted(parts[1].glob("runs/*/run.json"))[0].parent.name
    (out / "runs" / run).mkdir()
    with (out / "runs" / run / "steps.jsonl").open("w", encoding="utf-8") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        result = merge(*parts, out=out, expect=STOPPED)
        assert f"{out}/runs/{run}: another clipsweep is training this run" in result.stderr
    merge(*parts, out=out)
    compare(made / "one", out)


def test_a_folder_that_cannot_be_written(made, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "locked").mkdir(mode=0o500)
    result = merge(made / "1", out=tmp_path / "locked/out", expect=STOPPED)
    assert "cannot create this folder" in result.stderr


def test_cliffs_are_copied_and_added_to_runs_that_are_there(tmp_path):
    source = sweep(tmp_path / "source", "--seeds", "1")
    run = sorted((source / "runs").iterdir())[0].name
    merge(source, out=tmp_path / "out")
    assert call("cliff", source, run, "--step", "3", "--points", "3").returncode == OK
    for out in (tmp_path / "out", tmp_path / "new"):
        merge(source, out=out)
        copied = out / "runs" / run / "cliff_3.json"
        assert copied.read_bytes() == (source / "runs" / run / "cliff_3.json").read_bytes()
        assert call("validate", out).returncode == OK
