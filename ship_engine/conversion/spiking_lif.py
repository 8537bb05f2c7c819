"""Spiking LIF neurons in the place of Soft LIF units.

Hunsberger & Eliasmith (2015), Spiking deep networks with LIF neurons, arXiv:1510.08829.
"""

from __future__ import annotations

from typing import Any

import torch

from ship_engine.conversion.sequential import stages_of
from ship_engine.conversion.soft_lif import SoftLIF
from ship_engine.errors import InvalidValueError
from ship_engine.layers.base import positive
from ship_engine.layers.neurons import Neurons
from ship_engine.layers.stepwise import Stepwise
from ship_engine.platform.models.integrate_and_fire import LIFWithinStep, LowPass


def to_spiking(
    ann: torch.nn.Module,
    dt: float = 1.0,
    synapse: float = 5.0,
    v_min: float = 0.0,
    **options: Any,
) -> torch.nn.Sequential:
    """Replace every `SoftLIF` by spiking LIF neurons with the same parameters.

    Spikes pass a synapse, a low-pass filter of first order whose gain makes of a steady rate what
    the `SoftLIF` unit handed on.  Weights are the same.  Smoothing and noise have no counterpart.

    Parameters
    ----------
    ann : torch.nn.Module
        A `torch.nn.Sequential`; see `ship_engine.conversion.sequential.stages_of`.
    dt : float
        Time step in ms.
    synapse : float
        Time constant of the filter in ms; 0 for none.
    v_min : float
        Lowest membrane potential.
    **options
        Of `ship_engine.layers.neurons.Neurons`: surrogate, executor.

    Returns
    -------
    torch.nn.Sequential
        For currents [time, batch, ...]; it hands on scores, [time, batch, ...], which change in
        time and are to be averaged, or rates if the last layer is a `SoftLIF`.

    Raises
    ------
    InvalidValueError
        If the network is of another kind, or has no `SoftLIF`.
    """
    layers: list[torch.nn.Module] = []
    options["dt"] = positive(dt, "dt", " ms")
    for stage in stages_of(ann):
        if stage.modules:
            layers.append(Stepwise(*stage.modules))
        unit = stage.activation
        if unit is None:
            continue
        if not isinstance(unit, SoftLIF):
            raise InvalidValueError(
                f"to_spiking makes LIF neurons of SoftLIF; got {type(unit).__name__}. Train with "
                "SoftLIF in its place, or use convert_by_maximum_activation."
            )
        constants = {name: getattr(unit, name) for name in ("tau_ref", "tau_rc", "gain", "bias")}
        constants |= {"thr": unit.threshold, "v_min": v_min}
        layers += [
            Neurons(LIFWithinStep, **constants, **options),
            Neurons(LowPass, tau=synapse, gain=unit.amplitude / options["dt"], **options),
        ]
    if not any(isinstance(layer, Neurons) for layer in layers):
        raise InvalidValueError("to_spiking found no SoftLIF in this network; nothing would spike.")
    return torch.nn.Sequential(*layers)
