"""Events of a camera or of a chip: who spiked, with which polarity, and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ship_engine.data.arrays import (
    Floats,
    Integers,
    as_floats,
    is_tensor,
    number,
    one_of,
    whole_number,
)
from ship_engine.errors import InvalidValueError

BOUNDARY = 1e-6
"""Part of a time step by which an event may come before the step that it belongs to."""


@dataclass(frozen=True, eq=False)
class Events:
    """Events with an address and a time.

    Parameters
    ----------
    x, y : array of int [event]
        Column from 0 to ``width - 1`` and row from 0 to ``height - 1``; `y` may be left out (0).
    polarity : array of int [event]
        From 0 to ``polarities - 1``; 1 is ON and 0 is OFF.
    time : array of float [event]
        ms, in any order; files are refused where it goes backwards, unless that is allowed.
    width, height, polarities : int, optional
        How many there are of each; by default as many as the events need, and two polarities.

    Raises
    ------
    InvalidValueError
        If the arrays differ in length, or an address or a time is out of range.
    """

    x: Integers
    y: Integers
    polarity: Integers
    time: Floats
    width: int
    height: int
    polarities: int

    def __init__(
        self,
        x: Any,
        y: Any,
        polarity: Any,
        time: Any,
        *,
        width: int | None = None,
        height: int | None = None,
        polarities: int | None = None,
    ) -> None:
        moments = as_floats(time, "time")
        if moments.ndim != 1:
            raise InvalidValueError(f"time must have one axis; got the shape {moments.shape}.")
        if moments.size and moments.min() < 0.0:
            raise InvalidValueError(f"time must not be negative; got {moments.min():g} ms.")
        rows = np.zeros(moments.size, np.int64) if y is None else y
        addresses = {"x": (x, width), "y": (rows, height), "polarity": (polarity, polarities)}
        sizes = {"x": "width", "y": "height", "polarity": "polarities"}
        for name, (given, size) in addresses.items():
            array = _whole_numbers(given, name, moments.size)
            if size is None:
                size = max(int(array.max(initial=0)) + 1, 2 if name == "polarity" else 1)
            wrong = (array < 0) | (array >= whole_number(size, sizes[name]))
            if wrong.any():
                raise InvalidValueError(
                    f"{name} = {array[wrong][0]} of an event is not between 0 and {sizes[name]} - "
                    f"1 = {size - 1}."
                )
            object.__setattr__(self, name, array)
            object.__setattr__(self, sizes[name], size)
        object.__setattr__(self, "time", moments)

    def __len__(self) -> int:
        return int(self.time.size)

    def __repr__(self) -> str:
        span = f", {self.time.min():g} to {self.time.max():g} ms" if len(self) else ""
        return (
            f"Events({len(self)} events{span}, width={self.width}, height={self.height}, "
            f"polarities={self.polarities})"
        )

    @property
    def components(self) -> int:
        """How many addresses there are: polarities × height × width."""
        return self.polarities * self.height * self.width

    @property
    def component(self) -> Integers:
        """The address of each event as one number, ``(polarity * height + y) * width + x``."""
        return np.asarray((self.polarity * self.height + self.y) * self.width + self.x)

    @property
    def is_ordered(self) -> bool:
        """Whether no event comes before the one that precedes it."""
        return bool((np.diff(self.time) >= 0.0).all())

    def ordered(self) -> Events:
        """The events in the order of their times; those at the same time stay as they are."""
        return self._chosen(np.argsort(self.time, kind="stable"))

    def between(self, start: float, stop: float) -> Events:
        """The events from `start` up to but not including `stop` (ms), with their times."""
        return self._chosen((self.time >= start) & (self.time < stop))

    def shifted(self, by: float) -> Events:
        """The events `by` ms later; with a negative number, those that remain at >= 0 ms."""
        return self._chosen(self.time + by >= 0.0, by)

    def to_tensor(
        self,
        dt: float,
        steps: int | None = None,
        *,
        count: bool = False,
        binning: str = "floor",
        outside: str = "refuse",
        as_image: bool = False,
    ) -> Any:
        """The events on a grid of time steps, as a torch tensor.

        Parameters
        ----------
        dt : float
            Time step in ms.
        steps : int, optional
            Number of time steps; by default as many as the last event needs.
        count : bool
            Whether to count the events of a component in a step (int64), or only to tell whether
            there are any (bool).
        binning : {"floor", "nearest"}
            An event at time t is in step ``floor(t / dt)``, during which it occurs, or in the
            nearest step ``round(t / dt)``, as in SLAYER.
        outside : {"refuse", "drop"}
            What happens to events after the last step.
        as_image : bool
            Whether the result is [time, polarity, y, x] instead of [time, component].

        Returns
        -------
        tensor [time, component] or [time, polarity, y, x]
            Components are numbered as `component` says.

        Raises
        ------
        InvalidValueError
            If an event comes after the last step and `outside` is "refuse".
        """
        import torch

        dt = number(dt, "dt", above=0.0)
        part = self.time / dt
        if one_of(binning, "binning", ("floor", "nearest")) == "nearest":
            step = np.rint(part).astype(np.int64)
        else:
            step = np.floor(part + BOUNDARY).astype(np.int64)
        needed = int(step.max(initial=0)) + 1
        steps = needed if steps is None else whole_number(steps, "steps")
        component = self.component
        if needed > steps:
            if one_of(outside, "outside", ("refuse", "drop")) == "refuse":
                raise InvalidValueError(
                    f"{(step >= steps).sum()} of {len(self)} events come after the last of {steps} "
                    f"time steps of {dt:g} ms, up to {self.time.max():g} ms; take {needed} steps, "
                    "or outside='drop' to leave them out."
                )
            step, component = step[step < steps], component[step < steps]
        place = torch.from_numpy(step * self.components + component)
        shape = (self.polarities, self.height, self.width) if as_image else (self.components,)
        if count:
            made = torch.bincount(place, minlength=steps * self.components)
        else:
            made = torch.zeros(steps * self.components, dtype=torch.bool)
            made[place] = True
        return made.reshape(steps, *shape)

    @classmethod
    def from_tensor(
        cls,
        values: Any,
        dt: float,
        *,
        width: int | None = None,
        height: int = 1,
        polarities: int = 1,
    ) -> Events:
        """Events at the start of the time steps of a tensor.

        Parameters
        ----------
        values : array or tensor [time, component] or [time, polarity, y, x]
            Whole numbers >= 0, how many events there are; or bool.
        dt : float
            Time step in ms.
        width, height, polarities : int
            How the components of [time, component] are divided.

        Returns
        -------
        Events
            In the order of time, then of components.

        Raises
        ------
        InvalidValueError
            If the values are no numbers of events, or the sizes do not fit.
        """
        counts = as_floats(values, "values")
        if (counts < 0.0).any() or (counts % 1.0).any():
            raise InvalidValueError("values must be numbers of events, 0, 1, 2, …")
        if counts.ndim == 4:
            polarities, height, width = counts.shape[1:]
        elif counts.ndim != 2:
            raise InvalidValueError(
                "values must have the axes [time, component] or [time, polarity, y, x]; got the "
                f"shape {counts.shape}."
            )
        width = counts.shape[1] // (height * polarities) if width is None else width
        if counts[:1].size != polarities * height * width:
            raise InvalidValueError(
                f"{counts.shape[1]} components are not {polarities} polarities × {height} rows × "
                f"{width} columns."
            )
        repeats = counts.reshape(-1, polarities, height, width).astype(np.int64)
        places = np.nonzero(repeats)
        step, polarity, y, x = (np.repeat(axis, repeats[places]) for axis in places)
        sizes = {"width": width, "height": height, "polarities": polarities}
        return cls(x, y, polarity, step * number(dt, "dt", above=0.0), **sizes)

    def _chosen(self, which: NDArray[Any], shift: float = 0.0) -> Events:
        return Events(
            self.x[which],
            self.y[which],
            self.polarity[which],
            self.time[which] + shift,
            width=self.width,
            height=self.height,
            polarities=self.polarities,
        )


def events_to_batch(several: Iterable[Events], dt: float, steps: int, **options: Any) -> Any:
    """Several recordings on one grid of time steps, as a tensor [batch, time, component].

    Parameters
    ----------
    several : iterable of Events
        All of one size.
    dt, steps, **options
        See `Events.to_tensor`.

    Raises
    ------
    InvalidValueError
        If they differ in size, or as `Events.to_tensor`.
    """
    import torch

    recordings = list(several)
    sizes = {(each.polarities, each.height, each.width) for each in recordings}
    if len(sizes) != 1:
        raise InvalidValueError(
            "recordings of one batch must have one size; got (polarities, height, width) = "
            f"{', '.join(map(str, sorted(sizes))) or 'no recordings'}. Give it when they are made."
        )
    return torch.stack([each.to_tensor(dt, steps, **options) for each in recordings])


def _whole_numbers(given: Any, name: str, count: int) -> Integers:
    array = np.asarray(given.detach().cpu() if is_tensor(given) else given)
    if array.shape != (count,):
        raise InvalidValueError(
            f"{name} must have one value for each of the {count} times; got the shape "
            f"{array.shape}."
        )
    if array.dtype.kind not in "iub" and array.size:
        floats = as_floats(array, name)
        if (floats % 1.0).any():
            raise InvalidValueError(f"{name} must be whole numbers; got {floats[0]:g}, …")
    return array.astype(np.int64)
