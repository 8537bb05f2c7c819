"""Compiled exponentials are those of NumPy, for numbers of any size."""

from __future__ import annotations

import numpy as np
import pytest

from ship_engine.compiled import dialect
from ship_engine.lowering.compiler import compile_to_object
from ship_engine.lowering.loader import MachineCode

exp, expm1, float64 = dialect.exp, dialect.expm1, dialect.float64


@dialect.jit
def exp_of_all(x, y, count):
    for i in range(count):
        y[i] = exp(x[i])


@dialect.jit
def expm1_of_all(x, y, count):
    for i in range(count):
        y[i] = expm1(x[i])


def exp_kernel(x, y, count, unused):
    exp_of_all(float64(x), float64(y), count)
    return 0


def expm1_kernel(x, y, count, unused):
    expm1_of_all(float64(x), float64(y), count)
    return 0


@pytest.fixture(scope="module", params=["exp", "expm1"])
def function(request):
    """A compiled function of arrays, and NumPy's."""
    code = compile_to_object({"exp": exp_kernel, "expm1": expm1_kernel}[request.param], 4)
    machine = MachineCode(code.symbol, code.data, 4)

    def compiled(x):
        result = np.empty_like(x)
        machine(x.ctypes.data, result.ctypes.data, x.size, 0)
        return result

    return compiled, getattr(np, request.param)


def test_precision(function):
    compiled, expected = function
    random = np.random.default_rng(5)
    for reach in (1e-8, 1e-3, 0.5, 3.0, 40.0, 700.0):
        x = random.uniform(-reach, reach, 5000)
        exact = expected(x)
        assert (np.abs(compiled(x) - exact) <= 3.0 * np.spacing(np.abs(exact))).all()


def test_extremes(function):
    compiled, expected = function
    x = np.array([-np.inf, -1e300, -800.0, -0.0, 0.0, 1e-300, -1e-300, 800.0, 1e300, np.inf])
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(compiled(x), expected(x))
    assert np.isnan(compiled(np.array([np.nan, 1.0]))[0])
    nearly = compiled(np.array([709.0, 709.39]))
    np.testing.assert_allclose(nearly, expected(np.array([709.0, 709.39])), rtol=1e-15)
