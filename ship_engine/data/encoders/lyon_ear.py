"""Lyon's passive ear: a cascade of filters, rectification, and automatic gain control.

Lyon (1982), "A computational model of filtering, detection, and compression in the cochlea",
ICASSP; the equations and constants are those of Slaney (1988), "Lyon's cochlear model", Apple
Technical Report 13.

Sound passes through a filter for the outer and middle ear and then through second-order sections,
one a channel, from high to low frequencies.  The section of channel i has a pair of poles at its
centre frequency f_i with quality f_i / b_i and a pair of zeros a little higher, where

    b(f) = sqrt(f^2 + 1000^2) / quality                   bandwidth, Hz
    f_zero = f_i + 1.5 * step * b_i,  q_zero = 5 f_zero / b_i

The centre frequencies solve df/di = -step * b(f), from near half the sampling rate down to where
the quality of the poles is 1/2.  The output of every channel is rectified and passes through four
gain controls, where the output of a stage is ``|input (1 - g)|`` and

    g <- (1 - e) mean(g of the channel and its two neighbours) + e output / target,  g <= 0.9

with e = 1 - exp(-1 / (tau sampling rate)).  Differences of neighbouring channels sharpen the
tuning; they are rectified again and smoothed by two equal low-pass filters before they are
decimated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ship_engine.data.arrays import Floats, number, whole_number
from ship_engine.errors import InvalidValueError

BREAK_FREQUENCY = 1000.0
"""Hz; well below it all channels are equally wide."""
ZERO_OFFSET = 1.5
ZERO_SHARPNESS = 5.0
PRE_EMPHASIS = 300.0
"""Corner frequency of the outer and middle ear in Hz."""
FRONT = 2
"""Filters before the first channel."""

GAIN_TARGETS = (0.0032, 0.0016, 0.0008, 0.0004)
GAIN_TIME_CONSTANTS = (0.64, 0.16, 0.04, 0.01)
"""Seconds."""
MOST_GAIN_REDUCTION = 0.9


class Sections(NamedTuple):
    """Second-order filters: y_n = b0 x_n + b1 x_(n-1) + b2 x_(n-2) - a1 y_(n-1) - a2 y_(n-2)."""

    b0: Floats
    b1: Floats
    b2: Floats
    a1: Floats
    a2: Floats

    def response(self, frequencies: Any, sample_rate: float) -> NDArray[np.complex128]:
        """Gain of each filter at frequencies in Hz, [filter, frequency]."""
        delay = np.exp(-2j * np.pi * np.atleast_1d(np.asarray(frequencies, float)) / sample_rate)
        b0, b1, b2, a1, a2 = (np.atleast_1d(c)[:, None] for c in self)
        gain = (b0 + b1 * delay + b2 * delay**2) / (1.0 + a1 * delay + a2 * delay**2)
        return np.asarray(gain)

    def scaled(self, gain: Any, frequency: float, sample_rate: float) -> Sections:
        """The filters with these absolute gains at one frequency."""
        factor = gain / np.abs(self.response(frequency, sample_rate))[:, 0]
        return Sections(self.b0 * factor, self.b1 * factor, self.b2 * factor, self.a1, self.a2)


@dataclass(frozen=True)
class LyonEar:
    """Lyon's passive ear for sound of one sampling rate.

    Parameters
    ----------
    sample_rate : float
        Samples per second, above 2,000.
    quality : float
        How narrow the channels are at high frequencies: centre frequency by bandwidth.
    step : float, optional
        Distance of neighbouring centre frequencies in bandwidths; by default ``quality / 32``.
    decimation : int
        Samples of sound to a frame of the cochleagram.
    gain_control, differences : bool
        Whether these two parts are in use.
    smoothing : float
        Time constant of the two low-pass filters in frames.

    Raises
    ------
    InvalidValueError
        If a parameter is out of range, or there is no room for two channels.
    """

    sample_rate: float
    quality: float = 8.0
    step: float | None = None
    decimation: int = 1
    gain_control: bool = True
    differences: bool = True
    smoothing: float = 3.0

    def __post_init__(self) -> None:
        number(self.sample_rate, "sample_rate", above=2.0 * BREAK_FREQUENCY)
        number(self.quality, "quality", above=0.5)
        number(self.channel_step, "step", above=0.0)
        number(self.smoothing, "smoothing", above=0.0)
        whole_number(self.decimation, "decimation")
        if self.channels < 2:
            raise InvalidValueError(
                f"an ear of quality {self.quality:g} with a step of {self.channel_step:g} has "
                f"{self.channels} channels at {self.sample_rate:g} Hz; at least 2 are needed. "
                "A smaller step gives more."
            )

    @property
    def channel_step(self) -> float:
        """Distance of neighbouring centre frequencies in bandwidths."""
        return self.quality / 32.0 if self.step is None else self.step

    @property
    def frame_rate(self) -> float:
        """Frames of the cochleagram per second."""
        return self.sample_rate / self.decimation

    @property
    def channels(self) -> int:
        """Number of channels."""
        lowest = BREAK_FREQUENCY / np.sqrt(4.0 * self.quality**2 - 1.0)
        octaves = _stretched(self._top_frequency) - _stretched(lowest)
        return max(0, int(np.floor(octaves * self.quality / self.channel_step)))

    @cached_property
    def centre_frequencies(self) -> Floats:
        """Hz, from high to low, [channel]."""
        place = np.arange(1, self.channels + 1) * self.channel_step / self.quality
        return np.asarray(BREAK_FREQUENCY * np.sinh(_stretched(self._top_frequency) - place))

    def bandwidth(self, frequency: Any) -> Any:
        """Width in Hz of a channel at a frequency in Hz."""
        return np.sqrt(np.square(frequency) + BREAK_FREQUENCY**2) / self.quality

    def response(self, frequencies: Any) -> NDArray[np.complex128]:
        """Gain of sound on its way to each channel, before rectification, [channel, frequency].

        Parameters
        ----------
        frequencies : array [frequency]
            Hz.
        """
        gains = self.sections.response(frequencies, self.sample_rate)
        return np.asarray(np.cumprod(gains, axis=0)[FRONT:])

    @cached_property
    def sections(self) -> Sections:
        """The filters of the front and of the channels, in the order of the cascade."""
        rate, centres = self.sample_rate, self.centre_frequencies
        widths = self.bandwidth(centres)
        zeros = centres + widths * self.channel_step * ZERO_OFFSET
        b1, b2 = _pair(zeros, ZERO_SHARPNESS * zeros / widths, rate)
        cascade = Sections(np.ones_like(b1), b1, b2, *_pair(centres, centres / widths, rate))
        ratios = centres[:-1] / centres[1:]
        cascade = cascade.scaled(np.concatenate([ratios[:1], ratios]), 0.0, rate)
        none = np.zeros(1)
        emphasis = np.array([-np.exp(-2.0 * np.pi * PRE_EMPHASIS / rate)])
        outer = Sections(none, none + 1.0, emphasis, none, none).scaled(1.0, rate / 4.0, rate)
        top = _pair(np.array([self._top_frequency]), centres[:1] / widths[:1], rate)
        middle = Sections(none + 1.0, none, none - 1.0, *top).scaled(1.0, rate / 4.0, rate)
        joined = zip(outer, middle, cascade, strict=True)
        return Sections(*(np.concatenate(parts) for parts in joined))

    @property
    def _top_frequency(self) -> float:
        """Hz; leaves room for the first section below half the sampling rate."""
        half = self.sample_rate / 2.0
        return float(half + (1.0 - ZERO_OFFSET) * self.channel_step * self.bandwidth(half))


def _stretched(frequency: Any) -> Any:
    """A frequency scale on which the channels are evenly spaced."""
    return np.arcsinh(np.asarray(frequency) / BREAK_FREQUENCY)


def _pair(frequency: Floats, quality: Floats, sample_rate: float) -> tuple[Floats, Floats]:
    """Coefficients of z^-1 and z^-2 of a conjugate pair of poles or zeros."""
    radius = np.exp(-np.pi * frequency / (sample_rate * quality))
    angle = 2.0 * np.pi * frequency / sample_rate * np.sqrt(1.0 - 0.25 / quality**2)
    return -2.0 * radius * np.cos(angle), radius**2
