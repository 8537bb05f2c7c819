"""A description of a synapse becomes an ordinary synapse model of the engine."""

from __future__ import annotations

from ship_engine.equations.description import SynapseDescription
from ship_engine.synapses.base import Synapse


def compiled_synapse(description: SynapseDescription) -> type[Synapse]:
    """Make a synapse model of a description; see `ship_engine.equations.synapse_model`."""
    raise NotImplementedError
