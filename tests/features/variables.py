"""Probes of the recordable variables and their units."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .measure import Probe, input_spikes, refusal, require, samples, spikes, unit

CONDUCTANCES = (
    "IF_cond_exp",
    "IF_cond_alpha",
    "HH_cond_exp",
    "EIF_cond_exp_isfa_ista",
    "EIF_cond_alpha_isfa_ista",
    "GIF_cond_exp",
    "IF_facets_hardware1",
    "IF_cond_exp_gsfa_grr",
)


def _recordable(sim: Any, name: str, **expected: str) -> None:
    cells = sim.Population(2, getattr(sim, name)())
    cells.record(list(expected))
    sim.run(1.0)
    for variable, wanted in expected.items():
        found = unit(cells, variable)
        require(found == wanted, f"{variable} of {name} is in {found}")
        require(samples(cells, variable).shape == (11, 2), "samples from 0 to 1 ms")


def spike_times(sim: Any) -> None:
    for name in sim.list_standard_models():
        if name == "PointNeuron":
            continue
        cells = sim.Population(2, getattr(sim, name)())
        cells.record("spikes")
        sim.run(1.0)
        trains = cells.get_data("spikes").segments[0].spiketrains
        require([t.units.dimensionality.string == "ms" for t in trains], "in ms")
        require(len(trains) == 2, "a train for each cell")


def potential(sim: Any) -> None:
    for name in sim.list_standard_models():
        if name != "PointNeuron" and getattr(sim, name).injectable:
            _recordable(sim, name, v="mV")


def conductances(sim: Any) -> None:
    for name in CONDUCTANCES:
        _recordable(sim, name, gsyn_exc="uS", gsyn_inh="uS")


def adaptation(sim: Any) -> None:
    _recordable(sim, "EIF_cond_exp_isfa_ista", w="nA")
    _recordable(sim, "EIF_cond_alpha_isfa_ista", w="nA")
    cells = sim.Population(2, sim.PointNeuron(sim.AdExp(), R=sim.ExpPSR()))
    cells.record("w")
    sim.run(1.0)
    require(unit(cells, "w") == "nA", "w of AdExp is in nA")


def recovery(sim: Any) -> None:
    _recordable(sim, "Izhikevich", u="mV/ms")


def gsfa(sim: Any) -> None:
    _recordable(sim, "IF_cond_exp_gsfa_grr", g_r="nS", g_s="nS")


def gif(sim: Any) -> None:
    _recordable(sim, "GIF_cond_exp", i_eta="nA", v_t="mV")


def receptors(sim: Any) -> None:
    cell = sim.PointNeuron(
        sim.LIF(), A=sim.CurrExpPostSynapticResponse(), B=sim.AlphaPSR(), C=sim.BetaPSR()
    )
    cells = sim.Population(2, cell)
    cells.record(["A.isyn", "B.gsyn", "C.gsyn"])
    sim.run(1.0)
    for variable, wanted in (("A.isyn", "nA"), ("B.gsyn", "uS"), ("C.gsyn", "uS")):
        require(unit(cells, variable) == wanted, f"{variable} is in {unit(cells, variable)}")


def channels(sim: Any) -> str:
    cells = sim.Population(2, sim.IF_cond_exp())
    return refusal(partial(cells.record, "na.m"), "na.m", "IF_cond_exp")


def more_states(sim: Any) -> None:
    """Currents of synapses, and gates of Hodgkin and Huxley, which lie between 0 and 1."""
    _recordable(sim, "IF_curr_exp", isyn_exc="nA", isyn_inh="nA")
    _recordable(sim, "IF_curr_alpha", isyn_exc="nA", isyn_inh="nA")
    cells = sim.Population(1, sim.HH_cond_exp(i_offset=0.5))
    cells.record(["m", "h", "n", "spikes"])
    input_spikes(sim, cells, [1.0], "excitatory", 0.01)
    sim.run(30.0)
    for gate in ("m", "h", "n"):
        values = samples(cells, gate)
        require((values >= 0) & (values <= 1) & (np.ptp(values) > 0.1), f"gate {gate}")
        require(unit(cells, gate) == "dimensionless", f"{gate} has no unit")
    require(len(spikes(cells)[0]) > 0, "it spikes")


ROWS: dict[str, Probe] = {
    "spikes (ms), every cell type": spike_times,
    "v (mV), every non-source cell": potential,
    "gsyn_exc, gsyn_inh (uS): IF_cond_*, HH, EIF_*, GIF, facets, gsfa": conductances,
    "w (nA): EIF_*, AdExp": adaptation,
    "u (mV/ms): Izhikevich": recovery,
    "g_r, g_s (nS): IF_cond_exp_gsfa_grr": gsfa,
    "i_eta (nA), v_t (mV): GIF_cond_exp": gif,
    "<receptor>.isyn (nA), <receptor>.gsyn (uS): PointNeuron": receptors,
    "na.m, na.h, kdr.n (dimensionless): MultiCompartmentNeuron": channels,
    "isyn_exc/isyn_inh, HH m, h, n (not in PyNN's recordable lists)": more_states,
}
