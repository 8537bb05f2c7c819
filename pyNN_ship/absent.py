"""What PyNN or its other backends have, pyNN.ship has not, and where it is to be found."""

from __future__ import annotations

_COMPARTMENTS = (
    "the cells of pyNN.ship have one compartment. Run models with several, their ion channels and "
    "morphologies with pyNN.neuron or pyNN.arbor; a PointNeuron has any number of receptors"
)
_NINEML = (
    "NineML descriptions are translated for NEURON, by pyNN.neuron with the package nineml. Take "
    "the nearest of list_standard_models(), or write the equations as a model of ship_engine"
)
_NEUROML = (
    "NeuroML cells are read by pyNN.neuron.neuroml; to write a network as NeuroML use the module "
    "pyNN.neuroml"
)
_NEURON = (
    "that is a model of NEURON, to be had from pyNN.neuron; an IF_curr_exp or IF_curr_delta comes "
    "near to it"
)
REASONS = {
    **dict.fromkeys(
        (
            "KdrChannel",
            "MultiCompartmentNeuron",
            "NaChannel",
            "PassiveLeak",
            "PassiveLeakHH",
            "morphology",
        ),
        _COMPARTMENTS,
    ),
    **dict.fromkeys(("nineml", "nineml_cell_type", "nineml_celltype_from_model"), _NINEML),
    "neuroml": _NEUROML,
    **dict.fromkeys(("IntFire1", "IntFire2", "IntFire4"), _NEURON),
}
"""For each name, where it is to be found or what stands for it."""


def why_absent(name: str) -> str | None:
    """Tell why pyNN.ship has no attribute `name`, or None if nobody in PyNN has one.

    Parameters
    ----------
    name : str
        Attribute of a PyNN simulator.

    Returns
    -------
    str or None
        A sentence with what to use instead.
    """
    if name in REASONS:
        return f"pyNN.ship has no {name}: {REASONS[name]}."
    import pyNN.random
    import pyNN.standardmodels.cells
    import pyNN.standardmodels.receptors
    import pyNN.standardmodels.synapses

    models = pyNN.standardmodels
    places = (models.cells, models.synapses, models.receptors, pyNN.random)
    if any(hasattr(place, name) for place in places):
        return (
            f"pyNN.ship does not have PyNN's {name}; list_standard_models() tells which cell types "
            "it has, dir() which synapse types."
        )
    return None
