"""Spike-timing-dependent plasticity: weights against a sum over all pairs of spikes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pyNN import errors
from synapse_examples import DEPENDENCES, MECHANISMS, make, parameters, values

SIZE = (3, 2)
DURATION = 250.0


def factors(dependence, w, p):
    """What an amplitude of 1 means, and the factors of potentiation and depression."""
    low, high = p["w_min"], p["w_max"]
    if dependence == "AdditiveWeightDependence":
        return high, 1.0, 1.0
    if dependence == "AdditivePotentiationMultiplicativeDepression":
        return high, 1.0, w / high
    up, down = (high - w) / (high - low), (w - low) / (high - low)
    if dependence == "GutigWeightDependence":
        up, down = max(up, 0.0) ** p["mu_plus"], max(down, 0.0) ** p["mu_minus"]
    return high - low, up, down


def strength(name, pre, post, p):
    """Strength of a synapse after these spikes, in which each pair is counted on its own."""
    rule, dependence = name.split()
    fraction, delay = p["dendritic_delay_fraction"], p["delay"]
    pre, post = np.asarray(pre) + (1.0 - fraction) * delay, np.asarray(post) + fraction * delay
    w = p["weight"]
    for t, is_post in sorted([*((t, False) for t in pre), *((t, True) for t in post)]):
        if t > DURATION:
            break
        others = pre[pre < t] if is_post else post[post < t]
        scale, up, down = factors(dependence, w, p)
        if rule == "SpikePairRule":
            tau, amplitude = (
                (p["tau_plus"], p["A_plus"]) if is_post else (p["tau_minus"], -p["A_minus"])
            )
            change = scale * amplitude * np.exp((others - t) / tau).sum()
        else:
            up_by = np.exp((others - t) / p["tau"]).sum()
            target = 2.0 * p["rho"] * p["tau"] / 1000.0  # of rho in Hz and tau in ms
            change = p["eta"] * (up_by * up - (0.0 if is_post else target * down))
            w = min(max(w + change, p["w_min"]), p["w_max"])
            continue
        w = min(max(w + change * (up if is_post else down), p["w_min"]), p["w_max"])
    return w


class Pairing:
    """Cells that are made to spike at random, and plastic synapses that do next to nothing."""

    def __init__(self, sim, name, receptor="excitatory", celltype=None, seed=1, **given):
        rng = np.random.default_rng(seed)
        self.name = name
        self.pre_times = [np.sort(rng.uniform(1.0, 200.0, 14)) for _ in range(SIZE[0])]
        driver_times = [np.sort(rng.uniform(1.0, 220.0, 16)) for _ in range(SIZE[1])]
        pre = sim.Population(SIZE[0], sim.SpikeSourceArray(spike_times=self.pre_times))
        driver = sim.Population(SIZE[1], sim.SpikeSourceArray(spike_times=driver_times))
        self.post = sim.Population(SIZE[1], celltype or sim.IF_curr_exp(tau_refrac=2.0))
        self.post.record("spikes")
        conductances = self.post.celltype.conductance_based
        kick = sim.StaticSynapse(weight=2.0 if conductances else 60.0, delay=0.1)
        sim.Projection(driver, self.post, sim.OneToOneConnector(), kick, receptor_type="excitatory")
        self.given = {n: values(n, seed, SIZE) for n in parameters(name)} | given
        sign = -1.0 if receptor == "inhibitory" and not conductances else 1.0
        synapse = make(name, **self.given | {"weight": sign * self.given["weight"]})
        self.projection = sim.Projection(
            pre, self.post, sim.AllToAllConnector(), synapse, receptor_type=receptor
        )

    def expected(self):
        post_times = [
            train.magnitude for train in self.post.get_data("spikes").segments[-1].spiketrains
        ]
        assert min(map(len, post_times)) > 5
        strengths = np.empty(SIZE)
        for i, j in np.ndindex(*SIZE):
            own = {n: np.broadcast_to(v, SIZE)[i, j] for n, v in self.given.items()}
            strengths[i, j] = strength(self.name, self.pre_times[i], post_times[j], own)
        return strengths


@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0, None])
@pytest.mark.parametrize("name", MECHANISMS)
def test_weights_are_those_of_all_pairs(sim, name, fraction):
    given = {} if fraction is None else {"dendritic_delay_fraction": fraction}
    pairing = Pairing(sim, name, **given)
    sim.run(DURATION)
    expected = pairing.expected()
    assert_allclose(pairing.projection.get("weight", "array"), expected, rtol=1e-9)
    assert (np.abs(expected / pairing.given["weight"] - 1.0) > 0.01).any()


@pytest.mark.parametrize("sign_of_limits", [1.0, -1.0])
@pytest.mark.parametrize("name", [MECHANISMS[0], MECHANISMS[3], MECHANISMS[4]])
def test_inhibitory_currents_keep_their_sign(sim, name, sign_of_limits):
    limits = {n: sign_of_limits * values(n, 1, SIZE) for n in ("w_min", "w_max")}
    pairing = Pairing(sim, name, "inhibitory", **limits)
    for n, given in limits.items():
        assert_array_equal(pairing.projection.get(n, "array"), given)
        pairing.given[n] = np.abs(given)
    sim.run(DURATION)
    assert_allclose(pairing.projection.get("weight", "array"), -pairing.expected(), rtol=1e-9)
    pairing.projection.set(w_max=-0.25)
    pairing.projection[1].w_max = 0.5
    assert [c.w_max for c in pairing.projection][:3] == [-0.25, 0.5, -0.25]


def test_inhibitory_conductances(sim):
    pairing = Pairing(sim, MECHANISMS[4], "inhibitory", sim.IF_cond_exp(tau_refrac=2.0))
    sim.run(DURATION)
    assert_allclose(pairing.projection.get("weight", "array"), pairing.expected(), rtol=1e-9)


def test_the_postsynaptic_cell_gets_the_weight_after_the_event(sim, samples):
    pairing = Pairing(sim, MECHANISMS[0], "inhibitory", A_minus=0.0, tau_plus=1e6, delay=1.0)
    pairing.post.record("isyn_inh")
    sim.run(DURATION)
    given, found = pairing.given, samples(pairing.post, "isyn_inh")
    assert found.min() < -given["weight"].max()
    assert found.max() == 0.0


@pytest.mark.parametrize(
    ("celltype", "receptor", "sign"),
    [
        ("IF_curr_exp", "excitatory", 1.0),
        ("IF_curr_exp", "inhibitory", -1.0),
        ("IF_curr_delta", "inhibitory", -1.0),
        ("IF_cond_exp", "inhibitory", 1.0),
    ],
)
@pytest.mark.parametrize("safe", [True, False])
def test_where_a_weight_of_zero_goes(sim, celltype, receptor, sign, safe):
    """The sign is that of the weight given last; only without PyNN's check can it change."""
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[5.0, 20.0]))
    cell = sim.Population(1, getattr(sim, celltype)(v_thresh=-64.0, tau_refrac=5.0))
    cell.inject(sim.StepCurrentSource(times=[7.0, 10.0], amplitudes=[2.0, 0.0]))
    synapse = make(MECHANISMS[0], A_plus=0.1, delay=1.0)
    projection = sim.Projection(source, cell, sim.AllToAllConnector(safe=safe), synapse,
                                receptor_type=receptor)  # fmt: skip
    sim.run(15.0)
    first = projection.get("weight", "list", with_address=False)[0]
    assert first * sign > 0.05
    again = first if safe else -first
    projection.set(weight=again)
    assert projection[0].weight == again
    projection.set(weight=0.0)
    sim.reset()
    assert str(projection[0].weight) == "0.0"
    sim.run(15.0)
    assert projection[0].weight == pytest.approx(again)


def test_reset_restores_the_weights_given_last(sim):
    pairing = Pairing(sim, MECHANISMS[1])
    projection, given = pairing.projection, pairing.given["weight"].copy()
    sim.run(DURATION)
    first = projection.get("weight", "array")
    sim.reset()
    assert_array_equal(projection.get("weight", "array"), given)
    assert (projection.get("trace_pre", "array") == 0.0).all()
    sim.run(DURATION)
    assert_array_equal(projection.get("weight", "array"), first)
    projection[0].weight = 0.03
    sim.reset()
    given[0, 0] = 0.03
    assert_array_equal(projection.get("weight", "array"), given)
    sim.run(DURATION)
    projection.set(weight=0.02)
    assert (projection.get("weight", "array") == 0.02).all()
    sim.reset()
    assert (projection.get("weight", "array") == 0.02).all()


def test_parameters_that_change_between_runs(sim):
    pairing = Pairing(sim, MECHANISMS[0], A_plus=0.0, A_minus=0.0)
    projection = pairing.projection
    sim.run(100.0)
    assert_array_equal(projection.get("weight", "array"), pairing.given["weight"])
    projection.set(A_minus=1.0)
    sim.run(DURATION - 100.0)
    assert_allclose(projection.get("weight", "array"), pairing.given["w_min"])


def test_weights_are_those_of_the_time_at_which_they_are_read(sim):
    pairing = Pairing(sim, MECHANISMS[2], delay=2.0)
    seen = []

    def read(t):
        seen.append(pairing.projection.get("weight", "array"))
        return t + 10.0

    sim.run(DURATION, callbacks=[read])
    assert len(seen) == 26
    assert_array_equal(seen[-1], pairing.projection.get("weight", "array"))
    assert_allclose(seen[-1], pairing.expected(), rtol=1e-9)
    assert len({matrix.tobytes() for matrix in seen}) > 20


@pytest.mark.parametrize("dependence", DEPENDENCES)
def test_weights_stay_within_their_limits(sim, dependence):
    up = Pairing(sim, f"SpikePairRule {dependence}", A_plus=0.9, A_minus=0.0)
    down = Pairing(sim, f"SpikePairRule {dependence}", A_plus=0.0, A_minus=0.9)
    sim.run(DURATION)
    highest, lowest = up.projection.get("weight", "array"), down.projection.get("weight", "array")
    assert (highest <= up.given["w_max"]).all()
    assert (lowest >= down.given["w_min"]).all()
    assert (highest > 0.9 * up.given["w_max"]).any()


def test_axons_along_which_spikes_are_on_their_way_keep_their_length(sim):
    sources = [sim.Population(1, sim.SpikeSourceArray(spike_times=[t])) for t in (50.0, 9.0)]
    cell = sim.Population(1, sim.IF_curr_exp())
    synapse = make(MECHANISMS[0], weight=0.1, delay=3.0, dendritic_delay_fraction=0.0)
    both = sim.Assembly(*sources)
    projection = sim.Projection(both, cell, sim.AllToAllConnector(), synapse)
    sim.run(10.0)
    message = "spikes are on their way to synapses"
    for change in ({"delay": 2.0}, {"dendritic_delay_fraction": 0.5, "A_plus": 0.5}):
        with pytest.raises(errors.InvalidParameterValueError, match=message):
            projection.set(**change)
    with pytest.raises(errors.InvalidParameterValueError, match=message):
        projection[1].delay = 2.0
    assert (projection.get("delay", "array") == 3.0).all()
    assert (projection.get("A_plus", "array") == 0.01).all()
    sim.run(5.0)
    projection.set(delay=2.0, dendritic_delay_fraction=0.5)
    assert (projection.get("delay", "array") == 2.0).all()
