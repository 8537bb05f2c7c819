"""Iris: 150 flowers of three species, four measures each (Fisher 1936, Annals of Eugenics 7, 179).

The file may be that of scikit-learn, of the UCI repository (whose samples 35 and 38 differ from
Fisher's in three numbers), or any other with four measures and a species in each line.
"""

from __future__ import annotations

import csv
import importlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ship_engine.data.arrays import Floats, Integers
from ship_engine.data.datasets.fetching import FOLDER_VARIABLE, Folder, prepared_file
from ship_engine.errors import FileFormatError, MissingDataError

FEATURES = "sepal length", "sepal width", "petal length", "petal width"
"""What is measured, in cm."""
SPECIES = "setosa", "versicolor", "virginica"
FLOWERS = 50
"""How many there are of each species."""


class Iris(NamedTuple):
    """Measures of flowers, and which species they are; unpacks as ``features, classes``."""

    features: Floats
    """[150, 4] in cm, see `FEATURES`"""
    classes: Integers
    """[150], 0 to 2, see `SPECIES`"""


def load_iris(*, folder: Folder = None) -> Iris:
    """Load Iris from a folder of prepared files, or from scikit-learn if that is installed.

    Parameters
    ----------
    folder : path, optional
        Folder with ``iris/iris.csv`` or ``iris/iris.data``; see `ship_engine.data.datasets`.

    Returns
    -------
    Iris
        ``features`` (float64 [150, 4]) and ``classes`` (int64 [150]).

    Raises
    ------
    MissingDataError
        If it is neither in a folder nor to be had from scikit-learn.
    FileFormatError
        If the file holds something else.
    """
    path = prepared_file("iris", ["iris.csv", "iris.data"], folder)
    if path is not None:
        return read_iris(path)
    try:
        datasets = importlib.import_module("sklearn.datasets")
    except ImportError as error:
        raise MissingDataError(
            "Iris is neither in a folder nor to be had from scikit-learn, which is not installed: "
            "pip install scikit-learn, or name a folder that holds iris/iris.csv by folder= or by "
            f"the environment variable {FOLDER_VARIABLE}."
        ) from error
    found = datasets.load_iris()
    return Iris(np.asarray(found.data, np.float64), np.asarray(found.target, np.int64))


def read_iris(path: Path) -> Iris:
    """Read four measures and a species, by name or as a number from 0, from each line of a file.

    Parameters
    ----------
    path : Path
        Separated by commas; a first line without measures is a heading.

    Raises
    ------
    FileFormatError
        If there are not 50 flowers of each species, or a line holds something else.
    """
    try:
        lines = [line for line in csv.reader(path.read_text("utf-8").splitlines()) if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(f"'{path}' is no text of values and commas: {error}") from error
    if lines and not _is_number(lines[0][-2 if len(lines[0]) > 1 else 0]):
        del lines[0]
    flowers = [_flower(line, path) for line in lines]
    features = np.array([measures for measures, _ in flowers], np.float64).reshape(-1, 4)
    classes = np.array([species for _, species in flowers], np.int64)
    counts = np.bincount(classes, minlength=len(SPECIES)).tolist()
    if counts != [FLOWERS] * len(SPECIES):
        raise FileFormatError(
            f"'{path}' holds {counts} flowers of {', '.join(SPECIES)}; Iris has {FLOWERS} of each."
        )
    return Iris(features, classes)


def _flower(line: list[str], path: Path) -> tuple[list[float], int]:
    """The measures and the species of one line."""
    *measures, species = (part.strip() for part in line)
    name = species.lower().removeprefix("iris-")
    names = [*SPECIES, *map(str, range(len(SPECIES)))]
    if len(measures) != len(FEATURES) or not all(map(_is_number, measures)) or name not in names:
        raise FileFormatError(
            f"'{path}' has a line {','.join(line)!r}; each line has four measures and a species "
            f"({', '.join(SPECIES)}, or 0, 1, 2), separated by commas."
        )
    return [float(one) for one in measures], names.index(name) % len(SPECIES)


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
