"""Every parameter of every synapse type: given, read, set, and refused, for each synapse."""

from __future__ import annotations

import numpy as np
import pytest
import quantities as pq
from numpy.testing import assert_allclose, assert_array_equal
from pyNN import errors
from pyNN.connectors import Connector, MapConnector
from pyNN.parameters import LazyArray
from synapse_examples import ALL, MECHANISMS, SHAPE, make, parameters, values


@pytest.fixture
def cells(sim):
    return sim.Population(3, sim.IF_cond_exp(), label="pre"), sim.Population(
        2, sim.IF_cond_exp(), label="post"
    )


def read(projection, names):
    return dict(zip(names, projection.get(names, "array"), strict=True))


def assert_values(projection, expected):
    for name, matrix in read(projection, list(expected)).items():
        assert_allclose(matrix, expected[name], rtol=1e-15, err_msg=name)


# --- giving and reading --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("connector", ["AllToAllConnector", "ArrayConnector"])
def test_a_value_for_each_pair_and_parameter(sim, cells, name, connector):
    made = sim.ArrayConnector(np.ones(SHAPE, bool)) if connector[1] == "r" else (
        sim.AllToAllConnector())  # fmt: skip
    expected = {parameter: values(parameter) for parameter in parameters(name)}
    projection = sim.Projection(*cells, made, make(name, **expected))
    assert_values(projection, expected)
    for k, connection in enumerate(projection):
        i, j = connection.presynaptic_index, connection.postsynaptic_index
        assert (i, j) == divmod(k, 2)
        for parameter, matrix in expected.items():
            assert getattr(connection, parameter) == pytest.approx(matrix[i, j], rel=1e-15)


@pytest.mark.parametrize("name", ALL)
def test_columns_of_a_list_in_any_order(sim, cells, name):
    names = parameters(name)
    expected = {parameter: values(parameter) for parameter in names}
    pairs = [(2, 1), (0, 0), (2, 0), (1, 1), (0, 1)]
    rows = [(i, j, *(expected[n][i, j] for n in names)) for i, j in pairs]
    connector = sim.FromListConnector(rows, column_names=names)
    projection = sim.Projection(*cells, connector, make(name))
    expected = {n: np.where([[1, 1], [0, 1], [1, 1]], m, np.nan) for n, m in expected.items()}
    assert_values(projection, expected)
    listed = projection.get(names, "list")
    assert [row[:2] for row in listed] == sorted(pairs)
    assert_allclose(sorted(listed), sorted(rows), rtol=1e-15)


@pytest.mark.parametrize("name", [ALL[1], MECHANISMS[0], MECHANISMS[7]])
def test_views_assemblies_and_clones(sim, cells, name):
    pre, post = cells
    other = sim.Population(2, sim.IF_cond_exp(tau_syn_E=3.0))
    sources = sim.Assembly(pre[2:3], other, pre[0:1])
    targets = sim.Assembly(other[1:2], post)
    expected = {parameter: values(parameter, shape=(4, 3)) for parameter in parameters(name)}
    projection = sim.Projection(sources, targets, sim.AllToAllConnector(), make(name, **expected))
    assert_values(projection, expected)
    clone = sim.Projection(sources, targets, sim.CloneConnector(projection), make(name, **expected))
    assert_values(clone, expected)
    for parameter in expected:
        changed = values(parameter, seed=1, shape=(4, 3))
        projection.set(**{parameter: changed})
        expected[parameter] = changed
        assert_values(projection, expected)


def test_random_values_and_functions_of_distance(sim, cells):
    def random():
        return sim.RandomDistribution("uniform", (0.1, 0.9), rng=sim.NumpyRNG(3))

    synapse = sim.TsodyksMarkramSynapse(
        U=random(), tau_rec="100 + 10*d", tau_facil=lambda d: 5.0 * d, weight=0.01
    )
    projection = sim.Projection(*cells, sim.AllToAllConnector(), synapse)
    distance = np.abs(np.subtract.outer(np.arange(3.0), np.arange(2.0)))
    found = read(projection, ["U", "tau_rec", "tau_facil"])
    assert_array_equal(found["tau_rec"], 100.0 + 10.0 * distance)
    assert_array_equal(found["tau_facil"], 5.0 * distance)
    assert_array_equal(found["U"].T.ravel(), random().next(6))
    stdp = sim.STDPMechanism(
        sim.SpikePairRule(A_plus=random(), tau_minus="20 + d"),
        sim.AdditiveWeightDependence(w_max=random()),
        dendritic_delay_fraction=random(),
    )
    projection = sim.Projection(*cells, sim.AllToAllConnector(), stdp)
    found = read(projection, ["A_plus", "tau_minus", "w_max", "dendritic_delay_fraction"])
    assert_array_equal(found["tau_minus"], 20.0 + distance)
    for name in ("A_plus", "w_max", "dendritic_delay_fraction"):
        assert_array_equal(found[name].T.ravel(), random().next(6))


class EveryOther(MapConnector):
    """A connector as users of PyNN write them."""

    parameter_names = ()

    def connect(self, projection):
        mask = np.array([[True, False], [False, True], [True, True]])
        self._connect_with_map(projection, LazyArray(mask, projection.shape))


@pytest.mark.parametrize("name", ["MultiQuantalSynapse", MECHANISMS[3]])
def test_connectors_of_users(sim, cells, name):
    expected = {parameter: values(parameter) for parameter in parameters(name)}
    projection = sim.Projection(*cells, EveryOther(), make(name, **expected))
    mask = [[1, 0], [0, 1], [1, 1]]
    assert_values(projection, {n: np.where(mask, m, np.nan) for n, m in expected.items()})


class WeightAndDelay(Connector):
    """A connector that gives no other values."""

    parameter_names = ()

    def connect(self, projection):
        projection._convergent_connect(np.array([2, 0]), 1, weight=np.array([0.1, 0.2]), delay=1.0)
        projection._convergent_connect(np.array([1]), 0, weight=0.3, delay=2.0)


def test_what_a_connector_of_users_leaves_out_comes_from_the_synapse_type(sim, cells):
    expected = values("U")
    synapse = sim.TsodyksMarkramSynapse(U=expected)
    projection = sim.Projection(*cells, WeightAndDelay(), synapse)
    assert projection.get(["weight", "delay", "U"], "list") == [
        (0, 1, 0.2, 1.0, expected[0, 1]), (1, 0, 0.3, 2.0, expected[1, 0]),
        (2, 1, 0.1, 1.0, expected[2, 1])]  # fmt: skip


def test_the_shortest_delay_is_the_default(sim):
    sim.setup(timestep=0.1, min_delay=0.5)
    for name in ALL:
        synapse = make(name)
        assert synapse.native_parameters["delay"].base_value == 0.5
    assert make(MECHANISMS[0], delay=2.0).delay == 2.0


def test_types_of_the_same_class_do_not_share_what_they_are_made_of():
    pairs, inhibitory = make(MECHANISMS[3]), make(MECHANISMS[4])
    assert "A_plus" in pairs.translations
    assert "A_plus" not in inhibitory.translations
    assert "eta" in inhibitory.translations
    assert "eta" not in pairs.translations
    assert pairs.get_parameter_names() == [
        "weight", "delay", "dendritic_delay_fraction",
        "tau_plus", "tau_minus", "A_plus", "A_minus", "w_min", "w_max", "mu_plus", "mu_minus",
    ]  # fmt: skip
    assert pairs.possible_models == {pairs.model}
    assert pairs.model is make(MECHANISMS[3]).model
    assert pairs.has_parameter("mu_plus")
    assert not inhibitory.has_parameter("mu_plus")


# --- setting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_set_every_parameter_in_every_form(sim, cells, name):
    projection = sim.Projection(*cells, sim.AllToAllConnector(), make(name))
    expected = read(projection, parameters(name))
    for parameter in expected:
        first, second = values(parameter, seed=1), values(parameter, seed=2)
        for given, wanted in (
            (first, first),
            (second.ravel().tolist(), second),
            (float(first[0, 0]), np.full(SHAPE, first[0, 0])),
        ):
            if parameter in ("w_min", "w_max"):  # keep them apart
                projection.set(w_max=1.0)
                expected["w_max"] = np.ones(SHAPE)
            projection.set(**{parameter: given})
            assert_values(projection, expected | {parameter: wanted})
            expected[parameter] = wanted


@pytest.mark.parametrize("name", ALL)
def test_set_one_connection(sim, cells, name):
    expected = {parameter: values(parameter) for parameter in parameters(name)}
    projection = sim.Projection(*cells, sim.AllToAllConnector(), make(name, **expected))
    for parameter in expected:
        value = float(values(parameter, seed=1)[0, 0])
        setattr(projection[3], parameter, value)
        expected[parameter][1, 1] = value
        assert_values(projection, expected)
        assert projection[3].as_tuple(parameter) == (pytest.approx(value),)


def test_several_synapses_of_a_pair(sim, cells):
    rows = [(0, 0, 0.1), (1, 0, 0.3), (1, 0, 0.1), (1, 0, 0.2)]
    connector = sim.FromListConnector(rows, column_names=["U"])
    projection = sim.Projection(*cells, connector, sim.TsodyksMarkramSynapse(weight=0.01))
    for operation, value in (("first", 0.3), ("last", 0.2), ("min", 0.1), ("max", 0.3),
                             ("sum", 0.6)):  # fmt: skip
        found = projection.get("U", "array", multiple_synapses=operation)
        assert_allclose(found, [[0.1, np.nan], [value, np.nan], [np.nan, np.nan]], rtol=1e-15)


def test_quantities(sim, cells):
    projection = sim.Projection(
        *cells,
        sim.AllToAllConnector(),
        sim.STDPMechanism(
            sim.Vogels2011Rule(tau=0.02 * pq.s, eta=1.0 * pq.nS, rho=0.005 * pq.kHz),
            sim.AdditiveWeightDependence(w_max=30.0 * pq.nS),
            weight=10.0 * pq.nS,
            delay=0.002 * pq.s,
        ),
    )
    wanted = {"tau": 20.0, "eta": 0.001, "rho": 5.0, "w_max": 0.03, "weight": 0.01, "delay": 2.0}
    assert_values(projection, {n: np.full(SHAPE, v) for n, v in wanted.items()})
    projection.set(w_max=20.0 * pq.nS, rho=4.0 / pq.s, tau=0.01 * pq.s)
    wanted |= {"w_max": 0.02, "rho": 4.0, "tau": 10.0}
    assert_values(projection, {n: np.full(SHAPE, v) for n, v in wanted.items()})
    with pytest.raises(errors.InvalidParameterValueError, match="takes uS"):
        projection.set(w_max=1.0 * pq.nA)
    with pytest.raises(errors.InvalidParameterValueError, match="neither a current"):
        projection.set(eta=1.0 * pq.ms)


def test_weights_are_saved_with_all_other_parameters(sim, cells, tmp_path):
    for name in (ALL[4], MECHANISMS[3]):
        expected = {parameter: values(parameter) for parameter in parameters(name)}
        saved = sim.Projection(*cells, sim.AllToAllConnector(), make(name, **expected))
        for names in ("all", "weight"):
            file = str(tmp_path / f"{names}.txt")
            saved.save(names, file)
            loaded = sim.Projection(*cells, sim.FromFileConnector(file), make(name))
            known = expected if names == "all" else {"weight": expected["weight"]}
            for parameter, matrix in read(loaded, list(known)).items():
                assert_allclose(matrix, known[parameter], rtol=1e-6)


# --- what is refused -----------------------------------------------------------------------------

WRONG = [
    ("TsodyksMarkramSynapse", "U", 1.5, "U = 1.5 for .* >= 0 and <= 1"),
    ("TsodyksMarkramSynapse", "tau_rec", 0.0, "tau_rec = 0 for .* > 0"),
    ("TsodyksMarkramSynapse", "tau_facil", -1.0, "tau_facil = -1 for .* >= 0"),
    ("SimpleStochasticSynapse", "p", 1.1, "p = 1.1 for"),
    ("SimpleStochasticSynapse", "p", np.nan, "p = nan for"),
    ("StochasticTsodyksMarkramSynapse", "U", -0.1, "U = -0.1 for"),
    ("MultiQuantalSynapse", "n", 0, "n = 0 for .* a whole number >= 1"),
    ("MultiQuantalSynapse", "n", 1.5, "n = 1.5 for .* a whole number >= 1"),
    (MECHANISMS[0], "tau_plus", -2.0, "tau_plus = -2 for .* > 0"),
    (MECHANISMS[0], "dendritic_delay_fraction", 1.5, "dendritic_delay_fraction = 1.5 for"),
    (MECHANISMS[0], "w_min", 2.0, "w_min = 2 and w_max = 1 for .* the smaller one"),
    (MECHANISMS[0], "w_max", np.inf, "w_max = inf for"),
    (MECHANISMS[3], "mu_plus", -0.5, "mu_plus = -0.5 for"),
    (MECHANISMS[4], "rho", -1.0, "rho = -1 for"),
    (MECHANISMS[4], "eta", np.nan, "eta = nan for"),
]


@pytest.mark.parametrize(("name", "parameter", "value", "message"), WRONG)
def test_values_out_of_range_are_refused_where_they_are_written(
    sim, cells, name, parameter, value, message
):
    projection = sim.Projection(*cells, sim.AllToAllConnector(), make(name))
    before = read(projection, parameters(name))
    matrix = values(parameter)
    matrix[2, 1] = value
    with pytest.raises(errors.InvalidParameterValueError, match=message):
        make(name, **{parameter: value})
    for attempt in (value, matrix, lambda d: value + 0 * d):
        with pytest.raises(errors.InvalidParameterValueError, match=message):
            projection.set(**{parameter: attempt})
    with pytest.raises(errors.InvalidParameterValueError, match=message):
        setattr(projection[0], parameter, value)
    function = make(name, **{parameter: lambda d: value + 0 * d})
    with pytest.raises(errors.InvalidParameterValueError, match=message):
        sim.Projection(*cells, sim.AllToAllConnector(), function)
    assert_values(projection, before)
    sim.run(1.0)


def test_a_refused_value_changes_no_part_and_no_other_value(sim, cells):
    pre, post = cells
    projection = sim.Projection(
        sim.Assembly(pre, post), post, sim.AllToAllConnector(), make(MECHANISMS[0], weight=0.01)
    )
    wrong = np.ones((5, 2))
    wrong[4, 1] = np.nan
    for name in ("w_max", "A_plus", "weight"):
        before = read(projection, parameters(MECHANISMS[0]))
        with pytest.raises((errors.InvalidParameterValueError, errors.InvalidWeightError)):
            projection.set(**{"tau_plus": 5.0, name: wrong})
        assert_values(projection, before)


def test_parts_of_a_mechanism(sim):
    rule, dependence = sim.SpikePairRule(), sim.AdditiveWeightDependence()
    with pytest.raises(TypeError, match=r"timing_dependence = None .* SpikePairRule"):
        sim.STDPMechanism(weight_dependence=dependence)
    with pytest.raises(TypeError, match=r"weight_dependence = SpikePairRule.*such as Additive"):
        sim.STDPMechanism(rule, rule)
    with pytest.raises(errors.NoModelAvailableError, match="voltage_dependence = 1"):
        sim.STDPMechanism(rule, dependence, voltage_dependence=1)
    with pytest.raises(errors.NonExistentParameterError, match="A_minus"):
        sim.SpikePairRule(A_minnus=1.0)
    with pytest.raises(TypeError, match="takes 2 values"):
        sim.AdditiveWeightDependence(0.0, 1.0, 2.0)
    with pytest.raises(TypeError, match="w_min twice"):
        sim.AdditiveWeightDependence(0.0, w_min=1.0)
    limits = sim.AdditiveWeightDependence(w_max=1.0 * pq.nS)
    with pytest.raises(errors.InvalidParameterValueError, match=r"weight like nA.*like uS"):
        sim.STDPMechanism(rule, limits, weight=1.0 * pq.nA)
    assert sim.SpikePairRule(10.0, 11.0, 0.1, 0.2).parameter_space["A_plus"].base_value == 0.1


def test_unknown_names(sim, cells):
    projection = sim.Projection(*cells, sim.AllToAllConnector(), sim.TsodyksMarkramSynapse())
    with pytest.raises(errors.NonExistentParameterError, match="tau_psc"):
        projection.get("tau_psc", "list")
    with pytest.raises(errors.NonExistentParameterError, match="tau_rec"):
        projection.set(tau_recc=1.0)
    with pytest.raises(errors.NonExistentParameterError, match="U"):
        projection[0].UU = 1.0
    with pytest.raises(errors.NonExistentParameterError, match="u"):
        projection.initialize(U=1.0)
    with pytest.raises(AttributeError, match="no attribute 'w_max'; it has weight, delay, U"):
        _ = projection[0].w_max
    with pytest.raises(errors.InvalidDimensionsError, match="one number"):
        projection[0].U = [0.1, 0.2]
    assert {"U", "u", "weight"} <= set(dir(projection[0]))
