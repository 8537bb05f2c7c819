"""All-to-all connections in which a component that does not spike costs nothing."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.fused.products import spike_product
from ship_engine.layers.base import Layer, course

Hook = Callable[[Tensor], Tensor]


class Dense(Layer):
    """Every input component reaches every output component: x W, without a bias.

    Inputs [time, batch, ...] of any shape are taken as one row per step.

    Parameters
    ----------
    inputs, outputs : int
        How many components there are.
    weight_scale : float
        Initial weights are uniform in ± weight_scale / sqrt(inputs).
    weight_hook : callable, optional
        What is made of the weights before they are used, such as `ship_engine.layers.quantised`.
    executor : str
        See `Layer`.

    Attributes
    ----------
    weight : Parameter [inputs, outputs]

    Raises
    ------
    InvalidValueError
        If a size is not a whole number >= 1, or inputs of another size arrive.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        weight_scale: float = 1.0,
        weight_hook: Hook | None = None,
        executor: str = "auto",
    ) -> None:
        super().__init__(executor)
        for name, size in (("inputs", inputs), ("outputs", outputs)):
            if type(size) is not int or size < 1:
                raise InvalidValueError(f"{name} = {size!r}; give a whole number >= 1.")
        self.weight_hook = weight_hook
        bound = weight_scale / math.sqrt(inputs)
        self.weight = torch.nn.Parameter(bound * (2.0 * torch.rand(inputs, outputs) - 1.0))

    def forward(self, inputs: Tensor) -> Tensor:
        """Multiply [time, batch, ...] by the weights: [time, batch, outputs]."""
        flat = course(inputs, "Dense", self.weight.dtype).flatten(2)
        if flat.shape[2] != self.weight.shape[0]:
            raise InvalidValueError(
                f"Dense({', '.join(map(str, self.weight.shape))}) got inputs of shape "
                f"{tuple(inputs.shape)}, which has {flat.shape[2]} components in each step."
            )
        weight = self.weight if self.weight_hook is None else self.weight_hook(self.weight)
        if self.is_fused(flat):
            return spike_product(self.runtime.products, flat, weight)
        return flat @ weight
