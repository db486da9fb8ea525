"""Sweeps of several setups: names, tables, exports, the choice of setups, and by_setting."""

import csv
import io
import itertools
import json

import numpy as np
import pytest
import scipy.stats
from clipsweep_export import program as export
from clipsweep_plots.drawing.bands import wilson_interval
from clipsweep_plots.drawing.findings import ACCURACY, verdict_title
from clipsweep_plots.drawing.setting_axis import Scale, needs_log, positions
from clipsweep_plots.drawing.sources import MAX_SETUPS
from clipsweep_plots.figures.figure_list import draw_figures
from clipsweep_plots.report.arm_files import arms_csv, arms_latex
from clipsweep_plots.report.provenance import describe_sweep
from clipsweep_plots.report.report_markdown import render_markdown
from clipsweep_results import DataError, open_sweep
from clipsweep_results.setups import Axis, axes_of_plan
from conftest import FakeRun, cross, dump
from report_page import read, render
from test_figures import draw, sources

pq = pytest.importorskip("pyarrow.parquet")

NONE, NORM = ("none", None), ("global-norm", 1.0)


def crossed(axes: dict[str, list], clips=(NONE, NORM), rates=(0.01,), seeds=2) -> list[FakeRun]:
    """Return the runs of each setup, in the order of the plan."""
    return [
        FakeRun(run.mode, run.threshold, run.learning_rate, run.seed, varied=dict(varied))
        for varied in (dict(zip(axes, values)) for values in itertools.product(*axes.values()))
        for run in cross(list(clips), rates, seeds)
    ]


def solving(solved: dict[tuple, int], seeds=5) -> list[FakeRun]:
    """Return runs. `solved`: how many of them solve the task, by mode, learning rate and length."""
    lengths = list(dict.fromkeys(length for _, _, length in solved))
    runs = crossed({"length": lengths}, rates=sorted({rate for _, rate, _ in solved}), seeds=seeds)
    for run in runs:
        place = run.mode, run.learning_rate, run.varied["length"]
        run.solved_at = 20 if run.seed < solved[place] else None
    return runs


def lines_of(figure, prefix="line_") -> dict[str, np.ndarray]:
    return {
        line.get_gid(): line.get_xydata()
        for axes in figure.axes
        for line in axes.get_lines()
        if (line.get_gid() or "").startswith(prefix)
    }


# Names


def test_an_arm_names_only_what_varies(sweep):
    found = sources(sweep(crossed({"length": ["20", "50"], "batch_size": [8, 20]})))
    assert found.arms[0].label == "none at lr 0.01, length 20, batch size 8"
    assert found.arms[-1].label == "global-norm:1 at lr 0.01, length 50, batch size 20"


def test_cells_and_settings_make_a_setup_together(sweep):
    runs = crossed({"length": ["20", "50"]})
    others = crossed({"length": ["20", "50"]})
    for run in others:
        run.cell = "gru"
    labels = [arm.label for arm in sources(sweep(runs + others)).arms]
    assert labels[0] == "lstm none at lr 0.01, length 20"
    assert labels[-1] == "gru global-norm:1 at lr 0.01, length 50"


def test_a_comparison_stays_within_its_setup(sweep):
    found = sources(sweep(crossed({"length": ["20", "50"], "hidden": [10, 50]})))
    assert len(found.comparisons) == 4
    for comparison in found.comparisons:
        assert comparison.arm.clip.setup == comparison.baseline.clip.setup


def test_settings_in_another_order_are_the_same_setup(sweep):
    folder = sweep(crossed({"optimizer": ["sgd", "adam"], "hidden": [10, 50]}))
    document = json.loads((folder.folder / "summary.json").read_text())
    document["axes"].reverse()
    dump(folder.folder / "summary.json", document)
    found = sources(folder)
    assert {arm.clip.setup for arm in found.arms} == {arm.clip.setup for arm in found.summary.arms}


@pytest.mark.parametrize(
    "values, expected",
    [
        (["20", "50"], (20, 50)),
        ([0.5, 1], (0.5, 1)),
        ([0, 0.9], (0, 0.9)),
        (["20", "50-100"], ("20", "50-100")),
        (["sgd", "adam"], ("sgd", "adam")),
        ([None, 1], (None, 1)),
        ([False, True], ("no", "yes")),
    ],
)
def test_values_are_numbers_if_all_of_a_setting_are(values, expected):
    [axis] = axes_of_plan({"x": values, "mode": ["none", "value"]}, [{"x": values[0]}], ["mode"])
    assert axis == Axis("x", expected)
    assert axis.read({"x": values[0]}) == expected[0]


def test_a_list_that_no_run_names_is_no_axis():
    settings = {"length": [None, "50"], "task": ["copying", "fashion-mnist"]}
    axes = axes_of_plan(settings, [{"task": "copying"}], [])
    assert [axis.setting for axis in axes] == ["task"]


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["runs"][1].pop("length"),
        lambda document: document["runs"][1].update(length="long"),
        lambda document: document["runs"][1].update(length=[20]),
        lambda document: document["settings"].update(length=[{}, "50"]),
    ],
)
def test_a_bad_value_of_a_setting_is_an_error_that_names_the_file(sweep, change):
    folder = sweep(crossed({"length": ["20", "50"]}))
    document = json.loads((folder.folder / "sweep.json").read_text())
    change(document)
    dump(folder.folder / "sweep.json", document)
    with pytest.raises(DataError, match="sweep.json"):
        open_sweep(folder.folder)


def test_the_description_names_every_setting_that_varies(sweep):
    plan = sources(sweep(crossed({"hidden": [10, 50], "length": ["20", "50", "100"]}))).results.plan
    assert describe_sweep(plan).startswith(
        "Each run trains an LSTM of 10 or 50 units on fashion-mnist with length 20, 50 or 100 for "
    )


def test_the_description_shortens_a_long_list(sweep):
    plan = sources(sweep(crossed({"length": [str(n) for n in range(10, 20)]}, seeds=1))).results.plan
    assert "with length 10 to 19 for" in describe_sweep(plan)
    assert "The sweep has 10 setups × 2 clipping settings ×" in describe_sweep(plan)


# Tables


def test_every_frame_has_a_column_for_each_setting_that_varies(sweep):
    made = open_sweep(sweep(crossed({"length": ["20", "50"], "optimizer": ["sgd", "adam"]})).folder)
    for table in (made.runs, made.steps(columns=["step"]), made.epochs()):
        assert sorted(set(table["length"])) == [20, 50]
        assert table["length"].dtype == np.int64
        assert set(table["optimizer"]) == {"sgd", "adam"}
    for run in made.plan.runs:
        assert made.runs.loc[run.id, "length"] == run.clip.setup.value_of("length")


def test_parquet_has_a_column_for_each_setting_that_varies(sweep, tmp_path):
    folder = sweep(crossed({"length": ["20", "50"], "momentum": [0, 0.9], "task": ["a", "b"]})).folder
    assert export.main([str(folder), "--format", "parquet", "--out", str(tmp_path / "out")]) == 0
    for name in ("steps", "epochs", "runs"):
        table = pq.read_table(tmp_path / "out" / f"{name}.parquet")
        rows = table.select(["run", "length", "momentum", "task"]).to_pylist()
        assert {(row["length"], row["momentum"], row["task"]) for row in rows} == set(
            itertools.product([20, 50], [0.0, 0.9], ["a", "b"])
        )
        assert all(row["run"].startswith(f"length-{row['length']}-") for row in rows)


def test_parquet_has_the_tensors_of_all_cells(sweep, tmp_path):
    runs = cross([NONE], seeds=2)
    folder = sweep(runs)
    log = folder.run_folder(folder.runs[1]) / "steps.jsonl"
    plan = json.loads((folder.folder / "sweep.json").read_text())
    plan["runs"][1]["cell"] = "gru"
    dump(folder.folder / "sweep.json", plan)
    log.write_text(log.read_text().replace('"lstm.', '"gru.'))
    out = tmp_path / "out"
    assert export.main([str(folder.folder), "--format", "parquet", "--out", str(out)]) == 0
    rows = pq.read_table(out / "steps.parquet").to_pylist()
    for row in rows:
        is_gru = row["run"] == folder.runs[1].id
        assert (row["tensors.lstm.bias"] is None) == is_gru
        assert (row["tensors.gru.bias"] is None) != is_gru
        assert row["tensors.output.bias"] > 0
    assert {row["run"] for row in rows} == {run.id for run in folder.runs}


def test_the_tables_of_arms_have_a_column_for_each_setting_that_varies(sweep):
    summary = sources(sweep(crossed({"length": ["20", "50"], "batch_size": [8, 20]}))).summary
    rows = list(csv.DictReader(io.StringIO(arms_csv(summary))))
    assert [(row["length"], row["batch_size"], row["clipping"]) for row in rows] == [
        (length, size, clip)
        for length in ("20", "50")
        for size in ("8", "20")
        for clip in ("none", "global-norm:1")
    ]
    latex = arms_latex(summary).splitlines()
    assert latex[1] == r"\begin{tabular}{rrlrrrrrl}"
    assert latex[3].startswith("Length & Batch size & Clipping & ")
    assert latex[5].startswith("20 & 8 & none & 0.01 & ")


def test_a_diverged_run_counts_as_chance_of_its_own_setup(sweep):
    runs = crossed({"task": ["a", "b"]}, seeds=1)
    for run in runs:
        run.__init__(run.mode, run.threshold, 0.01, 0, diverges_at=3, varied=run.varied)
    folder = sweep(runs)
    document = json.loads((folder.folder / "summary.json").read_text())
    document["setups"] = [
        {"task": task, "chance_accuracy": chance, "target_accuracy": 0.9}
        for task, chance in (("a", 0.25), ("b", 0.5))
    ]
    dump(folder.folder / "summary.json", document)
    frame = open_sweep(folder.folder).runs
    assert dict(zip(frame["task"], frame["late_test_accuracy"])) == {"a": 0.25, "b": 0.5}
    found = sources(folder)
    means = {arm.clip.setup.value_of("task"): found.mean_accuracy(arm) for arm in found.arms}
    assert means == {"a": 0.25, "b": 0.5}
    assert "Such a run counts as chance level, 25 to 50 %," in render(folder).text


# The choice of setups


def test_a_figure_shows_a_few_of_many_setups_and_says_so(sweep):
    folder = sweep(crossed({"length": [str(n) for n in range(20, 30)]}, seeds=5))
    [page], _ = draw(folder, "test_accuracy")
    titles = [axes.get_title(loc="left") for axes in page.figure.axes]
    assert titles == [f"length {n} at lr 0.01" for n in (20, 22, 24, 25, 27, 29)]
    assert page.caption.endswith("Shown: 6 of 10 setups, spread evenly.")
    drawn = " ".join(text.get_text() for text in page.figure.texts)
    assert "Shown: 6 of 10 setups" in " ".join(drawn.split())


def test_no_figure_of_many_setups_has_many_panels(sweep):
    clips = [NONE, *((mode, 0.1 * 3**k) for mode in ("value", "global-norm") for k in range(6))]
    axes = {"length": [str(n) for n in range(10)], "hidden": [10, 20]}
    found = sources(sweep(crossed(axes, clips, rates=(0.01, 0.1), seeds=1), steps_per_epoch=5))
    for name in ("test_accuracy", "gradient_norm", "threshold_picker", "accuracy_by_threshold"):
        pages, not_drawn = draw_figures(found, [name])
        assert not not_drawn
        assert sum(len(page.figure.axes) for page in pages) <= 30, name


def test_a_title_counts_all_setups(sweep):
    folder = sweep(crossed({"length": [str(n) for n in range(20, 30)]}, seeds=5))
    document = json.loads((folder.folder / "summary.json").read_text())
    verdicts = dict.fromkeys(range(10), "no difference seen") | {1: "better", 2: "better", 3: "worse"}
    for place, comparison in enumerate(document["comparisons"]):
        comparison["final_test_accuracy"]["verdict"] = comparison["verdict"] = verdicts[place]
    dump(folder.folder / "summary.json", document)
    found = sources(folder).of_few_setups()
    assert len(found.setups) == MAX_SETUPS
    assert verdict_title(found, ACCURACY) == (
        "In 2 of 10 setups some arm has a higher test accuracy than no clipping, in 1 a lower one"
    )


# Against a setting


def test_success_by_length_shows_each_share_with_its_interval(sweep):
    solved = {
        ("none", 0.01, "20"): 5, ("none", 0.01, "50"): 2, ("none", 0.01, "100"): 0,
        ("global-norm", 0.01, "20"): 5, ("global-norm", 0.01, "50"): 5, ("global-norm", 0.01, "100"): 4,
    }
    [page], _ = draw(sweep(solving(solved)), "by_setting")
    lines = lines_of(page.figure)
    assert set(lines) == {"line_length-20_none_lr-0.01", "line_length-20_global-norm-1_lr-0.01"}
    assert list(lines["line_length-20_none_lr-0.01"][:, 1]) == [100, 40, 0]
    assert list(lines["line_length-20_global-norm-1_lr-0.01"][:, 1]) == [100, 100, 80]
    intervals = {
        found.get_gid(): found.get_segments()
        for found in page.figure.axes[0].collections
        if (found.get_gid() or "").startswith("interval")
    }
    segments = intervals["interval_length-20_none_lr-0.01"]
    for solved_runs, ((_, low), (_, high)) in zip((5, 2, 0), segments, strict=True):
        exact = scipy.stats.binomtest(solved_runs, 5).proportion_ci(method="wilson")
        assert (low, high) == pytest.approx((100 * exact.low, 100 * exact.high), abs=1e-3)
    assert page.title == (
        "Length 100: global-norm:1 at lr 0.01 solves the task in 4 of 5 runs, the best arm without "
        "clipping in 0 of 5"
    )


@pytest.mark.parametrize("count, n", [(0, 5), (1, 5), (5, 5), (7, 30), (1, 1)])
def test_wilson_intervals_are_those_of_scipy(count, n):
    exact = scipy.stats.binomtest(count, n).proportion_ci(method="wilson")
    assert wilson_interval(count, n) == pytest.approx((exact.low, exact.high), abs=1e-6)


def test_a_title_does_not_claim_that_clipping_solves_more_where_it_does_not(sweep):
    solved = {(mode, 0.01, length): 5 for mode in ("none", "global-norm") for length in ("20", "50")}
    [page], _ = draw(sweep(solving(solved)), "by_setting")
    assert page.title == (
        "In none of 2 setups does an arm with clipping solve the task in more runs than the best arm "
        "without"
    )


def test_accuracy_is_drawn_where_no_run_solved_the_task(sweep):
    folder = sweep(crossed({"hidden": [10, 20, 40]}, seeds=6))
    [page], _ = draw(folder, "by_setting")
    found = sources(folder)
    [line] = [xy for gid, xy in lines_of(page.figure).items() if "none" in gid]
    baselines = [arm for arm in found.arms if arm.clip.is_baseline]
    assert list(line[:, 1]) == pytest.approx([100 * found.mean_accuracy(arm) for arm in baselines])
    segments = next(
        c.get_segments()
        for c in page.figure.axes[0].collections
        if (c.get_gid() or "") == "interval_hidden-10_none_lr-0.01"
    )
    for arm, segment in zip(baselines, segments, strict=True):
        values = 100 * np.array(found.judged_accuracies(arm))
        exact = scipy.stats.t.interval(0.95, len(values) - 1, values.mean(), scipy.stats.sem(values))
        assert [end[1] for end in segment] == pytest.approx(exact, rel=1e-3)


def test_a_panel_for_each_value_of_the_other_settings(sweep):
    folder = sweep(crossed({"length": ["20", "400"], "hidden": [10, 50], "optimizer": ["sgd", "adam"]}))
    pages, _ = draw(folder, "by_setting")
    titles = [[axes.get_title(loc="left") for axes in page.figure.axes] for page in pages]
    assert titles == [
        [f"hidden {h}, optimizer {o}" for h in (10, 50) for o in ("sgd", "adam")],
        [f"length {n}, optimizer {o}" for n in (20, 400) for o in ("sgd", "adam")],
    ]
    scales = [{axes.get_xscale() for axes in page.figure.axes} for page in pages]
    assert scales == [{"log"}, {"linear"}]


def test_no_interval_covers_that_of_another_arm(sweep):
    clips = [NONE, *((mode, 1.0) for mode in ("value", "global-norm", "tensor-norm"))]
    folder = sweep(crossed({"length": ["20", "50", "100"]}, clips, rates=(0.01, 0.1), seeds=5))
    [page], _ = draw(folder, "by_setting")
    places = sorted(x for line in lines_of(page.figure).values() for x, _ in line)
    assert len(places) == 24
    width = np.diff(page.figure.axes[0].get_xlim())[0]
    assert np.diff(places).min() > 0.005 * width


def test_many_arms_are_reduced_to_the_best_and_the_caption_says_so(sweep):
    clips = [NONE, *((mode, 0.1 * 3**k) for mode in ("value", "global-norm") for k in range(6))]
    folder = sweep(crossed({"length": ["20", "50"]}, clips, rates=(0.01, 0.1), seeds=1))
    [page], _ = draw(folder, "by_setting")
    assert len(lines_of(page.figure)) == 6
    assert "Shown: the best threshold of each mode at each learning rate, 6 of 26 arms." in page.caption


@pytest.mark.parametrize(
    "axes, reason",
    [({}, "no setting of training"), ({"optimizer": ["sgd", "adam"]}, "no setting of training")],
)
def test_by_setting_needs_a_setting_with_numbers(sweep, axes, reason):
    pages, why = draw(sweep(crossed(axes)), "by_setting")
    assert not pages and reason in why


@pytest.mark.parametrize(
    "values, expected, is_log",
    [
        ((20, 50), {20: 20.0, 50: 50.0}, False),
        ((20, 200), {20: 20.0, 200: 200.0}, False),
        ((20, 201), {20: 20.0, 201: 201.0}, True),
        ((0, 0.9), {0: 0.0, 0.9: 0.9}, False),
        (("20-50", "50-100"), {"20-50": 0.0, "50-100": 1.0}, False),
    ],
)
def test_places_on_the_axis_of_a_setting(values, expected, is_log):
    found = positions(Axis("length", values))
    assert found == expected
    assert needs_log(found.values()) == is_log


@pytest.mark.parametrize("values", [("sgd", "adam"), (None, 1.0), ("20", "50-100")])
def test_names_have_no_places_on_an_axis(values):
    assert positions(Axis("x", values)) is None


@pytest.mark.parametrize("is_log", [False, True])
def test_points_side_by_side_stay_nearer_to_their_own_value(is_log):
    scale = Scale([1, 2, 100], 8, is_log=is_log)
    to_axis = np.log10 if is_log else np.asarray
    at = {value: to_axis([scale.beside(value, k) for k in range(8)]) for value in (1, 2, 100)}
    assert at[1].max() < at[2].min() and at[2].max() < at[100].min()
    middle = to_axis([1.0, 2.0]).mean()
    assert at[1].max() < middle < at[2].min()


# The reports


def judged(sweep, verdicts: list[tuple[str | None, float | None]]):
    """Write a sweep of a setup for each verdict, with its adjusted p; None: no comparison."""
    lengths = [str(10 * (k + 1)) for k in range(len(verdicts))]
    folder = sweep(crossed({"length": lengths}, seeds=5))
    document = json.loads((folder.folder / "summary.json").read_text())
    for best, (verdict, p_adjusted) in zip(document["best"], verdicts, strict=True):
        best.update(verdict=verdict, p_adjusted=p_adjusted)
    dump(folder.folder / "summary.json", document)
    return folder


def test_the_answer_for_many_setups_is_a_table(sweep):
    verdicts = [("better", 0.01), ("better", 0.2), ("worse", 0.03), (None, None)]
    folder = judged(sweep, verdicts + 4 * [("no difference seen", 0.4)])
    page = render(folder)
    assert page.column("table-setups", "Length") == [str(10 * (k + 1)) for k in range(8)]
    assert page.column("table-setups", "Verdict")[:4] == [
        "better", "better not after correction", "worse", "no verdict",
    ]
    found = sources(folder)
    for row, best in zip(page.tables["table-setups"][1:], found.summary.best, strict=True):
        assert f"{100 * best.arm.measures['judged'].mean:.1f}" in row[-2]
        assert row[-1].endswith("none at lr 0.01")
    assert (
        "In 1 of 8 setups the best arm with clipping has a higher final test accuracy than the best "
        "one without, in 1 a lower one. In 4 no difference was seen, in 1 the difference does not "
        "remain after Holm's correction, in 1 there is no verdict."
    ) in page.text
    assert "Certainty" not in page.text


def test_a_headline_does_not_claim_what_no_setup_shows(sweep):
    page = render(judged(sweep, 7 * [("no difference seen", 0.4)]))
    assert (
        "In none of 7 setups does the best arm with clipping differ detectably from the best one "
        "without in final test accuracy."
    ) in page.text


def test_the_answer_for_a_few_setups_is_in_sentences(sweep):
    page = render(judged(sweep, 6 * [("better", 0.01)]))
    assert "table-setups" not in page.tables
    assert page.text.count("Certainty") == 6
    assert "Certainty: length 20" in page.text


def test_the_markdown_report_has_the_table_too(sweep):
    folder = judged(sweep, 7 * [("better", 0.01)])
    text = render_markdown(*read(folder), [], "scripts/plot.py sweep")
    assert "| Length | Verdict" in text
    assert sum(line.startswith(f"|     {n} |") for line in text.splitlines() for n in range(10, 80, 10)) == 7


def test_the_tables_of_many_arms_list_the_best_of_each_setup(sweep):
    clips = [NONE, *(("value", 0.1 * 2**k) for k in range(11))]
    folder = sweep(crossed({"length": [str(n) for n in range(20, 28)]}, clips, seeds=1))
    page, found = render(folder), sources(folder)
    listed = {arm.clip.label for best in found.summary.best for arm in (best.arm, best.baseline)}
    assert set(page.column("table-arms", "Clipping")) == listed and len(listed) == 16
    assert "arms.csv has the other 80." in page.text
    assert len(arms_csv(found.summary).splitlines()) == 97
