"""What fused simulations compute with: compiled loops, threads, memory."""

from __future__ import annotations

from ship_engine.fused.buffers import Buffers
from ship_engine.fused.kernels import Kernels
from ship_engine.fused.products import Products
from ship_engine.fused.threads import Threads
from ship_engine.lowering.cache import KernelCache


class Runtime:
    """Tools that the simulations of one executor share.

    Parameters
    ----------
    cache : KernelCache, optional
        Where compiled code is kept.
    """

    def __init__(self, cache: KernelCache | None = None) -> None:
        self.kernels = Kernels(cache or KernelCache())
        self.threads = Threads()
        self.buffers = Buffers()
        self.products = Products(self.threads, self.kernels, self.buffers)
