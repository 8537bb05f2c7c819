"""Simulations of converted networks, in batches that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ship_engine.conversion.encoders import ConstantCurrent, Encoder
from ship_engine.layers.stepwise import Stepwise

MEMORY = 2**26
"""How many bytes of tensors a simulation takes, about; more is slower, as it leaves the caches."""
HELD = 4
"""How many tensors as large as the largest are there at a time, about."""


def simulate(network: torch.nn.Sequential, values: Tensor, encoder: Encoder, steps: int) -> Tensor:
    """What a network hands on in each step, without gradients.

    What comes before the first neurons is computed once if currents are constant.

    Parameters
    ----------
    network : torch.nn.Sequential
        Of layers that take [time, batch, ...].
    values : Tensor [batch, ...]
        What is encoded.
    encoder : callable
        Such as `ship_engine.conversion.encoders.ConstantCurrent`.
    steps : int
        How many.

    Returns
    -------
    Tensor [time, batch, ...]
    """
    with torch.no_grad():
        if not isinstance(encoder, ConstantCurrent):
            result: Tensor = network(encoder(values, steps))
            return result
        first, layers = values[None], list(network)
        while layers and isinstance(layers[0], Stepwise):
            first = layers.pop(0)(first)
        result = first.expand(steps, *first.shape[1:])
        for layer in layers:
            result = layer(result)
        return result


def batches(
    network: torch.nn.Sequential, values: Tensor, steps: int, memory: int = MEMORY
) -> Iterator[Tensor]:
    """Values, divided into batches whose simulation takes no more than some memory.

    Parameters
    ----------
    network : torch.nn.Sequential
        Of layers that take [time, batch, ...].
    values : Tensor [sample, ...]
        What is to be encoded.
    steps : int
        How many.
    memory : int
        In bytes; a single sample may take more.
    """
    sizes = [values[:1].numel()]

    def note(module: torch.nn.Module, given: object, result: Tensor) -> None:
        sizes.append(result.numel())

    hooks = [module.register_forward_hook(note) for module in network.modules()]
    try:
        with torch.no_grad():
            network(values[None, :1])
    finally:
        for hook in hooks:
            hook.remove()
    each = HELD * max(sizes) * values.element_size() * steps
    return iter(values.split(max(1, memory // each)))
