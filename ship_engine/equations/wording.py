"""Parts of messages: expressions as text again, and names that were perhaps meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ship_engine.equations.syntax import (
    Call,
    Comparison,
    Logic,
    Name,
    Negative,
    Not,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
    Syntax,
    Truth,
)

LONGEST_QUOTE = 60


def quoted(node: Syntax) -> str:
    """An expression as text between quotation marks, shortened where it is long."""
    text = shown(node)
    if len(text) > LONGEST_QUOTE:
        text = text[: LONGEST_QUOTE - 4] + " ..."
    return f"'{text}'"


def shown(node: Syntax, level: int = 0) -> str:
    """An expression as text; in parentheses if it binds less than `level`."""
    text, own = _written(node)
    return f"({text})" if own < level else text


def _written(node: Syntax) -> tuple[str, int]:
    if isinstance(node, Number):
        return f"{node.value:g}" + (f" {node.unit}" if node.unit else ""), 9
    if isinstance(node, (Name, Truth)):
        return str(node.name if isinstance(node, Name) else node.value), 9
    if isinstance(node, Call):
        return f"{node.function}({', '.join(map(shown, node.arguments))})", 9
    if isinstance(node, Power):
        return f"{shown(node.base, 9)}**{shown(node.exponent, 8)}", 8
    if isinstance(node, Product):
        return "*".join(shown(factor, 7) for factor in node.factors), 6
    if isinstance(node, Quotient):
        above = shown(node.above, 7 if isinstance(node.above, Quotient) else 6)
        return f"{above}/{shown(node.below, 7)}", 6
    if isinstance(node, Negative):
        return f"-{shown(node.operand, 7)}", 5
    if isinstance(node, Sum):
        text = shown(node.terms[0], 5)
        for term in node.terms[1:]:
            negative = isinstance(term, Negative)
            operand = term.operand if isinstance(term, Negative) else term
            text += f" {'-' if negative else '+'} {shown(operand, 6)}"
        return text, 4
    if isinstance(node, Comparison):
        return f"{shown(node.left, 4)} {node.operator} {shown(node.right, 4)}", 3
    if isinstance(node, Not):
        return f"not {shown(node.operand, 2)}", 2
    assert isinstance(node, Logic)
    return f" {node.operator} ".join(shown(part, 2) for part in node.operands), 1


def meant(name: str, known: Iterable[str]) -> str:
    """A question after a name that is close to an unknown one, or nothing."""
    known = list(known)
    close = difflib.get_close_matches(name, known, 1, 0.6)
    if not close:
        close = [k for k in known if k.lower() == name.lower()][:1]
    return f" Did you mean '{close[0]}'?" if close else ""


def listed(names: Iterable[str]) -> str:
    """Names with commas, or a word if there are none."""
    return ", ".join(names) or "none"
