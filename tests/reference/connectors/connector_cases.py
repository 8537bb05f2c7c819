"""
Networks whose connections every PyNN simulator draws alike: one function for all of them.

`generate_connector_references.py` builds them with another simulator and stores what it made;
tests/pynn/test_connectors.py builds them with pyNN.ship and compares.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pyNN.core import IndexBasedExpression
from pyNN.random import NumpyRNG, RandomDistribution
from pyNN.space import Grid2D, Line, Space

DRAWN_LATER = 8  # numbers compared afterwards to see whether the connector's generator advanced


class Overlap(IndexBasedExpression):
    """A probability, or a weight, that depends on the two indices."""

    def __call__(self, i: Any, j: Any) -> Any:
        return 1.0 / (1.0 + abs(i - j))


def _uniform(low: float, high: float, seed: int) -> RandomDistribution:
    return RandomDistribution("uniform", (low, high), rng=NumpyRNG(seed))


def _connectors(sim: Any, rng: NumpyRNG) -> dict[str, Callable[[], Any]]:
    shape = (24, 17)
    matrix = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) % 5 == 0
    count = RandomDistribution("uniform_int", (0, 9), rng=rng)
    return {
        "all_to_all": lambda: sim.AllToAllConnector(),
        "one_to_one": lambda: sim.OneToOneConnector(),
        "array": lambda: sim.ArrayConnector(matrix),
        "fixed_probability": lambda: sim.FixedProbabilityConnector(0.2, rng=rng),
        "fixed_probability_default_rng": lambda: sim.FixedProbabilityConnector(0.2),
        "distance": lambda: sim.DistanceDependentProbabilityConnector("exp(-d/3)", rng=rng),
        "index": lambda: sim.IndexBasedProbabilityConnector(Overlap(), rng=rng),
        "displacement": lambda: sim.DisplacementDependentProbabilityConnector(
            lambda d: 0.6 * (abs(d[0]) < 4) * np.exp(-abs(d[1]) / 5), rng=rng
        ),
        "number_pre": lambda: sim.FixedNumberPreConnector(5, rng=rng),
        "number_pre_many": lambda: sim.FixedNumberPreConnector(30, rng=rng),
        "number_pre_replacing": lambda: sim.FixedNumberPreConnector(
            5, with_replacement=True, rng=rng
        ),
        "number_pre_random": lambda: sim.FixedNumberPreConnector(
            count, with_replacement=True, rng=rng
        ),
        "number_post": lambda: sim.FixedNumberPostConnector(5, rng=rng),
        "number_post_replacing": lambda: sim.FixedNumberPostConnector(
            5, with_replacement=True, rng=rng
        ),
        "number_post_random": lambda: sim.FixedNumberPostConnector(
            count, with_replacement=True, rng=rng
        ),
        "total_number": lambda: sim.FixedTotalNumberConnector(150, rng=rng),
        "list": lambda: sim.FromListConnector(
            # One connection for each target: the order of several is that of NumPy's unstable
            # sort, which may differ from one processor to the next.
            [(7, 16, 0.5), (1, 0, 0.1), (0, 9, 0.6), (23, 2, 0.4)],
            column_names=["weight"],
        ),
    }


def build(sim: Any, case: str) -> tuple[Any, NumpyRNG]:
    """Build the network `case` with the simulator `sim`; return its projection and its rng."""
    sim.setup(timestep=0.1, min_delay=0.1, max_delay=20.0)
    rng = NumpyRNG(4321)
    pre = sim.Population(24, sim.IF_cond_exp(), structure=Grid2D(aspect_ratio=1.5, dx=1.3))
    post = sim.Population(17, sim.IF_cond_exp(), structure=Line(dx=0.7, y=0.4))
    synapse = sim.StaticSynapse(weight=_uniform(0.1, 1, 11), delay=_uniform(0.5, 5, 12))
    distant = sim.StaticSynapse(weight="0.1+0.02*d", delay="0.5+0.2*d")
    if case in _connectors(sim, rng):
        sides: tuple[Any, Any] = (pre, post)
        connector = _connectors(sim, rng)[case]()
    elif case == "recurrent_no_self":
        sides = (pre, pre)
        connector = sim.FixedProbabilityConnector(0.3, allow_self_connections=False, rng=rng)
    elif case == "recurrent_no_mutual":
        sides = (pre, pre)
        connector = sim.FixedProbabilityConnector(0.3, allow_self_connections="NoMutual", rng=rng)
    elif case == "number_pre_no_self":
        sides = (pre, pre)
        connector = sim.FixedNumberPreConnector(5, allow_self_connections=False, rng=rng)
    elif case == "number_post_no_self":
        sides = (pre, pre)
        connector = sim.FixedNumberPostConnector(5, allow_self_connections=False, rng=rng)
    elif case == "overlapping_views":
        sides = (pre[2:15], pre[8:20] + post[0:6])
        connector = sim.FixedProbabilityConnector(0.4, allow_self_connections=False, rng=rng)
    elif case == "distance_values":
        sides, synapse = (pre, post), distant
        connector = sim.FixedProbabilityConnector(0.3, rng=rng)
    elif case == "shared_generator":
        # The weights copy the generator before, or after, the connector has advanced it.
        sides = (pre, post)
        weight = RandomDistribution("normal", (0.5, 0.01), rng=rng)
        synapse = sim.StaticSynapse(weight=weight, delay=1.0)
        connector = sim.FixedNumberPostConnector(5, rng=rng)
    else:
        raise ValueError(f"No case {case!r}; the cases are {', '.join(CASES)}.")
    space = Space(axes="xy", periodic_boundaries=((0, 9), None, None), scale_factor=0.9)
    projection = sim.Projection(
        sides[0], sides[1], connector, synapse, receptor_type="excitatory", space=space
    )
    return projection, rng


CASES = [
    *_connectors(None, NumpyRNG(1)),
    "recurrent_no_self",
    "recurrent_no_mutual",
    "number_pre_no_self",
    "number_post_no_self",
    "overlapping_views",
    "distance_values",
    "shared_generator",
]
