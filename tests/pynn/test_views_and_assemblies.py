"""Views of populations, views of views, and assemblies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pyNN import errors

SELECTORS = [
    (slice(1, 4), [1, 2, 3]),
    (slice(0, None, 2), [0, 2, 4]),
    (slice(None, None, -1), [4, 3, 2, 1, 0]),
    (slice(-2, None), [3, 4]),
    ([0, 3], [0, 3]),
    ((3, 0), [0, 3]),
    (np.array([4, 1]), [1, 4]),
    ([-1], [4]),
    (np.array([True, False, True, False, True]), [0, 2, 4]),
    ([False, False, False, True, False], [3]),
]


@pytest.mark.parametrize(("selector", "indices"), SELECTORS)
def test_a_view_reads_and_writes_its_cells(sim, selector, indices):
    cells = sim.Population(5, sim.IF_curr_exp(tau_m=np.arange(10.0, 15.0)))
    view = cells[selector]
    assert view.size == len(indices)
    assert [int(cell) for cell in view.all_cells] == indices
    assert_array_equal(view.get("tau_m", simplify=False), 10.0 + np.array(indices))
    view.set(tau_m=20.0 + np.arange(len(indices)))
    expected = np.arange(10.0, 15.0)
    expected[indices] = 20.0 + np.arange(len(indices))
    assert_array_equal(cells.get("tau_m", simplify=False), expected)
    view.initialize(v=-60.0 - np.arange(len(indices)))
    expected = np.full(5, -65.0)
    expected[indices] = -60.0 - np.arange(len(indices))
    assert_array_equal(cells.initial_values["v"].evaluate(simplify=False), expected)
    assert_array_equal(view.initial_values["v"].evaluate(simplify=False), expected[indices])


def test_values_of_a_view(sim):
    cells = sim.Population(5, sim.IF_curr_exp())
    view = cells[1:4]
    view.set(tau_m=lambda i: 10.0 + i, cm=sim.RandomDistribution("uniform", (1, 2)), v_rest=-60.0)
    assert_array_equal(cells.get("tau_m"), [20.0, 10.0, 11.0, 12.0, 20.0])
    assert_array_equal(cells.get("v_rest"), [-65.0, -60.0, -60.0, -60.0, -65.0])
    assert np.unique(view.get("cm")).size == 3
    assert view.get("v_rest") == -60.0


@pytest.mark.parametrize("inner", [slice(0, 2), [0, 2], np.array([False, True, True])])
def test_a_view_of_a_view(sim, inner):
    cells = sim.Population(6, sim.IF_curr_exp(tau_m=np.arange(10.0, 16.0)))
    outer = cells[[1, 3, 5]]
    view = outer[inner]
    indices = np.array([1, 3, 5])[inner]
    assert view.grandparent is cells
    assert_array_equal(view.get("tau_m", simplify=False), 10.0 + indices)
    view.set(cm=0.5)
    assert_array_equal(np.flatnonzero(cells.get("cm") == 0.5), indices)
    view.initialize(v=-70.0)
    assert_array_equal(
        np.flatnonzero(cells.initial_values["v"].evaluate(simplify=False) == -70.0), indices
    )


@st.composite
def nested_selections(draw):
    """A size, and selectors that each select from what the one before left."""
    size = draw(st.integers(1, 12))
    count, selectors = size, []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["slice", "list", "mask"]))
        if kind == "slice":
            start = draw(st.integers(0, count - 1))
            selector = slice(start, None, draw(st.integers(1, 3)))
        elif kind == "list":
            selector = draw(st.sets(st.integers(0, count - 1), min_size=1).map(sorted))
        else:
            mask = draw(st.lists(st.booleans(), min_size=count, max_size=count).filter(any))
            selector = np.array(mask)
        selectors.append(selector)
        count = np.arange(count)[selector].size
    return size, selectors


@settings(max_examples=60, deadline=None)
@given(nested_selections())
def test_any_view_of_views_round_trips(selection):
    import pyNN.ship as sim

    size, selectors = selection
    sim.setup()
    cells = sim.Population(size, sim.IF_cond_exp(cm=np.arange(1.0, size + 1)))
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[0.0]))
    view, indices = cells, np.arange(size)
    for selector in selectors:
        view, indices = view[selector], indices[selector]
    assert_array_equal(view.get("cm", simplify=False), indices + 1.0)
    values = np.linspace(0.5, 0.9, indices.size)
    view.set(cm=values)
    expected = np.arange(1.0, size + 1)
    expected[indices] = values
    assert_array_equal(cells.get("cm", simplify=False), expected)
    assert [int(cell) for cell in view] == indices.tolist()
    projection = sim.Projection(
        source, view, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.1, delay=0.1)
    )
    addresses = projection.get("weight", "list")
    assert sorted(int(j) for _, j, _ in addresses) == list(range(indices.size))
    cells.record("gsyn_exc")
    sim.run(0.1)
    reached = cells.get_data().segments[0].analogsignals[0].magnitude[-1]
    assert_array_equal(np.flatnonzero(reached), np.unique(indices))


def test_cells_are_in_a_view_once(sim):
    cells = sim.Population(5, sim.IF_curr_exp())
    assert [int(cell) for cell in cells[[1, 1, 3]].all_cells] == [1, 3]
    assert [int(cell) for cell in cells[[4, -1]].all_cells] == [4]


def test_views_are_equal_if_they_have_the_same_cells(sim):
    cells = sim.Population(5, sim.IF_curr_exp())
    assert cells[1:3] == cells[[1, 2]]
    assert cells[1:3] != cells[1:4]
    assert cells[0:5] == cells


def test_sampled_cells(sim):
    cells = sim.Population(20, sim.IF_curr_exp())
    view = cells.sample(5, rng=sim.NumpyRNG(3))
    assert view.size == 5
    assert view == cells.sample(5, rng=sim.NumpyRNG(3))
    assert cells.sample(50).size == 20
    assembly = (cells + sim.Population(5, sim.IF_curr_exp())).sample(10, rng=sim.NumpyRNG(1))
    assert assembly.size == 10


@pytest.mark.parametrize("index", [1.5, "a", None])
def test_wrong_kinds_of_indices(sim, index):
    cells = sim.Population(3, sim.IF_curr_exp())
    with pytest.raises(TypeError, match="indices must be integers, slices, lists"):
        cells[index]


@pytest.mark.parametrize("index", [7, -7, [7], np.array([0, 5])])
def test_indices_out_of_range(sim, index):
    cells = sim.Population(3, sim.IF_curr_exp())
    with pytest.raises(IndexError, match="out of bounds"):
        cells[index]


@pytest.mark.parametrize("mask", [[True, False], np.ones(4, bool)])
def test_masks_of_another_size(sim, mask):
    cells = sim.Population(3, sim.IF_curr_exp())
    with pytest.raises(Exception, match="should have the size of Parent Population"):
        cells[mask]


@pytest.mark.parametrize("selector", [[], slice(3, 3), np.zeros(3, bool)])
def test_a_view_of_nothing(sim, selector):
    cells = sim.Population(3, sim.IF_curr_exp())
    with pytest.raises((ValueError, IndexError), match=r"no cells|at least"):
        cells[selector]


def test_arrays_must_fit_the_view(sim):
    cells = sim.Population(5, sim.IF_curr_exp())
    with pytest.raises(errors.InvalidDimensionsError):
        cells[0:2].set(tau_m=[1.0, 2.0, 3.0, 4.0, 5.0])
    with pytest.raises(errors.InvalidDimensionsError, match="give one value or 2"):
        cells[0:2].initialize(v=[1.0, 2.0, 3.0])
    assert cells.get("tau_m") == 20.0


def test_ids_and_positions_of_a_view(sim):
    cells = sim.Population(5, sim.IF_curr_exp())
    view = cells[[1, 4]]
    assert view.id_to_index(cells[4]) == 1
    with pytest.raises(IndexError, match="not present in the View"):
        view.id_to_index(cells[0])
    assert_array_equal(view.positions, cells.positions[:, [1, 4]])
    assert_array_equal(view.index_in_grandparent(np.array([1])), [4])


# --- assemblies ----------------------------------------------------------------------------------


def test_an_assembly_reads_and_writes_its_cells(sim):
    first, second = sim.Population(2, sim.IF_curr_exp()), sim.Population(3, sim.IF_cond_exp())
    assembly = first + second
    assert (assembly.size, len(assembly)) == (5, 5)
    assembly.set(tau_m=13.0)
    assert assembly.get("tau_m") == first.get("tau_m") == 13.0
    second.set(tau_m=[1.0, 2.0, 3.0])
    assert_array_equal(assembly.get("tau_m"), [13.0, 13.0, 1.0, 2.0, 3.0])
    tau, cm = assembly.get(["tau_m", "cm"])
    assert_array_equal(tau, [13.0, 13.0, 1.0, 2.0, 3.0])
    assert cm == 1.0
    assembly.initialize(v=-70.0)
    assert second[2].get_initial_value("v") == -70.0
    assert assembly.get_population(first.label) is first
    with pytest.raises(KeyError, match=r"no such|does not contain"):
        assembly.get_population("no such")


def test_parts_of_an_assembly(sim):
    first, second = sim.Population(2, sim.IF_curr_exp()), sim.Population(3, sim.IF_cond_exp())
    assembly = sim.Assembly(first, second, label="both")
    assert assembly[3] == second[1]
    assert [int(cell) for cell in assembly[1:4]] == [1, 2, 3]
    assert [int(cell) for cell in assembly[[0, 4]]] == [0, 4]
    assert assembly.id_to_index(second[1]) == 3
    assembly += sim.Population(1, sim.IF_curr_exp())
    assert assembly.size == 6
    assert "both" in assembly.describe()
    assert assembly.conductance_based is False
    with pytest.raises(TypeError, match="can only add a Population"):
        assembly + 3
    with pytest.raises(TypeError, match="not a Population"):
        sim.Assembly(first[0])


def test_an_assembly_with_a_part_that_lacks_a_parameter_stays_as_it_was(sim):
    first, second = sim.Population(2, sim.IF_cond_exp()), sim.Population(2, sim.IF_curr_exp())
    with pytest.raises(errors.NonExistentParameterError, match=r"e_rev_E .*IF_curr_exp"):
        (first + second).set(tau_m=3.0, e_rev_E=1.0)
    assert first.get("tau_m") == 20.0


def test_data_of_an_assembly(sim):
    first = sim.Population(2, sim.IF_curr_exp(i_offset=[1.0, 0.0]))
    second = sim.Population(3, sim.IF_curr_exp(i_offset=[0.0, 0.0, 2.0]))
    assembly = sim.Assembly(first, second, label="both")
    assembly.record(["spikes", "v"])
    sim.run(30.0)
    block = assembly.get_data(annotations={"trial": 3})
    assert block.name == "both"
    assert block.annotations["trial"] == 3
    (segment,) = block.segments
    signals = [s for s in segment.analogsignals if s.name == "v"]
    columns = np.concatenate([s.array_annotations["channel_index"] for s in signals])
    assert_array_equal(columns, np.arange(5))
    counts = {t.annotations["channel_id"]: len(t) for t in segment.spiketrains}
    assert counts == {int(k): v for k, v in assembly.get_spike_counts().items()}
    assert counts == {0: 1, 1: 0, 2: 0, 3: 0, 4: 3}
    assert assembly.mean_spike_count() == pytest.approx(4 / 5)
    v = np.concatenate([s.magnitude for s in signals], axis=1)
    assert v.shape == (301, 5)
    assert (v[:, [1, 2, 3]] == -65.0).all()
    assert v[50, 4] > v[50, 0] > -65.0


def test_data_of_an_assembly_of_views(sim):
    cells = sim.Population(4, sim.IF_curr_exp(), initial_values={"v": [-61.0, -62.0, -63.0, -64.0]})
    assembly = sim.Assembly(cells[2:4], cells[0:2])
    assembly.record("v")
    sim.run(1.0)
    (signal,) = assembly.get_data().segments[0].analogsignals
    assert_array_equal(signal.magnitude[0], [-63.0, -64.0, -61.0, -62.0])
    assert_array_equal(signal.array_annotations["channel_index"], [0, 1, 2, 3])


def test_data_of_an_assembly_of_views_cleared(sim):
    cells = sim.Population(4, sim.IF_curr_exp(), initial_values={"v": [-61.0, -62.0, -63.0, -64.0]})
    assembly = sim.Assembly(cells[0:2], cells[2:4])
    assembly.record("v")
    sim.run(1.0)
    (signal,) = assembly.get_data(clear=True).segments[0].analogsignals
    assert_array_equal(signal.magnitude[0], [-61.0, -62.0, -63.0, -64.0])


def test_data_of_an_assembly_asked_twice(sim):
    assembly = sim.Population(2, sim.IF_curr_exp()) + sim.Population(2, sim.IF_curr_exp())
    assembly.record(["v", "spikes"])
    sim.run(1.0)
    sim.reset()
    sim.run(1.0)
    for _ in range(3):
        block = assembly.get_data()
        for segment in block.segments:
            columns = [s.array_annotations["channel_index"] for s in segment.analogsignals]
            assert_array_equal(np.concatenate(columns), [0, 1, 2, 3])
            assert len(segment.spiketrains) == 4


def test_an_assembly_that_recorded_no_spikes(sim):
    assembly = sim.Population(2, sim.IF_curr_exp()) + sim.Population(2, sim.IF_curr_exp())
    sim.run(1.0)
    assert assembly.get_spike_counts() == {}
    assert assembly.mean_spike_count() == 0


def test_a_cell_is_in_an_assembly_once(sim):
    cells = sim.Population(4, sim.IF_curr_exp())
    assert sim.Assembly(cells, cells[0:2]).size == 4
    assert sim.Assembly(cells[0:3], cells[1:4]).size == 3
    assert sim.Assembly(cells[0:2], cells).size <= 4


def test_receptors_of_an_assembly_are_in_the_order_of_its_cells(sim):
    """The first is for excitation, the second for inhibition, in every run of a script."""
    for name in ("IF_curr_exp", "IF_cond_exp"):
        cells = [sim.Population(2, getattr(sim, name)()) for _ in range(2)]
        assert tuple(sim.Assembly(*cells).receptor_types) == ("excitatory", "inhibitory")


def test_an_assembly_with_a_part_that_lacks_a_state_stays_as_it_was(sim):
    conductances = sim.Population(2, sim.IF_cond_exp())
    currents = sim.Population(2, sim.IF_curr_exp())
    with pytest.raises(errors.NonExistentParameterError, match="gsyn_exc"):
        (conductances + currents).initialize(v=-60.0, gsyn_exc=0.1)
    for population in (conductances, currents):
        assert population.initial_values["v"].evaluate(simplify=True) == -65.0
    (conductances + currents).initialize(v=-60.0)
    assert currents.initial_values["v"].evaluate(simplify=True) == -60.0
