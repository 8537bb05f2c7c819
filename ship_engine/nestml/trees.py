"""Operations on expressions: put values in place of names, and split off what is linear in one."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from copy import deepcopy
from itertools import islice

from ship_engine.errors import ModelTextError
from ship_engine.nestml.units import number_of

LARGEST = 5000
"""Parts of an expression."""


class _Substitution(ast.NodeTransformer):
    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.values.get(node.id, node)

    def visit_Call(self, node: ast.Call) -> ast.Call:
        return ast.Call(node.func, [self.visit(argument) for argument in node.args], [])


def substitute(tree: ast.expr, values: Mapping[str, ast.expr]) -> ast.expr:
    """The tree with values in place of names; the tree itself stays as it is."""
    if not names_in(tree) & set(values):
        return tree
    changed = _Substitution(values).visit(deepcopy(tree))
    assert isinstance(changed, ast.expr)
    return limited(changed)


def substitute_all(tree: ast.expr, values: Mapping[str, ast.expr]) -> ast.expr:
    """The same, and in what has been put in, too."""
    for _ in range(len(values) + 1):
        if not names_in(tree) & set(values):
            return tree
        tree = substitute(tree, values)
    raise ModelTextError(
        f"{', '.join(sorted(names_in(tree) & set(values)))} depend on each other in a circle."
    )


def limited(tree: ast.expr) -> ast.expr:
    """Return a tree that is not too large, as one becomes in which things are put again and again.

    Raises
    ------
    ModelTextError
        If it has more than `LARGEST` parts.
    """
    for number, _ in enumerate(ast.walk(tree)):
        if number > LARGEST:
            raise ModelTextError(
                f"An expression has more than {LARGEST} parts when all that it refers to is put "
                f"in; it begins with '{_beginning(tree)}'. Write it in simpler terms."
            )
    return tree


def _beginning(tree: ast.expr) -> str:
    """A bit of a large tree as text."""
    while len(list(islice(ast.walk(tree), 30))) == 30:
        tree = next(node for node in ast.iter_child_nodes(tree) if isinstance(node, ast.expr))
    return ast.unparse(tree)


def names_in(tree: ast.expr) -> set[str]:
    """Every name in a tree, but for those of functions and units."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    named = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return {node.id for node in named if id(node) not in called and " " not in node.id}


def is_zero(tree: ast.expr) -> bool:
    """Whether a tree is 0, with or without a unit."""
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mult):
        return is_zero(tree.left) or is_zero(tree.right)
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Div):
        return is_zero(tree.left)
    return number_of(tree) == 0.0


def coefficient(tree: ast.expr, name: str) -> tuple[ast.expr | None, ast.expr | None] | None:
    """Split a tree into c * name + rest.

    Returns
    -------
    tuple or None
        c and the rest, each None where it is 0; None alone if the tree is not linear in the name.
    """
    if name not in names_in(tree):
        return None, tree
    if isinstance(tree, ast.Name):
        return ast.Constant(1), None
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, (ast.USub, ast.UAdd)):
        inner = coefficient(tree.operand, name)
        if inner is None or isinstance(tree.op, ast.UAdd):
            return inner
        return _negative(inner[0]), _negative(inner[1])
    if isinstance(tree, ast.BinOp):
        return _of_operation(tree, name)
    return None


def _of_operation(tree: ast.BinOp, name: str) -> tuple[ast.expr | None, ast.expr | None] | None:
    left, right = coefficient(tree.left, name), coefficient(tree.right, name)
    if left is None or right is None:
        return None
    if isinstance(tree.op, (ast.Add, ast.Sub)):
        return _joined(left[0], tree.op, right[0]), _joined(left[1], tree.op, right[1])
    if isinstance(tree.op, ast.Mult):
        if left[0] is not None and right[0] is not None:
            return None
        if left[0] is not None:
            return _times(left[0], tree.op, tree.right), _times(left[1], tree.op, tree.right)
        return _before(tree.left, right[0]), _before(tree.left, right[1])
    if isinstance(tree.op, ast.Div) and right[0] is None:
        return _times(left[0], tree.op, tree.right), _times(left[1], tree.op, tree.right)
    return None


def _negative(tree: ast.expr | None) -> ast.expr | None:
    return None if tree is None else ast.UnaryOp(ast.USub(), tree)


def _joined(
    left: ast.expr | None, operator: ast.operator, right: ast.expr | None
) -> ast.expr | None:
    if right is None:
        return left
    if left is None:
        return right if isinstance(operator, ast.Add) else _negative(right)
    return ast.BinOp(left, operator, right)


def _times(left: ast.expr | None, operator: ast.operator, right: ast.expr) -> ast.expr | None:
    return None if left is None else ast.BinOp(left, operator, right)


def _before(left: ast.expr, right: ast.expr | None) -> ast.expr | None:
    return None if right is None else ast.BinOp(left, ast.Mult(), right)


class _Differences(ast.NodeTransformer):
    def __init__(self, now: str, since: Mapping[str, ast.expr]) -> None:
        self.now, self.since = now, since

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        left, right = node.left, node.right
        is_now = isinstance(left, ast.Name) and left.id == self.now
        if is_now and isinstance(node.op, ast.Sub) and isinstance(right, ast.Name):
            if right.id == self.now:
                return ast.Name("0 ms")
            if right.id in self.since:
                return self.since[right.id]
        node.left, node.right = self.visit(left), self.visit(right)
        return node


def replace_differences(tree: ast.expr, now: str, since: Mapping[str, str]) -> ast.expr:
    """The tree with ``now - name`` replaced by the text that `since` has for the name."""
    texts = {name: ast.parse(text, mode="eval").body for name, text in since.items()}
    changed = _Differences(now, texts).visit(deepcopy(tree))
    assert isinstance(changed, ast.expr)
    return changed
