"""What a step of each cell type costs: 4,000 cells without connections, and a current.

The current makes each type fire some ten times a second; the potentials start at random, so that
the spikes are spread over time. In the same process IF_cond_exp is timed in turn with it, since the
ratio of the two depends less on the machine, and on what else it does, than either.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from ..measures import Measure
from .accuracy import cell_type_of

TITLE = "Cells: {size:,} of a type, {duration:g} ms in steps of 0.1"
OPTIONS = {"duration": 100.0, "size": 4000}
MEASURES = (
    Measure("step_time", "one cell and step (ns)", 1e9),
    Measure("relative", "time relative to IF_cond_exp", compared=False),
    Measure("rate", "rate of the cells (Hz)", compared=False),
)
CURRENTS = {  # nA
    "IF_cond_exp": 0.8,
    "IF_curr_exp": 0.8,
    "IF_curr_alpha": 0.8,
    "IF_curr_delta": 0.8,
    "IF_cond_alpha": 0.8,
    "IF_cond_exp_gsfa_grr": 0.85,
    "IF_facets_hardware1": 0.402,
    "EIF_cond_exp_isfa_ista": 0.65,
    "EIF_cond_alpha_isfa_ista": 0.65,
    "Izhikevich": 0.0045,
    "HH_cond_exp": 0.1,
    "GIF_cond_exp": 0.95,
}
VARIANTS = tuple(CURRENTS)
STANDARD = "IF_cond_exp"
ROUNDS = 5
TIMESTEP = 0.1  # ms
LIMITS = (-70.0, -55.0)  # mV, of the initial potentials
SEED = 50_000


def run(sim: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Time the cell type `options["variant"]` in turn with the standard one."""
    cell = options.get("variant", STANDARD)
    times: dict[str, list[float]] = {STANDARD: [], cell: []}
    rate = 0.0
    try:
        for _ in range(ROUNDS):
            for name, elapsed in times.items():
                seconds, spikes = _time_run(sim, name, options)
                elapsed.append(seconds)
                if name == cell:
                    rate = 1e3 * spikes / options["duration"]
    except LookupError as error:
        return {"skipped": str(error)}
    steps = options["duration"] / TIMESTEP * options["size"]
    return {
        "step_time": median(times[cell]) / steps,
        "relative": median(times[cell]) / median(times[STANDARD]),
        "rate": rate,
    }


def _time_run(sim: Any, cell: str, options: dict[str, Any]) -> tuple[float, float]:
    """Return the seconds that a run takes, and the mean number of spikes."""
    sim.setup(timestep=TIMESTEP, min_delay=TIMESTEP)
    cell_type = cell_type_of(sim, cell)
    current = CURRENTS[cell]
    has_offset = "i_offset" in cell_type.default_parameters
    parameters = {"i_offset": current} if has_offset else {}
    population = sim.Population(options["size"], cell_type(**parameters))
    if not has_offset:
        population.inject(sim.DCSource(amplitude=current))
    rng = sim.NumpyRNG(SEED)
    population.initialize(v=sim.RandomDistribution("uniform", LIMITS, rng=rng))
    population.record("spikes")
    sim.run(10 * TIMESTEP)
    start = time.perf_counter()
    sim.run(options["duration"])
    elapsed = time.perf_counter() - start
    spikes = population.mean_spike_count()
    sim.end()
    return elapsed, spikes
