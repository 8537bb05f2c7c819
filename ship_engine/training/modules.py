"""Networks as modules of PyTorch: a function of inputs, with what is trained as its parameters.

A module can be trained by `ship_engine.training.trainer.Trainer`, or by any loop of PyTorch or
Lightning; `write_back` then brings the values into the network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError, UnknownNameError, UnsupportedByExecutorError
from ship_engine.training.connections import Connection
from ship_engine.training.inputs import per_group
from ship_engine.training.readouts import Readout
from ship_engine.training.transforms import Transform, Unbounded


@dataclass
class Activity:
    """What a network did.

    Attributes
    ----------
    spikes : mapping of group to Tensor [batch, time, component]
        The spikes of each group.
    states : mapping of (group, state) to Tensor [batch, time, component]
        The states that were asked for.
    times : mapping of group to Tensor [batch, component, number] or None
        The exact times of spikes in ms, behind the last one infinite, where they are known.
    mask : bool Tensor [batch, time] or None
        Which times belong to each sample, if samples differ in length.
    """

    spikes: Mapping[Any, Tensor]
    states: Mapping[tuple[Any, str], Tensor] = field(default_factory=dict)
    times: Mapping[Any, Tensor] | None = None
    mask: Tensor | None = None

    def spikes_of(self, group: Any) -> Tensor:
        """The spikes of a group.

        Raises
        ------
        UnknownNameError
            If there are none.
        """
        found = self.spikes.get(group)
        if found is None:
            raise UnknownNameError(
                f"There are no spikes of {_called(group)}; there are those of "
                f"{', '.join(_called(one) for one in self.spikes)}."
            )
        return found


def _called(group: Any) -> str:
    return f"'{getattr(group, 'label', group)}'"


@dataclass(frozen=True)
class Trained:
    """One thing that is trained.

    Attributes
    ----------
    name : str
        Under which it is found in `SpikingModule.values`.
    transform : Transform
        From the free number to the value.
    """

    name: str
    transform: Transform = field(default_factory=Unbounded)


class SpikingModule(torch.nn.Module, ABC):
    """A network as a function of its inputs.

    Attributes
    ----------
    free : ParameterDict
        The numbers that an optimiser moves, by name; `values` are functions of them.
    dt : float
        Time step in ms.
    output : hashable
        The group that is read out.
    dtype : torch.dtype
        Type of its numbers.
    input_sizes : dict of group to int
        The groups that take inputs, and how many components each has.
    """

    dt: float
    output: Any
    dtype: torch.dtype
    input_sizes: dict[Any, int]

    def __init__(self) -> None:
        super().__init__()
        self.free = torch.nn.ParameterDict()
        self._trained: dict[str, Trained] = {}

    def _train(self, trained: Trained, value: Tensor) -> None:
        """Add something that is trained, with the value from which it starts."""
        if key_of(trained.name) in self.free:
            raise InvalidValueError(f"'{trained.name}' is named twice among what is trained.")
        self._trained[trained.name] = trained
        free = trained.transform.inverse(value.detach())
        self.free[key_of(trained.name)] = torch.nn.Parameter(free)

    def values(self) -> dict[str, Tensor]:
        """What is trained, by name; gradients lead to the free numbers."""
        return {
            name: one.transform.forward(self.free[key_of(name)])
            for name, one in self._trained.items()
        }

    def set_gradients(self, gradients: Mapping[str, Tensor]) -> None:
        """Leave derivatives with respect to values as those of the free numbers, in ``.grad``.

        For what is not found by automatic differentiation; that of the transform is.
        """
        for name, gradient in gradients.items():
            free = self.free[key_of(name)]
            with torch.enable_grad():
                value = self._trained[name].transform.forward(free)
            free.grad = gradient if value is free else torch.autograd.grad(value, free, gradient)[0]

    @abstractmethod
    def forward(self, inputs: Any) -> Activity:
        """Compute the network's activity for a batch of inputs.

        Parameters
        ----------
        inputs : Tensor [batch, time, component], or mapping of group to such tensors
            A tensor alone is for the only group that takes inputs.
        """

    def check_inputs(self, inputs: Any) -> dict[Any, Tensor]:
        """Inputs by group, checked; see `forward`."""
        return per_group(inputs, self.input_sizes, self.called)

    def called(self, group: Any) -> str:
        """What a group is called in messages."""
        return str(getattr(group, "label", group))

    @abstractmethod
    def course(self, activity: Activity, readout: Readout) -> Tensor:
        """What is read out: the output's spikes, or one of its states, by default its potential."""

    @abstractmethod
    def check_readout(self, readout: Readout) -> None:
        """Refuse to read out what the output group does not have, or what has no gradient."""

    def connections(self) -> list[Connection]:
        """Which weights, trained or not, connect which groups.

        Raises
        ------
        UnsupportedByExecutorError
            If a module of this kind does not know.
        """
        raise UnsupportedByExecutorError(
            f"{type(self).__name__} does not tell which weights connect which groups, which "
            "learning rules have to know; let it implement `connections`."
        )

    def watch(self, groups: Sequence[Any]) -> None:
        """Let the activity have the spikes of these groups from now on; by default it has all."""
        del groups

    def spikes(self, group: Any) -> bool:
        """Whether a group spikes, rather than hand on something continuous."""
        del group
        return True

    @abstractmethod
    def write_back(self) -> None:
        """Bring the values into the network."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """How many components the output group has."""


def key_of(name: str) -> str:
    """A name as PyTorch allows it: without points."""
    return name.replace(".", "_")
