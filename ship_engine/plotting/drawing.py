"""Pictures of networks: groups as boxes, the stack as numbers, delays beside the arrows.

An arrow is dashed where what a group hands on is found in the next step only, because its target
stands before it in the stack.  Networks of many groups are drawn without details: synapses are dots
on their arrows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ship_engine.errors import InvalidValueError, NotInstalledError
from ship_engine.plotting.elements import DrawnEdge, DrawnGroup

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = ("input", "neuron", "synapse")
LARGEST = 40.0
"""Width and height of a figure, at most, in inches."""


def draw(
    groups: Sequence[DrawnGroup],
    edges: Sequence[DrawnEdge],
    stack: Sequence[str],
    axes: Axes | None = None,
) -> Figure:
    """Draw a network.

    Parameters
    ----------
    groups : sequence of DrawnGroup
        In the order of their creation.
    edges : sequence of DrawnEdge
        From sources to synapses and from synapses to targets.
    stack : sequence of str
        Ids of all groups in the order in which a step advances them.
    axes : matplotlib.axes.Axes, optional
        Where to; by default a new figure of fitting size.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, which `savefig` writes to a file and `matplotlib.pyplot.show` shows.

    Raises
    ------
    NotInstalledError
        If matplotlib is missing.
    InvalidValueError
        If there are no groups, or `edges` or `stack` do not fit them.
    """
    numbers = {group.id: k for k, group in enumerate(groups)}
    _check(groups, edges, stack, numbers)
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise NotInstalledError(
            "Networks are drawn by matplotlib, which is not installed; "
            "pip install pynn-ship[examples] gets it."
        ) from error
    from ship_engine.plotting.picture import Picture

    picture = Picture(groups, edges, stack)
    if axes is None:
        width, height = picture.width, picture.height
        shrink = min(1.0, LARGEST / width, LARGEST / height)
        figure = pyplot.figure(figsize=(shrink * width, shrink * height))
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    picture.draw(axes)
    found: Any = axes.get_figure()
    return found


def _check(
    groups: Sequence[DrawnGroup],
    edges: Sequence[DrawnEdge],
    stack: Sequence[str],
    numbers: Mapping[str, int],
) -> None:
    if not groups:
        raise InvalidValueError("There are no groups to draw; add some to the network first.")
    for group in groups:
        if group.kind not in KINDS:
            raise InvalidValueError(
                f"'{group.id}' is of the kind {group.kind!r}; give one of {', '.join(KINDS)}."
            )
    for edge in edges:
        for id in (edge.source, edge.target):
            if id not in numbers:
                raise InvalidValueError(
                    f"An arrow from '{edge.source}' to '{edge.target}', but there is no group "
                    f"'{id}' to draw."
                )
    if len(numbers) != len(groups) or sorted(stack) != sorted(numbers):
        raise InvalidValueError(
            f"The stack {list(stack)} does not hold every group once; the groups are "
            f"{[group.id for group in groups]}."
        )
