"""Trainings that are interrupted, go wrong, or go on from a checkpoint."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from training_examples import HIDDEN, network, sequences, task, trainer

from ship_engine import LeakySynapse, Poisson
from ship_engine.errors import FileFormatError, InvalidValueError, NonFiniteLossError
from ship_engine.training import checkpoints
from ship_engine.training.checkpoints import read_checkpoint, write_checkpoint
from ship_engine.training.modules import Activity, SpikingModule
from ship_engine.training.platform_module import Argument, PlatformModule
from ship_engine.training.regularisers import Regulariser
from ship_engine.training.trainer import Trainer
from ship_engine.training.transforms import Clipped

BOTH = pytest.mark.parametrize("executor", ["fused", "torch"])
BATCHES = 3


class Breaking(Regulariser):
    """Costs nothing, until it does something else in one of the batches."""

    def __init__(self, at: int, act: Callable[[SpikingModule], Tensor]) -> None:
        self.left, self.act = at, act

    def __call__(self, activity: Activity, module: SpikingModule) -> Tensor:
        self.left -= 1
        return self.act(module) if self.left == -1 else torch.zeros(())


def interrupt(module: SpikingModule) -> Tensor:
    raise KeyboardInterrupt


def not_a_number(module: SpikingModule) -> Tensor:
    return torch.tensor(float("nan"))


def infinite(module: SpikingModule) -> Tensor:
    return torch.tensor(float("inf"))


def steep(module: SpikingModule) -> Tensor:
    """Zero, with a gradient that is infinite there."""
    return (module.values()["IH.w"] * 0.0).sum().abs().sqrt()


def with_noise(executor: str, **options: Any) -> Trainer:
    """Cells that random spikes reach besides."""
    net = network(executor, surrogate="superspike", seed=5)
    net.add(Poisson, "P", N=4, rate=50.0)
    ways = 0.1 * torch.rand(4, HIDDEN, generator=torch.Generator().manual_seed(6))
    net.add(LeakySynapse, "PH", source="P", target="H", w=ways, tau_alpha=5.0)
    net.init(dt=1.0)
    trainable = ["IH", Argument("PH", transform=Clipped(0.0, 1.0)), ("H", "tau_beta")]
    return Trainer(PlatformModule(net, trainable), "mean", learning_rate=0.02, **options)


def plain(executor: str, **options: Any) -> Trainer:
    return trainer(executor, ["IH", "HO", ("H", "tau_beta")], **options)


def scheduled(executor: str) -> Trainer:
    schedule = functools.partial(torch.optim.lr_scheduler.StepLR, step_size=2, gamma=0.3)
    return plain(executor, schedule=schedule)


def momentum(executor: str) -> Trainer:
    optimizer = functools.partial(torch.optim.SGD, lr=0.02, momentum=0.9)
    return plain(executor, optimizer=optimizer, clip_gradient=0.5)


def numbers(one: Trainer) -> dict[str, list[float]]:
    names = ("loss", "accuracy", "validation_loss", "validation_accuracy")
    return {name: one.history[name] for name in names}


def assert_same(one: Trainer, other: Trainer) -> None:
    """To the last bit."""
    assert numbers(one) == numbers(other)
    assert one.history.best == other.history.best
    mine, theirs = one.module.state_dict(), other.module.state_dict()
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        same = torch.equal(value, theirs[name]) if isinstance(value, Tensor) else None
        assert same if same is not None else value == theirs[name], name
    for name in one.module.values():
        id, argument = name.split(".")
        found = [each.module.network[id][argument] for each in (one, other)]
        assert torch.equal(*found), name


class TestResume:
    @BOTH
    @pytest.mark.parametrize("make", [plain, scheduled, momentum, with_noise])
    def test_gives_the_same_to_the_last_bit(
        self, make: Callable[[str], Trainer], executor: str, tmp_path: Path
    ) -> None:
        data, unseen, file = task(20), task(9, seed=1), tmp_path / "new" / "one.pt"
        options: dict[str, Any] = {"batch_size": 8, "validation": unseen}
        whole = make(executor)
        whole.fit(*data, epochs=5, **options)
        make(executor).fit(*data, epochs=2, checkpoint=file, **options)
        resumed = make(executor)
        resumed.fit(*data, epochs=5, checkpoint=file, resume=True, **options)
        assert_same(resumed, whole)
        assert np.std(whole.history["loss"]) > 0.0

    @pytest.mark.parametrize("keep", ["last", "best"])
    def test_keeps_what_was_best(self, keep: str, tmp_path: Path) -> None:
        file, options = tmp_path / "one.pt", {"batch_size": 8, "keep": keep}
        makes = [plain("fused", learning_rate=0.3) for _ in range(3)]
        makes[0].fit(*task(20), epochs=6, **options)
        makes[1].fit(*task(20), epochs=4, checkpoint=file, **options)
        makes[2].fit(*task(20), epochs=6, checkpoint=file, resume=True, **options)
        assert_same(makes[2], makes[0])

    def test_batches_by_length(self, tmp_path: Path) -> None:
        file, data = tmp_path / "one.pt", sequences(12)
        makes = [plain("fused") for _ in range(3)]
        makes[0].fit(*data, 3, 4, order="by_length")
        makes[1].fit(*data, 1, 4, order="by_length", checkpoint=file)
        makes[2].fit(*data, 3, 4, order="by_length", checkpoint=file, resume=True)
        assert_same(makes[2], makes[0])

    def test_after_an_interruption_within_an_epoch(self, tmp_path: Path) -> None:
        file, whole = tmp_path / "one.pt", plain("fused")
        whole.fit(*task(24), epochs=4, batch_size=8)
        broken = plain("fused", regularisers=[Breaking(2 * BATCHES + 1, interrupt)])
        with pytest.raises(KeyboardInterrupt):
            broken.fit(*task(24), epochs=4, batch_size=8, checkpoint=file)
        resumed = plain("fused")
        resumed.fit(*task(24), epochs=4, batch_size=8, checkpoint=file, resume=True)
        assert_same(resumed, whole)

    def test_what_is_done_already_is_not_done_again(self, tmp_path: Path) -> None:
        file, one, other = tmp_path / "one.pt", plain("fused"), plain("fused")
        one.fit(*task(12), epochs=2, checkpoint=file)
        other.fit(*task(12), epochs=2, checkpoint=file, resume=True)
        assert_same(other, one)

    def test_without_a_file_yet(self, tmp_path: Path) -> None:
        file, one, other = tmp_path / "one.pt", plain("fused"), plain("fused")
        one.fit(*task(12), epochs=1)
        other.fit(*task(12), epochs=1, checkpoint=file, resume=True)
        assert_same(other, one)
        assert [path.name for path in tmp_path.iterdir()] == ["one.pt"]


class TestInterruption:
    @BOTH
    @pytest.mark.parametrize("at", [0, 1, BATCHES, 2 * BATCHES + 1])
    def test_keeps_the_last_whole_epoch(self, executor: str, at: int, tmp_path: Path) -> None:
        file, whole = tmp_path / "one.pt", plain(executor)
        if at >= BATCHES:
            whole.fit(*task(24), epochs=at // BATCHES, batch_size=8)
        broken = plain(executor, regularisers=[Breaking(at, interrupt)])
        with pytest.raises(KeyboardInterrupt):
            broken.fit(*task(24), epochs=4, batch_size=8, checkpoint=file)
        assert len(broken.history) == at // BATCHES
        assert file.exists() == (at >= BATCHES)
        for name, value in whole.module.values().items():
            id, argument = name.split(".")
            assert torch.equal(broken.module.values()[name], value), name
            assert torch.equal(broken.module.network[id][argument], value), name

    def test_fit_goes_on_afterwards(self) -> None:
        whole = plain("fused")
        whole.fit(*task(24), epochs=4, batch_size=8)
        broken = plain("fused", regularisers=[Breaking(BATCHES + 2, interrupt)])
        with pytest.raises(KeyboardInterrupt):
            broken.fit(*task(24), epochs=4, batch_size=8)
        broken.fit(*task(24), epochs=4, batch_size=8)
        assert_same(broken, whole)


class TestNonFinite:
    @pytest.mark.parametrize(
        ("act", "words"),
        [
            (not_a_number, r"The loss became nan in batch 1 of epoch 2\. The values of the last"),
            (infinite, r"The loss became inf in batch 1 of epoch 2\. The values of the last"),
            (steep, r"The loss became \d.* in batch 1 of epoch 2\. Its gradient is not finite"),
        ],
    )
    def test_stops_and_keeps_good_values(
        self, act: Callable[[SpikingModule], Tensor], words: str
    ) -> None:
        whole = plain("fused")
        whole.fit(*task(24), epochs=2, batch_size=8)
        broken = plain("fused", regularisers=[Breaking(2 * BATCHES + 1, act)])
        with pytest.raises(NonFiniteLossError, match=words) as caught:
            broken.fit(*task(24), epochs=4, batch_size=8)
        assert (caught.value.epoch, caught.value.batch) == (2, 1)
        assert "learning rate" in str(caught.value)
        assert_same(broken, whole)

    def test_gradient_in_the_last_batch_of_an_epoch(self, tmp_path: Path) -> None:
        """Values would be NaN before any loss was."""
        file = tmp_path / "one.pt"
        broken = plain("fused", regularisers=[Breaking(BATCHES - 1, steep)])
        with pytest.raises(NonFiniteLossError, match="in batch 2 of epoch 0"):
            broken.fit(*task(24), epochs=4, batch_size=8, checkpoint=file)
        assert not file.exists()
        assert all(bool(value.isfinite().all()) for value in broken.module.values().values())

    def test_loss_of_ones_own(self) -> None:
        one = plain("torch", loss=lambda scores, targets: scores.sum() * float("nan"))
        with pytest.raises(NonFiniteLossError, match="in batch 0 of epoch 0"):
            one.fit(*task(12), epochs=1)


class TestCheckpointFiles:
    def test_content_comes_back(self, tmp_path: Path) -> None:
        content = {"module": {"a": torch.arange(3.0)}, "seed": 4, "history": {"epochs": []}}
        write_checkpoint(tmp_path / "deep" / "one.pt", content)
        found = read_checkpoint(str(tmp_path / "deep" / "one.pt"))
        assert found["module"]["a"].tolist() == [0.0, 1.0, 2.0]
        assert (found["seed"], found["history"]) == (4, {"epochs": []})

    def test_a_write_that_fails_leaves_the_old_one(self, tmp_path: Path, monkeypatch: Any) -> None:
        file = tmp_path / "one.pt"
        write_checkpoint(file, {"seed": 1})

        def full(*_: Any) -> None:
            raise OSError("No space left on device")

        monkeypatch.setattr(checkpoints.torch, "save", full)
        with pytest.raises(OSError, match="No space left"):
            write_checkpoint(file, {"seed": 2})
        assert [path.name for path in tmp_path.iterdir()] == ["one.pt"]
        assert read_checkpoint(file)["seed"] == 1

    @pytest.mark.parametrize("text", [b"", b"no checkpoint", b"PK\x03\x04 and so on"])
    def test_no_checkpoint(self, text: bytes, tmp_path: Path) -> None:
        file = tmp_path / "one.pt"
        file.write_bytes(text)
        with pytest.raises(FileFormatError, match=r"one\.pt' is no checkpoint of a training, or"):
            trainer().fit(*task(6), epochs=1, checkpoint=file, resume=True)

    @pytest.mark.parametrize("content", [{"format": "other"}, {"a": 1}, [1, 2]])
    def test_something_else_that_torch_wrote(self, content: Any, tmp_path: Path) -> None:
        torch.save(content, tmp_path / "one.pt")
        with pytest.raises(FileFormatError, match=r"is no checkpoint of a training\."):
            read_checkpoint(tmp_path / "one.pt")

    def test_another_version(self, tmp_path: Path) -> None:
        torch.save({"format": checkpoints.FORMAT, "version": 99}, tmp_path / "one.pt")
        with pytest.raises(FileFormatError, match="is a checkpoint of version 99; this is version"):
            read_checkpoint(tmp_path / "one.pt")

    def test_code_is_not_run(self, tmp_path: Path) -> None:
        content = {"format": checkpoints.FORMAT, "version": 1, "act": interrupt}
        torch.save(content, tmp_path / "one.pt")
        with pytest.raises(FileFormatError, match="or damaged"):
            read_checkpoint(tmp_path / "one.pt")

    @pytest.mark.parametrize(
        ("trainable", "words"),
        [
            (["IH"], r"nothing for 'free\.IH_w'"),
            (["HO", ("H", "u")], r"nothing for 'free\.H_u'"),
        ],
    )
    def test_of_another_training(self, trainable: list[Any], words: str, tmp_path: Path) -> None:
        file = tmp_path / "one.pt"
        trainer(trainable=["HO"]).fit(*task(6), epochs=1, checkpoint=file)
        other = trainer(trainable=trainable)
        with pytest.raises(InvalidValueError, match=f"of another training: it has {words}"):
            other.fit(*task(6), epochs=2, checkpoint=file, resume=True)

    def test_of_a_network_of_another_size(self, tmp_path: Path) -> None:
        file, one = tmp_path / "one.pt", trainer()
        one.fit(*task(6), epochs=1, checkpoint=file)
        content = read_checkpoint(file)
        content["module"]["free.IH_w"] = torch.zeros(2, 2)
        write_checkpoint(file, {k: v for k, v in content.items() if k not in ("format", "version")})
        words = r"it has \(2, 2\) numbers for 'free\.IH_w', which has \(1, 12, 10\) here"
        with pytest.raises(InvalidValueError, match=words):
            one.fit(*task(6), epochs=2, checkpoint=file, resume=True)

    def test_with_more_trained_than_here(self, tmp_path: Path) -> None:
        file = tmp_path / "one.pt"
        trainer().fit(*task(6), epochs=1, checkpoint=file)
        words = r"of another training: 'free\.HO_w' is not trained here"
        with pytest.raises(InvalidValueError, match=words):
            trainer(trainable=["IH"]).fit(*task(6), epochs=2, checkpoint=file, resume=True)
