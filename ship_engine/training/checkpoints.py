"""Checkpoints: all that a training needs to go on as if it had not stopped."""

from __future__ import annotations

import os
import pickle
import tempfile
from pathlib import Path
from typing import Any

import torch

from ship_engine.errors import FileFormatError

FORMAT = "ship-training"
VERSION = 2


def write_checkpoint(path: str | os.PathLike[str], content: dict[str, Any]) -> None:
    """Write a checkpoint; an earlier one of that name is replaced at once, or not at all."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=target.name)
    os.close(handle)
    try:
        random = {"random": torch.get_rng_state(), "device_random": _device_random()}
        torch.save({"format": FORMAT, "version": VERSION, **random, **content}, temporary)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def set_random(content: dict[str, Any]) -> None:
    """Let torch's random numbers go on from where a checkpoint was written.

    Those of devices do if there are as many devices; on others they could not be the same.
    """
    torch.set_rng_state(content["random"])
    if len(content["device_random"]) == len(_device_random()):
        torch.cuda.set_rng_state_all(content["device_random"])


def _device_random() -> list[torch.Tensor]:
    """The states of the devices' random numbers."""
    return torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []


def read_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a checkpoint.

    Raises
    ------
    FileFormatError
        If the file is no checkpoint.
    OSError
        If it cannot be read.
    """
    with open(path, "rb") as file:
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except (RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError) as error:
            raise FileFormatError(
                f"'{os.fspath(path)}' is no checkpoint of a training, or damaged: {error}"
            ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FileFormatError(f"'{os.fspath(path)}' is no checkpoint of a training.")
    if content.get("version") != VERSION:
        raise FileFormatError(
            f"'{os.fspath(path)}' is a checkpoint of version {content.get('version')}; this is "
            f"version {VERSION}."
        )
    return content
