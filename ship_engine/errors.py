"""Exceptions of the engine; each message says what arrived, what was expected, what to write."""

from __future__ import annotations


class ShipError(Exception):
    """Base class of every error that the engine raises on purpose."""


class InvalidValueError(ShipError, ValueError):
    """A parameter, state, weight, delay or time has a value that the model cannot use."""


class InvalidEquationsError(InvalidValueError):
    """Equations cannot be understood, are incomplete, or have units that do not balance."""


class UnknownNameError(ShipError, KeyError):
    """A parameter, state, port or group of that name does not exist."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class UnsupportedByExecutorError(ShipError, NotImplementedError):
    """The chosen executor cannot do this; the message names one that can."""


class NonFiniteStateError(ShipError, ArithmeticError):
    """A state became NaN or infinite, so the run was stopped.

    Attributes
    ----------
    group : str
        Label of the group.
    state : str
        Name of the state.
    cell : int
        Index of the cell in the group.
    time : float
        Time in ms at which it was found.
    value : float
        What it became.
    """

    def __init__(
        self, group: str, state: str, cell: int, time: float, value: float, when: str = "at"
    ) -> None:
        self.group, self.state, self.cell, self.time, self.value = group, state, cell, time, value
        self._when = when
        super().__init__(
            f"'{state}' of cell {cell} of '{group}' became {value} {when} t = {time:g} ms. "
            "A smaller time step, or smaller weights or currents, keeps the integration stable."
        )

    def __reduce__(self) -> tuple[object, ...]:
        facts = self.group, self.state, self.cell, self.time, self.value, self._when
        return type(self), facts


class NonFiniteLossError(ShipError, ArithmeticError):
    """The loss of a training became NaN or infinite, so it was stopped.

    Attributes
    ----------
    epoch, batch : int
        Where, counted from 0.
    loss : float
        What it became.
    """

    def __init__(self, epoch: int, batch: int, loss: float, kept: str) -> None:
        self.epoch, self.batch, self.loss, self.kept = epoch, batch, loss, kept
        super().__init__(
            f"The loss became {loss} in batch {batch} of epoch {epoch}. {kept} "
            "A smaller learning rate, clip_gradient=1.0, or a wider surrogate may help."
        )

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.epoch, self.batch, self.loss, self.kept)


class ModelTextError(ShipError, ValueError):
    """The text of a model breaks the rules of its language, or does not hold together."""


class UnsupportedModelError(ShipError, NotImplementedError):
    """A model asks for something that no model of the engine can do; the message says where."""


class NotInstalledError(ShipError, ImportError):
    """A package that is only needed for this is missing; the message says how to get it."""


class FileFormatError(ShipError, ValueError):
    """A file is damaged or not of the kind that was expected, or cannot hold what is given."""


class MissingDataError(ShipError, FileNotFoundError):
    """A data set is not where it was looked for; the message says where it may be had."""
