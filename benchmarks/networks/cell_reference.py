"""Every spiking standard cell computed without time steps, the measure of ``accuracy.py``.

It shares nothing with any simulator: the equations are written here from PyNN's documentation and
the papers. Between two events, arrivals of input or ends of refractory periods, synaptic currents
and conductances are known in closed form; for the rest SciPy's Runge-Kutta method of order 8
(DOP853) is given a tolerance of 1e-12 and as many steps as it wants. A spike is where `event`
rises through zero, found by Brent's method in the integrator's own interpolation; an input acts at
its own time, whatever that is.

During a refractory period the potential stays where the reset has put it and jumps of it are lost,
while conductances and adaptation go on. HH_cond_exp is not reset; as in NEST, its spike is at the
maximum of the potential, if that is 30 mV above `v_offset` or more and the spike before is 2 ms
past.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853
from scipy.optimize import brentq

from .lif_reference import INSTANT, Arrival, Receptor

Vector = NDArray[np.float64]
TOLERANCE = 1e-12
NEVER = -1.0  # value of an event that cannot happen here


class Cell:
    """A leaky integrate-and-fire cell, and the base of the others.

    Parameters
    ----------
    cell_type : str
        The name of the cell type; its synapses are read from it.
    parameters : mapping
        All of its parameters under PyNN's names, in PyNN's units.
    initial_values : mapping
        Where the states start, in PyNN's units.
    """

    states: ClassVar[tuple[str, ...]] = ("v",)
    jumps: ClassVar[bool] = False

    def __init__(
        self,
        cell_type: str,
        parameters: Mapping[str, float],
        initial_values: Mapping[str, float],
    ) -> None:
        self.parameters = p = dict(parameters)
        self.receptors: dict[str, Receptor] = {}
        if not self.jumps:
            for name, letter in (("excitatory", "E"), ("inhibitory", "I")):
                reversal = p.get(f"e_rev_{letter}")
                tau = p[f"tau_syn_{letter}"]
                self.receptors[name] = Receptor(tau, "alpha" in cell_type, reversal)
        self.y: Vector = np.array([initial_values[name] for name in self.states])
        self.time, self.refractory_until = 0.0, 0.0
        self.before = NEVER
        self.spikes: list[float] = []

    def conductance(self, s: float) -> tuple[float, float]:
        """Return the synapses' conductance (uS) `s` ms from now, and its current (nA) at v = 0."""
        total, current = 0.0, 0.0
        for receptor in self.receptors.values():
            value = float((receptor.value + receptor.rise * s) * math.exp(-s / receptor.tau))
            if receptor.reversal is None:
                current += value
            else:
                total += value
                current += value * receptor.reversal
        return total, current

    def slope(self, s: float, y: Vector) -> list[float]:
        """Return the derivatives of the states (per ms), `s` ms from now, not refractory."""
        p = self.parameters
        g, i = self.conductance(s)
        v = y[0]
        return [(p["v_rest"] - v) / p["tau_m"] + (i - g * v + p["i_offset"]) / p["cm"]]

    def refractory_slope(self, s: float, y: Vector) -> list[float]:
        """Return the derivatives of the states while v is held."""
        return [0.0, *self.slope(s, y)[1:]]

    def event(self, s: float, y: Vector) -> float:
        """Return what rises through zero when the cell spikes."""
        return float(y[0]) - self.parameters["v_thresh"]

    def reset(self) -> None:
        """Change the states as a spike does."""
        self.y[0] = self.parameters["v_reset"]

    def run(self, duration: float, arrivals: Sequence[Arrival]) -> Vector:
        """Return the spike times (ms) of a run."""
        self.sample([duration], arrivals)
        return np.array(self.spikes)

    def sample(self, times: Sequence[float], arrivals: Sequence[Arrival]) -> dict[str, Vector]:
        """Return all variables at each of the increasing `times` (ms), inputs then included."""
        waiting = sorted(arrivals, reverse=True)
        samples: dict[str, list[float]] = {}
        for time in times:
            while waiting and waiting[-1][0] <= time + INSTANT:
                together = [waiting.pop()]
                while waiting and waiting[-1][0] <= together[0][0] + INSTANT:
                    together.append(waiting.pop())
                self.advance(together[0][0])
                self.receive(together)
            self.advance(time)
            for name, value in self.variables().items():
                samples.setdefault(name, []).append(value)
        return {name: np.array(values) for name, values in samples.items()}

    def variables(self) -> dict[str, float]:
        """Return what can be recorded now."""
        names = {"excitatory": "syn_exc", "inhibitory": "syn_inh"}
        result = {name: float(value) for name, value in zip(self.states, self.y, strict=True)}
        for name, receptor in self.receptors.items():
            letter = "i" if receptor.reversal is None else "g"
            result[letter + names[name] if name in names else name] = receptor.value
        return result

    def receive(self, inputs: Sequence[Arrival]) -> None:
        """Take inputs that arrive together, now."""
        for _, receptor, weight in inputs:
            if not self.jumps:
                self.receptors[receptor].receive(weight)
            elif self.time >= self.refractory_until - INSTANT:
                self.y[0] += weight
        self.look()

    def look(self) -> None:
        """Spike if the event has become positive at this moment."""
        now = self.event(0.0, self.y)
        if self.before < 0.0 <= now and self.time >= self.refractory_until - INSTANT:
            self.spike()
        else:
            self.before = now

    def spike(self) -> None:
        """Emit a spike now."""
        self.spikes.append(self.time)
        self.reset()
        self.refractory_until = self.time + self.parameters.get("tau_refrac", 0.0)
        self.before = NEVER

    def advance(self, time: float) -> None:
        """Integrate until `time`, in the course of which no input arrives."""
        while self.time < time - INSTANT:
            if self.time < self.refractory_until - INSTANT:
                end = min(time, self.refractory_until)
                self.integrate(end, self.refractory_slope, spiking=False)
                self.before = self.event(0.0, self.y)
            else:
                self.integrate(time, self.slope, spiking=True)

    def integrate(self, end: float, slope, spiking: bool) -> None:
        """Integrate until `end`, or until a spike before it, and emit that."""
        solver = DOP853(slope, 0.0, self.y, end - self.time, rtol=TOLERANCE, atol=TOLERANCE)
        while solver.status == "running":
            solver.step()
            if not spiking:
                continue
            s = self.summit(solver)
            now = self.event(s, solver.dense_output()(s))
            if self.before < 0.0 <= now:
                self.cross(solver, s)
                return
            self.before = self.event(solver.t, solver.y)
        self.pass_time(end - self.time, solver.y)

    def summit(self, solver: DOP853) -> float:
        """Return where v is largest in the solver's last step, if it rises and falls; or the end.

        Between two events it has at most one maximum in so short a time.
        """
        between = solver.dense_output()

        def steepness(s: float) -> float:
            return self.slope(s, between(s))[0]

        if steepness(solver.t_old) > 0.0 > steepness(solver.t):
            return float(brentq(steepness, solver.t_old, solver.t, xtol=1e-12))
        return float(solver.t)

    def cross(self, solver: DOP853, last: float) -> None:
        """Go to where the event is zero in the solver's last step, not after `last`; spike."""
        between = solver.dense_output()
        first = solver.t_old
        if self.event(first, between(first)) >= 0.0:  # by rounding
            s = first
        else:
            s = brentq(lambda x: self.event(x, between(x)), first, last, xtol=1e-13)
        self.pass_time(s, between(s))
        self.spike()

    def pass_time(self, s: float, y: Vector) -> None:
        """Let the synapses decay for `s` ms and take the states reached."""
        for receptor in self.receptors.values():
            receptor.advance(s)
        self.time += s
        self.y = np.array(y)


class VoltageJumps(Cell):
    """IF_curr_delta: inputs are jumps of the potential (mV)."""

    jumps = True


class FacetsHardware(Cell):
    """IF_facets_hardware1: a cell with constants that PyNN's documentation gives."""

    def __init__(
        self,
        cell_type: str,
        parameters: Mapping[str, float],
        initial_values: Mapping[str, float],
    ) -> None:
        cm = 0.2  # nF
        constants = {
            "cm": cm,
            "tau_m": 1e3 * cm / parameters["g_leak"],  # nF / nS
            "tau_refrac": 1.0,  # ms
            "e_rev_E": 0.0,  # mV
            "i_offset": 0.0,  # nA
        }
        super().__init__(cell_type, {**parameters, **constants}, initial_values)


class Adapting(Cell):
    """IF_cond_exp_gsfa_grr: each spike adds to two conductances (nS) that decay (Muller 2007)."""

    def __init__(
        self,
        cell_type: str,
        parameters: Mapping[str, float],
        initial_values: Mapping[str, float],
    ) -> None:
        super().__init__(cell_type, parameters, initial_values)
        p = parameters
        self.receptors["g_s"] = Receptor(p["tau_sfa"], False, p["e_rev_sfa"])
        self.receptors["g_r"] = Receptor(p["tau_rr"], False, p["e_rev_rr"])

    def reset(self) -> None:
        super().reset()
        self.receptors["g_s"].receive(1e-3 * self.parameters["q_sfa"])  # nS to uS
        self.receptors["g_r"].receive(1e-3 * self.parameters["q_rr"])

    def variables(self) -> dict[str, float]:
        values = super().variables()
        return {**values, "g_s": 1e3 * values["g_s"], "g_r": 1e3 * values["g_r"]}


class AdaptiveExponential(Cell):
    """EIF_cond_*_isfa_ista: exponential rise, adaptation w (Brette and Gerstner 2005)."""

    states = ("v", "w")

    def slope(self, s: float, y: Vector) -> list[float]:
        p = self.parameters
        v, w = y
        rise = p["delta_T"] * math.exp((v - p["v_thresh"]) / p["delta_T"]) / p["tau_m"]
        leak = super().slope(s, y)[0]
        return [leak + rise - w / p["cm"], (1e-3 * p["a"] * (v - p["v_rest"]) - w) / p["tau_w"]]

    def event(self, s: float, y: Vector) -> float:
        return float(y[0]) - self.parameters["v_spike"]

    def reset(self) -> None:
        super().reset()
        self.y[1] += self.parameters["b"]


class QuadraticWithRecovery(Cell):
    """Izhikevich (2003): inputs are jumps of the potential (mV); the spike is at 30 mV."""

    states = ("v", "u")
    jumps = True

    def slope(self, s: float, y: Vector) -> list[float]:
        p = self.parameters
        v, u = y
        current = 1e3 * p["i_offset"]  # nA on a capacitance of 1 pF, in mV/ms
        return [0.04 * v * v + 5.0 * v + 140.0 - u + current, p["a"] * (p["b"] * v - u)]

    def event(self, s: float, y: Vector) -> float:
        return float(y[0]) - 30.0

    def reset(self) -> None:
        self.y[0] = self.parameters["c"]
        self.y[1] += self.parameters["d"]


class HodgkinHuxley(Cell):
    """HH_cond_exp: Traub and Miles (1991), with v_offset for their resting potential.

    The rates are those of the pyramidal cell as Brette et al. (2007) write them.
    """

    states = ("v", "m", "h", "n")
    height = 30.0  # mV above v_offset
    apart = 2.0  # ms

    def slope(self, s: float, y: Vector) -> list[float]:
        p = self.parameters
        v, m, h, n = y
        g, i = self.conductance(s)
        u = v - p["v_offset"]
        current = (
            p["g_leak"] * (p["e_rev_leak"] - v)
            + p["gbar_Na"] * m**3 * h * (p["e_rev_Na"] - v)
            + p["gbar_K"] * n**4 * (p["e_rev_K"] - v)
            + p["i_offset"]
            + i
            - g * v
        )
        open_m, close_m = 0.32 * 4.0 * _linoid((13.0 - u) / 4.0), 1.4 * _linoid((u - 40.0) / 5.0)
        open_h, close_h = 0.128 * math.exp((17.0 - u) / 18.0), 4.0 * _logistic((u - 40.0) / 5.0)
        open_n, close_n = 0.16 * _linoid((15.0 - u) / 5.0), 0.5 * math.exp((10.0 - u) / 40.0)
        return [
            current / p["cm"],
            open_m * (1.0 - m) - close_m * m,
            open_h * (1.0 - h) - close_h * h,
            open_n * (1.0 - n) - close_n * n,
        ]

    def event(self, s: float, y: Vector) -> float:
        early = self.spikes and self.time + s < self.spikes[-1] + self.apart
        if early or y[0] < self.parameters["v_offset"] + self.height:
            return NEVER
        return -self.slope(s, y)[0]

    def summit(self, solver: DOP853) -> float:
        """Return the end of the step: the event is itself about the maximum."""
        return float(solver.t)

    def reset(self) -> None:
        """Nothing is reset."""


def _linoid(x: float) -> float:
    """Return x / (exp(x) - 1), and its limit at zero."""
    return 1.0 if x == 0.0 else x / math.expm1(x)


def _logistic(x: float) -> float:
    """Return 1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + math.exp(-x))


MODELS: dict[str, type[Cell]] = {
    "IF_curr_exp": Cell,
    "IF_curr_alpha": Cell,
    "IF_curr_delta": VoltageJumps,
    "IF_cond_exp": Cell,
    "IF_cond_alpha": Cell,
    "IF_cond_exp_gsfa_grr": Adapting,
    "IF_facets_hardware1": FacetsHardware,
    "EIF_cond_exp_isfa_ista": AdaptiveExponential,
    "EIF_cond_alpha_isfa_ista": AdaptiveExponential,
    "Izhikevich": QuadraticWithRecovery,
    "HH_cond_exp": HodgkinHuxley,
}


def cell(
    cell_type: str, parameters: Mapping[str, float], initial_values: Mapping[str, float]
) -> Cell:
    """Return the cell of a type, at time 0."""
    return MODELS[cell_type](cell_type, parameters, initial_values)
