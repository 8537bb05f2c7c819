"""Pieces of which the text of a kernel is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ship_engine.models.base import argument_names


def own(name: str) -> str:
    """A model's name as the kernel's text writes it."""
    return f"m_{name}"


def call(name: str, function: Callable[..., Any], values: Mapping[str, str]) -> str:
    """Text of a call; a name without a value of its own stands for itself."""
    known = {"dt": "dt", "i_inj": "i_inj", "free": "1.0", **values}
    texts = [known.get(a, own(a)) for a in argument_names(function)]
    return f"{name}({', '.join(texts)})"


def indent(lines: list[str], levels: int = 1) -> list[str]:
    """The lines, further to the right."""
    return ["    " * levels + line for line in lines]
