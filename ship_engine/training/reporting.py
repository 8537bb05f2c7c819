"""What is told while a training goes on: a bar on a terminal, and numbers for TensorBoard."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sized
from typing import Any, TypeVar

from ship_engine.errors import NotInstalledError

Item = TypeVar("Item")


class Reporter:
    """Tells how far a training is.

    Parameters
    ----------
    log_dir : str or path, optional
        Where numbers for TensorBoard go.
    progress : bool
        Whether there is a bar, if a person may be watching.
    epochs : int
        How many there will be.

    Raises
    ------
    NotInstalledError
        If numbers are wanted, but TensorBoard is not installed.
    """

    def __init__(self, log_dir: str | os.PathLike[str] | None, progress: bool, epochs: int) -> None:
        self._epochs, self._watched = epochs, progress and sys.stderr.isatty()
        self._last = ""
        self._writer: Any = None
        if log_dir is not None:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise NotInstalledError(
                    "log_dir needs TensorBoard, which is not installed; "
                    "`pip install tensorboard` brings it."
                ) from error
            self._writer = SummaryWriter(os.fspath(log_dir))

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def shown(self, batches: Iterable[Item], epoch: int) -> Iterator[Item]:
        """The batches of an epoch, with a bar that shows how many are done."""
        if not self._watched:
            yield from batches
            return
        from tqdm import tqdm

        total = len(batches) if isinstance(batches, Sized) else None
        label = f"epoch {epoch + 1}/{self._epochs}{self._last}"
        yield from tqdm(batches, label, total, leave=False)

    def tell(self, epoch: int, numbers: Mapping[str, float]) -> None:
        """Tell the numbers of an epoch."""
        told = [f"{name} {value:.3g}" for name, value in numbers.items() if name != "seconds"]
        self._last = f" ({', '.join(told)})"
        if self._writer is not None:
            for name, value in numbers.items():
                self._writer.add_scalar(name, value, epoch)
