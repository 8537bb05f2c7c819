"""Synapses of networks of groups, kept in devices."""

import json

import numpy as np
import pytest
import torch

from ship_engine import LIF, Input, LeakySynapse, Network
from ship_engine.devices import (
    DeviceToDevice,
    FilamentDrift,
    Levels,
    MeasuredLevels,
    Memristor,
    PowerLawDrift,
    PulseProgramming,
    ReadNoise,
    StuckDevices,
    memristive,
    phase_change_memory,
)
from ship_engine.devices.data import as_data, from_data
from ship_engine.errors import InvalidValueError

EXACT = Memristor(levels=Levels(5, crossing=None))


def network(device, seed=1, **arguments):
    net = Network(dtype=torch.float64, executor="torch", seed=seed)
    net.add(Input, "I", N=4)
    net.add(LIF, "N", N=3, thr=1e9)
    net.add(memristive(LeakySynapse, device), "S", source="I", target="N", **arguments)
    net.set_monitor("S", "I")
    return net


def weights(net, batch_size=1):
    """What arrives at synapses with the first spike of every input."""
    net.init(dt=1.0, nts=1, batch_size=batch_size)
    net.run(torch.ones(batch_size, 1, 4, dtype=torch.float64))
    return net.get_monitored_results()["S"]["I"][:, 0].numpy()


WANTED = torch.linspace(-1.0, 1.0, 12, dtype=torch.float64).reshape(4, 3)


def test_weights_are_written_to_levels():
    found = weights(network(EXACT, w=WANTED))
    written = EXACT.program(WANTED.numpy(), np.random.default_rng(1))
    np.testing.assert_allclose(found[0], written)


def test_range_is_found_from_the_weights():
    np.testing.assert_allclose(np.abs(weights(network(EXACT, w=7.0 * WANTED))).max(), 7.0)


def test_elapsed_times_side_by_side():
    device = Memristor(drift=PowerLawDrift(nu=0.5, nu_sigma=0.1), g_min=0.0)
    elapsed = torch.tensor([0.0, 4.0, 16.0], dtype=torch.float64)[:, None, None]
    found = weights(network(device, w=WANTED, elapsed=elapsed), batch_size=3)
    np.testing.assert_allclose(found[0], WANTED.numpy())
    exponents = -np.log(found[1] / WANTED.numpy()) / np.log(4.0)
    np.testing.assert_allclose(-np.log(found[2] / WANTED.numpy()) / np.log(16.0), exponents)
    assert np.unique(exponents).size == 12


def test_devices_stay_and_writes_are_new():
    differing = Memristor(device_to_device=DeviceToDevice(0.1), w_max=1.0)
    net = network(differing, w=WANTED)
    np.testing.assert_array_equal(weights(net), weights(net))
    spread = Memristor(levels=4, w_max=1.0)
    net = network(spread, w=WANTED)
    assert (weights(net) != weights(net)).all()
    np.testing.assert_array_equal(
        weights(network(spread, w=WANTED)), weights(network(spread, w=WANTED))
    )


def test_other_seeds_and_groups_are_other_devices():
    device = Memristor(device_to_device=DeviceToDevice(0.1), w_max=1.0)
    assert (weights(network(device, w=WANTED)) != weights(network(device, 2, w=WANTED))).all()
    net = network(device, w=WANTED)
    net.add(memristive(LeakySynapse, device), "T", source="I", target="N", w=WANTED)
    net.set_monitor("T", "I")
    first = weights(net)
    assert (first != net.get_monitored_results()["T"]["I"][:, 0].numpy()).all()


def test_gradients_reach_the_wanted_weights():
    wanted = WANTED.clone().requires_grad_()
    net = network(Memristor(levels=4, drift=PowerLawDrift(), g_min=0.0), w=wanted, elapsed=10.0)
    net.init(dt=1.0, nts=1)
    net.run(torch.ones(1, 1, 4, dtype=torch.float64))
    net.get_monitored_results()["S"]["I"].sum().backward()
    np.testing.assert_allclose(wanted.grad.numpy(), 1.0)


def test_training_of_weights_in_devices():
    """Every run writes the weights as they are by then, and misses them by the same."""
    wanted = (0.5 * WANTED).clone().requires_grad_()
    device = Memristor(levels=4, drift=PowerLawDrift(nu_sigma=0.1), g_min=0.0, w_max=1.0)
    net = network(device, w=wanted, elapsed=10.0)
    net.init(dt=1.0, nts=1)
    optimizer = torch.optim.SGD([wanted], lr=0.2)
    found = []
    for _ in range(3):
        net.run(torch.ones(1, 1, 4, dtype=torch.float64))
        weight = net.get_monitored_results()["S"]["I"]
        found.append(weight.detach().clone())
        optimizer.zero_grad()
        weight.sum().backward()
        np.testing.assert_allclose(wanted.grad.numpy(), 1.0)
        optimizer.step()
    assert (found[1] < found[0]).any()
    again = network(device, w=wanted.detach() + 0.2, elapsed=10.0)
    np.testing.assert_array_equal(weights(again), found[2][:, 0])
    with torch.no_grad():
        wanted.copy_(0.5 * WANTED)
        net.run(torch.ones(1, 1, 4, dtype=torch.float64))
    np.testing.assert_array_equal(net.get_monitored_results()["S"]["I"], found[0])


def test_weights_wanted_and_found():
    net = network(EXACT, w=WANTED)
    found = weights(net)
    np.testing.assert_array_equal(net["S"].w, found)
    np.testing.assert_array_equal(net["S"].w_wanted[0], WANTED)


def test_noise_of_readings():
    found = weights(network(Memristor(read_noise=ReadNoise(0.1), w_max=1.0), w=WANTED))
    assert (found != WANTED.numpy()).all()


@pytest.mark.parametrize(
    ("model", "device", "message"),
    [
        (LIF, EXACT, "LIF has no weights"),
        (LeakySynapse, 16, "give a Memristor"),
        ("LeakySynapse", EXACT, "give a class of synapses"),
        (memristive(LeakySynapse, EXACT), EXACT, "in a device already"),
    ],
)
def test_what_cannot_be_kept_in_a_device(model, device, message):
    with pytest.raises(InvalidValueError, match=message):
        memristive(model, device)


def test_elapsed_time_is_not_negative():
    with pytest.raises(InvalidValueError, match="elapsed"):
        weights(network(EXACT, w=WANTED, elapsed=-1.0))


class TestFiles:
    device = Memristor(
        levels=16,
        drift=PowerLawDrift(nu=0.1, nu_sigma=0.02),
        device_to_device=DeviceToDevice(0.1),
        stuck=StuckDevices(mask=np.zeros((2, 4, 3), int)),
        pulses=PulseProgramming(most_pulses=4),
        read_noise=0.01,
    )

    @pytest.mark.parametrize("inits", [1, 3])
    def test_a_network_is_what_it_was(self, inits, tmp_path):
        net = network(self.device, w=WANTED, elapsed=100.0)
        for _ in range(inits):
            before = weights(net)
        net.save(tmp_path / "net.safetensors")
        loaded = Network.load(tmp_path / "net.safetensors")
        loaded.run(torch.ones(1, 1, 4, dtype=torch.float64))
        np.testing.assert_array_equal(
            loaded.get_monitored_results()["S"]["I"][:, 0].numpy(), before
        )
        assert (weights(loaded) != before).all()

    @pytest.mark.parametrize(
        "device",
        [
            device,
            phase_change_memory(),
            Memristor(levels=MeasuredLevels((50.0, 60.0), (1.0, 2.0)), drift=FilamentDrift()),
        ],
    )
    def test_data_and_back(self, device):
        assert from_data(json.loads(json.dumps(as_data(device)))) == device

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (None, "None is no description"),
            ({"kind": "Popen"}, "'Popen' is no description"),
            ({"kind": "Levels", "number": 4}, "'number' in a description of Levels"),
            ({"kind": "Levels", "count": "many"}, "count = 'many'"),
            ({"kind": "Memristor", "pair": "no"}, "pair = 'no'"),
            ({"kind": "Memristor", "drift": {"kind": "Levels"}}, "drift = Levels"),
            ({"kind": "PulseProgramming", "law": ["saturating"]}, "law = "),
            ({"kind": "Memristor", "g_min": None}, "g_min = None"),
        ],
    )
    def test_foreign_data(self, data, message):
        with pytest.raises(InvalidValueError, match=message):
            from_data(data)

    def test_drift_of_ones_own(self, tmp_path):
        class Mine(PowerLawDrift):
            pass

        net = network(Memristor(drift=Mine()), w=WANTED)
        weights(net)
        with pytest.raises(InvalidValueError, match="Mine cannot be written"):
            net.save(tmp_path / "net.safetensors")
