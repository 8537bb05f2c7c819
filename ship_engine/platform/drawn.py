"""What a picture of a network shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from ship_engine.models.base import Source
from ship_engine.platform.groups import GroupDescription, output_ids
from ship_engine.platform.plan import Incoming, Member
from ship_engine.plotting.elements import DrawnEdge, DrawnGroup


def drawn_groups(groups: Mapping[str, GroupDescription]) -> list[DrawnGroup]:
    """All groups, those of a network that is ready."""
    outputs = output_ids(groups)
    found = []
    for group in groups.values():
        size = group.size
        if group.is_synapse:
            ends = [groups[id].size or 0 for id in (group.source or "", group.target or "")]
            one_to_one = getattr(group.model, "one_to_one", False)
            size = ends[1] if one_to_one else ends[0] * ends[1]
        assert size is not None
        found.append(
            DrawnGroup(group.id, _kind(group), group.model.name, size, group.id in outputs)
        )
    return found


def _kind(group: GroupDescription) -> Literal["input", "neuron", "synapse"]:
    if issubclass(group.model, Source):
        return "input"
    return "synapse" if group.is_synapse else "neuron"


def drawn_edges(members: Mapping[str, Member], dt: float) -> list[DrawnEdge]:
    """All edges, with the delay of what is handed on along them, for steps of dt (ms)."""
    return [_edge(edge, member.id, dt) for member in members.values() for edge in member.incoming]


def _edge(edge: Incoming, target: str, dt: float) -> DrawnEdge:
    delay: float | tuple[float, float] = 0.0
    if edge.source.delay is not None:
        low, high = (float(bound) for bound in edge.source.delay.detach().aminmax())
        delay = low if low == high else (low, high)
    late = edge.backward and edge.source.least_delay() < 0.5 * dt
    return DrawnEdge(edge.source.id, target, delay, late)
