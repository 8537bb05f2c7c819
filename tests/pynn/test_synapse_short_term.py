"""Short-term plasticity and failures of synapses, seen in what the postsynaptic cells get."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pyNN import errors
from synapse_examples import make

TIMES = np.array([5.0, 12.0, 20.0, 23.0, 60.0, 61.0, 90.0])
DELAY = 1.5


def amplitudes(U, tau_rec, tau_facil, tau_psc, times=TIMES):
    """The used part of the resources at each spike, by the solution of the linear equations."""
    u, x, y, before, used = 0.0, 1.0, 0.0, 0.0, []
    for t in times + DELAY:
        h, before = t - before, t
        inactive, active = 1.0 - x - y, y
        y = active * np.exp(-h / tau_psc) if tau_psc else 0.0
        # Of dz/dt = -z / tau_rec + y / tau_psc.
        driven = active * tau_rec / (tau_psc - tau_rec)
        z = driven * (y / active if active else 0.0) + (inactive - driven) * np.exp(-h / tau_rec)
        x = 1.0 - y - z
        u = u * np.exp(-h / tau_facil) if tau_facil else 0.0
        u += U * (1.0 - u)
        used.append(x * u)
        x, y = x * (1.0 - u), y + x * u
    return np.array(used)


SHAPES = {
    "IF_curr_exp": ("isyn_exc", lambda s, tau: np.exp(-s / tau)),
    "IF_cond_exp": ("gsyn_exc", lambda s, tau: np.exp(-s / tau)),
    "IF_curr_alpha": ("isyn_exc", lambda s, tau: s / tau * np.exp(1.0 - s / tau)),
    "IF_cond_alpha": ("gsyn_exc", lambda s, tau: s / tau * np.exp(1.0 - s / tau)),
}


def train(weights, shape, tau, times=TIMES, duration=120.0):
    """Sum of the responses to spikes of these weights at every sample, NaN where they arrive."""
    t = np.arange(round(duration / 0.1) + 1) * 0.1
    since = t[:, None] - (times + DELAY)
    responses = np.where(since > 0.0, shape(np.maximum(since, 0.0), tau), 0.0) @ weights
    responses[(np.abs(since) < 1e-6).any(axis=1)] = np.nan
    return responses


@pytest.mark.parametrize("celltype", SHAPES)
def test_tsodyks_markram_in_every_receptor(sim, samples, celltype):
    variable, shape = SHAPES[celltype]
    given = {"U": [0.5, 0.04, 0.3], "tau_rec": [100.0, 50.0, 400.0],
             "tau_facil": [0.0, 200.0, 30.0], "weight": [0.01, 0.02, 0.03]}  # fmt: skip
    tau = np.array([2.0, 5.0, 100.0])
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=TIMES))
    cells = sim.Population(3, getattr(sim, celltype)(tau_syn_E=tau, v_thresh=1000.0))
    cells.record(variable)
    arrays = {name: np.array([value]) for name, value in given.items()}
    synapse = sim.TsodyksMarkramSynapse(delay=DELAY, **arrays)
    sim.Projection(source, cells, sim.AllToAllConnector(), synapse)
    sim.run(120.0)
    found = samples(cells, variable)
    for k, (U, rec, facil, weight) in enumerate(zip(*given.values(), strict=True)):
        rec = rec + 1e-9 if rec == tau[k] else rec
        expected = train(weight * amplitudes(U, rec, facil, tau[k]), shape, tau[k])
        known = ~np.isnan(expected)
        assert_allclose(found[known, k], expected[known], rtol=1e-9, atol=1e-15)


def test_tsodyks_markram_without_a_duration_of_the_response(sim, samples):
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=TIMES))
    cell = sim.Population(1, sim.IF_curr_delta(tau_m=1e9, v_thresh=1000.0))
    cell.record("v")
    synapse = sim.TsodyksMarkramSynapse(weight=1.0, U=0.5, tau_rec=30.0, tau_facil=0.0, delay=DELAY)
    sim.Projection(source, cell, sim.AllToAllConnector(), synapse)
    sim.run(120.0)
    after = samples(cell, "v")[np.rint((TIMES + DELAY + 0.5) / 0.1).astype(int), 0]
    jumps = np.diff(after, prepend=-65.0)
    assert_allclose(jumps, amplitudes(0.5, 30.0, 0.0, 0.0), rtol=1e-5)


def test_the_time_constant_of_the_receptor_may_change(sim, samples):
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=TIMES))
    cells = sim.Population(2, sim.IF_curr_exp(tau_syn_E=2.0, tau_syn_I=9.0, v_thresh=1000.0))
    cells.record("isyn_exc")
    synapse = sim.TsodyksMarkramSynapse(weight=1.0, U=0.5, tau_rec=30.0, delay=DELAY)
    projection = sim.Projection(source, cells, sim.AllToAllConnector(), synapse)
    cells[1:2].set(tau_syn_E=20.0)
    sim.run(120.0)
    first = samples(cells, "isyn_exc")
    sim.reset()
    cells.set(tau_syn_E=[20.0, 2.0])
    sim.run(120.0)
    assert_array_equal(samples(cells, "isyn_exc"), first[:, ::-1])
    for k, tau in enumerate([2.0, 20.0]):
        expected = train(amplitudes(0.5, 30.0, 0.0, tau), SHAPES["IF_curr_exp"][1], tau)
        known = ~np.isnan(expected)
        assert_allclose(first[known, k], expected[known], rtol=1e-9, atol=1e-15)
    assert "tau_psc" not in projection.synapse_type.get_parameter_names()


def test_each_receptor_has_a_time_constant_of_its_own(sim):
    composed = sim.PointNeuron(
        sim.LIF(), AMPA=sim.BetaPSR(tau_rise=1.0, tau_decay=8.0), NMDA=sim.AlphaPSR(tau_syn=30.0)
    )
    found = []
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=TIMES))
    for celltype, receptors in (
        (composed, ("AMPA", "NMDA")),
        (sim.IF_curr_alpha(tau_syn_E=8.0, tau_syn_I=30.0), ("excitatory", "inhibitory")),
        (sim.IF_cond_exp(tau_syn_E=8.0, tau_syn_I=30.0), ("excitatory", "inhibitory")),
    ):
        cell = sim.Population(1, celltype)
        for receptor in receptors:
            synapse = sim.TsodyksMarkramSynapse(weight=0.0, U=0.5, tau_rec=50.0)
            projection = sim.Projection(source, cell, sim.AllToAllConnector(), synapse,
                                        receptor_type=receptor)  # fmt: skip
            found.append(projection)
    sim.run(120.0)
    states = [projection.get(["x", "y"], "list")[0] for projection in found]
    assert states[0] == states[2] == states[4]
    assert states[1] == states[3] == states[5] != states[0]


def test_initial_states_hold_now_and_after_each_reset(sim, samples):
    source = sim.Population(2, sim.SpikeSourceArray(spike_times=[1.0]))
    cells = sim.Population(2, sim.IF_curr_exp(v_thresh=1000.0))
    cells.record("isyn_exc")
    synapse = sim.TsodyksMarkramSynapse(weight=1.0, U=0.5, tau_rec=1e9, tau_facil=1e9)
    projection = sim.Projection(source, cells, sim.OneToOneConnector(), synapse)
    projection.initialize(u=[0.2, 0.4], x=np.diag([0.5, 0.25]))
    assert_array_equal(projection.initial_values["u"].evaluate(), [0.2, 0.4])
    expected = [0.5 * (0.2 + 0.5 * 0.8), 0.25 * (0.4 + 0.5 * 0.6)]
    for segment in (0, 1):
        assert projection.get("u", "list") == [(0, 0, 0.2), (1, 1, 0.4)]
        assert projection[1].x == 0.25
        sim.run(2.0)
        assert_allclose(samples(cells, "isyn_exc", segment).max(axis=0), expected, rtol=1e-6)
        assert_allclose(projection.get("u", "list", with_address=False), [0.6, 0.7], rtol=1e-6)
        sim.reset()
    projection.initialize(u=lambda d: 0.1 + d)
    assert projection.get("u", "list", with_address=False) == [0.1, 0.1]
    with pytest.raises(errors.InvalidParameterValueError, match="u = nan as the initial value"):
        projection.initialize(x=1.0, u=[0.1, np.nan])
    assert projection.get("x", "list", with_address=False) == [0.5, 0.25]


def arrived(sim, synapse, times, count=400, seed=0):
    """What each of many cells got at each of these times."""
    sim.setup(timestep=0.1, seed=seed)
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=times))
    cells = sim.Population(count, sim.IF_curr_delta(tau_m=1e9, v_thresh=1e6))
    cells.record("v")
    sim.Projection(source, cells, sim.AllToAllConnector(), synapse)
    sim.run(times[-1] + 2.0)
    v = cells.get_data("v").segments[-1].analogsignals[0].magnitude
    place = np.rint((np.asarray(times) + 1.0) / 0.1).astype(int)
    return np.diff(v[place], axis=0, prepend=np.full((1, count), -65.0))


def test_failures_have_the_probability_of_their_synapse(sim):
    p = np.linspace(0.0, 1.0, 11)
    times = np.arange(1.0, 401.0)
    got = arrived(sim, sim.SimpleStochasticSynapse(weight=2.0, p=p[None]), times, count=11)
    assert_allclose(got, np.where(got > 1.0, 2.0, 0.0), atol=1e-5)
    assert_allclose(got.mean(axis=0) / 2.0, p, atol=4.0 * 0.5 / np.sqrt(400.0))
    assert_allclose(got[:, [0, 10]], [[0.0, 2.0]] * 400, atol=1e-4)
    assert np.corrcoef(got[:, 3], got[:, 5])[0, 1] < 0.2


@pytest.mark.parametrize(("U", "tau_facil"), [(0.5, 0.0), (0.1, 100.0)])
@pytest.mark.parametrize("n", [None, 1, 5])
def test_the_mean_of_release_sites_is_that_of_resources(sim, U, tau_facil, n):
    times, count = np.arange(10.0, 90.0, 10.0), 2000
    parameters = {"weight": 1.0, "U": U, "tau_rec": 40.0, "tau_facil": tau_facil, "delay": 0.5}
    if n is None:
        synapse, sites = sim.StochasticTsodyksMarkramSynapse(**parameters), 1
    else:
        synapse, sites = sim.MultiQuantalSynapse(n=n, **parameters), n
    got = arrived(sim, synapse, times, count)
    assert_allclose(got * sites, np.rint(got * sites), atol=1e-4)
    expected = arrived(sim, sim.TsodyksMarkramSynapse(**parameters), times, 1)
    deviation = 0.5 / np.sqrt(count * sites)
    assert_allclose(got.mean(axis=1), expected[:, 0], atol=4.5 * deviation)


def test_available_release_sites(sim):
    n = np.array([[1, 3, 8]])
    synapse = sim.MultiQuantalSynapse(weight=1.0, n=n, U=1.0, tau_rec=1e12)
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[1.0]))
    cells = sim.Population(3, sim.IF_curr_delta(tau_m=1e9, v_thresh=1e6))
    projection = sim.Projection(source, cells, sim.AllToAllConnector(), synapse)
    assert_array_equal(projection.get("a", "array"), n)
    projection.initialize(a=[0, 2, 5])
    assert_array_equal(projection.get("a", "array"), [[0, 2, 5]])
    for _ in range(2):
        sim.run(5.0)
        assert_array_equal(projection.get("a", "array"), [[0, 0, 0]])
        sim.reset()
        assert_array_equal(projection.get("a", "array"), [[0, 2, 5]])
    projection.initialize(a=synapse.parameter_space["n"], u=synapse.parameter_space["U"])
    assert_array_equal(projection.get(["a", "u"], "array"), [n, [[1.0] * 3]])
    projection.initialize(a=1, u=0.0)
    projection[2].n = 2
    assert projection[2].a == 0.0
    for wrong in (1.5, -1, 9):
        with pytest.raises(errors.InvalidParameterValueError, match="available release sites"):
            projection.initialize(u=0.5, a=wrong)
    assert (projection.get("u", "array") == 0.0).all()


def test_seeds_of_the_simulation_decide_what_fails(sim):
    synapse, times = sim.SimpleStochasticSynapse(weight=1.0), np.arange(1.0, 20.0)
    first = arrived(sim, synapse, times, seed=1)
    assert_array_equal(arrived(sim, synapse, times, seed=1), first)
    assert (arrived(sim, synapse, times, seed=2) != first).any()


def test_states_that_can_be_read():
    assert sim_states("TsodyksMarkramSynapse") == ["u", "x", "y"]
    assert sim_states("MultiQuantalSynapse") == ["u", "a"]
    assert sim_states("StochasticTsodyksMarkramSynapse") == ["u", "a"]
    assert sim_states("StaticSynapse") == []


def sim_states(name):
    return list(make(name).state_units())
