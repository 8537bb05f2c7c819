"""Populations and views."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import common, errors
from pyNN.common.populations import BasePopulation
from pyNN.models import BaseCellType
from pyNN.parameters import ArrayParameter, LazyArray, ParameterSpace, simplify
from pyNN.parameters import Sequence as TimeSequence
from pyNN.standardmodels import StandardCellType

from ship_engine.groups import Group, NeuronGroup, make_group

from . import simulator
from .positions import checked_positions
from .recording import Recorder, checked_file, write_at_end
from .translated_errors import as_pynn_errors
from .units import magnitude, magnitudes, refuse_text, require_value


class _Cells(BasePopulation):
    """What populations and views have in common; both reach into one engine group."""

    _simulator = simulator
    celltype: Any
    size: int
    label: str

    @property
    @abstractmethod
    def _root(self) -> Population:
        """The population that holds these cells."""

    @property
    @abstractmethod
    def _selection(self) -> NDArray[np.intp] | None:
        """Indices of these cells in the root, or None for all."""

    def set(self, **parameters: Any) -> None:
        units = getattr(self.celltype, "units", {})
        self._refuse_unknown(parameters)
        plain = magnitudes(parameters, units)
        for name, value in plain.items():
            if not isinstance(self.celltype.default_parameters.get(name), ArrayParameter):
                self._check_length(name, value)
        self._set_parameters(self._native_space(plain))

    set.__doc__ = common.Population.set.__doc__

    def get(self, parameter_names: Any, gather: bool = False, simplify: bool = True) -> Any:
        names = [parameter_names] if isinstance(parameter_names, str) else parameter_names
        self._refuse_unknown(names)
        if simulator.state.num_processes == 1:
            return super().get(parameter_names, gather, simplify)
        values = self._share(names, gather, simplify)
        return values[0] if isinstance(parameter_names, str) else values

    get.__doc__ = common.Population.get.__doc__

    def _native_space(self, parameters: Mapping[str, Any]) -> ParameterSpace:
        """These parameters in the engine's names, with others that are computed from them."""
        celltype = self.celltype
        standard = isinstance(celltype, StandardCellType)
        if standard and celltype.computed_parameters_include(parameters):
            native = self._get_native_parameters(*celltype.get_native_names())
            space = celltype.reverse_translate(native)
            space.update(**parameters)
        else:
            shape = (self.size,)
            space = ParameterSpace(parameters, celltype.get_schema(), shape, type(celltype))
        return celltype.translate(space)

    def _share(self, names: Sequence[str], gather: bool, short: bool) -> list[Any]:
        """Parameters of the cells of this process or, gathered, of all; see `get`."""
        space = self._get_parameters(*names)
        space.evaluate(simplify=False)
        local = np.flatnonzero(self._mask_local)
        mine = {name: values[local] for name, values in space.as_dict().items()}
        if gather:
            told = simulator.state.communicator.gather((local, mine))
            order = np.argsort(np.concatenate([cells for cells, _ in told]))
            mine = {n: np.concatenate([values[n] for _, values in told])[order] for n in names}
            local = np.arange(self.size)
        if short:
            plain = {n: v for n, v in mine.items() if v.size and v.dtype != object}
            mine |= {name: simplify(values) for name, values in plain.items()}
        values = ParameterSpace(mine, self.celltype.get_schema(), (local.size,))
        values.evaluate(simplify=short)
        values.flatten()
        found = values.as_dict()
        return [found[name] for name in names]

    def _check_length(self, name: str, value: Any) -> None:
        if isinstance(value, (list, tuple, np.ndarray)) and np.shape(value) not in (
            (),
            (self.size,),
        ):
            raise errors.InvalidDimensionsError(
                f"{name} of '{self.label}' has shape {np.shape(value)}; give one value, or one "
                f"for each of its {self.size} cells."
            )

    def _refuse_unknown(self, names: Any) -> None:
        valid = self.celltype.get_parameter_names()
        for name in names:
            if name not in valid:
                raise errors.NonExistentParameterError(name, type(self.celltype).__name__, valid)

    def record(
        self,
        variables: Any,
        to_file: Any = None,
        sampling_interval: Any = None,
        locations: Any = None,
    ) -> None:
        interval = magnitude("sampling_interval", sampling_interval, "ms")
        file = checked_file(to_file)
        super().record(variables, None, interval, locations)
        if file is not None:
            self.recorder.file = file
        write_at_end(self, variables, file)

    record.__doc__ = common.Population.record.__doc__

    def initialize(self, **initial_values: Any) -> None:
        states = self._states()
        self._refuse_unknown_states(initial_values)
        evaluated = {}
        for name, value in initial_values.items():
            plain = magnitude(name, value, states[name])
            try:
                refuse_text(name, plain)
                require_value(name, plain)
                lazy = LazyArray(plain, shape=(self.size,), dtype=float)
                evaluated[name] = lazy.evaluate(simplify=True)
                if not np.isfinite(evaluated[name]).all():
                    raise TypeError("not finite")
            except (TypeError, errors.InvalidParameterValueError) as error:
                raise errors.InvalidParameterValueError(
                    f"The initial value {value!r} of {name} in '{self.label}' is not a finite "
                    "number, an array, a RandomDistribution or a function of the index."
                ) from error
            except ValueError as error:
                raise errors.InvalidDimensionsError(
                    f"The initial values of {name} in '{self.label}' have shape "
                    f"{np.shape(plain)}; give one value or {self.size}."
                ) from error
        for name, values in evaluated.items():
            self._initialize_evaluated(name, values)

    initialize.__doc__ = common.Population.initialize.__doc__

    def _refuse_unknown_states(self, names: Any) -> None:
        states = self._states()
        for name in names:
            if name not in states:
                raise errors.NonExistentParameterError(
                    name, type(self.celltype).__name__, list(states)
                )

    def _states(self) -> dict[str, str]:
        """Names and units of the variables that can be initialised."""
        units = {s.name: s.unit for s in self.celltype.model.states}
        return {name: units[own] for name, own in self.celltype.state_names().items()}

    def _initialize_evaluated(self, name: str, values: Any) -> None:
        group = self._root._group
        assert isinstance(group, NeuronGroup)
        state = self.celltype.state_names()[name]
        with as_pynn_errors():
            group.initialize(state, values, self._selection)
        stored = group.initial[group.model.state_index(state)].copy()
        self._root.initial_values[name] = LazyArray(simplify(stored), (group.size,), dtype=float)

    def _get_view(self, selector: Any, label: str | None = None) -> PopulationView:
        return PopulationView(self, selector, label)

    def _get_parameters(self, *names: str) -> ParameterSpace:
        native = self._get_native_parameters(*self.celltype.get_native_names(*names))
        return self.celltype.reverse_translate(native)

    def _get_native_parameters(self, *names: str) -> ParameterSpace:
        """Parameters in the engine's names, of these cells."""
        group, selection = self._root._group, self._selection
        chosen = slice(None) if selection is None else selection
        values: dict[str, Any] = {}
        for name in names:
            if name in group.sequences:
                indices = range(group.size) if selection is None else selection
                arrays = np.empty(self.size, dtype=object)
                arrays[:] = [TimeSequence(group.sequences[name][i]) for i in indices]
                values[name] = LazyArray(arrays, shape=(self.size,), dtype=ArrayParameter)
            else:
                stored = group.values[name]
                values[name] = float(stored[0]) if stored.size == 1 else simplify(stored[chosen])
        return ParameterSpace(values, shape=(self.size,))

    def _set_parameters(self, parameter_space: ParameterSpace) -> None:
        """Take over parameters in the engine's names; nothing is changed if one is refused."""
        try:
            parameter_space.evaluate(simplify=True)
        except ValueError as error:
            raise errors.InvalidDimensionsError(
                f"A parameter of '{self.label}' does not fit its {self.size} cells: {error}"
            ) from error
        values = parameter_space.as_dict()
        group = self._root._group
        with as_pynn_errors(self.celltype.pynn_names()):
            for name in group.sequences.keys() & values.keys():
                values[name] = self._sequences(values[name])
            group.set(self._selection, **values)

    def _sequences(self, value: Any) -> list[NDArray[np.float64]]:
        """The array of each cell."""
        if isinstance(value, ArrayParameter):
            return [np.asarray(value.value, float)] * self.size
        return [
            np.asarray(v.value if isinstance(v, ArrayParameter) else v, float)
            for v in np.atleast_1d(value)
        ]


class Population(_Cells, common.Population):
    __doc__ = common.Population.__doc__
    _recorder_class = Recorder
    _assembly_class: type[common.Assembly]
    _group: Group
    _positions: NDArray[Any] | None

    def __init__(
        self,
        size: Any,
        cellclass: Any,
        cellparams: Mapping[str, Any] | None = None,
        structure: Any = None,
        initial_values: Mapping[str, Any] = {},
        label: str | None = None,
    ) -> None:
        network = simulator.state.network
        if isinstance(cellclass, type) and issubclass(cellclass, BaseCellType):
            cellclass, cellparams = cellclass(**(cellparams or {})), None
        if not (isinstance(cellclass, BaseCellType) and hasattr(cellclass, "model")):
            kind = errors.InvalidModelError if isinstance(cellclass, BaseCellType) else TypeError
            raise kind(
                f"{cellclass!r} is not a cell type of pyNN.ship; give one of those that "
                "list_standard_models() names, such as IF_curr_exp(tau_m=20.0)."
            )
        if cellparams is not None:
            raise TypeError(
                f"cellparams = {cellparams!r} beside {cellclass!r}, which has its parameters; "
                "give them to the cell type."
            )
        count = int(np.prod(size)) if np.ndim(size) else size
        if isinstance(count, (int, np.integer)) and count < 1:
            raise ValueError(f"A population of {size} cells; give at least 1.")
        if structure is not None and not hasattr(structure, "generate_positions"):
            raise TypeError(
                f"structure = {structure!r}; give a Structure of pyNN.space, such as Grid2D()."
            )
        recorders, projected = set(simulator.state.recorders), len(network.groups)
        try:
            super().__init__(size, cellclass, cellparams, structure, initial_values, label)
        except Exception:
            # The network stays as it was.
            simulator.state.recorders = recorders
            del network.groups[projected:]
            raise

    @property
    def _root(self) -> Population:
        return self

    @property
    def _selection(self) -> None:
        return None

    def _create_cells(self) -> None:
        state = simulator.state
        numbers = range(state.id_counter, state.id_counter + self.size)
        cell_id = type("ID", (simulator.ID,), {"parent": self, "__module__": __name__})
        self.all_cells = np.empty(self.size, dtype=object)
        self.all_cells[:] = list(map(cell_id, numbers))
        self._group = make_group(self.celltype.model, self.size, self.label)
        native = self.celltype.native_parameters
        names = self.celltype.pynn_names()
        for name, value in native.items():
            self._check_length(names[name], value.base_value)
        native.shape = (self.size,)
        self._set_parameters(native)
        state.network.add(self._group)
        self._mask_local = np.zeros(self.size, bool)
        self._mask_local[self._group.share] = True
        state.id_counter += self.size

    @property
    def positions(self) -> NDArray[Any]:
        """The coordinates x, y and z of all cells, an array (3, cells).

        Setting them takes the structure away; one cell is moved by its `position`.
        """
        if self._positions is None:
            found = self.structure.generate_positions(self.size)
            self._positions = checked_positions(found, (3, self.size), self.label)
        return self._positions

    @positions.setter
    def positions(self, positions: Any) -> None:
        self._positions = checked_positions(positions, (3, self.size), self.label)
        self._structure = None

    def _set_cell_position(self, id: int, pos: Any) -> None:
        super()._set_cell_position(id, checked_positions(pos, (3,), self.label))

    def _set_cell_initial_value(self, id: int, variable: str, value: float) -> None:
        self[self.id_to_index(id) : self.id_to_index(id) + 1].initialize(**{variable: value})

    def _get_cell_initial_value(self, id: int, variable: str) -> float:
        # Those of all cells are in every process.
        return float(self.initial_values[variable][self.id_to_index(id)])

    @property
    def local_cells(self) -> NDArray[Any]:
        """The cells of this process."""
        return self.all_cells[self._group.share]


class PopulationView(_Cells, common.PopulationView):
    __doc__ = common.PopulationView.__doc__
    _assembly_class: type[common.Assembly]

    def __init__(self, parent: Any, selector: Any, label: str | None = None) -> None:
        if not isinstance(selector, slice):
            selector = np.asarray(selector)
            if selector.size and selector.dtype != bool:
                selector = np.arange(len(parent))[selector]
        if not isinstance(selector, slice) and selector.dtype == bool:
            count = int(selector.sum())
        else:
            count = len(parent.all_cells[selector]) if np.size(selector) else 0
        if count == 0:
            raise ValueError(f"{selector!r} selects no cells of '{parent.label}'.")
        super().__init__(parent, selector, label)

    @property
    def _root(self) -> Population:
        return self.grandparent

    @property
    def _selection(self) -> NDArray[np.intp]:
        return np.asarray(self.index_in_grandparent(np.arange(self.size)))

    def __hash__(self) -> int:
        # PyNN compares views by their parents and cells, and so takes away what objects have.
        return hash(self.parent)

    @property
    def initial_values(self) -> dict[str, LazyArray]:
        """Initial values of the cells of this view."""
        selection = self._selection
        return {
            name: LazyArray(values.evaluate(simplify=False)[selection], (self.size,), dtype=float)
            for name, values in self._root.initial_values.items()
        }
