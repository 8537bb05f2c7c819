"""What one step costs when there is nothing to compute: two populations of one neuron each."""

from __future__ import annotations

import time
from typing import Any

from ..measures import MEMORY, Measure, spikes

TITLE = "Step: two populations of one neuron, {steps:,} steps"
OPTIONS = {"steps": 100_000}
MEASURES = (
    Measure("step_time", "one step (us)", scale=1e6),
    MEMORY,
    spikes("spikes_first", "first"),
    spikes("spikes_second", "second"),
)
TIMESTEP = 0.1  # ms


def run(sim: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Build and run the network on `sim` and return the measurements.

    Ten steps are run before the clock starts, in which the simulators prepare the network.
    """
    sim.setup(timestep=TIMESTEP, min_delay=1.0)
    first = sim.Population(1, sim.IF_curr_exp(i_offset=1.1))
    second = sim.Population(1, sim.IF_curr_exp())
    synapse = sim.StaticSynapse(weight=5.0, delay=1.0)
    sim.Projection(first, second, sim.AllToAllConnector(), synapse)
    first.record("spikes")
    second.record("spikes")
    sim.run(10 * TIMESTEP)
    start = time.perf_counter()
    sim.run(options["steps"] * TIMESTEP)
    elapsed = time.perf_counter() - start
    values = {
        "step_time": elapsed / options["steps"],
        "run_time": elapsed,
        "spikes_first": first.mean_spike_count(),
        "spikes_second": second.mean_spike_count(),
    }
    sim.end()
    return values
