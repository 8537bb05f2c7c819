"""What a synapse is that computes something when a spike reaches it.

A synapse model is a class that is never instantiated.  Like those of neurons, its functions are
written in the language of `ship_engine.elementwise` and take what they need *by name*:

======================  ==========================================================================
a parameter or state    of this synapse
``weight``              its weight, in the unit of the target's port
``since_pre``           ms since the latest presynaptic spike reached it, or since time zero
``since_post``          ms since the latest postsynaptic spike reached it, or since time zero
``uniform_1``, …        up to four random numbers, uniform in (0, 1), new for each spike
======================  ==========================================================================

`on_pre` is called when a presynaptic spike reaches the synapse.  It returns the values named in
`pre_changes`, in that order, and last the amount that goes to the target's port.  `on_post` is
called for a postsynaptic spike and returns those named in `post_changes`.

Events are taken in the order of the times at which they reach the synapse.  Of the delay of a
synapse, the part ``dendritic_delay_fraction`` (a parameter of models with `on_post`) lies behind
it, between it and the postsynaptic cell, and the rest before it: a presynaptic spike of time t
reaches the synapse at ``t + (1 - fraction) * delay``, a postsynaptic one at
``t + fraction * delay``.  Spikes that reach it at the very same moment do not see each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ship_engine.models.base import Elementwise, Parameter, State, argument_names

UNIFORMS = ("uniform_1", "uniform_2", "uniform_3", "uniform_4")
"""Random numbers that a function may ask for."""


class Synapse:
    """Base class of synapse models; subclasses are descriptions.

    A synapse that only multiplies a spike by its weight needs no model.
    """

    name: ClassVar[str] = ""
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    states: ClassVar[tuple[State, ...]] = ()
    pre_changes: ClassVar[tuple[str, ...]] = ()
    """States, and perhaps ``weight``, that `on_pre` returns before the amount."""
    post_changes: ClassVar[tuple[str, ...]] = ()
    """States, and perhaps ``weight``, that `on_post` returns."""

    on_pre: ClassVar[Elementwise]
    on_post: ClassVar[Elementwise | None] = None

    @classmethod
    def plastic(cls) -> bool:
        """Whether postsynaptic spikes change it."""
        return cls.on_post is not None

    @classmethod
    def changes_weight(cls) -> bool:
        """Whether spikes of either side change its weight."""
        return "weight" in {*cls.pre_changes, *cls.post_changes}

    @classmethod
    def asked_for(cls) -> set[str]:
        """Every name that its functions take."""
        functions: list[Callable[..., Any]] = [cls.on_pre]
        if cls.on_post is not None:
            functions.append(cls.on_post)
        return {name for function in functions for name in argument_names(function)}

    @classmethod
    def draws(cls) -> bool:
        """Whether it needs random numbers."""
        return draws(cls.on_pre) or (cls.on_post is not None and draws(cls.on_post))


def draws(function: Callable[..., Any]) -> bool:
    """Whether a function of a synapse needs random numbers."""
    return any(name in UNIFORMS for name in argument_names(function))


DENDRITIC_DELAY_FRACTION = Parameter(
    "dendritic_delay_fraction", 1.0, "dimensionless", minimum=0.0, maximum=1.0
)
