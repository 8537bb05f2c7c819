"""Both forms of delivery in tensors bring what a loop over the synapses brings."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ship_engine.delivery.base import Synapses
from ship_engine.delivery.torch_autograd import DELIVERIES


@pytest.mark.parametrize("uniform", [True, False])
@pytest.mark.parametrize("differentiable", [True, False])
def test_sums(uniform: bool, differentiable: bool) -> None:
    random = np.random.default_rng(0)
    source = np.sort(random.integers(0, 7, 40))
    start = np.searchsorted(source, np.arange(8))
    target = random.integers(0, 5, 40).astype(np.int32)
    delay = np.array([3]) if uniform else random.integers(1, 6, 40)
    weight = random.normal(size=1 if uniform else 40)
    synapses = Synapses(start, target, weight, delay.astype(np.int32))
    spikes = torch.tensor(random.integers(0, 3, (2, 7)), dtype=torch.float64)
    spikes[:, 3] = 0.0
    expected = np.zeros((2, 6, 5))
    for k in range(40):
        late = delay[k * (delay.size > 1)]
        amount = spikes[:, source[k]].numpy() * weight[k * (weight.size > 1)]
        expected[:, late, target[k]] += amount
    for form in DELIVERIES.values():
        delivery = form(synapses, 5, torch.tensor(weight))
        found = delivery.arrivals(spikes.requires_grad_(differentiable)).detach().numpy()
        np.testing.assert_allclose(found, expected[:, delivery.delays], atol=1e-14)
