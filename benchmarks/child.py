"""The body of one measured process.

``python -m benchmarks.child probe SIMULATOR RESULT`` writes the versions of what is installed;
``python -m benchmarks.child run NETWORK SIMULATOR OPTIONS RESULT`` runs a network once.
Both write JSON to the file ``RESULT``; what the simulator prints is nobody's business.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import time
from types import ModuleType
from typing import Any

PACKAGES = {
    "nest": "nest-simulator",
    "neuron": "neuron",
    "brian2": "brian2",
    "sinabs_steps": "sinabs",
}
ORIGINAL_SHIP = "SHIP_BENCHMARK_ORIGINAL_SHIP"
"""The environment variable that names the folder of the original SHIP."""
TRAINING_PEERS = ("snntorch", "spikingjelly", "norse", "sinabs", "sinabs_steps")
"""Libraries on torch that train spiking networks; the last is another use of the one before."""
WITHOUT_PYNN = ("original_ship", "ship_torch", *TRAINING_PEERS)
"""Names that mean something only to networks that have ``SIMULATIONS`` of their own."""


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
    module = import_simulator(simulator)
    from importlib.metadata import PackageNotFoundError, version

    versions = {"python": platform.python_version()}
    for package in ("PyNN", PACKAGES.get(simulator, simulator), "numpy", "numba", "torch"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    if simulator == "original_ship":
        versions["SHIP"] = module.__version__
    if simulator.startswith("ship"):  # also where it is used without having been installed
        versions["pynn-ship"] = importlib.import_module("ship_engine._version").__version__
    return {"versions": versions}


def run(network: str, simulator: str, options: str) -> dict[str, Any]:
    """Import the simulator, run the network once and return what it measured."""
    from .measures import peak_memory

    name = f"benchmarks.networks.{network}"
    if simulator in WITHOUT_PYNN and not _needs_no_pynn(name):
        return {"skipped": "this network is built through PyNN"}
    start = time.perf_counter()
    sim = import_simulator(simulator)  # before the network, which imports NumPy
    import_time = time.perf_counter() - start

    module = importlib.import_module(name)
    asked = {"simulator": simulator, **json.loads(options)}
    values = {"import_time": import_time, **module.run(sim, asked)}
    values.setdefault("peak_memory", peak_memory())
    return values


def _needs_no_pynn(network: str) -> bool:
    return hasattr(importlib.import_module(network), "SIMULATIONS")


def import_simulator(name: str) -> ModuleType:
    """Return PyNN's backend of that name; of what has none, the package itself.

    ``ship_torch`` is ship, too; networks that know it compute on the torch executor.
    """
    if name == "original_ship":
        folder = os.environ.get(ORIGINAL_SHIP)
        sys.path += [folder] if folder else []
        return importlib.import_module("SHIP")
    if name in TRAINING_PEERS:
        return importlib.import_module(name.removesuffix("_steps"))
    return importlib.import_module("pyNN.ship" if name == "ship_torch" else f"pyNN.{name}")


if __name__ == "__main__":
    main(sys.argv[1:])
