"""What learning rules share: which weights connect what, and how changes become gradients."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from training_examples import CLASSES, network, sequences, spiking, task

from ship_engine import LIF, Input, LeakySynapse, Network, delayed
from ship_engine.errors import InvalidValueError, UnsupportedByExecutorError
from ship_engine.learning.bp_stdp import BPSTDP
from ship_engine.learning.resume import VanRossum
from ship_engine.learning.rules import Course, Learner, SpikeTrains, Wiring, course_of, filtered
from ship_engine.platform.models.integrate_and_fire import IF
from ship_engine.platform.models.synapses import Link, Wire
from ship_engine.training.connections import listed, masked
from ship_engine.training.modules import SpikingModule
from ship_engine.training.platform_module import Argument, PlatformModule
from ship_engine.training.readouts import SpikeCount, readout_of
from ship_engine.training.regularisers import WeightDecay
from ship_engine.training.trainer import Trainer
from ship_engine.training.transforms import Above, Below, Between, Clipped, Unbounded

BOTH = pytest.mark.parametrize("executor", ["fused", "torch"])
SGD = functools.partial(torch.optim.SGD, lr=1.0)


def chain(executor: str = "fused", **late: float) -> Network:
    """Three groups in a row, whose weights are so large that spikes go through at once."""
    net = Network(executor=executor)
    net.add(Input, "I", N=2)
    net.add(delayed(IF), "H", N=2, delay_time=late.get("H", 0.0))
    net.add(IF, "O", N=2)
    net.add(delayed(Wire), "IH", source="I", target="H", w=2.0, delay_time=late.get("IH", 0.0))
    net.add(Wire, "HO", source="H", target="O", w=2.0, w_scale=3.0)
    net.init(dt=1.0)
    return net


class TestConnections:
    @BOTH
    @pytest.mark.parametrize("late", [{}, {"IH": 3.0}, {"H": 2.0}, {"IH": 1.0, "H": 2.0}])
    def test_delays_are_those_that_are_seen(self, executor: str, late: dict[str, float]) -> None:
        module = PlatformModule(chain(executor, **late), ["IH", "HO"])
        module.watch(["I", "H"])
        inputs = torch.zeros(1, 12, 2)
        inputs[0, 2, 0] = 1.0
        with torch.no_grad():
            spikes = module(inputs).spikes
        for one in module.connections():
            first = [int(spikes[id][0].any(1).nonzero()[0]) for id in (one.source, one.target)]
            assert one.delay == first[1] - first[0]

    @pytest.mark.parametrize("model", [Wire, LeakySynapse])
    def test_delays_of_components(self, model: Any) -> None:
        net = chain()
        late = torch.tensor([[0.0, 2.0]])
        if model is LeakySynapse:  # which has a delay for each pair
            late = torch.tensor([[[0.0, 2.0], [2.0, 2.0]]])
        net.remove("IH")
        net.add(delayed(model), "IH", source="I", target="H", w=2.0, delay_time=late)
        net.init(dt=1.0)
        module = PlatformModule(net, ["IH"])
        ways = {one.delay: one for one in module.connections() if one.target == "H"}
        for delay in (0, 2):
            wanted = 2.0 * (late.reshape(-1, 2) == delay).expand(2, 2)
            torch.testing.assert_close(ways[delay].matrix(module.values()), wanted)

    def test_an_edge_that_runs_backward_is_a_step_late(self) -> None:
        net = chain()
        net.add(Wire, "OH", source="O", target="H", w=0.1)
        net.init(dt=1.0)
        delays = {one.target: one.delay for one in PlatformModule(net, ["OH"]).connections()
                  if one.source != "I"}  # fmt: skip
        assert sorted(delays.values()) == [0, 1]

    def test_scales_and_fixed_weights(self) -> None:
        module = PlatformModule(chain(), ["IH"])
        ways = {one.target: one for one in module.connections()}
        assert ways["O"].name is None
        torch.testing.assert_close(ways["O"].matrix(module.values()), torch.full((2, 2), 6.0))
        assert ways["H"].name == "IH.w"

    def test_ideal_wires(self) -> None:
        net = chain()
        net.add(Link, "L", source="I", target="O")
        net.init(dt=1.0)
        module = PlatformModule(net, ["IH"])
        (found,) = [one for one in module.connections() if one.source == "I" and one.target == "O"]
        torch.testing.assert_close(found.matrix({}), torch.eye(2))

    @given(st.integers(0, 2**32 - 1))
    @settings(max_examples=25, deadline=None)
    def test_gathered_is_the_adjoint_of_dense(self, seed: int) -> None:
        random = torch.Generator().manual_seed(seed)
        count = int(torch.randint(1, 12, (1,), generator=random))
        ends = [torch.randint(n, (count,), generator=random) for n in (3, 4)]
        signs = torch.randint(-1, 2, (count,), generator=random).double()
        scale = torch.rand(3, 4, generator=random, dtype=torch.float64)
        for (dense, gathered), shape in (
            (listed(*ends, signs, (3, 4)), (count,)),
            (masked(scale, (1, 3, 4)), (1, 3, 4)),
        ):
            kept = torch.rand(shape, generator=random, dtype=torch.float64)
            matrix = torch.rand(3, 4, generator=random, dtype=torch.float64)
            there, back = (dense(kept) * matrix).sum(), (gathered(matrix) * kept).sum()
            torch.testing.assert_close(there, back)

    def test_weights_of_each_sample_are_refused(self) -> None:
        net = Network(executor="torch")
        net.add(Input, "I", N=2)
        net.add(LIF, "O", N=2)
        net.add(LeakySynapse, "IO", source="I", target="O", w=torch.rand(3, 2, 2))
        net.init(dt=1.0, batch_size=3)
        with pytest.raises(UnsupportedByExecutorError, match="for each sample of the batch"):
            PlatformModule(net, ["IO"]).connections()

    def test_a_module_that_does_not_know_says_so(self) -> None:
        class Unknowing(PlatformModule):
            connections = SpikingModule.connections

        with pytest.raises(UnsupportedByExecutorError, match="Unknowing does not tell"):
            Wiring(Unknowing(chain(), ["IH"]))

    def test_what_modules_know_unless_they_say_otherwise(self) -> None:
        class Plain(PlatformModule):
            watch, spikes = SpikingModule.watch, SpikingModule.spikes

        plain = Plain(chain(), ["IH"])
        plain.watch(["H"])
        assert plain.spikes("H")
        assert not PlatformModule(network(), ["IH"]).spikes("O")
        assert PlatformModule(network(), ["IH"]).spikes("H")


class TestWiring:
    def test_only_weights_are_trained(self) -> None:
        module = PlatformModule(spiking(), ["IH", ("H", "tau_beta")], output="S")
        with pytest.raises(InvalidValueError, match=r"'H.tau_beta' is no weight"):
            Wiring(module)

    def test_what_does_not_lead_to_the_output(self) -> None:
        module = PlatformModule(spiking(), ["HO"], output="S")
        with pytest.raises(InvalidValueError, match=r"'HO.w' does not lead to 'S'"):
            Wiring(module).backwards()

    @pytest.mark.parametrize(("source", "target"), [("H", "H"), ("O", "H"), ("O", "O")])
    def test_loops(self, source: str, target: str) -> None:
        net = chain()
        net.add(Wire, "back", source=source, target=target, w=0.1)
        net.init(dt=1.0)
        with pytest.raises(InvalidValueError, match=f"There is a loop among .*'{target}'"):
            Wiring(PlatformModule(net, ["IH", "HO"], output="O")).backwards()

    def test_loops_before_what_is_trained_do_no_harm(self) -> None:
        net = chain()
        net.add(Wire, "HH", source="H", target="H", w=0.1)
        net.init(dt=1.0)
        assert Wiring(PlatformModule(net, ["HO"])).backwards() == ["O"]

    def test_groups_come_after_all_that_they_lead_to(self) -> None:
        net = chain()
        net.add(IF, "M", N=2)
        for source, target in ("IM", "MH", "MO"):
            net.add(Wire, source + target, source=source, target=target, w=0.1)
        net.init(dt=1.0)
        module = PlatformModule(net, ["IM"])
        assert Wiring(module).backwards() == ["O", "H", "M"]


class TestTrainer:
    def test_by_default_sgd_applies_the_change(self) -> None:
        module = PlatformModule(spiking(), ["IH", "HS"], output="S")
        before = {name: value.detach().clone() for name, value in module.values().items()}
        trainer = Trainer(module, "spike_count", rule=BPSTDP(), learning_rate=0.25)
        assert type(trainer.optimizer) is torch.optim.SGD
        inputs, classes = task(6)
        with torch.no_grad():
            activity = module(inputs)
            wiring = Wiring(module)
            course = module.course(activity, SpikeCount())
            wanted = list(BPSTDP().changes(wiring, activity, course, classes))
        trainer.fit(inputs, classes, 1, batch_size=6)
        assert {one.name for one, _ in wanted} == {"IH.w", "HS.w"}
        for one, change in wanted:
            assert change.any()
            moved = module.values()[one.name or ""].detach() - before[one.name or ""]
            torch.testing.assert_close(moved, 0.25 * one.gathered(change) / 6)

    def test_the_sum_in_place_of_the_mean(self) -> None:
        inputs, classes = task(6)
        found = []
        for reduction in ("mean", "sum"):
            module = PlatformModule(spiking(), ["HS"], output="S")
            learner = Learner(BPSTDP(reduction), module, SpikeCount())
            with torch.no_grad():
                activity = module(inputs)
            learner.learn(activity, module.course(activity, SpikeCount()), classes)
            found.append(module.free["HS_w"].grad)
        torch.testing.assert_close(6.0 * found[0], found[1])

    @pytest.mark.parametrize(
        "transform",
        [Unbounded(), Above(-1.0, 0.5), Below(2.0), Between(-1.0, 1.0), Clipped(-0.5, 0.5)],
    )
    def test_the_chain_rule_through_transforms(self, transform: Any) -> None:
        class One(PlatformModule):
            pass

        module = One(spiking(), [Argument("HS", transform=transform)], output="S")
        gradient = torch.randn(1, 10, CLASSES, generator=torch.Generator().manual_seed(1)).double()
        module.set_gradients({"HS.w": gradient})
        found = module.free["HS_w"].grad
        module.free["HS_w"].grad = None
        (module.values()["HS.w"] * gradient).sum().backward()
        torch.testing.assert_close(found, module.free["HS_w"].grad)

    def test_no_graph_is_kept(self) -> None:
        module = PlatformModule(spiking(), ["IH", "HS"], output="S")
        seen = []

        def loss(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            seen.append(scores.requires_grad)
            return torch.nn.functional.cross_entropy(scores, targets)

        Trainer(module, "spike_count", loss, rule=BPSTDP()).fit(*task(6), 1, batch_size=3)
        assert seen == [False, False]

    def test_regularisers_are_refused(self) -> None:
        module = PlatformModule(spiking(), ["HS"], output="S")
        with pytest.raises(InvalidValueError, match="Regularisers act by their gradient"):
            Trainer(module, "spike_count", rule=BPSTDP(), regularisers=[WeightDecay(0.1)])

    def test_padding_teaches_nothing(self) -> None:
        inputs, classes = sequences()
        weights = []
        for size in (1, 12):
            module = PlatformModule(spiking(), ["IH", "HS"], output="S")
            rule = BPSTDP("sum", interval=3)
            learner = Learner(rule, module, SpikeCount())
            total = {name: torch.zeros_like(v) for name, v in module.values().items()}
            for first in range(0, 12, size):
                part = inputs[first : first + size]
                longest = max(map(len, part))
                given = torch.stack([
                    torch.nn.functional.pad(one, (0, 0, 0, longest - len(one)), value=1.0)
                    for one in part
                ])  # fmt: skip
                with torch.no_grad():
                    activity = module(given)
                lengths = torch.tensor([len(one) for one in part])
                activity.mask = torch.arange(longest) < lengths[:, None]
                learner.learn(activity, activity.spikes["S"], classes[first : first + size])
                for name in total:
                    total[name] += module.free[name.replace(".", "_")].grad
            weights.append(total)
        for name in weights[0]:
            assert weights[0][name].any()
            torch.testing.assert_close(weights[0][name], weights[1][name])

    def test_going_on_from_a_checkpoint(self, tmp_path: Any) -> None:
        def made() -> Trainer:
            module = PlatformModule(spiking(), ["IH", "HS"], output="S")
            return Trainer(module, "spike_count", rule=BPSTDP(), learning_rate=0.02, seed=2)

        inputs, classes = task()
        whole = made()
        whole.fit(inputs, classes, 4, batch_size=8)
        made().fit(inputs, classes, 2, batch_size=8, checkpoint=tmp_path / "c.pt")
        rest = made()
        rest.fit(inputs, classes, 4, batch_size=8, checkpoint=tmp_path / "c.pt", resume=True)
        assert rest.history["loss"] == whole.history["loss"]


class TestParts:
    def test_reductions(self) -> None:
        with pytest.raises(InvalidValueError, match="reduction = 'max'; give one of 'mean', 'sum'"):
            BPSTDP("max")

    def test_targets_in_time(self) -> None:
        like = torch.zeros(2, 5, 3)
        longer, counts = course_of(torch.ones(2, 7, 3), like, None)
        assert longer.shape == like.shape
        assert counts.all()
        for wrong in (torch.ones(2, 4, 3), torch.ones(2, 5), torch.ones(2, 5, 2)):
            with pytest.raises(InvalidValueError, match="one for each time step and component"):
                course_of(wrong, like, None)

    def test_filters(self) -> None:
        given = torch.tensor([1.0, 0.0, 2.0])[None, :, None]
        torch.testing.assert_close(filtered(given, 0.5)[0, :, 0], torch.tensor([1.0, 0.5, 2.25]))

    def test_whole_courses_are_read_out(self) -> None:
        course, mask = torch.rand(2, 4, 3), torch.arange(4) < torch.tensor([[4], [2]])
        assert Course()(course) is course
        assert not Course().of_spikes
        assert SpikeTrains().of_spikes
        assert not Course()(course, mask)[1, 2:].any()
        assert readout_of(Course("u")).state == "u"

    def test_the_distance_of_trains(self) -> None:
        trains = torch.zeros(1, 4000, 1, dtype=torch.float64)
        other = trains.clone()
        other[0, 100] = 1.0
        distance = VanRossum(tau=10.0, dt=0.01)
        assert float(distance(trains, trains)) == 0.0
        assert float(distance(other, trains)) == pytest.approx(0.5, abs=2e-3)
        late = trains.clone()
        late[0, 1100] = 1.0  # 10 ms = tau later
        assert float(distance(other, late)) == pytest.approx(1.0 - np.exp(-1.0), abs=2e-3)
        for wrong in ({"tau": 0.0}, {"dt": -1.0}):
            with pytest.raises(InvalidValueError, match="it must be > 0"):
                VanRossum(**wrong)
