"""What our connectors refuse, with which class and words."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
from connector_examples import connect
from pyNN import errors
from pyNN.core import IndexBasedExpression
from pyNN.parameters import Sequence
from pyNN.random import AbstractRNG, NativeRNG, NumpyRNG, RandomDistribution
from recording_projection import with_ship


@pytest.fixture(autouse=True)
def fresh_network():
    with_ship.setup(timestep=0.1, min_delay=0.1)


class Values(IndexBasedExpression):
    def __init__(self, function):
        self.function = function

    def __call__(self, i, j):
        return self.function(i, j)


def static(**parameters):
    return with_ship.StaticSynapse(**parameters)


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan"), "2"])
def test_constant_probability(p):
    with pytest.raises(errors.InvalidParameterValueError, match="between 0 and 1"):
        with_ship.FixedProbabilityConnector(p)


@pytest.mark.parametrize(
    "rule",
    [
        lambda: with_ship.DistanceDependentProbabilityConnector(lambda d: 0.5 - d),
        lambda: with_ship.DistanceDependentProbabilityConnector(lambda d: d * np.nan),
        lambda: with_ship.DisplacementDependentProbabilityConnector(lambda d: d[0]),
        lambda: with_ship.IndexBasedProbabilityConnector(Values(lambda i, j: -0.1 * i)),
    ],
)
def test_negative_and_undefined_probabilities(rule):
    with pytest.raises(errors.InvalidParameterValueError, match="numbers between 0 and 1"):
        connect(rule())


@pytest.mark.parametrize(
    "rule",
    [
        lambda: with_ship.DistanceDependentProbabilityConnector(lambda d: d[1:]),
        lambda: with_ship.DisplacementDependentProbabilityConnector(lambda d: d),
        lambda: with_ship.IndexBasedProbabilityConnector(Values(lambda i, j: i[1:])),
    ],
)
def test_probabilities_of_another_shape(rule):
    with pytest.raises(errors.InvalidDimensionsError, match="one number for each"):
        connect(rule())


def test_probabilities_above_one_mean_certainty_as_in_pynn():
    rule = with_ship.DistanceDependentProbabilityConnector("5*exp(-d/100)")
    assert len(connect(rule)) == 12 * 9


@pytest.mark.parametrize("expression", ["d > 1 and d < 3", "0.5 if d < 3 else 0"])
def test_distance_expressions_that_arrays_cannot_follow(expression):
    function = eval(f"lambda d: {expression}")
    rule = with_ship.DistanceDependentProbabilityConnector(function)
    with pytest.raises(errors.InvalidParameterValueError, match=r"\(d > 1\) \* \(d < 3\)"):
        connect(rule)
    with pytest.raises(errors.InvalidParameterValueError, match=r"WEIGHT cannot be evaluated"):
        connect(with_ship.AllToAllConnector(), static(weight=function))


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (lambda d: None, "None"),
        (lambda d: np.full(d.shape, "a"), "did not give a number"),
        (Values(lambda i, j: None), "None"),
        (iter([1.0, 2.0]), "expected a number, an array of shape"),
        (Sequence([1.0]), "did not give a number|expected a number"),
    ],
)
def test_values_that_are_no_numbers(weight, words):
    synapse_type = static()
    synapse_type.parameter_space["weight"].base_value = weight
    with pytest.raises(errors.InvalidParameterValueError, match=words):
        connect(with_ship.AllToAllConnector(), synapse_type)


@pytest.mark.parametrize("weight", [lambda d: d[1:], Values(lambda i, j: i[1:])])
def test_values_of_another_shape(weight):
    with pytest.raises(errors.InvalidDimensionsError, match="one number for each"):
        connect(with_ship.AllToAllConnector(), static(weight=weight))


@pytest.mark.parametrize("shape", [(9, 12), (12,), (108,), (12, 9, 1)])
def test_arrays_of_another_shape(shape):
    with pytest.raises(errors.InvalidDimensionsError, match=r"expected .* shape \(12, 9\)"):
        connect(with_ship.AllToAllConnector(), static(weight=np.ones(shape)))


def test_one_value_for_each_row_of_a_list_belongs_into_the_list():
    rule = with_ship.FromListConnector([(0, 0), (1, 0)])
    with pytest.raises(errors.InvalidDimensionsError, match="column of FromListConnector"):
        connect(rule, static(weight=[0.1, 0.2]))


@pytest.mark.parametrize("kind", ["populations", "overlapping_views"])
@pytest.mark.parametrize(
    "rule",
    [
        lambda: with_ship.AllToAllConnector("NoMutual"),
        lambda: with_ship.FixedProbabilityConnector(0.5, "NoMutual"),
        lambda: with_ship.FixedProbabilityConnector(1, "NoMutual"),
    ],
)
def test_no_mutual_connections_between_two_populations(kind, rule):
    with pytest.raises(NotImplementedError, match="connects a population with itself"):
        connect(rule(), kind=kind)


@pytest.mark.parametrize(
    "rule",
    ["FixedNumberPreConnector", "FixedNumberPostConnector", "FixedTotalNumberConnector"],
)
def test_counted_connectors(rule):
    rule = getattr(with_ship, rule)
    with pytest.raises(NotImplementedError, match="without mutual connections"):
        connect(rule(3, "NoMutual"), kind="recurrent")
    with pytest.raises(errors.InvalidParameterValueError, match="n is -1; expected a whole"):
        rule(-1)
    with pytest.raises(TypeError, match="integer or a RandomDistribution"):
        rule(2.5)
    for parameters in (("normal", (3, 0.1)), ("uniform", (1, 2))):
        n = RandomDistribution(*parameters, rng=NumpyRNG(1))
        with pytest.raises(errors.InvalidParameterValueError, match="uniform_int, poisson"):
            connect(rule(n))


@pytest.mark.parametrize("rule", ["FixedNumberPreConnector", "FixedNumberPostConnector"])
@pytest.mark.parametrize("replacing", [True, False])
def test_a_cell_that_has_only_itself_to_connect_to(rule, replacing):
    cell = with_ship.Population(1, with_ship.IF_cond_exp())
    rule = getattr(with_ship, rule)(2, False, replacing)
    with pytest.raises(errors.ConnectionError, match="the only candidate is the cell itself"):
        with_ship.Projection(cell, cell, rule, static())


@pytest.mark.parametrize(
    ("n", "self_connections", "kind"), [(109, True, "populations"), (133, False, "recurrent")]
)
def test_more_single_connections_than_pairs(n, self_connections, kind):
    rule = with_ship.FixedTotalNumberConnector(n, self_connections, with_replacement=False)
    with pytest.raises(errors.ConnectionError, match=f"only {n - 1} pairs"):
        connect(rule, kind=kind)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((12, 0), "source index out of range: row 1 .* has 12 .* from 0 to 11"),
        ((-1, 0), "source index out of range"),
        ((0, 9), "target index out of range: row 1 .* has 9 .* from 0 to 8"),
        ((0, -1), "target index out of range"),
        ((0.5, 0), "whole numbers"),
        ((0, float("nan")), "whole numbers"),
        (("a", "b"), "target|source indices are of type"),
    ],
)
def test_indices_in_a_list(row, words):
    rule = with_ship.FromListConnector([(0, 0), row])
    before = rule.conn_list.copy()
    with pytest.raises(errors.ConnectionError, match=words):
        connect(rule)
    assert (rule.conn_list == before).all() or "nan" in str(row)


def test_columns_of_a_list(tmp_path):
    rule = with_ship.FromListConnector([(0, 0, 1.0)], column_names=["tau"])
    with pytest.raises(ValueError, match=r"tau is not a valid parameter.*weight, delay"):
        connect(rule)
    file = tmp_path / "connections"
    np.savetxt(file, [(0, 0, 1.0, 1.0, 1.0)])
    with pytest.raises(errors.InvalidDimensionsError, match="4 columns: source, target, weight"):
        connect(with_ship.FromFileConnector(str(file)))


def test_broken_numbers_in_a_column_of_whole_ones():
    class Quanta(with_ship.StaticSynapse):
        default_parameters = with_ship.StaticSynapse.default_parameters | {"n": 1}

    rule = with_ship.FromListConnector([(0, 0, 1.5)], column_names=["n"])
    with pytest.raises(errors.InvalidParameterValueError, match=r"'n' holds 1\.5; expected whole"):
        connect(rule, Quanta())


def test_connection_arrays():
    with pytest.raises(errors.InvalidDimensionsError, match=r"\(9, 12\); expected \(12, 9\)"):
        connect(with_ship.ArrayConnector(np.ones((9, 12), bool)))
    with pytest.raises(errors.InvalidParameterValueError, match=r"array.astype\(bool\)"):
        connect(with_ship.ArrayConnector(np.ones((12, 9), int)))


def test_clone_of_other_populations():
    reference = connect(with_ship.AllToAllConnector())
    with pytest.raises(errors.ConnectionError, match="must match between reference"):
        connect(with_ship.CloneConnector(reference))


def test_small_world():
    rule = with_ship.SmallWorldConnector
    with pytest.raises(errors.InvalidParameterValueError, match=r"rewiring is 1\.5"):
        rule(1.0, 1.5)
    with pytest.raises(errors.InvalidParameterValueError, match="degree is 0"):
        rule(0, 0.5)
    with pytest.raises(errors.InvalidParameterValueError, match=r"n is 2\.5"):
        rule(1.0, 0.5, n_connections=2.5)
    with pytest.raises(NotImplementedError, match="cannot avoid mutual connections"):
        rule(1.0, 0.5, allow_self_connections="NoMutual")
    with pytest.raises(errors.ConnectionError, match="n_connections is 5, but cell 0 has only 3"):
        connect(rule(2.0, 0.0, n_connections=5, rng=NumpyRNG(1)))
    with pytest.raises(errors.ConnectionError, match=r"9 connections of cell 0 .* to 0 cells only"):
        connect(rule(100.0, 1.0))


def test_csa_without_the_package():
    script = """
import sys
sys.modules["csa"] = None  # as if it were not installed
import pyNN.ship as sim
try:
    sim.CSAConnector(None)
except RuntimeError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "import csa" in done.stdout


@pytest.mark.parametrize("name", ["AllToAllConnector", "DisplacementDependentProbabilityConnector"])
def test_cells_have_one_compartment(name):
    arguments = [lambda d: 1] if name.startswith("Disp") else []
    rule = getattr(with_ship, name)(*arguments, location_selector="dendrite")
    with pytest.raises(NotImplementedError, match="one compartment"):
        connect(rule)
    listed = with_ship.FromListConnector([(0, 0)], location_selector="dendrite")
    with pytest.raises(NotImplementedError, match="one compartment"):
        connect(listed)


def test_generators_that_cannot_draw():
    with pytest.raises(NotImplementedError, match="next\\(\\) is not implemented"):
        connect(with_ship.FixedProbabilityConnector(0.5, rng=NativeRNG(1)))

    class Short(AbstractRNG):
        def next(self, n=None, distribution=None, parameters=None, mask=None):
            return np.zeros(1)

    with pytest.raises(errors.InvalidDimensionsError, match="where 12 were asked for"):
        connect(with_ship.FixedProbabilityConnector(0.5, rng=Short(1)))


@pytest.mark.parametrize("given", [None, "abc", 1j, [0.5]])
def test_a_probability_is_a_number(given):
    with pytest.raises(errors.InvalidParameterValueError, match="p_connect is"):
        with_ship.FixedProbabilityConnector(given)


@pytest.mark.parametrize("given", [None, 3.0, "ab", [1, 2, 3]])
def test_a_list_of_connections_has_rows(given):
    with pytest.raises(errors.InvalidParameterValueError, match=r"conn_list = .*source, target"):
        with_ship.FromListConnector(given)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("exp(-d", "never closed"),
        ("exp(-dd)", "'dd'"),
        ("d.x", "no attribute 'x'"),
        ("[d]", "not supported"),
        ("-1", "gives the probability -1"),
        ("1 - d", "gives the probability -9"),
        ("5", "above 1, everywhere"),
        ("1 + exp(0)", "above 1, everywhere"),
    ],
)
def test_distance_expressions_that_mean_nothing(expression, why):
    text = (
        rf"DistanceDependentProbabilityConnector\('{re.escape(expression)}'\): .*{why}.*distance d"
    )
    with pytest.raises(errors.ConnectionError, match=text):
        with_ship.DistanceDependentProbabilityConnector(expression)


@pytest.mark.parametrize("given", [None, 0.5, ["d"]])
def test_a_distance_expression_is_a_text_or_a_function(given):
    with pytest.raises(errors.ConnectionError, match="neither a text nor a function"):
        with_ship.DistanceDependentProbabilityConnector(given)
