"""Kernels of NESTML as chains of linear equations that spikes set going.

The convolution of spikes with a kernel k(t) = sum of c t**m exp(a t) obeys linear equations with
constant coefficients.  With the exponents a_1, ..., a_n, each as often as its highest power of t
needs, the chain

    z_1' = a_1 z_1 + spikes,    z_2' = a_2 z_2 + z_1,    ...,    z_n' = a_n z_n + z_(n-1)

carries it: k is d_1 z_1 + ... + d_n z_n, where the d_j are the divided differences at the exponents
of the numerator of k's Laplace transform.  Only z_1 has an input, and the chain is solved exactly
even where exponents coincide.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from ship_engine.nestml.locations import shown, unsupported

_WRITE = (
    "a sum of terms c * t**m * exp(-t / tau), delta(t), or the kernel as differential equations"
)

HIGHEST = 10
"""Power of the time in a kernel."""
_EXPONENTIAL = "exponential"
"""Stands for exp while products are multiplied out, which would move exp(-x) under a fraction."""


def chain_of(
    kernels: Sequence[tuple[ast.expr, Any]],
) -> tuple[list[ast.expr], list[list[ast.expr]]]:
    """The exponents a_j of some kernels, and for each of them the d_j that make it up.

    Parameters
    ----------
    kernels : sequence of (ast.expr, ASTNode)
        Functions of ``t``, and where each of them stands.

    Raises
    ------
    UnsupportedModelError
        If one is no sum of powers of t times exponentials.
    """
    import sympy

    time, s = sympy.Symbol("t"), sympy.Symbol("s_")
    counts: dict[Any, int] = {}
    images = []
    for tree, node in kernels:
        image = sympy.Integer(0)
        for term in sympy.Add.make_args(sympy.expand(_to_sympy(tree, node))):
            factor, power, rate = _term(term, time, node)
            rate = next((known for known in counts if sympy.simplify(known - rate) == 0), rate)
            counts[rate] = max(counts.get(rate, 0), power + 1)
            image += factor * sympy.factorial(power) / (s - rate) ** (power + 1)
        images.append(image)
    exponents = [rate for rate, count in counts.items() for _ in range(count)]
    denominator = sympy.prod([s - rate for rate in exponents])
    weights = [_divided_differences(image * denominator, exponents, s) for image in images]
    return [_to_ast(a) for a in exponents], [[_to_ast(d) for d in each] for each in weights]


def _divided_differences(numerator: Any, exponents: list[Any], s: Any) -> list[Any]:
    import sympy

    rest = sympy.cancel(sympy.together(numerator))
    weights = []
    for exponent in reversed(exponents):
        weights.append(sympy.simplify(rest.subs(s, exponent)))
        rest = sympy.cancel(sympy.together((rest - weights[-1]) / (s - exponent)))
    return weights[::-1]


def _term(term: Any, time: Any, node: Any) -> tuple[Any, int, Any]:
    """c, m and a of a term c t**m exp(a t)."""
    import sympy

    factor, power, rate = sympy.Integer(1), 0, sympy.Integer(0)
    for part in sympy.Mul.make_args(term):
        base, exponent = part.as_base_exp()
        if time not in part.free_symbols:
            factor *= part.replace(sympy.Function(_EXPONENTIAL), sympy.exp)
        elif base == time and exponent.is_Integer and exponent > 0:
            power += int(exponent)
            if power > HIGHEST:
                raise unsupported(node, f"'{shown(node)}'", f"powers of t up to {HIGHEST}")
        elif str(base.func) == _EXPONENTIAL and time not in exponent.free_symbols:
            inner = sympy.expand(exponent * base.args[0])
            if not inner.is_polynomial(time) or sympy.degree(inner, time) != 1:
                raise unsupported(node, f"'{shown(node)}'", _WRITE)
            factor *= sympy.exp(inner.coeff(time, 0))
            rate += inner.coeff(time, 1)
        else:
            raise unsupported(node, f"'{shown(node)}'", _WRITE)
    return factor, power, rate


def _to_sympy(tree: ast.expr, node: Any) -> Any:
    import sympy

    if isinstance(tree, ast.Constant) and isinstance(tree.value, (int, float)):
        whole = tree.value == int(tree.value)
        return sympy.Integer(int(tree.value)) if whole else sympy.Float(tree.value, 17)
    if isinstance(tree, ast.Name):
        return sympy.Symbol(tree.id, **({} if tree.id == "t" else {"positive": True}))
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        return -_to_sympy(tree.operand, node)
    if isinstance(tree, ast.BinOp):
        left, right = _to_sympy(tree.left, node), _to_sympy(tree.right, node)
        if isinstance(tree.op, ast.Add):
            return left + right
        if isinstance(tree.op, ast.Sub):
            return left - right
        if isinstance(tree.op, ast.Mult):
            return left * right
        if isinstance(tree.op, ast.Div):
            return left / right
        if right.is_Integer and abs(right) > HIGHEST:
            raise unsupported(node, f"the power {right} in a kernel", f"powers up to {HIGHEST}")
        return left**right
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "exp":
        return sympy.Function(_EXPONENTIAL)(_to_sympy(tree.args[0], node))
    raise unsupported(node, "this kernel", _WRITE)


def _to_ast(expression: Any) -> ast.expr:
    import sympy

    if expression.is_Symbol:
        return ast.Name(str(expression))
    if expression.is_Number:
        if expression.is_negative:
            return ast.UnaryOp(ast.USub(), _to_ast(-expression))
        if expression.is_Integer:
            return ast.Constant(int(expression))
        return ast.Constant(float(expression))
    if not expression.args:
        return ast.Constant(float(expression))  # Euler's number
    if isinstance(expression, sympy.exp):
        return ast.Call(ast.Name("exp"), [_to_ast(expression.args[0])], [])
    if expression.is_Add:
        return _chain(ast.Add(), list(expression.args))
    below = [1 / part for part in sympy.Mul.make_args(expression) if _divides(part)]
    above = [part for part in sympy.Mul.make_args(expression) if not _divides(part)]
    if not below and len(above) == 1:
        return ast.BinOp(_to_ast(expression.base), ast.Pow(), _to_ast(expression.exp))
    if -1 in above:
        return ast.UnaryOp(ast.USub(), _to_ast(-expression))
    tree = _chain(ast.Mult(), above) if above else ast.Constant(1)
    return ast.BinOp(tree, ast.Div(), _chain(ast.Mult(), below)) if below else tree


def _divides(part: Any) -> bool:
    return bool(part.is_Pow and part.exp.is_number and part.exp.is_negative)


def _chain(operator: ast.operator, parts: list[Any]) -> ast.expr:
    tree = _to_ast(parts[0])
    for part in parts[1:]:
        tree = ast.BinOp(tree, operator, _to_ast(part))
    return tree
