"""Parameters and internals of NESTML models."""

from __future__ import annotations

import ast
import math
from typing import Any

from ship_engine.equations import description as equations
from ship_engine.nestml.locations import unsupported
from ship_engine.nestml.scope import Scope, Variable
from ship_engine.nestml.units import number_of, text_of

ENDLESS = 1e30
"""Stands for infinity as the value of a parameter."""


def parameters_of(scope: Scope, left_out: frozenset[str] = frozenset()) -> tuple[Any, ...]:
    """The parameters of a model, with the limits that are set to them."""
    return tuple(
        _parameter(scope, variable)
        for name, variable in scope.parameters.items()
        if name not in left_out
    )


def _parameter(scope: Scope, variable: Variable) -> equations.Parameter:
    if variable.expression is None:
        raise unsupported(variable.node, f"'{variable.name}', which has no value,", "one with '='")
    value = variable.holds(scope.constant(variable.expression))
    number = number_of(value.tree)
    endless = number is not None and math.isinf(number)
    default = math.copysign(ENDLESS, number or 0.0) if endless else value.text
    minimum, exclusive, maximum = _limits(scope, variable)
    return equations.Parameter(
        variable.engine_name, default, text_of(variable.unit), minimum, exclusive, maximum
    )


def _limits(scope: Scope, variable: Variable) -> tuple[float, bool, float]:
    """The smallest value, whether that is excluded, and the largest."""
    lowest, exclusive, highest = float("-inf"), False, float("inf")
    if variable.invariant is None:
        return lowest, exclusive, highest
    tree = scope.constant(variable.invariant).tree
    number = number_of(tree.comparators[0]) if isinstance(tree, ast.Compare) else None
    if (
        number is None
        or not isinstance(tree, ast.Compare)
        or not isinstance(tree.left, ast.Name)
        or tree.left.id != variable.engine_name
        or isinstance(tree.ops[0], (ast.Eq, ast.NotEq, ast.Lt))
    ):
        raise unsupported(
            variable.invariant, "this condition on a parameter", "'name >= number', with its unit"
        )
    if isinstance(tree.ops[0], ast.LtE):
        return lowest, exclusive, number
    return number, isinstance(tree.ops[0], ast.Gt), highest


def definitions_of(scope: Scope) -> tuple[equations.Definition, ...]:
    """The internals of a model."""
    made = []
    for variable in scope.internals.values():
        if variable.expression is None:
            raise unsupported(variable.node, f"'{variable.name}', which has no value,", "one")
        if "steps" in (call.get_name() for call in variable.expression.get_function_calls()):
            continue  # It counts time steps, for a refractory period.
        value = variable.holds(scope.constant(variable.expression))
        made.append(equations.Definition(variable.engine_name, value.text, text_of(variable.unit)))
    return tuple(made)
