"""
Small networks that the original SHIP and ours compute alike, as plain data.

`original_ship.py` runs them with the original and stores what it gives;
tests/agreement/test_platform_original.py runs them with ours and compares.  Models, wrappers and
parameters have the names of the original.  Times are in ms there, too: SHIP has no units.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

BATCH = 2
SOURCES, TARGETS = 3, 2


@dataclass(frozen=True)
class Drawn:
    """Numbers from a uniform distribution, drawn once and stored with the results."""

    low: float
    high: float
    shape: tuple[int, ...]


@dataclass(frozen=True)
class OneOf:
    """Numbers that are each one of `values`, drawn once and stored with the results."""

    values: tuple[float, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Group:
    """A group: its model inside its wrapper, its size or its ends, what is recorded of it."""

    name: str
    model: str
    wrapper: str = ""
    size: int = 0
    ends: tuple[str, str] = ("", "")
    parameters: dict[str, Any] = field(default_factory=dict)
    recorded: tuple[str, ...] = ("output",)


@dataclass(frozen=True)
class Case:
    """A network, its input and the time steps: pairs of their length (ms) and number.

    The input is "spikes", of which there is one in every third step or so, or "currents"; it is
    zero in the steps that are `silent`, from the first to before the second number of each pair.
    """

    groups: tuple[Group, ...]
    steps: tuple[tuple[float, int], ...] = ((1.0, 32),)
    given: str = "currents"
    silent: tuple[tuple[int, int], ...] = ()
    batch: int = BATCH

    @property
    def number_of_steps(self) -> int:
        """All time steps of a run."""
        return sum(number for _, number in self.steps)


def _source(size: int = SOURCES) -> Group:
    return Group("I", "inputN", size=size, recorded=())


def _neuron(model: str, wrapper: str = "", **parameters: Any) -> tuple[Group, ...]:
    """Neurons that receive the given currents as they are."""
    tau_beta = Drawn(4.0, 12.0, (SOURCES,))
    return (
        _source(),
        Group("L", "linkS", ends=("I", "N"), recorded=()),
        Group(
            "N",
            model,
            wrapper,
            size=SOURCES,
            parameters={"tau_beta": tau_beta, **parameters},
            recorded=("u", "output"),
        ),
    )


def _synapse(
    model: str, wrapper: str = "", recorded: tuple[str, ...] = (), **parameters: Any
) -> tuple[Group, ...]:
    """Synapses between given spikes and neurons that never fire."""
    weights = {"w": Drawn(-0.3, 1.0, (SOURCES, TARGETS)), **parameters}
    return (
        _source(),
        Group("N", "liN", size=TARGETS, parameters={"tau_beta": 10.0}, recorded=()),
        Group("S", model, wrapper, 0, ("I", "N"), weights, (*recorded, "output")),
    )


def _leaky(
    name: str,
    ends: tuple[str, str],
    high: float,
    recorded: tuple[str, ...] = ("output",),
    **more: Any,
) -> Group:
    """First-order synapses of 3 by 3 components."""
    wrapper = "delayed" if "delay_time" in more else ""
    parameters = {"w": Drawn(0.0, high, (3, 3)), "tau_alpha": 3.0, **more}
    return Group(name, "lS_1o", wrapper, 0, ends, parameters, recorded)


def _firing(
    name: str, wrapper: str = "", recorded: tuple[str, ...] = ("u", "output"), **more: Any
) -> Group:
    """Three neurons of which all that matters is that they fire."""
    return Group(name, "lifN", wrapper, 3, ("", ""), {"tau_beta": 10.0, **more}, recorded)


PER_SYNAPSE = Drawn(2.0, 9.0, (SOURCES, TARGETS))
NOT_WHOLE = OneOf((1.0, 2.4, 2.6, 4.0), (BATCH, SOURCES))
LAYERS = (_source(), _leaky("a", ("I", "X"), 0.5), _firing("X"), _leaky("b", ("X", "Y"), 0.8))

CASES: dict[str, Case] = {
    "liN": Case(_neuron("liN")),
    "lifN": Case(_neuron("lifN")),
    "lifN, threshold": Case(_neuron("lifN", thr=0.6)),
    "lifN_b": Case(_neuron("lifN_b", u0=0.25)),
    "lifN_c": Case(_neuron("lifN_c", u0=0.25, ur=0.25)),
    "lS_1o": Case(
        _synapse("lS_1o", recorded=("I",), tau_alpha=PER_SYNAPSE, w_scale=0.8), given="spikes"
    ),
    "lS_1o, currents": Case(_synapse("lS_1o", recorded=("I",), tau_alpha=5.0)),
    "lS_2o": Case(
        _synapse("lS_2o", recorded=("I1", "I2"), tau_alpha1=8.0, tau_alpha2=PER_SYNAPSE, w_scale=2),
        given="spikes",
    ),
    "lS_FZenke": Case(
        _synapse("lS_FZenke", recorded=("I",), tau_alpha=Drawn(2.0, 9.0, (TARGETS,)), w_scale=0.8),
        given="spikes",
    ),
    "wireS": Case(_synapse("wireS", bias=0.1)),
    "linkS": Case(
        (
            _source(),
            Group("N", "liN", size=SOURCES, parameters={"tau_beta": 10.0}, recorded=()),
            Group("S", "linkS", ends=("I", "N")),
        )
    ),
    "refractory": Case(_neuron("lifN", "refractory", refr_time=3.0)),
    "refractory, not whole": Case(_neuron("lifN", "refractory", refr_time=NOT_WHOLE)),
    "refractory lifN_b": Case(_neuron("lifN_b", "refractory", u0=0.25, refr_time=2.0)),
    "refractory_variabletimestep": Case(
        _neuron("lifN", "refractory_variabletimestep", refr_time=3.0),
        ((1.0, 20), (0.5, 24), (0.25, 20)),
        silent=((16, 20), (37, 44)),
    ),
    "delayed neuron, 1 step": Case(_neuron("lifN", "delayed", delay_time=1.0)),
    "delayed neuron, 3 steps": Case(_neuron("lifN", "delayed", delay_time=3.0)),
    "delayed synapse": Case(
        _synapse("lS_1o", "delayed", ("I",), tau_alpha=PER_SYNAPSE, delay_time=2.0), given="spikes"
    ),
    "WinnerTakeAll": Case(_neuron("lifN", "WinnerTakeAll")),
    "run_multisteps": Case(
        (_source(), _leaky("a", ("I", "X"), 0.6), _firing("X")),
        ((1.0, 12), (0.5, 24), (2.0, 12)),
        given="spikes",
    ),
    "layers": Case((*LAYERS, _firing("Y", "refractory", refr_time=2.0)), given="spikes"),
    "loop": Case(
        (
            _source(),
            _leaky("a", ("I", "X"), 0.5, recorded=()),
            _firing("X"),
            _leaky("b", ("X", "Y"), 0.8, recorded=()),
            _firing("Y", recorded=()),
            _leaky("c", ("Y", "X"), 0.3, recorded=()),
        ),
        given="spikes",
    ),
    "layers, delayed": Case(
        (
            _source(),
            _leaky("a", ("I", "X"), 0.5),
            _firing("X", "delayed", delay_time=4.0),
            _leaky("b", ("X", "Y"), 0.8, delay_time=6.0),
            _firing("Y"),
        ),
        given="spikes",
    ),
    "to itself": Case(
        (
            _source(),
            _leaky("a", ("I", "X"), 0.4, recorded=()),
            _firing("X"),
            _leaky("r", ("X", "X"), 0.3, recorded=()),
        ),
        given="spikes",
    ),
    "two inputs, one target": Case(
        (
            _source(),
            Group("J", "inputN", size=3, recorded=()),
            _leaky("a", ("I", "X"), 0.4),
            _leaky("b", ("J", "X"), 0.4),
            _firing("X"),
        ),
        given="spikes",
    ),
}
"""By name.  The two inputs of the last are given the same, as the original knows one only.

In a loop without delays it is open which group is computed first, and thus which one is a step
late; only what does not depend on that is recorded there.
"""
