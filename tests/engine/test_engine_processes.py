"""Networks that several processes share give, to the last bit, what one process gives.

Here the processes are threads, each with a network of its own.
"""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ship_engine.currents import PulseCurrent
from ship_engine.errors import (
    InvalidValueError,
    NonFiniteStateError,
    UnsupportedByExecutorError,
)
from ship_engine.event_network import EventNetwork
from ship_engine.executors import numba_windows
from ship_engine.groups import NeuronGroup, SpikeArrayGroup
from ship_engine.models.lif import LIFConductanceExponential, LIFCurrentExponential, LIFVoltageJump
from ship_engine.processes import (
    Communicator,
    OneProcess,
    share_of,
    synapse_numbers,
    window_length,
)
from ship_engine.sources.renewal import PoissonGroup
from ship_engine.synapses.short_term import SimpleStochastic, TsodyksMarkram
from ship_engine.synapses.stdp import Additive, SpikePairs, compose_stdp

DT = 0.1
PLASTIC = compose_stdp(SpikePairs, Additive)


class Threads:
    """Threads that tell each other what processes do."""

    def __init__(self, size):
        self.size, self.said = size, [None] * size
        self.barrier = threading.Barrier(size)

    def run(self, task):
        """The result of the task for each communicator."""
        with ThreadPoolExecutor(self.size) as pool:
            futures = [pool.submit(self._run_one, task, rank) for rank in range(self.size)]
            return [future.result() for future in futures]

    def _run_one(self, task, rank):
        try:
            return task(ThreadCommunicator(self, rank))
        except BaseException:
            # The others may wait for what this one will not say.
            self.barrier.abort()
            raise


class ThreadCommunicator(Communicator):
    def __init__(self, threads, rank):
        self._threads, self.rank, self.size = threads, rank, threads.size
        self.exchanges = 0

    def gather(self, item):
        threads = self._threads
        threads.said[self.rank] = pickle.dumps(item)
        threads.barrier.wait(60)
        heard = [pickle.loads(said) for said in threads.said]
        threads.barrier.wait(60)
        return heard

    def collect(self, item):
        heard = self.gather(item)
        return heard if self.rank == 0 else None

    def exchange(self, words):
        self.exchanges += 1
        heard = self.gather(words)
        if any(some is None for some in heard):
            return None
        counts = np.array([some.size for some in heard])
        return np.concatenate(heard), np.cumsum(counts) - counts, counts


class Circuit:
    """Neurons of two kinds, driven by sources of two kinds, with synapses of all kinds."""

    def __init__(
        self,
        communicator,
        cache,
        delays=(5, 30),
        fraction=1.0,
        size=101,
        second=(LIFConductanceExponential, 1.0),
        **options,
    ):
        network = self.network = EventNetwork(
            DT, seed=4, cache=cache, communicator=communicator, **options
        )
        rng = np.random.default_rng(7)
        drive = {"i_offset": rng.uniform(0.6, 1.1, size), "tau_refrac": 1.0}
        self.first = network.add(NeuronGroup(LIFCurrentExponential, size, "first", drive))
        self.noise = network.add(PoissonGroup(20, "noise", {"rate": 200.0}))
        self.second = network.add(NeuronGroup(second[0], 37, "second"))
        factor = second[1]
        self.listed = network.add(SpikeArrayGroup(3, "listed"))
        self.listed.set_spike_times([np.sort(rng.uniform(0.0, 200.0, 40)) for _ in range(3)])
        self.rng, self.delays = rng, delays
        self.projections = [
            self.connect(self.noise, self.second, "excitatory", 0.01 * factor),
            self.connect(self.listed, self.first, "excitatory", 0.5),
            self.connect(self.first, self.first, "inhibitory", -0.02),
            self.connect(self.second, self.first, "excitatory", 0.1, SimpleStochastic, p=0.4),
            self.connect(
                self.first,
                self.second,
                "excitatory",
                0.004 * factor,
                PLASTIC,
                dendritic_delay_fraction=fraction,
                w_max=0.02 * factor,
                A_plus=0.1,
                A_minus=0.08,
            ),
            self.connect(
                self.second, self.second, "inhibitory", 0.01 * factor, TsodyksMarkram, U=0.3
            ),
        ]
        network.inject(PulseCurrent(0.3, 20.0, 60.0), self.first, np.arange(0, size, 3))
        self.spikes = {g: network.record_spikes(g, g.share) for g in network.groups}
        self.potentials = [
            network.record_state(group, "v", np.arange(group.size)[group.share], 3)
            for group in (self.first, self.second)
        ]

    def connect(self, source, target, port, weight, model=None, probability=0.4, **parameters):
        rng = self.rng
        post, pre = np.nonzero(rng.random((target.size, source.size)) < probability)
        return self.network.connect(
            source,
            target,
            port,
            (pre.astype(np.int32), post.astype(np.int32)),
            weight * rng.uniform(0.5, 1.5, pre.size),
            rng.integers(*self.delays, pre.size),
            model,
            parameters,
        )

    def results(self):
        """Everything of this process, by cell or pair of cells."""
        found = {}
        for group, monitor in self.spikes.items():
            cells, times = monitor.spikes(self.network.clock)
            for cell in range(group.size)[group.share]:
                found[group.label, cell] = times[cells == cell].tolist()
        for monitor in self.potentials:
            for column, cell in enumerate(monitor.cells):
                found[monitor.group.label, int(cell), "v"] = monitor.samples[:, column].tolist()
        for number, projection in enumerate(self.projections):
            synapses = projection.synapses
            where = zip(synapses.source, synapses.target, strict=True)
            weights = projection.get("weight")
            for (source, target), weight in zip(where, weights, strict=True):
                found[number, int(source), int(target)] = float(weight)
        return found


def shared(processes, task):
    """What all processes find, in one dictionary."""
    found = Threads(processes).run(task)
    merged = {}
    for part in found:
        assert not merged.keys() & part.keys()
        merged |= part
    return merged


def simulated(communicator, cache, runs=(700, 1, 300), **options):
    circuit = Circuit(communicator, cache, **options)
    for steps in runs:
        circuit.network.run(steps)
    return circuit.results()


@pytest.mark.parametrize("processes", [2, 3, 5])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"delays": (1, 4)},
        {"delays": (1, 40), "fraction": 0.0},
        {"delays": (7, 8), "fraction": 0.35},
        {"spike_precision": "on_grid", "fraction": 0.6},
        {"size": 1200},
        {"second": (LIFVoltageJump, 60.0)},
    ],
    ids=str,
)
def test_many_processes_find_what_one_finds(kernel_cache, processes, options):
    alone = simulated(OneProcess(), kernel_cache, **options)
    assert sum(len(v) for k, v in alone.items() if k[0] == "second" and len(k) == 2) > 40
    together = shared(processes, lambda c: simulated(c, kernel_cache, **options))
    assert together == alone


def test_lists_logs_and_histories_that_fill_up_make_no_difference(kernel_cache, monkeypatch):
    alone = simulated(OneProcess(), kernel_cache, runs=(3000,))
    monkeypatch.setattr(numba_windows, "STEPS_AT_ONCE", 170)
    assert shared(2, lambda c: simulated(c, kernel_cache, runs=(3000,))) == alone


def test_after_a_reset_all_is_the_same(kernel_cache):
    def twice(communicator):
        circuit = Circuit(communicator, kernel_cache, delays=(3, 9))
        circuit.network.run(400)
        circuit.network.reset()
        circuit.network.run(400)
        return circuit.results()

    assert shared(3, twice) == twice(OneProcess())


@pytest.mark.parametrize("size", [1, 7, 8, 9, 100, 4001])
@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_shares_are_all_cells_in_whole_lines(size, processes):
    for number in range(4):
        shares = [share_of(size, number, rank, processes) for rank in range(processes)]
        cells = np.concatenate([np.arange(size)[share] for share in shares])
        np.testing.assert_array_equal(np.sort(cells), np.arange(size))
        assert all(share.start % 8 == 0 or share.start == size for share in shares)
        assert max(s.stop - s.start for s in shares) <= -(-size // (8 * processes)) * 8


def test_small_groups_are_not_all_for_the_same_process():
    owners = {rank for n in range(3) for rank in range(3) if share_of(1, n, rank, 3) == slice(0, 1)}
    assert owners == {0, 1, 2}


def test_synapses_draw_by_the_number_that_they_have_in_one_process(kernel_cache):
    def numbers(communicator):
        circuit = Circuit(communicator, kernel_cache)
        projection = circuit.projections[3]
        synapses = projection.synapses
        found = zip(synapses.source, synapses.target, strict=True)
        return dict(zip(found, synapse_numbers(circuit.network, projection), strict=True))

    alone = numbers(OneProcess())
    assert sorted(alone.values()) == list(range(len(alone)))
    assert shared(4, numbers) == alone


@pytest.mark.parametrize(
    ("options", "length"),
    [({}, 5), ({"delays": (9, 12)}, 9), ({"delays": (9, 10), "fraction": 0.35}, 5)],
)
def test_windows_are_as_long_as_the_shortest_delay(kernel_cache, options, length):
    """With an axon of 5.85 steps a spike arrives in the sixth, four before it acts."""

    def ran(communicator):
        circuit = Circuit(communicator, kernel_cache, **options)
        circuit.network.run(10 * length + 1)
        return window_length(circuit.network), communicator.exchanges

    assert Threads(2).run(ran) == [(length, 11)] * 2


def test_parameters_are_those_of_whoever_computes_a_cell(kernel_cache):
    """A process may know the parameters of its own cells only, also of sources."""

    def changed(communicator):
        circuit = Circuit(communicator, kernel_cache)
        circuit.network.run(100)
        for group, name, low, high in (
            (circuit.first, "i_offset", 0.2, 1.2),
            (circuit.noise, "rate", 20.0, 300.0),
        ):
            values = np.random.default_rng(3).uniform(low, high, group.size)
            group.set(group.share, **{name: values[group.share]})
        cells = np.arange(3)[circuit.listed.share]
        times = [np.arange(12.0 + 0.7 * cell, 60.0, 5.3) for cell in cells]
        circuit.listed.set_spike_times(times, cells)
        circuit.network.run(300)
        return circuit.results()

    assert shared(3, changed) == changed(OneProcess())


def test_what_goes_wrong_in_one_process_stops_all(kernel_cache):
    def fails(communicator):
        circuit = Circuit(communicator, kernel_cache)
        circuit.network.run(30)
        if circuit.first.share.start <= 50 < circuit.first.share.stop:
            circuit.first.states[0, 50] = np.nan
        with pytest.raises(NonFiniteStateError, match="cell 50 of 'first' became nan"):
            circuit.network.run(100)
        return circuit.network.step

    assert len(set(Threads(3).run(fails))) == 1


def test_spikes_without_delay_are_refused(kernel_cache):
    def fails(communicator):
        circuit = Circuit(communicator, kernel_cache, delays=(0, 1))
        with pytest.raises(InvalidValueError, match="delays at least one time step"):
            circuit.network.run(10)

    Threads(2).run(fails)


def test_gap_junctions_are_refused(kernel_cache):
    def fails(communicator):
        circuit = Circuit(communicator, kernel_cache)
        one = np.zeros(1, np.int32)
        with pytest.raises(InvalidValueError, match=r"Gap junctions .* in one process"):
            circuit.network.couple(circuit.first, circuit.second, (one, one), 0.01)

    Threads(2).run(fails)


def test_an_executor_for_one_process_is_refused():
    from ship_engine.executors.torch_autograd import TorchExecutor

    with pytest.raises(UnsupportedByExecutorError, match=r"2 processes .*'torch'.*'numba'"):
        EventNetwork(DT, executor=TorchExecutor(), communicator=ThreadCommunicator(Threads(2), 0))


def test_one_process_talks_to_itself():
    alone = OneProcess()
    assert (alone.rank, alone.size, alone.gather("word")) == (0, 1, ["word"])
    words, start, count = alone.exchange(np.arange(3))
    assert (words.tolist(), start.tolist(), count.tolist()) == ([0, 1, 2], [0], [3])
    assert alone.exchange(None) is None
    assert alone.collect("word") == ["word"]
