"""Pooling, delays, dropout and learnt kernels, as SLAYER has them, and Loihi's neuron."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ship_engine import Input, LeakySynapse, Network
from ship_engine.errors import InvalidValueError
from ship_engine.layers.delays import AxonalDelay, shifted
from ship_engine.layers.dense import Dense
from ship_engine.layers.dropout import SampleDropout
from ship_engine.layers.kernels import FilterBank, LearntResponse
from ship_engine.layers.neurons import Neurons
from ship_engine.layers.pooling import SumPool, Unpool
from ship_engine.layers.quantisation import quantised
from ship_engine.layers.spike_response import Response, SpikeResponse
from ship_engine.platform.models.loihi import LoihiNeuron, response_peak
from ship_engine.training.surrogates import SlayerExponential


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class TestPooling:
    @pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
    def test_sums_of_fields(self, kernel: int) -> None:
        """Odd sizes are filled up with zeros, whatever the kernel."""
        given_, size = noise(2, 3, 2, 7, 10), (-(-7 // kernel), -(-10 // kernel))
        found = SumPool(kernel, 1.1)(given_)
        assert found.shape == (2, 3, 2, *size)
        for row in range(size[0]):
            for column in range(size[1]):
                field = given_[
                    ...,
                    kernel * row : kernel * (row + 1),
                    kernel * column : kernel * (column + 1),
                ]
                torch.testing.assert_close(found[..., row, column], 1.1 * field.sum((3, 4)))

    def test_unpooling_is_the_adjoint(self) -> None:
        maps, small = noise(2, 1, 3, 6, 9), noise(2, 1, 3, 2, 3, seed=1)
        left = (SumPool(3, 0.7)(maps) * small).sum()
        right = (Unpool(3, 0.7)(small) * maps).sum()
        torch.testing.assert_close(left, right)

    @pytest.mark.parametrize("layer", [SumPool, Unpool])
    def test_errors(self, layer: type[torch.nn.Module]) -> None:
        with pytest.raises(InvalidValueError, match="kernel = 0"):
            layer(0)
        with pytest.raises(InvalidValueError, match="takes maps"):
            layer(2)(noise(2, 1, 3))


class TestDropout:
    def test_whole_samples(self) -> None:
        torch.manual_seed(0)
        found = SampleDropout(0.25)(torch.ones(5, 40, 50))
        assert bool((found == found[0]).all())
        assert set(found.unique().tolist()) == {0.0, float(torch.tensor(1.0) / 0.75)}
        assert float((found == 0.0).float().mean()) == pytest.approx(0.25, abs=0.05)

    def test_only_while_training(self) -> None:
        given_ = noise(3, 2, 4)
        torch.testing.assert_close(SampleDropout(0.5).eval()(given_), given_)
        torch.testing.assert_close(SampleDropout(0.0)(given_), given_)

    @pytest.mark.parametrize("p", [-0.1, 1.0])
    def test_errors(self, p: float) -> None:
        with pytest.raises(InvalidValueError, match="probability"):
            SampleDropout(p)


class TestDelay:
    @settings(max_examples=30, deadline=None)
    @given(seed=st.integers(0, 99), dt=st.sampled_from([0.1, 0.5, 1.0, 2.0]))
    def test_spikes_come_later(self, seed: int, dt: float) -> None:
        trains = (noise(30, 2, 5, seed=seed) < 0.2).double()
        delays = 40.0 * dt * noise(5, seed=seed + 100)
        layer = AxonalDelay(5, longest=62.0 * 2.0, dt=dt).double()
        layer.delay.data[:] = delays
        found = layer(trains)
        for neuron, delay in enumerate((delays / dt).floor().long().tolist()):
            kept = trains[: max(30 - delay, 0), :, neuron]
            torch.testing.assert_close(found[delay:, :, neuron][: len(kept)], kept)
            assert not bool(found[:delay, :, neuron].any())

    def test_whole_steps_in_spite_of_rounding(self) -> None:
        """0.3 ms are three steps of 0.1 ms, though 0.3 / 0.1 is a little less than 3."""
        trains = torch.zeros(10, 1, 1)
        trains[2] = 1.0
        found = AxonalDelay(1, initial=0.3, dt=0.1)(trains)
        assert found.flatten().nonzero().item() == 5

    def test_gradients(self) -> None:
        """SLAYER's formula: neighbouring steps of the delayed train."""
        trains = noise(12, 3, 4).requires_grad_()
        layer = AxonalDelay(4, dt=0.5).double()
        layer.delay.data[:] = torch.tensor([0.0, 0.7, 1.6, 30.0])
        late, weights = layer(trains), noise(12, 3, 4, seed=1)
        of_trains, of_delay = torch.autograd.grad((late * weights).sum(), [trains, layer.delay])
        before = torch.cat([torch.zeros(1, 3, 4), late.detach()[:-1]])
        expected = (weights * (before - late.detach()) / 0.5).sum((0, 1))
        torch.testing.assert_close(of_delay, expected)
        torch.testing.assert_close(of_trains, shifted(weights, -torch.tensor([0, 1, 3, 60])))

    def test_channels_share_a_delay(self) -> None:
        layer = AxonalDelay((2, 1, 1), initial=3.0)
        trains = (noise(9, 1, 2, 3, 3) < 0.5).float()
        torch.testing.assert_close(layer(trains)[3:], trains[:-3])
        layer(trains).sum().backward()
        assert layer.delay.grad is not None
        assert layer.delay.grad.shape == (2, 1, 1)

    def test_stays_within_bounds(self) -> None:
        """Whatever an optimiser has done to them."""
        layer = AxonalDelay(3, longest=5.0)
        layer.delay.data[:] = torch.tensor([-4.0, 2.0, 99.0])
        layer(noise(9, 1, 3).float())
        assert layer.delay.tolist() == [0.0, 2.0, 5.0]

    def test_learns_a_delay(self) -> None:
        """The delay between two trains is found from the distance of their traces."""
        trains = torch.zeros(80, 1, 1)
        trains[[5, 21, 40]] = 1.0
        wanted = shifted(trains, torch.tensor([9]))
        layer, response = AxonalDelay(1, initial=1.0), Response(10.0)
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.3)
        for _ in range(60):
            optimizer.zero_grad()
            ((response(layer(trains) - wanted)) ** 2).sum().backward()
            optimizer.step()
        assert float(layer.delay.detach()) == pytest.approx(9.0, abs=1.0)

    def test_errors(self) -> None:
        with pytest.raises(InvalidValueError, match="initial"):
            AxonalDelay(3, longest=5.0, initial=6.0)
        with pytest.raises(InvalidValueError, match="do not broadcast"):
            AxonalDelay(3)(noise(9, 1, 4))


class TestLearntKernels:
    def test_starts_as_the_alpha_kernel(self) -> None:
        trains = (noise(50, 2, 3) < 0.2).double()
        learnt = LearntResponse(4.0, 60.0, 0.5).double()
        torch.testing.assert_close(
            learnt(trains).detach(), Response(4.0, 0.5, 0.0)(trains), rtol=1e-6, atol=1e-6
        )

    def test_learns_a_kernel(self) -> None:
        trains = (noise(200, 2, 1) < 0.1).float()
        wanted, layer = Response(5.0)(trains), LearntResponse(15.0, 60.0)
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.02)
        for _ in range(300):
            optimizer.zero_grad()
            ((layer(trains) - wanted) ** 2).mean().backward()
            optimizer.step()
        expected = 1.0 * torch.arange(60) / 5.0 * torch.exp(1.0 - torch.arange(60) / 5.0)
        assert float((layer.kernel.detach() - expected).abs().max()) < 0.1

    def test_filter_bank(self) -> None:
        trains = noise(20, 2, 3, 4)
        bank = FilterBank(5, 7.0).double()
        found = bank(trains).detach()
        assert found.shape == (20, 2, 15, 4)
        for channel in range(3):
            for number in range(5):
                kernel = bank.kernels.detach()[:, number].numpy()
                for row in range(4):
                    expected = np.convolve(trains[:, 1, channel, row].numpy(), kernel)[:20]
                    np.testing.assert_allclose(
                        found[:, 1, 5 * channel + number, row].numpy(), expected, atol=1e-12
                    )

    def test_longer_than_the_sample(self) -> None:
        trains = noise(6, 1, 1)
        assert LearntResponse(4.0, 60.0).double()(trains).shape == trains.shape

    def test_errors(self) -> None:
        with pytest.raises(InvalidValueError, match="shorter than dt"):
            LearntResponse(4.0, 0.3, 1.0)
        with pytest.raises(InvalidValueError, match="0 filters"):
            FilterBank(0, 5.0)


def loihi(arriving: Tensor, threshold: int = 80 * 64) -> tuple[np.ndarray, ...]:
    """Loihi's neuron in Python's integers."""
    spikes, u_course, v_course = np.zeros((3, *arriving.shape))
    for place in np.ndindex(*arriving.shape[1:]):
        u = v = 0
        for time in range(len(arriving)):
            u = (1 if u >= 0 else -1) * ((abs(u) * 3072) >> 12)
            u += 64 * int(arriving[(time, *place)])
            v = (1 if v >= 0 else -1) * ((abs(v) * 3968) >> 12) + u
            if v > threshold:
                spikes[(time, *place)], v = 1, 0
            u_course[(time, *place)], v_course[(time, *place)] = u, v
    return spikes, u_course, v_course


class TestLoihi:
    @pytest.mark.parametrize("executor", ["fused", "torch"])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
    def test_bit_for_bit(self, executor: str, dtype: torch.dtype) -> None:
        arriving = torch.tensor(np.random.default_rng(0).integers(-60, 90, (150, 2, 4)))
        spikes, states = Neurons(LoihiNeuron, executor=executor).with_states(
            arriving.to(dtype), ("u", "v")
        )
        expected = loihi(arriving)
        assert 0.05 < expected[0].mean() < 0.9
        for found, one in zip((spikes, states["u"], states["v"]), expected, strict=True):
            np.testing.assert_array_equal(found.numpy(), one)

    def test_on_the_platform(self) -> None:
        """The same model in a network of compiled loops."""
        arriving = torch.tensor(np.random.default_rng(1).integers(-60, 90, (80, 1, 3)))
        net = Network(executor="numba", dtype=torch.float64)
        net.add(Input, "I", N=3)
        net.add(LoihiNeuron, "H", N=3, is_output=True)
        net.add(LeakySynapse, "IH", source="I", target="H", w=1e3 * torch.eye(3), tau_alpha=1e-3)
        net.set_monitor("H", "output")
        net.init(dt=1.0)
        net.run({"I": arriving.double().transpose(0, 1)})
        found = np.asarray(net.get_monitored_results()["H"]["output"])[0]
        np.testing.assert_array_equal(found, loihi(arriving)[0][:, 0])

    def test_refractory_period(self) -> None:
        """A refractory delay of 3 in Loihi: two steps after that of a spike."""
        arriving = torch.full((30, 1, 1), 100.0)
        spikes = Neurons(LoihiNeuron, tau_refrac=2.0)(arriving).flatten()
        free = Neurons(LoihiNeuron)(arriving).flatten()
        assert int(free.nonzero()[0]) == int(spikes.nonzero()[0])
        between = spikes.nonzero().flatten().diff()
        assert int(between.min()) >= 3
        assert int(free.nonzero().flatten().diff().min()) < 3

    def test_peak_of_the_response(self) -> None:
        """195 for the values of SLAYER's examples; it makes no difference how often it is asked."""
        assert [response_peak(), response_peak()] == [195.0, 195.0]

    def test_gradient_is_that_of_the_response(self) -> None:
        """Without spikes, truncation aside, the input acts through two exponentials."""
        arriving = torch.ones(40, 1, 1, dtype=torch.float64, requires_grad=True)
        _, states = Neurons(LoihiNeuron, v_thresh_mantissa=1e6).with_states(arriving, ("v",))
        (gradient,) = torch.autograd.grad(states["v"][-1].sum(), arriving)
        u, v, response = 64.0, 64.0, [64.0]
        for _ in range(39):
            u *= 0.75
            v = v * 3968 / 4096 + u
            response.append(v)
        np.testing.assert_allclose(gradient.flatten().numpy(), response[::-1], rtol=1e-12)

    def test_learns_with_even_weights(self) -> None:
        """Neurons and weights as on the chip learn to answer one of two patterns."""
        torch.manual_seed(3)
        patterns = (torch.rand(60, 2, 20) < 0.15).float()
        surrogate = SlayerExponential(80.0 * 64.0, 80.0 * 64.0 / response_peak())
        neurons = partial(Neurons, LoihiNeuron, surrogate=surrogate)
        layers = torch.nn.Sequential(
            Dense(20, 2, weight_scale=30.0, weight_hook=quantised), neurons()
        )
        optimizer = torch.optim.Adam(layers.parameters(), lr=2.0)
        for _ in range(60):
            optimizer.zero_grad()
            ((layers(patterns).sum(0) - 2.0 - 8.0 * torch.eye(2)) ** 2).sum().backward()
            optimizer.step()
        counts = layers(patterns).sum(0)
        assert bool((counts.diagonal() > 2.0 * counts.flip(1).diagonal()).all())


def test_a_whole_network_of_slayers_layers() -> None:
    """Convolution, pooling, delay, unpooling, transposed convolution: gradients reach all."""
    from ship_engine.layers.stepwise import Stepwise

    torch.manual_seed(0)
    neurons = partial(SpikeResponse, 1.0, tau_s=3.0)
    layers = torch.nn.Sequential(
        Stepwise(torch.nn.Conv2d(2, 4, 3, bias=False)),
        neurons(),
        SumPool(2, 1.1),
        neurons(),
        AxonalDelay((4, 1, 1)),
        Stepwise(torch.nn.ConvTranspose2d(4, 2, 3, bias=False)),
        neurons(),
        Unpool(2, 1.1),
        LearntResponse(3.0, 20.0),
        Dense(2 * 10 * 10, 3),
    )
    found = layers((torch.rand(30, 2, 2, 8, 8) < 0.3).float())
    assert found.shape == (30, 2, 3)
    found.square().sum().backward()
    for name, parameter in layers.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0.0, name
