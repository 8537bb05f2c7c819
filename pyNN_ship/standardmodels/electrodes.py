"""Standard current sources."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pyNN import errors
from pyNN.parameters import ParameterSpace, Sequence
from pyNN.standardmodels import StandardCurrentSource, build_translations, electrodes

from ship_engine.currents import (
    CurrentSource,
    NoisyCurrent,
    PulseCurrent,
    SineCurrent,
    StepCurrent,
)
from ship_engine.groups import NeuronGroup
from ship_engine.models.base import Source
from ship_engine.random import stream_key

from .. import simulator
from ..units import magnitudes

NOISE_STREAMS = 1 << 48
"""Random streams from here on belong to current sources, those below to groups."""


class ShipCurrentSource(StandardCurrentSource):
    """A PyNN current source: parameters here, the current itself in the engine."""

    units: ClassVar[dict[str, str]] = {}

    def __init__(self, **parameters: Any) -> None:
        network = simulator.state.network
        self._refuse_unknown(parameters)
        space = ParameterSpace(self.default_parameters, self.get_schema(), (1,), type(self))
        space.update(**(self._defaults() | magnitudes(parameters, self.units)))
        self._values: dict[str, Any] = {}
        self._network = network
        self._number = len(simulator.state.current_sources)
        self._set_values(self.translate(space))
        self._current = self._make()
        simulator.state.current_sources.append(self)

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name.startswith("_") or hasattr(type(self), name)):
            self._refuse_unknown([name])
        super().__setattr__(name, value)

    def _refuse_unknown(self, names: Iterable[str]) -> None:
        valid = self.get_parameter_names()
        for name in names:
            if name not in valid:
                raise errors.NonExistentParameterError(name, type(self).__name__, valid)

    def _defaults(self) -> dict[str, Any]:
        """Defaults that depend on the simulation."""
        return {}

    @abstractmethod
    def _make(self) -> CurrentSource:
        """The engine's current with these parameters."""

    def _accepted(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values as they are used; raises ValueError if they do not fit together."""
        return values

    def set_parameters(self, copy: bool = True, **parameters: Any) -> None:
        self._refuse_unknown(parameters)
        super().set_parameters(copy, **magnitudes(parameters, self.units))

    def set_native_parameters(self, parameters: ParameterSpace) -> None:
        self._set_values(parameters)
        self._current.become(self._make())

    def _set_values(self, parameters: ParameterSpace) -> None:
        parameters.evaluate(simplify=True)
        values = self._values | {
            name: value.value if isinstance(value, Sequence) else float(value)
            for name, value in parameters.as_dict().items()
        }
        for name, facts in self.translations.items():
            value = values[facts["translated_name"]]
            if not np.isfinite(value).all():
                raise ValueError(f"{name} of {type(self).__name__} is {value}; it must be finite.")
        self._values = self._accepted(values)

    def get_native_parameters(self) -> ParameterSpace:
        values = {
            name: Sequence(value) if isinstance(value, np.ndarray) else value
            for name, value in self._values.items()
        }
        return ParameterSpace(values, shape=(1,))

    def get_parameters(self) -> dict[str, Any]:
        space = super().get_parameters()
        space.evaluate(simplify=True)
        return {
            name: value.value if isinstance(value, Sequence) else value
            for name, value in space.as_dict().items()
        }

    @property
    def parameter_space(self) -> ParameterSpace:
        """The parameters as they are now, which PyNN describes."""
        return ParameterSpace(self.get_parameters(), self.get_schema(), (1,))

    def inject_into(self, cells: Any) -> None:
        """Inject the current into a population, view, assembly or list of cells."""
        if self._network is not simulator.state.network:
            raise RuntimeError(
                f"This {type(self).__name__} was made before the last setup(); make it again."
            )
        by_population: dict[Any, list[int]] = {}
        for cell in [cells] if isinstance(cells, simulator.ID) else _cells_of(cells):
            if not cell.celltype.injectable:
                raise TypeError(f"Can't inject current into {_nature(cell.celltype)}.")
            by_population.setdefault(cell.parent, []).append(cell.parent.id_to_index(cell))
        for population in by_population:
            if population._group not in self._network.groups:
                raise RuntimeError(
                    f"'{population.label}' was made before the last setup(); make it again."
                )
        for population, indices in by_population.items():
            group = population._group
            assert isinstance(group, NeuronGroup)
            self._network.inject(self._current, group, np.array(indices))

    def record(self) -> None:
        """Keep the current from now on, for `get_data`."""
        self._current.keep_history(self._network.step)

    def _get_data(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        first, values = self._current.history(self._network.step, self._network.clock)
        times = self._network.clock.time(first + np.arange(values.size))
        return np.asarray(times, np.float64), values

    def _reset(self) -> None:
        self._current.become(self._make())
        self._current.forget_history()


def _nature(celltype: Any) -> str:
    name = type(celltype).__name__
    return "a spike source" if issubclass(celltype.model, Source) else f"{name}, which takes none"


def _cells_of(cells: Any) -> Iterable[Any]:
    try:
        found = list(cells)
    except TypeError:
        found = [cells]
    for cell in found:
        if not isinstance(cell, simulator.ID):
            raise TypeError(
                f"A current cannot be injected into {cell!r}; give a population, a view, an "
                "assembly, a cell, or a list of cells."
            )
    return found


class DCSource(ShipCurrentSource, electrodes.DCSource):
    __doc__ = electrodes.DCSource.__doc__
    units = {"amplitude": "nA", "start": "ms", "stop": "ms"}
    translations = build_translations(
        ("amplitude", "amplitude"), ("start", "start"), ("stop", "stop")
    )

    def _make(self) -> CurrentSource:
        return PulseCurrent(**self._values)


class ACSource(ShipCurrentSource, electrodes.ACSource):
    __doc__ = electrodes.ACSource.__doc__
    units = DCSource.units | {"offset": "nA", "frequency": "Hz", "phase": "degrees"}
    translations = build_translations(
        ("amplitude", "amplitude"),
        ("start", "start"),
        ("stop", "stop"),
        ("frequency", "frequency"),
        ("offset", "offset"),
        ("phase", "phase"),
    )

    def _make(self) -> CurrentSource:
        return SineCurrent(**self._values)


class StepCurrentSource(ShipCurrentSource, electrodes.StepCurrentSource):
    __doc__ = electrodes.StepCurrentSource.__doc__
    units = {"amplitudes": "nA", "times": "ms"}
    translations = build_translations(("amplitudes", "values"), ("times", "times"))

    def _accepted(self, values: dict[str, Any]) -> dict[str, Any]:
        times, amplitudes = values["times"], values["values"]
        if times.size != amplitudes.size:
            raise ValueError(
                f"{times.size} times and {amplitudes.size} amplitudes; give one amplitude for "
                "each time."
            )
        if (times < 0).any():
            raise ValueError("Step current cannot accept negative timestamps.")
        if (np.diff(times) <= 0).any():
            raise ValueError("Step current timestamps should be monotonically increasing.")
        # Times are rounded to the grid; of those that meet, the last counts.
        steps = self._network.clock.nearest_step(times)
        last = np.append(np.diff(steps) > 0, True)[: steps.size]
        return {"times": self._network.clock.time(steps[last]), "values": amplitudes[last]}

    def _make(self) -> CurrentSource:
        return StepCurrent(**self._values)


class NoisyCurrentSource(ShipCurrentSource, electrodes.NoisyCurrentSource):
    __doc__ = electrodes.NoisyCurrentSource.__doc__
    units = {"mean": "nA", "stdev": "nA", "dt": "ms", "start": "ms", "stop": "ms"}
    translations = build_translations(
        ("mean", "mean"),
        ("stdev", "deviation"),
        ("start", "start"),
        ("stop", "stop"),
        ("dt", "interval"),
    )

    def _defaults(self) -> dict[str, Any]:
        return {"dt": simulator.state.dt}

    def _accepted(self, values: dict[str, Any]) -> dict[str, Any]:
        steps = values["interval"] / self._network.clock.dt
        if steps < 1 - 1e-6 or abs(steps - round(steps)) > 1e-6:
            raise ValueError(
                f"dt = {values['interval']:g} ms of a NoisyCurrentSource; it must be a multiple "
                f"of the time step, {self._network.clock.dt:g} ms."
            )
        if values["deviation"] < 0:
            raise ValueError(f"stdev = {values['deviation']:g} nA; it must be >= 0.")
        return values

    def _make(self) -> CurrentSource:
        stream = NOISE_STREAMS | (self._network.epoch << 24) | self._number
        return NoisyCurrent(**self._values, key=stream_key(self._network.seed, stream))
