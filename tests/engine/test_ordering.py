"""The order of the groups against the rule of the paper, written as it stands there."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ship_engine import loops
from ship_engine.errors import InvalidValueError
from ship_engine.loops import EXACT_GROUPS
from ship_engine.ordering import stack_order

Edge = tuple[int, int, float]

DELAYS = [0.0, 0.5, 1.0, 1.5, 7.0]  # in ms; their sums are exact


def cost(order: Sequence[int], edges: Sequence[Edge]) -> tuple[float, int, int]:
    """Sum of the backward edges' delays, their number, and the number of the undelayed ones."""
    place = {group: k for k, group in enumerate(order)}
    backward = [delay for source, target, delay in edges if place[target] < place[source]]
    return sum(backward), len(backward), backward.count(0.0)


def lower_triangular_sum(order: Sequence[int], delays: dict[tuple[int, int], float]) -> float:
    """As in the paper: an entry per pair of groups, absent ones slightly negative."""
    infinitesimal = 2.0**-10
    return sum(
        delays.get((source, target), -infinitesimal)
        for row, source in enumerate(order)
        for target in order[: row + 1]
    )


@st.composite
def networks(draw: st.DrawFn, most_groups: int = 6) -> tuple[int, list[Edge]]:
    """Any edges, parallel ones and edges of a group to itself among them."""
    count = draw(st.integers(1, most_groups))
    group = st.integers(0, count - 1)
    edge = st.tuples(group, group, st.sampled_from(DELAYS))
    return count, draw(st.lists(edge, max_size=3 * count))


def random_network(count: int, edges: int, seed: int) -> list[Edge]:
    """A ring, so that all groups form one component, and further edges."""
    draw = random.Random(seed)
    ring = [(k, (k + 1) % count, draw.choice(DELAYS)) for k in range(count)]
    return ring + [
        (draw.randrange(count), draw.randrange(count), draw.choice(DELAYS)) for _ in range(edges)
    ]


def single_moves(order: list[int]) -> list[list[int]]:
    moved = []
    for here, place in itertools.permutations(range(len(order)), 2):
        other = order[:here] + order[here + 1 :]
        other.insert(place, order[here])
        moved.append(other)
    return moved


@given(networks())
def test_cost_is_the_least_of_all_permutations(network: tuple[int, list[Edge]]) -> None:
    count, edges = network
    order = stack_order(count, edges)
    assert sorted(order) == list(range(count))
    assert cost(order, edges) == min(
        cost(other, edges) for other in itertools.permutations(range(count))
    )


@given(networks(most_groups=5))
def test_lower_triangular_sum_is_the_least_of_all_permutations(
    network: tuple[int, list[Edge]],
) -> None:
    count, edges = network
    delays = {(source, target): delay for source, target, delay in edges}
    order = stack_order(count, [(*pair, delay) for pair, delay in delays.items()])
    assert lower_triangular_sum(order, delays) == min(
        lower_triangular_sum(other, delays) for other in itertools.permutations(range(count))
    )


def test_figure_6_of_the_paper() -> None:
    i, o, x, y = range(4)
    edges = [(i, x, 2.0), (x, o, 1.0), (o, y, 2.0), (y, i, 3.0)]
    assert stack_order(4, edges) == [o, y, i, x]
    delays = {(source, target): delay for source, target, delay in edges}
    assert lower_triangular_sum([o, y, i, x], delays) < lower_triangular_sum([i, x, o, y], delays)


@pytest.mark.parametrize("turned", range(4))
def test_a_loop_is_opened_at_its_least_delay(turned: int) -> None:
    edges = [(k, (k + 1) % 4, 1.0 if k == turned else 2.0) for k in range(4)]
    assert stack_order(4, edges) == [(turned + 1 + k) % 4 for k in range(4)]


def test_of_equal_sums_fewer_backward_edges_are_better() -> None:
    assert stack_order(2, [(0, 1, 0.0), (0, 1, 0.0), (1, 0, 0.0)]) == [0, 1]
    assert stack_order(2, [(1, 0, 0.0), (1, 0, 0.0), (0, 1, 0.0)]) == [1, 0]
    assert stack_order(2, [(0, 1, 0.5), (0, 1, 0.5), (1, 0, 1.0)]) == [0, 1]
    assert stack_order(2, [(1, 0, 0.5), (1, 0, 0.5), (0, 1, 1.0)]) == [1, 0]


def test_number_of_backward_edges_comes_before_that_of_undelayed_ones() -> None:
    two_with_an_undelayed = [(0, 1, 1.0), (0, 1, 0.0)]
    three_delayed = [(1, 0, 0.5), (1, 0, 0.25), (1, 0, 0.25)]
    assert stack_order(2, two_with_an_undelayed + three_delayed) == [1, 0]


def test_of_equally_many_backward_edges_fewer_undelayed_ones_are_better() -> None:
    with_undelayed, delayed = (1.0, 0.0), (0.5, 0.5)
    for first, second in ((0, 1), (1, 0)):
        edges = [(first, second, delay) for delay in with_undelayed]
        edges += [(second, first, delay) for delay in delayed]
        assert stack_order(2, edges) == [first, second]


def test_decimal_delays_make_equal_sums() -> None:
    assert 0.1 + 0.2 > 0.3
    assert stack_order(2, [(0, 1, 0.3), (1, 0, 0.1), (1, 0, 0.2)]) == [1, 0]


def test_shortest_and_longest_delays_are_told_apart() -> None:
    tiny, huge = 5e-324, 1.7e308
    assert stack_order(2, [(0, 1, tiny), (1, 0, 0.0)]) == [0, 1]
    assert stack_order(2, [(0, 1, 0.0), (1, 0, tiny)]) == [1, 0]
    assert stack_order(2, [(0, 1, huge), (0, 1, huge), (1, 0, huge)]) == [0, 1]
    assert stack_order(2, [(1, 0, huge), (1, 0, huge), (0, 1, huge)]) == [1, 0]


def test_ties_are_broken_by_group_number() -> None:
    assert stack_order(5, []) == [0, 1, 2, 3, 4]
    assert stack_order(4, [(3, 0, 1.0)]) == [1, 2, 3, 0]
    everyone = [(a, b, 1.0) for a in range(4) for b in range(4) if a != b]
    assert stack_order(4, everyone) == [0, 1, 2, 3]


def test_no_groups_and_self_edges() -> None:
    assert stack_order(0, []) == []
    assert stack_order(1, [(0, 0, 1.0)]) == [0]
    assert stack_order(3, [(k, k, 9.0) for k in range(3)] + [(2, 0, 1.0)]) == [1, 2, 0]


def test_chain_of_many_groups_in_shuffled_creation_order() -> None:
    groups = list(range(2000))
    random.Random(1).shuffle(groups)
    edges = [(a, b, 1.0) for a, b in itertools.pairwise(groups)]
    assert stack_order(2000, edges) == groups


def test_layers_stay_in_order_and_in_creation_order_inside() -> None:
    width, depth = 10, 100
    edges = [
        (width * layer + a, width * (layer + 1) + b, 0.0)
        for layer in range(depth - 1)
        for a in range(width)
        for b in range(width)
    ]
    random.Random(2).shuffle(edges)
    assert stack_order(width * depth, edges) == list(range(width * depth))


def test_undelayed_edge_of_a_loop_is_the_one_that_runs_backward() -> None:
    assert stack_order(2, [(0, 1, 0.0), (1, 0, 5.0)]) == [1, 0]


def test_only_components_are_rearranged() -> None:
    loop = [(4, 1, 2.0), (1, 3, 2.0), (3, 4, 1.0)]
    edges = [(2, 4, 0.0), (2, 3, 0.0), *loop, (1, 0, 0.0), (3, 0, 0.0)]
    assert stack_order(6, edges) == [2, 4, 1, 3, 0, 5]


def test_largest_exact_component_is_no_worse_than_a_good_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    edges = random_network(EXACT_GROUPS, 40, seed=3)
    exact = stack_order(EXACT_GROUPS, edges)
    monkeypatch.setattr(loops, "EXACT_GROUPS", 1)
    good = stack_order(EXACT_GROUPS, edges)
    assert cost(exact, edges) <= cost(good, edges)


@given(networks(most_groups=8))
def test_no_single_move_improves_what_the_rule_for_large_components_gives(
    network: tuple[int, list[Edge]],
) -> None:
    count, edges = network
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loops, "EXACT_GROUPS", 1)
        order = stack_order(count, edges)
    assert sorted(order) == list(range(count))
    assert cost(order, edges) <= cost(range(count), edges)
    assert cost(order, edges) == min(cost(o, edges) for o in [order, *single_moves(order)])


@pytest.mark.parametrize(
    ("count", "edges"), [(EXACT_GROUPS + 1, 30), (40, 200), (100, 0), (100, 600), (100, 9900)]
)
def test_large_component_is_no_worse_than_creation_order(count: int, edges: int) -> None:
    network = random_network(count, edges, seed=count + edges)
    order = stack_order(count, network)
    assert sorted(order) == list(range(count))
    assert cost(order, network) <= cost(range(count), network)


def test_no_single_move_improves_a_large_component() -> None:
    count = EXACT_GROUPS + 7
    edges = random_network(count, 80, seed=4)
    order = stack_order(count, edges)
    assert cost(order, edges) == min(cost(other, edges) for other in [order, *single_moves(order)])


def test_large_ring_is_opened_at_its_least_delay() -> None:
    count, turned = 50, 17
    edges = [(k, (k + 1) % count, 1.0 if k == turned else 2.0) for k in range(count)]
    assert cost(stack_order(count, edges), edges) == (1.0, 1, 0)


@pytest.mark.parametrize("count", [EXACT_GROUPS - 3, EXACT_GROUPS + 20])
def test_order_does_not_depend_on_that_of_the_edges(count: int) -> None:
    edges = random_network(count, 4 * count, seed=5)
    orders = set()
    for seed in range(5):
        random.Random(seed).shuffle(edges)
        orders.add(tuple(stack_order(count, edges)))
    assert len(orders) == 1


@pytest.mark.parametrize("delay", [-0.1, float("nan"), float("inf")])
def test_impossible_delays_are_refused(delay: float) -> None:
    with pytest.raises(InvalidValueError, match=f"A delay of {delay} ms from group 0 to group 1"):
        stack_order(2, [(0, 1, delay)])


@pytest.mark.parametrize("edge", [(0, 2, 1.0), (-1, 0, 1.0)])
def test_unknown_groups_are_refused(edge: Edge) -> None:
    with pytest.raises(InvalidValueError, match="among 2 groups; they are numbered from 0"):
        stack_order(2, [edge])


def test_edges_without_groups_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="from group 0 to group 0 among 0 groups"):
        stack_order(0, [(0, 0, 1.0)])


def test_negative_number_of_groups_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="-1 groups to order"):
        stack_order(-1, [])
