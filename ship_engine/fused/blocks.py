"""Blocks of groups, and all their tensors in one list, as autograd wants them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ship_engine.fused.course_text import CourseText
from ship_engine.fused.runtime import Runtime
from ship_engine.fused.time_step import Kind
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


class Plan:
    """A block with all its tensors in one list, as autograd wants them.

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
        self.overloaded: list[bool] = []
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


class Member:
    """A group's arrays while a block is computed."""

    def __init__(self, plan: Plan, number: int, tensors: Sequence[Tensor | None]) -> None:
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
        found = {f"value_{n}": plan.full(there(self.given(f"value_{n}")), self.node) for n in names}
        if text.rests:
            assert self.node.period is not None
            found["period"] = plan.full(self.node.period, self.node)
        return found

    def scalars(self) -> list[float]:
        """Values that all cells share."""
        return [float(there(self.given(f"value_{n}")).detach()) for n in self.text.scalars]

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
        if full.stride(0) == 0:  # the same at all times
            row = self.new(1).view(1, *full.shape[1:]).copy_(full[:1])
            return row.view(1, self.width).expand(rows, self.width)
        if not full.is_contiguous() or full.dtype != self.plan.like.dtype:
            full = self.new(rows).view(full.shape).copy_(full)
        return full.view(rows, self.width)


def there(tensor: Tensor | None) -> Tensor:
    """A tensor that is there for certain."""
    assert tensor is not None
    return tensor
