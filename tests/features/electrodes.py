"""Probes of the current sources."""

from __future__ import annotations

from typing import Any

import numpy as np

from .measure import Floats, Probe, close, require, samples


def _charge(sim: Any, source: Any, duration: float = 30.0) -> tuple[Floats, Floats]:
    """What a source records, and the potential of a cell that only sums the current up."""
    cells = sim.Population(1, sim.IF_curr_exp(tau_m=1e9, cm=1.0, v_thresh=1e9))
    cells.record("v")
    cells.inject(source)
    source.record()
    sim.run(duration)
    current = source.get_data().magnitude[:, 0]
    v: Floats = samples(cells, "v")[:, 0]
    close(np.diff(v), 0.1 * current[:-1], 1e-6, 1e-6)  # mV = nA * ms / nF
    return current, v


def direct(sim: Any) -> None:
    current, v = _charge(sim, sim.DCSource(amplitude=0.5, start=5.0, stop=20.0))
    close(current[[49, 50, 199, 200]], [0.0, 0.5, 0.5, 0.0])
    close(v[-1], -65.0 + 0.5 * 15.0, 1e-6)


def step(sim: Any) -> None:
    source = sim.StepCurrentSource(times=[5.0, 10.04, 20.0], amplitudes=[0.5, -0.3, 0.1])
    current, v = _charge(sim, source)
    close(current[[49, 50, 99, 100, 199, 200, 300]], [0, 0.5, 0.5, -0.3, -0.3, 0.1, 0.1])
    close(v[-1], -65.0 + 0.5 * 5.0 - 0.3 * 10.0 + 0.1 * 10.0, 1e-6)


def sine(sim: Any) -> None:
    source = sim.ACSource(
        amplitude=0.5, offset=0.1, frequency=50.0, phase=30.0, start=5.0, stop=25.0
    )
    current, _ = _charge(sim, source)
    time = 0.1 * np.arange(50, 250) - 5.0
    phase = 2.0 * np.pi * 50.0 * time / 1000.0 + np.deg2rad(30.0)
    close(current[50:250], 0.1 + 0.5 * np.sin(phase))
    close(current[:50], 0.0)


def noise(sim: Any) -> None:
    def make() -> Any:
        return sim.NoisyCurrentSource(mean=0.5, stdev=0.2, start=5.0, dt=0.2)

    np.random.seed(0)  # noqa: NPY002 - what is done with NumPy's own numbers must not matter
    current, _ = _charge(sim, make(), 2000.0)
    np.random.seed(1)  # noqa: NPY002
    close(current[:50], 0.0)
    close(current[50:-1:2], current[51::2])
    values = current[50:-1:2]
    require(abs(values.mean() - 0.5) < 0.01, "its mean is 0.5 nA")
    require(abs(values.std() - 0.2) < 0.01, "its standard deviation is 0.2 nA")
    sim.setup(timestep=0.1)
    close(_charge(sim, make(), 2000.0)[0], current)


def change(sim: Any) -> None:
    source = sim.DCSource(amplitude=0.5)
    cells = sim.Population(1, sim.IF_curr_exp(tau_m=1e9, cm=1.0, v_thresh=1e9))
    cells.record("v")
    source.inject_into(cells)
    sim.run(10.0)
    source.amplitude = -0.2
    sim.run(10.0)
    source.set_parameters(amplitude=0.1, stop=25.0)
    sim.run(10.0)
    close(samples(cells, "v")[[100, 200, 300], 0], [-60.0, -62.0, -61.5], 1e-6)
    close(source.amplitude, 0.1)


def record(sim: Any) -> None:
    source = sim.StepCurrentSource(times=[0.0, 5.0], amplitudes=[0.2, 0.4])
    cells = sim.Population(1, sim.IF_curr_exp())
    cells.inject(source)
    source.record()
    sim.run(10.0)
    data = source.get_data()
    require(data.units.dimensionality.string == "nA", "it is in nA")
    close(data.times.rescale("ms").magnitude, 0.1 * np.arange(101), absolute=1e-9)
    close(data.magnitude[:, 0], np.repeat([0.2, 0.4], [50, 51]))


def inject(sim: Any) -> None:
    first = sim.Population(3, sim.IF_curr_exp(tau_m=1e9, cm=1.0, v_thresh=1e9))
    second = sim.Population(2, sim.IF_cond_exp(tau_m=1e9, cm=1.0, v_thresh=1e9))
    both = first + second
    both.record("v")
    first[0].inject(sim.DCSource(amplitude=0.1))
    sim.DCSource(amplitude=0.2).inject_into(first[1:])
    second.inject(sim.DCSource(amplitude=0.4))
    (first[2:] + second[:1]).inject(sim.DCSource(amplitude=0.8))
    sim.DCSource(amplitude=1.6).inject_into([first[1], second[1]])
    sim.run(1.0)
    close(samples(first, "v")[-1] + 65.0, [0.1, 1.8, 1.0], 1e-6)
    close(samples(second, "v")[-1] + 65.0, [1.2, 2.0], 1e-6)


ROWS: dict[str, Probe] = {
    "DCSource": direct,
    "StepCurrentSource": step,
    "ACSource": sine,
    "NoisyCurrentSource": noise,
    "Change source parameters between runs": change,
    "source.record() / get_data()": record,
    "inject into ID, view, Population, Assembly, list": inject,
}
