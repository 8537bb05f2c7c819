"""Convolutions of spikes with kernels, as states and their equations."""

from __future__ import annotations

import ast
from typing import Any

from ship_engine.equations import description as equations
from ship_engine.equations.units import NUMBER, Unit, named_unit
from ship_engine.nestml.expressions import Translator, Value, as_number, cast
from ship_engine.nestml.inputs import Arrival, SpikePort, family, port_named
from ship_engine.nestml.kernels import chain_of
from ship_engine.nestml.locations import mistaken, unsupported
from ship_engine.nestml.names import engine_name
from ship_engine.nestml.scope import Scope
from ship_engine.nestml.trees import is_zero, names_in, substitute_all
from ship_engine.nestml.units import inverse, text_of

_MILLISECOND = named_unit("ms") or NUMBER


class Convolutions:
    """Every convolution of a model.

    The states of ``convolve(kernel, port)`` are called ``kernel__X__port``, as NESTML does.

    Parameters
    ----------
    scope : Scope
        Of the model.
    ports : dict
        Its spike ports.

    Attributes
    ----------
    states, derivatives, definitions : list
        Of the convolutions.
    arrivals : list of Arrival
        What spikes do to them.
    jumps : dict
        Ports whose spikes are convolved with a delta function, by the symbol that stands for them.
    """

    def __init__(self, scope: Scope, ports: dict[str, SpikePort]) -> None:
        self.scope, self.ports = scope, ports
        self.states: list[equations.State] = []
        self.derivatives: list[equations.Derivative] = []
        self.definitions: list[equations.Definition] = []
        self.arrivals: list[Arrival] = []
        self.jumps: dict[str, SpikePort] = {}
        self.of_kernels: set[str] = set()
        """Names of states that only say with which value a kernel begins."""
        self._values: dict[tuple[str, str], Value] = {}
        for kernel in scope.kernels.values():
            for variable in kernel.get_variables():
                order = variable.get_differential_order()
                name = variable.get_name()
                self.of_kernels |= {name + "'" * each for each in range(order)}

    def prepare(self) -> None:
        """Look for all convolutions in the equations, and make their states."""
        found: dict[str, list[tuple[str, Any]]] = {}
        expressions = [inline.expression for inline in self.scope.inlines.values()]
        expressions += [node.get_rhs() for node in self.scope.equations.values()]
        for expression in expressions:
            for call in expression.get_function_calls():
                if call.get_name() == "convolve":
                    kernel, port = self._arguments(call)
                    uses = found.setdefault(port, [])
                    if kernel not in (name for name, _ in uses):
                        uses.append((kernel, call))
        for port, uses in found.items():
            self._convolve(port_named(self.ports, port, uses[0][1]), uses)

    def call(self, node: Any, translate: Translator) -> Value | None:
        """What a call of ``convolve`` or of one of the model's functions stands for."""
        if node.get_name() != "convolve":
            return self.scope.call(node, translate)
        return self._values[self._arguments(node)]

    def _arguments(self, node: Any) -> tuple[str, str]:
        kernel, port = (str(argument.get_variable().get_name()) for argument in node.get_args())
        if kernel not in self.scope.kernels:
            raise mistaken(node, f"'{kernel}' is no kernel; there are {list(self.scope.kernels)}.")
        return kernel, port

    def _convolve(self, port: SpikePort, uses: list[tuple[str, Any]]) -> None:
        unit = next((u for _, node in uses if (u := family(node, self.scope)) is not None), None)
        kinds = {name: self._kind(name) for name, _ in uses}
        functions = [use for use in uses if kinds[use[0]] == "function"]
        if len(set(kinds.values())) > 1 or (len(uses) > 1 and not functions):
            raise unsupported(
                uses[1][1],
                f"several kinds of kernels for the port '{port.name}'",
                "kernels of one port as functions of t, or one kernel for each port",
            )
        if kinds[uses[0][0]] == "delta":
            self.jumps[port.symbol] = port
            self._values[uses[0][0], port.name] = Value(ast.Name(port.symbol), NUMBER)
        elif functions:
            self._functions(port, uses, unit)
        else:
            self._equations(port, uses[0], unit)

    def _kind(self, name: str) -> str:
        kernel = self.scope.kernels[name]
        if any(variable.get_differential_order() for variable in kernel.get_variables()):
            return "equations"
        (expression,) = kernel.get_expressions()
        calls = [call.get_name() for call in expression.get_function_calls()]
        return "delta" if "delta" in calls else "function"

    def _functions(self, port: SpikePort, uses: list[tuple[str, Any]], unit: Unit | None) -> None:
        """Kernels that are functions of t."""
        kernels = []
        for name, _ in uses:
            kernel = self.scope.kernels[name]
            (expression,) = kernel.get_expressions()
            value = as_number(Translator(self._with_time, self.scope.call, {})(expression))
            kernels.append((value, kernel))
        exponents, weights = chain_of([(value.tree, node) for value, node in kernels])
        first, count = f"{uses[0][0]}__X__{port.name}", len(exponents)
        alone = len(uses) == 1 and all(is_zero(each) for each in weights[0][:-1])
        own = kernels[0][0].unit or NUMBER
        own = NUMBER if own.is_number else own
        factor: ast.expr = weights[0][-1] if alone else ast.Constant(1)
        names = [
            engine_name(first + ("" if alone and place == count else f"__{place}"))
            for place in range(1, count + 1)
        ]
        for place, (name, exponent) in enumerate(zip(names, exponents, strict=True)):
            power = place - count + 1 if alone else place
            duration = _MILLISECOND.to_power(_MILLISECOND.dimension[0] * power)
            self.states.append(
                equations.State(name, 0.0, text_of(duration.times(own) if alone else duration))
            )
            rate = f"({ast.unparse(exponent)})*{name}"
            before = f" + {names[place - 1]}" if place else ""
            self.derivatives.append(equations.Derivative(name, rate + before))
        self._arrive(port, names[0], factor, unit)
        if alone:
            self._values[uses[0][0], port.name] = Value(ast.Name(names[-1]), own)
            return
        for (name, _), each, (value, _) in zip(uses, weights, kernels, strict=True):
            terms = [f"({ast.unparse(w)})*{n}" for w, n in zip(each, names, strict=True)]
            result = engine_name(f"{name}__X__{port.name}")
            kernel_unit = value.unit or NUMBER
            kernel_unit = NUMBER if kernel_unit.is_number else kernel_unit
            self.definitions.append(
                equations.Definition(result, " + ".join(terms), text_of(kernel_unit))
            )
            self._values[name, port.name] = Value(ast.Name(result), kernel_unit)

    def _with_time(self, name: str, node: Any) -> Value | None:
        return Value(ast.Name("t"), _MILLISECOND) if name == "t" else self.scope.lookup(name, node)

    def _equations(self, port: SpikePort, use: tuple[str, Any], unit: Unit | None) -> None:
        """A kernel that is given by differential equations."""
        kernel = self.scope.kernels[use[0]]
        renamed: dict[str, Value] = {}
        orders = [(v.get_name(), v.get_differential_order()) for v in kernel.get_variables()]
        for name, order in orders:
            for primes in range(order):
                full = name + "'" * primes
                variable = self.scope.states.get(full)
                if variable is None:
                    raise mistaken(kernel, f"'{full}' needs its value at a spike in 'state'.")
                own = engine_name(f"{name}__X__{port.name}" + "'" * primes)
                renamed[full] = Value(ast.Name(own), variable.unit)
                self.states.append(equations.State(own, 0.0, text_of(variable.unit)))

        def lookup(name: str, node: Any) -> Value | None:
            return renamed.get(name) or self.scope.lookup(name, node)

        translate = Translator(lookup, self.scope.call, self.scope.names())
        for (name, order), expression in zip(orders, kernel.get_expressions(), strict=True):
            for primes in range(order - 1):
                here, above = name + "'" * primes, name + "'" * (primes + 1)
                self._derive(renamed[here], renamed[above])
            self._derive(renamed[name + "'" * (order - 1)], translate(expression))
        begun = [
            (full, self.scope.constant(self.scope.states[full].expression))
            for full in renamed
            if not is_zero(self.scope.constant(self.scope.states[full].expression).tree)
        ]
        if len(begun) != 1:
            raise unsupported(
                kernel,
                f"the kernel '{use[0]}', of which {len(begun)} values are not 0 at a spike,",
                "a kernel of which one is not 0",
            )
        ((full, value),) = begun
        held = self.scope.states[full].holds(value)
        state = str(ast.unparse(renamed[full].tree))
        self._arrive(port, state, held.tree, unit)
        self._values[use[0], port.name] = renamed[use[0]]

    def _arrive(self, port: SpikePort, state: str, factor: ast.expr, unit: Unit | None) -> None:
        factor = substitute_all(factor, self.scope.internal_values())
        self.arrivals.append(Arrival(port, state, factor, unit))

    def _derive(self, state: Value, rate: Value) -> None:
        """Add an equation; a rate without the unit that it should have is taken to be in it."""
        (name,) = names_in(state.tree)
        self.derivatives.append(equations.Derivative(name, rate_of(state, rate).text))


def rate_of(state: Value, rate: Value) -> Value:
    """A rate of change with the unit that it must have, per millisecond if it has none."""
    unit = (state.unit or NUMBER).times(inverse(_MILLISECOND))
    return cast(rate, unit)
