"""Standard spike sources.  Names are all that differs between PyNN's models and the engine's."""

from __future__ import annotations

from pyNN.standardmodels import build_translations, cells

from ship_engine.models.sources import SpikeSourceArray as ArraySource
from ship_engine.models.sources import SpikeSourcePoisson as PoissonSource

from .base import CellModel


class SpikeSourcePoisson(CellModel, cells.SpikeSourcePoisson):
    __doc__ = cells.SpikeSourcePoisson.__doc__
    model = PoissonSource
    translations = build_translations(
        ("rate", "rate"),  # Hz
        ("start", "start"),  # ms
        ("duration", "duration"),  # ms
    )


class SpikeSourceArray(CellModel, cells.SpikeSourceArray):
    __doc__ = cells.SpikeSourceArray.__doc__
    model = ArraySource
    translations = build_translations(("spike_times", "spike_times"))  # ms
