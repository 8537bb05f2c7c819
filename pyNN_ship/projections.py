"""Projections: connections between populations, with their weights, delays and parameters."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import common, errors
from pyNN.parameters import ParameterSpace
from pyNN.space import Space

from . import simulator
from .addresses import Cells
from .connections import Connection, Connections
from .connector_base import SynapseParameters
from .descriptions import PROJECTION_TEMPLATE, describe, projection_outline
from .device_parts import part_class
from .parts import Ends, Part
from .recording import check_interval, checked_file, variable_names, write_at_end, write_block
from .standardmodels.synapses import StaticSynapse, SynapseModel
from .synapse_access import SynapseAccess
from .synapse_recording import SynapseRecorder
from .units import magnitude

NO_RECEPTOR = (None, "default", "gap", "source_section.gap")
"""What scripts give as the receptor type of gap junctions, the last for NEURON."""


class Projection(SynapseAccess):
    __doc__ = common.Projection.__doc__
    _simulator = simulator
    _static_synapse_class = StaticSynapse

    def __init__(
        self,
        presynaptic_population: Any,
        postsynaptic_population: Any,
        connector: Any,
        synapse_type: Any = None,
        source: Any = None,
        receptor_type: str | None = None,
        space: Space | None = None,
        label: str | None = None,
    ) -> None:
        self._network = simulator.state.network
        self.receptor_is_guessed = receptor_type in (None, "default")
        if synapse_type is not None:
            _check_shapes(synapse_type, presynaptic_population, postsynaptic_population)
        cells = isinstance(postsynaptic_population, (common.BasePopulation, common.Assembly))
        if cells and len(postsynaptic_population.receptor_types) == 0:
            raise errors.ConnectionError(
                f"'{postsynaptic_population.label}' has no receptors that a projection could "
                "reach; spike sources only send."
            )
        electrical = getattr(synapse_type, "electrical", False)
        if cells and electrical and receptor_type in NO_RECEPTOR:
            # Gap junctions have none; PyNN asks for one all the same.
            receptor_type = postsynaptic_population.receptor_types[0]
        super().__init__(
            presynaptic_population,
            postsynaptic_population,
            connector,
            synapse_type,
            source,
            receptor_type,
            Space() if space is None else space,
            label,
        )
        if not isinstance(self.synapse_type, SynapseModel):
            raise errors.InvalidModelError(
                f"{type(self.synapse_type).__name__} is not a synapse type of pyNN.ship."
            )
        if electrical:
            self.receptor_type = "gap"
        self._parts: list[Part] = []
        self._pre_cells, self._post_cells = Cells.of(self.pre), Cells.of(self.post)
        self._refuse_forgotten_cells()
        self._check_weight_unit(self.synapse_type.weight_unit)
        self._collected: list[tuple[Any, int, dict[str, Any]]] = []
        self._connect(connector)
        simulator.state.tell_delays()
        self._recorder = SynapseRecorder(self)
        simulator.state.projections.append(self)

    def _connect(self, connector: Any) -> None:
        """Make all connections, or none."""
        network = self._network
        held: list[list[Any]] = [network.projections, network.gap_junctions]
        before = [len(things) for things in held]
        try:
            connector.connect(self)
            self._connect_collected()
        except BaseException:
            # The network stays as it was.
            for things, count in zip(held, before, strict=True):
                del things[count:]
            network.structure += 1
            raise

    def _refuse_forgotten_cells(self) -> None:
        for population in (*self._pre_cells.populations, *self._post_cells.populations):
            if population._group not in self._network.groups:
                raise errors.ConnectionError(
                    f"'{population.label}' was created before the last setup(), which forgot it; "
                    "create it anew."
                )

    def _set_connections(
        self,
        presynaptic_index: NDArray[np.int32],
        postsynaptic_index: NDArray[np.int32],
        parameters: dict[str, Any],
    ) -> None:
        """Make connections; called once, by the connector.

        Parameters
        ----------
        presynaptic_index, postsynaptic_index : int32 arrays
            Addresses in `pre` and `post`.
        parameters : dict
            All parameters of the synapse type, each one for all or one for each connection.
        """
        values = self._checked(parameters)
        make = part_class(self.synapse_type)
        for number, source in enumerate(self._pre_cells.populations):
            for target_number, target in enumerate(self._post_cells.populations):
                chosen = self._between(number, target_number, presynaptic_index, postsynaptic_index)
                pairs = (
                    self._pre_cells.inside(_picked(presynaptic_index, chosen)),
                    self._post_cells.inside(_picked(postsynaptic_index, chosen)),
                )
                ends = Ends(number, target_number, source._group, target._group, self.receptor_type)
                own = {name: _picked(value, chosen) for name, value in values.items()}
                self._parts.append(make(self._network, ends, self.synapse_type, pairs, own))

    def _convergent_connect(
        self,
        presynaptic_indices: NDArray[np.int64],
        postsynaptic_index: int,
        location_selector: Any = None,
        **connection_parameters: Any,
    ) -> None:
        """Connect cells to one target: what connectors written by users call."""
        if location_selector is not None:
            raise NotImplementedError("Cells of pyNN.ship have one compartment.")
        collected = (presynaptic_indices, postsynaptic_index, connection_parameters)
        self._collected.append(collected)

    def _connect_collected(self) -> None:
        if not self._collected:
            return
        pre = [np.asarray(sources, np.int32) for sources, _, _ in self._collected]
        post = [np.full(p.size, c[1], np.int32) for p, c in zip(pre, self._collected, strict=True)]
        sources, targets = np.concatenate(pre), np.concatenate(post)
        values = SynapseParameters(self).evaluate(sources, targets)
        for name in dict.fromkeys(name for *_, given in self._collected for name in given):
            values[name] = np.concatenate(
                [
                    np.broadcast_to(c[2][name], p.shape)
                    for p, c in zip(pre, self._collected, strict=True)
                ]
            ).astype(np.float64)
        self._collected = []
        self._set_connections(sources, targets, values)

    def _between(
        self, source: int, target: int, pre: NDArray[np.int32], post: NDArray[np.int32]
    ) -> NDArray[np.intp] | None:
        """Which connections link two populations; None if all do."""
        pre_owner, post_owner = self._pre_cells.owner, self._post_cells.owner
        chosen = None
        if pre_owner is not None and len(self._pre_cells.populations) > 1:
            chosen = pre_owner[pre] == source
        if post_owner is not None and len(self._post_cells.populations) > 1:
            there = post_owner[post] == target
            chosen = there if chosen is None else chosen & there
        return None if chosen is None else np.flatnonzero(chosen)

    def describe(self, template: Any = PROJECTION_TEMPLATE, engine: Any = "default") -> Any:
        if template == PROJECTION_TEMPLATE:
            return describe(projection_outline(self), template, PROJECTION_TEMPLATE, engine)
        return super().describe(template, engine)

    describe.__doc__ = common.Projection.describe.__doc__

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def __getitem__(self, index: int) -> Connection:
        return self.connections[index]

    def __iter__(self) -> Iterator[Connection]:
        return iter(self.connections)

    @property
    def connections(self) -> Connections:
        """All connections, ordered by presynaptic cell."""
        return Connections(self)

    def _connection(self, part: Part, position: int) -> Connection:
        source, target = part.pair(position)
        pre = self._pre_cells.outside(part.ends.source, np.array([source], np.int32))
        post = self._post_cells.outside(part.ends.target, np.array([target], np.int32))
        return Connection(self, part, position, (int(pre[0]), int(post[0])))

    # --- recording -------------------------------------------------------------------------------

    def record(self, variables: Any, to_file: Any = None, sampling_interval: Any = None) -> None:
        """Record parameters and states of all synapses from now on.

        PyNN has no such method for projections; this one follows that of populations.

        Parameters
        ----------
        variables : str, list of str, or None
            'weight', any other parameter or state of the synapse type, a list of these, or 'all'
            for the weight and all states.  None stops recording.
        to_file : str, path or Neo IO, optional
            Where `end` writes the data.
        sampling_interval : float, optional
            In ms, a multiple of the time step; by default each time step is recorded, which is
            slow and takes memory.

        Raises
        ------
        pyNN.errors.NonExistentParameterError
            If the synapse type has no such parameter or state.
        ValueError
            If the interval is no multiple of the time step.
        RuntimeError
            If the projection was made before the last `setup`.
        """
        self._recorder.require_this_network()
        if variables is None:
            self._recorder.stop()
            return
        names = variable_names(variables) or ["weight", *self._states()]
        self._refuse_unknown(names, [*self._parameters(), *self._states()])
        for name in names:
            self._unit(name)
        interval = magnitude("sampling_interval", sampling_interval, "ms")
        clock = self._network.clock
        if interval is None:
            interval = clock.dt
        check_interval(interval)
        file = checked_file(to_file)
        self._recorder.record(names, int(clock.nearest_step(interval)))
        write_at_end(self, variables, file)

    def get_data(
        self,
        variables: Any = "all",
        gather: bool = True,
        clear: bool = False,
        annotations: dict[str, Any] | None = None,
    ) -> Any:
        """What was recorded, as a Neo Block with a segment for each time between resets.

        Each variable is an AnalogSignal with a column for each synapse, in the order of
        `connections`; the array annotations ``presynaptic_index`` and ``postsynaptic_index`` name
        its cells.

        Parameters
        ----------
        variables : str or list of str
            Names, or 'all'.
        gather : bool
            Whether to collect from all MPI processes.
        clear : bool
            Whether to forget the data; the next samples then begin at the present time.
        annotations : dict, optional
            For the block.

        Raises
        ------
        pyNN.errors.NothingToWriteError
            If there are no data.
        """
        self._recorder.require_this_network()
        block = self._recorder.block(variable_names(variables), annotations or {}, gather)
        if clear:
            self._recorder.clear()
        return block

    def write_data(
        self,
        file: Any,
        variables: Any = "all",
        gather: bool = True,
        clear: bool = False,
        annotations: dict[str, Any] | None = None,
    ) -> None:
        """Write what was recorded to a file; see `get_data`."""
        read = partial(self.get_data, variables, gather, clear, annotations)
        write_block(file, gather, read)

    def _prepare_run(self) -> None:
        for part in self._parts:
            part.prepare_run()


def _check_shapes(synapse_type: Any, pre: Any, post: Any) -> None:
    for name, value in getattr(synapse_type, "parameter_space", ParameterSpace({})).items():
        array = value.base_value
        if isinstance(array, np.ndarray) and array.shape not in ((), (len(pre), len(post))):
            raise errors.InvalidDimensionsError(
                f"{name} has shape {array.shape}; give a number, an array of shape "
                f"{(len(pre), len(post))}, a RandomDistribution or a function of the distance."
            )


def _picked(values: Any, chosen: NDArray[np.intp] | None) -> Any:
    return values if chosen is None or np.ndim(values) == 0 else values[chosen]
