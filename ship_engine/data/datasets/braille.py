"""Braille Character Dataset: 26 letters of 28 by 28 pixels, 60 of each.

Kaggle, shanks0465/braille-character-dataset (2020).  Kaggle asks for an account, so nothing is
downloaded here: unpack its archive, or a copy of it, and name the folder.  The licence is not
stated with the copies.

Each letter is one drawing with 20 variations in each of three ways: brightness ("dim"), rotation
("rot") and shift ("whs").  A few images are exact duplicates: split them with `duplicate_groups`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ship_engine.data.arrays import Integers
from ship_engine.data.datasets.fetching import Folder, prepared_file, read_prepared
from ship_engine.errors import FileFormatError, MissingDataError, NotInstalledError

SOURCE = "https://www.kaggle.com/datasets/shanks0465/braille-character-dataset"
FILE_NAME = re.compile(r"([a-z])1\.JPG(\d+)(dim|rot|whs)\.jpg")
SIZE = 28


class BrailleLetters(NamedTuple):
    """Images of letters."""

    images: NDArray[np.uint8]
    """[image, 28, 28]; dots are dark (low) on light ground"""
    labels: Integers
    """Letter, 0 to 25 for a to z"""
    variations: NDArray[np.str_]
    """"dim", "rot" or "whs" """


def load_braille(*, folder: Folder = None) -> BrailleLetters:
    """Load the Braille Character Dataset.

    Parameters
    ----------
    folder : path, optional
        Folder with ``braille/braille.npz``, with the arrays images, labels, augmentation (index)
        and augmentation_names; see `ship_engine.data.datasets`.  For the images as Kaggle has
        them, see `read_braille`.

    Returns
    -------
    BrailleLetters
        ``images``, ``labels``, ``variations``.

    Raises
    ------
    MissingDataError
        If there is no such folder; nothing is downloaded.
    FileFormatError
        If the prepared file is damaged.
    """
    path = prepared_file("braille", ["braille.npz"], folder)
    if path is None:
        raise MissingDataError(
            f"the Braille Character Dataset is not downloaded, since Kaggle ({SOURCE}) asks for an "
            "account. Unpack its archive and use ship_engine.data.read_braille(folder)."
        )
    names = "images", "labels", "augmentation", "augmentation_names"
    content = read_prepared(path, *names)
    variations = content["augmentation_names"][content["augmentation"]]
    return BrailleLetters(content["images"], content["labels"].astype(np.int64), variations)


def read_braille(folder: str | Path) -> BrailleLetters:
    """Read the images as Kaggle has them, such as ``a1.JPG0dim.jpg``, through the package Pillow.

    Parameters
    ----------
    folder : path
        Folder that holds the images themselves.

    Returns
    -------
    BrailleLetters
        In the order of letter, variation and number.

    Raises
    ------
    MissingDataError
        If there are no images in the folder.
    FileFormatError
        If an image is not 28 by 28 pixels.
    NotInstalledError
        If Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise NotInstalledError(
            "images are read by the package Pillow: pip install 'pynn-ship[data]'."
        ) from error
    found = [(match, path) for path in Path(folder).glob("*.jpg")
             if (match := FILE_NAME.fullmatch(path.name))]  # fmt: skip
    if not found:
        raise MissingDataError(f"there is no image such as 'a1.JPG0dim.jpg' in '{folder}'.")
    found.sort(key=lambda pair: (pair[0][1], pair[0][3], int(pair[0][2])))
    images = []
    for _, path in found:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("L"))
        if pixels.shape != (SIZE, SIZE):
            raise FileFormatError(
                f"'{path}' has {pixels.shape[1]} by {pixels.shape[0]} pixels, not {SIZE} by {SIZE}."
            )
        images.append(pixels)
    labels = np.array([ord(match[1]) - ord("a") for match, _ in found], np.int64)
    return BrailleLetters(np.stack(images), labels, np.array([match[3] for match, _ in found]))
