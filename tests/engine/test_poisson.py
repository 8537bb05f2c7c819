"""Poisson sources are found from interval to interval or counted step by step, as is faster."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ship_engine.event_network import EventNetwork
from ship_engine.executors.numba_cpu import NumbaExecutor
from ship_engine.executors.torch_autograd import TorchExecutor
from ship_engine.sources.renewal import PoissonGroup

CELLS = 400
RATES = (40.0, 2000.0, 25.0, 900.0, 40.0)  # Hz, in turn
PIECE = 200  # steps
DT = 0.1


def spikes_in_turn(executor):
    """Cells and times of the spikes of a run in which the rate changes after each piece."""
    network = EventNetwork(dt=DT, seed=5, executor=executor)
    group = network.add(PoissonGroup(CELLS, "noise"))
    monitor = network.record_spikes(group, slice(None))
    for rate in RATES:
        group.set(rate=rate)
        network.run(PIECE)
    return monitor.spikes(network.clock)


def test_both_ways_are_taken():
    group = PoissonGroup(2, parameters={"rate": RATES[0]})
    assert group.rare(DT)
    group.set(rate=RATES[1])
    assert not group.rare(DT)


def test_the_rate_may_change_between_rare_and_frequent(executor):
    cells, times = spikes_in_turn(executor())
    for k, rate in enumerate(RATES):
        begin = k * PIECE * DT
        here = (times > begin) & (times <= begin + PIECE * DT)
        counts = np.bincount(cells[here], minlength=CELLS)
        mean = 1e-3 * rate * PIECE * DT
        assert counts.mean() == pytest.approx(mean, abs=4.0 * np.sqrt(mean / CELLS))
        assert counts.var() == pytest.approx(mean, rel=0.3)
        uniform = (times[here] - begin) / (PIECE * DT)
        assert stats.kstest(uniform, "uniform").pvalue > 1e-3


def test_pieces_at_the_same_rate_are_independent(executor):
    cells, times = spikes_in_turn(executor())
    first = times <= PIECE * DT
    last = times > 4 * PIECE * DT
    counts = [np.bincount(cells[part], minlength=CELLS) for part in (first, last)]
    assert abs(np.corrcoef(counts)[0, 1]) < 0.2
    assert not np.isin(times[first], times[last] - 4 * PIECE * DT).any()


def test_executors_agree(kernel_cache):
    found = []
    for executor in (NumbaExecutor(kernel_cache), TorchExecutor()):
        cells, times = spikes_in_turn(executor)
        order = np.lexsort((times, cells))
        found.append((cells[order], times[order]))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-12)
