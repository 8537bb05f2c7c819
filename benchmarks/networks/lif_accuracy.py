"""How far spike times and potentials are from the true ones, at a time step of 0.1 ms.

Each cell type is one neuron that fires irregularly for a second, in three cases: inputs at times on
the grid of time steps, inputs at any times, and a constant current. The truth is computed without
time steps by ``lif_reference.py``, which shares no code with any simulator; with steps of
0.001 ms NEST and NEURON approach it (see ``tests/reference/neurons``).

A spike more than 5 ms from any true one counts as added, and that true one as lost. The potential
is compared for a neuron that has the same input and cannot spike. Nothing here is timed, nor random
from run to run: ``--repeats 1`` is enough. IF_curr_delta is missing from pyNN.neuron.
"""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..measures import Measure
from .lif_reference import Arrival, Neuron

TITLE = "Integrate-and-fire neurons: one neuron, {duration:g} ms in steps of 0.1"
OPTIONS = {"duration": 1000.0}
MEASURES = (
    Measure("largest_error", "largest error of a spike time (us)", 1e3, compared=False),
    Measure("mean_error", "mean error of the spike times (us)", 1e3, compared=False),
    Measure("lost", "spikes lost", compared=False),
    Measure("added", "spikes added", compared=False),
    Measure("potential_error", "largest error of the potential (uV)", 1e3, compared=False),
    Measure("spikes", "spikes of the neuron", compared=False),
)
INPUTS = ("on grid", "off grid", "constant current")

MEMBRANE = {
    "v_rest": -65.0,  # mV
    "v_reset": -68.0,  # mV
    "v_thresh": -50.0,  # mV
    "cm": 0.25,  # nF
    "tau_m": 15.0,  # ms
    "tau_refrac": 2.0,  # ms
    "i_offset": 0.0,  # nA
}
SYNAPSES = {"tau_syn_E": 3.0, "tau_syn_I": 7.0}  # ms
REVERSAL = {"e_rev_E": 0.0, "e_rev_I": -80.0}  # mV
CELLS = {
    "IF_curr_exp": MEMBRANE | SYNAPSES,
    "IF_curr_alpha": MEMBRANE | SYNAPSES,
    "IF_curr_delta": MEMBRANE,
    "IF_cond_exp": MEMBRANE | SYNAPSES | REVERSAL,
    "IF_cond_alpha": MEMBRANE | SYNAPSES | REVERSAL,
}
WEIGHTS = {  # excitatory, inhibitory: nA, nA, mV, uS, uS
    "IF_curr_exp": (0.33, -0.07),
    "IF_curr_alpha": (0.13, -0.025),
    "IF_curr_delta": (3.6, -1.8),
    "IF_cond_exp": (0.0095, 0.01),
    "IF_cond_alpha": (0.0037, 0.0036),
}
RATES = {"excitatory": 400.0, "inhibitory": 200.0}  # Hz
CONSTANT_CURRENT = 0.32  # nA
DELAY = 1.0  # ms
TIMESTEP = 0.1  # ms, also of the grid on which inputs lie, if they lie on a grid
SAMPLING = 0.5  # ms between two samples of the potential
OUT_OF_REACH = 1000.0  # mV, the threshold of the neuron that cannot spike
SAME = 5.0  # ms; spikes further apart than this are not the same spike
SEED = 20_000

VARIANTS = tuple(f"{cell}, {kind}" for cell in CELLS for kind in INPUTS)


def run(sim: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Run one case, `options["variant"]`, and return its errors."""
    cell, kind = options["variant"].split(", ")
    duration = options["duration"]
    try:
        found, potential = simulate(sim, cell, kind, duration)
    except NotImplementedError as error:
        return {"skipped": str(error)}
    true, true_potential = truth(cell, kind, duration)
    return compare(found, true) | {
        "spikes": true.size,
        "potential_error": float(np.abs(potential - true_potential).max()),
    }


def simulate(
    sim: Any, cell: str, kind: str, duration: float, timestep: float = TIMESTEP
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the spike times (ms) of the neuron, and samples of v (mV) of the one that cannot.

    Parameters
    ----------
    sim : module
        The simulator.
    cell, kind : str
        The case: a name in `CELLS`, and one in `INPUTS`.
    duration, timestep : float
        ms.
    """
    sim.setup(timestep=timestep, min_delay=DELAY, max_delay=DELAY)
    parameters = parameters_of(cell, kind)
    cell_type = getattr(sim, cell)
    if sim.__name__ == "pyNN.nest" and cell == "IF_curr_delta":  # PyNN does not say what v is there
        cell_type.variable_map, cell_type.scale_factors = {"v": "V_m"}, {"v": 1.0}
    spiking = sim.Population(1, cell_type(**parameters))
    silent = sim.Population(1, cell_type(**(parameters | {"v_thresh": OUT_OF_REACH})))
    for neuron in (spiking, silent):
        neuron.initialize(v=parameters["v_rest"])
    for receptor, times in input_times(kind, duration).items():
        source = sim.Population(1, sim.SpikeSourceArray(spike_times=times))
        synapse = sim.StaticSynapse(weight=weight_of(cell, receptor), delay=DELAY)
        for neuron in (spiking, silent):
            sim.Projection(source, neuron, sim.AllToAllConnector(), synapse, receptor_type=receptor)
    spiking.record("spikes")
    silent.record("v", sampling_interval=SAMPLING)
    sim.run(duration)
    spikes = spiking.get_data("spikes").segments[0].spiketrains[0]
    signal = silent.get_data("v").segments[0].analogsignals[0]
    sim.end()
    count = round(duration / SAMPLING) + 1
    return np.sort(spikes.magnitude), signal.magnitude[:count, 0]


def truth(cell: str, kind: str, duration: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what `simulate` should."""
    parameters = parameters_of(cell, kind)
    arrivals: list[Arrival] = [
        (time + DELAY, receptor, weight_of(cell, receptor))
        for receptor, times in input_times(kind, duration).items()
        for time in times
    ]
    spikes = Neuron(cell, parameters).run(duration, arrivals)
    silent = Neuron(cell, parameters | {"v_thresh": OUT_OF_REACH})
    times = [k * SAMPLING for k in range(round(duration / SAMPLING) + 1)]
    return spikes, silent.sample(times, arrivals)


def parameters_of(cell: str, kind: str) -> dict[str, float]:
    """Return all parameters of the cell type in this case."""
    current = CONSTANT_CURRENT if kind == "constant current" else 0.0
    return CELLS[cell] | {"i_offset": current}


def weight_of(cell: str, receptor: str) -> float:
    """Return the weight of the inputs to a receptor, in PyNN's unit for this cell type."""
    return WEIGHTS[cell][0 if receptor == "excitatory" else 1]


def input_times(kind: str, duration: float) -> dict[str, list[float]]:
    """Return the times (ms) of the inputs to each receptor, the same for every cell type."""
    if kind == "constant current":
        return {}
    result = {}
    for number, (receptor, rate) in enumerate(RATES.items()):
        draw = random.Random(SEED + number).random  # the same in every version of Python
        times, time = [], 0.0
        while (time := time - 1e3 / rate * math.log(1.0 - draw())) < duration - DELAY:
            times.append(max(time, TIMESTEP))
        if kind == "on grid":  # each time once
            times = [step * TIMESTEP for step in sorted({math.ceil(t / TIMESTEP) for t in times})]
        result[receptor] = [round(time, 9) for time in times]
    return result


def compare(found: NDArray[np.float64], true: NDArray[np.float64]) -> dict[str, float]:
    """Match spikes that are each other's nearest; return the errors and what found no match."""
    errors = []
    if found.size and true.size:
        distance = np.abs(found[:, None] - true[None, :])
        of_true, of_found = distance.argmin(axis=0), distance.argmin(axis=1)
        errors = [
            float(distance[i, j])
            for j, i in enumerate(of_true)
            if of_found[i] == j and distance[i, j] < SAME
        ]
    return {
        "largest_error": max(errors, default=math.nan),
        "mean_error": sum(errors) / len(errors) if errors else math.nan,
        "lost": true.size - len(errors),
        "added": found.size - len(errors),
    }
