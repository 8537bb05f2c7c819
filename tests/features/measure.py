"""What the probes share: driving cells, reading what was recorded, comparing numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Probe = Callable[[Any], str | None]


def signal(cells: Any, variable: str, segment: int = -1) -> Any:
    """The recorded signal of a variable."""
    (found,) = (
        s for s in cells.get_data(variable).segments[segment].analogsignals if s.name == variable
    )
    return found


def samples(cells: Any, variable: str, segment: int = -1) -> Floats:
    """What was recorded of a variable: [samples, cells]."""
    values: Floats = signal(cells, variable, segment).magnitude
    return values


def unit(cells: Any, variable: str) -> str:
    """The unit of what was recorded."""
    return str(signal(cells, variable).units.dimensionality.string)


def spikes(cells: Any, segment: int = -1) -> list[Floats]:
    """The spike times of each cell."""
    return [t.magnitude for t in cells.get_data("spikes").segments[segment].spiketrains]


def close(actual: Any, expected: Any, relative: float = 1e-9, absolute: float = 1e-12) -> None:
    """Two sets of numbers must agree."""
    np.testing.assert_allclose(actual, expected, relative, absolute)


def require(condition: Any, what: str) -> None:
    """What must hold."""
    if not np.all(condition):
        raise AssertionError(what)


def refusal(call: Callable[[], Any], *words: str) -> str:
    """The message of a call that must be refused; it must hold these words."""
    try:
        call()
    except Exception as error:
        text = str(error)
        missing = [word for word in words if word.lower() not in text.lower()]
        require(not missing, f"the message '{text}' does not mention {missing}")
        return text
    raise AssertionError("it was not refused")


def input_spikes(sim: Any, cells: Any, times: Sequence[float], receptor: str, weight: float) -> Any:
    """Deliver spikes, a millisecond after these times, to all cells."""
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=list(times)))
    synapse = sim.StaticSynapse(weight=weight, delay=1.0)
    return sim.Projection(source, cells, sim.AllToAllConnector(), synapse, receptor_type=receptor)


def response(
    sim: Any, celltype: Any, receptor: str, weight: float, variable: str
) -> tuple[Floats, Floats]:
    """One spike arrives at 2 ms: time since then, and what a variable does after it."""
    cells = sim.Population(1, celltype)
    cells.record(variable)
    input_spikes(sim, cells, [1.0], receptor, weight)
    sim.run(30.0)
    values = samples(cells, variable)[:, 0]
    close(values[:20], values[0], absolute=1e-9)
    times = np.arange(values.size) * 0.1 - 2.0
    return times[21:], values[21:]


def exponential(time: Floats, weight: float, tau: float) -> Floats:
    """What decays from a peak."""
    return weight * np.exp(-time / tau)


def alpha(time: Floats, weight: float, tau: float) -> Floats:
    """An alpha function whose peak is the weight."""
    return weight * time / tau * np.exp(1.0 - time / tau)


def each_cell_has_its_own(
    sim: Any,
    factory: Callable[..., Any],
    varied: Mapping[str, Sequence[float]],
    drive: Callable[[Any, Any], None],
    duration: float = 60.0,
) -> Any:
    """Cells that differ in parameters must do what each does alone.

    Every parameter is varied alone too, and must then make a difference to something recorded.
    Returns the population of cells that differ in all of them.
    """
    first = {name: values[0] for name, values in varied.items()}
    reference = _recorded(sim, factory(**first), 1, drive, duration)
    for name, values in varied.items():
        changed = _recorded(sim, factory(**first | {name: values[1]}), 1, drive, duration)
        differs = any(not np.array_equal(changed[v], reference[v]) for v in reference)
        require(differs, f"{name} makes no difference")
    count = len(next(iter(varied.values())))
    alone = [
        _recorded(sim, factory(**{n: v[i] for n, v in varied.items()}), 1, drive, duration)
        for i in range(count)
    ]
    sim.setup(timestep=0.1)
    cells = _driven(sim, factory(**{n: np.array(v) for n, v in varied.items()}), count, drive)
    sim.run(duration)
    together = _read(cells)
    for i, single in enumerate(alone):
        for variable, values in single.items():
            close(together[variable][..., i], values[..., 0], 1e-9, 1e-9)
    for name, values in varied.items():
        close(cells.get(name), values)
    return cells


def _driven(sim: Any, celltype: Any, count: int, drive: Callable[[Any, Any], None]) -> Any:
    cells = sim.Population(count, celltype)
    cells.record(list(cells.celltype.recordable))
    drive(sim, cells)
    return cells


def _recorded(
    sim: Any, celltype: Any, count: int, drive: Callable[[Any, Any], None], duration: float
) -> dict[str, Floats]:
    sim.setup(timestep=0.1)
    cells = _driven(sim, celltype, count, drive)
    sim.run(duration)
    return _read(cells)


def _read(cells: Any) -> dict[str, Floats]:
    found = {v: samples(cells, v) for v in cells.celltype.recordable if v != "spikes"}
    counts = np.array([len(t) for t in spikes(cells)], float)
    sums = np.array([t.sum() for t in spikes(cells)])
    return found | {"spikes": np.stack([counts, sums])}
