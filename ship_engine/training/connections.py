"""Which weights connect which groups: what learning rules have to know of a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


def _same(tensor: Tensor) -> Tensor:
    return tensor


@dataclass(frozen=True)
class Connection:
    """Weights from one group to another through which spikes take equally long.

    The weights are a matrix [source, target], whatever way they are kept; `dense` leads from what
    is kept to the matrix and is linear, and `gathered` is its adjoint: it leads from a derivative
    with respect to the matrix to the one with respect to what is kept.

    Attributes
    ----------
    source, target : hashable
        The groups, under which their spikes are found in an `Activity`.
    name : str or None
        Of the trained value; None if the weights are not trained.
    kept : Tensor or None
        The weights, if they are not trained.
    delay : int
        By how many time steps what the source does precedes what the target makes of it; 0 if a
        spike acts in the very step in which it is emitted.
    dense : callable
        From what is kept to the matrix.
    gathered : callable
        The adjoint of `dense`.
    """

    source: Any
    target: Any
    name: str | None = None
    kept: Tensor | None = None
    delay: int = 0
    dense: Callable[[Tensor], Tensor] = _same
    gathered: Callable[[Tensor], Tensor] = _same

    def matrix(self, values: Mapping[str, Tensor]) -> Tensor:
        """The weights [source, target].

        Parameters
        ----------
        values : mapping of str to Tensor
            What is trained, as `SpikingModule.values` gives it.
        """
        kept = self.kept if self.name is None else values[self.name]
        assert kept is not None
        return self.dense(kept.detach())


def masked(
    scale: Tensor, shape: tuple[int, ...]
) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """`dense` and `gathered` of a matrix that is kept in some shape and multiplied by a scale.

    Parameters
    ----------
    scale : Tensor
        What broadcasts to [source, target]; 0 where weights belong to another connection.
    shape : tuple of int
        In which the matrix is kept: [source, target], with axes of length 1 in front.
    """

    def dense(kept: Tensor) -> Tensor:
        return kept.reshape(shape[-2:]) * scale

    def gathered(change: Tensor) -> Tensor:
        return (change * scale).reshape(shape)

    return dense, gathered


def listed(
    sources: Tensor, targets: Tensor, signs: Tensor, shape: tuple[int, int]
) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """`dense` and `gathered` of weights that are kept as a list.

    Parameters
    ----------
    sources, targets : int64 Tensor [weight]
        What each weight connects; weights between the same components add up.
    signs : Tensor [weight]
        1, or -1 where positive weights inhibit; 0 where weights belong to another connection.
    shape : (int, int)
        Of the matrix.
    """

    def dense(kept: Tensor) -> Tensor:
        matrix = torch.zeros(shape, dtype=kept.dtype, device=kept.device)
        return matrix.index_put_((sources, targets), signs * kept, accumulate=True)

    def gathered(change: Tensor) -> Tensor:
        return signs * change[sources, targets]

    return dense, gathered
