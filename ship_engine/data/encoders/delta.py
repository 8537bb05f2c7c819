"""Signals as the spikes of their changes: delta modulation.

A component spikes when the signal has moved by a threshold away from a reference, which then
follows; upward and downward moves have channels of their own.  Corradi et al. (2019), IJCNN,
"ECG-based heartbeat classification in neuromorphic hardware", build it as a circuit with one bit.
With n bits, the number of thresholds that the signal moved by, at most 2^n - 1, is written in
binary, one channel a bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ship_engine.data.arrays import (
    ROUNDING,
    Floats,
    Integers,
    Spikes,
    are_several,
    as_floats,
    number,
    one_of,
    same_kind,
    whole_number,
)
from ship_engine.data.sequences import check_sequences, together
from ship_engine.errors import InvalidValueError

MOST_BITS = 16
FOLLOWS = ("signal", "levels")


def encode_delta(
    signals: Any,
    *,
    threshold: float,
    bits: int = 1,
    initial: Any = None,
    follow: str = "signal",
) -> Any:
    """Spikes of the changes of signals.

    In each time step, k is the whole part of ``|signal - reference| / threshold``, at most
    ``2**bits - 1``.  If it is not 0, its bits are the spikes of the upward or the downward
    channels, and the reference moves.

    Parameters
    ----------
    signals : array or tensor [..., time, component], or list of [time, component]
        Any finite numbers.
    threshold : float
        Change that makes a spike, in the unit of the signals.
    bits : int
        Channels for each direction; 1 is the circuit of Corradi et al.
    initial : float or array [component], optional
        Reference before the first time step; by default the signal's first value, so that the
        first time step has no spikes.
    follow : {"signal", "levels"}
        Where the reference moves to: the signal, as the circuit does, or by k thresholds, so that
        `decode_delta` finds the signal again to within a threshold wherever k was not cut off.

    Returns
    -------
    array, tensor or list of bool [..., time, component * 2 * bits]
        Of the same kind as `signals`.  The channels of one component lie side by side: up by 1, 2,
        4, … thresholds, then down by 1, 2, 4, …

    Raises
    ------
    InvalidValueError
        If the threshold is not positive, the signals have no time axis, or `initial` does not fit.
    """
    threshold = number(threshold, "threshold", above=0.0)
    bits = _checked_bits(bits)
    one_of(follow, "follow", FOLLOWS)

    def convert(given: Floats) -> Spikes:
        levels = _levels(given, threshold, bits, initial, follow == "levels")
        return _binary(levels, bits)

    if are_several(signals):
        given = [as_floats(signal, f"signals[{i}]") for i, signal in enumerate(signals)]
        check_sequences(given, "signals")
        made = together(given, convert)
        return [same_kind(spikes, signal) for spikes, signal in zip(made, signals, strict=True)]
    array = as_floats(signals, "signals")
    if array.ndim < 2:
        raise InvalidValueError(
            f"signals must have the axes [time, component]; got the shape {array.shape}. "
            "A single signal is signal[:, None]."
        )
    return same_kind(convert(array), signals)


def decode_delta(spikes: Any, *, threshold: float, bits: int = 1, initial: Any = 0.0) -> Any:
    """The staircase that delta-modulated spikes describe.

    Parameters
    ----------
    spikes : array or tensor [..., time, component * 2 * bits]
        As `encode_delta` gives them, with ``follow="levels"``.
    threshold, bits, initial
        As given to `encode_delta`; `initial` is the signal's first value if it was left out.

    Returns
    -------
    array or tensor [..., time, component]
        Of the same kind as `spikes`.

    Raises
    ------
    InvalidValueError
        If the number of channels does not fit the number of bits.
    """
    threshold = number(threshold, "threshold", above=0.0)
    bits = _checked_bits(bits)
    given = as_floats(spikes, "spikes")
    if given.ndim < 2 or given.shape[-1] % (2 * bits):
        raise InvalidValueError(
            f"spikes with {bits} bits must have the axes [time, component * {2 * bits}]; got the "
            f"shape {given.shape}."
        )
    weights = 2.0 ** np.arange(bits)
    channels = given.reshape(*given.shape[:-1], -1, 2 * bits)
    change = channels @ np.concatenate([weights, -weights])
    return same_kind(as_floats(initial, "initial") + threshold * change.cumsum(-2), spikes)


def _checked_bits(bits: int) -> int:
    if whole_number(bits, "bits") > MOST_BITS:
        raise InvalidValueError(f"bits must be at most {MOST_BITS}; got {bits}.")
    return bits


def _levels(given: Floats, threshold: float, bits: int, initial: Any, by_levels: bool) -> Integers:
    """Signed numbers of thresholds, like the signals."""
    most = 2**bits - 1
    levels = np.zeros(given.shape, np.int64)
    if not given.shape[-2]:
        return levels
    origin = _origin(given, initial)
    reference, moved = origin, np.zeros(origin.shape, np.int64)
    for step in range(given.shape[-2]):
        now = given[..., step, :]
        change = (now - reference) / threshold
        whole = np.trunc(change + np.copysign(ROUNDING, change)).clip(-most, most)
        levels[..., step, :] = whole
        if by_levels:
            moved += levels[..., step, :]
            reference = origin + threshold * moved
        else:
            reference = np.where(whole != 0.0, now, reference)
    return levels


def _origin(given: Floats, initial: Any) -> Floats:
    """The reference before the first time step, [..., component]."""
    first = given[..., 0, :]
    if initial is None:
        return first.copy()
    start = as_floats(initial, "initial")
    if start.size not in (1, first.shape[-1]) or start.ndim > 1:
        raise InvalidValueError(
            f"initial must be one number or one for each of the {first.shape[-1]} components; got "
            f"the shape {start.shape}."
        )
    return np.broadcast_to(start, first.shape).copy()


def _binary(levels: Integers, bits: int) -> Spikes:
    """The bits of signed numbers, [..., component * 2 * bits]."""
    place = 2 ** np.arange(bits)
    magnitude = np.stack([levels.clip(0), (-levels).clip(0)], axis=-1)
    spikes = (magnitude[..., None] & place) != 0
    return spikes.reshape(*levels.shape[:-1], levels.shape[-1] * 2 * bits)
