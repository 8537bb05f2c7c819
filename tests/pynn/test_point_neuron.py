"""What composed cells do, against closed forms and the cells that are composed in advance."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pyNN import errors

from ship_engine.models.lif import LeakyMembrane
from ship_engine.models.receptors import ConductanceAlpha, ConductanceBeta

TIME = np.arange(301) / 10
ARRIVAL = 3.0
SINCE = np.maximum(TIME - ARRIVAL, 0.0)


def kinds(sim):
    """A receptor of each kind, and the time course of what it does for a weight of one."""
    return {
        "curr_exp": (sim.CurrExpPostSynapticResponse(tau_syn=4.0), lambda t: np.exp(-t / 4.0)),
        "exp": (sim.ExpPSR(tau_syn=3.0, e_syn=-10.0), lambda t: np.exp(-t / 3.0)),
        "alpha": (sim.AlphaPSR(tau_syn=2.0), lambda t: t / 2.0 * np.exp(1.0 - t / 2.0)),
        "beta": (sim.BetaPSR(tau_rise=1.0, tau_decay=2.0), beta),
    }


def beta(t):
    """With twice the time constant the peak, at 2 ln 2, is 1 / 4."""
    return 4.0 * (np.exp(-t / 2.0) - np.exp(-t / 1.0))


@pytest.fixture
def spike(sim):
    """A source that spikes once, so that it acts at `ARRIVAL`."""
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[ARRIVAL - 1.0]))

    def reach(cells, receptor, weight):
        synapse = sim.StaticSynapse(weight=weight, delay=1.0)
        return sim.Projection(source, cells, sim.AllToAllConnector(), synapse, None, receptor)

    return reach


@pytest.mark.parametrize("kind", ["curr_exp", "exp", "alpha", "beta"])
def test_one_receptor(sim, spike, samples, kind):
    receptor, shape = kinds(sim)[kind]
    cells = sim.Population(2, sim.PointNeuron(sim.LIF(v_thresh=1e3), R=receptor))
    variable = "R.isyn" if kind == "curr_exp" else "R.gsyn"
    cells.record(["v", variable])
    spike(cells, "R", 0.01)
    sim.run(30.0)
    expected = np.where(TIME >= ARRIVAL, 0.01 * shape(SINCE), 0.0)
    found = samples(cells, variable)
    assert_allclose(found[:, 0], expected, rtol=1e-10, atol=1e-16)
    assert_array_equal(found[:, 0], found[:, 1])
    assert np.ptp(samples(cells, "v")) > 0.01


def test_receptors_of_all_kinds_work_side_by_side(sim, spike, samples):
    receptors = {kind: receptor for kind, (receptor, _) in kinds(sim).items()}
    cell = sim.Population(1, sim.PointNeuron(sim.LIF(v_thresh=1e3), **receptors))
    cell.record("all")
    for k, kind in enumerate(receptors, 1):
        spike(cell, kind, 0.01 * k)
    sim.run(30.0)
    segment = cell.get_data().segments[0]
    assert {signal.name for signal in segment.analogsignals} == {
        "v", "curr_exp.isyn", "exp.gsyn", "alpha.gsyn", "alpha.gsyn_rise", "beta.gsyn",
        "beta.gsyn_rise",
    }  # fmt: skip
    for k, (kind, (_, shape)) in enumerate(kinds(sim).items(), 1):
        variable = f"{kind}.isyn" if kind == "curr_exp" else f"{kind}.gsyn"
        expected = np.where(TIME >= ARRIVAL, 0.01 * k * shape(SINCE), 0.0)
        assert_allclose(samples(cell, variable)[:, 0], expected, rtol=1e-10, atol=1e-16)


@pytest.mark.parametrize(
    ("standard", "receptor"),
    [
        ("IF_curr_exp", "CurrExpPostSynapticResponse"),
        ("IF_cond_exp", "ExpPSR"),
        ("IF_cond_alpha", "AlphaPSR"),
    ],
)
def test_same_as_the_standard_cell(sim, spike, samples, spike_times, standard, receptor):
    """Also with other names of the receptors, which change their order."""
    conductance = "cond" in standard
    reversal = {"e_rev_E": 0.0, "e_rev_I": -70.0} if conductance else {}
    one = getattr(sim, standard)(tau_syn_E=2.0, tau_syn_I=6.0, i_offset=0.6, **reversal)
    parts = [{"tau_syn": 2.0}, {"tau_syn": 6.0}]
    if conductance:
        parts = [{**parts[0], "e_syn": 0.0}, {**parts[1], "e_syn": -70.0}]
    exc, inh = (getattr(sim, receptor)(**values) for values in parts)
    other = sim.PointNeuron(sim.LIF(i_offset=0.6), b=exc, a=inh)
    cells = [sim.Population(1, celltype) for celltype in (one, other)]
    for cell, ports in zip(cells, (("excitatory", "inhibitory"), ("b", "a")), strict=True):
        cell.record(["v", "spikes"])
        spike(cell, ports[0], 0.5 if conductance else 20.0)
        spike(cell, ports[1], 0.05 if conductance else -0.5)
    sim.run(30.0)
    assert cells[0].mean_spike_count() > 0
    assert_allclose(samples(cells[1], "v"), samples(cells[0], "v"), rtol=0.0, atol=1e-9)
    assert_allclose(spike_times(cells[1])[0], spike_times(cells[0])[0], rtol=0.0, atol=1e-9)


@pytest.mark.parametrize(
    ("standard", "receptor"),
    [("EIF_cond_exp_isfa_ista", "ExpPSR"), ("EIF_cond_alpha_isfa_ista", "AlphaPSR")],
)
def test_same_as_the_standard_adaptive_cell(sim, spike, samples, spike_times, standard, receptor):
    one = getattr(sim, standard)(tau_syn_E=2.0, i_offset=0.8, a=3.0, b=0.1, tau_m=12.0)
    neuron = sim.AdExp(i_offset=0.8, a=3.0, b=0.1, tau_m=12.0)
    other = sim.PointNeuron(neuron, only=getattr(sim, receptor)(tau_syn=2.0))
    cells = [sim.Population(1, celltype) for celltype in (one, other)]
    for cell, port in zip(cells, ("excitatory", "only"), strict=True):
        cell.initialize(w=0.05)
        cell.record(["v", "w", "spikes"])
        spike(cell, port, 0.05)
    sim.run(60.0)
    assert cells[0].mean_spike_count() > 1
    for name in ("v", "w"):
        assert_allclose(samples(cells[1], name), samples(cells[0], name), rtol=0.0, atol=1e-9)
    assert_allclose(spike_times(cells[1])[0], spike_times(cells[0])[0], rtol=0.0, atol=1e-9)


def test_currents_on_a_leaky_membrane_are_exact(sim, spike, samples):
    receptor = sim.CurrExpPostSynapticResponse(tau_syn=5.0)
    cell = sim.Population(1, sim.PointNeuron(sim.LIF(tau_m=20.0, cm=0.5), one=receptor))
    cell.record("v")
    spike(cell, "one", 0.3)
    sim.run(30.0)
    factor = 0.3 / 0.5 * 5.0 * 20.0 / 15.0
    expected = -65.0 + factor * (np.exp(-SINCE / 20.0) - np.exp(-SINCE / 5.0))
    assert_allclose(samples(cell, "v")[:, 0], expected, rtol=1e-13)


def test_injected_current(sim, samples):
    cell = sim.Population(1, sim.PointNeuron(sim.LIF(tau_m=10.0, cm=0.5), R=sim.ExpPSR()))
    cell.record("v")
    cell.inject(sim.DCSource(amplitude=0.2))
    sim.run(30.0)
    expected = -65.0 + 0.2 * 10.0 / 0.5 * -np.expm1(-TIME / 10.0)
    assert_allclose(samples(cell, "v")[:, 0], expected, atol=1e-6)


def test_without_receptors(sim, spike):
    cell = sim.Population(1, sim.PointNeuron(sim.LIF(i_offset=2.0)))
    cell.record("spikes")
    assert cell.receptor_types == []
    with pytest.raises(errors.ConnectionError, match="has no receptors"):
        spike(cell, None, 1.0)
    sim.run(30.0)
    assert cell.mean_spike_count() > 1


def test_units_of_what_is_recorded(sim):
    receptors = {kind: receptor for kind, (receptor, _) in kinds(sim).items()}
    celltype = sim.PointNeuron(sim.LIF(), **receptors)
    cell = sim.Population(1, celltype)
    cell.record(celltype.recordable)
    sim.run(0.1)
    found = {
        s.name: s.units.dimensionality.string for s in cell.get_data().segments[0].analogsignals
    }
    assert found == {
        "v": "mV", "curr_exp.isyn": "nA", "exp.gsyn": "uS", "alpha.gsyn": "uS",
        "beta.gsyn": "uS", "alpha.gsyn_rise": "uS/ms", "beta.gsyn_rise": "uS/ms",
    }  # fmt: skip
    for name in ("exp.isyn", "curr_exp.gsyn", "gsyn", "none.gsyn", "exp.v"):
        with pytest.raises(errors.RecordingError):
            cell.record(name)


def test_every_initial_value_counts(sim, samples):
    receptors = {kind: receptor for kind, (receptor, _) in kinds(sim).items()}
    celltype = sim.PointNeuron(sim.LIF(v_thresh=1e3), **receptors)
    values = {"v": -70.0, "alpha.gsyn": [0.1, 0.2], "curr_exp.isyn": 0.3}
    cells = sim.Population(2, celltype, initial_values=values)
    cells[1:2].initialize(**{"beta.gsyn": lambda i: 0.04, "exp.gsyn": 0.05})
    cells.record(celltype.recordable)
    expected = {
        "v": [-70.0, -70.0], "alpha.gsyn": [0.1, 0.2], "curr_exp.isyn": [0.3, 0.3],
        "beta.gsyn": [0.0, 0.04], "exp.gsyn": [0.0, 0.05], "alpha.gsyn_rise": [0.0, 0.0],
    }  # fmt: skip
    for _ in range(2):
        sim.run(5.0)
        for name, numbers in expected.items():
            assert_array_equal(samples(cells, name)[0], numbers)
        later = samples(cells, "beta.gsyn")[50, 1]
        assert later == pytest.approx(0.04 * np.exp(-5.0 / 2.0), rel=1e-12)
        sim.reset()
    assert cells.initial_values["alpha.gsyn"].evaluate().tolist() == [0.1, 0.2]
    assert cells[1].get_initial_value("beta.gsyn") == 0.04
    with pytest.raises(errors.NonExistentParameterError, match=r"alpha\.gsyn_rise"):
        cells.initialize(gsyn=0.0)


class TestWeights:
    """The receptor says what sign and unit a weight may have."""

    @pytest.fixture
    def cell(self, sim):
        receptors = {kind: receptor for kind, (receptor, _) in kinds(sim).items()}
        known = {"inhibitory": sim.CurrExpPostSynapticResponse(), "GABAA": sim.AlphaPSR()}
        return sim.Population(1, sim.PointNeuron(sim.LIF(), **receptors, **known))

    @pytest.mark.parametrize("receptor", ["exp", "alpha", "beta", "GABAA"])
    def test_conductances_are_not_negative(self, cell, spike, receptor):
        with pytest.raises(errors.ConnectionError, match="positive for conductance"):
            spike(cell, receptor, -0.1)
        assert spike(cell, receptor, 0.1).get("weight", "list", with_address=False) == [0.1]

    def test_currents_may_have_both_signs(self, cell, spike):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for weight in (-0.1, 0.1):
                spike(cell, "curr_exp", weight)

    def test_inhibitory_currents_are_not_positive(self, cell, spike):
        spike(cell, "inhibitory", -0.1)
        with pytest.raises(errors.ConnectionError, match="negative for current-based"):
            spike(cell, "inhibitory", 0.1)

    def test_units(self, cell, spike):
        import quantities as pq

        assert spike(cell, "exp", 5 * pq.nS).get("weight", "list", with_address=False) == [0.005]
        found = spike(cell, "curr_exp", -20 * pq.pA).get("weight", "list", with_address=False)
        assert found == [pytest.approx(-0.02)]
        for receptor, weight in (("exp", 1 * pq.nA), ("curr_exp", 1 * pq.nS)):
            with pytest.raises(errors.InvalidParameterValueError, match=f"'{receptor}' takes"):
                spike(cell, receptor, weight)

    @pytest.mark.parametrize("others", [{}, {"S": "ExpPSR"}])
    def test_an_assembly_of_both_kinds(self, sim, spike, others):
        """Whatever its cells have besides, the receptor in question has to be of one kind."""
        more = {label: getattr(sim, kind)() for label, kind in others.items()}
        parts = [
            sim.Population(1, sim.PointNeuron(sim.LIF(), R=receptor, **more))
            for receptor in (sim.ExpPSR(), sim.CurrExpPostSynapticResponse())
        ]
        with pytest.raises(errors.ConnectionError, match=r"homogeneous|of 'both' .* currents"):
            spike(sim.Assembly(*parts, label="both"), "R", 0.1)
        if others:
            assert len(spike(sim.Assembly(*parts), "S", 0.1)) == 2
            with pytest.raises(errors.ConnectionError, match="positive for conductance"):
                spike(sim.Assembly(*parts), "S", -0.1)

    def test_the_first_receptor_is_the_default(self, sim, cell, spike):
        """PyNN: the first for positive weights, in the order of their names, else the second."""
        assert spike(cell, None, 0.1).receptor_type == "GABAA"
        with pytest.raises(errors.ConnectionError, match="must be one of: 'GABAA', 'alpha'"):
            spike(cell, "missing", 0.1)


def test_the_same_parts_make_the_same_model(sim):
    one, same = (
        sim.PointNeuron(sim.LIF(tau_m=tau), A=sim.AlphaPSR(tau_syn=tau), B=sim.BetaPSR())
        for tau in (1.0, 2.0)
    )
    assert one.model is same.model
    assert one.model is not sim.PointNeuron(sim.LIF(), A=sim.BetaPSR(), B=sim.AlphaPSR()).model
    assert [port.name for port in one.model.ports] == ["A", "B"]


def test_labels_make_no_difference_to_compiled_code(sim, tmp_path):
    from pyNN_ship.standardmodels.point_neuron import composed_model
    from ship_engine.lowering.cache import KernelCache
    from ship_engine.lowering.kernels import model_kernel

    cache = KernelCache(tmp_path)
    for labels in (("A", "B"), ("next/half", "v_stage2")):
        parts = zip(labels, (ConductanceAlpha, ConductanceBeta), strict=True)
        model_kernel(cache, composed_model(LeakyMembrane, tuple(parts)), True)
    assert len(list(tmp_path.iterdir())) == 1
