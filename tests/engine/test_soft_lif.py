"""Soft LIF: its rate against many digits, its derivative against differences, its conversion."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ship_engine.conversion.encoders import ConstantCurrent
from ship_engine.conversion.report import compare
from ship_engine.conversion.simulation import simulate
from ship_engine.conversion.soft_lif import SoftLIF
from ship_engine.conversion.spiking_lif import to_spiking
from ship_engine.errors import InvalidValueError
from ship_engine.layers.module import LayeredModule
from ship_engine.layers.neurons import Neurons
from ship_engine.platform.models.integrate_and_fire import LIFWithinStep, LowPass
from ship_engine.training.trainer import Trainer

CONSTANTS = {"tau_ref": 1.5, "tau_rc": 15.0, "gain": 0.7, "bias": 0.9, "threshold": 1.2}


def exact(
    x: float,
    tau_ref: float = 2.0,
    tau_rc: float = 20.0,
    gain: float = 1.0,
    bias: float = 1.0,
    threshold: float = 1.0,
    sigma: float = 0.02,
    amplitude: float = 1.0,
) -> mpmath.mpf:
    """The equation as it is written, with hundreds of digits where it needs them."""
    above = (mpmath.mpf(gain) * x + bias - threshold) / sigma
    with mpmath.workdps(40 + max(0, int(-above / 2))):
        ramp = sigma * mpmath.log(1 + mpmath.exp(above))
        return amplitude / (tau_ref + tau_rc * mpmath.log(1 + threshold / ramp))


def value_and_slope(unit: SoftLIF, x: float, dtype: torch.dtype) -> tuple[float, float]:
    given = torch.tensor([x], dtype=dtype, requires_grad=True)
    rates = unit(given)
    rates.sum().backward()
    return float(rates.detach()), float(given.grad)


class TestSoftLIF:
    @settings(deadline=None, max_examples=60)
    @given(
        x=st.floats(-3.0, 300.0),
        sigma=st.sampled_from([0.01, 0.1, 3.0]),
        tau_ref=st.sampled_from([0.0, 0.5, 4.0]),
        threshold=st.sampled_from([0.2, 1.0, 5.0]),
    )
    def test_values_and_slopes_are_those_of_the_equation(self, x, sigma, tau_ref, threshold):
        constants = {"sigma": sigma, "tau_ref": tau_ref, "threshold": threshold, "gain": 1.5}
        value, slope = value_and_slope(SoftLIF(**constants), x, torch.float64)
        assert value == pytest.approx(float(exact(x, **constants)), rel=1e-11)
        expected = mpmath.diff(lambda at: exact(at, **constants), mpmath.mpf(x), h=1e-9)
        assert slope == pytest.approx(float(expected), rel=1e-6)

    @pytest.mark.parametrize("x", [-25.0, -1.0, -0.3, -1e-3, 0.0, 1e-3, 0.2, 3.0, 80.0])
    def test_single_precision_is_as_good_as_it_can_be(self, x):
        unit = SoftLIF(amplitude=63.0)
        value, slope = value_and_slope(unit, x, torch.float32)
        value64, slope64 = value_and_slope(unit, float(np.float32(x)), torch.float64)
        assert value == pytest.approx(value64, rel=1e-5)
        assert slope == pytest.approx(slope64, rel=1e-4)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_extreme_arguments_give_finite_numbers(self, dtype):
        x = torch.tensor([-1e30, -1e6, -100.0, 100.0, 1e6, 1e30], dtype=dtype, requires_grad=True)
        for tau_ref in (0.0, 2.0):
            x.grad = None
            rates = SoftLIF(tau_ref=tau_ref)(x)
            rates.sum().backward()
            assert bool((rates > 0.0).all() & (rates.diff() >= 0.0).all() & rates.isfinite().all())
            assert bool((x.grad >= 0.0).all() & x.grad.isfinite().all())

    def test_gradients_agree_with_differences(self):
        x = torch.linspace(-2.0, 3.0, 41, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(SoftLIF(sigma=0.3, amplitude=5.0, **CONSTANTS), x)
        assert torch.autograd.gradcheck(SoftLIF(gain=-2.0), x, eps=1e-8, rtol=1e-4)

    @pytest.mark.parametrize("name", [*CONSTANTS, "sigma", "amplitude"])
    def test_every_number_counts(self, name):
        # The network from which ours took the equation accepted bias and threshold for nothing.
        x = torch.linspace(-0.1, 2.0, 9, dtype=torch.float64)
        unit = SoftLIF()
        changed = SoftLIF(**{name: 1.3 * getattr(unit, name)})
        expected = [float(exact(float(at), **{name: 1.3 * getattr(unit, name)})) for at in x]
        np.testing.assert_allclose(changed(x).numpy(), expected, rtol=1e-12)
        assert not np.allclose(unit(x), expected, rtol=1e-3)

    def test_without_smoothing_it_is_the_rate_of_a_neuron(self):
        j = torch.tensor([1.3, 2.0, 9.0], dtype=torch.float64)
        hard = 1.0 / (2.0 + 20.0 * torch.log1p(1.0 / (j - 1.0)))
        torch.testing.assert_close(SoftLIF(sigma=1e-3, bias=0.0)(j), hard)
        assert float(SoftLIF(sigma=1e-4, bias=0.0)(torch.tensor([0.5]))) < 1e-4

    def test_noise_is_added_in_training_to_units_above_threshold(self):
        torch.manual_seed(0)
        unit = SoftLIF(noise=0.02, amplitude=10.0)
        x = torch.tensor([-0.5, 0.5]).repeat(20_000, 1)
        off = unit(x) - SoftLIF(amplitude=10.0)(x)
        assert float(off[:, 0].abs().max()) == 0.0
        assert float(off[:, 1].mean()) == pytest.approx(0.0, abs=0.01)
        assert float(off[:, 1].std()) == pytest.approx(0.2, rel=0.03)
        torch.testing.assert_close(unit.eval()(x), SoftLIF(amplitude=10.0)(x))

    def test_its_numbers_are_shown(self):
        assert "tau_rc=20" in repr(SoftLIF())

    @pytest.mark.parametrize(
        "wrong", [{"tau_rc": 0.0}, {"tau_ref": -1.0}, {"sigma": 0.0}, {"gain": "a"}, {"noise": -1}]
    )
    def test_numbers_out_of_range_are_refused(self, wrong):
        with pytest.raises(InvalidValueError, match=next(iter(wrong))):
            SoftLIF(**wrong)

    def test_other_types_of_numbers_are_refused(self):
        with pytest.raises(InvalidValueError, match="float32 or float64"):
            SoftLIF()(torch.arange(3))


def column_detector() -> tuple[nn.Sequential, torch.Tensor, torch.Tensor]:
    """A small network, trained to tell which of three parts of an image is the brightest."""
    torch.manual_seed(1)
    labels = torch.arange(300) % 3
    images = 0.4 * torch.rand(300, 1, 6, 6)
    for image, label in zip(images, labels.tolist(), strict=True):
        image[0, :, 2 * label : 2 * label + 2] += 0.5
    unit = {"amplitude": 15.0, "gain": 2.0, "noise": 0.005}
    ann = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        SoftLIF(**unit),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(36, 12),
        SoftLIF(**unit),
        nn.Linear(12, 3),
    )
    optimizer = torch.optim.Adam(ann.parameters(), 0.01)
    for _ in range(40):
        loss = nn.functional.cross_entropy(ann(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return ann.eval(), images, labels


class TestToSpiking:
    def test_neurons_have_the_parameters_of_the_units(self):
        network = to_spiking(nn.Sequential(nn.Linear(2, 3), SoftLIF(**CONSTANTS)), dt=0.5)
        assert [type(layer).__name__ for layer in network] == ["Stepwise", "Neurons", "Neurons"]
        neurons, synapse = network[1], network[2]
        assert (neurons.model, synapse.model) == (LIFWithinStep, LowPass)
        values = {name: float(value) for name, value in neurons.values().items()}
        for name, value in CONSTANTS.items():
            assert values["thr" if name == "threshold" else name] == pytest.approx(value)
        assert float(synapse.values()["gain"]) == 2.0

    @pytest.mark.parametrize("dt", [1.0, 0.5])
    def test_rates_are_handed_on_as_the_unit_does(self, dt):
        unit = SoftLIF(sigma=1e-3, amplitude=30.0, **CONSTANTS)
        x = torch.linspace(0.6, 20.0, 12)
        found = simulate(to_spiking(nn.Sequential(unit), dt=dt), x[None], ConstantCurrent(), 4000)
        torch.testing.assert_close(found[2000:].mean(0)[0], unit(x), rtol=0.02, atol=0.0)

    def test_a_network_keeps_what_it_has_learnt(self):
        ann, images, labels = column_detector()
        network = to_spiking(ann)
        report = compare(ann, network, images, labels, 100, at=[5, 100], readout="sum")
        assert report.ann_accuracy > 0.98
        assert report.gaps[-1] <= 0.02
        last = compare(ann, network, images, labels, 100, at=[100], readout="last")
        assert last.gaps[-1] <= 0.05

    def test_scores_are_those_of_the_rate_units(self):
        ann, images, _ = column_detector()
        scores = simulate(to_spiking(ann), images[:50], ConstantCurrent(), 1000)[300:].mean(0)
        expected = ann(images[:50]).detach()
        assert float((scores - expected).square().mean()) < 0.02 * float(expected.var())

    def test_the_spiking_network_can_be_trained_further(self):
        ann, images, labels = column_detector()
        network = to_spiking(ann)
        inputs = ConstantCurrent()(images.flatten(1), 30).transpose(0, 1)
        trainer = Trainer(LayeredModule(network, (1, 6, 6)), readout="mean", learning_rate=2e-3)
        before = {name: value.clone() for name, value in network.state_dict().items()}
        history = trainer.fit(inputs, labels, epochs=3, batch_size=50, progress=False)
        assert history["loss"][-1] < history["loss"][0]
        assert not torch.equal(network[0].module.weight, before["0.module.weight"])
        assert isinstance(network[1], Neurons)

    def test_other_units_are_refused(self):
        with pytest.raises(InvalidValueError, match="Train with SoftLIF"):
            to_spiking(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))

    def test_a_network_that_would_not_spike_is_refused(self):
        with pytest.raises(InvalidValueError, match="found no SoftLIF"):
            to_spiking(nn.Sequential(nn.Linear(2, 2)))

    def test_a_time_step_has_to_be_positive(self):
        with pytest.raises(InvalidValueError, match="dt = 0"):
            to_spiking(nn.Sequential(SoftLIF()), dt=0)
