"""lib/README.md is the architecture: it lists every folder and file, in dependency order."""

import re
import shutil
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[2] / "lib"
SOURCES = sorted(
    path.relative_to(LIBRARY / "clipsweep") for path in (LIBRARY / "clipsweep").rglob("*.*")
)
MAX_FILES = 26  # of a folder
# The main programs of LibTorch's half, which alone may include its headers.
TORCH_FOLDER = "engine/reference"


def documented_folders(library):
    """Return the documented headers of each folder, as {"base": ["error.h", ...]}, in order."""
    folders = {}
    for line in (library / "README.md").read_text().splitlines():
        if heading := re.match(r"### `([\w/]+)/`", line):
            folders[heading[1]] = []
        elif row := re.match(r"\| `([\w-]+\.h)` \|", line):
            folders[list(folders)[-1]].append(row[1])
    return folders


def documented_headers(library):
    """Return the paths of all headers, such as "base/error.h", in the order of the list."""
    return [
        f"{folder}/{header}"
        for folder, headers in documented_folders(library).items()
        for header in headers
    ]


def included_headers(path):
    return re.findall(r'^#include "clipsweep/([^"]+)"', path.read_text(), flags=re.MULTILINE)


def unlisted_files(library):
    """Return what is in the folders or in the list, but not in both, or in the list twice."""
    listed = documented_headers(library)
    headers = {
        str(path.relative_to(library / "clipsweep")) for path in library.rglob("clipsweep/**/*.h")
    }
    twice = [header for header in listed if listed.count(header) > 1]
    return sorted(headers.symmetric_difference(listed)) + twice


def own_header(library, source):
    """Return the header of a source file: of its name, or the one in whose row the list names it."""
    header = str(source.with_suffix(".h"))
    if source.suffix == ".h" or (library / "clipsweep" / header).exists():
        return header
    folder = ""
    for line in (library / "README.md").read_text().splitlines():
        if heading := re.match(r"### `([\w/]+)/`", line):
            folder = heading[1]
        row = re.match(r"\| `([\w-]+\.h)` \|", line)
        if row and folder == folder_of(source) and f"`{source.name}`" in line:
            return f"{folder}/{row[1]}"
    return None


def upward_includes(library, source):
    """Return the headers that `source` includes though the list has them below it."""
    order = {header: place for place, header in enumerate(documented_headers(library))}
    own = own_header(library, source)
    place = order.get(own, len(order))
    included = included_headers(library / "clipsweep" / source)
    return [header for header in included if header != own and order[header] >= place]


def folder_of(path):
    return str(Path(path).parent)


def upward_folders(library, source):
    """Return the headers that `source` includes from folders below its own in the list."""
    order = {folder: place for place, folder in enumerate(documented_folders(library))}
    place = order[folder_of(source)]
    included = included_headers(library / "clipsweep" / source)
    return [header for header in included if order[folder_of(header)] > place]


def test_the_sources_are_found():
    assert len(SOURCES) > 150
    assert sum(len(included_headers(LIBRARY / "clipsweep" / source)) for source in SOURCES) > 400


def test_every_header_is_in_the_list_once():
    assert unlisted_files(LIBRARY) == []


def test_every_source_file_has_a_header_or_is_named_in_the_row_of_one():
    folders = documented_folders(LIBRARY)
    for source in SOURCES:
        assert folder_of(source) in folders, source
        assert own_header(LIBRARY, source), source


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_a_file_includes_only_what_is_listed_above_it(source):
    assert upward_includes(LIBRARY, source) == []


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_a_folder_includes_only_folders_listed_above_it(source):
    assert upward_folders(LIBRARY, source) == []


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_only_the_reference_engine_includes_libtorch(source):
    text = (LIBRARY / "clipsweep" / source).read_text()
    if re.search(r"#include <(torch|ATen|c10)/", text):
        assert folder_of(source) == TORCH_FOLDER
    if folder_of(source) != TORCH_FOLDER:
        assert f'"clipsweep/{TORCH_FOLDER}/' not in text


def test_the_library_has_folders_only_and_none_is_large():
    assert [path.name for path in (LIBRARY / "clipsweep").iterdir() if path.is_file()] == []
    for folder in documented_folders(LIBRARY):
        files = [path for path in (LIBRARY / "clipsweep" / folder).iterdir() if path.is_file()]
        assert 0 < len(files) <= MAX_FILES, folder


def test_the_tests_mirror_the_library():
    tests = LIBRARY.parent / "tests"
    others = {"app", "benchmarks", "faults", "fuzz", "golden", "python", "support"}
    folders = {str(path.relative_to(tests)) for path in tests.rglob("*") if path.is_dir()}
    mirrored = {folder for folder in folders if folder.split("/")[0] not in others}
    mirrored = {folder for folder in mirrored if "__pycache__" not in folder}
    assert mirrored <= set(documented_folders(LIBRARY))


# ---- The test of the test: what is planted in a copy is found --------------------------------------


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(LIBRARY, tmp_path / "lib")
    return tmp_path / "lib"


def plant_include(library, source, header):
    path = library / "clipsweep" / source
    path.write_text(f'#include "clipsweep/{header}"\n{path.read_text()}')


def test_an_upward_include_between_folders_is_found(copy):
    source, header = Path("base/error.h"), "training/sweep_runner.h"
    plant_include(copy, source, header)
    assert upward_folders(copy, source) == [header]
    assert upward_includes(copy, source) == [header]


def test_an_upward_include_within_a_folder_is_found(copy):
    source, header = Path("io/json.cpp"), "io/line_reader.h"
    plant_include(copy, source, header)
    assert upward_includes(copy, source) == [header]
    assert upward_folders(copy, source) == []


def test_a_file_that_the_list_lacks_is_found(copy):
    (copy / "clipsweep" / "base" / "planted.h").write_text("#pragma once\n")
    assert unlisted_files(copy) == ["base/planted.h"]


def test_a_source_without_a_header_that_the_list_lacks_is_found(copy):
    source = Path("base/planted.cpp")
    (copy / "clipsweep" / source).touch()
    assert own_header(copy, source) is None
    assert own_header(copy, Path("base/text.cpp")) == "base/text.h"


def test_an_upward_include_of_a_source_without_a_header_is_found(copy):
    source, header = Path("engine/fused/lstm_kernels.cpp"), "engine/fused/fused_engine.h"
    assert upward_includes(copy, source) == []
    plant_include(copy, source, header)
    assert upward_includes(copy, source) == [header]


def test_a_file_that_only_the_list_has_is_found(copy):
    (copy / "clipsweep" / "base" / "error.h").unlink()
    assert unlisted_files(copy) == ["base/error.h"]


def test_only_output_and_messages_print():
    """Both make text from files printable; bench prints only its own numbers."""
    for path in (LIBRARY.parent / "app").rglob("*.cpp"):
        if path.name in ("output.cpp", "messages.cpp") or path.parent.name == "bench":
            continue
        found = re.search(r"fmt::print|std::cout|std::cerr|\b(f?puts|f?printf|fwrite)\(", path.read_text())
        assert not found, f"{path}: {found[0]}"
