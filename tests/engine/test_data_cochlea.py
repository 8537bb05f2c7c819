"""Lyon's ear against its published properties and another implementation, and its spikes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ship_engine.data import LyonEar, cochleagrams, encode_cochlea
from ship_engine.data.encoders.lyon_ear import GAIN_TARGETS
from ship_engine.errors import InvalidValueError

PAPER = LyonEar(8000.0, 8.0, 0.32, decimation=64, smoothing=0.5)


def tone(frequency, rate, seconds, amplitude):
    return amplitude * np.sin(2.0 * np.pi * frequency * np.arange(int(rate * seconds)) / rate)


class TestFilters:
    """The filter bank."""

    def test_channels_of_the_papers_ear(self):
        assert PAPER.channels == 50

    def test_channels_of_the_toolbox_default(self):
        # 86 channels at 16 kHz, as the Auditory Toolbox has
        assert LyonEar(16000.0).channels == 86

    @pytest.mark.parametrize("ear", [PAPER, LyonEar(16000.0), LyonEar(44100.0, 4.0, 0.5)])
    def test_centre_frequencies_are_a_step_of_bandwidths_apart(self, ear):
        # midway between two channels, since the bandwidth changes from one to the next
        place = (np.arange(1, ear.channels) + 0.5) * ear.channel_step / ear.quality
        top = np.arcsinh(ear.centre_frequencies[0] / 1000.0) + ear.channel_step / ear.quality
        middle = 1000.0 * np.sinh(top - place)
        distance = -np.diff(ear.centre_frequencies)
        assert distance == pytest.approx(ear.channel_step * ear.bandwidth(middle), rel=1e-3)
        assert (ear.centre_frequencies < ear.sample_rate / 2.0).all()

    def test_the_lowest_channel_has_poles_of_quality_one_half(self):
        ear = LyonEar(16000.0)
        lowest = ear.centre_frequencies[-1]
        assert lowest / ear.bandwidth(lowest) >= 0.5
        after = lowest - ear.channel_step * ear.bandwidth(lowest)
        assert after / ear.bandwidth(after) < 0.5

    def test_quality_of_high_channels(self):
        ear = LyonEar(44100.0)
        highest = ear.centre_frequencies[0]
        assert highest / ear.bandwidth(highest) == pytest.approx(8.0, rel=0.01)

    def test_gain_at_zero_frequency_of_each_section_is_the_ratio_of_centre_frequencies(self):
        gains = np.abs(PAPER.sections.response(0.0, 8000.0))[:, 0]
        ratios = PAPER.centre_frequencies[:-1] / PAPER.centre_frequencies[1:]
        assert gains[3:] == pytest.approx(ratios)
        assert gains[2] == pytest.approx(ratios[0])

    def test_gain_of_the_front_at_a_quarter_of_the_sampling_rate(self):
        assert np.abs(PAPER.sections.response(2000.0, 8000.0))[:2, 0] == pytest.approx(1.0)

    def test_all_sections_are_stable(self):
        for ear in (PAPER, LyonEar(44100.0)):
            poles = [np.roots([1.0, a1, a2]) for a1, a2 in zip(*ear.sections[3:], strict=True)]
            assert max(np.abs(each).max(initial=0.0) for each in poles) < 1.0

    def test_channels_peak_near_their_centre_frequency(self):
        ear = LyonEar(16000.0)
        frequencies = np.linspace(50.0, 7900.0, 4000)
        gains = np.abs(np.diff(ear.response(frequencies), axis=0, prepend=0.0))
        peaks = frequencies[gains.argmax(1)]
        middle = (ear.centre_frequencies > 300.0) & (ear.centre_frequencies < 6000.0)
        distance = np.abs(peaks - ear.centre_frequencies) / ear.bandwidth(ear.centre_frequencies)
        assert distance[middle].max() < 1.0

    def test_the_cascade_is_what_its_response_says(self):
        ear = LyonEar(8000.0, gain_control=False, differences=False)
        heard = cochleagrams([tone(1013.0, 8000.0, 0.5, 0.01)], ear)[0]
        expected = 0.01 * np.abs(ear.response(1013.0))[:, 0]
        assert heard[2000:].max(0) == pytest.approx(expected, rel=0.01)


class TestGainControl:
    """Automatic gain control."""

    def test_silence_stays_silence(self):
        assert not cochleagrams([np.zeros(800)], PAPER)[0].any()

    def test_faint_sound_is_not_changed(self):
        sound = 1e-9 * np.random.default_rng(0).uniform(-1.0, 1.0, 2000)
        with_control, without = (
            cochleagrams([sound], LyonEar(8000.0, gain_control=control))[0]
            for control in (True, False)
        )
        assert with_control == pytest.approx(without, rel=1e-3, abs=1e-15)

    def test_steady_state(self):
        # a gain g settles where it equals output / target, so that output = input / (1 + input /
        # target) in each of the stages; neighbours with equal input settle at the same g
        from ship_engine.data.encoders.cochlea import _control_gain

        heard = np.full((20_000, 1, 3), 3e-4)
        _control_gain(heard, 8000.0)
        expected = 3e-4
        for target in GAIN_TARGETS:
            expected = expected / (1.0 + expected / target)
        assert heard[-1, 0] == pytest.approx(expected, rel=1e-2)

    def test_loud_sound_is_compressed(self):
        quiet, loud = cochleagrams(
            [tone(1000.0, 8000.0, 0.5, amplitude) for amplitude in (0.001, 0.1)], PAPER
        )
        assert quiet.max() < loud.max() < 20.0 * quiet.max()


class TestReference:
    """The same numbers as another implementation.

    Python package lyon 1.0.0 (2019), a translation of the Auditory Toolbox: cascade, gain control
    and decimation called one after the other on the whole sound, 20 November 2026.  (Its
    ``lyon_passive_ear`` silences the first two filters at the start of each frame besides.)
    """

    EXPECTED = {
        0: [4.155901232761328e-05, 6.823089801117356e-05, 8.171912103891557e-05,
            7.4484845256696e-05, 6.519004805887455e-05, 4.075375123562673e-05,
            8.44377276934862e-05, 0.00012795104439248297],
        3: [1.4435668680287874e-06, 8.2214728034467e-06, 1.2073223845165852e-05,
            1.9919014531852406e-05, 6.768092749889837e-05, 0.000161576078744976,
            7.98844841493077e-05, 8.997248431864672e-06],
        7: [1.2210571270627362e-05, 1.7453440959928264e-05, 6.535723495803086e-05,
            0.00010027652700804143, 8.939043507684424e-06, 1.9577189479831123e-06,
            1.2542068606540612e-06, 4.354850177724694e-07],
        11: [3.4085919708657264e-05, 0.0002784978575687622, 1.1167335707501931e-05,
             9.456474311448262e-07, 6.5604947134035e-07, 6.222720299778844e-07,
             4.662245280115756e-07, 1.4887075934502993e-07],
    }  # fmt: skip
    LOUDEST = [49, 45, 42, 35, 29, 24, 21, 17, 14, 12, 10, 7]

    def test_a_chirp(self):
        time = np.arange(800) / 8000.0
        chirp = 0.1 * np.sin(2.0 * np.pi * (200.0 + 15000.0 * time) * time)
        heard = cochleagrams([chirp], PAPER)[0]
        assert heard.shape == (12, 50)
        assert heard.argmax(1).tolist() == self.LOUDEST
        for frame, expected in self.EXPECTED.items():
            assert heard[frame, ::7] == pytest.approx(expected, rel=1e-10)


class TestCochleagrams:
    """Many sounds at once."""

    def test_sounds_do_not_depend_on_their_company(self):
        random = np.random.default_rng(2)
        sounds = [random.uniform(-1.0, 1.0, size) for size in (300, 64, 1000, 65, 700)]
        together = cochleagrams(sounds, PAPER)
        assert [len(each) for each in together] == [4, 1, 15, 1, 10]
        for each, sound in zip(together, sounds, strict=True):
            assert each == pytest.approx(cochleagrams([sound], PAPER)[0], rel=1e-12)

    def test_a_tensor_stays_a_tensor(self):
        assert isinstance(cochleagrams([torch.zeros(640)], PAPER)[0], torch.Tensor)

    def test_progress(self, capsys):
        cochleagrams([np.zeros(64)], PAPER, progress="hearing")
        assert "hearing: 100%" in capsys.readouterr().err

    def test_without_progress(self, capsys):
        cochleagrams([np.zeros(64)], PAPER)
        assert capsys.readouterr().err == ""


class TestSpikes:
    """From intensity to spikes."""

    def test_the_channels_of_a_tone_spike(self):
        spikes = encode_cochlea([tone(1000.0, 8000.0, 0.4, 0.1)], PAPER, dt=1.0)[0]
        assert spikes.shape == (393, 50)  # 50 frames of 8 ms; the first ends at 8 ms
        loudest = PAPER.centre_frequencies[spikes.sum(0).argmax()]
        assert abs(loudest - 1000.0) < PAPER.bandwidth(1000.0)
        assert spikes[:, 0].sum() == 0

    def test_the_highest_rate(self):
        sound = tone(1000.0, 8000.0, 0.4, 0.1)
        spikes = encode_cochlea([sound], PAPER, dt=1.0, max_rate=250.0, full_scale=1e-9)[0]
        assert spikes[100:].sum(0).max() == pytest.approx(293 / 4, abs=1)

    def test_the_threshold(self):
        sound = tone(1000.0, 8000.0, 0.4, 0.1)
        few, many = (
            encode_cochlea([sound], PAPER, dt=1.0, threshold=threshold)[0]
            for threshold in (0.5, 0.0)
        )
        assert 0 < few.any(0).sum() < many.any(0).sum()

    def test_every_sound_reaches_the_full_scale(self):
        # the first 30 ms are loud: gain control has not set in
        sounds = [tone(1000.0, 8000.0, 0.1, amplitude) for amplitude in (0.01, 0.1)]
        quiet, loud = encode_cochlea(sounds, PAPER, dt=1.0, max_rate=1000.0)
        assert quiet.sum() > 0
        assert loud.sum() > quiet.sum()

    def test_silent_sounds_do_not_set_the_scale(self):
        sound = tone(1000.0, 8000.0, 0.1, 0.1)
        alone = encode_cochlea([sound], PAPER, dt=1.0)[0]
        silent, beside = encode_cochlea([np.zeros(800), sound], PAPER, dt=1.0)
        assert not silent.any()
        assert (alone == beside).all()


SOUND = [np.zeros(800)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LyonEar(2000.0), "sample_rate must be > 2000"),
        (lambda: LyonEar(8000.0, quality=0.5), "quality must be > 0.5"),
        (lambda: LyonEar(8000.0, step=0.0), "step must be > 0"),
        (lambda: LyonEar(8000.0, step=12.0), "A smaller step gives more"),
        (lambda: LyonEar(8000.0, smoothing=0.0), "smoothing must be > 0"),
        (lambda: LyonEar(8000.0, decimation=0), "decimation must be at least 1"),
        (lambda: cochleagrams([np.zeros((2, 800))], PAPER), "one axis, of samples"),
        (lambda: cochleagrams(np.zeros(800), PAPER), "a list of sounds; got one ndarray"),
        (lambda: cochleagrams([np.zeros(63)], PAPER), "63 samples; a frame of this ear has 64"),
        (lambda: cochleagrams([np.full(99, 2000)], PAPER), "divided by 32768"),
        (lambda: encode_cochlea(SOUND, PAPER, dt=1.0, threshold=1.0), "a part of 1"),
        (lambda: encode_cochlea(SOUND, PAPER, dt=1.0, full_scale=0.0), "full_scale must be > 0"),
        (lambda: encode_cochlea(SOUND, PAPER, dt=3.0), "one is the most"),
        (lambda: encode_cochlea([np.zeros(64)], PAPER, dt=1.0), "at least two time steps"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidValueError, match=message):
        call()
