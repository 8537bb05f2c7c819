"""Descriptions are read: every name, unit and expression is checked, and gets its meaning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from ship_engine.elementwise import LANGUAGE
from ship_engine.equations import description as d
from ship_engine.equations.algebra import Algebra, Expression
from ship_engine.equations.dimensions import Reader, Value
from ship_engine.equations.language import check_name, parse
from ship_engine.equations.syntax import names_in
from ship_engine.equations.units import MILLISECOND, Unit, unit_of
from ship_engine.equations.wording import listed, meant
from ship_engine.errors import InvalidEquationsError
from ship_engine.models.base import Parameter, State

MOST_ITEMS = 500
"""Parameters, states, definitions and so on, of each kind."""
TAKEN = (
    "last_pre",
    "last_post",
    "dt",
    "i_inj",
    "free",
    "input",
    "step",
    "t",
    "delay",
    *LANGUAGE,
    "exprel",
    "math",
    "weight",
)
"""Names that a description cannot give to something of its own."""
ENDINGS = ("_end", "_half", "_middle", "_new", "_next", "_old", "_ring", "_row", "_before")
"""What is appended to names of models by the code around them."""


@dataclass
class Names:
    """What the names of a description stand for.

    Attributes
    ----------
    algebra : Algebra
        Makes expressions.
    reader : Reader
        Reads expressions of parameters, states and definitions.
    parameters, states : tuple
        In the engine's terms.
    units : dict of str to Unit
        Of parameters and states.
    """

    algebra: Algebra
    reader: Reader
    parameters: tuple[Parameter, ...] = ()
    states: tuple[State, ...] = ()
    units: dict[str, Unit] = field(default_factory=dict)
    defaults: dict[str, Value] = field(default_factory=dict)
    defined: list[str] = field(default_factory=list)
    """Names of the definitions."""

    @property
    def state_names(self) -> list[str]:
        """Names of the states."""
        return [state.name for state in self.states]

    @property
    def parameter_names(self) -> list[str]:
        """Names of the parameters."""
        return [parameter.name for parameter in self.parameters]


def read_names(
    description: d.NeuronDescription | d.SynapseDescription, given: Mapping[str, str]
) -> Names:
    """Read parameters, states, functions and definitions.

    Parameters
    ----------
    description : NeuronDescription or SynapseDescription
        What is to be read.
    given : mapping of str to str
        Names that have a meaning without being declared, and their units.
    """
    _check_names(description, given)
    algebra = Algebra()
    functions = {function.name: function for function in description.functions}
    names = Names(algebra, Reader(algebra, {}, functions))
    constants = Reader(algebra, names.defaults, functions)
    for parameter in description.parameters:
        _read_parameter(names, constants, parameter)
    for state in description.states:
        owner = f"the state '{state.name}'"
        unit = unit_of(state.unit, owner)
        initial = _start(constants, state.initial, unit, owner)
        names.states += (State(state.name, initial, _plain_unit(state.unit)),)
        names.units[state.name] = unit
    values = {n: Value(algebra.symbol(n), unit) for n, unit in names.units.items()}
    for name, text in given.items():
        values[name] = Value(algebra.symbol(name), unit_of(text, f"'{name}'"))
    names.reader.names.update(values)
    _read_definitions(names, description.definitions)
    return names


def _read_parameter(names: Names, constants: Reader, parameter: d.Parameter) -> None:
    owner = f"the parameter '{parameter.name}'"
    unit = unit_of(parameter.unit, owner)
    value = _start(constants, parameter.value, unit, owner)
    limits = (parameter.minimum, parameter.maximum)
    if not all(limit == limit for limit in limits):
        raise InvalidEquationsError(f"The bounds of {owner}, {limits}, are not two numbers.")
    made = Parameter(
        parameter.name,
        value,
        _plain_unit(parameter.unit),
        float(parameter.minimum),
        bool(parameter.exclusive),
        float(parameter.maximum),
    )
    if not made.allows(value):
        raise InvalidEquationsError(
            f"{parameter.name} = {value:g} {made.unit}, its default, is not allowed by its "
            f"bounds; it must be {made.requirement}."
        )
    names.parameters += (made,)
    names.units[parameter.name] = unit
    names.defaults[parameter.name] = Value(names.algebra.number(value), unit)


def _plain_unit(text: str) -> str:
    """A unit as other programs write it."""
    unit = text.strip().replace("^", "**")
    return "dimensionless" if unit in ("", "1") else unit


def _start(constants: Reader, given: object, unit: Unit, owner: str) -> float:
    """A number, or what an expression of defaults comes to."""
    if isinstance(given, str):
        text = given.strip()
        bare = _bare_number(text)
        if bare is None:
            node = constants.quantity(text, unit, f"the value of {owner}", "it")
            if node.value is None:
                raise InvalidEquationsError(f"'{text}', the value of {owner}, is not a number.")
            return node.value
        given = bare
    try:
        number = float(np.asarray(given, np.float64))
    except (TypeError, ValueError) as error:
        raise InvalidEquationsError(f"{given!r}, the value of {owner}, is not a number.") from error
    if not math.isfinite(number):
        raise InvalidEquationsError(f"{number}, the value of {owner}, is not finite.")
    return number


def _bare_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _check_names(
    description: d.NeuronDescription | d.SynapseDescription, given: Mapping[str, str]
) -> None:
    check_name(description.name, "the model")
    kinds: dict[str, tuple[Any, ...]] = {
        "parameter": description.parameters,
        "state": description.states,
        "definition": description.definitions,
        "function": description.functions,
    }
    owners: dict[str, str] = {}
    for kind, items in kinds.items():
        if len(items) > MOST_ITEMS:
            raise InvalidEquationsError(f"{len(items)} {kind}s are more than {MOST_ITEMS}.")
        for item in items:
            name = check_name(item.name, f"a {kind}")
            if name in TAKEN or name in given or name.startswith("divided_exp_"):
                raise InvalidEquationsError(
                    f"'{name}' has a meaning of its own and cannot be the name of a {kind}; "
                    "take another name."
                )
            if name in owners:
                both = f"a {owners[name]} and a {kind}" if owners[name] != kind else f"two {kind}s"
                raise InvalidEquationsError(f"'{name}' is the name of {both}; rename one.")
            owners[name] = kind
    for name in owners:
        for ending in ENDINGS:
            if name.endswith(ending) and name[: -len(ending)] in owners:
                raise InvalidEquationsError(
                    f"'{name}' beside '{name[: -len(ending)]}' is taken by the code around "
                    f"models; choose a name that does not end with '{ending}'."
                )


def _read_definitions(names: Names, definitions: tuple[d.Definition, ...]) -> None:
    trees = {x.name: parse(x.expression, f"the definition of '{x.name}'") for x in definitions}
    wanted = {name: names_in(tree) & trees.keys() for name, tree in trees.items()}
    by_name = {definition.name: definition for definition in definitions}
    while wanted:
        ready = [name for name, others in wanted.items() if not others & wanted.keys()]
        if not ready:
            raise InvalidEquationsError(
                f"The definitions of {listed(sorted(wanted))} depend on each other in a circle; "
                "for something that changes by itself, write an equation d.../dt."
            )
        for name in ready:
            del wanted[name]
            owner = f"the definition of '{name}'"
            unit = unit_of(by_name[name].unit, owner)
            node = names.reader.quantity(by_name[name].expression, unit, owner, f"'{name}'")
            names.reader.names[name] = Value(node, unit)
            names.defined.append(name)


def read_derivatives(names: Names, derivatives: tuple[d.Derivative, ...]) -> dict[str, Expression]:
    """The derivatives of all states (1/ms times their unit); 0 for those without an equation."""
    found: dict[str, Expression] = {}
    for derivative in derivatives:
        state = check_state(names, derivative.state, f"d{derivative.state}/dt")
        if state in found:
            raise InvalidEquationsError(f"There are two equations d{state}/dt; keep one.")
        per_ms = names.units[state].times(MILLISECOND.to_power(Fraction(-1)))
        owner = f"the equation of '{state}'"
        found[state] = names.reader.quantity(derivative.expression, per_ms, owner, f"d{state}/dt")
    return {name: found.get(name, names.algebra.zero) for name in names.state_names}


def check_state(names: Names, name: str, where: str) -> str:
    """Return the name of a state."""
    if name in names.state_names:
        return name
    if name in names.parameter_names:
        raise InvalidEquationsError(
            f"{where}: '{name}' is a parameter, which does not change by itself; to let it "
            "change, make it a state with an initial value."
        )
    if name in names.reader.names:
        raise InvalidEquationsError(
            f"{where}: '{name}' is not a state, and follows from its definition at all times."
        )
    raise InvalidEquationsError(
        f"{where}: '{name}' is not a state.{meant(name, names.state_names)} "
        f"The states are {listed(names.state_names)}."
    )


def read_assignments(
    names: Names,
    assignments: tuple[d.Assignment, ...],
    where: str,
    extra: Mapping[str, Unit] | None = None,
) -> dict[str, Expression]:
    """What is assigned, one after the other, as expressions of what was before.

    `extra` are names beside the states that may be assigned, and their units.  Names that are
    unknown otherwise are local, if they are used further down.
    """
    if len(assignments) > MOST_ITEMS:
        raise InvalidEquationsError(
            f"{where} has {len(assignments)} assignments, more than {MOST_ITEMS}."
        )
    local = dict(names.reader.names)
    reader = Reader(names.algebra, local, names.reader.functions)
    units = {name: names.units[name] for name in names.state_names} | dict(extra or {})
    used = [names_in(parse(assignment.expression, where)) for assignment in assignments]
    changed: dict[str, Expression] = {}
    for k, assignment in enumerate(assignments):
        name, owner = assignment.name, f"'{assignment.name} = ...' of {where}"
        if name not in units:
            if name in names.reader.names or not any(name in later for later in used[k + 1 :]):
                check_state(names, name, where[:1].upper() + where[1:])
            local[check_name(name, "a local value")] = reader.value(assignment.expression, owner)
            continue
        node = reader.quantity(assignment.expression, units[name], owner, f"'{name}'")
        changed[name] = node
        local[name] = Value(node, units[name])
        for follower in names.defined:
            value = names.reader.names[follower]
            local[follower] = Value(names.algebra.substitute(value.expression, changed), value.unit)
    return changed
