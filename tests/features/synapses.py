"""Probes of static, electrical and short-term plastic synapses."""

from __future__ import annotations

from typing import Any

import numpy as np

from .measure import Floats, Probe, close, require, samples

TIMES = np.arange(5.0, 205.0, 20.0)
"""Presynaptic spikes; they arrive a millisecond later."""


def static(sim: Any) -> None:
    """Cells connected twice keep both weights and delays, and both act."""
    pre = sim.Population(2, sim.SpikeSourceArray(spike_times=[1.0]))
    post = sim.Population(2, sim.IF_curr_exp(tau_syn_E=5.0))
    rows = [(0, 0, 0.1, 1.0), (0, 0, 0.3, 2.0), (0, 1, 0.2, 1.0), (1, 0, 0.4, 3.0)]
    projection = sim.Projection(pre, post, sim.FromListConnector(rows), sim.StaticSynapse())
    post.record("isyn_exc")
    sim.run(6.0)
    require(sorted(projection.get(["weight", "delay"], "list")) == rows, "they are kept")
    current = samples(post, "isyn_exc")[60]
    expected = [sum(w * np.exp(-(5.0 - d) / 5.0) for i, j, w, d in rows if j == k) for k in (0, 1)]
    close(current, expected)


def electrical(sim: Any) -> None:
    """A difference of potentials decays with cm / (g_leak + 2 g), the sum with tau_m."""
    cells = sim.Population(4, sim.IF_curr_exp(cm=0.2, tau_m=20.0))
    cells.initialize(v=[-55.0, -65.0, -55.0, -65.0])
    cells.record("v")
    junction = sim.ElectricalSynapse(weight=0.01)
    projection = sim.Projection(cells[:1], cells[1:2], sim.OneToOneConnector(), junction)
    sim.run(20.0)
    time = 0.1 * np.arange(201)
    v = samples(cells, "v") + 65.0
    close(v[:, 0] + v[:, 1], 10.0 * np.exp(-time / 20.0), 1e-4)
    close(v[:, 0] - v[:, 1], 10.0 * np.exp(-time / (0.2 / 0.03)), 1e-3)
    close(v[:, 2], 10.0 * np.exp(-time / 20.0), 1e-6)
    close(projection.get("weight", "array"), 0.01)
    axons = sim.Population(2, sim.HH_cond_exp())
    sim.Projection(
        axons[:1], axons[1:], sim.AllToAllConnector(), junction, receptor_type="source_section.gap"
    )
    axons.record("v")
    sim.DCSource(amplitude=1.0, start=20.0).inject_into(axons[:1])
    sim.run(100.0)
    require(samples(axons, "v")[:, 1].max() > -60.0, "the other cell of the pair follows")


def _amplitudes(sim: Any, synapse: Any, count: int = 1) -> tuple[Floats, Any]:
    """Conductance added by each spike of one source, in each of some cells: [spikes, cells]."""
    pre = sim.Population(1, sim.SpikeSourceArray(spike_times=TIMES))
    post = sim.Population(count, sim.IF_cond_exp(tau_syn_E=0.5))
    projection = sim.Projection(pre, post, sim.AllToAllConnector(), synapse)
    post.record("gsyn_exc")
    sim.run(210.0)
    steps = np.round((TIMES + 1.0) / 0.1).astype(int)
    values: Floats = samples(post, "gsyn_exc")[steps]
    return values, projection


def _efficacy(U: float, tau_rec: float, tau_facil: float) -> Floats:
    """The product x u at each spike, for synaptic currents much shorter than the intervals."""
    x, u, found = 1.0, 0.0, []
    for number, interval in enumerate(np.diff(TIMES, prepend=TIMES[0])):
        if number:
            x = 1.0 - (1.0 - x) * np.exp(-interval / tau_rec)
        u = u * np.exp(-interval / tau_facil) if tau_facil else 0.0
        u += U * (1.0 - u)
        found.append(x * u)
        x -= x * u
    return np.array(found)


def tsodyks_markram(sim: Any) -> None:
    for U, tau_rec, tau_facil in ((0.5, 100.0, 0.0), (0.1, 20.0, 1000.0)):
        sim.setup(timestep=0.1)
        synapse = sim.TsodyksMarkramSynapse(
            U=U, tau_rec=tau_rec, tau_facil=tau_facil, weight=0.01, delay=1.0
        )
        found, projection = _amplitudes(sim, synapse)
        close(found[:, 0], 0.01 * _efficacy(U, tau_rec, tau_facil), 0.03)
        for name, value in (("weight", 0.01), ("U", U), ("tau_rec", tau_rec)):
            close(projection.get(name, "array"), value)
        close(projection.get("tau_facil", "list", with_address=False), tau_facil)
    require(_efficacy(0.1, 20.0, 1000.0).max() > 0.2, "it facilitates")


def simple_stochastic(sim: Any) -> None:
    p = np.repeat([0.0, 0.3, 1.0], 100)[np.newaxis]
    synapse = sim.SimpleStochasticSynapse(weight=0.01, p=p, delay=1.0)
    found, projection = _amplitudes(sim, synapse, 300)
    transmitted = found > 0.005
    close(found[transmitted], 0.01, 1e-6)
    share = transmitted.reshape(10, 3, 100).mean((0, 2))
    require(abs(share - [0.0, 0.3, 1.0]) < [1e-9, 0.07, 1e-9], f"transmitted: {share}")
    require(not np.array_equal(transmitted[:, 100], transmitted[:, 101]), "each by itself")
    close(projection.get("p", "array"), p)


def stochastic_tsodyks_markram(sim: Any) -> None:
    synapse = sim.StochasticTsodyksMarkramSynapse(
        U=0.5, tau_rec=100.0, tau_facil=50.0, weight=0.01, delay=1.0
    )
    found, projection = _amplitudes(sim, synapse, 1000)
    released = found > 0.005
    close(found[released], 0.01, 1e-6)
    expected = _efficacy(0.5, 100.0, 50.0)
    require(abs(released.mean(1) - expected) < 5 * 0.5 / np.sqrt(1000), "mean of releases")
    close(projection.get("weight", "array"), 0.01)


def multi_quantal(sim: Any) -> None:
    synapse = sim.MultiQuantalSynapse(
        U=0.5, n=5, tau_rec=100.0, tau_facil=50.0, weight=0.01, delay=1.0
    )
    found, projection = _amplitudes(sim, synapse, 500)
    quanta = found / (0.01 / 5)
    require(abs(quanta - quanta.round()) < 1e-3, "amplitudes are quanta")
    expected = _efficacy(0.5, 100.0, 50.0)
    require(abs(quanta.mean(1) / 5 - expected) < 5 * 0.5 / np.sqrt(2500), "mean of releases")
    close(projection.get("n", "array"), 5)
    close(projection.get("tau_facil", "array"), 50.0)


def initialize(sim: Any) -> None:
    """A synapse that has u from the start releases more at its first spike."""
    pre = sim.Population(1, sim.SpikeSourceArray(spike_times=[1.0]))
    post = sim.Population(2, sim.IF_cond_exp())
    synapse = sim.TsodyksMarkramSynapse(U=0.2, tau_rec=100.0, tau_facil=1e6, weight=1e-2, delay=1.0)
    projection = sim.Projection(pre, post, sim.AllToAllConnector(), synapse)
    projection.initialize(u=np.array([[0.0, 0.5]]))
    post.record("gsyn_exc")
    sim.run(3.0)
    close(samples(post, "gsyn_exc")[20], [0.002, 0.01 * (0.5 + 0.2 * 0.5)], 1e-4)
    sim.reset()
    sim.run(3.0)
    close(samples(post, "gsyn_exc")[20], [0.002, 0.01 * (0.5 + 0.2 * 0.5)], 1e-4)


ROWS: dict[str, Probe] = {
    "StaticSynapse": static,
    "ElectricalSynapse": electrical,
    "TsodyksMarkramSynapse": tsodyks_markram,
    "SimpleStochasticSynapse": simple_stochastic,
    "StochasticTsodyksMarkramSynapse": stochastic_tsodyks_markram,
    "MultiQuantalSynapse": multi_quantal,
}
