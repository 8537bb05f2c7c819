"""What modules, trainers and their parts refuse, and the words in which they do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from training_examples import CLASSES, INPUTS, STEPS, network, spiking, task, trainer

from ship_engine import LIF, Input, LeakySynapse, delayed, refractory
from ship_engine.errors import InvalidValueError, UnknownNameError, UnsupportedByExecutorError
from ship_engine.event_network import EventNetwork
from ship_engine.executors.torch_autograd import TorchExecutor
from ship_engine.groups import NeuronGroup, SpikeArrayGroup
from ship_engine.models.lif import LIFCurrentExponential
from ship_engine.training.event_module import (
    EventModule,
    OfGroup,
    OfProjection,
    differentiable_executor,
)
from ship_engine.training.inputs import joined, per_group
from ship_engine.training.losses import as_targets, check_targets, loss_of
from ship_engine.training.platform_module import Argument, PlatformModule
from ship_engine.training.regularisers import FiringRate, WeightDecay
from ship_engine.training.trainer import Trainer

ROWS = torch.zeros(4, STEPS, INPUTS)
CROSS_ENTROPY, MSE = loss_of("cross_entropy"), loss_of("mse")


class TestPlatformModule:
    def test_executor_without_gradients(self) -> None:
        with pytest.raises(UnsupportedByExecutorError, match="'numba' has no gradients; make it"):
            PlatformModule(network("numba"), ["IH"])

    def test_network_that_is_not_ready(self) -> None:
        net = network()
        net.settings = None
        with pytest.raises(InvalidValueError, match=r"call net\.init\(dt=\.\.\.\) first"):
            PlatformModule(net, ["IH"])

    def test_output(self) -> None:
        with pytest.raises(InvalidValueError, match="has the outputs O, S; say which one"):
            PlatformModule(spiking(), ["IH"])
        with pytest.raises(UnknownNameError, match="'X'"):
            PlatformModule(network(), ["IH"], output="X")
        with pytest.raises(UnknownNameError, match="'X'"):
            PlatformModule(network(), ["IH"], spikes=["X"])

    @pytest.mark.parametrize(
        ("trainable", "words"),
        [
            ("X", "'X'"),
            ("H", r"'H' \(LIF\) has no argument 'w' that could be trained; it has .*tau_beta"),
            (("H", "tau"), r"'H' \(LIF\) has no argument 'tau' that could be trained"),
            (Argument("IH", "delay"), "'IH' .* has no argument 'delay' that could be trained"),
        ],
    )
    def test_names(self, trainable: Any, words: str) -> None:
        with pytest.raises(UnknownNameError, match=words):
            PlatformModule(network(), [trainable])

    @pytest.mark.parametrize("trainable", [("R", "refr_time"), ("DR", "delay_time")])
    def test_times_that_are_whole_steps(self, trainable: tuple[str, str]) -> None:
        net = network(surrogate="superspike")
        net.add(refractory(LIF), "R", N=2, refr_time=2.0)
        net.add(delayed(LeakySynapse), "DR", source="I", target="R", w=0.1, delay_time=2.0)
        net.init(dt=1.0)
        words = f"'{trainable[1]}' of '{trainable[0]}' is a whole number of time steps"
        with pytest.raises(InvalidValueError, match=words):
            PlatformModule(net, [trainable], output="O")

    def test_twice(self) -> None:
        with pytest.raises(InvalidValueError, match=r"'IH\.w' is named twice"):
            PlatformModule(network(), ["IH", Argument("IH")])

    def test_what_is_read_out(self) -> None:
        with pytest.raises(InvalidValueError, match=r"'O' \(LI\) never spikes; read out a state"):
            Trainer(PlatformModule(network(), ["IH"]), "spike_count")
        with pytest.raises(InvalidValueError, match=r"'I' \(Input\) is a source"):
            Trainer(PlatformModule(network(), ["IH"], output="I"), "peak")

    def test_nothing_trained(self) -> None:
        with pytest.raises(InvalidValueError, match="Nothing is trained"):
            Trainer(PlatformModule(network(), []))

    def test_spikes_that_nobody_looks_at(self) -> None:
        one = trainer(regularisers=[FiringRate("H")])
        with pytest.raises(UnknownNameError, match="no spikes of 'H'; there are those of 'O'"):
            one.fit(*task(6), epochs=1)


class TestEventModule:
    def parts(self) -> tuple[EventNetwork, SpikeArrayGroup, NeuronGroup, Any]:
        net = EventNetwork(dt=1.0, spike_precision="on_grid")
        source = net.add(SpikeArrayGroup(2, "source"))
        cells = net.add(NeuronGroup(LIFCurrentExponential, 3, "cells"))
        pairs = np.array([0, 0, 1], np.int32), np.array([0, 1, 2], np.int32)
        return net, source, cells, net.connect(source, cells, "excitatory", pairs, 0.1, 1)

    def refused(
        self, error: type[Exception], words: str, choose: Callable[..., dict[str, Any]]
    ) -> None:
        net, source, cells, ways = self.parts()
        chosen = choose(source, cells, ways)
        given = {"output": cells, "trainable": [], "inputs": None, **chosen}
        with pytest.raises(error, match=words):
            EventModule(net, **given, executor=TorchExecutor())

    @pytest.mark.parametrize("what", ["weight", "delay"])
    def test_projection_of_another_network(self, what: str) -> None:
        *_, other = self.parts()
        self.refused(
            UnknownNameError,
            "is not a projection of this network",
            lambda *_: {"trainable": [OfProjection(other, what)]},
        )

    def test_group_of_another_network(self) -> None:
        other = NeuronGroup(LIFCurrentExponential, 1, "other")
        words = "'other' is not a group of this network; add it"
        for given in ({"output": other}, {"inputs": [other]}, {"trainable": [OfGroup(other, "v")]}):
            self.refused(UnknownNameError, words, lambda *_, given=given: given)

    def test_names(self) -> None:
        self.refused(
            UnknownNameError,
            "'plasticity' of 'source to cells' cannot be trained",
            lambda _, __, ways: {"trainable": [OfProjection(ways, "plasticity")]},
        )
        self.refused(
            UnknownNameError,
            r"'cells' \(.*\) has no parameter 'tau'; it has .*tau_m",
            lambda _, cells, __: {"trainable": [OfGroup(cells, "tau")]},
        )

    def test_twice(self) -> None:
        for what in ("weight", "delay"):
            self.refused(
                InvalidValueError,
                "is named twice",
                lambda _, __, ways, what=what: {
                    "trainable": [OfProjection(ways, what), OfProjection(ways, what, name="other")]
                },
            )

    def test_parameters_of_sources(self) -> None:
        self.refused(
            InvalidValueError,
            r"'source' \(SpikeSourceArray\) is a source, whose parameters have no gradient",
            lambda source, *_: {"trainable": [OfGroup(source, "spike_times")]},
        )

    def test_projections_of_one_name(self) -> None:
        net, source, cells, ways = self.parts()
        pairs = np.zeros(1, np.int32), np.zeros(1, np.int32)
        more = net.connect(source, cells, "inhibitory", pairs, -0.1, 1)
        trainable = [
            OfProjection(one, what) for one in (ways, more) for what in ("weight", "delay")
        ]
        trainable += [OfGroup(cells, "tau_m", name="source to cells_delay")]
        with pytest.raises(InvalidValueError, match="'source to cells_delay' is named twice"):
            EventModule(net, cells, trainable, None, TorchExecutor())
        module = EventModule(net, cells, trainable[:-1], None, TorchExecutor())
        assert list(module.values()) == [
            "source to cells",
            "source to cells.delay",
            "source to cells (2)",
            "source to cells.delay (2)",
        ]

    @pytest.mark.parametrize("name", ["numba", "nest", ""])
    def test_executors(self, name: str) -> None:
        with pytest.raises(UnsupportedByExecutorError, match=f"executor = '{name}' has no grad"):
            differentiable_executor(name, torch.float64, None)

    @pytest.mark.parametrize("name", ["torch", "fused", "eventprop"])
    def test_executors_that_there_are(self, name: str) -> None:
        assert differentiable_executor(name, torch.float64, None).name == name


class TestInputs:
    SIZES = {"a": 2, "b": 3}

    def test_groups(self) -> None:
        a, b = np.zeros((4, 5, 2)), np.zeros((4, 5, 3))
        assert joined({"b": b, "a": a}, self.SIZES, str).shape == (4, 5, 5)
        with pytest.raises(UnknownNameError, match="'c' takes no inputs; those that do are a, b"):
            joined({"a": a, "b": b, "c": a}, self.SIZES, str)
        with pytest.raises(UnknownNameError, match="those that do are none"):
            joined({"a": a}, {}, str)
        with pytest.raises(InvalidValueError, match="The input of 'b' is missing"):
            joined({"a": a}, self.SIZES, str)

    @pytest.mark.parametrize("shape", [(4, 6, 3), (3, 5, 3), (5, 3), ()])
    def test_shapes_that_differ(self, shape: tuple[int, ...]) -> None:
        words = rf"these are a: \(4, 5, 2\), b: {re.escape(str(shape))}"
        with pytest.raises(InvalidValueError, match=words):
            joined({"a": np.zeros((4, 5, 2)), "b": np.zeros(shape)}, self.SIZES, str)

    @pytest.mark.parametrize("wrong", ["spikes", [np.zeros((5, 3)), np.zeros((4, 3))], [None]])
    def test_no_arrays(self, wrong: Any) -> None:
        with pytest.raises(InvalidValueError, match="The input of 'b' is no array of numbers"):
            joined({"a": np.zeros((2, 5, 2)), "b": wrong}, self.SIZES, str)

    @pytest.mark.parametrize("shape", [(4, 5, 4), (5, 5), (0, 5, 5), (5,)])
    def test_shapes(self, shape: tuple[int, ...]) -> None:
        words = rf"Inputs of shape {re.escape(str(shape))}; .* 5 components \(2 of 'a' \+ 3 of 'b'"
        with pytest.raises(InvalidValueError, match=words):
            per_group(torch.zeros(shape), self.SIZES, str)

    def test_no_group(self) -> None:
        with pytest.raises(InvalidValueError, match="No group takes inputs"):
            per_group(ROWS, {}, str)

    @pytest.mark.parametrize(
        ("inputs", "words"),
        [
            (ROWS[..., 1:], rf"Inputs of shape \(1, {STEPS}, 11\)"),
            (ROWS[0], r"Inputs of shape \(1, 12\)"),
            (None, "inputs = None; give an array"),
            (3.0, r"inputs = 3\.0; give an array"),
            ([], "There are 0 inputs, but 4 targets"),
            ([*ROWS[:3], ROWS[0, :, :5]], "must agree"),
            ({"J": ROWS}, "'J' takes no inputs; those that do are I"),
            ({}, "The input of 'I' is missing"),
        ],
    )
    def test_of_a_trainer(self, inputs: Any, words: str) -> None:
        one = trainer()
        with pytest.raises((InvalidValueError, UnknownNameError), match=words):
            one.fit(inputs, [0, 1, 2, 0], epochs=1)
        with pytest.raises((InvalidValueError, UnknownNameError), match=words):
            one.evaluate(inputs, [0, 1, 2, 0])

    def test_more_sources(self) -> None:
        net = network(surrogate="superspike")
        net.add(Input, "J", N=2)
        net.add(LeakySynapse, "JH", source="J", target="H", w=0.2, tau_alpha=5.0)
        net.init(dt=1.0)
        words = r"with 14 components \(12 of 'I' \+ 2 of 'J'\)"
        with pytest.raises(InvalidValueError, match=words):
            Trainer(PlatformModule(net, ["JH"])).predict(ROWS)


class TestTargets:
    @pytest.mark.parametrize(
        ("targets", "words"),
        [
            ([0, 1], "There are 4 inputs, but 2 targets"),
            ([0, 1, 2, 3], f"A target of class 3; the output group has {CLASSES} components"),
            ([0, -1, 2, 0], "A target of class -1; .*so classes are 0 to 2"),
            ([0.0, 1.0, 2.0, 0.0], r"Targets of shape \(4,\) and type torch\.float64; give whole"),
            (["a", "b", "a", "b"], "Targets have to be numbers .*numpy.unique"),
            ([[0], [1, 2], [0], [1]], "Targets have to be numbers"),
            (None, "Targets have to be numbers"),
            (2, "targets = 2; give one for each input"),
        ],
    )
    def test_of_a_trainer(self, targets: Any, words: str) -> None:
        one = trainer()
        for act in (
            lambda: one.fit(ROWS, targets, epochs=1),
            lambda: one.fit(ROWS, [0, 1, 2, 0], epochs=1, validation=(ROWS, targets)),
            lambda: one.evaluate(ROWS, targets),
        ):
            with pytest.raises(InvalidValueError, match=words):
                act()
        assert len(one.history) == 0

    @pytest.mark.parametrize("loss", [MSE, torch.nn.MSELoss(), torch.nn.L1Loss()])
    def test_that_are_classes_where_numbers_are_wanted(self, loss: Any) -> None:
        with pytest.raises(InvalidValueError, match=r"numbers of classes, torch\.int64 of shape"):
            check_targets(torch.arange(3), 3, 3, loss)
        with pytest.raises(InvalidValueError, match=r"shape \(3, 2\) for scores of shape \(3, 3\)"):
            check_targets(torch.zeros(3, 2), 3, 3, loss)
        check_targets(torch.zeros(3, 3), 3, 3, loss)

    @pytest.mark.parametrize("loss", [CROSS_ENTROPY, torch.nn.CrossEntropyLoss()])
    def test_that_are_numbers_where_classes_are_wanted(self, loss: Any) -> None:
        with pytest.raises(InvalidValueError, match="or probabilities of that many classes"):
            check_targets(torch.zeros(3), 3, 3, loss)
        check_targets(torch.full((3, 3), 1 / 3), 3, 3, loss)

    def test_of_any_other_loss(self) -> None:
        check_targets(torch.zeros(3), 3, 3, lambda scores, targets: scores.sum())
        assert as_targets([0, 1]).dtype == torch.int64

    @pytest.mark.parametrize("wrong", ["hinge", None, 3])
    def test_losses(self, wrong: Any) -> None:
        with pytest.raises(InvalidValueError, match=r"loss = .*, or a name: cross_entropy, mse"):
            trainer(loss=wrong)


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"epochs": 0}, "epochs = 0; give a whole number >= 1"),
            ({"epochs": 1.5}, r"epochs = 1\.5; give a whole number"),
            ({"epochs": True}, "epochs = True; give a whole number"),
            ({"patience": 0}, "patience = 0; give a whole number"),
            ({"patience": -1}, "patience = -1; give a whole number"),
            ({"epochs": "many"}, "epochs = 'many'; give a whole number"),
            ({"epochs": None}, "epochs = None; give a whole number"),
            ({"epochs": float("nan")}, "epochs = nan; give a whole number"),
            ({"keep": "first"}, "keep = 'first'; give 'last' or 'best'"),
            ({"resume": True}, "resume=True without a checkpoint"),
            ({"batch_size": 0}, "batch_size"),
            ({"order": "random"}, "order"),
        ],
    )
    def test_of_fit(self, arguments: dict[str, Any], words: str) -> None:
        with pytest.raises(InvalidValueError, match=words):
            trainer().fit(ROWS, [0, 1, 2, 0], **{"epochs": 1, **arguments})

    @pytest.mark.parametrize(("lower", "upper"), [(-1.0, 5.0), (6.0, 5.0), (float("nan"), 5.0)])
    def test_of_firing_rates(self, lower: float, upper: float) -> None:
        with pytest.raises(InvalidValueError, match="give 0 <= lower <= upper"):
            FiringRate("H", lower, upper)

    def test_of_weight_decay(self) -> None:
        one = trainer(regularisers=[WeightDecay(names=("IH.w", "HX.w"))])
        words = r"Nothing trained is called 'HX\.w'; there are IH\.w, HO\.w"
        with pytest.raises(InvalidValueError, match=words):
            one.fit(*task(6), epochs=1)
