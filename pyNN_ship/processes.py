"""Several processes that share a network, started by ``mpiexec``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ship_engine.processes import Communicator, MPIProcesses, OneProcess

from . import simulator
from .segments import Segment

MPI_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")
"""Variables in which Open MPI, MPICH and MVAPICH tell a process how many there are."""


def join_processes() -> Communicator:
    """All processes that were started with this one.

    mpi4py is asked only if this is one of several by its environment, or if it has been imported.

    Raises
    ------
    RuntimeError
        If there are several, and mpi4py cannot speak to the others.
    """
    sizes = {name: os.environ.get(name, "1") for name in MPI_SIZES}
    several = [name for name, size in sizes.items() if size.isdigit() and int(size) > 1]
    if not several and "mpi4py.MPI" not in sys.modules:
        return OneProcess()
    try:
        processes = MPIProcesses()
    except (ImportError, RuntimeError) as error:
        raise RuntimeError(
            f"This is one of {sizes[several[0]]} MPI processes ({several[0]}), which need mpi4py "
            f"to share a network ({error}). Install mpi4py for the MPI library whose mpiexec this "
            "is, or start the script without mpiexec."
        ) from error
    if processes.size > 1:
        _stop_all_on_error(processes)
        return processes
    if several:
        raise RuntimeError(
            f"This is one of {sizes[several[0]]} MPI processes ({several[0]}), but mpi4py sees no "
            "other: it was built for another MPI library than this mpiexec. Use the mpiexec of "
            "mpi4py's library, or install mpi4py for this one."
        )
    return OneProcess()


def _stop_all_on_error(processes: MPIProcesses) -> None:
    """An error that ends one process ends all; else the others would wait for it forever."""
    if isinstance(sys.excepthook, _Ending):
        return
    sys.excepthook = _Ending(processes, sys.excepthook)


class _Ending:
    """What Python calls for an error that nothing catches."""

    def __init__(self, processes: MPIProcesses, before: Callable[..., Any]) -> None:
        self._processes, self._before = processes, before

    def __call__(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        self._before(kind, error, trace)
        sys.stdout.flush()
        sys.stderr.flush()
        self._processes.stop_all()


def collected(segments: list[Segment], names: Sequence[str]) -> list[Segment]:
    """On the first process: segments with the cells of all; on the others what they have.

    Parameters
    ----------
    segments : list of Segment
        What this process has.
    names : sequence of str
        The order of the variables.
    """
    everyone = simulator.state.communicator.collect(segments)
    if everyone is None:
        return segments
    merged = [Segment.joined(parts, parts[0].description) for parts in zip(*everyone, strict=True)]
    return [segment.in_order(names) for segment in merged]


def connections_of_all(
    projection: Any, arrays: list[NDArray[Any]], gather: Any
) -> list[NDArray[Any]]:
    """Arrays whose last axis is that of connections, in the order in which one process has them.

    Parameters
    ----------
    projection : Projection
        Of the connections.
    arrays : list of arrays
        With the connections of this process.
    gather : bool or 'all'
        Whether those of all are wanted, on the first process or on all of them; else, and on the
        others, the arrays stay as they are.
    """
    communicator = simulator.state.communicator
    if not gather or communicator.size == 1:
        return arrays
    item = [projection._presynaptic_index, projection._postsynaptic_index, *arrays]
    everyone = communicator.gather(item) if gather == "all" else communicator.collect(item)
    if everyone is None:
        return arrays
    source, target, *merged = [
        np.concatenate(pieces, axis=-1) for pieces in zip(*everyone, strict=True)
    ]
    order = np.lexsort((target, source))
    return [array[..., order] for array in merged]
