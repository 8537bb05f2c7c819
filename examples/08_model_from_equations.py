"""A neuron and a synapse from equations with units (ship only).

The neuron adapts: a current w, which the potential drives and every spike raises, works against
the input. The synapse tires: every spike uses up half of what is left, which then recovers. Both
are a few lines of text. Dimensions are checked, the integration is chosen, and what comes out is
a cell type and a synapse type like any other.

Usage: python 08_model_from_equations.py
"""

import argparse

import numpy as np
import pyNN.ship as sim

arguments = argparse.ArgumentParser(description="A neuron and a synapse from equations with units.")
arguments.add_argument("simulator", nargs="?", choices=["ship"], default="ship")
arguments.parse_args()

Adaptive = sim.cell_type(
    "Adaptive",
    """
    i = isyn + i_offset + i_inj - w : nA
    dv/dt = (v_rest - v)/tau_m + i/cm : mV (unless refractory)
    dw/dt = (a*(v - v_rest) - w)/tau_w : pA    # pA here, nA above: the factor is found
    disyn/dt = -isyn/tau_syn : nA
    """,
    threshold="v > v_thresh",
    reset="v = v_reset; w += b",
    refractory="tau_refrac",
    parameters={
        "v_rest": "-65 mV",
        "v_thresh": "-50 mV",
        "v_reset": "-65 mV",
        "tau_m": "20 ms",
        "cm": "0.25 nF",
        "tau_refrac": "2 ms",
        "tau_w": "120 ms",
        "a": "1 nS",
        "b": "20 pA",
        "tau_syn": "5 ms",
        "i_offset": "0 nA",
    },
    initial={"v": "v_rest"},
    receptors={"excitatory": "isyn"},
)
Tiring = sim.synapse_type(
    "Tiring",
    "dx/dt = (1 - x)/tau_rec : 1",
    on_pre="used = u*x; x -= used",
    transmitted="weight*used",
    parameters={"u": 0.5, "tau_rec": "200 ms"},
    initial={"x": 1},
)
print(Adaptive.__doc__.splitlines()[-1])

sim.setup(timestep=0.1)
neurons = sim.Population(3, Adaptive(i_offset=[0.25, 0.35, 0.45]))
neurons.record(["spikes", "w"])
listener = sim.Population(1, Adaptive(v_thresh=0.0))
listener.record("v")
source = sim.Population(1, sim.SpikeSourceArray(spike_times=np.arange(50.0, 300.0, 25.0)))
tiring = Tiring(weight=1.0, delay=1.0)
sim.Projection(source, listener, sim.AllToAllConnector(), tiring, receptor_type="excitatory")
sim.run(500.0)

segment = neurons.get_data().segments[0]
for current, train in zip(neurons.get("i_offset"), segment.spiketrains, strict=True):
    intervals = np.diff(train.magnitude)
    shown = ", ".join(f"{interval:.1f}" for interval in intervals[:6])
    print(
        f"{current:.2f} nA: {len(train)} spikes, {shown} ms apart, at the end {intervals[-1]:.1f}"
    )
w = segment.filter(name="w")[0]
print(f"the current that adapts, in {w.dimensionality}: up to {w.magnitude.max():.0f}")

v = listener.get_data().segments[0].filter(name="v")[0].magnitude[:, 0]
peaks = [v[500 + 250 * k : 750 + 250 * k].max() - v[500 + 250 * k] for k in range(10)]
print("what ten spikes bring, in mV: " + ", ".join(f"{peak:.1f}" for peak in peaks))

for equations in ("dv/dt = (v_rest - v)/cm : mV", "dv/dt = (v_rst - v)/tau_m : mV"):
    try:
        sim.cell_type(
            "Wrong", equations, parameters={"v_rest": "0 mV", "tau_m": "1 ms", "cm": "1 nF"}
        )
    except Exception as error:
        print(f"refused: {error}")
sim.end()
