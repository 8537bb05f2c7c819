"""Training networks that were built with PyNN: what is learned is what then runs."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pyNN.ship as ship
import pytest
import torch
from pyNN.parameters import Sequence

CELLS, HIDDEN, CLASSES, STEPS, DT = 8, 6, 3, 30, 1.0
MEMBRANES = {
    # Weights in nA, or in µS, and how far a spike may move the potential.
    "IF_curr_exp": {"tau_m": 20.0, "tau_syn_E": 5.0, "tau_syn_I": 5.0, "cm": 1.0},
    "IF_cond_exp": {"tau_m": 20.0, "tau_syn_E": 5.0, "tau_syn_I": 5.0, "cm": 1.0},
}
FACTORS = {"IF_curr_exp": 1.0, "IF_cond_exp": 0.05}


@pytest.fixture
def sim():
    """A simulator in which gradients flow."""
    ship.setup(timestep=DT, spike_precision="on_grid")
    return ship


def build(sim, celltype="IF_curr_exp", **options):
    """Inputs, hidden cells that spike, and outputs that do not."""
    cell, factor = getattr(sim, celltype), FACTORS[celltype]
    given = MEMBRANES[celltype] | options
    source = sim.Population(CELLS, sim.SpikeSourceArray(), label="source")
    hidden = sim.Population(HIDDEN, cell(tau_refrac=2.0, **given), label="hidden")
    output = sim.Population(CLASSES, cell(v_thresh=1e3, tau_refrac=1.0, **given), label="output")
    rng = sim.NumpyRNG(seed=7)

    def connect(pre, post, low, high, receptor):
        signed = -1.0 if receptor == "inhibitory" and celltype == "IF_curr_exp" else 1.0
        limits = sorted((signed * factor * low, signed * factor * high))
        weight = sim.RandomDistribution("uniform", tuple(limits), rng=rng)
        delay = sim.RandomDistribution("uniform", (1.0, 4.0), rng=rng)
        synapse = sim.StaticSynapse(weight=weight, delay=delay)
        return sim.Projection(pre, post, sim.AllToAllConnector(), synapse, receptor_type=receptor)

    return SimpleNamespace(
        source=source,
        hidden=hidden,
        output=output,
        first=connect(source, hidden, 0.5, 2.0, "excitatory"),
        excite=connect(hidden, output, 0.2, 0.6, "excitatory"),
        inhibit=connect(hidden, output, 0.2, 0.6, "inhibitory"),
    )


def task(samples=30, seed=0):
    """Noisy copies of three patterns, and which one each is of."""
    random = np.random.default_rng(seed)
    patterns = np.random.default_rng(42).random((CLASSES, STEPS, CELLS)) < 0.12
    classes = np.arange(samples) % CLASSES
    shape = samples, STEPS, CELLS
    kept = patterns[classes] & (random.random(shape) < 0.85)
    return (kept | (random.random(shape) < 0.01)).astype(np.float32), classes


def everything(net):
    return [net.first, net.excite, net.inhibit, (net.first, "delay"), (net.hidden, "tau_m")]


def trainer(sim, net, trainable=None, **options):
    given = {"readout": "mean", "learning_rate": 0.05, "seed": 1, "dtype": "float64", **options}
    return sim.training.Trainer(net.output, trainable or everything(net), **given)


def run_alone(sim, net, inputs):
    """Run as any PyNN script does: spikes [time, cell] of hidden cells, potentials of outputs."""
    trains = [Sequence((np.nonzero(column)[0] + 1) * DT) for column in inputs.T]
    net.source.set(spike_times=trains)
    net.hidden.record("spikes")
    net.output.record("v")
    sim.run(len(inputs) * DT)
    found = np.zeros((len(inputs), HIDDEN))
    for cell, train in enumerate(net.hidden.get_data("spikes").segments[-1].spiketrains):
        found[np.rint(train.magnitude / DT).astype(int) - 1, cell] += 1.0
    (potential,) = net.output.get_data("v").segments[-1].analogsignals
    return found, potential.magnitude


def test_torch_is_loaded_when_training_is_touched():
    code = (
        "import sys, pyNN.ship as sim; sim.setup(); print('torch' in sys.modules); "
        "assert 'training' in dir(sim); sim.training; print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["False", "True"]


class TestLearning:
    @pytest.mark.parametrize("celltype", MEMBRANES)
    def test_a_task_on_both_executors(self, sim, celltype):
        losses = {}
        for executor in ("fused", "torch"):
            sim.setup(timestep=DT, spike_precision="on_grid")
            net = build(sim, celltype)
            one = trainer(sim, net, executor=executor, learning_rate=0.05)
            before = one.evaluate(*task(24, seed=1))
            history = one.fit(*task(45), epochs=12, batch_size=9)
            assert before.accuracy < 0.6
            assert one.evaluate(*task(24, seed=1)).accuracy > 0.9
            losses[executor] = history["loss"]
        np.testing.assert_allclose(losses["fused"], losses["torch"], rtol=1e-6)

    @pytest.mark.parametrize("executor", ["fused", "torch"])
    def test_single_precision_is_the_default(self, sim, executor):
        net = build(sim)
        one = sim.training.Trainer(
            net.output,
            [net.first, net.excite, net.inhibit],
            readout="mean",
            learning_rate=0.05,
            executor=executor,
        )
        assert one.module.dtype == torch.float32
        history = one.fit(*task(), epochs=8, batch_size=10)
        assert history["loss"][-1] < 0.8 * history["loss"][0]

    @pytest.mark.parametrize("readout", ["spike_count", "first_spike", "mean", "last"])
    def test_readouts(self, sim, readout):
        net = build(sim)
        if "spike" in readout:
            rng = sim.NumpyRNG(seed=2)
            net.output.set(v_thresh=-62.0)
            net.excite.set(weight=sim.RandomDistribution("uniform", (0.0, 4.0), rng=rng))
            net.inhibit.set(weight=-0.2)
        one = trainer(sim, net, [net.first, net.excite, net.inhibit], readout=readout)
        history = one.fit(*task(), epochs=8, batch_size=10)
        assert min(history["loss"]) < 0.9 * history["loss"][0]

    def test_a_firing_rate_is_named_by_the_population(self, sim):
        rates = []
        for lower in (0.0, 150.0):
            sim.setup(timestep=DT, spike_precision="on_grid")
            net = build(sim)
            rate = sim.training.FiringRate(net.hidden, lower=lower, strength=1e-2)
            one = trainer(sim, net, regularisers=[rate])
            one.fit(*task(), epochs=4, batch_size=10)
            spikes = one.module(task()[0]).spikes[net.hidden]
            rates.append(1000.0 / DT * spikes.detach().mean().item())
        assert rates[1] > rates[0] + 10.0


class TestNetworkAfterwards:
    @pytest.mark.parametrize("celltype", MEMBRANES)
    def test_runs_as_the_module_computed(self, sim, celltype):
        """With the values that PyNN tells, on the compiled executor, spike by spike."""
        net = build(sim, celltype)
        if celltype == "IF_cond_exp":
            net.excite.set(weight=0.005)  # `run` divides time steps where conductances are strong
        trainable = [net.first, net.excite, net.inhibit, (net.hidden, "tau_m")]
        one = trainer(sim, net, trainable, learning_rate=0.002)
        one.fit(*task(), epochs=2, batch_size=10)
        inputs, _ = task(3, seed=5)
        with torch.no_grad():
            activity = one.module(inputs)
        for number, sample in enumerate(inputs):
            sim.reset()
            spikes, potential = run_alone(sim, net, sample)
            computed = activity.spikes[net.hidden][number].numpy()
            assert spikes.sum() > 5
            np.testing.assert_array_equal(spikes, computed)
            course = activity.states[net.output, "v"][number].numpy()
            np.testing.assert_allclose(potential, course, rtol=1e-9)

    def test_with_trained_delays_is_a_module_of_whole_steps(self, sim):
        net = build(sim)
        before = net.first.get("delay", format="array")
        one = trainer(sim, net)
        one.fit(*task(), epochs=4, batch_size=10)
        delays = net.first.get("delay", format="array")
        assert (delays != before).any()
        np.testing.assert_allclose(delays / DT, np.rint(delays / DT), rtol=1e-12)
        assert delays.min() >= DT
        fractional = one.module.values()[f"{net.first.label}.delay"].detach().numpy()
        assert np.abs(np.sort(fractional) - np.sort(delays.ravel())).max() <= 0.5 * DT + 1e-9
        inputs, _ = task(1, seed=5)
        again = sim.training.module(net.output, [net.first], dtype="float64")
        with torch.no_grad():
            computed = again(inputs).spikes[net.hidden][0].numpy()
        np.testing.assert_array_equal(run_alone(sim, net, inputs[0])[0], computed)

    def test_get_tells_the_trained_values(self, sim):
        net = build(sim)
        before = {p.label: p.get("weight", format="array") for p in (net.first, net.excite)}
        one = trainer(sim, net)
        one.fit(*task(), epochs=2, batch_size=10)
        values = {name: value.detach().numpy() for name, value in one.module.values().items()}
        assert list(values) == [
            net.first.label,
            net.excite.label,
            f"{net.inhibit.label} (2)",
            f"{net.first.label}.delay",
            "hidden.tau_m",
        ]
        # Synapses of the engine are sorted by source, then by target.
        for projection in (net.first, net.excite):
            found = projection.get("weight", format="array")
            assert (found != before[projection.label]).any()
            np.testing.assert_allclose(found.ravel(), values[projection.label], rtol=1e-12)
        np.testing.assert_allclose(net.hidden.get("tau_m"), values["hidden.tau_m"], rtol=1e-12)
        assert len(set(net.hidden.get("tau_m"))) == HIDDEN

    @pytest.mark.parametrize("celltype", MEMBRANES)
    def test_weights_keep_their_sign(self, sim, celltype):
        net = build(sim, celltype)
        one = trainer(sim, net, learning_rate=2.0)
        one.fit(*task(), epochs=3, batch_size=10)
        for projection in (net.first, net.excite, net.inhibit):
            weights = projection.get("weight", format="array")
            negative = projection is net.inhibit and celltype == "IF_curr_exp"
            assert ((weights <= 0.0) if negative else (weights >= 0.0)).all()

    def test_delays_stay_within_those_of_setup(self, sim):
        sim.setup(timestep=DT, spike_precision="on_grid", min_delay=2.0, max_delay=3.0)
        source = sim.Population(2, sim.SpikeSourceArray())
        cells = sim.Population(2, sim.IF_curr_exp())
        synapse = sim.StaticSynapse(weight=1.0, delay=2.0)
        ways = sim.Projection(source, cells, sim.AllToAllConnector(), synapse)
        one = sim.training.Trainer(cells, [(ways, "delay")], learning_rate=1.0)
        with torch.no_grad():
            next(iter(one.module.free.values())).copy_(torch.tensor([-9.0, 0.0, 2.4, 99.0]))
        one.module.write_back()
        assert sorted(ways.get("delay", format="array").ravel()) == [2.0, 2.0, 2.0, 3.0]


class TestTrainable:
    def test_shared_parameters(self, sim):
        net = build(sim)
        shared = sim.training.Trainable(net.hidden, "tau_m", shared=True)
        one = trainer(sim, net, [shared, (net.output, "tau_m")])
        one.fit(*task(), epochs=2, batch_size=10)
        values = one.module.values()
        assert (values["hidden.tau_m"].shape, values["output.tau_m"].shape) == ((1,), (CLASSES,))
        assert net.hidden.get("tau_m", simplify=True) == values["hidden.tau_m"].item() != 20.0

    def test_transforms(self, sim):
        net = build(sim)
        training = sim.training
        one = trainer(
            sim,
            net,
            [
                training.Trainable(net.first, transform=training.Between(0.4, 2.1)),
                (net.excite, "weight", training.Clipped(0.3, 0.5)),
                training.Trainable(net.inhibit, transform=training.Unbounded()),
                training.Trainable(net.hidden, "tau_m", training.Above(15.0, 2.0)),
            ],
            learning_rate=0.5,
        )
        one.fit(*task(), epochs=4, batch_size=10)
        first, excite, inhibit = (
            p.get("weight", format="array") for p in (net.first, net.excite, net.inhibit)
        )
        assert 0.4 <= first.min() < first.max() <= 2.1
        assert 0.3 == excite.min() <= excite.max() <= 0.5
        assert inhibit.max() > 0.0
        assert net.hidden.get("tau_m").min() > 15.0

    def test_parts_of_cells_and_of_projections(self, sim):
        """Cells that are put together, parameters that are three, targets that are several."""
        source = sim.Population(2, sim.SpikeSourceArray())
        point = sim.PointNeuron(sim.LIF(tau_m=10.0), exc=sim.ExpPSR(tau_syn=3.0))
        cells = sim.Population(2, point, label="cells")
        gif = sim.Population(2, sim.GIF_cond_exp(), label="gif")
        pair = sim.Assembly(*(sim.Population(1, sim.IF_curr_exp(), label=n) for n in "ab"))
        both = sim.Projection(
            source, pair, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.1, delay=1.0),
            label="both",
        )  # fmt: skip
        trainable = [(cells, "exc.tau_syn"), (cells, "tau_m"), (gif, "tau_gamma"), both]
        module = sim.training.module(cells, trainable, executor="torch", dtype="float64")
        assert {name: value.tolist() for name, value in module.values().items()} == {
            "cells.exc.tau_syn": pytest.approx([3.0, 3.0]),
            "cells.tau_m": pytest.approx([10.0, 10.0]),
            "gif.tau_gamma[0]": pytest.approx([1.0, 1.0]),
            "gif.tau_gamma[1]": pytest.approx([10.0, 10.0]),
            "gif.tau_gamma[2]": pytest.approx([100.0, 100.0]),
            "both[0]": pytest.approx([0.1, 0.1]),
            "both[1]": pytest.approx([0.1, 0.1]),
        }
        with torch.no_grad():
            for free in module.parameters():
                free.add_(0.3)
        module.write_back()
        values = {name: value.tolist() for name, value in module.values().items()}
        assert values["cells.exc.tau_syn"] == pytest.approx([cells.get("exc.tau_syn")] * 2)
        assert gif.get("tau_gamma").value[1] == pytest.approx(values["gif.tau_gamma[1]"][0])
        assert both.get("weight", format="array")[0, 1] == pytest.approx(values["both[1]"][0])


class TestModule:
    def test_a_loop_of_ones_own(self, sim):
        net = build(sim)
        module = sim.training.module(net.output, everything(net), surrogate="arctan")
        optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
        inputs, classes = task()
        losses = []
        for _ in range(5):
            optimizer.zero_grad()
            counts = module(inputs).spikes[net.hidden].sum(1)
            loss = torch.nn.functional.cross_entropy(counts[:, :CLASSES], torch.tensor(classes))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < losses[0]
        module.write_back()
        found = net.hidden.get("tau_m")
        np.testing.assert_allclose(found, module.values()["hidden.tau_m"].detach(), rtol=1e-6)

    def test_currents_into_a_population(self, sim):
        """As those of a StepCurrentSource, and with sources that keep their own spikes."""
        net = build(sim)
        net.source.set(spike_times=Sequence([3.0, 9.0]))
        trainable = [net.excite, net.inhibit]
        module = sim.training.module(net.output, trainable, inputs=net.hidden, dtype="float64")
        current = np.zeros((2, STEPS, HIDDEN))
        current[:, 4:20, 1] = 1.5
        current[1, 6:, 3] = 2.0
        with torch.no_grad():
            computed = module(current).spikes[net.hidden].numpy()
        assert computed.sum(1)[0, 1] > 0
        for cell, amplitude, start, stop in ((1, 1.5, 4.0, 20.0), (3, 2.0, 6.0, 1e3)):
            step = sim.StepCurrentSource(times=[start, stop], amplitudes=[amplitude, 0.0])
            step.inject_into(net.hidden[cell : cell + 1])
        net.hidden.record("spikes")
        sim.run(STEPS * DT)
        trains = net.hidden.get_data("spikes").segments[-1].spiketrains
        for cell, train in enumerate(trains):
            steps = np.nonzero(computed[1, :, cell])[0]
            np.testing.assert_allclose(train.magnitude, (steps + 1) * DT)

    def test_currents_are_learned_from(self, sim):
        net = build(sim)
        inputs, classes = task()
        one = trainer(sim, net, [net.excite, net.inhibit], inputs=[net.hidden])
        currents = 5.0 * np.repeat(inputs[:, :, :HIDDEN], 2, axis=1)
        history = one.fit(currents, classes, epochs=6, batch_size=10)
        assert history["loss"][-1] < 0.8 * history["loss"][0]

    def test_inputs_by_population(self, sim):
        net = build(sim)
        module = sim.training.module(net.output, [net.excite], inputs=[net.source, net.hidden])
        inputs, _ = task(4)
        current = np.full((4, STEPS, HIDDEN), 0.5, np.float32)
        by_population = {net.hidden: current, net.source: inputs}
        found, together = module(by_population), module(np.concatenate([inputs, current], axis=2))
        assert torch.equal(found.spikes[net.hidden], together.spikes[net.hidden])
        assert torch.equal(found.spikes_of(net.output), together.spikes[net.output._group])
        with pytest.raises(KeyError):
            found.spikes["hidden"]
        with pytest.raises(KeyError):
            found.states[net.output, "v"]
        one = trainer(sim, net, [net.excite], inputs=[net.source, net.hidden])
        assert one.fit(by_population, [0, 1, 2, 0], epochs=1)["loss"][0] > 0.0
        assert one.predict(by_population).shape == (4, CLASSES)


def test_what_is_evaluated_has_whole_delays(sim):
    net = build(sim)
    inputs, classes = task()
    trainer = sim.training.Trainer(
        net.output, [(net.first, "delay")], learning_rate=0.3, dtype="float64"
    )
    trainer.fit(inputs, classes, 2)
    fractional = next(iter(trainer.module.values().values())).detach()
    assert bool((fractional != fractional.round()).any())
    again = sim.training.Trainer(net.output, [net.excite], dtype="float64")  # the network as it is
    np.testing.assert_allclose(trainer.predict(inputs), again.predict(inputs), rtol=1e-9)
