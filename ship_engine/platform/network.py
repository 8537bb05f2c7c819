"""Networks of groups, as the SHIP paper describes them (Gemo, Spiga & Brivio 2024, section 4.1).

A network is built group by group, made ready by `Network.init`, and run as often as one likes, for
many samples or settings side by side.  Everything that goes in and comes out is a tensor
[batch, time, component].
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.models.base import Model, Source
from ship_engine.platform.groups import GroupDescription, described, known_group
from ship_engine.platform.inputs import checked_inputs, fitting, length_of
from ship_engine.platform.models.sources import Poisson
from ship_engine.platform.monitors import Monitors, Record
from ship_engine.platform.plan import Block, Member, arrivals_of, make_blocks, make_members
from ship_engine.platform.random_spikes import RandomSpikes
from ship_engine.platform.results import Results
from ship_engine.platform.runners import Runner, check_finite, make_runner, window_length

if TYPE_CHECKING:
    from ship_engine.training.surrogates import Surrogate

DTYPES = (torch.float32, torch.float64)


class Network:
    """Groups of neurons, synapses and inputs, and their simulation.

    Parameters
    ----------
    executor : {'numba', 'torch'}
        What runs it: compiled code on the CPU, or tensor operations, which are differentiable and
        run on any device.
    dtype : torch.dtype
        float32 or float64.
    device : str or torch.device
        Where tensors live; the executor 'numba' needs the CPU.
    seed : int
        Of all random numbers that the network itself draws.
    surrogate : Surrogate, optional
        Derivative of a spike with the executor 'torch'; by default `SuperSpike()`.

    Attributes
    ----------
    groups : dict of str to GroupDescription
        What was said about each group.

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
        if dtype not in DTYPES:
            raise InvalidValueError(f"dtype = {dtype}; give torch.float32 or torch.float64.")
        self._like = _empty_tensor(dtype, device)
        self._runner: Runner = make_runner(executor, self._like, surrogate)
        self.executor, self.dtype, self.device = executor, dtype, self._like.device
        self.seed = int(seed)
        self.groups: dict[str, GroupDescription] = {}
        self._monitors = Monitors()
        self._settings: _Settings | None = None
        self._members: dict[str, Member] | None = None
        self._blocks: list[Block] = []
        self._random: dict[Member, RandomSpikes] = {}
        self._runs, self._inits, self._batch_size = 0, 0, 1
        self._going_on = False
        self._lengths = np.zeros(0)

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
        if id in self.groups:
            raise InvalidValueError(
                f"There is a group '{id}' already ({self.groups[id].model.name}); give another id, "
                "change it by set_params, or remove it first."
            )
        self.groups[id] = described(model, id, arguments)
        self._members = None

    def set_params(self, id: str, **arguments: Any) -> None:
        """Change arguments of a group; the next run takes them over.

        Raises
        ------
        UnknownNameError
            If there is no such group, or it has no argument of that name.
        InvalidValueError
            If a value is not usable.
        """
        known_group(self.groups, id).set(arguments)
        self._members = None

    def remove(self, id: str) -> None:
        """Remove a group.

        Raises
        ------
        UnknownNameError
            If there is none of that id.
        InvalidValueError
            If synapses still connect it; remove those first.
        """
        known_group(self.groups, id)
        users = [g.id for g in self.groups.values() if id in (g.source, g.target)]
        if users:
            raise InvalidValueError(
                f"'{id}' is connected by {', '.join(map(repr, users))}; remove that first."
            )
        del self.groups[id]
        self._monitors.forget(id)
        self._members = None

    def init(
        self,
        dt: float,
        nts: int | None = None,
        time: float | None = None,
        batch_size: int | None = None,
    ) -> None:
        """Draw all arguments and make the network ready to run.

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
        InvalidValueError
            If a number, a tensor's shape or a parameter cannot be used, or both `nts` and `time`
            are given.
        UnknownNameError
            If synapses connect groups that do not exist.
        """
        self._settings = _Settings.checked(dt, nts, time, batch_size)
        self._inits += 1
        self._prepare(self._settings.batch_size or 1)

    def _prepare(self, batch_size: int) -> None:
        """Draw the arguments for a batch, and order the groups."""
        if not self.groups:
            raise InvalidValueError("The network has no groups; add some first.")
        seeds = np.random.SeedSequence((self.seed & 0xFFFFFFFFFFFFFFFF, self._inits))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(seeds.generate_state(1)[0]))
            generator = np.random.default_rng(seeds)
            members = make_members(self.groups, batch_size, self._like, generator)
        self._blocks = make_blocks(members, self.groups)
        self._members, self._batch_size, self._going_on = members, batch_size, False

    def _prepared(self) -> dict[str, Member]:
        """All groups with their tensors."""
        settings = self._ready()
        if self._members is None:
            self._prepare(settings.batch_size or 1)
        assert self._members is not None
        return self._members

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

        Returns
        -------
        Tensor or Results
            As `run` does.

        Raises
        ------
        InvalidValueError
            As `run` does, or if a step is not > 0 ms.
        """
        self._ready()
        pieces = [_Settings.checked(dt, count) for dt, count in params]
        lengths = np.concatenate([np.full(p.nts or 0, p.dt) for p in pieces] or [np.zeros(0)])
        given = checked_inputs(self.groups, inputs, self._like)
        return self._run(lengths, given, resume)

    def _ready(self) -> _Settings:
        if self._settings is None:
            raise InvalidValueError(
                "The network is not ready; call net.init(dt=..., nts=..., batch_size=...) first."
            )
        return self._settings

    def _run(self, lengths: NDArray[np.float64], given: Mapping[str, Tensor], resume: bool) -> Any:
        if lengths.size == 0:
            raise InvalidValueError("A run of 0 time steps; it must last for 1 or more.")
        tensors = fitting(self.groups, given, lengths.size)
        batch_size = self._batch_size_of(tensors)
        if resume and not (self._going_on and self._members and batch_size == self._batch_size):
            raise InvalidValueError(
                "There is no run to resume with this network, these monitors and this batch size; "
                "run it without resume."
            )
        if self._members is None or batch_size != self._batch_size:
            self._prepare(batch_size)
        members = self._prepared()
        outputs = self.output_ids()
        record, named = self._monitors.recording(members, outputs)
        if not resume:
            self._runner.start(self._blocks, batch_size, record)
            self._start_random(members, batch_size)
        self._going_on = False
        self._windows(lengths, {members[id]: one for id, one in tensors.items()}, record)
        check_finite(self._runner, float(lengths.sum()))
        self._lengths, self._going_on = lengths, True
        self._monitors.keep(named)
        found = Results({id: named[id, "output"].result() for id in outputs})
        return found[outputs[0]] if len(outputs) == 1 else found

    def _batch_size_of(self, tensors: Mapping[str, Tensor]) -> int:
        """The batch size of a run with these inputs."""
        sizes = {id: len(tensor) for id, tensor in tensors.items() if len(tensor) != 1}
        batch_size = self._ready().batch_size or next(iter(sizes.values()), 1)
        for id, size in sizes.items():
            if size != batch_size:
                raise InvalidValueError(
                    f"The input of '{id}' holds {size} samples, but the batch size is "
                    f"{batch_size}; give {batch_size}, or one for all, or init with "
                    f"batch_size={size}."
                )
        return batch_size

    def _start_random(self, members: Mapping[str, Member], batch_size: int) -> None:
        """New random spikes, other ones in every run."""
        self._random = {}
        for stream, member in enumerate(members.values()):
            if member.model is Poisson:
                rate = member.values["rate"].detach().cpu().double().numpy()
                shape = batch_size, member.width
                self._random[member] = RandomSpikes(self.seed, stream, self._runs, rate, shape)
        self._runs += 1

    def _windows(
        self, lengths: NDArray[np.float64], inputs: Mapping[Member, Tensor], record: Record
    ) -> None:
        """Go through the time in windows, so that what is kept for them stays small."""
        arrivals = arrivals_of(self._blocks, lengths)
        window = window_length(arrivals, self._batch_size, lengths.size, self._like)
        for first in range(0, lengths.size, window):
            part = slice(first, min(first + window, lengths.size))
            given = {member: tensor[:, part] for member, tensor in inputs.items()}
            for member, spikes in self._random.items():
                drawn = torch.from_numpy(spikes.next(lengths[part]))
                given[member] = drawn.to(self._like.device, self._like.dtype)
            here = {member: one.part(part) for member, one in arrivals.items()}
            self._runner.advance(lengths[part], here, given, record)

    def output_ids(self) -> list[str]:
        """Groups of which `run` returns what they hand on."""
        chosen = [group.id for group in self.groups.values() if group.is_output]
        if chosen:
            return chosen
        followed = {group.source for group in self.groups.values()}
        neurons = [g.id for g in self.groups.values() if not g.is_synapse]
        return [id for id in neurons if id not in followed] or neurons[-1:]

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
        UnknownNameError
            If there is no such group, or it has no such state.
        InvalidValueError
            If no name is given.
        """
        self._monitors.add(known_group(self.groups, id), names)
        self._going_on = False

    def get_monitored_results(self) -> Results:
        """What the monitors kept in the last run, by group and name.

        Tensors are [batch, time, component], those of the states of synapses [batch, time, source,
        target]; counts and currents that are added up are [batch].
        """
        return self._monitors.results

    def __getitem__(self, id: str) -> Results:
        """The values of a group's arguments: parameters, initial states, and ``w``.

        Raises
        ------
        UnknownNameError
            If there is no such group.
        InvalidValueError
            If the network is not ready.
        """
        known_group(self.groups, id)
        member = self._prepared()[id]
        weights = {} if member.weight is None else {"w": member.weight, "w_scale": member.scale}
        return Results({**member.values, **member.initial, **weights})

    def stack(self) -> list[str]:
        """The ids of all groups in the order in which a step advances them.

        Raises
        ------
        InvalidValueError
            If the network is not ready.
        """
        self._prepared()
        return [member.id for block in self._blocks for member in block.members]


@dataclass(frozen=True)
class _Settings:
    """What `Network.init` was told."""

    dt: float
    nts: int | None
    batch_size: int | None

    @staticmethod
    def checked(dt: Any, nts: Any = None, time: Any = None, batch_size: Any = None) -> _Settings:
        """The same with a number of time steps."""
        if not isinstance(dt, Real) or not 0.0 < float(dt) < math.inf:
            raise InvalidValueError(f"dt = {dt!r} ms; give a number > 0, such as 1.0.")
        if nts is not None and time is not None:
            raise InvalidValueError(f"nts = {nts} and time = {time} ms; give one of them.")
        if time is not None:
            if not isinstance(time, Real) or not 0.0 < float(time) < math.inf:
                raise InvalidValueError(f"time = {time!r} ms; give a number > 0.")
            nts = round(float(time) / float(dt))
        for name, value in {"nts": nts, "batch_size": batch_size}.items():
            whole = isinstance(value, Integral) and not isinstance(value, bool)
            if value is not None and not (whole and value >= 1):
                raise InvalidValueError(f"{name} = {value!r}; give a whole number >= 1.")
        return _Settings(
            float(dt),
            None if nts is None else int(nts),
            None if batch_size is None else int(batch_size),
        )


def _empty_tensor(dtype: torch.dtype, device: str | torch.device) -> Tensor:
    try:
        return torch.zeros(0, dtype=dtype, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InvalidValueError(
            f"device = {str(device)!r} cannot be used here ({error}); 'cpu' always can."
        ) from error
