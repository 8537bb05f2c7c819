"""How functions are compiled: pointers, the jit decorator, and the language of models."""

from __future__ import annotations

import math
import types as python_types
from collections.abc import Callable
from typing import Any

import numba
from numba.core import types
from numba.core.dispatcher import _FunctionCompiler
from numba.extending import intrinsic

from ship_engine.elementwise import LANGUAGE

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


_COMPILED = {
    "where": where,
    "minimum": minimum,
    "maximum": maximum,
    "absolute": abs,
    **{name: getattr(math, name) for name in LANGUAGE if hasattr(math, name)},
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
    done[function] = jit(rebound)
    return done[function]
