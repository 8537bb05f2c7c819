"""Networks of the platform give the same on both executors, and as loops over the equations do."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ship_engine import (
    LI,
    LIF,
    AdEx,
    Input,
    Izhikevich,
    LeakySynapse,
    LIFRestAndReset,
    LIFSharedRest,
    Link,
    ListInput,
    Network,
    Poisson,
    RectangularSynapse,
    SecondOrderSynapse,
    SummedLeakySynapse,
    Wire,
    delayed,
    refractory,
    substeps,
    winner_take_all,
    winner_take_all_refractory,
)

NEURONS = {
    "LI": (LI, {}, 0.1),
    "LIF": (LIF, {}, 0.1),
    "floor": (LIF, {"u_min": -0.2}, 0.1),
    "shared rest": (LIFSharedRest, {"u0": -0.3}, 0.2),
    "rest and reset": (LIFRestAndReset, {"u0": 0.1, "ur": -0.4}, 0.2),
    "Izhikevich": (Izhikevich, {}, 4.0),
    "finer Izhikevich": (substeps(Izhikevich, 5), {}, 4.0),
    "AdEx": (AdEx, {}, 3.0),
    "refractory": (refractory(LIF), {"refr_time": torch.tensor([0.0, 1.0, 2.0, 5.0])}, 0.3),
    "refractory Izhikevich": (refractory(Izhikevich), {"refr_time": 4.0}, 6.0),
    "delayed": (delayed(LIF), {"delay_time": torch.tensor([0.0, 1.0, 3.0, 7.0])}, 0.2),
    "winner": (winner_take_all(LIF), {}, 0.2),
    "Izhikevich winner": (winner_take_all(Izhikevich), {}, 4.0),
    "shared": (winner_take_all_refractory(refractory(LIF)), {"refr_time": 3.0}, 0.3),
}
SYNAPSES = {
    "leaky": (LeakySynapse, {"tau_alpha": 5.0}),
    "leaky, all different": (LeakySynapse, {"tau_alpha": lambda b, s, t: 3.0 + torch.rand(s, t)}),
    "by target": (LeakySynapse, {"tau_alpha": torch.tensor([2.0, 3.0, 5.0, 8.0])}),
    "second order": (SecondOrderSynapse, {}),
    "rectangular": (RectangularSynapse, {"tau_alpha": 2.5}),
    "summed": (SummedLeakySynapse, {"tau_alpha": 4.0}),
    "wire": (Wire, {"bias": 0.01}),
    "delayed": (delayed(LeakySynapse), {"delay_time": 3.0}),
    "delayed by target": (
        delayed(SecondOrderSynapse),
        {
            "delay_time": torch.tensor([0.0, 2.0, 1.0, 4.0]),
            "tau_alpha1": lambda b, s, t: 5.0 + torch.rand(s, t),
        },
    ),
    "delayed one by one": (
        delayed(LeakySynapse),
        {"delay_time": torch.arange(20.0).reshape(5, 4) / 3.0, "tau_alpha": 6.0},
    ),
}


def spikes(batch: int, steps: int, size: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(batch, steps, size, generator=generator) < 0.3).double()


def layered(executor: str, neuron: str, synapse: str, seed: int = 3) -> Network:
    """Five inputs, four neurons that also excite one another, and two that read them out."""
    net = Network(executor=executor, dtype=torch.float64, seed=seed)
    model, parameters, scale = NEURONS[neuron]
    connection, details = SYNAPSES[synapse]
    net.add(Input, "I", N=5)
    net.add(model, "N", N=4, **parameters)
    net.add(LI, "O", N=2, tau_beta=7.0, u_min=-math.inf, is_output=True)
    net.add(connection, "IN", source="I", target="N", w_scale=scale, **details)
    w = lambda batch, sources, targets: 2.0 * torch.rand(sources, targets) - 1.0  # noqa: E731
    net.add(LeakySynapse, "NN", source="N", target="N", w=w, w_scale=0.1 * scale)
    net.add(LeakySynapse, "NO", source="N", target="O", w=w)
    return net


def compare(networks: list[Network], monitored: list[tuple[str, tuple[str, ...]]], *inputs, run):
    found = []
    for net in networks:
        for id, names in monitored:
            net.set_monitor(id, *names)
        out = run(net, *inputs)
        found.append((out, net.get_monitored_results()))
    (out, results), (other_out, other_results) = found
    torch.testing.assert_close(out, other_out, rtol=1e-10, atol=1e-12)
    for id, names in monitored:
        for name in names:
            a, b = results[id][name], other_results[id][name]
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12, msg=f"{id} {name}")
    return out, results


@pytest.mark.parametrize("neuron", NEURONS)
def test_neurons_agree(neuron):
    networks = [layered(executor, neuron, "leaky") for executor in ("numba", "torch")]
    state = networks[0].groups["N"].model.states[0].name
    for net in networks:
        net.init(dt=1.0, nts=80, batch_size=3)
    monitored = [("N", (state, "output", "input"))]
    _, results = compare(
        networks, monitored, spikes(3, 80, 5), run=lambda net, given: net.run(given)
    )
    assert results.N.output.count_nonzero() > 5


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("synapse", SYNAPSES)
def test_synapses_agree(synapse, watched):
    networks = [layered(executor, "LIF", synapse) for executor in ("numba", "torch")]
    for net in networks:
        net.init(dt=1.0, nts=60, batch_size=3)
    states = tuple(state.name for state in networks[0].groups["IN"].model.states)
    names = (*states, "output", "input", "integrated_current") if watched else ("output",)
    monitored = [("IN", names), ("N", ("u", "spike_count"))]
    _, results = compare(
        networks, monitored, spikes(3, 60, 5), run=lambda net, given: net.run(given)
    )
    assert results.N.spike_count.min() > 1


@pytest.mark.parametrize("neuron", ["LIF", "refractory", "delayed", "shared", "Izhikevich"])
def test_changing_time_steps_agree(neuron):
    networks = [layered(executor, neuron, "delayed one by one") for executor in ("numba", "torch")]
    pieces = [(1.0, 20), (0.25, 40), (2.0, 10), (1.0, 5)]
    for net in networks:
        net.init(dt=1.0, batch_size=2)
    out, _ = compare(
        networks,
        [("N", ("output",)), ("IN", ("I", "output"))],
        spikes(2, 75, 5),
        run=lambda net, given: net.run_multisteps(pieces, given),
    )
    assert out.shape == (2, 75, 2)


@settings(max_examples=15, deadline=None)
@given(
    neuron=st.sampled_from(sorted(NEURONS)),
    synapse=st.sampled_from(sorted(SYNAPSES)),
    batch=st.integers(1, 3),
    first=st.integers(1, 30),
    second=st.integers(1, 30),
)
def test_a_run_in_two_pieces_is_the_same_run(neuron, synapse, batch, first, second):
    given = spikes(batch, first + second, 5)
    whole, pieces = layered("numba", neuron, synapse), layered("torch", neuron, synapse)
    whole.init(dt=1.0, batch_size=batch)
    pieces.init(dt=1.0, batch_size=batch)
    out = whole.run(given)
    parts = [pieces.run(given[:, :first]), pieces.run(given[:, first:], resume=True)]
    torch.testing.assert_close(torch.cat(parts, 1), out, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("executor", ["numba", "torch"])
def test_windows_do_not_show(executor, monkeypatch):
    def run() -> torch.Tensor:
        net = layered(executor, "delayed", "delayed one by one")
        net.add(Poisson, "P", N=4, rate=50.0)
        net.add(Link, "PN", source="P", target="N")
        net.init(dt=1.0, nts=200, batch_size=2)
        return net.run(spikes(2, 200, 5))

    whole = run()
    monkeypatch.setattr("ship_engine.platform.runners.WINDOW_BYTES", 1)
    torch.testing.assert_close(run(), whole, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("executor", ["numba", "torch"])
def test_a_network_by_hand(executor):
    """A recurrent network against the paper's equations in plain loops, a step at a time."""
    generator = np.random.default_rng(5)
    w_in, w_back = generator.random((3, 2)), 0.1 * generator.random((2, 2)) - 0.03
    given = generator.random((50, 3)) < 0.2
    net = Network(executor=executor, dtype=torch.float64)
    net.add(Input, "I", N=3)
    net.add(refractory(LIF), "N", N=2, tau_beta=20.0, thr=1.2, refr_time=3.0)
    net.add(LeakySynapse, "IN", source="I", target="N", w=w_in, w_scale=0.3, tau_alpha=5.0)
    net.add(delayed(LeakySynapse), "NN", source="N", target="N", w=w_back, delay_time=2.0)
    net.set_monitor("N", "u")
    net.init(dt=1.0)
    out = net.run(torch.from_numpy(given)[None])
    u, left = np.zeros(2), np.zeros(2, int)
    current, back = np.zeros((3, 2)), np.zeros((2, 2))
    a, b = math.exp(-1 / 5.0), math.exp(-1 / 8.0)
    coming = [np.zeros(2)] * 2
    expected, potentials = [], []
    for k in range(50):
        current = current * a + 0.3 * w_in * given[k][:, None]
        drive = (current * 5.0 * (1 - a)).sum(0) + coming.pop(0)
        u = np.where(left > 0, 0.0, np.maximum(u * math.exp(-1 / 20.0) + drive, 0.0))
        fired = u >= 1.2
        left = np.where(fired, 3, np.maximum(left - 1, 0))
        back = back * b + w_back * fired[:, None]
        coming.append((back * 8.0 * (1 - b)).sum(0))
        expected.append(fired)
        potentials.append(u)
    assert np.sum(expected) > 3
    np.testing.assert_array_equal(out[0].numpy(), np.array(expected, float))
    np.testing.assert_allclose(
        net.get_monitored_results().N.u[0].numpy(), np.array(potentials), rtol=1e-12
    )


@pytest.mark.parametrize("executor", ["numba", "torch"])
def test_lists_and_sums_of_several_groups(executor):
    net = Network(executor=executor, dtype=torch.float64)
    net.add(ListInput, "A", N=2)
    net.add(Input, "B", N=2)
    net.add(LI, "O", N=2, tau_beta=1e9, u_min=-math.inf)
    net.add(Link, "AO", source="A", target="O")
    net.add(Wire, "BO", source="B", target="O", w=torch.eye(2), w_scale=2.0)
    net.init(dt=1.0)
    sequences = [torch.ones(3, 2), torch.ones(5, 2)]
    out = net.run(sequences, torch.ones(1, 5, 2))
    assert out.shape == (2, 5, 2)
    torch.testing.assert_close(out[:, -1, 0], torch.tensor([13.0, 15.0], dtype=torch.float64))
