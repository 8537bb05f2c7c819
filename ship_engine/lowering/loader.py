"""Load machine code into this process, with llvmlite alone."""

from __future__ import annotations

import contextlib
import ctypes
from typing import Any

import llvmlite.binding as llvm


class MachineCode:
    """A compiled function ``(int, ...) -> int``, callable from Python.

    Attributes
    ----------
    address : int
        Where it lies, for other compiled functions to call it.
    """

    def __init__(self, symbol: str, data: bytes, argument_count: int) -> None:
        self._made_of = symbol, data, argument_count
        _initialise_llvm()
        machine = llvm.Target.from_default_triple().create_target_machine(opt=3, jit=True)
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(data))
        self._engine.finalize_object()
        self.address: int = self._engine.get_function_address(symbol)
        # Numba's calling convention: a status is returned, result and exception go by address.
        prototype = ctypes.CFUNCTYPE(
            ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * argument_count
        )
        self._function: Any = prototype(self.address)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies, in this process or another one, are loaded anew."""
        return MachineCode, self._made_of

    def __call__(self, *arguments: int) -> int:
        result, exception = ctypes.c_int64(), ctypes.c_void_p()
        self._function(ctypes.addressof(result), ctypes.addressof(exception), *arguments)
        return result.value


def _initialise_llvm() -> None:
    with contextlib.suppress(RuntimeError):  # newer llvmlite needs no asking, and refuses it
        llvm.initialize()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


def host_description() -> str:
    """The processor that code is compiled for: its name and features."""
    features = llvm.get_host_cpu_features()
    return f"{llvm.get_default_triple()} {llvm.get_host_cpu_name()} {features.flatten()}"
