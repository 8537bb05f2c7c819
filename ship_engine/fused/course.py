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
from typing import Any

import torch
from torch import Tensor

from ship_engine.fused.backward import Backward
from ship_engine.fused.blocks import Edge, Node, Plan
from ship_engine.fused.forward import Forward
from ship_engine.fused.runtime import Runtime
from ship_engine.training.surrogates import Surrogate


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
    plan = Plan(nodes, edges, steps, batch, like, surrogate, runtime, keep_states)
    found = _Course.apply(plan, *plan.tensors)
    outputs, states = list(found[: len(nodes)]), []
    rest = iter(found[len(nodes) :])
    for text in plan.texts:
        states.append({name: next(rest) for name in text.states} if keep_states else {})
    return Courses(outputs, states, plan.final, plan.resting)


class _Course(torch.autograd.Function):
    """A block's courses as a function of all its tensors."""

    @staticmethod
    def forward(ctx: Any, plan: Plan, *tensors: Tensor | None) -> tuple[Tensor, ...]:
        differentiable = any(ctx.needs_input_grad)
        done = Forward(plan, tensors, differentiable or plan.keep_states)
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
        return (None, *Backward(ctx.done, ctx.needs_input_grad[1:], gradients).run())
