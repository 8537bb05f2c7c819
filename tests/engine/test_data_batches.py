"""Batches, splits and balanced classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ship_engine.data import (
    Batches,
    duplicate_groups,
    limit_per_class,
    pad_sequences,
    split,
)
from ship_engine.errors import InvalidValueError

ORDERS = ["shuffled", "by_length", "given"]


def ragged(lengths, components=2):
    return [np.full((length, components), length + 1.0) for length in lengths]


class TestPadding:
    """Sequences of different length as one tensor."""

    @settings(deadline=None)
    @given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.integers(0, 3))
    def test_values_mask_and_lengths(self, lengths, more):
        sequences = ragged(lengths)
        steps = max(max(lengths) + more, 1)
        values, mask, found = pad_sequences(sequences, steps=steps)
        assert tuple(values.shape) == (len(lengths), steps, 2)
        assert values.dtype == torch.float32
        assert found.tolist() == lengths == mask.sum(1).tolist()
        for row, own, sequence in zip(values, mask, sequences, strict=True):
            assert torch.equal(row[own], torch.as_tensor(sequence, dtype=torch.float32))
            assert not row[~own].any()

    def test_the_longest_gives_the_number_of_steps(self):
        assert tuple(pad_sequences(ragged([3, 5]), dtype=torch.float64).values.shape) == (2, 5, 2)


class TestEpochs:
    """Each epoch is a permutation."""

    @settings(deadline=None)
    @given(
        st.integers(1, 40),
        st.integers(1, 12),
        st.sampled_from(ORDERS),
        st.integers(0, 5),
    )
    def test_each_sample_comes_once(self, count, size, order, seed):
        lengths = np.random.default_rng(seed).integers(1, 9, count)
        batches = Batches(ragged(lengths), lengths, batch_size=size, order=order, seed=seed)
        for _ in range(2):
            drawn = list(batches)
            assert len(drawn) == len(batches) == -(-count // size)
            indices = np.concatenate([batch.indices for batch in drawn])
            assert sorted(indices) == list(range(count))
            for batch in drawn:
                assert len(batch.inputs) <= size
                assert torch.equal(batch.lengths, batch.targets)
                assert batch.targets.tolist() == lengths[batch.indices].tolist()

    def test_epochs_differ_and_seeds_repeat_them(self):
        data = torch.arange(100.0)[:, None]
        first, second = (Batches(data, batch_size=10, seed=7) for _ in range(2))
        epochs = [[batch.indices.tolist() for batch in first] for _ in range(3)]
        assert epochs == [[batch.indices.tolist() for batch in second] for _ in range(3)]
        assert epochs[0] != epochs[1] != epochs[2]

    def test_as_given(self):
        batches = Batches(np.arange(5.0)[:, None], batch_size=2, order="given")
        assert [batch.inputs[:, 0].tolist() for batch in batches] == [[0, 1], [2, 3], [4]]

    def test_drop_last(self):
        batches = Batches(np.arange(5.0), batch_size=2, order="given", drop_last=True)
        assert [batch.inputs.tolist() for batch in batches] == [[0, 1], [2, 3]]
        assert len(batches) == 2

    def test_by_length_pads_less(self):
        lengths = np.random.default_rng(0).integers(1, 100, 64)
        padding = {}
        for order in ("shuffled", "by_length"):
            batches = Batches(ragged(lengths), batch_size=8, order=order, seed=1)
            padding[order] = sum(int((~batch.mask).sum()) for batch in batches)
        assert padding["by_length"] < 0.2 * padding["shuffled"]

    @settings(deadline=None)
    @given(st.integers(0, 9), st.sampled_from(ORDERS))
    def test_resume(self, drawn, order):
        def made():
            return Batches(ragged(range(1, 10)), batch_size=2, order=order, seed=3)

        whole = made()
        expected = [batch.indices.tolist() for _ in range(2) for batch in whole]
        interrupted = made()
        before = []
        while len(before) < drawn:
            for batch in interrupted:
                before.append(batch.indices.tolist())
                if len(before) == drawn:
                    break
        resumed = made()
        resumed.resume(interrupted.state())
        after = []
        while len(before) + len(after) < len(expected):
            after += [batch.indices.tolist() for batch in resumed]
        assert before + after == expected

    def test_a_loop_that_is_left_does_not_count(self):
        batches = Batches(np.arange(10.0), batch_size=3, seed=0)
        peeked = next(iter(batches))
        assert batches.state() == {"epoch": 0, "batch": 1}
        assert next(iter(batches)).indices.tolist() == peeked.indices.tolist()
        assert len(list(batches)) == 4
        assert batches.epoch == 1


class TestContents:
    """What a batch holds."""

    def test_tensors(self):
        inputs, targets = torch.randn(6, 4, 3, dtype=torch.float64), torch.arange(6)
        batch = next(iter(Batches(inputs, targets, batch_size=6, order="given")))
        assert torch.equal(batch.inputs, inputs.float())
        assert torch.equal(batch.targets, targets)
        assert batch.mask is batch.lengths is None

    @pytest.mark.parametrize(
        ("targets", "expected"),
        [
            (np.array([1, 2], np.uint8), torch.int64),
            ([1, 2], torch.int64),
            ([0.5, 2.0], torch.float32),
            (np.array([True, False]), torch.bool),
            (torch.tensor([1, 2], dtype=torch.int16), torch.int16),
        ],
    )
    def test_types_of_targets(self, targets, expected):
        batch = next(iter(Batches(np.zeros((2, 1)), targets, batch_size=2, order="given")))
        assert batch.targets.dtype == expected
        assert batch.targets.tolist() == list(targets)

    def test_type_and_spikes(self):
        spikes = np.ones((2, 3, 1), bool)
        batch = next(iter(Batches(spikes, batch_size=2, order="given", dtype=torch.float64)))
        assert batch.inputs.dtype == torch.float64
        assert batch.targets is None

    def test_lists_stay_lists_without_padding(self):
        batch = next(iter(Batches(ragged([2, 5]), batch_size=2, order="given", pad=False)))
        assert [tuple(each.shape) for each in batch.inputs] == [(2, 2), (5, 2)]

    def test_steps(self):
        batch = next(iter(Batches(ragged([2, 5]), batch_size=2, order="given", steps=7)))
        assert tuple(batch.inputs.shape) == (2, 7, 2)
        assert batch.mask.sum(1).tolist() == [2, 5]

    def test_an_array_of_sequences(self):
        sequences = np.empty(2, object)
        sequences[:] = ragged([2, 5])
        batch = next(iter(Batches(sequences, batch_size=2, order="given")))
        assert batch.lengths.tolist() == [2, 5]

    def test_transform(self):
        batches = Batches(
            [1, 2, 3], batch_size=3, order="given", transform=lambda n: ragged([n])[0]
        )
        assert next(iter(batches)).lengths.tolist() == [1, 2, 3]

    def test_transform_to_something_else(self):
        batches = Batches(
            [1.0, 2.0], batch_size=2, order="given", transform=lambda n: torch.full((2, 2, 2), n)
        )
        assert tuple(next(iter(batches)).inputs.shape) == (2, 2, 2, 2)

    def test_progress(self, capsys):
        list(Batches(np.arange(4.0), batch_size=2, order="given", progress=True))
        assert "epoch 0: 100%" in capsys.readouterr().err


class TestSplit:
    """Training and test samples."""

    @settings(deadline=None)
    @given(st.lists(st.integers(0, 4), min_size=4, max_size=80), st.floats(0.2, 0.8))
    def test_is_a_partition_with_the_classes_in_proportion(self, labels, part):
        train, test = split(labels, test=part, seed=1)
        assert sorted([*train, *test]) == list(range(len(labels)))
        assert len(test) == round(part * len(labels))
        labels = np.array(labels)
        for label in np.unique(labels):
            share = (labels == label).sum() * len(test) / len(labels)
            assert abs((labels[test] == label).sum() - share) < 1.0 + 1e-9

    def test_a_number_of_test_samples(self):
        labels = np.repeat(np.arange(10), 60)
        train, test = split(labels, test=100, seed=0)
        assert np.bincount(labels[train]).tolist() == [50] * 10
        assert np.bincount(labels[test]).tolist() == [10] * 10

    def test_labels_of_any_kind(self):
        train, test = split(["N", "V", "N", "V"], test=0.5, seed=0)
        assert len(train) == len(test) == 2
        tensors = split(torch.tensor([0, 1, 0, 1]), test=0.5, seed=0)
        assert all(map(np.array_equal, tensors, (train, test)))

    def test_seeds(self):
        labels = np.zeros(100)
        first, again, other = (split(labels, test=0.3, seed=seed).test for seed in (1, 1, 2))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)

    @settings(deadline=None)
    @given(
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=12, max_size=60),
        st.integers(0, 9),
    )
    def test_groups_stay_together(self, samples, seed):
        labels, groups = np.array(samples).T
        if len(np.unique(groups)) < 4:
            return
        try:
            train, test = split(labels, test=0.4, seed=seed, groups=groups)
        except InvalidValueError:
            return  # no group is small enough
        assert not set(groups[train]) & set(groups[test])
        assert sorted([*train, *test]) == list(range(len(labels)))

    def test_groups_of_one_are_a_split_by_class(self):
        labels = np.repeat(np.arange(4), 25)
        test = split(labels, test=0.2, seed=0, groups=np.arange(100)).test
        assert np.bincount(labels[test]).tolist() == [5] * 4

    def test_speakers(self):
        labels, speakers = np.tile(np.arange(10), 60), np.repeat(np.arange(6), 100)
        train, test = split(labels, test=1 / 6, seed=0, groups=speakers)
        assert len(np.unique(speakers[test])) == 1
        assert np.bincount(labels[train]).tolist() == [50] * 10

    def test_duplicates_stay_together(self):
        random = np.random.default_rng(0)
        images = random.integers(0, 2, (40, 2, 2))
        groups = duplicate_groups(images)
        assert groups.max() < 16
        for i, image in enumerate(images):
            assert (groups == groups[i]).tolist() == (images == image).all((1, 2)).tolist()
        train, test = split(np.zeros(40), test=0.3, seed=0, groups=groups)
        assert not {images[i].tobytes() for i in train} & {images[i].tobytes() for i in test}

    def test_duplicates_have_equal_shapes(self):
        samples = [np.zeros((2, 3)), np.zeros((3, 2)), torch.zeros(2, 3, dtype=torch.float64)]
        assert duplicate_groups(samples).tolist() == [0, 1, 0]


class TestLimit:
    """At most so many of a class."""

    def test_counts(self):
        labels = np.repeat(["N", "V", "A"], [100, 30, 5])
        kept = limit_per_class(labels, 20, seed=0)
        assert (np.diff(kept) > 0).all()
        assert dict(zip(*np.unique(labels[kept], return_counts=True), strict=True)) == {
            "N": 20,
            "V": 20,
            "A": 5,
        }


LABELS = [0, 0, 1, 1]
DATA = np.zeros((4, 3, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pad_sequences([]), "at least one sequence"),
        (lambda: pad_sequences(ragged([3, 9]), steps=5), r"sequences\[1\] has 9 time steps"),
        (lambda: pad_sequences([np.zeros(3)]), r"sequences\[0\] must have the axes"),
        (lambda: pad_sequences([np.zeros((3, 1)), np.zeros((3, 2))]), "has 2 components"),
        (lambda: Batches([], batch_size=1, seed=0), "at least one sample"),
        (lambda: Batches(DATA, [1, 2], batch_size=1, seed=0), "4 inputs, but 2 targets"),
        (lambda: Batches(DATA, list("NNVV"), batch_size=1, seed=0), "numpy.unique"),
        (lambda: Batches(DATA, [[1], [2, 3], [4], [5]], batch_size=1, seed=0), "inhomogeneous"),
        (lambda: Batches(DATA, batch_size=0, seed=0), "batch_size must be at least 1"),
        (lambda: Batches(DATA, batch_size=2), "needs a seed"),
        (lambda: Batches(DATA, batch_size=2, seed=0, order="sorted"), "by_length, given"),
        (
            lambda: Batches(DATA, batch_size=2, seed=0, order="by_length", transform=len),
            "transform the inputs before",
        ),
        (lambda: Batches(DATA, batch_size=5, seed=0, drop_last=True), "less than one batch"),
        (
            lambda: list(Batches([np.zeros(2), np.zeros(3)], batch_size=2, order="given")),
            r"all have one shape; got the shapes \(2,\), \(3,\)",
        ),
        (
            lambda: Batches(DATA, batch_size=2, seed=0).resume({"epoch": 0, "batch": 2}),
            "an epoch has 2 batches; there is no 2",
        ),
        (lambda: Batches(DATA, batch_size=2, seed=0).resume({}), "epoch must be a whole number"),
        (lambda: split([], test=0.5, seed=0), "not empty"),
        (lambda: split([[0], [1]], test=0.5, seed=0), r"got the shape \(2, 1\)"),
        (lambda: split(LABELS, test=0.5, seed=0, groups=[1]), "4 labels, but 1 groups"),
        (lambda: split(LABELS, test=1.0, seed=0), "below 1, or their number"),
        (lambda: split(LABELS, test=0.0, seed=0), "test must be > 0"),
        (lambda: split(LABELS, test=5, seed=0), "more than the 4 samples"),
        (lambda: split(LABELS, test=4, seed=0), "no sample is left to train with"),
        (lambda: split(LABELS, test=0.1, seed=0), "no sample is left to test with: 4 samples in 2"),
        (lambda: limit_per_class(LABELS, 0, seed=0), "most must be at least 1"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidValueError, match=message):
        call()
