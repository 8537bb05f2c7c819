"""Groups of the platform as compiled code sees them: arrays, and tables of their addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ship_engine.lowering.cache import KernelCache, source_of
from ship_engine.lowering.kernels import define, fingerprint
from ship_engine.lowering.loader import MachineCode
from ship_engine.lowering.source_text import own
from ship_engine.models.base import Model, argument_names
from ship_engine.platform.arrivals import Arrivals
from ship_engine.platform.kernel_text import WRITTEN_FROM, NeuronText
from ship_engine.platform.models.synapses import SynapseModel
from ship_engine.platform.monitors import HANDED_ON
from ship_engine.platform.plan import Member
from ship_engine.platform.synapse_text import TARGETS_OF_A_BLOCK, SynapseText

Array = NDArray[Any]
Kernels = dict[tuple[Any, ...], tuple[Any, MachineCode]]
"""Writers of kernels and the kernels, by writer, model and options."""


class Call(NamedTuple):
    """A compiled function and what it is called with.

    Attributes
    ----------
    code : MachineCode
        ``function(table, first, last, 0)``.
    table : int64 array
        Numbers and addresses.
    kept : list
        The arrays behind those addresses.
    """

    code: MachineCode
    table: NDArray[np.int64]
    kept: list[Any]


class View(NamedTuple):
    """Rows of an array [batch, time, component] from some time on.

    Attributes
    ----------
    array : array
        The whole.
    first : int
        Its row that belongs to the first step of the window.
    """

    array: Array
    first: int

    @property
    def address(self) -> int:
        """Where the first row lies."""
        return int(self.array.ctypes.data) + self.first * self.array.strides[1]

    @property
    def stride(self) -> int:
        """Bytes from one sample of the batch to the next."""
        return int(self.array.strides[0])

    def rows(self, steps: slice) -> Array:
        """The rows of some steps of the window."""
        return self.array[:, self.first + steps.start : self.first + steps.stop]


class Box:
    """What a group has handed on: row 0 in the step before a window, then in each of its steps.

    Further rows hold what is still to come.
    """

    def __init__(self, member: Member, batch_size: int, dtype: Any) -> None:
        self.array = np.zeros((batch_size, 1, member.width), dtype)
        self._count = 0

    def open(self, count: int, longest: int) -> None:
        """Begin a window of so many steps, in which something may arrive `longest` steps later."""
        pending = self.array[:, self._count :].copy()
        rows = max(1 + count + longest, pending.shape[1])
        if rows != self.array.shape[1]:
            self.array = np.zeros((len(pending), rows, pending.shape[2]), pending.dtype)
        else:
            self.array[:, pending.shape[1] :] = 0.0
        self.array[:, : pending.shape[1]] = pending
        self._count = count

    def view(self, late: bool = False) -> View:
        """What arrives in each step, or what arrived in the one before."""
        return View(self.array, 0 if late else 1)


class Part:
    """A member's states and values.

    Parameters
    ----------
    member : Member
        The group.
    batch_size : int
        Simulations side by side.
    dtype : numpy dtype
        float32 or float64.
    """

    def __init__(self, member: Member, batch_size: int, dtype: Any) -> None:
        assert issubclass(member.model, Model)
        self.member, self.model, self.dtype = member, member.model, dtype
        self.shape = (batch_size, *member.components)
        self.states = {name: self._initial(value) for name, value in member.initial.items()}
        self.rows = {name: np.zeros(self.shape, dtype) for name in ("left", "rest", "spiked")}
        self._values: dict[float, dict[str, Array]] = {}
        self.weight: Array | None = None
        weight = member.scaled_weight()
        if weight is not None:
            self.weight = np.ascontiguousarray(weight.detach().numpy(), dtype)

    def _initial(self, value: Any) -> Array:
        return np.ascontiguousarray(np.broadcast_to(_numpy(value), self.shape), self.dtype).copy()

    def values(self, dt: float) -> dict[str, Array]:
        """Parameters and coefficients for steps of dt: [batch or 1, (sources or 1), components]."""
        if dt not in self._values:
            known: dict[str, Any] = {n: _numpy(v) for n, v in self.member.values.items()}
            known["dt"] = np.float64(dt / self.model.divisions(dt))
            taken = [known[name] for name in argument_names(self.model.time_dep)]
            found = self.model.time_dep(*taken)
            known |= dict(zip(self.model.coefficients, found, strict=True))
            self._values[dt] = {name: self._expanded(v) for name, v in known.items()}
        return self._values[dt]

    def _expanded(self, value: Any) -> Array:
        value = np.asarray(value)
        value = value.reshape((1,) * (1 + len(self.member.components) - value.ndim) + value.shape)
        return np.ascontiguousarray(
            np.broadcast_to(value, (*value.shape[:-1], self.shape[-1])), self.dtype
        )


class Binder:
    """Makes calls of compiled functions.

    Parameters
    ----------
    cache : KernelCache
        Where compiled code is kept.
    dtype : numpy dtype
        float32 or float64.
    batch_size : int
        Simulations side by side.
    kernels : dict
        Kernels that were written for earlier runs; those of this run are added.
    """

    def __init__(self, cache: KernelCache, dtype: Any, batch_size: int, kernels: Kernels) -> None:
        self._cache, self._dtype, self._batch_size = cache, np.dtype(dtype), batch_size
        self._real, self._kernels = self._dtype.name, kernels

    def fixed(self, name: str) -> MachineCode:
        """A function of `ship_engine.compiled.dataflow` for this type of numbers."""
        return self._cache.fixed(f"{name}_{8 * self._dtype.itemsize}")

    def accumulate(self, part: Part, source: View, out: View) -> Call:
        """Sum over sources what each hands on, times its weights."""
        assert part.weight is not None
        sources, width = part.weight.shape[1:]
        active = np.zeros(sources + 1, np.int64)
        stride = part.weight.strides[0] if len(part.weight) > 1 else 0
        table = [self._batch_size, width, out.address, out.stride, sources, source.address]
        table += [source.stride, part.weight.ctypes.data, stride, active.ctypes.data]
        kept = [active, part.weight, source.array, out.array]
        return Call(self.fixed("accumulate"), np.array(table, np.int64), kept)

    def gather(self, edges: list[View], out: View) -> Call:
        """Sum what several groups hand on."""
        table = [self._batch_size, out.array.shape[2], out.address, out.stride, len(edges)]
        for edge in edges:
            table += [edge.address, edge.stride]
        kept = [out.array, *(edge.array for edge in edges)]
        return Call(self.fixed("gather"), np.array(table, np.int64), kept)

    def spread(self, said: View, box: View, arrivals: Arrivals) -> Call:
        """Delay what a group says; the delay may differ from component to component."""
        width = said.array.shape[2]
        number, later = self._delays(arrivals, (width,))
        stride = number.strides[0] if len(number) > 1 else 0
        table = [self._batch_size, width, said.address, said.stride, box.address, box.stride]
        table += [number.ctypes.data, stride, later.ctypes.data, later.shape[1]]
        kept = [said.array, box.array, number, later]
        return Call(self.fixed("spread"), np.array(table, np.int64), kept)

    def _delays(self, arrivals: Arrivals, components: tuple[int, ...]) -> tuple[Array, Array]:
        """Which delay each component has, [batch or 1, …], and [delay, step] how many steps."""
        number = arrivals.number
        if number.ndim > 1 + len(components):  # the same for all sources
            number = number[:, 0]
        full = np.broadcast_to(number, (len(number), *components))
        return np.ascontiguousarray(full, np.int64), np.ascontiguousarray(arrivals.table, np.int64)

    def neurons(
        self, part: Part, dt: float, inputs: list[View], out: View, seen: Mapping[str, Array]
    ) -> Call:
        """A step of components of which each has a row entry of its own."""
        text, code = self._kernel(NeuronText, part.model, part.model.divisions(dt))
        given = self._header(part, dt, out)
        for name, view in zip(text.inputs, inputs, strict=True):
            given |= {name: view.address, f"{name}_stride": view.stride}
        arrays: list[Any] = [out.array, *(view.array for view in inputs)]
        for name in text.rows:
            row = part.rows[name] if name in part.rows else part.states[name.removeprefix("m_")]
            given[name] = row.ctypes.data
            arrays.append(row)
        for name in text.values:
            value = part.values(dt)[name]
            stride = value.strides[0] if len(value) > 1 else 0
            given |= {f"value_{own(name)}": value.ctypes.data, f"stride_{own(name)}": stride}
            arrays.append(value)
        given |= _seen(seen, arrays)
        return self._call(text, code, given, arrays)

    def synapses(
        self,
        part: Part,
        dt: float,
        source: View,
        out: View,
        seen: Mapping[str, Array],
        arrivals: Arrivals | None,
    ) -> Call:
        """A step of synapses with states of their own; delayed one by one if arrivals are given."""
        assert issubclass(part.model, SynapseModel)
        watched, scattered = HANDED_ON in seen, arrivals is not None
        parts = part.model.divisions(dt)
        text, code = self._kernel(SynapseText, part.model, parts, scattered, watched)
        weight = np.zeros((1, *part.shape[1:]), self._dtype) if part.weight is None else part.weight
        work = np.zeros(TARGETS_OF_A_BLOCK, self._dtype)
        given = self._header(part, dt, out)
        given |= {"sources": part.shape[1], "source": source.address, "work": work.ctypes.data}
        given |= {"source_stride": source.stride, "weight": weight.ctypes.data}
        given["weight_stride"] = weight.strides[0] if len(weight) > 1 else 0
        arrays: list[Any] = [out.array, source.array, weight, work]
        for name in text.states:
            given[own(name)] = part.states[name].ctypes.data
        for name in text.values:
            value = part.values(dt)[name]
            given[f"value_{own(name)}"] = value.ctypes.data
            given[f"stride_{own(name)}"] = value.strides[0] if len(value) > 1 else 0
            given[f"source_stride_{own(name)}"] = value.strides[1] if value.shape[1] > 1 else 0
            arrays.append(value)
        if arrivals is not None:
            number, later = self._delays(arrivals, part.shape[1:])
            given |= {"number": number.ctypes.data, "later": later.ctypes.data}
            given["number_stride"] = number.strides[0] if len(number) > 1 else 0
            given["steps"] = later.shape[1]
            arrays += [number, later]
        given |= _seen(seen, arrays)
        return self._call(text, code, given, arrays)

    def _header(self, part: Part, dt: float, out: View) -> dict[str, Any]:
        scalars = np.array([dt, dt / part.model.divisions(dt)])
        return {
            "batch": self._batch_size,
            "width": part.shape[-1],
            "scalars": scalars,
            "out": out.address,
            "out_stride": out.stride,
        }

    def _call(self, text: Any, code: MachineCode, given: dict[str, Any], arrays: list[Any]) -> Call:
        scalars = given["scalars"]
        given["scalars"] = scalars.ctypes.data
        table = np.zeros(len(text.fields.index), np.int64)
        for name, value in given.items():
            table[text.fields.index[name]] = value
        return Call(code, table, [*arrays, scalars])

    def _kernel(self, kind: Any, model: type[Model], *options: Any) -> tuple[Any, MachineCode]:
        """The writer of a kernel, and the kernel."""
        key = (kind, model, options, *(getattr(model, name) for name in WRITTEN_FROM))
        if key not in self._kernels:
            text = kind(model, self._real, *options)
            self._kernels[key] = text, self._compiled(text, model)
        return self._kernels[key]

    def _compiled(self, writer: Any, model: type[Model]) -> MachineCode:
        text, functions = writer.text(), writer.functions()
        described = [f"{name} {fingerprint(function)}" for name, function in functions.items()]

        def build() -> Callable[..., Any]:
            from ship_engine.compiled import dialect

            done: dict[Any, Any] = {}
            scope = {name: dialect.compile_elementwise(f, done) for name, f in functions.items()}
            scope |= {"pointer": getattr(dialect, self._real), "real": self._dtype.type}
            return define(text, f"<platform kernel of {model.name}>", scope)

        name = f"{model.__name__}-platform-{self._real}"
        content = "\n".join([text, *described, source_of(("compiled.dialect",))])
        return self._cache.get(name, content, 4, build)


def _seen(seen: Mapping[str, Array], arrays: list[Any]) -> dict[str, int]:
    """Where to record quantities, by field."""
    given: dict[str, int] = {}
    for name, array in seen.items():
        field = "current" if name == HANDED_ON else own(name)
        given |= {f"seen_{field}": array.ctypes.data, f"seen_stride_{field}": array.strides[0]}
        arrays.append(array)
    return given


def _numpy(value: Any) -> NDArray[np.float64]:
    """A tensor as an array of float64."""
    return np.asarray(value.detach().cpu().numpy(), np.float64)
