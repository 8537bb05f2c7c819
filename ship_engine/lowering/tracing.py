"""Elementwise functions as straight-line programs: a list of operations on numbers.

A function of `ship_engine.elementwise`'s language is called once with `Traced` numbers, which write
down what is done to them.  The program can be differentiated (`ship_engine.lowering.adjoint`) and
written as the text of a compiled loop.  Equal operations are written down once.

SymPy's expressions are trees: the derivative of a Runge-Kutta step of a model with four states has
millions of nodes, and is not computed in the order in which the model was written.  A program is
as long as the model's text, and gives the numbers that the text gives.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import Any, NamedTuple

from ship_engine.errors import UnsupportedByExecutorError


class Operation(NamedTuple):
    """One line of a program.

    Attributes
    ----------
    name : str
        What is done; ``'leaf'`` for what the program is given, ``'constant'`` for a number.
    operands : tuple of int
        The lines whose results it takes.
    detail : str or float or None
        The name of a leaf, the value of a constant, or a comparison's sign.
    """

    name: str
    operands: tuple[int, ...] = ()
    detail: Any = None


BOOLEAN = ("compare", "and", "or", "not", "crossed")
"""Operations whose result is a truth."""
_SIGNS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "==", "!=": "!="}


class Program:
    """Operations in the order in which they are done."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._known: dict[Operation, int] = {}

    def line(self, name: str, *operands: Any, detail: Any = None) -> Traced:
        """The result of an operation, which is written down unless it stands there already."""
        lines = tuple(self.number(operand).line for operand in operands)
        operation = Operation(name, lines, detail)
        if operation not in self._known:
            self._known[operation] = len(self.operations)
            self.operations.append(operation)
        return Traced(self, self._known[operation])

    def leaf(self, name: str) -> Traced:
        """A number that the program is given."""
        return self.line("leaf", detail=name)

    def number(self, value: Any) -> Traced:
        """A constant as a traced number; a traced number as it is."""
        if isinstance(value, Traced):
            return value
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise UnsupportedByExecutorError(
                f"{value!r} of type {type(value).__name__} in a model's or surrogate's function; "
                "the executor 'fused' knows numbers and the functions of ship_engine.elementwise. "
                "Write it in those, or use the executor 'torch'."
            )
        # -0.0 equals 0.0, but is another constant.
        return self.line("constant", detail=repr(float(value)))

    def constant(self, line: int) -> float | None:
        """The value of a line that is a constant."""
        operation = self.operations[line]
        return float(operation.detail) if operation.name == "constant" else None

    def needed(self, results: Iterable[Traced]) -> list[int]:
        """The lines on which results depend, in order."""
        wanted = {result.line for result in results}
        for line in range(len(self.operations) - 1, -1, -1):
            if line in wanted:
                wanted.update(self.operations[line].operands)
        return sorted(wanted)


class Traced:
    """A number of a program: it writes down what is done to it.

    Parameters
    ----------
    program : Program
        Where to.
    line : int
        The operation whose result it is.
    """

    __array_ufunc__ = None  # NumPy's numbers leave arithmetic to this class
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, program: Program, line: int) -> None:
        self.program, self.line = program, line

    @property
    def operation(self) -> Operation:
        """The operation whose result it is."""
        return self.program.operations[self.line]

    def __add__(self, other: Any) -> Traced:
        return self.program.line("add", self, other)

    def __radd__(self, other: Any) -> Traced:
        return self.program.line("add", other, self)

    def __sub__(self, other: Any) -> Traced:
        return self.program.line("subtract", self, other)

    def __rsub__(self, other: Any) -> Traced:
        return self.program.line("subtract", other, self)

    def __mul__(self, other: Any) -> Traced:
        return self.program.line("multiply", self, other)

    def __rmul__(self, other: Any) -> Traced:
        return self.program.line("multiply", other, self)

    def __truediv__(self, other: Any) -> Traced:
        return self.program.line("divide", self, other)

    def __rtruediv__(self, other: Any) -> Traced:
        return self.program.line("divide", other, self)

    def __pow__(self, exponent: Any) -> Traced:
        if isinstance(exponent, (int, float)) and exponent in range(1, 9):
            if exponent == 1:
                return self
            half = self ** (int(exponent) // 2)
            return half * half * self if exponent % 2 else half * half
        return self.program.line("power", self, exponent)

    def __rpow__(self, base: Any) -> Traced:
        return self.program.line("power", base, self)

    def __neg__(self) -> Traced:
        return self.program.line("negative", self)

    def __pos__(self) -> Traced:
        return self

    def __abs__(self) -> Traced:
        return self.program.line("absolute", self)

    def _compared(self, sign: str, other: Any) -> Traced:
        return self.program.line("compare", self, other, detail=_SIGNS[sign])

    def __lt__(self, other: Any) -> Traced:
        return self._compared("<", other)

    def __le__(self, other: Any) -> Traced:
        return self._compared("<=", other)

    def __gt__(self, other: Any) -> Traced:
        return self._compared(">", other)

    def __ge__(self, other: Any) -> Traced:
        return self._compared(">=", other)

    def __eq__(self, other: Any) -> Traced:  # type: ignore[override]
        return self._compared("==", other)

    def __ne__(self, other: Any) -> Traced:  # type: ignore[override]
        return self._compared("!=", other)

    def __and__(self, other: Any) -> Traced:
        return self.program.line("and", self, other)

    def __or__(self, other: Any) -> Traced:
        return self.program.line("or", self, other)

    def __invert__(self) -> Traced:
        return self.program.line("not", self)

    def __bool__(self) -> bool:
        raise UnsupportedByExecutorError(
            "A model's or surrogate's function decides by the value of a number (`if`, `and`, "
            "`while`); write `where(condition, a, b)` of ship_engine.elementwise, and `&`, `|` and "
            "`~` for conditions."
        )


def where(condition: Any, if_true: Any, if_false: Any) -> Traced:
    """Choose between two numbers."""
    program = next(x.program for x in (condition, if_true, if_false) if isinstance(x, Traced))
    return program.line("where", condition, if_true, if_false)


def absolute(x: Traced) -> Traced:
    """Absolute value."""
    return abs(x)


def exp(x: Traced) -> Traced:
    """Raise e to the power x."""
    return x.program.line("exp", x)


def expm1(x: Traced) -> Traced:
    """exp(x) - 1, exact for small x."""
    return x.program.line("expm1", x)


def log(x: Traced) -> Traced:
    """Natural logarithm."""
    return x.program.line("log", x)


def sqrt(x: Traced) -> Traced:
    """Square root."""
    return x.program.line("sqrt", x)


def sin(x: Traced) -> Traced:
    """Sine."""
    return x.program.line("sin", x)


def cos(x: Traced) -> Traced:
    """Cosine."""
    return x.program.line("cos", x)


def tanh(x: Traced) -> Traced:
    """Hyperbolic tangent."""
    return x.program.line("tanh", x)


def floor(x: Traced) -> Traced:
    """The largest whole number that is not above x."""
    return x.program.line("floor", x)


def without_gradient(x: Traced) -> Traced:
    """A number as it is, but a constant where derivatives are taken."""
    return x.program.line("without_gradient", x)
