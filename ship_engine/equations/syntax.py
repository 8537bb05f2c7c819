"""The nodes of a syntax tree: what the parser makes of a text."""

from __future__ import annotations

from dataclasses import dataclass


class Syntax:
    """Base class of the nodes of a syntax tree."""


@dataclass(frozen=True)
class Number(Syntax):
    """A number, perhaps with the name of a unit right behind it."""

    value: float
    unit: str | None = None


@dataclass(frozen=True)
class Truth(Syntax):
    """True or False."""

    value: bool


@dataclass(frozen=True)
class Name(Syntax):
    """A parameter, state, definition, constant or unit."""

    name: str


@dataclass(frozen=True)
class Negative(Syntax):
    """The negative of something."""

    operand: Syntax


@dataclass(frozen=True)
class Sum(Syntax):
    """Terms that are added; what is subtracted is `Negative`."""

    terms: tuple[Syntax, ...]


@dataclass(frozen=True)
class Product(Syntax):
    """Factors that are multiplied."""

    factors: tuple[Syntax, ...]


@dataclass(frozen=True)
class Quotient(Syntax):
    """One thing divided by another."""

    above: Syntax
    below: Syntax


@dataclass(frozen=True)
class Power(Syntax):
    """One thing to the power of another."""

    base: Syntax
    exponent: Syntax


@dataclass(frozen=True)
class Comparison(Syntax):
    """``<``, ``<=``, ``>``, ``>=``, ``==`` or ``!=``."""

    operator: str
    left: Syntax
    right: Syntax


@dataclass(frozen=True)
class Logic(Syntax):
    """Conditions joined by ``and`` or by ``or``."""

    operator: str
    operands: tuple[Syntax, ...]


@dataclass(frozen=True)
class Not(Syntax):
    """The opposite of a condition."""

    operand: Syntax


@dataclass(frozen=True)
class Call(Syntax):
    """A function of some arguments."""

    function: str
    arguments: tuple[Syntax, ...]


def names_in(tree: Syntax) -> set[str]:
    """Every name that an expression asks for, but for those of functions."""
    found, pending = set(), [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, Name):
            found.add(node.name)
        for value in vars(node).values():
            parts = value if isinstance(value, tuple) else (value,)
            pending += [part for part in parts if isinstance(part, Syntax)]
    return found
