"""What a simulation is given in place of the network's own values, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from ship_engine.delivery.base import Synapses
from ship_engine.errors import InvalidValueError, UnknownNameError
from ship_engine.executors.torch_groups import Values
from ship_engine.groups import Group, NeuronGroup
from ship_engine.models.base import Parameter

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork, Projection

Inputs: TypeAlias = "Mapping[Group, Tensor]"
Replacements: TypeAlias = (
    "Mapping[Projection | tuple[Projection, str] | tuple[NeuronGroup, str], Tensor]"
)


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

    def synapses(self, projection: Projection, dt: float) -> tuple[Synapses, Tensor]:
        """The synapses of a projection and their weights.

        Where delays are given, each synapse becomes two, on both sides of its delay, which share
        its weight by their distance to it; so the gradient of a delay is that of the shares.
        """
        weight, synapses = self.weight(projection), projection.synapses
        delay = self._left.pop((projection, "delay"), None)
        if delay is None:
            return synapses, weight
        count = len(synapses)
        if delay.numel() not in (1, count):
            raise InvalidValueError(
                f"{delay.numel()} delays for the {count} synapses from "
                f"'{projection.source.label}' to '{projection.target.label}'; "
                "give one for all or one for each."
            )
        in_steps = (delay.to(self._like.device, self._like.dtype).reshape(-1) / dt).expand(count)
        smallest = 0.0 if not count else float(in_steps.detach().min())
        if not smallest >= 1.0 - 1e-6:
            raise InvalidValueError(
                f"A delay of {smallest * dt:g} ms from '{projection.source.label}' to "
                f"'{projection.target.label}'; delays that are given have to be at least one time "
                f"step, {dt:g} ms."
            )
        return shared_by_two(synapses, in_steps, weight)

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


def shared_by_two(synapses: Synapses, delay: Tensor, weight: Tensor) -> tuple[Synapses, Tensor]:
    """Each synapse as two: of the whole delays (steps) below and above its own."""
    below = delay.detach().floor()
    share = delay - below
    whole = below.cpu().numpy().astype(np.int32)
    delays = np.stack([whole, whole + 1], 1).ravel()
    target = np.repeat(synapses.target, 2)
    both = torch.stack([weight * (1.0 - share), weight * share], 1).reshape(-1)
    return Synapses(2 * synapses.start, target, synapses.weight, delays), both


def _check_range(parameter: Parameter, values: Tensor, group: Group) -> None:
    wrong = ~(values.isfinite() & parameter.allows(values))
    if wrong.any():
        raise InvalidValueError(
            f"{parameter.name} = {float(values[wrong][0]):g} {parameter.unit} in "
            f"'{group.label}'; it must be {parameter.requirement}."
        )
