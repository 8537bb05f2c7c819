"""
Store what PyNN's ``examples/VAbenchmarks.py`` reports when another simulator runs it.

Usage, in an environment with PyNN and that simulator, given the example from PyNN's sources::

    python generate_network_references.py nest pynn/examples/VAbenchmarks.py nest.json
    python generate_network_references.py neuron pynn/examples/VAbenchmarks.py neuron.json

Stored for each benchmark, CUBA and COBA: the mean rates in Hz and the numbers of connections; and
under "origin" the versions, the date and the commands.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from datetime import date
from importlib.metadata import version
from pathlib import Path

BENCHMARKS = ("CUBA", "COBA")
RATE = re.compile(r"^(Excitatory|Inhibitory) rate\s*: ([\d.]+) Hz", re.MULTILINE)
COUNT = re.compile(r"(\d+) ([ei])→([ei])")


def main() -> None:
    """Run both benchmarks and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("simulator", choices=["nest", "neuron"])
    parser.add_argument("example", type=Path, help="VAbenchmarks.py of PyNN")
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    distribution = {"nest": "nest-simulator", "neuron": "NEURON"}[arguments.simulator]
    result = {
        "origin": {
            "PyNN": version("PyNN"),
            distribution: version(distribution),
            "numpy": version("numpy"),
            "date": date.today().isoformat(),
            "commands": [f"python VAbenchmarks.py {arguments.simulator} {b}" for b in BENCHMARKS],
        }
    }
    for benchmark in BENCHMARKS:
        result[benchmark] = run(arguments.example.resolve(), arguments.simulator, benchmark)
        print(f"{benchmark}: {result[benchmark]}")
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")


def run(example: Path, simulator: str, benchmark: str) -> dict[str, dict[str, float]]:
    """Run the example in a folder of its own, and return its rates and connections."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(example), simulator, benchmark]
        text = subprocess.run(
            command, cwd=folder, capture_output=True, check=True, encoding="utf-8"
        ).stdout
    return {
        "rates": {name.lower(): float(rate) for name, rate in RATE.findall(text)},
        "connections": {f"{pre}2{post}": int(count) for count, pre, post in COUNT.findall(text)},
    }


if __name__ == "__main__":
    main()
