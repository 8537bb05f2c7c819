"""Exact spike times, and their gradients against finite differences of the exact times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ship_engine.currents import PulseCurrent
from ship_engine.errors import InvalidValueError, UnknownNameError, UnsupportedByExecutorError
from ship_engine.event_network import EventNetwork
from ship_engine.executors import eventprop_course
from ship_engine.executors.eventprop import EventPropExecutor, EventRecording
from ship_engine.executors.numba_cpu import NumbaExecutor
from ship_engine.fused.threads import Threads
from ship_engine.groups import Group, NeuronGroup, SpikeArrayGroup
from ship_engine.lowering.cache import KernelCache
from ship_engine.models.lif import LIFCurrentAlpha, LIFCurrentExponential
from ship_engine.projection import Projection
from ship_engine.sources.renewal import PoissonGroup
from ship_engine.synapses.short_term import TsodyksMarkram

BATCH, STEPS, DT = 2, 60, 0.5
STEP_SIZES = (1e-4, 1e-5, 1e-6)
"""Of finite differences: large ones are not linear enough, small ones not exact enough."""


@pytest.fixture
def executor(kernel_cache: KernelCache) -> EventPropExecutor:
    return EventPropExecutor(cache=kernel_cache)


def connect(
    network: EventNetwork,
    source: Group,
    target: Group,
    weight: Any,
    delay: Any = 1,
    port: str = "excitatory",
) -> Projection:
    """Connect all pairs."""
    pairs = np.divmod(np.arange(source.size * target.size, dtype=np.int32), target.size)
    return network.connect(source, target, port, pairs, weight, delay)


class Example:
    """A source and two layers with feedback and recurrence, whose details are drawn at random."""

    def __init__(self, executor: EventPropExecutor, seed: int, **fixed: Any) -> None:
        self.executor, self.random = executor, np.random.default_rng(seed)
        self.network = EventNetwork(dt=DT, cache=executor._tools.cache)
        self.source = self.network.add(SpikeArrayGroup(4, "source"))
        self.layers = [self._layer(n, fixed) for n in (3, 2)]
        self.leaves: dict[Any, Tensor] = {}
        hidden, output = self.layers
        self.connect(self.source, hidden, 3.0)
        self.connect(hidden, output, 3.0, undelayed=bool(self.random.random() < 0.5))
        self.connect(self.source, hidden, -1.0, port="inhibitory")
        trains = np.sort(self.random.uniform(0.0, 25.0, (BATCH, 4, 4)), axis=2)
        trains[0, :2, 3:] = np.inf
        self.leaves[self.source, "spike_times"] = torch.from_numpy(trains)
        self.of_times = self.random.normal(size=1000)
        self.of_v = torch.from_numpy(self.random.normal(size=(BATCH, STEPS + 1, 1)))

    def _layer(self, size: int, fixed: dict[str, Any]) -> NeuronGroup:
        uniform, choice = self.random.uniform, self.random.choice
        tau = uniform(0.5, 10.0, size)
        values = {
            "tau_syn_exc": tau,
            "tau_syn_inh": tau if self.random.random() < 0.3 else uniform(0.5, 10.0, size),
            # Also as long as a synaptic time constant, where the closed form is a limit.
            "tau_m": choice([tau[0], 5.0, 20.0]),
            "tau_refrac": choice([0.0, 0.1, 2.0], size),
            "cm": uniform(0.2, 1.0, size),
            "i_offset": uniform(0.0, 0.3, size),
            "v_reset": uniform(-70.0, -60.0, size),
        }
        group = self.network.add(NeuronGroup(LIFCurrentExponential, size, "layer", values | fixed))
        assert isinstance(group, NeuronGroup)
        group.initialize("v", uniform(-65.0, -55.0, size))
        group.initialize("isyn_inh", uniform(-1.0, 1.0, size))
        return group

    def connect(
        self,
        source: Group,
        target: Group,
        scale: float,
        undelayed: bool = False,
        port: str = "excitatory",
    ) -> None:
        """Connect all pairs; weights are parameters, and delays if there are any."""
        count = source.size * target.size
        weight = scale * self.random.uniform(0.2, 1.5, count)
        projection = connect(self.network, source, target, weight, 0 if undelayed else 1, port)
        self.leaves[projection] = torch.from_numpy(weight)
        if not undelayed:
            delay = torch.from_numpy(self.random.uniform(DT, 4.0, count))
            self.leaves[projection, "delay"] = delay

    def simulate(self) -> EventRecording:
        record = [(group, "v") for group in self.layers]
        return self.executor.simulate(self.network, STEPS, parameters=self.leaves, record=record)

    def loss(self) -> tuple[Tensor, Tensor]:
        """A sum of spike times and potentials, and what has to stay the same around it.

        When a spike crosses the time of a sample, the sample jumps, and so does the count.
        """
        recording, total = self.simulate(), torch.zeros(()).double()
        for group in self.layers:
            times, v = recording.times[group], recording.states[group, "v"]
            factor = torch.from_numpy(self.of_times[: times.numel()]).view(times.shape)
            total = total + (factor * times)[times.isfinite()].sum()
            total = total + 0.05 * (self.of_v * (v + 60.0)).sum()
        counts = [recording.spikes[group].flatten() for group in self.layers]
        return total, torch.cat(counts)

    def errors(self) -> dict[Any, float]:
        """How far gradients are from finite differences along a random direction.

        Relative to the gradient's length.
        """
        for leaf in self.leaves.values():
            leaf.requires_grad_()
        loss, counts = self.loss()
        assert counts.sum() > 5
        gradients = torch.autograd.grad(loss, list(self.leaves.values()))
        found = {}
        for key, gradient in zip(self.leaves, gradients, strict=True):
            direction = torch.from_numpy(self.random.normal(size=gradient.shape))
            direction /= direction.norm()
            # A gradient may be zero: where nothing that matters arrives.
            length = max(float(gradient.norm()), 1e-3)
            expected = float((gradient * direction).sum())
            slopes = [self._slope(key, direction, size, counts) for size in STEP_SIZES]
            found[key] = min(abs(slope - expected) for slope in slopes) / length
        return found

    def _slope(self, key: Any, direction: Tensor, size: float, counts: Tensor) -> float:
        """Of fourth order in the step; infinite if a spike appears, vanishes or meets a sample."""
        kept, losses = self.leaves[key], []
        with torch.no_grad():
            for k in (1, -1, 2, -2):
                self.leaves[key] = kept + k * size * direction
                loss, found = self.loss()
                losses.append(float(loss) if torch.equal(found, counts) else np.inf)
        self.leaves[key] = kept
        if not np.isfinite(losses).all():
            return np.inf
        return (8.0 * (losses[0] - losses[1]) - (losses[2] - losses[3])) / (12.0 * size)


class TestGradients:
    def check(self, example: Example) -> None:
        errors = example.errors()
        assert max(errors.values()) < 1e-6, errors

    @pytest.mark.parametrize("seed", range(4))
    def test_through_two_layers(self, executor: EventPropExecutor, seed: int) -> None:
        self.check(Example(executor, seed))

    @pytest.mark.parametrize("tau_refrac", [0.0, 3.0])
    def test_through_refractory_periods(
        self, executor: EventPropExecutor, tau_refrac: float
    ) -> None:
        self.check(Example(executor, 5, tau_refrac=tau_refrac, i_offset=0.4))

    @pytest.mark.parametrize("tau", [(2.0, 8.0), (8.0, 2.0), (3.0, 3.0), (20.0, 5.0)])
    def test_of_receptors(self, executor: EventPropExecutor, tau: tuple[float, float]) -> None:
        names = "tau_syn_exc", "tau_syn_inh"
        self.check(Example(executor, 6, tau_m=20.0, **dict(zip(names, tau, strict=True))))

    @pytest.mark.parametrize("seed", range(10, 22))
    def test_through_loops(self, executor: EventPropExecutor, seed: int) -> None:
        example = Example(executor, seed)
        hidden, output = example.layers
        example.connect(hidden, hidden, 0.5)
        example.connect(output, hidden, -1.0, port="inhibitory")
        self.check(example)

    def test_of_what_is_shared(self, executor: EventPropExecutor) -> None:
        """One weight for all synapses has the sum of their gradients, in its own type."""
        example = Example(executor, 1)
        key = next(key for key in example.leaves if isinstance(key, Projection))
        sums = []
        for count, dtype in ((1, torch.float32), (len(key.synapses), torch.float64)):
            weight = torch.full((count,), 1.5, dtype=dtype, requires_grad=True)
            example.leaves[key] = weight
            example.loss()[0].backward()
            assert weight.grad is not None
            assert weight.grad.dtype == dtype
            sums.append(float(weight.grad.sum()))
        assert sums[0] == pytest.approx(sums[1], rel=1e-6)

    def test_twice(self, executor: EventPropExecutor) -> None:
        example = Example(executor, 1)
        leaf = next(iter(example.leaves.values())).requires_grad_()
        loss, _ = example.loss()
        first, second = (torch.autograd.grad(loss, leaf, retain_graph=True)[0] for _ in range(2))
        assert torch.equal(first, second)


class TestSpikes:
    @pytest.mark.parametrize("tau_refrac", [0.0, 2.5])
    def test_of_a_constant_current(self, executor: EventPropExecutor, tau_refrac: float) -> None:
        """V goes from v_reset to the threshold in tau_m log((v_inf - v_reset) / (v_inf - v_th)).

        There are more spikes than there is room for at first.
        """
        network = EventNetwork(dt=0.1)
        values = {"tau_refrac": tau_refrac, "i_offset": 4.0, "tau_m": 10.0, "v_reset": -65.0}
        cell = network.add(NeuronGroup(LIFCurrentExponential, 1, "cell", values))
        assert isinstance(cell, NeuronGroup)
        network.inject(PulseCurrent(2.0, 0.0, 1e9), cell, np.zeros(1, np.int32))
        recording = executor.simulate(network, 1000)
        interval = 10.0 * np.log(60.0 / 45.0)
        expected = interval + (interval + tau_refrac) * np.arange(40)
        expected = expected[expected < 100.0]
        np.testing.assert_allclose(recording.times[cell][0, 0], expected, rtol=1e-13)
        assert recording.spikes[cell].sum() == len(expected)
        where = np.ceil(expected / 0.1).astype(int) - 1
        assert torch.equal(recording.spikes[cell][0, :, 0].nonzero()[:, 0], torch.tensor(where))

    @pytest.mark.parametrize("seed", range(30, 38))
    def test_of_which_none_is_missed(self, executor: EventPropExecutor, seed: int) -> None:
        """Potentials never lie above the threshold, however short the time."""
        example = Example(executor, seed, v_thresh=-55.5 + 1e-3 * (seed % 4))
        for group in example.layers:
            group.initialize("v", -60.0)
        fine = EventNetwork(dt=0.01)
        fine.groups, fine.projections = example.network.groups, example.network.projections
        record = [(group, "v") for group in example.layers]
        found = executor.simulate(fine, 3000, parameters=example.leaves, record=record)
        coarse = example.simulate()
        for group in example.layers:
            assert float(found.states[group, "v"].max()) < group.get("v_thresh")[0] + 1e-9
            torch.testing.assert_close(found.times[group], coarse.times[group])
            every = found.states[group, "v"][:, ::50]
            torch.testing.assert_close(every, coarse.states[group, "v"], rtol=1e-12, atol=1e-9)

    def test_that_barely_happen(self, executor: EventPropExecutor) -> None:
        """A maximum between two arrivals, as high as the threshold or a little less or more."""
        network = EventNetwork(dt=1.0)
        source = network.add(SpikeArrayGroup(1))
        source.set_spike_times([np.array([0.0])])
        values = {"tau_m": 10.0, "tau_syn_exc": 5.0, "cm": 1.0}
        cell = network.add(NeuronGroup(LIFCurrentExponential, 1, "cell", values))
        synapse = connect(network, source, cell, 1.0)
        # With 1 nA v rises by 10 (exp(-t / 10) - exp(-t / 5)) mV, at most by 2.5 at 10 log(2).
        for more, count in ((-1e-13, 0), (1e-13, 1)):
            weight = torch.tensor([6.0 * (1.0 + more)], dtype=torch.float64)
            found = executor.simulate(network, 100, parameters={synapse: weight})
            assert found.spikes[cell].sum() == count
        assert float(found.times[cell][0, 0, 0]) == pytest.approx(1.0 + 10.0 * np.log(2), abs=1e-4)

    def test_are_those_of_the_numba_executor(self, kernel_cache: KernelCache) -> None:
        """Which shares what arrives inside a time step between both its ends; sources spike there.

        So first spikes are the same, and later ones differ by what that leaves of an error.
        """
        random = np.random.default_rng(3)
        network = EventNetwork(dt=0.01, executor=NumbaExecutor(kernel_cache), cache=kernel_cache)
        source = network.add(SpikeArrayGroup(20))
        source.set_spike_times([np.sort(random.integers(1, 4000, 8)) * 0.01 for _ in range(20)])
        values = {"tau_syn_inh": 2.0, "tau_refrac": 1.5}
        hidden, output = (
            network.add(NeuronGroup(LIFCurrentExponential, n, "cells", values)) for n in (8, 3)
        )
        connect(network, source, hidden, random.uniform(0.0, 1.5, 160), 120)
        connect(network, hidden, output, random.uniform(0.0, 3.0, 24), 150)
        connect(network, output, hidden, -1.0, 80, "inhibitory")
        found = EventPropExecutor(cache=kernel_cache).simulate(network, 5000)
        monitors = {group: network.record_spikes(group, slice(None)) for group in (hidden, output)}
        network.run(5000)
        for group, monitor in monitors.items():
            cells, times = monitor.spikes(network.clock)
            mine = found.times[group][0].numpy()
            assert cells.size > 10
            for cell in range(group.size):
                known = mine[cell][np.isfinite(mine[cell])]
                other = np.sort(times[cells == cell])
                np.testing.assert_allclose(known, other, atol=1e-3)
                if group is hidden:
                    assert known[0] == pytest.approx(other[0], abs=1e-9)

    def test_of_sources(self, executor: EventPropExecutor) -> None:
        """Lists and inputs are what was given; others draw anew for each sample."""
        network = EventNetwork(dt=0.5, seed=1)
        listed = network.add(SpikeArrayGroup(2))
        listed.set_spike_times([np.array([0.0, 3.3, 50.0]), np.array([20.0])])
        counted, drawn = network.add(SpikeArrayGroup(1)), network.add(PoissonGroup(5))
        drawn.set(rate=100.0)
        counts = torch.zeros(2, 40, 1).double()
        counts[1, 7] = 2.0
        found = executor.simulate(network, 40, inputs={counted: counts})
        assert found.times[listed][0].tolist() == [[0.0, 3.3], [20.0, np.inf]]
        assert found.times[counted].tolist() == [[[np.inf, np.inf]], [[4.0, 4.0]]]
        assert torch.equal(found.spikes[counted], counts)
        assert found.spikes[listed][0].nonzero().tolist() == [[0, 0], [6, 0], [39, 1]]
        assert found.spikes[drawn].sum() == found.times[drawn].isfinite().sum() > 5
        assert not torch.equal(*found.spikes[drawn])

    def test_do_not_depend_on_the_division_of_work(
        self, executor: EventPropExecutor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither times nor gradients."""
        results = []
        for ranges in (1, 2):
            monkeypatch.setattr(Threads, "ranges", lambda self, work, n=ranges: n)
            example = Example(executor, 11)
            for leaf in example.leaves.values():
                leaf.requires_grad_()
            loss, counts = example.loss()
            results.append((counts, torch.autograd.grad(loss, list(example.leaves.values()))))
        assert torch.equal(results[0][0], results[1][0])
        for one, other in zip(results[0][1], results[1][1], strict=True):
            torch.testing.assert_close(one, other)


class Small:
    """A source and two groups, of which the second is reached without delay."""

    def __init__(self, executor: EventPropExecutor) -> None:
        self.executor, self.network = executor, EventNetwork(dt=DT, cache=executor._tools.cache)
        self.source = self.network.add(SpikeArrayGroup(2, "source"))
        self.hidden, self.output = (self.neurons(name) for name in ("hidden", "output"))
        self.first = connect(self.network, self.source, self.hidden, 1.0)
        self.second = connect(self.network, self.hidden, self.output, 1.0, 0)

    def neurons(self, label: str, model: Any = LIFCurrentExponential) -> NeuronGroup:
        group = self.network.add(NeuronGroup(model, 2, label))
        assert isinstance(group, NeuronGroup)
        return group

    def refuses(self, error: type[Exception], message: str, steps: int = 10, **given: Any) -> None:
        with pytest.raises(error, match=message):
            self.executor.simulate(self.network, steps, **given)


@pytest.fixture
def small(executor: EventPropExecutor) -> Small:
    return Small(executor)


class TestUnsupported:
    """What there is no adjoint of is refused, with what to use instead."""

    def test_models(self, small: Small) -> None:
        small.neurons("alpha", LIFCurrentAlpha)
        small.refuses(UnsupportedByExecutorError, "'alpha' has the model LIFCurrentAlpha.*'fused'")

    def test_synapses(self, small: Small) -> None:
        pair = np.zeros(1, np.int32), np.zeros(1, np.int32)
        ends = small.source, small.hidden, "excitatory"
        small.network.connect(*ends, pair, model=TsodyksMarkram)
        small.refuses(UnsupportedByExecutorError, "have the model .*use EventNetwork.run")

    def test_gap_junctions(self, small: Small) -> None:
        pair = np.zeros(1, np.int32), np.zeros(1, np.int32)
        small.network.couple(small.hidden, small.output, pair, 0.01)
        small.refuses(UnsupportedByExecutorError, "gap junctions.*'torch'")

    def test_currents(self, small: Small) -> None:
        inputs: dict[Group, Tensor] = {small.hidden: torch.zeros(1, 10, 2)}
        small.refuses(UnsupportedByExecutorError, "input current of 'hidden'", inputs=inputs)
        small.network.inject(PulseCurrent(1.0, 1.0, 2.0), small.output, np.zeros(1, np.int32))
        small.refuses(UnsupportedByExecutorError, "changes in time is injected into 'output'")

    def test_parameters(self, small: Small) -> None:
        for name in ("tau_m", "v"):
            given = {(small.hidden, name): torch.zeros(1)}
            message = f"{name} of 'hidden' as a parameter.*'fused'"
            small.refuses(UnsupportedByExecutorError, message, parameters=given)

    def test_states(self, small: Small) -> None:
        record = [(small.hidden, "isyn_exc")]
        small.refuses(UnsupportedByExecutorError, "does not record isyn_exc", record=record)

    def test_gradients_of_counts(self, small: Small) -> None:
        inputs = {small.source: torch.zeros(1, 10, 2, requires_grad=True)}
        small.refuses(UnsupportedByExecutorError, "requires a gradient.*times", inputs=inputs)

    def test_spikes_without_crossing(self, small: Small) -> None:
        small.hidden.initialize("v", -50.0)
        small.refuses(UnsupportedByExecutorError, "v = -50 mV in 'hidden', not below v_thresh")
        small.output.set(v_reset=-40.0)
        small.hidden.initialize("v", -65.0)
        small.refuses(UnsupportedByExecutorError, "v_reset = -40 mV in 'output'")

    def test_loops_without_delay(self, small: Small) -> None:
        connect(small.network, small.output, small.hidden, 1.0, 0)
        small.refuses(UnsupportedByExecutorError, "closes a loop without delay")

    def test_too_many_events(self, small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(eventprop_course, "LARGEST", 100)
        small.hidden.set(i_offset=100.0, tau_refrac=0.0)
        message = "More than 100 spikes and arrivals in samples 0 to 0; .*'fused'"
        small.refuses(UnsupportedByExecutorError, message)


class TestWrongValues:
    def test_of_steps(self, small: Small) -> None:
        small.refuses(InvalidValueError, "A simulation of 0 steps", steps=0)

    def test_of_inputs(self, small: Small) -> None:
        for value in (0.5, -1.0, np.nan):
            inputs = {small.source: torch.full((1, 10, 2), value)}
            small.refuses(InvalidValueError, f"has a value of {value:g}; give", inputs=inputs)
        inputs = {small.source: torch.zeros(1, 9, 2)}
        small.refuses(InvalidValueError, "has shape", inputs=inputs)

    def test_of_spike_times(self, small: Small) -> None:
        key = small.source, "spike_times"
        for shape in ((2, 3), (1, 3, 3)):
            message = "have shape .* give"
            small.refuses(InvalidValueError, message, parameters={key: torch.zeros(shape)})
        for value in (-1.0, np.nan):
            given = {key: torch.full((1, 2, 1), value)}
            small.refuses(InvalidValueError, f"spike time of {value} ms", parameters=given)
        both = {"inputs": {small.source: torch.zeros(1, 10, 2)}}
        given = {key: torch.zeros(1, 2, 1)}
        small.refuses(InvalidValueError, "give one of them", parameters=given, **both)

    def test_of_weights(self, small: Small) -> None:
        given = {small.first: torch.tensor(np.inf)}
        small.refuses(InvalidValueError, "A weight of inf from 'source to", parameters=given)
        given = {small.first: torch.zeros(3)}
        small.refuses(InvalidValueError, "3 weights for the 4 synapses", parameters=given)

    def test_of_delays(self, small: Small) -> None:
        key = small.first, "delay"
        for value in (-0.5, np.nan):
            given = {key: torch.tensor(value)}
            small.refuses(InvalidValueError, f"A delay of {value} ms from", parameters=given)
        small.refuses(InvalidValueError, "3 delays for the 4", parameters={key: torch.ones(3)})

    def test_of_delays_in_loops(self, small: Small) -> None:
        loop = connect(small.network, small.output, small.hidden, 1.0)
        given = {(loop, "delay"): torch.tensor(0.1)}
        small.refuses(InvalidValueError, "part of a loop.* 0.5 ms", parameters=given)

    def test_of_names(self, small: Small) -> None:
        other = NeuronGroup(LIFCurrentExponential, 1, "other")
        small.refuses(UnknownNameError, "'other' is no group", record=[(other, "v")])
        small.refuses(UnknownNameError, "no state 'w'", record=[(small.hidden, "w")])
        given = {(small.hidden, "spike_times"): torch.zeros(1, 2, 1)}
        small.refuses(UnknownNameError, "spike_times", parameters=given)
        small.refuses(UnknownNameError, "'other'", inputs={other: torch.zeros(1, 10, 1)})
