"""The compiler's doors: equations in, models out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ship_engine.equations import text as t
from ship_engine.equations.description import (
    Function,
    NeuronDescription,
    SynapseDescription,
)
from ship_engine.equations.language import parse
from ship_engine.equations.neuron import compiled_neuron
from ship_engine.equations.synapse import compiled_synapse
from ship_engine.equations.syntax import names_in
from ship_engine.equations.units import unit_of
from ship_engine.errors import InvalidEquationsError
from ship_engine.models.base import Model
from ship_engine.synapses.base import Synapse


def neuron_model(
    model: str | NeuronDescription,
    equations: str | Sequence[str] = "",
    *,
    threshold: str | None = None,
    reset: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    refractory: str | None = None,
    ports: Mapping[str, Any] | None = None,
    functions: Sequence[Function] = (),
    method: str | None = None,
) -> type[Model]:
    """Make a neuron model of equations.

    Parameters
    ----------
    model : str or NeuronDescription
        The name of the model; or a description, and then nothing else.
    equations : str or sequence of str
        One on each line: ``dx/dt = expression : unit`` for a state, ``name = expression : unit``
        for a definition, ``x : unit`` for a state that only spikes change.  ``(unless refractory)``
        after the unit holds a state during the refractory period.
    threshold : str, optional
        The condition for a spike, such as ``"v > v_thresh"``.
    reset : str, optional
        Assignments that follow a spike, such as ``"v = v_reset; w += b"``.
    parameters : mapping, optional
        By name: a value and a unit, as a pair, as text ``"20 ms"`` or as a quantity; a triple has
        the least allowed value too, and a fourth item is the largest.  Numbers alone have no
        dimension.
    initial : mapping, optional
        Initial values of states, in their units, or as text with a unit, or as expressions of
        parameters.  States that the threshold looks at need one; for others it is 0.
    refractory : str, optional
        The parameter (ms) that says how long states are held after a spike: those marked in the
        equations, or if there are none, those that the threshold looks at and the reset changes.
    ports : mapping, optional
        By name of the receptor: the state that arriving weights are added to; or this, the unit
        of weights, and a factor, an expression of parameters.  Currents, conductances and
        voltages have weights in nA, uS and mV by default.
    functions : sequence of Function
        Functions beside those of the language.
    method : {"exact", "exponential", "rk4"}, optional
        How equations that are not linear are integrated; see `integration_of`.

    Returns
    -------
    type[Model]
        An ordinary model.

    Raises
    ------
    InvalidEquationsError
        If something is missing, unknown, or of the wrong dimension.
    """
    if isinstance(model, NeuronDescription):
        return _shallow(lambda: compiled_neuron(model))
    lines = t.Lines(equations)
    watched = [] if threshold is None else _states_behind(threshold, lines)
    millivolt = unit_of("mV", "a potential").dimension
    needed = {
        name: "the threshold looks at it"
        for name in watched
        if unit_of(lines.units[name], f"the state '{name}'").dimension == millivolt
    }
    assigned = () if reset is None else t.assignments(reset, "the reset")
    held = tuple(lines.held)
    if refractory is not None and not held:
        changed = {assignment.name for assignment in assigned}
        held = tuple(name for name in lines.units if name in watched and name in changed)
    description = NeuronDescription(
        name=model,
        parameters=t.parameters(parameters),
        states=t.states(lines.units, initial, needed),
        derivatives=tuple(lines.derivatives),
        definitions=tuple(lines.definitions),
        functions=tuple(functions),
        ports=t.ports(ports, lines.units),
        threshold=threshold,
        reset=None if reset is None else assigned,
        refractory_period=refractory,
        held=held,
        method=method,
    )
    return _shallow(lambda: compiled_neuron(description))


def _states_behind(threshold: str, lines: t.Lines) -> list[str]:
    """States that a threshold looks at by name."""
    names = names_in(parse(threshold, "the threshold"))
    return [name for name in lines.units if name in names]


def synapse_model(
    model: str | SynapseDescription,
    equations: str | Sequence[str] = "",
    *,
    on_pre: str = "",
    on_post: str = "",
    parameters: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    transmitted: str = "weight",
    functions: Sequence[Function] = (),
) -> type[Synapse]:
    """Make a synapse model of equations.

    Parameters
    ----------
    model : str or SynapseDescription
        The name of the model; or a description, and then nothing else.
    equations : str or sequence of str
        What states follow between spikes, as for `neuron_model`; linear in the states.
    on_pre, on_post : str
        Assignments at presynaptic and at postsynaptic spikes, to states and to ``weight``.
    parameters, initial : mapping, optional
        As for `neuron_model`; what is a weight has the unit ``"weight"``.
    transmitted : str
        What goes to the target at a presynaptic spike, after `on_pre`.
    functions : sequence of Function
        Functions beside those of the language.

    Returns
    -------
    type[Synapse]
        An ordinary synapse model.

    Raises
    ------
    InvalidEquationsError
        If something is missing, unknown, or of the wrong dimension.
    """
    if isinstance(model, SynapseDescription):
        return _shallow(lambda: compiled_synapse(model))
    lines = t.Lines(equations)
    if lines.held:
        raise InvalidEquationsError("Synapses have no refractory period in which states are held.")
    description = SynapseDescription(
        name=model,
        parameters=t.parameters(parameters),
        states=t.states(lines.units, initial),
        derivatives=tuple(lines.derivatives),
        definitions=tuple(lines.definitions),
        functions=tuple(functions),
        on_pre=t.assignments(on_pre, "on_pre"),
        on_post=t.assignments(on_post, "on_post"),
        transmitted=transmitted,
    )
    return _shallow(lambda: compiled_synapse(description))


Made = TypeVar("Made")


def _shallow(make: Callable[[], Made]) -> Made:
    """Call a function that goes through expressions, which may be too deep for it."""
    try:
        return make()
    except RecursionError as error:
        raise InvalidEquationsError(
            "These equations are nested too deeply; split them with definitions."
        ) from error


def integration_of(model: type[Model] | type[Synapse]) -> str:
    """How a model from equations is integrated, in words.

    Raises
    ------
    InvalidEquationsError
        If it is not made of equations.
    """
    text = getattr(model, "_integration", None)
    if not isinstance(text, str):
        raise InvalidEquationsError(
            f"{getattr(model, 'name', model)!r} is not made of equations by "
            "ship_engine.equations; its docstring tells how it is integrated."
        )
    return text
