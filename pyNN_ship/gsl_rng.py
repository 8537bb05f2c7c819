"""PyNN's wrapper of the GNU Scientific Library, so that it can be copied."""

from __future__ import annotations

from typing import Any

from pyNN import random


class GSLRNG(random.GSLRNG):
    __doc__ = random.GSLRNG.__doc__

    def __getattr__(self, name: str) -> Any:
        # Without this, copying looks for special methods in a generator that is not there yet.
        if name == "rng" or name.startswith("__"):
            raise AttributeError(f"{type(self).__name__} has no attribute '{name}'")
        return super().__getattr__(name)

    def __deepcopy__(self, memo: dict[int, Any]) -> GSLRNG:
        copied = type(self).__new__(type(self))
        random.WrappedRNG.__init__(copied, self.seed, self.parallel_safe)
        copied.rng = self.rng.clone()
        return copied
