"""Values that users give: numbers and arrays, held against what a model allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ship_engine.errors import InvalidValueError, UnknownNameError


def checked_parameters(
    model: Any, given: Mapping[str, ArrayLike], count: int, label: str
) -> dict[str, NDArray[np.float64]]:
    """Parameters of a model, each [1] or [count].

    Raises
    ------
    UnknownNameError
        If the model has no parameter of that name.
    InvalidValueError
        If a value is not finite, out of range, or of the wrong shape.
    """
    known = {p.name: p for p in model.parameters}
    checked = {}
    for name, value in given.items():
        if name not in known:
            raise UnknownNameError(
                f"{model.name} has no parameter '{name}'; it has {', '.join(known)}."
            )
        array = checked_array(name, value, count, label)
        wrong = ~(np.isfinite(array) & known[name].allows(array))
        if wrong.any():
            raise InvalidValueError(
                f"{name} = {array[wrong][0]:g} {known[name].unit} in '{label}'; "
                f"it must be {known[name].requirement}."
            )
        checked[name] = array
    return checked


def checked_array(name: str, value: Any, count: int, label: str) -> NDArray[np.float64]:
    """One number, or one for each of `count`, as an array [1] or [count]."""
    try:
        array = np.asarray(value, np.float64).reshape(-1) if np.ndim(value) < 2 else None
    except (TypeError, ValueError) as error:
        raise InvalidValueError(
            f"{name} = {value!r} in '{label}' is not a number or an array of numbers."
        ) from error
    if array is None or array.size not in (1, count):
        raise InvalidValueError(
            f"{name} in '{label}' has shape {np.shape(value)}; give one value or {count}."
        )
    return array
