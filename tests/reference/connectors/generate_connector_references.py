"""
Store the connections that another simulator makes of the networks in `connector_cases`.

Usage, in an environment with PyNN and that simulator::

    python generate_connector_references.py nest nest.npz
    python generate_connector_references.py neuron neuron.npz

Stored for each case: rows (source, target, weight, delay), sorted, and what the connector's
generator draws afterwards; and under "origin" the versions, the date and the command.
"""

from __future__ import annotations

import argparse
import importlib
import json
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np


def main() -> None:
    """Build every case and write the file."""
    from connector_cases import CASES, DRAWN_LATER, build

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("simulator", choices=["nest", "neuron"])
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    sim = importlib.import_module(f"pyNN.{arguments.simulator}")
    arrays = {}
    for case in CASES:
        projection, rng = build(sim, case)
        rows = np.array(projection.get(["weight", "delay"], format="list"), dtype=float)
        arrays[f"{case}/connections"] = rows[np.lexsort(rows.T[::-1])]
        arrays[f"{case}/drawn_later"] = np.asarray(rng.next(DRAWN_LATER))
        sim.end()
    distribution = {"nest": "nest-simulator", "neuron": "NEURON"}[arguments.simulator]
    origin = {
        "PyNN": version("PyNN"),
        distribution: version(distribution),
        "numpy": version("numpy"),
        "date": date.today().isoformat(),
        "command": f"python {Path(__file__).name} {arguments.simulator} {arguments.output.name}",
    }
    np.savez_compressed(arguments.output, origin=json.dumps(origin), **arrays)
    print(f"{arguments.output}: {len(CASES)} cases, {origin}")


if __name__ == "__main__":
    main()
