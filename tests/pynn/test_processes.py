"""Several processes under mpiexec give what one gives; what they do without MPI is refused."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
VARIABLES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")

# In a container of few cores Open MPI would start neither as root nor more processes than cores.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}


def mpiexec():
    """The mpiexec of the MPI library that mpi4py finds, or None."""
    beside = Path(sys.executable).with_name("mpiexec")
    command = str(beside) if beside.exists() else shutil.which("mpiexec")
    there = subprocess.run([sys.executable, "-c", "from mpi4py import MPI"], capture_output=True)
    return command if there.returncode == 0 else None


@pytest.fixture(scope="module")
def start():
    """Runs a script in some processes; gives what it printed."""
    command = mpiexec()
    if command is None:
        pytest.skip("needs mpi4py and an MPI library")

    def run(processes, *arguments, fails=False):
        many = [command, "-n", str(processes)] if processes else []
        done = subprocess.run(
            [*many, sys.executable, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=300,
            cwd=HERE,
            env=os.environ | ENVIRONMENT,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def alone(start, tmp_path_factory):
    """Everything that one process finds."""
    return found_by(start, 0, tmp_path_factory.mktemp("alone"))


def found_by(start, processes, folder):
    start(processes, HERE / "process_examples.py", folder)
    return pickle.loads((folder / "found.pkl").read_bytes())


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_find_what_one_finds(start, alone, processes, tmp_path):
    together = found_by(start, processes, tmp_path)
    assert alone.keys() == together.keys()
    different = [name for name in alone if repr(alone[name]) != repr(together[name])]
    assert not different


def test_there_was_something_to_find(alone):
    """The comparison above is of a network that spikes, learns and fails at random."""
    assert sum(alone["counts"].values()) > 1000
    assert len({weight for *_, weight, _ in alone["list", "plastic"]}) > 1000
    assert len(alone["list", "stochastic"]) > 100


def test_each_process_has_its_cells(start):
    said = start(2, "-c", OWN_CELLS)
    assert "[(0, 0, 7, 10, 8, 2), (1, 8, 9, 10, 2, 2)]" in said


OWN_CELLS = """
import pyNN.ship as sim
from pyNN.errors import NotLocalError
sim.setup()
cells = sim.Population(10, sim.IF_curr_exp(tau_m=range(10, 20)))
local = list(map(int, cells.local_cells))
assert list(map(int, cells)) == local
assert [cell.local for cell in cells.all_cells].count(True) == len(local)
others = [cell for cell in cells.all_cells if not cell.local]
try:
    others[0].tau_m
except NotLocalError:
    assert len(cells.get("tau_m")) == cells.local_size == len(local)
    line = (sim.rank(), local[0], local[-1], len(cells), len(local), sim.num_processes())
    lines = sim.simulator.state.communicator.gather(line)
    if sim.rank() == 0:  # lines of several processes may mix
        print(lines)
"""


def test_an_error_in_one_process_ends_all(start):
    said = start(2, "-c", ONE_FAILS, fails=True)
    assert "ZeroDivisionError" in said


ONE_FAILS = """
import pyNN.ship as sim
sim.setup()
cells = sim.Population(20, sim.IF_curr_exp())
if sim.rank() == 1:
    1 / 0
sim.run(10.0)
"""


def test_what_needs_one_process_says_so(start):
    said = start(2, "-c", ONE_PROCESS)
    assert "Run it in one process." in said
    assert "2 processes and the executor 'torch'" in said


ONE_PROCESS = """
import pyNN.ship as sim
from pyNN.errors import ConnectionError
sim.setup()
cells = sim.Population(20, sim.IF_curr_exp())
try:
    sim.Projection(cells, cells, sim.OneToOneConnector(), sim.ElectricalSynapse(weight=0.01))
except ConnectionError as error:
    found = str(error)
try:
    sim.setup(executor="torch")
except NotImplementedError as error:
    found += str(error)
if sim.rank() == 0:  # lines of several processes may mix
    print(found)
"""


@pytest.mark.parametrize("name", VARIABLES)
def test_several_processes_need_mpi4py(sim, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.delitem(sys.modules, "mpi4py.MPI", raising=False)
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(name, "4")
    with pytest.raises(RuntimeError, match=rf"one of 4 MPI processes \({name}\).*Install mpi4py"):
        sim.setup()
    monkeypatch.setenv(name, "1")
    assert (sim.setup(), sim.num_processes()) == (0, 1)


def test_processes_that_do_not_see_each_other_are_refused(sim, monkeypatch):
    """An mpi4py for another MPI library takes each process for the only one."""
    monkeypatch.setattr("pyNN_ship.processes.MPIProcesses", OneOfOne)
    monkeypatch.setenv("PMI_SIZE", "2")
    with pytest.raises(RuntimeError, match="mpi4py sees no other"):
        sim.setup()
    monkeypatch.delenv("PMI_SIZE")
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", sys)
    assert (sim.setup(), sim.num_processes()) == (0, 1)


class OneOfOne:
    size = 1


def test_mpi_is_not_loaded_by_a_script_for_one_process():
    code = (
        "import sys, pyNN.ship as sim; sim.setup(); sim.Population(1, sim.IF_curr_exp()); "
        "sim.run(1.0); assert not any(name.startswith('mpi4py') for name in sys.modules)"
    )
    without = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    subprocess.run([sys.executable, "-c", code], check=True, env=without)
