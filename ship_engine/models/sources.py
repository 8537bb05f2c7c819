"""Models that only emit spikes."""

from __future__ import annotations

from ship_engine.models.base import Parameter, Source


class SpikeSourceArray(Source):
    """Emits spikes at given times.

    The times belong to the group (`SpikeArrayGroup.set_spike_times`), since each component has any
    number of them.
    """

    name = "SpikeSourceArray"


class SpikeSourcePoisson(Source):
    """Poisson process of a given rate between `start` and `start + duration`.

    In each step the number of spikes is drawn from a Poisson distribution of mean
    ``rate * overlap``, where overlap is the part of the step that lies inside the active
    interval, and their times are uniform in it; that is exactly a Poisson process, at any rate.
    """

    name = "SpikeSourcePoisson"
    parameters = (
        Parameter("rate", 1.0, "Hz", minimum=0.0),
        Parameter("start", 0.0, "ms"),
        Parameter("duration", 1e10, "ms", minimum=0.0),
    )
