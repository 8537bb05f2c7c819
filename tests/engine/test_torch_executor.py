"""The torch executor's differentiable form, its options, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ship_engine.currents import PulseCurrent
from ship_engine.delivery.torch_autograd import DELIVERIES
from ship_engine.errors import (
    InvalidValueError,
    NonFiniteStateError,
    ShipError,
    UnknownNameError,
    UnsupportedByExecutorError,
)
from ship_engine.event_network import EventNetwork
from ship_engine.executors.torch_autograd import Recording, TorchExecutor
from ship_engine.groups import Group, NeuronGroup, SpikeArrayGroup
from ship_engine.lowering.cache import KernelCache
from ship_engine.models.base import Model, Parameter, State
from ship_engine.models.lif import (
    LIFConductanceAlpha,
    LIFConductanceExponential,
    LIFCurrentAlpha,
    LIFCurrentExponential,
    LIFVoltageJump,
)
from ship_engine.models.sources import SpikeSourceArray
from ship_engine.sources.renewal import PoissonGroup
from ship_engine.training.surrogates import SuperSpike, Surrogate

WEIGHTS = {
    LIFCurrentExponential: 0.5,
    LIFCurrentAlpha: 0.5,
    LIFVoltageJump: 2.0,
    LIFConductanceExponential: 0.01,
    LIFConductanceAlpha: 0.01,
}
DELIVERY = pytest.mark.parametrize("delivery", list(DELIVERIES))
MODELS = pytest.mark.parametrize(
    ("model", "delivery"),
    [*((model, "sparse") for model in WEIGHTS), (LIFCurrentExponential, "dense")],
    ids=lambda value: getattr(value, "name", value),
)


class Example:
    """A source, two layers of neurons, and all synapses between them with various delays."""

    def __init__(
        self, cache: KernelCache, model: type[Model] = LIFCurrentExponential, **options: Any
    ) -> None:
        self.executor = TorchExecutor(**options)
        self.network = EventNetwork(
            spike_precision="on_grid", executor=self.executor, cache=cache, seed=1
        )
        self.source = self.network.add(SpikeArrayGroup(4, "source"))
        self.hidden = self.network.add(NeuronGroup(model, 3, "hidden", {"cm": 0.5}))
        self.output = self.network.add(NeuronGroup(model, 2, "output", {"cm": 0.5}))
        self.source.set_spike_times([np.array([0.0, 1.0 + k, 5.0]) for k in range(4)])
        weight = WEIGHTS[model]
        self.first = self.connect(self.source, self.hidden, weight, np.arange(12) % 3 + 1)
        self.second = self.connect(self.hidden, self.output, 5.0 * weight, 2)
        self.back = self.connect(self.output, self.hidden, weight, 1)

    def connect(self, source: Group, target: Group, weight: float, delay: Any) -> Any:
        pairs = np.divmod(np.arange(source.size * target.size, dtype=np.int32), target.size)
        weights = weight * np.linspace(0.5, 1.5, pairs[0].size)
        return self.network.connect(source, target, "excitatory", pairs, weights, delay)

    def simulate(self, steps: int = 80, **options: Any) -> Recording:
        return self.executor.simulate(self.network, steps, **options)

    def inputs(self, batch: int, steps: int = 80) -> Tensor:
        """Random spikes in place of the source's."""
        generator = torch.Generator().manual_seed(3)
        return (torch.rand(batch, steps, 4, generator=generator) < 0.1).double()


class TestGradients:
    @MODELS
    def test_of_weights_and_parameters(
        self, model: type[Model], delivery: str, kernel_cache: KernelCache
    ) -> None:
        """Without spikes of neurons they are those of finite differences."""
        example = Example(kernel_cache, model, delivery=delivery)
        group, key = example.hidden, (example.hidden, "v")
        group.set(v_thresh=1e3)
        factor = torch.linspace(-1.0, 1.0, 41 * 3, dtype=torch.float64).view(1, 41, 3)

        def loss(weight: Tensor, tau_m: Tensor, v: Tensor) -> Tensor:
            given = {example.first: weight, (group, "tau_m"): tau_m, key: v}
            recording = example.simulate(40, parameters=given, record=[key])
            assert recording.spikes[group].sum() == 0.0
            return (factor * (recording.states[key] + 65.0) ** 2).mean()

        weight = torch.tensor(example.first.synapses.weight, requires_grad=True)
        tau_m = torch.tensor([10.0, 20.0, 5.0], dtype=torch.float64, requires_grad=True)
        v = torch.tensor([-60.0, -63.0, -65.0], dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(loss, (weight, tau_m, v), eps=1e-5, rtol=1e-6, atol=1e-9)
        gradients = torch.autograd.grad(loss(weight, tau_m, v), (weight, tau_m, v))
        assert all(bool((gradient != 0.0).all()) for gradient in gradients)

    @DELIVERY
    def test_pass_through_spikes(self, delivery: str, kernel_cache: KernelCache) -> None:
        """Silent neurons get gradients too: the surrogate is never zero."""
        example = Example(kernel_cache, delivery=delivery, surrogate=SuperSpike(0.1))
        example.hidden.set(np.arange(1), i_offset=2.0)
        example.hidden.set(np.arange(1, 3), v_thresh=1e3)
        weight = torch.tensor(example.first.synapses.weight, requires_grad=True)
        inputs = {example.source: example.inputs(2).requires_grad_()}
        key = (example.output, "v")
        recording = example.simulate(
            parameters={example.first: weight}, inputs=inputs, record=[key]
        )
        counts = recording.spikes[example.hidden].sum((0, 1))
        assert counts[0] > 0
        assert counts[1] == 0
        recording.states[key][:, -1].sum().backward()
        assert weight.grad is not None
        assert bool((weight.grad.view(4, 3)[:, :2].abs().sum(0) > 0.0).all())
        assert inputs[example.source].grad is not None

    def test_sparse_as_dense(self, kernel_cache: KernelCache) -> None:
        gradients = []
        for delivery in DELIVERIES:
            example = Example(kernel_cache, delivery=delivery, surrogate=SuperSpike(1.0))
            example.hidden.set(i_offset=1.5)
            weights = [
                torch.tensor(p.synapses.weight, requires_grad=True)
                for p in (example.first, example.second, example.back)
            ]
            given = dict(zip((example.first, example.second, example.back), weights, strict=True))
            recording = example.simulate(parameters=given, record=[(example.output, "v")])
            recording.states[example.output, "v"].square().sum().backward()
            assert recording.spikes[example.output].sum() > 0
            gradients.append([weight.grad for weight in weights])
        for one, other in zip(*gradients, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)

    def test_by_a_surrogate_of_my_own(self, kernel_cache: KernelCache) -> None:
        class Flat(Surrogate):
            def derivative(self, distance: Tensor) -> Tensor:
                return torch.zeros_like(distance)

        example = Example(kernel_cache, surrogate=Flat())
        weight = torch.tensor(example.first.synapses.weight, requires_grad=True)
        recording = example.simulate(parameters={example.first: weight})
        recording.spikes[example.output].sum().backward()
        assert weight.grad is not None
        assert bool((weight.grad == 0.0).all())


class TestSimulation:
    @MODELS
    def test_as_a_run(self, model: type[Model], delivery: str, kernel_cache: KernelCache) -> None:
        """Spikes, refractory periods, undelayed synapses, currents: all as when it is run."""
        example = Example(kernel_cache, model, delivery=delivery)
        network, groups = example.network, (example.hidden, example.output)
        example.connect(example.hidden, example.output, -WEIGHTS[model], 0)
        example.connect(example.output, example.hidden, WEIGHTS[model], 0)
        example.connect(example.output, example.output, WEIGHTS[model], 0)
        noise = network.add(PoissonGroup(5, "noise", {"rate": 3000.0}))
        example.connect(noise, example.output, WEIGHTS[model], 3)
        pulse = PulseCurrent(3.0, 1.0, 30.0)
        network.inject(pulse, example.hidden, np.array([0, 2]))
        network.inject(pulse, example.hidden, np.array([2]))
        example.hidden.set(tau_refrac=np.array([0.0, 0.72, 2.0]))
        example.output.set(tau_refrac=1.0, i_offset=0.6)
        keys = [(group, state.name) for group in groups for state in model.states]
        recording = example.simulate(400, record=keys)
        everything = slice(None)
        spikes = {g: network.record_spikes(g, everything) for g in network.groups}
        samples = [network.record_state(g, s, np.arange(g.size)) for g, s in keys]
        network.run(400)
        for group, monitor in spikes.items():
            counts = np.zeros((400, group.size))
            index = monitor.step[: monitor.count], monitor.index[: monitor.count]
            np.add.at(counts, index, 1.0)
            np.testing.assert_array_equal(recording.spikes[group][0].numpy(), counts)
            assert counts.sum() > 10
        for key, monitor in zip(keys, samples, strict=True):
            found = recording.states[key][0].numpy()
            np.testing.assert_allclose(found, monitor.samples, rtol=0.0, atol=1e-11)

    def test_leaves_the_network_alone(self, kernel_cache: KernelCache) -> None:
        """It starts at time zero, wherever the network is."""
        example = Example(kernel_cache)
        first = example.simulate().spikes[example.output]
        example.network.run(33)
        states, ring = example.hidden.states.copy(), example.hidden.ring.data.copy()
        second = example.simulate().spikes[example.output]
        assert torch.equal(first, second)
        assert example.network.step == 33
        np.testing.assert_array_equal(example.hidden.states, states)
        np.testing.assert_array_equal(example.hidden.ring.data, ring)

    def test_of_no_steps(self, kernel_cache: KernelCache) -> None:
        example = Example(kernel_cache)
        recording = example.simulate(0, record=[(example.hidden, "v")])
        assert recording.spikes[example.hidden].shape == (1, 0, 3)
        assert recording.states[example.hidden, "v"].shape == (1, 1, 3)


class TestBatch:
    @DELIVERY
    def test_elements_do_not_see_each_other(self, delivery: str, kernel_cache: KernelCache) -> None:
        example = Example(kernel_cache, delivery=delivery)
        inputs, key = example.inputs(5), (example.output, "v")
        current = torch.linspace(0.0, 3.0, 5 * 80 * 3, dtype=torch.float64).view(5, 80, 3)
        tau = torch.linspace(5.0, 20.0, 5 * 3, dtype=torch.float64).view(5, 3)

        def simulated(part: slice) -> Recording:
            given = {(example.hidden, "tau_m"): tau[part]}
            inserted = {example.source: inputs[part], example.hidden: current[part]}
            return example.simulate(inputs=inserted, parameters=given, record=[key])

        together = simulated(slice(None))
        assert together.spikes[example.output].sum() > 0
        for k in range(5):
            alone = simulated(slice(k, k + 1))
            assert torch.equal(alone.spikes[example.output][0], together.spikes[example.output][k])
            torch.testing.assert_close(alone.states[key][0], together.states[key][k])

    def test_one_input_for_all(self, kernel_cache: KernelCache) -> None:
        example = Example(kernel_cache)
        inputs = {example.source: example.inputs(1), example.hidden: torch.zeros(3, 80, 3)}
        spikes = example.simulate(inputs=inputs).spikes
        assert spikes[example.source].shape == (3, 80, 4)
        assert torch.equal(spikes[example.source][0], spikes[example.source][2])

    def test_draws_what_resets_would_bring(self, kernel_cache: KernelCache) -> None:
        executor = TorchExecutor(batch_size=3)
        network = EventNetwork(spike_precision="on_grid", seed=5, executor=TorchExecutor())
        noise = network.add(PoissonGroup(20, "noise", {"rate": 2000.0, "start": 0.57}))
        monitor = network.record_spikes(noise, slice(None))
        spikes = executor.simulate(network, 50).spikes[noise]
        for k in range(3):
            network.run(50)
            counts = np.zeros((50, 20))
            np.add.at(counts, (monitor.step[: monitor.count], monitor.index[: monitor.count]), 1.0)
            np.testing.assert_array_equal(spikes[k].numpy(), counts)
            assert counts.max() > 1.0
            network.reset()


class TestTypes:
    def test_float32(self, kernel_cache: KernelCache) -> None:
        example, exact = Example(kernel_cache, dtype=torch.float32), Example(kernel_cache)
        key, exact_key = (example.output, "v"), (exact.output, "v")
        inputs = example.inputs(1)
        states = example.simulate(inputs={example.source: inputs}, record=[key]).states[key]
        expected = exact.simulate(inputs={exact.source: inputs}, record=[exact_key])
        assert states.dtype == torch.float32
        torch.testing.assert_close(
            states.double(), expected.states[exact_key], rtol=1e-5, atol=1e-3
        )

    def test_a_run_in_float32(self, kernel_cache: KernelCache) -> None:
        example, exact = Example(kernel_cache, dtype=torch.float32), Example(kernel_cache)
        for each in (example, exact):
            each.network.run(70)
        np.testing.assert_allclose(example.hidden.states, exact.hidden.states, rtol=1e-5)


class Strange(Model):
    """A threshold without a value, though every state has one."""

    name = "Strange"
    parameters = (Parameter("bound", -1.0, "mV"),)
    states = (State("v", 0.0, "mV"),)

    @staticmethod
    def time_dep():  # type: ignore[no-untyped-def]
        return ()

    @staticmethod
    def advance_timestep(v):  # type: ignore[no-untyped-def]
        return (v,)

    @staticmethod
    def threshold(bound):  # type: ignore[no-untyped-def]
        return bound**0.5

    @staticmethod
    def reset():  # type: ignore[no-untyped-def]
        return ()


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"dtype": torch.int64}, "give torch.float64 or torch.float32"),
            ({"batch_size": 0}, "at least 1"),
            ({"delivery": "fast"}, "'sparse' or 'dense'"),
            ({"device": "nowhere"}, "'cpu' always can"),
        ],
    )
    def test_options(self, options: dict[str, Any], words: str) -> None:
        with pytest.raises(InvalidValueError, match=words):
            TorchExecutor(**options)

    def test_a_run_of_a_batch(self, kernel_cache: KernelCache) -> None:
        example = Example(kernel_cache, batch_size=2)
        with pytest.raises(UnsupportedByExecutorError, match=r"TorchExecutor\.simulate"):
            example.network.run(1)

    def test_a_simulation_off_the_grid(self) -> None:
        with pytest.raises(UnsupportedByExecutorError, match="spike_precision='on_grid'"):
            TorchExecutor().simulate(EventNetwork(), 1)

    def test_a_negative_number_of_steps(self, kernel_cache: KernelCache) -> None:
        with pytest.raises(InvalidValueError, match="only goes forward"):
            Example(kernel_cache).simulate(-1)

    def test_a_source_that_it_does_not_know(self) -> None:
        network = EventNetwork(executor=TorchExecutor())
        network.add(Group(SpikeSourceArray, 1, "other"))
        with pytest.raises(UnsupportedByExecutorError, match=r"'other'.*Numba"):
            network.run(1)

    def test_inputs(self, kernel_cache: KernelCache) -> None:
        example = Example(kernel_cache)
        stranger = SpikeArrayGroup(4, "stranger")
        with pytest.raises(UnknownNameError, match="'stranger' is not a group"):
            example.simulate(inputs={stranger: example.inputs(1)})
        for wrong in (torch.zeros(1, 80, 3), torch.zeros(1, 79, 4), torch.zeros(80, 4)):
            with pytest.raises(InvalidValueError, match=r"here \(\d+, 80, 4\)"):
                example.simulate(inputs={example.source: wrong})
        unequal = {example.source: example.inputs(2), example.hidden: torch.zeros(3, 80, 3)}
        with pytest.raises(InvalidValueError, match=r"'source' has shape \(2, 80, 4\)"):
            example.simulate(inputs=unequal)

    def test_parameters(self, kernel_cache: KernelCache) -> None:
        example, other = Example(kernel_cache), Example(kernel_cache)
        hidden = example.hidden
        cases: list[tuple[Any, Tensor, type[ShipError], str]] = [
            (example.first, torch.ones(5), InvalidValueError, "5 weights for the 12 synapses"),
            ((hidden, "tau_m"), torch.ones(2), InvalidValueError, "does not broadcast"),
            ((hidden, "tau_m"), torch.ones(2, 3), InvalidValueError, "does not broadcast"),
            ((hidden, "tau_m"), -torch.ones(3), InvalidValueError, "it must be > 0"),
            ((hidden, "cm"), torch.tensor(torch.nan), InvalidValueError, "it must be > 0"),
            ((hidden, "tau"), torch.ones(3), UnknownNameError, "No parameter or state 'tau'"),
            ((example.source, "v"), torch.ones(4), UnknownNameError, "'source' of neurons"),
            (other.first, torch.ones(12), UnknownNameError, "not in this network"),
        ]
        for key, tensor, error, words in cases:
            with pytest.raises(error, match=words):
                example.simulate(parameters={key: tensor})

    def test_records(self, kernel_cache: KernelCache) -> None:
        example, other = Example(kernel_cache), Example(kernel_cache)
        with pytest.raises(UnknownNameError, match="not a group of this network"):
            example.simulate(record=[(other.hidden, "v")])
        with pytest.raises(UnknownNameError, match="no state 'u'"):
            example.simulate(record=[(example.hidden, "u")])

    def test_states_that_are_not_finite(self, kernel_cache: KernelCache) -> None:
        example = Example(kernel_cache)
        weight = torch.tensor(torch.nan)
        with pytest.raises(NonFiniteStateError) as caught:
            example.simulate(parameters={example.first: weight})
        assert (caught.value.group, caught.value.cell) == ("hidden", 0)
        assert caught.value.time == 8.0

    def test_a_threshold_that_is_not_finite(self) -> None:
        network = EventNetwork(executor=TorchExecutor())
        network.add(NeuronGroup(Strange, 2, "strange"))
        with pytest.raises(ShipError, match="threshold of 'strange'"):
            network.run(1)
        assert network.step == 0


def test_the_engine_loads_without_torch() -> None:
    import subprocess
    import sys

    code = (
        "import sys, numpy, ship_engine.event_network, ship_engine.executors.numba_cpu;"
        "from ship_engine.groups import NeuronGroup;"
        "from ship_engine.models.lif import LIFVoltageJump as model;"
        "network = ship_engine.event_network.EventNetwork(); network.add(NeuronGroup(model, 1));"
        "network.run(1); print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
