"""Text becomes expressions: what it means, in which units, and what is refused."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ship_engine.equations.algebra import Algebra
from ship_engine.equations.dimensions import Reader, Value
from ship_engine.equations.language import FUNCTIONS, parse
from ship_engine.equations.syntax import Name, Negative, Number, Power, Quotient, Sum, names_in
from ship_engine.equations.units import NUMBER, described, unit_of
from ship_engine.equations.wording import shown
from ship_engine.equations.writing import FunctionWriter, compiled
from ship_engine.errors import InvalidEquationsError

NAMES = ("a", "b", "c", "m", "V")
NUMPY: dict[str, Callable[..., Any]] = {
    name: getattr(np, name)
    for name in ("exp", "expm1", "log", "log10", "sqrt", "sin", "cos", "tan", "tanh", "abs", "sign")
} | {
    "sinh": np.sinh,
    "cosh": np.cosh,
    "exprel": lambda x: np.where(x == 0.0, 1.0, np.expm1(x) / np.where(x == 0.0, 1.0, x)),
    "heaviside": lambda x: np.where(x < 0.0, 0.0, 1.0),
    "min": np.minimum,
    "max": np.maximum,
    "clip": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "where": np.where,
}


def reader(**units: str) -> Reader:
    algebra = Algebra()
    known = {name: units.get(name, "1") for name in (*NAMES, *units)}
    return Reader(algebra, {n: Value(algebra.symbol(n), unit_of(u, n)) for n, u in known.items()})


def value_of(text: str, values: dict[str, Any], unit: str = "1", **units: str) -> Any:
    """What the function written for an expression gives."""
    expression = reader(**units).quantity(text, unit_of(unit, "it"), "the test", "it")
    writer = FunctionWriter("value", [], [expression], single=True)
    with np.errstate(all="ignore"):
        return compiled("test", [writer])["value"](*(values[n] for n in writer.arguments))


numbers = st.floats(0.01, 20.0).map(lambda x: repr(round(x, 3)))
leaves = st.sampled_from(NAMES) | numbers
BINARY = ("+", "-", "*", "/")
ONE = sorted(n for n, count in FUNCTIONS.items() if count == 1 and n not in ("tan", "sign"))


def larger(inner: Any) -> Any:
    return st.one_of(
        st.tuples(inner, st.sampled_from(BINARY), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, st.sampled_from(BINARY), inner).map(lambda t: f"{t[0]}{t[1]}{t[2]}"),
        inner.map(lambda x: f"-{x}"),
        st.tuples(inner, st.sampled_from(["2", "3", "0.5", "-1", "5"])).map(
            lambda t: f"({t[0]})**{t[1]}"
        ),
        st.tuples(st.sampled_from(ONE), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(
            lambda t: f"{t[0]}({t[1]}, {t[2]})"
        ),
        st.tuples(inner, st.sampled_from(["<", ">=", "=="]), inner, inner).map(
            lambda t: f"where({t[0]} {t[1]} {t[2]}, {t[3]}, {t[0]})"
        ),
    )


@settings(deadline=None)
@given(st.recursive(leaves, larger, max_leaves=12), st.integers(0, 2**32 - 1))
def test_an_expression_has_the_value_that_numpy_gives(text: str, seed: int) -> None:
    values = dict(
        zip(NAMES, np.random.default_rng(seed).uniform(0.1, 3.0, len(NAMES)), strict=True)
    )
    with np.errstate(all="ignore"):
        try:
            expected = eval(text, {"__builtins__": {}, **NUMPY, **values})
        except (ZeroDivisionError, OverflowError, ValueError):
            return
    if not np.isfinite(expected) or abs(expected) > 1e8:
        return
    try:
        found = float(value_of(text, values))
    except InvalidEquationsError:  # constant parts without a value
        return
    # Sums are put in another order, so terms that cancel leave other digits behind.
    if np.isfinite(found) and not sensitive(text, values, float(expected)):
        assert found == pytest.approx(float(expected), rel=1e-9, abs=1e-9)


def sensitive(text: str, values: dict[str, Any], expected: float) -> bool:
    """Whether rounding decides about the value, as near jumps and where terms cancel."""
    with np.errstate(all="ignore"):
        for factor in (1.0 + 1e-11, 1.0 - 1e-11):
            moved = {name: value * factor for name, value in values.items()}
            try:
                shifted = eval(text, {"__builtins__": {}, **NUMPY, **moved})
            except (ZeroDivisionError, OverflowError, ValueError):
                return True
            if not abs(shifted - expected) <= 1e-7 * max(1.0, abs(expected)):
                return True
    return False


@settings(deadline=None)
@given(st.recursive(leaves, larger, max_leaves=8))
def test_syntax_as_text_is_the_same_syntax_again(text: str) -> None:
    tree = parse(text, "it")
    assert parse(shown(tree), "it") == tree


class TestSyntax:
    """What binds to what."""

    def test_a_sign_binds_less_than_a_power(self) -> None:
        assert parse("-a**2", "it") == Negative(Power(Name("a"), Number(2.0)))

    def test_powers_from_right_to_left(self) -> None:
        assert parse("a^b^-c", "it") == Power(Name("a"), Power(Name("b"), Negative(Name("c"))))

    def test_quotients_from_left_to_right(self) -> None:
        tree = parse("a/b*c/m", "it")
        assert isinstance(tree, Quotient)
        assert value_of("a/b*c/m", {"a": 2.0, "b": 3.0, "c": 5.0, "m": 7.0}) == 2 * 5 / (3 * 7)

    def test_a_number_with_a_unit(self) -> None:
        assert parse("1 - 70 mV", "it") == Sum((Number(1.0), Negative(Number(70.0, "mV"))))

    def test_names(self) -> None:
        assert names_in(parse("exp(a)*b + where(c > pi, 1 mV, a)", "it")) == {"a", "b", "c", "pi"}

    def test_precedence_of_conditions(self) -> None:
        values = {"a": 1.0, "b": 0.0, "c": 0.0}
        for text, expected in {
            "a < 0 or b < 1 and c < 1": 1.0,
            "not a < 0 and b > 1": 0.0,
            "not (a > 0 and (b == 0 or c != 0))": 0.0,
            "True and not False": 1.0,
        }.items():
            assert value_of(f"where({text}, 1, 0)", values) == expected


class TestUnits:
    """Numbers are in the units of names, whichever these are."""

    @pytest.mark.parametrize(
        ("text", "unit", "expected"),
        [
            ("g*u", "nA", 4e-2 * 0.5),
            ("g*u", "pA", 40.0 * 0.5),
            ("i + g*u", "nA", 2.0 + 0.02),
            ("g*u + i", "nA", 2.0 + 0.02),
            ("cap*u/tau", "nA", 3e-3 * 0.5 / 10.0),
            ("i/g", "mV", 2.0 / 40.0 * 1e3),
            ("rate*tau", "1", 50.0 * 10.0 * 1e-3),
            ("sqrt(u*u)", "mV", 0.5),
            ("u**2/(1 mV)", "mV", 0.25),
            ("where(u > 100 uV, i, 0)", "nA", 2.0),
            ("clip(i, -1000*pA, 1 nA)", "pA", 1000.0),
            ("min(i, 3e-6 mA)", "nA", 2.0),
            ("abs(-u) + 1e-3 V", "mV", 1.5),
            ("0", "nA", 0.0),
            ("exp(rate*tau)", "1", math.exp(0.5)),
            ("sqrt(rate/tau)", "1/ms", math.sqrt(50e-3 / 10.0)),
        ],
    )
    def test_conversions(self, text: str, unit: str, expected: float) -> None:
        units = {"g": "nS", "u": "mV", "i": "nA", "cap": "pF", "tau": "ms", "rate": "Hz"}
        values = {"g": 40.0, "u": 0.5, "i": 2.0, "cap": 3.0, "tau": 10.0, "rate": 50.0}
        assert value_of(text, values, unit, **units) == pytest.approx(expected, rel=1e-14)

    @pytest.mark.parametrize(
        ("text", "same"),
        [
            ("nF*mV/ms", "nA"), ("uS*mV", "nA"), ("nS*mV", "pA"), ("MOhm*nA", "mV"), ("1/s", "Hz"),
            ("/ms", "kHz"), ("mol/m**3", "mM"), ("V*A*s", "J"), ("kg*m^2/s**3", "W"), ("", "1"),
            ("C/s", "A"), ("mmol/l", "mM"), ("dimensionless", "1"), ("sqrt", None),
        ],
    )  # fmt: skip
    def test_texts(self, text: str, same: str | None) -> None:
        if same is None:
            with pytest.raises(InvalidEquationsError, match="is not a unit"):
                unit_of(text, "it")
        else:
            assert unit_of(text, "it") == unit_of(same, "it")

    @pytest.mark.parametrize("text", ["mv", "2*mV", "mV + mV", "mV**x", "mV**99", "q", "exp(mV)"])
    def test_what_is_no_unit(self, text: str) -> None:
        with pytest.raises(InvalidEquationsError, match="is not a unit; write for example mV, nA"):
            unit_of(text, "the state 'v'")

    def test_a_unit_that_is_no_text(self) -> None:
        with pytest.raises(InvalidEquationsError, match="is 3; write it as text"):
            unit_of(3, "the state 'v'")  # type: ignore[arg-type]

    def test_in_words(self) -> None:
        assert described(unit_of("pA", "it")) == "nA"
        assert described(unit_of("mV/ms", "it")) == "mV/ms"
        assert described(NUMBER) == "dimensionless"

    def test_declared_names_hide_units(self) -> None:
        assert value_of("m*V", {"m": 2.0, "V": 3.0}) == 6.0
        assert value_of("V + 1 V", {"V": 3.0}, "V", V="V") == 4.0


BOMBS = {
    "tower": "9**9**9**9",
    "tower of a name": "a**9**9**9**9",
    "parentheses": "(" * 4_000 + "1" + ")" * 4_000,
    "more parentheses than may be": "(" * 60 + "a" + ")" * 60,
    "powers": "a" + "**a" * 1_000,
    "calls": "exp(" * 500 + "a" + ")" * 500,
    "length": "a + " * 5_000 + "a",
    "large number": "1e999",
    "exponentials": "exp(exp(exp(exp(9))))",
    "division": "1/0",
    "digits": "9" * 9_999,
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_bombs_are_refused_at_once(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(InvalidEquationsError):
        value_of(text, {"a": 1.0})
    assert time.perf_counter() - start < 1.0


@pytest.mark.parametrize(
    "text", ["-" * 9_000 + "a", "a" + "+a" * 4_000, "a" + "*b" * 4_000, "not " * 2_000 + "a > 1"]
)
def test_long_and_flat_is_no_bomb(text: str) -> None:
    condition = "not" in text
    start = time.perf_counter()
    value_of(f"where({text}, 1, 0)" if condition else text, {"a": 1.0, "b": 1.0})
    assert time.perf_counter() - start < 2.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it ends too early"),
        ("a +", "it ends too early"),
        ("a b", "'b' is not expected, near 'a b'; a product is written with '\\*'"),
        ("2 a", "'a' is none; a product is written 2\\*a"),
        ("2 exp(a)", "a number before a call.*written with '\\*'"),
        ("(a", "it ends where '\\)' is expected"),
        ("exp(a b)", "'b' where '\\)' is expected"),
        ("a)", "'\\)' is not expected"),
        ("a.b", "there are no attributes"),
        ("a[0]", "there are no indices"),
        ("a'", "a derivative is written dx/dt"),
        ('"a"', "there is no text"),
        ("a = b", "a comparison '=='"),
        ("a ? b : c", "a choice is written where"),
        ("!a", "'not' is the opposite"),
        ("a % b", "there is no remainder"),
        ("a < b < c", "join them with 'and'"),
        ("a; b", "';' means nothing here"),
        ("__import__", "is unknown"),
        ("x", "'x' in the test is unknown"),
        ("Exp(a)", "'Exp' in the test is not a function. Did you mean 'exp'\\?"),
        ("a(b)", "A product is written a\\*"),
        ("exp", "It is a function; write exp"),
        ("t", "know no time of their own"),
        ("exp(a, b)", "exp takes 1 argument, not 2"),
        ("where(a > b, c)", "where takes 3 arguments, not 2"),
        ("where(a, b, c)", "'a' in the test is a number where a condition is expected"),
        ("a > b", "'a > b' in the test is a condition, not a number"),
        ("exp(a > b)", "is a condition, not a number"),
        ("a and b", "'a' in the test is a number where a condition"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(InvalidEquationsError, match=message):
        value_of(text, {})


def test_expressions_are_text() -> None:
    with pytest.raises(InvalidEquationsError, match=r"3\.0 in the test: expressions are given as"):
        parse(3.0, "the test")
