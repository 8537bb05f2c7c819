"""Arguments as users write them: distributions of any library, and hints where one is wrong."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from platform_examples import ones, small

from ship_engine import LIF, LeakySynapse, Model, Network, delayed, refractory
from ship_engine.errors import InvalidValueError, UnknownNameError, UnsupportedByExecutorError


def ready(id: str, **arguments) -> Network:
    net = small()
    net.set_params(id, **arguments)
    net.init(dt=1.0, batch_size=4)
    return net


def test_what_is_trained_is_what_is_used():
    """A copy would not follow what an optimiser does to the original."""
    net = small("torch")
    net.set_params("S", w=torch.ones(3, 2, requires_grad=True))
    with pytest.raises(InvalidValueError, match=r"requires a gradient and is torch.float32"):
        net.init(dt=1.0)
    weight = torch.full((3, 2), 0.1, dtype=torch.float64, requires_grad=True)
    net.set_params("S", w=weight)
    net.init(dt=1.0)
    before = net.run(ones()).sum()
    with torch.no_grad():
        weight *= 3.0
    assert net.run(ones()).sum() > before


@pytest.mark.parametrize(
    "given", [torch.ones(3, 2).double(), np.ones((3, 2)), np.ones((3, 2), "f")]
)
def test_other_tensors_are_taken_as_they_are_now(given):
    net = ready("S", w=given)
    before = net.run(ones())
    given *= 0.0
    assert torch.equal(net.run(ones()), before)
    assert before.sum() > 0.0


def test_functions_of_numpy_are_distributions():
    draw = partial(np.random.default_rng(1).normal, 1.0, 0.01)
    weights = ready("S", w=draw)["S"].w
    assert weights.shape == (1, 3, 2)
    assert weights.unique().numel() == 6
    assert (weights - 1.0).abs().max() < 0.1
    assert ready("N", thr=np.random.default_rng(1).uniform)["N"].thr.shape == (1, 2)


@pytest.mark.parametrize(
    ("means", "shape"),
    [([1.0, 100.0], (1, 2)), ([[1.0], [2.0], [3.0], [4.0]], (4, 2)), ([[5.0] * 2] * 4, (4, 2))],
)
def test_distributions_may_differ_along_components_and_batch(means, shape):
    means = torch.tensor(means)
    drawn = ready("N", thr=torch.distributions.Normal(means, 1e-3))["N"].thr
    assert drawn.shape == shape
    assert drawn.unique().numel() == drawn.numel()
    assert (drawn - means).abs().max() < 0.01


def test_whole_numbers_of_numpy():
    net = small()
    net.set_params("N", N=np.int64(3))
    assert net.groups["N"].size == 3
    net.init(dt=1.0, time=np.float32(10.0))
    assert net.run(ones()).shape == (1, 10, 3)


def raises(value: int, components: object) -> None:
    raise KeyError("rate")


WRONG = {
    "values along the sources": ("S", {"w": torch.ones(3)}, r"sources, give it the shape \[3, 1\]"),
    "another batch": ("N", {"thr": torch.ones(3, 1)}, "call net.init with batch_size=3"),
    "weights of torch.nn": ("S", {"w": torch.ones(2, 3)}, "Sources come first"),
    "too many distributions": (
        "N",
        {"thr": torch.distributions.Normal(torch.ones(3), 1.0)},
        r"has the shape \[3\]; it does not broadcast to \[batch, component\] = \[4, 2\]",
    ),
    "a function that raises": ("N", {"thr": raises}, r"as f\(4, 2\), it raised KeyError: 'rate'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_comes_with_a_hint(case):
    id, arguments, message = WRONG[case]
    with pytest.raises(InvalidValueError, match=message):
        ready(id, **arguments)


def test_parameters_of_wrappers_name_the_wrapper():
    net = small()
    with pytest.raises(UnknownNameError, match=r"no refr_time; refractory\(LIF\) has one"):
        net.set_params("N", refr_time=2.0)
    with pytest.raises(UnknownNameError, match=r"no delay_time; delayed\(LeakySynapse\) has one"):
        net.add(LeakySynapse, "T", source="N", target="N", delay_time=2.0)
    with pytest.raises(UnknownNameError, match="no argument 'delay_time'"):
        net.set_params("I", delay_time=2.0)
    with pytest.raises(UnknownNameError, match="Do you mean 'tau_beta'"):
        net.set_params("N", tau=2.0)
    net.add(delayed(refractory(LIF)), "M", N=1, refr_time=2.0, delay_time=3.0)
    with pytest.raises(InvalidValueError, match=r"Write delayed\(LIF\)"):
        net.add(delayed, "O", N=1)


@pytest.mark.parametrize("time", [0.5, 10.4, 1e6 + 0.5])
def test_durations_are_whole_steps(time):
    with pytest.raises(InvalidValueError, match=r"no whole number of time steps of 1.0 ms"):
        small().init(dt=1.0, time=time)
    small().init(dt=0.1, time=100.0)


@pytest.mark.parametrize("steps", [[0.1, 50], [(0.1,)], ones(), 5])
def test_time_steps_come_in_pairs(steps):
    net = small()
    net.init(dt=1.0)
    with pytest.raises(InvalidValueError, match=r"holds no pairs \(dt, steps\)"):
        net.run_multisteps(steps)


def test_names_of_quantities_are_given_one_by_one():
    with pytest.raises(InvalidValueError, match=r"\['u', 'output'\] is no name"):
        small().set_monitor("N", ["u", "output"])


@pytest.mark.parametrize("seed", [None, "one", 1.5, True])
def test_seeds_are_whole_numbers(seed):
    with pytest.raises(InvalidValueError, match="give a whole number"):
        Network(seed=seed)


def test_a_network_says_what_it_is():
    assert repr(small()) == "<Network: I (Input, 3), N (LIF, 2), S (LeakySynapse, I → N)>"
    assert repr(Network()) == "<Network: no groups>"


class Branching(LIF):
    """Decides by `if`, which tensors of several components cannot."""

    name = "Branching"

    @staticmethod
    def advance_timestep(u, input, beta, u_min, free):
        if u > 1.0:
            return (u_min,)
        return (free * (u * beta + input),)


def test_functions_that_tensors_cannot_compute_are_named():
    net = small("torch")
    net.add(Branching, "B", N=2)
    net.init(dt=1.0)
    with pytest.raises(UnsupportedByExecutorError, match=r"'advance_timestep' of Branching, .*'B'"):
        net.run(ones())


class Silent(Model):
    """Hands on nothing."""

    name = "Silent"
    time_dep = staticmethod(lambda: ())
    advance_timestep = staticmethod(lambda: ())


def test_neurons_hand_on_something():
    with pytest.raises(InvalidValueError, match="neither a threshold nor a function 'output'"):
        small().add(Silent, "Q", N=1)
