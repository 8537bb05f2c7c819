"""Models of one's own: names, constants, composition, and what arrives."""

from __future__ import annotations

import functools
import gc
import math
import weakref

import numpy as np
import pytest

from ship_engine.errors import InvalidValueError
from ship_engine.event_network import EventNetwork
from ship_engine.executors.numba_cpu import NumbaExecutor
from ship_engine.groups import NeuronGroup, SpikeArrayGroup
from ship_engine.lowering.cache import KernelCache
from ship_engine.lowering.kernels import model_kernel
from ship_engine.models.base import Model, Parameter, Port, State, argument_names
from ship_engine.models.composition import compose
from ship_engine.models.lif import (
    LeakyMembrane,
    LIFCurrentAlpha,
    LIFCurrentExponential,
    LIFVoltageJump,
)
from ship_engine.models.receptors import ConductanceExponential

PAIR = (np.zeros(1, np.int32), np.zeros(1, np.int32))


class Izhikevich(Model):
    """Euler steps, with the names that a kernel might use for itself."""

    name = "IzhikevichTest"
    parameters = (
        Parameter("a", 0.02, "1/ms"),
        Parameter("b", 0.2, "1/ms"),
        Parameter("i", 10.0, "mV/ms"),
        Parameter("offset", -65.0, "mV"),
    )
    states = (State("v", -65.0, "mV"), State("u", -13.0, "mV/ms"), State("x", 0.0, "ms"))
    ports = (Port("G", "v", "mV"),)
    coefficients = ("found",)
    reset_states = ("v", "u")

    @staticmethod
    def time_dep(dt):
        return (dt,)

    @staticmethod
    def advance_timestep(v, u, x, a, b, i, found, i_inj):
        slope = 0.04 * v * v + 5.0 * v + 140.0 - u + i + i_inj
        return v + found * slope, u + found * a * (b * v - u), x + found

    @staticmethod
    def threshold(v):
        return v - 30.0

    @staticmethod
    def reset(offset, u):
        return offset, u + 8.0


@pytest.mark.parametrize("injected", [False, True])
def test_a_models_names_are_its_own(kernel_cache, injected):
    from ship_engine.executors.torch_autograd import TorchExecutor

    found = []
    for executor in (NumbaExecutor(kernel_cache), TorchExecutor()):
        network = EventNetwork(0.1, executor=executor, cache=kernel_cache)
        values = {"a": [0.02, 0.1]} if injected else {}
        group = network.add(NeuronGroup(Izhikevich, 2, "cells", values))
        monitor = network.record_spikes(group, slice(None))
        network.run(1000)
        found.append((monitor.count, monitor.spikes(network.clock)[1], group.states.copy()))
    assert found[0][0] == found[1][0] > 4
    for one, other in zip(found[0][1:], found[1][1:], strict=True):
        np.testing.assert_allclose(one, other, rtol=0.0, atol=1e-7)


def shifted_reset(jump):
    return lambda v_reset: (v_reset + jump,)


def test_a_changed_constant_is_a_changed_kernel(tmp_path):
    cache = KernelCache(tmp_path)
    for jump in (3.0, 9.0):
        reset = shifted_reset(jump)
        model = type("Changed", (LIFVoltageJump,), {"reset": staticmethod(reset)})
        model_kernel(cache, model, True)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", ["step", "current", "v_slope1", "current1"])
def test_names_that_a_composition_uses_are_refused(name):
    membrane = type(
        "Membrane",
        (LeakyMembrane,),
        {"parameters": (*LeakyMembrane.parameters, Parameter(name, 1.0, "ms"))},
    )
    with pytest.raises(InvalidValueError, match=f"'{name}' of Taken is a name"):
        compose("Taken", membrane, {"excitatory": (ConductanceExponential, "_exc")})


def test_two_receptors_of_one_name_are_refused():
    receptors = dict.fromkeys(("one", "two"), (ConductanceExponential, "_syn"))
    with pytest.raises(InvalidValueError, match="'e_syn_syn' of Twice"):
        compose("Twice", LeakyMembrane, receptors)


def driven(network, model, weight, **parameters):
    source = network.add(SpikeArrayGroup(1, "source"))
    source.set_spike_times([np.array([1.0])])
    target = network.add(NeuronGroup(model, 1, "target", parameters))
    projection = network.connect(source, target, model.ports[0].name, PAIR, weight, 1)
    return target, projection


@pytest.mark.parametrize("precision", ["off_grid", "on_grid"])
def test_a_jump_over_the_threshold_is_a_spike_even_if_it_decays_at_once(executor, precision):
    network = EventNetwork(0.1, executor=executor(), spike_precision=precision)
    target, _ = driven(network, LIFVoltageJump, 15.02)
    monitor = network.record_spikes(target, slice(None))
    network.run(30)
    assert monitor.count == 1


@pytest.mark.parametrize("tau_m", [1e-5, 1e-4, 0.1])
def test_short_time_constants_do_not_overflow(tau_m):
    for model in (LIFCurrentExponential, LIFCurrentAlpha):
        values = {p.name: p.default for p in model.parameters} | {"tau_m": tau_m, "dt": 0.1}
        names = model.time_dep.__code__.co_varnames[: model.time_dep.__code__.co_argcount]
        assert np.isfinite(model.time_dep(*[values[name] for name in names])).all()


def test_samples_follow_parameters_that_change_between_runs(kernel_cache):
    network = EventNetwork(0.1, cache=kernel_cache)
    target, _ = driven(network, LIFCurrentAlpha, 1.0, tau_syn_exc=5.0)
    monitor = network.record_state(target, "isyn_rise_exc", np.array([0]))
    network.run(5)
    target.set(None, tau_syn_exc=0.5)
    network.run(8)
    assert monitor.samples[11, 0] == pytest.approx(np.e / 0.5)


def test_an_executor_does_not_keep_networks_alive(kernel_cache):
    executor = NumbaExecutor(kernel_cache)
    network = EventNetwork(0.1, executor=executor, cache=kernel_cache)
    network.add(NeuronGroup(LIFVoltageJump, 1))
    network.run(1)
    gone = weakref.ref(network)
    del network
    gc.collect()
    assert gone() is None


def test_weights_and_delays_change_between_runs(kernel_cache):
    network = EventNetwork(0.1, cache=kernel_cache)
    target, projection = driven(network, LIFVoltageJump, 1.0, v_thresh=1e3, tau_m=1e9)
    projection.set(weight=2.5, delay=30)
    network.run(60)
    assert target["v"][0] == pytest.approx(-62.5)
    for values, text in (
        ({"weight": [1.0, 2.0]}, "one for all or one for each"),
        ({"weight": np.nan}, "must be finite"),
        ({"delay": -1}, "must be >= 0"),
    ):
        with pytest.raises(InvalidValueError, match=text):
            projection.set(**values)
    assert (projection.synapses.weight[0], projection.synapses.delay[0]) == (2.5, 30)


class Ramp(Model):
    """Its defaults are written without a point."""

    name = "Ramp"
    parameters = (Parameter("slope", 2, "mV/ms"),)
    states = (State("v", -65, "mV"),)

    @staticmethod
    def time_dep():
        return ()

    @staticmethod
    def advance_timestep(v, dt, slope):
        return (v + dt * slope,)


def test_whole_numbers_as_defaults(kernel_cache):
    network = EventNetwork(dt=0.5, executor=NumbaExecutor(kernel_cache), cache=kernel_cache)
    group = network.add(NeuronGroup(Ramp, 2))
    network.run(4)
    np.testing.assert_allclose(group.states[0], -61.0)


def wrapped(function):
    return functools.wraps(function)(lambda *numbers: function(*numbers))


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (lambda: 0.0, ()),
        (lambda v, tau=1.0: v, ("v", "tau")),
        (lambda v, *, tau: v, ("v", "tau")),
        (lambda v, /, tau: [w + tau for w in (v,)], ("v", "tau")),
        (lambda v, *rest, tau, **more: v, ("v", "rest", "tau", "more")),
        (wrapped(lambda v, tau: v), ("v", "tau")),
        (functools.partial(lambda v, tau: v, 1.0), ("tau",)),
        (math.exp, ("x",)),
    ],
)
def test_names_that_functions_ask_for(function, names):
    assert argument_names(function) == names
