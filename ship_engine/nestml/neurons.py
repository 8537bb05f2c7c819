"""Neurons of NESTML as descriptions of cells."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from ship_engine.equations import description as equations
from ship_engine.equations.units import NUMBER, named_unit
from ship_engine.nestml.convolutions import Convolutions, rate_of
from ship_engine.nestml.expressions import Translator, Value, as_condition
from ship_engine.nestml.inputs import SpikePort, continuous_ports, receptors, spike_ports
from ship_engine.nestml.locations import mistaken, unsupported
from ship_engine.nestml.names import engine_name
from ship_engine.nestml.parameters import definitions_of, parameters_of
from ship_engine.nestml.scope import Scope, Variable
from ship_engine.nestml.statements import EMITTED, Statements
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
        self.continuous = continuous_ports(ports)
        self.convolutions = Convolutions(self.scope, self.ports)
        self.receptors: list[equations.Port] = []
        self.definitions: list[equations.Definition] = []
        self.derivatives: dict[str, Value] = {}
        self.refractory_period: str | None = None
        self.after_step: list[equations.Assignment] = []
        self.timers: set[str] = set()

    def description(self) -> equations.NeuronDescription:
        """The neuron as data."""
        self.convolutions.prepare()
        self.update = read_update(self.scope)
        self._equations()
        for arrival in self._arrivals():
            self._receive(*arrival)
        threshold, reset = self._spikes()
        states = self._states()
        held = self._held(reset or ())
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
            ports=tuple(map(self._of_parameters, [*self.receptors, *self.convolutions.receptors])),
            threshold=threshold,
            reset=reset,
            refractory_period=self.refractory_period,
            held=tuple(name for name in held if self.refractory_period is not None),
            after_step=tuple(self.after_step),
            documentation=documentation_of(self.model),
        )

    # --- names -----------------------------------------------------------------------------------

    def _lookup(self, name: str, node: Any) -> Value | None:
        if name in self.continuous:
            return self.continuous[name]
        return self.scope.lookup(name, node)

    def _translator(self) -> Translator:
        return Translator(self._lookup, self.convolutions.call, self.scope.names())

    def _internals(self) -> dict[str, ast.expr]:
        """What internals stand for, in terms of parameters."""
        return {
            variable.engine_name: variable.holds(self.scope.constant(variable.expression)).tree
            for variable in self.scope.internals.values()
        }

    def _of_parameters(self, port: equations.Port) -> equations.Port:
        tree = substitute_all(ast.parse(port.factor, mode="eval").body, self._internals())
        return equations.Port(port.name, port.state, port.unit, ast.unparse(tree))

    # --- equations -------------------------------------------------------------------------------

    def _equations(self) -> None:
        translate, jumps = self._translator(), self.convolutions.jumps
        with_jumps: dict[str, ast.expr] = {}
        for name, variable in self.scope.inlines.items():
            value = variable.holds(translate(variable.expression))
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
        factor = ast.BinOp(split[0], ast.Mult(), ast.Name("ms"))
        self._add_receptors(port, state, factor, node)
        return ast.Constant(0) if split[1] is None else split[1]

    def _add_receptors(self, port: SpikePort, state: Variable, factor: ast.expr, node: Any) -> None:
        allowed = {v.engine_name for v in self.scope.parameters.values()}
        allowed |= {v.engine_name for v in self.scope.internals.values()}
        units = {name for name in names_in(factor) if named_unit(name) is not None}
        wrong = names_in(factor) - allowed - units - {"pi"}
        if wrong:
            raise unsupported(
                node,
                f"a spike whose effect depends on '{min(wrong)}'",
                "an effect that depends on parameters only",
            )
        if any(made.name == port.receptors[0][0] for made in self._all_receptors()):
            raise unsupported(
                node,
                f"the port '{port.name}', whose spikes change several states,",
                "one state for each port, or kernels that are functions of t",
            )
        self.receptors += receptors(port, state.engine_name, factor, state.unit)

    def _all_receptors(self) -> list[equations.Port]:
        return [*self.receptors, *self.convolutions.receptors]

    # --- spikes that arrive ----------------------------------------------------------------------

    def _arrivals(self) -> list[tuple[SpikePort, Any, str, Value]]:
        """What each arriving spike does to states, by statements."""
        found = []
        for block in self.model.get_on_receive_blocks():
            port = self._port(block.get_port_name(), block)
            statements = self._run(block.get_stmts_body().get_stmts(), {port.name: _arriving(port)})
            found += [
                (port, block, name, value)
                for name, value in statements.values.items()
                if name not in statements.local
            ]
        for node in self.update.after:
            names = {str(v.get_name()) for v in node.get_expression().get_variables()}
            arriving = names & set(self.ports)
            statements = Statements(
                self.scope,
                {**self.continuous, **{name: _arriving(self.ports[name]) for name in arriving}},
            )
            statements.assign(node)
            for name, value in statements.values.items():
                if arriving:
                    found.append((self.ports[min(arriving)], node, name, value))
                else:
                    state = self._state(name, node).engine_name
                    self.after_step.append(equations.Assignment(state, value.text))
        return found

    def _port(self, name: str, node: Any) -> SpikePort:
        if name not in self.ports:
            raise mistaken(node, f"'{name}' is no input port for spikes.")
        return self.ports[name]

    def _run(self, statements: Any, given: Mapping[str, Value]) -> Statements:
        run = Statements(self.scope, {**self.continuous, **given})
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

    # --- spikes that are sent --------------------------------------------------------------------

    def _spikes(self) -> tuple[str | None, tuple[equations.Assignment, ...] | None]:
        """The threshold and the reset."""
        sending = []
        for block in self.model.get_on_condition_blocks():
            run = self._run(block.get_stmts_body().get_stmts(), {})
            if EMITTED not in run.values:
                raise unsupported(
                    block, "an onCondition without emit_spike()", "one, with emit_spike() in it"
                )
            sending.append((block, run))
        if not sending:
            return None, None
        if len(sending) > 1:
            raise unsupported(sending[1][0], "a second onCondition with emit_spike()", "one")
        ((block, run),) = sending
        conditions = _conjuncts(as_condition(self._translator()(block.get_cond_expr())).tree)
        kept = [self._condition(tree, block) for tree in conditions]
        changes = {
            self._state(name, block).engine_name: value
            for name, value in run.values.items()
            if name not in run.local
            and name != EMITTED
            and not self._starts_timer(name, value, block)
        }
        texts = [ast.unparse(tree) for tree in kept if tree is not None]
        if not texts:
            raise unsupported(block, "a spike whenever a timer is over", "a condition on a state")
        threshold = texts[0] if len(texts) == 1 else " and ".join(f"({text})" for text in texts)
        return threshold, _ordered(changes, block)

    def _condition(self, tree: ast.expr, node: Any) -> ast.expr | None:
        """A part of the condition of a spike; None if the refractory period stands for it."""
        tested = timer_test(self.scope, Value(tree, None))
        if tested is not None and not tested[1] and self._is_timer(tested[0]):
            self.timers.add(tested[0])
            return None
        previous = {engine_name(name): now for name, now in self.update.previous.items()}
        if not names_in(tree) & set(previous):
            return tree
        if isinstance(tree, ast.Compare) and isinstance(tree.left, ast.Name):
            (right,), (operator,) = tree.comparators, tree.ops
            now = previous.get(tree.left.id)
            falling = isinstance(operator, (ast.Gt, ast.GtE))
            if now is not None and isinstance(right, ast.Name) and right.id == engine_name(now):
                slope = self.derivatives[engine_name(now)]
                unit = ast.parse(text_of(slope.unit or NUMBER), mode="eval").body
                nothing = ast.BinOp(ast.Constant(0), ast.Mult(), unit)
                comparison: ast.cmpop = ast.LtE() if falling else ast.GtE()
                return ast.Compare(slope.tree, [comparison], [nothing])
        raise unsupported(
            node,
            f"the condition '{ast.unparse(tree)}' on what was before the step",
            "'V_old > V', for a maximum, or no such condition",
        )

    def _is_timer(self, name: str) -> bool:
        if name in self.update.counted:
            return True
        equation = self.scope.equations.get(f"{name}'")
        if equation is None:
            return False
        return ast.unparse(self._translator()(equation.get_rhs()).tree) in ("-1", "-1.0")

    def _starts_timer(self, name: str, value: Value, node: Any) -> bool:
        """Whether an assignment after a spike starts the refractory period, which is noted."""
        if not self._is_timer(name):
            return False
        self.timers.add(name)
        tree = substitute_all(value.tree, self._internals())
        if (
            isinstance(tree, ast.Call)
            and isinstance(tree.func, ast.Name)
            and tree.func.id == "steps"
        ):
            tree = tree.args[0]
        by_name = {v.engine_name: v for v in self.scope.parameters.values()}
        period = by_name.get(tree.id) if isinstance(tree, ast.Name) else None
        if period is None or period.unit.dimension != (named_unit("ms") or NUMBER).dimension:
            raise unsupported(
                node,
                f"'{name} = {ast.unparse(tree)}' as the refractory period",
                "a parameter with the unit ms, or steps() of one",
            )
        if self.refractory_period not in (None, period.engine_name):
            raise unsupported(node, "a second refractory period", "one")
        self.refractory_period = period.engine_name
        return True

    # --- states ----------------------------------------------------------------------------------

    def _left_out(self) -> set[str]:
        """States that are not states here."""
        return {*self.timers, *self.update.previous, *self.convolutions.of_kernels}

    def _states(self) -> tuple[equations.State, ...]:
        initial = self._internals()
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

    def _held(self, reset: tuple[equations.Assignment, ...]) -> list[str]:
        """States that stay as they are while the neuron is refractory."""
        update = self.update
        for name in list(self.scope.equations):
            own = name.rstrip("'")
            if own not in update.integrated and own not in self.timers:
                order = name.count("'")
                for each in range(order):
                    self.derivatives.pop(engine_name(own + "'" * each), None)
        if update.while_refractory is None:
            return self._clamped(reset)
        still = update.integrated - update.while_refractory - self.timers
        names = [n for n in self.scope.states if n.rstrip("'") in still]
        return [engine_name(n) for n in names]

    def _clamped(self, reset: tuple[equations.Assignment, ...]) -> list[str]:
        """States that are set to their reset value as long as the neuron is refractory."""
        after = {assignment.name: assignment.expression for assignment in reset}
        for name, node in self.update.clamped.items():
            state = self._state(name, node)
            value = state.holds(self._translator()(node.get_expression()))
            if after.get(state.engine_name) != value.text:
                raise unsupported(
                    node,
                    f"'{name}' set to '{value.text}' while the neuron is refractory",
                    "its value after a spike, in both places",
                )
        return [engine_name(name) for name in self.update.clamped]


def _arriving(port: SpikePort) -> Value:
    """What a port is in statements: a spike's weight, per second."""
    return Value(ast.BinOp(ast.Name(port.symbol), ast.Div(), ast.Name("s")), inverse(_SECOND))


def _conjuncts(tree: ast.expr) -> list[ast.expr]:
    if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And):
        return [part for value in tree.values for part in _conjuncts(value)]
    return [tree]


def _ordered(changes: dict[str, Value], node: Any) -> tuple[equations.Assignment, ...]:
    """Assignments in an order in which none reads what another has changed."""
    left, ordered = dict(changes), []
    while left:
        read = {
            name: {
                other
                for other, value in left.items()
                if other != name and name in names_in(value.tree)
            }
            for name in left
        }
        free = next((name for name, readers in read.items() if not readers), None)
        if free is None:
            raise unsupported(node, "states that take each other's values", "one of them changed")
        ordered.append(equations.Assignment(free, left.pop(free).text))
    return tuple(ordered)


def documentation_of(model: Any) -> str:
    """The first sentence of the comments above a model."""
    return f"The model '{model.get_name()}' from NESTML."
