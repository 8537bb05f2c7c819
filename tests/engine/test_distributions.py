"""Random numbers that depend on their place in a stream alone, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ship_engine import distributions
from ship_engine.distributions import RandomStream
from ship_engine.errors import InvalidValueError

COUNT = 100_000
CONTINUOUS = {
    "uniform": ((2.0, 5.0), stats.uniform(2.0, 3.0)),
    "exponential": ((3.0,), stats.expon(scale=3.0)),
    "normal": ((1.0, 2.0), stats.norm(1.0, 2.0)),
    "lognormal": ((0.1, 0.5), stats.lognorm(0.5, scale=np.exp(0.1))),
    "normal_clipped": ((0.0, 1.0, 0.5, 2.0), stats.truncnorm(0.5, 2.0)),
}
DISCRETE = {
    "poisson": [((0.3,), stats.poisson(0.3)), ((9.9,), stats.poisson(9.9)),
                ((10.0,), stats.poisson(10.0)), ((1000.0,), stats.poisson(1000.0))],
    "binomial": [((5, 0.3), stats.binom(5, 0.3)), ((100, 0.05), stats.binom(100, 0.05)),
                 ((100, 0.9), stats.binom(100, 0.9)), ((10_000, 0.3), stats.binom(10_000, 0.3))],
    "uniform_integers": [((3, 10), stats.randint(3, 10))],
}  # fmt: skip


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous_distributions(name):
    values, expected = CONTINUOUS[name]
    numbers = getattr(distributions, name)(RandomStream(1), COUNT, *values)
    assert stats.kstest(numbers, expected.cdf).pvalue > 1e-3


@pytest.mark.parametrize("shape", [0.2, 0.9, 1.0, 2.5, 50.0])
def test_gamma(shape):
    numbers = distributions.gamma(RandomStream(2), COUNT, shape, 2.0)
    assert stats.kstest(numbers, stats.gamma(shape, scale=2.0).cdf).pvalue > 1e-3


@pytest.mark.parametrize("concentration", [0.0, 0.1, 4.0, 300.0])
def test_vonmises(concentration):
    angles = distributions.vonmises(RandomStream(3), COUNT, 0.0, concentration)
    expected = stats.vonmises(concentration) if concentration else stats.uniform(-np.pi, 2 * np.pi)
    assert stats.kstest(angles, expected.cdf).pvalue > 1e-3


def test_vonmises_near_the_limit_is_normal():
    angles = distributions.vonmises(RandomStream(3), COUNT, 0.0, 1e7)
    assert stats.kstest(angles * np.sqrt(1e7), stats.norm.cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        (name, values, expected)
        for name, several in DISCRETE.items()
        for values, expected in several
    ],
)
def test_discrete_distributions(name, values, expected):
    numbers = getattr(distributions, name)(RandomStream(4), COUNT, *values)
    counts = np.bincount(numbers)
    wanted = COUNT * expected.pmf(np.arange(counts.size))
    frequent = wanted > 10
    deviation = ((counts - wanted)[frequent] ** 2 / wanted[frequent]).sum()
    assert stats.chi2(frequent.sum() - 1).sf(deviation) > 1e-3
    assert abs(numbers.mean() - expected.mean()) < 5 * expected.std() / np.sqrt(COUNT)


def test_the_ends_of_discrete_distributions():
    assert set(distributions.poisson(RandomStream(1), 10, 0.0)) == {0}
    assert set(distributions.binomial(RandomStream(1), 10, 7, 1.0)) == {7}
    assert set(distributions.binomial(RandomStream(1), 10, 7, 0.0)) == {0}
    assert set(distributions.binomial(RandomStream(1), 10, 0, 0.5)) == {0}


def test_streams():
    stream = RandomStream(5)
    numbers = stream.unit(100)
    assert ((numbers > 0) & (numbers < 1)).all()
    np.testing.assert_array_equal(RandomStream(5, position=60).unit(40), numbers[60:])
    copied = stream.copy()
    np.testing.assert_array_equal(copied.unit(7), stream.unit(7))
    assert not np.isin(RandomStream(6).unit(100), numbers).any()
    together = np.concatenate([RandomStream(seed).unit(100) for seed in range(1000)])
    assert stats.kstest(together, stats.uniform.cdf).pvalue > 1e-3


def test_impossible_bounds():
    with pytest.raises(InvalidValueError, match="No number within the bounds in 1000 draws"):
        distributions.normal_clipped(RandomStream(1), 2, 0.0, 1.0, 40.0, 41.0)
