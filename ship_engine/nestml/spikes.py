"""What makes a neuron of NESTML spike, what a spike changes, and how long it is refractory."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ship_engine.equations import description as equations
from ship_engine.equations.units import NUMBER, Unit, named_unit
from ship_engine.nestml.expressions import Translator, Value, as_condition, as_number
from ship_engine.nestml.locations import mistaken, unsupported
from ship_engine.nestml.names import engine_name
from ship_engine.nestml.scope import Scope
from ship_engine.nestml.statements import EMITTED, Statements
from ship_engine.nestml.trees import is_zero, names_in, substitute_all
from ship_engine.nestml.units import constant_of, number_of, quantity
from ship_engine.nestml.updates import Update, timer_test

_MILLISECOND = named_unit("ms") or NUMBER


@dataclass
class Spikes:
    """How a neuron spikes.

    Attributes
    ----------
    threshold : str, optional
        The condition for a spike.
    reset : tuple of Assignment, optional
        What a spike changes.
    refractory_period : str, optional
        The parameter that says how long it lasts.
    timers : set of str
        States that count it.
    """

    threshold: str | None = None
    reset: tuple[equations.Assignment, ...] | None = None
    refractory_period: str | None = None
    timers: set[str] = field(default_factory=set)


def read_spikes(
    scope: Scope, update: Update, translate: Translator, slopes: Mapping[str, Value]
) -> Spikes:
    """How a model spikes, from its ``onCondition``.

    Parameters
    ----------
    scope : Scope
        Of the model.
    update : Update
        What its update block does.
    translate : Translator
        Of its equations.
    slopes : mapping
        The derivatives of states, by their names in the engine.
    """
    return _Reader(scope, update, translate, slopes).spikes


class _Reader:
    def __init__(
        self, scope: Scope, update: Update, translate: Translator, slopes: Mapping[str, Value]
    ) -> None:
        self.scope, self.update, self.translate, self.slopes = scope, update, translate, slopes
        self.spikes = Spikes()
        blocks = list(scope.model.get_on_condition_blocks())
        if len(blocks) > 1:
            raise unsupported(blocks[1], "a second onCondition", "one, with emit_spike() in it")
        for block in blocks:
            self._read(block)

    def _read(self, block: Any) -> None:
        run = Statements(self.scope, {})
        run.run(list(block.get_stmts_body().get_stmts()))
        emitted = run.values.pop(EMITTED, None)
        if emitted is None or number_of(as_number(emitted).tree) != 1.0:
            raise unsupported(
                block, "an onCondition without an emit_spike() in all cases", "emit_spike() in it"
            )
        conditions = _conjuncts(as_condition(self.translate(block.get_cond_expr())).tree)
        kept = [self._condition(tree, block) for tree in conditions]
        texts = [ast.unparse(tree) for tree in kept if tree is not None]
        if not texts:
            raise unsupported(block, "a spike whenever a timer is over", "a condition on a state")
        changes = {}
        for name, value in run.values.items():
            if name in run.local or self._starts_timer(name, value, block):
                continue
            if name not in self.scope.states:
                raise mistaken(block, f"'{name}' is assigned to, but is no state.")
            changes[engine_name(name)] = value
        self.spikes.reset = _ordered(changes, block)
        self.spikes.threshold = texts[0]
        if len(texts) > 1:
            self.spikes.threshold = " and ".join(f"({text})" for text in texts)

    def _condition(self, tree: ast.expr, node: Any) -> ast.expr | None:
        """A part of the condition of a spike; None if the refractory period stands for it."""
        tested = timer_test(self.scope, Value(tree, None))
        if tested is not None and not tested[1] and self._is_timer(tested[0]):
            self._count(tested[0], node)
            return None
        previous = {engine_name(name): now for name, now in self.update.previous.items()}
        if not names_in(tree) & set(previous):
            return tree
        falling = _falling(tree, previous)
        if falling is None or engine_name(falling[0]) not in self.slopes:
            raise unsupported(
                node,
                f"the condition '{ast.unparse(tree)}' on what was before the step",
                "'V_old > V', for a maximum, or no such condition",
            )
        slope = self.slopes[engine_name(falling[0])]
        comparison: ast.cmpop = ast.LtE() if falling[1] else ast.GtE()
        return ast.Compare(slope.tree, [comparison], [quantity(0, slope.unit or NUMBER)])

    def _is_timer(self, name: str) -> bool:
        if name in self.update.counted:
            return True
        equation = self.scope.equations.get(f"{name}'")
        if equation is None:
            return False
        slope = as_number(self.translate(equation.get_rhs()))
        rate = constant_of(substitute_all(slope.tree, self.scope.internal_values()))
        is_number = slope.unit is not None and slope.unit.is_number
        if is_number and rate is not None and math.isclose(rate, -1.0, rel_tol=1e-12):
            return True
        if name == self.update.timer and self._is_time(self.scope.states[name].unit):
            raise unsupported(
                equation,
                f"the timer '{name}', which does not fall by 1 ms per ms,",
                f"{name}' = -1",
            )
        return False

    @staticmethod
    def _is_time(unit: Unit) -> bool:
        return unit.dimension == _MILLISECOND.dimension

    def _count(self, name: str, node: Any) -> None:
        """Note that a state is a timer."""
        initial = self.scope.states[name].expression
        if initial is not None and not is_zero(self.scope.constant(initial).tree):
            raise unsupported(
                node, f"the timer '{name}', which runs from the beginning,", "0 as its first value"
            )
        self.spikes.timers.add(name)

    def _starts_timer(self, name: str, value: Value, node: Any) -> bool:
        """Whether an assignment after a spike starts the refractory period, which is noted."""
        if not self._is_timer(name):
            return False
        self._count(name, node)
        tree = substitute_all(value.tree, self.scope.internal_values())
        if isinstance(tree, ast.Call) and ast.unparse(tree.func) == "steps":
            tree = tree.args[0]
        by_name = {v.engine_name: v for v in self.scope.parameters.values()}
        period = by_name.get(tree.id) if isinstance(tree, ast.Name) else None
        if period is None or not self._is_time(period.unit):
            raise unsupported(
                node,
                f"'{name} = {ast.unparse(tree)}' as the refractory period",
                "a parameter with the unit ms, or steps() of one",
            )
        if self.spikes.refractory_period not in (None, period.engine_name):
            raise unsupported(node, "a second refractory period", "one")
        self.spikes.refractory_period = period.engine_name
        return True


def _falling(tree: ast.expr, previous: Mapping[str, str]) -> tuple[str, bool] | None:
    """Of ``V_old > V``: V, and whether it falls; None for other conditions."""
    if not isinstance(tree, ast.Compare) or not isinstance(tree.ops[0], _ORDER):
        return None
    left, right = tree.left, tree.comparators[0]
    greater = isinstance(tree.ops[0], (ast.Gt, ast.GtE))
    for old, now, falls in ((left, right, greater), (right, left, not greater)):
        if isinstance(old, ast.Name) and isinstance(now, ast.Name) and old.id in previous:
            return (previous[old.id], falls) if engine_name(previous[old.id]) == now.id else None
    return None


_ORDER = (ast.Gt, ast.GtE, ast.Lt, ast.LtE)


def _conjuncts(tree: ast.expr) -> list[ast.expr]:
    if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And):
        return [part for value in tree.values for part in _conjuncts(value)]
    return [tree]


def _ordered(changes: Mapping[str, Value], node: Any) -> tuple[equations.Assignment, ...]:
    """Assignments in an order in which none reads what another has changed."""
    left = {name: as_number(value) for name, value in changes.items()}
    ordered = []
    while left:
        read = {n for name, value in left.items() for n in names_in(value.tree) - {name}}
        free = next((name for name in left if name not in read), None)
        if free is None:
            raise unsupported(node, "states that take each other's values", "one of them changed")
        ordered.append(equations.Assignment(free, left.pop(free).text))
    return tuple(ordered)
