"""What a training brought, epoch by epoch, and what an evaluation found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ship_engine.errors import UnknownNameError

NUMBERS = ("loss", "accuracy", "validation_loss", "validation_accuracy", "seconds")
"""What there may be of an epoch."""


@dataclass
class History:
    """Numbers of each epoch.

    Attributes
    ----------
    epochs : list of dict
        ``loss``, ``accuracy`` (of classes) and ``seconds``; ``validation_loss`` and
        ``validation_accuracy`` where there are validation data.
    best : int
        The epoch with the best validation, or else the lowest loss; -1 before the first.
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    best: int = -1

    def __len__(self) -> int:
        return len(self.epochs)

    def __getitem__(self, name: str) -> list[float]:
        """One of the numbers, for all epochs that have it.

        Raises
        ------
        UnknownNameError
            If no epoch could have it.
        """
        if name not in NUMBERS:
            raise UnknownNameError(f"There is no '{name}'; there are {', '.join(NUMBERS)}.")
        return [epoch[name] for epoch in self.epochs if name in epoch]

    def add(self, numbers: Mapping[str, float]) -> bool:
        """Add an epoch; whether it is the best so far."""
        self.epochs.append(dict(numbers))
        better = self.best < 0 or self.score(len(self) - 1) > self.score(self.best)
        if better:
            self.best = len(self) - 1
        return better

    def score(self, epoch: int) -> float:
        """How good an epoch was: more is better."""
        numbers = self.epochs[epoch]
        if "validation_accuracy" in numbers:
            return numbers["validation_accuracy"]
        return -numbers.get("validation_loss", numbers["loss"])

    def state(self) -> dict[str, Any]:
        """As plain data."""
        return {"epochs": [dict(epoch) for epoch in self.epochs], "best": self.best}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> History:
        """From plain data."""
        return cls([dict(epoch) for epoch in state["epochs"]], int(state["best"]))


@dataclass(frozen=True)
class Evaluation:
    """How well a network does.

    Attributes
    ----------
    loss : float
        Mean over all samples, without regularisers.
    accuracy : float or None
        Share of samples whose class has the highest score.
    confusion : int64 array [class, found class] or None
        How many samples of each class were taken for which.
    scores : float array [sample, component]
        What was read out.
    """

    loss: float
    accuracy: float | None
    confusion: NDArray[np.int64] | None
    scores: NDArray[Any]

    def __repr__(self) -> str:
        share = "" if self.accuracy is None else f", accuracy {100.0 * self.accuracy:.1f} %"
        return f"<Evaluation: loss {self.loss:.4g}{share}, {len(self.scores)} samples>"


def confusion_matrix(
    classes: NDArray[np.int64], found: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """How many samples of each class were taken for which."""
    matrix = np.zeros((count, count), np.int64)
    np.add.at(matrix, (classes, found), 1)
    return matrix
