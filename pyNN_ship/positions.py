"""Where cells are: what may be a position in space."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import errors


def checked_positions(positions: Any, shape: tuple[int, ...], label: str) -> NDArray[Any]:
    """A copy of positions, if cells can be there.

    Parameters
    ----------
    positions : array-like
        The coordinates x, y and z.
    shape : tuple of int
        (3, cells), or (3,) for a single cell.
    label : str
        Of the population.

    Raises
    ------
    pyNN.errors.InvalidDimensionsError
        If the shape is another one.
    pyNN.errors.InvalidParameterValueError
        If these are no real numbers, or one is not finite.
    """
    try:
        array = np.array(positions)
    except ValueError as error:
        raise errors.InvalidDimensionsError(
            f"Positions of '{label}' in lists of different lengths; give an array of shape {shape}."
        ) from error
    if array.dtype.kind not in "iuf":
        raise errors.InvalidParameterValueError(
            f"Positions of '{label}' of type {array.dtype}; give numbers."
        )
    if array.shape != shape:
        raise errors.InvalidDimensionsError(
            f"Positions of '{label}' have shape {array.shape}; the coordinates x, y and z are the "
            f"rows of an array of shape {shape}."
        )
    refuse_nowhere(array, label)
    return array


def refuse_nowhere(positions: NDArray[Any], label: str) -> None:
    """Refuse positions, an array (3, cells) or (3,), to which there is no distance.

    Raises
    ------
    pyNN.errors.InvalidParameterValueError
        If a coordinate is not finite.
    """
    wrong = ~np.isfinite(positions)
    if wrong.any():
        axis, *cell = np.argwhere(wrong)[0].tolist()
        of_cell = f" of cell {cell[0]}" if cell else ""
        raise errors.InvalidParameterValueError(
            f"{'xyz'[axis]} = {positions[wrong].flat[0]}{of_cell} as a position in '{label}'; "
            "coordinates must be finite numbers."
        )
