"""Conversion by maximum activation: a neuron spikes in each step at the largest activation.

Diehl, Neil, Binas, Cook, Liu & Pfeiffer (2015), Fast-classifying, high-accuracy spiking deep
networks through weight and threshold balancing, IJCNN: data-based normalisation.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ship_engine.conversion.sequential import Stage, stages_of
from ship_engine.conversion.thresholds import OUTPUTS, RESETS, neurons
from ship_engine.data.arrays import number, one_of
from ship_engine.errors import InvalidValueError
from ship_engine.layers.stepwise import Stepwise

SCALES = ("thresholds", "weights")


def convert_by_maximum_activation(
    ann: torch.nn.Module,
    inputs: Tensor,
    percentile: float = 100.0,
    reset: str = "subtraction",
    scale: str = "thresholds",
    output: str = "spikes",
    input_scale: float = 1.0,
    **options: Any,
) -> torch.nn.Sequential:
    """Replace ReLU units by integrate-and-fire neurons, balanced by the largest activations.

    Parameters
    ----------
    ann : torch.nn.Module
        A `torch.nn.Sequential`; see `ship_engine.conversion.sequential.stages_of`.
    inputs : Tensor [sample, ...]
        Of the training set, for which activations are found.
    percentile : float
        Which activation of a layer counts as its largest; 99.9 makes rates higher, at the price of
        a few that saturate (Rueckauer et al. 2017, Front. Neurosci. 11:682).
    reset : {'subtraction', 'zero'}
        What a spike does to the potential.  Zero is the paper's, and loses what exceeds the
        threshold.
    scale : {'thresholds', 'weights'}
        What is scaled; spikes are the same for either.
    output : {'spikes', 'sums'}
        Whether the last layer, if no ReLU follows it, consists of neurons that spike, or hands on
        sums of weighted spikes.
    input_scale : float
        The largest input, for which there is a spike in each step; 1 where currents are constant.
    **options
        Of `ship_engine.layers.neurons.Neurons`: dt, surrogate, executor.

    Returns
    -------
    torch.nn.Sequential
        For spikes or currents [time, batch, ...]; inputs are divided by `input_scale` before they
        are encoded.

    Raises
    ------
    InvalidValueError
        If the network is of another kind, an option is none, or a layer is never active.
    """
    one_of(reset, "reset", tuple(RESETS))
    one_of(scale, "scale", SCALES)
    one_of(output, "output", OUTPUTS)
    before = number(input_scale, "input_scale", above=0.0)
    stages = stages_of(ann)
    largest = maximum_activations(stages, inputs, percentile)
    layers: list[torch.nn.Module] = []
    for place, (stage, now) in enumerate(zip(stages, largest, strict=True)):
        spikes = stage.activation is not None or output == "spikes"
        stage.scale_biases(1.0 / before)
        threshold = now / before
        made = neurons(threshold, reset, place, options) if spikes else None
        if made is not None and scale == "weights":
            stage.scale(1.0 / threshold)
            made = neurons(1.0, reset, place, options)
        layers += [Stepwise(*stage.modules)] if stage.modules else []
        layers += [made] if made is not None else []
        before = now
    return torch.nn.Sequential(*layers)


def maximum_activations(
    stages: list[Stage], inputs: Tensor, percentile: float = 100.0, batch_size: int = 250
) -> list[float]:
    """The largest activation of each stage, or a percentile of its activations.

    Parameters
    ----------
    stages : list of Stage
        See `ship_engine.conversion.sequential.stages_of`.
    inputs : Tensor [sample, ...]
        For which activations are found.
    percentile : float
        Of the activations of all units for all samples, zeros among them; the nearest one that
        is not below it.
    batch_size : int
        How many samples are computed at a time.

    Returns
    -------
    list of float
        0 for a stage that is never active.

    Raises
    ------
    InvalidValueError
        If there are no inputs, or the percentile is not from 0 to 100, or a unit is no ReLU.
    """
    if not inputs.numel():
        raise InvalidValueError("inputs must be a tensor [sample, ...] of one sample or more.")
    share = number(percentile, "percentile", above=0.0)
    if share > 100.0:
        raise InvalidValueError(f"percentile must be at most 100; got {share:g}.")
    for stage in stages:
        if not isinstance(stage.activation, torch.nn.ReLU | None):
            raise InvalidValueError(
                f"{type(stage.activation).__name__} is no ReLU, whose largest activation could be "
                "the threshold of a neuron; use to_spiking for SoftLIF."
            )
    highest: list[Tensor | None] = [None] * len(stages)
    with torch.no_grad():
        for values in inputs.split(batch_size):
            for place, stage in enumerate(stages):
                values = stage.sums(values).clamp(min=0.0 if stage.activation else -math.inf)
                most = _rank(len(inputs) * values[0].numel(), share)
                highest[place] = _highest(highest[place], values, most)
    return [0.0 if one is None else max(float(one.min()), 0.0) for one in highest]


def _rank(count: int, percentile: float) -> int:
    """How many of some numbers are not below their percentile, at least one."""
    return max(1, count - math.ceil(count * percentile / 100.0) + 1)


def _highest(known: Tensor | None, values: Tensor, count: int) -> Tensor:
    """The highest numbers among those known and new ones."""
    flat = values.flatten() if known is None else torch.cat([known, values.flatten()])
    return flat.topk(min(count, flat.numel())).values
