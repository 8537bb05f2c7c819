"""Networks of the platform, drawn at random, against plain loops over every synapse."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from platform_naive import SYNAPSES, NaiveGroup, NaiveNetwork

import ship_engine
from ship_engine import (
    LI,
    Input,
    Link,
    Network,
    delayed,
    refractory,
    winner_take_all,
    winner_take_all_refractory,
)
from ship_engine.platform.arrivals import Arrivals

NEURONS = ("LI", "LIF", "LIFRestAndReset", "Izhikevich")
PARAMETERS: dict[str, dict[str, tuple[float, float]]] = {
    "LI": {"tau_beta": (3.0, 20.0), "u_min": (-0.5, 0.0)},
    "LIF": {"tau_beta": (3.0, 20.0), "thr": (0.2, 0.6), "u_min": (-0.5, 0.0)},
    "LIFRestAndReset": {
        "tau_beta": (3.0, 20.0),
        "thr": (0.3, 0.6),
        "u0": (-0.2, 0.1),
        "ur": (-0.4, -0.2),
        "u_min": (-2.0, -1.0),
    },
    "Izhikevich": {"a": (0.02, 0.1), "c": (-65.0, -50.0), "d": (2.0, 8.0), "b": (0.2, 0.21)},
    "LeakySynapse": {"tau_alpha": (2.0, 9.0), "I": (-0.01, 0.01)},
    "SecondOrderSynapse": {"tau_alpha1": (5.0, 9.0), "tau_alpha2": (1.0, 4.0)},
    "RectangularSynapse": {"tau_alpha": (0.3, 5.0)},
    "SummedLeakySynapse": {"tau_alpha": (2.0, 9.0)},
    "Wire": {"bias": (-0.01, 0.01)},
    "Link": {},
}
SPIKING = NEURONS[1:]
DEFAULTS = {"Izhikevich": {"thr": 30.0, "v": -70.0, "u": -14.0}}
STATES = {
    "Izhikevich": ("v", "u"),
    "SecondOrderSynapse": ("I1", "I2"),
    "RectangularSynapse": ("I", "left"),
    "Wire": (),
    "Link": (),
    "Input": (),
}
DELAYS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.25, 3.0, 40.0)

neurons = st.fixed_dictionaries(
    {
        "model": st.sampled_from(NEURONS),
        "size": st.integers(1, 4),
        "refractory": st.booleans(),
        "delay": st.sampled_from(["", "", "one", "each"]),
        "winner": st.sampled_from(["", "", "", "reset", "shared"]),
    }
)
synapses = st.fixed_dictionaries(
    {
        "model": st.sampled_from(sorted(SYNAPSES)),
        "ends": st.tuples(st.integers(0, 6), st.integers(0, 4)),
        "delay": st.sampled_from(["", "", "one", "each"]),
        "scale": st.booleans(),
    }
)
programs = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32 - 1),
        "batch": st.integers(1, 4),
        "inputs": st.lists(st.integers(1, 4), min_size=1, max_size=2),
        "neurons": st.lists(neurons, min_size=1, max_size=5),
        "synapses": st.lists(synapses, max_size=8),
        "pieces": st.lists(
            st.lists(
                st.tuples(st.sampled_from([1.0, 0.5, 0.25, 2.0]), st.integers(1, 14)),
                min_size=1,
                max_size=2,
            ),
            min_size=1,
            max_size=3,
        ),
        "monitored": st.booleans(),
        "executor": st.sampled_from(["numba", "torch"]),
    }
)


class Drawn:
    """A network drawn from a program, for the engine and for the loops."""

    def __init__(self, program: dict[str, Any]):
        self.program = program
        self.random = np.random.default_rng(program["seed"])
        self.net = Network(program["executor"], dtype=torch.float64)
        self.groups: dict[str, NaiveGroup] = {}
        self.sizes: dict[str, int] = {}
        for k, size in enumerate(program["inputs"]):
            self.add(f"input{k}", "Input", (program["batch"], size), size, Input, {"N": size}, {})
        for k, facts in enumerate(program["neurons"]):
            self.add_neurons(f"n{k}", facts)
        for k, facts in enumerate(program["synapses"]):
            self.add_synapses(f"s{k}", facts)

    def add(self, id, model, shape, width, taken, settings, values):
        group = NaiveGroup(id, model, shape, width, DEFAULTS.get(model, {}) | values)
        for name in STATES.get(model, ("I",) if model in SYNAPSES else ("u",)):
            start = group.values.pop(name, np.zeros(shape))
            group.states[name] = np.array(start, float)
        self.groups[id] = group
        self.net.add(taken, id, is_output=model != "Input", **settings, **values)
        if self.program["monitored"] and group.states:
            self.net.set_monitor(id, *group.states)
        return group

    def numbers(self, shape: tuple[int, ...], low: float, high: float) -> Any:
        """An argument that varies along some axes."""
        some = tuple(n if self.random.random() < 0.4 else 1 for n in shape)
        value = self.random.uniform(low, high, some)
        return float(value.flat[0]) if value.size == 1 else value

    def add_neurons(self, id: str, facts: dict[str, Any]) -> None:
        model, shape = facts["model"], (self.program["batch"], facts["size"])
        taken = getattr(ship_engine, model)
        values = {n: self.numbers(shape, *r) for n, r in PARAMETERS[model].items()}
        spikes, winner = model != "LI", facts["winner"]
        refracts = spikes and (facts["refractory"] or winner == "shared")
        if refracts:
            taken = refractory(taken)
            values["refr_time"] = self.random.choice([0.0, 0.7, 1.9, 3.2], shape[1])
        if spikes and winner:
            wrap = winner_take_all if winner == "reset" else winner_take_all_refractory
            taken = wrap(taken)
        if facts["delay"]:
            taken = delayed(taken)
            values["delay_time"] = self.delays(facts["delay"], shape)
        group = self.add(id, model, shape, shape[1], taken, {"N": shape[1]}, values)
        group.refractory, group.winner = refracts, winner if spikes else ""
        group.delayed = bool(facts["delay"])

    def delays(self, kind: str, shape: tuple[int, ...]) -> Any:
        if kind == "one":
            return float(self.random.choice(DELAYS))
        some = tuple(n if self.random.random() < 0.7 else 1 for n in shape)
        return self.random.choice(DELAYS[: self.random.integers(2, 9)], some)

    def add_synapses(self, id: str, facts: dict[str, Any]) -> None:
        model, batch = facts["model"], self.program["batch"]
        ends = [g for g in self.groups.values() if g.model not in SYNAPSES]
        source = ends[facts["ends"][0] % len(ends)]
        targets = [g for g in ends if g.model != "Input"]
        target = targets[facts["ends"][1] % len(targets)]
        if model == "Link" and source.width != target.width:
            model = "LeakySynapse"
        shape: tuple[int, ...] = (batch, source.width, target.width)
        weights = shape
        if model in ("Link", "Wire", "SummedLeakySynapse"):
            shape = (batch, target.width)
        taken = getattr(ship_engine, model)
        values = {n: self.numbers(shape, *r) for n, r in PARAMETERS[model].items()}
        if facts["delay"]:
            taken = delayed(taken)
            values["delay_time"] = self.delays(facts["delay"], shape)
        size = 5.0 if target.model == "Izhikevich" else 0.5
        settings: dict[str, Any] = {"source": source.id, "target": target.id}
        scale: Any = 1.0
        if model != "Link":
            settings["w"] = self.random.uniform(
                -0.4 * size, size, weights[self.random.integers(2) :]
            )
            settings["w"] *= self.random.random(settings["w"].shape) < 0.8
            if facts["scale"]:
                scale = settings["w_scale"] = self.numbers(weights, 0.5, 1.5)
        group = self.add(id, model, shape, target.width, taken, settings, values)
        group.weight = np.broadcast_to(settings.get("w", 1.0) * scale, weights)
        group.delayed = bool(facts["delay"])
        group.incoming = [source]
        target.incoming.append(group)

    def given(self, steps: int) -> dict[str, np.ndarray]:
        """Spikes, some of them graded, perhaps the same for all of the batch."""
        found = {}
        for id, group in self.groups.items():
            if group.model == "Input":
                batch = self.program["batch"] if self.random.random() < 0.7 else 1
                shape = (batch, steps, group.width)
                spikes = self.random.random(shape) < self.random.choice([0.3, 0.6])
                found[id] = spikes * self.random.choice([1.0, -0.5, 1.5], shape, p=[0.8, 0.1, 0.1])
        return found


def check(program: dict[str, Any]) -> float:
    """Compare all that both say; the number of spikes."""
    drawn = Drawn(program)
    drawn.net.init(dt=1.0, batch_size=program["batch"])
    naive = NaiveNetwork([drawn.groups[id] for id in drawn.net.stack()])
    spikes = 0.0
    for k, piece in enumerate(program["pieces"]):
        lengths = [Fraction(dt) for dt, count in piece for _ in range(count)]
        inputs = drawn.given(len(lengths))
        shape = program["batch"], len(lengths)
        full = {id: np.broadcast_to(v, (*shape, v.shape[2])) for id, v in inputs.items()}
        expected = naive.run(lengths, full)
        tensors = {id: torch.from_numpy(value) for id, value in inputs.items()}
        out = drawn.net.run_multisteps(piece, tensors, resume=k > 0)
        ids = [g.id for g in drawn.groups.values() if g.model != "Input"]
        out = out if len(ids) > 1 else {ids[0]: out}
        found = {(id, "output"): out[id] for id in ids}
        for id, kept in drawn.net.get_monitored_results().items():
            found |= {(id, name): value for name, value in kept.items()}
        for key, tensor in found.items():
            wanted = np.stack([seen[key] for seen in expected], 1)
            if key[1] == "output" and drawn.groups[key[0]].model in SPIKING:
                np.testing.assert_array_equal(tensor.numpy(), wanted, err_msg=str(key))
                spikes += wanted.sum()
            else:
                np.testing.assert_allclose(
                    tensor.numpy(), wanted, rtol=1e-10, atol=1e-10, err_msg=str(key)
                )
    return spikes


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
@given(program=programs)
def test_random_networks_are_as_the_loops_say(program):
    check(program)


def impulse_responses(executor: str, dt: float, delay: object, *counts: int) -> torch.Tensor:
    """What arrives of one spike in every step through a delayed loop, run in pieces."""
    net = Network(executor, dtype=torch.float64)
    net.add(Input, "I", N=1)
    net.add(LI, "O", N=1, tau_beta=1e-3)
    net.add(delayed(Link), "L", source="I", target="O", delay_time=delay)
    net.init(dt=dt)
    parts, given = [], torch.arange(1.0, sum(counts) + 1.0)[None, :, None]
    for k, part in enumerate(given.split(list(counts), 1)):
        parts.append(net.run(part, resume=k > 0))
    return torch.cat(parts, 1)[0, :, 0]


@pytest.mark.parametrize("executor", ["numba", "torch"])
@pytest.mark.parametrize(
    ("delay", "steps"), [(0.25, 3), (0.05, 1), (0.15, 2), (0.04, 0), (1.0, 10)]
)
def test_half_steps_are_rounded_up_in_every_step(executor, delay, steps):
    found = impulse_responses(executor, 0.1, delay, 37, 20)
    expected = torch.arange(1.0 - steps, 58.0 - steps).clamp(min=0.0).double()
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_many_different_delays_need_little_memory():
    delay = torch.rand(1, 200, 300, dtype=torch.float64) * 20.0
    equal = Arrivals(delay, np.full(1000, 0.1))
    assert equal.table.base.nbytes < 10_000
    changing = Arrivals(delay, np.repeat([0.1, 1.0], [60, 40]))
    assert changing.table.shape[0] < 1000
    few = Arrivals(delay[:, :1, :5], np.repeat([0.1, 1.0], [60, 40]))
    for k in range(5):
        kind = changing.table[changing.number[0, 0, k]]
        np.testing.assert_array_equal(kind, few.table[few.number[0, 0, k]])


@pytest.mark.parametrize("executor", ["numba", "torch"])
def test_a_delayed_loop_goes_on_with_longer_steps(executor):
    """A delay that is less than half of the new steps neither loses nor doubles what is coming."""

    def total(*pieces: tuple[float, int]) -> float:
        net = Network(executor, dtype=torch.float64)
        net.add(Input, "I", N=1)
        net.add(LI, "A", N=1, tau_beta=1e-3)
        net.add(LI, "B", N=1, tau_beta=1e9)
        net.add(Link, "IA", source="I", target="A")
        net.add(delayed(Link), "AA", source="A", target="A", delay_time=0.3)
        net.add(Link, "AB", source="A", target="B")
        net.init(dt=0.1)
        for k, (dt, steps) in enumerate(pieces):
            given = torch.zeros(1, steps, 1)
            given[:, 0] = float(k == 0)
            out = net.run_multisteps([(dt, steps)], given, resume=k > 0)
        return float(out[0, -1, 0])

    assert total((0.1, 7)) == pytest.approx(3.0)
    assert total((0.1, 7), (1.0, 4)) == pytest.approx(5.0)
    assert total((1.0, 4), (0.1, 7)) == pytest.approx(7.0)
