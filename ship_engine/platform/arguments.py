"""Arguments of groups: numbers, tensors, distributions, and functions, made into tensors.

An argument becomes a tensor that broadcasts to [batch, component], or to [batch, source, target]
for synapses:

=======================  =========================================================================
what is given            what becomes of it
=======================  =========================================================================
a number                 the same everywhere
a tensor, array or list  as it is, if its shape broadcasts; [component], [batch, 1], [source,
                         target], … say where it varies
a distribution           one draw for each component, the same in all of the batch; anything with
                         ``sample(shape)`` (torch), ``rvs(size=...)`` (SciPy) or ``next(n)`` (PyNN),
                         and functions with ``size=None`` (NumPy)
a function               called with the batch size and the number of components, or that of
                         sources and that of targets; what it returns is taken as a tensor
=======================  =========================================================================
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.models.base import Parameter


@dataclass(frozen=True)
class Place:
    """Where an argument belongs.

    Attributes
    ----------
    group : str
        Id of the group.
    components : tuple of int
        (components,) or (sources, targets).
    batch_size : int
        Simulations side by side.
    """

    group: str
    components: tuple[int, ...]
    batch_size: int

    @property
    def shape(self) -> tuple[int, ...]:
        """[batch, component] or [batch, source, target]."""
        return (self.batch_size, *self.components)

    @property
    def axes(self) -> str:
        """The shape in words."""
        names = ["component"] if len(self.components) == 1 else ["source", "target"]
        return f"[batch, {', '.join(names)}] = {list(self.shape)}"


def resolved(name: str, given: Any, place: Place, like: Tensor, infinite: bool = False) -> Tensor:
    """An argument as a tensor that has as many axes as its place, each as long or of length 1.

    Parameters
    ----------
    name : str
        Of the argument, for messages.
    given : number, tensor, distribution or function
        What the user wrote.
    place : Place
        Where it belongs.
    like : Tensor
        Says the device and the type of numbers.
    infinite : bool
        Whether infinite numbers may be among them.

    Raises
    ------
    InvalidValueError
        If it is none of these, has another shape, contains NaN, or requires a gradient and would
        have to be copied to another type or device, so that an optimiser changed what is not used.
    """
    value = _drawn(name, given, place)
    if isinstance(value, Tensor) and value.requires_grad:
        _check_leads_back(name, value, place, like)
    try:
        tensor = as_numbers(value, like)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidValueError(
            f"{name} = {_short(given)} of '{place.group}' is no number, tensor, distribution or "
            f"function that gives numbers ({error})."
        ) from error
    if not tensor.requires_grad:
        tensor = tensor.clone()  # so that changes of the original never reach the network
    tensor = _with_all_axes(name, tensor, place)
    if not torch.isfinite(tensor.detach().sum()):  # without another tensor
        if torch.isnan(tensor).any():
            raise InvalidValueError(f"{name} of '{place.group}' contains NaN; give numbers.")
        if not infinite and torch.isinf(tensor).any():
            raise InvalidValueError(f"{name} of '{place.group}' is infinite; give finite numbers.")
    return tensor


def as_numbers(value: Any, like: Tensor) -> Tensor:
    """A tensor of what is given.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        If it holds no real numbers.
    """
    if isinstance(value, Tensor):
        value = value.to_dense()
    if value.is_complex() if isinstance(value, Tensor) else np.iscomplexobj(value):
        raise TypeError("complex numbers")
    return torch.as_tensor(value, dtype=like.dtype, device=like.device)


def check_allowed(parameter: Parameter, value: Tensor, place: Place) -> None:
    """Raise InvalidValueError unless a parameter's values lie in the range that it allows."""
    wrong = ~parameter.allows(value)
    if not parameter.infinite:
        wrong = wrong | ~torch.isfinite(value)
    if bool(wrong.any()):
        unit = f" {parameter.unit}" if parameter.unit else ""
        raise InvalidValueError(
            f"{parameter.name} = {float(value[wrong][0].detach()):g}{unit} in '{place.group}'; it "
            f"must be {parameter.requirement}."
        )


def _check_leads_back(name: str, value: Tensor, place: Place, like: Tensor) -> None:
    """Raise InvalidValueError unless a tensor can be taken as it is."""
    if value.dtype != like.dtype or value.device != like.device:
        raise InvalidValueError(
            f"{name} of '{place.group}' requires a gradient and is {value.dtype} on "
            f"'{value.device}', but the network computes with {like.dtype} on '{like.device}'; let "
            "both be the same."
        )


def _drawn(name: str, given: Any, place: Place) -> Any:
    """What a distribution or a function gives; anything else as it is."""
    if isinstance(given, Tensor):
        return given
    if isinstance(given, torch.distributions.Distribution) and given.batch_shape:
        return _sample_of_many(name, given, place)
    if hasattr(given, "sample") and not isinstance(given, type):
        return given.sample(place.components)
    if hasattr(given, "rvs"):
        return given.rvs(size=place.components)
    if hasattr(given, "next") and hasattr(given, "name"):
        return torch.as_tensor(given.next(_product(place.components))).reshape(place.components)
    if callable(given):
        return _called(name, given, place)
    return given


def _sample_of_many(
    name: str, distribution: torch.distributions.Distribution, place: Place
) -> Tensor:
    """A draw for each component from distributions that differ along components or the batch."""
    try:
        shape = torch.broadcast_shapes(distribution.batch_shape, place.components)
    except RuntimeError as error:
        raise InvalidValueError(
            f"{name} of '{place.group}' is {distribution}, which has the shape "
            f"{list(distribution.batch_shape)}; it does not broadcast to {place.axes}."
        ) from error
    sample: Tensor = distribution.expand(shape).sample()
    return sample


def _called(name: str, function: Callable[..., Any], place: Place) -> Any:
    numbers: tuple[Any, ...] = place.shape
    try:
        taken = inspect.signature(function)
    except (TypeError, ValueError):  # functions of torch do not tell
        return function(*numbers)
    size = taken.parameters.get("size")
    if size is not None and size.default is None:  # of NumPy
        return function(size=place.components)
    if len(place.components) == 2:
        try:
            taken.bind(*numbers)
        except TypeError:
            numbers = (place.batch_size, place.components)
    try:
        taken.bind(*numbers)
    except TypeError as error:
        raise InvalidValueError(
            f"{name} of '{place.group}' is a function {function!r} that takes {taken}; it is "
            f"called with the batch size and the number of components, as f{numbers}."
        ) from error
    try:
        return function(*numbers)
    except Exception as error:
        raise InvalidValueError(
            f"{name} of '{place.group}' is a function {function!r}; called with the batch size and "
            f"the number of components, as f{numbers}, it raised {type(error).__name__}: {error}"
        ) from error


def _with_all_axes(name: str, tensor: Tensor, place: Place) -> Tensor:
    """The tensor with an axis for the batch and for components, of length 1 where missing."""
    shape = place.shape
    if tensor.dim() <= len(shape):
        full = (1,) * (len(shape) - tensor.dim()) + tuple(tensor.shape)
        if all(a in (1, b) for a, b in zip(full, shape, strict=True)):
            return tensor.reshape(full)
    raise InvalidValueError(
        f"{name} of '{place.group}' has the shape {list(tensor.shape)}, which does not broadcast "
        f"to {place.axes}.{_hint(tuple(tensor.shape), place)}"
    )


def _hint(shape: tuple[int, ...], place: Place) -> str:
    """What may have been meant by a shape that does not fit."""
    if shape == (place.batch_size,):
        ones = ", 1" * len(place.components)
        return f" If it varies along the batch, give it the shape [{place.batch_size}{ones}]."
    if len(place.components) == 2 and shape == place.components[:1]:
        return f" If it varies along the sources, give it the shape [{shape[0]}, 1]."
    if shape == place.components[::-1]:
        return " Sources come first; it may have to be transposed."
    along = zip(shape[1:], place.components, strict=False)
    if len(shape) == len(place.shape) and all(size in (1, whole) for size, whole in along):
        return f" If it varies along the batch, call net.init with batch_size={shape[0]}."
    return ""


def _product(numbers: tuple[int, ...]) -> int:
    product = 1
    for number in numbers:
        product *= number
    return product


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else text[:57] + "..."
