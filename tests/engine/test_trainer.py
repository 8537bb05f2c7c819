"""The trainer, on networks of the platform: what it learns, and what it says about that."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_examples import CLASSES, network, sequences, spiking, task, trainer

from ship_engine import Input, LeakySynapse, Network
from ship_engine.errors import NotInstalledError
from ship_engine.training.losses import LOSSES
from ship_engine.training.platform_module import Argument, PlatformModule
from ship_engine.training.readouts import Last, Mean, Peak, Readout, WindowedCount
from ship_engine.training.regularisers import FiringRate, WeightDecay
from ship_engine.training.reporting import Reporter
from ship_engine.training.trainer import Trainer
from ship_engine.training.transforms import Above, Clipped, Unbounded

BOTH = pytest.mark.parametrize("executor", ["fused", "torch"])
EVERYTHING = ["IH", Argument("HO", transform=Clipped(-0.5, 0.5)), ("H", "tau_beta"), ("O", "u")]


class TestLearning:
    def test_a_task_on_both_executors(self) -> None:
        inputs, classes = task()
        unseen = task(30, seed=1)
        losses = {}
        for executor in ("fused", "torch"):
            one = trainer(executor, EVERYTHING)
            before = one.evaluate(*unseen)
            history = one.fit(inputs, classes, epochs=8, batch_size=12)
            after = one.evaluate(*unseen)
            assert before.accuracy is not None
            assert after.accuracy is not None
            assert before.accuracy < 0.6
            assert after.accuracy > 0.9
            assert history["accuracy"][-1] > 0.9
            assert after.loss < 0.3 * before.loss
            losses[executor] = history["loss"]
        np.testing.assert_allclose(losses["fused"], losses["torch"], rtol=1e-6)

    @BOTH
    def test_single_precision(self, executor: str) -> None:
        net = Network(executor=executor, surrogate="superspike")
        full = network()
        net.groups.update(full.groups)
        net.init(dt=1.0)
        one = Trainer(PlatformModule(net, ["IH", "HO"]), "mean", learning_rate=0.02)
        history = one.fit(*task(), epochs=6, batch_size=12)
        assert one.module.dtype == torch.float32
        assert history["accuracy"][-1] > 0.9

    @BOTH
    @pytest.mark.parametrize("readout", ["peak", "mean", "last", Mean("u"), Peak("u"), Last()])
    def test_readouts_of_the_potential(self, executor: str, readout: Any) -> None:
        history = trainer(executor, readout=readout).fit(*task(), epochs=3, batch_size=12)
        assert history["loss"][-1] < 0.8 * history["loss"][0]

    @BOTH
    @pytest.mark.parametrize("readout", ["spike_count", "first_spike", WindowedCount(8), "mean"])
    def test_readouts_of_neurons_that_spike(self, executor: str, readout: str | Readout) -> None:
        module = PlatformModule(spiking(executor), ["IH", "HS"], output="S")
        one = Trainer(module, readout, learning_rate=0.01, seed=1)
        history = one.fit(*task(24), epochs=8, batch_size=12)
        assert history["loss"][-1] < 0.9 * history["loss"][0]

    def test_numbers_as_targets(self) -> None:
        inputs, classes = task()
        wanted = torch.eye(CLASSES)[classes]
        history = trainer(loss="mse").fit(inputs, wanted.numpy(), epochs=4, batch_size=12)
        assert history["loss"][-1] < 0.6 * history["loss"][0]
        assert history["accuracy"] == []
        given = trainer(loss=torch.nn.MSELoss()).fit(inputs, wanted, epochs=4, batch_size=12)
        assert given["loss"] == history["loss"]

    def test_probabilities_as_targets(self) -> None:
        inputs, classes = task()
        history = trainer().fit(inputs, torch.eye(CLASSES)[classes], epochs=3, batch_size=12)
        by_class = trainer(loss=LOSSES["cross_entropy"]).fit(inputs, classes, 3, 12)
        assert history["loss"] == pytest.approx(by_class["loss"], rel=1e-9)

    def test_after_an_evaluation_gradients_flow_again(self) -> None:
        """With as many samples in a batch the network might be used as it was made ready."""
        one, inputs = trainer(), task(12)
        one.predict(inputs[0])
        once = one.fit(*inputs, epochs=3, batch_size=12, validation=inputs)
        assert once["loss"] == trainer().fit(*inputs, epochs=3, batch_size=12)["loss"]

    def test_two_modules_of_one_network(self) -> None:
        net = network(surrogate="superspike")
        one, other = (Trainer(PlatformModule(net, ["IH"])) for _ in range(2))
        inputs, _ = task(6)
        before = one.predict(inputs)
        with torch.no_grad():
            other.module.free["IH_w"].mul_(2.0)
        assert (other.predict(inputs) != before).any()
        np.testing.assert_array_equal(one.predict(inputs), before)


class TestNetworkAfterwards:
    def test_has_the_values(self, tmp_path: Path) -> None:
        one = trainer("torch", EVERYTHING)
        net, before = one.module.network, network()
        one.fit(*task(24), epochs=2, batch_size=8)
        for name, value in one.module.values().items():
            id, argument = name.split(".")
            found = net[id][argument]
            assert torch.equal(found, value), name
            assert (found != before[id][argument]).any(), name
        inputs, _ = task(5, seed=2)
        scores = one.predict(inputs)
        net.save(tmp_path / "network")
        loaded = Network.load(tmp_path / "network", executor="numba")
        np.testing.assert_allclose(loaded.run(inputs).mean(1), scores, rtol=1e-9, atol=1e-12)

    @BOTH
    def test_another_network_with_its_weights(self, executor: str) -> None:
        one = trainer(executor)
        one.fit(*task(24), epochs=2, batch_size=8)
        inputs, _ = task(5, seed=2)
        scores = one.predict(inputs)
        other = network("numba")
        for id in ("IH", "HO"):
            other.set_params(id, w=one.module.network[id].w)
        np.testing.assert_allclose(other.run(inputs).mean(1), scores, rtol=1e-9, atol=1e-12)

    def test_has_values_that_stay_where_the_next_training_begins(self) -> None:
        """`write_back` makes copies: the module does not change the network behind its back."""
        one = trainer()
        one.fit(*task(24), epochs=1, batch_size=8)
        kept = one.module.network["IH"].w
        with torch.no_grad():
            one.module.free["IH_w"].mul_(3.0)
        assert torch.equal(one.module.network["IH"].w, kept)
        one.module.write_back()
        assert torch.equal(one.module.network["IH"].w, 3.0 * kept)


class TestOptions:
    @pytest.mark.parametrize(("lower", "upper"), [(0.0, 20.0), (400.0, 500.0)])
    def test_firing_rates_go_where_they_cost_nothing(self, lower: float, upper: float) -> None:
        inputs, classes = task(24)

        def rate(one: Trainer) -> float:
            return 1000.0 * float(one.module(inputs).spikes["H"].detach().mean())

        one = trainer(spikes=["H"], regularisers=[FiringRate("H", lower, upper, strength=1e-2)])
        before = rate(one)
        assert not lower <= before <= upper
        one.fit(inputs, classes, epochs=8, batch_size=12)
        goal = upper if before > upper else lower
        assert abs(rate(one) - goal) < 0.6 * abs(before - goal)

    def test_firing_rate_is_the_formula(self) -> None:
        one = trainer(spikes=["H"])
        activity = one.module(task(7)[0])
        rates = 1000.0 * activity.spikes["H"].mean((0, 1))
        costs = [max(80.0 - r, 0.0, r - 120.0) ** 2 for r in rates.tolist()]
        found = FiringRate("H", 80.0, 120.0, strength=0.5)(activity, one.module)
        assert found.item() == pytest.approx(0.5 * np.mean(costs), rel=1e-9)
        assert FiringRate("H")(activity, one.module).item() == 0.0

    def test_weight_decay(self) -> None:
        one = trainer(trainable=["IH", ("H", "tau_beta")])
        values, activity = one.module.values(), one.module(task(2)[0])
        expected = {n: 0.1 * (v**2).sum().item() for n, v in values.items()}
        found = WeightDecay(0.1)(activity, one.module)
        assert found.item() == pytest.approx(sum(expected.values()), rel=1e-9)
        found = WeightDecay(0.1, ("IH.w",))(activity, one.module)
        assert found.item() == pytest.approx(expected["IH.w"], rel=1e-9)

    def test_weight_decay_makes_weights_smaller(self) -> None:
        norms = []
        for strength in (0.0, 0.1):
            one = trainer(regularisers=[WeightDecay(strength)])
            one.fit(*task(24), epochs=3, batch_size=12)
            norms.append(float(one.module.network["IH"].w.norm()))
        assert norms[1] < 0.8 * norms[0]

    def test_regularisers_are_part_of_the_loss_but_not_of_an_evaluation(self) -> None:
        options: dict[str, Any] = {"optimizer": functools.partial(torch.optim.SGD, lr=0.0)}
        plain = trainer(**options).fit(*task(24), 1, 24)["loss"][0]
        one = trainer(regularisers=[WeightDecay(0.5)], **options)
        more = sum(0.5 * (v**2).sum().item() for v in one.module.values().values())
        assert one.fit(*task(24), 1, 24)["loss"][0] == pytest.approx(plain + more, rel=1e-9)
        assert one.evaluate(*task(24)).loss == pytest.approx(plain, rel=1e-9)

    def test_schedule_goes_on_once_an_epoch(self) -> None:
        schedule = functools.partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.5)
        one = trainer(schedule=schedule, learning_rate=0.08)
        one.fit(*task(24), epochs=3, batch_size=12)
        assert one.optimizer.param_groups[0]["lr"] == pytest.approx(0.01)

    def test_clip_gradient_bounds_the_step(self) -> None:
        optimizer = functools.partial(torch.optim.SGD, lr=1.0)
        one = trainer(clip_gradient=1e-3, optimizer=optimizer)
        before = {n: v.detach().clone() for n, v in one.module.values().items()}
        one.fit(*task(24), epochs=1, batch_size=24)
        moved = torch.cat([(v - before[n]).flatten() for n, v in one.module.values().items()])
        assert float(moved.detach().norm()) == pytest.approx(1e-3, rel=1e-3)

    def test_the_seed_says_the_order(self) -> None:
        losses = [
            trainer(seed=seed).fit(*task(24), epochs=2, batch_size=8)["loss"] for seed in (1, 1, 2)
        ]
        assert losses[0] == losses[1] != losses[2]

    def test_epochs_include_those_of_earlier_calls(self) -> None:
        one = trainer()
        one.fit(*task(24), epochs=2, batch_size=8)
        history = one.fit(*task(24), epochs=5, batch_size=8)
        assert len(history) == 5
        assert history["loss"] == trainer().fit(*task(24), epochs=5, batch_size=8)["loss"]
        assert len(one.fit(*task(24), epochs=3, batch_size=8)) == 5


class TestValidation:
    def test_is_an_evaluation_after_each_epoch(self) -> None:
        unseen = task(15, seed=1)
        one, plain = trainer(), trainer()
        history = one.fit(*task(24), epochs=3, batch_size=8, validation=unseen)
        assert history["loss"] == plain.fit(*task(24), epochs=3, batch_size=8)["loss"]
        after = one.evaluate(*unseen)
        assert history["validation_loss"][-1] == pytest.approx(after.loss, rel=1e-12)
        assert history["validation_accuracy"][-1] == after.accuracy
        assert all(seconds > 0.0 for seconds in history["seconds"])

    def test_keep_best(self) -> None:
        """The learning rate is so high that later epochs are worse."""
        unseen, kept = task(15, seed=1), {}
        for keep in ("last", "best"):
            one = trainer(learning_rate=0.3, readout="peak")
            history = one.fit(*task(24), epochs=6, batch_size=8, validation=unseen, keep=keep)
            kept[keep] = one.evaluate(*unseen)
            assert torch.equal(one.module.network["HO"].w, one.module.values()["HO.w"])
        assert history.best < 5
        accuracies = history["validation_accuracy"]
        assert history.best == int(np.argmax(accuracies))
        assert kept["best"].loss == pytest.approx(history["validation_loss"][history.best])
        assert kept["last"].loss == pytest.approx(history["validation_loss"][-1])

    def test_the_lowest_loss_is_best_where_there_is_no_validation(self) -> None:
        history = trainer(learning_rate=0.3).fit(*task(24), epochs=5, batch_size=8)
        assert history.best == int(np.argmin(history["loss"]))

    def test_patience(self) -> None:
        optimizer = functools.partial(torch.optim.SGD, lr=0.0)
        history = trainer(optimizer=optimizer).fit(*task(24), 9, 8, task(6), patience=2)
        assert len(history) == 3
        assert history.best == 0
        learning = trainer().fit(*task(24), epochs=4, batch_size=8, patience=1)
        assert len(learning) == 4

    def test_evaluate_predict_and_confusion(self) -> None:
        one = trainer()
        one.fit(*task(24), epochs=1, batch_size=8)
        inputs, classes = task(20, seed=1)
        found = one.evaluate(inputs, classes, batch_size=7)
        scores = one.predict(inputs, batch_size=3)
        np.testing.assert_allclose(found.scores, scores, rtol=1e-12)
        taken = scores.argmax(1)
        assert found.accuracy == pytest.approx(float((taken == classes.numpy()).mean()))
        expected = np.zeros((CLASSES, CLASSES), int)
        for wanted, got in zip(classes, taken, strict=True):
            expected[wanted, got] += 1
        assert found.confusion is not None
        np.testing.assert_array_equal(found.confusion, expected)
        loss = torch.nn.functional.cross_entropy(torch.as_tensor(scores), classes)
        assert found.loss == pytest.approx(float(loss), rel=1e-9)
        assert repr(found).startswith(f"<Evaluation: loss {found.loss:.4g}, accuracy ")
        numbers = one.evaluate(inputs, torch.eye(CLASSES)[classes])
        assert numbers.accuracy is numbers.confusion is None
        assert repr(numbers) == f"<Evaluation: loss {numbers.loss:.4g}, 20 samples>"


class TestInputs:
    @BOTH
    @pytest.mark.parametrize("readout", ["peak", "mean", "last"])
    def test_sequences_of_different_length_give_the_same_alone(
        self, executor: str, readout: str
    ) -> None:
        one, (inputs, classes) = trainer(executor, readout=readout), sequences(8)
        together = one.predict(inputs, batch_size=8)
        alone = np.concatenate([one.predict([sequence]) for sequence in inputs])
        np.testing.assert_allclose(together, alone, rtol=1e-10)
        history = one.fit(inputs, classes, epochs=2, batch_size=4, order="by_length")
        assert np.isfinite(history["loss"]).all()

    @pytest.mark.parametrize("readout", ["spike_count", "first_spike", WindowedCount(4), "peak"])
    def test_sequences_read_out_by_spikes(self, readout: str | Readout) -> None:
        module = PlatformModule(spiking(), ["HS"], output="S")
        one, (inputs, _) = Trainer(module, readout), sequences(8)
        together = one.predict(inputs)
        alone = np.concatenate([one.predict(sequence[None]) for sequence in inputs])
        np.testing.assert_allclose(together, alone, rtol=1e-10)

    @BOTH
    def test_several_groups(self, executor: str) -> None:
        net = network(executor, surrogate="superspike")
        net.add(Input, "J", N=2)
        net.add(LeakySynapse, "JH", source="J", target="H", w=0.2, tau_alpha=5.0)
        net.init(dt=1.0)
        one = Trainer(PlatformModule(net, ["IH", "JH"]), "mean")
        inputs, classes = task(8)
        more = torch.ones(8, inputs.shape[1], 2)
        assert one.module.input_sizes == {"I": inputs.shape[2], "J": 2}
        by_group = one.predict({"J": more.numpy(), "I": inputs})
        side_by_side = one.predict(torch.cat([inputs, more.double()], 2))
        np.testing.assert_array_equal(by_group, side_by_side)
        assert one.fit({"I": inputs, "J": more}, classes, epochs=1)["loss"][0] > 0.0
        given = inputs.clone().requires_grad_()
        one.module({"I": given, "J": more}).spikes["O"].sum().backward()
        assert given.grad is not None
        assert given.grad.abs().sum() > 0.0


class TestLoopsOfOnesOwn:
    @BOTH
    def test_plain_torch(self, executor: str) -> None:
        module = PlatformModule(network(executor, surrogate="superspike"), ["IH", "HO"])
        optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
        inputs, classes = task(24)
        losses = []
        for _ in range(4):
            optimizer.zero_grad()
            scores = module(inputs).spikes["O"].mean(1)
            loss = torch.nn.functional.cross_entropy(scores, classes)
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        assert losses[-1] < 0.6 * losses[0]
        module.write_back()
        assert torch.equal(module.network["IH"].w, module.values()["IH.w"])
        assert not module.network.groups["IH"].arguments["w"].requires_grad

    def test_state_dict(self) -> None:
        one, other = trainer(trainable=EVERYTHING), trainer(trainable=EVERYTHING)
        one.fit(*task(24), epochs=1, batch_size=8)
        inputs, _ = task(6, seed=2)
        assert (one.predict(inputs) != other.predict(inputs)).any()
        other.module.load_state_dict(one.module.state_dict())
        np.testing.assert_array_equal(one.predict(inputs), other.predict(inputs))

    def test_names_and_transforms(self) -> None:
        module = trainer(trainable=EVERYTHING).module
        assert list(module.values()) == ["IH.w", "HO.w", "H.tau_beta", "O.u"]
        assert set(dict(module.named_parameters())) == {
            "free.IH_w",
            "free.HO_w",
            "free.H_tau_beta",
            "free.O_u",
        }
        kinds = [type(one.transform) for one in module._trained.values()]
        assert kinds == [Unbounded, Clipped, Above, Unbounded]

    def test_ids_may_contain_points(self) -> None:
        net = network(surrogate="superspike")
        net.add(LeakySynapse, "H.O", source="H", target="O", w=0.1, tau_alpha=5.0)
        net.init(dt=1.0)
        one = Trainer(PlatformModule(net, ["H.O"]), "mean", learning_rate=0.02)
        one.fit(*task(12), epochs=1)
        assert (net["H.O"].w != 0.1).all()


class TestReporting:
    def test_tensorboard_gets_numbers(self, tmp_path: Path) -> None:
        try:
            import torch.utils.tensorboard  # noqa: F401
        except ImportError:
            with pytest.raises(NotInstalledError, match="pip install tensorboard"):
                trainer().fit(*task(12), epochs=1, log_dir=tmp_path)
            return
        trainer().fit(*task(12), epochs=1, log_dir=tmp_path)
        assert list(tmp_path.iterdir())

    def test_tensorboard_is_missing(self, tmp_path: Path, monkeypatch: Any) -> None:
        monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
        with pytest.raises(NotInstalledError, match="log_dir needs TensorBoard"):
            Reporter(tmp_path, progress=False, epochs=1)

    def test_a_bar_where_a_person_watches(self, monkeypatch: Any, capsys: Any) -> None:
        one = trainer()
        one.fit(*task(12), epochs=1, batch_size=4)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        one.fit(*task(12), epochs=3, batch_size=4)
        shown = capsys.readouterr().err
        assert "epoch 2/3" in shown
        assert "epoch 3/3 (loss " in shown
        one.fit(*task(12), epochs=4, batch_size=4, progress=False)
        assert capsys.readouterr().err == ""
