"""The Numba executor: compiled kernels, called by a compiled time loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from ship_engine.errors import ShipError
from ship_engine.executors.base import Executor, first_non_finite
from ship_engine.executors.numba_binding import Binding
from ship_engine.executors.numba_windows import WindowedRun
from ship_engine.groups import NeuronGroup
from ship_engine.lowering.cache import KernelCache
from ship_engine.processes import tell_parameters

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork

FIRST_CHUNK = 1000
"""Steps until the compiled loop first comes back, to report progress and see interrupts."""
CHUNK_SECONDS = 0.2
NEGLIGIBLE = 1e-100
"""States below this are set to zero between chunks: denormal numbers are slow."""


class NumbaExecutor(Executor):
    """Runs networks in compiled code on the CPU, in float64.

    Parameters
    ----------
    cache : KernelCache, optional
        Where machine code is kept.
    """

    name = "numba"
    distributes = True

    def __init__(self, cache: KernelCache | None = None) -> None:
        self.cache = cache or KernelCache()
        self.cache.compile_ahead("drive")
        self._bindings: WeakKeyDictionary[EventNetwork, Binding] = WeakKeyDictionary()

    def run(
        self, network: EventNetwork, steps: int, progress: Callable[[int], None] | None = None
    ) -> None:
        binding = self._bindings.get(network)
        if binding is None:
            binding = self._bindings[network] = Binding(network, self.cache)
        if network.communicator.size > 1:
            tell_parameters(network)
        binding.refresh()
        if network.communicator.size > 1:
            check = partial(self._found, network, binding)
            WindowedRun(network, binding, self.cache, check).run(steps, progress)
            return
        drive = self.cache.fixed("drive")
        end, chunk = network.step + steps, FIRST_CHUNK
        while True:
            first, last = network.step, min(network.step + chunk, end)
            begun = time.perf_counter()
            binding.prepare(first, last)
            network.step = drive(binding.address, first, last, int(last == end))
            elapsed = time.perf_counter() - begun
            binding.collect()
            error = self._found(network, binding)
            if error is not None:
                raise error
            chunk = max(100, int(chunk * min(2.0, CHUNK_SECONDS / max(elapsed, 1e-9))))
            if progress is not None:
                progress(network.step - first)
            if network.step == end:
                break

    def catch_up(self, network: EventNetwork) -> None:
        binding = self._bindings.get(network)
        if binding is not None:
            binding.refresh()
            binding.catch_up()

    def _found(self, network: EventNetwork, binding: Binding) -> ShipError | None:
        """What is wrong with the states, if anything is."""
        failed = binding.failed_group()
        if failed is not None:
            error = first_non_finite(failed, network.clock.time(network.step + 1))
            return error or ShipError(f"'{failed.label}' brought more spikes than it can hold.")
        for group in network.groups:
            error = first_non_finite(group, network.time)
            if error is not None:
                return error
            if isinstance(group, NeuronGroup):
                group.states[np.abs(group.states) < NEGLIGIBLE] = 0.0
        return None
