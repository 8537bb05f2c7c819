"""Vogels and Abbott's network with synaptic currents (CUBA); see vogels_abbott.py."""

from __future__ import annotations

from typing import Any

from .vogels_abbott import MEASURES, OPTIONS, run_network

__all__ = ["MEASURES", "OPTIONS", "TITLE", "run"]

TITLE = "CUBA: Vogels-Abbott, 4,000 neurons, 320,000 synapses, {duration:g} ms in steps of 0.1"


def run(sim: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Build and run the network on `sim` and return the measurements."""
    return run_network(sim, options, coba=False)
