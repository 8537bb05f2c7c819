"""Single connections, and what may be a weight or a delay."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pyNN import common, errors, standardmodels

from . import simulator
from .standardmodels.base import CellModel
from .units import require_value

if TYPE_CHECKING:
    from .parts import Part
    from .projections import Projection


class Connection(common.Connection):
    """One connection of a projection; its parameters and states are attributes.

    Parameters, such as ``weight`` (nA, uS or mV, as the receptor has it) and ``delay`` (ms), can
    be set.
    """

    presynaptic_index: int
    postsynaptic_index: int

    def __init__(
        self, projection: Projection, part: Part, position: int, address: tuple[int, int]
    ) -> None:
        self._projection, self._part, self._position = projection, part, position
        self.presynaptic_index, self.postsynaptic_index = address

    def __getattr__(self, name: str) -> float:
        if name.startswith("_") or name not in self._names():
            raise AttributeError(
                f"A connection has no attribute '{name}'; it has {', '.join(self._names())}."
            )
        return float(self._part.get(name, self._position))

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or name in self.__annotations__:
            object.__setattr__(self, name, value)
            return
        projection = self._projection
        parameters = projection._parameters()
        if name not in parameters:
            raise errors.NonExistentParameterError(name, "Connection", parameters)
        number = projection._checked({name: projection._without_unit(name, value)})[name]
        if np.ndim(number):
            raise errors.InvalidDimensionsError(
                f"{name} = {value!r} for one connection; give one number."
            )
        projection._check_signs(np.array([self.postsynaptic_index]), {name: number})
        self._part.set_one(self._position, name, number, projection.synapse_type)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._names()]

    def _names(self) -> list[str]:
        return [*self._projection._parameters(), *self._projection._states()]

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
        order = self._projection._order
        index = index % count if order is None else int(order[index])
        for part in self._projection._parts:
            if index < len(part):
                return self._projection._connection(part, index)
            index -= len(part)
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
    one cell may have receptors of both kinds.  Currents may have either sign, unless the receptor
    has one of the names that PyNN knows; weights that reach one cell have one sign.

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
    target = SimpleNamespace(
        post=SimpleNamespace(conductance_based=kinds.pop()), receptor_type=receptor
    )
    with warnings.catch_warnings():
        # PyNN says that it cannot tell where currents may have either sign.
        warnings.simplefilter("ignore")
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
