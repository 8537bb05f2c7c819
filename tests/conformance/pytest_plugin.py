"""A plugin of pytest that puts the tests of PyNN to a simulator, and writes down what came of it.

PyNN's scenarios name the simulators that they run on, each in its decorator; its unit tests
import `pyNN.mock`. Neither is changed on disk: the plugin replaces the parameter of the one, and
the module of the other.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

from .stand_in import StandIn, compare_connections_in_any_order
from .suites import last_line

PARAMETER = "sim"
LEFT_OUT = "left out"
REPLACED_MODULE = "pyNN.mock"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance")
    group.addoption("--simulator", default="ship", help="name of a simulator of PyNN")
    group.addoption("--everywhere", action="store_true", help="also where PyNN does not list it")
    group.addoption("--instead-of-mock", action="store_true", help="in the unit tests of PyNN")
    group.addoption("--outcomes", type=Path, help="file for what came of each test, JSON")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("instead_of_mock"):
        pynn = importlib.import_module("pyNN")
        simulator = importlib.import_module(f"pyNN.{config.getoption('simulator')}")
        sys.modules[REPLACED_MODULE] = pynn.mock = StandIn(simulator)
        compare_connections_in_any_order()
    if config.getoption("outcomes") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(config.getoption("outcomes")))


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Put a scenario that any simulator runs to the one that is asked for, and to no other."""
    name = metafunc.config.getoption("simulator")
    marks = metafunc.definition.own_markers
    for index, mark in enumerate(marks):
        if mark.name != "parametrize" or mark.args[0] != PARAMETER:
            continue
        everywhere = metafunc.config.getoption("everywhere")
        if everywhere or name in {parameter.id for parameter in mark.args[1]}:
            simulator = [pytest.param(importlib.import_module(f"pyNN.{name}"), id=name)]
        else:
            simulator = [pytest.param(None, id=LEFT_OUT)]
        marks[index] = pytest.mark.parametrize(PARAMETER, simulator).mark


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Drop the scenarios that PyNN does not put to the simulator."""
    items[:] = [item for item in items if not item.name.endswith(f"[{LEFT_OUT}]")]


class Recorder:
    """Writes the outcome of each test to a file when the session ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outcomes: dict[str, dict[str, object]] = {}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._add(report.nodeid, "failed", 0.0, last_line(report.longreprtext))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        status, reason = report.outcome, ""
        if status == "failed":
            crash = getattr(report.longrepr, "reprcrash", None)
            reason = crash.message if crash else last_line(report.longreprtext)
        elif status == "skipped":
            reason = _reason_of_a_skip(report.longrepr)
        self._add(report.nodeid, status, report.duration, reason)

    def _add(self, name: str, status: str, seconds: float, reason: str) -> None:
        """Add a phase of a test; the first that did not pass decides."""
        entry = self.outcomes.setdefault(name, {"status": "passed", "seconds": 0.0, "reason": ""})
        entry["seconds"] += seconds
        if entry["status"] == "passed":
            entry.update(status=status, reason=reason)

    def pytest_sessionfinish(self) -> None:
        self.path.write_text(json.dumps(self.outcomes), "utf-8")


def _reason_of_a_skip(longrepr: object) -> str:
    """Return what the test says; an expected failure says nothing here."""
    said = longrepr[2] if isinstance(longrepr, tuple) else "expected to fail"
    return said.removeprefix("Skipped: ")
