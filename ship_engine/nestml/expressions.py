"""Expressions of NESTML as expressions of the language of equations.

A tree of NESTML becomes a tree of Python's module `ast`, which is only ever written out as text,
together with its unit.  NESTML lets numbers without a unit stand in for any: ``V_m + 65`` adds
65 mV, and ``exp(V_m)`` takes the number of millivolts.  Here the unit is put in, so that the text
that results balances.
"""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ship_engine.equations.units import NUMBER, Unit, named_unit
from ship_engine.nestml.locations import mistaken, shown, unsupported
from ship_engine.nestml.names import full_name
from ship_engine.nestml.units import inverse, quantity, unit_named, unit_of_tree


@dataclass(frozen=True)
class Value:
    """An expression and its unit; conditions have none."""

    tree: ast.expr
    unit: Unit | None

    @property
    def text(self) -> str:
        """As the language of equations writes it."""
        return ast.unparse(self.tree)


TRUE, FALSE = Value(ast.Constant(True), None), Value(ast.Constant(False), None)
_MILLISECOND = named_unit("ms") or NUMBER
_COMPARISONS: Mapping[str, type[ast.cmpop]] = {
    "is_lt": ast.Lt,
    "is_le": ast.LtE,
    "is_eq": ast.Eq,
    "is_ne": ast.NotEq,
    "is_ne2": ast.NotEq,
    "is_ge": ast.GtE,
    "is_gt": ast.Gt,
}
_OF_NUMBERS = {"exp": "exp", "expm1": "expm1", "ln": "log", "log10": "log10", "sin": "sin"}
_OF_NUMBERS |= {"cos": "cos", "tan": "tan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh"}
_OF_ANYTHING = {"min": "min", "max": "max", "clip": "clip", "abs": "abs"}
_KNOWN = ", ".join(sorted({*_OF_NUMBERS, *_OF_ANYTHING, "pow", "resolution", "timestep"}))


def number(value: float) -> Value:
    """A number without a unit."""
    return Value(ast.Constant(value), NUMBER)


def call(name: str, *values: Value, unit: Unit | None = NUMBER) -> Value:
    """A function of the language of equations."""
    return Value(ast.Call(ast.Name(name), [value.tree for value in values], []), unit)


def binary(operator: ast.operator, left: Value, right: Value, unit: Unit | None) -> Value:
    """Two values joined by an operator."""
    return Value(ast.BinOp(left.tree, operator, right.tree), unit)


def product(left: Value, right: Value) -> Value:
    """The product of two values: left * right."""
    left, right = as_number(left), as_number(right)
    return binary(ast.Mult(), left, right, _unit(left).times(_unit(right)))


def quotient(left: Value, right: Value) -> Value:
    """The quotient of two values: left / right."""
    left, right = as_number(left), as_number(right)
    return binary(ast.Div(), left, right, _unit(left).times(inverse(_unit(right))))


def total(left: Value, right: Value, operator: ast.operator | None = None) -> Value:
    """The sum of two values, or another operation on things with the same unit."""
    left, right = alike(left, right)
    return binary(operator or ast.Add(), left, right, left.unit)


def negative(value: Value) -> Value:
    """-value."""
    return Value(ast.UnaryOp(ast.USub(), as_number(value).tree), _unit(as_number(value)))


def choice(condition: Value, if_true: Value, if_not: Value) -> Value:
    """One of two values; two conditions are joined instead."""
    condition = as_condition(condition)
    if if_true.unit is None and if_not.unit is None:
        first = ast.BoolOp(ast.And(), [condition.tree, if_true.tree])
        opposite = ast.UnaryOp(ast.Not(), condition.tree)
        second = ast.BoolOp(ast.And(), [opposite, if_not.tree])
        return Value(ast.BoolOp(ast.Or(), [first, second]), None)
    if_true, if_not = alike(if_true, if_not)
    return call("where", condition, if_true, if_not, unit=if_true.unit)


def as_number(value: Value) -> Value:
    """A condition as 1 or 0, anything else as it is."""
    if value.unit is not None:
        return value
    if isinstance(value.tree, ast.Constant):
        return number(float(value.tree.value))  # type: ignore[arg-type]
    return call("where", value, number(1.0), number(0.0))


def as_condition(value: Value) -> Value:
    """A number as the condition that it is not 0, which is said of booleans only."""
    if value.unit is None:
        return value
    return Value(ast.Compare(value.tree, [ast.Gt()], [ast.Constant(0.5)]), None)


def cast(value: Value, unit: Unit) -> Value:
    """The value for something in that unit, as NESTML casts it: the number stays the same."""
    value = as_number(value)
    here = _unit(value)
    if here.dimension == unit.dimension:
        return value
    tree = value.tree
    if not here.is_number or here.tens:
        tree = ast.BinOp(tree, ast.Div(), quantity(1, here))
    if unit != NUMBER:
        tree = ast.BinOp(tree, ast.Mult(), quantity(1, unit))
    return Value(tree, unit)


def alike(left: Value, right: Value) -> tuple[Value, Value]:
    """Both with one dimension; numbers take the unit of the other."""
    left, right = as_number(left), as_number(right)
    if _unit(left).is_number and not _unit(right).is_number:
        return cast(left, _unit(right)), right
    return left, cast(right, _unit(left))


def _unit(value: Value) -> Unit:
    assert value.unit is not None
    return value.unit


Lookup = Callable[[str, Any], "Value | None"]
"""Gives the value of a name, None if there is none of that name; the second is its node."""
Calls = Callable[[Any, "Translator"], "Value | None"]
"""Gives the value of a call that is not one of the functions of NESTML, or None."""


class Translator:
    """Translates expressions.

    Parameters
    ----------
    lookup : callable
        What names stand for.
    calls : callable
        What calls stand for that are not the functions of every model.
    known : mapping
        Names for suggestions.
    """

    def __init__(self, lookup: Lookup, calls: Calls, known: Mapping[str, Any]) -> None:
        self.lookup, self.calls, self.known = lookup, calls, known

    def __call__(self, node: Any) -> Value:
        """The value of a syntax tree of NESTML."""
        if hasattr(node, "is_encapsulated"):
            return self._compound(node)
        return self._simple(node)

    def _simple(self, node: Any) -> Value:
        if node.is_function_call():
            return self._call(node.get_function_call())
        if node.is_boolean_true or node.is_boolean_false:
            return TRUE if node.is_boolean_true else FALSE
        if node.is_numeric_literal():
            unit = NUMBER if node.unitType is None else unit_of_tree(node.unitType)
            return Value(quantity(node.get_numeric_literal(), unit), unit)
        if node.is_inf_literal:
            return number(math.inf)
        if node.is_variable() or node.is_delay_variable():
            return self._variable(node.get_variable())
        raise unsupported(node, f"the text {shown(node)}", "numbers")

    def _variable(self, node: Any) -> Value:
        if node.has_vector_parameter() or node.get_delay_parameter():
            raise unsupported(
                node, f"'{shown(node)}', a vector,", "a variable for each of its elements"
            )
        name = full_name(node)
        value = self.lookup(name, node)
        if value is not None:
            return value
        if name == "e":
            return number(math.e)
        if name == "pi":
            return Value(ast.Name("pi"), NUMBER)
        if named_unit(name) is not None:
            unit = unit_named(name, node)
            return Value(quantity(1, unit), unit)
        if name == "t":
            raise unsupported(node, "the time t in this place", "a state with an equation for it")
        near = difflib.get_close_matches(name, self.known, n=1)
        meant = f" Did you mean '{near[0]}'?" if near else ""
        raise mistaken(node, f"'{name}' is not known here.{meant}")

    def _compound(self, node: Any) -> Value:
        if node.is_encapsulated:
            return self(node.get_expression())
        if node.is_logical_not:
            condition = as_condition(self(node.get_expression()))
            return Value(ast.UnaryOp(ast.Not(), condition.tree), None)
        if node.is_unary_operator():
            if node.get_unary_operator().is_unary_tilde:
                raise unsupported(node, "the operator ~", "'not' for conditions")
            value = self(node.get_expression())
            return negative(value) if node.get_unary_operator().is_unary_minus else value
        if node.is_ternary_operator():
            return choice(
                self(node.get_condition()), self(node.get_if_true()), self(node.get_if_not())
            )
        if node.is_expression():
            return self(node.get_expression())
        return self._binary(node, node.get_binary_operator())

    def _binary(self, node: Any, operator: Any) -> Value:
        left, right = self(node.get_lhs()), self(node.get_rhs())
        if hasattr(operator, "is_logical_and"):
            conditions = [as_condition(left).tree, as_condition(right).tree]
            joined = ast.And() if operator.is_logical_and else ast.Or()
            return Value(ast.BoolOp(joined, conditions), None)
        for flag, comparison in _COMPARISONS.items():
            if getattr(operator, flag, False):
                return _compared(left, comparison(), right)
        if not hasattr(operator, "is_times_op"):
            raise unsupported(node, "an operation on bits", "arithmetic")
        if operator.is_times_op:
            return product(left, right)
        if operator.is_div_op:
            return quotient(left, right)
        if operator.is_plus_op:
            return total(left, right)
        if operator.is_minus_op:
            return total(left, right, ast.Sub())
        if operator.is_pow_op:
            return self._power(left, right, node)
        raise unsupported(node, "the operator %", "arithmetic without remainders")

    def _power(self, base: Value, exponent: Value, node: Any) -> Value:
        base, exponent = as_number(base), cast(exponent, NUMBER)
        if _unit(base).is_number:
            return binary(ast.Pow(), base, exponent, NUMBER)
        constant = _constant(exponent.tree)
        if constant is None:
            raise unsupported(
                node,
                "a power of something with a unit whose exponent is not a number",
                "the exponent as a number",
            )
        unit = _unit(base).to_power(Fraction(constant).limit_denominator(100))
        return binary(ast.Pow(), base, exponent, unit)

    def _call(self, node: Any) -> Value:
        name, given = node.get_name(), node.get_args()
        special = self.calls(node, self)
        if special is not None:
            return special
        if name in ("resolution", "timestep"):
            return Value(ast.Name("dt"), _MILLISECOND)
        if name in _OF_NUMBERS:
            return call(_OF_NUMBERS[name], cast(self(given[0]), NUMBER))
        if name == "pow":
            return self._power(self(given[0]), self(given[1]), node)
        if name in _OF_ANYTHING:
            values = [as_number(self(argument)) for argument in given]
            unit = next((v.unit for v in values if not _unit(v).is_number), NUMBER)
            return call(name, *(cast(value, unit or NUMBER) for value in values), unit=unit)
        raise unsupported(node, f"the function '{name}' in this place", f"one of {_KNOWN}")


def _compared(left: Value, operator: ast.cmpop, right: Value) -> Value:
    if None in (left.unit, right.unit) and isinstance(operator, (ast.Eq, ast.NotEq)):
        truth = next((v for v in (TRUE, FALSE) if v in (left, right)), None)
        if truth is not None:
            other = as_condition(right if left == truth else left)
            same = isinstance(operator, ast.Eq) == (truth == TRUE)
            return other if same else Value(ast.UnaryOp(ast.Not(), other.tree), None)
    left, right = alike(left, right)
    return Value(ast.Compare(left.tree, [operator], [right.tree]), None)


def _constant(tree: ast.expr) -> float | None:
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        value = _constant(tree.operand)
        return None if value is None else -value
    if isinstance(tree, ast.Constant) and isinstance(tree.value, (int, float)):
        return tree.value
    return None
