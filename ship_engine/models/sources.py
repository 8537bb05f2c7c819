"""Models that only emit spikes."""

from __future__ import annotations

from typing import ClassVar

from ship_engine.models.base import Parameter, Source


class SpikeSourceArray(Source):
    """Emits spikes at given times.

    The times belong to the group (`SpikeArrayGroup.set_spike_times`), since each component has any
    number of them.
    """

    name = "SpikeSourceArray"


class SpikeSourcePoisson(Source):
    """Poisson process of a given rate between `start` and `start + duration`.

    While spikes are rare, intervals are drawn from the exponential distribution.  Where they are
    not, the number of spikes in each step is drawn from a Poisson distribution of mean
    ``rate * overlap``, where overlap is the part of the step that lies inside the active
    interval, and their times are uniform in it.  Both are exactly a Poisson process.
    """

    name = "SpikeSourcePoisson"
    parameters = (
        Parameter("rate", 1.0, "Hz", minimum=0.0),
        Parameter("start", 0.0, "ms"),
        Parameter("duration", 1e10, "ms", minimum=0.0),
    )


class SpikeSourcePoissonRefractory(Source):
    """Poisson process with dead time: a spike is followed by a time in which there is no other.

    Intervals are ``tau_refrac + E``, where E is exponentially distributed with mean
    ``1000 / rate - tau_refrac`` ms; so `rate` is the mean rate with the dead times in it, and has
    to be below ``1000 / tau_refrac`` (Deger et al. 2012, J. Comput. Neurosci. 32:443).  The hazard
    at an age x, which is the time since the last spike, is 0 for ``x < tau_refrac`` and
    ``1 / (1000 / rate - tau_refrac)`` per ms from there on.

    The process is in equilibrium from `start` on: its rate is `rate` at once.
    """

    name = "SpikeSourcePoissonRefractory"
    parameters = (
        Parameter("rate", 1.0, "Hz", minimum=0.0),
        Parameter("tau_refrac", 0.0, "ms", minimum=0.0),
        Parameter("start", 0.0, "ms"),
        Parameter("duration", 1e10, "ms", minimum=0.0),
    )


class SpikeSourceGamma(Source):
    """Renewal process with gamma distributed intervals.

    The density of an interval x (in s) is::

        f(x) = beta**alpha * x**(alpha - 1) * exp(-beta * x) / Gamma(alpha)

    with mean ``alpha / beta`` and coefficient of variation ``1 / sqrt(alpha)``.  A `beta` of 0 is
    silence.  The process is in equilibrium from `start` on: its rate is ``beta / alpha`` at once.
    """

    name = "SpikeSourceGamma"
    parameters = (
        Parameter("alpha", 2.0, "dimensionless", minimum=0.0, exclusive=True),
        Parameter("beta", 1.0, "Hz", minimum=0.0),
        Parameter("start", 0.0, "ms"),
        Parameter("duration", 1e10, "ms", minimum=0.0),
    )


class SpikeSourceInhGamma(Source):
    """Gamma process whose parameters are step functions of time.

    The hazard, which is the probability per s of a spike, is at time t and at an age x (in s,
    since the last spike) that of a gamma process with the parameters of that moment (Muller et
    al. 2007, Neural Comput. 19:2958)::

        h(x, t) = g(x) / (1 - integral of g from 0 to x)
        g(x) = x**(a - 1) * exp(-x / b) / (b**a * Gamma(a)),   a = a(t), b = b(t)

    ``a(t) = a[i]`` and ``b(t) = b[i]`` for ``tbins[i] <= t < tbins[i + 1]``; the last values go
    on, and before ``tbins[0]`` there is no spike.  In equilibrium the rate would be
    ``1 / (a * b)``.  The process starts in the equilibrium of its parameters at that moment, at
    `start` or ``tbins[0]``, whichever is later.

    Attributes
    ----------
    sequences : tuple of Parameter
        Parameters of which each component has an array; the default is an array of one.
    """

    name = "SpikeSourceInhGamma"
    parameters = (
        Parameter("start", 0.0, "ms"),
        Parameter("duration", 1e10, "ms", minimum=0.0),
    )
    sequences: ClassVar[tuple[Parameter, ...]] = (
        Parameter("a", 1.0, "dimensionless", minimum=0.0, exclusive=True),
        Parameter("b", 1.0, "s", minimum=0.0, exclusive=True),
        Parameter("tbins", 0.0, "ms"),
    )
