"""The packages of scripts/: each __init__ lists its modules in dependency order, and that holds."""

import ast
import functools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

SCRIPTS = ROOT / "scripts"
# clipsweep_plots and clipsweep_export import clipsweep_results; there is no other import between them.
PACKAGES = [
    "clipsweep_results",
    "clipsweep_plots",
    "clipsweep_export",
    "clipsweep_peers",
    "clipsweep_crashes",
    "clipsweep_slurm",
    "clipsweep_cluster",
]
ALLOWED_PACKAGES = {
    "clipsweep_results": set(),
    "clipsweep_plots": {"clipsweep_results"},
    "clipsweep_export": {"clipsweep_results"},
    "clipsweep_peers": set(),
    "clipsweep_crashes": set(),
    "clipsweep_slurm": set(),
    "clipsweep_cluster": set(),
}
MAX_FILES_PER_FOLDER = 26


@functools.cache
def parsed(text: str) -> ast.Module:
    return ast.parse(text)


def folders(scripts: Path) -> list[Path]:
    """Return every folder of a package, subpackages included."""
    return [
        path.parent for package in PACKAGES for path in (scripts / package).rglob("__init__.py")
    ]


def documented(folder: Path) -> list[str]:
    """Return the modules and subpackages that the docstring of a package lists, in its order."""
    text = ast.get_docstring(parsed((folder / "__init__.py").read_text(encoding="utf-8")))
    listing = text[re.search(r"imports only \w+ that are listed before it", text).end() :]
    return re.findall(r"^    (\w+)  ", listing, flags=re.MULTILINE)


def members(folder: Path) -> list[str]:
    modules = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    packages = [path.parent.name for path in folder.glob("*/__init__.py")]
    return sorted(modules + packages)


def imported_modules(path: Path, scripts: Path) -> list[tuple[str, ...]]:
    """Return what a module imports of the packages, as absolute paths of names."""
    own = path.relative_to(scripts).with_suffix("").parts
    found = []
    for node in ast.walk(parsed(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = own[: -node.level] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            found += [(*base, alias.name) for alias in node.names]
    return [module for module in found if module[0] in PACKAGES]


def upward_imports(scripts: Path) -> list[str]:
    """Return every import of a module that is not listed before the importing one."""
    orders = {
        folder.relative_to(scripts).parts: {
            name: place for place, name in enumerate(documented(folder))
        }
        for folder in folders(scripts)
    }
    problems = []
    for package in PACKAGES:
        for path in sorted((scripts / package).rglob("*.py")):
            own = path.relative_to(scripts).with_suffix("").parts
            for module in imported_modules(path, scripts):
                if not is_allowed(own, module, orders):
                    problems.append(f"{'.'.join(own)} imports {'.'.join(module)}")
    return problems


def is_allowed(own: tuple[str, ...], module: tuple[str, ...], orders: dict) -> bool:
    """Compare the first names in which two paths differ by the order of their folder."""
    if module[0] != own[0]:
        return module[0] in ALLOWED_PACKAGES[own[0]]
    if own[-1] == "__init__":
        return True  # a package may name what it contains
    shared = 0
    while own[shared] == module[shared]:
        shared += 1
        if shared == min(len(own), len(module)):
            return False  # itself, or a package by its module
    order = orders[own[:shared]]
    if module[shared] not in order:
        return False
    return order[module[shared]] < order[own[shared]]


@pytest.mark.parametrize("folder", folders(SCRIPTS), ids=lambda path: path.name)
def test_every_module_is_listed_once(folder):
    assert sorted(documented(folder)) == members(folder)


def test_a_module_imports_only_modules_that_are_listed_before_it():
    assert upward_imports(SCRIPTS) == []


@pytest.mark.parametrize("folder", folders(SCRIPTS), ids=lambda path: path.name)
def test_no_folder_is_large(folder):
    assert len(list(folder.glob("*.*"))) <= MAX_FILES_PER_FOLDER


@pytest.mark.parametrize(
    "module, line",
    [
        ("clipsweep_results/strict_json.py", "from .plan import read_plan"),
        ("clipsweep_results/plan.py", "from clipsweep_plots.program import main"),
        ("clipsweep_plots/drawing/style.py", "from ..figures import paired"),
        ("clipsweep_plots/figures/events.py", "from ..report.phrases import plural"),
        ("clipsweep_plots/figures/gate_shares.py", "from .paired import MAX_REACHES"),
        ("clipsweep_plots/report/tables.py", "from . import phrases, report_html"),
        ("clipsweep_export/tables.py", "import clipsweep_plots.drawing.style"),
    ],
)
def test_an_upward_import_is_found(tmp_path, module, line):
    for package in PACKAGES:
        shutil.copytree(SCRIPTS / package, tmp_path / package)
    path = tmp_path / module
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    [problem] = upward_imports(tmp_path)
    assert problem.startswith(module.removesuffix(".py").replace("/", ".") + " imports ")


def test_an_unlisted_module_is_found(tmp_path):
    folder = tmp_path / "drawing"
    shutil.copytree(SCRIPTS / "clipsweep_plots" / "drawing", folder)
    (folder / "extra.py").write_text("")
    assert set(members(folder)) - set(documented(folder)) == {"extra"}


def third_party(package: str, without: str = "") -> set[str]:
    """Return the top-level names that a package, without one module, imports from elsewhere."""
    names = set()
    for path in (SCRIPTS / package).rglob("*.py"):
        if path.stem == without:
            continue
        for node in ast.walk(parsed(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module.partition(".")[0])
    return names - set(PACKAGES) - sys.stdlib_module_names


def packages_of_script(name: str) -> set[str]:
    """Return PACKAGES of a starter, the names for which it looks before it runs."""
    text = (SCRIPTS / name).read_text(encoding="utf-8")
    return set(ast.literal_eval(re.search(r"^PACKAGES = (\(.*\))$", text, re.MULTILINE)[1]))


@pytest.mark.parametrize(
    "script, package", [("plot.py", "clipsweep_plots"), ("export.py", "clipsweep_export")]
)
def test_a_script_looks_for_every_package_that_it_needs(script, package):
    read = third_party("clipsweep_results", without="sweep")  # open_sweep, which needs pandas
    assert packages_of_script(script) == third_party(package) | read


@pytest.mark.parametrize("package", ["clipsweep_plots.program", "clipsweep_export.program"])
def test_figures_and_exports_do_not_import_pandas(package):
    code = f"import sys, {package}; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS).returncode == 0


@pytest.mark.parametrize("package", ["clipsweep_slurm", "clipsweep_cluster", "clipsweep_crashes"])
def test_packages_without_requirements_need_only_the_standard_library(package):
    assert third_party(package) == set()
