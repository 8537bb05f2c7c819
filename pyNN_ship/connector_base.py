"""
What all connectors of pyNN.ship have in common.

A connector finds its connections as two index arrays, evaluates the synapse parameters for all of
them, checks the values, and hands everything to the projection in one call. Columns are
postsynaptic cells, as in PyNN; connections are ordered by column and, inside a column, as PyNN
lists the sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from lazyarray import larray
from numpy.typing import NDArray
from pyNN import connectors as pynn
from pyNN import errors, standardmodels
from pyNN.random import AbstractRNG, RandomDistribution

from .connections import check_signs, checked_weights
from .connector_draws import NUMBERS_PER_CHUNK, IntegerArray
from .descriptions import CONNECTOR_TEMPLATE, describe
from .lazy_values import PairValues

Pairs = tuple[IntegerArray, IntegerArray]
Values = dict[str, float | NDArray[np.float64]]


class Progress:
    """Tells a user's callback how far a connector has come, at most ten times and then 1.0."""

    def __init__(self, callback: Callable[[float], Any] | None) -> None:
        self._callback = callback
        self._reported = 0.0

    def reach(self, fraction: float) -> None:
        """Report `fraction` if it is worth a call."""
        if self._callback is not None and self._reported + 0.1 <= fraction < 1.0:
            self._callback(fraction)
            self._reported = fraction

    def finish(self) -> None:
        """Report that everything is connected."""
        if self._callback is not None:
            self._callback(1.0)


@dataclass(frozen=True)
class Columns:
    """The columns for which a connector draws, and those whose connections it needs.

    PyNN draws for all columns where any generator is "parallel safe", so that every MPI process
    sees the same numbers, and throws away what is not local; else for local columns only.

    Attributes
    ----------
    drawn : array of int
        Column indices, ascending.
    needed : array of bool
        For each drawn column, whether its connections are needed: if it is local, or if a synapse
        parameter is random too, so that its numbers must be drawn for all connections.
    """

    drawn: IntegerArray
    needed: NDArray[np.bool_]

    @classmethod
    def of(cls, projection: Any, parameters: SynapseParameters, rng: AbstractRNG | None) -> Columns:
        """Choose the columns for a connector that draws from `rng`, None if from none."""
        local = np.asarray(projection.post._mask_local, dtype=bool)
        generators = [distribution.rng for distribution in parameters.distributions]
        if any(_is_parallel_safe(rng) for rng in generators):
            return cls(np.arange(len(local)), np.ones(len(local), dtype=bool))
        if rng is not None and _is_parallel_safe(rng):
            return cls(np.arange(len(local)), local if not generators else np.ones_like(local))
        drawn = np.flatnonzero(local)
        return cls(drawn, np.ones(len(drawn), dtype=bool))

    def chunks(self, n_sources: int) -> Iterator[Columns]:
        """Split the columns so that a chunk has about `NUMBERS_PER_CHUNK` pairs of cells."""
        length = max(1, NUMBERS_PER_CHUNK // n_sources)
        for start in range(0, len(self.drawn), length):
            part = slice(start, start + length)
            yield Columns(self.drawn[part], self.needed[part])


def _is_parallel_safe(rng: AbstractRNG) -> bool:
    # A generator that does not say (a NativeRNG) is asked for the numbers of every column.
    return bool(getattr(rng, "parallel_safe", True))


class SynapseParameters:
    """Private copies of a projection's synapse parameters, in the backend's names and units.

    The copies are taken when this is made, and with them the state of every generator among the
    parameters. That moment matters where the connector draws from the same generator.
    """

    def __init__(self, projection: Any) -> None:
        self._projection = projection
        self._lazy: dict[str, larray] = dict(projection.synapse_type.native_parameters.items())
        for name, lazy in self._lazy.items():
            try:
                lazy.shape = projection.shape
            except ValueError as error:
                raise errors.InvalidDimensionsError(
                    f"{name} is an array of shape {lazy.shape}; expected one value for each pair "
                    f"of cells, shape {projection.shape} (presynaptic size, postsynaptic size)."
                ) from error

    @property
    def distributions(self) -> list[RandomDistribution]:
        """The random distributions from which values will be drawn."""
        return [found for lazy in self._lazy.values() for found in _distributions(lazy)]

    def evaluate(self, sources: IntegerArray, targets: IntegerArray) -> Values:
        """Return the values for the given connections, which must be grouped by target."""
        pairs = PairValues(self._projection, sources, targets)
        return {name: pairs.evaluate(name, lazy) for name, lazy in self._lazy.items()}


def _distributions(lazy: larray) -> Iterator[RandomDistribution]:
    if isinstance(lazy.base_value, RandomDistribution):
        yield lazy.base_value
    for _, argument in lazy.operations:
        if isinstance(argument, larray):
            yield from _distributions(argument)


def check_values(projection: Any, targets: IntegerArray, values: Mapping[str, Any]) -> None:
    """Run the synapse type's own checks on native `values`, all of them at once.

    Parameters
    ----------
    projection : Projection
        Whose synapses have, or are to have, the values.
    targets : array of int
        The column of each synapse, in any order.
    values : mapping
        One number for all of these synapses, or an array with one for each.

    Raises
    ------
    pyNN.errors.ConnectionError
        With PyNN's text and what to do. PyNN checks each column on its own, so where the whole
        fails the columns decide (with an unknown receptor type their signs may differ).
    """
    synapse_type = projection.synapse_type
    if "weight" in values:
        checked_weights(values["weight"], projection.label)
    for name, check in _checks(synapse_type).items():
        native_name = synapse_type.translations[name]["translated_name"]
        if native_name not in values or len(targets) == 0:
            continue
        value = values[native_name]
        try:
            check(value, projection)
        except errors.ConnectionError as error:
            if isinstance(value, np.ndarray) and _passes_by_column(
                check, value, targets, projection
            ):
                continue
            guessed = getattr(projection, "receptor_is_guessed", False)
            origin = ", which was guessed from the sign, since none was given" if guessed else ""
            raise errors.ConnectionError(
                f"{error} ({name} between {np.min(value)} and {np.max(value)} for the receptor "
                f"type '{projection.receptor_type}'{origin}). Change the sign of {name} or the "
                "receptor type, or give the connector safe=False to skip this check."
            ) from error


def _checks(synapse_type: Any) -> dict[str, Callable[[Any, Any], None]]:
    """The synapse type's own checks; ours in place of PyNN's for weights."""
    checks = getattr(synapse_type, "parameter_checks", {})
    return {
        name: check_signs if check is standardmodels.check_weights else check
        for name, check in checks.items()
    }


def _passes_by_column(
    check: Callable[[Any, Any], None], value: NDArray[Any], targets: IntegerArray, projection: Any
) -> bool:
    order = np.argsort(targets, kind="stable")
    boundaries = np.flatnonzero(np.diff(targets[order])) + 1
    try:
        for column in np.split(value[order], boundaries):
            check(column, projection)
    except errors.ConnectionError:
        return False
    return True


class VectorisedConnector(pynn.Connector):
    """Mixin, to be named before a connector of PyNN, that connects a projection in one call."""

    def _connect(self, projection: Any, find: Callable[[Columns, Progress], Pairs]) -> None:
        """Connect `projection` to the sources and targets that `find` returns.

        Parameters
        ----------
        projection : Projection
            Receives one call of ``_set_connections(sources, targets, parameters)``.
        find : callable
            Is given the `Columns` and a `Progress`, and returns sources and targets, ordered by
            target. May return connections of columns that are not local; they are left out here.
        """
        self._refuse_location_selector()
        parameters = SynapseParameters(projection)
        columns = Columns.of(projection, parameters, getattr(self, "rng", None))
        progress = Progress(self.callback)
        sources, targets = find(columns, progress)
        values = parameters.evaluate(sources, targets)
        self._hand_over(projection, sources, targets, values, progress)

    def _hand_over(
        self,
        projection: Any,
        sources: IntegerArray,
        targets: IntegerArray,
        values: Values,
        progress: Progress,
    ) -> None:
        """Check `values` and give what is local to `projection`."""
        if self.safe:
            check_values(projection, targets, values)
        progress.reach(0.9)
        local = projection.post._mask_local
        if not np.all(local):
            kept = local[targets]
            sources, targets = sources[kept], targets[kept]
            values = {
                name: value[kept] if isinstance(value, np.ndarray) else value
                for name, value in values.items()
            }
        projection._set_connections(
            sources.astype(np.int32, copy=False), targets.astype(np.int32, copy=False), values
        )
        progress.finish()

    def describe(self, template: Any = CONNECTOR_TEMPLATE, engine: Any = "default") -> Any:
        context = super().describe(template=None, engine=engine)
        return describe(context, template, CONNECTOR_TEMPLATE, engine)

    describe.__doc__ = pynn.Connector.describe.__doc__

    def _refuse_location_selector(self) -> None:
        if self.location_selector is not None:
            raise NotImplementedError(
                f"{type(self).__name__} was given location_selector={self.location_selector!r}, "
                "but the cells of pyNN.ship have one compartment. Leave it out, or run this "
                "network with pyNN.neuron or pyNN.arbor."
            )


def connected_pairs(
    is_connected: NDArray[np.bool_], columns: IntegerArray
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the pairs that are True in a matrix with a row of sources for each of `columns`."""
    n_sources = np.uint32(is_connected.shape[1])
    # Flat positions and one division by a 32-bit scalar: several times faster than np.nonzero.
    flat = np.flatnonzero(is_connected).astype(np.uint32)
    row = flat // n_sources
    return (flat - row * n_sources).astype(np.int32), columns.astype(np.int32)[row]


def same_cells(pre: Any, post: Any) -> Pairs:
    """Return the positions (in `pre`, in `post`) of every cell that is in both.

    Cells are compared by ID, as PyNN does, because views and assemblies may overlap.
    """
    pre_ids, post_ids = cell_ids(pre), cell_ids(post)
    order = np.argsort(pre_ids, kind="stable")
    first = np.searchsorted(pre_ids[order], post_ids, side="left")
    counts = np.searchsorted(pre_ids[order], post_ids, side="right") - first
    in_post = np.repeat(np.arange(len(post_ids)), counts)
    repeats = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return order[np.repeat(first, counts) + repeats], in_post


def cell_ids(population: Any) -> IntegerArray:
    """Return the IDs of all cells of a Population, view or Assembly as integers."""
    return np.asarray(population.all_cells, dtype=np.int64)


def has_same_cells(projection: Any) -> bool:
    """Tell whether both sides of `projection` are the same cells in the same order."""
    return projection.pre is projection.post or np.array_equal(
        cell_ids(projection.pre), cell_ids(projection.post)
    )


def require_same_cells(connector: Any, projection: Any) -> None:
    """Refuse 'NoMutual' where it is not defined."""
    if not has_same_cells(projection):
        raise NotImplementedError(
            f"{type(connector).__name__}(allow_self_connections='NoMutual') connects a population "
            f"with itself; here {projection.pre.label!r} is connected to "
            f"{projection.post.label!r}. Use allow_self_connections=True or False, or one view or "
            "assembly for both sides."
        )
