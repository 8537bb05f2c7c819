"""Exponentials of small matrices as elementwise functions, written out number by number.

``matrix_flow_n`` takes the n * n entries of a matrix A, row by row, and returns those of exp(A)
and then those of the integral of exp(A s) over s from 0 to 1.  Both are Taylor series of A / 2**k
that are then doubled k times, with the smallest k for which the norm of A / 2**k is at most 1/2,
and no more than `DOUBLINGS`.  The number of doublings is data, so one that is not needed is
computed and not taken.

Moler & Van Loan (2003), SIAM Rev. 45:3, method 3.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from functools import cache
from typing import Any

from ship_engine.elementwise import absolute, maximum, where

DOUBLINGS = 16
"""Good for norms up to 2**15, such as a step of 1 ms with time constants of 0.03 us."""
TERMS = 14
"""Of the Taylor series; what is left out is below 1e-17."""


@cache
def matrix_flow(size: int) -> Callable[..., Any]:
    """The function ``matrix_flow_n`` for matrices of a size."""
    text = _text(size)
    file = f"<matrices of size {size}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    namespace: dict[str, Any] = {"absolute": absolute, "maximum": maximum, "where": where}
    exec(compile(text, file, "exec"), namespace)
    function: Callable[..., Any] = namespace[f"matrix_flow_{size}"]
    return function


def _names(letter: str, size: int) -> list[str]:
    return [f"{letter}{i}_{j}" for i in range(size) for j in range(size)]


def _product(a: str, b: str, size: int) -> list[str]:
    """Texts of the entries of a matrix product."""
    indices = range(size)
    return [
        " + ".join(f"{a}{i}_{k} * {b}{k}_{j}" for k in indices) for i in indices for j in indices
    ]


def _assigned(names: list[str], texts: list[str]) -> list[str]:
    return [f"    {name} = {text}" for name, text in zip(names, texts, strict=True)]


def _text(size: int) -> str:
    a, e, p, n = (_names(letter, size) for letter in "aepn")
    given, pair = ", ".join(a), ", ".join([*e, *p])
    doubled = [
        f"def doubled_{size}(scale, {pair}):",
        *_assigned(n, _product("e", "e", size)),
        *_assigned(
            _names("q", size),
            [f"0.5 * ({p[k]} + {text})" for k, text in enumerate(_product("e", "p", size))],
        ),
        "    wanted = scale < 1.0",
        "    return (where(wanted, 2.0 * scale, scale), "
        + ", ".join(
            f"where(wanted, {new}, {old})"
            for new, old in zip([*n, *_names("q", size)], [*e, *p], strict=True)
        )
        + ")",
    ]
    rows = [" + ".join(f"absolute(a{i}_{j})" for j in range(size)) for i in range(size)]
    norm = rows[0]
    for row in rows[1:]:
        norm = f"maximum({norm}, {row})"
    identity = ["1.0" if i == j else "0.0" for i in range(size) for j in range(size)]
    lines = [
        f"def matrix_flow_{size}({given}):",
        f"    norm = {norm}",
        "    scale = where(norm > 0.5, 0.5, 1.0)",
    ]
    lines += ["    scale = where(norm * scale > 0.5, 0.5 * scale, scale)"] * (DOUBLINGS - 1)
    lines += _assigned(_names("s", size), [f"scale * {name}" for name in a])
    # Horner's rule for the integral, sum of s**k / (k + 1)!; then exp = 1 + s integral.
    lines += _assigned(p, [f"{one} + 0.0 * norm" for one in identity])
    for k in range(TERMS, 1, -1):
        products = [f"({text}) * {1.0 / k!r}" for text in _product("s", "p", size)]
        plus = [f"{one} + {text}" for one, text in zip(identity, products, strict=True)]
        lines += _assigned(n, plus) + _assigned(p, n)
    exponential = zip(identity, _product("s", "p", size), strict=True)
    lines += _assigned(e, [f"{one} + {text}" for one, text in exponential])
    call = f"    scale, {pair} = doubled_{size}(scale, {pair})"
    lines += [call] * DOUBLINGS
    return "\n".join([*doubled, "", "", *lines, f"    return ({pair})"]) + "\n"
