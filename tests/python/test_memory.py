"""Lack of memory ends in a message and a documented code: a short run of scripts/memory_test."""

import subprocess
import sys

from conftest import ROOT


def memory_test(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, ROOT / "scripts/memory_test", "--short", *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300, check=False)


def test_lack_of_memory_ends_in_a_message():
    result = memory_test()
    assert result.returncode == 0, result.stdout
    assert result.stdout.splitlines()[-1] == "60 passed, 0 failed"


def test_an_end_by_a_signal_is_found(tmp_path):
    """A program that ends by SIGSEGV where memory is limited or fails does not pass."""
    program = tmp_path / "clipsweep"
    real = ROOT / "build/release/clipsweep"
    program.write_text(
        "#!/bin/sh\n"
        '[ -n "$CLIPSWEEP_MEMORY_FAULT" ] && kill -SEGV $$\n'
        f'exec {real} "$@"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    result = memory_test("--program", program)
    assert result.returncode == 1
    assert "exit code -11" in result.stdout
