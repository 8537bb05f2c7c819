"""Numbers as spikes: rates, latencies, receptive fields; against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from ship_engine.data import (
    encode_latency,
    encode_poisson,
    encode_population,
    encode_rate,
    latencies,
    random_spikes_of_rates,
    receptive_fields,
    spikes_of_rates,
)
from ship_engine.errors import InvalidValueError

UNIT = st.floats(0.0, 1.0, allow_subnormal=False)


class TestRate:
    """Evenly spaced spikes."""

    @settings(deadline=None)
    @given(arrays(float, (2, 3), elements=UNIT), st.integers(1, 200), st.floats(0.1, 1.0))
    def test_counts_are_the_whole_part_of_what_is_expected(self, values, steps, dt):
        spikes = encode_rate(values, steps=steps, dt=dt, max_rate=800.0)
        assert spikes.shape == (2, steps, 3)
        expected = values * steps * dt * 0.8
        assert (np.abs(spikes.sum(1) - expected) < 1.0 + 1e-6).all()
        assert (spikes.sum(1) <= expected + 1e-6).all()

    def test_intervals_are_even(self):
        spikes = encode_rate([1.0, 0.5, 0.0], steps=100, dt=1.0, max_rate=100.0)
        assert np.flatnonzero(spikes[:, 0]).tolist() == list(range(9, 100, 10))
        assert np.flatnonzero(spikes[:, 1]).tolist() == list(range(19, 100, 20))
        assert not spikes[:, 2].any()

    @pytest.mark.parametrize("dt", [0.1, 0.3, 1.0])
    def test_one_spike_in_every_step(self, dt):
        assert encode_rate([1.0], steps=1000, dt=dt, max_rate=1000.0 / dt).all()

    def test_phase_shifts(self):
        spikes = encode_rate([1.0, 1.0], steps=20, dt=1.0, max_rate=100.0, phase=[0.0, 0.5])
        assert [np.flatnonzero(each).tolist() for each in spikes.T] == [[9, 19], [4, 14]]

    def test_the_time_step_does_not_change_the_times(self):
        coarse = np.flatnonzero(encode_rate([0.37], steps=1000, dt=1.0, max_rate=100.0))
        fine = np.flatnonzero(encode_rate([0.37], steps=10000, dt=0.1, max_rate=100.0)) // 10
        assert coarse.tolist() == fine.tolist()

    def test_rates_that_change(self):
        rates = np.repeat([100.0, 0.0, 200.0], 100)[:, None]
        spikes = spikes_of_rates(rates, dt=1.0)
        assert spikes.shape == (300, 1)
        assert [spikes[part].sum() for part in (slice(100), slice(100, 200), slice(200, None))] == [
            10,
            0,
            20,
        ]

    def test_a_list_stays_a_list(self):
        made = spikes_of_rates([np.full((10, 2), 500.0), np.full((4, 2), 500.0)], dt=1.0)
        assert [each.sum() for each in made] == [10, 4]

    def test_a_tensor_stays_a_tensor(self):
        values = torch.tensor([[0.5, 1.0]], requires_grad=True)
        spikes = encode_rate(values, steps=10, dt=1.0, max_rate=200.0)
        assert isinstance(spikes, torch.Tensor)
        assert spikes.dtype == torch.bool
        assert spikes.sum(1).tolist() == [[1, 2]]


class TestPoisson:
    """Spikes at random."""

    @pytest.mark.parametrize(
        ("law", "probability"), [("poisson", 1.0 - np.exp(-0.25)), ("bernoulli", 0.25)]
    )
    def test_counts_are_binomial(self, law, probability):
        spikes = encode_poisson(
            np.full((500, 20), 0.5), steps=50, dt=2.5, max_rate=200.0, seed=3, law=law
        )
        counts = np.bincount(spikes.sum(1).ravel(), minlength=51)
        expected = stats.binom.pmf(np.arange(51), 50, probability)
        kept = expected * counts.sum() > 5.0
        expected = expected[kept] / expected[kept].sum() * counts[kept].sum()
        assert stats.chisquare(counts[kept], expected).pvalue > 1e-3

    def test_intervals_between_steps_are_geometric(self):
        times = np.flatnonzero(encode_poisson([1.0], steps=200_000, dt=1.0, max_rate=100.0, seed=4))
        assert np.diff(times).mean() == pytest.approx(1.0 / -np.expm1(-0.1), rel=0.02)

    def test_a_seed_gives_the_same_spikes_and_another_seed_others(self):
        first, again, other = (
            encode_poisson(np.full(100, 0.5), steps=50, dt=1.0, max_rate=500.0, seed=seed)
            for seed in (1, 1, 2)
        )
        assert (first == again).all()
        assert (first != other).any()

    def test_a_generator_moves_on(self):
        random = np.random.default_rng(5)
        first, second = (
            encode_poisson(np.full(100, 0.5), steps=50, dt=1.0, max_rate=500.0, seed=random)
            for _ in range(2)
        )
        assert (first != second).any()

    def test_extremes(self):
        spikes = encode_poisson(
            [0.0, 1.0], steps=99, dt=1.0, max_rate=1000.0, seed=0, law="bernoulli"
        )
        assert spikes.sum(0).tolist() == [0, 99]

    def test_rates_that_change(self):
        rates = torch.cat([torch.zeros(2, 50, 3), torch.full((2, 50, 3), 1000.0)], 1)
        spikes = random_spikes_of_rates(rates, dt=1.0, seed=6, law="bernoulli")
        assert torch.equal(spikes, rates.bool())


class TestLatency:
    """Time to first spike."""

    def test_linear(self):
        spikes = encode_latency([[1.0, 0.5, 0.1, 0.0]], steps=11, dt=2.0)
        assert spikes.shape == (1, 11, 4)
        step, component = np.nonzero(spikes[0])
        assert dict(zip(component.tolist(), step.tolist(), strict=True)) == {0: 0, 1: 5, 2: 9}

    @settings(deadline=None)
    @given(arrays(float, 5, elements=UNIT), st.floats(0.0, 0.9), st.integers(2, 50))
    def test_what_is_above_the_threshold_spikes_once_and_larger_values_first(
        self, values, threshold, steps
    ):
        spikes = encode_latency(values, steps=steps, dt=0.1, threshold=threshold)
        assert (spikes.sum(0) == (values > threshold)).all()
        first = np.where(spikes.any(0), spikes.argmax(0), steps)
        assert (np.diff(first[np.argsort(values)]) <= 0).all()

    def test_logarithmic(self):
        times = latencies(
            [1.0, 0.5, 0.2001, 0.2], latest=100.0, law="logarithmic", threshold=0.2, tau=10.0
        )
        assert times[0] == pytest.approx(10.0 * np.log(1.0 / 0.8))
        assert times[1] == pytest.approx(10.0 * np.log(0.5 / 0.3))
        assert times[2] == pytest.approx(10.0 * np.log(0.2001 / 0.0001))
        assert np.isinf(times[3])

    def test_spikes_that_come_too_late_do_not_occur(self):
        times = latencies([0.2001], latest=50.0, law="logarithmic", threshold=0.2, tau=10.0)
        assert np.isinf(times[0])

    def test_a_tensor_stays_a_tensor(self):
        times = latencies(torch.tensor([1.0, 0.25]), latest=8.0)
        assert times.tolist() == [0.0, 6.0]


class TestPopulation:
    """Gaussian receptive fields of Bohte et al. (2002)."""

    def test_centres(self):
        # i = 1 … 5 on the range from 0 to 3: -0.5, 0.5, 1.5, 2.5, 3.5
        values = np.array([[-0.5], [0.5], [1.5], [2.5], [3.5]])
        response = receptive_fields(values, fields=5, low=0.0, high=3.0)
        assert np.diag(response) == pytest.approx(1.0)

    def test_width(self):
        response = receptive_fields([[0.5 + 1.0 / 1.5]], fields=5, low=0.0, high=3.0)
        assert response[0, 1] == pytest.approx(np.exp(-0.5))

    def test_fields_of_a_component_lie_side_by_side(self):
        response = receptive_fields([[0.0, 10.0]], fields=4, low=[0.0, 0.0], high=[1.0, 20.0])
        alone = receptive_fields([[10.0]], fields=4, low=0.0, high=20.0)
        assert response.shape == (1, 8)
        assert response[:, 4:] == pytest.approx(alone)

    def test_spikes(self):
        spikes = encode_population(
            [[0.5]], fields=5, low=0.0, high=3.0, steps=10, dt=1.0, threshold=0.1
        )
        response = receptive_fields([[0.5]], fields=5, low=0.0, high=3.0)[0]
        expected = np.floor(9.0 * (1.0 - response) / 0.9 + 1e-9)
        step, field = np.nonzero(spikes[0])
        assert step[np.argsort(field)].tolist() == expected[response > 0.1].tolist()

    def test_a_tensor_stays_a_tensor(self):
        response = receptive_fields(torch.zeros(2, 3), fields=4, low=-1.0, high=1.0)
        assert tuple(response.shape) == (2, 12)


RATE = {"steps": 10, "dt": 1.0, "max_rate": 100.0}
FIELDS = {"fields": 4, "low": 0.0, "high": 1.0}
LOGARITHMIC = {"latest": 1.0, "law": "logarithmic"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: encode_rate([1.5], **RATE), "between 0 and 1; got 1.5"),
        (lambda: encode_rate([-0.1], **RATE), "between 0 and 1"),
        (lambda: encode_rate([np.nan], **RATE), "values must be finite; got nan"),
        (lambda: encode_rate(0.5, **RATE), "axis of components"),
        (lambda: encode_rate("loud", **RATE), "array or tensor of numbers; got str"),
        (lambda: encode_rate([[1.0], [1.0, 0.0]], **RATE), "into a list, one by one"),
        (lambda: encode_rate([1.0], **RATE, phase=1.0), "phase must be from 0"),
        (lambda: encode_rate([1.0], **RATE, phase=[0.1, 0.2]), r"phase has the shape \(2,\)"),
        (lambda: encode_rate([1.0], steps=2.0, dt=1.0, max_rate=1.0), "whole number; got 2.0"),
        (lambda: encode_rate([1.0], steps=True, dt=1.0, max_rate=1.0), "whole number; got True"),
        (lambda: encode_rate([1.0], steps=0, dt=1.0, max_rate=1.0), "at least 1; got 0"),
        (lambda: encode_rate([1.0], steps=1, dt=0.0, max_rate=1.0), "dt must be > 0; got 0"),
        (lambda: encode_rate([1.0], steps=1, dt="1", max_rate=[]), "max_rate must be a number"),
        (lambda: encode_rate([1.0], steps=1, dt=1.0, max_rate=-1.0), "max_rate must be >= 0"),
        (lambda: encode_rate([1.0], steps=1, dt=2.0, max_rate=501.0), "at most 500 Hz"),
        (lambda: encode_poisson([1.0], **RATE, seed=-1), "seed must be at least 0"),
        (lambda: encode_poisson([1.0], **RATE, seed=0, law="cox"), "poisson, bernoulli; got 'cox'"),
        (
            lambda: encode_poisson([1.0], steps=1, dt=9.0, max_rate=999.0, seed=0, law="bernoulli"),
            "spikes in a time step of 9 ms",
        ),
        (lambda: spikes_of_rates(np.full((3, 1), -1.0), dt=1.0), "not be negative; got -1 Hz"),
        (lambda: spikes_of_rates(np.full((3, 1), 2000.0), dt=1.0), "at most 1000 Hz"),
        (lambda: spikes_of_rates(np.zeros(3), dt=1.0), r"\[time, component\]"),
        (lambda: encode_latency([0.5], steps=5, dt=1.0, threshold=1.0), "below 1"),
        (lambda: latencies([0.5], latest=-1.0), "latest must be >= 0"),
        (lambda: latencies([0.5], latest=1.0, tau=2.0), "the linear law has none"),
        (lambda: latencies([0.5], **LOGARITHMIC, tau=1.0), "threshold above 0"),
        (lambda: latencies([0.5], **LOGARITHMIC, threshold=0.1), "needs tau"),
        (lambda: latencies([0.5], latest=1.0, law="quadratic"), "linear, logarithmic"),
        (lambda: receptive_fields([[0.5]], fields=2, low=0.0, high=1.0), "at least 3; got 2"),
        (lambda: receptive_fields([[0.5]], fields=3, low=1.0, high=1.0), "high must be above low"),
        (lambda: receptive_fields([[0.5]], fields=3, low=[0, 0], high=1.0), "low has 2 values"),
        (lambda: receptive_fields(0.5, **FIELDS), "axis of components"),
        (lambda: receptive_fields([0.5], **FIELDS, beta=0.0), "beta must be > 0"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidValueError, match=message):
        call()
