"""Mistakes in what a trainer and its layers are given, and spikes in whatever type they come."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from ship_engine import LIF
from ship_engine.errors import InvalidValueError, UnknownNameError
from ship_engine.layers.delays import AxonalDelay
from ship_engine.layers.dense import Dense
from ship_engine.layers.dropout import SampleDropout
from ship_engine.layers.kernels import FilterBank, LearntResponse
from ship_engine.layers.module import LayeredModule
from ship_engine.layers.neurons import Neurons
from ship_engine.layers.pooling import SumPool, Unpool
from ship_engine.layers.spike_response import Response, SpikeResponse
from ship_engine.layers.stepwise import Stepwise
from ship_engine.learning.bp_stdp import BPSTDP
from ship_engine.learning.resume import ReSuMe
from ship_engine.models.base import Model, State
from ship_engine.training.course_losses import SpikeCountLoss
from ship_engine.training.history import History
from ship_engine.training.trainer import Trainer

LAYERS = {
    "dense": lambda: Dense(6, 3),
    "neurons": lambda: Neurons(LIF, tau_beta=10.0, thr=0.5),
    "tensors": lambda: Neurons(LIF, executor="torch", tau_beta=10.0, thr=0.5),
    "response": lambda: Response(5.0),
    "spike_response": lambda: SpikeResponse(0.5, tau_s=5.0),
    "delay": lambda: AxonalDelay(6, initial=1.5),
    "learnt": lambda: LearntResponse(2.0, duration=5.0),
    "bank": lambda: FilterBank(2, duration=5.0),
    "dropout": lambda: SampleDropout(0.0),
}
MAPS = {
    "pool": lambda: SumPool(2),
    "unpool": lambda: Unpool(2),
    "stepwise": lambda: Stepwise(torch.nn.Conv2d(2, 3, 2)),
}


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64])
@pytest.mark.parametrize("name", [*LAYERS, *MAPS])
def test_spikes_of_every_type_are_numbers(name, dtype):
    torch.manual_seed(0)
    shape = (20, 2, 6) if name in LAYERS else (20, 2, 2, 4, 4)
    spikes = torch.rand(shape) < 0.3
    layer = (LAYERS | MAPS)[name]()
    expected, found = layer(spikes.float()), layer(spikes.to(dtype))
    assert found.dtype == torch.float32
    assert expected.abs().sum() > 0.0
    torch.testing.assert_close(found, expected, rtol=0.0, atol=0.0)


def test_layers_of_another_precision():
    with pytest.raises(InvalidValueError, match=r"Dense computes in torch.float64.*x.to"):
        Dense(4, 2).double()(torch.zeros(5, 1, 4))
    assert Dense(4, 2).double()(torch.ones(5, 1, 4, dtype=torch.bool)).dtype == torch.float64


def test_layers_want_tensors():
    with pytest.raises(InvalidValueError, match=r"got ndarray. Write torch.as_tensor"):
        Dense(4, 2)(np.zeros((5, 1, 4), np.float32))


class Mute(Model):
    """Adds up what arrives, and keeps it to itself."""

    name = "Mute"
    states = (State("u", 0.0, "mV"),)
    coefficients = ()

    @staticmethod
    def time_dep():
        return ()

    @staticmethod
    def advance_timestep(u, input):
        return (u + input,)


def test_neurons_that_would_hand_on_nothing():
    with pytest.raises(InvalidValueError, match="neither a threshold nor an output"):
        Neurons(Mute)


def layers():
    torch.manual_seed(1)
    return torch.nn.Sequential(Dense(6, 8, 4.0), Neurons(LIF), SampleDropout(0.3), Dense(8, 2))


def module():
    return LayeredModule(torch.nn.Sequential(*layers(), Neurons(LIF)), 6)


SPIKES = torch.rand(8, 20, 6, generator=torch.Generator().manual_seed(2)) < 0.3
CLASSES = torch.arange(8) % 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": torch.nn.CrossEntropyLoss}, r"the class CrossEntropyLoss; give an object"),
        ({"rule": BPSTDP}, r"rule is the class BPSTDP; give an object"),
        ({"rule": "bp_stdp"}, r"rule is 'bp_stdp'"),
        ({"optimizer": "adam"}, r"optimizer is 'adam'.*partial"),
        ({"optimizer": torch.optim.SGD(layers().parameters())}, r"optimizer is a SGD.*partial"),
    ],
)
def test_parts_of_a_wrong_kind(arguments, message):
    with pytest.raises(InvalidValueError, match=message):
        Trainer(module(), readout="spike_count", **arguments)


def test_numbers_of_spikes_are_no_target_of_resume():
    single = LayeredModule(torch.nn.Sequential(Dense(6, 2), Neurons(LIF)), 6)
    with pytest.raises(InvalidValueError, match=r"ReSuMe compares.*SpikeTrains\(\).*VanRossum"):
        Trainer(single, "spike_count", rule=ReSuMe())


def test_layers_that_are_not_wrapped():
    with pytest.raises(InvalidValueError, match=r"a Sequential.*LayeredModule"):
        Trainer(layers())


def test_validation_without_targets():
    trainer = Trainer(module(), "spike_count")
    with pytest.raises(InvalidValueError, match=r"are Tensor; give \(inputs, targets\)"):
        trainer.fit(SPIKES, CLASSES, 1, validation=SPIKES, progress=False)


def test_spikes_wanted_after_the_end():
    loss = SpikeCountLoss(5, 1, start=0.0, stop=50.0, tau_s=5.0)
    trainer = Trainer(module(), "spike_count", loss=loss)
    with pytest.raises(InvalidValueError, match=r"until stop = 50 ms, but .* after 20 ms"):
        trainer.fit(SPIKES, CLASSES, 1, progress=False)


def test_numbers_that_no_epoch_has():
    history = History()
    history.add({"loss": 1.0})
    assert (history["loss"], history["validation_loss"]) == ([1.0], [])
    with pytest.raises(UnknownNameError, match=r"no 'val_loss'; there are loss, .*validation_loss"):
        history["val_loss"]


def test_dropout_goes_on_as_if_there_had_been_no_stop(tmp_path):
    def trainer():
        torch.manual_seed(3)
        made = functools.partial(torch.optim.Adam, lr=0.05)
        return Trainer(module(), "spike_count", optimizer=made)

    options = {"batch_size": 4, "progress": False}
    whole = trainer().fit(SPIKES, CLASSES, 4, **options)["loss"]
    file = tmp_path / "training.pt"
    trainer().fit(SPIKES, CLASSES, 2, checkpoint=file, **options)
    parts = trainer().fit(SPIKES, CLASSES, 4, checkpoint=file, resume=True, **options)["loss"]
    assert parts == whole
