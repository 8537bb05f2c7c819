"""Runs PyNN's examples, each unmodified, as a script, in a folder of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

from .outcomes import FAILED, PASSED, SKIPPED, Outcome
from .suites import Run, environment, last_line

TIME_LIMIT = 300.0  # s
FLAG_TO_PLOT = "--plot-figure"

ARGUMENTS: dict[str, tuple[str, ...]] = {
    "VAbenchmarks.py": ("CUBA", "COBA", "CUBA --use-views", "COBA --use-assembly --use-csa"),
    "connections.py": (f"{FLAG_TO_PLOT} connections",),
}
"""What follows the name of the simulator, where something has to; each is a run of its own."""

WITHOUT_SIMULATOR = ("random_distributions.py",)
"""Examples that take no simulator: they show the random numbers of PyNN."""


def names_of_runs(folder: Path) -> list[str]:
    """Return each example of a folder with its arguments, as one would type them, in order."""
    return [
        f"{script.name} {arguments}".strip()
        for script in sorted(folder.glob("*.py"))
        for arguments in ARGUMENTS.get(script.name, ("",))
    ]


def run_examples(folder: Path, names: list[str], simulator: str, workers: int) -> Run:
    """Run examples on a simulator, `workers` of them at a time.

    Parameters
    ----------
    folder : Path
        Folder of the scripts.
    names : list of str
        As `names_of_runs` gives them.
    simulator : str
        Name of PyNN's, ``ship``.
    workers : int
        How many processes run side by side.
    """
    started = perf_counter()
    with ThreadPoolExecutor(max(workers, 1)) as pool:
        outcomes = list(pool.map(lambda name: _run(folder, name, simulator), names))
    return Run(outcomes, perf_counter() - started)


def _run(folder: Path, name: str, simulator: str) -> Outcome:
    """Run one example; it passes if it ends by itself and without an error."""
    script, *arguments = name.split()
    source = (folder / script).read_text("utf-8")
    if "mpi4py" in source and not _mpi_is_there():
        return Outcome(name, SKIPPED, reason="needs mpi4py and an MPI library")
    if f'"{FLAG_TO_PLOT}"' in source and FLAG_TO_PLOT not in arguments:
        arguments.append(FLAG_TO_PLOT)
    if script not in WITHOUT_SIMULATOR:
        arguments.insert(0, simulator)
    with tempfile.TemporaryDirectory() as elsewhere:
        (Path(elsewhere) / "Results").mkdir()  # some examples make it, and others expect it
        started = perf_counter()
        try:
            done = subprocess.run(
                [sys.executable, str(folder / script), *arguments],
                cwd=elsewhere,
                env=environment(Path(elsewhere)),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TIME_LIMIT,
            )
        except subprocess.TimeoutExpired:
            return Outcome(name, FAILED, TIME_LIMIT, "took too long")
        seconds = perf_counter() - started
    if done.returncode:
        return Outcome(name, FAILED, seconds, last_line(done.stderr) or f"status {done.returncode}")
    return Outcome(name, PASSED, seconds)


def _mpi_is_there() -> bool:
    """Tell whether mpi4py finds an MPI library, without loading it here."""
    command = [sys.executable, "-c", "from mpi4py import MPI"]
    return subprocess.run(command, capture_output=True).returncode == 0
