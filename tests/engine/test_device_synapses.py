"""Event-driven synapses kept in devices: their functions against those of arrays, and refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ship_engine.devices import FlickerNoise, Memristor, PulseProgramming, memristive
from ship_engine.devices.synapses import memristive_synapse
from ship_engine.errors import InvalidValueError
from ship_engine.models.base import Parameter, argument_names
from ship_engine.synapses.base import Synapse
from ship_engine.synapses.short_term import TsodyksMarkram
from ship_engine.synapses.stdp import Additive, SpikePairs, compose_stdp

STDP = compose_stdp(SpikePairs, Additive)


class Adding(Synapse):
    """Every spike adds to the weight; what is sent is half of it."""

    name = "AddingForTest"
    parameters = (Parameter("rise", 0.1, "weight"),)
    pre_changes = ("weight",)

    @staticmethod
    def on_pre(weight, rise):
        return weight + rise, 0.5 * (weight + rise)


class Greedy(Synapse):
    """Needs many random numbers."""

    name = "GreedyForTest"

    @staticmethod
    def on_pre(weight, uniform_1, uniform_2, uniform_4):
        return (weight * (uniform_1 + uniform_2 + uniform_4),)


class Gaining(Adding):
    """One of its parameters has a name that devices use."""

    name = "GainingForTest"
    parameters = (*Adding.parameters, Parameter("gain", 1.0, ""))


class Broken(Synapse):
    """Returns too much."""

    name = "BrokenForTest"

    @staticmethod
    def on_pre(weight):
        return weight, weight


def called(model, function, **given):
    """What a function of a model returns, with defaults for what is not given."""
    values = {p.name: p.default for p in model.parameters}
    values |= {s.name: s.initial for s in model.states}
    values |= {"since_pre": 1e9, "since_post": 1e9, **given}
    return function(*(np.float64(values[name]) for name in argument_names(function)))


class TestPulses:
    @given(
        st.sampled_from(["saturating", "exponential"]),
        st.floats(-4.0, 4.0),
        st.floats(0.0, 1.0),
        st.floats(-0.5, 0.5),
    )
    def test_a_change_becomes_pulses(self, law, beta, weight, rise):
        pulses = PulseProgramming(40, 30, beta, beta / 2.0, law=law)
        device = Memristor(pulses=pulses, w_min=0.0, w_max=1.0, pair=False)
        model = memristive(Adding, device)
        after, amount = called(model, model.on_pre, weight=weight, rise=rise)
        number = np.floor(max(rise, 0.0) * 40 + 0.5) - np.floor(max(-rise, 0.0) * 30 + 0.5)
        # (weight + rise) - weight is not rise to the last digit, which may decide a tie
        full = 40 if rise > 0.0 else 30
        if abs((abs(rise) * full) % 1.0 - 0.5) > 1e-9:
            assert float(after) == pytest.approx(float(pulses.response(weight, number)), abs=1e-12)
        wanted = weight + rise
        if abs(wanted) > 1e-9:
            assert float(amount) == pytest.approx(0.5 * float(after), abs=1e-9)

    def test_of_stdp(self):
        pulses = PulseProgramming(50, 50, 1.0, 2.0)
        model = memristive(STDP, Memristor(pulses=pulses))
        after, _ = called(
            model, model.on_post, weight=0.8, trace_pre=1.0, since_pre=0.0, A_plus=0.1, w_max=2.0
        )
        assert float(after) == pytest.approx(2.0 * float(pulses.response(0.4, 5)))
        after, _, amount = called(
            model, model.on_pre, weight=0.8, trace_post=1.0, since_post=0.0, A_minus=0.1,
            w_max=2.0, sign=-1.0,
        )  # fmt: skip
        assert float(after) == pytest.approx(2.0 * float(pulses.response(0.4, -5)))
        assert float(amount) == -float(after)

    def test_span_of_each_device(self):
        pulses = PulseProgramming(10, 10)
        model = memristive(Adding, Memristor(pulses=pulses, w_min=0.0, w_max=1.0, pair=False))
        after, _ = called(model, model.on_pre, weight=0.5, rise=0.2, gain=0.8)
        assert float(after) == pytest.approx(0.5 + 0.2 * 0.8)
        after, _ = called(model, model.on_pre, weight=0.5, rise=0.9, gain=0.8)
        assert float(after) == pytest.approx(0.8)

    def test_stuck_devices_stay(self):
        model = memristive(Adding, Memristor(pulses=PulseProgramming(), w_max=1.0))
        after, amount = called(model, model.on_pre, weight=0.5, rise=0.2, working=0.0)
        assert (float(after), float(amount)) == (0.5, 0.25)

    def test_chance_and_noise(self):
        pulses = PulseProgramming(10, 10, rounding="stochastic", cycle_to_cycle=0.01)
        model = memristive(Adding, Memristor(pulses=pulses, w_min=0.0, w_max=1.0, pair=False))
        # Box and Muller: exp(-1/2) and 1/2 give -1 and 0
        given = {"uniform_1": np.exp(-0.5), "uniform_2": 0.5, "weight": 0.5, "rise": 0.13}
        after, _ = called(model, model.on_pre, uniform_3=0.69, **given)
        assert float(after) == pytest.approx(0.6 - 0.01)
        after, _ = called(model, model.on_pre, uniform_3=0.71, **given)
        assert float(after) == pytest.approx(0.7 - 0.01 * np.sqrt(2.0))

    def test_a_whole_number_of_parameters_is_floating(self):
        model = memristive(STDP, Memristor(pulses=PulseProgramming(50, 40)))
        assert all(isinstance(p.default, float) for p in model.parameters)


class TestReading:
    def test_deviation_is_that_of_both_conductances(self):
        device = Memristor(read_noise=0.1, w_max=1.0, g_min=35.0, g_max=105.0)
        model = memristive_synapse(None, device)
        given = {"uniform_1": np.exp(-0.5), "uniform_2": 0.25}  # 0 and 1
        (amount,) = called(model, model.on_pre, weight=-0.5, **given)
        assert float(amount) == pytest.approx(-0.5 + 0.1 * np.hypot(70.0, 35.0) / 70.0)

    @pytest.mark.parametrize(("w_min", "active"), [(0.0, 85.0), (-1.0, 87.5)])
    def test_of_a_single_device(self, w_min, active):
        device = Memristor(
            read_noise=0.1, w_min=w_min, w_max=1.0, pair=False, g_min=50.0, g_max=100.0
        )
        given = {"uniform_1": np.exp(-0.5), "uniform_2": 0.25, "weight": 0.7 if not w_min else 0.5}
        model = memristive_synapse(None, device)
        (amount,) = called(model, model.on_pre, **given)
        slope = (1.0 - w_min) / 50.0
        assert float(amount) == pytest.approx(given["weight"] + 0.1 * active * slope)

    def test_other_dynamics_go_on(self):
        model = memristive(TsodyksMarkram, Memristor(read_noise=0.1, w_max=1.0))
        given = {"uniform_1": np.exp(-0.5), "uniform_2": 1.0, "weight": 0.5, "U": 0.4}
        found = called(model, model.on_pre, **given)  # 1 and 0: no noise of the reading
        wanted = called(TsodyksMarkram, TsodyksMarkram.on_pre, weight=0.5, U=0.4)
        np.testing.assert_allclose([float(v) for v in found], [float(v) for v in wanted])

    def test_nothing_to_change(self):
        assert memristive(TsodyksMarkram, Memristor(levels=4)) is TsodyksMarkram


@pytest.mark.parametrize(
    ("model", "device", "message"),
    [
        (STDP, Memristor(), "give pulses=PulseProgramming"),
        (Adding, Memristor(pulses=PulseProgramming()), "give w_max"),
        (TsodyksMarkram, Memristor(read_noise=FlickerNoise()), "not of FlickerNoise"),
        (TsodyksMarkram, Memristor(read_noise=0.1), "range of weights"),
        (Greedy, Memristor(read_noise=0.1, w_max=1.0), "none are left"),
        (Gaining, Memristor(pulses=PulseProgramming(), w_max=1.0), "'gain' stands for several"),
        (Broken, Memristor(read_noise=0.1, w_max=1.0), "a tuple of 2"),
    ],
)
def test_what_cannot_be_kept_in_a_device(model, device, message):
    with pytest.raises(InvalidValueError, match=message):
        memristive(model, device)
