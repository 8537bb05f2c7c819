"""Equations are integrated: linear ones exactly, the rest to the order that is announced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from ship_engine.equations import integration_of, neuron_model
from ship_engine.equations.matrices import matrix_flow
from ship_engine.equations.propagators import divided_exp_2, divided_exp_3, divided_exp_4
from ship_engine.models.base import Model, argument_names

Values = dict[str, Any]


def stepped(model: type[Model], states: Values, dt: float, **given: float) -> Values:
    """The states after one step, of floats or arrays."""
    values: Values = {p.name: p.default for p in model.parameters}
    values |= {"dt": dt, "i_inj": 0.0, "free": 1.0, **states, **given}
    coefficients = model.time_dep(*(values[n] for n in argument_names(model.time_dep)))
    values |= dict(zip(model.coefficients, coefficients, strict=True))
    result = model.advance_timestep(*(values[n] for n in argument_names(model.advance_timestep)))
    return dict(zip((s.name for s in model.states), result, strict=True))


def expm(matrix: Any) -> Any:
    """Exponential of a matrix; that of SciPy loses digits where eigenvalues nearly coincide."""
    with mpmath.workdps(40):
        rows = mpmath.expm(mpmath.matrix(np.asarray(matrix, float).tolist())).tolist()
    return np.array(rows, float)


def divided_difference(points: list[float]) -> float:
    """Divided difference of exp, from its series with as many digits as it takes."""
    with mpmath.workdps(60):
        exact = [mpmath.mpf(point) for point in points]
        mean = sum(exact) / len(exact)
        sums = [mpmath.mpf(1), *[mpmath.mpf(0)] * 300]
        for point in exact:
            for k in range(1, len(sums)):
                sums[k] += (point - mean) * sums[k - 1]
        n = len(points) - 1
        series = sum(s / mpmath.factorial(n + k) for k, s in enumerate(sums))
        return float(mpmath.exp(mean) * series)


POINT = st.floats(-30.0, 0.0) | st.sampled_from([0.0, -1.0, -1.0 - 1e-9, -1.0 - 1e-5, -1.3])


@settings(deadline=None)
@given(st.lists(POINT, min_size=2, max_size=4))
def test_divided_differences(points: list[float]) -> None:
    function = {2: divided_exp_2, 3: divided_exp_3, 4: divided_exp_4}[len(points)]
    assert function(*points) == pytest.approx(divided_difference(points), rel=1e-14)


@pytest.mark.parametrize("function", [divided_exp_2, divided_exp_3, divided_exp_4])
@pytest.mark.parametrize("apart", [0.0, 1e-12, 0.3])
def test_divided_differences_have_the_right_slopes(
    function: Callable[..., Any], apart: float
) -> None:
    """The derivative by a point is the divided difference with this point twice."""
    torch = pytest.importorskip("torch")
    count = len(argument_names(function))
    numbers = [-0.7 - apart * k for k in range(count)]
    points = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers]
    function(*points).backward()
    for k, point in enumerate(points):
        expected = divided_difference([*numbers, numbers[k]])
        assert point.grad.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("size", range(1, 7))
def test_matrix_exponentials(size: int) -> None:
    rng = np.random.default_rng(size)
    for scale in (1e-8, 1e-2, 1.0, 30.0):
        matrix = scale * (rng.normal(size=(size, size)) - size * np.eye(size))
        found = np.array(matrix_flow(size)(*matrix.ravel())).reshape(2, size, size)
        both = np.block([[matrix, np.eye(size)], [np.zeros((size, 2 * size))]])
        expected = expm(both)
        np.testing.assert_allclose(found[0], expected[:size, :size], rtol=0.0, atol=1e-13)
        np.testing.assert_allclose(found[1], expected[:size, size:], rtol=0.0, atol=1e-13)


CHAIN = """
dx/dt = -x/tau_x + y/ms : 1
dy/dt = -y/tau_y + z/ms + bias/ms : 1
dz/dt = -z/tau_z : 1
"""
TAU = st.sampled_from([0.5, 5.0, 5.0 * (1.0 + 1e-9), 5.1, 20.0, 1e6])


@settings(deadline=None)
@given(TAU, TAU, TAU, st.sampled_from([0.01, 0.1, 1.0, 50.0]))
def test_a_chain_is_exact_for_any_time_constants(
    tau_x: float, tau_y: float, tau_z: float, dt: float
) -> None:
    model = CHAIN_MODEL
    assert integration_of(model) == "x, y, z exactly."
    given_values = {"tau_x": tau_x, "tau_y": tau_y, "tau_z": tau_z, "bias": 0.3}
    found = stepped(model, {"x": 1.0, "y": -2.0, "z": 3.0}, dt, **given_values)
    matrix = np.array(
        [[-1 / tau_x, 1, 0, 0], [0, -1 / tau_y, 1, 0.3], [0, 0, -1 / tau_z, 0], [0, 0, 0, 0]]
    )
    expected = expm(matrix * dt) @ [1.0, -2.0, 3.0, 1.0]
    np.testing.assert_allclose(list(found.values()), expected[:3], rtol=1e-11, atol=1e-13)


def _chain() -> type[Model]:
    parameters = {"tau_x": "5 ms", "tau_y": "5 ms", "tau_z": "5 ms", "bias": 0.0}
    return neuron_model("Chain", CHAIN, parameters=parameters)


CHAIN_MODEL = _chain()


@pytest.mark.parametrize("resonance", [0.0, 1.0 / 30.0, 0.2, 4.0, 100.0, -0.02, -2.0])
def test_equations_in_a_circle_are_exact(resonance: float) -> None:
    """The states v and w act on each other: decaying, critically damped, or swinging."""
    model = neuron_model(
        "Resonator",
        """
        dv/dt = -v/tau_v - w/ms + isyn/cm + i_inj/cm : mV
        dw/dt = (k*v - w)/tau_w : mV
        disyn/dt = -isyn/tau_syn : nA
        """,
        parameters={
            "tau_v": "10 ms", "tau_w": "30 ms", "tau_syn": "4 ms", "cm": "0.5 nF", "k": resonance,
        },
    )  # fmt: skip
    start = np.array([1.0, -2.0, 0.3, 0.7])
    matrix = np.array(
        [[-0.1, -1, 2, 2], [resonance / 30, -1 / 30, 0, 0], [0, 0, -0.25, 0], [0, 0, 0, 0]]
    )
    for dt in (1e-3, 0.1, 3.0, 40.0):
        states = dict(zip(("v", "w", "isyn"), start, strict=False))
        found = stepped(model, states, dt, i_inj=0.7)
        expected = expm(matrix * dt) @ start
        np.testing.assert_allclose(list(found.values()), expected[:3], rtol=1e-11, atol=1e-12)


def test_three_equations_in_a_circle_are_exact() -> None:
    text = "dx/dt = (y - x)/ms : 1\n dy/dt = (z - 2*y)/ms : 1\n dz/dt = (1 - x - z)/ms : 1"
    model = neuron_model("Circle", text, method="exact")
    matrix = np.array([[-1, 1, 0, 0], [0, -2, 1, 0], [-1, 0, -1, 1], [0, 0, 0, 0]])
    for dt in (1e-3, 0.5, 20.0):
        found = stepped(model, {"x": 1.0, "y": -2.0, "z": 0.3}, dt)
        expected = expm(matrix * dt) @ [1.0, -2.0, 0.3, 1.0]
        np.testing.assert_allclose(list(found.values()), expected[:3], rtol=1e-11, atol=1e-12)


def test_what_depends_on_a_held_state_sees_it_stand_still() -> None:
    model = neuron_model(
        "Held",
        "dv/dt = -v/tau : mV\n dw/dt = (v - w)/tau_w : mV",
        threshold="v > 1 mV",
        reset="v = 0",
        refractory="pause",
        parameters={"tau": "10 ms", "tau_w": "5 ms", "pause": "2 ms"},
        initial={"v": 0.5},
    )
    assert model.held == ("v",)
    found = stepped(model, {"v": 0.8, "w": 0.1}, 1.5, free=0.0)
    assert found["w"] == pytest.approx(0.8 - 0.7 * np.exp(-0.3), rel=1e-14)


NONLINEAR = """
dx/dt = (a - x - x**3 + g*(1 - x))/ms : 1
dy/dt = (sin(x) - 2*y*x**2)/ms : 1
dg/dt = -g/tau : 1
"""
START = {"x": 0.2, "y": 1.0, "g": 2.0}


def solution(until: float) -> Any:
    def slope(t: float, s: Any) -> list[float]:
        x, y, g = s
        return [0.5 - x - x**3 + g * (1 - x), np.sin(x) - 2 * y * x**2, -g / 3.0]

    return solve_ivp(slope, (0.0, until), list(START.values()), rtol=1e-12, atol=1e-13).y[:, -1]


@pytest.mark.parametrize(("method", "order"), [(None, 4), ("rk4", 4), ("exponential", 2)], ids=str)
def test_the_order_of_steps(method: str | None, order: int) -> None:
    parameters = {"a": 0.5, "tau": "3 ms"}
    model = neuron_model("Curved", NONLINEAR, parameters=parameters, initial=START, method=method)
    assert "g exactly" in integration_of(model)
    expected, errors = solution(2.0), []
    for steps in (20, 40):
        states: Values = dict(START)
        for _ in range(steps):
            states = stepped(model, states, 2.0 / steps)
        assert states["g"] == pytest.approx(2.0 * np.exp(-2.0 / 3.0), rel=1e-13)
        errors.append(np.abs(np.array(list(states.values())) - expected).max())
    assert errors[1] < errors[0] / 2 ** (order - 0.4)


def test_stiff_equations_take_exponential_steps() -> None:
    """One state relaxes within 2 us, and still follows its target at steps of 0.1 ms."""
    model = neuron_model(
        "Stiff",
        "dx/dt = (m - x)*x/ms : 1\n dm/dt = (tanh(x) - m)/tau : 1",
        parameters={"tau": "0.002 ms"},
    )
    assert "exponential midpoint" in integration_of(model)
    states: Values = {"x": 0.5, "m": 0.9}
    for _ in range(50):
        states = stepped(model, states, 0.025)
    assert states["m"] == pytest.approx(np.tanh(states["x"]), abs=1e-3)


def test_every_step_is_valid_for_a_duration_of_zero() -> None:
    for model in (CHAIN_MODEL, neuron_model("Curved", NONLINEAR, parameters={
        "a": 0.5, "tau": "3 ms"})):  # fmt: skip
        states = {state.name: 0.3 for state in model.states}
        assert stepped(model, states, 0.0) == pytest.approx(states, abs=1e-15)


class TestMethods:
    """A method that is asked for is taken, or refused with the reason."""

    def test_exact(self) -> None:
        model = neuron_model("A", "dx/dt = -x/tau : 1", parameters={"tau": "1 ms"}, method="exact")
        assert integration_of(model) == "x exactly."

    def test_exact_of_what_is_not_linear(self) -> None:
        with pytest.raises(ValueError, match="'exact' does not apply: dx/dt is not linear"):
            neuron_model("A", "dx/dt = -x**2/ms : 1", method="exact")

    def test_exact_of_what_depends_on_it(self) -> None:
        text = "dy/dt = (x - y)/ms : 1\n dx/dt = -x*x/ms : 1"
        with pytest.raises(ValueError, match="dy/dt depends on x, which is not exact"):
            neuron_model("A", text, method="exact")

    def test_too_many_in_a_circle(self) -> None:
        text = "\n".join(f"dx{k}/dt = (x{(k + 1) % 8} - x{k})/ms : 1" for k in range(8))
        with pytest.raises(ValueError, match="8 linear equations depend on each other"):
            neuron_model("A", text, method="exact")
        assert "x7 by fourth-order" in integration_of(neuron_model("A", text))

    def test_too_long_a_chain(self) -> None:
        text = "\n".join(f"dx{k}/dt = (x{k + 1} - x{k})/ms : 1" for k in range(6))
        with pytest.raises(ValueError, match="too many linear equations drive 'x0'"):
            neuron_model("A", f"{text}\n dx6/dt = -x6/ms : 1", method="exact")

    def test_linear_equations_of_the_membrane_by_runge_kutta(self) -> None:
        text = "dv/dt = (isyn*r - v)/tau : mV\n disyn/dt = -isyn/tau : nA"
        given = {"tau": "10 ms", "r": "2 MOhm"}
        model = neuron_model(
            "A", text, threshold="v > 1 mV", reset="v = 0", parameters=given,
            initial={"v": 0}, method="rk4",
        )  # fmt: skip
        expected = "isyn exactly; v by fourth-order Runge-Kutta steps, as was asked for."
        assert integration_of(model) == expected

    def test_unknown(self) -> None:
        with pytest.raises(ValueError, match="'euler' is unknown; choose one of exact, expo"):
            neuron_model("A", "dx/dt = -x/ms : 1", method="euler")

    def test_only_of_models_from_equations(self) -> None:
        with pytest.raises(ValueError, match="is not made of equations"):
            integration_of(Model)
