"""Memory for time courses that is used again.

A fresh array costs ten times as much as the loop that fills it, since the operating system hands
memory out page by page, cleared.  Memory of tensors that nobody holds any more is kept for the next
tensors of about that size.
"""

from __future__ import annotations

import weakref
from collections import defaultdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

SMALL = 2**17
"""Bytes below which memory is left to torch."""


class Buffers:
    """Memory that one runtime uses again and again."""

    def __init__(self) -> None:
        self._free: defaultdict[int, list[np.ndarray[Any, Any]]] = defaultdict(list)
        self._lent: dict[int, weakref.ref[Any]] = {}

    def new(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """A tensor without values."""
        count = 1
        for length in shape:
            count *= length
        size = count * dtype.itemsize
        if size < SMALL:
            return torch.empty(shape, dtype=dtype)
        rounded = _rounded(size)
        free = self._free[rounded]
        memory = free.pop() if free else np.empty(rounded, np.uint8)
        array = memory[:size]
        key = id(array)
        # The tensor holds `array` until nobody holds the tensor's memory.
        self._lent[key] = weakref.ref(array, lambda _: self._take_back(key, memory))
        return torch.from_numpy(array).view(dtype).view(shape)

    def zeros(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """A tensor of zeros."""
        return self.new(shape, dtype).zero_()

    def like(self, tensor: Tensor) -> Tensor:
        """A tensor of the same shape, without values."""
        return self.new(tuple(tensor.shape), tensor.dtype)

    def _take_back(self, key: int, memory: np.ndarray[Any, Any]) -> None:
        self._lent.pop(key, None)
        self._free[memory.size].append(memory)


def _rounded(size: int) -> int:
    """The next size of which memory is kept: an eighth more than needed at most."""
    step = 1 << max(size.bit_length() - 4, 12)
    return -(-size // step) * step
