"""SLAYER's losses, and layers in the trainer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from ship_engine import LI, LIF
from ship_engine.errors import InvalidValueError, UnsupportedByExecutorError
from ship_engine.layers.dense import Dense
from ship_engine.layers.module import LayeredModule
from ship_engine.layers.neurons import Neurons
from ship_engine.layers.spike_response import SpikeResponse
from ship_engine.learning.bp_stdp import BPSTDP
from ship_engine.training.course_losses import SpikeCountLoss, SpikeTimeLoss
from ship_engine.training.trainer import Trainer


def alpha(tau: float, dt: float, steps: int) -> np.ndarray:
    time = np.arange(steps) * dt
    kernel = time / tau * np.exp(1.0 - time / tau)
    kernel[(kernel < 0.01) & (time > tau)] = 0.0
    return kernel


def trains(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(shape, generator=generator) < 0.2).double()


class TestSpikeTimes:
    def test_value_and_gradient(self) -> None:
        spikes, wanted = trains(2, 30, 3).requires_grad_(), trains(2, 30, 3, seed=1)
        loss = SpikeTimeLoss(4.0, 0.5)(spikes, wanted)
        kernel = alpha(4.0, 0.5, 30)
        error = np.zeros((2, 30, 3))
        expected = np.zeros((2, 30, 3))
        difference = (spikes - wanted).detach().numpy()
        for sample in range(2):
            for output in range(3):
                e = np.convolve(difference[sample, :, output], kernel)[:30]
                error[sample, :, output] = e
                expected[sample, :, output] = 0.5 * np.convolve(e[::-1], kernel)[:30][::-1] / 2.0
        assert float(loss.detach()) == pytest.approx(0.5 * 0.5 * (error**2).sum() / 2.0)
        (gradient,) = torch.autograd.grad(loss, spikes)
        np.testing.assert_allclose(gradient.numpy(), expected, atol=1e-12)

    def test_nothing_is_wrong_with_equal_trains(self) -> None:
        assert float(SpikeTimeLoss(4.0)(trains(2, 30, 3), trains(2, 30, 3))) == 0.0

    def test_errors(self) -> None:
        with pytest.raises(InvalidValueError, match=r"\[sample, time, 3\]"):
            SpikeTimeLoss(4.0).check(trains(2, 30, 2), 3)

    def test_trains_towards_spike_times(self) -> None:
        """A network learns a train of one output, and stays away from it without training."""
        torch.manual_seed(1)
        inputs, wanted = trains(1, 100, 40).float(), torch.zeros(1, 100, 1)
        wanted[0, [20, 45, 80]] = 1.0
        layers = torch.nn.Sequential(
            Dense(40, 20, weight_scale=10.0), SpikeResponse(), Dense(20, 1, 10.0), SpikeResponse()
        )
        trainer = Trainer(
            LayeredModule(layers, 40),
            readout="spike_count",
            loss=SpikeTimeLoss(10.0),
            learning_rate=0.05,
        )
        before = trainer.evaluate(inputs, wanted).loss
        trainer.fit(inputs, wanted, epochs=150, progress=False)
        assert trainer.evaluate(inputs, wanted).loss < 0.1 * before


class TestSpikeCounts:
    def test_value_and_gradient(self) -> None:
        """Within the region the error is the same at all times; outside it is the trace."""
        spikes, classes = trains(2, 30, 3).requires_grad_(), torch.tensor([2, 0])
        loss = SpikeCountLoss(5, 1, start=4.0, stop=10.0, tau_s=4.0, dt=0.5, scale=1.5)
        kernel = alpha(4.0, 0.5, 30)
        given = spikes.detach().numpy()
        outside = given.copy()
        outside[:, 8:20] = 0.0
        value, expected = 0.0, np.zeros_like(given)
        for sample in range(2):
            for output in range(3):
                wanted = 5 if output == classes[sample] else 1
                e = np.convolve(outside[sample, :, output], kernel)[:30]
                e[8:20] += 1.5 * (given[sample, 8:20, output].sum() - wanted) / 12.0
                value += 0.5 * 0.5 * (e**2).sum() / 2.0
                expected[sample, :, output] = 0.5 * np.convolve(e[::-1], kernel)[:30][::-1] / 2.0
        found = loss(spikes, classes)
        assert float(found.detach()) == pytest.approx(value)
        (gradient,) = torch.autograd.grad(found, spikes)
        np.testing.assert_allclose(gradient.numpy(), expected, atol=1e-12)

    def test_errors(self) -> None:
        loss = SpikeCountLoss(5, 1, 0.0, 30.0, 4.0)
        with pytest.raises(InvalidValueError, match="classes"):
            loss.check(torch.tensor([0, 3]), 3)
        with pytest.raises(InvalidValueError, match="classes"):
            loss.check(torch.tensor([0.0, 1.0]), 3)
        with pytest.raises(InvalidValueError, match="no time step"):
            SpikeCountLoss(5, 1, 10.0, 10.0, 4.0)

    def test_trains_classes(self) -> None:
        torch.manual_seed(1)
        patterns = trains(3, 60, 30)
        classes = torch.arange(60) % 3
        noise = trains(60, 60, 30, seed=1) * trains(60, 60, 30, seed=2)
        inputs = ((patterns[classes] + noise) > 0.0).float()
        layers = torch.nn.Sequential(Dense(30, 3, weight_scale=5.0), SpikeResponse())
        trainer = Trainer(
            LayeredModule(layers, 30),
            readout="spike_count",
            loss=SpikeCountLoss(12, 3, 0.0, 60.0, 10.0),
            learning_rate=0.05,
        )
        before = trainer.evaluate(inputs, classes).accuracy
        trainer.fit(inputs[:45], classes[:45], epochs=12, progress=False)
        after = trainer.evaluate(inputs[45:], classes[45:]).accuracy
        assert before is not None
        assert after is not None
        assert before < 0.8
        assert after > 0.9


class TestLayeredModule:
    def module(self, last: torch.nn.Module) -> LayeredModule:
        torch.manual_seed(0)
        return LayeredModule(torch.nn.Sequential(Dense(6, 4), Neurons(LIF), last), (2, 3))

    def test_activity(self) -> None:
        module = self.module(torch.nn.Sequential(Dense(4, 3), Neurons(LIF)))
        activity = module(3.0 * trains(5, 20, 6).float())
        assert {name: tuple(spikes.shape) for name, spikes in activity.spikes.items()} == {
            "input": (5, 20, 6),
            "1": (5, 20, 4),
            "2": (5, 20, 3),
        }
        assert module.outputs == 3

    def test_readout_of_a_state(self) -> None:
        torch.manual_seed(0)
        layers = torch.nn.Sequential(Dense(6, 2), Neurons(LIF, thr=1e9))
        trainer = Trainer(LayeredModule(layers, 6), readout="peak")
        inputs = trains(4, 20, 6).float()
        _, states = layers[1].with_states(layers[0](inputs.transpose(0, 1)), ("u",))
        expected = states["u"].max(0).values.detach().numpy()
        np.testing.assert_allclose(trainer.predict(inputs), expected, rtol=1e-6)

    def test_readout_of_what_never_spikes(self) -> None:
        module = self.module(Dense(4, 2))
        inputs = trains(4, 20, 6).float()
        scores = Trainer(module, readout="mean").predict(inputs)
        expected = module.layers(inputs.transpose(0, 1).unflatten(2, (2, 3))).mean(0)
        np.testing.assert_allclose(scores, expected.detach().numpy(), rtol=1e-5, atol=1e-7)

    def test_a_rule_trains_layers(self) -> None:
        """BP-STDP learns two classes, through a hidden layer, without a gradient."""
        torch.manual_seed(2)
        patterns, classes = trains(2, 30, 20), torch.arange(40) % 2
        inputs = patterns[classes].float()
        neurons = {"thr": 1.0, "tau_beta": 1e6}
        layers = torch.nn.Sequential(
            Dense(20, 30, 2.0), Neurons(LIF, **neurons), Dense(30, 2, 2.0), Neurons(LIF, **neurons)
        )
        trainer = Trainer(
            LayeredModule(layers, 20),
            readout="spike_count",
            rule=BPSTDP(),
            loss="cross_entropy",
            learning_rate=0.01,
        )
        trainer.fit(inputs, classes, epochs=15, progress=False)
        assert trainer.evaluate(inputs, classes).accuracy == 1.0

    def test_layers_that_rules_do_not_know(self) -> None:
        module = self.module(SpikeResponse())
        with pytest.raises(UnsupportedByExecutorError, match="Layer '2'"):
            module.connections()

    def test_dtype_follows_the_layers(self) -> None:
        module = self.module(Neurons(LI)).double()
        assert module(trains(1, 5, 6)).spikes["2"].dtype == torch.float64

    def test_errors(self) -> None:
        with pytest.raises(InvalidValueError, match="Sequential"):
            LayeredModule(torch.nn.Sequential(), 6)
        with pytest.raises(InvalidValueError, match="input_shape"):
            LayeredModule(torch.nn.Sequential(Dense(6, 4)), (0, 6))
        with pytest.raises(InvalidValueError, match="no spikes"):
            Trainer(self.module(Dense(4, 2)), readout="spike_count")
        with pytest.raises(InvalidValueError, match="no state"):
            Trainer(self.module(SpikeResponse()), readout="peak")
