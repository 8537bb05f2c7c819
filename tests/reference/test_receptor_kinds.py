"""Composed cells with conductances do what they do in NEST."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyNN.ship as sim
import pytest

STORED = json.loads((Path(__file__).parent / "receptors" / "nest.json").read_text())
CASES = [name for name in STORED if name != "origin"]


@pytest.mark.parametrize("case", CASES)
def test_spikes_conductances_and_potential(case):
    """NEST takes a spike, and what follows, at the end of its step; that adds up where v creeps."""
    facts = STORED[case]
    sim.setup(timestep=0.1)
    make = getattr(sim, facts["kind"])
    receptors = {label: make(**values) for label, values in facts["receptors"].items()}
    neuron = getattr(sim, facts["neuron"])(**facts["parameters"])
    cell = sim.Population(1, sim.PointNeuron(neuron, **receptors))
    cell.initialize(v=facts["parameters"]["v_rest"])
    for label, times in facts["inputs"].items():
        source = sim.Population(1, sim.SpikeSourceArray(spike_times=times))
        synapse = sim.StaticSynapse(weight=facts["weights"][label], delay=1.0)
        sim.Projection(source, cell, sim.OneToOneConnector(), synapse, receptor_type=label)
    cell.record(["spikes", *facts["samples"]])
    sim.run(300.0)
    segment = cell.get_data().segments[0]
    expected = np.array(facts["spikes"])
    assert expected.size > 40
    found = segment.spiketrains[0].magnitude
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=0.1)
    assert np.median(np.abs(found - expected)) < 0.006
    for name, values in facts["samples"].items():
        (signal,) = segment.filter(name=name)
        found = signal.magnitude[10 : 10 * len(values) + 1 : 10, 0]
        tolerance = 0.15 if name == "v" else 1e-15
        np.testing.assert_allclose(found, values, rtol=0.0, atol=tolerance)
