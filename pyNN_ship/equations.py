"""Cell and synapse types from equations with units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyNN import errors

from ship_engine.equations import neuron_model, synapse_model
from ship_engine.equations.description import Function
from ship_engine.errors import InvalidEquationsError

from .custom import NativeCellType, NativeSynapseType, native_cell_type, native_synapse_type


def cell_type(
    name: str,
    equations: str | Sequence[str],
    *,
    threshold: str | None = None,
    reset: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    refractory: str | None = None,
    receptors: Mapping[str, Any] | None = None,
    functions: Sequence[Function] = (),
    method: str | None = None,
) -> type[NativeCellType]:
    """Make a cell type of equations.

    Parameters
    ----------
    name : str
        Of the cell type.
    equations : str or sequence of str
        One on each line: ``dx/dt = expression : unit``, ``name = expression : unit`` for what
        follows from others, ``x : unit`` for a state that only spikes change.
        ``(unless refractory)`` after the unit holds a state during the refractory period.
    threshold : str, optional
        The condition for a spike, such as ``"v > v_thresh"``.
    reset : str, optional
        What follows a spike, such as ``"v = v_reset; w += b"``.
    parameters : mapping, optional
        By name: a value and a unit, as ``(20.0, "ms")``, ``"20 ms"`` or ``20.0 * quantities.ms``.
    initial : mapping, optional
        Initial values of states.
    refractory : str, optional
        The parameter (ms) that says for how long a spike holds states.
    receptors : mapping, optional
        By receptor type: the state that weights are added to, such as
        ``{"excitatory": "g_exc"}``; its weights are in nA, uS or mV.
    functions : sequence of Function
        Functions beside those of the language.
    method : {"exact", "exponential", "rk4"}, optional
        How equations that are not linear are integrated; chosen by default.

    Returns
    -------
    type[NativeCellType]
        A class for `Population`.

    Raises
    ------
    pyNN.errors.InvalidModelError
        If something is missing, unknown, or of the wrong dimension.
    """
    try:
        model = neuron_model(
            name,
            equations,
            threshold=threshold,
            reset=reset,
            parameters=parameters,
            initial=initial,
            refractory=refractory,
            ports=receptors,
            functions=functions,
            method=method,
        )
    except InvalidEquationsError as error:
        raise errors.InvalidModelError(str(error)) from error
    return native_cell_type(model)


def synapse_type(
    name: str,
    equations: str | Sequence[str] = "",
    *,
    on_pre: str = "",
    on_post: str = "",
    parameters: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    transmitted: str = "weight",
    functions: Sequence[Function] = (),
) -> type[NativeSynapseType]:
    """Make a synapse type of equations.

    Parameters
    ----------
    name : str
        Of the synapse type.
    equations : str or sequence of str
        What states follow between spikes, as for `cell_type`; linear in the states.
    on_pre, on_post : str
        Assignments at presynaptic and at postsynaptic spikes, to states and to ``weight``.
    parameters, initial : mapping, optional
        As for `cell_type`; what is a weight has the unit ``"weight"``.  With parameters ``w_min``
        and ``w_max`` a weight that changes is a strength, whose sign is kept apart.
    transmitted : str
        What a presynaptic spike brings to the target, after `on_pre`.
    functions : sequence of Function
        Functions beside those of the language.

    Returns
    -------
    type[NativeSynapseType]
        A class for `Projection`, with ``weight`` and ``delay`` beside its parameters.

    Raises
    ------
    pyNN.errors.InvalidModelError
        If something is missing, unknown, or of the wrong dimension.
    """
    try:
        model = synapse_model(
            name,
            equations,
            on_pre=on_pre,
            on_post=on_post,
            parameters=parameters,
            initial=initial,
            transmitted=transmitted,
            functions=functions,
        )
    except InvalidEquationsError as error:
        raise errors.InvalidModelError(str(error)) from error
    return native_synapse_type(model)
