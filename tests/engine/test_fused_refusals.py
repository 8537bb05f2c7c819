"""What the platform's executor 'fused' cannot represent, and says so."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from platform_examples import ones, small

from ship_engine import (
    LI,
    LIF,
    Input,
    LeakySynapse,
    Link,
    Network,
    RectangularSynapse,
    Wire,
    delayed,
    refractory,
    winner_take_all,
    winner_take_all_refractory,
)
from ship_engine.elementwise import minimum
from ship_engine.errors import (
    InvalidValueError,
    NonFiniteStateError,
    UnsupportedByExecutorError,
)

INSTEAD = "use the executor 'torch'"


def network(synapse: Any = LeakySynapse, model: Any = LIF, **arguments: Any) -> Network:
    """Three inputs and two neurons, which hand on to two others."""
    net = Network(executor="fused", dtype=torch.float64)
    net.add(Input, "I", N=3)
    net.add(model, "N", N=2, **arguments.pop("neurons", {}))
    net.add(synapse, "S", source="I", target="N", **arguments)
    return net


def wired(delays: Any) -> Network:
    net = network(model=delayed(LIF), neurons={"delay_time": delays})
    net.add(LI, "O", N=2)
    net.add(Link, "NO", source="N", target="O")
    return net


def monitored(id: str, name: str) -> Network:
    net = small("fused")
    net.set_monitor(id, name)
    net.init(dt=1.0)
    return net


def looped_and_charged() -> Network:
    """Synapses that run backward without a delay, and are thus late by a step."""
    net = network()
    net.add(LIF, "M", N=2)
    net.add(LeakySynapse, "NM", source="N", target="M")
    net.add(LeakySynapse, "MN", source="M", target="N", I=0.1)
    return net


BY_ONE = torch.tensor([[1.0, 2.0], [1.0, 2.0], [3.0, 2.0]])
REFUSED: dict[str, tuple[Callable[[], Network], str]] = {
    "not linear": (
        lambda: network(RectangularSynapse),
        r"'S' \(RectangularSynapse\) has to be computed synapse by synapse",
    ),
    "by source": (
        lambda: network(tau_alpha=BY_ONE),
        r"'S' \(LeakySynapse\) .*differ from source to source; .*sums synapses",
    ),
    "delays by source": (
        lambda: network(delayed(LeakySynapse), delay_time=BY_ONE),
        r"'S' \(delayed\(LeakySynapse\)\) .*differ from source to source",
    ),
    "synapses that are monitored": (lambda: monitored("S", "I"), "'S' is monitored, but .*neurons"),
    "input that is monitored": (
        lambda: monitored("N", "input"),
        "'N' is monitored for its input, .*monitor its states or its output",
    ),
    "winner": (lambda: network(model=winner_take_all(LIF)), r"'N' .*so none can reset the others"),
    "winner with a period": (
        lambda: network(model=winner_take_all_refractory(refractory(LIF))),
        r"'N' .*so none can reset the others",
    ),
    "weights of each sample": (
        lambda: network(w=torch.rand(4, 3, 2)),
        "'S' has other weights for each sample of the batch",
    ),
    "charged and delayed": (
        lambda: network(delayed(LeakySynapse), I=0.1, delay_time=2.0),
        r"'S' is delayed and starts with a current; .*Start with none",
    ),
    "charged and delayed by target": (
        lambda: network(delayed(LeakySynapse), I=0.1, delay_time=torch.tensor([0.0, 2.0])),
        "'S' is delayed and starts with a current",
    ),
    "charged and backward": (looped_and_charged, "'MN' is delayed and starts with a current"),
    "wires of different delays": (
        lambda: wired(torch.tensor([1.0, 2.0])),
        "Ideal wires between components of different delays; use weights",
    ),
    "delays of each sample": (
        lambda: network(
            delayed(LeakySynapse), delay_time=torch.arange(4.0)[:, None, None].expand(4, 3, 2)
        ),
        "Delays that differ from sample to sample of the batch",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_networks(name: str) -> None:
    build, words = REFUSED[name]
    net = build()
    net.init(dt=1.0, batch_size=4)
    with pytest.raises(UnsupportedByExecutorError, match=words) as caught:
        net.run(ones(4))
    assert "executor 'torch'" in str(caught.value)
    assert "numba" not in str(caught.value)


def test_neighbours_that_are_not_refused() -> None:
    """One delay for all of a wire, charges without delays, equal weights."""
    for net in (
        wired(2.0),
        network(I=0.1),
        network(delayed(LeakySynapse), I=0.1, delay_time=0.0),
        network(delayed(LeakySynapse), delay_time=torch.tensor([0.0, 2.0])),
        network(w=torch.rand(3, 2).expand(1, 3, 2)),
    ):
        net.init(dt=1.0, batch_size=4)
        assert net.run(ones(4)).shape == (4, 10, 2)


class TestRuns:
    def test_that_go_on(self) -> None:
        net = small("fused")
        net.init(dt=1.0)
        first = net.run(ones())
        with pytest.raises(UnsupportedByExecutorError, match=rf"cannot resume it; {INSTEAD}"):
            net.run(ones(), resume=True)
        torch.testing.assert_close(net.run(ones()), first, rtol=0.0, atol=0.0)

    def test_of_changing_steps(self) -> None:
        net = small("fused")
        net.init(dt=1.0)
        with pytest.raises(UnsupportedByExecutorError, match=rf"steps of one length; {INSTEAD}"):
            net.run_multisteps([(1.0, 5), (0.5, 5)], ones())
        as_one = net.run_multisteps([(1.0, 5), (1.0, 5)], ones())
        torch.testing.assert_close(as_one, net.run(ones()), rtol=0.0, atol=0.0)

    def test_on_other_devices(self) -> None:
        with pytest.raises(InvalidValueError, match="executor 'fused' computes on the CPU"):
            Network(executor="fused", device="meta")


class Deciding(LIF):
    """A model with control flow."""

    name = "Deciding"

    @staticmethod
    def advance_timestep(u, input, beta, u_min, free):  # type: ignore[no-untyped-def]
        return (u * beta + input if u > 0.0 else input,)


class ByNumPy(LIF):
    """A model that calls what is not in the language."""

    name = "ByNumPy"

    @staticmethod
    def advance_timestep(u, input, beta, u_min, free):  # type: ignore[no-untyped-def]
        return (np.arctan(u * beta + input),)


class ByTorch(LIF):
    """Another one."""

    name = "ByTorch"

    @staticmethod
    def threshold(u, thr):  # type: ignore[no-untyped-def]
        return torch.sinh(u - thr)


class Capped(LIF):
    """Constants that are infinite, whole numbers, a base and an exponent."""

    name = "Capped"

    @staticmethod
    def advance_timestep(u, input, beta, u_min, free):  # type: ignore[no-untyped-def]
        new = minimum(u * beta + input, math.inf) + 0 * u**2
        return (free * minimum(2.0 ** (new * new + 1e-3) ** 0.5 - 1, 3),)


class TestModels:
    @pytest.mark.parametrize(
        ("model", "words"),
        [
            (Deciding, "decides by the value of a number"),
            (ByNumPy, "'advance_timestep' of ByNumPy uses more than the functions of"),
            (ByTorch, "'threshold' of ByTorch uses more than the functions of"),
        ],
    )
    def test_beyond_the_language(self, model: Any, words: str) -> None:
        net = network(model=model)
        net.init(dt=1.0)
        with pytest.raises(UnsupportedByExecutorError, match=words):
            net.run(ones())

    def test_constants_of_all_kinds(self) -> None:
        outputs = []
        for executor in ("torch", "fused"):
            net = Network(executor=executor, dtype=torch.float64, surrogate="arctan")
            weight = torch.linspace(0.01, 0.3, 6, dtype=torch.float64).view(3, 2)
            net.add(Input, "I", N=3)
            net.add(Capped, "N", N=2)
            net.add(Wire, "S", source="I", target="N", w=weight.requires_grad_(), w_scale=0.5)
            net.set_monitor("N", "u")
            net.init(dt=1.0)
            out = net.run(ones())
            (out.sum() + net.get_monitored_results().N.u.sum()).backward()
            outputs.append((out.detach(), weight.grad))
        assert outputs[0][0].sum() > 0
        torch.testing.assert_close(*outputs, rtol=1e-10, atol=1e-12)


class TestStatesThatAreNotFinite:
    def error(self, net: Network) -> NonFiniteStateError:
        net.init(dt=1.0, batch_size=2)
        given = ones(2)
        given[1, 7, 2] = 1e308
        with pytest.raises(NonFiniteStateError, match="smaller weights") as caught:
            net.run(given)
        return caught.value

    @pytest.mark.parametrize("learn", [False, True])
    def test_of_neurons_and_synapses(self, learn: bool) -> None:
        weight = torch.zeros(3, 2, dtype=torch.float64)
        weight[2, 1] = 100.0
        error = self.error(network(model=LI, w=weight.requires_grad_(learn)))
        assert (error.group, error.state, error.cell) in {("N", "u", 1), ("S", "I", 1)}
        assert error.time == 10.0
        error = self.error(network(Wire, LI, w=weight))
        assert (error.group, error.state, error.cell) == ("N", "u", 1)
