"""Receptors beside each other on one membrane, against closed forms and a solver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.optimize import minimize_scalar

from ship_engine.event_network import EventNetwork
from ship_engine.executors.base import Executor
from ship_engine.groups import NeuronGroup, SpikeArrayGroup
from ship_engine.models.base import Model
from ship_engine.models.composition import compose
from ship_engine.models.lif import LeakyMembrane
from ship_engine.models.receptors import (
    ConductanceAlpha,
    ConductanceBeta,
    ConductanceExponential,
    CurrentAlpha,
    CurrentExponential,
)

MakeExecutor = Callable[..., Executor]
ARRIVAL = 2.0
TIMES = np.arange(401) / 10.0
SINCE = np.maximum(TIMES - ARRIVAL, 0.0)
RISE = np.array([0.2, 1.0, 2.0, 2.0, 2.0, 2.0, 0.001, 5.0, 3.0])
DECAY = np.array([1.7, 8.0, 2.0, 2.0 + 1e-12, 2.0 - 1e-7, 2.1, 9.0, 0.4, 300.0])


def difference(t: Any, rise: Any, decay: Any) -> Any:
    """Difference of exponentials with its peak at one; of two near to each other, their limit."""
    if abs(rise - decay) < 1e-6:
        tau = 0.5 * (rise + decay)
        return t / tau * np.exp(1.0 - t / tau)
    peak = np.log(decay / rise) / (1.0 / rise - 1.0 / decay)
    norm = np.exp(-peak / decay) - np.exp(-peak / rise)
    return (np.exp(-t / decay) - np.exp(-t / rise)) / norm


def one_spike(executor: Executor, model: type[Model], weights: dict[str, Any], **given: Any) -> Any:
    """A group that a spike reaches at `ARRIVAL` through the given ports."""
    network = EventNetwork(executor=executor)
    size = max(np.size(value) for value in (*given.values(), 1.0))
    cells = network.add(NeuronGroup(model, size, "cells", {"v_thresh": 1e3, **given}))
    source = network.add(SpikeArrayGroup(1, "source"))
    source.set_spike_times([np.array([ARRIVAL - 1.0])])
    pairs = np.zeros(size, np.int32), np.arange(size, dtype=np.int32)
    for port, weight in weights.items():
        network.connect(source, cells, port, pairs, weight, 10)
    return network, cells


def recorded(network: EventNetwork, cells: NeuronGroup, *states: str) -> list[NDArray[np.float64]]:
    monitors = [network.record_state(cells, name, np.arange(cells.size)) for name in states]
    network.run(TIMES.size - 1)
    return [monitor.samples for monitor in monitors]


class TestBeta:
    """A difference of exponentials whose peak is the weight."""

    model = compose("LIFBeta", LeakyMembrane, {"excitatory": (ConductanceBeta, "_exc")})

    def test_time_course(self, executor: MakeExecutor) -> None:
        given = {"tau_rise_exc": RISE, "tau_decay_exc": DECAY, "tau_m": 10.0, "v_rest": -60.0}
        network, cells = one_spike(executor(), self.model, {"excitatory": 0.02}, **given)
        (found,) = recorded(network, cells, "gsyn_exc")
        for k in range(RISE.size):
            expected = 0.02 * difference(SINCE, RISE[k], DECAY[k])
            np.testing.assert_allclose(found[:, k], expected, rtol=1e-6, atol=1e-12)

    @pytest.mark.parametrize(("rise", "decay"), [*zip(RISE, DECAY, strict=True)])
    def test_peak_is_the_weight(self, rise: float, decay: float) -> None:
        def conductance(time: float) -> Any:
            *_, gained, peak_rate = ConductanceBeta.time_dep(time, rise, decay)
            return -peak_rate * gained

        reach = (0.0, 20.0 * min(rise, decay))
        highest = minimize_scalar(conductance, bounds=reach, options={"xatol": 1e-12})
        assert -highest.fun == pytest.approx(1.0, abs=1e-9)

    @pytest.mark.parametrize("relative", [0.0, 1e-15, 1e-13, 1e-12, 1e-11, 1e-8, 1e-4])
    def test_near_the_alpha_function(self, relative: float) -> None:
        """What differs from it is proportional to the difference of the time constants."""
        decay, gained, peak_rate = ConductanceAlpha.time_dep(0.1, 2.0)
        for sign in (-1.0, 1.0):
            near = ConductanceBeta.time_dep(0.1, 2.0, 2.0 * (1.0 + sign * relative))
            alpha = (decay, decay, gained, peak_rate)
            np.testing.assert_allclose(near, alpha, rtol=relative + 2e-15)

    @pytest.mark.parametrize(("rise", "decay"), [(1e-5, 1e5), (1e5, 1e-5), (1e-9, 1e-9)])
    def test_extreme_time_constants(self, rise: float, decay: float) -> None:
        for dt in (0.0, 1e-6, 0.1, 10.0):
            assert np.isfinite(ConductanceBeta.time_dep(dt, rise, decay)).all()

    def test_potential_as_by_a_solver(self, executor: MakeExecutor) -> None:
        given = {"tau_rise_exc": 0.7, "tau_decay_exc": 4.0, "e_syn_exc": 10.0, "cm": 0.5}
        network, cells = one_spike(executor(), self.model, {"excitatory": 0.03}, **given)
        (found,) = recorded(network, cells, "v")

        def slope(t: float, v: Any) -> Any:
            return (-65.0 - v) / 20.0 + 0.03 * difference(t, 0.7, 4.0) * (10.0 - v) / 0.5

        assert_solved(found[:, 0], slope, 1e-6)


def assert_solved(found: Any, slope: Any, tolerance: float) -> None:
    """The potential from the arrival on is the solution of an equation from -65 mV."""
    later = TIMES >= ARRIVAL
    span, times = (0.0, SINCE[-1] + 1e-9), SINCE[later]
    solved = solve_ivp(slope, span, [-65.0], "DOP853", times, rtol=1e-11, atol=1e-11)
    np.testing.assert_array_equal(found[~later], -65.0)
    np.testing.assert_allclose(found[later], solved.y[0], rtol=0.0, atol=tolerance)


def test_all_kinds_on_one_membrane(executor: MakeExecutor) -> None:
    model = compose(
        "LIFMixed",
        LeakyMembrane,
        {
            "fast": (CurrentExponential, "_1"),
            "slow": (CurrentAlpha, "_2"),
            "a": (ConductanceExponential, "_3"),
            "b": (ConductanceAlpha, "_4"),
            "c": (ConductanceBeta, "_5"),
        },
    )
    given = {"tau_syn_1": 1.0, "tau_syn_2": 4.0, "tau_syn_3": 3.0, "tau_syn_4": 2.0}
    given |= {"e_syn_4": -80.0, "e_syn_5": 5.0, "tau_rise_5": 0.5, "tau_decay_5": 6.0}
    weights = {"fast": 0.4, "slow": -0.3, "a": 0.01, "b": 0.02, "c": 0.005}
    network, cells = one_spike(executor(), model, weights, **given)
    names = ("isyn_1", "isyn_2", "gsyn_3", "gsyn_4", "gsyn_5", "v")
    *found, v = recorded(network, cells, *names)
    shapes = (
        lambda t: 0.4 * np.exp(-t),
        lambda t: -0.3 * t / 4.0 * np.exp(1.0 - t / 4.0),
        lambda t: 0.01 * np.exp(-t / 3.0),
        lambda t: 0.02 * t / 2.0 * np.exp(1.0 - t / 2.0),
        lambda t: 0.005 * difference(t, 0.5, 6.0),
    )
    for samples, shape in zip(found, shapes, strict=True):
        expected = np.where(TIMES >= ARRIVAL, shape(SINCE), 0.0)
        np.testing.assert_allclose(samples[:, 0], expected, rtol=1e-11, atol=1e-14)

    def slope(t: float, v: Any) -> Any:
        reversals = (0.0, -80.0, 5.0)
        current = shapes[0](t) + shapes[1](t)
        current += sum(shapes[2 + k](t) * (e - v) for k, e in enumerate(reversals))
        return (-65.0 - v) / 20.0 + current

    assert_solved(v[:, 0], slope, 1e-6)
