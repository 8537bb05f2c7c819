"""Every spiking standard cell fires when it should, and all that can be recorded is right.

The cells are those of ``benchmarks/networks/accuracy.py``: default parameters, 240 random inputs in
500 ms, five cells of each type, in steps of 0.1 ms. ``cells/neutral.npz`` is the truth, computed
without time steps; ``nest.npz`` and ``neuron.npz`` come from steps of 0.001 ms, which leave errors
of their own. These halve with the step; they are what remains of

- stamping spikes, and resetting cells, at the ends of steps. A cell whose potential hardly rises
  where it reaches the threshold, as with IF_facets_hardware1 or EIF_cond_exp_isfa_ista, makes a
  hundred times as much of a delay of 0.0005 ms;
- Euler's method in NEST's Izhikevich cell, and a method of first order in all of NEURON's;
- for HH_cond_exp in NEURON, its stamping of spikes where they pass 10 mV upwards instead of the
  maximum, and rates of the channels from a table with a step of 1 mV: this error does not halve.

What arrives between two time steps acts on both; so moved, input between the steps gives the spikes
that the same moved input gives without any time step. Jumps of the potential act at their moment.
The error that remains for EIF_cond_exp_isfa_ista is that of a few spikes whose upstroke almost
failed: to one of them, weights larger by a ten-thousandth make a difference of 0.43 ms.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyNN.ship as ship
import pytest

from benchmarks.networks import accuracy, cell_reference
from benchmarks.networks.lif_reference import Neuron

FOLDER = Path(__file__).resolve().parent / "cells"
CASES = [tuple(case.split(", ")) for case in accuracy.VARIANTS]


class Reference:
    """What a file holds."""

    def __init__(self, name):
        self.file = np.load(FOLDER / f"{name}.npz")
        self.names = json.loads(str(self.file["names"]))

    def __contains__(self, case):
        return f"{', '.join(case)}/spikes" in self.file

    def spikes(self, case):
        key = ", ".join(case)
        ends = np.cumsum(self.file[f"{key}/counts"])
        return np.split(self.file[f"{key}/spikes"].astype(float), ends[:-1])

    def samples(self, case):
        key = ", ".join(case)
        return dict(zip(self.names[key], self.file[f"{key}/samples"], strict=True))


@pytest.fixture(scope="module")
def references():
    return {name: Reference(name) for name in ("neutral", "nest", "neuron")}


@pytest.fixture(scope="module")
def ours():
    """Spike times of a case in steps of 0.1 ms, and all variables of its first cell."""
    known = {}

    def run(case):
        if case not in known:
            cell_type = getattr(ship, case[0])
            variables = tuple(v for v in cell_type.recordable if v != "spikes")
            known[case] = accuracy.simulate(ship, *case, variables=variables)
        return known[case]

    return run


RMS = {  # ms, of the spike times with input on and off the grid
    "IF_curr_exp": (1e-7, 0.01),
    "IF_curr_alpha": (1e-7, 0.005),
    "IF_curr_delta": (1e-7, 1e-7),
    "IF_cond_exp": (1e-5, 0.01),
    "IF_cond_alpha": (5e-4, 0.005),
    "IF_cond_exp_gsfa_grr": (1e-5, 0.005),
    "IF_facets_hardware1": (5e-5, 0.01),
    "EIF_cond_exp_isfa_ista": (5e-5, 0.025),
    "EIF_cond_alpha_isfa_ista": (5e-5, 0.001),
    "Izhikevich": (5e-4, 5e-4),
    "HH_cond_exp": (0.005, 0.05),
}
JUMPS = ("IF_curr_delta", "Izhikevich")
PEERS = {  # ms, RMS error of the spike times in steps of 0.001 ms
    "nest": {
        "IF_curr_exp": 1e-4,
        "IF_curr_alpha": 0.005,
        "IF_curr_delta": 1e-4,
        "IF_cond_exp": 0.01,
        "IF_cond_alpha": 0.005,
        "IF_facets_hardware1": 0.07,
        "EIF_cond_exp_isfa_ista": 0.03,
        "EIF_cond_alpha_isfa_ista": 0.01,
        "Izhikevich": 0.012,
        "HH_cond_exp": 0.005,
    },
    "neuron": {
        "IF_curr_exp": 0.02,
        "IF_curr_alpha": 0.005,
        "IF_cond_exp": 0.005,
        "IF_cond_alpha": 0.006,
        "IF_cond_exp_gsfa_grr": 0.002,
        "IF_facets_hardware1": 0.13,
        "EIF_cond_exp_isfa_ista": 0.05,
        "EIF_cond_alpha_isfa_ista": 0.003,
        "Izhikevich": 0.005,
    },
}
VARIABLE = {  # largest error with input on the grid
    "v": 0.01,  # mV
    "w": 1e-5,  # nA
    "u": 1e-4,  # mV/ms
    "g_s": 1e-4,  # nS
    "g_r": 1e-3,  # nS
    "gsyn_exc": 1e-7,  # uS
    "gsyn_inh": 1e-7,  # uS
    "isyn_exc": 1e-6,  # nA
    "isyn_inh": 1e-6,  # nA
    "m": 1e-3,
    "h": 1e-4,
    "n": 1e-4,
}


@pytest.mark.parametrize("cell", RMS)
def test_spikes_from_input_on_the_grid(ours, references, cell):
    case = (cell, "on grid")
    errors = accuracy.compare(ours(case)[0], references["neutral"].spikes(case))
    assert (errors["lost"], errors["added"]) == (0, 0)
    assert errors["rms_error"] < RMS[cell][0]


@pytest.mark.parametrize("cell", RMS)
def test_spikes_from_input_off_the_grid(ours, references, cell):
    case = (cell, "off grid")
    errors = accuracy.compare(ours(case)[0], references["neutral"].spikes(case))
    assert (errors["lost"], errors["added"]) == (0, 0)
    assert errors["rms_error"] < RMS[cell][1]


@pytest.mark.parametrize("cell", [cell for cell in RMS if cell not in JUMPS])
def test_input_off_the_grid_is_moved_to_it_and_nothing_else_is_lost(ours, cell):
    shares = []
    parameters = getattr(ship, cell).default_parameters
    weights = dict(zip(("excitatory", "inhibitory"), accuracy.WEIGHTS[cell], strict=True))
    for receptor, times in accuracy.input_times("off grid", 0).items():
        for time in times:
            step, part = divmod((time + accuracy.DELAY) / accuracy.TIMESTEP, 1.0)
            if "alpha" not in cell:
                rate = accuracy.TIMESTEP / parameters[f"tau_syn_{receptor[0].upper()}"]
                part = 1.0 - np.expm1((part - 1.0) * rate) / np.expm1(-rate)
            for late, share in ((0, 1.0 - part), (1, part)):
                at = round((step + late) * accuracy.TIMESTEP, 9)
                if share:
                    shares.append((at, receptor, share * weights[receptor]))
    expected = new(cell).run(accuracy.DURATION, shares)
    found = ours((cell, "off grid"))[0][0]
    assert found.size == expected.size
    assert np.sqrt(np.mean((found - expected) ** 2)) < max(RMS[cell][0], 1e-6)


@pytest.mark.parametrize("cell", RMS)
def test_every_variable(ours, references, cell):
    """At the moment of a spike it may be before or after it; few samples lie there."""
    case = (cell, "on grid")
    found, expected = ours(case)[1], references["neutral"].samples(case)
    assert set(found) == set(expected)
    for name, values in expected.items():
        error = np.abs(found[name] - values)
        rounding = 1e-7 * np.abs(values).max()  # of what is stored
        assert error.max() < VARIABLE[name] + rounding, name


@pytest.mark.parametrize(("peer", "cell"), [(p, cell) for p in PEERS for cell in PEERS[p]])
def test_peers_with_a_fine_step_approach_the_truth(references, peer, cell):
    for kind in accuracy.INPUTS:
        found, true = (references[name].spikes((cell, kind)) for name in (peer, "neutral"))
        errors = accuracy.compare(found, true)
        assert (errors["lost"], errors["added"]) == (0, 0)
        assert errors["rms_error"] < PEERS[peer][cell]


@pytest.mark.parametrize(("peer", "cell"), [(p, cell) for p in PEERS for cell in PEERS[p]])
def test_peers_with_a_fine_step_agree_about_every_variable(references, peer, cell):
    """In nine samples of ten: in the others a spike is, or an input arrives, at this very time."""
    case = (cell, "off grid")
    found, expected = references[peer].samples(case), references["neutral"].samples(case)
    for name, values in found.items():
        scale = np.ptp(expected[name])
        error = np.quantile(np.abs(values - expected[name]), 0.9)
        # IF_facets_hardware1 falls and rises 25 mV within 3 ms of each spike.
        assert error < (0.06 if cell == "IF_facets_hardware1" and name == "v" else 0.005) * scale


def test_nest_and_neuron_have_what_they_have(references):
    for peer, cells in PEERS.items():
        assert {cell for cell in RMS if (cell, "on grid") in references[peer]} - set(cells) == (
            {"HH_cond_exp"} if peer == "neuron" else set()
        )


@pytest.mark.parametrize("cell", [c for c in RMS if c != "HH_cond_exp"])
def test_stored_truth_is_what_the_reference_gives(references, cell):
    spikes, _ = accuracy.truth(ship, cell, "off grid", 1)
    stored = references["neutral"].spikes((cell, "off grid"))[1]
    assert spikes == pytest.approx(stored, rel=0.0, abs=1e-7)


@pytest.mark.parametrize("cell", [c for c in RMS if c.startswith("IF_c") and "gsfa" not in c])
def test_two_independent_solutions_agree(cell):
    """The closed form of a leaky membrane, and the integrator used for all."""
    weights = dict(zip(("excitatory", "inhibitory"), accuracy.WEIGHTS[cell], strict=True))
    arrivals = [
        (time, receptor, weights[receptor])
        for receptor, times in accuracy.input_times("off grid", 2).items()
        for time in times
    ]
    parameters = getattr(ship, cell).default_parameters
    expected = Neuron(cell, parameters).run(accuracy.DURATION, arrivals)
    assert new(cell).run(accuracy.DURATION, arrivals) == pytest.approx(expected, rel=0.0, abs=1e-7)


def new(cell):
    """The true cell with its default parameters, at time 0."""
    cell_type = getattr(ship, cell)
    return cell_reference.cell(cell, cell_type.default_parameters, cell_type.default_initial_values)
