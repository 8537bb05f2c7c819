"""Layers as a network that `ship_engine.training.trainer.Trainer` trains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError, UnsupportedByExecutorError
from ship_engine.fused.runtime import Runtime
from ship_engine.layers.base import Layer, positive
from ship_engine.layers.dense import Dense
from ship_engine.layers.neurons import Neurons
from ship_engine.layers.spike_response import SpikeResponse
from ship_engine.training.connections import Connection
from ship_engine.training.modules import Activity, SpikingModule
from ship_engine.training.readouts import Readout

INPUT = "input"
"""The group that takes inputs."""


class LayeredModule(SpikingModule):
    """Layers, one after the other, as a function of inputs [batch, time, component].

    Groups are called by the numbers of the layers, or by their names in a `torch.nn.Sequential`;
    the last layer is the output.

    Parameters
    ----------
    layers : torch.nn.Sequential
        They take [time, batch, ...], as `ship_engine.layers` do.
    input_shape : int or sequence of int
        Of a time step of a sample: (channels, height, width), say.
    dt : float
        Time step in ms.

    Raises
    ------
    InvalidValueError
        If there is no layer, or the shape makes no sense.
    """

    def __init__(
        self, layers: torch.nn.Sequential, input_shape: int | Sequence[int], dt: float = 1.0
    ) -> None:
        super().__init__()
        self.dt = positive(dt, "dt", " ms")
        shape = (input_shape,) if isinstance(input_shape, int) else tuple(input_shape)
        if not shape or any(type(size) is not int or size < 1 for size in shape):
            raise InvalidValueError(
                f"input_shape = {input_shape!r}; give whole numbers >= 1, such as (2, 34, 34)."
            )
        stack: Any = layers
        if not isinstance(stack, torch.nn.Sequential) or not len(stack):
            raise InvalidValueError(
                f"layers = {layers!r}; give a torch.nn.Sequential of one layer or more."
            )
        self.layers, self.input_shape = layers, shape
        names = [name for name, _ in layers.named_children()]
        self.output: str = names[-1]
        self.input_sizes = {INPUT: math.prod(shape)}
        self._state: str | None = None
        self._outputs: int | None = None
        shared = Runtime()
        for layer in self.modules():
            if isinstance(layer, Layer):
                layer.runtime = shared

    @property
    def dtype(self) -> torch.dtype:  # type: ignore[override]
        """Type of its numbers: that of the parameters."""
        return next((one.dtype for one in self.parameters()), torch.get_default_dtype())

    def values(self) -> dict[str, Tensor]:
        """The layers' parameters by name."""
        return dict(self.layers.named_parameters())

    def forward(self, inputs: Any) -> Activity:
        (given,) = self.check_inputs(inputs).values()
        course = given.to(self.dtype).transpose(0, 1).unflatten(2, self.input_shape)
        spikes: dict[Any, Tensor] = {INPUT: given}
        states: dict[tuple[Any, str], Tensor] = {}
        for name, layer in self.layers.named_children():
            if name == self.output and self._state is not None:
                assert isinstance(layer, Neurons)
                course, found = layer.with_states(course, (self._state,))
                states[name, self._state] = _as_activity(found[self._state])
            else:
                course = layer(course)
            if isinstance(layer, Neurons | SpikeResponse) or name == self.output:
                spikes[name] = _as_activity(course)
        return Activity(spikes, states)

    def course(self, activity: Activity, readout: Readout) -> Tensor:
        if readout.of_spikes or self._state is None:
            return activity.spikes[self.output]
        return activity.states[self.output, self._state]

    def check_readout(self, readout: Readout) -> None:
        last = self.layers[-1]
        spiking = self.spikes(self.output)
        if readout.of_spikes and not spiking:
            raise InvalidValueError(
                f"The last layer ({type(last).__name__}) hands on no spikes; end with neurons that "
                "spike, or read out 'mean', 'peak' or 'last'."
            )
        self._state = None
        if readout.of_spikes or not (spiking or readout.state):
            return
        if not isinstance(last, Neurons):
            raise InvalidValueError(
                f"The last layer ({type(last).__name__}) has no state to be read out; read out "
                "'spike_count', or end with `Neurons`."
            )
        self._state = readout.state or last.model.states[0].name

    def spikes(self, group: Any) -> bool:
        if group == INPUT:
            return True
        layer = getattr(self.layers, str(group))
        return isinstance(layer, SpikeResponse) or (
            isinstance(layer, Neurons) and layer.model.threshold is not None
        )

    def connections(self) -> list[Connection]:
        """One for each `Dense` layer, from the group before it to that behind it.

        Raises
        ------
        UnsupportedByExecutorError
            If there is anything between two groups but a `Dense` layer with weights as they are.
        """
        found, source, weight = [], INPUT, ""
        for name, layer in self.layers.named_children():
            if isinstance(layer, Dense) and layer.weight_hook is None and not weight:
                weight = f"{name}.weight"
            elif isinstance(layer, Neurons | SpikeResponse) and weight:
                found.append(Connection(source, name, weight))
                source, weight = name, ""
            else:
                raise UnsupportedByExecutorError(
                    f"Layer '{name}' ({type(layer).__name__}): learning rules know the weights of "
                    "`Dense` layers without a hook, each followed by neurons; train with a "
                    "gradient, or leave the layer out."
                )
        return found

    def set_gradients(self, gradients: Mapping[str, Tensor]) -> None:
        for name, value in self.values().items():
            if name in gradients:
                value.grad = gradients[name]

    def write_back(self) -> None:
        """The layers are the network; they have the values already."""

    @property
    def outputs(self) -> int:
        """How many components the last layer has: found by a step of silence."""
        if self._outputs is None:
            with torch.no_grad():
                device = next((one.device for one in self.parameters()), None)
                silence = torch.zeros(1, 1, self.input_sizes[INPUT], device=device)
                self._outputs = self.forward(silence).spikes[self.output].shape[2]
        return self._outputs


def _as_activity(course: Tensor) -> Tensor:
    """A course of a layer as [batch, time, component]."""
    return course.flatten(2).transpose(0, 1)
