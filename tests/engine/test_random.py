"""Counter-based random numbers: known answers, and the same numbers in compiled code."""

from __future__ import annotations

import numpy as np
import pytest

from ship_engine.random import philox, standard_normal, stream_key, unit

# From the Random123 distribution's kat_vectors (Salmon et al. 2011), philox4x32-10.
KNOWN_ANSWERS = [
    ((0, 0), (0, 0, 0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    (
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0xA4093822, 0x299F31D0),
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("key", "counter", "words"), KNOWN_ANSWERS)
def test_known_answers(key, counter, words):
    assert tuple(int(word) for word in philox(key, counter)) == words


def test_numbers_depend_on_the_counter_alone():
    key = stream_key(7, 3)
    together = standard_normal(key, np.arange(100))
    assert np.array_equal(together[40:], standard_normal(key, np.arange(40, 100)))


def test_streams_and_seeds_differ():
    keys = {stream_key(seed, stream) for seed in range(20) for stream in range(20)}
    assert len(keys) == 400


def test_moments():
    key = stream_key(1, 1)
    normal = standard_normal(key, np.arange(200_000))
    assert abs(normal.mean()) < 0.01
    assert abs(normal.std() - 1.0) < 0.01
    uniform = unit(philox(key, (np.arange(200_000), 0, 0, 0))[0])
    assert abs(uniform.mean() - 0.5) < 0.003
    assert uniform.min() > 0.0
    assert uniform.max() < 1.0
