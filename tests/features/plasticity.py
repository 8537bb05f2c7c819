"""Probes of spike-timing-dependent plasticity: weights after known spikes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .measure import Floats, Probe, close, refusal, require, spikes

PRE = [10.0, 25.0, 41.0, 60.0, 78.0, 95.0]
FORCED = [14.0, 23.0, 47.0, 58.0, 84.0, 90.0]
PAIRS = {"tau_plus": 15.0, "tau_minus": 30.0, "A_plus": 0.05, "A_minus": 0.04}


class Experiment:
    """One source, cells that other spikes make fire, and plastic synapses between them."""

    def __init__(
        self, sim: Any, synapse: Any, count: int = 1, receptor: str = "excitatory"
    ) -> None:
        self.sim = sim
        pre = sim.Population(1, sim.SpikeSourceArray(spike_times=PRE))
        forcing = sim.Population(1, sim.SpikeSourceArray(spike_times=FORCED))
        self.post = sim.Population(count, sim.IF_curr_delta())
        connector = sim.AllToAllConnector()
        strong = sim.StaticSynapse(weight=100.0, delay=1.0)
        sim.Projection(forcing, self.post, connector, strong, receptor_type="excitatory")
        self.plastic = sim.Projection(pre, self.post, connector, synapse, receptor_type=receptor)
        self.post.record("spikes")

    def run(self) -> Floats:
        """The weights afterwards."""
        self.sim.run(110.0)
        require([len(t) == len(FORCED) for t in spikes(self.post)], "each cell fires as forced")
        weights: Floats = self.plastic.get("weight", "array")[0]
        return weights


def replay(
    weight: float,
    delay: float,
    fraction: float,
    potentiate: Callable[[float, float], float],
    depress: Callable[[float, float], float],
    rule: Any = None,
) -> float:
    """Apply each event, in the order of the times at which the synapse sees it, to the weight."""
    rule = PAIRS if rule is None else rule
    before = [(t + (1.0 - fraction) * delay, "pre") for t in PRE]
    after = [(t + 1.0 + fraction * delay, "post") for t in FORCED]
    seen: dict[str, list[float]] = {"pre": [], "post": []}
    for time, side in sorted(before + after):
        if side == "post":
            trace = sum(np.exp(-(time - t) / rule["tau_plus"]) for t in seen["pre"])
            weight = potentiate(weight, rule["A_plus"] * trace)
        else:
            trace = sum(np.exp(-(time - t) / rule["tau_minus"]) for t in seen["post"])
            weight = depress(weight, rule["A_minus"] * trace)
        seen[side].append(time)
    return weight


def _bounded(low: float, high: float, change: Callable[[float, float], float]) -> Any:
    return lambda w, x: min(max(w + change(w, x), low), high)


def additive(w_max: float, w_min: float = 0.0) -> dict[str, Any]:
    return {
        "potentiate": _bounded(w_min, w_max, lambda w, x: w_max * x),
        "depress": _bounded(w_min, w_max, lambda w, x: -w_max * x),
    }


def _mechanism(sim: Any, dependence: Any, **others: Any) -> Any:
    arguments = {"weight": 0.02, "delay": 2.0, "dendritic_delay_fraction": 0.0} | others
    rule = arguments.pop("rule", PAIRS)
    return sim.STDPMechanism(
        timing_dependence=sim.SpikePairRule(**rule), weight_dependence=dependence, **arguments
    )


def delay_fraction(sim: Any) -> None:
    for fraction in (0.0, 0.5, 1.0):
        sim.setup(timestep=0.1)
        dependence = sim.AdditiveWeightDependence(w_max=0.05)
        synapse = _mechanism(sim, dependence, delay=6.0, dendritic_delay_fraction=fraction)
        experiment = Experiment(sim, synapse)
        found = experiment.run()
        close(found, replay(0.02, 6.0, fraction, **additive(0.05)), 1e-6)
        close(experiment.plastic.get("dendritic_delay_fraction", "array"), fraction)


def heterogeneous(sim: Any) -> None:
    values = {name: np.array([[v, 1.5 * v, 0.5 * v]]) for name, v in PAIRS.items()}
    w_max = np.array([[0.05, 0.08, 0.04]])
    weights = np.array([[0.02, 0.03, 0.01]])
    dependence = sim.AdditiveWeightDependence(w_max=w_max)
    synapse = _mechanism(sim, dependence, rule=values, weight=weights)
    experiment = Experiment(sim, synapse, 3)
    found = experiment.run()
    for k in range(3):
        rule = {name: v[0, k] for name, v in values.items()}
        expected = replay(weights[0, k], 2.0, 0.0, **additive(w_max[0, k]), rule=rule)
        close(found[k], expected, 1e-6)
    for name, expected in (values | {"w_max": w_max}).items():
        close(experiment.plastic.get(name, "array"), expected)


def get_and_set(sim: Any) -> None:
    dependence = sim.AdditiveWeightDependence(w_max=0.05)
    experiment = Experiment(sim, _mechanism(sim, dependence), 2)
    experiment.run()
    plastic = experiment.plastic
    changed = {"A_minus": 0.02, "A_plus": 0.01, "tau_plus": 11.0, "tau_minus": 12.0, "w_max": 0.07}
    for name, value in changed.items():
        plastic.set(**{name: value})
        close(plastic.get(name, "array"), value)
    plastic.set(weight=np.array([[0.03, 0.04]]), tau_plus=np.array([[13.0, 14.0]]))
    close(plastic.get("tau_plus", "array"), [[13.0, 14.0]])
    close(plastic.get("weight", "array"), [[0.03, 0.04]])
    close(sorted(plastic.get(["weight"], "list")), [(0, 0, 0.03), (0, 1, 0.04)])


def inhibitory_current(sim: Any) -> None:
    """The size of a negative weight changes as that of a positive one."""
    dependence = sim.AdditiveWeightDependence(w_max=0.05)
    synapse = _mechanism(sim, dependence, weight=-0.02)
    found = Experiment(sim, synapse, receptor="inhibitory").run()
    close(found, -replay(0.02, 2.0, 0.0, **additive(0.05)), 1e-6)


def _dependence(sim: Any, name: str, parameters: dict[str, float], reference: Any) -> None:
    """Potentiation and depression as documented, and both limits."""
    dependence = getattr(sim, name)(**parameters)
    experiment = Experiment(sim, _mechanism(sim, dependence))
    close(experiment.run(), replay(0.02, 2.0, 0.0, **reference), 1e-6)
    for given, value in parameters.items():
        close(experiment.plastic.get(given, "array"), value)
    for rule, weight in (({"A_minus": 0.0, "A_plus": 9.0}, 0.049), ({"A_plus": 0.0}, 0.0101)):
        sim.setup(timestep=0.1)
        bounded = getattr(sim, name)(**parameters | {"w_min": 0.01, "w_max": 0.05})
        strong = PAIRS | {"A_minus": 9.0} | rule
        found = Experiment(sim, _mechanism(sim, bounded, rule=strong, weight=weight)).run()
        close(found, 0.05 if strong["A_plus"] else 0.01, 1e-6)


def additive_dependence(sim: Any) -> None:
    _dependence(sim, "AdditiveWeightDependence", {"w_min": 0.0, "w_max": 0.05}, additive(0.05))


def multiplicative(sim: Any) -> None:
    low, high = 0.005, 0.05
    reference = {
        "potentiate": _bounded(low, high, lambda w, x: (high - w) * x),
        "depress": _bounded(low, high, lambda w, x: (low - w) * x),
    }
    limits = {"w_min": low, "w_max": high}
    _dependence(sim, "MultiplicativeWeightDependence", limits, reference)


def mixed(sim: Any) -> None:
    reference = {
        "potentiate": _bounded(0.0, 0.05, lambda w, x: 0.05 * x),
        "depress": _bounded(0.0, 0.05, lambda w, x: -w * x),
    }
    limits = {"w_min": 0.0, "w_max": 0.05}
    _dependence(sim, "AdditivePotentiationMultiplicativeDepression", limits, reference)


def gutig(sim: Any) -> None:
    high, up, down = 0.05, 0.3, 0.7
    reference = {
        "potentiate": _bounded(0.0, high, lambda w, x: high * x * (1.0 - w / high) ** up),
        "depress": _bounded(0.0, high, lambda w, x: -high * x * (w / high) ** down),
    }
    parameters = {"w_min": 0.0, "w_max": high, "mu_plus": up, "mu_minus": down}
    _dependence(sim, "GutigWeightDependence", parameters, reference)


def spike_pairs(sim: Any) -> None:
    """All pairs count, at each event with the weight of that moment; reset() restores weights."""
    experiment = Experiment(sim, _mechanism(sim, sim.AdditiveWeightDependence(w_max=0.05)))
    expected = replay(0.02, 2.0, 0.0, **additive(0.05))
    close(experiment.run(), expected, 1e-6)
    sim.reset()
    close(experiment.plastic.get("weight", "array"), 0.02)
    close(experiment.run(), expected, 1e-6)


def vogels(sim: Any) -> None:
    tau, eta, rho = 20.0, 1e-3, 5.0
    synapse = sim.STDPMechanism(
        timing_dependence=sim.Vogels2011Rule(tau=tau, eta=eta, rho=rho),
        weight_dependence=sim.AdditiveWeightDependence(w_max=1.0),
        weight=0.2,
        delay=2.0,
        dendritic_delay_fraction=0.0,
    )
    experiment = Experiment(sim, synapse)
    arrivals = sorted([(t + 2.0, "pre") for t in PRE] + [(t + 1.0, "post") for t in FORCED])
    weight, seen = 0.2, {"pre": [], "post": []}
    for time, side in arrivals:
        other = seen["post" if side == "pre" else "pre"]
        weight += eta * sum(np.exp(-(time - t) / tau) for t in other)
        weight -= eta * 2.0 * rho * tau / 1000.0 if side == "pre" else 0.0
        seen[side].append(time)
    close(experiment.run(), weight, 1e-6)
    for name, value in (("tau", tau), ("eta", eta), ("rho", rho)):
        close(experiment.plastic.get(name, "array"), value)


def voltage_dependence(sim: Any) -> str:
    """PyNN has the argument and no class to give it."""
    make = partial(_mechanism, sim, sim.AdditiveWeightDependence(), voltage_dependence="any rule")
    return refusal(make, "voltage_dependence")


ROWS: dict[str, Probe] = {
    "STDPMechanism: dendritic_delay_fraction": delay_fraction,
    "STDP heterogeneous parameters": heterogeneous,
    "STDP get/set after run": get_and_set,
    "STDP inhibitory, current-based": inhibitory_current,
    "AdditiveWeightDependence": additive_dependence,
    "MultiplicativeWeightDependence": multiplicative,
    "AdditivePotentiationMultiplicativeDepression": mixed,
    "GutigWeightDependence": gutig,
    "SpikePairRule": spike_pairs,
    "Vogels2011Rule": vogels,
    "voltage_dependence": voltage_dependence,
}
