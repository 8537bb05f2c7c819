"""Products of what is mostly zero, and the memory that they go to."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from ship_engine.fused import products as module
from ship_engine.fused.buffers import SMALL, Buffers
from ship_engine.fused.products import (
    LEAST,
    SPARSE,
    Products,
    spike_product,
    summed_outer_products,
)
from ship_engine.fused.runtime import Runtime
from ship_engine.lowering.cache import KernelCache

TYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
TOLERANCE = {torch.float64: 1e-13, torch.float32: 1e-5}
SHAPES = {
    "one row": (1, 1, 40, 24),
    "one target": (30, 2, 37, 1),
    "one source": (30, 2, 1, 70),
    "narrow": (50, 3, 50, 63),
    "one block": (50, 3, 50, 64),
    "a little more": (50, 3, 50, 65),
    "wide": (20, 2, 90, 200),
    "one segment": (9, 4, 1024, 30),
    "more than a segment": (9, 4, 1025, 70),
    "three segments": (7, 3, 2500, 130),
}


@pytest.fixture(autouse=True)
def always_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST", 1)


@pytest.fixture
def products(kernel_cache: KernelCache) -> Products:
    return Runtime(kernel_cache).products


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    monkeypatch.setattr("ship_engine.fused.threads.WORTH_IT", 1)
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def some(
    shape: tuple[int, ...],
    dtype: torch.dtype,
    share: float = 0.08,
    units: bool = True,
    seed: int = 0,
) -> Tensor:
    """Random spikes, or other numbers, of which this share is not zero."""
    generator = torch.Generator().manual_seed(seed)
    there = torch.rand(shape, generator=generator) < share
    values = torch.ones(shape) if units else torch.randn(shape, generator=generator)
    return (there * values).to(dtype)


def matrix(rows: int, columns: int, dtype: torch.dtype) -> Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(1)).to(dtype)


def close(found: Tensor, expected: Tensor) -> None:
    tolerance = TOLERANCE[found.dtype]
    scale = float(expected.abs().max()) if expected.numel() else 0.0
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance * max(scale, 1e-30))


class TestProduct:
    @TYPES
    @pytest.mark.parametrize("units", [True, False], ids=["spikes", "numbers"])
    @pytest.mark.parametrize("name", SHAPES)
    def test_as_dense(self, name: str, units: bool, dtype: torch.dtype, products: Products) -> None:
        steps, batch, sources, targets = SHAPES[name]
        spikes = some((steps, batch, sources), dtype, units=units)
        weight = matrix(sources, targets, dtype)
        close(self.multiplied(products, spikes, weight), spikes @ weight)

    def multiplied(self, products: Products, spikes: Tensor, weight: Tensor) -> Tensor:
        found = products.active(spikes)
        assert found is not None
        product = products.multiply(found, weight)
        close(spike_product(products, spikes, weight).view(product.shape), product)
        return product.view(*spikes.shape[:2], -1)

    @TYPES
    def test_on_two_threads(
        self, dtype: torch.dtype, products: Products, two_threads: None
    ) -> None:
        for name, (steps, batch, sources, targets) in SHAPES.items():
            spikes = some((steps, batch, sources), dtype, units=False, seed=len(name))
            weight = matrix(sources, targets, dtype)
            close(self.multiplied(products, spikes, weight), spikes @ weight)
            given = matrix(steps * batch, targets, dtype).view(steps, batch, targets)
            self.outer(products, spikes, given)

    def outer(self, products: Products, spikes: Tensor, given: Tensor) -> None:
        found = summed_outer_products(products, spikes, given)
        close(found, torch.einsum("tbs,tbn->sn", spikes, given))

    @TYPES
    @pytest.mark.parametrize("name", SHAPES)
    def test_outer_products(self, name: str, dtype: torch.dtype, products: Products) -> None:
        steps, batch, sources, targets = SHAPES[name]
        spikes = some((steps, batch, sources), dtype, units=False)
        given = matrix(steps * batch, targets, dtype).view(steps, batch, targets)
        assert products.active(spikes) is not None
        self.outer(products, spikes, given)
        self.outer(products, spikes, given.transpose(0, 1).contiguous().transpose(0, 1))

    def test_strided_inputs(self, products: Products) -> None:
        """Other orders in memory, every second row, some of the columns, weights transposed."""
        whole = some((6, 40, 120), torch.float64)
        weight = matrix(33, 120, torch.float64).t()
        views = {
            "batch first": whole.transpose(0, 1),
            "every second": whole[1::2, ::3],
            "some columns": whole[:, :, 13:100],
            "columns first": some((120, 40, 6), torch.float64).permute(2, 1, 0),
            "backward rows": whole.flip(0)[2:],
            "expanded": whole[:1].expand(5, -1, -1),
            "one sample for all": whole[:, :1].expand(-1, 4, -1),
        }
        for name, spikes in views.items():
            some_rows = weight[: spikes.shape[2]]
            product = self.multiplied(products, spikes, some_rows)
            torch.testing.assert_close(product, spikes @ some_rows, msg=name)
            given = matrix(spikes.shape[0] * spikes.shape[1], 7, torch.float64)
            self.outer(products, spikes, given.view(*spikes.shape[:2], 7))

    @TYPES
    def test_of_zeros(self, dtype: torch.dtype, products: Products) -> None:
        spikes = torch.zeros(30, 2, 1100, dtype=dtype)
        product = self.multiplied(products, spikes, matrix(1100, 70, dtype))
        assert product.shape == (30, 2, 70)
        assert not product.any()
        found = summed_outer_products(products, spikes, torch.ones(30, 2, 5, dtype=dtype))
        assert found.shape == (1100, 5)
        assert not found.any()

    def test_rows_that_are_empty_or_full(self, products: Products) -> None:
        spikes = torch.zeros(20, 1, 1500, dtype=torch.float64)
        spikes[7] = 1.0
        spikes[12, 0, 1024:] = -2.0
        spikes[13, 0, :3] = 0.5
        spikes[19, 0, -1] = 3.0
        weight = matrix(1500, 66, torch.float64)
        close(self.multiplied(products, spikes, weight), spikes @ weight)
        self.outer(products, spikes, matrix(20, 3, torch.float64).view(20, 1, 3))

    def test_numbers_that_are_not_finite_come_through(self, products: Products) -> None:
        spikes = some((10, 1, 50), torch.float64)
        spikes[3, 0, 7], spikes[5, 0, 9] = torch.nan, torch.inf
        product = spike_product(products, spikes, matrix(50, 5, torch.float64))
        assert product[3].isnan().all()
        assert product[5].isinf().all()
        assert product[[0, 1, 2, 4]].isfinite().all()

    @pytest.mark.parametrize("share", [0.5 * SPARSE, 0.9 * SPARSE, 1.5 * SPARSE, 1.0])
    @TYPES
    def test_above_the_share(self, share: float, dtype: torch.dtype, products: Products) -> None:
        spikes, weight = some((200, 2, 50), dtype, share), matrix(50, 70, dtype)
        assert (products.active(spikes) is None) == (share > SPARSE)
        close(spike_product(products, spikes, weight), spikes @ weight)
        self.outer(products, spikes, matrix(400, 6, dtype).view(200, 2, 6))

    def test_above_the_share_in_the_part_of_one_thread(
        self, products: Products, two_threads: None
    ) -> None:
        spikes = torch.zeros(100, 1, 40, dtype=torch.float64)
        spikes[:45] = some((45, 1, 40), torch.float64, 0.9)
        assert products.active(spikes) is None
        assert products.active(spikes.flip(0)) is None
        weight = matrix(40, 5, torch.float64)
        close(spike_product(products, spikes.flip(0), weight), spikes.flip(0) @ weight)

    def test_few_numbers_are_multiplied_as_they_are(
        self, products: Products, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "LEAST", LEAST)
        assert products.active(torch.zeros(LEAST - 1, 1, 1)) is None
        assert products.active(torch.zeros(LEAST, 1, 1)) is not None

    def test_lists(self, products: Products) -> None:
        """Row after row, and column after column, in order."""
        spikes = some((30, 2, 70), torch.float64, units=False)
        flat = spikes.view(60, 70)
        found = products.active(spikes)
        assert found is not None
        turned = products.turned(found)
        assert (found.rows, found.columns, turned.rows, turned.columns) == (60, 70, 70, 60)
        for lists, rows in ((found, flat), (turned, flat.t())):
            for begin, end, row in zip(lists.begin, lists.end, rows, strict=True):
                place = row.nonzero().flatten()
                assert lists.place[begin:end].tolist() == place.tolist()
                assert lists.value[begin:end].tolist() == row[place].tolist()


class TestGradients:
    @pytest.mark.parametrize("threads", [1, 2])
    @pytest.mark.parametrize("share", [0.08, 0.6], ids=["sparse", "dense"])
    @TYPES
    def test_as_torch(
        self,
        share: float,
        threads: int,
        dtype: torch.dtype,
        products: Products,
        request: pytest.FixtureRequest,
    ) -> None:
        if threads == 2:
            request.getfixturevalue("two_threads")
        given = some((40, 3, 1100), dtype, share, units=False), matrix(1100, 67, dtype)
        factor = matrix(40 * 3, 67, dtype).view(40, 3, 67)
        gradients = []
        for product in (lambda a, b: a @ b, lambda a, b: spike_product(products, a, b)):
            spikes, weight = (tensor.clone().requires_grad_() for tensor in given)
            loss = (factor * product(spikes, weight)).sum()
            gradients.append(torch.autograd.grad(loss, (spikes, weight)))
        for expected, found in zip(*gradients, strict=True):
            close(found, expected)

    def test_of_one_of_them(self, products: Products) -> None:
        spikes, weight = some((40, 3, 50), torch.float64), matrix(50, 5, torch.float64)
        alone = weight.clone().requires_grad_()
        spike_product(products, spikes, alone).sum().backward()
        close(alone.grad, spikes.sum((0, 1))[:, None].expand(50, 5))
        given = spikes.clone().requires_grad_()
        spike_product(products, given, weight).sum().backward()
        close(given.grad, weight.sum(1).expand(40, 3, 50))
        assert not spike_product(products, spikes, weight).requires_grad

    def test_against_finite_differences(self, products: Products) -> None:
        spikes = some((6, 2, 9), torch.float64, 0.15, units=False).requires_grad_()
        weight = matrix(9, 4, torch.float64).requires_grad_()
        # Only what is not zero is looked at, so what is zero is left as it is.
        there = spikes.detach() != 0.0
        assert products.active(spikes) is not None
        assert torch.autograd.gradcheck(
            lambda s, w: spike_product(products, s * there, w), (spikes, weight)
        )


class TestBuffers:
    def test_small_ones_are_left_to_torch(self) -> None:
        buffers = Buffers()
        tensor = buffers.new((3, 5), torch.float32)
        assert (tuple(tensor.shape), tensor.dtype) == ((3, 5), torch.float32)

    @TYPES
    def test_shapes_and_types(self, dtype: torch.dtype) -> None:
        buffers = Buffers()
        for shape in ((SMALL,), (7, SMALL // 3 + 1), (2, 3, SMALL)):
            tensor = buffers.new(shape, dtype)
            assert (tuple(tensor.shape), tensor.dtype) == (shape, dtype)
            assert tensor.is_contiguous()
            assert buffers.like(tensor).shape == tensor.shape
            assert not buffers.zeros(shape, dtype).any()

    def test_memory_is_used_again(self) -> None:
        buffers = Buffers()
        tensor = buffers.new((SMALL,), torch.float64)
        address = tensor.data_ptr()
        del tensor
        assert buffers.new((SMALL // 8, 8), torch.float64).data_ptr() == address
        assert buffers.new((2 * SMALL - 5,), torch.float32).data_ptr() == address

    def test_zeros_are_cleared_when_memory_is_used_again(self) -> None:
        buffers = Buffers()
        address = buffers.new((SMALL,), torch.float64).fill_(7.0).data_ptr()
        cleared = buffers.zeros((SMALL,), torch.float64)
        assert cleared.data_ptr() == address
        assert not cleared.any()

    def test_not_while_a_tensor_is_alive(self) -> None:
        buffers = Buffers()
        first = buffers.new((SMALL,), torch.float64).fill_(1.0)
        second = buffers.new((SMALL,), torch.float64).fill_(2.0)
        assert first.data_ptr() != second.data_ptr()
        assert (first == 1.0).all()

    @pytest.mark.parametrize(
        "held",
        [
            lambda tensor: tensor[5:10],
            lambda tensor: tensor.view(-1, 8).t(),
            lambda tensor: tensor.detach(),
            lambda tensor: tensor.numpy()[::2],
            lambda tensor: tensor.expand(2, -1),
            lambda tensor: tensor.requires_grad_() * 2.0,
            lambda tensor: tensor.untyped_storage(),
        ],
        ids=["slice", "view", "detached", "array", "expanded", "graph", "storage"],
    )
    def test_not_while_a_part_of_it_is_alive(self, held: object) -> None:
        buffers = Buffers()
        tensor = buffers.new((SMALL,), torch.float64).fill_(3.0)
        address = tensor.data_ptr()
        part = held(tensor)  # type: ignore[operator]
        if isinstance(part, Tensor) and part.grad_fn is not None:
            part = part.grad_fn  # which keeps its leaf alive
        del tensor
        other = buffers.new((SMALL,), torch.float64).fill_(4.0)
        assert other.data_ptr() != address
        if isinstance(part, (Tensor, np.ndarray)):
            assert (part == 3.0).all()
        del part
        gc.collect()
        assert buffers.new((SMALL,), torch.float64).data_ptr() == address

    def test_tensors_that_outlive_the_buffers(self) -> None:
        buffers = Buffers()
        tensor = buffers.new((SMALL,), torch.float64).fill_(5.0)
        del buffers
        gc.collect()
        assert (tensor == 5.0).all()

    def test_results_of_products_are_not_overwritten(self, products: Products) -> None:
        weight = torch.ones(4, 200, dtype=torch.float64)
        kept = []
        for k in range(5):
            spikes = torch.zeros(400, 1, 4, dtype=torch.float64)
            spikes[k] = 1.0 + k
            kept.append(spike_product(products, spikes, weight))
        for k, product in enumerate(kept):
            assert product.sum() == 4.0 * 200 * (1.0 + k)
