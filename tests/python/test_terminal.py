"""What a person sees: the real program in a terminal of 80 columns, and the same in a pipe."""

import fcntl
import json
import os
import pty
import re
import shlex
import struct
import subprocess
import termios
from pathlib import Path

import pytest
from small_data import with_little_data
from test_program import OK, PROGRAM, SHORT, STEPS, call, refusal, sweep

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
RED = "\x1b[31m"
ERASE = "\x1b[K"  # to the end of the line
# At 1e38 every run diverges in its first steps; at 0.01 clipping to 1e-6 stops all learning.
CLIPS = ("--clip", "none,value:1e-6,global-norm:1")
MIXED = with_little_data(*CLIPS, "--lr", "0.01,1e38", "--seeds", "6", *SHORT)


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    """Keep the speed that `plan` measures out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def in_terminal(*arguments: object, columns: int = 80, **environment: str) -> str:
    """Run the program in a terminal and return everything that it writes to it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 40, columns, 0, 0))
    usual = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [PROGRAM, *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**usual, "TERM": "xterm", **environment},
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not chunk:
            break
        written += chunk
    os.close(ours)
    assert process.wait(timeout=60) == OK, written
    return written.decode("utf-8").replace("\r\n", "\n")


def shown_lines(text: str) -> list[str]:
    """Return the lines as they stand, each state of the progress line as one of its own."""
    return COLOUR.sub("", text).replace(ERASE, "").replace("\r", "\n").splitlines()


def width(text: str) -> int:
    return max(map(len, shown_lines(text)))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory) -> tuple[Path, str]:
    """A sweep with better, worse and diverged arms, and what the terminal showed of it."""
    out = tmp_path_factory.mktemp("mixed") / "my sweep's"
    return out, in_terminal("sweep", *MIXED, "--out", out)


def after_training(text: str) -> list[str]:
    return COLOUR.sub("", text.rpartition(ERASE)[2]).splitlines()[1:]


def test_a_sweep_ends_with_counts_modes_answer_and_what_is_next(mixed):
    out, text = mixed
    lines = after_training(text)
    assert lines[0] == "36 runs: 18 completed, 18 diverged"
    assert len(lines) <= 40
    for line in ("Does clipping help?", "Where?", "What to use?"):
        assert line in lines
    assert any(line.startswith("Best arm of each mode") for line in lines)
    commands = [line.partition("clipsweep ")[2] for line in lines[-2:]]
    assert [shlex.split(command) for command in commands] == [["summarize", str(out)], ["report", str(out)]]


def test_nothing_is_wider_than_a_terminal_of_80_columns(mixed):
    out, text = mixed
    last_two = text.splitlines()[-2:]  # they are as long as the folder's name
    assert width(text.removesuffix("\n".join(last_two) + "\n")) <= 80
    for command in (("summarize",), ("show",), ("show", "--events")):
        assert width(in_terminal(*command[:1], out, *command[1:])) <= 80
    assert width(in_terminal("plan", *MIXED, "--verbose")) <= 80
    assert width(in_terminal("preset")) <= 80


def test_a_number_and_its_percent_sign_stay_on_one_line(mixed):
    out, _ = mixed
    text = call("summarize", out).stdout
    assert " %" in text
    assert not [line for line in text.splitlines() if line.lstrip().startswith("%")]


def test_tables_use_a_wider_terminal(tmp_path):
    long_names = ("--clip", "none,global-norm:0.00012345", "--lr", "0.0012345", "--weight-decay", "0,0.0012345")
    sweep("--cell", "rnn-tanh:gaussian:0.012345,gru", *long_names, "--seeds", "1", *SHORT, "--out", tmp_path / "out")
    narrow = in_terminal("summarize", tmp_path / "out")
    wide = in_terminal("summarize", tmp_path / "out", columns=160)
    assert width(narrow) <= 80 < width(wide) <= 160
    assert len(shown_lines(wide)) < len(shown_lines(narrow))


def test_colours_mark_what_went_wrong_and_what_is_better(mixed):
    out, text = mixed
    assert f"{RED}18 diverged" in text
    tables = in_terminal("summarize", out)
    assert f"{RED}worse" in tables
    assert COLOUR.sub("", tables) == call("summarize", out).stdout
    runs = in_terminal("show", out)
    assert runs.count(f"{RED}diverged") == 18
    assert COLOUR.sub("", runs) == call("show", out).stdout


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_no_colours_where_they_are_not_wanted(environment, mixed):
    out, _ = mixed
    assert "\x1b" not in in_terminal("summarize", out, **environment)


def test_a_pipe_gets_no_escape_codes(tmp_path):
    result = sweep(*MIXED, "--verbose", "--out", tmp_path / "out")
    assert "\x1b" not in result.stdout + result.stderr and "\r" not in result.stderr
    assert "36/36 runs, 18 diverged" in result.stderr


def test_the_progress_line_moves_within_a_run(tmp_path):
    one_run = ("--clip", "none", "--seeds", "1", "--hidden", "64", "--epochs", "1", "--steps-per-epoch", "400")
    text = in_terminal("sweep", *with_little_data(*one_run, "--workers", "1"), "--out", tmp_path / "out", columns=120)
    shown = [line for line in shown_lines(text) if "/1 runs" in line]
    inside = re.compile(
        r"^(\d+) %, \d+:\d\d left, 0/1 runs, 0 diverged, loss [\d.]+, accuracy \d+ %, [\d,.]+ run-steps/s$"
    )
    shares = [int(match[1]) for line in shown if (match := inside.match(line))]
    assert shares, shown
    assert shares == sorted(shares) and shares[-1] < 100
    assert re.match(r"^100 %, \d+:\d\d in all, 1/1 runs, 0 diverged, [\d,.]+ run-steps/s$", shown[-1])


def test_the_progress_line_leaves_out_what_does_not_fit(tmp_path):
    one_run = ("--clip", "none", "--seeds", "1", *SHORT)
    text = in_terminal("sweep", *with_little_data(*one_run), "--out", tmp_path / "out", columns=40)
    last = [line for line in shown_lines(text) if "/1 runs" in line][-1]
    assert last.startswith("100 %, ") and len(last) < 40


def test_quiet_prints_only_the_result(tmp_path):
    result = sweep(*MIXED, "--quiet", "--out", tmp_path / "out")
    assert result.stderr == ""
    assert result.stdout.startswith("36 runs: ")


# ---- plan ----------------------------------------------------------------------------------------


def warnings(*arguments: object) -> list[str]:
    """Return the warnings of a plan, which are the same as text and as JSON."""
    grid = with_little_data(*arguments, *SHORT)
    result = call("plan", *grid)
    assert result.returncode == OK, result.stderr
    lines = [line.removeprefix("clipsweep: warning: ") for line in result.stderr.splitlines()]
    assert json.loads(call("plan", *grid, "--json").stdout)["warnings"] == lines
    return lines


def test_a_good_plan_gets_no_warning():
    assert warnings("--clip", "none,global-norm:1") == []
    assert warnings("--clip", "none", "--noise-floor") == []


def test_plan_warns_of_what_leaves_a_sweep_without_an_answer(tmp_path):
    seeds = "{} too few for a verdict, which needs 6; give more with --seeds, such as --seeds 10"
    assert warnings("--seeds", "5") == [seeds.format("5 seeds are")]
    assert warnings("--seeds", "1") == [seeds.format("1 seed is")]
    (line,) = warnings("--clip", "value:0.5")
    assert line.startswith("no arm is without clipping")
    (line,) = warnings("--mode", "none")
    assert line.startswith("no arm clips")
    stderr = sweep("--seeds", "5", *SHORT, "--out", tmp_path / "out").stderr
    assert f"clipsweep: warning: {seeds.format('5 seeds are')}\n" in stderr


def test_plan_warns_of_thresholds_far_above_the_first_gradients():
    (line,) = warnings("--clip", "none,global-norm:1,global-norm:1e4,global-norm:inf,value:0.01,agc:100")
    found = re.fullmatch(
        r"global-norm:10000 may never act: the largest norm of a gradient in the first ([\d,]+) steps is [\d.]+",
        line,
    )
    assert 1 < int(found[1]) <= STEPS  # no more than a run has


def test_plan_shows_the_settings_that_were_given_and_all_on_request():
    def settings(*arguments: object) -> list[str]:
        table = call("plan", *with_little_data(*arguments, *SHORT)).stdout.partition("\n\n")[0]
        return [line.split()[0] for line in table.splitlines()[1:] if "shows them" not in line]

    assert settings("--seeds", "7") == ["epochs", "steps_per_epoch", "seeds", "data"]
    everything = settings("--seeds", "7", "-v")
    assert {"learning_rate", "hidden", "workers"} < set(everything)
    assert "All settings have their default" in call("plan").stdout


def test_plan_counts_what_is_complete_in_a_folder(tmp_path):
    grid = with_little_data("--clip", "none,value:0.1", *SHORT)
    out = tmp_path / "out"
    assert "0 complete in the folder, 20 to train" in call("plan", *grid, "--out", out).stdout
    assert not out.exists()
    sweep(*grid, "--seeds", "3", "--out", out)
    before = sorted(path.stat().st_mtime_ns for path in out.rglob("*"))
    assert "6 complete in the folder, 14 to train" in call("plan", *grid, "--out", out).stdout
    done = call("plan", *grid, "--seeds", "3", "--out", out).stdout
    assert "6 complete in the folder, 0 to train" in done and "time" not in done
    assert json.loads(call("plan", *grid, "--out", out, "--json").stdout)["complete"] == 6
    assert sorted(path.stat().st_mtime_ns for path in out.rglob("*")) == before


def test_plan_refuses_a_folder_that_sweep_would_refuse(tmp_path):
    out = tmp_path / "out"
    sweep("--seeds", "1", *SHORT, "--out", out)
    for changed in (("--hidden", "11"), ("--lr", "7")):
        grid = with_little_data(*changed, *SHORT)
        refused = refusal("plan", *grid, "--out", out, code=2)
        assert "this folder holds another sweep" in refused
        assert refusal("sweep", *grid, "--out", out, code=2) == refused
    (tmp_path / "file").write_text("")
    assert "this is a file" in refusal("plan", "--out", tmp_path / "file", code=2)


def test_ten_seeds_are_the_default_and_a_folder_of_one_continues(tmp_path):
    runs = json.loads(call("plan", *with_little_data(*SHORT, "--json")).stdout)["runs"]
    assert sorted({run["seed"] for run in runs}) == list(range(10))
    out = tmp_path / "out"
    sweep("--seeds", "1", *SHORT, "--max-runs", "1", "--out", out, expect=75)
    assert "Training 1 run of 40 steps" in sweep("--seeds", "1", *SHORT, "--out", out).stderr
    assert "; 2 already complete" in sweep(*SHORT, "--out", out).stderr


def test_trace_needs_no_run_where_only_seeds_differ():
    settings = with_little_data("--clip", "none", *SHORT, "--steps", "1")
    first = call("trace", *settings)
    assert json.loads(first.stdout)["settings"]["seed"] == 0
    assert first.stdout == call("trace", *settings, "--seeds", "1").stdout
    assert "name one with --run" in refusal("trace", *settings, "--seeds", "2", code=2)


# ---- JSON, and folders that cannot be written ----------------------------------------------------


def test_presets_as_json():
    presets = json.loads(call("preset", "--json").stdout)
    by_name = {preset["name"]: preset for preset in presets}
    article = json.loads(call("preset", "article", "--json").stdout)
    assert article == by_name["article"]
    assert article["settings"] == {"clip": ["none", "value:0.5"], "seeds": list(range(10))}
    assert article["text"] == call("preset", "article").stdout
    assert "did you mean" in refusal("preset", "artcle", "--json", code=2)


@pytest.fixture
def read_only(mixed, tmp_path):
    """The same sweep on a disk that cannot be written."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "--bind", str(mixed[0]), str(disk)]
    remount = ["mount", "-o", "remount,bind,ro", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no disk can be mounted here")
    subprocess.run(remount, check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_summarize_prints_what_it_cannot_write(read_only, mixed):
    result = call("summarize", read_only)
    assert result.returncode == OK
    assert result.stdout == call("summarize", mixed[0]).stdout
    assert result.stderr.startswith("clipsweep: warning: ") and result.stderr.count("\n") == 1
    assert result.stderr.endswith("; runs.csv and summary.json stay as they are\n")
