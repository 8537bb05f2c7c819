"""What is installed under which name, what an import costs, and the rules that a file obeys."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

import pyNN_ship
import ship_engine

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("pyNN_ship", "ship_engine")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 60


def installed() -> metadata.Distribution:
    """Return what pip installed; a build may leave metadata in the checkout, without a record."""
    candidates = metadata.distributions(name="pynn-ship")
    return next(found for found in candidates if found.read_text("RECORD"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def python(code: str) -> str:
    """Run `code` in a fresh interpreter and return what it prints."""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def imported_modules(path: Path) -> Iterator[str]:
    """Yield the absolute names that a file imports anywhere, be it inside a function."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def lines_without_docstring(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.body[0]
    length = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is not None:
        length -= (first.end_lineno or 0) - first.lineno + 1
    return length


class TestVersion:
    """One version, stated in ``ship_engine/_version.py``."""

    def test_both_packages_have_the_installed_version(self) -> None:
        assert pyNN_ship.__version__ == ship_engine.__version__ == installed().version

    def test_citation(self) -> None:
        stated = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.M)
        assert stated
        assert stated[1] == ship_engine.__version__

    def test_newest_entry_of_the_changelog(self) -> None:
        stated = re.search(r"^## \[(\d.*?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
        assert stated
        assert stated[1] == ship_engine.__version__


class TestShim:
    """``pyNN.ship`` is a module inside PyNN that belongs to pynn-ship."""

    @pytest.fixture
    def sim(self) -> ModuleType:
        return importlib.import_module("pyNN.ship")

    def test_has_the_names_of_the_backend(self, sim: ModuleType) -> None:
        public = [name for name in dir(pyNN_ship) if not name.startswith("_")]
        assert "get_current_time" in public
        assert all(getattr(sim, name) is getattr(pyNN_ship, name) for name in public)
        assert set(public) <= set(dir(sim))

    def test_is_named_as_pynn_names_a_simulator(self, sim: ModuleType) -> None:
        assert sim.__name__ == "pyNN.ship"

    def test_follows_what_is_set_later(
        self, sim: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pyNN_ship, "set_later", 1, raising=False)
        assert sim.set_later == 1

    def test_an_unknown_name_is_an_attribute_error(self, sim: ModuleType) -> None:
        with pytest.raises(AttributeError, match="no_such_name"):
            _ = sim.no_such_name

    def test_there_is_one_simulator_module(self, sim: ModuleType) -> None:
        assert sim.simulator is sys.modules["pyNN_ship.simulator"]
        with pytest.raises(ModuleNotFoundError, match="not a package"):
            importlib.import_module("pyNN.ship.simulator")

    def test_is_a_module_and_says_so(self, sim: ModuleType) -> None:
        with pytest.raises(AttributeError, match="import parts of the backend from pyNN_ship"):
            _ = sim.__path__

    def test_is_removed_with_the_package_and_nothing_else_of_pynn_is(self) -> None:
        files = [path.as_posix() for path in installed().files or ()]
        inside_pynn = [path for path in files if path.startswith("pyNN/")]
        assert [path for path in inside_pynn if path.endswith(".py")] == ["pyNN/ship.py"]


class TestImports:
    """Who imports whom, and what an import loads."""

    @pytest.mark.parametrize("path", sorted((ROOT / "ship_engine").rglob("*.py")), ids=name_of)
    def test_the_engine_knows_nothing_of_pynn(self, path: Path) -> None:
        roots = {module.partition(".")[0] for module in imported_modules(path)}
        assert not roots & {"pyNN", "pyNN_ship"}

    def test_the_backend_loads_neither_torch_nor_numba(self) -> None:
        heavy = {"torch", "numba", "llvmlite", "sympy", "matplotlib"}
        # PyNN imports csa where it is installed, and csa imports matplotlib.
        load = "import sys; sys.modules['csa'] = None; import pyNN.ship"
        loaded = python(f"{load}; print(*sorted({heavy} & set(sys.modules)))")
        assert loaded == ""

    def test_the_backend_loads_without_side_effects_on_the_output(self) -> None:
        assert python("import pyNN.ship") == ""


class TestFiles:
    """Rules that hold for each file."""

    @pytest.mark.parametrize("package", PACKAGES)
    def test_is_typed(self, package: str) -> None:
        assert (ROOT / package / "py.typed").exists()

    def test_every_folder_of_a_package_is_a_package(self) -> None:
        folders = {path.parent for path in SOURCES}
        assert [name_of(path) for path in folders if not (path / "__init__.py").exists()] == []

    @pytest.mark.parametrize("path", SOURCES, ids=name_of)
    def test_is_short(self, path: Path) -> None:
        text = path.read_text("utf-8")
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        too_long = [
            f"{node.name}: {lines_without_docstring(node)} lines"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, functions) and lines_without_docstring(node) > LINES_OF_A_FUNCTION
        ]
        assert too_long == []
        assert len(text.splitlines()) <= LINES_OF_A_FILE

    def test_names_no_folder_of_the_machine_it_was_written_on(self) -> None:
        try:
            listing = subprocess.run(
                ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
            ).stdout.decode()
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("not a git checkout")
        private = re.compile(r"(?<![\w./:-])/(?:work|home|root|Users|opt/dev)\b")
        offenders = []
        for path in (ROOT / name for name in listing.split("\0") if name):
            content = path.read_bytes() if path.is_file() else b""
            if b"\0" not in content and private.search(content.decode("utf-8", "replace")):
                offenders.append(name_of(path))
        assert offenders == []
