"""Programming by pulses: response curves against their formulas, rounding, noise, energy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ship_engine.devices import DeviceToDevice, Memristor, PulseProgramming, StuckDevices
from ship_engine.errors import InvalidValueError

PULSES = np.arange(0, 51, 5)
betas = st.floats(-8.0, 8.0)
positions = st.floats(0.0, 1.0)
laws = st.sampled_from(["saturating", "exponential"])


def rng(seed=1):
    return np.random.default_rng(seed)


def linear(**parameters):
    pulses = PulseProgramming(**({"pulses_up": 100, "pulses_down": 50} | parameters))
    return Memristor(pulses=pulses, w_max=1.0, w_min=0.0, pair=False)


class TestResponse:
    @pytest.mark.parametrize("beta", [-4.0, -0.5, 0.5, 4.0])
    def test_saturating(self, beta):
        programming = PulseProgramming(50, 50, beta, beta)
        wanted = (1.0 - np.exp(-beta * PULSES / 50)) / (1.0 - np.exp(-beta))
        np.testing.assert_allclose(programming.response(0.0, PULSES), wanted, atol=1e-14)
        np.testing.assert_allclose(programming.response(1.0, -PULSES), 1.0 - wanted, atol=1e-14)

    @pytest.mark.parametrize("beta", [-4.0, -0.5, 0.5, 4.0])
    def test_exponential(self, beta):
        programming = PulseProgramming(50, 50, beta, beta, law="exponential")
        wanted = np.log(1.0 + (np.exp(beta) - 1.0) * PULSES / 50) / beta
        np.testing.assert_allclose(programming.response(0.0, PULSES), wanted, atol=1e-14)
        np.testing.assert_allclose(programming.response(1.0, -PULSES), 1.0 - wanted, atol=1e-14)

    def test_exponential_law_is_that_of_single_pulses_in_the_limit(self):
        # dx = alpha exp(-beta x) for each of many small pulses
        x, beta, full = 0.0, 3.0, 20_000
        for _ in range(full):
            x += (np.exp(beta) - 1.0) / (beta * full) * np.exp(-beta * x)
        assert x == pytest.approx(1.0, abs=1e-3)

    @given(laws, positions)
    def test_linear_without_beta(self, law, x):
        programming = PulseProgramming(40, 20, law=law)
        assert float(programming.response(x, 10)) == pytest.approx(min(x + 0.25, 1.0))
        assert float(programming.response(x, -10)) == pytest.approx(max(x - 0.5, 0.0))

    @given(laws, st.floats(-2e-5, 2e-5), positions)
    def test_smooth_through_zero_beta(self, law, beta, x):
        curved = PulseProgramming(40, 40, beta, beta, law=law)
        assert float(curved.response(x, 9)) == pytest.approx(min(x + 9 / 40, 1.0), abs=1e-5)

    @given(laws, betas, positions, st.integers(0, 30), st.integers(0, 30))
    def test_pulses_add_up(self, law, beta, x, first, second):
        programming = PulseProgramming(60, 60, beta, beta, law=law)
        stepwise = programming.response(programming.response(x, first), second)
        assert float(stepwise) == pytest.approx(
            float(programming.response(x, first + second)), abs=1e-9
        )

    @given(laws, betas, positions, st.integers(-80, 80))
    def test_stays_in_range_and_goes_the_right_way(self, law, beta, x, pulses):
        programming = PulseProgramming(60, 60, beta, beta, law=law)
        y = float(programming.response(x, pulses))
        assert 0.0 <= y <= 1.0
        assert (y - x) * np.sign(pulses) >= -1e-12

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"pulses_up": 0}, "pulses_up"),
            ({"pulses_down": 1.5}, "whole number"),
            ({"beta_up": 100.0}, "beta_up"),
            ({"law": "cubic"}, "'saturating', 'exponential'"),
            ({"rounding": "up"}, "'nearest', 'stochastic'"),
            ({"most_pulses": 0}, "most_pulses"),
            ({"cycle_to_cycle": -0.1}, "cycle_to_cycle"),
        ],
    )
    def test_impossible(self, parameters, message):
        with pytest.raises(InvalidValueError, match=message):
            PulseProgramming(**parameters)

    def test_positions_are_in_the_range(self):
        with pytest.raises(InvalidValueError, match="from 0 to 1"):
            PulseProgramming().response([0.5, 2.0], 3)


class TestUpdate:
    def test_shapes_go_together(self):
        device = linear()
        assert device.update(0.5, [0.1, -0.1], rng()).shape == (2,)
        with pytest.raises(InvalidValueError, match=r"changes of shape \(2,\)"):
            device.update(np.zeros(3), np.zeros(2), rng())

    def test_whole_pulses(self):
        updated = linear().update(np.full(5, 0.5), [0.004, 0.006, 0.1, -0.009, -0.011], rng())
        np.testing.assert_allclose(updated, [0.5, 0.51, 0.6, 0.5, 0.48])

    def test_chance_rounds_right_on_average(self):
        device = linear(rounding="stochastic")
        updated = device.update(np.full(100_000, 0.5), 0.003, rng(2))
        values, counts = np.unique(updated.round(12), return_counts=True)
        np.testing.assert_allclose(values, [0.5, 0.51])
        assert counts[1] / 100_000 == pytest.approx(0.3, abs=0.006)

    def test_most_pulses(self):
        device = linear(most_pulses=3)
        np.testing.assert_allclose(device.update([0.5, 0.5], [0.5, -0.5], rng()), [0.53, 0.44])

    def test_ends_of_the_range(self):
        np.testing.assert_allclose(linear().update([0.9, 0.1], [0.5, -0.5], rng()), [1.0, 0.0])

    def test_noise_of_each_pulse(self):
        device = linear(cycle_to_cycle=0.01)
        updated = device.update(np.full(50_000, 0.4), 0.16, rng(3))
        assert updated.mean() == pytest.approx(0.56, abs=1e-3)
        assert updated.std() == pytest.approx(0.01 * 4.0, rel=0.02)

    def test_noise_is_new_each_time(self):
        device, generator = linear(cycle_to_cycle=0.01), rng(4)
        first, second = (device.update(np.full(20, 0.4), 0.1, generator) for _ in range(2))
        assert (first != second).all()

    def test_no_pulse_no_noise(self):
        weights = np.array([0.3, 0.7])
        device = linear(cycle_to_cycle=0.5)
        np.testing.assert_array_equal(device.update(weights, 0.0, rng()), weights)

    def test_devices_differ_for_good(self):
        device = Memristor(
            pulses=PulseProgramming(beta_up=2.0, beta_sigma=0.5), w_max=1.0,
            device_to_device=DeviceToDevice(span_sigma=0.1),
        )  # fmt: skip
        generator = rng(5)
        first, second = (device.update(np.zeros(50), 0.5, generator) for _ in range(2))
        np.testing.assert_array_equal(first, second)
        assert np.unique(first).size == 50
        values = device.synapse_values((20_000,), generator)
        assert values["beta_up"].std() == pytest.approx(0.5, rel=0.02)
        assert values["gain"].std() == pytest.approx(0.1 / np.sqrt(2.0), rel=0.02)

    def test_stuck_devices_stay(self):
        device = Memristor(
            pulses=PulseProgramming(), stuck=StuckDevices(mask=[0, 1, 2]), pair=False,
            w_min=0.0, w_max=1.0,
        )  # fmt: skip
        np.testing.assert_allclose(device.update([0.5, 0.0, 1.0], -0.1, rng()), [0.4, 0.0, 1.0])

    def test_tensors(self):
        updated = linear().update(torch.tensor([0.5, 0.7]), torch.tensor([0.1, 0.0]), rng())
        torch.testing.assert_close(updated, torch.tensor([0.6, 0.7]))

    def test_needs_pulses(self):
        with pytest.raises(InvalidValueError, match="pulses=PulseProgramming"):
            Memristor(w_max=1.0).update([0.1], [0.1], rng())


class TestEnergy:
    def test_of_pulses(self):
        device = Memristor(pulse_energy_up=2e-12, pulse_energy_down=5e-12)
        assert device.write_energy([3, -2, 0]) == pytest.approx(16e-12)

    def test_of_readings(self):
        device = Memristor(w_max=1.0, read_voltage=0.2, read_time=1e-6)
        # 120 and 50 uS, 50 and 120 uS, 50 and 50 uS
        assert device.read_energy([1.0, -1.0, 0.0]) == pytest.approx(0.04 * 440e-6 * 1e-6)

    def test_unknown(self):
        with pytest.raises(InvalidValueError, match="pulse_energy_up"):
            Memristor().write_energy([1])
        with pytest.raises(InvalidValueError, match="read_voltage"):
            Memristor(w_max=1.0).read_energy([1.0])
