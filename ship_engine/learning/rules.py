"""Learning rules: changes of weights that follow from spikes and a target, without a gradient.

A rule is an object with a few numbers, and works with any module of `ship_engine.training`.  What
it finds is left as minus the gradient, so that any optimiser of PyTorch applies it::

    Trainer(module, readout="spike_count", rule=BPSTDP(), learning_rate=0.02)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ship_engine.errors import InvalidValueError
from ship_engine.training.connections import Connection
from ship_engine.training.modules import Activity, SpikingModule
from ship_engine.training.readouts import Readout

Change = tuple[Connection, Tensor]
"""A connection, and by how much each weight of its matrix [source, target] is to change."""

REDUCTIONS = ("mean", "sum")


@dataclass(frozen=True)
class LearningRule(ABC):
    """A function from spikes and targets to changes of weights.

    Parameters
    ----------
    reduction : {'mean', 'sum'}
        What is made of the changes that the samples of a batch ask for.
    """

    reduction: str = "mean"

    def __post_init__(self) -> None:
        if self.reduction not in REDUCTIONS:
            raise InvalidValueError(
                f"reduction = {self.reduction!r}; give one of {', '.join(map(repr, REDUCTIONS))}."
            )

    @abstractmethod
    def groups(self, wiring: Wiring, readout: Readout) -> Iterable[Any]:
        """The groups of which the rule needs the spikes.

        Raises
        ------
        InvalidValueError
            If it cannot train such a network.
        """

    @abstractmethod
    def changes(
        self, wiring: Wiring, activity: Activity, course: Tensor, targets: Tensor
    ) -> Iterable[Change]:
        """By how much weights are to change, summed over the batch.

        Parameters
        ----------
        wiring : Wiring
            Which weights connect which groups.
        activity : Activity
            What the network did: spikes [batch, time, component].
        course : Tensor [batch, time, component]
            What the trainer reads out of the output.
        targets : Tensor
            Of each sample.
        """


class Wiring:
    """Which weights of a module connect which groups.

    Parameters
    ----------
    module : SpikingModule
        What is trained.

    Attributes
    ----------
    module : SpikingModule
        The same.
    output : hashable
        The group that is read out.

    Raises
    ------
    InvalidValueError
        If something is trained that is no weight.
    """

    def __init__(self, module: SpikingModule) -> None:
        self.module, self.output = module, module.output
        self._connections = module.connections()
        weights = {one.name for one in self._connections}
        for name in module.values():
            if name not in weights:
                raise InvalidValueError(
                    f"'{name}' is no weight, and learning rules train weights only; leave it out."
                )

    def into(self, group: Any) -> list[Connection]:
        """The connections that lead to a group."""
        return [one for one in self._connections if one.target == group]

    def trained(self) -> list[Connection]:
        """The connections that are trained."""
        return [one for one in self._connections if one.name is not None]

    def matrix(self, connection: Connection) -> Tensor:
        """The weights [source, target] as they are now."""
        return connection.matrix(self.module.values())

    def backwards(self) -> list[Any]:
        """The groups through which errors go, from the output to the earliest that is trained.

        Raises
        ------
        InvalidValueError
            If a weight is trained that does not lead to the output, or there is a loop.
        """
        before = self._reached({self.output}, forward=False)
        for one in self.trained():
            if one.target not in before:
                raise InvalidValueError(
                    f"'{one.name}' does not lead to '{self.module.called(self.output)}', so that "
                    "nothing tells how to change it; train what leads there."
                )
        behind = self._reached({one.target for one in self.trained()}, forward=True)
        left, order = before & behind, [self.output]
        left.discard(self.output)
        if any(one.source == self.output and one.target in before for one in self._connections):
            left.add(self.output)  # so that what follows finds the loop
        while left:
            ready = [group for group in left if not self._followers(group) & left]
            if not ready:
                told = ", ".join(sorted(f"'{self.module.called(group)}'" for group in left))
                raise InvalidValueError(
                    f"There is a loop among {told}, through which errors would go round; train "
                    "what comes after it, or leave connections out."
                )
            order += sorted(ready, key=self.module.called)
            left -= set(ready)
        return order

    def _followers(self, group: Any) -> set[Any]:
        return {one.target for one in self._connections if one.source == group}

    def _reached(self, start: set[Any], forward: bool) -> set[Any]:
        """The groups that can be reached along connections, or against them."""
        found, new = set(start), set(start)
        while new:
            ends = [(one.source, one.target) for one in self._connections]
            pairs = ends if forward else [(target, source) for source, target in ends]
            new = {there for here, there in pairs if here in new} - found
            found |= new
        return found

    def only_output_is_trained(self, rule: str) -> None:
        """Refuse trained weights elsewhere.

        Raises
        ------
        InvalidValueError
            If there are any.
        """
        for one in self.trained():
            if one.target != self.output:
                raise InvalidValueError(
                    f"'{one.name}' leads to '{self.module.called(one.target)}'; {rule} has an "
                    f"error for '{self.module.called(self.output)}' alone, which is read out, and "
                    "trains what leads there."
                )


class Learner:
    """A rule at work in a module.

    Parameters
    ----------
    rule : LearningRule
        What is learned by.
    module : SpikingModule
        What is trained; from now on its activity has the spikes that the rule needs.
    readout : Readout
        What is read out.

    Raises
    ------
    InvalidValueError
        If the rule cannot train it.
    """

    def __init__(self, rule: LearningRule, module: SpikingModule, readout: Readout) -> None:
        self.rule, self.module = rule, module
        self.wiring = Wiring(module)
        module.watch(list(rule.groups(self.wiring, readout)))

    def learn(self, activity: Activity, course: Tensor, targets: Tensor) -> None:
        """Leave minus the changes of what is trained as its gradient."""
        with torch.no_grad():
            gradients = {name: torch.zeros_like(v) for name, v in self.module.values().items()}
            share = -1.0 / (len(course) if self.rule.reduction == "mean" else 1)
            for one, change in self.rule.changes(self.wiring, activity, course, targets):
                assert one.name is not None
                gradients[one.name] += share * one.gathered(change)
        self.module.set_gradients(gradients)


def learner_of(
    rule: LearningRule | None, module: SpikingModule, readout: Readout, regularisers: Sequence[Any]
) -> Learner | None:
    """What a trainer learns by; None if it is the gradient of the loss.

    Raises
    ------
    InvalidValueError
        If the rule cannot train the module, or there are regularisers, which it would not heed.
    """
    if rule is None:
        return None
    if regularisers:
        raise InvalidValueError(
            "Regularisers act by their gradient, which a learning rule does without; leave them "
            "out, or let the optimiser decay weights (weight_decay=...)."
        )
    return Learner(rule, module, readout)


@dataclass(frozen=True)
class Course(Readout):
    """The whole course of a state, by default of the membrane potential, as it is.

    Scores are [batch, time, component], and so are the targets that a loss compares with them.
    """

    state: str | None = None

    def __call__(self, course: Tensor, mask: Tensor | None = None) -> Tensor:
        return course if mask is None else course * mask[..., None].to(course.dtype)


@dataclass(frozen=True)
class SpikeTrains(Course):
    """The whole course of spikes, as it is; see `Course`."""

    of_spikes = True


def course_of(targets: Tensor, like: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Targets that are given for each time, as long as the activity, and which of them count.

    Parameters
    ----------
    targets : Tensor [batch, time, component]
        Perhaps longer than the activity, which ends with the longest sample of a batch.
    like : Tensor [batch, time, component]
        The activity.
    mask : bool Tensor [batch, time] or None
        Which times belong to each sample.

    Returns
    -------
    Tensor [batch, time, component], Tensor [batch, time, 1]
        The targets, and 1 where they count.

    Raises
    ------
    InvalidValueError
        If there are not as many components, or fewer times.
    """
    steps = like.shape[1]
    fits = targets.ndim == 3 and targets.shape[::2] == like.shape[::2] and targets.shape[1] >= steps
    if not fits:
        raise InvalidValueError(
            f"Targets of shape {tuple(targets.shape)} for an output of shape {tuple(like.shape)}; "
            "give one for each time step and component, [sample, time, component]."
        )
    counts = like.new_ones(1, steps, 1) if mask is None else mask[..., None].to(like.dtype)
    return targets[:, :steps].to(like.dtype), counts


def filtered(course: Tensor, decay: float) -> Tensor:
    """x(t) = decay x(t - 1) + course(t), along the second axis."""
    found, now = torch.empty_like(course), torch.zeros_like(course[:, 0])
    for step in range(course.shape[1]):
        now = decay * now + course[:, step]
        found[:, step] = now
    return found


def delayed(course: Tensor, steps: int) -> Tensor:
    """What arrives of a course [batch, time, component] after so many steps; zero at first."""
    if not steps:
        return course
    count = course.shape[1]
    return torch.nn.functional.pad(course, (0, 0, steps, 0))[:, :count]


def correlated(spikes: Tensor, error: Tensor) -> Tensor:
    """The sum over batch and time of products: [source, target]."""
    return spikes.flatten(0, 1).T @ error.flatten(0, 1)


def summed_by_traces(
    connections: Iterable[Connection], activity: Activity, error: Tensor, decay: float
) -> Iterator[Change]:
    """Of each connection sum_t x(t) error(t), where x is the filtered train that arrives.

    The sums over time are exchanged: the errors of a few components are filtered backwards in time
    in place of the trains of many.
    """
    ahead = filtered(error.flip(1), decay).flip(1)
    for one in connections:
        yield one, correlated(delayed(activity.spikes_of(one.source), one.delay), ahead)


def positive(name: str, value: float) -> None:
    """Refuse a number that is not greater than zero.

    Raises
    ------
    InvalidValueError
        If it is not.
    """
    if not 0.0 < value < float("inf"):
        raise InvalidValueError(f"{name} = {value!r}; it must be > 0.")


def whole(name: str, value: Any) -> None:
    """Refuse what is no whole number of steps.

    Raises
    ------
    InvalidValueError
        If it is not.
    """
    if type(value) is not int or value < 1:
        raise InvalidValueError(f"{name} = {value!r}; give a whole number of time steps >= 1.")
