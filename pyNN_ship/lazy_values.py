"""
Values of PyNN's lazy arrays for given pairs of cells, all pairs at once.

PyNN evaluates the parameters of a projection column by column: one address, one call and one array
per postsynaptic cell. Here the pairs of the whole projection are given, grouped by column, and a
lazy array is evaluated on them in one go, with the arithmetic and the random numbers of PyNN.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from lazyarray import larray
from numpy.typing import NDArray
from pyNN import errors
from pyNN.connectors import DisplacementDependentProbabilityConnector
from pyNN.core import IndexBasedExpression
from pyNN.space import Space

from .connector_draws import FloatArray, IntegerArray, draw_by_column, draw_restarted_by_column
from .positions import refuse_nowhere

#: Pairs whose coordinates are held at once while distances are computed.
PAIRS_PER_CHUNK = 2**18

DisplacementExpression = DisplacementDependentProbabilityConnector.DisplacementExpression


class Distances:
    """Distances between the cells of a projection, in its `Space`.

    PyNN's own ``Space.distances`` builds a matrix, once per column, and fails for an Assembly.
    This computes the same numbers (same operations in the same order) for the pairs asked for. A
    subclass of Space with its own ``distances`` is asked column by column, as PyNN asks it.
    """

    def __init__(self, projection: Any) -> None:
        self._projection = projection
        self._space = projection.space
        self._is_standard = type(self._space).distances is Space.distances

    # Positions may be random and drawn when they are first asked for. So they are asked for only
    # when distances are needed, presynaptic ones first, as PyNN has it.
    @cached_property
    def _sources(self) -> FloatArray:
        return _as_floating(_positions(self._projection.pre))

    @cached_property
    def _targets(self) -> FloatArray:
        return _as_floating(_positions(self._projection.post))

    @cached_property
    def _scaled_targets(self) -> FloatArray:
        return np.transpose(self._space.scale_factor * (self._targets.T + self._space.offset))

    def of_pairs(self, sources: IntegerArray, targets: IntegerArray) -> FloatArray:
        """Return the distance of each pair ``(sources[k], targets[k])``."""
        distances = np.empty(len(sources), dtype=self._sources.dtype)
        if not self._is_standard:
            for start, end in _column_bounds(targets):
                distances[start:end] = self._own_distances(sources[start:end], targets[start])
            return distances
        for start in range(0, len(sources), PAIRS_PER_CHUNK):
            part = slice(start, start + PAIRS_PER_CHUNK)
            distances[part] = self._measure(
                self._sources[:, sources[part]], self._scaled_targets[:, targets[part]]
            )
        return distances

    def of_columns(self, columns: IntegerArray) -> FloatArray:
        """Return the distances of all sources to each of `columns`, one column after the other."""
        if not self._is_standard:
            every_source = np.arange(self._sources.shape[1])
            return np.concatenate([self._own_distances(every_source, j) for j in columns])
        sources = self._sources[:, np.newaxis, :]
        return self._measure(sources, self._scaled_targets[:, columns, np.newaxis]).ravel()

    def _own_distances(self, sources: IntegerArray, column: int) -> FloatArray:
        return self._space.distances(self._sources.T[sources], self._targets.T[column])

    def _measure(self, sources: FloatArray, targets: FloatArray) -> FloatArray:
        """Distances between positions whose first axis is the spatial one."""
        squared: Any = 0
        for axis in self._space.axes:
            difference = sources[axis] - targets[axis]
            boundaries = self._space.periodic_boundaries
            if boundaries is not None and boundaries[axis] is not None:
                size = boundaries[axis][1] - boundaries[axis][0]
                difference = np.abs(difference)
                difference = np.minimum(difference, size - difference)
            difference *= difference
            squared = squared + difference.astype(self._sources.dtype, copy=False)
        return np.sqrt(squared)


class Displacements:
    """Displacements between the cells of a projection, for PyNN's DisplacementExpression.

    By its contract the user's function maps each displacement on its own, so it can be asked for
    many columns at once, and the positions are looked up once, not once per column.
    """

    def __init__(self, projection: Any) -> None:
        self._projection = projection

    @cached_property
    def _sources(self) -> FloatArray:
        return _positions(self._projection.pre)

    @cached_property
    def _targets(self) -> FloatArray:
        return _positions(self._projection.post)

    def of_pairs(self, sources: IntegerArray, targets: IntegerArray) -> FloatArray:
        """Return x, y and z from ``sources[k]`` to ``targets[k]``, shape (3, pairs)."""
        return self._targets[:, targets] - self._sources[:, sources]

    def of_columns(self, columns: IntegerArray) -> FloatArray:
        """Return x, y and z from all sources to each of `columns`, one column after the other."""
        displacements = self._targets[:, columns, np.newaxis] - self._sources[:, np.newaxis, :]
        return displacements.reshape(3, -1)


def is_plain_displacement(expression: Any) -> bool:
    """Tell whether `expression` is PyNN's displacement expression, not a rewritten one."""
    return (
        isinstance(expression, DisplacementExpression)
        and type(expression).__call__ is DisplacementExpression.__call__
    )


def bound_expression(expression: IndexBasedExpression, projection: Any) -> IndexBasedExpression:
    """Return a copy of `expression` that knows `projection`; the user's own stays untouched."""
    bound = copy(expression)
    bound.projection = projection
    return bound


def as_values(name: str, value: Any, shape: tuple[int, ...]) -> float | NDArray[np.float64]:
    """Return `value` as a float or as a float64 array of `shape`, or refuse it by `name`."""
    try:
        if value is None:  # NumPy would take it for NaN
            raise TypeError("None is not a number")
        numbers = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise errors.InvalidParameterValueError(
            f"{name} did not give a number for each connection, but {value!r}."
        ) from error
    if numbers.shape == shape:
        return numbers
    if numbers.shape in ((), (1,)):
        return float(numbers.item())
    raise errors.InvalidDimensionsError(
        f"{name} gave values of shape {numbers.shape} for {shape} pairs of cells; a function of "
        "distances or indices has to return one number for each."
    )


def values_of_distances(name: str, function: Callable[[Any], Any], distances: FloatArray) -> Any:
    """Call the user's `function`, of the parameter or rule called `name`, for many distances."""
    try:
        # A copy, because the function may write into the array that it is given.
        return function(distances.copy())
    except ValueError as error:
        raise errors.InvalidParameterValueError(
            f"{name} cannot be evaluated for an array of distances: {error}. For two conditions "
            'write "(d > 1) * (d < 3)", not "and" or "1 < d < 3"; for a choice use numpy.where.'
        ) from error


class PairValues:
    """Evaluate lazy arrays for pairs of cells.

    Parameters
    ----------
    projection : Projection
        Gives the populations and the space.
    sources, targets : arrays of int
        The pairs. Grouped by target where random numbers are drawn (one draw for each group) or an
        IndexBasedExpression is evaluated (one call for each group); else in any order.
    restart_each_column : bool
        Give every column the same random numbers, as PyNN's FromListConnector does.
    """

    def __init__(
        self,
        projection: Any,
        sources: IntegerArray,
        targets: IntegerArray,
        restart_each_column: bool = False,
    ) -> None:
        self._projection = projection
        self._sources = sources
        self._targets = targets
        self._draw = draw_restarted_by_column if restart_each_column else draw_by_column

    def evaluate(self, name: str, lazy: larray) -> float | NDArray[np.float64]:
        """Return the value of `lazy`, called `name`, for the pairs: a float if all are the same."""
        return as_values(name, self._value(name, lazy), (len(self._sources),))

    @cached_property
    def column_bounds(self) -> list[tuple[int, int]]:
        """First and last-but-one position of each column that has pairs."""
        return _column_bounds(self._targets)

    @cached_property
    def _distances(self) -> FloatArray:
        return Distances(self._projection).of_pairs(self._sources, self._targets)

    def _value(self, name: str, lazy: larray) -> Any:
        value = self._base_value(name, lazy.base_value)
        for function, argument in lazy.operations:
            if argument is None:
                value = function(value)
            else:
                value = function(value, self._argument(name, argument))
        return value

    def _argument(self, name: str, argument: Any) -> Any:
        if isinstance(argument, larray):
            return self._value(name, argument)
        if isinstance(argument, np.ndarray):
            return self._selected(name, argument)
        return argument

    def _base_value(self, name: str, base: Any) -> Any:
        if isinstance(base, np.ndarray):
            return self._selected(name, base)
        if hasattr(base, "tocsr"):  # a SciPy sparse matrix
            return np.asarray(base.tocsr()[self._sources, self._targets]).ravel()
        if isinstance(base, IndexBasedExpression):
            return self._index_values(name, base)
        if callable(base):
            return values_of_distances(name, base, self._distances)
        if hasattr(base, "next"):
            counts = np.array([end - start for start, end in self.column_bounds], dtype=np.int64)
            return self._draw(base, counts)
        if np.isscalar(base):
            return base
        raise errors.InvalidParameterValueError(
            f"{name} is {base!r} of type {type(base).__name__}; expected a number, an array of "
            f"shape {self._projection.shape}, a RandomDistribution, or a function of the distance."
        )

    def _selected(self, name: str, array: NDArray[Any]) -> Any:
        if array.ndim == 0:
            return array[()]
        if array.shape != self._projection.shape:
            raise errors.InvalidDimensionsError(
                f"{name} is an array of shape {array.shape}; expected one value for each pair of "
                f"cells, shape {self._projection.shape}. For values of single connections, write "
                "them as a column of FromListConnector."
            )
        return array[self._sources, self._targets]

    def _index_values(self, name: str, expression: IndexBasedExpression) -> FloatArray:
        if is_plain_displacement(expression):
            displacements = Displacements(self._projection)
            return expression._disp_function(displacements.of_pairs(self._sources, self._targets))
        # One call per column, (array of sources, column): users write expressions for that call of
        # PyNN's, and some (a sum over the column, an `if` on the column) mean nothing else.
        bound = bound_expression(expression, self._projection)
        sources = self._sources.astype(np.int64)
        targets = self._targets.astype(np.int64)
        values = np.empty(len(sources))
        for start, end in self.column_bounds:
            column = bound(sources[start:end], targets[start])
            values[start:end] = as_values(name, column, (end - start,))
        return values


def _column_bounds(targets: IntegerArray) -> list[tuple[int, int]]:
    if len(targets) == 0:
        return []
    bounds = [0, *(np.flatnonzero(np.diff(targets)) + 1).tolist(), len(targets)]
    return list(pairwise(bounds))


def _positions(cells: Any) -> NDArray[Any]:
    """Where cells are; someone may have written into the array that they gave out."""
    positions: NDArray[Any] = cells.positions
    refuse_nowhere(positions, cells.label)
    return positions


def _as_floating(positions: NDArray[Any]) -> FloatArray:
    """Return positions as floating-point numbers, keeping single precision."""
    if np.issubdtype(positions.dtype, np.floating):
        return positions
    return positions.astype(np.float64)
