"""What models from equations cost beside those of the engine that are written by hand.

4,000 cells without connections, driven by a current that makes each fire some ten times a second;
or 40,000 synapses of 100 Poisson processes of 20 Hz onto 400 cells.  Both models are timed in turn
in the same process, since their ratio depends less on the machine, and on what else it does, than
either.  The time to derive a model, which is spent once in a process, is told, too.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from ..measures import Measure

TITLE = "Equations: {size:,} cells, or 40,000 synapses, {duration:g} ms in steps of 0.1"
OPTIONS = {"duration": 100.0, "size": 4000}
MEASURES = (
    Measure("written_time", "one cell or synapse and step, from equations (ns)", 1e9),
    Measure("by_hand_time", "one cell or synapse and step, by hand (ns)", 1e9),
    Measure("relative", "time relative to the model by hand", compared=False),
    Measure("derivation_time", "deriving the model (ms)", 1e3, compared=False),
    Measure("rate", "rate of the cells (Hz)", compared=False),
    Measure("difference", "largest difference of potentials (mV)", compared=False),
)
ROUNDS = 7
TIMESTEP = 0.1  # ms
LIMITS = (-70.0, -55.0)  # mV, of the initial potentials
SEED = 51_000

CONDUCTANCES = """
i_syn = gsyn_exc*(e_syn_exc - v) + gsyn_inh*(e_syn_inh - v) : nA
dgsyn_exc/dt = -gsyn_exc/tau_syn_exc : uS
dgsyn_inh/dt = -gsyn_inh/tau_syn_inh : uS
"""
CURRENTS = """
i_syn = isyn_exc + isyn_inh : nA
disyn_exc/dt = -isyn_exc/tau_syn_exc : nA
disyn_inh/dt = -isyn_inh/tau_syn_inh : nA
"""
LEAKY = """
dv/dt = (v_rest - v)/tau_m + (i_syn + i_offset + i_inj)/cm : mV
"""
OF_LEAKY = {"threshold": "v > v_thresh", "reset": "v = v_reset", "refractory": "tau_refrac"}
CELLS: dict[str, tuple[float, str, dict[str, Any]]] = {
    "LIFCurrentExponential": (0.8, CURRENTS + LEAKY, OF_LEAKY),
    "LIFConductanceExponential": (0.8, CONDUCTANCES + LEAKY, OF_LEAKY),
    "AdaptiveExponentialConductanceExponential": (
        0.65,
        CONDUCTANCES
        + """
        upstroke = delta_T*exp((v - v_thresh)/delta_T) : mV
        dv/dt = (v_rest - v + upstroke)/tau_m + (i_syn - w + i_offset + i_inj)/cm : mV
        dw/dt = (a*(v - v_rest) - w)/tau_w : nA
        """,
        {"threshold": "v > v_spike", "reset": "v = v_reset; w += b", "refractory": "tau_refrac"},
    ),
    "Izhikevich": (
        0.0045,
        """
        i = (i_offset + i_inj)/(1 pF) : mV/ms
        dv/dt = 0.04*v**2/(ms*mV) + 5*v/ms + 140*mV/ms - u + i : mV
        du/dt = a*(b*v - u) : mV/ms
        """,
        {"threshold": "v > v_thresh", "reset": "v = c; u += d"},
    ),
}
"""By the engine's model: the current (nA) and the equations."""
SYNAPSES: dict[str, dict[str, Any]] = {
    "SpikePairsAdditive": {
        "equations": """
            dtrace_pre/dt = -trace_pre/tau_plus : 1
            dtrace_post/dt = -trace_post/tau_minus : 1
        """,
        "on_pre": "trace_pre += 1; weight = clip(weight - w_max*A_minus*trace_post, w_min, w_max)",
        "on_post": "trace_post += 1; weight = clip(weight + w_max*A_plus*trace_pre, w_min, w_max)",
        "parameters": {
            "tau_plus": "20 ms", "tau_minus": "20 ms", "A_plus": 0.01, "A_minus": 0.01,
            "w_min": "0 weight", "w_max": "1 weight",
        },
    },
    "TsodyksMarkram": {
        "equations": """
            dx/dt = (1 - x - y)/tau_rec : 1
            dy/dt = -y/tau_psc : 1
            du/dt = -u/tau_facil : 1
        """,
        "on_pre": "u += U*(1 - u); used = u*x; x -= used; y += used",
        "transmitted": "weight*used",
        "parameters": {"U": 0.5, "tau_rec": "100 ms", "tau_facil": "50 ms", "tau_psc": "3 ms"},
        "initial": {"x": 1.0},
    },
}  # fmt: skip
SOURCES, TARGETS, RATE = 100, 400, 20.0
VARIANTS = (*CELLS, *SYNAPSES)


def run(sim: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Time the model `options["variant"]` in turn with the same one from equations."""
    if not hasattr(sim, "cell_type"):
        return {"skipped": "it has no models from equations"}
    name = options.get("variant", VARIANTS[0])
    start = time.perf_counter()
    written = _written_cell(sim, name) if name in CELLS else _written_synapse(sim, name)
    derivation = time.perf_counter() - start
    by_hand = _cell_by_hand(sim, name) if name in CELLS else _synapse_by_hand(sim, name)
    time_run = _time_cells if name in CELLS else _time_synapses
    times: dict[Any, list[float]] = {written: [], by_hand: []}
    potentials, rate = {}, 0.0
    for _ in range(ROUNDS):
        for model, elapsed in times.items():
            seconds, rate, potentials[model] = time_run(sim, model, name, options)
            elapsed.append(seconds)
    count = options["size"] if name in CELLS else SOURCES * TARGETS
    steps = options["duration"] / TIMESTEP * count
    return {
        "written_time": median(times[written]) / steps,
        "by_hand_time": median(times[by_hand]) / steps,
        "relative": median(a / b for a, b in zip(times[written], times[by_hand], strict=True)),
        "derivation_time": derivation,
        "rate": rate,
        "difference": float(abs(potentials[written] - potentials[by_hand]).max()),
    }


def _cell_by_hand(sim: Any, name: str) -> Any:
    return sim.native_cell_type(name)


def _written_cell(sim: Any, name: str) -> Any:
    by_hand = sim.native_cell_type(name)
    _, equations, arguments = CELLS[name]
    parameters = {p.name: (p.default, p.unit, None) for p in by_hand.model.parameters}
    receptors = {port.name: port.state for port in by_hand.model.ports}
    initial = dict(by_hand.default_initial_values)
    return sim.cell_type(
        f"Written{name}",
        equations,
        parameters=parameters,
        initial=initial,
        receptors=receptors,
        **arguments,
    )


def _synapse_by_hand(sim: Any, name: str) -> Any:
    if name == "TsodyksMarkram":
        return sim.native_synapse_type(name)
    from ship_engine.synapses.stdp import Additive, SpikePairs, compose_stdp

    return sim.native_synapse_type(compose_stdp(SpikePairs, Additive))


def _written_synapse(sim: Any, name: str) -> Any:
    return sim.synapse_type(f"Written{name}", **SYNAPSES[name])


def _time_cells(
    sim: Any, cell: Any, name: str, options: dict[str, Any]
) -> tuple[float, float, Any]:
    """Return the seconds that a run takes, the rate, and the last potentials."""
    sim.setup(timestep=TIMESTEP, min_delay=TIMESTEP)
    population = sim.Population(options["size"], cell(i_offset=CELLS[name][0]))
    rng = sim.NumpyRNG(SEED)
    population.initialize(v=sim.RandomDistribution("uniform", LIMITS, rng=rng))
    return _timed(sim, population, options)


def _time_synapses(
    sim: Any, synapse: Any, name: str, options: dict[str, Any]
) -> tuple[float, float, Any]:
    sim.setup(timestep=TIMESTEP, min_delay=1.0, rng_seed=SEED)
    sources = sim.Population(SOURCES, sim.SpikeSourcePoisson(rate=RATE))
    population = sim.Population(TARGETS, sim.IF_curr_exp(i_offset=0.8))
    values = {} if name == "TsodyksMarkram" else {"w_max": 0.05}
    if name == "TsodyksMarkram":
        values = {"U": 0.5, "tau_rec": 100.0, "tau_facil": 50.0}
    made = synapse(weight=0.02, delay=1.0, **values)
    sim.Projection(sources, population, sim.AllToAllConnector(), made, receptor_type="excitatory")
    return _timed(sim, population, options)


def _timed(sim: Any, population: Any, options: dict[str, Any]) -> tuple[float, float, Any]:
    population.record("spikes")
    population[:10].record("v", sampling_interval=options["duration"])
    sim.run(10 * TIMESTEP)
    start = time.perf_counter()
    sim.run(options["duration"])
    elapsed = time.perf_counter() - start
    rate = 1e3 * population.mean_spike_count() / options["duration"]
    potentials = population.get_data("v").segments[0].analogsignals[0].magnitude[-1]
    sim.end()
    return elapsed, rate, potentials
