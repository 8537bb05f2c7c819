"""Models of the engine, one's own among them, as PyNN's types."""

from __future__ import annotations

import numpy as np
import pytest
import quantities as pq
from numpy.testing import assert_allclose, assert_array_equal
from pyNN import errors
from pyNN.models import BaseCellType
from pyNN.standardmodels import StandardCellType, build_translations

import ship_engine
from pyNN_ship.standardmodels.base import CellModel
from ship_engine.elementwise import exp
from ship_engine.models.base import Model, Parameter, Port, State
from ship_engine.models.composition import compose
from ship_engine.models.lif import LeakyMembrane, LIFCurrentAlpha
from ship_engine.models.receptors import ConductanceBeta, CurrentExponential, VoltageJump


class Relaxation(Model):
    """Two states that relax, and a threshold that moves."""

    name = "Relaxation"
    parameters = (
        Parameter("tau", 10.0, "ms", minimum=0.0, exclusive=True),
        Parameter("gain", 2.0, "mV/nA"),
        Parameter("bound", 10.0, "mV"),
        Parameter("leap", 1.0, "1"),
    )
    states = (State("x", 0.0, "mV"), State("theta", 0.0, "mV"), State("n", 0.0, ""))
    ports = (Port("push", "x", "mV"),)
    coefficients = ("decay",)
    reset_states = ("x", "n")

    @staticmethod
    def time_dep(dt, tau):
        return (exp(-dt / tau),)

    @staticmethod
    def advance_timestep(x, theta, n, i_inj, gain, decay):
        return gain * i_inj + (x - gain * i_inj) * decay, theta * decay, n

    @staticmethod
    def threshold(x, theta, bound):
        return x - theta - bound

    @staticmethod
    def reset(n, leap):
        return 0.0, n + leap


class Slow(Relaxation):
    """Without spikes and current."""

    name = ""
    threshold = None
    reset = None
    reset_states = ()

    @staticmethod
    def advance_timestep(x, theta, n, decay):
        return x * decay, theta * decay, n


def changed(**attributes):
    return type("Changed", (Relaxation,), {"name": "Changed", **attributes})


def test_description_of_a_model(sim):
    celltype = sim.native_cell_type(Relaxation)
    assert issubclass(celltype, BaseCellType)
    assert issubclass(celltype, sim.NativeCellType)
    assert celltype.__name__ == "Relaxation"
    assert celltype.default_parameters == {"tau": 10.0, "gain": 2.0, "bound": 10.0, "leap": 1.0}
    assert celltype.default_initial_values == {"x": 0.0, "theta": 0.0, "n": 0.0}
    assert celltype.recordable == ["spikes", "x", "theta", "n"]
    assert celltype.receptor_types == ["push"]
    assert (celltype.conductance_based, celltype.injectable) == (False, True)
    assert celltype.units["gain"] == "mV/nA"
    assert celltype.units["n"] == "dimensionless"
    assert "Relaxation" not in sim.list_standard_models()
    slow = sim.native_cell_type(Slow)
    assert slow.__name__ == "Slow"
    assert slow.recordable == ["x", "theta", "n"]
    assert not slow.injectable


def test_a_population_of_a_model_of_ones_own(sim, samples, spike_times):
    cells = sim.Population(3, sim.native_cell_type(Relaxation)(tau=[10.0, 20.0, 20.0], bound=5.0))
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[2.0]))
    synapse = sim.StaticSynapse(weight=4 * pq.mV, delay=1.0)
    sim.Projection(source, cells, sim.AllToAllConnector(), synapse, receptor_type="push")
    cells.initialize(theta=[1.0, 2.0, 3.0], x=0.001 * pq.V)
    cells[2:].inject(sim.DCSource(amplitude=10.0))
    cells[1:].set(leap=2.0)
    cells.record("all")
    sim.run(20.0)
    time = np.arange(201) / 10
    arrived = 4.0 * np.where(time >= 3.0, np.exp(-np.maximum(time - 3.0, 0.0) / 20.0), 0.0)
    assert_allclose(samples(cells, "x")[:, 1], np.exp(-time / 20.0) + arrived, rtol=1e-12)
    assert_allclose(samples(cells, "theta")[:, 0], np.exp(-time / 10.0), rtol=1e-12)
    signals = {
        s.name: s.units.dimensionality.string for s in cells.get_data().segments[0].analogsignals
    }
    assert signals == {"x": "mV", "theta": "mV", "n": "dimensionless"}
    counts = [train.size for train in spike_times(cells)]
    assert counts[:2] == [0, 0]
    assert counts[2] > 0
    assert_array_equal(samples(cells, "n")[-1], [0.0, 0.0, 2.0 * counts[2]])


def test_parameters(sim):
    cells = sim.Population(3, sim.native_cell_type(Relaxation)())
    for k, name in enumerate(Relaxation.parameters):
        cells.set(**{name.name: [1.0 + k, 2.0 + k, 3.0 + k]})
        assert_array_equal(cells[1:].get(name.name), [2.0 + k, 3.0 + k])
    cells.set(tau=2 * pq.s, gain=pq.Quantity(3.0, "V/nA"))
    assert cells.get(["tau", "gain"]) == [2000.0, 3000.0]
    cells[0].tau = 5.0
    assert_array_equal(cells.get("tau"), [5.0, 2000.0, 2000.0])
    for values, kind, text in (
        ({"tau": -1.0}, errors.InvalidParameterValueError, "tau = -1 ms"),
        ({"tau": 1 * pq.mV}, errors.InvalidParameterValueError, "cannot be converted to ms"),
        ({"gain": 1 * pq.mV}, errors.InvalidParameterValueError, r"Quantity\(10, 'mV/nA'\)"),
        ({"tau_m": 1.0}, errors.NonExistentParameterError, "tau_m"),
        ({"tau": [1.0, 2.0]}, errors.InvalidDimensionsError, "shape"),
    ):
        with pytest.raises(kind, match=text):
            cells.set(**values)
    with pytest.raises(errors.InvalidParameterValueError, match="tau = 0 ms for Relaxation"):
        sim.native_cell_type(Relaxation)(tau=0.0)
    with pytest.raises(errors.NonExistentParameterError):
        sim.native_cell_type(Relaxation)(tau_m=3.0)


def test_a_model_of_the_engine_by_name(sim, samples):
    """It does the same as the standard cell that it is behind."""
    native = sim.native_cell_type("LIFCurrentAlpha")
    assert native.model is LIFCurrentAlpha
    one = sim.Population(1, native(tau_syn_exc=2.0, tau_m=15.0))
    other = sim.Population(1, sim.IF_curr_alpha(tau_syn_E=2.0, tau_m=15.0))
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[2.0]))
    for cells in (one, other):
        cells.record(["v", "isyn_exc"])
        sim.Projection(source, cells, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.5))
    one.record("isyn_rise_exc")
    sim.run(20.0)
    for name in ("v", "isyn_exc"):
        assert_array_equal(samples(one, name), samples(other, name))
    assert samples(one, "isyn_rise_exc").max() == pytest.approx(0.5 * np.e / 2.0)


def test_random_states_start_as_they_are_drawn(sim, spike_times):
    """They would be the same for all cells if they had a default."""
    native = sim.native_cell_type("GIFConductanceExponential")
    state = native.model.random_state
    assert {state, f"{state}_count"}.isdisjoint(native.default_initial_values)
    cells = sim.Population(20, native(i_offset=1.5))
    cells.record("spikes")
    sim.run(50.0)
    first = [train[0] for train in spike_times(cells) if train.size]
    assert len(set(first)) == len(first) > 10


def test_every_model_of_the_engine(sim):
    with pytest.raises(errors.InvalidModelError) as raised:
        sim.native_cell_type("")
    names = str(raised.value).split(" has ")[1].split(";")[0].split(", ")
    assert "Izhikevich" in names
    for name in names:
        cells = sim.Population(2, sim.native_cell_type(name)())
        assert cells.celltype.recordable[0] == "spikes"
        cells.record("all")
    assert not any("SpikeSource" in name for name in names)


def test_receptors_of_a_composed_model(sim, samples):
    model = compose(
        "Mixed",
        LeakyMembrane,
        {"jump": (VoltageJump, "_jump"), "beta": (ConductanceBeta, "_beta")},
    )
    cell = sim.Population(1, sim.native_cell_type(model)(tau_decay_beta=6.0))
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[2.0]))
    cell.record(["v", "gsyn_beta"])
    assert cell.celltype.conductance_based is None

    def connect(receptor, weight):
        synapse = sim.StaticSynapse(weight=weight, delay=1.0)
        return sim.Projection(
            source, cell, sim.OneToOneConnector(), synapse, receptor_type=receptor
        )

    connect("jump", -3.0)
    connect("beta", 0.02)
    with pytest.raises(errors.ConnectionError, match="positive for conductance"):
        connect("beta", -0.02)
    with pytest.raises(errors.ConnectionError, match="receptor_types must be one of"):
        connect("excitatory", 0.02)
    sim.run(10.0)
    assert samples(cell, "v")[30, 0] == pytest.approx(-68.0)
    assert samples(cell, "gsyn_beta").max() == pytest.approx(0.02, rel=1e-3)


def test_no_current_enters_where_none_is_taken(sim):
    cells = sim.Population(1, sim.native_cell_type(Slow)())
    with pytest.raises(TypeError, match="inject"):
        cells.inject(sim.DCSource())
    with pytest.raises(TypeError, match="into Slow, which takes none"):
        sim.DCSource().inject_into(cells)
    with pytest.raises(errors.RecordingError):
        cells.record("spikes")


class TestRefused:
    """What is no model, or an incomplete one."""

    @pytest.mark.parametrize("given", [3, None, Relaxation(), CurrentExponential, LeakyMembrane])
    def test_no_model(self, sim, given):
        with pytest.raises(TypeError, match="give a subclass of"):
            sim.native_cell_type(given)

    def test_names(self, sim):
        with pytest.raises(errors.InvalidModelError, match=r"'iaf' is not a model .* LIFCurrentA"):
            sim.native_cell_type("iaf")
        with pytest.raises(errors.InvalidModelError, match="LIF: it reads `input`"):
            sim.native_cell_type(ship_engine.LIF)
        with pytest.raises(errors.InvalidModelError, match="SpikeSourcePoisson only sends spikes"):
            sim.native_cell_type("SpikeSourcePoisson")

    @pytest.mark.parametrize(
        ("attributes", "text"),
        [
            ({"reset": None}, "no 'reset'"),
            ({"threshold": None}, "a 'reset', but no 'threshold'"),
            ({"held": ("x",)}, "does not say for how long; `refractory_period` names"),
            ({"held": ("x",), "refractory_period": "tau_ref"}, "'tau_ref', its refractory_period"),
            ({"refractory": "tau"}, "'refractory' means nothing to a Model, which knows advance_"),
            (
                {"states": Relaxation.states[0]},
                r"write `states = \(State\(.*\),\)`, with the comma",
            ),
            ({"reset_states": ("x",)}, r"'reset' returns a tuple of 2, but .* of 1 .*: \(x,\)"),
            ({"time_dep": staticmethod(lambda dt: dt)}, "'time_dep' returns no tuple"),
            (
                {"coefficients": ("decay", "more")},
                "'time_dep' returns a tuple of 1, but a tuple of 2",
            ),
            ({"coefficients": ("decay", "x")}, "'x' stands for several things"),
            ({"coefficients": ("decay", "dt")}, "'dt' stands for several things"),
            ({"coefficients": ()}, "'advance_timestep' asks for 'decay'"),
            ({"threshold": staticmethod(lambda x, top: x - top)}, "'threshold' asks for 'top'"),
            ({"ports": (Port("push", "y", "mV"),)}, "'y' in ports, held or reset_states"),
            (
                {"ports": (Port("push", "x", "mV", time_constant="tau_x"),)},
                "'tau_x', the time constant of its port 'push', is none of its parameters",
            ),
            ({"held": ("tau",)}, "'tau' in ports, held or reset_states"),
            ({"states": (*Relaxation.states[:2], State("n", 0.0, "blip"))}, "unit 'blip' of n"),
        ],
    )
    def test_mistakes(self, sim, attributes, text):
        with pytest.raises(errors.InvalidModelError, match=f"Changed: .*{text}"):
            sim.native_cell_type(changed(**attributes))

    def test_missing_functions(self, sim):
        empty = type("Empty", (Model,), {"states": (State("x", 0.0, "mV"),)})
        with pytest.raises(
            errors.InvalidModelError, match=r"'time_dep'.*`coefficients = \(\)` and"
        ):
            sim.native_cell_type(empty)
        empty.time_dep = staticmethod(lambda: ())
        with pytest.raises(errors.InvalidModelError, match="no function 'advance_timestep'"):
            sim.native_cell_type(empty)


class TestNamesOfPyNN:
    """A class with tables that do not fit the model, or each other, is refused when it is used."""

    @staticmethod
    def described(**attributes):
        names = {parameter.name: parameter.default for parameter in Relaxation.parameters}
        complete = {
            "model": Relaxation,
            "translations": build_translations(*((name, name) for name in names)),
            "default_parameters": names,
            "default_initial_values": {state.name: state.initial for state in Relaxation.states},
            "units": {"tau": "ms"},
            "recordable": ["spikes", "x"],
            "receptor_types": ("push",),
        }
        given = {name: value for name, value in (complete | attributes).items() if value}
        return type("Described", (CellModel, StandardCellType), given)

    def test_a_complete_class(self, sim):
        assert sim.Population(2, self.described()(tau=5.0)).get("tau") == 5.0

    @pytest.mark.parametrize(
        ("attributes", "text"),
        [
            ({"model": None}, "Described has no `model`; give it"),
            ({"translations": build_translations(("tau", "tau"))}, "translations .* lack 'bound'"),
            ({"default_parameters": {"tau": 10.0}}, "default_parameters .* lack 'bound'"),
            ({"receptor_types": ("push", "pull")}, "'pull' of Described is no port of Relaxation"),
        ],
    )
    def test_mistakes(self, sim, attributes, text):
        with pytest.raises(errors.InvalidModelError, match=text):
            self.described(**attributes)()
