"""Synapse models of the engine, one's own among them, as PyNN's synapse types."""

from __future__ import annotations

import numpy as np
import pytest
import quantities as pq
from numpy.testing import assert_allclose, assert_array_equal
from pyNN import errors

from ship_engine.elementwise import exp
from ship_engine.models.base import Parameter, State
from ship_engine.synapses.base import DENDRITIC_DELAY_FRACTION, Synapse
from ship_engine.synapses.stdp import Additive, SpikePairs, compose_stdp


class Growing(Synapse):
    """Each spike has more effect than the one before, and after a pause less again."""

    name = "Growing"
    parameters = (
        Parameter("growth", 0.5, "dimensionless", minimum=0.0),
        Parameter("tau", 100.0, "ms", minimum=0.0, exclusive=True),
    )
    states = (State("level", 1.0, "dimensionless"),)
    pre_changes = ("level",)

    @staticmethod
    def on_pre(weight, level, growth, tau, since_pre):
        now = 1.0 + (level - 1.0) * exp(-since_pre / tau)
        return now + growth, weight * now


class Counting(Synapse):
    """Every spike of the postsynaptic cell adds to the weight."""

    parameters = (DENDRITIC_DELAY_FRACTION, Parameter("step", 0.25, "weight"))
    post_changes = ("weight",)

    @staticmethod
    def on_pre(weight):
        return (weight,)

    @staticmethod
    def on_post(weight, step):
        return (weight + step,)


PLASTIC = {
    "parameters": (*Growing.parameters, DENDRITIC_DELAY_FRACTION),
    "post_changes": ("level",),
}


def changed(base=Growing, **attributes):
    return type("Changed", (base,), {"name": "Changed", **attributes})


@pytest.fixture
def driven(sim):
    """Cells that a synapse of the given type connects to a source."""

    def build(synapse, times=(1.0, 6.0, 11.0), size=2, celltype=None):
        source = sim.Population(1, sim.SpikeSourceArray(spike_times=list(times)))
        cells = sim.Population(size, celltype or sim.IF_curr_delta(tau_m=1e9, v_thresh=1e3))
        cells.record(["v", "spikes"])
        return cells, sim.Projection(source, cells, sim.AllToAllConnector(), synapse)

    return build


def test_description_of_a_model(sim):
    synapse = sim.native_synapse_type(Growing)
    assert issubclass(synapse, sim.NativeSynapseType)
    assert synapse.__name__ == "Growing"
    assert synapse.default_parameters == {
        "weight": 0.0, "delay": None, "growth": 0.5, "tau": 100.0,
    }  # fmt: skip
    assert sim.native_synapse_type(Counting).__name__ == "Counting"


def test_a_model_of_ones_own(sim, driven, samples):
    growth = np.array([[0.5, 2.0]])
    synapse = sim.native_synapse_type(Growing)(
        weight=2.0 * pq.mV, delay=1.0, growth=growth, tau=0.01 * pq.s
    )
    cells, projection = driven(synapse)
    sim.run(20.0)
    jumps = np.diff(samples(cells, "v"), axis=0)[[19, 69, 119]]
    levels = np.ones((3, 2))
    for k in (1, 2):
        levels[k] = 1.0 + (levels[k - 1] + growth[0] - 1.0) * np.exp(-5.0 / 10.0)
    assert_allclose(jumps, 2.0 * levels, rtol=1e-6)
    assert_array_equal(projection.get("growth", "array"), growth)
    assert projection.get("tau", "list", with_address=False) == [10.0, 10.0]
    projection.set(growth=0.25, weight=3.0)
    assert_array_equal(projection.get(["growth", "weight"], "array"), [[[0.25] * 2], [[3.0] * 2]])


def test_postsynaptic_spikes(sim, driven):
    synapse = sim.native_synapse_type(Counting)(
        weight=0.5, delay=1.0, step=[[0.25, 0.75]], dendritic_delay_fraction=0.0
    )
    firing = sim.IF_curr_delta(i_offset=2.0, tau_refrac=1.0)
    cells, projection = driven(synapse, celltype=firing)
    sim.run(50.0)
    counts = [*cells.get_spike_counts().values()]
    assert counts[0] > 2
    found = projection.get("weight", "array")[0]
    assert_allclose(found, 0.5 + np.array([0.25, 0.75]) * counts, rtol=1e-12)


def test_a_model_of_the_engine_by_name(sim, driven, samples):
    """It does the same as the standard synapse that it is behind."""
    native = sim.native_synapse_type("TsodyksMarkram")
    assert "tau_psc" not in native.default_parameters
    standard = sim.TsodyksMarkramSynapse
    celltype = sim.IF_curr_exp(tau_syn_E=2.0)
    traces = []
    for kind in (native, standard):
        synapse = kind(weight=1.0, delay=1.0, U=0.4, tau_rec=50.0, tau_facil=20.0)
        traces.append(driven(synapse, celltype=celltype)[0])
    sim.run(20.0)
    assert np.ptp(samples(traces[0], "v")) > 0.1
    assert_array_equal(samples(traces[0], "v"), samples(traces[1], "v"))


def test_plasticity_of_the_engine(sim, driven):
    model = compose_stdp(SpikePairs, Additive)
    synapse = sim.native_synapse_type(model)(weight=-0.5, w_max=1.0, A_plus=0.1, A_minus=0.0)
    _, projection = driven(synapse, celltype=sim.IF_curr_delta(i_offset=2.0))
    sim.run(50.0)
    assert (projection.get("weight", "array") < -0.5).all()


class TestRefused:
    """What is no synapse, or an incomplete one."""

    @pytest.mark.parametrize("given", [3, None, Growing(), SpikePairs])
    def test_no_model(self, sim, given):
        with pytest.raises(TypeError, match="give a subclass of"):
            sim.native_synapse_type(given)

    def test_names(self, sim):
        with pytest.raises(errors.InvalidModelError, match=r"'tsodyks2' is not .* TsodyksMarkram"):
            sim.native_synapse_type("tsodyks2")

    def test_parameters(self, sim):
        synapse = sim.native_synapse_type(Growing)
        for values, kind, text in (
            ({"tau": 0.0}, errors.InvalidParameterValueError, "tau = 0 for 'Growing'"),
            ({"growth": 1 * pq.ms}, errors.InvalidParameterValueError, "cannot be converted"),
            ({"U": 0.5}, errors.NonExistentParameterError, "U"),
        ):
            with pytest.raises(kind, match=text):
                synapse(**values)

    @pytest.mark.parametrize(
        ("attributes", "text"),
        [
            ({"states": (State("tau", 1.0, "ms"),)}, "'tau' stands for several things"),
            ({"parameters": ()}, "asks for 'growth'"),
            (
                {"parameters": (*Growing.parameters, Parameter("delay", 1.0, "ms"))},
                "'delay' stands",
            ),
            ({"pre_changes": ("growth",)}, "'growth' in pre_changes or post_changes"),
            (
                {"on_post": staticmethod(lambda level: (level,)), "post_changes": ("level",)},
                r"put `ship_engine\.synapses\.base\.DENDRITIC_DELAY_FRACTION` among its `param",
            ),
            ({"on_post": staticmethod(lambda level: (level,))}, "needs `post_changes`"),
            ({"post_changes": ("level",)}, "post_changes, but no 'on_post'"),
            ({"on_pre": None}, "no function 'on_pre'"),
            (
                {"on_pre": staticmethod(lambda weight: (weight,))},
                r"'on_pre' returns a tuple of 1, but a tuple of 2 .*: \(level, the amount\)",
            ),
            ({"on_pre": staticmethod(lambda weight: weight)}, "'on_pre' returns no tuple"),
            (
                {**PLASTIC, "on_post": staticmethod(lambda level: (level, level))},
                r"'on_post' returns a tuple of 2, but a tuple of 1 is expected: \(level,\)",
            ),
            ({"pre_changes": ("level", "weigth")}, "'weigth' in pre_changes or post_changes"),
            ({"pre_changes": "level"}, r"write `pre_changes = \('level',\)`, with the comma"),
            ({"on_pst": PLASTIC}, "'on_pst' means nothing to a Synapse, which knows name, on_post"),
            ({"parameters": (*Growing.parameters, Parameter("sign", 1.0, ""))}, "w_min and w_max"),
        ],
    )
    def test_mistakes(self, sim, attributes, text):
        with pytest.raises(errors.InvalidModelError, match=f"Changed: .*{text}"):
            sim.native_synapse_type(changed(**attributes))

    def test_a_missing_function(self, sim):
        with pytest.raises(errors.InvalidModelError, match="it has no function 'on_pre'"):
            sim.native_synapse_type(type("Empty", (Synapse,), {}))
