"""The little language that models are written in.

A model's functions use arithmetic, comparisons and the names below, with no control flow.  Each
name looks at its arguments and calls the library that they belong to, so the same function runs
on NumPy arrays, on torch tensors (differentiable, batched, any device), on SymPy symbols, and on
traced numbers, which become programs and their derivatives (`ship_engine.lowering.tracing`).  The
Numba lowering replaces the names by their compiled counterparts (see
`ship_engine.compiled.dialect`), so the same function is also a fused machine-code loop.

Nothing here imports torch or SymPy: a tensor or a symbol brings its library along.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np

LANGUAGE = (
    "where",
    "exp",
    "expm1",
    "log",
    "sqrt",
    "sin",
    "cos",
    "tanh",
    "absolute",
    "floor",
    "minimum",
    "maximum",
    "without_gradient",
)
"""Every name that a model may call; an executor that interprets models provides all of them."""


_TRACING = "ship_engine.lowering.tracing"


def _library(*arguments: Any) -> ModuleType:
    for argument in arguments:
        module = type(argument).__module__
        root = module.partition(".")[0]
        if root in ("torch", "sympy"):
            return sys.modules[root]
        if module == _TRACING:
            return sys.modules[_TRACING]
    return np


def where(condition: Any, if_true: Any, if_false: Any) -> Any:
    """Choose elementwise between two values; both are computed."""
    library = _library(condition, if_true, if_false)
    if library is np or library.__name__ == _TRACING:
        return library.where(condition, if_true, if_false)
    if library.__name__ == "sympy":
        return library.Piecewise((if_true, condition), (if_false, True))
    if not (hasattr(if_true, "dtype") or hasattr(if_false, "dtype")):
        if_true = library.tensor(if_true, dtype=library.float64)
    return library.where(condition, if_true, if_false)


def exp(x: Any) -> Any:
    """Raise e to the power x."""
    return _library(x).exp(x)


def expm1(x: Any) -> Any:
    """exp(x) - 1, exact for small x."""
    library = _library(x)
    return library.exp(x) - 1 if library.__name__ == "sympy" else library.expm1(x)


def log(x: Any) -> Any:
    """Natural logarithm."""
    return _library(x).log(x)


def sqrt(x: Any) -> Any:
    """Square root."""
    return _library(x).sqrt(x)


def sin(x: Any) -> Any:
    """Sine of an angle in radians."""
    return _library(x).sin(x)


def cos(x: Any) -> Any:
    """Cosine of an angle in radians."""
    return _library(x).cos(x)


def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return _library(x).tanh(x)


def absolute(x: Any) -> Any:
    """Absolute value."""
    library = _library(x)
    return library.Abs(x) if library.__name__ == "sympy" else library.absolute(x)


def floor(x: Any) -> Any:
    """The largest whole number that is not above x; a constant where derivatives are taken."""
    return _library(x).floor(x)


def minimum(a: Any, b: Any) -> Any:
    """The smaller of two values."""
    return where(a < b, a, b)


def maximum(a: Any, b: Any) -> Any:
    """The larger of two values."""
    return where(a < b, b, a)


def without_gradient(x: Any) -> Any:
    """A number as it is, but a constant where derivatives are taken.

    For models whose exact derivative is of no use to training, such as that of an upstroke.
    """
    library = _library(x)
    if library.__name__ == "torch":
        return x.detach()
    return library.without_gradient(x) if library.__name__ == _TRACING else x


def exprel(x: Any) -> Any:
    """(exp(x) - 1) / x, continued smoothly through x = 0."""
    small = absolute(x) < 1e-5
    return where(small, 1.0 + x * (0.5 + x / 6.0), expm1(x) / where(small, 1.0, x))


def exp_moment(x: Any) -> Any:
    """Integral of u exp(x u) over u from 0 to 1: (1 + (x - 1) exp(x)) / x**2, smooth at x = 0.

    The closed form loses all its digits near zero, so its Taylor series, sum of
    x**k / (k! (k + 2)), takes over where |x| < 0.5; the terms left out are below 1e-16.
    """
    small = absolute(x) < 0.5
    y = where(small, x, 0.0)
    series = 1.0 / 6706022400.0
    series = 1.0 / 518918400.0 + y * series
    series = 1.0 / 43545600.0 + y * series
    series = 1.0 / 3991680.0 + y * series
    series = 1.0 / 403200.0 + y * series
    series = 1.0 / 45360.0 + y * series
    series = 1.0 / 5760.0 + y * series
    series = 1.0 / 840.0 + y * series
    series = 1.0 / 144.0 + y * series
    series = 1.0 / 30.0 + y * series
    series = 1.0 / 8.0 + y * series
    series = 1.0 / 3.0 + y * series
    series = 0.5 + y * series
    z = where(small, 1.0, x)
    return where(small, series, (1.0 + (z - 1.0) * exp(z)) / (z * z))


def binomial_quantile(uniform: Any, count: Any, probability: Any) -> Any:
    """How many of `count` independent events happen, given a uniform random number in (0, 1).

    The smallest k for which the binomial distribution function exceeds the number.  It needs
    numbers, so SymPy cannot interpret a synapse that draws.
    """
    happened, term = 0.0 * (uniform * count), (1.0 - probability) ** count
    odds = probability / where(probability < 1.0, 1.0 - probability, 1.0)
    cumulative, number = term, 0.0
    most = _library(uniform, count, probability).asarray(count).max()
    while number < most:
        happened = where((uniform >= cumulative) & (number < count), number + 1.0, happened)
        term = term * odds * (count - number) / (number + 1.0)
        cumulative = cumulative + term
        number += 1.0
    return where(probability < 1.0, happened, happened * 0.0 + count)
