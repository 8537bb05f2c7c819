"""Write ``nest.npz``: what NEST's own neurons do, which NESTML has models of, too.

Run it with NEST 3.10.  Each neuron gets a constant current and irregular input that arrives at
multiples of 0.1 ms, and takes steps of 0.001 ms; spikes are stamped at their ends.
"""

from __future__ import annotations

import json
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "nest.npz"
DURATION = 150.0  # ms
CASES = {
    "iaf_psc_exp": ({"I_e": 380.0}, (120.0, -80.0)),
    "iaf_psc_alpha": ({"I_e": 380.0}, (120.0, -80.0)),
    "iaf_psc_delta": ({"I_e": 380.0}, (1.0, -0.5)),
    "iaf_cond_exp": ({"I_e": 240.0}, (20.0, -5.0)),
    "iaf_cond_alpha": ({"I_e": 240.0}, (10.0, -5.0)),
    "iaf_cond_beta": ({"I_e": 240.0, "tau_decay_ex": 1.5, "tau_decay_in": 4.0}, (10.0, -5.0)),
    "izhikevich": ({"I_e": 8.0}, (2.0, -1.0)),
    "aeif_cond_exp": ({"I_e": 700.0}, (20.0, -5.0)),
    "aeif_cond_alpha": ({"I_e": 900.0}, (10.0, -5.0)),
    "hh_psc_alpha": ({"I_e": 650.0}, (100.0, -50.0)),
    "hh_cond_exp_traub": ({"I_e": 500.0}, (10.0, -5.0)),
}
"""Parameters in NEST's units, and the weights of excitatory and inhibitory input."""


def simulate(model, parameters, weights, inputs):
    """All parameters, spike times, and the potential every ms."""
    import nest  # the tests read this file, too, where it is not installed

    nest.ResetKernel()
    nest.resolution = 0.001
    cell = nest.Create(model, params=parameters)
    before = {k: float(v) for k, v in cell.get().items() if isinstance(v, (int, float))}
    for times, weight in zip(inputs, weights, strict=True):
        source = nest.Create("spike_generator", params={"spike_times": times})
        nest.Connect(source, cell, syn_spec={"weight": weight, "delay": 1.0})
    spikes = nest.Create("spike_recorder")
    potential = nest.Create("multimeter", params={"interval": 1.0, "record_from": ["V_m"]})
    nest.Connect(cell, spikes)
    nest.Connect(potential, cell)
    nest.Simulate(DURATION)
    return before, spikes.events["times"], potential.events["V_m"]


def main():
    """Run all neurons."""
    generator = np.random.default_rng(1)
    inputs = [np.unique(generator.uniform(1.0, DURATION - 5.0, n).round(1)) for n in (60, 40)]
    arrays = {"excitatory": inputs[0], "inhibitory": inputs[1]}
    facts = {}
    for model, (parameters, weights) in CASES.items():
        before, spikes, potential = simulate(model, parameters, weights, inputs)
        facts[model] = {"parameters": before, "weights": weights}
        arrays |= {f"{model} spikes": spikes, f"{model} V_m": potential}
    origin = {name: version(name) for name in ("nest-simulator", "numpy")}
    origin |= {"date": date.today().isoformat(), "command": f"python {Path(__file__).name}"}
    texts = {"facts": json.dumps(facts, sort_keys=True), "origin": json.dumps(origin)}
    np.savez_compressed(FILE, **texts, **arrays)


if __name__ == "__main__":
    main()
