"""
Store the spike times and variables of the cells in ``benchmarks/networks/accuracy.py``.

Usage, in an environment with SciPy and PyNN and, but for "neutral", that simulator::

    python generate_cell_references.py neutral neutral.npz
    python generate_cell_references.py nest nest.npz
    python generate_cell_references.py neuron neuron.npz

"neutral" is ``benchmarks/networks/cell_reference.py``, which has no time step. NEST and NEURON
take steps of 0.001 ms. Stored for each case: the spike times of the five cells one after another
and how many each has; every recordable variable of the first cell every 10 ms, of the simulators
only for input off the grid, in the order of "names"; and under "origin" the versions, the date and
the command.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from pyNN.standardmodels import cells

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.networks import accuracy

TIMESTEP = 0.001  # ms
DISTRIBUTIONS = {
    "neutral": ["PyNN", "scipy"],
    "nest": ["PyNN", "nest-simulator"],
    "neuron": ["PyNN", "NEURON"],
}
UNREADABLE = {  # by pyNN.neuron
    "IF_cond_exp_gsfa_grr": {"g_r", "g_s"},
}


def main() -> None:
    """Run every case and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("simulator", choices=list(DISTRIBUTIONS))
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    exact = arguments.simulator == "neutral"
    arrays: dict[str, Any] = {}
    names: dict[str, list[str]] = {}
    for case in accuracy.VARIANTS:
        try:
            spikes, samples = run(arguments.simulator, *case.split(", "))
        except LookupError:
            continue
        arrays[f"{case}/counts"] = np.array([train.size for train in spikes], np.int16)
        together = np.concatenate(spikes)
        arrays[f"{case}/spikes"] = together if exact else together.astype(np.float32)
        if samples:
            names[case] = list(samples)
            arrays[f"{case}/samples"] = np.array(list(samples.values()), np.float32)
        print(f"{case}: {together.size} spikes", file=sys.stderr)
    origin = {name: version(name) for name in [*DISTRIBUTIONS[arguments.simulator], "numpy"]} | {
        "timestep": None if exact else TIMESTEP,
        "date": date.today().isoformat(),
        "command": f"python {Path(__file__).name} {arguments.simulator} {arguments.output.name}",
    }
    facts = {"origin": json.dumps(origin), "names": json.dumps(names)}
    np.savez_compressed(arguments.output, **facts, **arrays)
    print(f"{arguments.output}: {origin}", file=sys.stderr)


def run(simulator: str, cell: str, kind: str) -> tuple[list[Any], dict[str, Any]]:
    """Return the spike times of the cells and the variables of the first."""
    if simulator == "neutral":
        times = [k * accuracy.SAMPLING for k in range(round(accuracy.DURATION / accuracy.SAMPLING))]
        times.append(accuracy.DURATION)
        numbers = range(accuracy.CELLS)
        results = [accuracy.truth(cells, cell, kind, number, times) for number in numbers]
        return [spikes for spikes, _ in results], results[0][1]
    sim = importlib.import_module(f"pyNN.{simulator}")
    if kind == "on grid":
        return accuracy.simulate(sim, cell, kind, TIMESTEP)
    unreadable = UNREADABLE.get(cell, set()) | {"spikes"}
    variables = tuple(v for v in getattr(cells, cell).recordable if v not in unreadable)
    return accuracy.simulate(sim, cell, kind, TIMESTEP, variables)


if __name__ == "__main__":
    main()
