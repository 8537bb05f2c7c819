"""Surrogate derivatives: the forward pass is the hard step, the backward pass the formula."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from test_tracing import evaluated
from torch import Tensor

from ship_engine import LIF, Input, LeakySynapse, Network
from ship_engine.elementwise import absolute, exp
from ship_engine.errors import InvalidValueError, UnsupportedByExecutorError
from ship_engine.event_network import EventNetwork
from ship_engine.executors.fused_simulation import FusedExecutor
from ship_engine.executors.torch_autograd import TorchExecutor
from ship_engine.groups import NeuronGroup
from ship_engine.lowering.cache import KernelCache
from ship_engine.lowering.tracing import Program
from ship_engine.models.lif import LIFCurrentExponential
from ship_engine.platform.network import Network as PlatformNetwork
from ship_engine.training.surrogates import (
    SURROGATES,
    Arctan,
    Gaussian,
    MultiGaussian,
    Rectangle,
    Sigmoid,
    SlayerExponential,
    SuperSpike,
    Surrogate,
    Triangle,
    surrogate_of,
)

EXAMPLES: list[Surrogate] = [
    *(kind() for kind in SURROGATES.values()),
    SuperSpike(1.5),
    Arctan(0.7),
    Sigmoid(9.0),
    Triangle(width=2.0, height=0.3),
    Rectangle(0.6),
    Gaussian(1.3),
    MultiGaussian(width=0.4, height=0.3, spread=2.0),
    SlayerExponential(width=0.5, scale=3.0),
]
EACH = pytest.mark.parametrize("surrogate", EXAMPLES, ids=repr)
KINKS = {SuperSpike: (0.0,), SlayerExponential: (0.0,), Triangle: (-1.0, 0.0, 1.0)}
"""Where derivatives are not smooth, as multiples of the width; Rectangle's are at half of it."""


def kinks(surrogate: Surrogate) -> list[float]:
    width = getattr(surrogate, "width", 1.0)
    places = (-0.5, 0.5) if isinstance(surrogate, Rectangle) else KINKS.get(type(surrogate), ())
    return [width * place for place in places]


def distances(surrogate: Surrogate) -> Tensor:
    """Numbers around the threshold, none at a kink, or within reach of finite differences."""
    grid = torch.linspace(-3.0, 3.0, 121, dtype=torch.float64) + 0.0137
    near = torch.tensor([[x - 1e-3, x + 1e-3] for x in kinks(surrogate)], dtype=torch.float64)
    return torch.cat([grid, near.flatten()])


def derivative(surrogate: Surrogate, distance: Any) -> Any:
    return surrogate.derivative(distance, **surrogate.values())


def primitive(surrogate: Surrogate, distance: Any) -> Any:
    return surrogate.primitive(distance, **surrogate.values())


class TestSuperSpike:
    distance = torch.tensor([-2.0, -1e-9, 0.0, 1e-9, 0.5], dtype=torch.float64)

    @pytest.mark.parametrize("slope", [1.0, 100.0])
    def test_derivative(self, slope: float) -> None:
        distance = self.distance.clone().requires_grad_()
        weight = torch.arange(1.0, 6.0, dtype=torch.float64)
        (weight * SuperSpike(slope)(distance)).sum().backward()
        expected = weight / (1.0 + slope * self.distance.abs()) ** 2
        torch.testing.assert_close(distance.grad, expected, rtol=1e-14, atol=0.0)

    def test_default_slope(self) -> None:
        assert TorchExecutor().surrogate == SuperSpike(100.0)
        assert FusedExecutor().surrogate == SuperSpike(100.0)

    @pytest.mark.parametrize("slope", [0.0, -1.0, float("nan"), float("inf")])
    def test_refuses(self, slope: float) -> None:
        with pytest.raises(InvalidValueError, match="it must be > 0"):
            SuperSpike(slope)


class TestEach:
    @EACH
    def test_forward_is_the_hard_step(self, surrogate: Surrogate) -> None:
        distance = torch.tensor([-2.0, -1e-9, -0.0, 0.0, 1e-9, 0.5], dtype=torch.float64)
        assert surrogate(distance).tolist() == [0.0, 0.0, 1.0, 1.0, 1.0, 1.0]

    @EACH
    def test_backward_is_the_derivative(self, surrogate: Surrogate) -> None:
        distance = distances(surrogate).requires_grad_()
        weight = torch.linspace(1.0, 2.0, distance.numel(), dtype=torch.float64)
        (weight * surrogate(distance)).sum().backward()
        expected = weight * derivative(surrogate, distance.detach())
        torch.testing.assert_close(distance.grad, expected, rtol=1e-15, atol=0.0)

    @EACH
    def test_derivative_of_the_primitive(self, surrogate: Surrogate) -> None:
        x, h = distances(surrogate), 1e-5
        slope = (primitive(surrogate, x + h) - primitive(surrogate, x - h)) / (2.0 * h)
        largest = derivative(surrogate, x).max().item()
        difference = (slope - derivative(surrogate, x)).abs().max().item()
        # SuperSpike's third derivative is 24 slope**3 next to the threshold.
        sharp = h**2 * 4.0 * surrogate.slope**2 if isinstance(surrogate, SuperSpike) else 0.0
        assert difference < (1e-8 + sharp) * max(largest, 1.0)

    @EACH
    def test_integral_is_the_rise_of_the_primitive(self, surrogate: Surrogate) -> None:
        low, high = -4.0, 2.5
        found, _ = quad(
            lambda x: float(derivative(surrogate, x)),
            low,
            high,
            points=[*kinks(surrogate), 0.0],
            limit=400,
            epsabs=1e-12,
        )
        ends = torch.tensor([low, high], dtype=torch.float64)
        rise = primitive(surrogate, ends).diff().item()
        assert found == pytest.approx(rise, rel=1e-9, abs=1e-10)

    @EACH
    def test_numbers_of_every_kind(self, surrogate: Surrogate) -> None:
        """NumPy, torch and traced programs give the same derivative."""
        x = distances(surrogate)
        program = Program()
        names = {name: program.leaf(name) for name in surrogate.numbers()}
        traced = program.number(surrogate.derivative(program.leaf("x"), **names))
        values = {"x": x.numpy(), **surrogate.values()}
        expected = derivative(surrogate, x).numpy()
        np.testing.assert_allclose(derivative(surrogate, x.numpy()), expected, rtol=1e-13)
        np.testing.assert_allclose(evaluated(program, traced, values), expected, rtol=1e-13)

    @EACH
    def test_gradients_stay_float32(self, surrogate: Surrogate) -> None:
        distance = distances(surrogate).float().requires_grad_()
        spikes = surrogate(distance)
        (gradient,) = torch.autograd.grad(spikes.sum(), distance)
        assert spikes.dtype == gradient.dtype == torch.float32
        expected = derivative(surrogate, distance.detach().double()).float()
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-6)

    @pytest.mark.parametrize("name", SURROGATES)
    def test_symmetric_and_largest_at_the_threshold(self, name: str) -> None:
        surrogate = SURROGATES[name]()
        x = torch.linspace(0.0, 5.0, 101, dtype=torch.float64)
        right, left = derivative(surrogate, x), derivative(surrogate, -x)
        torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-15)
        assert right.argmax() == 0
        far = derivative(surrogate, torch.tensor([-1e6, 1e6], dtype=torch.float64))
        assert far.abs().max() < 1e-9

    def test_values_at_the_threshold(self) -> None:
        """The formulas of the papers, by hand."""
        at_once = {
            SuperSpike(7.0): 1.0,
            Arctan(3.0): 1.5,
            Sigmoid(3.0): 0.75,
            Triangle(2.0, 0.3): 0.3,
            Rectangle(4.0): 0.25,
            Gaussian(0.5): 2.0 / np.sqrt(2.0 * np.pi),
            SlayerExponential(0.5, 3.0): 6.0,
        }
        for surrogate, expected in at_once.items():
            assert float(derivative(surrogate, 0.0)) == pytest.approx(expected, rel=1e-14)
        narrow, wide = Gaussian(0.5), Gaussian(3.0)
        expected = 1.15 * derivative(narrow, 0.2) - 0.15 * (
            derivative(wide, 0.2 - 0.5) + derivative(wide, 0.2 + 0.5)
        )
        assert float(derivative(MultiGaussian(), 0.2)) == pytest.approx(float(expected), rel=1e-14)


class TestNumbers:
    @pytest.mark.parametrize("kind", SURROGATES.values())
    @pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf"), "steep", None])
    def test_that_are_refused(self, kind: type[Surrogate], wrong: Any) -> None:
        for name in kind.numbers():
            words = rf"{kind.__name__} with {name} = .*; it must be > 0"
            with pytest.raises(InvalidValueError, match=words):
                kind(**{name: wrong})

    @pytest.mark.parametrize("right", [2, np.float32(2.0), np.float64(2.0), np.int64(2)])
    def test_of_other_types(self, right: Any) -> None:
        assert Arctan(right) == Arctan(2.0)

    def test_of_any_sign(self) -> None:
        assert Shifted(1.0, shift=-0.5).values() == {"width": 1.0, "shift": -0.5}
        with pytest.raises(InvalidValueError, match="shift = nan; give a finite number"):
            Shifted(1.0, shift=float("nan"))
        with pytest.raises(InvalidValueError, match="width = 0; give a number; it must be > 0"):
            Shifted(0)


class TestChoice:
    @pytest.mark.parametrize("name", SURROGATES)
    def test_by_name(self, name: str) -> None:
        assert surrogate_of(name) == SURROGATES[name]()

    def test_by_itself_or_not_at_all(self) -> None:
        mine = Triangle(0.5)
        assert surrogate_of(mine) is mine
        assert surrogate_of(None) == SuperSpike()

    @pytest.mark.parametrize("given", ["steep", "SuperSpike", SuperSpike, 3.0, torch.sigmoid])
    def test_of_something_else(self, given: Any) -> None:
        with pytest.raises(InvalidValueError, match="or a name: superspike, arctan"):
            surrogate_of(given)

    def test_of_networks(self) -> None:
        with pytest.raises(InvalidValueError, match="'numba' has no gradients"):
            Network(surrogate="arctan")
        with pytest.raises(InvalidValueError, match="surrogate = 'steep'"):
            Network(executor="fused", surrogate="steep")


@dataclass(frozen=True)
class Shifted(Surrogate):
    """A surrogate of one's own, in the language of models."""

    width: float = 1.0
    shift: float = 0.0
    any_sign = ("shift",)

    @staticmethod
    def derivative(distance, width, shift):  # type: ignore[no-untyped-def, override]
        return exp(-absolute(distance - shift) / width)


@dataclass(frozen=True)
class ByTorch(Surrogate):
    """A surrogate that only torch can compute."""

    width: float = 1.0

    @staticmethod
    def derivative(distance, width):  # type: ignore[no-untyped-def, override]
        return torch.special.i0e(distance / width)


@dataclass(frozen=True)
class ByMethods(ByTorch):
    """Another one."""

    @staticmethod
    def derivative(distance, width):  # type: ignore[no-untyped-def, override]
        return distance.abs().neg().div(width).exp()


class TestOnesOwn:
    def gradients(self, executor: str, surrogate: Surrogate) -> list[Tensor]:
        """Of a platform's network, and of one that is driven by events."""
        net: PlatformNetwork = Network(
            executor=executor, dtype=torch.float64, surrogate=surrogate, seed=2
        )
        weight = torch.linspace(0.1, 0.5, 6, dtype=torch.float64).view(3, 2).requires_grad_()
        net.add(Input, "I", N=3)
        net.add(LIF, "N", N=2)
        net.add(LeakySynapse, "S", source="I", target="N", w=weight, w_scale=0.1)
        net.init(dt=1.0)
        spikes = net.run(torch.ones(1, 12, 3, dtype=torch.float64))
        times = torch.linspace(0.0, 1.0, 12, dtype=torch.float64)[None, :, None]
        (spikes * times).sum().backward()
        assert spikes.sum() > 0
        assert weight.grad is not None
        return [spikes.detach(), weight.grad]

    def of_events(self, executor: TorchExecutor) -> list[Tensor]:
        network = EventNetwork(dt=0.5, spike_precision="on_grid")
        group = network.add(NeuronGroup(LIFCurrentExponential, 2, "cells"))
        current = torch.full((1, 40, 2), 1.5, dtype=torch.float64, requires_grad=True)
        spikes = executor.simulate(network, 40, inputs={group: current}).spikes[group]
        (spikes * torch.linspace(0.0, 1.0, 40, dtype=torch.float64)[None, :, None]).sum().backward()
        assert spikes.sum() > 0
        assert current.grad is not None
        return [spikes.detach(), current.grad]

    def test_on_torch_and_fused(self, kernel_cache: KernelCache) -> None:
        mine = Shifted(0.7, shift=-0.1)
        pairs = zip(self.gradients("torch", mine), self.gradients("fused", mine), strict=True)
        executors = TorchExecutor(surrogate=mine), FusedExecutor(surrogate=mine, cache=kernel_cache)
        by_events = zip(*(self.of_events(executor) for executor in executors), strict=True)
        for expected, found in [*pairs, *by_events]:
            torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-13)
            assert found.count_nonzero() > 0

    @pytest.mark.parametrize("mine", [ByTorch(), ByMethods()], ids=repr)
    def test_by_functions_of_torch(self, mine: Surrogate, kernel_cache: KernelCache) -> None:
        assert self.gradients("torch", mine)[1].count_nonzero() == 6
        words = rf"{type(mine).__name__} .*torch's.*use the executor 'torch'"
        with pytest.raises(UnsupportedByExecutorError, match=words):
            self.gradients("fused", mine)
        with pytest.raises(UnsupportedByExecutorError, match=words):
            self.of_events(FusedExecutor(surrogate=mine, cache=kernel_cache))
