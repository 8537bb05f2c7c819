"""Neurons of any model as a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError, UnknownNameError
from ship_engine.fused.blocks import Node, Plan
from ship_engine.fused.course import run_block
from ship_engine.fused.time_step import Kind
from ship_engine.layers.base import Layer, course, positive
from ship_engine.mistakes import mistakes_of_model
from ship_engine.models.base import Model, argument_names
from ship_engine.platform.fused_run import resting_steps
from ship_engine.platform.plan import Member
from ship_engine.platform.subnormals import subnormals_are_zero
from ship_engine.platform.tensor_run import TensorNeurons
from ship_engine.training.surrogates import Surrogate, surrogate_of
from ship_engine.training.transforms import Transform, allowed_by


class Neurons(Layer):
    """Neurons that take currents [time, batch, ...] and hand on spikes of the same shape.

    What a neuron computes in a step is said by its model, as in `ship_engine.platform`: what
    arrives is its ``input``, or is added to its first port; a model that never spikes hands on its
    output.  On a CPU the whole time course and its derivative are compiled loops.

    Parameters
    ----------
    model : type[Model]
        Such as `ship_engine.LIF`.
    dt : float
        Time step in ms.
    surrogate : Surrogate or str, optional
        What gives spikes a derivative; by default `SuperSpike()`.
    executor : str
        See `Layer`.
    trainable : sequence of str
        Parameters that are trained; they stay within the range that the model allows.
    **parameters : float or Tensor
        Parameters of the model; a tensor has one number for each neuron, or broadcasts to them.

    Raises
    ------
    InvalidValueError
        If the class is no model that can be computed, or a value is not allowed.
    UnknownNameError
        If the model has no such parameter.
    """

    def __init__(
        self,
        model: type[Model],
        dt: float = 1.0,
        surrogate: Surrogate | str | None = None,
        executor: str = "auto",
        trainable: Sequence[str] = (),
        **parameters: Any,
    ) -> None:
        super().__init__(executor)
        _check_model(model)
        self.model, self.dt = model, positive(dt, "dt", " ms")
        self.surrogate = surrogate_of(surrogate)
        known = {one.name: one for one in model.parameters}
        for name in (*parameters, *trainable):
            if name not in known:
                raise UnknownNameError(
                    f"{model.name} has no parameter '{name}'; it has {', '.join(known) or 'none'}."
                )
        timed = model.refractory_period
        if timed is not None and timed in trainable:
            raise InvalidValueError(
                f"'{timed}' of {model.name} is a whole number of time steps and has no gradient; "
                "train another parameter."
            )
        self.free = torch.nn.ParameterDict()
        self._transforms: dict[str, Transform] = {}
        for name, one in known.items():
            value = torch.as_tensor(parameters.get(name, one.default), dtype=torch.float64)
            if not bool(torch.as_tensor(one.allows(value)).all()):
                raise InvalidValueError(
                    f"{name} = {parameters[name]!r} of {model.name}; it must be {one.requirement}."
                )
            if name in trainable:
                self._transforms[name] = allowed_by(one, float(value.mean()))
                free = self._transforms[name].inverse(value).to(torch.get_default_dtype())
                self.free[name] = torch.nn.Parameter(free)
            else:
                self.register_buffer(f"fixed_{name}", value)

    def values(self) -> dict[str, Tensor]:
        """The parameters by name; gradients lead to the free numbers of those that are trained."""
        return {
            one.name: self._transforms[one.name].forward(self.free[one.name])
            if one.name in self.free
            else getattr(self, f"fixed_{one.name}")
            for one in self.model.parameters
        }

    def forward(self, inputs: Tensor) -> Tensor:
        """What the neurons hand on, [time, batch, ...], for currents of that shape."""
        return self.with_states(inputs, ())[0]

    def with_states(
        self, inputs: Tensor, states: Sequence[str]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What the neurons hand on, and the courses of states.

        Parameters
        ----------
        inputs : Tensor [time, batch, ...]
            Currents.
        states : sequence of str
            Of the model.

        Returns
        -------
        tuple of Tensor [time, batch, ...] and dict of str to Tensor
            A state at time t is that after step t.

        Raises
        ------
        UnknownNameError
            If the model has no such state.
        """
        names = [state.name for state in self.model.states]
        for name in states:
            if name not in names:
                raise UnknownNameError(
                    f"{self.model.name} has no state '{name}'; it has {', '.join(names)}."
                )
        inputs = course(inputs, "Neurons")
        member = self._member(inputs)
        run = self._fused if self.is_fused(inputs) else self._in_tensors
        output, found = run(inputs.flatten(2), member, bool(states))
        courses = {name: found[name].reshape(inputs.shape) for name in states}
        return output.reshape(inputs.shape), courses

    def _member(self, inputs: Tensor) -> Member:
        """The neurons and their values, for a shape of inputs."""
        shape = inputs.shape[2:]
        member = Member(type(self).__name__, self.model, (shape.numel(),), shape.numel())
        for name, value in self.values().items():
            member.values[name] = _one_for_each(value.to(inputs), name, shape)
        for state in self.model.states:
            member.initial[state.name] = inputs.new_full((1, 1), state.initial)
        return member

    def _fused(
        self, inputs: Tensor, member: Member, keep: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        model = self.model
        kind = Kind(model, parts=model.divisions(self.dt), on_platform=True)
        values = {**member.values, "dt": inputs.new_tensor(self.dt / kind.parts)}
        found = model.time_dep(*[values[name] for name in argument_names(model.time_dep)])
        for name, value in zip(model.coefficients, found, strict=True):
            values[name] = torch.as_tensor(value, dtype=inputs.dtype)
        period = resting_steps(member, self.dt) if kind.rests else None
        others: list[Tensor | None] = [None] * (kind.direct - 1)
        node = Node(kind, member.width, values, member.initial, period, [inputs, *others])
        steps, batch = inputs.shape[:2]
        like = inputs.new_zeros(0)
        plan = Plan([node], [], steps, batch, like, self.surrogate, self.runtime, keep)
        courses = run_block(plan)
        return courses.outputs[0], {n: state[1:] for n, state in courses.states[0].items()}

    def _in_tensors(
        self, inputs: Tensor, member: Member, keep: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        neurons = TensorNeurons(member, inputs.shape[1], inputs.new_zeros(()), self.surrogate)
        none = [inputs.new_zeros(())] * max(len(self.model.ports) - 1, 0)
        outputs, states = [], []
        with subnormals_are_zero():
            for step in inputs:
                outputs.append(neurons.advance([step, *none], self.dt))
                states.append(neurons.states if keep else {})
        courses = {name: torch.stack([s[name] for s in states]) for name in states[0]}
        return torch.stack(outputs), courses

    def extra_repr(self) -> str:
        """What `print` shows."""
        trained = f", trainable={tuple(self.free)}" if self.free else ""
        return f"{self.model.name}, dt={self.dt:g}{trained}"


def _one_for_each(value: Tensor, name: str, shape: torch.Size) -> Tensor:
    """A parameter as [1, 1] or [1, neuron]."""
    if value.numel() == 1:
        return value.reshape(1, 1)
    try:
        return value.expand(shape).reshape(1, -1)
    except RuntimeError as error:
        raise InvalidValueError(
            f"{name} has the shape {tuple(value.shape)}, which does not broadcast to that of the "
            f"neurons, {tuple(shape)}."
        ) from error


def _check_model(model: Any) -> None:
    """Refuse what is no model of neurons."""
    if not (isinstance(model, type) and issubclass(model, Model)):
        raise InvalidValueError(f"model = {model!r}; give a class of models, such as LIF.")
    for mistake in mistakes_of_model(model):
        raise InvalidValueError(f"{model.name}: {mistake}")
    if not (model.takes_input() or model.ports):
        raise InvalidValueError(f"{model.name} takes no input; a layer of it would do nothing.")
    if model.threshold is None and model.output is None:
        raise InvalidValueError(
            f"{model.name} has neither a threshold nor an output, and would hand on nothing; give "
            "it a function `output` of its states."
        )
    if model.winner_takes_all is not None or model.output_delay is not None:
        raise InvalidValueError(
            f"{model.name} lets components act on each other, or keeps back what it hands on, "
            "which a layer does not; use a network of ship_engine.platform."
        )
