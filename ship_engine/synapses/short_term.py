"""Synapses whose efficacy depends on their presynaptic spikes: short-term plasticity, failures."""

from __future__ import annotations

from ship_engine.elementwise import binomial_quantile, exp, exprel, where
from ship_engine.models.base import Parameter, State
from ship_engine.synapses.base import Synapse

USE = Parameter("U", 0.5, "dimensionless", minimum=0.0, maximum=1.0)
TAU_FACIL = Parameter("tau_facil", 0.0, "ms", minimum=0.0)


def facilitated(u, U, tau_facil, since_pre):
    """Utilisation at a spike: it decays between spikes, and each adds U of what is left to 1."""
    facilitates = tau_facil > 0.0
    decay = where(facilitates, exp(-since_pre / where(facilitates, tau_facil, 1.0)), 0.0)
    return u * decay + U * (1.0 - u * decay)


class TsodyksMarkram(Synapse):
    """Short-term depression and facilitation by resources that recover.

    Of the resources, x are recovered, y active and 1 - x - y inactive.  A spike uses the part u
    of those recovered; its amplitude is ``weight x u``.  Between spikes::

        dx/dt = (1 - x - y) / tau_rec    dy/dt = -y / tau_psc    du/dt = -u / tau_facil

    and at a spike, in this order, u += U (1 - u); x -= x u; y += x u (both with the old x).
    Without facilitation (``tau_facil = 0``) u is U.  `tau_psc` is the time constant of the
    receptor that the synapse acts on.

    Tsodyks, Uziel & Markram (2000), J. Neurosci. 20:RC50.
    """

    name = "TsodyksMarkram"
    parameters = (
        USE,
        Parameter("tau_rec", 100.0, "ms", minimum=0.0, exclusive=True),
        TAU_FACIL,
        Parameter("tau_psc", 3.0, "ms", minimum=0.0, exclusive=True),
    )
    states = (
        State("u", 0.0, "dimensionless"),
        State("x", 1.0, "dimensionless"),
        State("y", 0.0, "dimensionless"),
    )
    pre_changes = ("u", "x", "y")

    @staticmethod
    def on_pre(weight, u, x, y, U, tau_rec, tau_facil, tau_psc, since_pre):
        active, recovering = since_pre / tau_psc, since_pre / tau_rec
        # What became inactive and has not recovered yet, of what was active; exponents are never
        # positive, and the two time constants may be equal.
        slower = active <= recovering
        gap = where(slower, active - recovering, recovering - active)
        turned = where(slower, exp(-active), exp(-recovering)) * active * exprel(gap)
        inactive = (1.0 - x - y) * exp(-recovering) + y * turned
        y_now = y * exp(-active)
        x_now = 1.0 - y_now - inactive
        u_now = facilitated(u, U, tau_facil, since_pre)
        used = x_now * u_now
        return u_now, x_now - used, y_now + used, weight * used


class SimpleStochastic(Synapse):
    """A synapse that transmits each spike with probability p, independently of all others."""

    name = "SimpleStochastic"
    parameters = (Parameter("p", 0.5, "dimensionless", minimum=0.0, maximum=1.0),)

    @staticmethod
    def on_pre(weight, p, uniform_1):
        return (where(uniform_1 < p, weight, 0.0),)


class StochasticTsodyksMarkram(Synapse):
    """One release site that facilitates, fails and is refilled at random.

    u follows the rule of `TsodyksMarkram`.  At a spike the site, if it is empty, has been
    refilled with probability 1 - exp(-interval / tau_rec) since the spike before; if it is full,
    it releases with probability u, and the amplitude is `weight`.

    Fuhrmann, Segev, Markram & Tsodyks (2002), J. Neurophysiol. 87:140.
    """

    name = "StochasticTsodyksMarkram"
    parameters = (
        USE,
        Parameter("tau_rec", 100.0, "ms", minimum=0.0, exclusive=True),
        TAU_FACIL,
    )
    states = (State("u", 0.0, "dimensionless"), State("depleted", 0.0, "dimensionless"))
    pre_changes = ("u", "depleted")

    @staticmethod
    def on_pre(weight, u, depleted, U, tau_rec, tau_facil, since_pre, uniform_1, uniform_2):
        u_now = facilitated(u, U, tau_facil, since_pre)
        empty = where(uniform_1 < 1.0 - exp(-since_pre / tau_rec), 0.0, depleted)
        released = where(uniform_2 < u_now, 1.0 - empty, 0.0)
        return u_now, empty + released, weight * released


class MultiQuantal(Synapse):
    """n release sites that facilitate together, and each fail and are refilled at random.

    u follows the rule of `TsodyksMarkram`.  At a spike each of the depleted sites has been
    refilled with probability 1 - exp(-interval / tau_rec) since the spike before; then each full
    one releases with probability u.  The amplitude is ``weight released / n``.

    Fuhrmann et al. (2002); Loebel et al. (2009), Front. Comput. Neurosci. 3:27.
    """

    name = "MultiQuantal"
    parameters = (
        USE,
        Parameter("n", 1.0, "dimensionless", minimum=1.0),
        Parameter("tau_rec", 800.0, "ms", minimum=0.0, exclusive=True),
        TAU_FACIL,
    )
    states = (State("u", 0.0, "dimensionless"), State("depleted", 0.0, "dimensionless"))
    pre_changes = ("u", "depleted")

    @staticmethod
    def on_pre(weight, u, depleted, U, n, tau_rec, tau_facil, since_pre, uniform_1, uniform_2):
        u_now = facilitated(u, U, tau_facil, since_pre)
        refilled = binomial_quantile(uniform_1, depleted, 1.0 - exp(-since_pre / tau_rec))
        full = n - depleted + refilled
        released = binomial_quantile(uniform_2, full, u_now)
        return u_now, n - full + released, weight * released / n
