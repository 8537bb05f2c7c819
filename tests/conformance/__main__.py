"""The command line: ``make conformance``, or ``python -m conformance --help`` in ``tests``."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from . import not_applicable, report, sdist
from .examples import names_of_runs, run_examples
from .outcomes import FAILED, SKIPPED, TROUBLES, Outcome, count, judged
from .suites import Run, SuiteError, run_tests

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CACHE = REPOSITORY / ".conformance"
PACKAGES_OF_PEERS = {"nest": "nest-simulator"}
PAGE = REPOSITORY / "docs" / "conformance.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line names, print the tables, and return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.write and options.suites:
        parser.error("--write needs all suites; name none")
    try:
        root = sdist.unpacked(options.cache)
        runs = {}
        for name in options.suites or SUITES:
            runs[name] = SUITES[name](root, options.workers)
            _show(report.TITLES[name], runs[name])
        peers = dict(_peer(root, simulator, python) for simulator, python in options.peer)
    except (sdist.SdistError, SuiteError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.write:
        PAGE.write_text(report.page(runs, peers), "utf-8")
    return int(any(count(run.outcomes, *TROUBLES) for run in runs.values()))


def scenarios(root: Path, workers: int) -> Run:
    """Put to ship each scenario that PyNN puts to any simulator; none may be skipped.

    They run in one process, so that their time can be compared with another simulator's.
    """
    folder = root / "test" / "system" / "scenarios"
    run = run_tests(sys.executable, folder, ["--simulator=ship", "--everywhere"])
    outcomes = [_must_run(outcome) for outcome in run.outcomes]
    return run._replace(outcomes=judged(outcomes, not_applicable.SCENARIOS))


def unit_tests(root: Path, workers: int) -> Run:
    """Run the unit tests of the code that simulators share, with ship instead of the mock."""
    folder = root / "test" / "unittests"
    others = not_applicable.UNIT_TESTS_WITHOUT_A_SIMULATOR
    files = sorted(path.name for path in folder.glob("test_*.py") if path.name not in others)
    options = ["--simulator=ship", "--instead-of-mock"]
    run = run_tests(sys.executable, folder, options, workers, files)
    return run._replace(outcomes=judged(run.outcomes, not_applicable.UNIT_TESTS))


def examples(root: Path, workers: int) -> Run:
    """Run each example on ship."""
    folder = root / "examples"
    run = run_examples(folder, names_of_runs(folder), "ship", workers)
    return run._replace(outcomes=judged(run.outcomes, not_applicable.EXAMPLES))


SUITES: Mapping[str, Callable[[Path, int], Run]] = {
    "scenarios": scenarios,
    "unittests": unit_tests,
    "examples": examples,
}


def _must_run(outcome: Outcome) -> Outcome:
    return replace(outcome, status=FAILED) if outcome.status == SKIPPED else outcome


def _peer(root: Path, simulator: str, python: str) -> tuple[str, Run]:
    """Run the scenarios that PyNN puts to another simulator; return its version, and the run."""
    folder = root / "test" / "system" / "scenarios"
    run = run_tests(python, folder, [f"--simulator={simulator}"])
    package = PACKAGES_OF_PEERS.get(simulator, simulator)
    ask = f"from importlib import metadata; print(metadata.version({package!r}))"
    answer = subprocess.run([python, "-c", ask], capture_output=True, text=True)
    name = f"{package} {answer.stdout.strip()}"
    _show(report.title_of_peer(name), run)
    return name, run


def _show(title: str, run: Run) -> None:
    print(report.for_terminal(title, run), end="\n\n", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    parser.add_argument("suites", nargs="*", choices=[*SUITES, []], help="all, if none is named")
    parser.add_argument("--workers", type=int, default=2, help="processes for unit tests, examples")
    parser.add_argument("--write", action="store_true", help=f"write docs/{PAGE.name}")
    parser.add_argument(
        "--peer",
        nargs=2,
        action="append",
        default=[],
        metavar=("SIMULATOR", "PYTHON"),
        help="also run the scenarios on another simulator, with the interpreter that has it",
    )
    parser.add_argument("--cache", type=Path, default=CACHE, help="where PyNN's files are kept")
    return parser


if __name__ == "__main__":
    sys.exit(main())
