"""Mistakes that belong to no single part: classes, wording, and that nothing is left behind.

The mistakes that one can make with populations, projections, recordings and so on are tested with
these; those with connectors in `test_connector_errors`.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
import quantities as pq
from pyNN import errors

from pyNN_ship.connections import checked_weights, delay_steps
from pyNN_ship.translated_errors import as_pynn_errors
from ship_engine.errors import InvalidValueError, NonFiniteStateError, ShipError


def test_values_refused_by_the_engine_have_the_class_and_the_names_of_pynn():
    with (
        pytest.raises(errors.InvalidParameterValueError, match=r"^tau_syn_E = 1; not tau_syn_excx"),
        as_pynn_errors({"tau_syn_exc": "tau_syn_E"}),
    ):
        raise InvalidValueError("tau_syn_exc = 1; not tau_syn_excx")
    with pytest.raises(errors.InvalidParameterValueError) as caught, as_pynn_errors():
        raise InvalidValueError("text")
    assert isinstance(caught.value.__cause__, InvalidValueError)


def test_other_errors_pass():
    with pytest.raises(ZeroDivisionError), as_pynn_errors():
        raise ZeroDivisionError


def test_a_state_that_is_no_number_stops_the_run(sim):
    cells = sim.Population(
        2,
        sim.IF_curr_exp(v_thresh=1e308, v_rest=[-65.0, -1e308], i_offset=[0.0, -1e308]),
        label="wild",
    )
    cells.record("v")
    with pytest.raises(NonFiniteStateError, match=r"'v' of cell 1 of 'wild' became .* at t = 0.1"):
        sim.run(1.0)
    assert issubclass(NonFiniteStateError, ArithmeticError)
    sim.setup()
    assert sim.run(1.0) == 1.0


@pytest.mark.parametrize("weights", [np.nan, [0.1, np.inf], np.array([-np.inf, 1.0])])
def test_weights_must_be_finite(weights):
    with pytest.raises(errors.InvalidWeightError, match=r"A weight of -?(nan|inf) in 'P'"):
        checked_weights(weights, "P")
    assert checked_weights(0.1, "P") == 0.1


@pytest.mark.parametrize("delays", [np.nan, 0.0, [0.1, 0.04], np.array([1.0, -1.0]), np.inf])
def test_delays_must_be_in_range(sim, delays):
    with pytest.raises(errors.ConnectionError, match=r"A delay of .* ms in 'P' is out of range"):
        delay_steps(delays, "P")


@pytest.mark.parametrize(
    ("delay", "steps"), [(0.1, 1), (0.1 - 1e-12, 1), (0.14, 1), (0.16, 2), (25.0, 250)]
)
def test_delays_in_steps(sim, delay, steps):
    assert delay_steps(delay, "P") == steps
    found = delay_steps([delay, delay], "P")
    assert found.dtype == np.int32
    assert list(found) == [steps, steps]


def mistakes(sim):
    """Mistakes of all kinds; each is a call that raises."""
    cells = sim.Population(3, sim.IF_curr_exp(), label="cells")
    source = sim.Population(3, sim.SpikeSourceArray(spike_times=[1.0]), label="source")
    connect_all = sim.AllToAllConnector()
    projection = sim.Projection(source, cells, connect_all, sim.StaticSynapse(weight=0.1))
    current = sim.DCSource(amplitude=0.1)
    return {
        "cell parameter": lambda: sim.Population(3, sim.IF_curr_exp(tau_m=[1.0, 2.0, -1.0])),
        "cell dimension": lambda: sim.Population(3, sim.IF_curr_exp(tau_m=[1.0, 2.0])),
        "cell unit": lambda: sim.Population(3, sim.IF_curr_exp(tau_m=1 * pq.mV)),
        "initial value": lambda: sim.Population(
            3, sim.IF_curr_exp(), initial_values={"v": -60.0, "isyn_exc": np.nan}
        ),
        "set": lambda: cells.set(cm=0.5, tau_m=-1.0),
        "set on a view": lambda: cells[0:2].set(cm=0.5, tau_m=[1.0, 2.0, 3.0]),
        "initialize": lambda: cells.initialize(v=-60.0, isyn_exc=[1.0, 2.0]),
        "spike times": lambda: source.set(spike_times=[[1.0], [2.0, 1.0], []]),
        "record": lambda: cells.record(["v", "foo"]),
        "sampling": lambda: cells.record("v", sampling_interval=0.25),
        "weight": lambda: sim.Projection(
            source, cells, connect_all, sim.StaticSynapse(weight=np.inf)
        ),
        "delay": lambda: sim.Projection(source, cells, connect_all, sim.StaticSynapse(delay=0.01)),
        "sign": lambda: sim.Projection(
            source, cells, connect_all, sim.StaticSynapse(weight=1.0), receptor_type="inhibitory"
        ),
        "list": lambda: sim.Projection(
            source, cells, sim.FromListConnector([(0, 0, 1.0, 1.0), (0, 9, 1.0, 1.0)])
        ),
        "projection set": lambda: projection.set(weight=0.2, delay=[1.0, 2.0]),
        "connection": lambda: setattr(projection[0], "delay", -1.0),
        "current": lambda: current.set_parameters(amplitude=1.0, start=np.nan),
        "injection": lambda: current.inject_into(cells + source),
        "run": lambda: sim.run(-1.0),
        "setup": lambda: sim.setup(executor="none"),
    }


MISTAKES = ["cell parameter", "cell dimension", "cell unit", "initial value", "set",
            "set on a view", "initialize", "spike times", "record", "sampling", "weight", "delay",
            "sign", "list", "projection set", "connection", "current", "injection", "run",
            "setup"]  # fmt: skip


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_changes_nothing(sim, state, network, kind):
    def result(with_mistake):
        sim.setup(timestep=0.1)
        call = mistakes(sim)[kind]
        counted = network()
        if with_mistake:
            with pytest.raises((ValueError, TypeError, KeyError, errors.ConnectionError,
                                errors.RecordingError)) as caught:  # fmt: skip
                call()
            assert not isinstance(caught.value, ShipError), "an error of the engine, not of PyNN"
            text = str(caught.value)
            assert not re.search(r"/(home|opt|work|tmp)/", text)
            assert len(text) > 15
        assert network() == counted
        (cells,) = (r.population for r in state.recorders if r.population.label == "cells")
        assert len(cells.get(["tau_m", "cm"])) == 2
        cells.record(["v", "isyn_exc"])
        sim.run(3.0)
        signals = cells.get_data().segments[0].analogsignals
        return np.hstack([signal.magnitude for signal in sorted(signals, key=lambda s: s.name)])

    np.testing.assert_array_equal(result(True), result(False))


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("MultiCompartmentNeuron", "pyNN.neuron or pyNN.arbor"),
        ("KdrChannel", "pyNN.neuron or pyNN.arbor"),
        ("morphology", "pyNN.neuron or pyNN.arbor"),
        ("nineml_cell_type", "pyNN.neuron with the package nineml"),
        ("neuroml", "pyNN.neuron.neuroml"),
        ("IntFire4", "from pyNN.neuron"),
        ("StandardCellTypeComponent", "list_standard_models"),
    ],
)
def test_what_others_have_and_ship_does_not_is_named_so(sim, name, instead):
    assert not hasattr(sim, name)
    with pytest.raises(AttributeError, match=f"pyNN.ship .*{name}.*{instead}"):
        getattr(sim, name)


def test_the_namespace_is_that_of_a_simulator(sim):
    with pytest.raises(AttributeError, match="no attribute 'IF_cond_expp'"):
        _ = sim.IF_cond_expp
    assert "lazy_values" not in dir(sim)
    assert {"IF_cond_exp", "get_current_time", "errors"} <= set(dir(sim))


@pytest.mark.parametrize("value", ["20", b"20", ["20", "30"], np.array(["20", "30"])])
def test_text_is_no_number(sim, value):
    cells = sim.Population(2, sim.IF_curr_exp())
    for act in (sim.IF_curr_exp, cells.set):
        with pytest.raises(
            errors.InvalidParameterValueError, match=r"tau_m = .*20.* is text; give"
        ):
            act(tau_m=value)
    with pytest.raises(errors.InvalidParameterValueError, match="is not a finite number"):
        cells.initialize(v=value)
    with pytest.raises(errors.InvalidParameterValueError, match=r"amplitude = .* is text"):
        sim.DCSource(amplitude=value)


@pytest.mark.parametrize("structure", ["grid", 5])
def test_a_structure_places_cells(sim, structure):
    with pytest.raises(TypeError, match=f"structure = {structure!r}; give a Structure"):
        sim.Population(2, sim.IF_curr_exp(), structure=structure)


def test_data_without_a_recording(sim):
    cells = sim.Population(2, sim.IF_curr_exp(), label="quiet")
    with pytest.raises(
        errors.NothingToWriteError, match=r"'quiet' yet; call record\(\.\.\.\), then"
    ):
        cells.get_data()


def test_a_guessed_receptor_is_said_to_be_guessed(sim):
    source, cells = (sim.Population(1, sim.IF_cond_exp()) for _ in range(2))
    synapse, rule = sim.StaticSynapse(weight=-0.1), sim.AllToAllConnector()
    with pytest.raises(errors.ConnectionError, match="'inhibitory', which was guessed from the s"):
        sim.Projection(source, cells, rule, synapse)
    with pytest.raises(errors.ConnectionError, match=r"'inhibitory'\)\. Change"):
        sim.Projection(source, cells, rule, synapse, receptor_type="inhibitory")


def test_receptors_list_the_parameters_that_they_take(sim):
    with pytest.raises(errors.NonExistentParameterError, match=r"are: e_syn, tau_syn\)"):
        sim.ExpPSR(tau=2.0)


@pytest.mark.parametrize(("weight", "why"), [("exp(-dd)", "name 'exp'"), ("2 * d)", "syntax")])
def test_texts_that_are_no_function_of_the_distance(sim, weight, why):
    text = rf"weight = '{re.escape(weight)}' is no expression of the distance d, in .*{why}"
    with pytest.raises(errors.InvalidParameterValueError, match=text):
        sim.StaticSynapse(weight=weight)


def test_the_namespace_has_the_errors_of_pynn(sim):
    assert sim.errors is errors
