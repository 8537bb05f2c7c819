"""Probes of the connectors and of distances."""

from __future__ import annotations

import sys
import types
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.testing import assert_array_equal
from pyNN import connectors as reference
from pyNN.recording.files import StandardTextFile

from .measure import Floats, Probe, close, refusal, require

LINE_SIZE = 30


def _cells(sim: Any, count: int = LINE_SIZE, spacing: float = 1.0) -> Any:
    structure = sim.space.Line(dx=spacing)
    return sim.Population(count, sim.IF_cond_exp(), structure=structure)


def matrix(sim: Any, pre: Any, post: Any, connector: Any, **options: Any) -> Floats:
    """How often each pair is connected."""
    projection = sim.Projection(pre, post, connector, sim.StaticSynapse(weight=1.0), **options)
    values: Floats = np.nan_to_num(projection.get("weight", "array", multiple_synapses="sum"))
    return values


def all_to_all(sim: Any) -> None:
    cells = _cells(sim, 5)
    assert_array_equal(matrix(sim, cells, cells[1:3], sim.AllToAllConnector()), 1.0)
    others = sim.AllToAllConnector(allow_self_connections=False)
    assert_array_equal(matrix(sim, cells, cells, others), 1.0 - np.eye(5))
    expected = 1.0 - np.eye(5)[:, 1:3]
    assert_array_equal(matrix(sim, cells, cells[1:3], others), expected)
    once = sim.AllToAllConnector(allow_self_connections="NoMutual")
    found = matrix(sim, cells, cells, once)
    assert_array_equal(found + found.T, 1.0 - np.eye(5))


def one_to_one(sim: Any) -> None:
    cells = _cells(sim, 5)
    assert_array_equal(matrix(sim, cells, cells, sim.OneToOneConnector()), np.eye(5))
    assert_array_equal(matrix(sim, cells[:1], cells[1:2], sim.OneToOneConnector()), [[1.0]])


def _progress_of(sim: Any, make: Any) -> None:
    seen: list[float] = []
    cells = _cells(sim)
    sim.Projection(cells, cells, make(callback=seen.append))
    require(len(seen) >= 1 and seen[-1] == 1.0 and sorted(seen) == seen, f"callbacks: {seen}")


def fixed_probability(sim: Any) -> None:
    cells = sim.Population(100, sim.IF_cond_exp())

    def make(**options: Any) -> Any:
        return sim.FixedProbabilityConnector(0.3, rng=sim.NumpyRNG(1), **options)

    found = matrix(sim, cells, cells, make())
    draws = np.random.RandomState(1).uniform(0, 1, (100, 100)).T
    assert_array_equal(found, draws < 0.3)
    assert_array_equal(matrix(sim, cells, cells, make()), found)
    without = matrix(sim, cells, cells, make(allow_self_connections=False))
    assert_array_equal(without, found * (1.0 - np.eye(100)))
    once = matrix(sim, cells, cells, make(allow_self_connections="NoMutual"))
    require((once * once.T).sum() == 0 and once.sum() > 1000, "no pair is connected both ways")
    _progress_of(sim, make)


def distance_dependent(sim: Any) -> None:
    cells = _cells(sim)
    distance = np.abs(np.subtract.outer(np.arange(LINE_SIZE), np.arange(LINE_SIZE)))
    near = sim.DistanceDependentProbabilityConnector("d < 2.5")
    assert_array_equal(matrix(sim, cells, cells, near), distance < 2.5)
    called = sim.DistanceDependentProbabilityConnector(lambda d: d < 2.5)
    assert_array_equal(matrix(sim, cells, cells, called), distance < 2.5)
    both = cells[:10] + cells[10:]
    assert_array_equal(matrix(sim, both, both, near), distance < 2.5)
    rule = sim.DistanceDependentProbabilityConnector("exp(-d/5)", rng=sim.NumpyRNG(1))
    draws = np.random.RandomState(1).uniform(0, 1, distance.shape).T
    assert_array_equal(matrix(sim, cells, cells, rule), draws < np.exp(-distance / 5.0))


def index_based(sim: Any) -> None:
    class Above(reference.IndexBasedExpression):
        def __call__(self, i: Any, j: Any) -> Any:
            return np.array((i % 3 == j % 3), dtype=float)

    cells = _cells(sim)
    found = matrix(sim, cells, cells, sim.IndexBasedProbabilityConnector(Above()))
    index = np.arange(LINE_SIZE) % 3
    assert_array_equal(found, index[:, np.newaxis] == index)


def displacement_dependent(sim: Any) -> None:
    cells = _cells(sim)
    rule = sim.DisplacementDependentProbabilityConnector(lambda d: (d[0] > 0) & (d[0] < 3.5))
    ahead = np.subtract.outer(np.arange(LINE_SIZE), np.arange(LINE_SIZE))
    assert_array_equal(matrix(sim, cells, cells, rule), (ahead < 0) & (ahead > -3.5))


def from_list(sim: Any) -> None:
    cells = _cells(sim, 4)
    rows = [(0, 1, 0.5, 2.0), (3, 0, 0.25, 1.0), (0, 1, 0.125, 3.0)]
    projection = sim.Projection(cells, cells, sim.FromListConnector(rows))
    require(sorted(projection.get(["weight", "delay"], "list")) == sorted(rows), "as listed")
    columns = sim.FromListConnector([(0, 1, 2.0)], column_names=["delay"])
    projection = sim.Projection(cells, cells, columns, sim.StaticSynapse(weight=0.75))
    require(projection.get(["weight", "delay"], "list") == [(0, 1, 0.75, 2.0)], "some columns")
    refusal(lambda: sim.Projection(cells, cells, sim.FromListConnector([(0, 4, 0, 1)])), "range")


def from_file(sim: Any) -> None:
    cells = _cells(sim, 4)
    rows = [(0, 1, 0.5, 2.0), (3, 0, 0.25, 1.0)]
    with TemporaryDirectory() as folder:
        name = str(Path(folder, "connections.txt"))
        first = sim.Projection(cells, cells, sim.FromListConnector(rows))
        first.save(["weight", "delay"], name)
        file = StandardTextFile(name, mode="r")
        projection = sim.Projection(cells, cells, sim.FromFileConnector(file))
    require(sorted(projection.get(["weight", "delay"], "list")) == sorted(rows), "as in the file")


def fixed_number_pre(sim: Any) -> None:
    cells = _cells(sim)
    found = matrix(sim, cells, cells, sim.FixedNumberPreConnector(7))
    require((found.sum(0) == 7) & (found.max(0) == 1), "7 different sources each")
    many = matrix(sim, cells, cells, sim.FixedNumberPreConnector(40, with_replacement=True))
    require((many.sum(0) == 40) & (many.max(0) > 2), "40 sources each, drawn with replacement")
    others = sim.FixedNumberPreConnector(LINE_SIZE - 1, allow_self_connections=False)
    assert_array_equal(matrix(sim, cells, cells, others), 1.0 - np.eye(LINE_SIZE))


def fixed_number_post(sim: Any) -> None:
    cells = _cells(sim)
    found = matrix(sim, cells, cells, sim.FixedNumberPostConnector(7))
    require((found.sum(1) == 7) & (found.max(1) == 1), "7 different targets each")
    counts = sim.RandomDistribution("uniform_int", (2, 6), rng=sim.NumpyRNG(1))
    drawn = matrix(sim, cells, cells, sim.FixedNumberPostConnector(counts)).sum(1)
    require((drawn >= 2) & (drawn < 6) & (np.ptp(drawn) > 0), "counts from a distribution")


def array(sim: Any) -> None:
    cells = _cells(sim, 4)
    wanted = np.array([[0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]], bool)
    assert_array_equal(matrix(sim, cells, cells, sim.ArrayConnector(wanted)), wanted)


def fixed_total(sim: Any) -> None:
    cells = _cells(sim, 20)
    found = matrix(sim, cells, cells, sim.FixedTotalNumberConnector(400, with_replacement=True))
    require(found.sum() == 400 and found.max() > 1, "400 drawn with replacement")
    every = matrix(sim, cells, cells, sim.FixedTotalNumberConnector(400, with_replacement=False))
    assert_array_equal(every, 1.0)
    rule = sim.FixedTotalNumberConnector(380, with_replacement=False, allow_self_connections=False)
    assert_array_equal(matrix(sim, cells, cells, rule), 1.0 - np.eye(20))


def clone(sim: Any) -> None:
    cells = _cells(sim)
    first = sim.Projection(cells, cells, sim.FixedProbabilityConnector(0.2))
    copy = matrix(sim, cells, cells, sim.CloneConnector(first))
    assert_array_equal(copy, np.isfinite(first.get("delay", "array")))


def small_world(sim: Any) -> None:
    cells = _cells(sim, 200)
    distance = np.abs(np.subtract.outer(np.arange(200), np.arange(200)))
    local = (distance < 4) & (distance > 0)
    options = {"degree": 4, "allow_self_connections": False}
    regular = matrix(sim, cells, cells, sim.SmallWorldConnector(rewiring=0.0, **options))
    assert_array_equal(regular, local)
    rule = sim.SmallWorldConnector(rewiring=0.2, rng=sim.NumpyRNG(1), **options)
    found = matrix(sim, cells, cells, rule)
    assert_array_equal(found.sum(1), local.sum(1))
    require(found.max() == 1 and np.trace(found) == 0, "no pair twice, no cell to itself")
    share = (found * ~local).sum() / local.sum()
    require(abs(share - 0.2) < 0.04, f"a fifth is rewired, here {share}")


def connection_set(sim: Any) -> None:
    import csa

    cells = _cells(sim, 6)
    assert_array_equal(matrix(sim, cells, cells, sim.CSAConnector(csa.oneToOne)), np.eye(6))
    valued = sim.CSAConnector(csa.cset(csa.full - csa.oneToOne, 0.25, 2.0))
    projection = sim.Projection(cells, cells, valued)
    require(len(projection) == 30, "30 connections")
    close(projection.get(["weight", "delay"], "list", with_address=False), [(0.25, 2.0)] * 30)


def native_generator(sim: Any) -> None:
    cells = _cells(sim)

    def rule(seed: int) -> Any:
        return sim.FixedProbabilityConnector(0.3, rng=sim.NativeRNG(seed))

    found = matrix(sim, cells, cells, rule(1))
    assert_array_equal(matrix(sim, cells, cells, rule(1)), found)
    require(not np.array_equal(matrix(sim, cells, cells, rule(2)), found), "the seed matters")
    require(abs(found.mean() - 0.3) < 0.06, "probability 0.3")
    weight = sim.RandomDistribution("gamma", k=4.0, theta=0.5, rng=sim.NativeRNG(3))
    synapse = sim.StaticSynapse(weight=weight)
    projection = sim.Projection(cells, cells, sim.AllToAllConnector(), synapse)
    weights = projection.get("weight", "array")
    require(abs(weights.mean() - 2.0) < 0.15 and abs(weights.std() - 1.0) < 0.15, "gamma weights")


def space(sim: Any) -> None:
    cells = _cells(sim, 10)
    ring = sim.Space(axes="x", periodic_boundaries=((0.0, 10.0), None, None))
    apart = np.abs(np.subtract.outer(np.arange(10), np.arange(10)))
    near = sim.DistanceDependentProbabilityConnector("d < 1.5")
    wrapped = np.minimum(apart, 10 - apart)
    assert_array_equal(matrix(sim, cells, cells, near, space=ring), wrapped < 1.5)
    both = cells[:4] + cells[4:]
    synapse = sim.StaticSynapse(weight="0.1 + d", delay=lambda d: 0.2 + 0.3 * d)
    projection = sim.Projection(both, cells, sim.AllToAllConnector(), synapse)
    close(projection.get("weight", "array"), 0.1 + apart)
    close(projection.get("delay", "array"), 0.2 + 0.3 * apart)


def gsl(sim: Any) -> None:
    """PyNN's class wraps pygsl; where that is missing, one that looks like it stands in."""
    import pyNN.random as pynn

    if not pynn.have_gsl:
        refusal(lambda: sim.GSLRNG(1), "pygsl")
        rng = types.SimpleNamespace(mt19937=_Generator)
        pynn.pygsl, pynn.have_gsl = types.SimpleNamespace(rng=rng), True
    try:
        cells = _cells(sim)
        rule = sim.FixedProbabilityConnector(0.3, rng=sim.GSLRNG(5))
        found = matrix(sim, cells, cells, rule)
        require(abs(found.mean() - 0.3) < 0.06, "probability 0.3")
    finally:
        if "pygsl" not in sys.modules:
            del pynn.pygsl
            pynn.have_gsl = False


class _Generator:
    """What PyNN needs of a generator of pygsl."""

    def set(self, seed: int) -> None:
        self._numbers = np.random.default_rng(seed)

    def flat(self, a: float, b: float, size: int) -> Floats:
        return self._numbers.uniform(a, b, size)

    def clone(self) -> _Generator:
        return deepcopy(self)


ROWS: dict[str, Probe] = {
    "AllToAllConnector": all_to_all,
    "OneToOneConnector": one_to_one,
    "FixedProbabilityConnector": fixed_probability,
    "DistanceDependentProbabilityConnector": distance_dependent,
    "IndexBasedProbabilityConnector": index_based,
    "DisplacementDependentProbabilityConnector": displacement_dependent,
    "FromListConnector": from_list,
    "FromFileConnector": from_file,
    "FixedNumberPreConnector": fixed_number_pre,
    "FixedNumberPostConnector": fixed_number_post,
    "ArrayConnector": array,
    "FixedTotalNumberConnector": fixed_total,
    "CloneConnector": clone,
    "SmallWorldConnector": small_world,
    "CSAConnector": connection_set,
    "NativeRNG for weights/connectivity": native_generator,
    "Space, periodic boundaries, d-expressions": space,
}
