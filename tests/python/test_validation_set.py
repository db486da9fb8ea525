"""`--validation-share`: arms are chosen on a part of the training set and judged on the test set."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from clipsweep_plots.report.report_markdown import render_markdown
from clipsweep_results import open_sweep
from report_page import read, render
from test_own_images import sweep_json, u1, write
from test_own_sequences import example, own, save
from test_program import BAD_DATA, USAGE, assert_valid, call, refusal, sweep
from test_text import TEXT

GRID = ("--clip", "none,value:0.1,global-norm:0.3", "--seeds", "2", "--epochs", "2")
SHORT = (*GRID, "--steps-per-epoch", "20", "--batch-size", "8")


def records(out: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(out.glob("runs/*/run.json"))]


def summary_of(out: Path) -> dict:
    return json.loads((out / "summary.json").read_text())


def reports(out: Path) -> tuple[str, str]:
    """Return the texts of both reports, without figures."""
    folder = SimpleNamespace(folder=out)
    return render(folder).text, render_markdown(*read(folder), figures=[], drawing_command="scripts/plot.py sweep")


def expect_validation(out: Path, samples: int) -> None:
    """Check every file of a sweep with a validation set of this size."""
    assert_valid(out)
    described, summary = sweep_json(out)["data"], summary_of(out)
    assert described["validation_samples"] == summary["validation"]["samples"] == samples
    assert described["validation_chance_accuracy"] == summary["validation"]["chance_accuracy"]
    accuracies = {}
    for run in records(out):
        assert run["settings"]["validation_share"] is not None
        late = [epoch["validation_accuracy"] for epoch in run["epochs"]]
        assert all(epoch["validation_loss"] > 0 for epoch in run["epochs"])
        accuracies[run["id"]] = np.median(late)
    with (out / "runs.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            assert float(row["late_validation_accuracy"]) == pytest.approx(accuracies[row["id"]])
    for arm in summary["arms"]:
        of_arm = [accuracy for name, accuracy in accuracies.items() if name.startswith(arm["arm"] + "_")]
        assert arm["late_validation_accuracy"]["mean"] == pytest.approx(np.mean(of_arm))


def test_images_are_held_out_and_never_trained_on(tmp_path):
    data, out = write(tmp_path / "data", u1(range(10), count=200)), tmp_path / "out"
    settings = ("--data", data, "--validation-share", "0.25")
    result = sweep(*SHORT, *settings, "--out", out)
    assert "validation set of 50 samples" in result.stderr
    assert "chosen on the validation set (50 samples" in " ".join(result.stdout.split())
    expect_validation(out, 50)
    run = records(out)[0]
    shown = call("show", out, run["id"]).stdout
    assert "valid." in shown
    assert f"{100 * run['epochs'][0]['validation_accuracy']:.1f}" in shown
    trace = call("trace", *settings, "--clip", "none", "--batch-size", "50", "--steps", "30")
    assert trace.returncode == 0, trace.stderr
    drawn = {place for batch in json.loads(trace.stdout)["batches"] for place in batch}
    assert len(drawn) == 150 and max(drawn) > 150


def test_the_split_seed_draws_other_images(tmp_path):
    data = write(tmp_path / "data", u1(range(10), count=200))

    def drawn(*seed: str) -> set[int]:
        settings = ("--data", data, "--validation-share", "0.25", "--clip", "none", *seed)
        trace = call("trace", *settings, "--batch-size", "50", "--steps", "30")
        return {place for batch in json.loads(trace.stdout)["batches"] for place in batch}

    assert drawn() == drawn("--split-seed", "0") != drawn("--split-seed", "1")


# With a test set of its own, or with one that is drawn first.
@pytest.mark.parametrize("share", ["", "0.25"])
def test_sequences_are_held_out(share, tmp_path):
    arrays = example(x_test=None, y_test=None) if share else example()
    path, out = save(tmp_path / "a.npz", arrays), tmp_path / "out"
    test_share = ("--test-share", share) if share else ()
    sweep(*SHORT, *own(path, "--validation-share", "0.2", *test_share), "--out", out)
    expect_validation(out, 9 if share else 12)  # of 45, of 60
    assert sweep_json(out)["data"]["test_samples"] == (15 if share else 20)


def test_the_end_of_a_text_is_held_out(tmp_path):
    path, out = tmp_path / "text.txt", tmp_path / "out"
    path.write_text(TEXT)
    sweep(*SHORT, "--task", "text", "--data", path, "--length", "9", "--validation-share", "0.25", "--out", out)
    train = len(TEXT) - len(TEXT) // 10
    held_out = TEXT[train - round(train / 4) : train]
    windows = (len(held_out) - 1) // 72
    expect_validation(out, windows * 72)
    predicted = held_out[1 : 1 + windows * 72]
    most_frequent = max(map(predicted.count, set(predicted))) / len(predicted)
    assert summary_of(out)["validation"]["chance_accuracy"] == pytest.approx(most_frequent)


def test_the_loss_on_the_validation_set_is_the_one_on_a_test_set_of_the_same_samples(tmp_path):
    """Train on the rows that are left, with the held-out ones as test set: the same numbers."""
    arrays = example()
    path = save(tmp_path / "a.npz", arrays)
    options = (*SHORT[:2], "--seeds", "1", *SHORT[4:])
    sweep(*options, *own(path, "--validation-share", "0.2"), "--out", tmp_path / "held-out")
    settings = (*own(path, "--validation-share", "0.2"), "--clip", "none", "--batch-size", "48")
    trace = json.loads(call("trace", *settings, "--steps", "50").stdout)
    kept = sorted({row for batch in trace["batches"] for row in batch})
    assert len(kept) == 48
    left = np.setdiff1d(np.arange(60), kept)
    split = {
        "x_train": arrays["x_train"][kept],
        "y_train": arrays["y_train"][kept],
        "x_test": arrays["x_train"][left],
        "y_test": arrays["y_train"][left],
    }
    sweep(*options, *own(save(tmp_path / "b.npz", split)), "--out", tmp_path / "as-test-set")

    def losses(folder: str, set_: str) -> list:
        runs = records(tmp_path / folder)
        keys = ("train_loss", f"{set_}_loss", f"{set_}_accuracy")
        return [[epoch[key] for key in keys] for run in runs for epoch in run["epochs"]]

    assert losses("held-out", "validation") == losses("as-test-set", "test")


def test_without_it_ids_stay_and_both_reports_say_that_the_test_set_chooses_too(tmp_path):
    data, out = write(tmp_path / "data", u1(range(10))), tmp_path / "out"
    result = sweep(*SHORT, "--data", data, "--out", out)
    note = "The best arms are chosen and judged on the same test set"
    assert note in " ".join(result.stdout.split())
    assert not any("validation_accuracy" in epoch for run in records(out) for epoch in run["epochs"])
    assert "validation" not in summary_of(out)
    assert all(note in report for report in reports(out))
    plan = json.loads(call("plan", *SHORT, "--data", data, "--validation-share", "0.5", "--json").stdout)
    assert not {run["id"] for run in plan["runs"]} & {run["id"] for run in records(out)}


def test_with_it_both_reports_say_which_set_chooses(tmp_path):
    data, out = write(tmp_path / "data", u1(range(10))), tmp_path / "out"
    sweep(*SHORT, "--data", data, "--validation-share", "0.25", "--out", out)
    assert all("chosen on the validation set (30 samples" in report for report in reports(out))
    epochs = open_sweep(str(out)).epochs()
    assert epochs.validation_accuracy.between(0, 1).all()


def test_validate_misses_the_evaluations_of_a_validation_set(tmp_path):
    data, out = write(tmp_path / "data", u1(range(10))), tmp_path / "out"
    sweep(*SHORT, "--data", data, "--validation-share", "0.25", "--out", out)
    path = next(out.glob("runs/*/run.json"))
    run = json.loads(path.read_text())
    for key in ("validation_loss", "validation_accuracy"):
        del run["epochs"][1][key]
    path.write_text(json.dumps(run))
    result = call("validate", out)
    assert result.returncode == BAD_DATA
    assert "epoch 2 has no accuracy on a validation set" in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--task", "adding", "--validation-share", "0.2"), "generates its samples and has no training set"),
        (("--task", "markov", "--validation-share", "0.2"), "validation_share applies to images"),
        (("--validation-share", "0"), "a number above 0 and up to 1"),
        (("--validation-share", "x"), "--validation-share"),
        (("--split-seed", "1"), "is not split; add for example --validation-share 0.2"),
        (("--task", "adding", "--split-seed", "1"), "splits nothing"),
        (
            ("--task", "text", "--data", ".", "--validation-share", "0.1", "--split-seed", "1"),
            "the validation and the test part are the end of the text",
        ),
    ],
    ids=lambda text: str(text)[:50],
)
def test_settings_that_do_not_fit_are_refused(arguments, words, tmp_path):
    assert words in refusal("sweep", *arguments, "--out", tmp_path / "out", code=USAGE)


@pytest.mark.parametrize("share", ["1e-9", "1"])
def test_a_share_that_leaves_nothing_is_refused(share, tmp_path):
    images = ("--data", write(tmp_path / "data", u1(range(10))))
    sequences = own(save(tmp_path / "a.npz", example()))
    text = tmp_path / "text.txt"
    text.write_text(TEXT)
    for data in (images, sequences, ("--task", "text", "--data", text)):
        arguments = (*data, "--validation-share", share, "--out", tmp_path / "out")
        line = refusal("sweep", *arguments, code=BAD_DATA)
        assert "choose another --validation-share" in line and str(tmp_path) in line
    assert not (tmp_path / "out").exists()
