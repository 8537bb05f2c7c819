"""Integrate-and-fire neurons: closed forms of counts and rates, on both executors of layers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ship_engine import Input, Link, Network
from ship_engine.layers.neurons import Neurons
from ship_engine.platform.models.integrate_and_fire import IF, IFSoftReset, LIFWithinStep, LowPass

EXECUTORS = pytest.mark.parametrize("executor", ["fused", "torch"])


def spikes(neurons: Neurons, currents: object, steps: int = 0) -> torch.Tensor:
    """The course of some neurons with constant currents, or of one with a current for each step."""
    given = torch.as_tensor(currents, dtype=torch.float64)
    shaped = given[:, None, None] if steps == 0 else given.expand(steps, 1, -1).contiguous()
    with torch.no_grad():
        return neurons(shaped)[:, 0, :]


def rate(j: float, tau_ref: float, tau_rc: float, thr: float = 1.0) -> float:
    """Spikes per ms of a leaky neuron."""
    return 1.0 / (tau_ref + tau_rc * math.log1p(thr / (j - thr)))


@EXECUTORS
class TestIF:
    def test_a_reset_to_zero_loses_what_exceeds_the_threshold(self, executor):
        course = spikes(Neurons(IF, executor=executor, thr=1.0), [0.75] * 8)[:, 0]
        assert course.tolist() == [0.0, 1.0] * 4  # 0.75, 1.5 -> 0

    def test_a_soft_reset_keeps_it(self, executor):
        course = spikes(Neurons(IFSoftReset, executor=executor, thr=1.0), [0.75] * 8)[:, 0]
        assert course.tolist() == [0.0, 1.0, 1.0, 1.0] * 2  # the sums are 0.75 k

    def test_counts_are_sums_over_thresholds(self, executor):
        random = np.random.default_rng(0)
        steps, thr = 200, torch.tensor([0.5, 1.0, 3.0])
        currents = random.uniform(0.0, 0.5, (steps, 1, 3))
        neurons = Neurons(IFSoftReset, executor=executor, thr=thr)
        counts = neurons(torch.tensor(currents)).sum(0)[0]
        expected = np.floor(currents.sum(0)[0] / thr.numpy())
        np.testing.assert_array_equal(counts.numpy(), expected)

    def test_a_potential_below_zero_is_kept(self, executor):
        for model in (IF, IFSoftReset):
            course = spikes(Neurons(model, executor=executor), [-2.0, 2.0, 0.5, 0.5])
            assert course[:, 0].tolist() == [0.0, 0.0, 0.0, 1.0]


@EXECUTORS
class TestLIFWithinStep:
    @pytest.mark.parametrize("dt", [1.0, 0.25])
    def test_rates_are_those_of_the_closed_form(self, executor, dt):
        j = np.array([1.01, 1.1, 1.5, 2.0, 5.0, 20.0])
        neurons = Neurons(LIFWithinStep, dt=dt, executor=executor, tau_ref=2.0, tau_rc=20.0, bias=0)
        counts = spikes(neurons, j, steps=int(2000 / dt)).sum(0).numpy()
        # The first spike is not preceded by a rest of tau_ref.
        expected = [math.floor(2002.0 * rate(one, 2.0, 20.0)) for one in j]
        np.testing.assert_allclose(counts, expected, atol=1.0)

    def test_a_rest_shorter_than_a_step_ends_within_it(self, executor):
        neurons = Neurons(LIFWithinStep, executor=executor, tau_ref=0.3, tau_rc=5.0, bias=0.0)
        j = [1.5, 2.5, 4.0]
        counts = spikes(neurons, j, steps=3000).sum(0)
        for found, one in zip(counts, j, strict=True):
            assert float(found) == pytest.approx(3000.0 * rate(one, 0.3, 5.0), abs=1.5)

    def test_there_is_at_most_one_spike_in_a_step(self, executor):
        neurons = Neurons(LIFWithinStep, executor=executor, tau_ref=0.0, tau_rc=5.0)
        course = spikes(neurons, [100.0, 1e6], steps=50)
        assert bool((course[1:] == 1.0).all())

    def test_strong_currents_saturate_at_the_refractory_period(self, executor):
        neurons = Neurons(LIFWithinStep, executor=executor, tau_ref=4.0)
        counts = spikes(neurons, [1e3, 1e6, 1e12], steps=400).sum(0)
        assert (counts - 100.0).abs().max() <= 1.0

    def test_no_spike_at_or_below_the_threshold(self, executor):
        neurons = Neurons(LIFWithinStep, executor=executor, bias=0.0, gain=2.0, thr=0.8)
        counts = spikes(neurons, [-1.0, 0.0, 0.4, 0.41], steps=3000).sum(0)
        assert counts[:3].tolist() == [0.0, 0.0, 0.0]
        assert float(counts[3]) == pytest.approx(3000.0 * rate(0.82, 2.0, 20.0, 0.8), abs=1.0)

    def test_the_potential_stays_above_its_floor(self, executor):
        for v_min, expected in ((0.0, 0.0), (-0.5, -0.5), (-math.inf, 1.0 - 1.0 - 9.0)):
            neurons = Neurons(LIFWithinStep, executor=executor, v_min=v_min)
            _, states = neurons.with_states(torch.full((500, 1, 1), -10.0), ("u",))
            assert float(states["u"][-1]) == pytest.approx(expected, abs=1e-4)

    def test_gradients_are_finite_and_lead_to_the_current(self, executor):
        currents = torch.linspace(-1.0, 30.0, 60).expand(80, 2, 60).clone().requires_grad_()
        neurons = Neurons(LIFWithinStep, executor=executor)
        neurons(currents).sum().backward()
        assert bool(currents.grad.isfinite().all())
        assert bool((currents.grad[:, :, 2:10].sum((0, 1)) > 0.0).all())


@settings(deadline=None, max_examples=60)
@given(
    j=st.floats(1.02, 50.0),
    tau_ref=st.floats(0.0, 5.0),
    tau_rc=st.floats(2.0, 50.0),
    dt=st.sampled_from([0.1, 0.5, 1.0]),
)
def test_any_rate_below_one_spike_per_step_is_exact(j, tau_ref, tau_rc, dt):
    neurons = Neurons(LIFWithinStep, dt=dt, bias=0.0, tau_ref=tau_ref, tau_rc=tau_rc)
    steps = 1000
    count = float(spikes(neurons, [j], steps=steps).sum())
    # The first spike is not preceded by a rest of tau_ref.
    expected = (steps * dt + tau_ref) * rate(j, tau_ref, tau_rc)
    assert count == pytest.approx(min(expected, steps), abs=1.5)


class TestLowPass:
    @EXECUTORS
    def test_a_spike_has_the_area_one(self, executor):
        dt, tau = 0.5, 4.0
        neurons = Neurons(LowPass, dt=dt, executor=executor, tau=tau, gain=1.0 / dt)
        course = spikes(neurons, [1.0] + [0.0] * 400)[:, 0]
        assert float(course.sum() * dt) == pytest.approx(1.0, rel=1e-6)
        assert float(course[9] / course[1]) == pytest.approx(math.exp(-8 * dt / tau), rel=1e-6)

    @EXECUTORS
    def test_without_a_time_constant_it_hands_on_at_once(self, executor):
        neurons = Neurons(LowPass, executor=executor, tau=0.0, gain=3.0)
        assert spikes(neurons, [1.0, 0.0, -2.0])[:, 0].tolist() == [3.0, 0.0, -6.0]


@pytest.mark.parametrize("executor", ["numba", "torch"])
@pytest.mark.parametrize("model", [IF, IFSoftReset, LIFWithinStep])
def test_networks_of_the_platform_take_them(executor, model):
    net = Network(executor=executor)
    net.add(Input, "I", N=1)
    net.add(model, "N", N=1, is_output=True)
    net.add(Link, "IN", source="I", target="N")
    net.init(dt=1.0)
    currents = torch.full((100, 1, 1), 0.6)
    found = net.run(currents.transpose(0, 1))
    assert found.sum() > 3
    torch.testing.assert_close(found[0].to(currents), Neurons(model)(currents)[:, 0])
