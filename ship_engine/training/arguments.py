"""Arguments of the trainer, checked where they are given."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import torch

from ship_engine.errors import InvalidValueError
from ship_engine.training.modules import SpikingModule


def check_parts(module: Any, loss: Any, optimizer: Any, rule: Any) -> None:
    """Refuse parts of a trainer of a wrong kind.

    Raises
    ------
    InvalidValueError
        If the module is of torch alone, or a class or name stands where an object is wanted.
    """
    if not isinstance(module, SpikingModule):
        raise InvalidValueError(
            f"The trainer was given {_kind(module)}; give it a network, or wrap layers: "
            "ship_engine.layers.module.LayeredModule(layers, shape of an input)."
        )
    if isinstance(loss, type):
        raise InvalidValueError(f"loss is {_kind(loss)}; give an object, {loss.__name__}().")
    if not (optimizer is None or callable(optimizer)):
        raise InvalidValueError(
            f"optimizer is {_kind(optimizer)}; give what makes one of parameters, such as "
            "functools.partial(torch.optim.Adam, lr=0.01)."
        )
    if rule is not None and (isinstance(rule, type) or not hasattr(rule, "groups")):
        raise InvalidValueError(
            f"rule is {_kind(rule)}; give an object of `ship_engine.learning`, such as BPSTDP(), "
            "ReSuMe() or PES()."
        )


def _kind(found: Any) -> str:
    """What was given, in few words."""
    if isinstance(found, type):
        return f"the class {found.__name__}"
    if isinstance(found, torch.nn.Module | torch.optim.Optimizer):
        return f"a {type(found).__name__}"
    return repr(found)


def check_fit(epochs: int, patience: int | None, keep: str, resume: bool, checkpoint: Any) -> None:
    """Refuse arguments of `fit` that make no sense.

    Raises
    ------
    InvalidValueError
        If one does not.
    """
    for name, value in (("epochs", epochs), ("patience", 1 if patience is None else patience)):
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        if not whole or value < 1:
            raise InvalidValueError(f"{name} = {value!r}; give a whole number >= 1.")
    if keep not in ("last", "best"):
        raise InvalidValueError(f"keep = {keep!r}; give 'last' or 'best'.")
    if resume and checkpoint is None:
        raise InvalidValueError("resume=True without a checkpoint; name the file to go on from.")
