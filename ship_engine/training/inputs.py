"""Inputs of modules, by group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError, UnknownNameError


def joined(inputs: Any, sizes: Mapping[Any, int], label: Callable[[Any], str]) -> Any:
    """Inputs of several groups side by side in one array [sample, time, component].

    Parameters
    ----------
    inputs : mapping of group to array, or anything else
        Something else is given back as it is.
    sizes : mapping of group to int
        The groups that take inputs, and how many components each has.
    label : callable
        What a group is called.
    """
    if not isinstance(inputs, Mapping):
        return inputs
    for group in inputs:
        if group not in sizes:
            raise UnknownNameError(
                f"{label(group) if hasattr(group, 'label') else group!r} takes no inputs; those "
                f"that do are {', '.join(label(one) for one in sizes) or 'none'}."
            )
    for group in sizes:
        if group not in inputs:
            raise InvalidValueError(f"The input of '{label(group)}' is missing.")
    arrays = [_tensor(inputs[group], label(group)) for group in sizes]
    shapes = {tuple(array.shape[:2]) for array in arrays}
    if len(shapes) > 1 or any(array.ndim != 3 for array in arrays):
        told = ", ".join(
            f"{label(g)}: {tuple(a.shape)}" for g, a in zip(sizes, arrays, strict=True)
        )
        raise InvalidValueError(
            f"Inputs of several groups are [sample, time, component], with as many samples and "
            f"time steps; these are {told}."
        )
    return torch.cat(arrays, dim=2)


def per_group(
    inputs: Any, sizes: Mapping[Any, int], label: Callable[[Any], str]
) -> dict[Any, Tensor]:
    """Inputs of each group, from a mapping, or from one tensor with the groups side by side.

    Raises
    ------
    InvalidValueError
        If the tensor has another shape than [batch, time, component].
    """
    if not sizes:
        raise InvalidValueError(
            "No group takes inputs; the network needs a source, or say which groups do."
        )
    together = joined(inputs, sizes, label)
    tensor = _tensor(together, ", ".join(label(group) for group in sizes))
    total = sum(sizes.values())
    if tensor.ndim != 3 or tensor.shape[2] != total or not tensor.shape[0]:
        told = " + ".join(f"{size} of '{label(group)}'" for group, size in sizes.items())
        raise InvalidValueError(
            f"Inputs of shape {tuple(tensor.shape)}; give [batch, time, component], with {total} "
            f"components ({told})."
        )
    return dict(zip(sizes, tensor.split(list(sizes.values()), dim=2), strict=True))


def _tensor(given: Any, label: str) -> Tensor:
    if isinstance(given, Tensor):
        return given
    try:
        return torch.as_tensor(np.asarray(given))
    except (TypeError, ValueError) as error:
        raise InvalidValueError(
            f"The input of '{label}' is no array of numbers ({error}); give [sample, time, "
            "component].  Only the input of a single group may be a list of different lengths."
        ) from error
