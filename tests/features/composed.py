"""Probes of cells made of a neuron and named receptors, and of what has several compartments."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .cells import ADAPTIVE, MEMBRANE
from .measure import (
    Floats,
    Probe,
    alpha,
    close,
    each_cell_has_its_own,
    exponential,
    input_spikes,
    refusal,
    require,
    response,
    samples,
    unit,
)


def _of_the_neuron(varied: dict[str, Any]) -> dict[str, Any]:
    return {name: v for name, v in varied.items() if not name.startswith(("tau_syn", "e_rev"))}


def _drive(sim: Any, cells: Any) -> None:
    input_spikes(sim, cells, [9.0, 30.0], "AMPA", 0.02)


def lif(sim: Any) -> None:
    def cell(**parameters: Any) -> Any:
        return sim.PointNeuron(sim.LIF(**parameters), AMPA=sim.ExpPSR(tau_syn=3.0))

    each_cell_has_its_own(sim, cell, _of_the_neuron(MEMBRANE), _drive)


def adexp(sim: Any) -> None:
    def cell(**parameters: Any) -> Any:
        return sim.PointNeuron(sim.AdExp(**parameters), AMPA=sim.ExpPSR(tau_syn=3.0))

    cells = each_cell_has_its_own(sim, cell, _of_the_neuron(ADAPTIVE), _drive)
    require(unit(cells, "w") == "nA", "w is in nA")


def point_neuron(sim: Any) -> None:
    """A composed cell does what the standard cell with the same equations does."""
    tau, reversal = np.array([2.0, 3.0, 4.0]), np.array([-70.0, -75.0, -80.0])
    composed = sim.Population(
        3,
        sim.PointNeuron(
            sim.LIF(i_offset=0.5, cm=[0.8, 1.0, 1.2]),
            AMPA=sim.ExpPSR(tau_syn=tau, e_syn=0.0),
            GABA=sim.ExpPSR(tau_syn=6.0, e_syn=reversal),
        ),
    )
    whole = sim.Population(
        3,
        sim.IF_cond_exp(
            i_offset=0.5,
            cm=[0.8, 1.0, 1.2],
            tau_syn_E=tau,
            tau_syn_I=6.0,
            e_rev_I=reversal,
        ),
    )
    for cells, receptors in ((composed, ("AMPA", "GABA")), (whole, ("excitatory", "inhibitory"))):
        cells.record("v")
        input_spikes(sim, cells, [5.0, 7.0], receptors[0], 0.05)
        input_spikes(sim, cells, [12.0], receptors[1], 0.05)
    sim.run(50.0)
    close(samples(composed, "v"), samples(whole, "v"))
    close(composed.get("AMPA.tau_syn"), tau)
    close(composed.get("GABA.e_syn"), reversal)


def set_receptor_parameters(sim: Any) -> None:
    receptors = {"AMPA": sim.ExpPSR(tau_syn=2.0), "A": sim.ExpPSR(tau_syn=4.0)}
    cells = sim.Population(2, sim.PointNeuron(sim.LIF(), **receptors))
    cells.record("A.gsyn")
    input_spikes(sim, cells, [1.0, 11.0], "A", 0.01)
    sim.run(10.0)
    cells.set(**{"A.tau_syn": [5.0, 8.0], "AMPA.e_syn": -10.0})
    cells[1:].set(**{"A.tau_syn": 9.0})
    sim.run(10.0)
    close(cells.get("A.tau_syn"), [5.0, 9.0])
    close(cells.get("AMPA.e_syn"), -10.0)
    conductance = samples(cells, "A.gsyn")
    close(conductance[200] / conductance[190], np.exp(-1.0 / np.array([5.0, 9.0])))


def mixed_receptors(sim: Any) -> None:
    cell = sim.PointNeuron(
        sim.LIF(tau_m=10.0),
        fast=sim.CurrExpPostSynapticResponse(tau_syn=2.0),
        slow=sim.AlphaPSR(tau_syn=6.0, e_syn=0.0),
        beta=sim.BetaPSR(tau_rise=0.5, tau_decay=4.0, e_syn=-80.0),
        step=sim.ExpPSR(tau_syn=3.0, e_syn=-70.0),
    )
    cells = sim.Population(1, cell)
    cells.record(["fast.isyn", "slow.gsyn", "beta.gsyn", "step.gsyn"])
    for receptor in ("fast", "slow", "beta", "step"):
        input_spikes(sim, cells, [1.0], receptor, 0.01)
    sim.run(10.0)
    time = (0.1 * np.arange(101) - 2.0)[21:]
    close(samples(cells, "fast.isyn")[21:, 0], exponential(time, 0.01, 2.0))
    close(samples(cells, "slow.gsyn")[21:, 0], alpha(time, 0.01, 6.0))
    close(samples(cells, "beta.gsyn")[21:, 0], _beta(time, 0.01, 0.5, 4.0))
    close(samples(cells, "step.gsyn")[21:, 0], exponential(time, 0.01, 3.0))


def _beta(time: Floats, weight: float, rise: float, decay: float) -> Floats:
    """Difference of exponentials whose peak is the weight."""
    peak = np.log(decay / rise) * rise * decay / (decay - rise)
    height = np.exp(-peak / decay) - np.exp(-peak / rise)
    return weight * (np.exp(-time / decay) - np.exp(-time / rise)) / height


def _receptor(sim: Any, name: str, variable: str, shape: Any, **parameters: float) -> None:
    """A receptor on each kind of neuron answers with its shape."""
    for neuron in (sim.LIF, sim.AdExp):
        sim.setup(timestep=0.1)
        cell = sim.PointNeuron(neuron(), R=getattr(sim, name)(**parameters))
        time, values = response(sim, cell, "R", 0.002, f"R.{variable}")
        close(values, shape(time, 0.002, **parameters))


def current_exponential(sim: Any) -> None:
    _receptor(
        sim,
        "CurrExpPostSynapticResponse",
        "isyn",
        lambda t, w, tau_syn: exponential(t, w, tau_syn),
        tau_syn=3.0,
    )


def conductance_exponential(sim: Any) -> None:
    require(sim.ExpPSR is sim.CondExpPostSynapticResponse, "ExpPSR is another name of it")
    _receptor(
        sim,
        "CondExpPostSynapticResponse",
        "gsyn",
        lambda t, w, tau_syn: exponential(t, w, tau_syn),
        tau_syn=3.0,
    )


def conductance_alpha(sim: Any) -> None:
    require(sim.AlphaPSR is sim.CondAlphaPostSynapticResponse, "AlphaPSR is another name of it")
    _receptor(
        sim,
        "CondAlphaPostSynapticResponse",
        "gsyn",
        lambda t, w, tau_syn: alpha(t, w, tau_syn),
        tau_syn=3.0,
    )


def conductance_beta(sim: Any) -> None:
    require(sim.BetaPSR is sim.CondBetaPostSynapticResponse, "BetaPSR is another name of it")
    _receptor(
        sim,
        "CondBetaPostSynapticResponse",
        "gsyn",
        lambda t, w, tau_rise, tau_decay: _beta(t, w, tau_rise, tau_decay),
        tau_rise=0.5,
        tau_decay=4.0,
    )


def _absent(sim: Any, *names: str) -> str:
    require([not hasattr(sim, name) for name in names], "hasattr() is false")
    texts = [refusal(partial(getattr, sim, n), n, "pyNN.neuron", "pyNN.arbor") for n in names]
    return texts[0]


def multi_compartment(sim: Any) -> str:
    from pyNN.standardmodels.cells import MultiCompartmentNeuron

    refusal(lambda: sim.Population(1, MultiCompartmentNeuron), "not a cell type of pyNN.ship")
    return _absent(sim, "MultiCompartmentNeuron")


def ion_channels(sim: Any) -> str:
    return _absent(sim, "NaChannel", "KdrChannel", "PassiveLeak", "PassiveLeakHH")


def morphologies(sim: Any) -> str:
    return _absent(sim, "morphology")


def locations(sim: Any) -> str:
    cells = sim.Population(2, sim.IF_cond_exp())
    selector = sim.AllToAllConnector(location_selector="dendrite")
    words = ("one compartment", "pyNN.neuron", "pyNN.arbor")
    return refusal(lambda: sim.Projection(cells, cells, selector), *words)


ROWS: dict[str, Probe] = {
    "LIF component": lif,
    "AdExp component": adexp,
    "PointNeuron(neuron, **receptors)": point_neuron,
    "PointNeuron: set() of receptor params": set_receptor_parameters,
    "PointNeuron: mixed receptor kinds": mixed_receptors,
    "CurrExpPostSynapticResponse": current_exponential,
    "CondExpPostSynapticResponse (ExpPSR)": conductance_exponential,
    "CondAlphaPostSynapticResponse (AlphaPSR)": conductance_alpha,
    "CondBetaPostSynapticResponse (BetaPSR)": conductance_beta,
    "MultiCompartmentNeuron": multi_compartment,
    "Ion channels NaChannel, KdrChannel, PassiveLeak, PassiveLeakHH; ionic_species": ion_channels,
    "Morphologies: NeuroML segments, SWC/MorphIO": morphologies,
    "Distributions uniform, by_distance, by_diameter": morphologies,
    "Locations: labelled, at_distances, centre, random_placement, filters; connector "
    "location_selector": locations,
}
