"""Probes of the standard cells that integrate equations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.testing import assert_array_equal

from .measure import (
    Floats,
    Probe,
    alpha,
    close,
    each_cell_has_its_own,
    exponential,
    input_spikes,
    require,
    response,
    samples,
    spikes,
    unit,
)

MEMBRANE = {
    "cm": (1.0, 0.7, 1.3),
    "tau_m": (20.0, 14.0, 9.0),
    "v_rest": (-65.0, -66.0, -64.0),
    "v_reset": (-65.0, -68.0, -62.0),
    "v_thresh": (-50.0, -52.0, -49.0),
    "tau_refrac": (0.1, 1.95, 3.03),
    "i_offset": (1.0, 1.3, 1.6),
    "tau_syn_E": (5.0, 2.0, 3.5),
    "tau_syn_I": (4.0, 7.0, 1.5),
}
REVERSAL = {"e_rev_E": (0.0, -10.0, 5.0), "e_rev_I": (-70.0, -80.0, -75.0)}
ADAPTIVE = {
    "cm": (0.281, 0.25, 0.3),
    "tau_m": (9.3667, 8.0, 11.0),
    "v_rest": (-70.6, -68.0, -72.0),
    "v_spike": (-40.0, -38.0, -41.0),
    "v_reset": (-70.6, -60.0, -55.0),
    "v_thresh": (-50.4, -52.0, -49.0),
    "tau_refrac": (0.1, 2.0, 1.03),
    "i_offset": (1.0, 1.2, 1.4),
    "a": (4.0, 2.0, 8.0),
    "b": (0.0805, 0.01, 0.2),
    "delta_T": (2.0, 1.5, 2.5),
    "tau_w": (144.0, 40.0, 20.0),
    "tau_syn_E": (5.0, 2.0, 3.5),
    "tau_syn_I": (4.0, 7.0, 1.5),
    "e_rev_E": (0.0, -10.0, 5.0),
    "e_rev_I": (-80.0, -85.0, -75.0),
}


def _both_inputs(weight_exc: float, weight_inh: float) -> Any:
    def drive(sim: Any, cells: Any) -> None:
        input_spikes(sim, cells, [9.0, 30.0], "excitatory", weight_exc)
        input_spikes(sim, cells, [15.0, 33.0], "inhibitory", weight_inh)

    return drive


def _units(cells: Any, **expected: str) -> None:
    for variable, name in expected.items():
        require(unit(cells, variable) == name, f"{variable} is in {unit(cells, variable)}")


def if_curr_alpha(sim: Any) -> None:
    time, current = response(
        sim, sim.IF_curr_alpha(tau_syn_E=2.0, tau_syn_I=6.0), "inhibitory", -0.3, "isyn_inh"
    )
    close(current, alpha(time, -0.3, 6.0))
    cells = each_cell_has_its_own(sim, sim.IF_curr_alpha, MEMBRANE, _both_inputs(0.5, -0.3))
    _units(cells, v="mV")


def if_curr_exp(sim: Any) -> None:
    time, current = response(
        sim, sim.IF_curr_exp(tau_syn_E=2.0, tau_syn_I=6.0), "inhibitory", -0.3, "isyn_inh"
    )
    close(current, exponential(time, -0.3, 6.0))
    cells = each_cell_has_its_own(sim, sim.IF_curr_exp, MEMBRANE, _both_inputs(0.5, -0.3))
    _units(cells, v="mV")


def if_curr_delta(sim: Any) -> None:
    time, v = response(sim, sim.IF_curr_delta(tau_m=10.0), "excitatory", 3.0, "v")
    close(v, -65.0 + exponential(time, 3.0, 10.0))
    varied = {n: v for n, v in MEMBRANE.items() if not n.startswith("tau_syn")}
    cells = each_cell_has_its_own(sim, sim.IF_curr_delta, varied, _both_inputs(2.0, -1.0))
    _units(cells, v="mV")
    close(input_spikes(sim, cells, [1.0], "inhibitory", -2.5).get("weight", "array"), -2.5)


def if_cond_alpha(sim: Any) -> None:
    time, conductance = response(
        sim, sim.IF_cond_alpha(tau_syn_E=2.0, tau_syn_I=6.0), "inhibitory", 0.03, "gsyn_inh"
    )
    close(conductance, alpha(time, 0.03, 6.0))
    varied = MEMBRANE | REVERSAL
    cells = each_cell_has_its_own(sim, sim.IF_cond_alpha, varied, _both_inputs(0.02, 0.03))
    _units(cells, v="mV", gsyn_exc="uS", gsyn_inh="uS")


def if_cond_exp(sim: Any) -> None:
    time, conductance = response(
        sim, sim.IF_cond_exp(tau_syn_E=2.0, tau_syn_I=6.0), "inhibitory", 0.03, "gsyn_inh"
    )
    close(conductance, exponential(time, 0.03, 6.0))
    varied = MEMBRANE | REVERSAL
    cells = each_cell_has_its_own(sim, sim.IF_cond_exp, varied, _both_inputs(0.02, 0.03))
    _units(cells, v="mV", gsyn_exc="uS", gsyn_inh="uS")


def if_cond_exp_gsfa_grr(sim: Any) -> None:
    varied = {
        **MEMBRANE,
        **REVERSAL,
        "cm": (0.29, 0.25, 0.3),
        "tau_m": (10.0, 12.0, 9.0),
        "v_thresh": (-57.0, -56.0, -55.0),
        "v_reset": (-70.0, -68.0, -67.0),
        "tau_refrac": (0.1, 1.0, 0.53),
        "tau_sfa": (100.0, 50.0, 20.0),
        "e_rev_sfa": (-75.0, -70.0, -80.0),
        "q_sfa": (15.0, 5.0, 30.0),
        "tau_rr": (2.0, 1.5, 3.0),
        "e_rev_rr": (-75.0, -70.0, -80.0),
        "q_rr": (3000.0, 1000.0, 500.0),
    }
    cells = each_cell_has_its_own(sim, sim.IF_cond_exp_gsfa_grr, varied, _both_inputs(0.02, 0.03))
    _units(cells, v="mV", gsyn_exc="uS", gsyn_inh="uS", g_s="nS", g_r="nS")
    for variable, q, tau in (("g_s", "q_sfa", "tau_sfa"), ("g_r", "q_rr", "tau_rr")):
        for i, train in enumerate(spikes(cells)):
            require(len(train) > 1, "the cell does not spike")
            since = 60.0 - train
            jump, decay = varied[q][i], varied[tau][i]
            close(samples(cells, variable)[-1, i], exponential(since, jump, decay).sum(), 1e-6)


def if_facets_hardware1(sim: Any) -> None:
    cells = sim.Population(2, sim.IF_facets_hardware1(g_leak=[40.0, 20.0], v_rest=-65.0))
    cells.initialize(v=-60.0)
    cells.record("v")
    sim.run(10.0)
    time = 0.1 * np.arange(101)[:, np.newaxis]
    close(samples(cells, "v"), -65.0 + 5.0 * np.exp(-time / (0.2 / np.array([0.04, 0.02]))), 1e-6)
    varied = {
        "g_leak": (40.0, 20.0, 30.0),
        "tau_syn_E": (30.0, 20.0, 10.0),
        "tau_syn_I": (30.0, 15.0, 20.0),
        "v_reset": (-80.0, -70.0, -75.0),
        "e_rev_I": (-80.0, -90.0, -85.0),
        "v_rest": (-65.0, -66.0, -67.0),
        "v_thresh": (-55.0, -57.0, -56.0),
    }
    cells = each_cell_has_its_own(sim, sim.IF_facets_hardware1, varied, _both_inputs(0.05, 0.01))
    _units(cells, v="mV", gsyn_exc="uS", gsyn_inh="uS")
    trains = spikes(cells)
    require([len(t) > 1 and np.diff(t).min() >= 1.0 for t in trains], "refractory for 1 ms")


def hh_cond_exp(sim: Any) -> None:
    varied = {
        "gbar_Na": (20.0, 18.0, 22.0),
        "gbar_K": (6.0, 5.0, 7.0),
        "g_leak": (0.01, 0.015, 0.02),
        "cm": (0.2, 0.25, 0.3),
        "v_offset": (-63.0, -60.0, -65.0),
        "e_rev_Na": (50.0, 45.0, 55.0),
        "e_rev_K": (-90.0, -85.0, -95.0),
        "e_rev_leak": (-65.0, -63.0, -67.0),
        "e_rev_E": (0.0, -10.0, 5.0),
        "e_rev_I": (-80.0, -75.0, -85.0),
        "tau_syn_E": (0.2, 1.0, 2.0),
        "tau_syn_I": (2.0, 3.0, 5.0),
        "i_offset": (0.4, 0.6, 0.8),
    }
    cells = each_cell_has_its_own(sim, sim.HH_cond_exp, varied, _both_inputs(0.02, 0.02))
    _units(cells, v="mV", gsyn_exc="uS", gsyn_inh="uS")
    require(samples(cells, "v").max(0) > 20.0, "action potentials are recorded")
    require([len(t) for t in spikes(cells)], "spikes are detected")


def _adaptation(sim: Any, celltype: Any) -> None:
    """Each spike adds b (nA) to w, and below threshold w is drawn to a (nS) times v - v_rest."""
    cells = sim.Population(2, celltype(a=0.0, tau_w=1e9, b=[0.05, 0.1], i_offset=1.5))
    still = sim.Population(1, celltype(a=3.0, tau_w=2.0, i_offset=0.1))
    cells.record(["spikes", "w"])
    still.record(["v", "w"])
    sim.run(100.0)
    counts = np.array([len(train) for train in spikes(cells)])
    require(counts > 2, "the cells spike")
    close(samples(cells, "w")[-1], counts * [0.05, 0.1], 1e-6)
    close(samples(still, "w")[-1], 0.003 * (samples(still, "v")[-1] + 70.6), 1e-4)


def eif_cond_alpha_isfa_ista(sim: Any) -> None:
    celltype = sim.EIF_cond_alpha_isfa_ista
    time, conductance = response(sim, celltype(tau_syn_I=6.0), "inhibitory", 0.03, "gsyn_inh")
    close(conductance, alpha(time, 0.03, 6.0))
    sim.setup(timestep=0.1)
    _adaptation(sim, celltype)
    cells = each_cell_has_its_own(sim, celltype, ADAPTIVE, _both_inputs(0.02, 0.02))
    _units(cells, v="mV", w="nA", gsyn_exc="uS", gsyn_inh="uS")


def eif_cond_exp_isfa_ista(sim: Any) -> None:
    celltype = sim.EIF_cond_exp_isfa_ista
    time, conductance = response(sim, celltype(tau_syn_I=6.0), "inhibitory", 0.03, "gsyn_inh")
    close(conductance, exponential(time, 0.03, 6.0))
    sim.setup(timestep=0.1)
    _adaptation(sim, celltype)
    cells = each_cell_has_its_own(sim, celltype, ADAPTIVE, _both_inputs(0.02, 0.02))
    _units(cells, v="mV", w="nA", gsyn_exc="uS", gsyn_inh="uS")


def izhikevich(sim: Any) -> None:
    varied = {
        "a": (0.02, 0.1, 0.03),
        "b": (0.2, 0.25, 0.21),
        "c": (-65.0, -55.0, -50.0),
        "d": (2.0, 4.0, 6.0),
        "i_offset": (0.01, 0.012, 0.014),
    }
    cells = each_cell_has_its_own(sim, sim.Izhikevich, varied, _both_inputs(10.0, -5.0), 100.0)
    _units(cells, v="mV", u="mV/ms")
    require([len(train) for train in spikes(cells)], "the cells spike")
    sim.setup(timestep=0.1)
    quiet = sim.Population(2, sim.Izhikevich(), initial_values={"v": -70.0, "u": -14.0})
    quiet.record("v")
    projection = input_spikes(sim, quiet[:1], [1.0], "excitatory", 4.0)
    sim.run(3.0)
    close(projection.get("weight", "array"), 4.0)
    v = samples(quiet, "v")
    close(v[20, 0] - v[20, 1], 4.0, 1e-6)


def gif_cond_exp(sim: Any) -> None:
    values = {
        "tau_eta": [2.0, 20.0, 50.0],
        "tau_gamma": [5.0, 10.0, 100.0],
        "a_eta": [0.1, 0.2, 0.05],
        "a_gamma": [2.0, 1.0, 3.0],
    }
    cells = sim.Population(3, sim.GIF_cond_exp(i_offset=[4.0, 5.0, 6.0], tau_m=10.0, **values))
    cells.record(["spikes", "v", "i_eta", "v_t", "gsyn_exc", "gsyn_inh"])
    sim.run(100.0)
    _units(cells, v="mV", i_eta="nA", v_t="mV", gsyn_exc="uS", gsyn_inh="uS")
    close(cells.get("tau_m"), 10.0)
    for name, expected in values.items():
        close(_array_value(cells.get(name)), expected)
    for i, train in enumerate(spikes(cells)):
        require(len(train) > 1, "the cell spikes")
        require(np.diff(train).min() >= 4.0, "it is refractory for 4 ms")
        close(samples(cells, "v_t")[-1, i], -48.0 + _kernel(100.0 - train, values, "gamma"), 1e-6)
        close(samples(cells, "i_eta")[-1, i], _kernel(100.0 - train, values, "eta"), 1e-6)


def _array_value(value: Any) -> Floats:
    value = value[0] if isinstance(value, (list, np.ndarray)) and np.ndim(value) else value
    return np.asarray(getattr(value, "value", value), float)


def _kernel(since: Floats, values: dict[str, list[float]], name: str) -> float:
    jumps, decays = np.array(values["a_" + name]), np.array(values["tau_" + name])
    return float((jumps * np.exp(-since[:, np.newaxis] / decays)).sum())


def poisson(sim: Any) -> None:
    cells = sim.Population(200, sim.SpikeSourcePoisson(rate=10.0, start=20.05, duration=30.02))
    late = sim.Population(200, sim.SpikeSourcePoisson(rate=[0.0] * 100 + [500.0] * 100))
    cells.set(rate=1000.0)
    for population in (cells, late):
        population.record("spikes")
    sim.run(60.0)
    times = np.concatenate(spikes(cells))
    require((times >= 20.05) & (times <= 50.07), "spikes before start or after the duration")
    require(abs(len(times) - 6004) < 5 * 78, "the rate is 1000 Hz")
    late.set(rate=[500.0] * 100 + [0.0] * 100)
    sim.run(60.0)
    first, second = np.concatenate(spikes(late)[:100]), np.concatenate(spikes(late)[100:])
    require(first.min() >= 60.0, "rate 0 means no spikes")
    require(second.max() <= 60.0, "the rate changed after a run")
    require(abs(len(first) - 3000) + abs(len(second) - 3000) < 600, "the rate is 500 Hz")


def poisson_refractory(sim: Any) -> None:
    start, duration = np.linspace(10.0, 30.05, 200), np.linspace(400.0, 300.03, 200)
    cells = sim.Population(
        200,
        sim.SpikeSourcePoissonRefractory(
            rate=100.0, tau_refrac=5.0, start=start, duration=duration
        ),
    )
    cells.record("spikes")
    sim.run(500.0)
    trains = spikes(cells)
    intervals = np.concatenate([np.diff(train) for train in trains])
    require(intervals.min() >= 5.0, "intervals are longer than the dead time")
    require(intervals.min() < 5.2, "they begin right after it")
    require(abs(intervals.mean() - 10.0) < 0.5, "the rate is 100 Hz")
    require([t[0] >= s for t, s in zip(trains, start, strict=True)], "not before the start")
    ends = zip(trains, start + duration, strict=True)
    require([t[-1] <= end for t, end in ends], "not after the duration")


def gamma(sim: Any) -> None:
    cells = sim.Population(
        200, sim.SpikeSourceGamma(alpha=4.5, beta=225.0, start=10.03, duration=900.0)
    )
    cells.record("spikes")
    sim.run(1000.0)
    intervals = np.concatenate([np.diff(train) for train in spikes(cells)])
    require(abs(intervals.mean() - 20.0) < 0.6, "the mean interval is alpha / beta")
    require(
        abs(intervals.std() / intervals.mean() - 4.5**-0.5) < 0.03, "its variation is 1/sqrt(alpha)"
    )
    times = np.concatenate(spikes(cells))
    require((times >= 10.03) & (times <= 910.03), "between start and its end")
    cells.set(beta=300.0)
    close(cells.get("beta"), 300.0)
    close(cells.get("alpha"), 4.5)
    close(cells.get("start"), 10.03)


def inhomogeneous_gamma(sim: Any) -> None:
    """Mean interval a * b: 4 * 5 ms before 500 ms, 2 * 5 ms after."""
    cells = sim.Population(
        300, sim.SpikeSourceInhGamma(a=[4.0, 2.0], b=[0.005, 0.005], tbins=[0.0, 500.0])
    )
    cells.record("spikes")
    sim.run(1000.0)
    times = np.concatenate(spikes(cells))
    early, late = ((times > 100) & (times < 500)).sum(), ((times > 600) & (times < 1000)).sum()
    require(abs(early / (300 * 0.4) - 50.0) < 2.0, "50 Hz at first")
    require(abs(late / (300 * 0.4) - 100.0) < 4.0, "100 Hz later")


def spike_array(sim: Any) -> None:
    times = [0.0, 1.23456789, 5.0]
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=times))
    target = sim.Population(1, sim.IF_cond_exp())
    sim.Projection(
        source, target, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.01, delay=1.0)
    )
    source.record("spikes")
    target.record("gsyn_exc")
    sim.run(10.0)
    assert_array_equal(spikes(source)[0], times)
    require(samples(target, "gsyn_exc")[11, 0] > 0.009, "the spike at time zero is delivered")
    source.set(spike_times=[2.0, 12.0])
    sim.run(10.0)
    assert_array_equal(spikes(source)[0], [*times, 12.0])


ROWS: dict[str, Probe] = {
    "IF_curr_alpha": if_curr_alpha,
    "IF_curr_exp": if_curr_exp,
    "IF_curr_delta": if_curr_delta,
    "IF_cond_alpha": if_cond_alpha,
    "IF_cond_exp": if_cond_exp,
    "IF_cond_exp_gsfa_grr": if_cond_exp_gsfa_grr,
    "IF_facets_hardware1": if_facets_hardware1,
    "HH_cond_exp": hh_cond_exp,
    "EIF_cond_alpha_isfa_ista": eif_cond_alpha_isfa_ista,
    "EIF_cond_exp_isfa_ista": eif_cond_exp_isfa_ista,
    "Izhikevich": izhikevich,
    "GIF_cond_exp": gif_cond_exp,
    "SpikeSourcePoisson": poisson,
    "SpikeSourcePoissonRefractory": poisson_refractory,
    "SpikeSourceGamma": gamma,
    "SpikeSourceInhGamma": inhomogeneous_gamma,
    "SpikeSourceArray": spike_array,
}
