"""What a simulation is given in place of the network's own values, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError, UnknownNameError
from ship_engine.executors.torch_groups import Values
from ship_engine.groups import Group, NeuronGroup
from ship_engine.models.base import Parameter

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork, Projection

Inputs: TypeAlias = "Mapping[Group, Tensor]"
Replacements: TypeAlias = "Mapping[Projection | tuple[NeuronGroup, str], Tensor]"


def checked_inputs(
    network: EventNetwork, steps: int, inputs: Inputs, like: Tensor, batch_size: int
) -> tuple[int, dict[Group, Tensor]]:
    """The size of the batch, and the inputs in the simulation's type of numbers.

    Raises
    ------
    UnknownNameError
        If a group is not of this network.
    InvalidValueError
        If a tensor has another shape than [batch or 1, steps, components].
    """
    batch = max((tensor.shape[0] for tensor in inputs.values() if tensor.ndim), default=batch_size)
    checked = {}
    for group, tensor in inputs.items():
        if group not in network.groups:
            raise UnknownNameError(f"'{group.label}' is not a group of this network; add it.")
        wanted = (batch, steps, group.size)
        if tensor.shape not in (wanted, (1, *wanted[1:])):
            raise InvalidValueError(
                f"The input of '{group.label}' has shape {tuple(tensor.shape)}; "
                f"give [batch, steps, components], here {wanted}."
            )
        checked[group] = tensor.to(like.device, like.dtype).expand(wanted)
    return batch, checked


class Given:
    """Tensors in place of weights, parameters and initial states; each is taken once.

    Parameters
    ----------
    replacements : mapping
        See `TorchExecutor.simulate`.
    like : Tensor
        Says the device and the type of numbers.
    batch : int
        Size of the batch.
    """

    def __init__(self, replacements: Replacements, like: Tensor, batch: int) -> None:
        self._left: dict[Any, Tensor] = dict(replacements)
        self._like, self._batch = like, batch

    def weight(self, projection: Projection) -> Tensor:
        """The weights of a projection, [1] or [synapses].

        Raises
        ------
        InvalidValueError
            If there are more or fewer than synapses.
        """
        tensor = self._left.pop(projection, None)
        if tensor is None:
            return self._like.new_tensor(projection.synapses.weight)
        count = len(projection.synapses)
        if tensor.numel() not in (1, count):
            raise InvalidValueError(
                f"{tensor.numel()} weights for the {count} synapses from "
                f"'{projection.source.label}' to '{projection.target.label}'; "
                "give one for all or one for each."
            )
        return tensor.to(self._like.device, self._like.dtype).reshape(-1)

    def values(self, group: NeuronGroup) -> Values:
        """Parameters and initial states of a group; each broadcasts to [batch, components].

        Raises
        ------
        InvalidValueError
            If a tensor is of another shape, or a parameter is not in its range.
        """
        model = group.model
        values = {name: self._value(group, name, array) for name, array in group.values.items()}
        for state, row in zip(model.states, group.initial, strict=True):
            values[state.name] = self._value(group, state.name, row)
        return values

    def _value(self, group: NeuronGroup, name: str, own: Any) -> Tensor:
        tensor = self._left.pop((group, name), None)
        if tensor is None:
            return self._like.new_tensor(own)
        wanted = (self._batch, group.size)
        try:
            fits = torch.broadcast_shapes(tensor.shape, wanted) == wanted
        except RuntimeError:
            fits = False
        if not fits:
            raise InvalidValueError(
                f"{name} of '{group.label}' has shape {tuple(tensor.shape)}, which does not "
                f"broadcast to [batch, components], here {wanted}."
            )
        for parameter in group.model.parameters:
            if parameter.name == name:
                _check_range(parameter, tensor.detach(), group)
        return tensor.to(self._like.device, self._like.dtype)

    def refuse_the_rest(self) -> None:
        """Raise UnknownNameError if something was given that belongs nowhere."""
        for key in self._left:
            if isinstance(key, tuple):
                group, name = key
                raise UnknownNameError(
                    f"No parameter or state '{name}' of a group '{group.label}' of neurons "
                    "is in this network."
                )
            raise UnknownNameError(
                f"{key!r} is not in this network; give a projection, or (group, name)."
            )


def _check_range(parameter: Parameter, values: Tensor, group: Group) -> None:
    wrong = ~(values.isfinite() & parameter.allows(values))
    if wrong.any():
        raise InvalidValueError(
            f"{parameter.name} = {float(values[wrong][0]):g} {parameter.unit} in "
            f"'{group.label}'; it must be {parameter.requirement}."
        )
