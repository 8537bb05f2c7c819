"""Synapses whose efficacy depends on their presynaptic spikes, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ship_engine.elementwise import binomial_quantile
from ship_engine.event_network import EventNetwork
from ship_engine.groups import NeuronGroup, SpikeArrayGroup
from ship_engine.models.lif import LIFCurrentExponential
from ship_engine.synapses.short_term import (
    MultiQuantal,
    SimpleStochastic,
    StochasticTsodyksMarkram,
    TsodyksMarkram,
)

INTERVAL = 20.0  # ms, at which sources spike
SPIKES = 100


def amplitudes(cache, model, parameters, synapses=1, seed=0, epochs=1):
    """What each spike brings to each of several synapses of one source, [spikes, synapses]."""
    network = EventNetwork(dt=0.1, seed=seed, cache=cache)
    source = network.add(SpikeArrayGroup(1))
    source.set_spike_times([10.0 + INTERVAL * np.arange(SPIKES)])
    silent = {"v_thresh": 1e6, "tau_syn_exc": 0.7}
    target = network.add(NeuronGroup(LIFCurrentExponential, synapses, "targets", silent))
    cells = np.arange(synapses, dtype=np.int32)
    ends = (np.zeros(synapses, np.int32), cells)
    network.connect(source, target, "excitatory", ends, 1.0, 10, model, parameters)
    current = network.record_state(target, "isyn_exc", cells)
    for _ in range(epochs - 1):
        network.reset()
    network.run(110 + 200 * SPIKES)
    before = current.samples[109::200][:SPIKES] * np.exp(-0.1 / 0.7)
    return current.samples[110::200][:SPIKES] - before


@pytest.mark.parametrize("tau_facil", [0.0, 300.0])
@pytest.mark.parametrize(("tau_rec", "tau_psc"), [(150.0, 3.0), (3.0, 3.0), (2.0, 30.0)])
def test_tsodyks_markram_follows_its_differential_equations(
    kernel_cache, tau_rec, tau_psc, tau_facil
):
    parameters = {"U": 0.4, "tau_rec": tau_rec, "tau_facil": tau_facil, "tau_psc": tau_psc}
    found = amplitudes(kernel_cache, TsodyksMarkram, parameters)[:12, 0]
    u, x, y, expected = 0.0, 1.0, 0.0, []
    rest, small = INTERVAL, 0.002
    # Resources by small steps of the matrix exponential's midpoint rule.
    for k in range(12):
        for _ in range(round((10.0 if k == 0 else rest) / small)):
            middle_y = y * (1.0 - 0.5 * small / tau_psc)
            middle_x = x + 0.5 * small * (1.0 - x - y) / tau_rec
            x += small * (1.0 - middle_x - middle_y) / tau_rec
            y -= small * middle_y / tau_psc
            u *= 1.0 - small / tau_facil if tau_facil else 0.0
        u += 0.4 * (1.0 - u)
        expected.append(x * u)
        x, y = x - x * u, y + x * u
    np.testing.assert_allclose(found, expected, rtol=2e-5)


def test_a_spike_is_transmitted_or_not(kernel_cache):
    p = np.array([0.0, 0.2, 0.7, 1.0])
    found = amplitudes(kernel_cache, SimpleStochastic, {"p": np.repeat(p, 50)}, 200)
    assert np.isin(found.round(12), (0.0, 1.0)).all()
    rate = found.mean(0).reshape(4, 50).mean(1)
    np.testing.assert_allclose(rate, p, atol=4.0 * np.sqrt(0.25 / (50 * SPIKES)))
    assert rate[0] == 0.0
    assert rate[3] == 1.0


def test_synapses_fail_independently(kernel_cache):
    found = amplitudes(kernel_cache, SimpleStochastic, {"p": 0.5}, 100)
    correlation = np.corrcoef(found.T)[np.triu_indices(100, 1)]
    assert abs(correlation.mean()) < 0.005
    assert np.abs(correlation).max() < 0.55


def test_random_numbers_follow_the_seed_and_the_epoch(kernel_cache):
    first = amplitudes(kernel_cache, SimpleStochastic, {"p": 0.5}, 5)
    again = amplitudes(kernel_cache, SimpleStochastic, {"p": 0.5}, 5)
    other = amplitudes(kernel_cache, SimpleStochastic, {"p": 0.5}, 5, seed=1)
    later = amplitudes(kernel_cache, SimpleStochastic, {"p": 0.5}, 5, epochs=2)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, later)


def test_one_release_site_has_the_stationary_rate_of_its_markov_chain(kernel_cache):
    U, tau_rec = 0.6, 30.0
    parameters = {"U": U, "tau_rec": tau_rec, "tau_facil": 0.0}
    found = amplitudes(kernel_cache, StochasticTsodyksMarkram, parameters, 400)
    assert np.isin(found.round(12), (0.0, 1.0)).all()
    refilled = 1.0 - np.exp(-INTERVAL / tau_rec)
    # full = empty * refilled + (1 - empty), where empty = full * U + (1 - full) in the long run
    full = refilled / (refilled + U * (1.0 - refilled))
    rate = found[20:].mean()
    assert rate == pytest.approx(full * U, abs=4.0 * np.sqrt(0.25 / found[20:].size))
    assert found[0].mean() == pytest.approx(U, abs=4.0 * np.sqrt(0.25 / 400))


def test_many_sites_release_what_one_would_on_average(kernel_cache):
    parameters = {"U": 0.6, "tau_rec": 30.0, "tau_facil": 0.0}
    one = amplitudes(kernel_cache, StochasticTsodyksMarkram, parameters, 400)
    many = amplitudes(kernel_cache, MultiQuantal, parameters | {"n": 8.0}, 400)
    np.testing.assert_allclose(many * 8.0, np.rint(many * 8.0), atol=1e-9)
    assert many[20:].mean() == pytest.approx(one[20:].mean(), abs=0.01)
    # The first release is binomial.
    observed = np.bincount(np.rint(many[0] * 8.0).astype(int), minlength=9)
    expected = stats.binom.pmf(np.arange(9), 8, 0.6) * 400
    few = slice(0, 3)  # too rare to be tested one by one
    observed = np.append(observed[3:], observed[few].sum())
    expected = np.append(expected[3:], expected[few].sum())
    assert stats.chisquare(observed, expected).pvalue > 1e-3


@pytest.mark.parametrize("probability", [0.0, 0.03, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("count", [0.0, 1.0, 7.0, 60.0])
def test_binomial_quantile_is_that_of_the_distribution(count, probability):
    uniform = np.linspace(0.0011, 0.9983, 500)  # none is a step of the function
    found = binomial_quantile(uniform, count, probability)
    np.testing.assert_array_equal(found, stats.binom.ppf(uniform, count, probability).clip(0))
