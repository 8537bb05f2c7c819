"""Every connector between two populations of ``size`` neurons (4,000), one process each.

A simulator may connect at once or put the work off until it runs, so both are measured: the time
of the ``Projection`` alone, and the time until a first step has run.

Before the connector is timed it is tried on populations an eighth of the size. This also warms
what is to be warmed, and if it shows that the whole would take longer than ``limit`` seconds
(120) or more than half of the memory of the machine, the connector is skipped with a note.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..machine import describe_machine
from ..measures import MEMORY, Measure, current_memory

TITLE = "Build: {size:,} x {size:,} neurons, 2 % connected unless the connector says otherwise"
OPTIONS = {"size": 4000, "limit": 120.0}
MEASURES = (
    Measure("connect_time", "connecting (s)"),
    Measure("ready_time", "connecting and first step (s)"),
    MEMORY,
)
P = 0.02
PILOT = 8  # the pilot's populations are this many times smaller
SEED = 4242

Connector = Callable[[Any, int], Any]


def _rng(sim: Any) -> Any:
    return sim.NumpyRNG(seed=SEED)


def _random_list(sim: Any, size: int) -> Any:
    n = int(P * size * size)
    pairs = _rng(sim).next(2 * n, "uniform_int", {"low": 0, "high": size})
    return sim.FromListConnector(pairs.reshape(n, 2).tolist())


def _random_array(sim: Any, size: int) -> Any:
    uniform = _rng(sim).next(size * size, "uniform", {"low": 0.0, "high": 1.0})
    return sim.ArrayConnector(uniform.reshape(size, size) < P)


CONNECTORS: dict[str, Connector] = {
    "AllToAll": lambda sim, n: sim.AllToAllConnector(),
    "OneToOne": lambda sim, n: sim.OneToOneConnector(),
    "FixedProbability": lambda sim, n: sim.FixedProbabilityConnector(P, rng=_rng(sim)),
    "FixedProbability, random": lambda sim, n: sim.FixedProbabilityConnector(P, rng=_rng(sim)),
    "FixedNumberPre": lambda sim, n: sim.FixedNumberPreConnector(int(P * n), rng=_rng(sim)),
    "FixedNumberPost": lambda sim, n: sim.FixedNumberPostConnector(int(P * n), rng=_rng(sim)),
    "FixedTotalNumber": lambda sim, n: sim.FixedTotalNumberConnector(int(P * n * n), rng=_rng(sim)),
    "DistanceDependent": lambda sim, n: sim.DistanceDependentProbabilityConnector(
        f"exp(-d/{P / 2 * n})", rng=_rng(sim)
    ),
    "IndexBased": lambda sim, n: sim.IndexBasedProbabilityConnector(
        _near_index(P * n), rng=_rng(sim)
    ),
    "Displacement": lambda sim, n: sim.DisplacementDependentProbabilityConnector(
        lambda d: (abs(d[0]) < P / 2 * n) * 1.0, rng=_rng(sim)
    ),
    "FromList": _random_list,
    "Array": _random_array,
}
VARIANTS = tuple(CONNECTORS)


def _near_index(width: float) -> Any:
    """Return an expression of two indices that is 1 for neighbours and 0 for others."""
    from pyNN.core import IndexBasedExpression

    class NearIndex(IndexBasedExpression):
        def __call__(self, i: Any, j: Any) -> Any:
            return (abs(i - j) < width / 2) * 1.0

    return NearIndex()


def run(sim: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Time one connector, `options["variant"]`, and return the measurements."""
    size, variant = options["size"], options["variant"]
    before = current_memory()
    pilot = _connect(sim, max(size // PILOT, 50), variant)
    after = current_memory()
    factor = (size / max(size // PILOT, 50)) ** 2
    seconds = pilot["ready_time"] * factor
    gigabytes = ((after or 0) - (before or 0)) * factor / 1e9
    available = (describe_machine()["memory_bytes"] or float("inf")) / 1e9
    if seconds > options["limit"] or gigabytes > available / 2:
        return {"skipped": f"skipped, would take about {seconds:.0f} s and {gigabytes:.0f} GB"}
    return _connect(sim, size, variant)


def _connect(sim: Any, size: int, variant: str) -> dict[str, Any]:
    sim.setup(timestep=0.1, min_delay=0.1, max_delay=2.0)
    pre = sim.Population(size, sim.IF_curr_exp())
    post = sim.Population(size, sim.IF_curr_exp())
    weight, delay = 1e-6, 1.0
    if "random" in variant:
        weight = sim.RandomDistribution("uniform", low=1e-7, high=1e-6, rng=_rng(sim))
        delay = sim.RandomDistribution("uniform", low=0.1, high=2.0, rng=_rng(sim))
    connector = CONNECTORS[variant](sim, size)
    synapse = sim.StaticSynapse(weight=weight, delay=delay)
    start = time.perf_counter()
    projection = sim.Projection(pre, post, connector, synapse, receptor_type="excitatory")
    connected = time.perf_counter()
    sim.run(0.1)
    ready = time.perf_counter()
    values = {"connect_time": connected - start, "ready_time": ready - start}
    if size <= 1000:
        values["synapses"] = projection.size()
    sim.end()
    return values
