"""Weights that compete: those that reach a neuron always sum to the same.

Where a rule only strengthens the weights of inputs that were active, dividing all of them by their
sum weakens the others, and keeps any neuron from becoming stronger than the rest.

Goodhill & Barrow (1994), Neural Comput. 6:255; in networks of spiking neurons: Diehl & Cook (2015),
Front. Comput. Neurosci. 9:99.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ship_engine.errors import InvalidValueError


def normalised(weights: ArrayLike, total: ArrayLike) -> NDArray[np.float64]:
    """Scale the weights onto each target so that they sum to a total.

    Parameters
    ----------
    weights : array [source, target]
        Weights >= 0; NaN where nothing is connected, as PyNN's projections give them.
    total : float or array [target]
        What the weights onto a target shall sum to, > 0.

    Returns
    -------
    float64 array [source, target]
        A new array.  Weights that are all 0 have no direction to be scaled in, and stay.

    Raises
    ------
    InvalidValueError
        If a weight is negative or infinite, or totals are not positive or not one for each target.
    """
    matrix = np.asarray(weights, np.float64)
    if matrix.ndim != 2:
        raise InvalidValueError(
            f"Weights of shape {matrix.shape}; give an array [source, target], or use "
            "`normalised_connections` for a list."
        )
    _refuse_unusable(matrix)
    return matrix * _factors(np.nansum(matrix, axis=0), total)


def normalised_connections(
    weights: ArrayLike, targets: ArrayLike, total: ArrayLike, size: int | None = None
) -> NDArray[np.float64]:
    """Scale the weights of a list of connections so that those onto each target sum to a total.

    Parameters
    ----------
    weights : array [connection]
        Weights >= 0.
    targets : integer array [connection]
        The target of each connection, from 0 on.
    total : float or array [target]
        What the weights onto a target shall sum to, > 0.
    size : int, optional
        How many targets there are; by default one more than the largest that is connected.

    Returns
    -------
    float64 array [connection]
        A new array.  Weights that are all 0 have no direction to be scaled in, and stay.

    Raises
    ------
    InvalidValueError
        If a weight is negative or not finite, targets do not fit, or totals are not positive or
        not one for each target.
    """
    values, cells = np.asarray(weights, np.float64), np.asarray(targets)
    if values.ndim != 1 or cells.shape != values.shape:
        raise InvalidValueError(
            f"Weights of shape {values.shape} and targets of shape {cells.shape}; give one of each "
            "for each connection."
        )
    if values.size == 0:
        return values.copy()
    if not np.issubdtype(cells.dtype, np.integer) or cells.min() < 0:
        raise InvalidValueError(
            f"Targets of type {cells.dtype}, the lowest {cells.min()}; give whole numbers >= 0."
        )
    count = int(cells.max()) + 1 if size is None else size
    if cells.max() >= count:
        raise InvalidValueError(f"Target {cells.max()} of {count} targets; give a larger size.")
    _refuse_unusable(values)
    if np.isnan(values).any():
        raise InvalidValueError("A weight is NaN; leave out what is not connected.")
    sums = np.bincount(cells, values, minlength=count).astype(np.float64)
    factors: NDArray[np.float64] = _factors(sums, total)[cells]
    return values * factors


def _refuse_unusable(weights: NDArray[np.float64]) -> None:
    wrong = (weights < 0.0) | np.isinf(weights)
    if wrong.any():
        raise InvalidValueError(
            f"A weight of {weights[wrong][0]}; weights that are normalised have to be finite and "
            ">= 0."
        )


def _factors(sums: NDArray[np.float64], total: ArrayLike) -> NDArray[np.float64]:
    """By what the weights onto each target are multiplied."""
    wanted = np.asarray(total, np.float64)
    if wanted.shape not in ((), sums.shape):
        raise InvalidValueError(
            f"Totals of shape {wanted.shape} for {sums.size} targets; give one for all or one for "
            "each."
        )
    if not (np.isfinite(wanted) & (wanted > 0.0)).all():
        raise InvalidValueError(f"A total of {wanted.min()}; it has to be finite and > 0.")
    return np.where(sums > 0.0, wanted / np.where(sums > 0.0, sums, 1.0), 1.0)
