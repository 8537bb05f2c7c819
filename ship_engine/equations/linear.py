"""Linear equations with constant coefficients, integrated exactly.

A chain, in which no state acts back on one that acts on it, has a closed form for every pair of
states: the sum over the paths from one to the other of the product of the coefficients and a
divided difference of the exponential function (see `ship_engine.equations.propagators`).  States
that act on each other in a circle are integrated by a matrix exponential of all that is connected
with them.  Both are right for any dt and any values, equal time constants included.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ship_engine.equations.algebra import Algebra, Expression

LONGEST_CHAIN = 4
"""Points of a divided difference."""
LARGEST_MATRIX = 6
"""States of a matrix exponential."""
MOST_PATHS = 2_000
"""Between all states of a system."""


Linear = tuple[dict[str, Expression], Expression]


def affine(algebra: Algebra, node: Expression, names: Iterable[str]) -> Linear | None:
    """The coefficients of some symbols, and the rest; None if the expression is not linear."""
    return _LinearParts(algebra, frozenset(names)).of(node)


class _LinearParts:
    """Finds linear parts, those of each expression once."""

    def __init__(self, algebra: Algebra, wanted: frozenset[str]) -> None:
        self.algebra, self.wanted = algebra, wanted
        self._done: dict[int, Linear | None] = {}

    def of(self, node: Expression) -> Linear | None:
        """Coefficients and the rest."""
        if node.names.isdisjoint(self.wanted):
            return {}, node
        if id(node) not in self._done:
            find = {"symbol": self._symbol, "sum": self._sum, "product": self._product}
            self._done[id(node)] = find.get(node.kind, self._choice)(node)
        return self._done[id(node)]

    def _symbol(self, node: Expression) -> Linear | None:
        return {node.parts[0]: self.algebra.one}, self.algebra.zero

    def _sum(self, node: Expression) -> Linear | None:
        algebra = self.algebra
        found: dict[str, list[tuple[float, Expression]]] = {}
        rest: list[tuple[float, Expression]] = [(node.parts[0], algebra.one)]
        for factor, part in node.parts[1:]:
            inner = self.of(part)
            if inner is None:
                return None
            for name, coefficient in inner[0].items():
                found.setdefault(name, []).append((factor, coefficient))
            rest.append((factor, inner[1]))
        return {n: algebra.combine(terms) for n, terms in found.items()}, algebra.combine(rest)

    def _product(self, node: Expression) -> Linear | None:
        algebra = self.algebra
        inside = [(base, e) for base, e in node.parts if not base.names.isdisjoint(self.wanted)]
        inner = self.of(inside[0][0]) if len(inside) == 1 and inside[0][1] == 1.0 else None
        if inner is None:
            return None
        others = [
            algebra.power(base, algebra.number(e))
            for base, e in node.parts
            if base is not inside[0][0]
        ]
        coefficients = {n: algebra.multiply(c, *others) for n, c in inner[0].items()}
        return coefficients, algebra.multiply(inner[1], *others)

    def _choice(self, node: Expression) -> Linear | None:
        if node.kind != "call" or node.parts[0] != "where":
            return None
        condition, *sides = node.parts[1:]
        one, other = self.of(sides[0]), self.of(sides[1])
        if not condition.names.isdisjoint(self.wanted) or one is None or other is None:
            return None
        where, zero = self.algebra.where, self.algebra.zero
        coefficients = {
            name: where(condition, one[0].get(name, zero), other[0].get(name, zero))
            for name in dict.fromkeys([*one[0], *other[0]])
        }
        return coefficients, where(condition, one[1], other[1])


class CannotIntegrateError(Exception):
    """A linear system is too large for what there is here; the message says why.

    Attributes
    ----------
    states : list of str
        Without which, and what depends on them, the rest may be integrated.
    """

    def __init__(self, message: str, states: list[str]) -> None:
        super().__init__(message)
        self.states = states


@dataclass(frozen=True)
class LinearSystem:
    """dx/dt = matrix x + sum of sources, each of which is constant over a step.

    Attributes
    ----------
    states : tuple of str
        The names of x.
    matrix : mapping of (str, str) to Expression
        By name of the state that changes, and of the one that acts on it.
    sources : mapping of str to Expression
        What is added to the derivative of each state.
    """

    states: tuple[str, ...]
    matrix: Mapping[tuple[str, str], Expression]
    sources: Mapping[str, Expression]

    def without(self, held: Iterable[str]) -> LinearSystem:
        """The same, with some states staying where they are."""
        gone = set(held)
        return LinearSystem(
            self.states,
            {key: value for key, value in self.matrix.items() if key[0] not in gone},
            {name: value for name, value in self.sources.items() if name not in gone},
        )

    @cached_property
    def links(self) -> dict[str, list[str]]:
        """By name of a state, the others that act on it."""
        found: dict[str, list[str]] = {}
        for to, by in self.matrix:
            if by != to:
                found.setdefault(to, []).append(by)
        return found

    def acting_on(self, name: str) -> set[str]:
        """States that act on a state, directly or through others; itself if in a circle."""
        found: set[str] = set()
        pending = [name]
        while pending:
            for by in self.links.get(pending.pop(), ()):
                if by not in found:
                    found.add(by)
                    pending.append(by)
        return found

    def in_circles(self) -> set[str]:
        """States that act on themselves through others."""
        return {name for name in self.states if name in self.acting_on(name)}


def exact_flow(algebra: Algebra, system: LinearSystem, dt: Expression) -> dict[str, Expression]:
    """The states after dt, as expressions of those before.

    Raises
    ------
    CannotIntegrateError
        If too many states act on each other.
    """
    circles = system.in_circles()
    upstream = set().union(circles, *(system.acting_on(name) for name in circles))
    joined = {n for n in system.states if n in upstream or system.acting_on(n) & circles}
    if _is_pair(system, circles, joined):
        joined = circles
        flow = _pair_flow(algebra, system, sorted(circles), dt)
    else:
        flow = _matrix_flow(algebra, system, [n for n in system.states if n in joined], dt)
    chains = _Chains(algebra, system, dt)
    flow |= {name: chains.state(name) for name in system.states if name not in joined}
    return {name: _expanded(algebra, node, system.states) for name, node in flow.items()}


def _expanded(algebra: Algebra, node: Expression, states: tuple[str, ...]) -> Expression:
    """A linear expression with one coefficient for each state, and for the injected current."""
    found = affine(algebra, node, {*states, "i_inj"})
    assert found is not None
    terms = [algebra.multiply(c, algebra.symbol(name)) for name, c in found[0].items()]
    return algebra.add(*terms, found[1])


class _Chains:
    """Closed forms for states that do not act back."""

    def __init__(self, algebra: Algebra, system: LinearSystem, dt: Expression) -> None:
        self.algebra, self.system, self.dt = algebra, system, dt
        self.count = 0

    def state(self, name: str) -> Expression:
        """One state after dt."""
        algebra, terms = self.algebra, []
        for path in self._paths([name]):
            exponents = [self._exponent(state) for state in path]
            gain = self._gain(path)
            start = algebra.symbol(path[0])
            terms.append(algebra.multiply(self._divided(exponents), gain, start))
            source = self.system.sources.get(path[0])
            if source is not None and source.value != 0.0:
                self._check_length(len(path) + 1, name)
                integral = self._divided([algebra.zero, *exponents])
                terms.append(algebra.multiply(integral, self.dt, gain, source))
        return algebra.add(*terms)

    def _paths(self, path: list[str]) -> Iterator[list[str]]:
        """Chains of states that end with the given one."""
        self.count += 1
        self._check_length(len(path), path[-1])
        yield path
        for by in self.system.links.get(path[0], ()):
            yield from self._paths([by, *path])

    def _check_length(self, points: int, name: str) -> None:
        if self.count > MOST_PATHS or points > LONGEST_CHAIN:
            raise CannotIntegrateError(
                f"too many linear equations drive '{name}', one through the other", [name]
            )

    def _gain(self, path: list[str]) -> Expression:
        links = [self.system.matrix[to, by] for by, to in itertools.pairwise(path)]
        return self.algebra.multiply(*(self.dt for _ in links), *links)

    def _exponent(self, name: str) -> Expression:
        rate = self.system.matrix.get((name, name), self.algebra.zero)
        return self.algebra.multiply(rate, self.dt)

    def _divided(self, points: list[Expression]) -> Expression:
        algebra = self.algebra
        points = sorted(points, key=lambda point: (point.value is None, id(point)))
        if len(points) == 1:
            return algebra.call("exp", points[0])
        if len(points) == 2 and points[0].value == 0.0:
            return algebra.call("exprel", points[1])
        if len(points) == 2 and points[0] is points[1]:
            return algebra.call("exp", points[0])
        return algebra.call(f"divided_exp_{len(points)}", *points)


def _is_pair(system: LinearSystem, circles: set[str], joined: set[str]) -> bool:
    """Whether two states act on each other, and nothing else but states that decay acts on them."""
    others = joined - circles
    return len(circles) == 2 and all(
        not system.acting_on(name)
        and system.sources[name].value == 0.0
        and any((to, name) in system.matrix for to in circles)
        for name in others
    )


def _pair_flow(
    algebra: Algebra, system: LinearSystem, pair: list[str], dt: Expression
) -> dict[str, Expression]:
    """Closed form for two states that act on each other.

    A function f of the 2 x 2 matrix is f_even + f_odd (A - trace / 2), where these are the parts of
    f at the two eigenvalues: half its sum, and its divided difference.
    """
    add, multiply, zero = algebra.add, algebra.multiply, algebra.zero

    def entry(to: str, by: str) -> Expression:
        return multiply(system.matrix.get((to, by), zero), dt)

    x, y = pair
    middle = algebra.scale(0.5, add(entry(x, x), entry(y, y)))
    half = algebra.scale(0.5, algebra.subtract(entry(x, x), entry(y, y)))
    q = add(multiply(half, half), multiply(entry(x, y), entry(y, x)))
    deviation = {(x, x): half, (x, y): entry(x, y), (y, x): entry(y, x),
                 (y, y): algebra.scale(-1.0, half)}  # fmt: skip

    def carried(both: Expression, amounts: Mapping[str, Expression], to: str) -> Expression:
        even, odd = (algebra.call("item", both, algebra.number(k)) for k in (0.0, 1.0))
        turned = add(*(multiply(deviation[to, by], amount) for by, amount in amounts.items()))
        return add(multiply(even, amounts[to]), multiply(odd, turned))

    driving = [
        n for n in system.states if n not in pair and (entry(x, n), entry(y, n)) != (zero,) * 2
    ]
    flow = {}
    for to in pair:
        start = {name: algebra.symbol(name) for name in pair}
        terms = [carried(algebra.call("pair_exp", middle, q), start, to)]
        for name in driving:
            amounts = {by: multiply(entry(by, name), algebra.symbol(name)) for by in pair}
            both = algebra.call("pair_divided_exp", middle, q, entry(name, name))
            terms.append(carried(both, amounts, to))
        amounts = {by: multiply(system.sources[by], dt) for by in pair}
        terms.append(carried(algebra.call("pair_divided_exp", middle, q, zero), amounts, to))
        flow[to] = add(*terms)
    return flow


def _matrix_flow(
    algebra: Algebra, system: LinearSystem, names: list[str], dt: Expression
) -> dict[str, Expression]:
    if len(names) > LARGEST_MATRIX:
        raise CannotIntegrateError(f"{len(names)} linear equations depend on each other", names)
    if not names:
        return {}
    entries = [
        algebra.multiply(system.matrix.get((to, by), algebra.zero), dt)
        for to in names
        for by in names
    ]
    size = len(names)
    both = algebra.call(f"matrix_flow_{size}", *entries)
    flow = {}
    for i, to in enumerate(names):
        terms = []
        for j, by in enumerate(names):
            place = i * size + j
            carried = algebra.call("item", both, algebra.number(place))
            terms.append(algebra.multiply(carried, algebra.symbol(by)))
            source = system.sources.get(by)
            if source is not None and source.value != 0.0:
                integral = algebra.call("item", both, algebra.number(place + size * size))
                terms.append(algebra.multiply(integral, dt, source))
        flow[to] = algebra.add(*terms)
    return flow
