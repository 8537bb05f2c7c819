"""NativeRNG: the distributions of PyNN from our own generator, wherever a generator may stand."""

from __future__ import annotations

from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
from pyNN import errors
from pyNN.random import NumpyRNG, RandomDistribution, available_distributions
from pyNN.space import Cuboid, RandomStructure

from pyNN_ship.native_rng import DRAWS, NativeRNG

EXAMPLES = {
    "binomial": [(20, 0.3), (1000, 0.7)],
    "exponential": [(3.0,)],
    "gamma": [(0.4, 2.0), (3.0, 0.5)],
    "lognormal": [(0.1, 0.5)],
    "normal": [(-65.0, 2.0)],
    "normal_clipped": [(0.0, 1.0, 0.5, 2.0)],
    "normal_clipped_to_boundary": [(0.0, 1.0, -0.5, 0.5)],
    "poisson": [(4.0,), (60.0,)],
    "uniform": [(-70.0, -50.0)],
    "uniform_int": [(3, 11)],
    "vonmises": [(0.5, 2.0)],
}
CASES = [(name, values) for name, several in EXAMPLES.items() for values in several]


@pytest.mark.parametrize(("name", "values"), CASES)
def test_distributions_are_those_of_numpy(name, values):
    ours = RandomDistribution(name, values, rng=NativeRNG(seed=1)).next(40_000)
    theirs = RandomDistribution(name, values, rng=NumpyRNG(seed=2)).next(40_000)
    assert ours.dtype.kind == theirs.dtype.kind
    quantiles = np.linspace(0.0, 1.0, 81)[1:-1]
    # Ranks of both in both together: the Kolmogorov-Smirnov distance, ties and all.
    points = np.unique(np.concatenate([np.quantile(x, quantiles) for x in (ours, theirs)]))
    below = [np.searchsorted(np.sort(x), points, side="right") / x.size for x in (ours, theirs)]
    assert np.abs(below[0] - below[1]).max() < 2.23 * np.sqrt(2.0 / 40_000)  # one in 10,000


def test_every_distribution_of_pynn_is_there():
    assert {name: names for name, (_, names) in DRAWS.items()} == available_distributions


@pytest.mark.parametrize(("name", "values"), CASES)
def test_numbers_do_not_depend_on_how_they_are_asked_for(name, values):
    at_once = RandomDistribution(name, values, rng=NativeRNG(seed=3)).next(50)
    distribution = RandomDistribution(name, values, rng=NativeRNG(seed=3))
    parts = [distribution.next(7), [distribution.next()], distribution.next(0)]
    np.testing.assert_array_equal(np.concatenate([*parts, distribution.next(42)]), at_once)


def test_seeds():
    first = NativeRNG(seed=5).next(10)
    np.testing.assert_array_equal(NativeRNG(seed=5).next(10), first)
    assert not np.any(NativeRNG(seed=6).next(10) == first)
    unseeded = NativeRNG()
    np.testing.assert_array_equal(NativeRNG(unseeded.seed).next(10), unseeded.next(10))
    assert NativeRNG().seed != unseeded.seed
    assert str(unseeded.seed) in unseeded.describe()
    with pytest.raises(ValueError, match=r"seed=-1.*whole number >= 0"):
        NativeRNG(-1)
    with pytest.raises(ValueError, match=r"seed=1\.5"):
        NativeRNG(1.5)


def test_a_copy_goes_its_own_way():
    rng = NativeRNG(seed=7)
    rng.next(3)
    copied = deepcopy(rng)
    np.testing.assert_array_equal(copied.next(5), rng.next(5))


def test_masks_choose_of_all_numbers():
    mask = np.array([True, False, True, True])
    numbers = NativeRNG(seed=1).next(4)
    np.testing.assert_array_equal(NativeRNG(seed=1).next(4, mask=mask), numbers[mask])


def test_permutations_and_choices():
    order = NativeRNG(seed=1).permutation(np.arange(10, 60))
    assert sorted(order) == list(range(10, 60))
    assert not np.array_equal(order, np.arange(10, 60))
    np.testing.assert_array_equal(NativeRNG(seed=1).permutation(50) + 10, order)
    chosen = NativeRNG(seed=1).choice([2, 5], size=100)
    assert set(chosen) == {2, 5}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda rng: rng.next(-1), ValueError, "0 or more"),
        (lambda rng: rng.next(2, "cauchy", {}), ValueError, "cannot draw from 'cauchy'.*gamma"),
        (lambda rng: rng.next(2, "normal", {"mu": 0.0}), KeyError, "mu, sigma; got mu"),
        (lambda rng: rng.next(2, "normal"), KeyError, "got none"),
        (
            lambda rng: rng.next(2, "normal", {"mu": "a", "sigma": 1.0}),
            errors.InvalidParameterValueError,
            "mu = 'a'.*give a number",
        ),
    ],
)
def test_what_cannot_be_drawn(call, error, message):
    with pytest.raises(error, match=message):
        call(NativeRNG(seed=1))


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("binomial", (2.5, 0.5), "trials is 2.5"),
        ("binomial", (5, 1.5), "1.5 is no probability"),
        ("exponential", (-1.0,), "scale of an exponential"),
        ("gamma", (0.0, 1.0), "shape of a gamma"),
        ("gamma", (1.0, -1.0), "scale of a gamma"),
        ("normal", (0.0, -1.0), "standard deviation is -1.0"),
        ("normal_clipped", (0.0, 1.0, 2.0, 1.0), "no number is between 2.0 and 1.0"),
        ("normal_clipped", (0.0, 1.0, 30.0, 31.0), "widen the bounds"),
        ("normal_clipped", (0.0, -1.0, 0.0, 1.0), "standard deviation"),
        ("normal_clipped_to_boundary", (0.0, 1.0, 2.0, 1.0), "no number is between"),
        ("poisson", (-1.0,), "mean of a Poisson"),
        ("uniform_int", (3, 3), "no whole number n has 3 <= n < 3"),
        ("vonmises", (0.0, -1.0), "concentration is -1.0"),
    ],
)
def test_parameters_out_of_range(name, values, message):
    with pytest.raises(errors.InvalidParameterValueError, match=message):
        RandomDistribution(name, values, rng=NativeRNG(seed=1)).next(3)


def test_angles_lie_in_one_turn():
    for concentration in (0.0, 1e-3, 5.0, 1e9):
        angles = NativeRNG(1).next(1000, "vonmises", {"mu": 3.0, "kappa": concentration})
        assert (np.abs(angles) <= np.pi).all()


def test_parameters_initial_values_and_weights(sim):
    def distribution(seed):
        return RandomDistribution("normal_clipped", (20.0, 2.0, 18.0, 22.0), rng=NativeRNG(seed))

    cells = sim.Population(50, sim.IF_cond_exp(tau_m=distribution(1)))
    np.testing.assert_array_equal(cells.get("tau_m"), distribution(1).next(50))
    cells.initialize(v=distribution(2))
    np.testing.assert_array_equal(cells.initial_values["v"].evaluate(), distribution(2).next(50))
    projection = sim.Projection(
        cells, cells, sim.AllToAllConnector(), sim.StaticSynapse(weight=distribution(3))
    )
    weights = projection.get("weight", format="array")
    np.testing.assert_array_equal(weights.T.ravel(), distribution(3).next(2500))


@pytest.mark.parametrize(
    ("rule", "count"),
    [
        (lambda sim, rng: sim.FixedProbabilityConnector(0.25, rng=rng), (10_000, 400)),
        (
            lambda sim, rng: sim.DistanceDependentProbabilityConnector("0.25", rng=rng),
            (10_000, 400),
        ),
        (lambda sim, rng: sim.FixedNumberPreConnector(7, rng=rng), (1400, 0)),
        (lambda sim, rng: sim.FixedNumberPostConnector(7, rng=rng), (1400, 0)),
        (lambda sim, rng: sim.FixedTotalNumberConnector(5000, rng=rng), (5000, 0)),
        (
            lambda sim, rng: sim.FixedNumberPreConnector(7, with_replacement=True, rng=rng),
            (1400, 0),
        ),
    ],
    ids=["probability", "distance", "pre", "post", "total", "with_replacement"],
)
def test_connectors_draw_from_it(sim, rule, count):
    cells = sim.Population(200, sim.IF_cond_exp())

    def pairs(seed):
        projection = sim.Projection(cells, cells, rule(sim, NativeRNG(seed)))
        return projection.get([], format="list")

    expected, margin = count
    assert abs(len(pairs(1)) - expected) <= margin
    assert pairs(1) == pairs(1)
    assert pairs(1) != pairs(2)


def test_positions_and_samples(sim):
    structure = RandomStructure(Cuboid(10.0, 20.0, 30.0), rng=NativeRNG(1))
    cells = sim.Population(100, sim.IF_cond_exp(), structure=structure)
    x, y, z = cells.positions
    assert (np.abs(x) <= 5).all()
    assert 9 < np.abs(y).max() <= 10
    assert 13 < np.abs(z).max() <= 15
    view = cells.sample(10, rng=NativeRNG(2))
    assert len({int(cell) for cell in view}) == 10


class Generator:
    """What PyNN needs of a generator of pygsl."""

    def set(self, seed):
        self.numbers = np.random.default_rng(seed)

    def flat(self, a, b, size):
        return self.numbers.uniform(a, b, size)

    def clone(self):
        return deepcopy(self)


def test_generators_of_the_gsl_connect(sim, monkeypatch):
    module = SimpleNamespace(rng=SimpleNamespace(mt19937=Generator))
    monkeypatch.setattr("pyNN.random.pygsl", module, raising=False)
    monkeypatch.setattr("pyNN.random.have_gsl", True)
    cells = sim.Population(40, sim.IF_cond_exp())

    def pairs(seed):
        rule = sim.FixedProbabilityConnector(0.25, rng=sim.GSLRNG(seed))
        return sim.Projection(cells, cells, rule).get([], "list")

    assert pairs(1) == pairs(1)
    assert pairs(1) != pairs(2)
    assert abs(len(pairs(1)) - 400) < 90
    rng = sim.GSLRNG(3)
    copied = deepcopy(rng)
    np.testing.assert_array_equal(copied.random(4), rng.random(4))
    with pytest.raises(AttributeError, match="has no attribute '__array__'"):
        rng.__array__  # noqa: B018 - access is what is tested
