"""Cell and synapse types from NESTML, as scripts for pyNN.nest use them."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import quantities as pq
from pyNN import errors

pytest.importorskip("pynestml")

CELL = """
model leaky:
    state:
        V_m mV = E_L
        refr_t ms = 0 ms
    equations:
        kernel K = exp(-t / lambda)
        inline I_syn pA = (convolve(K, exc) - convolve(K, inh)) * 1 pA
        V_m' = (E_L - V_m) / tau_m + (I_syn + I_e + I_stim) / C_m
        refr_t' = -1
    parameters:
        E_L mV = -65 mV
        V_th mV = -50 mV
        C_m pF = 500 pF [[C_m > 0 pF]]
        tau_m ms = 20 ms
        lambda ms = 5 ms
        refr_T ms = 2 ms
        I_e pA = 0 pA
    input:
        exc <- excitatory spike
        inh <- inhibitory spike
        I_stim pA <- continuous
    output:
        spike
    update:
        if refr_t > 0 ms:
            integrate_odes(refr_t)
        else:
            integrate_odes(V_m)
    onCondition(refr_t <= 0 ms and V_m >= V_th):
        V_m = E_L
        refr_t = refr_T
        emit_spike()
"""
TARGETS = {"IF_curr_exp": 100.0, "IF_cond_exp": 5.0, "IF_curr_delta": 2.0}
SYNAPSE = """
model additive:
    state:
        w real = 40
        pre real = 0
        post real = 0
    equations:
        pre' = -pre / tau_plus
        post' = -post / tau_minus
    parameters:
        lambda real = 0.1
        tau_plus ms = 20 ms
        tau_minus ms = 30 ms
        Wmax real = 200 [[Wmax >= 0]]
    input:
        pre_spikes <- spike
        post_spikes <- spike
    output:
        spike
    onReceive(pre_spikes):
        pre += 1
        w = max(0, w - lambda * Wmax * post)
        emit_spike(w)
    onReceive(post_spikes):
        post += 1
        w = min(Wmax, w + lambda * Wmax * pre)
    update:
        integrate_odes()
"""


def test_functions_have_the_arguments_of_pynn_nest(sim):
    assert list(inspect.signature(sim.nestml_cell_type).parameters) == [
        "name",
        "nestml_description",
    ]
    parameters = inspect.signature(sim.nestml_synapse_type).parameters
    assert {name: p.default for name, p in parameters.items()} == {
        "synapse_name": inspect.Parameter.empty,
        "nestml_description": inspect.Parameter.empty,
        "postsynaptic_neuron_nestml_description": None,
        "weight_variable": "w",
        "delay_variable": None,
    }
    assert sim.nestml.nestml_cell_type is sim.nestml_cell_type


def test_a_cell_type_has_the_names_and_units_of_the_text(sim, tmp_path):
    file = tmp_path / "leaky.nestml"
    file.write_text(CELL)
    leaky = sim.nestml_cell_type("leaky", str(file))
    assert leaky.__name__ == "leaky"
    assert leaky.default_parameters == {
        "E_L": -65.0,
        "V_th": -50.0,
        "C_m": 500.0,
        "tau_m": 20.0,
        "lambda": 5.0,
        "refr_T": 2.0,
        "I_e": 0.0,
    }
    assert leaky.units["C_m"] == "pF"
    assert leaky.default_initial_values == {"V_m": -65.0, "K__X__exc": 0.0, "K__X__inh": 0.0}
    assert leaky.recordable == ["spikes", "V_m", "K__X__exc", "K__X__inh"]
    assert list(leaky.receptor_types) == ["excitatory", "inhibitory"]
    assert leaky.injectable
    assert leaky.conductance_based is False


def test_a_cell_runs_like_the_standard_one(sim):
    sim.setup(timestep=0.1)
    leaky = sim.nestml_cell_type("leaky", CELL)
    cells = sim.Population(2, leaky(C_m=0.25 * pq.nF, I_e=[0.0, 100.0], **{"lambda": 4.0}))
    standard = sim.Population(
        2,
        sim.IF_curr_exp(cm=0.25, tau_syn_E=4.0, tau_syn_I=4.0, i_offset=[0.0, 0.1], tau_refrac=2.0),
    )
    current = sim.DCSource(amplitude=0.15)
    for population in (cells, standard):
        current.inject_into(population)
        for receptor, weight, times in (
            ("excitatory", 0.8, [5.0, 9.0, 30.0]),
            ("inhibitory", -0.3, [12.0, 31.0]),
        ):
            source = sim.Population(1, sim.SpikeSourceArray(spike_times=times))
            synapse = sim.StaticSynapse(weight=weight, delay=0.5)
            sim.Projection(
                source, population, sim.AllToAllConnector(), synapse, receptor_type=receptor
            )
    cells.record(["spikes", "V_m"])
    standard.record(["spikes", "v"])
    sim.run(60.0)
    cells.set(**{"lambda": 6.0})
    standard.set(tau_syn_E=6.0, tau_syn_I=6.0)
    sim.run(20.0)
    found, expected = (p.get_data().segments[0] for p in (cells, standard))
    assert sum(map(len, expected.spiketrains)) > 2
    for one, other in zip(found.spiketrains, expected.spiketrains, strict=True):
        np.testing.assert_allclose(one.magnitude, other.magnitude, rtol=0.0, atol=1e-9)
    potential = found.filter(name="V_m")[0]
    assert potential.units == pq.mV
    v = expected.filter(name="v")[0].magnitude
    np.testing.assert_allclose(potential.magnitude, v, rtol=0.0, atol=1e-9)
    assert cells.get("lambda") == 6.0
    assert cells.get("C_m") == pytest.approx(250.0)


def test_parameters_are_checked(sim):
    leaky = sim.nestml_cell_type("leaky", CELL)
    with pytest.raises(errors.InvalidParameterValueError, match=r"C_m = -1 pF.*> 0"):
        leaky(C_m=-1.0)
    with pytest.raises(errors.NonExistentParameterError, match="tau"):
        leaky(tau=1.0)


@pytest.mark.parametrize("target", TARGETS)
def test_weights_are_those_of_nest(sim, target):
    """A weight is in pA, nS or mV, as the receptor of the target has it."""
    sim.setup(timestep=0.1)
    additive = sim.nestml_synapse_type("additive", SYNAPSE)
    assert additive.default_parameters["weight"] == 40.0
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[2.0]))
    cells = sim.Population(2, getattr(sim, target)())
    weight = TARGETS[target]
    projection = sim.Projection(
        source, cells[:1], sim.AllToAllConnector(), additive(weight=weight, delay=1.0)
    )
    unit = 1.0 if target == "IF_curr_delta" else 1000.0
    static = sim.StaticSynapse(weight=weight / unit, delay=1.0)
    sim.Projection(source, cells[1:], sim.AllToAllConnector(), static)
    cells.record("v")
    assert projection.get("weight", "list", with_address=False) == [weight]
    sim.run(10.0)
    v = cells.get_data().segments[0].analogsignals[0].magnitude
    assert np.ptp(v[:, 0]) > 0.01
    np.testing.assert_allclose(v[:, 0], v[:, 1], rtol=0.0, atol=1e-12)
    projection.set(weight=2.0 * weight)
    np.testing.assert_allclose(projection.get("weight", "array"), 2.0 * weight)
    projection.connections[0].weight = 3.0 * weight
    assert projection.connections[0].weight == pytest.approx(3.0 * weight)
    sim.reset()
    np.testing.assert_allclose(projection.get("weight", "array"), 3.0 * weight)
    with pytest.raises(errors.InvalidParameterValueError, match="without a unit"):
        additive(weight=1.0 * pq.nA)


def test_a_plastic_synapse_is_that_of_pynn(sim):
    """With its postsynaptic neuron; parameters may be called like words of Python."""
    sim.setup(timestep=0.1)
    additive = sim.nestml_synapse_type("additive", SYNAPSE, CELL)
    cell = additive.postsynaptic_cell_type
    assert cell.__name__ == "additive_postsynaptic_neuron"
    source = sim.Population(2, sim.SpikeSourceArray(spike_times=[[3.3, 17.1, 40.2], [8.4, 30.6]]))
    driver = sim.Population(1, sim.SpikeSourceArray(spike_times=[5.2, 20.9, 38.0]))
    target = sim.Population(1, cell())
    strong = sim.StaticSynapse(weight=50.0, delay=0.1)
    sim.Projection(driver, target, sim.AllToAllConnector(), strong)
    stdp = sim.STDPMechanism(
        timing_dependence=sim.SpikePairRule(
            tau_plus=20.0, tau_minus=30.0, A_plus=0.05, A_minus=0.05
        ),
        weight_dependence=sim.AdditiveWeightDependence(w_min=0.0, w_max=0.2),
        weight=0.1,
        delay=1.0,
    )
    own = additive(weight=100.0, delay=1.0, **{"lambda": 0.05})
    found, expected = (
        sim.Projection(source, target, sim.AllToAllConnector(), synapse) for synapse in (own, stdp)
    )
    found.record("weight", sampling_interval=1.0)
    sim.run(50.0)
    weights = 1000.0 * expected.get("weight", "array")
    assert np.ptp(weights) > 1.0
    np.testing.assert_allclose(found.get("weight", "array"), weights, rtol=1e-9)
    assert (found.get("lambda", "array") == 0.05).all()
    found.set(**{"lambda": 0.5})
    assert (found.get("lambda", "array") == 0.5).all()
    with pytest.raises(errors.InvalidParameterValueError, match="Wmax = -1"):
        found.set(Wmax=-1.0)
    recorded = found.get_data().segments[0].analogsignals[0]
    np.testing.assert_allclose(recorded.magnitude[-1], weights[:, 0], rtol=1e-9)


def test_what_is_wrong_with_a_text_is_an_error_of_pynn(sim):
    for make in (sim.nestml_cell_type, sim.nestml_synapse_type):
        with pytest.raises(errors.InvalidModelError, match=r"Line 2, column"):
            make("x", "model x:\n    nonsense\n")
        with pytest.raises(FileNotFoundError, match="no file"):
            make("x", "nowhere.nestml")
    with pytest.raises(errors.InvalidModelError, match="Did you mean 'leaky'"):
        sim.nestml_cell_type("leeky", CELL)
    with pytest.raises(errors.InvalidModelError, match=r"line \d+, column \d+: a loop is not"):
        sim.nestml_cell_type(
            "leaky",
            CELL.replace(
                "V_m = E_L\n        refr", "while V_m > E_L:\n            V_m = E_L\n        refr"
            ),
        )
    with pytest.raises(errors.InvalidModelError, match=r"weight_variable.*Did you mean 'w'"):
        sim.nestml_synapse_type("additive", SYNAPSE, weight_variable="ww")
    with pytest.raises(errors.InvalidModelError, match=r"no variable 'd', which delay_variable"):
        sim.nestml_synapse_type("additive", SYNAPSE, delay_variable="d")
