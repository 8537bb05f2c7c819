"""What the names of a NESTML model stand for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ship_engine.equations.units import Unit
from ship_engine.nestml.expressions import Translator, Value, as_number, call, cast
from ship_engine.nestml.locations import shown, unsupported
from ship_engine.nestml.names import engine_name, full_name
from ship_engine.nestml.units import unit_of_type


@dataclass(frozen=True)
class Variable:
    """Something that is declared: a parameter, a state, an internal, or an inline expression."""

    name: str
    """In NESTML, with primes."""
    unit: Unit
    boolean: bool
    node: Any
    expression: Any = None
    """The tree of its value; None if it has none."""
    invariant: Any = None

    @property
    def engine_name(self) -> str:
        """In the engine."""
        return engine_name(self.name)

    @property
    def value(self) -> Value:
        """It, as an expression."""
        tree = ast.Name(self.engine_name)
        if self.boolean:
            return Value(ast.Compare(tree, [ast.Gt()], [ast.Constant(0.5)]), None)
        return Value(tree, self.unit)

    def holds(self, value: Value) -> Value:
        """A value as it is kept in the variable."""
        return as_number(value) if self.boolean else cast(value, self.unit)


def declared(blocks: Any) -> Iterator[Variable]:
    """The variables of some blocks of declarations."""
    for block in blocks:
        for declaration in block.get_declarations():
            for variable in declaration.get_variables():
                yield _declared(declaration, variable)


def _declared(declaration: Any, variable: Any) -> Variable:
    kind = declaration.get_data_type()
    if variable.has_vector_parameter() or declaration.has_size_parameter():
        raise unsupported(
            variable, f"'{shown(variable)}', a vector,", "a variable for each element"
        )
    if kind.is_string or kind.is_void:
        raise unsupported(declaration, f"a variable that is a {kind}", "a number or a boolean")
    return Variable(
        full_name(variable),
        unit_of_type(kind),
        bool(kind.is_boolean),
        declaration,
        declaration.get_expression() if declaration.has_expression() else None,
        declaration.get_invariant() if declaration.has_invariant() else None,
    )


def inline_variable(node: Any) -> Variable:
    """The variable that an inline expression declares."""
    kind = node.get_data_type()
    return Variable(
        node.get_variable_name(),
        unit_of_type(kind),
        bool(kind.is_boolean),
        node,
        node.get_expression(),
    )


class Scope:
    """The variables and functions of one model.

    Parameters
    ----------
    model : ASTModel
        The model.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.parameters = {v.name: v for v in declared(model.get_parameters_blocks())}
        self.internals = {v.name: v for v in declared(model.get_internals_blocks())}
        self.states = {v.name: v for v in declared(model.get_state_blocks())}
        self.inlines: dict[str, Variable] = {}
        self.kernels: dict[str, Any] = {}
        """Kernels by the names of their variables, without primes."""
        self.equations: dict[str, Any] = {}
        for block in model.get_equations_blocks():
            for node in block.get_inline_expressions():
                self.inlines[node.get_variable_name()] = inline_variable(node)
            for node in block.get_ode_equations():
                self.equations[full_name(node.get_lhs())] = node
            for node in block.get_kernels():
                for variable in node.get_variables():
                    self.kernels[variable.get_name()] = node
        self.continuous: dict[str, Value] = {}
        """What continuous input is, by the names of its ports."""
        self.functions = {function.get_name(): function for function in model.get_functions()}

    def variable(self, name: str) -> Variable | None:
        """The variable of that name."""
        for group in (self.parameters, self.states, self.internals, self.inlines):
            if name in group:
                return group[name]
        return None

    def names(self) -> dict[str, Variable]:
        """All variables by name."""
        return {**self.parameters, **self.states, **self.internals, **self.inlines}

    def lookup(self, name: str, node: Any) -> Value | None:
        """What a name in an equation stands for."""
        variable = self.variable(name)
        return self.continuous.get(name) if variable is None else variable.value

    def internal_values(self) -> dict[str, ast.expr]:
        """What internals stand for, in terms of parameters and each other."""
        return {
            variable.engine_name: variable.holds(self.constant(variable.expression)).tree
            for variable in self.internals.values()
            if variable.expression is not None
        }

    def uses(self, name: str) -> Iterator[Any]:
        """Where an inline expression is used in the equations."""
        expressions = [inline.expression for inline in self.inlines.values()]
        expressions += [node.get_rhs() for node in self.equations.values()]
        for expression in expressions:
            for variable in expression.get_variables():
                if full_name(variable) == name:
                    yield variable

    def constant(self, node: Any) -> Value:
        """An expression in which only the names of the model may stand."""
        return Translator(self.lookup, self.call, self.names())(node)

    def call(self, node: Any, translate: Translator) -> Value | None:
        """What a call of one of the model's functions stands for."""
        from ship_engine.nestml.statements import function_value

        function = self.functions.get(node.get_name())
        if function is None and node.get_name() == "steps":
            return call("steps", translate(node.get_args()[0]))
        if function is None:
            return None
        return function_value(self, function, [translate(argument) for argument in node.get_args()])
