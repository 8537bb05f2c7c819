"""A PyNN simulator backend on the spiking-network engine `ship_engine`.

Write ``import pyNN.ship as sim`` in a PyNN script; everything here is part of PyNN's interface.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from pyNN import errors, random, space
from pyNN.random import RandomDistribution
from pyNN.space import Space
from pyNN.standardmodels import StandardCellType

from ship_engine import __version__, devices
from ship_engine.devices import Memristor

from .absent import why_absent
from .assemblies import Assembly
from .connectors import (
    AllToAllConnector,
    ArrayConnector,
    CloneConnector,
    CSAConnector,
    DisplacementDependentProbabilityConnector,
    DistanceDependentProbabilityConnector,
    FixedNumberPostConnector,
    FixedNumberPreConnector,
    FixedProbabilityConnector,
    FixedTotalNumberConnector,
    FromFileConnector,
    FromListConnector,
    IndexBasedProbabilityConnector,
    OneToOneConnector,
    SmallWorldConnector,
)
from .control import (
    end,
    get_current_time,
    get_max_delay,
    get_min_delay,
    get_time_step,
    num_processes,
    rank,
    reset,
    run,
    run_for,
    run_until,
    setup,
)
from .custom import (
    NativeCellType,
    NativeElectrodeType,
    NativeSynapseType,
    native_cell_type,
    native_electrode_type,
    native_synapse_type,
)
from .equations import cell_type, synapse_type
from .gsl_rng import GSLRNG
from .native_rng import NativeRNG
from .nestml import nestml_cell_type, nestml_synapse_type
from .networks import Network
from .numpy_rng import NumpyRNG
from .populations import Population, PopulationView
from .procedural_api import connect, create, initialize, record, record_gsyn, record_v, set
from .projections import Projection
from .standardmodels.cells import (
    EIF_cond_alpha_isfa_ista,
    EIF_cond_exp_isfa_ista,
    HH_cond_exp,
    IF_cond_alpha,
    IF_cond_exp,
    IF_cond_exp_gsfa_grr,
    IF_curr_alpha,
    IF_curr_delta,
    IF_curr_exp,
    IF_facets_hardware1,
    Izhikevich,
)
from .standardmodels.electrodes import ACSource, DCSource, NoisyCurrentSource, StepCurrentSource
from .standardmodels.generalized_cells import GIF_cond_exp
from .standardmodels.memristive import MemristiveSynapse
from .standardmodels.plasticity import (
    AdditivePotentiationMultiplicativeDepression,
    AdditiveWeightDependence,
    GutigWeightDependence,
    MultiplicativeWeightDependence,
    SpikePairRule,
    STDPMechanism,
    Vogels2011Rule,
)
from .standardmodels.point_neuron import LIF, AdExp, PointNeuron
from .standardmodels.receptors import (
    AlphaPSR,
    BetaPSR,
    CondAlphaPostSynapticResponse,
    CondBetaPostSynapticResponse,
    CondExpPostSynapticResponse,
    CurrExpPostSynapticResponse,
    ExpPSR,
)
from .standardmodels.sources import (
    SpikeSourceArray,
    SpikeSourceGamma,
    SpikeSourceInhGamma,
    SpikeSourcePoisson,
    SpikeSourcePoissonRefractory,
)
from .standardmodels.synapses import (
    ElectricalSynapse,
    MultiQuantalSynapse,
    SimpleStochasticSynapse,
    StaticSynapse,
    StochasticTsodyksMarkramSynapse,
    TsodyksMarkramSynapse,
)


def list_standard_models() -> list[str]:
    """Names of the standard cell types that this simulator has."""
    return [
        name
        for name, value in globals().items()
        if isinstance(value, type)
        and issubclass(value, StandardCellType)
        and value is not StandardCellType
    ]


_MODULES = ("devices", "errors", "random", "space")
__all__ = ["__version__"]
__all__ += [
    name
    for name, value in list(globals().items())
    if name in _MODULES
    or not (
        name.startswith("_")
        or name in ("annotations", "why_absent", "import_module")
        or isinstance(value, ModuleType)
    )
]
__all__.remove("ModuleType")


def __dir__() -> list[str]:
    return sorted([*__all__, "training"])


def __getattr__(name: str) -> object:
    if name == "training":  # it needs PyTorch, which a script that trains nothing does not
        return import_module("pyNN_ship.training")
    reason = None if name.startswith("_") else why_absent(name)
    raise AttributeError(reason or f"module 'pyNN.ship' has no attribute '{name}'")
