"""Spike response neurons and alpha kernels, against sums that are written out."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.layers.alpha import AlphaKernel
from ship_engine.layers.dense import Dense
from ship_engine.layers.neurons import Neurons
from ship_engine.layers.spike_response import Response, SpikeResponse
from ship_engine.lowering.response_layout import BLOCK
from ship_engine.platform.models.spike_response import SpikeResponseNeuron
from ship_engine.training.surrogates import SlayerExponential, SuperSpike

EXECUTORS = pytest.mark.parametrize("executor", ["fused", "torch"])
TYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
SHAPES = [(1, 1, 1), (40, 2, 3), (25, 1, BLOCK + 1), (7, 3, 2, 4, 5)]
Array = NDArray[np.float64]


def alpha(tau: float, dt: float, peak: float, cutoff: float, steps: int) -> Array:
    """The kernel by its definition: up to where it is below the cut-off, after its peak."""
    time = np.arange(steps) * dt
    kernel = peak * time / tau * np.exp(1.0 - time / tau)
    ended = (np.abs(kernel) < cutoff) & (time > tau)
    return kernel[: int(np.argmax(ended))] if ended.any() else kernel


def convolved(trains: Array, kernel: Array) -> Array:
    found = np.zeros_like(trains)
    for n in range(len(trains)):
        for i in range(min(len(kernel), n + 1)):
            found[n] += kernel[i] * trains[n - i]
    return found


def responded(traces: Array, nu: Array, thresh: float) -> tuple[Array, Array]:
    """Spikes and membrane in time order."""
    u, spikes = traces.copy(), np.zeros_like(traces)
    for n in range(len(u)):
        spikes[n] = u[n] >= thresh
        for j in range(min(len(nu), len(u) - n)):
            u[n + j] += nu[j] * spikes[n]
    return spikes, u


def currents(shape: tuple[int, ...], seed: int = 0, scale: float = 4.0) -> Tensor:
    random = np.random.default_rng(seed)
    return torch.tensor(scale * random.normal(size=shape) * (random.random(shape) < 0.5))


class TestAlphaKernel:
    def test_slayers_kernels(self) -> None:
        """As many values as the authors have at Ts = 0.1 ms, tau = 1 ms."""
        assert AlphaKernel(1.0).taps(0.1) == 77
        assert AlphaKernel(1.0, -20.0).taps(0.1) == 110
        assert AlphaKernel(10.0).values(1.0, 100).sum() == pytest.approx(27.05, abs=0.005)

    @pytest.mark.parametrize("cutoff", [0.0, 0.01, 0.3])
    @pytest.mark.parametrize(("tau", "dt"), [(1.0, 0.1), (10.0, 1.0), (0.4, 1.0), (3.0, 3.0)])
    def test_values(self, tau: float, dt: float, cutoff: float) -> None:
        expected = alpha(tau, dt, 2.0, cutoff, 300)
        found = AlphaKernel(tau, 2.0, cutoff).values(dt, 300).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-12)

    @pytest.mark.parametrize(
        "arguments", [(0.0,), (-1.0,), (1.0, 1.0, -0.1), (1.0, 1.0, 1.5), (float("inf"),)]
    )
    def test_errors(self, arguments: tuple[float, ...]) -> None:
        with pytest.raises(InvalidValueError):
            AlphaKernel(*arguments)


@EXECUTORS
class TestResponse:
    @TYPES
    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    @pytest.mark.parametrize("cutoff", [0.0, 0.01])
    def test_as_sums(
        self, executor: str, dtype: torch.dtype, shape: tuple[int, ...], cutoff: float
    ) -> None:
        trains = currents(shape)
        found = Response(2.0, 0.5, cutoff, executor)(trains.to(dtype))
        kernel = alpha(2.0, 0.5, 1.0, cutoff, shape[0])
        tolerance = 1e-12 if dtype == torch.float64 else 2e-5
        np.testing.assert_allclose(
            found.numpy(), convolved(trains.numpy(), kernel), rtol=tolerance, atol=tolerance
        )

    @settings(max_examples=30, deadline=None)
    @given(
        tau=st.floats(0.2, 30.0),
        dt=st.floats(0.05, 2.0),
        cutoff=st.sampled_from([0.0, 0.01, 0.2]),
        steps=st.integers(1, 60),
        seed=st.integers(0, 99),
    )
    def test_the_gradient_is_the_adjoint(
        self, executor: str, tau: float, dt: float, cutoff: float, steps: int, seed: int
    ) -> None:
        trains, other = currents((steps, 1, 3), seed), currents((steps, 1, 3), seed + 1000)
        trains.requires_grad_()
        found = Response(tau, dt, cutoff, executor)(trains)
        (gradient,) = torch.autograd.grad(found, trains, other)
        kernel = alpha(tau, dt, 1.0, cutoff, steps)
        reversed_ = convolved(other.flip(0).numpy(), kernel)[::-1]
        np.testing.assert_allclose(gradient.numpy(), reversed_, rtol=1e-9, atol=1e-9)

    def test_a_long_window_forgets_exactly(self, executor: str) -> None:
        """What a kernel that ends has forgotten leaves no trace but rounding errors."""
        trains = torch.zeros(4000, 1, 1, dtype=torch.float64)
        trains[:50] = 1.0
        found = Response(10.0, executor=executor)(trains)
        assert float(found[200:].abs().max()) < 1e-12


@EXECUTORS
class TestSpikeResponse:
    @TYPES
    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    def test_as_sums(self, executor: str, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
        given_ = currents(shape, scale=6.0)
        layer = SpikeResponse(3.0, 2.0, 1.0, 1.5, dt=0.5, executor=executor)
        spikes, membrane = layer.with_membrane(given_.to(dtype))
        traces = convolved(given_.numpy(), alpha(2.0, 0.5, 1.0, 0.01, shape[0]))
        expected, u = responded(traces, alpha(1.0, 0.5, -4.5, 0.01, shape[0]), 3.0)
        np.testing.assert_array_equal(spikes.numpy(), expected)
        tolerance = 1e-11 if dtype == torch.float64 else 1e-4
        np.testing.assert_allclose(membrane.numpy(), u, rtol=tolerance, atol=tolerance)
        assert shape[0] == 1 or 0.02 < expected.mean() < 0.5

    def test_gradient(self, executor: str) -> None:
        """The surrogate at the membrane's potential, then the correlation with the kernel."""
        given_ = currents((40, 2, 3), scale=6.0).requires_grad_()
        layer = SpikeResponse(3.0, 2.0, tau_rho=0.4, scale_rho=1.7, dt=0.5, executor=executor)
        spikes, membrane = layer.with_membrane(given_)
        arriving = currents((40, 2, 3), 5)
        (gradient,) = torch.autograd.grad(spikes, given_, arriving)
        rho = 1.7 / 1.2 * np.exp(-np.abs(membrane.numpy() - 3.0) / 1.2)
        of_membrane = arriving.numpy() * rho * 0.5
        kernel = alpha(2.0, 0.5, 1.0, 0.01, 40)
        expected = convolved(of_membrane[::-1], kernel)[::-1]
        np.testing.assert_allclose(gradient.numpy(), expected, rtol=1e-10, atol=1e-12)

    def test_another_surrogate(self, executor: str) -> None:
        given_ = currents((20, 1, 2)).requires_grad_()
        layer = SpikeResponse(3.0, None, surrogate=SuperSpike(2.0), executor=executor)
        spikes, membrane = layer.with_membrane(given_)
        (gradient,) = torch.autograd.grad(spikes.sum(), given_)
        distance = membrane - 3.0
        torch.testing.assert_close(gradient, 1.0 / (1.0 + 2.0 * distance.abs()) ** 2)

    def test_traces_may_come_from_elsewhere(self, executor: str) -> None:
        given_ = currents((40, 2, 3), scale=6.0)
        apart = SpikeResponse(3.0, None, executor=executor)(
            Response(10.0, executor=executor)(given_)
        )
        torch.testing.assert_close(apart, SpikeResponse(3.0, executor=executor)(given_))

    def test_as_the_model(self, executor: str) -> None:
        """Kernels that never end are the model that every executor of the engine runs."""
        constants = {"thresh": 3.0, "tau_s": 4.0, "tau_ref": 1.5, "scale_ref": 1.2}
        given_ = currents((120, 2, 5), scale=3.0).requires_grad_()
        layer = SpikeResponse(
            **constants, dt=0.5, cutoff=0.0, refractory_cutoff=0.0, executor=executor
        )
        surrogate = SlayerExponential(3.0, 0.5)
        model = Neurons(SpikeResponseNeuron, 0.5, surrogate, executor, **constants)
        spikes, (again, states) = layer(given_), model.with_states(given_, ("u",))
        assert 0.05 < float(spikes.detach().mean()) < 0.5
        torch.testing.assert_close(spikes, again)
        torch.testing.assert_close(states["u"].detach(), layer.with_membrane(given_)[1])
        weights = currents((120, 2, 5), 3)
        gradients = [torch.autograd.grad((s * weights).sum(), given_) for s in (spikes, again)]
        torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(
    "wrong",
    [{"thresh": 0.0}, {"dt": -1.0}, {"tau_s": 0.0}, {"tau_ref": 0.0}, {"tau_rho": 0.0}],
    ids=str,
)
def test_numbers_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidValueError, match="> 0"):
        SpikeResponse(**wrong)


def reference(name: str) -> Tensor:
    """A table of the SLAYER authors' network, from the folder that SHIP_DATA names."""
    folder = Path(os.environ.get("SHIP_DATA", "")) / "slayer_reference"
    if not folder.is_dir():
        pytest.skip("The reference data of SLAYER are not at hand.")
    return torch.tensor(np.loadtxt(folder / name, comments="#"))


@EXECUTORS
class TestAgainstTheAuthors:
    """250-25-1 neurons at 0.1 ms, computed with MATLAB by the authors of SLAYER."""

    def run(self, executor: str, weights: str, steps: int) -> tuple[list[Dense], list[Tensor]]:
        spikes = reference("spikeInMat.txt").t()[:steps, None] / 10.0
        layers, found = [], []
        for name, sizes in ((f"w1{weights}", (250, 25)), (f"w2{weights}", (25, 1))):
            dense = Dense(*sizes, executor=executor).double()
            dense.weight.data[:] = reference(f"{name}.txt").reshape(sizes[::-1]).t()
            neurons = SpikeResponse(
                10.0, 1.0, tau_rho=0.1, dt=0.1, refractory_cutoff=0.0, executor=executor
            )
            spikes, membrane = neurons.with_membrane(dense(spikes))
            layers.append(dense)
            found += [spikes, membrane]
        return layers, found

    def test_spikes_and_membranes(self, executor: str) -> None:
        _, (hidden, u_hidden, output, u_output) = self.run(executor, "learned", 501)
        times, ids = reference("spikeHid.txt").t()
        expected = torch.zeros(501, 25, dtype=torch.float64)
        expected[(times * 10.0).round().long(), ids.long() - 1] = 1.0
        assert int(expected.sum()) == 289
        torch.testing.assert_close(hidden.detach()[:, 0], expected)
        assert output.detach().flatten().nonzero().flatten().tolist() == [203, 355, 447]
        for found, name in ((u_hidden, "spikeFuncHid.txt"), (u_output, "spikeFuncOut.txt")):
            expected = reference(name)[:, 1]
            torch.testing.assert_close(found[:, 0, 0], expected, rtol=0.0, atol=6e-5)

    def test_gradients(self, executor: str) -> None:
        layers, (_, _, output, _) = self.run(executor, "Initial", 500)
        wanted = torch.zeros_like(output)
        wanted[[203, 355, 447]] = 1.0
        error = Response(1.0, 0.1, executor=executor)(output - wanted)
        (0.5 * 0.1 * (error * error).sum()).backward()
        for layer, name in zip(layers, ("gradW1Initial.txt", "gradW2Initial.txt"), strict=True):
            expected = reference(name).reshape(layer.weight.shape[::-1]).t()
            assert layer.weight.grad is not None
            assert float((layer.weight.grad - expected).norm() / expected.norm()) < 2e-5
