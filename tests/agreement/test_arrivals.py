"""Jumps of the potential act at their moment, between the time steps, on every executor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ship_engine.event_network import EventNetwork
from ship_engine.executors.base import Executor
from ship_engine.executors.numba_cpu import NumbaExecutor
from ship_engine.executors.torch_autograd import TorchExecutor
from ship_engine.groups import NeuronGroup, SpikeArrayGroup
from ship_engine.lowering.cache import KernelCache
from ship_engine.models.adaptive_exponential import AdaptiveExponentialMembrane
from ship_engine.models.composition import compose
from ship_engine.models.izhikevich import Izhikevich
from ship_engine.models.lif import LeakyMembrane, LIFVoltageJump
from ship_engine.models.receptors import (
    ConductanceAlpha,
    ConductanceExponential,
    CurrentAlpha,
    CurrentExponential,
    VoltageJump,
)
from ship_engine.synapses.short_term import SimpleStochastic

MakeExecutor = Callable[..., Executor]
Trains = list[tuple[str, float, float]]
REST, THRESHOLD, TAU, PERIOD = -65.0, -50.0, 20.0, 0.33


class Driven:
    """One neuron, and a source for each of its inputs (port, time in ms, weight)."""

    def __init__(
        self, executor: Executor, inputs: Trains, model: Any = LIFVoltageJump, **options: Any
    ) -> None:
        self.network = EventNetwork(executor=executor, **options)
        given = {"tau_refrac": PERIOD} if model.refractory_period else {}
        self.cell = NeuronGroup(model, 1, "cell", given)
        self.network.add(self.cell)
        self.spikes = self.network.record_spikes(self.cell, slice(None))
        self.v = self.network.record_state(self.cell, "v", np.arange(1))
        for port in {port for port, *_ in inputs}:
            chosen = [(t, w) for p, t, w in inputs if p == port]
            source = self.network.add(SpikeArrayGroup(len(chosen), port))
            source.set_spike_times([np.array([t - 0.1]) for t, _ in chosen])
            index = np.arange(len(chosen), dtype=np.int32)
            pairs = index, np.zeros_like(index)
            self.network.connect(source, self.cell, port, pairs, [w for _, w in chosen], 1)

    @property
    def times(self) -> NDArray[np.float64]:
        return self.spikes.spikes(self.network.clock)[1]


def true_spikes(events: list[tuple[float, float]]) -> list[float]:
    """Spike times of a leaky neuron that gets these jumps (ms, mV)."""
    v, now, deaf_until, spikes = REST, 0.0, 0.0, list[float]()
    for time, jump in sorted(events):
        if time < deaf_until:
            continue
        v, now = REST + (v - REST) * np.exp(-(time - max(now, deaf_until)) / TAU) + jump, time
        if v >= THRESHOLD:
            spikes.append(time)
            v, deaf_until = REST, time + PERIOD
    return spikes


def test_many_in_one_step_act_at_their_mean_time_by_port_and_sign(executor: MakeExecutor) -> None:
    random = np.random.default_rng(8)
    inputs: Trains = []
    for port, weights in (("excitatory", (1.0, 4.0)), ("inhibitory", (-3.0, 2.0))):
        times = random.uniform(0.2, 59.9, 900)
        inputs += [(port, t, w) for t, w in zip(times, random.uniform(*weights, 900), strict=True)]
    together: dict[tuple[str, bool, int], list[tuple[float, float]]] = {}
    for port, time, weight in inputs:
        together.setdefault((port, weight > 0.0, int(10.0 * time)), []).append((time, weight))
    events = []
    for group in together.values():
        times, weights = np.array(group).T
        events.append((float(np.average(times, weights=weights)), float(weights.sum())))
    driven = Driven(executor(), inputs)
    for steps in (1, 250, 0, 349):  # what is pending is kept
        driven.network.run(steps)
    expected = true_spikes(events)
    assert len(expected) > 40
    np.testing.assert_allclose(driven.times, expected, rtol=0.0, atol=1e-9)
    driven.network.reset()
    driven.network.run(600)
    np.testing.assert_allclose(driven.times, expected, rtol=0.0, atol=1e-9)


@pytest.mark.parametrize(
    ("inputs", "spikes"),
    [
        ([("excitatory", 1.04, 20.0)], [1.04]),
        ([("excitatory", 1.04, 20.0), ("inhibitory", 1.04, -10.0)], []),
        ([("excitatory", 1.03, 20.0), ("inhibitory", 1.06, -10.0)], [1.03]),
        ([("excitatory", 1.06, 20.0), ("inhibitory", 1.03, -10.0)], []),
        ([("excitatory", 1.0, 14.0), ("excitatory", 1.05, 2.0)], [1.05]),
        ([("excitatory", 1.0, 20.0), ("excitatory", 1.32, 20.0)], [1.0]),  # 1.33: period is over
        ([("excitatory", 1.0, 20.0), ("excitatory", 1.34, 20.0)], [1.0, 1.34]),
        ([("excitatory", 1.0, 20.0), ("inhibitory", 1.34, 20.0)], [1.0, 1.34]),
        ([("excitatory", 1.02, 20.0), ("excitatory", 1.27, 20.0)], [1.02]),  # deaf all the step
    ],
)
def test_order_inside_a_step(inputs: Trains, spikes: list[float], executor: MakeExecutor) -> None:
    driven = Driven(executor(), inputs)
    driven.network.run(30)
    np.testing.assert_allclose(driven.times, spikes, rtol=0.0, atol=1e-12)
    ring = driven.cell.ring
    assert ring.inside is not None
    assert ring.due is not None
    assert not ring.inside.any()
    assert not ring.due.any()


def test_samples_hold_what_has_arrived(executor: MakeExecutor) -> None:
    driven = Driven(executor(), [("excitatory", 1.04, 2.0), ("inhibitory", 1.2, -1.0)])
    driven.network.run(13)
    jumped = 2.0 * np.exp(-(np.array([1.1, 1.2]) - 1.04) / TAU)
    expected = [0.0, jumped[0], jumped[1] - 1.0]
    np.testing.assert_allclose(driven.v.samples[10:13, 0] - REST, expected, rtol=0.0, atol=1e-12)


def test_on_the_grid_nothing_is_kept_apart(executor: MakeExecutor) -> None:
    inputs: Trains = [("excitatory", 1.04, 20.0)]
    driven = Driven(executor(), inputs, spike_precision="on_grid")
    driven.network.run(30)
    assert driven.cell.ring.inside is None
    np.testing.assert_allclose(driven.times, [1.1], rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("dt", [0.1, 0.25])
def test_a_neuron_in_divided_steps(dt: float, executor: MakeExecutor) -> None:
    """A jump of 100 mV fires it at once; then time without input is the same in any steps."""
    times = []
    for step in (dt, 0.01):
        driven = Driven(executor(), [("excitatory", 5.037, 100.0)], Izhikevich, dt=step)
        driven.network.projections[0].synapses.delay[:] = 1
        sources = driven.network.groups[1]
        sources.set(spike_times=[np.array([5.037 - step])])
        driven.network.run(round(20.0 / step))
        times.append(driven.times)
    np.testing.assert_allclose(times[0], times[1], rtol=0.0, atol=1e-4)
    assert times[0][0] == pytest.approx(5.037, abs=1e-12)


def _mixed(name: str, membrane: Any, receptors: tuple[Any, Any]) -> Any:
    ports = {
        "jump": (VoltageJump, "_j"),
        "decay": (receptors[0], "_d"),
        "alpha": (receptors[1], "_a"),
    }
    return compose(name, membrane, ports)


MIXED = [
    _mixed("MixedCurrents", LeakyMembrane, (CurrentExponential, CurrentAlpha)),
    _mixed("MixedAdEx", AdaptiveExponentialMembrane, (ConductanceExponential, ConductanceAlpha)),
]


@pytest.mark.parametrize("model", MIXED, ids=lambda model: model.name)
def test_other_receptors_beside_jumps(model: Any, kernel_cache: KernelCache) -> None:
    """All of a model's input is then kept apart, and acts at its moment."""
    random = np.random.default_rng(2)
    weights = {"jump": 2.0, "decay": 0.3, "alpha": 0.3}
    if model is MIXED[1]:
        weights |= {"decay": 0.02, "alpha": 0.02}
    inputs: Trains = [
        (port, time, weight)
        for port, weight in weights.items()
        for time in random.uniform(0.2, 39.9, 120)
    ]
    found = []
    for executor, dt in ((NumbaExecutor(kernel_cache), 0.1), (TorchExecutor(), 0.1)):
        driven = Driven(executor, inputs, model, dt=dt)
        driven.network.run(400)
        found.append((driven.times, driven.v.samples))
    assert found[0][0].size > 3
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=0.0, atol=1e-9)


def test_alpha_currents_beside_jumps_are_exact(executor: MakeExecutor) -> None:
    driven = Driven(executor(), [("alpha", 1.04, 0.2), ("jump", 1.07, 1.0)], MIXED[0])
    current = driven.network.record_state(driven.cell, "isyn_a", np.arange(1))
    driven.network.run(30)
    since = np.maximum(0.1 * np.arange(30) - 1.04, 0.0)
    expected = 0.2 * since / 5.0 * np.exp(1.0 - since / 5.0)
    np.testing.assert_allclose(current.samples[:30, 0], expected, rtol=0.0, atol=1e-12)


def test_synapses_with_a_model(executor: MakeExecutor) -> None:
    network = EventNetwork(executor=executor())
    source = network.add(SpikeArrayGroup(1, "source"))
    source.set(spike_times=[np.array([0.53, 2.04])])
    cell = network.add(NeuronGroup(LIFVoltageJump, 1, "cell"))
    v = network.record_state(cell, "v", np.arange(1))
    zero = np.zeros(1, np.int32)
    network.connect(source, cell, "excitatory", (zero, zero), 4.0, 3, SimpleStochastic, {"p": 1.0})
    network.run(40)
    time = 0.1 * np.arange(40)
    expected = np.zeros(40)
    for arrival, jump in ((0.83, 4.0), (2.34, 4.0)):
        expected += np.where(time > arrival, jump * np.exp((arrival - time) / TAU), 0.0)
    np.testing.assert_allclose(v.samples[:40, 0] - REST, expected, rtol=0.0, atol=1e-9)


def test_what_is_pending_is_kept_when_longer_delays_come(executor: MakeExecutor) -> None:
    driven = Driven(executor(), [("excitatory", 1.04, 20.0), ("inhibitory", 1.02, -1.0)])
    network, cell = driven.network, driven.cell
    for projection in network.projections:
        projection.set(delay=7)
    network.run(12)
    zero = np.zeros(1, np.int32)
    network.connect(network.groups[1], cell, "excitatory", (zero, zero), 1.0, 50)
    network.run(18)
    np.testing.assert_allclose(driven.times, [1.64], rtol=0.0, atol=1e-12)
