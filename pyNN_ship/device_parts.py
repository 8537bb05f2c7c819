"""The synapses between two populations, where their weights are kept in devices."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import errors
from pyNN.standardmodels.base import inhibitory_receptor_types

from ship_engine.devices import Memristor, generator_of
from ship_engine.event_network import EventNetwork

from . import parts, simulator
from .parts import ALL, Ends, Pairs, Part, Values
from .standardmodels.memristive import OF_EACH, OF_RANGE, WRITTEN, MemristiveSynapse
from .standardmodels.plasticity import LIMITS
from .standardmodels.synapses import SynapseModel
from .translated_errors import as_pynn_errors

Floats = NDArray[np.float64]


class Keeper:
    """The devices of some synapses, which may be spread over processes.

    All processes draw for all synapses and each takes what is for its own, so that nothing
    depends on how many there are.

    Parameters
    ----------
    device : Memristor
        What they are; its range is found from `weights` if it has none.
    label : str
        Of the synapses; others have other devices.
    place : int64 array
        Where each synapse of this process lies in the matrix of all pairs of cells.
    weights : float64 array
        The largest that are to be written, and perhaps the smallest.

    Raises
    ------
    InvalidValueError
        If these give no range.
    """

    def __init__(self, device: Memristor, label: str, place: Any, weights: Floats) -> None:
        gather = simulator.state.communicator.gather
        places = gather(place)
        first = sum(p.size for p in places[: simulator.state.mpi_rank])
        number = np.empty(sum(p.size for p in places), np.int64)
        number[np.argsort(np.concatenate(places), kind="stable")] = np.arange(number.size)
        self._number, self._total = number[first : first + place.size], number.size
        self._label, self._turn = label, 0
        self.device = device.ranged(np.concatenate(gather(weights)))

    def reorder(self, order: NDArray[np.intp]) -> None:
        """Take the synapses of this process in another order from now on."""
        self._number = self._number[order]

    def write(self, weights: Floats) -> Floats:
        """What devices have just after these weights have been written to them."""
        everywhere = np.full(self._total, self.device.mapping.w_min)
        everywhere[self._number] = weights
        written: Floats = self.device.program(everywhere, self._generator())[self._number]
        self._turn += 1
        return written

    def read(self, written: Floats, elapsed: Any) -> Floats:
        """What is found some time (s) later."""
        weights, times = np.zeros(self._total), np.zeros(self._total)
        weights[self._number], times[self._number] = written, elapsed
        found: Floats = self.device.read(weights, times, self._generator())[self._number]
        return found

    def own_values(self) -> dict[str, Floats]:
        """What belongs to each device that pulses change."""
        values = self.device.synapse_values((self._total,), self._generator())
        return {
            # One value for all makes a smaller kernel.
            name: each[:1] if (each == each[:1]).all() else each[self._number]
            for name, each in ((name, values[name]) for name in OF_EACH)
        }

    def _generator(self) -> np.random.Generator:
        return generator_of(simulator.state.network.seed, self._label, self._turn)


class DevicePart(Part):
    """Mixin for parts whose weights are kept in devices; it is to be named first.

    Devices hold magnitudes: each weight keeps the sign of the wanted one.
    """

    def __init__(
        self,
        network: EventNetwork,
        ends: Ends,
        synapse_type: SynapseModel,
        pairs: Pairs,
        values: Values,
    ) -> None:
        assert isinstance(synapse_type, MemristiveSynapse)
        own, count = dict(values), pairs[0].size
        self._pulsed = synapse_type.pulsed
        inhibitory = ends.receptor in inhibitory_receptor_types and ends.port.unit != "uS"
        self._sign_of_zero = -1.0 if inhibitory else 1.0
        wanted = np.broadcast_to(np.asarray(own["weight"], np.float64), (count,))
        elapsed = np.broadcast_to(np.asarray(own.pop("elapsed"), np.float64), (count,))
        label = f"{len(network.projections)} {ends.source} {ends.target} {ends.receptor}"
        place = pairs[0].astype(np.int64) * ends.target_group.size + pairs[1]
        limits = np.atleast_1d(np.abs(own.get("w_max", wanted)).astype(np.float64))
        with as_pynn_errors():
            self._keeper = Keeper(synapse_type.silent_device, label, place, limits)
        own |= self._values_of_model(synapse_type, wanted)
        written = self._written_to(wanted)
        own["weight"] = self._found(written, elapsed)
        super().__init__(network, ends, synapse_type, pairs, own)
        # The engine orders synapses by their sources.
        order = np.argsort(pairs[0], kind="stable")
        self._keeper.reorder(order)
        self._written, self._elapsed = written[order], elapsed[order]

    def _values_of_model(self, synapse_type: MemristiveSynapse, wanted: Floats) -> dict[str, Any]:
        """Parameters of the model that depend on the range of the device, or on each device.

        Raises
        ------
        pyNN.errors.InvalidParameterValueError
            If negative weights change by pulses, and neither the model nor a pair knows the sign.
        """
        noise = synapse_type.device.read_noise
        model = synapse_type.model_for(replace(self._keeper.device, read_noise=noise))
        if model is None:
            return {}
        told = {*synapse_type.get_parameter_names()}
        common = {p.name: p.default for p in model.parameters}
        signed = self._keeper.device.pair or "sign" in common
        if self._pulsed and not signed and (wanted < 0.0).any():
            raise errors.InvalidParameterValueError(
                f"A weight of {wanted.min():g} that changes in a single device, which holds "
                "weights >= 0; give a Memristor with pair=True."
            )
        values = {n: common[n] for n in (*OF_RANGE, *LIMITS) if n in common and n not in told}
        return values | (self._keeper.own_values() if self._pulsed else {})

    def get(self, name: str, where: Any = ALL) -> Any:
        if name == "elapsed":
            return self._elapsed[where]
        return self._written[where] if name == WRITTEN else super().get(name, where)

    def set(self, values: Values) -> None:
        own = dict(values)
        if "elapsed" in own:
            if self._pulsed:
                raise errors.InvalidParameterValueError(
                    "elapsed of synapses whose weights change by themselves can only be given "
                    "when they are made."
                )
            self._elapsed = np.array(self._each(np.asarray(own.pop("elapsed"), np.float64)))
        if "weight" in own:
            self._written = self._written_to(self._each(np.asarray(own["weight"], np.float64)))
        if "weight" in values or "elapsed" in values:
            own["weight"] = self._found(self._written, self._elapsed)
        super().set(own)

    def set_one(self, position: int, name: str, value: float, synapse_type: SynapseModel) -> None:
        if name == "elapsed":
            elapsed = self._elapsed.copy()
            elapsed[position] = value
            self.set({"elapsed": elapsed})
            return
        if name == "weight":
            wanted = self._written.copy()
            wanted[position] = value
            self._written[position] = self._written_to(wanted)[position]
            value = float(self._found(self._written, self._elapsed)[position])
        super().set_one(position, name, value, synapse_type)

    def check_state(self, state: str, values: Any) -> None:
        if state in (WRITTEN, *OF_EACH):
            raise errors.InvalidParameterValueError(
                f"{state} belongs to the devices, and cannot be set; set the weight."
            )
        super().check_state(state, values)

    def _written_to(self, wanted: Floats) -> Floats:
        """What devices have just after these weights have been written to them."""
        signs = np.where(wanted == 0.0, self._sign_of_zero, np.sign(wanted))
        with as_pynn_errors():
            return signs * np.maximum(self._keeper.write(np.abs(wanted)), 0.0)

    def _found(self, written: Floats, elapsed: Floats) -> Floats:
        """What is found there after a time."""
        signs = np.where(written == 0.0, self._sign_of_zero, np.sign(written))
        with as_pynn_errors():
            return signs * np.maximum(self._keeper.read(np.abs(written), elapsed), 0.0)


def part_class(synapse_type: SynapseModel) -> type[Part]:
    """What holds synapses of this type."""
    kind: Any = parts.part_class(synapse_type)
    return _kept_in_devices(kind) if isinstance(synapse_type, MemristiveSynapse) else kind


@cache
def _kept_in_devices(kind: Any) -> type[Part]:
    return type(f"Memristive{kind.__name__}", (DevicePart, kind), {})
