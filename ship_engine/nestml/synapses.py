"""Synapses of NESTML as descriptions of synapses.

In NESTML a weight is a number that NEST takes for pA, nS or mV; the parameter ``weight_scale`` of
the model says how much of the unit of the target's port that is.
"""

from __future__ import annotations

import ast
import difflib
from typing import Any

from ship_engine.equations import description as equations
from ship_engine.equations.units import NUMBER, named_unit
from ship_engine.errors import UnknownNameError
from ship_engine.nestml.convolutions import Convolutions, rate_of
from ship_engine.nestml.expressions import Translator, Value, as_number, cast, number
from ship_engine.nestml.inputs import SpikePort
from ship_engine.nestml.locations import mistaken, unsupported
from ship_engine.nestml.names import engine_name, full_name
from ship_engine.nestml.parameters import definitions_of, parameters_of
from ship_engine.nestml.scope import Scope, Variable
from ship_engine.nestml.statements import EMITTED, Statements
from ship_engine.nestml.trees import limited, names_in, replace_differences, substitute_all
from ship_engine.nestml.units import KINDS, kind_of, quantity, text_of
from ship_engine.nestml.updates import read_update

SCALE = "weight_scale"
"""The parameter that says what the number 1 is as a weight of the target's port."""
_NOW = "time_now_"
_MILLISECOND = named_unit("ms") or NUMBER


class _Handler(Statements):
    """Goes through the statements of an event, and writes down what is assigned."""

    def __init__(self, translation: SynapseTranslation, block: Any, ending: str) -> None:
        self.translation, self.block, self.ending = translation, block, ending
        super().__init__(translation.scope, translation.given)
        self.assignments: list[equations.Assignment] = []
        self.translate = Translator(self._lookup, self._call, self.translate.known)

    def keep(self, name: str, value: Value) -> Value:
        tree = self.translation.without_times(limited(value.tree))
        if _NOW in names_in(tree) and not isinstance(tree, ast.Name):
            raise unsupported(
                self.block, f"'{name}', which depends on the time t,", "differences of times"
            )
        value = Value(tree, value.unit)
        if value.unit is None or isinstance(tree, (ast.Constant, ast.Name)):
            return value
        variable = engine_name(f"{'emitted' if name == EMITTED else name}__{self.ending}")
        variable += f"_{len(self.assignments) + 1}"
        self.assignments.append(equations.Assignment(variable, value.text))
        return Value(ast.Name(variable), value.unit)

    def _call(self, node: Any, translate: Translator) -> Value | None:
        if node.get_name() in ("random_uniform", "random_normal"):
            return self.translation.random(node, [translate(each) for each in node.get_args()])
        return super()._call(node, translate)


class SynapseTranslation:
    """Translates one synapse.

    Parameters
    ----------
    model : ASTModel
        What the parser made of it.
    weight : str
        Its variable that is the weight.
    delay : str, optional
        Its parameter that is the delay.
    """

    def __init__(self, model: Any, weight: str = "w", delay: str | None = None) -> None:
        self.model, self.scope = model, Scope(model)
        self.weight = self._variable(weight, "weight_variable")
        self.delay = None if delay is None else self._variable(delay, "delay_variable")
        self.drawn = 0
        self.pre, self.post = self._blocks()
        ports = [block.get_port_name() for block in (self.pre, self.post) if block is not None]
        self.ports = {name: SpikePort(name, ((name, 1),), None) for name in ports}
        self.convolutions = Convolutions(self.scope, self.ports)
        self.stamps = self._stamps()
        self.given = {"t": Value(ast.Name(_NOW), _MILLISECOND), weight: self._weight()}

    def _variable(self, name: str, argument: str) -> Variable:
        known = {**self.scope.states, **self.scope.parameters}
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            meant = f" Did you mean '{near[0]}'?" if near else ""
            raise UnknownNameError(
                f"The synapse '{self.model.get_name()}' has no variable '{name}', which "
                f"{argument} names; it has {', '.join(known)}.{meant}"
            )
        return known[name]

    def description(self) -> equations.SynapseDescription:
        """The synapse as data."""
        self._check_update()
        self.convolutions.prepare()
        on_pre, pre = self._handler(self.pre, "pre")
        emitted = pre.values[EMITTED]
        on_post = () if self.post is None else self._handler(self.post, "post")[0]
        left_out = {self.weight.name} | ({self.delay.name} if self.delay else set())
        scale = equations.Parameter(SCALE, 1.0, "weight", 0.0, True)
        return equations.SynapseDescription(
            name=self.model.get_name(),
            parameters=(scale, *parameters_of(self.scope, frozenset(left_out))),
            states=(*self._states(), *self.convolutions.states),
            derivatives=(*self._derivatives(), *self.convolutions.derivatives),
            definitions=(
                *definitions_of(self.scope),
                *self.convolutions.definitions,
                *self._inlines(),
            ),
            on_pre=on_pre,
            on_post=on_post,
            transmitted=f"({self._plain(emitted).text})*{SCALE}",
            documentation=f"The synapse '{self.model.get_name()}' from NESTML.",
        )

    def initial_weight(self) -> str:
        """The value of the weight in the text, as an expression of parameters."""
        if self.weight.expression is None:
            raise unsupported(self.weight.node, "a weight without a value", "one with '='")
        return self._plain(self.weight.holds(self.scope.constant(self.weight.expression))).text

    # --- weights ---------------------------------------------------------------------------------

    def _weight(self) -> Value:
        """The weight as NESTML sees it."""
        tree: ast.expr = ast.BinOp(ast.Name("weight"), ast.Div(), ast.Name(SCALE))
        unit = self.weight.unit
        if unit.is_number:
            return Value(tree, NUMBER)
        kind = kind_of(unit)
        natural = unit if kind is None else named_unit(KINDS[kind][1]) or unit
        return Value(ast.BinOp(tree, ast.Mult(), quantity(1, natural)), natural)

    def _plain(self, value: Value) -> Value:
        """A value as the number that NEST sees."""
        value = as_number(value)
        kind = None if value.unit is None else kind_of(value.unit)
        if kind is None:
            return cast(value, NUMBER)
        return Value(ast.BinOp(value.tree, ast.Div(), ast.Name(f"1 {KINDS[kind][1]}")), NUMBER)

    # --- events ----------------------------------------------------------------------------------

    def _blocks(self) -> tuple[Any, Any]:
        """What happens at presynaptic spikes, and at postsynaptic ones."""
        for block in self.model.get_input_blocks():
            for port in block.get_input_ports():
                if port.is_continuous():
                    raise unsupported(
                        port, f"the continuous input port '{port.get_name()}'", "spike ports"
                    )
        blocks = list(self.model.get_on_receive_blocks())
        sending = [b for b in blocks if _emits(b.get_stmts_body())]
        others = [b for b in blocks if b not in sending]
        if len(sending) != 1:
            raise unsupported(
                self.model if not sending else sending[1],
                f"a synapse with emit_spike() in {len(sending)} handlers",
                "one 'onReceive(pre_spikes)' with emit_spike(...) in it",
            )
        if len(others) > 1:
            raise unsupported(
                others[1],
                f"a third kind of spikes, '{others[1].get_port_name()}'",
                "handlers for presynaptic and postsynaptic spikes",
            )
        if self.model.get_on_condition_blocks():
            raise unsupported(
                self.model.get_on_condition_blocks()[0], "onCondition in a synapse", "onReceive"
            )
        return sending[0], others[0] if others else None

    def _handler(
        self, block: Any, ending: str
    ) -> tuple[tuple[equations.Assignment, ...], _Handler]:
        handler = _Handler(self, block, ending)
        handler.run(list(block.get_stmts_body().get_stmts()))
        assignments = handler.assignments
        for name, value in handler.values.items():
            if name in handler.local or name == EMITTED or name in self.stamps:
                continue
            variable = self.scope.variable(name)
            if variable is None or (name not in self.scope.states and variable != self.weight):
                raise mistaken(block, f"'{name}' is assigned to, but is no state.")
            if variable == self.weight:
                assigned, text = "weight", f"({self._plain(value).text})*{SCALE}"
            else:
                assigned, text = variable.engine_name, as_number(value).text
            if _NOW in text:
                raise unsupported(block, f"'{name}', which keeps a time,", f"'{name} = t' alone")
            assignments.append(equations.Assignment(assigned, text))
        for arrival in self.convolutions.arrivals:
            if arrival.port.name == block.get_port_name():
                text = f"{arrival.state} + ({ast.unparse(arrival.factor)})"
                assignments.append(equations.Assignment(arrival.state, text))
        return tuple(assignments), handler

    def random(self, node: Any, arguments: list[Value]) -> Value:
        """A random number: uniform in an interval, or normal by the method of Box and Muller."""
        normal = node.get_name() == "random_normal"
        first, self.drawn = self.drawn + 1, self.drawn + (2 if normal else 1)
        if self.drawn > 4:
            raise unsupported(node, "more than four random numbers", "fewer")
        text = f"uniform_{first}"
        if normal:
            text = f"sqrt(-2 * log(uniform_{first})) * cos(2 * pi * uniform_{first + 1})"
        drawn = Value(ast.parse(text, mode="eval").body, NUMBER)
        offset, width = (as_number(argument) for argument in (*arguments, number(1.0))[:2])
        unit = offset.unit or NUMBER
        tree = ast.BinOp(cast(width, unit).tree, ast.Mult(), drawn.tree)
        return Value(ast.BinOp(offset.tree, ast.Add(), tree), unit)

    # --- time ------------------------------------------------------------------------------------

    def _stamps(self) -> dict[str, str]:
        """States that keep the time of the latest spike, and what says how long ago that was."""
        kept: dict[str, set[str]] = {}
        refused = set()
        for block, since in ((self.pre, "since_pre"), (self.post, "since_post")):
            for node in [] if block is None else _assignments(block.get_stmts_body()):
                name = full_name(node.get_variable())
                if node.is_direct_assignment and str(node.get_expression()).strip() == "t":
                    kept.setdefault(name, set()).add(since)
                else:
                    refused.add(name)
        return {
            name: since.pop() if len(since) == 1 else "min(since_pre, since_post)"
            for name, since in kept.items()
            if name not in refused and name in self.scope.states
        }

    def without_times(self, tree: ast.expr) -> ast.expr:
        """A tree with the time since a spike in place of differences of times."""
        if _NOW not in names_in(tree):
            return tree
        since = {engine_name(name): text for name, text in self.stamps.items()}
        return replace_differences(tree, _NOW, since)

    # --- the rest --------------------------------------------------------------------------------

    def _check_update(self) -> None:
        if not self.scope.equations:
            return
        update = read_update(self.scope)
        all_of_them = {name.rstrip("'") for name in self.scope.equations}
        if update.integrated != all_of_them or update.while_refractory or update.after:
            raise unsupported(
                self.model.get_update_blocks()[0],
                "an update block of a synapse that does more than 'integrate_odes()'",
                "that",
            )

    def _lookup(self, name: str, node: Any) -> Value | None:
        return self.given.get(name) if name == self.weight.name else self.scope.lookup(name, node)

    def _derivatives(self) -> list[equations.Derivative]:
        translate = Translator(self._lookup, self.convolutions.call, self.scope.names())
        made = []
        for full, node in self.scope.equations.items():
            name = full[:-1]
            if name not in self.scope.states or "'" in name:
                raise unsupported(node, f"the equation for {full}", "equations of first order")
            state = self.scope.states[name]
            rate = rate_of(state.value, translate(node.get_rhs()))
            made.append(equations.Derivative(state.engine_name, rate.text))
        return made

    def _inlines(self) -> list[equations.Definition]:
        translate = Translator(self._lookup, self.convolutions.call, self.scope.names())
        return [
            equations.Definition(
                v.engine_name, v.holds(translate(v.expression)).text, text_of(v.unit)
            )
            for v in self.scope.inlines.values()
        ]

    def _states(self) -> list[equations.State]:
        internals = self.scope.internal_values()
        made = []
        for name, state in self.scope.states.items():
            if name in (self.weight.name, *self.stamps) or name in self.convolutions.of_kernels:
                continue
            tree: ast.expr = ast.Constant(0)
            if state.expression is not None:
                tree = state.holds(self.scope.constant(state.expression)).tree
            text = ast.unparse(substitute_all(tree, internals))
            made.append(equations.State(state.engine_name, text, text_of(state.unit)))
        return made


def _emits(body: Any) -> bool:
    """Whether an ``emit_spike`` is among some statements."""
    for statement in body.get_stmts():
        if statement.is_small_stmt():
            node = statement.small_stmt
            if node.is_function_call() and node.get_function_call().get_name() == "emit_spike":
                return True
        elif any(map(_emits, _bodies(statement.compound_stmt))):
            return True
    return False


def _assignments(body: Any) -> list[Any]:
    """Every assignment among some statements."""
    found = []
    for statement in body.get_stmts():
        if statement.is_small_stmt():
            if statement.small_stmt.is_assignment():
                found.append(statement.small_stmt.get_assignment())
        else:
            for inner in _bodies(statement.compound_stmt):
                found += _assignments(inner)
    return found


def _bodies(node: Any) -> list[Any]:
    """The bodies of an `if`; those of loops are refused later."""
    if not node.is_if_stmt():
        return []
    statement = node.get_if_stmt()
    clauses = [statement.get_if_clause(), *(statement.get_elif_clauses() or ())]
    if statement.has_else_clause():
        clauses.append(statement.get_else_clause())
    return [clause.get_stmts_body() for clause in clauses]
