"""Parameters of composed cells: names, values, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import quantities as pq
from numpy.testing import assert_array_equal
from pyNN import errors
from pyNN.parameters import ParameterSpace
from pyNN.random import NumpyRNG, RandomDistribution

RECEPTORS = {
    "CurrExpPostSynapticResponse": {"tau_syn": 5.0},
    "CondExpPostSynapticResponse": {"e_syn": 0.0, "tau_syn": 5.0},
    "CondAlphaPostSynapticResponse": {"e_syn": 0.0, "tau_syn": 5.0},
    "CondBetaPostSynapticResponse": {"e_syn": 0.0, "tau_rise": 0.2, "tau_decay": 1.7},
}
LABELS = ("a", "next", "tau_m", "v")
"""Labels of receptors, in their order; elsewhere in the cell other things have these names."""


@pytest.fixture
def celltype(sim):
    """A cell with a receptor of each kind."""

    def make(**parameters):
        receptors = {
            label: getattr(sim, kind)() for label, kind in zip(LABELS, RECEPTORS, strict=True)
        }
        return sim.PointNeuron(sim.LIF(**parameters), **receptors)

    return make


def test_names_and_defaults(sim, celltype):
    cell = celltype(tau_m=12.0)
    expected = dict(sim.LIF.default_parameters)
    for label, values in zip(LABELS, RECEPTORS.values(), strict=True):
        expected |= {f"{label}.{name}": value for name, value in values.items()}
    assert cell.default_parameters == expected
    assert cell.get_parameter_names() == [*expected]
    assert cell.has_parameter("next.e_syn")
    assert not cell.has_parameter("next.tau_rise")
    assert not cell.has_parameter("v.locations")
    cells = sim.Population(2, cell)
    assert dict(zip(expected, cells.get([*expected]), strict=True)) == expected | {"tau_m": 12.0}
    assert cell.describe(template=None)["default_parameters"] == expected
    assert cell.describe() == "PointNeuron"


@pytest.mark.parametrize("neuron", ["LIF", "AdExp"])
def test_neurons(sim, neuron):
    make = getattr(sim, neuron)
    for label in (*make.default_parameters, "w"):
        celltype = sim.PointNeuron(make(), **{label: sim.AlphaPSR()})
        cells = sim.Population(2, celltype)
        for k, name in enumerate(celltype.get_parameter_names()):
            cells.set(**{name: [1.0 + k, 2.0 + k]})
        for k, name in enumerate(celltype.get_parameter_names()):
            assert_array_equal(cells.get(name), [1.0 + k, 2.0 + k])
    assert set(make.recordable) < set(celltype.recordable)
    assert {celltype.units[name] for name in celltype.recordable[1:]} <= {"mV", "nA", "uS", "uS/ms"}


def test_short_names_of_receptors(sim):
    assert sim.ExpPSR is sim.CondExpPostSynapticResponse
    assert sim.AlphaPSR is sim.CondAlphaPostSynapticResponse
    assert sim.BetaPSR is sim.CondBetaPostSynapticResponse


def test_each_parameter_makes_the_round_trip(sim, celltype):
    cells = sim.Population(3, celltype())
    for k, name in enumerate(celltype().get_parameter_names()):
        values = 1.0 + k + np.array([0.25, 0.5, 0.75])
        cells.set(**{name: values})
        cells[2:].set(**{name: 50.0 + k})
    sim.run(0.1)
    for k, name in enumerate(celltype().get_parameter_names()):
        expected = [1.25 + k, 1.5 + k, 50.0 + k]
        assert_array_equal(cells.get(name), expected)
        assert_array_equal(cells[1:].get(name), expected[1:])
        assert getattr(cells[1], name) == expected[1]
        assert cells[0].get_parameters()[name] == expected[0]


def test_values_of_every_form(sim):
    draws = RandomDistribution("uniform", (1.0, 2.0), rng=NumpyRNG(5))
    expected = RandomDistribution("uniform", (1.0, 2.0), rng=NumpyRNG(5)).next(4)
    cell = sim.PointNeuron(
        sim.LIF(tau_m=0.01 * pq.s),
        A=sim.AlphaPSR(tau_syn=[1.0, 2.0, 3.0, 4.0], e_syn=-0.07 * pq.V),
        B=sim.BetaPSR(tau_decay=draws, tau_rise=lambda i: 0.1 + 0.1 * i),
    )
    cells = sim.Population(4, cell)
    assert cells.get(["tau_m", "A.e_syn"]) == pytest.approx([10.0, -70.0])
    assert_array_equal(cells.get("A.tau_syn"), [1.0, 2.0, 3.0, 4.0])
    assert_array_equal(cells.get("B.tau_decay"), expected)
    assert_array_equal(cells.get("B.tau_rise"), 0.1 + 0.1 * np.arange(4))
    cells.set(**{"A.tau_syn": [1, 2, 3, 4] * pq.us, "B.tau_decay": draws})
    assert cells.get("A.tau_syn") == pytest.approx([0.001, 0.002, 0.003, 0.004])
    assert_array_equal(cells.get("B.tau_decay"), expected)
    setattr(cells[1], "B.tau_rise", 7.0)
    assert cells.get("B.tau_rise")[1] == 7.0


def test_heterogeneous_receptors_act_on_their_own_cells(sim, samples):
    tau = np.array([1.0, 3.0, 9.0])
    cells = sim.Population(3, sim.PointNeuron(sim.LIF(), R=sim.ExpPSR(tau_syn=tau)))
    cells.initialize(**{"R.gsyn": 0.01})
    cells.record("R.gsyn")
    sim.run(10.0)
    np.testing.assert_allclose(samples(cells, "R.gsyn")[100], 0.01 * np.exp(-10.0 / tau))


def test_assemblies(sim):
    parts = [
        sim.Population(n, sim.PointNeuron(sim.LIF(tau_m=10.0), R=kind(tau_syn=2.0 + n)))
        for n, kind in ((1, sim.AlphaPSR), (2, sim.CurrExpPostSynapticResponse))
    ]
    both = parts[0] + parts[1]
    assert both.get("tau_m") == 10.0
    assert_array_equal(both.get("R.tau_syn"), [3.0, 4.0, 4.0])
    both.set(**{"R.tau_syn": 6.0})
    assert both.get("R.tau_syn") == 6.0
    with pytest.raises(errors.NonExistentParameterError):
        both.set(**{"R.e_syn": 0.0})
    assert both.receptor_types == ["R"]


def test_parts_are_copied(sim):
    """One receptor may serve in several cells and places."""
    neuron, receptor = sim.LIF(), sim.AlphaPSR(tau_syn=[1.0, 2.0])
    one = sim.Population(2, sim.PointNeuron(neuron, A=receptor, B=receptor))
    other = sim.Population(2, sim.PointNeuron(neuron, A=receptor))
    one.set(**{"A.tau_syn": 9.0}, tau_m=3.0)
    assert_array_equal(one.get("B.tau_syn"), [1.0, 2.0])
    assert_array_equal(other.get("A.tau_syn"), [1.0, 2.0])
    assert other.get("tau_m") == 20.0


def test_translation_and_back(celltype):
    cell = celltype(tau_m=13.0)
    native = cell.native_parameters
    assert set(native.keys()) == {p.name for p in cell.model.parameters}
    back = cell.reverse_translate(native)
    assert set(back.keys()) == set(cell.default_parameters)
    assert back["tau_m"].base_value == 13.0
    part = ParameterSpace({"tau_m_syn": 1.0, "tau_m": 2.0}, None, (1,))
    assert [*cell.reverse_translate(part).keys()] == ["tau_m"]
    assert sorted(cell.simple_parameters()) == sorted(cell.default_parameters)
    assert cell.scaled_parameters() == cell.computed_parameters() == []
    assert not cell.computed_parameters_include(["tau_m", "a.tau_syn"])


@pytest.mark.parametrize("how", ["positional", "keyword", "class"])
def test_how_the_neuron_is_given(sim, how):
    neuron, receptor = sim.LIF(tau_m=7.0), sim.ExpPSR()
    if how == "positional":
        celltype = sim.PointNeuron(neuron, neuron=receptor)
    elif how == "keyword":
        celltype = sim.PointNeuron(neuron=neuron, R=receptor)
    else:
        celltype = (sim.PointNeuron, {"neuron": neuron, "R": receptor})
    arguments = celltype if how == "class" else (celltype,)
    cells = sim.Population(1, *arguments)
    assert cells.get("tau_m") == 7.0
    assert cells.receptor_types == ["neuron" if how == "positional" else "R"]


class TestRefused:
    """What cannot be a composed cell, or a parameter of one."""

    @pytest.mark.parametrize("neuron", [None, 3, "LIF", "IF_curr_exp", "ExpPSR"])
    def test_neurons(self, sim, neuron):
        given = getattr(sim, neuron)() if neuron in ("IF_curr_exp", "ExpPSR") else neuron
        with pytest.raises(TypeError, match=r"the neuron = .* such as LIF\(tau_m=20.0\)"):
            sim.PointNeuron(given, R=sim.ExpPSR())

    def test_a_class_for_an_instance(self, sim):
        with pytest.raises(TypeError, match="give an instance"):
            sim.PointNeuron(sim.LIF)
        with pytest.raises(TypeError, match=r"R = .* give an instance"):
            sim.PointNeuron(sim.LIF(), R=sim.ExpPSR)

    def test_receptors(self, sim):
        for given in (None, 5.0, sim.LIF(), sim.IF_cond_exp()):
            with pytest.raises(TypeError, match=r"AMPA = .* such as AlphaPSR\(tau_syn=2.0\)"):
                sim.PointNeuron(sim.LIF(), AMPA=given)

    def test_a_part_is_no_cell(self, sim):
        for part in (sim.LIF(), sim.AlphaPSR()):
            with pytest.raises(TypeError, match="is not a cell type"):
                sim.Population(1, part)

    @pytest.mark.parametrize("kind", RECEPTORS)
    def test_locations(self, sim, kind):
        with pytest.raises(errors.InvalidParameterValueError, match="one compartment"):
            getattr(sim, kind)(locations=0.5)

    def test_values(self, sim, celltype):
        for make, text in (
            (lambda: sim.AlphaPSR(tau_syn=0.0), "tau_syn = 0 ms for CondAlphaPost.* must be > 0"),
            (lambda: sim.BetaPSR(tau_rise=-1.0), "tau_rise = -1 ms"),
            (lambda: sim.LIF(tau_m=np.inf), "tau_m = inf ms for LIF"),
            (lambda: sim.ExpPSR(e_syn=3 * pq.ms), "e_syn = 3.0 ms cannot be converted to mV"),
        ):
            with pytest.raises(errors.InvalidParameterValueError, match=text):
                make()
        cells = sim.Population(2, celltype())
        with pytest.raises(errors.InvalidParameterValueError, match=r"a\.tau_syn = -1 ms in"):
            cells.set(**{"a.tau_syn": [1.0, -1.0]})
        with pytest.raises(errors.InvalidParameterValueError, match="cannot be converted"):
            cells.set(**{"a.tau_syn": 1 * pq.mV})
        with pytest.raises(errors.InvalidDimensionsError, match=r"a\.tau_syn .* has shape \(3,\)"):
            cells.set(**{"a.tau_syn": [1.0, 2.0, 3.0]})
        with pytest.raises(errors.InvalidDimensionsError, match=r"R\.tau_syn .* has shape \(3,\)"):
            sim.Population(2, sim.PointNeuron(sim.LIF(), R=sim.ExpPSR(tau_syn=[1.0, 2.0, 3.0])))
        assert cells.get("a.tau_syn") == 5.0

    @pytest.mark.parametrize("name", ["a", "tau_syn", "tau_syn_1", "a.e_syn", "z.tau_syn"])
    def test_names(self, sim, celltype, name):
        cells = sim.Population(1, celltype())
        for refused in (lambda: cells.set(**{name: 1.0}), lambda: cells.get(name)):
            with pytest.raises(errors.NonExistentParameterError, match=r"a\.tau_syn"):
                refused()
        with pytest.raises(errors.NonExistentParameterError):
            sim.AlphaPSR(tau=3.0)
