"""The tables of what came of it, for the terminal and for the page of the documentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from importlib import metadata

from . import not_applicable
from .outcomes import FAILED, PASSED, REFUSED, SKIPPED, TROUBLES, Outcome, count
from .suites import Run

PACKAGES = ("pynn-ship", "PyNN", "neo", "numpy", "numba", "scipy", "matplotlib")
LONGEST_REASON = 160
STATUSES = {
    "passed": (PASSED,),
    "failed": TROUBLES,
    "refused": (REFUSED,),
    "skipped": (SKIPPED,),
}
TITLES = {"scenarios": "Scenarios", "unittests": "Unit tests", "examples": "Examples"}


def counts(run: Run) -> tuple[str, ...]:
    """Return how many passed, failed, were refused and skipped, and the time in s."""
    numbers = (count(run.outcomes, *statuses) for statuses in STATUSES.values())
    return (*map(str, numbers), f"{run.seconds:.0f}")


def for_terminal(title: str, run: Run) -> str:
    """Return the counts, what did not pass with its error, and what does not apply by reason."""
    *numbers, seconds = counts(run)
    said = ", ".join(f"{number} {status}" for number, status in zip(numbers, STATUSES, strict=True))
    lines = [f"{title}: {said}, in {seconds} s"]
    for outcome in run.outcomes:
        if outcome.status in (*TROUBLES, SKIPPED):
            lines.append(f"  {outcome.status:8} {outcome.name}\n{'':11}{_short(outcome.reason)}")
    refused = Counter(outcome.reason for outcome in run.outcomes if outcome.status == REFUSED)
    lines += [f"  refused  {number}: {reason}" for reason, number in refused.items()]
    return "\n".join(lines)


def page(runs: Mapping[str, Run], peers: Mapping[str, Run]) -> str:
    """Return the page of the documentation that shows all runs.

    Parameters
    ----------
    runs : mapping
        Runs of the scenarios, unit tests and examples, by the names of `TITLES`.
    peers : mapping
        Runs of the scenarios on other simulators, by their names.
    """
    versions = [(name, metadata.version(name)) for name in PACKAGES]
    summary = [(TITLES[name], *counts(run)) for name, run in runs.items()]
    summary += [(title_of_peer(name), *counts(run)) for name, run in peers.items()]
    parts = [
        INTRODUCTION.format(date=date.today().isoformat()),
        _table(("package", "version"), versions),
        TIMES,
        _table(("suite", *STATUSES, "time (s)"), summary),
        SCENARIOS,
        _table(("file", "passed", "of"), _by_file(runs["scenarios"].outcomes)),
        reasons(not_applicable.SCENARIOS),
        _troubles(runs["scenarios"].outcomes),
        UNIT_TESTS,
        _table(("file", "passed", "of"), _by_file(runs["unittests"].outcomes)),
        reasons(not_applicable.UNIT_TESTS),
        _skipped(runs["unittests"].outcomes),
        _troubles(runs["unittests"].outcomes),
        NO_SIMULATOR,
        without_simulator(),
        EXAMPLES,
        _table(("example", "outcome", "time (s)"), map(_example, runs["examples"].outcomes)),
        reasons(not_applicable.EXAMPLES),
        _troubles(runs["examples"].outcomes),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def title_of_peer(simulator: str) -> str:
    """Return the title of the scenarios that another simulator ran, named with its version."""
    return f"Those scenarios that PyNN puts to it, on {simulator}"


def reasons(listed: Mapping[str, Sequence[str]]) -> str:
    """Return the table of what does not apply, and why."""
    rows = [
        ("<br>".join(f"`{name}`" for name in names), reason) for reason, names in listed.items()
    ]
    return _table(("does not apply", "reason"), rows)


def without_simulator() -> str:
    """Return the table of the unit tests that have no simulator to replace."""
    files = not_applicable.UNIT_TESTS_WITHOUT_A_SIMULATOR
    return _table(("file", "what it tests"), [(f"`{name}`", what) for name, what in files.items()])


def _by_file(outcomes: Iterable[Outcome]) -> list[tuple[str, str, str]]:
    files: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        files.setdefault(outcome.name.partition("::")[0], []).append(outcome)
    return [
        (f"`{name}`", str(count(found, PASSED)), str(len(found))) for name, found in files.items()
    ]


def _example(outcome: Outcome) -> tuple[str, str, str]:
    ran = outcome.status in (PASSED, FAILED)
    status = "does not apply" if outcome.status == REFUSED else outcome.status
    return f"`{outcome.name}`", status, f"{outcome.seconds:.1f}" if ran else ""


def _skipped(outcomes: Iterable[Outcome]) -> str:
    rows = [(f"`{found.name}`", found.reason) for found in outcomes if found.status == SKIPPED]
    return _table(("skipped by PyNN itself", "its reason"), rows) if rows else ""


def _troubles(outcomes: Iterable[Outcome]) -> str:
    rows = [(f"`{found.name}`", found) for found in outcomes if found.status in TROUBLES]
    if not rows:
        return ""
    table = [(name, f"{found.status}: {_short(found.reason)}") for name, found in rows]
    return _table(("does not pass yet", "error"), table)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(line) + " |" for line in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def _short(reason: str) -> str:
    text = " ".join(reason.replace("|", "/").split())
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


INTRODUCTION = """\
# Conformance

PyNN comes with tests of its own and with examples. `make conformance` runs them on ship: it lets
pip fetch the source distribution of PyNN, puts its system tests and the unit tests of its common
code to ship, runs its examples, and compares the outcome with the list of what does not apply.
Nothing of PyNN's tests is kept in this repository, and nothing of them is changed on disk: a
plugin of pytest replaces the simulator while they run. The command fails if a test fails that is
not in the list, and also if one passes that is.

What does not apply, and why, is listed in `tests/conformance/not_applicable.py` and shown here as
*refused*; what PyNN itself leaves out, as *skipped*. Continuous integration runs all of it.

This page was written by `make conformance CONFORMANCE_ARGS=--write` on {date}, with"""

TIMES = """\
`--peer` adds another simulator, run with an interpreter that has it, as in
`make conformance CONFORMANCE_ARGS="--peer nest .venv-peers/bin/python"`. The scenarios always run
in one process, so that their times can be compared. Times include the start of Python, and the
compilation of those kernels that had not been compiled on the machine before."""

SCENARIOS = """\
## Scenarios

The system tests that PyNN puts to NEST, NEURON, Brian2 or Arbor, each of them put to ship."""

UNIT_TESTS = """\
## Unit tests

PyNN tests the code that all simulators share with a simulator that computes nothing. Here ship
takes its place; the time step is made fine enough for the delays in these tests, and lists of
connections are compared without regard to their order, which PyNN leaves to the simulator."""

NO_SIMULATOR = """\
The other files have no simulator that could be replaced, and are not run:"""

EXAMPLES = """\
## Examples

Each runs unmodified as `python name.py ship`, with what the table says after it and, where it can
draw a figure, the flag for it. A time includes starting Python, PyNN and Matplotlib."""
