"""Weights and conductances: what stands for what."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ship_engine.devices.arrays import Floats


class Conductances(NamedTuple):
    """Conductances (uS) of the devices of some weights, each of the shape of the weights.

    ``minus`` is None where each weight has one device.
    """

    plus: Floats
    minus: Floats | None


class Mapping(NamedTuple):
    """The linear relation of weights in [w_min, w_max] and conductances in [g_min, g_max] (uS).

    A *single* device has g = g_min + (w - w_min) / (w_max - w_min) (g_max - g_min), and its
    current is compared with that of a fixed reference.

    A *pair* of devices is read as a difference, and has a symmetric range, w_min = -w_max:
    w = w_max (g_plus - g_minus) / (g_max - g_min).  For w >= 0 the first carries the weight and
    the second stays at g_min; for w < 0 it is the other way round.
    """

    w_min: float
    w_max: float
    g_min: float
    g_max: float
    pair: bool

    @property
    def slope(self) -> float:
        """Weight for each uS."""
        width = self.w_max if self.pair else self.w_max - self.w_min
        return width / (self.g_max - self.g_min)

    def conductances(self, weight: Floats) -> Conductances:
        """The conductances that stand for some weights."""
        if not self.pair:
            return Conductances(self.g_min + (weight - self.w_min) / self.slope, None)
        return Conductances(
            self.g_min + np.maximum(weight, 0.0) / self.slope,
            self.g_min + np.maximum(-weight, 0.0) / self.slope,
        )

    def weights(self, conductances: Conductances) -> Floats:
        """The weights that some conductances stand for."""
        if conductances.minus is None:
            return self.w_min + (conductances.plus - self.g_min) * self.slope
        return (conductances.plus - conductances.minus) * self.slope
