"""Progress bars, where they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

Progress = bool | str
"""Whether to show a progress bar; a text is its label."""


@contextmanager
def shown(progress: Progress, total: int, label: str, unit: str) -> Iterator[Any]:
    """A progress bar on the error stream, or one that shows nothing; both have ``update(n)``.

    Parameters
    ----------
    progress : bool or str
        Whether to show it; a text takes the place of `label`.
    total : int
        How much there is to do.
    label, unit : str
        What is done, and with what.
    """
    from tqdm import tqdm

    text = progress if isinstance(progress, str) else label
    with tqdm(total=total, desc=text, unit=f" {unit}", disable=not progress) as bar:
        yield bar
