"""Levels: nearest, monotone, spread as stated; ranges of weights; gradients that pass straight."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ship_engine.devices import (
    ClippedWeightsWarning,
    FilamentDrift,
    Levels,
    MeasuredLevels,
    Memristor,
    PowerLawDrift,
)
from ship_engine.devices.conductance import Mapping
from ship_engine.devices.quantisation import straight_through
from ship_engine.errors import InvalidValueError

# Even numbers of levels without zero are among these; what is said of it has tests of its own.
pytestmark = pytest.mark.filterwarnings("ignore::ship_engine.devices.MovedZerosWarning")

SIGNED = Mapping(-1.0, 1.0, 50.0, 120.0, True)
SINGLE = Mapping(0.0, 2.0, 50.0, 120.0, False)

counts = st.integers(2, 40)
weights = st.lists(st.floats(-1.0, 1.0, allow_subnormal=False), min_size=2, max_size=20)


def exact(count, w_max=1.0):
    return Memristor(levels=Levels(count, crossing=None), w_max=w_max)


def rng(seed=1):
    return np.random.default_rng(seed)


class TestQuantisation:
    @given(counts, weights)
    def test_idempotent(self, count, values):
        once = exact(count).program(np.array(values), rng())
        np.testing.assert_array_equal(exact(count).program(once, rng()), once)

    @given(counts, weights)
    def test_nearest(self, count, values):
        levels = np.linspace(-1.0, 1.0, count)
        written = exact(count).program(np.array(values), rng())
        assert np.isin(written, levels).all()
        distance = np.abs(np.array(values)[:, None] - levels).min(axis=1)
        np.testing.assert_allclose(np.abs(written - values), distance, atol=1e-15)

    @given(counts, weights)
    def test_monotone(self, count, values):
        written = exact(count).program(np.sort(values), rng())
        assert (np.diff(written) >= 0.0).all()

    def test_of_two_levels_it_is_the_upper_one(self):
        written = exact(3).program(np.array([-0.5, 0.5]), rng())
        np.testing.assert_array_equal(written, [0.0, 1.0])

    def test_bits(self):
        assert Levels.of_bits(4).count == 16

    def test_a_number_stands_for_levels(self):
        assert Memristor(levels=8).levels == Levels(8)

    @pytest.mark.parametrize("bits", [0, 33, 1.5, True])
    def test_impossible_bits(self, bits):
        with pytest.raises(InvalidValueError, match="bits"):
            Levels.of_bits(bits)

    @pytest.mark.parametrize("parameters", [{"count": 1}, {"count": 2.5}, {"crossing": 0.0}])
    def test_impossible_levels(self, parameters):
        with pytest.raises(InvalidValueError, match=next(iter(parameters))):
            Levels(**parameters)


class TestSpread:
    def test_neighbours_cross_at_three_sigma(self):
        table = Levels(5).table(SIGNED)
        np.testing.assert_allclose(3.0 * table.sigma, 0.25)

    def test_overlap_is_three_in_a_thousand(self):
        # P(|z| > 3) = 0.27 %; a level in the middle has a neighbour on either side.
        device = Memristor(levels=3, w_max=1.0)
        written = device.program(np.zeros(400_000), rng(2))
        beyond = np.mean(np.abs(written) > 0.5)
        assert beyond == pytest.approx(0.0027, abs=4.0 * np.sqrt(0.0027 / 400_000))

    def test_normal_around_its_level(self):
        device = Memristor(levels=Levels(5, crossing=2.0), w_max=2.0)
        written = device.program(np.full(100_000, 0.9), rng(3))
        assert written.mean() == pytest.approx(1.0, abs=0.004)
        assert written.std() == pytest.approx(0.25, rel=0.02)

    @pytest.mark.parametrize(("g_min", "lowest"), [(0.0, 0.0), (10.0, -0.25)])
    def test_no_conductance_is_negative(self, g_min, lowest):
        device = Memristor(
            levels=Levels(3, crossing=0.3), pair=False, w_max=1.0, g_min=g_min, g_max=50.0
        )
        assert device.program(np.zeros(1000), rng()).min() == pytest.approx(lowest)

    def test_each_write_is_new(self):
        device, generator = Memristor(levels=4, w_max=1.0), rng(4)
        first, second = (device.program(np.zeros(10), generator) for _ in range(2))
        assert (first != second).all()

    def test_same_seed_same_write(self):
        device = Memristor(levels=4, w_max=1.0)
        np.testing.assert_array_equal(
            device.program(np.zeros(10), rng(5)), device.program(np.zeros(10), rng(5))
        )


class TestMeasured:
    levels = MeasuredLevels(conductance=(60.0, 80.0, 120.0), sigma=(1.0, 2.0, 4.0))

    def test_single_device(self):
        table = self.levels.table(SINGLE)
        np.testing.assert_allclose(table.values, np.array([10.0, 30.0, 70.0]) * 2.0 / 70.0)
        np.testing.assert_allclose(table.sigma, np.array([1.0, 2.0, 4.0]) * 2.0 / 70.0)

    def test_pair_has_levels_on_either_side(self):
        table = self.levels.table(SIGNED)
        np.testing.assert_allclose(table.values * 70.0, [-60.0, -20.0, 0.0, 20.0, 60.0])
        np.testing.assert_allclose((table.sigma * 70.0) ** 2, [17.0, 5.0, 2.0, 5.0, 17.0])

    def test_statistics_of_writes(self):
        device = Memristor(levels=self.levels, pair=False, w_min=0.0, w_max=70.0)
        written = device.program(np.full(50_000, 29.0), rng(6))
        assert written.mean() == pytest.approx(30.0, abs=0.04)
        assert written.std() == pytest.approx(2.0, rel=0.02)

    @pytest.mark.parametrize(
        ("conductance", "sigma", "message"),
        [
            ((1.0,), (1.0,), "two levels or more"),
            ((1.0, 2.0), (1.0,), "as many sigmas"),
            ((2.0, 1.0), (1.0, 1.0), "each larger"),
            ((-1.0, 1.0), (1.0, 1.0), ">= 0 uS"),
            ((1.0, 2.0), (1.0, -1.0), "sigma"),
            (("a", 2.0), (1.0, 1.0), "numbers in uS"),
        ],
    )
    def test_impossible(self, conductance, sigma, message):
        with pytest.raises(InvalidValueError, match=message):
            MeasuredLevels(conductance, sigma)

    def test_beyond_the_range_of_the_device(self):
        with pytest.raises(InvalidValueError, match="all levels are within"):
            Memristor(levels=self.levels, g_max=100.0)


class TestRange:
    def test_found_from_the_weights(self):
        device = Memristor(levels=2).ranged(np.array([0.5, -2.0]))
        assert (device.w_min, device.w_max) == (-2.0, 2.0)

    def test_of_a_single_device_holds_zero(self):
        device = Memristor(pair=False).ranged(np.array([0.5, 2.0]))
        assert (device.w_min, device.w_max) == (0.0, 2.0)

    @pytest.mark.parametrize("pair", [True, False])
    def test_none_to_be_found(self, pair):
        with pytest.raises(InvalidValueError, match="give w_min and w_max"):
            Memristor(levels=2, pair=pair).program(np.zeros(3), rng())

    def test_what_is_beyond_is_clipped_and_counted(self):
        with pytest.warns(ClippedWeightsWarning, match=r"2 of 3 weights .* from -1 to 1"):
            written = exact(3).program(np.array([-7.0, 0.0, 7.0]), rng())
        np.testing.assert_array_equal(written, [-1.0, 0.0, 1.0])

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"w_min": 0.0, "w_max": 1.0}, "pair=False"),
            ({"w_max": -1.0}, "must be > 0"),
            ({"w_min": 2.0, "w_max": 1.0, "pair": False}, "w_min < w_max"),
            ({"w_max": -1.0, "pair": False}, "w_min < w_max"),
            ({"g_min": 120.0}, "g_min < g_max"),
            ({"g_min": -1.0}, "g_min = -1"),
            ({"w_max": float("nan")}, "w_max = nan"),
            ({"levels": "16"}, "levels = '16'"),
            ({"drift": 0.1}, "drift = 0.1"),
            ({"drift": FilamentDrift}, "drift = <class"),
            ({"w_max": "1"}, "w_max = '1'"),
            ({"g_min": None}, "g_min = None"),
            ({"levels": True}, "levels = True"),
            ({"read_noise": "loud"}, "read_noise = 'loud'"),
            ({"pair": 1}, "pair = 1"),
            ({"pulses": 100}, "PulseProgramming"),
        ],
    )
    def test_impossible_devices(self, parameters, message):
        with pytest.raises(InvalidValueError, match=message):
            Memristor(**parameters)

    def test_table_needs_levels_and_a_range(self):
        with pytest.raises(InvalidValueError, match="no levels"):
            Memristor(w_max=1.0).level_table()
        with pytest.raises(InvalidValueError, match="range of weights of this Memristor"):
            Memristor(levels=4).level_table()

    @pytest.mark.parametrize("weights", [[1e308, -1e308], [5e-324, 0.0]])
    def test_extreme_ranges(self, weights):
        device = Memristor(levels=2, pair=False)
        if max(weights) > 1.0:
            with pytest.raises(InvalidValueError, match="give w_min and w_max"):
                device.program(weights, rng())
        else:
            assert np.isfinite(device.program(weights, rng())).all()

    def test_generators_only(self):
        for generator in (None, 1, np.random):
            with pytest.raises(InvalidValueError, match="default_rng"):
                exact(3).program([0.1], generator)

    @pytest.mark.parametrize("wrong", [[np.nan, 1.0], ["a"], None])
    def test_weights_must_be_numbers(self, wrong):
        with pytest.raises(InvalidValueError, match="weights"):
            exact(3).program(wrong, rng())

    def test_units(self):
        assert Memristor.units()["g_max"] == "uS"


class TestTensors:
    def test_tensors_are_returned_where_given(self):
        weight = torch.tensor([[0.4, -0.9]], requires_grad=True)
        written = exact(3).program(weight, rng())
        assert written.dtype == torch.float32
        assert written.tolist() == [[0.0, -1.0]]

    def test_gradients_pass_within_the_range(self):
        weight = torch.tensor([0.4, -0.9, 3.0], requires_grad=True)
        device = Memristor(levels=4, drift=PowerLawDrift(), w_max=1.0)
        with pytest.warns(ClippedWeightsWarning):
            written = device.program(weight, rng())
        read = device.read(written, 100.0, rng())
        (read * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
        assert weight.grad.tolist() == [1.0, 2.0, 0.0]
        plain = device.program(weight.detach().numpy().clip(-1.0, 1.0), rng())
        np.testing.assert_allclose(written.detach().numpy(), plain, rtol=1e-6)

    def test_whole_numbers_become_floating(self):
        assert exact(5, 4.0).program(torch.tensor([3, -4]), rng()).tolist() == [4.0, -4.0]


class TestStraightThrough:
    levels = (-1.0, 0.0, 0.5, 1.0)

    @given(weights)
    def test_forward_is_the_nearest_level(self, values):
        device = Memristor(levels=Levels(7, crossing=None), w_max=1.0)
        table = device.level_table()
        result = straight_through(torch.tensor(values, dtype=torch.float64), table.values)
        np.testing.assert_array_equal(result.numpy(), device.program(np.array(values), rng()))

    def test_gradient_passes_inside_and_stops_outside(self):
        weight = torch.tensor([-1.5, -1.0, 0.2, 1.0, 1.5], requires_grad=True)
        factors = torch.arange(1.0, 6.0)
        (straight_through(weight, self.levels) * factors).sum().backward()
        assert weight.grad.tolist() == [0.0, 2.0, 3.0, 4.0, 0.0]

    def test_writes_with_spread(self):
        weight = torch.zeros(100_000)
        generator = torch.Generator().manual_seed(1)
        result = straight_through(weight, self.levels, (0.0, 0.1, 0.0, 0.0), generator)
        assert float(result.mean()) == pytest.approx(0.0, abs=0.002)
        assert float(result.std()) == pytest.approx(0.1, rel=0.02)

    @pytest.mark.parametrize(
        ("levels", "sigma", "message"),
        [
            ((1.0,), 0.0, "at least two"),
            ((1.0, 1.0), 0.0, "each larger"),
            ((0.0, 1.0), -0.1, "sigma"),
            ((0.0, 1.0), (0.1, 0.1, 0.1), "one for each"),
            ((0.0, 1.0), 0.1, "torch.Generator"),
        ],
    )
    def test_impossible(self, levels, sigma, message):
        with pytest.raises(InvalidValueError, match=message):
            straight_through(torch.zeros(2), levels, sigma)
