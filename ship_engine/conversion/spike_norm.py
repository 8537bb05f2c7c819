"""Spike-Norm: thresholds found layer by layer with the spiking network itself.

Sengupta, Ye, Wang, Liu & Roy (2019), Going deeper in spiking neural networks: VGG and residual
architectures, Front. Neurosci. 13:95, algorithm 1.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ship_engine.conversion.encoders import Encoder
from ship_engine.conversion.sequential import stages_of
from ship_engine.conversion.simulation import MEMORY, batches, simulate
from ship_engine.conversion.thresholds import OUTPUTS, RESETS, neurons
from ship_engine.data.arrays import number, one_of, whole_number
from ship_engine.errors import InvalidValueError
from ship_engine.layers.stepwise import Stepwise


def convert_by_spike_norm(
    ann: torch.nn.Module,
    inputs: Tensor,
    encoder: Encoder,
    steps: int,
    reset: str = "subtraction",
    output: str = "spikes",
    input_scale: float = 1.0,
    memory: int = MEMORY,
    **options: Any,
) -> torch.nn.Sequential:
    """Replace ReLU units by integrate-and-fire neurons, balanced by the largest weighted input.

    The threshold of each layer, from the first on, is the largest input that any of its neurons
    receives in a step while the layers before it spike.  Every sample starts from silent neurons.
    Biases, which the paper does without, are scaled so that they keep their part in the sums.

    Parameters
    ----------
    ann : torch.nn.Module
        A `torch.nn.Sequential`; see `ship_engine.conversion.sequential.stages_of`.
    inputs : Tensor [sample, ...]
        Of the training set, with which the spiking network is run, divided by `input_scale`.
    encoder : callable
        See `ship_engine.conversion.encoders`; the paper's is `SignedBernoulli`.
    steps : int
        For how many steps.
    reset : {'subtraction', 'zero'}
        What a spike does to the potential.
    output : {'spikes', 'sums'}
        Whether the last layer, if no ReLU follows it, consists of neurons that spike, or hands on
        sums of weighted spikes.
    input_scale : float
        The input that a spike in each step stands for.
    memory : int
        How many bytes the simulations may take, about.
    **options
        Of `ship_engine.layers.neurons.Neurons`: dt, surrogate, executor.

    Returns
    -------
    torch.nn.Sequential
        For spikes or currents [time, batch, ...].

    Raises
    ------
    InvalidValueError
        If the network is of another kind, an option is none, or nothing arrives at a layer.
    """
    one_of(reset, "reset", tuple(RESETS))
    one_of(output, "output", OUTPUTS)
    stands_for = number(input_scale, "input_scale", above=0.0)
    steps = whole_number(steps, "steps")
    layers: list[torch.nn.Module] = []
    for place, stage in enumerate(stages_of(ann)):
        if not isinstance(stage.activation, torch.nn.ReLU | None):
            raise InvalidValueError(
                f"{type(stage.activation).__name__} is no ReLU, which Spike-Norm replaces; use "
                "to_spiking for SoftLIF."
            )
        stage.scale_biases(1.0 / stands_for)
        layers += [Stepwise(*stage.modules)] if stage.modules else []
        if stage.activation is None and output == "sums":
            break
        before = torch.nn.Sequential(*layers)
        threshold = largest_output(before, inputs / input_scale, encoder, steps, memory)
        layers.append(neurons(threshold, reset, place, options))
        stands_for *= threshold
    return torch.nn.Sequential(*layers)


def largest_output(
    network: torch.nn.Sequential,
    inputs: Tensor,
    encoder: Encoder,
    steps: int,
    memory: int = MEMORY,
) -> float:
    """The largest number that a spiking network hands on in any step for any input.

    Parameters are those of `convert_by_spike_norm`.
    """
    return max(
        float(simulate(network, values, encoder, steps).max())
        for values in batches(network, inputs, steps, memory)
    )
