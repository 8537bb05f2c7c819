"""Sums over alpha kernels, and spikes in time order: in compiled loops, and in tensors.

Both ways are the recursions that `ship_engine.compiled.spike_response` describes, so that a long
window costs no more for a step than a short one.  Arrays are [time, cell].
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ship_engine.fused.runtime import Runtime
from ship_engine.layers.alpha import AlphaKernel
from ship_engine.lowering.loader import MachineCode
from ship_engine.lowering.response_layout import BLOCK, STATES_OF_A_CELL
from ship_engine.training.surrogates import Surrogate


@dataclass(frozen=True)
class Spike:
    """What makes a spike response neuron spike.

    Attributes
    ----------
    kernel : AlphaKernel or None
        Of what arrives; None if that is traces already.
    refractory : AlphaKernel
        What a spike leaves in its own neuron.
    threshold : float
        Of the membrane.
    surrogate : Surrogate
        Of the distance from the threshold.
    dt : float
        Time step in ms.
    """

    kernel: AlphaKernel | None
    refractory: AlphaKernel
    threshold: float
    surrogate: Surrogate
    dt: float


class CompiledRecursions:
    """In compiled loops on the CPU.

    Parameters
    ----------
    runtime : Runtime
        What computes.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def filtered(self, given: Tensor, kernel: AlphaKernel, dt: float, backward: bool) -> Tensor:
        """The convolution with a kernel, or its adjoint: that of the reversed course."""
        given = given if given.stride(1) == 1 else given.contiguous()
        out = self._runtime.buffers.new(tuple(given.shape), given.dtype)
        words = [*_way_through(given, backward), *_way_through(out, backward)]
        code = self._runtime.kernels.fixed("filter_alpha", given.dtype)
        self._call(code, given, words, kernel, kernel.taps(dt), dt, [], [])
        return out

    def responded(self, spike: Spike, given: Tensor) -> tuple[Tensor, Tensor]:
        """Spikes, and the membrane's course."""
        given = given if given.stride(1) == 1 else given.contiguous()
        buffers = self._runtime.buffers
        membrane = buffers.new(tuple(given.shape), given.dtype)
        spikes = buffers.new(tuple(given.shape), given.dtype)
        used, refractory, dt = spike.kernel or spike.refractory, spike.refractory, spike.dt
        words = [*_way_through(given, False), *_way_through(membrane, False)]
        more = [spikes.data_ptr(), refractory.taps(dt), int(spike.kernel is not None)]
        numbers = [refractory.decay(dt), refractory.gain(dt), spike.threshold]
        code = self._runtime.kernels.fixed("respond", given.dtype)
        self._call(code, given, words, used, used.taps(dt), dt, numbers, more)
        return spikes, membrane

    def adjoint(self, spike: Spike, gradient: Tensor, membrane: Tensor) -> Tensor:
        """From the derivative with respect to spikes, the one with respect to what was given."""
        gradient = gradient if gradient.stride(1) == 1 else gradient.contiguous()
        out = self._runtime.buffers.new(tuple(gradient.shape), gradient.dtype)
        if gradient.stride(0) != membrane.stride(0):
            gradient = gradient.contiguous()
        used = spike.kernel or spike.refractory
        taps = used.taps(spike.dt) if spike.kernel else 0
        words = [*_way_through(gradient, True), *_way_through(out, True)]
        more = [_way_through(membrane, True)[0], 0, int(spike.kernel is not None)]
        numbers = [0.0, 0.0, spike.threshold, spike.dt, *spike.surrogate.values().values()]
        code = self._runtime.kernels.respond_back(spike.surrogate, gradient.dtype)
        self._call(code, gradient, words, used, taps, spike.dt, numbers, more, taps + 1)
        return out

    def _call(
        self,
        code: MachineCode,
        given: Tensor,
        words: list[int],
        kernel: AlphaKernel,
        taps: int,
        dt: float,
        numbers: list[float],
        more: list[int],
        ring: int = 0,
    ) -> None:
        steps, width = given.shape
        threads = self._runtime.threads
        ranges = min(threads.ranges(steps * width), max(width // BLOCK, 1))
        constants = np.array([kernel.decay(dt), kernel.gain(dt), *numbers])
        states = given.new_empty(ranges, (STATES_OF_A_CELL + ring) * BLOCK)
        tail = [constants.ctypes.data, taps, states.data_ptr(), *more]
        table = np.array([steps, *words, *tail], np.int64)
        blocks = -(-width // BLOCK)
        bounds = [min(blocks * k // ranges * BLOCK, width) for k in range(ranges + 1)]
        threads.run(partial(_call, code, table.ctypes.data, bounds), ranges)


def _call(code: object, table: int, bounds: list[int], number: int) -> None:
    code(table, bounds[number], bounds[number + 1], number)  # type: ignore[operator]


def _way_through(array: Tensor, backward: bool) -> tuple[int, int]:
    """Where the first step lies, and how far it is to the next."""
    stride = array.stride(0) * array.element_size()
    if not backward:
        return array.data_ptr(), stride
    return array.data_ptr() + (array.shape[0] - 1) * stride, -stride


class TensorRecursions:
    """In tensors, on any device."""

    def filtered(self, given: Tensor, kernel: AlphaKernel, dt: float, backward: bool) -> Tensor:
        """See `CompiledRecursions.filtered`."""
        course, out = (given.flip(0) if backward else given), torch.empty_like(given)
        recursion = _Recursion(course, kernel, dt)
        for n in range(len(course)):
            out[n] = recursion.value(n)
            recursion.take(n)
        return out.flip(0) if backward else out

    def responded(self, spike: Spike, given: Tensor) -> tuple[Tensor, Tensor]:
        """See `CompiledRecursions.responded`."""
        kernel, dt = spike.kernel, spike.dt
        membrane = given.clone() if kernel is None else self.filtered(given, kernel, dt, False)
        spikes = torch.zeros_like(given)
        recursion = _Recursion(spikes, spike.refractory, dt)
        for n in range(len(given)):
            membrane[n] += recursion.value(n)
            spikes[n] = (membrane[n] >= spike.threshold).to(given.dtype)
            recursion.take(n)
        return spikes, membrane

    def adjoint(self, spike: Spike, gradient: Tensor, membrane: Tensor) -> Tensor:
        """See `CompiledRecursions.adjoint`."""
        surrogate = spike.surrogate
        rho = surrogate.derivative(membrane - spike.threshold, **surrogate.values())
        of_membrane = gradient * rho * spike.dt
        if spike.kernel is None:
            return of_membrane
        return self.filtered(of_membrane, spike.kernel, spike.dt, True)


class _Recursion:
    """The sum over a kernel, step by step: first its value, then what arrives in the step."""

    def __init__(self, course: Tensor, kernel: AlphaKernel, dt: float) -> None:
        self._course, self._taps = course, kernel.taps(dt)
        self._decay, self._gain = kernel.decay(dt), kernel.gain(dt)
        self._fading = self._decay**self._taps
        self._rest = self._raised = torch.zeros_like(course[0])

    def value(self, n: int) -> Tensor:
        self._raised = self._decay * (self._raised + self._rest)
        if 0 < self._taps <= n:
            self._raised = self._raised - self._fading * self._taps * self._course[n - self._taps]
        return self._gain * self._raised

    def take(self, n: int) -> None:
        self._rest = self._decay * self._rest + self._course[n]
        if 0 < self._taps <= n:
            self._rest = self._rest - self._fading * self._course[n - self._taps]
