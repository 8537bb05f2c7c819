"""Exceptions of the engine; each message says what arrived, what was expected, what to write."""

from __future__ import annotations


class ShipError(Exception):
    """Base class of every error that the engine raises on purpose."""


class InvalidValueError(ShipError, ValueError):
    """A parameter, state, weight, delay or time has a value that the model cannot use."""


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

    def __init__(self, group: str, state: str, cell: int, time: float, value: float) -> None:
        self.group, self.state, self.cell, self.time, self.value = group, state, cell, time, value
        super().__init__(
            f"'{state}' of cell {cell} of '{group}' became {value} at t = {time:g} ms. "
            "A smaller time step, or smaller weights or currents, keeps the integration stable."
        )

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.group, self.state, self.cell, self.time, self.value)
