"""Iris: from files of several origins, from scikit-learn (which is stood in for), or refused."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ship_engine.data.datasets.iris import SPECIES, load_iris, read_iris
from ship_engine.errors import FileFormatError, MissingDataError

FEATURES = np.arange(600.0).reshape(150, 4) / 100.0
CLASSES = np.repeat([0, 1, 2], 50)


def lines(names: tuple[str, ...] = SPECIES) -> list[str]:
    """What a file holds, with these names of the species."""
    measures = [",".join(map(str, row)) for row in FEATURES.tolist()]
    return [f"{row},{names[k]}" for row, k in zip(measures, CLASSES, strict=True)]


def write(folder: Path, content: list[str], name: str = "iris.csv") -> Path:
    """A folder of prepared files."""
    (folder / "iris").mkdir()
    (folder / "iris" / name).write_text("\n".join(content) + "\n\n")
    return folder


class TestFiles:
    @pytest.mark.parametrize(
        ("heading", "names", "file"),
        [
            ([], ("Iris-setosa", "Iris-versicolor", "Iris-virginica"), "iris.data"),
            (["150,4,setosa,versicolor,virginica"], ("0", "1", "2"), "iris.csv"),
            (["sepal_length,sepal_width,petal_length,petal_width,species"], SPECIES, "iris.csv"),
        ],
        ids=["uci", "scikit-learn", "names"],
    )
    def test_of_several_origins(
        self, tmp_path: Path, heading: list[str], names: tuple[str, ...], file: str
    ) -> None:
        found = load_iris(folder=write(tmp_path, heading + lines(names), file))
        np.testing.assert_array_equal(found.features, FEATURES)
        np.testing.assert_array_equal(found.classes, CLASSES)
        assert (found.features.dtype, found.classes.dtype) == (np.float64, np.int64)

    def test_folder_of_the_environment(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SHIP_DATA", str(write(tmp_path, lines())))
        features, _classes = load_iris()
        np.testing.assert_array_equal(features, FEATURES)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ([], r"\[0, 0, 0\] flowers"),
            (lines()[:-1], r"\[50, 50, 49\] flowers"),
            ([*lines()[:-1], "1.0,2.0,3.0,4.0,rose"], "a line '1.0,2.0,3.0,4.0,rose'"),
            ([*lines()[:-1], "1.0,2.0,3.0,4.0,3"], "a line"),
            ([*lines()[:-1], "1.0,2.0,3.0,2"], "a line"),
            ([*lines()[:-1], "1.0,2.0,nan,4.0,2"], "a line"),
            (["rose"], r"\[0, 0, 0\] flowers"),
        ],
    )
    def test_others_are_refused(self, tmp_path: Path, content: list[str], message: str) -> None:
        with pytest.raises(FileFormatError, match=message):
            load_iris(folder=write(tmp_path, content))

    def test_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "iris.csv").write_bytes(b"\xff\xfe\x00\x01")
        with pytest.raises(FileFormatError, match=r"iris\.csv' is no text"):
            read_iris(tmp_path / "iris.csv")

    def test_folder_without_it(self, tmp_path: Path) -> None:
        with pytest.raises(MissingDataError, match=r"no file .*iris\.csv or .*iris\.data"):
            load_iris(folder=tmp_path)


class TestScikitLearn:
    def test_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SHIP_DATA", raising=False)
        datasets: Any = ModuleType("sklearn.datasets")
        made = SimpleNamespace(data=FEATURES, target=CLASSES.astype(np.int32))
        datasets.load_iris = lambda: made
        monkeypatch.setitem(sys.modules, "sklearn", ModuleType("sklearn"))
        monkeypatch.setitem(sys.modules, "sklearn.datasets", datasets)
        found = load_iris()
        np.testing.assert_array_equal(found.features, FEATURES)
        assert found.classes.dtype == np.int64

    def test_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SHIP_DATA", raising=False)
        monkeypatch.setitem(sys.modules, "sklearn", None)
        monkeypatch.delitem(sys.modules, "sklearn.datasets", raising=False)
        with pytest.raises(MissingDataError, match="pip install scikit-learn"):
            load_iris()
