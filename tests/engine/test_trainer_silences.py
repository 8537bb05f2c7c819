"""What a trainer once did in silence: counted padding, mixed trainings, ignored what was asked."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from training_examples import sequences, task, trainer

from ship_engine.errors import InvalidValueError, UnsupportedByExecutorError
from ship_engine.training.event_module import differentiable_executor
from ship_engine.training.modules import Activity, SpikingModule
from ship_engine.training.readouts import FirstSpike
from ship_engine.training.regularisers import FiringRate, Regulariser
from ship_engine.training.surrogates import SuperSpike


class Stumbling(Regulariser):
    """Breaks in one of the batches, by an error that has nothing to do with numbers."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, activity: Activity, module: SpikingModule) -> torch.Tensor:
        self.left -= 1
        if self.left < 0:
            raise ZeroDivisionError
        return torch.zeros(())


def test_rates_leave_out_what_is_padded() -> None:
    spikes = torch.ones(2, 10, 3)
    mask = torch.arange(10)[None, :] < torch.tensor([[10], [5]])
    spikes[1, 5:] = 0.0  # beyond its end
    module = trainer().module
    cost = FiringRate("H", upper=999.0, strength=1.0)
    assert float(cost(Activity({"H": spikes}, mask=mask), module)) == pytest.approx(1.0)
    assert float(cost(Activity({"H": spikes}), module)) == 0.0


def test_the_trainer_says_what_is_padded() -> None:
    given, classes = sequences()
    seen = []

    class Looking(Regulariser):
        def __call__(self, activity: Activity, module: SpikingModule) -> torch.Tensor:
            seen.append(activity.mask)
            return torch.zeros(())

    trainer(regularisers=[Looking()]).fit(given, classes, 1, len(given))
    assert sorted(seen[0].sum(1).tolist()) == sorted(map(len, given))


def test_any_error_leaves_the_last_whole_epoch() -> None:
    given, classes = task(12)
    whole = trainer()
    whole.fit(given, classes, 1, 4)
    broken = trainer(regularisers=[Stumbling(at=4)])  # in the second epoch
    with pytest.raises(ZeroDivisionError):
        broken.fit(given, classes, 3, 4)
    for name, value in whole.module.values().items():
        torch.testing.assert_close(broken.module.values()[name], value, rtol=0.0, atol=0.0)
        id = name.partition(".")[0]
        assert torch.equal(broken.module.network[id].w, value.detach())


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"seed": 2}, "with seed 1, not 2"),
        ({"optimizer": partial(torch.optim.SGD, lr=0.1)}, "Adam.*not.*SGD"),
        ({"schedule": partial(torch.optim.lr_scheduler.StepLR, step_size=1)}, "StepLR"),
    ],
)
def test_a_checkpoint_of_another_training(other: dict, message: str, tmp_path: Path) -> None:
    given, classes = task(12)
    path = tmp_path / "training.pt"
    trainer().fit(given, classes, 1, 4, checkpoint=path)
    with pytest.raises(InvalidValueError, match=message):
        trainer(**other).fit(given, classes, 2, 4, checkpoint=path, resume=True)


def test_sequences_are_scored_in_their_order() -> None:
    given, classes = sequences()
    one = trainer()
    alone = np.concatenate([one.predict([sample]) for sample in given])
    np.testing.assert_allclose(one.predict(given, batch_size=5), alone, rtol=1e-12)
    found = one.evaluate(given, classes, batch_size=5)
    np.testing.assert_allclose(found.scores, alone, rtol=1e-12)
    assert found.accuracy == pytest.approx((alone.argmax(1) == classes.numpy()).mean())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "fused", "device": "meta"}, "on the CPU, not on 'meta'"),
        ({"name": "eventprop", "device": "meta"}, "on the CPU, not on 'meta'"),
        ({"name": "eventprop", "dtype": torch.float32}, "computes in float64"),
        ({"name": "eventprop", "surrogate": SuperSpike()}, "needs no surrogate"),
    ],
)
def test_nothing_that_is_asked_for_is_ignored(options: dict, message: str) -> None:
    with pytest.raises(UnsupportedByExecutorError, match=message):
        differentiable_executor(**options)


def test_first_spikes_of_exact_times() -> None:
    times = torch.tensor([[[3.5, 8.0], [torch.inf, torch.inf]]])
    assert FirstSpike().of_times(times, torch.tensor([[10]])).tolist() == [[-3.5, -10.0]]
