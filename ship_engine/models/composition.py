"""A membrane and any number of receptors become one neuron model.

The composed functions are written out as source text, so that every interpreter (NumPy, torch,
SymPy, Numba) sees ordinary elementwise functions; see `ship_engine.models.composition_text`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ship_engine.errors import InvalidValueError
from ship_engine.mistakes import mistakes_of_membrane, mistakes_of_part, names_of_part
from ship_engine.models.base import Model, argument_names
from ship_engine.models.composition_text import ExactWriter, Part, RungeKuttaWriter, Writer
from ship_engine.models.membranes import Mechanism, Membrane
from ship_engine.models.receptors import Receptor

__all__ = ["Mechanism", "Membrane", "compose"]


def compose(
    name: str,
    membrane: type[Membrane],
    receptors: Mapping[str, tuple[type[Receptor], str]],
) -> type[Model]:
    """Make a neuron model of a membrane and receptors.

    Parameters
    ----------
    name : str
        Name of the new model class.
    membrane : type[Membrane]
        The membrane part.
    receptors : mapping of str to (receptor class, suffix)
        Each input port's name, the receptor behind it, and what is appended to the receptor's
        names, such as ``"_exc"``.

    Returns
    -------
    type[Model]
        An ordinary model; its parameters are the membrane's, then each receptor's.

    Raises
    ------
    InvalidValueError
        If the membrane or a receptor is not complete, or a name has several meanings.
    """
    if not _is_kind_of(membrane, Membrane):
        raise InvalidValueError(f"{membrane!r} is no subclass of Membrane.")
    mistake = next(mistakes_of_membrane(membrane), None)
    if mistake is not None:
        raise InvalidValueError(f"{membrane.__name__}: {mistake}")
    parts = _checked_parts(membrane, receptors)
    exact = membrane.exact_advance is not None and all(p.cls.drive is not None for p in parts)
    writer = ExactWriter(membrane, parts) if exact else RungeKuttaWriter(membrane, parts)
    namespace = writer.compile(name)
    _refuse_shared_names(name, membrane, parts, writer)
    attributes: dict[str, Any] = {
        "__doc__": _docstring(name, membrane, parts, exact),
        "__module__": membrane.__module__,
        "name": name,
        "parameters": membrane.parameters + tuple(q for p in parts for q in p.parameters),
        "states": writer.states,
        "ports": tuple(p.port for p in parts if p.port is not None),
        "coefficients": tuple(writer.coefficients),
        "reset_states": tuple(writer.reset_states),
        "compared": argument_names(membrane.threshold),
    }
    attributes |= {name: getattr(membrane, name) for name in _TAKEN_OVER}
    functions = ("time_dep", "advance_timestep", "threshold", "reset")
    attributes |= {name: staticmethod(namespace[name]) for name in functions}
    if membrane.alarm is not None:
        attributes["alarm"] = staticmethod(membrane.alarm)
    if "overload" in namespace:
        attributes["overload"] = staticmethod(namespace["overload"])
    return type(name, (Model,), attributes)


_TAKEN_OVER = ("held", "refractory_period", "longest_step", "settling_step", "random_state")
"""What a model has from its membrane as it is."""


def _checked_parts(
    membrane: type[Membrane], receptors: Mapping[str, tuple[type[Receptor], str]]
) -> list[Part]:
    """All that is composed with a membrane: receptors, then its mechanisms."""
    given = [(port, pair, Receptor) for port, pair in receptors.items()]
    given += [("", pair, Mechanism) for pair in membrane.mechanisms]
    for port, pair, base in given:
        _refuse_other_pairs(port, pair, base)
    pairs = [pair for _, pair, _ in given]
    for part, suffix in pairs:
        others = {n + s for p, s in pairs if (p, s) != (part, suffix) for n in names_of_part(p)}
        mistake = next(mistakes_of_part(part, membrane, others), None)
        if mistake is not None:
            raise InvalidValueError(f"{part.__name__}: {mistake}")
    return [Part(port, *pair) for port, pair, _ in given]


def _is_kind_of(given: Any, base: type) -> bool:
    return isinstance(given, type) and issubclass(given, base)


def _refuse_other_pairs(port: str, pair: Any, base: type[Receptor]) -> None:
    for_port = base is Receptor
    is_pair = isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[1], str)
    if (
        not is_pair
        or not _is_kind_of(pair[0], base)
        or (for_port and _is_kind_of(pair[0], Mechanism))
    ):
        where = f"the port '{port}'" if for_port else "`mechanisms`"
        wanted = "Receptor that is no Mechanism" if for_port else "Mechanism"
        raise InvalidValueError(
            f"{pair!r} for {where}; give a pair of a subclass of {wanted} and a suffix for its "
            "names, such as '_exc'."
        )


def _refuse_shared_names(
    name: str, membrane: type[Membrane], parts: list[Part], writer: Writer
) -> None:
    """Every name means one thing, the composition's own temporary names included."""
    given = [p.name for p in membrane.parameters] + [s.name for s in membrane.states]
    for part in parts:
        given += [p.name for p in part.parameters] + [s.name for s in part.states]
    taken = {"dt", "i_inj", "free", "current", "drive", *writer.written}
    for k, one in enumerate(given):
        if one in given[:k] or one in taken:
            raise InvalidValueError(
                f"'{one}' of {name} is a name that another part, or the composition itself, "
                "uses; give that parameter or state, or its receptor's suffix, another name."
            )


def _docstring(name: str, membrane: type[Membrane], parts: list[Part], exact: bool) -> str:
    scheme = "integrated exactly" if exact else "integrated by a fourth-order Runge-Kutta step"
    lines = [f"{name}: {scheme}.", "", (membrane.__doc__ or "").strip()]
    for part in parts:
        title = f"Port '{part.port.name}'" if part.port else f"With suffix '{part.suffix}'"
        lines += ["", f"{title}: {(part.cls.__doc__ or '').strip()}"]
    return "\n".join(lines)
