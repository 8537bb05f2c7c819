"""SpikeProp: networks of neurons that spike once, trained by the times of their spikes.

Bohte, Kok & La Poutré (2002), Error-backpropagation in temporally encoded networks of spiking
neurons, Neurocomputing 48, 17.  An input reaches a neuron through several synapses of different
delays; the response to each is ``w t / tau exp(1 - t / tau)``, and the neuron spikes when their sum
first reaches the threshold.  Layers are stacked by `torch.nn.Sequential`::

    network = torch.nn.Sequential(SpikePropLayer(3, 5), SpikePropLayer(5, 1))
    loss = FirstSpikeLoss()(network(times), targets)

What is not the paper's: times are exact rather than on a grid, so that their derivatives are, too;
weights have any sign; the slope in the derivative is bounded; silent neurons come back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ship_engine.errors import InvalidValueError
from ship_engine.learning.spikeprop_times import FirstSpikes, Neuron
from ship_engine.training.transforms import Clipped, Transform, Unbounded

SILENT = "raise_weights", "ignore"
INITIAL_DRIVE = 3.0
"""What initial weights of the inputs that spike add up to on average, in thresholds."""


class SpikePropLayer(torch.nn.Module):
    """Neurons that spike once, when the responses to delayed spikes add up to the threshold.

    Initial weights are uniform, from 0 to twice a mean with which those of active inputs add up to
    three thresholds; `weight` may be set to others, of any sign.

    Parameters
    ----------
    inputs, outputs : int
        How many there are.
    delays : sequence or Tensor [delay] or [input, delay]
        Of the synapses of each connection in ms; 1 to 16 in the paper.
    tau : float
        Time constant of the response in ms, which is when it peaks; 7 in the paper.
    threshold : float
        Above 0; weights are measured in the same unit.
    silent : {'raise_weights', 'ignore'}
        What becomes of a neuron that does not spike.  With 'ignore' (the paper) it has no gradient,
        and stays dead.  With 'raise_weights' it has one if it should spike: weights are raised as
        they matter at its highest potential, and silent inputs are asked to spike where that would
        help, so that a whole silent network comes back.  The gradient is the same either way where
        every neuron spikes.
    least_slope : float
        Potentials count as rising at least by so many thresholds per tau where times are
        differentiated.  Where they rise faster, gradients are exact; without a bound, they would be
        infinite where a potential only touches the threshold.  1 trains well; a small one makes all
        gradients exact.
    active : float
        Share of the inputs that spike, for the initial weights.
    positive : bool
        Whether weights are kept at 0 or above.
    train_delays : bool
        Whether delays are trained as well, and kept at 0 or above.
    dtype : torch.dtype
        Of weights and times; times are computed in float64 anyway.

    Attributes
    ----------
    weight : Parameter [input, delay, output]
        Before it is kept positive, see `weights`.
    delays : Tensor [input or 1, delay]
        A parameter if delays are trained.

    Raises
    ------
    InvalidValueError
        If an argument cannot be used.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        delays: Sequence[float] | Tensor = tuple(range(1, 17)),
        tau: float = 7.0,
        threshold: float = 1.0,
        silent: str = "raise_weights",
        least_slope: float = 1.0,
        active: float = 1.0,
        positive: bool = False,
        train_delays: bool = False,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        for name, size in (("inputs", inputs), ("outputs", outputs)):
            if type(size) is not int or size < 1:
                raise InvalidValueError(f"{name} = {size!r}; give a whole number >= 1.")
        for name, value, unit in (
            ("tau", tau, " ms"),
            ("threshold", threshold, ""),
            ("least_slope", least_slope, ""),
            ("active", active, ""),
        ):
            if not 0.0 < value < math.inf:
                raise InvalidValueError(f"{name} = {value!r}{unit}; give a finite number > 0.")
        if silent not in SILENT:
            raise InvalidValueError(
                f"silent = {silent!r}; give one of {', '.join(map(repr, SILENT))}."
            )
        self.inputs, self.outputs = inputs, outputs
        slope = least_slope * threshold / tau
        self.neuron = Neuron(tau, threshold, slope, silent == "raise_weights")
        self._bound: Transform = Clipped(lower=0.0) if positive else Unbounded()
        self.delays: Tensor
        checked = _delays(delays, inputs, dtype)
        if train_delays:
            self.delays = torch.nn.Parameter(checked)
        else:
            self.register_buffer("delays", checked)
        shape = inputs, checked.shape[1], outputs
        most = 2.0 * INITIAL_DRIVE * threshold / (active * inputs * checked.shape[1])
        self.weight = torch.nn.Parameter(most * torch.rand(shape, dtype=dtype))

    def weights(self) -> Tensor:
        """The weights that are used, [input, delay, output]."""
        return self._bound.forward(self.weight)

    def forward(self, times: Tensor) -> Tensor:
        """The times of first spikes.

        Parameters
        ----------
        times : Tensor [batch, input]
            When each input spikes, in ms from 0; infinite if it does not.

        Returns
        -------
        Tensor [batch, output]
            In ms; infinite for neurons that do not spike.

        Raises
        ------
        InvalidValueError
            If times have another shape or type, or are negative or NaN.
        """
        fits = times.ndim == 2 and len(times) > 0 and times.shape[1] == self.inputs
        if not fits or not times.is_floating_point():
            raise InvalidValueError(
                f"SpikePropLayer({self.inputs}, {self.outputs}) got {times.dtype} of shape "
                f"{tuple(times.shape)}; give floating-point times [batch, {self.inputs}] in ms."
            )
        if not bool((times >= 0.0).all()):
            raise InvalidValueError(
                f"Spike times (ms) are 0 or later, but the least is {float(times.min())}; that of "
                "a neuron that does not spike is infinite (torch.inf)."
            )
        sent, delays = times[..., None], Clipped(lower=0.0).forward(self.delays)
        # Those of silent inputs have no part in the delays' gradient.
        arrivals = torch.where(sent == math.inf, sent, sent + delays).flatten(1)
        found: Tensor = FirstSpikes.apply(arrivals, self.weights().flatten(0, 1), self.neuron)
        return found

    def extra_repr(self) -> str:
        """What tells one layer from another."""
        neuron = self.neuron
        return (
            f"{self.inputs}, {self.outputs}, {self.delays.shape[1]} delays, tau={neuron.tau:g}, "
            f"threshold={neuron.threshold:g}"
        )


def _delays(given: Any, inputs: int, dtype: torch.dtype) -> Tensor:
    """Delays [input or 1, delay], checked."""
    delays = torch.as_tensor(given, dtype=dtype).clone()
    if delays.ndim == 1:
        delays = delays[None]
    if delays.ndim != 2 or len(delays) not in (1, inputs) or not delays.shape[1]:
        raise InvalidValueError(
            f"delays have the shape {tuple(torch.as_tensor(given).shape)}; give at least one for "
            f"all connections, [delay], or for each input, [{inputs}, delay]."
        )
    if not bool(((delays >= 0.0) & (delays < math.inf)).all()):
        raise InvalidValueError(f"delays = {given!r} ms; give finite numbers >= 0.")
    return delays


class FirstSpikeLoss(torch.nn.Module):
    """Half the squared errors of spike times, summed over outputs; a mean over samples.

    It takes the times of `SpikePropLayer`, or those of any network that knows them
    (``activity.times[group][..., 0]``).

    Parameters
    ----------
    silence : float, optional
        Error in ms of an output that is silent but should spike, and of one that spikes but should
        be silent; it is asked to spike earlier, or later.  With None (the paper) both count as if
        they were right.

    Raises
    ------
    InvalidValueError
        If `silence` is not above 0.
    """

    def __init__(self, silence: float | None = 10.0) -> None:
        super().__init__()
        if silence is not None and not 0.0 < silence < math.inf:
            raise InvalidValueError(f"silence = {silence!r} ms; give a number > 0, or None.")
        self.silence = silence

    def forward(self, times: Tensor, targets: Tensor) -> Tensor:
        """The loss.

        Parameters
        ----------
        times, targets : Tensor [batch, output]
            In ms; infinite where an output does not, or should not, spike.

        Raises
        ------
        InvalidValueError
            If their shapes differ.
        """
        if times.shape != targets.shape or times.ndim != 2:
            raise InvalidValueError(
                f"Targets of shape {tuple(targets.shape)} for spike times of shape "
                f"{tuple(times.shape)}; give a time in ms for each output, [batch, output]."
            )
        errors: Tensor = _Errors.apply(times, targets.to(times.dtype), self.silence or 0.0)
        return errors.square().sum(1).mean() / 2.0

    def of_scores(self, dt: float, steps: int) -> Callable[[Tensor, Tensor], Tensor]:
        """The same loss for the scores of `ship_engine.training.readouts.FirstSpike`.

        Parameters
        ----------
        dt : float
            Time step in ms.
        steps : int
            How many time steps a sample has; an output with as many is silent.

        Returns
        -------
        function of scores and targets
            For `ship_engine.training.trainer.Trainer`; targets are [batch, output] in ms.
        """

        def loss(scores: Tensor, targets: Tensor) -> Tensor:
            times = torch.where(scores <= -steps, math.inf, -dt * scores)
            return self(times, targets)

        return loss


class _Errors(torch.autograd.Function):
    """Errors of spike times, whose gradient reaches the times of silent outputs, too."""

    @staticmethod
    def forward(_ctx: Any, times: Tensor, targets: Tensor, silence: float) -> Tensor:
        dead, unwanted = times == math.inf, targets == math.inf
        errors = torch.where(dead, silence, torch.where(unwanted, -silence, times - targets))
        return torch.where(dead & unwanted, 0.0, errors)

    @staticmethod
    @once_differentiable
    def backward(_ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0], None, None


def first_to_spike(times: Tensor) -> Tensor:
    """Which output spikes first, [batch]; -1 where none does, or several do at once.

    Parameters
    ----------
    times : Tensor [batch, output]
        In ms; infinite where an output does not spike.
    """
    earliest, index = times.min(1)
    ties = (times == earliest[:, None]).sum(1) > 1
    return torch.where(ties | (earliest == math.inf), -1, index)
