"""Input of NESTML neurons: spike ports with the receptors that they are, and the injected current.

Spikes reach a neuron of NESTML by a kernel, ``convolve(kernel, port)``, or by statements in
``onReceive(port)``.  Either way an arriving spike adds to one state, and the unit of what it adds
tells in which unit weights are given: nA, uS or mV, as in PyNN.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ship_engine.equations import description as equations
from ship_engine.equations.units import NUMBER, Unit, named_unit
from ship_engine.nestml.expressions import Value
from ship_engine.nestml.locations import mistaken, unsupported
from ship_engine.nestml.units import KINDS, kind_of, unit_of_type

CURRENT = Value(ast.Name("i_inj"), named_unit("nA"))


@dataclass(frozen=True)
class SpikePort:
    """A port for spikes.

    Attributes
    ----------
    name : str
        In NESTML.
    receptors : tuple of (str, int)
        The receptors of the model that end there, and with which sign weights arrive: NESTML
        gives an inhibitory port the negative of a weight, as NEST does.
    node : ASTInputPort
        Its declaration.
    """

    name: str
    receptors: tuple[tuple[str, int], ...]
    node: Any

    @property
    def symbol(self) -> str:
        """A name for what arrives, in expressions; it is none of NESTML."""
        return f"arriving_{self.name.replace('$', '_S')}_"


def spike_ports(nodes: list[Any]) -> dict[str, SpikePort]:
    """The spike ports of a neuron by name.

    A pair of an excitatory and an inhibitory port are the receptors of these names, and so is a
    single port for both; others are receptors by their own names.
    """
    found = [node for node in nodes if node.is_spike()]
    for node in found:
        if node.has_size_parameter():
            raise unsupported(node, f"'{node.get_name()}', a vector,", "a port for each element")
    signs = [_sign(node) for node in found]
    names: list[tuple[tuple[str, int], ...]] = [
        ((node.get_name(), sign or 1),) for node, sign in zip(found, signs, strict=True)
    ]
    if sorted(signs) == [-1, 1]:
        names = [(("excitatory", 1),) if sign > 0 else (("inhibitory", -1),) for sign in signs]
    elif signs == [0]:
        names = [(("excitatory", 1), ("inhibitory", 1))]
    pairs = zip(found, names, strict=True)
    return {node.get_name(): SpikePort(node.get_name(), each, node) for node, each in pairs}


def _sign(node: Any) -> int:
    """1 for an excitatory port, -1 for an inhibitory one, 0 for one that is both."""
    qualifiers = node.get_input_qualifiers() or []
    excitatory = any(q.is_excitatory for q in qualifiers)
    inhibitory = any(q.is_inhibitory for q in qualifiers)
    return int(excitatory) - int(inhibitory)


def continuous_ports(nodes: list[Any]) -> dict[str, Value]:
    """What the continuous input of a neuron is: the injected current."""
    found = [node for node in nodes if node.is_continuous()]
    if len(found) > 1:
        raise unsupported(
            found[1], "a second continuous input port", "one, which gets the injected current"
        )
    for node in found:
        unit = unit_of_type(node.get_datatype())
        if CURRENT.unit is None or unit.dimension != CURRENT.unit.dimension:
            raise unsupported(
                node,
                f"the continuous input port '{node.get_name()}', which is no current,",
                "a current, such as 'I_stim pA <- continuous'",
            )
    return {node.get_name(): CURRENT for node in found}


@dataclass(frozen=True)
class Arrival:
    """What a spike of weight 1 does.

    Attributes
    ----------
    port : SpikePort
        Where it arrives.
    state : str
        What is added to, by its name in the engine.
    factor : ast.expr
        How much, with its unit; of parameters.
    unit : Unit or None
        Of what a spike does, from which that of weights follows; None if it is not known.
    """

    port: SpikePort
    state: str
    factor: ast.expr
    unit: Unit | None


def receptors(arrival: Arrival) -> list[equations.Port]:
    """The receptors at which an arriving spike does this."""
    port, factor = arrival.port, arrival.factor
    kind = None if arrival.unit is None else kind_of(arrival.unit)
    weight_unit = "1" if kind is None else KINDS[kind][0]
    made = []
    for name, sign in port.receptors:
        # PyNN's weights are negative at inhibitory receptors, but for conductances.
        tree = factor
        if kind is not None:
            tree = ast.BinOp(tree, ast.Div(), ast.Name(f"1 {KINDS[kind][1]}"))
        inhibitory = name == "inhibitory"
        negative = sign < 0 and kind != "nS"
        if sign > 0 and inhibitory and kind == "nS":
            negative = True
        if negative:
            tree = ast.UnaryOp(ast.USub(), tree)
        made.append(equations.Port(name, arrival.state, weight_unit, ast.unparse(tree)))
    return made


def family(node: Any, scope: Any, seen: frozenset[str] = frozenset()) -> Unit | None:
    """The unit of what a convolution drives, from the constants that it is multiplied with.

    These are looked for around the convolution, from the inside to the outside, and then where the
    inline expression is used in which it stands.

    Parameters
    ----------
    node : ASTFunctionCall or ASTVariable
        The convolution, or the use of an inline expression.
    scope : Scope
        Of the model.
    seen : frozenset of str
        Inline expressions gone through.
    """
    child, parent = node, node.parent_
    while parent is not None and not hasattr(parent, "get_variable_name"):
        operator = parent.get_binary_operator() if hasattr(parent, "get_binary_operator") else None
        if operator is not None and getattr(operator, "is_times_op", False):
            other = parent.get_rhs() if parent.get_lhs() is child else parent.get_lhs()
            unit = _constant_unit(other, scope)
            if unit is not None:
                return unit
        child, parent = parent, parent.parent_
    if parent is None:
        return None
    name = parent.get_variable_name()
    if name in seen:
        return None
    for use in scope.uses(name):
        unit = family(use, scope, seen | {name})
        if unit is not None:
            return unit
    declared = unit_of_type(parent.get_data_type())
    return declared if kind_of(declared) is not None else None


def _constant_unit(node: Any, scope: Any) -> Unit | None:
    """The unit of an expression that is constant and drives a membrane; None if it is not that."""
    variables = [str(variable.get_complete_name()) for variable in node.get_variables()]
    if any(name in scope.states or name in scope.inlines for name in variables):
        return None
    if any(name not in scope.names() and named_unit(name) is None for name in variables):
        return None
    unit = scope.constant(node).unit
    return unit if unit not in (None, NUMBER) and kind_of(unit) is not None else None


def port_named(ports: Mapping[str, SpikePort], name: str, node: Any) -> SpikePort:
    """The spike port of that name."""
    if name not in ports:
        raise mistaken(node, f"'{name}' is no input port for spikes; there are {', '.join(ports)}.")
    return ports[name]
