"""The figures about probes: the numbers in them, on constructed data."""

import json

import numpy as np
import pytest
from clipsweep_plots.figures.probe_bias import mode_curves
from clipsweep_plots.figures.probe_noise import pooled_histogram, shown_steps
from clipsweep_results import open_sweep
from clipsweep_results.probes import parse_probes
from clipsweep_results.strict_json import MALFORMED
from conftest import cross, dump
from test_figures import draw, lone, overlaps

STEPS = (0, 20, 40)
CLIPS = [("none", None), ("value", 0.1), ("value", 0.5), ("global-norm", 1.0)]
RULES = [clip for clip in CLIPS if clip[0] != "none"]
STEMS = ("probe_predictions", "probe_noise", "probe_direction", "probe_length")


def estimate(value: float, key: str = "value") -> dict:
    return {key: value, "interval": [0.9 * value, 1.1 * value]}


def tail(value: float) -> dict:
    return {**estimate(value, "estimate"), "order_statistics": 10}


def rule(mode: str, threshold: float, criterion: float, prediction: str) -> dict:
    return {
        "mode": mode,
        "threshold": threshold,
        "clipped_share": 0.5,
        "mean_clipped_norm": min(threshold, 0.9),
        "cosine": 0.9 + 0.05 * threshold,
        "clipped_variance": 1.0,
        "descent_reduction": 0.8,
        "variance_reduction": 0.5,
        "comparison_criterion": estimate(criterion),
        "stability_criterion": estimate(1.6),
        "prediction": prediction,
    }


def probe(step: int) -> dict:
    return {
        "step": step,
        "batches": 100,
        "nonfinite": 0,
        "sketch_size": None,
        "gradients": {
            "mean_gradient_norm": 1.0,
            "expected_gradient_norm": 0.9,
            "norm_mean": 2.0,
            "norm_sd": 0.5,
            "noise_variance": 4.0,
            "effective_dimension": 5.0,
            "noise_histogram": {
                "bins_per_decade": 20,
                "first_bin": 2,
                "counts": [20, 50, 28, 0, 0, 2],
                "gaussian": [25.0, 50.0, 24.9, 0.1, 0.0, 0.0],
            },
            "noise_tail_index": tail(1.6),
            "norm_tail_index": tail(3.0),
            "skewness": {"mean_direction": 0.1, "random_directions": [0.0] * 8},
        },
        "rules": [rule(*RULES[0], 0.5, "hurts"), rule(*RULES[1], 1.5, "helps"), rule(*RULES[2], 1.05, "unclear")],
    }


CRITERIA = {("value", 0.1): (0.5, "hurts"), ("value", 0.5): (1.5, "helps"), ("global-norm", 1.0): (1.05, "unclear")}


def add_probes(folder):
    """Add probes to every run.json and to the arms of summary.json."""
    for run in folder.runs:
        path = folder.run_folder(run) / "run.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        dump(path, document | {"probes": [probe(step) for step in STEPS]})
    path = folder.folder / "summary.json"
    summary = json.loads(path.read_text(encoding="utf-8"))
    for arm in summary["arms"]:
        arm["probes"] = [arm_probe(arm, step) for step in STEPS]
    dump(path, summary)
    return folder


def arm_probe(arm: dict, step: int) -> dict:
    entry = {"step": step, "runs": 6, "noise_tail_index": tail(1.6), "norm_tail_index": None}
    found = CRITERIA.get((arm["mode"], arm["threshold"]))
    if found:
        entry["clipping"] = {
            "clipped_share": 0.5,
            "cosine": 0.95,
            "length_ratio": 0.7,
            "comparison_criterion": estimate(found[0]),
            "stability_criterion": None,
            "prediction": found[1],
        }
    return entry


@pytest.fixture
def probed(sweep):
    return add_probes(sweep(cross(CLIPS, [0.01, 0.1], seeds=6)))


@pytest.mark.parametrize("width", [None, 3.3, 6.8])
@pytest.mark.parametrize("stem", STEMS)
def test_every_figure_of_probes_is_drawn_without_overlaps(probed, stem, width):
    figures, reason = draw(probed, stem, width)
    assert figures, reason
    for page in figures:
        assert overlaps(page.figure) == []


@pytest.mark.parametrize("stem", STEMS)
def test_a_sweep_without_probes_has_no_such_figure(sweep, stem):
    figures, reason = draw(sweep(cross(CLIPS, seeds=2)), stem)
    assert figures == [] and "probe" in reason


def test_the_noise_figure_pools_the_seeds_and_says_how_many_arms_have_heavy_tails(probed):
    [page, *_], _ = draw(probed, "probe_noise")
    assert page.title.startswith("After step 40 the noise of 8 of 8 arms has infinite variance")
    histogram = pooled_histogram(list(parse_probes({"probes": [probe(0), probe(0)]})))
    assert histogram.counts.tolist() == [40, 100, 56, 0, 0, 4]
    assert histogram.edges[0] == pytest.approx(10**0.1)
    assert pooled_histogram([]) is None


def test_histograms_that_begin_at_different_bins_are_added_bin_by_bin():
    first, second = probe(0), probe(0)
    second["gradients"]["noise_histogram"]["first_bin"] = 4
    histogram = pooled_histogram(list(parse_probes({"probes": [first, second]})))
    assert histogram.counts.tolist() == [20, 50, 48, 50, 28, 2, 0, 2]
    assert np.all(np.diff(histogram.edges) > 0)


def test_the_bias_figures_have_a_curve_for_each_mode():
    probes = list(parse_probes({"probes": [probe(0), probe(0)]}))
    curves = mode_curves(probes, lambda _, rule: rule.cosine)
    assert list(curves) == ["global-norm", "value"]
    assert curves["global-norm"] == ([1.0], [pytest.approx(0.95)])
    assert curves["value"] == ([0.1, 0.5], [pytest.approx(0.905), pytest.approx(0.925)])


def test_the_predictions_are_counted_in_the_title(probed):
    page = lone(probed, "probe_predictions")
    assert "helps in 2 and hurts in 2 of 6 arms; verdicts confirm" in page.title


def test_a_few_of_many_steps_are_shown():
    assert shown_steps([0, 1]) == [0, 1]
    assert shown_steps([0, 10, 20, 30, 40]) == [0, 20, 40]


def test_probes_are_a_table_with_a_row_for_each_rule(probed):
    table = open_sweep(probed.folder).probes()
    assert len(table) == len(probed.runs) * len(STEPS) * len(RULES)
    rows = table[(table["step"] == 20) & (table["rule"] == "value:0.5")]
    assert set(rows["prediction"]) == {"helps"} and set(rows["comparison_criterion"]) == {1.5}
    assert set(rows["noise_tail_index"]) == {1.6}


def test_a_sweep_without_probes_has_an_empty_table(sweep):
    table = open_sweep(sweep(cross(CLIPS, seeds=1)).folder).probes()
    assert table.empty and "prediction" in table


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: entry.update(step=-1),
        lambda entry: entry["gradients"].pop("noise_variance"),
        lambda entry: entry["gradients"]["noise_histogram"]["counts"].pop(),
        lambda entry: entry["gradients"]["noise_histogram"].update(first_bin="2"),
        lambda entry: entry["rules"][0].update(prediction="perhaps"),
        lambda entry: entry["rules"][0]["comparison_criterion"].update(interval=[1]),
    ],
)
def test_a_damaged_probe_is_refused(damage):
    entry = probe(0)
    damage(entry)
    with pytest.raises(MALFORMED):
        parse_probes({"probes": [entry]})
