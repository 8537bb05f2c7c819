"""Spike-time targets for any network of events: exact times by the executor 'eventprop'."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ship_engine.event_network import EventNetwork
from ship_engine.executors.eventprop import EventPropExecutor
from ship_engine.groups import NeuronGroup, SpikeArrayGroup
from ship_engine.learning.spikeprop import FirstSpikeLoss
from ship_engine.lowering.cache import KernelCache
from ship_engine.models.lif import LIFCurrentExponential
from ship_engine.training.event_module import EventModule, OfProjection
from ship_engine.training.trainer import Trainer

DT, STEPS = 0.5, 80


@pytest.fixture
def module(kernel_cache: KernelCache) -> EventModule:
    """Four inputs, six hidden neurons and two outputs, all to all."""
    random = np.random.default_rng(3)
    network = EventNetwork(dt=DT, cache=kernel_cache)
    groups: list[Any] = [network.add(SpikeArrayGroup(4, "inputs"))]
    values = {"tau_m": 10.0, "tau_syn_exc": 5.0, "tau_syn_inh": 5.0, "tau_refrac": 100.0}
    for size, label in ((6, "hidden"), (2, "outputs")):
        group = network.add(NeuronGroup(LIFCurrentExponential, size, label, values))
        group.initialize("v", -65.0)
        groups.append(group)
    trained = []
    for source, target in pairwise(groups):
        count = source.size * target.size
        pairs = np.divmod(np.arange(count, dtype=np.int32), target.size)
        weights = random.uniform(2.0, 8.0, count)
        trained.append(
            OfProjection(network.connect(source, target, "excitatory", pairs, weights, 2))
        )
    executor = EventPropExecutor(cache=kernel_cache)
    return EventModule(network, groups[-1], trained, inputs=groups[:1], executor=executor)


def inputs() -> Tensor:
    """Spikes [2, STEPS, 4]: each sample has another order."""
    spikes = torch.zeros(2, STEPS, 4).double()
    for sample, steps in enumerate(([0, 4, 8, 12], [12, 8, 4, 0])):
        spikes[sample, steps, range(4)] = 1.0
    return spikes


def later(module: EventModule) -> Tensor:
    """Spike times (ms) [2, 2] of the outputs, each moved a little."""
    with torch.no_grad():
        times = module(inputs()).times
    assert times is not None
    return times[module.output][..., 0] + torch.tensor([[2.0, -1.0], [-1.0, 2.0]])


def test_by_the_trainer(module: EventModule) -> None:
    loss, targets = FirstSpikeLoss().of_scores(DT, STEPS), later(module)
    assert targets.isfinite().all()
    trainer = Trainer(module, readout="first_spike", loss=loss, learning_rate=0.05)
    history = trainer.fit(inputs(), targets, epochs=100, progress=False)
    assert history["loss"][0] == pytest.approx((4.0 + 1.0) / 2.0, rel=0.1)
    assert history["loss"][-1] < 0.1 * history["loss"][0]
    found = torch.as_tensor(-DT * trainer.predict(inputs()))
    torch.testing.assert_close(found, targets, rtol=0.0, atol=0.8)


def test_by_the_times_themselves(module: EventModule) -> None:
    targets = later(module)
    optimizer, losses = torch.optim.Adam(module.parameters(), lr=0.05), []
    for _ in range(100):
        optimizer.zero_grad()
        times = module(inputs()).times
        assert times is not None
        losses.append(FirstSpikeLoss()(times[module.output][..., 0], targets))
        losses[-1].backward()
        optimizer.step()
    assert float(losses[0].detach()) == pytest.approx((4.0 + 1.0) / 2.0, rel=1e-6)
    assert losses[-1] < 0.1 * losses[0]
