"""Monitors: what is kept of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.models.base import Model
from ship_engine.platform.groups import GroupDescription
from ship_engine.platform.plan import Member
from ship_engine.platform.results import Results, unknown


class Samples:
    """Every step of a quantity: [batch, time, …]."""

    def __init__(self) -> None:
        self._parts: list[Tensor] = []

    def take(self, part: Tensor) -> None:
        """Keep the next time steps."""
        self._parts.append(part)

    def result(self) -> Tensor:
        """What was kept."""
        return self._parts[0] if len(self._parts) == 1 else torch.cat(self._parts, 1)


class Total:
    """The sum of a quantity's absolute values over time and components: [batch]."""

    def __init__(self) -> None:
        self._sum: Tensor | float = 0.0

    def take(self, part: Tensor) -> None:
        """Add the next time steps."""
        self._sum = self._sum + part.abs().flatten(1).sum(1, dtype=torch.float64)

    def result(self) -> Tensor:
        """The sum."""
        return torch.as_tensor(self._sum)


Recorder = Samples | Total
Record = Mapping[Member, Mapping[str, list[Recorder]]]
"""Who takes the states, the ``output``, the ``input`` and what is `HANDED_ON` of each member."""

HANDED_ON = "handed on"
"""What each synapse hands on, before sums and delays; a name that no state can have."""

_TOTALS = {"spike_count": "output", "integrated_current": HANDED_ON}
"""Sums that can be monitored, and the quantity that is summed."""


class Monitors:
    """What a network keeps of its runs.

    Attributes
    ----------
    results : Results
        Of the last run, by group and name.
    """

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}
        self.results = Results()

    def add(self, group: GroupDescription, names: Iterable[str]) -> None:
        """Keep these of a group.

        Raises
        ------
        UnknownNameError
            If the group has nothing of that name.
        InvalidValueError
            If no name is given.
        """
        known = self._known(group)
        wanted = list(names)
        if not wanted:
            raise InvalidValueError(
                f"What shall be kept of '{group.id}'? Give names: {', '.join(known)}."
            )
        for name in wanted:
            if not isinstance(name, str):
                raise InvalidValueError(
                    f"{name!r} is no name of what shall be kept of '{group.id}'; give one or more "
                    f"of {', '.join(known)}, separated by commas."
                )
            if name not in known:
                raise unknown("quantity", name, known, f"'{group.id}' ({group.model.name})")
        kept = self._names.setdefault(group.id, [])
        kept += [name for name in wanted if name not in kept]

    def _known(self, group: GroupDescription) -> list[str]:
        known = [*(state.name for state in group.model.states), "output"]
        if group.is_synapse:
            return [*known, "input", "integrated_current"]
        if issubclass(group.model, Model):
            known.append("input")
        spikes = group.is_source or getattr(group.model, "threshold", None) is not None
        return [*known, "spike_count"] if spikes else known

    def forget(self, id: str) -> None:
        """Keep nothing of a group any more."""
        self._names.pop(id, None)

    def names(self) -> dict[str, list[str]]:
        """What is kept of each group."""
        return {id: list(names) for id, names in self._names.items()}

    def recording(
        self, members: Mapping[str, Member], outputs: Iterable[str]
    ) -> tuple[Record, dict[tuple[str, str], Recorder]]:
        """Recorders for a run, by member and quantity, and by group and name."""
        named: dict[tuple[str, str], Recorder] = {}
        record: dict[Member, dict[str, list[Recorder]]] = {}
        wanted = [(id, name) for id, names in self._names.items() for name in names]
        for id, name in [*wanted, *((id, "output") for id in outputs)]:
            if (id, name) in named:
                continue
            recorder = named[id, name] = Total() if name in _TOTALS else Samples()
            quantities = record.setdefault(members[id], {})
            quantities.setdefault(_TOTALS.get(name, name), []).append(recorder)
        return record, named

    def keep(self, named: Mapping[tuple[str, str], Recorder]) -> None:
        """Keep what the recorders of a run took."""
        self.results = Results()
        for id, names in self._names.items():
            self.results[id] = Results({name: named[id, name].result() for name in names})
