r"""EventProp: exact spike times of leaky neurons, and exact gradients of them.

Surrogate gradients replace the derivative of a spike.  Here nothing is replaced: the times at which
potentials meet the threshold are differentiable functions of weights and delays, as long as no
spike appears or vanishes, and their gradients follow from the adjoint of the neurons' equations,
with a jump at each spike.

    Wunderlich & Pehle (2021), Event-based backpropagation can compute exact gradients for spiking
    neural networks, Sci. Rep. 11:12829.

That work has no refractory period, no delay, and one kind of current; here are all three.

Forward
-------
Between events each neuron obeys, with the currents ``I_k`` of its two ports,

    cm dv/dt = -cm (v - v_rest) / tau_m + i_offset + I_exc + I_inh,
    dI_k/dt = -I_k / tau_k,

of which there is a closed form.  A spike that was emitted at ``s`` arrives through a synapse of
weight w and delay d at ``a = s + d``, where ``I_k`` jumps by w.  At the first time t at which v
reaches v_thresh the neuron spikes; v is v_reset until ``r = t + tau_refrac``, while currents go on.
`ship_engine.compiled.eventprop_membrane` says how no crossing is missed.

Backward
--------
Let ``l_v(t)`` and ``l_k(t)`` be the derivatives of a loss with respect to v and I_k at the time t.
Between events they obey

    -dl_v/dt = -l_v / tau_m,        -dl_k/dt = -l_k / tau_k + l_v / cm,

where v is held without ``l_v``, which is zero then.  A loss that depends on v at a time adds its
derivative to ``l_v`` there.  Events, backwards:

- Arrival at a.  The gradients of its weight, its time, and hence of its delay and of the spike, are

      dL/dw += l_k(a),        dL/da = w (l_k(a) / tau_k - l_v(a) / cm).

- End of the refractory period at r.  Were it later by e, v would lack ``e dv/dt(r+)`` afterwards:

      dL/dr = -l_v(r+) dv/dt(r+),        l_v(r-) = 0.

- Spike at t.  Its time matters to the loss itself, to the end of the refractory period, and to all
  arrivals; and it would come earlier by ``e / (dv/dt)`` if v were larger by e:

      dL/dt = dL/dt (direct) + dL/dr + sum of dL/da,        l_v(t-) = -dL/dt / (dv/dt(t-)).

  Currents pass through it as they are.  The gradient grows without bound where v merely touches the
  threshold, so that a little less would make the spike vanish.

Neurons are computed one after the other, in windows of time shorter than any delay in a loop of
groups (`ship_engine.compiled.eventprop`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ship_engine.executors.eventprop_course import Tools
from ship_engine.executors.eventprop_simulation import EventRecording, EventSimulation
from ship_engine.executors.torch_autograd import TorchExecutor
from ship_engine.executors.torch_inputs import Inputs, Replacements
from ship_engine.fused.threads import Threads
from ship_engine.groups import NeuronGroup
from ship_engine.lowering.cache import KernelCache

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork

__all__ = ["EventPropExecutor", "EventRecording"]


class EventPropExecutor(TorchExecutor):
    """Computes `simulate` from event to event, with exact gradients; `run` as `TorchExecutor` does.

    Times and potentials are float64, on the CPU.

    Parameters
    ----------
    batch_size : int
        Of a simulation whose inputs do not tell.
    cache : KernelCache, optional
        Where compiled code is kept.

    Examples
    --------
    One neuron, and how much later it spikes if the weight is a little larger:

    >>> import numpy as np, torch
    >>> from ship_engine.event_network import EventNetwork
    >>> from ship_engine.groups import NeuronGroup, SpikeArrayGroup
    >>> from ship_engine.models.lif import LIFCurrentExponential
    >>> network = EventNetwork()
    >>> source = network.add(SpikeArrayGroup(1))
    >>> source.set_spike_times([np.array([1.0])])
    >>> cell = network.add(NeuronGroup(LIFCurrentExponential, 1))
    >>> pair = np.zeros(1, np.int32), np.zeros(1, np.int32)
    >>> synapse = network.connect(source, cell, "excitatory", pair, delay=10)
    >>> weight = torch.tensor([5.0], dtype=torch.float64, requires_grad=True)
    >>> recording = EventPropExecutor().simulate(network, 200, parameters={synapse: weight})
    >>> time = recording.times[cell][0, 0, 0]
    >>> time.backward()
    >>> print(f"{time:.6f} ms, {weight.grad[0]:.6f} ms/nA")
    8.500242 ms, -4.897215 ms/nA
    """

    name = "eventprop"

    def __init__(self, batch_size: int = 1, cache: KernelCache | None = None) -> None:
        super().__init__(batch_size=batch_size)
        self._tools = Tools(cache or KernelCache(), Threads())

    def simulate(
        self,
        network: EventNetwork,
        steps: int,
        inputs: Inputs | None = None,
        parameters: Replacements | None = None,
        record: Iterable[tuple[NeuronGroup, str]] = (),
    ) -> EventRecording:
        """Compute a network's first time steps as a function of weights, delays and spike times.

        Spikes happen at their exact times, whether the network's `spike_precision` is 'off_grid'
        or 'on_grid'; time steps tell only when inputs come and when potentials are recorded.  The
        network itself stays as it is; the simulation begins at time zero with the initial states.

        Parameters
        ----------
        network : EventNetwork
            Of sources and neurons of the model LIFCurrentExponential.
        steps : int
            How many time steps.
        inputs : mapping of Group to Tensor [batch or 1, steps, components]
            How many spikes a source emits in each step, in place of its own: all at its end, at
            ``(step + 1) dt``, whence they arrive after their delay.
        parameters : mapping
            Values in place of the network's, which may require gradients: the weights of a
            `Projection`, one for all or [synapses] in the order of its `synapses`; the delays (ms)
            of a ``(projection, "delay")``, likewise; the spike times (ms) of a source,
            ``(group, "spike_times")``, [batch or 1, components, spikes], infinite where there is no
            spike.
        record : iterable of (group, 'v')
            Groups whose potentials to record.

        Returns
        -------
        EventRecording
            The times of all spikes, their numbers in each step, and potentials.

        Raises
        ------
        UnsupportedByExecutorError
            If something is asked for of which there is no adjoint here: another model, synapses
            with a model, gap junctions, currents that change in time, a loop without delay, neurons
            that start or are reset at or above their threshold, gradients of other parameters or of
            numbers of spikes, or a record of another state; or if there are too many events.
        UnknownNameError
            If the network lacks a group, projection, parameter or state.
        InvalidValueError
            If a tensor has another shape, a value is not allowed, or there are no steps.
        """
        simulation = EventSimulation(
            network, steps, inputs or {}, parameters or {}, self.batch_size, self._tools
        )
        return simulation.run(list(record))
