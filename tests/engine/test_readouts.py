"""Readouts, compared with plain loops over samples, components and time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.training.readouts import (
    READOUTS,
    FirstSpike,
    Last,
    Mean,
    Peak,
    Readout,
    SpikeCount,
    WindowedCount,
    readout_of,
)

BATCH, STEPS, SIZE = 4, 12, 3
LENGTHS = [12, 7, 5, 1]

Rule = Callable[[list[float]], float]


def first_spike(course: list[float]) -> float:
    return -float(course.index(1.0) if 1.0 in course else len(course))


def most_in(steps: int) -> Rule:
    return lambda course: max(sum(course[k : k + steps]) for k in range(len(course)))


EXAMPLES: list[tuple[Readout, Rule]] = [
    (Peak(), max),
    (Mean(), lambda course: sum(course) / len(course)),
    (Last(), lambda course: course[-1]),
    (SpikeCount(), sum),
    (FirstSpike(), first_spike),
    (WindowedCount(1), max),
    (WindowedCount(5), most_in(5)),
    (WindowedCount(STEPS), sum),
]
EACH = pytest.mark.parametrize(("readout", "rule"), EXAMPLES, ids=[repr(e[0]) for e in EXAMPLES])
MASKED = pytest.mark.parametrize("masked", [False, True])


def course_for(readout: Readout, seed: int = 0) -> Tensor:
    """Spikes, or negative potentials, so that nothing that was left out could be the highest."""
    numbers = torch.rand(
        BATCH, STEPS, SIZE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    return (numbers < 0.25).double() if readout.of_spikes else numbers - 2.0


def mask() -> Tensor:
    return torch.arange(STEPS) < torch.tensor(LENGTHS)[:, None]


def looped(rule: Rule, course: Tensor, lengths: list[int]) -> Tensor:
    rows = [
        [rule(sample[:length, k].tolist()) for k in range(SIZE)]
        for sample, length in zip(course, lengths, strict=True)
    ]
    return torch.tensor(rows, dtype=torch.float64)


class TestEach:
    @MASKED
    @EACH
    def test_is_the_loop(self, readout: Readout, rule: Rule, masked: bool) -> None:
        lengths = LENGTHS if masked else [STEPS] * BATCH
        for seed in range(3):
            course = course_for(readout, seed)
            found = readout(course, mask() if masked else None)
            torch.testing.assert_close(found, looped(rule, course, lengths), rtol=1e-12, atol=1e-12)

    @EACH
    def test_a_mask_of_everything_changes_nothing(self, readout: Readout, rule: Rule) -> None:
        course = course_for(readout)
        everything = torch.ones(BATCH, STEPS, dtype=torch.bool)
        torch.testing.assert_close(readout(course, everything), readout(course))

    @MASKED
    @EACH
    def test_keeps_the_type_of_numbers(self, readout: Readout, rule: Rule, masked: bool) -> None:
        found = readout(course_for(readout).float(), mask() if masked else None)
        assert found.shape == (BATCH, SIZE)
        assert found.dtype == torch.float32

    @EACH
    def test_gradients_reach_nothing_behind_the_end(self, readout: Readout, rule: Rule) -> None:
        course = course_for(readout).requires_grad_()
        readout(course, mask()).sum().backward()
        assert course.grad is not None
        assert torch.isfinite(course.grad).all()
        assert course.grad.abs().sum() > 0
        assert course.grad[~mask()].count_nonzero() == 0

    @MASKED
    @EACH
    def test_gradients(self, readout: Readout, rule: Rule, masked: bool) -> None:
        """Of finite differences, at numbers of which none are equal, and none are at a bend."""
        numbers = torch.rand(
            BATCH, STEPS, SIZE, generator=torch.Generator().manual_seed(5), dtype=torch.float64
        )
        course = (0.1 + 0.8 * numbers).requires_grad_()
        given = mask() if masked else None
        assert torch.autograd.gradcheck(lambda x: readout(x, given), (course,))


class TestFirstSpike:
    def test_the_earliest_has_the_highest_score(self) -> None:
        course = torch.zeros(1, 6, 3)
        course[0, 1, 0] = course[0, 4, 1] = course[0, 5, 0] = 1.0
        assert FirstSpike()(course).tolist() == [[-1.0, -4.0, -6.0]]

    def test_a_spike_in_the_first_step(self) -> None:
        assert FirstSpike()(torch.ones(1, 3, 1)).tolist() == [[0.0]]

    def test_gradient_of_each_step(self) -> None:
        """A spike more at s takes away the silent steps from s until the first spike."""
        course = torch.tensor([0.0, 0.0, 1.0, 0.0, 1.0]).reshape(1, 5, 1).requires_grad_()
        FirstSpike()(course).sum().backward()
        assert course.grad is not None
        # Without the spike at 2 there would be silence at 2 and 3, until that at 4.
        assert course.grad.flatten().tolist() == [2.0, 1.0, 2.0, 0.0, 0.0]

    def test_several_spikes_in_one_step_are_one(self) -> None:
        course = torch.tensor([0.0, 3.0, 0.0, 2.0]).reshape(1, 4, 1)
        assert FirstSpike()(course).tolist() == [[-1.0]]


class TestWindowedCount:
    def test_windows_do_not_reach_beyond_the_course(self) -> None:
        course = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]).reshape(1, 8, 1)
        found = [float(WindowedCount(k)(course)) for k in range(1, 9)]
        assert found == [1.0, 2.0, 3.0, 3.0, 3.0, 3.0, 4.0, 5.0]

    def test_longer_than_a_masked_sequence_counts_all_of_it(self) -> None:
        course = torch.ones(1, 6, 1)
        assert float(WindowedCount(5)(course, torch.arange(6)[None] < 2)) == 2.0

    @pytest.mark.parametrize("steps", [0, -3, 2.0, True, "5", None])
    def test_refuses(self, steps: Any) -> None:
        with pytest.raises(InvalidValueError, match=r"A window of .* steps; give a whole number"):
            WindowedCount(steps)

    def test_refuses_a_course_that_is_shorter(self) -> None:
        with pytest.raises(InvalidValueError, match="A window of 7 steps over a course of 6"):
            WindowedCount(7)(torch.ones(1, 6, 1))


class TestChoice:
    @pytest.mark.parametrize("name", READOUTS)
    def test_by_name(self, name: str) -> None:
        assert readout_of(name) == READOUTS[name]()

    def test_by_itself(self) -> None:
        mine = Peak("w")
        assert readout_of(mine) is mine
        assert mine.state == "w"
        assert Peak().state is None

    def test_what_they_read(self) -> None:
        read = {name: kind.of_spikes for name, kind in READOUTS.items()}
        assert read == {
            "peak": False,
            "mean": False,
            "last": False,
            "spike_count": True,
            "first_spike": True,
        }
        assert WindowedCount.of_spikes

    @pytest.mark.parametrize("wrong", ["maximum", "", None, 3, Peak, max])
    def test_refuses(self, wrong: Any) -> None:
        with pytest.raises(InvalidValueError, match=r"readout = .*, such as Peak\(\), or a name"):
            readout_of(wrong)
