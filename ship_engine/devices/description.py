"""Descriptions of devices: frozen dataclasses whose numbers carry a unit and the allowed range."""

from __future__ import annotations

import math
from dataclasses import field, fields
from numbers import Real
from typing import Any

from ship_engine.errors import InvalidValueError
from ship_engine.models.base import Parameter


def number(
    default: float | None,
    unit: str = "",
    *,
    minimum: float = -math.inf,
    exclusive: bool = False,
    maximum: float = math.inf,
    whole: bool = False,
    optional: bool = False,
) -> Any:
    """A field of a description that holds one number.

    Parameters
    ----------
    default : float or None
        What it is if it is not given.
    unit : str
        "" if it is dimensionless.
    minimum, maximum : float
        The allowed range.
    exclusive : bool
        Whether the minimum itself is not allowed.
    whole : bool
        Whether it must be a whole number.
    optional : bool
        Whether None is allowed.
    """
    described = Parameter(
        "", 0.0 if default is None else default, unit, minimum, exclusive, maximum
    )
    return field(
        default=default,
        metadata={"described": described, "whole": whole, "optional": optional},
    )


class Description:
    """Base class of descriptions; numbers are checked when one is made.

    Raises
    ------
    InvalidValueError
        If a number is not finite, out of range, or not whole where it must be.
    """

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]
            if "described" in each.metadata:
                self._check(each.name, **each.metadata)

    def _check(self, name: str, described: Parameter, whole: bool, optional: bool) -> None:
        value = getattr(self, name)
        if value is None and optional:
            return
        wanted = described.requirement
        if whole:
            wanted = f"a whole number {wanted}" if wanted != "a finite number" else "a whole number"
        real = isinstance(value, Real) and not isinstance(value, bool)
        plain = float(value) if real else math.nan
        allowed = math.isfinite(plain) and bool(described.allows(plain))
        if not allowed or (whole and plain != int(plain)):
            unit = f" {described.unit}" if described.unit else ""
            raise InvalidValueError(
                f"{name} = {value!r} for {type(self).__name__}; it must be {wanted}{unit}."
            )

    def __repr__(self) -> str:
        """What is not as usual."""
        given = [
            f"{each.name}={getattr(self, each.name)!r}"
            for each in fields(self)  # type: ignore[arg-type]
            if getattr(self, each.name) != each.default
        ]
        return f"{type(self).__name__}({', '.join(given)})"

    @classmethod
    def units(cls) -> dict[str, str]:
        """The unit of each number by name; "" where it is dimensionless."""
        return {
            each.name: each.metadata["described"].unit
            for each in fields(cls)  # type: ignore[arg-type]
            if "described" in each.metadata
        }
