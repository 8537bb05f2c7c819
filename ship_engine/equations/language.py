"""The language of equations: text becomes a syntax tree, and nothing else happens to it.

The parser accepts arithmetic, comparisons, `and`, `or`, `not`, names, and calls of `FUNCTIONS`
and of functions that a description declares.  It knows no attributes, indices, strings or
statements, evaluates nothing, and stops at texts that are too long or nested too deeply.
"""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from ship_engine.equations.syntax import (
    Call,
    Comparison,
    Logic,
    Name,
    Negative,
    Not,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
    Syntax,
    Truth,
)
from ship_engine.errors import InvalidEquationsError

LONGEST = 10_000
"""Characters of an expression."""
DEEPEST = 50
"""Parentheses, calls and powers within each other."""

FUNCTIONS: Mapping[str, int] = {
    "exp": 1,
    "expm1": 1,
    "exprel": 1,
    "log": 1,
    "log10": 1,
    "sqrt": 1,
    "sin": 1,
    "cos": 1,
    "tan": 1,
    "sinh": 1,
    "cosh": 1,
    "tanh": 1,
    "abs": 1,
    "sign": 1,
    "heaviside": 1,
    "min": 2,
    "max": 2,
    "clip": 3,
    "where": 3,
}
"""What expressions may call, and how many arguments each takes."""
CONSTANTS: Mapping[str, float] = {"pi": math.pi}
WORDS = ("and", "or", "not", "True", "False")


_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_µμ][A-Za-z0-9_µμ]*)"
    r"|(?P<operator>\*\*|<=|>=|==|!=|[-+*/^()<>,&|])"
)
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_HINTS = {
    "=": "an equation has one '=', and a comparison '=='",
    "[": "there are no indices or lists",
    "'": "there is no text, and a derivative is written dx/dt",
    '"': "there is no text",
    ".": "there are no attributes",
    ":": "the unit of an equation comes once, at its end",
    "?": "a choice is written where(condition, a, b)",
    "!": "'not' is the opposite of a condition",
    "%": "there is no remainder",
}


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    place: int


def check_name(name: object, owner: str) -> str:
    """Return a name that may be declared.

    Raises
    ------
    InvalidEquationsError
        If it is not made of ASCII letters, digits and ``_``, or has a meaning already.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,99}", name):
        raise InvalidEquationsError(
            f"{name!r}, the name of {owner}, is not a name: it starts with a letter, and goes on "
            "with letters, digits and '_', up to 100 of them."
        )
    if keyword.iskeyword(name) or name in FUNCTIONS or name in CONSTANTS or name in WORDS:
        raise InvalidEquationsError(
            f"'{name}' has a meaning in the language and cannot be the name of {owner}; "
            f"take another name, such as '{name}_1'."
        )
    return name


def parse(text: object, owner: str) -> Syntax:
    """The syntax tree of an expression.

    Parameters
    ----------
    text : str
        The expression.
    owner : str
        What it belongs to, such as ``"the threshold"``, for messages.

    Raises
    ------
    InvalidEquationsError
        If it is no text or not an expression of the language.
    """
    if not isinstance(text, str):
        raise InvalidEquationsError(f"{text!r} in {owner}: expressions are given as text.")
    if len(text) > LONGEST:
        raise InvalidEquationsError(
            f"{_start(owner)} has {len(text)} characters, more than the {LONGEST} that an "
            "expression may have; split it with definitions."
        )
    return _Parser(text, owner).whole()


def _start(owner: str) -> str:
    return owner[:1].upper() + owner[1:]


class _Parser:
    """Recursive descent by precedence: or, and, not, comparison, sum, product, sign, power."""

    def __init__(self, text: str, owner: str) -> None:
        self.text, self.owner = text, owner
        self.tokens = self._tokens()
        self.place = 0
        self.depth = 0

    def _tokens(self) -> list[_Token]:
        tokens, place = [], 0
        while place < len(self.text):
            found = _TOKEN.match(self.text, place)
            if found is None:
                character = self.text[place]
                hint = _HINTS.get(character, "")
                self._fail(f"'{character}' means nothing here", place, hint)
            if found.lastgroup != "space":
                tokens.append(_Token(str(found.lastgroup), found[0], place))
            place = found.end()
        return [*tokens, _Token("end", "", len(self.text))]

    def _fail(self, what: str, place: int, hint: str = "") -> NoReturn:
        line = self.text[max(0, place - 40) : place + 40]
        shown = " ".join(line.split())
        raise InvalidEquationsError(
            f"In {self.owner}: {what}, near '{shown}'" + (f"; {hint}." if hint else ".")
        )

    @property
    def token(self) -> _Token:
        return self.tokens[self.place]

    def _accept(self, *texts: str) -> str | None:
        if self.token.kind != "number" and self.token.text in texts:
            self.place += 1
            return self.tokens[self.place - 1].text
        return None

    def _expect(self, text: str) -> None:
        if self._accept(text) is None:
            found = f"'{self.token.text}' where '{text}' is expected"
            if self.token.kind == "end":
                found = f"it ends where '{text}' is expected"
            self._fail(found, self.token.place)

    def whole(self) -> Syntax:
        """The tree of all of the text."""
        tree = self._condition()
        if self.token.kind != "end":
            before = self.tokens[self.place - 1]
            hint = ""
            if before.kind in ("name", "number") and self.token.kind in ("name", "number"):
                hint = "a product is written with '*'"
            self._fail(f"'{self.token.text}' is not expected", self.token.place, hint)
        return tree

    def _condition(self) -> Syntax:
        return self._joined("or", ("or", "|"), self._conjunction)

    def _conjunction(self) -> Syntax:
        return self._joined("and", ("and", "&"), self._negation)

    def _joined(self, operator: str, texts: tuple[str, ...], part: Callable[[], Syntax]) -> Syntax:
        operands = [part()]
        while self._accept(*texts):
            operands.append(part())
        return operands[0] if len(operands) == 1 else Logic(operator, tuple(operands))

    def _negation(self) -> Syntax:
        opposite = False
        while self._accept("not"):
            opposite = not opposite
        tree = self._comparison()
        return Not(tree) if opposite else tree

    def _comparison(self) -> Syntax:
        left = self._sum()
        operator = self._accept(*_COMPARISONS)
        if operator is None:
            return left
        tree = Comparison(operator, left, self._sum())
        if self.token.text in _COMPARISONS:
            self._fail("two comparisons in a row", self.token.place, "join them with 'and'")
        return tree

    def _sum(self) -> Syntax:
        terms = [self._product()]
        while operator := self._accept("+", "-"):
            term = self._product()
            terms.append(Negative(term) if operator == "-" else term)
        return terms[0] if len(terms) == 1 else Sum(tuple(terms))

    def _product(self) -> Syntax:
        factors, below = [self._signed()], list[Syntax]()
        while operator := self._accept("*", "/"):
            (factors if operator == "*" else below).append(self._signed())
        above = factors[0] if len(factors) == 1 else Product(tuple(factors))
        if not below:
            return above
        return Quotient(above, below[0] if len(below) == 1 else Product(tuple(below)))

    def _signed(self) -> Syntax:
        negative = False
        while operator := self._accept("+", "-"):
            negative = negative != (operator == "-")
        tree = self._power()
        return Negative(tree) if negative else tree

    def _power(self) -> Syntax:
        base = self._primary()
        if self._accept("**", "^") is None:
            return base
        self._deeper()
        exponent = self._signed()
        self.depth -= 1
        return Power(base, exponent)

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            self._fail(
                f"more than {DEEPEST} levels of parentheses, calls and powers",
                self.token.place,
                "split it with definitions",
            )

    def _primary(self) -> Syntax:
        token = self.token
        self.place += 1
        if token.kind == "number":
            return self._number(token)
        if token.kind == "name":
            if token.text in ("True", "False"):
                return Truth(token.text == "True")
            if self._accept("("):
                return self._call(token)
            if token.text not in ("and", "or", "not"):
                return Name(token.text)
        if token.text == "(":
            self._deeper()
            tree = self._condition()
            self._expect(")")
            self.depth -= 1
            return tree
        self.place -= 1
        what = "it ends too early" if token.kind == "end" else f"'{token.text}' is not expected"
        self._fail(what, token.place)

    def _number(self, token: _Token) -> Number:
        value = float(token.text)
        if not math.isfinite(value):
            self._fail(f"{token.text} is too large a number", token.place)
        following = self.token
        if following.kind == "name" and following.text not in ("and", "or", "not"):
            self.place += 1
            if self.token.text == "(":
                self._fail("a number before a call", token.place, "a product is written with '*'")
            return Number(value, following.text)
        return Number(value)

    def _call(self, token: _Token) -> Call:
        self._deeper()
        arguments = []
        if self._accept(")") is None:
            arguments.append(self._condition())
            while self._accept(","):
                arguments.append(self._condition())
            self._expect(")")
        self.depth -= 1
        return Call(token.text, tuple(arguments))
