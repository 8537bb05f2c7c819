"""Setting up, running and resetting."""

from __future__ import annotations

import difflib
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from pyNN import common
from pyNN.common.control import DEFAULT_MAX_DELAY, DEFAULT_MIN_DELAY, DEFAULT_TIMESTEP

from ship_engine.errors import InvalidValueError
from ship_engine.event_network import EventNetwork
from ship_engine.executors.base import Executor

from . import simulator
from .units import time_in_ms

logger = logging.getLogger("PyNN")

EXECUTORS = ("auto", "numba", "torch")
OPTIONS = {
    "max_delay": DEFAULT_MAX_DELAY,
    "executor": "auto",
    "device": None,
    "dtype": "float64",
    "batch_size": 1,
    "seed": 0,
    "threads": 1,
    "spike_precision": "off_grid",
    "progress": True,
    "record_sample_times": False,
}
OLD_NAMES = {
    "dt": "timestep",
    "time_step": "timestep",
    "mindelay": "min_delay",
    "maxdelay": "max_delay",
}
"""Arguments that PyNN once had."""


def setup(
    timestep: float = DEFAULT_TIMESTEP,
    min_delay: float | str = DEFAULT_MIN_DELAY,
    **extra_params: Any,
) -> int:
    """Start anew; any existing network is forgotten.

    Parameters
    ----------
    timestep : float
        Time step in ms.
    min_delay : float or 'auto'
        Shortest delay in ms; 'auto' is the time step.
    **extra_params
        max_delay : float or 'auto'
            Longest delay in ms; 'auto' sets no limit.
        executor : {'auto', 'numba', 'torch'}
            What runs the network; 'auto' is compiled code on the CPU.
        device, dtype, batch_size
            For the torch executor.
        seed : int
            Of all random numbers drawn during the run.
        threads : int
            One, so far; more are accepted and run on one.
        spike_precision : {'off_grid', 'on_grid'}
            Whether spikes are stamped where they happen inside a time step, or at its end.
        progress : bool
            Whether a long run shows a bar on an interactive terminal.
        record_sample_times : bool
            Whether recorded signals carry the time of each sample, as those of simulators with
            a variable time step do (``neo.IrregularlySampledSignal``).

        What other simulators understand (such as `label` or `t_flush`) is accepted and ignored.

    Returns
    -------
    int
        The number of this process, 0 if it is the only one.

    Raises
    ------
    ValueError
        If a value is not one of those allowed.
    TypeError
        If the name of an argument looks like a misspelling.
    RuntimeError
        If this is one of several MPI processes, and mpi4py cannot speak to the others.
    """
    given = {
        name: time_in_ms(name, value)
        for name, value in {"timestep": timestep, "min_delay": min_delay, **extra_params}.items()
        if name in ("timestep", "min_delay", "max_delay")
    }
    timestep, min_delay = given["timestep"], given["min_delay"]
    options = OPTIONS | extra_params | given
    _refuse_misspellings(extra_params)
    for name in ("timestep", "min_delay", "max_delay"):
        _check_time(name, options[name])
    for name, least in (("seed", 0), ("threads", 1), ("batch_size", 1)):
        _check_whole_number(name, options[name], least)
    _check_delays(timestep, min_delay, options["max_delay"])
    common.setup(timestep, min_delay, **extra_params | {"max_delay": options["max_delay"]})
    cache = simulator.state.cache
    try:
        network = EventNetwork(
            dt=timestep,
            seed=int(options["seed"]),
            spike_precision=options["spike_precision"],
            executor=_executor(options),
            cache=cache,
            communicator=simulator.state.join_processes(),
        )
    except InvalidValueError as error:
        raise ValueError(str(error)) from error
    simulator.state.build(network, min_delay, options["max_delay"], bool(options["progress"]))
    simulator.state.record_sample_times = bool(options["record_sample_times"])
    return rank()


def _check_time(name: str, value: Any) -> None:
    if isinstance(value, str) and value == "auto" and name != "timestep":
        return
    if not (isinstance(value, (int, float, np.number)) and math.isfinite(value) and value > 0):
        auto = "" if name == "timestep" else " or 'auto'"
        raise ValueError(f"{name} = {value!r}; give a time in ms that is > 0{auto}.")


def _check_delays(timestep: float, min_delay: float | str, max_delay: float | str) -> None:
    shortest = timestep if isinstance(min_delay, str) else min_delay
    if shortest < timestep:
        raise ValueError(
            f"min_delay = {min_delay} ms is shorter than the time step, {timestep} ms."
        )
    if not isinstance(max_delay, str) and max_delay < shortest:
        raise ValueError(f"max_delay = {max_delay} ms is shorter than min_delay, {shortest} ms.")


def _check_whole_number(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} = {value!r}; give a whole number >= {least}.")
    if name == "threads" and value > 1:
        logger.info("setup(): threads = %d; pyNN.ship runs on one thread so far.", value)


def _refuse_misspellings(given: dict[str, Any]) -> None:
    for name in given:
        if name in OPTIONS:
            continue
        known = ["timestep", "min_delay", *OPTIONS]
        close = [OLD_NAMES[name]] if name in OLD_NAMES else []
        close = close or difflib.get_close_matches(name, known, 1, 0.8)
        if close:
            raise TypeError(f"setup() got '{name}'; did you mean '{close[0]}'?")
        logger.info("setup(): '%s' means nothing to pyNN.ship and is ignored.", name)


def _executor(options: dict[str, Any]) -> Executor:
    choice = options["executor"]
    if choice not in EXECUTORS:
        raise ValueError(
            f"executor = {choice!r}; give one of {', '.join(repr(e) for e in EXECUTORS)}."
        )
    if choice == "torch":
        from ship_engine.executors.torch_autograd import TorchExecutor

        return TorchExecutor(
            device=options["device"] or "cpu",
            dtype=_torch_dtype(options["dtype"]),
            batch_size=options["batch_size"],
        )
    for name, only in (("device", (None, "cpu")), ("dtype", ("float64",)), ("batch_size", (1,))):
        if options[name] not in only:
            raise ValueError(
                f"{name} = {options[name]!r} with executor={choice!r}, which computes in float64 "
                "on the CPU without a batch; give executor='torch'."
            )
    from ship_engine.executors.numba_cpu import NumbaExecutor

    return NumbaExecutor(simulator.state.cache)


def _torch_dtype(name: str) -> Any:
    import torch

    if name not in ("float64", "float32"):
        raise ValueError(f"dtype = {name!r}; give 'float64' or 'float32'.")
    return getattr(torch, name)


def end(compatible_output: bool = True) -> None:
    """Write what was to be recorded to files; data stay readable."""
    waiting = simulator.state.write_on_end
    while waiting:
        # If one cannot be written, the others still wait.
        cells, variables, file = waiting.pop(0)
        cells.write_data(file, variables, annotations=cells.annotations)


_run, _run_until = common.build_run(simulator)

Callback = Callable[[float], float]


def _number(function: str, meaning: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{function}({value!r}): give a {meaning} in ms, as a number.")
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{function}({value}): give a {meaning} in ms that is finite and >= 0.")
    return float(value)


def _patient(callbacks: Any) -> list[Callback] | None:
    """The callbacks, none of which is called again before the next time step."""
    if callbacks is None:
        return None
    listed: list[Any] = list(callbacks) if isinstance(callbacks, Iterable) else [None]
    if callable(callbacks) or not all(callable(callback) for callback in listed):
        raise TypeError(f"callbacks = {callbacks!r}; give a list of functions of the time.")
    return [_patient_callback(callback) for callback in listed]


def _patient_callback(callback: Callback) -> Callback:
    def call(t: float) -> float:
        following = time_in_ms("callback", callback(t))
        number = isinstance(following, (int, float, np.integer, np.floating))
        if isinstance(following, bool) or not number:
            raise TypeError(
                f"The callback {callback!r} returned {following!r}; it must return the time (ms) "
                "of its next call."
            )
        if math.isnan(following):
            raise ValueError(
                f"The callback {callback!r} returned nan as the time of its next call."
            )
        if simulator.state.t < t:
            raise RuntimeError(
                f"The callback {callback!r} has set the time from {t:g} ms back to "
                f"{simulator.state.t:g} ms; call reset() and setup() between runs."
            )
        return max(float(following), t + simulator.state.dt)

    return call


def run(simtime: float, callbacks: Sequence[Callback] | None = None) -> float:
    """Advance by a duration.

    Parameters
    ----------
    simtime : float
        Duration in ms.
    callbacks : sequence of callable, optional
        Each is called with the current time and returns the time of its next call, in ms.

    Returns
    -------
    float
        The time reached, in ms.

    Raises
    ------
    ValueError
        If the duration is negative or not finite, or a callback returns NaN.
    TypeError
        If the callbacks are not functions, or one returns something else than a time.
    RuntimeError
        If a callback sets the time back.
    """
    simtime = _number("run", "duration", time_in_ms("simtime", simtime))
    simulator.state.require_setup()
    return float(_run(simtime, _patient(callbacks)))


def run_until(time_point: float, callbacks: Sequence[Callback] | None = None) -> float:
    """Advance to a point in time; see `run`.

    Raises
    ------
    ValueError
        If that time is past or not finite.
    """
    time_point = _number("run_until", "time", time_in_ms("time_point", time_point))
    simulator.state.require_setup()
    return float(_run_until(time_point, _patient(callbacks)))


run_for = run

_reset = common.build_reset(simulator)


def reset(annotations: dict[str, Any] | None = None) -> None:
    """Return to time zero and the initial values, and begin a new segment of recorded data.

    Parameters, weights and what is recorded stay; noise and Poisson sources go on to new random
    numbers.

    Parameters
    ----------
    annotations : dict, optional
        For the segment that ends.
    """
    simulator.state.require_setup()
    _reset(annotations or {})


(
    get_current_time,
    get_time_step,
    get_min_delay,
    get_max_delay,
    num_processes,
    rank,
) = common.build_state_queries(simulator)
