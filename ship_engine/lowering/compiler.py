"""Compile one function of integers to a relocatable object file, with Numba.

This is the only module that knows Numba's inside, and it is imported only when the kernel cache
has no machine code for what is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from numba.core import types

from ship_engine.compiled.dialect import jit


class ObjectCode(NamedTuple):
    """Machine code and the name of the function in it."""

    symbol: str
    data: bytes


def compile_to_object(function: Callable[..., Any], argument_count: int) -> ObjectCode:
    """Compile ``function(int64, ...) -> int64``.

    Parameters
    ----------
    function : callable
        Plain Python function in the dialect of `ship_engine.compiled`.
    argument_count : int
        How many integers it takes.
    """
    dispatcher = function if hasattr(function, "_compiler") else jit(function)
    result = dispatcher._compiler.compile((types.int64,) * argument_count, types.int64)
    library = result.library
    symbol = result.fndesc.llvm_func_name
    library.get_pointer_to_function(symbol)
    return ObjectCode(symbol, library._get_compiled_object())
