"""The update block of a neuron: what is integrated, and what stands still while it is refractory.

NESTML has no refractory period.  Models count one down in a state, the timer: by an equation
``refr_t' = -1``, or by ``refr_t -= resolution()`` or ``counter -= 1`` in the update block, which
integrates fewer equations as long as the timer runs.  This is recognised and becomes the engine's
refractory period, with the states that it holds.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from ship_engine.nestml.expressions import Value
from ship_engine.nestml.locations import shown, unsupported
from ship_engine.nestml.names import full_name
from ship_engine.nestml.scope import Scope
from ship_engine.nestml.statements import if_clauses
from ship_engine.nestml.units import number_of

_SHAPE = (
    "'integrate_odes(...)', or 'if timer > 0: integrate_odes(...) else: integrate_odes(...)', "
    "where timer counts the refractory period"
)

NEARLY_ZERO = 1e-6
"""Below this, a limit only makes up for rounding."""


@dataclass
class Update:
    """What an update block does.

    Attributes
    ----------
    integrated : set of str
        Variables whose equations are integrated outside the refractory period.
    while_refractory : set of str, optional
        And inside it; None if the block makes no difference.
    timer : str, optional
        What the block asks to tell them apart.
    counted : set of str
        Variables that the block counts down.
    previous : dict
        Variables that keep what another was before the step, by their names.
    clamped : dict
        Variables set to a value while the neuron is refractory.
    after : list
        Assignments that follow the integration.
    """

    integrated: set[str] = field(default_factory=set)
    while_refractory: set[str] | None = None
    timer: str | None = None
    counted: set[str] = field(default_factory=set)
    previous: dict[str, str] = field(default_factory=dict)
    clamped: dict[str, Any] = field(default_factory=dict)
    after: list[Any] = field(default_factory=list)
    found: bool = False


def read_update(scope: Scope) -> Update:
    """What the update blocks of a model do."""
    update = Update()
    for block in scope.model.get_update_blocks():
        for statement in block.get_stmts_body().get_stmts():
            if statement.is_compound_stmt():
                _conditional(scope, update, statement.compound_stmt)
            else:
                _statement(scope, update, statement.small_stmt)
    if not update.found and scope.equations:
        raise unsupported(scope.model, "a model that integrates none of its equations", _SHAPE)
    return update


def _statement(scope: Scope, update: Update, node: Any) -> None:
    if _is_integration(node):
        if update.found:
            raise unsupported(node, "a second integrate_odes()", "one that names all variables")
        update.integrated = _integrated(scope, node)
        update.found = True
    elif node.is_assignment():
        _assignment(scope, update, node.get_assignment())
    else:
        raise unsupported(node, f"'{shown(node)}' in the update block", _SHAPE)


def _assignment(scope: Scope, update: Update, node: Any) -> None:
    name = full_name(node.get_variable())
    if _counts_down(scope, node):
        update.counted.add(name)
        return
    source = node.get_expression()
    copied = (
        source.get_variable() if hasattr(source, "is_variable") and source.is_variable() else None
    )
    kept = name in scope.states and f"{name}'" not in scope.equations
    if not update.found and node.is_direct_assignment and copied is not None and kept:
        update.previous[name] = full_name(copied)
        return
    if not update.found:
        raise unsupported(node, "an assignment before integrate_odes()", "it as an equation")
    update.after.append(node)


def _counts_down(scope: Scope, node: Any) -> bool:
    """Whether an assignment is ``timer -= resolution()`` or ``counter -= 1``."""
    if not node.is_compound_minus:
        return False
    expression = node.get_expression()
    called = [call.get_name() for call in expression.get_function_calls()]
    return called in (["resolution"], ["timestep"]) or str(expression).strip() in ("1", "1.0")


def _is_integration(node: Any) -> bool:
    return bool(node.is_function_call() and node.get_function_call().get_name() == "integrate_odes")


def _integrated(scope: Scope, node: Any) -> set[str]:
    """Which variables an ``integrate_odes(...)`` integrates."""
    arguments = node.get_function_call().get_args()
    if arguments:
        return {full_name(argument.get_variable()).rstrip("'") for argument in arguments}
    return {name.rstrip("'") for name in scope.equations}


def _conditional(scope: Scope, update: Update, node: Any) -> None:
    if not node.is_if_stmt():
        raise unsupported(node, "a loop", _SHAPE)
    clauses, otherwise = if_clauses(node.get_if_stmt())
    tested = timer_test(scope, scope.constant(clauses[0][0]))
    if len(clauses) > 1 or tested is None:
        raise unsupported(node, "this 'if' in the update block", _SHAPE)
    name, running = tested
    refractory, free = (clauses[0][1], otherwise) if running else (otherwise, clauses[0][1])
    if update.timer not in (None, name):
        raise unsupported(node, f"a second timer, '{name}'", "one")
    update.timer = name
    first = _branch(scope, update, refractory, True)
    second = _branch(scope, update, free, False)
    if first is None and second is None:
        return
    if update.found:
        raise unsupported(node, "a second integrate_odes()", "one that names all variables")
    update.found = True
    update.while_refractory, update.integrated = first or set(), second or set()
    moving = update.while_refractory - update.integrated - {name}
    if moving:
        raise unsupported(
            node,
            f"'{min(moving)}', which only changes while the neuron is refractory,",
            "it in both calls of integrate_odes()",
        )


def _branch(
    scope: Scope, update: Update, statements: list[Any], refractory: bool
) -> set[str] | None:
    """What one side of an `if` integrates; None if it does not integrate."""
    integrated = None
    for statement in statements:
        node = statement.small_stmt
        if node is None:
            raise unsupported(statement, "an 'if' within an 'if' here", _SHAPE)
        if _is_integration(node):
            integrated = (integrated or set()) | _integrated(scope, node)
        elif node.is_assignment() and _counts_down(scope, node.get_assignment()):
            update.counted.add(full_name(node.get_assignment().get_variable()))
        elif refractory and node.is_assignment() and node.get_assignment().is_direct_assignment:
            assignment = node.get_assignment()
            update.clamped[full_name(assignment.get_variable())] = assignment
        else:
            what = f"'{shown(node)}' in the update block"
            raise unsupported(node, what, f"it as an equation, and {_SHAPE}")
    return integrated


def timer_test(scope: Scope, condition: Value) -> tuple[str, bool] | None:
    """The state that a condition compares with 0, and whether it holds while that is positive."""
    tree = condition.tree
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
        opposite = timer_test(scope, Value(tree.operand, None))
        return None if opposite is None else (opposite[0], not opposite[1])
    if not isinstance(tree, ast.Compare) or not isinstance(tree.left, ast.Name):
        return None
    by_name = {variable.engine_name: name for name, variable in scope.states.items()}
    name, (limit,), (operator,) = by_name.get(tree.left.id), tree.comparators, tree.ops
    if name is None:
        return None
    number = number_of(limit)
    if number is not None and 0.0 <= number < NEARLY_ZERO:
        if isinstance(operator, (ast.Gt, ast.NotEq)):
            return name, True
        if isinstance(operator, (ast.LtE, ast.Eq)):
            return name, False
    return (name, True) if number == 1.0 and isinstance(operator, ast.GtE) else None
