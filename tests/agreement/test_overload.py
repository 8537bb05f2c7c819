"""Steps that a run would divide are told of by simulations with gradients, which do not."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from ship_engine.event_network import EventNetwork
from ship_engine.executors.fused_simulation import FusedExecutor
from ship_engine.executors.torch_autograd import TorchExecutor
from ship_engine.groups import NeuronGroup, SpikeArrayGroup
from ship_engine.lowering.cache import KernelCache
from ship_engine.models.lif import LIFConductanceExponential


def course(executor: TorchExecutor, cache: KernelCache, weight: float) -> torch.Tensor:
    """The potential (mV) of a cell that 20 spikes at 5 ms reach, of this weight (uS)."""
    network = EventNetwork(dt=1.0, spike_precision="on_grid", cache=cache)
    source = SpikeArrayGroup(20, "source")
    source.set_spike_times([np.array([5.0])] * 20)
    cell = NeuronGroup(LIFConductanceExponential, 1, "cell", {"v_thresh": 100.0})
    network.add(source)
    network.add(cell)
    pairs = np.arange(20, dtype=np.int32), np.zeros(20, np.int32)
    network.connect(source, cell, "excitatory", pairs, weight=weight)
    return executor.simulate(network, 20, record=[(cell, "v")]).states[cell, "v"]


@pytest.mark.parametrize("kind", [TorchExecutor, FusedExecutor])
class TestOverload:
    def test_strong_conductances(
        self, kind: type[TorchExecutor], kernel_cache: KernelCache
    ) -> None:
        with pytest.warns(UserWarning, match="Conductances of 'cell' were too strong"):
            course(kind(), kernel_cache, 0.1)

    def test_weak_conductances(self, kind: type[TorchExecutor], kernel_cache: KernelCache) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = course(kind(), kernel_cache, 0.001)
        assert float(found.max()) > -64.0
