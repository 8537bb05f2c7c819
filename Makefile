# Everything happens in virtual environments inside this folder, so that a machine with Python and
# pip is enough. An environment is installed when first needed and again when what it is made from
# changes; the packages themselves are installed editable and follow the sources.
#
#   make test PYTHON=python3.12                        another interpreter
#   make test PYTEST_ARGS="-m 'not slow' -k delivery"  some of the tests
#   make test VENV=.venv-oldest CONSTRAINTS=oldest.txt other versions of the dependencies

PYTHON ?= python3
VENV ?= .venv
VENV_PEERS ?= .venv-peers
VENV_TRAINING_PEERS ?= .venv-training-peers
VENV_CONFORMANCE ?= .venv-conformance
CONSTRAINTS ?= constraints.txt
WORKERS ?= 2
PYTEST_ARGS ?=
BENCH_ARGS ?=
CONFORMANCE_ARGS ?=

INSTALL = -m pip install --disable-pip-version-check --quiet --constraint $(CONSTRAINTS)
SOURCES_OF_AN_INSTALLATION = pyproject.toml setup.py shim/pyNN/ship.py ship_engine/_version.py \
	$(CONSTRAINTS)
CODE = pyNN_ship ship_engine tests benchmarks examples shim setup.py

.PHONY: help run test test-peers test-mpi conformance lint format bench peers \
	training-peers dist clean
.DEFAULT_GOAL := help
.NOTPARALLEL:

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

run: $(VENV)/.ready-run ## simulate a balanced network, the first example
	$(VENV)/bin/python examples/01_balanced_network.py ship

test: $(VENV)/.ready-test ## run the tests
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

test-peers: $(VENV_PEERS)/.ready ## run the tests that compare with NEST and NEURON
	$(VENV_PEERS)/bin/python -m pytest -m peers $(PYTEST_ARGS)

conformance: $(VENV_CONFORMANCE)/.ready ## run PyNN's own tests and examples on ship
	PYTHONPATH=tests $(VENV_CONFORMANCE)/bin/python -m conformance --workers $(WORKERS) \
		$(CONFORMANCE_ARGS)

test-mpi: $(VENV_CONFORMANCE)/.ready ## run the tests that start several processes with mpiexec
	$(VENV_CONFORMANCE)/bin/python -m pytest tests/pynn/test_processes.py $(PYTEST_ARGS)

lint: $(VENV)/.ready-test ## check style, format and types
	$(VENV)/bin/ruff check $(CODE)
	$(VENV)/bin/ruff format --check $(CODE)
	$(VENV)/bin/mypy

format: $(VENV)/.ready-test ## mend style and format where that can be done by itself
	$(VENV)/bin/ruff check --fix $(CODE)
	$(VENV)/bin/ruff format $(CODE)

bench: $(VENV)/.ready-run ## time networks on ship, and on its peers if they are installed
	$(VENV)/bin/python -m benchmarks $(BENCH_ARGS)

peers: $(VENV_PEERS)/.ready ## install NEST and NEURON in an environment of their own

training-peers: $(VENV_TRAINING_PEERS)/.ready ## install libraries that train, to compare with

dist: $(VENV)/.ready-test ## build the source distribution, and from it the wheel
	rm -rf build dist
	$(VENV)/bin/python $(INSTALL) build
	$(VENV)/bin/python -m build --quiet

clean: ## remove the environments and whatever was built
	rm -rf $(VENV) $(VENV_PEERS) $(VENV_TRAINING_PEERS) $(VENV_CONFORMANCE) .conformance
	rm -rf .venv-wheel build dist *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready-run: $(SOURCES_OF_AN_INSTALLATION) | $(VENV)/bin/python
	@echo "Installing in $(VENV), which may take some minutes ..."
	$(VENV)/bin/python $(INSTALL) --editable ".[examples]"
	@touch $@

$(VENV)/.ready-test: $(SOURCES_OF_AN_INSTALLATION) | $(VENV)/bin/python
	@echo "Installing in $(VENV), which may take some minutes ..."
	$(VENV)/bin/python $(INSTALL) --editable ".[test,examples]"
	@touch $(VENV)/.ready-run $@

# One example of PyNN's needs MPI. mpi4py without an MPI library is worse than none: both or neither.
$(VENV_CONFORMANCE)/.ready: $(SOURCES_OF_AN_INSTALLATION)
	$(PYTHON) -m venv $(VENV_CONFORMANCE)
	$(VENV_CONFORMANCE)/bin/python $(INSTALL) --editable ".[conformance]"
	$(VENV_CONFORMANCE)/bin/python $(INSTALL) "mpi4py>=4" "mpich>=4" || \
		echo "There is no MPI for this machine; the example that needs it will be left out."
	@touch $@

# PyNN's NEURON backend brings its mechanisms as source; nrnivmodl compiles them where it looks.
$(VENV_PEERS)/.ready: $(SOURCES_OF_AN_INSTALLATION)
	$(PYTHON) -m venv $(VENV_PEERS)
	$(VENV_PEERS)/bin/python $(INSTALL) --editable ".[test,examples,peers]"
	nrnivmodl="$$(pwd)/$(VENV_PEERS)/bin/nrnivmodl" && \
	cd "$$($(VENV_PEERS)/bin/python -c 'import pyNN; print(pyNN.__path__[0])')/neuron/nmodl" && \
	"$$nrnivmodl" .
	@touch $@

# SpikingJelly comes last and alone, lest it bring a torch of its own; the packages before it are
# those without which it does not import.
$(VENV_TRAINING_PEERS)/.ready: $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV_TRAINING_PEERS)
	$(VENV_TRAINING_PEERS)/bin/python $(INSTALL) torch snntorch norse sinabs loguru tqdm
	$(VENV_TRAINING_PEERS)/bin/python $(INSTALL) --no-deps spikingjelly
	@touch $@
