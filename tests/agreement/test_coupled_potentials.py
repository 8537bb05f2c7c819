"""Potentials coupled by gap junctions follow the coupled differential equations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from ship_engine.currents import PulseCurrent
from ship_engine.event_network import EventNetwork
from ship_engine.groups import NeuronGroup
from ship_engine.models.lif import LIFConductanceExponential, LIFCurrentExponential

PAIRS = (np.array([0, 1], np.int32), np.array([1, 2], np.int32))
CONDUCTANCE = np.array([0.02, 0.05])
CM, TAU_M, REST = 1.0, 20.0, -65.0


def potentials(executor, model, dt, duration=40.0):
    """Three cells in a chain, the first of which starts higher and gets a current."""
    network = EventNetwork(dt=dt, executor=executor())
    silent = {"v_thresh": 1e3, "tau_m": TAU_M, "cm": CM, "v_rest": REST}
    cells = NeuronGroup(model, 3, "cells", silent)
    network.add(cells)
    cells.initialize("v", [-55.0, -65.0, -70.0])
    network.couple(cells, cells, PAIRS, CONDUCTANCE)
    network.inject(PulseCurrent(0.3, 0.0, 1e9), cells, np.array([0]))
    v = network.record_state(cells, "v", np.arange(3))
    network.run(round(duration / dt))
    return v.samples


def exact(times):
    """Solution of the linear system by the matrix exponential."""
    coupling = np.zeros((3, 3))
    for i, j, g in zip(*PAIRS, CONDUCTANCE, strict=True):
        coupling[[i, j], [i, j]] -= g
        coupling[[i, j], [j, i]] += g
    matrix = coupling / CM - np.eye(3) / TAU_M
    drive = np.array([0.3, 0.0, 0.0]) / CM + REST / TAU_M
    rest = -np.linalg.solve(matrix, drive)
    start = np.array([-55.0, -65.0, -70.0]) - rest
    return np.array([rest + expm(matrix * t) @ start for t in times])


@pytest.mark.parametrize("model", [LIFCurrentExponential, LIFConductanceExponential])
def test_coupled_membranes_follow_their_equations_to_second_order(executor, model):
    errors = []
    for dt in (0.2, 0.1):
        found = potentials(executor, model, dt)
        errors.append(np.abs(found - exact(np.arange(len(found)) * dt)).max())
    assert errors[1] < 2e-3
    assert errors[0] / errors[1] > 3.0


def test_what_leaves_one_cell_enters_the_other(executor):
    found = potentials(executor, LIFCurrentExponential, 0.1)
    mean = found.mean(1)
    times = np.arange(len(mean)) * 0.1
    steady = REST + 0.1 * TAU_M / CM
    expected = steady + (mean[0] - steady) * np.exp(-times / TAU_M)
    np.testing.assert_allclose(mean, expected, atol=1e-9)


def test_a_spike_is_seen_by_the_neighbour_and_a_reset_not_continued(executor):
    network = EventNetwork(dt=0.1, executor=executor())
    cells = NeuronGroup(LIFCurrentExponential, 2, "cells", {"tau_refrac": 2.0})
    network.add(cells)
    cells.set(np.array([0]), i_offset=1.5)
    network.couple(cells, cells, (np.zeros(1, np.int32), np.ones(1, np.int32)), 0.01)
    spikes = network.record_spikes(cells, np.arange(2))
    v = network.record_state(cells, "v", np.arange(2))
    network.run(1000)
    assert spikes.counts()[0] > 2
    assert spikes.counts()[1] == 0
    # The neighbour's slope follows the difference of potentials, step by step.
    first, second = v.samples.T
    slope = np.diff(second) / 0.1
    expected = 0.01 * (first - second)[:-1] + (REST - second)[:-1] / TAU_M
    assert np.abs(slope - expected).max() < 0.01
