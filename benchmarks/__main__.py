"""The command line of the benchmarks: ``python -m benchmarks --help``."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import networks, report, runner
from .machine import describe_machine, source_commit
from .simulators import Simulator, find

RESULTS = runner.REPOSITORY / "benchmarks" / "results"
USUAL = ["cuba", "coba", "tiny"]
EPILOG = """
examples:
  python -m benchmarks
  python -m benchmarks cuba --against nest neuron brian2
  python -m benchmarks brunel --against nest --duration 100 --repeats 1
  python -m benchmarks all --against nest --python-for nest=peers/bin/python --markdown

benchmarks:
  cuba, coba   Vogels-Abbott, 4,000 neurons       brunel     12,500 neurons, 15.6 M synapses
  tiny         10 neurons, a whole process        build      each connector, 4,000 x 4,000
  step         one step of two single neurons     first_use  a model before it was compiled
  stdp         100,000 plastic synapses, 5 s      cells      one step of each cell type
  synapses     100,000 with short-term dynamics or failures: cost, and what they transmit
  equations    models from equations against those written by hand
  large_network  the SHIP paper's: a million leaky synapses; against original_ship, too
  training     forward and backward through a layer; against snntorch spikingjelly norse sinabs
               sinabs_steps ship_torch
  stack_order  in which order groups advance, up to 4,000 of them
  accuracy     spike times of every cell type against the true ones (--repeats 1)
  lif_accuracy spike times and potentials of the integrate-and-fire cells (--repeats 1)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks that the command line names, print their tables, keep the results."""
    parser = _parser()
    options = parser.parse_args(arguments)
    names = list(networks.NAMES) if "all" in options.names else options.names or USUAL
    for name in names:
        if name not in networks.NAMES:
            parser.error(f"no benchmark {name!r}; there are {', '.join(networks.NAMES)} and all")
    pythons = _pythons(options.python_for)
    wanted = dict.fromkeys([options.reference, *options.against])  # each once, in order
    simulators = [find(name, pythons) for name in wanted]
    present = [simulator for simulator in simulators if simulator.python is not None]
    for simulator in simulators:
        found = simulator.problem or ", ".join(f"{k} {v}" for k, v in simulator.versions.items())
        print(f"{simulator.name}: {found}", file=sys.stderr)
    if not present:
        print("None of the simulators is installed.", file=sys.stderr)
        return 1
    for name in names:
        module = networks.load(name)
        given = _network_options(module.OPTIONS, options)
        print(f"{name}:", file=sys.stderr)
        runs = runner.measure(
            name,
            module,
            present,
            given,
            options.repeats,
            options.timeout,
            options.warm_up,
            tell=runner.report_progress,
        )
        _keep(options.results, name, given, simulators, runs)
        for table in report.tables(module, given, simulators, runs, options.reference):
            print("\n" + (table.as_markdown() if options.markdown else table.as_text()))
        print()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Run the same network on ship and on other simulators and compare them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    usual = " ".join(USUAL)
    add("names", nargs="*", metavar="NAME", help=f"of the list below, or all (if none: {usual})")
    add(
        "--against",
        nargs="*",
        default=["nest", "neuron"],
        metavar="SIMULATOR",
        help="the simulators to compare with (nest neuron)",
    )
    add("--reference", default="ship", metavar="SIMULATOR", help="divide by this one (ship)")
    add("--repeats", type=int, default=3, metavar="N", help="rounds, each with all of them (3)")
    add(
        "--python-for",
        nargs="+",
        action="extend",
        default=[],
        metavar="SIMULATOR=PATH",
        help="the Python interpreter that has a simulator, if it is not this one",
    )
    add("--markdown", action="store_true", help="print the tables in markdown")
    add("--results", type=Path, metavar="DIR", default=RESULTS, help="benchmarks/results")
    add("--timeout", type=float, default=1800.0, metavar="S", help="stop a process then (1800)")
    add(
        "--warm-up",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="first one short run, not counted, of the simulators that compile code",
    )
    some = parser.add_argument_group("options of some benchmarks")
    some.add_argument("--duration", type=float, metavar="MS", help="biological time to run")
    some.add_argument("--size", type=int, metavar="N", help="neurons (brunel, build, cells)")
    some.add_argument("--steps", type=int, metavar="N", help="steps (step)")
    some.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="threads (cuba, coba, brunel, large_network, training)",
    )
    some.add_argument(
        "--runs", type=int, metavar="N", help="in each process (large_network, training)"
    )
    some.add_argument("--limit", type=float, metavar="S", help="skip what takes longer (build)")
    some.add_argument("--model", metavar="CELL_TYPE", help="the PyNN cell type (first_use)")
    some.add_argument(
        "--spike-precision",
        choices=["off_grid", "on_grid"],
        help="spike times between the steps or on them (cuba, coba, brunel)",
    )
    return parser


def _pythons(pairs: Sequence[str]) -> dict[str, str]:
    result = {}
    for pair in pairs:
        name, equals, path = pair.partition("=")
        if not equals:
            raise SystemExit(f"--python-for wants SIMULATOR=PATH, not {pair!r}")
        result[name] = path
    return result


def _network_options(defaults: dict[str, Any], given: argparse.Namespace) -> dict[str, Any]:
    """Return the network's options, with those of the command line that it takes."""
    asked = {key: getattr(given, key) for key in defaults}
    return {key: defaults[key] if asked[key] is None else asked[key] for key in defaults}


def _keep(
    folder: Path,
    name: str,
    options: dict[str, Any],
    simulators: Sequence[Simulator],
    runs: Sequence[runner.Run],
) -> None:
    """Write all that is known of a benchmark to a dated JSON file."""
    now = datetime.datetime.now().astimezone()
    result = {
        "benchmark": name,
        "date": now.isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "commit": source_commit(runner.REPOSITORY),
        "options": options,
        "simulators": {s.name: s.problem or s.versions for s in simulators},
        "runs": [run.as_dict() for run in runs],
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{now:%Y-%m-%dT%H-%M-%S}_{name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(f"  kept in {path}", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
