"""What neurons are composed of besides receptors: membranes, and mechanisms of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ship_engine.models.base import Elementwise, Parameter, State
from ship_engine.models.receptors import Receptor


class Membrane:
    """Base class of the membrane part of a neuron.

    `derivative` returns d/dt of every state, in their order, given ``current`` (nA, everything
    that flows in).  A linear membrane also gives `exact_time_dep` and `exact_advance`; the
    latter takes ``current`` (constant over the step) and ``drive`` (mV, what decaying synaptic
    currents add).  `rates` are coefficients of `derivative`, constant over the step.

    `derivative` may ask for states of the mechanisms, and `threshold` for ``current``.  `derived`
    are numbers to be recorded, which `derive` gives from the states; nothing depends on them.
    What is not described here is as in `ship_engine.models.base.Model`.
    """

    parameters: ClassVar[tuple[Parameter, ...]] = ()
    states: ClassVar[tuple[State, ...]] = ()
    held: ClassVar[tuple[str, ...]] = ()
    refractory_period: ClassVar[str | None] = None
    reset_states: ClassVar[tuple[str, ...]] = ()
    exact_coefficients: ClassVar[tuple[str, ...]] = ()
    exact_time_dep: ClassVar[Elementwise | None] = None
    exact_advance: ClassVar[Elementwise | None] = None
    rate_coefficients: ClassVar[tuple[str, ...]] = ()
    rates: ClassVar[Elementwise | None] = None
    derivative: ClassVar[Elementwise]
    threshold: ClassVar[Callable[..., Any]]
    reset: ClassVar[Elementwise]
    mechanisms: ClassVar[tuple[tuple[type[Mechanism], str], ...]] = ()
    """What the membrane has besides receptors, and the suffix of each one's names."""
    derived: ClassVar[tuple[State, ...]] = ()
    derive: ClassVar[Elementwise | None] = None
    alarm: ClassVar[Callable[..., Any] | None] = None
    longest_step: ClassVar[float | None] = None
    settling_step: ClassVar[float | None] = None
    random_state: ClassVar[str | None] = None


class Mechanism(Receptor):
    """A part that receives spikes of its own neuron only, thus has no port.

    `after_spike` gives its states just after a spike of the neuron.
    """

    after_spike: ClassVar[Elementwise]
