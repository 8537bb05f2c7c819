"""Equations that are incomplete, inconsistent or foreign are refused where they are written."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ship_engine.equations import integration_of, neuron_model, synapse_model
from ship_engine.errors import InvalidEquationsError, InvalidValueError

LEAKY: dict[str, Any] = {
    "equations": "dv/dt = (v_rest - v)/tau_m + (isyn + i_inj)/cm : mV\ndisyn/dt = -isyn/tau : nA",
    "threshold": "v > v_thresh",
    "reset": "v = v_rest",
    "parameters": {
        "v_rest": "-65 mV", "v_thresh": "-50 mV", "tau_m": "20 ms", "cm": "1 nF", "tau": "5 ms",
        "pause": "2 ms",
    },
    "initial": {"v": -65},
    "ports": {"excitatory": "isyn"},
    "refractory": "pause",
}  # fmt: skip


def changed(**arguments: Any) -> dict[str, Any]:
    """The arguments of a leaky neuron with some replaced; parameters and lines are added."""
    more = dict(arguments.pop("more", {}))
    lines = arguments.pop("lines", "")
    result = LEAKY | arguments
    result["parameters"] = {**LEAKY["parameters"], **more}
    result["equations"] = f"{result['equations']}\n{lines}"
    return {name: value for name, value in result.items() if value is not None}


def test_the_leaky_neuron_is_right() -> None:
    model = neuron_model("Leaky", **LEAKY)
    assert model.held == ("v",)
    assert integration_of(model) == "v, isyn exactly."


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "units of an equation": (
        {"equations": "dv/dt = (v_rest - v) : mV"},
        "Units in the equation of 'v' do not balance: dv/dt is in mV/ms, but 'v_rest - v' is in "
        "mV; divide that by something in ms.",
    ),
    "units of terms": (
        {"equations": "dv/dt = (v_rest - v + i_inj)/tau_m : mV"},
        "'v_rest' is in mV, but 'i_inj' is in nA; multiply the latter by something in MOhm.",
    ),
    "units of an exponent": (
        {"lines": "x = exp(v) : 1"},
        "what exp is taken of is dimensionless, but 'v' is in mV; divide it by something in mV.",
    ),
    "units of a power": (
        {"lines": "x = 2**tau : 1"},
        "an exponent is dimensionless, but 'tau' is in ms",
    ),
    "power of a unit": (
        {"lines": "x = v**y : 1\n y = isyn/(1 nA) : 1"},
        "'v**y' has a base in mV, and so needs a number as its exponent",
    ),
    "units of a definition": (
        {"lines": "x = v/tau : mV"},
        "Units in the definition of 'x' do not balance: 'x' is in mV, but 'v/tau' is in mV/ms; "
        "multiply that by something in ms.",
    ),
    "units of the threshold": (
        {"threshold": "v > cm"},
        "Units in the threshold do not balance: 'v' is in mV, but 'cm' is in nF",
    ),
    "units of the reset": (
        {"reset": "v = isyn"},
        "Units in 'v = ...' of the reset do not balance: 'v' is in mV, but 'isyn' is in nA",
    ),
    "units of a port": (
        {"ports": {"excitatory": ("isyn", "uS")}},
        "Units in the factor of the port 'excitatory' do not balance: it is in mV, but '1' is "
        "dimensionless",
    ),
    "unknown name": (
        {"equations": "dv/dt = (v_rst - v)/tau_m : mV"},
        "'v_rst' in the equation of 'v' is unknown. Did you mean 'v_rest'?",
    ),
    "unknown state in the reset": ({"reset": "vv = 0"}, "'vv' is not a state. Did you mean 'v'?"),
    "unknown state of a port": (
        {"ports": {"excitatory": "isin"}},
        "Port 'excitatory': 'isin' is not a state. Did you mean 'isyn'?",
    ),
    "unknown refractory period": (
        {"refractory": "paus"},
        "The refractory period 'paus' is not a parameter. Did you mean 'pause'?",
    ),
    "refractory period as a number": (
        {"refractory": 3.0},
        "The refractory period is 3.0; give the name of a parameter in ms",
    ),
    "unknown initial state": (
        {"initial": {"v": 0, "w": 1}},
        "There is an initial value for 'w', which is no state.",
    ),
    "refractory period without unit": (
        {"more": {"pause": 2.0}},
        "The refractory period 'pause' has to be in ms",
    ),
    "refractory period without threshold": (
        {"threshold": None, "reset": None},
        "There is a refractory period, 'pause', but no threshold",
    ),
    "held for how long": (
        {"refractory": None, "lines": "x : 1 (unless refractory)"},
        "x should stay constant after a spike, but for how long?",
    ),
    "threshold without reset": (
        {"reset": None},
        "There is a threshold, but no reset; write what a spike changes",
    ),
    "reset without threshold": (
        {"threshold": None, "refractory": None},
        "There is a reset, but no threshold",
    ),
    "threshold that is no condition": ({"threshold": "v"}, "'v', the threshold, is no condition"),
    "threshold that is not reached": ({"threshold": "v == 0"}, "does not say when something is"),
    "threshold of parameters": (
        {"threshold": "v_rest > v_thresh"},
        "depends on no state, and so is reached always or never",
    ),
    "threshold with the time step": (
        {"threshold": "v > dt*mV/ms"},
        "The threshold depends on dt",
    ),
    "reset with the current": (
        {"reset": "v = i_inj*MOhm"},
        "The reset depends on i_inj; it may depend on states and parameters.",
    ),
    "assigned parameter": (
        {"reset": "v_rest = v"},
        "'v_rest' is a parameter, which does not change by itself",
    ),
    "assigned definition": (
        {"lines": "x = 2*v : mV", "reset": "x = 0"},
        "'x' is not a state, and follows from its definition",
    ),
    "derivative of a parameter": (
        {"lines": "dtau/dt = 1 : ms"},
        "'tau' is the name of a parameter and a state; rename one.",
    ),
    "no initial value": (
        {"initial": {}},
        "'v' has no initial value, and needs one, since the threshold looks at it",
    ),
    "unit of an initial value": ({"initial": {"v": "3 nA"}}, "The initial value of 'v' is in nA"),
    "initial value of states": ({"initial": {"v": "isyn"}}, "'isyn' in the value of the state 'v'"),
    "initial value that is no number": ({"initial": {"v": [1, 2, 3]}}, "is not a number"),
    "initial value that is not finite": ({"initial": {"v": float("nan")}}, "is not finite"),
    "two equations": ({"lines": "dv/dt = 0 : mV"}, "There are two lines for 'v'"),
    "state and definition": ({"lines": "v = 2 : 1"}, "'v' is the name of a state and a definition"),
    "two definitions": ({"lines": "x = 1 : 1\n x = 2 : 1"}, "'x' is the name of two definitions"),
    "circular definitions": (
        {"lines": "x = y : 1\n y = 2*x : 1"},
        "The definitions of x, y depend on each other in a circle",
    ),
    "name of a function": ({"more": {"exp": 1}}, "'exp' has a meaning in the language"),
    "name of the language": ({"more": {"where": 1}}, "'where' has a meaning in the language"),
    "name of Python": ({"more": {"lambda": 1}}, "'lambda' has a meaning"),
    "name of the engine": ({"more": {"dt": 1}}, "'dt' has a meaning of its own"),
    "name with an ending": ({"more": {"v_end": 1}}, "'v_end' beside 'v' is taken by the code"),
    "no name": ({"more": {"2x": 1}}, "'2x', the name of a parameter, is not a name"),
    "underscore": ({"more": {"_x": 1}}, "'_x', the name of a parameter, is not a name"),
    "no unit": ({"lines": "dx/dt = 0"}, "The equation 'dx/dt = 0' has no unit"),
    "no equation": ({"lines": "hello world : mV"}, "'hello world : mV' is no equation"),
    "unknown unit": ({"lines": "x : mX"}, "'mX', the unit of the state 'x', is not a unit"),
    "unknown flag": (
        {"lines": "x : mV (constant)"},
        "The flag '(constant)' of 'x : mV (constant)'",
    ),
    "flag of a definition": (
        {"lines": "x = 1 : 1 (unless refractory)"},
        "'(unless refractory)' of 'x' has no meaning, for it is no state",
    ),
    "depends on the time step": (
        {"lines": "dx/dt = 1/dt : 1"},
        "The equation of 'x' depends on dt",
    ),
    "reset that is no assignment": ({"reset": "v -> 0"}, "'v -> 0' in the reset is no assignment"),
    "parameter that is no number": ({"more": {"x": "fast"}}, "'fast', the value of the parameter"),
    "parameter without number": ({"more": {"x": None}}, "None, the value of the parameter 'x'"),
    "parameter with a foreign unit": (
        {"more": {"x": (1, "mX")}},
        "'mX', the unit of the parameter",
    ),
    "parameter out of bounds": (
        {"more": {"x": (-1.0, "ms", 0.0)}},
        "x = -1 ms, its default, is not allowed by its bounds; it must be >= 0.",
    ),
    "parameters that are no mapping": ({"parameters": None}, "unknown"),
    "ports that are no mapping": ({"ports": ["isyn"]}, "ports = ['isyn']; give a dictionary"),
    "port that is no text": ({"ports": {"excitatory": 3}}, "The port 'excitatory' is 3"),
    "name of a port": ({"ports": {"a b": "isyn"}}, "'a b' is not a name for a port"),
    "factor of a port": (
        {"ports": {"excitatory": ("isyn", "nA", "v/mV")}},
        "The factor of the port 'excitatory' depends on v",
    ),
    "name of the model": (
        {"model": "My Model"},
        "'My Model', the name of the model, is not a name",
    ),
    "equations that are no text": ({"equations": 3}, "no equation"),
    "unknown method": ({"method": "heun"}, "method = 'heun' is unknown"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_in_cells(arguments: dict[str, Any], message: str) -> None:
    given = changed(**arguments)
    if "parameters" in arguments:
        del given["parameters"]
    name = given.pop("model", "Leaky")
    if message == "no equation":
        given["equations"], message = 3, "3: the equations are given as text"
    with pytest.raises(InvalidEquationsError, match=re.escape(message)):
        neuron_model(name, **given)


def test_parameters_that_are_a_list() -> None:
    with pytest.raises(InvalidEquationsError, match="give a dictionary, as in"):
        neuron_model("A", "x : 1", parameters=["tau"])  # type: ignore[arg-type]


SYNAPSE_MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "not linear": (
        {"equations": "dx/dt = -x**2/ms : 1"},
        "dx/dt is not linear in the states; between its spikes a synapse is not computed",
    ),
    "depends on the weight": (
        {"equations": "dx/dt = -x*weight/tau_w : 1", "parameters": {"tau_w": "1 weight*ms"}},
        "The equation of 'x' depends on weight; between spikes",
    ),
    "held": ({"equations": "x : 1 (unless refractory)"}, "Synapses have no refractory period"),
    "too many": (
        {"equations": "\n".join(f"dx{k}/dt = (x{k - 1} - x{k})/ms : 1" for k in range(9))},
        "cannot be solved exactly: 9 linear equations depend on each other",
    ),
    "units of the amount": (
        {"equations": "x : 1", "transmitted": "x"},
        "'transmitted' is in weight, but 'x' is dimensionless; multiply that by something in",
    ),
    "unknown state": ({"equations": "x : 1", "on_pre": "y = 1"}, "On_pre: 'y' is not a state"),
    "unknown name": ({"equations": "x : 1", "on_post": "x += z"}, "'z' in 'x = ...' of on_post"),
    "state that is taken": (
        {"equations": "de/dt = -e/ms : 1\n post_after_pre : 1", "on_pre": "e += 1",
         "on_post": "e += 1"},
        "'post_after_pre' is taken",
    ),
    "name that is given": ({"equations": "since_pre : ms"}, "'since_pre' has a meaning of its own"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), SYNAPSE_MISTAKES.values(), ids=SYNAPSE_MISTAKES)
def test_mistakes_in_synapses(arguments: dict[str, Any], message: str) -> None:
    given = {k: v.replace("x-1", "x8") if k == "equations" else v for k, v in arguments.items()}
    with pytest.raises(InvalidEquationsError, match=re.escape(message)):
        synapse_model("Faulty", **given)


def test_errors_are_those_of_invalid_values() -> None:
    assert issubclass(InvalidEquationsError, InvalidValueError)


def test_nothing_is_evaluated(tmp_path: Any) -> None:
    """Text that would be code in Python is refused, wherever it stands."""
    target = tmp_path / "written"
    code = f"open({str(target)!r}, 'w').write('x')"
    attempts: list[dict[str, Any]] = [
        {"equations": f"dx/dt = {code} : 1"},
        {"equations": f"x : {code}"},
        {"equations": "x : 1", "threshold": code, "reset": "x = 0"},
        {"equations": "x : 1", "threshold": "x > 1", "reset": f"x = {code}"},
        {"equations": "x : 1", "initial": {"x": code}},
        {"equations": "x : 1", "parameters": {"p": code}},
        {"equations": "x : 1", "parameters": {code: 1}},
        {"equations": "x : 1", "parameters": {"p": (1.0, code)}},
        {"equations": "x : 1", "ports": {"a": ("x", "1", code)}},
        {"equations": "x : 1", "ports": {code: "x"}},
    ]
    for attempt in attempts:
        with pytest.raises(InvalidEquationsError):
            neuron_model("Attempt", **attempt)
    with pytest.raises(InvalidEquationsError):
        neuron_model(f"A:\n    {code}\nclass B", "x : 1")
    assert not target.exists()
