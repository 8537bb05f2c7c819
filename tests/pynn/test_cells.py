"""What cells do, against closed forms and SciPy's integrators."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import solve_ivp

TIME = np.arange(501) / 10
PARAMETERS = {"tau_m": 15.0, "cm": 0.8, "v_rest": -65.0, "v_thresh": 1000.0}
SYNAPTIC = {"tau_syn_E": 3.0, "tau_syn_I": 6.0}
ARRIVAL = 2.0


def current(kind, tau, since):
    """Synaptic current or conductance for a weight of one, at a time since arrival."""
    shape = np.exp(-since / tau)
    if kind == "alpha":
        shape = shape * since / tau * np.e
    return np.where(since >= 0, shape, 0.0)


@pytest.mark.parametrize("kind", ["exp", "alpha"])
@pytest.mark.parametrize(("receptor", "tau", "weight"), [("excitatory", 3.0, 0.5),
                                                         ("inhibitory", 6.0, -0.4)])  # fmt: skip
def test_current_synapses(sim, one_spike, samples, kind, receptor, tau, weight):
    celltype = getattr(sim, f"IF_curr_{kind}")(**PARAMETERS, **SYNAPTIC)
    cell = one_spike(celltype, weight, receptor=receptor)
    sim.run(50.0)
    since = TIME - ARRIVAL
    variable = f"isyn_{receptor[:3]}"
    expected = weight * current(kind, tau, since)
    assert_allclose(samples(cell, variable)[:, 0], expected, rtol=1e-10, atol=1e-13)

    def equation(t, v):
        return -(v + 65.0) / 15.0 + weight * current(kind, tau, t) / 0.8

    later = since[since >= 0]
    solution = solve_ivp(equation, (0, later[-1] + 1e-9), [-65.0], t_eval=later,
                         rtol=1e-11, atol=1e-12, max_step=0.5)  # fmt: skip
    v = samples(cell, "v")[:, 0]
    assert (v[since < 0] == -65.0).all()
    assert_allclose(v[since >= 0], solution.y[0], rtol=0, atol=1e-7)


def test_current_exponential_in_closed_form(sim, one_spike, samples):
    cell = one_spike(sim.IF_curr_exp(**PARAMETERS, **SYNAPTIC), 0.5)
    sim.run(50.0)
    since = np.maximum(TIME - ARRIVAL, 0.0)
    factor = 0.5 / 0.8 * 3.0 * 15.0 / (15.0 - 3.0)
    expected = -65 + factor * (np.exp(-since / 15.0) - np.exp(-since / 3.0))
    assert_allclose(samples(cell, "v")[:, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("kind", ["exp", "alpha"])
def test_equal_time_constants(sim, one_spike, samples, kind):
    celltype = getattr(sim, f"IF_curr_{kind}")
    traces = []
    for tau in (15.0, 15.0 * (1 + 1e-7)):
        cell = one_spike(celltype(**PARAMETERS, tau_syn_E=tau), 0.5)
        traces.append(cell)
    sim.run(50.0)
    one, other = (samples(cell, "v")[:, 0] for cell in traces)
    assert np.isfinite(one).all()
    assert_allclose(one, other, rtol=0, atol=1e-5)


def test_voltage_jump(sim, one_spike, samples):
    for receptor, weight in (("excitatory", 2.5), ("inhibitory", -1.5)):
        cell = one_spike(sim.IF_curr_delta(**PARAMETERS), weight, receptor=receptor)
        sim.run(50.0)
        since = TIME - ARRIVAL
        expected = -65.0 + np.where(since > -1e-9, weight * np.exp(-since / 15.0), 0.0)
        assert_allclose(samples(cell, "v")[:, 0], expected, rtol=1e-13)
        sim.setup()


@pytest.mark.parametrize("kind", ["exp", "alpha"])
@pytest.mark.parametrize(("receptor", "tau", "reversal"), [("excitatory", 3.0, 0.0),
                                                           ("inhibitory", 6.0, -80.0)])  # fmt: skip
def test_conductance_synapses(sim, one_spike, samples, kind, receptor, tau, reversal):
    celltype = getattr(sim, f"IF_cond_{kind}")(**PARAMETERS, **SYNAPTIC, e_rev_E=0.0, e_rev_I=-80.0)
    cell = one_spike(celltype, 0.02, receptor=receptor)
    sim.run(50.0)
    since = TIME - ARRIVAL
    variable = f"gsyn_{receptor[:3]}"
    expected = 0.02 * current(kind, tau, since)
    assert_allclose(samples(cell, variable)[:, 0], expected, rtol=1e-10, atol=1e-15)

    def equation(t, v):
        return -(v + 65.0) / 15.0 + 0.02 * current(kind, tau, t) * (reversal - v) / 0.8

    later = since[since >= 0]
    solution = solve_ivp(equation, (0, later[-1] + 1e-9), [-65.0], t_eval=later,
                         rtol=1e-11, atol=1e-12, max_step=0.5)  # fmt: skip
    v = samples(cell, "v")[:, 0]
    assert (v[since < 0] == -65.0).all()
    amplitude = np.ptp(solution.y[0])
    assert_allclose(v[since >= 0], solution.y[0], rtol=0, atol=1e-3 * amplitude)


def test_units_of_the_amplitudes_are_those_of_pynn(sim, one_spike, samples):
    """1 nA is 1 nA, 1 uS is 1 uS, 1 mV is 1 mV."""
    cell = one_spike(sim.IF_curr_alpha(tau_syn_E=2.0, v_thresh=1e3), 0.7)
    sim.run(5.0)
    assert samples(cell, "isyn_exc").max() == pytest.approx(0.7, rel=1e-12)
    sim.setup()
    cell = one_spike(sim.IF_cond_alpha(tau_syn_E=2.0, v_thresh=1e3), 0.007)
    sim.run(5.0)
    assert samples(cell, "gsyn_exc").max() == pytest.approx(0.007, rel=1e-12)


# --- delays --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["IF_curr_exp", "IF_cond_exp"])
@pytest.mark.parametrize("time", [0.0, 0.1, 1.0, 3.7])
@pytest.mark.parametrize("delay", [0.1, 0.2, 0.5, 1.0, 12.3])
def test_input_arrives_after_the_delay_exactly(sim, one_spike, samples, name, time, delay):
    cell = one_spike(getattr(sim, name)(), 0.01, delay=delay, time=time)
    sim.run(time + delay + 1.0)
    variable = "isyn_exc" if "curr" in name else "gsyn_exc"
    arrived = np.flatnonzero(samples(cell, variable)[:, 0])
    assert arrived[0] == round((time + delay) * 10)
    assert samples(cell, variable)[arrived[0], 0] == pytest.approx(0.01)


@pytest.mark.parametrize("time", [1.0, 1.001, 1.05, 1.0999, 1.1])
def test_a_spike_between_grid_points_acts_on_both(sim, one_spike, samples, time):
    cell = one_spike(sim.IF_curr_exp(), 0.4, delay=0.5, time=time)
    sim.run(3.0)
    trace = samples(cell, "isyn_exc")[:, 0]
    later = (time - 1.0) / 0.1
    assert (trace[:15] == 0).all()
    since = (1 - later) * 0.1 / 5.0  # at the later one, in time constants
    assert_allclose(trace[15], 0.4 * np.expm1(-since) / np.expm1(-0.1 / 5.0), atol=1e-12)
    assert_allclose(trace[16], 0.4 * np.exp(-since), rtol=1e-12)


def test_a_spike_of_a_neuron_travels_from_where_it_happened(sim, samples, spike_times):
    first = sim.Population(1, sim.IF_curr_exp(i_offset=1.0))
    second = sim.Population(1, sim.IF_curr_exp())
    first.record("spikes")
    second.record("isyn_exc")
    synapse = sim.StaticSynapse(weight=0.1, delay=2.0)
    sim.Projection(first, second, sim.OneToOneConnector(), synapse)
    sim.run(35.0)
    arrival = spike_times(first)[0][0] + 2.0
    trace = samples(second, "isyn_exc")[:, 0]
    step = int(arrival * 10)
    assert np.flatnonzero(trace)[0] == step
    share = np.expm1((arrival - 0.1 * (step + 1)) / 5.0) / np.expm1(-0.1 / 5.0)
    assert_allclose(trace[step], 0.1 * share, rtol=1e-6)


def test_coinciding_inputs_add_up(sim, samples):
    source = sim.Population(3, sim.SpikeSourceArray(spike_times=[[1.0], [1.0, 1.0], [0.5]]))
    cell = sim.Population(1, sim.IF_curr_exp())
    cell.record("isyn_exc")
    connections = [(0, 0, 0.1, 1.0), (1, 0, 0.2, 1.0), (2, 0, 0.4, 1.5), (0, 0, 1.0, 1.0)]
    sim.Projection(source, cell, sim.FromListConnector(connections))
    sim.run(2.0)
    assert samples(cell, "isyn_exc")[-1, 0] == pytest.approx(0.1 + 0.4 + 0.4 + 1.0, rel=1e-15)


# --- spikes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("refractory", [0.0, 0.1, 2.0, 5.05])
def test_interval_between_spikes(sim, spike_times, refractory):
    cells = sim.Population(
        3, sim.IF_curr_exp(i_offset=[0.8, 1.0, 3.0], tau_refrac=refractory, v_reset=-70.0)
    )
    cells.record("spikes")
    sim.run(200.0)
    for drive, train in zip((16.0, 20.0, 60.0), spike_times(cells), strict=True):
        period = 20 * np.log((drive + 5) / (drive - 15)) + refractory
        assert train[0] == pytest.approx(20 * np.log(drive / (drive - 15)), abs=1e-8)
        assert_allclose(np.diff(train), period, rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", ["IF_curr_exp", "IF_curr_alpha", "IF_curr_delta", "IF_cond_exp",
                                  "IF_cond_alpha"])  # fmt: skip
def test_each_cell_has_its_own_refractory_period_threshold_and_reset(sim, spike_times, name):
    kinds = {
        "tau_refrac": [0.0, 3.0, 6.0],
        "v_reset": [-65.0, -70.0, -60.0],
        "v_thresh": [-50.0, -52.0, -55.0],
        "v_rest": [-65.0, -64.0, -66.0],
    }
    together = sim.Population(3, getattr(sim, name)(i_offset=1.2, **kinds))
    apart = [
        sim.Population(1, getattr(sim, name)(i_offset=1.2, **{k: v[i] for k, v in kinds.items()}))
        for i in range(3)
    ]
    for population in (together, *apart):
        population.record("spikes")
    sim.run(60.0)
    for one, train in zip(apart, spike_times(together), strict=True):
        assert train.size > 1
        assert_array_equal(spike_times(one)[0], train)


def test_the_membrane_is_held_while_refractory(sim, samples, spike_times):
    cell = sim.Population(1, sim.IF_curr_exp(i_offset=1.0, tau_refrac=5.0, v_reset=-62.0))
    cell.record(["v", "spikes"])
    sim.run(40.0)
    spike = spike_times(cell)[0][0]
    v, t = samples(cell, "v")[:, 0], np.arange(401) / 10
    held = (t > spike) & (t < spike + 5.0)
    assert (v[held] == -62.0).all()
    assert v[np.flatnonzero(held)[-1] + 2] > -62.0


def test_refractory_periods_changed_between_runs(sim, spike_times):
    cells = sim.Population(2, sim.IF_curr_exp(i_offset=1.0))
    cells.record("spikes")
    sim.run(30.0)
    cells.set(tau_refrac=[1.0, 10.0])
    sim.run(200.0)
    short, long = (np.diff(train[1:])[-1] for train in spike_times(cells))
    assert long - short == pytest.approx(9.0, abs=1e-7)


def test_a_spike_delivered_to_itself(sim, spike_times):
    cell = sim.Population(1, sim.IF_curr_delta(tau_refrac=0.0), initial_values={"v": -51.0})
    cell.record("spikes")
    kick = sim.Population(1, sim.SpikeSourceArray(spike_times=[0.0]))
    synapse = sim.StaticSynapse(weight=20.0, delay=1.0)
    sim.Projection(kick, cell, sim.OneToOneConnector(), synapse)
    sim.Projection(cell, cell, sim.OneToOneConnector(), synapse)
    sim.run(5.45)
    assert_allclose(spike_times(cell)[0], [1.1, 2.1, 3.1, 4.1, 5.1], atol=0.1001)


@pytest.mark.parametrize("name", ["IF_curr_exp", "IF_cond_alpha"])
def test_parameters_changed_between_runs_count_from_then_on(sim, samples, name):
    cell = sim.Population(1, getattr(sim, name)())
    cell.record("v")
    sim.run(5.0)
    cell.set(v_rest=-60.0, tau_m=10.0)
    sim.run(5.0)
    v = samples(cell, "v")[:, 0]
    assert (v[:51] == -65.0).all()
    assert_allclose(v[51:], -60 - 5 * np.exp(-np.arange(1, 51) / 10 / 10.0), rtol=1e-6)
