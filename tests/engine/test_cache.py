"""The kernel cache: found again, never trusted blindly, no obstacle where it cannot be written."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ship_engine.lowering.cache import KernelCache, cache_directory
from ship_engine.lowering.kernels import model_kernel
from ship_engine.models.lif import LIFVoltageJump

SORT = """
import numpy as np
from ship_engine.delivery.base import group_synapses
from ship_engine.lowering.cache import KernelCache
source, target = np.array([1, 0, 1], np.int32), np.array([5, 6, 7], np.int32)
print(group_synapses(KernelCache(), 2, source, target, 1.0, 1)[0].target.tolist())
"""


def sorted_targets(cache: KernelCache) -> list[int]:
    from ship_engine.delivery.base import group_synapses

    source, target = np.array([1, 0, 1], np.int32), np.array([5, 6, 7], np.int32)
    return group_synapses(cache, 2, source, target, 1.0, 1)[0].target.tolist()


def test_compiled_code_is_kept_and_found_again(tmp_path, caplog):
    caplog.set_level(logging.INFO, "ship_engine")
    assert sorted_targets(KernelCache(tmp_path)) == [6, 5, 7]
    assert "Compiled 'group_by_source'" in caplog.text
    (file,) = tmp_path.iterdir()
    assert file.name.startswith("group_by_source-")
    caplog.clear()
    assert sorted_targets(KernelCache(tmp_path)) == [6, 5, 7]
    assert caplog.text == ""


@pytest.mark.parametrize("damage", [b"", b"not a kernel", b'{"symbol": "x", "sha256": "0"}\nabc'])
def test_a_damaged_file_is_compiled_anew(tmp_path, caplog, damage):
    sorted_targets(KernelCache(tmp_path))
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage)
    assert sorted_targets(KernelCache(tmp_path)) == [6, 5, 7]
    assert "Damaged kernel file" in caplog.text
    assert len(file.read_bytes()) > 1000


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path, caplog):
    obstacle = tmp_path / "file"
    obstacle.write_text("not a folder")
    assert sorted_targets(KernelCache(obstacle)) == [6, 5, 7]
    assert "Cannot keep compiled kernels" in caplog.text
    assert "SHIP_CACHE_DIR" in caplog.text


def test_several_processes_may_start_at_once(tmp_path):
    environment = os.environ | {"SHIP_CACHE_DIR": str(tmp_path)}
    processes = [
        subprocess.Popen([sys.executable, "-c", SORT], env=environment, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    outputs = [process.communicate()[0].decode().strip() for process in processes]
    assert outputs == ["[6, 5, 7]"] * 3
    assert [file.suffix for file in tmp_path.iterdir()] == [".kernel"]


def test_the_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("SHIP_CACHE_DIR", str(tmp_path / "chosen"))
    assert cache_directory() == tmp_path / "chosen"
    monkeypatch.delenv("SHIP_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "pynn-ship"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_directory() == Path.home() / ".cache" / "pynn-ship"

    def nobody():
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", nobody)
    assert cache_directory().parts[-1] == "pynn-ship"


def test_a_cached_run_imports_neither_numba_nor_torch(kernel_cache):
    sorted_targets(kernel_cache)
    script = SORT + "import sys\nprint('numba' in sys.modules, 'torch' in sys.modules)"
    environment = os.environ | {"SHIP_CACHE_DIR": str(kernel_cache.directory)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[1] == "False False"


def test_a_model_that_changes_is_compiled_anew(tmp_path):
    def reset_to(value):
        return type("Changed", (LIFVoltageJump,), {"reset": staticmethod(value)})

    cache = KernelCache(tmp_path)
    for value in (lambda v_reset: (v_reset,), lambda v_reset: (v_reset + 1.0,)):
        model_kernel(cache, reset_to(value), True)
    assert len(list(tmp_path.iterdir())) == 2
    model_kernel(cache, reset_to(lambda v_reset: (v_reset,)), True)
    assert len(list(tmp_path.iterdir())) == 2


def test_another_process_compiles_ahead(tmp_path):
    cache = KernelCache(tmp_path)
    cache.compile_ahead("group_by_source")
    cache.compile_ahead("group_by_source")
    assert len(cache._ahead) == 1
    assert sorted_targets(cache) == [6, 5, 7]
    assert [file.suffix for file in tmp_path.iterdir()] == [".kernel"]
    cache.compile_ahead("group_by_source")
    other = KernelCache(tmp_path)
    other.compile_ahead("group_by_source")
    assert cache._ahead == other._ahead == {}


@pytest.mark.parametrize("reason", ["no plain Python", "folder not to be written"])
def test_nothing_is_compiled_ahead_where_it_would_be_in_vain(tmp_path, monkeypatch, reason):
    folder = tmp_path
    if reason == "no plain Python":
        monkeypatch.setattr(sys, "executable", "/somewhere/application")
    else:
        folder = tmp_path / "file"
        folder.write_text("not a folder")
    cache = KernelCache(folder)
    cache.compile_ahead("group_by_source")
    assert cache._ahead == {}
    assert sorted_targets(cache) == [6, 5, 7]
