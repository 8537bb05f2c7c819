"""Warnings about devices, which point at the line of the user that led to them."""

from __future__ import annotations

import sys
import warnings

PACKAGES = ("ship_engine", "pyNN_ship", "pyNN")
"""Whose lines are not the user's."""


class ClippedWeightsWarning(UserWarning):
    """Some weights were beyond what a device can hold, and became the nearest that it can."""


class MovedZerosWarning(UserWarning):
    """Some weights were exactly 0, which is none of the levels, and became another one."""


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn of something, as if the line had done so that called any function of ours."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in PACKAGES
