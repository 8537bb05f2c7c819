"""
Store the spike times and potentials of the neurons in ``benchmarks/networks/lif_accuracy.py``.

Usage, in an environment with SciPy and, but for "neutral", with PyNN and that simulator::

    python generate_neuron_references.py neutral neutral.npz
    python generate_neuron_references.py nest nest.npz
    python generate_neuron_references.py neuron neuron.npz

"neutral" is ``benchmarks/networks/lif_reference.py``, which has no time step. NEST and NEURON
take steps of 0.001 ms. Stored for each case: the spike times of the neuron, and v every 2.5 ms of
the one that cannot spike; and under "origin" the versions, the date and the command.
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

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.networks import lif_accuracy

DURATION = 1000.0  # ms
TIMESTEP = 0.001  # ms
EVERY = 5  # of the samples that the benchmark takes are stored
DISTRIBUTIONS = {
    "neutral": ["scipy"],
    "nest": ["PyNN", "nest-simulator"],
    "neuron": ["PyNN", "NEURON"],
}


def main() -> None:
    """Run every case and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("simulator", choices=list(DISTRIBUTIONS))
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    arrays = {}
    for case in lif_accuracy.VARIANTS:
        spikes, potential = run(arguments.simulator, *case.split(", "))
        if spikes is not None:
            arrays[f"{case}/spikes"], arrays[f"{case}/v"] = spikes, potential[::EVERY]
            print(f"{case}: {spikes.size} spikes", file=sys.stderr)
    origin = {name: version(name) for name in [*DISTRIBUTIONS[arguments.simulator], "numpy"]} | {
        "timestep": None if arguments.simulator == "neutral" else TIMESTEP,
        "date": date.today().isoformat(),
        "command": f"python {Path(__file__).name} {arguments.simulator} {arguments.output.name}",
    }
    np.savez_compressed(arguments.output, origin=json.dumps(origin), **arrays)
    print(f"{arguments.output}: {origin}", file=sys.stderr)


def run(simulator: str, cell: str, kind: str) -> tuple[Any, Any]:
    """Return spike times and potential of a case; None if the simulator lacks the cell type."""
    if simulator == "neutral":
        return lif_accuracy.truth(cell, kind, DURATION)
    sim = importlib.import_module(f"pyNN.{simulator}")
    try:
        return lif_accuracy.simulate(sim, cell, kind, DURATION, TIMESTEP)
    except NotImplementedError:
        return None, None


if __name__ == "__main__":
    main()
