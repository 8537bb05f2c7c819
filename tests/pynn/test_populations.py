"""Populations: sizes, parameters, single cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pyNN import errors
from pyNN.parameters import Sequence
from pyNN.space import Grid2D, Grid3D, Line, RandomStructure, Sphere

NEURONS = ["IF_curr_exp", "IF_curr_alpha", "IF_curr_delta", "IF_cond_exp", "IF_cond_alpha"]
SOURCES = ["SpikeSourceArray", "SpikeSourcePoisson"]


@pytest.mark.parametrize("name", NEURONS + SOURCES)
def test_default_parameters_are_those_of_pynn(sim, name):
    celltype = getattr(sim, name)()
    population = sim.Population(3, celltype)
    for parameter, value in celltype.default_parameters.items():
        found = population.get(parameter)
        if isinstance(value, Sequence):
            assert all(train.value.size == 0 for train in found)
        else:
            assert found == value


@pytest.mark.parametrize(
    ("size", "count", "structure"),
    [(4, 4, Line), (np.int64(3), 3, Line), ((5,), 5, Line), ((2, 3), 6, Grid2D),
     ((2, 3, 4), 24, Grid3D)],
)  # fmt: skip
def test_sizes(sim, size, count, structure):
    population = sim.Population(size, sim.IF_curr_exp())
    assert population.size == len(population) == count
    assert isinstance(population.structure, structure)
    assert population.positions.shape == (3, count)
    assert population.local_size == count


@pytest.mark.parametrize("size", [0, -1, (2, -1), (0,), (3, 0)])
def test_a_population_has_at_least_one_cell(sim, network, size):
    before = network()
    with pytest.raises(ValueError, match="give at least 1"):
        sim.Population(size, sim.IF_curr_exp())
    assert network() == before


@pytest.mark.parametrize("size", [2.5, 3.0, None, "3", [2, 2], np.array([2, 2]), (2.5,)])
def test_a_size_is_a_whole_number(sim, network, size):
    before = network()
    with pytest.raises(ValueError, match="must be an integer or a tuple of ints"):
        sim.Population(size, sim.IF_curr_exp())
    assert network() == before


@pytest.mark.parametrize("what", ["IF_curr_exp", None, 3])
def test_a_cell_type_is_a_cell_type(sim, network, what):
    before = network()
    with pytest.raises(TypeError, match=r"cell type|cellclass"):
        sim.Population(3, what)
    assert network() == before


def test_a_synapse_type_is_no_cell_type(sim):
    with pytest.raises(TypeError, match=r"cell type|cellclass"):
        sim.Population(3, sim.StaticSynapse())


def test_cell_class_and_parameters_apart(sim):
    population = sim.Population(3, sim.IF_curr_exp, {"tau_m": 15.0}, label="old style")
    assert population.get("tau_m") == 15.0
    assert sim.Population(2, sim.IF_curr_exp).get("tau_m") == 20.0


def test_cell_types_of_other_simulators_are_refused(sim, network):
    from pyNN.standardmodels.cells import IF_curr_exp

    before = network()
    with pytest.raises(errors.InvalidModelError, match=r"not a cell type of pyNN.ship"):
        sim.Population(1, type("Foreign", (IF_curr_exp,), {"translations": {}})())
    assert network() == before
    assert sim.run(1.0) == 1.0


def test_ids_are_consecutive(sim):
    first, second = sim.Population(3, sim.IF_curr_exp()), sim.Population(2, sim.IF_cond_exp())
    assert [int(cell) for cell in first] == [0, 1, 2]
    assert (int(second.first_id), int(second.last_id)) == (3, 4)
    assert second.id_to_index(second[1]) == 1
    assert_array_equal(second.id_to_index(second.all_cells), [0, 1])
    assert second.id_to_local_index(second[1]) == 1
    assert all(cell.parent is second and cell.local for cell in second)
    with pytest.raises(ValueError, match="id should be in the range"):
        second.id_to_index(first[0])


def test_structures_and_positions(sim):
    cells = sim.Population(4, sim.IF_curr_exp(), structure=Grid2D(dx=2.0, dy=3.0))
    assert_array_equal(cells.positions[:, 3], [2.0, 3.0, 0.0])
    assert_array_equal(cells[3].position, [2.0, 3.0, 0.0])
    cells[3].position = (1.0, 2.0, 3.0)
    assert_array_equal(cells.positions[:, 3], [1.0, 2.0, 3.0])
    assert cells.nearest((1.0, 2.0, 2.9)) == cells[3]
    ball = sim.Population(20, sim.IF_curr_exp(), structure=RandomStructure(Sphere(radius=5.0)))
    assert (np.linalg.norm(ball.positions, axis=0) <= 5.0).all()


def test_labels_annotations_and_descriptions(sim):
    cells = sim.Population(4, sim.IF_curr_exp(), label="cells")
    cells.annotate(layer=4)
    context = cells.describe(template=None)
    assert (context["label"], context["size"], context["layer"]) == ("cells", 4, 4)
    assert "cells" in cells.describe()
    assert "cells" in repr(cells)
    assert "cells" in cells[0:2].describe()
    assert sim.Population(1, sim.IF_curr_exp()).label.startswith("population")


def test_what_a_population_says_of_itself(sim):
    current, conductance = (
        sim.Population(1, sim.IF_curr_exp()),
        sim.Population(1, sim.IF_cond_exp()),
    )
    source = sim.Population(1, sim.SpikeSourceArray())
    assert (current.conductance_based, conductance.conductance_based) == (False, True)
    assert tuple(current.receptor_types) == ("excitatory", "inhibitory")
    assert (current.injectable, source.injectable) == (True, False)
    assert current.can_record("v")
    assert not source.can_record("v")
    assert not current.can_record("gsyn_exc")


def test_positions_are_saved(sim, tmp_path):
    cells = sim.Population(3, sim.IF_curr_exp(), structure=Line(dx=2.0))
    cells.save_positions(str(tmp_path / "positions.txt"))
    table = np.loadtxt(tmp_path / "positions.txt")
    assert_array_equal(table, [[0, 0, 0, 0], [1, 2, 0, 0], [2, 4, 0, 0]])


# --- parameters ----------------------------------------------------------------------------------


def values_for(sim):
    return {
        "number": (12.0, [12.0] * 4),
        "integer": (12, [12.0] * 4),
        "list": ([10.0, 11.0, 12.0, 13.0], [10.0, 11.0, 12.0, 13.0]),
        "array": (np.arange(10.0, 14.0), [10.0, 11.0, 12.0, 13.0]),
        "function": (lambda i: 10.0 + i, [10.0, 11.0, 12.0, 13.0]),
        "single precision": (np.float32(12.5), [12.5] * 4),
    }


@pytest.mark.parametrize(
    "kind", ["number", "integer", "list", "array", "function", "single precision"]
)
@pytest.mark.parametrize("when", ["at creation", "later", "after a run"])
def test_parameter_values(sim, kind, when):
    value, expected = values_for(sim)[kind]
    if when == "at creation":
        cells = sim.Population(4, sim.IF_curr_exp(tau_m=value))
    else:
        cells = sim.Population(4, sim.IF_curr_exp())
        if when == "after a run":
            sim.run(1.0)
        cells.set(tau_m=value)
    assert_array_equal(np.broadcast_to(cells.get("tau_m"), 4), expected)
    assert [cell.tau_m for cell in cells] == expected
    assert cells.get("tau_m", simplify=False).shape == (4,)
    sim.run(1.0)


def test_random_parameters(sim):
    def distribution():
        return sim.RandomDistribution("uniform", (10, 20), rng=sim.NumpyRNG(7))

    expected = distribution().next(5)
    cells = sim.Population(5, sim.IF_curr_exp(tau_m=distribution()))
    assert_array_equal(cells.get("tau_m"), expected)
    cells.set(cm=distribution())
    assert_array_equal(cells.get("cm"), expected)
    assert_array_equal(cells.get("cm"), expected)


def test_get_several(sim):
    cells = sim.Population(2, sim.IF_cond_exp(tau_m=[10.0, 11.0], e_rev_E=1.0))
    tau, reversal, gathered = (*cells.get(["tau_m", "e_rev_E"]), cells.get("tau_m", gather=True))
    assert_array_equal(tau, [10.0, 11.0])
    assert reversal == 1.0
    assert_array_equal(gathered, tau)


@pytest.mark.parametrize("name", NEURONS)
def test_cm_leaves_tau_m_alone(sim, name):
    cells = sim.Population(2, getattr(sim, name)(tau_m=17.0, cm=0.5))
    cells.set(cm=[0.25, 0.75])
    assert cells.get("tau_m") == 17.0
    assert_array_equal(cells.get("cm"), [0.25, 0.75])
    cells.set(tau_m=13.0)
    assert_array_equal(cells.get("cm"), [0.25, 0.75])


@pytest.mark.parametrize("name", NEURONS)
def test_every_parameter_may_differ_between_cells(sim, name):
    celltype = getattr(sim, name)
    for parameter, default in celltype.default_parameters.items():
        values = np.array([0.9, 1.0, 1.1]) * (default or 0.01)
        cells = sim.Population(3, celltype(**{parameter: values}))
        assert_array_equal(cells.get(parameter), values)
        cells.set(**{parameter: values[::-1]})
        assert_array_equal(cells.get(parameter), values[::-1])
    sim.run(1.0)


def test_a_single_cell(sim):
    cells = sim.Population(3, sim.IF_curr_exp())
    cells[1].tau_m = 12.0
    assert_array_equal(cells.get("tau_m"), [20.0, 12.0, 20.0])
    assert cells[1].get_parameters()["tau_m"] == 12.0
    cells[2].set_parameters(cm=0.5, v_rest=-70.0)
    assert (cells[2].cm, cells[2].v_rest) == (0.5, -70.0)
    assert cells[2].celltype is cells.celltype
    assert cells[2].is_standard_cell
    assert_array_equal(cells[2].as_view().get("cm"), 0.5)


def test_a_single_cell_refuses_names_that_it_does_not_have(sim):
    cell = sim.Population(3, sim.IF_curr_exp())[0]
    with pytest.raises(errors.NonExistentParameterError, match=r"taum .*tau_m"):
        cell.taum  # noqa: B018
    with pytest.raises((AttributeError, errors.NonExistentParameterError), match="taum"):
        cell.taum = 12.0
    with pytest.raises(AttributeError, match="set values using the parameter name"):
        cell.set(tau_m=12.0)
    with pytest.raises(errors.InvalidParameterValueError, match="tau_m = -1 ms"):
        cell.tau_m = -1.0


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(0.1, 1e6), min_size=1, max_size=6),
    st.sampled_from(["tau_m", "cm", "tau_syn_E", "tau_syn_I"]),
)
def test_what_is_set_is_read_back_to_the_last_bit(values, name):
    import pyNN.ship as sim

    sim.setup()
    cells = sim.Population(len(values), sim.IF_cond_alpha())
    cells.set(**{name: values})
    assert_array_equal(np.broadcast_to(cells.get(name), len(values)), values)


WRONG_NUMBERS = [
    ("tau_m", -1.0, "tau_m = -1 ms .*must be > 0"),
    ("tau_m", 0.0, "tau_m = 0 ms .*must be > 0"),
    ("cm", -0.5, "cm = -0.5 nF .*must be > 0"),
    ("tau_refrac", -2.0, "tau_refrac = -2 ms .*must be >= 0"),
    ("tau_syn_E", 0.0, "tau_syn_E = 0 ms .*must be > 0"),
    ("tau_syn_I", -3.0, "tau_syn_I = -3 ms .*must be > 0"),
    ("v_rest", np.nan, "v_rest = nan mV .*must be a finite number"),
    ("i_offset", np.inf, "i_offset = inf nA .*must be a finite number"),
]


@pytest.mark.parametrize(("name", "value", "message"), WRONG_NUMBERS)
def test_impossible_numbers_are_refused(sim, network, name, value, message):
    with pytest.raises(errors.InvalidParameterValueError, match=message):
        sim.IF_curr_exp(**{name: value})
    cells = sim.Population(3, sim.IF_curr_exp(), label="P")
    before, old = network(), cells.get(name)
    with pytest.raises(errors.InvalidParameterValueError, match=message):
        cells.set(**{name: value})
    with pytest.raises(errors.InvalidParameterValueError, match=message):
        cells[1:].set(**{name: [1.0, value]})
    with pytest.raises(errors.InvalidParameterValueError, match=message):
        sim.Population(3, sim.IF_curr_exp(**{name: [1.0, 1.0, value]}))
    assert network() == before
    assert cells.get(name) == old
    sim.run(1.0)


def test_nothing_is_set_if_one_of_several_is_refused(sim):
    cells = sim.Population(3, sim.IF_curr_exp())
    with pytest.raises(errors.InvalidParameterValueError):
        cells.set(cm=0.5, tau_m=-1.0)
    with pytest.raises(errors.NonExistentParameterError):
        cells.set(cm=0.5, taum=1.0)
    assert cells.get("cm") == 1.0


@pytest.mark.parametrize("value", [[1.0, 2.0], np.ones(4), np.ones((3, 3)), np.ones((3, 1))])
def test_arrays_of_other_sizes_are_refused(sim, network, value):
    cells = sim.Population(3, sim.IF_curr_exp())
    before = network()
    with pytest.raises(errors.InvalidDimensionsError):
        cells.set(tau_m=value)
    with pytest.raises(errors.InvalidDimensionsError, match="one for each of its 3 cells"):
        sim.Population(3, sim.IF_curr_exp(tau_m=value), label="P")
    assert network() == before
    sim.run(1.0)


@pytest.mark.parametrize("value", [None, {"a": 1}, {1.0, 2.0}, 1j])
def test_what_is_no_number_is_refused_as_a_value(sim, value):
    cells = sim.Population(3, sim.IF_curr_exp())
    with pytest.raises(errors.InvalidParameterValueError, match="tau_m"):
        cells.set(tau_m=value)
    with pytest.raises(errors.InvalidParameterValueError, match="tau_m"):
        sim.Population(3, sim.IF_curr_exp(tau_m=value))


@pytest.mark.parametrize("value", ["abc", ["a", "b", "c"], lambda i: None, lambda i, j: 1.0])
def test_text_and_wrong_functions_are_refused_as_values(sim, value):
    cells = sim.Population(3, sim.IF_curr_exp())
    with pytest.raises((ValueError, TypeError)):
        cells.set(tau_m=value)
    with pytest.raises((ValueError, TypeError)):
        sim.Population(3, sim.IF_curr_exp(tau_m=value))
    assert cells.get("tau_m") == 20.0


def test_unknown_parameters(sim):
    cells = sim.Population(3, sim.IF_curr_exp())
    for call in (
        lambda: sim.IF_curr_exp(taum=1.0),
        lambda: cells.set(taum=1.0),
        lambda: cells.get("taum"),
        lambda: cells.get(["tau_m", "taum"]),
        lambda: cells[0:2].set(taum=1.0),
        lambda: cells[0:2].get("taum"),
    ):
        with pytest.raises(errors.NonExistentParameterError, match=r"taum .*IF_curr_exp.*tau_m"):
            call()
