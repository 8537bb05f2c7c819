"""Descriptions of one's own that cannot be computed are refused before anything is compiled."""

from __future__ import annotations

import numpy as np
import pytest

from ship_engine.elementwise import exp
from ship_engine.errors import InvalidValueError
from ship_engine.event_network import EventNetwork
from ship_engine.groups import NeuronGroup
from ship_engine.mistakes import mistakes_of_membrane
from ship_engine.models.base import Parameter, Port, State
from ship_engine.models.composition import Mechanism, Membrane, compose
from ship_engine.models.lif import LIFVoltageJump
from ship_engine.models.receptors import Receptor, VoltageJump
from ship_engine.synapses.base import Synapse


class Leak(Membrane):
    """dv/dt = -v / tau + current."""

    parameters = (
        Parameter("tau", 20.0, "ms"),
        Parameter("bound", 1.0, "mV"),
        Parameter("i_offset", 0.0, "nA"),
    )
    states = (State("v", 0.0, "mV"),)
    reset_states = ("v",)

    @staticmethod
    def derivative(v, current, tau):
        return (-v / tau + current,)

    @staticmethod
    def threshold(v, bound):
        return v - bound

    @staticmethod
    def reset():
        return (0.0,)


class Plain(Synapse):
    """Amount = weight."""

    @staticmethod
    def on_pre(weight):
        return (weight,)


def changed(base, **attributes):
    return type("Changed", (base,), attributes)


def test_nothing_is_wrong():
    assert [*mistakes_of_membrane(Leak)] == []
    assert compose("Leaky", Leak, {"jump": (VoltageJump, "")}).name == "Leaky"


def test_defaults_that_a_function_cannot_take_are_no_mistake():
    """How many values it returns is then not known."""

    def fails():
        raise OverflowError

    assert [*mistakes_of_membrane(changed(Leak, reset=staticmethod(fails)))] == []


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"threshold": None}, "no function 'threshold', which every membrane needs"),
        ({"derivative": staticmethod(lambda v: -v)}, "'derivative' returns no tuple"),
        (
            {"derivative": staticmethod(lambda v: (-v, 0.0))},
            r"'derivative' returns a tuple of 2, but a tuple of 1 is expected: \(v,\)",
        ),
        ({"reset_states": ()}, r"'reset' returns a tuple of 1, .* of 0 is expected, \(\)\."),
        ({"held": ("v",)}, "holds v after a spike, but does not say for how long"),
        ({"refractory_period": "tau_ref"}, "'tau_ref', its refractory_period, is none of its"),
        ({"refractory": "tau"}, "'refractory' means nothing to a Membrane, which knows alarm"),
        ({"states": Leak.states[0]}, r"write `states = \(State\(.*\),\)`, with the comma"),
    ],
)
def test_mistakes_of_membranes(attributes, text):
    with pytest.raises(InvalidValueError, match=f"Changed: .*{text}"):
        compose("Leaky", changed(Leak, **attributes), {})


class Decaying(Receptor):
    """d i/dt = -i / tau_in."""

    parameters = (Parameter("tau_in", 5.0, "ms"),)
    states = (State("i", 0.0, "nA"),)
    port = Port("", "i", "nA", time_constant="tau_in")
    coefficients = ("decay",)

    @staticmethod
    def time_dep(dt, tau_in):
        return (exp(-dt / tau_in),)

    @staticmethod
    def advance(i, decay):
        return (i * decay,)

    @staticmethod
    def current(i, v, tau):
        return i - 0.1 * v / tau


class Fatigue(Mechanism):
    """d w/dt = -w / tau_w; a spike adds 0.1 to w."""

    parameters = (Parameter("tau_w", 50.0, "ms"),)
    states = (State("w", 0.0, "nA"),)
    coefficients = ("decay",)

    @staticmethod
    def time_dep(dt, tau_w):
        return (exp(-dt / tau_w),)

    @staticmethod
    def advance(w, decay):
        return (w * decay,)

    @staticmethod
    def current(w, i_one):
        return -w * (1.0 + i_one)

    @staticmethod
    def after_spike(w):
        return (w + 0.1,)


def composed(receptor=Decaying, mechanism=Fatigue):
    membrane = changed(Leak, mechanisms=((mechanism, "_own"),))
    return compose("Whole", membrane, {"one": (receptor, "_one"), "two": (receptor, "_two")})


def test_nothing_is_wrong_with_parts():
    """They may ask for what the membrane has, and for what other parts have, by its full name."""
    network = EventNetwork(dt=0.1)
    cells = network.add(NeuronGroup(composed(), 2))
    assert [port.name for port in cells.model.ports] == ["one", "two"]
    network.run(3)


MISTAKES_OF_PARTS = [
    ({"time_dep": None}, r"no function 'time_dep', which has to return \(decay,\)"),
    ({"time_dep": 1.0}, r"time_dep = 1.0 is no function"),
    ({"current": 3.0}, r"current = 3.0 is no function"),
    ({"time_dep": staticmethod(lambda dt: 0.5)}, "'time_dep' returns no tuple"),
    ({"advance": staticmethod(lambda decay: (1.0, decay))}, "'advance' returns a tuple of 2"),
    ({"current": staticmethod(lambda v: (v,))}, "'current' returns a tuple; .* a number"),
    ({"conductance": staticmethod(lambda: None)}, "'conductance' returns a NoneType"),
    (
        {"current": staticmethod(lambda tau_i: tau_i)},
        "'current' asks for 'tau_i', which is neither",
    ),
    ({"advance": staticmethod(lambda dt: (dt,))}, "'advance' asks for 'dt', which is neither"),
    ({"coupling_coefficients": ("to_v",)}, r"no function 'coupling', .* \(to_v,\)"),
    ({"coefficients": "decay"}, r"coefficients = 'decay' is no tuple; write .*\('decay',\)"),
    ({"states": State("w", 0.0, "nA")}, r"states = State\(.* is no tuple"),
    ({"tau": 3.0}, "'tau' means nothing to a"),
]


@pytest.mark.parametrize(("attributes", "text"), MISTAKES_OF_PARTS)
def test_mistakes_of_parts(attributes, text):
    for name, base in (("receptor", Decaying), ("mechanism", Fatigue)):
        with pytest.raises(InvalidValueError, match=f"Changed: .*{text}"):
            composed(**{name: changed(base, **attributes)})


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        (
            {"after_spike": staticmethod(lambda w: (w,))},
            "'after_spike' means nothing to a Receptor",
        ),
        ({"coefficients": ("i",)}, "'i' stands for several things"),
        ({"port": None}, "no `port`, which says to which state weights are added"),
        (
            {"port": Port("", "i_in", "nA")},
            r"'i_in', to which its port adds, is none of the states",
        ),
        (
            {"port": Port("", "i", "nA", gain="k")},
            "'k', the gain of its port, is none of its names",
        ),
        (
            {"port": Port("", "i", "nA", time_constant="tau")},
            "'tau', the time_constant of its port",
        ),
    ],
)
def test_mistakes_of_receptors(attributes, text):
    with pytest.raises(InvalidValueError, match=f"Changed: .*{text}"):
        composed(receptor=changed(Decaying, **attributes))


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"after_spike": None}, r"no function 'after_spike', which has to return \(w,\)"),
        ({"after_spike": staticmethod(lambda w: w)}, "'after_spike' returns no tuple"),
        ({"after_spike": staticmethod(lambda q: (q,))}, "'after_spike' asks for 'q'"),
    ],
)
def test_mistakes_of_mechanisms(attributes, text):
    with pytest.raises(InvalidValueError, match=f"Changed: .*{text}"):
        composed(mechanism=changed(Fatigue, **attributes))


@pytest.mark.parametrize(
    "given", [Decaying, (Decaying,), ("Decaying", ""), (Leak, "_in"), (Decaying, 1), (Fatigue, "")]
)
def test_what_is_no_receptor(given):
    with pytest.raises(InvalidValueError, match="for the port 'in'; give a pair of a subclass of"):
        compose("Whole", Leak, {"in": given})


@pytest.mark.parametrize("given", [Fatigue, (Decaying, "_own"), (Fatigue, None)])
def test_what_is_no_mechanism(given):
    with pytest.raises(InvalidValueError, match=r"for `mechanisms`; .* subclass of Mechanism"):
        compose("Whole", changed(Leak, mechanisms=(given,)), {})


@pytest.mark.parametrize("given", [None, Leak(), Decaying, "Leak"])
def test_what_is_no_membrane(given):
    with pytest.raises(InvalidValueError, match="is no subclass of Membrane"):
        compose("Whole", given, {})


def test_mistakes_of_synapses():
    network = EventNetwork(dt=0.1)
    cells = network.add(NeuronGroup(LIFVoltageJump, 1))
    pairs = np.zeros(1, np.int32), np.zeros(1, np.int32)
    port = LIFVoltageJump.ports[0].name
    with pytest.raises(InvalidValueError, match=r"Changed: .*'on_pst' means nothing"):
        network.connect(cells, cells, port, pairs, model=changed(Plain, on_pst=None))
    assert network.connect(cells, cells, port, pairs, model=Plain).dynamics.model is Plain
