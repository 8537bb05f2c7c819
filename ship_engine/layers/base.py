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


def course(given: Any, name: str, dtype: torch.dtype | None = None) -> Tensor:
    """A tensor [time, batch, ...] of numbers; spikes may also come as bool or whole numbers.

    Parameters
    ----------
    given : Tensor
        What a layer was given.
    name : str
        Of the layer.
    dtype : torch.dtype, optional
        In which the layer computes; by default as what arrives.

    Returns
    -------
    Tensor
        Of the same shape; bool and whole numbers become `dtype`, or torch's default one.

    Raises
    ------
    InvalidValueError
        If it is no tensor, has fewer axes, or is of numbers in another precision.
    """
    if not isinstance(given, Tensor):
        raise InvalidValueError(
            f"{name} takes a tensor [time, batch, component, ...]; got {type(given).__name__}. "
            "Write torch.as_tensor(x)."
        )
    if given.ndim < 3:
        raise InvalidValueError(
            f"{name} takes a tensor [time, batch, component, ...]; got {tuple(given.shape)}. A "
            "single sample needs a batch of one: x[:, None]."
        )
    if not given.is_floating_point():
        return given.to(dtype or torch.get_default_dtype())
    if dtype not in (None, given.dtype):
        raise InvalidValueError(
            f"{name} computes in {dtype}, and what arrives is {given.dtype}; write x.to({dtype}), "
            "or convert the layers by .float() or .double()."
        )
    return given


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
