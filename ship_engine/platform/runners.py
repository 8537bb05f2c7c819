"""What can run a network of the platform, and what all of them have in common."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ship_engine.errors import InvalidValueError, NonFiniteStateError
from ship_engine.platform.arrivals import Arrivals
from ship_engine.platform.monitors import Record
from ship_engine.platform.plan import Block, Member

if TYPE_CHECKING:
    from ship_engine.training.surrogates import Surrogate

WINDOW_BYTES = 32 * 2**20
"""About how much memory what groups hand on may take before it is dealt with."""
WINDOW_STEPS = 2**14
"""For how many steps at most, so that tables of when things arrive stay small too."""


class Runner(Protocol):
    """What runs networks.

    Attributes
    ----------
    whole_runs : bool
        Whether a run has to come in one piece, rather than window by window.
    """

    whole_runs: bool

    def start(self, blocks: Sequence[Block], batch_size: int, record: Record) -> None:
        """Go to the initial states.

        Parameters
        ----------
        blocks : sequence of Block
            The groups in the order of the stack.
        batch_size : int
            Simulations side by side.
        record : Record
            Tells what will be recorded.
        """

    def advance(
        self,
        steps: NDArray[np.float64],
        arrivals: Mapping[Member, Arrivals],
        inputs: Mapping[Member, Tensor],
        record: Record,
    ) -> None:
        """Go through time steps.

        Parameters
        ----------
        steps : float64 array
            Their lengths in ms.
        arrivals : mapping
            When arrives what each member hands on.
        inputs : mapping of Member to Tensor [batch or 1, steps, components]
            What sources hand on.
        record : Record
            What takes the states and other quantities of members.
        """

    def states(self) -> Iterable[tuple[Member, str, Tensor]]:
        """The present value of every state."""


def make_runner(executor: str, like: Tensor, surrogate: Surrogate | None) -> Runner:
    """The runner of that name.

    Raises
    ------
    InvalidValueError
        If there is none, or it cannot work on that device, or has no use for a surrogate.
    """
    if executor not in ("numba", "torch", "fused"):
        raise InvalidValueError(f"executor = {executor!r}; give 'numba', 'torch' or 'fused'.")
    if executor != "torch" and like.device.type != "cpu":
        raise InvalidValueError(
            f"The executor '{executor}' computes on the CPU, not on '{like.device}'; write "
            "executor='torch'."
        )
    if executor != "numba":
        from ship_engine.platform.fused_run import FusedRunner
        from ship_engine.platform.tensor_run import TensorRunner
        from ship_engine.training.surrogates import surrogate_of

        kind = FusedRunner if executor == "fused" else TensorRunner
        return kind(like, surrogate_of(surrogate))
    if surrogate is not None:
        raise InvalidValueError(
            "The executor 'numba' has no gradients, so no use for a surrogate; write "
            "executor='fused' or executor='torch'."
        )
    from ship_engine.platform.compiled_run import CompiledRunner

    return CompiledRunner(like)


def window_length(
    members: Iterable[Member], batch_size: int, steps: int, like: Tensor, record: Record
) -> int:
    """Into windows of how many steps a run is divided.

    There are 64 steps in a window at least, unless the states of many synapses are recorded.
    """
    size = batch_size * like.element_size()
    handed_on = size * sum(2 * member.width for member in members)
    recorded = size * sum(
        math.prod(member.components) * len(quantities) for member, quantities in record.items()
    )
    window = max(WINDOW_BYTES // max(handed_on + recorded, 1), 64)
    return min(steps, window, WINDOW_STEPS, max(4 * WINDOW_BYTES // max(recorded, 1), 1))


def check_finite(runner: Runner, time: float) -> None:
    """Look at all states.

    Raises
    ------
    NonFiniteStateError
        If one is NaN or infinite.
    """
    for member, name, value in runner.states():
        wrong = ~torch.isfinite(value.detach())
        if bool(wrong.any()):
            where = wrong.nonzero()[0]
            cell = int(np.ravel_multi_index(where[1:].tolist(), value.shape[1:]))
            found = float(value.detach()[tuple(where.tolist())])
            raise NonFiniteStateError(member.id, name, cell, time, found, "by")
