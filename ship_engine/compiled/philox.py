"""Philox4x32-10 (Salmon et al. 2011, SC11): four random words for a key and a counter.

`ship_engine.random` is the same generator on NumPy arrays.
"""

from __future__ import annotations

import math

import numpy as np

from ship_engine.compiled.dialect import inlined, jit
from ship_engine.random import (
    EXPONENTIAL,
    MULTIPLIER_0,
    MULTIPLIER_1,
    ROUNDS,
    WEYL_0,
    WEYL_1,
)

M0, M1 = np.uint64(MULTIPLIER_0), np.uint64(MULTIPLIER_1)
W0, W1 = np.uint64(WEYL_0), np.uint64(WEYL_1)
LOW, SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)
HALF, LOW_HALF = np.uint64(16), np.uint64(0xFFFF)
TO_UNIT, HALF_TO_UNIT = 2.0**-32, 2.0**-16


@inlined
def philox(k0, k1, c0, c1, c2, c3):
    """All words are uint64 that hold 32 bits."""
    for _ in range(ROUNDS):
        a = M0 * c0
        b = M1 * c2
        c0, c1, c2, c3 = (b >> SHIFT) ^ c1 ^ k0, b & LOW, (a >> SHIFT) ^ c3 ^ k1, a & LOW
        k0 = (k0 + W0) & LOW
        k1 = (k1 + W1) & LOW
    return c0, c1, c2, c3


@inlined
def unit_of_half(half):
    """A number in (0, 1), on a grid of 2**-16, from a word that holds 16 bits."""
    return (np.float64(np.int64(half)) + 0.5) * HALF_TO_UNIT


@inlined
def unit(word):
    """A number in (0, 1) from a word."""
    return (np.float64(np.int64(word)) + 0.5) * TO_UNIT


@inlined
def low_word(number):
    """The lower 32 bits of an integer that is not negative."""
    return np.uint64(number) & LOW


@inlined
def high_word(number):
    """Its upper 32 bits."""
    return np.uint64(number) >> SHIFT


@jit
def standard_exponential(k0, k1, cell, number):
    """As `ship_engine.random.standard_exponential`, for words that are int64."""
    c0, c1 = np.uint64(cell), np.uint64(number) & LOW
    a, _, _, _ = philox(np.uint64(k0), np.uint64(k1), c0, c1, np.uint64(0), np.uint64(EXPONENTIAL))
    return -math.log(unit(a))
