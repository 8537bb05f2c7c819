"""Sequential networks of rate units, taken apart into what the stages of a spiking network need."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ship_engine.conversion.soft_lif import SoftLIF
from ship_engine.errors import InvalidValueError

Weighted = nn.Linear | nn.Conv1d | nn.Conv2d
LINEAR = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.AvgPool1d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.Flatten,
    nn.Unflatten,
)
"""What is computed with spikes as it is with rates: it is linear, but for biases."""
NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d)
DROPPED = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Identity)
"""What does nothing outside of training."""


@dataclass
class Stage:
    """Modules that are linear, but for biases, and the activation function that follows them.

    Attributes
    ----------
    modules : list of torch.nn.Module
        One after the other; copies, whose weights can be changed.
    activation : torch.nn.Module or None
        None behind the last modules, if the network hands on their sums.
    """

    modules: list[nn.Module] = field(default_factory=list)
    activation: nn.Module | None = None

    def sums(self, inputs: Tensor) -> Tensor:
        """What the units receive, for inputs [batch, ...]."""
        for module in self.modules:
            inputs = module(inputs)
        return inputs

    def scale_biases(self, factor: float) -> None:
        """Multiply all biases, so that sums for inputs times the factor are those times it."""
        for module in self.weighted():
            if module.bias is not None:
                module.bias.data *= factor

    def scale(self, factor: float) -> None:
        """Multiply what the units receive, by weights and bias of the last module that has some.

        Raises
        ------
        InvalidValueError
            If there is none.
        """
        weighted = list(self.weighted())
        if not weighted:
            raise InvalidValueError(
                f"There are no weights before {self.activation} that could be scaled; use "
                "scale='thresholds'."
            )
        weighted[-1].weight.data *= factor
        if weighted[-1].bias is not None:
            weighted[-1].bias.data *= factor

    def weighted(self) -> Iterator[Weighted]:
        """The modules with weights."""
        return (module for module in self.modules if isinstance(module, Weighted))


def stages_of(ann: nn.Module) -> list[Stage]:
    """Take a network apart into stages; it is left as it is.

    Normalisations are folded into the weights before them (Rueckauer et al. 2017, Front. Neurosci.
    11:682, equation 7), with the means and variances that they have in evaluation; dropout is left
    out.

    Parameters
    ----------
    ann : torch.nn.Module
        A `torch.nn.Sequential`, perhaps nested, of Linear, Conv1d or Conv2d, average pooling,
        Flatten, Dropout, BatchNorm1d or BatchNorm2d, and activation functions.

    Returns
    -------
    list of Stage

    Raises
    ------
    InvalidValueError
        If there is another kind of module, or a normalisation with no weights right before it.
    """
    stages = [Stage()]
    for module in _flat(ann):
        modules = stages[-1].modules
        if isinstance(module, DROPPED):
            continue
        if isinstance(module, NORMALISATIONS):
            if not modules or not isinstance(modules[-1], Weighted):
                raise InvalidValueError(
                    f"{module} does not follow a Linear or convolution directly, so that it cannot "
                    "be folded into its weights; put it there."
                )
            _fold(module, modules[-1])
        elif isinstance(module, (nn.ReLU, SoftLIF)):
            stages[-1].activation = copy.deepcopy(module)
            stages.append(Stage())
        elif isinstance(module, LINEAR):
            modules.append(copy.deepcopy(module).eval().requires_grad_(True))
        else:
            raise InvalidValueError(_not_convertible(module))
    return stages if stages[-1].modules else stages[:-1]


def _not_convertible(module: nn.Module) -> str:
    hints = {"MaxPool": " Train with AvgPool2d instead.", "LU": " Train with ReLU instead."}
    name = type(module).__name__
    hint = next((text for part, text in hints.items() if part in name), "")
    listed = ", ".join(kind.__name__ for kind in (*LINEAR, *NORMALISATIONS, *DROPPED))
    return (
        f"{name} cannot be converted into spiking neurons.{hint} Networks consist of {listed}, "
        "ReLU and SoftLIF, in a torch.nn.Sequential."
    )


def _flat(module: nn.Module) -> Iterator[nn.Module]:
    if isinstance(module, nn.Sequential):
        for part in module:
            yield from _flat(part)
    else:
        yield module


def _fold(norm: nn.BatchNorm1d | nn.BatchNorm2d, into: Weighted) -> None:
    """Make a module compute what it did, normalised."""
    if not norm.track_running_stats:
        raise InvalidValueError(
            f"{norm} keeps no means and variances (track_running_stats=False), so that it cannot "
            "be folded into weights."
        )
    mean, variance = torch.as_tensor(norm.running_mean), torch.as_tensor(norm.running_var)
    deviation = torch.sqrt(variance + norm.eps)
    gain = norm.weight.detach() / deviation if norm.affine else 1.0 / deviation
    shift = norm.bias.detach() if norm.affine else torch.zeros_like(gain)
    before = torch.zeros_like(gain) if into.bias is None else into.bias.detach()
    weight = into.weight.detach()
    into.weight = nn.Parameter(weight * gain.view(-1, *[1] * (weight.ndim - 1)))
    into.bias = nn.Parameter((before - mean) * gain + shift)
