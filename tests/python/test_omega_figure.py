"""The figure of the regularizer Omega over the steps."""

import numpy as np
import pytest
from conftest import cross
from test_figures import draw, overlaps
from test_update_ratio import lines

NONE, CLIPPED = ("none", None), ("global-norm", 1.0)


def logged(sweep, omega, clips=(NONE, CLIPPED), seeds=5):
    """Write a sweep whose logs have Omega: omega(run, step)."""
    folder = sweep(cross(clips, (0.1,), seeds), epochs=1, steps_per_epoch=20)
    folder.declare_columns(omega="optional float64")
    for run in folder.runs:
        folder.log_column(run, "omega", lambda step, run=run: omega(run, step))
    return folder


def test_each_panel_has_the_median_of_its_seeds_and_that_without_clipping(sweep):
    factor = {"none": 1.0, "global-norm": 0.1}
    folder = logged(sweep, lambda run, step: factor[run.mode] * (1 + run.seed) / step)
    [page], _ = draw(folder, "omega")
    # The median seed is 2, at step 20: 3 / 20 of the factor.
    assert page.title == "Ω ends at 0.015 with global-norm:1 at lr 0.1, at 0.15 with none at lr 0.1"
    medians = lines(page.figure, "median")
    assert medians["median_none_lr-0.1"] == pytest.approx(3 / np.arange(1, 21))
    assert medians["median_global-norm-1_lr-0.1"] == pytest.approx(0.3 / np.arange(1, 21))
    [baseline] = lines(page.figure, "baseline").values()
    assert baseline == pytest.approx(3 / np.arange(1, 21))
    assert page.figure.axes[0].get_yscale() == "log" and overlaps(page.figure) == []


def test_a_step_whose_omega_is_not_finite_is_a_gap(sweep):
    folder = logged(sweep, lambda run, step: "Infinity" if step == 7 else 0.5, [NONE], 1)
    [page], _ = draw(folder, "omega")
    [median] = lines(page.figure, "median").values()
    assert np.flatnonzero(np.isnan(median)).tolist() == [6] and median[0] == 0.5


def test_a_sweep_without_omega_has_no_such_figure(sweep):
    pages, reason = draw(sweep(cross([NONE, CLIPPED])), "omega")
    assert not pages and reason == "no run has the regularizer Omega (--omega)"
