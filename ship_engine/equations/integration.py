"""How equations are integrated: what is linear exactly, the rest by a step that suits it.

States whose equations are linear, with coefficients that depend on parameters alone, and that
depend on no other states, are exact.  The rest takes a step in which the exact states are known at
its start, middle and end: the classical fourth-order Runge-Kutta step ("rk4"), or a second-order
exponential midpoint step ("exponential"), in which each equation is linear in its own state.  The
latter stays stable where rates are much faster than the time step.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ship_engine.equations.algebra import Algebra, Expression
from ship_engine.equations.linear import CannotIntegrateError, LinearSystem, affine, exact_flow
from ship_engine.errors import InvalidEquationsError

METHODS = ("exact", "exponential", "rk4")
MOST_ATTEMPTS = 20
"""To find out which of many linear equations can be integrated exactly."""


@dataclass
class Equations:
    """What is to be integrated.

    Attributes
    ----------
    algebra : Algebra
        Makes expressions.
    parameters, states : list of str
        Names.
    derivatives : dict of str to Expression
        Of each state.
    held : tuple of str
        States that stay where they are during the refractory period.
    watched : frozenset of str
        States that the threshold looks at.
    limits : dict of str to Expression
        Upper limits, at which the threshold is reached, of watched states.
    """

    algebra: Algebra
    parameters: list[str]
    states: list[str]
    derivatives: dict[str, Expression]
    held: tuple[str, ...] = ()
    watched: frozenset[str] = frozenset()
    limits: dict[str, Expression] = field(default_factory=dict)


@dataclass
class Step:
    """A step of all states.

    Attributes
    ----------
    exact, stepped : list of str
        States, by how they are integrated.
    method : str
        Of the stepped ones; ``"exact"`` if there are none.
    reasons : dict of str to str
        Why states are not exact.
    lines : list of (str, Expression)
        Local names, and what they stand for, in order.
    results : dict of str to Expression
        The states after the step.
    slopes : dict of str to Expression
        Derivatives of the stepped states, as they are used in the step.
    """

    exact: list[str]
    stepped: list[str]
    method: str
    reasons: dict[str, str]
    lines: list[tuple[str, Expression]] = field(default_factory=list)
    results: dict[str, Expression] = field(default_factory=dict)
    slopes: dict[str, Expression] = field(default_factory=dict)


def integrate(equations: Equations, method: str | None, stiff: bool) -> Step:
    """Derive a step of all states.

    Parameters
    ----------
    equations : Equations
        What is to be integrated.
    method : str or None
        One of `METHODS`; None chooses.
    stiff : bool
        Whether rates are too fast for Runge-Kutta steps.

    Raises
    ------
    InvalidEquationsError
        If the method does not apply.
    """
    if method is not None and method not in METHODS:
        raise InvalidEquationsError(
            f"method = {method!r} is unknown; choose one of {', '.join(METHODS)}, or leave it out."
        )
    exact, reasons = exact_states(equations)
    if method == "exact" and len(exact) < len(equations.states):
        name = next(state for state in equations.states if state not in exact)
        raise InvalidEquationsError(
            f"method = 'exact' does not apply: {reasons[name]}. Leave the method out, or choose "
            "'rk4' or 'exponential'."
        )
    if method in ("rk4", "exponential"):
        exact = _upstream(equations, exact)
    stepped = [state for state in equations.states if state not in exact]
    chosen = method or ("exponential" if stiff else "rk4")
    step = Step(exact, stepped, chosen if stepped else "exact", reasons)
    _Steps(equations, step).derive()
    return step


def exact_states(equations: Equations) -> tuple[list[str], dict[str, str]]:
    """States that can be integrated exactly, and why the others cannot."""
    algebra, known = equations.algebra, {*equations.states, "i_inj"}
    linear: dict[str, set[str]] = {}
    reasons: dict[str, str] = {}
    for name in equations.states:
        found = affine(algebra, equations.derivatives[name], known)
        if found is None:
            reasons[name] = f"d{name}/dt is not linear in the states"
        else:
            linear[name] = set(found[0]) - {"i_inj"}
    _leave_out_dependent(linear, reasons)
    attempts = 0
    while linear:
        attempts += 1
        try:
            exact_flow(algebra, system_of(equations, list(linear)), algebra.symbol("dt"))
        except CannotIntegrateError as error:
            for name in error.states if attempts < MOST_ATTEMPTS else list(linear):
                reasons[name] = f"d{name}/dt is linear, but {error}"
                del linear[name]
            _leave_out_dependent(linear, reasons)
        else:
            break
    return [name for name in equations.states if name in linear], reasons


def _leave_out_dependent(linear: dict[str, set[str]], reasons: dict[str, str]) -> None:
    """Take out states that depend on such as are not among them."""
    changed = True
    while changed:
        changed = False
        for name in list(linear):
            others = sorted(linear[name] - linear.keys())
            if others:
                reasons[name] = f"d{name}/dt depends on {others[0]}, which is not exact itself"
                del linear[name]
                changed = True


def system_of(equations: Equations, names: list[str]) -> LinearSystem:
    """The linear equations of some states."""
    algebra = equations.algebra
    matrix: dict[tuple[str, str], Expression] = {}
    sources: dict[str, Expression] = {}
    for name in names:
        found = affine(algebra, equations.derivatives[name], {*names, "i_inj"})
        assert found is not None
        coefficients, rest = found
        current = coefficients.pop("i_inj", algebra.zero)
        matrix |= {(name, by): c for by, c in coefficients.items() if c is not algebra.zero}
        sources[name] = algebra.add(rest, algebra.multiply(current, algebra.symbol("i_inj")))
    return LinearSystem(tuple(names), matrix, sources)


def _upstream(equations: Equations, exact: list[str]) -> list[str]:
    """Exact states that neither are watched by the threshold nor depend on those that are."""
    others = set(equations.states).difference(exact)
    stepped = set(equations.watched) or others or set(equations.states)
    while True:
        more = {n for n in exact if equations.derivatives[n].names & stepped} - stepped
        if not more:
            return [name for name in exact if name not in stepped]
        stepped |= more


class _Steps:
    """Derives the lines of a step."""

    def __init__(self, equations: Equations, step: Step) -> None:
        self.equations, self.step, self.algebra = equations, step, equations.algebra
        self.dt, self.half = self.algebra.symbol("dt"), self._scaled("dt", 0.5)
        stepped = set(step.stepped)
        self.needed = [
            name
            for name in step.exact
            if any(name in equations.derivatives[s].names for s in stepped)
        ]
        others = [s for s in step.stepped if s not in equations.held]
        self.coupled = bool(equations.held) and any(
            equations.derivatives[s].names & set(equations.held) for s in others
        )

    def _scaled(self, name: str, factor: float) -> Expression:
        return self.algebra.scale(factor, self.algebra.symbol(name))

    def assign(self, name: str, node: Expression) -> Expression:
        """A local name for an expression; what is a name or number already needs none."""
        if node.kind in ("symbol", "number"):
            return node
        self.step.lines.append((name, node))
        return self.algebra.symbol(name)

    def derive(self) -> None:
        """Put the step together."""
        step, equations = self.step, self.equations
        caps = self._caps()
        for name in step.stepped:
            slope = equations.derivatives[name]
            step.slopes[name] = self.algebra.substitute(slope, caps) if caps else slope
        flow = self._exact(self.dt)
        results = dict(flow)
        if step.stepped:
            start = {name: self.algebra.symbol(name) for name in equations.states}
            middle_flow = self._exact(self.half) if self.needed else {}
            middle = {n: self.assign(f"_{n}_middle", middle_flow[n]) for n in self.needed}
            after = {n: self.assign(f"_{n}_after", flow[n]) for n in self.needed}
            results |= after
            advance = self._runge_kutta if step.method == "rk4" else self._exponential
            results |= advance(start, start | middle, start | after)
        step.results = {name: results[name] for name in equations.states}

    def _exact(self, dt: Expression) -> dict[str, Expression]:
        """Exact states after a time, with what is held in the refractory period held."""
        step, equations = self.step, self.equations
        if not step.exact:
            return {}
        system = system_of(equations, step.exact)
        flow = exact_flow(self.algebra, system, dt)
        held = [name for name in equations.held if name in step.exact]
        driven = [
            name
            for name in step.exact
            if name not in equations.held and system.acting_on(name) & set(held)
        ]
        seen = [name for name in held if name in self.needed]
        if driven or seen:
            meanwhile = exact_flow(self.algebra, system.without(held), dt)
            free = self.algebra.symbol("free")
            held_part = self.algebra.subtract(self.algebra.one, free)
            for name in [*driven, *seen]:
                flow[name] = self.algebra.add(
                    self.algebra.multiply(free, flow[name]),
                    self.algebra.multiply(held_part, meanwhile[name]),
                )
        return flow

    def _caps(self) -> dict[str, Expression]:
        """What is put in place of states that shoot up to the threshold.

        Beyond it nothing gets faster: a step that ends there is taken back, so it may be anything
        that does not overflow.
        """
        algebra, caps = self.algebra, {}
        for name, limit in self.equations.limits.items():
            rate = algebra.derivative(self.equations.derivatives[name], name)
            if name in rate.names and name in self.step.stepped:
                caps[name] = algebra.call("minimum", algebra.symbol(name), limit)
        return caps

    def _slopes(self, values: dict[str, Expression], tag: str) -> dict[str, Expression]:
        """The derivatives of the stepped states somewhere in the step."""
        algebra, found = self.algebra, {}
        for name in self.step.stepped:
            slope = algebra.substitute(self.step.slopes[name], self._changed(values))
            if self.coupled and name in self.equations.held:
                slope = algebra.multiply(algebra.symbol("free"), slope)
            found[name] = self.assign(f"_{name}_slope{tag}", slope)
        return found

    def _changed(self, values: dict[str, Expression]) -> dict[str, Expression]:
        symbol = self.algebra.symbol
        return {name: value for name, value in values.items() if value is not symbol(name)}

    def _runge_kutta(
        self,
        start: dict[str, Expression],
        middle: dict[str, Expression],
        after: dict[str, Expression],
    ) -> dict[str, Expression]:
        algebra, stepped = self.algebra, self.step.stepped
        slopes = [self._slopes(start, "1")]
        for tag, exact, reach in (
            ("2", middle, self.half),
            ("3", middle, self.half),
            ("4", after, self.dt),
        ):
            stage = {}
            for name in stepped:
                moved = algebra.multiply(reach, slopes[-1][name])
                moved = algebra.add(start[name], moved)
                stage[name] = self.assign(f"_{name}_stage{tag}", moved)
            slopes.append(self._slopes(exact | stage, tag))
        one, two, three, four = slopes
        sixth = self._scaled("dt", 1.0 / 6.0)
        results = {}
        for name in stepped:
            weighted = [(1.0, one[name]), (2.0, two[name]), (2.0, three[name]), (1.0, four[name])]
            moved = algebra.multiply(sixth, algebra.combine(weighted))
            results[name] = algebra.add(start[name], moved)
        return results

    def _exponential(
        self,
        start: dict[str, Expression],
        middle: dict[str, Expression],
        after: dict[str, Expression],
    ) -> dict[str, Expression]:
        algebra, stepped = self.algebra, self.step.stepped
        slopes, rates = self._slopes(start, "1"), self._rates(start, "1")
        stage = {}
        for name in stepped:
            mean = algebra.call("exprel", algebra.multiply(self.half, rates[name]))
            moved = algebra.multiply(self.half, mean, slopes[name])
            stage[name] = self.assign(f"_{name}_stage2", algebra.add(start[name], moved))
        values = middle | stage
        slopes, rates = self._slopes(values, "2"), self._rates(values, "2")
        results = {}
        for name in stepped:
            mean = algebra.call("exprel", algebra.multiply(self.dt, rates[name]))
            since = algebra.multiply(rates[name], algebra.subtract(start[name], stage[name]))
            moved = algebra.multiply(self.dt, mean, algebra.add(slopes[name], since))
            results[name] = algebra.add(start[name], moved)
        return results

    def _rates(self, values: dict[str, Expression], tag: str) -> dict[str, Expression]:
        """How each derivative changes with its own state."""
        algebra, found = self.algebra, {}
        for name in self.step.stepped:
            rate = algebra.derivative(self.step.slopes[name], name)
            rate = algebra.substitute(rate, self._changed(values))
            if self.coupled and name in self.equations.held:
                rate = algebra.multiply(algebra.symbol("free"), rate)
            found[name] = self.assign(f"_{name}_rate{tag}", rate)
        return found
