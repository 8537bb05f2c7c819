"""A leaky integrate-and-fire neuron without time steps, the measure of ``lif_accuracy.py``.

It shares nothing with any simulator. Between two arrivals the membrane is a linear equation

    dv/dt = a(t) - b(t) v,    v(t) = exp(-B(t)) [v(0) + integral of a(u) exp(B(u)) du],

B being the integral of b. Synaptic currents and conductances, and their integrals, are known in
closed form, so that a single integral is left. A Gauss-Legendre rule of ten nodes on pieces of at
most a quarter of a millisecond gives it to the last digits of double precision. A spike is where v
reaches the threshold, found by Brent's method; if v rises and falls within a piece, its maximum is
looked at too. An input acts at its own time, whatever that is. While the neuron is refractory v
stays at v_reset, and jumps of v are lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

Arrival = tuple[float, str, float]
"""Time (ms), receptor ("excitatory" or "inhibitory") and weight of one input."""

PIECE = 0.25  # ms
INSTANT = 1e-9  # ms; times nearer than this differ by rounding only
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)
_NODES, _WEIGHTS = 0.5 * (_NODES + 1.0), 0.5 * _WEIGHTS


@dataclass
class Receptor:
    """A synaptic current (nA) or, with a reversal potential (mV), conductance (uS)."""

    tau: float
    alpha: bool
    reversal: float | None
    value: float = 0.0
    rise: float = 0.0

    def receive(self, weight: float) -> None:
        """Take an input."""
        if self.alpha:
            self.rise += weight * np.e / self.tau
        else:
            self.value += weight

    def at(self, s: Any) -> Any:
        """Return the current or conductance after `s` ms without input."""
        return (self.value + self.rise * s) * np.exp(-s / self.tau)

    def integral(self, s: Any) -> Any:
        """Return the integral of the current or conductance over the next `s` ms."""
        gone = -np.expm1(-s / self.tau)
        rising = self.rise * self.tau * (self.tau * gone - s * np.exp(-s / self.tau))
        return self.value * self.tau * gone + rising

    def advance(self, s: float) -> None:
        """Let `s` ms pass."""
        self.value = float(self.at(s))
        self.rise *= float(np.exp(-s / self.tau))


class Neuron:
    """One neuron, of any of PyNN's cell types ``IF_*`` with an exponential, alpha or delta synapse.

    Parameters
    ----------
    cell_type : str
        The name of the cell type.
    parameters : mapping
        All of its parameters under PyNN's names, in PyNN's units.
    """

    def __init__(self, cell_type: str, parameters: Mapping[str, float]) -> None:
        self.parameters = p = dict(parameters)
        self.jumps = cell_type == "IF_curr_delta"
        self.receptors: dict[str, Receptor] = {}
        if not self.jumps:
            alpha, conductance = "alpha" in cell_type, "cond" in cell_type
            for name, letter in (("excitatory", "E"), ("inhibitory", "I")):
                reversal = p[f"e_rev_{letter}"] if conductance else None
                self.receptors[name] = Receptor(p[f"tau_syn_{letter}"], alpha, reversal)
        self.v, self.time, self.refractory_until = p["v_rest"], 0.0, 0.0
        self.spikes: list[float] = []

    def run(self, duration: float, arrivals: Sequence[Arrival]) -> NDArray[np.float64]:
        """Return the spike times (ms) of a run from time 0, at `v_rest`."""
        self.sample([duration], arrivals)
        return np.array(self.spikes)

    def sample(self, times: Sequence[float], arrivals: Sequence[Arrival]) -> NDArray[np.float64]:
        """Return v (mV) at each of the increasing `times` (ms), inputs at that time included."""
        waiting = sorted(arrivals, reverse=True)
        samples = []
        for time in times:
            while waiting and waiting[-1][0] <= time + INSTANT:
                together = [waiting.pop()]
                while waiting and waiting[-1][0] <= together[0][0] + INSTANT:
                    together.append(waiting.pop())
                self.advance(together[0][0])
                self.receive(together)
            self.advance(time)
            samples.append(self.v)
        return np.array(samples)

    def receive(self, inputs: Sequence[Arrival]) -> None:
        """Take inputs that arrive together, now."""
        if not self.jumps:
            for _, receptor, weight in inputs:
                self.receptors[receptor].receive(weight)
        elif self.time >= self.refractory_until:
            self.v += sum(weight for _, _, weight in inputs)
            if self.v >= self.parameters["v_thresh"]:
                self.spike()

    def spike(self) -> None:
        """Emit a spike now."""
        self.spikes.append(self.time)
        self.v = self.parameters["v_reset"]
        self.refractory_until = self.time + self.parameters["tau_refrac"]

    def advance(self, time: float) -> None:
        """Integrate until `time`, in the course of which no input arrives."""
        while self.time < time:
            if self.time < self.refractory_until:
                self.pass_time(min(time, self.refractory_until))
                continue
            end = min(time, self.time + PIECE)
            crossing = self.crossing(end - self.time)
            if crossing is None:
                self.v = self.potential(end - self.time)
                self.pass_time(end)
            else:
                self.pass_time(self.time + crossing)
                self.spike()

    def pass_time(self, time: float) -> None:
        """Let the synapses decay until `time`; v is left as it is."""
        for receptor in self.receptors.values():
            receptor.advance(time - self.time)
        self.time = time

    def potential(self, s: float) -> float:
        """Return v after `s` ms without input or spike, `s` being short."""
        nodes = s * _NODES
        integral = s * (_WEIGHTS @ (self.drive(nodes) * np.exp(self.leakage(nodes))))
        return float(np.exp(-self.leakage(s)) * (self.v + integral))

    def drive(self, s: Any) -> Any:
        """Return a(s) of the membrane's equation in mV/ms."""
        p = self.parameters
        current = p["i_offset"]
        for receptor in self.receptors.values():
            factor = 1.0 if receptor.reversal is None else receptor.reversal
            current = current + factor * receptor.at(s)
        return p["v_rest"] / p["tau_m"] + current / p["cm"] + 0.0 * s

    def leakage(self, s: Any) -> Any:
        """Return B(s), the integral of b from 0 to `s`."""
        total = s / self.parameters["tau_m"]
        for receptor in self.receptors.values():
            if receptor.reversal is not None:
                total = total + receptor.integral(s) / self.parameters["cm"]
        return total

    def slope(self, s: float) -> float:
        """Return dv/dt after `s` ms."""
        b = 1.0 / self.parameters["tau_m"]
        for receptor in self.receptors.values():
            if receptor.reversal is not None:
                b += float(receptor.at(s)) / self.parameters["cm"]
        return float(self.drive(s)) - b * self.potential(s)

    def crossing(self, s: float) -> float | None:
        """Return after how many ms v first reaches the threshold, or None if not within `s`."""
        threshold = self.parameters["v_thresh"]
        if self.potential(s) < threshold:
            if self.slope(0.0) <= 0.0 or self.slope(s) >= 0.0:
                return None
            s = brentq(self.slope, 0.0, s, xtol=1e-12)
            if self.potential(s) < threshold:
                return None
        return float(brentq(lambda x: self.potential(x) - threshold, 0.0, s, xtol=1e-13))
