"""What a network gives back: tensors by group and name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from ship_engine.errors import InvalidValueError, UnknownNameError


class Results(dict[str, Any]):
    """A dictionary whose entries can also be read as attributes: ``results.N.u``."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(str(unknown("entry", name, self))) from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"Results are read only; '{name}' cannot be set.")

    def __missing__(self, name: str) -> Any:
        raise unknown("entry", name, self)

    def __repr__(self) -> str:
        shown = (f"{name}: {_shown(value)}" for name, value in self.items())
        return f"{type(self).__name__}({', '.join(shown)})"


class Arguments(Results):
    """The values of a group's arguments, to be read."""

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __setitem__(self, name: str, value: Any) -> None:
        raise InvalidValueError(
            f"The values of arguments are copies; change '{name}' by net.set_params(id, "
            f"{name}=...)."
        )


def _shown(value: Any) -> str:
    """A tensor's shape, or its numbers if they are few; anything else as it is."""
    if not hasattr(value, "shape"):
        return repr(value)
    return str(value.tolist()) if value.numel() <= 4 else str(list(value.shape))


def unknown(kind: str, name: str, known: Iterable[str], of: str = "") -> UnknownNameError:
    """An error that says what there is, and what is most like the name that there is not."""
    listed = list(known)
    lower = {one.lower(): one for one in listed}
    longer = [one for one in lower if name and one.startswith(name.lower())]
    near = difflib.get_close_matches(name.lower(), lower, 1) or longer[:1]
    hint = f" Do you mean '{lower[near[0]]}'?" if near else ""
    where = f" of {of}" if of else ""
    return UnknownNameError(
        f"There is no {kind} '{name}'{where}; there is {', '.join(listed) or 'none'}.{hint}"
    )
