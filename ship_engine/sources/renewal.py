"""Groups of renewal processes: spike trains that are told by the distribution of their intervals.

Their spikes are rare beside time steps, so they are found from interval to interval, by the same
code for every executor (`ship_engine.sources.renewal_process`).

Parameters may change at any step.  Then the hazard of each component goes on at its present age,
with the new parameters; that is what a step of the parameters of `SpikeSourceInhGamma` does, too.
A component that comes to life anew (by `start`, `duration`, or a rate that was 0) does so in
equilibrium, but for a dead time that is not yet over.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ship_engine.errors import InvalidValueError
from ship_engine.groups import Group, Selection
from ship_engine.models.base import Model, Parameter, Source
from ship_engine.models.sources import (
    SpikeSourceGamma,
    SpikeSourceInhGamma,
    SpikeSourcePoisson,
    SpikeSourcePoissonRefractory,
)
from ship_engine.random import stream_key
from ship_engine.sources.intervals import DeadTimeIntervals, GammaIntervals, Intervals
from ship_engine.sources.renewal_process import Course, RenewalProcess
from ship_engine.sources.spike_trains import Events

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork


RARE = 0.03
"""Spikes in a step and component below which it is faster to find them one by one."""


class RenewalGroup(Group):
    """Renewal processes."""

    model: type[Source]
    source: ClassVar[type[Source]]
    intervals: ClassVar[type[Intervals]]

    def __init__(
        self, size: int, label: str = "", parameters: Mapping[str, ArrayLike] | None = None
    ) -> None:
        super().__init__(self.source, size, label, parameters)
        self._process: RenewalProcess | None = None
        self._course, self._course_version = self._new_course(), self.version

    def events(
        self, network: EventNetwork, first: int, last: int, repetition: int | None = None
    ) -> Events:
        """Spikes from step `first` to `last` - 1.

        Parameters
        ----------
        network : EventNetwork
            The network that the group belongs to.
        first, last : int
            Time steps.  In a run they follow each other; a call may go back as far as the first
            step of the call before.
        repetition : int, optional
            Leaves the group as it is and tells the spikes from the first step on as they would be
            after so many more resets.
        """
        if self._course_version != self.version:
            self._course, self._course_version = self._new_course(), self.version
        if repetition is not None:
            process = self._new_process(network, repetition)
        else:
            process = self._process = self._process or self._new_process(network, 0)
        return process.events(self._course, first, last, network.on_grid)

    def reset(self) -> None:
        super().reset()
        self._process = None

    def _new_process(self, network: EventNetwork, repetition: int) -> RenewalProcess:
        stream = ((network.epoch + repetition) << 32) | network.groups.index(self)
        return RenewalProcess(self.intervals, stream_key(network.seed, stream), network.clock)

    @abstractmethod
    def _new_course(self) -> Course:
        """The parameters as the process takes them."""

    def _constant_course(self, rate: str, values: NDArray[np.float64]) -> Course:
        """Parameters that do not depend on time; components without rate never open."""
        start = self.get("start")
        return Course(
            opening=np.where(self.get(rate) > 0.0, start, np.inf),
            closing=start + self.get("duration"),
            count=np.ones(self.size, np.int64),
            until=np.full(self.size, np.inf),
            values=values,
        )


class PoissonGroup(RenewalGroup):
    """Poisson processes; see `SpikeSourcePoisson`.

    While spikes are rare, they are found from interval to interval.  Where there are many in a
    time step, executors count them step by step, which is faster then.
    """

    source = SpikeSourcePoisson
    intervals = DeadTimeIntervals

    def rare(self, dt: float) -> bool:
        """Whether few components spike in a step of `dt` (ms)."""
        return float(self.values["rate"].mean()) * 1e-3 * dt < RARE

    def _new_course(self) -> Course:
        rate = 1e-3 * self.get("rate")
        return self._constant_course("rate", np.stack([rate, np.zeros(self.size)]))


class PoissonRefractoryGroup(RenewalGroup):
    """Poisson processes with dead time; see `SpikeSourcePoissonRefractory`."""

    source = SpikeSourcePoissonRefractory
    intervals = DeadTimeIntervals

    def set(self, selection: Selection = None, **parameters: ArrayLike) -> None:
        """Set parameters of all components or of some; see `Group.set`.

        Raises
        ------
        InvalidValueError
            Also if a rate cannot be reached with its dead time.  Nothing is changed.
        """
        before = dict(self.values)
        super().set(selection, **parameters)
        rate, dead_time = self.get("rate"), self.get("tau_refrac")
        impossible = np.flatnonzero(1e-3 * rate * dead_time >= 1.0)
        if impossible.size:
            self.values = before
            cell = impossible[0]
            raise InvalidValueError(
                f"rate = {rate[cell]:g} Hz with tau_refrac = {dead_time[cell]:g} ms in "
                f"'{self.label}'; the rate includes the dead times, so it must be < "
                f"1000 / tau_refrac = {1e3 / dead_time[cell]:g} Hz."
            )

    def _new_course(self) -> Course:
        rate, dead_time = 1e-3 * self.get("rate"), self.get("tau_refrac")
        return self._constant_course("rate", np.stack([rate / (1.0 - rate * dead_time), dead_time]))


class GammaGroup(RenewalGroup):
    """Gamma processes; see `SpikeSourceGamma`."""

    source = SpikeSourceGamma
    intervals = GammaIntervals

    def _new_course(self) -> Course:
        beta = self.get("beta")
        scale = 1e3 / np.where(beta > 0.0, beta, np.inf)
        return self._constant_course("beta", np.stack([self.get("alpha"), scale]))


class InhGammaGroup(RenewalGroup):
    """Gamma processes with time-dependent parameters; see `SpikeSourceInhGamma`."""

    source = SpikeSourceInhGamma
    intervals = GammaIntervals

    def __init__(
        self, size: int, label: str = "", parameters: Mapping[str, ArrayLike] | None = None
    ) -> None:
        self._sequences = {
            p.name: [np.array([p.default])] * size for p in SpikeSourceInhGamma.sequences
        }
        super().__init__(size, label, parameters)

    @property
    def sequences(self) -> dict[str, list[NDArray[np.float64]]]:
        return self._sequences

    def set(self, selection: Selection = None, **parameters: ArrayLike) -> None:
        """Set parameters of all components or of some.

        Parameters
        ----------
        selection : slice or integer array, optional
            Which components; all by default.
        **parameters : float, array or list of arrays
            For `a`, `b` and `tbins`: one array for each selected component.  For the others see
            `Group.set`.

        Raises
        ------
        UnknownNameError
            If the model has no parameter of that name.
        InvalidValueError
            If a value is not allowed, `a`, `b` and `tbins` of a component are not of the same
            length, or `tbins` is not ascending.  Nothing is changed.
        """
        chosen = np.arange(self.size)[slice(None) if selection is None else selection]
        numbers, merged = dict(parameters), dict(self._sequences)
        for parameter in SpikeSourceInhGamma.sequences:
            given = numbers.pop(parameter.name, None)
            if given is not None:
                merged[parameter.name] = self._merged_sequences(parameter, given, chosen)
        for cell in chosen:
            self._check_bins(int(cell), *(merged[name][cell] for name in ("a", "b", "tbins")))
        super().set(selection, **numbers)
        self._sequences = merged

    def _merged_sequences(
        self, parameter: Parameter, given: ArrayLike, chosen: NDArray[np.intp]
    ) -> list[NDArray[np.float64]]:
        arrays = list(given) if isinstance(given, (list, tuple)) else None
        if arrays is None or len(arrays) != chosen.size:
            raise InvalidValueError(
                f"{parameter.name} of '{self.label}' is {given!r}; give a list of arrays, one "
                f"for each of {chosen.size} components."
            )
        merged = list(self._sequences[parameter.name])
        for cell, values in zip(chosen, arrays, strict=True):
            array = np.array(values, np.float64).reshape(-1)
            wrong = ~(np.isfinite(array) & parameter.allows(array))
            if wrong.any():
                raise InvalidValueError(
                    f"{parameter.name} of component {cell} of '{self.label}' has a value of "
                    f"{array[wrong][0]:g} {parameter.unit}; each must be {parameter.requirement}."
                )
            merged[cell] = array
        return merged

    def _check_bins(self, cell: int, a: ArrayLike, b: ArrayLike, tbins: ArrayLike) -> None:
        sizes = [np.size(values) for values in (a, b, tbins)]
        if sizes[0] == 0 or sizes != sizes[:1] * 3:
            raise InvalidValueError(
                f"a, b and tbins of component {cell} of '{self.label}' have {sizes[0]}, {sizes[1]} "
                f"and {sizes[2]} values; give one of each for every time bin, all at once."
            )
        if (np.diff(tbins) <= 0.0).any():
            raise InvalidValueError(
                f"tbins of component {cell} of '{self.label}' must be in ascending order, and "
                "none may occur twice; they are the times at which the bins begin."
            )

    def _new_course(self) -> Course:
        count = np.array([bins.size for bins in self._sequences["tbins"]])
        first = np.cumsum(count) - count
        a, b, begin = (np.concatenate(self._sequences[name]) for name in ("a", "b", "tbins"))
        # A bin with the parameters of the one before belongs to it.
        kept = np.append(True, (a[1:] != a[:-1]) | (b[1:] != b[:-1]))
        kept[first] = True
        start = self.get("start")
        begins = np.append(begin[kept], np.inf)
        count_kept = np.add.reduceat(kept.astype(np.int64), first)
        until = begins[1:].copy()
        until[np.cumsum(count_kept) - 1] = np.inf
        return Course(
            opening=np.maximum(start, begin[first]),
            closing=start + self.get("duration"),
            count=count_kept,
            until=until,
            values=np.stack([a[kept], 1e3 * b[kept]]),
        )


RENEWAL_GROUPS: dict[type[Model] | type[Source], type[RenewalGroup]] = {
    group.source: group
    for group in (PoissonGroup, PoissonRefractoryGroup, GammaGroup, InhGammaGroup)
}
"""The group that each model needs."""
