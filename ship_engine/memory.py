"""Arrays whose rows suit vector units: aligned, and never a multiple of a page apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LINE = 8  # float64 in a cache line
_PAGE = 512  # float64 in a page


def row_width(size: int) -> int:
    """float64 from one row to the next, for rows of `size` cells.

    Rows a whole number of pages apart compete for the same sets of the first-level cache and
    make stores look like earlier loads, so such widths get some extra lines.
    """
    width = -(-max(size, 1) // _LINE) * _LINE
    remainder = width % _PAGE
    return width + 9 * _LINE if remainder < 4 * _LINE or remainder > _PAGE - 4 * _LINE else width


def aligned_rows(rows: int, size: int) -> NDArray[np.float64]:
    """Zeros of shape [rows, size]; each row is contiguous and starts on a cache line."""
    width = row_width(size)
    raw = np.zeros(rows * width + _LINE)
    shift = (-raw.ctypes.data // 8) % _LINE
    return raw[shift : shift + rows * width].reshape(rows, width)[:, :size]
