"""Cell and synapse types from equations, as other types of PyNN are used."""

from __future__ import annotations

import numpy as np
import pytest
import quantities as pq
from pyNN import errors

import pyNN_ship as ship

ADAPTIVE = """
i_syn = g_exc*(e_exc - v) : nA                  # follows from the other two
dv/dt = (v_rest - v - w + r*(i_syn + i_offset + i_inj))/tau_m : mV (unless refractory)
dw/dt = (a*(v - v_rest) - w)/tau_w : mV
dg_exc/dt = -g_exc/tau_exc : nS
"""
PARAMETERS = {
    "tau_m": (20.0, "ms"), "v_rest": "-65 mV", "v_thresh": -0.05 * pq.V, "v_reset": "-65*mV",
    "r": pq.Quantity(20.0, "MOhm"), "i_offset": "0 nA", "a": 0.2, "b": "2 mV", "tau_w": "100 ms",
    "tau_exc": "5 ms", "e_exc": "0 mV", "tau_refrac": "2 ms",
}  # fmt: skip


def adaptive(**arguments):
    given = {
        "threshold": "v > v_thresh",
        "reset": "v = v_reset; w += b",
        "refractory": "tau_refrac",
        "parameters": PARAMETERS,
        "initial": {"v": "v_rest"},
        "receptors": {"excitatory": "g_exc"},
    }
    return ship.cell_type("Adaptive", ADAPTIVE, **(given | arguments))


class TestCellType:
    """A neuron whose threshold current rises with every spike."""

    def test_describes_itself(self) -> None:
        celltype = adaptive()
        assert celltype.__name__ == "Adaptive"
        assert celltype.receptor_types == ["excitatory"]
        assert celltype.conductance_based
        assert celltype.injectable
        assert celltype.recordable == ["spikes", "v", "w", "g_exc"]
        assert celltype.units["v_thresh"] == "V"
        assert celltype.default_parameters["v_thresh"] == -0.05
        assert celltype.default_initial_values == {"v": -65.0, "w": 0.0, "g_exc": 0.0}
        assert "Integrated: g_exc exactly; v, w by fourth-order" in celltype.__doc__

    def test_in_a_network(self, sim, samples, spike_times) -> None:
        cells = sim.Population(3, adaptive()(tau_m=15.0, i_offset=[0.9, 1.0, 1.2]))
        cells.set(tau_refrac=3 * pq.ms)
        cells.record(["spikes", "v", "w", "g_exc"])
        source = sim.Population(1, sim.SpikeSourceArray(spike_times=[20.0]))
        synapse = sim.StaticSynapse(weight=0.01, delay=1.0)
        sim.Projection(source, cells, sim.AllToAllConnector(), synapse)
        sim.run(100.0)
        counts = [train.size for train in spike_times(cells)]
        assert counts == sorted(counts)
        assert counts[0] >= 2
        assert samples(cells, "g_exc").max() == pytest.approx(10.0)  # nS, from 0.01 uS
        signals = {s.name: s for s in cells.get_data().segments[0].analogsignals}
        assert signals["g_exc"].units == pq.Quantity(1.0, "nS")
        assert np.diff(signals["w"].magnitude[:, 2]).max() == pytest.approx(2.0, abs=0.1)

    def test_a_conductance_in_ns_is_one_in_us(self, sim, samples) -> None:
        cells = sim.Population(1, adaptive()(a=0.0, v_thresh=0.0))
        by_hand = sim.Population(1, sim.IF_cond_exp(tau_m=20.0, cm=1.0, v_thresh=0.0))
        source = sim.Population(1, sim.SpikeSourceArray(spike_times=[2.0]))
        for population in (cells, by_hand):
            population.record("v")
            synapse = sim.StaticSynapse(weight=0.01, delay=1.0)
            sim.Projection(source, population, sim.AllToAllConnector(), synapse,
                           receptor_type="excitatory")  # fmt: skip
        sim.run(50.0)
        np.testing.assert_allclose(samples(cells, "v"), samples(by_hand, "v"), rtol=0, atol=1e-9)

    def test_a_current_can_be_injected(self, sim, samples) -> None:
        celltype = ship.cell_type(
            "Passive", "dv/dt = (r*i_inj - v)/tau : mV", parameters={"r": "2 MOhm", "tau": "10 ms"}
        )
        cells = sim.Population(1, celltype())
        cells.record("v")
        cells.inject(sim.DCSource(amplitude=3.0, start=0.0, stop=10.0))
        sim.run(20.0)
        expected = 6.0 * (1.0 - np.exp(-1.0))
        assert samples(cells, "v")[100, 0] == pytest.approx(expected, rel=1e-12)
        assert samples(cells, "v")[200, 0] == pytest.approx(expected * np.exp(-1.0), rel=1e-12)

    def test_units_that_do_not_balance(self) -> None:
        with pytest.raises(errors.InvalidModelError, match=r"dv/dt is in mV/ms, but .* is in mV"):
            ship.cell_type("A", "dv/dt = -v : mV")

    def test_a_parameter_that_there_is_not(self) -> None:
        with pytest.raises(errors.NonExistentParameterError, match="tau_n"):
            adaptive()(tau_n=1.0)

    def test_a_value_that_is_not_allowed(self, sim) -> None:
        with pytest.raises(errors.InvalidParameterValueError, match="tau_w"):
            sim.Population(1, adaptive()(tau_w=0.0))

    def test_is_one_of_the_names_of_the_simulator(self) -> None:
        import pyNN.ship

        assert pyNN.ship.cell_type is ship.cell_type
        assert "synapse_type" in dir(pyNN.ship)


class TestSynapseType:
    """Synapses from equations in projections."""

    DEPRESSING = {
        "equations": "dx/dt = (1 - x)/tau_rec : 1",
        "on_pre": "used = u*x; x -= used",
        "transmitted": "weight*used",
        "parameters": {"tau_rec": "100 ms", "u": (0.5, "1", 0.0, 1.0)},
        "initial": {"x": 1.0},
    }

    def connected(self, sim, synapse, receptor="excitatory"):
        source = sim.Population(1, sim.SpikeSourceArray(spike_times=[5.0, 25.0, 45.0]))
        cell = sim.Population(1, sim.IF_curr_delta(tau_m=1e6, v_thresh=0.0, tau_refrac=0.1))
        cell.record("v")
        connector = sim.AllToAllConnector()
        return cell, sim.Projection(source, cell, connector, synapse, receptor_type=receptor)

    def test_short_term_depression(self, sim, samples) -> None:
        synapse = ship.synapse_type("Depressing", **self.DEPRESSING)(weight=4.0, delay=1.0)
        cell, projection = self.connected(sim, synapse)
        sim.run(60.0)
        recovery = np.exp(-0.2)
        x, expected = 1.0, []
        for _ in range(3):
            expected.append(4.0 * 0.5 * x)
            x = 1.0 - (1.0 - 0.5 * x) * recovery
        v = samples(cell, "v")[:, 0]
        jumps = v[[80, 280, 480]] - v[[40, 240, 440]]
        np.testing.assert_allclose(jumps, expected, rtol=0, atol=1e-3)
        assert projection.get(["u", "tau_rec"], "list", with_address=False) == [(0.5, 100.0)]

    def test_plasticity_keeps_the_sign_of_an_inhibitory_weight(self, sim) -> None:
        learning = ship.synapse_type(
            "Learning",
            "dtrace/dt = -trace/tau : 1",
            on_pre="trace += 1; weight = clip(weight + rate*trace, w_min, w_max)",
            parameters={"tau": "20 ms", "rate": "0.1 weight", "w_min": "0 weight",
                        "w_max": "2 weight"},
        )  # fmt: skip
        synapse = learning(weight=-0.5, delay=1.0, w_max=-2.0, w_min=-0.0)
        _, projection = self.connected(sim, synapse, "inhibitory")
        sim.run(60.0)
        (weight,) = projection.get("weight", "list", with_address=False)
        traces = [1.0, 1.0 + np.exp(-1.0), 1.0 + np.exp(-1.0) + np.exp(-2.0)]
        assert weight == pytest.approx(-0.5 - 0.1 * sum(traces), rel=1e-12)

    def test_what_is_not_linear(self) -> None:
        with pytest.raises(errors.InvalidModelError, match="dx/dt is not linear"):
            ship.synapse_type("A", "dx/dt = -x*x/ms : 1")
