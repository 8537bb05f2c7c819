"""What is set is what is read: every parameter of every cell and synapse, in every form."""

from __future__ import annotations

import numpy as np
import pyNN.ship as ship
import pytest
import quantities as pq
from numpy.testing import assert_allclose, assert_array_equal
from pyNN import errors
from pyNN.parameters import ArrayParameter, Sequence
from pyNN.random import NumpyRNG, RandomDistribution

from pyNN_ship.units import UNITS

COUNT = 4


def cell_type(name):
    """A function of parameters that makes a cell type, and the default values of these."""
    if name != "PointNeuron":
        return getattr(ship, name), getattr(ship, name).default_parameters

    def composed(**given):
        receptors = {"A": ship.ExpPSR, "B": ship.CurrExpPostSynapticResponse, "C": ship.BetaPSR}
        parts = {
            label: receptor(
                **{n[2:]: value for n, value in given.items() if n.startswith(f"{label}.")}
            )
            for label, receptor in receptors.items()
        }
        neuron = ship.LIF(**{n: value for n, value in given.items() if "." not in n})
        return ship.PointNeuron(neuron, **parts)

    return composed, composed().default_parameters


CELLS = ship.list_standard_models()
PARAMETERS = [(name, parameter) for name in CELLS for parameter in cell_type(name)[1]]


def values_near(default):
    """A valid value for each of some cells, all different."""
    steps = np.arange(1, COUNT + 1)
    if isinstance(default, ArrayParameter):
        base = default.value if default.value.size else np.array([1.0, 2.0])
        return [type(default)(base * (1 + 0.01 * k) + 0.01 * k) for k in steps]
    if isinstance(default, int):
        return default + steps
    return default * (1 + 0.01 * steps) if default else 0.01 * steps


def assert_same(found, expected):
    found = [found] * COUNT if isinstance(found, ArrayParameter) else found
    if isinstance(expected[0], ArrayParameter):
        for one, other in zip(found, expected, strict=True):
            assert_allclose(one.value, other.value, rtol=1e-14)
    else:
        assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS, ids=[".".join(p) for p in PARAMETERS])
def test_each_cell_keeps_its_own(sim, name, parameter):
    make, defaults = cell_type(name)
    values = values_near(defaults[parameter])
    cells = sim.Population(COUNT, make(**{parameter: values}))
    assert_same(cells.get(parameter), values)
    sim.run(0.3)
    assert_same(cells.get(parameter), values)
    cells.set(**{parameter: values[::-1]})
    cells[1:3].set(**{parameter: values[2:]})
    sim.run(0.3)
    expected = [values[3], *values[2:], values[0]]
    assert_same(cells.get(parameter), expected)
    sim.reset()
    assert_same(cells.get(parameter), expected)
    assert_same(sim.Population(COUNT, make()).get(parameter), [defaults[parameter]] * COUNT)
    for other, default in defaults.items():
        if other != parameter:
            assert_same(np.ravel([cells.get(other)] * COUNT)[:COUNT], [default] * COUNT)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("when", ["creation", "later"])
def test_every_parameter_takes_every_form(sim, name, when):
    make, defaults = cell_type(name)
    for parameter, default in defaults.items():
        if isinstance(default, ArrayParameter):
            continue
        values = values_near(default)
        forms = [
            (values[0], [values[0]] * COUNT),
            (values, values),
            (values.tolist(), values),
            (lambda i, v=values: v[i], values),
            *quantity(make().units.get(parameter), values),
        ]
        if not isinstance(default, int):
            low, high = sorted((values[0], values[-1]))
            expected = np.random.RandomState(1).uniform(low, high, COUNT)
            forms.append((RandomDistribution("uniform", (low, high), rng=NumpyRNG(1)), expected))
        for form, expected in forms:
            if when == "creation":
                cells = sim.Population(COUNT, make(**{parameter: form}))
            else:
                cells = sim.Population(COUNT, make())
                cells.set(**{parameter: form})
            assert_allclose(cells.get(parameter), expected, rtol=1e-12)


def quantity(unit, values):
    """The values with a unit that is not PyNN's own, if there is one."""
    others = {"ms": pq.s, "mV": pq.V, "nA": pq.pA, "uS": pq.nS, "nF": pq.pF, "Hz": pq.kHz}
    if unit not in others or unit not in UNITS:
        return []
    return [((values * UNITS[unit]).rescale(others[unit]), values)]


@pytest.mark.parametrize("name", CELLS)
def test_values_of_another_number_are_refused(sim, network, name):
    make, defaults = cell_type(name)
    cells = sim.Population(COUNT, make())
    counted = network()
    for parameter, default in defaults.items():
        if isinstance(default, ArrayParameter):
            continue
        for size in (COUNT - 1, COUNT + 1):
            wrong = np.resize(values_near(default), size)
            with pytest.raises(errors.InvalidDimensionsError, match=parameter.split(".")[-1]):
                cells.set(**{parameter: wrong})
            with pytest.raises(errors.InvalidDimensionsError):
                sim.Population(COUNT, make(**{parameter: wrong}))
        assert_same([cells.get(parameter)] * COUNT, [default] * COUNT)
    assert network() == counted


@pytest.mark.parametrize("name", CELLS)
def test_every_recordable_variable_has_its_unit(sim, name):
    cells = sim.Population(2, cell_type(name)[0]())
    cells.record("all")
    sim.run(0.5)
    segment = cells.get_data().segments[0]
    units = {s.name: s.units.dimensionality.string for s in segment.analogsignals}
    expected = {v: cells.celltype.units[v] for v in cells.celltype.recordable if v != "spikes"}
    assert {v: pq.Quantity(1, u).dimensionality for v, u in units.items()} == {
        v: pq.Quantity(1, u or "dimensionless").dimensionality for v, u in expected.items()
    }
    assert len(segment.spiketrains) == 2


TIMINGS = ("SpikePairRule", "Vogels2011Rule")
DEPENDENCES = (
    "AdditiveWeightDependence",
    "MultiplicativeWeightDependence",
    "AdditivePotentiationMultiplicativeDepression",
    "GutigWeightDependence",
)
PLAIN = (
    "StaticSynapse",
    "TsodyksMarkramSynapse",
    "SimpleStochasticSynapse",
    "StochasticTsodyksMarkramSynapse",
    "MultiQuantalSynapse",
)
SHAPE = (2, 3)


def mechanism(timing, dependence):
    """A function of parameters that makes a mechanism, and the names of these."""
    parts = [getattr(ship, timing), getattr(ship, dependence)]

    def make(**given):
        made = [
            part(**{n: value for n, value in given.items() if n in part.default_parameters})
            for part in parts
        ]
        own = {n: given[n] for n in ("weight", "delay", "dendritic_delay_fraction") if n in given}
        return ship.STDPMechanism(timing_dependence=made[0], weight_dependence=made[1], **own)

    names = ["weight", "delay", "dendritic_delay_fraction"]
    return make, names + [n for part in parts for n in part.default_parameters]


def synapse_type(name):
    if "+" in name:
        return mechanism(*name.split("+"))
    return getattr(ship, name), list(getattr(ship, name).default_parameters)


SYNAPSES = [*PLAIN, *(f"{timing}+{rule}" for timing in TIMINGS for rule in DEPENDENCES)]
LARGE = {"delay": 1.0, "n": 1.0, "w_max": 2.0}


def synapse_values(parameter):
    """A valid value for each pair of cells, all different."""
    steps = np.arange(SHAPE[0] * SHAPE[1]).reshape(SHAPE)
    if parameter == "n":
        return 1.0 + steps
    if parameter == "delay":
        return 1.0 + 0.1 * steps
    if parameter.startswith("tau"):
        return 10.0 + steps
    return LARGE.get(parameter, 0.0) + 0.1 + 0.125 * steps


@pytest.mark.parametrize("name", SYNAPSES)
def test_each_synapse_keeps_its_own(sim, name):
    make, names = synapse_type(name)
    pre = sim.Population(SHAPE[0], sim.SpikeSourceArray())
    post = sim.Population(SHAPE[1], sim.IF_cond_exp())
    start = {"weight": 0.5, "delay": 1.0}
    for parameter in names:
        values = synapse_values(parameter)
        projection = sim.Projection(
            pre, post, sim.AllToAllConnector(), make(**start | {parameter: values})
        )
        for _ in range(2):
            assert_allclose(projection.get(parameter, "array"), values, rtol=1e-12)
            rows = [(i, j, values[i, j]) for i in range(SHAPE[0]) for j in range(SHAPE[1])]
            assert_allclose(projection.get(parameter, "list"), rows, rtol=1e-12)
            sim.run(0.3)
        projection.set(**{parameter: values[::-1, ::-1]})
        sim.run(0.3)
        assert_allclose(projection.get(parameter, "array"), values[::-1, ::-1], rtol=1e-12)
        projection.set(**{parameter: values.ravel().tolist()})
        assert_allclose(projection.get(parameter, "array"), values, rtol=1e-12)
        others = [n for n in names if n not in (parameter, "weight", "delay")]
        fresh = sim.Projection(pre, post, sim.AllToAllConnector(), make(**start))
        for other in others:
            assert_array_equal(projection.get(other, "array"), fresh.get(other, "array"))


@pytest.mark.parametrize("name", SYNAPSES)
def test_every_parameter_of_a_synapse_takes_every_form(sim, name):
    make, names = synapse_type(name)
    cells = sim.Population(3, sim.IF_cond_exp())
    views = cells[:2], cells
    start = {"weight": 0.5, "delay": 1.0}
    for parameter in names:
        if parameter == "n":
            continue
        values = synapse_values(parameter)
        low, high = values.min(), values.max()
        drawn = np.random.RandomState(1).uniform(low, high, SHAPE[::-1]).T
        forms = [
            (values[0, 1], np.full(SHAPE, values[0, 1])),
            (values, values),
            (values.tolist(), values),
            (RandomDistribution("uniform", (low, high), rng=NumpyRNG(1)), drawn),
            (f"{low} + 0.1 * d", low + 0.1 * np.abs(np.subtract.outer(range(2), range(3)))),
        ]
        if parameter in ("delay", "dendritic_delay_fraction"):
            forms = forms[:3]
        for form, expected in forms:
            rule = make(**start | {parameter: form})
            projection = sim.Projection(*views, sim.AllToAllConnector(), rule)
            assert_allclose(projection.get(parameter, "array"), expected, rtol=1e-12)


@pytest.mark.parametrize("name", SYNAPSES)
def test_synapse_values_of_another_shape_are_refused(sim, network, name):
    make, names = synapse_type(name)
    cells = sim.Population(3, sim.IF_cond_exp())
    start = {"weight": 0.5, "delay": 1.0}
    fitting = sim.Projection(cells[:2], cells, sim.AllToAllConnector(), make(**start))
    counted = network()
    for parameter in names:
        wrong = synapse_values(parameter).T
        rule = make(**start | {parameter: wrong})
        with pytest.raises(errors.InvalidDimensionsError, match=parameter):
            sim.Projection(cells[:2], cells, sim.AllToAllConnector(), rule)
        with pytest.raises(errors.InvalidDimensionsError, match=parameter):
            fitting.set(**{parameter: wrong})
    assert network() == counted


def test_spike_times_in_every_form(sim):
    times = [1.0, 2.5, 4.0]
    for form in (times, np.array(times), Sequence(times), [Sequence(times)] * COUNT):
        cells = sim.Population(COUNT, sim.SpikeSourceArray(spike_times=form))
        assert_same(cells.get("spike_times"), [Sequence(times)] * COUNT)
        cells.set(spike_times=[])
        cells.set(spike_times=form)
        assert_same(cells.get("spike_times"), [Sequence(times)] * COUNT)
    with pytest.raises(errors.InvalidDimensionsError):
        cells.set(spike_times=[Sequence(times)] * (COUNT + 1))


def test_shapes_of_gamma_processes_are_no_whole_numbers(sim):
    cells = sim.Population(3, sim.SpikeSourceGamma(alpha=2.5))
    assert cells.get("alpha") == 2.5
    cells.set(alpha=[2.25, 3.75, 1.5])
    assert_array_equal(cells.get("alpha"), [2.25, 3.75, 1.5])
