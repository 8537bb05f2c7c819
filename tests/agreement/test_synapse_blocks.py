"""Synapses of a source that fill more than one block react as on torch."""

from __future__ import annotations

import numpy as np
import pytest

from ship_engine.event_network import EventNetwork
from ship_engine.executors.numba_cpu import NumbaExecutor
from ship_engine.executors.torch_autograd import TorchExecutor
from ship_engine.groups import NeuronGroup
from ship_engine.lowering.synapse_rows import BLOCK
from ship_engine.models.lif import LIFCurrentExponential
from ship_engine.sources.renewal import PoissonGroup
from ship_engine.synapses.diehl_cook import DiehlCook
from ship_engine.synapses.short_term import TsodyksMarkram
from ship_engine.synapses.stdp import Additive, SpikePairs, Vogels2011, compose_stdp

TARGETS = 2 * BLOCK + 77
MODELS = (
    TsodyksMarkram,
    compose_stdp(SpikePairs, Additive),
    compose_stdp(Vogels2011, Additive),
    DiehlCook,
)


def finished(executor, cache, model, precision, delay, weights):
    """A network of few sources and many targets after some time."""
    random = np.random.default_rng(3)
    network = EventNetwork(0.1, 5, precision, executor, cache)
    source = network.add(PoissonGroup(3, "source", {"rate": 150.0}))
    drive = {"i_offset": random.uniform(0.9, 1.6, TARGETS), "tau_refrac": 1.0}
    cells = NeuronGroup(LIFCurrentExponential, TARGETS, "cells", drive)
    network.add(cells)
    network.record_spikes(cells, slice(None))
    pairs = tuple(x.ravel().astype(np.int32) for x in np.indices((3, TARGETS)))
    if delay == "various":
        delay = random.integers(1, 20, pairs[0].size)
    weight = random.uniform(0.1, 0.6, pairs[0].size) if weights == "various" else 0.4
    network.connect(source, cells, "excitatory", pairs, weight, delay, model, {})
    network.run(600)
    network.projections[0].catch_up()
    return network


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("precision", ["off_grid", "on_grid"])
@pytest.mark.parametrize("delay", [7, "various"])
@pytest.mark.parametrize("weights", ["alike", "various"])
def test_more_synapses_than_a_block(model, precision, delay, weights, kernel_cache):
    compiled, tensors = (
        finished(executor, kernel_cache, model, precision, delay, weights)
        for executor in (NumbaExecutor(kernel_cache), TorchExecutor())
    )
    cells = compiled.groups[1]
    spikes, expected = (n.spike_monitors[n.groups[1]].spikes(n.clock) for n in (compiled, tensors))
    assert spikes[0].size > cells.size
    np.testing.assert_array_equal(spikes[0], expected[0])
    np.testing.assert_allclose(spikes[1], expected[1], atol=1e-9)
    one, other = compiled.projections[0], tensors.projections[0]
    np.testing.assert_allclose(one.synapses.weight, other.synapses.weight, rtol=1e-9, atol=1e-12)
    for name, values in one.dynamics.states.items():
        np.testing.assert_allclose(values, other.dynamics.states[name], atol=1e-9, err_msg=name)


@pytest.mark.parametrize("delay", [7, np.empty(0, np.int64)], ids=["one", "of_each"])
def test_no_synapses_at_all(delay, kernel_cache):
    network = EventNetwork(0.1, 5, "on_grid", NumbaExecutor(kernel_cache), kernel_cache)
    source = network.add(PoissonGroup(3, "source", {"rate": 150.0}))
    cells = NeuronGroup(LIFCurrentExponential, 4, "cells", {})
    network.add(cells)
    nobody = (np.empty(0, np.int32), np.empty(0, np.int32))
    network.connect(source, cells, "excitatory", nobody, 0.4, delay, MODELS[1], {})
    network.run(50)
    assert network.projections[0].get("weight").size == 0
