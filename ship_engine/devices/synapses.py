"""Event-driven synapses whose weights are kept in devices: changes by pulses, noisy readings.

The composed functions are written as text, from those of the synapse and those of
`ship_engine.devices.pulses`, and are an ordinary synapse model in the end.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import Any
from zlib import crc32

from ship_engine.devices.memristor import Memristor
from ship_engine.devices.pulses import exponential, saturating, spread_by_pulses, whole_pulses
from ship_engine.devices.variability import ReadNoise
from ship_engine.elementwise import absolute, cos, log, maximum, minimum, sin, sqrt, where
from ship_engine.errors import InvalidValueError
from ship_engine.mistakes import mistakes_of_synapse
from ship_engine.models.base import Parameter, argument_names
from ship_engine.synapses.base import UNIFORMS, Synapse

TWO_PI = 6.283185307179586
LIMITS = ("w_min", "w_max")
DEVIATES = ("radius_from", "angle_from")


class Static(Synapse):
    """Synapse that multiplies a spike by its weight."""

    name = "Static"

    @staticmethod
    def on_pre(weight: Any) -> tuple[Any, ...]:
        return (weight,)


def span_of(w_min: Any, w_max: Any) -> Any:
    """Room between the limits; 1 if there is none, for it divides."""
    return where(w_max > w_min, w_max - w_min, 1.0)


def position(weight: Any, w_min: Any, span: Any) -> Any:
    """Where in the range of its device a weight is."""
    return maximum(minimum((weight - w_min) / span, 1.0), 0.0)


def first_normal(radius_from: Any, angle_from: Any) -> Any:
    """A standard normal number from two uniform ones (Box and Muller 1958)."""
    return sqrt(-2.0 * log(radius_from)) * cos(TWO_PI * angle_from)


def second_normal(radius_from: Any, angle_from: Any) -> Any:
    """The other normal number, which is independent of the first."""
    return sqrt(-2.0 * log(radius_from)) * sin(TWO_PI * angle_from)


def read_deviation(carried: Any, read_sigma: Any, read_lowest: Any, read_second: Any) -> Any:
    """Standard deviation of a weight that is read, from the conductances of its devices.

    The conductances are in units of the weight: that of the device which carries it, and that of
    the other one of a pair.
    """
    active = read_lowest + carried
    return read_sigma * sqrt(active * active + read_second * read_second)


def in_proportion(amount: Any, meant: Any, found: Any) -> Any:
    """What reaches the target where a weight is found that is not the one that was meant."""
    return where(meant == 0.0, found, amount / where(meant == 0.0, 1.0, meant) * found)


_PARTS: dict[str, Callable[..., Any]] = {
    "where": where,
    "absolute": absolute,
    "span_of": span_of,
    "position": position,
    "first_normal": first_normal,
    "second_normal": second_normal,
    "read_deviation": read_deviation,
    "in_proportion": in_proportion,
    "whole_pulses": whole_pulses,
    "spread_by_pulses": spread_by_pulses,
}


def memristive_synapse(model: type[Synapse] | None, device: Memristor) -> type[Synapse]:
    """Make a synapse model whose weights are kept in devices.

    The weight is limited to [w_min, w_max], those of the model if it has such parameters, else
    those of the device.  A change becomes whole pulses, with the response, noise and limits of
    `PulseProgramming`, for a device of which ``gain`` is the span of its range over the nominal
    one, and which changes only if ``working`` is not 0.  Readings have the noise of `ReadNoise`,
    another one for each presynaptic spike; what reaches the target is taken as proportional to
    the weight.  Where the model has nothing that a device would change, it is returned as it is.

    Parameters
    ----------
    model : type[Synapse] or None
        What the synapse does; None if it just multiplies a spike by its weight.
    device : Memristor
        Its parts `pulses` and `read_noise` are used here; weights that are written before a run
        come from its `program`.

    Returns
    -------
    type[Synapse]
        A model with the parameters of both.

    Raises
    ------
    InvalidValueError
        If weights change, but the device has no `pulses`; if limits of the weight are not known;
        if the noise of readings is not a `ReadNoise`; or if something is wrong with the model.
    """
    base = Static if model is None else model
    mistake = next(mistakes_of_synapse(base), None)
    if mistake is not None:
        raise InvalidValueError(f"{base.name or base.__name__}: {mistake}")
    pulsed, noisy = base.changes_weight(), device.read_noise is not None
    check_device(base, device)
    if not (pulsed or noisy):
        return base
    writer = _Writer(base, device, pulsed, noisy)
    text = writer.text()
    name = f"Memristive{base.name or base.__name__}"
    file = f"<composed {name} {crc32(text.encode()):08x}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    namespace: dict[str, Any] = dict(writer.functions)
    exec(compile(text, file, "exec"), namespace)
    on_post = namespace.get("on_post", base.on_post)
    attributes = {
        "__doc__": f"{base.__doc__}\n\nIts weight is kept in a memristive device.",
        "__module__": base.__module__,
        "name": name,
        "parameters": (*base.parameters, *_parameters(base, device, pulsed, noisy)),
        "on_pre": staticmethod(namespace["on_pre"]),
        "on_post": None if on_post is None else staticmethod(on_post),
    }
    composed = type(name, (base,), attributes)
    mistake = next(mistakes_of_synapse(composed), None)
    if mistake is not None:
        raise InvalidValueError(f"{name}: {mistake}")
    return composed


def check_device(model: type[Synapse] | None, device: Memristor) -> None:
    """Refuse a device that weights of this model cannot be kept in.

    Raises
    ------
    InvalidValueError
        If the noise of readings is not a `ReadNoise`; or if the model changes weights, and the
        device has no `pulses`, or nobody knows their range.
    """
    base = Static if model is None else model
    pulsed = base.changes_weight()
    if device.read_noise is not None and not isinstance(device.read_noise, ReadNoise):
        raise InvalidValueError(
            f"Readings by single spikes have the noise of a ReadNoise, not of "
            f"{type(device.read_noise).__name__}; give read_noise=ReadNoise(sigma)."
        )
    if pulsed and device.pulses is None:
        raise InvalidValueError(
            f"The weight of {base.name} changes, and this Memristor does not say how that is "
            "done; give pulses=PulseProgramming(...)."
        )
    limited = set(LIMITS) <= {parameter.name for parameter in base.parameters}
    if pulsed and not limited and device.w_max is None:
        raise InvalidValueError(
            f"The weight of {base.name} changes within the range of its device, which is not "
            "known; give w_max of the Memristor."
        )


def _parameters(
    base: type[Synapse], device: Memristor, pulsed: bool, noisy: bool
) -> tuple[Parameter, ...]:
    """What the device adds to the parameters of the model."""
    added: list[Parameter] = []
    if pulsed:
        pulses = device.pulses
        assert pulses is not None
        if not set(LIMITS) <= {parameter.name for parameter in base.parameters}:
            mapping = device.mapping
            added += [
                Parameter("w_min", mapping.w_min, "weight"),
                Parameter("w_max", mapping.w_max, "weight"),
            ]
        added += [
            Parameter("gain", 1.0, "dimensionless", minimum=0.0, exclusive=True),
            Parameter("working", 1.0, "dimensionless", minimum=0.0, maximum=1.0),
            Parameter("beta_up", pulses.beta_up, "dimensionless"),
            Parameter("beta_down", pulses.beta_down, "dimensionless"),
            Parameter("pulses_up", float(pulses.pulses_up), "dimensionless", minimum=1.0),
            Parameter("pulses_down", float(pulses.pulses_down), "dimensionless", minimum=1.0),
            Parameter("most_pulses", pulses.limit, "dimensionless", minimum=1.0),
        ]
        if pulses.cycle_to_cycle:
            sigma = pulses.cycle_to_cycle
            added.append(Parameter("cycle_to_cycle", sigma, "dimensionless", minimum=0.0))
    if noisy:
        mapping = device.mapping
        lowest = mapping.g_min * mapping.slope
        added += [
            Parameter("read_sigma", device.read_noise.sigma, "dimensionless", minimum=0.0),
            Parameter("read_lowest", lowest - (0.0 if device.pair else mapping.w_min), "weight"),
            Parameter("read_second", lowest if device.pair else 0.0, "weight", minimum=0.0),
        ]
    return tuple(added)


class _Writer:
    """Writes the functions of a synapse that is kept in devices."""

    def __init__(self, base: type[Synapse], device: Memristor, pulsed: bool, noisy: bool) -> None:
        self._base, self._pulsed, self._noisy = base, pulsed, noisy
        self._signed = "sign" in {parameter.name for parameter in base.parameters}
        # A single device with a range on both sides of zero carries the weight as it is.
        self._by_magnitude = noisy and (device.pair or device.mapping.w_min >= 0.0)
        pulses = device.pulses
        self._spread = pulsed and pulses is not None and pulses.cycle_to_cycle > 0.0
        self._by_chance = pulsed and pulses is not None and pulses.rounding == "stochastic"
        curved = pulses is not None and pulses.law == "exponential"
        self.functions = _PARTS | {
            "law": exponential if curved else saturating,
            "base_on_pre": base.on_pre,
        }
        if base.on_post is not None:
            self.functions["base_on_post"] = base.on_post

    def text(self) -> str:
        """Both functions; `on_post` only if it changes the weight."""
        text = self._function("on_pre", self._base.pre_changes)
        if self._pulsed and "weight" in self._base.post_changes:
            text += "\n" + self._function("on_post", self._base.post_changes)
        return text

    def _function(self, name: str, changes: tuple[str, ...]) -> str:
        function = self.functions[f"base_{name}"]
        arguments = [*argument_names(function)]
        uniforms = iter([u for u in UNIFORMS if u not in arguments])
        before = name == "on_pre"
        pulsed = self._pulsed and "weight" in changes
        results = [f"new_{change}" for change in changes] + ["amount"] * before
        lines = [f"{', '.join(results)}, = base_{name}({', '.join(arguments)})"]
        used = ["weight"]
        if (pulsed and self._spread) or (before and self._noisy):
            drawn = [self._next(uniforms) for _ in DEVIATES]
            used += drawn
            lines += [f"{d} = {u}" for d, u in zip(DEVIATES, drawn, strict=True)]
        meant = "weight"
        if pulsed:
            meant = "new_weight"
            lines += self._pulses(used, uniforms)
            results = ["after" if r == "new_weight" else r for r in results]
        if before:
            lines += self._reading(used, meant, "after" if pulsed else "weight")
        arguments += [a for a in dict.fromkeys(used) if a not in arguments]
        return "\n".join(
            [
                f"def {name}({', '.join(arguments)}):",
                *(f"    {line}" for line in lines),
                f"    return {', '.join(results)},",
                "",
            ]
        )

    def _next(self, uniforms: Any) -> str:
        name: str | None = next(uniforms, None)
        if name is None:
            raise InvalidValueError(
                f"{self._base.name} needs so many random numbers that none are left for the "
                f"noise of its device; a synapse has {len(UNIFORMS)} for each spike."
            )
        return name

    def _pulses(self, used: list[str], uniforms: Any) -> list[str]:
        """The weight after the pulses into which the wanted change is made."""
        rounding = self._next(uniforms) if self._by_chance else "0.5"
        used += [rounding] * self._by_chance
        used += [*LIMITS, "gain", "working", "beta_up", "beta_down"]
        used += ["pulses_up", "pulses_down", "most_pulses"]
        lines = [
            "nominal = span_of(w_min, w_max)",
            "span = gain * nominal",
            "change = (new_weight - weight) / nominal",
            f"up = whole_pulses(change, pulses_up, {rounding}, most_pulses)",
            f"down = whole_pulses(-change, pulses_down, {rounding}, most_pulses)",
            "x = law(position(weight, w_min, span), up, pulses_up, beta_up)",
            "x = 1.0 - law(1.0 - x, down, pulses_down, beta_down)",
        ]
        spread = ("0.0", "0.0")
        if self._spread:
            used.append("cycle_to_cycle")
            spread = ("cycle_to_cycle", "first_normal(radius_from, angle_from)")
        return [
            *lines,
            f"x = spread_by_pulses(x, up + down, {', '.join(spread)})",
            "moves = (up + down > 0.0) & (working > 0.0)",
            "after = where(moves, w_min + span * x, weight)",
        ]

    def _reading(self, used: list[str], meant: str, after: str) -> list[str]:
        """What reaches the target."""
        lines = [f"found = {after}"]
        if self._noisy:
            used += ["read_sigma", "read_lowest", "read_second"]
            carried = f"absolute({after})" if self._by_magnitude else after
            lines += [
                f"deviation = read_deviation({carried}, read_sigma, read_lowest, read_second)",
                "found = found + deviation * second_normal(radius_from, angle_from)",
            ]
        if self._signed:
            used.append("sign")
            return [*lines, "amount = sign * found"]
        return [*lines, f"amount = in_proportion(amount, {meant}, found)"]
