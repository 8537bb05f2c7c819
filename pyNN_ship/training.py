"""Training a network that was built with PyNN: `sim.training`.

An extension of PyNN's interface: nothing here is needed to run a network, and a script that uses it
runs on other simulators with the trained values.  Everything is computed by `ship_engine.training`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyNN import errors

from ship_engine.data.batches import Batches
from ship_engine.errors import InvalidValueError, UnsupportedByExecutorError
from ship_engine.learning.bp_stdp import BPSTDP
from ship_engine.learning.pes import PES, squared_error
from ship_engine.learning.resume import ReSuMe, VanRossum
from ship_engine.learning.rules import Course, SpikeTrains
from ship_engine.training.event_module import (
    DTYPES,
    EventModule,
    OfGroup,
    OfProjection,
    differentiable_executor,
)
from ship_engine.training.history import Evaluation, History
from ship_engine.training.modules import Activity
from ship_engine.training.readouts import FirstSpike, Last, Mean, Peak, SpikeCount, WindowedCount
from ship_engine.training.regularisers import FiringRate, WeightDecay
from ship_engine.training.surrogates import (
    SURROGATES,
    Arctan,
    Gaussian,
    MultiGaussian,
    Rectangle,
    Sigmoid,
    SlayerExponential,
    SuperSpike,
    Surrogate,
    Triangle,
    surrogate_of,
)
from ship_engine.training.trainer import Trainer as EngineTrainer
from ship_engine.training.transforms import Above, Below, Between, Clipped, Transform, Unbounded

from . import simulator
from .populations import Population
from .projections import Projection

__all__ = [
    "BPSTDP",
    "PES",
    "SURROGATES",
    "Above",
    "Arctan",
    "Below",
    "Between",
    "Clipped",
    "Course",
    "Evaluation",
    "FiringRate",
    "FirstSpike",
    "Gaussian",
    "History",
    "Last",
    "Mean",
    "MultiGaussian",
    "Peak",
    "ReSuMe",
    "Rectangle",
    "Sigmoid",
    "SlayerExponential",
    "SpikeCount",
    "SpikeTrains",
    "SuperSpike",
    "Trainable",
    "Trainer",
    "Triangle",
    "Unbounded",
    "VanRossum",
    "WeightDecay",
    "WindowedCount",
    "module",
    "spike_trains",
    "squared_error",
]


@dataclass(frozen=True)
class Trainable:
    """One thing that is trained, with options.

    Attributes
    ----------
    owner : Projection or Population
        Whose.
    name : str
        'weight' or 'delay' of a projection; a parameter of a population.
    transform : Transform, optional
        How the value is kept within bounds: `Above(0.0)`, `Below(0.0)`, `Between(low, high)`,
        `Unbounded()`.  By default weights keep their sign, as PyNN wants it, delays stay within
        those of setup(), and parameters in the range that the model allows.
    shared : bool
        Whether all cells of a population have one value.
    """

    owner: Any
    name: str = "weight"
    transform: Transform | None = None
    shared: bool = False


class Trainer(EngineTrainer):
    """Trains a network that was built with PyNN.

    Parameters
    ----------
    output : Population
        The cells that are read out, one for each class.
    trainable : sequence
        Projections, whose weights are trained; ``(projection, 'delay')``; ``(population,
        parameter)``; or `Trainable`, with options.
    readout : Readout or str
        'peak' (of the membrane potential), 'mean', 'last', 'spike_count', 'first_spike', or one of
        those in this module.
    loss : callable or str
        'cross_entropy', 'mse', or any function of scores and targets, such as those of torch.nn.
    surrogate : Surrogate or str, optional
        The derivative of a spike.  Its numbers are in mV; by default ``SuperSpike(slope=1.0)``.
    inputs : Population or sequence of Population, optional
        What `fit` gives inputs to: spikes of sources, or currents (nA) of cells; by default all
        sources.
    executor : {'fused', 'torch', 'eventprop'}
        What computes the gradient: compiled loops on the CPU; tensors on any device; or exact spike
        times, for networks of IF_curr_exp.
    dtype : {'float32', 'float64'}, optional
        Type of numbers; by default float32, and float64 with 'eventprop'.
    device : str
        For 'torch'.
    **options
        Of `ship_engine.training.trainer.Trainer`: ``optimizer``, ``learning_rate``, ``schedule``,
        ``regularisers``, ``clip_gradient``, ``seed``; ``rule``, such as `BPSTDP()`, `PES()` or
        `ReSuMe()`, which changes weights in place of the gradient.

    Raises
    ------
    pyNN.errors.NonExistentParameterError
        If a population has no such parameter.
    ValueError, NotImplementedError
        If something cannot be trained, read out or computed so; the message says what can.
    """

    def __init__(
        self,
        output: Any,
        trainable: Sequence[Any],
        readout: Any = "peak",
        loss: Any = "cross_entropy",
        surrogate: Surrogate | str | None = None,
        inputs: Any = None,
        executor: str = "fused",
        dtype: str | None = None,
        device: str = "cpu",
        **options: Any,
    ) -> None:
        made = module(output, trainable, surrogate, inputs, executor, dtype, device)
        super().__init__(made, readout, loss, **options)

    def _batches(self, inputs: Any, *options: Any) -> Batches:
        return super()._batches(_by_group(inputs), *options)


class PopulationModule(EventModule):
    """A network as a function of its inputs; populations stand for their groups."""

    def forward(self, inputs: Any) -> Activity:
        found = super().forward(_by_group(inputs))
        spikes, states = ByPopulation(found.spikes), ByPopulation(found.states)
        return Activity(spikes, states, found.times and ByPopulation(found.times))


class ByPopulation(dict[Any, Any]):
    """What there is of groups, or of (group, state), to be looked up by populations too."""

    def __missing__(self, key: Any) -> Any:
        place = _place(key)
        if place == key or place not in self:
            raise KeyError(key)
        return self[place]

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_place(key), default)


def _place(key: Any) -> Any:
    """A population's group, or a (population, state)'s (group, state)."""
    if isinstance(key, tuple):
        return (_place(key[0]), *key[1:])
    return key._group if isinstance(key, Population) else key


def _by_group(inputs: Any) -> Any:
    if not isinstance(inputs, Mapping):
        return inputs
    return {_place(population): given for population, given in inputs.items()}


def module(
    output: Any,
    trainable: Sequence[Any],
    surrogate: Surrogate | str | None = None,
    inputs: Any = None,
    executor: str = "fused",
    dtype: str | None = None,
    device: str = "cpu",
) -> EventModule:
    """The network as a `torch.nn.Module`, for a training loop of one's own; see `Trainer`.

    ``module(inputs)`` gives the activity: ``spikes[population]``, and ``states``.  After the
    training ``module.write_back()`` brings the values into the network.
    """
    if dtype is not None and dtype not in DTYPES:
        raise InvalidValueError(f"dtype = {dtype!r}; give one of {', '.join(DTYPES)}.")
    network = simulator.state.network
    smooth = None if surrogate is None else surrogate_of(surrogate)
    if smooth is None and executor != "eventprop":
        smooth = SuperSpike(slope=1.0)
    wanted = None if dtype is None else DTYPES[dtype]
    computes = differentiable_executor(executor, wanted, smooth, device)
    if executor != "eventprop" and not network.on_grid:
        raise UnsupportedByExecutorError(
            "Gradients need spikes on the grid of time steps; write "
            "sim.setup(..., spike_precision='on_grid'), or executor='eventprop'."
        )
    given = None if inputs is None else inputs if isinstance(inputs, (list, tuple)) else [inputs]
    return PopulationModule(
        network,
        _group(output, "output"),
        [part for one in trainable for part in _parts(_trainable(one))],
        None if given is None else [_group(one, "inputs") for one in given],
        computes,
    )


def _group(population: Any, what: str) -> Any:
    """The engine's group of a population."""
    if not isinstance(population, Population):
        raise InvalidValueError(
            f"{what} = {population!r}; give a Population as a whole, since views and assemblies "
            "have no cells of their own."
        )
    group = population._group
    if group not in simulator.state.network.groups:
        raise InvalidValueError(
            f"'{population.label}' was created before the last setup(), which forgot it; create it "
            "anew."
        )
    return group


def _trainable(given: Any) -> Trainable:
    if isinstance(given, Trainable):
        return given
    if isinstance(given, Projection):
        return Trainable(given)
    if isinstance(given, tuple) and len(given) in (2, 3):
        return Trainable(*given)
    raise InvalidValueError(
        f"{given!r} cannot be trained; give a Projection, (projection, 'delay'), (population, "
        "'tau_m'), or sim.training.Trainable(...)."
    )


def _parts(one: Trainable) -> list[OfProjection | OfGroup]:
    """What the engine trains of a projection or a population."""
    if isinstance(one.owner, Projection):
        return _of_projection(one)
    group = _group(one.owner, "trainable")
    celltype = one.owner.celltype
    if one.name not in celltype.get_parameter_names():
        raise errors.NonExistentParameterError(
            one.name, type(celltype).__name__, celltype.get_parameter_names()
        )
    natives = celltype.get_native_names(one.name)
    label = f"{one.owner.label}.{one.name}"
    names = [label] if len(natives) == 1 else [f"{label}[{k}]" for k in range(len(natives))]
    return [
        OfGroup(group, native, one.transform, one.shared, name)
        for native, name in zip(natives, names, strict=True)
    ]


def _of_projection(one: Trainable) -> list[OfProjection | OfGroup]:
    projection = one.owner
    if one.name not in ("weight", "delay"):
        raise errors.NonExistentParameterError(
            one.name, type(projection.synapse_type).__name__, ["weight", "delay"]
        )
    found: list[OfProjection | OfGroup] = []
    parts = projection._parts
    for number, part in enumerate(parts):
        engine = getattr(part, "_projection", None)
        if engine is None or engine.dynamics is not None:
            raise UnsupportedByExecutorError(
                f"'{projection.label}' has {type(projection.synapse_type).__name__} synapses, "
                "whose weights no gradient reaches; train those of StaticSynapse."
            )
        transform = one.transform
        if transform is None and one.name == "weight":
            transform = _sign_of(engine.synapses.weight, part.ends)
        elif transform is None:
            transform = Clipped(*simulator.state.delay_limits)
        label = projection.label if len(parts) == 1 else f"{projection.label}[{number}]"
        name = label if one.name == "weight" else f"{label}.delay"
        found.append(OfProjection(engine, one.name, transform, name))
    return found


def _sign_of(weight: NDArray[np.float64], ends: Any) -> Transform:
    """Bounds that keep weights to the sign that PyNN wants for their receptor."""
    inhibitory = ends.receptor.startswith("inh") and ends.port.unit != "uS"
    typical = float(np.abs(weight).mean()) or 1.0
    return Below(0.0, typical) if inhibitory else Above(0.0, typical)


def spike_trains(
    times: Sequence[Sequence[ArrayLike]], duration: float, cells: int | None = None
) -> NDArray[np.float32]:
    """Spike times as inputs of a trainer.

    Parameters
    ----------
    times : sequence of sequence of arrays
        For each sample and each cell the times (ms) of its spikes, 0 < time <= duration.
    duration : float
        Of all samples, in ms.
    cells : int, optional
        How many cells there are; by default as many as the first sample has.

    Returns
    -------
    float32 array [sample, time, cell]
        How many spikes each cell has in each time step of the network.

    Raises
    ------
    ValueError
        If a sample has another number of cells, or a time is outside of the duration.
    """
    dt = simulator.state.dt
    steps = round(duration / dt)
    if cells is None and not len(times):
        raise InvalidValueError("There are no samples, so give the number of cells, cells=....")
    width = len(times[0]) if cells is None else cells
    found = np.zeros((len(times), steps, width), np.float32)
    for number, sample in enumerate(times):
        if len(sample) != width:
            raise InvalidValueError(
                f"Sample {number} has spikes of {len(sample)} cells, not of {width}."
            )
        for cell, train in enumerate(sample):
            moments = np.asarray(train, np.float64)
            step = np.rint(moments / dt).astype(int) - 1
            outside = (step < 0) | (step >= steps)
            if outside.any():
                raise InvalidValueError(
                    f"A spike at {moments[outside][0]:g} ms in sample {number}, cell {cell}; times "
                    f"are rounded to time steps of {dt:g} ms and lie after 0 and up to "
                    f"{duration:g} ms."
                )
            np.add.at(found[number, :, cell], step, 1.0)
    return found
