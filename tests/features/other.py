"""Probes of native models, other languages, SONATA, networks and descriptions."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from numpy.testing import assert_array_equal
from pyNN import descriptions

from .measure import Probe, close, input_spikes, refusal, require, samples


def native(sim: Any) -> None:
    """A model of the engine is a cell type with the engine's names; synapse models likewise."""
    from ship_engine.models.lif import LIFConductanceExponential
    from ship_engine.synapses.short_term import SimpleStochastic

    celltype = sim.native_cell_type(LIFConductanceExponential)
    cells = sim.Population(2, celltype(tau_m=[10.0, 15.0]))
    standard = sim.Population(2, sim.IF_cond_exp(tau_m=[10.0, 15.0]))
    names = {"tau_syn_exc": 3.0, "i_offset": 0.5}
    cells.set(**names)
    standard.set(tau_syn_E=3.0, i_offset=0.5)
    for population in (cells, standard):
        population.record("v")
        input_spikes(sim, population, [2.0], "excitatory", 0.02)
    sim.run(10.0)
    assert_array_equal(samples(cells, "v"), samples(standard, "v"))
    close(cells.get("tau_syn_exc"), 3.0)
    require(cells.celltype.units["tau_m"] == "ms", "parameters have units")
    synapse = sim.native_synapse_type(SimpleStochastic)(weight=0.01, delay=1.0, p=1.0)
    projection = sim.Projection(cells, standard, sim.AllToAllConnector(), synapse)
    close(projection.get("p", "array"), 1.0)


def _refused(sim: Any, *names: str, instead: str) -> str:
    require([not hasattr(sim, name) for name in names], "hasattr() is false")
    texts = [refusal(partial(getattr, sim, name), name, instead) for name in names]
    return texts[0]


NESTML = """
model leaky:
    state:
        V_m mV = E_L
    equations:
        kernel K = exp(-t / tau_syn)
        V_m' = (E_L - V_m) / tau_m + (convolve(K, spikes) * 1 pA + I_stim) / C_m
    parameters:
        E_L mV = -65 mV
        tau_m ms = 20 ms
        tau_syn ms = 5 ms
        C_m pF = 1000 pF
    input:
        spikes <- spike
        I_stim pA <- continuous
    update:
        integrate_odes()

model halving:
    state:
        w real = 100
    input:
        pre_spikes <- spike
    output:
        spike
    onReceive(pre_spikes):
        w = w / 2
        emit_spike(w)
"""


def nestml(sim: Any) -> None:
    """A neuron in NESTML has the potential of a standard cell; a synapse does what it says."""
    cells = sim.Population(1, sim.nestml_cell_type("leaky", NESTML)(tau_syn=3.0))
    standard = sim.Population(1, sim.IF_curr_exp(tau_syn_E=3.0))
    cells.record("V_m")
    standard.record("v")
    for population in (cells, standard):
        input_spikes(sim, population, [2.0, 5.0], "excitatory", 0.2)
    synapse = sim.nestml_synapse_type("halving", NESTML)(weight=80.0, delay=1.0)
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[2.0, 5.0]))
    projection = sim.Projection(source, standard, sim.AllToAllConnector(), synapse)
    input_spikes(sim, cells, [2.0], "excitatory", 0.04)
    input_spikes(sim, cells, [5.0], "excitatory", 0.02)
    sim.run(15.0)
    close(samples(cells, "V_m"), samples(standard, "v"), 1e-9)
    close(projection.get("weight", "array"), 20.0)


def nineml(sim: Any) -> str:
    return _refused(sim, "nineml", "nineml_cell_type", instead="pyNN.neuron")


def neuroml(sim: Any) -> str:
    return _refused(sim, "neuroml", instead="pyNN.neuron.neuroml")


def sonata(sim: Any) -> None:
    """Cells and connections come back from files, with views and assemblies in between."""
    from pyNN.serialization import export_to_sonata, import_from_sonata

    first = sim.Population(
        6, sim.IF_cond_exp(tau_m=lambda i: 10.0 + i, cm=[0.5, 0.6, 0.7, 0.8, 0.9, 1.0]), label="one"
    )
    second = sim.Population(4, sim.IF_curr_alpha(v_rest=-64.0), label="two")
    weight = sim.RandomDistribution("uniform", (0.0, 0.1), rng=sim.NumpyRNG(1))
    projection = sim.Projection(
        first,
        second,
        sim.FixedProbabilityConnector(0.5),
        sim.StaticSynapse(weight=weight, delay=0.5),
        receptor_type="excitatory",
        label="onetwo",
    )
    network = sim.Network(first, second, projection)
    with TemporaryDirectory() as folder:
        path = str(Path(folder, "network"))
        export_to_sonata(network, path)
        sim.setup(timestep=0.1)
        read = import_from_sonata(str(Path(path, "circuit_config.json")), sim)
    for original in (first, second):
        copy = read.get_component(original.label)
        require(len(copy) == original.size, "as many cells")
        for name in original.celltype.default_parameters:
            close(copy.get(name), original.get(name))
    copied = read.get_component("onetwo-0")
    for name in ("weight", "delay"):
        close(copied.get(name, "array"), projection.get(name, "array"))
    require(read.count_connections() == len(projection), "as many connections")
    read.record("v")
    sim.run(2.0)
    (block,) = (b for b in read.get_data("v") if b.name == "one")
    require(block.segments[0].analogsignals[0].shape == (21, 6), "it runs")


def network(sim: Any) -> None:
    cells = sim.Population(3, sim.IF_cond_exp(i_offset=1.0), label="cells")
    source = sim.Population(2, sim.SpikeSourcePoisson(rate=100.0), label="source")
    projection = sim.Projection(source, cells, sim.AllToAllConnector(), label="links")
    both = sim.Assembly(cells[:2], source, label="both")
    net = sim.Network(cells, source, cells[1:], both, projection)
    require((net.count_neurons(), net.count_connections()) == (5, 6), "it counts")
    require(net.get_component("links") is projection, "it finds by label")
    require(net.sim.Population is sim.Population, "it knows its simulator")
    require(net.filter([sim.IF_cond_exp]).size == 3, "it filters by cell type")
    net.record("spikes")
    sim.run(20.0)
    (block,) = net.get_data("spikes")
    require(block.name == "both" and len(block.segments[0].spiketrains) == 4, "its data")


def described(sim: Any) -> None:
    cells = sim.Population(3, sim.IF_cond_exp(), label="cells", structure=sim.space.Line(dx=2.5))
    rule = sim.STDPMechanism(
        timing_dependence=sim.SpikePairRule(tau_plus=17.25),
        weight_dependence=sim.AdditiveWeightDependence(w_max=0.5),
        weight=0.1,
    )
    connector = sim.FixedProbabilityConnector(0.75)
    projection = sim.Projection(cells, cells, connector, rule, label="links")
    things = {
        "Structure   : Line": cells,
        "cells": cells[1:],
        "two": sim.Assembly(cells[:1], cells[1:], label="two"),
        "links": projection,
        "0.75": connector,
        "17.25": rule,
        "IF_cond_exp": cells.celltype,
        "2.5": cells.structure,
    }
    for engine in descriptions.TEMPLATE_ENGINES:
        for word, thing in things.items():
            text = thing.describe(engine=engine)
            require(word in text, f"{type(thing).__name__} in {engine}: '{text}'")
    context = projection.describe(template=None)
    require(context["connector"]["parameters"]["p_connect"] == 0.75, "as a dictionary")
    text = rule.describe("$dendritic_delay_fraction", engine="string")
    require(text == "1.0", "with a template of one's own")


ROWS: dict[str, Probe] = {
    "native models": native,
    "nestml_cell_type / nestml_synapse_type": nestml,
    "NineML cell types": nineml,
    "NineML / NeuroML export (own modules pyNN.nineml, pyNN.neuroml)": neuroml,
    "NeuroML cell import": neuroml,
    "SONATA import/export (pyNN.serialization)": sonata,
    "Network class": network,
    "describe() templates string, jinja2, cheetah": described,
}
