"""Where in a NESTML text something stands, and how errors say so."""

from __future__ import annotations

from typing import Any

from ship_engine.errors import ModelTextError, UnsupportedModelError


def place(node: Any) -> str:
    """``line 12, column 8`` of a node of the syntax tree."""
    position = node.get_source_position()
    return f"line {position.get_start_line()}, column {position.get_start_column()}"


def shown(node: Any) -> str:
    """A node as its text, in one line and without comments."""
    lines = (line.partition("#")[0].strip() for line in str(node).splitlines())
    return " ".join(line for line in lines if line)


def unsupported(node: Any, what: str, instead: str) -> UnsupportedModelError:
    """The error for a construct that cannot be translated.

    Parameters
    ----------
    node : ASTNode
        The construct.
    what : str
        Its name.
    instead : str
        What is supported in its place.
    """
    return UnsupportedModelError(f"{place(node)}: {what} is not supported; write {instead}.")


def mistaken(node: Any, what: str) -> ModelTextError:
    """The error for a construct that contradicts the rest of the model."""
    return ModelTextError(f"{place(node)}: {what}")
