"""ReSuMe: against its equation in loops, and spikes at the very times that are desired."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_rules import resume
from training_examples import network, spiking, task

from ship_engine import LIF, Input, LeakySynapse, Network, delayed
from ship_engine.errors import InvalidValueError
from ship_engine.learning.resume import ReSuMe, VanRossum
from ship_engine.learning.rules import Learner, SpikeTrains
from ship_engine.training.platform_module import PlatformModule
from ship_engine.training.trainer import Trainer

BOTH = pytest.mark.parametrize("executor", ["fused", "torch"])


def single(executor: str, inputs: int, outputs: int, late: float = 0.0, seed: int = 0) -> Network:
    """Inputs, and leaky integrate-and-fire neurons that hear them."""
    random = torch.Generator().manual_seed(seed)
    net = Network(executor=executor, dtype=torch.float64)
    net.add(Input, "I", N=inputs)
    net.add(LIF, "O", N=outputs, tau_beta=10.0, u_min=-torch.inf)
    weights = 0.3 * torch.rand(inputs, outputs, generator=random, dtype=torch.float64)
    net.add(
        delayed(LeakySynapse), "IO", source="I", target="O", w=weights, tau_alpha=3.0,
        delay_time=late,
    )  # fmt: skip
    net.init(dt=1.0)
    return net


def change_of(rule: ReSuMe, net: Network, inputs: Any, desired: Any) -> tuple[Any, Any]:
    module = PlatformModule(net, ["IO"])
    learner = Learner(rule, module, SpikeTrains())
    with torch.no_grad():
        activity = module(torch.as_tensor(inputs).double())
    learner.learn(activity, activity.spikes["O"], torch.as_tensor(desired).double())
    gradient = module.free["IO_w"].grad
    assert gradient is not None
    return -gradient[0].numpy(), activity.spikes["O"].numpy()


class TestEquation:
    @BOTH
    @given(
        st.integers(0, 2**32 - 1), st.floats(-0.5, 0.5), st.floats(0.1, 3.0), st.floats(0.5, 50.0),
        st.integers(0, 3),
    )  # fmt: skip
    @settings(max_examples=20, deadline=None)
    def test_in_loops(
        self, executor: str, seed: int, a: float, amplitude: float, tau: float, late: int
    ) -> None:
        random = np.random.default_rng(seed)
        inputs = (random.random((2, 15, 3)) < 0.3).astype(float)
        desired = (random.random((2, 15, 2)) < 0.2).astype(float)
        rule = ReSuMe("sum", a, amplitude, tau)
        found, output = change_of(rule, single(executor, 3, 2, late, seed), inputs, desired)
        arriving = np.zeros_like(inputs)
        arriving[:, late:] = inputs[:, : 15 - late]
        wanted = sum(
            resume(arriving[k], output[k], desired[k], a, amplitude, np.exp(-1.0 / tau))
            for k in range(2)
        )
        np.testing.assert_allclose(found, wanted, atol=1e-9)

    def test_what_came_before_counts_and_what_comes_after_does_not(self) -> None:
        """A spike is desired in step 10: inputs before it are strengthened, the latest most."""
        inputs = np.zeros((1, 20, 4))
        for cell, step in enumerate((4, 9, 10, 11)):
            inputs[0, step, cell] = 1.0
        net = single("fused", 4, 1)
        net.set_params("IO", w=0.0)
        net.init(dt=1.0)
        desired = np.zeros((1, 20, 1))
        desired[0, 10] = 1.0
        found, output = change_of(ReSuMe(a=0.0, tau=5.0), net, inputs, desired)
        assert not output.any()
        np.testing.assert_allclose(found[:, 0], [np.exp(-6 / 5), np.exp(-1 / 5), 1.0, 0.0])

    def test_padding_teaches_nothing(self) -> None:
        random = np.random.default_rng(6)
        inputs = (random.random((1, 30, 5)) < 0.3).astype(float)
        desired = (random.random((1, 30, 2)) < 0.2).astype(float)
        wanted, _ = change_of(ReSuMe(), single("fused", 5, 2), inputs[:, :18], desired)
        module = PlatformModule(single("fused", 5, 2), ["IO"])
        learner = Learner(ReSuMe(), module, SpikeTrains())
        with torch.no_grad():
            activity = module(torch.as_tensor(inputs))
        activity.mask = torch.arange(30)[None] < 18
        learner.learn(activity, activity.spikes["O"], torch.as_tensor(desired))
        assert wanted.any()
        np.testing.assert_allclose(-module.free["IO_w"].grad[0].numpy(), wanted, atol=1e-9)

    def test_trains_that_are_right_change_nothing(self) -> None:
        inputs = np.random.default_rng(1).random((3, 30, 5)) < 0.3
        net = single("fused", 5, 2)
        _, output = change_of(ReSuMe(), net, inputs, np.zeros((3, 30, 2)))
        assert output.any()
        found, _ = change_of(ReSuMe(), net, inputs, output)
        assert not found.any()


def number_of_spikes(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """A loss that takes targets of any shape."""
    return scores.sum()


class TestRefusals:
    def test_hidden_weights(self) -> None:
        module = PlatformModule(spiking(), ["IH", "HS"], output="S")
        with pytest.raises(InvalidValueError, match=r"'IH.w' leads to 'H'; ReSuMe has an error"):
            Learner(ReSuMe(), module, SpikeTrains())

    def test_outputs_that_never_spike(self) -> None:
        with pytest.raises(InvalidValueError, match="'O' never spikes, but ReSuMe trains the"):
            Learner(ReSuMe(), PlatformModule(network(), ["HO"]), SpikeTrains())

    @pytest.mark.parametrize("name", ["tau", "amplitude"])
    def test_numbers(self, name: str) -> None:
        with pytest.raises(InvalidValueError, match=f"{name} = 0.0; it must be > 0"):
            ReSuMe(**{name: 0.0})

    def test_classes_are_no_trains(self) -> None:
        module = PlatformModule(spiking(), ["HS"], output="S")
        trainer = Trainer(module, SpikeTrains(), number_of_spikes, rule=ReSuMe())
        with pytest.raises(InvalidValueError, match="one for each time step and component"):
            trainer.fit(*task(6), 1)


class TestLearning:
    @pytest.mark.parametrize("seed", [0, 1])
    def test_several_trains_are_learned_to_the_step(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        inputs = (random.random((1, 100, 200)) < 0.02).astype(float)
        desired = np.zeros((1, 100, 3))
        for one in range(3):
            desired[0, random.choice(np.arange(12, 100, 8), 4, replace=False), one] = 1.0
        module = PlatformModule(single("fused", 200, 3, seed=seed), ["IO"])
        trainer = Trainer(
            module, SpikeTrains(), VanRossum(), rule=ReSuMe(), learning_rate=0.01, seed=seed
        )
        start = trainer.evaluate(inputs, desired).loss
        for epochs in range(25, 500, 25):
            trainer.fit(inputs, desired, epochs, batch_size=1)
            if trainer.evaluate(inputs, desired).loss == 0.0:
                break
        assert start > 1.0
        np.testing.assert_array_equal(trainer.predict(inputs), desired)
