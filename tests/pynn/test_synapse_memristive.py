"""Synapses whose weights are kept in memristive devices, in projections of any kind."""

import copy

import numpy as np
import pyNN.ship as ship
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pyNN import errors

from ship_engine.devices import (
    ClippedWeightsWarning,
    DeviceToDevice,
    Levels,
    Memristor,
    PowerLawDrift,
    PulseProgramming,
    StuckDevices,
)
from ship_engine.models.base import Parameter
from ship_engine.synapses.base import Synapse

EXACT = Memristor(levels=Levels(5, crossing=None))
DRIFTING = Memristor(drift=PowerLawDrift(nu=0.5), g_min=0.0)
PULSED = Memristor(
    levels=16,
    pulses=PulseProgramming(50, 40, 2.0, 3.0, beta_sigma=0.2, cycle_to_cycle=0.02),
    device_to_device=DeviceToDevice(0.05),
    stuck=StuckDevices(low=0.1, high=0.1),
    read_noise=0.02,
)
ALL = ship.AllToAllConnector()


def project(synapse, receptor="excitatory", celltype=ship.IF_curr_exp, sources=4, cells=3):
    pre = ship.Population(sources, ship.SpikeSourcePoisson(rate=80.0))
    post = ship.Population(cells, celltype())
    return ship.Projection(pre, post, ALL, synapse, receptor_type=receptor)


def static(device, weight=0.4, elapsed=0.0, **others):
    synapse = ship.StaticSynapse(weight=weight, delay=1.0)
    return project(ship.MemristiveSynapse(synapse, device, elapsed), **others)


def stdp(device=PULSED, **parameters):
    mechanism = ship.STDPMechanism(
        timing_dependence=ship.SpikePairRule(A_plus=0.05, A_minus=0.04),
        weight_dependence=ship.AdditiveWeightDependence(w_max=2.0),
        **({"weight": 1.0, "delay": 1.0} | parameters),
    )
    return ship.MemristiveSynapse(mechanism, device)


def weights(projection, name="weight"):
    return np.array(projection.get(name, "list", with_address=False))


class TestWriting:
    def test_levels(self, sim):
        wanted = np.linspace(0.05, 1.0, 12).reshape(4, 3)
        found = static(EXACT, wanted).get("weight", "array")
        assert_allclose(found, (np.floor(wanted * 2.0 + 0.5) / 2.0))

    @pytest.mark.parametrize(
        ("receptor", "celltype", "sign"),
        [
            ("excitatory", ship.IF_curr_exp, 1.0),
            ("inhibitory", ship.IF_curr_exp, -1.0),
            ("inhibitory", ship.IF_cond_exp, 1.0),
        ],
    )
    def test_signs_are_as_pynn_has_them(self, sim, receptor, celltype, sign):
        wanted = sign * np.linspace(0.0, 1.0, 12).reshape(4, 3)
        device = Memristor(levels=Levels(9, crossing=0.5))
        found = weights(static(device, wanted, receptor=receptor, celltype=celltype))
        assert (found * sign >= 0.0).all()
        assert (found == 0.0).any()
        assert np.unique(found).size > 5

    def test_range_of_a_single_device(self, sim):
        device = Memristor(levels=Levels(3, crossing=None), pair=False, w_max=1.0)
        with pytest.warns(ClippedWeightsWarning, match="12 of 12"):
            assert_array_equal(weights(static(device, 1.5)), 1.0)
        assert_array_equal(weights(static(device, 0.3)), 0.5)

    def test_same_seed_same_devices(self):
        found = []
        for seed in (5, 5, 6):
            ship.setup(timestep=0.1, seed=seed)
            found.append(weights(static(Memristor(levels=16))))
        assert_array_equal(found[0], found[1])
        assert (found[0] != found[2]).all()

    def test_projections_have_devices_of_their_own(self, sim):
        device = Memristor(device_to_device=DeviceToDevice(0.1))
        assert (weights(static(device)) != weights(static(device))).all()

    def test_set_writes_anew(self, sim):
        projection = static(Memristor(levels=16, w_max=1.0), 0.5)
        before = weights(projection)
        projection.set(weight=0.5)
        assert (weights(projection) != before).all()
        differing = static(Memristor(device_to_device=DeviceToDevice(0.1), w_max=1.0), 0.5)
        before = weights(differing)
        differing.set(weight=0.5)
        assert_array_equal(weights(differing), before)

    def test_one_connection(self, sim):
        projection = static(Memristor(levels=Levels(5, crossing=None), w_max=1.0), 0.5)
        projection[4].weight = 0.9
        assert_array_equal(np.flatnonzero(weights(projection) == 1.0), [4])
        assert projection[4].written_weight == 1.0

    def test_mask_of_stuck_devices(self, sim):
        mask = np.zeros(12, int)
        mask[7] = 2
        device = Memristor(stuck=StuckDevices(mask=mask), pair=False, w_max=1.0)
        found = weights(static(device, 0.25))
        assert_array_equal(np.flatnonzero(found == 1.0), [7])
        assert_allclose(np.delete(found, 7), 0.25)

    def test_order_is_that_of_connections(self, sim):
        wanted = np.linspace(0.1, 1.0, 12).reshape(4, 3)
        projection = static(DRIFTING, wanted, elapsed=wanted * 100.0)
        assert_allclose(projection.get("written_weight", "array"), wanted)
        assert_allclose(projection.get("elapsed", "array"), wanted * 100.0)
        assert_allclose(projection.get("weight", "array"), wanted * (wanted * 100.0) ** -0.5)

    def test_listed_connections(self, sim):
        pre, post = (ship.Population(3, ship.IF_curr_exp()) for _ in range(2))
        listed = [(2, 0, 0.5, 4.0), (0, 1, 1.0, 16.0), (2, 2, 0.25, 1.0)]
        connector = ship.FromListConnector(listed, column_names=["weight", "elapsed"])
        synapse = ship.MemristiveSynapse(ship.StaticSynapse(delay=1.0), DRIFTING)
        projection = ship.Projection(pre, post, connector, synapse)
        assert projection.get("weight", "list") == [(0, 1, 0.25), (2, 0, 0.25), (2, 2, 0.25)]

    def test_assemblies(self, sim):
        first, second = (ship.Population(2, ship.IF_curr_exp()) for _ in range(2))
        wanted = np.linspace(0.1, 1.0, 16).reshape(4, 4)
        synapse = ship.MemristiveSynapse(ship.StaticSynapse(weight=wanted, delay=1.0), DRIFTING)
        projection = ship.Projection(first + second, second + first, ALL, synapse)
        assert_allclose(projection.get("written_weight", "array"), wanted)


class TestReading:
    def test_drift(self, sim):
        device = Memristor(drift=PowerLawDrift(nu=0.5), g_min=0.0, w_max=1.0)
        projection = static(device, 0.4, elapsed=16.0)
        assert_allclose(weights(projection), 0.1)
        assert_allclose(weights(projection, "written_weight"), 0.4)
        projection.set(elapsed=4.0)
        assert_allclose(weights(projection), 0.2)
        projection[1].elapsed = 0.0
        assert_allclose(weights(projection)[:3], [0.2, 0.4, 0.2])
        projection.set(weight=1.0)
        assert_allclose(weights(projection)[:3], [0.5, 1.0, 0.5])

    def test_quantities(self, sim):
        import quantities as pq

        assert_allclose(weights(static(DRIFTING, 0.4, elapsed=1.0 * pq.minute)), 0.4 * 60.0**-0.5)

    def test_what_is_found_acts(self, sim, samples):
        source = ship.Population(1, ship.SpikeSourceArray(spike_times=[1.0]))
        cell = ship.Population(1, ship.IF_curr_delta())
        cell.record("v")
        synapse = ship.MemristiveSynapse(ship.StaticSynapse(weight=4.0, delay=1.0), DRIFTING, 4.0)
        ship.Projection(source, cell, ship.OneToOneConnector(), synapse)
        ship.run(3.0)
        assert np.diff(samples(cell, "v")[:, 0]).max() == pytest.approx(2.0)

    def test_each_spike_reads_anew(self, sim, samples):
        device = Memristor(read_noise=0.05, pair=False, g_min=0.0, w_max=4.0)
        source = ship.Population(1, ship.SpikeSourceArray(spike_times=[1.0]))
        cells = ship.Population(4000, ship.IF_curr_delta())
        cells.record("v")
        synapse = ship.MemristiveSynapse(ship.StaticSynapse(weight=2.0, delay=1.0), device)
        projection = ship.Projection(source, cells, ALL, synapse)
        ship.run(3.0)
        jumps = np.diff(samples(cells, "v"), axis=0).max(axis=0)
        assert jumps.mean() == pytest.approx(2.0, abs=0.01)
        assert jumps.std() == pytest.approx(0.1, rel=0.05)
        assert_array_equal(weights(projection), 2.0)

    def test_short_term_plasticity(self, sim, samples):
        source = ship.Population(1, ship.SpikeSourceArray(spike_times=[1.0, 5.0]))
        cell = ship.Population(1, ship.IF_curr_delta())
        cell.record("v")
        inner = ship.TsodyksMarkramSynapse(U=0.5, tau_rec=1e4, weight=8.0, delay=1.0)
        synapse = ship.MemristiveSynapse(inner, DRIFTING, elapsed=4.0)
        projection = ship.Projection(source, cell, ALL, synapse)
        ship.run(8.0)
        jumps = np.sort(np.diff(samples(cell, "v")[:, 0]))[-2:]
        assert_allclose(jumps, [1.0, 2.0], rtol=0.05)
        assert projection.get(["U", "elapsed"], "list", with_address=False) == [(0.5, 4.0)]


class TestPlasticity:
    def run(self, executor):
        ship.setup(timestep=0.1, seed=4, executor=executor)
        projection = project(stdp(), sources=8, cells=6)
        cells = projection.post
        cells.set(i_offset=1.0)
        cells.record("spikes")
        ship.run(150.0)
        trains = cells.get_data().segments[0].spiketrains
        return np.concatenate([t.magnitude for t in trains]), projection

    def test_same_on_both_executors(self):
        one, other = (self.run(executor) for executor in ("numba", "torch"))
        assert one[0].size > 10
        assert_allclose(one[0], other[0], atol=1e-9)
        assert_allclose(weights(one[1]), weights(other[1]), rtol=1e-9)

    def test_whole_pulses_within_each_range(self):
        _, projection = self.run("numba")
        now, start = weights(projection), weights(projection, "written_weight")
        gain, working = weights(projection, "gain"), weights(projection, "working")
        assert (now[working == 0.0] == start[working == 0.0]).all()
        assert 0 < (working == 0.0).sum() < 40
        moved = (now != start) & (working == 1.0)
        assert moved.sum() > 5
        assert (now[moved] >= 0.0).all()
        assert (now[moved] <= 2.0 * gain[moved] + 1e-12).all()

    def test_linear_noiseless_device_counts_pulses(self, sim):
        source = ship.Population(1, ship.SpikeSourceArray(spike_times=[10.0, 60.0]))
        teacher = ship.Population(1, ship.SpikeSourceArray(spike_times=[14.0]))
        cell = ship.Population(1, ship.IF_curr_delta())
        one = ship.OneToOneConnector()
        ship.Projection(teacher, cell, one, ship.StaticSynapse(weight=30.0, delay=1.0))
        device = Memristor(pulses=PulseProgramming(pulses_up=40, pulses_down=40), pair=False)
        projection = ship.Projection(source, cell, one, stdp(device))
        ship.run(80.0)
        # + 0.05 exp(-6 / 20) of the range are 1.48 pulses, - 0.04 exp(-44 / 20) are 0.18
        assert weights(projection)[0] == pytest.approx(1.0 + 2.0 / 40)

    def test_reset_returns_to_what_was_written(self):
        _, projection = self.run("numba")
        ship.reset()
        assert_allclose(weights(projection), weights(projection, "written_weight"))

    def test_inhibitory(self, sim):
        mechanism = stdp(PULSED, weight=-1.0)
        found = weights(project(mechanism, receptor="inhibitory"))
        assert (found <= 0.0).all()
        assert found.mean() < -0.5

    def test_time_elapses_only_before(self, sim):
        projection = project(stdp())
        with pytest.raises(errors.InvalidParameterValueError, match="only be given when"):
            projection.set(elapsed=10.0)

    def test_what_belongs_to_devices_is_not_set(self, sim):
        projection = project(stdp())
        with pytest.raises(errors.InvalidParameterValueError, match="set the weight"):
            projection.initialize(gain=1.0)


class Drifting(Synapse):
    """Every spike raises its weight, which has no limits of its own."""

    name = "DriftingForTest"
    parameters = (Parameter("rise", 0.1, "weight"),)
    pre_changes = ("weight",)

    @staticmethod
    def on_pre(weight, rise):
        return weight + rise, weight + rise


class TestNativeSynapses:
    def test_limits_are_those_of_the_device(self, sim):
        native = ship.native_synapse_type(Drifting)
        source = ship.Population(1, ship.SpikeSourceArray(spike_times=np.arange(1.0, 21.0)))
        cell = ship.Population(1, ship.IF_curr_exp())
        device = Memristor(pulses=PulseProgramming(20, 20), w_max=1.0)
        synapse = ship.MemristiveSynapse(native(weight=-0.5, delay=1.0), device)
        projection = ship.Projection(source, cell, ALL, synapse)
        ship.run(4.5)
        assert weights(projection)[0] == pytest.approx(-0.1)
        ship.run(20.0)
        assert weights(projection)[0] == pytest.approx(1.0)

    def test_signs_that_nobody_knows(self, sim):
        synapse = ship.native_synapse_type(Drifting)(weight=-0.5, delay=1.0)
        device = Memristor(pulses=PulseProgramming(), w_max=1.0, pair=False)
        with pytest.raises(errors.InvalidParameterValueError, match="pair=True"):
            project(ship.MemristiveSynapse(synapse, device), receptor="inhibitory")

    def test_limits_that_nobody_knows(self, sim):
        synapse = ship.native_synapse_type(Drifting)(weight=0.5, delay=1.0)
        with pytest.raises(errors.InvalidParameterValueError, match="give w_max"):
            ship.MemristiveSynapse(synapse, Memristor(pulses=PulseProgramming()))


class TestType:
    def test_is_of_both_types(self):
        synapse = stdp()
        assert isinstance(synapse, ship.MemristiveSynapse)
        assert isinstance(synapse, ship.STDPMechanism)
        assert synapse.get_parameter_names()[-1] == "elapsed"
        assert synapse.has_parameter("A_plus")

    def test_copies(self, sim):
        copied = copy.deepcopy(stdp())
        assert copied.device == PULSED
        assert project(copied).get("weight", "array").shape == (4, 3)

    def test_description(self, sim):
        text = static(EXACT).describe()
        assert "device: Memristor(levels=Levels(count=5, crossing=None))" in text
        assert "SpikePairRule" in stdp().describe()

    @pytest.mark.parametrize(
        ("synapse", "device", "error", "message"),
        [
            (None, EXACT, TypeError, "synapse = None"),
            (ship.StaticSynapse, 16, TypeError, "device = 16"),
            (ship.ElectricalSynapse, EXACT, errors.InvalidModelError, "gap junctions"),
        ],
    )
    def test_impossible(self, sim, synapse, device, error, message):
        with pytest.raises(error, match=message):
            ship.MemristiveSynapse(synapse and synapse(), device)

    def test_not_twice(self, sim):
        once = ship.MemristiveSynapse(ship.StaticSynapse(), EXACT)
        with pytest.raises(errors.InvalidModelError, match="kept in devices"):
            ship.MemristiveSynapse(once, EXACT)

    def test_impossible_values(self, sim):
        inner = ship.StaticSynapse(weight=0.0)
        with pytest.raises(errors.InvalidParameterValueError, match="elapsed = -1"):
            ship.MemristiveSynapse(inner, EXACT, elapsed=-1.0)
        with pytest.raises(errors.InvalidParameterValueError, match="give w_min and w_max"):
            project(ship.MemristiveSynapse(inner, EXACT))
        with pytest.raises(errors.InvalidParameterValueError, match="w_min must be >= 0"):
            ship.MemristiveSynapse(inner, Memristor(pair=False, w_min=-1.0, w_max=1.0))
        with pytest.raises(errors.InvalidParameterValueError, match="pulses=PulseProgramming"):
            stdp(EXACT)

    def test_a_refused_projection_leaves_nothing(self, sim, network):
        pre, post = (ship.Population(2, ship.IF_curr_exp()) for _ in range(2))
        before = network()
        synapse = ship.MemristiveSynapse(ship.StaticSynapse(weight=0.0), EXACT)
        with pytest.raises(errors.InvalidParameterValueError):
            ship.Projection(pre, post, ALL, synapse)
        assert network() == before
