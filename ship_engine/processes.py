"""Sharing a network among processes, each of which computes some cells of every group.

All processes build the same network.  Of each group of neurons every one computes a share, a
range of cells, and holds the synapses onto these; sources are computed by all, since their random
numbers belong to cells and not to processes.  What is spiking is exchanged once in each window of
time, which is as long as the shortest delay: nothing that a cell does can be felt earlier.  Then
each process delivers all spikes in the order in which a single one would have, so that every sum
is the same to the last bit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from ship_engine.event_network import EventNetwork
    from ship_engine.groups import Group
    from ship_engine.projection import Pairs, Projection

CELLS_TOGETHER = 8
"""Shares are made of so many cells each: a cache line of float64, a word of flags."""

FEW_WORDS = 64
"""For so many words of each process there is room at first."""

LONGEST_WINDOW = 1000
"""In time steps, where no delay is shorter."""


class Communicator(ABC):
    """What the processes that share a network say to each other.

    Every method has to be called by all of them, in the same order.

    Attributes
    ----------
    rank, size : int
        The number of this process, and of all.
    """

    rank: int
    size: int

    @abstractmethod
    def gather(self, item: Any) -> list[Any]:
        """What each process gives, in their order; all processes get it."""

    @abstractmethod
    def collect(self, item: Any) -> list[Any] | None:
        """What each process gives, in their order; only the first gets it."""

    @abstractmethod
    def exchange(
        self, words: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None:
        """The words of all processes.

        Parameters
        ----------
        words : int64 array or None
            Those of this process; None says that it has failed.

        Returns
        -------
        words : int64 array
            All of them; valid until the next call, as is the rest.
        start, count : int64 [size]
            Where in it those of each process start, and how many they are.

        Nothing, if a process has failed.
        """


class OneProcess(Communicator):
    """A process that has the network for itself."""

    rank, size = 0, 1

    def gather(self, item: Any) -> list[Any]:
        return [item]

    def collect(self, item: Any) -> list[Any] | None:
        return [item]

    def exchange(
        self, words: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None:
        return None if words is None else (words, np.array([0]), np.array([words.size]))


class MPIProcesses(Communicator):
    """Processes that were started together by ``mpiexec``.

    Parameters
    ----------
    communicator : mpi4py.MPI.Comm, optional
        Of these processes; by default all of them, ``MPI.COMM_WORLD``.
    """

    def __init__(self, communicator: Any = None) -> None:
        from mpi4py import MPI

        self._comm = MPI.COMM_WORLD if communicator is None else communicator
        self.rank, self.size = self._comm.Get_rank(), self._comm.Get_size()
        self._word = MPI.INT64_T
        self._reserve(FEW_WORDS)

    def _reserve(self, words: int) -> None:
        """Make room for so many words of each process, and their number before them."""
        self._room = words
        self._mine = np.zeros(words + 1, np.int64)
        self._words = np.zeros(self.size * (words + 1), np.int64)
        self._counts = self._words[:: words + 1]
        self._start = np.arange(self.size) * (words + 1) + 1
        self._buffers = [self._mine, self._word], [self._words, self._word]

    def gather(self, item: Any) -> list[Any]:
        return list(self._comm.allgather(item))

    def collect(self, item: Any) -> list[Any] | None:
        found: list[Any] | None = self._comm.gather(item, root=0)
        return found

    def stop_all(self) -> None:
        """End all processes at once, since this one cannot go on."""
        self._comm.Abort(1)

    def exchange(
        self, words: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None:
        self._mine[0] = -1 if words is None else words.size
        if words is not None and words.size <= self._room:
            self._mine[1 : words.size + 1] = words
        self._comm.Allgather(*self._buffers)
        counts = self._counts.tolist()
        if words is None or min(counts) < 0:
            return None
        if max(counts) > self._room:
            # Once more, with more room; there may soon be as many again.
            self._reserve(2 * max(counts))
            return self.exchange(words)
        return self._words, self._start, self._counts


def share_of(size: int, number: int, rank: int, processes: int) -> slice:
    """The cells of a group that a process computes.

    Parameters
    ----------
    size : int
        Cells of the group.
    number : int
        Of the group in its network; small groups begin at different processes.
    rank, processes : int
        The process, and how many there are.
    """
    blocks = -(-size // CELLS_TOGETHER)
    turn = (rank - number) % processes
    low, high = (CELLS_TOGETHER * (blocks * t // processes) for t in (turn, turn + 1))
    return slice(min(low, size), min(high, size))


def local_synapses(
    target: Group, pairs: Pairs, common: tuple[ArrayLike, ArrayLike], given: dict[str, ArrayLike]
) -> tuple[Pairs, tuple[ArrayLike, ArrayLike], dict[str, ArrayLike]]:
    """Of synapses and their values, those onto cells that this process computes.

    Parameters
    ----------
    target : Group
        To which they lead.
    pairs : (int32 array, int32 array)
        Source and target component of each.
    common : (float or array, int or array)
        Weight and delay, one for all or one for each.
    given : dict
        More values by name, likewise.
    """
    here = (pairs[1] >= target.share.start) & (pairs[1] < target.share.stop)
    if here.all():
        return pairs, common, given

    def kept(value: ArrayLike) -> ArrayLike:
        array = np.asarray(value)
        return array[here] if array.shape == here.shape else value

    values = {name: kept(value) for name, value in given.items()}
    return (pairs[0][here], pairs[1][here]), (kept(common[0]), kept(common[1])), values


def tell_parameters(network: EventNetwork) -> None:
    """Let every process know the parameters of all cells as those have them that compute them.

    A process may have changed those of its own cells only; sources are computed by all.
    """
    communicator = network.communicator
    changed = communicator.gather([g.version != g.told for g in network.groups])
    for number, group in enumerate(network.groups):
        if any(told[number] for told in changed):
            mine: dict[str, Any] = {
                name: value if value.size == 1 else value[group.share]
                for name, value in group.values.items()
            }
            mine |= {name: values[group.share] for name, values in group.sequences.items()}
            _take_over(group, number, communicator.gather(mine))
            group.told = group.version


def _take_over(group: Group, number: int, told: list[dict[str, Any]]) -> None:
    shares = [share_of(group.size, number, rank, len(told)) for rank in range(len(told))]
    news: dict[str, Any] = {}
    for name, known in group.values.items():
        full = np.array(np.broadcast_to(known, (group.size,)))
        for share, values in zip(shares, told, strict=True):
            full[share] = values[name]
        if (full != known).any():
            news[name] = full
    lists: dict[str, Any] = {}
    for name, sequences in group.sequences.items():
        lists[name] = list(sequences)
        for share, values in zip(shares, told, strict=True):
            lists[name][share] = values[name]
        pairs = zip(lists[name], sequences, strict=True)
        if not all(np.array_equal(new, old) for new, old in pairs):
            news |= lists
    if news:
        group.set(None, **news)


def synapse_numbers(network: EventNetwork, projection: Projection) -> NDArray[np.int64]:
    """The number that each synapse of this process would have in a single one.

    Random numbers are drawn by it.  A single process has the synapses of each source in the order
    of their targets.
    """
    communicator, start = network.communicator, projection.synapses.start
    number = network.groups.index(projection.target)
    low = [
        share_of(projection.target.size, number, rank, communicator.size).start
        for rank in range(communicator.size)
    ]
    mine = np.diff(start)
    counts = np.array(communicator.gather(mine))
    before = counts[np.array(low) < low[communicator.rank]].sum(axis=0)
    first = np.concatenate([[0], np.cumsum(counts.sum(axis=0))])[:-1] + before
    numbers: NDArray[np.int64] = np.repeat(first - start[:-1], mine) + np.arange(mine.sum())
    return numbers


def window_length(network: EventNetwork) -> int:
    """Time steps that can be computed before spikes have to be exchanged; zero if there are none.

    It is the shortest time from a spike to its effect on a cell.  Where spikes reach plastic
    synapses along axons, it is what lies behind these, and the step in which they arrive.
    """
    shortest = LONGEST_WINDOW
    for projection in network.projections:
        if len(projection.synapses):
            axonal, delay = projection.axonal_steps, projection.synapses.delay
            waits = np.where(axonal > 0, delay - axonal + 1, delay)
            shortest = min(shortest, int(waits.min()))
    return min(network.communicator.gather(shortest))
