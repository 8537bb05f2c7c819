"""What equations say, before anything is derived from them: the descriptions of cells and synapses.

A description is data: names, numbers, units, and expressions as text in the language of
`ship_engine.equations.language`.  Whoever reads models from another notation writes one of these
and calls `ship_engine.equations.neuron_model` or `synapse_model`, which check all of it (names,
dimensions, whether it is complete) and raise `InvalidEquationsError` with a message that names the
item.  Nothing needs to be checked or sorted before.

Expressions
    Numbers, names, ``+ - * / ** ( )`` (``^`` is ``**``), comparisons, ``and``, ``or``, ``not``,
    and the functions of `ship_engine.equations.language.FUNCTIONS`, such as ``exp(x)`` or
    ``where(condition, a, b)``.  A number with a unit is written ``70*mV`` or ``70 mV``, the latter
    for a single unit name only.  The values behind names carry the unit that is declared for the
    name; expressions are computed in these units, so that ``g*(v - e)`` with g in nS and v in mV
    may be assigned to something in nA: the factor 1e-3 is found and put in.  A declared name hides
    a unit of that name (a gate ``m``, a state ``V``), except right behind a number.

Units
    Text such as ``"mV"``, ``"nA"``, ``"uS/mV"``, ``"1/ms"``, ``"mV**2"``, ``"1"`` or
    ``"dimensionless"``; the weights of synapses, whose unit depends on the target, have
    ``"weight"``.

Names that have a meaning of their own
    ``i_inj``, the injected current (nA), which a cell's equations may use; ``dt``, the time step
    (ms); in synapses ``weight``, ``since_pre``, ``since_post`` (ms) and ``uniform_1`` to
    ``uniform_4``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameter:
    """A number that is given to each cell or synapse.

    `value` may be an expression of parameters before it, which is evaluated once, with their
    defaults.
    """

    name: str
    value: float | str
    unit: str = "1"
    minimum: float = float("-inf")
    exclusive: bool = False
    """Whether the minimum itself is not allowed."""
    maximum: float = float("inf")


@dataclass(frozen=True)
class State:
    """A number that is kept for each cell or synapse.

    `initial` may be an expression of parameters, evaluated once, with their defaults.  A state
    without equation stays as it is, but for what ports, reset or events do to it.
    """

    name: str
    initial: float | str = 0.0
    unit: str = "1"


@dataclass(frozen=True)
class Definition:
    """A named expression, of parameters, states and other definitions in any order."""

    name: str
    expression: str
    unit: str = "1"


@dataclass(frozen=True)
class Function:
    """A function of its arguments alone (and of constants), for use in expressions.

    Units of arguments and of the result may be empty text, which means whatever comes; the body is
    then checked anew at each call.
    """

    name: str
    arguments: tuple[str, ...]
    expression: str
    argument_units: tuple[str, ...] = ()
    unit: str = ""


@dataclass(frozen=True)
class Derivative:
    """d state/dt = expression."""

    state: str
    expression: str


@dataclass(frozen=True)
class Port:
    """A receptor: an arriving spike of weight w, in `unit`, adds w times `factor` to `state`.

    `factor` is an expression of parameters; ``factor * unit`` must have the dimension of the
    state.
    """

    name: str
    state: str
    unit: str
    factor: str = "1"


@dataclass(frozen=True)
class Assignment:
    """name = expression; several are carried out one after the other."""

    name: str
    expression: str


@dataclass(frozen=True)
class NeuronDescription:
    """A cell.

    Attributes
    ----------
    name : str
        Of the model.
    parameters, states, definitions, functions
        Everything that has a name.
    derivatives : tuple of Derivative
        The equations.
    ports : tuple of Port
        The receptors.
    threshold : str, optional
        A condition, such as ``"v >= v_thresh"``; a spike occurs when it comes to hold.
    reset : tuple of Assignment, optional
        To states, after a spike; needed where there is a threshold, ``()`` changes nothing.
    refractory_period : str, optional
        A parameter with the dimension of time.
    held : tuple of str
        States that stay constant during the refractory period; their ports are deaf meanwhile.
    after_step : tuple of Assignment
        To states, at the end of every time step, and of every part of one; such as a lower bound.
    method : str, optional
        ``"exact"``, ``"exponential"`` or ``"rk4"``; None chooses.
    documentation : str
        Put at the head of the model's docstring.
    """

    name: str
    parameters: tuple[Parameter, ...] = ()
    states: tuple[State, ...] = ()
    derivatives: tuple[Derivative, ...] = ()
    definitions: tuple[Definition, ...] = ()
    functions: tuple[Function, ...] = ()
    ports: tuple[Port, ...] = ()
    threshold: str | None = None
    reset: tuple[Assignment, ...] | None = None
    refractory_period: str | None = None
    held: tuple[str, ...] = ()
    after_step: tuple[Assignment, ...] = ()
    method: str | None = None
    documentation: str = ""


@dataclass(frozen=True)
class SynapseDescription:
    """A synapse that computes something when a spike reaches it.

    Between spikes the states follow linear equations, which are solved exactly.  In the
    assignments every state has its value at the time of the spike.

    Attributes
    ----------
    name : str
        Of the model.
    parameters, states, definitions, functions
        Everything that has a name.
    derivatives : tuple of Derivative
        The equations that states follow between spikes; linear in the states.
    on_pre, on_post : tuple of Assignment
        To states, to ``weight``, and to names that are used further down, at presynaptic and at
        postsynaptic spikes.
    transmitted : str
        What goes to the target's port at a presynaptic spike, after `on_pre`.
    documentation : str
        Put at the head of the model's docstring.
    """

    name: str
    parameters: tuple[Parameter, ...] = ()
    states: tuple[State, ...] = ()
    derivatives: tuple[Derivative, ...] = ()
    definitions: tuple[Definition, ...] = ()
    functions: tuple[Function, ...] = ()
    on_pre: tuple[Assignment, ...] = ()
    on_post: tuple[Assignment, ...] = ()
    transmitted: str = "weight"
    documentation: str = ""
