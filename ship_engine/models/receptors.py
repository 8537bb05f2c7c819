"""Receptors: what an arriving spike does to a membrane.

A receptor is a part of a neuron model (see `ship_engine.models.composition`).  Its names are
templates: composed under the suffix ``_exc``, ``tau_syn`` becomes ``tau_syn_exc``.

========================  =======================================================================
`time_dep`                coefficients of a step, from dt and the receptor's parameters
`advance`                 the receptor's states one step later
`current`                 the current (nA) that flows into a membrane at potential v (mV)
`conductance`             of those that depend on v, in uS
`coupling`, `drive`       for currents that do not depend on v: the exact change of a leaky
                          membrane's potential over a step, from the states at its start
========================  =======================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ship_engine.elementwise import absolute, exp, exp_moment, exprel, log, minimum, where
from ship_engine.models.base import Elementwise, Parameter, Port, State

EULER = 2.718281828459045


class Receptor:
    """Base class of receptors; subclasses are descriptions and are never instantiated."""

    parameters: ClassVar[tuple[Parameter, ...]] = ()
    states: ClassVar[tuple[State, ...]] = ()
    port: ClassVar[Port]
    coefficients: ClassVar[tuple[str, ...]] = ()
    conductance_based: ClassVar[bool] = False
    time_dep: ClassVar[Elementwise]
    advance: ClassVar[Elementwise]
    current: ClassVar[Callable[..., Any] | None] = None
    conductance: ClassVar[Callable[..., Any] | None] = None
    coupling_coefficients: ClassVar[tuple[str, ...]] = ()
    coupling: ClassVar[Elementwise | None] = None
    drive: ClassVar[Callable[..., Any] | None] = None


TAU_SYN = Parameter("tau_syn", 5.0, "ms", minimum=0.0, exclusive=True)


class CurrentExponential(Receptor):
    """Current that jumps by the weight and decays exponentially.

    d isyn/dt = -isyn / tau_syn;  a spike of weight w adds w to isyn (nA).
    Exact on a leaky membrane (Rotter & Diesmann 1999, Biol. Cybern. 81:381).
    """

    parameters = (TAU_SYN,)
    states = (State("isyn", 0.0, "nA"),)
    port = Port("", "isyn", "nA", time_constant="tau_syn", decays=True)
    coefficients = ("decay",)
    coupling_coefficients = ("to_v",)

    @staticmethod
    def time_dep(dt, tau_syn):
        return (exp(-dt / tau_syn),)

    @staticmethod
    def advance(isyn, decay):
        return (isyn * decay,)

    @staticmethod
    def current(isyn, v):
        return isyn

    @staticmethod
    def coupling(dt, tau_syn, tau_m, cm):
        a, b = dt / tau_m, dt / tau_syn
        # Exponents are never positive, so nothing overflows however short a time constant is.
        slower = a <= b
        z = where(slower, a - b, b - a)
        return (where(slower, exp(-a), exp(-b)) * dt / cm * exprel(z),)

    @staticmethod
    def drive(isyn, to_v):
        return isyn * to_v


class CurrentAlpha(Receptor):
    """Current in the form of an alpha function, w (t / tau_syn) exp(1 - t / tau_syn).

    d isyn/dt = isyn_rise - isyn / tau_syn;  d isyn_rise/dt = -isyn_rise / tau_syn;
    a spike of weight w adds w e / tau_syn to isyn_rise, so that isyn peaks at w (nA).
    Exact on a leaky membrane (Rotter & Diesmann 1999).
    """

    parameters = (TAU_SYN,)
    states = (State("isyn", 0.0, "nA"), State("isyn_rise", 0.0, "nA/ms"))
    port = Port("", "isyn_rise", "nA", gain="peak_rate", time_constant="tau_syn")
    coefficients = ("decay", "gained", "peak_rate")
    coupling_coefficients = ("to_v", "rise_to_v")

    @staticmethod
    def time_dep(dt, tau_syn):
        decay = exp(-dt / tau_syn)
        return decay, dt * decay, EULER / tau_syn

    @staticmethod
    def advance(isyn, isyn_rise, decay, gained):
        return isyn * decay + isyn_rise * gained, isyn_rise * decay

    @staticmethod
    def current(isyn, v):
        return isyn

    @staticmethod
    def coupling(dt, tau_syn, tau_m, cm):
        a, b = dt / tau_m, dt / tau_syn
        slower = a <= b
        z = where(slower, a - b, b - a)
        mean, moment = exprel(z), exp_moment(z)
        scale = where(slower, exp(-a), exp(-b)) * dt / cm
        return scale * mean, scale * dt * where(slower, moment, mean - moment)

    @staticmethod
    def drive(isyn, isyn_rise, to_v, rise_to_v):
        return isyn * to_v + isyn_rise * rise_to_v


class VoltageJump(Receptor):
    """A spike of weight w (mV) moves the membrane potential by w at once."""

    port = Port("", "v", "mV")

    @staticmethod
    def time_dep(dt):
        return ()

    @staticmethod
    def advance():
        return ()

    @staticmethod
    def current(v):
        return 0.0

    @staticmethod
    def coupling(dt):
        return ()

    @staticmethod
    def drive():
        return 0.0


E_SYN = Parameter("e_syn", 0.0, "mV")


class ConductanceExponential(Receptor):
    """Conductance that jumps by the weight and decays exponentially.

    I = gsyn (e_syn - v);  d gsyn/dt = -gsyn / tau_syn;  a spike of weight w adds w to gsyn (uS).
    """

    parameters = (E_SYN, TAU_SYN)
    states = (State("gsyn", 0.0, "uS"),)
    port = Port("", "gsyn", "uS", time_constant="tau_syn", decays=True)
    coefficients = ("decay",)
    conductance_based = True

    @staticmethod
    def time_dep(dt, tau_syn):
        return (exp(-dt / tau_syn),)

    @staticmethod
    def advance(gsyn, decay):
        return (gsyn * decay,)

    @staticmethod
    def current(gsyn, v, e_syn):
        return gsyn * (e_syn - v)

    @staticmethod
    def conductance(gsyn):
        return gsyn


class ConductanceAlpha(Receptor):
    """Conductance in the form of an alpha function, w (t / tau_syn) exp(1 - t / tau_syn).

    I = gsyn (e_syn - v);  d gsyn/dt = gsyn_rise - gsyn / tau_syn;
    d gsyn_rise/dt = -gsyn_rise / tau_syn;  a spike of weight w adds w e / tau_syn to gsyn_rise,
    so that gsyn peaks at w (uS).
    """

    parameters = (E_SYN, TAU_SYN)
    states = (State("gsyn", 0.0, "uS"), State("gsyn_rise", 0.0, "uS/ms"))
    port = Port("", "gsyn_rise", "uS", gain="peak_rate", time_constant="tau_syn")
    coefficients = ("decay", "gained", "peak_rate")
    conductance_based = True

    @staticmethod
    def time_dep(dt, tau_syn):
        decay = exp(-dt / tau_syn)
        return decay, dt * decay, EULER / tau_syn

    @staticmethod
    def advance(gsyn, gsyn_rise, decay, gained):
        return gsyn * decay + gsyn_rise * gained, gsyn_rise * decay

    @staticmethod
    def current(gsyn, v, e_syn):
        return gsyn * (e_syn - v)

    @staticmethod
    def conductance(gsyn):
        return gsyn


class ConductanceBeta(Receptor):
    """Conductance in the form of a difference of exponentials with its peak at the weight.

    I = gsyn (e_syn - v);  d gsyn/dt = gsyn_rise - gsyn / tau_decay;
    d gsyn_rise/dt = -gsyn_rise / tau_rise;  a spike of weight w adds w peak_rate to gsyn_rise.
    So gsyn(t) = w (exp(-t / tau_decay) - exp(-t / tau_rise)) / norm for a spike at t = 0, where
    norm is the value of the difference at its maximum,
    t_peak = ln(tau_decay / tau_rise) / (1 / tau_rise - 1 / tau_decay).

    Written with rates, nothing is divided by tau_decay - tau_rise: for equal time constants gsyn
    is the alpha function w (t / tau) exp(1 - t / tau), and nearby it is as smooth.  The curve of
    a spike stays the same where the two time constants change places.

    Roth & van Rossum (2009), equation 6.4, in De Schutter (ed.), Computational Modeling Methods
    for Neuroscientists.
    """

    parameters = (
        E_SYN,
        Parameter("tau_rise", 0.2, "ms", minimum=0.0, exclusive=True),
        Parameter("tau_decay", 1.7, "ms", minimum=0.0, exclusive=True),
    )
    states = (State("gsyn", 0.0, "uS"), State("gsyn_rise", 0.0, "uS/ms"))
    port = Port("", "gsyn_rise", "uS", gain="peak_rate", time_constant="tau_decay")
    coefficients = ("decay", "decay_rise", "gained", "peak_rate")
    conductance_based = True

    @staticmethod
    def time_dep(dt, tau_rise, tau_decay):
        a, b = dt / tau_decay, dt / tau_rise
        gained = dt * exp(-minimum(a, b)) * exprel(-absolute(a - b))
        # ratio - 1 is exact near 1, so that its quotient with the logarithm is accurate too.
        ratio = tau_decay / tau_rise
        same = absolute(ratio - 1.0) < 1e-12
        growth = where(same, 1.0, log(ratio) / where(same, 1.0, ratio - 1.0))
        return exp(-a), exp(-b), gained, exp(ratio * growth) / tau_decay

    @staticmethod
    def advance(gsyn, gsyn_rise, decay, decay_rise, gained):
        return gsyn * decay + gsyn_rise * gained, gsyn_rise * decay_rise

    @staticmethod
    def current(gsyn, v, e_syn):
        return gsyn * (e_syn - v)

    @staticmethod
    def conductance(gsyn):
        return gsyn
