"""Synapses kept in devices, and whatever draws at postsynaptic spikes: equal on all executors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ship_engine.devices import Memristor, PulseProgramming, memristive
from ship_engine.event_network import EventNetwork
from ship_engine.executors.base import Executor
from ship_engine.executors.numba_cpu import NumbaExecutor
from ship_engine.executors.torch_autograd import TorchExecutor
from ship_engine.groups import NeuronGroup, SpikeArrayGroup
from ship_engine.models.base import Parameter, State
from ship_engine.models.lif import LIFCurrentExponential
from ship_engine.sources.renewal import PoissonGroup
from ship_engine.synapses.base import DENDRITIC_DELAY_FRACTION, Synapse
from ship_engine.synapses.short_term import MultiQuantal, TsodyksMarkram
from ship_engine.synapses.stdp import Additive, Multiplicative, SpikePairs, compose_stdp

NOISY = PulseProgramming(
    60, 40, beta_up=2.0, beta_down=3.0, cycle_to_cycle=0.02, rounding="stochastic", most_pulses=4
)
CURVED = PulseProgramming(200, 200, beta_up=4.0, beta_down=1.0, law="exponential")
MODELS = [
    memristive(compose_stdp(SpikePairs, Additive), Memristor(pulses=NOISY)),
    memristive(
        compose_stdp(SpikePairs, Multiplicative),
        Memristor(pulses=CURVED, read_noise=0.01, w_min=0.0, w_max=1.0, pair=False),
    ),
    memristive(TsodyksMarkram, Memristor(read_noise=0.02, w_max=1.0)),
    memristive(MultiQuantal, Memristor(read_noise=0.02, w_max=1.0)),
]


class Counting(Synapse):
    """Adds up the random numbers of each side's spikes."""

    name = "Counting"
    parameters = (DENDRITIC_DELAY_FRACTION,)
    states = (State("before", 0.0, ""), State("after", 0.0, ""))
    pre_changes = ("before",)
    post_changes = ("after",)

    @staticmethod
    def on_pre(weight: Any, before: Any, uniform_1: Any) -> Any:
        return before + uniform_1, weight

    @staticmethod
    def on_post(after: Any, uniform_1: Any) -> Any:
        return (after + uniform_1,)


def build(executor: Executor, cache: Any, model: type[Synapse], precision: str) -> EventNetwork:
    random = np.random.default_rng(3)
    network = EventNetwork(0.1, 7, precision, executor, cache)
    drive = {"i_offset": random.uniform(0.8, 1.5, 5), "tau_refrac": 1.0}
    cells = network.add(NeuronGroup(LIFCurrentExponential, 5, "cells", drive))
    network.record_spikes(cells, slice(None))
    sources = network.add(PoissonGroup(12, "sources", {"rate": 50.0}))
    pairs = tuple(c.ravel().astype(np.int32) for c in np.indices((12, 5)))
    values: dict[str, Any] = {}
    names = {parameter.name for parameter in model.parameters}
    if "A_plus" in names:
        values |= {"A_plus": 0.05, "A_minus": 0.04}
    if "gain" in names:
        values |= {"gain": random.uniform(0.8, 1.0, 60), "beta_up": random.uniform(1, 3, 60)}
        values["working"] = (random.random(60) < 0.8).astype(float)
    if "dendritic_delay_fraction" in names:
        values["dendritic_delay_fraction"] = 0.4
    weight = random.uniform(0.1, 0.7, 60)
    network.connect(sources, cells, "excitatory", pairs, weight, 12, model, values)
    return network


@pytest.mark.parametrize("precision", ["off_grid", "on_grid"])
@pytest.mark.parametrize("model", [*MODELS, Counting], ids=lambda model: model.name)
def test_same_on_both(model: type[Synapse], precision: str, kernel_cache: Any) -> None:
    executors = (NumbaExecutor(kernel_cache), TorchExecutor())
    networks = [build(executor, kernel_cache, model, precision) for executor in executors]
    for steps in (301, 700):
        for network in networks:
            network.run(steps)
    spikes = [n.spike_monitors[n.groups[0]].spikes(n.clock) for n in networks]
    assert spikes[0][0].size > 20
    np.testing.assert_array_equal(spikes[0][0], spikes[1][0])
    np.testing.assert_allclose(spikes[0][1], spikes[1][1], rtol=0.0, atol=1e-9)
    names = ["weight", *(state.name for state in model.states)]
    for name in names:
        one, other = (network.projections[0].get(name) for network in networks)
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12, err_msg=name)
    arrived = [network.projections[0].dynamics.arrived for network in networks]
    np.testing.assert_array_equal(*arrived)


class WholeNumbers(Counting):
    """Its defaults are written without a point."""

    name = "WholeNumbers"
    parameters = (DENDRITIC_DELAY_FRACTION, Parameter("factor", 3, ""))
    states = (State("before", 2, ""), State("after", 0, ""))

    @staticmethod
    def on_pre(weight: Any, before: Any, factor: Any) -> Any:
        return before * factor, weight


def test_whole_numbers_as_defaults(kernel_cache: Any) -> None:
    network = EventNetwork(0.1, 7, executor=NumbaExecutor(kernel_cache), cache=kernel_cache)
    source = network.add(SpikeArrayGroup(1, "source"))
    source.set_spike_times([np.array([5.0, 10.0])])
    cells = network.add(NeuronGroup(LIFCurrentExponential, 1, "cells"))
    pairs = np.zeros(1, np.int32), np.zeros(1, np.int32)
    projection = network.connect(source, cells, "excitatory", pairs, 0.0, 10, WholeNumbers, {})
    network.run(200)
    np.testing.assert_array_equal(projection.get("before"), [18.0])


def test_numbers_of_postsynaptic_spikes_are_uniform_and_their_own(kernel_cache: Any) -> None:
    network = EventNetwork(0.1, 7, executor=NumbaExecutor(kernel_cache), cache=kernel_cache)
    source = network.add(SpikeArrayGroup(1, "source"))
    source.set_spike_times([np.array([50.0, 100.0, 150.0])])
    cells = network.add(NeuronGroup(LIFCurrentExponential, 400, "cells", {"i_offset": 2.0}))
    network.record_spikes(cells, slice(None))
    pairs = np.zeros(400, np.int32), np.arange(400, dtype=np.int32)
    projection = network.connect(source, cells, "excitatory", pairs, 0.0, 10, Counting, {})
    network.run(2000)
    counts = np.bincount(network.spike_monitors[cells].spikes(network.clock)[0], minlength=400)
    after, before = projection.get("after").copy(), projection.get("before")
    # the last spike of a cell may still be on its way
    assert after.mean() == pytest.approx(counts.mean() / 2.0, rel=0.06)
    assert after.std() == pytest.approx(np.sqrt(counts.mean() / 12.0), rel=0.15)
    assert abs(np.corrcoef(after, before)[0, 1]) < 0.15
    network.reset()
    network.run(2000)
    assert (projection.get("after") != after).all()
