"""The generalized integrate-and-fire cell, some of whose parameters have three elements."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyNN import errors
from pyNN.parameters import ArrayParameter, LazyArray, ParameterSpace
from pyNN.random import RandomDistribution
from pyNN.standardmodels import build_translations, cells

from ship_engine.models.integrate_and_fire_generalized import GIFConductanceExponential

from .base import CellModel

_TRIPLES = ("tau_eta", "tau_gamma", "a_eta", "a_gamma")
"""Parameters of three elements, which the engine has as ``tau_eta_1`` and so on."""


class GIF_cond_exp(CellModel, cells.GIF_cond_exp):
    __doc__ = cells.GIF_cond_exp.__doc__
    model = GIFConductanceExponential
    translations = build_translations(
        ("v_rest", "v_rest"),  # mV
        ("cm", "cm"),  # nF
        ("tau_m", "tau_m"),  # ms
        ("tau_refrac", "tau_refrac"),  # ms
        ("tau_syn_E", "tau_syn_exc"),  # ms
        ("tau_syn_I", "tau_syn_inh"),  # ms
        ("e_rev_E", "e_syn_exc"),  # mV
        ("e_rev_I", "e_syn_inh"),  # mV
        ("v_reset", "v_reset"),  # mV
        ("i_offset", "i_offset"),  # nA
        ("delta_v", "delta_v"),  # mV
        ("v_t_star", "v_t_star"),  # mV
        ("lambda0", "lambda0"),  # Hz
        ("tau_eta", "tau_eta"),  # ms
        ("tau_gamma", "tau_gamma"),  # ms
        ("a_eta", "a_eta"),  # nA
        ("a_gamma", "a_gamma"),  # mV
    )

    def _check_numbers(self) -> None:
        super()._check_numbers()
        known = {p.name: p for p in self.model.parameters}
        for name in _TRIPLES:
            parameter = known[f"{name}_1"]
            value = self.parameter_space[name].base_value
            if not isinstance(value, ArrayParameter):
                continue
            numbers = _three(name, value)
            if not (np.isfinite(numbers) & parameter.allows(numbers)).all():
                raise errors.InvalidParameterValueError(
                    f"{name} = {numbers} {parameter.unit} for {type(self).__name__}; each must be "
                    f"{parameter.requirement}."
                )

    def translate(self, parameters: ParameterSpace, copy: bool = True) -> ParameterSpace:
        """Give the engine's parameters."""
        native = super().translate(parameters, copy)
        values: dict[str, Any] = {}
        for name, value in native.items():
            values |= _split(name, value) if name in _TRIPLES else {name: value}
        return ParameterSpace(values, schema=None, shape=parameters.shape)

    def reverse_translate(self, native_parameters: ParameterSpace) -> ParameterSpace:
        """Give PyNN's parameters."""
        values = dict(native_parameters.items())
        for name in _TRIPLES:
            parts = [values.pop(f"{name}_{k}", None) for k in (1, 2, 3)]
            if parts[0] is not None:
                values[name] = _joined(parts, native_parameters.shape)
        return super().reverse_translate(
            ParameterSpace(values, schema=None, shape=native_parameters.shape)
        )

    def get_native_names(self, *names: str) -> list[str]:
        """The engine's names of these parameters, or of all."""
        found: list[str] = []
        for name in super().get_native_names(*names):
            found += [f"{name}_{k}" for k in (1, 2, 3)] if name in _TRIPLES else [name]
        return found

    def pynn_names(self) -> dict[str, str]:
        """PyNN's name for each of the engine's parameter names."""
        triples = {f"{name}_{k}": name for name in _TRIPLES for k in (1, 2, 3)}
        return super().pynn_names() | triples


def _three(name: str, value: Any) -> Any:
    """The three numbers of a value.

    Raises
    ------
    pyNN.errors.InvalidParameterValueError
        If it does not have three.
    """
    numbers = np.asarray(ArrayParameter(value).value, float)
    if numbers.shape != (3,):
        raise errors.InvalidParameterValueError(
            f"{name} = {numbers.tolist()}; give three numbers, such as (1.0, 10.0, 100.0)."
        )
    return numbers


def _split(name: str, value: LazyArray) -> dict[str, Any]:
    """Values of the engine's three parameters."""
    base = value.base_value
    if isinstance(base, RandomDistribution):
        raise errors.InvalidParameterValueError(
            f"{name} is a RandomDistribution, which gives single numbers; give three numbers, or "
            "three for each cell."
        )
    if isinstance(base, ArrayParameter):
        return {f"{name}_{k}": x for k, x in enumerate(_three(name, base).tolist(), 1)}
    if callable(base):
        base = [base(i) for i in range(value.shape[0])]
    rows = np.array([_three(name, item) for item in base])
    return {f"{name}_{k}": column.copy() for k, column in enumerate(rows.T, 1)}


def _joined(parts: list[LazyArray], shape: tuple[int, ...]) -> Any:
    """One value of three numbers, or such a value for each cell."""
    columns = [part.evaluate(simplify=False) for part in parts]
    values = np.empty(shape, dtype=object)
    values[:] = [ArrayParameter(row) for row in np.array(columns).T]
    same = all(value == values[0] for value in values)
    return values[0] if same else LazyArray(values, shape=shape, dtype=ArrayParameter)
