"""Spike-timing-dependent plasticity: a timing rule and a weight dependence become a synapse.

A timing rule says by how much a pair of spikes changes the weight, a weight dependence how that
depends on the weight that the synapse has.  Weights are strengths, thus >= 0; the parameter
``sign`` (1 or -1) says with which sign they act.

A weight dependence is made of three elementwise functions: `scale` (what an amplitude of 1 means,
in the unit of the weight), and `upward` and `downward` (factors of potentiation and depression).
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ship_engine.elementwise import exp, maximum, minimum, where
from ship_engine.models.base import Parameter, State, argument_names
from ship_engine.synapses.base import DENDRITIC_DELAY_FRACTION, Synapse

LIMITS = (
    Parameter("w_min", 0.0, "weight", minimum=0.0),
    Parameter("w_max", 1.0, "weight", minimum=0.0),
)


def span(w_min, w_max):
    """Room between the limits; 1 if there is none, for it divides."""
    return where(w_max > w_min, w_max - w_min, 1.0)


class WeightDependence:
    """Base class of weight dependences; every weight stays within [w_min, w_max]."""

    parameters: ClassVar[tuple[Parameter, ...]] = LIMITS
    scale: ClassVar[Callable[..., Any]]
    upward: ClassVar[Callable[..., Any]]
    downward: ClassVar[Callable[..., Any]]


class Additive(WeightDependence):
    """Changes do not depend on the weight: dw = w_max A x (Song, Miller & Abbott 2000)."""

    @staticmethod
    def scale(w_max):
        return w_max

    @staticmethod
    def upward():
        return 1.0

    @staticmethod
    def downward():
        return 1.0


class Multiplicative(WeightDependence):
    """dw = A x (w_max - w) upwards, A x (w - w_min) downwards (van Rossum, Bi & Turrigiano 2000).

    Also known as soft limits.
    """

    @staticmethod
    def scale(w_min, w_max):
        return w_max - w_min

    @staticmethod
    def upward(weight, w_min, w_max):
        return (w_max - weight) / span(w_min, w_max)

    @staticmethod
    def downward(weight, w_min, w_max):
        return (weight - w_min) / span(w_min, w_max)


class AdditivePotentiationMultiplicativeDepression(WeightDependence):
    """dw = w_max A x upwards, A x w downwards (van Rossum, Bi & Turrigiano 2000)."""

    @staticmethod
    def scale(w_max):
        return w_max

    @staticmethod
    def upward():
        return 1.0

    @staticmethod
    def downward(weight, w_max):
        return weight / where(w_max > 0.0, w_max, 1.0)


class Gutig(WeightDependence):
    """Powers of the distances to the limits (Gütig et al. 2003, J. Neurosci. 23:3697).

    With s = w_max - w_min: dw = s A x ((w_max - w) / s)**mu_plus upwards and
    s A x ((w - w_min) / s)**mu_minus downwards.
    """

    parameters = (
        *LIMITS,
        Parameter("mu_plus", 0.5, "dimensionless", minimum=0.0),
        Parameter("mu_minus", 0.5, "dimensionless", minimum=0.0),
    )

    @staticmethod
    def scale(w_min, w_max):
        return w_max - w_min

    @staticmethod
    def upward(weight, w_min, w_max, mu_plus):
        return (maximum(w_max - weight, 0.0) / span(w_min, w_max)) ** mu_plus

    @staticmethod
    def downward(weight, w_min, w_max, mu_minus):
        return (maximum(weight - w_min, 0.0) / span(w_min, w_max)) ** mu_minus


class TimingRule:
    """Base class of timing rules.

    Two traces, of the presynaptic and the postsynaptic spikes that have reached the synapse, rise
    by 1 at each spike and decay with the time constants named in `time_constants`.  `at_pre` and
    `at_post` give by how much a spike of either kind potentiates and depresses, in that order,
    given the other side's ``trace``.  `scaled` says whether amplitudes are relative to the
    dependence's `scale`, or are weights themselves.
    """

    parameters: ClassVar[tuple[Parameter, ...]] = ()
    time_constants: ClassVar[tuple[str, str]]
    scaled: ClassVar[bool] = True
    at_pre: ClassVar[Callable[..., Any]]
    at_post: ClassVar[Callable[..., Any]]


class SpikePairs(TimingRule):
    """All pairs of spikes: exponential windows.

    A presynaptic spike depresses by A_minus exp(-s / tau_minus) for each postsynaptic spike that
    came s before it; a postsynaptic one potentiates by A_plus exp(-s / tau_plus) for each
    presynaptic spike that came s before it.

    Song, Miller & Abbott (2000), Nat. Neurosci. 3:919; by traces: Morrison, Aertsen & Diesmann
    (2007), Neural Comput. 19:1437.
    """

    parameters = (
        Parameter("tau_plus", 20.0, "ms", minimum=0.0, exclusive=True),
        Parameter("tau_minus", 20.0, "ms", minimum=0.0, exclusive=True),
        Parameter("A_plus", 0.01, "dimensionless"),
        Parameter("A_minus", 0.01, "dimensionless"),
    )
    time_constants = ("tau_plus", "tau_minus")

    @staticmethod
    def at_pre(trace, A_minus):
        return 0.0, A_minus * trace

    @staticmethod
    def at_post(trace, A_plus):
        return A_plus * trace, 0.0


class Vogels2011(TimingRule):
    """Potentiation by near-coincidence in any order, depression by each presynaptic spike.

    A presynaptic spike changes the weight by eta (trace_post - alpha), alpha = 2 rho tau, a
    postsynaptic one by eta trace_pre; rho is the postsynaptic rate that this leads to.

    Vogels, Sprekeler, Zenke, Clopath & Gerstner (2011), Science 334:1569.
    """

    parameters = (
        Parameter("tau", 20.0, "ms", minimum=0.0, exclusive=True),
        Parameter("eta", 1e-10, "weight"),
        Parameter("rho", 3.0, "Hz", minimum=0.0),
    )
    time_constants = ("tau", "tau")
    scaled = False

    @staticmethod
    def at_pre(trace, eta, rho, tau):
        return eta * trace, eta * 2e-3 * rho * tau

    @staticmethod
    def at_post(trace, eta):
        return eta * trace, 0.0


def decayed(trace, since, tau):
    """A trace after some time."""
    return trace * exp(-since / tau)


def changed(weight, up, down, scale, upward, downward, w_min, w_max):
    """The weight after potentiation and depression, within its limits."""
    return maximum(minimum(weight + scale * (up * upward - down * downward), w_max), w_min)


def compose_stdp(timing: type[TimingRule], dependence: type[WeightDependence]) -> type[Synapse]:
    """Make a synapse model of a timing rule and a weight dependence.

    Parameters
    ----------
    timing : type[TimingRule]
        How spikes of the two sides change the weight.
    dependence : type[WeightDependence]
        How that depends on the weight.

    Returns
    -------
    type[Synapse]
        An ordinary synapse model; its parameters are those of the delay, the sign, the timing
        rule and the weight dependence.
    """
    name = f"{timing.__name__}{dependence.__name__}"
    writer = _Writer(timing, dependence)
    text = writer.function("on_pre") + "\n" + writer.function("on_post")
    file = f"<composed {name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    namespace: dict[str, Any] = dict(writer.functions)
    exec(compile(text, file, "exec"), namespace)
    attributes: dict[str, Any] = {
        "__doc__": f"{timing.__doc__}\n\nWeight dependence: {dependence.__doc__}",
        "__module__": __name__,
        "name": name,
        "parameters": (
            DENDRITIC_DELAY_FRACTION,
            Parameter("sign", 1.0, "dimensionless", minimum=-1.0, maximum=1.0),
            *timing.parameters,
            *dependence.parameters,
        ),
        "states": (
            State("trace_pre", 0.0, "dimensionless"),
            State("trace_post", 0.0, "dimensionless"),
        ),
        "pre_changes": ("weight", "trace_pre"),
        "post_changes": ("weight", "trace_post"),
        "on_pre": staticmethod(namespace["on_pre"]),
        "on_post": staticmethod(namespace["on_post"]),
    }
    return type(name, (Synapse,), attributes)


class _Writer:
    """Writes the two functions of a composed synapse."""

    def __init__(self, timing: type[TimingRule], dependence: type[WeightDependence]) -> None:
        self._timing, self._dependence = timing, dependence
        self.functions: dict[str, Callable[..., Any]] = {"decayed": decayed, "changed": changed}
        for part in (timing, dependence):
            for role in ("at_pre", "at_post", "scale", "upward", "downward"):
                if hasattr(part, role):
                    self.functions[role] = getattr(part, role)

    def function(self, name: str) -> str:
        """Source text of `on_pre` or `on_post`."""
        side, other = ("pre", "post") if name == "on_pre" else ("post", "pre")
        tau = dict(zip(("pre", "post"), self._timing.time_constants, strict=True))
        arguments = ["weight", "trace_pre", "trace_post", "since_pre", "since_post"]
        given = {"trace": "seen"}
        at = self._call(f"at_{side}", given, arguments)
        scale = self._call("scale", {}, arguments) if self._timing.scaled else "1.0"
        up = self._call("upward", {}, arguments)
        down = self._call("downward", {}, arguments)
        asked = ["w_min", "w_max", tau["pre"], tau["post"], *["sign"] * (side == "pre")]
        arguments += [a for a in dict.fromkeys(asked) if a not in arguments]
        result = f"after, trace_{side}_after" + ", sign * after" * (side == "pre")
        return "\n".join(
            [
                f"def {name}({', '.join(arguments)}):",
                f"    seen = decayed(trace_{other}, since_{other}, {tau[other]})",
                f"    trace_{side}_after = decayed(trace_{side}, since_{side}, {tau[side]}) + 1.0",
                f"    up, down = {at}",
                f"    after = changed(weight, up, down, {scale}, {up}, {down}, w_min, w_max)",
                f"    return {result}",
                "",
            ]
        )

    def _call(self, role: str, values: Mapping[str, str], arguments: list[str]) -> str:
        names = argument_names(self.functions[role])
        arguments += [n for n in names if n not in values and n not in arguments]
        return f"{role}({', '.join(values.get(n, n) for n in names)})"
