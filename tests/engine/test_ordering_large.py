"""Stack orders of whole families of graphs, of networks with synapse groups, and of large ones."""

from __future__ import annotations

import gc
import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ship_engine import loops
from ship_engine.ordering import stack_order

Edge = tuple[int, int, float]

DELAYS = (0.0, 0.0, 0.5, 1.0, 1.5, 7.0)  # in ms; their sums are exact


def cost(order: Sequence[int], edges: Sequence[Edge]) -> tuple[float, int, int]:
    """Sum of the backward edges' delays, their number, and the number of the undelayed ones."""
    place = {group: k for k, group in enumerate(order)}
    backward = [delay for source, target, delay in edges if place[target] < place[source]]
    return sum(backward), len(backward), backward.count(0.0)


def least_lower_triangular_sums(count: int, matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each matrix of delays [graph, source, target], the least sum of all orders.

    As in the paper, what is no edge (NaN) counts as a negative infinitesimal.
    """
    entries = np.where(np.isnan(matrices), -(2.0**-10), matrices).reshape(len(matrices), -1)
    places = np.array(list(itertools.permutations(range(count))))
    below = places[:, :, None] >= places[:, None, :]  # the target stands first, or is the source
    return (entries @ below.reshape(len(places), -1).T).min(axis=1)


def lower_triangular_sum(order: Sequence[int], matrix: NDArray[np.float64]) -> float:
    delays = np.where(np.isnan(matrix), -(2.0**-10), matrix)
    return float(np.tril(delays[np.ix_(order, order)]).sum())


def assert_least_sums(count: int, matrices: NDArray[np.float64]) -> None:
    for matrix, least in zip(matrices, least_lower_triangular_sums(count, matrices), strict=True):
        edges = [(int(a), int(b), matrix[a, b]) for a, b in np.argwhere(~np.isnan(matrix))]
        order = stack_order(count, edges)
        assert lower_triangular_sum(order, matrix) == least, edges


def with_synapses(neurons: int, pairs: Sequence[tuple[int, int]], seed: int) -> list[Edge]:
    """Edges of a network whose synapse groups, one for each pair, are groups of their own."""
    draw = random.Random(seed)
    edges = []
    for synapse, (source, target) in enumerate(pairs, start=neurons):
        edges.append((source, synapse, draw.choice(DELAYS)))
        edges.append((synapse, target, draw.choice(DELAYS)))
    return edges


def ring_with_shortcuts(neurons: int, synapses: int, seed: int) -> list[tuple[int, int]]:
    draw = random.Random(seed)
    ring = [(k, (k + 1) % neurons) for k in range(neurons)]
    return ring + [
        (draw.randrange(neurons), draw.randrange(neurons)) for _ in range(synapses - neurons)
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("delays", [(0.0,), (1.0,), DELAYS])
def test_every_graph_of_up_to_four_groups(count: int, delays: tuple[float, ...]) -> None:
    places = [(a, b) for a in range(count) for b in range(count) if a != b]
    graphs = np.full((2 ** len(places), count, count), np.nan)
    drawn = np.random.default_rng(count).choice(delays, size=graphs.shape)
    for number, graph in enumerate(graphs):
        for k, edge in enumerate(places):
            if number >> k & 1:
                graph[edge] = drawn[number][edge]
    assert_least_sums(count, graphs)


@pytest.mark.parametrize(("count", "graphs"), [(5, 5000), (6, 5000)])
def test_many_graphs_of_five_and_six_groups(count: int, graphs: int) -> None:
    """Sparse and dense ones; edges of a group to itself among them."""
    draw = np.random.default_rng(count)
    delays = draw.choice(DELAYS, size=(graphs, count, count))
    density = draw.uniform(0.1, 1.0, size=(graphs, 1, 1))
    assert_least_sums(count, np.where(draw.random(delays.shape) < density, delays, np.nan))


def test_figure_6_with_synapse_groups_as_groups_named_as_they_are_added() -> None:
    """I, then O, then x: I → O and y: O → I; whichever edge is shortest is the one to turn."""
    names = ["I", "O", "x", "y"]
    edges = [("I", "x"), ("x", "O"), ("O", "y"), ("y", "I")]
    expected = {("x", "O"): "OyIx", ("y", "I"): "IxOy", ("I", "x"): "xOyI", ("O", "y"): "yIxO"}
    for shortest, stack in expected.items():
        numbered = [
            (names.index(a), names.index(b), 1.0 if (a, b) == shortest else 2.0) for a, b in edges
        ]
        assert "".join(names[k] for k in stack_order(4, numbered)) == stack


def test_the_undelayed_edges_of_a_network_are_turned_first() -> None:
    """All four edges given, the one without delay is turned; without delayed ones, none is."""
    everything = [(0, 2, 0.0), (2, 1, 2.0), (1, 3, 2.0), (3, 0, 2.0)]
    assert stack_order(4, everything) == [2, 1, 3, 0]
    assert stack_order(4, [(0, 2, 0.0)]) == [0, 1, 2, 3]


@st.composite
def networks_with_synapses(draw: st.DrawFn) -> tuple[int, list[Edge]]:
    neurons = draw(st.integers(2, 5))
    neuron = st.integers(0, neurons - 1)
    pairs = draw(st.lists(st.tuples(neuron, neuron), min_size=4, max_size=10))
    delay = st.sampled_from(DELAYS)
    edges = []
    for synapse, (source, target) in enumerate(pairs, start=neurons):
        edges += [(source, synapse, draw(delay)), (synapse, target, draw(delay))]
    return neurons + len(pairs), edges


@given(networks_with_synapses())
def test_folding_synapse_groups_away_loses_nothing(network: tuple[int, list[Edge]]) -> None:
    count, edges = network
    best = stack_order(count, edges)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loops, "EXACT_GROUPS", 5)  # all neurons, but hardly any synapse
        folded = stack_order(count, edges)
    assert sorted(folded) == list(range(count))
    assert cost(folded, edges) == cost(best, edges)


def test_fifteen_groups_with_all_their_synapses_get_the_best_order() -> None:
    """The synapse groups are nine tenths of the groups, and each turns its cheaper edge."""
    pairs = ring_with_shortcuts(loops.EXACT_GROUPS, 120, seed=1)
    edges = with_synapses(loops.EXACT_GROUPS, pairs, seed=2)
    cheaper = [
        min(edges[2 * k : 2 * k + 2], key=lambda e: (e[2], e[2] == 0))[2] for k in range(120)
    ]
    direct = [(a, b, delay) for (a, b), delay in zip(pairs, cheaper, strict=True) if a != b]
    own = [delay for (a, b), delay in zip(pairs, cheaper, strict=True) if a == b]
    best = cost(stack_order(loops.EXACT_GROUPS, direct), direct)
    expected = (best[0] + sum(own), best[1] + len(own), best[2] + own.count(0.0))
    assert cost(stack_order(loops.EXACT_GROUPS + 120, edges), edges) == expected


def test_a_good_order_is_nearly_as_good_as_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = {15: 0.0, 1: 0.0}
    for exact_groups in sums:
        monkeypatch.setattr(loops, "EXACT_GROUPS", exact_groups)
        for seed in range(10):
            draw = random.Random(seed)
            pairs = ring_with_shortcuts(15, 40, seed)
            edges = [(a, b, draw.choice(DELAYS)) for a, b in pairs]
            sums[exact_groups] += cost(stack_order(15, edges), edges)[0]
    assert sums[15] <= sums[1] <= 1.1 * sums[15]


def chain() -> list[tuple[int, int]]:
    groups = random.Random(3).sample(range(1000), 1000)
    return list(itertools.pairwise(groups))


def layers() -> list[tuple[int, int]]:
    return [
        (10 * layer + a, 10 * layer + 10 + b)
        for layer in range(99)
        for a in range(10)
        for b in range(10)
    ]


@pytest.fixture
def nothing_else() -> Iterator[None]:
    """What other tests have left in memory is not gone through by the garbage collector here."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("nothing_else")
@pytest.mark.parametrize(
    ("neurons", "pairs"),
    [
        pytest.param(1000, chain, id="chain"),
        pytest.param(1000, layers, id="layers"),
        pytest.param(100, lambda: ring_with_shortcuts(100, 300, seed=4), id="loops of 100"),
        pytest.param(100, lambda: ring_with_shortcuts(100, 3000, seed=5), id="dense loops of 100"),
    ],
)
def test_large_networks_are_ordered_within_a_second(
    neurons: int, pairs: Callable[[], list[tuple[int, int]]]
) -> None:
    drawn = pairs()
    edges = with_synapses(neurons, drawn, seed=7)
    count = neurons + len(drawn)
    start = time.process_time()
    order = stack_order(count, edges)
    assert time.process_time() - start < 1.0
    assert sorted(order) == list(range(count))
    assert cost(order, edges) <= cost(range(count), edges)
    random.Random(8).shuffle(edges)
    assert stack_order(count, edges) == order
