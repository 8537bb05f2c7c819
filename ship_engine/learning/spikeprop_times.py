"""When potentials of spike response neurons first reach the threshold, and derivatives of that.

With the kernel ``e(t) = t / tau exp(1 - t / tau)``, the potential after the arrivals a_1 ... a_m of
spikes and before the next one is

    v(t) = sum_i w_i e(t - a_i) = exp(1 - t / tau) (A t - B) / tau,
    A = sum_i w_i exp(a_i / tau),      B = sum_i w_i a_i exp(a_i / tau),

so that two cumulative sums over sorted arrivals describe all intervals at once.  With
``u = B / A``, v rises to its only maximum A exp(-u / tau) at u + tau if A > 0, and never upwards
through a positive threshold otherwise.  With ``x = (t - u) / tau`` it meets the threshold th where

    x exp(-x) = th / A exp(u / tau - 1),      x <= 1,

which is the principal branch of Lambert's W, and rises there with the slope th (1 / x - 1) / tau.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ship_engine.errors import InvalidValueError

LONGEST = 600.0
"""Most time constants between first and last arrival; exp(709) is the largest number there is."""
HALLEY_STEPS = 4
"""Each triples the digits of x, the start having more than one."""


class Neuron(NamedTuple):
    """What all neurons of a layer share."""

    tau: float
    """Time constant of the kernel in ms"""
    threshold: float
    least_slope: float
    """Potentials count as rising at least so fast (1 / ms) where times are differentiated"""
    raise_weights: bool
    """Whether silent neurons have a gradient, see `FirstSpikes`"""


class Intervals(NamedTuple):
    """Potentials after each arrival, in order of time; times are since the first arrival."""

    arrivals: Tensor
    """[batch, arrival] in ms, infinite behind the last"""
    amplitude: Tensor
    """A, [output, batch, arrival]; in this order most operations run through memory as it lies"""
    onset: Tensor
    """u in ms, [output, batch, arrival]"""
    potential: Tensor
    """v at the arrival, [output, batch, arrival]"""

    def following(self) -> Tensor:
        """When each interval ends, [batch, arrival]."""
        return torch.nn.functional.pad(self.arrivals[:, 1:], (0, 1), value=math.inf)

    def peaks(self, tau: float) -> tuple[Tensor, Tensor]:
        """Whether v has its maximum within an interval, and how high that is."""
        within = (self.onset > self.arrivals - tau) & (self.onset < self.following() - tau)
        within &= self.amplitude > 0.0
        return within, self.amplitude * torch.exp(self.onset * (-1.0 / tau))


def intervals_of(arrivals: Tensor, weights: Tensor, tau: float) -> Intervals:
    """The potentials after each arrival.

    Parameters
    ----------
    arrivals : Tensor [batch, arrival]
        In ms since the first, ascending, infinite behind the last.
    weights : Tensor [output, batch, arrival]
        What each adds at its peak.
    tau : float
        Time constant in ms.
    """
    there = arrivals < math.inf
    time = arrivals.where(there, 0.0)
    growth = torch.where(there, torch.exp(arrivals / tau), 0.0)
    amplitude = (weights * growth).cumsum(2)
    moment = (weights * (growth * time)).cumsum(2)
    decay = torch.where(there, torch.exp(1.0 - arrivals / tau), 0.0) / tau
    potential = torch.addcmul(-moment, amplitude, time).mul_(decay)
    return Intervals(arrivals, amplitude, moment.div_(amplitude), potential)


def first_crossings(found: Intervals, neuron: Neuron) -> tuple[Tensor, Tensor]:
    """When potentials first reach the threshold, and how fast they rise then.

    Returns
    -------
    times : Tensor [output, batch]
        In ms since the first arrival, infinite if never.
    slopes : Tensor [output, batch]
        Per ms, no less than the least slope, which silent neurons have.
    """
    crossed, peak = found.peaks(neuron.tau)
    crossed &= peak >= neuron.threshold
    crossed[..., :-1] |= found.potential[..., 1:] >= neuron.threshold
    fires, where = crossed.max(2)
    amplitude, onset = (part.gather(2, where[..., None])[..., 0] for part in found[1:3])
    x = _rising_root(neuron.threshold / amplitude * torch.exp(onset / neuron.tau - 1.0))
    # By rounding, a potential may seem to reach the threshold between arrivals at the same time,
    # where there is no root; fmin and fmax pass over what is no number.
    first, last = (part.gather(1, where.T).T for part in (found.arrivals, found.following()))
    times = torch.fmax(first, torch.fmin(onset + neuron.tau * x, last))
    times = torch.where(fires, times, math.inf)
    slopes = torch.where(fires, neuron.threshold * (1.0 / x - 1.0) / neuron.tau, 0.0)
    return times, torch.fmax(slopes, slopes.new_tensor(neuron.least_slope))


def _rising_root(q: Tensor) -> Tensor:
    """The x <= 1 with x exp(-x) = q, by Halley's method on x - q exp(x).

    It starts with the series at the branch point x = 1, which is never further off than 0.14.
    """
    q = q.clamp(max=math.exp(-1.0))
    p = torch.sqrt((2.0 - 2.0 * math.e * q).clamp(min=0.0))
    x = 1.0 - p * (1.0 - p * (1.0 / 3.0 - p * (11.0 / 72.0 - p * (43.0 / 540.0))))
    for _ in range(HALLEY_STEPS):
        grown = q * torch.exp(x)
        distance, slope = x - grown, (1.0 - grown).clamp(min=1e-12)
        x = x - 2.0 * distance * slope / (2.0 * slope * slope + distance * grown)
    return x.clamp(max=1.0)


def best_times(found: Intervals, silent: tuple[Tensor, ...], tau: float) -> Tensor:
    """When potentials are highest; where they never are positive, tau after the last arrival.

    Parameters
    ----------
    found : Intervals
        With M arrivals.
    silent : Tensors [number] of output and [number] of batch
        Of which neurons to tell.
    tau : float
        Time constant in ms.

    Returns
    -------
    Tensor [number]
        In ms since the first arrival.
    """
    within, peak = (part[silent] for part in found.peaks(tau))
    at_arrival, onset, arrivals = found.potential[silent], found.onset[silent], found.arrivals
    arrivals = arrivals[silent[1]]
    finite = arrivals.where(arrivals < math.inf, 0.0)
    heights = torch.cat([at_arrival, torch.where(within, peak, -math.inf)], 1)
    times = torch.cat([finite, onset + tau], 1)
    height, where = heights.max(1)
    best = times.gather(1, where[:, None])[:, 0]
    return torch.where(height > 0.0, best, finite.max(1).values + tau)


class FirstSpikes(torch.autograd.Function):
    """First spikes of neurons, and their exact derivatives by the implicit function theorem.

    Where a neuron spikes at t, v(t) = threshold, hence

        dt/dw_i = -e(t - a_i) / v'(t),      dt/da_i = w_i e'(t - a_i) / v'(t),

    with v' no less than `Neuron.least_slope`: where v merely touches the threshold, the exact
    derivative is infinite.

    A silent neuron whose gradient asks for an earlier spike counts, with `Neuron.raise_weights`,
    as one that spikes when v is highest, with the least slope: as it would if the threshold were
    that low, so that the gradient is continuous where a spike vanishes.  Likewise a silent input
    is asked to spike, as if it did w / (tau v') for its target, wherever that would help.
    """

    @staticmethod
    def forward(ctx: Any, arrivals: Tensor, weights: Tensor, neuron: Neuron) -> Tensor:
        """The times of first spikes.

        Parameters
        ----------
        ctx : context
            Of torch.
        arrivals : Tensor [batch, connection]
            In ms, infinite for those of silent inputs.
        weights : Tensor [connection, output]
            Of the connections.
        neuron : Neuron
            What neurons share.

        Returns
        -------
        Tensor [batch, output]
            In ms, infinite for silent neurons.
        """
        ordered, order = arrivals.double().sort(1)
        longest = max(int((ordered < math.inf).sum(1).max()), 1)
        ordered, order = ordered[:, :longest], order[:, :longest]
        start = ordered[:, :1].where(ordered[:, :1] < math.inf, 0.0)
        since = ordered - start
        _check_span(since, neuron.tau)
        gathered = weights.double().T[:, order]
        found = intervals_of(since, gathered, neuron.tau)
        times, slopes = first_crossings(found, neuron)
        pulled = times.clone()
        silent = torch.nonzero(times == math.inf, as_tuple=True)
        if len(silent[0]):
            pulled[silent] = best_times(found, silent, neuron.tau) if neuron.raise_weights else 0.0
        ctx.save_for_backward(arrivals, weights, since, order, gathered, pulled, slopes, times)
        ctx.neuron = neuron
        return (times.T + start).to(weights.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """The gradients of arrivals and of weights."""
        arrivals, weights, since, order, gathered, pulled, slopes, times = ctx.saved_tensors
        neuron: Neuron = ctx.neuron
        asks = gradients[0].double().T
        raised = asks.clamp(min=0.0) if neuron.raise_weights else torch.zeros_like(asks)
        pull = torch.where(times == math.inf, raised, asks) / slopes
        z = (pulled[..., None] - since).clamp_(min=0.0).mul_(1.0 / neuron.tau)
        falling = torch.exp(1.0 - z).mul_(pull[..., None])
        of_weights = of_arrivals = None
        if ctx.needs_input_grad[1]:
            place = order.flatten().expand(len(pull), -1)
            of_weights = falling.new_zeros(weights.T.shape)
            of_weights.scatter_add_(1, place, (z * falling).flatten(1).neg_())
            of_weights = of_weights.T.to(weights.dtype)
        if ctx.needs_input_grad[0]:
            rising = torch.where(z > 0.0, (1.0 - z).mul_(falling), 0.0).mul_(gathered).sum(0)
            of_arrivals = falling.new_zeros(arrivals.shape)
            of_arrivals.scatter_(1, order, rising / neuron.tau)
            if neuron.raise_weights:
                wanted = (weights.double() @ pull).T / neuron.tau
                of_arrivals = torch.where(arrivals == math.inf, wanted, of_arrivals)
            of_arrivals = of_arrivals.to(arrivals.dtype)
        return of_arrivals, of_weights, None


def _check_span(since: Tensor, tau: float) -> None:
    """Refuse arrivals so far apart that no number is large enough for the sums."""
    latest = float(since.where(since < math.inf, 0.0).max())
    if latest > LONGEST * tau:
        raise InvalidValueError(
            f"Spikes arrive over {latest:g} ms, more than {LONGEST:g} time constants "
            f"of {tau:g} ms, and would not add up; give times on a shorter scale, or a longer tau."
        )
