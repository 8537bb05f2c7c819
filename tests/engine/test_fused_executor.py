"""Delays with gradients, on both executors that have them, and what the fused one refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ship_engine.delivery.base import Synapses
from ship_engine.errors import (
    InvalidValueError,
    NonFiniteStateError,
    ShipError,
    UnknownNameError,
    UnsupportedByExecutorError,
)
from ship_engine.event_network import EventNetwork
from ship_engine.executors import fused_simulation
from ship_engine.executors.fused_simulation import FusedExecutor
from ship_engine.executors.torch_autograd import Recording, TorchExecutor
from ship_engine.executors.torch_inputs import shared_by_two
from ship_engine.groups import NeuronGroup, SpikeArrayGroup
from ship_engine.lowering.cache import KernelCache
from ship_engine.models.base import Model
from ship_engine.models.integrate_and_fire_generalized import GIFConductanceExponential
from ship_engine.models.lif import LIFCurrentExponential
from ship_engine.synapses.short_term import TsodyksMarkram
from ship_engine.training.surrogates import Arctan

DT, STEPS = 0.5, 40
EXECUTORS: list[Callable[..., TorchExecutor]] = [TorchExecutor, FusedExecutor]
EACH = pytest.mark.parametrize("kind", EXECUTORS, ids=lambda kind: kind.name)


class Example:
    """Three sources, each of which reaches both of two neurons."""

    def __init__(
        self,
        kind: Callable[..., TorchExecutor] = FusedExecutor,
        model: type[Model] = LIFCurrentExponential,
        threshold: float | None = 1e3,
        **options: Any,
    ) -> None:
        if kind is FusedExecutor:
            options.setdefault("cache", KernelCache())
        self.executor = kind(surrogate=Arctan(1.0), **options)
        self.network = EventNetwork(dt=DT, spike_precision="on_grid")
        self.source = self.network.add(SpikeArrayGroup(3, "source"))
        given = {} if threshold is None else {"v_thresh": threshold}
        self.cells = self.network.add(NeuronGroup(model, 2, "cells", given))
        self.source.set_spike_times([np.array([0.0, 1.3, 6.0]), np.array([3.1]), np.array([7.7])])
        pairs = np.divmod(np.arange(6, dtype=np.int32), 2)
        self.port = model.ports[0].name
        weight, delay = np.linspace(0.5, 1.5, 6), np.arange(6) % 3 + 1
        self.projection = self.network.connect(
            self.source, self.cells, self.port, pairs, weight, delay
        )

    def simulate(self, steps: int = STEPS, **options: Any) -> Recording:
        return self.executor.simulate(self.network, steps, **options)

    def potential(self, delay: Tensor, *, weight: Tensor | None = None) -> Tensor:
        given: dict[Any, Tensor] = {(self.projection, "delay"): delay}
        given |= {} if weight is None else {self.projection: weight}
        key = (self.cells, "v")
        return self.simulate(parameters=given, record=[key]).states[key]


def tensor(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


class TestSharedByTwo:
    def test_by_hand(self) -> None:
        synapses = Synapses(
            np.array([0, 2, 3]), np.array([4, 1, 0], np.int32), np.ones(3), np.ones(3, np.int32)
        )
        delay = tensor(1.25, 3.0, 2.9).requires_grad_()
        weight = tensor(2.0, 5.0, 10.0).requires_grad_()
        twice, shares = shared_by_two(synapses, delay, weight)
        assert twice.start.tolist() == [0, 4, 6]
        assert twice.target.tolist() == [4, 4, 1, 1, 0, 0]
        assert twice.delay.tolist() == [1, 2, 3, 4, 2, 3]
        expected = tensor(1.5, 0.5, 5.0, 0.0, 1.0, 9.0)
        torch.testing.assert_close(shares, expected, rtol=1e-14, atol=1e-14)
        (shares * tensor(1.0, 2.0, 3.0, 4.0, 5.0, 7.0)).sum().backward()
        torch.testing.assert_close(delay.grad, tensor(2.0, 5.0, 20.0))
        torch.testing.assert_close(weight.grad, tensor(1.25, 3.0, 6.8))

    def test_one_weight_for_all(self) -> None:
        synapses = Synapses(
            np.array([0, 2]), np.array([0, 1], np.int32), np.ones(1), np.ones(1, np.int32)
        )
        _, shares = shared_by_two(synapses, tensor(1.5, 2.0), tensor(4.0))
        assert shares.tolist() == [2.0, 2.0, 4.0, 0.0]


class TestDelays:
    @EACH
    def test_whole_ones_are_the_network_s(self, kind: Callable[..., TorchExecutor]) -> None:
        example, key = Example(kind), "v"
        own = example.simulate(record=[(example.cells, key)]).states[example.cells, key]
        delay = torch.tensor(example.projection.synapses.delay * DT)
        torch.testing.assert_close(example.potential(delay), own, rtol=1e-13, atol=0.0)

    @EACH
    def test_between_two_steps(self, kind: Callable[..., TorchExecutor]) -> None:
        """The course is the mean of its neighbours', weighted by distance."""
        example = Example(kind)
        early, late = (example.potential(tensor(delay)) for delay in (1.0, 1.5))
        between = example.potential(tensor(1.2))
        torch.testing.assert_close(between, 0.6 * early + 0.4 * late, rtol=1e-13, atol=0.0)
        assert not torch.allclose(early, late)

    @EACH
    def test_gradients(self, kind: Callable[..., TorchExecutor]) -> None:
        """Of delays and weights, one for each synapse or one for all, by finite differences."""
        example = Example(kind)
        factor = torch.linspace(-1.0, 1.0, 2 * STEPS + 2, dtype=torch.float64).view(1, -1, 2)

        def loss(delay: Tensor, weight: Tensor) -> Tensor:
            return (factor * (example.potential(delay, weight=weight) + 65.0) ** 2).sum()

        each = tensor(0.7, 0.9, 1.2, 1.8, 5.3, 2.6).requires_grad_()
        weight = tensor(0.5, 1.0, 1.5, -1.0, 2.0, 3.0).requires_grad_()
        for delay in (each, tensor(1.3).requires_grad_()):
            assert torch.autograd.gradcheck(loss, (delay, weight), eps=1e-6, rtol=1e-5)
            gradients = torch.autograd.grad(loss(delay, weight), (delay, weight))
            assert all(bool((gradient != 0.0).all()) for gradient in gradients)

    def test_longer_than_the_simulation(self) -> None:
        for kind in EXECUTORS:
            example = Example(kind)
            found = example.potential(tensor(*[1e3] * 6))
            assert (found == found[:, :1]).all()

    @EACH
    def test_that_are_refused(self, kind: Callable[..., TorchExecutor]) -> None:
        example = Example(kind)
        with pytest.raises(InvalidValueError, match="5 delays for the 6 synapses from 'source'"):
            example.potential(torch.ones(5))
        for wrong in (0.0, 0.4, -1.0, float("nan")):
            words = r"A delay of .* ms from 'source' to 'cells'; .*at least one time step, 0\.5 ms"
            with pytest.raises(InvalidValueError, match=words):
                example.potential(tensor(1.0, 2.0, wrong, 1.0, 1.0, 1.0))
        example.potential(tensor(0.5))  # the shortest
        with pytest.raises(UnknownNameError):
            example.simulate(parameters={(example.projection, "weights"): torch.ones(6)})
        with pytest.raises(UnknownNameError):
            example.simulate(parameters={(Example().projection, "delay"): torch.ones(6)})


class TestRefusals:
    def refused(
        self, example: Example, words: str, error: type[ShipError] = UnsupportedByExecutorError
    ) -> None:
        with pytest.raises(error, match=words):
            example.simulate()

    def test_cells_that_draw_random_numbers(self) -> None:
        example = Example(model=GIFConductanceExponential, threshold=None)
        words = rf"'cells' \({GIFConductanceExponential.name}\) draw random .*executor 'torch'"
        self.refused(example, words)

    def test_gap_junctions(self) -> None:
        example = Example()
        pairs = np.array([0, 1], np.int32), np.array([1, 0], np.int32)
        example.network.couple(example.cells, example.cells, pairs, 0.01)
        self.refused(example, "no gap junctions; use the executor 'torch'")

    def test_spikes_off_the_grid(self) -> None:
        with pytest.raises(UnsupportedByExecutorError, match="spike_precision='on_grid'"):
            FusedExecutor().simulate(EventNetwork(), 1)

    def test_synapses_with_a_model(self) -> None:
        example = Example()
        pairs = np.array([0], np.int32), np.array([1], np.int32)
        example.network.connect(
            example.source, example.cells, example.port, pairs, 1.0, 1, TsodyksMarkram
        )
        self.refused(example, f"has no {TsodyksMarkram.name} synapses .*source to cells")

    def test_too_many_delays(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fused_simulation, "LARGEST", 3 * 2 * 3 - 1)
        words = "'source to cells' connects 3 with 2 cells by 3 different delays, too many"
        self.refused(Example(), words)
        monkeypatch.setattr(fused_simulation, "LARGEST", 3 * 2 * 3)
        Example().simulate()

    @pytest.mark.parametrize("steps", [0, -1])
    def test_numbers_of_steps(self, steps: int) -> None:
        with pytest.raises(InvalidValueError, match=f"of {steps} steps; give 1 or more"):
            Example().simulate(steps)

    def test_records(self) -> None:
        example, other = Example(), Example()
        with pytest.raises(UnknownNameError, match="'cells' is not a group of this network"):
            example.simulate(record=[(other.cells, "v")])
        with pytest.raises(UnknownNameError, match="no state 'u'"):
            example.simulate(record=[(example.cells, "u")])

    def test_inputs_and_parameters(self) -> None:
        example, stranger = Example(), SpikeArrayGroup(4, "stranger")
        cases: list[tuple[dict[str, Any], type[ShipError], str]] = [
            ({"inputs": {stranger: torch.zeros(1, STEPS, 4)}}, UnknownNameError, "'stranger'"),
            ({"inputs": {example.source: torch.zeros(1, 9, 3)}}, InvalidValueError, "has shape"),
            ({"parameters": {example.projection: torch.ones(5)}}, InvalidValueError, "5 weights"),
            ({"parameters": {(example.cells, "tau"): torch.ones(2)}}, UnknownNameError, "'tau'"),
            (
                {"parameters": {(example.cells, "tau_m"): torch.zeros(2)}},
                InvalidValueError,
                "it must be > 0",
            ),
            (
                {"parameters": {(example.cells, "tau_m"): torch.ones(3)}},
                InvalidValueError,
                "does not broadcast",
            ),
        ]
        for options, error, words in cases:
            with pytest.raises(error, match=words):
                example.simulate(**options)

    @EACH
    @pytest.mark.parametrize("learn", [False, True])
    def test_states_that_are_not_finite(
        self, kind: Callable[..., TorchExecutor], learn: bool
    ) -> None:
        example = Example(kind)
        weight = torch.ones(6, dtype=torch.float64)
        weight[1::2] = torch.nan
        with pytest.raises(NonFiniteStateError) as caught:
            example.simulate(parameters={example.projection: weight.requires_grad_(learn)})
        assert (caught.value.group, caught.value.cell) == ("cells", 1)
        assert caught.value.time == STEPS * DT

    @pytest.mark.parametrize(
        ("options", "words"),
        [({"dtype": torch.int64}, "give torch.float64 or"), ({"batch_size": 0}, "at least 1")],
    )
    def test_options(self, options: dict[str, Any], words: str) -> None:
        with pytest.raises(InvalidValueError, match=words):
            FusedExecutor(**options)


def test_a_run_is_that_of_the_executor_torch() -> None:
    """`run` is not differentiable, so it has no need of compiled courses."""
    states = []
    for kind in EXECUTORS:
        example = Example(kind, threshold=-60.0)
        example.network.executor = example.executor
        example.network.run(STEPS)
        states.append(example.cells.states.copy())
    np.testing.assert_array_equal(*states)
