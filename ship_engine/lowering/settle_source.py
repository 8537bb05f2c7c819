"""Write the part of a kernel that advances one cell through the parts of its step.

These are: what is left of a refractory period, the time to the next spike, the spike, its
refractory period, and the rest.  Where the model has an alarm, the time to the next spike is gone
through in steps that get shorter as long as the alarm is raised, down to the settling step.
"""

from __future__ import annotations

from ship_engine.lowering.layout import (
    CURRENT,
    ERROR,
    KEY_0,
    KEY_1,
    REFRACTORY,
    SPIKE_INDEX,
    SPIKE_OFFSET,
    Layout,
)
from ship_engine.lowering.source_text import call, indent, own
from ship_engine.models.base import Model

REFINEMENT = 0.25
"""By how much a step gets shorter that raised the alarm."""
CROSSING_ITERATIONS = 6
"""Steps of the Illinois method after the first secant.

Then the crossing is found to rounding, or to about 1e-7 dt where the potential only grazes the
threshold.
"""


MOST_PARTS = 1 << 20
"""Into more parts a step is not divided, however strong conductances are."""


class SettleWriter:
    """Writes the function ``settle`` of a model that spikes.

    Parameters
    ----------
    model : type[Model]
        The model.
    lean : bool
        Whether no current is injected.
    """

    def __init__(self, model: type[Model], lean: bool) -> None:
        self.model, self.lean = model, lean
        self.layout = Layout(model)
        self.states = [state.name for state in model.states]
        self.refractory = model.refractory_period is not None
        self.refined = model.alarm is not None and model.settling_step is not None
        self.stepwise = self.refined or model.longest_step is not None or model.overload is not None
        assert model.threshold is not None
        assert model.reset is not None
        self.threshold, self.reset = model.threshold, model.reset

    def text(self) -> str:
        """The function as source text."""
        layout = self.layout
        lines = [f"{own(n)} = float64(G[{p}])[j]" for n, p in layout.state.items()]
        for parameter in self.model.parameters:
            place = layout.value[parameter.name]
            lines.append(f"{own(parameter.name)} = float64(G[{place}])[j * G[{place + 1}]]")
        current = "0.0" if self.lean else f"float64(G[{CURRENT}])[j]"
        lines += [f"i_inj = {current}", "elapsed = 0.0", "offset = -1.0"]
        lines += self._step()
        lines += [f"float64(G[{p}])[j] = {own(n)}" for n, p in layout.state.items()]
        if self.refractory:
            lines.append(f"float64(G[{REFRACTORY}])[j] = left if left > instant else 0.0")
        lines += ["if offset >= 0.0:"]
        lines += [
            f"    int32(G[{SPIKE_INDEX}])[found] = j",
            f"    float64(G[{SPIKE_OFFSET}])[found] = offset",
            "    found += 1",
            "return found",
        ]
        header = "@jit\ndef settle(G, j, dt, instant, on_grid, found, place):\n"
        return header + "\n".join(indent(lines)) + "\n"

    def _step(self) -> list[str]:
        """Lines that advance the states, and what is left of a refractory period, by the step."""
        lines = self._end_of_refractory_period() if self.refractory else []
        lines += ["remaining = dt - elapsed", "if remaining > instant:"]
        return lines + indent(self._free_part())

    def _advance(self, duration: str, tag: str = "", held: bool = False) -> list[str]:
        """Lines that advance the states by one step; with a tag, into new names."""
        return [*self._coefficients(duration), self._states(tag, held)]

    def _flow(self, duration: str, held: bool = False) -> list[str]:
        """Lines that advance the states by a duration, divided if the model asks for it."""
        longest, overload = self.model.longest_step, self.model.overload
        if longest is None and overload is None:
            return self._advance(duration, held=held)
        lines = ["parts = 1"]
        if longest is not None:
            lines = [f"limit = {longest!r}", f"parts = {_divisions(duration)}"]
        if overload is not None:
            load = call("overload", overload, {"step": f"{duration} / parts"})
            lines.append(f"while {load} > 0.0 and parts < {MOST_PARTS}:")
            lines.append(f"    parts *= {round(1.0 / REFINEMENT)}")
        return [
            *lines,
            f"part = {duration} / parts",
            *self._coefficients("part"),
            "for _ in range(parts):",
            "    " + self._states("", held),
        ]

    def _coefficients(self, duration: str) -> list[str]:
        names = ", ".join(map(own, self.model.coefficients))
        if not names:
            return []
        return [f"{names}, = {call('time_dep', self.model.time_dep, {'dt': duration})}"]

    def _states(self, tag: str, held: bool) -> str:
        names = [
            "_" if held and name in self.model.held else own(name) + tag for name in self.states
        ]
        values = {"free": "0.0" if held else "1.0"}
        advance = call("advance_timestep", self.model.advance_timestep, values)
        return f"{', '.join(names)}, = {advance}"

    def _end_of_refractory_period(self) -> list[str]:
        lines = [
            f"left = float64(G[{REFRACTORY}])[j]",
            "if left > instant:",
            "    elapsed = min(left, dt)",
        ]
        lines += indent(self._flow("elapsed", held=True))
        return [*lines, "left = 0.0"]

    def _free_part(self) -> list[str]:
        if not self.stepwise:
            return ["span = remaining", *self._span()]
        longest = self.model.longest_step
        return [
            "span = remaining" if longest is None else f"span = min(remaining, {longest!r})",
            "while remaining > instant:",
            "    span = min(span, remaining)",
            *indent([*self._span(), "    break"]),  # after a spike
        ]

    def _span(self) -> list[str]:
        """One step towards the spike; where it is reached, the rest of the time step too."""
        tagged = {name: f"{own(name)}_end" for name in self.states}
        lines = []
        if self.model.overload is not None:
            load = call("overload", self.model.overload, {"step": "span"})
            lines.append(f"while {load} > 0.0 and span * {MOST_PARTS} > dt:")
            lines.append(f"    span *= {REFINEMENT}")
        lines += self._advance("span", "_end")
        if self.refined:
            assert self.model.alarm is not None
            alarm = call("alarm", self.model.alarm, tagged)
            lines += [
                f"if on_grid == 0.0 and span > {self.model.settling_step!r} and not {alarm} < 0.0:",
                f"    span *= {REFINEMENT}",
                "    continue",
            ]
        lines.append(f"above = {call('threshold', self.threshold, tagged)}")
        if self.model.jumps():
            start = call("threshold", self.threshold, {})
            lines.append(f"if above < 0.0 and {start} < 0.0:")
        else:
            lines.append("if above < 0.0:")
        arrived = [f"{own(name)} = {own(name)}_end" for name in self.states]
        lines += indent([*arrived, "elapsed += span", "remaining -= span"])
        lines.append("elif not above < math.inf:")
        failed = [f"int64(G[{ERROR}])[0] = j", *arrived, *self._given_up()]
        lines += indent([*failed, "break"] if self.stepwise else failed)
        lines.append("else:")
        return lines + indent(self._spike())

    def _given_up(self) -> list[str]:
        """What follows where a state is not finite."""
        return []

    def _spike(self) -> list[str]:
        model = self.model
        lines = ["x = span", "if on_grid == 0.0:"]
        lines += indent(self._crossing())
        if self.stepwise:
            lines += indent(self._advance("x"))
            lines += ["else:", "    x = remaining", *indent(self._flow("x"))]
        else:
            lines += self._advance("x")
        after = ", ".join(map(own, model.reset_states))
        if after:
            lines.append(f"{after}, = {call('reset', self.reset, {})}")
        if model.random_state is not None:
            name, count = own(model.random_state), own(f"{model.random_state}_count")
            lines.append(f"{count} += 1.0")
            lines.append(f"{name} = standard_exponential(G[{KEY_0}], G[{KEY_1}], j, int({count}))")
        return lines + self._after_spike()

    def _after_spike(self) -> list[str]:
        """Lines from the reset, x after `elapsed`, to the end of the step."""
        lines = ["offset = elapsed + x", "rest = remaining - x"]
        if self.refractory:
            period = own(str(self.model.refractory_period))
            lines += [
                f"left = {period} if on_grid == 0.0 else math.floor({period} / dt + 0.5) * dt",
                "if rest > instant and left > instant:",
                "    x = min(left, rest)",
                *indent(self._flow("x", held=True)),
                "    left -= x",
                "    rest -= x",
            ]
        return [*lines, "if rest > instant:", *indent(self._flow("rest"))]

    def _crossing(self) -> list[str]:
        """Illinois method on the exact flow; after it, x is the time to the threshold.

        What lies farther above the threshold than the start lies below it counts as only that
        far, for a potential that shoots up would else draw the trials to the start.
        """
        trial = {name: f"{own(name)}_end" for name in self.states}
        here = call("threshold", self.threshold, {})
        there = call("threshold", self.threshold, trial)
        steep = self.refined
        return [
            "a = 0.0",
            "b = span",
            f"below = {here}",
            "if below >= 0.0:",
            "    x = 0.0",
            "else:",
            "    side = 0",
            *(["    most = -below", "    above = min(above, most)"] if steep else []),
            "    x = b - above * (b - a) / (above - below)",
            f"    for _ in range({CROSSING_ITERATIONS}):",
            *indent(self._advance("x", "_end"), 2),
            f"        u = {there}",
            "        if u >= 0.0:",
            "            b = x",
            f"            above = {'min(u, most)' if steep else 'u'}",
            "            below = 0.5 * below if side == 1 else below",
            "            side = 1",
            "        else:",
            "            a = x",
            "            below = u",
            "            above = 0.5 * above if side == -1 else above",
            "            side = -1",
            "        x = b - above * (b - a) / (above - below)",
        ]


def _divisions(duration: str) -> str:
    """Text of how many steps within the limit a duration takes."""
    return f"max(1, math.ceil({duration} / limit - 1e-9))"
