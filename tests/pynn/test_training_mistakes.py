"""What `sim.training` refuses, in words of PyNN; and spike times as inputs."""

from __future__ import annotations

import numpy as np
import pyNN.ship as ship
import pytest
from pyNN import errors
from pyNN.parameters import Sequence

from ship_engine.errors import InvalidValueError, UnknownNameError, UnsupportedByExecutorError

INPUTS, CELLS, STEPS = 3, 2, 6
SAMPLES = np.zeros((4, STEPS, INPUTS), np.float32)
CLASSES = [0, 1, 1, 0]


@pytest.fixture
def sim():
    ship.setup(timestep=1.0, spike_precision="on_grid")
    return ship


@pytest.fixture
def source(sim):
    return sim.Population(INPUTS, sim.SpikeSourceArray(), label="source")


@pytest.fixture
def cells(sim):
    return sim.Population(CELLS, sim.IF_curr_exp(), label="cells")


@pytest.fixture
def ways(sim, source, cells):
    return connected(sim, source, cells, sim.StaticSynapse(weight=0.5, delay=1.0))


def connected(sim, source, cells, synapse):
    return sim.Projection(source, cells, sim.AllToAllConnector(), synapse, label="ways")


class TestTrainable:
    @pytest.mark.parametrize("name", ["tau", "weight", "v_threshold", "v"])
    def test_parameter_that_a_population_lacks(self, sim, cells, ways, name):
        words = rf"{name} \(valid parameters for IF_curr_exp are: .*tau_m"
        for one in ((cells, name), sim.training.Trainable(cells, name)):
            with pytest.raises(errors.NonExistentParameterError, match=words):
                sim.training.Trainer(cells, [one])

    @pytest.mark.parametrize("name", ["U", "tau_m", "weights"])
    def test_parameter_that_a_projection_lacks(self, sim, cells, ways, name):
        words = rf"{name} \(valid parameters for StaticSynapse are: delay, weight"
        with pytest.raises(errors.NonExistentParameterError, match=words):
            sim.training.Trainer(cells, [(ways, name)])

    @pytest.mark.parametrize("wrong", [None, "weight", 3, (), ("a", "b", None, True), ["ways"]])
    def test_of_the_wrong_kind(self, sim, cells, ways, wrong):
        words = r"cannot be trained; give a Projection, \(projection, 'delay'\), \(population"
        with pytest.raises(InvalidValueError, match=words):
            sim.training.Trainer(cells, [wrong])

    def test_of_a_part_of_a_population(self, sim, cells, ways):
        for owner in (cells[:1], sim.Assembly(cells), "cells"):
            with pytest.raises(InvalidValueError, match=r"trainable = .*; give a Population as a"):
                sim.training.Trainer(cells, [(owner, "tau_m")])

    def test_of_a_source(self, sim, source, cells, ways):
        words = r"'source' \(SpikeSourceArray\) is a source, whose parameters have no gradient"
        with pytest.raises(InvalidValueError, match=words):
            sim.training.Trainer(cells, [(source, "spike_times")])

    def test_refractory_period(self, sim, cells, ways):
        with pytest.raises(InvalidValueError, match="'tau_refrac' of 'cells' is a whole number of"):
            sim.training.Trainer(cells, [(cells, "tau_refrac")])

    def test_shared_values_that_differ(self, sim, cells, ways):
        cells.set(tau_m=[10.0, 20.0])
        words = "tau_m of 'cells' differs from cell to cell, but is to be shared"
        with pytest.raises(InvalidValueError, match=words):
            sim.training.Trainer(cells, [sim.training.Trainable(cells, "tau_m", shared=True)])

    def test_twice(self, sim, cells, ways):
        for one in (ways, (ways, "delay"), (cells, "tau_m")):
            with pytest.raises(InvalidValueError, match="is named twice among what is trained"):
                sim.training.Trainer(cells, [one, one])

    def test_nothing(self, sim, cells, ways):
        with pytest.raises(InvalidValueError, match="Nothing is trained"):
            sim.training.Trainer(cells, [])

    @pytest.mark.parametrize("kind", ["plastic", "short-term", "stochastic"])
    def test_synapses_with_a_model(self, sim, source, cells, kind):
        rule = sim.STDPMechanism(
            timing_dependence=sim.SpikePairRule(),
            weight_dependence=sim.AdditiveWeightDependence(),
            weight=0.005,
            delay=1.0,
        )
        synapse = {
            "plastic": rule,
            "short-term": sim.TsodyksMarkramSynapse(weight=0.5, delay=1.0),
            "stochastic": sim.SimpleStochasticSynapse(weight=0.5, delay=1.0, p=0.5),
        }[kind]
        ways = connected(sim, source, cells, synapse)
        words = f"'ways' has {type(synapse).__name__} synapses, whose weights no gradient reaches"
        for name in ("weight", "delay"):
            with pytest.raises(UnsupportedByExecutorError, match=words):
                sim.training.Trainer(cells, [(ways, name)])

    def test_gap_junctions(self, sim, cells):
        ways = connected(sim, cells, cells, sim.ElectricalSynapse(weight=0.1))
        with pytest.raises(UnsupportedByExecutorError, match="has ElectricalSynapse synapses"):
            sim.training.Trainer(cells, [ways])

    def test_what_does_not_lead_to_the_output(self, sim, source, cells, ways):
        other = sim.Population(2, sim.IF_curr_exp(), label="other")
        one = sim.training.Trainer(other, [ways])
        with pytest.raises(InvalidValueError, match="train what leads to 'other'"):
            one.fit(SAMPLES, CLASSES, epochs=1)


class TestNetwork:
    def test_output(self, sim, source, cells, ways):
        with pytest.raises(InvalidValueError, match=r"'source' \(SpikeSourceArray\) is a source"):
            sim.training.Trainer(source, [ways])
        for wrong in (cells[:1], sim.Assembly(cells), cells[0], "cells", None):
            with pytest.raises(
                InvalidValueError, match=r"output = .*; give a Population as a whole"
            ):
                sim.training.Trainer(wrong, [ways])

    def test_inputs(self, sim, cells, ways):
        for wrong in (cells[:1], ["source"]):
            with pytest.raises(InvalidValueError, match=r"inputs = .*; give a Population as a"):
                sim.training.Trainer(cells, [ways], inputs=wrong)

    def test_no_inputs(self, sim, cells):
        ways = connected(sim, cells, cells, sim.StaticSynapse(weight=0.5, delay=1.0))
        one = sim.training.Trainer(cells, [ways])
        with pytest.raises(InvalidValueError, match="No group takes inputs"):
            one.predict(SAMPLES)

    def test_of_a_former_setup(self, sim, source, cells, ways):
        sim.setup(timestep=1.0, spike_precision="on_grid")
        words = "'cells' was created before the last setup"
        with pytest.raises(InvalidValueError, match=words):
            sim.training.Trainer(cells, [ways])
        now = sim.Population(CELLS, sim.IF_curr_exp(), label="now")
        with pytest.raises(InvalidValueError, match=words):
            sim.training.Trainer(now, [(cells, "tau_m")])
        with pytest.raises(InvalidValueError, match="'source' was created before"):
            sim.training.Trainer(now, [(now, "tau_m")], inputs=source)
        with pytest.raises(UnknownNameError, match="is not a projection of this network"):
            sim.training.Trainer(now, [ways])

    def test_spikes_off_the_grid(self, sim):
        sim.setup(timestep=1.0)
        source = sim.Population(INPUTS, sim.SpikeSourceArray())
        cells = sim.Population(CELLS, sim.IF_curr_exp())
        ways = connected(sim, source, cells, sim.StaticSynapse(weight=0.5, delay=1.0))
        for executor in ("fused", "torch"):
            with pytest.raises(UnsupportedByExecutorError, match="spike_precision='on_grid'"):
                sim.training.Trainer(cells, [ways], executor=executor)

    def test_groups_of_regularisers_and_inputs(self, sim, source, cells, ways):
        rate = sim.training.FiringRate(cells[:1])
        one = sim.training.Trainer(cells, [ways], regularisers=[rate])
        with pytest.raises(UnknownNameError, match="There are no spikes of 'view of 'cells'"):
            one.fit(SAMPLES, CLASSES, epochs=1)
        with pytest.raises(UnknownNameError, match=r"'cells' takes no inputs; .* are source"):
            one.predict({cells: SAMPLES, source: SAMPLES})


class TestOptions:
    @pytest.mark.parametrize("executor", ["numba", "auto", "nest"])
    def test_executor(self, sim, cells, ways, executor):
        words = f"executor = '{executor}' has no gradients; train with 'fused'"
        with pytest.raises(UnsupportedByExecutorError, match=words):
            sim.training.Trainer(cells, [ways], executor=executor)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"dtype": "float16"}, "dtype = 'float16'; give one of float32, float64"),
            ({"surrogate": "step"}, "step"),
            ({"readout": "highest"}, "readout = 'highest'; give one of .* a name: peak, mean"),
            ({"loss": "hinge"}, "loss = 'hinge'; give a function of scores and targets"),
            ({"executor": "torch", "device": "abacus"}, "device = 'abacus' cannot be used here"),
        ],
    )
    def test_names(self, sim, cells, ways, options, words):
        with pytest.raises(InvalidValueError, match=words):
            sim.training.Trainer(cells, [ways], **options)

    def test_numbers_of_spikes_by_exact_times(self, sim, cells, ways):
        words = r"Numbers of spikes are whole and have no exact gradient; .* read out 'first_spike'"
        with pytest.raises(InvalidValueError, match=words):
            sim.training.Trainer(cells, [ways], readout="spike_count", executor="eventprop")

    def test_state_that_the_cells_lack(self, sim, cells, ways):
        with pytest.raises(UnknownNameError, match="'w'"):
            sim.training.Trainer(cells, [ways], readout=sim.training.Peak("w"))

    def test_cells_that_never_spike(self, sim, source, monkeypatch):
        cells = sim.Population(CELLS, sim.IF_curr_exp(), label="cells")
        ways = connected(sim, source, cells, sim.StaticSynapse(weight=0.5, delay=1.0))
        monkeypatch.setattr(cells._group.model, "threshold", None)
        with pytest.raises(InvalidValueError, match=r"'cells' \(.*\) never spikes; read out a"):
            sim.training.Trainer(cells, [ways], readout="spike_count")

    @pytest.mark.parametrize(
        ("inputs", "targets", "words"),
        [
            (SAMPLES[..., 1:], CLASSES, r"shape \(1, 6, 2\); .* 3 components \(3 of 'source'\)"),
            (SAMPLES[0], CLASSES, r"Inputs of shape \(1, 3\)"),
            (SAMPLES, [0, 1, 1], "There are 4 inputs, but 3 targets"),
            (SAMPLES, [0, 1, 2, 0], "A target of class 2; the output group has 2 components"),
            (SAMPLES, np.zeros((4, 3, 2)), r"Targets of shape \(4, 3, 2\)"),
            (SAMPLES, [0.0, 1.0, 1.0, 0.0], "give whole numbers 0 to 1"),
            (SAMPLES, ["a", "b", "a", "b"], "Targets have to be numbers"),
            (SAMPLES[:0], np.zeros(0, int), "there must be at least one sample"),
        ],
    )
    def test_samples(self, sim, cells, ways, inputs, targets, words):
        one = sim.training.Trainer(cells, [ways])
        with pytest.raises(InvalidValueError, match=words):
            one.fit(inputs, targets, epochs=1)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"epochs": 0}, "epochs = 0; give a whole number >= 1"),
            ({"patience": 0.5}, r"patience = 0\.5; give a whole number >= 1"),
            ({"keep": "all"}, "keep = 'all'; give 'last' or 'best'"),
            ({"resume": True}, "resume=True without a checkpoint"),
        ],
    )
    def test_fit(self, sim, cells, ways, arguments, words):
        one = sim.training.Trainer(cells, [ways])
        with pytest.raises(InvalidValueError, match=words):
            one.fit(SAMPLES, CLASSES, **{"epochs": 1, **arguments})


class TestSpikeTrains:
    def test_counts_in_time_steps(self, sim):
        sim.setup(timestep=0.5, spike_precision="on_grid")
        times = [[[0.5, 2.0], []], [np.array([1.9, 2.1]), [4.0]]]
        found = sim.training.spike_trains(times, 4.0)
        assert (found.shape, found.dtype) == ((2, 8, 2), np.float32)
        expected = np.zeros((2, 8, 2))
        expected[0, [0, 3], 0] = expected[1, 7, 1] = 1.0
        expected[1, 3, 0] = 2.0
        np.testing.assert_array_equal(found, expected)

    def test_are_those_of_a_source(self, sim, source, cells, ways):
        """A source that spikes at these times emits them in these steps."""
        times = [[1.0, 4.0], [2.0], []]
        ways.set(weight=30.0)
        inputs = sim.training.spike_trains([times], STEPS * 1.0)
        computed = sim.training.module(cells, [ways])(inputs).spikes[cells][0].detach().numpy()
        source.set(spike_times=[Sequence(train) for train in times])
        cells.record("spikes")
        sim.run(STEPS * 1.0)
        for cell, train in enumerate(cells.get_data("spikes").segments[0].spiketrains):
            steps = np.nonzero(computed[:, cell])[0]
            assert len(steps) > 0
            np.testing.assert_allclose(train.magnitude, steps + 1.0)

    def test_no_samples(self, sim):
        assert sim.training.spike_trains([], 5.0, cells=3).shape == (0, 5, 3)
        with pytest.raises(InvalidValueError, match="give the number of cells"):
            sim.training.spike_trains([], 5.0)

    def test_another_number_of_cells(self, sim):
        with pytest.raises(InvalidValueError, match="Sample 1 has spikes of 1 cells, not of 2"):
            sim.training.spike_trains([[[1.0], []], [[1.0]]], 5.0)
        with pytest.raises(InvalidValueError, match="Sample 0 has spikes of 2 cells, not of 3"):
            sim.training.spike_trains([[[1.0], []]], 5.0, cells=3)

    @pytest.mark.parametrize("time", [0.0, -1.0, 5.6, 99.0])
    def test_outside(self, sim, time):
        words = rf"A spike at {time:g} ms in sample 0, cell 1; .* up to 5 ms"
        with pytest.raises(InvalidValueError, match=words):
            sim.training.spike_trains([[[1.0], [2.0, time]]], 5.0)
