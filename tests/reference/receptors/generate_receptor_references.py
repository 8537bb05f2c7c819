"""
Store what composed cells do in NEST, in steps of 0.001 ms.

Usage, in an environment with NEST::

    python generate_receptor_references.py nest.json

NEST has two models that take several receptors with conductances; without adaptation, and with a
sharp threshold, they are leaky integrate-and-fire neurons. Stored for each case: how the cell is
built, in PyNN's names and units, the spikes that reach it, its own spikes, and the conductances
and the potential every millisecond from 1 ms on; and under "origin" version, date and command.
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

DURATION = 300.0  # ms
TIMESTEP = 0.001  # ms
SAMPLES = 60
LIF = {
    "cm": 0.5, "tau_m": 20.0, "v_rest": -65.0, "v_reset": -65.0, "v_thresh": -50.0,
    "tau_refrac": 2.0,
}  # fmt: skip
ADEXP = {
    "cm": 0.25, "tau_m": 15.0, "v_rest": -70.0, "v_reset": -60.0, "v_thresh": -50.0,
    "tau_refrac": 2.0, "v_spike": 0.0, "delta_T": 2.0, "a": 4.0, "b": 0.05, "tau_w": 100.0,
}  # fmt: skip
BETA = {
    "fast": {"e_syn": 0.0, "tau_rise": 0.5, "tau_decay": 3.0},
    "same": {"e_syn": 0.0, "tau_rise": 2.0, "tau_decay": 2.0},
    "slow": {"e_syn": -80.0, "tau_rise": 2.0, "tau_decay": 8.0},
}
ALPHA = {
    "fast": {"e_syn": 0.0, "tau_syn": 1.0},
    "same": {"e_syn": 0.0, "tau_syn": 4.0},
    "slow": {"e_syn": -80.0, "tau_syn": 6.0},
}
WEIGHTS = {"fast": 0.05, "same": 0.02, "slow": 0.01}  # uS
CASES = [
    (neuron, kind, parameters, receptors)
    for neuron, parameters in (("LIF", LIF), ("AdExp", ADEXP))
    for kind, receptors in (("AlphaPSR", ALPHA), ("BetaPSR", BETA))
]


def nest_parameters(parameters: dict[str, float], receptors: dict[str, Any]) -> dict[str, Any]:
    """A cell in NEST's names and units: pF, nS, pA."""
    sharp = "delta_T" not in parameters
    native = {
        "C_m": 1e3 * parameters["cm"],
        "g_L": 1e3 * parameters["cm"] / parameters["tau_m"],
        "E_L": parameters["v_rest"],
        "V_reset": parameters["v_reset"],
        "V_th": parameters["v_thresh"],
        "V_peak": parameters["v_thresh"] if sharp else parameters["v_spike"],
        "Delta_T": 0.0 if sharp else parameters["delta_T"],
        "a": 0.0 if sharp else parameters["a"],
        "b": 0.0 if sharp else 1e3 * parameters["b"],
        "tau_w": parameters.get("tau_w", 100.0),
        "t_ref": parameters["tau_refrac"],
        "V_m": parameters["v_rest"],
        "w": 0.0,
        "I_e": 0.0,
        "gsl_error_tol": 1e-9,
        "E_rev": [receptor["e_syn"] for receptor in receptors.values()],
    }
    for name in ("tau_syn", "tau_rise", "tau_decay"):
        if name in next(iter(receptors.values())):
            native[name] = [receptor[name] for receptor in receptors.values()]
    return native


def run(kind: str, parameters: dict[str, float], receptors: dict[str, Any]) -> dict[str, Any]:
    """Spikes and samples of one cell."""
    import nest

    nest.ResetKernel()
    nest.resolution = TIMESTEP
    model = f"aeif_cond_{kind.removesuffix('PSR').lower()}_multisynapse"
    cell = nest.Create(model, params=nest_parameters(parameters, receptors))
    random = np.random.default_rng(7)
    inputs = {}
    for port, label in enumerate(receptors, 1):
        inputs[label] = np.unique(random.uniform(1.0, DURATION - 10.0, 60).round(1))
        source = nest.Create("spike_generator", params={"spike_times": inputs[label]})
        synapse = {"weight": 1e3 * WEIGHTS[label], "delay": 1.0, "receptor_type": port}
        nest.Connect(source, cell, syn_spec=synapse)
    spikes = nest.Create("spike_recorder")
    nest.Connect(cell, spikes)
    names = {f"{label}.gsyn": f"g_{port}" for port, label in enumerate(receptors, 1)}
    meter = nest.Create(
        "multimeter", params={"interval": 1.0, "record_from": ["V_m", *names.values()]}
    )
    nest.Connect(meter, cell)
    nest.Simulate(DURATION)
    samples = {name: 1e-3 * meter.events[native][:SAMPLES] for name, native in names.items()}
    samples["v"] = meter.events["V_m"][:SAMPLES]
    return {
        "inputs": {label: times.tolist() for label, times in inputs.items()},
        "weights": WEIGHTS,
        "spikes": spikes.events["times"].round(3).tolist(),
        "samples": {name: values.tolist() for name, values in samples.items()},
    }


def main() -> None:
    """Run every case and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    stored: dict[str, Any] = {
        "origin": {
            "nest-simulator": version("nest-simulator"),
            "timestep": TIMESTEP,
            "date": date.today().isoformat(),
            "command": f"python {Path(__file__).name} {arguments.output.name}",
        }
    }
    for neuron, kind, parameters, receptors in CASES:
        built = {"neuron": neuron, "parameters": parameters, "kind": kind, "receptors": receptors}
        stored[f"{neuron}, {kind}"] = built | run(kind, parameters, receptors)
    arguments.output.write_text(json.dumps(stored))


if __name__ == "__main__":
    main()
