"""Networks of groups, as the SHIP paper describes them (Gemo, Spiga & Brivio 2024, section 4.1).

A network is built group by group, made ready by `Network.init`, and run as often as one likes, for
many samples or settings side by side.  Everything that goes in and comes out is a tensor
[batch, time, component].
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.models.base import Model, Source
from ship_engine.platform.groups import GroupDescription, described, known_group, output_ids
from ship_engine.platform.inputs import batch_size_of, checked_inputs, fitting, length_of
from ship_engine.platform.monitors import Monitors
from ship_engine.platform.results import Arguments, Results
from ship_engine.platform.runners import Runner, make_runner
from ship_engine.platform.settings import Settings, checked_seed, empty_tensor, step_pairs
from ship_engine.platform.simulation import Simulation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ship_engine.training.surrogates import Surrogate


class Network:
    """Groups of neurons, synapses and inputs, and their simulation.

    Parameters
    ----------
    executor : {'numba', 'torch', 'fused'}
        What runs it; the last two have gradients.
    dtype : torch.dtype
        float32 or float64.
    device : str or torch.device
        Where tensors live; all but the executor 'torch' need the CPU.
    seed : int
        Of all random numbers that the network itself draws.
    surrogate : Surrogate, optional
        Derivative of a spike, or its name; by default `SuperSpike()`.  Not for 'numba'.

    Attributes
    ----------
    groups : dict of str to GroupDescription
        What was said about each group.
    runs : int
        How many there were.

    Examples
    --------
    >>> from ship_engine import LIF, Input, LeakySynapse, Network
    >>> net = Network()
    >>> net.add(Input, "I", N=3)
    >>> net.add(LIF, "N", N=2, tau_beta=20.0)
    >>> net.add(LeakySynapse, "S", source="I", target="N", w=0.05)
    >>> net.init(dt=1.0, time=50.0, batch_size=4)
    >>> spikes = net.run(torch.ones(4, 50, 3))
    >>> spikes.shape
    torch.Size([4, 50, 2])
    """

    def __init__(
        self,
        executor: str = "numba",
        dtype: torch.dtype = torch.float32,
        device: str | torch.device = "cpu",
        seed: int = 0,
        surrogate: Surrogate | None = None,
    ) -> None:
        self._like = empty_tensor(dtype, device)
        self._runner: Runner = make_runner(executor, self._like, surrogate)
        self.executor, self.dtype, self.device = executor, dtype, self._like.device
        self.seed = checked_seed(seed)
        self.groups: dict[str, GroupDescription] = {}
        self._monitors = Monitors()
        self.settings: Settings | None = None
        self._simulation: Simulation | None = None
        self.runs, self._inits = 0, 0
        self._lengths = np.zeros(0)

    def __repr__(self) -> str:
        return f"<Network: {', '.join(map(str, self.groups.values())) or 'no groups'}>"

    def add(self, model: type[Model] | type[Source], id: str, **arguments: Any) -> None:
        """Add a group.

        Parameters
        ----------
        model : type
            What each component computes: a model, or `Input`, `ListInput` or `Poisson`.
        id : str
            The group's name.
        **arguments
            ``N`` of neurons and inputs; ``source`` and ``target`` of synapses, and the ``port`` of
            the target if it has several; ``is_output=True`` if `run` shall return what the group
            hands on; parameters, initial states, and the weights ``w`` and ``w_scale`` of
            synapses, each a number, a tensor, a distribution, or a function of the batch size and
            the number of components (see `ship_engine.platform.arguments`).

        Raises
        ------
        InvalidValueError
            If there is a group of that id, something is missing, or a value is not usable.
        UnknownNameError
            If the model has no argument of that name.
        """
        group = described(model, id, arguments)
        if id in self.groups:
            raise InvalidValueError(
                f"There is a group '{id}' already ({self.groups[id].model.name}); give another id, "
                "change it by set_params, or remove it first."
            )
        self.groups[id] = group
        self._simulation = None

    def set_params(self, id: str, **arguments: Any) -> None:
        """Change arguments of a group; the next run takes them over.

        Raises
        ------
        UnknownNameError, InvalidValueError
            If there is no such group, or it has no argument of that name, or a value is not usable.
        """
        known_group(self.groups, id).set(arguments)
        self._simulation = None

    def remove(self, id: str) -> None:
        """Remove a group.

        Raises
        ------
        UnknownNameError, InvalidValueError
            If there is none of that id, or synapses still connect it; remove those first.
        """
        known_group(self.groups, id)
        users = [g.id for g in self.groups.values() if id in (g.source, g.target)]
        if users:
            raise InvalidValueError(
                f"'{id}' is connected by {', '.join(map(repr, users))}; remove that first."
            )
        del self.groups[id]
        self._monitors.forget(id)
        self._simulation = None

    def init(
        self,
        dt: float | None = None,
        nts: int | None = None,
        time: float | None = None,
        batch_size: int | None = None,
    ) -> None:
        """Draw all arguments and make the network ready to run.

        Without any argument, everything is drawn anew and the settings stay as they were.

        Parameters
        ----------
        dt : float
            Time step in ms.
        nts : int, optional
            Number of time steps.
        time : float, optional
            Duration in ms, in place of `nts`.  If neither is given, runs last as long as their
            inputs.
        batch_size : int, optional
            Simulations side by side; by default one, or as many as the inputs have.

        Raises
        ------
        InvalidValueError, UnknownNameError
            If a number, a tensor's shape or a parameter cannot be used, both `nts` and `time` are
            given, or synapses connect groups that do not exist.
        """
        if self.settings is None or (dt, nts, time, batch_size) != (None,) * 4:
            self.settings = Settings.checked(dt, nts, time, batch_size)
        self._inits += 1
        self._prepare(self.settings.batch_size or 1)

    def _prepare(self, batch_size: int) -> Simulation:
        """Draw the arguments for a batch, and order the groups."""
        seed = self.seed, self._inits
        with torch.enable_grad():  # what is made ready now may be run with gradients later
            ready = Simulation(self.groups, batch_size, self._like, self._runner, seed)
        self._simulation = ready
        return ready

    def _prepared(self) -> Simulation:
        """The groups with their tensors."""
        settings = self._ready()
        return self._simulation or self._prepare(settings.batch_size or 1)

    def run(self, *inputs: Any, resume: bool = False) -> Any:
        """Simulate all time steps, from the initial states.

        Parameters
        ----------
        *inputs : tensor [batch or 1, time, component], or list of tensors [time, component]
            One for each group of `Input` or `ListInput`, in the order in which they were added;
            or one mapping of their ids.
        resume : bool
            Whether to go on from where the last run ended instead.

        Returns
        -------
        Tensor [batch, time, component] or Results
            What the output group hands on; by id, if there are several.  Output groups are those
            added with ``is_output=True``, or else those that nothing follows.

        Raises
        ------
        InvalidValueError
            If the network is not ready, or an input is missing or of another shape or length.
        NonFiniteStateError
            If a state becomes NaN or infinite.
        """
        settings = self._ready()
        given = checked_inputs(self.groups, inputs, self._like)
        steps = settings.nts if settings.nts is not None else length_of(given)
        return self._run(np.full(steps, settings.dt), given, resume)

    def run_multisteps(
        self, params: Sequence[tuple[float, int]], *inputs: Any, resume: bool = False
    ) -> Any:
        """Simulate with time steps that change.

        Parameters
        ----------
        params : sequence of (dt, steps)
            The length of the time steps in ms, and how many of them, one after the other.
        *inputs, resume
            As in `run`; inputs have as many steps as all of these together.
        """
        self._ready()
        pieces = [Settings.checked(*pair) for pair in step_pairs(params)]
        lengths = np.concatenate([np.full(p.nts or 0, p.dt) for p in pieces] or [np.zeros(0)])
        given = checked_inputs(self.groups, inputs, self._like)
        return self._run(lengths, given, resume)

    def _ready(self) -> Settings:
        if self.settings is None:
            raise InvalidValueError(
                "The network is not ready; call net.init(dt=..., nts=..., batch_size=...) first."
            )
        return self.settings

    def _run(self, lengths: NDArray[np.float64], given: Mapping[str, Tensor], resume: bool) -> Any:
        if lengths.size == 0:
            raise InvalidValueError("A run of 0 time steps; it must last for 1 or more.")
        tensors = fitting(self.groups, given, lengths.size)
        batch_size = batch_size_of(tensors, self._ready().batch_size)
        ready = self._simulation
        if ready is not None and ready.batch_size != batch_size:
            ready = None
        if resume and not (ready and ready.can_resume):
            raise InvalidValueError(
                "There is no run to resume with this network, these monitors and this batch size; "
                "run it without resume."
            )
        ready = ready or self._prepare(batch_size)
        outputs = output_ids(self.groups)
        found = ready.run(lengths, tensors, self._monitors, outputs, None if resume else self.runs)
        self._lengths, self.runs = lengths, self.runs + (not resume)
        return found[outputs[0]] if len(outputs) == 1 else found

    def timeline(self) -> Tensor:
        """The beginning of each time step of the last run, in ms."""
        ends = np.cumsum(self._lengths)
        return torch.as_tensor(ends - self._lengths, dtype=self.dtype, device=self.device)

    def set_monitor(self, id: str, *names: str) -> None:
        """Keep what a group does in every step of the coming runs.

        Parameters
        ----------
        id : str
            Of the group.
        *names : str
            States; ``output``, what it hands on; ``input``, what it receives; ``spike_count``, the
            spikes of each sample; ``integrated_current`` of synapses, the absolute values of what
            they hand on, added up over the sample.

        Raises
        ------
        UnknownNameError, InvalidValueError
            If there is no such group, or it has no such state, or no name is given.
        """
        self._monitors.add(known_group(self.groups, id), names)
        if self._simulation is not None:
            self._simulation.can_resume = False

    def get_monitored_results(self) -> Results:
        """What the monitors kept in the last run, by group and name.

        Tensors are [batch, time, component], those of the states of synapses [batch, time, source,
        target]; counts and currents that are added up are [batch].
        """
        return self._monitors.results

    def __getitem__(self, id: str) -> Arguments:
        """Copies of the values of a group's arguments: parameters, initial states, and ``w``.

        Where devices keep the weights, ``w`` is what is found there, and acts, and ``w_wanted``
        what was written.

        Raises
        ------
        UnknownNameError, InvalidValueError
            If there is no such group, or the network is not ready.
        """
        known_group(self.groups, id)
        member = self._prepared().members[id]
        weights = {} if member.weight is None else {"w": member.weight, "w_scale": member.scale}
        found = {**member.values, **member.initial, **weights, "w_wanted": member.wanted}
        return Arguments({n: v.detach().clone() for n, v in found.items() if v is not None})

    def stack(self) -> list[str]:
        """The ids of all groups, of a network that is ready, in the order in which they advance."""
        return [member.id for block in self._prepared().blocks for member in block.members]

    def draw(self, axes: Axes | None = None) -> Figure:
        """Draw the groups, the order of the stack, and the delays.

        Parameters
        ----------
        axes : matplotlib Axes, optional
            Where to draw; by default in a new figure.

        Raises
        ------
        InvalidValueError
            If the network is not ready.
        NotInstalledError
            If matplotlib is not installed.
        """
        from ship_engine.platform.drawn import drawn_edges, drawn_groups
        from ship_engine.plotting.drawing import draw

        edges = drawn_edges(self._prepared().members, self._ready().dt)
        return draw(drawn_groups(self.groups), edges, self.stack(), axes)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a file: what was said about its groups, and their numbers.

        What was drawn at random is kept as it was drawn.  States are not; a network that is loaded
        starts from the initial ones.

        Parameters
        ----------
        path : str or path
            Where to; see `ship_engine.platform.files`.

        Raises
        ------
        InvalidValueError
            If the network is not ready, or weights are kept in devices.
        FileFormatError, OSError
            If the file could not describe it, or cannot be written.
        """
        from ship_engine.platform.saving import save

        save(path, self, self._ready(), self._prepared().members, self._monitors.names())

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        models: Mapping[str, type] | None = None,
        **options: Any,
    ) -> Network:
        """Read a network that `save` wrote, and make it ready to run.

        Parameters
        ----------
        path : str or path
            Of the file.
        models : mapping of str to type, optional
            The network's models that are not the platform's own, by name.
        **options
            Of the new network in place of those in the file, such as ``executor='torch'``.

        Raises
        ------
        FileFormatError, OSError
            If the file is no network, or damaged, or cannot be read.
        UnknownNameError, InvalidValueError
            If a model is not known, or what the file says makes no network.
        """
        from ship_engine.platform.saving import load

        return load(path, cls, models or {}, options)
