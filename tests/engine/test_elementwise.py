"""The language of models means the same in NumPy, torch and SymPy, at full precision."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st

from ship_engine import elementwise
from ship_engine.models.base import Model, argument_names
from ship_engine.models.lif import (
    LIFConductanceAlpha,
    LIFConductanceExponential,
    LIFCurrentAlpha,
    LIFCurrentExponential,
    LIFVoltageJump,
)

MODELS = pytest.mark.parametrize(
    "model",
    [
        LIFCurrentExponential,
        LIFCurrentAlpha,
        LIFVoltageJump,
        LIFConductanceExponential,
        LIFConductanceAlpha,
    ],
    ids=lambda model: model.name,
)
EXPRESSIONS: dict[str, Callable[[Any, Any], Any]] = {
    "where": lambda x, y: elementwise.where(x < y, x * y, x - y),
    "exp": lambda x, y: elementwise.exp(x),
    "expm1": lambda x, y: elementwise.expm1(x),
    "log": lambda x, y: elementwise.log(y * y + 1.0),
    "sqrt": lambda x, y: elementwise.sqrt(y * y + 1.0),
    "sin": lambda x, y: elementwise.sin(x),
    "cos": lambda x, y: elementwise.cos(x),
    "tanh": lambda x, y: elementwise.tanh(x),
    "absolute": lambda x, y: elementwise.absolute(x),
    "floor": lambda x, y: elementwise.floor(x) * y,
    "minimum": lambda x, y: elementwise.minimum(x, y),
    "maximum": lambda x, y: elementwise.maximum(x, y),
    "exprel": lambda x, y: elementwise.exprel(x),
    "exp_moment": lambda x, y: elementwise.exp_moment(y),
    "without_gradient": lambda x, y: x * elementwise.without_gradient(y),
}
X = np.array([-7.0, -1.3, -0.3, -1e-7, 0.0, 1e-3, 0.4, 2.0, 7.5])
Y = np.array([-8.0, 1.3, -0.3, 1e-7, 0.7, -0.5, 0.5, -2.0, 9.0])


def test_every_word_is_tested() -> None:
    assert set(elementwise.LANGUAGE) <= set(EXPRESSIONS)


@pytest.mark.parametrize("name", EXPRESSIONS)
class TestLibraries:
    def test_torch_as_numpy(self, name: str) -> None:
        x, y = torch.tensor(X, requires_grad=True), torch.tensor(Y, requires_grad=True)
        result = EXPRESSIONS[name](x, y)
        assert result.dtype == torch.float64
        np.testing.assert_allclose(result.detach().numpy(), EXPRESSIONS[name](X, Y), rtol=1e-14)

    def test_gradients_are_finite(self, name: str) -> None:
        """Neither branch of a choice may bring a NaN into the other's gradient."""
        x, y = torch.tensor(X, requires_grad=True), torch.tensor(Y, requires_grad=True)
        EXPRESSIONS[name](x, y).sum().backward()
        for tensor in (x, y):
            assert tensor.grad is None or bool(tensor.grad.isfinite().all())

    def test_sympy_as_numpy(self, name: str) -> None:
        x, y = sympy.symbols("x y", real=True)
        function = sympy.lambdify((x, y), EXPRESSIONS[name](x, y), "math")
        # SymPy knows expm1 as exp(x) - 1 only, which loses what is below 1e-16.
        result = [function(*pair) for pair in zip(X.tolist(), Y.tolist(), strict=True)]
        np.testing.assert_allclose(result, EXPRESSIONS[name](X, Y), rtol=1e-10, atol=1e-15)


def relative_error(found: float, exact: mpmath.mpf) -> float:
    return float(abs(found - exact) / exact)


numbers = st.one_of(
    st.floats(-700.0, 700.0),
    st.floats(-1.0, 1.0),
    st.floats(-9.0, -3.0).map(lambda power: 10.0**power),
    st.floats(-9.0, -3.0).map(lambda power: -(10.0**power)),
    st.sampled_from([0.0, 1e-5, -1e-5, 0.5, -0.5]),
)


@given(x=numbers)
def test_exprel(x: float) -> None:
    with mpmath.workdps(50):
        exact = mpmath.expm1(x) / x if x else mpmath.mpf(1)
        assert relative_error(float(elementwise.exprel(np.float64(x))), exact) < 1e-15


@given(x=numbers)
def test_exp_moment(x: float) -> None:
    with mpmath.workdps(60):
        z = mpmath.mpf(x)
        exact = (1 + (z - 1) * mpmath.exp(z)) / z**2 if abs(z) > 1e-20 else mpmath.mpf(0.5)
        assert relative_error(float(elementwise.exp_moment(np.float64(x))), exact) < 1e-14


@given(
    x=st.floats(-50.0, 50.0),
    y=st.floats(-50.0, 50.0),
    name=st.sampled_from(sorted(EXPRESSIONS)),
)
def test_scalars_as_arrays(x: float, y: float, name: str) -> None:
    expression = EXPRESSIONS[name]
    assert float(expression(x, y)) == expression(np.array([x]), np.array([y]))[0]


class TestModels:
    """Every model is made of that language alone."""

    values = {"v": -61.0, "isyn_exc": 0.2, "isyn_inh": -0.1, "isyn_rise_exc": 0.3, "dt": 0.1}
    values |= {"isyn_rise_inh": -0.2, "gsyn_exc": 0.01, "gsyn_inh": 0.02, "gsyn_rise_exc": 0.03}
    values |= {"gsyn_rise_inh": 0.01, "i_inj": 0.1}

    def given(self, model: type[Model]) -> dict[str, float]:
        """A value for everything that the model's functions may ask for."""
        values = {**self.values, **{p.name: p.default for p in model.parameters}}
        values["tau_syn_inh"] = 8.0
        wanted = argument_names(model.time_dep)
        results = model.time_dep(*(values[name] for name in wanted))
        return values | dict(zip(model.coefficients, map(float, results), strict=True))

    @MODELS
    def test_sympy_differentiates_a_step(self, model: type[Model]) -> None:
        """Its derivatives are those that autograd finds."""
        values, names = self.given(model), argument_names(model.advance_timestep)
        symbols = sympy.symbols(names, real=True)
        matrix = sympy.Matrix(model.advance_timestep(*symbols)).jacobian(symbols)
        exact = np.array(sympy.lambdify(symbols, matrix)(*(values[n] for n in names)))
        tensors = tuple(torch.tensor(values[name], dtype=torch.float64) for name in names)
        found = torch.autograd.functional.jacobian(
            lambda *arguments: torch.stack(model.advance_timestep(*arguments)), tensors
        )
        np.testing.assert_allclose(torch.stack(found, 1).numpy(), exact, rtol=1e-12, atol=1e-15)
        assert np.abs(exact).max() > 0.1

    @MODELS
    def test_sympy_differentiates_the_coefficients(self, model: type[Model]) -> None:
        values, names = self.given(model), argument_names(model.time_dep)
        symbols = sympy.symbols(names, positive=True)
        matrix = sympy.Matrix(model.time_dep(*symbols)).jacobian(symbols)
        exact = np.array(sympy.lambdify(symbols, matrix)(*(values[n] for n in names)))
        tensors = tuple(torch.tensor(values[name], dtype=torch.float64) for name in names)
        found = torch.autograd.functional.jacobian(
            lambda *arguments: torch.stack(model.time_dep(*arguments)), tensors
        )
        np.testing.assert_allclose(torch.stack(found, 1).numpy(), exact, rtol=1e-9, atol=1e-12)

    @MODELS
    def test_a_step_is_two_halves(self, model: type[Model]) -> None:
        """Where the step is exact, `time_dep` of a part of it is exact too."""
        values, wanted = self.given(model), argument_names(model.advance_timestep)

        def after(values: dict[str, float], dt: float, steps: int) -> list[float]:
            values = {**values, "dt": dt}
            results = model.time_dep(*(values[name] for name in argument_names(model.time_dep)))
            values |= dict(zip(model.coefficients, results, strict=True))
            for _ in range(steps):
                states = model.advance_timestep(*(values[name] for name in wanted))
                values |= {s.name: x for s, x in zip(model.states, states, strict=True)}
            return [float(values[state.name]) for state in model.states]

        tolerance = 1e-8 if "Conductance" in model.name else 1e-13
        whole, halves = after(values, 0.1, 1), after(values, 0.05, 2)
        np.testing.assert_allclose(whole, halves, rtol=tolerance)
        assert all(math.isfinite(x) for x in whole)
