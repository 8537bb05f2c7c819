"""A network made ready for a batch of simulations, and its runs."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ship_engine.devices.arrays import generator_of
from ship_engine.errors import InvalidValueError
from ship_engine.platform.groups import GroupDescription
from ship_engine.platform.models.sources import Poisson
from ship_engine.platform.monitors import Monitors, Record
from ship_engine.platform.plan import Member, arrivals_of, make_blocks, make_members
from ship_engine.platform.random_spikes import RandomSpikes
from ship_engine.platform.results import Results
from ship_engine.platform.runners import Runner, check_finite, window_length

_DRAWING = threading.Lock()
"""Held while torch's own generator, of which there is one, draws for a network."""


class Simulation:
    """Groups with their tensors, and whatever runs them.

    Parameters
    ----------
    groups : mapping of str to GroupDescription
        What was said about them.
    batch_size : int
        Simulations side by side.
    like : Tensor
        Says the device and the type of numbers.
    runner : Runner
        What runs them.
    seed : (int, int)
        The seed of the network, and how often it was made ready.

    Attributes
    ----------
    members : dict of str to Member
        All groups.
    blocks : list of Block
        The same in the order of the stack.
    can_resume : bool
        Whether a run has ended, from where the next one can go on.

    Raises
    ------
    UnknownNameError
        If synapses connect a group that does not exist.
    InvalidValueError
        If there are no groups, or an argument cannot be used.
    """

    def __init__(
        self,
        groups: Mapping[str, GroupDescription],
        batch_size: int,
        like: Tensor,
        runner: Runner,
        seed: tuple[int, int],
    ) -> None:
        if not groups:
            raise InvalidValueError("The network has no groups; add some first.")
        self.batch_size, self._like, self._runner, self._seed = batch_size, like, runner, seed[0]
        generators = partial(generator_of, seed[0], turn=seed[1])
        with _DRAWING, torch.random.fork_rng(devices=[]):
            self.members = make_members(groups, batch_size, like, partial(_sow, seed), generators)
        self.blocks = make_blocks(self.members, groups)
        self.can_resume = False
        self._random: dict[Member, RandomSpikes] = {}

    def run(
        self,
        lengths: NDArray[np.float64],
        inputs: Mapping[str, Tensor],
        monitors: Monitors,
        outputs: Sequence[str],
        number: int | None,
    ) -> Results:
        """Go through time steps.

        Parameters
        ----------
        lengths : float64 array
            Of the steps, in ms.
        inputs : mapping of str to Tensor [batch or 1, steps, components]
            By the id of the group that they are for.
        monitors : Monitors
            What is kept besides.
        outputs : sequence of str
            Ids of the groups of which what they hand on is given back.
        number : int or None
            Of the run, which begins with the initial states and has random spikes of its own; None
            to go on from where the last one ended.

        Returns
        -------
        Results
            What the output groups hand on.

        Raises
        ------
        NonFiniteStateError
            If a state becomes NaN or infinite.
        """
        record, named = monitors.recording(self.members, outputs)
        if number is not None:
            self._start(record, number)
        self.can_resume = False
        self._advance(lengths, inputs, record)
        check_finite(self._runner, float(lengths.sum()))
        self.can_resume = True
        monitors.keep(named)
        return Results({id: named[id, "output"].result() for id in outputs})

    def _start(self, record: Record, number: int) -> None:
        """Go to the initial states; random spikes are those of the run of that number."""
        self._runner.start(self.blocks, self.batch_size, record)
        self._random = {}
        for member in self.members.values():
            if member.model is Poisson:
                rate = member.values["rate"].detach().cpu().double().numpy()
                shape = self.batch_size, member.width
                stream = zlib.crc32(member.id.encode())
                self._random[member] = RandomSpikes(self._seed, stream, number, rate, shape)

    def _advance(
        self, lengths: NDArray[np.float64], inputs: Mapping[str, Tensor], record: Record
    ) -> None:
        """Go through time steps in windows, so that what is kept for them stays small."""
        arrivals = arrivals_of(self.blocks, lengths)
        window = lengths.size
        if not self._runner.whole_runs:
            window = window_length(arrivals, self.batch_size, lengths.size, self._like, record)
        for first in range(0, lengths.size, window):
            part = slice(first, min(first + window, lengths.size))
            given = {self.members[id]: tensor[:, part] for id, tensor in inputs.items()}
            for member, spikes in self._random.items():
                drawn = torch.from_numpy(spikes.next(lengths[part]))
                given[member] = drawn.to(self._like.device, self._like.dtype)
            here = {member: one.part(part) for member, one in arrivals.items()}
            self._runner.advance(lengths[part], here, given, record)


def _sow(seed: tuple[int, int], id: str) -> None:
    """Let torch draw the random numbers of a group, which are its own whatever else there is."""
    words = (*(word & 0xFFFFFFFFFFFFFFFF for word in seed), zlib.crc32(id.encode()))
    # On the CPU only: `torch.manual_seed` would change what others draw on GPUs, and is slow.
    number = np.random.SeedSequence(words).generate_state(1, np.uint64)[0]
    torch.default_generator.manual_seed(int(number))
