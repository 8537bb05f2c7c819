"""Signals as spikes of their changes, and signals on another grid of times."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.interpolate import Akima1DInterpolator

from ship_engine.data import decode_delta, encode_delta, interpolate, resample, stretch
from ship_engine.errors import InvalidValueError

SIGNALS = arrays(
    float, st.tuples(st.integers(1, 30), st.integers(1, 3)), elements=st.floats(-50.0, 50.0)
)


class TestDelta:
    """Delta modulation."""

    def test_one_bit_is_an_upward_and_a_downward_channel(self):
        signal = np.array([0.0, 0.5, 1.1, 1.2, 0.0, 0.0])[:, None]
        spikes = encode_delta(signal, threshold=1.0)
        assert spikes.astype(int).tolist() == [[0, 0], [0, 0], [1, 0], [0, 0], [0, 1], [0, 0]]

    def test_the_reference_follows_the_signal(self):
        # after 1.9 the reference is 1.9; by levels it is 1, and 2.5 is one threshold above it
        signal = np.array([0.0, 1.9, 2.5])[:, None]
        assert encode_delta(signal, threshold=1.0)[:, 0].tolist() == [False, True, False]
        by_levels = encode_delta(signal, threshold=1.0, follow="levels")
        assert by_levels[:, 0].tolist() == [False, True, True]

    def test_bits(self):
        signal = np.array([0.0, 5.2, 5.2 - 6.1, 100.0])[:, None]
        spikes = encode_delta(signal, threshold=1.0, bits=3).astype(int)
        assert spikes[1].tolist() == [1, 0, 1, 0, 0, 0]
        assert spikes[2].tolist() == [0, 0, 0, 0, 1, 1]
        assert spikes[3].tolist() == [1, 1, 1, 0, 0, 0]

    def test_two_leads_of_three_bits_have_twelve_channels(self):
        heartbeat = np.random.default_rng(0).normal(size=(4, 50, 2))
        spikes = encode_delta(heartbeat, threshold=0.1, bits=3, initial=0.0)
        assert spikes.shape == (4, 50, 12)
        alone = encode_delta(heartbeat[2, :, 1:], threshold=0.1, bits=3, initial=0.0)
        assert (spikes[2, :, 6:] == alone).all()

    def test_an_initial_reference(self):
        signal = np.full((3, 2), [1.0, -1.0])
        spikes = encode_delta(signal, threshold=0.5, initial=[0.0, -1.0])
        assert spikes.astype(int).tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]

    def test_a_whole_number_of_thresholds_counts_whatever_the_rounding(self):
        ramp = np.arange(1, 200)[:, None] * 0.1
        assert encode_delta(ramp, threshold=0.1, follow="levels")[1:, 0].all()

    @settings(deadline=None)
    @given(SIGNALS, st.floats(0.05, 5.0))
    def test_levels_describe_the_signal_to_within_a_threshold(self, signals, threshold):
        spikes = encode_delta(signals, threshold=threshold, bits=12, follow="levels")
        found = decode_delta(spikes, threshold=threshold, bits=12, initial=signals[0])
        assert (np.abs(found - signals) <= threshold * (1.0 + 1e-6)).all()

    @settings(deadline=None)
    @given(SIGNALS, st.integers(1, 4), st.sampled_from(["signal", "levels"]))
    def test_the_mirrored_signal_has_the_channels_exchanged(self, signals, bits, follow):
        options = {"threshold": 0.7, "bits": bits, "follow": follow}
        spikes, mirrored = (encode_delta(each, **options) for each in (signals, -signals))
        pairs = mirrored.reshape(len(signals), -1, 2, bits)
        assert (spikes == pairs[:, :, ::-1].reshape(spikes.shape)).all()

    @settings(deadline=None)
    @given(st.lists(st.integers(0, 40), min_size=1, max_size=20))
    def test_a_list_is_encoded_as_each_of_its_signals(self, lengths):
        random = np.random.default_rng(1)
        signals = [random.normal(size=(length, 2)).cumsum(0) for length in lengths]
        made = encode_delta(signals, threshold=0.5, bits=2)
        for spikes, signal in zip(made, signals, strict=True):
            assert (spikes == encode_delta(signal, threshold=0.5, bits=2)).all()

    def test_tensors_of_any_type(self):
        signal = torch.tensor([[0.0], [2.0]], dtype=torch.bfloat16)
        assert encode_delta(signal, threshold=1.0).sum() == 1

    def test_nested_lists_are_one_signal(self):
        assert encode_delta([[0.0], [2.0]], threshold=1.0).astype(int).tolist() == [[0, 0], [1, 0]]

    def test_a_tensor_stays_a_tensor(self):
        signal = torch.tensor([[0.0], [2.0]])
        spikes = encode_delta(signal, threshold=1.0)
        assert torch.equal(spikes, torch.tensor([[False, False], [True, False]]))
        assert decode_delta(spikes, threshold=1.0).tolist() == [[0.0], [1.0]]
        assert isinstance(encode_delta([signal], threshold=1.0)[0], torch.Tensor)


class TestReference:
    """The same spikes as the original SHIP.

    Its functions ``analog2spike`` (electrocardiograms, section 4.3 of the paper) and
    ``delta_encoding`` (Braille, section 4.2.2), on signals drawn here, 20 November 2026.
    """

    @pytest.mark.parametrize(
        ("bits", "counts", "digest"),
        [
            (
                1,
                [79, 104, 88, 87],
                "3efac23f83da5419e94e9ef96f97e16b8f5883eecabaef36f4087ca77e145147",
            ),
            (
                3,
                [55, 34, 1, 70, 39, 6, 49, 46, 5, 61, 33, 2],
                "3f6ab7b45f0dd701c155610b2578cfb5977933b75cb78ce5bfc8652daeeebbf7",
            ),
        ],
    )
    def test_electrocardiogram(self, bits, counts, digest):
        signal = np.random.default_rng(0).normal(size=(300, 2)).cumsum(0) * 0.02
        spikes = encode_delta(stretch(signal, 299), threshold=0.01, bits=bits, initial=0.0)
        assert spikes.sum(0).tolist() == counts
        assert hashlib.sha256(np.packbits(spikes).tobytes()).hexdigest() == digest

    def test_braille(self):
        rows = np.random.default_rng(1).uniform(size=(2, 5, 28)).astype(np.float32)
        positions = np.arange(0.0, 27.0, 0.1)
        signals = interpolate(rows.swapaxes(1, 2), positions, kind="catmull_rom")
        spikes = encode_delta(signals, threshold=0.05)
        expected = [131, 128, 149, 138, 113, 120, 104, 116, 99, 102]
        assert spikes.sum((0, 1)).tolist() == expected


class TestInterpolation:
    """Piecewise cubics."""

    @pytest.mark.parametrize("samples", [2, 3, 4, 30])
    def test_akima_as_scipy_computes_it(self, samples):
        signals = np.random.default_rng(samples).normal(size=(3, samples, 2))
        positions = np.linspace(0.0, samples - 1.0, 77)
        expected = Akima1DInterpolator(np.arange(samples), signals, axis=1)(positions)
        assert interpolate(signals, positions) == pytest.approx(expected, abs=1e-12)

    def test_akima_of_steps_as_scipy_computes_it(self):
        signal = np.repeat([0.0, 1.0, 0.0, 3.0], 4)[:, None]
        positions = np.linspace(0.0, 15.0, 151)
        expected = Akima1DInterpolator(np.arange(16), signal)(positions)
        assert interpolate(signal, positions) == pytest.approx(expected, abs=1e-12)

    @pytest.mark.parametrize("kind", ["linear", "catmull_rom", "akima"])
    def test_passes_through_the_samples(self, kind):
        signals = np.random.default_rng(0).normal(size=(9, 2))
        assert interpolate(signals, np.arange(9), kind=kind) == pytest.approx(signals)

    @pytest.mark.parametrize(("kind", "degree"), [("linear", 1), ("catmull_rom", 2), ("akima", 2)])
    def test_polynomials_are_exact_away_from_the_ends(self, kind, degree):
        time = np.arange(12.0)
        positions = np.linspace(1.0, 10.0, 50)
        made = interpolate(time[:, None] ** degree, positions, kind=kind)
        assert made[:, 0] == pytest.approx(positions**degree)

    def test_stretched_from_28_to_300_steps(self):
        images = np.random.default_rng(0).uniform(size=(5, 28, 28))
        made = stretch(images, 300, kind="catmull_rom")
        assert made.shape == (5, 300, 28)
        assert made[:, [0, -1]] == pytest.approx(images[:, [0, -1]])

    def test_resampled(self):
        time = np.arange(360) / 360.0
        made = resample([np.sin(2 * np.pi * 2 * time)[:, None]], rate=360.0, new_rate=1000.0)[0]
        assert len(made) == 998  # the last sample is at 997.2 ms
        assert made[:, 0] == pytest.approx(np.sin(2 * np.pi * 0.002 * np.arange(998)), abs=1e-4)

    def test_an_equal_rate_changes_nothing(self):
        signal = torch.randn(7, 2, dtype=torch.float64)
        assert torch.allclose(resample(signal, rate=3.0, new_rate=3.0), signal)


SIGNAL = np.zeros((5, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: encode_delta(SIGNAL, threshold=0.0), "threshold must be > 0"),
        (lambda: encode_delta(SIGNAL, threshold=1.0, bits=17), "at most 16; got 17"),
        (lambda: encode_delta(SIGNAL, threshold=1.0, follow="x"), "signal, levels"),
        (lambda: encode_delta(np.zeros(5), threshold=1.0), r"signal\[:, None\]"),
        (lambda: encode_delta([np.zeros(5)], threshold=1.0), r"signals\[0\] must have the axes"),
        (
            lambda: encode_delta([SIGNAL, np.zeros((5, 3))], threshold=1.0),
            r"signals\[1\] has 3 components, signals\[0\] has 2",
        ),
        (lambda: encode_delta(SIGNAL, threshold=1.0, initial=[0.0] * 3), "each of the 2"),
        (lambda: encode_delta(SIGNAL * np.nan, threshold=1.0), "10 of 10 are not finite"),
        (lambda: decode_delta(SIGNAL, threshold=1.0, bits=2), r"component \* 4"),
        (lambda: interpolate(SIGNAL[:1], [0.0]), "at least two time steps"),
        (lambda: interpolate(SIGNAL[:, 0], [0.0]), r"\[time, component\]"),
        (lambda: interpolate(SIGNAL, [4.1]), "from 0 to 4"),
        (lambda: interpolate(SIGNAL, [-0.1]), "from 0 to 4"),
        (lambda: interpolate(SIGNAL, [1.0], kind="spline"), "linear, catmull_rom, akima"),
        (lambda: resample(SIGNAL, rate=0.0, new_rate=1.0), "rate must be positive"),
        (lambda: resample(SIGNAL, rate=1.0, new_rate=np.inf), "new_rate must be positive"),
        (lambda: stretch(SIGNAL, 0), "steps must be at least 1"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidValueError, match=message):
        call()
