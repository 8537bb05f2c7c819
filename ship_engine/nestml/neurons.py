"""Neurons of NESTML as descriptions of cells."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from ship_engine.equations import description as equations
from ship_engine.equations.units import NUMBER, named_unit
from ship_engine.nestml.convolutions import Convolutions, rate_of
from ship_engine.nestml.expressions import Translator, Value
from ship_engine.nestml.inputs import (
    Arrival,
    SpikePort,
    continuous_ports,
    port_named,
    receptors,
    spike_ports,
)
from ship_engine.nestml.locations import mistaken, unsupported
from ship_engine.nestml.names import engine_name
from ship_engine.nestml.parameters import definitions_of, parameters_of
from ship_engine.nestml.scope import Scope, Variable
from ship_engine.nestml.spikes import read_spikes
from ship_engine.nestml.statements import Statements
from ship_engine.nestml.trees import coefficient, names_in, substitute, substitute_all
from ship_engine.nestml.units import inverse, text_of
from ship_engine.nestml.updates import read_update, timer_test

_SECOND = named_unit("s") or NUMBER


class NeuronTranslation:
    """Translates one neuron.

    Parameters
    ----------
    model : ASTModel
        What the parser made of it.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.scope = Scope(model)
        ports = [port for block in model.get_input_blocks() for port in block.get_input_ports()]
        self.ports = spike_ports(ports)
        self.scope.continuous = continuous_ports(ports)
        self.convolutions = Convolutions(self.scope, self.ports)
        self.arrivals: list[Arrival] = []
        self.definitions: list[equations.Definition] = []
        self.derivatives: dict[str, Value] = {}
        self.after_step: list[equations.Assignment] = []
        self.read: list[tuple[ast.expr, Any]] = []
        """Every expression, and where it stands."""

    def description(self) -> equations.NeuronDescription:
        """The neuron as data."""
        self.convolutions.prepare()
        self.update = read_update(self.scope)
        self._equations()
        for arrival in self._received():
            self._receive(*arrival)
        translate = self._translator()
        self.spikes = read_spikes(self.scope, self.update, translate, self.derivatives)
        states = self._states()
        held = self._held()
        self._refuse_lost_names()
        kept = {state.name for state in states}
        return equations.NeuronDescription(
            name=self.model.get_name(),
            parameters=parameters_of(self.scope),
            states=(*states, *self.convolutions.states),
            derivatives=(
                *(
                    equations.Derivative(n, v.text)
                    for n, v in self.derivatives.items()
                    if n in kept
                ),
                *self.convolutions.derivatives,
            ),
            definitions=(
                *definitions_of(self.scope),
                *self.convolutions.definitions,
                *self.definitions,
            ),
            ports=tuple(port for arrival in self._all_arrivals() for port in receptors(arrival)),
            threshold=self.spikes.threshold,
            reset=self.spikes.reset,
            refractory_period=self.spikes.refractory_period,
            held=tuple(held),
            after_step=tuple(self.after_step),
            documentation=f"The neuron '{self.model.get_name()}' from NESTML.",
        )

    # --- names -----------------------------------------------------------------------------------

    def _translator(self) -> Translator:
        return Translator(self.scope.lookup, self.convolutions.call, self.scope.names())

    # --- equations -------------------------------------------------------------------------------

    def _equations(self) -> None:
        translate, jumps = self._translator(), self.convolutions.jumps
        with_jumps: dict[str, ast.expr] = {}
        for name, variable in self.scope.inlines.items():
            value = variable.holds(translate(variable.expression))
            self.read.append((value.tree, variable.node))
            if names_in(value.tree) & {*jumps, *with_jumps}:
                with_jumps[variable.engine_name] = substitute(value.tree, with_jumps)
            else:
                unit = text_of(variable.unit)
                self.definitions.append(equations.Definition(engine_name(name), value.text, unit))
        for full, node in self.scope.equations.items():
            state = self._state(full[:-1], node)
            for below in range(full.count("'") - 1):
                lower = self._state(full.rstrip("'") + "'" * below, node)
                upper = self._state(full.rstrip("'") + "'" * (below + 1), node)
                self.derivatives[lower.engine_name] = rate_of(lower.value, upper.value)
            rate = rate_of(state.value, translate(node.get_rhs()))
            self.read.append((rate.tree, node))
            tree = substitute(rate.tree, with_jumps)
            for symbol in sorted(names_in(tree) & set(jumps)):
                tree = self._jump(jumps[symbol], state, tree, node)
            self.derivatives[state.engine_name] = Value(tree, rate.unit)

    def _state(self, name: str, node: Any) -> Variable:
        if name not in self.scope.states:
            raise mistaken(node, f"'{name}' has an equation, but is not declared in 'state'.")
        return self.scope.states[name]

    def _jump(self, port: SpikePort, state: Variable, tree: ast.expr, node: Any) -> ast.expr:
        """Make a receptor of a convolution with a delta function, and give what else there is."""
        split = coefficient(tree, port.symbol)
        if split is None or split[0] is None:
            raise unsupported(
                node,
                f"an equation that is not linear in what arrives at '{port.name}'",
                "the convolution with a delta function as a term of the equation",
            )
        factor = ast.BinOp(split[0], ast.Mult(), ast.Name("1 ms"))
        self._add_receptors(port, state, factor, node)
        return ast.Constant(0) if split[1] is None else split[1]

    def _add_receptors(self, port: SpikePort, state: Variable, factor: ast.expr, node: Any) -> None:
        allowed = {v.engine_name for v in self.scope.parameters.values()}
        allowed |= {v.engine_name for v in self.scope.internals.values()}
        wrong = names_in(factor) - allowed - {"pi"}
        if wrong:
            raise unsupported(
                node,
                f"a spike whose effect depends on '{min(wrong)}'",
                "an effect that depends on parameters only",
            )
        if port in (arrival.port for arrival in self._all_arrivals()):
            raise unsupported(
                node,
                f"the port '{port.name}', whose spikes change several states,",
                "one state for each port, or kernels that are functions of t",
            )
        factor = substitute_all(factor, self.scope.internal_values())
        self.arrivals.append(Arrival(port, state.engine_name, factor, state.unit))

    def _all_arrivals(self) -> list[Arrival]:
        return [*self.arrivals, *self.convolutions.arrivals]

    # --- spikes that arrive ----------------------------------------------------------------------

    def _received(self) -> list[tuple[SpikePort, Any, str, Value]]:
        """What each arriving spike does to states, by statements."""
        found = []
        for block in self.model.get_on_receive_blocks():
            port = port_named(self.ports, block.get_port_name(), block)
            statements = self._run(block.get_stmts_body().get_stmts(), {port.name: _arriving(port)})
            found += [
                (port, block, name, value)
                for name, value in statements.values.items()
                if name not in statements.local
            ]
        for node in self.update.after:
            names = {str(v.get_name()) for v in node.get_expression().get_variables()}
            arriving = names & set(self.ports)
            given = {name: _arriving(self.ports[name]) for name in arriving}
            statements = Statements(self.scope, given)
            statements.assign(node)
            for name, value in statements.values.items():
                if arriving:
                    found.append((self.ports[min(arriving)], node, name, value))
                else:
                    state = self._state(name, node).engine_name
                    self.after_step.append(equations.Assignment(state, value.text))
        return found

    def _run(self, statements: Any, given: Mapping[str, Value]) -> Statements:
        run = Statements(self.scope, given)
        run.run(list(statements))
        return run

    def _receive(self, port: SpikePort, node: Any, name: str, value: Value) -> None:
        state = self._state(name, node)
        tree = self._without_deafness(value.tree, state)
        split = coefficient(tree, port.symbol)
        rest = None if split is None else split[1]
        if (
            split is None
            or split[0] is None
            or rest is None
            or (ast.unparse(rest) != state.engine_name)
        ):
            raise unsupported(
                node,
                f"what a spike at '{port.name}' does to '{name}'",
                f"'{name} += factor * {port.name} * s'",
            )
        self._add_receptors(port, state, split[0], node)

    def _without_deafness(self, tree: ast.expr, state: Variable) -> ast.expr:
        """What happens outside the refractory period, if inside it nothing does."""
        if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
            return tree
        if tree.func.id != "where" or not isinstance(tree.args[0], ast.expr):
            return tree
        tested = timer_test(self.scope, Value(tree.args[0], None))
        if tested is None or tested[0] != self.update.timer:
            return tree
        free, refractory = tree.args[1:] if not tested[1] else tree.args[:0:-1]
        return free if ast.unparse(refractory) == state.engine_name else tree

    # --- states ----------------------------------------------------------------------------------

    def _left_out(self) -> set[str]:
        """States that are not states here."""
        return {*self.spikes.timers, *self.update.previous, *self.convolutions.of_kernels}

    def _states(self) -> tuple[equations.State, ...]:
        initial = self.scope.internal_values()
        made = []
        for name, state in self.scope.states.items():
            if name in self._left_out():
                continue
            value: ast.expr = ast.Constant(0)
            if state.expression is not None:
                value = state.holds(self.scope.constant(state.expression)).tree
            value = substitute_all(value, initial)
            initial[state.engine_name] = value
            made.append(equations.State(state.engine_name, ast.unparse(value), text_of(state.unit)))
        return tuple(made)

    def _held(self) -> list[str]:
        """States that stay as they are while the neuron is refractory."""
        update, spikes = self.update, self.spikes
        for full, node in self.scope.equations.items():
            own = full.rstrip("'")
            if own in spikes.timers or own in update.integrated:
                continue
            for each in range(full.count("'")):
                self.derivatives.pop(self._state(own + "'" * each, node).engine_name, None)
        still = set(update.clamped)
        if update.while_refractory is not None:
            still |= update.integrated - update.while_refractory
        still -= spikes.timers
        self._check_clamped()
        if still and spikes.refractory_period is None:
            raise unsupported(
                self.model,
                f"'{min(still)}', which an update block holds though no spike starts its timer,",
                "the start of the timer in onCondition",
            )
        return [engine_name(name) for name in self.scope.states if name.rstrip("'") in still]

    def _check_clamped(self) -> None:
        """States may be set to their reset value as long as the neuron is refractory."""
        after = {a.name: a.expression for a in self.spikes.reset or ()}
        for name, node in self.update.clamped.items():
            state = self._state(name, node)
            value = state.holds(self._translator()(node.get_expression()))
            if after.get(state.engine_name) != value.text:
                raise unsupported(
                    node,
                    f"'{name}' set to '{value.text}' while the neuron is refractory",
                    "its value after a spike, in both places",
                )

    def _refuse_lost_names(self) -> None:
        """Timers, and what was before a step, mean nothing in equations."""
        lost = {engine_name(name): name for name in (*self.spikes.timers, *self.update.previous)}
        for tree, node in self.read:
            for name in sorted(names_in(tree) & set(lost)):
                raise unsupported(
                    node,
                    f"'{lost[name]}', which counts or keeps what was before, in an equation",
                    "an equation without it",
                )


def _arriving(port: SpikePort) -> Value:
    """What a port is in statements: a spike's weight, per second."""
    return Value(ast.BinOp(ast.Name(port.symbol), ast.Div(), ast.Name("1 s")), inverse(_SECOND))
