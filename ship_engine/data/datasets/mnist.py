"""MNIST: 70,000 handwritten digits of 28 by 28 pixels (LeCun, Cortes & Burges 1998).

The four original files, from the copy that PyTorch keeps.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ship_engine.data.arrays import Integers
from ship_engine.data.datasets.fetching import Folder, fetched, prepared_file, read_prepared
from ship_engine.data.progress import Progress
from ship_engine.errors import FileFormatError

URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
FILES = {
    "train-images-idx3-ubyte.gz":
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz":
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz":
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz":
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}  # fmt: skip
UNSIGNED_BYTES = 8
"""The type of values in the header of the original files."""


class HandwrittenDigits(NamedTuple):
    """Images of digits, and which digits they are."""

    train_images: NDArray[np.uint8]
    """[60000, 28, 28], 0 is ground and 255 is ink"""
    train_labels: Integers
    test_images: NDArray[np.uint8]
    """[10000, 28, 28]"""
    test_labels: Integers


def load_mnist(*, folder: Folder = None, progress: Progress = False) -> HandwrittenDigits:
    """Load MNIST.

    Parameters
    ----------
    folder : path, optional
        Folder with ``mnist/mnist.npz``, with the arrays x_train, y_train, x_test and y_test, as
        Keras has it; see `ship_engine.data.datasets`.
    progress : bool or str
        Whether to show progress bars for the downloads.

    Returns
    -------
    HandwrittenDigits
        ``train_images``, ``train_labels``, ``test_images``, ``test_labels``.

    Raises
    ------
    MissingDataError
        If it is neither in a folder nor to be had from the internet.
    FileFormatError
        If a prepared file is damaged.
    """
    path = prepared_file("mnist", ["mnist.npz"], folder)
    if path is None:
        arrays = [
            read_idx(fetched(URL + file, sha256, "mnist", progress))
            for file, sha256 in FILES.items()
        ]
    else:
        names = "x_train", "y_train", "x_test", "y_test"
        content = read_prepared(path, *names)
        arrays = [content[name] for name in names]
    train_images, train_labels, test_images, test_labels = arrays
    return HandwrittenDigits(
        train_images, train_labels.astype(np.int64), test_images, test_labels.astype(np.int64)
    )


def read_idx(path: Path) -> NDArray[np.uint8]:
    """An array of bytes in the format IDX, compressed or not.

    The header holds two zeros, the type, the number of axes, and the size of each, 32 bits with
    the most significant byte first.

    Raises
    ------
    FileFormatError
        If the file is damaged, or holds no bytes.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (gzip.BadGzipFile, EOFError) as error:
        raise FileFormatError(f"'{path}' is not compressed by gzip, or damaged.") from error
    header = content[:4]
    if len(header) < 4 or header[:2] != b"\0\0" or header[2] != UNSIGNED_BYTES:
        raise FileFormatError(f"'{path}' is no IDX file of unsigned bytes.")
    start = 4 + 4 * header[3]
    shape = np.frombuffer(content[4:start], ">u4").astype(np.int64)
    values = np.frombuffer(content, np.uint8, offset=min(start, len(content)))
    if len(shape) != header[3] or values.size != shape.prod():
        raise FileFormatError(
            f"'{path}' holds {values.size} values, but says that it has the shape {shape.tolist()}."
        )
    return values.reshape(shape)
