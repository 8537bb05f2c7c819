"""Spikes of the sources, many time steps at once; NumPy is enough for them.

These are the same spikes as those of `ship_engine.compiled.sources`: listed ones by the same
rounding, Poisson ones from the same counters of the same generator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ship_engine.errors import UnsupportedByExecutorError
from ship_engine.groups import Group, SpikeArrayGroup
from ship_engine.random import philox, stream_key, unit
from ship_engine.sources.renewal import PoissonGroup, RenewalGroup
from ship_engine.sources.spike_trains import Events

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork

DRAWN_AT_ONCE = 1 << 17
"""Random numbers that are drawn together; bounds the memory that it takes."""


def emitted(
    group: Group, network: EventNetwork, first: int, last: int, repetition: int | None = None
) -> Events:
    """Spikes of a source from step `first` to `last` - 1.

    Parameters
    ----------
    group : Group
        A source.
    network : EventNetwork
        The network that it belongs to.
    first, last : int
        Time steps.
    repetition : int, optional
        Spikes of a simulation that begins at time zero, with the random numbers of the network
        after so many more resets; by default those of the network's own run.

    Raises
    ------
    UnsupportedByExecutorError
        If this kind of source is not known.
    """
    if isinstance(group, SpikeArrayGroup):
        return _listed(group, network, first, last)
    if isinstance(group, PoissonGroup) and not group.rare(network.clock.dt):
        return _poisson(group, network, first, last, repetition or 0)
    if isinstance(group, RenewalGroup):
        return group.events(network, first, last, repetition)
    raise UnsupportedByExecutorError(
        f"The torch executor cannot run '{group.label}' ({group.model.name}); "
        "use the Numba executor, or replace it by a SpikeArrayGroup."
    )


def _listed(group: SpikeArrayGroup, network: EventNetwork, first: int, last: int) -> Events:
    cells = np.repeat(np.arange(group.size), [times.size for times in group.times])
    steps, offsets = network.clock.step_and_offset(np.concatenate(group.times), network.on_grid)
    due = (steps >= first) & (steps < last)
    steps, cells, offsets = steps[due], cells[due], offsets[due]
    order = np.lexsort((offsets, steps))
    return Events(steps[order], cells[order], offsets[order])


def _poisson(
    group: PoissonGroup, network: EventNetwork, first: int, last: int, repetition: int
) -> Events:
    stream = ((network.epoch + repetition) << 32) | network.groups.index(group)
    key = stream_key(network.seed, stream)
    rows = max(DRAWN_AT_ONCE // group.size, 1)
    parts = [
        _poisson_steps(group, network, key, np.arange(k, min(k + rows, last)))
        for k in range(first, last, rows)
    ]
    if not parts:
        return Events(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    return Events(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _poisson_steps(
    group: PoissonGroup, network: EventNetwork, key: tuple[int, int], steps: NDArray[np.int64]
) -> Events:
    dt, cells = network.clock.dt, np.arange(group.size)
    rate, start, duration = (group.get(name) for name in ("rate", "start", "duration"))
    stop, silence = start + duration, np.exp(-(1e-3 * rate * dt))
    t = (steps * dt)[:, None]
    draw = unit(_words(key, cells, steps[:, None], 0)[0])
    inside = (stop > t) & (start < t + dt)
    partly = (start > t) | (stop < t + dt)
    row, cell = np.nonzero(inside & (partly | (draw >= silence)))
    t, whole = t[row, 0], ~partly[row, cell]
    opening = np.maximum(t, start[cell])
    begin = np.where(whole, 0.0, opening - t)
    active = np.where(whole, dt, np.minimum(t + dt, stop[cell]) - opening)
    count = _poisson_number(draw[row, cell], 0.001 * rate[cell] * active)
    spike = np.repeat(np.arange(count.size), count)
    number = np.arange(spike.size) - np.repeat(np.cumsum(count) - count, count)
    step, cell = steps[row][spike], cell[spike]
    within = _within(key, cell, step, number)
    offset = np.full(spike.size, dt) if network.on_grid else begin[spike] + within * active[spike]
    return Events(step, cell, offset)


def _within(
    key: tuple[int, int],
    cell: NDArray[np.int64],
    step: NDArray[np.int64],
    number: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Uniform numbers for the times of spikes, given which of its cell's and step's each is.

    The first six come from the halves of three words, later ones from whole words of their own.
    """
    early = number < 6
    block = np.where(early, 0, (number - 6) // 4 + 1)
    which = np.where(early, number // 2 + 1, (number - 6) % 4)
    word = np.stack(_words(key, cell, step, block))[which, np.arange(number.size)]
    half = np.where(number % 2 == 0, word >> np.uint64(16), word & np.uint64(0xFFFF))
    return np.where(early, (half.astype(np.float64) + 0.5) * 2.0**-16, unit(word))


def _words(key: tuple[int, int], cell: Any, step: Any, block: Any) -> tuple[Any, ...]:
    return philox(key, (cell, step & 0xFFFFFFFF, step >> 32, block))


def _poisson_number(draw: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.int64]:
    """Poisson numbers of given means, each by inversion of one uniform number."""
    term = np.exp(-mean)
    cumulative = term.copy()
    count = np.zeros(draw.size, np.int64)
    most = float(mean.max(initial=0.0))
    # Terms beyond these are too small for any draw of 32 bits to lie among them.
    for k in range(1, int(most + 10.0 * np.sqrt(most)) + 20):
        more = draw >= cumulative
        if not more.any():
            break
        count[more] = k
        term *= mean * (1.0 / k)
        cumulative += term
    return count
