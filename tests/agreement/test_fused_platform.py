"""The platform's fused executor gives the numbers and the gradients of the executor 'torch'."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

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
    SecondOrderSynapse,
    SummedLeakySynapse,
    Wire,
    delayed,
    refractory,
    substeps,
)
from ship_engine.devices import Levels, Memristor, memristive
from ship_engine.training.surrogates import SURROGATES

BATCH, STEPS, SOURCES, CELLS = 3, 40, 8, 6
SAME = {torch.float64: 1e-9, torch.float32: 2e-4}


class Recipe:
    """Networks that are the same whenever they are built, and all that they can learn.

    Parameters
    ----------
    executor : str
        What runs the network.
    dtype : torch.dtype
        Of its numbers.
    learn : bool
        Whether numbers require gradients.
    """

    def __init__(
        self,
        executor: str,
        dtype: torch.dtype = torch.float64,
        learn: bool = True,
        surrogate: str | None = "arctan",
    ) -> None:
        self.net = Network(executor=executor, dtype=dtype, seed=5, surrogate=surrogate)  # type: ignore[arg-type]
        self.leaves: dict[str, Tensor] = {}
        self._generator = torch.Generator().manual_seed(11)
        self._dtype, self._learn = dtype, learn

    def leaf(self, name: str, low: float, high: float, *shape: int) -> Tensor:
        """Uniform random numbers to be learned."""
        drawn = torch.rand(shape, generator=self._generator, dtype=torch.float64)
        values = (low + (high - low) * drawn).to(self._dtype)
        self.leaves[name] = values.requires_grad_(self._learn)
        return self.leaves[name]

    def layers(self, neuron: str, synapse: str = "leaky", back: str = "undelayed") -> Network:
        """Eight inputs, six neurons that also reach one another, and three that read them out."""
        net, leaf = self.net, self.leaf
        model, ranges, scale = NEURONS[neuron]
        values = {n: leaf(n, *limits, CELLS) for n, limits in ranges.items()}
        net.add(Input, "I", N=SOURCES)
        net.add(model, "H", N=CELLS, **values, **FIXED.get(neuron, {}))
        net.add(LI, "O", N=3, tau_beta=leaf("tau_beta of O", 8.0, 12.0), u_min=-math.inf)
        if SYNAPSES[synapse][0] in (Link, DELAYED_LINK):
            net.add(Wire, "IW", source="I", target="H", w=leaf("w", 0.0, 1.0, SOURCES, CELLS))
            net.add(LIF, "L", N=CELLS, thr=0.5)
            net.add(Wire, "IL", source="I", target="L", w=leaf("w of L", 0.0, 0.5, SOURCES, CELLS))
            net.add(SYNAPSES[synapse][0], "LH", source="L", target="H", **SYNAPSES[synapse][1])
        else:
            kind, limits = SYNAPSES[synapse]
            given = {n: leaf(n, *x) if isinstance(x, tuple) else x for n, x in limits.items()}
            weight = leaf("w", -0.1, 1.0, SOURCES, CELLS)
            net.add(kind, "IH", source="I", target="H", w=weight, w_scale=scale, **given)
        if back != "none":
            kind, limits = BACK[back]
            weight = leaf("w back", -0.3, 0.5, CELLS, CELLS)
            net.add(kind, "HH", source="H", target="H", w=weight, w_scale=0.5 * scale, **limits)
        net.add(LeakySynapse, "HO", source="H", target="O", w=leaf("w out", -0.5, 1.0, CELLS, 3))
        net.init(dt=0.2 if neuron == "AdEx" else 1.0)
        return net


DELAYED_LINK = delayed(Link)
NEURONS: dict[str, tuple[Any, dict[str, tuple[float, float]], float]] = {
    "LIF": (LIF, {"tau_beta": (8.0, 20.0), "thr": (0.8, 1.2), "u": (0.0, 0.5)}, 0.12),
    "shared rest": (LIFSharedRest, {"u0": (-0.3, -0.1), "u_min": (0.2, 0.4)}, 0.15),
    "rest and reset": (LIFRestAndReset, {"u0": (0.0, 0.2), "ur": (-0.5, -0.3)}, 0.15),
    "Izhikevich": (Izhikevich, {"a": (0.01, 0.1), "d": (4.0, 8.0), "v": (-72.0, -68.0)}, 3.0),
    "finer Izhikevich": (substeps(Izhikevich, 5), {"b": (0.19, 0.21), "c": (-66.0, -60.0)}, 3.0),
    "AdEx": (AdEx, {"tau_m": (8.0, 10.0), "b": (0.0, 0.1), "v": (-71.0, -69.0)}, 3.0),
    "refractory": (refractory(LIF), {"tau_beta": (8.0, 20.0)}, 0.2),
    "refractory Izhikevich": (refractory(Izhikevich), {"d": (4.0, 8.0)}, 4.0),
    "delayed": (delayed(LIF), {"tau_beta": (8.0, 20.0)}, 0.15),
    "delayed, refractory": (delayed(refractory(LIF)), {"tau_beta": (8.0, 20.0)}, 0.2),
    "integrator": (LI, {"tau_beta": (8.0, 20.0), "u_min": (-0.2, 0.1)}, 0.1),
}
FIXED: dict[str, dict[str, Any]] = {
    "refractory": {"refr_time": torch.tensor([0.0, 1.0, 2.0, 5.0, 3.0, 0.4])},
    "refractory Izhikevich": {"refr_time": 4.0},
    "delayed": {"delay_time": torch.tensor([0.0, 1.0, 2.0, 0.0, 7.0, 3.0])},
    "delayed, refractory": {"delay_time": 2.0, "refr_time": 3.0},
}
SYNAPSES: dict[str, tuple[Any, dict[str, Any]]] = {
    "leaky": (LeakySynapse, {"tau_alpha": (4.0, 6.0)}),
    "leaky, by target": (
        LeakySynapse,
        {"tau_alpha": (4.0, 6.0, CELLS), "I": (0.0, 0.1, SOURCES, CELLS)},
    ),
    "second order": (SecondOrderSynapse, {"tau_alpha1": (7.0, 9.0), "tau_alpha2": (3.0, 5.0)}),
    "summed": (SummedLeakySynapse, {"tau_alpha": (3.0, 5.0, CELLS), "I": (0.0, 0.2, CELLS)}),
    "wire": (Wire, {"bias": (0.0, 0.05, CELLS)}),
    "link": (Link, {}),
    "delayed link": (DELAYED_LINK, {"delay_time": 3.0}),
    "delayed": (delayed(LeakySynapse), {"tau_alpha": (4.0, 6.0), "delay_time": 3.0}),
    "delayed by target": (
        delayed(LeakySynapse),
        {"tau_alpha": (4.0, 6.0), "delay_time": torch.tensor([0.0, 2.0, 1.0, 4.0, 4.0, 50.0])},
    ),
}
BACK: dict[str, tuple[Any, dict[str, Any]]] = {
    "undelayed": (LeakySynapse, {}),
    "delayed": (delayed(LeakySynapse), {"delay_time": 4.0}),
    "delays": (delayed(LeakySynapse), {"delay_time": torch.arange(6.0) % 5}),
    "second order": (SecondOrderSynapse, {}),
}


def spikes(seed: int = 0, size: int = SOURCES, share: float = 0.2, batch: int = BATCH) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(batch, STEPS, size, generator=generator) < share).double()


def loss_of(tensors: list[Tensor]) -> Tensor:
    """A sum of products with numbers that tell all elements apart."""
    total = torch.zeros((), dtype=torch.float64)
    for k, tensor in enumerate(tensors):
        generator = torch.Generator().manual_seed(k)
        factor = torch.rand(tensor.shape, generator=generator, dtype=torch.float64) - 0.3
        total = total + (factor * tensor).sum() + 0.1 * (tensor.cumsum(1) ** 2).mean()
    return total


def computed(recipe: Recipe, *inputs: Tensor) -> dict[str, Tensor]:
    """All that a run brings: outputs, what monitors keep, gradients."""
    out = recipe.net.run(*inputs)
    found = {"output": out}
    for id, quantities in recipe.net.get_monitored_results().items():
        found |= {f"{id} {name}": tensor for name, tensor in quantities.items()}
    smooth = [x for x in found.values() if x.ndim > 1]
    if any(x.requires_grad for x in smooth):
        loss_of(smooth).backward()
    found |= {
        f"gradient of {n}": leaf.grad for n, leaf in recipe.leaves.items() if leaf.grad is not None
    }
    return {name: tensor.detach() for name, tensor in found.items()}


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype, name
        assert found[name].shape == tensor.shape, name
        norm = tensor.double().norm().item()
        assert math.isfinite(norm), name
        error = (found[name].double() - tensor.double()).norm().item()
        assert error <= tolerance * norm + 1e-300, f"{name}: {error / norm if norm else error:.1e}"


def agree(
    dtype: torch.dtype = torch.float64, monitor: bool = True, **layers: str
) -> dict[str, Tensor]:
    both = []
    for executor in ("torch", "fused"):
        recipe = Recipe(executor, dtype)
        net = recipe.layers(**layers)
        if monitor:
            states = [state.name for state in net.groups["H"].model.states]
            net.set_monitor("H", *states, "output")
            net.set_monitor("O", "u")
        both.append(computed(recipe, spikes()))
    expected, found = both
    assert_same(found, expected, SAME[dtype])
    learned = [n for n in expected if n.startswith("gradient")]
    assert len(learned) == len(recipe.leaves)
    assert [n for n in learned if expected[n].abs().max() == 0.0] == []
    if monitor and layers["neuron"] != "integrator":
        assert expected["H output"].sum() > 10
    return expected


class TestAgreement:
    """Outputs, monitored states and all gradients."""

    @pytest.mark.parametrize("neuron", NEURONS)
    def test_neurons(self, neuron: str) -> None:
        agree(neuron=neuron)

    @pytest.mark.parametrize("synapse", [name for name in SYNAPSES if name != "leaky"])
    def test_synapses(self, synapse: str) -> None:
        agree(neuron="LIF", synapse=synapse)

    @pytest.mark.parametrize("back", [*BACK, "none"])
    @pytest.mark.parametrize("monitor", [True, False])
    def test_recurrence(self, back: str, monitor: bool) -> None:
        agree(neuron="LIF", back=back, monitor=monitor)

    @pytest.mark.parametrize("neuron", ["LIF", "delayed"])
    def test_single_precision(self, neuron: str) -> None:
        agree(torch.float32, neuron=neuron)

    @pytest.mark.parametrize("surrogate", SURROGATES)
    def test_surrogates(self, surrogate: str) -> None:
        both = []
        for executor in ("torch", "fused"):
            recipe = Recipe(executor, surrogate=surrogate)
            recipe.layers("shared rest", back="none")
            both.append(computed(recipe, spikes()))
        assert_same(both[1], both[0], 1e-9)

    def test_gradients_of_inputs(self) -> None:
        both = []
        for executor in ("torch", "fused"):
            recipe = Recipe(executor)
            recipe.layers("LIF", "leaky")
            given = spikes()
            recipe.leaves["input"] = given.requires_grad_()
            both.append(computed(recipe, given))
        assert_same(both[1], both[0], 1e-9)
        assert both[0]["gradient of input"].count_nonzero() > 100

    def test_parameters_of_each_sample(self) -> None:
        """Values [batch, cells] have gradients of that shape."""
        both = []
        for executor in ("torch", "fused"):
            recipe = Recipe(executor)
            net, leaf = recipe.net, recipe.leaf
            net.add(Input, "I", N=SOURCES)
            tau, u = leaf("tau", 5.0, 20.0, BATCH, CELLS), leaf("u", 0.0, 0.5, BATCH, CELLS)
            net.add(LIF, "N", N=CELLS, tau_beta=tau, u=u)
            net.add(LeakySynapse, "S", source="I", target="N", w=leaf("w", 0.0, 0.1, 8, CELLS))
            net.set_monitor("N", "u")
            net.init(dt=0.5, batch_size=BATCH)
            both.append(computed(recipe, spikes()[:1]))
        assert_same(both[1], both[0], 1e-9)
        assert (both[0]["gradient of tau"] != 0.0).all()

    def test_sources_of_every_kind(self) -> None:
        """Lists, Poisson sources and inputs reach one group through synapses of several kinds."""
        both = []
        for executor in ("torch", "fused"):
            recipe = Recipe(executor)
            net, leaf = recipe.net, recipe.leaf
            net.add(ListInput, "L", N=3)
            net.add(Input, "I", N=4)
            net.add(Poisson, "P", N=4, rate=60.0)
            net.add(LIF, "N", N=4, is_output=True)
            net.add(Wire, "LN", source="L", target="N", w=leaf("wire", 0.0, 0.5, 3, 4))
            net.add(Link, "IN", source="I", target="N")
            net.add(LeakySynapse, "PN", source="P", target="N", w=leaf("leaky", 0.0, 0.1, 4, 4))
            for id in ("I", "P", "N"):
                net.set_monitor(id, "output")
            net.init(dt=1.0)
            lists = [spikes(k, 3)[0, : STEPS - 5 * k] for k in range(BATCH)]
            both.append(computed(recipe, lists, 0.3 * spikes(7, 4)))  # type: ignore[arg-type]
        assert_same(both[1], both[0], 1e-9)
        assert both[0]["P output"].sum() > 10

    def test_weights_in_devices(self) -> None:
        """Gradients pass the levels as if they were not there, and every run writes them anew."""
        device = Memristor(levels=Levels(7, crossing=None), w_max=1.0)
        both = []
        for executor in ("torch", "fused"):
            recipe = Recipe(executor)
            net, weight = recipe.net, recipe.leaf("w", -0.2, 1.0, SOURCES, 4)
            net.add(Input, "I", N=SOURCES)
            net.add(LIF, "N", N=4)
            kind = memristive(LeakySynapse, device)
            net.add(kind, "S", source="I", target="N", w=weight, w_scale=0.2)
            net.set_monitor("N", "u")
            net.init(dt=1.0)
            first = computed(recipe, spikes())
            with torch.no_grad():
                weight -= 0.05 * weight.grad / weight.grad.norm()
            second = computed(recipe, spikes(1))
            both.append(first | {f"second {name}": x for name, x in second.items()})
            assert np.unique(net["S"].w.abs().numpy().round(9)).size <= 7
        assert_same(both[1], both[0], 1e-9)

    def test_gradients_of_two_runs_add_up(self) -> None:
        """Two graphs live side by side, and neither sees the other's memory."""
        recipe, apart = Recipe("fused"), [Recipe("fused"), Recipe("fused")]
        for one in (recipe, *apart):
            one.layers("LIF")
        outputs = [recipe.net.run(spikes(k)) for k in range(2)]
        for k, (one, output) in enumerate(zip(apart, outputs, strict=True)):
            one.net.run(spikes(k)).pow(2).sum().backward()
            output.pow(2).sum().backward()
        for name, leaf in recipe.leaves.items():
            expected = apart[0].leaves[name].grad + apart[1].leaves[name].grad
            torch.testing.assert_close(leaf.grad, expected, rtol=1e-12, atol=1e-14)


class TestWithoutGradients:
    """Runs that nothing can be learned from keep two rows of states in turn."""

    @pytest.mark.parametrize("neuron", ["LIF", "refractory", "delayed", "Izhikevich"])
    def test_same_numbers(self, neuron: str) -> None:
        outputs = []
        for executor, learn in (("torch", False), ("fused", False), ("fused", True)):
            recipe = Recipe(executor, learn=learn)
            recipe.layers(neuron, back="delays").set_monitor("H", "output")
            outputs.append(computed(recipe, spikes()) | {})
        expected, ring, kept = outputs
        assert_same(ring, expected, 1e-12)
        for name, tensor in ring.items():
            torch.testing.assert_close(tensor, kept[name], rtol=0.0, atol=0.0)

    @pytest.mark.parametrize("neuron", ["LIF", "delayed"])
    def test_same_spikes_as_numba(self, neuron: str) -> None:
        outputs = []
        for executor in ("numba", "fused"):
            recipe = Recipe(executor, learn=False, surrogate=None)
            net = recipe.layers(neuron, back="delayed")
            net.set_monitor("H", "output", "u", "spike_count")
            outputs.append(computed(recipe, spikes()))
        assert_same(outputs[1], outputs[0], 1e-9)
        assert outputs[0]["H spike_count"].min() > 1

    def test_no_grad(self) -> None:
        recipe = Recipe("fused")
        net = recipe.layers("LIF")
        with torch.no_grad():
            out = net.run(spikes())
        assert not out.requires_grad
        torch.testing.assert_close(out, net.run(spikes()).detach(), rtol=0.0, atol=0.0)


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    monkeypatch.setattr("ship_engine.fused.threads.WORTH_IT", 1)
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_many_cells_on_two_threads(two_threads: None) -> None:
    """More cells than a block has, of which few spike, so that products are those of lists."""
    both = []
    for executor in ("torch", "fused"):
        recipe = Recipe(executor)
        net, leaf = recipe.net, recipe.leaf
        net.add(Input, "I", N=700)
        net.add(LIF, "N", N=501, tau_beta=leaf("tau", 8.0, 20.0, 501))
        net.add(LeakySynapse, "S", source="I", target="N", w=leaf("w", -0.1, 0.2, 700, 501),
                w_scale=0.08)  # fmt: skip
        net.set_monitor("N", "u")
        net.init(dt=1.0)
        both.append(computed(recipe, spikes(3, 700, 0.02, batch=5)))
    assert_same(both[1], both[0], 1e-9)
    assert both[0]["output"].sum() > 100
