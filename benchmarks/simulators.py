"""Which Python interpreter has which simulator, and how to get one that is missing.

Simulators need not live in the environment from which the benchmarks are started: NEST and Brian2,
for instance, may want different versions of NumPy. An interpreter is looked for in this order:
what ``--python-for SIMULATOR=PATH`` says, what the environment variable
``SHIP_BENCHMARK_PYTHON_<SIMULATOR>`` says, the interpreter that runs the benchmarks, and
``.venv-peers/bin/python`` under the repository, which is ``.venv-training-peers/bin/python`` for
libraries that train.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from .child import ORIGINAL_SHIP, TRAINING_PEERS
from .runner import REPOSITORY, ProcessFailedError, run_child

HOW_TO_INSTALL = {
    "ship": "pip install -e . (in the repository)",
    "nest": "pip install nest-simulator pyNN",
    "neuron": "pip install neuron pyNN, then nrnivmodl . in the installed pyNN/neuron/nmodl",
    "brian2": 'pip install brian2 pyNN "numpy<2"',
    "original_ship": "get https://github.com/EmanueleGemo/SHIP and torch and matplotlib; name its "
    f"folder in the environment variable {ORIGINAL_SHIP} (large_network)",
    **dict.fromkeys(TRAINING_PEERS, "make training-peers (in the repository; training)"),
}


@dataclass
class Simulator:
    """A simulator as it was found, or why it was not."""

    name: str
    python: str | None = None
    versions: dict[str, str] = field(default_factory=dict)
    problem: str = ""


def find(name: str, pythons: dict[str, str]) -> Simulator:
    """Return the first interpreter that can import PyNN's backend `name`, or that package.

    Parameters
    ----------
    name : str
        The backend, as in ``pyNN.<name>``, or one of `benchmarks.child.WITHOUT_PYNN`.
    pythons : dict
        Interpreters given on the command line, by simulator.
    """
    problem = ""
    for python in _candidates(name, pythons):
        try:
            answer = run_child(python, ["probe", name], timeout=120.0)
        except ProcessFailedError as error:
            if not error.missing or not problem:
                problem = str(error)
            continue
        return Simulator(name, python, answer["versions"])
    if "ModuleNotFoundError" in problem:
        advice = HOW_TO_INSTALL.get(name, f"pyNN has no backend {name!r} here")
        problem = f"not installed: {advice}"
    else:
        problem = f"does not import: {problem}"
    return Simulator(name, problem=problem)


def _candidates(name: str, pythons: dict[str, str]) -> list[str]:
    """Return the interpreters to try for a simulator, the one asked for alone if there is one."""
    asked = pythons.get(name) or os.environ.get(f"SHIP_BENCHMARK_PYTHON_{name.upper()}")
    if asked:  # absolute, since the processes work elsewhere; a link to Python stays a link
        return [str(Path(asked).expanduser().absolute()) if os.sep in asked else asked]
    folder, program = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    environment = ".venv-training-peers" if name in TRAINING_PEERS else ".venv-peers"
    peers: Path = REPOSITORY / environment / folder / program
    return [sys.executable] + ([str(peers)] if peers.exists() else [])
