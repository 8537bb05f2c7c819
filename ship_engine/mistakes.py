"""What keeps a description of one's own from being computed, found before anything is compiled.

Each function yields sentences, in the order in which things should be mended.  Functions of
models are called once, with the defaults, to see how many values they return.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np

from ship_engine.models.base import Model, Port, argument_names
from ship_engine.models.membranes import Mechanism, Membrane
from ship_engine.models.receptors import Receptor
from ship_engine.synapses.base import UNIFORMS, Synapse

GIVEN = ("dt", "i_inj", "free", "input")
"""What functions of models may ask for beside parameters, states and coefficients."""
GIVEN_TO_PARTS = ("dt",)
"""What `time_dep` and `coupling` of receptors and mechanisms may ask for beside names."""
_UNKNOWN = object()
GIVEN_TO_SYNAPSES = ("weight", "since_pre", "since_post", *UNIFORMS)
"""What functions of synapses may ask for beside parameters and states."""


def mistakes_of_membrane(membrane: type[Membrane]) -> Iterator[str]:
    """What keeps a membrane from being composed."""
    yield from _mistaken_attributes(membrane, Membrane)
    for function in ("derivative", "threshold", "reset"):
        if getattr(membrane, function, None) is None:
            yield f"it has no function '{function}', which every membrane needs."
    yield from _mistaken_refractory_period(membrane)
    names = [state.name for state in membrane.states]
    results = {
        "derivative": names,
        "exact_time_dep": membrane.exact_coefficients,
        "exact_advance": names,
        "rates": membrane.rate_coefficients,
        "derive": [state.name for state in membrane.derived],
        "reset": membrane.reset_states,
    }
    for function, returned in results.items():
        yield from _mistaken_result(membrane, function, returned)


def mistakes_of_part(
    part: type[Receptor], membrane: type[Membrane], others: Collection[str] = ()
) -> Iterator[str]:
    """What keeps a receptor or a mechanism from being composed with a membrane.

    `others` are the names that further parts bring.
    """
    is_mechanism = issubclass(part, Mechanism)
    yield from _mistaken_attributes(part, Mechanism if is_mechanism else Receptor)
    results = {
        "time_dep": part.coefficients,
        "advance": [state.name for state in part.states],
        "coupling": part.coupling_coefficients,
    }
    if is_mechanism:
        results["after_spike"] = results["advance"]
    numbers = ("current", "conductance", "drive")
    for function in (*results, *numbers):
        value = getattr(part, function, None)
        if value is not None and not callable(value):
            yield f"{function} = {value!r} is no function."
        if value is None and results.get(function):
            listed = ", ".join(results[function])
            yield f"it has no function '{function}', which has to return ({listed},)."
    own = names_of_part(part)
    yield from _mistaken_names_of_part(part, own, membrane, others)
    for function, returned in results.items():
        if hasattr(part, function):
            yield from _mistaken_result(part, function, returned)
    for function in numbers:
        yield from _mistaken_number(part, function)
    if not is_mechanism:
        yield from _mistaken_port(part, own, membrane)


def names_of_part(part: type[Receptor]) -> list[str]:
    """What the parameters, states and coefficients of a receptor or mechanism are called."""
    described: list[Any] = [part.parameters, part.states]
    plain: list[Any] = [part.coefficients, part.coupling_coefficients]
    names = [one.name for each in described if isinstance(each, tuple) for one in each]
    return names + [name for each in plain if isinstance(each, tuple) for name in each]


def mistakes_of_model(model: type[Model], base: type[Model] = Model) -> Iterator[str]:
    """What keeps a model, whose kind is given by a base class, from being computed."""
    yield from _mistaken_attributes(model, base)
    if getattr(model, "time_dep", None) is None:
        yield (
            "it has no function 'time_dep', which every model needs; one without coefficients "
            "has `coefficients = ()` and a 'time_dep' that returns ()."
        )
    if getattr(model, "advance_timestep", None) is None:
        yield "it has no function 'advance_timestep', which every model needs."
    if model.threshold is not None and model.reset is None:
        yield "it has a 'threshold', but no 'reset' that says what a spike changes."
    if model.reset is not None and model.threshold is None:
        yield "it has a 'reset', but no 'threshold' that says when a spike occurs."
    if model.takes_input() and model.ports:
        yield "it has ports, so `input`, the sum of all that arrives, is not defined for it."
    yield from _mistaken_names(model)
    yield from _mistaken_refractory_period(model)
    yield from _mistaken_options(model)
    for function in ("threshold", "output"):
        yield from _mistaken_number(model, function)
    results = {
        "time_dep": model.coefficients,
        "advance_timestep": [state.name for state in model.states],
        "reset": model.reset_states,
    }
    for function, returned in results.items():
        yield from _mistaken_result(model, function, returned)


def mistakes_of_synapse(model: type[Synapse]) -> Iterator[str]:
    """What keeps a synapse from being computed."""
    yield from _mistaken_attributes(model, Synapse)
    if getattr(model, "on_pre", None) is None:
        yield "it has no function 'on_pre', which every synapse needs."
    if model.on_post is not None and not model.post_changes:
        yield "it has 'on_post', and so needs `post_changes`, the names of what that returns."
    if model.on_post is None and model.post_changes:
        yield "it has post_changes, but no 'on_post' that returns them."
    states = [state.name for state in model.states]
    names = [parameter.name for parameter in model.parameters] + states
    for name in names:
        if names.count(name) > 1 or name in (*GIVEN_TO_SYNAPSES, "delay"):
            yield f"'{name}' stands for several things; give one of them another name."
    for name in sorted(model.asked_for()):
        if name not in (*names, *GIVEN_TO_SYNAPSES):
            yield (
                f"'on_pre' or 'on_post' asks for '{name}', which is neither a parameter, nor a "
                f"state, nor one of {', '.join(GIVEN_TO_SYNAPSES)}."
            )
    for name in (*model.pre_changes, *model.post_changes):
        if name not in (*states, "weight"):
            yield f"'{name}' in pre_changes or post_changes is neither a state nor the weight."
    if "sign" in names and not {"w_min", "w_max"} <= set(names):
        yield "it has the parameter 'sign', and so needs w_min and w_max, which limit the weight."
    if model.plastic() and "dendritic_delay_fraction" not in names:
        yield (
            "it has 'on_post', and so needs to know where in the delay it lies; put "
            "`ship_engine.synapses.base.DENDRITIC_DELAY_FRACTION` among its `parameters`."
        )
    yield from _mistaken_result(model, "on_pre", (*model.pre_changes, "the amount"))
    yield from _mistaken_result(model, "on_post", model.post_changes)


def _mistaken_attributes(model: type, base: type) -> Iterator[str]:
    """Names that mean nothing to the base class, and single things where a tuple is wanted."""
    known = {n for cls in base.__mro__[:-1] for n in (*vars(cls), *cls.__annotations__)}
    for cls in model.__mro__[: model.__mro__.index(base)]:
        for name in vars(cls):
            if not name.startswith("_") and name not in known:
                methods = (n for n in known if inspect.ismethod(getattr(base, n, None)))
                listed = ", ".join(sorted(n for n in known.difference(methods) if n[0] != "_"))
                yield (
                    f"'{name}' means nothing to a {base.__name__}, which knows {listed}; "
                    "a name that is for you alone starts with '_'."
                )
    for name in sorted(known):
        default, value = getattr(base, name, None), getattr(model, name, None)
        if isinstance(default, tuple) and not isinstance(value, tuple):
            yield f"{name} = {value!r} is no tuple; write `{name} = ({value!r},)`, with the comma."


def _mistaken_refractory_period(model: type[Model] | type[Membrane]) -> Iterator[str]:
    parameters = [parameter.name for parameter in model.parameters]
    period = model.refractory_period
    if model.held and period is None:
        yield (
            f"it holds {', '.join(model.held)} after a spike, but does not say for how long; "
            "`refractory_period` names the parameter that does."
        )
    if period not in (None, *parameters):
        yield f"'{period}', its refractory_period, is none of its parameters, {parameters}."


def _mistaken_names(model: type[Model]) -> Iterator[str]:
    states = [state.name for state in model.states]
    names = [parameter.name for parameter in model.parameters] + states + [*model.coefficients]
    for name in names:
        if names.count(name) > 1 or name in GIVEN:
            yield f"'{name}' stands for several things; give one of them another name."
    for function in ("time_dep", "advance_timestep", "threshold", "alarm", "reset", "output"):
        asked_for = getattr(model, function)
        for name in () if asked_for is None else argument_names(asked_for):
            if name not in (*names, *GIVEN):
                yield (
                    f"'{function}' asks for '{name}', which is neither a parameter, nor "
                    f"a state, nor a coefficient, nor one of {', '.join(GIVEN)}."
                )
    for name in (*(port.state for port in model.ports), *model.held, *model.reset_states):
        if name not in states:
            yield f"'{name}' in ports, held or reset_states is none of its states, {states}."
    parameters = [parameter.name for parameter in model.parameters]
    for port in model.ports:
        if port.time_constant not in (None, *parameters):
            yield (
                f"'{port.time_constant}', the time constant of its port '{port.name}', is none of "
                f"its parameters, {parameters}."
            )


def _mistaken_names_of_part(
    part: type[Receptor], own: list[str], membrane: type[Membrane], others: Collection[str]
) -> Iterator[str]:
    for name in own:
        if own.count(name) > 1 or name in GIVEN_TO_PARTS:
            yield f"'{name}' stands for several things; give one of them another name."
    of_membrane = [parameter.name for parameter in membrane.parameters]
    of_membrane += [state.name for state in (*membrane.states, *membrane.derived)]
    of_membrane += [*membrane.exact_coefficients, *membrane.rate_coefficients]
    functions = ("time_dep", "advance", "coupling", "current", "conductance", "drive")
    for function in (*functions, "after_spike"):
        asked_for = getattr(part, function, None)
        given = GIVEN_TO_PARTS if function in ("time_dep", "coupling") else ()
        for name in () if asked_for is None else argument_names(asked_for):
            if name not in (*own, *of_membrane, *given, *others):
                yield (
                    f"'{function}' asks for '{name}', which is neither a parameter, nor a state, "
                    f"nor a coefficient of it, nor one of its membrane's, "
                    f"{', '.join([*given, *of_membrane])}."
                )


def _mistaken_port(
    receptor: type[Receptor], own: list[str], membrane: type[Membrane]
) -> Iterator[str]:
    """Whether what arrives has a place to go to."""
    port = getattr(receptor, "port", None)
    if not isinstance(port, Port):
        yield (
            "it has no `port`, which says to which state weights are added, and in which unit: "
            "`port = Port('', 'isyn', 'nA')`."
        )
        return
    states = [state.name for state in (*receptor.states, *membrane.states)]
    if port.state not in states:
        yield f"'{port.state}', to which its port adds, is none of the states, {states}."
    for role in ("gain", "time_constant"):
        name = getattr(port, role)
        if name not in (None, *own):
            yield f"'{name}', the {role} of its port, is none of its names, {own}."


def _mistaken_options(model: type[Model]) -> Iterator[str]:
    """Attributes that only the networks of `ship_engine.platform` look at."""
    for name, least in {"inner_steps": 1, "least_refractory_steps": 0}.items():
        value = getattr(model, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            yield f"{name} = {value!r} is no whole number >= {least}."
    parameters = [parameter.name for parameter in model.parameters]
    if model.output_delay not in (None, *parameters):
        yield f"'{model.output_delay}', its output_delay, is none of its parameters, {parameters}."
    if model.winner_takes_all not in (None, "reset", "refractory"):
        yield f"winner_takes_all = {model.winner_takes_all!r}; write 'reset' or 'refractory'."
    if model.winner_takes_all == "refractory" and model.refractory_period is None:
        yield "its winner starts all refractory periods, but it has no `refractory_period`."


def _mistaken_number(model: Any, name: str) -> Iterator[str]:
    """Whether a function returns one number."""
    function: Callable[..., Any] | None = getattr(model, name)
    if function is None:
        return
    result = _tried(function, model)
    if result is None or isinstance(result, tuple | list):
        yield f"'{name}' returns a {type(result).__name__}; it must return a number."
    if name == "threshold" and isinstance(result, bool | np.bool_):
        yield "'threshold' returns a truth; it must return a number that is >= 0 at a spike."


def _mistaken_result(model: Any, name: str, returned: Any) -> Iterator[str]:
    """Whether a function returns as many values as the description says."""
    function: Callable[..., Any] | None = getattr(model, name)
    if function is None:
        return
    result = _tried(function, model)
    if result is _UNKNOWN:
        return
    count = len(result) if isinstance(result, tuple) else None
    if count != len(returned):
        found = "no tuple" if count is None else f"a tuple of {count}"
        listed = f": ({', '.join(returned)}{',' * (len(returned) == 1)})" if returned else ", ()"
        yield f"'{name}' returns {found}, but a tuple of {len(returned)} is expected{listed}."


def _tried(function: Callable[..., Any], model: Any) -> Any:
    """What a function returns for the defaults of its model; `_UNKNOWN` if that cannot be told."""
    numbers = {parameter.name: parameter.default for parameter in model.parameters}
    numbers |= {state.name: state.initial for state in model.states}
    try:
        return _called(function, numbers)
    except (ArithmeticError, ValueError):
        return _UNKNOWN  # The defaults are beyond it, which does not tell how much it would return.
    except TypeError:
        if not _knows_torch(function):
            raise
        return _UNKNOWN  # It is written for tensors, and will be called with those.


def _knows_torch(function: Callable[..., Any]) -> bool:
    """Whether a function uses torch, so that it may refuse plain numbers."""
    used = (function.__globals__.get(name) for name in function.__code__.co_names)
    names = (getattr(one, "__module__", None) or getattr(one, "__name__", "") for one in used)
    return any(str(name).partition(".")[0] in ("torch", "_VariableFunctions") for name in names)


def _called(function: Callable[..., Any], numbers: Mapping[str, float]) -> Any:
    """The result of a function; what is not among the numbers is 0.5."""
    asked_for = argument_names(function)
    with np.errstate(all="ignore"):
        return function(*(np.float64(numbers.get(name, 0.5)) for name in asked_for))
