"""Functions as programs: what they compute, their adjoints, and what they refuse."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ship_engine import elementwise
from ship_engine.elementwise import LANGUAGE
from ship_engine.errors import UnsupportedByExecutorError
from ship_engine.lowering.adjoint import adjoints
from ship_engine.lowering.tracing import Program, Traced
from ship_engine.models.base import argument_names
from ship_engine.models.lif import LIFCurrentExponential

_COMPUTED: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "power": np.power,
    "negative": np.negative,
    "absolute": np.abs,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "where": np.where,
    "crossed": lambda distance, awake: (distance >= 0.0) & awake,
    "without_gradient": lambda x: x,
    "spike": lambda distance, crossed, awake: np.where(crossed, 1.0, 0.0),
}
_COMPARED: dict[str, Callable[..., Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


def evaluated(program: Program, result: Traced, values: Mapping[str, Any]) -> Any:
    """What a program gives, computed line by line with NumPy."""
    found: list[Any] = []
    with np.errstate(all="ignore"):
        for name, operands, detail in program.operations:
            arguments = [found[k] for k in operands]
            if name == "leaf":
                found.append(values.get(detail, np.nan))
            elif name == "constant":
                found.append(float(detail))
            elif name == "compare":
                found.append(_COMPARED[detail](*arguments))
            else:
                found.append((_COMPUTED.get(name) or getattr(np, name))(*arguments))
    return found[result.line]


def no_step(distance: Traced) -> Traced:
    raise AssertionError("There is no spike.")


def traced(function: Callable[..., Any]) -> tuple[Program, Traced, list[Traced]]:
    """A function of leaves with the names of its arguments."""
    program = Program()
    leaves = [program.leaf(name) for name in inspect.signature(function).parameters]
    return program, program.number(function(*leaves)), leaves


X = np.array([-7.0, -1.3, -0.3, -1e-7, 1e-3, 0.4, 2.0, 7.5])
Y = np.array([-8.0, 1.3, -0.4, 1e-6, 0.7, -0.5, 0.5, -2.0])
FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "where": lambda x, y: elementwise.where(x < y, x * y, x - y),
    "exp": lambda x, y: elementwise.exp(x * y),
    "expm1": lambda x, y: elementwise.expm1(x),
    "log": lambda x, y: elementwise.log(y * y + 1.0),
    "sqrt": lambda x, y: elementwise.sqrt(y * y + 1.0),
    "sin": lambda x, y: elementwise.sin(x * y),
    "cos": lambda x, y: elementwise.cos(x + y),
    "tanh": lambda x, y: elementwise.tanh(x - y),
    "absolute": lambda x, y: elementwise.absolute(x) * y,
    "floor": lambda x, y: elementwise.floor(3.0 * x) * y,
    "minimum": lambda x, y: elementwise.minimum(x, y),
    "maximum": lambda x, y: elementwise.maximum(x, y),
    "without_gradient": lambda x, y: x * y + y * elementwise.without_gradient(x * x),
}
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: (x + y) + (x + 2.0) + (3 + y),
    "subtract": lambda x, y: (x - y) * (x - 2.0) * (3 - y),
    "multiply": lambda x, y: (x * y) + (x * 2.0) + (3 * y),
    "divide": lambda x, y: (x / y) + (x / 2.0) + (3 / y),
    "negative": lambda x, y: -x * +y,
    "abs": lambda x, y: abs(x * y),
    "squares": lambda x, y: x**1 + x**2 + y**3 + x**5 + y**8 + x**4.0,
    "roots": lambda x, y: (x * x + 0.1) ** 0.5 + (y * y + 0.1) ** -1.5,
    "power": lambda x, y: (x * x + 0.1) ** y,
    "power of a number": lambda x, y: 2.0**x * 0.5**y,
    "power of zero": lambda x, y: (y * y + 1.0) ** 0 + x,
    "<": lambda x, y: elementwise.where(x < y, x, 2.0 * y),
    "<=": lambda x, y: elementwise.where(x <= 0.4, x, 2.0 * y),
    ">": lambda x, y: elementwise.where(x > y, x, 2.0 * y),
    ">=": lambda x, y: elementwise.where(y >= 0.7, x, 2.0 * y),
    "== and !=": lambda x, y: elementwise.where((x == 2.0) | (y != 1.3), x, 2.0 * y),
    "other side": lambda x, y: elementwise.where(x > 0.0, x, elementwise.where(y <= 1.0, y, x)),
    "&": lambda x, y: elementwise.where((x > 0.0) & (y > 0.0), x, 2.0 * y),
    "|": lambda x, y: elementwise.where((x > 0.0) | (y > 0.0), x, 2.0 * y),
    "~": lambda x, y: elementwise.where(~(x > 0.0), x, 2.0 * y),
    "shared": lambda x, y: (x * y) * elementwise.exp(-elementwise.absolute(x * y)) / (x * y + 70.0),
    "exprel": lambda x, y: elementwise.exprel(x) * elementwise.exprel(y),
    "exp_moment": lambda x, y: elementwise.exp_moment(x * 0.5) + y,
}
ALL = FUNCTIONS | OPERATORS


class TestValuesAndAdjoints:
    def test_every_function_is_looked_at(self) -> None:
        assert set(FUNCTIONS) == set(LANGUAGE)

    @pytest.mark.parametrize("name", ALL)
    def test_as_torch(self, name: str) -> None:
        self.compare(ALL[name], X, Y)

    def compare(self, function: Callable[[Any, Any], Any], x: Any, y: Any) -> None:
        """Values and derivatives against torch's."""
        program, result, leaves = traced(function)
        values = {"x": x, "y": y}
        tensors = [torch.tensor(values[n], requires_grad=True) for n in ("x", "y")]
        expected = function(*tensors) + 0.0 * tensors[0] * tensors[1]
        count = len(program.operations)
        seed = program.leaf("seed")
        derivative = adjoints(program, [(result, seed)], no_step)
        gradients = torch.autograd.grad(expected.sum(), tensors)
        found = evaluated(program, result, values)
        np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-13, atol=1e-300)
        assert max(program.needed([result])) < count
        for leaf, gradient in zip(leaves, gradients, strict=True):
            adjoint = derivative(leaf)
            given = values | {"seed": 3.0}
            value = 0.0 if adjoint is None else evaluated(program, adjoint, given)
            np.testing.assert_allclose(value, 3.0 * gradient.numpy(), rtol=1e-11, atol=1e-14)

    def test_absolute_value_of_zero(self) -> None:
        program, result, (x,) = traced(lambda x: abs(x))
        slope = adjoints(program, [(result, program.number(1.0))], no_step)(x)
        assert slope is not None
        assert evaluated(program, slope, {"x": 0.0}) == 0.0

    def test_where_hands_on_to_what_is_chosen(self) -> None:
        """What is not chosen may be infinite; its derivative does not come through."""
        program, result, (x,) = traced(
            lambda x: elementwise.where(x > 0.0, elementwise.sqrt(x), 1.0)
        )
        slope = adjoints(program, [(result, program.number(1.0))], no_step)(x)
        assert slope is not None
        assert evaluated(program, slope, {"x": 4.0}) == 0.25
        program, result, (x,) = traced(
            lambda x: elementwise.log(elementwise.where(x > 0.0, x, 1.0))
        )
        slope = adjoints(program, [(result, program.number(1.0))], no_step)(x)
        assert slope is not None
        assert evaluated(program, slope, {"x": -4.0}) == 0.0

    def test_of_several_results(self) -> None:
        """Derivatives of products of results and seeds; of constants and truths there are none."""
        program = Program()
        x, y, seed = (program.leaf(name) for name in ("x", "y", "seed"))
        first, second = x * y, x + 2.0
        derivative = adjoints(program, [(first, seed), (second, program.number(5.0))], no_step)
        values = {"x": 2.0, "y": 3.0, "seed": 7.0}
        of_x, of_y = derivative(x), derivative(y)
        assert of_x is not None
        assert of_y is not None
        assert evaluated(program, of_x, values) == 7.0 * 3.0 + 5.0
        assert evaluated(program, of_y, values) == 7.0 * 2.0
        assert derivative(seed) is None
        assert derivative(program.number(2.0)) is None
        assert derivative(x < y) is None

    def test_of_nothing(self) -> None:
        program = Program()
        x = program.leaf("x")
        assert adjoints(program, [], no_step)(x) is None

    def test_a_result_that_is_a_leaf(self) -> None:
        program = Program()
        x, seed = program.leaf("x"), program.leaf("seed")
        found = adjoints(program, [(x, seed)], no_step)(x)
        assert found is not None
        assert found.line == seed.line

    @pytest.mark.parametrize("awake", [True, False])
    def test_of_a_spike(self, awake: bool) -> None:
        """The step's derivative is the one that is put in its place, unless the cell rests."""
        program = Program()
        x, rests = program.leaf("x"), program.leaf("awake")
        distance = 2.0 * x - 1.0
        spike = program.line("spike", distance, program.line("crossed", distance, rests), rests)
        derivative = adjoints(
            program, [(spike, program.number(3.0))], lambda d: 1.0 / (1.0 + d * d)
        )
        slope = derivative(x)
        assert slope is not None
        values = {"x": np.array([0.4, 0.5, 2.0]), "awake": awake}
        expected = awake * 3.0 * 2.0 / (1.0 + np.array([-0.2, 0.0, 3.0]) ** 2)
        np.testing.assert_allclose(evaluated(program, slope, values), expected, rtol=1e-14)
        np.testing.assert_array_equal(
            evaluated(program, spike, values), awake * np.array([0.0, 1.0, 1.0])
        )
        assert derivative(rests) is None


class TestModel:
    """The Jacobian of a model's step, threshold and reset against SymPy's."""

    values = {"v": -53.0, "i_exc": 0.7, "i_inh": -0.2, "v_rest": -65.0, "v_thresh": -50.0}
    values |= {"cm": 0.25, "tau_m": 15.0, "tau_syn_exc": 3.0, "tau_syn_inh": 15.0}
    values |= {"tau_refrac": 2.0, "v_reset": -66.0, "i_offset": 0.4, "i_inj": 0.3, "dt": 0.1}

    @pytest.mark.parametrize("name", ["time_dep", "advance_timestep", "threshold", "reset"])
    def test_jacobian(self, name: str) -> None:
        function = getattr(LIFCurrentExponential, name)
        names = argument_names(function)
        known = {n: self.values.get(n, 0.1 + 0.05 * k) for k, n in enumerate(names)}
        symbols = {n: sympy.Symbol(n, real=True) for n in names}
        exact = function(*symbols.values())
        program = Program()
        leaves = {n: program.leaf(n) for n in names}
        results = function(*leaves.values())
        if name == "threshold":
            exact, results = (exact,), (results,)
        assert len(results) == len(exact) > 0
        for expression, result in zip(exact, results, strict=True):
            number = program.number(result)
            at = {symbols[n]: sympy.Float(value, 30) for n, value in known.items()}
            value = sympy.sympify(expression).subs(at)
            assert evaluated(program, number, known) == pytest.approx(float(value), rel=1e-12)
            derivative = adjoints(program, [(number, program.number(1.0))], no_step)
            for n, leaf in leaves.items():
                slope = float(sympy.diff(expression, symbols[n]).subs(at))
                adjoint = derivative(leaf)
                found = 0.0 if adjoint is None else evaluated(program, adjoint, known)
                assert found == pytest.approx(slope, rel=1e-9, abs=1e-13), n


def expressions() -> st.SearchStrategy[Callable[[Any, Any], Any]]:
    """Functions of two numbers that are smooth and not steep."""
    leaves = st.one_of(
        st.just(lambda x, y: x),
        st.just(lambda x, y: y),
        st.floats(-2.0, 2.0).map(lambda c: lambda x, y: c + 0.0 * x),
    )
    one = {
        "negative": lambda a: -a,
        "absolute": lambda a: elementwise.absolute(a),
        "exp": lambda a: elementwise.exp(-0.5 * a * a),
        "expm1": lambda a: elementwise.expm1(elementwise.tanh(a)),
        "log": lambda a: elementwise.log(1.0 + a * a),
        "sqrt": lambda a: elementwise.sqrt(1.0 + a * a),
        "sin": lambda a: elementwise.sin(a),
        "cos": lambda a: elementwise.cos(a),
        "tanh": lambda a: elementwise.tanh(a),
        "power": lambda a: (1.0 + a * a) ** 0.3,
    }
    two = {
        "add": lambda a, b: a + b,
        "subtract": lambda a, b: a - b,
        "multiply": lambda a, b: elementwise.tanh(a) * b,
        "divide": lambda a, b: a / (1.0 + b * b),
        "minimum": lambda a, b: elementwise.minimum(a, b),
        "maximum": lambda a, b: elementwise.maximum(a, b),
        "where": lambda a, b: elementwise.where((a > 0.3) & ~(b > 0.2), a * 0.5, a - b),
    }

    def applied(f: Callable[..., Any], *parts: Callable[..., Any]) -> Callable[[Any, Any], Any]:
        return lambda x, y: f(*(part(x, y) for part in parts))

    def extended(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.one_of(
            st.builds(applied, st.sampled_from(list(one.values())), inner),
            st.builds(applied, st.sampled_from(list(two.values())), inner, inner),
        )

    return st.recursive(leaves, extended, max_leaves=12)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(expressions(), st.integers(0, 100))
def test_random_expressions(function: Callable[[Any, Any], Any], seed: int) -> None:
    random = np.random.default_rng(seed)
    x, y = random.normal(size=(2, 20))
    program, result, leaves = traced(lambda x, y: function(x, y) + 0.0 * y)
    tensors = [torch.tensor(given, requires_grad=True) for given in (x, y)]
    expected = function(*tensors) + 0.0 * tensors[0] * tensors[1]
    gradients = torch.autograd.grad(expected.sum(), tensors)
    derivative = adjoints(program, [(result, program.number(1.0))], no_step)
    values = {"x": x, "y": y}
    found = evaluated(program, result, values)
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-12, atol=1e-13)
    for leaf, gradient in zip(leaves, gradients, strict=True):
        adjoint = derivative(leaf)
        slope = 0.0 if adjoint is None else evaluated(program, adjoint, values)
        # Where two parts of an expression are equal, minimum and maximum have a kink.
        close = np.isclose(slope, gradient.numpy(), rtol=1e-9, atol=1e-11)
        assert close.mean() > 0.99


class TestPrograms:
    def test_equal_operations_are_stored_once(self) -> None:
        program = Program()
        x, y = program.leaf("x"), program.leaf("y")
        first = elementwise.exp(x * y + 1.0)
        count = len(program.operations)
        assert elementwise.exp(program.leaf("x") * y + 1).line == first.line
        assert len(program.operations) == count
        assert (y * x).line != (x * y).line
        assert (x < y).line != (x <= y).line
        assert program.leaf("z").line == count + 3

    def test_zeros_of_both_signs(self) -> None:
        program = Program()
        assert program.number(0.0).line != program.number(-0.0).line
        assert program.number(0).line == program.number(0.0).line
        assert str(program.constant(program.number(-0.0).line)) == "-0.0"

    def test_constants(self) -> None:
        program = Program()
        for value in (1, 0.1, np.float64(1e300), np.float32(0.5), np.int64(3), Fraction(1, 4)):
            assert program.constant(program.number(value).line) == float(value)
        assert program.constant(program.number(math.inf).line) == math.inf
        assert program.constant(program.leaf("x").line) is None

    def test_what_is_needed(self) -> None:
        program = Program()
        x, y = program.leaf("x"), program.leaf("y")
        used, unused = x + 1.0, y * 2.0
        needed = program.needed([used * used])
        assert needed == sorted(needed)
        assert x.line in needed
        assert y.line not in needed
        assert unused.line not in needed
        assert program.needed([]) == []

    def test_numbers_of_numpy_leave_arithmetic_to_programs(self) -> None:
        program = Program()
        x = program.leaf("x")
        for result in (np.float64(2.0) * x, np.float64(2.0) + x, np.float64(2.0) ** x):
            assert isinstance(result, Traced)
        assert (np.float64(2.0) < x).operation == (x > 2.0).operation


class TestRefusals:
    """What a program cannot say is refused with words that help."""

    CONTROL = {
        "if": lambda x: 1.0 if x > 0.0 else 2.0,
        "and": lambda x: x > 0.0 and x < 1.0,
        "not": lambda x: not x,
        "chain": lambda x: 0.0 < x < 1.0,
        "max": lambda x: max(x, 0.0),
    }

    @pytest.mark.parametrize("name", CONTROL)
    def test_control_flow(self, name: str) -> None:
        words = r"decides by the value of a number .*write `where\(condition, a, b\)`"
        with pytest.raises(UnsupportedByExecutorError, match=words):
            traced(self.CONTROL[name])

    @pytest.mark.parametrize(
        ("value", "kind"),
        [
            (True, "bool"),
            (np.True_, "bool"),
            (1j, "complex"),
            ("1", "str"),
            (None, "NoneType"),
            (np.ones(2), "ndarray"),
            (torch.ones(2), "Tensor"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_foreign_values(self, value: Any, kind: str) -> None:
        words = rf"of type {kind}.* in a model's or surrogate's function; .*executor 'torch'"
        with pytest.raises(UnsupportedByExecutorError, match=words):
            Program().number(value)
        with pytest.raises(UnsupportedByExecutorError, match=words):
            Program().leaf("x") + value

    def test_as_keys(self) -> None:
        with pytest.raises(TypeError, match="unhashable"):
            {Program().leaf("x"): 1}
