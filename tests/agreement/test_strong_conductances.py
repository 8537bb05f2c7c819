"""Conductances too strong for a time step divide it: results stay those of short steps."""

from __future__ import annotations

import numpy as np
import pytest

from ship_engine.event_network import EventNetwork
from ship_engine.executors.numba_cpu import NumbaExecutor
from ship_engine.groups import NeuronGroup
from ship_engine.models.adaptive_exponential import AdaptiveExponentialConductanceExponential
from ship_engine.models.hodgkin_huxley import HodgkinHuxleyTraub
from ship_engine.models.lif import LIFConductanceAlpha, LIFConductanceExponential
from ship_engine.models.lif_variants import LIFAdapting

MODELS = (
    LIFConductanceExponential,
    LIFConductanceAlpha,
    LIFAdapting,
    AdaptiveExponentialConductanceExponential,
    HodgkinHuxleyTraub,
)
STRENGTHS = (0.01, 3.0, 30.0, 1000.0)  # uS


def potentials(executor, model, port, dt, precision="off_grid"):
    """Potentials of cells that begin with conductances of several strengths, and their spikes."""
    network = EventNetwork(dt=dt, executor=executor, spike_precision=precision)
    cells = NeuronGroup(model, len(STRENGTHS), "cells", {"cm": 0.25})
    cells.set(**{f"e_syn_{port}": 0.0 if port == "exc" else -80.0})
    network.add(cells)
    cells.initialize("v", -60.0)
    cells.initialize(f"gsyn_{port}", STRENGTHS)
    v = network.record_state(cells, "v", np.arange(len(STRENGTHS)), round(1.0 / dt))
    spikes = network.record_spikes(cells, slice(None))
    network.run(round(20.0 / dt))
    return v.samples, spikes.spikes(network.clock)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_inhibition_stays_between_rest_and_reversal_potential(executor, kernel_cache, model):
    found, (cells, _) = potentials(executor(), model, "inh", 0.1)
    assert cells.size == 0
    assert found.min() >= -80.0 - 1e-6
    assert found.max() <= -45.0
    short, _ = potentials(NumbaExecutor(kernel_cache), model, "inh", 0.002)
    np.testing.assert_allclose(found, short, atol=5e-3)


@pytest.mark.parametrize("model", MODELS[:3], ids=lambda model: model.name)
def test_spikes_come_when_they_come_in_short_steps(executor, kernel_cache, model):
    _, (cells, times) = potentials(executor(), model, "exc", 0.1)
    _, (cells_short, times_short) = potentials(NumbaExecutor(kernel_cache), model, "exc", 0.005)
    for cell in (0, 1):  # stronger ones spike more than once in a step
        first, expected = (
            t[c == cell][:5] for c, t in ((cells, times), (cells_short, times_short))
        )
        assert first.size == expected.size
        np.testing.assert_allclose(first, expected, atol=2e-3)


def test_long_steps_are_divided_on_the_grid_too(kernel_cache):
    model = LIFConductanceExponential
    long, short = (
        potentials(NumbaExecutor(kernel_cache), model, "inh", dt, "on_grid")[0]
        for dt in (1.0, 0.01)
    )
    np.testing.assert_allclose(long, short, atol=2e-2)
