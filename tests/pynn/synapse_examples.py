"""One synapse type of each kind with values of its own for every parameter and every pair."""

from __future__ import annotations

import itertools

import numpy as np
import pyNN.ship as sim

SHAPE = (3, 2)
RANGES = {
    "weight": (0.01, 0.02),
    "delay": (0.5, 3.0),
    "U": (0.1, 0.9),
    "p": (0.1, 0.9),
    "tau_rec": (50.0, 400.0),
    "tau_facil": (0.0, 300.0),
    "dendritic_delay_fraction": (0.0, 1.0),
    "tau_plus": (10.0, 30.0),
    "tau_minus": (10.0, 30.0),
    "A_plus": (0.001, 0.02),
    "A_minus": (0.001, 0.02),
    "w_min": (0.0, 0.005),
    "w_max": (0.03, 0.05),
    "mu_plus": (0.0, 1.0),
    "mu_minus": (0.0, 1.0),
    "tau": (10.0, 30.0),
    "eta": (1e-4, 1e-3),
    "rho": (1.0, 10.0),
}
"""Values that each parameter may have."""
STATES = ("u", "x", "y", "trace_pre", "trace_post")


def values(name, seed=0, shape=SHAPE):
    """Different values of a parameter for each pair of cells."""
    rng = np.random.default_rng([seed, *name.encode()])
    if name == "n":
        return rng.permutation(np.prod(shape)).reshape(shape) + 2.0
    if name == "delay":
        return rng.choice(np.arange(5, 30), shape, replace=False) / 10.0
    return rng.uniform(*RANGES[name], shape)


RULES = ("SpikePairRule", "Vogels2011Rule")
DEPENDENCES = (
    "AdditiveWeightDependence",
    "MultiplicativeWeightDependence",
    "AdditivePotentiationMultiplicativeDepression",
    "GutigWeightDependence",
)
MECHANISMS = [f"{rule} {weight}" for rule, weight in itertools.product(RULES, DEPENDENCES)]
SHORT_TERM = [
    "TsodyksMarkramSynapse",
    "SimpleStochasticSynapse",
    "StochasticTsodyksMarkramSynapse",
    "MultiQuantalSynapse",
]
ALL = ["StaticSynapse", *SHORT_TERM, *MECHANISMS]


def part(name, given):
    """A timing rule or weight dependence, with those of the given values that are its own."""
    cls = getattr(sim, name)
    return cls(**{n: given.pop(n) for n in cls.default_parameters if n in given})


def make(name, **given):
    """A synapse type of that name; of mechanisms, the names of both parts."""
    if " " not in name:
        return getattr(sim, name)(**given)
    rule, dependence = name.split()
    parts = (part(rule, given), part(dependence, given))
    return sim.STDPMechanism(*parts, **given)


def parameters(name):
    """Names of the parameters of that type."""
    return make(name).get_parameter_names()
