"""The time course of a block of groups as one function of torch, forward and backward.

A block is a group, or several that depend on each other in a loop.  All that reaches a block from
outside is known before it starts; what its groups hand to each other is multiplied by weights
window by window.  A window is as long as the shortest delay in the loop, so that nothing that is
handed on in it arrives in it too early.

Arrays are [time, batch, component].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ship_engine.fused.course_text import CourseText, Wanted
from ship_engine.fused.kernels import table_of
from ship_engine.fused.products import summed_outer_products
from ship_engine.fused.runtime import Runtime
from ship_engine.fused.time_step import Kind
from ship_engine.platform.subnormals import subnormals_are_zero
from ship_engine.training.surrogates import Surrogate


@dataclass(eq=False)
class Node:
    """A group, as a block computes it.

    Attributes
    ----------
    kind : Kind
        What a time step is made of.
    size : int
        Number of components.
    values : dict of str to Tensor
        Parameters and coefficients; each broadcasts to [batch, size].
    initial : dict of str to Tensor
        States at the start, likewise.
    period : Tensor or None
        For how many steps a component rests after a spike, likewise.
    inputs : list of Tensor or None
        What arrives from outside in each step.
    current : Tensor or None
        What is injected, [time, batch or 1, size].
    """

    kind: Kind
    size: int
    values: dict[str, Tensor]
    initial: dict[str, Tensor]
    period: Tensor | None
    inputs: list[Tensor | None]
    current: Tensor | None = None


@dataclass(eq=False)
class Edge:
    """Weights from one group of a block to another.

    Attributes
    ----------
    source, target : int
        Which groups of the block.
    input : int
        Which input of the target they reach.
    lag : int
        After how many steps.
    weight : Tensor [sources, targets]
        By what each spike is multiplied.
    """

    source: int
    target: int
    input: int
    lag: int
    weight: Tensor


@dataclass(eq=False)
class Courses:
    """What became of a block's groups.

    Attributes
    ----------
    outputs : list of Tensor [time, batch, size]
        What each hands on.
    states : list of dict of str to Tensor [time + 1, batch, size]
        The states at the start of each step, and at the end of the last; empty if not wanted.
    final : list of dict of str to Tensor [batch, size]
        The states in the end, without gradients.
    resting : list of bool Tensor [time + 1, batch, size] or None
        Whether each rests at the start of each step, if states are wanted.
    """

    outputs: list[Tensor]
    states: list[dict[str, Tensor]]
    final: list[dict[str, Tensor]]
    resting: list[Tensor | None]


def run_block(
    nodes: Sequence[Node],
    edges: Sequence[Edge],
    steps: int,
    batch: int,
    like: Tensor,
    surrogate: Surrogate,
    runtime: Runtime,
    keep_states: bool,
) -> Courses:
    """Compute the time courses of a block's groups.

    Parameters
    ----------
    nodes : sequence of Node
        In the order in which they advance.
    edges : sequence of Edge
        Among them.
    steps, batch : int
        How many.
    like : Tensor
        Says the type of numbers.
    surrogate : Surrogate
        What gives spikes a derivative.
    runtime : Runtime
        What computes.
    keep_states : bool
        Whether the states' courses are wanted.
    """
    plan = _Plan(nodes, edges, steps, batch, like, surrogate, runtime, keep_states)
    found = _Course.apply(plan, *plan.tensors)
    outputs, states = list(found[: len(nodes)]), []
    rest = iter(found[len(nodes) :])
    for text in plan.texts:
        states.append({name: next(rest) for name in text.states} if keep_states else {})
    return Courses(outputs, states, plan.final, plan.resting)


class _Plan:
    """A block with all its tensors in one list, as autograd wants them."""

    def __init__(
        self,
        nodes: Sequence[Node],
        edges: Sequence[Edge],
        steps: int,
        batch: int,
        like: Tensor,
        surrogate: Surrogate,
        runtime: Runtime,
        keep_states: bool,
    ) -> None:
        self.nodes, self.edges = list(nodes), list(edges)
        self.steps, self.batch, self.like = steps, batch, like
        self.surrogate, self.runtime = surrogate, runtime
        self.keep_states = keep_states
        backward = [edge.lag for edge in edges if edge.target <= edge.source]
        self.window = min(backward, default=steps) if edges else steps
        self.longest = max((edge.lag for edge in edges), default=0)
        self.texts = [self._text(node) for node in nodes]
        self.tensors: list[Tensor | None] = []
        self.places: list[dict[str, int]] = []
        for node, text in zip(nodes, self.texts, strict=True):
            named: dict[str, Tensor | None] = {f"input_{k}": node.inputs[k] for k in text.takes}
            named["current"] = node.current
            named |= {f"value_{name}": node.values[name] for name in text.step.values}
            named |= {f"state_{name}": node.initial[name] for name in text.states}
            self.places.append({name: len(self.tensors) + k for k, name in enumerate(named)})
            self.tensors += named.values()
        self.final: list[dict[str, Tensor]] = []
        self.resting: list[Tensor | None] = []
        self.first_weight = len(self.tensors)
        self.tensors += [edge.weight for edge in edges]

    def _text(self, node: Node) -> CourseText:
        rows = frozenset(name for name, value in node.values.items() if value.numel() > 1)
        text = self.runtime.kernels.text(node.kind, frozenset())
        rows &= frozenset(text.step.values)
        return self.runtime.kernels.text(node.kind, rows)

    def width(self, node: Node) -> int:
        """How many cells a row of a group has."""
        return self.batch * node.size

    def full(self, value: Tensor, node: Node) -> Tensor:
        """A value for each cell of a row."""
        shape = self.batch, node.size
        return value.detach().to(self.like.dtype).expand(shape).reshape(-1).contiguous()

    def windows(self) -> list[tuple[int, int]]:
        """The first step of each window, and the one after its last."""
        starts = range(0, self.steps, max(self.window, 1))
        return [(start, min(start + self.window, self.steps)) for start in starts]


class _Member:
    """A group's arrays while a block is computed."""

    def __init__(self, plan: _Plan, number: int, tensors: Sequence[Tensor | None]) -> None:
        self.plan, self.node, self.text = plan, plan.nodes[number], plan.texts[number]
        self.number, self.place = number, plan.places[number]
        self.width = plan.width(self.node)
        self._tensors = tensors

    def given(self, name: str) -> Tensor | None:
        """One of the tensors of the block."""
        return self._tensors[self.place[name]]

    def rows(self) -> dict[str, Tensor]:
        """Values that differ from cell to cell."""
        plan, text = self.plan, self.text
        names = [n for n in text.step.values if n in text.rows]
        found = {
            f"value_{n}": plan.full(_there(self.given(f"value_{n}")), self.node) for n in names
        }
        if text.rests:
            assert self.node.period is not None
            found["period"] = plan.full(self.node.period, self.node)
        return found

    def scalars(self) -> list[float]:
        """Values that all cells share."""
        return [float(_there(self.given(f"value_{n}")).detach()) for n in self.text.scalars]

    def new(self, rows: int) -> Tensor:
        """An array without values."""
        return self.plan.runtime.buffers.new((rows, self.width), self.plan.like.dtype)

    def zeros(self, rows: int) -> Tensor:
        """An array of zeros."""
        return self.plan.runtime.buffers.zeros((rows, self.width), self.plan.like.dtype)

    def flat(self, tensor: Tensor | None, rows: int) -> Tensor:
        """A given array as [time, cell]; zeros that serve for all times if there is none."""
        if tensor is None:
            return self.zeros(1).expand(rows, self.width)
        full = tensor.detach().expand(rows, self.plan.batch, self.node.size)
        if not full.is_contiguous() or full.dtype != self.plan.like.dtype:
            full = self.new(rows).view(full.shape).copy_(full)
        return full.view(rows, self.width)


def _there(tensor: Tensor | None) -> Tensor:
    assert tensor is not None
    return tensor


class _Forward:
    """A forward pass, and what it leaves behind for the backward one."""

    def __init__(self, plan: _Plan, tensors: Sequence[Tensor | None], keep: bool) -> None:
        self.plan = plan
        self.members = [_Member(plan, k, tensors) for k in range(len(plan.nodes))]
        self.weights = [_there(w).detach() for w in tensors[plan.first_weight :]]
        steps = plan.steps
        self.rows = steps + 1 if keep else 2
        reached = {(edge.target, edge.input) for edge in plan.edges}
        self.arrays: list[dict[str, Tensor]] = []
        for member in self.members:
            text, arrays = member.text, {}
            for k in text.takes:
                given = member.flat(member.given(f"input_{k}"), steps)
                if (member.number, k) in reached:
                    longer = member.zeros(steps + plan.longest)
                    longer[:steps] = given
                    given = longer
                arrays[f"input_{k}"] = given
            arrays["current"] = member.flat(member.given("current"), steps)
            for name in text.states:
                arrays[f"state_{name}"] = member.new(self.rows)
                initial = plan.full(_there(member.given(f"state_{name}")), member.node)
                arrays[f"state_{name}"][0] = initial
            if text.rests:
                arrays["left"] = member.zeros(self.rows)
            arrays["out"] = member.new(steps)
            arrays["spikes"] = member.new(steps) if text.spikes_apart else arrays["out"]
            self.arrays.append(arrays)

    def run(self) -> None:
        """Go through all windows."""
        plan, calls = self.plan, []
        kept = -1 if self.rows > 2 else 1
        for member, arrays in zip(self.members, self.arrays, strict=True):
            text = member.text
            code = plan.runtime.kernels.forward(text, plan.like.dtype)
            ranges = plan.runtime.threads.ranges(member.width * min(plan.window, plan.steps))
            used = {**arrays, **member.rows()}
            table = table_of(
                text.forward_fields(), kept, member.scalars(), used, member.width, ranges
            )
            calls.append((code, table, ranges))
        with subnormals_are_zero():
            for first, last in plan.windows():
                for k, (code, (words, _), ranges) in enumerate(calls):
                    plan.runtime.threads.run(partial(code, words.ctypes.data, first, last), ranges)
                    for edge, weight in zip(plan.edges, self.weights, strict=True):
                        if edge.source == k:
                            self._hand_on(edge, weight, first, last)

    def final_states(self) -> list[dict[str, Tensor]]:
        """The states in the end."""
        row, found = self.plan.steps if self.rows > 2 else self.plan.steps & 1, []
        for member, arrays in zip(self.members, self.arrays, strict=True):
            shape = self.plan.batch, member.node.size
            names = member.text.states
            found.append({n: arrays[f"state_{n}"][row].clone().view(shape) for n in names})
        return found

    def resting(self) -> list[Tensor | None]:
        """Whether components rest at the start of each step."""
        found = []
        for member, arrays in zip(self.members, self.arrays, strict=True):
            left = arrays.get("left")
            shape = self.plan.batch, member.node.size
            found.append(None if left is None else (left > 0.5).view(-1, *shape))
        return found

    def _hand_on(self, edge: Edge, weight: Tensor, first: int, last: int) -> None:
        sources, targets = weight.shape
        given = self.arrays[edge.source]["out"][first:last].view(-1, sources)
        to = self.arrays[edge.target][f"input_{edge.input}"]
        to[first + edge.lag : last + edge.lag].view(-1, targets).addmm_(given, weight)


class _Course(torch.autograd.Function):
    """A block's courses as a function of all its tensors."""

    @staticmethod
    def forward(ctx: Any, plan: _Plan, *tensors: Tensor | None) -> tuple[Tensor, ...]:
        differentiable = any(ctx.needs_input_grad)
        done = _Forward(plan, tensors, differentiable or plan.keep_states)
        done.run()
        if differentiable:
            ctx.done = done
        plan.final = done.final_states()
        plan.resting = done.resting() if plan.keep_states else []
        ctx.set_materialize_grads(False)
        shapes = [(plan.batch, node.size) for node in plan.nodes]
        results = [a["out"].view(-1, *s) for a, s in zip(done.arrays, shapes, strict=True)]
        if plan.keep_states:
            for arrays, text, shape in zip(done.arrays, plan.texts, shapes, strict=True):
                results += [arrays[f"state_{name}"].view(-1, *shape) for name in text.states]
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        return (None, *_Backward(ctx.done, ctx.needs_input_grad[1:], gradients).run())


class _Backward:
    """A backward pass.

    Parameters
    ----------
    done : _Forward
        The forward pass.
    wanted : sequence of bool
        Of which tensors the gradient is wanted.
    gradients : sequence of Tensor or None
        With respect to each result.
    """

    def __init__(
        self, done: _Forward, wanted: Sequence[bool], gradients: Sequence[Tensor | None]
    ) -> None:
        self.done, self.plan = done, done.plan
        self.asked = wanted
        rest = iter(gradients[len(self.plan.nodes) :])
        self.parts = []
        for member, arrays, out in zip(done.members, done.arrays, gradients, strict=False):
            seen: dict[str, Tensor] = {}
            if self.plan.keep_states:
                for name in member.text.states:
                    gradient = next(rest)
                    if gradient is not None:
                        seen[name] = member.flat(gradient, self.plan.steps + 1)
            self.parts.append(self._part(member, arrays, out, seen))

    def _part(
        self,
        member: _Member,
        arrays: dict[str, Tensor],
        out: Tensor | None,
        seen: dict[str, Tensor],
    ) -> tuple[Any, ...]:
        """What computes one group backwards, and the arrays that it writes."""
        plan, text, steps = self.plan, member.text, self.plan.steps
        wants = lambda name: self.asked[member.place[name]]  # noqa: E731
        reached = {edge.input for edge in plan.edges if edge.target == member.number}
        wanted = Wanted(
            tuple(k for k in text.takes if wants(f"input_{k}") or k in reached),
            tuple(n for n in text.step.values if wants(f"value_{n}")),
            bool(wants("current")),
            tuple(seen),
        )
        sends = any(edge.source == member.number for edge in plan.edges)
        gradient = member.flat(out, steps)
        if sends:
            gradient = gradient.clone() if out is not None else member.zeros(steps)
        written = {f"adjoint_{name}": member.zeros(1)[0] for name in text.states}
        written |= {f"gradient_value_{name}": member.zeros(1)[0] for name in wanted.values}
        for k in wanted.inputs:
            written[f"gradient_input_{k}"] = (
                member.zeros(steps + plan.longest) if k in reached else member.new(steps)
            )
        if wanted.current:
            written["gradient_current"] = member.new(steps)
        seeds = {f"gradient_seen_{name}": tensor for name, tensor in seen.items()}
        used = {**arrays, **member.rows(), **seeds, **written, "gradient_out": gradient}
        code = plan.runtime.kernels.backward(text, plan.like.dtype, wanted, type(plan.surrogate))
        ranges = plan.runtime.threads.ranges(member.width * min(plan.window, steps))
        scalars = [*member.scalars(), *plan.surrogate.values().values()]
        fields = text.backward_fields(wanted)
        place = table_of(fields, -1, scalars, used, member.width, ranges)
        return member, code, place, ranges, written, gradient, seen

    def run(self) -> list[Tensor | None]:
        """Go through all windows backwards; the gradient of each of the block's tensors."""
        plan = self.plan
        with subnormals_are_zero():
            for first, last in reversed(plan.windows()):
                self._window(first, last)
        found: list[Tensor | None] = [None] * len(plan.tensors)
        for member, _, _, _, written, _, seen in self.parts:
            self._collect(member, written, seen, found)
        for k, edge in enumerate(plan.edges):
            if self.asked[plan.first_weight + k]:
                found[plan.first_weight + k] = self._of_weight(edge)
        return found

    def _window(self, first: int, last: int) -> None:
        """Compute all groups backwards through a window."""
        plan = self.plan
        for member, code, (table, _), ranges, _, gradient, _ in reversed(self.parts):
            for edge, weight in zip(plan.edges, self.done.weights, strict=True):
                if edge.source == member.number:
                    self._hand_back(edge, weight, gradient, first, last)
            plan.runtime.threads.run(partial(code, table.ctypes.data, first, last), ranges)

    def _arriving(self, edge: Edge) -> Tensor:
        written = self.parts[edge.target][4]
        arriving: Tensor = written[f"gradient_input_{edge.input}"]
        return arriving

    def _hand_back(
        self, edge: Edge, weight: Tensor, gradient: Tensor, first: int, last: int
    ) -> None:
        sources, targets = weight.shape
        arriving = self._arriving(edge)[first + edge.lag : last + edge.lag].view(-1, targets)
        gradient[first:last].view(-1, sources).addmm_(arriving, weight.t())

    def _of_weight(self, edge: Edge) -> Tensor:
        sources, targets = edge.weight.shape
        steps = self.plan.steps
        batch = self.plan.batch
        given = self.done.arrays[edge.source]["out"].view(steps, batch, sources)
        arriving = self._arriving(edge)[edge.lag : edge.lag + steps].view(steps, batch, targets)
        return summed_outer_products(self.plan.runtime.products, given, arriving)

    def _collect(
        self,
        member: _Member,
        written: dict[str, Tensor],
        seen: dict[str, Tensor],
        found: list[Tensor | None],
    ) -> None:
        plan, steps = self.plan, self.plan.steps
        shape = plan.batch, member.node.size
        for name, place in member.place.items():
            tensor = plan.tensors[place]
            if tensor is None or not self.asked[place]:
                continue
            if name.startswith("state_"):
                state = name.removeprefix("state_")
                gradient = written[f"adjoint_{state}"]
                if state in seen:
                    gradient = gradient + seen[state][0]
                gradient = gradient.view(shape)
            elif name.startswith("value_"):
                gradient = written[f"gradient_{name}"].view(shape)
            else:
                gradient = written[f"gradient_{name}"][:steps].view(steps, *shape)
            found[place] = gradient.sum_to_size(tensor.shape).to(tensor.dtype)
