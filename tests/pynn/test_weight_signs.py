"""Signs of weights: conductances are not negative, and currents have the sign of their receptor."""

from __future__ import annotations

import numpy as np
import pyNN.ship as ship
import pytest
from numpy.testing import assert_array_equal
from pyNN import errors
from synapse_examples import ALL, MECHANISMS, make

from ship_engine.devices import Memristor, PulseProgramming
from ship_engine.synapses.stdp import Multiplicative, SpikePairs, compose_stdp

RECEPTORS = [
    ("IF_curr_exp", "excitatory", 1.0),
    ("IF_curr_exp", "inhibitory", -1.0),
    ("IF_curr_delta", "inhibitory", -1.0),
    ("IF_cond_exp", "excitatory", 1.0),
    ("IF_cond_exp", "inhibitory", 1.0),
]
TARGETS = pytest.mark.parametrize(("celltype", "receptor", "sign"), RECEPTORS)
TYPES = [*ALL, "native", "devices", "devices that change"]


def synapse_of(name, weight):
    """A synapse type; what limits its weights, if anything, lets them be twice as large."""
    largest = 2.0 * abs(weight)
    if name == "native":
        model = compose_stdp(SpikePairs, Multiplicative)
        return ship.native_synapse_type(model)(weight=weight, w_max=largest)
    if name == "devices":
        device = Memristor(w_max=largest)
        return ship.MemristiveSynapse(ship.StaticSynapse(weight=weight), device)
    if name == "devices that change":
        device = Memristor(pulses=PulseProgramming(20, 20, 1.0, 1.0))
        return ship.MemristiveSynapse(make(MECHANISMS[0], weight=weight, w_max=largest), device)
    return make(name, weight=weight)


def project(sim, celltype, receptor, synapse, connector=None):
    cells = sim.Population(2, getattr(sim, celltype)())
    connector = sim.AllToAllConnector() if connector is None else connector
    return sim.Projection(cells, cells, connector, synapse, receptor_type=receptor)


@TARGETS
def test_of_new_synapses(sim, network, celltype, receptor, sign):
    cells = sim.Population(2, getattr(sim, celltype)())
    before = network()
    synapse = sim.StaticSynapse(weight=-sign)
    word = "positive" if sign > 0 else "negative"
    with pytest.raises(errors.ConnectionError, match=f"{word}.*'{receptor}'.*Change the sign"):
        sim.Projection(cells, cells, sim.AllToAllConnector(), synapse, receptor_type=receptor)
    assert network() == before
    unsafe = sim.AllToAllConnector(safe=False)
    projection = sim.Projection(cells, cells, unsafe, synapse, receptor_type=receptor)
    assert (projection.get("weight", "array") == -sign).all()


def wrong_values(sign):
    """What `set` takes, with at least one weight of the wrong sign in it."""
    matrix = np.full((2, 2), sign)
    matrix[1, 0] = -sign
    draws = ship.RandomDistribution("uniform", (-sign - 0.1, -sign + 0.1), rng=ship.NumpyRNG(1))
    return {
        "number": -sign,
        "matrix": matrix,
        "list": matrix.ravel().tolist(),
        "function": lambda d: sign * (0.5 - d),
        "expression": f"{sign} * (0.5 - d)",
        "distribution": draws,
    }


@TARGETS
@pytest.mark.parametrize("kind", wrong_values(1.0))
def test_that_are_set(sim, celltype, receptor, sign, kind):
    synapse = sim.StaticSynapse(weight=sign, delay=1.0)
    projection = project(sim, celltype, receptor, synapse)
    word = "positive" if sign > 0 else "negative"
    with pytest.raises(errors.ConnectionError, match=f"{word}.*'{receptor}'.*Change the sign"):
        projection.set(delay=2.0, weight=wrong_values(sign)[kind])
    assert (projection.get("weight", "array") == sign).all()
    assert (projection.get("delay", "array") == 1.0).all()


@pytest.mark.parametrize("name", TYPES)
@TARGETS
def test_of_every_synapse_type(sim, celltype, receptor, sign, name):
    projection = project(sim, celltype, receptor, synapse_of(name, sign))
    before = projection.get("weight", "array")
    with pytest.raises(errors.ConnectionError, match="Weights must be"):
        projection.set(weight=-sign)
    with pytest.raises(errors.ConnectionError, match="Weights must be"):
        projection[1].weight = -sign
    assert_array_equal(projection.get("weight", "array"), before)
    projection.set(weight=2.0 * sign)
    projection[1].weight = 0.0
    changed = projection.get("weight", "array") * sign
    assert changed.min() >= 0.0
    assert changed.max() > 1.5


@TARGETS
def test_that_are_not_to_be_checked(sim, celltype, receptor, sign):
    """Who says at a projection that its weights are right is believed later too."""
    synapse = sim.StaticSynapse(weight=sign)
    projection = project(sim, celltype, receptor, synapse, sim.AllToAllConnector(safe=False))
    projection.set(weight=-sign)
    projection[0].weight = -2.0 * sign
    assert_array_equal(projection.get("weight", "array"), [[-2.0 * sign, -sign], [-sign] * 2])


def test_of_receptors_with_names_of_their_own(sim):
    """Currents may have either sign, but one for all that reach a cell."""
    cell = sim.PointNeuron(sim.LIF(), fast=sim.CurrExpPostSynapticResponse())
    cells = sim.Population(2, cell)
    synapse = sim.StaticSynapse(weight=1.0)
    everywhere = sim.AllToAllConnector()
    projection = sim.Projection(cells, cells, everywhere, synapse, receptor_type="fast")
    for allowed in (-1.0, np.array([[1.0, -2.0], [3.0, -4.0]])):
        projection.set(weight=allowed)
        assert (projection.get("weight", "array") == allowed).all()
    with pytest.raises(errors.ConnectionError, match="either all positive or all negative"):
        projection.set(weight=np.array([[1.0, -2.0], [-3.0, -4.0]]))
    assert (projection.get("weight", "array") == allowed).all()


def test_of_gap_junctions(sim):
    cells = sim.Population(2, sim.IF_cond_exp())
    synapse = sim.ElectricalSynapse(weight=0.1)
    everywhere = sim.AllToAllConnector()
    projection = sim.Projection(cells, cells, everywhere, synapse, receptor_type="gap")
    with pytest.raises(errors.InvalidWeightError, match="gap junction must be finite and >= 0"):
        projection.set(weight=-0.1)
    assert (projection.get("weight", "array") == 0.1).all()


@pytest.mark.parametrize("name", [*MECHANISMS, "native", "devices that change"])
def test_plasticity_takes_a_conductance_to_zero_and_no_further(sim, name):
    """Much depression, and a cell that fires often."""
    times = np.arange(1.0, 100.0, 3.0)
    source = sim.Population(4, sim.SpikeSourceArray(spike_times=times))
    cells = sim.Population(3, sim.IF_cond_exp(i_offset=5.0, tau_refrac=2.0))
    synapse = synapse_of(name, 0.01)
    connector = sim.AllToAllConnector()
    projection = sim.Projection(source, cells, connector, synapse, receptor_type="inhibitory")
    depression = {"A_minus": 3.0, "A_plus": 0.0, "eta": 1e-4, "rho": 1e5, "lambda": 3.0}
    known = synapse.get_parameter_names()
    projection.set(**{n: value for n, value in depression.items() if n in known})
    lowest = []
    for _ in range(10):
        sim.run(10.0)
        lowest.append(projection.get("weight", "array").min())
    assert min(lowest) >= 0.0
    assert lowest[-1] < 0.01
