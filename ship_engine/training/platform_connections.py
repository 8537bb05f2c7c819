"""Which weights connect which groups of a network of the platform."""

from __future__ import annotations

from collections.abc import Container, Iterator

import numpy as np
import torch
from torch import Tensor

from ship_engine.errors import UnsupportedByExecutorError
from ship_engine.models.base import Model
from ship_engine.platform.arrivals import Arrivals
from ship_engine.platform.groups import GroupDescription
from ship_engine.platform.network import Network
from ship_engine.training.connections import Connection, masked


def platform_connections(network: Network, trained: Container[str]) -> list[Connection]:
    """The connections of a network that is ready, one for each delay of each group of synapses.

    What a delayed group does is seen when it is handed on, so that the delay of a connection is
    that of its synapses and that of the group to which it leads.

    Parameters
    ----------
    network : Network
        Ready to run.
    trained : container of str
        The names of what is trained, such as 'IH.w'.

    Raises
    ------
    UnsupportedByExecutorError
        If weights differ between the samples of a batch.
    """
    place = {id: number for number, id in enumerate(network.stack())}
    backward = {
        id
        for group in network.groups.values()
        if group.source is not None and group.target is not None
        for id, follower in ((group.source, group.id), (group.id, group.target))
        if place[id] >= place[follower]
    }
    synapses = [group for group in network.groups.values() if group.is_synapse]
    return [one for group in synapses for one in _of(network, group, trained, place, backward)]


def _of(
    network: Network,
    group: GroupDescription,
    trained: Container[str],
    place: dict[str, int],
    backward: Container[str],
) -> Iterator[Connection]:
    """The connections of one group of synapses."""
    assert group.source is not None
    assert group.target is not None
    kept, scale = _weights(network, group)
    name = f"{group.id}.w" if f"{group.id}.w" in trained else None
    late = sum(
        int(place[id] >= place[follower] and not _is_delayed(network, id))
        for id, follower in ((group.source, group.id), (group.id, group.target))
    )
    delays = late + sum(
        (_delays(network, id, id in backward) for id in (group.id, group.target)),
        start=torch.zeros(1, 1, dtype=torch.int64),
    )
    for delay in delays.unique().tolist():
        here = scale * (delays == delay).to(scale.device)
        dense, gathered = masked(here, tuple(kept.shape))
        yield Connection(
            group.source,
            group.target,
            name,
            None if name is not None else kept,
            delay,
            dense,
            gathered,
        )


def _weights(network: Network, group: GroupDescription) -> tuple[Tensor, Tensor]:
    """The weights [1, source, target], and what broadcasts to them and multiplies them."""
    values = network[group.id]
    kept = values.get("w_wanted", values.get("w"))
    if kept is None:  # ideal wires
        sizes = [network.groups[id].size or 0 for id in (group.source or "", group.target or "")]
        one_to_one = getattr(group.model, "one_to_one", False)
        kept = torch.eye(*sizes) if one_to_one else torch.ones(*sizes)
        kept = kept.to(network.device, network.dtype)
        return kept[None], kept.new_ones(1, 1)
    scale = values["w_scale"]
    if len(kept) > 1 or len(scale) > 1:
        raise UnsupportedByExecutorError(
            f"'{group.id}' has other weights for each sample of the batch, which no learning rule "
            "can train; give one matrix for all."
        )
    return kept, scale.reshape(scale.shape[-2:] if scale.ndim > 1 else (1, 1))


def _is_delayed(network: Network, id: str) -> bool:
    delay = _delay(network, id)
    return delay is not None and bool((delay > 0.0).any())


def _delay(network: Network, id: str) -> Tensor | None:
    """For how long (ms) a group keeps back what it hands on."""
    model = network.groups[id].model
    name = model.output_delay if issubclass(model, Model) else None
    return None if name is None else network[id][name]


def _delays(network: Network, id: str, backward: bool) -> Tensor:
    """The same in time steps: [source or 1, target or 1]."""
    assert network.settings is not None
    delay = _delay(network, id)
    least = int(backward and _is_delayed(network, id))
    arrivals = Arrivals(delay, np.array([network.settings.dt]), least)
    steps = torch.as_tensor(arrivals.table[arrivals.number, 0]).long()
    return steps.reshape(steps.shape[-2:]) if steps.ndim > 2 else steps.reshape(1, -1)
