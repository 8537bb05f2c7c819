"""The machinery of ``make conformance``, without what it runs; and the page that it writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from . import not_applicable, report, sdist, stand_in
from .__main__ import PAGE, main
from .examples import names_of_runs
from .outcomes import FAILED, PASSED, REFUSED, SKIPPED, STALE, Outcome, count, judged
from .suites import Run, SuiteError, run_tests

LISTS = ("SCENARIOS", "UNIT_TESTS", "EXAMPLES")
LISTED = {"It needs two processes.": ("test_parallel.py::*", "test_a.py::test_two")}


class TestThePage:
    @pytest.mark.parametrize("name", LISTS)
    def test_lists_what_does_not_apply(self, name: str) -> None:
        assert report.reasons(getattr(not_applicable, name)) in PAGE.read_text("utf-8")

    def test_lists_no_reason_that_is_gone(self) -> None:
        text = PAGE.read_text("utf-8")
        assert text.count("| does not apply | reason |") == len(LISTS)

    def test_lists_the_files_without_a_simulator(self) -> None:
        assert report.without_simulator() in PAGE.read_text("utf-8")

    @pytest.mark.parametrize("name", LISTS)
    def test_a_reason_is_a_sentence_and_a_pattern_has_one(self, name: str) -> None:
        listed = getattr(not_applicable, name)
        assert all(reason[0].isupper() and reason.endswith(".") for reason in listed)
        patterns = [pattern for patterns in listed.values() for pattern in patterns]
        assert len(patterns) == len(set(patterns))

    def test_shows_each_run(self) -> None:
        runs = {
            name: Run([Outcome("test_a.py::test_one", PASSED, 1.0)], 2.0)
            for name in ("scenarios", "unittests", "examples")
        }
        text = report.page(runs, {"nest": runs["scenarios"]})
        assert "| Scenarios | 1 | 0 | 0 | 0 | 2 |" in text
        assert "on nest | 1 | 0" in text
        assert "| `test_a.py` | 1 | 1 |" in text
        assert "| `test_a.py::test_one` | passed | 1.0 |" in text


class TestTheJudgement:
    @pytest.mark.parametrize(
        ("name", "status", "verdict"),
        [
            ("test_a.py::test_one", PASSED, PASSED),
            ("test_a.py::test_one", FAILED, FAILED),
            ("test_a.py::test_two", FAILED, REFUSED),
            ("test_a.py::test_two", SKIPPED, REFUSED),
            ("test_a.py::test_two", PASSED, STALE),
            ("test_parallel.py::Test::test_any", FAILED, REFUSED),
        ],
    )
    def test_of_one_outcome(self, name: str, status: str, verdict: str) -> None:
        found = {outcome.name: outcome for outcome in judged([Outcome(name, status)], LISTED)}
        assert found[name].status == verdict
        assert ("two processes" in found[name].reason) == (verdict in (REFUSED, STALE))

    def test_a_pattern_that_meets_no_test_is_a_failure(self) -> None:
        outcomes = judged([Outcome("test_parallel.py::Test::test_any", FAILED)], LISTED)
        assert [(found.name, found.status) for found in outcomes] == [
            ("test_a.py::test_two", FAILED),
            ("test_parallel.py::Test::test_any", REFUSED),
        ]

    def test_counts(self) -> None:
        outcomes = [Outcome("a", PASSED), Outcome("b", FAILED), Outcome("c", STALE)]
        assert count(outcomes, FAILED, STALE) == 2
        terminal = report.for_terminal("All", Run(outcomes, 1.0))
        assert terminal.startswith("All: 1 passed, 2 failed, 0 refused, 0 skipped, in 1 s")


class TestTheSourceDistribution:
    def test_another_archive_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / sdist.ARCHIVE).write_bytes(b"something else")
        with pytest.raises(sdist.SdistError, match=r"SHA-256 .* remove the file"):
            sdist.unpacked(tmp_path)

    def test_what_pip_says_is_passed_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        asked = []

        def without_network(command: list[str], **options: object) -> SimpleNamespace:
            asked.append(command)
            return SimpleNamespace(stderr="no route to host")

        monkeypatch.setattr(subprocess, "run", without_network)
        assert main(["--cache", str(tmp_path)]) == 2
        assert "no route to host" in capsys.readouterr().err
        assert "--no-build-isolation" not in asked[0]
        assert "--no-build-isolation" in asked[1]


def test_runs_of_the_examples(tmp_path: Path) -> None:
    for name in ("brunel.py", "VAbenchmarks.py", "notes.txt"):
        (tmp_path / name).touch()
    names = names_of_runs(tmp_path)
    assert names[:2] == ["VAbenchmarks.py CUBA", "VAbenchmarks.py COBA"]
    assert names[-1] == "brunel.py"


SCENARIO = """
import pytest

def run_with_simulators(*names):
    return pytest.mark.parametrize("sim", [pytest.param(object(), id=name) for name in names])

@run_with_simulators("nest", "neuron")
def test_which(sim):
    assert sim.__name__ == "pyNN.ship"

@run_with_simulators("nest")
def test_that_fails(sim):
    assert sim.get_current_time() == "late"

@run_with_simulators("nest")
def test_that_is_skipped(sim):
    pytest.skip("not here")
"""
UNIT_TEST = """
import pyNN.mock as sim

def test_which():
    assert sim.__name__ == "pyNN.ship"
    assert sim.setup(min_delay=0.123) == 0
    assert sim.get_time_step() == 0.001
"""


class TestTheRunOfTests:
    """pytest with the plugin, in a process of its own."""

    @staticmethod
    def run(folder: Path, text: str, *options: str) -> dict[str, Outcome]:
        (folder / "test_it.py").write_text(text, "utf-8")
        outcomes = run_tests(sys.executable, folder, options).outcomes
        return {outcome.name.removeprefix("test_it.py::"): outcome for outcome in outcomes}

    def test_puts_a_scenario_to_ship_and_tells_what_came_of_it(self, tmp_path: Path) -> None:
        found = self.run(tmp_path, SCENARIO, "--everywhere")
        assert {name: outcome.status for name, outcome in found.items()} == {
            "test_which": PASSED,
            "test_that_fails": FAILED,
            "test_that_is_skipped": SKIPPED,
        }
        assert "late" in found["test_that_fails"].reason
        assert found["test_that_is_skipped"].reason == "not here"

    def test_leaves_out_what_is_not_put_to_a_simulator(self, tmp_path: Path) -> None:
        assert self.run(tmp_path, SCENARIO) == {}

    def test_puts_ship_in_the_place_of_the_mock(self, tmp_path: Path) -> None:
        assert self.run(tmp_path, UNIT_TEST, "--instead-of-mock")["test_which"].status == PASSED

    def test_a_file_that_cannot_be_read_is_a_failure(self, tmp_path: Path) -> None:
        (outcome,) = self.run(tmp_path, "import no_such_module").values()
        assert outcome.status == FAILED
        assert "no_such_module" in outcome.reason

    def test_pytest_that_cannot_start(self, tmp_path: Path) -> None:
        with pytest.raises(SuiteError, match="unrecognized arguments: --no-such-option"):
            self.run(tmp_path, "", "--no-such-option")


class TestTheStandIn:
    """What takes the place of the mock simulator."""

    @pytest.fixture
    def given(self) -> dict[str, object]:
        return {}

    @pytest.fixture
    def stand(self, given: dict[str, object]) -> stand_in.StandIn:
        simulator = SimpleNamespace(__name__="pyNN.other", setup=given.update)
        return stand_in.StandIn(simulator)  # type: ignore[arg-type]

    def test_chooses_a_step_that_divides_the_shortest_delay(
        self, stand: stand_in.StandIn, given: dict[str, object]
    ) -> None:
        stand.setup(min_delay=0.123)
        assert given == {"min_delay": 0.123, "timestep": 0.001}

    def test_leaves_a_given_step(self, stand: stand_in.StandIn, given: dict[str, object]) -> None:
        stand.setup(timestep=0.1, min_delay=0.2)
        assert given == {"min_delay": 0.2, "timestep": 0.1}


class TestComparison:
    """Lists of connections are compared in any order, and nothing else is."""

    assert_equal = staticmethod(stand_in._in_any_order(np.testing.assert_array_equal, 0))

    def test_connections_in_another_order_are_equal(self) -> None:
        self.assert_equal([(0, 0, 0.5), (1, 0, 0.7)], [(1, 0, 0.7), (0, 0, 0.5)])

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ([(0, 0, 0.5), (1, 0, 0.7)], [(1, 0, 0.5), (0, 0, 0.7)]),  # the weights changed places
            ([(0, 0, 0.5)], [(0, 0, 0.5), (0, 0, 0.5)]),
            ([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], [[0.4, 0.5, 0.6], [0.1, 0.2, 0.3]]),  # a matrix
            ([1.0, 2.0], [2.0, 1.0]),
            ("ab", "ba"),
        ],
    )
    def test_others_are_not(self, one: object, other: object) -> None:
        with pytest.raises(AssertionError):
            self.assert_equal(one, other)
