"""Generated tasks in the real program: learnt, logged, and rejected if settings do not fit."""

import csv
import json
from pathlib import Path

import pytest
from small_data import with_little_data
from test_program import USAGE, call, refusal

SHORT = ("--seeds", "2", "--epochs", "1", "--steps-per-epoch", "20", "--batch-size", "8")


def sweep(folder: Path, *arguments: str) -> list[dict]:
    """Train, check every log, and return what run.json says of each run."""
    result = call("sweep", *with_little_data(*arguments), "--out", folder)
    assert result.returncode == 0, result.stderr
    checked = call("validate", folder)
    assert checked.returncode == 0, checked.stdout
    paths = sorted(folder.glob("runs/*/run.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


@pytest.mark.parametrize("task", ["adding", "temporal-order", "temporal-order-3", "copy", "sine"])
def test_every_generated_task_trains_and_its_runs_are_paired(task, tmp_path):
    runs = sweep(tmp_path / "out", "--task", task, "--length", "10-14", *SHORT)
    assert len(runs) == 4
    for seed in (0, 1):
        hashes = {run["sha256"]["batch_order"] for run in runs if run["seed"] == seed}
        assert len(hashes) == 1
    assert len({run["sha256"]["batch_order"] for run in runs}) == 2


def test_a_run_says_when_it_solved_its_task(tmp_path):
    arguments = ("--task", "sine", "--length", "10", "--lr", "0.05", "--clip", "none")
    (run,) = sweep(tmp_path / "out", *arguments, "--seeds", "1", "--epochs", "3")
    first = next(epoch["epoch"] for epoch in run["epochs"] if epoch["test_accuracy"] > 0.99)
    assert run["solved_at_step"] == 500 * first
    summary = json.loads((tmp_path / "out/summary.json").read_text(encoding="utf-8"))
    assert summary["target_accuracy"] == 0.99
    assert summary["arms"][0]["reached_target"]["count"] == 1
    assert summary["arms"][0]["solved"] == 1


def test_the_comparison_counts_by_mode_the_runs_that_solved_the_task(tmp_path):
    arguments = ("--task", "sine", "--length", "10", "--lr", "1e-6,0.05", "--clip", "none,value:1e-9")
    sweep(tmp_path / "out", *arguments, "--seeds", "1", "--epochs", "3")
    table = call("summarize", tmp_path / "out").stdout.partition("Runs that solved the task")[2]
    rows = [line.split() for line in table.splitlines()[2:4]]
    assert rows == [["none", "1", "1"], ["value", "0", "2"]]


def test_an_untrained_network_has_the_error_of_the_tasks_baseline(tmp_path):
    arguments = ("--task", "adding", "--clip", "none", "--lr", "0.05", "--seeds", "1")
    (run,) = sweep(tmp_path / "out", *arguments, "--epochs", "1", "--hidden", "4")
    # The constant prediction 1 has a squared error of 1/6 on average (Hochreiter & Schmidhuber, 1997).
    assert run["epochs"][0]["test_loss"] == pytest.approx(1 / 6, abs=0.02)
    assert "solved_at_step" not in run


def test_a_trace_holds_the_samples_themselves():
    result = call(
        *("trace", "--task", "adding", "--length", "6", "--batch-size", "3", "--clip", "none"),
        *("--seeds", "1", "--steps", "2"),
    )
    assert result.returncode == 0, result.stderr
    for batch in json.loads(result.stdout)["batches"]:
        for inputs, target in zip(batch["inputs"], batch["targets"], strict=True):
            assert target == pytest.approx(sum(number * mark for number, mark in inputs), rel=1e-6)


def test_pixels_of_all_images_are_shuffled_in_the_same_way(tmp_path):
    arguments = ("trace", "--task", "fashion-mnist-pixels", "--clip", "none", "--hidden", "2")
    few = ("--batch-size", "2", "--steps", "1")
    plain = call(*arguments, *few)
    shuffled = call(*arguments, *few, "--permute-seed", "1")
    assert plain.returncode == shuffled.returncode == 0, shuffled.stderr
    plain, shuffled = json.loads(plain.stdout), json.loads(shuffled.stdout)
    assert plain["batches"] == shuffled["batches"]
    assert plain["steps"][0]["loss"] != shuffled["steps"][0]["loss"]


def test_cells_are_an_axis_and_each_is_compared_with_itself(tmp_path):
    cells = ("--cell", "lstm,rnn-relu:identity,gru", "--lr", "0.001")
    runs = sweep(tmp_path / "out", *cells, "--clip", "none,global-norm:0.1", *SHORT)
    assert len(runs) == 12
    plan = json.loads(call("plan", *cells, *SHORT, "--json").stdout)
    for run in runs:
        cell, init = run.get("cell", "lstm"), run.get("init", "keras")
        assert (run["settings"]["cell"], run["settings"]["init"]) == (cell, init)
        assert run["engine"] == plan["cells"][cell]["engine"]["name"]
    starts = {(run.get("cell"), run["seed"], run["sha256"]["initial_weights"]) for run in runs}
    assert len(starts) == 6  # one for each cell and seed, whatever the mode
    orders = {(run["seed"], run["sha256"]["batch_order"]) for run in runs}
    assert len(orders) == 2
    summary = json.loads((tmp_path / "out/summary.json").read_text(encoding="utf-8"))
    assert [(entry["arm"], entry["baseline"]) for entry in summary["comparisons"]] == [
        (prefix + "global-norm-0.1_lr-0.001", prefix + "none_lr-0.001")
        for prefix in ("", "rnn-relu-identity_", "gru_")
    ]
    cells = [line.split(": ")[0] for line in summary["answer"][0].split("\n")]
    assert cells == ["lstm", "rnn-relu:identity", "gru"]
    with (tmp_path / "out/runs.csv").open(encoding="utf-8") as file:
        rows = [(row["cell"], row["init"]) for row in csv.DictReader(file)]
    assert rows.count(("rnn-relu", "identity")) == 4


def test_every_initial_scheme_is_valid_in_all_files(tmp_path):
    inits = ("keras", "torch", "identity", "identity:0.001", "gaussian:0.01", "sparse")
    cells = ",".join(f"rnn-tanh:{init}" for init in inits)
    runs = sweep(tmp_path / "out", "--cell", cells, "--clip", "none", *SHORT)
    assert {run.get("init", "keras") for run in runs} == set(inits)
    assert len({run["sha256"]["initial_weights"] for run in runs}) == len(runs)


def test_a_run_does_not_depend_on_the_other_cells(tmp_path):
    runs = sweep(tmp_path / "alone", "--clip", "none", *SHORT)
    sweep(tmp_path / "others", "--clip", "none", *SHORT, "--cell", "rnn-tanh,gru,lstm")
    for run in runs:
        path = f"runs/{run['id']}/steps.jsonl"
        assert (tmp_path / "others" / path).read_bytes() == (tmp_path / "alone" / path).read_bytes()


def test_layers_and_forget_bias_reach_the_weights():
    arguments = ("trace", "--layers", "2", "--hidden", "3", "--forget-bias", "2.5", "--steps", "1")
    result = call(*arguments, "--clip", "none", "--batch-size", "2")
    assert result.returncode == 0, result.stderr
    initial = json.loads(result.stdout)["initial"]
    for bias in ("lstm.bias", "lstm.bias_l1"):
        assert initial[bias] == [0] * 3 + [2.5] * 3 + [0] * 6
    assert len(initial["lstm.weight_ih_l1"][0]) == 3


MISTAKES = [
    (("--cell", "lstm:identity"), "identity is for plain cells, rnn-relu and rnn-tanh"),
    (("--cell", "rnn-relu", "--forget-bias", "1"), "forget_bias applies to lstm"),
    (("--length", "20"), "--length: --task fashion-mnist has images of a fixed size"),
    (("--permute-seed", "1"), "permute_seed applies to fashion-mnist-pixels"),
    (("--target-scale", "10"), "target_scale applies to adding and sine"),
    (("--task", "copy", "--target-scale", "10"), "--task copy is a classification task"),
    (("--task", "adding", "--permute-seed", "1"), "--task adding has no pixels to shuffle"),
    (("--task", "adding", "--length", "3"), "needs sequences of at least 4 time steps"),
    (("--task", "adding", "--length", "50-20"), "a range such as 50-200"),
    (("--task", "adding", "--length", "0"), "a length such as 200"),
    (("--task", "adding", "--target-scale", "0"), "a finite number above 0"),
    (("--task", "adding", "--target-scale", "nan"), "a finite number above 0"),
    (("--task", "sine", "--data", "/tmp"), "generates its samples and reads no data"),
    (("--task", "sine", "--shuffle-buffer", "9"), "generates its samples and does not shuffle"),
    (("--task", "ading",), 'did you mean "adding"?'),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES, ids=lambda text: str(text)[:40])
def test_settings_that_do_not_fit_are_rejected_before_training(arguments, words, tmp_path):
    out = tmp_path / "out"
    assert words in refusal("sweep", *arguments, "--out", out, code=USAGE)
    assert not out.exists()
