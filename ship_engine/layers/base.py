"""What the layers have in common: tensors [time, batch, ...] and the compiled loops.

Time comes first, so that every step lies together in memory: the loops go through it as it is, and
any module of torch takes all steps as one batch (`ship_engine.layers.stepwise`).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError, UnsupportedByExecutorError
from ship_engine.fused.runtime import Runtime

EXECUTORS = ("auto", "fused", "torch")


class Layer(torch.nn.Module):
    """Base class of layers that compute in compiled loops on the CPU, and in tensors elsewhere.

    Parameters
    ----------
    executor : {'auto', 'fused', 'torch'}
        'fused' for compiled loops, 'torch' for tensors on any device; 'auto' is the first on a CPU.

    Raises
    ------
    InvalidValueError
        If there is no such executor.
    """

    def __init__(self, executor: str = "auto") -> None:
        super().__init__()
        if executor not in EXECUTORS:
            raise InvalidValueError(
                f"executor = {executor!r}; give one of {', '.join(map(repr, EXECUTORS))}."
            )
        self.executor = executor
        self._runtime: Runtime | None = None

    @property
    def runtime(self) -> Runtime:
        """What computes: compiled loops, threads, memory.

        Layers of one stack may share it, so that they share memory, too.
        """
        if self._runtime is None:
            self._runtime = Runtime()
        return self._runtime

    @runtime.setter
    def runtime(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def is_fused(self, given: Tensor) -> bool:
        """Whether compiled loops compute with a tensor.

        Raises
        ------
        UnsupportedByExecutorError
            If they are asked for, but cannot.
        """
        able = given.device.type == "cpu" and given.dtype in (torch.float32, torch.float64)
        if self.executor == "fused" and not able:
            raise UnsupportedByExecutorError(
                f"The executor 'fused' computes with float32 or float64 on the CPU; this tensor is "
                f"{given.dtype} on '{given.device}'. Use executor='torch', or 'auto'."
            )
        return able and self.executor != "torch"

    def __getstate__(self) -> dict[str, Any]:
        # Threads and compiled code are made anew in a copy or another process.
        return self.__dict__ | {"_runtime": None}


def course(given: Any, name: str) -> Tensor:
    """A tensor [time, batch, ...], checked and flattened to [time, batch, component].

    Raises
    ------
    InvalidValueError
        If it has fewer axes.
    """
    if not isinstance(given, Tensor) or given.ndim < 3:
        found = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
        raise InvalidValueError(
            f"{name} takes a tensor [time, batch, component, ...]; got {found}. A single sample "
            "needs a batch of one: x[:, None]."
        )
    flat: Tensor = given.flatten(2)
    return flat


def positive(value: Any, name: str, unit: str = "") -> float:
    """A number above zero.

    Raises
    ------
    InvalidValueError
        If it is not.
    """
    number = float(value)
    if not 0.0 < number < math.inf:
        raise InvalidValueError(f"{name} = {value!r}{unit}; give a finite number > 0.")
    return number
