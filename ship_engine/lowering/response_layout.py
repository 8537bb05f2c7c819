"""Where the functions of `ship_engine.compiled.spike_response` find their arrays and numbers."""

from __future__ import annotations

STEPS, GIVEN, GIVEN_STRIDE, OUT, OUT_STRIDE, NUMBERS, TAPS, STATES = range(8)
"""Of all tables; strides are in bytes from one step to the next, negative if time runs back."""
SPIKES, REFRACTORY_TAPS, FILTERED = range(8, 11)
"""More of `respond`; its `OUT` is the membrane's course, which `respond_back` has at `SPIKES`."""

DECAY, GAIN, REFRACTORY_DECAY, REFRACTORY_GAIN, THRESHOLD, TIME_STEP, SURROGATE = range(7)
"""What `NUMBERS` holds; last, those of the surrogate."""

BLOCK = 256
"""Cells that go through time together; their states stay in the first cache."""
STATES_OF_A_CELL = 4
