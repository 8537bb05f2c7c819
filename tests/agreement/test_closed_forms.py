"""Runs agree with solutions on paper, or with a solver of differential equations."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from ship_engine.event_network import EventNetwork
from ship_engine.executors.base import Executor
from ship_engine.executors.numba_cpu import NumbaExecutor
from ship_engine.groups import NeuronGroup, SpikeArrayGroup
from ship_engine.lowering.cache import KernelCache
from ship_engine.models.base import Model
from ship_engine.models.lif import (
    LIFConductanceAlpha,
    LIFConductanceExponential,
    LIFCurrentAlpha,
    LIFCurrentExponential,
    LIFVoltageJump,
)

MakeExecutor = Callable[..., Executor]
MODELS = pytest.mark.parametrize(
    "model",
    [
        LIFCurrentExponential,
        LIFCurrentAlpha,
        LIFVoltageJump,
        LIFConductanceExponential,
        LIFConductanceAlpha,
    ],
    ids=lambda model: model.name,
)
CONDUCTANCES = pytest.mark.parametrize(
    "model", [LIFConductanceExponential, LIFConductanceAlpha], ids=lambda model: model.name
)


class Setup:
    """Neurons, each driven by a source of its own."""

    def __init__(
        self,
        executor: Executor,
        model: type[Model],
        parameters: dict[str, Any],
        size: int = 1,
        **options: Any,
    ) -> None:
        self.network = EventNetwork(executor=executor, **options)
        self.cells = self.network.add(NeuronGroup(model, size, "cells", parameters))
        self.monitor = self.network.record_spikes(self.cells, slice(None))

    def drive(self, times: list[list[float]], weight: Any, port: str, delay: int = 1) -> None:
        """Connect a source with spike times for each cell."""
        source = self.network.add(SpikeArrayGroup(self.cells.size, "source"))
        source.set_spike_times([np.asarray(row) for row in times])
        one_to_one = np.arange(self.cells.size, dtype=np.int32)
        self.network.connect(source, self.cells, port, (one_to_one, one_to_one), weight, delay)

    def potentials(self, steps: int) -> NDArray[np.float64]:
        """The potential of every cell from time zero on, after a run."""
        samples = self.network.record_state(self.cells, "v", np.arange(self.cells.size))
        self.network.run(steps)
        return samples.samples

    def spike_times(self, steps: int) -> list[NDArray[np.float64]]:
        """Spike times of each cell, after a run."""
        self.network.run(steps)
        cells, times = self.monitor.spikes(self.network.clock)
        return [times[cells == k] for k in range(self.cells.size)]


class TestConstantCurrent:
    """A leaky membrane under constant current reaches its threshold at known times."""

    @MODELS
    def test_spike_times(self, model: type[Model], executor: MakeExecutor) -> None:
        current = np.array([0.8, 1.0, 2.0, 5.0])
        refractory = np.array([0.0, 0.04, 2.0, 3.33])
        given = {"cm": 0.9, "tau_m": 15.0, "v_rest": -65.0, "v_reset": -67.0, "v_thresh": -55.0}
        setup = Setup(
            executor(), model, {**given, "i_offset": current, "tau_refrac": refractory}, 4
        )
        setup.cells.initialize("v", -67.0)
        rise = current * 15.0 / 0.9
        first = 15.0 * np.log((rise + 2.0) / (rise - 10.0))
        for k, times in enumerate(setup.spike_times(800)):
            expected = first[k] + (first[k] + refractory[k]) * np.arange(times.size)
            assert times.size == np.ceil((80.0 - first[k]) / (first[k] + refractory[k]))
            np.testing.assert_allclose(times, expected, rtol=0.0, atol=1e-6)

    def test_on_the_grid(self, executor: MakeExecutor) -> None:
        """Each spike comes at the end of its step, and refractory periods are whole steps."""
        given = {"cm": 1.0, "tau_m": 10.0, "v_rest": 0.0, "v_reset": 0.0, "v_thresh": 10.0}
        given |= {"i_offset": 2.0, "tau_refrac": 0.97}
        setup = Setup(executor(), LIFCurrentExponential, given, spike_precision="on_grid")
        setup.cells.initialize("v", 0.0)
        (times,) = setup.spike_times(300)
        rise = np.ceil(10.0 * np.log(2.0) / 0.1)
        expected = rise + (rise + 10.0) * np.arange(times.size)
        np.testing.assert_array_equal(times, expected / 10.0)


class TestPotentials:
    """What one spike does to a membrane at rest."""

    tau_m = 20.0
    tau_syn = np.array([5.0, 0.5, 100.0, 20.0, 20.0 * (1.0 + 1e-9), 20.0 * (1.0 + 1e-6), 19.9])
    cm, weight = 0.25, 1.5

    def run(self, executor: Executor, model: type[Model]) -> NDArray[np.float64]:
        """Potentials above rest from the arrival of the spike on, [steps, cells]."""
        given = {"v_rest": -65.0, "cm": self.cm, "tau_m": self.tau_m, "v_thresh": 1e3}
        setup = Setup(executor, model, {**given, "tau_syn_exc": self.tau_syn}, self.tau_syn.size)
        setup.drive([[1.0]] * self.tau_syn.size, self.weight, "excitatory", delay=7)
        return setup.potentials(1000)[17:] + 65.0

    def test_exponential_current(self, executor: MakeExecutor) -> None:
        found = self.run(executor(), LIFCurrentExponential)
        for k, tau in enumerate(self.tau_syn):
            expected = [self.weight / self.cm * self.integral(t, tau, 0) for t in times_of(found)]
            np.testing.assert_allclose(found[::7, k], expected, rtol=0.0, atol=1e-10)

    def test_alpha_current(self, executor: MakeExecutor) -> None:
        found = self.run(executor(), LIFCurrentAlpha)
        for k, tau in enumerate(self.tau_syn):
            factor = self.weight * np.e / tau / self.cm
            expected = [factor * self.integral(t, tau, 1) for t in times_of(found)]
            np.testing.assert_allclose(found[::7, k], expected, rtol=0.0, atol=1e-10)

    def integral(self, t: float, tau: float, power: int) -> float:
        """Integral of u^power exp(-u / tau) exp(-(t - u) / tau_m) over u from 0 to t."""
        with mpmath.workdps(60):
            a = 1 / mpmath.mpf(tau) - 1 / mpmath.mpf(self.tau_m)
            t = mpmath.mpf(t)
            if a == 0:
                whole = t ** (power + 1) / (power + 1)
            elif power == 0:
                whole = (1 - mpmath.exp(-a * t)) / a
            else:
                whole = (1 - (1 + a * t) * mpmath.exp(-a * t)) / a**2
            return float(whole * mpmath.exp(-t / self.tau_m))

    def test_jump(self, executor: MakeExecutor) -> None:
        weights = np.array([1.0, -2.5, 1e-3])
        given = {"v_rest": -65.0, "tau_m": 20.0, "v_thresh": 1e3}
        setup = Setup(executor(), LIFVoltageJump, given, 3)
        setup.drive([[1.0]] * 3, weights, "excitatory", delay=7)
        found = setup.potentials(500)
        np.testing.assert_array_equal(found[:17], -65.0)
        np.testing.assert_array_equal(found[17], -65.0 + weights)
        expected = -65.0 + weights * np.exp(-times_of(found[17:])[:, None] / 20.0)
        np.testing.assert_allclose(found[17::7], expected, rtol=0.0, atol=1e-12)


def times_of(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Times of every seventh sample."""
    return np.arange(found.shape[0])[::7] / 10.0


class TestConductances:
    """Steps of 0.1 ms are fine enough for conductances."""

    given = {"v_rest": -65.0, "cm": 0.25, "tau_m": 15.0, "i_offset": 0.1}
    given |= {"tau_syn_exc": 3.0, "tau_syn_inh": 8.0, "e_syn_exc": 0.0, "e_syn_inh": -75.0}

    @CONDUCTANCES
    def test_potential_as_by_a_solver(self, model: type[Model], executor: MakeExecutor) -> None:
        arrivals = {"excitatory": ([2.0, 5.0, 5.5, 20.0], 0.03), "inhibitory": ([10.0], 0.06)}
        setup = Setup(executor(), model, {**self.given, "v_thresh": 1e3})
        for port, (times, weight) in arrivals.items():
            setup.drive([[time - 1.0 for time in times]], weight, port, delay=10)
        found = setup.potentials(400)[:, 0]

        def conductance(t: float, port: str) -> float:
            times, weight = arrivals[port]
            tau = self.given[f"tau_syn_{port[:3]}"]
            since = np.array([(t - time) / tau for time in times if t >= time])
            if model is LIFConductanceAlpha:
                return float(weight * (since * np.exp(1.0 - since)).sum())
            return float(weight * np.exp(-since).sum())

        def slope(t: float, v: NDArray[np.float64]) -> NDArray[np.float64]:
            current = 0.1 + conductance(t, "excitatory") * (0.0 - v)
            current += conductance(t, "inhibitory") * (-75.0 - v)
            return (-65.0 - v) / 15.0 + current / 0.25

        corners = sorted({0.0, 40.0, *(t for times, _ in arrivals.values() for t in times)})
        v = np.array([-65.0])
        for start, stop in pairwise(corners):
            steps = np.arange(round(10 * start), round(10 * stop) + 1)
            span = (start, np.nextafter(stop, start))
            solved = solve_ivp(
                slope, span, v, "DOP853", np.minimum(steps / 10, span[1]), rtol=1e-10, atol=1e-10
            )
            np.testing.assert_allclose(found[steps], solved.y[0], rtol=0.0, atol=1e-6)
            v = solved.y[:, -1]

    @CONDUCTANCES
    @pytest.mark.parametrize(("grid", "most", "typical"), [(0.1, 1e-4, 1e-6), (None, 0.02, 1e-3)])
    def test_spike_times_have_converged(
        self,
        model: type[Model],
        grid: float | None,
        most: float,
        typical: float,
        executor: MakeExecutor,
        kernel_cache: KernelCache,
    ) -> None:
        """With 0.1 ms they are those with 0.001 ms, best where spikes arrive on the grid."""
        times = [
            self.spike_times(model, grid, executor(), 0.1),
            self.spike_times(model, grid, NumbaExecutor(kernel_cache), 0.001),
        ]
        assert all(found.size > 5 for found in times[0])
        assert [found.size for found in times[0]] == [found.size for found in times[1]]
        difference = np.abs(np.concatenate(times[0]) - np.concatenate(times[1]))
        assert difference.max() < most
        assert np.median(difference) < typical

    def spike_times(
        self, model: type[Model], grid: float | None, executor: Executor, dt: float
    ) -> list[NDArray[np.float64]]:
        random = np.random.default_rng(5)
        setup = Setup(executor, model, {**self.given, "tau_refrac": 2.0}, 10, dt=dt)
        weight = 0.01 if model is LIFConductanceExponential else 0.005
        for port, factor, count in (("excitatory", 1.0, 80), ("inhibitory", 2.0, 20)):
            times = np.sort(random.uniform(0.1, 150.0, (10, count)))
            if grid is not None:
                times = np.rint(times / grid) * grid
            setup.drive(times.tolist(), factor * weight, port, delay=round(1.0 / dt))
        return setup.spike_times(round(150.0 / dt))


class TestDelivery:
    """A spike between two steps acts on both, or at its moment where it moves the potential."""

    TAU = pytest.mark.parametrize("tau", [5.0, 0.01, 1e12, (3.0, 3.0, 3.0, 3.0, 4.0)])
    """Where components differ, and where what arrived hardly decays, shares are proportional."""

    @TAU
    @pytest.mark.parametrize("model", [LIFCurrentExponential, LIFCurrentAlpha])
    def test_sum_charge_and_mean_time(
        self, model: type[Model], tau: float | tuple[float, ...], executor: MakeExecutor
    ) -> None:
        times = np.array([0.0, 0.03, 0.05, 0.0999, 0.1])
        delays = np.array([1, 2, 3, 4, 9])
        weights = np.array([1.0, -2.0, 0.5, 4.0, 3.0])
        setup = Setup(executor(), model, {"tau_syn_inh": tau}, 5)
        source = setup.network.add(SpikeArrayGroup(5, "source"))
        source.set_spike_times([times[k : k + 1] for k in range(5)])
        pairs = (np.arange(5, dtype=np.int32), np.arange(4, -1, -1, dtype=np.int32))
        setup.network.connect(source, setup.cells, "inhibitory", pairs, weights, delays)
        setup.network.run(1)
        ring = setup.cells.ring
        pending = np.array([ring.data[1, k % ring.slots, :5] for k in range(1, ring.slots)])[
            :, ::-1
        ]
        arrival = np.arange(1, ring.slots)[:, None] / 10.0
        np.testing.assert_allclose(pending.sum(0), weights, rtol=1e-14)
        expected = times + delays / 10.0
        if model is LIFCurrentExponential and isinstance(tau, float):
            # What has passed by the later step, and so what is left there, is exact.
            last = np.ceil(10.0 * expected - 1e-9) / 10.0
            charge = -np.expm1(-np.maximum(last - arrival, 0.0) / tau)
            passed = (charge * pending).sum(0) / weights
            np.testing.assert_allclose(passed, -np.expm1((expected - last) / tau), atol=1e-14)
        else:
            mean_time = (arrival * pending).sum(0) / weights
            np.testing.assert_allclose(mean_time, expected, rtol=0.0, atol=1e-14)
        np.testing.assert_array_equal((pending != 0.0).sum(0), [1, 2, 2, 2, 1])

    def test_a_new_time_constant_is_followed(self, executor: MakeExecutor) -> None:
        setup = Setup(executor(), LIFCurrentExponential, {}, 1)
        setup.drive([[1.04, 3.04]], 0.1, "excitatory", delay=1)
        current = setup.network.record_state(setup.cells, "isyn_exc", np.arange(1))
        setup.network.run(20)
        setup.cells.set(tau_syn_exc=0.5)
        setup.network.run(20)
        before, after = current.samples[[30, 31], 0]
        share = np.expm1(-0.06 / 0.5) / np.expm1(-0.1 / 0.5)
        assert after - before * np.exp(-0.1 / 0.5) == pytest.approx(0.1 * share, rel=1e-6)

    @pytest.mark.parametrize("forward", [True, False])
    def test_without_delay(self, forward: bool, executor: MakeExecutor) -> None:
        """It acts at the moment of the spike, or in the next step if the target came before."""
        network = EventNetwork(executor=executor())
        given = {"i_offset": 1e3, "tau_refrac": 100.0}
        cells = [network.add(NeuronGroup(LIFVoltageJump, 1, name, given)) for name in "ab"]
        target = cells[1]
        target.set(i_offset=0.0, v_thresh=1e3)
        zero = np.zeros(1, np.int32)
        network.connect(cells[0], target, "excitatory", (zero, zero), 1.0, 0)
        if not forward:
            # Two undelayed edges back against one: the target is advanced first.
            for port in ("excitatory", "inhibitory"):
                network.connect(target, cells[0], port, (zero, zero), 1.0, 0)
        samples = network.record_state(target, "v", np.arange(1))
        spikes = network.record_spikes(cells[0], slice(None))
        network.run(3)
        assert network.stack().index(target) == (1 if forward else 0)
        (spike,) = spikes.spikes(network.clock)[1]
        assert 0.0 < spike < 0.1
        since = 0.1 * np.arange(1, 4) - (spike if forward else 0.1)
        expected = -65.0 + np.exp(-since / 20.0)
        np.testing.assert_allclose(samples.samples[1:, 0], expected, rtol=1e-14)
