"""Transforms: values are found again, bounds hold, and gradients pass."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.models.base import Parameter
from ship_engine.training.transforms import (
    Above,
    Below,
    Between,
    Clipped,
    Transform,
    Unbounded,
    allowed_by,
)

EXAMPLES = settings(max_examples=40, deadline=None, derandomize=True)
INFINITE = float("inf")
BOUNDED = [
    (Above(), 0.0, INFINITE),
    (Above(-70.0, 5.0), -70.0, INFINITE),
    (Above(0.5, 1e-3), 0.5, INFINITE),
    (Below(), -INFINITE, 0.0),
    (Below(3.0, 0.25), -INFINITE, 3.0),
    (Between(0.0, 1.0), 0.0, 1.0),
    (Between(-80.0, -40.0), -80.0, -40.0),
    (Clipped(lower=0.125), 0.125, INFINITE),
    (Clipped(upper=-2.0), -INFINITE, -2.0),
    (Clipped(-0.5, 0.5), -0.5, 0.5),
]
EACH = pytest.mark.parametrize(
    ("transform", "lower", "upper"), BOUNDED, ids=[repr(one[0]) for one in BOUNDED]
)
SMOOTH = pytest.mark.parametrize(
    ("transform", "lower", "upper"),
    [one for one in BOUNDED if not isinstance(one[0], Clipped)],
    ids=lambda one: repr(one) if isinstance(one, Transform) else "",
)
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def scale_of(transform: Transform, lower: float, upper: float) -> float:
    return float(getattr(transform, "scale", min(upper - lower, 1.0)))


def inside(transform: Transform, lower: float, upper: float, share: float) -> float:
    """A value inside the bounds; a share of 0 is next to the lower one, or far from the upper."""
    if lower > -INFINITE and upper < INFINITE:
        return lower + share * (upper - lower)
    away = 20.0 * share * scale_of(transform, lower, upper)
    return lower + away if lower > -INFINITE else upper - away


def number(value: float, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor([value], dtype=dtype)


def slope(transform: Transform, free: Tensor) -> float:
    free = free.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(transform.forward(free).sum(), free)
    return float(gradient)


class TestRoundTrip:
    @EACH
    @EXAMPLES
    @given(share=st.floats(0.001, 0.999))
    def test_of_values(
        self, transform: Transform, lower: float, upper: float, share: float
    ) -> None:
        value = inside(transform, lower, upper, share)
        found = transform.forward(transform.inverse(number(value)))
        assert float(found) == pytest.approx(value, rel=1e-9)

    @EACH
    @EXAMPLES
    @given(free=st.floats(-10.0, 10.0))
    def test_of_free_numbers(
        self, transform: Transform, lower: float, upper: float, free: float
    ) -> None:
        start = number(free)
        if isinstance(transform, Clipped):
            start = start.clamp(lower, upper)
        again = transform.inverse(transform.forward(start))
        torch.testing.assert_close(again, start, rtol=1e-6, atol=1e-8)

    @EACH
    def test_in_single_precision(self, transform: Transform, lower: float, upper: float) -> None:
        value = number(inside(transform, lower, upper, 0.3), torch.float32)
        found = transform.forward(transform.inverse(value))
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, value, rtol=1e-5, atol=1e-6)

    def test_without_bounds(self) -> None:
        value = torch.tensor([-3.0, 0.0, 1e30])
        free = Unbounded().inverse(value)
        assert free.data_ptr() != value.data_ptr()
        assert Unbounded().forward(free) is free
        assert free.tolist() == value.tolist()

    @EACH
    def test_of_many_at_once(self, transform: Transform, lower: float, upper: float) -> None:
        shares = (0.1, 0.4, 0.5, 0.9)
        values = torch.tensor([inside(transform, lower, upper, k) for k in shares]).reshape(2, 2)
        found = transform.forward(transform.inverse(values))
        torch.testing.assert_close(found, values, rtol=1e-5, atol=1e-6)


class TestBounds:
    @EACH
    @DTYPES
    @EXAMPLES
    @given(free=st.floats(-1e6, 1e6, width=32))
    def test_hold_for_any_free_number(
        self, transform: Transform, lower: float, upper: float, dtype: torch.dtype, free: float
    ) -> None:
        value = float(transform.forward(number(free, dtype)))
        assert lower <= value <= upper

    @DTYPES
    @EXAMPLES
    @given(free=st.floats(-1e6, 0.0, width=32))
    def test_that_are_no_round_numbers_hold_to_the_last_digit(
        self, dtype: torch.dtype, free: float
    ) -> None:
        """A delay a little shorter than a time step would be refused."""
        found = Clipped(lower=0.1).forward(number(free, dtype))
        assert found.tolist() == number(0.1, dtype).tolist()

    @SMOOTH
    @DTYPES
    def test_values_on_or_beyond_are_taken_as_inside(
        self, transform: Transform, lower: float, upper: float, dtype: torch.dtype
    ) -> None:
        for bound, sign in ((lower, -1.0), (upper, 1.0)):
            if abs(bound) < INFINITE:
                for value in (bound, bound + sign * 0.1, bound + sign * 1e4):
                    free = transform.inverse(number(value, dtype))
                    assert torch.isfinite(free).all()
                    assert slope(transform, free) != 0.0
                    found = float(transform.forward(free))
                    near = 2e-6 * max(1.0, abs(bound)) * scale_of(transform, lower, upper)
                    assert found == pytest.approx(bound, abs=max(near, 1e-4 * (upper < lower)))

    def test_clipped_values_lie_on_them(self) -> None:
        transform = Clipped(-1.0, 2.0)
        assert transform.inverse(torch.tensor([-5.0, -1.0, 0.5, 9.0])).tolist() == [-1, -1, 0.5, 2]
        assert transform.forward(torch.tensor([-5.0, -1.0, 0.5, 9.0])).tolist() == [-1, -1, 0.5, 2]


class TestGradients:
    @SMOOTH
    @EXAMPLES
    @given(free=st.floats(-15.0, 15.0))
    def test_never_vanish_inside(
        self, transform: Transform, lower: float, upper: float, free: float
    ) -> None:
        assert slope(transform, number(free)) > 0.0

    @SMOOTH
    def test_are_those_of_finite_differences(
        self, transform: Transform, lower: float, upper: float
    ) -> None:
        scale = scale_of(transform, lower, upper)
        free = scale * torch.linspace(-5.0, 5.0, 11, dtype=torch.float64)
        assert torch.autograd.gradcheck(transform.forward, free.requires_grad_(), eps=1e-5 * scale)

    def test_pass_straight_through_clipped(self) -> None:
        free = torch.tensor([-9.0, -1.0, 0.0, 2.0, 7.0], requires_grad=True)
        weight = torch.arange(1.0, 6.0)
        (weight * Clipped(-1.0, 2.0).forward(free)).sum().backward()
        assert free.grad is not None
        assert free.grad.tolist() == weight.tolist()

    def test_of_a_far_value_is_the_scale(self) -> None:
        assert slope(Above(0.0, 0.5), number(30.0)) == pytest.approx(0.5)
        assert slope(Below(0.0, 0.5), number(-30.0)) == pytest.approx(0.5)

    @pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
    def test_one_rate_serves_values_of_any_size(self, size: float) -> None:
        """The relative change by an update does not depend on the unit."""
        for transform in (Above(0.0, size), Below(0.0, size)):
            value = number(size if isinstance(transform, Above) else -size)
            moved = transform.forward(transform.inverse(value) + 0.1)
            expected = Above(0.0, 1.0).forward(Above(0.0, 1.0).inverse(number(1.0)) + 0.1)
            if isinstance(transform, Below):
                expected = Above(0.0, 1.0).forward(Above(0.0, 1.0).inverse(number(1.0)) - 0.1)
            change = float((moved - value).abs() / size)
            assert change == pytest.approx(abs(float(expected) - 1.0), rel=1e-9)


class TestAllowedBy:
    @pytest.mark.parametrize(
        ("limits", "typical", "expected"),
        [
            ({}, 3.0, Unbounded()),
            ({"minimum": 0.0, "exclusive": True}, 20.0, Above(0.0, 20.0)),
            ({"minimum": 5.0}, 2.0, Above(5.0, 3.0)),
            ({"minimum": 0.0}, 0.0, Above(0.0, 1e-6)),
            ({"maximum": 1.0}, -3.0, Below(1.0, 4.0)),
            ({"maximum": 1.0}, 1.0, Below(1.0, 1e-6)),
            ({"minimum": 0.0, "maximum": 1.0}, 0.5, Between(0.0, 1.0)),
        ],
    )
    def test_a_parameter(self, limits: dict[str, Any], typical: float, expected: Transform) -> None:
        assert allowed_by(Parameter("p", 1.0, "mV", **limits), typical) == expected


class TestErrors:
    @pytest.mark.parametrize("kind", [Above, Below])
    @pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), INFINITE])
    def test_scale(self, kind: type[Above] | type[Below], scale: float) -> None:
        with pytest.raises(InvalidValueError, match=rf"{kind.__name__} with scale = .*must be > 0"):
            kind(0.0, scale)

    @pytest.mark.parametrize("kind", [Between, Clipped])
    @pytest.mark.parametrize(("lower", "upper"), [(1.0, 0.0), (1.0, 1.0), (float("nan"), 1.0)])
    def test_order(self, kind: type[Between] | type[Clipped], lower: float, upper: float) -> None:
        with pytest.raises(InvalidValueError, match="the lower bound comes first and is smaller"):
            kind(lower, upper)
