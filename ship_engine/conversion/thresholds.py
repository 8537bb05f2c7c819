"""What conversions by thresholds have in common: integrate-and-fire neurons behind each stage.

A spike of a layer stands for an activation lambda, its largest; so sums of weighted spikes are in
units of the layer before, and thresholds are ratios: theta_l = lambda_l / lambda_(l-1), while
biases are divided by lambda_(l-1).  Then rates (spikes per step) are activations over lambda_l.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ship_engine.errors import InvalidValueError
from ship_engine.layers.neurons import Neurons
from ship_engine.models.base import Model
from ship_engine.platform.models.integrate_and_fire import IF, IFSoftReset

RESETS: dict[str, type[Model]] = {"zero": IF, "subtraction": IFSoftReset}
OUTPUTS = ("spikes", "sums")


def neurons(threshold: float, reset: str, stage: int, options: Mapping[str, Any]) -> Neurons:
    """The neurons of a stage.

    Raises
    ------
    InvalidValueError
        If the threshold is not positive, as no neuron could stay silent.
    """
    if not threshold > 0.0:
        raise InvalidValueError(
            f"Nothing above zero arrives at the neurons of stage {stage} (counted from 0) for "
            "these inputs, so their threshold cannot be told; give more inputs, or train anew."
        )
    return Neurons(RESETS[reset], thr=threshold, **options)
