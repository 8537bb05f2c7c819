"""Hodgkin-Huxley neurons."""

from __future__ import annotations

from ship_engine.elementwise import absolute, exp, minimum, where
from ship_engine.models.base import Parameter, State
from ship_engine.models.composition import compose
from ship_engine.models.membranes import Membrane
from ship_engine.models.receptors import ConductanceExponential

ABOVE_OFFSET = 30.0
"""A maximum of v is a spike if it lies this many mV above v_offset."""


def reciprocal_exprel(x, exp_x):
    """Give x / (exp(x) - 1), continued smoothly through x = 0, from x and exp(x)."""
    small = absolute(x) < 1e-3
    return where(small, 1.0 + x * (x / 12.0 - 0.5), x / (where(small, 2.0, exp_x) - 1.0))


class TraubMembrane(Membrane):
    """Hodgkin-Huxley membrane with the sodium and potassium currents of Traub and Miles.

    cm dv/dt = -gbar_Na m**3 h (v - e_rev_Na) - gbar_K n**4 (v - e_rev_K)
               - g_leak (v - e_rev_leak) + i_offset + i_inj + synaptic currents;
    dx/dt = alpha_x (1 - x) - beta_x x  for x = m, h, n, where with u = v - v_offset (mV)

    alpha_m = 0.32 (13 - u) / (exp((13 - u) / 4) - 1)
    beta_m = 0.28 (u - 40) / (exp((u - 40) / 5) - 1)
    alpha_h = 0.128 exp((17 - u) / 18)
    beta_h = 4 / (1 + exp((40 - u) / 5))
    alpha_n = 0.032 (15 - u) / (exp((15 - u) / 5) - 1)
    beta_n = 0.5 exp((10 - u) / 40)

    are rates in 1/ms.  A spike occurs at a maximum of v above v_offset + 30 mV, unless the last
    one is less than tau_refrac ago; nothing is reset or held.

    Traub & Miles (1991), Neuronal Networks of the Hippocampus; with the shifts of Brette et al.
    (2007), J. Comput. Neurosci. 23:349.
    """

    parameters = (
        Parameter("gbar_Na", 20.0, "uS", minimum=0.0),
        Parameter("gbar_K", 6.0, "uS", minimum=0.0),
        Parameter("g_leak", 0.01, "uS", minimum=0.0),
        Parameter("cm", 0.2, "nF", minimum=0.0, exclusive=True),
        Parameter("v_offset", -63.0, "mV"),
        Parameter("e_rev_Na", 50.0, "mV"),
        Parameter("e_rev_K", -90.0, "mV"),
        Parameter("e_rev_leak", -65.0, "mV"),
        Parameter("i_offset", 0.0, "nA"),
        Parameter("tau_refrac", 2.0, "ms", minimum=0.0),
    )
    states = (
        State("v", -65.0, "mV"),
        State("m", 0.0, "1"),
        State("h", 1.0, "1"),
        State("n", 0.0, "1"),
    )
    refractory_period = "tau_refrac"
    longest_step = 0.025

    rate_coefficients = ("elastance",)

    @staticmethod
    def rates(cm):
        return (1.0 / cm,)

    @staticmethod
    def derivative(
        v,
        m,
        h,
        n,
        current,
        gbar_Na,
        gbar_K,
        g_leak,
        v_offset,
        e_rev_Na,
        e_rev_K,
        e_rev_leak,
        elastance,
    ):
        u = v - v_offset
        # The exponentials have the exponents -u / 4, -u / 5 and -u / 40 times a constant.
        fortieth = exp(-0.025 * u)
        twentieth = fortieth * fortieth
        tenth = twentieth * twentieth
        fifth = tenth * tenth
        fourth = fifth * twentieth
        alpha_m = 1.28 * reciprocal_exprel(0.25 * (13.0 - u), 25.790339917193062 * fourth)
        beta_m = 1.4 * reciprocal_exprel(0.2 * (u - 40.0), 0.00033546262790251185 / fifth)
        alpha_h = 0.128 * exp((17.0 - u) / 18.0)
        beta_h = 4.0 / (1.0 + 2980.9579870417283 * fifth)
        alpha_n = 0.16 * reciprocal_exprel(0.2 * (15.0 - u), 20.085536923187668 * fifth)
        beta_n = 0.5 * 1.2840254166877414 * fortieth
        sodium = gbar_Na * m * m * m * h * (e_rev_Na - v)
        potassium = gbar_K * (n * n) * (n * n) * (e_rev_K - v)
        return (
            (sodium + potassium + g_leak * (e_rev_leak - v) + current) * elastance,
            alpha_m - (alpha_m + beta_m) * m,
            alpha_h - (alpha_h + beta_h) * h,
            alpha_n - (alpha_n + beta_n) * n,
        )

    @staticmethod
    def threshold(
        v, m, h, n, current, gbar_Na, gbar_K, g_leak, v_offset, e_rev_Na, e_rev_K, e_rev_leak
    ):
        sodium = gbar_Na * m * m * m * h * (v - e_rev_Na)
        potassium = gbar_K * (n * n) * (n * n) * (v - e_rev_K)
        outward = sodium + potassium + g_leak * (v - e_rev_leak) - current
        return minimum(outward, v - (v_offset + ABOVE_OFFSET))

    @staticmethod
    def reset():
        return ()


HodgkinHuxleyTraub = compose(
    "HodgkinHuxleyTraub",
    TraubMembrane,
    {
        "excitatory": (ConductanceExponential, "_exc"),
        "inhibitory": (ConductanceExponential, "_inh"),
    },
)
