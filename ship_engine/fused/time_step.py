"""One time step of a group of neurons, with the synapses in front of it, as a program.

The program does what the torch executors do with the same functions, operation by operation:
`ship_engine.executors.torch_members.Neurons` for event-driven networks, and
`ship_engine.platform.tensor_run` for those of the platform.  They differ in where they look for
a spike when a step is divided, and in whether a potential that input has moved over the threshold
at the start of the step counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ship_engine.elementwise import maximum
from ship_engine.errors import UnsupportedByExecutorError
from ship_engine.lowering.tracing import Program, Traced, where
from ship_engine.models.base import Model, argument_names


@dataclass(frozen=True)
class Kind:
    """What a program is made of, besides the model.

    Attributes
    ----------
    model : type[Model]
        The neurons.
    synapses : tuple of type[Model]
        Models of synapses that are summed for each neuron and lie in front of it; each takes one
        input, and hands on to the neuron's first.
    ports_of_synapses : tuple of int
        Which of the neurons' inputs each of the synapses reaches.
    parts : int
        Into how many parts a step is divided.
    on_platform : bool
        Whether the rules are those of the platform, or those of event-driven networks.
    """

    model: type[Model]
    synapses: tuple[type[Model], ...] = ()
    ports_of_synapses: tuple[int, ...] = ()
    parts: int = 1
    on_platform: bool = False

    @property
    def direct(self) -> int:
        """How many inputs reach the neurons themselves."""
        return max(len(self.model.ports), int(self.model.takes_input()))

    @property
    def inputs(self) -> int:
        """How many inputs there are: first those of the neurons, then one for each synapse."""
        return self.direct + len(self.synapses)

    @property
    def rests(self) -> bool:
        """Whether neurons rest after a spike."""
        model = self.model
        return model.threshold is not None and (
            model.refractory_period is not None or model.least_refractory_steps > 0
        )


@dataclass
class StepProgram:
    """What a time step computes.

    Attributes
    ----------
    program : Program
        All operations.
    states : dict of str to Traced
        The states at the start of the step.
    new : dict of str to Traced
        The states after the step and a reset.
    values : dict of str to Traced
        Parameters and coefficients.
    inputs : list of Traced
        What arrives.
    current : Traced
        What is injected.
    output : Traced
        What the neurons hand on.
    crossed : Traced or None
        Whether they spike.
    load : Traced or None
        > 0 where the step is too long for the states.
    received : dict of str to Traced
        The states with what has arrived at them at the start of the step.
    """

    program: Program
    states: dict[str, Traced] = field(default_factory=dict)
    new: dict[str, Traced] = field(default_factory=dict)
    values: dict[str, Traced] = field(default_factory=dict)
    inputs: list[Traced] = field(default_factory=list)
    current: Traced | None = None
    output: Traced | None = None
    crossed: Traced | None = None
    load: Traced | None = None
    received: dict[str, Traced] = field(default_factory=dict)


def of_synapse(number: int, name: str) -> str:
    """The name that a program has for a name of one of the synapses."""
    return f"synapse{number}_{name}"


def trace_step(kind: Kind) -> StepProgram:
    """Write down a time step.

    Raises
    ------
    UnsupportedByExecutorError
        If a function uses more than the language of `ship_engine.elementwise`.
    """
    return _Tracer(kind).trace()


class _Tracer:
    def __init__(self, kind: Kind) -> None:
        self._kind, self._model = kind, kind.model
        self._program = Program()
        self._step = StepProgram(self._program)
        number = self._program.number
        self._awake = self._program.leaf("awake") if kind.rests else number(1.0) > 0.5
        self._free: Any = where(self._awake, 1.0, 0.0) if kind.rests else 1.0

    def trace(self) -> StepProgram:
        step, program, kind = self._step, self._program, self._kind
        step.inputs = [program.leaf(f"input_{k}") for k in range(kind.inputs)]
        step.current = program.leaf("current")
        arriving = self._through_synapses(step.inputs)
        states = self._start("", self._model)
        step.states |= states
        received = self._with_input(states, arriving)
        step.received = received
        given = arriving[0] if arriving and not self._model.ports else program.number(0.0)
        injected = program.number(0.0) if kind.on_platform else step.current
        known = {"input": given, "free": self._free, "i_inj": injected}
        new, distance, crossed = self._advanced(received, known)
        spikes: Traced = program.number(0.0)
        if distance is not None:
            crossed = self._crossed(distance) if crossed is None else crossed
            spikes = program.line("spike", distance, crossed, self._awake)
        step.crossed = crossed
        step.output = spikes
        if self._model.output is not None:
            step.output = program.number(
                self._called("", self._model.output, {**known, **new}, self._model)
            )
        step.new |= self._after(new, known, crossed)
        return step

    def _start(self, prefix: str, model: type[Model]) -> dict[str, Traced]:
        return {s.name: self._program.leaf(f"state_{prefix}{s.name}") for s in model.states}

    def _called(
        self,
        prefix: str,
        function: Callable[..., Any],
        known: Mapping[str, Any],
        model: type[Model],
    ) -> Any:
        """Call a model's function; what is not known is a parameter or a coefficient."""
        arguments = []
        for name in argument_names(function):
            value = known.get(name)
            if value is None:
                value = self._value(prefix + name)
            arguments.append(value)
        try:
            return function(*arguments)
        except (TypeError, ValueError, AttributeError) as error:
            raise UnsupportedByExecutorError(
                f"'{function.__name__}' of {model.name} uses more than the functions of "
                "ship_engine.elementwise, so the executor 'fused' has no derivative of it; write "
                f"it in those, or use the executor 'torch'. Python says: {error}"
            ) from error

    def _value(self, name: str) -> Traced:
        if name not in self._step.values:
            self._step.values[name] = self._program.leaf(f"value_{name}")
        return self._step.values[name]

    def _through_synapses(self, inputs: Sequence[Traced]) -> list[Traced]:
        """What reaches the neurons' own inputs, when the synapses have advanced."""
        kind, step, program = self._kind, self._step, self._program
        arriving = list(inputs[: kind.direct])
        for k, synapse in enumerate(kind.synapses):
            prefix = of_synapse(k, "")
            states = self._start(prefix, synapse)
            known: dict[str, Any] = {"input": inputs[kind.direct + k], "free": 1.0, "i_inj": 0.0}
            found = self._called(prefix, synapse.advance_timestep, {**known, **states}, synapse)
            names = [s.name for s in synapse.states]
            new = dict(zip(names, map(program.number, found), strict=True))
            assert synapse.output is not None
            handed_on = self._called(prefix, synapse.output, {**known, **new}, synapse)
            port = kind.ports_of_synapses[k]
            arriving[port] = arriving[port] + handed_on
            step.states |= {prefix + n: state for n, state in states.items()}
            step.new |= {prefix + n: state for n, state in new.items()}
        return arriving

    def _with_input(
        self, states: Mapping[str, Traced], arriving: Sequence[Traced]
    ) -> dict[str, Traced]:
        """The states with what has arrived at their ports; deaf while the state is held."""
        found = dict(states)
        for port, amount in zip(self._model.ports, arriving, strict=False):
            if port.gain is not None:
                amount = amount * self._value(port.gain)
            if port.state in self._model.held and self._kind.rests:
                amount = where(self._awake, amount, 0.0)
            found[port.state] = found[port.state] + amount
        return found

    def _advanced(
        self, received: dict[str, Traced], known: Mapping[str, Any]
    ) -> tuple[dict[str, Traced], Traced | None, Traced | None]:
        """States at the end of the step, what is compared with zero, and who has spiked."""
        model, platform = self._model, self._kind.on_platform
        new, distance, crossed = received, None, None
        for k in range(self._kind.parts):
            old = new
            self._weigh(old, known)
            found = self._called("", model.advance_timestep, {**known, **old}, model)
            names = [state.name for state in model.states]
            new = dict(zip(names, map(self._program.number, found), strict=True))
            if self._kind.rests:
                for name in model.held:
                    new[name] = where(self._awake, new[name], received[name])
            if model.threshold is None:
                continue
            if platform and k > 0:
                new = {name: where(crossed, old[name], new[name]) for name in names}
            above = self._called("", model.threshold, {**known, **new}, model)
            distance = above if distance is None or platform else maximum(distance, above)
            if platform:
                crossed = self._crossed(distance)
        if distance is not None and not platform and model.jumps():
            assert model.threshold is not None
            at_once = self._called("", model.threshold, {**known, **received}, model)
            distance = maximum(distance, at_once)
        return new, distance, crossed

    def _weigh(self, states: Mapping[str, Traced], known: Mapping[str, Any]) -> None:
        """Whether a part of the step is too long for the states at its start."""
        overload = self._model.overload
        if overload is None or self._kind.on_platform:
            return
        load = self._program.number(self._called("", overload, {**known, **states}, self._model))
        if self._kind.rests:
            load = where(self._awake, load, 0.0)
        before = self._step.load
        self._step.load = load if before is None else maximum(before, load)

    def _crossed(self, distance: Traced) -> Traced:
        return self._program.line("crossed", distance, self._awake)

    def _after(
        self, new: dict[str, Traced], known: Mapping[str, Any], crossed: Traced | None
    ) -> dict[str, Traced]:
        """The states after resets."""
        model = self._model
        if crossed is None or model.reset is None or not model.reset_states:
            return new
        found = self._called("", model.reset, {**known, **new}, model)
        reset = zip(model.reset_states, found, strict=True)
        return new | {name: where(crossed, value, new[name]) for name, value in reset}
