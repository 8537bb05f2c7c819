"""A description of a cell becomes an ordinary model of the engine."""

from __future__ import annotations

import logging
from dataclasses import replace
from fractions import Fraction
from typing import Any

from ship_engine.equations.algebra import Expression
from ship_engine.equations.description import NeuronDescription
from ship_engine.equations.integration import Equations, Step, integrate
from ship_engine.equations.linear import affine
from ship_engine.equations.reading import (
    Names,
    check_state,
    read_assignments,
    read_derivatives,
    read_names,
)
from ship_engine.equations.stability import Stability
from ship_engine.equations.units import MILLISECOND, unit_of
from ship_engine.equations.wording import listed, meant
from ship_engine.equations.writing import Coefficients, FunctionWriter, compiled
from ship_engine.errors import InvalidEquationsError
from ship_engine.models.base import Model, Port, argument_names

logger = logging.getLogger(__name__)

GIVEN = {"i_inj": "nA", "dt": "ms"}
"""Names that have a meaning in every cell, and their units."""
OF_A_STEP = ("dt", "i_inj")
"""Those of them that belong to a step, and mean nothing at a moment."""


def compiled_neuron(description: NeuronDescription) -> type[Model]:
    """Make a model of a description; see `ship_engine.equations.neuron_model`."""
    return _Compiler(description).model()


class _Compiler:
    """Turns one description into a model."""

    def __init__(self, description: NeuronDescription) -> None:
        self.description = description
        self.names: Names = read_names(description, GIVEN)
        self.algebra = self.names.algebra
        self.derivatives = read_derivatives(self.names, description.derivatives)
        for name, node in self.derivatives.items():
            if "dt" in node.names:
                raise InvalidEquationsError(
                    f"The equation of '{name}' depends on dt; equations hold for any time step."
                )
        self._check_refractory_period()
        self.threshold, self.reset = self._spikes()
        self._bound_divisors()
        self.equations = Equations(
            self.algebra,
            self.names.parameter_names,
            self.names.state_names,
            self.derivatives,
            tuple(description.held),
            frozenset() if self.threshold is None else self.threshold.names,
            self._limits(),
        )

    def _check_refractory_period(self) -> None:
        description, names = self.description, self.names
        period = description.refractory_period
        for state in description.held:
            check_state(names, state, "Held in the refractory period")
        if period is None:
            if description.held:
                raise InvalidEquationsError(
                    f"{listed(description.held)} should stay constant after a spike, but for how "
                    "long? Name the parameter that says so as the refractory period."
                )
            return
        if not isinstance(period, str):
            raise InvalidEquationsError(
                f"The refractory period is {period!r}; give the name of a parameter in ms, as in "
                "refractory='tau_refrac', parameters={'tau_refrac': '3 ms'}."
            )
        if period not in names.parameter_names:
            raise InvalidEquationsError(
                f"The refractory period '{period}' is not a parameter."
                f"{meant(period, names.parameter_names)} "
                f"The parameters are {listed(names.parameter_names)}."
            )
        if names.units[period] != MILLISECOND:
            raise InvalidEquationsError(
                f"The refractory period '{period}' has to be in ms; give it the unit 'ms'."
            )
        if description.threshold is None:
            raise InvalidEquationsError(
                f"There is a refractory period, '{period}', but no threshold; write one."
            )

    def _spikes(self) -> tuple[Expression | None, dict[str, Expression]]:
        """The level that is >= 0 where a spike occurs, and the states after it."""
        description, names = self.description, self.names
        if description.threshold is None:
            if description.reset is not None:
                raise InvalidEquationsError(
                    "There is a reset, but no threshold; write when a spike occurs, as in "
                    "threshold='v > v_thresh'."
                )
            return None, {}
        if description.reset is None:
            raise InvalidEquationsError(
                "There is a threshold, but no reset; write what a spike changes, as in "
                "reset='v = v_reset', or '' if it changes nothing."
            )
        syntax, _ = names.reader.condition(description.threshold, "the threshold")
        level = names.reader.level(syntax, "the threshold")
        reset = read_assignments(names, description.reset, "the reset")
        for node, what in [(level, "threshold"), *((node, "reset") for node in reset.values())]:
            for name in ("dt",) if node is level else OF_A_STEP:
                if name in node.names:
                    raise InvalidEquationsError(
                        f"The {what} depends on {name}; it may depend on states and parameters."
                    )
        if level.names.isdisjoint(names.state_names):
            raise InvalidEquationsError(
                f"The threshold '{description.threshold}' depends on no state, and so is reached "
                f"always or never; the states are {listed(names.state_names)}."
            )
        return level, reset

    def _bound_divisors(self) -> None:
        """Times and capacitances that are divided by are positive, refractory periods not negative.

        Bounds that are given are left as they are.
        """
        divisors = _divisors([*self.derivatives.values(), *self.reset.values()])
        capacitance = unit_of("nF", "a capacitance").dimension
        bounded = []
        for parameter in self.names.parameters:
            free = parameter.minimum == float("-inf") and parameter.maximum == float("inf")
            dimension = self.names.units[parameter.name].dimension
            if free and parameter.name in divisors and parameter.default > 0.0:
                if dimension in (MILLISECOND.dimension, capacitance):
                    parameter = replace(parameter, minimum=0.0, exclusive=True)
            elif free and parameter.name == self.description.refractory_period:
                parameter = replace(parameter, minimum=0.0)
            bounded.append(parameter)
        self.names.parameters = tuple(bounded)

    def _limits(self) -> dict[str, Expression]:
        """Levels at which the threshold is reached by one state, from which the reset takes it."""
        if self.threshold is None:
            return {}
        found = affine(self.algebra, self.threshold, self.names.state_names)
        if found is None or len(found[0]) != 1:
            return {}
        ((name, slope),) = found[0].items()
        if slope.value is None or slope.value <= 0.0 or name not in self.reset:
            return {}
        return {name: self.algebra.scale(-1.0 / slope.value, found[1])}

    def model(self) -> type[Model]:
        """The model."""
        description, names, algebra = self.description, self.names, self.algebra
        stability = Stability(self.equations, names)
        step = integrate(self.equations, description.method, stability.stiff)
        stability.look_at(step)
        coefficients = Coefficients(algebra, names.parameter_names)
        if stability.overload is not None:
            coefficients.keep("step", algebra.symbol("dt"))
        ports = tuple(self._port(port, coefficients) for port in description.ports)
        self._check_ports(ports)
        lines = [(name, coefficients.hoisted(node)) for name, node in step.lines]
        after = read_assignments(names, description.after_step, "what follows each step")
        final = {n: algebra.substitute(node, step.results) for n, node in after.items()}
        ends = {**step.results, **final}
        results = [coefficients.hoisted(ends[name]) for name in names.state_names]
        writers = [FunctionWriter("advance_timestep", lines, results)]
        if self.threshold is not None:
            writers.append(FunctionWriter("threshold", [], [self.threshold], single=True))
            writers.append(FunctionWriter("reset", [], list(self.reset.values())))
            if stability.overload is not None:
                writers.append(FunctionWriter("overload", [], [stability.overload], single=True))
            if stability.alarm is not None:
                alarm = coefficients.hoisted(stability.alarm)
                writers.append(FunctionWriter("alarm", [], [alarm], single=True))
        writers.append(FunctionWriter("time_dep", [], list(coefficients.values.values())))
        functions = compiled(description.name, writers)
        text = _announcement(step, stability)
        logger.info("%s: %s", description.name, text)
        attributes: dict[str, Any] = {
            "__doc__": _docstring(description, text),
            "__module__": __name__,
            "name": description.name,
            "parameters": names.parameters,
            "states": names.states,
            "ports": ports,
            "coefficients": tuple(coefficients.values),
            "reset_states": tuple(self.reset),
            "held": tuple(description.held),
            "refractory_period": description.refractory_period,
            "longest_step": stability.longest_step,
            "settling_step": stability.settling_step,
            "_integration": text,
        }
        if self.threshold is not None:
            attributes["compared"] = argument_names(functions["threshold"])
        attributes |= {name: staticmethod(function) for name, function in functions.items()}
        return type(description.name, (Model,), attributes)

    def _port(self, port: Any, coefficients: Coefficients) -> Port:
        names, owner = self.names, f"the port '{port.name}'"
        if not isinstance(port.name, str) or not port.name.isidentifier():
            raise InvalidEquationsError(f"{port.name!r} is not a name for a port.")
        state = check_state(names, port.state, f"Port '{port.name}'")
        unit = unit_of(port.unit, owner)
        wanted = names.units[state].times(unit.to_power(Fraction(-1)))
        gain = names.reader.quantity(port.factor, wanted, f"the factor of {owner}", "it")
        if not gain.names <= set(names.parameter_names):
            others = sorted(gain.names - set(names.parameter_names))
            raise InvalidEquationsError(
                f"The factor of {owner} depends on {listed(others)}; it may depend on parameters."
            )
        name = None if gain is self.algebra.one else coefficients.name_of(gain)
        tau = self._time_constant(state)
        alone = tau is not None and self.derivatives[state].names == {state, tau}
        moved = [n for n in names.state_names if state in self.derivatives[n].names and n != state]
        acts = bool(moved) and all(name in self.equations.watched for name in moved)
        return Port(port.name, state, port.unit.strip(), name, tau, alone and acts)

    def _time_constant(self, state: str) -> str | None:
        """The parameter with which a state, or what it drives, decays by itself."""
        rate = self.algebra.derivative(self.derivatives[state], state)
        for parameter in self.names.parameters:
            if self.names.units[parameter.name] == MILLISECOND:
                tau = self.algebra.symbol(parameter.name)
                if rate is self.algebra.scale(-1.0, self.algebra.divide(self.algebra.one, tau)):
                    return parameter.name
        return None

    def _check_ports(self, ports: tuple[Port, ...]) -> None:
        known = [port.name for port in ports]
        for name in known:
            if known.count(name) > 1:
                raise InvalidEquationsError(f"There are two ports '{name}'; rename one.")


def _divisors(nodes: list[Expression]) -> set[str]:
    """Symbols that something is divided by."""
    found, seen, pending = set[str](), set[int](), list(nodes)
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        pending += node.children()
        if node.kind == "product":
            found |= {b.parts[0] for b, e in node.parts if e < 0.0 and b.kind == "symbol"}
    return found


def _announcement(step: Step, stability: Stability) -> str:
    """How a model is integrated, in words."""
    kinds = {
        "rk4": "by fourth-order Runge-Kutta steps",
        "exponential": "by second-order exponential midpoint steps",
    }
    parts = []
    if step.exact:
        parts.append(f"{listed(step.exact)} exactly")
    if step.stepped:
        text = f"{listed(step.stepped)} {kinds[step.method]}"
        if stability.longest_step is not None:
            text += f" of at most {stability.longest_step:g} ms"
        reasons = [step.reasons[name] for name in step.stepped if name in step.reasons]
        parts.append(text + (f", since {reasons[0]}" if reasons else ", as was asked for"))
    return "; ".join(parts) + "."


def _docstring(description: NeuronDescription, integration: str) -> str:
    lines = [description.documentation.strip() or f"{description.name}, from equations.", ""]
    lines += [f"d{d.state}/dt = {d.expression.strip()}" for d in description.derivatives]
    lines += [f"{d.name} = {d.expression.strip()}" for d in description.definitions]
    if description.threshold is not None:
        lines.append(f"A spike occurs when {description.threshold.strip()}.")
        lines += [f"    {a.name} = {a.expression.strip()}" for a in description.reset or ()]
    return "\n".join([*lines, "", f"Integrated: {integration}"])
