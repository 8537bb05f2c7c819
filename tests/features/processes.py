"""Several processes that share a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from .measure import refusal, require

SCRIPT = """
import pyNN.ship as sim
from pyNN.random import NumpyRNG
sim.setup(timestep=0.1)
cells = sim.Population(40, sim.IF_cond_exp(i_offset=[0.5 + 0.02 * k for k in range(40)]))
stdp = sim.STDPMechanism(sim.SpikePairRule(A_plus=0.05), sim.AdditiveWeightDependence(w_max=0.02),
                         weight=0.004, delay=0.7)
rule = sim.FixedProbabilityConnector(0.3, rng=NumpyRNG(3))
projection = sim.Projection(cells, cells, rule, stdp, receptor_type="excitatory")
cells.record(["spikes", "v"])
sim.run(100.0)
segment = cells.get_data().segments[0]
found = (segment.analogsignals[0].magnitude.tolist(),
         [train.magnitude.tolist() for train in segment.spiketrains],
         projection.get("weight", format="list"))
if sim.rank() == 0:
    print(sim.num_processes(), len(cells.local_cells))
    print(found)
"""
# In a container of few cores Open MPI would start neither as root nor more processes than cores.
ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}


def mpi(sim: Any) -> None:
    """Two processes find, digit for digit, what one finds."""
    beside = Path(sys.executable).with_name("mpiexec")
    mpiexec = str(beside) if beside.exists() else shutil.which("mpiexec")
    there = subprocess.run([sys.executable, "-c", "from mpi4py import MPI"], capture_output=True)
    if mpiexec is None or there.returncode != 0:
        _without_mpi(sim)
        return
    one, two = (_found([]), _found([mpiexec, "-n", "2"]))
    require((one[0], two[0]) == ("1 40", "2 16"), "a process computes its cells")
    require(one[1] == two[1], "two processes find what one finds")


def _found(start: list[str]) -> list[str]:
    done = subprocess.run(
        [*start, sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | ENVIRONMENT,
    )
    require(done.returncode == 0, done.stderr[-500:])
    return done.stdout.splitlines()


def _without_mpi(sim: Any) -> None:
    before = os.environ.get("PMI_SIZE")
    os.environ["PMI_SIZE"] = "2"
    try:
        refusal(lambda: sim.setup(timestep=0.1), "2 MPI processes", "mpi4py")
    finally:
        if before is None:
            del os.environ["PMI_SIZE"]
        else:
            os.environ["PMI_SIZE"] = before
