"""From expressions to the source text of elementwise functions.

What several lines have in common is computed once.  Local names start with an underscore, with
which no name of a description starts, so that they never meet.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ship_engine import elementwise
from ship_engine.equations import propagators
from ship_engine.equations.algebra import Algebra, Expression
from ship_engine.equations.matrices import matrix_flow

LARGEST_POWER = 4
"""Whole powers up to it are written as products."""
LIBRARY: Mapping[str, Callable[..., Any]] = {
    **{name: getattr(elementwise, name) for name in (*elementwise.LANGUAGE, "exprel")},
    **{f"divided_exp_{n}": getattr(propagators, f"divided_exp_{n}") for n in (2, 3, 4)},
    **{name: getattr(propagators, name) for name in ("pair_exp", "pair_divided_exp")},
}
"""Every function that a text may call, but for those of matrices."""


class Coefficients:
    """Finds what depends on parameters and dt alone, and gives it names.

    Parameters
    ----------
    algebra : Algebra
        Makes expressions.
    shared : iterable of str
        Parameters; ``dt`` is never left in an expression.

    Attributes
    ----------
    values : dict of str to Expression
        By name of the coefficient, in the order in which they were found.
    """

    def __init__(self, algebra: Algebra, shared: Iterable[str]) -> None:
        self.algebra = algebra
        self.shared = frozenset(shared) | {"dt"}
        self.values: dict[str, Expression] = {}
        self._names: dict[int, str] = {}
        self._done: dict[int, Expression] = {}

    def keep(self, name: str, node: Expression) -> None:
        """Give a coefficient a name of its own, whether or not it is used."""
        self._names[id(node)] = name
        self.values[name] = node

    def name_of(self, node: Expression) -> str:
        """The name of the coefficient with a value."""
        if id(node) not in self._names:
            name = self._names[id(node)] = f"_k{len(self.values)}"
            self.values[name] = node
        return self._names[id(node)]

    def hoisted(self, node: Expression) -> Expression:
        """The expression with coefficients in place of all that can be computed beforehand."""
        if id(node) not in self._done:
            self._done[id(node)] = self._hoist(node)
        return self._done[id(node)]

    def _is_shared(self, node: Expression) -> bool:
        return node.names <= self.shared

    def _whole(self, node: Expression) -> Expression:
        """A shared expression by name, unless it has one, or is a number."""
        plain = node.kind == "number" or (node.kind == "symbol" and "dt" not in node.names)
        return node if plain else self.algebra.symbol(self.name_of(node))

    def _hoist(self, node: Expression) -> Expression:
        if self._is_shared(node):
            return node if node.kind in ("compare", "all", "any") else self._whole(node)
        algebra = self.algebra
        if node.kind == "sum":
            fixed = [(c, part) for c, part in node.parts[1:] if self._is_shared(part)]
            start = algebra.combine([(node.parts[0], algebra.one), *fixed])
            if len(fixed) > 1 or (fixed and node.parts[0] != 0.0):
                start = self._whole(start)
            elif fixed:
                start = algebra.scale(fixed[0][0], self._whole(fixed[0][1]))
            moving = [
                self._scaled(c, part) for c, part in node.parts[1:] if not self._is_shared(part)
            ]
            return algebra.add(start, *moving)
        if node.kind == "product":
            return self._scaled(1.0, node)
        return algebra.rebuilt(node, self.hoisted)

    def _scaled(self, factor: float, node: Expression) -> Expression:
        """A number times an expression that is not shared."""
        algebra = self.algebra
        if node.kind != "product":
            return algebra.scale(factor, self.hoisted(node))
        fixed, moving = [], []
        for base, exponent in node.parts:
            power = algebra.power(base, algebra.number(exponent))
            if self._is_shared(base):
                fixed.append(power)
            else:
                changed = algebra.power(self.hoisted(base), algebra.number(exponent))
                moving.append(changed)
        size = abs(factor) if fixed else 1.0
        gain = self._whole(algebra.scale(size, algebra.multiply(*fixed)))
        product = algebra.multiply(gain, *moving)
        return algebra.scale(factor / size, product)


class FunctionWriter:
    """Writes one function.

    Parameters
    ----------
    name : str
        Of the function.
    lines : sequence of (str, Expression)
        Local names, and what is assigned to them, in order.
    results : sequence of Expression
        What it returns: a tuple, or the one expression if `single`.
    single : bool
        Whether it returns a number.
    """

    def __init__(
        self,
        name: str,
        lines: Sequence[tuple[str, Expression]],
        results: Sequence[Expression],
        single: bool = False,
    ) -> None:
        self.name, self.library = name, dict[str, Callable[..., Any]]()
        self._text: list[str] = []
        self._known: dict[int, str] = {}
        self._uses: dict[int, int] = {}
        local = {target for target, _ in lines}
        everything = [node for _, node in lines] + list(results)
        for node in everything:
            self._count(node)
        names = dict.fromkeys(n for node in everything for n in sorted(node.names))
        self.arguments = [name for name in names if name not in local]
        for target, node in lines:
            self._text.append(f"{target} = {self._top(node)}")
            self._known[id(node)] = self._known.get(id(node), target)
        texts = [self._top(result) for result in results]
        returned = texts[0] if single else f"({''.join(f'{text}, ' for text in texts)})"
        self._text.append(f"return {returned}")

    def text(self) -> str:
        """The function as source text."""
        head = f"def {self.name}({', '.join(self.arguments)}):"
        return "\n".join([head, *(f"    {line}" for line in self._text)]) + "\n"

    def _count(self, node: Expression) -> None:
        self._uses[id(node)] = self._uses.get(id(node), 0) + 1
        if self._uses[id(node)] == 1:
            for child in node.children():
                self._count(child)

    def _top(self, node: Expression) -> str:
        text = self._shown(node)
        whole = text.startswith("(") and text.endswith(")") and node.kind in ("sum", "product")
        return text[1:-1] if whole and id(node) not in self._known else text

    def _shown(self, node: Expression) -> str:
        """Text of a part; what is used more than once gets a local name first."""
        if node.kind == "number":
            return _number(node.parts[0])
        if node.kind == "symbol":
            return str(node.parts[0])
        if id(node) in self._known:
            return self._known[id(node)]
        text = self._written(node)
        if self._uses[id(node)] > 1:
            name = f"_t{len(self._known)}"
            bare = text[1:-1] if node.kind in ("sum", "product") and text[0] == "(" else text
            self._text.append(f"{name} = {bare}")
            self._known[id(node)] = text = name
        return text

    def _written(self, node: Expression) -> str:
        if node.kind == "sum":
            return self._sum(node)
        if node.kind == "product":
            return self._product(node)
        if node.kind == "compare":
            operator, left, right = node.parts
            return f"({self._shown(left)} {operator} {self._shown(right)})"
        if node.kind in ("all", "any"):
            joined = " & " if node.kind == "all" else " | "
            return f"({joined.join(map(self._shown, node.parts))})"
        function, *arguments = node.parts
        texts = [self._shown(argument) for argument in arguments]
        if function == "power":
            return f"({texts[0]} ** {texts[1]})"
        if function == "item":
            return f"{texts[0]}[{int(arguments[1].parts[0])}]"
        if function.startswith("matrix_flow_"):
            self.library[function] = matrix_flow(int(function.rpartition("_")[2]))
        else:
            self.library[function] = LIBRARY[function]
        return f"{function}({', '.join(texts)})"

    def _sum(self, node: Expression) -> str:
        constant, *terms = node.parts
        sizes = {abs(c) for c, _ in terms} | ({abs(constant)} if constant else set())
        common = sizes.pop() if len(sizes) == 1 and len(terms) + (constant != 0.0) > 1 else 1.0
        # A positive term comes first where there is one.
        ordered = sorted(terms, key=lambda term: term[0] < 0.0)
        text = ""
        for coefficient, part in ordered:
            size, shown = abs(coefficient) / common, self._shown(part)
            scaled = shown if size == 1.0 else f"{_number(size)} * {shown}"
            if not text:
                text = scaled if coefficient > 0.0 else f"-{scaled}"
            else:
                text += f" {'+' if coefficient > 0.0 else '-'} {scaled}"
        if constant:
            text += f" {'+' if constant > 0.0 else '-'} {_number(abs(constant) / common)}"
        return f"({text})" if common == 1.0 else f"({_number(common)} * ({text}))"

    def _product(self, node: Expression) -> str:
        above, below = list[str](), list[str]()
        for base, exponent in node.parts:
            text = self._shown(base)
            size = abs(exponent)
            if size.is_integer() and size <= LARGEST_POWER:
                if size > 1.0 and base.kind not in ("symbol", "number"):
                    text = self._local(base, text)
                texts = [text] * int(size)
            elif size == 0.5:
                self.library["sqrt"] = LIBRARY["sqrt"]
                texts = [f"sqrt({text})"]
            else:
                texts = [f"{text} ** {_number(size)}"]
            (above if exponent > 0.0 else below).extend(texts)
        result = " * ".join(above) or "1.0"
        if below:
            divisor = below[0] if len(below) == 1 else f"({' * '.join(below)})"
            result += f" / {divisor}"
        return f"({result})"

    def _local(self, node: Expression, text: str) -> str:
        """A local name for a part that is written several times."""
        if id(node) not in self._known:
            name = f"_t{len(self._known)}"
            self._text.append(f"{name} = {text}")
            self._known[id(node)] = name
        return self._known[id(node)]


def _number(value: float) -> str:
    return repr(float(value)) if value >= 0.0 else f"({float(value)!r})"


def compiled(name: str, writers: Iterable[FunctionWriter]) -> dict[str, Callable[..., Any]]:
    """The functions that some writers have written, by their names.

    The text is made of checked names, numbers and calls of the library alone.
    """
    writers = list(writers)
    text = "\n\n".join(writer.text() for writer in writers)
    file = f"<equations of {name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    namespace: dict[str, Any] = {}
    for writer in writers:
        namespace |= writer.library
    exec(compile(text, file, "exec"), namespace)
    return {writer.name: namespace[writer.name] for writer in writers}
