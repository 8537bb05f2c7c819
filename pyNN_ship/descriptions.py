"""Descriptions in words where PyNN has no template, or one that leaves out what there is to tell.

For connectors and STDP mechanisms it names files that do not exist; that for projections asks for
things that its projections do not tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lazyarray import larray
from pyNN import descriptions

CONNECTOR_TEMPLATE = "connector_default.txt"
PROJECTION_TEMPLATE = "projection_default.txt"
STDP_TEMPLATE = "stdpmechanism_default.txt"
OMITTED = ("default_parameters", "default_initial_values")
"""What an outline leaves out: it is the same for all instances."""


def describe(context: dict[str, Any], template: Any, default: str, engine: Any) -> Any:
    """Describe something by a template, or in an outline if no other than the default is given.

    Parameters
    ----------
    context : dict
        What there is to tell.
    template : str or None
        Text of a template or name of a file, for the engine; None returns the context.
    default : str
        Name of PyNN's own template.
    engine : str or type
        'default', 'string', 'jinja2' or 'cheetah', or a template engine of PyNN.
    """
    if template == default:
        return "\n".join(_outline(context))
    return descriptions.render(engine, template, context)


def _outline(context: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Lines of names and values, those of inner dictionaries further in."""
    for name, value in context.items():
        if name in OMITTED:
            continue
        if not isinstance(value, Mapping):
            yield f"{indent}{name}: {_plain(value)}"
        elif value:
            yield f"{indent}{name}:"
            yield from _outline(value, indent + "    ")


def projection_outline(projection: Any) -> dict[str, Any]:
    """What there is to tell of a projection in a few lines."""
    pre, post = projection.pre, projection.post
    return {
        "projection": projection.label,
        "from": f"{pre.label} ({pre.size} cells)",
        "to": f"{post.label} ({post.size} cells)",
        "receptor type": projection.receptor_type,
        "connections": len(projection),
        "connector": projection._connector.describe(template=None),
        "synapse type": projection.synapse_type.describe(template=None),
    }


def _plain(value: Any) -> Any:
    is_plain = isinstance(value, larray) and not value.operations
    return value.base_value if is_plain else value
