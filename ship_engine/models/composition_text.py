"""The source text of a composed model's functions: one straight line of calls to its parts.

Where every current is independent of the potential and the membrane is linear, the step is exact;
otherwise the membrane takes a classical fourth-order Runge-Kutta step, in which receptors and
mechanisms, being linear themselves, are exact at each stage.
"""

from __future__ import annotations

import linecache
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ship_engine.models.base import Port, State, argument_names
from ship_engine.models.membranes import Mechanism, Membrane
from ship_engine.models.receptors import Receptor

LARGEST_LOAD = 0.5
"""Conductance times step over capacitance; fourth-order steps are unstable from 2.8 on."""


class Part:
    """A receptor under its port name, or a mechanism, with its names suffixed."""

    def __init__(self, port: str, cls: type[Receptor], suffix: str) -> None:
        self.cls, self.suffix = cls, suffix
        own = {x.name for x in cls.parameters} | {x.name for x in cls.states}
        own |= set(cls.coefficients) | set(cls.coupling_coefficients)
        self._own = own
        self.parameters = tuple(replace(p, name=self.rename(p.name)) for p in cls.parameters)
        self.states = tuple(replace(s, name=self.rename(s.name)) for s in cls.states)
        self.port: Port | None = None
        if not issubclass(cls, Mechanism):
            known = ("state", "gain", "time_constant")
            names = {name: getattr(cls.port, name) for name in known}
            renamed: dict[str, Any] = {
                role: name and self.rename(name) for role, name in names.items()
            }
            self.port = replace(cls.port, name=port, **renamed)
        self.names = [s.name for s in self.states]

    def rename(self, name: str) -> str:
        """The composed model's name for one of the receptor's names."""
        return name + self.suffix if name in self._own else name

    def renamed(self, names: tuple[str, ...]) -> list[str]:
        return [self.rename(name) for name in names]


class Writer(ABC):
    """Collects the lines of a function and the outside names that they need."""

    def __init__(self, membrane: type[Membrane], parts: list[Part]) -> None:
        self.membrane, self.parts = membrane, parts
        self.states = membrane.states + tuple(s for p in parts for s in p.states)
        self.states += membrane.derived + random_states(membrane)
        self.reset_states = list(membrane.reset_states)
        self.functions: dict[str, Callable[..., Any]] = {}
        self.coefficients: list[str] = []
        self.lines: list[str] = []
        self.arguments: list[str] = []
        self.local: set[str] = set()
        self.written: set[str] = set()
        """Every name that a function assigns."""

    def call(
        self,
        owner: str,
        function: Callable[..., Any],
        values: Mapping[str, str] = {},
        rename: Callable[[str], str] = str,
    ) -> str:
        """Text of a call, each argument by name: a value given here, or an outside name."""
        self.functions[owner] = function
        texts = []
        for argument in argument_names(function):
            text = values.get(argument)
            if text is None:
                text = rename(argument)
                if text not in self.local and text not in self.arguments:
                    self.arguments.append(text)
            texts.append(text)
        return f"{owner}({', '.join(texts)})"

    def assign(self, names: list[str], call: str) -> None:
        if names:
            self.lines.append(f"{', '.join(names)}{',' * (len(names) == 1)} = {call}")
            self.local.update(names)
            self.written.update(names)

    def finish(self, name: str, result: list[str] | str) -> str:
        """Text of the function written so far, which returns several values or one."""
        returned = result if isinstance(result, str) else f"({''.join(f'{r}, ' for r in result)})"
        body = [f"    {line}" for line in [*self.lines, f"return {returned}"]]
        text = "\n".join([f"def {name}({', '.join(self.arguments)}):", *body])
        self.lines, self.arguments, self.local = [], [], set()
        return text + "\n"

    def compile(self, name: str) -> dict[str, Any]:
        texts = self.write_time_dep(), self.write_advance(), self.write_threshold()
        text = "\n".join([*texts, self.write_reset(), self.write_overload()])
        file = f"<composed {name}>"
        linecache.cache[file] = (len(text), None, text.splitlines(True), file)
        namespace: dict[str, Any] = dict(self.functions)
        exec(compile(text, file, "exec"), namespace)
        return namespace

    @abstractmethod
    def write_time_dep(self) -> str:
        """Text of the model's `time_dep`; also names what it returns."""

    @abstractmethod
    def write_advance(self) -> str:
        """Text of the model's `advance_timestep`."""

    def write_threshold(self) -> str:
        """Text of the model's `threshold`, as the membrane has it but for what flows in."""
        values = {}
        if "current" in argument_names(self.membrane.threshold):
            here = {s.name: s.name for s in self.membrane.states}
            values["current"] = self.total_current("", here)
        result = self.call("membrane_threshold", self.membrane.threshold, values)
        return self.finish("threshold", result)

    def write_overload(self) -> str:
        """Text of the model's `overload`, or nothing if any step will do."""
        return ""

    def write_reset(self) -> str:
        """Text of the model's `reset`: of membrane, mechanisms, and what is derived from them."""
        names = list(self.membrane.reset_states)
        self.assign([n + "_next" for n in names], self.call("membrane_reset", self.membrane.reset))
        for part in self.parts:
            if issubclass(part.cls, Mechanism):
                call = self.call("after_spike" + part.suffix, part.cls.after_spike, {}, part.rename)
                self.assign([n + "_next" for n in part.names], call)
                names += part.names
        names += self.derive(names)
        self.reset_states = names
        return self.finish("reset", [n + "_next" for n in names])

    def derive(self, changed: list[str]) -> list[str]:
        """Compute what is derived, from the new values of states that have changed."""
        if self.membrane.derive is None:
            return []
        names = [s.name for s in self.membrane.derived]
        values = {n: n + "_next" for n in changed}
        self.assign([n + "_next" for n in names], self.call("derive", self.membrane.derive, values))
        return names

    def finish_advance(self, names: list[str]) -> str:
        """End of `advance_timestep`: derived states, and those that stay as they are."""
        names = names + self.derive(names)
        constant = [s.name for s in random_states(self.membrane)]
        self.arguments += constant
        return self.finish("advance_timestep", [n + "_next" for n in names] + constant)

    def total_current(self, tag: str, here: Mapping[str, str]) -> str:
        """Text of all that flows in, given where the states stand."""
        self.arguments += [n for n in ("i_offset", "i_inj") if n not in self.arguments]
        terms = ["i_offset", "i_inj"]
        for part in self.parts:
            if part.cls.current is None:
                continue
            wanted = argument_names(part.cls.current)
            values = {**here, **self.states_of([part], tag, wanted)}
            terms.append(self.call("current" + part.suffix, part.cls.current, values, part.rename))
        return " + ".join(terms)

    def states_of(self, parts: list[Part], tag: str, wanted: tuple[str, ...]) -> dict[str, str]:
        """Names under which the wanted states of some parts stand."""
        values = {}
        for part in parts:
            for state in part.cls.states:
                known = state.name if len(parts) == 1 else part.rename(state.name)
                if known in wanted:
                    values[known] = part.rename(state.name) + tag
        if tag == "":
            self.arguments += [n for n in values.values() if n not in self.arguments]
        return values

    def relax(self, part: Part, dt: str, tag: str = "") -> None:
        """Coefficients of a receptor's own decay over dt."""
        names = [part.rename(c) + tag for c in part.cls.coefficients]
        if names:
            values = {} if dt == "dt" else {"dt": dt}
            self.assign(
                names, self.call("relax" + part.suffix, part.cls.time_dep, values, part.rename)
            )
            self.coefficients += names

    def decayed(self, part: Part, result_tag: str, coefficient_tag: str = "") -> None:
        """A receptor's states after a step, under new names."""
        values = {c: part.rename(c) + coefficient_tag for c in part.cls.coefficients}
        if coefficient_tag:
            for text in values.values():
                if text not in self.arguments:
                    self.arguments.append(text)
        else:
            values = {}
        if part.states:
            call = self.call("advance" + part.suffix, part.cls.advance, values, part.rename)
            self.assign([n + result_tag for n in part.names], call)


class ExactWriter(Writer):
    """Linear membrane, currents independent of the potential: propagators."""

    def write_time_dep(self) -> str:
        membrane = self.membrane
        assert membrane.exact_time_dep is not None
        self.coefficients = list(membrane.exact_coefficients)
        self.assign(self.coefficients[:], self.call("membrane_time_dep", membrane.exact_time_dep))
        for part in self.parts:
            self.relax(part, "dt")
            names = part.renamed(part.cls.coupling_coefficients)
            if names:
                assert part.cls.coupling is not None
                call = self.call("coupling" + part.suffix, part.cls.coupling, {}, part.rename)
                self.assign(names, call)
                self.coefficients += names
        return self.finish("time_dep", self.coefficients)

    def write_advance(self) -> str:
        membrane = self.membrane
        assert membrane.exact_advance is not None
        drives = []
        for part in self.parts:
            assert part.cls.drive is not None
            drives.append(self.call("drive" + part.suffix, part.cls.drive, {}, part.rename))
        values = {"drive": " + ".join(drives) or "0.0", "current": "(i_offset + i_inj)"}
        self.arguments += ["i_offset", "i_inj"]
        names = [s.name for s in membrane.states]
        self.assign(
            [n + "_next" for n in names],
            self.call("membrane_advance", membrane.exact_advance, values),
        )
        for part in self.parts:
            self.decayed(part, "_next")
        names += [n for part in self.parts for n in part.names]
        return self.finish_advance(names)


class RungeKuttaWriter(Writer):
    """Any membrane: y' = derivative(y, t), receptors exact at t, t + dt/2 and t + dt."""

    def write_time_dep(self) -> str:
        membrane = self.membrane
        if membrane.rates is not None:
            self.coefficients = list(membrane.rate_coefficients)
            self.assign(self.coefficients[:], self.call("rates", membrane.rates))
        for part in self.parts:
            self.relax(part, "dt")
            self.relax(part, "0.5 * dt", "_half")
        if "dt" not in self.arguments:
            self.arguments.append("dt")
        self.coefficients.append("step")
        self.written.add("step")
        return self.finish("time_dep", [*self.coefficients[:-1], "dt"])

    def write_advance(self) -> str:
        membrane = self.membrane
        states = [s.name for s in membrane.states]
        for part in self.parts:
            self.decayed(part, "_middle", "_half")
            self.decayed(part, "_next")
        self.arguments += [*states, "step"]
        stages = (
            ("", None),
            ("_middle", "0.5 * step"),
            ("_middle", "0.5 * step"),
            ("_next", "step"),
        )
        for k, (tag, reach) in enumerate(stages, 1):
            here = {s: s for s in states}
            if reach is not None:
                here = {s: f"{s}_stage{k}" for s in states}
                for s in states:
                    self.assign_plain(here[s], f"{s} + {reach} * {s}_slope{k - 1}")
            self.write_slopes(k, tag, here)
        for s in states:
            slopes = f"{s}_slope1 + 2.0 * ({s}_slope2 + {s}_slope3) + {s}_slope4"
            self.assign_plain(f"{s}_next", f"{s} + step * {1.0 / 6.0!r} * ({slopes})")
        return self.finish_advance(states + [n for part in self.parts for n in part.names])

    def write_overload(self) -> str:
        """Conductances, the leak's among them, must not relax the potential too much in a step."""
        known = {p.name for p in self.membrane.parameters}
        terms = []
        for part in self.parts:
            if part.cls.conductance is not None:
                here = self.states_of([part], "", argument_names(part.cls.conductance))
                owner = "conductance" + part.suffix
                terms.append(self.call(owner, part.cls.conductance, here, part.rename))
        if "cm" not in known or not terms:
            return ""
        if "tau_m" in known:
            terms.append("cm / tau_m")
        self.arguments = ["step", "cm", *["tau_m"] * ("tau_m" in known), *self.arguments]
        return self.finish("overload", f"step * ({' + '.join(terms)}) - {LARGEST_LOAD} * cm")

    def write_slopes(self, k: int, tag: str, here: Mapping[str, str]) -> None:
        """One stage: the membrane's derivative, given where the states stand."""
        membrane = self.membrane
        self.assign_plain(f"current{k}", self.total_current(tag, here))
        wanted = argument_names(membrane.derivative)
        others = self.states_of(self.parts, tag, wanted) if self.parts else {}
        values = {**others, **here, "current": f"current{k}"}
        call = self.call("derivative", membrane.derivative, values)
        self.assign([f"{s}_slope{k}" for s in here], call)
        if membrane.held and len(membrane.held) < len(here):
            # What is not held follows a potential that does not move meanwhile.
            if "free" not in self.arguments:
                self.arguments.append("free")
            for s in membrane.held:
                self.assign_plain(f"{s}_slope{k}", f"free * {s}_slope{k}")

    def assign_plain(self, name: str, text: str) -> None:
        self.lines.append(f"{name} = {text}")
        self.local.add(name)
        self.written.add(name)


def random_states(membrane: type[Membrane]) -> tuple[State, ...]:
    """The state that holds a random number, and the one that counts its draws."""
    name = membrane.random_state
    return () if name is None else (State(name, 1.0, "1"), State(f"{name}_count", 0.0, "1"))
