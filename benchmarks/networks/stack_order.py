"""Finding the order in which the groups of a network are advanced: chains, layers and loops.

Synapse groups are groups of their own, each between two groups of neurons, and every edge has a
delay drawn from a few, zero among them.  The sum of the delays of the edges that run backward is
what the order is to make small; it is given too, so that speed bought with it would show.
"""

from __future__ import annotations

import itertools
import random
import time
from typing import Any

from ..measures import Measure

TITLE = "Stack order of networks of groups"
OPTIONS: dict[str, Any] = {}
MEASURES = (
    Measure("groups", "groups", compared=False),
    Measure("order_time", "ordering (s)"),
    Measure("backward", "delays of backward edges (ms)", compared=False),
)
DELAYS = (0.0, 0.1, 0.5, 1.0, 1.5, 7.0)  # ms
SEED = 4242

Pairs = list[tuple[int, int]]


def _chain(draw: random.Random) -> Pairs:
    groups = draw.sample(range(1000), 1000)
    return list(itertools.pairwise(groups))


def _layers(draw: random.Random) -> Pairs:
    width = 10
    return [
        (width * layer + a, width * (layer + 1) + b)
        for layer in range(99)
        for a in range(width)
        for b in range(width)
    ]


def _loops(neurons: int, synapses: int, draw: random.Random) -> Pairs:
    """A ring through all groups, and shortcuts."""
    ring = [(k, (k + 1) % neurons) for k in range(neurons)]
    return ring + [tuple(draw.sample(range(neurons), 2)) for _ in range(synapses - neurons)]  # type: ignore[misc]


NETWORKS = {
    "chain of 1,000": _chain,
    "100 layers of 10": _layers,
    "loops of 15, 60 synapses": lambda draw: _loops(15, 60, draw),
    "loops of 100, 300 synapses": lambda draw: _loops(100, 300, draw),
    "loops of 100, 3,000 synapses": lambda draw: _loops(100, 3000, draw),
    "loops of 1,000, 3,000 synapses": lambda draw: _loops(1000, 3000, draw),
}
VARIANTS = tuple(NETWORKS)


def run(sim: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Order the groups of the network `options["variant"]` and return the measurements."""
    if sim.__name__ != "pyNN.ship":
        return {"skipped": "the order is a matter of ship"}
    from ship_engine.ordering import stack_order

    draw = random.Random(SEED)
    pairs = NETWORKS[options["variant"]](draw)
    neurons = 1 + max(map(max, pairs))
    edges = []
    for synapse, (source, target) in enumerate(pairs, start=neurons):
        edges.append((source, synapse, draw.choice(DELAYS)))
        edges.append((synapse, target, draw.choice(DELAYS)))
    start = time.perf_counter()
    order = stack_order(neurons + len(pairs), edges)
    elapsed = time.perf_counter() - start
    place = {group: k for k, group in enumerate(order)}
    backward = sum(delay for source, target, delay in edges if place[target] < place[source])
    return {"groups": len(order), "order_time": elapsed, "backward": backward}
