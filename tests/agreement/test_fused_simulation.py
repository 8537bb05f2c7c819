"""The fused executor's simulation of event-driven networks is that of the torch executor."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from test_executors import BY_THEMSELVES, WEIGHTS
from torch import Tensor

from ship_engine.currents import StepCurrent
from ship_engine.event_network import EventNetwork
from ship_engine.executors.fused_simulation import FusedExecutor
from ship_engine.executors.torch_autograd import TorchExecutor
from ship_engine.groups import Group, NeuronGroup, SpikeArrayGroup
from ship_engine.lowering.cache import KernelCache
from ship_engine.models.base import Model
from ship_engine.models.hodgkin_huxley import HodgkinHuxleyTraub
from ship_engine.models.lif import LIFConductanceExponential, LIFCurrentExponential, LIFVoltageJump
from ship_engine.projection import Projection
from ship_engine.sources.renewal import PoissonGroup
from ship_engine.training.surrogates import Arctan

MODELS = pytest.mark.parametrize(
    "model",
    [
        pytest.param(m, marks=[pytest.mark.slow] if m is HodgkinHuxleyTraub else [], id=m.name)
        for m in WEIGHTS
        if m.random_state is None
    ],
)
STEPS = 150
SAME = 1e-6
"""Of what is compared; where a jump leaves the potential as it was, `torch.maximum` halves the
gradient of the threshold, so that it differs in the eighth digit."""
LIF = LIFCurrentExponential


def executors(cache: KernelCache, **options: Any) -> list[TorchExecutor]:
    surrogate = Arctan(1.0)
    return [
        TorchExecutor(surrogate=surrogate, **options),
        FusedExecutor(surrogate=surrogate, cache=cache, **options),
    ]


class Example:
    """A source, and two groups that it drives, which reach each other and themselves.

    Attributes
    ----------
    leaves : dict
        What takes the place of the network's values, and requires gradients.
    """

    def __init__(self, model: type[Model], cache: KernelCache, seed: int = 1, dt: float = 0.1):
        self.random = np.random.default_rng(seed)
        self.network = EventNetwork(dt=dt, spike_precision="on_grid", cache=cache)
        given = BY_THEMSELVES.get(model.name, {})
        self.first = self.network.add(NeuronGroup(model, 6, "first", given))
        self.second = self.network.add(NeuronGroup(model, 4, "second", given))
        self.source = self.network.add(SpikeArrayGroup(5, "source"))
        length = STEPS * dt
        self.source.set_spike_times(
            [np.sort(np.r_[0.0, self.random.uniform(0.0, length, 10)]) for _ in range(5)]
        )
        self.model, self.leaves = model, {}
        self.weight = WEIGHTS[model] * (0.1 if model is HodgkinHuxleyTraub else 1.0)

    def connect(
        self, source: Group, target: Group, factor: float, delay: Any, port: int = 0
    ) -> Projection:
        """Synapses among most pairs; a delay (low, high) is drawn for each."""
        chosen = np.nonzero(self.random.random((source.size, target.size)) < 0.8)
        pairs: tuple[NDArray[np.int32], ...] = tuple(k.astype(np.int32) for k in chosen)
        count = pairs[0].size
        weight = self.weight * factor * self.random.uniform(1.0, 3.0, count)
        delay = self.random.integers(*delay, count) if isinstance(delay, tuple) else delay
        name = self.model.ports[port].name
        return self.network.connect(source, target, name, pairs, weight, delay)  # type: ignore[arg-type]

    def learn(self, key: Any, values: Any) -> Tensor:
        """Values that take the place of the network's."""
        self.leaves[key] = torch.tensor(values, dtype=torch.float64, requires_grad=True)
        return self.leaves[key]

    def learn_weights(self) -> None:
        for projection in self.network.projections:
            self.learn(projection, projection.synapses.weight)

    def learn_delays(self, projection: Projection, more: float = 0.0) -> None:
        dt = self.network.clock.dt
        self.learn((projection, "delay"), projection.synapses.delay * dt + more)

    def states(self, *groups: NeuronGroup) -> list[tuple[NeuronGroup, str]]:
        return [(group, state.name) for group in groups for state in group.model.states]


def computed(
    example: Example,
    executor: TorchExecutor,
    record: Iterable[tuple[NeuronGroup, str]] = (),
    inputs: dict[Group, Tensor] | None = None,
    steps: int = STEPS,
) -> dict[str, Tensor]:
    """Spikes, states and gradients of a simulation."""
    recording = executor.simulate(example.network, steps, inputs, example.leaves, record)
    found = {f"spikes of {group.label}": s for group, s in recording.spikes.items()}
    found |= {f"{s} of {group.label}": x for (group, s), x in recording.states.items()}
    loss = torch.zeros((), dtype=torch.float64)
    for k, (_, tensor) in enumerate(sorted(found.items())):
        factor = torch.rand(tensor.shape, generator=torch.Generator().manual_seed(k))
        loss = loss + (factor * tensor).sum() + 0.1 * (tensor.cumsum(1) ** 2).mean()
    leaves = {f"{k}: {x.numel()}": x for k, x in enumerate(example.leaves.values())}
    leaves |= {f"input of {g.label}": x for g, x in (inputs or {}).items() if x.requires_grad}
    if leaves:
        gradients = torch.autograd.grad(loss, list(leaves.values()), materialize_grads=True)
        found |= {f"gradient of {n}": g for n, g in zip(leaves, gradients, strict=True)}
    return {name: tensor.detach() for name, tensor in found.items()}


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor], same: float = SAME) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        other = found[name]
        assert (other.shape, other.dtype) == (tensor.shape, tensor.dtype), name
        norm, error = tensor.norm().item(), (other - tensor).norm().item()
        assert math.isfinite(norm), name
        assert error <= same * norm, f"{name}: {error:.1e} of {norm:.1e}"


class TestEveryModel:
    @MODELS
    def test_all_gradients(self, model: type[Model], kernel_cache: KernelCache) -> None:
        """Of weights, parameters, initial states, currents and delays, with loops of all kinds."""
        both, dt = [], 0.025 if model is HodgkinHuxleyTraub else 0.1  # compiles within seconds
        for executor in executors(kernel_cache):
            example = Example(model, kernel_cache, dt=dt)
            first, second = example.first, example.second
            example.connect(example.source, first, 20.0, (1, 4))
            example.connect(first, first, 3.0, (1, 5))
            forward = example.connect(first, second, 10.0, (1, 5))
            example.connect(second, first, 1.0, 2, port=len(model.ports) - 1)
            example.connect(example.source, second, 5.0, 0)
            example.learn_weights()
            example.learn_delays(forward, 0.3 * dt)
            name, state = model.parameters[1].name, model.states[0].name
            example.learn((first, name), first.values[name])
            spread = np.linspace(0.0, 1.0, 8).reshape(2, 4)
            example.learn((second, state), second[state] + spread)
            current = 0.1 * torch.rand(2, STEPS, 6, generator=torch.Generator().manual_seed(2))
            inputs = {first: current.double().requires_grad_()} if model.takes_current() else {}
            both.append(computed(example, executor, example.states(first, second), inputs))
        assert_same(both[1], both[0])
        assert both[0]["spikes of first"].sum() > 20
        assert both[0]["spikes of second"].sum() > 5
        for name, tensor in both[0].items():
            assert tensor.any() or not name.startswith("gradient"), name

    @pytest.mark.parametrize("model", [LIF, LIFVoltageJump, LIFConductanceExponential])
    def test_without_gradients(self, model: type[Model], kernel_cache: KernelCache) -> None:
        both = []
        for executor in executors(kernel_cache):
            example = Example(model, kernel_cache)
            example.connect(example.source, example.first, 20.0, (1, 4))
            example.connect(example.first, example.first, 3.0, (1, 5))
            both.append(computed(example, executor))
            record = example.states(example.first)
            watched = computed(example, executor, record)
            assert torch.equal(watched["spikes of first"], both[-1]["spikes of first"])
        assert_same(both[1], both[0], 0.0)
        assert both[0]["spikes of first"].sum() > 20


class TestConnections:
    def both(
        self,
        cache: KernelCache,
        build: Callable[[Example], Any],
        model: type[Model] = LIF,
        **more: Any,
    ) -> dict[str, Tensor]:
        found = []
        for executor in executors(cache):
            example = Example(model, cache)
            build(example)
            example.learn_weights()
            record = example.states(example.first)
            found.append(computed(example, executor, record, **more))
        assert_same(found[1], found[0])
        assert found[0]["spikes of first"].sum() > 0
        return found[0]

    @pytest.mark.parametrize("delay", [0, 1, 7, 200, (1, 12)], ids=str)
    @pytest.mark.parametrize("port", [0, 1])
    def test_recurrence(self, delay: Any, port: int, kernel_cache: KernelCache) -> None:
        """No delay, one, many, and longer ones than the simulation."""

        def build(example: Example) -> None:
            example.connect(example.source, example.first, 20.0, (1, 4))
            example.connect(example.first, example.first, 3.0 - 6.0 * port, delay, port)

        self.both(kernel_cache, build)

    @pytest.mark.parametrize("forth", [0, 2])
    @pytest.mark.parametrize("back", [0, 3])
    def test_between_two(self, forth: int, back: int, kernel_cache: KernelCache) -> None:
        def build(example: Example) -> None:
            example.connect(example.source, example.first, 20.0, 0)
            example.connect(example.first, example.second, 20.0, forth)
            example.connect(example.second, example.first, 5.0, back)
            example.connect(example.second, example.second, 5.0, (1, 4), port=1)

        assert self.both(kernel_cache, build)["spikes of second"].sum() > 0

    def test_spikes_at_time_zero(self, kernel_cache: KernelCache) -> None:
        """With a delay of k steps they arrive at the start of step k, others of step 0 later."""

        def build(example: Example) -> None:
            times = [np.array(t) for t in ([0.0], [0.05], [0.0, 0.05, 0.1], [], [0.0, 0.0])]
            example.source.set_spike_times(times)
            example.connect(example.source, example.first, 200.0, (1, 3))
            example.connect(example.source, example.first, 100.0, 0)

        found = self.both(kernel_cache, build, steps=30)
        assert found["spikes of source"].sum((0, 1)).tolist() == [1.0, 1.0, 3.0, 0.0, 2.0]

    def test_one_step(self, kernel_cache: KernelCache) -> None:
        def build(example: Example) -> None:
            example.connect(example.source, example.first, 4e4, 0)
            example.connect(example.source, example.first, 4e4, 1)

        assert self.both(kernel_cache, build, steps=1)["spikes of first"].shape == (1, 1, 6)

    def test_sources_and_currents_of_the_network(self, kernel_cache: KernelCache) -> None:
        """Poisson sources draw the same; batches do not share random numbers."""
        found = []
        for executor in executors(kernel_cache, batch_size=2):
            example = Example(LIF, kernel_cache)
            poisson = example.network.add(PoissonGroup(20, "poisson", {"rate": 300.0}))
            example.connect(poisson, example.first, 5.0, (1, 30))
            example.connect(poisson, example.second, 5.0, 0)
            step = StepCurrent(np.array([2.0, 9.0]), np.array([0.5, 0.1]))
            example.network.inject(step, example.first, np.arange(2, 5))
            example.learn_weights()
            found.append(computed(example, executor, example.states(example.first)))
        assert_same(found[1], found[0])
        one, other = found[0]["spikes of poisson"]
        assert not torch.equal(one, other)

    def test_spikes_that_are_given(self, kernel_cache: KernelCache) -> None:
        """Their gradients, and those of repeats of a pair, and none without synapses."""
        found = []
        for executor in executors(kernel_cache):
            example = Example(LIF, kernel_cache)
            pairs = np.array([0, 0, 0, 1, 4], np.int32), np.array([2, 2, 2, 0, 5], np.int32)
            name = LIF.ports[0].name
            delays = np.array([1, 1, 3, 2, 2])
            example.network.connect(example.source, example.first, name, pairs, 2.0, delays)
            nothing = np.zeros(0, np.int32), np.zeros(0, np.int32)
            example.network.connect(example.source, example.second, name, nothing)
            example.learn(example.network.projections[0], 2.0)  # one for all
            shape = 3, STEPS, 5
            given = (torch.rand(shape, generator=torch.Generator().manual_seed(4)) < 0.2).double()
            inputs: dict[Group, Tensor] = {example.source: given.requires_grad_()}
            found.append(computed(example, executor, example.states(example.first), inputs))
        assert_same(found[1], found[0])
        assert found[0]["gradient of input of source"].any()

    def test_single_precision(self, kernel_cache: KernelCache) -> None:
        found = []
        for executor in executors(kernel_cache, dtype=torch.float32):
            example = Example(LIF, kernel_cache)
            example.connect(example.source, example.first, 20.0, (1, 4))
            example.connect(example.first, example.first, 1.0, (1, 4))
            example.learn_weights()
            found.append(computed(example, executor, example.states(example.first)))
        assert found[1]["v of first"].dtype == torch.float32
        assert_same(found[1], found[0], 1e-3)


class TestRecords:
    @pytest.mark.parametrize("model", [LIF, LIFVoltageJump], ids=lambda model: model.name)
    def test_states_with_and_without_ports(
        self, model: type[Model], kernel_cache: KernelCache
    ) -> None:
        """With what has arrived by then; deaf while cells rest."""
        ports = {port.state for port in model.ports}
        both = []
        for executor in executors(kernel_cache):
            example = Example(model, kernel_cache)
            example.connect(example.source, example.first, 30.0, (1, 4))
            example.connect(example.source, example.first, 0.5, 0)
            example.connect(example.source, example.first, -1.0, 2, port=len(model.ports) - 1)
            record = example.states(example.first)
            both.append(computed(example, executor, record))
        assert_same(both[1], both[0], 1e-12)
        for _, state in record:
            course = both[1][f"{state} of first"]
            assert course.shape == (1, STEPS + 1, 6)
            arrived = (course[:, 1:] - course[:, :-1]).abs().max() > 0.0
            assert arrived or state not in ports
        assert both[0]["spikes of first"].sum() > 20
