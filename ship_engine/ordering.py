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
those entries have the least sum.  So a loop is opened where its delay is least.  Entries without
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

The groups fall into strongly connected components: the sets of groups that reach one another.
Between components all edges can run forward, so components follow in topological order, of those
that may come next the one with the smallest group number first, each as a block.  Inside a
component of up to `EXACT_GROUPS` groups the best order is found by dynamic programming over the
sets of groups that can stand first.  In a larger one a greedy order and the order of creation are
both improved by moving single groups until no such move helps, and the better result is taken; it
is never worse than the order of creation, but need not be the best.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

from ship_engine.errors import InvalidValueError

EXACT_GROUPS = 13
"""Components of up to this many groups get the best order; time and memory double with each."""

MOST_PASSES = 100
"""How often, at most, all groups of a larger component are tried at other places."""

UNITS_PER_MILLISECOND = 10**9
"""Delays are summed as whole picoseconds, so that 0.1 ms and 0.2 ms make exactly 0.3 ms."""

# Costs[a][b] is what the order costs if b stands before a, for all edges from a to b together.
# The three numbers by which orders are compared are the digits of one whole number, in a base that
# their sums never reach, so that costs can be added and compared as they are.
Costs = list[dict[int, int]]


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
    order: list[int] = []
    for members in _in_topological_order(_components(costs), costs):
        if len(members) == 1:
            order += members
        elif len(members) <= EXACT_GROUPS:
            order += _exact_order(members, costs)
        else:
            order += _good_order(members, costs)
    return order


def _backward_costs(count: int, edges: Sequence[tuple[int, int, float]]) -> Costs:
    """What each edge costs if it runs backward; the rule of the module's text in numbers."""
    if count < 0:
        raise InvalidValueError(f"{count} groups to order; there must be none or more.")
    base = len(edges) + 1
    costs: Costs = [{} for _ in range(count)]
    for source, target, delay in edges:
        for group in (source, target):
            if not 0 <= group < count:
                raise InvalidValueError(
                    f"An edge from group {source} to group {target} among {count} groups; "
                    f"groups are numbered from 0 to {count - 1}."
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
    count = len(costs)
    number = [-1] * count  # in the order of discovery
    low = [0] * count  # least number known to be reachable in the component
    pending: list[int] = []  # discovered, component not yet known
    is_pending = [False] * count
    found: list[list[int]] = []
    discovered = 0
    for root in range(count):
        path = [(root, iter(costs[root]))] if number[root] < 0 else []
        while path:
            group, targets = path[-1]
            if number[group] < 0:
                number[group] = low[group] = discovered
                discovered += 1
                pending.append(group)
                is_pending[group] = True
            for target in targets:
                if number[target] < 0:
                    path.append((target, iter(costs[target])))
                    break
                if is_pending[target]:
                    low[group] = min(low[group], number[target])
            else:
                path.pop()
                if path:
                    parent = path[-1][0]
                    low[parent] = min(low[parent], low[group])
                if low[group] == number[group]:
                    start = pending.index(group) if number[group] == 0 else _last(pending, group)
                    for member in pending[start:]:
                        is_pending[member] = False
                    found.append(sorted(pending[start:]))
                    del pending[start:]
    return found
