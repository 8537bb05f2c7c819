"""Layers for torch.nn.Sequential: neurons of any model, dense weights, modules of torch."""

from __future__ import annotations

import copy
import io

import pytest
import torch
from torch import Tensor

from ship_engine import LI, LIF, AdEx, Input, LeakySynapse, LIFSharedRest, Network, refractory
from ship_engine.errors import InvalidValueError, UnknownNameError, UnsupportedByExecutorError
from ship_engine.layers.dense import Dense
from ship_engine.layers.encoded import Encoded
from ship_engine.layers.neurons import Neurons
from ship_engine.layers.quantisation import quantised
from ship_engine.layers.stepwise import Stepwise
from ship_engine.models.base import Model
from ship_engine.models.lif import LIFCurrentExponential
from ship_engine.platform.models.iterative_lif import IterativeLIF
from ship_engine.platform.models.wrappers import winner_take_all
from ship_engine.training.surrogates import Arctan, Rectangle

EXECUTORS = pytest.mark.parametrize("executor", ["fused", "torch"])


def noise(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.rand(shape, generator=generator, dtype=torch.float64)


class TestNeurons:
    @EXECUTORS
    @pytest.mark.parametrize(
        "model", [LIF, LIFSharedRest, refractory(LIF), LI], ids=lambda m: m.name
    )
    def test_as_the_platform(self, executor: str, model: type[Model]) -> None:
        """A layer of neurons does what a group of a network does."""
        given = noise(50, 3, 4)
        kwargs = {"refractory_time": 3.0} if model.name.startswith("refractory") else {}
        names = {one.name for one in model.parameters} - {"tau_beta", "thr", "u_min", "u0"}
        kwargs = dict.fromkeys(names, 3.0)
        found = Neurons(model, executor=executor, **kwargs)(given)
        net = Network(executor="numba", dtype=torch.float64)
        net.add(Input, "I", N=4)
        net.add(model, "H", N=4, **kwargs, is_output=True)
        net.add(LeakySynapse, "IH", source="I", target="H", w=torch.eye(4), tau_alpha=1e-3)
        net.set_monitor("H", "output")
        net.init(dt=1.0)
        scale = 1e3  # such a synapse hands on what arrives, integrated over 1e-3 ms
        net.run({"I": scale * given.transpose(0, 1)})
        expected = torch.as_tensor(net.get_monitored_results()["H"]["output"]).transpose(0, 1)
        torch.testing.assert_close(found, expected.to(found), rtol=1e-9, atol=1e-9)

    @pytest.mark.parametrize("model", [LIF, LI, IterativeLIF, AdEx, LIFCurrentExponential])
    def test_executors_agree(self, model: type[Model]) -> None:
        scale = {"AdEx": 40.0, "LIFCurrentExponential": 8.0}.get(model.name, 1.0)
        found = []
        for executor in ("fused", "torch"):
            given = noise(40, 2, 3, 2, scale=scale).requires_grad_()
            layer = Neurons(model, surrogate=Arctan(0.5), executor=executor)
            state = model.states[0].name
            output, states = layer.with_states(given, (state,))
            loss = (output * noise(40, 2, 3, 2, seed=1)).sum() + states[state].sum() * 1e-3
            found.append([output, states[state], *torch.autograd.grad(loss, given)])
        for fused, stepwise in zip(*found, strict=True):
            torch.testing.assert_close(fused, stepwise, rtol=1e-9, atol=1e-9)

    @EXECUTORS
    def test_parameters_are_trained_within_their_range(self, executor: str) -> None:
        """A time constant is found again from the potentials that it makes."""
        given = noise(30, 4, 2)
        target = Neurons(LI, tau_beta=torch.tensor([4.0, 25.0]))(given)
        layer = Neurons(LI, executor=executor, trainable=("tau_beta",)).double()
        start = layer.values()["tau_beta"].detach()
        assert float(start) == pytest.approx(10.0)
        shared = Neurons(LI, executor=executor, trainable=("tau_beta",), tau_beta=[10.0, 10.0])
        optimizer = torch.optim.Adam(shared.double().parameters(), lr=0.1)
        for _ in range(120):
            optimizer.zero_grad()
            ((shared(given) - target) ** 2).mean().backward()
            optimizer.step()
        found = shared.values()["tau_beta"].detach()
        torch.testing.assert_close(found, torch.tensor([4.0, 25.0]).double(), rtol=0.05, atol=0.0)

    def test_equations_of_stbp(self) -> None:
        """The neuron of Wu et al. is reset: the defect of another library's was that it was not."""
        given, u, expected = noise(20, 1, 5), torch.zeros(1, 5, dtype=torch.float64), []
        spikes = torch.zeros_like(u)
        for step in given:
            u = 0.2 * u * (1.0 - spikes) + step
            spikes = (u >= 0.5).double()
            expected.append(spikes)
        found, states = Neurons(IterativeLIF).with_states(given, ("u",))
        torch.testing.assert_close(found, torch.stack(expected))
        assert float(states["u"][found > 0.5].abs().max()) == 0.0

    def test_copies_and_files(self) -> None:
        layers = torch.nn.Sequential(Dense(3, 4), Neurons(LIF, trainable=("tau_beta",)))
        given = noise(10, 1, 3).float()
        expected = layers(given)
        file = io.BytesIO()
        torch.save(layers, file)
        file.seek(0)
        for other in (copy.deepcopy(layers), torch.load(file, weights_only=False)):
            torch.testing.assert_close(other(given), expected)

    def test_types(self) -> None:
        """Float32 and float64 by what arrives."""
        for dtype in (torch.float32, torch.float64):
            assert Neurons(LIF)(noise(4, 1, 2).to(dtype)).dtype == dtype

    def test_errors(self) -> None:
        with pytest.raises(UnknownNameError, match="no parameter 'tau'"):
            Neurons(LIF, tau=3.0)
        with pytest.raises(InvalidValueError, match="tau_beta"):
            Neurons(LIF, tau_beta=-3.0)
        with pytest.raises(InvalidValueError, match="executor"):
            Neurons(LIF, executor="cuda")
        with pytest.raises(InvalidValueError, match="class of models"):
            Neurons("LIF")  # type: ignore[arg-type]
        with pytest.raises(InvalidValueError, match="act on each other"):
            Neurons(winner_take_all(LIF))
        with pytest.raises(InvalidValueError, match="no gradient"):
            Neurons(LIFCurrentExponential, trainable=("tau_refrac",))
        with pytest.raises(UnknownNameError, match="no state 'v'"):
            Neurons(LIF).with_states(noise(4, 1, 2), ("v",))
        with pytest.raises(InvalidValueError, match="does not broadcast"):
            Neurons(LIF, thr=torch.ones(3))(noise(4, 1, 2))
        with pytest.raises(InvalidValueError, match=r"\[time, batch, component"):
            Neurons(LIF)(noise(4, 2))
        with pytest.raises(UnsupportedByExecutorError, match="float16"):
            Neurons(LIF, executor="fused")(noise(4, 1, 2).half())
        with pytest.raises(InvalidValueError, match="dt"):
            Neurons(LIF, dt=0.0)

    def test_a_model_without_input(self) -> None:
        class Deaf(Model):
            name = "Deaf"
            states = LIF.states

            @staticmethod
            def time_dep():  # type: ignore[no-untyped-def]
                return ()

            @staticmethod
            def advance_timestep(u):  # type: ignore[no-untyped-def]
                return (u,)

        with pytest.raises(InvalidValueError, match="takes no input"):
            Neurons(Deaf)

    def test_a_mistaken_model(self) -> None:
        class Mistaken(LIF):
            name = "Mistaken"
            coefficients = ("beta", "gamma")

        with pytest.raises(InvalidValueError, match="Mistaken"):
            Neurons(Mistaken)


class TestDense:
    @EXECUTORS
    @pytest.mark.parametrize("share", [0.02, 0.6])
    def test_product_and_gradients(self, executor: str, share: float) -> None:
        """Few spikes or many, the product and its gradients are those of the matrix."""
        spikes = (noise(30, 4, 10, 80) < share).double().requires_grad_()
        layer = Dense(800, 70, executor=executor).double()
        found, weights = layer(spikes), noise(30, 4, 70, seed=2)
        expected = spikes.flatten(2) @ layer.weight
        torch.testing.assert_close(found, expected)
        mine = torch.autograd.grad((found * weights).sum(), [spikes, layer.weight])
        theirs = torch.autograd.grad((expected * weights).sum(), [spikes, layer.weight])
        for one, other in zip(mine, theirs, strict=True):
            torch.testing.assert_close(one, other)

    def test_weights_start_within_bounds(self) -> None:
        weight = Dense(100, 50, weight_scale=10.0).weight.detach()
        assert 0.9 < float(weight.abs().max()) <= 1.0

    def test_errors(self) -> None:
        with pytest.raises(InvalidValueError, match="outputs = 0"):
            Dense(3, 0)
        with pytest.raises(InvalidValueError, match="5 components"):
            Dense(3, 2).double()(noise(4, 1, 5))

    def test_quantised_weights(self) -> None:
        """The hook acts on what is used; the weights themselves stay, and have the gradient."""
        layer = Dense(4, 3, weight_scale=20.0, weight_hook=quantised).double()
        before = layer.weight.detach().clone()
        given = noise(5, 1, 4)
        found = layer(given)
        even = 2.0 * (before / 2.0).round()
        torch.testing.assert_close(found.detach(), given @ even)
        found.sum().backward()
        expected = given.sum((0, 1))[:, None].expand(4, 3)
        torch.testing.assert_close(layer.weight.grad, expected)
        torch.testing.assert_close(layer.weight.detach(), before)
        assert quantised(torch.tensor([0.9, 1.1, -3.1]), 2.0).tolist() == [0.0, 2.0, -4.0]
        with pytest.raises(InvalidValueError, match="step"):
            quantised(before, 0.0)


class TestStepwise:
    def test_every_step_by_itself(self) -> None:
        convolution = torch.nn.Conv2d(2, 3, 3).double()
        given = noise(5, 2, 2, 6, 6)
        found = Stepwise(convolution)(given)
        for time in range(5):
            torch.testing.assert_close(found[time], convolution(given[time]))

    def test_several_modules(self) -> None:
        modules = torch.nn.AvgPool2d(2), torch.nn.Conv2d(2, 3, 3).double()
        given = noise(5, 2, 2, 8, 8)
        torch.testing.assert_close(
            Stepwise(*modules)(given), Stepwise(modules[1])(Stepwise(modules[0])(given))
        )

    def test_errors(self) -> None:
        with pytest.raises(InvalidValueError, match="Stepwise"):
            Stepwise(torch.nn.Identity())(noise(3, 2))


class TestEncoded:
    def test_course(self) -> None:
        found = Encoded(lambda values, steps: values.expand(steps, *values.shape), 4)(
            noise(1, 3, 2)
        )
        assert found.shape == (4, 3, 2)

    def test_errors(self) -> None:
        with pytest.raises(InvalidValueError, match="steps"):
            Encoded(lambda values, steps: values, 0)
        with pytest.raises(InvalidValueError, match="one step"):
            Encoded(lambda values, steps: values, 4)(noise(2, 3, 2))


def test_stbp_trains_convolutions() -> None:
    """A small network of convolutions learns to tell bars apart, and not so without training."""
    torch.manual_seed(1)
    images = torch.zeros(80, 1, 8, 8)
    classes = torch.arange(80) % 2
    for number, image in enumerate(images):
        place = number % 6 + 1
        image[0, place, 1:7] = 1.0 if classes[number] else 0.0
        image[0, 1:7, place] = 0.0 if classes[number] else 1.0
    given = (torch.rand(6, *images.shape) < 0.8 * images + 0.05).float()
    neurons = {"model": IterativeLIF, "surrogate": Rectangle(1.0)}
    layers = torch.nn.Sequential(
        Stepwise(torch.nn.Conv2d(1, 4, 3)),
        Neurons(**neurons),
        Stepwise(torch.nn.AvgPool2d(2)),
        Dense(36, 2),
        Neurons(**neurons),
    )

    def accuracy() -> float:
        with torch.no_grad():
            return float((layers(given).sum(0).argmax(1) == classes).float().mean())

    before = accuracy()
    optimizer = torch.optim.Adam(layers.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        wanted = torch.nn.functional.one_hot(classes, 2).float()
        ((layers(given).mean(0) - wanted) ** 2).mean().backward()
        optimizer.step()
    assert before < 0.8
    assert accuracy() > 0.97
