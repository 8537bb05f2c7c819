"""Products of spikes and weights, in which what does not spike costs nothing.

In most networks few components spike in a step.  The rows of a matrix of weights that belong to
those are added up, and the gradient of the weights is gathered likewise, spike by spike; where more
than `SPARSE` of the numbers differ from zero, a dense product is faster and is used instead.  Both
are the same sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ship_engine.fused.buffers import Buffers
from ship_engine.fused.kernels import Kernels
from ship_engine.fused.threads import Threads
from ship_engine.lowering.product_layout import BLOCK, SEGMENT

SPARSE = 0.2
"""Share of numbers that differ from zero, up to which only those are looked at."""
LEAST = 2**16
"""Numbers from which on it pays to look for those that differ from zero."""


@dataclass
class Active:
    """What is not zero in rows of numbers, listed row after row.

    Attributes
    ----------
    begin, end : int64 Tensor [rows]
        Where the list of each row lies.
    place : int32 Tensor
        The column of each number.
    value : Tensor
        The numbers.
    columns : int
        How many numbers a row has.
    """

    begin: Tensor
    end: Tensor
    place: Tensor
    value: Tensor
    columns: int

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.begin.numel()

    def words(self) -> list[int]:
        """The first words of a table."""
        arrays = self.begin, self.end, self.place, self.value
        return [self.columns, *(array.data_ptr() for array in arrays)]


class Products:
    """Multiplies on some threads.

    Parameters
    ----------
    threads, kernels, buffers
        What computes, and where results go.
    """

    def __init__(self, threads: Threads, kernels: Kernels, buffers: Buffers) -> None:
        self._threads, self._kernels, self._buffers = threads, kernels, buffers

    def dense(self, a: Tensor, b: Tensor) -> Tensor:
        """The product of two matrices."""
        out = self._buffers.new((a.shape[0], b.shape[1]), b.dtype)
        return torch.mm(a, b, out=out)

    def active(self, given: Tensor) -> Active | None:
        """What is not zero in [time, batch, columns]; None if that is too much, or not worth it."""
        steps, batch, columns = given.shape
        rows = steps * batch
        if given.numel() < LEAST:
            return None
        given = given if given.stride(2) == 1 else given.contiguous()
        ranges = self._ranges(given.numel(), rows)
        capacity = int(SPARSE * given.numel()) // ranges + columns + 1
        place = self._buffers.new((ranges * capacity,), torch.int32)
        value = self._buffers.new((ranges * capacity,), given.dtype)
        begin, end = torch.empty(rows, dtype=torch.int64), torch.empty(rows, dtype=torch.int64)
        found = Active(begin, end, place, value, columns)
        strides = [stride * given.element_size() for stride in (given.stride(0), given.stride(1))]
        words = [*found.words(), given.data_ptr(), *strides, batch, capacity]
        too_much = self._over_rows("list_active", given.dtype, words, rows, ranges)
        return None if too_much else found

    def turned(self, active: Active) -> Active:
        """The same, listed column after column."""
        listed = int((active.end - active.begin).sum())
        counts = self._counts(active)
        end = torch.cumsum(counts, 0) - counts
        begin = end.clone()
        place = self._buffers.new((listed,), torch.int32)
        value = self._buffers.new((listed,), active.value.dtype)
        words = [*active.words(), end.data_ptr(), place.data_ptr(), value.data_ptr()]
        self._over_rows("turn_lists", value.dtype, words, active.rows, 1)
        return Active(begin, end, place, value, active.rows)

    def _counts(self, active: Active) -> Tensor:
        """How many numbers each column has."""
        counts = torch.zeros(active.columns, dtype=torch.int64)
        words = [*active.words(), counts.data_ptr()]
        self._over_rows("count_columns", active.value.dtype, words, active.rows, 1)
        return counts

    def multiply(self, active: Active, matrix: Tensor) -> Tensor:
        """The product with a matrix [columns, width]."""
        rows, width = active.rows, matrix.shape[1]
        matrix, out = matrix.contiguous(), self._buffers.new((rows, width), matrix.dtype)
        ranges = self._ranges(rows * width, rows)
        position = torch.empty(rows, dtype=torch.int64)
        packed = matrix.new_empty(ranges, SEGMENT + 1, BLOCK)
        words = [*active.words(), matrix.data_ptr(), out.data_ptr(), width]
        words += [position.data_ptr(), packed.data_ptr()]
        self._over_rows("multiply_active", matrix.dtype, words, rows, ranges)
        return out

    def _ranges(self, work: int, rows: int) -> int:
        return min(self._threads.ranges(work), max(rows, 1))

    def _over_rows(
        self, name: str, dtype: torch.dtype, words: list[int], rows: int, ranges: int
    ) -> int:
        """Call a compiled function for all rows, in ranges side by side; the sum of its results."""
        code, table = self._kernels.fixed(name, dtype), np.array(words, np.int64)
        bounds = [rows * k // ranges for k in range(ranges + 1)]
        results = [0] * ranges
        self._threads.run(partial(_call, code, table.ctypes.data, bounds, results), ranges)
        return sum(results)


def _call(code: Any, table: int, bounds: list[int], results: list[int], number: int) -> None:
    results[number] = code(table, bounds[number], bounds[number + 1], number)


class _SpikeProduct(torch.autograd.Function):
    """Spikes [time, batch, sources] times weights [sources, targets]."""

    @staticmethod
    def forward(ctx: Any, products: Products, spikes: Tensor, weight: Tensor) -> Tensor:
        found = products.active(spikes)
        flat = spikes.reshape(-1, spikes.shape[2]) if found is None else None
        ctx.products, ctx.active = products, found
        ctx.save_for_backward(weight, flat)
        if found is not None:
            product = products.multiply(found, weight)
        else:
            assert flat is not None
            product = products.dense(flat, weight)
        return product.view(*spikes.shape[:2], weight.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        weight, flat = ctx.saved_tensors
        shape, products = gradients[0].shape, ctx.products
        gradient = gradients[0].reshape(-1, shape[2])
        of_spikes = of_weight = None
        if ctx.needs_input_grad[1]:
            of_spikes = products.dense(gradient, weight.t()).view(*shape[:2], -1)
        if ctx.needs_input_grad[2] and ctx.active is not None:
            of_weight = products.multiply(products.turned(ctx.active), gradient)
        elif ctx.needs_input_grad[2]:
            of_weight = products.dense(flat.t(), gradient)
        return None, of_spikes, of_weight


def spike_product(products: Products, spikes: Tensor, weight: Tensor) -> Tensor:
    """The product of spikes [time, batch, sources] and weights [sources, targets]."""
    product: Tensor = _SpikeProduct.apply(products, spikes, weight)
    return product


def summed_outer_products(products: Products, spikes: Tensor, gradient: Tensor) -> Tensor:
    """Spikes [time, batch, sources] transposed, times a gradient [time, batch, targets]."""
    found = products.active(spikes)
    gradient = gradient.reshape(-1, gradient.shape[2])
    if found is None:
        return products.dense(spikes.reshape(-1, spikes.shape[2]).t(), gradient)
    return products.multiply(products.turned(found), gradient)
