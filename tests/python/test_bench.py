"""`clipsweep bench --quick`: it measures everything and reports it."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("CLIPSWEEP", str(ROOT / "build/release/clipsweep"))


def test_it_measures_kernels_sweeps_and_memory():
    result = subprocess.run(
        [PROGRAM, "bench", "--quick", "--json"],
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    measured = json.loads(result.stdout)
    assert [shape["cell"] for shape in measured["shapes"]] == ["lstm", "gru", "lstm", "lstm", "rnn-tanh"]
    for shape in measured["shapes"]:
        rows = shape["measurements"]
        assert {row["what"].split()[0] for row in rows} >= {"fused", "reference"}
        assert all(row["run_steps_per_second"] > 0 for row in rows if "left_out_because" not in row)
    assert [cost["runs"] for cost in measured["cohort_costs"]["cohorts"]] == [64, 256, 1024]
    assert all(len(cost["repetitions"]) == 3 for cost in measured["cohort_costs"]["cohorts"])
    assert all(sweep["run_steps_per_second"] > 0 for sweep in measured["sweeps"])
    assert all(0 < sweep["overhead"] < 1 for sweep in measured["sweeps"])
    assert measured["whole_run_seconds"] > 0
    assert 0 < measured["whole_run_memory"] <= measured["large_sweep_memory"] * 2
