"""Losses: PyTorch's own, chosen by name or given, and whether targets fit them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.training.course_losses import CourseLoss

Loss = Callable[[Tensor, Tensor], Tensor]

LOSSES: dict[str, Loss] = {
    "cross_entropy": torch.nn.functional.cross_entropy,
    "mse": torch.nn.functional.mse_loss,
}
"""Those that can be chosen by name; any function of scores and targets will do."""


def loss_of(given: Any) -> Loss:
    """A loss, or one that is chosen by its name.

    Raises
    ------
    InvalidValueError
        If it is neither.
    """
    if callable(given):
        return given
    if isinstance(given, str) and given in LOSSES:
        return LOSSES[given]
    raise InvalidValueError(
        f"loss = {given!r}; give a function of scores and targets, such as "
        f"torch.nn.CrossEntropyLoss(), or a name: {', '.join(LOSSES)}."
    )


def as_targets(given: Any) -> Tensor:
    """Targets as a tensor.

    Raises
    ------
    InvalidValueError
        If they are no numbers, or one number for all.
    """
    try:
        targets = given if isinstance(given, Tensor) else torch.as_tensor(np.array(given))
    except (TypeError, ValueError) as error:
        raise InvalidValueError(
            f"Targets have to be numbers ({error}).  Names of classes become numbers by "
            "names, targets = numpy.unique(targets, return_inverse=True)."
        ) from error
    if not targets.ndim:
        raise InvalidValueError(f"targets = {given!r}; give one for each input.")
    return targets


def are_classes(targets: Tensor) -> bool:
    """Whether targets are numbers of classes."""
    return targets.ndim == 1 and not targets.is_floating_point()


def check_targets(targets: Tensor, samples: int, outputs: int, loss: Loss) -> None:
    """Refuse targets that do not belong to samples, or to no output.

    Raises
    ------
    InvalidValueError
        If there are more or fewer than samples, or a class has no output component, or they are
        classes where numbers are wanted.
    """
    if len(targets) != samples:
        raise InvalidValueError(
            f"There are {samples} inputs, but {len(targets)} targets; each input has one."
        )
    if isinstance(loss, CourseLoss):
        return loss.check(targets, outputs)
    known = {id(LOSSES["cross_entropy"]): True, id(LOSSES["mse"]): False}.get(id(loss))
    of_classes = isinstance(loss, torch.nn.CrossEntropyLoss | torch.nn.NLLLoss) or known is True
    of_numbers = isinstance(loss, torch.nn.MSELoss | torch.nn.L1Loss) or known is False
    if are_classes(targets):
        if of_numbers:
            raise InvalidValueError(
                f"Targets are numbers of classes, {targets.dtype} of shape "
                f"{tuple(targets.shape)}, which this loss cannot compare with scores of shape "
                f"{(samples, outputs)}; give targets of that shape, or loss='cross_entropy'."
            )
        wrong = (targets < 0) | (targets >= outputs)
        if bool(wrong.any()):
            raise InvalidValueError(
                f"A target of class {int(targets[wrong][0])}; the output group has {outputs} "
                f"components, so classes are 0 to {outputs - 1}."
            )
    elif of_numbers and tuple(targets.shape) != (samples, outputs):
        raise InvalidValueError(
            f"Targets of shape {tuple(targets.shape)} for scores of shape {(samples, outputs)}; "
            "give one number for each output component."
        )
    elif of_classes and targets.ndim != 2:
        raise InvalidValueError(
            f"Targets of shape {tuple(targets.shape)} and type {targets.dtype}; give whole "
            f"numbers 0 to {outputs - 1}, one for each sample, or probabilities of that many "
            "classes."
        )
