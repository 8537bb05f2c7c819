"""Values with units: what `quantities` may be given, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import quantities as pq
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pyNN import errors
from pyNN.parameters import Sequence

from pyNN_ship.standardmodels.synapses import weight_unit
from pyNN_ship.units import UNITS, has_unit, magnitude, magnitudes, time_in_ms

GIVEN = [
    ("tau_m", 0.015 * pq.s, 15.0),
    ("cm", 250 * pq.pF, 0.25),
    ("v_rest", -0.07 * pq.V, -70.0),
    ("i_offset", 100 * pq.pA, 0.1),
    ("tau_refrac", 500 * pq.us, 0.5),
]


@pytest.mark.parametrize(("name", "value", "expected"), GIVEN)
def test_parameters(sim, name, value, expected):
    cells = sim.Population(2, sim.IF_curr_exp(**{name: value}))
    assert cells.get(name) == pytest.approx(expected, rel=1e-14)
    cells = sim.Population(2, sim.IF_curr_exp())
    cells.set(**{name: value})
    assert cells.get(name) == pytest.approx(expected, rel=1e-14)
    cells[0:1].set(**{name: 2 * value})
    setattr(cells[1], name, 3 * value)
    assert_allclose(cells.get(name), [2 * expected, 3 * expected], rtol=1e-14)


@pytest.mark.parametrize(
    "value",
    [np.array([10.0, 11.0]) * pq.ms, [10 * pq.ms, 0.011 * pq.s], (10 * pq.ms, 11 * pq.ms)],
)
def test_arrays_and_lists(sim, value):
    cells = sim.Population(2, sim.IF_curr_exp(tau_m=value))
    assert_allclose(cells.get("tau_m"), [10.0, 11.0])


@pytest.mark.parametrize(("name", "unit"), [("tau_m", pq.mV), ("v_rest", pq.ms), ("cm", pq.nA),
                                            ("i_offset", pq.uS), ("tau_m", pq.dimensionless),
                                            ("tau_syn_E", pq.Hz)])  # fmt: skip
def test_wrong_dimensions(sim, name, unit):
    message = f"{name} = .* cannot be converted to .*for example {name}=10"
    with pytest.raises(errors.InvalidParameterValueError, match=message):
        sim.IF_curr_exp(**{name: 3 * unit})
    cells = sim.Population(2, sim.IF_curr_exp())
    with pytest.raises(errors.InvalidParameterValueError, match=message):
        cells.set(**{name: [3, 4] * unit})


@pytest.mark.parametrize("value", ["distribution", "function"])
def test_quantities_inside_distributions_and_functions(sim, value):
    """They are converted, or refused; their numbers are never taken for PyNN's units."""
    given_value = {
        "distribution": sim.RandomDistribution("uniform", (0.01 * pq.s, 0.02 * pq.s)),
        "function": lambda i: (i + 10) * 0.001 * pq.s,
    }[value]
    try:
        cells = sim.Population(3, sim.IF_curr_exp(tau_m=given_value))
    except errors.InvalidParameterValueError:
        return
    tau = np.broadcast_to(cells.get("tau_m"), 3)
    assert ((tau >= 10.0) & (tau <= 20.0)).all()


def test_rates_and_times(sim):
    source = sim.Population(
        1, sim.SpikeSourcePoisson(rate=0.05 * pq.kHz, start=1 * pq.s, duration=2 * pq.s)
    )
    assert source.get(["rate", "start", "duration"]) == [pytest.approx(50), 1000.0, 2000.0]
    source.set(rate=[3] * pq.Hz)
    assert source.get("rate") == 3.0


def test_initial_values(sim):
    cells = sim.Population(2, sim.IF_cond_exp(), initial_values={"v": -0.06 * pq.V})
    assert cells[0].get_initial_value("v") == pytest.approx(-60.0)
    cells.initialize(gsyn_exc=[1, 2] * pq.nS)
    assert_allclose(cells.initial_values["gsyn_exc"].evaluate(), [0.001, 0.002])
    with pytest.raises(errors.InvalidParameterValueError, match=r"v = 3.0 ms cannot be converted"):
        cells.initialize(v=3 * pq.ms)


@pytest.mark.parametrize(
    ("celltype", "value", "expected"),
    [("IF_curr_exp", 100 * pq.pA, 0.1), ("IF_cond_exp", 5 * pq.nS, 0.005),
     ("IF_curr_delta", 0.001 * pq.V, 1.0), ("IF_cond_alpha", 1e-9 / pq.ohm, 0.001)],
)  # fmt: skip
def test_weights(sim, celltype, value, expected):
    cells = sim.Population(2, getattr(sim, celltype)())
    synapse = sim.StaticSynapse(weight=value, delay=1000 * pq.us)
    projection = sim.Projection(cells, cells, sim.AllToAllConnector(), synapse)
    assert_allclose(projection.get("weight", "array"), expected)
    assert_allclose(projection.get("delay", "array"), 1.0)


@pytest.mark.parametrize(
    ("celltype", "value", "unit"),
    [("IF_curr_exp", 1 * pq.uS, "nA"), ("IF_cond_exp", 1 * pq.nA, "uS"),
     ("IF_curr_delta", 1 * pq.nA, "mV"), ("IF_curr_exp", 1 * pq.mV, "nA")],
)  # fmt: skip
def test_weights_of_another_receptor(sim, network, celltype, value, unit):
    cells = sim.Population(2, getattr(sim, celltype)(), label="P")
    before = network()
    with pytest.raises(errors.InvalidParameterValueError, match=f"'P→P' .* takes {unit}"):
        sim.Projection(cells, cells, sim.AllToAllConnector(), sim.StaticSynapse(weight=value))
    assert network() == before
    projection = sim.Projection(cells, cells, sim.AllToAllConnector())
    with pytest.raises(errors.InvalidParameterValueError, match=f"takes {unit}"):
        projection.set(weight=value)
    with pytest.raises(errors.InvalidParameterValueError, match=f"takes {unit}"):
        projection[0].weight = value


def test_a_weight_that_is_none_of_these(sim):
    with pytest.raises(errors.InvalidParameterValueError, match="neither a current"):
        sim.StaticSynapse(weight=1 * pq.ms)
    with pytest.raises(errors.InvalidParameterValueError, match="neither a current"):
        weight_unit(1 * pq.dimensionless)


# --- the functions -------------------------------------------------------------------------------


@given(st.floats(-1e6, 1e6), st.sampled_from(sorted(UNITS)))
def test_a_number_in_the_right_unit_stays_as_it_is(number, unit):
    assert magnitude("x", number * UNITS[unit], unit) == number
    assert magnitude("x", number, unit) == number


@pytest.mark.parametrize("value", [1, "x", None, [1, 2]])
def test_what_has_no_unit_is_returned(value):
    assert magnitude("x", value, "ms") is value
    assert not has_unit(value)


def test_sequences_and_nested_lists():
    converted = magnitude("x", Sequence([1, 2] * pq.s), "ms")
    assert isinstance(converted, Sequence)
    assert_allclose(converted.value, [1000, 2000])
    assert has_unit([1, 2 * pq.ms])
    assert magnitude("x", [1, 0.002 * pq.s], "ms") == [1, 2.0]
    assert magnitude("x", [[0.001 * pq.s], [2.0]], "ms") == [[1.0], [2.0]]


def test_what_takes_no_unit():
    for unit, wanted in ((None, "without a unit"), ("blips", "in blips")):
        with pytest.raises(errors.InvalidParameterValueError, match=f"plain number {wanted}"):
            magnitude("x", 1 * pq.ms, unit)


def test_several():
    values = magnitudes({"a": 1 * pq.s, "b": 2}, {"a": "ms"})
    assert values == {"a": 1000.0, "b": 2}
    assert time_in_ms("t", 2 * pq.s) == 2000.0


def test_the_result_does_not_share_memory():
    value = np.array([1.0, 2.0]) * pq.ms
    plain = magnitude("x", value, "ms")
    plain[0] = 5.0
    assert value[0] == 1.0 * pq.ms


@pytest.mark.parametrize(
    ("unit", "value", "number"),
    [
        ("nS", 2 * pq.uS, 2000.0),
        ("mV/ms", pq.Quantity(3.0, "V/s"), 3.0),
        ("/ms", 50 / pq.s, 0.05),
        ("dimensionless", pq.Quantity(2.0, "dimensionless"), 2.0),
    ],
)
def test_units_beyond_the_basic_ones(unit, value, number):
    assert magnitude("x", value, unit) == pytest.approx(number)
    with pytest.raises(errors.InvalidParameterValueError, match="cannot be converted") as raised:
        magnitude("x", 1 * pq.nF, unit)
    example = str(raised.value).split("x=")[-1].rstrip(".")
    assert magnitude("x", eval(example, {"quantities": pq}), unit) == pytest.approx(10.0)
