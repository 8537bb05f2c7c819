"""Surrogate derivatives: the forward pass is the hard step, the backward pass the formula."""

from __future__ import annotations

import pytest
import torch

from ship_engine.errors import InvalidValueError
from ship_engine.executors.torch_autograd import TorchExecutor
from ship_engine.training.surrogates import SuperSpike


class TestSuperSpike:
    distance = torch.tensor([-2.0, -1e-9, 0.0, 1e-9, 0.5], dtype=torch.float64)

    def test_forward_is_the_hard_step(self) -> None:
        assert SuperSpike()(self.distance).tolist() == [0.0, 0.0, 1.0, 1.0, 1.0]

    @pytest.mark.parametrize("slope", [1.0, 100.0])
    def test_derivative(self, slope: float) -> None:
        distance = self.distance.clone().requires_grad_()
        weight = torch.arange(1.0, 6.0, dtype=torch.float64)
        (weight * SuperSpike(slope)(distance)).sum().backward()
        expected = weight / (1.0 + slope * self.distance.abs()) ** 2
        torch.testing.assert_close(distance.grad, expected, rtol=1e-14, atol=0.0)

    def test_default_slope(self) -> None:
        assert TorchExecutor().surrogate == SuperSpike(100.0)

    @pytest.mark.parametrize("slope", [0.0, -1.0, float("nan"), float("inf")])
    def test_refuses(self, slope: float) -> None:
        with pytest.raises(InvalidValueError, match="it must be > 0"):
            SuperSpike(slope)
