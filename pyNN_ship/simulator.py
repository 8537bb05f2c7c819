"""The state of the simulator: the only global of the project."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from pyNN import common, errors

from ship_engine.event_network import EventNetwork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ship_engine.lowering.cache import KernelCache
    from ship_engine.processes import Communicator

    from .projections import Projection
    from .standardmodels.electrodes import ShipCurrentSource

name = "ship"
logger = logging.getLogger("PyNN")

PROGRESS_AFTER = 2.0
"""Seconds that a run takes before it shows how far it has come."""


class ID(int, common.IDMixin):
    """A cell: its number, through which PyNN reaches its parameters.

    Each population makes a subclass of its own, which knows it as `parent`; so no attribute has
    to be set on each cell.
    """

    __doc__ = common.IDMixin.__doc__

    def __setattr__(self, name: str, value: Any) -> None:
        celltype = self.celltype
        known = celltype.has_parameter(name) or hasattr(type(self), name)
        if not (known or name.startswith("_")):
            raise errors.NonExistentParameterError(
                name, type(celltype).__name__, celltype.get_parameter_names()
            )
        super().__setattr__(name, value)


class State(common.control.BaseState):
    """Everything between `setup()` and the next `setup()`."""

    def __init__(self) -> None:
        super().__init__()
        self.id_counter = 0
        self.segment_counter = 0
        self.show_progress = True
        self.record_sample_times = False
        self.current_sources: list[ShipCurrentSource] = []
        self.projections: list[Projection] = []
        self._communicator: Communicator | None = None
        self._delay_range: tuple[float, float] | None = None
        self._network: EventNetwork | None = None
        self._cache: KernelCache | None = None
        self._min_delay: float | str = "auto"
        self._max_delay: float | str = "auto"

    @property
    def communicator(self) -> Communicator:
        """The processes that share the network, of which this is one."""
        if self._communicator is None:
            from .processes import join_processes

            self._communicator = join_processes()
        return self._communicator

    @property
    def mpi_rank(self) -> int:
        """Number of this process."""
        return self.communicator.rank

    @property
    def num_processes(self) -> int:
        """Number of processes that share the network."""
        return self.communicator.size

    def join_processes(self) -> Communicator:
        """Look anew for other processes; what is found once stays."""
        if self._communicator is not None and self._communicator.size == 1:
            self._communicator = None
        return self.communicator

    @property
    def cache(self) -> KernelCache:
        """Compiled functions; they outlive the networks."""
        if self._cache is None:
            from ship_engine.lowering.cache import KernelCache

            self._cache = KernelCache()
        return self._cache

    @property
    def network(self) -> EventNetwork:
        """The network that is being built or run.

        Raises
        ------
        RuntimeError
            If there is none yet.
        """
        if self._network is None:
            raise RuntimeError(
                "The simulator is not set up; call setup() before anything else that builds or "
                "runs a network."
            )
        return self._network

    def require_setup(self) -> None:
        """Refuse to go on where `setup` has not been called."""
        assert self.network is not None

    @property
    def t(self) -> float:
        """Current time in ms."""
        return 0.0 if self._network is None else self._network.time

    @property
    def dt(self) -> float:
        """Time step in ms."""
        return self.network.clock.dt

    @property
    def min_delay(self) -> float:
        """What `setup` was given; if that was 'auto', the shortest delay there is."""
        if not isinstance(self._min_delay, str):
            return self._min_delay
        found = self._shortest_and_longest()
        return self.dt if found is None else float(self.network.clock.time(found[0]))

    @property
    def max_delay(self) -> float | str:
        """What `setup` was given; if that was 'auto', the longest delay there is."""
        if not isinstance(self._max_delay, str):
            return self._max_delay
        found = self._shortest_and_longest()
        return "auto" if found is None else float(self.network.clock.time(found[1]))

    @property
    def delay_limits(self) -> tuple[float, float]:
        """Shortest and longest delay (ms) that a projection may have."""
        shortest = self.dt if isinstance(self._min_delay, str) else self._min_delay
        longest = float("inf") if isinstance(self._max_delay, str) else self._max_delay
        return shortest, longest

    def _shortest_and_longest(self) -> tuple[float, float] | None:
        """Delays that there are, in steps; those of all processes as they were told last."""
        return self._own_delays() if self.num_processes == 1 else self._delay_range

    def _own_delays(self) -> tuple[float, float] | None:
        delays = [p.synapses.delay for p in self.network.projections if len(p.synapses)]
        if not delays:
            return None
        return float(min(d.min() for d in delays)), float(max(d.max() for d in delays))

    def tell_delays(self) -> None:
        """Let all processes know the shortest and the longest delay that there is."""
        if self.num_processes > 1:
            told = [pair for pair in self.communicator.gather(self._own_delays()) if pair]
            shortest, longest = zip(*told, strict=True) if told else ((), ())
            self._delay_range = (min(shortest), max(longest)) if told else None

    def build(
        self,
        network: EventNetwork,
        min_delay: float | str,
        max_delay: float | str,
        show_progress: bool,
    ) -> None:
        """Start anew with an empty network."""
        self._network, self._delay_range = network, None
        self._min_delay, self._max_delay = min_delay, max_delay
        self.show_progress = show_progress
        self.clear()

    def clear(self) -> None:
        """Forget all populations, projections and recordings."""
        self.recorders: set[Any] = set()
        self.write_on_end: list[Any] = []
        self.current_sources = []
        self.projections = []
        self.id_counter = 0
        self.segment_counter = 0
        self.running = False
        self.t_start = 0

    def run(self, simtime: float) -> None:
        """Advance by a duration (ms)."""
        self.run_until(self.t + simtime)

    def run_until(self, tstop: float) -> None:
        """Advance to a point in time (ms), rounded to the nearest time step."""
        network = self.network
        steps = int(network.clock.nearest_step(tstop)) - network.step
        watched = self.show_progress and self.mpi_rank == 0
        self.running = True
        for projection in self.projections:
            projection._prepare_run()
        if steps >= 0:
            with Progress(steps * self.dt, watched) as progress:
                for stop in self._stops(network.step + steps):
                    network.run(stop - network.step, progress.advance(self.dt))

    def _stops(self, last: int) -> Iterator[int]:
        """Steps at which a run stops for samples of synapses, and the last step."""
        recorders = [projection._recorder for projection in self.projections]
        stop = None
        while stop != last:
            for recorder in recorders:
                recorder.sample()
            stop = int(min([last, *(recorder.next_step for recorder in recorders)]))
            yield stop
        for recorder in recorders:
            recorder.sample()

    def reset(self) -> None:
        """Return to time zero and the initial values; parameters and weights stay."""
        self.running = False
        self.network.reset()
        for source in self.current_sources:
            source._reset()
        self.segment_counter += 1


class Progress:
    """A bar that appears when a run takes long and a person is watching."""

    def __init__(self, duration: float, wanted: bool) -> None:
        self._bar: Any = None
        self._duration = duration
        self._wanted = wanted and sys.stderr.isatty()

    def __enter__(self) -> Progress:
        if self._wanted:
            from tqdm import tqdm

            self._bar = tqdm(
                total=self._duration,
                unit=" ms",
                delay=PROGRESS_AFTER,
                leave=False,
                bar_format="{l_bar}{bar}| {n:.0f}/{total:.0f} ms [{elapsed}<{remaining}]",
            )
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self, dt: float) -> Callable[[int], None] | None:
        """What the network calls with a number of steps done, or None if nobody watches."""
        bar = self._bar
        return None if bar is None else lambda steps: bar.update(steps * dt)


state = State()
