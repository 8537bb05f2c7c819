"""PES: against its equations in loops, Voelker's closed form, and what it learns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_rules import pes
from training_examples import network, spiking

from ship_engine import LI, LIF, Input, LeakySynapse, Network, delayed
from ship_engine.errors import InvalidValueError
from ship_engine.learning.pes import PES, learned_online, squared_error
from ship_engine.learning.rules import Course, Learner, filtered
from ship_engine.platform.models.integrate_and_fire import LIFWithinStep
from ship_engine.platform.models.synapses import Wire
from ship_engine.training.platform_module import PlatformModule
from ship_engine.training.readouts import SpikeCount
from ship_engine.training.trainer import Trainer

BOTH = pytest.mark.parametrize("executor", ["fused", "torch"])
TAU = 8.0


def decoding(executor: str, seed: int = 0, late: float = 0.0, tau: float = TAU) -> Network:
    """Neurons that are driven at random, and two values that are decoded from them."""
    random = torch.Generator().manual_seed(seed)
    net = Network(executor=executor, dtype=torch.float64)
    net.add(Input, "I", N=3)
    net.add(LIF, "H", N=4, tau_beta=10.0)
    net.add(LI, "O", N=2, tau_beta=tau, u_min=-math.inf)
    drive = 0.8 * torch.rand(3, 4, generator=random, dtype=torch.float64)
    net.add(Wire, "IH", source="I", target="H", w=drive)
    for id, source in (("HO", "H"), ("IO", "I")):
        shape = net.groups[source].size, 2
        decoders = 0.2 * torch.randn(shape, generator=random, dtype=torch.float64)
        net.add(delayed(Wire), id, source=source, target="O", w=decoders, delay_time=late)
    net.init(dt=1.0)
    return net


def change_of(
    rule: PES, net: Network, inputs: Any, target: Any, names: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    module = PlatformModule(net, names)
    learner = Learner(rule, module, Course())
    with torch.no_grad():
        activity = module(torch.as_tensor(inputs).double())
    course = module.course(activity, Course())
    learner.learn(activity, course, torch.as_tensor(target).double())
    changes = {id: -module.free[f"{id}_w"].grad[0].numpy() for id in names}
    return changes, {id: train.numpy() for id, train in activity.spikes.items()}


class TestEquations:
    @BOTH
    @given(
        st.integers(0, 2**32 - 1), st.booleans(), st.integers(0, 2), st.sampled_from(
            [("HO", "IO"), ("HO",)]
        ),
    )  # fmt: skip
    @settings(max_examples=15, deadline=None)
    def test_in_loops(
        self, executor: str, seed: int, online: bool, late: int, names: tuple[str, ...]
    ) -> None:
        random = np.random.default_rng(seed)
        inputs = (random.random((2, 20, 3)) < 0.5).astype(float)
        target = random.normal(size=(2, 20, 2))
        net = decoding(executor, seed, late)
        rule = PES("sum", 0.02, TAU, online)
        found, spikes = change_of(rule, net, inputs, target, names)
        together = np.concatenate([spikes["H"], inputs], axis=2)
        arriving = np.zeros_like(together)
        arriving[:, late:] = together[:, : 20 - late]
        decoders = np.concatenate([net[id]["w"][0].numpy() for id in ("HO", "IO")])
        total = np.zeros((7, 2))
        for number in range(2):
            if names == ("HO",):
                total += self.partly(arriving[number], target[number], decoders, online)
            else:
                total += pes(arriving[number], target[number], decoders, 0.02, TAU, 1.0, online)[0]
        np.testing.assert_allclose(found["HO"], total[:4], atol=1e-9)
        if "IO" in names:
            np.testing.assert_allclose(found["IO"], total[4:], atol=1e-9)

    def partly(self, arriving: Any, target: Any, decoders: Any, online: bool) -> Any:
        """The first four are trained only: what the others add is taken off the target."""
        silent = arriving.copy()
        silent[:, :4] = 0.0
        _, rest = pes(silent, target, decoders, 0.0, TAU, 1.0, False)
        alone = arriving.copy()
        alone[:, 4:] = 0.0
        return pes(alone, target - rest, decoders, 0.02, TAU, 1.0, online)[0]

    def test_online_is_the_network_run_step_by_step(self) -> None:
        """The weights of a network that goes on from step to step are changed in between."""
        random = np.random.default_rng(4)
        inputs = torch.as_tensor(random.random((1, 25, 3)) < 0.5).double()
        target = random.normal(size=(1, 25, 2))
        net = decoding("torch", 4)
        start = {id: net[id]["w"][0].numpy() for id in ("HO", "IO")}
        found, _ = change_of(PES("sum", 0.02, TAU), net, inputs, target, ("HO", "IO"))
        net = decoding("torch", 4)
        # Parameters are kept as they are, so that they may be changed during a run.
        weights = {id: torch.nn.Parameter(torch.as_tensor(start[id])[None].clone()) for id in start}
        for id, weight in weights.items():
            net.set_params(id, w=weight)
        net.set_monitor("H", "output")
        net.init(dt=1.0)
        trace = np.zeros(7)
        for step in range(25):
            with torch.no_grad():
                decoded = net.run(inputs[:, step : step + 1], resume=step > 0)[0, 0].numpy()
            spikes = net.get_monitored_results().H.output[0, 0].numpy()
            now = np.concatenate([spikes, inputs[0, step].numpy()])
            trace = math.exp(-1.0 / TAU) * trace + now
            change = -0.02 * np.outer(trace, decoded - target[0, step])
            weights["HO"].data += torch.as_tensor(change[:4])
            weights["IO"].data += torch.as_tensor(change[4:])
        for id, weight in weights.items():
            np.testing.assert_allclose(found[id], weight.detach()[0].numpy() - start[id], atol=1e-9)

    @pytest.mark.parametrize("online", [True, False])
    def test_padding_teaches_nothing(self, online: bool) -> None:
        random = np.random.default_rng(6)
        inputs = (random.random((1, 30, 3)) < 0.5).astype(float)
        target = random.normal(size=(1, 30, 2))
        rule = PES("sum", 0.02, TAU, online)
        wanted, _ = change_of(rule, decoding("fused"), inputs[:, :18], target, ("HO",))
        module = PlatformModule(decoding("fused"), ["HO"])
        learner = Learner(rule, module, Course())
        with torch.no_grad():
            activity = module(torch.as_tensor(inputs))
        activity.mask = torch.arange(30)[None] < 18
        learner.learn(activity, module.course(activity, Course()), torch.as_tensor(target))
        assert wanted["HO"].any()
        np.testing.assert_allclose(-module.free["HO_w"].grad[0].numpy(), wanted["HO"], atol=1e-9)

    def test_the_error_to_a_constant_input_decays_as_voelker_found(self) -> None:
        """With constant activity each step multiplies the error by 1 - rate dt a²."""
        activity = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
        spikes = activity.expand(1, 60, 3)  # not filtered: decay 0
        target = torch.full((1, 60, 1), 3.0, dtype=torch.float64)
        rate, squared = 0.01, float(activity @ activity)
        for steps in (1, 10, 60):
            given, wanted = spikes[:, :steps], target[:, :steps]
            change = learned_online(given, wanted, torch.zeros(3, 1).double(), -rate, 0.0)
            error = 3.0 - float(activity @ change[0, :, 0])
            assert error == pytest.approx(3.0 * (1.0 - rate * squared) ** steps)

    def test_sgd_goes_on_from_sample_to_sample(self) -> None:
        """Two samples one after the other are one long one, if activity has died out between."""
        random = np.random.default_rng(2)
        inputs = np.zeros((2, 200, 3))
        inputs[:, :20] = random.random((2, 20, 3)) < 0.5
        target = np.zeros((2, 200, 2))
        target[:, :20] = random.normal(size=(2, 20, 2))
        module = PlatformModule(decoding("fused"), ["HO", "IO"])
        options = {"learning_rate": 1.0, "rule": PES(rate=0.02, tau=TAU)}
        trainer = Trainer(module, Course(), squared_error, **options)
        trainer.fit(inputs[:1], target[:1], 1, batch_size=1)
        trainer.fit(inputs[1:], target[1:], 2, batch_size=1)
        long = inputs.reshape(1, 400, 3), target.reshape(1, 400, 2)
        wanted, _ = change_of(PES(rate=0.02, tau=TAU), decoding("fused"), *long, ("HO", "IO"))
        start = decoding("fused")
        for id in ("HO", "IO"):
            moved = module.values()[f"{id}.w"].detach() - start[id]["w"]
            np.testing.assert_allclose(moved[0].numpy(), wanted[id], atol=1e-8)


class TestRefusals:
    def test_spikes_are_not_decoded(self) -> None:
        module = PlatformModule(spiking(), ["HS"], output="S")
        with pytest.raises(InvalidValueError, match=r"the trainer reads out spikes; give readout="):
            Learner(PES(), module, SpikeCount())

    def test_hidden_weights(self) -> None:
        with pytest.raises(InvalidValueError, match=r"'IH.w' leads to 'H'; PES has an error"):
            Learner(PES(), PlatformModule(network(), ["IH"]), Course())

    def test_another_filter(self) -> None:
        inputs, target = np.ones((1, 20, 3)), np.zeros((1, 20, 2))
        net = decoding("fused", tau=2.0 * TAU)
        with pytest.raises(InvalidValueError, match="does not decode by a filter of tau = 8 ms"):
            change_of(PES(tau=TAU), net, inputs, target, ("HO",))
        change_of(PES(tau=TAU, online=False), net, inputs, target, ("HO",))

    @pytest.mark.parametrize("name", ["rate", "tau"])
    def test_numbers(self, name: str) -> None:
        with pytest.raises(InvalidValueError, match=f"{name} = -1.0; it must be > 0"):
            PES(**{name: -1.0})


def channel(neurons: int, seed: int) -> PlatformModule:
    """An ensemble of the Neural Engineering Framework that is given x, and what it decodes."""
    random = np.random.default_rng(seed)
    begin, most = random.uniform(-0.9, 0.9, neurons), random.uniform(0.1, 0.2, neurons)  # 1/ms
    gain = (1.0 / -np.expm1((2.0 - 1.0 / most) / 20.0) - 1.0) / (1.0 - begin)
    net = Network(executor="fused", dtype=torch.float64)
    net.add(Input, "I", N=1)
    net.add(LIFWithinStep, "H", N=neurons, bias=torch.tensor(1.0 - gain * begin))
    net.add(LI, "O", N=1, tau_beta=20.0, u_min=-math.inf)
    encoders = torch.tensor(gain * random.choice([-1.0, 1.0], neurons))[None]
    net.add(Wire, "IH", source="I", target="H", w=encoders)
    net.add(Wire, "HO", source="H", target="O", w=torch.zeros(neurons, 1))
    net.init(dt=1.0)
    return PlatformModule(net, ["HO"])


class TestLearning:
    @pytest.mark.parametrize("online", [True, False])
    def test_a_square_is_learned(self, online: bool) -> None:
        """The target goes through the filter of the output, since no decoder makes up for it."""
        time = torch.arange(400.0, dtype=torch.float64) / 400.0
        x = torch.stack([torch.sin(2 * math.pi * (time * f + f / 7)) for f in (1, 2, 1.5, 0.5)])
        inputs = x[..., None]
        decay = math.exp(-1.0 / 20.0)
        target = (1.0 - decay) * filtered((x**2)[..., None], decay)
        errors = []
        for shown in (target, target.flip(1)):  # the second is a control
            rule = PES(rate=1e-4 if online else 4e-5, online=online)
            trainer = Trainer(
                channel(60, 3), Course(), squared_error, rule=rule, learning_rate=1.0
            )  # fmt: skip
            trainer.fit(inputs, shown, 10, batch_size=1)
            errors.append(trainer.evaluate(inputs, target).loss / float(target.var()))
        assert errors[0] < 0.06
        assert errors[1] > 0.2


def test_synapses_with_memory_learn_offline() -> None:
    net = decoding("fused")
    net.remove("HO")
    net.add(LeakySynapse, "HO", source="H", target="O", w=0.0, tau_alpha=4.0)
    net.init(dt=1.0)
    module = PlatformModule(net, ["HO"])
    random = np.random.default_rng(1)
    inputs = (random.random((1, 200, 3)) < 0.5).astype(float)
    target = np.full((1, 200, 2), 2.0)
    rule = PES(rate=2e-5, tau=TAU, online=False)
    trainer = Trainer(module, Course(), squared_error, rule=rule, learning_rate=1.0)
    before = trainer.evaluate(inputs, target).loss
    trainer.fit(inputs, target, 30, batch_size=1)
    assert trainer.evaluate(inputs, target).loss < 0.2 * before
