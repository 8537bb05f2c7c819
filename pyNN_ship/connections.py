"""Single connections, and what may be a weight or a delay."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyNN import common, errors, standardmodels
from pyNN.standardmodels import base

from ship_engine import network as engine

from . import simulator
from .standardmodels.base import CellModel
from .units import magnitude, require_value

if TYPE_CHECKING:
    from .projections import Projection

KNOWN_RECEPTORS = (*base.excitatory_receptor_types, *base.inhibitory_receptor_types)


class Part(NamedTuple):
    """The synapses between one source and one target population."""

    source: int
    target: int
    projection: engine.Projection


class Connection(common.Connection):
    """One connection of a projection; its weight and delay can be read and set."""

    presynaptic_index: int
    postsynaptic_index: int

    def __init__(
        self, projection: Projection, part: Part, position: int, address: tuple[int, int]
    ) -> None:
        self._projection, self._part, self._position = projection, part, position
        self.presynaptic_index, self.postsynaptic_index = address

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name.startswith("_") or hasattr(type(self), name) or name in self.__annotations__):
            raise errors.NonExistentParameterError(name, "Connection", ["weight", "delay"])
        object.__setattr__(self, name, value)

    @property
    def weight(self) -> float:
        """In nA, uS or mV, as the receptor has it."""
        weights = self._part.projection.synapses.weight
        return float(weights[self._position if weights.size > 1 else 0])

    @weight.setter
    def weight(self, value: float) -> None:
        number = self._projection._without_unit("weight", value)
        self._store("weight", checked_weights(number, "this connection"))

    @property
    def delay(self) -> float:
        """In ms."""
        delays = self._part.projection.synapses.delay
        clock = simulator.state.network.clock
        return float(clock.time(int(delays[self._position if delays.size > 1 else 0])))

    @delay.setter
    def delay(self, value: float) -> None:
        self._store("delay", delay_steps(magnitude("delay", value, "ms"), "this connection"))

    def _store(self, name: str, value: Any) -> None:
        synapses = self._part.projection.synapses
        values = np.array(np.broadcast_to(getattr(synapses, name), (len(synapses),)))
        values[self._position] = value
        self._part.projection.set(**{name: values})

    def as_tuple(self, *attribute_names: str) -> tuple[float, ...]:
        """The named attributes."""
        return tuple(getattr(self, name) for name in attribute_names)


class Connections(Sequence[Connection]):
    """The connections of a projection, made when they are asked for."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection

    def __len__(self) -> int:
        return len(self._projection)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"Connection {index} of {count}.")
        index = index % count
        for part in self._projection._parts:
            size = len(part.projection.synapses)
            if index < size:
                return self._projection._connection(part, index)
            index -= size
        raise AssertionError("the parts hold all connections")


def checked_weights(weights: Any, label: str) -> Any:
    """The weights, if all are finite.

    Raises
    ------
    pyNN.errors.InvalidWeightError
        If one is not.
    """
    values = _numbers("weight", weights, label)
    if not np.isfinite(values).all():
        wrong = values[~np.isfinite(values)].flat[0]
        raise errors.InvalidWeightError(f"A weight of {wrong} in '{label}'; it must be finite.")
    return float(values) if values.ndim == 0 else values


def check_signs(weights: Any, projection: Any) -> None:
    """Run PyNN's check of the signs of weights for the receptor that they reach.

    PyNN asks whether a cell as a whole has conductances; here that depends on the receptor, since
    one cell may have receptors of both kinds.  Currents may have any sign, unless the receptor has
    one of the names that PyNN knows.

    Raises
    ------
    pyNN.errors.ConnectionError
        If weights of conductances are negative, those of currents do not fit the receptor, or
        it is of one kind in some cells and of another kind in others.
    """
    receptor = projection.receptor_type
    parts = getattr(projection.post, "populations", [projection.post])
    kinds = {_has_conductance(part.celltype, receptor) for part in parts}
    if len(kinds) > 1:
        raise errors.ConnectionError(
            f"The receptor '{receptor}' of '{projection.post.label}' takes conductances in some "
            "populations and currents in others; make a projection to each."
        )
    if kinds != {False} or receptor in KNOWN_RECEPTORS:
        post = SimpleNamespace(conductance_based=kinds.pop())
        target = SimpleNamespace(post=post, receptor_type=receptor)
        standardmodels.check_weights(weights, target)


def _has_conductance(celltype: Any, receptor: str) -> bool | None:
    if isinstance(celltype, CellModel):
        return celltype.has_conductance(receptor)
    kind: bool | None = celltype.conductance_based
    return kind


def delay_steps(delays: Any, label: str) -> Any:
    """Delays in time steps, rounded to the nearest.

    Raises
    ------
    pyNN.errors.ConnectionError
        If one is not finite, or out of the range that `setup` allows.
    """
    state = simulator.state
    shortest, longest = state.delay_limits
    tolerance = 1e-6 * state.dt
    values = _numbers("delay", delays, label)
    in_range = (values >= shortest - tolerance) & (values <= longest + tolerance)
    wrong = ~(in_range & np.isfinite(values))
    if wrong.any():
        raise errors.ConnectionError(
            f"A delay of {values[wrong].flat[0]:g} ms in '{label}' is out of range "
            f"[{shortest:g}, {longest:g}] ms; change it, or min_delay and max_delay in setup()."
        )
    steps = np.maximum(state.network.clock.nearest_step(values), 1)
    return int(steps) if steps.ndim == 0 else steps.astype(np.int32)


def _numbers(name: str, values: Any, label: str) -> NDArray[np.float64]:
    require_value(name, values)
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise errors.InvalidParameterValueError(
            f"{name} = {values!r} in '{label}' is not a number."
        ) from error
