"""Equations as people write them, line by line, become a description."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ship_engine.equations import description as d
from ship_engine.equations.units import described, named_unit, unit_of
from ship_engine.equations.wording import listed, meant
from ship_engine.errors import InvalidEquationsError
from ship_engine.models import base

LONGEST = 100_000
"""Characters of all equations together."""
LONGEST_LINE = 12_000
"""Characters of one equation, with its name and unit."""
LONGEST_VALUE = 200
"""Characters of a value with a unit."""
_DERIVATIVE = re.compile(r"d\s*([A-Za-z_]\w*)\s*/\s*dt\s*=(?!=)(.*)", re.S)
_DEFINITION = re.compile(r"([A-Za-z_]\w*)\s*=(?!=)(.*)", re.S)
_DECLARATION = re.compile(r"([A-Za-z_]\w*)\s*", re.S)
_FLAGS = re.compile(r"(.*?)\(([^()]*)\)\s*", re.S)
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)\s*(\+|-|\*\*|\*|/)?=(?!=)(.*)", re.S)
_WITH_UNIT = re.compile(r"\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*\*?\s*(\S.*?)\s*", re.S)
_USUAL = ("nA", "uS", "mV")
"""Units of weights, which PyNN knows as well."""


class Lines:
    """What equations say, sorted by kind."""

    def __init__(self, text: object) -> None:
        self.derivatives: list[d.Derivative] = []
        self.definitions: list[d.Definition] = []
        self.units: dict[str, str] = {}
        """Of states, in the order in which they come."""
        self.held: list[str] = []
        for line in statements(text, "the equations"):
            self._read(line)

    def _read(self, line: str) -> None:
        left, colon, unit = line.rpartition(":")
        if not colon:
            raise InvalidEquationsError(
                f"The equation '{_short(line)}' has no unit; write it at the end, as in "
                "'dv/dt = (v_rest - v)/tau_m : mV', or ': 1' for none."
            )
        flagged = _FLAGS.fullmatch(unit)
        flags = ""
        if flagged is not None and flagged[2].strip() in ("unless refractory", "held"):
            unit, flags = flagged[1], flagged[2].strip()
        elif flagged is not None and named_unit(flagged[2].strip()) is None and flagged[1].strip():
            raise InvalidEquationsError(
                f"The flag '({flagged[2]})' of '{_short(line)}' is unknown; there is "
                "'(unless refractory)', for what stays constant meanwhile."
            )
        left, unit = left.strip(), unit.strip()
        derivative = _DERIVATIVE.fullmatch(left)
        definition = _DEFINITION.fullmatch(left)
        declaration = _DECLARATION.fullmatch(left)
        if derivative is not None:
            name = derivative[1]
            self._state(name, unit, line)
            self.derivatives.append(d.Derivative(name, derivative[2].strip()))
        elif definition is not None:
            name = definition[1]
            self.definitions.append(d.Definition(name, definition[2].strip(), unit))
        elif declaration is not None:
            name = declaration[1]
            self._state(name, unit, line)
        else:
            raise InvalidEquationsError(
                f"'{_short(line)}' is no equation; write 'dx/dt = ... : unit', "
                "'name = ... : unit', or 'name : unit' for a state without an equation."
            )
        if flags:
            if name not in self.units:
                raise InvalidEquationsError(
                    f"'({flags})' of '{name}' has no meaning, for it is no state."
                )
            self.held.append(name)

    def _state(self, name: str, unit: str, line: str) -> None:
        if name in self.units:
            raise InvalidEquationsError(f"There are two lines for '{name}': '{_short(line)}'.")
        self.units[name] = unit


def _short(line: str) -> str:
    text = " ".join(line.split())
    return text if len(text) <= 80 else text[:76] + " ..."


def statements(text: object, owner: str) -> Iterator[str]:
    """Yield lines of a text, without comments.

    A line goes on while a parenthesis is open, or if it, or the next, has an operator at that end;
    ``;`` ends it too.
    """
    if isinstance(text, (list, tuple)):
        text = "\n".join(map(str, text))
    if not isinstance(text, str):
        raise InvalidEquationsError(f"{text!r}: {owner} are given as text, one on each line.")
    if len(text) > LONGEST:
        raise InvalidEquationsError(
            f"{len(text)} characters are more than the {LONGEST} that {owner} may have together."
        )
    whole, opened = "", 0
    for raw in text.replace(";", "\n").splitlines():
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        goes_on = opened > 0 or whole.endswith(_OPERATORS) or line.startswith((*_OPERATORS, ")"))
        if whole and not goes_on:
            yield whole
            whole, opened = "", 0
        whole = f"{whole} {line}" if whole else line
        opened += line.count("(") - line.count(")")
        if len(whole) > LONGEST_LINE:
            raise InvalidEquationsError(
                f"A line of {owner} has more than {LONGEST_LINE} characters, with those that go "
                f"on with it: '{_short(whole[:200])}'; is a parenthesis not closed?"
            )
    if whole:
        yield whole


_OPERATORS = ("+", "-", "*", "/", "=", ",", "(", "<", ">")


def assignments(text: object, owner: str) -> tuple[d.Assignment, ...]:
    """Assignments such as ``v = v_reset; w += b``."""
    found = []
    for line in statements(text, owner):
        match = _ASSIGNMENT.fullmatch(line)
        if match is None:
            raise InvalidEquationsError(
                f"'{_short(line)}' in {owner} is no assignment; write 'name = ...' or "
                "'name += ...', with ';' between several."
            )
        name, operator, expression = match[1], match[2], match[3].strip()
        if operator:
            expression = f"{name} {operator} ({expression})"
        found.append(d.Assignment(name, expression))
    return tuple(found)


def quantity(value: object, owner: str) -> tuple[float | str, str]:
    """A value and its unit: of a pair, of text such as ``"20 ms"``, of a quantity, of a number."""
    if isinstance(value, str):
        found = _with_unit(value)
        if found is not None:
            return _number(found[1], owner), found[2]
        return _number(value, owner), "1"
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return _number(value[0], owner), str(value[1])
    dimensionality = getattr(value, "dimensionality", None)
    if dimensionality is not None and hasattr(value, "magnitude"):
        text = str(getattr(dimensionality, "string", dimensionality))
        return _number(value.magnitude, owner), text
    return _number(value, owner), "1"


def _with_unit(text: str) -> re.Match[str] | None:
    return _WITH_UNIT.fullmatch(text) if len(text) <= LONGEST_VALUE else None


def _number(value: Any, owner: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise InvalidEquationsError(
            f"{_short(repr(value))}, the value of {owner}, is not a number; write for example "
            "(20.0, 'ms') or '20 ms'."
        ) from error


def parameters(given: Mapping[str, Any] | None) -> tuple[d.Parameter, ...]:
    """Parameters as they are given: see `ship_engine.equations.neuron_model`."""
    if not isinstance(given, Mapping) and given is not None:
        raise InvalidEquationsError(
            f"parameters = {given!r}; give a dictionary, as in {{'tau_m': (20.0, 'ms')}}."
        )
    found = []
    for name, value in (given or {}).items():
        owner = f"the parameter '{name}'"
        if isinstance(value, d.Parameter):
            found.append(value)
        elif isinstance(value, base.Parameter):
            bounds = (value.minimum, value.exclusive, value.maximum)
            found.append(d.Parameter(name, value.default, value.unit, *bounds))
        elif isinstance(value, (tuple, list)) and 3 <= len(value) <= 4:
            minimum = -float("inf") if value[2] is None else _number(value[2], owner)
            maximum = float("inf") if len(value) == 3 or value[3] is None else value[3]
            number, unit = quantity(tuple(value[:2]), owner)
            found.append(d.Parameter(name, number, unit, minimum, False, _number(maximum, owner)))
        else:
            number, unit = quantity(value, owner)
            found.append(d.Parameter(name, number, unit))
    return tuple(found)


def states(
    units: Mapping[str, str], initial: Mapping[str, Any] | None, needed: Mapping[str, str] = {}
) -> tuple[d.State, ...]:
    """States with their initial values.

    `needed` are states that must have one, and why.
    """
    initial = dict(initial or {})
    for name in initial:
        if name not in units:
            raise InvalidEquationsError(
                f"There is an initial value for '{name}', which is no state."
                f"{meant(name, units)} The states are {listed(units)}."
            )
    found = []
    for name, unit in units.items():
        if name not in initial and name in needed:
            raise InvalidEquationsError(
                f"'{name}' has no initial value, and needs one, since {needed[name]}; write "
                f"initial={{'{name}': ...}}."
            )
        found.append(d.State(name, _start(initial.get(name, 0.0), unit, name), unit))
    return tuple(found)


def _start(value: object, unit: str, name: str) -> float | str:
    """An initial value in the unit of the state; text may be an expression of parameters."""
    owner = f"the initial value of '{name}'"
    if isinstance(value, str) and _with_unit(value) is None:
        return value
    number, own = quantity(value, owner)
    if not isinstance(value, (str, tuple, list)) and not hasattr(value, "dimensionality"):
        return number
    there, here = unit_of(own, owner), unit_of(unit, f"the state '{name}'")
    if there.dimension != here.dimension:
        raise InvalidEquationsError(
            f"{owner[:1].upper() + owner[1:]} is in {described(there)}, but '{name}' is in {unit}."
        )
    assert not isinstance(number, str)
    return number * there.factor_to(here)


def ports(given: Mapping[str, Any] | None, units: Mapping[str, str]) -> tuple[d.Port, ...]:
    """Receptors as they are given: a state, or a state, the unit of weights, and a factor."""
    if not isinstance(given, Mapping) and given is not None:
        raise InvalidEquationsError(
            f"ports = {given!r}; give a dictionary, as in {{'excitatory': 'g_exc'}}."
        )
    found = []
    for name, value in (given or {}).items():
        if isinstance(value, d.Port):
            found.append(value)
            continue
        parts: Sequence[Any] = (value,) if isinstance(value, str) else value
        texts = isinstance(parts, (tuple, list)) and all(isinstance(p, str) for p in parts)
        if not texts or not 1 <= len(parts) <= 3:
            raise InvalidEquationsError(
                f"The port '{name}' is {value!r}; give the state that arriving weights are added "
                "to, as in 'g_exc', or with the unit of weights and a factor, as in "
                "('g_exc', 'uS', '2.0')."
            )
        unit = parts[1] if len(parts) > 1 else _usual_unit(units.get(parts[0], "1"), name)
        found.append(d.Port(name, parts[0], unit, parts[2] if len(parts) > 2 else "1"))
    return tuple(found)


def _usual_unit(text: str, name: str) -> str:
    """The unit that weights usually have for a state of this unit."""
    unit = unit_of(text, f"the port '{name}'")
    for usual in _USUAL:
        if unit_of(usual, usual).dimension == unit.dimension:
            return usual
    return text
