"""Write the part of a kernel that advances one cell through a step inside which input arrives.

Such input moves the potential, which it does at its moment.  So the step is gone through from
event to event: arrivals, the end of a refractory period, the spike.
"""

from __future__ import annotations

from ship_engine.lowering.layout import INSIDE, INSIDE_DUE, REFRACTORY
from ship_engine.lowering.settle_source import SettleWriter
from ship_engine.lowering.source_text import indent, own


class TimedSettleWriter(SettleWriter):
    """Writes ``settle`` for models that input may move over their threshold at once.

    What arrives in one step through one port, and with one sign, acts together, at its mean time
    weighted by the amounts.
    """

    def _step(self) -> list[str]:
        width = 4 * len(self.model.ports)
        lines = [
            f"arriving = float64(G[{INSIDE}] + {8 * width} * (place + j))",
            f"uint8(G[{INSIDE_DUE}] + place)[j] = 0",
            f"for k in range(0, {width}, 2):",
            "    if arriving[k] != 0.0:",
            "        arriving[k + 1] = min(arriving[k + 1] / arriving[k], dt)",
        ]
        if self.refractory:
            lines.append(f"left = float64(G[{REFRACTORY}])[j]")
        return [
            *lines,
            "while dt - elapsed > instant:",
            "    until = dt",
            f"    for k in range(0, {width}, 2):",
            "        if arriving[k] != 0.0:",
            "            until = min(until, arriving[k + 1])",
            "    remaining = until - elapsed",
            "    if remaining > instant:",
            *indent(self._towards_arrival(), 2),
            "    if until - elapsed <= instant:",
            *indent(self._arrival(), 2),
        ]

    def _towards_arrival(self) -> list[str]:
        """Lines that go on to `until`, or to the event before it."""
        free = [
            "if offset >= 0.0:",
            *indent([*self._flow("remaining"), "elapsed = until"]),
            "else:",
            *indent(self._free_part()),
        ]
        if not self.refractory:
            return free
        held = ["x = min(left, remaining)", *self._flow("x", held=True)]
        held += ["left -= x", "elapsed += x"]
        return ["if left > instant:", *indent(held), "else:", *indent(free)]

    def _arrival(self) -> list[str]:
        """Lines that let act what arrives now."""
        lines = []
        for k, port in enumerate(self.model.ports):
            gain = ""
            if port.gain:
                place = self.layout.value[port.gain]
                gain = f"float64(G[{place}])[j * G[{place + 1}]] * "
            deaf = self.refractory and port.state in self.model.held
            state = own(port.state)
            for at in (4 * k, 4 * k + 2):
                jump = f"{state} += {gain}arriving[{at}]"
                lines += [
                    f"if arriving[{at}] != 0.0 and arriving[{at + 1}] <= until + instant:",
                    *(["    if left <= instant:", f"        {jump}"] if deaf else [f"    {jump}"]),
                    f"    arriving[{at}] = 0.0",
                    f"    arriving[{at + 1}] = 0.0",
                ]
        return lines

    def _given_up(self) -> list[str]:
        return ["elapsed = dt"]

    def _after_spike(self) -> list[str]:
        lines = ["offset = elapsed + x", "elapsed = offset"]
        if self.refractory:
            lines.append(f"left = {own(str(self.model.refractory_period))}")
        return lines
