"""Write the compiled kernels of neurons, and of synapses of which there is one for each target.

A kernel ``kernel(table, first, last, 0)`` takes a group through the time steps of a window.  Cells
are dealt with in blocks that stay in the fastest cache while time goes on; a step of a block is one
loop without branches, so that it vectorises.

In the text a model's own names start with ``m_``, so that they never meet the kernel's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ship_engine.lowering.source_text import call, indent, own
from ship_engine.models.base import Model, argument_names

NEURONS_OF_A_BLOCK = 512

WRITTEN_FROM = (
    *("parameters", "states", "ports", "coefficients", "reset_states", "held"),
    *("refractory_period", "least_refractory_steps", "winner_takes_all"),
    *("advance_timestep", "threshold", "reset", "output"),
)
"""What of a model its kernel depends on; a class may be changed in place, in a notebook say."""

HEADER = ("batch", "width", "scalars", "out", "out_stride")
"""The fields with which every table begins."""


class Fields:
    """Which field of a table is what."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.index = {name: k for k, name in enumerate(names)}

    def __getitem__(self, name: str) -> str:
        """The field as text."""
        return f"T[{self.index[name]}]"


def needed_values(model: type[Model]) -> list[str]:
    """The parameters and coefficients that a kernel reads."""
    known = [*(parameter.name for parameter in model.parameters), *model.coefficients]
    functions = (model.advance_timestep, model.threshold, model.reset, model.output)
    wanted = {name for f in functions if f is not None for name in argument_names(f)}
    wanted |= {port.gain for port in model.ports if port.gain is not None}
    if model.threshold is not None and model.refractory_period is not None:
        wanted.add(model.refractory_period)
    return [name for name in known if name in wanted]


class NeuronText:
    """The kernel of neurons, and of synapses of which there is one for each target.

    Parameters
    ----------
    model : type[Model]
        What each component computes.
    real : str
        'float32' or 'float64'.
    parts : int
        Into how many parts every time step is divided.
    """

    def __init__(self, model: type[Model], real: str, parts: int) -> None:
        self.model, self.real, self.parts = model, real, parts
        self.states = [state.name for state in model.states]
        self.values = needed_values(model)
        self.inputs = [f"input_{k}" for k in range(max(len(model.ports), 1))]
        self.spikes = model.threshold is not None
        self.rests = self.spikes and (
            model.refractory_period is not None or model.least_refractory_steps > 0
        )
        self.competes = self.spikes and model.winner_takes_all is not None
        self.rows = [own(s) for s in self.states]
        self.rows += ["left", "rest"] if self.rests else []
        self.rows += ["spiked"] if self.competes else []
        self.fields = Fields(
            (
                *HEADER,
                *self.rows,
                *(f"{name}{end}" for name in self.inputs for end in ("", "_stride")),
                *(f"{kind}{own(name)}" for name in self.values for kind in ("value_", "stride_")),
                *(
                    f"{kind}{own(name)}"
                    for name in self.states
                    for kind in ("seen_", "seen_stride_")
                ),
            )
        )

    def functions(self) -> dict[str, Callable[..., Any]]:
        """The model's functions under the names that the text uses."""
        names = ("advance_timestep", "threshold", "reset", "output")
        found = {name: getattr(self.model, name) for name in names}
        return {name: function for name, function in found.items() if function is not None}

    def text(self) -> str:
        """The whole kernel."""
        parts = [COPY, self._pass_over()]
        if self.competes:
            parts.append(self._after_winners())
        return "\n".join([*parts, self._kernel()])

    def _arguments(self) -> str:
        names = ["count", "dt", "part", *self.rows, *self.inputs]
        return ", ".join([*names, *(f"value_{own(n)}" for n in self.values), "out"])

    def _loaded(self, states: dict[str, str]) -> dict[str, str]:
        """What each name that a function may ask for is in the text."""
        known = {name: f"value_{own(name)}[i]" for name in self.values}
        return known | states | {"dt": "part", "i_inj": "real(0.0)", "free": "free", "input": "x"}

    def _pass_over(self) -> str:
        lines = []
        free = "(left[i] <= real(0.5) * dt) & (rest[i] <= real(0.0))" if self.rests else "True"
        lines.append(f"awake = {free}")
        lines.append("free = real(1.0) if awake else real(0.0)")
        lines.append(f"x = {self.inputs[0]}[i]")
        for name in self.states:
            lines.append(f"at0_{own(name)} = {own(name)}[i]{self._arriving(name)}")
        lines.append("spike_0 = False")
        for k in range(self.parts):
            lines += self._part(k)
        last = {name: f"at{self.parts}_{own(name)}" for name in self.states}
        known = self._loaded(last)
        output = f"(real(1.0) if spike_{self.parts} else real(0.0))"
        if self.model.output is not None:
            output = call("output", self.model.output, known)
        lines.append(f"out[i] = {output}")
        if self.competes:
            lines.append(f"spiked[i] = real(1.0) if spike_{self.parts} else real(0.0)")
            lines += [f"{own(name)}[i] = {text}" for name, text in last.items()]
            lines += self._counted()
        else:
            lines += self._stored(known, last, f"spike_{self.parts}", f"spike_{self.parts}")
        return f"@jit\ndef pass_over({self._arguments()}):\n" + "\n".join(
            indent(["for i in range(count):", *indent(lines)])
        )

    def _arriving(self, state: str) -> str:
        terms = ""
        for k, port in enumerate(self.model.ports):
            if port.state == state:
                gain = f"value_{own(port.gain)}[i] * " if port.gain else ""
                deaf = " * free" if state in self.model.held else ""
                terms += f" + {gain}input_{k}[i]{deaf}"
        return terms

    def _part(self, k: int) -> list[str]:
        """The lines of one part of the step."""
        old = {name: f"at{k}_{own(name)}" for name in self.states}
        new = {name: f"at{k + 1}_{own(name)}" for name in self.states}
        advance = call("advance_timestep", self.model.advance_timestep, self._loaded(old))
        lines = [f"{', '.join(new.values())}, = {advance}"] if new else []
        for name in self.model.held:
            lines.append(f"{new[name]} = {new[name]} if awake else {old[name]}")
        if not self.spikes:
            return lines
        assert self.model.threshold is not None
        if k > 0:
            lines += [f"{new[n]} = {old[n]} if spike_{k} else {new[n]}" for n in self.states]
        distance = call("threshold", self.model.threshold, self._loaded(new))
        return [*lines, f"spike_{k + 1} = awake & ({distance} >= real(0.0))"]

    def _counted(self) -> list[str]:
        if not self.rests:
            return []
        return [
            "left[i] = max(left[i] - dt, real(0.0))",
            "rest[i] = max(rest[i] - real(1.0), real(0.0))",
        ]

    def _stored(
        self, known: dict[str, str], states: dict[str, str], touched: str, resting: str
    ) -> list[str]:
        """Lines that store the states, reset where `touched`."""
        if not self.spikes:
            return [f"{own(name)}[i] = {text}" for name, text in states.items()]
        model = self.model
        assert model.reset is not None
        lines = []
        if model.reset_states:
            targets = ", ".join(f"reset_{own(name)}" for name in model.reset_states)
            lines.append(f"{targets}, = {call('reset', model.reset, known)}")
        for name, text in states.items():
            is_reset = name in model.reset_states
            value = f"reset_{own(name)} if {touched} else {text}" if is_reset else text
            lines.append(f"{own(name)}[i] = {value}")
        if self.rests:
            least = f"real({float(model.least_refractory_steps)!r})"
            period = model.refractory_period
            longest = f"value_{own(period)}[i]" if period is not None else "real(0.0)"
            counted = [line.partition(" = ")[2] for line in self._counted()]
            lines.append(f"left[i] = {longest} if {resting} else {counted[0]}")
            lines.append(f"rest[i] = {least} if {touched} else {counted[1]}")
        return lines

    def _after_winners(self) -> str:
        """A function that resets all components where one has spiked."""
        model = self.model
        states = {name: f"{own(name)}[i]" for name in self.states}
        resting = "True" if model.winner_takes_all == "refractory" else "spiked[i] > real(0.5)"
        lines = []
        assert model.reset is not None
        if model.reset_states:
            targets = ", ".join(f"reset_{own(name)}" for name in model.reset_states)
            known = self._loaded(states)
            lines.append(f"{targets}, = {call('reset', model.reset, known)}")
        lines += [f"{own(name)}[i] = reset_{own(name)}" for name in model.reset_states]
        if self.rests:
            lines.append(f"rest[i] = real({float(model.least_refractory_steps)!r})")
            if model.refractory_period is not None:
                value = f"value_{own(model.refractory_period)}[i]"
                lines.append(f"left[i] = {value} if {resting} else left[i]")
        return f"@jit\ndef after_winners({self._arguments()}):\n" + "\n".join(
            indent(
                [
                    "for i in range(count):",
                    *indent(["free = real(1.0)", f"x = {self.inputs[0]}[i]", *lines]),
                ]
            )
        )

    def _kernel(self) -> str:
        f, size = self.fields, 4 if self.real == "float32" else 8
        block = "width" if self.competes else str(NEURONS_OF_A_BLOCK)
        rows = [f"pointer({f[name]} + at)" for name in self.rows]
        inputs = [f"pointer({f[n]} + b * {f[n + '_stride']} + here)" for n in self.inputs]
        values = [f"value_{own(n)}" for n in self.values]
        taken = ", ".join(["count", "dt", "part", *rows, *inputs, *values, "out"])
        step = [
            f"here = (t * width + start) * {size}",
            f"out = pointer({f['out']} + b * {f['out_stride']} + here)",
            f"pass_over({taken})",
        ]
        if self.competes:
            step += [
                f"spiked = pointer({f['spiked']} + at)",
                "any_spike = False",
                "for i in range(count):",
                "    any_spike |= spiked[i] > real(0.5)",
                "if any_spike:",
                f"    after_winners({taken})",
            ]
        for name in self.states:
            seen, stride = f[f"seen_{own(name)}"], f[f"seen_stride_{own(name)}"]
            step.append(f"if {seen} != 0:")
            target = f"pointer({seen} + b * {stride} + here)"
            step.append(f"    copy(count, pointer({f[own(name)]} + at), {target})")
        loads = [
            f"value_{own(n)} = pointer({f['value_' + own(n)]} + b * {f['stride_' + own(n)]} "
            f"+ start * {size})"
            for n in self.values
        ]
        lines = [
            *head(f),
            f"for b in range({f['batch']}):",
            f"    for start in range(0, width, {block}):",
            f"        count = min({block}, width - start)",
            f"        at = (b * width + start) * {size}",
            *indent(loads, 2),
            "        for t in range(first, last):",
            *indent(step, 3),
            "return 0",
        ]
        return "def kernel(table, first, last, unused):\n" + "\n".join(indent(lines))


COPY = """\
@jit
def copy(count, row, target):
    for i in range(count):
        target[i] = row[i]
"""


def head(fields: Fields) -> list[str]:
    """The first lines of every kernel."""
    return [
        "T = int64(table)",
        f"width = {fields['width']}",
        f"scalars = float64({fields['scalars']})",
        "dt = real(scalars[0])",
        "part = real(scalars[1])",
    ]
