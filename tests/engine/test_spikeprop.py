"""SpikeProp: exact first spikes, their gradients against finite differences, silent neurons."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.learning.spikeprop import FirstSpikeLoss, SpikePropLayer, first_to_spike
from ship_engine.learning.spikeprop_times import LONGEST

TAU, EXACT = 7.0, 1e-9
"""A time constant, and a least slope that changes no gradient."""


def kernel(time: np.ndarray, tau: float = TAU) -> np.ndarray:
    after = np.maximum(time, 0.0) / tau
    return after * np.exp(1.0 - after)


def sampled(layer: SpikePropLayer, times: Tensor, step: float = 0.02) -> np.ndarray:
    """First spikes of potentials that are sampled densely: in the step before, or infinite."""
    tau, threshold = layer.neuron.tau, layer.neuron.threshold
    arrivals = (times[..., None] + layer.delays).numpy()
    grid = np.arange(0.0, 60.0, step)
    responses = kernel(grid[:, None, None, None] - arrivals, tau)
    potentials = np.einsum("tbik,iko->tbo", responses, layer.weight.detach().numpy())
    reached = potentials >= threshold
    return np.where(reached.any(0), grid[reached.argmax(0)], np.inf)


def layer_of(weights: Any, **options: Any) -> SpikePropLayer:
    """A layer with these weights [input, delay, output]."""
    weight = torch.as_tensor(weights, dtype=torch.float64)
    options = {"delays": [0.0] * weight.shape[1], "tau": TAU, "least_slope": EXACT} | options
    layer = SpikePropLayer(weight.shape[0], weight.shape[2], **options)
    with torch.no_grad():
        layer.weight.copy_(weight)
    return layer


def random_layer(seed: int, inputs: int = 4, outputs: int = 3, **options: Any) -> SpikePropLayer:
    """Signed weights with which most neurons spike."""
    random = np.random.default_rng(seed)
    weights = random.normal(0.15, 0.25, (inputs, 5, outputs))
    return layer_of(weights, **{"delays": random.uniform(0.0, 9.0, 5)} | options)


def random_times(seed: int, samples: int = 3, inputs: int = 4) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(0.0, 8.0, (samples, inputs)))


def slopes(function: Callable[[], Tensor], values: Tensor, step: float = 1e-4) -> Tensor:
    """Finite differences of fourth order of a function with respect to each value."""
    found = torch.zeros_like(values)
    with torch.no_grad():
        for place in np.ndindex(*values.shape):
            kept = values[place].clone()
            parts = []
            for k in (1, -1, 2, -2):
                values[place] = kept + k * step
                parts.append(float(function()))
            values[place] = kept
            found[place] = (8.0 * (parts[0] - parts[1]) - (parts[2] - parts[3])) / (12.0 * step)
    return found


class TestTimes:
    @given(seed=st.integers(0, 10**6), coincident=st.booleans(), silent=st.booleans())
    @settings(max_examples=60, deadline=None)
    def test_of_dense_samples(self, seed: int, coincident: bool, silent: bool) -> None:
        times = random_times(seed)
        delays = np.random.default_rng(seed).uniform(0.0, 9.0, 5)
        if coincident:  # several arrivals at the same time, and on the grid
            times, delays = times.round(), delays.round()
        if silent:
            times[:, 1] = torch.inf
            times[0] = torch.inf
        layer = random_layer(seed, delays=delays)
        found, expected = layer(times).detach().numpy(), sampled(layer, times)
        right = (found <= expected + 1e-9) & (found > expected - 0.0201)
        right |= np.isinf(found) & np.isinf(expected)
        if not right.all():  # a potential may touch the threshold between two samples
            right |= (sampled(layer, times, 0.001) < expected) & (found < expected)
        assert right.all()
        assert (np.isinf(found[0]).all() and np.isinf(expected[0]).all()) or not silent

    def test_single_response(self) -> None:
        # t exp(1 - t) = 1 / w at t = -W(-1 / (e w)): known for w = 2 and where the kernel peaks.
        layer = layer_of([[[2.0, 1.0, 1.0 - 1e-12, -1.0]]], delays=[3.0])
        found = layer(torch.tensor([[5.0]]).double())[0]
        assert found[0].item() == pytest.approx(8.0 + 0.2319609 * TAU, abs=1e-6)
        assert found[1].item() == pytest.approx(8.0 + TAU, abs=1e-6)
        assert found[2:].tolist() == [math.inf, math.inf]

    def test_first_of_several_crossings(self) -> None:
        layer = layer_of([[[2.0], [-9.0], [20.0]]], delays=[0.0, 5.0, 12.0])
        assert layer(torch.zeros(1, 1).double()).item() == pytest.approx(0.2319609 * TAU, abs=1e-6)

    def test_samples_and_order_do_not_matter(self) -> None:
        layer, times = random_layer(1), random_times(1, 6)
        together = layer(times)
        alone = torch.cat([layer(sample[None]) for sample in times])
        torch.testing.assert_close(together, alone, rtol=1e-12, atol=0.0)

    def test_later_inputs_shift_spikes(self) -> None:
        layer, times = random_layer(2), random_times(2)
        torch.testing.assert_close(layer(times + 1000.0), layer(times) + 1000.0)

    def test_delays_of_each_input(self) -> None:
        delays = torch.tensor([[0.0, 4.0], [2.0, 9.0]])
        layer = layer_of([[[0.5], [0.9]], [[0.4], [0.8]]], delays=delays)
        times = torch.tensor([[1.0, 3.0]]).double()
        assert layer(times).item() == pytest.approx(sampled(layer, times).item(), abs=0.02)

    def test_units(self) -> None:
        # Thrice the threshold and the weights, and half of all times, is the same neuron.
        layer, times = random_layer(3), random_times(3)
        scaled = layer_of(
            3.0 * layer.weight.detach(), delays=layer.delays[0] / 2, tau=TAU / 2, threshold=3.0
        )
        torch.testing.assert_close(scaled(times / 2.0), layer(times) / 2.0)

    def test_single_precision(self) -> None:
        layer = random_layer(4, dtype=torch.float32)
        found = layer(random_times(4).float())
        assert found.dtype == torch.float32
        expected = random_layer(4)(random_times(4))
        torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=0.0)
        found[found.isfinite()].sum().backward()
        assert layer.weight.grad is not None
        assert layer.weight.grad.dtype == torch.float32

    def test_long_spans(self) -> None:
        layer = layer_of([[[2.0]], [[2.0]]], tau=1.0)
        early, late = 0.0, 0.99 * LONGEST
        found = layer(torch.tensor([[early, late]]).double())
        assert found.item() == pytest.approx(0.2319609, abs=1e-6)
        weak = layer_of([[[0.9]], [[2.0]]], tau=1.0)
        found = weak(torch.tensor([[early, late]]).double())
        assert found.item() == pytest.approx(late + 0.2319609, abs=1e-6)


class TestGradients:
    @pytest.mark.parametrize("seed", [1, 2])
    @pytest.mark.parametrize("dead_input", [False, True])
    def test_of_weights_times_and_delays(self, seed: int, dead_input: bool) -> None:
        # Where neurons are silent, only without what raises them.
        first = random_layer(seed, train_delays=True, silent="ignore")
        second = random_layer(seed + 50, 3, 2, train_delays=True, silent="ignore")
        network = torch.nn.Sequential(first, second)
        times = random_times(seed)
        if dead_input:
            times[:, 2] = torch.inf
        factor = torch.from_numpy(np.random.default_rng(seed).normal(size=(3, 2)))
        spikes = network(times).isfinite()
        assert spikes.sum() >= 2

        def loss() -> Tensor:
            return (factor * network(times))[spikes].sum()

        times.requires_grad_()
        leaves = [times, *network.parameters()]
        found = torch.autograd.grad(loss(), leaves)
        for leaf, gradient in zip(leaves, found, strict=True):
            alive = leaf.detach().isfinite()
            expected = slopes(loss, leaf)[alive]
            assert expected.norm() > 1e-3
            assert (gradient[alive] - expected).norm() < 1e-6 * expected.norm()

    def test_least_slope_bounds_them(self) -> None:
        # Just above the kernel's peak the potential rises ever more slowly through the threshold.
        for excess, least in ((1e-4, 0.3), (1e-8, 0.3), (1e-8, 2.0)):
            layer = layer_of([[[1.0 + excess]]], least_slope=least)
            layer(torch.zeros(1, 1).double()).sum().backward()
            assert layer.weight.grad is not None
            assert layer.weight.grad.item() == pytest.approx(-TAU / least, rel=1e-2)

    @pytest.mark.parametrize("silent", ["raise_weights", "ignore"])
    def test_continuous_where_a_spike_vanishes(self, silent: str) -> None:
        found = []
        for weight in (1.0 + 1e-9, 1.0 - 1e-9):
            layer = layer_of([[[weight], [0.05]]], delays=[0.0, 60.0], silent=silent)
            layer.neuron = layer.neuron._replace(least_slope=0.1)
            times = torch.zeros(1, 1).double().requires_grad_()
            spikes = layer(times)
            (2.0 * FirstSpikeLoss()(spikes, spikes.detach().clamp(max=50.0) - 10.0)).backward()
            assert layer.weight.grad is not None
            found.append(layer.weight.grad[0, 0].item())
        assert found[0] < 0.0
        assert found[1] == (pytest.approx(found[0], rel=1e-3) if silent != "ignore" else 0.0)

    def test_inputs_need_none(self) -> None:
        layer = random_layer(0)
        layer.weight.requires_grad_(False)
        times = random_times(0).requires_grad_()
        layer(times).sum().backward()
        assert times.grad is not None
        assert times.grad.abs().sum() > 0.0


class TestSilentNeurons:
    @pytest.mark.parametrize("weight", [0.0, 0.01, -0.2])
    def test_whole_silent_networks_come_back(self, weight: float) -> None:
        network = torch.nn.Sequential(SpikePropLayer(2, 3), SpikePropLayer(3, 2))
        for layer in network:
            torch.nn.init.constant_(layer.weight, weight)
        torch.nn.init.constant_(network[1].weight, 0.01)
        times, targets = torch.zeros(1, 2).double(), torch.tensor([[20.0, 24.0]]).double()
        assert network(times).isinf().all()
        optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
        for _ in range(150):
            optimizer.zero_grad()
            FirstSpikeLoss()(network(times), targets).backward()
            optimizer.step()
        torch.testing.assert_close(network(times), targets, rtol=0.0, atol=0.3)

    def test_dead_ones_stay_dead_if_ignored(self) -> None:
        layer = layer_of([[[0.5, 2.0]]], silent="ignore")
        found = layer(torch.zeros(1, 1).double())
        FirstSpikeLoss()(found, torch.tensor([[5.0, 5.0]]).double()).backward()
        assert layer.weight.grad is not None
        assert layer.weight.grad[0, 0, 0].item() == 0.0
        assert layer.weight.grad[0, 0, 1].item() != 0.0

    def test_only_those_that_should_spike_are_raised(self) -> None:
        layer = layer_of([[[0.5, 0.5, 2.0]]])
        found = layer(torch.zeros(1, 1).double())
        FirstSpikeLoss()(found, torch.tensor([[5.0, torch.inf, torch.inf]]).double()).backward()
        gradient = layer.weight.grad
        assert gradient is not None
        assert gradient[0, 0, 0] < 0.0  # descent raises the weight
        assert gradient[0, 0, 1] == 0.0
        assert gradient[0, 0, 2] > 0.0  # it spikes, and is asked to spike later
        silent = layer(torch.zeros(1, 1).double())[0, 0]
        layer.weight.grad = None
        (-silent.nan_to_num(posinf=0.0) + 0.0 * layer.weight.sum()).backward()
        assert layer.weight.grad is None or not layer.weight.grad.any()

    def test_inputs_are_asked_to_spike_where_that_would_help(self) -> None:
        layer = layer_of([[[0.5]], [[-0.5]], [[0.5]]])
        times = torch.tensor([[torch.inf, torch.inf, 0.0]]).double().requires_grad_()
        FirstSpikeLoss()(layer(times), torch.tensor([[5.0]]).double()).backward()
        assert times.grad is not None
        assert times.grad[0, 0] > 0.0  # descent would make it earlier than never
        assert times.grad[0, 1] < 0.0

    def test_network_without_any_spike(self) -> None:
        layer = random_layer(0)
        found = layer(torch.full((2, 4), torch.inf).double())
        assert found.isinf().all()
        FirstSpikeLoss()(found, torch.ones(2, 3).double()).backward()
        assert layer.weight.grad is not None
        assert not layer.weight.grad.any()

    def test_silence_is_not_the_earliest(self) -> None:
        inf = torch.inf
        times = torch.tensor([[inf, 9.0, 8.0], [inf, inf, inf], [4.0, 4.0, 5.0], [0.0, 1.0, inf]])
        assert first_to_spike(times).tolist() == [2, -1, -1, 0]


class TestLayer:
    def test_initial_weights(self) -> None:
        torch.manual_seed(0)
        layer = SpikePropLayer(50, 40, active=0.25, threshold=2.0)
        drive = 0.25 * layer.weight.detach().sum((0, 1)).mean()
        assert drive.item() == pytest.approx(3.0 * 2.0, rel=0.02)
        assert layer.weight.min() >= 0.0
        assert "50, 40, 16 delays, tau=7, threshold=2" in repr(layer)

    def test_positive_weights(self) -> None:
        layer = SpikePropLayer(1, 1, delays=[0.0, 1.0], positive=True)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor([[[2.0], [-1.0]]]))
        found = layer(torch.zeros(1, 1).double())
        assert found.item() == pytest.approx(0.2319609 * TAU, abs=1e-6)
        assert layer.weights().tolist() == [[[2.0], [0.0]]]

    def test_trained_delays_stay_positive(self) -> None:
        layer = layer_of([[[2.0]]], train_delays=True)
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        for _ in range(3):
            FirstSpikeLoss()(layer(torch.zeros(1, 1).double()), torch.zeros(1, 1)).backward()
            optimizer.step()
        assert layer.delays.item() < 0.0
        assert layer(torch.zeros(1, 1).double()).item() > 0.0

    def test_is_kept_and_copied(self) -> None:
        layer, other = random_layer(1, train_delays=True), random_layer(2, train_delays=True)
        other.load_state_dict(layer.state_dict())
        assert torch.equal(layer(random_times(1)), other(random_times(1)))

    @pytest.mark.parametrize(
        ("optimizer", "rate"), [(torch.optim.SGD, 1e-4), (torch.optim.Adam, 0.003)]
    )
    def test_any_optimizer_and_depth(self, optimizer: Any, rate: float) -> None:
        torch.manual_seed(1)
        network = torch.nn.Sequential(*[SpikePropLayer(3, 3) for _ in range(4)])
        times = torch.tensor([[0.0, 3.0, 5.0], [5.0, 0.0, 3.0]]).double()
        targets = network(times).detach()  # can be reached from what follows
        with torch.no_grad():
            for layer in network:
                layer.weight.mul_(1.1).add_(0.02 * torch.rand_like(layer.weight))
        made, losses = optimizer(network.parameters(), lr=rate), []
        for _ in range(60):
            made.zero_grad()
            losses.append(FirstSpikeLoss()(network(times), targets))
            losses[-1].backward()
            made.step()
        assert losses[-1] < 0.1 * losses[0]


class TestLoss:
    def test_values(self) -> None:
        times = torch.tensor([[1.0, 5.0], [2.0, 2.0]], requires_grad=True)
        loss = FirstSpikeLoss()(times, torch.tensor([[4.0, 5.0], [2.0, 1.0]]))
        assert loss.item() == pytest.approx((9.0 + 1.0) / 2.0 / 2.0)
        loss.backward()
        assert times.grad is not None
        assert times.grad.tolist() == [[-1.5, 0.0], [0.0, 0.5]]

    def test_silence(self) -> None:
        inf = torch.inf
        times = torch.tensor([[inf, inf, 3.0]], requires_grad=True)
        targets = torch.tensor([[5.0, inf, inf]])
        loss = FirstSpikeLoss(silence=4.0)(times, targets)
        assert loss.item() == pytest.approx((16.0 + 0.0 + 16.0) / 2.0)
        loss.backward()
        assert times.grad is not None
        assert times.grad.tolist() == [[4.0, 0.0, -4.0]]
        assert FirstSpikeLoss(silence=None)(times, targets).item() == 0.0

    def test_of_scores(self) -> None:
        scores, targets = torch.tensor([[-6.0, -40.0]]), torch.tensor([[2.0, 5.0]])
        found = FirstSpikeLoss(silence=1.0).of_scores(dt=0.5, steps=40)(scores, targets)
        assert found.item() == pytest.approx(((3.0 - 2.0) ** 2 + 1.0) / 2.0)


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"inputs": 0}, "inputs = 0; give a whole number"),
            ({"outputs": 2.5}, r"outputs = 2\.5; give a whole number"),
            ({"tau": 0.0}, r"tau = 0\.0 ms"),
            ({"threshold": -1.0}, r"threshold = -1\.0;"),
            ({"least_slope": 0.0}, r"least_slope = 0\.0"),
            ({"active": math.nan}, "active = nan"),
            ({"silent": "raise"}, "'raise_weights', 'ignore'"),
            ({"delays": []}, r"shape \(0,\); give at least one .* \[3, delay\]"),
            ({"delays": torch.ones(2, 4)}, r"shape \(2, 4\)"),
            ({"delays": [1.0, -1.0]}, "finite numbers >= 0"),
            ({"delays": [1.0, math.inf]}, "finite numbers >= 0"),
        ],
    )
    def test_of_layers(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(InvalidValueError, match=message):
            SpikePropLayer(**{"inputs": 3, "outputs": 2} | options)

    @pytest.mark.parametrize(
        ("times", "message"),
        [
            (torch.zeros(3), r"shape \(3,\); give floating-point times \[batch, 3\]"),
            (torch.zeros(2, 4), r"shape \(2, 4\)"),
            (torch.zeros(0, 3), r"shape \(0, 3\)"),
            (torch.zeros(2, 3, dtype=torch.int64), r"torch\.int64"),
            (torch.tensor([[0.0, -1.0, 2.0]]), "a neuron that does not spike is infinite"),
            (torch.tensor([[0.0, math.nan, 2.0]]), "0 or later, but the least is nan"),
        ],
    )
    def test_of_times(self, times: Tensor, message: str) -> None:
        with pytest.raises(InvalidValueError, match=message):
            SpikePropLayer(3, 2)(times)

    def test_of_long_spans(self) -> None:
        with pytest.raises(InvalidValueError, match="more than 600 time constants"):
            SpikePropLayer(2, 1, tau=1.0)(torch.tensor([[0.0, 601.0]]))

    @pytest.mark.parametrize("silence", [0.0, -1.0, math.inf, math.nan])
    def test_of_losses(self, silence: float) -> None:
        with pytest.raises(InvalidValueError, match="give a number > 0, or None"):
            FirstSpikeLoss(silence)

    def test_of_targets(self) -> None:
        with pytest.raises(InvalidValueError, match=r"Targets of shape \(2,\) for .* \(2, 3\)"):
            FirstSpikeLoss()(torch.zeros(2, 3), torch.zeros(2))
