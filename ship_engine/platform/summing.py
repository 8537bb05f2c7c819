"""Synapses onto one target that are computed as one, where that is exact."""

from __future__ import annotations

from dataclasses import replace

from ship_engine.models.base import Model
from ship_engine.platform.plan import Member


def can_be_summed(member: Member) -> bool:
    """Whether synapses onto a target are exactly like one synapse that receives their sum."""
    if not issubclass(member.model, Model) or not member.model.linear:
        return False
    return len(member.components) == 2 and all(
        value.shape[1] == 1 or bool((value == value[:, :1]).all())
        for value in member.values.values()
    )


def summed_over_sources(member: Member) -> Member:
    """Synapses as one for each target, which receives what `Member.scaled_weight` sums."""
    sources, targets = member.components
    return replace(
        member,
        components=(targets,),
        values={name: value[:, 0] for name, value in member.values.items()},
        initial={n: v.sum(1) * (sources / v.shape[1]) for n, v in member.initial.items()},
    )
