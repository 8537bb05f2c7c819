"""The trainer: it fits what is trained of a network to samples, and tells how well it did.

`fit` reads from top to bottom: for each epoch all batches are gone through; for each batch the
network's activity is computed and read out, the loss and its gradient follow, and the optimiser
moves the free numbers.  In the end the values are in the network.
"""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ship_engine.data.batches import Batch, Batches
from ship_engine.errors import InvalidValueError, NonFiniteLossError
from ship_engine.learning.rules import LearningRule, learner_of
from ship_engine.training.arguments import check_fit, check_parts
from ship_engine.training.checkpoints import read_checkpoint, set_random, write_checkpoint
from ship_engine.training.course_losses import CourseLoss
from ship_engine.training.history import Evaluation, History, confusion_matrix
from ship_engine.training.inputs import joined
from ship_engine.training.losses import are_classes, as_targets, check_targets, loss_of
from ship_engine.training.modules import Activity, SpikingModule
from ship_engine.training.readouts import FirstSpike, readout_of
from ship_engine.training.regularisers import Regulariser
from ship_engine.training.reporting import Reporter

Optimizer = Callable[[Any], torch.optim.Optimizer]
Validation = tuple[Any, Any]


class Trainer:
    """Trains a network.

    Parameters
    ----------
    module : SpikingModule
        The network, and what of it is trained.
    readout : Readout or str
        What is made of the output's course: 'peak' (of the membrane potential), 'mean', 'last',
        'spike_count', 'first_spike', or one of `ship_engine.training.readouts`.
    loss : callable or str
        'cross_entropy', 'mse', any function of scores and targets, such as those of torch.nn, or a
        loss of spike trains (`ship_engine.training.course_losses`).
    optimizer : callable, optional
        Makes an optimiser of parameters, such as ``functools.partial(torch.optim.SGD, lr=0.1)``;
        by default `torch.optim.Adam` with `learning_rate`.
    learning_rate : float
        Of the default optimiser.
    schedule : callable, optional
        Makes a scheduler of the optimiser, which goes on by one step after each epoch.
    regularisers : sequence of Regulariser
        What is added to the loss.
    clip_gradient : float, optional
        Largest norm of the gradient; longer ones are made as long as that.
    seed : int
        Of the order of the samples.
    rule : LearningRule, optional
        What changes the weights, one of `ship_engine.learning`, in place of the gradient of the
        loss, which is then merely told; the default optimiser is `torch.optim.SGD` then.

    Raises
    ------
    InvalidValueError, UnknownNameError
        If the output cannot be read out so, nothing is trained, or the rule cannot train it.
    """

    def __init__(
        self,
        module: SpikingModule,
        readout: Any = "peak",
        loss: Any = "cross_entropy",
        optimizer: Optimizer | None = None,
        learning_rate: float = 1e-3,
        schedule: Callable[[Any], Any] | None = None,
        regularisers: Sequence[Regulariser] = (),
        clip_gradient: float | None = None,
        seed: int = 0,
        rule: LearningRule | None = None,
    ) -> None:
        check_parts(module, loss, optimizer, rule)
        self.module, self.readout, self.loss = module, readout_of(readout), loss_of(loss)
        module.check_readout(self.readout)
        if not list(module.parameters()):
            raise InvalidValueError("Nothing is trained; name projections or parameters.")
        self._learner = learner_of(rule, module, self.readout, regularisers)
        usual = torch.optim.Adam if rule is None else torch.optim.SGD
        make = optimizer or (lambda free: usual(free, lr=learning_rate))
        self.optimizer = make(module.parameters())
        self.scheduler = None if schedule is None else schedule(self.optimizer)
        self.regularisers, self.clip_gradient = list(regularisers), clip_gradient
        self.seed, self.history = seed, History()
        self._best: dict[str, Any] | None = None

    def fit(
        self,
        inputs: Any,
        targets: Any,
        epochs: int,
        batch_size: int = 16,
        validation: Validation | None = None,
        patience: int | None = None,
        keep: str = "last",
        order: str = "shuffled",
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
        log_dir: str | os.PathLike[str] | None = None,
        progress: bool = True,
    ) -> History:
        """Train until `epochs` epochs are done, those of earlier calls included.

        Parameters
        ----------
        inputs : array or tensor [sample, time, component], list of [time, component], or mapping
            Spikes (or currents) in each time step; of each group, if several take inputs.  A list
            may have sequences of different length, which are read out only until they end.
        targets : array or tensor
            Of each sample: its class, or whatever the loss compares with scores.
        epochs : int
            How often all samples are seen.
        batch_size : int
            Samples that are computed side by side.
        validation : (inputs, targets), optional
            Evaluated after each epoch.
        patience : int, optional
            Epochs without a better validation (or loss) after which the training ends.
        keep : {'last', 'best'}
            Which epoch's values the network has in the end.
        order : {'shuffled', 'by_length'}
            How samples come into batches; by length needs less padding (`ship_engine.data`).
        checkpoint : str or path, optional
            A file that is written after each epoch.
        resume : bool
            Whether to go on from that file, if there is one: with the numbers that a training
            without a stop would have had, where random numbers are torch's.
        log_dir : str or path, optional
            Where TensorBoard finds the numbers of each epoch.
        progress : bool
            Whether a bar shows how far an epoch is, on a terminal.

        Returns
        -------
        History
            The numbers of each epoch.

        Raises
        ------
        NonFiniteLossError
            If a loss becomes NaN or infinite.  Whatever stops a training, the values in the end
            are those after the last whole epoch.
        InvalidValueError
            If inputs, targets or an argument cannot be used.
        """
        check_fit(epochs, patience, keep, resume, checkpoint)
        batches = self._batches(inputs, as_targets(targets), batch_size, order)
        held = None if validation is None else self._held(validation, batch_size)
        if resume and checkpoint is not None and os.path.exists(checkpoint):
            earlier = read_checkpoint(checkpoint)
            self._restore(earlier)
            set_random(earlier)
        batches.epoch = len(self.history)
        good = self._state()
        with Reporter(log_dir, progress, epochs) as reporter:
            try:
                while len(self.history) < epochs and not self._is_over(patience):
                    self._epoch(batches, held, reporter)
                    good = self._state()
                    if checkpoint is not None:
                        write_checkpoint(checkpoint, good)
            except BaseException:  # an interruption by the keyboard, too
                self._restore(good)
                raise
            finally:
                if keep == "best" and self._best is not None:
                    self.module.load_state_dict(self._best)
                self.module.write_back()
        return self.history

    def _epoch(self, batches: Batches, held: Batches | None, reporter: Reporter) -> None:
        """Go through all samples once."""
        start, total, right, seen = time.perf_counter(), 0.0, 0, 0
        self.module.train()
        for number, batch in enumerate(reporter.shown(batches, len(self.history))):
            loss, scores = self._update(batch, number)
            total += loss * len(scores)
            seen += len(scores)
            if are_classes(batch.targets):
                right += int((scores.argmax(1) == batch.targets).sum())
        numbers = {"loss": total / seen}
        if are_classes(torch.as_tensor(batches.targets)):
            numbers["accuracy"] = right / seen
        if held is not None:
            found = self._evaluated(held)
            numbers["validation_loss"] = found.loss
            if found.accuracy is not None:
                numbers["validation_accuracy"] = found.accuracy
        if self.scheduler is not None:
            self.scheduler.step()
        numbers["seconds"] = time.perf_counter() - start
        if self.history.add(numbers):
            self._best = copy.deepcopy(self.module.state_dict())
        reporter.tell(len(self.history) - 1, numbers)

    def _update(self, batch: Batch, number: int) -> tuple[float, Tensor]:
        """Move the free numbers by what a batch says."""
        self.optimizer.zero_grad(set_to_none=True)
        with torch.set_grad_enabled(self._learner is None):
            activity, scores = self._scores(batch)
            loss = self._loss(activity, scores, batch)
            for regulariser in self.regularisers:
                loss = loss + regulariser(activity, self.module)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise NonFiniteLossError(
                len(self.history), number, value, "The values of the last whole epoch were kept."
            )
        if self._learner is not None:
            course = self.module.course(activity, self.readout)
            self._learner.learn(activity, course, batch.targets)
        elif not loss.requires_grad:
            raise InvalidValueError(
                "Nothing that is trained changes the loss; train what leads to "
                f"'{self.module.called(self.module.output)}'."
            )
        else:
            loss.backward()
        self._check_gradient(number, value)
        if self.clip_gradient is not None:
            torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.clip_gradient)
        self.optimizer.step()
        return value, scores.detach()

    def _loss(self, activity: Activity, scores: Tensor, batch: Batch) -> Tensor:
        """The loss of scores, or of the output's spikes."""
        if not isinstance(self.loss, CourseLoss):
            return self.loss(scores, batch.targets)
        spikes = activity.spikes_of(self.module.output)
        if batch.mask is not None:
            spikes = spikes * batch.mask[..., None].to(spikes.dtype)
        return self.loss(spikes, batch.targets)

    def _check_gradient(self, number: int, value: float) -> None:
        """Raise NonFiniteLossError before a gradient would make values NaN or infinite."""
        gradients = [free.grad for free in self.module.parameters() if free.grad is not None]
        if not all(bool(gradient.isfinite().all()) for gradient in gradients):
            raise NonFiniteLossError(
                len(self.history),
                number,
                value,
                "Its gradient is not finite.  The values of the last whole epoch were kept.",
            )

    def _scores(self, batch: Batch) -> tuple[Activity, Tensor]:
        """What the network does, and what is read out of it."""
        activity = self.module(batch.inputs)
        course = self.module.course(activity, self.readout)
        mask = batch.mask
        activity.mask = mask
        if activity.times is not None and isinstance(self.readout, FirstSpike):
            steps = torch.tensor([[course.shape[1]]]) if mask is None else mask.sum(1, keepdim=True)
            times = activity.times[self.module.output] / self.module.dt
            return activity, self.readout.of_times(times, steps)
        if mask is not None and course.shape[1] > mask.shape[1]:
            # The state at the start is a sample of its own.
            mask = torch.nn.functional.pad(mask, (1, 0), value=True)
        return activity, self.readout(course, mask)

    def evaluate(self, inputs: Any, targets: Any, batch_size: int = 64) -> Evaluation:
        """How well the network does on samples; see `fit`."""
        return self._evaluated(self._held((inputs, targets), batch_size))

    def predict(self, inputs: Any, batch_size: int = 64) -> np.ndarray[Any, Any]:
        """The scores of samples, [sample, component]; the class is the place of the highest."""
        batches = self._batches(inputs, None, batch_size, "given")
        self.module.eval()
        with torch.no_grad():
            parts = [(batch.indices, self._scores(batch)[1]) for batch in batches]
        return _in_order(parts).cpu().numpy()

    def _evaluated(self, batches: Batches) -> Evaluation:
        self.module.eval()
        total, parts = 0.0, []
        with torch.no_grad():
            for batch in batches:
                activity, scores = self._scores(batch)
                total += float(self._loss(activity, scores, batch)) * len(scores)
                parts.append((batch.indices, scores))
        scores = _in_order(parts)
        targets = torch.as_tensor(batches.targets)
        accuracy = confusion = None
        if are_classes(targets):
            classes, found = targets.numpy(), scores.argmax(1).cpu().numpy()
            accuracy = float((classes == found).mean())
            confusion = confusion_matrix(classes, found, self.module.outputs)
        return Evaluation(total / len(scores), accuracy, confusion, scores.cpu().numpy())

    def _held(self, samples: Any, batch_size: int) -> Batches:
        """Samples that are not trained with, in batches."""
        if not (isinstance(samples, tuple | list) and len(samples) == 2):
            raise InvalidValueError(
                f"Validation samples are {type(samples).__name__}; give (inputs, targets)."
            )
        inputs, targets = samples
        return self._batches(inputs, as_targets(targets), batch_size, "given")

    def _batches(self, inputs: Any, targets: Tensor | None, batch_size: int, order: str) -> Batches:
        """Samples in batches, checked."""
        module = self.module
        together = joined(inputs, module.input_sizes, module.called)
        try:
            count = len(together)
        except TypeError as error:
            raise InvalidValueError(
                f"inputs = {inputs!r}; give an array [sample, time, component], a list of [time, "
                "component], or a mapping of groups to arrays."
            ) from error
        if count:
            module.check_inputs(torch.as_tensor(together[0])[None])
        if targets is not None:
            targets = targets.long() if are_classes(targets) else targets.to(module.dtype)
            check_targets(targets, count, module.outputs, self.loss)
        if order == "given" and isinstance(together, list):
            order = "by_length"  # less padding; what is found is put in the given order again
        seed = None if order == "given" else self.seed
        return Batches(
            together, targets, batch_size=batch_size, order=order, seed=seed, dtype=module.dtype
        )

    def _is_over(self, patience: int | None) -> bool:
        """Whether there was nothing better for too long."""
        return patience is not None and len(self.history) - 1 - self.history.best >= patience

    def _state(self) -> dict[str, Any]:
        """All that it takes to go on from here."""
        state: dict[str, Any] = {
            "module": copy.deepcopy(self.module.state_dict()),
            "optimizer": copy.deepcopy(self.optimizer.state_dict()),
            "history": self.history.state(),
            "best": self._best,
            "seed": self.seed,
            "kinds": self._kinds(),
        }
        if self.scheduler is not None:
            state["scheduler"] = copy.deepcopy(self.scheduler.state_dict())
        return state

    def _kinds(self) -> list[str]:
        """Which optimiser and which scheduler there are."""
        return [type(one).__name__ for one in (self.optimizer, self.scheduler) if one is not None]

    def _restore(self, state: dict[str, Any]) -> None:
        known, found = self.module.state_dict(), state["module"]
        for name, value in known.items():
            other = found.get(name)
            if isinstance(value, Tensor) and (other is None or other.shape != value.shape):
                has = "nothing" if other is None else f"{tuple(other.shape)} numbers"
                raise InvalidValueError(
                    f"The checkpoint is of another training: it has {has} for '{name}', which has "
                    f"{tuple(value.shape)} here."
                )
        for name in found:
            if name not in known:
                raise InvalidValueError(
                    f"The checkpoint is of another training: '{name}' is not trained here."
                )
        for name, here in {"seed": self.seed, "kinds": self._kinds()}.items():
            if state[name] != here:
                raise InvalidValueError(
                    f"The checkpoint is of another training, with {name} {state[name]}, not "
                    f"{here}; make the trainer as it was made then."
                )
        self.module.load_state_dict(found)
        self.optimizer.load_state_dict(state["optimizer"])
        self.history, self._best = History.from_state(state["history"]), state["best"]
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])


def _in_order(parts: Sequence[tuple[Any, Tensor]]) -> Tensor:
    """Scores of batches in the order of the samples."""
    places = np.concatenate([indices for indices, _ in parts])
    return torch.cat([scores for _, scores in parts])[torch.from_numpy(np.argsort(places))]
