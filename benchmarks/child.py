"""The body of one measured process.

``python -m benchmarks.child probe SIMULATOR RESULT`` writes the versions of what is installed;
``python -m benchmarks.child run NETWORK SIMULATOR OPTIONS RESULT`` runs a network once.
Both write JSON to the file ``RESULT``; what the simulator prints is nobody's business.
"""

from __future__ import annotations

import importlib
import json
import platform
import sys
import time
from typing import Any

PACKAGES = {"nest": "nest-simulator", "neuron": "neuron", "brian2": "brian2"}


def main(arguments: list[str]) -> None:
    """Do what the command line says, and write the result or the error as JSON."""
    action, *rest, path = arguments
    try:
        result = probe(*rest) if action == "probe" else run(*rest)
    except BaseException as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        message = lines[-1] if lines else ""
        result = {"error": f"{type(error).__name__}: {message}".strip(": ")}
        if isinstance(error, ModuleNotFoundError):
            result["missing"] = error.name
        raise
    finally:
        with open(path, "w") as file:
            json.dump(result, file, default=float)


def probe(simulator: str) -> dict[str, Any]:
    """Import a simulator and return the versions of it and of what it stands on."""
    importlib.import_module(f"pyNN.{simulator}")
    from importlib.metadata import PackageNotFoundError, version

    versions = {"python": platform.python_version()}
    for package in ("PyNN", PACKAGES.get(simulator, simulator), "numpy", "numba", "torch"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    if simulator == "ship":  # also where it is used without having been installed
        versions["pynn-ship"] = importlib.import_module("ship_engine._version").__version__
    return {"versions": versions}


def run(network: str, simulator: str, options: str) -> dict[str, Any]:
    """Import the simulator, run the network once and return what it measured."""
    from .measures import peak_memory

    start = time.perf_counter()
    sim = importlib.import_module(f"pyNN.{simulator}")
    import_time = time.perf_counter() - start

    module = importlib.import_module(f"benchmarks.networks.{network}")
    values = {"import_time": import_time, **module.run(sim, json.loads(options))}
    values.setdefault("peak_memory", peak_memory())
    return values


if __name__ == "__main__":
    main(sys.argv[1:])
