"""NumPy arrays at the core, torch tensors accepted; deviates that belong to devices for good."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ship_engine.errors import InvalidValueError

Floats = NDArray[np.float64]


def as_floats(name: str, values: Any) -> tuple[Floats, Callable[..., Any]]:
    """Values as an array of float64, and what makes the like of what was given of a result.

    Parameters
    ----------
    name : str
        For messages.
    values : number, array or tensor
        Of any shape; a tensor may be on any device.

    Returns
    -------
    float64 array
        A copy.
    callable
        Makes a tensor of a result if a tensor was given, of the same type and on the same device.
        The gradient with respect to the result becomes that with respect to the values, as if
        nothing lay between (Bengio, Léonard & Courville 2013), where its second argument, an
        array of bool, is true; everywhere if there is none.

    Raises
    ------
    InvalidValueError
        If a value is not a finite number.
    """
    tensor = type(values).__module__.partition(".")[0] == "torch"
    try:
        array = np.array(values.detach().cpu().numpy() if tensor else values, np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidValueError(
            f"{name} = {values!r}; give numbers, an array or a tensor."
        ) from error
    wrong = ~np.isfinite(array)
    if wrong.any():
        raise InvalidValueError(
            f"{int(wrong.sum())} of {array.size} {name} are not finite, such as {array[wrong][0]}."
        )
    if not tensor:
        return array, lambda result, passing=None: result

    def back(result: Floats, passing: NDArray[np.bool_] | None = None) -> Any:
        floating = values if values.is_floating_point() else values.double()
        found = floating.new_tensor(result)
        if not values.requires_grad:
            return found
        through = values if passing is None else values * values.new_tensor(passing)
        return found + (through - through.detach())

    return array, back


def rounding_of(values: Any) -> float:
    """How far numbers of the type of these may be from what was meant, relative to the largest.

    It is that of two roundings; whole numbers are taken for float64.
    """
    if type(values).__module__.partition(".")[0] == "torch":
        floating = values.is_floating_point()
        name = str(values.dtype).removeprefix("torch.") if floating else "float64"
    else:
        kind = np.asarray(values).dtype
        name = kind.name if kind.kind == "f" else "float64"
    return 2.0 * float(np.finfo(name).eps)


def check_generator(generator: Any) -> None:
    """Refuse what is no generator of NumPy.

    Raises
    ------
    InvalidValueError
        If it is not.
    """
    if not isinstance(generator, np.random.Generator):
        raise InvalidValueError(
            f"generator = {generator!r}; give one of NumPy, such as numpy.random.default_rng(1)."
        )


def check_shapes(**arrays: Floats) -> None:
    """Refuse arrays of shapes that do not broadcast against each other.

    Raises
    ------
    InvalidValueError
        If they do not.
    """
    try:
        np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError as error:
        listed = ", ".join(f"{name} of shape {array.shape}" for name, array in arrays.items())
        raise InvalidValueError(
            f"{listed} do not go together; give one number for all, or shapes that broadcast."
        ) from error


def fixed_generator(generator: np.random.Generator, purpose: int) -> np.random.Generator:
    """A generator that depends on how another one was seeded, not on what that has drawn since.

    What is drawn from it belongs to the devices themselves: it is the same at every write and
    every reading.

    Parameters
    ----------
    generator : numpy.random.Generator
        Made from a seed, as by ``numpy.random.default_rng(seed)``.
    purpose : int
        Numbers for different purposes are independent.
    """
    bits = generator.bit_generator
    sequence = bits.seed_seq
    if isinstance(sequence, np.random.SeedSequence):
        words = sequence.generate_state(4, np.uint64)
    else:  # Philox with a key of its own
        state: Any = bits.state
        words = np.asarray(state["state"]["key"], np.uint64).ravel()
    entropy = [*(int(word) for word in words), purpose]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))


def generator_of(seed: int, label: str, turn: int = 0) -> np.random.Generator:
    """A generator for the devices of one group of synapses.

    Parameters
    ----------
    seed : int
        Of the network.
    label : str
        Of the group; groups of different labels have different devices.
    turn : int
        How often they were written before: the devices stay, what is drawn is new.
    """
    sequence = np.random.SeedSequence([seed & 0xFFFFFFFFFFFFFFFF, crc32(label.encode())])
    bits = np.random.PCG64(sequence)
    return np.random.Generator(bits.advance(turn << 64))
