"""lib/README.md is the architecture: every file stands there, and includes only what stands above."""

import pathlib
import re

import pytest

LIBRARY = pathlib.Path(__file__).parents[2] / "lib"


def documented_headers():
    text = (LIBRARY / "README.md").read_text()
    return re.findall(r"^\| `([\w-]+\.h)` \|", text, flags=re.MULTILINE)


def included_headers(path):
    return re.findall(r'^#include "clipsweep/([\w-]+\.h)"', path.read_text(), flags=re.MULTILINE)


def test_every_file_of_the_library_is_in_the_list_once():
    files = {path.name for path in (LIBRARY / "clipsweep").glob("*.h")}
    documented = documented_headers()
    assert sorted(documented) == sorted(files)


@pytest.mark.parametrize("path", sorted((LIBRARY / "clipsweep").glob("*.*")), ids=lambda path: path.name)
def test_a_file_includes_only_what_stands_above_it(path):
    order = {name: place for place, name in enumerate(documented_headers())}
    own = path.with_suffix(".h").name
    for included in included_headers(path):
        assert included == own or order[included] < order[own], f"{path.name} includes {included}"


def test_the_half_without_libtorch_includes_none_of_it():
    torch_half = re.split(r"^## `clipsweep_torch`", (LIBRARY / "README.md").read_text(), flags=re.M)[1]
    needs_torch = set(re.findall(r"`(\w+)\.h`", torch_half))
    for path in (LIBRARY / "clipsweep").glob("*.*"):
        uses_torch = re.search(r"#include <(torch|ATen|c10)/", path.read_text())
        assert not uses_torch or path.stem in needs_torch, path.name
