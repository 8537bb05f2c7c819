"""Random numbers of many distributions, each a function of a seed and its place in a stream.

A stream is a sequence of 64-bit words, those of Philox4x64-10 (Salmon et al. 2011, SC11) as NumPy
computes it. A number takes a fixed count of words, so that drawing a numbers and then b gives what
drawing a + b at once gives. Where a candidate may be rejected, the next one is made of words that
belong to the place of the number and to the count of rejections (Philox4x32-10), and the stream
does not move on.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ship_engine.errors import InvalidValueError
from ship_engine.random import philox, stream_key

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_REDRAWS = 1000
"""Candidates for one number before a distribution counts as impossible to draw from."""

INVERSION_LIMIT = 10.0
"""Below this mean, Poisson and binomial numbers come from their distribution function."""

_WORDS_PER_BLOCK = 4


class RandomStream:
    """A place in a stream of random numbers, which moves on with every draw.

    Parameters
    ----------
    seed : int
        Whole number >= 0; streams of different seeds are independent.
    position : int, optional
        Words of the stream that are left out.
    """

    def __init__(self, seed: int, position: int = 0) -> None:
        self.seed, self.position = seed, position

    def copy(self) -> RandomStream:
        """Another stream at the same place."""
        return RandomStream(self.seed, self.position)

    def _words(self, count: int) -> NDArray[np.uint64]:
        block, skipped = divmod(self.position, _WORDS_PER_BLOCK)
        generator = np.random.Philox(key=self.seed % 2**128, counter=block)
        words: NDArray[np.uint64] = generator.random_raw(skipped + count)
        self.position += count
        return words[skipped:]

    def unit(self, count: int) -> Floats:
        """Uniform numbers in (0, 1)."""
        return _unit(self._words(count))

    def pairs(self, count: int) -> tuple[Floats, Floats, Integers]:
        """Two uniform numbers in (0, 1) for each of `count` places, and the places."""
        places = self.position + 2 * np.arange(count, dtype=np.int64)
        words = self._words(2 * count).reshape(count, 2)
        return _unit(words[:, 0]), _unit(words[:, 1]), places

    def accepted(self, count: int, candidates: Callable[[Floats, Floats], Floats]) -> Floats:
        """Numbers made of two uniform ones each, redrawn while they are NaN.

        Raises
        ------
        InvalidValueError
            If a number has been rejected a thousand times.
        """
        first, second, places = self.pairs(count)
        numbers = candidates(first, second)
        missing = np.flatnonzero(np.isnan(numbers))
        for attempt in range(1, MOST_REDRAWS + 1):
            if missing.size == 0:
                return numbers
            redrawn = candidates(*self._redraw(places[missing], attempt))
            numbers[missing] = redrawn
            missing = missing[np.isnan(redrawn)]
        raise InvalidValueError(
            f"No number within the bounds in {MOST_REDRAWS} draws; widen the bounds of the "
            "distribution."
        )

    def beside(self, count: int) -> Floats:
        """One more uniform number for each of the next `count` places, which are still to come."""
        return self._redraw(self.position + 2 * np.arange(count, dtype=np.int64), 0)[0]

    def _redraw(self, places: Integers, attempt: int) -> tuple[Floats, Floats]:
        index = places.astype(np.uint64)
        counter = (index & np.uint64(0xFFFFFFFF), index >> np.uint64(32), attempt, 0)
        a, b, c, d = philox(stream_key(self.seed, 0x52454452), counter)
        shift = np.uint64(32)
        return _unit((a << shift) | b), _unit((c << shift) | d)


def _unit(words: NDArray[np.uint64]) -> Floats:
    """Numbers in (0, 1) of 53 bits, of which neither end is one."""
    return ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise InvalidValueError(f"Cannot draw random numbers: {what}.")


def uniform(stream: RandomStream, count: int, low: float, high: float) -> Floats:
    """Between `low` and `high`."""
    return low + (high - low) * stream.unit(count)


def uniform_integers(stream: RandomStream, count: int, low: int, high: int) -> Integers:
    """Whole numbers from `low` to `high` - 1."""
    _require(low < high, f"no whole number n has {low} <= n < {high}")
    return int(low) + np.floor(stream.unit(count) * (int(high) - int(low))).astype(np.int64)


def permutation(stream: RandomStream, count: int) -> Integers:
    """The numbers from 0 to `count` - 1 in any order."""
    return np.argsort(stream.unit(count)).astype(np.int64)


def exponential(stream: RandomStream, count: int, scale: float) -> Floats:
    """Of mean `scale`."""
    _require(scale >= 0, f"the scale of an exponential distribution is {scale}, and must be >= 0")
    return -scale * np.log(stream.unit(count))


def _standard_normal(first: Floats, second: Floats) -> Floats:
    return np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second)


def normal(stream: RandomStream, count: int, mean: float, deviation: float) -> Floats:
    """Of a mean and a standard deviation (Box and Muller 1958)."""
    _require(deviation >= 0, f"the standard deviation is {deviation}, and must be >= 0")
    first, second, _ = stream.pairs(count)
    return mean + deviation * _standard_normal(first, second)


def lognormal(stream: RandomStream, count: int, mean: float, deviation: float) -> Floats:
    """Exponentials of normal numbers with this mean and standard deviation."""
    return np.exp(normal(stream, count, mean, deviation))


def normal_clipped(
    stream: RandomStream, count: int, mean: float, deviation: float, low: float, high: float
) -> Floats:
    """Normal numbers, redrawn while they are not between `low` and `high`."""
    _require(deviation >= 0, f"the standard deviation is {deviation}, and must be >= 0")
    _require(low <= high, f"no number is between {low} and {high}")

    def candidates(first: Floats, second: Floats) -> Floats:
        numbers = mean + deviation * _standard_normal(first, second)
        return np.where((numbers >= low) & (numbers <= high), numbers, np.nan)

    return stream.accepted(count, candidates)


def normal_clipped_to_boundary(
    stream: RandomStream, count: int, mean: float, deviation: float, low: float, high: float
) -> Floats:
    """Normal numbers; what is beyond `low` or `high` is set to it."""
    _require(low <= high, f"no number is between {low} and {high}")
    return np.clip(normal(stream, count, mean, deviation), low, high)


def gamma(stream: RandomStream, count: int, shape: float, scale: float) -> Floats:
    """Of mean `shape` * `scale` (Marsaglia and Tsang 2000, ACM TOMS 26, 363).

    Below a shape of 1, a number of shape + 1 times a power of a uniform one.
    """
    _require(shape > 0, f"the shape of a gamma distribution is {shape}, and must be > 0")
    _require(scale >= 0, f"the scale of a gamma distribution is {scale}, and must be >= 0")
    below_one = shape < 1.0
    d = (shape + 1.0 if below_one else shape) - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)

    def candidates(first: Floats, second: Floats) -> Floats:
        # The angle of Box and Muller's pair is independent of the radius; a third number for the
        # test is the part of `second` that its first 26 bits leave over.
        coarse = np.floor(second * 2.0**26)
        angle, test = (coarse + 0.5) * 2.0**-26, second * 2.0**26 - coarse
        x = _standard_normal(first, angle)
        v = (1.0 + c * x) ** 3
        with np.errstate(invalid="ignore", divide="ignore"):
            good = np.log(test) < 0.5 * x * x + d * (1.0 - v + np.log(v))
        return np.where((v > 0) & good, d * v, np.nan)

    power = stream.beside(count) ** (1.0 / shape) if below_one else 1.0
    return scale * stream.accepted(count, candidates) * power


def poisson(stream: RandomStream, count: int, mean: float) -> Integers:
    """Counts of a given mean: by inversion, for larger ones by rejection (PTRS).

    Hörmann 1993, Insurance: Mathematics and Economics 12, 39.
    """
    _require(mean >= 0, f"the mean of a Poisson distribution is {mean}, and must be >= 0")
    if mean < INVERSION_LIMIT:
        first, _, _ = stream.pairs(count)
        return _inverted(first, math.exp(-mean), lambda k: mean / k)
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    fast = 0.9277 - 3.6224 / (b - 2.0)

    def candidates(first: Floats, second: Floats) -> Floats:
        u = first - 0.5
        us = 0.5 - np.abs(u)
        k = np.floor((2.0 * a / us + b) * u + mean + 0.43)
        possible = (k >= 0) & ~((us < 0.013) & (second > us))
        log_density = k * math.log(mean) - mean - _log_factorial(np.maximum(k, 0.0))
        good = np.log(second * inverse_alpha / (a / (us * us) + b)) <= log_density
        return np.where(((us >= 0.07) & (second <= fast)) | (possible & good), k, np.nan)

    return stream.accepted(count, candidates).astype(np.int64)


def binomial(stream: RandomStream, count: int, trials: int, probability: float) -> Integers:
    """Successes in `trials`: by inversion, for larger means by rejection (BTRS).

    Hörmann 1993, Journal of Statistical Computation and Simulation 46, 101.
    """
    _require(
        trials >= 0 and trials == int(trials),
        f"the number of trials is {trials}, and must be a whole number >= 0",
    )
    _require(0 <= probability <= 1, f"{probability} is no probability between 0 and 1")
    if probability > 0.5:
        return int(trials) - binomial(stream, count, trials, 1.0 - probability)
    n, p = int(trials), probability
    odds = p / (1.0 - p)
    if n * p < INVERSION_LIMIT:
        first, _, _ = stream.pairs(count)
        return _inverted(first, math.exp(n * math.log1p(-p)), lambda k: odds * (n + 1 - k) / k)
    spread = math.sqrt(n * p * (1.0 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    alpha = (2.83 + 5.1 / b) * spread
    mode = math.floor((n + 1) * p)
    at_mode = _log_factorial(np.array(float(mode))) + _log_factorial(np.array(float(n - mode)))

    def candidates(first: Floats, second: Floats) -> Floats:
        u = first - 0.5
        us = 0.5 - np.abs(u)
        k = np.floor((2.0 * a / us + b) * u + n * p + 0.5)
        possible = (k >= 0) & (k <= n)
        inside = np.clip(k, 0.0, n)
        tails = _log_factorial(inside) + _log_factorial(n - inside)
        log_density = at_mode - tails + (inside - mode) * math.log(odds)
        good = np.log(second * alpha / (a / (us * us) + b)) <= log_density
        quick = (us >= 0.07) & (second <= 0.92 - 4.2 / b)
        return np.where(possible & (quick | good), k, np.nan)

    return stream.accepted(count, candidates).astype(np.int64)


def _inverted(uniform_numbers: Floats, at_zero: float, ratio: Callable[[int], float]) -> Integers:
    """The smallest k whose distribution function is not below each number.

    `at_zero` is the probability of 0, `ratio(k)` that of k over that of k - 1.
    """
    cumulated, probability = [at_zero], at_zero
    while probability > 1e-18 or len(cumulated) <= INVERSION_LIMIT:
        probability *= ratio(len(cumulated))
        if probability <= 0.0:
            break
        cumulated.append(cumulated[-1] + probability)
    bounded = np.minimum(uniform_numbers, cumulated[-1])
    return np.searchsorted(cumulated, bounded, side="left").astype(np.int64)


def _log_factorial(k: Floats) -> Floats:
    """Logarithm of k!, by Stirling's series from 10 on and by products below."""
    table = np.cumsum(np.log(np.arange(1.0, 10.0)))
    small = np.concatenate([[0.0], table])[np.minimum(k, 9.0).astype(np.int64)]
    x = np.maximum(k, 9.0) + 1.0
    inverse = 1.0 / (x * x)
    series = (1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse / 1260.0)) / x
    large = (x - 0.5) * np.log(x) - x + 0.5 * math.log(2.0 * math.pi) + series
    return np.where(k < 10.0, small, large)


def vonmises(stream: RandomStream, count: int, mean: float, concentration: float) -> Floats:
    """Angles in [-pi, pi] (Best and Fisher 1979, Applied Statistics 28, 152)."""
    _require(concentration >= 0, f"the concentration is {concentration}, and must be >= 0")
    if concentration < 1e-8:
        angles = np.pi * (2.0 * stream.unit(count) - 1.0)
    else:
        tau = 1.0 + math.sqrt(1.0 + 4.0 * concentration**2)
        rho = (tau - math.sqrt(2.0 * tau)) / (2.0 * concentration)
        # For a large concentration the quotient loses its digits; its limit does not.
        r = (1.0 + rho**2) / (2.0 * rho) if concentration < 1e6 else 1.0 + 1.0 / concentration

        def candidates(first: Floats, second: Floats) -> Floats:
            z = np.cos(np.pi * first)
            f = np.clip((1.0 + r * z) / (r + z), -1.0, 1.0)
            c = concentration * (r - f)
            # The sign is the highest bit of the number for the test.
            sign = np.where(second < 0.5, -1.0, 1.0)
            test = np.where(second < 0.5, 2.0 * second, 2.0 * second - 1.0)
            good = np.log(c / test) + 1.0 - c >= 0.0
            return np.where(good, sign * np.arccos(f), np.nan)

        angles = stream.accepted(count, candidates)
    return np.mod(angles + mean + np.pi, 2.0 * np.pi) - np.pi
