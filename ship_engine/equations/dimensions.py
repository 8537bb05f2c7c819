"""From syntax to expressions, with a dimension for every part of them.

A value is an expression and the unit that its numbers are in.  Products combine units without any
arithmetic; where terms of a sum differ by powers of ten, all but the first are converted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from ship_engine.equations import syntax as s
from ship_engine.equations.algebra import Algebra, Expression
from ship_engine.equations.description import Function
from ship_engine.equations.language import CONSTANTS, FUNCTIONS, parse
from ship_engine.equations.syntax import Syntax
from ship_engine.equations.units import NUMBER, Unit, described, measured, named_unit, unit_of
from ship_engine.equations.wording import listed, meant, quoted
from ship_engine.errors import InvalidEquationsError

MOST_CALLS = 5_000
"""Calls of functions that a description declares."""


@dataclass(frozen=True)
class Value:
    """An expression and its unit; ``anything`` for the number 0, which suits every dimension."""

    expression: Expression
    unit: Unit = NUMBER
    anything: bool = False
    condition: bool = False


@dataclass
class Reader:
    """Gives syntax a meaning.

    Parameters
    ----------
    algebra : Algebra
        Makes the expressions.
    names : dict of str to Value
        What names stand for; more can be put in.
    functions : mapping of str to Function
        Those that the description declares.
    """

    algebra: Algebra
    names: dict[str, Value]
    functions: Mapping[str, Function] = field(default_factory=dict)
    _calls: dict[object, Value] = field(default_factory=dict)
    _active: list[str] = field(default_factory=list)

    def quantity(self, text: str, unit: Unit, owner: str, wanted: str) -> Expression:
        """The expression that a text means, in a given unit.

        Parameters
        ----------
        text : str
            An expression.
        unit : Unit
            What it is converted to.
        owner : str
            What it belongs to, such as ``"the equation of 'v'"``.
        wanted : str
            What has that unit, for the message, such as ``"dv/dt"``.

        Raises
        ------
        InvalidEquationsError
            If it has another dimension, or is not an expression.
        """
        node = parse(text, owner)
        value = self._number(node, owner)
        if not value.anything and value.unit.dimension != unit.dimension:
            raise InvalidEquationsError(
                f"Units in {owner} do not balance: {wanted} is {measured(unit)}, but "
                f"{quoted(node)} is {measured(value.unit)}; "
                f"{_remedy(value.unit, unit, 'that')}."
            )
        return self._in_unit(value, unit)

    def value(self, text: str, owner: str) -> Value:
        """What a text means, a number, in whatever unit."""
        return self._number(parse(text, owner), owner)

    def condition(self, text: str, owner: str) -> tuple[Syntax, Expression]:
        """The condition that a text means, and its syntax."""
        node = parse(text, owner)
        value = self._value(node, owner)
        if not value.condition:
            raise InvalidEquationsError(
                f"{quoted(node)}, {owner}, is no condition; write for example 'v > v_thresh'."
            )
        return node, value.expression

    def level(self, node: Syntax, owner: str) -> Expression:
        """An expression that is >= 0 where a condition holds, and continuous if its parts are."""
        algebra = self.algebra
        if isinstance(node, s.Logic):
            parts = [self.level(part, owner) for part in node.operands]
            function = "minimum" if node.operator == "and" else "maximum"
            result = parts[0]
            for part in parts[1:]:
                result = algebra.call(function, result, part)
            return result
        if isinstance(node, s.Not):
            return algebra.scale(-1.0, self.level(node.operand, owner))
        if isinstance(node, s.Comparison) and node.operator in ("<", "<=", ">", ">="):
            left, right = self._alike([node.left, node.right], owner)
            difference = algebra.subtract(left.expression, right.expression)
            return difference if node.operator in (">", ">=") else algebra.scale(-1.0, difference)
        raise InvalidEquationsError(
            f"{quoted(node)} in {owner} does not say when something is reached; compare with "
            "'>' or '<', and join comparisons with 'and' or 'or'."
        )

    def _in_unit(self, value: Value, unit: Unit) -> Expression:
        if value.anything:
            return value.expression
        return self.algebra.scale(value.unit.factor_to(unit), value.expression)

    def _number(self, node: Syntax, owner: str) -> Value:
        value = self._value(node, owner)
        if value.condition:
            raise InvalidEquationsError(
                f"{quoted(node)} in {owner} is a condition, not a number; write "
                "where(condition, 1, 0) for a number."
            )
        return value

    def _plain(self, node: Syntax, owner: str, what: str) -> Expression:
        """Something that must be dimensionless."""
        value = self._number(node, owner)
        if not value.unit.is_number:
            raise InvalidEquationsError(
                f"Units in {owner} do not balance: {what} is dimensionless, but {quoted(node)} "
                f"is {measured(value.unit)}; divide it by something in "
                f"{described(value.unit)}."
            )
        return self._in_unit(value, NUMBER)

    def _alike(self, nodes: list[Syntax], owner: str) -> list[Value]:
        """Values of one dimension, in the first unit, or one without a power of ten if there is."""
        values = [self._number(node, owner) for node in nodes]
        first = next((k for k, value in enumerate(values) if not value.anything), None)
        if first is None:
            return values
        unit = values[first].unit
        for node, value in zip(nodes, values, strict=True):
            if not value.anything and value.unit.dimension != unit.dimension:
                raise InvalidEquationsError(
                    f"Units in {owner} do not balance: {quoted(nodes[first])} is "
                    f"{measured(unit)}, but {quoted(node)} is {measured(value.unit)}; "
                    f"{_remedy(value.unit, unit, 'the latter')}."
                )
        tens = [value.unit.tens for value in values if not value.anything]
        unit = Unit(unit.dimension, Fraction(0) if 0 in tens else tens[0])
        return [Value(self._in_unit(value, unit), unit) for value in values]

    def _value(self, node: Syntax, owner: str) -> Value:
        algebra = self.algebra
        if isinstance(node, s.Number):
            unit = NUMBER if node.unit is None else self._unit(node, owner)
            number = algebra.number(node.value)
            return Value(number, unit, node.value == 0.0 and node.unit is None)
        if isinstance(node, s.Truth):
            zero, one = algebra.zero, algebra.one
            sides = (zero, one) if node.value else (one, zero)
            return Value(algebra.compare("<", *sides), condition=True)
        if isinstance(node, s.Name):
            return self._named(node.name, owner)
        if isinstance(node, s.Negative):
            value = self._number(node.operand, owner)
            return Value(algebra.scale(-1.0, value.expression), value.unit, value.anything)
        if isinstance(node, s.Sum):
            values = self._alike(list(node.terms), owner)
            anything = all(value.anything for value in values)
            total = algebra.add(*(value.expression for value in values))
            return Value(total, values[0].unit, anything)
        if isinstance(node, s.Product):
            return self._product([self._number(factor, owner) for factor in node.factors])
        if isinstance(node, s.Quotient):
            above, below = self._number(node.above, owner), self._number(node.below, owner)
            unit = above.unit.times(below.unit.to_power(Fraction(-1)))
            return Value(algebra.divide(above.expression, below.expression), unit, above.anything)
        if isinstance(node, s.Power):
            return self._power(node, owner)
        if isinstance(node, s.Call):
            return self._call(node, owner)
        return Value(self._condition(node, owner), condition=True)

    def _condition(self, node: Syntax, owner: str) -> Expression:
        algebra = self.algebra
        if isinstance(node, s.Comparison):
            left, right = (v.expression for v in self._alike([node.left, node.right], owner))
            if node.operator in ("==", "!="):
                equal = algebra.logic(
                    "all", algebra.compare("<=", left, right), algebra.compare("<=", right, left)
                )
                return equal if node.operator == "==" else algebra.logic("not", equal)
            if node.operator[0] == ">":
                left, right = right, left
            return algebra.compare(node.operator.replace(">", "<"), left, right)
        if isinstance(node, s.Logic):
            kind = "all" if node.operator == "and" else "any"
            return algebra.logic(kind, *(self._condition(part, owner) for part in node.operands))
        if isinstance(node, s.Not):
            return algebra.logic("not", self._condition(node.operand, owner))
        value = self._value(node, owner)
        if not value.condition:
            raise InvalidEquationsError(
                f"{quoted(node)} in {owner} is a number where a condition is expected; "
                "compare it with something."
            )
        return value.expression

    def _unit(self, node: s.Number, owner: str) -> Unit:
        unit = named_unit(str(node.unit))
        if unit is None:
            raise InvalidEquationsError(
                f"In {owner}: '{node.value:g} {node.unit}' is a number with a unit, but "
                f"'{node.unit}' is none; a product is written {node.value:g}*{node.unit}."
            )
        return unit

    def _named(self, name: str, owner: str) -> Value:
        if name in self.names:
            return self.names[name]
        if name in CONSTANTS:
            return Value(self.algebra.number(CONSTANTS[name]))
        unit = named_unit(name)
        if unit is not None and name not in CONSTANTS:
            return Value(self.algebra.one, unit)
        hint = meant(name, [*self.names, *CONSTANTS])
        if name in FUNCTIONS or name in self.functions:
            hint = f" It is a function; write {name}(...)."
        elif name == "t":
            hint = " Equations know no time of their own; a state with 'dt_on/dt = 1 : ms' is one."
        raise InvalidEquationsError(
            f"'{name}' in {owner} is unknown.{hint} Known are {listed(self.names)}."
        )

    def _product(self, values: list[Value]) -> Value:
        unit = NUMBER
        for value in values:
            unit = unit.times(value.unit)
        result = self.algebra.multiply(*(value.expression for value in values))
        return Value(result, unit, any(value.anything for value in values))

    def _power(self, node: s.Power, owner: str) -> Value:
        base = self._number(node.base, owner)
        exponent = self._plain(node.exponent, owner, "an exponent")
        algebra = self.algebra
        if base.unit.is_number:
            return Value(algebra.power(self._in_unit(base, NUMBER), exponent))
        if exponent.value is None:
            raise InvalidEquationsError(
                f"In {owner}: {quoted(node)} has a base in {described(base.unit)}, and so needs a "
                f"number as its exponent; or divide the base by something in "
                f"{described(base.unit)}."
            )
        power = Fraction(exponent.value).limit_denominator(100)
        return Value(algebra.power(base.expression, exponent), base.unit.to_power(power))

    def _call(self, node: s.Call, owner: str) -> Value:
        name, arguments = node.function, list(node.arguments)
        if name in self.functions:
            return self._declared(self.functions[name], node, owner)
        if name not in FUNCTIONS:
            hint = meant(name, [*FUNCTIONS, *self.functions])
            if name in self.names:
                hint = f" A product is written {name}*(...)."
            raise InvalidEquationsError(
                f"'{name}' in {owner} is not a function.{hint} Known are "
                f"{listed([*FUNCTIONS, *self.functions])}."
            )
        _check_count(name, FUNCTIONS[name], arguments, owner)
        algebra = self.algebra
        if name == "where":
            condition = self._condition(arguments[0], owner)
            a, b = self._alike(arguments[1:], owner)
            chosen = algebra.where(condition, a.expression, b.expression)
            return Value(chosen, a.unit, a.anything and b.anything)
        if name in ("min", "max", "clip"):
            return self._extreme(name, arguments, owner)
        if name in ("abs", "sign", "heaviside", "sqrt"):
            return self._of_any_unit(name, self._number(arguments[0], owner))
        x = self._plain(arguments[0], owner, f"what {name} is taken of")
        derived = _DERIVED.get(name)
        return Value(algebra.call(name, x) if derived is None else derived(algebra, x))

    def _extreme(self, name: str, arguments: list[Syntax], owner: str) -> Value:
        values = self._alike(arguments, owner)
        call, a, b = self.algebra.call, values[0].expression, values[1].expression
        if name == "clip":
            result = call("minimum", call("maximum", a, b), values[2].expression)
        else:
            result = call("minimum" if name == "min" else "maximum", a, b)
        return Value(result, values[0].unit, all(value.anything for value in values))

    def _of_any_unit(self, name: str, value: Value) -> Value:
        algebra, x = self.algebra, value.expression
        if name == "abs":
            return Value(algebra.call("absolute", x), value.unit)
        if name == "sqrt":
            return Value(algebra.call("sqrt", x), value.unit.to_power(Fraction(1, 2)))
        zero, one = algebra.zero, algebra.one
        not_negative = algebra.where(algebra.compare("<", x, zero), zero, one)
        if name == "heaviside":
            return Value(not_negative)
        positive = algebra.where(algebra.compare("<", zero, x), one, zero)
        return Value(algebra.add(not_negative, positive, algebra.number(-1.0)))

    def _declared(self, function: Function, node: s.Call, owner: str) -> Value:
        name = function.name
        _check_count(name, len(function.arguments), list(node.arguments), owner)
        values = [self._number(argument, owner) for argument in node.arguments]
        units = function.argument_units or ("",) * len(values)
        for k, (value, unit_text) in enumerate(zip(values, units, strict=False)):
            unit = unit_of(unit_text, f"an argument of {name}") if unit_text else value.unit
            if not value.anything and unit.dimension != value.unit.dimension:
                raise InvalidEquationsError(
                    f"Units in {owner} do not balance: '{function.arguments[k]}' of {name} is "
                    f"{measured(unit)}, but {quoted(node.arguments[k])} is "
                    f"{measured(value.unit)}."
                )
            values[k] = Value(self._in_unit(value, unit), unit)
        key = (name, *((id(value.expression), value.unit) for value in values))
        if key not in self._calls:
            self._calls[key] = self._body(function, values)
        return self._calls[key]

    def _body(self, function: Function, values: list[Value]) -> Value:
        if function.name in self._active:
            raise InvalidEquationsError(f"The function '{function.name}' calls itself.")
        if len(self._calls) >= MOST_CALLS or len(self._active) >= 10:
            raise InvalidEquationsError(
                f"The function '{function.name}' is called too often, or from too deep within "
                "other functions; write definitions instead."
            )
        owner = f"the function '{function.name}'"
        names = dict(zip(function.arguments, values, strict=True))
        active = [*self._active, function.name]
        inner = Reader(self.algebra, names, self.functions, self._calls, active)
        if function.unit:
            unit = unit_of(function.unit, owner)
            return Value(inner.quantity(function.expression, unit, owner, "its result"), unit)
        return inner._number(parse(function.expression, owner), owner)


def _check_count(name: str, count: int, arguments: list[Syntax], owner: str) -> None:
    if len(arguments) != count:
        raise InvalidEquationsError(
            f"In {owner}: {name} takes {count} argument{'s' * (count != 1)}, not {len(arguments)}."
        )


def _remedy(found: Unit, wanted: Unit, what: str) -> str:
    """What to do to something with the wrong dimension."""
    quotient = wanted.times(found.to_power(Fraction(-1)))
    inverse = quotient.to_power(Fraction(-1))
    multiply = described(quotient).isidentifier() or not described(inverse).isidentifier()
    verb, unit = ("multiply", quotient) if multiply else ("divide", inverse)
    return f"{verb} {what} by something in {described(unit)}"


def _tangent(algebra: Algebra, x: Expression) -> Expression:
    return algebra.divide(algebra.call("sin", x), algebra.call("cos", x))


def _hyperbolic(algebra: Algebra, x: Expression, function: str, sign: float) -> Expression:
    there, back = algebra.call(function, x), algebra.call(function, algebra.scale(-1.0, x))
    return algebra.combine([(0.5, there), (0.5 * sign, back)])


_DERIVED: Mapping[str, Callable[[Algebra, Expression], Expression]] = {
    "log10": lambda a, x: a.scale(1.0 / math.log(10.0), a.call("log", x)),
    "tan": _tangent,
    "sinh": lambda a, x: _hyperbolic(a, x, "expm1", -1.0),
    "cosh": lambda a, x: _hyperbolic(a, x, "exp", 1.0),
}
"""Functions of dimensionless values that are made of others."""
