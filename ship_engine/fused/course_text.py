"""Write the compiled loops of a group's time course, forward and adjoint.

Arrays are [time, cell], where cells are those of all samples of a batch.  Cells are dealt with in
blocks that stay in the fastest caches while time goes on; a time step of a block is one loop
without branches, so that it vectorises.  The adjoint loop goes backwards in time and computes each
step once more from the states at its start, which the forward loop has kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ship_engine.errors import UnsupportedByExecutorError
from ship_engine.fused.time_step import Kind, StepProgram, trace_step
from ship_engine.lowering.adjoint import adjoints
from ship_engine.lowering.source_text import indent
from ship_engine.lowering.tracing import Program, Traced
from ship_engine.training.surrogates import Surrogate

CELLS_OF_A_BLOCK = 1024
RANGES = 16
"""Into how many ranges of cells, at most, the work is divided among threads."""

_TEXTS: dict[str, str] = {
    "add": "{} + {}",
    "subtract": "{} - {}",
    "multiply": "{} * {}",
    "divide": "{} / {}",
    "negative": "-{}",
    "without_gradient": "{}",
    "absolute": "abs({})",
    "where": "{1} if {0} else {2}",
    "and": "{} & {}",
    "or": "{} | {}",
    "not": "not {}",
    "power": "real({} ** {})",
}
_FUNCTIONS = ("exp", "expm1", "floor", "log", "sqrt", "sin", "cos", "tanh")


@dataclass(frozen=True)
class Wanted:
    """Which derivatives a backward loop computes.

    Attributes
    ----------
    inputs, values : tuple
        Numbers of the inputs, and names of the values, whose derivatives are wanted.
    current : bool
        Whether that of the injected current is.
    seen : tuple of str
        States whose course is a result, into which gradients come.
    """

    inputs: tuple[int, ...]
    values: tuple[str, ...]
    current: bool
    seen: tuple[str, ...]


class Fields:
    """Which word of a table is what; arrays have an address and a stride in cells."""

    def __init__(self) -> None:
        self._names = ["kept", "scalars", *(f"bound_{k}" for k in range(RANGES + 1))]

    def add(self, name: str) -> None:
        """Make room for one more word."""
        self._names.append(name)

    def add_array(self, name: str) -> None:
        """Make room for an array."""
        self._names += [name, f"{name}_stride"]

    @property
    def names(self) -> list[str]:
        """All words in their order."""
        return self._names

    def __getitem__(self, name: str) -> str:
        """A word as text."""
        return f"T[{self._names.index(name)}]"


def lines_of(
    program: Program,
    results: Iterable[Traced],
    given: dict[str, str],
    known: dict[int, str] | None = None,
) -> list[str]:
    """Text of all operations on which results depend.

    Parameters
    ----------
    program : Program
        The program.
    results : iterable of Traced
        What is wanted.
    given : dict of str to str
        Text of each leaf.
    known : dict of int to str, optional
        Text of lines that are known already.
    """
    lines = []
    for line in program.needed(results):
        name, operands, detail = program.operations[line]
        texts = [f"v{k}" for k in operands]
        if known is not None and line in known:
            text = known[line]
        elif name == "leaf":
            text = given[detail]
        elif name == "constant":
            text = f"real({detail})" if "n" not in detail else f"real(math.{_special(detail)})"
        elif name == "compare":
            text = f"{texts[0]} {detail} {texts[1]}"
        elif name == "crossed":
            awake = "" if program.constant(operands[1]) is not None else f" & {texts[1]}"
            text = f"({texts[0]} >= real(0.0)){awake}"
        elif name == "spike":
            text = f"real(1.0) if {texts[1]} else real(0.0)"
        elif name in _FUNCTIONS:
            text = f"real({name}({texts[0]}))"
        else:
            text = _TEXTS[name].format(*texts)
        lines.append(f"v{line} = {text}")
    return lines


def _derivative(surrogate: type[Surrogate], distance: Traced, numbers: dict[str, Traced]) -> Any:
    """What a surrogate puts in place of the derivative of a step."""
    try:
        return surrogate.derivative(distance, **numbers)
    except (TypeError, ValueError, AttributeError) as error:
        raise UnsupportedByExecutorError(
            f"'derivative' of {surrogate.__name__} uses more than the functions of "
            "ship_engine.elementwise, such as torch's, which the executor 'fused' cannot compile; "
            f"write it in those, or use the executor 'torch'. Python says: {error}"
        ) from error


def _special(number: str) -> str:
    """An infinite number, or none at all, as `math` has it."""
    return number.replace("-inf", "inf * -1.0")


class CourseText:
    """The text of a group's loops.

    Parameters
    ----------
    kind : Kind
        What a time step is made of.
    rows : frozenset of str
        Values that differ from cell to cell; the others are one number for all.
    """

    def __init__(self, kind: Kind, rows: frozenset[str]) -> None:
        self.kind, self.rows = kind, rows
        self.step: StepProgram = trace_step(kind)
        self.states = list(self.step.states)
        self.scalars = [name for name in self.step.values if name not in rows]
        self.takes = self._inputs_that_matter()

    def _inputs_that_matter(self) -> list[int]:
        step = self.step
        results = [*step.new.values(), *([] if step.output is None else [step.output])]
        needed = set(step.program.needed(results))
        return [k for k, leaf in enumerate(step.inputs) if leaf.line in needed]

    @property
    def rests(self) -> bool:
        """Whether cells rest after a spike."""
        return self.kind.rests

    @property
    def spikes_apart(self) -> bool:
        """Whether what cells hand on are not their spikes, so that these are kept besides."""
        return self.kind.model.threshold is not None and self.kind.model.output is not None

    def forward_fields(self) -> Fields:
        """The table of the forward loop."""
        fields = Fields()
        for name in [*(f"state_{s}" for s in self.states), *(["left"] if self.rests else [])]:
            fields.add_array(name)
        for name in self._given_arrays():
            fields.add_array(name)
        for name in self._given_rows():
            fields.add(name)
        for name in ("out", *(["spikes"] if self.spikes_apart else [])):
            fields.add_array(name)
        if self.step.load is not None:
            fields.add("load")
        return fields

    def _given_arrays(self) -> list[str]:
        return [*(f"input_{k}" for k in self.takes), "current"]

    def _given_rows(self) -> list[str]:
        return [f"value_{n}" for n in self.step.values if n in self.rows] + (
            ["period"] if self.rests else []
        )

    def _leaves(self) -> dict[str, str]:
        """Text of whatever the program is given."""
        step = self.step
        given = {f"state_{s}": f"state_{s}[i]" for s in self.states}
        given |= {f"input_{k}": f"input_{k}[i]" for k in range(self.kind.inputs)}
        given |= {
            f"value_{n}": f"value_{n}[i]" if n in self.rows else f"value_{n}" for n in step.values
        }
        return given | {"current": "current[i]", "awake": "left[i] <= real(0.5)"}

    def forward(self) -> str:
        """Text of the forward loop."""
        step, fields = self.step, self.forward_fields()
        assert step.output is not None
        results = [*step.new.values(), step.output]
        results += [] if step.load is None else [step.load]
        lines = lines_of(step.program, results, self._leaves())
        if step.load is not None:
            lines.append(f"load[i] = max(load[i], v{step.load.line})")
        lines += [f"new_{name}[i] = v{traced.line}" for name, traced in step.new.items()]
        lines.append(f"out[i] = v{step.output.line}")
        spiked = f"v{step.crossed.line}" if step.crossed is not None else "False"
        if self.spikes_apart:
            lines.append(f"spikes[i] = real(1.0) if {spiked} else real(0.0)")
        if self.rests:
            lines.append("rest = left[i] - real(1.0)")
            lines.append("rest = rest if rest > real(0.0) else real(0.0)")
            lines.append(f"new_left[i] = period[i] if {spiked} else rest")
        kept = [f"state_{s}" for s in self.states] + (["left"] if self.rests else [])
        arrays = [*self._given_arrays(), "out", *(["spikes"] if self.spikes_apart else [])]
        pointers = {
            name: f"{fields[name]} + (t & kept) * {fields[name + '_stride']}" for name in kept
        }
        pointers |= {
            f"new_{name.removeprefix('state_')}": (
                f"{fields[name]} + ((t + 1) & kept) * {fields[name + '_stride']}"
            )
            for name in kept
        }
        pointers |= {name: f"{fields[name]} + t * {fields[name + '_stride']}" for name in arrays}
        pointers |= {name: fields[name] for name in self._given_rows()}
        if step.load is not None:
            pointers["load"] = fields["load"]
        return self._kernel(lines, pointers, "range(first, last)")

    def backward_fields(self, wanted: Wanted) -> Fields:
        """The table of the backward loop."""
        fields = Fields()
        for name in [*(f"state_{s}" for s in self.states), *(["left"] if self.rests else [])]:
            fields.add_array(name)
        for name in [*self._given_arrays(), "spikes", "gradient_out"]:
            fields.add_array(name)
        for name in wanted.seen:
            fields.add_array(f"gradient_seen_{name}")
        for k in wanted.inputs:
            fields.add_array(f"gradient_input_{k}")
        if wanted.current:
            fields.add_array("gradient_current")
        for name in [*self._given_rows(), *(f"adjoint_{s}" for s in self.states)]:
            fields.add(name)
        for name in wanted.values:
            fields.add(f"gradient_value_{name}")
        return fields

    def backward(self, wanted: Wanted, surrogate: type[Surrogate]) -> str:
        """Text of the backward loop."""
        fields = self.backward_fields(wanted)
        step = trace_step(self.kind)
        program = step.program
        assert step.output is not None
        seeds = [(step.output, program.leaf("gradient_out"))]
        seeds += [(traced, program.leaf(f"adjoint_{n}")) for n, traced in step.new.items()]
        numbers = {name: program.leaf(f"surrogate_{name}") for name in surrogate.numbers()}

        def smoothed(distance: Traced) -> Traced:
            return program.number(_derivative(surrogate, distance, numbers))

        # A result that is a leaf, such as a state that stays as it is, hands its adjoint on alone.
        derivative = adjoints(program, seeds, smoothed)
        zero = program.number(0.0)
        targets = {f"adjoint_{n}[i]": derivative(traced) for n, traced in step.states.items()}
        targets |= {f"gradient_input_{k}[i]": derivative(step.inputs[k]) for k in wanted.inputs}
        if wanted.current:
            assert step.current is not None
            targets["gradient_current[i]"] = derivative(step.current)
        sums = {f"gradient_value_{n}[i]": derivative(step.values[n]) for n in wanted.values}
        results = {k: zero if v is None else v for k, v in {**targets, **sums}.items()}
        given = self._leaves() | {"gradient_out": "gradient_out[i]"}
        given |= {f"surrogate_{name}": f"surrogate_{name}" for name in numbers}
        for name in self.states:
            seen = f" + gradient_seen_{name}[i]" if name in wanted.seen else ""
            given[f"adjoint_{name}"] = f"adjoint_{name}[i]{seen}"
        known = {} if step.crossed is None else {step.crossed.line: "spikes[i] > real(0.5)"}
        lines = lines_of(program, results.values(), given, known)
        for name, traced in results.items():
            lines.append(f"{name} {'+=' if name in sums else '='} v{traced.line}")
        pointers = self._backward_pointers(fields, wanted)
        names = [f"surrogate_{name}" for name in numbers]
        return self._kernel(lines, pointers, "range(last - 1, first - 1, -1)", names)

    def _backward_pointers(self, fields: Fields, wanted: Wanted) -> dict[str, str]:
        kept = [f"state_{s}" for s in self.states] + (["left"] if self.rests else [])
        arrays = [*kept, *self._given_arrays(), "spikes", "gradient_out"]
        arrays += [f"gradient_input_{k}" for k in wanted.inputs]
        arrays += ["gradient_current"] if wanted.current else []
        pointers = {name: f"{fields[name]} + t * {fields[name + '_stride']}" for name in arrays}
        for name in wanted.seen:
            array = f"gradient_seen_{name}"
            pointers[array] = f"{fields[array]} + (t + 1) * {fields[array + '_stride']}"
        rows = [*self._given_rows(), *(f"adjoint_{s}" for s in self.states)]
        rows += [f"gradient_value_{name}" for name in wanted.values]
        return pointers | {name: fields[name] for name in rows}

    def _kernel(
        self, lines: list[str], pointers: dict[str, str], steps: str, more: Iterable[str] = ()
    ) -> str:
        """A row function and the loops around it."""
        scalars = [*(f"value_{name}" for name in self.scalars), *more]
        arguments = ", ".join(["count", *pointers, *scalars])
        text = f"@jit\ndef row({arguments}):\n    for i in range(count):\n"
        text += "\n".join(indent(lines, 2)) + "\n\n"
        taken = [f"pointer({address} + at)" for address in pointers.values()]
        call = ", ".join(["count", *taken, *scalars])
        body = [
            "T = int64(table)",
            "kept = T[0]",
            "scalars = float64(T[1])",
            *(f"{name} = real(scalars[{k}])" for k, name in enumerate(scalars)),
            "low, high = T[2 + part], T[3 + part]",
            f"for start in range(low, high, {CELLS_OF_A_BLOCK}):",
            f"    count = min({CELLS_OF_A_BLOCK}, high - start)",
            "    at = start * size",
            f"    for t in {steps}:",
            f"        row({call})",
            "return 0",
        ]
        return text + "def kernel(table, first, last, part):\n" + "\n".join(indent(body))
