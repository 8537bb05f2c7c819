"""The features, in their order, and what the simulator answers to each."""

from __future__ import annotations

import traceback
from typing import Any, NamedTuple

from . import (
    cells,
    composed,
    connectors,
    control,
    electrodes,
    other,
    plasticity,
    populations,
    recording,
    synapses,
    variables,
)
from .measure import Probe

SECTIONS: dict[str, dict[str, Probe]] = {
    "Cell types (standard)": cells.ROWS,
    "Composed and multi-compartment models": composed.ROWS,
    "Synapses and plasticity": {
        **synapses.ROWS,
        **plasticity.ROWS,
        "Projection.initialize (synapse state)": synapses.initialize,
    },
    "Current sources": electrodes.ROWS,
    "Connectors": connectors.ROWS,
    "Recordable variables (unit)": variables.ROWS,
    "Recording features": recording.ROWS,
    "setup(), control and procedural API": control.ROWS,
    "Populations and projections": {
        **populations.ROWS,
        "GSLRNG (needs pygsl)": connectors.gsl,
    },
    "Other": other.ROWS,
}


REFUSED = frozenset(
    {
        "MultiCompartmentNeuron",
        "Ion channels NaChannel, KdrChannel, PassiveLeak, PassiveLeakHH; ionic_species",
        "Morphologies: NeuroML segments, SWC/MorphIO",
        "Distributions uniform, by_distance, by_diameter",
        "Locations: labelled, at_distances, centre, random_placement, filters; connector "
        "location_selector",
        "voltage_dependence",
        "na.m, na.h, kdr.n (dimensionless): MultiCompartmentNeuron",
        "record(locations=)",
        "NineML cell types",
        "NineML / NeuroML export (own modules pyNN.nineml, pyNN.neuroml)",
        "NeuroML cell import",
    }
)
"""What cells of one compartment do not have, and what belongs to one simulator."""


REMARKS = {
    "CSAConnector": "needs csa",
    "SmallWorldConnector": "by the rule that PyNN documents and does not define",
    "MPI": "needs mpi4py and an MPI library; without them the probe asks for the error",
    "GSLRNG (needs pygsl)": "needs pygsl; the probe puts a generator of its own in its place",
    "irregular sampling (variable step)": "with record_sample_times=True each sample carries its "
    "time; the time step does not vary",
    "to_file / write_data pkl, mat (scipy); nix/h5, nwb need extra packages; txt is refused": "the "
    "probe writes pkl and mat",
    "SONATA import/export (pyNN.serialization)": "needs h5py; what PyNN's exporter leaves out, "
    "such as spike times and parameters that are arrays, does not come back",
    "nestml_cell_type / nestml_synapse_type": "needs nestml; docs/nestml.md tells which constructs "
    "of NESTML there are",
    "describe() templates string, jinja2, cheetah": "the engines that are installed",
}
"""What is to be said of a yes."""


class Answer(NamedTuple):
    """What a probe found: 'yes', 'refused' or 'no', and why."""

    word: str
    why: str = ""


def ask(sim: Any, name: str, probe: Probe) -> Answer:
    """Set the simulator up and run the probe of a feature."""
    sim.setup(timestep=0.1)
    try:
        words = probe(sim)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[1:2]
        line = f" ({place[0].name}, line {place[0].lineno})" if place else ""
        first = next(iter(str(error).strip().splitlines()), "")
        return Answer("no", f"{type(error).__name__}: {first}{line}")
    return Answer("yes", REMARKS.get(name, "")) if words is None else Answer("refused", words)
