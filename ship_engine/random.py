"""Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011, SC11) on NumPy arrays.

A number depends on a key (seed and stream) and a counter (component, step, draw) alone, never on
who draws it or when, so a run gives the same spikes on any number of threads or ranks and on any
device.  `ship_engine.compiled.philox` is the same generator in compiled code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MULTIPLIER_0, MULTIPLIER_1 = 0xD2511F53, 0xCD9E8D57
WEYL_0, WEYL_1 = 0x9E3779B9, 0xBB67AE85
ROUNDS = 10
EXPONENTIAL = 0x45585053
"""A word of the counters of `standard_exponential`, which no other number has there."""

Words = NDArray[np.uint64]


def philox(key: tuple[int, int], counter: tuple[Any, Any, Any, Any]) -> tuple[Words, ...]:
    """Four words of 32 random bits for each counter.

    Parameters
    ----------
    key : (int, int)
        Two words of 32 bits.
    counter : four of int or array
        Words of 32 bits, broadcast against each other.

    Returns
    -------
    tuple of four uint64 arrays
        Each holds 32 bits.
    """
    low, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    k0, k1 = key[0] & 0xFFFFFFFF, key[1] & 0xFFFFFFFF
    c0, c1, c2, c3 = (np.asarray(c, np.uint64) for c in np.broadcast_arrays(*counter))
    for _ in range(ROUNDS):
        a, b = np.uint64(MULTIPLIER_0) * c0, np.uint64(MULTIPLIER_1) * c2
        c0, c1, c2, c3 = (
            (b >> shift) ^ c1 ^ np.uint64(k0),
            b & low,
            (a >> shift) ^ c3 ^ np.uint64(k1),
            a & low,
        )
        k0, k1 = (k0 + WEYL_0) & 0xFFFFFFFF, (k1 + WEYL_1) & 0xFFFFFFFF
    return c0, c1, c2, c3


def unit(words: Words) -> NDArray[np.float64]:
    """Numbers in (0, 1), uniformly distributed, from words of 32 bits."""
    return (words.astype(np.float64) + 0.5) * 2.0**-32


def stream_key(seed: int, stream: int) -> tuple[int, int]:
    """The key of one stream of random numbers under a seed."""
    words = philox((seed, seed >> 32), (stream, stream >> 32, 0, 0x53484950))
    return int(words[0]), int(words[1])


def standard_normal(key: tuple[int, int], index: Any) -> NDArray[np.float64]:
    """Normal numbers of mean 0 and variance 1, one for each index (Box and Muller 1958)."""
    index = np.asarray(index, np.int64).astype(np.uint64)
    words = philox(key, (index & np.uint64(0xFFFFFFFF), index >> np.uint64(32), 1, 0))
    radius = np.sqrt(-2.0 * np.log(unit(words[0])))
    return radius * np.cos(2.0 * np.pi * unit(words[1]))


def standard_exponential(key: tuple[int, int], cell: Any, number: Any) -> NDArray[np.float64]:
    """Exponentially distributed numbers of mean 1, given a cell and which of its numbers it is."""
    number = np.asarray(number, np.int64) & 0xFFFFFFFF
    return -np.log(unit(philox(key, (cell, number, 0, EXPONENTIAL))[0]))
