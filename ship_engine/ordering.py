"""The order in which the groups of a network are advanced in a time step, in words.

A step advances one group after the other.  An edge, that is a projection from a source to a
target, runs forward if its source stands before its target, and backward otherwise.  Forward, the
target finds what the source has emitted in this very step.  Backward, the source is yet to come,
so an edge without delay hands over what the source emitted in the step before.  Where an edge has
a delay of a step or more, a buffer holds what is under way, and both directions give the same.

Without loops there is an order in which every edge runs forward.  With loops some edges must run
backward, and the rule says which.  It is that of SHIP (section 3.3 of the paper): write the edges'
delays into the adjacency matrix whose rows are the sources and whose columns are the targets, both
in the order of the groups; what lies below the diagonal runs backward; the order is best in which
those entries have the least sum.  So a lone loop opens where its delay is least.  Entries without
an edge hold a negative infinitesimal, so that an edge without delay is still worse than no edge:
of two orders with equal sums, the one with fewer backward edges is better.  The paper leaves open
which is better if those are equal too; here it is the one with fewer undelayed edges backward, and
then the one with smaller group numbers, that is groups created earlier, first.

Two orders are hence compared by, one after the other,

1. the sum of the delays of the backward edges,
2. the number of backward edges,
3. the number of backward edges without delay,
4. the group numbers.

A group's edge to itself is backward in every order and plays no part.  Parallel projections count
one by one.  In the example of figure 6 an input I, an output O and the synapse groups x and y
between them form the loop I → x → O → y → I.  Any order has to turn one edge; in I x O y it is
y → I, in O y I x it is x → O, and the latter is best if the delay of x → O is the least of the
four.  (There synapse groups are groups of their own; nothing here depends on what a group is.)
An edge without delay has the least delay there is, so a lone loop that holds one is opened at one.

That an undelayed edge is the first to be turned has a price: turned, it hands over what was emitted
a step before, while an edge with a delay would have kept its time in a buffer.  The rule weighs
what it is given, so who keeps such buffers leaves the edges with a delay out, as both their
directions give the same, or gives those without one the greatest weight of all.  Loops then open
where they are delayed, and only a loop without any delay has an edge that takes a step more.

The groups fall into strongly connected components: the sets of groups that reach one another.
Between components all edges can run forward, so components follow in topological order, of those
that may come next the one with the smallest group number first, each as a block.  The order inside
a component is the best there is if the component is small or most of its groups are mere links
between two others, and a good one otherwise; `ship_engine.loops` says how it is found.  Rule 4
holds to the letter in components of up to `ship_engine.loops.EXACT_GROUPS` groups; in larger ones
an order may be as good as one with smaller numbers first, but it is always the same order.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

from ship_engine.errors import InvalidValueError
from ship_engine.loops import Costs, order_of_loop

UNITS_PER_MILLISECOND = 10**9
"""Delays are summed as whole picoseconds, so that 0.1 ms and 0.2 ms make exactly 0.3 ms."""


def stack_order(count: int, edges: Sequence[tuple[int, int, float]]) -> list[int]:
    """Order in which groups are advanced in a time step.

    Best is the order whose backward edges, those whose target stands before their source, have
    the least sum of delays; of equal ones that with fewer backward edges, then with fewer
    undelayed ones, then with smaller group numbers first.  See the module's text for the reasons.

    Parameters
    ----------
    count : int
        Number of groups; they are numbered from zero in the order of their creation.
    edges : sequence of (int, int, float)
        Source, target and delay in ms (>= 0) of each projection.

    Returns
    -------
    list of int
        Every group once, first to advance first.  It does not depend on the order of the edges.

    Raises
    ------
    InvalidValueError
        If the number of groups is negative, a group does not exist, or a delay is negative or not
        finite.

    Examples
    --------
    An input (0) drives an output (1) in 1 ms, which drives it back in 3 ms.  The shorter delay is
    the one that runs backward.

    >>> stack_order(2, [(0, 1, 1.0), (1, 0, 3.0)])
    [1, 0]
    """
    costs = _backward_costs(count, edges)
    components = _in_topological_order(_components(costs), costs)
    return [group for members in components for group in order_of_loop(members, costs)]


def _backward_costs(count: int, edges: Sequence[tuple[int, int, float]]) -> Costs:
    """What each edge costs if it runs backward; the rule of the module's text in numbers.

    The three numbers by which orders are compared are the digits of one whole number, in a base
    that their sums never reach, so that costs can be added and compared as they are.
    """
    if count < 0:
        raise InvalidValueError(f"{count} groups to order; there must be none or more.")
    base = len(edges) + 1
    costs: Costs = {group: {} for group in range(count)}
    for source, target, delay in edges:
        for group in (source, target):
            if not 0 <= group < count:
                raise InvalidValueError(
                    f"An edge from group {source} to group {target} among {count} groups; "
                    "they are numbered from 0."
                )
        if not (math.isfinite(delay) and delay >= 0.0):
            raise InvalidValueError(
                f"A delay of {delay} ms from group {source} to group {target}; "
                "it must be finite and >= 0."
            )
        if source != target:
            cost = (_units(delay) * base + 1) * base + (delay == 0.0)
            costs[source][target] = costs[source].get(target, 0) + cost
    return costs


def _units(delay: float) -> int:
    """Delay in whole units; at least one, however short, unless it is zero."""
    numerator, denominator = float(delay).as_integer_ratio()
    rounded = (2 * numerator * UNITS_PER_MILLISECOND + denominator) // (2 * denominator)
    return max(rounded, 1) if delay else 0


def _components(costs: Costs) -> list[list[int]]:
    """Strongly connected components (Tarjan 1972, without recursion), each in ascending order."""
    number: dict[int, int] = {}  # of each discovered group, in the order of discovery
    lowest: dict[int, int] = {}  # least number of a pending group that it is known to reach
    pending: list[int] = []  # discovered, but their components are not complete
    complete: set[int] = set()
    found: list[list[int]] = []
    for root in range(len(costs)):
        path = [] if root in number else [root]
        targets = {root: iter(costs[root])}
        while path:
            group = path[-1]
            if group not in number:
                number[group] = lowest[group] = len(number)
                pending.append(group)
            for target in targets[group]:
                if target not in number:
                    path.append(target)
                    targets[target] = iter(costs[target])
                    break
                if target not in complete:
                    lowest[group] = min(lowest[group], number[target])
            else:
                path.pop()
                if path:
                    lowest[path[-1]] = min(lowest[path[-1]], lowest[group])
                if lowest[group] == number[group]:
                    members = [pending.pop()]
                    while members[-1] != group:
                        members.append(pending.pop())
                    complete.update(members)
                    found.append(sorted(members))
    return found


def _in_topological_order(components: list[list[int]], costs: Costs) -> list[list[int]]:
    """Components so that edges between them run forward; ties by the smallest group number."""
    component = {group: k for k, members in enumerate(components) for group in members}
    successors = [
        {component[target] for group in members for target in costs[group]} - {k}
        for k, members in enumerate(components)
    ]
    missing = [0] * len(components)  # predecessors that are yet to come
    for after in successors:
        for k in after:
            missing[k] += 1
    ready = [(members[0], k) for k, members in enumerate(components) if not missing[k]]
    heapq.heapify(ready)
    order: list[list[int]] = []
    while ready:
        _, first = heapq.heappop(ready)
        order.append(components[first])
        for k in successors[first]:
            missing[k] -= 1
            if not missing[k]:
                heapq.heappush(ready, (components[k][0], k))
    return order


def divided(reach: Sequence[int]) -> list[range]:
    """Places of a stack in parts, so that no edge leads back from one part to another.

    Parameters
    ----------
    reach : sequence of int
        For each place the last one from which an edge leads back to it; at least itself.
    """
    parts, start = [], 0
    while start < len(reach):
        end = k = start
        while k <= end:
            end = max(end, reach[k])
            k += 1
        parts.append(range(start, end + 1))
        start = end + 1
    return parts
