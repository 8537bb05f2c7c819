"""Currents of one's own as PyNN's current sources."""

from __future__ import annotations

import numpy as np
import pytest
import quantities as pq
from numpy.testing import assert_allclose, assert_array_equal
from pyNN import errors

from ship_engine.currents import CurrentSource, PulseCurrent


class RampCurrent(CurrentSource):
    """Grows by `slope` (nA/ms) from `start` (ms) on, by turns of the given signs each ms."""

    units = {"slope": "nA/ms", "start": "ms"}

    def __init__(self, slope=0.1, start=0.0, signs=(1.0,)):
        self.slope, self.start, self.signs = slope, start, np.asarray(signs)

    def amplitudes(self, first, count, clock):
        since = np.maximum(clock.time(first + np.arange(count)) - self.start, 0.0)
        turn = np.floor(since + 1e-9).astype(int) % self.signs.size
        return self.slope * since * self.signs[turn]


def test_a_current_of_ones_own(sim, samples):
    ramp = sim.native_electrode_type(RampCurrent)
    assert issubclass(ramp, sim.NativeElectrodeType)
    assert ramp.__name__ == "RampCurrent"
    source = ramp(slope=pq.Quantity(20.0, "pA/ms"), start=2 * pq.ms)
    assert source.get_parameters()["slope"] == pytest.approx(0.02)
    cells = sim.Population(2, sim.IF_curr_exp(tau_m=1e9, cm=1.0))
    cells[:1].inject(source)
    cells.record("v")
    source.record()
    sim.run(10.0)
    source.slope = 0.0
    sim.run(5.0)
    times, current = source._get_data()
    expected = np.where(times < 10.0, 0.02 * np.maximum(times - 2.0, 0.0), 0.0)
    assert_allclose(current, expected, atol=1e-15)
    v = samples(cells, "v") + 65.0
    assert_allclose(v[1:, 0], 0.1 * np.cumsum(expected)[:-1], atol=1e-6)
    assert_array_equal(v[:, 1], 0.0)


def test_arrays(sim):
    source = sim.native_electrode_type(RampCurrent)(signs=[1.0, -1.0])
    assert_array_equal(source.signs, [1.0, -1.0])
    sim.Population(1, sim.IF_curr_exp()).inject(source)
    source.record()
    sim.run(2.0)
    current = source._get_data()[1]
    assert current[5] > 0.0 > current[15]


def test_refused(sim):
    ramp = sim.native_electrode_type(RampCurrent)
    with pytest.raises(errors.InvalidModelError, match="PulseCurrent: 'amplitude' has no default"):
        sim.native_electrode_type(PulseCurrent)
    for given in (3, "PulseCurrent", RampCurrent(), sim.DCSource):
        with pytest.raises(TypeError, match="give a subclass of ship_engine"):
            sim.native_electrode_type(given)
    with pytest.raises(errors.NonExistentParameterError, match="amplitude"):
        ramp(amplitude=1.0)
    with pytest.raises(errors.InvalidParameterValueError, match="cannot be converted to nA/ms"):
        ramp(slope=1 * pq.ms)
    with pytest.raises(ValueError, match="slope of RampCurrent is inf"):
        ramp(slope=np.inf)
