"""Delivery in tensors: what the spikes of one step bring to the targets, delay by delay.

Two forms give the same sums.  The sparse one adds synapse by synapse and touches only those of
sources that spiked, unless a gradient has to reach the silent ones too; the dense one multiplies
with a matrix, which is faster where nearly every pair of components is connected.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor

from ship_engine.delivery.base import Synapses


class Delivery(ABC):
    """How the spikes of a projection arrive.

    Parameters
    ----------
    synapses : Synapses
        Who is connected to whom.
    targets : int
        Number of target components.
    weight : Tensor
        One for all synapses, or one for each in their order; may require gradients.

    Attributes
    ----------
    delays : list of int
        Every delay that occurs, in time steps, ascending.
    """

    def __init__(self, synapses: Synapses, targets: int, weight: Tensor) -> None:
        delays, position = np.unique(synapses.delay, return_inverse=True)
        self.delays: list[int] = delays.tolist()
        self._targets, self._device = targets, weight.device
        self._weight = weight.reshape(-1)
        # What arrives is laid out as one row for each delay, side by side.
        self._place = self._indices(position * targets + synapses.target)

    def _indices(self, values: np.ndarray) -> Tensor:
        return torch.as_tensor(values.astype(np.int64), device=self._device)

    @abstractmethod
    def arrivals(self, spikes: Tensor) -> Tensor:
        """What arrives after each delay.

        Parameters
        ----------
        spikes : Tensor [batch, sources]
            The number of spikes of each source, or the part of them that is to be delivered.

        Returns
        -------
        Tensor [batch, delays, targets]
            In the order of `delays`.
        """


class SparseDelivery(Delivery):
    """One addition for each synapse."""

    def __init__(self, synapses: Synapses, targets: int, weight: Tensor) -> None:
        super().__init__(synapses, targets, weight)
        self._source = self._indices(synapses.source)
        self._start = self._indices(synapses.start)

    def arrivals(self, spikes: Tensor) -> Tensor:
        source, place, weight = self._source, self._place, self._weight
        if not spikes.requires_grad:
            chosen = self._synapses_of(spikes.detach().any(0).nonzero().flatten())
            source, place = source[chosen], place[chosen]
            weight = weight if weight.numel() == 1 else weight[chosen]
        amounts = spikes[:, source] * weight
        arrived = spikes.new_zeros(spikes.shape[0], len(self.delays) * self._targets)
        return arrived.index_add(1, place, amounts).unflatten(1, (len(self.delays), -1))

    def _synapses_of(self, cells: Tensor) -> Tensor:
        """Indices of all synapses of these sources."""
        first = self._start[cells]
        count = self._start[cells + 1] - first
        skipped = first - (count.cumsum(0) - count)
        total = int(count.sum())
        run = torch.arange(total, device=self._device)
        return run + torch.repeat_interleave(skipped, count, output_size=total)


class DenseDelivery(Delivery):
    """One matrix product for all synapses.

    Attributes
    ----------
    matrix : Tensor [sources, delays * targets]
        The weights.
    """

    def __init__(self, synapses: Synapses, targets: int, weight: Tensor) -> None:
        super().__init__(synapses, targets, weight)
        sources, row = synapses.start.size - 1, len(self.delays) * targets
        flat = self._weight.new_zeros(sources * row)
        position = self._indices(synapses.source) * row + self._place
        amounts = self._weight.expand(position.shape)
        self.matrix = flat.index_add(0, position, amounts).view(sources, row)

    def arrivals(self, spikes: Tensor) -> Tensor:
        return (spikes @ self.matrix).unflatten(1, (len(self.delays), -1))


DELIVERIES: dict[str, type[Delivery]] = {"sparse": SparseDelivery, "dense": DenseDelivery}
"""The forms under the names by which the user chooses them."""
