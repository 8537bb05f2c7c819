"""Weights onto each target sum to what they shall."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ship_engine.errors import InvalidValueError
from ship_engine.learning.normalisation import normalised, normalised_connections


def test_columns_sum_to_the_total_and_keep_their_direction():
    weights = np.array([[1.0, 0.2], [3.0, 0.6]])
    found = normalised(weights, 2.0)
    assert found == pytest.approx(np.array([[0.5, 0.5], [1.5, 1.5]]))
    assert weights.tolist() == [[1.0, 0.2], [3.0, 0.6]]


def test_each_target_may_have_its_own_total():
    assert normalised(np.ones((4, 2)), [2.0, 8.0]).sum(0) == pytest.approx([2.0, 8.0])


def test_what_is_not_connected_stays_so():
    found = normalised([[np.nan, 1.0], [2.0, 1.0]], 1.0)
    assert np.isnan(found[0, 0])
    assert found[1].tolist() == [1.0, 0.5]


def test_weights_of_zero_stay():
    assert normalised([[0.0, 1.0], [0.0, 1.0]], 4.0).tolist() == [[0, 2], [0, 2]]
    assert normalised_connections([0.0, 5.0], [0, 1], 2.0).tolist() == [0.0, 2.0]


@settings(max_examples=50, deadline=None)
@given(
    sources=st.integers(1, 6),
    targets=st.integers(1, 6),
    density=st.floats(0.0, 1.0),
    seed=st.integers(0, 1000),
)
def test_connections_agree_with_matrices(sources, targets, density, seed):
    random = np.random.default_rng(seed)
    matrix = random.random((sources, targets)) * 3.0
    matrix[random.random((sources, targets)) > density] = np.nan
    pairs = np.nonzero(~np.isnan(matrix))
    total = random.uniform(0.5, 5.0, targets)
    dense = normalised(matrix, total)
    sparse = normalised_connections(matrix[pairs], pairs[1], total, targets)
    assert sparse == pytest.approx(dense[pairs])
    connected = ~np.isnan(matrix).all(0)
    assert np.nansum(dense, 0)[connected] == pytest.approx(total[connected])
    assert normalised(dense, total) == pytest.approx(dense, nan_ok=True)


@pytest.mark.parametrize(
    ("weights", "total", "message"),
    [
        ([1.0, 2.0], 1.0, "normalised_connections"),
        ([[1.0, -0.1]], 1.0, "weight of -0.1"),
        ([[1.0, np.inf]], 1.0, "weight of inf"),
        ([[1.0, 1.0]], 0.0, "total of 0"),
        ([[1.0, 1.0]], np.nan, "total of nan"),
        ([[1.0, 1.0]], [1.0, 2.0, 3.0], "for 2 targets"),
    ],
)
def test_matrices_that_cannot_be_normalised_are_refused(weights, total, message):
    with pytest.raises(InvalidValueError, match=message):
        normalised(weights, total)


@pytest.mark.parametrize(
    ("weights", "targets", "options", "message"),
    [
        ([1.0, 2.0], [0], {}, "one of each"),
        ([[1.0]], [[0]], {}, "one of each"),
        ([1.0], [0.0], {}, "whole numbers"),
        ([1.0], [-1], {}, "whole numbers"),
        ([1.0], [3], {"size": 3}, "Target 3 of 3"),
        ([-1.0], [0], {}, "weight of -1"),
        ([np.nan], [0], {}, "NaN"),
    ],
)
def test_connections_that_cannot_be_normalised_are_refused(weights, targets, options, message):
    with pytest.raises(InvalidValueError, match=message):
        normalised_connections(weights, targets, 1.0, **options)


def test_no_connections_are_no_mistake():
    assert normalised_connections([], np.zeros(0, int), 1.0).tolist() == []
