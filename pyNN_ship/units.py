"""Values with units: `quantities` are converted to PyNN's units, or refused by dimension."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import quantities as pq
from pyNN import errors
from pyNN.parameters import ArrayParameter
from pyNN.random import RandomDistribution

UNITS = {
    "ms": pq.ms,
    "mV": pq.mV,
    "nA": pq.nA,
    "uS": pq.uS,
    "nF": pq.nF,
    "Hz": pq.Hz,
    "degrees": pq.degrees,
}
"""PyNN's units by the names that models give them; `unit_of` knows more."""


def unit_of(name: str | None) -> pq.Quantity | None:
    """The unit behind a model's name for it, such as '/ms'; None if there is none of that name."""
    if not name:
        return None
    if name in UNITS:
        return UNITS[name]
    try:
        return pq.Quantity(1.0, _parsable(name))
    except (LookupError, SyntaxError, TypeError, AttributeError):
        return None


def has_unit(value: Any) -> bool:
    """Whether a value is a quantity, or a list or `Sequence` with quantities in it."""
    if isinstance(value, pq.Quantity):
        return True
    if isinstance(value, ArrayParameter):
        return has_unit(value.value)
    return _is_list(value) and any(has_unit(item) for item in value)


def _is_list(value: Any) -> bool:
    """Whether what a value holds may be objects, such as quantities."""
    return isinstance(value, (list, tuple)) or (
        isinstance(value, np.ndarray) and value.dtype == object and value.ndim > 0
    )


def magnitude(name: str, value: Any, unit: str | None) -> Any:
    """A value as plain numbers in PyNN's unit; what carries no unit is returned as it is.

    Parameters
    ----------
    name : str
        Of the parameter, for the message.
    value : any
        A quantity, a list of quantities, a `Sequence` of them, or anything else.
    unit : str or None
        PyNN's unit, such as 'mV'; None if the parameter has none.

    Raises
    ------
    pyNN.errors.InvalidParameterValueError
        If the dimension is wrong.
    """
    if isinstance(value, ArrayParameter) and has_unit(value.value):
        return type(value)(magnitude(name, value.value, unit))
    if isinstance(value, types.FunctionType):
        return _in_unit(name, value, unit)
    if isinstance(value, RandomDistribution) and any(map(has_unit, value.parameters.values())):
        raise errors.InvalidParameterValueError(
            f"{name} is a RandomDistribution whose parameters have units; give them as plain "
            f"numbers in {unit}."
        )
    if not has_unit(value):
        return value
    if _is_list(value):
        return [magnitude(name, item, unit) for item in value]
    known = unit_of(unit)
    if unit is None or known is None:
        wanted = f"in {unit}" if unit else "without a unit"
        raise errors.InvalidParameterValueError(
            f"{name} = {value} has a unit; give a plain number {wanted}."
        )
    try:
        converted = value.rescale(known)
    except ValueError as error:
        raise errors.InvalidParameterValueError(
            f"{name} = {value} cannot be converted to {unit}; give it in {unit} or a unit of "
            f"the same dimension, for example {name}={_example(unit)}."
        ) from error
    plain = converted.magnitude
    return float(plain) if plain.ndim == 0 else plain.copy()


def magnitudes(values: Mapping[str, Any], units: Mapping[str, str]) -> dict[str, Any]:
    """`magnitude` for each of several named values, none of which may be missing."""
    for name, value in values.items():
        refuse_text(name, value)
        require_value(name, value)
    return {name: magnitude(name, value, units.get(name)) for name, value in values.items()}


def require_value(name: str, value: Any) -> None:
    """Refuse what can never be a parameter's value.

    Raises
    ------
    pyNN.errors.InvalidParameterValueError
        If it is None, a dictionary or a complex number.
    """
    if value is None or isinstance(value, (dict, complex)):
        raise errors.InvalidParameterValueError(
            f"{name} = {value!r}; give a number, a list or array of numbers, a "
            "RandomDistribution or a function."
        )


def refuse_text(name: str, value: Any) -> None:
    """Refuse text where only numbers have a meaning; synapses take expressions of the distance.

    Raises
    ------
    pyNN.errors.InvalidParameterValueError
        If it is text, or a list or array with text in it.
    """
    listed = value if _is_list(value) or isinstance(value, np.ndarray) else [value]
    if isinstance(listed, np.ndarray):
        listed = listed.flat if listed.dtype.kind in "OUS" else []
    if any(isinstance(item, (str, bytes)) for item in listed):
        raise errors.InvalidParameterValueError(
            f"{name} = {value!r} is text; give numbers without quotation marks."
        )


def _in_unit(name: str, function: Callable[..., Any], unit: str | None) -> Callable[..., Any]:
    """The same function with its result as plain numbers."""

    def converted(*arguments: Any) -> Any:
        return magnitude(name, function(*arguments), unit)

    return converted


def time_in_ms(name: str, value: Any) -> Any:
    """A time or duration as a number of ms."""
    return magnitude(name, value, "ms")


def _example(unit: str) -> str:
    if unit.isidentifier():
        return f"10*quantities.{unit}"
    return f"quantities.Quantity(10, '{_parsable(unit)}')"


def _parsable(unit: str) -> str:
    """The unit as `quantities` wants it, '1/ms' for '/ms'."""
    return f"1{unit}" if unit.startswith("/") else unit
