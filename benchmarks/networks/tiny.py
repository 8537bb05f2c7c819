"""Ten neurons and a whole process: what a beginner waits for.

The number that counts is the time of the process seen from outside, from its start to its end:
importing, setting up, building, running and reading the data.
"""

from __future__ import annotations

import time
from typing import Any

from ..measures import BUILD, DATA, MEMORY, RUN, Measure, spikes

TITLE = "Tiny: 10 neurons, {duration:g} ms, a process from start to end"
OPTIONS = {"duration": 1000.0}
SIZE = 10
MEASURES = (
    Measure("process_time", "whole process (s)"),
    Measure("import_time", "import (s)"),
    BUILD,
    RUN,
    DATA,
    MEMORY,
    spikes("spikes", "all"),
)


def run(sim: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Build and run the network on `sim` and return the measurements."""
    start = time.perf_counter()
    sim.setup(timestep=0.1, min_delay=0.5)
    neurons = sim.Population(SIZE, sim.IF_curr_exp(i_offset=1.1))
    connector = sim.FixedProbabilityConnector(0.3, rng=sim.NumpyRNG(seed=42))
    sim.Projection(neurons, neurons, connector, sim.StaticSynapse(weight=0.05, delay=0.5))
    neurons.record(["spikes", "v"])
    built = time.perf_counter()
    sim.run(options["duration"])
    ran = time.perf_counter()
    data = neurons.get_data()
    read = time.perf_counter()
    trains = data.segments[0].spiketrains
    values = {
        "build_time": built - start,
        "run_time": ran - built,
        "data_time": read - ran,
        "spikes": sum(len(train) for train in trains) / SIZE,
    }
    sim.end()
    return values
