"""How functions are compiled: pointers, the jit decorator, and the language of models."""

from __future__ import annotations

import math
import types as python_types
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.core.dispatcher import _FunctionCompiler
from numba.extending import intrinsic

FAST_MATH = {"contract", "nsz"}
"""Fused multiply-add is allowed; what NaN and infinity mean is not touched."""


class _BareCompiler(_FunctionCompiler):
    """Compiles without reference counting or wrappers, and with pointers that do not alias.

    The second is what lets LLVM vectorise a loop over many rows without testing every pair of
    them for overlap at run time.
    """

    def _customize_flags(self, flags: Any) -> Any:
        flags.nrt = False
        flags.noalias = True
        flags.no_cpython_wrapper = True
        flags.no_cfunc_wrapper = True
        return flags


def jit(function: Callable[..., Any], inline: bool = False) -> Any:
    """Compile a function as part of a kernel.

    Parameters
    ----------
    function : callable
        What to compile.
    inline : bool
        Whether to put it into its callers whatever its size, so that their loops vectorise.
    """
    options = {"fastmath": FAST_MATH, "error_model": "numpy", "forceinline": inline}
    dispatcher = numba.njit(**options)(function)
    dispatcher._compiler.__class__ = _BareCompiler
    return dispatcher


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function into its callers."""
    return jit(function, inline=True)


def _pointer_to(element: Any) -> Any:
    pointer = types.CPointer(element)

    @intrinsic
    def cast(typing_context: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(pointer))

        return pointer(types.int64), generate

    return cast


float32 = _pointer_to(types.float32)
float64 = _pointer_to(types.float64)
int64 = _pointer_to(types.int64)
int32 = _pointer_to(types.int32)
uint64 = _pointer_to(types.uint64)
uint8 = _pointer_to(types.uint8)


@intrinsic
def call_kernel(
    typing_context: Any, address: Any, group: Any, step: Any, low: Any, high: Any
) -> Any:
    """Call another compiled function ``kernel(group, step, low, high)`` by its address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        from llvmlite import ir

        word, pointer = ir.IntType(64), ir.IntType(8).as_pointer()
        function_type = ir.FunctionType(
            ir.IntType(32), [word.as_pointer(), pointer.as_pointer(), word, word, word, word]
        )
        function = builder.inttoptr(arguments[0], function_type.as_pointer())
        with builder.goto_entry_block():
            result = builder.alloca(word)
            exception = builder.alloca(pointer)
        builder.call(function, [result, exception, *arguments[1:]])
        return builder.load(result)

    return types.int64(*[types.int64] * 5), generate


@intrinsic
def _bits_of(typing_context: Any, number: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.int64))

    return types.int64(types.float64), generate


@intrinsic
def _number_of(typing_context: Any, bits: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float64))

    return types.float64(types.int64), generate


LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.6931471805598903, 5.497923018708371e-14
"""Their sum is ln 2; the first has so few digits that its product with any exponent is exact."""
TO_INTEGER = 6755399441055744.0
"""1.5 * 2**52: what is added to it is rounded to an integer, which its last bits then hold."""
LARGEST, SMALLEST = 709.4, -708.0
"""Above the one exp is infinite; below the other it is zero, denormal numbers being slow."""


@inlined
def _reduced(x):
    """Write exp(x) as scale (1 + part): returns part and scale.

    exp(x) = 2**k exp(r) with k the integer nearest to x / ln 2, so that |r| <= ln(2) / 2, where
    exp(r) = 1 + r + r**2 q(r); q interpolates at Chebyshev points, with an error of 2e-17.  There
    is no branch and no table, so that loops vectorise; the terms are paired (Estrin's scheme), so
    that none waits for many others.
    """
    shifted = x * LOG2_E + TO_INTEGER
    k = shifted - TO_INTEGER
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    r2 = r * r
    r4 = r2 * r2
    a = 0.16666666666666669 * r + 0.5
    b = 0.008333333333330039 * r + 0.041666666666623824
    c = 0.00019841269863171557 * r + 0.0013888888917367081
    d = 2.7557268276905696e-06 * r + 2.4801521057868204e-05
    e = 2.5100472505694996e-08 * r + 2.7620201591031547e-07
    q = (b * r2 + a) + ((d * r2 + c) + e * r4) * r4
    # 1023 is the exponent's bias.
    scale = _number_of((_bits_of(shifted) + 1023) << 52)
    return r + r2 * q, scale


@inlined
def exp(x):
    """Raise e to the power x, to the last digit or the one before."""
    part, scale = _reduced(x)
    value = math.inf if x > LARGEST else scale + scale * part
    return 0.0 if x < SMALLEST else value


@inlined
def expm1(x):
    """exp(x) - 1, with all its digits for small x."""
    part, scale = _reduced(x)
    value = math.inf if x > LARGEST else (scale - 1.0) + scale * part
    return -1.0 if x < SMALLEST else value


@jit
def where(condition, if_true, if_false):
    """Choose between two values."""
    return if_true if condition else if_false


@jit
def minimum(a, b):
    """Give the smaller of two values."""
    return a if a < b else b


@jit
def maximum(a, b):
    """Give the larger of two values."""
    return b if a < b else a


@inlined
def floor(x):
    """Give the largest whole number that is not above x."""
    return np.floor(x)


@jit
def without_gradient(x):
    """Give a number as it is."""
    return x


@jit
def binomial_quantile(uniform, count, probability):
    """How many of `count` independent events happen, given a uniform random number."""
    if probability >= 1.0:
        return count
    term = (1.0 - probability) ** count
    odds = probability / (1.0 - probability)
    cumulative, happened = term, 0.0
    while happened < count and uniform >= cumulative:
        term *= odds * (count - happened) / (happened + 1.0)
        cumulative += term
        happened += 1.0
    return happened


_COMPILED = {
    "where": where,
    "minimum": minimum,
    "maximum": maximum,
    "binomial_quantile": binomial_quantile,
    "without_gradient": without_gradient,
    "absolute": abs,
    "floor": floor,
    "exp": exp,
    "expm1": expm1,
    **{name: getattr(math, name) for name in ("log", "sqrt", "sin", "cos", "tanh")},
}


def compile_elementwise(function: Callable[..., Any], done: dict[Any, Any] | None = None) -> Any:
    """Compile a model's function, with the language's names bound to compiled ones.

    Functions that it calls are compiled the same way.
    """
    done = {} if done is None else done
    if function in done:
        return done[function]

    def compiled(name: str, value: Any) -> Any:
        if name in _COMPILED and getattr(value, "__module__", "") == "ship_engine.elementwise":
            return _COMPILED[name]
        if isinstance(value, python_types.FunctionType):
            return compile_elementwise(value, done)
        return value

    code, outside = function.__code__, function.__globals__
    scope = {name: compiled(name, outside[name]) for name in code.co_names if name in outside}
    closure = tuple(
        python_types.CellType(compiled(name, cell.cell_contents))
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True)
    )
    rebound = python_types.FunctionType(code, scope, function.__name__, None, closure)
    done[function] = inlined(rebound)
    return done[function]
