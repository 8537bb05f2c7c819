"""Training one layer: the gradient of its weights through 500 time steps, on the CPU.

N inputs and N leaky integrate-and-fire neurons, connected all to all by one matrix of weights
without a bias; 16 samples side by side, float32, two threads.  In every step an input spikes with
a probability of 0.05.  The loss is the number of output spikes, and only the weights have a
gradient.  Forward is from the input to the loss, all states set back to zero first; backward is
from the loss to the gradient of the weights.

All draw the same weights, from a normal distribution whose numbers make some 5 % of the neurons
spike in a step; the measured share is reported, since a layer that is silent, or fires always,
may cost less.  All have the same neurons, u <- u exp(-1/10) + input with a spike at u >= 1, after
which u is 0, and but for Norse the same surrogate, 1 / (1 + (pi x)**2).  No gradient passes the
reset, but in Norse, whose own reset is used.  Thus snnTorch, SpikingJelly and sinabs compute the
same gradient.  The neurons of ship differ in that they ignore the input of the step that follows
a spike, and so fire a little less.

================  =================================================================================
``ship``          `Network` of executor "fused": `Input`, `Wire`, `LIF`
``ship_torch``    the same of executor "torch", which goes step by step; fewer runs
``snntorch``      the linear layer for all steps at once, then `Leaky` step by step;
                  `LeakyParallel` has no reset, so it is another model
``spikingjelly``  `layer.Linear` and `neuron.LIFNode` in multi-step mode
``norse``         the linear layer at once, then `LIFBoxCell` step by step, which has no synaptic
                  current; weights are larger, as its input is scaled by 1 - exp(-1/10), and the
                  surrogate is its fast sigmoid, 1 / (1 + |x|)**2
``sinabs``        the linear layer at once, then `sinabs.layers.LIF` for all steps; it has neither
                  arctan nor fast sigmoid, but takes any function, here arctan's derivative;
                  its own loop indexes each step, and the gradient of each index is a tensor as
                  large as all steps together, which is what takes so long
``sinabs_steps``  the same layer called with one step at a time, which avoids that
================  =================================================================================

Every process computes once without being timed, and then several times, each with new input that
is drawn, and brought to the order of dimensions that a library wants, before the clock starts;
medians are reported.  Where currents are computed for all steps at once, they are taken apart by
`unbind`, whose gradient is cheaper than that of an index for each step.

The process of ship also compares its gradient with that of ship_torch, in float64, for a layer of
48 neurons and 100 steps.

`make training-peers` installs the libraries in an environment of their own.
"""

from __future__ import annotations

import math
import time
from statistics import median
from typing import TYPE_CHECKING, Any, Protocol

from ..measures import Measure

if TYPE_CHECKING:
    from torch import Tensor

TITLE = "Training a layer: N to N neurons, 500 steps, batch of 16, float32, {threads} threads"
OPTIONS = {"runs": 5, "threads": 2}
SIZES = {"512 neurons": 512, "2,048 neurons": 2048}
VARIANTS = tuple(SIZES)
BY_SIMULATOR = True
MEASURES = (
    Measure("forward_time", "forward (ms)", 1e3, compared=False),
    Measure("backward_time", "backward (ms)", 1e3, compared=False),
    Measure("total_time", "total (ms)", 1e3),
    Measure("firing", "spikes in a step (%)", 1e2, compared=False),
    Measure("difference", "relative error of gradient, float64 (1e-16)", 1e16, compared=False),
)
STEPS, BATCH = 500, 16
INPUT = 0.05  # spikes of an input in a step
TAU = 10.0  # steps
BETA = math.exp(-1.0 / TAU)
DRIFT, SPREAD = 0.06, 0.3  # of the sum of what arrives in a step: mean, standard deviation
FEWER_RUNS = 2  # of what takes long
SEED = 21


class Layer(Protocol):
    """Weights and neurons in one library."""

    weights: Tensor
    """The tensor that gets a gradient."""

    def arranged(self, spikes: Tensor) -> Tensor:
        """Return the input [time, batch, component] as the library wants it."""

    def forward(self, given: Tensor) -> Tensor:
        """Return the output spikes of all steps, starting from zero."""


def run(sim: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Compute spikes and gradients several times and return the measurements."""
    name = options["simulator"]
    if name not in SIMULATIONS:
        return {"skipped": f"this network is known to {', '.join(SIMULATIONS)} only"}
    if options["runs"] < 1:
        raise ValueError(f"--runs {options['runs']}; at least 1 is needed")
    import torch

    torch.set_num_threads(options["threads"])
    size = SIZES[options.get("variant", VARIANTS[0])]
    layer: Layer = SIMULATIONS[name](_weights(size))
    runs = min(options["runs"], FEWER_RUNS) if name == "ship_torch" else options["runs"]
    _, *counted = (_timed(layer, _input(size, number)) for number in range(runs + 1))
    gradient = layer.weights.grad
    assert gradient is not None
    result = {
        "forward_time": median(forward for forward, _, _ in counted),
        "backward_time": median(backward for _, backward, _ in counted),
        "total_time": median(forward + backward for forward, backward, _ in counted),
        "firing": median(firing for _, _, firing in counted),
        "gradient_norm": float(gradient.norm()),
    }
    if name == "ship":
        result["difference"] = _gradient_difference()
    return result


def _timed(layer: Layer, spikes: Tensor) -> tuple[float, float, float]:
    """Return the seconds of forward and of backward, and the share of neurons that spike."""
    given = layer.arranged(spikes)
    layer.weights.grad = None
    start = time.perf_counter()
    output = layer.forward(given)
    loss = output.sum()
    middle = time.perf_counter()
    loss.backward()
    end = time.perf_counter()
    return middle - start, end - middle, float(output.detach().mean())


def _input(size: int, number: int, steps: int = STEPS, batch: int = BATCH) -> Tensor:
    """Draw input spikes [time, batch, component], others for each number."""
    import torch

    draw = torch.Generator().manual_seed(SEED + 1 + number)
    return (torch.rand(steps, batch, size, generator=draw) < INPUT).float()


def _weights(size: int) -> Tensor:
    """Draw weights [source, target] that make a layer of any size fire alike."""
    import torch

    draw = torch.Generator().manual_seed(SEED)
    spread = SPREAD / math.sqrt(INPUT * size)
    return DRIFT / (INPUT * size) + spread * torch.randn(size, size, generator=draw)


def _gradient_difference() -> float:
    """Return how far ship's gradient is from ship_torch's, relative to its norm, in float64."""
    weights, spikes = _weights(48), _input(48, 0, steps=100, batch=4)
    gradients = []
    for kind in (Ship, ShipTorch):
        layer = kind(weights.double())
        _timed(layer, spikes.double())
        gradients.append(layer.weights.grad)
    ours, reference = gradients
    assert ours is not None
    assert reference is not None
    return float((ours - reference).norm() / reference.norm())


class Ship:
    """The layer on `ship_engine`."""

    executor = "fused"

    def __init__(self, weights: Tensor) -> None:
        from ship_engine import LIF, Input, Network, Wire

        self.weights = weights.requires_grad_()
        size, dtype = weights.shape[0], weights.dtype
        self.network = Network(executor=self.executor, dtype=dtype, surrogate="arctan")
        self.network.add(Input, "I", N=size)
        self.network.add(LIF, "O", N=size, tau_beta=TAU, u_min=-math.inf, is_output=True)
        self.network.add(Wire, "IO", source="I", target="O", w=self.weights)
        self.network.init(dt=1.0)

    def arranged(self, spikes: Tensor) -> Tensor:
        return spikes.transpose(0, 1).contiguous()  # [batch, time, component]

    def forward(self, given: Tensor) -> Tensor:
        output: Tensor = self.network.run(given)
        return output


class ShipTorch(Ship):
    """The layer on `ship_engine`, computed by torch step by step."""

    executor = "torch"


class _OnTorch:
    """What the layers of the other libraries have in common: a linear layer of torch."""

    def __init__(self, weights: Tensor) -> None:
        import torch

        self.linear = self._linear(weights.shape[0])
        self.weights = torch.nn.Parameter(weights.T.contiguous())  # [target, source]
        self.linear.weight = self.weights

    def _linear(self, size: int) -> Any:
        import torch

        return torch.nn.Linear(size, size, bias=False)

    def arranged(self, spikes: Tensor) -> Tensor:
        return spikes  # [time, batch, component]


class SnnTorch(_OnTorch):
    """The layer on snnTorch."""

    def __init__(self, weights: Tensor) -> None:
        import snntorch
        from snntorch.surrogate import atan

        super().__init__(weights)
        self.neurons = snntorch.Leaky(beta=BETA, spike_grad=atan(alpha=2.0), reset_mechanism="zero")

    def forward(self, given: Tensor) -> Tensor:
        import torch

        potential = self.neurons.reset_mem()
        output = []
        for current in self.linear(given).unbind():
            spikes, potential = self.neurons(current, potential)
            output.append(spikes)
        return torch.stack(output)


class SpikingJelly(_OnTorch):
    """The layer on SpikingJelly."""

    def __init__(self, weights: Tensor) -> None:
        import torch
        from spikingjelly.activation_based import functional, neuron, surrogate

        super().__init__(weights)
        neurons = neuron.LIFNode(
            tau=1.0 / (1.0 - BETA),
            decay_input=False,
            surrogate_function=surrogate.ATan(alpha=2.0),
            detach_reset=True,
        )
        self.net = torch.nn.Sequential(self.linear, neurons)
        functional.set_step_mode(self.net, "m")
        self._reset = functional.reset_net

    def _linear(self, size: int) -> Any:
        from spikingjelly.activation_based import layer

        return layer.Linear(size, size, bias=False)

    def forward(self, given: Tensor) -> Tensor:
        self._reset(self.net)
        output: Tensor = self.net(given)
        return output


class Norse(_OnTorch):
    """The layer on Norse."""

    def __init__(self, weights: Tensor) -> None:
        import torch
        from norse.torch import LIFBoxCell, LIFBoxParameters

        super().__init__(weights / (1.0 - BETA))
        leak = torch.tensor(1.0 - BETA)
        self.neurons = LIFBoxCell(LIFBoxParameters(tau_mem_inv=leak, method="super"), dt=1.0)

    def forward(self, given: Tensor) -> Tensor:
        import torch
        from norse.torch import LIFBoxFeedForwardState

        state = LIFBoxFeedForwardState(v=torch.zeros(given.shape[1:]))
        output = []
        for current in self.linear(given).unbind():
            spikes, state = self.neurons(current, state)
            output.append(spikes)
        return torch.stack(output)


class Sinabs(_OnTorch):
    """The layer on sinabs."""

    def __init__(self, weights: Tensor) -> None:
        from sinabs.activation import MembraneReset, SingleSpike
        from sinabs.layers import LIF

        super().__init__(weights)
        self.neurons = LIF(
            tau_mem=TAU,
            spike_fn=SingleSpike,
            reset_fn=MembraneReset(),
            surrogate_grad_fn=_arctan,
            norm_input=False,
        ).requires_grad_(False)

    def arranged(self, spikes: Tensor) -> Tensor:
        return spikes.transpose(0, 1).contiguous()  # [batch, time, component]

    def forward(self, given: Tensor) -> Tensor:
        self.neurons.reset_states()
        output: Tensor = self.neurons(self.linear(given))
        return output


class SinabsSteps(Sinabs):
    """The layer on sinabs, given one step at a time."""

    def arranged(self, spikes: Tensor) -> Tensor:
        return spikes  # [time, batch, component]

    def forward(self, given: Tensor) -> Tensor:
        import torch

        self.neurons.reset_states()
        currents = self.linear(given).unbind()
        return torch.cat([self.neurons(current.unsqueeze(1)) for current in currents], 1)


def _arctan(potential: Tensor, threshold: Tensor) -> Tensor:
    """Return the derivative of a spike, as sinabs wants it."""
    scaled = math.pi * (potential - threshold)
    return 1.0 / (1.0 + scaled * scaled)


SIMULATIONS: dict[str, Any] = {
    "ship": Ship,
    "ship_torch": ShipTorch,
    "snntorch": SnnTorch,
    "spikingjelly": SpikingJelly,
    "norse": Norse,
    "sinabs": Sinabs,
    "sinabs_steps": SinabsSteps,
}
