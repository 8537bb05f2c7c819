"""The compiled kernel of a model, from the cache or compiled now."""

from __future__ import annotations

import linecache
import types
from collections.abc import Callable
from typing import Any

from ship_engine.lowering.cache import KernelCache, source_of
from ship_engine.lowering.kernel_source import KernelWriter
from ship_engine.lowering.loader import MachineCode
from ship_engine.models.base import Model


def model_kernel(
    cache: KernelCache,
    model: type[Model],
    lean: bool,
    divided: bool = False,
    timed: bool = False,
) -> MachineCode:
    """Machine code ``kernel(group, step, low, high) -> number of spikes`` of a model.

    Parameters
    ----------
    cache : KernelCache
        Where compiled code is kept.
    model : type[Model]
        The model.
    lean : bool
        Whether all parameters are the same for all cells and no current is injected.
    divided : bool
        Whether time steps are divided.
    timed : bool
        Whether what arrives inside steps acts at its moment.
    """
    writer = KernelWriter(model, lean, divided, timed)
    text = writer.text()
    functions = writer.functions()
    described = [f"{name} {fingerprint(function)}" for name, function in functions.items()]

    def build() -> Callable[..., Any]:
        from ship_engine.compiled import dialect

        done: dict[Any, Any] = {}
        scope = {name: dialect.compile_elementwise(f, done) for name, f in functions.items()}
        return define(text, f"<kernel of {model.name}>", scope)

    name = f"{model.name or model.__name__}-{'lean' if lean else 'general'}"
    name += ("-divided" if divided else "") + ("-timed" if timed else "")
    content = [text, *described, source_of(("compiled.dialect", "compiled.philox", "random"))]
    return cache.get(name, "\n".join(content), 4, build)


def define(text: str, file: str, scope: dict[str, Any]) -> Callable[..., Any]:
    """The function ``kernel`` of a source text, to be compiled, that sees these names."""
    import math

    from ship_engine.compiled import dialect, philox

    names = ("jit", "float32", "float64", "int64", "int32", "uint64", "uint8")
    scope |= {name: getattr(dialect, name) for name in names}
    scope["standard_exponential"] = philox.standard_exponential
    scope["math"] = math
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    exec(compile(text, file, "exec"), scope)
    kernel: Callable[..., Any] = scope["kernel"]
    return kernel


def fingerprint(function: Callable[..., Any], seen: tuple[Any, ...] = ()) -> str:
    """Text that changes whenever the function, or anything that it uses, changes."""
    code = function.__code__
    parts = [repr(code.co_code), repr(code.co_consts[1:] if function.__doc__ else code.co_consts)]
    used = {name: function.__globals__.get(name) for name in code.co_names}
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        used[name] = cell.cell_contents
    for name, value in used.items():
        if isinstance(value, types.FunctionType):
            text = "" if value in seen else fingerprint(value, (*seen, function))
        elif isinstance(value, types.ModuleType):
            text = value.__name__
        else:
            text = repr(value)
        parts.append(f"{name}=({text})")
    return " ".join(parts)
