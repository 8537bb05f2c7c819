"""A small task, and networks of the platform that can learn it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ship_engine import LI, LIF, Input, LeakySynapse, Network
from ship_engine.training.platform_module import PlatformModule
from ship_engine.training.surrogates import SuperSpike
from ship_engine.training.trainer import Trainer

INPUTS, HIDDEN, CLASSES, STEPS = 12, 10, 3, 20


def task(samples: int = 48, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Noisy copies of three patterns of spikes, and which one each is of."""
    random = torch.Generator().manual_seed(seed)
    patterns = torch.rand(CLASSES, STEPS, INPUTS, generator=torch.Generator().manual_seed(99)) < 0.1
    classes = torch.arange(samples) % CLASSES
    shape = samples, STEPS, INPUTS
    kept = patterns[classes] & (torch.rand(shape, generator=random) < 0.8)
    noise = torch.rand(shape, generator=random) < 0.02
    return (kept | noise).double(), classes


def sequences(samples: int = 12, seed: int = 0) -> tuple[list[Tensor], Tensor]:
    """The same of different length."""
    inputs, classes = task(samples, seed)
    return [one[: 8 + (5 * k) % 13] for k, one in enumerate(inputs)], classes


def network(executor: str = "fused", **options: Any) -> Network:
    random = torch.Generator().manual_seed(3)
    net = Network(executor=executor, dtype=torch.float64, **options)
    net.add(Input, "I", N=INPUTS)
    net.add(LIF, "H", N=HIDDEN, tau_beta=10.0)
    net.add(LI, "O", N=CLASSES, tau_beta=15.0, u_min=-math.inf)
    first = 0.3 * torch.rand(INPUTS, HIDDEN, generator=random)
    second = 0.1 * torch.randn(HIDDEN, CLASSES, generator=random)
    net.add(LeakySynapse, "IH", source="I", target="H", w=first, tau_alpha=5.0)
    net.add(LeakySynapse, "HO", source="H", target="O", w=second, tau_alpha=5.0)
    net.init(dt=1.0)
    return net


def spiking(executor: str = "fused") -> Network:
    """One whose outputs spike."""
    net = network(executor, surrogate=SuperSpike(5.0))
    net.add(LIF, "S", N=CLASSES, tau_beta=15.0)
    ways = 0.1 + 0.1 * torch.randn(HIDDEN, CLASSES, generator=torch.Generator().manual_seed(4))
    net.add(LeakySynapse, "HS", source="H", target="S", w=ways, tau_alpha=5.0)
    net.init(dt=1.0)
    return net


def trainer(
    executor: str = "fused",
    trainable: Sequence[Any] = ("IH", "HO"),
    spikes: Sequence[str] = (),
    **options: Any,
) -> Trainer:
    net = network(executor, surrogate="superspike")
    given = {"readout": "mean", "learning_rate": 0.02, "seed": 1, **options}
    return Trainer(PlatformModule(net, trainable, spikes=spikes), **given)
