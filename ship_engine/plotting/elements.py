"""What a picture of a network is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DrawnGroup:
    """A group as it is drawn.

    Attributes
    ----------
    id : str
        Its name.
    kind : {'input', 'neuron', 'synapse'}
        How its box looks.
    model : str
        Name of its model.
    size : int
        Number of its components.
    is_output : bool
        Whether the network hands on what it hands on.
    """

    id: str
    kind: Literal["input", "neuron", "synapse"]
    model: str
    size: int
    is_output: bool = False


@dataclass(frozen=True)
class DrawnEdge:
    """An arrow from group to group.

    Attributes
    ----------
    source, target : str
        Ids of the groups.
    delay : float or (float, float)
        In ms, or the least and the greatest one; 0 is not written.
    backward : bool
        Whether the target finds in the next step only what the source hands on.
    """

    source: str
    target: str
    delay: float | tuple[float, float] = 0.0
    backward: bool = False
