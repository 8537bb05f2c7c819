"""Starts measured processes: never two at once, the simulators in turn."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .simulators import Simulator

REPOSITORY = Path(__file__).resolve().parent.parent
COMPILE = ("ship", "brian2")
"""Simulators that compile code for a network when they first meet it, and keep it on disk."""


class ProcessFailedError(Exception):
    """A measured process gave no result; the message is its last line."""

    def __init__(self, message: str, missing: str = "") -> None:
        super().__init__(message)
        self.missing = missing


@dataclass
class Run:
    """One measured process: the numbers it gave, or why there are none."""

    simulator: str
    variant: str
    repeat: int
    values: dict[str, Any] = field(default_factory=dict)
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return what the result file keeps."""
        return asdict(self)


def run_child(
    python: str,
    arguments: Sequence[str],
    timeout: float,
    environment: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Run ``benchmarks.child`` in an interpreter and return the JSON it writes.

    The child works in an empty directory, and its output goes to a file there, since some
    simulators print a line for each function called. The time of the whole process, from its
    start to its end and seen from outside, is added as ``process_time``.

    Raises
    ------
    ProcessFailedError
        If the child ends with an error, is killed, or runs longer than `timeout` seconds.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as folder:
        result, log = Path(folder, "result.json"), Path(folder, "output.txt")
        command = [python, "-m", "benchmarks.child", *arguments, str(result)]
        env = {**os.environ, "PYTHONPATH": _python_path(), **(environment or {})}
        with open(log, "w") as output:
            start = time.perf_counter()
            try:
                process = subprocess.Popen(
                    command, stdout=output, stderr=output, cwd=folder, env=env
                )
            except OSError as error:
                raise ProcessFailedError(f"{python}: {error.strerror}") from None
            status, late = _wait(process, timeout)
            elapsed = time.perf_counter() - start
        if late:
            raise ProcessFailedError(f"stopped after {timeout:.0f} s")
        answer = _read_json(result)
    if "error" in answer:
        raise ProcessFailedError(answer["error"], answer.get("missing", ""))
    if status < 0 or not answer:
        raise ProcessFailedError(f"the process died (exit status {status})")
    return {**answer, "process_time": elapsed}


def measure(
    network: str,
    module: ModuleType,
    simulators: Sequence[Simulator],
    options: dict[str, Any],
    repeats: int,
    timeout: float,
    warm_up: bool = True,
    tell: Callable[[Run], None] = lambda run: None,
) -> list[Run]:
    """Run a network several times on each simulator, alternating them: A B C A B C ...

    A simulator that fails, or says that it skips a variant, is left out of the later rounds.

    Parameters
    ----------
    network : str
        The name of the network's module.
    module : module
        The module itself.
    simulators : sequence of Simulator
        Where to run it, in this order.
    options : dict
        What the network's function is given.
    repeats : int
        The number of rounds.
    timeout : float
        The number of seconds after which a process is stopped.
    warm_up : bool
        Whether simulators that compile code get one short run before, which is not counted.
    tell : callable
        Is called with each run when it is over.
    """
    runs: list[Run] = []
    given_up: set[tuple[str, str]] = set()
    fresh_cache = getattr(module, "FRESH_CACHE", False)
    if warm_up and not fresh_cache and "duration" in options:
        _warm_up(network, simulators, options, timeout)
    for repeat in range(repeats):
        with tempfile.TemporaryDirectory(prefix="ship-cache-") as caches:
            for variant, simulator in _turns(module, simulators):
                if (simulator.name, variant) in given_up:
                    continue
                environment = {}
                if fresh_cache:
                    cache = Path(caches, simulator.name)
                    cache.mkdir(exist_ok=True)
                    environment = {"SHIP_CACHE_DIR": str(cache), "NUMBA_CACHE_DIR": str(cache)}
                run = Run(simulator.name, variant, repeat)
                asked = {**options, "variant": variant}
                arguments = ["run", network, simulator.name, json.dumps(asked)]
                assert simulator.python is not None
                try:
                    run.values = run_child(simulator.python, arguments, timeout, environment)
                    if "skipped" in run.values:
                        run.problem, run.values = run.values["skipped"], {}
                except ProcessFailedError as error:
                    run.problem = str(error)
                if run.problem:
                    given_up.add((simulator.name, variant))
                runs.append(run)
                tell(run)
    return runs


def _wait(process: subprocess.Popen[bytes], timeout: float) -> tuple[int, bool]:
    """Wait for a process; return its exit status and whether it had to be killed.

    ``Popen.wait(timeout)`` looks only every 50 ms, which is too coarse for a measurement.
    """
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(timeout, stop)
    timer.start()
    try:
        return process.wait(), late.is_set()
    except BaseException:
        process.kill()
        raise
    finally:
        timer.cancel()


def _turns(module: ModuleType, simulators: Sequence[Simulator]) -> Iterator[tuple[str, Simulator]]:
    for variant in getattr(module, "VARIANTS", ("",)):
        for simulator in simulators:
            yield variant, simulator


def _warm_up(
    network: str, simulators: Sequence[Simulator], options: dict[str, Any], timeout: float
) -> None:
    """Let the simulators that compile do so, in a run of 10 ms that counts for nothing."""
    short = {**options, "duration": min(10.0, options["duration"])}
    for simulator in simulators:
        if simulator.name in COMPILE and simulator.python is not None:
            arguments = ["run", network, simulator.name, json.dumps(short)]
            with contextlib.suppress(ProcessFailedError):  # the measured run will say it
                run_child(simulator.python, arguments, timeout)


def _python_path() -> str:
    given = os.environ.get("PYTHONPATH", "")
    return os.pathsep.join([str(REPOSITORY), given]) if given else str(REPOSITORY)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        answer = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return answer if isinstance(answer, dict) else {}


def report_progress(run: Run) -> None:
    """Print one line on the standard error for a run that is over."""
    name = " ".join(part for part in (run.simulator, run.variant) if part)
    what = run.problem or f"{run.values['process_time']:.2f} s"
    print(f"  round {run.repeat + 1}, {name}: {what}", file=sys.stderr, flush=True)
