"""The backward pass of a block: its windows in reverse, and what is gathered over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from torch import Tensor

from ship_engine.fused.blocks import Edge, Member
from ship_engine.fused.course_text import Wanted
from ship_engine.fused.forward import Forward
from ship_engine.fused.kernels import table_of
from ship_engine.fused.products import summed_outer_products
from ship_engine.platform.subnormals import subnormals_are_zero


class Backward:
    """A backward pass.

    Parameters
    ----------
    done : Forward
        The forward pass.
    wanted : sequence of bool
        Of which tensors the gradient is wanted.
    gradients : sequence of Tensor or None
        With respect to each result.
    """

    def __init__(
        self, done: Forward, wanted: Sequence[bool], gradients: Sequence[Tensor | None]
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
        member: Member,
        arrays: dict[str, Tensor],
        out: Tensor | None,
        seen: dict[str, Tensor],
    ) -> tuple[Any, ...]:
        """What computes one group backwards, and the arrays that it writes."""
        plan, text, steps = self.plan, member.text, self.plan.steps

        def wants(name: str) -> bool:
            return self.asked[member.place[name]]

        reached = {edge.input for edge in plan.edges if edge.target == member.number}
        wanted = Wanted(
            tuple(k for k in text.takes if wants(f"input_{k}") or k in reached),
            tuple(n for n in text.step.values if wants(f"value_{n}")),
            wants("current"),
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
        member: Member,
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
