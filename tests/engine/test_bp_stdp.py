"""BP-STDP: against its equations in loops, at any depth, and what it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_rules import bp_stdp
from training_examples import CLASSES, network, task

from ship_engine import Input, LeakySynapse, Network, delayed
from ship_engine.errors import InvalidValueError
from ship_engine.learning.bp_stdp import BPSTDP
from ship_engine.learning.rules import Learner, Wiring
from ship_engine.platform.models.integrate_and_fire import IF
from ship_engine.platform.models.synapses import Wire
from ship_engine.training.platform_module import PlatformModule
from ship_engine.training.readouts import SpikeCount
from ship_engine.training.trainer import Trainer

BOTH = pytest.mark.parametrize("executor", ["fused", "torch"])
SIZES = {"I": 4, "A": 3, "B": 3, "O": 2}
DELAYS = {("I", "A"): 0, ("A", "B"): 2, ("B", "O"): 0, ("I", "B"): 1, ("A", "O"): 0}
ORDER = ["O", "B", "A"]


def deep(executor: str, seed: int) -> tuple[Network, dict[tuple[str, str], Any]]:
    """Three layers with two connections that skip one, some of them delayed."""
    random = torch.Generator().manual_seed(seed)
    net = Network(executor=executor, dtype=torch.float64)
    for id, size in SIZES.items():
        net.add(*((Input, id) if id == "I" else (IF, id)), N=size)
    weights = {}
    for (source, target), late in DELAYS.items():
        shape = SIZES[source], SIZES[target]
        weights[source, target] = 0.4 + 0.6 * torch.randn(shape, generator=random).double()
        net.add(
            delayed(Wire), source + target, source=source, target=target,
            w=weights[source, target], delay_time=float(late),
        )  # fmt: skip
    net.init(dt=1.0)
    return net, {pair: one.numpy() for pair, one in weights.items()}


def found_by(
    module: PlatformModule, rule: BPSTDP, inputs: torch.Tensor, targets: torch.Tensor
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The changes that a rule leaves, by the names of synapses, and the spikes of all groups."""
    learner = Learner(rule, module, SpikeCount())
    with torch.no_grad():
        activity = module(inputs)
    learner.learn(activity, activity.spikes["O"], targets)
    changes = {
        name.partition(".")[0]: -module.free[name.replace(".", "_")].grad[0].numpy()
        for name in module.values()
    }
    return changes, {id: train.numpy() for id, train in activity.spikes.items()}


class TestEquations:
    @BOTH
    @given(
        st.integers(0, 2**32 - 1),
        st.integers(1, 9),
        st.integers(1, 6),
        st.integers(1, 3),
        st.booleans(),
    )
    @settings(max_examples=20, deadline=None)
    def test_any_depth(
        self, executor: str, seed: int, window: int, interval: int, samples: int, trains: bool
    ) -> None:
        net, weights = deep(executor, seed)
        random = np.random.default_rng(seed)
        inputs = torch.as_tensor(random.random((samples, 12, 4)) < 0.4).double()
        wanted = np.zeros((samples, 12, 2))
        classes = random.integers(2, size=samples)
        if trains:
            wanted[:] = random.random(wanted.shape) < 0.3
            targets = torch.as_tensor(wanted)
        else:
            for number, one in enumerate(classes):
                wanted[number, interval - 1 :: interval, one] = 1.0
            targets = torch.as_tensor(classes)
        module = PlatformModule(net, [a + b for a, b in DELAYS])
        found, spikes = found_by(module, BPSTDP("sum", window, interval), inputs, targets)
        total = {pair: np.zeros_like(one) for pair, one in weights.items()}
        for number in range(samples):
            here = {id: train[number] for id, train in spikes.items()}
            for pair, change in bp_stdp(
                here, weights, DELAYS, ORDER, wanted[number], window
            ).items():
                total[pair] += change
        for (source, target), change in total.items():
            np.testing.assert_allclose(found[source + target], change, atol=1e-9)

    def test_only_some_are_trained(self) -> None:
        net, _ = deep("fused", 3)
        inputs = (torch.rand(5, 20, 4, generator=torch.Generator().manual_seed(1)) < 0.4).double()
        targets = torch.tensor([0, 1, 0, 1, 1])
        whole, _ = found_by(
            PlatformModule(net, [a + b for a, b in DELAYS]), BPSTDP(), inputs, targets
        )
        part, spikes = found_by(PlatformModule(net, ["AB"]), BPSTDP(), inputs, targets)
        assert whole["AB"].any()
        np.testing.assert_allclose(part["AB"], whole["AB"])
        assert set(spikes) == {"O", "A", "B"}  # what is not needed is not watched

    def test_what_is_right_is_left_alone(self) -> None:
        net, _ = deep("fused", 3)
        module = PlatformModule(net, ["BO"])
        module.watch(["B"])
        inputs = torch.ones(1, 20, 4).double()
        with torch.no_grad():
            own = module(inputs).spikes["O"]
        assert own.any()
        # It shall spike whenever it did: there is nothing to change, with a window of one step.
        changes, _ = found_by(module, BPSTDP(window=1), inputs, own)
        assert not changes["BO"].any()


class TestRefusals:
    def test_outputs_that_never_spike(self) -> None:
        module = PlatformModule(network(), ["HO"])
        with pytest.raises(InvalidValueError, match="'O' never spikes, but BP-STDP compares"):
            Learner(BPSTDP(), module, SpikeCount())

    @pytest.mark.parametrize("name", ["window", "interval"])
    @pytest.mark.parametrize("value", [0, 2.5, True])
    def test_numbers_of_steps(self, name: str, value: Any) -> None:
        with pytest.raises(InvalidValueError, match=f"{name} = {value}; give a whole number"):
            BPSTDP(**{name: value})


def classifier(executor: str, seed: int) -> PlatformModule:
    random = torch.Generator().manual_seed(seed)
    net = Network(executor=executor)
    net.add(Input, "I", N=12)
    net.add(IF, "H", N=30)
    net.add(IF, "O", N=CLASSES)
    net.add(Wire, "IH", source="I", target="H", w=0.4 * torch.randn(12, 30, generator=random))
    net.add(Wire, "HO", source="H", target="O", w=0.3 * torch.randn(30, CLASSES, generator=random))
    net.init(dt=1.0)
    return PlatformModule(net, ["IH", "HO"])


class TestLearning:
    @pytest.mark.parametrize(
        ("executor", "seed"), [("fused", 0), ("fused", 1), ("fused", 2), ("torch", 0)]
    )
    def test_a_task(self, executor: str, seed: int) -> None:
        trainer = Trainer(
            classifier(executor, seed), "spike_count", rule=BPSTDP(), learning_rate=0.02, seed=seed
        )
        before = trainer.evaluate(*task(60, seed=7))
        trainer.fit(*task(60), epochs=12, batch_size=4)
        after = trainer.evaluate(*task(60, seed=7))
        assert before.accuracy is not None
        assert after.accuracy is not None
        assert before.accuracy < 0.7
        assert after.accuracy > 0.9

    def test_what_classes_do_not_belong_to_is_not_learned(self) -> None:
        inputs, _ = task(60)
        classes = torch.arange(60) % CLASSES
        wrong = classes[torch.randperm(60, generator=torch.Generator().manual_seed(5))]
        trainer = Trainer(classifier("fused", 0), "spike_count", rule=BPSTDP(), learning_rate=0.02)
        trainer.fit(inputs, wrong, epochs=12, batch_size=4)
        control = trainer.evaluate(*task(60, seed=7)).accuracy
        assert control is not None
        assert control < 0.75

    def test_errors_reach_hidden_neurons(self) -> None:
        """Exclusive or, which no single layer solves: with the hidden layer, and without it."""
        inputs = torch.zeros(4, 30, 5)
        for number, (a, b) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
            on = torch.tensor([a, 1 - a, b, 1 - b, 1])
            inputs[number, ::2] = on.float()
        classes = torch.tensor([0, 1, 1, 0])
        right = {}
        for trained in (("IH", "HO"), ("IO",)):
            solved = 0
            for seed in range(3):
                random = torch.Generator().manual_seed(seed)
                net = Network(executor="fused")
                net.add(Input, "I", N=5)
                net.add(IF, "O", N=2)
                if trained == ("IO",):
                    ways = 0.3 * torch.randn(5, 2, generator=random)
                    net.add(Wire, "IO", source="I", target="O", w=ways)
                else:
                    net.add(IF, "H", N=20)
                    first = 0.5 * torch.randn(5, 20, generator=random)
                    second = 0.3 * torch.randn(20, 2, generator=random)
                    net.add(Wire, "IH", source="I", target="H", w=first)
                    net.add(Wire, "HO", source="H", target="O", w=second)
                net.init(dt=1.0)
                module = PlatformModule(net, trained)
                trainer = Trainer(module, "spike_count", rule=BPSTDP(), learning_rate=0.02)
                trainer.fit(inputs, classes, epochs=60, batch_size=1)
                solved += trainer.evaluate(inputs, classes).accuracy == 1.0
            right[trained] = solved
        assert right["IH", "HO"] == 3
        assert right["IO",] == 0


def test_wiring_of_a_leaky_network_is_used_as_it_is() -> None:
    """Synapses with memory are trained too; the rule sees spikes and weights alone."""
    net = Network(executor="fused")
    net.add(Input, "I", N=12)
    net.add(IF, "O", N=CLASSES)
    net.add(LeakySynapse, "IO", source="I", target="O", w=0.05, tau_alpha=5.0)
    net.init(dt=1.0)
    module = PlatformModule(net, ["IO"])
    assert Wiring(module).backwards() == ["O"]
    trainer = Trainer(module, "spike_count", rule=BPSTDP(), learning_rate=0.005)
    trainer.fit(*task(60), epochs=12, batch_size=4)
    found = trainer.evaluate(*task(60, seed=7)).accuracy
    assert found is not None
    assert found > 0.8
