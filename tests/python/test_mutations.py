"""`validate` notices every change of a result folder: a short run of scripts/mutation_test."""

import subprocess
import sys

from conftest import ROOT


def test_validate_notices_every_change():
    command = [sys.executable, ROOT / "scripts/mutation_test", "--most", "8"]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    rates = result.stdout.split("all folders:\n")[1].splitlines()
    # fields and bits of six files; bits of weights.npz and of two compressed logs
    assert len(rates) == 15, rates
    assert all(rate.endswith(" 100 %") for rate in rates), rates
