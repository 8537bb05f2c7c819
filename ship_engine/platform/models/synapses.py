"""Synapses of the SHIP paper: what becomes of a weighted spike on its way to the target.

The ``input`` of a synapse is w_scale · w · (what its source hands on); its output is the current
that reaches the target, integrated over the time step.  The equations are those of Gemo, Spiga &
Brivio (2024), Front. Neurosci. 17:1270090, section 3.2.1.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ship_engine.elementwise import absolute, exp, expm1, maximum, minimum, where
from ship_engine.models.base import Model, Parameter, State


class SynapseModel(Model):
    """Base class of what connects the components of two groups.

    A group of synapses has one component for each pair of a source and a target component, unless
    the model says otherwise.
    """

    weighted: ClassVar[bool] = True
    """Whether it multiplies what it receives by the arguments ``w`` and ``w_scale``."""
    one_to_one: ClassVar[bool] = False
    """Whether it connects component k with component k only."""
    summed: ClassVar[bool] = False
    """Whether there is one component for each target, which receives the sum over the sources."""
    device: ClassVar[Any] = None
    """What the weights are kept in; see `ship_engine.devices`."""


_TAU_ALPHA = Parameter("tau_alpha", 8.0, "ms", minimum=0.0, exclusive=True)


class LeakySynapse(SynapseModel):
    """First-order leaky synapse: a spike starts a current that decays exponentially.

    I(t + dt) = I(t) exp(-dt / tau_alpha) + w_scale w δ(t);
    output: I tau_alpha (1 - exp(-dt / tau_alpha))
    """

    name = "LeakySynapse"
    parameters = (_TAU_ALPHA,)
    states = (State("I", 0.0, ""),)
    coefficients = ("alpha", "area")
    linear = True

    @staticmethod
    def time_dep(dt, tau_alpha):
        return exp(-dt / tau_alpha), -tau_alpha * expm1(-dt / tau_alpha)

    @staticmethod
    def advance_timestep(I, input, alpha):  # noqa: E741  (the paper's name of the current)
        return (I * alpha + input,)

    @staticmethod
    def output(I, area):  # noqa: E741
        return I * area


class SecondOrderSynapse(SynapseModel):
    """Second-order leaky synapse: the current rises, and then decays.

    I1(t + dt) = I1(t) exp(-dt / tau_alpha1) + w_scale w δ(t),
    I2(t + dt) = I2(t) exp(-dt / tau_alpha2) - w_scale w δ(t);
    output: the sum of I tau_alpha (1 - exp(-dt / tau_alpha)) over both
    """

    name = "SecondOrderSynapse"
    parameters = (
        Parameter("tau_alpha1", 8.0, "ms", minimum=0.0, exclusive=True),
        Parameter("tau_alpha2", 4.0, "ms", minimum=0.0, exclusive=True),
    )
    states = (State("I1", 0.0, ""), State("I2", 0.0, ""))
    coefficients = ("alpha1", "area1", "alpha2", "area2")
    linear = True

    @staticmethod
    def time_dep(dt, tau_alpha1, tau_alpha2):
        return (
            exp(-dt / tau_alpha1),
            -tau_alpha1 * expm1(-dt / tau_alpha1),
            exp(-dt / tau_alpha2),
            -tau_alpha2 * expm1(-dt / tau_alpha2),
        )

    @staticmethod
    def advance_timestep(I1, I2, input, alpha1, alpha2):
        return I1 * alpha1 + input, I2 * alpha2 - input

    @staticmethod
    def output(I1, I2, area1, area2):
        return I1 * area1 + I2 * area2


class RectangularSynapse(SynapseModel):
    """Zeroth-order synapse: a spike starts a constant current that ends after tau_alpha.

    A spike during the current starts it anew and does not add to it.  With the time ``left`` after
    the spike, output: I min(left, dt), where I = w_scale w of the latest spike.
    """

    name = "RectangularSynapse"
    parameters = (_TAU_ALPHA,)
    states = (State("I", 0.0, ""), State("left", 0.0, "ms"))
    coefficients = ("step", "duration")

    @staticmethod
    def time_dep(dt, tau_alpha):
        return dt, tau_alpha + dt * 0.0

    @staticmethod
    def advance_timestep(I, left, input, step, duration):  # noqa: E741
        starts = absolute(input) > 0.0
        remaining = where(starts, duration, maximum(left - step, 0.0))
        return where(starts, input, I), remaining

    @staticmethod
    def output(I, left, step):  # noqa: E741
        return I * minimum(left, step)


class SummedLeakySynapse(SynapseModel):
    """First-order leaky current of each target, into which all its synapses are summed.

    I(t + dt) = I(t) exp(-dt / tau_alpha) + w_scale Σ w δ(t); output: I, not integrated.

    Neftci, Mostafa & Zenke (2019), IEEE Signal Process. Mag. 36:51.
    """

    name = "SummedLeakySynapse"
    parameters = (_TAU_ALPHA,)
    states = (State("I", 0.0, ""),)
    coefficients = ("alpha",)
    linear = True
    summed = True

    @staticmethod
    def time_dep(dt, tau_alpha):
        return (exp(-dt / tau_alpha),)

    @staticmethod
    def advance_timestep(I, input, alpha):  # noqa: E741
        return (I * alpha + input,)

    @staticmethod
    def output(I):  # noqa: E741
        return I


class Wire(SynapseModel):
    """Weighted wires without memory, as `torch.nn.Linear`: output w_scale Σ w x + bias."""

    name = "Wire"
    parameters = (Parameter("bias", 0.0, ""),)
    summed = True

    @staticmethod
    def time_dep():
        return ()

    @staticmethod
    def advance_timestep():
        return ()

    @staticmethod
    def output(input, bias):
        return input + bias


class Link(SynapseModel):
    """Ideal wires from component k to component k, without weights."""

    name = "Link"
    weighted = False
    one_to_one = True

    @staticmethod
    def time_dep():
        return ()

    @staticmethod
    def advance_timestep():
        return ()

    @staticmethod
    def output(input):
        return input
