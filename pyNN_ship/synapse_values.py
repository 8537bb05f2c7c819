"""Values of synapses in the forms of PyNN: lists, matrices, distributions and functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import errors
from pyNN.parameters import LazyArray, ParameterSpace
from pyNN.random import RandomDistribution

from . import simulator
from .lazy_values import PairValues


def for_connections(projection: Any, name: str, value: Any) -> Any:
    """A value for all connections, or an array of one for each, in their order.

    Parameters
    ----------
    projection : Projection
        Whose connections.
    name : str
        Of the parameter or state.
    value : number, list, 2-D array, RandomDistribution, function or expression
        Plain numbers; a list has one for each connected pair of cells, in row-major order.

    Raises
    ------
    pyNN.errors.InvalidDimensionsError
        If there are too many or too few values.
    """
    if isinstance(value, (list, np.ndarray)) and np.ndim(value) == 1:
        return _spread(projection, name, np.asarray(value, float))
    try:
        lazy = ParameterSpace({name: value}, {name: float}, projection.shape)[name]
    except errors.InvalidDimensionsError as error:
        raise errors.InvalidDimensionsError(
            f"{name} has shape {np.shape(value)}; give a number, an array of shape "
            f"{projection.shape}, or a list with one value for each connected pair of "
            f"'{projection.label}'."
        ) from error
    pre, post = projection._presynaptic_index, projection._postsynaptic_index
    if isinstance(lazy.base_value, RandomDistribution):
        # PyNN draws a number for each pair of cells, whether they are connected or not.
        return _drawn_for_pairs(lazy, pre, post, projection.shape)
    return PairValues(projection, pre, post).evaluate(name, lazy)


def _spread(projection: Any, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """One value for each connected pair, in row-major order, to each connection."""
    own = flat_index(projection)
    everywhere = simulator.state.communicator.gather(own)
    pairs = np.unique(np.concatenate(everywhere))
    position = np.searchsorted(pairs, own)
    if values.size != pairs.size:
        raise errors.InvalidDimensionsError(
            f"{values.size} values of {name} for the {pairs.size} connected pairs of "
            f"'{projection.label}'."
        )
    return values[position]


def _drawn_for_pairs(
    lazy: LazyArray, pre: NDArray[np.int32], post: NDArray[np.int32], shape: tuple[int, int]
) -> NDArray[np.float64]:
    matrix = lazy.evaluate(simplify=False)
    return np.asarray(np.broadcast_to(matrix, shape)[pre, post], float)


def flat_index(projection: Any) -> NDArray[np.int64]:
    """Place of each connection in the matrix of all pairs of cells, row by row."""
    pre = projection._presynaptic_index.astype(np.int64)
    places: NDArray[np.int64] = pre * projection.post.size + projection._postsynaptic_index
    return places


def as_matrix(
    shape: tuple[int, int], flat: NDArray[np.int64], values: NDArray[Any], operation: str
) -> NDArray[np.float64]:
    """Values as a matrix with NaN where nothing is connected.

    Where several synapses meet, the operation decides: 'sum', 'first', 'last', 'min' or 'max'.
    """
    matrix = np.full(shape, np.nan)
    cells = matrix.reshape(-1)
    if operation == "last":
        cells[flat] = values
    elif operation == "first":
        cells[flat[::-1]] = values[::-1]
    else:
        start = {"sum": 0.0, "min": np.inf, "max": -np.inf}[operation]
        combine = {"sum": np.add, "min": np.minimum, "max": np.maximum}[operation]
        cells[flat] = start
        combine.at(cells, flat, values)
    return matrix
