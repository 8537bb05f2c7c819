"""Write the Numba kernel of a synapse model: what the spikes of one step do at their synapses.

The kernel goes through the spikes, and for each through the synapses of its source.  A plastic
synapse first takes in the postsynaptic spikes that reached it before, one by one and in order,
then those that reach it at the very same moment, which the presynaptic one does not see.  Called
to catch up, it lets every synapse take in the postsynaptic spikes that reached it until now.

A presynaptic spike may arrive between two steps at a synapse that lies so near to the
postsynaptic cell that spikes of this cell could still come before it, in the step that is yet to
be computed.  Then the amount that it brings is that of what is known, its effect on the synapse
is deferred to the synapse's next event, and takes every spike in its order.

In a lean kernel all synapses have their parameters and their delay in common.  In the text a
model's own names start with ``m_``, so that they never meet the kernel's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ship_engine.compiled import records as r
from ship_engine.lowering.source_text import indent, own
from ship_engine.models.base import argument_names
from ship_engine.synapses.activity import LAST_POST, LAST_PRE
from ship_engine.synapses.base import UNIFORMS, Synapse, draws


class SynapseLayout:
    """Positions in the table of a model's synapses: of its states, and of its parameters.

    A state's entry is an address; a parameter's are an address and a stride (0: one for all).
    """

    def __init__(self, model: type[Synapse]) -> None:
        position = r.SYNAPSE_HEADER
        self.state: dict[str, int] = {}
        self.value: dict[str, int] = {}
        for name in [state.name for state in model.states] + [LAST_PRE, LAST_POST]:
            self.state[name] = position
            position += 1
        for parameter in model.parameters:
            self.value[parameter.name] = position
            position += 2
        self.length = position


class SynapseWriter:
    """Writes the text of one synapse model's kernel.

    Parameters
    ----------
    model : type[Synapse]
        The model.
    lean : bool
        Whether parameters and delays are the same for all synapses.
    defers : bool
        Whether effects of presynaptic spikes may have to be deferred.
    """

    def __init__(self, model: type[Synapse], lean: bool, defers: bool) -> None:
        self.model, self.lean, self._defers = model, lean, defers
        self.layout = SynapseLayout(model)
        asked = model.asked_for()
        self._parameters = [name for name in self.layout.value if name in asked]
        self._kept = [s.name for s in model.states]
        if "since_pre" in asked:
            self._kept.append(LAST_PRE)
        if "since_post" in asked:
            self._kept.append(LAST_POST)
        self._weight_changes = model.changes_weight()
        self._plastic, self._draws = model.plastic(), model.draws()
        self._draws_after = model.on_post is not None and draws(model.on_post)

    def functions(self) -> dict[str, Callable[..., Any]]:
        """The model's functions under the names that the text uses."""
        found = {"on_pre": self.model.on_pre, "on_post": self.model.on_post}
        return {name: function for name, function in found.items() if function is not None}

    def text(self) -> str:
        """The whole kernel; it needs `functions`, and names of `ship_engine.compiled`."""
        lines = self._bases()
        if self._plastic:
            lines += ["if catch_up != 0:"]
            lines += indent(self._catch_up())
            lines += indent(["return 0"])
        lines += self._deliver()
        return "def kernel(table, spikes, step, catch_up):\n" + "\n".join(
            indent([*lines, "return 0"])
        )

    def _bases(self) -> list[str]:
        """Addresses and common values, read once."""
        lines = [
            "S = int64(table)",
            f"scalars = float64(S[{r.SYNAPSE_SCALARS}])",
            "dt, instant = scalars[0], scalars[1]",
            f"weights, weight_stride = float64(S[{r.SYNAPSE_WEIGHT}]), S[{r.SYNAPSE_WEIGHT + 1}]",
            f"delays, delay_stride = int32(S[{r.SYNAPSE_DELAY}]), S[{r.SYNAPSE_DELAY + 1}]",
            f"targets = int32(S[{r.SYNAPSE_TARGET}])",
        ]
        lines += [f"{own(n)}_row = float64(S[{self.layout.state[n]}])" for n in self._kept]
        for name in self._parameters:
            place = self.layout.value[name]
            lines.append(f"{own(name)}_row = float64(S[{place}])")
            lines.append(
                f"{own(name)} = {own(name)}_row[0]"
                if self.lean
                else f"{own(name)}_stride = S[{place + 1}]"
            )
        if self._plastic:
            lines += [
                f"history, capacity = float64(S[{r.SYNAPSE_HISTORY}]), S[{r.SYNAPSE_CAPACITY}]",
                f"known_row = int64(S[{r.SYNAPSE_KNOWN}])",
                f"seen_row = int64(S[{r.SYNAPSE_SEEN}])",
                f"dendritic_row = float64(S[{r.SYNAPSE_DENDRITIC}])",
                f"axonal_row = float64(S[{r.SYNAPSE_AXONAL}])",
                "dendritic, axonal = dendritic_row[0], axonal_row[0]",
            ]
        if self._defers:
            lines += [
                f"deferred_row = float64(S[{r.SYNAPSE_DEFERRED}])",
                f"known_until = (step + S[{r.SYNAPSE_AXONAL_STEPS}]) * dt",
            ]
        if self._draws:
            lines += [
                f"arrived_row = int64(S[{r.SYNAPSE_ARRIVED}])",
                f"number_row, numbered = int64(S[{r.SYNAPSE_NUMBER}]), S[{r.SYNAPSE_NUMBER}] != 0",
                f"key_0, key_1 = low_word(S[{r.SYNAPSE_KEY}]), low_word(S[{r.SYNAPSE_KEY + 1}])",
            ]
        return lines

    def _load(self) -> list[str]:
        """The values of synapse e."""
        lines = [f"{own('weight')} = weights[e * weight_stride]"]
        lines += [f"{own(name)} = {own(name)}_row[e]" for name in self._kept]
        if not self.lean:
            lines += [f"{own(n)} = {own(n)}_row[e * {own(n)}_stride]" for n in self._parameters]
            if self._plastic:
                lines.append("dendritic, axonal = dendritic_row[e], axonal_row[e]")
        if self._plastic:
            lines += ["target = targets[e]", "seen, known = seen_row[e], known_row[target]"]
        return lines

    def _store(self, names: list[str]) -> list[str]:
        lines = [f"{own(name)}_row[e] = {own(name)}" for name in names]
        if self._weight_changes:
            lines.append(f"weights[e] = {own('weight')}")
        if self._plastic:
            lines.append("seen_row[e] = seen")
        return lines

    def _catch_up(self) -> list[str]:
        lines = [*self._load()]
        if self._defers:
            deferred = [*self._presynaptic(), *self._commit(), "deferred_row[e] = -1.0"]
            lines += ["arrival = deferred_row[e]", "if 0.0 <= arrival < until:"]
            lines += indent(deferred)
        lines += self._take_in("reached >= until")
        return [
            "until = step * dt - instant",
            f"for e in range(S[{r.SYNAPSE_COUNT}]):",
            *indent([*lines, *self._store(self._kept)]),
        ]

    def _take_in(self, stop: str) -> list[str]:
        """Take in postsynaptic spikes until one of which `stop` is true."""
        assert self.model.on_post is not None
        values = {}
        if LAST_PRE in self._kept:
            values["since_pre"] = f"max(reached - {own(LAST_PRE)}, 0.0)"
        if LAST_POST in self._kept:
            values["since_post"] = f"(reached - {own(LAST_POST)})"
        if self._draws_after:
            values |= {name: f"unit(words[{k}])" for k, name in enumerate(UNIFORMS)}
        changes = ", ".join(map(own, self.model.post_changes))
        lines = [
            "reached = history[target * capacity + seen] + dendritic",
            f"if {stop}:",
            "    break",
            *(self._post_words() if self._draws_after else ()),
            f"{changes}, = {self._call('on_post', self.model.on_post, values)}",
            "seen += 1",
        ]
        if LAST_POST in self._kept:
            lines.append(f"{own(LAST_POST)} = reached")
        return ["while seen < known:", *indent(lines)]

    def _post_words(self) -> list[str]:
        """Random words of a postsynaptic spike, which are counted above those of the others."""
        return [
            "number = arrived_row[e] >> 32",
            "name = number_row[e] if numbered else e",
            "words = philox(key_0, key_1, low_word(name), low_word(number), low_word(1), "
            "high_word(name))",
            "arrived_row[e] += 1 << 32",
        ]

    def _deliver(self) -> list[str]:
        return [
            *self._arrivals(),
            "    for position in range(start[source], start[source + 1]):",
            "        e = order[position] if ordered else position",
            *indent(self._load(), 2),
            *indent(self._on_pre(), 2),
            *indent(self._store(self._kept), 2),
            *indent(self._add(), 2),
        ]

    def _arrivals(self) -> list[str]:
        """The loop over the spikes, up to what it does for each."""
        inside = r.SYNAPSE_ARRIVAL + r.INSIDE - r.DECAY
        return [
            "spike = int64(spikes)",
            "index, offset = int32(spike[1]), float64(spike[2])",
            f"start, order = int64(S[{r.SYNAPSE_START}]), int32(S[{r.SYNAPSE_ORDER}])",
            f"ordered, timing = S[{r.SYNAPSE_ORDER}] != 0, S[{r.SYNAPSE_TIMING}]",
            f"slots, width = S[{r.SYNAPSE_SLOTS}], S[{r.SYNAPSE_WIDTH}]",
            f"ring, decay = float64(S[{r.SYNAPSE_RING}]), float64(S[{r.SYNAPSE_ARRIVAL}])",
            f"inside, due = float64(S[{inside}]), uint8(S[{inside + 2}])",
            f"inside_width = S[{inside + 1}]",
            "for k in range(spike[0]):",
            "    source = index[k]",
            "    emitted = step * dt + offset[k]",
            "    late, after = arrival_slots(offset[k], dt, instant, timing, decay)",
            "    slot = step % slots + late",
        ]

    def _on_pre(self) -> list[str]:
        """What a presynaptic spike does, and before it one whose effect was deferred."""
        now = "arrival = emitted + axonal" if self._plastic else "arrival = emitted"
        if not self._defers:
            return [now, *self._presynaptic(), *self._commit()]
        commit = self._commit()
        return [
            "for turn in range(2):",
            "    arrival, certain = deferred_row[e], True",
            "    if turn == 1:",
            f"        {now}",
            "        certain = known_until + dendritic >= arrival - instant",
            "    elif arrival < 0.0:",
            "        continue",
            *indent(self._presynaptic()),
            *(["    if certain:", *indent(commit, 2)] if commit else []),
            "    deferred_row[e] = -1.0 if certain else arrival",
        ]

    def _presynaptic(self) -> list[str]:
        """What precedes the arrival of a presynaptic spike, and what this changes, as new names."""
        lines = self._meanwhile() if self._plastic else []
        if self._draws:
            lines += [
                "name = number_row[e] if numbered else e",
                "words = philox(key_0, key_1, low_word(name), low_word(arrived_row[e]), "
                "low_word(0), high_word(name))",
            ]
        return [*lines, self._react()]

    def _shown_before(self) -> list[str]:
        """States that only postsynaptic spikes change.

        They are shown to a presynaptic spike as they were before those of the very same moment.
        """
        model = self.model
        names = [n for n in model.post_changes if n not in model.pre_changes]
        return names + [LAST_POST] * (LAST_POST in self._kept)

    def _meanwhile(self) -> list[str]:
        """Take in the postsynaptic spikes until the arrival of a presynaptic one."""
        return [
            *self._take_in("reached >= arrival - instant"),
            *(f"{own(name)}_before = {own(name)}" for name in self._shown_before()),
            *self._take_in("reached > arrival + instant"),
        ]

    def _react(self) -> str:
        """What the presynaptic spike changes."""
        values = {name: f"{own(name)}_before" for name in self._shown_before() if self._plastic}
        if LAST_POST in values:
            values["since_post"] = f"(arrival - {values.pop(LAST_POST)})"
        if LAST_PRE in self._kept:
            values["since_pre"] = f"(arrival - {own(LAST_PRE)})"
        if self._draws:
            values |= {name: f"unit(words[{k}])" for k, name in enumerate(UNIFORMS)}
        changes = "".join(f"{own(name)}_new, " for name in self.model.pre_changes)
        return f"{changes}amount, = {self._call('on_pre', self.model.on_pre, values)}"

    def _commit(self) -> list[str]:
        lines = [f"{own(name)} = {own(name)}_new" for name in self.model.pre_changes]
        if LAST_PRE in self._kept:
            lines.append(f"{own(LAST_PRE)} = arrival")
        if self._draws:
            lines.append("arrived_row[e] += 1")
        return lines

    def _add(self) -> list[str]:
        return [
            "here = slot + delays[e * delay_stride]",
            "here -= slots if here >= slots else 0",
            f"place = {'target' if self._plastic else 'targets[e]'}",
            f"if timing == {r.EXACT} and after > 0.0:",
            "    at = here * width + place",
            "    add_inside(inside, inside_width, due, at, amount, offset[k])",
            "    continue",
            "ring[here * width + place] += (1.0 - after) * amount",
            "if after > 0.0:",
            "    here += 1",
            "    here -= slots if here >= slots else 0",
            "    ring[here * width + place] += after * amount",
        ]

    def _call(self, name: str, function: Callable[..., Any], values: dict[str, str]) -> str:
        """Text of a call; a name without a value of its own stands for itself."""
        texts = [values.get(a, own(a)) for a in argument_names(function)]
        return f"{name}({', '.join(texts)})"
