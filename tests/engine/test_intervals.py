"""Intervals between spikes follow their distributions, from any age on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ship_engine.sources.intervals import DeadTimeIntervals, Draws, GammaIntervals, gamma_beyond

COUNT = 20000
SHAPES = pytest.mark.parametrize("shape", [0.05, 0.5, 0.99, 1.0, 1.5, 6.0, 100.0])


def draws(count=COUNT, seed=1, number=0):
    return Draws((seed, 2), np.arange(count), np.full(count, number))


def constant(*values, count=COUNT):
    return np.repeat(np.array(values)[:, None], count, axis=1)


@SHAPES
@pytest.mark.parametrize("passed", [0.0, 0.01, 0.4, 0.6, 0.99, 1.0 - 1e-12])
def test_gamma_numbers_beyond_a_bound(shape, passed):
    law = stats.gamma(shape)
    bound = law.ppf(passed)
    numbers = gamma_beyond(draws(), np.full(COUNT, shape), np.full(COUNT, bound))
    assert numbers.min() >= bound
    remaining = law.sf(numbers) / law.sf(bound)
    assert stats.kstest(remaining, "uniform").pvalue > 0.001


def test_mixed_shapes_and_bounds_give_what_each_gives_alone():
    shape = np.tile([0.3, 2.0, 7.0], 200)
    bound = np.repeat([0.0, 0.1, 3.0, 50.0], 150)
    together = gamma_beyond(draws(600), shape, bound)
    for k in range(0, 600, 7):
        alone = gamma_beyond(draws(600).part(np.array([k])), shape[[k]], bound[[k]])
        assert alone[0] == together[k]


@pytest.mark.parametrize(
    ("intervals", "values", "law"),
    [
        (GammaIntervals, (0.4, 5.0), stats.gamma(0.4, scale=5.0)),
        (GammaIntervals, (3.0, 5.0), stats.gamma(3.0, scale=5.0)),
        (DeadTimeIntervals, (0.25, 6.0), stats.expon(6.0, 4.0)),
        (DeadTimeIntervals, (0.25, 0.0), stats.expon(0.0, 4.0)),
    ],
)
class TestDistributions:
    def test_new_intervals(self, intervals, values, law):
        assert intervals.mean(np.array(values)) == pytest.approx(law.mean())
        found = intervals.remainder(draws(), constant(*values), np.zeros(COUNT))
        assert stats.kstest(found, law.cdf).pvalue > 0.001

    @pytest.mark.parametrize("age", [1.0, 5.9, 6.1, 40.0])
    def test_what_is_left_at_an_age(self, intervals, values, law, age):
        left = intervals.remainder(draws(), constant(*values), np.full(COUNT, age))
        remaining = law.sf(age + left) / law.sf(age)
        assert stats.kstest(remaining, "uniform").pvalue > 0.001

    def test_ages_in_equilibrium(self, intervals, values, law):
        """Their density is the part of intervals that are longer, over the mean interval."""
        grid = np.linspace(0.0, 60.0, 20001)
        density = law.sf(grid) / law.mean()
        steps = 0.5 * (density[1:] + density[:-1]) * np.diff(grid)
        cumulative = np.append(0.0, np.cumsum(steps))
        ages = intervals.age(draws(), constant(*values), np.full(COUNT, np.inf))
        assert stats.kstest(ages, lambda x: np.interp(x, grid, cumulative)).pvalue > 0.001


def test_a_dead_time_that_is_not_over_is_kept():
    values = constant(0.25, 6.0)
    ages = DeadTimeIntervals.age(draws(), values, np.full(COUNT, 2.0))
    assert ages.max() <= 2.0
    assert DeadTimeIntervals.remainder(draws(), values, ages).min() >= 4.0


def test_numbers_depend_on_key_cell_and_number_only():
    def numbers(**place):
        return gamma_beyond(draws(50, **place), np.full(50, 2.0), np.zeros(50))

    first = numbers()
    assert (first == numbers()).all()
    assert not np.isin(numbers(seed=2), first).any()
    assert not np.isin(numbers(number=1), first).any()
    assert not np.isin(numbers(number=1 << 32), first).any()
    assert np.unique(first).size == 50
