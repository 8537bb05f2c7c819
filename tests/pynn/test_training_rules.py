"""Learning rules on networks that were built with PyNN: against loops over their connections."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyNN.ship as ship
import pytest
import torch
from pyNN.parameters import Sequence

DT, STEPS = 1.0, 30
BOTH = pytest.mark.parametrize("executor", ["fused", "torch"])


@pytest.fixture
def sim():
    """A simulator whose spikes lie on the grid."""
    ship.setup(timestep=DT, spike_precision="on_grid")
    yield ship
    ship.end()


def connect(
    sim, pre, post, low, high, receptor="excitatory", seed=1, delays=(1.0, 4.0), chance=0.7
):
    """Some of the cells, with delays that differ; inhibition is negative, unless conductances."""
    rng = sim.NumpyRNG(seed=seed)
    weight = sim.RandomDistribution("uniform", (low, high), rng=rng)
    delay = sim.RandomDistribution("uniform", delays, rng=rng) if len(delays) > 1 else delays[0]
    synapse = sim.StaticSynapse(weight=weight, delay=delay)
    connector = sim.FixedProbabilityConnector(chance, rng=rng)
    return sim.Projection(pre, post, connector, synapse, receptor_type=receptor)


def build(sim, celltype="IF_curr_exp"):
    """Inputs, hidden cells, and outputs; all spike."""
    factor = 0.03 if celltype == "IF_cond_exp" else 1.0
    sign = -1.0 if celltype == "IF_curr_exp" else 1.0
    cell = getattr(sim, celltype)(tau_m=20.0, tau_refrac=1.0, tau_syn_E=3.0, tau_syn_I=3.0, cm=0.5)
    source = sim.Population(5, sim.SpikeSourceArray(), label="source")
    hidden = sim.Population(4, cell, label="hidden")
    output = sim.Population(2, cell, label="output")
    low, high = sorted([sign * factor * 0.1, sign * factor])
    return SimpleNamespace(
        source=source,
        hidden=hidden,
        output=output,
        first=connect(sim, source, hidden, factor, 4.0 * factor, seed=2),
        excite=connect(sim, hidden, output, factor, 4.0 * factor, seed=3),
        inhibit=connect(sim, hidden, output, low, high, "inhibitory", seed=4),
    )


def listed(projection):
    """(source, target, weight, lag in steps) of each connection, in the engine's order."""
    rows = projection.get(["weight", "delay"], format="list")
    return [(int(i), int(j), w, round(d / DT) + 1) for i, j, w, d in rows]


def inputs(samples=3, seed=0, rate=0.2):
    return (np.random.default_rng(seed).random((samples, STEPS, 5)) < rate).astype(np.float32)


def fired(train, step, window):
    return train[max(step - window + 1, 0) : step + 1].sum() if step >= 0 else 0.0


def naive_bp_stdp(net, spikes, classes, window, interval, sign):
    """Changes of all weights, connection by connection."""
    changes = dict.fromkeys(("first", "excite", "inhibit"), 0.0)
    for number, wanted in enumerate(classes):
        out, hid, src = (spikes[name][number] for name in ("output", "hidden", "source"))
        xi = np.zeros((STEPS, 2))
        for t in range(interval - 1, STEPS, interval):
            for i in range(2):
                active = fired(out[:, i], t, window) > 0
                xi[t, i] = float(not active) if i == wanted else -float(active)
        errors = np.zeros((STEPS, 4))
        for name in ("excite", "inhibit"):
            effect = sign if name == "inhibit" else 1.0
            rows = listed(getattr(net, name))
            change = np.zeros(len(rows))
            for k, (j, i, weight, lag) in enumerate(rows):
                for t in range(lag, STEPS):
                    seen = fired(hid[:, j], t - lag, window)
                    change[k] += effect * xi[t, i] * seen
                    errors[t - lag, j] += effect * weight * xi[t, i] * (seen > 0)
            changes[name] = changes[name] + change
        rows = listed(net.first)
        change = np.zeros(len(rows))
        for k, (j, i, _, lag) in enumerate(rows):
            for t in range(lag, STEPS):
                change[k] += errors[t, i] * fired(src[:, j], t - lag, window)
        changes["first"] = changes["first"] + change
    return changes


@BOTH
def test_lags_are_those_that_are_seen(sim, executor):
    source = sim.Population(1, sim.SpikeSourceArray(), label="source")
    cell = sim.IF_curr_exp(tau_syn_E=1.0, cm=0.01)
    hidden, output = (sim.Population(1, cell, label=name) for name in ("hidden", "output"))
    ways = [
        connect(sim, pre, post, 50.0, 51.0, delays=(late,), chance=1.0)
        for pre, post, late in ((source, hidden, 3.0), (hidden, output, 1.0))
    ]
    module = sim.training.module(output, ways, executor=executor)
    given = torch.zeros(1, 20, 1)
    given[0, 2] = 1.0
    with torch.no_grad():
        spikes = module(given).spikes
    for one in module.connections():
        first = [int(spikes[group][0, :, 0].nonzero()[0]) for group in (one.source, one.target)]
        assert one.delay == first[1] - first[0]


@BOTH
@pytest.mark.filterwarnings("ignore:Conductances")
@pytest.mark.parametrize("celltype", ["IF_curr_exp", "IF_cond_exp"])
def test_bp_stdp(sim, executor, celltype):
    """Against loops; a conductance that inhibits has a positive weight and the opposite effect."""
    net = build(sim, celltype)
    projections = [net.first, net.excite, net.inhibit]
    free = [sim.training.Trainable(one, transform=sim.training.Unbounded()) for one in projections]
    rule = sim.training.BPSTDP("sum", window=4, interval=3)
    trainer = sim.training.Trainer(
        net.output, free, "spike_count", rule=rule, learning_rate=1e-3, executor=executor,
        dtype="float64",
    )  # fmt: skip
    given, classes = inputs(), np.array([0, 1, 1])
    with torch.no_grad():
        found = trainer.module(torch.as_tensor(given))
    spikes = {
        name: found.spikes[getattr(net, name)].numpy() for name in ("source", "hidden", "output")
    }
    assert all(train.any() for train in spikes.values())
    wanted = naive_bp_stdp(net, spikes, classes, 4, 3, -1.0 if "cond" in celltype else 1.0)
    before = {name: [row[2] for row in listed(getattr(net, name))] for name in wanted}
    trainer.fit(given, classes, 1, batch_size=3)
    for name, change in wanted.items():
        after = np.array([row[2] for row in listed(getattr(net, name))])
        assert np.abs(change).max() > 0.0
        np.testing.assert_allclose(after - before[name], 1e-3 * change, atol=1e-9)


@BOTH
def test_resume(sim, executor):
    net = build(sim)
    free = [sim.training.Trainable(net.excite, transform=sim.training.Unbounded())]
    desired = (np.random.default_rng(5).random((3, STEPS, 2)) < 0.1).astype(np.float32)
    rule = sim.training.ReSuMe("sum", a=0.1, tau=5.0)
    trainer = sim.training.Trainer(
        net.output, free, sim.training.SpikeTrains(), sim.training.VanRossum(), rule=rule,
        learning_rate=1e-3, executor=executor, dtype="float64",
    )  # fmt: skip
    given = inputs()
    with torch.no_grad():
        found = trainer.module(torch.as_tensor(given))
    out, hid = (found.spikes[one].numpy() for one in (net.output, net.hidden))
    rows = listed(net.excite)
    wanted = np.zeros(len(rows))
    for k, (j, i, _, lag) in enumerate(rows):
        for sample in range(3):
            for t in range(STEPS):
                past = sum(
                    hid[sample, s, j] * np.exp(-(t - lag - s) / 5.0) for s in range(t - lag + 1)
                )
                wanted[k] += (desired[sample, t, i] - out[sample, t, i]) * (0.1 + past)
    trainer.fit(given, desired, 1, batch_size=3)
    change = np.array([row[2] for row in listed(net.excite)]) - [row[2] for row in rows]
    np.testing.assert_allclose(change, 1e-3 * wanted, atol=1e-9)


def test_what_is_learned_is_what_then_runs(sim):
    """The time of a spike is learned, within the bounds of PyNN's weights, and then simulated."""
    source = sim.Population(60, sim.SpikeSourceArray(), label="source")
    cell = sim.IF_curr_exp(tau_m=10.0, tau_refrac=3.0, tau_syn_E=2.0, cm=0.5)
    output = sim.Population(2, cell, label="output")
    ways = [
        connect(sim, source, output, 0.2, 0.6, seed=2, chance=1.0),
        connect(sim, source, output, -0.3, -0.1, "inhibitory", seed=3, chance=1.0),
    ]
    random = np.random.default_rng(0)
    given = (random.random((1, 80, 60)) < 0.04).astype(np.float32)
    desired = np.zeros((1, 80, 2), np.float32)
    desired[0, [20, 45, 70], 0] = desired[0, [30, 60], 1] = 1.0
    trainer = sim.training.Trainer(
        output, ways, sim.training.SpikeTrains(), sim.training.VanRossum(),
        rule=sim.training.ReSuMe(tau=5.0), learning_rate=0.05,
    )  # fmt: skip
    for epochs in range(20, 601, 20):
        trainer.fit(given, desired, epochs, batch_size=1)
        if trainer.evaluate(given, desired).loss == 0.0:
            break
    np.testing.assert_array_equal(trainer.predict(given), desired)
    assert (np.array(ways[0].get("weight", format="array")) >= 0.0).all()
    assert (np.array(ways[1].get("weight", format="array")) <= 0.0).all()
    source.set(spike_times=[Sequence(np.flatnonzero(train) + 1.0) for train in given[0].T])
    output.record("spikes")
    sim.run(80.0)
    for train, wanted in zip(output.get_data().segments[0].spiketrains, desired[0].T, strict=True):
        np.testing.assert_allclose(train.magnitude, np.flatnonzero(wanted) + 1.0)


def test_pes_needs_a_state(sim):
    """Cells that never spike decode by their potential; online learning wants a plain filter."""
    net = build(sim)
    cell = sim.IF_curr_exp(v_thresh=1e3, tau_m=20.0)
    decoded = sim.Population(1, cell, label="decoded")
    way = connect(sim, net.hidden, decoded, 0.1, 0.2)
    target = np.full((3, STEPS + 1, 1), -60.0, np.float32)
    for online in (True, False):
        trainer = sim.training.Trainer(
            decoded, [way], sim.training.Course(), sim.training.squared_error,
            rule=sim.training.PES(rate=1e-4, online=online), learning_rate=1.0,
        )  # fmt: skip
        if online:
            with pytest.raises(ValueError, match="does not decode by a filter of tau = 20 ms"):
                trainer.fit(inputs(), target, 1)
        else:
            before = trainer.evaluate(inputs(), target).loss
            trainer.fit(inputs(), target, 20)
            assert trainer.evaluate(inputs(), target).loss < before


@BOTH
def test_pes(sim, executor):
    """Offline, against loops: the state at the start is read out too, but decides nothing."""
    net = build(sim)
    cell = sim.IF_curr_exp(v_thresh=1e3, tau_m=20.0)
    decoded = sim.Population(2, cell, label="decoded")
    way = connect(sim, net.hidden, decoded, 0.1, 0.2, seed=6)
    target = np.random.default_rng(1).normal(-64.0, 1.0, (3, STEPS + 1, 2))
    rule = sim.training.PES("sum", rate=1e-4, tau=5.0, online=False)
    trainer = sim.training.Trainer(
        decoded,
        [sim.training.Trainable(way, transform=sim.training.Unbounded())],
        sim.training.Course(),
        sim.training.squared_error,
        rule=rule,
        learning_rate=1.0,
        executor=executor,
        dtype="float64",
    )
    given = inputs()
    course = trainer.predict(given)
    assert course.shape == target.shape
    with torch.no_grad():
        hid = trainer.module(torch.as_tensor(given)).spikes[net.hidden].numpy()
    rows = listed(way)
    wanted = np.zeros(len(rows))
    for k, (j, i, _, lag) in enumerate(rows):
        for sample in range(3):
            for t in range(STEPS):
                trace = sum(
                    hid[sample, s, j] * np.exp(-(t - lag - s) / 5.0) for s in range(t - lag + 1)
                )
                error = course[sample, t + 1, i] - target[sample, t + 1, i]
                wanted[k] -= 1e-4 * DT * trace * error
    trainer.fit(given, target, 1, batch_size=3)
    change = np.array([row[2] for row in listed(way)]) - [row[2] for row in rows]
    np.testing.assert_allclose(change, wanted, atol=1e-9)


def test_projections_without_synapses_have_nothing_to_learn(sim):
    net = build(sim)
    none = sim.Projection(net.hidden, net.output, sim.FromListConnector([]), sim.StaticSynapse())
    trainer = sim.training.Trainer(
        net.output, [net.excite, none], "spike_count", rule=sim.training.BPSTDP()
    )
    trainer.fit(inputs(), np.array([0, 1, 1]), 1)
    assert len(none.get("weight", format="list")) == 0


def test_rules_train_weights_only(sim):
    net = build(sim)
    with pytest.raises(ValueError, match="is no weight, and learning rules train weights only"):
        sim.training.Trainer(
            net.output, [net.excite, (net.excite, "delay")], "spike_count",
            rule=sim.training.BPSTDP(),
        )  # fmt: skip
