"""Expressions in a normal form, each existing once, with derivatives and linear parts.

What is equal is the same object, so that common parts are found by identity, and everything below
takes time in proportion to the number of distinct parts, however often each occurs.  Numbers are
Python floats and are computed where expressions are made; what overflows is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from ship_engine.equations.singularities import removable
from ship_engine.errors import InvalidEquationsError

MOST_PARTS = 10_000
"""Distinct parts that all expressions of one model may have together."""
DEEPEST = 100
"""Levels of an expression, after definitions have been put in."""


class Expression:
    """A node; `kind` says what `parts` are.

    ==========  ====================================================================
    number      ``(value,)``
    symbol      ``(name,)``
    sum         ``(constant, (coefficient, expression), …)``, coefficients are floats
    product     ``((expression, exponent), …)``, exponents are floats
    call        ``(function, argument, …)``
    compare     ``(operator, left, right)``, operator being ``<`` or ``<=``
    all, any    ``(condition, …)``
    ==========  ====================================================================
    """

    __slots__ = ("depth", "kind", "names", "parts")

    def __init__(self, kind: str, parts: tuple, names: frozenset[str], depth: int) -> None:
        self.kind, self.parts, self.names, self.depth = kind, parts, names, depth

    @property
    def value(self) -> float | None:
        """The value of a number, else None."""
        return self.parts[0] if self.kind == "number" else None

    def children(self) -> Iterable[Expression]:
        """The expressions that it is made of."""
        if self.kind == "sum":
            return [part for _, part in self.parts[1:]]
        if self.kind == "product":
            return [part for part, _ in self.parts]
        return [part for part in self.parts if isinstance(part, Expression)]

    def __repr__(self) -> str:
        return f"<{self.kind} {self.parts!r}>"


NUMERIC: Mapping[str, Callable[..., float]] = {
    "exp": math.exp,
    "expm1": math.expm1,
    "exprel": lambda x: math.expm1(x) / x if x else 1.0,
    "log": math.log,
    "sqrt": math.sqrt,
    "sin": math.sin,
    "cos": math.cos,
    "tanh": math.tanh,
    "absolute": abs,
    "minimum": min,
    "maximum": max,
    "power": math.pow,
}
"""Functions that occur in expressions, of numbers."""


class Algebra:
    """Makes expressions; those of one model are made by one algebra."""

    def __init__(self) -> None:
        self._known: dict[object, Expression] = {}
        self._derivatives: dict[tuple[int, str], Expression] = {}
        self.zero, self.one = self.number(0.0), self.number(1.0)

    def _make(self, kind: str, parts: tuple) -> Expression:
        key = (kind, *(id(p) if isinstance(p, Expression) else p for p in _flat(parts)))
        found = self._known.get(key)
        if found is None:
            node = Expression(kind, parts, frozenset(), 0)
            children = list(node.children())
            if kind == "symbol":
                node.names = frozenset(parts)
            elif children:
                node.names = frozenset().union(*(c.names for c in children))
            node.depth = 1 + max((c.depth for c in children), default=0)
            if len(self._known) >= MOST_PARTS or node.depth > DEEPEST:
                raise InvalidEquationsError(
                    "These equations are too large: with definitions and functions put in, they "
                    f"have more than {MOST_PARTS} parts, or more than {DEEPEST} levels."
                )
            found = self._known[key] = node
        return found

    def number(self, value: float) -> Expression:
        """A number, which must be finite."""
        if not math.isfinite(value):
            raise InvalidEquationsError(
                "A constant part of these equations is not a finite number; look for divisions "
                "by zero, and for powers and exponentials of large numbers."
            )
        return self._make("number", (float(value) + 0.0,))

    def symbol(self, name: str) -> Expression:
        """Something that has a name."""
        return self._make("symbol", (name,))

    def add(self, *terms: Expression) -> Expression:
        """A sum."""
        return self.combine([(1.0, term) for term in terms])

    def scale(self, factor: float, term: Expression) -> Expression:
        """A number times an expression."""
        return self.combine([(factor, term)])

    def subtract(self, a: Expression, b: Expression) -> Expression:
        """The difference a - b."""
        return self.combine([(1.0, a), (-1.0, b)])

    def combine(self, terms: Iterable[tuple[float, Expression]]) -> Expression:
        """A sum of expressions times numbers."""
        constant, collected = 0.0, dict[int, tuple[float, Expression]]()
        for factor, term in terms:
            for coefficient, part in _terms(term):
                if part is None:
                    constant += factor * coefficient
                    continue
                before = collected.get(id(part), (0.0, part))[0]
                collected[id(part)] = (before + factor * coefficient, part)
        kept = [(c, part) for c, part in collected.values() if c != 0.0]
        self.number(constant), [self.number(c) for c, _ in kept]
        if not kept:
            return self.number(constant)
        if constant == 0.0 and len(kept) == 1 and kept[0][0] == 1.0:
            return kept[0][1]
        return self._make("sum", (constant + 0.0, *kept))

    def multiply(self, *factors: Expression) -> Expression:
        """A product."""
        return self._powers([(factor, 1.0) for factor in factors])

    def divide(self, above: Expression, below: Expression) -> Expression:
        """A quotient."""
        return self._powers([(above, 1.0), (below, -1.0)])

    def power(self, base: Expression, exponent: Expression) -> Expression:
        """One expression to the power of another."""
        if exponent.value is not None:
            return self._powers([(base, exponent.value)])
        return self.call("power", base, exponent)

    def _powers(self, factors: Iterable[tuple[Expression, float]]) -> Expression:
        number, collected = 1.0, dict[int, tuple[Expression, float]]()
        pending = list(factors)
        while pending:
            base, exponent = pending.pop(0)
            if exponent == 0.0:
                continue
            if base.value is not None:
                number *= self._compute("power", base.value, exponent)
                continue
            single = base.kind == "sum" and base.parts[0] == 0.0 and len(base.parts) == 2
            if single and (exponent.is_integer() or base.parts[1][0] > 0.0):
                number *= self._compute("power", base.parts[1][0], exponent)
                pending.insert(0, (base.parts[1][1], exponent))
                continue
            if base.kind == "product" and exponent.is_integer():
                pending[:0] = [(part, inner * exponent) for part, inner in base.parts]
                continue
            before = collected.get(id(base), (base, 0.0))[1]
            collected[id(base)] = (base, before + exponent)
        kept = tuple((base, e) for base, e in collected.values() if e != 0.0)
        self.number(number), [self.number(e) for _, e in kept]
        pair = removable(list(kept))
        if pair is not None and number != 0.0:
            x, divisor, exponent_of_e, gain = pair
            others = [(base, e) for base, e in kept if base is not x and base is not divisor]
            smooth = (self.call("exprel", exponent_of_e), -1.0)
            return self.scale(number / gain, self._powers([*others, smooth]))
        if number == 0.0 or not kept:
            return self.number(number)
        product = kept[0][0] if kept[0][1:] == (1.0,) and len(kept) == 1 else None
        if product is None:
            product = self._make("product", kept)
        return self.scale(number, product)

    def call(self, function: str, *arguments: Expression) -> Expression:
        """A function; one of those in `NUMERIC` is computed where its arguments are numbers."""
        values = [argument.value for argument in arguments]
        if function in NUMERIC and all(value is not None for value in values):
            return self.number(self._compute(function, *values))
        return self._make("call", (function, *arguments))

    def _compute(self, function: str, *values: float | None) -> float:
        try:
            return NUMERIC[function](*values)
        except (ValueError, ArithmeticError):
            return math.nan

    def compare(self, operator: str, left: Expression, right: Expression) -> Expression:
        """A condition: ``<`` or ``<=``."""
        return self._make("compare", (operator, left, right))

    def logic(self, kind: str, *conditions: Expression) -> Expression:
        """Conditions joined by ``all`` or ``any``; or ``not`` and one condition."""
        if kind != "not":
            return conditions[0] if len(conditions) == 1 else self._make(kind, conditions)
        inner = conditions[0]
        if inner.kind == "compare":
            operator, left, right = inner.parts
            return self.compare("<=" if operator == "<" else "<", right, left)
        opposite = "any" if inner.kind == "all" else "all"
        return self.logic(opposite, *(self.logic("not", part) for part in inner.parts))

    def where(self, condition: Expression, a: Expression, b: Expression) -> Expression:
        """A choice."""
        if condition.kind == "compare":
            left, right = condition.parts[1].value, condition.parts[2].value
            if left is not None and right is not None:
                return a if left < right or (condition.parts[0] == "<=" and left == right) else b
        return a if a is b else self._make("call", ("where", condition, a, b))

    def rebuilt(self, node: Expression, change: Callable[[Expression], Expression]) -> Expression:
        """An expression with its parts changed."""
        kind, parts = node.kind, node.parts
        if kind == "sum":
            changed = [(coefficient, change(part)) for coefficient, part in parts[1:]]
            return self.combine([(1.0, self.number(parts[0])), *changed])
        if kind == "product":
            return self._powers([(change(part), exponent) for part, exponent in parts])
        if kind == "call" and parts[0] == "where":
            return self.where(*map(change, parts[1:]))
        if kind == "call":
            return self.call(parts[0], *map(change, parts[1:]))
        if kind == "compare":
            return self.compare(parts[0], change(parts[1]), change(parts[2]))
        if kind in ("all", "any"):
            return self.logic(kind, *map(change, parts))
        return node

    def substitute(self, node: Expression, values: Mapping[str, Expression]) -> Expression:
        """An expression with other expressions in place of some symbols."""
        done: dict[int, Expression] = {}

        def change(part: Expression) -> Expression:
            if part.names.isdisjoint(values):
                return part
            if id(part) not in done:
                is_symbol = part.kind == "symbol"
                done[id(part)] = values[part.parts[0]] if is_symbol else self.rebuilt(part, change)
            return done[id(part)]

        return change(node)

    def derivative(self, node: Expression, name: str) -> Expression:
        """The partial derivative by a symbol; at kinks and jumps, that of one side."""
        if name not in node.names:
            return self.zero
        if node.kind == "symbol":
            return self.one
        key = (id(node), name)
        if key not in self._derivatives:
            self._derivatives[key] = self._differentiated(node, name)
        return self._derivatives[key]

    def _differentiated(self, node: Expression, name: str) -> Expression:
        def slope(part: Expression) -> Expression:
            return self.derivative(part, name)

        if node.kind == "sum":
            return self.combine([(c, slope(part)) for c, part in node.parts[1:]])
        if node.kind == "product":
            terms = []
            for base, exponent in node.parts:
                if name in base.names:
                    others = [(b, e) for b, e in node.parts if b is not base]
                    inner = self._powers([*others, (base, exponent - 1.0), (slope(base), 1.0)])
                    terms.append((exponent, inner))
            return self.combine(terms)
        function, *arguments = node.parts
        if function == "where":
            return self.where(arguments[0], slope(arguments[1]), slope(arguments[2]))
        partial = _PARTIAL[function](self, *arguments)
        pairs = zip(partial, arguments, strict=True)
        return self.add(*(self.multiply(p, slope(a)) for p, a in pairs if name in a.names))


def _flat(parts: tuple) -> Iterable[object]:
    for part in parts:
        if isinstance(part, tuple):
            yield from part
        else:
            yield part


def _terms(node: Expression) -> Iterable[tuple[float, Expression | None]]:
    """The terms of a sum, of which None is the constant one; of anything else, itself."""
    if node.kind == "number":
        return [(node.parts[0], None)]
    if node.kind == "sum":
        return [(node.parts[0], None), *node.parts[1:]]
    return [(1.0, node)]


def _order(algebra: Algebra, a: Expression, b: Expression) -> list[Expression]:
    below = algebra.compare("<", a, b)
    zero, one = algebra.zero, algebra.one
    return [algebra.where(below, one, zero), algebra.where(below, zero, one)]


def _of_absolute(algebra: Algebra, x: Expression) -> list[Expression]:
    negative = algebra.compare("<", x, algebra.zero)
    return [algebra.where(negative, algebra.number(-1.0), algebra.one)]


def _of_exprel(algebra: Algebra, x: Expression) -> list[Expression]:
    # exprel'(x) = exprel(x) - g(x), where g(x) = (exp(x) - 1 - x) / x**2 has no short stable form;
    # (exp(x) - exprel(x)) / x is good except near 0, where it is 1/2 + x/3.
    small = algebra.compare("<", algebra.call("absolute", x), algebra.number(1e-4))
    safe = algebra.where(small, algebra.one, x)
    difference = algebra.subtract(algebra.call("exp", x), algebra.call("exprel", x))
    near = algebra.combine([(0.5, algebra.one), (1.0 / 3.0, x)])
    return [algebra.where(small, near, algebra.divide(difference, safe))]


def _of_power(algebra: Algebra, base: Expression, exponent: Expression) -> list[Expression]:
    lower = algebra.power(base, algebra.subtract(exponent, algebra.one))
    by_exponent = algebra.multiply(algebra.power(base, exponent), algebra.call("log", base))
    return [algebra.multiply(exponent, lower), by_exponent]


_PARTIAL: Mapping[str, Callable[..., list[Expression]]] = {
    "exp": lambda a, x: [a.call("exp", x)],
    "expm1": lambda a, x: [a.call("exp", x)],
    "exprel": _of_exprel,
    "log": lambda a, x: [a.divide(a.one, x)],
    "sqrt": lambda a, x: [a.divide(a.number(0.5), a.call("sqrt", x))],
    "sin": lambda a, x: [a.call("cos", x)],
    "cos": lambda a, x: [a.scale(-1.0, a.call("sin", x))],
    "tanh": lambda a, x: [
        a.subtract(a.one, a.multiply(a.call("tanh", x), a.call("tanh", x))),
    ],
    "absolute": _of_absolute,
    "minimum": _order,
    "maximum": lambda a, x, y: _order(a, x, y)[::-1],
    "power": _of_power,
}
"""The partial derivatives of each function by its arguments."""
