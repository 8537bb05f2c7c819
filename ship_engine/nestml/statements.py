"""Statements of NESTML as values: what each variable is after them, from what it was before.

Statements are gone through once, in order.  An `if` is gone through on both sides, and a variable
that differs between them becomes a choice.  There are no loops.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ship_engine.nestml.expressions import (
    Translator,
    Value,
    as_condition,
    choice,
    number,
    product,
    quotient,
    total,
)
from ship_engine.nestml.locations import mistaken, unsupported
from ship_engine.nestml.names import full_name
from ship_engine.nestml.scope import Variable
from ship_engine.nestml.trees import limited
from ship_engine.nestml.units import unit_of_type

if TYPE_CHECKING:
    from ship_engine.nestml.scope import Scope

EMITTED = "emit_spike()"
"""Under this name `Statements.values` has what was emitted."""
_SILENT = ("print", "println", "info", "warning")
"""Calls that only write messages."""
_DEEPEST = 20
"""Functions that call functions."""


def if_clauses(node: Any) -> tuple[list[tuple[Any, list[Any]]], list[Any]]:
    """Conditions and statements of an `if`, and the statements of its `else`."""
    clauses = [node.get_if_clause(), *(node.get_elif_clauses() or ())]
    found = [(c.get_condition(), list(c.get_stmts_body().get_stmts())) for c in clauses]
    otherwise = node.get_else_clause() if node.has_else_clause() else None
    return found, [] if otherwise is None else list(otherwise.get_stmts_body().get_stmts())


class Statements:
    """Goes through statements.

    Parameters
    ----------
    scope : Scope
        Of the model.
    given : mapping
        What else there is by name, such as an input port.
    values : mapping, optional
        What variables are already.

    Attributes
    ----------
    values : dict
        What has been assigned, by the name in NESTML.
    """

    def __init__(
        self,
        scope: Scope,
        given: Mapping[str, Value],
        values: Mapping[str, Value] | None = None,
        depth: int = 0,
    ) -> None:
        self.scope, self.given, self.depth = scope, given, depth
        self.values: dict[str, Value] = dict(values or {})
        self.local: dict[str, Variable] = {}
        self.translate = Translator(self._lookup, self._call, {**scope.names(), **given})

    def keep(self, name: str, value: Value) -> Value:
        """What a variable is from now on, given what was assigned to it."""
        limited(value.tree)
        return value

    def run(self, statements: list[Any]) -> None:
        """Go through some statements."""
        for statement in statements:
            if statement.is_compound_stmt():
                self._compound(statement.compound_stmt)
            else:
                self._small(statement.small_stmt)

    def _lookup(self, name: str, node: Any) -> Value | None:
        if name in self.values:
            return self.values[name]
        if name in self.given:
            return self.given[name]
        return self.scope.lookup(name, node)

    def _call(self, node: Any, translate: Translator) -> Value | None:
        function = self.scope.functions.get(node.get_name())
        if function is None:
            return None
        arguments = [translate(argument) for argument in node.get_args()]
        return function_value(self.scope, function, arguments, self.depth)

    def _compound(self, node: Any) -> None:
        if not node.is_if_stmt():
            raise unsupported(node, "a loop", "its statements one by one")
        clauses, otherwise = if_clauses(node.get_if_stmt())
        self._branch(clauses, otherwise)

    def _branch(self, clauses: list[tuple[Any, list[Any]]], otherwise: list[Any]) -> None:
        if not clauses:
            self.run(otherwise)
            return
        (condition, body), *others = clauses
        test = as_condition(self.translate(condition))
        first, second = self._copy(), self._copy()
        first.run(body)
        second._branch(others, otherwise)
        changed = {**first.values, **second.values}
        for name in changed:
            if name in first.local.keys() - self.local.keys() or name in (
                second.local.keys() - self.local.keys()
            ):
                continue
            one, other = first._now(name), second._now(name)
            if one != other:
                self.values[name] = self.keep(name, choice(test, one, other))
            elif name not in self.values:
                self.values[name] = self.keep(name, one)

    def _copy(self) -> Statements:
        copy = Statements(self.scope, self.given, self.values, self.depth)
        copy.local = dict(self.local)
        copy.translate = Translator(copy._lookup, self._call, self.translate.known)
        return copy

    def _now(self, name: str) -> Value:
        if name in self.values:
            return self.values[name]
        if name in self.given:
            return self.given[name]
        if name == EMITTED:
            return number(0.0)
        variable = self.scope.variable(name)
        assert variable is not None
        return variable.value

    def _small(self, node: Any) -> None:
        if node.is_declaration():
            self._declare(node.get_declaration())
        elif node.is_assignment():
            self.assign(node.get_assignment())
        elif node.is_function_call():
            self._do(node.get_function_call())
        else:
            raise unsupported(node, "'return' in this place", "it at the end of a function")

    def _declare(self, node: Any) -> None:
        kind = node.get_data_type()
        for variable in node.get_variables():
            name = full_name(variable)
            local = Variable(name, unit_of_type(kind), bool(kind.is_boolean), node)
            if node.has_expression():
                value = self.translate(node.get_expression())
                self.values[name] = self.keep(name, value if local.boolean else local.holds(value))
            self.local[name] = local

    def assign(self, node: Any) -> None:
        """Carry out an assignment."""
        name = full_name(node.get_variable())
        variable = self.local.get(name) or self.scope.variable(name)
        if variable is None:
            raise mistaken(node, f"'{name}' is assigned to, but not declared.")
        value = self.translate(node.get_expression())
        if not node.is_direct_assignment:
            before = self.translate.lookup(name, node)
            if before is None:
                raise mistaken(node, f"'{name}' has no value yet.")
            value = variable.holds(value) if _adds(node) else value
            value = _combined(node, before, value)
        value = value if variable.boolean else variable.holds(value)
        self.values[name] = self.keep(name, value)

    def _do(self, node: Any) -> None:
        name = node.get_name()
        if name in _SILENT:
            return
        if name != "emit_spike":
            raise unsupported(
                node, f"'{name}()' in this place", "it in the update block, if at all"
            )
        if EMITTED in self.values:
            raise unsupported(node, "a second emit_spike()", "one for all cases")
        arguments = node.get_args()
        value = self.translate(arguments[0]) if arguments else number(1.0)
        self.values[EMITTED] = self.keep(EMITTED, value)


def _adds(node: Any) -> bool:
    return bool(node.is_compound_sum or node.is_compound_minus)


def _combined(node: Any, before: Value, value: Value) -> Value:
    if node.is_compound_sum:
        return total(before, value)
    if node.is_compound_minus:
        return total(before, value, ast.Sub())
    return product(before, value) if node.is_compound_product else quotient(before, value)


def function_value(scope: Scope, function: Any, arguments: list[Value], depth: int = 0) -> Value:
    """What one of the model's functions returns."""
    if depth >= _DEEPEST:
        raise unsupported(
            function, f"'{function.get_name()}', which calls itself,", "functions that do not"
        )
    given = {}
    for parameter, argument in zip(function.get_parameters(), arguments, strict=True):
        kind = parameter.get_data_type()
        local = Variable(parameter.get_name(), unit_of_type(kind), bool(kind.is_boolean), parameter)
        given[parameter.get_name()] = argument if local.boolean else local.holds(argument)
    body = Statements(scope, given, depth=depth + 1)
    value = _returned(body, list(function.get_stmts_body().get_stmts()))
    if value is not None:
        limited(value.tree)
    if value is None:
        raise unsupported(
            function, f"'{function.get_name()}', which returns nothing,", "'return' at its end"
        )
    if not function.has_return_type() or value.unit is None:
        return value
    result = function.get_return_type()
    return Variable("", unit_of_type(result), bool(result.is_boolean), function).holds(value)


def _returned(body: Statements, statements: list[Any]) -> Value | None:
    """What statements return; those after an `if` belong to each of its sides."""
    for place, statement in enumerate(statements):
        rest = statements[place + 1 :]
        if statement.is_small_stmt() and statement.small_stmt.is_return_stmt():
            node = statement.small_stmt.get_return_stmt()
            return body.translate(node.get_expression()) if node.has_expression() else None
        if statement.is_compound_stmt() and statement.compound_stmt.is_if_stmt():
            clauses, otherwise = if_clauses(statement.compound_stmt.get_if_stmt())
            return _returned_by(body, clauses, otherwise, rest)
        body.run([statement])
    return None


def _returned_by(
    body: Statements,
    clauses: list[tuple[Any, list[Any]]],
    otherwise: list[Any],
    rest: list[Any],
) -> Value | None:
    if not clauses:
        return _returned(body, [*otherwise, *rest])
    (condition, statements), *others = clauses
    test = as_condition(body.translate(condition))
    first, second = body._copy(), body._copy()
    one = _returned(first, [*statements, *rest])
    other = _returned_by(second, others, otherwise, rest)
    return None if one is None or other is None else choice(test, one, other)
