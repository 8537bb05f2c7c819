"""pynn-ship's engine: spiking networks, compiled and differentiable; it knows nothing of PyNN.

The names here are those of the SHIP platform (`ship_engine.platform`): networks of groups with
their models and wrappers.  They are imported when first used, so that importing the engine costs
nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ship_engine._version import __version__

_NEURONS = "platform.models.neurons"
_SYNAPSES = "platform.models.synapses"
_SOURCES = "platform.models.sources"
_WRAPPERS = "platform.models.wrappers"
_HOMES = {
    "Network": "platform.network",
    "LI": _NEURONS,
    "LIF": _NEURONS,
    "LIFSharedRest": _NEURONS,
    "LIFRestAndReset": _NEURONS,
    "Izhikevich": _NEURONS,
    "AdEx": _NEURONS,
    "SynapseModel": _SYNAPSES,
    "LeakySynapse": _SYNAPSES,
    "SecondOrderSynapse": _SYNAPSES,
    "RectangularSynapse": _SYNAPSES,
    "SummedLeakySynapse": _SYNAPSES,
    "Wire": _SYNAPSES,
    "Link": _SYNAPSES,
    "Input": _SOURCES,
    "ListInput": _SOURCES,
    "Poisson": _SOURCES,
    "refractory": _WRAPPERS,
    "delayed": _WRAPPERS,
    "winner_take_all": _WRAPPERS,
    "winner_take_all_refractory": _WRAPPERS,
    "substeps": _WRAPPERS,
    "memristive": "devices.wrappers",
    "Memristor": "devices.memristor",
    "Model": "models.base",
    "Parameter": "models.base",
    "State": "models.base",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ship_engine' has no attribute '{name}'")
    return getattr(import_module(f"ship_engine.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
