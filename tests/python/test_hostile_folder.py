"""Nothing in a hostile folder reaches the terminal or a report as control characters.

Texts of files may contain escape sequences, marks that reverse the direction of reading, lone
surrogates, and the folder's name bytes that are not UTF-8.
"""

import json
import os
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

PROGRAM = os.environ.get("CLIPSWEEP", str(ROOT / "build/release/clipsweep"))
MARKS = "\n\x1b[31m\x07\x9b0m\x7f\r\u061c\u200f\u202e\u2028\u2066"
SURROGATE = "\ud800"
# Of characters that are not shown as they are: controls, format marks, surrogates, separators.
UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
SWEEP = (
    "sweep --task sine --cell rnn-tanh --hidden 2 --batch-size 2 --length 3 --clip none,value:0.5 "
    "--lr 0.01,1e38 --seeds 1 --epochs 1 --steps-per-epoch 6 --workers 1 -q --out"
).split()


def call(*command, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [os.fsencode(str(word)) for word in command],
        capture_output=True,
        timeout=120,
        check=False,
        **options,
    )


def assert_printable(output: bytes) -> None:
    text = output.decode("utf-8")  # raises where it is not UTF-8
    for place, character in enumerate(text):
        bad = character != "\n" and unicodedata.category(character) in UNPRINTABLE
        assert not bad, f"{character!a} in {text[max(0, place - 60) : place + 20]!a}"


def assert_harmless(*command, codes=(0, 1, 2, 3), **options) -> bytes:
    """Return stdout of a command; all that it prints is printable, and no traceback."""
    result = call(*command, **options)
    assert_printable(result.stdout)
    assert_printable(result.stderr)
    assert result.returncode in codes, result.stderr
    assert b"Traceback" not in result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def healthy(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("healthy") / "out"
    result = call(PROGRAM, *SWEEP, folder)
    assert result.returncode == 0, result.stderr
    return folder


def dump(path: Path, document: object) -> None:
    path.write_text(json.dumps(document), encoding="utf-8")


@pytest.fixture
def hostile(healthy, tmp_path) -> Path:
    """A folder that all commands can read, with hostile texts wherever any text is allowed."""
    folder = shutil.copytree(healthy, tmp_path / os.fsdecode(b"out \xff \x1b[31m \xe2\x80\xae"))
    evil = MARKS + SURROGATE
    for path in folder.glob("runs/*/run.json"):
        run = json.loads(path.read_bytes())
        run["settings"][f"key{MARKS}"] = f"value{MARKS}"
        run |= {"engine": f"fused{MARKS}", "simd": f"simd{MARKS}"}
        if run["outcome"] == "diverged":
            run["reason"] = f"because{MARKS}"
        dump(path, run)
    sweep = json.loads((folder / "sweep.json").read_bytes())
    sweep["command"] += [f"--evil{evil}"]
    sweep["software"][f"library{evil}"] = f"1{evil}"
    sweep["machine"]["cpu"] = f"cpu{evil}"
    sweep["settings"][f"key{evil}"] = f"value{evil}"
    sweep["origins"]["epochs"] = f"file{evil}"
    dump(folder / "sweep.json", sweep)
    summary = json.loads((folder / "summary.json").read_bytes())
    summary["answer"] = [sentence + evil for sentence in summary["answer"]]
    dump(folder / "summary.json", summary)
    return folder


def without_surrogates(folder: Path) -> Path:
    """Return the same folder with JSON that the program itself accepts."""
    for path in (folder / "sweep.json", folder / "summary.json"):
        path.write_text(path.read_text(encoding="utf-8").replace("\\ud800", ""), encoding="utf-8")
    return folder


def places(document: object, path: tuple = ()) -> Iterator[tuple]:
    """Yield the path of every text in a document."""
    if isinstance(document, str):
        yield path
    if isinstance(document, (dict, list)):
        items = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in items:
            yield from places(value, (*path, key))


def test_the_commands_that_look(hostile):
    folder = without_surrogates(hostile)
    for path in sorted(folder.glob("runs/*")):
        shown = assert_harmless(PROGRAM, "show", folder, path.name, codes=[0])
        assert b"key?" in shown and b"fused?" in shown
        assert_harmless(PROGRAM, "show", folder, path.name, "--events", codes=[0])
    for command in (["show"], ["show", "--events"], ["summarize"], ["validate"], ["validate", "--json"]):
        assert_harmless(PROGRAM, command[0], folder, *command[1:])
    assert_harmless(PROGRAM, *SWEEP, folder)
    assert_harmless(PROGRAM, "plan", *SWEEP[1:-2], "--out", folder)


def test_json_on_stdout_is_the_same_json(hostile):
    [run, *_] = sorted(without_surrogates(hostile).glob("runs/*"))
    printed = json.loads(assert_harmless(PROGRAM, "show", hostile, run.name, "--json", codes=[0]))
    assert printed["engine"] == f"fused{MARKS}"
    assert printed["settings"][f"key{MARKS}"] == f"value{MARKS}"


@pytest.mark.parametrize("name", ["sweep.json", "run.json"])
def test_each_text_of_a_file(name, healthy, tmp_path):
    folder = shutil.copytree(healthy, tmp_path / "out")
    file = folder / name if name == "sweep.json" else sorted(folder.glob("runs/*/run.json"))[0]
    original = file.read_bytes()
    for number, place in enumerate(places(json.loads(original))):
        document = json.loads(original)
        *way, last = place
        parent = document
        for key in way:
            parent = parent[key]
        parent[last] += MARKS
        dump(file, document)
        commands = (["show", folder], ["validate", folder], ["show", folder, file.parent.name])
        assert_harmless(PROGRAM, *commands[number % len(commands)])


def test_other_input(tmp_path):
    log = tmp_path / "log.csv"
    for content in (f'"step{MARKS}","norm{MARKS}"\n1,"{MARKS}"\n', f'step,"norm{MARKS}"\n1,2\n2,3\n'):
        log.write_text(content, encoding="utf-8")
        assert_harmless(PROGRAM, "advise", log)
        assert_harmless(PROGRAM, "advise", log, "--json")
    request = json.dumps({"mode": "value" + MARKS, "gradients": {"w" + MARKS: [1.0]}}).encode()
    assert_harmless(PROGRAM, "clip", "-", input=request, codes=[2, 3])
    request = json.dumps({"mode": "value", "threshold": 0.5, "gradients": {"w" + MARKS: [1.0]}})
    assert_harmless(PROGRAM, "clip", "-", input=request.encode())
    toml = tmp_path / f"{MARKS[:4]}.toml"
    toml.write_text('cell = "l\\u001b[31m\\u202e"\n', "utf-8")
    assert_harmless(PROGRAM, "plan", toml, codes=[2])
    toml.write_text('"k\\u001b\\u202e" = 1\n', "utf-8")
    assert_harmless(PROGRAM, "plan", toml, codes=[2])


def test_the_report_of_a_hostile_folder(hostile):
    command = [sys.executable, ROOT / "scripts/plot.py", hostile]
    result = call(*command)
    assert result.returncode == 0, result.stderr
    assert_printable(result.stderr)
    # A script that reads stdout gets the path as it is.
    assert result.stdout == os.fsencode(hostile / "report/report.html") + b"\n"
    for path in (hostile / "report").iterdir():
        if path.suffix in (".html", ".md", ".svg"):
            assert_printable(path.read_bytes())


@pytest.mark.parametrize("kind", ["parquet", "tensorboard"])
def test_the_export_of_a_hostile_folder(kind, hostile):
    result = call(sys.executable, ROOT / "scripts/export.py", hostile, "--format", kind)
    assert result.returncode == 0, result.stderr
    assert_printable(result.stderr)
    assert result.stdout == os.fsencode(hostile / kind) + b"\n"
