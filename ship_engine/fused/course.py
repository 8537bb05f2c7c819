"""The time course of a block of groups as one function of torch, forward and backward.

A block is a group, or several that depend on each other in a loop.  All that reaches a block from
outside is known before it starts; what its groups hand to each other is multiplied by weights
window by window.  A window is as long as the shortest delay in the loop, so that nothing that is
handed on in it arrives in it too early.

Arrays are [time, batch, component].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ship_engine.fused.backward import Backward
from ship_engine.fused.blocks import Plan
from ship_engine.fused.forward import Forward


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
    overloaded : list of bool
        Whether any step was too long for the states of some component, as the model says.
    resting : list of bool Tensor [time + 1, batch, size] or None
        Whether each rests at the start of each step, if states are wanted.
    """

    outputs: list[Tensor]
    states: list[dict[str, Tensor]]
    final: list[dict[str, Tensor]]
    overloaded: list[bool]
    resting: list[Tensor | None]


def run_block(plan: Plan) -> Courses:
    """Compute the time courses of a block's groups."""
    found = _Course.apply(plan, *plan.tensors)
    outputs, states = list(found[: len(plan.nodes)]), []
    rest = iter(found[len(plan.nodes) :])
    for text in plan.texts:
        states.append({name: next(rest) for name in text.states} if plan.keep_states else {})
    return Courses(outputs, states, plan.final, plan.overloaded, plan.resting)


class _Course(torch.autograd.Function):
    """A block's courses as a function of all its tensors."""

    @staticmethod
    def forward(ctx: Any, plan: Plan, *tensors: Tensor | None) -> tuple[Tensor, ...]:
        differentiable = any(ctx.needs_input_grad)
        done = Forward(plan, tensors, differentiable or plan.keep_states)
        done.run()
        if differentiable:
            ctx.done = done
        plan.final, plan.overloaded = done.final_states(), done.overloaded()
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
