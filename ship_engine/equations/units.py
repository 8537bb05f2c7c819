"""Units as powers of ms, mV, nA, um, amol, K and the unit of weights, times a power of ten.

These units are coherent: nF mV / ms = nA, uS mV = nA, MOhm nA = mV, mol / m**3 = mM, with no
factor.  So a unit is its dimension and one whole number, and factors between units are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ship_engine.equations.language import parse
from ship_engine.equations.syntax import Name as NameInText
from ship_engine.equations.syntax import Negative, Number, Power, Product, Quotient, Syntax
from ship_engine.errors import InvalidEquationsError

BASES = ("ms", "mV", "nA", "um", "amol", "K", "weight")
LARGEST_POWER = 20
"""Of a unit, in its text."""


@dataclass(frozen=True)
class Unit:
    """A dimension, as exponents of `BASES`, and how many powers of ten the unit is larger."""

    dimension: tuple[Fraction, ...]
    tens: Fraction = Fraction(0)

    def times(self, other: Unit) -> Unit:
        """The product of two units."""
        pairs = zip(self.dimension, other.dimension, strict=True)
        return Unit(tuple(a + b for a, b in pairs), self.tens + other.tens)

    def to_power(self, exponent: Fraction) -> Unit:
        """A power of the unit."""
        return Unit(tuple(exponent * a for a in self.dimension), exponent * self.tens)

    @property
    def is_number(self) -> bool:
        """Whether it has no dimension."""
        return not any(self.dimension)

    def factor_to(self, other: Unit) -> float:
        """What a value in this unit is multiplied with, to be one in a unit of the same dimension.

        A whole power of ten gives the nearest float, so 1e-3 is 1e-3.
        """
        tens = self.tens - other.tens
        return float(f"1e{tens}") if tens.denominator == 1 else 10.0 ** float(tens)


def _unit(tens: int, **powers: int) -> Unit:
    return Unit(tuple(Fraction(powers.get(base, 0)) for base in BASES), Fraction(tens))


NUMBER = _unit(0)
MILLISECOND = _unit(0, ms=1)

_NAMES = {
    "s": _unit(3, ms=1),
    "V": _unit(3, mV=1),
    "A": _unit(9, nA=1),
    "S": _unit(6, nA=1, mV=-1),
    "Ohm": _unit(-6, mV=1, nA=-1),
    "ohm": _unit(-6, mV=1, nA=-1),
    "F": _unit(9, nA=1, ms=1, mV=-1),
    "C": _unit(12, nA=1, ms=1),
    "J": _unit(15, mV=1, nA=1, ms=1),
    "W": _unit(12, mV=1, nA=1),
    "Hz": _unit(-3, ms=-1),
    "m": _unit(6, um=1),
    "l": _unit(15, um=3),
    "L": _unit(15, um=3),
    "mol": _unit(18, amol=1),
    "M": _unit(3, amol=1, um=-3),
    "g": _unit(6, mV=1, nA=1, ms=3, um=-2),
    "K": _unit(0, K=1),
}
_PREFIXES = {"a": -18, "f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3}
_PREFIXES |= {"c": -2, "d": -1, "k": 3, "M": 6, "G": 9}
_SPELT_OUT = {"giga": 9, "mega": 6, "kilo": 3, "milli": -3, "micro": -6, "nano": -9, "pico": -12}
"""As the package quantities writes those of ohms."""
_WITHOUT = {"1": NUMBER, "dimensionless": NUMBER, "weight": _unit(0, weight=1)}
_EXAMPLES = "mV, nA, pA, nF, uS, MOhm, ms, Hz, mM, um, 1"


def named_unit(name: str) -> Unit | None:
    """The unit of one name, such as mV; None if there is none."""
    if name in _WITHOUT:
        return _WITHOUT[name]
    if name in _NAMES:
        return _NAMES[name]
    prefix, rest = name[:1], name[1:]
    if prefix in _PREFIXES and rest in _NAMES:
        known = _NAMES[rest]
        return Unit(known.dimension, known.tens + _PREFIXES[prefix])
    for prefix, tens in _SPELT_OUT.items():
        rest = name.removeprefix(prefix)
        if rest != name and rest in _NAMES:
            return Unit(_NAMES[rest].dimension, _NAMES[rest].tens + tens)
    return None


def unit_of(text: str, owner: str) -> Unit:
    """The unit that a text says, such as ``"uS/mV"``.

    Raises
    ------
    InvalidEquationsError
        If it is no unit; `owner`, such as ``"the parameter 'tau_m'"``, is named.
    """
    if not isinstance(text, str):
        raise InvalidEquationsError(
            f"The unit of {owner} is {text!r}; write it as text, such as 'mV', or '1' for none."
        )
    if text.strip() == "":
        return NUMBER
    unit = _meaning(parse(_written_out(text), f"the unit of {owner}"))
    if unit is None:
        raise InvalidEquationsError(
            f"'{text}', the unit of {owner}, is not a unit; write for example {_EXAMPLES}, or "
            "combine them, as in 'uS/mV', '1/ms' and 'mV**2'."
        )
    return unit


def _written_out(text: str) -> str:
    """Units may start with a slash."""
    return f"1{text.strip()}" if text.strip().startswith("/") else text.strip()


def _meaning(node: Syntax) -> Unit | None:
    if isinstance(node, NameInText):
        return named_unit(node.name)
    if isinstance(node, Number):
        return NUMBER if node.value == 1.0 and node.unit is None else None
    if isinstance(node, Product):
        units = [_meaning(factor) for factor in node.factors]
        result = NUMBER
        for unit in units:
            if unit is None:
                return None
            result = result.times(unit)
        return result
    if isinstance(node, Quotient):
        above, below = _meaning(node.above), _meaning(node.below)
        if above is None or below is None:
            return None
        return above.times(below.to_power(Fraction(-1)))
    if isinstance(node, Power):
        base, exponent = _meaning(node.base), _number(node.exponent)
        if base is None or exponent is None or abs(exponent) > LARGEST_POWER:
            return None
        return base.to_power(Fraction(exponent).limit_denominator(100))
    return None


def _number(node: Syntax) -> float | None:
    if isinstance(node, Negative):
        value = _number(node.operand)
        return None if value is None else -value
    return node.value if isinstance(node, Number) and node.unit is None else None


def described(unit: Unit) -> str:
    """A unit in words, by its dimension: ``mV``, ``nA``, ``1/ms``; with its power of ten."""
    for name in ("mV", "nA", "uS", "nF", "ms", "MOhm", "um", "mM", "K", "weight"):
        known = named_unit(name)
        if known is not None and known.dimension == unit.dimension:
            return name
    if unit.is_number:
        return "dimensionless"
    above = [_power(n, e) for n, e in zip(BASES, unit.dimension, strict=True) if e > 0]
    below = [_power(n, -e) for n, e in zip(BASES, unit.dimension, strict=True) if e < 0]
    text = "*".join(above) or "1"
    return text + "".join(f"/{b}" for b in below)


def measured(unit: Unit) -> str:
    """A unit behind the word "is": ``in mV``, or ``dimensionless``."""
    return "dimensionless" if unit.is_number else f"in {described(unit)}"


def _power(name: str, exponent: Fraction) -> str:
    return name if exponent == 1 else f"{name}**{exponent}"
