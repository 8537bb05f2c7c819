"""Reading and writing the parameters and states of a projection's synapses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import common, errors
from pyNN.parameters import LazyArray

from . import simulator
from .addresses import Cells
from .connections import checked_weights, delay_steps
from .connector_base import check_values
from .parts import Part
from .processes import connections_of_all
from .standardmodels.synapses import WEIGHT, SynapseModel, weight_unit
from .synapse_values import as_matrix, for_connections
from .units import has_unit, magnitude

ADDRESSES = ("presynaptic_index", "postsynaptic_index")


class SynapseAccess(common.Projection):
    """What a projection can do with its synapses once they are there."""

    synapse_type: SynapseModel
    _parts: list[Part]
    _pre_cells: Cells
    _post_cells: Cells

    # --- reading ---------------------------------------------------------------------------------

    @property
    def _presynaptic_index(self) -> NDArray[np.int32]:
        """Address in `pre` of each connection's source."""
        return self._ordered(self._source_addresses())

    @property
    def _postsynaptic_index(self) -> NDArray[np.int32]:
        """Address in `post` of each connection's target."""
        return self._ordered(self._target_addresses())

    def _source_addresses(self) -> NDArray[np.int32]:
        return _joined([self._pre_cells.outside(p.ends.source, p.source_cell) for p in self._parts])

    def _target_addresses(self) -> NDArray[np.int32]:
        return _joined(
            [self._post_cells.outside(p.ends.target, p.target_cell) for p in self._parts]
        )

    @cached_property
    def _order(self) -> NDArray[np.intp] | None:
        """Where each connection lies in the parts, one after another; None if it is its number.

        Connections are numbered row by row of the matrix of all pairs.  Parts hold them in the
        order of the cells in their populations, which is not that of an assembly.
        """
        if len(self._parts) == 1 and self._pre_cells.place is None is self._post_cells.place:
            return None
        order = np.lexsort((self._target_addresses(), self._source_addresses()))
        return None if (order == np.arange(order.size)).all() else order

    def _ordered(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values in the order of connections, given in that of the parts."""
        return values if self._order is None else values[self._order]

    def _values(self, name: str) -> NDArray[Any]:
        if name == "presynaptic_index":
            return self._presynaptic_index
        if name == "postsynaptic_index":
            return self._postsynaptic_index
        arrays = [part.get(name) for part in self._parts]
        return self._ordered(np.concatenate(arrays)) if arrays else np.empty(0)

    def _columns(self, names: list[str], gather: Any) -> list[NDArray[Any]]:
        """Attributes of the connections of this process or, gathered, of all."""
        return connections_of_all(self, [self._values(name) for name in names], gather)

    def get(
        self,
        attribute_names: Any,
        format: str,
        gather: Any = True,
        with_address: bool = True,
        multiple_synapses: str = "sum",
    ) -> Any:
        """Parameters and states of the synapses, in PyNN's units.

        Weights of plastic synapses are the present ones, after all spikes that have reached them;
        states are those just after the latest spike.

        Parameters
        ----------
        attribute_names : str or list of str
            'weight', 'delay', any other parameter or state of the synapse type, or a list of
            these.
        format : {'list', 'array'}
            'list' gives a tuple for each connection, in row-major order; 'array' gives a
            matrix [presynaptic, postsynaptic] for each attribute, NaN where nothing is connected.
        gather : bool or 'all'
            Whether to collect from all MPI processes.
        with_address : bool
            Whether each tuple starts with the indices of the two cells.
        multiple_synapses : {'sum', 'first', 'last', 'min', 'max'}
            What a matrix holds where cells are connected more than once.

        Returns
        -------
        list of tuple, or float64 array, or list of arrays
            A list of plain numbers for one attribute without addresses.

        Raises
        ------
        pyNN.errors.NonExistentParameterError
            If there is no such attribute.
        ValueError
            If the format or the operation is none of those above.
        """
        single = isinstance(attribute_names, str)
        names = [attribute_names] if single else list(attribute_names)
        self._refuse_unknown(names, [*self._parameters(), *self._states(), *ADDRESSES])
        if format == "list":
            names = [*ADDRESSES, *names] if with_address else names
            columns = [column.tolist() for column in self._columns(names, gather)]
            return columns[0] if single and not with_address else list(zip(*columns, strict=True))
        if format != "array":
            raise ValueError(f"format = {format!r}; give 'list' or 'array'.")
        if multiple_synapses not in self.MULTI_SYNAPSE_OPERATIONS:
            raise ValueError(
                "`multiple_synapses` argument must be one of "
                f"{list(self.MULTI_SYNAPSE_OPERATIONS)}, not {multiple_synapses!r}."
            )
        pre, post, *columns = self._columns([*ADDRESSES, *names], gather)
        flat = pre.astype(np.int64) * self.post.size + post
        matrices = [as_matrix(self.shape, flat, each, multiple_synapses) for each in columns]
        return matrices[0] if single else matrices

    def _parameters(self) -> list[str]:
        names: list[str] = self.synapse_type.get_parameter_names()
        return names

    def _states(self) -> dict[str, str]:
        units: dict[str, str] = self.synapse_type.state_units()
        return units

    def _refuse_unknown(self, names: Any, valid: list[str]) -> None:
        for name in names:
            if name not in valid:
                known = [n for n in valid if n not in ADDRESSES]
                raise errors.NonExistentParameterError(
                    name, type(self.synapse_type).__name__, known
                )

    def save(
        self,
        attribute_names: Any,
        file: Any,
        format: str = "list",
        gather: bool = True,
        with_address: bool = True,
    ) -> None:
        single = isinstance(attribute_names, str) and attribute_names not in ("all", "connections")
        if single and format == "list":
            # PyNN would take the letters of the name for names of columns.
            attribute_names = [attribute_names]
        super().save(attribute_names, file, format, gather, with_address)

    save.__doc__ = common.Projection.save.__doc__

    # --- writing ---------------------------------------------------------------------------------

    def set(self, **attributes: Any) -> None:
        self._refuse_unknown(attributes, self._parameters())
        values = {
            name: for_connections(self, name, self._without_unit(name, value))
            for name, value in attributes.items()
        }
        checked = self._checked(values)
        self._check_signs(self._postsynaptic_index, checked)
        for part, own in zip(self._parts, self._pieces(checked), strict=True):
            part.check(self.synapse_type, own, self.label)
        for part, own in zip(self._parts, self._pieces(checked), strict=True):
            part.set(own)
        if "delay" in checked:
            simulator.state.tell_delays()

    set.__doc__ = common.Projection.set.__doc__

    def initialize(self, **initial_values: Any) -> None:
        """Set states of the synapses now, and where they start after every reset.

        Parameters
        ----------
        **initial_values
            By name: a number, an array [presynaptic, postsynaptic], a list with one for each
            connected pair, a RandomDistribution, or a function of the distance.

        Raises
        ------
        pyNN.errors.NonExistentParameterError
            If the synapse type has no such state.
        pyNN.errors.InvalidParameterValueError
            If a synapse cannot have a value.  Nothing is changed.
        """
        self._refuse_unknown(initial_values, list(self._states()))
        values = {
            name: for_connections(self, name, magnitude(name, value, self._states()[name]))
            for name, value in initial_values.items()
        }
        for part, own in zip(self._parts, self._pieces(values), strict=True):
            for name, numbers in own.items():
                part.check_state(name, numbers)
        for part, own in zip(self._parts, self._pieces(values), strict=True):
            for name, numbers in own.items():
                part.initialize(name, numbers)
        for name, numbers in values.items():
            self.initial_values[name] = LazyArray(numbers, shape=(len(self),), dtype=float)

    def _pieces(self, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """What belongs to each of the parts."""
        if self._order is not None:
            back = np.argsort(self._order)
            values = {name: v[back] if np.ndim(v) else v for name, v in values.items()}
        begin = 0
        for part in self._parts:
            here = slice(begin, begin + len(part))
            yield {name: v[here] if np.ndim(v) else v for name, v in values.items()}
            begin = here.stop

    def _without_unit(self, name: str, value: Any) -> Any:
        unit = self.synapse_type.parameter_units()[name]
        if unit != WEIGHT:
            return magnitude(name, value, unit)
        if not has_unit(value):
            return value
        unit = weight_unit(value, name)
        self._check_weight_unit(unit)
        return magnitude(name, value, unit)

    # --- what is allowed -------------------------------------------------------------------------

    def _unit(self, name: str) -> str:
        """The unit of a parameter or state.

        Raises
        ------
        pyNN.errors.InvalidParameterValueError
            If it is that of the receptor, and receptors differ between populations.
        """
        unit = {**self.synapse_type.parameter_units(), **self._states()}[name]
        if unit != WEIGHT:
            return unit
        units = self._receptor_units()
        if len(units) > 1:
            raise errors.InvalidParameterValueError(
                f"{name} of '{self.label}' is in {' and '.join(units)}; make a projection to each "
                "population."
            )
        return units[0]

    def _receptor_units(self) -> list[str]:
        """The unit of weights, or several if the cells differ."""
        if self.synapse_type.electrical:
            return ["uS"]
        ports = [
            next(p for p in population.celltype.model.ports if p.name == self.receptor_type)
            for population in self._post_cells.populations
        ]
        return list(dict.fromkeys(port.unit for port in ports))

    def _check_weight_unit(self, unit: str | None) -> None:
        for wanted in self._receptor_units():
            if unit not in (None, wanted):
                raise errors.InvalidParameterValueError(
                    f"The weight of '{self.label}' is given as a quantity like {unit}, but its "
                    f"receptor '{self.receptor_type}' takes {wanted}."
                )

    def _checked(self, values: dict[str, Any]) -> dict[str, Any]:
        """The same values, if synapses may have them; delays in time steps."""
        checked = dict(values)
        if "weight" in values:
            checked["weight"] = checked_weights(values["weight"], self.label)
        if "delay" in values:
            checked["delay"] = delay_steps(values["delay"], self.label)
        self.synapse_type.check(values, self.label)
        return checked

    def _check_signs(self, targets: NDArray[np.int32], values: dict[str, Any]) -> None:
        """Refuse weights that the connector would have refused for synapses onto these cells."""
        if "weight" in values and getattr(self._connector, "safe", True):
            check_values(self, targets, {"weight": values["weight"]})


def _joined(arrays: list[NDArray[np.int32]]) -> NDArray[np.int32]:
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate(arrays) if arrays else np.empty(0, np.int32)
