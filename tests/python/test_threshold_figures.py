"""Figures about thresholds, success and differences: the numbers in them, on constructed data."""

import json

import numpy as np
import pytest
from clipsweep_plots.drawing.bands import mean_band, simultaneous_band
from clipsweep_plots.drawing.exceedance import exceedance, tail_index
from clipsweep_plots.drawing.panels import choose_arms, chosen_note
from clipsweep_plots.figures.difference_curves import paired_differences
from clipsweep_plots.figures.step_size_map import longest_step
from clipsweep_plots.figures.learning_curves import success_share
from clipsweep_plots.figures.threshold_picker import clipped_shares
from clipsweep_results.clips import Clip
from clipsweep_results.result_folder import Arm
from clipsweep_results.step_windows import NORM_BIN_EDGES
from conftest import CHANCE, FakeRun, cross, dump
from matplotlib.backends.backend_agg import FigureCanvasAgg
from test_figures import draw, ids, lone, sources, texts

NONE, VALUE, NORM = ("none", None), ("value", 0.5), ("global-norm", 1.0)
THRESHOLDS = [NONE, ("value", 0.1), ("value", 1.0), ("global-norm", 0.5), ("global-norm", 5.0)]
BIN = 10 ** (1 / 50)  # the width of a bin of norms, as a factor


def line(page, gid: str):
    """Return the one line of a figure that has this id."""
    [found] = [
        each for axes in page.figure.axes for each in axes.get_lines() if each.get_gid() == gid
    ]
    return found


def text_of(page, gid: str) -> str:
    [found] = [text.get_text() for text in texts(page.figure) if text.get_gid() == gid]
    return found


def count(values: np.ndarray) -> np.ndarray:
    return np.histogram(values, NORM_BIN_EDGES)[0]


# Norms and thresholds


def test_the_exceedance_is_the_share_of_norms_above_a_value():
    curve = exceedance(count(np.arange(1, 101)))
    assert curve.count == 100 and curve.largest >= 100
    for share in (0.5, 0.1, 0.01):
        assert curve.value_at(share) == pytest.approx(100 * (1 - share), rel=BIN - 1)
    assert exceedance(count(np.array([]))) is None


@pytest.mark.parametrize("index", [1.0, 3.0])
def test_the_tail_index_is_that_of_a_power_law(index):
    uniform = (np.arange(20_000) + 0.5) / 20_000
    assert tail_index(count(uniform ** (-1 / index))) == pytest.approx(index, rel=0.05)
    assert tail_index(count(np.array([1.0, 2.0]))) is None  # too few


def test_the_threshold_picker_has_the_thresholds_that_clip_a_share(sweep):
    folder = sweep(cross([NONE, VALUE], seeds=3))
    for run in folder.runs:
        folder.log_column(run, "grad_norm_raw", float)
        folder.log_column(run, "grad_max_abs", lambda step: step / 10)
        folder.log_column(run, "tensors", lambda step: {"lstm.bias": step / 2, "output.bias": 0.1})
    marks = {"global-norm": 1, "value": 0.1, "tensor-norm": 0.5}
    page = lone(folder, "threshold_picker")
    for mode, scale in marks.items():
        found = line(page, f"marks_{mode}_none_lr-0.01").get_xdata()
        expected = scale * 40 * (1 - np.array([0.5, 0.1, 0.01]))
        assert found == pytest.approx(expected, rel=BIN - 1)
    curve = line(page, "would-clip_global-norm_none_lr-0.01")
    assert curve.get_xdata().max() == pytest.approx(40, rel=BIN - 1)  # the largest norm
    assert curve.get_ydata().max() == 100


def test_a_title_names_no_thresholds_that_differ_by_orders_of_magnitude(sweep):
    folder = sweep(cross([NONE, VALUE], [0.01, 0.1]))
    for run in folder.runs:
        size = 1 if run.learning_rate == 0.01 else 1e6
        folder.log_column(run, "grad_norm_raw", lambda step, size=size: size * step)
    title = lone(folder, "threshold_picker").title
    assert title == "The threshold that clips one step in ten depends on the learning rate"


def test_thinned_logs_have_the_thresholds_of_the_summary(sweep):
    folder = sweep(cross([NONE], seeds=2), log_every=5)
    document = folder.summary_document()
    shares = {0.1: 1.0, 1: 0.5, 10: 0.1, 100: 0.0}
    keys = ("value", "global_norm", "tensor_norm")
    acted = [{"threshold": t, **dict.fromkeys(keys, share)} for t, share in shares.items()]
    document["what_if"] = [{"baseline": "none_lr-0.01", "steps": 80, "acted": acted}]
    dump(folder.folder / "summary.json", document)
    found = sources(folder)
    curve = clipped_shares(found, found.arms[0])["global-norm"]
    assert curve.value_at(0.5) == pytest.approx(1) and curve.value_at(0.1) == pytest.approx(10)
    assert "not every step was logged" in lone(folder, "threshold_picker").caption


def test_the_threshold_of_each_element_is_next_to_the_largest_element(sweep):
    folder = sweep(cross([NONE, VALUE], seeds=3))
    for run in folder.runs:
        folder.log_column(run, "grad_max_abs", lambda step: 0.25)
    page = lone(folder, "gradient_norm")
    assert set(line(page, "largest-element_value-0.5_lr-0.01").get_ydata()) == {0.25}
    assert "largest-element_none_lr-0.01" not in ids(page)


def test_accuracy_by_threshold_has_the_means_and_the_baseline(sweep):
    folder = sweep(cross(THRESHOLDS, [0.01, 0.1], seeds=5))
    page = lone(folder, "accuracy_by_threshold")
    found = sources(folder)
    for arm in found.arms:
        mean = 100 * np.mean(found.judged_accuracies(arm))
        name = arm.clip.pair.replace(":", "-")
        if arm.clip.is_baseline:
            drawn = line(page, f"baseline_none_lr-{arm.learning_rate:g}").get_ydata()[0]
            assert f"band_none_lr-{arm.learning_rate:g}" in ids(page)
        else:
            drawn = line(page, f"point_{name}_lr-{arm.learning_rate:g}").get_ydata()[0]
        assert drawn == pytest.approx(mean)


def test_the_title_compares_the_best_with_the_best(sweep):
    """And not with no clipping at a learning rate that only clipping can use."""
    runs = cross(THRESHOLDS, [0.01, 0.1], seeds=5)
    for run in runs:
        if run.mode == "none" and run.learning_rate == 0.1:
            run.__init__("none", None, 0.1, run.seed, diverges_at=3)
    folder = sweep(runs)
    found = sources(folder)
    plain = [arm for arm in found.arms if arm.clip.is_baseline]
    best = max(map(found.mean_accuracy, plain))
    assert best > min(map(found.mean_accuracy, plain)) + 0.1
    title = lone(folder, "accuracy_by_threshold").title
    assert title.endswith(f", at best {100 * best:.1f} % without clipping (lr 0.01)")


def test_on_a_narrow_sheet_a_key_is_nearer_to_its_panel_than_to_the_one_above(sweep):
    clips = [NONE, *((mode, 0.1 * 3**k) for mode in ("value", "global-norm") for k in range(4))]
    [page], _ = draw(sweep(cross(clips, [0.01, 0.1], seeds=1)), "accuracy_by_learning_rate", 3.3)
    figure = page.figure
    renderer = FigureCanvasAgg(figure).get_renderer()
    panels = [axes.get_window_extent(renderer) for axes in figure.axes]
    key = figure.legends[1].get_window_extent(renderer)
    above, own = panels[0].y0 - key.y1, key.y0 - panels[1].y1
    assert len(panels) == 2 and above > 0.1 * figure.dpi
    assert own > 0


def test_marks_are_filled_by_verdict_and_correction(sweep):
    folder = sweep(cross(THRESHOLDS, seeds=5))
    document = folder.summary_document()
    verdicts = [("better", 0.01), ("better", 0.2), ("worse", 0.04), ("no difference seen", 1.0)]
    for comparison, (verdict, p_adjusted) in zip(document["comparisons"], verdicts, strict=True):
        comparison |= {"verdict": verdict, "p_adjusted": p_adjusted}
        comparison["final_test_accuracy"]["verdict"] = verdict
    dump(folder.folder / "summary.json", document)
    for name, gid in (("accuracy_by_threshold", "point"), ("paired_difference", "difference")):
        page = lone(folder, name)
        names = [comparison["arm"] for comparison in document["comparisons"]]
        marks = [line(page, f"{gid}_{arm.replace('_lr', '_lr')}") for arm in names]
        assert [mark.get_fillstyle() for mark in marks] == ["full", "left", "full", "full"]
        assert marks[3].get_markerfacecolor() == "white" != marks[0].get_markerfacecolor()


def test_a_loss_over_a_large_factor_has_a_log_axis(sweep):
    folder = sweep(cross(THRESHOLDS, seeds=2))
    assert lone(folder, "loss_by_threshold").figure.axes[0].get_yscale() == "linear"
    for run in folder.runs:
        if run.mode == "value":
            path = folder.run_folder(run) / "run.json"
            document = json.loads(path.read_text())
            document["epochs"][-1]["train_loss"] = 400.0
            dump(path, document)
            folder.log_column(run, "loss", lambda step: 1.0 * step**2)
    assert lone(folder, "loss_by_threshold").figure.axes[0].get_yscale() == "log"
    assert lone(folder, "training_loss").figure.axes[0].get_yscale() == "log"


def test_without_several_thresholds_nothing_is_drawn_over_them(sweep):
    folder = sweep(cross([NONE, VALUE, NORM]))
    for name in ("accuracy_by_threshold", "loss_by_threshold", "step_size_map"):
        pages, reason = draw(folder, name)
        assert pages == [] and "several thresholds" in reason


# Maps


def test_the_difference_map_has_differences_marks_and_diverged_runs(sweep):
    runs = cross(THRESHOLDS, [0.01, 0.1], seeds=5)
    for run in runs:
        diverges = {"value": run.seed < 2, "none": True}.get(run.mode, False)
        if diverges and run.learning_rate == 0.1:
            run.__init__(run.mode, run.threshold, run.learning_rate, run.seed, diverges_at=3)
    folder = sweep(runs)
    document = folder.summary_document()
    for comparison in document["comparisons"]:
        is_better = comparison["arm"] == "value-1_lr-0.01"
        comparison |= {"verdict": "better" if is_better else "worse", "p_adjusted": 0.01}
        comparison["final_test_accuracy"] |= {
            "mean_difference": 0.0123 if is_better else -0.02,
            "verdict": comparison["verdict"],
        }
    document["comparisons"][0]["p_adjusted"] = 0.5
    first = document["comparisons"][0]["arm"]
    dump(folder.folder / "summary.json", document)
    page = lone(folder, "difference_map")
    assert text_of(page, "difference_value-1_lr-0.01") == "+1.2 ▲"
    assert text_of(page, f"difference_{first}") == "−2.0 ▽"
    assert text_of(page, "difference_global-norm-5_lr-0.1") == "−2.0 ▼"
    assert text_of(page, "diverged_value-1_lr-0.1") == "2/5"
    assert text_of(page, "diverged_global-norm-5_lr-0.1") == "0"
    assert text_of(page, "diverged_value_none_lr-0.1") == "5/5"
    assert "none at lr 0.1: – points, 5 of 5 diverged" in page.alt


def test_the_longest_step_is_the_learning_rate_times_the_threshold(sweep):
    folder = sweep(cross(THRESHOLDS, [0.01, 0.1]))
    page = lone(folder, "step_size_map")
    assert line(page, "by-step_value-0.1_lr-0.01").get_ydata() == [pytest.approx(0.001)]
    assert line(page, "by-threshold_value-0.1_lr-0.01").get_ydata() == [0.1]
    assert longest_step(Arm(Clip("value", 5.0), 0.2, ())) == pytest.approx(1.0)


# Success and differences over the steps


def test_success_rises_where_a_run_is_solved(sweep):
    folder = sweep(cross([NONE, VALUE], seeds=4))
    for run, step in zip(folder.runs, [20, 40, None, None, 20, 20, 20, 40], strict=True):
        path = folder.run_folder(run) / "run.json"
        solved = {} if step is None else {"solved_at_step": step}
        dump(path, json.loads(path.read_text()) | solved)
    none, value = sources(folder).arms
    for arm, percent in ((none, [0, 25, 50]), (value, [0, 75, 100])):
        curves = success_share(arm, 40)
        assert curves.x.tolist() == [0, 20, 40]
        assert curves.values.ravel().tolist() == percent
    page = lone(folder, "success")
    assert page.title.startswith("6 of 8 runs solve the task; most often value:0.5")
    assert list(line(page, "mean_none_lr-0.01").get_ydata()) == [0, 25, 50]


def test_a_task_that_no_run_solves_has_no_success_curve(sweep):
    assert "cannot be solved" in draw(sweep(cross([NONE, VALUE])), "success")[1]


def test_difference_curves_are_arm_minus_baseline_of_each_seed(sweep):
    runs = cross([NONE, VALUE], seeds=6)
    runs[0].__init__("none", None, 0.01, 0, diverges_at=25)  # in the second epoch
    folder = sweep(runs)
    found = sources(folder)
    none, value = found.arms
    differences = paired_differences(found, value, none)
    assert differences.shape == (2, 6)
    documents = [json.loads((folder.run_folder(run) / "run.json").read_text()) for run in runs]
    accuracies = [[e["test_accuracy"] for e in document["epochs"]] for document in documents]
    assert differences[:, 3] == pytest.approx(
        100 * (np.array(accuracies[9]) - np.array(accuracies[3]))
    )
    assert differences[1, 0] == pytest.approx(100 * (accuracies[6][1] - CHANCE))
    page = lone(folder, "difference_curves")
    drawn = line(page, "difference_value-0.5_lr-0.01").get_ydata()
    assert drawn == pytest.approx(differences.mean(axis=1))
    assert {"pointwise_value-0.5_lr-0.01", "simultaneous_value-0.5_lr-0.01"} <= ids(page)


def test_differences_without_verdicts_are_stated_with_what_is_missing(sweep):
    folder = sweep(cross([NONE, VALUE, NORM], seeds=3))
    document = folder.summary_document()
    for comparison, difference in zip(document["comparisons"], (-0.021, 0.034), strict=True):
        comparison |= {"verdict": None}
        comparison["final_test_accuracy"] |= {"mean_difference": difference, "verdict": None}
    dump(folder.folder / "summary.json", document)
    assert lone(folder, "difference_map").title == (
        "Clipping changes the final test accuracy by −2.1 to +3.4 points; too few seeds for verdicts"
    )
    title = lone(folder, "difference_curves").title
    found = sources(folder)
    last = [paired_differences(found, arm, found.arms[0])[-1].mean() for arm in found.arms[1:]]
    low, high = (f"{end:+.1f}".replace("-", "−") for end in (min(last), max(last)))
    assert title.endswith("points from no clipping; too few seeds for verdicts")
    assert (f"{low} to {high}" if low != high else low) in title


def test_the_simultaneous_band_contains_the_pointwise_one():
    values = np.random.default_rng(3).normal(size=(8, 10))
    low, high = simultaneous_band(values, min_seeds=6)
    inner_low, inner_high = mean_band(values, min_seeds=5)
    assert (low < inner_low).all() and (high > inner_high).all()
    assert low + high == pytest.approx(inner_low + inner_high)  # both around the mean
    assert np.isnan(simultaneous_band(values[:, :5], min_seeds=6)[0]).all()


def test_the_simultaneous_band_covers_all_points_at_once_in_19_of_20_cases():
    """Of 150 samples of 10 seeds and 8 independent points: the pointwise band covers 0.95^8, 66 %."""
    stream = np.random.default_rng(1)
    covered = np.zeros(2)
    for _ in range(150):
        values = stream.normal(size=(8, 10))
        for k, (low, high) in enumerate((simultaneous_band(values, 6), mean_band(values, 5))):
            covered[k] += ((low <= 0) & (high >= 0)).all()
    assert covered[0] >= 135 and covered[1] <= 120  # of 150: 90 and 80 %


# Arms that are left out, and those that are chosen


def test_identical_arms_are_left_out_and_named(sweep):
    folder = sweep(cross([NONE, VALUE, NORM], seeds=5))
    document = folder.summary_document()
    document["comparisons"][0]["verdict"] = "identical"
    document["comparisons"][0]["final_test_accuracy"]["verdict"] = "identical"
    dump(folder.folder / "summary.json", document)
    for name in ("paired_difference", "test_accuracy", "training_loss", "gradient_norm"):
        page = lone(folder, name)
        assert "value-0.5" not in " ".join(ids(page)), name
        assert "identical to the runs without clipping: value:0.5 at lr 0.01." in page.caption


def test_without_any_pair_there_is_no_figure_of_pairs(sweep):
    runs = [FakeRun(*clip, 0.01, seed, diverges_at=3) for clip in (NONE, VALUE) for seed in (0, 1)]
    pages, reason = draw(sweep(runs), "paired_loss")
    assert pages == [] and "no pair of runs" in reason


def test_bands_are_not_drawn_through_diverging_runs(sweep):
    runs = cross([NONE, VALUE], seeds=6)
    runs[2].__init__("none", None, 0.01, 2, diverges_at=30)
    page = lone(sweep(runs), "training_loss")
    assert "band_value-0.5_lr-0.01" in ids(page) and "band_none_lr-0.01" not in ids(page)
    assert "thin line for each seed instead of a band" in page.caption


def test_accuracies_are_within_0_and_100_and_cosines_within_1(sweep):
    folder = sweep(cross([NONE, VALUE], seeds=2), epochs=7)
    for run in folder.runs:
        path = folder.run_folder(run) / "run.json"
        document = json.loads(path.read_text())
        for epoch in document["epochs"]:
            epoch["test_accuracy"] = 1.0 if epoch["epoch"] > 1 else 0.0
        dump(path, document)
    assert lone(folder, "test_accuracy").figure.axes[0].get_ylim() == (0, 100)
    low, high = lone(folder, "cosine").figure.axes[0].get_ylim()
    assert -1 <= low and high == 1
    ticks = lone(folder, "clipped_share").figure.axes[0].get_xticks()
    assert all(tick == int(tick) for tick in ticks) and ticks[-1] <= 7


def test_the_best_thresholds_are_chosen_from_many_arms():
    clips = [Clip("none", None), *(Clip("value", 1.0 + k) for k in range(20))]
    arms = [Arm(clip, rate, ()) for clip in clips for rate in (0.1, 1.0)]
    chosen = choose_arms(arms, 8, lambda arm: arm.clip.threshold or 0)
    assert [(arm.clip.pair, arm.learning_rate) for arm in chosen] == [
        ("none", 0.1),
        ("none", 1.0),
        ("value:20", 0.1),
        ("value:20", 1.0),
    ]


def test_the_note_says_which_arms_are_shown():
    clips = [Clip("none", None), *(Clip(mode, 1.0 + k) for mode in ("value", "global-norm") for k in range(3))]
    arms = [Arm(clip, rate, ()) for clip in clips for rate in (0.1, 1.0, 3.0)]

    def note(max_arms: int) -> str:
        # Value is best at a rate of 1, global-norm at 3.
        best = {"value": 1.0, "global-norm": 3.0, "none": 3.0}
        score = lambda arm: float(arm.learning_rate == best[arm.clip.mode])  # noqa: E731
        return chosen_note(choose_arms(arms, max_arms, score), len(arms))

    assert note(21) == ""
    assert note(9) == "Shown: the best threshold of each mode at each learning rate, 9 of 21 arms."
    few = "Shown: the best arm of each mode, and no clipping at the same learning rates, 4 of 21 arms."
    assert note(6) == few
    one_rate = [arm for arm in arms if arm.learning_rate == 1]
    chosen = choose_arms(one_rate, 3, lambda arm: arm.clip.threshold or 0)
    assert chosen_note(chosen, 7) == "Shown: the best threshold of each mode, 3 of 7 arms."
