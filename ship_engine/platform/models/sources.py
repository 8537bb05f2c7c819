"""What drives a network of the platform: given input, and random spikes."""

from __future__ import annotations

from ship_engine.models.base import Parameter, Source


class Input(Source):
    """What `Network.run` is given for this group, a tensor [batch, time, component]."""

    name = "Input"


class ListInput(Source):
    """Sequences of different length: a list of tensors [time, component], one for each sample.

    Where a sequence has ended, its components are silent.
    """

    name = "ListInput"


class Poisson(Source):
    """Components that spike at random: in each step with probability 1 - exp(-rate dt).

    The paper's first-order form, rate dt, exceeds 1 in long steps.
    """

    name = "Poisson"
    parameters = (Parameter("rate", 100.0, "Hz", minimum=0.0),)
