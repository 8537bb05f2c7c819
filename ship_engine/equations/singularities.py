"""Quotients that are 0 / 0 somewhere, and are written so that they have their limit there.

Rates of channels often have the form x / (exp(x / k) - 1), which has no value at x = 0 and few
correct digits nearby.  It is k / exprel(x / k), which is smooth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ship_engine.equations.algebra import Expression

Factors = list[tuple["Expression", float]]
SAME = 1e-12
"""Relative difference of numbers that were meant to be equal."""


def removable(factors: Factors) -> tuple[Expression, Expression, Expression, float] | None:
    """A pair of factors x and 1 / (c exp(k x) - c) of a product, if there is one.

    Returns
    -------
    tuple or None
        x, the divisor, k x, and the number c k, so that x / divisor is 1 / (c k exprel(k x)).
    """
    for divisor, exponent in factors:
        if exponent != -1.0 or divisor.kind != "sum" or len(divisor.parts) != 2:
            continue
        constant, (coefficient, call) = divisor.parts
        if call.kind != "call" or call.parts[0] != "exp" or not _close(constant, -coefficient):
            continue
        for x, power in factors:
            ratio = _ratio(call.parts[1], x) if power == 1.0 else None
            if ratio is not None:
                return x, divisor, call.parts[1], coefficient * ratio
    return None


def _ratio(a: Expression, b: Expression) -> float | None:
    """The number a / b, if it is one."""
    (a_constant, a_terms), (b_constant, b_terms) = _parts(a), _parts(b)
    if a_terms.keys() != b_terms.keys() or not a_terms:
        return None
    ratios = [a_terms[key] / b_terms[key] for key in a_terms]
    if b_constant:
        ratios.append(a_constant / b_constant)
    elif a_constant:
        return None
    return ratios[0] if all(_close(ratio, ratios[0]) for ratio in ratios) else None


def _parts(node: Expression) -> tuple[float, dict[int, float]]:
    """The constant and the coefficients of a sum."""
    if node.kind != "sum":
        return 0.0, {id(node): 1.0}
    return node.parts[0], {id(part): coefficient for coefficient, part in node.parts[1:]}


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= SAME * abs(b)
