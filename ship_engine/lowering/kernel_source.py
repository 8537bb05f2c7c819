"""Write the Numba kernel of a model: one time step of a range of its cells.

The kernel passes over its cells twice.  `pass_over` is free of branches and vectorises: it adds
the input, advances every cell by a whole step, and stores the result, except where the cell
spikes or its refractory period ends inside this step.  Those few cells are flagged, keep the
state that they had at the start of the step, and are redone one by one by `settle`, which finds
the moment of the spike and advances through each part of the step with coefficients of its own.
Where the model has an `alarm`, cells that raise it are redone as if they spiked, in steps so short
that this comes out.

Where the time step is longer than the model's `longest_step`, a divided kernel first advances
copies of the states in several parts, `begin` and `advance_part`, which `pass_over` then takes.

Where input moves the potential at once, a timed kernel flags also the cells at which something
arrives inside the step, and `settle` lets it act at its moment.

A lean kernel takes parameters that are the same for all cells as scalars and no injected
current; the general one reads both from rows.

In the text a model's own names start with ``m_``, so that they never meet the kernel's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ship_engine.lowering.arrival_source import TimedSettleWriter
from ship_engine.lowering.layout import (
    BLOCK,
    CURRENT,
    DIVISIONS,
    FLAGS,
    INSIDE_DUE,
    REFRACTORY,
    RING_SLOTS,
    RING_WIDTH,
    SCALARS,
    WORK,
    Layout,
)
from ship_engine.lowering.settle_source import SettleWriter
from ship_engine.lowering.source_text import call, indent, own
from ship_engine.models.base import Model, argument_names


class KernelWriter:
    """Writes the text of one model's kernel.

    Parameters
    ----------
    model : type[Model]
        The model.
    lean : bool
        Whether all parameters are the same for all cells and no current is injected.
    divided : bool
        Whether time steps are divided.
    timed : bool
        Whether what arrives inside steps acts at its moment.
    """

    def __init__(
        self, model: type[Model], lean: bool, divided: bool = False, timed: bool = False
    ) -> None:
        self.model, self.lean, self.divided, self.timed = model, lean, divided, timed
        self.layout = Layout(model)
        self.states = [state.name for state in model.states]
        self.spikes = model.threshold is not None
        self.refractory = model.refractory_period is not None and self.spikes
        self.coupled = "free" in argument_names(model.advance_timestep)

    def text(self) -> str:
        """The whole kernel as source text; it needs the names that `functions` gives."""
        parts = [self._begin(), self._advance_part()] if self.divided else []
        parts.append(self._pass_over())
        if self.spikes:
            writer = TimedSettleWriter if self.timed else SettleWriter
            parts.append(writer(self.model, self.lean).text())
        parts.append(self._kernel())
        return "\n".join(parts)

    def functions(self) -> dict[str, Callable[..., Any]]:
        """The model's functions under the names that the text uses."""
        model = self.model
        found = {
            "time_dep": model.time_dep,
            "advance_timestep": model.advance_timestep,
            "threshold": model.threshold,
            "alarm": model.alarm,
            "overload": model.overload,
            "reset": model.reset,
        }
        return {name: function for name, function in found.items() if function is not None}

    def _shared_names(self) -> list[str]:
        """Parameters and coefficients that the vector pass reads."""
        model = self.model
        wanted = {port.gain for port in model.ports if port.gain}
        for function in (model.advance_timestep, model.threshold, model.alarm, model.overload):
            if function is not None:
                wanted |= set(argument_names(function))
        return [name for name in self.layout.value if name in wanted]

    def _vector_values(self) -> dict[str, str]:
        """What the vector pass gives for names other than states."""
        values = {n: own(n) if self.lean else f"{own(n)}[i]" for n in self._shared_names()}
        values["i_inj"] = "0.0" if self.lean else "i_inj[i]"
        if self.refractory:
            values["free"] = "free"
        return values

    def _vector_arguments(self) -> list[str]:
        """Names of what each function of the vector pass takes."""
        arguments = ["count", "dt", "instant", *map(own, self.states)]
        arguments += [f"ring_{k}" for k in range(len(self.model.ports))]
        arguments += ["refractory", "i_inj", "flags"]
        if self.timed:
            arguments.append("due")
        if self.divided:
            arguments += [f"work_{name}" for name in self.states] + ["worst"]
        return arguments + list(map(own, self._shared_names()))

    def _loop(self, name: str, lines: list[str]) -> str:
        """A function that goes through the cells of a block."""
        first = ["left = refractory[i]"] if self.refractory else []
        if self.refractory and self.coupled:
            first.append("free = 0.0 if left > dt - instant else 1.0")
        body = "\n".join(indent([*first, *lines], 2))
        arguments = ", ".join(self._vector_arguments())
        return f"@jit\ndef {name}({arguments}):\n    for i in range(count):\n{body}\n"

    def _begin(self) -> str:
        values = self._vector_values()
        lines = [
            f"work_{name}[i] = {own(name)}[i]{self._arriving(name, values)}" for name in self.states
        ]
        return self._loop("begin", [*lines, "worst[i] = -math.inf"])

    def _advance_part(self) -> str:
        values = self._vector_values() | {name: f"old_{own(name)}" for name in self.states}
        lines = [f"old_{own(name)} = work_{name}[i]" for name in self.states]
        new = [f"new_{own(name)}" for name in self.states]
        advance = call("advance_timestep", self.model.advance_timestep, values)
        lines.append(f"{', '.join(new)}, = {advance}")
        lines += [f"work_{name}[i] = new_{own(name)}" for name in self.states]
        if self.spikes:
            lines.append(f"above = {self._alarm(values)}")
            lines.append("worst[i] = worst[i] if worst[i] > above else above")
        return self._loop("advance_part", lines)

    def _alarm(self, values: dict[str, str]) -> str:
        """Text of what is >= 0 where a cell has to be redone, from its new states."""
        after = values | {name: f"new_{own(name)}" for name in self.states}
        if self.model.alarm is not None:
            return call("alarm", self.model.alarm, after)
        assert self.model.threshold is not None
        return call("threshold", self.model.threshold, after)

    def _pass_over(self) -> str:
        values = self._vector_values() | {name: f"old_{own(name)}" for name in self.states}
        lines = []
        for name in self.states:
            lines.append(f"old_{own(name)} = {own(name)}[i]{self._arriving(name, values)}")
        lines += [f"ring_{k}[i] = 0.0" for k in range(len(self.model.ports))]
        if self.divided:
            lines += [f"new_{own(name)} = work_{name}[i]" for name in self.states]
        else:
            new = [f"new_{own(name)}" for name in self.states]
            advance = call("advance_timestep", self.model.advance_timestep, values)
            lines.append(f"{', '.join(new)}, = {advance}")
        return self._loop("pass_over", lines + self._store(values))

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
            return [f"{own(name)}[i] = new_{own(name)}" for name in self.states]
        assert self.model.threshold is not None
        below = f"{'worst[i]' if self.divided else self._alarm(values)} < 0.0"
        if self.model.jumps():
            before = values | {name: f"old_{own(name)}" for name in self.states}
            below += f") & ({call('threshold', self.model.threshold, before)} < 0.0"
        if self.model.overload is not None:
            before = values | {name: f"old_{own(name)}" for name in self.states}
            below += f") & ({call('overload', self.model.overload, before)} <= 0.0"
        lines = [f"quiet = ({below})"]
        due, passed = (" | (due[i] != 0)", " & (not redo)") if self.timed else ("", "")
        if self.refractory:
            lines.append("held = left > dt - instant")
            lines.append(f"redo = (not held) & ((left > instant) | (not quiet)){due}")
            lines.append(f"refractory[i] = max(left - dt, 0.0) if held{passed} else left")
        else:
            lines.append(f"redo = (not quiet){due}" if due else "redo = not quiet")
        for name in self.states:
            stays = "held | redo" if name in self.model.held and self.refractory else "redo"
            lines.append(f"{own(name)}[i] = old_{own(name)} if {stays} else new_{own(name)}")
        lines.append("flags[i] = 1 if redo else 0")
        return lines

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
        arguments.append(f"uint8(G[{FLAGS}] + start)")
        if self.timed:
            arguments.append(f"uint8(G[{INSIDE_DUE}] + place + start)")
        if self.divided:
            width = 8 * BLOCK
            arguments += [f"float64(G[{WORK}] + {k * width})" for k in range(len(rows) + 1)]
        arguments += values
        taken = ", ".join(arguments)
        lines = [
            "G = int64(group)",
            f"scalars = float64(G[{SCALARS}])",
            "dt = scalars[0]",
            "instant = scalars[1]",
            "on_grid = scalars[2]",
            f"place = (step % G[{RING_SLOTS}]) * G[{RING_WIDTH}]",
            "ring = 8 * place",
            *loads,
            "found = low",
            f"for start in range(low, high, {BLOCK}):",
            f"    count = min({BLOCK}, high - start)",
            "    at = 8 * start",
        ]
        if self.divided:
            lines += [
                f"    begin({taken})",
                f"    for _ in range(G[{DIVISIONS}]):",
                f"        advance_part({taken})",
            ]
        lines.append(f"    pass_over({taken})")
        if self.spikes:
            lines += indent(self._redo_flagged())
        return "def kernel(group, step, low, high):\n" + "\n".join(
            indent([*lines, "return found - low"])
        )

    def _redo_flagged(self) -> list[str]:
        return [
            f"words = uint64(G[{FLAGS}] + start)",
            "for word in range((count + 7) >> 3):",
            "    if words[word] != 0:",
            "        for j in range(start + 8 * word, min(start + 8 * word + 8, high)):",
            f"            if uint8(G[{FLAGS}])[j] != 0:",
            "                found = settle(G, j, dt, instant, on_grid, found, place)",
        ]
