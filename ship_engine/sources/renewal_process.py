"""Renewal processes of many components, from spike to spike.

Spikes are found over many time steps at a time and depend on nothing but the parameters and a
key: each component counts its own draws (`ship_engine.sources.intervals`), so it does not matter
where one call ends and the next begins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ship_engine.clock import SMALLEST, Clock
from ship_engine.sources.intervals import Draws, Floats, Integers, Intervals
from ship_engine.sources.spike_trains import Events

MOST_DRAWN = 1 << 17
"""Intervals that are drawn together; bounds the memory that it takes."""
_NONE = Events(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


@dataclass(frozen=True, eq=False)
class Course:
    """What is given of each component: when it is active, and pieces of constant parameters.

    Attributes
    ----------
    opening, closing : float64 [size]
        Time in ms from which, and before which, a component spikes; infinite if it never does.
    count : int64 [size]
        Number of its pieces; those of all components lie behind each other.
    until : float64 [pieces]
        Time in ms at which a piece ends; infinite for the last of each component.
    values : float64 [2, pieces]
        The parameters of its intervals.
    """

    opening: Floats
    closing: Floats
    count: Integers
    until: Floats
    values: Floats

    @cached_property
    def first(self) -> Integers:
        """The first piece of each component."""
        return np.cumsum(self.count) - self.count

    def pieces(self, cells: Integers) -> Integers:
        """All pieces of some components, one component behind the other."""
        count = self.count[cells]
        begin = self.first[cells] - (np.cumsum(count) - count)
        return np.repeat(begin, count) + np.arange(count.sum())

    def piece_at(self, time: Floats) -> Integers:
        """The piece in which each component is at a time of its own."""
        over = self.until <= np.repeat(time, self.count)
        ended = np.add.reduceat(over.astype(np.int64), self.first)
        # Those that never open are asked for an infinite time, which is behind all pieces.
        return self.first + np.minimum(ended, self.count - 1)

    def active(self, time: float) -> NDArray[np.bool_]:
        """Which components may spike at a time."""
        return (self.opening <= time) & (time < self.closing)

    def other_pieces(self, other: Course) -> NDArray[np.bool_]:
        """Which components have other parameters than in another course."""
        differ: NDArray[np.bool_] = self.count != other.count
        cells = np.flatnonzero(~differ)
        here, there = self.pieces(cells), other.pieces(cells)
        unequal = self.until[here] != other.until[there]
        unequal |= (self.values[:, here] != other.values[:, there]).any(axis=0)
        differ[np.repeat(cells, self.count[cells])[unequal]] = True
        return differ


@dataclass(frozen=True, eq=False)
class _State:
    """Where each component is; changed in place only by who has just copied it.

    `spiked` is the time of the last spike that there was; `last` is the same, or that of the spike
    which the start in equilibrium supposes; `next` is the time of the next one, given that the
    parameters of this `piece` go on; `drawn` counts draws.
    """

    course: Course
    spiked: Floats
    last: Floats
    next: Floats
    piece: Integers
    drawn: Integers

    def copy(self) -> _State:
        """The same, which may be changed."""
        return replace(
            self,
            spiked=self.spiked.copy(),
            last=self.last.copy(),
            next=self.next.copy(),
            piece=self.piece.copy(),
            drawn=self.drawn.copy(),
        )


class RenewalProcess:
    """Renewal processes as of the last time step that was asked for.

    Parameters
    ----------
    intervals : type[Intervals]
        Their distribution.
    key : (int, int)
        Of their random numbers.
    clock : Clock
        The time steps.
    """

    def __init__(self, intervals: type[Intervals], key: tuple[int, int], clock: Clock) -> None:
        self._intervals, self._key, self._clock = intervals, key, clock
        # As of the step reached, and as of the first step of the spikes kept.
        self._now: _State | None = None
        self._before: _State | None = None
        self._reached = 0
        self._kept = _NONE

    def events(self, course: Course, first: int, last: int, on_grid: bool) -> Events:
        """Spikes of the steps from `first` to `last` - 1.

        Another course than in the call before holds from `first` on.  A call may go back, but not
        beyond the first step of the call before.
        """
        if self._now is None or self._before is None:
            self._now, self._reached = self._resting(course), first
        elif first < self._reached and course is not self._now.course:
            self._now, self._reached = self._advanced(self._before, first)[0], first
        if first >= self._reached:
            self._now = self._following(self._now, course, float(self._clock.time(first)))
            self._before, self._kept = self._now, _NONE
        if last > self._reached:
            self._now, found = self._advanced(self._now, last)
            self._kept = self._kept.followed_by(found)
            self._reached = last
        asked = self._kept.between(first, last)
        if on_grid:
            return asked._replace(offset=np.full(asked.step.size, self._clock.dt))
        return asked

    def _resting(self, course: Course) -> _State:
        """Before anything: no component was ever active."""
        size = course.count.size
        never = replace(course, opening=np.full(size, np.inf))
        silent = np.full(size, -np.inf)
        return _State(never, silent, silent, -silent, course.first, np.zeros(size, np.int64))

    def _following(self, state: _State, course: Course, time: float) -> _State:
        """The state with other parameters from a time on.

        Where a component is active before and after, its hazard at its present age changes to
        that of the new parameters; where it becomes active, it does so in equilibrium.
        """
        old = state.course
        if course is old:
            return state
        other = course.other_pieces(old)
        stays = old.active(time) & course.active(time)
        waits = (time < old.opening) & (old.opening == course.opening) & ~other
        begins = np.flatnonzero(~stays & ~waits)
        piece = course.first + state.piece - old.first
        at = np.maximum(course.opening, time)
        piece = np.where(other | ~stays & ~waits, course.piece_at(at), piece)
        new = replace(state.copy(), course=course, piece=piece)
        self._begin(new, begins, at[begins])
        self._redraw(new, np.flatnonzero(stays & other), time)
        return new

    def _begin(self, state: _State, cells: Integers, time: Floats) -> None:
        state.next[cells] = np.inf
        ever = np.isfinite(time)
        cells, time = cells[ever], time[ever]
        values, silence = state.course.values[:, state.piece[cells]], time - state.spiked[cells]
        draws = Draws(self._key, cells, state.drawn[cells])
        state.last[cells] = time - self._intervals.age(draws, values, silence)
        state.drawn[cells] += 2
        self._redraw(state, cells, time)

    def _redraw(self, state: _State, cells: Integers, time: Floats | float) -> None:
        """Draw the next spike anew, given that there was none up to a time."""
        age = np.maximum(time - state.last[cells], 0.0)
        draws = Draws(self._key, cells, state.drawn[cells])
        values = state.course.values[:, state.piece[cells]]
        state.next[cells] = time + self._intervals.remainder(draws, values, age)
        state.drawn[cells] += 1

    def _advanced(self, state: _State, step: int) -> tuple[_State, Events]:
        """The state at the start of a step, and the spikes till then."""
        course = state.course
        new = state.copy()
        found_cells, found_times = [np.empty(0, np.int64)], [np.empty(0)]
        cells = np.arange(course.count.size)
        while True:
            end, upcoming = course.until[new.piece[cells]], new.next[cells]
            earlier = np.minimum(end, upcoming)
            due = self._within(earlier, step) & (earlier < course.closing[cells])
            cells, end, over = cells[due], end[due], end[due] <= upcoming[due]
            if cells.size == 0:
                return new, self._sorted(np.concatenate(found_cells), np.concatenate(found_times))
            crossing = cells[over]
            new.piece[crossing] += 1
            self._redraw(new, crossing, end[over])
            spiking, times = self._spikes(new, cells[~over], step)
            found_cells.append(spiking)
            found_times.append(times)

    def _sorted(self, cells: Integers, times: Floats) -> Events:
        steps, offsets = self._clock.step_and_offset(times, on_grid=False)
        order = np.lexsort((offsets, cells, steps))
        return Events(steps[order], cells[order], offsets[order])

    def _spikes(self, state: _State, cells: Integers, step: int) -> tuple[Integers, Floats]:
        """Spikes of components whose next one is due, some for each, and their cells."""
        course, piece, first = state.course, state.piece[cells], state.next[cells]
        values = course.values[:, piece]
        limit = np.minimum(course.until[piece], course.closing[cells])
        until = np.minimum(limit, float(self._clock.time(step)))
        width = self._draws_for(cells.size, (until - first) / self._intervals.mean(values))
        number = state.drawn[cells, None] + np.arange(width)
        draws = Draws(self._key, np.repeat(cells, width), number.reshape(-1))
        fresh = self._intervals.remainder(
            draws, np.repeat(values, width, axis=1), np.zeros(number.size)
        )
        # One after the other, so that the sums do not depend on how many are drawn at once.
        times = np.cumsum(np.column_stack([first, fresh.reshape(number.shape)]), axis=1)
        happen = self._within(times, step) & (times < limit[:, None])
        happen[:, -1] = False
        count = happen.sum(axis=1)
        row = np.arange(cells.size)
        state.spiked[cells] = state.last[cells] = times[row, count - 1]
        state.next[cells] = times[row, count]
        state.drawn[cells] += count
        return np.repeat(cells, count), times[happen]

    def _draws_for(self, components: int, expected: Floats) -> int:
        """How many intervals to draw for each of some components."""
        if components == 0:
            return 1
        wanted = 1.0 + max(float(expected.mean()), 0.0)
        # Most components then need no second turn; a turn takes longer than a thousand draws.
        wanted += 2.0 * math.sqrt(wanted)
        return int(min(wanted, max(MOST_DRAWN // components, 1)))

    def _within(self, time: Floats, step: int) -> NDArray[np.bool_]:
        """Whether times lie in steps before one, by the rounding of `Clock.step_and_offset`."""
        inside: NDArray[np.bool_] = np.ceil(time / self._clock.dt - SMALLEST) <= step
        return inside
