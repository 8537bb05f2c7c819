"""A network of many kinds of synapses; started by ``mpiexec``, or as one process.

Argument: a folder, into which the first process writes everything that it can ask for.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pyNN.ship as sim
from pyNN.random import NumpyRNG, RandomDistribution

LISTED = [(k % 5, (7 * k) % 203, 0.002 * k, 0.3 + 0.1 * (k % 7)) for k in range(40)]


def populations(rng):
    offsets = RandomDistribution("uniform", (0.2, 0.6), rng=rng)
    potentials = RandomDistribution("normal", (-65.0, 5.0), rng=rng)
    return {
        "cells": sim.Population(203, sim.IF_cond_exp(tau_refrac=2.0, i_offset=offsets)),
        "others": sim.Population(
            61, sim.IF_curr_exp(i_offset=0.3), initial_values={"v": potentials}
        ),
        "few": sim.Population(11, sim.IF_cond_exp(i_offset=0.5)),
        "noise": sim.Population(40, sim.SpikeSourcePoisson(rate=80.0)),
        "listed": sim.Population(5, sim.SpikeSourceArray()),
    }


def rules(rng, noise_to_cells):
    """Connectors, and between what."""
    return {
        "probability": ("noise", "cells", sim.FixedProbabilityConnector(0.3, rng=rng)),
        "all": ("listed", "others", sim.AllToAllConnector()),
        "number_pre": ("cells", "others", sim.FixedNumberPreConnector(12, rng=rng)),
        "number_post": ("noise", "cells", sim.FixedNumberPostConnector(30, rng=rng)),
        "total": ("noise", "others", sim.FixedTotalNumberConnector(300, rng=rng)),
        "distance": (
            "others",
            "cells",
            sim.DistanceDependentProbabilityConnector("d < 50", rng=rng),
        ),
        "array": ("listed", "others", sim.ArrayConnector(np.arange(305).reshape(5, 61) % 3 == 0)),
        "one": ("others", "others", sim.OneToOneConnector()),
        "clone": ("noise", "cells", sim.CloneConnector(noise_to_cells)),
        "small_world": ("cells", "cells", sim.SmallWorldConnector(3, 0.2, rng=rng)),
    }


def projections(p, rng):
    def spread(low, high):
        return RandomDistribution("uniform", (low, high), rng=rng)

    found = {}
    some = sim.FixedProbabilityConnector(0.1, rng=rng)
    static = sim.StaticSynapse(weight=spread(0.001, 0.004), delay=spread(0.3, 2.0))
    first = sim.Projection(p["noise"], p["cells"], some, static, receptor_type="excitatory")
    for name, (pre, post, rule) in rules(rng, first).items():
        weight = 0.1 if post == "others" else 0.002
        synapse = sim.StaticSynapse(weight=weight, delay=spread(0.3, 2.0))
        found[name] = sim.Projection(p[pre], p[post], rule, synapse, receptor_type="excitatory")
    stdp = sim.STDPMechanism(
        sim.SpikePairRule(tau_plus=20.0, tau_minus=20.0, A_plus=0.05, A_minus=0.04),
        sim.AdditiveWeightDependence(w_min=0.0, w_max=0.02),
        dendritic_delay_fraction=0.5,
        weight=0.005,
        delay=spread(0.3, 1.5),
    )
    stochastic = sim.SimpleStochasticSynapse(weight=0.03, p=0.4, delay=0.7)
    depressing = sim.TsodyksMarkramSynapse(weight=0.001, U=0.3, delay=0.5)
    pulses = sim.devices.PulseProgramming(50, 50, 2.0, 2.0, beta_sigma=0.2, cycle_to_cycle=0.01)
    noisy = sim.Memristor(levels=16, pulses=pulses, read_noise=0.02)
    kept = sim.MemristiveSynapse(stdp, noisy)
    mixed = p["cells"][:20] + p["others"][5:30], p["cells"][30:60] + p["few"][:9]
    for name, pre, post, rule, synapse in (
        ("listed", p["listed"], p["cells"], sim.FromListConnector(LISTED), sim.StaticSynapse()),
        ("plastic", p["cells"], p["cells"], some, stdp),
        ("stochastic", p["cells"][10:90], p["others"][:50], some, stochastic),
        ("depressing", p["others"], p["cells"], some, depressing),
        ("mixed", *mixed, some, static),
        ("kept in devices", p["cells"], p["cells"], some, kept),
    ):
        found[name] = sim.Projection(pre, post, rule, synapse, receptor_type="excitatory")
    found["one"].set(weight=spread(0.1, 0.3))
    found["listed"].set(weight=np.linspace(0.001, 0.01, 40))
    return found


def as_lists(block):
    found = []
    for segment in block.segments:
        for signal in segment.analogsignals:
            channels = signal.array_annotations["channel_index"].tolist()
            start = float(signal.t_start)
            found.append((signal.name, start, channels, np.asarray(signal).tolist()))
        for train in segment.spiketrains:
            channel = int(train.annotations["channel_id"])
            found.append((channel, float(train.t_start), float(train.t_stop), train.tolist()))
    return found


def simulate():
    rng = NumpyRNG(seed=5)
    p = populations(rng)
    for cell in p["listed"]:  # PyNN gives those of this process
        cell.spike_times = np.arange(2.0 + int(cell) % 5, 95.0, 6.5)
    connections = projections(p, rng)
    noise = sim.NoisyCurrentSource(mean=0.1, stdev=0.2, stop=80.0)
    noise.inject_into(p["cells"][0:30])
    p["cells"].record("spikes")
    p["cells"][3:150].record("v", sampling_interval=0.5)
    (p["others"] + p["few"] + p["noise"]).record("spikes")
    connections["plastic"].record("weight", sampling_interval=10.0)
    sim.run(60.0)
    p["cells"].set(tau_m=RandomDistribution("uniform", (15.0, 25.0), rng=rng))
    sim.run(40.3)
    return p, connections


def everything(folder):
    sim.setup(timestep=0.1, seed=3)
    p, connections = simulate()
    mixed = p["others"] + p["cells"][::2]
    found = {
        "counts": {int(k): v for k, v in sorted(p["cells"].get_spike_counts().items())},
        "mean": (mixed.mean_spike_count(), p["noise"].mean_spike_count()),
        "delays": (sim.get_min_delay(), sim.get_max_delay()),
        "weights": as_lists(connections["plastic"].get_data()),
        "mixed": as_lists(mixed.get_data()),
    }
    for name in ("cells", "others", "few", "noise"):
        found["data", name] = as_lists(p[name].get_data())
    for name in ("tau_m", "cm", "i_offset"):
        found[name] = np.asarray(p["cells"].get(name, gather=True)).tolist()
        found["view", name] = np.asarray(p["cells"][5:99].get(name, gather=True)).tolist()
    times = p["listed"].get("spike_times", gather=True)
    found["spike_times"] = [each.value.tolist() for each in times]
    for name, projection in connections.items():
        found["list", name] = projection.get(["weight", "delay"], format="list")
        found["size", name] = projection.size(gather=True)
        found["matrix", name] = projection.get("weight", format="array").tolist()
    projection = connections["plastic"]
    projection.save("weight", str(folder / "weights.txt"))
    p["cells"].write_data(str(folder / "cells.pkl"))
    found["everywhere"] = len(projection.get("weight", format="list", gather="all"))
    sim.reset()
    sim.run(20.0)
    found["after a reset"] = as_lists(p["cells"].get_data())
    if sim.rank() == 0:
        found["saved"] = (folder / "weights.txt").read_text()
        found["written"] = as_lists(pickle.loads((folder / "cells.pkl").read_bytes()))
        (folder / "found.pkl").write_bytes(pickle.dumps(found))
    p["cells"].write_data(str(folder / "each.pkl"), gather=False)
    if sim.num_processes() > 1:
        assert (folder / f"each.pkl.{sim.rank()}").exists()
        assert len(projection) < projection.size(gather=False) + 1 < found["everywhere"]
    sim.end()


if __name__ == "__main__":
    everything(Path(sys.argv[1]))
