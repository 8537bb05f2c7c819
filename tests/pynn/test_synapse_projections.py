"""What projections do with synapses of any type: both executors, summaries, values to set."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from synapse_examples import ALL, MECHANISMS, SHAPE, SHORT_TERM, make, parameters, values


def network(sim, names, **options):
    """Projections of many types between cells that spike at random."""
    sim.setup(timestep=0.1, seed=3, **options)
    rng = np.random.default_rng(0)
    times = [np.sort(rng.uniform(1.0, 100.0, 12)) for _ in range(5)]
    pre = sim.Population(3, sim.SpikeSourceArray(spike_times=times[:3]), label="pre")
    driver = sim.Population(2, sim.SpikeSourceArray(spike_times=times[3:]))
    post = sim.Population(2, sim.IF_curr_exp(), label="post")
    kick = sim.StaticSynapse(weight=60.0, delay=0.1)
    sim.Projection(driver, post, sim.OneToOneConnector(), kick)
    given = [make(name, **{n: values(n) for n in parameters(name)}) for name in names]
    return [sim.Projection(pre, post, sim.AllToAllConnector(), synapse) for synapse in given]


def read(projection):
    names = [*parameters_of(projection), *projection.synapse_type.state_units()]
    return dict(zip(names, projection.get(names, "array"), strict=True))


def parameters_of(projection):
    return projection.synapse_type.get_parameter_names()


def test_both_executors_agree(sim):
    pytest.importorskip("torch")
    found = []
    for executor in ("numba", "torch"):
        projections = network(sim, [*SHORT_TERM, MECHANISMS[0], MECHANISMS[7]], executor=executor)
        projections[-1].record("weight", sampling_interval=30.0)
        sim.run(45.0)
        projections[-1].set(eta=2e-3)
        sim.run(45.0)
        signal = projections[-1].get_data().segments[0].analogsignals[0].magnitude
        found.append([*(read(p) for p in projections), {"recorded": signal}])
        sim.reset()
        for projection in projections:
            assert_array_equal(projection.get("weight", "array"), values("weight"))
    for one, other in zip(*found, strict=True):
        for name, matrix in one.items():
            assert_allclose(other[name], matrix, rtol=1e-11, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("name", ALL)
def test_summaries(sim, name):
    (projection,) = network(sim, [name])
    assert len(projection) == projection.size() == 6
    assert sim.get_min_delay() == 0.1
    assert sim.get_max_delay() == values("delay").max()
    with pytest.warns(DeprecationWarning, match="histogram"):
        counts, bins = projection.weightHistogram(nbins=3)
    assert counts.sum() == 6
    assert_allclose(bins[[0, -1]], [values("weight").min(), values("weight").max()])
    assert "pre→post" in projection.describe()
    assert isinstance(projection.synapse_type.describe(), str)


@pytest.mark.parametrize(
    ("name", "parameter"),
    [("TsodyksMarkramSynapse", "U"), ("SimpleStochasticSynapse", "p"), (MECHANISMS[3], "w_max"),
     (MECHANISMS[3], "A_plus"), (MECHANISMS[3], "dendritic_delay_fraction")],
)  # fmt: skip
def test_set_random_values_and_functions_of_the_distance(sim, name, parameter):
    (projection,) = network(sim, [name])
    distribution = sim.RandomDistribution("uniform", (0.2, 0.8), rng=sim.NumpyRNG(5))
    projection.set(**{parameter: distribution})
    again = sim.RandomDistribution("uniform", (0.2, 0.8), rng=sim.NumpyRNG(5))
    assert_array_equal(projection.get(parameter, "array").ravel(), again.next(6))
    distance = np.abs(np.subtract.outer(np.arange(3.0), np.arange(2.0)))
    for value in ("0.1 + 0.2*d", lambda d: 0.1 + 0.2 * d):
        projection.set(**{parameter: value})
        assert_allclose(projection.get(parameter, "array"), 0.1 + 0.2 * distance, rtol=1e-15)


def test_projections_may_be_added_between_runs(sim):
    """Plastic synapses take in spikes from the time on at which they are made."""
    (first,) = network(sim, [MECHANISMS[0]])
    sim.run(50.0)
    late = sim.Projection(
        first.pre,
        first.post,
        sim.AllToAllConnector(),
        make(MECHANISMS[0], **{n: values(n) for n in parameters(MECHANISMS[0])}),
    )
    assert_array_equal(late.get("weight", "array"), values("weight"))
    sim.run(60.0)
    assert (late.get("weight", "array") != values("weight")).all()
    assert (late.get("weight", "array") != first.get("weight", "array")).any()
    sim.reset()
    sim.run(110.0)
    assert_allclose(late.get("weight", "array"), first.get("weight", "array"), rtol=1e-12)


def test_a_refused_projection_leaves_nothing_behind(sim, state):
    (projection,) = network(sim, ["StaticSynapse"])
    before = len(state.projections)
    wrong = sim.TsodyksMarkramSynapse(U=lambda d: 2.0 + d)
    with pytest.raises(ValueError, match="U = 2 for"):
        sim.Projection(projection.pre, projection.post, sim.AllToAllConnector(), wrong)
    assert len(state.projections) == before
    assert projection.get("weight", "array").shape == SHAPE
    sim.setup()
    assert state.projections == []


@pytest.mark.parametrize("name", ["StaticSynapse", "STDPMechanism", "ElectricalSynapse"])
def test_connections_of_assemblies_are_numbered_row_by_row(sim, name):
    cells, others = sim.Population(3, sim.IF_cond_exp()), sim.Population(4, sim.IF_cond_alpha())
    before = sim.Assembly(others[2:3], cells[2:], others[:1])  # not as they are in populations
    after = sim.Assembly(others[3:], cells[:2], others[1:2])
    weights = np.arange(1.0, 13.0).reshape(3, 4)
    rule = sim.SpikePairRule(), sim.AdditiveWeightDependence(w_max=20.0)
    given = rule if name == "STDPMechanism" else ()
    synapses = getattr(sim, name)(*given, weight=weights)
    projection = sim.Projection(before, after, sim.AllToAllConnector(), synapses)
    pairs = [(i, j, weights[i, j]) for i in range(3) for j in range(4)]
    assert projection.get("weight", "list") == pairs
    each = projection.connections
    assert [(c.presynaptic_index, c.postsynaptic_index, c.weight) for c in each] == pairs

    projection.set(weight=projection.get("weight", "list", with_address=False))
    assert_array_equal(projection.get("weight", "array"), weights)
    each[3].weight = 15.0
    weights[0, 3] = 15.0
    assert_array_equal(projection.get("weight", "array"), weights)
