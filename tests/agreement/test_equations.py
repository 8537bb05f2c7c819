"""Models from equations bring the numbers of those that are written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from equation_models import PAIRS, RESOURCES, WRITTEN, adaptive
from numpy.typing import NDArray

import ship_engine
from ship_engine.equations import synapse_model
from ship_engine.event_network import EventNetwork
from ship_engine.executors.base import Executor
from ship_engine.executors.numba_cpu import NumbaExecutor
from ship_engine.executors.torch_autograd import TorchExecutor
from ship_engine.groups import NeuronGroup, SpikeArrayGroup
from ship_engine.lowering.cache import KernelCache
from ship_engine.mistakes import mistakes_of_model, mistakes_of_synapse
from ship_engine.models.base import Model
from ship_engine.models.hodgkin_huxley import HodgkinHuxleyTraub
from ship_engine.models.lif import LIFCurrentExponential, LIFVoltageJump
from ship_engine.synapses.base import Synapse
from ship_engine.synapses.short_term import TsodyksMarkram
from ship_engine.synapses.stdp import Additive, SpikePairs, compose_stdp

MakeExecutor = Callable[..., Executor]
MODELS = pytest.mark.parametrize("model", WRITTEN, ids=lambda model: model.name)
CURRENTS = {"HodgkinHuxleyTraub": 0.3, "Izhikevich": 0.006}  # nA; 1.0 for the others
WEIGHTS = {"nA": 0.3, "uS": 0.004, "mV": 1.0}
SIZE = 4


def simulated(
    model: type[Model], executor: Executor, precision: str, dt: float = 0.1
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Spikes (cells and times) and final states of some cells that are driven from outside."""
    network = EventNetwork(dt=dt, spike_precision=precision, executor=executor)
    amplitude = CURRENTS.get(model.name.replace("Written", ""), 1.0)
    given = {"i_offset": np.linspace(0.0, amplitude, SIZE)}
    cells = network.add(NeuronGroup(model, SIZE, "cells", given))
    every = np.arange(SIZE, dtype=np.int32)
    rng = np.random.default_rng(3)
    for port in model.ports:
        source = network.add(SpikeArrayGroup(SIZE, port.name))
        source.set_spike_times([np.sort(rng.uniform(0.0, 40.0, 8)) for _ in range(SIZE)])
        sign = -0.5 if port.name == "inhibitory" and port.unit != "uS" else 1.0
        network.connect(source, cells, port.name, (every, every), sign * WEIGHTS[port.unit], 10)
    spikes = network.record_spikes(cells, slice(None))
    network.run(round((25.0 if "Hodgkin" in model.name else 60.0) / dt))
    found, times = spikes.spikes(network.clock)
    order = np.lexsort((times, found))
    states = np.array([cells[name] for name in sorted(s.name for s in model.states)])
    return found[order], times[order], states


@MODELS
@pytest.mark.parametrize("precision", ["off_grid", "on_grid"])
def test_the_same_numbers_as_by_hand(
    model: type[Model], precision: str, executor: MakeExecutor
) -> None:
    one = simulated(model, executor(), precision)
    other = simulated(WRITTEN[model], executor(), precision)
    assert one[0].size > 1
    np.testing.assert_array_equal(other[0], one[0])
    # Equations of the gates divide steps where conductances are strong, and so are more accurate.
    finer = model is HodgkinHuxleyTraub
    np.testing.assert_allclose(other[1], one[1], rtol=0.0, atol=6e-3 if finer else 1e-9)
    if not finer:
        np.testing.assert_allclose(other[2], one[2], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("precision", ["off_grid", "on_grid"])
@pytest.mark.parametrize("method", [None, "rk4", "exponential"])
def test_executors_agree_where_a_held_state_drives_others(
    method: str | None, precision: str, kernel_cache: KernelCache
) -> None:
    numba = simulated(adaptive(method), NumbaExecutor(kernel_cache), precision)
    tensors = simulated(adaptive(method), TorchExecutor(), precision)
    assert numba[0].size > 3
    for one, other in zip(numba, tensors, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("method", "tolerance"), [("rk4", 1e-5), ("exponential", 2e-2)])
def test_steps_of_any_kind_come_near_the_exact_ones(
    method: str, tolerance: float, kernel_cache: KernelCache
) -> None:
    exact = simulated(adaptive(), NumbaExecutor(kernel_cache), "off_grid")
    other = simulated(adaptive(method), NumbaExecutor(kernel_cache), "off_grid")
    np.testing.assert_allclose(other[1], exact[1], rtol=0.0, atol=tolerance)


@MODELS
def test_the_library_finds_no_mistakes(model: type[Model]) -> None:
    assert list(mistakes_of_model(WRITTEN[model])) == []
    assert [p.name for p in WRITTEN[model].parameters] == [p.name for p in model.parameters]


def test_ports_are_known_as_those_by_hand() -> None:
    """Where and how fast what arrives decays; spikes inside steps are timed by that."""
    for model, other in WRITTEN.items():
        for port, same in zip(model.ports, other.ports, strict=True):
            assert (port.name, port.state, port.unit) == (same.name, same.state, same.unit)
            assert (port.time_constant, port.decays) == (same.time_constant, same.decays)
        # With currents in its threshold, the neuron of Hodgkin and Huxley has synaptic ones too.
        assert model.jumps() == other.jumps() or model is HodgkinHuxleyTraub


class TestGradients:
    """What the differentiable simulation gives."""

    def loss(self, model: type[Model], tau: Any) -> Any:
        network = EventNetwork(dt=0.1, spike_precision="on_grid")
        cells = network.add(NeuronGroup(model, 2, "cells", {"i_offset": [0.2, 0.5]}))
        source = network.add(SpikeArrayGroup(2, "source"))
        source.set_spike_times([np.array([1.0, 3.0]), np.array([2.0])])
        every = np.arange(2, dtype=np.int32)
        network.connect(source, cells, "excitatory", (every, every), 1.5, 5)
        recording = TorchExecutor(dtype=torch.float64).simulate(
            network, 100, record=[(cells, "v")], parameters={(cells, "tau_m"): tau}
        )
        return recording.states[cells, "v"].mean()

    @pytest.mark.parametrize("tau_m", [20.0, 5.0])
    def test_are_those_of_the_model_by_hand(self, tau_m: float) -> None:
        """5 ms is the time constant of the synapse, too."""
        slopes = []
        for model in (LIFCurrentExponential, WRITTEN[LIFCurrentExponential]):
            tau = torch.tensor(tau_m, dtype=torch.float64, requires_grad=True)
            self.loss(model, tau).backward()
            slopes.append(tau.grad.item())
        assert slopes[1] == pytest.approx(slopes[0], rel=1e-10)
        h = 1e-4
        shifted = [torch.tensor(tau_m + shift, dtype=torch.float64) for shift in (h, -h)]
        both = [self.loss(WRITTEN[LIFCurrentExponential], tau) for tau in shifted]
        assert slopes[1] == pytest.approx((both[0] - both[1]).item() / (2 * h), rel=1e-6)


class TestPlatform:
    """Groups of the platform, in batches and in any precision."""

    def potentials(self, executor: str, dtype: Any, tau_m: Any = 20.0, batch: int = 2) -> Any:
        network = ship_engine.Network(dtype=dtype, executor=executor)
        network.add(ship_engine.Input, "I", N=3)
        network.add(adaptive(), "N", N=2, tau_m=tau_m, i_offset=0.4)
        network.add(
            ship_engine.LeakySynapse, "S", source="I", target="N", port="excitatory", w=0.05
        )
        network.set_monitor("N", "v")
        network.init(dt=0.1, nts=300, batch_size=batch)
        spikes = torch.rand(batch, 300, 3, generator=torch.Generator().manual_seed(0)) < 0.02
        network.run(spikes.to(dtype))
        return network.get_monitored_results()["N"]["v"]

    @pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 2e-3)])
    def test_executors_agree(self, dtype: str, tolerance: float) -> None:
        exact = self.potentials("torch", torch.float64)
        assert exact.max() > -50.5
        for executor in ("numba", "torch"):
            found = self.potentials(executor, getattr(torch, dtype))
            torch.testing.assert_close(found.double(), exact, rtol=0.0, atol=tolerance)

    def test_gradient(self) -> None:
        def mean(tau: float) -> Any:
            value = torch.tensor(tau, dtype=torch.float64, requires_grad=True)
            return value, self.potentials("torch", torch.float64, value, 1)[:, :80].mean()

        tau, loss = mean(20.0)
        loss.backward()
        (_, above), (_, below) = mean(20.0 + 1e-4), mean(20.0 - 1e-4)
        assert tau.grad.item() == pytest.approx((above - below).item() / 2e-4, rel=1e-6)


class TestSynapses:
    """Pair STDP and resources, as equations."""

    VALUES = {
        RESOURCES: (TsodyksMarkram, {"U": 0.4, "tau_rec": 50.0, "tau_facil": 30.0}),
        PAIRS: (compose_stdp(SpikePairs, Additive), {"tau_plus": 12.0, "A_plus": 0.1}),
    }

    def run(
        self, model: type[Synapse], executor: Executor, given: dict[str, float], precision: str
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Weights, and potentials of the targets; some spikes come at the very same moment."""
        network = EventNetwork(dt=0.1, spike_precision=precision, executor=executor)
        rng = np.random.default_rng(7)
        source = network.add(SpikeArrayGroup(3, "source"))
        times = [np.sort(rng.uniform(0.0, 80.0, 12)) for _ in range(2)]
        source.set_spike_times([*times, np.arange(1.0, 80.0, 2.0)])
        cells = network.add(NeuronGroup(LIFCurrentExponential, 2, "cells", {"i_offset": 1.2}))
        pairs = np.repeat(np.arange(3), 2), np.tile(np.arange(2), 3)
        one, other = (cells_of_pairs.astype(np.int32) for cells_of_pairs in pairs)
        weight = rng.uniform(0.1, 0.9, 6)
        projection = network.connect(
            source, cells, "excitatory", (one, other), weight, 12, model, given
        )
        samples = network.record_state(cells, "v", np.arange(2))
        network.run(900)
        return np.array(projection.synapses.weight), samples.samples

    @pytest.mark.parametrize("model", VALUES, ids=lambda model: model.name)
    @pytest.mark.parametrize("precision", ["off_grid", "on_grid"])
    def test_the_same_numbers_as_by_hand(
        self, model: type[Synapse], precision: str, executor: MakeExecutor
    ) -> None:
        by_hand, given = self.VALUES[model]
        assert list(mistakes_of_synapse(model)) == []
        one = self.run(by_hand, executor(), given, precision)
        other = self.run(model, executor(), given, precision)
        assert np.ptp(one[1]) > 5.0
        np.testing.assert_allclose(other[0], one[0], rtol=0.0, atol=1e-12)
        np.testing.assert_allclose(other[1], one[1], rtol=0.0, atol=1e-9)

    def test_a_state_that_spikes_of_both_sides_change(self, executor: MakeExecutor) -> None:
        """It decays from spike to spike, whichever side they are of, simultaneous ones too."""
        model = synapse_model(
            "Eligible",
            "de/dt = -e/tau : 1",
            on_pre="e += 1; weight = e*unity",
            on_post="e += 0.25",
            parameters={"tau": "10 ms", "unity": "1 weight"},
        )
        network = EventNetwork(dt=0.1, spike_precision="on_grid", executor=executor())
        source = network.add(SpikeArrayGroup(1, "source"))
        source.set_spike_times([np.array([2.0, 20.0])])
        teacher = network.add(SpikeArrayGroup(1, "teacher"))
        teacher.set_spike_times([np.array([4.0, 9.0, 17.9])])
        target = network.add(NeuronGroup(LIFVoltageJump, 1, "target", {"tau_refrac": 0.0}))
        pair = (np.zeros(1, np.int32), np.zeros(1, np.int32))
        network.connect(teacher, target, "excitatory", pair, 50.0, 10)
        projection = network.connect(source, target, "excitatory", pair, 0.0, 10, model)
        network.run(300)
        # Postsynaptic spikes come at the end of a step, and reach the synapse 1 ms later.
        arrivals = [(2.0, 1.0), (6.1, 0.25), (11.1, 0.25), (20.0, 0.25), (20.0, 1.0)]
        expected = sum(jump * np.exp((time - 20.0) / 10.0) for time, jump in arrivals)
        assert projection.synapses.weight[0] == pytest.approx(expected, abs=1e-12)
