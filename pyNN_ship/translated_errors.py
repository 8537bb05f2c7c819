"""The engine's errors as PyNN's exception classes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pyNN import errors

from ship_engine.errors import InvalidValueError


@contextmanager
def as_pynn_errors(names: Mapping[str, str] | None = None) -> Iterator[None]:
    """Turn an engine's complaint about a value into PyNN's class, in PyNN's names.

    Parameters
    ----------
    names : mapping, optional
        PyNN's name for each of the engine's names.
    """
    try:
        yield
    except InvalidValueError as error:
        text = str(error)
        for native, name in (names or {}).items():
            text = re.sub(rf"\b{re.escape(native)}\b", name, text)
        raise errors.InvalidParameterValueError(text) from error
