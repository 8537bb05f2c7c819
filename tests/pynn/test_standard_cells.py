"""Parameters of the standard cells come back as they were set; what they record has its unit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pyNN import errors
from pyNN.parameters import ArrayParameter

CELLS = (
    "EIF_cond_alpha_isfa_ista",
    "EIF_cond_exp_isfa_ista",
    "GIF_cond_exp",
    "HH_cond_exp",
    "IF_cond_exp_gsfa_grr",
    "IF_facets_hardware1",
    "Izhikevich",
)
TRIPLES = ("tau_eta", "tau_gamma", "a_eta", "a_gamma")
EVERY_CELL = pytest.mark.parametrize("name", CELLS)


@EVERY_CELL
def test_parameters_come_back(sim, name):
    """One value, one for each cell, and all others as they were; equal to the last bit."""
    cell_type = getattr(sim, name)
    defaults = cell_type.default_parameters
    for parameter, default in defaults.items():
        population = sim.Population(3, cell_type())
        if isinstance(default, ArrayParameter):
            values = [tuple(default.value * k) for k in (0.7, 1.0, 1.3)]
            population.set(**{parameter: values})
            found = population.get(parameter)
            assert [tuple(value.value) for value in found] == values
        else:
            values = default * np.array([0.7, 1.0, 1.3]) + 0.1
            population.set(**{parameter: values})
            assert_array_equal(population.get(parameter), values)
            population.set(**{parameter: values[0]})
            assert population.get(parameter) == values[0]
        for other, expected in defaults.items():
            if other != parameter:
                assert population.get(other) == expected


@EVERY_CELL
def test_recorded_variables_have_units(sim, name):
    cell_type = getattr(sim, name)
    population = sim.Population(2, cell_type())
    population.record(cell_type.recordable)
    sim.run(1.0)
    signals = population.get_data().segments[0].analogsignals
    assert {s.name for s in signals} == set(cell_type.recordable) - {"spikes"}
    for signal in signals:
        expected = cell_type.units[signal.name] or "dimensionless"
        assert signal.units.dimensionality.string == expected
        assert_allclose(signal.magnitude[0], cell_type.default_initial_values[signal.name])


def test_gates_can_be_initialised(sim, samples):
    population = sim.Population(2, sim.HH_cond_exp())
    population.initialize(m=0.1, h=[0.6, 0.7], n=0.3)
    population.record(["m", "h", "n"])
    sim.run(0.1)
    first = [samples(population, gate)[0].tolist() for gate in "mhn"]
    assert first == [[0.1, 0.1], [0.6, 0.7], [0.3, 0.3]]


def test_jumps_of_the_izhikevich_cell_are_in_mv(sim, one_spike, samples):
    cell = one_spike(sim.Izhikevich(a=0.0), 2.5)
    sim.run(2.0)
    v = samples(cell, "v")[:, 0]
    assert v[20] - v[19] == pytest.approx(2.5, abs=0.05)


def test_injected_current_of_the_izhikevich_cell(sim, spike_times):
    """0.01 nA is the current 10 of the paper, as offset and as injection."""
    cells = sim.Population(2, sim.Izhikevich(i_offset=[0.01, 0.0]))
    cells[1:2].inject(sim.DCSource(amplitude=0.01))
    cells.record("spikes")
    sim.run(200.0)
    first, second = spike_times(cells)
    assert first.size > 3
    assert_allclose(first, second, rtol=0.0, atol=1e-9)


class TestThreeNumbers:
    def test_given_once_or_for_each(self, sim):
        cells = sim.Population(2, sim.GIF_cond_exp(tau_eta=[1.0, 2.0, 3.0]))
        assert cells.get("tau_eta") == ArrayParameter([1.0, 2.0, 3.0])
        cells[1:2].set(a_gamma=(4.0, 5.0, 6.0))
        found = cells.get("a_gamma")
        assert_array_equal(found[0].value, [1.0, 1.0, 1.0])
        assert_array_equal(found[1].value, [4.0, 5.0, 6.0])
        cells.set(a_eta=lambda i: ArrayParameter([i, 1.0, 2.0]))
        assert [value.value[0] for value in cells.get("a_eta")] == [0.0, 1.0]

    @pytest.mark.parametrize("name", TRIPLES)
    def test_another_number_of_them_is_refused(self, sim, name):
        cells = sim.Population(2, sim.GIF_cond_exp())
        for values in ([1.0, 2.0], [1.0, 2.0, 3.0, 4.0]):
            with pytest.raises(errors.InvalidParameterValueError, match="give three numbers"):
                sim.GIF_cond_exp(**{name: values})
            with pytest.raises(errors.InvalidParameterValueError, match="give three numbers"):
                cells.set(**{name: values})
        random = sim.RandomDistribution("uniform", (1.0, 2.0))
        with pytest.raises(errors.InvalidParameterValueError, match="three numbers"):
            cells.set(**{name: random})

    def test_values_out_of_range_are_refused(self, sim):
        with pytest.raises(errors.InvalidParameterValueError, match="each must be > 0"):
            sim.GIF_cond_exp(tau_eta=[1.0, -2.0, 3.0])
        cells = sim.Population(2, sim.GIF_cond_exp())
        with pytest.raises(errors.InvalidParameterValueError, match="tau_eta = -2 ms"):
            cells.set(tau_eta=[1.0, -2.0, 3.0])
        assert_array_equal(cells.get("tau_eta").value, [1.0, 10.0, 100.0])


def test_random_spikes_differ_between_segments_and_not_between_scripts(sim, spike_times):
    trains = []
    for _ in range(2):
        sim.setup(timestep=0.1, seed=7)
        cells = sim.Population(5, sim.GIF_cond_exp(v_t_star=-62.0, i_offset=0.5))
        cells.record("spikes")
        sim.run(200.0)
        trains.append(np.concatenate(spike_times(cells, 0)))
        sim.reset()
        sim.run(200.0)
    assert_array_equal(*trains)
    assert not np.array_equal(trains[0], np.concatenate(spike_times(cells, 1)))
