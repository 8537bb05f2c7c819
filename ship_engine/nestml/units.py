"""Units of NESTML: their texts for the descriptions of equations, and what they measure."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from ship_engine.equations.units import BASES, NUMBER, Unit, named_unit
from ship_engine.nestml.locations import unsupported

KINDS = {"pA": ("nA", "pA"), "nS": ("uS", "nS"), "mV": ("mV", "mV")}
"""What a spike may add to: the unit of weights at its port, and that of NESTML's own numbers."""
_MILLISECOND = named_unit("ms") or NUMBER
_PREFIXED: dict[str, dict[Fraction, str]] = {
    base: {unit.tens: name for name in names if (unit := named_unit(name)) is not None}
    for base, names in {
        "nA": ("A", "mA", "uA", "nA", "pA", "fA"),
        "ms": ("s", "ms", "us", "ns"),
        "mV": ("kV", "V", "mV", "uV", "nV"),
        "amol": ("mol", "mmol", "umol", "nmol", "pmol", "fmol", "amol"),
        "um": ("m", "mm", "um", "nm"),
    }.items()
}
"""Names of the bases times powers of ten."""
_OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_FAMILIAR = ("mV", "ms", "pA", "nS", "pF", "GOhm", "nA", "uS", "nF", "MOhm", "s", "V", "Hz", "mM")


def unit_named(name: str, node: Any) -> Unit:
    """The unit of that name; `node` says where it stands."""
    unit = named_unit(name)
    if unit is None:
        raise unsupported(node, f"the unit '{name}'", "units of NESTML such as mV, pA, nS, pF, ms")
    return unit


def unit_of_type(data_type: Any) -> Unit:
    """The unit of a declared type; that of real, integer and boolean numbers is 1."""
    return unit_of_tree(data_type.get_unit_type()) if data_type.is_unit_type() else NUMBER


def unit_of_tree(tree: Any) -> Unit:
    """The unit that a syntax tree of NESTML says."""
    if isinstance(tree, int):
        return NUMBER
    if tree.is_encapsulated:
        return unit_of_tree(tree.compound_unit)
    if tree.is_pow:
        if tree.exponent is None:
            exponent = Fraction(int(tree.exponent_num), int(tree.exponent_den))
        else:
            exponent = Fraction(tree.exponent).limit_denominator(100)
        return unit_of_tree(tree.base).to_power(exponent)
    if tree.is_arithmetic_expression():
        right = unit_of_tree(tree.get_rhs())
        return unit_of_tree(tree.get_lhs()).times(right if tree.is_times else inverse(right))
    return unit_named(tree.unit, tree)


def inverse(unit: Unit) -> Unit:
    """1 / unit."""
    return unit.to_power(Fraction(-1))


def text_of(unit: Unit) -> str:
    """The unit as text that the language of equations reads."""
    return ast.unparse(_plain_tree(unit))


def quantity(number: float, unit: Unit) -> ast.expr:
    """A number with a unit, as an expression.

    Units stand right behind numbers, as in ``1 mV``, where no variable of that name hides them;
    such a pair is a name with a space in it.
    """
    if unit == NUMBER:
        return ast.Constant(number)
    tree = _plain_tree(unit)
    if isinstance(tree, ast.Name) and not math.isinf(number):
        return ast.Name(f"{number!r} {tree.id}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = f"1 {node.id}"
    return ast.BinOp(ast.Constant(number), ast.Mult(), tree) if number != 1 else tree


def number_of(tree: ast.expr) -> float | None:
    """The number of a quantity, or a number itself; None for anything else."""
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        value = number_of(tree.operand)
        return None if value is None else -value
    if isinstance(tree, ast.Constant) and isinstance(tree.value, (int, float)):
        return float(tree.value)
    if isinstance(tree, ast.Name) and " " in tree.id:
        return float(tree.id.split()[0])
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mult):
        left, right = number_of(tree.left), number_of(tree.right)
        return None if left is None or right is None else left * right
    return None


def constant_of(tree: ast.expr) -> float | None:
    """The value of an expression of numbers and quantities in coherent units; None for others."""
    if isinstance(tree, ast.Constant):
        return number_of(tree)
    if isinstance(tree, ast.Name):
        number, unit = number_of(tree), named_unit(tree.id.split()[-1])
        return None if number is None or unit is None else number * unit.factor_to(NUMBER)
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, (ast.USub, ast.UAdd)):
        value = constant_of(tree.operand)
        return -value if value is not None and isinstance(tree.op, ast.USub) else value
    operation = _OPERATIONS.get(type(tree.op)) if isinstance(tree, ast.BinOp) else None
    if operation is None or not isinstance(tree, ast.BinOp):
        return None
    left, right = constant_of(tree.left), constant_of(tree.right)
    if left is None or right is None:
        return None
    try:
        return float(operation(left, right))
    except (ArithmeticError, TypeError):
        return None


def _plain_tree(unit: Unit) -> ast.expr:
    if unit == NUMBER:
        return ast.Constant(1)
    for name in _FAMILIAR:
        known = named_unit(name)
        if known == unit:
            return ast.Name(name)
        if known is not None and inverse(known) == unit:
            return ast.BinOp(ast.Constant(1), ast.Div(), ast.Name(name))
    for name in _FAMILIAR:
        known = named_unit(name)
        if known == unit.times(_MILLISECOND):
            return ast.BinOp(ast.Name(name), ast.Div(), ast.Name("ms"))
    prefixed = _prefixed(unit)
    names = dict(zip(BASES, BASES, strict=True)) | prefixed
    tree: ast.expr | None = None
    if unit.tens and not prefixed:
        tree = ast.BinOp(ast.Constant(10.0), ast.Pow(), _number(unit.tens))
    for base, exponent in zip(BASES, unit.dimension, strict=True):
        if exponent:
            power: ast.expr = ast.Name(names[base])
            if exponent != 1:
                power = ast.BinOp(power, ast.Pow(), _number(exponent))
            tree = power if tree is None else ast.BinOp(tree, ast.Mult(), power)
    assert tree is not None
    return tree


def _prefixed(unit: Unit) -> dict[str, str]:
    """The base of which another power of ten makes up for that of the unit."""
    for base, powers in _PREFIXED.items():
        exponent = unit.dimension[BASES.index(base)]
        if exponent and unit.tens / exponent in powers:
            return {base: powers[unit.tens / exponent]}
    return {}


def _number(value: Fraction) -> ast.expr:
    number = ast.Constant(int(abs(value)) if value.denominator == 1 else float(abs(value)))
    return ast.UnaryOp(ast.USub(), number) if value < 0 else number


def kind_of(unit: Unit) -> str | None:
    """Which of `KINDS` a unit is, whatever its power of time; None if it is none of them."""
    time = BASES.index("ms")
    for name in KINDS:
        known = named_unit(name)
        assert known is not None
        pairs = zip(unit.dimension, known.dimension, strict=True)
        if all(a == b for place, (a, b) in enumerate(pairs) if place != time):
            return name
    return None
