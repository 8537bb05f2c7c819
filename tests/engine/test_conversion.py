"""Conversions of sequential networks: rates are activations, thresholds are what was seen."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest
import torch
from conversion_examples import (
    CURRENT,
    activations,
    images,
    network,
    rates,
    spiking_layers,
    threshold,
)
from torch import nn

from ship_engine.conversion.encoders import SignedBernoulli
from ship_engine.conversion.maximum_activation import (
    convert_by_maximum_activation,
    maximum_activations,
)
from ship_engine.conversion.sequential import stages_of
from ship_engine.conversion.simulation import simulate
from ship_engine.conversion.soft_lif import SoftLIF
from ship_engine.conversion.spike_norm import convert_by_spike_norm
from ship_engine.errors import InvalidValueError
from ship_engine.layers.module import LayeredModule
from ship_engine.layers.neurons import Neurons
from ship_engine.platform.models.integrate_and_fire import IF, IFSoftReset
from ship_engine.training.trainer import Trainer


class TestStages:
    def test_normalisations_are_folded_into_weights(self):
        ann, inputs = network(), images(7)
        values = inputs
        for stage in stages_of(ann):
            values = stage.sums(values)
            values = values if stage.activation is None else stage.activation(values)
        torch.testing.assert_close(values, ann(inputs))

    @pytest.mark.parametrize("affine", [True, False])
    def test_normalisations_of_vectors(self, affine):
        torch.manual_seed(0)
        ann = nn.Sequential(nn.Linear(3, 5, bias=False), nn.BatchNorm1d(5, affine=affine))
        for _ in range(5):
            ann(torch.randn(20, 3) + 1.0)
        given = torch.randn(4, 3)
        torch.testing.assert_close(stages_of(ann.eval())[0].sums(given), ann(given))

    def test_the_network_is_left_as_it_is(self):
        ann, inputs = network(), images(20)
        before = copy.deepcopy(ann.state_dict())
        convert_by_maximum_activation(ann, inputs, scale="weights")
        convert_by_spike_norm(ann, inputs[:2], CURRENT, 5)
        for name, value in ann.state_dict().items():
            assert torch.equal(value, before[name])

    @pytest.mark.parametrize(
        ("ann", "match"),
        [
            (nn.MaxPool2d(2), "MaxPool2d cannot be converted.* AvgPool2d instead"),
            (nn.Sequential(nn.Linear(2, 2), nn.GELU()), "GELU.*Train with ReLU instead"),
            (nn.LSTM(2, 2), "LSTM cannot"),
            (nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.BatchNorm1d(2)), "does not follow"),
            (nn.BatchNorm2d(2), "does not follow"),
            (
                nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, track_running_stats=False)),
                "keeps no means",
            ),
        ],
    )
    def test_other_modules_are_refused(self, ann, match):
        with pytest.raises(InvalidValueError, match=match):
            stages_of(ann)


class TestMaximumActivation:
    def test_thresholds_are_ratios_of_the_largest_activations(self):
        # The implementation that is our reference left the layer before out of the ratio.
        ann, inputs = network(), images(60)
        largest = [float(one.max()) for one in activations(ann, inputs)]
        expected = [b / a for a, b in itertools.pairwise([1.0, *largest])]
        for batch_size in (7, 250):
            found = maximum_activations(stages_of(ann), inputs, batch_size=batch_size)
            assert found == pytest.approx(largest, rel=1e-5)
        converted = convert_by_maximum_activation(ann, inputs)
        found = [threshold(layer) for layer in spiking_layers(converted)]
        assert found == pytest.approx(expected, rel=1e-5)

    def test_percentiles_are_those_of_all_activations(self):
        ann, inputs = network(), images(60)
        found = maximum_activations(stages_of(ann), inputs, 97.0, batch_size=7)
        expected = [
            np.percentile(one.numpy(), 97.0, method="inverted_cdf")
            for one in activations(ann, inputs)
        ]
        assert found == pytest.approx(expected, rel=1e-5)

    def test_rates_of_the_first_layer_are_activations_over_the_largest(self):
        ann, inputs, steps = network(), images(30), 64
        found = rates(convert_by_maximum_activation(ann, inputs), inputs, steps)[0]
        activation = activations(ann, inputs)[0]
        off = found - activation / activation.max()
        assert float(off.abs().max()) <= 1.0 / steps + 1e-5

    def test_rates_of_a_chain_are_activations_over_the_largest(self):
        # Weights that are positive and small keep each count within one of what is exact.
        torch.manual_seed(0)
        ann, steps = nn.Sequential(), 400
        for inputs, outputs in ((5, 4), (4, 3), (3, 2)):
            linear = nn.Linear(inputs, outputs)
            nn.init.uniform_(linear.weight, 0.0, 1.5 / inputs)
            nn.init.uniform_(linear.bias, 0.0, 2.0)
            ann.extend([linear, nn.ReLU()])
        given = torch.rand(50, 5)
        exact = activations(ann, given)[:3]
        for depth, (found, one) in enumerate(
            zip(rates(convert_by_maximum_activation(ann, given), given, steps), exact, strict=True)
        ):
            assert float((found - one / one.max()).abs().max()) <= (depth + 1.5) / steps

    def test_deep_rates_converge_to_activations(self):
        ann, inputs = network(), images(30)
        converted = convert_by_maximum_activation(ann, inputs)
        exact = activations(ann, inputs)
        errors = []
        for steps in (50, 800):
            found = rates(converted, inputs, steps)
            pairs = zip(found, exact, strict=True)
            errors.append([float((f - (e / e.max()).clamp(min=0)).abs().mean()) for f, e in pairs])
        assert max(errors[1]) < 0.01
        assert all(late < 0.4 * early for early, late in zip(*errors, strict=True))

    def test_weights_can_be_scaled_instead_of_thresholds(self):
        ann, inputs = network(), images(30)
        by = {
            s: convert_by_maximum_activation(ann, inputs, scale=s)
            for s in ("thresholds", "weights")
        }
        assert {threshold(layer) for layer in spiking_layers(by["weights"])} == {1.0}
        found = [torch.cat([r.flatten() for r in rates(n, inputs, 50)]) for n in by.values()]
        # Rounding moves a few spikes by a step.
        assert float((found[0] - found[1]).abs().max()) <= 3.0 / 50
        assert float((found[0] != found[1]).float().mean()) < 0.02

    def test_resets_to_zero_are_slower(self):
        ann, inputs = network(), images(30)
        kept, lost = (
            convert_by_maximum_activation(ann, inputs, reset=reset)
            for reset in ("subtraction", "zero")
        )
        models = [{layer.model for layer in spiking_layers(one)} for one in (kept, lost)]
        assert models == [{IFSoftReset}, {IF}]
        assert rates(lost, inputs, 200)[0].mean() < rates(kept, inputs, 200)[0].mean()

    def test_sums_are_scores_over_the_largest_activation_before(self):
        ann, inputs = network(), images(30)
        converted = convert_by_maximum_activation(ann, inputs, output="sums")
        scores = simulate(converted, inputs, CURRENT, 3000).mean(0)
        *_, last, exact = activations(ann, inputs)
        torch.testing.assert_close(scores, exact / last.max(), atol=0.01, rtol=0.0)

    def test_inputs_of_any_size(self):
        ann, inputs = network(), 5.0 * images(30)
        converted = convert_by_maximum_activation(ann, inputs, input_scale=5.0)
        exact = activations(ann, inputs)[0]
        found = rates(converted, inputs / 5.0, 500)[0]
        torch.testing.assert_close(found, exact / exact.max(), atol=1.01 / 500, rtol=0.0)

    def test_it_can_be_trained_further(self):
        ann, inputs = network(), images(40)
        labels = inputs.mean((2, 3)).argmax(1)
        converted = convert_by_maximum_activation(ann, inputs, output="sums")
        trainer = Trainer(LayeredModule(converted, (2, 8, 8)), readout="mean", learning_rate=0.02)
        course = CURRENT(inputs.flatten(1), 20).transpose(0, 1)
        history = trainer.fit(course, labels, epochs=4, batch_size=20, progress=False)
        assert history["loss"][-1] < 0.95 * history["loss"][0]

    @pytest.mark.parametrize(
        ("wrong", "match"),
        [
            ({"percentile": 101.0}, "at most 100"),
            ({"percentile": 0.0}, "percentile"),
            ({"reset": "no"}, "reset must be one of"),
            ({"scale": "no"}, "scale must be one of"),
            ({"output": "no"}, "output must be one of"),
            ({"input_scale": 0.0}, "input_scale"),
        ],
    )
    def test_wrong_options_are_refused(self, wrong, match):
        with pytest.raises(InvalidValueError, match=match):
            convert_by_maximum_activation(network(), images(3), **wrong)

    def test_no_inputs_are_refused(self):
        with pytest.raises(InvalidValueError, match="one sample or more"):
            convert_by_maximum_activation(network(), images(0))

    def test_a_layer_that_is_never_active_is_refused(self):
        ann = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU())
        nn.init.constant_(ann[2].weight, -1.0)
        nn.init.constant_(ann[2].bias, -1.0)
        with pytest.raises(InvalidValueError, match="neurons of stage 1"):
            convert_by_maximum_activation(ann, torch.ones(1, 2))

    def test_weights_that_are_not_there_cannot_be_scaled(self):
        ann = nn.Sequential(nn.AvgPool2d(2), nn.ReLU())
        assert spiking_layers(convert_by_maximum_activation(ann, images(2)))
        with pytest.raises(InvalidValueError, match="scale='thresholds'"):
            convert_by_maximum_activation(ann, images(2), scale="weights")

    def test_other_units_are_refused(self):
        with pytest.raises(InvalidValueError, match="use to_spiking"):
            convert_by_maximum_activation(nn.Sequential(SoftLIF()), images(2))


class TestSpikeNorm:
    def test_thresholds_are_the_largest_weighted_inputs(self):
        ann, inputs, steps = network(bias=False), images(20), 30
        converted = convert_by_spike_norm(ann, inputs, CURRENT, steps)
        course = CURRENT(inputs, steps)
        with torch.no_grad():
            for layer in converted:
                if isinstance(layer, Neurons):
                    assert layer.model is IFSoftReset
                    assert threshold(layer) == pytest.approx(float(course.max()), rel=1e-6)
                course = layer(course)

    def test_neurons_start_anew_with_each_sample(self):
        # Potentials that stay from one batch to the next, as in the implementation that is our
        # reference, would make thresholds depend on how samples are divided and ordered.
        ann, inputs, steps = network(bias=False), images(12), 30
        every = [
            [
                threshold(one)
                for one in spiking_layers(
                    convert_by_spike_norm(ann, given, CURRENT, steps, memory=memory)
                )
            ]
            for given, memory in ((inputs, 2**29), (inputs, 1), (inputs.flip(0), 1))
        ]
        assert every[1] == pytest.approx(every[0], rel=1e-6)
        assert every[2] == pytest.approx(every[0], rel=1e-6)
        hand = inputs[:, None]  # by hand, sample by sample
        first = spiking_layers(convert_by_spike_norm(ann, inputs, CURRENT, steps))[0]
        second = max(
            float(ann[2](ann[0][2](_counted(ann[0][0](x), threshold(first), steps))).detach().max())
            for x in hand
        )
        assert every[0][1] == pytest.approx(second, rel=1e-5)

    @pytest.mark.parametrize("bias", [False, True])
    def test_rates_are_proportional_to_activations(self, bias):
        ann, inputs = network(bias), images(20)
        converted = convert_by_spike_norm(ann, inputs, CURRENT, 100, output="sums")
        layers, exact = spiking_layers(converted), activations(ann, inputs)
        stands_for = np.cumprod([threshold(layer) for layer in layers])
        for found, one, scale in zip(
            rates(converted, inputs, 2000), exact, stands_for, strict=False
        ):
            assert float((found - one / scale).abs().mean()) < 0.01
        scores = simulate(converted, inputs, CURRENT, 4000).mean(0) * stands_for[-1]
        assert float((scores - exact[-1]).abs().max()) < 0.1 * float(exact[-1].std())

    def test_random_spikes_of_both_signs(self):
        ann = network(bias=False)
        inputs = 2.0 * images(20) - 1.0
        converted = convert_by_spike_norm(ann, inputs, SignedBernoulli(0), 50)
        with torch.no_grad():
            found = converted(SignedBernoulli(1)(inputs, 3000))
        scores = found.mean(0).flatten()
        exact = activations(ann, inputs)[-1].clamp(min=0.0).flatten()
        assert np.corrcoef(scores, exact)[0, 1] > 0.9

    def test_inputs_of_any_size(self):
        ann, inputs = network(), images(10)
        thresholds = [
            [
                threshold(one)
                for one in spiking_layers(
                    convert_by_spike_norm(ann, given, CURRENT, 30, input_scale=scale)
                )
            ]
            for given, scale in ((inputs, 1.0), (inputs, 4.0))
        ]
        assert 4.0 * thresholds[1][0] == pytest.approx(thresholds[0][0], rel=1e-5)
        assert thresholds[1][1:] == pytest.approx(thresholds[0][1:], rel=0.2)

    @pytest.mark.parametrize(
        ("wrong", "match"),
        [
            ({"steps": 0}, "steps must be at least 1"),
            ({"reset": "no"}, "reset must be one of"),
            ({"output": "no"}, "output must be one of"),
            ({"input_scale": -1.0}, "input_scale"),
        ],
    )
    def test_wrong_options_are_refused(self, wrong, match):
        with pytest.raises(InvalidValueError, match=match):
            convert_by_spike_norm(network(), images(3), CURRENT, **{"steps": 5, **wrong})

    def test_layers_that_nothing_reaches_are_refused(self):
        with pytest.raises(InvalidValueError, match="neurons of stage 0"):
            convert_by_spike_norm(network(bias=False), 0.0 * images(3), CURRENT, 5)

    def test_other_units_are_refused(self):
        with pytest.raises(InvalidValueError, match="use to_spiking"):
            convert_by_spike_norm(nn.Sequential(SoftLIF()), images(2), CURRENT, 5)


def _counted(currents: torch.Tensor, thr: float, steps: int) -> torch.Tensor:
    """Spikes [steps, ...] of neurons with soft resets, in the plainest way."""
    potential, spikes = torch.zeros_like(currents[0]), []
    for _ in range(steps):
        potential = potential + currents[0].detach()
        spikes.append((potential >= thr).to(currents))
        potential = potential - thr * spikes[-1]
    return torch.stack(spikes)
