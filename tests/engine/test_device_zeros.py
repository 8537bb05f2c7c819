"""Weights at the limits of what a device has: zero, the ends of the range, midway of two levels."""

import warnings

import numpy as np
import pytest
import torch

from ship_engine import LIF, Input, LeakySynapse, Network
from ship_engine.devices import (
    ClippedWeightsWarning,
    DeviceToDevice,
    FilamentDrift,
    Levels,
    Memristor,
    MovedZerosWarning,
    PowerLawDrift,
    PulseProgramming,
    ReadNoise,
    StuckDevices,
    memristive,
)
from ship_engine.devices.quantisation import straight_through
from ship_engine.errors import InvalidValueError

SPARSE = np.array([[0.0, 0.5, -0.25], [1.0, 0.0, 0.0]])


def rng(seed=1):
    return np.random.default_rng(seed)


def network(device, weight):
    net = Network(executor="torch", seed=1)
    net.add(Input, "I", N=2)
    net.add(LIF, "N", N=3)
    net.add(memristive(LeakySynapse, device), "sparse", source="I", target="N", w=weight)
    return net


class TestZeros:
    @pytest.mark.parametrize("levels", [2, 8, 16])
    def test_moved_ones_are_told(self, levels):
        device = Memristor(levels=Levels(levels, crossing=None))
        message = f"3 of 6 weights are exactly 0.*written as {1 / (levels - 1):.3g}"
        with pytest.warns(MovedZerosWarning, match=message):
            written = device.program(SPARSE, rng())
        np.testing.assert_allclose(written[SPARSE == 0.0], 1.0 / (levels - 1))

    def test_the_group_and_the_line_are_named(self):
        net = network(Memristor(levels=8), torch.tensor(SPARSE).float())
        with pytest.warns(MovedZerosWarning, match="3 of 6 weights of 'sparse'") as caught:
            net.init(dt=1.0)
        assert caught[0].filename == __file__

    @pytest.mark.parametrize(
        "device",
        [
            Memristor(levels=7),
            Memristor(),
            Memristor(levels=8, pair=False, w_min=0.0),
            Memristor(levels=8, absent_zeros=True),
        ],
    )
    def test_kept_ones_are_not(self, device):
        weight = np.abs(SPARSE) if not device.pair else SPARSE
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            device.program(weight, rng())
            device.ranged(np.array([0.3])).program(np.array([0.0]), rng())

    def test_absent_ones_stay(self):
        device = Memristor(
            levels=8,
            drift=PowerLawDrift(nu_sigma=0.1),
            device_to_device=DeviceToDevice(0.1, 5.0),
            stuck=StuckDevices(high=0.5),
            read_noise=ReadNoise(0.1),
            absent_zeros=True,
        )
        found = device.deploy(SPARSE, 100.0, rng())
        np.testing.assert_array_equal(found == 0.0, SPARSE == 0.0)

    def test_the_others_are_as_if_all_were_there(self):
        usual = {"levels": 7, "drift": FilamentDrift(), "read_noise": 0.02}
        absent = Memristor(absent_zeros=True, **usual).deploy(SPARSE, 60.0, rng())
        present = Memristor(**usual).deploy(SPARSE, 60.0, rng())
        there = SPARSE != 0.0
        np.testing.assert_array_equal(absent[there], present[there])
        assert (present[~there] != 0.0).all()

    def test_absent_ones_stay_in_training(self):
        wanted = torch.tensor(SPARSE).float().requires_grad_()
        net = network(Memristor(levels=8, w_max=2.0, absent_zeros=True), wanted)
        net.set_monitor("sparse", "I")
        net.init(dt=1.0)
        optimizer = torch.optim.Adam([wanted], lr=0.1)
        for _ in range(3):
            net.run(torch.ones(1, 2, 2))
            optimizer.zero_grad()
            net.get_monitored_results().sparse.I.sum().backward()
            optimizer.step()
        np.testing.assert_array_equal(wanted.detach() == 0.0, SPARSE == 0.0)
        np.testing.assert_array_equal(net["sparse"].w[0] == 0.0, SPARSE == 0.0)

    def test_energy(self):
        usual = {"w_max": 1.0, "read_voltage": 1.0, "read_time": 1.0}
        device = Memristor(absent_zeros=True, **usual)
        there = SPARSE[SPARSE != 0.0]
        assert device.read_energy(SPARSE) == pytest.approx(Memristor(**usual).read_energy(there))

    def test_refusals(self):
        with pytest.raises(InvalidValueError, match="absent_zeros = 1"):
            Memristor(absent_zeros=1)
        with pytest.raises(InvalidValueError, match="absent_zeros=True and pulses"):
            Memristor(absent_zeros=True, pulses=PulseProgramming())


class TestRoundingOfTheType:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("w_max", [0.1, 0.3, 0.7, 1.1])
    @pytest.mark.parametrize("count", [3, 4, 5, 8, 16, 31])
    def test_midway_it_is_the_upper_one(self, count, w_max, dtype):
        device = Memristor(levels=Levels(count, crossing=None), w_max=w_max)
        k = np.arange(count - 1)
        midway = (w_max * (2 * k + 2 - count) / (count - 1)).astype(dtype)
        levels = device.level_table().values
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MovedZerosWarning)
            np.testing.assert_array_equal(device.program(midway, rng()), levels[1:])
        found = straight_through(torch.tensor(midway), levels)
        np.testing.assert_array_equal(found, levels[1:].astype(dtype))

    @pytest.mark.parametrize("sign", [1.0, -1.0])
    def test_the_end_of_the_range_is_within(self, sign):
        weight = torch.tensor([0.1 * sign, 0.05], requires_grad=True)
        assert abs(float(weight.detach()[0])) > 0.1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            Memristor(w_max=0.1).program(weight, rng()).sum().backward()
        assert weight.grad.tolist() == [1.0, 1.0]

    def test_beyond_is_beyond(self):
        with pytest.warns(ClippedWeightsWarning, match="1 of 2 weights") as caught:
            Memristor(w_max=0.1).program(np.array([0.1, 0.100001], np.float32), rng())
        assert caught[0].filename == __file__
        with pytest.warns(ClippedWeightsWarning):
            Memristor(w_max=0.1).program([float(np.float32(0.1))], rng())
