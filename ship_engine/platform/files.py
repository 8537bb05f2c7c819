"""Files of networks: a readable description and tensors, and nothing that is ever executed.

A network is one file in the format *safetensors*: a header in JSON, then the bytes of the tensors.
The description of the network stands in the header, as JSON too, so that it can be read by eye or
by any program, with or without this one; `read_description` gives it without the tensors.

It is one file, and not a description beside a file of tensors, because two files come apart: they
are copied one without the other, and cannot be replaced in one go.  This one is written under
another name and renamed when it is complete, so that whatever stood there before stays until then.

It is not a pickle, because a pickle is a program, and a file from a stranger should not be one.
Reading checks lengths before anything is allocated, then the form of the description
(`ship_engine.platform.description`), then that each tensor is there with the shape and the kind of
numbers that were written, and at last a SHA-256 checksum of all of it.  The checksum finds damage,
not intent: who changes a file on purpose can make a new one.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ship_engine._version import __version__
from ship_engine.errors import FileFormatError
from ship_engine.platform.description import FORMAT, VERSION, check_network_description

LONGEST_HEADER = 100_000_000
"""In bytes, as in safetensors itself."""

TYPES = {
    torch.bool: ("BOOL", 1),
    torch.uint8: ("U8", 1),
    torch.int8: ("I8", 1),
    torch.int16: ("I16", 2),
    torch.int32: ("I32", 4),
    torch.int64: ("I64", 8),
    torch.float16: ("F16", 2),
    torch.bfloat16: ("BF16", 2),
    torch.float32: ("F32", 4),
    torch.float64: ("F64", 8),
}
"""Kinds of numbers: their names in the file, and the bytes of each number."""

FOREIGN = {
    b"PK\x03\x04": "a zip archive, such as torch.save and numpy.savez write",
    b"\x80": "a pickle",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
    b"\x1f\x8b": "a gzip archive",
    b"{": "a text in JSON",
}
"""How files begin that are given in place of a network."""

DAMAGED = "it is damaged, or was not written by Network.save"


def write(
    path: str | os.PathLike[str], description: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> None:
    """Write a network to a file; what stood there before is replaced once all is written.

    Parameters
    ----------
    path : str or path
        Where to; the folder must exist.
    description : mapping
        As `check_network_description` expects it; the names and versions of the format and of the
        engine are filled in.
    tensors : mapping of str to Tensor
        What the description refers to, on any device.

    Raises
    ------
    FileFormatError
        If the description is not of that form, or a tensor is of a kind that files do not hold.
    OSError
        If the file cannot be written.
    """
    head = {"format": FORMAT, "version": VERSION, "engine": __version__}
    full = {**head, **description, **head}
    check_network_description(full, tensors)
    if "__metadata__" in tensors:
        raise FileFormatError("No tensor can have the name '__metadata__'; choose another one.")
    kept = {key: _plain(key, tensor) for key, tensor in tensors.items()}
    text = json.dumps(full, ensure_ascii=False, allow_nan=False)
    metadata = {"description": text, "checksum": _checksum(text, kept)}
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        temporary.touch(exist_ok=False)
        mode = (target if target.exists() else temporary).stat().st_mode
        save_file(kept, temporary, metadata)
        os.chmod(temporary, mode)  # the library keeps others from reading what it writes
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read what `write` has written.

    Parameters
    ----------
    path : str or path
        Of the file.

    Returns
    -------
    description : dict
        Checked by `check_network_description`.
    tensors : dict of str to Tensor
        On the CPU, bit for bit as they were written; NaN among them is a matter of who uses them.

    Raises
    ------
    FileFormatError
        If the file is no network, is damaged, or is of a later version.
    OSError
        If there is no such file, or it cannot be read.
    """
    try:
        entries, metadata = _header(path)
        description = _description(metadata["description"])
        check_network_description(description, entries)
        tensors = _tensors(path, entries)
        if _checksum(metadata["description"], tensors) != metadata["checksum"]:
            raise FileFormatError("its content does not match its checksum, so it is damaged.")
    except FileFormatError as error:
        raise FileFormatError(f"'{os.fspath(path)}' cannot be read: {error}") from error
    return description, tensors


def read_description(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The description of a network from its file, without its tensors and their checksum.

    Raises
    ------
    FileFormatError, OSError
        As `read` does.
    """
    try:
        entries, metadata = _header(path)
        description = _description(metadata["description"])
        check_network_description(description, entries)
    except FileFormatError as error:
        raise FileFormatError(f"'{os.fspath(path)}' cannot be read: {error}") from error
    return description


def _plain(key: str, tensor: Any) -> Tensor:
    """A tensor with a memory of its own, as files hold it."""
    if not isinstance(tensor, Tensor) or tensor.dtype not in TYPES or tensor.is_sparse:
        kind = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
        sparse = "sparse " if isinstance(tensor, Tensor) and tensor.is_sparse else ""
        raise FileFormatError(
            f"The tensor '{key}' is of the kind {sparse}{kind}; files hold dense tensors of "
            f"{', '.join(str(one) for one in TYPES)}."
        )
    return tensor.detach().to("cpu").clone(memory_format=torch.contiguous_format)


def _checksum(text: str, tensors: Mapping[str, Tensor]) -> str:
    """Of the description and, in the order of their names, of all tensors."""
    found = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
    for key in sorted(tensors):
        tensor = tensors[key]
        said = json.dumps([key, TYPES[tensor.dtype][0], list(tensor.shape)])
        found.update(said.encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _header(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """What a file says about its tensors, and its metadata; no more of it is read."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        first = file.read(8)
        length = int.from_bytes(first, "little")
        if length > LONGEST_HEADER:
            _refuse_foreign(first)
        if len(first) < 8 or length > size - 8:
            raise FileFormatError(f"it has {size} bytes, fewer than it says; {DAMAGED}.")
        text = file.read(length)
    try:
        header = _json(text.decode())
    except (FileFormatError, UnicodeDecodeError) as error:
        raise FileFormatError(f"its header is no JSON ({error}); {DAMAGED}.") from None
    if not isinstance(header, dict):
        raise FileFormatError("its header is no table of tensors.")
    metadata = header.pop("__metadata__", None)
    if not isinstance(metadata, dict) or sorted(metadata) != ["checksum", "description"]:
        raise FileFormatError(
            "it holds tensors but no description, so it was not written by Network.save."
        )
    if not all(isinstance(value, str) for value in metadata.values()):
        raise FileFormatError("its metadata are no texts.")
    _check_entries(header, size - 8 - length)
    return header, metadata


def _refuse_foreign(first: bytes) -> NoReturn:
    for beginning, kind in FOREIGN.items():
        if first.startswith(beginning):
            raise FileFormatError(
                f"it looks like {kind}, and only files of Network.save can be read; nothing of it "
                "was executed."
            )
    raise FileFormatError(f"it does not begin with the length of a header; {DAMAGED}.")


def _json(text: str) -> Any:
    """Data from JSON, in which every name stands once and all numbers are finite."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise FileFormatError("a name stands twice")
        return found

    def refused(constant: str) -> NoReturn:
        raise FileFormatError(f"{constant} is no number")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=refused)
    except FileFormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise FileFormatError(str(error)) from None


def _check_entries(entries: dict[str, Any], size: int) -> None:
    """Whether tensors of the given shapes fill the rest of the file, one after the other."""
    bytes_of = dict(TYPES.values())
    places = []
    for key, entry in entries.items():
        if not isinstance(entry, dict) or sorted(entry) != ["data_offsets", "dtype", "shape"]:
            raise FileFormatError(f"its header describes no tensor by '{key}'.")
        kind, shape, place = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(kind, str) or kind not in bytes_of:
            raise FileFormatError(f"the kind of numbers {kind!r} of '{key}' is unknown.")
        if not _is_whole(shape) or not _is_whole(place) or len(place) != 2:
            raise FileFormatError(f"the shape or place of '{key}' is not of whole numbers >= 0.")
        if place[1] - place[0] != math.prod(shape) * bytes_of[kind]:
            raise FileFormatError(
                f"the tensor '{key}' of the shape {shape} does not fit its place in the file."
            )
        places.append(tuple(place))
    places.sort()
    ends = [0, *(end for _, end in places)]
    if [start for start, _ in places] != ends[:-1] or ends[-1] != size:
        raise FileFormatError(
            f"its tensors take {ends[-1]} bytes, but {size} bytes follow the header."
        )


def _is_whole(numbers: Any) -> bool:
    return isinstance(numbers, list) and all(
        isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**62 for n in numbers
    )


def _description(text: str) -> dict[str, Any]:
    try:
        description = _json(text)
    except FileFormatError as error:
        raise FileFormatError(f"its description is no JSON ({error}); {DAMAGED}.") from None
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise FileFormatError("its description is not that of a network.")
    return description


def _tensors(path: str | os.PathLike[str], entries: Mapping[str, Any]) -> dict[str, Tensor]:
    kinds = {name: kind for kind, (name, _) in TYPES.items()}
    tensors = {}
    try:
        with safe_open(path, framework="pt") as file:
            for key in entries:
                tensors[key] = file.get_tensor(key).clone()
    except (SafetensorError, RuntimeError, ValueError, TypeError, OverflowError) as error:
        raise FileFormatError(f"its tensors cannot be read ({error}).") from error
    for key, entry in entries.items():
        expected = kinds[entry["dtype"]], entry["shape"]
        if (tensors[key].dtype, list(tensors[key].shape)) != expected:
            raise FileFormatError(f"the tensor '{key}' is not what the header says.")
    return tensors
