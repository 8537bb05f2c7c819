"""Gap junctions: electrical synapses, through which current flows while potentials differ."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ship_engine.errors import InvalidValueError
from ship_engine.groups import NeuronGroup

STABLE = 0.25
"""Largest conductance of a cell, in units of its capacitance over the time step, that is allowed:
beyond 0.5 potentials would swing, since currents are held over a step."""


class GapJunctions:
    """Symmetric electrical synapses between components of two groups; made by `Network.couple`.

    Between cells at potentials v_1 and v_2, ``I = g (v_1 - v_2)`` (nA) flows from the first to
    the second.  It is held constant over a time step, at the value that it is expected to have in
    the middle of it: each potential is continued by half of what it gained in the step before,
    and by nothing where the cell has just spiked.  The error is of second order in dt.

    Attributes
    ----------
    source, target : NeuronGroup
        The groups; they may be the same.
    source_cell, target_cell : int32 [junctions]
        The two ends of each.
    conductance : float64 [1] or [junctions]
        In uS.
    version : int
        Grows with every change of a conductance.
    """

    def __init__(
        self,
        source: NeuronGroup,
        target: NeuronGroup,
        pairs: tuple[NDArray[np.int32], NDArray[np.int32]],
        conductance: ArrayLike,
    ) -> None:
        self.source, self.target = source, target
        self.source_cell, self.target_cell = (np.ascontiguousarray(p, np.int32) for p in pairs)
        self.version = 0
        self.set(conductance)

    def __len__(self) -> int:
        return int(self.source_cell.size)

    def set(self, conductance: ArrayLike) -> None:
        """Change the conductance (uS): one for all, or one for each junction.

        Raises
        ------
        InvalidValueError
            If one is negative or not finite, or there are too many or too few.
        """
        values = np.atleast_1d(np.array(conductance, np.float64))
        if values.shape not in ((1,), (len(self),)):
            raise InvalidValueError(
                f"Conductances of shape {values.shape} for {len(self)} gap junctions; give one "
                "for all or one for each."
            )
        wrong = ~(np.isfinite(values) & (values >= 0.0))
        if wrong.any():
            raise InvalidValueError(
                f"A conductance of {values[wrong][0]:g} uS for gap junctions between "
                f"'{self.source.label}' and '{self.target.label}'; it must be finite and >= 0."
            )
        self.conductance = values
        self.version += 1

    def add_to(self, total: dict[NeuronGroup, NDArray[np.float64]]) -> None:
        """Add each junction's conductance (uS) to those of its two cells."""
        for group, cells in ((self.source, self.source_cell), (self.target, self.target_cell)):
            sums = total.setdefault(group, np.zeros(group.size))
            sums += np.bincount(
                cells, np.broadcast_to(self.conductance, cells.shape), minlength=group.size
            )


class Coupling:
    """What the gap junctions of a group need to know of its potentials.

    Attributes
    ----------
    before : float64 [size]
        Each potential one step ago; NaN where it is not to be continued.
    rise : float64 [size]
        Scratch: what each gained in the last step.
    injected : float64 [size]
        Current from other sources, nA.
    """

    def __init__(self, size: int) -> None:
        self.before = np.full(size, np.nan)
        self.rise = np.zeros(size)
        self.injected = np.zeros(size)

    def clear(self) -> None:
        """Forget the past."""
        self.before[:] = np.nan
        self.injected[:] = 0.0


def check_stability(junctions: Iterable[GapJunctions], dt: float) -> None:
    """Refuse conductances that are too large for the time step.

    Parameters
    ----------
    junctions : iterable of GapJunctions
        All of a network.
    dt : float
        Time step in ms.

    Raises
    ------
    InvalidValueError
        If the potential of a cell would follow its neighbours' faster than the time step allows.
    """
    total: dict[NeuronGroup, NDArray[np.float64]] = {}
    for some in junctions:
        some.add_to(total)
    for group, conductance in total.items():
        if "cm" not in group.values:
            continue
        ratio = conductance * dt / group.get("cm")
        if (ratio > STABLE).any():
            cell = int(np.argmax(ratio))
            longest = dt * STABLE / ratio[cell]
            raise InvalidValueError(
                f"Gap junctions of {conductance[cell]:g} uS in all at cell {cell} of "
                f"'{group.label}' are too much for a time step of {dt:g} ms; take one of at most "
                f"{longest:.2g} ms, or smaller conductances."
            )
