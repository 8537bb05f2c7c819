"""Files of networks: what is written is read, and nothing else is."""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.torch import save_file

from ship_engine import __version__
from ship_engine.errors import FileFormatError
from ship_engine.platform import files
from ship_engine.platform.files import read, read_description, write


def description(*arguments: str) -> dict[str, Any]:
    """Of one group, with arguments that are tensors."""
    return {
        "settings": {
            "dtype": "float32",
            "executor": "numba",
            "seed": 0,
            "dt": 1.0,
            "nts": None,
            "batch_size": 2,
        },
        "groups": [
            {
                "id": "N",
                "model": {"name": "LIF", "wrappers": ["refractory"]},
                "N": 3,
                "source": None,
                "target": None,
                "port": None,
                "is_output": True,
                "arguments": {
                    "thr": {"value": 0.1},
                    **{name: {"tensor": f"N.{name}"} for name in arguments},
                },
            }
        ],
        "monitors": [{"group": "N", "names": ["u", "output"]}],
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "network.safetensors"


@pytest.fixture
def written(path: Path) -> Path:
    tensors = {"N.tau_beta": torch.arange(6.0).reshape(2, 3), "N.u": torch.rand(3)}
    write(path, description("tau_beta", "u"), tensors)
    return path


def header_of(path: Path) -> tuple[dict[str, Any], bytes]:
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def with_header(path: Path, header: Any, rest: bytes) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + rest)


def assert_equal(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    for key, tensor in expected.items():
        assert found[key].dtype == tensor.dtype
        assert found[key].shape == tensor.shape
        assert (
            found[key]
            .reshape(-1)
            .view(torch.uint8)
            .equal(tensor.contiguous().reshape(-1).view(torch.uint8))
        )


@pytest.mark.parametrize("dtype", files.TYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (2, 1, 3), (0, 4)], ids=str)
def test_tensors_come_back_bit_for_bit(
    path: Path, dtype: torch.dtype, shape: tuple[int, ...]
) -> None:
    tensor = (torch.rand(shape) * 100).to(dtype)
    write(path, description("w"), {"N.w": tensor})
    assert_equal(read(path)[1], {"N.w": tensor})


def test_description_comes_back_with_format_and_versions(written: Path) -> None:
    head = {"format": "ship-network", "version": 1, "engine": __version__}
    assert read(written)[0] == {**head, **description("tau_beta", "u")}
    assert read_description(written) == read(written)[0]


def test_numbers_that_a_strict_reader_of_json_does_not_know_come_back_in_tensors(
    path: Path,
) -> None:
    tensor = torch.tensor([math.nan, math.inf, -math.inf, -0.0])
    write(path, description("w"), {"N.w": tensor})
    assert_equal(read(path)[1], {"N.w": tensor})


def test_views_gradients_and_shared_memory_are_no_matter(path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    tensors = {"N.a": base.T, "N.b": base, "N.c": base[0].expand(2, 4)}
    tensors["N.d"] = base.clone().requires_grad_()
    write(path, description("a", "b", "c", "d"), tensors)
    assert_equal(read(path)[1], {key: tensor.detach() for key, tensor in tensors.items()})


def test_names_may_be_of_any_script(path: Path) -> None:
    said = description("τ")
    said["groups"][0]["id"] = said["monitors"][0]["group"] = "Neurone „é“ 神经"
    write(path, said, {"N.τ": torch.zeros(1)})
    assert read(path)[0]["groups"] == said["groups"]


def test_the_file_is_an_ordinary_one_that_other_programs_can_read(written: Path) -> None:
    header, _ = header_of(written)
    assert json.loads(header["__metadata__"]["description"]) == read_description(written)
    other = written.with_name("other")
    other.touch()
    assert written.stat().st_mode == other.stat().st_mode
    written.chmod(0o600)
    write(written, description(), {})
    assert written.stat().st_mode & 0o777 == 0o600


def test_what_stood_there_stays_if_writing_fails(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = written.read_bytes()

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    for module, name in ((files, "save_file"), (os, "fsync"), (os, "replace")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, interrupted)
            with pytest.raises(KeyboardInterrupt):
                write(written, description(), {})
        assert written.read_bytes() == before
        assert os.listdir(written.parent) == [written.name]
    write(written, description(), {})
    assert read(written)[1] == {}
    assert os.listdir(written.parent) == [written.name]


def test_a_link_to_a_file_stays_a_link(written: Path) -> None:
    link = written.with_name("link")
    link.symlink_to(written)
    write(link, description(), {})
    assert link.is_symlink()
    assert read(written)[1] == {}


def test_missing_folders_and_files_are_said_by_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "no" / "such.safetensors", description(), {})
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none")


@pytest.mark.parametrize(
    ("tensor", "kind"),
    [
        (torch.zeros(2, dtype=torch.complex64), "torch.complex64"),
        (torch.zeros(2).to_sparse(), "sparse torch.float32"),
        (np.zeros(2), "ndarray"),
    ],
)
def test_other_kinds_of_tensors_are_refused(path: Path, tensor: Any, kind: str) -> None:
    with pytest.raises(FileFormatError, match=f"'N.w' is of the kind {kind}; files hold dense"):
        write(path, description("w"), {"N.w": tensor})
    assert not path.exists()


def test_descriptions_that_could_not_be_read_are_not_written(path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"groups\[0\].arguments.w.tensor = 'N.w', but"):
        write(path, description("w"), {})
    said = description("w")
    said["groups"][0]["arguments"]["w"]["tensor"] = "__metadata__"
    with pytest.raises(FileFormatError, match="No tensor can have the name '__metadata__'"):
        write(path, said, {"__metadata__": torch.zeros(1)})
    assert not path.exists()


class Executed:
    """A pickle of this shows whether it was executed."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("executed",)


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(Executed()))
    return file.getvalue()


def saved(save: Any, *arguments: Any) -> bytes:
    file = io.BytesIO()
    save(*arguments, file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it has 0 bytes, fewer than it says; it is damaged, or was not"),
        (b"\x05", "it has 1 bytes, fewer"),
        (bytes(8), "its header is no JSON"),
        (bytes(100), "its header is no JSON"),
        (pickle.dumps(Executed(), 5), "looks like a pickle, .* nothing of it was executed"),
        (pickle.dumps([1.0] * 100, 2), "looks like a pickle"),
        (zipped(), "looks like a zip archive"),
        (saved(torch.save, {"w": torch.zeros(3)}), "looks like a zip archive, such as torch.save"),
        (saved(lambda array, file: np.save(file, array), np.zeros(3)), "looks like a NumPy array"),
        (b"\x89HDF\r\n\x1a\n" + bytes(50), "looks like an HDF5 file"),
        (json.dumps(description()).encode(), "looks like a text in JSON"),
        (b"import os\nos.mkdir('executed')\n", "does not begin with the length of a header"),
        ((10**18).to_bytes(8, "little") + b"{}", "does not begin with the length of a header"),
        ((90_000_000).to_bytes(8, "little") + b"{}", "it has 10 bytes, fewer than it says"),
        ((4).to_bytes(8, "little") + b"\xff\xfe{}", "its header is no JSON .'utf-8' codec"),
        ((2).to_bytes(8, "little") + b"[]", "its header is no table of tensors"),
        ((2).to_bytes(8, "little") + b"{}", "holds tensors but no description"),
        ((10**5).to_bytes(8, "little") + b"[" * 10**5, "its header is no JSON"),
        ((10**5).to_bytes(8, "little") + b"1" * 10**5, "its header is no JSON"),
    ],
)
def test_foreign_files_are_refused_and_not_executed(
    path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    monkeypatch.chdir(path.parent)
    path.write_bytes(content)
    for reader in (read, read_description):
        with pytest.raises(
            FileFormatError, match=f"network.safetensors' cannot be read: .*{message}"
        ):
            reader(path)
    assert os.listdir() == [path.name]


def test_a_file_of_tensors_alone_is_refused(path: Path) -> None:
    save_file({"w": torch.zeros(3)}, path)
    with pytest.raises(FileFormatError, match="tensors but no description, so it was not written"):
        read(path)
    save_file({"w": torch.zeros(3)}, path, {"description": "{}", "format": "pt"})
    with pytest.raises(FileFormatError, match="tensors but no description"):
        read(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": [2, 4]}, r"'N.tau_beta' of the shape \[2, 4\] does not fit its place"),
        ({"shape": [2**40, 2**40]}, "does not fit its place"),
        ({"shape": [2**70]}, "shape or place of 'N.tau_beta' is not of whole numbers"),
        ({"shape": [-2, -3]}, "shape or place of 'N.tau_beta' is not of whole numbers"),
        ({"shape": "23"}, "shape or place of 'N.tau_beta' is not of whole numbers"),
        ({"shape": [2.0, 3.0]}, "shape or place of 'N.tau_beta' is not of whole numbers"),
        ({"shape": [3, 2]}, "does not match its checksum"),
        ({"dtype": "I32"}, "does not match its checksum"),
        ({"dtype": "F64"}, "does not fit its place"),
        ({"dtype": "F4"}, "the kind of numbers 'F4' of 'N.tau_beta' is unknown"),
        ({"dtype": ["F32"]}, "the kind of numbers .* is unknown"),
        ({"data_offsets": [0, 24, 24]}, "shape or place"),
        ({"data_offsets": [12, 36]}, "its tensors take 36 bytes, but 36 bytes follow"),
        ({"data_offsets": [1000, 1024]}, "its tensors take 1024 bytes, but 36 bytes follow"),
        ({"more": 1}, "describes no tensor by 'N.tau_beta'"),
    ],
)
def test_tensors_that_are_not_what_the_header_says(
    written: Path, change: dict[str, Any], message: str
) -> None:
    header, rest = header_of(written)
    header["N.tau_beta"] |= change
    with_header(written, header, rest)
    with pytest.raises(FileFormatError, match=message):
        read(written)


def test_missing_and_surplus_tensors_are_named(written: Path) -> None:
    header, rest = header_of(written)
    header["N.w"] = header.pop("N.u")
    with_header(written, header, rest)
    with pytest.raises(FileFormatError, match=r"arguments.u.tensor = 'N.u', but there is no"):
        read(written)
    with_header(written, {**header, "N.u": {}}, rest)
    with pytest.raises(FileFormatError, match=r"its header describes no tensor by 'N\.u'"):
        read(written)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"version": 1', '"version": 2', "version = 2 of the format is later than 1"),
        ('"ship-network"', '"other"', "its description is not that of a network"),
        ('"value": 0.1', '"value": 0.2', "does not match its checksum"),
        ('"value": 0.1', '"value": NaN', "its description is no JSON .NaN is no number"),
        ('"value": 0.1', '"value": 1e999', r"thr.value = inf; a finite number is expected"),
        ('"value": 0.1', '"value": 0.1, "value": 0.1', "a name stands twice"),
        ('"N": 3', '"N": "3"', r"groups\[0\].N = '3'; a whole number >= 1 is expected"),
        ('"LIF"', '"\\ud800"', r"groups\[0\].model.name = .* a text of whole characters"),
        ("{", "", "its description is no JSON"),
    ],
)
def test_changed_descriptions_are_refused(written: Path, old: str, new: str, message: str) -> None:
    header, rest = header_of(written)
    before = header["__metadata__"]["description"]
    header["__metadata__"]["description"] = before.replace(old, new, 1)
    assert header["__metadata__"]["description"] != before
    with_header(written, header, rest)
    with pytest.raises(FileFormatError, match=message):
        read(written)


def test_metadata_must_be_texts(written: Path) -> None:
    header, rest = header_of(written)
    header["__metadata__"]["checksum"] = 5
    with_header(written, header, rest)
    with pytest.raises(FileFormatError, match="its metadata are no texts"):
        read(written)


def test_what_the_library_refuses_or_reads_otherwise_is_refused(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise SafetensorError("too lazy")

    monkeypatch.setattr(files, "safe_open", refused)
    with pytest.raises(FileFormatError, match=r"its tensors cannot be read \(too lazy\)"):
        read(written)
    monkeypatch.setattr(files, "safe_open", lambda *_, **__: _Other())
    with pytest.raises(FileFormatError, match=r"'N\.tau_beta' is not what the header says"):
        read(written)


class _Other:
    """Gives other tensors than the file has."""

    def __enter__(self) -> _Other:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def get_tensor(self, _: str) -> torch.Tensor:
        return torch.zeros(1)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_damage_is_found_or_changes_nothing(written: Path, data: st.DataObject) -> None:
    whole = written.read_bytes()
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 3), label="changes")):
        content[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    kept = data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))), label="kept")
    more = data.draw(st.binary(max_size=3), label="more")
    expected = read(written)
    damaged = written.with_name("damaged")
    damaged.write_bytes(bytes(content[:kept]) + more)
    try:
        found = read(damaged)
    except FileFormatError:
        return
    assert found[0] == expected[0]
    assert_equal(found[1], expected[1])


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=200), header=st.booleans())
def test_random_bytes_are_refused(path: Path, content: bytes, header: bool) -> None:
    first = len(content).to_bytes(8, "little") if header else b""
    path.write_bytes(first + content)
    with pytest.raises(FileFormatError):
        read(path)
