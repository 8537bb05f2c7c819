"""Compile one function of integers to a relocatable object file, with Numba.

This is the only module that knows Numba's inside, and it is imported only when the kernel cache
has no machine code for what is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from numba.core import types
from numba.core.errors import NumbaError

from ship_engine.compiled.dialect import jit
from ship_engine.errors import UnsupportedByExecutorError


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

    Raises
    ------
    UnsupportedByExecutorError
        If the functions of a model use what cannot be compiled.
    """
    dispatcher: Any = function if hasattr(function, "_compiler") else jit(function)
    try:
        result = dispatcher._compiler.compile((types.int64,) * argument_count, types.int64)
    except NumbaError as error:
        what = dispatcher.py_func.__code__.co_filename.strip("<>")
        raise UnsupportedByExecutorError(
            f"The {what} cannot be compiled, for a function of the model uses more than the "
            "language of ship_engine.elementwise; write it in that, or use the executor 'torch'. "
            f"Numba says: {_reason(str(error))}"
        ) from error
    library = result.library
    symbol = result.fndesc.llvm_func_name
    library.get_pointer_to_function(symbol)
    return ObjectCode(symbol, library._get_compiled_object())


def _reason(message: str) -> str:
    """The innermost sentence of one of Numba's messages."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("Failed", "During", "File", "-", "^"))]
    return told[0] if told else message[:200]
