"""A small network of the platform, and input for it."""

from __future__ import annotations

import torch

from ship_engine import LIF, Input, LeakySynapse, Network


def small(executor: str = "numba", **options) -> Network:
    net = Network(executor=executor, dtype=torch.float64, **options)
    net.add(Input, "I", N=3)
    net.add(LIF, "N", N=2, tau_beta=20.0)
    net.add(LeakySynapse, "S", source="I", target="N", w=0.1)
    return net


def ones(batch: int = 1, steps: int = 10, size: int = 3) -> torch.Tensor:
    return torch.ones(batch, steps, size, dtype=torch.float64)
