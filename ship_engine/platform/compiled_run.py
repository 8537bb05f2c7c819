"""Run a network with compiled code on the CPU.

Where no loop forbids it, a group goes through all steps of a window before the next group starts:
what reaches it is known for the whole window, so its cells stay in the fastest cache while time
goes on.  Synapses that are linear, and whose parameters do not differ from source to source, are
summed over their sources first, which is exact: there is one state for each target then, and
weights are only read for the sources that spike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ship_engine.errors import UnsupportedByExecutorError
from ship_engine.lowering.cache import KernelCache
from ship_engine.models.base import Model
from ship_engine.platform.arrivals import Arrivals
from ship_engine.platform.compiled_parts import Binder, Box, Call, Kernels, Part, View
from ship_engine.platform.monitors import HANDED_ON, Record
from ship_engine.platform.plan import (
    Block,
    Incoming,
    Member,
)
from ship_engine.platform.subnormals import subnormals_are_zero
from ship_engine.platform.summing import can_be_summed, summed_over_sources

DENSE = 0.2
"""Share of numbers other than zero from which on a matrix product is faster than a sparse sum."""


class CompiledRunner:
    """Runs networks as compiled code; see `ship_engine.platform.runners.Runner`.

    Parameters
    ----------
    like : Tensor
        Says the type of numbers.
    """

    whole_runs = False

    def __init__(self, like: Tensor) -> None:
        self._dtype = np.float32 if like.dtype == torch.float32 else np.float64
        self._cache = KernelCache()
        self._kernels: Kernels = {}
        self._blocks: Sequence[Block] = ()
        self._boxes: dict[Member, Box] = {}
        self._parts: dict[Member, Part] = {}

    def start(self, blocks: Sequence[Block], batch_size: int, record: Record) -> None:
        stack = [member for block in blocks for member in block.members]
        for member in stack:
            weights = {"w": member.weight, "w_scale": member.scale}
            _refuse_gradients(member, {**member.values, **member.initial, **weights})
        self._blocks, self._batch_size = blocks, batch_size
        self._binder = Binder(self._cache, self._dtype, batch_size, self._kernels)
        self._boxes = {m: Box(m, batch_size, self._dtype) for m in stack}
        self._parts = {}
        for member in stack:
            if issubclass(member.model, Model):
                watched = set(record.get(member, ())) - {"output", "input"}
                summed = can_be_summed(member) and not watched
                computed = summed_over_sources(member) if summed else member
                self._parts[member] = Part(computed, batch_size, self._dtype)

    def states(self) -> Iterable[tuple[Member, str, Tensor]]:
        for member, part in self._parts.items():
            for name, array in part.states.items():
                yield member, name, torch.from_numpy(array)

    def advance(
        self,
        steps: NDArray[np.float64],
        arrivals: Mapping[Member, Arrivals],
        inputs: Mapping[Member, Tensor],
        record: Record,
    ) -> None:
        window = Window(self, steps, arrivals, record)
        for member, tensor in inputs.items():
            _refuse_gradients(member, {"The input": tensor})
            self._boxes[member].view().rows(slice(0, steps.size))[:] = tensor.detach().numpy()
        for first, last in _equal_steps(steps):
            for block in self._blocks:
                window.run(block, first, last)
        window.hand_over()


class Window:
    """Some time steps of a run.

    Parameters
    ----------
    runner : CompiledRunner
        Has the states.
    steps : float64 array
        The lengths of the steps in ms.
    arrivals : mapping
        When arrives what each member hands on.
    record : Record
        What takes quantities of members.
    """

    def __init__(
        self,
        runner: CompiledRunner,
        steps: NDArray[np.float64],
        arrivals: Mapping[Member, Arrivals],
        record: Record,
    ) -> None:
        self._runner, self._steps, self._arrivals, self._record = runner, steps, arrivals, record
        self._binder, self._boxes = runner._binder, runner._boxes
        for member, box in self._boxes.items():
            box.open(steps.size, arrivals[member].longest)
        self._received: dict[tuple[Member, int], View] = {}
        self._said: dict[Member, View] = {}
        self._seen = {member: self._to_be_seen(member) for member in runner._parts}

    def _to_be_seen(self, member: Member) -> dict[str, NDArray[Any]]:
        """Arrays for what is recorded inside kernels: [batch, time, …]."""
        part = self._runner._parts[member]
        shape = (part.shape[0], self._steps.size, *part.shape[1:])
        names = set(self._record.get(member, ())) - {"output", "input"}
        if len(part.shape) == 2:  # what each component hands on is its output
            names.discard(HANDED_ON)
        return {name: np.zeros(shape, part.dtype) for name in names}

    def run(self, block: Block, first: int, last: int) -> None:
        """Take a block through steps of equal length."""
        dt = float(self._steps[first])
        if not block.looped:
            for call in self._calls(block.members[0], dt, first, last):
                with subnormals_are_zero():
                    call.code(call.table.ctypes.data, first, last, 0)
            return
        calls = [call for m in block.members for call in self._calls(m, dt, first, last, True)]
        turns = [number for c in calls for number in (c.code.address, c.table.ctypes.data)]
        table = np.array([*turns, first], np.int64)
        code = self._runner._cache.fixed("take_turns")
        with subnormals_are_zero():
            code(table.ctypes.data, len(calls), last, block.lag(self._arrivals))

    def _calls(
        self, member: Member, dt: float, first: int, last: int, looped: bool = False
    ) -> Iterator[Call]:
        """What takes a member through the steps, one call after the other."""
        part = self._runner._parts.get(member)
        if part is None:
            return
        box, delayed = self._boxes[member], member.delay is not None
        if len(part.shape) == 3:
            yield from self._synapses(member, part, dt)
            return
        said = self._said_by(member) if delayed else box.view()
        if part.weight is not None:
            source = self._edge(member.incoming[0])
            total = self._room(member, 0)
            dense = not looped and self._multiplied(part, source, total, slice(first, last))
            if not dense:
                yield self._binder.accumulate(part, source, total)
            inputs = [total]
        else:
            inputs = []
            for port in range(max(len(part.model.ports), 1)):
                edges = [self._edge(e) for e in member.incoming if e.port == port]
                if len(edges) == 1:
                    self._received[member, port] = edges[0]
                elif edges:
                    yield self._binder.gather(edges, self._room(member, port))
                inputs.append(self._received.get((member, port)) or self._room(member, port))
        yield self._binder.neurons(part, dt, inputs, said, self._seen[member])
        if delayed:
            yield self._binder.spread(said, box.view(), self._arrivals[member])

    def _synapses(self, member: Member, part: Part, dt: float) -> Iterator[Call]:
        """Synapses with states of their own."""
        source, box = self._edge(member.incoming[0]), self._boxes[member]
        arrivals, seen = self._arrivals[member], self._seen[member]
        if member.delay is None:
            yield self._binder.synapses(part, dt, source, box.view(), seen, None)
        elif member.delay.shape[1] == 1:  # the same for all synapses onto a target
            said = self._said_by(member)
            yield self._binder.synapses(part, dt, source, said, seen, None)
            yield self._binder.spread(said, box.view(), arrivals)
        else:
            yield self._binder.synapses(part, dt, source, box.view(), seen, arrivals)

    def _edge(self, edge: Incoming) -> View:
        """What arrives along an edge."""
        late = edge.backward and self._arrivals[edge.source].shortest == 0
        return self._boxes[edge.source].view(late)

    def _room(self, member: Member, port: int) -> View:
        """Where the sum of what reaches an input is put."""
        if (member, port) not in self._received:
            shape = (self._runner._batch_size, self._steps.size, member.width)
            self._received[member, port] = View(np.zeros(shape, self._runner._dtype), 0)
        return self._received[member, port]

    def _said_by(self, member: Member) -> View:
        """Where a delayed member puts what it is to hand on later."""
        if member not in self._said:
            shape = (self._runner._batch_size, self._steps.size, member.width)
            self._said[member] = View(np.zeros(shape, self._runner._dtype), 0)
        return self._said[member]

    def _multiplied(self, part: Part, source: View, out: View, steps: slice) -> bool:
        """Sum over the sources by a matrix product, if that is faster."""
        given = source.rows(steps)
        if np.count_nonzero(given) < DENSE * given.size or part.weight is None:
            return False
        product = torch.matmul(torch.from_numpy(given), torch.from_numpy(part.weight))
        out.rows(steps)[:] = product.numpy()
        return True

    def hand_over(self) -> None:
        """Give what was recorded to those who take it."""
        every = slice(0, self._steps.size)
        for member, quantities in self._record.items():
            for name, recorders in quantities.items():
                array = self._quantity(member, name, every)
                tensor = torch.from_numpy(np.array(array))
                for recorder in recorders:
                    recorder.take(tensor)

    def _quantity(self, member: Member, name: str, every: slice) -> NDArray[Any]:
        box = self._boxes[member].view()
        if name == "output":
            return box.rows(every)
        if name == "input":
            return self._input(member, every)
        if name == HANDED_ON and name not in self._seen[member]:
            return self._said.get(member, box).rows(every)
        return self._seen[member][name]

    def _input(self, member: Member, every: slice) -> NDArray[Any]:
        """All that reached a member, before weights."""
        views = [self._edge(edge).rows(every) for edge in member.incoming]
        if not views:
            return np.zeros_like(self._boxes[member].view().rows(every))
        return np.sum(views, axis=0)


def _equal_steps(steps: NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    """First and last + 1 of each stretch of steps of equal length."""
    changes = np.flatnonzero(np.diff(steps)) + 1
    ends = [0, *changes.tolist(), steps.size]
    for first, last in pairwise(ends):
        if last > first:
            yield first, last


def _refuse_gradients(member: Member, tensors: Mapping[str, Tensor | None]) -> None:
    """Raise UnsupportedByExecutorError if someone expects a gradient."""
    for name, value in tensors.items():
        if value is not None and value.requires_grad and torch.is_grad_enabled():
            raise UnsupportedByExecutorError(
                f"{name} of '{member.id}' requires a gradient, which the executor 'numba' does not "
                "compute; write Network(executor='torch'), or run it within torch.no_grad()."
            )
