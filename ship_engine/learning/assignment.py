"""Classes for neurons that learnt without any, and what a network of them predicts.

Diehl & Cook (2015), Front. Comput. Neurosci. 9:99, section 2.5: when learning is over, each neuron
is assigned the class to which it responds most; a sample then belongs to the class whose neurons
respond most to it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ship_engine.errors import InvalidValueError

UNASSIGNED = -1
"""The class of neurons that never spiked, and of samples to which no assigned neuron responds."""


def mean_responses(
    counts: ArrayLike, labels: ArrayLike, classes: int | None = None
) -> NDArray[np.float64]:
    """How much each neuron responds to the samples of each class.

    Parameters
    ----------
    counts : array [sample, neuron]
        Numbers of spikes, or any other responses >= 0.
    labels : integer array [sample]
        The class of each sample, from 0 on.
    classes : int, optional
        How many there are; by default one more than the largest label.

    Returns
    -------
    float64 array [class, neuron]
        Means over samples, so that it does not matter which class has most; 0 for a class without
        samples.

    Raises
    ------
    InvalidValueError
        If responses are negative or not finite, or labels do not fit them.
    """
    responses = _responses(counts)
    known = _labels(labels, len(responses), classes)
    number = int(known.max()) + 1 if classes is None else classes
    total = np.zeros((number, responses.shape[1]))
    np.add.at(total, known, responses)
    return total / np.maximum(np.bincount(known, minlength=number), 1)[:, None]


def assign_labels(
    counts: ArrayLike, labels: ArrayLike, classes: int | None = None
) -> NDArray[np.int64]:
    """The class to which each neuron responds most.

    Parameters
    ----------
    counts : array [sample, neuron]
        Numbers of spikes, or any other responses >= 0.
    labels : integer array [sample]
        The class of each sample, from 0 on.
    classes : int, optional
        How many there are; by default one more than the largest label.

    Returns
    -------
    int64 array [neuron]
        That of the highest mean response, the first of several; `UNASSIGNED` for a neuron that
        responded to nothing.

    Raises
    ------
    InvalidValueError
        If responses are negative or not finite, or labels do not fit them.
    """
    means = mean_responses(counts, labels, classes)
    return np.where(means.max(0) > 0.0, means.argmax(0), UNASSIGNED)


def class_responses(
    counts: ArrayLike, assignment: ArrayLike, classes: int | None = None
) -> NDArray[np.float64]:
    """How much the neurons of each class respond to each sample.

    Parameters
    ----------
    counts : array [sample, neuron]
        Numbers of spikes, or any other responses >= 0.
    assignment : integer array [neuron]
        The class of each neuron, or `UNASSIGNED`.
    classes : int, optional
        How many there are; by default one more than the largest that is assigned.

    Returns
    -------
    float64 array [sample, class]
        Means over the neurons of the class, so that it does not matter which class has most; 0
        for a class without neurons.

    Raises
    ------
    InvalidValueError
        If responses are negative or not finite, or the assignment does not fit them.
    """
    responses = _responses(counts)
    assigned = _assignment(assignment, responses.shape[1], classes)
    number = max(int(assigned.max()) + 1, 1) if classes is None else classes
    members = assigned[:, None] == np.arange(number)
    return responses @ members / np.maximum(members.sum(0), 1)


def predict(
    counts: ArrayLike, assignment: ArrayLike, classes: int | None = None
) -> NDArray[np.int64]:
    """The class whose neurons respond most to each sample.

    Parameters
    ----------
    counts : array [sample, neuron]
        Numbers of spikes, or any other responses >= 0.
    assignment : integer array [neuron]
        The class of each neuron, or `UNASSIGNED`, as `assign_labels` gives them.
    classes : int, optional
        How many there are; by default one more than the largest that is assigned.

    Returns
    -------
    int64 array [sample]
        That of the highest mean response, the first of several; `UNASSIGNED` for a sample to which
        no assigned neuron responded, so that silence is never counted as an answer.

    Raises
    ------
    InvalidValueError
        If responses are negative or not finite, or the assignment does not fit them.
    """
    means = class_responses(counts, assignment, classes)
    return np.where(means.max(1) > 0.0, means.argmax(1), UNASSIGNED)


def response_proportions(
    counts: ArrayLike, labels: ArrayLike, classes: int | None = None
) -> NDArray[np.float64]:
    """Which share of a neuron's responses each class has, were all classes equally frequent.

    Parameters
    ----------
    counts : array [sample, neuron]
        Numbers of spikes, or any other responses >= 0.
    labels : integer array [sample]
        The class of each sample, from 0 on.
    classes : int, optional
        How many there are; by default one more than the largest label.

    Returns
    -------
    float64 array [class, neuron]
        They sum to 1 for each neuron, or to 0 for one that responded to nothing.

    Raises
    ------
    InvalidValueError
        If responses are negative or not finite, or labels do not fit them.
    """
    means = mean_responses(counts, labels, classes)
    sums = means.sum(0)
    return means / np.where(sums > 0.0, sums, 1.0)


def predict_by_proportions(counts: ArrayLike, proportions: ArrayLike) -> NDArray[np.int64]:
    """The class for which most spikes speak, each by the proportions of its neuron.

    A neuron that responds to two classes speaks for both, where `predict` has it speak for one.

    Hazan et al. (2018), Front. Neuroinform. 12:89.

    Parameters
    ----------
    counts : array [sample, neuron]
        Numbers of spikes, or any other responses >= 0.
    proportions : array [class, neuron]
        As `response_proportions` gives them.

    Returns
    -------
    int64 array [sample]
        The class with the highest sum, the first of several; `UNASSIGNED` for a sample to which no
        neuron responded that ever responded before.

    Raises
    ------
    InvalidValueError
        If responses are negative or not finite, or the proportions do not fit them.
    """
    responses, shares = _responses(counts), _responses(proportions)
    if shares.shape[1] != responses.shape[1]:
        raise InvalidValueError(
            f"Proportions of {shares.shape[1]} neurons for responses of {responses.shape[1]}; give "
            "those of the same neurons."
        )
    sums = responses @ shares.T
    return np.where(sums.max(1) > 0.0, sums.argmax(1), UNASSIGNED)


def _responses(counts: ArrayLike) -> NDArray[np.float64]:
    responses = np.asarray(counts, np.float64)
    if responses.ndim != 2 or 0 in responses.shape:
        raise InvalidValueError(
            f"Responses of shape {responses.shape}; give an array [sample, neuron] with at least "
            "one of each."
        )
    if not (np.isfinite(responses) & (responses >= 0.0)).all():
        raise InvalidValueError(
            "A response is negative or not finite; give numbers of spikes, or rates."
        )
    return responses


def _labels(labels: ArrayLike, samples: int, classes: int | None) -> NDArray[np.int64]:
    known = _whole_numbers("labels", labels, samples, "samples")
    _refuse_outside("label", known, 0, classes)
    return known


def _assignment(assignment: ArrayLike, neurons: int, classes: int | None) -> NDArray[np.int64]:
    assigned = _whole_numbers("classes", assignment, neurons, "neurons")
    _refuse_outside("class of a neuron", assigned, UNASSIGNED, classes)
    return assigned


def _whole_numbers(what: str, values: ArrayLike, count: int, of: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.shape != (count,) or not np.issubdtype(array.dtype, np.integer):
        raise InvalidValueError(
            f"{what} of shape {array.shape} and type {array.dtype} for {count} {of}; give a whole "
            "number for each."
        )
    return array.astype(np.int64)


def _refuse_outside(what: str, values: NDArray[np.int64], least: int, classes: int | None) -> None:
    limit = np.inf if classes is None else classes
    wrong = (values < least) | (values >= limit)
    if wrong.any():
        most = "" if classes is None else f" and < classes = {classes}"
        raise InvalidValueError(f"{values[wrong][0]} as the {what}; it has to be >= {least}{most}.")
