"""Models from equations with units.

Text is parsed to a syntax tree, checked, and integrated by what suits each equation; the result is
an ordinary model.  Nothing that is given is ever evaluated as code.
"""

from __future__ import annotations

from ship_engine.equations.description import Function, NeuronDescription, SynapseDescription
from ship_engine.equations.models import integration_of, neuron_model, synapse_model

__all__ = [
    "Function",
    "NeuronDescription",
    "SynapseDescription",
    "integration_of",
    "neuron_model",
    "synapse_model",
]
