"""Folders of the program in which settings of training vary: plan, summary, tables and figures agree."""

from types import SimpleNamespace

import pytest
from clipsweep_export import program as export
from clipsweep_results import open_sweep
from test_figures import draw, sources
from test_program import sweep

pq = pytest.importorskip("pyarrow.parquet")

AXES = ("--task", "temporal-order,copy", "--length", "10,20", "--layers", "1,2", "--optimizer", "sgd,adam")
SHORT = ("--hidden", "4", "--batch-size", "4", "--epochs", "1", "--steps-per-epoch", "5", "--lr", "0.1")


@pytest.fixture(scope="module")
def swept(made_once):
    """Return a folder of 32 setups: 16 combinations of settings, two cells each."""

    def make(folder):
        grid = ("--cell", "lstm,rnn-tanh", "--clip", "none,global-norm:1", "--seeds", "1")
        sweep(*AXES, *SHORT, *grid, "--out", folder / "out")
        return folder / "out"

    return SimpleNamespace(folder=made_once("swept-setups", make))


def test_plan_and_summary_have_the_same_arms(swept):
    found = sources(swept)
    assert len(found.setups) == 32
    of_runs = {(arm.clip, arm.learning_rate) for arm in found.arms}
    assert of_runs == {(arm.clip, arm.learning_rate) for arm in found.summary.arms}
    assert len(found.comparisons) == 32
    for comparison in found.comparisons:
        assert comparison.arm.clip.setup == comparison.baseline.clip.setup
    assert found.results.plan.axes == found.summary.axes


def test_every_setup_has_its_own_level_of_chance(swept):
    chance = sources(swept).summary.chance
    by_task = {"temporal-order": set(), "copy": set()}
    for setup, level in chance.by_setup.items():
        by_task[setup.value_of("task")].add(level)
    assert len(chance.by_setup) == 32
    assert min(by_task["temporal-order"]) > 0.2 > max(by_task["copy"])  # one of 4 classes; whole sequences


def test_frames_name_the_settings_of_each_run(swept):
    found = open_sweep(swept.folder)
    runs = found.runs
    assert set(runs["state"]) == {"completed"}
    for run, row in runs.iterrows():
        assert f"length-{row['length']}_" in run
        assert ("layers-2" in run) == (row["layers"] == 2)
    counts = runs.groupby(["task", "length", "layers", "optimizer"]).size()
    assert len(counts) == 16 and set(counts) == {4}


def test_parquet_has_every_run(swept, tmp_path):
    out = tmp_path / "out"
    assert export.main([str(swept.folder), "--format", "parquet", "--out", str(out)]) == 0
    rows = pq.read_table(out / "steps.parquet").to_pylist()
    assert len(rows) == 64 * 5
    for row in rows:
        has_upper_lstm = row["layers"] == 2 and "rnn-tanh" not in row["run"]
        assert (row["tensors.lstm.weight_hh_l1"] is not None) == has_upper_lstm


def test_the_figure_against_the_length_has_every_setup(swept):
    pages, reason = draw(swept, "by_setting")
    assert not reason
    titles = [axes.get_title(loc="left") for page in pages for axes in page.figure.axes]
    assert "lstm, task temporal-order, layers 1, optimizer sgd" in " ".join(titles).replace("\n", " ")
    [page], _ = draw(swept, "test_accuracy")
    assert page.caption.endswith("Shown: 6 of 32 setups, spread evenly.")
