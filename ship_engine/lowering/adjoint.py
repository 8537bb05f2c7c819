"""The adjoint of a program: derivatives of one number with respect to all that it depends on.

Reverse accumulation: the lines of a program are gone through backwards, and each one hands the
derivative with respect to its result on to its operands, times its own local derivative (Griewank &
Walther 2008, Evaluating Derivatives, chapter 3).  The derivatives are lines of the same program, so
that what they share with it is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ship_engine.lowering.tracing import BOOLEAN, Program, Traced, cos, sin, where

Hand = Iterator[tuple[Traced, Traced]]
"""Operands, and what is handed on to each."""


def adjoints(
    program: Program,
    seeds: Iterable[tuple[Traced, Traced]],
    step: Callable[[Traced], Traced],
) -> Callable[[Traced], Traced | None]:
    """Derivatives of a sum of products with respect to any line of a program.

    Parameters
    ----------
    program : Program
        The program; what is computed for the derivatives is appended to it.
    seeds : iterable of (Traced, Traced)
        Results, and the derivative with respect to each.
    step : callable
        The derivative that stands for that of a hard step, given what it compares with zero.

    Returns
    -------
    callable
        Gives the derivative with respect to a line, or None if nothing depends on it.
    """
    found: dict[int, Traced] = {}
    end = len(program.operations)

    def add(to: Traced, amount: Traced) -> None:
        known = found.get(to.line)
        found[to.line] = amount if known is None else known + amount

    for result, gradient in seeds:
        add(result, gradient)
    for line in range(max(found, default=-1), -1, -1):
        if line in found and line < end:
            for operand, amount in _handed_on(Traced(program, line), found[line], step):
                if operand.operation.name not in ("constant", *BOOLEAN):
                    add(operand, amount)
    return lambda traced: found.get(traced.line)


def _handed_on(result: Traced, g: Traced, step: Callable[[Traced], Traced]) -> Hand:
    """The operands of a line, and the derivative with respect to each."""
    program, (name, lines, _) = result.program, result.operation
    if name in ("leaf", "constant", "floor", "without_gradient", *BOOLEAN):
        return
    operands = [Traced(program, line) for line in lines]
    if name == "where":
        condition, a, b = operands
        yield a, where(condition, g, 0.0)
        yield b, where(condition, 0.0, g)
    elif name == "spike":
        distance, _, awake = operands
        yield distance, where(awake, g * step(distance), 0.0)
    elif len(operands) == 2:
        yield from _of_two(name, operands[0], operands[1], result, g)
    else:
        yield operands[0], _of_one(name, operands[0], result, g)


def _of_two(name: str, a: Traced, b: Traced, result: Traced, g: Traced) -> Hand:
    if name == "add":
        yield a, g
        yield b, g
    elif name == "subtract":
        yield a, g
        yield b, -g
    elif name == "multiply":
        yield a, g * b
        yield b, g * a
    elif name == "divide":
        yield a, g / b
        yield b, -(g * result / b)
    else:
        assert name == "power"
        yield a, g * b * a ** (b - 1.0)
        yield b, g * result * result.program.line("log", a)


def _of_one(name: str, x: Traced, result: Traced, g: Traced) -> Traced:
    rules: dict[str, Callable[[], Traced]] = {
        "negative": lambda: -g,
        "absolute": lambda: where(x > 0.0, g, where(x < 0.0, -g, 0.0)),
        "exp": lambda: g * result,
        "expm1": lambda: g * (result + 1.0),
        "log": lambda: g / x,
        "sqrt": lambda: g * 0.5 / result,
        "sin": lambda: g * cos(x),
        "cos": lambda: -(g * sin(x)),
        "tanh": lambda: g * (1.0 - result * result),
    }
    return rules[name]()
