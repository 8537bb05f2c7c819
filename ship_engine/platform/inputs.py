"""What `Network.run` is given for the groups of `Input` and `ListInput`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.platform.arguments import as_numbers
from ship_engine.platform.groups import GroupDescription
from ship_engine.platform.models.sources import Input, ListInput
from ship_engine.platform.results import unknown


def checked_inputs(
    groups: Mapping[str, GroupDescription], given: tuple[Any, ...], like: Tensor
) -> dict[str, Tensor]:
    """Inputs by id, each [batch or 1, time, component].

    Raises
    ------
    UnknownNameError
        If a mapping names a group that takes no input.
    InvalidValueError
        If there are more or fewer inputs than groups that take one, or one of them is no tensor
        or list of tensors, or has another shape.
    """
    takers = {g.id: g for g in groups.values() if g.model in (Input, ListInput)}
    if len(given) == 1 and isinstance(given[0], Mapping):
        named = dict(given[0])
        for id in named:
            if id not in takers:
                raise unknown("input", str(id), takers)
    else:
        if len(given) > len(takers):
            raise InvalidValueError(
                f"{len(given)} inputs for {len(takers)} groups that take one: "
                f"{', '.join(takers) or 'none'}."
            )
        named = dict(zip(takers, given, strict=False))
    missing = [id for id in takers if id not in named]
    if missing:
        raise InvalidValueError(
            f"No input for {', '.join(map(repr, missing))}; give net.run one tensor [batch, time, "
            "component] for each, in the order in which they were added, or a mapping of ids."
        )
    return {id: _tensor(takers[id], value, like) for id, value in named.items()}


def _tensor(group: GroupDescription, given: Any, like: Tensor) -> Tensor:
    if group.model is ListInput:
        return _padded(group, given, like)
    tensor = _numbers(group, given, like)
    if tensor.dim() != 3 or tensor.shape[2] != group.size:
        raise InvalidValueError(
            f"The input of '{group.id}' has the shape {list(tensor.shape)}; it must be [batch, "
            f"time, component] = [batch, time, {group.size}]."
        )
    if len(tensor) == 0:
        raise InvalidValueError(f"The input of '{group.id}' holds no sample; give one or more.")
    return tensor


def _numbers(group: GroupDescription, given: Any, like: Tensor) -> Tensor:
    _refuse_events(group, given)
    try:
        tensor = as_numbers(given, like)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidValueError(
            f"The input of '{group.id}' is {type(given).__name__}, not a tensor of real numbers "
            f"({error})."
        ) from error
    # The sum tells of most tensors, ten times faster, that every number is finite.
    if not torch.isfinite(tensor.detach().sum()) and not bool(torch.isfinite(tensor).all()):
        raise InvalidValueError(f"The input of '{group.id}' holds NaN or infinite numbers.")
    return tensor


def _refuse_events(group: GroupDescription, given: Any) -> None:
    """Events are no tensor as long as nobody says which time steps they lie in."""
    if not hasattr(given, "to_tensor"):
        return
    listed = group.model is ListInput
    instead = "a list of events.to_tensor(dt)" if listed else "events_to_batch([events], dt, steps)"
    raise InvalidValueError(
        f"The input of '{group.id}' holds {type(given).__name__}, which lie on no time steps yet; "
        f"give {instead}."
    )


def _padded(group: GroupDescription, given: Any, like: Tensor) -> Tensor:
    """Sequences of different length as one tensor, with zeros after their ends."""
    _refuse_events(group, given)
    if isinstance(given, Tensor) or not hasattr(given, "__len__") or not len(given):
        raise InvalidValueError(
            f"The input of '{group.id}' ({group.model.name}) is {type(given).__name__}; give a "
            "list of one or more tensors [time, component]."
        )
    sequences = [_numbers(group, one, like) for one in given]
    for k, one in enumerate(sequences):
        if one.dim() != 2 or one.shape[1] != group.size:
            raise InvalidValueError(
                f"Sequence {k} of '{group.id}' has the shape {list(one.shape)}; it must be [time, "
                f"component] = [time, {group.size}]."
            )
    return torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True)


def fitting(
    groups: Mapping[str, GroupDescription], inputs: Mapping[str, Tensor], steps: int
) -> dict[str, Tensor]:
    """Inputs as long as a run: lists are padded, tensors must be so already.

    Raises
    ------
    InvalidValueError
        If a tensor has more or fewer steps, or a list has a sequence with more.
    """
    found = {}
    for id, tensor in inputs.items():
        count = tensor.shape[1]
        listed = groups[id].model is ListInput
        if count > steps or (count < steps and not listed):
            raise InvalidValueError(
                f"The input of '{id}' has {count} time steps{' in a sequence' if listed else ''}, "
                f"but the run {steps}; give as many, or leave out nts and time in net.init."
            )
        if count < steps:
            end = tensor.new_zeros(len(tensor), steps - count, tensor.shape[2])
            tensor = torch.cat([tensor, end], 1)
        found[id] = tensor
    return found


def length_of(inputs: Mapping[str, Tensor]) -> int:
    """The number of time steps of a run that lasts as long as its inputs.

    Raises
    ------
    InvalidValueError
        If there is no input that could tell.
    """
    if not inputs:
        raise InvalidValueError(
            "How long is the run? There is no input that could tell; call net.init with nts or "
            "time."
        )
    return max(tensor.shape[1] for tensor in inputs.values())


def batch_size_of(inputs: Mapping[str, Tensor], asked_for: int | None) -> int:
    """The batch size of a run with these inputs.

    Raises
    ------
    InvalidValueError
        If inputs have another one than was asked for, or than each other.
    """
    sizes = {id: len(tensor) for id, tensor in inputs.items() if len(tensor) != 1}
    batch_size = asked_for or next(iter(sizes.values()), 1)
    for id, size in sizes.items():
        if size != batch_size:
            raise InvalidValueError(
                f"The input of '{id}' holds {size} samples, but the batch size is {batch_size}; "
                f"give {batch_size}, or one for all, or init with batch_size={size}."
            )
    return batch_size
