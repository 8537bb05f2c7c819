"""Gap junctions: electrical synapses, through which current flows while potentials differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ship_engine.errors import InvalidValueError
from ship_engine.groups import NeuronGroup


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
