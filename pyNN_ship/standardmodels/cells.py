"""Standard neurons.  PyNN's and the engine's units are the same, so names are all that differs."""

from __future__ import annotations

from pyNN.standardmodels import build_translations, cells

from ship_engine.models.adaptive_exponential import (
    AdaptiveExponentialConductanceAlpha,
    AdaptiveExponentialConductanceExponential,
)
from ship_engine.models.hodgkin_huxley import HodgkinHuxleyTraub
from ship_engine.models.izhikevich import Izhikevich as IzhikevichModel
from ship_engine.models.lif import (
    LIFConductanceAlpha,
    LIFConductanceExponential,
    LIFCurrentAlpha,
    LIFCurrentExponential,
    LIFVoltageJump,
)
from ship_engine.models.lif_variants import LIFAdapting, LIFHardware

from .base import CellModel

MEMBRANE = (
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
_ADAPTIVE_EXPONENTIAL = (
    *MEMBRANE,
    ("v_spike", "v_spike"),  # mV
    ("delta_T", "delta_T"),  # mV
    ("a", "a"),  # nS
    ("b", "b"),  # nA
    ("tau_w", "tau_w"),  # ms
)


class IF_curr_exp(CellModel, cells.IF_curr_exp):
    __doc__ = cells.IF_curr_exp.__doc__
    model = LIFCurrentExponential
    translations = build_translations(*MEMBRANE, *_CURRENT)
    recordable = ["spikes", "v", "isyn_exc", "isyn_inh"]


class IF_curr_alpha(CellModel, cells.IF_curr_alpha):
    __doc__ = cells.IF_curr_alpha.__doc__
    model = LIFCurrentAlpha
    translations = build_translations(*MEMBRANE, *_CURRENT)
    recordable = ["spikes", "v", "isyn_exc", "isyn_inh"]


class IF_curr_delta(CellModel, cells.IF_curr_delta):
    __doc__ = cells.IF_curr_delta.__doc__
    model = LIFVoltageJump
    translations = build_translations(*MEMBRANE)


class IF_cond_exp(CellModel, cells.IF_cond_exp):
    __doc__ = cells.IF_cond_exp.__doc__
    model = LIFConductanceExponential
    translations = build_translations(*MEMBRANE, *_CONDUCTANCE)


class IF_cond_alpha(CellModel, cells.IF_cond_alpha):
    __doc__ = cells.IF_cond_alpha.__doc__
    model = LIFConductanceAlpha
    translations = build_translations(*MEMBRANE, *_CONDUCTANCE)


class IF_cond_exp_gsfa_grr(CellModel, cells.IF_cond_exp_gsfa_grr):
    __doc__ = cells.IF_cond_exp_gsfa_grr.__doc__
    model = LIFAdapting
    translations = build_translations(
        *MEMBRANE,
        *_CONDUCTANCE,
        ("tau_sfa", "tau_s"),  # ms
        ("e_rev_sfa", "e_rev_s"),  # mV
        ("q_sfa", "q_s"),  # nS
        ("tau_rr", "tau_r"),  # ms
        ("e_rev_rr", "e_rev_r"),  # mV
        ("q_rr", "q_r"),  # nS
    )


class IF_facets_hardware1(CellModel, cells.IF_facets_hardware1):
    __doc__ = cells.IF_facets_hardware1.__doc__
    model = LIFHardware
    translations = build_translations(
        ("v_rest", "v_rest"),  # mV
        ("v_reset", "v_reset"),  # mV
        ("v_thresh", "v_thresh"),  # mV
        ("g_leak", "g_leak"),  # nS
        ("e_rev_I", "e_syn_inh"),  # mV
        *_CURRENT,
    )


class HH_cond_exp(CellModel, cells.HH_cond_exp):
    __doc__ = cells.HH_cond_exp.__doc__
    model = HodgkinHuxleyTraub
    translations = build_translations(
        ("gbar_Na", "gbar_Na"),  # uS
        ("gbar_K", "gbar_K"),  # uS
        ("g_leak", "g_leak"),  # uS
        ("cm", "cm"),  # nF
        ("v_offset", "v_offset"),  # mV
        ("e_rev_Na", "e_rev_Na"),  # mV
        ("e_rev_K", "e_rev_K"),  # mV
        ("e_rev_leak", "e_rev_leak"),  # mV
        ("i_offset", "i_offset"),  # nA
        *_CONDUCTANCE,
    )
    recordable = [*cells.HH_cond_exp.recordable, "m", "h", "n"]
    receptor_types = ("excitatory", "inhibitory")


class EIF_cond_exp_isfa_ista(CellModel, cells.EIF_cond_exp_isfa_ista):
    __doc__ = cells.EIF_cond_exp_isfa_ista.__doc__
    model = AdaptiveExponentialConductanceExponential
    translations = build_translations(*_ADAPTIVE_EXPONENTIAL, *_CONDUCTANCE)


class EIF_cond_alpha_isfa_ista(CellModel, cells.EIF_cond_alpha_isfa_ista):
    __doc__ = cells.EIF_cond_alpha_isfa_ista.__doc__
    model = AdaptiveExponentialConductanceAlpha
    translations = build_translations(*_ADAPTIVE_EXPONENTIAL, *_CONDUCTANCE)


class Izhikevich(CellModel, cells.Izhikevich):
    __doc__ = cells.Izhikevich.__doc__
    model = IzhikevichModel
    translations = build_translations(
        ("a", "a"),  # 1/ms
        ("b", "b"),  # 1/ms
        ("c", "c"),  # mV
        ("d", "d"),  # mV/ms
        ("i_offset", "i_offset"),  # nA
    )
