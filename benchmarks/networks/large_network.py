"""The large network of the SHIP paper: a million leaky synapses, computed group by group.

500 Poisson neurons of 100 Hz and four layers of 500 LIF neurons, each connected all to all with
the next by first-order leaky synapses; 1,000 steps of 1 ms: section 5 of the supplement of Gemo,
Spiga & Brivio (2024), Front. Neurosci. 17:1270090.  Weights are uniform in [0, 1), tau_beta is
10 ms.

As published, the four layers never spike.  In the variants ``firing`` all weights are six times
larger, and all layers do.  tau_alpha is 1 ms for all synapses ("one"), so that their currents can
be summed for each target; or each synapse has its own ("each"), within 20 % of that, so that there
are a million currents to compute in every step.

Every process prepares and runs the network once, and then several times more, whose medians are
reported, and the fastest of them, which tells more where other programs run on the machine.  All
compute in one thread; ``--threads`` gives torch more.

``original_ship`` is the original SHIP.  Brian2 is used without PyNN, with the same equations, on
its own terms: summed currents or, for ``each``, one for every synapse.
"""

from __future__ import annotations

import time
from itertools import pairwise
from statistics import median
from typing import Any, Protocol

from ..measures import MEMORY, Measure

TITLE = "Large network: 4 layers of 500 LIF neurons, 1,000,000 leaky synapses, 1,000 steps of 1 ms"
OPTIONS = {"runs": 5, "threads": 1}
VARIANTS = (
    "one tau_alpha, as published",
    "one tau_alpha, firing",
    "each its tau_alpha, as published",
    "each its tau_alpha, firing",
)
MEASURES = (
    Measure("run_time", "run (s)"),
    Measure("fastest_time", "run, the fastest (s)"),
    Measure("total_time", "prepare + run (s)"),
    Measure("first_time", "prepare + run, the first time (s)"),
    MEMORY,
    Measure("input_spikes", "spikes in a step, of 500 Poisson neurons", compared=False),
    Measure("first_layer", "spikes in a step, of the first layer", compared=False),
    Measure("last_layer", "spikes in a step, of the last layer", compared=False),
)
LAYERS = ("I", "N1", "N2", "N3", "O")
SIZE = 500  # neurons in a layer
STEPS = 1000
RATE = 100.0  # Hz
TAU_BETA, TAU_ALPHA, STEP = 10.0, 1.0, 1.0  # ms
SPREAD = 0.2  # of tau_alpha, to both sides
STRONGER = 6.0
SEED = 8


class Simulation(Protocol):
    """The network on one simulator."""

    def prepare(self) -> None:
        """Do what must be done before a run, and does not belong to it."""

    def run(self) -> None:
        """Run the network for 1,000 steps."""

    def counts(self) -> list[float]:
        """Run the network once more and return how many neurons of each layer spike in a step."""


def run(sim: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Prepare and run the network several times and return the measurements."""
    variant = options.get("variant", VARIANTS[0])
    if options["simulator"] not in SIMULATIONS:
        return {"skipped": f"this network is known to {', '.join(SIMULATIONS)} only"}
    if options["runs"] < 1:
        raise ValueError(f"--runs {options['runs']}; at least 1 is needed")
    own, strength = variant.startswith("each"), STRONGER if "firing" in variant else 1.0
    if options["simulator"] != "brian2":  # which has one anyway
        import torch

        torch.set_num_threads(options["threads"])
    simulation: Simulation = SIMULATIONS[options["simulator"]](own, strength)
    first, *others = (_timed(simulation) for _ in range(options["runs"] + 1))
    counts = simulation.counts()
    return {
        "run_time": median(ran for _, ran in others),
        "fastest_time": min(ran for _, ran in others),
        "total_time": median(prepared + ran for prepared, ran in others),
        "first_time": sum(first),
        "input_spikes": counts[0],
        "first_layer": counts[1],
        "last_layer": counts[-1],
    }


def _timed(simulation: Simulation) -> tuple[float, float]:
    """Return how long it took to prepare the network and to run it."""
    start = time.perf_counter()
    simulation.prepare()
    prepared = time.perf_counter()
    simulation.run()
    return prepared - start, time.perf_counter() - prepared


class Ship:
    """The network on `ship_engine`, with times in ms."""

    executor = "numba"

    def __init__(self, own: bool, strength: float) -> None:
        import torch

        from ship_engine import LIF, LeakySynapse, Network, Poisson

        tau = _times(torch) if own else TAU_ALPHA
        self.network = Network(executor=self.executor, seed=SEED)
        self.network.add(Poisson, "I", N=SIZE, rate=RATE)
        for source, target in pairwise(LAYERS):
            self.network.add(LIF, target, N=SIZE, tau_beta=TAU_BETA, is_output=target == LAYERS[-1])
            self.network.add(
                LeakySynapse,
                source + target,
                source=source,
                target=target,
                w=lambda batch, sources, targets: torch.rand(sources, targets),
                w_scale=strength / 1000.0,  # weights are meant for an integral in seconds
                tau_alpha=tau,
            )

    def prepare(self) -> None:
        self.network.init(dt=STEP, nts=STEPS, batch_size=1)

    def run(self) -> None:
        self.network.run()

    def counts(self) -> list[float]:
        for layer in LAYERS:
            self.network.set_monitor(layer, "output")
        self.prepare()
        self.run()
        results = self.network.get_monitored_results()
        return [float(results[layer]["output"].sum()) / STEPS for layer in LAYERS]


class ShipTorch(Ship):
    """The network on `ship_engine`, computed by torch step by step."""

    executor = "torch"


class OriginalShip:
    """The network on the original SHIP, with times in seconds."""

    def __init__(self, own: bool, strength: float) -> None:
        import SHIP
        import torch

        self.network = SHIP.network()
        tau = 1e-3 * (_times(torch) if own else TAU_ALPHA)
        self.network.add(SHIP.poissonN, "I", N=SIZE, rate=RATE)
        for source, target in pairwise(LAYERS):
            self.network.add(SHIP.lifN, target, N=SIZE, tau_beta=1e-3 * TAU_BETA)
            self.network.add(
                SHIP.lS_1o,
                source + target,
                source=source,
                target=target,
                tau_alpha=tau,
                w__=torch.rand,
                w_scale=strength,
            )
        self.network.set_params(LAYERS[-1], is_output=True)

    def prepare(self) -> None:
        self.network.init(dt=1e-3 * STEP, nts=STEPS, batch_size=1)

    def run(self) -> None:
        self.network.run()

    def counts(self) -> list[float]:
        self.network.set_monitor(**{layer: ["output"] for layer in LAYERS})
        self.prepare()
        self.run()
        results = self.network.get_monitored_results()
        return [float(results[layer].output.sum()) / STEPS for layer in LAYERS]


class Brian2:
    """The network on Brian2, which integrates the same equations exactly."""

    def __init__(self, own: bool, strength: float) -> None:
        self.own, self.strength = own, strength
        self.monitors: list[Any] = []
        self.network: Any = None

    def prepare(self) -> None:
        from brian2 import Hz, Network, PoissonGroup, defaultclock, ms, seed

        seed(SEED)
        defaultclock.dt = STEP * ms
        layers = [PoissonGroup(SIZE, RATE * Hz)]
        parts = []
        for _ in LAYERS[1:]:
            neurons, synapses = self._layer(layers[-1])
            layers.append(neurons)
            parts.append(synapses)
        self.monitors = self._monitors(layers) if self.monitors else []
        self.network = Network(layers, parts, self.monitors)
        self.network.run(0 * ms)

    def _layer(self, source: Any) -> tuple[Any, Any]:
        from brian2 import NeuronGroup, Synapses, ms

        step = {"namespace": {"tau_beta": TAU_BETA * ms, "tau_alpha": TAU_ALPHA * ms}}
        current = "I : Hz" if self.own else "dI/dt = -I / tau_alpha : Hz"
        neurons = NeuronGroup(
            SIZE,
            f"du/dt = -u / tau_beta + I : 1 (unless refractory)\n{current}",
            threshold="u >= 1",
            reset="u = 0",
            refractory=STEP * ms,
            method="exact",
            **step,
        )
        jump = f"{self.strength!r} * Hz * weight"
        if not self.own:
            synapses = Synapses(source, neurons, "weight : 1", on_pre=f"I_post += {jump}")
        else:
            synapses = Synapses(
                source,
                neurons,
                """
                dJ/dt = -J / tau : Hz (clock-driven)
                I_post = J * area : Hz (summed)
                weight : 1
                area : 1
                tau : second
                """,
                on_pre=f"J += {jump}",
                method="exact",
            )
        synapses.connect()
        synapses.weight = "rand()"
        if self.own:
            synapses.tau = f"(1 + {SPREAD!r} * (2 * rand() - 1)) * {TAU_ALPHA!r} * ms"
            synapses.area = "tau / dt * (1 - exp(-dt / tau))"  # the mean current of a step
        return neurons, synapses

    @staticmethod
    def _monitors(layers: list[Any]) -> list[Any]:
        from brian2 import SpikeMonitor

        return [SpikeMonitor(layer, record=False) for layer in layers]

    def run(self) -> None:
        from brian2 import ms

        self.network.run(STEPS * STEP * ms)

    def counts(self) -> list[float]:
        self.monitors = [None]
        self.prepare()
        self.run()
        return [monitor.num_spikes / STEPS for monitor in self.monitors]


def _times(torch: Any) -> Any:
    """Draw tau_alpha (ms) for each synapse between two layers."""
    torch.manual_seed(SEED)
    return TAU_ALPHA * (1.0 + SPREAD * (2.0 * torch.rand(SIZE, SIZE) - 1.0))


SIMULATIONS: dict[str, Any] = {
    "ship": Ship,
    "ship_torch": ShipTorch,
    "original_ship": OriginalShip,
    "brian2": Brian2,
}
