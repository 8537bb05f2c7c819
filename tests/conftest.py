"""What all tests share: the executors, and the compiled kernels."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from ship_engine.executors.base import Executor
from ship_engine.lowering.cache import KernelCache

# Tests run side by side; threads of torch that wait for each other would take minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")

EXECUTORS = ("numba", "torch")


def make_executor(name: str, cache: KernelCache, **options: Any) -> Executor:
    """An executor by its name; torch is imported only for its own."""
    if name == "numba":
        from ship_engine.executors.numba_cpu import NumbaExecutor

        return NumbaExecutor(cache, **options)
    from ship_engine.executors.torch_autograd import TorchExecutor

    return TorchExecutor(**options)


@pytest.fixture(scope="session")
def kernel_cache() -> KernelCache:
    """Kernels in the usual folder, so that they compile once; SHIP_CACHE_DIR chooses another."""
    return KernelCache()


@pytest.fixture(params=EXECUTORS)
def executor(request: pytest.FixtureRequest, kernel_cache: KernelCache) -> Callable[..., Executor]:
    """Makes the executor that is under test; a test that asks for it runs on each of them."""
    return lambda **options: make_executor(request.param, kernel_cache, **options)
