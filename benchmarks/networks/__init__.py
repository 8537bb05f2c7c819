"""The networks: each module has a ``run(sim, options)`` that returns a dict of measurements.

No simulator is imported here: its module, which carries nearly every PyNN name, is handed in.
"""

from __future__ import annotations

import importlib
from types import ModuleType

NAMES = (
    "cuba",
    "coba",
    "brunel",
    "tiny",
    "build",
    "step",
    "first_use",
    "accuracy",
    "lif_accuracy",
    "stdp",
    "cells",
    "synapses",
    "equations",
    "stack_order",
    "large_network",
    "training",
)


def load(name: str) -> ModuleType:
    """Return the module of a network; see `benchmarks.measures.Network` for what is in it."""
    if name not in NAMES:
        raise ValueError(f"there is no benchmark {name!r}; there are {', '.join(NAMES)}")
    return importlib.import_module(f".{name}", __package__)
