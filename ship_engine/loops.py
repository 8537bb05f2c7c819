"""The order of groups that reach one another: as few costs as possible, if some there must be.

What an order costs is the sum over its backward edges; `ship_engine.ordering` says what each one
costs and why.  To find the cheapest edges whose removal leaves no loop is hard in general (it is
the minimum feedback arc set), but networks have two features that help: their loops are small, or
most of their groups lie on a path from one group to another, as synapse groups do.

- Up to `EXACT_GROUPS` groups get the best order of all, by dynamic programming.
- Of more, those with a single source and a single target are folded away.  Of the two edges of
  such a group only the cheaper one is ever worth turning, so that the group and its edges stand
  for one edge with the cost of the cheaper.  That takes nothing from the best order, and may leave
  new groups of that kind, or parallel edges, which become one.  What is left is mostly the groups
  of neurons; up to `EXACT_GROUPS` of them still get the best order.
- For even more, a greedy order and the order of creation are both improved by moving single groups
  until no such move helps.  The better of the two is disturbed, by moving a tenth of the groups
  anywhere, and improved again, a limited number of times, and the best result is taken.  It is
  never worse than the order of creation, but need not be the best.

At the end the folded groups are put back: the order of the others and the direction of every edge
are settled, and each place goes to the group with the smallest number that may stand there.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Iterable

EXACT_GROUPS = 15
"""Loops of up to this many groups get the best order; time and memory double with each."""

MOST_PASSES = 100
"""How often in a round, at most, all groups of a larger loop are tried at other places."""

MOST_ROUNDS = 100
"""How often, at most, the best order of a larger loop is disturbed and improved again."""

MOST_TRIALS = 200_000
"""Rounds times neighbours of all groups, at most; it keeps the time below half a second."""

# Costs[a][b] is what the order costs if b stands before a, for all edges from a to b together.
Costs = dict[int, dict[int, int]]

# Gains[a][b] is what it saves to have a before b and not after, if they share an edge.
Gains = dict[int, dict[int, int]]


def order_of_loop(members: list[int], costs: Costs) -> list[int]:
    """Order of a strongly connected component, given in ascending order.

    Parameters
    ----------
    members : list of int
        The groups, smallest number first.
    costs : dict of int to dict of int to int
        What it costs if the second group stands before the first one; groups of other components
        may be among them and play no part.

    Returns
    -------
    list of int
        The members in their new order: the one of least cost if they are `EXACT_GROUPS` or fewer
        once those on paths are folded away, and a good one otherwise.
    """
    inside = set(members)
    costs = {
        group: {target: cost for target, cost in costs[group].items() if target in inside}
        for group in members
    }
    if len(members) == 1:
        return members
    if len(members) <= EXACT_GROUPS:
        return _exact_order(members, costs)
    folded = _Folded(costs)
    kept = sorted(folded.costs)
    order = (_exact_order if len(kept) <= EXACT_GROUPS else _good_order)(kept, folded.costs)
    return folded.unfold(order, costs)


class _Folded:
    """What is left of a component once groups with one source and one target are folded away.

    Attributes
    ----------
    costs : dict of int to dict of int to int
        Costs among the groups that are left.
    """

    def __init__(self, costs: Costs) -> None:
        self.costs: Costs = {group: dict(targets) for group, targets in costs.items()}
        self._sources: dict[int, set[int]] = {group: set() for group in costs}
        for group, targets in costs.items():
            for target in targets:
                self._sources[target].add(group)
        # The edges that run backward if one does that stands for them, and those that always do.
        self._meant = {
            (group, target): [(group, target)] for group in costs for target in costs[group]
        }
        self._always: list[tuple[int, int]] = []
        waiting = sorted(costs)
        while waiting:
            group = waiting.pop()
            if group in self.costs and len(self._sources[group]) == len(self.costs[group]) == 1:
                waiting += self._fold(group)

    def _fold(self, group: int) -> tuple[int, int]:
        """Replace a group and its two edges by one edge; return the groups that this joins."""
        (source,) = self._sources.pop(group)
        ((target, cost_out),) = self.costs.pop(group).items()
        cost_in = self.costs[source].pop(group)
        self._sources[target].remove(group)
        turned_in, turned_out = (
            self._meant.pop((source, group)),
            self._meant.pop((group, target)),
        )
        cost, turned = min((cost_out, turned_out), (cost_in, turned_in), key=lambda c: c[0])
        if source == target:
            self._always += turned
        else:
            self.costs[source][target] = self.costs[source].get(target, 0) + cost
            self._sources[target].add(source)
            self._meant.setdefault((source, target), []).extend(turned)
        return source, target

    def unfold(self, order: list[int], costs: Costs) -> list[int]:
        """Order of all groups that leaves the given one of the kept groups as it is."""
        place = {group: k for k, group in enumerate(order)}
        turned = set(self._always)
        for (source, target), edges in self._meant.items():
            if place[target] < place[source]:
                turned.update(edges)
        forward = (
            (group, target)
            for group, targets in costs.items()
            for target in targets
            if (group, target) not in turned
        )
        return _in_order(sorted(costs), [*forward, *itertools.pairwise(order)])


def _in_order(groups: list[int], edges: Iterable[tuple[int, int]]) -> list[int]:
    """Groups so that edges without loops run forward; ties by the smallest group number."""
    successors: dict[int, list[int]] = {group: [] for group in groups}
    missing = dict.fromkeys(groups, 0)  # sources that are yet to come
    for source, target in edges:
        successors[source].append(target)
        missing[target] += 1
    ready = [group for group in groups if not missing[group]]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        group = heapq.heappop(ready)
        order.append(group)
        for target in successors[group]:
            missing[target] -= 1
            if not missing[target]:
                heapq.heappush(ready, target)
    return order


def _exact_order(members: list[int], costs: Costs) -> list[int]:
    """The best order of a component, by dynamic programming over the sets that stand first.

    A set is a number whose k-th bit tells whether it holds the k-th member.  What a member costs
    after a set does not depend on the order inside the set, so neither does the least cost of
    completing it, which is known once that of all larger sets is.
    """
    size = len(members)
    everyone = (1 << size) - 1
    cost_after: list[list[int]] = []  # of each member, after each set
    for member in members:
        by_set = [0]
        for earlier in members:
            cost = costs[member].get(earlier, 0)
            by_set += [cost + known for known in by_set]
        cost_after.append(by_set)
    least = [0] * (everyone + 1)  # cost of all that comes after each set
    for chosen in range(everyone - 1, -1, -1):
        least[chosen] = min(
            cost_after[k][chosen] + least[chosen | 1 << k]
            for k in range(size)
            if not chosen >> k & 1
        )
    order: list[int] = []
    chosen = 0
    while chosen != everyone:
        k = next(
            k
            for k in range(size)
            if not chosen >> k & 1
            and cost_after[k][chosen] + least[chosen | 1 << k] == least[chosen]
        )
        order.append(members[k])
        chosen |= 1 << k
    return order


def _good_order(members: list[int], costs: Costs) -> list[int]:
    """An order of a large loop that no move of a single group improves."""
    gains: Gains = {group: {} for group in members}
    for source in members:
        for target, cost in costs[source].items():
            gains[source][target] = gains[source].get(target, 0) + cost
            gains[target][source] = gains[target].get(source, 0) - cost

    def rank(order: list[int]) -> tuple[int, list[int]]:
        return _cost(order, costs), order

    orders = [_improved(members, gains), _improved(_greedy_order(members, costs), gains)]
    best = min(map(rank, orders))
    shuffle = random.Random(0)  # the same numbers, and so the same order, every time
    for _ in range(min(MOST_ROUNDS, MOST_TRIALS // sum(map(len, gains.values())))):
        order = list(best[1])
        for _ in range(max(2, len(order) // 10)):
            group = order.pop(shuffle.randrange(len(order)))
            order.insert(shuffle.randrange(len(members)), group)
        best = min(best, rank(_improved(order, gains)))
    return best[1]


def _cost(order: list[int], costs: Costs) -> int:
    position = {group: k for k, group in enumerate(order)}
    return sum(
        cost
        for source in order
        for target, cost in costs[source].items()
        if position[target] < position[source]
    )


def _greedy_order(members: list[int], costs: Costs) -> list[int]:
    """Order from both ends (Eades, Lin & Smyth 1993), with costs for their numbers of edges.

    What no remaining group drives goes next to the front, what drives none next to the back, and
    if there is neither, the group for which it is worth most to be in front.
    """
    remaining = set(members)
    outgoing: dict[int, dict[int, int]] = {group: {} for group in members}
    incoming: dict[int, dict[int, int]] = {group: {} for group in members}
    for source in members:
        for target, cost in costs[source].items():
            outgoing[source][target] = incoming[target][source] = cost
    sent = {group: sum(outgoing[group].values()) for group in members}
    received = {group: sum(incoming[group].values()) for group in members}

    def priority(group: int) -> tuple[int, int, int]:
        if not received[group]:
            return 0, 0, group
        if not sent[group]:
            return 1, 0, group
        return 2, received[group] - sent[group], group

    waiting = [priority(group) for group in members]  # may hold what is out of date
    heapq.heapify(waiting)
    front: list[int] = []
    back: list[int] = []
    while waiting:
        entry = heapq.heappop(waiting)
        group = entry[2]
        if group not in remaining or entry != priority(group):
            continue
        remaining.remove(group)
        (back if entry[0] == 1 else front).append(group)
        for sums, neighbours in ((received, outgoing[group]), (sent, incoming[group])):
            for other, cost in neighbours.items():
                if other in remaining:
                    sums[other] -= cost
                    heapq.heappush(waiting, priority(other))
    return front + back[::-1]


def _improved(order: list[int], gains: Gains) -> list[int]:
    """Move single groups to where they cost least, until that helps no longer."""
    order = list(order)
    position = {group: k for k, group in enumerate(order)}
    for _ in range(MOST_PASSES):
        moved = False
        for group in sorted(order):
            place = _best_place(group, position, gains[group])
            here = position[group]
            if place == here:
                continue
            order.insert(place, order.pop(here))
            for k in range(min(here, place), max(here, place) + 1):
                position[order[k]] = k
            moved = True
        if not moved:
            break
    return order


def _best_place(group: int, position: dict[int, int], gain: dict[int, int]) -> int:
    """Where among the others a group costs least; where it is, unless another place is better.

    Seen from the front, where nothing stands before the group, each neighbour that it passes on
    the way back costs what it gains to stand before that neighbour.
    """
    here = position[group]
    cost = here_cost = least = 0
    best = 0
    for place, other in sorted((position[other], other) for other in gain):
        cost += gain[other]
        if place < here:
            here_cost = cost
        if cost < least:
            least = cost
            best = place + 1 if place < here else place
    return best if least < here_cost else here
