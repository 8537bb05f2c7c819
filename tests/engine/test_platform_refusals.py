"""What networks of the platform refuse, where it is written."""

from __future__ import annotations

import math

import pytest
import torch
from platform_examples import ones, small

from ship_engine import (
    LI,
    LIF,
    LeakySynapse,
    Link,
    ListInput,
    Network,
    Parameter,
    Poisson,
    SynapseModel,
    Wire,
    delayed,
    refractory,
    substeps,
    winner_take_all,
    winner_take_all_refractory,
)
from ship_engine.data import Events
from ship_engine.errors import (
    InvalidValueError,
    UnknownNameError,
)
from ship_engine.models.integrate_and_fire_generalized import (
    GIFConductanceExponential as Generalized,
)
from ship_engine.models.lif import LIFConductanceExponential, LIFCurrentExponential
from ship_engine.training.surrogates import SuperSpike

EXECUTORS = ("numba", "torch")


class NoOutput(SynapseModel):
    """Hands on nothing."""

    name = "NoOutput"

    @staticmethod
    def time_dep():
        return ()

    @staticmethod
    def advance_timestep():
        return ()


class WithThreshold(Link):
    """Spikes, though it is a synapse."""

    name = "WithThreshold"

    @staticmethod
    def threshold(input):
        return input

    @staticmethod
    def reset():
        return ()


class TwoInputs(LIFCurrentExponential):
    """Reads a sum that is not defined."""

    name = "TwoInputs"

    @staticmethod
    def output(input):
        return input


class CellType:
    """As PyNN has them."""

    model = LIF


ADDITIONS = {
    "an id twice": ((LIF, "N"), {"N": 1}, "a group 'N' already"),
    "an id that is no name": ((LIF, 3), {"N": 1}, "id 3"),
    "an id in a list": ((LIF, ["A"]), {"N": 1}, r"id \['A'\]"),
    "an empty id": ((LIF, ""), {"N": 1}, "id ''"),
    "no model": (("LIF", "A"), {"N": 1}, "model 'LIF'"),
    "a cell type of PyNN": ((CellType, "A"), {"N": 1}, "Write CellType.model"),
    "an instance": ((LIF(), "A"), {"N": 1}, "give a class"),
    "no size": ((LIF, "A"), {}, "no N"),
    "half a neuron": ((LIF, "A"), {"N": 2.5}, "N = 2.5"),
    "no neuron": ((LIF, "A"), {"N": 0}, "N = 0"),
    "text": ((LIF, "A"), {"N": 1, "tau_beta": "20 ms"}, "is text; give a number of ms"),
    "no truth": ((LIF, "A"), {"N": 1, "is_output": "no"}, "give True or False"),
    "a truth for a size": ((LIF, "A"), {"N": True}, "N = True"),
    "an unknown argument": ((LIF, "A"), {"N": 1, "tau_bet": 1.0}, "'tau_bet'.*'tau_beta'"),
    "neurons with a source": ((LIF, "A"), {"N": 1, "source": "I"}, "no group of synapses"),
    "synapses with a size": (
        (LeakySynapse, "A"),
        {"N": 6, "source": "I", "target": "N"},
        "follows from the groups",
    ),
    "no source": ((LeakySynapse, "A"), {"target": "N"}, "no source"),
    "neither end": ((LeakySynapse, "A"), {}, "no source and no target"),
    "a group in place of its id": ((LeakySynapse, "A"), {"source": LIF}, "give its name"),
    "a model that draws": ((Generalized, "A"), {"N": 1}, "draws random numbers"),
    "synapses without an output": ((NoOutput, "A"), {"source": "I", "target": "N"}, "no function"),
    "synapses that spike": ((WithThreshold, "A"), {"source": "I", "target": "N"}, "a threshold"),
    "ports and a sum": ((TwoInputs, "A"), {"N": 1}, "`input`, the sum of all that arrives"),
}


@pytest.mark.parametrize("case", ADDITIONS)
def test_what_add_refuses(case):
    arguments, options, message = ADDITIONS[case]
    net = small()
    with pytest.raises((InvalidValueError, UnknownNameError), match=message):
        net.add(*arguments, **options)
    assert list(net.groups) == ["I", "N", "S"]


CHANGES = {
    "an unknown source": ("S", {"source": "J"}, "no group 'J'"),
    "an unknown target": ("S", {"target": "n"}, "no group 'n'.*mean 'N'"),
    "synapses onto synapses": ("S", {"target": "S"}, "group of synapses"),
    "synapses onto an input": ("S", {"target": "I"}, "takes no input"),
    "an unknown port": ("S", {"port": "excitatory"}, "no port 'excitatory'"),
    "weights of another shape": ("S", {"w": torch.ones(2, 3)}, r"\[2, 3\].*source, target"),
    "a time constant of zero": ("N", {"tau_beta": 0.0}, "tau_beta = 0 ms in 'N'; it must be > 0"),
    "one bad value": ("N", {"tau_beta": [1.0, -2.0]}, "tau_beta = -2 ms"),
    "infinity": ("N", {"thr": math.inf}, "thr = inf"),
    "NaN": ("N", {"u": math.nan}, "contains NaN"),
    "too many values": ("N", {"thr": [1.0, 2.0, 3.0]}, r"shape \[3\]"),
    "values along the batch": ("N", {"thr": torch.ones(4)}, r"give it the shape \[4, 1\]"),
    "a function of three": ("N", {"thr": lambda a, b, c: 1.0}, "is called with"),
    "a function of text": ("N", {"thr": lambda b, n: "x"}, "is no number"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_init_refuses(case):
    id, arguments, message = CHANGES[case]
    net = small()
    net.set_params(id, **arguments)
    with pytest.raises((InvalidValueError, UnknownNameError), match=message):
        net.init(dt=1.0, batch_size=4)


def test_what_init_refuses_of_pairs():
    net = small()
    net.add(Link, "L", source="I", target="N")
    with pytest.raises(InvalidValueError, match="'I' has 3 and 'N' 2 components"):
        net.init(dt=1.0)
    net = small()
    net.add(LIFConductanceExponential, "C", N=1)
    net.add(Wire, "IC", source="I", target="C")
    with pytest.raises(InvalidValueError, match="ports excitatory, inhibitory; choose one"):
        net.init(dt=1.0)
    with pytest.raises(InvalidValueError, match="no groups"):
        Network().init(dt=1.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "dt = None"),
        ({"dt": 0.0}, "dt = 0.0 ms"),
        ({"dt": "1"}, "dt = '1'"),
        ({"dt": True}, "dt = True"),
        ({"dt": math.inf}, "dt = inf"),
        ({"dt": 1.0, "nts": 10, "time": 10.0}, "give one of them"),
        ({"dt": 1.0, "nts": 2.5}, "nts = 2.5"),
        ({"dt": 1.0, "nts": -1}, "nts = -1"),
        ({"dt": 1.0, "time": -1.0}, "time = -1.0"),
        ({"dt": 1.0, "batch_size": 0}, "batch_size = 0"),
    ],
)
def test_settings_that_init_refuses(options, message):
    with pytest.raises(InvalidValueError, match=message):
        small().init(**options)


EVENTS = Events([0], [0], [1], [0.5])
RUNS = {
    "no input": ((), "No input for 'I'"),
    "two inputs": ((ones(), ones()), "2 inputs for 1 groups"),
    "another group's": (({"J": ones()},), "no input 'J'"),
    "another shape": ((ones(size=2),), r"\[1, 10, 2\]; it must be .* 3\]"),
    "no batch": ((torch.ones(10, 3),), r"\[10, 3\]"),
    "another length": ((ones(steps=9),), "9 time steps, but the run 10"),
    "another batch": ((ones(batch=3),), "3 samples, but the batch size is 2"),
    "NaN": ((ones() * math.nan,), "NaN or infinite"),
    "text": (("spikes",), "is str, not a tensor"),
    "events": ((EVENTS,), r"no time steps yet; give events_to_batch\(\[events\]"),
}


@pytest.mark.parametrize("case", RUNS)
def test_what_run_refuses(case):
    inputs, message = RUNS[case]
    net = small()
    net.init(dt=1.0, nts=10, batch_size=2)
    with pytest.raises((InvalidValueError, UnknownNameError), match=message):
        net.run(*inputs)


def test_runs_that_cannot_be():
    net = small()
    with pytest.raises(InvalidValueError, match="not ready"):
        net.run(ones())
    with pytest.raises(InvalidValueError, match="not ready"):
        net.stack()
    net.init(dt=1.0)
    with pytest.raises(InvalidValueError, match="no run to resume"):
        net.run(ones(), resume=True)
    with pytest.raises(InvalidValueError, match="0 time steps"):
        net.run(ones(steps=0))
    with pytest.raises(InvalidValueError, match="dt = -1"):
        net.run_multisteps([(1.0, 5), (-1.0, 5)], ones())
    net.run(ones())
    net.set_monitor("N", "u")
    with pytest.raises(InvalidValueError, match="no run to resume"):
        net.run(ones(), resume=True)
    lonely = Network()
    lonely.add(Poisson, "P", N=1)
    lonely.init(dt=1.0)
    with pytest.raises(InvalidValueError, match="How long is the run"):
        lonely.run()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (torch.ones(2, 5, 3), "give a list"),
        ([], "give a list"),
        (EVENTS, r"give a list of events.to_tensor\(dt\)"),
        ([EVENTS], r"give a list of events.to_tensor\(dt\)"),
        ([torch.ones(5, 2)], r"Sequence 0 of 'L' has the shape \[5, 2\]"),
        ([torch.ones(11, 3)], "11 time steps in a sequence, but the run 10"),
    ],
)
def test_lists_that_are_refused(given, message):
    net = Network()
    net.add(ListInput, "L", N=3)
    net.init(dt=1.0, nts=10)
    with pytest.raises(InvalidValueError, match=message):
        net.run(given)


def test_names_that_are_unknown():
    net = small()
    with pytest.raises(UnknownNameError, match="no group 'M'"):
        net.set_monitor("M", "u")
    with pytest.raises(UnknownNameError, match="no quantity 'v'"):
        net.set_monitor("N", "v")
    with pytest.raises(UnknownNameError, match="no quantity 'spike_count'"):
        net.set_monitor("S", "spike_count")
    with pytest.raises(InvalidValueError, match="Give names"):
        net.set_monitor("N")
    with pytest.raises(UnknownNameError, match=r"no group 'n'.*mean 'N'"):
        net.set_params("n", thr=2.0)
    with pytest.raises(UnknownNameError, match="3 is no id"):
        net.remove(3)
    with pytest.raises(InvalidValueError, match="connected by 'S'"):
        net.remove("N")
    with pytest.raises(UnknownNameError, match="no entry 'M'"):
        net.get_monitored_results()["M"]
    with pytest.raises(AttributeError, match="no entry 'M'"):
        net.get_monitored_results().M  # noqa: B018


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"executor": "numpy"}, "executor = 'numpy'"),
        ({"dtype": torch.int32}, "dtype = torch.int32"),
        ({"device": "nowhere"}, "'nowhere' cannot be used"),
        ({"device": "meta"}, "on the CPU, not on 'meta'"),
        ({"surrogate": SuperSpike()}, "no use for a surrogate"),
        ({"executor": "torch", "surrogate": "steep"}, "such as SuperSpike"),
    ],
)
def test_networks_that_cannot_be(options, message):
    with pytest.raises(InvalidValueError, match=message):
        Network(**options)


@pytest.mark.parametrize(
    ("wrap", "message"),
    [
        (lambda: refractory(LI), "never spikes"),
        (lambda: refractory(refractory(LIF)), "set its parameter 'refr_time'"),
        (lambda: refractory(3), "give a model"),
        (lambda: delayed(delayed(LIF)), "delayed already"),
        (lambda: winner_take_all(LI), "none of its components wins"),
        (lambda: winner_take_all(winner_take_all(LIF)), "takes all already"),
        (lambda: winner_take_all_refractory(LIF), "no refractory period to share"),
        (lambda: substeps(LIF, 0), "a whole number >= 1"),
        (lambda: substeps(LIF, 1.5), "a whole number >= 1"),
        (lambda: delayed(WithDelay), "a parameter 'delay_time' already"),
    ],
)
def test_wrappers_that_do_not_fit(wrap, message):
    with pytest.raises(InvalidValueError, match=message):
        wrap()


class WithDelay(LIF):
    """Has a parameter of that name."""

    parameters = (*LIF.parameters, Parameter("delay_time", 1.0, "ms"))
