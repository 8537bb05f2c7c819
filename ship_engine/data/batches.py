"""Batches of samples: tensors, or sequences of different length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ship_engine.data.arrays import Integers, is_tensor, one_of, whole_number
from ship_engine.data.progress import Progress, shown
from ship_engine.data.sequences import check_sequences
from ship_engine.errors import InvalidValueError

ORDERS = ("shuffled", "by_length", "given")


class Batch(NamedTuple):
    """Some samples, and what belongs to them.

    `inputs` is a tensor [batch, time, component], or [batch, …] for samples that are no
    sequences; a list of tensors if sequences of different length were not to be padded.
    """

    inputs: Any
    targets: Any
    """Tensor [batch, …]; None if no targets were given."""
    mask: Any
    """Tensor [batch, time] of bool, true where a sample has not ended; None without padding."""
    lengths: Any
    """Tensor [batch] of int64, the time steps of each sample; None without padding."""
    indices: Integers
    """Which samples these are."""


class Padded(NamedTuple):
    """Sequences of different length as one tensor."""

    values: Any
    """Tensor [batch, time, component], 0 after the end of each sequence."""
    mask: Any
    """Tensor [batch, time] of bool, true where a sequence has not ended."""
    lengths: Any
    """Tensor [batch] of int64."""


def pad_sequences(
    sequences: Sequence[Any], *, steps: int | None = None, dtype: Any = None
) -> Padded:
    """Sequences of different length as one tensor, silent after their end.

    Parameters
    ----------
    sequences : list of array or tensor [time, component]
        At least one.
    steps : int, optional
        Time steps of the result, by default those of the longest sequence.
    dtype : torch.dtype, optional
        Type of the values; float32 by default.

    Returns
    -------
    Padded
        ``values``, ``mask`` and ``lengths``.

    Raises
    ------
    InvalidValueError
        If a sequence is longer than `steps`, or the sequences do not agree in their components.
    """
    import torch

    if not len(sequences):
        raise InvalidValueError("there must be at least one sequence; got none.")
    tensors = [torch.as_tensor(sequence) for sequence in sequences]
    check_sequences(tensors, "sequences")
    lengths = torch.tensor([len(tensor) for tensor in tensors])
    longest = int(lengths.max())
    steps = longest if steps is None else whole_number(steps, "steps")
    if longest > steps:
        raise InvalidValueError(
            f"sequences[{int(lengths.argmax())}] has {longest} time steps, more than steps = "
            f"{steps}; cut it before, such as sequence[:{steps}]."
        )
    first = tensors[0]
    values = torch.zeros(
        (len(tensors), steps, first.shape[1]),
        dtype=torch.float32 if dtype is None else dtype,
        device=first.device,
    )
    for row, tensor in zip(values, tensors, strict=True):
        row[: len(tensor)] = tensor
    lengths = lengths.to(first.device)
    mask = torch.arange(steps, device=first.device) < lengths[:, None]
    return Padded(values, mask, lengths)


class Batches:
    """Samples in batches; every loop over it is an epoch, in which each sample comes once.

    An epoch's order follows from the seed and the number of the epoch alone.  A loop that is left
    early does not count as an epoch: the next one starts the same epoch again.  A run that was
    interrupted goes on where it stopped with `state` and `resume`.

    Parameters
    ----------
    inputs : array, tensor or sequence
        ``inputs[i]`` is a sample: [time, component], or any shape that all samples share.  A list
        of sequences may have different lengths.
    targets : array, tensor or sequence of numbers, optional
        ``targets[i]`` belongs to sample i; such as its class.  Whole numbers become int64, as
        losses want them; other numbers take the type of the inputs; tensors stay as they are.
    batch_size : int
        Samples in a batch.
    order : {"shuffled", "by_length", "given"}
        Shuffled; batches of samples of similar length, in shuffled order, which needs less
        padding; or as they are given.
    seed : int, optional
        Needed unless the order is as given.
    drop_last : bool
        Whether to leave out the last batch if it is smaller than the others.
    pad : bool
        Whether sequences in a list become one tensor, or stay a list.
    steps : int, optional
        Time steps of every padded batch; by default those of its longest sequence.
    transform : function, optional
        Makes a sample of ``inputs[i]`` when it is needed, such as a tensor of events.
    dtype : torch.dtype, optional
        Type of the inputs; float32 by default.
    device : torch.device or str, optional
        Where the tensors go.
    progress : bool or str
        Whether to show a progress bar for each epoch, and its label.

    Raises
    ------
    InvalidValueError
        If there are no samples, or not as many targets; if an argument does not fit.
    """

    def __init__(
        self,
        inputs: Sequence[Any],
        targets: Any = None,
        *,
        batch_size: int,
        order: str = "shuffled",
        seed: int | None = None,
        drop_last: bool = False,
        pad: bool = True,
        steps: int | None = None,
        transform: Callable[[Any], Any] | None = None,
        dtype: Any = None,
        device: Any = None,
        progress: Progress = False,
    ) -> None:
        self.inputs, self.targets = inputs, _checked_targets(targets)
        self.batch_size = whole_number(batch_size, "batch_size")
        self.order = one_of(order, "order", ORDERS)
        self.seed = None if seed is None else whole_number(seed, "seed", 0)
        self.drop_last, self.pad, self.steps = drop_last, pad, steps
        self.transform, self.dtype, self.device = transform, dtype, device
        self.progress = progress
        self.epoch = 0
        """Number of the epoch that comes next, or is under way."""
        self._next_batch = 0
        self._first_batch = 0
        self._check()

    def _check(self) -> None:
        count = len(self.inputs)
        if not count:
            raise InvalidValueError("there must be at least one sample; got none.")
        if self.targets is not None and len(self.targets) != count:
            raise InvalidValueError(
                f"there are {count} inputs, but {len(self.targets)} targets; each input has one."
            )
        if self.order != "given" and self.seed is None:
            raise InvalidValueError(
                f"order='{self.order}' draws random numbers, so it needs a seed, such as seed=1."
            )
        if self.order == "by_length" and self.transform is not None:
            raise InvalidValueError(
                "order='by_length' needs the lengths of all samples, which a transform makes only "
                "when they are needed; transform the inputs before, or shuffle."
            )
        if not len(self):
            raise InvalidValueError(
                f"{count} samples are less than one batch of {self.batch_size}, and drop_last "
                "leaves them out."
            )

    def __len__(self) -> int:
        """Batches in an epoch."""
        whole, rest = divmod(len(self.inputs), self.batch_size)
        return whole + bool(rest and not self.drop_last)

    def __iter__(self) -> Iterator[Batch]:
        """Go through an epoch, or the rest of one after `resume`."""
        batches = self._batches_of_epoch()
        first, self._first_batch = self._first_batch, 0
        self._next_batch = first
        label = f"epoch {self.epoch}"
        with shown(self.progress, len(batches), label, "batches") as bar:
            bar.update(first)
            for number in range(first, len(batches)):
                batch = self._batch(batches[number])
                self._next_batch = number + 1
                if self._next_batch == len(batches):
                    self.epoch, self._next_batch = self.epoch + 1, 0
                yield batch
                bar.update(1)

    def state(self) -> dict[str, int]:
        """Where the loop stands: the number of the epoch and of the batch that comes next."""
        return {"epoch": self.epoch, "batch": self._next_batch}

    def resume(self, state: dict[str, int]) -> None:
        """Go on where another object, made of the same arguments, had this `state`.

        Raises
        ------
        InvalidValueError
            If there is no such batch.
        """
        epoch = whole_number(state.get("epoch"), "epoch", 0)
        batch = whole_number(state.get("batch"), "batch", 0)
        if batch >= len(self):
            raise InvalidValueError(f"an epoch has {len(self)} batches; there is no {batch}.")
        self.epoch, self._next_batch, self._first_batch = epoch, batch, batch

    @property
    def _type(self) -> Any:
        """Type of the inputs."""
        import torch

        return torch.float32 if self.dtype is None else self.dtype

    def _batches_of_epoch(self) -> list[Integers]:
        """Indices of the samples of each batch of this epoch."""
        count = len(self.inputs)
        if self.order == "given":
            return self._cut(np.arange(count))
        random = np.random.default_rng([self.seed or 0, self.epoch])
        shuffled = random.permutation(count)
        if self.order == "shuffled":
            return self._cut(shuffled)
        lengths = np.array([len(self.inputs[i]) for i in shuffled])
        batches = self._cut(shuffled[np.argsort(lengths, kind="stable")])
        return [batches[i] for i in random.permutation(len(batches))]

    def _cut(self, order: Integers) -> list[Integers]:
        starts = range(0, len(self) * self.batch_size, self.batch_size)
        return [order[start : start + self.batch_size] for start in starts]

    def _batch(self, indices: Integers) -> Batch:
        import torch

        dtype, targets = self._type, self._targets(indices)
        if self.transform is None and _is_one_array(self.inputs):
            values = torch.as_tensor(self.inputs[indices])  # type: ignore[call-overload]
            return Batch(values.to(self.device, dtype), targets, None, None, indices)
        given = (self.inputs[i] for i in indices)
        made = given if self.transform is None else map(self.transform, given)
        samples = [torch.as_tensor(sample) for sample in made]
        if not self.pad:
            tensors = [sample.to(self.device, dtype) for sample in samples]
            return Batch(tensors, targets, None, None, indices)
        if samples[0].ndim != 2:
            return Batch(_stacked(samples).to(self.device, dtype), targets, None, None, indices)
        values, mask, lengths = pad_sequences(samples, steps=self.steps, dtype=dtype)
        moved = values.to(self.device), targets, mask.to(self.device), lengths.to(self.device)
        return Batch(*moved, indices)

    def _targets(self, indices: Integers) -> Any:
        import torch

        if self.targets is None:
            return None
        if is_tensor(self.targets):
            return self.targets[indices].to(self.device)
        chosen = self.targets[indices]
        if chosen.dtype.kind in "iu":
            return torch.as_tensor(chosen.astype(np.int64)).to(self.device)
        return torch.as_tensor(chosen).to(self.device, None if chosen.dtype == bool else self._type)


def _checked_targets(targets: Any) -> Any:
    """Targets as a tensor or an array of numbers; None if there are none."""
    if targets is None or is_tensor(targets):
        return targets
    try:
        numbers = np.asarray(targets)
    except ValueError as error:
        raise InvalidValueError(f"targets must all have one shape: {error}") from error
    if numbers.dtype.kind not in "biuf":
        raise InvalidValueError(
            f"targets must be numbers; got {numbers.dtype}. Names of classes become numbers by "
            "names, targets = numpy.unique(targets, return_inverse=True)."
        )
    return numbers


def _is_one_array(inputs: Any) -> bool:
    """Whether all samples are in one array of numbers."""
    return is_tensor(inputs) or (isinstance(inputs, np.ndarray) and inputs.dtype != object)


def _stacked(samples: list[Any]) -> Any:
    import torch

    shapes = {tuple(sample.shape) for sample in samples}
    if len(shapes) > 1:
        raise InvalidValueError(
            "samples of a batch must be sequences [time, component], or all have one shape; got "
            f"the shapes {', '.join(map(str, sorted(shapes)))}."
        )
    return torch.stack(samples)
