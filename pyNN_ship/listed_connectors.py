"""
Connectors that are told their connections.

They are told by a list, a file, a boolean matrix, a connection set (CSA) or another projection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import connectors as pynn
from pyNN import errors, recording
from pyNN.parameters import LazyArray, ParameterSpace
from pyNN.standardmodels import StandardSynapseType
from pyNN.standardmodels.synapses import STDPMechanism

from .connector_base import (
    Columns,
    Pairs,
    Progress,
    SynapseParameters,
    Values,
    VectorisedConnector,
    connected_pairs,
)
from .connector_draws import IntegerArray
from .counted_connectors import needed_pairs
from .lazy_values import PairValues, as_values


class ListedConnector(VectorisedConnector):
    """What the connectors share whose connections bring some of their values along."""

    def _connect_listed(
        self, projection: Any, pairs: Pairs, listed: dict[str, NDArray[Any]]
    ) -> None:
        """Connect `pairs`, ordered by target, with `listed` values in PyNN's names and units."""
        self._refuse_location_selector()
        progress = Progress(self.callback)
        sources, targets = pairs
        local = np.asarray(projection.post._mask_local, dtype=bool)[targets]
        sources, targets = sources[local], targets[local]
        listed = {name: column[local] for name, column in listed.items()}
        values = listed_values(projection, (sources, targets), listed)
        self._hand_over(projection, sources, targets, values, progress)


def listed_values(projection: Any, pairs: Pairs, listed: dict[str, NDArray[Any]]) -> Values:
    """Evaluate the synapse parameters of connections that bring some values along.

    What is not listed comes from the synapse type. Every target gets the same random numbers,
    because PyNN copies the synapse parameters once for each.

    Parameters
    ----------
    projection : Projection
        With the synapse type.
    pairs : sources, targets
        Ordered by target.
    listed : dict of array
        Values in PyNN's names and units, aligned with the pairs.

    Returns
    -------
    dict
        All values in native names and units.
    """
    synapse_type = projection.synapse_type
    schema = synapse_type.get_schema()
    shape = (len(pairs[0]),)
    evaluator = PairValues(projection, *pairs, restart_each_column=True)
    parameters: dict[str, Any] = {}
    for name, lazy in synapse_type.parameter_space.items():
        if name in listed:
            parameters[name] = _column_of_type(name, listed[name], schema.get(name))
        else:
            parameters[name] = evaluator.evaluate(name, lazy)
    if isinstance(synapse_type, StandardSynapseType):
        native = synapse_type.translate(ParameterSpace(parameters, schema, shape), copy=False)
        parameters = {name: lazy.evaluate(simplify=True) for name, lazy in native.items()}
    values = {name: as_values(name, value, shape) for name, value in parameters.items()}
    if isinstance(synapse_type, STDPMechanism):
        # translate() leaves out the extra parameters of the mechanism's parts.
        complete = SynapseParameters(projection).evaluate(*pairs)
        values = {name: values.get(name, value) for name, value in complete.items()}
    return values


def _column_of_type(name: str, column: NDArray[Any], expected: type | None) -> NDArray[Any]:
    """Return a column of the list as whole numbers where the parameter is one."""
    if expected is not int:
        return column.astype(np.float64)
    if not np.all(column == np.floor(column)):
        raise errors.InvalidParameterValueError(
            f"The column {name!r} holds {column[column != np.floor(column)][0]}; expected whole "
            "numbers."
        )
    return column.astype(np.int64)


class FromListConnector(ListedConnector, pynn.FromListConnector):
    __doc__ = pynn.FromListConnector.__doc__

    conn_list: NDArray[Any]
    column_names: Sequence[str]

    def __init__(
        self,
        conn_list: Any,
        column_names: Sequence[str] | None = None,
        location_selector: Any = None,
        safe: bool = True,
        callback: Any = None,
    ) -> None:
        rows = isinstance(conn_list, (list, tuple, np.ndarray)) and np.ndim(conn_list) > 0
        if not rows or (len(conn_list) and np.ndim(conn_list[0]) == 0):
            raise errors.InvalidParameterValueError(
                f"conn_list = {conn_list!r}; give a list with (source, target, ...) for each "
                "connection."
            )
        super().__init__(conn_list, column_names, location_selector, safe, callback)

    def connect(self, projection: Any) -> None:
        """Connect-up a Projection."""
        valid_names = projection.synapse_type.get_parameter_names()
        for name in self.column_names:
            if name not in valid_names:
                raise errors.InvalidParameterValueError(
                    f"{name} is not a valid parameter for "
                    f"{type(projection.synapse_type).__name__}; its parameters are "
                    f"{', '.join(valid_names)}."
                )
        if self.conn_list.size == 0:
            nothing = np.empty(0, dtype=np.int32)
            empty = {name: np.empty(0) for name in self.column_names}
            self._connect_listed(projection, (nothing, nothing), empty)
            return
        n_columns = 2 + len(self.column_names)
        if self.conn_list.ndim != 2 or self.conn_list.shape[1] != n_columns:
            raise errors.InvalidDimensionsError(
                f"The connection list has the shape {self.conn_list.shape}; expected one row for "
                f"each connection with {n_columns} columns: "
                f"{', '.join(['source', 'target', *self.column_names])}."
            )
        sources = checked_indices("source", self.conn_list[:, 0], projection.pre.size)
        targets = checked_indices("target", self.conn_list[:, 1], projection.post.size)
        # PyNN's own call: its order among connections of one target is that of the sorting
        # algorithm, and decides which connection gets which random number. It stays in the list.
        order = np.argsort(self.conn_list[:, 1])
        self.conn_list = self.conn_list[order]
        listed = {name: self.conn_list[:, 2 + k] for k, name in enumerate(self.column_names)}
        self._connect_listed(projection, (sources[order], targets[order]), listed)


def checked_indices(role: str, column: NDArray[Any], size: int) -> NDArray[np.int32]:
    """Return a column of a connection list as cell indices in [0, `size`), or refuse it."""
    if not np.issubdtype(column.dtype, np.number):
        raise errors.ConnectionError(
            f"{role} indices are of type {column.dtype}; expected numbers. Labels and IDs cannot "
            "be used: write the positions of the cells in their population."
        )
    wrong = np.flatnonzero(~((column >= 0) & (column < size) & (column == np.floor(column))))
    if wrong.size:
        raise errors.ConnectionError(
            f"{role} index out of range: row {wrong[0]} of the connection list has "
            f"{column[wrong[0]]} ({wrong.size} such rows); expected whole numbers from 0 to "
            f"{size - 1}, the positions of the cells in their population."
        )
    return column.astype(np.int32)


class FromFileConnector(pynn.FromFileConnector, FromListConnector):
    __doc__ = pynn.FromFileConnector.__doc__

    def connect(self, projection: Any) -> None:
        """Connect-up a Projection."""
        file = self.file
        if self.distributed:
            # Not file.rename(), as PyNN has it: that deletes the file of the old name.
            name = f"{file.name}.{projection._simulator.state.mpi_rank}"
            file = type(file)(name, mode=file.mode)
        elif hasattr(file, "fileobj"):
            file.fileobj.seek(0)  # the connector may have been used before
        columns = list(file.get_metadata().get("columns", ("i", "j", "weight", "delay")))
        self.column_names = [name for name in columns if name not in ("i", "j")]
        self.conn_list = np.atleast_2d(file.read())
        FromListConnector.connect(self, projection)


class ArrayConnector(VectorisedConnector, pynn.ArrayConnector):
    __doc__ = pynn.ArrayConnector.__doc__

    def connect(self, projection: Any) -> None:
        """Connect-up a Projection."""
        try:
            connection_map = LazyArray(self.array, projection.shape)
        except ValueError as error:
            raise errors.InvalidDimensionsError(
                f"The connection array has the shape {np.shape(self.array)}; expected "
                f"{projection.shape} (presynaptic size, postsynaptic size)."
            ) from error

        def find(columns: Columns, progress: Progress) -> Pairs:
            sources, targets = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
            for chunk in columns.chunks(projection.pre.size):
                first, last = int(chunk.drawn[0]), int(chunk.drawn[-1])
                matrix = np.asarray(connection_map[:, first : last + 1])
                if matrix.dtype != bool:
                    raise errors.InvalidParameterValueError(
                        f"The connection array has the type {matrix.dtype}; expected a boolean "
                        "matrix. Write array.astype(bool), or array > 0."
                    )
                source, target = connected_pairs(matrix.T[chunk.drawn - first], chunk.drawn)
                sources.append(source)
                targets.append(target)
            return np.concatenate(sources), np.concatenate(targets)

        self._connect(projection, find)


class CloneConnector(VectorisedConnector, pynn.CloneConnector):
    __doc__ = pynn.CloneConnector.__doc__

    def connect(self, projection: Any) -> None:
        """Connect-up a Projection. Pairs with several connections get one, as in PyNN."""
        reference = self.reference_projection
        if projection.pre != reference.pre or projection.post != reference.post:
            raise errors.ConnectionError(
                "Pre and post populations must match between reference "
                f"({reference.pre.label!r} and {reference.post.label!r}) and clone projections "
                f"({projection.pre.label!r} and {projection.post.label!r}) for CloneConnector"
            )

        def find(columns: Columns, progress: Progress) -> Pairs:
            sources, targets = unique_pairs(*_indices_on_all_processes(reference))
            return needed_pairs(columns, sources, targets, projection.post.size)

        self._connect(projection, find)


def unique_pairs(sources: IntegerArray, targets: IntegerArray) -> Pairs:
    """Return each pair once, ordered by target and then by source."""
    n_sources = np.int64(np.max(sources, initial=0)) + 1
    pair = np.sort(targets.astype(np.int64) * n_sources + sources)
    pair = pair[np.diff(pair, prepend=-1) > 0]  # np.unique takes several times longer
    targets = pair // n_sources
    return pair - targets * n_sources, targets


def _indices_on_all_processes(projection: Any) -> Pairs:
    """Return the sources and targets of all connections, not only the local ones."""
    state = projection._simulator.state
    pairs = (projection._presynaptic_index, projection._postsynaptic_index)
    if state.num_processes == 1:
        return pairs
    gathered = recording.gather_dict({state.mpi_rank: pairs}, all=True)
    sources, targets = zip(*gathered.values(), strict=True)
    return np.concatenate(sources), np.concatenate(targets)


class CSAConnector(ListedConnector, pynn.CSAConnector):
    __doc__ = pynn.CSAConnector.__doc__

    def connect(self, projection: Any) -> None:
        """Connect-up a Projection."""
        csa = pynn.csa  # without it the constructor has raised
        all_pairs = csa.cross((0, projection.pre.size - 1), (0, projection.post.size - 1))
        finite = all_pairs * self.cset
        arity = csa.arity(self.cset)
        connections = np.array([tuple(entry) for entry in finite], dtype=np.float64)
        connections = connections.reshape(-1, 2 + arity)
        connections = connections[np.argsort(connections[:, 1], kind="stable")]
        sources, targets = connections[:, 0].astype(np.int64), connections[:, 1].astype(np.int64)
        if arity == 0:
            pairs = unique_pairs(sources, targets)
            self._connect(
                projection,
                lambda columns, progress: needed_pairs(columns, *pairs, projection.post.size),
            )
        else:
            listed = {"weight": connections[:, 2], "delay": connections[:, 3]}
            self._connect_listed(projection, (sources, targets), listed)
