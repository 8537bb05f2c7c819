"""Neurons in NESTML compute what the engine's own models, and closed forms, do."""

from __future__ import annotations

import math

import nestml_texts as texts
import numpy as np
import pytest

from ship_engine.event_network import EventNetwork
from ship_engine.groups import NeuronGroup, SpikeArrayGroup
from ship_engine.models import lif
from ship_engine.models.base import argument_names
from ship_engine.models.hodgkin_huxley import HodgkinHuxleyTraub

pytest.importorskip("pynestml")

OWN = {
    "v_rest": -65.0,
    "cm": 1.0,
    "tau_m": 20.0,
    "tau_refrac": 1.5,
    "i_offset": 0.0,
    "v_reset": -62.0,
    "v_thresh": -50.0,
    "tau_syn_exc": 5.0,
    "tau_syn_inh": 8.0,
}
REVERSAL = {"e_syn_exc": 0.0, "e_syn_inh": -80.0}
PAIRS = {
    "exponential": (texts.EXPONENTIAL, lif.LIFCurrentExponential, OWN, (0.6, -0.4)),
    "alpha": (texts.ALPHA, lif.LIFCurrentAlpha, OWN, (0.6, -0.4)),
    "delta": (texts.DELTA, lif.LIFVoltageJump, {**OWN, "tau_syn_exc": None}, (3.0, -2.0)),
    "conductance": (
        texts.CONDUCTANCE,
        lif.LIFConductanceExponential,
        {**OWN, **REVERSAL},
        (0.02, 0.008),
    ),
    "conductance alpha": (
        texts.CONDUCTANCE_ALPHA,
        lif.LIFConductanceAlpha,
        {**OWN, **REVERSAL},
        (0.02, 0.008),
    ),
}


def simulate(model, parameters, weights, kernel_cache, duration=120.0, dt=0.1, potential="V_m"):
    """Spike times, and the potential at the end of every step, under irregular input."""
    network = EventNetwork(dt, cache=kernel_cache)
    cell = network.add(NeuronGroup(model, 1, "cell", parameters))
    generator = np.random.default_rng(5)
    for receptor, weight in zip(("excitatory", "inhibitory"), weights, strict=False):
        source = network.add(SpikeArrayGroup(1))
        source.set_spike_times([np.sort(generator.uniform(1.0, duration - 5.0, 40))])
        pair = np.array([0], np.int32), np.array([0], np.int32)
        network.connect(source, cell, receptor, pair, weight=weight, delay=round(1.0 / dt))
    spikes = network.record_spikes(cell, slice(None))
    states = network.record_state(cell, potential, np.array([0]))
    network.run(round(duration / dt))
    return spikes.spikes(network.clock)[1], states.samples[:, 0].copy()


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("current", [0.9, 1.2])
def test_leaky_neurons_are_those_of_the_engine(kernel_cache, kind, current):
    text, model, own, weights = PAIRS[kind]
    own = {n: v for n, v in own.items() if n in {p.name for p in model.parameters}}
    own["i_offset"] = current
    expected = simulate(model, own, weights, kernel_cache, potential="v")
    given = {"I_e": 1000.0 * current}
    found = simulate(texts.model_of(text), given, weights, kernel_cache)
    assert len(expected[0]) > 2
    np.testing.assert_allclose(found[0], expected[0], rtol=0.0, atol=1e-6)
    np.testing.assert_allclose(found[1], expected[1], rtol=0.0, atol=1e-5)
    if kind in ("exponential", "alpha", "delta"):
        np.testing.assert_allclose(found[0], expected[0], rtol=0.0, atol=1e-9)
        np.testing.assert_allclose(found[1], expected[1], rtol=0.0, atol=1e-9)


def test_both_executors_run_them(executor):
    found = []
    for model, given in (
        (texts.model_of(texts.CONDUCTANCE_ALPHA), {"I_e": [1000.0, 1500.0]}),
        (lif.LIFConductanceAlpha, {**OWN, **REVERSAL, "i_offset": [1.0, 1.5]}),
    ):
        network = EventNetwork(0.1, executor=executor())
        cells = network.add(NeuronGroup(model, 2, "cells", given))
        source = network.add(SpikeArrayGroup(1))
        source.set_spike_times([np.array([3.0, 9.0])])
        pairs = np.array([0, 0], np.int32), np.array([0, 1], np.int32)
        network.connect(source, cells, "excitatory", pairs, weight=0.05, delay=5)
        monitor = network.record_spikes(cells, slice(None))
        network.run(400)
        found.append(monitor.spikes(network.clock)[1])
    assert len(found[1]) == 11
    np.testing.assert_allclose(*found, rtol=0.0, atol=1e-6)


DRIVES = {
    "x' = -x / a + convolve(K, spikes) / 1 ms": ("1", 1.0),
    "x' = -x / a + convolve(K, spikes) * 2 pA * b / (1 pA * 1 ms**2)": ("nA", 1000.0),
    "inline g real = 3 * convolve(K, spikes)\n        "
    "inline i pA = g * 1 nS * (5 mV - x * 1 mV)\n        x' = i / (1 pA * 1 ms)": ("uS", 1000.0),
    "inline v mV = convolve(K, spikes) * mV_per_spike\n        x' = v / (1 mV * 1 ms)": ("mV", 1.0),
}


@pytest.mark.parametrize("drive", DRIVES)
def test_units_of_weights_follow_from_what_spikes_do(drive):
    text = texts.passive(
        f"""
        kernel K = exp(-t / a)
        {drive}""",
        parameters="""
        mV_per_spike mV = 1 mV""",
    )
    model = texts.model_of(text)
    unit, number = DRIVES[drive]
    assert [(port.name, port.unit) for port in model.ports] == [
        ("excitatory", unit),
        ("inhibitory", unit),
    ]
    defaults = {parameter.name: parameter.default for parameter in model.parameters}
    values = model.time_dep(*({"dt": 0.1, **defaults}[n] for n in argument_names(model.time_dep)))
    gains = dict(zip(model.coefficients, values, strict=True))
    # The weight of an inhibitory conductance is positive in PyNN, and negative in NESTML.
    assert gains.get(model.ports[0].gain, 1.0) == pytest.approx(number)
    sign = -1.0 if unit == "uS" else 1.0
    assert gains.get(model.ports[1].gain, 1.0) == pytest.approx(sign * number)


def kernel_response(text, kernel_cache, duration=20.0, dt=0.1):
    """What a spike of weight 2 does to x from 1 ms on."""
    network = EventNetwork(dt, cache=kernel_cache)
    cell = network.add(NeuronGroup(texts.model_of(text), 1, "cell"))
    source = network.add(SpikeArrayGroup(1))
    source.set_spike_times([np.array([0.5])])
    pair = np.array([0], np.int32), np.array([0], np.int32)
    network.connect(source, cell, "excitatory", pair, weight=2.0, delay=round(0.5 / dt))
    network.run(round(1.0 / dt))
    state = network.record_state(cell, "x", np.array([0]))
    network.run(round(duration / dt))
    return dt * np.arange(len(state.samples)), state.samples[:, 0]


def convolved(kernel):
    return texts.passive(f"""
        kernel K = {kernel}
        x' = -x / a + convolve(K, spikes) / 1 ms""")


KERNELS = {
    "exp(-t / b)": [(1.0, 0, 7.0)],
    "exp(-t / b) - exp(-t / (2 ms))": [(1.0, 0, 7.0), (-1.0, 0, 2.0)],
    "(t / b)**2 * exp(-t / b) + 3 * exp(-t / (2 ms))": [(1.0 / 49.0, 2, 7.0), (3.0, 0, 2.0)],
    "t / 1 ms * exp(-t / a)": [(1.0, 1, 3.0)],
}


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernels_are_convolved_exactly(kernel_cache, kernel):
    """The response is the kernel convolved with exp(-t / 3), here by fine quadrature."""
    time, found = kernel_response(convolved(kernel), kernel_cache)
    grid = np.linspace(0.0, time[-1], 40001)
    value = sum(c * grid**m * np.exp(-grid / tau) for c, m, tau in KERNELS[kernel])
    step = grid[1]
    weighted = np.exp(grid / 3.0) * value
    simpson = (weighted[:-2:2] + 4.0 * weighted[1::2] + weighted[2::2]) * step / 3.0
    integral = np.concatenate([[0.0], np.cumsum(simpson)]) * np.exp(-grid[::2] / 3.0)
    expected = 2.0 * np.interp(time, grid[::2], integral)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_one_port_may_drive_several_kernels(kernel_cache):
    both = texts.passive("""
        kernel fast = exp(-t / a)
        kernel slow = exp(-t / b)
        x' = -x / a + (convolve(fast, spikes) + 3 * convolve(slow, spikes)) / 1 ms""")
    time, found = kernel_response(both, kernel_cache)
    slow = (np.exp(-time / 7.0) - np.exp(-time / 3.0)) / (1.0 / 3.0 - 1.0 / 7.0)
    expected = 2.0 * (time * np.exp(-time / 3.0) + 3.0 * slow)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_kernels_may_be_differential_equations(kernel_cache):
    """They are g'' + (1/a + 1/b) g' + g / (a b) = 0, begun with g' = 1."""
    text = texts.passive(
        """
        kernel g'' = -g' * (1 / a + 1 / b) - g / (a * b)
        x' = -x / a + convolve(g, spikes) / 1 ms""",
        """
        g real = 0
        g' ms**-1 = 1 ms**-1""",
    )
    reference = convolved("(exp(-t / b) - exp(-t / a)) * a * b / (b - a) / 1 ms")
    found, expected = (kernel_response(t, kernel_cache)[1] for t in (text, reference))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_functions_conditions_and_internals(kernel_cache):
    """Below 1, x decays twice as fast; from 2 after exactly 6 ln 2 ms it is there."""
    text = texts.passive(
        """
        inline rate 1/ms = slope(x, 1 / h)
        x' = -rate * x""",
        parameters="""
    internals:
        h ms = 2 * a""",
        more="""
    function slope(x real, base 1/ms) 1/ms:
        doubled 1/ms = base
        if x < 1 and not (x > 5):
            doubled *= 2
        elif x > 100:
            return 0 ms**-1
        return doubled
    onReceive(spikes):
        x += spikes * 1 s
""",
    )
    time, found = kernel_response(text, kernel_cache, dt=0.01)
    turn = 6.0 * math.log(2.0)
    after = np.exp(-np.maximum(time - turn, 0.0) / 3.0)
    expected = 2.0 * np.exp(-np.minimum(time, turn) / 6.0) * after
    np.testing.assert_allclose(found, expected, rtol=2e-3)


@pytest.mark.parametrize("way", texts.COUNTERS)
def test_refractory_periods_may_be_counted_in_several_ways(kernel_cache, way):
    equations = """
        V_m' = (E_L - V_m) / tau_m + (I_e + I_stim) / C_m"""
    by_equation = texts.neuron(equations)
    counted = texts.neuron(equations, rest=texts.COUNTERS[way])
    if way == "resolution":
        counted = counted.replace("        refr_t' = -1\n", "")
    spikes = [
        simulate(texts.model_of(text), {"I_e": 1500.0}, (), kernel_cache)[0]
        for text in (by_equation, counted)
    ]
    assert len(spikes[0]) == 9
    np.testing.assert_array_equal(*spikes)


@pytest.mark.parametrize(
    "slope",
    ["-1.0", "-(1 ms) / (1 ms)", "-1e3 * (1 ms) / (1 s)", "1 - 2", "-pace"],
)
def test_timers_fall_by_whatever_is_one(slope):
    text = texts.neuron("""
        V_m' = (E_L - V_m) / tau_m""")
    text = text.replace("refr_t' = -1\n", f"refr_t' = {slope}\n")
    text = text.replace("    internals:", "    internals:\n        pace real = 1 s / (1e3 * 1 ms)")
    assert texts.model_of(text).refractory_period == "refr_T"


def test_steps_count_a_refractory_period(kernel_cache):
    text = texts.neuron(
        """
        V_m' = (E_L - V_m) / tau_m + (I_e + I_stim) / C_m""",
        """
        count integer = 0""",
        """
    update:
        if count > 0:
            count -= 1
        else:
            integrate_odes(V_m)
    onCondition(V_m >= V_th):
        count = counts
        V_m = V_reset
        emit_spike()
""",
    )
    text = text.replace("        refr_t' = -1\n", "").replace("        refr_t ms = 0 ms\n", "")
    text = text.replace("    internals:", "    internals:\n        counts integer = steps(refr_T)")
    model = texts.model_of(text)
    assert (model.refractory_period, model.held) == ("refr_T", ("V_m",))
    expected = simulate(texts.model_of(texts.EXPONENTIAL), {"I_e": 1500.0}, (), kernel_cache)
    found = simulate(model, {"I_e": 1500.0}, (), kernel_cache)
    np.testing.assert_allclose(found[0], expected[0], rtol=0.0, atol=1e-9)


def test_bounds_hold_after_every_step(kernel_cache):
    text = texts.passive(
        """
        x' = -1 / a""",
        more="",
    ).replace("integrate_odes()", "integrate_odes()\n        x = max(low, x)")
    text = text.replace("        a ms", "        low real = -inf\n        a ms")
    model = texts.model_of(text)
    for low, expected in ((None, -20.0 / 3.0), (-2.0, -2.0)):
        network = EventNetwork(0.1, cache=kernel_cache)
        given = {} if low is None else {"low": low}
        cell = network.add(NeuronGroup(model, 1, "cell", given))
        network.run(200)
        assert cell["x"][0] == pytest.approx(expected)


TRAUB = """
model my_neuron:
    state:
        V_m mV = -65 mV
        V_old mV = -65 mV
        refr_t ms = 0 ms
        m real = 0
        h real = 1
        n real = 0
    equations:
        inline u real = (V_m - V_T) / 1 mV
        inline I_ion pA = g_Na * m**3 * h * (V_m - E_Na) + g_K * n**4 * (V_m - E_K)
        V_m' = (I_e + I_stim - I_ion - g_L * (V_m - E_L)) / C_m
        m' = (alpha(13 - u, 0.32, 4) * (1 - m) - alpha(u - 40, 0.28, 5) * m) / 1 ms
        h' = (0.128 * exp((17 - u) / 18) * (1 - h) - 4 / (1 + exp((40 - u) / 5)) * h) / 1 ms
        n' = (alpha(15 - u, 0.032, 5) * (1 - n) - 0.5 * exp((10 - u) / 40) * n) / 1 ms
        refr_t' = -1
    parameters:
        g_Na uS = 20 uS
        g_K uS = 6 uS
        g_L nS = 10 nS
        C_m nF = 0.2 nF
        V_T mV = -63 mV
        E_Na mV = 50 mV
        E_K mV = -90 mV
        E_L mV = -65 mV
        refr_T ms = 2 ms
        I_e nA = 0 nA
    input:
        I_stim pA <- continuous
    output:
        spike
    update:
        V_old = V_m
        if refr_t > 0 ms:
            integrate_odes(V_m, m, h, n, refr_t)
        else:
            integrate_odes(V_m, m, h, n)
    onCondition(refr_t <= 0 ms and V_m > V_T + 30 mV and V_old > V_m):
        refr_t = refr_T
        emit_spike()
    function alpha(x real, factor real, slope real) real:
        return factor * x / (exp(x / slope) - 1)
"""


def test_spikes_at_maxima_of_the_potential(kernel_cache):
    """Nothing is reset or held; units of parameters are converted."""
    expected = simulate(HodgkinHuxleyTraub, {"i_offset": 0.3}, (), kernel_cache, potential="v")
    found = simulate(texts.model_of(TRAUB), {"I_e": 0.3}, (), kernel_cache)
    assert len(expected[0]) > 5
    np.testing.assert_allclose(found[0], expected[0], rtol=0.0, atol=5e-3)
