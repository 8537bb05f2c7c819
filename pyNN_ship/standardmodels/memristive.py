"""Synapses of any type whose weights are kept in memristive devices."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from pyNN import errors
from pyNN.parameters import ParameterSpace
from pyNN.standardmodels import build_translations

from ship_engine.devices import Memristor
from ship_engine.devices.synapses import check_device, memristive_synapse
from ship_engine.devices.wrappers import ELAPSED
from ship_engine.models.base import Parameter
from ship_engine.synapses.base import Synapse

from ..descriptions import describe
from ..translated_errors import as_pynn_errors
from .synapses import SynapseModel

WRITTEN = "written_weight"
"""The weight that a device had just after it was written."""
OF_EACH = ("gain", "working", "beta_up", "beta_down")
"""What belongs to each device that pulses change."""
OF_RANGE = ("read_sigma", "read_lowest", "read_second")
"""Parameters of the engine's model that follow from the range of the device."""


class MemristiveSynapse(SynapseModel):
    """Synapse of any type whose weights are kept in memristive devices.

    The weight that is given is the wanted one.  When the projection is made, or its weights are
    set, they are written to devices and read from them after `elapsed`: to a level, with the
    spread of the write, drifted, stuck.  The parameter ``weight`` is what is found then, and acts;
    ``written_weight``, which can be read only, is what was found just after the write.

    Weights that the synapse changes by itself, as by STDP, change by whole pulses; see
    `ship_engine.devices.PulseProgramming`.  Each presynaptic spike reads the weight with the
    `read_noise` of the device.

    A weight keeps its sign: where the spread would take it to the other side of zero, it is 0.
    Devices and writes are random numbers of the seed that was given to `setup`.

    Parameters
    ----------
    synapse : SynapseModel
        Any synapse type of this simulator, with its weight and delay, such as
        ``StaticSynapse(weight=0.5)``.  It is not changed.
    device : Memristor
        In what the weights are kept.  Its range is that of STDP, or found from all weights of a
        pair of populations, unless `w_max` is given.
    elapsed : float, array, RandomDistribution, function or quantity
        Time since the weights were written, in s.

    Raises
    ------
    TypeError
        If the synapse is no synapse type of this simulator, or the device no Memristor.
    pyNN.errors.InvalidModelError
        If its weights cannot be kept in devices.
    pyNN.errors.InvalidParameterValueError
        If the device does not fit, or the time is negative.
    """

    device: Memristor

    def __new__(cls, synapse: Any = None, device: Any = None, elapsed: Any = 0.0) -> Any:
        if cls is MemristiveSynapse:
            _check(synapse, device)
            kind: Any = type(synapse)
            cls = _kept_in_devices(kind)
        return object.__new__(cls)

    def __init__(self, synapse: Any, device: Memristor, elapsed: Any = 0.0) -> None:
        own = {n: v for n, v in vars(synapse).items() if n != "parameter_space"}
        self.__dict__.update(deepcopy(own))
        self._synapse, self.device = deepcopy(synapse), device
        self.translations = {
            **synapse.translations,
            **build_translations(("elapsed", "elapsed")),  # s
        }
        self.default_parameters = {  # type: ignore[misc]
            **synapse.default_parameters,
            "elapsed": ELAPSED.default,
        }
        _, plain = self._without_units({"elapsed": elapsed})
        self._elapsed = plain["elapsed"]
        with as_pynn_errors():
            check_device(synapse.model, device)
            # What depends on the range of weights is told to each part of a projection.
            self.model = self.model_for(device.ranged(np.ones(1)))  # type: ignore[misc]
        self._check_own_values()

    def model_for(self, device: Memristor) -> type[Synapse] | None:
        """What the engine computes, with the defaults of a device whose range is known."""
        if self._synapse.model is None and device.read_noise is None:
            return None
        return memristive_synapse(self._synapse.model, device)

    @property
    def silent_device(self) -> Memristor:
        """The device without the noise of readings, which each spike makes anew."""
        return replace(self.device, read_noise=None)

    @property
    def pulsed(self) -> bool:
        """Whether the weights change by themselves."""
        return self.model is not None and self.model.changes_weight()

    # --- what PyNN asks of a synapse type --------------------------------------------------------

    @property
    def parameter_space(self) -> ParameterSpace:
        """The parameters of the synapse, and the time since its weight was written."""
        values = dict(self._synapse.parameter_space.items())
        return ParameterSpace({**values, "elapsed": self._elapsed}, self.get_schema())

    @property
    def native_parameters(self) -> ParameterSpace:
        """A copy of all parameters."""
        native = self._synapse.native_parameters
        native.update(elapsed=self._elapsed)
        return native

    def get_schema(self) -> dict[str, type]:
        """Types of the parameters."""
        return {**self._synapse.get_schema(), "elapsed": float}

    def get_parameter_names(self) -> list[str]:
        """Names of the parameters, those of the synapse and ``elapsed``."""
        return [*self._synapse.get_parameter_names(), "elapsed"]

    def has_parameter(self, name: str) -> bool:
        """Whether there is a parameter of that name."""
        return name in self.get_parameter_names()

    def parameter_units(self) -> dict[str, str]:
        return {**self._synapse.parameter_units(), "elapsed": ELAPSED.unit}

    def state_units(self) -> dict[str, str]:
        """Units of states, and of what is known of devices, by name."""
        known = dict.fromkeys(OF_EACH, "dimensionless") if self.pulsed else {}
        return {**self._synapse.state_units(), WRITTEN: "weight", **known}

    def check(self, values: Mapping[str, Any], label: str) -> None:
        self._synapse.check(values, label)
        super().check({n: v for n, v in values.items() if n == "elapsed"}, label)

    def _descriptions(self) -> dict[str, Parameter]:
        return {"elapsed": ELAPSED}

    def describe(self, template: Any = "modeltype_default.txt", engine: Any = "default") -> Any:
        context = self._synapse.describe(template=None)
        context = {**context, "device": repr(self.device), "elapsed": self._elapsed}
        return describe(context, template, "modeltype_default.txt", engine)


@cache
def _kept_in_devices(kind: Any) -> type[SynapseModel]:
    """The class of synapses of a type that are kept in devices, always the same one."""
    return type(f"Memristive{kind.__name__}", (MemristiveSynapse, kind), {"__doc__": kind.__doc__})


def _check(synapse: Any, device: Any) -> None:
    if not isinstance(synapse, SynapseModel):
        raise TypeError(
            f"synapse = {synapse!r} for a MemristiveSynapse; give a synapse type of pyNN.ship, "
            "such as StaticSynapse(weight=0.5)."
        )
    if not isinstance(device, Memristor):
        raise TypeError(
            f"device = {device!r} for a MemristiveSynapse; give a Memristor, such as "
            "Memristor(levels=16)."
        )
    if not device.pair and device.w_min is not None and device.w_min < 0.0:
        raise errors.InvalidParameterValueError(
            f"w_min = {device.w_min:g} of a single device; in PyNN, a device holds the magnitude "
            "of a weight, so that w_min must be >= 0."
        )
    if synapse.electrical or isinstance(synapse, MemristiveSynapse):
        what = "gap junctions" if synapse.electrical else "synapses that are kept in devices"
        raise errors.InvalidModelError(
            f"A MemristiveSynapse of {type(synapse).__name__}; weights of {what} cannot be kept "
            "in devices."
        )
