"""A description of a synapse becomes an ordinary synapse model of the engine.

States are kept as the latest event left them, and carried to the time of an event when it comes.
Those that only spikes of one side change are kept as of that side's latest spike.  Where both
sides change them, one more state, `BETWEEN`, tells how long after the latest presynaptic spike
the latest postsynaptic one came, so that spikes of the very same moment are not told apart.
"""

from __future__ import annotations

from typing import Any

from ship_engine.equations.algebra import Expression
from ship_engine.equations.description import Assignment, SynapseDescription
from ship_engine.equations.linear import CannotIntegrateError, LinearSystem, affine, exact_flow
from ship_engine.equations.reading import read_assignments, read_derivatives, read_names
from ship_engine.equations.units import unit_of
from ship_engine.equations.wording import listed
from ship_engine.equations.writing import FunctionWriter, compiled
from ship_engine.errors import InvalidEquationsError
from ship_engine.models.base import Parameter, State
from ship_engine.synapses.base import DENDRITIC_DELAY_FRACTION, UNIFORMS, Synapse

GIVEN = {"since_pre": "ms", "since_post": "ms", "weight": "weight"} | dict.fromkeys(UNIFORMS, "1")
"""Names that have a meaning in every synapse, and their units."""
BETWEEN = "post_after_pre"
"""A state (ms): 0 after a presynaptic spike."""
SENT = "transmitted"
SIGN = Parameter("sign", 1.0, "dimensionless", minimum=-1.0, maximum=1.0)


def compiled_synapse(description: SynapseDescription) -> type[Synapse]:
    """Make a synapse model of a description; see `ship_engine.equations.synapse_model`."""
    return _Compiler(description).model()


class _Compiler:
    """Turns one description into a model."""

    def __init__(self, description: SynapseDescription) -> None:
        self.description = description
        self.names = read_names(description, GIVEN)
        self.algebra = self.names.algebra
        self.derivatives = read_derivatives(self.names, description.derivatives)
        for name, node in self.derivatives.items():
            others = sorted(node.names & GIVEN.keys())
            if others:
                raise InvalidEquationsError(
                    f"The equation of '{name}' depends on {listed(others)}; between spikes it may "
                    "depend on states and parameters."
                )
        self.system = self._system()
        weight = unit_of("weight", "the weight")
        sent = Assignment(SENT, description.transmitted)
        extra = {"weight": weight, SENT: weight}
        self.on_pre = read_assignments(self.names, (*description.on_pre, sent), "on_pre", extra)
        self.sent = self.on_pre.pop(SENT)
        self.on_post = read_assignments(
            self.names, description.on_post, "on_post", {"weight": weight}
        )
        self.kept_pre, self.kept_post, self.kept_both = self._kept()
        for taken in (SENT, *[BETWEEN] * bool(self.kept_both)):
            if taken in self.names.reader.names:
                raise InvalidEquationsError(f"'{taken}' is taken; give that another name.")

    def _system(self) -> LinearSystem:
        matrix: dict[tuple[str, str], Expression] = {}
        sources = {}
        for name in self.names.state_names:
            found = affine(self.algebra, self.derivatives[name], self.names.state_names)
            if found is None:
                raise InvalidEquationsError(
                    f"d{name}/dt is not linear in the states; between its spikes a synapse is not "
                    "computed step by step, so its equations have to be linear."
                )
            matrix |= {(name, by): c for by, c in found[0].items() if c is not self.algebra.zero}
            sources[name] = found[1]
        return LinearSystem(tuple(self.names.state_names), matrix, sources)

    def _groups(self) -> list[set[str]]:
        """States that depend on each other, be it in one direction."""
        groups: list[set[str]] = []
        for name in self.names.state_names:
            linked = {name} | {by for to, by in self.system.matrix if to == name}
            apart = [group for group in groups if not group & linked]
            groups = [*apart, linked.union(*(group for group in groups if group & linked))]
        return groups

    def _kept(self) -> tuple[set[str], set[str], set[str]]:
        """States by the events that they are kept as of: presynaptic, postsynaptic, any."""
        pre, post, both = set[str](), set[str](), set[str]()
        for group in self._groups():
            moves = any(self.derivatives[name] is not self.algebra.zero for name in group)
            by_pre, by_post = group & self.on_pre.keys(), group & self.on_post.keys()
            if by_pre and by_post and moves:
                both |= group
            elif not moves:
                pre |= by_pre
                post |= by_post
            elif by_post:
                post |= group
            else:
                pre |= group
        return pre, post, both

    def _flows(self) -> dict[str, Expression]:
        """The states at an event, from those that are kept."""
        algebra = self.algebra
        since = {name: algebra.symbol(f"since_{name}") for name in ("pre", "post")}
        elapsed = algebra.subtract(since["pre"], algebra.symbol(BETWEEN))
        moving = {n for group in self._groups() for n in group if self._moves(group)}
        flows: dict[str, Expression] = {}
        kinds = [
            (self.kept_pre - self.kept_post, since["pre"]),
            (self.kept_post, since["post"]),
            (self.kept_both, algebra.call("maximum", elapsed, algebra.zero)),
        ]
        for states, duration in kinds:
            names = [n for n in self.names.state_names if n in states & moving]
            part = LinearSystem(
                tuple(names),
                {key: value for key, value in self.system.matrix.items() if key[0] in names},
                {name: self.system.sources[name] for name in names},
            )
            try:
                flows |= exact_flow(algebra, part, duration)
            except CannotIntegrateError as error:
                raise InvalidEquationsError(
                    f"The equations of {listed(names)} cannot be solved exactly: {error}. "
                    "Simplify them."
                ) from error
        return flows

    def _moves(self, group: set[str]) -> bool:
        return any(self.derivatives[name] is not self.algebra.zero for name in group)

    def _changes(
        self, event: str, changed: dict[str, Expression], kept: set[str]
    ) -> dict[str, Expression]:
        """What is kept after an event, by name."""
        flows, algebra = self._flows(), self.algebra
        names = [n for n in self.names.state_names if n in kept | changed.keys()]
        found = {n: changed.get(n, algebra.symbol(n)) for n in names}
        if "weight" in changed:
            found["weight"] = changed["weight"]
        found = {name: algebra.substitute(node, flows) for name, node in found.items()}
        if self.kept_both:
            is_pre = event == "pre"
            found[BETWEEN] = algebra.zero if is_pre else algebra.symbol("since_pre")
        return found

    def model(self) -> type[Synapse]:
        """The model."""
        description, names, algebra = self.description, self.names, self.algebra
        pre = self._changes("pre", self.on_pre, self.kept_pre | self.kept_both)
        sent = algebra.substitute(self.sent, self._flows())
        parameters, states = names.parameters, names.states
        limits = {p.name for p in parameters if p.unit == "weight"}
        changes_weight = "weight" in self.on_pre or "weight" in self.on_post
        if changes_weight and {"w_min", "w_max"} <= limits:
            parameters += (SIGN,)
            sent = algebra.multiply(algebra.symbol("sign"), sent)
        if description.on_post and DENDRITIC_DELAY_FRACTION.name not in names.units:
            parameters = (DENDRITIC_DELAY_FRACTION, *parameters)
        if self.kept_both:
            states += (State(BETWEEN, 0.0, "ms"),)
        writers = [FunctionWriter("on_pre", [], [*pre.values(), sent])]
        text = f"{listed(names.state_names)} exactly, from spike to spike."
        attributes: dict[str, Any] = {
            "__doc__": _docstring(description, text),
            "__module__": __name__,
            "name": description.name,
            "parameters": parameters,
            "states": states,
            "pre_changes": tuple(pre),
            "_integration": text,
        }
        if description.on_post:
            post = self._changes("post", self.on_post, self.kept_post | self.kept_both)
            writers.append(FunctionWriter("on_post", [], list(post.values())))
            attributes["post_changes"] = tuple(post)
        functions = compiled(description.name, writers)
        attributes |= {name: staticmethod(function) for name, function in functions.items()}
        return type(description.name, (Synapse,), attributes)


def _docstring(description: SynapseDescription, integration: str) -> str:
    lines = [description.documentation.strip() or f"{description.name}, from equations.", ""]
    lines += [f"d{d.state}/dt = {d.expression.strip()}" for d in description.derivatives]
    lines += [f"{d.name} = {d.expression.strip()}" for d in description.definitions]
    for event in ("on_pre", "on_post"):
        statements = getattr(description, event)
        if statements:
            lines.append(f"{event}:")
            lines += [f"    {a.name} = {a.expression.strip()}" for a in statements]
    lines.append(f"A presynaptic spike brings {description.transmitted.strip()}.")
    return "\n".join([*lines, "", f"Integrated: {integration}"])
