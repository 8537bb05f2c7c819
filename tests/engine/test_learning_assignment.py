"""Classes assigned to neurons, and predictions from them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ship_engine.errors import InvalidValueError
from ship_engine.learning.assignment import (
    UNASSIGNED,
    assign_labels,
    class_responses,
    mean_responses,
    predict,
    predict_by_proportions,
    response_proportions,
)

COUNTS = [[4, 0, 1, 0], [2, 0, 3, 0], [0, 1, 3, 0]]
LABELS = [0, 0, 1]
ASSIGNED = [0, 1, 1, UNASSIGNED]


def test_means_are_those_of_each_class():
    assert mean_responses(COUNTS, LABELS).tolist() == [[3, 0, 2, 0], [0, 1, 3, 0]]
    assert mean_responses(COUNTS, LABELS, 4)[2:].tolist() == [[0] * 4] * 2


def test_neurons_belong_to_the_class_of_their_highest_mean_response():
    assert assign_labels(COUNTS, LABELS).tolist() == ASSIGNED


def test_frequent_classes_get_no_more_neurons_than_others():
    """Of spikes in all, class 0 has more; of spikes a sample, class 1."""
    counts = [[1]] * 9 + [[2]]
    assert assign_labels(counts, [0] * 9 + [1]).tolist() == [1]


def test_first_class_wins_a_tie():
    assert assign_labels([[2], [2]], [1, 2]).tolist() == [1]


def test_responses_of_a_class_are_means_of_its_neurons():
    """Neuron 3, which never spiked while classes were assigned, has no vote."""
    assert class_responses([[1, 4, 0, 9]], ASSIGNED).tolist() == [[1, 2]]
    assert class_responses([[1, 4, 0, 9]], ASSIGNED, 3).tolist() == [[1, 2, 0]]


def test_class_with_many_neurons_does_not_outvote_others():
    assert predict([[3, 2, 2]], [0, 1, 1]).tolist() == [0]


def test_silence_is_no_answer():
    counts = [[0, 0, 0, 0], [0, 0, 0, 5], [0, 1, 0, 0]]
    assert predict(counts, ASSIGNED).tolist() == [UNASSIGNED, UNASSIGNED, 1]
    assert predict(counts, [UNASSIGNED] * 4).tolist() == [UNASSIGNED] * 3


def test_proportions_do_not_depend_on_how_frequent_classes_are():
    found = response_proportions([[3, 0], [3, 0], [1, 0]], [0, 0, 1], 3)
    assert found.tolist() == [[0.75, 0.0], [0.25, 0.0], [0.0, 0.0]]


def test_each_spike_speaks_by_the_proportions_of_its_neuron():
    """Neuron 0 is assigned to class 0, but speaks for class 1 too, as neuron 1 does."""
    proportions = [[0.6, 0.0, 0.0], [0.4, 1.0, 0.0]]
    found = predict_by_proportions([[3, 0, 0], [3, 1, 0], [0, 0, 5]], proportions)
    assert found.tolist() == [0, 1, UNASSIGNED]


def test_proportions_of_other_neurons_are_refused():
    with pytest.raises(InvalidValueError, match="Proportions of 2 neurons"):
        predict_by_proportions([[1, 2, 3]], [[0.5, 0.5]])


@settings(max_examples=50, deadline=None)
@given(
    counts=arrays(np.int64, (12, 7), elements=st.integers(0, 9)),
    labels=arrays(np.int64, 12, elements=st.integers(0, 3)),
)
def test_assignments_and_predictions_agree_with_loops(counts, labels):
    assigned = assign_labels(counts, labels, 4)
    for neuron in range(7):
        means = [np.mean(counts[labels == c, neuron]) if c in labels else 0.0 for c in range(4)]
        assert assigned[neuron] == (np.argmax(means) if max(means) > 0 else UNASSIGNED)
    answers = predict(counts, assigned, 4)
    for sample in range(12):
        own = [counts[sample, assigned == c] for c in range(4)]
        means = [np.mean(values) if values.size else 0.0 for values in own]
        assert answers[sample] == (np.argmax(means) if max(means) > 0 else UNASSIGNED)


def test_neurons_with_a_class_of_their_own_answer_rightly():
    labels = np.arange(30) % 5
    counts = np.random.default_rng(1).poisson(0.5, (30, 40))
    counts[np.arange(40) % 5 == labels[:, None]] += 9
    assigned = assign_labels(counts, labels)
    assert (assigned == np.arange(40) % 5).all()
    assert (predict(counts, assigned) == labels).all()


@pytest.mark.parametrize(
    ("counts", "labels", "classes", "message"),
    [
        ([1, 2], [0, 1], None, "shape"),
        (np.zeros((0, 3)), [], None, "at least one of each"),
        ([[1], [-1]], [0, 1], None, "negative"),
        ([[1], [np.nan]], [0, 1], None, "not finite"),
        ([[1], [2]], [0, 1, 1], None, "for 2 samples"),
        ([[1], [2]], [0.0, 1.0], None, "whole number"),
        ([[1], [2]], [0, -1], None, "label"),
        ([[1], [2]], [0, 2], 2, "< classes = 2"),
    ],
)
def test_what_cannot_be_assigned_is_refused(counts, labels, classes, message):
    with pytest.raises(InvalidValueError, match=message):
        assign_labels(counts, labels, classes)


@pytest.mark.parametrize(
    ("assignment", "classes", "message"),
    [
        ([0], None, "for 2 neurons"),
        ([0, -2], None, "class of a neuron"),
        ([0, 3], 3, "< classes = 3"),
    ],
)
def test_assignments_that_do_not_fit_are_refused(assignment, classes, message):
    with pytest.raises(InvalidValueError, match=message):
        predict([[1, 2]], assignment, classes)
