"""Runs PyNN's scenarios and unit tests with pytest, each suite in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from .outcomes import Outcome

HERE = Path(__file__).resolve().parent


class Run(NamedTuple):
    """The outcomes of a suite, and the seconds that all of it took, the start included."""

    outcomes: list[Outcome]
    seconds: float


class SuiteError(Exception):
    """pytest could not run at all."""


def environment(folder: Path) -> dict[str, str]:
    """Return the environment in which tests and examples run: quiet, without a display."""
    # This package is found by the name under which it was imported: by itself, or within `tests`.
    importable = HERE.parents[(__package__ or "").count(".")]
    path = [str(importable), *filter(None, [os.environ.get("PYTHONPATH")])]
    inherited = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    return inherited | {
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", str(folder / "matplotlib")),
        "OMP_NUM_THREADS": "1",
    }


def run_tests(
    python: str,
    folder: Path,
    options: Sequence[str],
    workers: int = 0,
    files: Sequence[str] = (),
) -> Run:
    """Run test files of PyNN with pytest and the plugin beside this file.

    Parameters
    ----------
    python : str
        Interpreter.
    folder : Path
        Folder of the tests; their names are relative to it.
    options : sequence of str
        Options of the plugin.
    workers : int
        Processes; with 0 the tests run in the process of pytest.
    files : sequence of str
        Files in it; all when empty.
    """
    with tempfile.TemporaryDirectory() as name:
        elsewhere = Path(name)
        configuration, outcomes = elsewhere / "pytest.ini", elsewhere / "outcomes.json"
        configuration.write_text("[pytest]\n", "utf-8")
        command = [python, "-m", "pytest", "-q", "--tb=no", "-p", f"{__package__}.pytest_plugin"]
        command += ["-p", "no:cacheprovider", "-c", str(configuration), "--rootdir", str(folder)]
        command += [f"--outcomes={outcomes}", *options]
        command += ["-n", str(workers), "--dist", "worksteal"] if workers else []
        command += [str(folder / file) for file in files] or [str(folder)]
        started = perf_counter()
        done = subprocess.run(
            command, cwd=elsewhere, env=environment(elsewhere), capture_output=True, text=True
        )
        seconds = perf_counter() - started
        if not outcomes.exists():
            raise SuiteError(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
        found = json.loads(outcomes.read_text("utf-8"))
    return Run([Outcome(_plain(name), **entry) for name, entry in found.items()], seconds)


def _plain(name: str) -> str:
    """Return the name of a test without the simulator."""
    return re.sub(r"\[\w+\]$", "", name)


def last_line(text: str) -> str:
    """Return the last line of a text, where a traceback has the error."""
    return (text.strip().splitlines() or [""])[-1]
