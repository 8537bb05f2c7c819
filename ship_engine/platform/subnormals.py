"""Numbers too small to be kept with full precision, and what they cost.

A state that decays reaches them after about 90 time constants without input (float32), and rounding
then holds it there for ever.  Processors compute with them some forty times more slowly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

SMALLEST = 5e-324


@contextmanager
def subnormals_are_zero() -> Iterator[None]:
    """Take subnormal numbers as zero in this thread meanwhile, if the processor can do so."""
    if taken_as_zero() or not torch.set_flush_denormal(True):
        yield
        return
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def taken_as_zero() -> bool:
    """Whether this thread takes subnormal numbers as zero."""
    return SMALLEST * 1.0 == 0.0
