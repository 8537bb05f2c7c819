"""The forward pass of a block: windows of all its groups, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor

from ship_engine.fused.blocks import Edge, Member, Plan, there
from ship_engine.fused.kernels import table_of
from ship_engine.platform.subnormals import subnormals_are_zero


class Forward:
    """A forward pass, and what it leaves behind for the backward one."""

    def __init__(self, plan: Plan, tensors: Sequence[Tensor | None], keep: bool) -> None:
        self.plan = plan
        self.members = [Member(plan, k, tensors) for k in range(len(plan.nodes))]
        self.weights = [there(w).detach() for w in tensors[plan.first_weight :]]
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
                initial = plan.full(there(member.given(f"state_{name}")), member.node)
                arrays[f"state_{name}"][0] = initial
            if text.rests:
                arrays["left"] = member.new(self.rows)
                arrays["left"][0] = 0.0
            if text.step.load is not None:
                arrays["load"] = member.zeros(1)[0]
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

    def overloaded(self) -> list[bool]:
        """Whether any step was too long for some component."""
        return [bool((a["load"] > 0.0).any()) if "load" in a else False for a in self.arrays]

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
