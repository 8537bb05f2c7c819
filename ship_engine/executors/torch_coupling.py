"""Gap junctions in tensors: the currents through them, at the start of each step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ship_engine.executors.torch_groups import NeuronTensors
from ship_engine.executors.torch_members import Neurons

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork
    from ship_engine.gap_junctions import GapJunctions
    from ship_engine.groups import Group


class GapCurrents:
    """Currents through all gap junctions of a network; see `ship_engine.gap_junctions`.

    Parameters
    ----------
    network : EventNetwork
        The network.
    neurons : mapping of Group to NeuronTensors
        Its neurons.
    """

    def __init__(self, network: EventNetwork, neurons: Mapping[Group, NeuronTensors]) -> None:
        self._neurons = {g: t for g, t in neurons.items() if t.group.coupling is not None}
        self._before: dict[Group, Tensor] = {}
        self._injected: dict[Group, Tensor] = {}
        for group, tensors in self._neurons.items():
            coupling = tensors.group.coupling
            assert coupling is not None
            self._before[group] = tensors.current.new_tensor(coupling.before)
            self._injected[group] = tensors.current.new_tensor(coupling.injected)
        self._junctions = []
        for junctions in network.gap_junctions:
            ends, conductance = _in_tensors(junctions, neurons[junctions.source].current)
            self._junctions.append((junctions.source, junctions.target, ends, conductance))

    def __contains__(self, group: Group) -> bool:
        return group in self._neurons

    def inject(self, group: Group, current: np.ndarray) -> None:
        """Set what current sources inject into a group."""
        self._injected[group] = self._injected[group].new_tensor(current)

    def flow(self) -> None:
        """Set the current of every cell that may have gap junctions."""
        expected = {}
        for group, tensors in self._neurons.items():
            v, before = tensors.states["v"], self._before[group]
            rise = torch.where(before.isnan(), 0.0, v - before)
            expected[group], self._before[group] = v + 0.5 * rise, v.clone()
            tensors.current = self._injected[group].clone()
        for source, target, (here, there), conductance in self._junctions:
            flow = conductance * (expected[source][here] - expected[target][there])
            self._neurons[source].current.index_add_(0, here, -flow)
            self._neurons[target].current.index_add_(0, there, flow)

    def spiked(self, group: Group, cells: Tensor) -> None:
        """What these cells gained in this step is not to be continued."""
        self._before[group][cells] = torch.nan

    def store(self) -> None:
        """Write everything back into the groups' arrays."""
        for group, tensors in self._neurons.items():
            coupling = tensors.group.coupling
            assert coupling is not None
            coupling.before[:] = self._before[group].cpu().numpy()
            coupling.injected[:] = self._injected[group].cpu().numpy()


class DifferentiableGaps:
    """The same in a simulation through which gradients flow.

    Parameters
    ----------
    network : EventNetwork
        The network.
    neurons : mapping of Group to Neurons
        Its neurons.
    like : Tensor
        Says the device and the type of numbers.
    """

    def __init__(
        self, network: EventNetwork, neurons: Mapping[Group, Neurons], like: Tensor
    ) -> None:
        self._junctions = [
            (neurons[j.source], neurons[j.target], *_in_tensors(j, like))
            for j in network.gap_junctions
        ]
        coupled = [end for source, target, *_ in self._junctions for end in (source, target)]
        self._neurons = list(dict.fromkeys(coupled))
        self._before = {member: member.states["v"] for member in self._neurons}

    def flow(self) -> None:
        """Set the current through gap junctions for the coming step."""
        expected, current = {}, {}
        for member in self._neurons:
            v = member.states["v"]
            rise = torch.where(member.spiked, 0.0, v - self._before[member])
            expected[member], self._before[member] = v + 0.5 * rise, v
            current[member] = torch.zeros_like(v)
        for source, target, (here, there), conductance in self._junctions:
            flow = conductance * (expected[source][:, here] - expected[target][:, there])
            current[source] = current[source].index_add(1, here, -flow)
            current[target] = current[target].index_add(1, there, flow)
        for member, total in current.items():
            member.coupling = total


def _in_tensors(junctions: GapJunctions, like: Tensor) -> tuple[list[Tensor], Tensor]:
    """The cells at both ends, and the conductances."""
    cells = (junctions.source_cell, junctions.target_cell)
    ends = [torch.tensor(c.astype(np.int64), device=like.device) for c in cells]
    return ends, like.new_tensor(junctions.conductance)
