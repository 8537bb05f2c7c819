"""A model's functions on tensors, and flows of any duration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ship_engine.lowering.settle_source import MOST_PARTS, REFINEMENT
from ship_engine.models.base import Model, argument_names

Values = dict[str, Tensor]


class ModelFunctions:
    """A model's functions, which take what they need from mappings of names to tensors.

    `values` of the methods are parameters, the injected current as ``i_inj`` and, where they are
    needed, coefficients.
    """

    def __init__(self, model: type[Model]) -> None:
        self.states = [state.name for state in model.states]
        self._model = model
        self._time_dep = _by_name(model.time_dep)
        self._advance = _by_name(model.advance_timestep)
        self._threshold = _by_name(model.threshold) if model.threshold is not None else None
        self._alarm = _by_name(model.alarm) if model.alarm is not None else self._threshold
        self._reset = _by_name(model.reset) if model.reset is not None else None

    def coefficients(self, values: Mapping[str, Any], dt: Tensor) -> Values:
        """What `time_dep` gives for this dt, by name."""
        return _named(self._model.coefficients, self._time_dep({**values, "dt": dt}))

    def advance(
        self, states: Values, values: Mapping[str, Any], free: Tensor | float = 1.0
    ) -> Values:
        """The next states, given coefficients among `values`."""
        return _named(self.states, self._advance({**values, **states, "free": free}))

    def threshold(self, states: Values, values: Mapping[str, Any]) -> Tensor | None:
        """>= 0 where a cell spikes; None if the model never does."""
        if self._threshold is None:
            return None
        distance: Tensor = self._threshold({**values, **states})
        return distance

    def alarm(self, states: Values, values: Mapping[str, Any]) -> Tensor | None:
        """>= 0 where a cell has to be looked at closer, given coefficients among `values`."""
        if self._alarm is None:
            return None
        distance: Tensor = self._alarm({**values, **states})
        return distance

    def overloaded(self, states: Values, values: Mapping[str, Any], step: Tensor) -> Tensor | None:
        """Whether a step of this duration is too long for each cell; None if none ever is."""
        overload = self._model.overload
        if overload is None:
            return None
        load: Tensor = _by_name(overload)({**values, **states, "step": step})
        return load > 0.0

    def reset(self, states: Values, values: Mapping[str, Any]) -> Values:
        """The states that a spike changes, after it."""
        if self._reset is None:
            return {}
        return _named(self._model.reset_states, self._reset({**values, **states}))

    def flow(self, states: Values, values: Values, duration: Tensor, held: bool = False) -> Values:
        """The states after a duration [cells], in one step of `advance_timestep`."""
        known = values | self.coefficients(values, duration)
        new = self.advance(states, known, 0.0 if held else 1.0)
        return new | {name: states[name] for name in self._model.held} if held else new

    def long_flow(
        self, states: Values, values: Values, duration: Tensor, active: Tensor, held: bool = False
    ) -> Values:
        """The states after a duration, divided if the model asks for it; active cells only."""
        if not active.any():
            return states
        limit = self._model.longest_step
        parts = divisions(duration, limit)
        while True:
            long = self.overloaded(states, values, duration / parts)
            if long is None or not bool((long := active & long & (parts < MOST_PARTS)).any()):
                break
            parts = torch.where(long, parts / REFINEMENT, parts)
        part = torch.where(active, duration / parts, 1.0 if limit is None else limit)
        for k in range(int(parts[active].max())):
            new = self.flow(states, values, part, held)
            states = chosen(active & (k < parts), new, states)
        return states


def divisions(duration: Tensor, limit: float | None) -> Tensor:
    """Into how many steps within the limit each duration is divided."""
    if limit is None:
        return torch.ones_like(duration)
    return (duration / limit - 1e-9).ceil().clamp(min=1.0)


def chosen(condition: Tensor, if_true: Mapping[str, Any], if_false: Values) -> Values:
    """By name, one value where the condition holds and the other elsewhere."""
    return {name: torch.where(condition, value, if_false[name]) for name, value in if_true.items()}


def taken(values: Values, cells: Tensor) -> Values:
    """The values of some cells; those that all have in common as they are."""
    return {n: v if v.numel() == 1 else v[cells] for n, v in values.items()}


def _by_name(function: Callable[..., Any]) -> Callable[[Mapping[str, Any]], Any]:
    names = argument_names(function)
    return lambda values: function(*[values[name] for name in names])


def _named(names: Any, results: Any) -> Values:
    return dict(zip(names, results, strict=True))
