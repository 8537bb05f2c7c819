"""Standard spike sources.  Names are all that differs between PyNN's models and the engine's."""

from __future__ import annotations

from pyNN.standardmodels import build_translations, cells

from ship_engine.models import sources

from .base import CellModel

_ACTIVE = (
    ("start", "start"),  # ms
    ("duration", "duration"),  # ms
)


class SpikeSourcePoisson(CellModel, cells.SpikeSourcePoisson):
    __doc__ = cells.SpikeSourcePoisson.__doc__
    model = sources.SpikeSourcePoisson
    translations = build_translations(("rate", "rate"), *_ACTIVE)  # Hz


class SpikeSourceArray(CellModel, cells.SpikeSourceArray):
    __doc__ = cells.SpikeSourceArray.__doc__
    model = sources.SpikeSourceArray
    translations = build_translations(("spike_times", "spike_times"))  # ms


class SpikeSourcePoissonRefractory(CellModel, cells.SpikeSourcePoissonRefractory):
    __doc__ = cells.SpikeSourcePoissonRefractory.__doc__
    model = sources.SpikeSourcePoissonRefractory
    translations = build_translations(
        ("rate", "rate"),  # Hz
        ("tau_refrac", "tau_refrac"),  # ms
        *_ACTIVE,
    )


class SpikeSourceGamma(CellModel, cells.SpikeSourceGamma):
    __doc__ = cells.SpikeSourceGamma.__doc__
    model = sources.SpikeSourceGamma
    # PyNN's default is a whole number, with which it would cut the values of others to such.
    default_parameters = cells.SpikeSourceGamma.default_parameters | {"alpha": 2.0}
    translations = build_translations(
        ("alpha", "alpha"),  # 1
        ("beta", "beta"),  # Hz
        *_ACTIVE,
    )


class SpikeSourceInhGamma(CellModel, cells.SpikeSourceInhGamma):
    __doc__ = cells.SpikeSourceInhGamma.__doc__
    model = sources.SpikeSourceInhGamma
    translations = build_translations(
        ("a", "a"),  # 1
        ("b", "b"),  # s
        ("tbins", "tbins"),  # ms
        *_ACTIVE,
    )
