"""A membrane and any number of receptors become one neuron model.

The composed functions are written out as source text, one straight line of calls to the parts'
functions, so that every interpreter (NumPy, torch, SymPy, Numba) sees ordinary elementwise
functions.  Where every current is independent of the potential and the membrane is linear, the
step is exact; otherwise the membrane takes a classical fourth-order Runge-Kutta step, in which
the receptors, being linear themselves, are exact at each stage.
"""

from __future__ import annotations

import linecache
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from ship_engine.errors import InvalidValueError
from ship_engine.models.base import (
    Elementwise,
    Model,
    Parameter,
    Port,
    State,
    argument_names,
)
from ship_engine.models.receptors import Receptor


class Membrane:
    """Base class of the membrane part of a neuron.

    `derivative` returns d/dt of every state, in their order, given ``current`` (nA, everything
    that flows in).  A linear membrane also gives `exact_time_dep` and `exact_advance`; the
    latter takes ``current`` (constant over the step) and ``drive`` (mV, what decaying synaptic
    currents add).  `rates` are coefficients of `derivative` that depend on parameters alone.
    """

    parameters: ClassVar[tuple[Parameter, ...]] = ()
    states: ClassVar[tuple[State, ...]] = ()
    held: ClassVar[tuple[str, ...]] = ()
    refractory_period: ClassVar[str | None] = None
    reset_states: ClassVar[tuple[str, ...]] = ()
    exact_coefficients: ClassVar[tuple[str, ...]] = ()
    exact_time_dep: ClassVar[Elementwise | None] = None
    exact_advance: ClassVar[Elementwise | None] = None
    rate_coefficients: ClassVar[tuple[str, ...]] = ()
    rates: ClassVar[Elementwise | None] = None
    derivative: ClassVar[Elementwise]
    threshold: ClassVar[Callable[..., Any]]
    reset: ClassVar[Elementwise]


def compose(
    name: str,
    membrane: type[Membrane],
    receptors: Mapping[str, tuple[type[Receptor], str]],
) -> type[Model]:
    """Make a neuron model of a membrane and receptors.

    Parameters
    ----------
    name : str
        Name of the new model class.
    membrane : type[Membrane]
        The membrane part.
    receptors : mapping of str to (receptor class, suffix)
        Each input port's name, the receptor behind it, and what is appended to the receptor's
        names, such as ``"_exc"``.

    Returns
    -------
    type[Model]
        An ordinary model; its parameters are the membrane's, then each receptor's.
    """
    parts = [_Part(port, cls, suffix) for port, (cls, suffix) in receptors.items()]
    exact = membrane.exact_advance is not None and all(p.cls.drive is not None for p in parts)
    writer = _ExactWriter(membrane, parts) if exact else _RungeKuttaWriter(membrane, parts)
    namespace = writer.compile(name)
    _refuse_shared_names(name, membrane, parts, writer)
    attributes: dict[str, Any] = {
        "__doc__": _docstring(name, membrane, parts, exact),
        "__module__": membrane.__module__,
        "name": name,
        "parameters": membrane.parameters + tuple(q for p in parts for q in p.parameters),
        "states": membrane.states + tuple(s for p in parts for s in p.states),
        "ports": tuple(p.port for p in parts),
        "coefficients": tuple(writer.coefficients),
        "reset_states": membrane.reset_states,
        "held": membrane.held,
        "refractory_period": membrane.refractory_period,
        "time_dep": staticmethod(namespace["time_dep"]),
        "advance_timestep": staticmethod(namespace["advance_timestep"]),
        "threshold": staticmethod(membrane.threshold),
        "reset": staticmethod(membrane.reset),
    }
    return type(name, (Model,), attributes)


def _refuse_shared_names(
    name: str, membrane: type[Membrane], parts: list[_Part], writer: _Writer
) -> None:
    """Every name means one thing, the composition's own temporary names included."""
    given = [p.name for p in membrane.parameters] + [s.name for s in membrane.states]
    for part in parts:
        given += [p.name for p in part.parameters] + [s.name for s in part.states]
    taken = {"dt", "i_inj", "current", "drive", *writer.written}
    for k, one in enumerate(given):
        if one in given[:k] or one in taken:
            raise InvalidValueError(
                f"'{one}' of {name} is a name that another part, or the composition itself, "
                "uses; give that parameter or state, or its receptor's suffix, another name."
            )


def _docstring(name: str, membrane: type[Membrane], parts: list[_Part], exact: bool) -> str:
    scheme = "integrated exactly" if exact else "integrated by a fourth-order Runge-Kutta step"
    lines = [f"{name}: {scheme}.", "", (membrane.__doc__ or "").strip()]
    for part in parts:
        lines += ["", f"Port '{part.port.name}': {(part.cls.__doc__ or '').strip()}"]
    return "\n".join(lines)


class _Part:
    """A receptor under its port name, with its names suffixed."""

    def __init__(self, port: str, cls: type[Receptor], suffix: str) -> None:
        self.cls, self.suffix = cls, suffix
        own = {x.name for x in cls.parameters} | {x.name for x in cls.states}
        own |= set(cls.coefficients) | set(cls.coupling_coefficients)
        self._own = own
        self.parameters = tuple(replace(p, name=self.rename(p.name)) for p in cls.parameters)
        self.states = tuple(replace(s, name=self.rename(s.name)) for s in cls.states)
        gain = cls.port.gain and self.rename(cls.port.gain)
        self.port = Port(port, self.rename(cls.port.state), cls.port.unit, gain)
        self.names = [s.name for s in self.states]

    def rename(self, name: str) -> str:
        """The composed model's name for one of the receptor's names."""
        return name + self.suffix if name in self._own else name

    def renamed(self, names: tuple[str, ...]) -> list[str]:
        return [self.rename(name) for name in names]


class _Writer(ABC):
    """Collects the lines of a function and the outside names that they need."""

    def __init__(self, membrane: type[Membrane], parts: list[_Part]) -> None:
        self.membrane, self.parts = membrane, parts
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

    def finish(self, name: str, result: list[str]) -> str:
        """Text of the function written so far; starts the next one."""
        body = [f"    {line}" for line in self.lines]
        text = "\n".join(
            [
                f"def {name}({', '.join(self.arguments)}):",
                *body,
                f"    return ({', '.join(result)},)",
            ]
        )
        self.lines, self.arguments, self.local = [], [], set()
        return text + "\n"

    def compile(self, name: str) -> dict[str, Any]:
        text = self.write_time_dep() + "\n" + self.write_advance()
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

    def relax(self, part: _Part, dt: str, tag: str = "") -> None:
        """Coefficients of a receptor's own decay over dt."""
        names = [part.rename(c) + tag for c in part.cls.coefficients]
        if names:
            values = {} if dt == "dt" else {"dt": dt}
            self.assign(
                names, self.call("relax" + part.suffix, part.cls.time_dep, values, part.rename)
            )
            self.coefficients += names

    def decayed(self, part: _Part, result_tag: str, coefficient_tag: str = "") -> None:
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


class _ExactWriter(_Writer):
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
        return self.finish("advance_timestep", [n + "_next" for n in names])


class _RungeKuttaWriter(_Writer):
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
        self.arguments += [*states, "step", "i_offset", "i_inj"]
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
            self.assign_plain(f"current{k}", self.total_current(tag, here))
            values = {**here, "current": f"current{k}"}
            call = self.call("derivative", membrane.derivative, values)
            self.assign([f"{s}_slope{k}" for s in states], call)
        for s in states:
            slopes = f"{s}_slope1 + 2.0 * ({s}_slope2 + {s}_slope3) + {s}_slope4"
            self.assign_plain(f"{s}_next", f"{s} + step * {1.0 / 6.0!r} * ({slopes})")
        names = states + [n for part in self.parts for n in part.names]
        return self.finish("advance_timestep", [n + "_next" for n in names])

    def assign_plain(self, name: str, text: str) -> None:
        self.lines.append(f"{name} = {text}")
        self.local.add(name)
        self.written.add(name)

    def total_current(self, tag: str, here: Mapping[str, str]) -> str:
        terms = ["i_offset", "i_inj"]
        for part in self.parts:
            assert part.cls.current is not None
            values = dict(here)
            wanted = argument_names(part.cls.current)
            values |= {
                s.name: part.rename(s.name) + tag for s in part.cls.states if s.name in wanted
            }
            if tag == "":
                new = [values[s.name] for s in part.cls.states if s.name in wanted]
                self.arguments += [n for n in new if n not in self.arguments]
            terms.append(self.call("current" + part.suffix, part.cls.current, values, part.rename))
        return " + ".join(terms)
