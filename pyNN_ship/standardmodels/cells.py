"""Standard neurons.  PyNN's and the engine's units are the same, so names are all that differs."""

from __future__ import annotations

from pyNN.standardmodels import build_translations, cells

from ship_engine.models.lif import (
    LIFConductanceAlpha,
    LIFConductanceExponential,
    LIFCurrentAlpha,
    LIFCurrentExponential,
    LIFVoltageJump,
)

from .base import CellModel

_MEMBRANE = (
    ("v_rest", "v_rest"),  # mV
    ("cm", "cm"),  # nF
    ("tau_m", "tau_m"),  # ms
    ("tau_refrac", "tau_refrac"),  # ms
    ("i_offset", "i_offset"),  # nA
    ("v_reset", "v_reset"),  # mV
    ("v_thresh", "v_thresh"),  # mV
)
_CURRENT = (
    ("tau_syn_E", "tau_syn_exc"),  # ms
    ("tau_syn_I", "tau_syn_inh"),  # ms
)
_CONDUCTANCE = (
    *_CURRENT,
    ("e_rev_E", "e_syn_exc"),  # mV
    ("e_rev_I", "e_syn_inh"),  # mV
)


class IF_curr_exp(CellModel, cells.IF_curr_exp):
    __doc__ = cells.IF_curr_exp.__doc__
    model = LIFCurrentExponential
    translations = build_translations(*_MEMBRANE, *_CURRENT)
    recordable = ["spikes", "v", "isyn_exc", "isyn_inh"]


class IF_curr_alpha(CellModel, cells.IF_curr_alpha):
    __doc__ = cells.IF_curr_alpha.__doc__
    model = LIFCurrentAlpha
    translations = build_translations(*_MEMBRANE, *_CURRENT)
    recordable = ["spikes", "v", "isyn_exc", "isyn_inh"]


class IF_curr_delta(CellModel, cells.IF_curr_delta):
    __doc__ = cells.IF_curr_delta.__doc__
    model = LIFVoltageJump
    translations = build_translations(*_MEMBRANE)


class IF_cond_exp(CellModel, cells.IF_cond_exp):
    __doc__ = cells.IF_cond_exp.__doc__
    model = LIFConductanceExponential
    translations = build_translations(*_MEMBRANE, *_CONDUCTANCE)


class IF_cond_alpha(CellModel, cells.IF_cond_alpha):
    __doc__ = cells.IF_cond_alpha.__doc__
    model = LIFConductanceAlpha
    translations = build_translations(*_MEMBRANE, *_CONDUCTANCE)
