"""Links and pipes in a result folder: refused by plot.py and export.py alike, before any writing."""

import os

import pytest
from clipsweep_results.plan import read_plan
from clipsweep_results.strict_json import DataError
from conftest import cross


def replace_by_link(path, elsewhere):
    target = elsewhere / path.name
    if path.exists():
        path.rename(target)
    path.symlink_to(target)


@pytest.mark.parametrize(
    "name", ["sweep.json", "runs", "run.json", "steps.jsonl", "run folder", "report", "figure"]
)
def test_a_link_is_refused_with_advice(sweep, tmp_path_factory, name):
    folder = sweep(cross([("none", None)])).folder
    run_folder = sorted((folder / "runs").iterdir())[0]
    (folder / "report").mkdir(exist_ok=True)
    path = {
        "run.json": run_folder / "run.json",
        "steps.jsonl": run_folder / "steps.jsonl",
        "run folder": run_folder,
        "figure": folder / "report" / "report.html",
    }.get(name, folder / name)
    read_plan(folder)
    replace_by_link(path, tmp_path_factory.mktemp("elsewhere"))
    advice = "replace it by its target or remove it"
    with pytest.raises(DataError, match=f"{path.name}: is a link.*{advice}"):
        read_plan(folder)


def test_a_pipe_is_an_error(sweep):
    folder = sweep(cross([("none", None)])).folder
    run_folder = sorted((folder / "runs").iterdir())[0]
    os.mkfifo(run_folder / "more")
    with pytest.raises(DataError, match="more: is neither a file nor a folder"):
        read_plan(folder)


def test_the_folder_itself_may_be_a_link(sweep, tmp_path_factory):
    folder = sweep(cross([("none", None)])).folder
    link = tmp_path_factory.mktemp("elsewhere") / "link"
    link.symlink_to(folder)
    assert read_plan(link).runs
