"""Descriptions of cells and synapses that come from elsewhere."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from ship_engine.equations import integration_of, neuron_model, synapse_model
from ship_engine.equations.description import (
    Assignment,
    Definition,
    Derivative,
    Function,
    NeuronDescription,
    Parameter,
    Port,
    State,
    SynapseDescription,
)
from ship_engine.errors import InvalidEquationsError
from ship_engine.models import base


class TestDescriptions:
    """Mistakes that only a description can have."""

    STATES = (State("x"),)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                {"states": STATES, "derivatives": (Derivative("x", "1/ms"), Derivative("x", "0"))},
                "There are two equations dx/dt; keep one.",
            ),
            ({"states": STATES, "derivatives": (Derivative("y", "1/ms"),)}, "dy/dt: 'y' is not a"),
            ({"parameters": (Parameter("p", 1.0), Parameter("p", 2.0))}, "name of two parameters"),
            ({"parameters": (Parameter("p", "q"),)}, "'q' in the value of the parameter 'p'"),
            ({"parameters": (Parameter("p", 1.0, "1", float("nan")),)}, "are not two numbers"),
            ({"states": tuple(State(f"x{k}") for k in range(501))}, "501 states are more than 500"),
            (
                {"states": STATES, "held": ("y",), "parameters": (Parameter("p", 1.0, "ms"),)},
                "Held in the refractory period: 'y' is not a state",
            ),
            (
                {"states": STATES, "ports": (Port("a", "x", "1"), Port("a", "x", "1"))},
                "There are two ports 'a'",
            ),
            (
                {"functions": (Function("f", ("a",), "g(a)"), Function("g", ("a",), "f(a)")),
                 "definitions": (Definition("d", "f(1)"),)},
                "The function 'f' calls itself.",
            ),
            (
                {"functions": (Function("f", ("a",), "a", ("mV",)),),
                 "definitions": (Definition("d", "f(1)"),)},
                "'a' of f is in mV, but '1' is dimensionless",
            ),
            (
                {"functions": (Function("f", ("a",), "a", (), "mV"),),
                 "definitions": (Definition("d", "f(1)"),)},
                "Units in the function 'f' do not balance: its result is in mV, but 'a' is dim",
            ),
            (
                {"functions": (Function("f", ("a",), "a"),),
                 "definitions": (Definition("d", "f(1, 2)"),)},
                "f takes 1 argument, not 2",
            ),
        ],
    )  # fmt: skip
    def test_mistakes(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(InvalidEquationsError, match=re.escape(message)):
            neuron_model(NeuronDescription("Described", **arguments))

    def test_functions_are_put_in(self) -> None:
        description = NeuronDescription(
            "Described",
            parameters=(Parameter("p", 2.0, "mV"), Parameter("q", "3*p", "mV")),
            states=(State("x", "p + q", "mV"),),
            functions=(Function("twice", ("a",), "2*a"), Function("f", ("a", "b"), "twice(a)/b")),
            derivatives=(Derivative("x", "-f(x, 4 ms)"),),
        )
        model = neuron_model(description)
        assert integration_of(model) == "x exactly."
        assert model.states[0].initial == 8.0

    def test_a_synapse(self) -> None:
        description = SynapseDescription(
            "Described",
            states=(State("x"),),
            on_pre=(Assignment("y", "x + 1"), Assignment("x", "2*y")),
        )
        assert synapse_model(description).on_pre(3.0, 1.0) == (8.0, 1.0)

    def test_one_that_is_too_large(self) -> None:
        """Each definition is computed from the one before, which is more than there may be."""
        definitions = [Definition("d0", "x")]
        definitions += [
            Definition(f"d{k}", f"exp(d{k - 1}) + sin(d{k - 1})") for k in range(1, 200)
        ]
        with pytest.raises(InvalidEquationsError, match="These equations are too large"):
            neuron_model(NeuronDescription("Described", states=(State("x"),), definitions=tuple(
                definitions)))  # fmt: skip

    def test_one_that_would_be_large_if_it_were_written_out(self) -> None:
        """Parts that occur more than once are computed once, at compile time and at run time."""
        definitions = [Definition("d0", "x")]
        for k in range(1, 40):
            definitions.append(
                Definition(f"d{k}", f"where(d{k - 1} > {k}, a*d{k - 1}, b*d{k - 1})")
            )
        start = time.perf_counter()
        parameters = (Parameter("a", 0.9), Parameter("b", 1.1))
        neuron_model(
            NeuronDescription(
                "Described",
                parameters,
                (State("x", 0.5),),
                (Derivative("x", "-d39/ms"),),
                tuple(definitions),
            )
        )
        assert time.perf_counter() - start < 10.0


def test_parameters_of_the_engine_can_be_given() -> None:
    parameter = base.Parameter("tau", 3.0, "ms", minimum=1.0, maximum=5.0)
    model = neuron_model("A", "dx/dt = -x/tau : 1", parameters={"tau": parameter})
    assert model.parameters == (parameter,)


def test_divisors_in_ms_and_nf_are_positive() -> None:
    parameters = {"tau": "3 ms", "cm": "1 nF", "g": "1 uS", "pause": (2, "ms")}
    text = "dv/dt = -v*g/cm - v/tau : mV"
    model = neuron_model(
        "A", text, threshold="v > 1 mV", reset="v = 0", parameters=parameters, initial={"v": 0},
        refractory="pause",
    )  # fmt: skip
    allowed = {p.name: p.requirement for p in model.parameters}
    assert allowed == {"tau": "> 0", "cm": "> 0", "g": "a finite number", "pause": ">= 0"}


CHAIN = "\n".join(f"dx{k}/dt = (x{k + 1} - x{k})/ms : 1" for k in range(300)) + "\nx300 : 1"
DENSE = "\n".join(
    f"dx{k}/dt = ({' + '.join(f'x{j}' for j in range(90))})/ms : 1" for k in range(90)
)
BOMBS: dict[str, tuple[dict[str, Any], str]] = {
    "a parenthesis that stays open": (
        {"equations": "dx/dt = " + "(\n" * 45_000},
        "is a parenthesis not closed",
    ),
    "a text without end": ({"equations": "#" * 200_000}, "200000 characters are more than"),
    "a value without end": (
        {"equations": "x : 1", "parameters": {"p": "1 a" + " " * 200_000 + "b"}},
        "is not a number",
    ),
    "assignments": (
        {"equations": "x : 1", "threshold": "x > 1", "reset": "a = 1;" * 9_000},
        "has 9000 assignments, more than 500",
    ),
    "a long chain": ({"equations": CHAIN}, ""),
    "everything depends on everything": ({"equations": DENSE}, ""),
    "a product with a long derivative": (
        {"equations": f"dv/dt = -{'*'.join(f'(v + {k})' for k in range(300))}/ms : 1"},
        "",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), BOMBS.values(), ids=BOMBS)
def test_large_models_are_made_or_refused_in_time(arguments: dict[str, Any], message: str) -> None:
    start = time.perf_counter()
    try:
        neuron_model("Large", **arguments)
        refused = ""
    except InvalidEquationsError as error:
        refused = str(error)
    assert message in refused
    assert time.perf_counter() - start < 10.0
