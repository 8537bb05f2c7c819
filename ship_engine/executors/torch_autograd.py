"""The torch executor: the models' own functions on tensors.

`run` does what every executor does, on any device that torch knows.  `simulate` computes the same
as a function of its inputs, in batches, through which gradients flow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import torch

from ship_engine.delivery.torch_autograd import DELIVERIES
from ship_engine.errors import InvalidValueError, UnsupportedByExecutorError
from ship_engine.executors.base import Executor
from ship_engine.executors.torch_inputs import Inputs, Replacements
from ship_engine.executors.torch_run import NEGLIGIBLE, Run
from ship_engine.executors.torch_simulation import Recording, Simulation
from ship_engine.executors.torch_synapses import synapse_tensors
from ship_engine.groups import NeuronGroup
from ship_engine.training.surrogates import SuperSpike, Surrogate

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork


class TorchExecutor(Executor):
    """Runs networks as tensor operations.

    Parameters
    ----------
    device : str or torch.device
        Where tensors live.
    dtype : torch.dtype
        float64, or float32.
    batch_size : int
        Of a simulation whose inputs do not tell; `run` needs 1.
    delivery : {'sparse', 'dense'}
        How spikes are delivered; see `ship_engine.delivery.torch_autograd`.
    surrogate : Surrogate, optional
        Derivative of a spike in `simulate`; by default `SuperSpike()`.

    Raises
    ------
    InvalidValueError
        If one of these has a value that cannot be used on this machine.
    """

    name = "torch"

    def __init__(
        self,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float64,
        batch_size: int = 1,
        delivery: str = "sparse",
        surrogate: Surrogate | None = None,
    ) -> None:
        if dtype not in NEGLIGIBLE:
            raise InvalidValueError(f"dtype = {dtype}; give torch.float64 or torch.float32.")
        if batch_size < 1:
            raise InvalidValueError(f"batch_size = {batch_size}; give at least 1.")
        if delivery not in DELIVERIES:
            raise InvalidValueError(f"delivery = {delivery!r}; give 'sparse' or 'dense'.")
        try:
            self._like = torch.zeros(0, dtype=dtype, device=device)
        except (RuntimeError, AssertionError) as error:
            raise InvalidValueError(
                f"device = {str(device)!r} cannot be used here ({error}); 'cpu' always can."
            ) from error
        self.device, self.dtype = self._like.device, dtype
        self.batch_size, self.delivery = batch_size, delivery
        self.surrogate = surrogate or SuperSpike()

    def run(
        self, network: EventNetwork, steps: int, progress: Callable[[int], None] | None = None
    ) -> None:
        if self.batch_size != 1:
            raise UnsupportedByExecutorError(
                f"A network keeps one state, so it cannot run with batch_size = "
                f"{self.batch_size}; use TorchExecutor.simulate, or batch_size = 1."
            )
        with torch.no_grad():
            Run(network, self._like, self.delivery).until(network.step + steps, progress)

    def catch_up(self, network: EventNetwork) -> None:
        with torch.no_grad():
            for synapses in synapse_tensors(network, self._like, {}).values():
                synapses.catch_up(network.step)
                synapses.store()

    def simulate(
        self,
        network: EventNetwork,
        steps: int,
        inputs: Inputs | None = None,
        parameters: Replacements | None = None,
        record: Iterable[tuple[NeuronGroup, str]] = (),
    ) -> Recording:
        """Compute a network's first time steps as a function of its inputs and parameters.

        The network itself stays as it is; the simulation begins at time zero with the initial
        states.  Gradients flow to whatever requires them: through spikes by the surrogate, and
        not through the reset, as is usual (Zenke & Vogels 2021, Neural Comput. 33:899).

        Parameters
        ----------
        network : EventNetwork
            With ``spike_precision="on_grid"``.
        steps : int
            How many time steps.
        inputs : mapping of Group to Tensor [batch or 1, steps, components]
            The spikes that a source emits in each step, in place of its own; or the current (nA)
            that is injected into neurons, besides the network's.
        parameters : mapping
            Values in place of the network's: the weights of a `Projection`, one for all or
            [synapses] in the order of its `synapses`; the delays (ms, not rounded to steps) of a
            ``(projection, "delay")``, likewise; the parameter, or the initial state, of a
            ``(group, name)``, of a shape that broadcasts to [batch, components].
        record : iterable of (group, state)
            States to record.

        Returns
        -------
        Recording
            The spikes of all groups, and the states.

        Raises
        ------
        UnsupportedByExecutorError
            If the network's spikes do not lie on the grid, or synapses have a model.
        UnknownNameError
            If the network lacks a group, projection, parameter or state.
        InvalidValueError
            If a tensor has another shape, or the number of steps is negative.
        NonFiniteStateError
            If a state is NaN or infinite in the end.
        """
        simulation = Simulation(
            network,
            steps,
            inputs or {},
            parameters or {},
            self._like,
            self.batch_size,
            DELIVERIES[self.delivery],
            self.surrogate,
        )
        return simulation.run(record)
