"""Sequences of different length, side by side: padded, and taken together where they are alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ship_engine.data.arrays import Integers
from ship_engine.errors import InvalidValueError


def alike(lengths: Any, size: int, most: int | None = None) -> Iterator[Integers]:
    """Indices of sequences in groups of similar length, the shortest first.

    Parameters
    ----------
    lengths : array of int
        How long each sequence is.
    size : int
        Most sequences in a group.
    most : int, optional
        Most time steps in a group, padding included; a single sequence may be longer.
    """
    lengths = np.asarray(lengths, np.int64)
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < order.size:
        stop = min(start + size, order.size)
        if most is not None:
            needed = lengths[order[start:stop]] * np.arange(1, stop - start + 1)
            stop = start + max(1, int(np.searchsorted(needed, most, "right")))
        yield order[start:stop]
        start = stop


def check_sequences(sequences: Sequence[Any], what: str) -> None:
    """Refuse sequences that do not agree in the number of components.

    Raises
    ------
    InvalidValueError
        If one is not [time, component], or has other components than the first.
    """
    for i, sequence in enumerate(sequences):
        if sequence.ndim != 2:
            raise InvalidValueError(
                f"{what}[{i}] must have the axes [time, component]; got the shape "
                f"{tuple(sequence.shape)}."
            )
        if sequence.shape[1] != sequences[0].shape[1]:
            raise InvalidValueError(
                f"{what}[{i}] has {sequence.shape[1]} components, {what}[0] has "
                f"{sequences[0].shape[1]}; they must agree."
            )


def together(
    sequences: Sequence[NDArray[Any]],
    convert: Callable[[NDArray[Any]], NDArray[Any]],
    size: int = 256,
) -> list[NDArray[Any]]:
    """Convert many sequences [time, component] a few hundred at a time.

    `convert` takes [sequence, time, component], where shorter ones go on with their last value, and
    must give as many time steps, none of which depends on later ones.
    """
    converted: list[Any] = [None] * len(sequences)
    lengths = [len(sequence) for sequence in sequences]
    for indices in alike(lengths, size):
        longest = lengths[indices[-1]]
        padded = [
            np.pad(sequences[i], ((0, longest - lengths[i]), (0, 0)), "edge")
            if lengths[i]
            else np.zeros((longest, sequences[i].shape[1]))
            for i in indices
        ]
        for i, result in zip(indices, convert(np.stack(padded)), strict=True):
            converted[i] = result[: lengths[i]].copy()
    return converted
