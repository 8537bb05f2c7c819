"""A simulator of the platform's networks in plain loops: one component, one synapse at a time.

It is written from the descriptions of the models and of the order of groups alone, and shares no
code with what it is compared with.
"""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction
from typing import Any

import numpy as np

Values = dict[str, float]


def lif(p: Values, s: Values, x: float, dt: float, free: bool) -> tuple[Values, float | None]:
    u = max(s["u"] * math.exp(-dt / p["tau_beta"]) + x, p["u_min"]) if free else 0.0
    return {"u": u}, u - p["thr"]


def rest_and_reset(
    p: Values, s: Values, x: float, dt: float, free: bool
) -> tuple[Values, float | None]:
    decayed = p["u0"] + (s["u"] - p["u0"]) * math.exp(-dt / p["tau_beta"])
    u = max(decayed + x, p["u_min"]) if free else p["ur"]
    return {"u": u}, u - p["thr"]


def li(p: Values, s: Values, x: float, dt: float, free: bool) -> tuple[Values, float | None]:
    return {"u": max(s["u"] * math.exp(-dt / p["tau_beta"]) + x, p["u_min"])}, None


def izhikevich(
    p: Values, s: Values, x: float, dt: float, free: bool
) -> tuple[Values, float | None]:
    v, u = s["v"], s["u"]
    for _ in range(2):
        dv = 0.04 * v * v + 5.0 * v + 140.0 - u + x
        du = p["a"] * (p["b"] * v - u)
        v, u = (v + dt / 2.0 * dv if free else v), u + dt / 2.0 * du
        if free and v >= p["thr"]:
            break
    return {"v": v, "u": u}, v - p["thr"]


def izhikevich_reset(p: Values, s: Values) -> Values:
    return {"v": p["c"], "u": s["u"] + p["d"]}


NEURONS = {
    "LI": (li, None, 0),
    "LIF": (lif, lambda p, s: s, 1),
    "LIFRestAndReset": (rest_and_reset, lambda p, s: s, 1),
    "Izhikevich": (izhikevich, izhikevich_reset, 0),
}
"""Of each neuron the step, the reset, and for how many steps it rests at least."""


def leaky(p: Values, s: Values, x: float, dt: float) -> tuple[Values, float]:
    current = s["I"] * math.exp(-dt / p["tau_alpha"]) + x
    return {"I": current}, current * p["tau_alpha"] * (1.0 - math.exp(-dt / p["tau_alpha"]))


def second_order(p: Values, s: Values, x: float, dt: float) -> tuple[Values, float]:
    rise = s["I1"] * math.exp(-dt / p["tau_alpha1"]) + x
    fall = s["I2"] * math.exp(-dt / p["tau_alpha2"]) - x
    a = rise * p["tau_alpha1"] * (1.0 - math.exp(-dt / p["tau_alpha1"]))
    b = fall * p["tau_alpha2"] * (1.0 - math.exp(-dt / p["tau_alpha2"]))
    return {"I1": rise, "I2": fall}, a + b


def rectangular(p: Values, s: Values, x: float, dt: float) -> tuple[Values, float]:
    current, left = (x, p["tau_alpha"]) if x else (s["I"], max(s["left"] - dt, 0.0))
    return {"I": current, "left": left}, current * min(left, dt)


def summed(p: Values, s: Values, x: float, dt: float) -> tuple[Values, float]:
    current = s["I"] * math.exp(-dt / p["tau_alpha"]) + x
    return {"I": current}, current


def wire(p: Values, s: Values, x: float, dt: float) -> tuple[Values, float]:
    return {}, x + p["bias"]


def link(p: Values, s: Values, x: float, dt: float) -> tuple[Values, float]:
    return {}, x


SYNAPSES = {
    "LeakySynapse": leaky,
    "SecondOrderSynapse": second_order,
    "RectangularSynapse": rectangular,
    "SummedLeakySynapse": summed,
    "Wire": wire,
    "Link": link,
}


def arrival(step: int, delay: Fraction, begins: list[Fraction], lasting: Fraction) -> int:
    """The step whose beginning is nearest to that of this one and the delay; of two, the later."""
    moment = begins[step] + delay
    best, least = step, abs(begins[step] - moment)
    k = step
    while True:
        k += 1
        count = len(begins)
        begin = begins[k] if k < count else begins[-1] + (k - count + 1) * lasting
        if abs(begin - moment) > least:
            return best
        best, least = k, abs(begin - moment)


class NaiveGroup:
    """A group: its model, values [batch, …] by name, and what arrives from it in which step."""

    def __init__(self, id: str, model: str, shape: tuple[int, ...], width: int, values: Any):
        self.id, self.model, self.shape, self.width = id, model, shape, width
        self.values = {n: np.broadcast_to(v, shape) for n, v in values.items()}
        self.states: dict[str, np.ndarray] = {}
        self.left = np.full(shape, Fraction(0))
        self.rest = np.zeros(shape, int)
        self.refractory = self.delayed = False
        self.winner = ""
        self.incoming: list[NaiveGroup] = []
        self.weight: Any = None
        self.arriving: Any = defaultdict(lambda: np.zeros((shape[0], width)))

    def at(self, index: tuple[int, ...]) -> Values:
        return {name: float(value[index]) for name, value in self.values.items()}

    def delays(self) -> np.ndarray:
        return self.values["delay_time"] if self.delayed else np.zeros(self.shape)


class NaiveNetwork:
    """Groups in the order in which a step advances them."""

    def __init__(self, stack: list[NaiveGroup]):
        self.stack, self.now = stack, 0
        self.place = {group.id: k for k, group in enumerate(stack)}
        sources = [(a, b) for b in stack for a in b.incoming]
        self.backward = {(a.id, b.id) for a, b in sources if self.place[a.id] >= self.place[b.id]}

    def run(self, lengths: list[Fraction], inputs: dict[str, np.ndarray]) -> list[dict]:
        begins = [sum(lengths[:k], Fraction(0)) for k in range(len(lengths))]
        kept = []
        for step, dt in enumerate(lengths):
            seen: dict[tuple[str, str], np.ndarray] = {}
            for group in self.stack:
                received = self.received(group)
                if group.model == "Input":
                    output = inputs[group.id][:, step]
                elif group.model in SYNAPSES:
                    output = self.synapses(group, received, float(dt))
                else:
                    output = self.neurons(group, received, dt)
                self.hand_on(group, output, step, begins, lengths[-1])
                seen |= {(group.id, name): value.copy() for name, value in group.states.items()}
                seen[group.id, "output"] = group.arriving[self.now].copy()
            kept.append(seen)
            self.now += 1
        return kept

    def received(self, group: NaiveGroup) -> np.ndarray:
        """The sum over edges; an undelayed one that runs backward is read one step late."""
        width = group.incoming[0].width if group.incoming else group.width
        total = np.zeros((group.shape[0], width))
        for source in group.incoming:
            late = (source.id, group.id) in self.backward and not source.delays().any()
            total = total + source.arriving[self.now - late]
        return total

    def hand_on(self, group: NaiveGroup, output: np.ndarray, step: int, begins: Any, last: Any):
        feeds_back = any(source == group.id for source, _ in self.backward)
        delays = group.delays()
        least = 1 if feeds_back and delays.any() else 0
        for index in np.ndindex(output.shape):
            delay = Fraction(float(delays[index])) if delays.any() else Fraction(0)
            later = max(arrival(step, delay, begins, last) - step, least)
            group.arriving[self.now + later][index[0], index[-1]] += output[index]

    def synapses(self, group: NaiveGroup, received: np.ndarray, dt: float) -> np.ndarray:
        function, batch = SYNAPSES[group.model], group.shape[0]
        output = np.zeros(group.shape)
        for index in np.ndindex(group.shape):
            b, target = index[0], index[-1]
            if group.model == "Link":
                x = received[b, target]
            elif len(group.shape) == 3:
                x = received[b, index[1]] * group.weight[index]
            else:
                sources = range(received.shape[1])
                x = sum(received[b, s] * group.weight[b, s, target] for s in sources)
            state = {name: float(value[index]) for name, value in group.states.items()}
            new, output[index] = function(group.at(index), state, float(x), dt)
            for name, value in new.items():
                group.states[name][index] = value
        assert batch == received.shape[0]
        return output

    def neurons(self, group: NaiveGroup, received: np.ndarray, dt: Fraction) -> np.ndarray:
        function, reset, least = NEURONS[group.model]
        spikes, free = np.zeros(group.shape, bool), np.zeros(group.shape, bool)
        for index in np.ndindex(group.shape):
            free[index] = group.left[index] <= dt / 2 and group.rest[index] == 0
            state = {name: float(value[index]) for name, value in group.states.items()}
            awake = bool(free[index]) or reset is None
            new, distance = function(group.at(index), state, received[index], float(dt), awake)
            spikes[index] = distance is not None and awake and distance >= 0.0
            for name, value in new.items():
                group.states[name][index] = value
            group.left[index] = max(group.left[index] - dt, Fraction(0))
            group.rest[index] = max(group.rest[index] - 1, 0)
        for index in np.ndindex(group.shape):
            won = bool(group.winner) and bool(spikes[index[0]].any())
            if reset is not None and (spikes[index] or won):
                state = {name: float(value[index]) for name, value in group.states.items()}
                for name, value in reset(group.at(index), state).items():
                    group.states[name][index] = value
                group.rest[index] = least
            if group.refractory and (spikes[index] or (won and group.winner == "shared")):
                group.left[index] = Fraction(float(group.values["refr_time"][index]))
        return group.states["u"].copy() if group.model == "LI" else spikes.astype(float)
