"""`--task text`, `markov` and `reber` in the real program: learnt, interrupted, refused."""

import json
import math
import signal
import subprocess
import time
from pathlib import Path

import pytest
from test_program import PROGRAM, USAGE, call, refusal
from test_tasks import sweep
from test_trace import replay  # noqa: F401
from test_trace import trace

INVALID_DATA = 3
SMALL = ("--hidden", "16", "--length", "12", "--batch-size", "10", "--seeds", "2")
TEXT = "It was the best of times, it was the worst of times. " * 40


def write(path: Path, text: str = TEXT) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def logs(folder: Path) -> dict[str, str]:
    """Return the lines of all step logs but their headers, which have times."""
    paths = sorted(folder.glob("runs/*/steps.jsonl"))
    return {path.parent.name: path.read_text().partition("\n")[2] for path in paths}


def test_a_text_is_learnt(tmp_path):
    data = write(tmp_path / "times.txt")
    arguments = ("--task", "text", "--data", data, *SMALL, "--lr", "2", "--epochs", "3")
    runs = sweep(tmp_path / "out", *arguments, "--steps-per-epoch", "150")
    for run in runs:
        last = run["epochs"][-1]
        assert last["test_loss"] < 0.5 * run["epochs"][0]["test_loss"]
        assert last["test_accuracy"] > 0.8
    document = json.loads((tmp_path / "out/sweep.json").read_text())
    test = TEXT[-(len(TEXT) // 10) :]
    windows = (len(test) - 1) // 96
    predicted = test[1 : 1 + windows * 96]
    most_frequent = max(map(predicted.count, set(predicted)))
    assert document["data"]["test_samples"] == len(predicted)
    assert document["data"]["chance_accuracy"] == pytest.approx(most_frequent / len(predicted))
    assert list(document["data"]["files"]) == ["times.txt"]
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert summary["chance_accuracy"] == document["data"]["chance_accuracy"]
    assert summary["test_samples"] == len(predicted)
    shares = [predicted.count(symbol) / len(predicted) for symbol in set(predicted)]
    entropy = -sum(share * math.log2(share) for share in shares)
    assert summary["chance_bits_per_character"] == pytest.approx(entropy)
    assert "least_bits_per_character" not in summary
    for arm in summary["arms"]:
        bits = arm["bits_per_character"]["mean"]
        assert bits == pytest.approx(arm["final_test_loss"]["mean"] / math.log(2))
        assert bits < 0.5 * entropy


# No network can be better than the entropy rate, but by the luck of 100,000 test symbols.
@pytest.mark.parametrize("task", ["reber", "markov"])
def test_a_generated_text_is_learnt_up_to_its_entropy_rate(task, tmp_path):
    arguments = ("--task", task, "--hidden", "32", "--seeds", "1", "--clip", "global-norm:1")
    options = ("--lr", "4", "--epochs", "2", "--steps-per-epoch", "1000")
    (run,) = sweep(tmp_path / "out", *arguments, *options)
    losses = [epoch["test_loss"] for epoch in run["epochs"]]
    rate = json.loads((tmp_path / "out/sweep.json").read_text())["data"]["entropy_rate"]
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert summary["least_bits_per_character"] == pytest.approx(rate / math.log(2))
    assert summary["chance_bits_per_character"] > summary["least_bits_per_character"]
    if task == "reber":
        assert rate == pytest.approx(7 / 12 * math.log(2))  # bits by symbols: symbol_source_test.cpp
    assert rate - 0.01 < losses[-1] < rate + 0.05
    assert losses[-1] < losses[0]


def test_an_interrupted_sweep_ends_with_the_same_bytes(tmp_path):
    arguments = [PROGRAM, "sweep", "--task", "markov", *SMALL, "--lr", "1", "--epochs", "4"]
    arguments += ["--steps-per-epoch", "2000", "--checkpoint-every", "50", "--quiet", "--out"]
    assert subprocess.run([*arguments, tmp_path / "whole"], check=False).returncode == 0
    part = [*arguments, tmp_path / "part"]
    with subprocess.Popen(part) as process:
        started = time.monotonic()
        while not list(tmp_path.glob("part/checkpoints/*.checkpoint")):
            assert process.poll() is None and time.monotonic() - started < 60
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    unfinished = call("sweep", *part[2:])
    assert unfinished.returncode == 0
    assert logs(tmp_path / "part") == logs(tmp_path / "whole")
    assert call("validate", tmp_path / "part").returncode == 0


def test_the_states_make_a_difference_and_workers_do_not(tmp_path):
    arguments = ("--task", "markov", *SMALL, "--lr", "1", "--epochs", "1", "--steps-per-epoch", "30")
    carried = logs_of = {}
    for workers in ("1", "2"):
        sweep(tmp_path / workers, *arguments, "--workers", workers)
        logs_of = logs(tmp_path / workers)
        assert carried in ({}, logs_of)
        carried = logs_of
    sweep(tmp_path / "zeros", *arguments, "--carry-state", "no")
    assert list(logs(tmp_path / "zeros").values())[0] != list(carried.values())[0]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn-tanh", "rnn-relu"])
@pytest.mark.parametrize("carry", ["yes", "no"])
def test_pytorch_replays_a_text(cell, carry, replay, tmp_path):  # noqa: F811
    data = write(tmp_path / "text.txt", TEXT[:700])  # so short that the streams start again
    settings = ("--task", "text", "--data", str(data), "--cell", cell, "--layers", "2", "--lr", "0.02")
    document = trace(*settings, *SMALL[:-2], "--carry-state", carry, "--clip", "global-norm:0.3")
    if carry == "yes":
        assert document["continues"][:5] == [False, True, True, True, True]
        assert document["continues"].count(False) > 1
    else:
        assert "continues" not in document
    code, printed = replay(document)
    assert code == 0, printed


def test_a_folder_is_its_texts_in_the_order_of_their_paths(tmp_path):
    for name, text in (("b.txt", TEXT[:500]), ("a/x.pod", TEXT[500:1500]), ("c.md", TEXT[1500:])):
        (tmp_path / "texts" / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / "texts" / name, text)
    write(tmp_path / "texts/other.c", "int main() {}")
    write(tmp_path / "one.txt", TEXT[500:1500] + TEXT[:500] + TEXT[1500:])
    short = (*SMALL, "--epochs", "1", "--steps-per-epoch", "5")
    sweep(tmp_path / "1", "--task", "text", "--data", tmp_path / "texts", *short)
    sweep(tmp_path / "2", "--task", "text", "--data", tmp_path / "one.txt", *short)
    assert logs(tmp_path / "1") == logs(tmp_path / "2")
    files = json.loads((tmp_path / "1/sweep.json").read_text())["data"]["files"]
    assert list(files) == ["a/x.pod", "b.txt", "c.md"]


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (None, (), "No such file"),
        (b"", (), "is empty; a text is needed"),
        (b"aaaaaaaaaaaaaaaaaaaa", (), "one symbol only"),
        (b"ab" * 200, ("--batch-size", "40", "--length", "9"), "take a longer text"),
        (b"ab\xff" * 400, ("--symbols", "utf8"), "byte 3 is not UTF-8"),
    ],
    ids=["missing", "empty", "one symbol", "too short", "not UTF-8"],
)
def test_a_text_that_cannot_be_learnt_is_refused(content, options, words, tmp_path):
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    result = call("sweep", "--task", "text", "--data", path, *options, "--out", tmp_path / "out")
    assert result.returncode == INVALID_DATA, result.stderr
    assert words in result.stderr and str(path) in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--task", "text"), "no text is named; add --data FILE"),
        (("--task", "markov", "--length", "5-9"), "is read in pieces of one length"),
        (("--task", "copy", "--carry-state", "yes"), "carry_state applies to text, markov and reber"),
        (("--task", "markov", "--symbols", "utf8"), "symbols applies to text"),
        (("--task", "text", "--data", ".", "--shuffle-buffer", "9"), "not shuffled"),
        (("--task", "markov", "--carry-state", "maybe"), "yes, no"),
    ],
)
def test_settings_that_do_not_fit_are_refused(arguments, words, tmp_path):
    assert words in refusal("sweep", *arguments, "--out", tmp_path / "out", code=USAGE)
