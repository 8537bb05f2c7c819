"""How far spike times are from the true ones, for every spiking standard cell, in steps of 0.1 ms.

Each cell type has its default parameters and initial values and is driven for 500 ms by 240 input
spikes at random times, three excitatory to one inhibitory, strong enough to make it fire some tens
of times; five cells, each with random times of its own. The input lies on the grid of time steps
or anywhere. The truth is computed without time steps by ``cell_reference.py``; what NEST and NEURON
give in steps of 0.001 ms is in ``tests/reference/cells``.

Where a cell fires as often as it should, its k-th spike is compared with the true k-th one;
elsewhere those that are each other's nearest, and the others count as lost or added. Nothing here
is timed, nor random from run to run: ``--repeats 1`` is enough. IF_curr_delta is missing from
pyNN.neuron, IF_cond_exp_gsfa_grr from pyNN.nest.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..measures import Measure
from . import cell_reference

TITLE = "Accuracy: cells with default parameters, 500 ms, five times 240 random inputs"
OPTIONS: dict[str, Any] = {}
MEASURES = (
    Measure("rms_error", "RMS error of the spike times (ms)", compared=False),
    Measure("largest_error", "largest error of a spike time (ms)", compared=False),
    Measure("lost", "spikes lost", compared=False),
    Measure("added", "spikes added", compared=False),
    Measure("spikes", "true spikes", compared=False),
)
INPUTS = ("on grid", "off grid")
WEIGHTS = {  # excitatory, inhibitory: nA, nA, mV, uS ..., mV
    "IF_curr_exp": (1.0, -0.6),
    "IF_curr_alpha": (4.5, -3.0),
    "IF_curr_delta": (6.0, -4.0),
    "IF_cond_exp": (0.02, 0.02),
    "IF_cond_alpha": (0.12, 0.08),
    "IF_cond_exp_gsfa_grr": (0.03, 0.02),
    "IF_facets_hardware1": (0.004, 0.002),
    "EIF_cond_exp_isfa_ista": (0.02, 0.02),
    "EIF_cond_alpha_isfa_ista": (0.012, 0.012),
    "Izhikevich": (10.0, -6.0),
    "HH_cond_exp": (0.1, 0.05),
}
DURATION = 500.0  # ms
EXCITATORY, INHIBITORY = 180, 60  # inputs
CELLS = 5  # of each type, each with other input
FIRST, LAST = 1.0, 495.0  # ms, between which inputs are emitted
DELAY = 1.0  # ms
TIMESTEP = 0.1  # ms, also of the grid on which inputs lie, if they lie on a grid
SAMPLING = 10.0  # ms between two samples of what is recorded
SAME = 5.0  # ms; spikes further apart than this are not the same spike
SEED = 30_000

VARIANTS = tuple(f"{cell}, {kind}" for cell in WEIGHTS for kind in INPUTS)


def run(sim: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Run one case, `options["variant"]`, and return its errors."""
    cell, kind = options["variant"].split(", ")
    try:
        found, _ = simulate(sim, cell, kind)
    except LookupError as error:
        return {"skipped": str(error)}
    true = [truth(sim, cell, kind, number)[0] for number in range(CELLS)]
    return compare(found, true)


def simulate(
    sim: Any, cell: str, kind: str, timestep: float = TIMESTEP, variables: tuple[str, ...] = ()
) -> tuple[list[NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
    """Return the spike times (ms) of each cell, and samples of the variables of the first.

    Parameters
    ----------
    sim : module
        The simulator.
    cell, kind : str
        The case: a name in `WEIGHTS`, and one in `INPUTS`.
    timestep : float
        ms.
    variables : tuple of str
        What is sampled, every `SAMPLING` ms from time 0 to the end.

    Raises
    ------
    LookupError
        If the simulator does not have the cell type.
    """
    sim.setup(timestep=timestep, min_delay=DELAY, max_delay=DELAY)
    cells = sim.Population(CELLS, cell_type_of(sim, cell)())
    for receptor, weight in zip(("excitatory", "inhibitory"), WEIGHTS[cell], strict=True):
        for number in range(CELLS):
            times = input_times(kind, number)[receptor]
            source = sim.Population(1, sim.SpikeSourceArray(spike_times=times))
            synapse = sim.StaticSynapse(weight=weight, delay=DELAY)
            target, rule = cells[number : number + 1], sim.AllToAllConnector()
            sim.Projection(source, target, rule, synapse, receptor_type=receptor)
    cells.record("spikes")
    if variables:
        cells[0:1].record(list(variables), sampling_interval=SAMPLING)
    sim.run(DURATION)
    segment = cells.get_data().segments[0]
    sim.end()
    count = round(DURATION / SAMPLING) + 1
    samples = {s.name: s.magnitude[:count, 0] for s in segment.analogsignals}
    trains = sorted(segment.spiketrains, key=lambda train: train.annotations["source_index"])
    return [np.sort(train.magnitude) for train in trains], samples


def cell_type_of(sim: Any, cell: str) -> Any:
    """Return the simulator's cell type, or raise LookupError."""
    cell_type = getattr(sim, cell, None)
    peer = sim.__name__.rpartition(".")[2]
    if cell_type is None or (peer, cell) in (
        ("neuron", "IF_curr_delta"),
        ("nest", "IF_cond_exp_gsfa_grr"),
    ):
        raise LookupError(f"pyNN.{peer} has no {cell}")
    if peer == "nest" and cell == "IF_curr_delta":  # PyNN does not say what v is there
        cell_type.variable_map, cell_type.scale_factors = {"v": "V_m"}, {"v": 1.0}
    return cell_type


def truth(
    models: Any, cell: str, kind: str, number: int, times: Sequence[float] = (DURATION,)
) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """Return the true spike times (ms) of a cell, and its variables at some times (ms).

    Parameters
    ----------
    models : module
        Where PyNN's cell types are, for their default parameters and initial values.
    cell, kind : str
        The case: a name in `WEIGHTS`, and one in `INPUTS`.
    number : int
        Which cell; each has input of its own.
    times : sequence of float
        Increasing; the last is the end (ms).
    """
    arrivals = [
        (time + DELAY, receptor, weight)
        for receptor, weight in zip(("excitatory", "inhibitory"), WEIGHTS[cell], strict=True)
        for time in input_times(kind, number)[receptor]
    ]
    cell_type = getattr(models, cell)
    neuron = cell_reference.cell(
        cell, cell_type.default_parameters, cell_type.default_initial_values
    )
    samples = neuron.sample(times, arrivals)
    return np.array(neuron.spikes), samples


def input_times(kind: str, number: int) -> dict[str, list[float]]:
    """Return the times (ms) of the inputs to the receptors of a cell, equal for all cell types."""
    draw = random.Random(SEED + number).random  # the same in every version of Python
    steps: set[int] = set()
    while len(steps) < EXCITATORY + INHIBITORY:  # each step once
        steps.add(math.ceil((FIRST + (LAST - FIRST) * draw()) / TIMESTEP))
    drawn = sorted(steps)
    inhibitory = set(random.Random(SEED - 1 - number).sample(drawn, INHIBITORY))
    result: dict[str, list[float]] = {"excitatory": [], "inhibitory": []}
    for step in drawn:
        time = step * TIMESTEP if kind == "on grid" else (step - draw()) * TIMESTEP
        result["inhibitory" if step in inhibitory else "excitatory"].append(round(time, 9))
    return result


def compare(found: list[NDArray[np.float64]], true: list[NDArray[np.float64]]) -> dict[str, float]:
    """Return the errors of the spike times of all cells, and what found no match."""
    errors = [np.abs(match(f, t)) for f, t in zip(found, true, strict=True)]
    together = np.concatenate(errors)
    matched = sum(error.size for error in errors)
    return {
        "rms_error": float(np.sqrt(np.mean(together**2))) if matched else math.nan,
        "largest_error": float(together.max(initial=0.0)) if matched else math.nan,
        "lost": sum(t.size for t in true) - matched,
        "added": sum(f.size for f in found) - matched,
        "spikes": sum(t.size for t in true),
    }


def match(found: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the errors of the spikes of a cell that have a counterpart."""
    if found.size == true.size:
        return found - true
    if not (found.size and true.size):
        return np.empty(0)
    distance = np.abs(found[:, None] - true[None, :])
    of_true, of_found = distance.argmin(axis=0), distance.argmin(axis=1)
    pairs = [(i, j) for j, i in enumerate(of_true) if of_found[i] == j and distance[i, j] < SAME]
    return np.array([found[i] - true[j] for i, j in pairs])
