"""Creating, connecting and recording cells by functions."""

from __future__ import annotations

from typing import Any

from pyNN import common
from pyNN.core import deprecated

from . import simulator
from .connectors import FixedProbabilityConnector
from .populations import Population
from .projections import Projection
from .standardmodels.synapses import StaticSynapse

create = common.build_create(Population)
connect = common.build_connect(Projection, FixedProbabilityConnector, StaticSynapse)
set = common.set
record = common.build_record(simulator)


@deprecated("Population.initialize()")
def initialize(cells: Any, **initial_values: Any) -> None:
    """Set initial values of a cell, population, view or assembly."""
    if isinstance(cells, common.IDMixin):
        cells = cells.as_view()
    cells.initialize(**initial_values)


def record_v(source: Any, filename: str) -> None:
    """Record the membrane potential of cells to a file."""
    record(["v"], source, filename)


def record_gsyn(source: Any, filename: str) -> None:
    """Record the synaptic conductances of cells to a file."""
    record(["gsyn_exc", "gsyn_inh"], source, filename)
