"""A network that can be converted, and what is looked at before and after."""

from __future__ import annotations

import torch
from torch import nn

from ship_engine.conversion.encoders import ConstantCurrent
from ship_engine.layers.neurons import Neurons

CURRENT = ConstantCurrent()


def network(bias: bool = True, seed: int = 0) -> nn.Sequential:
    """Every kind of module that can be converted, with normalisations that have seen data."""
    torch.manual_seed(seed)
    ann = nn.Sequential(
        nn.Sequential(nn.Conv2d(2, 6, 3, bias=bias), nn.ReLU(), nn.AvgPool2d(2)),
        nn.Dropout(0.3),
        nn.Conv2d(6, 8, 2, bias=bias),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32, 10, bias=bias),
        nn.ReLU(),
        nn.Linear(10, 4, bias=bias),
    )
    if bias:
        ann.insert(3, nn.BatchNorm2d(8))
        for _ in range(10):
            ann(images(40))
    return ann.eval()


def images(count: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(count, 2, 8, 8, generator=torch.Generator().manual_seed(seed))


def activations(ann: nn.Sequential, inputs: torch.Tensor) -> list[torch.Tensor]:
    """What each ReLU hands on, and the scores."""
    found = []
    for module in ann.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda m, given, result: found.append(result.detach()))
    scores = ann(inputs).detach()
    for module in ann.modules():
        module._forward_hooks.clear()
    return [*found, scores]


def spiking_layers(converted: nn.Sequential) -> list[Neurons]:
    return [layer for layer in converted if isinstance(layer, Neurons)]


def rates(converted: nn.Sequential, inputs: torch.Tensor, steps: int) -> list[torch.Tensor]:
    """The rate of every neuron, in spikes per step, by layer."""
    found, course = [], CURRENT(inputs, steps)
    with torch.no_grad():
        for layer in converted:
            course = layer(course)
            if isinstance(layer, Neurons):
                found.append(course.mean(0))
    return found


def threshold(layer: Neurons) -> float:
    return float(layer.values()["thr"])
