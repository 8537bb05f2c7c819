"""Threads that share compiled loops; machine code runs without Python's lock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

from ship_engine.fused.course_text import RANGES
from ship_engine.platform.subnormals import subnormals_are_zero

WORTH_IT = 60_000
"""Cells times steps from which a second thread saves more time than it costs."""


class Threads:
    """As many threads as torch uses."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._size = 0

    def ranges(self, work: int) -> int:
        """Into how many ranges work of this size (cells times steps) is divided."""
        return max(1, min(torch.get_num_threads(), RANGES, work // WORTH_IT))

    def run(self, function: Callable[[int], object], ranges: int) -> None:
        """Call a function with the number of each range, side by side."""
        if ranges == 1:
            _without_subnormals(function, 0)
            return
        if self._pool is None or self._size < ranges - 1:
            self._pool, self._size = ThreadPoolExecutor(ranges - 1), ranges - 1
        waiting = [self._pool.submit(_without_subnormals, function, k) for k in range(1, ranges)]
        _without_subnormals(function, 0)
        for future in waiting:
            future.result()


def _without_subnormals(function: Callable[[int], object], number: int) -> None:
    with subnormals_are_zero():
        function(number)
