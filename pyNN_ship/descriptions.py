"""Descriptions in words of what PyNN has no template for: connectors and STDP mechanisms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lazyarray import larray
from pyNN import descriptions

CONNECTOR_TEMPLATE = "connector_default.txt"
STDP_TEMPLATE = "stdpmechanism_default.txt"


def describe(context: dict[str, Any], template: Any, default: str, engine: Any) -> Any:
    """Describe something by a template, or in an outline if no other than the default is given.

    Parameters
    ----------
    context : dict
        What there is to tell.
    template : str or None
        Text of a template or name of a file, for the engine; None returns the context.
    default : str
        Name of the template that PyNN names but does not have.
    engine : str or type
        'default', 'string', 'jinja2' or 'cheetah', or a template engine of PyNN.
    """
    if template == default:
        return "\n".join(_outline(context))
    return descriptions.render(engine, template, context)


def _outline(context: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Lines of names and values, those of inner dictionaries further in."""
    for name, value in context.items():
        if not isinstance(value, Mapping):
            yield f"{indent}{name}: {_plain(value)}"
        elif value:
            yield f"{indent}{name}:"
            yield from _outline(value, indent + "    ")


def _plain(value: Any) -> Any:
    is_plain = isinstance(value, larray) and not value.operations
    return value.base_value if is_plain else value
