"""Recompute the statistics of summary.json from runs.csv with numpy and scipy."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from small_data import with_little_data
from test_program import call

ACCURACY, LOSS = "late_test_accuracy", "final_train_loss"


@pytest.fixture(scope="module")
def sweep(tmp_path_factory) -> Path:
    """A sweep of three arms and nine seeds in which some runs diverge."""
    folder = tmp_path_factory.mktemp("statistics") / "sweep"
    result = call(
        *("sweep", *with_little_data("--clip", "none,value:0.02,global-norm:0.3", "--lr", "0.5,1e38")),
        *("--seeds", "9", "--epochs", "2", "--steps-per-epoch", "80", "--out", folder),
    )
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def runs(sweep) -> pd.DataFrame:
    return pd.read_csv(sweep / "runs.csv")


@pytest.fixture(scope="module")
def summary(sweep) -> dict:
    return json.loads((sweep / "summary.json").read_text(encoding="utf-8"))


def values(runs: pd.DataFrame, arm: dict, metric: str) -> pd.Series:
    """Return an arm's values by seed."""
    unclipped = arm["threshold"] is None
    threshold = runs.threshold.isna() if unclipped else runs.threshold == arm["threshold"]
    rate = runs.learning_rate == arm["learning_rate"]
    return runs[(runs["mode"] == arm["mode"]) & threshold & rate].set_index("seed")[metric]


def pairs(runs: pd.DataFrame, summary: dict, metric: str):
    """Yield the entry of each comparison with the values of arm and baseline, by seed."""
    arms = {arm["arm"]: arm for arm in summary["arms"]}
    for comparison in summary["comparisons"]:
        sides = (values(runs, arms[comparison[side]], metric) for side in ("arm", "baseline"))
        yield comparison[metric], *sides


def bootstrap_t(differences: np.ndarray) -> tuple[float, float]:
    """Return the interval of results/statistics.md from 200,000 resamples of another stream."""
    n = differences.size
    resamples = differences[np.random.default_rng(1).integers(0, n, (200_000, n))]
    error = resamples.std(axis=1, ddof=1) / np.sqrt(n)
    t = (resamples.mean(axis=1) - differences.mean())[error > 0] / error[error > 0]
    student = stats.t.ppf(0.975, n - 1)
    sizes = np.abs(np.quantile(t, [0.975, 0.025]))
    down, up = np.clip(sizes, 0.95 * student, 2 * student) * differences.std(ddof=1) / np.sqrt(n)
    return differences.mean() - down, differences.mean() + up


def test_the_sweep_has_completed_and_diverged_runs(runs):
    assert set(runs.outcome) == {"completed", "diverged"}


@pytest.mark.parametrize("metric", [ACCURACY, LOSS])
def test_arms(runs, summary, metric):
    for arm in summary["arms"]:
        found = values(runs, arm, metric).dropna()
        assert arm[metric]["n"] == found.size
        if found.size > 1:
            assert arm[metric]["mean"] == pytest.approx(found.mean())
            assert arm[metric]["sd"] == pytest.approx(found.std(ddof=1))


def test_intervals_and_p_values_of_means(runs, summary):
    checked = 0
    for entry, arm, baseline in pairs(runs, summary, ACCURACY):
        differences = (arm - baseline).to_numpy()
        assert entry["mean_difference"] == pytest.approx(differences.mean())
        if differences.std() < 1e-9:
            continue
        error = differences.std(ddof=1) / np.sqrt(differences.size)
        # Limits from ten thousand resamples scatter by up to a tenth of a standard error.
        assert entry["interval"] == pytest.approx(bootstrap_t(differences), abs=0.2 * error)
        low, high = entry["interval"]
        level = summary["constants"]["significance_level"]
        assert (entry["p_value"] < level) == (low > 0 or high < 0)
        checked += 1
    assert checked >= 2


@pytest.mark.parametrize("metric", [ACCURACY, LOSS])
def test_ranks(runs, summary, metric):
    sign = 1 if metric == ACCURACY else -1
    for entry, arm, baseline in pairs(runs, summary, metric):
        # A missing loss ranks last; two missing losses are equal.
        worst = sign * -1e9
        gains = sign * (arm.fillna(worst) - baseline.fillna(worst)).to_numpy()
        ranks = entry["ranks"]
        assert (ranks["better"], ranks["worse"]) == ((gains > 0).sum(), (gains < 0).sum())
        if (gains != 0).any() and np.unique(np.abs(gains)).size == gains.size:
            expected = stats.wilcoxon(gains, method="exact").pvalue
            assert ranks["p_value"] == pytest.approx(expected)
        half_wins = ranks["better"] + ranks["equal"] / 2
        assert ranks["probability_of_improvement"] == pytest.approx(half_wins / gains.size)


def test_shares_have_wilsons_interval(summary):
    for arm in summary["arms"]:
        share = arm["divergence"]
        trials = len(arm["seeds"])
        expected = stats.binomtest(share["count"], trials).proportion_ci(method="wilson")
        assert share["interval"] == pytest.approx(list(expected), abs=1e-12)


def test_holms_correction(summary):
    known = [c for c in summary["comparisons"] if c["p_adjusted"] is not None]
    p_values = np.array([c[ACCURACY]["p_value"] for c in known])
    order = np.argsort(p_values, kind="stable")
    steps = (p_values.size - np.arange(p_values.size)) * p_values[order]
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(steps))
    assert [c["p_adjusted"] for c in known] == pytest.approx(adjusted)


def test_seeds_needed_give_a_power_of_80_percent(runs, summary):
    checked = 0
    for entry, arm, baseline in pairs(runs, summary, ACCURACY):
        seeds = entry["seeds_needed"]
        if seeds is None or seeds <= 6:
            continue
        effect = 0.01 / (arm - baseline).std(ddof=1)
        critical = stats.t.ppf(0.975, seeds - 1)
        power = 1 - stats.nct.cdf(critical, seeds - 1, effect * np.sqrt(seeds))
        assert power == pytest.approx(0.8, abs=0.02)
        checked += 1
    assert checked >= 1
