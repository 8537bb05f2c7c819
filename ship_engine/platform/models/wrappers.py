"""Wrappers: functions that take a model and give one that does something more.

They compose with any model and with each other, such as ``delayed(refractory(LIF))``, and hold for
time steps that vary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ship_engine.errors import InvalidValueError
from ship_engine.models.base import Model, Parameter, argument_names

REFRACTORY_TIME = Parameter("refr_time", 2.0, "ms", minimum=0.0)
DELAY_TIME = Parameter("delay_time", 1.0, "ms", minimum=0.0)


class Wrapped(NamedTuple):
    """How a model was made of another one.

    Attributes
    ----------
    model : type[Model]
        The other one.
    wrapper : str
        The name of the wrapper.
    arguments : mapping
        What the wrapper was given besides.
    """

    model: type[Model]
    wrapper: str
    arguments: Mapping[str, Any]


def refractory(model: type[Model]) -> type[Model]:
    """A neuron that is not free for the time ``refr_time`` (ms) after a spike.

    What is not free neither integrates nor spikes.  The time is rounded to whole steps where those
    are equal; a neuron is free again in the first step that begins half a step or less before
    the time is over.

    Parameters
    ----------
    model : type[Model]
        A model with a threshold.  What it resets stays as the reset left it, unless the model
        itself says what it does while it is not free.

    Raises
    ------
    InvalidValueError
        If the model never spikes, or has a refractory period already.
    """
    _require_model(model, "refractory")
    if model.threshold is None:
        raise InvalidValueError(
            f"refractory({model.name}): the model never spikes, so it has no refractory period."
        )
    if model.refractory_period is not None:
        raise InvalidValueError(
            f"refractory({model.name}): the model has a refractory period; set its parameter "
            f"'{model.refractory_period}'."
        )
    held = () if "free" in argument_names(model.advance_timestep) else _compared_and_reset(model)
    return _derived(
        model, "refractory", REFRACTORY_TIME, refractory_period=REFRACTORY_TIME.name, held=held
    )


def delayed(model: type[Model]) -> type[Model]:
    """A component that hands on what it has to say a time ``delay_time`` (ms) later.

    The time is rounded to whole steps, half a step upwards; with steps of varying length it arrives
    in the step whose beginning is nearest.  What runs backward in the stack, and so closes a loop,
    arrives one step later at least.

    Parameters
    ----------
    model : type[Model]
        Neurons, whose components may have different delays, or synapses.

    Raises
    ------
    InvalidValueError
        If the model is delayed already.
    """
    _require_model(model, "delayed")
    if model.output_delay is not None:
        raise InvalidValueError(f"delayed({model.name}): the model is delayed already.")
    return _derived(model, "delayed", DELAY_TIME, output_delay=DELAY_TIME.name)


def winner_take_all(model: Any) -> type[Model]:
    """Neurons of which the first to spike resets all others of its group.

    Neurons that spike in the same step all do; the others are not free in the next step, or are
    reset at once if they need no step for that.

    Raises
    ------
    InvalidValueError
        If the model never spikes, or is wrapped so already.
    """
    return _competing(model, "winner_take_all", "reset")


def winner_take_all_refractory(model: type[Model]) -> type[Model]:
    """Neurons that share the refractory period of whichever spikes, besides being reset by it.

    Raises
    ------
    InvalidValueError
        If the model has no refractory period, or is wrapped so already.
    """
    _require_model(model, "winner_take_all_refractory")
    if model.refractory_period is None:
        raise InvalidValueError(
            f"winner_take_all_refractory({model.name}): there is no refractory period to share; "
            f"write winner_take_all_refractory(refractory({model.name}))."
        )
    return _competing(model, "winner_take_all_refractory", "refractory")


def substeps(model: type[Model], count: Any) -> type[Model]:
    """A model that divides every time step into `count` equal parts.

    Raises
    ------
    InvalidValueError
        If the number is not a whole number >= 1.
    """
    _require_model(model, "substeps")
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InvalidValueError(f"substeps({model.name}, {count!r}); give a whole number >= 1.")
    attributes = {
        "__doc__": model.__doc__,
        "__module__": model.__module__,
        "name": f"substeps({model.name}, {count})",
        "inner_steps": count,
        "_wrapped": Wrapped(model, "substeps", {"count": count}),
    }
    return type(model.__name__, (model,), attributes)


def unwrapped(model: type) -> tuple[type, list[Wrapped]]:
    """The model inside all wrappers, and these from the inside out."""
    wrapped: Wrapped | None = vars(model).get("_wrapped")
    if wrapped is None:
        return model, []
    inner, wrappers = unwrapped(wrapped.model)
    return inner, [*wrappers, wrapped]


def _competing(model: type[Model], wrapper: str, what: str) -> type[Model]:
    _require_model(model, wrapper)
    if model.threshold is None:
        raise InvalidValueError(
            f"{wrapper}({model.name}): the model never spikes, so none of its components wins."
        )
    if model.winner_takes_all is not None:
        raise InvalidValueError(f"{wrapper}({model.name}): its winner takes all already.")
    return _derived(model, wrapper, winner_takes_all=what)


def _require_model(model: Any, wrapper: str) -> None:
    if not (isinstance(model, type) and issubclass(model, Model)):
        raise InvalidValueError(
            f"{wrapper}({model!r}): give a model, a subclass of ship_engine.models.base.Model, "
            "such as LIF."
        )


def _compared_and_reset(model: type[Model]) -> tuple[str, ...]:
    """States that the threshold compares and a spike resets; adaptation goes on meanwhile."""
    assert model.threshold is not None
    compared = model.compared or argument_names(model.threshold)
    return tuple(name for name in model.reset_states if name in compared)


def _derived(
    model: type[Model], wrapper: str, *parameters: Parameter, **attributes: Any
) -> type[Model]:
    """A subclass with more parameters and other attributes."""
    names = [parameter.name for parameter in model.parameters]
    for parameter in parameters:
        if parameter.name in names:
            raise InvalidValueError(
                f"{wrapper}({model.name}): the model has a parameter '{parameter.name}' already."
            )
    attributes |= {
        "__doc__": f"{model.name}, {wrapper}.\n\n{model.__doc__ or ''}",
        "__module__": model.__module__,
        "name": f"{wrapper}({model.name})",
        "parameters": (*model.parameters, *parameters),
        "_wrapped": Wrapped(model, wrapper, {}),
    }
    return type(model.__name__, (model,), attributes)


WRAPPERS = {
    function.__name__: function
    for function in (refractory, delayed, winner_take_all, winner_take_all_refractory, substeps)
}
"""Every wrapper by its name."""
