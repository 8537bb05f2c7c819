"""Projections: connections between populations, with their weights, delays and parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import common, errors
from pyNN.parameters import LazyArray, ParameterSpace
from pyNN.space import Space

from . import simulator
from .addresses import Cells
from .connections import Connection, Connections, checked_weights, delay_steps
from .connector_base import SynapseParameters
from .parts import Ends, Part, part_class
from .standardmodels.synapses import WEIGHT, StaticSynapse, SynapseModel, weight_unit
from .synapse_values import as_matrix, flat_index, for_connections
from .units import has_unit, magnitude

ADDRESSES = ("presynaptic_index", "postsynaptic_index")


class Projection(common.Projection):
    __doc__ = common.Projection.__doc__
    _simulator = simulator
    _static_synapse_class = StaticSynapse

    def __init__(
        self,
        presynaptic_population: Any,
        postsynaptic_population: Any,
        connector: Any,
        synapse_type: Any = None,
        source: Any = None,
        receptor_type: str | None = None,
        space: Space | None = None,
        label: str | None = None,
    ) -> None:
        self._network = simulator.state.network
        if synapse_type is not None:
            _check_shapes(synapse_type, presynaptic_population, postsynaptic_population)
        cells = isinstance(postsynaptic_population, (common.BasePopulation, common.Assembly))
        if cells and len(postsynaptic_population.receptor_types) == 0:
            raise errors.ConnectionError(
                f"'{postsynaptic_population.label}' has no receptors that a projection could "
                "reach; spike sources only send."
            )
        electrical = getattr(synapse_type, "electrical", False)
        if electrical and receptor_type in (None, "gap"):
            # Gap junctions have none; PyNN asks for one all the same.
            receptor_type = postsynaptic_population.receptor_types[0]
        super().__init__(
            presynaptic_population,
            postsynaptic_population,
            connector,
            synapse_type,
            source,
            receptor_type,
            Space() if space is None else space,
            label,
        )
        if not isinstance(self.synapse_type, SynapseModel):
            raise errors.InvalidModelError(
                f"{type(self.synapse_type).__name__} is not a synapse type of pyNN.ship."
            )
        if electrical:
            self.receptor_type = "gap"
        self._parts: list[Part] = []
        self._pre_cells, self._post_cells = Cells.of(self.pre), Cells.of(self.post)
        for population in (*self._pre_cells.populations, *self._post_cells.populations):
            if population._group not in self._network.groups:
                raise errors.ConnectionError(
                    f"'{population.label}' was created before the last setup(), which forgot it; "
                    "create it anew."
                )
        self._check_weight_unit(self.synapse_type.weight_unit)
        self._collected: list[tuple[Any, int, dict[str, Any]]] = []
        network = self._network
        held: list[list[Any]] = [network.projections, network.gap_junctions]
        before = [len(things) for things in held]
        try:
            connector.connect(self)
            self._connect_collected()
        except BaseException:
            # The network stays as it was.
            for things, count in zip(held, before, strict=True):
                del things[count:]
            network.structure += 1
            raise
        simulator.state.projections.append(self)

    def _check_weight_unit(self, unit: str | None) -> None:
        if unit is None or self.synapse_type.electrical:
            return
        for population in self._post_cells.populations:
            ports = population.celltype.model.ports
            wanted = next(p.unit for p in ports if p.name == self.receptor_type)
            if unit != wanted:
                raise errors.InvalidParameterValueError(
                    f"The weight of '{self.label}' is given as a quantity like {unit}, but its "
                    f"receptor '{self.receptor_type}' takes {wanted}."
                )

    def _set_connections(
        self,
        presynaptic_index: NDArray[np.int32],
        postsynaptic_index: NDArray[np.int32],
        parameters: dict[str, Any],
    ) -> None:
        """Make connections; called once, by the connector.

        Parameters
        ----------
        presynaptic_index, postsynaptic_index : int32 arrays
            Addresses in `pre` and `post`.
        parameters : dict
            All parameters of the synapse type, each one for all or one for each connection.
        """
        values = self._checked(parameters)
        make = part_class(self.synapse_type)
        for number, source in enumerate(self._pre_cells.populations):
            for target_number, target in enumerate(self._post_cells.populations):
                chosen = self._between(number, target_number, presynaptic_index, postsynaptic_index)
                pairs = (
                    self._pre_cells.inside(_picked(presynaptic_index, chosen)),
                    self._post_cells.inside(_picked(postsynaptic_index, chosen)),
                )
                ends = Ends(number, target_number, source._group, target._group, self.receptor_type)
                own = {name: _picked(value, chosen) for name, value in values.items()}
                self._parts.append(make(self._network, ends, self.synapse_type, pairs, own))

    def _checked(self, values: dict[str, Any]) -> dict[str, Any]:
        """The same values, if synapses may have them; delays in time steps."""
        checked = dict(values)
        if "weight" in values:
            checked["weight"] = checked_weights(values["weight"], self.label)
        if "delay" in values:
            checked["delay"] = delay_steps(values["delay"], self.label)
        self.synapse_type.check(values, self.label)
        return checked

    def _convergent_connect(
        self,
        presynaptic_indices: NDArray[np.int64],
        postsynaptic_index: int,
        location_selector: Any = None,
        **connection_parameters: Any,
    ) -> None:
        """Connect cells to one target: what connectors written by users call."""
        if location_selector is not None:
            raise NotImplementedError("Cells of pyNN.ship have one compartment.")
        collected = (presynaptic_indices, postsynaptic_index, connection_parameters)
        self._collected.append(collected)

    def _connect_collected(self) -> None:
        if not self._collected:
            return
        pre = [np.asarray(sources, np.int32) for sources, _, _ in self._collected]
        post = [np.full(p.size, c[1], np.int32) for p, c in zip(pre, self._collected, strict=True)]
        sources, targets = np.concatenate(pre), np.concatenate(post)
        values = SynapseParameters(self).evaluate(sources, targets)
        for name in dict.fromkeys(name for *_, given in self._collected for name in given):
            values[name] = np.concatenate(
                [
                    np.broadcast_to(c[2][name], p.shape)
                    for p, c in zip(pre, self._collected, strict=True)
                ]
            ).astype(np.float64)
        self._collected = []
        self._set_connections(sources, targets, values)

    def _between(
        self, source: int, target: int, pre: NDArray[np.int32], post: NDArray[np.int32]
    ) -> NDArray[np.intp] | None:
        """Which connections link two populations; None if all do."""
        pre_owner, post_owner = self._pre_cells.owner, self._post_cells.owner
        chosen = None
        if pre_owner is not None and len(self._pre_cells.populations) > 1:
            chosen = pre_owner[pre] == source
        if post_owner is not None and len(self._post_cells.populations) > 1:
            there = post_owner[post] == target
            chosen = there if chosen is None else chosen & there
        return None if chosen is None else np.flatnonzero(chosen)

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def __getitem__(self, index: int) -> Connection:
        return self.connections[index]

    def __iter__(self) -> Iterator[Connection]:
        return iter(self.connections)

    @property
    def connections(self) -> Connections:
        """All connections, ordered by presynaptic cell."""
        return Connections(self)

    def _connection(self, part: Part, position: int) -> Connection:
        source, target = part.pair(position)
        pre = self._pre_cells.outside(part.ends.source, np.array([source], np.int32))
        post = self._post_cells.outside(part.ends.target, np.array([target], np.int32))
        return Connection(self, part, position, (int(pre[0]), int(post[0])))

    @property
    def _presynaptic_index(self) -> NDArray[np.int32]:
        """Address in `pre` of each connection's source."""
        return _joined([self._pre_cells.outside(p.ends.source, p.source_cell) for p in self._parts])

    @property
    def _postsynaptic_index(self) -> NDArray[np.int32]:
        """Address in `post` of each connection's target."""
        return _joined(
            [self._post_cells.outside(p.ends.target, p.target_cell) for p in self._parts]
        )

    # --- reading ---------------------------------------------------------------------------------

    def _values(self, name: str) -> NDArray[Any]:
        if name == "presynaptic_index":
            return self._presynaptic_index
        if name == "postsynaptic_index":
            return self._postsynaptic_index
        arrays = [part.get(name) for part in self._parts]
        return np.concatenate(arrays) if arrays else np.empty(0)

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
            'list' gives a tuple for each connection, ordered by presynaptic cell; 'array' gives a
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
            columns = [self._values(name).tolist() for name in names]
            return columns[0] if single and not with_address else list(zip(*columns, strict=True))
        if format != "array":
            raise ValueError(f"format = {format!r}; give 'list' or 'array'.")
        if multiple_synapses not in self.MULTI_SYNAPSE_OPERATIONS:
            raise ValueError(
                "`multiple_synapses` argument must be one of "
                f"{list(self.MULTI_SYNAPSE_OPERATIONS)}, not {multiple_synapses!r}."
            )
        flat = flat_index(self)
        matrices = [
            as_matrix(self.shape, flat, self._values(name), multiple_synapses) for name in names
        ]
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
        for part, own in zip(self._parts, self._pieces(checked), strict=True):
            part.check(self.synapse_type, own, self.label)
        for part, own in zip(self._parts, self._pieces(checked), strict=True):
            part.set(own)

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
        unit = "uS" if self.synapse_type.electrical else weight_unit(value, name)
        self._check_weight_unit(unit)
        return magnitude(name, value, unit)

    def _prepare_run(self) -> None:
        for part in self._parts:
            part.prepare_run()


def _check_shapes(synapse_type: Any, pre: Any, post: Any) -> None:
    for name, value in getattr(synapse_type, "parameter_space", ParameterSpace({})).items():
        array = value.base_value
        if isinstance(array, np.ndarray) and array.shape not in ((), (len(pre), len(post))):
            raise errors.InvalidDimensionsError(
                f"{name} has shape {array.shape}; give a number, an array of shape "
                f"{(len(pre), len(post))}, a RandomDistribution or a function of the distance."
            )


def _picked(values: Any, chosen: NDArray[np.intp] | None) -> Any:
    return values if chosen is None or np.ndim(values) == 0 else values[chosen]


def _joined(arrays: list[NDArray[np.int32]]) -> NDArray[np.int32]:
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate(arrays) if arrays else np.empty(0, np.int32)
