"""Networks of the platform in unusual hands: odd names, numbers, copies, threads."""

from __future__ import annotations

import copy
import math
import threading
from typing import Any

import pytest
import torch
from platform_examples import ones, small

from ship_engine import (
    LI,
    LIF,
    Input,
    LeakySynapse,
    Link,
    Model,
    Network,
    Parameter,
    Poisson,
    State,
    delayed,
    winner_take_all,
)
from ship_engine.elementwise import where
from ship_engine.errors import InvalidValueError, UnsupportedByExecutorError
from ship_engine.lowering.cache import KernelCache
from ship_engine.platform.runners import WINDOW_BYTES, window_length
from ship_engine.platform.simulation import Simulation

EXECUTORS = ("numba", "torch")


class OddNames(Model):
    """Its names are each other's with something behind, as kernels might write them."""

    name = "OddNames"
    parameters = (Parameter("x_value", 2.0, ""), Parameter("x_reset", 0.5, ""))
    states = (State("x", 1.0, ""), State("x_0", 10.0, ""), State("x_1", 100.0, ""))
    coefficients = ("x_stride",)
    reset_states = ("x",)

    @staticmethod
    def time_dep(dt):
        return (dt,)

    @staticmethod
    def advance_timestep(x, x_0, x_1, x_value, x_stride, input):
        return x + input, x_0 + x_value, x_1 + x_stride

    @staticmethod
    def threshold(x):
        return x - 3.5

    @staticmethod
    def reset(x_reset):
        return (x_reset,)

    @staticmethod
    def output(x, x_0, x_1):
        return x + x_0 + x_1


def driven(executor: str, model: type[Model], **arguments: Any) -> Network:
    """Two components that receive 1 in each of five steps."""
    net = Network(executor, dtype=torch.float64)
    net.add(Input, "I", N=2)
    net.add(model, "N", N=2, **arguments)
    net.add(Link, "L", source="I", target="N")
    net.init(dt=1.0, nts=5)
    return net


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("wrap", [lambda model: model, winner_take_all])
def test_names_that_contain_each_other(executor, wrap):
    out = driven(executor, wrap(OddNames)).run(ones(1, 5, 2))
    assert out[0, :, 0].tolist() == [115.0, 119.0, 123.0, 123.5, 127.5]


class Whole(Model):
    """Gives whole numbers and truths."""

    name = "Whole"
    states = (State("u", 0.0, ""),)

    @staticmethod
    def time_dep():
        return ()

    @staticmethod
    def advance_timestep():
        return (1,)

    @staticmethod
    def output(u):
        return u > 0.5


@pytest.mark.parametrize("executor", EXECUTORS)
def test_states_have_the_type_of_the_network(executor):
    net = driven(executor, Whole)
    net.set_monitor("N", "u")
    out = net.run(ones(1, 5, 2))
    assert out.sum() == 10.0
    assert out.dtype == net.get_monitored_results().N.u.dtype == torch.float64


def with_attributes(**attributes: Any) -> type[Model]:
    return type("Changed", (OddNames,), attributes)


MISTAKES = {
    "an output in a tuple": ({"output": staticmethod(lambda x: (x,))}, "'output' returns a tuple"),
    "no output": ({"output": staticmethod(lambda x: None)}, "'output' returns a NoneType"),
    "a truth": ({"threshold": staticmethod(lambda x: x > 1)}, "'threshold' returns a truth"),
    "no part": ({"inner_steps": 0}, "inner_steps = 0"),
    "half a part": ({"inner_steps": 2.5}, "inner_steps = 2.5"),
    "rest for -1 steps": ({"least_refractory_steps": -1}, "least_refractory_steps = -1"),
    "an unknown delay": ({"output_delay": "late"}, "'late', its output_delay"),
    "an unknown prize": ({"winner_takes_all": "cake"}, "winner_takes_all = 'cake'"),
    "nothing to share": ({"winner_takes_all": "refractory"}, "no `refractory_period`"),
    "a parameter N": (
        {"parameters": (*OddNames.parameters, Parameter("N", 1.0, ""))},
        "calls something 'N'",
    ),
    "no name": (
        {"parameters": (*OddNames.parameters, Parameter("my own", 1.0, ""))},
        "calls something 'my own'",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_models_that_are_refused(case):
    attributes, message = MISTAKES[case]
    with pytest.raises(InvalidValueError, match=message):
        Network().add(with_attributes(**attributes), "N", N=1)


def test_a_state_cannot_be_called_output():
    class Output(Whole):
        """Has a state of that name."""

        states = (State("output", 0.0, ""),)
        output = staticmethod(lambda: 1.0)

    with pytest.raises(InvalidValueError, match="calls something 'output'"):
        Network().add(Output, "N", N=1)


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(
    ("id", "name", "value", "message"),
    [
        ("S", "w", math.inf, "w of 'S' is infinite"),
        ("S", "w_scale", -math.inf, "w_scale of 'S' is infinite"),
        ("S", "I", math.inf, "I of 'S' is infinite"),
        ("S", "w", torch.ones(3, 2, dtype=torch.complex64), "gives numbers .complex numbers."),
    ],
)
def test_numbers_that_cannot_be(executor, id, name, value, message):
    net = small(executor)
    net.set_params(id, **{name: value})
    with pytest.raises(InvalidValueError, match=message):
        net.init(dt=1.0)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_inputs_of_every_type(executor):
    net = small(executor)
    net.init(dt=1.0)
    expected = net.run(ones())
    assert expected.sum() > 0.0
    given = ones()
    for same in (
        given.bool(),
        given.int(),
        given.half(),
        given.permute(2, 1, 0).contiguous().permute(2, 1, 0),
        given.to_sparse(),
        given.tolist(),
        given[:, :, :1].expand(1, 10, 3),
    ):
        assert torch.equal(net.run(same), expected)
    with pytest.raises(InvalidValueError, match="real numbers"):
        net.run(given.to(torch.complex64))
    with pytest.raises(InvalidValueError, match="no sample"):
        net.run(given[:0])


def test_lists_keep_all_their_digits():
    net = driven("numba", LI)
    assert float(net.run([[[0.1, 0.1]] * 5])[0, 0, 0]) == 0.1


def test_gradients_of_inputs_are_refused_where_there_are_none():
    net = small()
    net.init(dt=1.0)
    with pytest.raises(UnsupportedByExecutorError, match="The input of 'I' requires a gradient"):
        net.run(ones().requires_grad_())


@pytest.mark.parametrize("executor", EXECUTORS)
def test_delays_in_wrong_units_do_not_fill_the_memory(executor):
    net = small(executor)
    net.add(delayed(LIF), "D", N=1, delay_time=1e12)
    net.init(dt=1.0)
    with pytest.raises(InvalidValueError, match=r"'D' keeps back .* delays are in ms"):
        net.run(ones())


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_copy_goes_its_own_way(executor):
    net = small(executor)
    net.init(dt=1.0)
    expected = net.run(ones(steps=20))
    net.run(ones())
    other = copy.deepcopy(net)
    rest = net.run(ones(), resume=True)
    assert torch.equal(rest, expected[:, 10:])
    assert torch.equal(other.run(ones(), resume=True), rest)
    other.set_params("N", thr=100.0)
    assert other.run(ones()).sum() == 0.0
    assert torch.equal(net.run(ones(steps=20)), expected)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_networks_in_threads_draw_what_they_draw_alone(executor):
    def spikes(seed: int, found: dict[int, torch.Tensor]) -> None:
        net = Network(executor, seed=seed)
        net.add(Poisson, "P", N=10, rate=lambda batch, size: 300.0 * torch.rand(batch, size))
        net.add(LIF, "N", N=20)
        net.add(LeakySynapse, "S", source="P", target="N", w_scale=0.1)
        net.init(dt=1.0, nts=30, batch_size=2)
        found[seed] = net.run()

    alone: dict[int, torch.Tensor] = {}
    together: dict[int, torch.Tensor] = {}
    for seed in range(4):
        spikes(seed, alone)
    threads = [threading.Thread(target=spikes, args=(seed, together)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(together[seed], alone[seed]) for seed in range(4))


def test_a_name_does_not_lead_out_of_the_cache(tmp_path):
    cache = KernelCache(tmp_path / "cache")
    path = cache._path("../../somewhere/else", "text")
    assert path.parent == tmp_path / "cache"


def test_windows_are_short_where_the_states_of_many_synapses_are_recorded():
    net = Network()
    net.add(Input, "I", N=300)
    net.add(LIF, "N", N=300)
    net.add(LeakySynapse, "S", source="I", target="N")
    net.init(dt=1.0, batch_size=2)
    members = Simulation(net.groups, 2, torch.zeros(0), net._runner, (0, 1)).members
    long = window_length(members.values(), 2, 10**6, torch.zeros(0), {})
    record = {members["S"]: {"I": []}}
    short = window_length(members.values(), 2, 10**6, torch.zeros(0), record)
    assert long > 1000
    assert short * 300 * 300 * 2 * 4 <= 4 * WINDOW_BYTES


def test_large_numbers_are_not_taken_for_infinite_ones():
    net = Network()
    net.add(LI, "N", N=4, u=torch.full((4,), 3e38))
    net.init(dt=1.0, nts=1)
    assert net["N"].u.isfinite().all()
    assert torch.isfinite(net.run()).all()


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_model_that_is_changed_in_place(executor):
    changing = type("Changing", (Whole,), {})
    net = driven(executor, changing)
    assert net.run(ones(1, 5, 2)).sum() == 10.0
    changing.output = staticmethod(lambda u: u + 2.0)
    assert net.run(ones(1, 5, 2)).sum() == 30.0


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_run_that_was_interrupted_can_be_run_again(executor, monkeypatch):
    net = small(executor)
    net.init(dt=1.0)
    expected = net.run(ones())
    with monkeypatch.context() as patch:
        patch.setattr("ship_engine.platform.simulation.check_finite", interrupt)
        with pytest.raises(KeyboardInterrupt):
            net.run(ones())
    with pytest.raises(InvalidValueError, match="no run to resume"):
        net.run(ones(), resume=True)
    assert torch.equal(net.run(ones()), expected)


def interrupt(*arguments: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("w", [None, 0.1])
def test_synapses_that_no_memory_holds(executor, w):
    net = Network(executor)
    net.add(Input, "I", N=10**7)
    net.add(LIF, "N", N=10**7)
    net.add(LeakySynapse, "S", source="I", target="N", w=w, w_scale=torch.ones(10**7))
    with pytest.raises(InvalidValueError, match="'S' has 10000000 x 10000000 synapses"):
        run_once(net, torch.zeros(1, 1, 10**7))


def run_once(net: Network, given: torch.Tensor) -> None:
    net.init(dt=1.0)
    net.run(given)


class Discrete(LIF):
    """Its threshold chooses between two plain numbers."""

    name = "Discrete"

    @staticmethod
    def threshold(u, thr):  # type: ignore[no-untyped-def]
        return where(u > thr, 1.0, -1.0)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_plain_numbers_of_a_model_are_of_the_type_of_the_network(executor: str) -> None:
    net = Network(executor=executor)
    net.add(Input, "I", N=2)
    net.add(Discrete, "N", N=2)
    net.add(LeakySynapse, "S", source="I", target="N", w=0.5)
    net.set_monitor("N", "u", "output")
    net.init(dt=1.0)
    spikes = net.run(torch.ones(1, 5, 2))
    assert spikes.any()
    found = net.get_monitored_results().N
    assert {spikes.dtype, found.u.dtype, found.output.dtype} == {torch.float32}
