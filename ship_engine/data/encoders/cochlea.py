"""Sound as spikes of the auditory nerve: Lyon's ear, then rates in proportion to intensity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ship_engine.data.arrays import Floats, Spikes, as_floats, number, same_kind
from ship_engine.data.encoders.lyon_ear import (
    GAIN_TARGETS,
    GAIN_TIME_CONSTANTS,
    MOST_GAIN_REDUCTION,
    LyonEar,
)
from ship_engine.data.encoders.rate import MS_PER_S, spikes_of_rates, spikes_per_step
from ship_engine.data.interpolation import resample
from ship_engine.data.progress import Progress, shown
from ship_engine.data.sequences import alike
from ship_engine.errors import InvalidValueError

MOST_SAMPLES = 2**18
"""Samples of sound that are filtered at a time, if there are several recordings."""


def cochleagrams(waves: Sequence[Any], ear: LyonEar, *, progress: Progress = False) -> list[Any]:
    """What Lyon's ear makes of sound: the intensity in each channel over time.

    Parameters
    ----------
    waves : list of array or tensor [sample]
        Sound between -1 and 1, each at least one frame long.
    ear : LyonEar
        The ear, made for the sampling rate of the sound.
    progress : bool or str
        Whether to show a progress bar, and its label.

    Returns
    -------
    list of array or tensor [frame, channel]
        Of the same kind as `waves`, with channels from high to low frequencies.  Frame i tells of
        the sound up to sample ``(i + 1) * ear.decimation``.

    Raises
    ------
    InvalidValueError
        If this is no list, or a sound is not one-dimensional, too loud or too short.
    """
    if getattr(waves, "ndim", 2) < 2:
        raise InvalidValueError(
            f"waves must be a list of sounds; got one {type(waves).__name__}. A single sound is "
            "[wave]."
        )
    given = [_checked_wave(wave, f"waves[{i}]", ear) for i, wave in enumerate(waves)]
    made: list[Any] = [None] * len(given)
    lengths = [wave.size for wave in given]
    with shown(progress, len(given), "cochleagrams", "sounds") as bar:
        for indices in alike(lengths, 512, MOST_SAMPLES):
            batch = np.zeros((len(indices), lengths[indices[-1]]))
            for row, i in enumerate(indices):
                batch[row, : lengths[i]] = given[i]
            frames = _hear(batch, ear)
            for row, i in enumerate(indices):
                own = np.ascontiguousarray(frames[: lengths[i] // ear.decimation, row])
                made[i] = same_kind(own, waves[i])
            bar.update(len(indices))
    return made


def encode_cochlea(
    waves: Sequence[Any],
    ear: LyonEar,
    *,
    dt: float,
    max_rate: float = 500.0,
    threshold: float = 0.2,
    full_scale: float | None = None,
    progress: Progress = False,
) -> list[Any]:
    """Spikes of the auditory nerve: Lyon's ear, and evenly spaced spikes in proportion.

    The rate is ``max_rate * intensity / full_scale``, at most `max_rate`, and 0 where the intensity
    is not above `threshold` times the full scale.  Between frames the intensity is interpolated
    (Akima 1970).

    Parameters
    ----------
    waves, ear, progress
        See `cochleagrams`; each sound must be at least two frames long.
    dt : float
        Time step in ms.
    max_rate : float
        Highest rate in Hz, at most one spike in a time step.
    threshold : float
        Part of the full scale at and below which a channel is silent.
    full_scale : float, optional
        Intensity that has the highest rate.  By default the least of the maxima of all sounds that
        are not silent, so that each of them reaches the highest rate; take the number found for
        training data for test data too (`least_maximum`).

    Returns
    -------
    list of array or tensor [time, channel] of bool
        Of the same kind as `waves`.

    Raises
    ------
    InvalidValueError
        If a sound is too loud or too short, or a parameter out of range.
    """
    spikes_per_step(max_rate, dt)
    threshold = number(threshold, "threshold", minimum=0.0)
    if threshold >= 1.0:
        raise InvalidValueError(f"threshold must be a part of 1, such as 0.2; got {threshold:g}.")
    heard = cochleagrams(waves, ear, progress=progress)
    frames = [as_floats(intensity, "cochleagram") for intensity in heard]
    if full_scale is None:
        full_scale = least_maximum(frames)
    full_scale = number(full_scale, "full_scale", above=0.0)
    return [
        same_kind(_spikes(own, ear, dt, max_rate, threshold, full_scale), wave)
        for own, wave in zip(frames, waves, strict=True)
    ]


def least_maximum(intensities: Sequence[Any]) -> float:
    """The least of the maxima of those that are not silent; 1 if all are."""
    maxima = [float(intensity.max()) for intensity in intensities if intensity.shape[0]]
    return min((maximum for maximum in maxima if maximum > 0.0), default=1.0)


def _spikes(
    frames: Floats, ear: LyonEar, dt: float, max_rate: float, threshold: float, full_scale: float
) -> Spikes:
    part = resample(frames, rate=ear.frame_rate, new_rate=MS_PER_S / dt) / full_scale
    rates = np.where(part > threshold, max_rate * part.clip(0.0, 1.0), 0.0)
    return np.asarray(spikes_of_rates(rates, dt=dt))


def _checked_wave(wave: Any, what: str, ear: LyonEar) -> Floats:
    sound = as_floats(wave, what)
    if sound.ndim != 1:
        raise InvalidValueError(
            f"{what} must have one axis, of samples; got the shape {sound.shape}. Give a list of "
            "sounds, one channel each."
        )
    if sound.size < ear.decimation:
        raise InvalidValueError(
            f"{what} has {sound.size} samples; a frame of this ear has {ear.decimation}."
        )
    loudest = np.abs(sound).max()
    if loudest > 1.0:
        raise InvalidValueError(
            f"{what} must lie between -1 and 1; got {loudest:g}. 16-bit samples are divided by "
            "32768."
        )
    return sound


def _hear(batch: Floats, ear: LyonEar) -> Floats:
    """Sounds [sound, sample] as intensities [frame, sound, channel]."""
    heard = np.maximum(_cascade(batch, ear), 0.0, order="C")
    if ear.gain_control:
        _control_gain(heard, ear.sample_rate)
    if ear.differences:
        heard[..., 1:] = np.maximum(heard[..., :-1] - heard[..., 1:], 0.0)
    if ear.decimation > 1:
        heard = _decimated(heard, ear)
    return heard[..., -ear.channels :]


def _cascade(batch: Floats, ear: LyonEar) -> Floats:
    """Outputs of all sections, [sample, sound, section].

    Each section takes what the one before put out a step ago, so that all work at once; section i
    lags i steps behind, which the view that is returned takes back.
    """
    sounds, samples = batch.shape
    b0, b1, b2, a1, a2 = ear.sections
    lag = b0.size - 1
    delayed = np.zeros((samples + lag, sounds, b0.size))
    taken = np.zeros((sounds, b0.size))
    first, second, product = (np.zeros_like(taken) for _ in range(3))
    for step, given in enumerate(delayed):
        taken[:, 0] = batch[:, step] if step < samples else 0.0
        np.multiply(b0, taken, out=given)
        given += first
        np.multiply(b1, taken, out=first)
        first += second
        first -= np.multiply(a1, given, out=product)
        np.multiply(b2, taken, out=second)
        second -= np.multiply(a2, given, out=product)
        taken[:, 1:] = given[:, :-1]
    by_step, by_sound, by_section = delayed.strides
    shape = samples, sounds, b0.size
    return as_strided(delayed, shape, (by_step, by_sound, by_section + by_step), writeable=False)


def _control_gain(heard: Floats, sample_rate: float) -> None:
    """Four stages of gain control, in place."""
    rate = 1.0 - np.exp(-1.0 / (np.array(GAIN_TIME_CONSTANTS) * sample_rate))
    stages = list(zip(rate / GAIN_TARGETS, (1.0 - rate) / 3.0, strict=True))
    sounds, sections = heard.shape[1:]
    gains = np.zeros((len(stages), sounds, sections + 2))  # with a copy of either end
    passed, mean = np.empty((sounds, sections)), np.empty((sounds, sections))
    for now in heard:
        for (per_output, third), gain in zip(stages, gains, strict=True):
            inner = gain[:, 1:-1]
            np.subtract(1.0, inner, out=passed)
            now *= passed
            np.add(gain[:, :-2], gain[:, 2:], out=mean)
            mean += inner
            mean *= third
            mean += np.multiply(now, per_output, out=passed)
            np.minimum(mean, MOST_GAIN_REDUCTION, out=inner)
            gain[:, 0], gain[:, -1] = inner[:, 0], inner[:, -1]


def _decimated(heard: Floats, ear: LyonEar) -> Floats:
    """Smoothed by two low-pass filters, and the last of every so many samples.

    The filters together delay by two samples.
    """
    kept = np.exp(-1.0 / (ear.decimation * ear.smoothing))
    frames = len(heard) // ear.decimation
    once, twice = np.zeros(heard.shape[1:]), np.zeros(heard.shape[1:])
    made = np.empty((frames, *heard.shape[1:]))
    change = np.empty_like(once)
    for sample in range(frames * ear.decimation):
        if sample >= 2:
            once += np.multiply(np.subtract(heard[sample - 2], once, out=change), 1.0 - kept)
            twice += np.multiply(np.subtract(once, twice, out=change), 1.0 - kept)
        if (sample + 1) % ear.decimation == 0:
            made[sample // ear.decimation] = twice
    return made
