"""What of PyNN's tests and examples does not apply to ship, each with the reason.

Everything listed is run all the same, where it can be, so that an entry that has become wrong is
found: a test that passes although it is listed makes the command fail.
"""

from __future__ import annotations

SCENARIOS: dict[str, tuple[str, ...]] = {
    "Cells of several compartments are not simulated yet.": ("test_scenario5.py::test_scenario5",),
}
"""Names, or patterns of names, of tests, by reason."""

UNIT_TESTS: dict[str, tuple[str, ...]] = {
    "The test claims that there are two processes, of which this is one with half of the cells; "
    "there is one, which has all of them, and ship counts processes itself.": (
        "test_assembly.py::AssemblyTest::test_get_multiple_params_no_gather",
        "test_connectors_parallel.py::*",
        "test_population.py::PopulationTest::test_get_multiple_params_no_gather",
        "test_population.py::PopulationTest::test_set_random_distribution_parallel_*",
    ),
    "The test expects the two spikes that the mock simulator invents for each cell; ship's cells "
    "are at rest.": (
        "test_assembly.py::AssemblyTest::test_mean_spike_count",
        "test_population*.py::*::test_get_spike_counts",
        "test_population.py::PopulationTest::test_get_spikes_with_gather",
        "test_population*.py::*::test_mean_spike_count",
        "test_populationview.py::PopulationViewTest::test_get_data_with_gather",
    ),
    "The test gives delays shorter than the shortest that it has announced, or a synapse that "
    "uses more than all of its resources (U > 1); ship refuses both.": (
        "test_connectors_serial.py::TestFromFileConnector::*_not_distributed",
        "test_connectors_serial.py::TestFromListConnector::test_with_plastic_synapse",
    ),
}
"""Names, or patterns of names, of tests that use the mock simulator, by reason."""

UNIT_TESTS_WITHOUT_A_SIMULATOR: dict[str, str] = {
    "test_core.py": "functions of `pyNN.core`",
    "test_descriptions.py": "template engines",
    "test_files.py": "files of connections",
    "test_idmixin.py": "`IDMixin`, with a population of its own",
    "test_lowlevelapi.py": "makers of `create`, `connect` and `record`, with mock objects",
    "test_morphology.py": "morphologies",
    "test_parameters.py": "parameter spaces",
    "test_random.py": "random number generators",
    "test_recording.py": "`pyNN.recording`, with a simulator of its own",
    "test_space.py": "positions and distances",
    "test_standardmodels.py": "translation of parameters",
    "test_utility_functions.py": "functions of `pyNN.utility`",
    "test_brian.py": "the backend for Brian2",
    "test_nest.py": "the backend for NEST",
    "test_neuron.py": "the backend for NEURON",
}
"""Files that have no simulator which another could replace, and what they test."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "It describes cells in NineML, which ship does not read.": (
        "nineml_brunel.py*",
        "nineml_neuron.py*",
    ),
    "It imports the backend for NEURON, whatever simulator is asked for, to show a cell of "
    "NEURON's.": ("nrn_artificial_cell.py*",),
}
"""Names, or patterns of names, of examples with their arguments, by reason."""
