"""
The random numbers of the connectors, in PyNN's order of draws.

The same seed has to give the network that pyNN.nest and pyNN.neuron give. So every function here
says which calls of PyNN it stands for, and draws exactly the numbers that those calls draw: at
once where that provably gives the same numbers, one call after the other where it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import errors
from pyNN import random as pynn
from pyNN.random import AbstractRNG, RandomDistribution

from .native_rng import NativeRNG
from .numpy_rng import NumpyRNG

#: Random numbers held at once while a connection map is drawn (8 bytes each).
NUMBERS_PER_CHUNK = 2**20

IntegerArray = NDArray[np.integer[Any]]
FloatArray = NDArray[np.float64]
RowDraw = Callable[[int], FloatArray]


def is_numpy_stream(rng: AbstractRNG) -> bool:
    """Tell whether `rng` is a NumpyRNG, whose draws do not depend on how they are grouped."""
    return (
        type(rng).next in (NumpyRNG.next, pynn.NumpyRNG.next)
        and type(rng)._next is pynn.NumpyRNG._next
        and isinstance(rng.rng, np.random.RandomState)
    )


def can_draw_at_once(distribution: Any) -> bool:
    """Tell whether one call for a + b numbers gives those of a call for a, then one for b.

    It always does for our own. NumpyRNG redraws what is out of the bounds of "normal_clipped" at
    the end of each call, and nothing is known about the generators of other people.
    """
    if not isinstance(distribution, RandomDistribution):
        return False
    if isinstance(distribution.rng, NativeRNG):
        return True
    return distribution.name != "normal_clipped" and is_numpy_stream(distribution.rng)


def next_numbers(distribution: Any, count: int) -> FloatArray:
    """Draw `count` numbers with one call of ``distribution.next``."""
    try:
        numbers = np.atleast_1d(distribution.next(count))
    except NotImplementedError as error:
        raise NotImplementedError(
            f"{getattr(distribution, 'rng', distribution)} cannot draw numbers for a connector: "
            "its next() is not implemented. Use NumpyRNG(seed), or the NativeRNG of pyNN.ship."
        ) from error
    if numbers.shape != (count,):
        raise errors.InvalidDimensionsError(
            f"{distribution} gave numbers of shape {numbers.shape} where {count} were asked for; "
            "its next(n) has to return n numbers."
        )
    return numbers


def draw_by_column(distribution: Any, counts: IntegerArray) -> FloatArray:
    """Draw ``next(count)`` for one column after the other.

    Parameters
    ----------
    distribution : RandomDistribution or object with a ``next(n)``
        Advanced by the draws: hand over a private copy.
    counts : array of int
        Connections of each column, all > 0.

    Returns
    -------
    array of float
        The numbers of all columns, one after the other.
    """
    if can_draw_at_once(distribution):
        return next_numbers(distribution, int(counts.sum()))
    drawn = [next_numbers(distribution, count) for count in counts.tolist()]
    return np.concatenate(drawn) if drawn else np.empty(0)


def draw_restarted_by_column(distribution: Any, counts: IntegerArray) -> FloatArray:
    """Draw as `draw_by_column`, but with a fresh copy of the generator for each column.

    PyNN's FromListConnector copies the synapse parameters once per target, so every target
    receives the same numbers again.
    """
    starts = np.cumsum(counts) - counts
    if can_draw_at_once(distribution):
        longest = next_numbers(deepcopy(distribution), int(counts.max(initial=0)))
        return longest[np.arange(counts.sum()) - np.repeat(starts, counts)]
    numbers = np.empty(int(counts.sum()))
    for count in np.unique(counts).tolist():
        positions = starts[counts == count][:, np.newaxis] + np.arange(count)
        numbers[positions] = next_numbers(deepcopy(distribution), count)
    return numbers


def uniform_rows(rng: AbstractRNG, row_length: int) -> RowDraw:
    """Return a function that draws rows of uniform numbers from a private copy of `rng`.

    PyNN's connection maps copy the generator that they are given, so that it never advances: two
    projections with one generator receive the same connections.
    """
    distribution = RandomDistribution("uniform", (0, 1), rng=deepcopy(rng))
    if isinstance(distribution.rng, NativeRNG):
        return lambda n_rows: distribution.next(n_rows * row_length).reshape(n_rows, row_length)
    if can_draw_at_once(distribution):
        # uniform(0, 1) is 0 + 1 * random_sample(), which is random_sample(), and faster so.
        random_sample = distribution.rng.rng.random_sample
        return lambda n_rows: random_sample((n_rows, row_length))
    return lambda n_rows: np.stack([next_numbers(distribution, row_length) for _ in range(n_rows)])


def uniform_integers(rng: AbstractRNG, count: int, bound: int) -> IntegerArray:
    """Draw `count` integers in [0, bound) as PyNN does."""
    drawn = rng.next(count, "uniform_int", {"low": 0, "high": bound}, mask=None)
    return np.asarray(drawn).astype(np.int64, copy=False)


def draw_with_replacement(
    rng: AbstractRNG, counts: Iterable[int], n_candidates: int, own: IntegerArray | None
) -> tuple[IntegerArray, IntegerArray]:
    """Choose partners for one cell after the other, each time among all candidates.

    Parameters
    ----------
    rng : AbstractRNG
        Advanced by the draws.
    counts : iterable of int
        Partners of each cell. A generator is asked for the next count just before the partners
        are drawn, as PyNN's FixedNumberPostConnector does.
    n_candidates : int
        The partners are in [0, n_candidates).
    own : array of int or None
        For each cell the candidate that it may not choose, -1 if there is none.

    Returns
    -------
    partners, counts : arrays of int
        The partners of all cells one after the other, and how many each cell has.
    """
    at_once = isinstance(rng, NativeRNG) or is_numpy_stream(rng)
    if own is None and isinstance(counts, np.ndarray) and at_once:
        return uniform_integers(rng, int(counts.sum()), n_candidates), counts
    partners = []
    for cell, count in enumerate(counts):
        chosen = uniform_integers(rng, count, n_candidates)
        if own is not None:
            _require_candidates(count, n_candidates - int(own[cell] >= 0))
            excluded = np.flatnonzero(chosen == own[cell])
            while excluded.size:
                # PyNN indexes `excluded` wrongly here and raises when a redraw hits again.
                chosen[excluded] = uniform_integers(rng, excluded.size, n_candidates)
                excluded = excluded[chosen[excluded] == own[cell]]
        partners.append(chosen)
    return _joined(partners)


def draw_without_replacement(
    rng: AbstractRNG, counts: Iterable[int], n_candidates: int, own: IntegerArray | None
) -> tuple[IntegerArray, IntegerArray]:
    """Choose partners for one cell after the other, all candidates once before any twice.

    Parameters and return values are those of `draw_with_replacement`. PyNN draws one permutation
    of all candidates per cell; the loop over cells does that and nothing else.
    """
    candidates = np.arange(n_candidates)
    partners = []
    for cell, count in enumerate(counts):
        n_allowed = n_candidates if own is None else n_candidates - int(own[cell] >= 0)
        _require_candidates(count, n_allowed)
        full_sets, remainder = divmod(count, n_allowed) if count else (0, 0)
        chosen = [candidates[:n_allowed]] * full_sets
        if remainder:
            chosen.append(rng.permutation(candidates[:n_allowed])[:remainder])
        partners.append(np.concatenate(chosen) if chosen else candidates[:0])
    joined, drawn_counts = _joined(partners)
    if own is not None:
        # The permutation is one of positions among the allowed candidates: skip the excluded one.
        excluded = np.repeat(np.where(own < 0, n_candidates, own), drawn_counts)
        joined += joined >= excluded
    return joined, drawn_counts


def _require_candidates(count: int, n_allowed: int) -> None:
    if count > 0 and n_allowed == 0:
        raise errors.ConnectionError(
            f"{count} connections per cell are asked for, but the only candidate is the cell "
            "itself. Use a larger population, or allow_self_connections=True."
        )


def _joined(partners: Sequence[IntegerArray]) -> tuple[IntegerArray, IntegerArray]:
    counts = np.fromiter((chosen.size for chosen in partners), np.int64, len(partners))
    joined = np.concatenate(partners).astype(np.int64) if partners else np.empty(0, np.int64)
    return joined, counts


def draw_pairs(
    rng: AbstractRNG, count: int, n_sources: int, targets: IntegerArray
) -> tuple[IntegerArray, IntegerArray]:
    """Draw a source, a target, a source, a target ... as PyNN's FixedTotalNumberConnector does.

    PyNN makes two scalar draws per synapse, ``randint(0, n_sources)`` and ``choice(targets)``.
    Both take 32-bit words of the generator, keep their lowest bits and reject what is too large;
    here all words are read at once. `rng` is left where PyNN would leave it.
    """
    n_targets = len(targets)
    if isinstance(rng, NativeRNG):
        return uniform_integers(rng, count, n_sources), rng.choice(targets, size=count)
    if not is_numpy_stream(rng) or not isinstance(rng.rng._bit_generator, np.random.MT19937):
        drawn = [
            (uniform_integers(rng, 1, n_sources)[0], rng.choice(targets, size=1)[0])
            for _ in range(count)
        ]
        both = np.array(drawn, dtype=np.int64).reshape(count, 2)
        return both[:, 0], both[:, 1]
    if n_sources == n_targets:
        pairs = rng.rng.randint(0, n_sources, size=(count, 2))
        return pairs[:, 0], targets[pairs[:, 1]]
    if min(n_sources, n_targets) == 1:  # a choice among one takes no word
        sources = rng.rng.randint(0, n_sources, size=count)
        return sources, targets[rng.rng.randint(0, n_targets, size=count)]
    numbers = np.concatenate(
        [
            _alternating_integers(rng.rng._bit_generator, part, (n_sources, n_targets))
            for part in _parts(count, NUMBERS_PER_CHUNK // 2)
        ]
    )
    return numbers[0::2], targets[numbers[1::2]]


def _parts(total: int, largest: int) -> list[int]:
    """Split `total` into parts of at most `largest` (one empty part if there is nothing)."""
    return [min(largest, total - start) for start in range(0, total, largest)] or [0]


def _alternating_integers(
    bit_generator: np.random.MT19937, count: int, bounds: tuple[int, int]
) -> IntegerArray:
    """Draw `count` times an integer below ``bounds[0]``, then one below ``bounds[1]``."""
    masks = [(1 << (bound - 1).bit_length()) - 1 for bound in bounds]
    words_per_pair = sum((mask + 1) / bound for mask, bound in zip(masks, bounds, strict=True))
    state = bit_generator.state
    words = np.empty(0, np.uint32)
    accepted: IntegerArray = np.empty(0, np.int64)
    while accepted.size < 2 * count:
        missing = count - accepted.size // 2
        more = bit_generator.random_raw(int(missing * words_per_pair * 1.05) + 64)
        words = np.concatenate([words, more.astype(np.uint32)])
        accepted = _accepted_in_turn(
            (words & np.uint32(masks[0])) < bounds[0], (words & np.uint32(masks[1])) < bounds[1]
        )
    accepted = accepted[: 2 * count]
    bit_generator.state = state
    if count:
        bit_generator.random_raw(int(accepted[-1]) + 1, output=False)
    numbers = words[accepted].astype(np.int64)
    numbers[0::2] &= masks[0]
    numbers[1::2] &= masks[1]
    return numbers


def _accepted_in_turn(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> IntegerArray:
    """Return the positions that two readers accept who take turns, each waiting for its own word.

    `first` and `second` tell which words each reader would accept. A word that both accept passes
    the turn. A word that one alone accepts leaves the turn with the other, whoever had it before.
    A word that neither accepts changes nothing. So the turn after any word is known from the last
    word of the second kind and the parity of the words of the first kind since then.
    """
    parity = np.logical_xor.accumulate(first & second)
    decided = first ^ second
    last_decided = np.maximum.accumulate(np.where(decided, np.arange(len(first)), -1))
    offset = np.where(last_decided < 0, False, (first ^ parity)[last_decided])
    turn_of_second = np.concatenate([[False], (parity ^ offset)[:-1]])
    return np.flatnonzero(np.where(turn_of_second, second, first))


def stable_order(keys: IntegerArray, bound: int) -> IntegerArray:
    """Return the order that sorts `keys`, all in [0, bound) and bound <= 2**32, stably.

    NumPy sorts 16-bit integers by radix, several times faster than wider ones.
    """
    order = np.argsort((keys & 0xFFFF).astype(np.uint16), kind="stable")
    if bound > 2**16:
        high = (keys >> 16).astype(np.uint16)
        order = order[np.argsort(high[order], kind="stable")]
    return order
