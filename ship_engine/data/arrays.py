"""NumPy arrays and torch tensors: what is given comes back as the same kind.

torch is not imported here, unless a tensor is asked for by name: who holds one has imported it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ship_engine.errors import InvalidValueError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Spikes = NDArray[np.bool_]
Seed = int | np.random.Generator
"""A whole number, or a generator that moves on with every draw."""

ROUNDING = 1e-9
"""Part of a time step, or of a threshold, by which a number may miss a whole multiple of it."""


def is_tensor(values: Any) -> bool:
    """Whether these values are a torch tensor."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(values, torch.Tensor)


def as_floats(values: Any, what: str) -> Floats:
    """Numbers as a float64 array; a tensor is detached and brought to the CPU.

    Raises
    ------
    InvalidValueError
        If they are not numbers, or not all finite.
    """
    try:
        array = np.asarray(_numbers_of(values), np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidValueError(
            f"{what} must be an array or tensor of numbers; got {type(values).__name__}. "
            "Sequences of different length go into a list, one by one."
        ) from error
    if not np.isfinite(array).all():
        wrong = array[~np.isfinite(array)]
        raise InvalidValueError(
            f"{what} must be finite; got {wrong[0]} ({wrong.size} of {array.size} are not finite)."
        )
    return array


def _numbers_of(values: Any) -> Any:
    """Values that NumPy understands; it knows nothing of bfloat16."""
    return values.detach().cpu().double() if is_tensor(values) else values


def same_kind(result: NDArray[Any], given: Any) -> Any:
    """A result as a tensor on the same device if that is what was given, else as it is."""
    if not is_tensor(given):
        return result
    return sys.modules["torch"].from_numpy(np.ascontiguousarray(result)).to(given.device)


def whole_number(value: Any, what: str, minimum: int = 1) -> int:
    """A whole number >= minimum, such as a count of time steps.

    Raises
    ------
    InvalidValueError
        If it is anything else.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise InvalidValueError(f"{what} must be a whole number; got {value!r}.")
    if value < minimum:
        raise InvalidValueError(f"{what} must be at least {minimum}; got {value}.")
    return int(value)


def number(value: Any, what: str, *, above: float | None = None, minimum: float = -np.inf) -> float:
    """A finite number within limits.

    Raises
    ------
    InvalidValueError
        If it is anything else.
    """
    requirement = f"> {above:g}" if above is not None else f">= {minimum:g}"
    if np.isneginf(minimum) and above is None:
        requirement = "finite"
    try:
        checked = float(value)
    except (TypeError, ValueError) as error:
        raise InvalidValueError(f"{what} must be a number; got {value!r}.") from error
    if not np.isfinite(checked) or checked < minimum or (above is not None and checked <= above):
        raise InvalidValueError(f"{what} must be {requirement}; got {checked:g}.")
    return checked


def one_of(value: Any, what: str, allowed: tuple[str, ...]) -> str:
    """A word of a list.

    Raises
    ------
    InvalidValueError
        If it is none of them.
    """
    if value not in allowed:
        raise InvalidValueError(f"{what} must be one of {', '.join(allowed)}; got {value!r}.")
    return str(value)


def generator(seed: Any) -> np.random.Generator:
    """The generator of random numbers that belongs to a seed.

    Raises
    ------
    InvalidValueError
        If the seed is neither a whole number >= 0 nor a generator.
    """
    if isinstance(seed, np.random.Generator):
        return seed
    return np.random.default_rng(whole_number(seed, "seed", 0))


def are_several(values: Any) -> bool:
    """Whether these are a list of arrays or tensors, rather than numbers in nested lists."""
    return isinstance(values, (list, tuple)) and any(
        is_tensor(value) or isinstance(value, np.ndarray) for value in values
    )


def each(values: Any, convert: Callable[[Floats], NDArray[Any]], what: str) -> Any:
    """Convert an array or tensor, or every one of a list of them."""
    if are_several(values):
        return [each(value, convert, f"{what}[{i}]") for i, value in enumerate(values)]
    return same_kind(convert(as_floats(values, what)), values)
