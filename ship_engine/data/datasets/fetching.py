"""Where data sets are found: in a folder of prepared files, or on the internet."""

from __future__ import annotations

import hashlib
import os
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ship_engine.data.progress import Progress
from ship_engine.errors import FileFormatError, MissingDataError, NotInstalledError

FOLDER_VARIABLE = "SHIP_DATA"
DAMAGES = (
    ValueError,
    OSError,
    EOFError,
    RuntimeError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading a damaged file npz may raise."""
Folder = str | os.PathLike[str] | None


def prepared_file(name: str, files: Sequence[str], folder: Folder) -> Path | None:
    """The first of some files that is in the folder of a data set; None if there is no folder.

    Parameters
    ----------
    name : str
        Data set, and its folder in the folder of prepared files.
    files : list of str
        Any of these will do.
    folder : path, optional
        The folder of prepared files; by default the one that SHIP_DATA names, if it is there.

    Raises
    ------
    MissingDataError
        If a folder is given, but none of the files is in it.
    """
    named = os.environ.get(FOLDER_VARIABLE) if folder is None else folder
    if not named:
        return None
    paths = [Path(named) / name / file for file in files]
    for path in paths:
        if path.is_file():
            return path
    if folder is None:
        return None
    raise MissingDataError(f"there is no file {' or '.join(map(str, paths))}.")


def read_prepared(path: Path, *names: str) -> dict[str, NDArray[Any]]:
    """Arrays from a file npz; nothing in it is executed.

    Raises
    ------
    FileFormatError
        If the file is damaged, or one of the arrays is not in it.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in names}
    except KeyError as error:
        raise FileFormatError(f"'{path}' has no array {error}; it needs {names}.") from error
    except (*DAMAGES, AttributeError, TypeError) as error:  # the last two if it is no archive
        raise FileFormatError(f"'{path}' is no file npz, or damaged: {error}") from error


def fetched(url: str, sha256: str | None, name: str, progress: Progress) -> Path:
    """A file from the internet, from the user's cache if it has been downloaded before.

    Parameters
    ----------
    url : str
        Where it is.
    sha256 : str, optional
        What its SHA-256 must be; without it, what it holds has to be checked.
    name : str
        Data set, the folder in the cache.
    progress : bool or str
        Whether to show a progress bar.

    Raises
    ------
    NotInstalledError
        If pooch is not installed.
    MissingDataError
        If it cannot be reached, or is not the file that it should be.
    """
    try:
        import pooch
    except ImportError as error:
        raise NotInstalledError(
            "data sets are downloaded by the package pooch: pip install 'pynn-ship[data]'."
        ) from error
    folder = Path(pooch.os_cache("pynn-ship")) / name
    file = url.partition("?")[0].rpartition("/")[2]
    try:
        found = pooch.retrieve(url, sha256, fname=file, path=folder, progressbar=bool(progress))
    except ValueError as error:
        raise MissingDataError(
            f"what {url} gave is not the file that it should be: {error}"
        ) from error
    except OSError as error:
        raise MissingDataError(
            f"{url} cannot be downloaded: {error}. A folder that holds the data set may be named "
            f"by folder= or by the environment variable {FOLDER_VARIABLE}."
        ) from error
    return Path(found)


def check_content(arrays: list[NDArray[Any]], sha256: str, path: Path) -> None:
    """Refuse what was read from a downloaded file, and delete the file, if it is not as it was.

    Raises
    ------
    MissingDataError
        If the arrays have another SHA-256.
    """
    if content_digest(arrays) != sha256:
        path.unlink()
        raise MissingDataError(
            f"what was downloaded does not hold the data that it should; '{path}' is deleted. "
            "Download it again, or tell the authors of pynn-ship."
        )


def content_digest(arrays: list[NDArray[Any]]) -> str:
    """SHA-256 of the values of arrays, least significant byte first."""
    digest = hashlib.sha256()
    for array in arrays:
        ordered = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        digest.update(f"{ordered.dtype.str}{ordered.shape}".encode())
        digest.update(ordered.tobytes())
    return digest.hexdigest()
