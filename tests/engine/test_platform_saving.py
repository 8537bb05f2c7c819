"""Networks that are saved and loaded again, and the pictures that they draw of themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import ship_engine as ship
from ship_engine.elementwise import exp
from ship_engine.errors import (
    FileFormatError,
    InvalidValueError,
    ShipError,
    UnknownNameError,
)
from ship_engine.platform import files, saving

SYNAPSES = [
    ship.LeakySynapse,
    ship.SecondOrderSynapse,
    ship.RectangularSynapse,
    ship.SummedLeakySynapse,
    ship.Wire,
    ship.Link,
    ship.delayed(ship.LeakySynapse),
]
NEURONS = [
    ship.LI,
    ship.LIF,
    ship.LIFSharedRest,
    ship.LIFRestAndReset,
    ship.Izhikevich,
    ship.AdEx,
    ship.refractory(ship.LIF),
    ship.delayed(ship.refractory(ship.LIF)),
    ship.winner_take_all_refractory(ship.refractory(ship.LIFSharedRest)),
    ship.winner_take_all(ship.delayed(ship.LIF)),
    ship.substeps(ship.Izhikevich, 5),
    ship.refractory(ship.substeps(ship.delayed(ship.Izhikevich), 3)),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "network.safetensors"


def network(neuron: Any = ship.LIF, synapse: Any = ship.LeakySynapse, **options: Any) -> Any:
    """Random spikes drive neurons; time constants differ along the batch, weights are drawn."""
    net = ship.Network(seed=5, **options)
    net.add(ship.Poisson, "P", N=4, rate=torch.tensor([100.0, 200.0, 300.0, 400.0]))
    net.add(neuron, "N", N=4)
    net.add(synapse, "S", source="P", target="N")
    if synapse is not ship.Link:
        net.set_params("S", w_scale=torch.tensor([[[0.1]], [[0.9]]]))
    net.set_monitor("N", "output", *[state.name for state in neuron.states])
    net.init(dt=1.0, nts=40, batch_size=2)
    return net


def rewritten(path: Path, change: Any) -> Path:
    """Change a description in a file, checksum and all."""
    description, tensors = files.read(path)
    change(description)
    files.write(path, description, tensors)
    return path


@pytest.mark.parametrize("neuron", NEURONS, ids=lambda model: model.name)
def test_neurons_do_the_same_when_loaded(path: Path, neuron: Any) -> None:
    net = network(neuron)
    net.save(path)
    loaded = ship.Network.load(path)
    assert loaded.groups["N"].model.name == neuron.name
    assert torch.equal(loaded.run(), net.run())
    for name, kept in net.get_monitored_results()["N"].items():
        assert torch.equal(loaded.get_monitored_results()["N"][name], kept)


@pytest.mark.parametrize("executor", ["numba", "torch"])
@pytest.mark.parametrize("synapse", SYNAPSES, ids=lambda model: model.name)
def test_synapses_do_the_same_when_loaded(path: Path, synapse: Any, executor: str) -> None:
    net = network(ship.LI, synapse, executor=executor)
    net.save(path)
    loaded = ship.Network.load(path)
    assert loaded.executor == executor
    assert torch.equal(loaded.run(), net.run())


def test_all_that_was_said_comes_back(path: Path) -> None:
    net = ship.Network(dtype=torch.float64, seed=-7)
    net.add(ship.Input, "I", N=3, is_output=True)
    net.add(ship.refractory(ship.LIF), "N.1", N=2, tau_beta=12.5, refr_time=[3.0, 4.0], u=0.25)
    net.add(ship.LIF, "N", N=2, u_min=float("-inf"), is_output=True)
    net.add(ship.LeakySynapse, "S", source="I", target="N.1", w=torch.rand(5, 3, 2))
    net.add(ship.AdEx, "A", N=1)
    net.add(ship.Wire, "W", source="N.1", target="A", port="input", w=0.5)
    net.set_monitor("N.1", "u", "spike_count")
    net.set_monitor("S", "integrated_current")
    net.init(dt=0.25, nts=7, batch_size=5)
    net.save(path)
    loaded = ship.Network.load(path)
    assert (loaded.dtype, loaded.seed, loaded.executor) == (torch.float64, -7, "numba")
    assert list(loaded.groups) == list(net.groups)
    for id, group in net.groups.items():
        same = ("model.name", "size", "source", "target", "port", "is_output")
        for name in same:
            first, second = group, loaded.groups[id]
            for part in name.split("."):
                first, second = getattr(first, part), getattr(second, part)
            assert first == second
        for name, value in net[id].items():
            assert torch.equal(loaded[id][name], value)
    given = torch.rand(5, 7, 3)
    found, expected = loaded.run(given), net.run(given)
    assert list(found) == list(expected) == ["I", "N"]
    assert torch.equal(found["N"], expected["N"])
    monitored = loaded.get_monitored_results()
    assert {id: list(names) for id, names in monitored.items()} == {
        "N.1": ["u", "spike_count"],
        "S": ["integrated_current"],
    }
    assert torch.equal(loaded.timeline(), net.timeline())


def test_what_was_drawn_is_kept_as_it_was_drawn(path: Path) -> None:
    net = ship.Network()
    net.add(ship.Input, "I", N=3)
    net.add(ship.LI, "N", N=4, tau_beta=torch.distributions.Uniform(5.0, 20.0))
    net.add(ship.LeakySynapse, "S", source="I", target="N")
    net.add(ship.LeakySynapse, "T", source="I", target="N", w=lambda b, s, t: torch.rand(b, s, t))
    net.init(dt=1.0, batch_size=2)
    net.save(path)
    loaded = ship.Network.load(path)
    for group, name in (("N", "tau_beta"), ("S", "w"), ("T", "w")):
        assert torch.equal(loaded[group][name], net[group][name])
    loaded.init()
    assert torch.equal(loaded["S"].w, net["S"].w)


def test_what_depends_on_the_run_stays_open(path: Path) -> None:
    net = ship.Network()
    net.add(ship.Input, "I", N=2)
    net.add(ship.LIF, "N", N=1)
    net.add(ship.LeakySynapse, "S", source="I", target="N", w=1.0)
    net.init(dt=1.0)
    net.save(path)
    loaded = ship.Network.load(path)
    assert loaded.run(torch.ones(3, 11, 2)).shape == (3, 11, 1)


def test_trained_weights_are_saved_and_trained_on(path: Path) -> None:
    weight = torch.rand(3, 2, requires_grad=True)
    net = ship.Network(executor="torch")
    net.add(ship.Input, "I", N=3)
    net.add(ship.LI, "N", N=2)
    net.add(ship.LeakySynapse, "S", source="I", target="N", w=weight)
    net.init(dt=1.0, nts=5)
    with torch.no_grad():
        weight += 1.0
    net.save(path)
    loaded = ship.Network.load(path)
    assert torch.equal(loaded["S"].w[0], weight.detach())


def test_other_options_than_those_in_the_file(path: Path) -> None:
    net = network()
    net.save(path)
    loaded = ship.Network.load(path, executor="torch", dtype=torch.float64, seed=5)
    assert (loaded.executor, loaded.dtype) == ("torch", torch.float64)
    assert torch.allclose(loaded["S"].w, net["S"].w.double())
    with pytest.raises(
        InvalidValueError, match="executor = 'abacus'; give 'numba', 'torch' or 'fused'"
    ):
        ship.Network.load(path, executor="abacus")


def test_the_description_can_be_read_without_the_engine(path: Path) -> None:
    network(ship.substeps(ship.refractory(ship.Izhikevich), 4)).save(path)
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    description = json.loads(header["__metadata__"]["description"])
    said = description["settings"]
    assert {name: said[name] for name in said if name != "inits"} == {
        "dtype": "float32",
        "executor": "numba",
        "seed": 5,
        "dt": 1.0,
        "nts": 40,
        "batch_size": 2,
    }
    assert description["groups"][1]["model"] == {
        "name": "Izhikevich",
        "wrappers": ["refractory", {"name": "substeps", "arguments": {"count": 4}}],
    }
    assert header["S.w"]["shape"] == [1, 4, 4]


class Leak(ship.Model):
    """A model of one's own."""

    name = "Leak"
    parameters = (ship.Parameter("tau", 10.0, "ms", minimum=0.0, exclusive=True),)
    states = (ship.State("x", 0.0, ""),)
    coefficients = ("decay",)

    @staticmethod
    def time_dep(dt: Any, tau: Any) -> Any:
        return (exp(-dt / tau),)

    @staticmethod
    def advance_timestep(x: Any, input: Any, decay: Any) -> Any:
        return (x * decay + input,)

    @staticmethod
    def output(x: Any) -> Any:
        return x


def test_models_of_ones_own_are_given_when_loaded(path: Path) -> None:
    net = network(ship.delayed(Leak))
    net.save(path)
    loaded = ship.Network.load(path, models={"Leak": Leak})
    assert torch.equal(loaded.run(), net.run())
    with pytest.raises(UnknownNameError, match=r"the model 'Leak', which .* models={'Leak': …}"):
        ship.Network.load(path)
    with pytest.raises(InvalidValueError, match="give a class"):
        ship.Network.load(rewritten(path, _without_wrappers), models={"Leak": "Leak"})


def _without_wrappers(description: dict[str, Any]) -> None:
    description["groups"][1]["model"]["wrappers"] = []


def test_models_that_files_cannot_tell_apart_are_refused(path: Path) -> None:
    impostor = type("LIF", (Leak,), {"__module__": __name__})
    with pytest.raises(InvalidValueError, match="The model of 'N' is called LIF, as another one"):
        network(impostor).save(path)
    assert not path.exists()


def test_networks_that_are_not_ready_are_refused(path: Path) -> None:
    net = ship.Network()
    net.add(ship.LIF, "N", N=1)
    with pytest.raises(InvalidValueError, match="The network is not ready"):
        net.save(path)
    assert not path.exists()


def test_what_is_no_network_is_refused(path: Path) -> None:
    path.write_bytes(b"\x80\x05\x95" + bytes(range(100)))
    with pytest.raises(FileFormatError, match=r"like a pickle, .* nothing of it was executed"):
        ship.Network.load(path)
    with pytest.raises(FileNotFoundError):
        ship.Network.load(path.with_name("none"))


@pytest.mark.parametrize(
    ("group", "place", "value", "message"),
    [
        (1, ("model", "name"), "os.system", "the model 'os.system', which is none of the platf"),
        (1, ("model", "name"), "__class__", "the model '__class__', which is none"),
        (1, ("model", "wrappers"), ["exec"], "There is no wrapper 'exec'; there is refractory"),
        (
            1,
            ("model", "wrappers"),
            [{"name": "substeps", "arguments": {"number": 2}}],
            r"The wrapper 'substeps' of 'LIF' does not take {'number': 2}",
        ),
        (
            1,
            ("model", "wrappers"),
            [{"name": "substeps", "arguments": {"count": "2"}}],
            "substeps.LIF, '2'.; give a whole number >= 1",
        ),
        (1, ("model", "wrappers"), ["delayed", "delayed"], "the model is delayed already"),
        (0, ("model", "wrappers"), ["delayed"], "give a model, a subclass of ship_engine.models"),
        (1, ("arguments",), {"tau": {"value": 1.0}}, "There is no argument 'tau' of 'N'"),
        (1, ("arguments",), {"tau_beta": {"value": -1.0}}, "tau_beta = -1 ms in 'N'; it must be"),
        (1, ("arguments",), {"tau_beta": {"tensor": "S.w"}}, "does not broadcast to .batch, comp"),
        (1, ("N",), 3, r"w of 'S' has the shape \[1, 4, 4\], which does not broadcast"),
        (2, ("port",), "soma", "There is no port 'soma' of 'N'"),
        (2, ("target",), "S", "'S' is a group of synapses; synapses connect neurons and inputs"),
    ],
)
def test_descriptions_that_make_no_network_are_refused(
    path: Path, group: int, place: tuple[str, ...], value: Any, message: str
) -> None:
    network().save(path)

    def change(description: dict[str, Any]) -> None:
        entry = description["groups"][group]
        for key in place[:-1]:
            entry = entry[key]
        entry[place[-1]] = value

    with pytest.raises(ShipError, match=message):
        ship.Network.load(rewritten(path, change))


def test_every_model_and_wrapper_of_the_platform_can_be_loaded() -> None:
    models = {name for name in ship.__all__ if isinstance(getattr(ship, name), type)}
    others = {"Network", "Model", "SynapseModel", "Parameter", "State", "Memristor"}
    assert models - others == set(saving.MODELS)
    for name, model in saving.MODELS.items():
        assert getattr(ship, name) is model
        assert saving.model_of({"name": name, "wrappers": []}, {}) is model


def test_networks_draw_their_groups_stack_and_delays() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    net = ship.Network()
    with pytest.raises(InvalidValueError, match="The network is not ready"):
        net.draw()
    net.add(ship.Input, "in", N=3)
    net.add(ship.delayed(ship.refractory(ship.LIF)), "N", N=10, delay_time=torch.linspace(1, 3, 10))
    net.add(ship.LI, "out", N=2)
    net.add(ship.Wire, "A", source="in", target="N")
    net.add(ship.delayed(ship.LeakySynapse), "B", source="N", target="out", delay_time=5.0)
    net.add(ship.LeakySynapse, "C", source="out", target="out")
    net.init(dt=1.0, nts=5)
    with matplotlib.rc_context({"backend": "Agg"}):
        from matplotlib import pyplot

        figure = net.draw()
        pyplot.close(figure)
    texts = [text.get_text() for text in figure.axes[0].texts]
    for text in ("in", "N", "out", "A", "B", "C", "delayed(refractory(LIF)) · 10", "Wire · 30"):
        assert texts.count(text) == 1
    assert [text for text in texts if text.endswith("ms")] == ["5 ms", "1–3 ms"]
    assert texts[-1] == f"stack: {' → '.join(net.stack())}"
    assert "reads the previous step" in texts
    dashed = [a for a in figure.axes[0].patches if a.get_linestyle() not in ("solid", "-")]
    assert len(dashed) == 2  # one of the two edges of the loop, and the one of the legend


def test_models_to_load_with_have_names(path):
    net = network()
    net.init(dt=1.0, nts=5, batch_size=2)
    net.save(path)
    with pytest.raises(InvalidValueError, match="mapping of names to classes"):
        ship.Network.load(path, models=[ship.LIF])
