"""What `Network.init` is told, and the kind of numbers that a network computes with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError

DTYPES = (torch.float32, torch.float64)


@dataclass(frozen=True)
class Settings:
    """What `Network.init` was told."""

    dt: float
    nts: int | None
    batch_size: int | None

    @staticmethod
    def checked(dt: Any, nts: Any = None, time: Any = None, batch_size: Any = None) -> Settings:
        """The same with a number of time steps."""
        if not _positive(dt):
            raise InvalidValueError(f"dt = {dt!r} ms; give a number > 0, such as 1.0.")
        if nts is not None and time is not None:
            raise InvalidValueError(f"nts = {nts} and time = {time} ms; give one of them.")
        if time is not None:
            if not _positive(time):
                raise InvalidValueError(f"time = {time!r} ms; give a number > 0.")
            count = float(time) / float(dt)
            nts = round(count)
            if abs(nts - count) > 1e-7 * (1.0 + count):
                raise InvalidValueError(
                    f"time = {time} ms is no whole number of time steps of {dt} ms; give nts, or "
                    f"time = {max(nts, 1) * float(dt):g}."
                )
        for name, value in {"nts": nts, "batch_size": batch_size}.items():
            whole = isinstance(value, Integral) and not isinstance(value, bool)
            if value is not None and not (whole and value >= 1):
                raise InvalidValueError(f"{name} = {value!r}; give a whole number >= 1.")
        return Settings(
            float(dt),
            None if nts is None else int(nts),
            None if batch_size is None else int(batch_size),
        )


def _positive(value: Any) -> bool:
    """Whether it is a finite number > 0."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    return number and 0.0 < float(value) < math.inf


def checked_seed(seed: Any) -> int:
    """A seed of random numbers.

    Raises
    ------
    InvalidValueError
        If it is no whole number.
    """
    if not isinstance(seed, Integral) or isinstance(seed, bool):
        raise InvalidValueError(f"seed = {seed!r}; give a whole number.")
    return int(seed)


def step_pairs(params: Any) -> list[tuple[Any, Any]]:
    """The time steps of a run as pairs of a length (ms) and a number.

    Raises
    ------
    InvalidValueError
        If they are something else.
    """
    try:
        return [(dt, count) for dt, count in params]
    except (TypeError, ValueError) as error:
        raise InvalidValueError(
            f"Time steps are {type(params).__name__} that holds no pairs (dt, steps); give a list "
            "such as [(0.1, 500), (1.0, 50)], and the inputs after it."
        ) from error


def empty_tensor(dtype: torch.dtype, device: str | torch.device) -> Tensor:
    """A tensor without numbers, which says the device and the type of others.

    Raises
    ------
    InvalidValueError
        If networks do not compute with such numbers, or there is no such device here.
    """
    if dtype not in DTYPES:
        raise InvalidValueError(f"dtype = {dtype}; give torch.float32 or torch.float64.")
    try:
        return torch.zeros(0, dtype=dtype, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InvalidValueError(
            f"device = {str(device)!r} cannot be used here ({error}); 'cpu' always can."
        ) from error
