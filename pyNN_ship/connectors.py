"""
The connectors of pyNN.ship, all vectorised.

Each class is PyNN's connector of the same name: the same arguments, the same connections and
parameter values for the same seeds. Here are the rules over all pairs of cells; those that choose
a number of cells are in `counted_connectors`, those that are told their connections in
`listed_connectors`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import connectors as pynn
from pyNN import errors
from pyNN.random import AbstractRNG

from .connector_base import (
    Columns,
    Pairs,
    Progress,
    VectorisedConnector,
    cell_ids,
    connected_pairs,
    require_same_cells,
    same_cells,
)
from .connector_draws import FloatArray, IntegerArray, uniform_rows
from .counted_connectors import (
    FixedNumberPostConnector,
    FixedNumberPreConnector,
    FixedTotalNumberConnector,
)
from .lazy_values import (
    Displacements,
    Distances,
    as_values,
    bound_expression,
    is_plain_displacement,
    values_of_distances,
)
from .listed_connectors import (
    ArrayConnector,
    CloneConnector,
    CSAConnector,
    FromFileConnector,
    FromListConnector,
)
from .small_world import SmallWorldConnector

Connector = pynn.Connector

__all__ = [
    "AllToAllConnector",
    "ArrayConnector",
    "CSAConnector",
    "CloneConnector",
    "Connector",
    "DisplacementDependentProbabilityConnector",
    "DistanceDependentProbabilityConnector",
    "FixedNumberPostConnector",
    "FixedNumberPreConnector",
    "FixedProbabilityConnector",
    "FixedTotalNumberConnector",
    "FromFileConnector",
    "FromListConnector",
    "IndexBasedProbabilityConnector",
    "OneToOneConnector",
    "SmallWorldConnector",
]

#: Gives the probability of every source for a chunk of columns: one number, or an array (columns,
#: sources).
ProbabilityMap = Callable[[IntegerArray], float | FloatArray]
#: By how much a probability may miss 0 or 1 and still be taken for it.
ROUNDING = 1e-9


class AllToAllConnector(VectorisedConnector, pynn.AllToAllConnector):
    __doc__ = pynn.AllToAllConnector.__doc__

    def __init__(
        self,
        allow_self_connections: bool | str = True,
        location_selector: Any = None,
        safe: bool = True,
        callback: Callable[[float], Any] | None = None,
    ) -> None:
        # PyNN's own constructor refuses 'NoMutual', which its connect() then provides for.
        no_mutual = allow_self_connections == "NoMutual"
        super().__init__(no_mutual or allow_self_connections, location_selector, safe, callback)
        self.allow_self_connections = allow_self_connections

    def connect(self, projection: Any) -> None:
        """Connect-up a Projection."""
        self._connect(projection, lambda columns, progress: all_pairs(self, projection, columns))


def all_pairs(connector: Any, projection: Any, columns: Columns) -> Pairs:
    """Return every pair that the `allow_self_connections` of `connector` leaves."""
    n_sources, drawn = projection.pre.size, columns.drawn.astype(np.int32)
    if connector.allow_self_connections == "NoMutual":
        require_same_cells(connector, projection)
        counts = n_sources - 1 - columns.drawn
        targets = np.repeat(drawn, counts)
        # Column j has the sources j + 1, j + 2, ... n - 1.
        skipped = np.repeat(np.cumsum(counts) - counts - (columns.drawn + 1), counts)
        return np.arange(len(targets)) - skipped, targets
    sources = np.tile(np.arange(n_sources, dtype=np.int32), len(drawn))
    targets = np.repeat(drawn, n_sources)
    if connector.allow_self_connections:
        return sources, targets
    own_sources, own_targets = same_cells(projection.pre, projection.post)
    is_drawn = np.isin(own_targets, columns.drawn)
    column_starts = np.searchsorted(columns.drawn, own_targets[is_drawn]) * n_sources
    own = column_starts + own_sources[is_drawn]
    return np.delete(sources, own), np.delete(targets, own)


class OneToOneConnector(VectorisedConnector, pynn.OneToOneConnector):
    __doc__ = pynn.OneToOneConnector.__doc__

    def connect(self, projection: Any) -> None:
        """Connect-up a Projection: cell i to cell i, as far as both populations reach."""

        def find(columns: Columns, progress: Progress) -> Pairs:
            common = columns.drawn[columns.drawn < projection.pre.size]
            return common, common

        self._connect(projection, find)


class ProbabilityConnector(VectorisedConnector):
    """What the connectors that draw one uniform number for each pair of cells share.

    PyNN draws for one column after the other, from a private copy of the generator, and connects
    where the number is below the probability. Self-connections are taken out afterwards.
    """

    allow_self_connections: bool | str
    rng: AbstractRNG

    def _connect_with_probability(self, projection: Any, probability: ProbabilityMap) -> None:
        def find(columns: Columns, progress: Progress) -> Pairs:
            if self.allow_self_connections == "NoMutual":
                require_same_cells(self, projection)
            n_sources = projection.pre.size
            rows = uniform_rows(self.rng, n_sources)
            keep = self._allowed(projection)
            sources, targets = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
            for chunk in columns.chunks(n_sources):
                is_connected = rows(len(chunk.drawn)) < probability(chunk.drawn)
                is_connected[~chunk.needed] = False
                source, target = connected_pairs(is_connected, chunk.drawn)
                if keep is not None:
                    kept = keep(source, target)
                    source, target = source[kept], target[kept]
                sources.append(source)
                targets.append(target)
                progress.reach(0.8 * float(chunk.drawn[-1] + 1) / projection.post.size)
            return np.concatenate(sources), np.concatenate(targets)

        self._connect(projection, find)

    def _allowed(
        self, projection: Any
    ) -> Callable[[IntegerArray, IntegerArray], NDArray[np.bool_]] | None:
        """Return what tells which connections stay, None if all do."""
        if self.allow_self_connections == "NoMutual":
            return np.greater
        if self.allow_self_connections:
            return None
        if projection.pre is projection.post:
            return np.not_equal
        pre_ids, post_ids = cell_ids(projection.pre), cell_ids(projection.post)
        return lambda sources, targets: pre_ids[sources] != post_ids[targets]


def checked_probability(name: str, value: Any, n_columns: int, n_sources: int) -> Any:
    """Return probabilities that fit `n_columns` columns, or refuse them.

    Above 1 an expression means certainty, as in PyNN; NaN and negative numbers are errors, which
    PyNN takes for "no connection".
    """
    checked = as_values(name, value, (n_columns * n_sources,))
    if not np.min(checked) >= -ROUNDING:  # NaN too
        raise errors.InvalidParameterValueError(
            f"{name} gave the probability {np.min(checked)}; expected numbers between 0 and 1. "
            'Where there is no connection it should give 0, e.g. "(d < 100) * (1 - d/100)".'
        )
    return checked if isinstance(checked, float) else checked.reshape(n_columns, n_sources)


class FixedProbabilityConnector(ProbabilityConnector, pynn.FixedProbabilityConnector):
    __doc__ = pynn.FixedProbabilityConnector.__doc__

    def __init__(
        self,
        p_connect: float,
        allow_self_connections: bool | str = True,
        location_selector: Any = None,
        rng: AbstractRNG | None = None,
        safe: bool = True,
        callback: Callable[[float], Any] | None = None,
    ) -> None:
        try:
            probability = float(p_connect)
        except (TypeError, ValueError):
            probability = np.nan
        if not -ROUNDING <= probability <= 1 + ROUNDING:  # NaN too
            raise errors.InvalidParameterValueError(
                f"p_connect is {p_connect!r}; expected a probability between 0 and 1."
            )
        probability = max(0.0, probability)
        super().__init__(
            probability, allow_self_connections, location_selector, rng, safe, callback
        )

    def connect(self, projection: Any) -> None:
        """Connect-up a Projection."""
        if self.p_connect >= 1.0:
            # PyNN draws all the same, but from a copy of its generator, which nobody sees.
            self._connect(
                projection, lambda columns, progress: all_pairs(self, projection, columns)
            )
        else:
            self._connect_with_probability(projection, lambda columns: self.p_connect)


class DistanceDependentProbabilityConnector(
    ProbabilityConnector, pynn.DistanceDependentProbabilityConnector
):
    __doc__ = pynn.DistanceDependentProbabilityConnector.__doc__
    distance_function: Callable[[Any], Any]

    def __init__(
        self,
        d_expression: str | Callable[[FloatArray], Any],
        allow_self_connections: bool | str = True,
        location_selector: Any = None,
        rng: AbstractRNG | None = None,
        safe: bool = True,
        callback: Callable[[float], Any] | None = None,
    ) -> None:
        if not (isinstance(d_expression, str) or callable(d_expression)):
            raise _wrong_distance_expression(d_expression, "it is neither a text nor a function")
        # PyNN accepts a callable and then tries to compile it as text: give it a text instead.
        text = "0 * d" if callable(d_expression) else d_expression
        try:
            super().__init__(text, allow_self_connections, location_selector, rng, safe, callback)
        except AssertionError as error:
            # PyNN's own check of the expression, for the distances 0 and 1e12.
            raise _wrong_distance_expression(text, f"it gives the probability {error}") from error
        except (SyntaxError, NameError, TypeError, AttributeError) as error:
            raise _wrong_distance_expression(text, error) from error
        names = compile(text, "<distance expression>", "eval").co_names
        if "d" not in names and self.distance_function(0.0) > 1.0 + ROUNDING:
            reason = "it gives the same probability, which is above 1, everywhere"
            raise _wrong_distance_expression(text, reason)
        if callable(d_expression):
            self.d_expression = self.distance_function = d_expression

    def connect(self, projection: Any) -> None:
        """Connect-up a Projection."""
        distances = Distances(projection)
        name = f"the distance expression {self.d_expression!r}"

        def probability(columns: IntegerArray) -> Any:
            column_distances = distances.of_columns(columns)
            values = values_of_distances(name, self.distance_function, column_distances)
            return checked_probability(name, values, len(columns), projection.pre.size)

        self._connect_with_probability(projection, probability)


def _wrong_distance_expression(expression: Any, reason: Any) -> errors.ConnectionError:
    return errors.ConnectionError(
        f"DistanceDependentProbabilityConnector({expression!r}): {reason}. Give an expression of "
        "the distance d, such as 'exp(-d / 100.0)', or a function of it, with probabilities from "
        "0 to 1; what exceeds 1 at some distances is certainty."
    )


class IndexBasedProbabilityConnector(ProbabilityConnector, pynn.IndexBasedProbabilityConnector):
    __doc__ = pynn.IndexBasedProbabilityConnector.__doc__

    def connect(self, projection: Any) -> None:
        """Connect-up a Projection."""
        n_sources = projection.pre.size
        sources = np.arange(n_sources)
        expression = bound_expression(self.index_expression, projection)
        name = f"the index expression {type(expression).__name__}"
        if is_plain_displacement(expression):
            displacements = Displacements(projection)

            def probability(columns: IntegerArray) -> Any:
                chunk = expression._disp_function(displacements.of_columns(columns))
                return checked_probability(name, chunk, len(columns), n_sources)

        else:
            # One call per column, as users of PyNN expect it: see PairValues.
            def probability(columns: IntegerArray) -> Any:
                chunk = np.empty((len(columns), n_sources))
                for row, column in zip(chunk, columns, strict=True):
                    row[:] = as_values(name, expression(sources, column), (n_sources,))
                return checked_probability(name, chunk.ravel(), len(columns), n_sources)

        self._connect_with_probability(projection, probability)


class DisplacementDependentProbabilityConnector(
    IndexBasedProbabilityConnector, pynn.DisplacementDependentProbabilityConnector
):
    __doc__ = pynn.DisplacementDependentProbabilityConnector.__doc__

    def __init__(
        self,
        disp_function: Callable[[FloatArray], Any],
        allow_self_connections: bool | str = True,
        location_selector: Any = None,
        rng: AbstractRNG | None = None,
        safe: bool = True,
        callback: Callable[[float], Any] | None = None,
    ) -> None:
        pynn.DisplacementDependentProbabilityConnector.__init__(
            self, disp_function, allow_self_connections, rng=rng, callback=callback
        )
        # PyNN drops these two.
        self.safe = safe
        self.location_selector = location_selector
