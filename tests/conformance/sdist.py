"""The source distribution of PyNN, which holds its tests and examples."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
from pathlib import Path

VERSION = "0.13.0"
SHA256 = "da2821e45055a88de6cf34896067eaaebcabbfdfb7883dd147353e7b78617815"
ARCHIVE = f"pynn-{VERSION}.tar.gz"

# pip asks a source distribution for its metadata, for which it builds an environment of its own;
# where that fails, the tools of this environment may do.
WAYS = ((), ("--no-build-isolation",))


class SdistError(Exception):
    """The source distribution could not be had, or is another one."""


def unpacked(folder: Path) -> Path:
    """Return the folder of the unpacked source distribution, fetching it when there is none.

    Parameters
    ----------
    folder : Path
        Where the archive is kept, and unpacked. An archive that already lies there is taken.

    Raises
    ------
    SdistError
        If pip cannot fetch the archive, or the archive is not the one that was released.
    """
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / ARCHIVE
    if not archive.exists():
        _download(folder)
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256:
        raise SdistError(
            f"{archive} has the SHA-256 {found}, and that of PyNN {VERSION} is {SHA256}; "
            "remove the file to fetch it again"
        )
    root = folder / f"pynn-{VERSION}"
    if not (root / "PKG-INFO").exists():
        with tarfile.open(archive) as contents:
            contents.extractall(folder, filter="data")
    return root


def _download(folder: Path) -> None:
    """Let pip fetch the archive, by whichever way works here."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--no-binary", "PyNN", "--dest", str(folder), f"PyNN=={VERSION}"]
    said = ""
    for way in WAYS:
        done = subprocess.run([*command, *way], capture_output=True, text=True)
        if (folder / ARCHIVE).exists():
            return
        said = done.stderr.strip()
    raise SdistError(
        f"pip could not fetch the source distribution of PyNN {VERSION}; put {ARCHIVE} into "
        f"{folder} by hand. pip says:\n{said}"
    )
