"""The learning rules as their papers write them, in loops: what the fast ones must agree with."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def count(train: Array, step: int, window: int) -> float:
    """How many spikes of a train lie in the window that ends with a step."""
    return float(sum(train[k] for k in range(step - window + 1, step + 1) if 0 <= k < len(train)))


def bp_stdp(
    trains: dict[str, Array],
    weights: dict[tuple[str, str], Array],
    delays: dict[tuple[str, str], int],
    order: list[str],
    wanted: Array,
    window: int,
) -> dict[tuple[str, str], Array]:
    """Changes for one sample; trains are [time, component], `order` begins with the output."""
    steps = len(wanted)
    output = trains[order[0]]
    errors = {group: np.zeros((steps, trains[group].shape[1])) for group in order}
    for t in range(steps):
        if not wanted[t].any():
            continue
        for i in range(output.shape[1]):
            fired = count(output[:, i], t, window) > 0
            if wanted[t, i] and not fired:
                errors[order[0]][t, i] = 1.0
            elif not wanted[t, i] and fired:
                errors[order[0]][t, i] = -1.0
    changes = {pair: np.zeros_like(weight) for pair, weight in weights.items()}
    for group in order:
        for (source, target), weight in weights.items():
            if target != group:
                continue
            for t in range(delays[source, target], steps):
                before = t - delays[source, target]
                for i in range(weight.shape[1]):
                    error = errors[group][t, i]
                    for j in range(weight.shape[0]):
                        seen = count(trains[source][:, j], before, window)
                        changes[source, target][j, i] += error * seen
                        if source in errors and seen > 0:
                            errors[source][before, j] += error * weight[j, i]
    return changes


def resume(
    arriving: Array, output: Array, desired: Array, a: float, amplitude: float, decay: float
) -> Array:
    """Changes for one sample, in the order of time: what arrived until t acts at t."""
    steps, sources, targets = len(arriving), arriving.shape[1], output.shape[1]
    change = np.zeros((sources, targets))
    for t in range(steps):
        for i in range(targets):
            for j in range(sources):
                past = sum(arriving[k, j] * decay ** (t - k) for k in range(t + 1))
                change[j, i] += (desired[t, i] - output[t, i]) * (a + amplitude * past)
    return change


def pes(
    arriving: Array,
    target: Array,
    decoders: Array,
    rate: float,
    tau: float,
    dt: float,
    online: bool,
) -> tuple[Array, Array]:
    """The change of decoders in one sample, and what is decoded meanwhile."""
    steps, sources, outputs = len(arriving), arriving.shape[1], target.shape[1]
    decay = math.exp(-dt / tau)
    now, change = decoders.copy(), np.zeros_like(decoders)
    trace, decoded = np.zeros(sources), np.zeros(outputs)
    course = np.zeros((steps, outputs))
    for t in range(steps):
        for j in range(sources):
            trace[j] = decay * trace[j] + arriving[t, j]
        for i in range(outputs):
            decoded[i] = decay * decoded[i]
            for j in range(sources):
                decoded[i] += now[j, i] * arriving[t, j]
            course[t, i] = decoded[i]
        for i in range(outputs):
            for j in range(sources):
                change[j, i] -= rate * dt * trace[j] * (decoded[i] - target[t, i])
        if online:
            now = decoders + change
    return change, course
