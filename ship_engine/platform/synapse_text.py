"""Write the compiled kernels of synapses that have states of their own.

The states of a block of synapses, those of one source onto some targets, stay in the fastest cache
for a span of time steps; so does what the targets of the block receive in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ship_engine.lowering.source_text import call, indent, own
from ship_engine.platform.kernel_text import COPY, HEADER, Fields, head, needed_values
from ship_engine.platform.models.synapses import SynapseModel

TARGETS_OF_A_BLOCK = 128
STEPS_OF_A_SPAN = 64


class SynapseText:
    """The kernel of synapses that have states of their own.

    Parameters
    ----------
    model : type[SynapseModel]
        What each synapse computes.
    real : str
        'float32' or 'float64'.
    parts : int
        Into how many parts every time step is divided.
    scattered : bool
        Whether synapses onto one target differ in their delays.
    watched : bool
        Whether what each synapse hands on is recorded.
    """

    def __init__(
        self,
        model: type[SynapseModel],
        real: str,
        parts: int,
        scattered: bool = False,
        watched: bool = False,
    ) -> None:
        self.model, self.real, self.parts = model, real, parts
        self.scattered, self.watched = scattered, watched
        self.states = [state.name for state in model.states]
        self.values = needed_values(model)
        seen = [*map(own, self.states), "current"]
        self.fields = Fields(
            (
                *HEADER,
                "sources",
                "source",
                "source_stride",
                "weight",
                "weight_stride",
                *map(own, self.states),
                *(
                    f"{kind}{own(name)}"
                    for name in self.values
                    for kind in ("value_", "stride_", "source_stride_")
                ),
                *(f"{kind}{name}" for name in seen for kind in ("seen_", "seen_stride_")),
                "work",
                *(("number", "number_stride", "later", "steps") if scattered else ()),
            )
        )

    def functions(self) -> dict[str, Callable[..., Any]]:
        """The model's functions under the names that the text uses."""
        assert self.model.output is not None
        return {"advance_timestep": self.model.advance_timestep, "output": self.model.output}

    def text(self) -> str:
        """The whole kernel."""
        return "\n".join([COPY, self._pass_over(), self._kernel()])

    def _pass_over(self) -> str:
        values = {n: f"value_{own(n)}[i]" for n in self.values}
        known = values | {"dt": "part", "i_inj": "real(0.0)", "free": "real(1.0)", "input": "x"}
        lines = ["x = given * weight[i]" if self.model.weighted else "x = given"]
        lines += [f"at0_{own(n)} = {own(n)}[i]" for n in self.states]
        for k in range(self.parts):
            old = {n: f"at{k}_{own(n)}" for n in self.states}
            new = ", ".join(f"at{k + 1}_{own(n)}" for n in self.states)
            advance = call("advance_timestep", self.model.advance_timestep, known | old)
            lines += [f"{new}, = {advance}"] if self.states else []
        last = {n: f"at{self.parts}_{own(n)}" for n in self.states}
        lines += [f"{own(n)}[i] = {text}" for n, text in last.items()]
        assert self.model.output is not None
        lines.append(f"current = {call('output', self.model.output, known | last)}")
        lines.append("out[i] = current" if self._apart else "out[i] += current")
        arguments = ["count", "part", "given", "weight", *map(own, self.states)]
        arguments += [f"value_{own(n)}" for n in self.values] + ["out"]
        return f"@jit\ndef pass_over({', '.join(arguments)}):\n" + "\n".join(
            indent(["for i in range(count):", *indent(lines)])
        )

    def _kernel(self) -> str:
        f, size = self.fields, 4 if self.real == "float32" else 8
        states = [f"pointer({f[own(n)]} + at)" for n in self.states]
        values = [f"value_{own(n)}" for n in self.values]
        taken = ", ".join(["count", "part", "source[t * sources + s]", "weight", *states, *values])
        loads = [
            f"value_{own(n)} = pointer({f['value_' + own(n)]} + b * {f['stride_' + own(n)]} "
            f"+ s * {f['source_stride_' + own(n)]} + start * {size})"
            for n in self.values
        ]
        body = [
            f"at = ((b * sources + s) * width + start) * {size}",
            f"weight = pointer({f['weight']} + b * {f['weight_stride']} "
            f"+ (s * width + start) * {size})",
            *loads,
            "for t in range(low, min(low + span, last)):",
            *indent(self._step(taken)),
        ]
        lines = [
            *head(f),
            f"sources = {f['sources']}",
            f"span = {STEPS_OF_A_SPAN}",
            f"for b in range({f['batch']}):",
            f"    source = pointer({f['source']} + b * {f['source_stride']})",
            *indent([] if self.scattered else self._cleared(), 1),
            f"    for start in range(0, width, {TARGETS_OF_A_BLOCK}):",
            f"        count = min({TARGETS_OF_A_BLOCK}, width - start)",
            "        for low in range(first, last, span):",
            "            for s in range(sources):",
            *indent(body, 4),
            "return 0",
        ]
        return "def kernel(table, first, last, unused):\n" + "\n".join(indent(lines))

    def _cleared(self) -> list[str]:
        f, size = self.fields, 4 if self.real == "float32" else 8
        return [
            f"row = pointer({f['out']} + b * {f['out_stride']} + first * width * {size})",
            "for i in range((last - first) * width):",
            "    row[i] = real(0.0)",
        ]

    @property
    def _apart(self) -> bool:
        """Whether what synapses hand on is put into a row of its own first."""
        return self.scattered or self.watched

    def _step(self, taken: str) -> list[str]:
        f, size = self.fields, 4 if self.real == "float32" else 8
        place = f"pointer({f['out']} + b * {f['out_stride']} + (t * width + start) * {size})"
        work = f"pointer({f['work']})"
        lines = [f"out = {work if self._apart else place}"]
        lines.append(f"pass_over({taken}, out)")
        if self.scattered:
            lines += [
                f"box = pointer({f['out']} + b * {f['out_stride']})",
                f"number = int64({f['number']} + b * {f['number_stride']} "
                "+ (s * width + start) * 8)",
                f"later = int64({f['later']})",
                "for i in range(count):",
                f"    row = t + later[number[i] * {f['steps']} + t]",
                "    box[row * width + start + i] += out[i]",
            ]
        elif self.watched:
            lines += [f"row = {place}", "for i in range(count):", "    row[i] += out[i]"]
        for name in self.states:
            lines += self._seen(own(name), f"pointer({f[own(name)]} + at)", size)
        return lines + self._seen("current", "out", size) if self.watched else lines

    def _seen(self, name: str, row: str, size: int) -> list[str]:
        seen, stride = self.fields[f"seen_{name}"], self.fields[f"seen_stride_{name}"]
        place = f"((t * sources + s) * width + start) * {size}"
        return [
            f"if {seen} != 0:",
            f"    copy(count, {row}, pointer({seen} + b * {stride} + {place}))",
        ]
