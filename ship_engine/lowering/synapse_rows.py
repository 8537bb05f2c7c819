"""Write the Numba kernel of a synapse model whose synapses react many at once.

For each spike the kernel goes through the synapses of its source in blocks, three times. First,
one by one, those that postsynaptic spikes have reached take them in; few have. Then `react`, which
is free of branches and vectorises, computes for all what the presynaptic spike changes, and last
its amounts are added to the targets' ring buffer.

What passes from one to the next lies in rows of scratch memory, as long as a block: the amounts,
the states as they are shown to the presynaptic spike, and the parameters that all synapses have in
common, if others are not.
"""

from __future__ import annotations

from ship_engine.compiled import records as r
from ship_engine.lowering.source_text import indent, own
from ship_engine.lowering.synapse_source import SynapseWriter
from ship_engine.models.base import argument_names
from ship_engine.synapses.activity import LAST_PRE
from ship_engine.synapses.base import Synapse

BLOCK = 512
"""Synapses that are treated together."""


class RowSynapseWriter(SynapseWriter):
    """Writes the text of one synapse model's kernel.

    It is for models that draw no random numbers, whose synapses defer nothing and are all reached
    by a spike in the same time step.

    Parameters
    ----------
    model : type[Synapse]
        The model.
    lean : bool
        Whether parameters and delays are the same for all synapses.
    """

    def __init__(self, model: type[Synapse], lean: bool) -> None:
        assert not model.draws(), f"synapses of {model.__name__} draw random numbers one by one"
        super().__init__(model, lean, defers=False)
        asked = argument_names(model.on_pre)
        read = [name for name in model.pre_changes if name != "weight"]
        read += [name for name in self._kept if name in asked or name == LAST_PRE]
        self._before = self._shown_before() if self._plastic else []
        self._rows = [n for n in dict.fromkeys(["weight", *read]) if n not in self._before]
        self._varied = [] if lean else [n for n in self._parameters if n in asked]
        self._scalars = [n for n in self._parameters if n in asked] if lean else []
        self._axons = ["axonal"] if self._plastic and not lean else []

    @property
    def scratch_rows(self) -> int:
        """How many rows of scratch memory, each as long as a block, the kernel needs."""
        return 2 + len(self._before) + len(self._varied)

    def text(self) -> str:
        """The whole kernel; it needs `functions`, and names of `ship_engine.compiled`."""
        return "\n".join([self._react_function(), super().text()])

    def _react_function(self) -> str:
        """What a presynaptic spike changes at a block of synapses."""
        arguments = [*self._scalars, *self._rows, *self._varied, *self._before]
        names = [own(name) if name in self._scalars else f"{own(name)}_at" for name in arguments]
        names += [f"{name}_at" for name in self._axons]
        body = [f"{own(name)} = {own(name)}_at[i]" for name in (*self._rows, *self._varied)]
        body += [f"{own(name)}_before = {own(name)}_at[i]" for name in self._before]
        arrival = "emitted"
        if self._plastic:
            arrival += " + axonal" if self.lean else " + axonal_at[i]"
        body += [f"arrival = {arrival}", self._react(), *self._commit()]
        changed = [n for n in self._rows if n in self.model.pre_changes or n == LAST_PRE]
        body += [f"{own(name)}_at[i] = {own(name)}" for name in changed]
        body.append("amounts[i] = amount")
        given = ", ".join(["count", "emitted", "axonal", "amounts", *names])
        lines = [f"def react({given}):", "    for i in range(count):", *indent(body, 2)]
        return "\n".join(["@jit", *lines, "    return 0", ""])

    def _scratch(self, row: int) -> str:
        """Address of a row of scratch memory."""
        return f"S[{r.SYNAPSE_SCRATCH}] + {8 * BLOCK * row}"

    def _deliver(self) -> list[str]:
        block = [*self._places(), *(self._take_in_block() if self._plastic else [])]
        block += [self._call_react(), *self._add_block()]
        loop = [
            f"for first in range(start[source], start[source + 1], {BLOCK}):",
            f"    count = min(start[source + 1] - first, {BLOCK})",
            *indent(block),
        ]
        return [*self._common_rows(), *self._arrivals(), *indent(loop)]

    def _common_rows(self) -> list[str]:
        """Where rows begin; those of what all synapses have in common are as long as a block."""
        lines = [f"amounts = float64({self._scratch(0)})"]
        first = 2 + len(self._before)
        places = [(n, self.layout.value[n], first + k) for k, n in enumerate(self._varied)]
        if not self._weight_changes:
            places.append(("weight", r.SYNAPSE_WEIGHT, 1))
        for name, place, row in places:
            lines += [
                f"{own(name)}_from, {own(name)}_wide = S[{place}], 8 * S[{place + 1}]",
                f"if {own(name)}_wide == 0:",
                f"    {own(name)}_from = spread({own(name)}_from, {self._scratch(row)}, {BLOCK})",
            ]
        return lines

    def _places(self) -> list[str]:
        """Where a block's rows begin."""
        spread = self._varied if self._weight_changes else [*self._varied, "weight"]
        lines = [f"{own(n)}_at = float64({own(n)}_from + first * {own(n)}_wide)" for n in spread]
        rows = self.layout.state | {"weight": r.SYNAPSE_WEIGHT}
        for name in self._rows:
            if name not in spread:
                lines.append(f"{own(name)}_at = float64(S[{rows[name]}] + 8 * first)")
        for k, name in enumerate(self._before):
            lines.append(f"{own(name)}_at = float64({self._scratch(2 + k)})")
            lines.append(f"copy(float64(S[{rows[name]}] + 8 * first), {own(name)}_at, count)")
        if self._axons:
            lines.append(f"axonal_at = float64(S[{r.SYNAPSE_AXONAL}] + 8 * first)")
        return lines

    def _take_in_block(self) -> list[str]:
        """Postsynaptic spikes that reached a block's synapses before the presynaptic one does."""
        known = [f"{own(name)}_at[i] = {own(name)}_before" for name in self._before]
        return [
            "for i in range(count):",
            "    e = first + i",
            "    if seen_row[e] >= known_row[targets[e]]:",
            "        continue",
            *indent([*self._load(), "arrival = emitted + axonal", *self._meanwhile()]),
            *indent([*known, *self._store(self._kept)]),
        ]

    def _call_react(self) -> str:
        given = [own(name) for name in self._scalars]
        given += [f"{own(name)}_at" for name in (*self._rows, *self._varied, *self._before)]
        given += [f"{name}_at" for name in self._axons]
        axonal = "axonal" if self._plastic and self.lean else "0.0"
        return f"react({', '.join(['count', 'emitted', axonal, 'amounts', *given])})"

    def _add_block(self) -> list[str]:
        return [
            "if delay_stride == 0 and after == 0.0:",
            "    here = slot + delays[0]",
            "    here -= slots if here >= slots else 0",
            "    add_amounts(ring, here * width, targets, first, count, amounts)",
            "    continue",
            "for i in range(count):",
            "    e, amount = first + i, amounts[i]",
            "    target = targets[e]",
            *indent(self._add()),
        ]
