"""What reaches the inputs of a group: from whom, by which weights, how many steps later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ship_engine.errors import UnsupportedByExecutorError
from ship_engine.fused.products import spike_product
from ship_engine.fused.runtime import Runtime
from ship_engine.ordering import divided
from ship_engine.platform.arrivals import Arrivals


@dataclass(eq=False)
class Link:
    """Weights from one group to an input of another.

    Attributes
    ----------
    source : hashable
        Who hands on.
    input : int
        Which input of the target is reached.
    lag : int
        How many steps later.
    weight : Tensor [sources, targets] or None
        By what is multiplied; None where component k reaches component k as it is.
    """

    source: Any
    input: int
    lag: int
    weight: Tensor | None

    def matrix(self, size: int, like: Tensor) -> Tensor:
        """The weights, also of ideal wires."""
        if self.weight is None:
            return torch.eye(size, dtype=like.dtype, device=like.device)
        return self.weight


def spread_in_time(
    source: Any,
    input: int,
    weight: Tensor | None,
    ahead: tuple[Arrivals, int],
    behind: tuple[Arrivals, int],
) -> list[Link]:
    """Links through synapses, one for each delay that occurs.

    Parameters
    ----------
    source : hashable
        Who hands on.
    input : int
        Which input of the target is reached.
    weight : Tensor [sources, targets] or None
        Of the synapses.
    ahead, behind : (Arrivals, int)
        Delays of the source and of the synapses, and steps that are added to each.
    """
    found = []
    for before, from_source in _kinds(ahead, per_source=True):
        for after, at_target in _kinds(behind, per_source=False):
            masks = [mask for mask in (from_source, at_target) if mask is not None]
            if masks and weight is None:
                raise UnsupportedByExecutorError(
                    "Ideal wires between components of different delays; use weights, or the "
                    "executor 'torch'."
                )
            chosen = weight
            for mask in masks:
                assert chosen is not None
                chosen = chosen * torch.as_tensor(mask, device=chosen.device)
            found.append(Link(source, input, before + after, chosen))
    return found


def _kinds(
    late: tuple[Arrivals, int], per_source: bool
) -> list[tuple[int, np.ndarray[Any, Any] | None]]:
    """Each delay in steps, and which [sources or 1, targets or 1] have it, if not all do."""
    arrivals, more = late
    table: np.ndarray[Any, Any] = arrivals.table[:, 0]
    number: np.ndarray[Any, Any] = arrivals.number
    if table.size == 1:
        return [(int(table[0]) + more, None)]
    if number.shape[0] > 1:
        raise UnsupportedByExecutorError(
            "Delays that differ from sample to sample of the batch need the executor 'torch'."
        )
    masks = [number[0] == kind for kind in range(table.size)]
    if masks[0].ndim == 1:
        masks = [mask[:, None] if per_source else mask[None, :] for mask in masks]
    return [(int(later) + more, mask) for later, mask in zip(table, masks, strict=True)]


def blocks_of(groups: Sequence[Any], links: Mapping[Any, Sequence[Link]]) -> list[list[Any]]:
    """Groups in parts, so that no link leads from a later part to an earlier one."""
    place = {group: k for k, group in enumerate(groups)}
    reach = list(range(len(groups)))
    for group in groups:
        target = place[group]
        for link in links[group]:
            source = place.get(link.source, -1)
            if source >= target:
                reach[target] = max(reach[target], source)
    return [[groups[k] for k in part] for part in divided(reach)]


def incoming(
    links: Sequence[Link],
    outputs: Mapping[Any, Tensor],
    inputs: int,
    shape: tuple[int, ...],
    runtime: Runtime,
) -> list[Tensor | None]:
    """What arrives at each input of a group from groups that are computed already.

    Parameters
    ----------
    links : sequence of Link
        To the group.
    outputs : mapping to Tensor [time, batch, sources]
        What groups hand on.
    inputs : int
        How many inputs the group has.
    shape : (int, int, int)
        Steps, samples, and components of the group.
    runtime : Runtime
        What computes.
    """
    steps = shape[0]
    found: list[Tensor | None] = [None] * inputs
    for link in links:
        if link.lag >= steps:
            continue
        given = outputs[link.source]
        # An input may have more rows than there are steps, in which nothing arrives any more.
        given = given[: steps - link.lag]
        if link.weight is None:
            product = given
        else:
            product = spike_product(runtime.products, given, link.weight)
        missing = steps - link.lag - product.shape[0]
        if link.lag or missing:
            product = torch.nn.functional.pad(product, (0, 0, 0, 0, link.lag, missing))
        known = found[link.input]
        found[link.input] = product if known is None else known + product
    return found
