"""How spikes travel, in words.

A spike that a component emits at time t through a synapse of delay d acts at t + d.  Inputs act
at the starts of time steps: at t_k, before the step from t_k to t_(k+1).  A spike on the grid acts
at one of them.  What falls between two, a fraction f of the step after the first, acts on both,
with shares that add up to one.

- A current or conductance that jumps and decays with time constant tau has the shares a and 1 - a,
  a = (1 - exp(-(1 - f) dt / tau)) / (1 - exp(-dt / tau)).  Then what has flowed until t_(k+1), and
  what is left then, are those of a spike that acts at its own time.
- For all other receptors, and where tau differs among the cells of the target, the shares are 1 - f
  and f, so that the mean time of the input does not change.  A receptor that rises and decays has
  two states; shares that were right for both at t_(k+1) would not add up to one, and change the
  charge.

Jumps of the very state that is compared with the threshold cannot be shared.  A model that has a
port for them takes all its input at its moment, inside the step, if spikes lie off the grid.  What
arrives within one step at one port of a component, and has the same sign, acts together, at its
mean time weighted by the amounts.

Every input port of a group has a ring buffer with a slot for each coming time step, into which
deliveries add and from which the group's step takes.  A projection of delay zero is not delayed
at all: it acts in the very step in which the spike is emitted, provided that its target comes
later in the stack, at its moment or at the step's start, and in the next one otherwise.

Synapses are grouped by source.  A weight or a delay that all have in common is stored once, so
that a synapse takes from 4 bytes (its target) to 16.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ship_engine.errors import InvalidValueError

if TYPE_CHECKING:
    from ship_engine.groups import Group
    from ship_engine.lowering.cache import KernelCache


@dataclass
class Synapses:
    """The synapses of a projection, grouped by source.

    Attributes
    ----------
    start : int64 [sources + 1]
        Synapses of source i are those from start[i] to start[i + 1].
    target : int32 [synapses]
        Target component of each.
    weight : float64 [1] or [synapses]
        In the unit of the target port.
    delay : int32 [1] or [synapses]
        In time steps.
    """

    start: NDArray[np.int64]
    target: NDArray[np.int32]
    weight: NDArray[np.float64]
    delay: NDArray[np.int32]

    def __len__(self) -> int:
        return int(self.target.size)

    @property
    def source(self) -> NDArray[np.int32]:
        """Source component of each synapse."""
        return np.repeat(np.arange(self.start.size - 1, dtype=np.int32), np.diff(self.start))

    @property
    def undelayed(self) -> bool:
        """Whether spikes act without delay; then none of the synapses has one."""
        return len(self) > 0 and int(self.delay.min()) == 0

    @property
    def longest_delay(self) -> int:
        """In time steps; zero if there are no synapses."""
        return int(self.delay.max()) if len(self) else 0


def decay_factors(group: Group, port: str, dt: float) -> tuple[float, float]:
    """By what a spike between two time steps is shared among them at a port whose state decays.

    Returns
    -------
    float, float
        dt / tau and 1 / (1 - exp(-dt / tau)).  Both are zero where the state does not decay, where
        components differ in tau, and where dt / tau is so small that shares are proportional.
    """
    found = group.model.ports[group.port_index(port)]
    if not found.decays or found.time_constant is None:
        return 0.0, 0.0
    tau = group.values[found.time_constant]
    rate = dt / float(tau[0])
    return (rate, -1.0 / math.expm1(-rate)) if tau.size == 1 and rate > 1e-12 else (0.0, 0.0)


def group_synapses(
    cache: KernelCache,
    sources: int,
    source: NDArray[np.int32],
    target: NDArray[np.int32],
    weight: ArrayLike,
    delay: ArrayLike,
    others: Mapping[str, ArrayLike] | None = None,
) -> tuple[Synapses, dict[str, NDArray[np.float64]]]:
    """Group synapses by source, keeping their order for each source.

    Parameters
    ----------
    cache : KernelCache
        Holds the compiled sort.
    sources : int
        Number of source components.
    source, target : int32 arrays
        Ends of each synapse.
    weight : float or array
        One for all or one for each synapse, in the order of `source`.
    delay : int or array
        In time steps, likewise.
    others : mapping, optional
        More values by name, likewise.

    Returns
    -------
    Synapses, dict of str to float64 array
        The synapses, and the other values in their order.

    Raises
    ------
    InvalidValueError
        If an array has another length than `source`.
    """
    delays = np.atleast_1d(np.ascontiguousarray(delay, np.int32))
    values = {"weights": weight, **(others or {})}
    numbers = {n: np.atleast_1d(np.ascontiguousarray(v, np.float64)) for n, v in values.items()}
    count = source.size
    shapes = {name: array.shape for name, array in numbers.items()}
    for name, shape in {**shapes, "delays": delays.shape}.items():
        if shape not in ((1,), (count,)):
            raise InvalidValueError(
                f"{name} of shape {shape} for {count} synapses; give one for all or one for each."
            )
    start = np.zeros(sources + 1, np.int64)
    grouped = np.empty(count, np.int32)
    permute = count > 1 and any(n > 1 for n in [delays.size, *(a.size for a in numbers.values())])
    order = np.empty(count if permute else 0, np.int32)
    source = np.ascontiguousarray(source, np.int32)
    target = np.ascontiguousarray(target, np.int32)
    sort = cache.fixed("group_by_source")
    sort(
        count,
        sources,
        source.ctypes.data,
        target.ctypes.data,
        start.ctypes.data,
        grouped.ctypes.data,
        order.ctypes.data if permute else 0,
    )
    numbers = {n: a[order] if permute and a.size > 1 else a.copy() for n, a in numbers.items()}
    delays = delays[order] if permute and delays.size > 1 else delays.copy()
    return Synapses(start, grouped, numbers.pop("weights"), delays), numbers
