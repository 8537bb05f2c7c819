"""In which step arrives what is handed on with a delay."""

from __future__ import annotations

from bisect import bisect_left
from copy import copy
from typing import Any

import numpy as np
from torch import Tensor

ROUNDING = 1e-6
"""What delays may lack to half a step, as a share of them, and yet be rounded up to the next."""


class Arrivals:
    """In which step arrives what a group hands on, for every step of a run.

    Parameters
    ----------
    delay : Tensor or None
        In ms, of each component.
    steps : float64 array
        The length of each step in ms.
    least : int
        How many steps later anything arrives, at least.

    Attributes
    ----------
    number : int array
        Which of the different delays each component has.
    table : int array [delay, step]
        How many steps later arrives what is handed on in a step with each delay.
    shortest, longest : int
        Of all that the table holds.
    """

    def __init__(self, delay: Tensor | None, steps: np.ndarray[Any, Any], least: int = 0) -> None:
        given = np.zeros(1) if delay is None else delay.detach().cpu().double().numpy()
        equal = steps.size == 0 or bool((steps == steps[0]).all())
        if equal:  # as many steps later, whichever step it is
            dt = float(steps[0]) if steps.size else 1.0
            later = np.floor(given / dt + 0.5 + ROUNDING * np.maximum(given / dt, 1.0)).astype(int)
            rows, inverse = np.unique(np.maximum(later, least), return_inverse=True)
            self.table = np.broadcast_to(rows[:, None], (rows.size, steps.size))
        else:
            delays, inverse = np.unique(np.round(given, 9), return_inverse=True)
            self.table, kinds = _later(delays, steps, least)
            inverse = kinds[inverse]
        self.number = inverse.reshape(given.shape)
        self.shortest = int(self.table.min()) if steps.size else least
        self.longest = int(self.table.max()) if steps.size else least

    def part(self, steps: slice) -> Arrivals:
        """The same for some of the steps."""
        part = copy(self)
        part.table = self.table[:, steps]
        return part


def _later(
    delays: np.ndarray[Any, Any], steps: np.ndarray[Any, Any], least: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """How many steps later, by kind of delay and step, and the kind of each delay.

    The longer a delay, the later all arrives; of many delays, in ascending order, only those are
    looked at between which something changes.
    """
    ends = np.concatenate([[0.0], np.cumsum(steps)])
    middle, lasting, count = (ends[1:] + ends[:-1]) / 2.0, steps[-1], np.arange(steps.size)

    def row(delay: float) -> np.ndarray[Any, Any]:
        moment = ends[:-1] + delay + ROUNDING * np.maximum(delay, steps)
        found = np.searchsorted(middle, moment, side="right")
        beyond = steps.size + np.floor((moment - ends[-1]) / lasting + 0.5).astype(int)
        found = np.where(moment >= middle[-1], beyond, found)
        return np.maximum(found - count, least)

    rows: list[np.ndarray[Any, Any]] = []
    kinds = np.zeros(delays.size, int)
    start = 0
    while start < delays.size:
        here = row(float(delays[start]))
        alike = range(start, delays.size)
        end = start + bisect_left(
            alike, True, key=lambda k: bool((row(float(delays[k])) != here).any())
        )
        kinds[start:end] = len(rows)
        rows.append(here)
        start = end
    return np.stack(rows), kinds
