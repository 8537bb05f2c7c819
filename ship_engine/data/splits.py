"""Which samples to train with and which to test with: by class, and by group.

All functions give indices and leave the data alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ship_engine.data.arrays import Integers, Seed, generator, is_tensor, number, whole_number
from ship_engine.errors import InvalidValueError


class Split(NamedTuple):
    """Indices of samples, each in increasing order; together they are all samples."""

    train: Integers
    test: Integers


def split(labels: Any, *, test: float | int, seed: Seed, groups: Any = None) -> Split:
    """Divide samples at random, with the classes in the same proportion on both sides.

    Parameters
    ----------
    labels : array or tensor [sample]
        Class of each sample, numbers or texts.
    test : float or int
        Test samples: a part of all between 0 and 1, or their number.
    seed : int or numpy.random.Generator
        Where the random numbers come from.
    groups : array or tensor [sample], optional
        Samples with the same group stay on the same side, such as those of one speaker, or exact
        duplicates (`duplicate_groups`).  The parts are then as near to `test` as whole groups
        taken one after the other allow.

    Returns
    -------
    Split
        ``train`` and ``test``, indices of samples.

    Raises
    ------
    InvalidValueError
        If one side would be empty, or the sizes do not fit.
    """
    classes = _codes(labels, "labels")
    random = generator(seed)
    wanted = _test_counts(np.bincount(classes), test)
    if groups is None:
        chosen = _drawn_by_class(classes, wanted, random)
    else:
        chosen = _drawn_by_group(classes, _codes(groups, "groups", classes.size), wanted, random)
    if chosen.all() or not chosen.any():
        side = "train" if chosen.all() else "test"
        raise InvalidValueError(
            f"no sample is left to {side} with: {classes.size} samples in "
            f"{len(np.unique(classes if groups is None else _codes(groups, 'groups')))} "
            f"{'classes' if groups is None else 'groups'}, test = {test}."
        )
    return Split(np.flatnonzero(~chosen), np.flatnonzero(chosen))


def limit_per_class(labels: Any, most: int, *, seed: Seed) -> Integers:
    """Indices of samples, drawn at random so that no class has more than `most`.

    Parameters
    ----------
    labels : array or tensor [sample]
        Class of each sample, numbers or texts.
    most : int
        Most samples of a class; smaller classes are taken whole.
    seed : int or numpy.random.Generator
        Where the random numbers come from.

    Returns
    -------
    array of int
        In increasing order.

    Raises
    ------
    InvalidValueError
        If `most` is not a whole number of at least 1, or there are no labels.
    """
    classes = _codes(labels, "labels")
    wanted = np.minimum(np.bincount(classes), whole_number(most, "most"))
    return np.flatnonzero(_drawn_by_class(classes, wanted, generator(seed)))


def duplicate_groups(samples: Sequence[Any]) -> Integers:
    """A number for each sample, the same for exact duplicates, as groups for `split`.

    Parameters
    ----------
    samples : sequence of array or tensor
        Samples are duplicates if their shapes and all their values are equal.

    Returns
    -------
    array of int [sample]
        Groups in the order in which they first occur.
    """
    seen: dict[tuple[Any, ...], int] = {}
    groups = []
    for sample in samples:
        array = np.ascontiguousarray(sample.detach().cpu() if is_tensor(sample) else sample)
        key = array.shape, array.dtype.str, array.tobytes()
        groups.append(seen.setdefault(key, len(seen)))
    return np.array(groups, np.int64)


def _codes(labels: Any, what: str, count: int | None = None) -> Integers:
    """Labels of any kind as whole numbers from 0."""
    array = np.asarray(labels.detach().cpu() if is_tensor(labels) else labels)
    if array.ndim != 1 or not array.size:
        raise InvalidValueError(
            f"{what} must be one for each sample, [sample], and not empty; got the shape "
            f"{array.shape}."
        )
    if count is not None and array.size != count:
        raise InvalidValueError(f"there are {count} labels, but {array.size} {what}.")
    return np.asarray(np.unique(array, return_inverse=True)[1], np.int64)


def _test_counts(sizes: Integers, test: float | int) -> Integers:
    """How many of each class to test with: in proportion, the largest remainders rounded up."""
    total = int(sizes.sum())
    if isinstance(test, (int, np.integer)) and not isinstance(test, bool):
        count = whole_number(test, "test")
    else:
        part = number(test, "test", above=0.0)
        if part >= 1.0:
            raise InvalidValueError(
                f"test = {part:g} must be a part of all samples below 1, or their number as a "
                "whole number."
            )
        count = round(part * total)
    if count > total:
        raise InvalidValueError(f"test = {count} is more than the {total} samples.")
    shares = sizes * (count / total)
    wanted = np.floor(shares + 1e-9).astype(np.int64)
    remainders = np.argsort(wanted - shares, kind="stable")
    wanted[remainders[: count - int(wanted.sum())]] += 1
    return wanted


def _drawn_by_class(
    classes: Integers, wanted: Integers, random: np.random.Generator
) -> NDArray[np.bool_]:
    chosen = np.zeros(classes.size, np.bool_)
    for label, count in enumerate(wanted):
        members = np.flatnonzero(classes == label)
        chosen[random.choice(members, count, replace=False)] = True
    return chosen


def _drawn_by_group(
    classes: Integers, groups: Integers, wanted: Integers, random: np.random.Generator
) -> NDArray[np.bool_]:
    """Groups in random order are taken where that brings the classes nearer to what is wanted."""
    content = np.zeros((int(groups.max()) + 1, wanted.size), np.int64)
    np.add.at(content, (groups, classes), 1)
    missing = wanted.copy()
    taken = np.zeros(len(content), np.bool_)
    for group in random.permutation(len(content)):
        after = missing - content[group]
        if (after**2).sum() < (missing**2).sum():
            missing, taken[group] = after, True
    return np.asarray(taken[groups])
