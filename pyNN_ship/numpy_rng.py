"""PyNN's NumpyRNG with an argument that it once had, and that an example of PyNN still passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray
from pyNN import random as pynn


class NumpyRNG(pynn.NumpyRNG):
    """
    The Mersenne Twister of NumPy: the numbers of `pyNN.random.NumpyRNG`, seed by seed.

    Parameters
    ----------
    seed : int, optional
        Without one, NumPy chooses.
    parallel_safe : bool
        Whether the numbers of all processes are drawn by each.
    """

    def next(
        self,
        n: int | None = None,
        distribution: str | None = None,
        parameters: Mapping[str, float] | None = None,
        mask: NDArray[Any] | None = None,
        mask_local: bool = False,
    ) -> Any:
        """Draw numbers.

        Parameters
        ----------
        n : int, optional
            How many; without it, the result is one number and no array.
        distribution : str, optional
            Name of a distribution of PyNN's; uniform in [0, 1) if there is none.
        parameters : mapping, optional
            Its parameters.
        mask : array, optional
            Which of the `n` numbers are wanted.
        mask_local : bool
            From earlier versions of PyNN, where False asked for the numbers of all processes, as
            no `mask` does now.

        Raises
        ------
        TypeError
            If `mask_local` is anything but False.
        """
        if mask_local is not False:
            raise TypeError(
                f"next(mask_local={mask_local!r}) is of an earlier PyNN; give as `mask` which of "
                "the numbers you want."
            )
        return super().next(n, distribution, parameters, mask)
