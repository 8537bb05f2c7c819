"""Neurons that adapt, shoot up, have gates, or spike at random, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy
import torch
from scipy import stats
from scipy.linalg import expm

from ship_engine.event_network import EventNetwork
from ship_engine.groups import NeuronGroup
from ship_engine.models.adaptive_exponential import (
    AdaptiveExponentialConductanceExponential as AdEx,
)
from ship_engine.models.adaptive_exponential import AdaptiveExponentialMembrane
from ship_engine.models.base import argument_names
from ship_engine.models.hodgkin_huxley import HodgkinHuxleyTraub, TraubMembrane, reciprocal_exprel
from ship_engine.models.integrate_and_fire_generalized import (
    GIFConductanceExponential as GIF,
)
from ship_engine.models.integrate_and_fire_generalized import StochasticMembrane
from ship_engine.models.izhikevich import Izhikevich, IzhikevichMembrane
from ship_engine.models.lif_variants import AdaptingMembrane, HardwareMembrane, LIFAdapting

DRIVE = {AdEx: 1.0, Izhikevich: 0.01, HodgkinHuxleyTraub: 0.3, LIFAdapting: 1.2}
DRIVEN = pytest.mark.parametrize("model", DRIVE, ids=lambda model: model.name)
MEMBRANES = (
    AdaptiveExponentialMembrane,
    IzhikevichMembrane,
    TraubMembrane,
    AdaptingMembrane,
    HardwareMembrane,
    StochasticMembrane,
)


def run(model, duration, kernel_cache, dt=0.1, size=1, initial=None, **parameters):
    """A group after a run, and the spike times of its cells."""
    network = EventNetwork(dt, seed=3, cache=kernel_cache)
    group = network.add(NeuronGroup(model, size, "cells", parameters))
    for name, value in (initial or {}).items():
        group.initialize(name, value)
    monitor = network.record_spikes(group, slice(None))
    network.run(round(duration / dt))
    cells, times = monitor.spikes(network.clock)
    return group, [np.sort(times[cells == k]) for k in range(size)]


@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_potential_and_adaptation_are_coupled(kernel_cache, dt):
    """Without an upstroke they follow a linear equation."""
    p = {"delta_T": 0.0, "v_thresh": 1e3, "i_offset": 0.3, "a": 8.0, "tau_w": 30.0}
    group, _ = run(AdEx, 40.0, kernel_cache, dt, **p)
    g = 0.281 / 9.3667
    matrix = np.array([[-g / 0.281, -1.0 / 0.281], [8e-3 / 30.0, -1.0 / 30.0]])
    rest = np.linalg.solve(matrix, [-0.3 / 0.281, 0.0])
    x, w = rest - expm(40.0 * matrix) @ rest
    np.testing.assert_allclose([group["v"][0] + 70.6, group["w"][0]], [x, w], rtol=1e-7)


@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_adaptation_goes_on_while_the_potential_is_held(kernel_cache, dt):
    p = {"tau_refrac": 200.0, "v_reset": -60.0, "i_offset": 1.0, "tau_w": 50.0}
    group, (times,) = run(AdEx, 100.0, kernel_cache, dt, **p)
    (spike,) = times
    assert group["v"][0] == -60.0
    steady, decay = 4e-3 * 10.6, math.exp(-(100.0 - spike) / 50.0)
    network = EventNetwork(1e-3, cache=kernel_cache)
    other = network.add(NeuronGroup(AdEx, 1, "fine", p))
    network.run(round(spike / 1e-3) - 1)
    at_spike = other["w"][0] + 0.0805
    assert group["w"][0] == pytest.approx(steady + (at_spike - steady) * decay, abs=1e-5)


def test_without_upstroke_it_is_a_leaky_neuron(kernel_cache):
    p = {"delta_T": 0.0, "a": 0.0, "b": 0.0, "tau_refrac": 3.0, "i_offset": 1.0}
    _, (times,) = run(AdEx, 100.0, kernel_cache, **p)
    reach = 9.3667 / 0.281
    first = 9.3667 * math.log(reach / (reach - 20.2))
    expected = first + (3.0 + first) * np.arange(times.size)
    np.testing.assert_allclose(times, expected, rtol=0.0, atol=1e-5)


@pytest.mark.parametrize("dt", [0.1, 1.0])
@pytest.mark.parametrize(
    ("v_spike", "delta_T"), [(-40.0, 2.0), (0.0, 2.0), (20.0, 2.0), (20.0, 0.5), (20.0, 0.02)]
)
def test_upstrokes(kernel_cache, dt, v_spike, delta_T):
    """Where the upstroke ends hardly matters, nor how long a time step is."""
    lower = min(v_spike, -50.4 + 14.0 * delta_T)
    values = {"i_offset": 1.0, "delta_T": delta_T}
    _, (times,) = run(AdEx, 300.0, kernel_cache, dt, v_spike=v_spike, **values)
    _, (expected,) = run(AdEx, 300.0, kernel_cache, 2e-3, v_spike=lower, **values)
    assert times.size == expected.size > 9
    np.testing.assert_allclose(times, expected, rtol=0.0, atol=2e-3)


def test_quadratic_upstroke(kernel_cache):
    """With u constant, v follows a tangent."""
    _, (times,) = run(Izhikevich, 100.0, kernel_cache, a=0.0, i_offset=0.02, d=0.0, c=-60.0)
    constant = 140.0 + 14.0 + 20.0
    frequency = math.sqrt(4.0 * 0.04 * constant - 25.0) / 2.0

    def phase(v):
        return math.atan((0.04 * v + 2.5) / frequency) / frequency

    first = phase(30.0) - phase(-70.0)
    assert times.size > 10
    assert times[0] == pytest.approx(first, abs=1e-4)
    np.testing.assert_allclose(np.diff(times), phase(30.0) - phase(-60.0), rtol=0.0, atol=1e-4)


@pytest.mark.parametrize("v", [-80.0, -50.0, -48.0, -23.0, 20.0])
def test_gates_relax(kernel_cache, v):
    """At a potential that hardly moves each gate relaxes exponentially; so at the singular ones."""
    u = v + 63.0

    def linoid(x, scale):
        return scale if x == 0.0 else x / math.expm1(x / scale)

    rates = {
        "m": (0.32 * linoid(13.0 - u, 4.0), 0.28 * linoid(u - 40.0, 5.0)),
        "h": (0.128 * math.exp((17.0 - u) / 18.0), 4.0 / (1.0 + math.exp((40.0 - u) / 5.0))),
        "n": (0.032 * linoid(15.0 - u, 5.0), 0.5 * math.exp((10.0 - u) / 40.0)),
    }
    group, _ = run(HodgkinHuxleyTraub, 0.2, kernel_cache, 1e-3, cm=1e12, initial={"v": v})
    for name, (alpha, beta) in rates.items():
        steady, start = alpha / (alpha + beta), {"m": 0.0, "h": 1.0, "n": 0.0}[name]
        expected = steady + (start - steady) * math.exp(-0.2 * (alpha + beta))
        assert group[name][0] == pytest.approx(expected, rel=1e-7, abs=1e-10)


def test_linoid_function_is_smooth():
    x = np.array([-1e-3, -1e-9, 0.0, 1e-9, 0.999e-3, 1e-3, 1.001e-3])
    exact = np.array([1.0 - y / 2.0 + y * y / 12.0 - y**4 / 720.0 for y in x])
    np.testing.assert_allclose(reciprocal_exprel(x, np.exp(x)), exact, rtol=1e-12)


def test_a_spike_with_gates_is_a_maximum(kernel_cache):
    """At its time v neither rises nor falls; no second spike follows within 2 ms."""
    _, (times,) = run(HodgkinHuxleyTraub, 50.0, kernel_cache, i_offset=0.3)
    network = EventNetwork(0.001, cache=kernel_cache)
    group = network.add(NeuronGroup(HodgkinHuxleyTraub, 1, "fine", {"i_offset": 0.3}))
    monitor = network.record_state(group, "v", np.array([0]))
    network.run(50000)
    v = monitor.samples[:, 0]
    top = np.flatnonzero((v[1:-1] > v[:-2]) & (v[1:-1] >= v[2:]) & (v[1:-1] > -33.0)) + 1
    np.testing.assert_allclose(times, top * 0.001, rtol=0.0, atol=5e-3)
    assert not HodgkinHuxleyTraub.jumps()
    assert Izhikevich.jumps()


def test_spikes_open_conductances(kernel_cache):
    p = {"i_offset": 1.0, "q_s": 15.0, "q_r": 3000.0, "tau_s": 100.0, "tau_r": 2.0}
    group, (times,) = run(LIFAdapting, 60.0, kernel_cache, **p)
    since = 60.0 - times
    assert times.size > 0
    assert group["g_s"][0] == pytest.approx(15.0 * np.exp(-since / 100.0).sum(), rel=1e-9)
    assert group["g_r"][0] == pytest.approx(3000.0 * np.exp(-since / 2.0).sum(), rel=1e-9)


@DRIVEN
def test_long_time_steps_are_divided(kernel_cache, model):
    drive = {"i_offset": DRIVE[model]}
    _, (fine,) = run(model, 100.0, kernel_cache, 0.01, **drive)
    _, (coarse,) = run(model, 100.0, kernel_cache, 1.0, **drive)
    assert coarse.size == fine.size > 2
    np.testing.assert_allclose(coarse, fine, rtol=0.0, atol=5e-3)


@DRIVEN
def test_every_parameter_may_differ_between_cells(kernel_cache, model):
    """Each cell does what it does alone."""
    for parameter in model.parameters:
        values = {"i_offset": np.full(3, DRIVE[model])}
        start = DRIVE[model] if parameter.name == "i_offset" else parameter.default
        values[parameter.name] = start + np.arange(3) * (0.02 * abs(start) or 0.1)
        together, times = run(model, 15.0, kernel_cache, size=3, **values)
        for cell in range(3):
            alone = {name: value[cell] for name, value in values.items()}
            group, (expected,) = run(model, 15.0, kernel_cache, **alone)
            np.testing.assert_allclose(times[cell], expected, rtol=0.0, atol=1e-9)
            np.testing.assert_allclose(together.states[:, cell], group.states[:, 0], rtol=1e-8)


class TestRandomSpikes:
    quiet = {f"a_{name}_{k}": 0.0 for name in ("eta", "gamma") for k in (1, 2, 3)}

    @pytest.mark.parametrize("tau_refrac", [0.0, 4.0])
    def test_intervals_at_a_constant_potential(self, kernel_cache, tau_refrac):
        """They are exponentially distributed, behind the refractory period."""
        p = {"v_t_star": -65.0, "lambda0": 200.0, "tau_refrac": tau_refrac}
        _, trains = run(GIF, 2000.0, kernel_cache, size=40, **self.quiet, **p)
        intervals = np.concatenate([np.diff(train) for train in trains]) - tau_refrac
        assert intervals.size > 5000
        assert stats.kstest(intervals, "expon", args=(0.0, 5.0)).pvalue > 0.01
        first = np.array([train[0] for train in trains])
        assert stats.kstest(first, "expon", args=(0.0, 5.0)).pvalue > 0.01

    def test_hazard_follows_the_potential(self, kernel_cache):
        p = {"v_t_star": -60.0, "delta_v": 2.0, "lambda0": 1e-3, "v_rest": -50.0}
        group, _ = run(GIF, 30.0, kernel_cache, **self.quiet, **p, initial={"target": 1e9})
        t = np.linspace(0.0, 30.0, 20001)
        v = -50.0 - 15.0 * np.exp(-t / 20.0)
        rate = 1e-6 * np.exp((v + 60.0) / 2.0)
        exact = ((rate[1:] + rate[:-1]) / 2.0).sum() * (t[1] - t[0])
        assert group["hazard"][0] == pytest.approx(exact, rel=1e-6)

    def test_threshold_and_current_after_spikes(self, kernel_cache):
        p = {"i_offset": 1.5, "lambda0": 20.0, "a_eta_1": 0.1, "a_eta_2": 0.2, "a_eta_3": 0.05}
        group, (times,) = run(GIF, 100.0, kernel_cache, **p)
        assert times.size > 1
        decays = [np.exp(-(100.0 - times) / tau).sum() for tau in (10.0, 10.0, 10.0)]
        assert group["i_eta"][0] == pytest.approx(np.dot([0.1, 0.2, 0.05], decays), rel=1e-9)
        assert group["v_t"][0] == pytest.approx(-48.0 + sum(decays), rel=1e-9)

    def test_every_epoch_has_its_own_numbers(self, kernel_cache):
        network = EventNetwork(0.1, seed=3, cache=kernel_cache)
        p = {"v_t_star": -65.0, "lambda0": 200.0}
        group = network.add(NeuronGroup(GIF, 4, "cells", p))
        monitor = network.record_spikes(group, slice(None))
        trains = []
        for _ in range(2):
            network.run(500)
            trains.append(monitor.spikes(network.clock)[1])
            network.reset()
        _, again = run(GIF, 50.0, kernel_cache, size=4, **p)
        np.testing.assert_array_equal(np.sort(np.concatenate(again)), np.sort(trains[0]))
        assert trains[0].size != trains[1].size or not np.array_equal(*trains)


@pytest.mark.parametrize("membrane", MEMBRANES, ids=lambda membrane: membrane.__name__)
def test_sympy_differentiates_the_derivative(membrane):
    """Its derivatives are those that autograd finds."""
    values = {p.name: p.default for p in membrane.parameters} | {"dt": 0.1, "current": 0.2}
    values |= {"v": -55.0, "w": 0.1, "u": -10.0, "m": 0.2, "h": 0.4, "n": 0.3}
    values |= {f"gamma_{k}": float(k) for k in (1, 2, 3)}
    wanted = argument_names(membrane.rates) if membrane.rates else ()
    rates = membrane.rates(*(values[name] for name in wanted)) if membrane.rates else ()
    values |= dict(zip(membrane.rate_coefficients, map(float, rates), strict=True))
    names = argument_names(membrane.derivative)
    symbols = sympy.symbols(names, real=True)
    matrix = sympy.Matrix(membrane.derivative(*symbols)).jacobian(symbols)
    exact = np.array(sympy.lambdify(symbols, matrix)(*(values[n] for n in names)))
    tensors = tuple(torch.tensor(values[name], dtype=torch.float64) for name in names)
    found = torch.autograd.functional.jacobian(
        lambda *arguments: torch.stack(membrane.derivative(*arguments)), tensors
    )
    np.testing.assert_allclose(torch.stack(found, 1).numpy(), exact, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("model", [*DRIVE, GIF], ids=lambda model: model.name)
def test_simulate_does_what_run_does(model):
    from ship_engine.executors.torch_autograd import TorchExecutor

    p = {"i_offset": DRIVE.get(model, 1.0)}
    p |= {"lambda0": 50.0, "v_t_star": -60.0} if model is GIF else {}
    steps = 100 if model is HodgkinHuxleyTraub else 300
    executor = TorchExecutor()
    network = EventNetwork(0.1, 3, "on_grid", executor)
    group = network.add(NeuronGroup(model, 3, "cells", p))
    factor = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    drive = factor * p["i_offset"]
    found = executor.simulate(
        network, steps, parameters={(group, "i_offset"): drive}, record=[(group, "v")]
    )
    monitor = network.record_spikes(group, slice(None))
    network.run(steps)
    spikes = found.spikes[group].detach()
    assert spikes.sum() == monitor.count > 0
    np.testing.assert_allclose(
        found.states[group, "v"][0, -1].detach().numpy(), group["v"], rtol=1e-9
    )
    found.states[group, "v"].sum().backward()
    assert torch.isfinite(factor.grad)
