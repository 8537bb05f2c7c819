"""Drift and variability of devices: data, closed forms, statistics; what is fixed and what new."""

import numpy as np
import pytest
import torch

from ship_engine.devices import (
    DeviceToDevice,
    FilamentDrift,
    FlickerNoise,
    Memristor,
    PhaseChangeDrift,
    PowerLawDrift,
    ReadNoise,
    StuckDevices,
    WriteNoise,
    global_compensation,
    phase_change_memory,
)
from ship_engine.errors import InvalidValueError

MEASURED_TIMES = np.array([59.0, 156.0, 690.0, 3800.0])
MEASURED = np.array(
    [
        [44.6, 42.8, 40.0, 37.2],
        [53.3, 51.6, 49.3, 47.7],
        [60.8, 60.8, 60.3, 59.5],
        [71.6, 70.9, 70.9, 70.9],
        [81.9, 81.4, 81.1, 80.6],
        [91.9, 91.5, 91.2, 90.9],
        [102.7, 102.2, 102.2, 102.2],
        [116.6, 116.6, 116.1, 116.1],
    ]
)
"""Mean conductances (uS) of eight levels, read off Esmanhotto et al. (2022), figure 4."""


def rng(seed=1):
    return np.random.default_rng(seed)


class TestFilamentDrift:
    drift = FilamentDrift()

    def test_means_are_near_the_measured_ones(self):
        slope, at_one_second = np.polyfit(np.log10(MEASURED_TIMES), MEASURED.T, 1)
        as_written = slope + at_one_second  # the fit counts what is found after 10 s as written
        means = self.drift.mean(as_written[:, None], MEASURED_TIMES)
        assert np.abs(means - MEASURED).max() < 2.6
        assert np.abs(means - MEASURED)[2:].max() < 1.5

    @pytest.mark.parametrize(
        ("g", "t", "mean", "spread"),
        [
            # (0.2302 50 - 15.24) log10 t + 0.9546 50 + 4.82, s0 = 0.005127 + 0.85543 / 11.28
            (50.0, 10.0, 48.82, 0.08258),
            (50.0, 1e4, 37.63, 0.31800),
            # g - 0.4129 log10 t, s0 = 0.005127 + 0.85543 / 61.28
            (100.0, 100.0, 99.1742, 0.03252),
            (64.41, 1e4, 62.7584, 0.14058),
        ],
    )
    def test_closed_form(self, g, t, mean, spread):
        assert float(self.drift.mean(g, t)) == pytest.approx(mean, abs=1e-3)
        assert float(self.drift.relative_spread(g, t)) == pytest.approx(spread, abs=1e-4)

    def test_statistics_of_single_devices(self):
        device = Memristor(drift=self.drift, pair=False, w_min=50.0, w_max=120.0)
        read = device.read(np.full(100_000, 100.0), 1000.0, rng(2))
        mean = 100.0 - 0.4129 * 3.0
        assert read.mean() == pytest.approx(mean, abs=0.05)
        assert read.std() == pytest.approx(mean * self.drift.relative_spread(100.0, 1e3), rel=0.01)

    def test_a_pair_is_the_difference_of_two_devices(self):
        device = Memristor(drift=self.drift, w_max=70.0)
        read = device.read(np.tile([30.0, -30.0], 50_000), 100.0, rng(3)).reshape(-1, 2)
        means = self.drift.mean(np.array([80.0, 50.0]), 100.0)
        spreads = self.drift.relative_spread(np.array([80.0, 50.0]), 100.0) * means
        wanted = means[0] - means[1]
        np.testing.assert_allclose(read.mean(axis=0), [wanted, -wanted], atol=0.1)
        np.testing.assert_allclose(read.std(axis=0), np.hypot(*spreads), rtol=0.01)

    @pytest.mark.parametrize(
        ("elapsed", "means", "spreads"),
        [
            (10.0, [-2.022, -0.522, 0.355, 2.022], [0.126, 0.133, 0.139, 0.126]),
            (1000.0, [-2.212, -0.712, 0.493, 2.211], [0.307, 0.336, 0.352, 0.307]),
        ],
    )
    def test_as_in_the_script_of_the_authors(self, elapsed, means, spreads):
        # Of 10**6 draws by the function drift_fun of SHIP's script for section 4.2.2 of the paper
        # (drift_task.py), run in November 2026.
        device = Memristor(drift=self.drift, w_max=2.0)
        read = device.read(np.tile([-2.0, -0.5, 0.3, 2.0], (200_000, 1)), elapsed, rng(9))
        np.testing.assert_allclose(read.mean(axis=0), means, atol=0.004)
        np.testing.assert_allclose(read.std(axis=0), spreads, rtol=0.01)

    def test_nothing_changes_before_the_earliest_time(self):
        device = Memristor(drift=self.drift, w_max=1.0)
        weights = np.linspace(-1.0, 1.0, 5)
        np.testing.assert_allclose(device.read(weights, 0.5, rng()), weights, atol=1e-15)

    def test_extrapolation_is_announced(self):
        device = Memristor(drift=self.drift, w_max=1.0)
        with pytest.warns(UserWarning, match="extrapolated"):
            device.read(np.ones(2), 1e5, rng())

    def test_conductances_below_its_pole(self):
        with pytest.raises(InvalidValueError, match=r"above 38\.72 uS"):
            Memristor(drift=self.drift, g_min=30.0)

    def test_a_device_moves_along_one_path(self):
        # As the one deviate of each device stays, its place among all others does.
        device = Memristor(drift=self.drift, pair=False, w_min=0.0, w_max=1.0)
        early, late = (device.read(np.full(50, 0.8), t, rng(4)) for t in (100.0, 1000.0))
        np.testing.assert_array_equal(np.argsort(early), np.argsort(late))


class TestPowerLaws:
    def test_power_of_time(self):
        device = Memristor(
            drift=PowerLawDrift(nu=0.1, t0=2.0), pair=False, w_min=0.0, w_max=1.0, g_min=0.0
        )
        read = device.read(np.array([0.5, 1.0]), 32.0, rng())
        np.testing.assert_allclose(read, np.array([0.5, 1.0]) * 16.0**-0.1)
        np.testing.assert_allclose(device.read(np.array([0.5]), 1.0, rng()), [0.5])

    def test_exponents_differ_between_devices_for_good(self):
        drift = PowerLawDrift(nu=0.05, nu_sigma=0.01)
        device = Memristor(drift=drift, pair=False, w_min=0.0, w_max=1.0, g_min=0.0)
        generator = rng(5)
        early, late = (device.read(np.ones(20_000), t, generator) for t in (1e2, 1e4))
        exponents = -np.log(late) / np.log(1e4)
        np.testing.assert_allclose(exponents, -np.log(early) / np.log(1e2))
        assert exponents.mean() == pytest.approx(0.05, abs=3e-4)
        assert exponents.std() == pytest.approx(0.01, rel=0.02)

    def test_elapsed_time_of_each_weight(self):
        device = Memristor(drift=PowerLawDrift(nu=0.5), pair=False, w_min=0.0, w_max=1.0, g_min=0.0)
        read = device.read(np.ones((1, 2, 3)), np.array([0.0, 4.0, 9.0])[:, None, None], rng())
        np.testing.assert_allclose(read[:, 0, 0], [1.0, 0.5, 1.0 / 3.0])

    @pytest.mark.parametrize(
        ("part", "mean", "sigma"), [(1.0, 0.049, 0.008), (0.1, 0.060090, 0.022882)]
    )
    def test_phase_change(self, part, mean, sigma):
        found = PhaseChangeDrift().exponents(np.array([25.0 * part]))
        np.testing.assert_allclose(np.ravel(found), [mean, sigma], rtol=1e-4)

    def test_ranges_must_agree(self):
        with pytest.raises(InvalidValueError, match="give both the same"):
            phase_change_memory(g_max=30.0)

    def test_compensation(self):
        written = torch.tensor([1.0, -3.0])
        assert global_compensation(written, written * 0.8) == pytest.approx(1.25)
        with pytest.raises(InvalidValueError, match="no factor"):
            global_compensation([1.0], [0.0])

    def test_negative_times(self):
        with pytest.raises(InvalidValueError, match=r"elapsed = -1 s"):
            Memristor(w_max=1.0).read([1.0], -1.0, rng())

    def test_shapes_that_do_not_go_together(self):
        device = Memristor(drift=PowerLawDrift(), w_max=1.0)
        with pytest.raises(InvalidValueError, match=r"weights of shape \(3,\), elapsed of shape"):
            device.read(np.ones(3), np.ones(2), rng())

    def test_the_fit_has_no_time_zero(self):
        with pytest.raises(InvalidValueError, match="times > 0"):
            FilamentDrift().mean(50.0, [0.0, 1.0])

    def test_reading_needs_the_range(self):
        with pytest.raises(InvalidValueError, match=r"ranged\(weights\)"):
            Memristor(drift=PowerLawDrift()).read([1.0], 10.0, rng())

    def test_deploy_finds_it(self):
        device = Memristor(drift=PowerLawDrift(nu=0.5), g_min=0.0)
        np.testing.assert_allclose(device.deploy([3.0, -1.0], 4.0, rng()), [1.5, -0.5])


class TestDeviceToDevice:
    device = Memristor(device_to_device=DeviceToDevice(span_sigma=0.1, offset_sigma=2.0), w_max=1.0)

    def test_fixed_across_writes(self):
        generator = rng(6)
        first, second = (self.device.program(np.ones(100), generator) for _ in range(2))
        np.testing.assert_array_equal(first, second)
        assert np.unique(first).size == 100

    def test_other_seeds_are_other_devices(self):
        first, second = (self.device.program(np.ones(100), rng(seed)) for seed in (1, 2))
        assert (first != second).all()

    def test_a_key_of_philox_will_do(self):
        first, second = (
            self.device.program(np.ones(5), np.random.Generator(np.random.Philox(key=key)))
            for key in (1, 2)
        )
        assert (first != second).all()

    def test_generators_only(self):
        with pytest.raises(InvalidValueError, match="default_rng"):
            self.device.program(np.ones(5), 7)

    def test_statistics(self):
        device = Memristor(
            device_to_device=DeviceToDevice(span_sigma=0.1), pair=False, w_min=0.0, w_max=1.0
        )
        written = device.program(np.ones(50_000), rng(7))
        assert written.mean() == pytest.approx(1.0, abs=0.002)
        assert written.std() == pytest.approx(0.1, rel=0.02)
        gains = device.specimens((50_000,), rng(7)).gain
        np.testing.assert_allclose(written, gains)

    def test_offsets_in_microsiemens(self):
        device = Memristor(
            device_to_device=DeviceToDevice(offset_sigma=7.0), pair=False, w_min=0.0, w_max=1.0
        )
        assert device.program(np.full(50_000, 0.5), rng(8)).std() == pytest.approx(0.1, rel=0.02)


class TestNoise:
    def test_of_writes(self):
        device = Memristor(
            write_noise=WriteNoise(0.5, 1.0, -0.5), pair=False, w_min=0.0, w_max=20.0,
            g_min=0.0, g_max=20.0,
        )  # fmt: skip
        written = device.program(np.full(50_000, 10.0), rng(9))
        assert written.std() == pytest.approx(0.5 + 0.5 - 0.125, rel=0.02)

    def test_of_readings_is_new_each_time(self):
        device, generator = Memristor(read_noise=0.02, pair=False, w_max=1.0, w_min=0.0), rng(10)
        first, second = (device.read(np.ones(50_000), 0.0, generator) for _ in range(2))
        assert (first != second).all()
        assert first.std() == pytest.approx(0.02 * 120.0 / 70.0, rel=0.02)

    def test_flicker_noise(self):
        sigma = FlickerNoise().relative_sigma(np.array([25.0]), np.array([250e-9 * 2e8]), 25.0)
        assert sigma[0] == pytest.approx(0.0088 * np.sqrt(np.log(1e8)), rel=1e-6)

    def test_a_number_stands_for_read_noise(self):
        assert Memristor(read_noise=0.1).read_noise == ReadNoise(0.1)

    def test_levels_or_write_noise(self):
        with pytest.raises(InvalidValueError, match="give one"):
            Memristor(levels=4, write_noise=WriteNoise())


class TestStuckDevices:
    def test_fractions(self):
        stuck = StuckDevices(low=0.1, high=0.2, random=0.05)
        device = Memristor(stuck=stuck, pair=False, w_min=0.0, w_max=1.0)
        written = device.program(np.full(100_000, 0.25), rng(11))
        working = written == 0.25
        assert (written == 0.0).mean() == pytest.approx(0.1, abs=0.004)
        assert (written == 1.0).mean() == pytest.approx(0.2, abs=0.004)
        rest = written[~working & (written != 0.0) & (written != 1.0)]
        assert rest.size / 100_000 == pytest.approx(0.05, abs=0.003)
        assert rest.mean() == pytest.approx(0.5, abs=0.02)

    def test_mask(self):
        stuck = StuckDevices(mask=[[0, 1], [2, 0]])
        device = Memristor(stuck=stuck, pair=False, w_min=0.0, w_max=1.0)
        written = device.program(np.full((2, 2), 0.5), rng())
        np.testing.assert_array_equal(written, [[0.5, 0.0], [1.0, 0.5]])
        assert device == Memristor(stuck=stuck, pair=False, w_min=0.0, w_max=1.0)

    def test_either_device_of_a_pair(self):
        stuck = StuckDevices(mask=[[2, 0, 0], [0, 2, 2]])
        written = Memristor(stuck=stuck, w_max=1.0).program([0.5, 0.5, -0.5], rng())
        np.testing.assert_allclose(written, [1.0, -0.5, -1.0], atol=1e-12)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"low": 0.6, "high": 0.6}, "add up to 1"),
            ({"low": -0.1}, "low = -0.1"),
            ({"low": 0.1, "mask": [1]}, "give either"),
            ({"mask": [4]}, "something else"),
            ({"mask": [0.5]}, "something else"),
            ({"mask": [[1, 0], [1]]}, "rows of different length"),
        ],
    )
    def test_impossible(self, parameters, message):
        with pytest.raises(InvalidValueError, match=message):
            StuckDevices(**parameters)

    def test_mask_of_another_shape(self):
        device = Memristor(stuck=StuckDevices(mask=[0, 1]), w_max=1.0)
        with pytest.raises(InvalidValueError, match=r"shape \(2,\).*shape \(2, 3\)"):
            device.program([0.1, 0.2, 0.3], rng())
        single = Memristor(stuck=StuckDevices(mask=[0, 1]), w_max=1.0, pair=False)
        with pytest.raises(InvalidValueError, match=r"shape \(2,\).*shape \(3,\)"):
            single.program([0.1, 0.2, 0.3], rng())

    def test_mask_for_every_simulation_of_a_batch(self):
        stuck = StuckDevices(mask=[[[2, 0]], [[0, 2]]])
        written = Memristor(stuck=stuck, w_max=1.0).program(np.full((3, 1, 2), 0.5), rng())
        np.testing.assert_allclose(written, np.tile([1.0, -0.5], (3, 1, 1)), atol=1e-12)
