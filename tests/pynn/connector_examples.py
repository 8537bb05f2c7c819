"""Connectors, synapses and populations by name, and how to connect them with PyNN and with ours."""

from __future__ import annotations

import numpy as np
from pyNN.core import IndexBasedExpression
from pyNN.random import NumpyRNG, RandomDistribution, WrappedRNG
from pyNN.space import Grid2D, Line
from recording_projection import assert_same_connections, with_pynn, with_ship


class Weights(IndexBasedExpression):
    """Refers to the column as a whole, as users may: PyNN passes (array of sources, column)."""

    def __call__(self, i, j):
        values = (i + 1.0) * self.projection.post.size
        return values / values.sum() if j % 2 else values / len(i)


class Probability(IndexBasedExpression):
    def __call__(self, i, j):
        return (i + 1.0) / (i + j + 2)


class ReversingRNG(WrappedRNG):
    """Not a NumpyRNG: how the calls are grouped decides the order of its numbers."""

    def __init__(self, seed):
        super().__init__(seed)
        self.rng = np.random.RandomState(seed)

    def _next(self, distribution, n, parameters):
        if distribution == "uniform_int":
            return self.rng.randint(parameters["low"], parameters["high"], n)[::-1]
        if distribution == "binomial":
            return np.full(n, parameters["n"])
        return self.rng.random_sample(n)[::-1]

    def permutation(self, numbers):
        return self.rng.permutation(numbers)

    def choice(self, numbers, size):
        return self.rng.choice(numbers, size)


def synapse(sim, kind, seed=5, parallel_safe=True):
    def random(name, *parameters):
        rng = NumpyRNG(seed, parallel_safe=parallel_safe)
        return RandomDistribution(name, parameters, rng=rng)

    return {
        "homogeneous": lambda: sim.StaticSynapse(weight=0.3, delay=1),
        "random": lambda: sim.StaticSynapse(
            weight=random("normal", 1, 0.01), delay=random("gamma", 2, 1)
        ),
        "redrawn": lambda: sim.StaticSynapse(weight=random("normal_clipped", 1, 1, 0, 2)),
        "distance": lambda: sim.StaticSynapse(
            weight="0.2+0.3*d", delay=lambda d: 1 + np.exp(-d / 2)
        ),
        "index": lambda: sim.StaticSynapse(weight=Weights(), delay=2.0),
        "depressing": lambda: sim.TsodyksMarkramSynapse(
            weight=0.1, U=random("uniform", 0, 1), tau_rec="100 + d**2", tau_facil=3
        ),
    }[kind]()


def connector(sim, name, rng):
    return {
        "all_to_all": lambda: sim.AllToAllConnector(),
        "all_to_all_no_self": lambda: sim.AllToAllConnector(allow_self_connections=False),
        "one_to_one": lambda: sim.OneToOneConnector(),
        "probability": lambda: sim.FixedProbabilityConnector(0.3, rng=rng),
        "probability_no_self": lambda: sim.FixedProbabilityConnector(0.4, False, rng=rng),
        "certain": lambda: sim.FixedProbabilityConnector(1, False, rng=rng),
        "never": lambda: sim.FixedProbabilityConnector(0, rng=rng),
        "distance": lambda: sim.DistanceDependentProbabilityConnector(
            "exp(-d**2/9)", False, rng=rng
        ),
        "distance_limit": lambda: sim.DistanceDependentProbabilityConnector("d<3", rng=rng),
        "distance_constant": lambda: sim.DistanceDependentProbabilityConnector("0.4", rng=rng),
        "index": lambda: sim.IndexBasedProbabilityConnector(Probability(), rng=rng),
        "displacement": lambda: sim.DisplacementDependentProbabilityConnector(
            lambda d: (d[0] < 3) * np.exp(-abs(d[1])), rng=rng
        ),
        "number_pre": lambda: sim.FixedNumberPreConnector(4, rng=rng),
        "number_pre_many": lambda: sim.FixedNumberPreConnector(50, rng=rng),
        "number_pre_replacing": lambda: sim.FixedNumberPreConnector(4, True, True, rng=rng),
        "number_pre_random": lambda: sim.FixedNumberPreConnector(
            RandomDistribution("poisson", (3,), rng=rng), True, True, rng=rng
        ),
        "number_post": lambda: sim.FixedNumberPostConnector(4, rng=rng),
        "number_post_many": lambda: sim.FixedNumberPostConnector(50, rng=rng),
        "number_post_replacing": lambda: sim.FixedNumberPostConnector(4, True, True, rng=rng),
        "number_post_random": lambda: sim.FixedNumberPostConnector(
            RandomDistribution("uniform_int", (1, 8), rng=rng), rng=rng
        ),
        "total": lambda: sim.FixedTotalNumberConnector(60, rng=rng),
    }[name]()


CONNECTORS = [
    "all_to_all",
    "all_to_all_no_self",
    "one_to_one",
    "probability",
    "probability_no_self",
    "certain",
    "never",
    "distance",
    "distance_limit",
    "distance_constant",
    "index",
    "displacement",
    "number_pre",
    "number_pre_many",
    "number_pre_replacing",
    "number_pre_random",
    "number_post",
    "number_post_many",
    "number_post_replacing",
    "number_post_random",
    "total",
]
SYNAPSES = ["homogeneous", "random", "redrawn", "distance", "index", "depressing"]


def sides(sim, kind, pre_size=12, post_size=9):
    pre = sim.Population(pre_size, sim.IF_cond_exp(), structure=Grid2D(aspect_ratio=pre_size / 4))
    post = sim.Population(post_size, sim.IF_cond_exp(), structure=Line(dx=0.8))
    return {
        "populations": (pre, post),
        "recurrent": (pre, pre),
        "views": (pre[1:11:2], post[3:9]),
        "overlapping_views": (pre[0:8], pre[5:12]),
        "part_of_itself": (pre, pre[3:7]),
        "assemblies": (pre[0:5] + post, post + pre[3:8]),
    }[kind]


def connect_both(
    make_sides,
    make_connector,
    make_synapse,
    make_rng=lambda: NumpyRNG(7),
    process=(0, 1),
    **options,
):
    """Connect with PyNN's connector and with ours; also compare how far the generator went."""
    made = []
    for sim in (with_pynn, with_ship):
        sim.setup(rank=process[0], num_processes=process[1])
        rng = make_rng()
        pre, post = make_sides(sim)
        projection = sim.Projection(
            pre, post, make_connector(sim, rng), make_synapse(sim), None, "excitatory", **options
        )
        made.append((projection, rng))
    (expected, pynn_rng), (projection, rng) = made
    assert projection.calls == 1
    assert_same_connections(projection, expected)
    np.testing.assert_array_equal(rng.next(3), pynn_rng.next(3))
    return projection


def connect(rule, synapse_type=None, kind="populations", **options):
    """Connect the populations `kind` with our connector `rule`."""
    pre, post = sides(with_ship, kind)
    synapse_type = synapse_type or with_ship.StaticSynapse(weight=0.1)
    return with_ship.Projection(pre, post, rule, synapse_type, None, "excitatory", **options)
