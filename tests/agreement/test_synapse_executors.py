"""Synapses with a model bring the same spikes, weights and states on every executor."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from ship_engine.event_network import EventNetwork
from ship_engine.executors.base import Executor
from ship_engine.executors.numba_cpu import NumbaExecutor
from ship_engine.executors.torch_autograd import TorchExecutor
from ship_engine.groups import Group, NeuronGroup, SpikeArrayGroup
from ship_engine.lowering.cache import KernelCache
from ship_engine.models.lif import LIFCurrentExponential, LIFVoltageJump
from ship_engine.projection import Projection
from ship_engine.sources.renewal import PoissonGroup
from ship_engine.synapses.base import Synapse
from ship_engine.synapses.short_term import (
    MultiQuantal,
    SimpleStochastic,
    StochasticTsodyksMarkram,
    TsodyksMarkram,
)
from ship_engine.synapses.stdp import (
    Additive,
    AdditivePotentiationMultiplicativeDepression,
    Gutig,
    Multiplicative,
    SpikePairs,
    Vogels2011,
    compose_stdp,
)

SHORT_TERM = (TsodyksMarkram, SimpleStochastic, StochasticTsodyksMarkram, MultiQuantal)
PAIRS = compose_stdp(SpikePairs, Additive)
VOGELS = compose_stdp(Vogels2011, Multiplicative)
RULES = [
    compose_stdp(*parts)
    for parts in itertools.product(
        (SpikePairs, Vogels2011),
        (Additive, Multiplicative, AdditivePotentiationMultiplicativeDepression, Gutig),
    )
]
PRECISIONS = pytest.mark.parametrize("precision", ["off_grid", "on_grid"])
VARIOUS = pytest.mark.parametrize("various", [False, True], ids=["alike", "various"])
SAME = 1e-9

# The middle of what each parameter may be here; various synapses have values around it.
TYPICAL = {"U": 0.4, "tau_rec": 120.0, "tau_facil": 60.0, "tau_psc": 3.0, "p": 0.6, "n": 5.0}
TYPICAL |= {"tau_plus": 17.0, "tau_minus": 24.0, "A_plus": 0.02, "A_minus": 0.015, "w_max": 0.9}
TYPICAL |= {"tau": 20.0, "eta": 0.004, "rho": 12.0, "mu_plus": 0.6, "mu_minus": 0.3}


class Recipe:
    """Neurons that fire, driven by Poisson processes and listed spikes, always the same."""

    def __init__(self, cache: KernelCache, precision: str, various: bool) -> None:
        self.cache, self.precision, self.various = cache, precision, various

    def start(self, executor: Executor, neurons: int) -> tuple[EventNetwork, NeuronGroup]:
        """A network with neurons that fire by themselves."""
        self.random = np.random.default_rng(5)
        self.network = network = EventNetwork(0.1, 11, self.precision, executor, self.cache)
        drive = {"i_offset": self.random.uniform(0.8, 1.5, neurons), "tau_refrac": 1.0}
        cells = NeuronGroup(LIFCurrentExponential, neurons, "cells", drive)
        network.add(cells)
        network.record_spikes(cells, slice(None))
        return network, cells

    def sources(self, network: EventNetwork) -> list[Group]:
        """Usual rates, several spikes in one step, and spikes on the grid and at time zero."""
        poisson = network.add(PoissonGroup(8, "poisson", {"rate": 60.0}))
        busy = {"rate": 2e4, "start": 20.03, "duration": 6.0}
        rapid = network.add(PoissonGroup(2, "rapid", busy))
        listed = network.add(SpikeArrayGroup(3, "listed"))
        assert isinstance(listed, SpikeArrayGroup)
        times = [[0.0, 10.0, 10.0, 30.05], [5.1, 5.13, 5.17, 70.0], np.arange(1.0, 90.0, 4.7)]
        listed.set_spike_times([np.array(t) for t in times])
        return [poisson, rapid, listed]

    def connect(
        self,
        source: Group,
        target: NeuronGroup,
        model: type[Synapse],
        fraction: Any = None,
        delays: tuple[int, int] = (1, 9),
        share: float = 0.5,
    ) -> Projection:
        chosen = self.random.random((source.size, target.size)) < share
        pairs = tuple(cells.astype(np.int32) for cells in np.nonzero(chosen))
        count = pairs[0].size
        names = [parameter.name for parameter in model.parameters]
        values = {name: TYPICAL[name] for name in names if name in TYPICAL}
        delay: Any = delays[1] - 2
        if self.various:
            spread = {name: self.random.uniform(0.7, 1.3, count) for name in values}
            values = {name: values[name] * factor for name, factor in spread.items()}
            values = {n: np.rint(v) if n == "n" else v for n, v in values.items()}
            delay = self.random.integers(*delays, count)
        if fraction is not None:
            values["dendritic_delay_fraction"] = fraction
        weight = self.random.uniform(0.1, 0.6, count)
        return self.network.connect(
            source, target, "excitatory", pairs, weight, delay, model, values
        )

    def build(
        self, executor: Executor, model: type[Synapse], fractions: Sequence[Any] = (None,)
    ) -> EventNetwork:
        """All sources reach the same neurons through synapses of one model, at several places."""
        network, cells = self.start(executor, 6)
        for source, fraction in itertools.product(self.sources(network), fractions):
            self.connect(source, cells, model, fraction)
        network.record_state(cells, "v", np.arange(6), 3)
        network.record_state(cells, "isyn_exc", np.arange(6))
        return network


def assert_same(first: EventNetwork, second: EventNetwork, least: int = 10) -> None:
    """Compare spikes, samples, and all that synapses know."""
    assert (first.step, first.arrived_until) == (second.step, second.arrived_until)
    for one, other in zip(first.groups, second.groups, strict=True):
        if one in first.spike_monitors:
            found, expected = (
                network.spike_monitors[group].spikes(network.clock)
                for network, group in ((first, one), (second, other))
            )
            assert found[0].size >= least
            np.testing.assert_array_equal(found[0], expected[0])
            np.testing.assert_allclose(found[1], expected[1], rtol=0.0, atol=SAME)
        np.testing.assert_allclose(one.ring.data, other.ring.data, rtol=SAME, atol=SAME)
    for mine, yours in zip(first.state_monitors, second.state_monitors, strict=True):
        np.testing.assert_allclose(mine.samples, yours.samples, rtol=SAME, atol=SAME)
    for one, other in zip(first.projections, second.projections, strict=True):
        assert_same_synapses(one, other)


def assert_same_synapses(one: Projection, other: Projection) -> None:
    if one.dynamics is None or other.dynamics is None:
        assert one.dynamics is other.dynamics
        return
    one.catch_up()
    other.catch_up()
    np.testing.assert_allclose(one.synapses.weight, other.synapses.weight, rtol=SAME, atol=1e-12)
    np.testing.assert_array_equal(one.dynamics.arrived, other.dynamics.arrived)
    np.testing.assert_allclose(one.dynamics.deferred, other.dynamics.deferred, atol=SAME)
    for name, values in one.dynamics.states.items():
        expected = other.dynamics.states[name]
        np.testing.assert_allclose(values, expected, rtol=SAME, atol=SAME, err_msg=name)
    if one.dynamics.model.plastic():
        np.testing.assert_array_equal(pending(one), pending(other))


def pending(projection: Projection) -> Any:
    """How many postsynaptic spikes each synapse has still to take in."""
    history, dynamics = projection.target.history, projection.dynamics
    assert history is not None
    assert dynamics is not None
    return history.count[projection.synapses.target] - dynamics.seen


def executors(cache: KernelCache) -> tuple[Executor, Executor]:
    return NumbaExecutor(cache), TorchExecutor()


@pytest.mark.parametrize("model", SHORT_TERM, ids=lambda model: model.name)
@PRECISIONS
@VARIOUS
def test_short_term(model, precision, various, kernel_cache):
    recipe = Recipe(kernel_cache, precision, various)
    networks = [recipe.build(executor, model) for executor in executors(kernel_cache)]
    for network in networks:
        network.run(400)
    assert_same(*networks)
    assert networks[0].state_monitors[1].samples.max() > 0.3


@pytest.mark.parametrize("model", [PAIRS, VOGELS], ids=lambda model: model.name)
@PRECISIONS
@VARIOUS
def test_plasticity_at_every_place_of_the_synapse(model, precision, various, kernel_cache):
    recipe = Recipe(kernel_cache, precision, various)
    places = (0.0, 0.3, 0.5, 1.0)
    networks = [recipe.build(executor, model, places) for executor in executors(kernel_cache)]
    given = [p.synapses.weight.copy() for p in networks[0].projections]
    for network in networks:
        network.run(400)
    assert_same(*networks)
    for projection, weight in zip(networks[0].projections, given, strict=True):
        assert np.abs(projection.get("weight") - weight).max() > 1e-3


@pytest.mark.parametrize("model", RULES, ids=lambda model: model.name)
def test_every_rule_and_dependence(model, kernel_cache):
    recipe = Recipe(kernel_cache, "off_grid", various=True)
    networks = [recipe.build(executor, model, (0.6,)) for executor in executors(kernel_cache)]
    for network in networks:
        network.run(400)
    assert_same(*networks, least=5)


@PRECISIONS
def test_each_synapse_with_a_fraction_of_its_own(precision, kernel_cache):
    """Axons of one projection then have any number of steps, and synapses share no table."""
    networks = []
    for executor in executors(kernel_cache):
        recipe = Recipe(kernel_cache, precision, various=True)
        network = recipe.build(executor, PAIRS)
        for projection in network.projections:
            fractions = np.linspace(0.0, 1.0, len(projection.synapses))
            projection.set(dendritic_delay_fraction=fractions)
        network.run(500)
        networks.append(network)
    assert_same(*networks)


@PRECISIONS
@pytest.mark.parametrize("fraction", [0.0, 0.7, 1.0])
def test_recurrent_plastic_network(precision, fraction, kernel_cache):
    networks = []
    for executor in executors(kernel_cache):
        recipe = Recipe(kernel_cache, precision, various=True)
        network, cells = recipe.start(executor, 20)
        cells.set(i_offset=np.linspace(0.4, 0.8, 20), tau_refrac=5.0)
        poisson = network.add(PoissonGroup(30, "poisson", {"rate": 50.0}))
        recipe.connect(poisson, cells, PAIRS, fraction, share=0.3)
        recipe.connect(cells, cells, PAIRS, fraction, (1, 20), share=0.4)
        recipe.connect(cells, cells, TsodyksMarkram, delays=(1, 15), share=0.2)
        recipe.connect(cells, cells, StochasticTsodyksMarkram, share=0.1)
        network.run(700)
        networks.append(network)
    assert_same(*networks, least=30)


@pytest.mark.parametrize("model", [*SHORT_TERM, PAIRS, VOGELS], ids=lambda model: model.name)
def test_a_single_synapse(model, kernel_cache):
    networks = []
    for executor in executors(kernel_cache):
        recipe = Recipe(kernel_cache, "off_grid", various=False)
        network, cells = recipe.start(executor, 1)
        source = network.add(PoissonGroup(1, "poisson", {"rate": 200.0}))
        recipe.connect(source, cells, model, share=1.0)
        network.run(300)
        networks.append(network)
    assert len(networks[0].projections[0].synapses) == 1
    assert_same(*networks, least=1)


def test_undelayed_plastic_synapses(kernel_cache):
    """Onto cells that come later in the step, and onto themselves in the next one."""
    networks = []
    for executor in executors(kernel_cache):
        recipe = Recipe(kernel_cache, "off_grid", various=False)
        network, cells = recipe.start(executor, 6)
        for source in (*recipe.sources(network), cells):
            recipe.connect(source, cells, PAIRS, delays=(0, 2))
        network.run(500)
        networks.append(network)
    assert all(p.synapses.undelayed for p in networks[0].projections)
    assert_same(*networks)


def test_jumps_of_potential(kernel_cache):
    """Amounts cannot be split where they could cross the threshold."""
    networks = []
    for executor in executors(kernel_cache):
        network = EventNetwork(0.1, 3, "off_grid", executor, kernel_cache)
        source = network.add(PoissonGroup(20, "source", {"rate": 200.0}))
        cells = network.add(NeuronGroup(LIFVoltageJump, 4, "cells", {"tau_m": 10.0}))
        pairs = tuple(k.reshape(-1).astype(np.int32) for k in np.indices((20, 4)))
        network.connect(source, cells, "excitatory", pairs, 1.2, 6, PAIRS, {"w_max": 2.0})
        network.connect(source, cells, "excitatory", pairs, 1.2, 3, TsodyksMarkram)
        network.record_spikes(cells, slice(None))
        network.run(700)
        networks.append(network)
    assert_same(*networks)


def build_mixed(
    executor: Executor, cache: KernelCache, precision: str = "off_grid"
) -> EventNetwork:
    """Every kind of synapse at once."""
    recipe = Recipe(cache, precision, various=True)
    network, cells = recipe.start(executor, 6)
    poisson, rapid, listed = recipe.sources(network)
    recipe.connect(poisson, cells, PAIRS, 0.25)
    recipe.connect(poisson, cells, MultiQuantal)
    recipe.connect(rapid, cells, TsodyksMarkram)
    recipe.connect(listed, cells, VOGELS, 1.0)
    recipe.connect(cells, cells, PAIRS, 0.0, delays=(1, 30))
    cell = np.arange(6, dtype=np.int32)
    network.couple(cells, cells, (cell, np.roll(cell, 1)), 0.004)
    network.record_state(cells, "v", np.arange(6), 3)
    return network


@PRECISIONS
def test_a_run_may_be_cut_anywhere(precision, executor, kernel_cache):
    whole, cut = (build_mixed(executor(), kernel_cache, precision) for _ in range(2))
    whole.run(500)
    for steps in (1, 98, 151, 0, 250):
        cut.run(steps)
        for projection in cut.projections:
            projection.get("weight")
    assert_same(whole, cut)


@PRECISIONS
def test_another_executor_goes_on(precision, kernel_cache):
    """All that synapses know lies in the network."""
    numba, tensors = executors(kernel_cache)
    staying, changing = (build_mixed(numba, kernel_cache, precision) for _ in range(2))
    for executor, steps in ((numba, 251), (tensors, 125), (numba, 1), (tensors, 123)):
        changing.executor = executor
        changing.run(steps)
        staying.run(steps)
    assert_same(staying, changing)


def test_reset_restores_weights_and_draws_anew(kernel_cache):
    networks = [build_mixed(executor, kernel_cache) for executor in executors(kernel_cache)]
    first = []
    for network in networks:
        given = [p.get("weight").copy() for p in network.projections]
        network.run(300)
        first.append([p.get("weight").copy() for p in network.projections])
        network.reset()
        for projection, weight in zip(network.projections, given, strict=True):
            np.testing.assert_array_equal(projection.get("weight"), weight)
            assert (projection.dynamics.arrived == 0).all()
        network.run(300)
    assert_same(*networks, least=5)
    assert not np.array_equal(networks[0].projections[0].get("weight"), first[0][0])


def test_values_change_between_runs(kernel_cache):
    networks = [build_mixed(executor, kernel_cache) for executor in executors(kernel_cache)]
    for network in networks:
        network.run(200)
        plastic, quantal, depressing, vogels, _ = network.projections
        plastic.set(weight=0.3, tau_plus=30.0)
        quantal.set(U=0.8)
        depressing.set(weight=np.linspace(0.1, 0.9, len(depressing.synapses)))
        depressing.initialize("x", 0.5)
        vogels.set(delay=20, w_max=2.0)
        network.gap_junctions[0].set(0.01)
        network.run(300)
    assert_same(*networks, least=5)


def test_many_spikes_before_a_synapse_looks(kernel_cache):
    """The history of spikes grows, and is shortened, while most synapses have no event."""
    networks = []
    for executor in executors(kernel_cache):
        recipe = Recipe(kernel_cache, "off_grid", various=False)
        network, cells = recipe.start(executor, 3)
        cells.set(i_offset=20.0)
        silent = network.add(SpikeArrayGroup(2, "silent"))
        silent.set_spike_times([np.array([1.0]), np.array([1.0, 290.0])])
        recipe.connect(silent, cells, PAIRS, 0.5, share=1.0)
        network.run(3000)
        networks.append(network)
    assert networks[0].spike_monitors[networks[0].groups[0]].count > 300
    assert_same(*networks)


def test_single_precision_stays_close(kernel_cache):
    networks = [build_mixed(NumbaExecutor(kernel_cache), kernel_cache)]
    networks.append(build_mixed(TorchExecutor(dtype=torch.float32), kernel_cache))
    for network in networks:
        network.run(150)
    for one, other in zip(*(network.projections for network in networks), strict=True):
        np.testing.assert_allclose(one.get("weight"), other.get("weight"), rtol=1e-3)
