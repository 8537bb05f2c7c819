"""The compiled kernel of a synapse model, from the cache or compiled now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ship_engine.lowering.cache import KernelCache, source_of
from ship_engine.lowering.kernels import define, fingerprint
from ship_engine.lowering.loader import MachineCode
from ship_engine.lowering.synapse_rows import RowSynapseWriter
from ship_engine.lowering.synapse_source import SynapseWriter
from ship_engine.synapses.base import Synapse

_MADE_FROM = (
    "delivery.numba_cpu",
    "compiled.philox",
    "compiled.dialect",
    "compiled.rows",
    "random",
    "elementwise",
)


def scratch_rows(model: type[Synapse], lean: bool) -> int:
    """How many rows of scratch memory, of BLOCK each, the kernel of blocks needs."""
    return RowSynapseWriter(model, lean).scratch_rows


def synapse_kernel(
    cache: KernelCache, model: type[Synapse], lean: bool, defers: bool, blocks: bool = False
) -> MachineCode:
    """Machine code ``kernel(table, spikes, step, catch_up) -> 0`` of a synapse model.

    Parameters
    ----------
    cache : KernelCache
        Where compiled code is kept.
    model : type[Synapse]
        The model.
    lean : bool
        Whether parameters and delays are the same for all synapses.
    defers : bool
        Whether effects of presynaptic spikes may have to be deferred.
    blocks : bool
        Whether synapses react many at once; see `ship_engine.lowering.synapse_rows`.
    """
    writer = RowSynapseWriter(model, lean) if blocks else SynapseWriter(model, lean, defers)
    text, functions = writer.text(), writer.functions()
    described = [f"{name} {fingerprint(function)}" for name, function in functions.items()]

    def build() -> Callable[..., Any]:
        from ship_engine.compiled import dialect, philox, rows
        from ship_engine.delivery.numba_cpu import add_inside, arrival_slots

        done: dict[Any, Any] = {}
        scope = {name: dialect.compile_elementwise(f, done) for name, f in functions.items()}
        scope |= {"add_inside": add_inside, "arrival_slots": arrival_slots}
        scope |= {"add_amounts": rows.add_amounts, "copy": rows.copy, "spread": rows.spread}
        scope |= {n: getattr(philox, n) for n in ("philox", "unit", "low_word", "high_word")}
        return define(text, f"<kernel of {model.name}>", scope)

    variant = ("lean" if lean else "general") + ("-deferring" if defers else "")
    variant += "-blocks" if blocks else ""
    name = f"{model.name or model.__name__}-{variant}"
    return cache.get(name, "\n".join([text, *described, source_of(_MADE_FROM)]), 4, build)
