"""Encoders, simulations in batches, and reports of what a conversion costs."""

from __future__ import annotations

import pytest
import torch
from conversion_examples import CURRENT, images, network
from torch import nn

from ship_engine.conversion.encoders import SignedBernoulli
from ship_engine.conversion.maximum_activation import convert_by_maximum_activation
from ship_engine.conversion.report import ConversionReport, accuracy, compare
from ship_engine.conversion.sequential import stages_of
from ship_engine.conversion.simulation import batches, simulate
from ship_engine.errors import InvalidValueError


class TestEncoders:
    def test_currents_are_constant(self):
        values = images(3)
        course = CURRENT(values, 5)
        assert course.shape == (5, *values.shape)
        assert bool((course == values).all())

    def test_bernoulli_spikes_have_signs_and_probabilities(self):
        values = torch.tensor([[-1.0, -0.3, 0.0, 0.6, 1.0]])
        spikes = SignedBernoulli(2)(values, 20_000)
        assert set(spikes.unique().tolist()) == {-1.0, 0.0, 1.0}
        torch.testing.assert_close(spikes.mean(0), values, atol=0.015, rtol=0.0)
        assert bool((spikes[:, 0, [0, 2, 4]] == values[0, [0, 2, 4]]).all())
        steps = spikes[1:, 0, 1] * spikes[:-1, 0, 1]
        assert float(steps.mean()) == pytest.approx(0.09, abs=0.01)  # independent of each other

    def test_seeds_make_them_repeatable(self):
        values = images(3)
        first, second = SignedBernoulli(1), SignedBernoulli(1)
        spikes = first(values, 5)
        assert torch.equal(spikes, second(values, 5))
        assert not torch.equal(spikes, first(values, 5))
        assert not torch.equal(spikes, SignedBernoulli(2)(values, 5))

    def test_values_above_one_are_refused(self):
        with pytest.raises(InvalidValueError, match=r"probability of 1\.5.*input_scale"):
            SignedBernoulli(0)(torch.tensor([[-1.5]]), 2)

    def test_seeds_are_whole_numbers(self):
        with pytest.raises(InvalidValueError, match="seed"):
            SignedBernoulli(-1)


class TestSimulation:
    def test_constant_currents_are_weighted_once_but_alike(self):
        converted = convert_by_maximum_activation(network(), images(10))
        inputs = images(4, seed=5)
        with torch.no_grad():
            expected = converted(CURRENT(inputs, 40))
        torch.testing.assert_close(simulate(converted, inputs, CURRENT, 40), expected)

    def test_batches_fit_into_memory(self):
        converted = convert_by_maximum_activation(network(), images(10))
        inputs = images(50)
        largest = 6 * 6 * 6 * 4  # bytes of the first convolution, of a sample in a step
        parts = list(batches(converted, inputs, 100, memory=100 * 4 * largest * 8))
        assert [len(part) for part in parts] == [8] * 6 + [2]
        assert torch.equal(torch.cat(parts), inputs)
        assert len(next(batches(converted, inputs, 100, memory=1))) == 1
        assert not any(module._forward_hooks for module in converted.modules())


class TestReport:
    def test_accuracies_are_those_of_cumulative_counts(self):
        ann, inputs = network(), images(40)
        labels = ann(inputs).argmax(1)
        labels[:10] = (labels[:10] + 1) % 4
        converted = convert_by_maximum_activation(ann, inputs, output="sums")
        report = compare(ann, converted, inputs, labels, 60, at=[1, 7, 60], memory=10**6)
        assert report.ann_accuracy == accuracy(ann, inputs, labels) == 0.75
        scores = simulate(converted, inputs, CURRENT, 60)
        expected = [
            float((scores[:steps].sum(0).argmax(1) == labels).float().mean())
            for steps in (1, 7, 60)
        ]
        assert report.accuracies == pytest.approx(expected)
        assert report.gaps == pytest.approx([0.75 - one for one in expected])
        last = compare(ann, converted, inputs, labels, 60, at=[60], readout="last")
        expected_last = float((scores[-1].argmax(1) == labels).float().mean())
        assert last.accuracies[0] == pytest.approx(expected_last)

    def test_by_default_powers_of_two_are_told(self):
        ann = network()
        report = compare(
            ann, nn.Sequential(*stages_of(ann)[0].modules[:0]), images(2), torch.zeros(2), 12
        )
        assert report.steps == (1, 2, 4, 8, 12)

    def test_training_goes_on_as_it_was(self):
        ann = network().train()
        accuracy(ann, images(4), torch.zeros(4, dtype=torch.long))
        assert ann.training

    def test_steps_until_a_gap(self):
        report = ConversionReport(0.99, (1, 2, 4, 8), (0.5, 0.985, 0.97, 0.988))
        assert report.steps_until(0.003) == 8
        assert report.steps_until(0.05) == 2
        assert report.steps_until(0.001) is None
        text = str(report)
        assert "rate units: 99.00 %" in text
        assert "     8   98.80 %   +0.20" in text

    def test_wrong_arguments_are_refused(self):
        ann, inputs, labels = network(), images(4), torch.zeros(4)
        converted = convert_by_maximum_activation(ann, inputs)
        with pytest.raises(InvalidValueError, match="4 inputs and 3 labels"):
            compare(ann, converted, inputs, labels[:3], 5)
        with pytest.raises(InvalidValueError, match="whole numbers from 1 to steps = 5"):
            compare(ann, converted, inputs, labels, 5, at=[2, 6])
        with pytest.raises(InvalidValueError, match="readout must be one of"):
            compare(ann, converted, inputs, labels, 5, readout="mean")
        with pytest.raises(InvalidValueError, match="steps must be at least 1"):
            compare(ann, converted, inputs, labels, 0)
