"""
Store what the original SHIP gives for the networks in `platform_cases`.

Usage, in an environment with NumPy, torch and matplotlib, with the folder of
https://github.com/EmanueleGemo/SHIP (the one that has the folder SHIP in it)::

    python original_ship.py path/to/SHIP original_ship.npz

Stored for each case: what it was given, "case/input" [batch, time, component] and
"case/given/group/parameter"; and what it gave, "case/group/output" and "case/group/state",
computed in double and stored in single precision.  "stacks" tells in which order the groups of each
case are computed, "figure 8/..." what becomes of the network of figure 8 of the paper, and "origin"
versions, date and command.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from platform_cases import CASES, Case, Drawn, Group, OneOf

SEED = 20_240_108


def main() -> None:
    """Run every case and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("original", type=Path, help="folder of the original SHIP")
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.original.resolve()))
    import SHIP

    arrays = figure_8(SHIP)
    torch.set_default_dtype(torch.float64)
    rng = np.random.default_rng(SEED)
    stacks = {}
    for name, case in CASES.items():
        given = draw(case, rng)
        stacks[name], found = run(SHIP, case, given)
        arrays |= {f"{name}/{key}": stored(value) for key, value in (given | found).items()}
    origin = {
        "SHIP": SHIP.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "date": date.today().isoformat(),
        "command": f"python {Path(__file__).name} SHIP {arguments.output.name}",
    }
    texts = {"origin": json.dumps(origin), "stacks": json.dumps(stacks)}
    np.savez_compressed(arguments.output, **texts, **arrays)
    print(f"{arguments.output}: {len(CASES)} cases, {origin}")


def draw(case: Case, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Draw the input of a case and what its parameters leave to chance."""
    size = next(group.size for group in case.groups if group.model == "inputN")
    shape = (case.batch, case.number_of_steps, size)
    given: dict[str, NDArray[Any]] = {
        "input": rng.random(shape) < 0.35
        if case.given == "spikes"
        else short(rng.normal(0.15, 0.4, shape))
    }
    for first, end in case.silent:
        given["input"][:, first:end] = 0.0
    for group in case.groups:
        for name, value in group.parameters.items():
            if isinstance(value, Drawn):
                drawn = short(rng.uniform(value.low, value.high, value.shape))
            elif isinstance(value, OneOf):
                drawn = rng.choice(value.values, value.shape)
            else:
                continue
            given[f"given/{group.name}/{name}"] = drawn
    return given


def short(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to 1/1024, which single precision has exactly and which is short in a file."""
    return np.round(values * 1024.0) / 1024.0


def stored(values: NDArray[Any]) -> NDArray[Any]:
    """Numbers as they are stored: in single precision, or as what they are."""
    return values.astype(np.float32) if values.dtype == np.float64 else values


def run(
    SHIP: Any, case: Case, given: dict[str, NDArray[Any]]
) -> tuple[list[str], dict[str, NDArray[Any]]]:
    """Run one case on the original; return the order of its groups and what it recorded."""
    network = SHIP.network()
    for group in sorted(case.groups, key=lambda group: group.ends != ("", "")):
        network.add(model_of(SHIP, group), group.name, **arguments_of(group, given))
        if group.recorded:
            network.set_monitor(**{group.name: list(group.recorded)})
    network.init(dt=case.steps[0][0], nts=case.steps[0][1], batch_size=case.batch)
    values = torch.as_tensor(given["input"])
    if len(case.steps) == 1:
        network.run(values)
    else:
        network.run_multisteps(case.steps, values)
    results = network.get_monitored_results()
    found = {
        f"{group.name}/{what}": results[group.name][what].numpy()
        for group in case.groups
        for what in group.recorded
    }
    return [group.tag for group in network.stack], found


def model_of(SHIP: Any, group: Group) -> Any:
    """The original's class for a group."""
    model = getattr(SHIP, group.model)
    return getattr(SHIP, group.wrapper)(model) if group.wrapper else model


def arguments_of(group: Group, given: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """What the original is told about a group."""
    arguments: dict[str, Any] = {"dtype": torch.float64}
    if group.size:
        arguments["N"] = group.size
    else:
        arguments["source"], arguments["target"] = group.ends
    for name, value in group.parameters.items():
        key = f"given/{group.name}/{name}"
        arguments[name] = torch.as_tensor(given[key]) if key in given else value
    return arguments


def figure_8(SHIP: Any) -> dict[str, NDArray[Any]]:
    """The network of figure 8 with the numbers that its script draws, in single precision.

    Its times are in seconds.  The potential is stored in every tenth of the 1,000 steps of 0.1 ms.
    """
    torch.manual_seed(3000)
    spikes = torch.rand(1000, 3) < 20.0 * 1e-4
    network = SHIP.network()
    network.add(SHIP.inputN, "I", N=3)
    network.add(
        SHIP.refractory(SHIP.lifN),
        "N1",
        N=1,
        tau_beta=torch.arange(10e-3, 100e-3 + 1e-6, 10e-3).unsqueeze(-1),
        thr=1.0,
        _u_=lambda batch, n: torch.normal(torch.zeros(n), 1).abs().unsqueeze(0).expand(batch, n),
        refr_time=10e-3,
    )
    network.add(
        SHIP.lS_1o, "S1", source="I", target="N1", w_scale=150, tau_alpha=5e-3, w__=torch.rand
    )
    network.set_monitor(S1=["output"], N1=["u", "output"])
    network.init(dt=1e-4, nts=1000, batch_size=10)
    before = torch.get_rng_state()
    network.run(spikes.expand(10, 1000, 3))
    torch.set_rng_state(before)
    results = network.get_monitored_results()
    source, component = spikes.nonzero(as_tuple=True)
    found = {
        "inputs": torch.stack([source, component], dim=1),
        "w": network.groups.S1.w,
        "u0": torch.normal(torch.zeros(1), 1).abs(),
        "current": results.S1.output[0, ::10],
        "u": results.N1.u[:, ::10, 0],
        "spikes": results.N1.output[:, :, 0].nonzero(),
    }
    return {f"figure 8/{name}": value.numpy() for name, value in found.items()}


if __name__ == "__main__":
    main()
