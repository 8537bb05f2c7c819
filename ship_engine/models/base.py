"""What a model is: names with units, and a few elementwise functions of numbers.

A neuron model is a class that is never instantiated: it holds descriptions, no data.  Its
functions are written in the language of `ship_engine.elementwise` and take what they need *by
name*: a parameter, a state, a coefficient, ``dt`` (ms), ``i_inj`` (the injected current, nA), or
``free`` (0 in `advance_timestep` while the refractory period holds states, else 1).  They return
a tuple in the order that the class declares.

One time step from t to t + dt is

1. each input port adds what arrives at t to its state; what arrives later in the step does so at
   its moment, if input can move the component over its threshold at once;
2. `advance_timestep` gives the states at t + dt as if no spike occurred, with the coefficients
   that `time_dep` computes from the parameters for that dt;
3. where `threshold` is >= 0 the component spikes, `reset` gives the states just after, and for
   its refractory period the states named in `held` stay where they are.

A model without ports can ask in `advance_timestep` for ``input``, the sum of all that reaches the
component in this step, and say by `output` what it hands on; the networks of `ship_engine.platform`
are made of such models, and take those with ports too.

Executors find the moment of the spike inside the step by calling `time_dep` for a part of it,
therefore every function must be valid for any dt >= 0.  `threshold` and `reset` know parameters
and states; coefficients are for `advance_timestep` and `alarm`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Parameter:
    """A number that a model is given: its name, default, unit and the values that it allows."""

    name: str
    default: float
    unit: str
    minimum: float = float("-inf")
    exclusive: bool = False
    """Whether the minimum itself is not allowed."""
    maximum: float = float("inf")
    infinite: bool = False
    """Whether infinite values are allowed."""

    def allows(self, value: Any) -> Any:
        """Elementwise: whether a finite value lies in the allowed range."""
        enough = value > self.minimum if self.exclusive else value >= self.minimum
        return enough & (value <= self.maximum)

    @property
    def requirement(self) -> str:
        """The allowed range in words."""
        limits = []
        if self.minimum != float("-inf"):
            limits.append(f"{'>' if self.exclusive else '>='} {self.minimum:g}")
        if self.maximum != float("inf"):
            limits.append(f"<= {self.maximum:g}")
        return " and ".join(limits) or "a finite number"


@dataclass(frozen=True)
class State:
    """A number that a model keeps for each component: its name, initial value and unit."""

    name: str
    initial: float
    unit: str


@dataclass(frozen=True)
class Port:
    """An input: arriving weights are summed, times the coefficient `gain`, onto `state`."""

    name: str
    state: str
    unit: str
    gain: str | None = None
    time_constant: str | None = None
    """Parameter (ms) with which what has arrived decays; None if its effect is over at once.
    Synapses that run out of resources ask for it."""
    decays: bool = False
    """Whether `state` decays exponentially with that time constant and acts by its value alone."""


Elementwise = Callable[..., tuple[Any, ...]]


def argument_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names that an elementwise function asks for, in order."""
    if inspect.isfunction(function) and not function.__dict__:
        code = function.__code__
        if not code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS):
            # A hundred times faster: the torch executor asks in each step.
            return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return tuple(inspect.signature(function).parameters)


class Model:
    """Base class of all models that integrate equations (neurons; for sources see `Source`).

    Subclasses set the class attributes and write the functions as static methods.  See
    `ship_engine.models.lif` for one written by hand from parts and `docs/extending.md` for a
    complete model of one's own.
    """

    name: ClassVar[str] = ""
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    states: ClassVar[tuple[State, ...]] = ()
    ports: ClassVar[tuple[Port, ...]] = ()
    coefficients: ClassVar[tuple[str, ...]] = ()
    """Names of what `time_dep` returns."""
    reset_states: ClassVar[tuple[str, ...]] = ()
    """Names of what `reset` returns."""
    held: ClassVar[tuple[str, ...]] = ()
    """States that stay constant during the refractory period; their ports are deaf meanwhile."""
    refractory_period: ClassVar[str | None] = None
    """Name of the parameter that gives the refractory period in ms."""
    longest_step: ClassVar[float | None] = None
    """Longest dt (ms) that `advance_timestep` is good for; longer time steps are divided."""
    settling_step: ClassVar[float | None] = None
    """Step (ms) down to which a cell that raises the `alarm` is looked at; not on the grid."""
    compared: ClassVar[tuple[str, ...] | None] = None
    """What `threshold` compares, if that is not all that it asks for."""
    random_state: ClassVar[str | None] = None
    """A state that is a random number from the exponential distribution of mean 1, drawn at the
    start and after every spike; the state of that name and ``_count`` counts the numbers."""

    time_dep: ClassVar[Elementwise]
    advance_timestep: ClassVar[Elementwise]
    threshold: ClassVar[Callable[..., Any] | None] = None
    alarm: ClassVar[Callable[..., Any] | None] = None
    """Like `threshold`, but >= 0 already where the step is too long to tell whether the component
    spikes; executors then look closer, in steps down to `settling_step`."""
    overload: ClassVar[Callable[..., Any] | None] = None
    """> 0 where a step of ``step`` (ms) is too long for the states at its start, such as strong
    conductances; executors then divide it."""
    reset: ClassVar[Elementwise | None] = None
    output: ClassVar[Callable[..., Any] | None] = None
    """What a component hands on in each step, from its new states and ``input``; by default 1 where
    it spikes and 0 elsewhere."""
    linear: ClassVar[bool] = False
    """Whether new states and output are linear in old states and ``input`` together.  Components
    with equal parameters can then be summed and computed as one."""
    least_refractory_steps: ClassVar[int] = 0
    """For how many time steps, at least, a component is not free after a spike."""
    winner_takes_all: ClassVar[str | None] = None
    """What a spike of one component does to all others of its group: ``'reset'`` them, or start
    their ``'refractory'`` periods too."""
    output_delay: ClassVar[str | None] = None
    """Name of the parameter that says for how long (ms) a component keeps back what it hands on."""
    inner_steps: ClassVar[int] = 1
    """Into how many parts every time step is divided."""

    @classmethod
    def takes_input(cls) -> bool:
        """Whether it asks for the sum of what arrives."""
        functions = (cls.advance_timestep, cls.output)
        return any("input" in argument_names(f) for f in functions if f is not None)

    @classmethod
    def needs_platform(cls) -> bool:
        """Whether only the networks of `ship_engine.platform` can run it."""
        special = (cls.output, cls.winner_takes_all, cls.output_delay)
        steps = cls.least_refractory_steps > 0 or cls.inner_steps > 1
        return cls.takes_input() or steps or any(one is not None for one in special)

    @classmethod
    def takes_current(cls) -> bool:
        """Whether a current can be injected into this model."""
        return "i_inj" in argument_names(cls.advance_timestep)

    @classmethod
    def jumps(cls) -> bool:
        """Whether arriving input can move the component over its threshold at once."""
        if cls.threshold is None:
            return False
        compared = argument_names(cls.threshold) if cls.compared is None else cls.compared
        return any(port.state in compared for port in cls.ports)

    @classmethod
    def divisions(cls, dt: float) -> int:
        """Into how many parts a time step of dt is divided."""
        needed = 1 if cls.longest_step is None else math.ceil(dt / cls.longest_step - 1e-9)
        return max(needed, cls.inner_steps)

    @classmethod
    def state_index(cls, name: str) -> int:
        """Row of a state in the state matrix."""
        return [state.name for state in cls.states].index(name)


class Source:
    """Base class of models that only emit spikes; they have no state to integrate.

    `parameters` describes the numbers that each component takes; how it spikes is up to the
    executors.
    """

    name: ClassVar[str] = ""
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    states: ClassVar[tuple[State, ...]] = ()
    ports: ClassVar[tuple[Port, ...]] = ()

    @classmethod
    def jumps(cls) -> bool:
        """Nothing moves a source over a threshold."""
        return False

    @classmethod
    def takes_current(cls) -> bool:
        """A source has no membrane to inject a current into."""
        return False

    @classmethod
    def needs_platform(cls) -> bool:
        """Whether only the networks of `ship_engine.platform` can run it."""
        return False
