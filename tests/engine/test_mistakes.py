"""Descriptions of one's own that cannot be computed are refused before anything is compiled."""

from __future__ import annotations

import numpy as np
import pytest

from ship_engine.errors import InvalidValueError
from ship_engine.groups import NeuronGroup
from ship_engine.mistakes import mistakes_of_membrane
from ship_engine.models.base import Parameter, State
from ship_engine.models.composition import Membrane, compose
from ship_engine.models.lif import LIFVoltageJump
from ship_engine.models.receptors import VoltageJump
from ship_engine.network import Network
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


def test_mistakes_of_synapses():
    network = Network(dt=0.1)
    cells = network.add(NeuronGroup(LIFVoltageJump, 1))
    pairs = np.zeros(1, np.int32), np.zeros(1, np.int32)
    port = LIFVoltageJump.ports[0].name
    with pytest.raises(InvalidValueError, match=r"Changed: .*'on_pst' means nothing"):
        network.connect(cells, cells, port, pairs, model=changed(Plain, on_pst=None))
    assert network.connect(cells, cells, port, pairs, model=Plain).dynamics.model is Plain
