"""The same network brings the same spikes and states on every executor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ship_engine.currents import NoisyCurrent, SineCurrent, StepCurrent
from ship_engine.errors import NonFiniteStateError
from ship_engine.event_network import EventNetwork
from ship_engine.executors.base import Executor
from ship_engine.executors.numba_cpu import NumbaExecutor
from ship_engine.executors.torch_autograd import TorchExecutor
from ship_engine.groups import Group, NeuronGroup, SpikeArrayGroup
from ship_engine.lowering.cache import KernelCache
from ship_engine.models.adaptive_exponential import (
    AdaptiveExponentialConductanceAlpha,
    AdaptiveExponentialConductanceExponential,
)
from ship_engine.models.base import Model, Parameter, State
from ship_engine.models.hodgkin_huxley import HodgkinHuxleyTraub
from ship_engine.models.integrate_and_fire_generalized import GIFConductanceExponential
from ship_engine.models.izhikevich import Izhikevich
from ship_engine.models.lif import (
    LIFConductanceAlpha,
    LIFConductanceExponential,
    LIFCurrentAlpha,
    LIFCurrentExponential,
    LIFVoltageJump,
)
from ship_engine.models.lif_variants import LIFAdapting, LIFHardware
from ship_engine.sources.renewal import PoissonGroup

WEIGHTS = {
    LIFCurrentExponential: 0.12,
    LIFCurrentAlpha: 0.07,
    LIFVoltageJump: 0.8,
    LIFConductanceExponential: 0.0015,
    LIFConductanceAlpha: 0.001,
    LIFAdapting: 0.003,
    LIFHardware: 0.0015,
    AdaptiveExponentialConductanceExponential: 0.003,
    AdaptiveExponentialConductanceAlpha: 0.002,
    GIFConductanceExponential: 0.0015,
    HodgkinHuxleyTraub: 0.02,
    Izhikevich: 1.5,
}
BY_THEMSELVES = {
    "LIFAdapting": {"cm": 0.25, "tau_m": 15.0, "i_offset": 0.7, "q_s": 1.0, "q_r": 5.0},
    "AdaptiveExponentialConductanceExponential": {"i_offset": 0.6, "b": 0.02},
    "AdaptiveExponentialConductanceAlpha": {"i_offset": 0.6, "b": 0.02},
    "GIFConductanceExponential": {"cm": 0.25, "i_offset": 0.3, "a_eta_1": 0.1, "a_eta_2": 0.01,
                                  "a_eta_3": 0.01, "lambda0": 20.0, "v_reset": -66.0},
    "HodgkinHuxleyTraub": {"i_offset": 0.15},
    "Izhikevich": {"i_offset": 0.004},
}  # fmt: skip
"""Values that make cells of these models spike now and then; the rest are their defaults."""
MODELS = pytest.mark.parametrize("model", WEIGHTS, ids=lambda model: model.name)
PRECISIONS = pytest.mark.parametrize("precision", ["off_grid", "on_grid"])
SAME = 1e-9


class Recipe:
    """Random networks that are the same whenever they are built."""

    def __init__(self, model: type[Model], precision: str, cache: KernelCache) -> None:
        self.model, self.precision, self.cache = model, precision, cache

    def parameters(self, size: int, spread: float) -> dict[str, Any]:
        values = {"v_rest": -65.0, "cm": 0.25, "tau_m": 15.0, "tau_refrac": 2.0, "i_offset": 0.15}
        values |= {"v_reset": -67.0, "v_thresh": -50.0, "tau_syn_exc": 3.0, "tau_syn_inh": 6.0}
        values |= {"e_syn_exc": 0.0, "e_syn_inh": -75.0}
        if self.model.name in BY_THEMSELVES:
            values = {p.name: p.default for p in self.model.parameters}
            values |= BY_THEMSELVES[self.model.name]
        values |= {"g_leak": values.get("g_leak", 15.0)}
        known = [parameter.name for parameter in self.model.parameters]
        factor = self.random.uniform(1.0 - spread, 1.0 + spread, (len(known), size))
        common = ("cm", "tau_syn_inh", "a")
        return {
            name: values[name] * (factor[k] if spread and name not in common else 1.0)
            for k, name in enumerate(known)
        }

    def connect(
        self, source: Group, target: Group, share: float, weight: Any, delay: Any, port: str
    ) -> None:
        target_cells, source_cells = np.nonzero(
            self.random.random((target.size, source.size)) < share
        )
        pairs = source_cells.astype(np.int32), target_cells.astype(np.int32)
        count = source_cells.size
        if isinstance(weight, tuple):
            weight = self.random.uniform(*sorted(weight), count)
        if isinstance(delay, tuple):
            delay = self.random.integers(*delay, count)
        self.network.connect(source, target, port, pairs, weight, delay)

    def build(self, executor: Executor) -> EventNetwork:
        """Neurons with parameters of their own, and with common ones, sources, and currents."""
        self.random = random = np.random.default_rng(3)
        self.network = network = EventNetwork(0.1, 7, self.precision, executor, self.cache)
        various = network.add(NeuronGroup(self.model, 16, "various", self.parameters(16, 0.05)))
        alike = network.add(NeuronGroup(self.model, 8, "alike", self.parameters(8, 0.0)))
        rates = {"rate": random.uniform(20.0, 200.0, 29), "start": random.uniform(0.0, 20.0, 29)}
        rates["duration"] = random.uniform(100.0, 400.0, 29)
        poisson = network.add(PoissonGroup(29, "poisson", rates))
        busy = network.add(PoissonGroup(2, "busy", {"rate": 3e4, "start": 10.04, "duration": 20.0}))
        array = network.add(SpikeArrayGroup(10, "array"))
        array.set_spike_times([np.sort(random.uniform(0.0, 300.0, 60)) for _ in range(10)])
        for group in (various, alike):
            group.initialize("v", random.uniform(-65.0, -50.0, group.size))
        w = WEIGHTS[self.model]
        conductances = "e_syn_inh" in [p.name for p in self.model.parameters]
        inhibition = w if conductances else -w
        self.connect(poisson, various, 0.3, (0.5 * w, 1.5 * w), (1, 20), "excitatory")
        self.connect(busy, various, 0.5, 0.01 * w, 2, "excitatory")
        self.connect(array, various, 0.3, (0.5 * w, 1.5 * w), 1, "excitatory")
        self.connect(various, alike, 0.6, (0.5 * w, 1.5 * w), (1, 6), "excitatory")
        self.connect(various, various, 0.2, 0.5 * w, (1, 12), "excitatory")
        self.connect(alike, various, 0.5, (0.5 * inhibition, inhibition), 0, "inhibitory")
        self.connect(alike, alike, 0.5, inhibition, 3, "inhibitory")
        sine = SineCurrent(0.1, 0.1, 8.0, 10.0, 20.0, 200.0)
        network.inject(sine, various, np.arange(9))
        network.inject(NoisyCurrent(0.1, 0.1, 1.0, 20.0, 200.0, (3, 4)), various, np.arange(5, 12))
        network.inject(StepCurrent(np.array([50.0]), np.array([0.2])), various, np.arange(5))
        for group in network.groups:
            network.record_spikes(group, slice(1, None))
        for state in self.model.states:
            network.record_state(various, state.name, np.arange(0, 16, 3), 7)
        network.record_state(alike, "v", np.arange(8), 5)
        return network


def assert_same(first: EventNetwork, second: EventNetwork) -> None:
    """Compare all that a run leaves behind."""
    assert first.step == second.step
    for one, other in zip(first.groups, second.groups, strict=True):
        found, expected = (n.spike_monitors[g] for n, g in ((first, one), (second, other)))
        (cells, times), (expected_cells, expected_times) = (
            monitor.spikes(first.clock) for monitor in (found, expected)
        )
        assert found.count > 20
        np.testing.assert_array_equal(cells, expected_cells)
        np.testing.assert_array_equal(found.step[: found.count], expected.step[: found.count])
        np.testing.assert_allclose(times, expected_times, rtol=0.0, atol=SAME)
        np.testing.assert_allclose(one.ring.data, other.ring.data, rtol=0.0, atol=SAME)
        if one.ring.inside is not None:
            pair = one.ring.inside, other.ring.inside
            np.testing.assert_allclose(*pair, rtol=0.0, atol=SAME)
            np.testing.assert_array_equal(one.ring.due, other.ring.due)
        if isinstance(one, NeuronGroup):
            for name in ("states", "refractory", "current"):
                pair = getattr(one, name), getattr(other, name)
                np.testing.assert_allclose(*pair, rtol=0.0, atol=SAME)
    for one, other in zip(first.state_monitors, second.state_monitors, strict=True):
        assert (one.count, one.last) == (other.count, other.last)
        np.testing.assert_allclose(one.samples, other.samples, rtol=0.0, atol=SAME)


@MODELS
@PRECISIONS
def test_torch_as_numba(model: type[Model], precision: str, kernel_cache: KernelCache) -> None:
    recipe = Recipe(model, precision, kernel_cache)
    networks = [recipe.build(x) for x in (NumbaExecutor(kernel_cache), TorchExecutor())]
    many = (1, 1204, 0, 1295) if model.longest_step is None else (1, 324, 0, 275)
    for network in networks:
        for steps in many:
            network.run(steps)
    assert_same(*networks)


@PRECISIONS
def test_dense_as_sparse(precision: str, kernel_cache: KernelCache) -> None:
    recipe = Recipe(LIFCurrentExponential, precision, kernel_cache)
    networks = [recipe.build(TorchExecutor(delivery=name)) for name in ("dense", "sparse")]
    for network in networks:
        network.run(1000)
    assert_same(*networks)


def test_change_of_executor(kernel_cache: KernelCache) -> None:
    """All that an executor knows lies in the network, so another one can go on."""
    recipe = Recipe(LIFCurrentAlpha, "off_grid", kernel_cache)
    numba, torch = NumbaExecutor(kernel_cache), TorchExecutor()
    changing, staying = recipe.build(numba), recipe.build(numba)
    for executor, steps in ((numba, 300), (torch, 301), (numba, 400)):
        changing.executor = executor
        changing.run(steps)
        staying.run(steps)
    assert_same(changing, staying)


def test_parameters_and_synapses_change_between_runs(kernel_cache: KernelCache) -> None:
    recipe = Recipe(LIFCurrentExponential, "off_grid", kernel_cache)
    networks = []
    for executor in (NumbaExecutor(kernel_cache), TorchExecutor()):
        network = recipe.build(executor)
        network.run(400)
        network.groups[1].set(np.arange(4), tau_m=11.0, i_offset=0.5)
        network.groups[2].set(rate=100.0)
        network.groups[4].set_spike_times([np.array([45.0, 45.01, 60.0])], np.array([2]))
        network.projections[0].synapses.weight *= 1.1
        recipe.connect(network.groups[3], network.groups[1], 0.2, 0.001, 40, "inhibitory")
        network.run(600)
        networks.append(network)
    assert_same(*networks)


def test_reset_draws_new_random_numbers(executor: Callable[..., Executor]) -> None:
    network = EventNetwork(executor=executor())
    source = network.add(PoissonGroup(50, "source", {"rate": 100.0}))
    monitor = network.record_spikes(source, slice(None))
    trials = []
    for _ in range(2):
        network.run(1000)
        trials.append(monitor.spikes(network.clock)[1])
        network.reset()
    assert network.step == 0
    assert not np.array_equal(*(np.sort(times) for times in trials))


class TestFailures:
    """A run that goes wrong stops in the same place with the same words."""

    def error(self, network: EventNetwork) -> NonFiniteStateError:
        with pytest.raises(NonFiniteStateError) as caught:
            network.run(2000)
        return caught.value

    def test_at_the_threshold(self, executor: Callable[..., Executor]) -> None:
        network = EventNetwork(executor=executor())
        group = network.add(NeuronGroup(LIFVoltageJump, 5, "cells"))
        network.run(3)
        group.set(np.array([3]), i_offset=1e308)
        error = self.error(network)
        assert (error.group, error.state, error.cell) == ("cells", "v", 3)
        assert error.time == pytest.approx(0.4)
        assert network.step == 3
        assert "smaller time step" in str(error)

    def test_without_a_threshold(self, executor: Callable[..., Executor]) -> None:
        network = EventNetwork(executor=executor())
        group = network.add(NeuronGroup(Growth, 3, "growing", {"factor": [1.0, 2.0, 1.0]}))
        error = self.error(network)
        assert (error.group, error.state, error.cell) == ("growing", "x", 1)
        assert 0 < network.step <= 2000
        assert network.time == error.time
        assert group["x"][0] == 1.0


class Growth(Model):
    """x grows by a factor in each step, and never spikes."""

    name = "Growth"
    parameters = (Parameter("factor", 1.0, "1"),)
    states = (State("x", 1.0, "1"),)

    @staticmethod
    def time_dep():  # type: ignore[no-untyped-def]
        return ()

    @staticmethod
    def advance_timestep(x, factor):  # type: ignore[no-untyped-def]
        return (x * factor,)


def test_progress_tells_all_steps(executor: Callable[..., Executor]) -> None:
    network = EventNetwork(executor=executor())
    network.add(NeuronGroup(LIFVoltageJump, 2, "cells"))
    done: list[int] = []
    network.run(1234, done.append)
    assert sum(done) == network.step == 1234
