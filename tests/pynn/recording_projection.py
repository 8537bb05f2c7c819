"""A projection that only records what its connector does, for the tests of connectors.

It stands on PyNN's own mock backend, so that PyNN's connectors and ours connect the same cells.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyNN.connectors
import pyNN.mock as mock

from pyNN_ship import connectors as ship


class RecordingProjection(mock.Projection):
    """Takes connections from PyNN's connectors (column by column) and from ours (one call)."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.columns: list[tuple[Any, Any, dict[str, Any]]] = []
        self.calls = 0
        super().__init__(*arguments, **options)

    def _convergent_connect(self, sources, target, location_selector=None, **parameters):
        sources = np.asarray(sources)
        values = {
            name: np.broadcast_to(np.asarray(value, dtype=float), sources.shape)
            for name, value in parameters.items()
        }
        self.columns.append((sources, np.full(sources.size, target), values))

    def _set_connections(self, presynaptic_index, postsynaptic_index, parameters):
        self.calls += 1
        self.handed_over = parameters
        assert presynaptic_index.dtype == postsynaptic_index.dtype == np.int32
        for value in parameters.values():
            if isinstance(value, np.ndarray):
                assert value.shape == presynaptic_index.shape
                assert value.dtype == np.float64
            else:
                assert type(value) is float
        values = {
            name: np.broadcast_to(value, presynaptic_index.shape)
            for name, value in parameters.items()
        }
        self.columns.append((presynaptic_index, postsynaptic_index, values))
        self._presynaptic_index, self._postsynaptic_index = presynaptic_index, postsynaptic_index

    def __len__(self):
        return sum(len(sources) for sources, _, _ in self.columns)

    @property
    def sources(self):
        return np.concatenate([column[0] for column in self.columns] or [[]])

    @property
    def targets(self):
        return np.concatenate([column[1] for column in self.columns] or [[]])

    @property
    def pairs(self):
        return list(zip(self.sources.tolist(), self.targets.tolist(), strict=True))

    def values(self, name):
        return np.concatenate([column[2][name] for column in self.columns] or [[]])

    @property
    def parameter_names(self):
        return list(self.columns[0][2]) if self.columns else []


def assert_same_connections(projection, expected):
    """Compare the connections, the values and the order of both."""
    np.testing.assert_array_equal(projection.sources, expected.sources)
    np.testing.assert_array_equal(projection.targets, expected.targets)
    for name in expected.parameter_names:
        np.testing.assert_array_equal(projection.values(name), expected.values(name))


def _with_connectors_of(module: Any) -> SimpleNamespace:
    names = [name for name in dir(module) if name.endswith("Connector")]
    return SimpleNamespace(
        **{name: getattr(mock, name) for name in dir(mock) if not name.startswith("_")}
        | {name: getattr(module, name) for name in names}
        | {"Projection": RecordingProjection}
    )


#: PyNN's mock backend with recording projections, and with PyNN's connectors or with ours.
with_pynn = _with_connectors_of(pyNN.connectors)
with_ship = _with_connectors_of(ship)
