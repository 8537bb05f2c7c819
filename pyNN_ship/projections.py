"""Projections: connections between populations, with their weights and delays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import common, errors
from pyNN.parameters import LazyArray, ParameterSpace
from pyNN.random import RandomDistribution
from pyNN.space import Space

from . import simulator
from .addresses import Cells
from .connections import Connection, Connections, Part, checked_weights, delay_steps
from .errors import as_pynn_errors
from .lazy_values import PairValues
from .standardmodels.synapses import StaticSynapse, weight_unit
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
        if not hasattr(self.synapse_type, "weight_unit"):
            raise errors.InvalidModelError(
                f"{type(self.synapse_type).__name__} is not a synapse type of pyNN.ship."
            )
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
        before = len(self._network.projections)
        try:
            connector.connect(self)
            self._connect_collected()
        except BaseException:
            # The network stays as it was.
            del self._network.projections[before:]
            self._network.structure += 1
            raise

    def _check_weight_unit(self, unit: str | None) -> None:
        for population in self._post_cells.populations:
            ports = population.celltype.model.ports
            wanted = next(p.unit for p in ports if p.name == self.receptor_type)
            if unit not in (None, wanted):
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
            ``weight`` and ``delay`` (ms), each one for all or one for each connection.
        """
        weights = checked_weights(parameters["weight"], self.label)
        delays = delay_steps(parameters["delay"], self.label)
        for number in range(len(self._pre_cells.populations)):
            for target in range(len(self._post_cells.populations)):
                chosen = self._between(number, target, presynaptic_index, postsynaptic_index)
                pairs = (
                    self._pre_cells.inside(_picked(presynaptic_index, chosen)),
                    self._post_cells.inside(_picked(postsynaptic_index, chosen)),
                )
                with as_pynn_errors():
                    projection = self._network.connect(
                        self._pre_cells.populations[number]._group,
                        self._post_cells.populations[target]._group,
                        self.receptor_type,
                        pairs,
                        _picked(weights, chosen),
                        _picked(delays, chosen),
                    )
                self._parts.append(Part(number, target, projection))

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
        values = {
            name: np.concatenate(
                [
                    np.broadcast_to(c[2][name], p.shape)
                    for p, c in zip(pre, self._collected, strict=True)
                ]
            )
            for name in ("weight", "delay")
        }
        self._collected = []
        self._set_connections(np.concatenate(pre), np.concatenate(post), values)

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
        return sum(len(part.projection.synapses) for part in self._parts)

    def __getitem__(self, index: int) -> Connection:
        return self.connections[index]

    def __iter__(self) -> Iterator[Connection]:
        return iter(self.connections)

    @property
    def connections(self) -> Connections:
        """All connections, ordered by presynaptic cell."""
        return Connections(self)

    def _connection(self, part: Part, position: int) -> Connection:
        synapses = part.projection.synapses
        source = np.searchsorted(synapses.start, position, side="right") - 1
        pre = self._pre_cells.outside(part.source, np.array([source], np.int32))
        post = self._post_cells.outside(part.target, synapses.target[position : position + 1])
        return Connection(self, part, position, (int(pre[0]), int(post[0])))

    @property
    def _presynaptic_index(self) -> NDArray[np.int32]:
        """Address in `pre` of each connection's source."""
        return _joined(
            [self._pre_cells.outside(p.source, p.projection.synapses.source) for p in self._parts]
        )

    @property
    def _postsynaptic_index(self) -> NDArray[np.int32]:
        """Address in `post` of each connection's target."""
        return _joined(
            [self._post_cells.outside(p.target, p.projection.synapses.target) for p in self._parts]
        )

    def _values(self, name: str) -> NDArray[Any]:
        if name == "presynaptic_index":
            return self._presynaptic_index
        if name == "postsynaptic_index":
            return self._postsynaptic_index
        clock = self._network.clock
        arrays = []
        for part in self._parts:
            synapses = part.projection.synapses
            stored = synapses.weight if name == "weight" else clock.time(synapses.delay)
            arrays.append(np.broadcast_to(stored, (len(synapses),)))
        return np.concatenate(arrays) if arrays else np.empty(0)

    def get(
        self,
        attribute_names: Any,
        format: str,
        gather: Any = True,
        with_address: bool = True,
        multiple_synapses: str = "sum",
    ) -> Any:
        """Weights, delays, or both, in PyNN's units.

        Parameters
        ----------
        attribute_names : str or list of str
            'weight', 'delay', or a list of them.
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
        names = [attribute_names] if isinstance(attribute_names, str) else attribute_names
        self._refuse_unknown(names)
        if format not in ("list", "array"):
            raise ValueError(f"format = {format!r}; give 'list' or 'array'.")
        return super().get(attribute_names, format, gather, with_address, multiple_synapses)

    def _refuse_unknown(self, names: Any) -> None:
        valid = self.synapse_type.get_parameter_names()
        for name in names:
            if name not in (*valid, *ADDRESSES):
                raise errors.NonExistentParameterError(
                    name, type(self.synapse_type).__name__, valid
                )

    def _get_attributes_as_list(self, names: Sequence[str]) -> list[tuple[float, ...]]:
        return list(zip(*(self._values(name).tolist() for name in names), strict=True))

    def _get_attributes_as_arrays(
        self, names: Sequence[str], multiple_synapses: str = "sum"
    ) -> list[NDArray[np.float64]]:
        flat = self._presynaptic_index.astype(np.int64) * self.post.size + self._postsynaptic_index
        results = []
        for name in names:
            matrix = np.full(self.shape, np.nan)
            _gather(matrix.reshape(-1), flat, self._values(name), multiple_synapses)
            results.append(matrix)
        return results

    def set(self, **attributes: Any) -> None:
        valid = self.synapse_type.get_parameter_names()
        for name in attributes:
            if name not in valid:
                raise errors.NonExistentParameterError(
                    name, type(self.synapse_type).__name__, valid
                )
        checked = {}
        for name, value in attributes.items():
            numbers = self._evaluated(name, self._without_unit(name, value))
            check = checked_weights if name == "weight" else delay_steps
            checked[name] = check(numbers, self.label)
        for name, numbers in checked.items():
            self._store(name, numbers)

    set.__doc__ = common.Projection.set.__doc__

    def _without_unit(self, name: str, value: Any) -> Any:
        if name == "weight" and has_unit(value):
            unit = weight_unit(value)
            self._check_weight_unit(unit)
            return magnitude(name, value, unit)
        return magnitude(name, value, "ms")

    def _evaluated(self, name: str, value: Any) -> Any:
        """A value for all connections, or an array of one for each, in their order."""
        if isinstance(value, (list, np.ndarray)) and np.ndim(value) == 1:
            return self._spread(name, np.asarray(value, float))
        space = ParameterSpace({name: value}, self.synapse_type.get_schema(), self.shape)
        lazy = space[name]
        pre, post = self._presynaptic_index, self._postsynaptic_index
        if isinstance(lazy.base_value, RandomDistribution):
            # PyNN draws a number for each pair of cells, whether they are connected or not.
            return _drawn_for_pairs(lazy, pre, post, self.shape)
        return PairValues(self, pre, post).evaluate(name, lazy)

    def _spread(self, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """One value for each connected pair, in row-major order, to each connection."""
        flat = self._presynaptic_index.astype(np.int64) * self.post.size + self._postsynaptic_index
        pairs, position = np.unique(flat, return_inverse=True)
        if values.size != pairs.size:
            raise errors.InvalidDimensionsError(
                f"{values.size} values of {name} for the {pairs.size} connected pairs of "
                f"'{self.label}'."
            )
        return values[position]

    def _store(self, name: str, numbers: Any) -> None:
        begin = 0
        for part in self._parts:
            end = begin + len(part.projection.synapses)
            piece = numbers[begin:end] if np.ndim(numbers) else numbers
            part.projection.set(**{name: piece})
            begin = end


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


def _gather(
    cells: NDArray[np.float64], flat: NDArray[np.int64], values: NDArray[Any], operation: str
) -> None:
    """Write values into cells of a matrix; where several meet, the operation decides."""
    if operation == "last":
        cells[flat] = values
    elif operation == "first":
        cells[flat[::-1]] = values[::-1]
    else:
        start = {"sum": 0.0, "min": np.inf, "max": -np.inf}[operation]
        combine = {"sum": np.add, "min": np.minimum, "max": np.maximum}[operation]
        cells[flat] = start
        combine.at(cells, flat, values)


def _drawn_for_pairs(
    lazy: LazyArray, pre: NDArray[np.int32], post: NDArray[np.int32], shape: tuple[int, int]
) -> NDArray[np.float64]:
    matrix = lazy.evaluate(simplify=False)
    return np.asarray(np.broadcast_to(matrix, shape)[pre, post], float)
