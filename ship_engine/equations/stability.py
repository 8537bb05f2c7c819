"""How long a step may be: bounds that are derived from the equations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ship_engine.equations.algebra import Algebra, Expression
from ship_engine.equations.integration import Equations, Step, exact_states
from ship_engine.equations.linear import affine
from ship_engine.equations.reading import Names
from ship_engine.equations.units import unit_of
from ship_engine.equations.writing import FunctionWriter, compiled

LARGEST_LOAD = 0.5
"""Decay rate times step, with the rate of the moment; fourth-order steps are unstable from 2.8."""
USUAL_LOAD = 1.0
"""The same with the largest rate that is expected."""
LARGEST_GROWTH = 0.25
"""Growth rate times step where a potential shoots up."""
LONGEST = 0.1
"""ms, where equations are not linear."""
MOST_PARTS = 20
"""Of `LONGEST`; where Runge-Kutta steps would need more, exponential steps are taken."""
PARTS_OF_EXPONENTIAL = 4
"""Of `LONGEST`, for a step of second order."""
SETTLING = 1e-3
"""ms down to which a potential that shoots up is followed."""
POTENTIALS = np.linspace(-100.0, 60.0, 33)
"""mV, at which rates are looked at."""


class Stability:
    """Bounds of steps.

    Parameters
    ----------
    equations : Equations
        What is integrated.
    names : Names
        Parameters and states, for their defaults and units.

    Attributes
    ----------
    stiff : bool
        Whether there are rates that Runge-Kutta steps are not made for.
    longest_step, settling_step : float or None
        As in `Model`.
    overload, alarm : Expression or None
        As in `Model`; ``step`` is the step in `overload`, and ``dt`` in `alarm`.
    """

    def __init__(self, equations: Equations, names: Names) -> None:
        self.equations, self.names, self.algebra = equations, names, equations.algebra
        self.longest_step: float | None = None
        self.settling_step: float | None = None
        self.overload: Expression | None = None
        self.alarm: Expression | None = None
        exact, _ = exact_states(equations)
        self._fastest = self._fastest_rate([s for s in equations.states if s not in exact])
        self.stiff = self._parts() > MOST_PARTS

    def _parts(self) -> int:
        """Into how many parts the rates divide the longest step."""
        return max(1, math.ceil(LONGEST * self._fastest / USUAL_LOAD - 1e-9))

    def look_at(self, step: Step) -> None:
        """Derive the bounds of a step."""
        if not step.stepped:
            return
        # Without a threshold there is nothing that looks at a step and divides it.
        if not self.equations.watched or not self._is_chain(step.stepped):
            if step.method == "rk4":
                self.longest_step = LONGEST / min(self._parts(), 10 * MOST_PARTS)
            else:
                self.longest_step = LONGEST / PARTS_OF_EXPONENTIAL
        if step.method == "rk4":
            self.overload = self._overload(step.stepped)
        for name, limit in self.equations.limits.items():
            self._look_at_growth(name, limit, step)

    def _is_chain(self, stepped: list[str]) -> bool:
        """Whether each state is linear in itself and none acts back on one that acts on it."""
        derivatives = self.equations.derivatives
        for name in stepped:
            if name in self.algebra.derivative(derivatives[name], name).names:
                return False
        acting = {n: (derivatives[n].names & set(stepped)) - {n} for n in stepped}
        while acting:
            free = [name for name, by in acting.items() if not by & acting.keys()]
            if not free:
                return False
            for name in free:
                del acting[name]
        return True

    def _rate(self, name: str) -> Expression:
        """How fast a state decays towards where the others draw it."""
        slope = self.equations.derivatives[name]
        return self.algebra.scale(-1.0, self.algebra.derivative(slope, name))

    def _fastest_rate(self, stepped: list[str]) -> float:
        """The largest decay rate (1/ms) with the default parameters, over many potentials."""
        if not stepped:
            return 0.0
        writer = FunctionWriter("rates", [], [self._rate(name) for name in stepped])
        rates = compiled("rates", [writer])["rates"]
        millivolt = unit_of("mV", "a potential").dimension
        values: dict[str, Any] = {p.name: p.default for p in self.names.parameters}
        for state in self.names.states:
            unit = self.names.units[state.name]
            seen = state.name in self.equations.watched or not self.equations.watched
            in_mv = unit.dimension == millivolt and seen
            values[state.name] = POTENTIALS * 10.0 ** -float(unit.tens) if in_mv else state.initial
        values |= {"i_inj": 0.0, "free": 1.0}
        with np.errstate(all="ignore"):
            found = rates(*(np.asarray(values[name], float) for name in writer.arguments))
        finite = [np.asarray(rate)[np.isfinite(rate)] for rate in found]
        return max((float(rate.max()) for rate in finite if rate.size), default=0.0)

    def _overload(self, stepped: list[str]) -> Expression | None:
        """> 0 where a rate is too fast for a step.

        Rates that take an exponential to compute are left to `longest_step`; growth by one, which
        is subtracted from a rate, is left out.
        """
        algebra, loads, states = self.algebra, [], set(self.equations.states)
        for name in stepped:
            rate = self._rate(name)
            kept = [(c, t) for c, t in _terms(algebra, rate) if c > 0.0 or not _calls(t, states)]
            rate = algebra.combine(kept)
            if rate.value is not None or _calls(rate, states):
                continue
            above, below = self._quotient(rate)
            load = algebra.multiply(algebra.symbol("step"), above)
            loads.append(algebra.subtract(load, algebra.scale(LARGEST_LOAD, below)))
        if not loads:
            return None
        worst = loads[0]
        for load in loads[1:]:
            worst = algebra.call("maximum", worst, load)
        return worst

    def _quotient(self, rate: Expression) -> tuple[Expression, Expression]:
        """A rate as a quotient, without divisions where divisors are known to be positive."""
        positive = {p.name for p in self.names.parameters if p.minimum >= 0.0 and p.exclusive}
        terms = _terms(self.algebra, rate)
        powers: dict[str, float] = {}
        for _, term in terms:
            for base, exponent in term.parts if term.kind == "product" else ():
                if exponent < 0.0 and base.kind == "symbol" and base.parts[0] in positive:
                    name = base.parts[0]
                    powers[name] = max(powers.get(name, 0.0), -exponent)
        algebra = self.algebra
        below = algebra.multiply(
            *(algebra.power(algebra.symbol(n), algebra.number(e)) for n, e in powers.items())
        )
        return algebra.combine([(c, algebra.multiply(term, below)) for c, term in terms]), below

    def _look_at_growth(self, name: str, limit: Expression, step: Step) -> None:
        """Raise an alarm where a potential shoots up too fast for the step.

        Where one exponential of the potential does that, the alarm is a level of the potential.
        """
        algebra = self.algebra
        rate = algebra.derivative(self.equations.derivatives[name], name)
        growing = [(c, part) for c, part in _terms(algebra, rate) if _calls(part, {name})]
        if name not in step.stepped or not growing:
            return
        self.settling_step = SETTLING
        level = self._level(name, limit, *growing[0]) if len(growing) == 1 else None
        if level is not None:
            lower = algebra.call("minimum", limit, level)
            self.alarm = algebra.subtract(algebra.symbol(name), lower)
            return
        capped = algebra.call("minimum", algebra.symbol(name), limit)
        growth = algebra.substitute(algebra.combine(growing), {name: capped})
        load = algebra.multiply(algebra.symbol("dt"), growth)
        self.alarm = algebra.call(
            "maximum",
            algebra.subtract(algebra.symbol(name), limit),
            algebra.subtract(load, algebra.number(LARGEST_GROWTH)),
        )

    def _level(
        self, name: str, limit: Expression, factor: float, term: Expression
    ) -> Expression | None:
        """The potential v at which factor exp(slope v + start) dt is the largest growth."""
        algebra, states = self.algebra, set(self.equations.states)
        factors = term.parts if term.kind == "product" else [(term, 1.0)]
        inside = [(base, e) for base, e in factors if name in base.names]
        others = [algebra.power(b, algebra.number(e)) for b, e in factors if name not in b.names]
        gain = algebra.scale(factor, algebra.multiply(*others))
        call, exponent = inside[0]
        if len(inside) > 1 or exponent != 1.0 or call.parts[0] != "exp":
            return None
        found = affine(algebra, call.parts[1], [name])
        if found is None or (gain.names | found[1].names | found[0][name].names) & states:
            return None
        slope, start = found[0][name], found[1]
        largest = algebra.number(LARGEST_GROWTH)
        there = algebra.call(
            "log", algebra.divide(largest, algebra.multiply(algebra.symbol("dt"), gain))
        )
        level = algebra.divide(algebra.subtract(there, start), slope)
        zero = algebra.zero
        grows = algebra.logic(
            "all", algebra.compare("<", zero, gain), algebra.compare("<", zero, slope)
        )
        return algebra.where(grows, level, limit)


def _terms(algebra: Algebra, node: Expression, levels: int = 3) -> list[tuple[float, Expression]]:
    """The terms of a sum, with products of sums written out where one factor is a sum."""
    if node.kind == "sum":
        constant = [(node.parts[0], algebra.one)] if node.parts[0] else []
        inner = [
            (c, *found) for c, part in node.parts[1:] for found in _terms(algebra, part, levels)
        ]
        return constant + [(c * factor, part) for c, factor, part in inner]
    sums = (
        [base for base, e in node.parts if base.kind == "sum" and e == 1.0]
        if (node.kind == "product")
        else []
    )
    if len(sums) != 1 or levels == 0:
        return [(1.0, node)]
    others = [algebra.power(b, algebra.number(e)) for b, e in node.parts if b is not sums[0]]
    terms = _terms(algebra, sums[0], levels - 1)
    return [(c, algebra.multiply(part, *others)) for c, part in terms]


def _calls(node: Expression, names: set[str]) -> bool:
    """Whether a function of one of some names is in an expression."""
    seen, pending = set[int](), [node]
    while pending:
        part = pending.pop()
        if id(part) in seen or part.names.isdisjoint(names):
            continue
        seen.add(id(part))
        if part.kind == "call":
            return True
        pending += part.children()
    return False
