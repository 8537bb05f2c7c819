"""Networks of groups give what the original SHIP gives.

The reference is stored in single precision; tests/reference/platform/README.md tells what it is,
and where the original departs from the paper, which no case here depends on.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import ship_engine

FOLDER = Path(__file__).resolve().parents[1] / "reference" / "platform"
MODELS = {
    "inputN": "Input",
    "liN": "LI",
    "lifN": "LIF",
    "lifN_b": "LIFSharedRest",
    "lifN_c": "LIFRestAndReset",
    "lS_1o": "LeakySynapse",
    "lS_2o": "SecondOrderSynapse",
    "lS_FZenke": "SummedLeakySynapse",
    "wireS": "Wire",
    "linkS": "Link",
}
WRAPPERS = {
    "refractory": "refractory",
    "refractory_variabletimestep": "refractory",
    "delayed": "delayed",
    "WinnerTakeAll": "winner_take_all",
}
ALWAYS = {"lifN_b": {"u_min": 0.0}, "lifN_c": {"u_min": 0.0}}  # what the original has built in
SEVERAL_BEST_ORDERS = ("loop", "to itself")
TOLERANCE = {"float64": 1e-6, "float32": 1e-5}


def load_cases():
    place = FOLDER / "platform_cases.py"
    specification = importlib.util.spec_from_file_location(place.stem, place)
    module = importlib.util.module_from_spec(specification)
    sys.modules[place.stem] = module  # where a dataclass looks for the module that it is made in
    specification.loader.exec_module(module)
    return module.CASES


CASES = load_cases()


@pytest.fixture(scope="module")
def reference():
    with np.load(FOLDER / "original_ship.npz") as file:
        return dict(file)


def part(reference, name):
    """What is stored for a case."""
    return {
        key.removeprefix(f"{name}/"): value
        for key, value in reference.items()
        if key.startswith(f"{name}/")
    }


def model_of(group):
    model = getattr(ship_engine, MODELS[group.model])
    return getattr(ship_engine, WRAPPERS[group.wrapper])(model) if group.wrapper else model


def built(case, given, executor, dtype):
    """The network of a case, ready to run, and its input."""
    network = ship_engine.Network(executor=executor, dtype=dtype)
    for group in case.groups:
        arguments = dict(ALWAYS.get(group.model, {}))
        for name, value in group.parameters.items():
            arguments[name] = given.get(f"given/{group.name}/{name}", value)
        if group.size:
            arguments["N"] = group.size
        else:
            arguments["source"], arguments["target"] = group.ends
        network.add(model_of(group), group.name, **arguments)
        if group.recorded:
            network.set_monitor(group.name, *group.recorded)
    dt, steps = case.steps[0]
    network.init(dt=dt, nts=steps, batch_size=case.batch)
    inputs = torch.as_tensor(given["input"], dtype=dtype)
    sources = [group.name for group in case.groups if group.model == "inputN"]
    return network, dict.fromkeys(sources, inputs)


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("executor", ["numba", "torch"])
@pytest.mark.parametrize("name", CASES)
def test_same_states_and_outputs(reference, name, executor, precision):
    case, given = CASES[name], part(reference, name)
    network, inputs = built(case, given, executor, getattr(torch, precision))
    if len(case.steps) == 1:
        network.run(inputs)
    else:
        network.run_multisteps(case.steps, inputs)
    results = network.get_monitored_results()
    for group in case.groups:
        for what in group.recorded:
            expected = given[f"{group.name}/{what}"]
            found = results[group.name][what].double().numpy()
            assert found.shape == expected.shape, f"{group.name}.{what}"
            if expected.dtype == bool:
                np.testing.assert_array_equal(found, expected, err_msg=f"{group.name}.{what}")
            else:
                scale = max(np.abs(expected).max(), 1.0)
                np.testing.assert_allclose(
                    found,
                    expected,
                    rtol=TOLERANCE[precision],
                    atol=TOLERANCE[precision] * scale,
                    err_msg=f"{group.name}.{what}",
                )


@pytest.mark.parametrize("name", [name for name in CASES if name not in SEVERAL_BEST_ORDERS])
def test_same_order_of_groups(reference, name):
    """But for groups that do not depend on each other."""
    case, given = CASES[name], part(reference, name)
    network, _ = built(case, given, "numba", torch.float64)
    place = {group: k for k, group in enumerate(network.stack())}
    original = {g: k for k, g in enumerate(json.loads(str(reference["stacks"]))[name])}
    for group in case.groups:
        if not group.size:
            for one, other in (group.ends[0], group.name), (group.name, group.ends[1]):
                later = original[one] < original[other]
                assert (place[one] < place[other]) == later, f"{one} -> {other}"


@pytest.fixture(scope="module", params=["numba", "torch"])
def figure_8(request, reference):
    """Figure 8 of the paper, with what its script draws, and what ours makes of it."""
    given = part(reference, "figure 8")
    spikes = torch.zeros(1, 1000, 3)
    spikes[0, given["inputs"][:, 0], given["inputs"][:, 1]] = 1.0
    network = ship_engine.Network(executor=request.param)
    network.add(ship_engine.Input, "I", N=3)
    network.add(
        ship_engine.refractory(ship_engine.LIF),
        "N",
        N=1,
        tau_beta=torch.arange(10.0, 101.0, 10.0).unsqueeze(-1),
        u=given["u0"],
        refr_time=10.0,
    )
    network.add(
        ship_engine.LeakySynapse,
        "S",
        source="I",
        target="N",
        w=given["w"],
        w_scale=0.15,
        tau_alpha=5.0,
    )
    network.set_monitor("N", "u", "output")
    network.set_monitor("S", "output")
    network.init(dt=0.1, nts=1000, batch_size=10)
    network.run(spikes)
    return given, network.get_monitored_results()


def test_figure_8_has_the_spikes_of_the_original(figure_8):
    given, results = figure_8
    assert results.N.output[:, :, 0].nonzero().tolist() == given["spikes"].tolist()


def test_figure_8_has_the_potentials_of_the_original(figure_8):
    given, results = figure_8
    np.testing.assert_allclose(results.N.u[:, ::10, 0], given["u"], atol=3e-5)
    np.testing.assert_allclose(results.S.output[0, ::10], given["current"], atol=3e-6)
