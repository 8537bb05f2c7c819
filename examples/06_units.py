"""Quantities with units, converted to PyNN's units or refused by dimension (ship only).

PyNN's parameters are plain numbers in fixed units (ms, mV, nA, nF, uS, Hz). ``pyNN.ship`` takes
them so too, and also takes quantities: milliseconds may be given in seconds and nanoamperes in
picoamperes, and a voltage where a time belongs is an error that says what was expected.

Usage: python 06_units.py ship
"""

import quantities as pq
from pyNN.utility import get_simulator

sim, options = get_simulator()
if options.simulator != "ship":
    raise SystemExit("Quantities as parameters are for ship; other simulators want plain numbers.")

sim.setup(timestep=0.1 * pq.ms, min_delay=0.1 * pq.ms)

cell = sim.IF_curr_exp(
    tau_m=0.02 * pq.s,
    cm=250 * pq.pF,
    v_rest=-0.07 * pq.V,
    v_thresh=-50 * pq.mV,
    v_reset=-60.0,  # a number without a unit is in PyNN's unit, here mV
    i_offset=300 * pq.pA,
)
neurons = sim.Population(3, cell, initial_values={"v": -70 * pq.mV})
source = sim.Population(1, sim.SpikeSourcePoisson(rate=0.5 * pq.kHz))
synapse = sim.StaticSynapse(weight=5 * pq.pA, delay=1500 * pq.us)
projection = sim.Projection(source, neurons, sim.AllToAllConnector(), synapse)
neurons.record(["spikes", "v"])
sim.run(0.2 * pq.s)

names = ("tau_m", "cm", "v_rest", "v_thresh", "v_reset", "i_offset")
print("as PyNN has them: " + ", ".join(f"{name} {neurons.get(name):g}" for name in names))
weight, delay = projection.get(["weight", "delay"], format="list", with_address=False)[0]
print(f"weight {weight:g} nA, delay {delay:g} ms")
voltage = neurons.get_data().segments[0].filter(name="v")[0]
print(f"recorded data have units too: v is between {voltage.min():.2f} and {voltage.max():.2f}")

for attempt in (
    lambda: sim.IF_curr_exp(tau_m=20 * pq.mV),
    lambda: sim.StaticSynapse(weight=5 * pq.pA, delay=1.5 * pq.nS),
    lambda: neurons.set(i_offset=0.3 * pq.Hz),
):
    try:
        attempt()
    except Exception as error:
        print(f"refused: {type(error).__name__}: {error}")
sim.end()
