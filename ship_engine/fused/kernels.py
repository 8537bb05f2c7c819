"""The compiled loops of time courses, and the tables by which they find their arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ship_engine.fused.course_text import RANGES, CourseText, Fields, Wanted
from ship_engine.fused.time_step import Kind
from ship_engine.lowering.cache import KernelCache, source_of
from ship_engine.lowering.kernels import define, fingerprint
from ship_engine.lowering.loader import MachineCode
from ship_engine.lowering.tracing import Program
from ship_engine.platform.kernel_text import WRITTEN_FROM
from ship_engine.training.surrogates import Surrogate

ALIGNMENT = 64
"""Cells to whose multiples ranges are rounded, so that threads write to lines of their own."""


class Kernels:
    """Compiled loops of this process.

    Parameters
    ----------
    cache : KernelCache
        Where compiled code is kept.
    """

    def __init__(self, cache: KernelCache) -> None:
        self._cache = cache
        self._texts: dict[Any, CourseText] = {}
        self._codes: dict[Any, MachineCode] = {}

    def text(self, kind: Kind, rows: frozenset[str]) -> CourseText:
        """The text of a group's loops, which is written once."""
        # A class may be changed in place, in a notebook say.
        written = [getattr(m, n) for m in (kind.model, *kind.synapses) for n in WRITTEN_FROM]
        key = kind, rows, tuple(written)
        if key not in self._texts:
            self._texts[key] = CourseText(kind, rows)
        return self._texts[key]

    def forward(self, text: CourseText, dtype: torch.dtype) -> MachineCode:
        """The forward loop."""
        key = text, dtype
        if key not in self._codes:
            self._codes[key] = self._compiled(text.forward(), text.kind, dtype, "forward")
        return self._codes[key]

    def backward(
        self, text: CourseText, dtype: torch.dtype, wanted: Wanted, surrogate: type[Surrogate]
    ) -> MachineCode:
        """The adjoint loop."""
        key = text, dtype, wanted, surrogate
        if key not in self._codes:
            written = text.backward(wanted, surrogate)
            self._codes[key] = self._compiled(written, text.kind, dtype, "adjoint")
        return self._codes[key]

    def fixed(self, name: str, dtype: torch.dtype) -> MachineCode:
        """One of the functions that do not depend on a model, by its name without the type."""
        return self._cache.fixed(f"{name}_{8 * dtype.itemsize}")

    def respond_back(self, surrogate: Surrogate, dtype: torch.dtype) -> MachineCode:
        """The adjoint of spike response neurons with a surrogate."""
        key = "respond_back", type(surrogate), dtype
        if key not in self._codes:
            self._codes[key] = self._compiled_adjoint(type(surrogate), dtype)
        return self._codes[key]

    def _compiled_adjoint(self, surrogate: type[Surrogate], dtype: torch.dtype) -> MachineCode:
        program = Program()
        leaves = {name: program.leaf(name) for name in surrogate.numbers()}
        surrogate.derivative(program.leaf("distance"), **leaves)  # refuses what is no model's
        given = ", ".join(f"numbers[{k}]" for k in range(len(leaves)))
        text = f"def kernel(distance, numbers):\n    return derivative(distance, {given})\n"
        source = source_of(("compiled.dialect", "compiled.spike_response"))
        content = "\n".join([str(dtype), text, fingerprint(surrogate.derivative), source])

        def build() -> Callable[..., Any]:
            from ship_engine.compiled import dialect, spike_response

            scope = {"derivative": dialect.compile_elementwise(surrogate.derivative)}
            slope = dialect.inlined(define(text, f"<slope of {surrogate.__name__}>", scope))
            return spike_response.respond_back(dtype.itemsize, slope)

        name = f"{surrogate.__name__}-response-{str(dtype).removeprefix('torch.')}"
        return self._cache.get(name, content, 4, build)

    def _compiled(self, text: str, kind: Kind, dtype: torch.dtype, what: str) -> MachineCode:
        real = str(dtype).removeprefix("torch.")

        def build() -> Callable[..., Any]:
            from ship_engine.compiled import dialect

            scope: dict[str, Any] = {
                "pointer": getattr(dialect, real),
                "real": np.dtype(real).type,
                "size": np.dtype(real).itemsize,
                "exp": dialect.exp,
                "expm1": dialect.expm1,
                "floor": dialect.floor,
            }
            import math

            scope |= {name: getattr(math, name) for name in ("log", "sqrt", "sin", "cos", "tanh")}
            return define(text, f"<{what} course of {kind.model.name}>", scope)

        content = "\n".join([real, text, source_of(("compiled.dialect",))])
        return self._cache.get(f"{kind.model.name}-{what}-{real}", content, 4, build)


def table_of(
    fields: Fields,
    kept: int,
    scalars: Sequence[float],
    arrays: Mapping[str, Tensor],
    width: int,
    ranges: int,
) -> tuple[np.ndarray[Any, np.dtype[np.int64]], list[Any]]:
    """A table for a loop, and what has to stay alive while the loop runs.

    Parameters
    ----------
    fields : Fields
        What its words are.
    kept : int
        Of the time, what is looked at to find the row of a state: -1, or 1 for two rows in turn.
    scalars : sequence of float
        Numbers that all cells share.
    arrays : mapping of str to Tensor
        By name; those with a stride are [time, cell], the others [cell].
    width : int
        The number of cells.
    ranges : int
        Into how many ranges they are divided.
    """
    numbers = np.array([*scalars, 0.0], np.float64)
    words = {"kept": kept, "scalars": numbers.ctypes.data}
    step = -(-width // (ranges * ALIGNMENT)) * ALIGNMENT
    words |= {f"bound_{k}": min(k * step, width) for k in range(RANGES + 1)}
    for name, array in arrays.items():
        words[name] = array.data_ptr()
        words[f"{name}_stride"] = array.stride(0) * array.element_size() if array.ndim > 1 else 0
    table = np.array([words[name] for name in fields.names], np.int64)
    return table, [numbers, arrays]
