"""How long a user waits for the first step of a model, before and after it was ever compiled.

Each round has two processes that share a cache of compiled code in a temporary directory: it is
empty for the first (``cold``) and filled for the second (``warm``). ``SHIP_CACHE_DIR`` and
``NUMBA_CACHE_DIR`` name it; simulators that compile nothing, or keep their code elsewhere, do the
same in both.
"""

from __future__ import annotations

import time
from typing import Any

from ..measures import BUILD, Measure

TITLE = "First use: until the first step of {model} with a Poisson input has run"
OPTIONS = {"model": "IF_cond_exp"}
MEASURES = (
    Measure("process_time", "whole process (s)"),
    Measure("import_time", "import (s)"),
    BUILD,
    Measure("run_time", "first step (s)"),
)
VARIANTS = ("cold", "warm")
FRESH_CACHE = True


def run(sim: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Build a population of `options["model"]`, run one step and return the measurements."""
    start = time.perf_counter()
    sim.setup(timestep=0.1, min_delay=0.1)
    source = sim.Population(10, sim.SpikeSourcePoisson(rate=100.0))
    cells = sim.Population(10, getattr(sim, options["model"])())
    synapse = sim.StaticSynapse(weight=0.01, delay=0.1)
    sim.Projection(source, cells, sim.AllToAllConnector(), synapse)
    cells.record(["spikes", "v"])
    built = time.perf_counter()
    sim.run(0.1)
    stepped = time.perf_counter()
    sim.end()
    return {"build_time": built - start, "run_time": stepped - built}
