"""Write the Numba kernel of a model: one time step of a range of its cells.

The kernel passes over its cells twice.  `pass_over` is free of branches and vectorises: it adds
the input, advances every cell by a whole step, and stores the result, except where the cell
spikes or its refractory period ends inside this step.  Those few cells are flagged, keep the
state that they had at the start of the step, and are redone one by one by `settle`, which finds
the moment of the spike and advances through each part of the step with coefficients of its own.

A lean kernel takes parameters that are the same for all cells as scalars and no injected
current; the general one reads both from rows.

In the text a model's own names start with ``m_``, so that they never meet the kernel's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ship_engine.lowering.layout import (
    BLOCK,
    CURRENT,
    ERROR,
    FLAGS,
    REFRACTORY,
    RING_SLOTS,
    RING_WIDTH,
    SCALARS,
    SPIKE_INDEX,
    SPIKE_OFFSET,
    Layout,
)
from ship_engine.models.base import Model, argument_names

CROSSING_ITERATIONS = 6
"""Steps of the Illinois method after the first secant.

Then the crossing is found to rounding, or to about 1e-7 dt where the potential only grazes the
threshold.
"""


class KernelWriter:
    """Writes the text of one model's kernel.

    Parameters
    ----------
    model : type[Model]
        The model.
    lean : bool
        Whether all parameters are the same for all cells and no current is injected.
    """

    def __init__(self, model: type[Model], lean: bool) -> None:
        self.model, self.lean = model, lean
        self.layout = Layout(model)
        self.states = [state.name for state in model.states]
        self.spikes = model.threshold is not None
        self.refractory = model.refractory_period is not None and self.spikes

    def text(self) -> str:
        """The whole kernel as source text; it needs the names that `functions` gives."""
        parts = [self._pass_over()]
        if self.spikes:
            parts.append(self._settle())
        parts.append(self._kernel())
        return "\n".join(parts)

    def functions(self) -> dict[str, Callable[..., Any]]:
        """The model's functions under the names that the text uses."""
        model = self.model
        found = {
            "time_dep": model.time_dep,
            "advance_timestep": model.advance_timestep,
            "threshold": model.threshold,
            "reset": model.reset,
        }
        return {name: function for name, function in found.items() if function is not None}

    def _shared_names(self) -> list[str]:
        """Parameters and coefficients that the vector pass reads."""
        wanted = set(argument_names(self.model.advance_timestep))
        if self.model.threshold is not None:
            wanted |= set(argument_names(self.model.threshold))
        wanted |= {port.gain for port in self.model.ports if port.gain}
        return [name for name in self.layout.value if name in wanted]

    def _call(self, name: str, function: Callable[..., Any], values: dict[str, str]) -> str:
        """Text of a call; a name without a value of its own stands for itself."""
        values = {"dt": "dt", "i_inj": "i_inj"} | values
        texts = [values.get(a, own(a)) for a in argument_names(function)]
        return f"{name}({', '.join(texts)})"

    def _pass_over(self) -> str:
        model, shared = self.model, self._shared_names()
        values = {name: own(name) if self.lean else f"{own(name)}[i]" for name in shared}
        values |= {name: f"{own(name)}_old" for name in self.states}
        values["i_inj"] = "0.0" if self.lean else "i_inj[i]"
        lines = []
        if self.refractory:
            lines.append("left = refractory[i]")
        for name in self.states:
            lines.append(f"{own(name)}_old = {own(name)}[i]{self._arriving(name, values)}")
        lines += [f"ring_{k}[i] = 0.0" for k in range(len(model.ports))]
        new = [f"{own(name)}_new" for name in self.states]
        advance = self._call("advance_timestep", model.advance_timestep, values)
        lines.append(f"{', '.join(new)}, = {advance}")
        lines += self._store(values)
        body = "\n".join(f"        {line}" for line in lines)
        arguments = ["count", "dt", "instant", *map(own, self.states)]
        arguments += [f"ring_{k}" for k in range(len(model.ports))]
        arguments += ["refractory", "i_inj", "flags", *map(own, shared)]
        return f"@jit\ndef pass_over({', '.join(arguments)}):\n    for i in range(count):\n{body}\n"

    def _arriving(self, state: str, values: dict[str, str]) -> str:
        terms = ""
        for k, port in enumerate(self.model.ports):
            if port.state != state:
                continue
            gain = f"{values[port.gain]} * " if port.gain else ""
            term = f"{gain}ring_{k}[i]"
            if state in self.model.held and self.refractory:
                term = f"(0.0 if left > instant else {term})"
            terms += f" + {term}"
        return terms

    def _store(self, values: dict[str, str]) -> list[str]:
        if not self.spikes:
            return [f"{own(name)}[i] = {own(name)}_new" for name in self.states]
        assert self.model.threshold is not None
        after = values | {name: f"{own(name)}_new" for name in self.states}
        below = f"{self._call('threshold', self.model.threshold, after)} < 0.0"
        if self.model.jumps():
            before = values | {name: f"{own(name)}_old" for name in self.states}
            below += f") & ({self._call('threshold', self.model.threshold, before)} < 0.0"
        lines = [f"quiet = ({below})"]
        if self.refractory:
            lines.append("held = left > dt - instant")
            lines.append("redo = (not held) & ((left > instant) | (not quiet))")
            lines.append("refractory[i] = max(left - dt, 0.0) if held else left")
        else:
            lines.append("redo = not quiet")
        for name in self.states:
            stays = "held | redo" if name in self.model.held and self.refractory else "redo"
            lines.append(f"{own(name)}[i] = {own(name)}_old if {stays} else {own(name)}_new")
        lines.append("flags[i] = 1 if redo else 0")
        return lines

    def _settle(self) -> str:
        """Advance one flagged cell through the parts of its step."""
        model, layout = self.model, self.layout
        lines = [f"{own(n)} = float64(G[{p}])[j]" for n, p in layout.state.items()]
        for parameter in model.parameters:
            place = layout.value[parameter.name]
            lines.append(f"{own(parameter.name)} = float64(G[{place}])[j * G[{place + 1}]]")
        current = "0.0" if self.lean else f"float64(G[{CURRENT}])[j]"
        lines += [f"i_inj = {current}", "elapsed = 0.0", "offset = -1.0"]
        lines += self._end_of_refractory_period() if self.refractory else []
        lines += ["remaining = dt - elapsed", "if remaining > instant:"]
        lines += _indent(self._free_part())
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
        return (
            "@jit\ndef settle(G, j, dt, instant, on_grid, found):\n"
            + "\n".join(_indent(lines))
            + "\n"
        )

    def _move(self, duration: str, tag: str, held: bool = False) -> list[str]:
        """Lines that advance the states by a duration; with a tag, into new names."""
        coefficients = ", ".join(map(own, self.model.coefficients))
        lines = []
        if coefficients:
            call = self._call("time_dep", self.model.time_dep, {"dt": duration})
            lines.append(f"{coefficients}, = {call}")
        names = [
            "_" if held and name in self.model.held else own(name) + tag for name in self.states
        ]
        advance = self._call("advance_timestep", self.model.advance_timestep, {})
        lines.append(f"{', '.join(names)}, = {advance}")
        return lines

    def _end_of_refractory_period(self) -> list[str]:
        lines = [
            f"left = float64(G[{REFRACTORY}])[j]",
            "if left > instant:",
            "    elapsed = min(left, dt)",
        ]
        lines += _indent(self._move("elapsed", "", held=True))
        return [*lines, "left = 0.0"]

    def _free_part(self) -> list[str]:
        assert self.model.threshold is not None
        tagged = {name: f"{own(name)}_end" for name in self.states}
        lines = self._move("remaining", "_end")
        lines.append(f"above = {self._call('threshold', self.model.threshold, tagged)}")
        if self.model.jumps():
            start = self._call("threshold", self.model.threshold, {})
            lines.append(f"if above < 0.0 and {start} < 0.0:")
        else:
            lines.append("if above < 0.0:")
        arrived = [f"{own(name)} = {own(name)}_end" for name in self.states]
        lines += _indent(arrived)
        lines.append("elif not above < math.inf:")
        lines += _indent([f"int64(G[{ERROR}])[0] = j", *arrived])
        lines.append("else:")
        return lines + _indent(self._spike())

    def _spike(self) -> list[str]:
        model = self.model
        assert model.reset is not None
        lines = ["x = remaining", "if on_grid == 0.0:"]
        lines += _indent(self._crossing())
        lines += self._move("x", "")
        after = ", ".join(map(own, model.reset_states))
        lines.append(f"{after}, = {self._call('reset', model.reset, {})}")
        lines += ["offset = elapsed + x", "rest = remaining - x"]
        if self.refractory:
            period = own(str(model.refractory_period))
            lines += [
                f"left = {period} if on_grid == 0.0 else math.floor({period} / dt + 0.5) * dt",
                "if rest > instant and left > instant:",
                "    x = min(left, rest)",
                *_indent(self._move("x", "", held=True)),
                "    left -= x",
                "    rest -= x",
            ]
        return [*lines, "if rest > instant:", *_indent(self._move("rest", ""))]

    def _crossing(self) -> list[str]:
        """Illinois method on the exact flow; after it, x is the time to the threshold."""
        assert self.model.threshold is not None
        trial = {name: f"{own(name)}_end" for name in self.states}
        here = self._call("threshold", self.model.threshold, {})
        there = self._call("threshold", self.model.threshold, trial)
        return [
            "a = 0.0",
            "b = remaining",
            f"below = {here}",
            "if below >= 0.0:",
            "    x = 0.0",
            "else:",
            "    side = 0",
            "    x = b - above * (b - a) / (above - below)",
            f"    for _ in range({CROSSING_ITERATIONS}):",
            *_indent(self._move("x", "_end"), 2),
            f"        u = {there}",
            "        if u >= 0.0:",
            "            b = x",
            "            above = u",
            "            below = 0.5 * below if side == 1 else below",
            "            side = 1",
            "        else:",
            "            a = x",
            "            below = u",
            "            above = 0.5 * above if side == -1 else above",
            "            side = -1",
            "        x = b - above * (b - a) / (above - below)",
        ]

    def _kernel(self) -> str:
        layout, shared = self.layout, self._shared_names()
        if self.lean:
            loads = [f"{own(n)} = float64(G[{layout.value[n]}])[0]" for n in shared]
            values = list(map(own, shared))
            current = "float64(0)"
        else:
            loads = []
            values = [
                f"float64(G[{layout.value[n]}] + at * G[{layout.value[n] + 1}])" for n in shared
            ]
            current = f"float64(G[{CURRENT}] + at)"
        rows = [f"float64(G[{p}] + at)" for p in layout.state.values()]
        rings = [f"float64(G[{p}] + ring + at)" for p in layout.port.values()]
        refractory = f"float64(G[{REFRACTORY}] + at)" if self.refractory else "float64(0)"
        arguments = ["count", "dt", "instant", *rows, *rings, refractory, current]
        arguments += [f"uint8(G[{FLAGS}] + start)", *values]
        lines = [
            "G = int64(group)",
            f"scalars = float64(G[{SCALARS}])",
            "dt = scalars[0]",
            "instant = scalars[1]",
            "on_grid = scalars[2]",
            f"ring = 8 * (step % G[{RING_SLOTS}]) * G[{RING_WIDTH}]",
            *loads,
            "found = low",
            f"for start in range(low, high, {BLOCK}):",
            f"    count = min({BLOCK}, high - start)",
            "    at = 8 * start",
            f"    pass_over({', '.join(arguments)})",
        ]
        if self.spikes:
            lines += _indent(self._redo_flagged())
        return "def kernel(group, step, low, high):\n" + "\n".join(
            _indent([*lines, "return found - low"])
        )

    def _redo_flagged(self) -> list[str]:
        return [
            f"words = uint64(G[{FLAGS}] + start)",
            "for word in range((count + 7) >> 3):",
            "    if words[word] != 0:",
            "        for j in range(start + 8 * word, min(start + 8 * word + 8, high)):",
            f"            if uint8(G[{FLAGS}])[j] != 0:",
            "                found = settle(G, j, dt, instant, on_grid, found)",
        ]


def own(name: str) -> str:
    """A model's name as the kernel's text writes it."""
    return f"m_{name}"


def _indent(lines: list[str], levels: int = 1) -> list[str]:
    return ["    " * levels + line for line in lines]
