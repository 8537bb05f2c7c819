"""Keep the weights of any synapse in devices."""

from __future__ import annotations

from typing import Any

from ship_engine.devices.memristor import Memristor
from ship_engine.devices.synapses import memristive_synapse
from ship_engine.errors import InvalidValueError
from ship_engine.models.base import Model, Parameter
from ship_engine.platform.models.wrappers import Wrapped
from ship_engine.synapses.base import Synapse

ELAPSED = Parameter("elapsed", 0.0, "s", minimum=0.0)
"""Time since the weights were written."""


def memristive(model: Any, device: Memristor) -> Any:
    """Make a model of synapses whose weights are kept in devices.

    Parameters
    ----------
    model : type[Model] or type[Synapse]
        Synapses of a network of groups (`ship_engine.platform`): their ``w`` is written when the
        network is initialised, and read after ``elapsed``, a new parameter in s.  Or a synapse
        of an event-driven network (`ship_engine.synapses`): see `memristive_synapse`.
    device : Memristor
        In what the weights are kept.

    Returns
    -------
    type[Model] or type[Synapse]
        A model of the same kind.

    Raises
    ------
    InvalidValueError
        If it is no model of synapses with weights, is kept in a device already, or the device
        does not fit it.
    """
    if not isinstance(device, Memristor):
        raise InvalidValueError(
            f"device = {device!r} for memristive synapses; give a Memristor, such as "
            "Memristor(levels=16)."
        )
    if isinstance(model, type) and issubclass(model, Synapse):
        return memristive_synapse(model, device)
    if not (isinstance(model, type) and issubclass(model, Model)):
        raise InvalidValueError(f"memristive({model!r}, ...); give a class of synapses.")
    name = model.name or model.__name__
    if not getattr(model, "weighted", False):
        raise InvalidValueError(
            f"memristive({name}, ...): {name} has no weights that a device could keep; give a "
            "model of synapses, such as LeakySynapse."
        )
    if getattr(model, "device", None) is not None:
        raise InvalidValueError(f"The weights of {name} are kept in a device already.")
    attributes = {
        "__doc__": f"{model.__doc__}\n\n    Its weights are kept in memristive devices.\n    ",
        "__module__": model.__module__,
        "name": f"memristive({name})",
        "parameters": (*model.parameters, ELAPSED),
        "device": device,
        "_wrapped": Wrapped(model, "memristive", {"device": device}),
    }
    return type(model.__name__, (model,), attributes)
