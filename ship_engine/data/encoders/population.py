"""Numbers as the response of a population: overlapping Gaussian receptive fields.

Bohte, Kok & La Poutré (2002), Neurocomputing 48, 17: the range of a variable is covered by m
neurons with Gaussian tuning curves, and the neuron that responds more spikes earlier.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ship_engine.data.arrays import Floats, as_floats, number, same_kind, whole_number
from ship_engine.data.encoders.latency import encode_latency
from ship_engine.errors import InvalidValueError


def receptive_fields(values: Any, *, fields: int, low: Any, high: Any, beta: float = 1.5) -> Any:
    """Responses between 0 and 1 of Gaussian receptive fields to each component.

    Field i = 1 … m has its centre at ``low + (2 i - 3) / 2 * (high - low) / (m - 2)`` and the
    width (standard deviation) ``(high - low) / (beta (m - 2))``; the outermost centres lie half a
    distance outside of the range.

    Parameters
    ----------
    values : array or tensor [..., component]
        Any finite numbers; the range is where the fields are, values outside respond less.
    fields : int
        Number m of receptive fields of each component, at least 3.
    low, high : float or array [component]
        The range of each component, usually its extremes in the training data.
    beta : float
        How narrow the fields are; 1.5 in the paper.

    Returns
    -------
    array or tensor [..., component * fields]
        Of the same kind as `values`; the fields of one component lie side by side.

    Raises
    ------
    InvalidValueError
        If there are fewer than three fields, or a range is empty.
    """
    given = as_floats(values, "values")
    if given.ndim == 0:
        raise InvalidValueError("values must have an axis of components; got a single number.")
    centres, width = _centres_and_width(fields, low, high, beta, given.shape[-1])
    response = np.exp(-0.5 * ((given[..., None] - centres) / width) ** 2)
    return same_kind(response.reshape(*given.shape[:-1], -1), values)


def encode_population(
    values: Any,
    *,
    fields: int,
    low: Any,
    high: Any,
    steps: int,
    dt: float,
    beta: float = 1.5,
    threshold: float = 0.1,
) -> Any:
    """Spike times of a population with Gaussian receptive fields.

    The response r of a field is the time ``(1 - r) / (1 - threshold)`` of its spike as a part of
    all time steps; fields that respond with `threshold` or less stay silent.

    Parameters
    ----------
    values, fields, low, high, beta
        See `receptive_fields`.
    steps : int
        Number of time steps.
    dt : float
        Time step in ms.
    threshold : float
        Least response that spikes, from 0 up to but not including 1.

    Returns
    -------
    array or tensor [..., time, component * fields] of bool
        Of the same kind as `values`.

    Raises
    ------
    InvalidValueError
        As `receptive_fields` and `encode_latency`.
    """
    response = receptive_fields(values, fields=fields, low=low, high=high, beta=beta)
    return encode_latency(response, steps=steps, dt=dt, threshold=threshold)


def _centres_and_width(
    fields: int, low: Any, high: Any, beta: float, components: int
) -> tuple[Floats, Floats]:
    """Centres [component or 1, fields] and widths [component or 1, 1]."""
    fields = whole_number(fields, "fields", 3)
    lows, highs = as_floats(low, "low").reshape(-1), as_floats(high, "high").reshape(-1)
    for name, limit in (("low", lows), ("high", highs)):
        if limit.size not in (1, components):
            raise InvalidValueError(
                f"{name} has {limit.size} values; give one, or one for each of the {components} "
                "components."
            )
    if (highs <= lows).any():
        raise InvalidValueError(
            f"high must be above low in every component; got low = {low}, high = {high}. A "
            "component that never changes tells nothing and can be left out."
        )
    distance = (highs - lows) / (fields - 2)
    index = np.arange(1, fields + 1)
    centres = lows[:, None] + (2 * index - 3) / 2.0 * distance[:, None]
    return centres, distance[:, None] / number(beta, "beta", above=0.0)
