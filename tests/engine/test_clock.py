"""Times lie where people write them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ship_engine.clock import Clock


@pytest.mark.parametrize("dt", [0.1, 0.01, 0.05, 0.025, 1.0, 0.125])
def test_times_of_steps_are_the_decimal_numbers(dt):
    steps = np.arange(1000)
    assert Clock(dt).time(steps).tolist() == [float(f"{k * dt:.6f}") for k in steps]


def test_odd_time_steps_and_long_ones():
    assert Clock(0.3).time(3) == pytest.approx(0.9)
    assert Clock(2.5).time(3) == 7.5


def test_time_zero_is_in_the_first_step():
    steps, offsets = Clock(0.1).step_and_offset(np.array([0.0, 0.05, 0.1, 0.15]), False)
    assert steps.tolist() == [0, 0, 0, 1]
    assert offsets == pytest.approx([0.0, 0.05, 0.1, 0.05])


def test_on_the_grid_times_are_rounded():
    steps, offsets = Clock(0.1).step_and_offset(np.array([0.0, 0.16, 0.1]), True)
    assert steps.tolist() == [0, 1, 0]
    assert offsets == pytest.approx([0.0, 0.1, 0.1])


@given(st.floats(1e-3, 1e5), st.sampled_from([0.1, 0.01, 0.05, 1.0, 0.3]))
def test_step_and_offset_add_up(time, dt):
    clock = Clock(dt)
    (step,), (offset,) = clock.step_and_offset(np.array([time]), False)
    assert -1e-9 <= offset <= dt * (1 + 1e-9)
    assert clock.time(step) + offset == pytest.approx(time, abs=2e-6 * dt)
