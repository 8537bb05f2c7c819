"""Positions of cells: where no cell can be."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pyNN import errors
from pyNN.space import BaseStructure, Line

NAN = float("nan")


class Given(BaseStructure):
    """Positions as they are given."""

    parameter_names = ()

    def __init__(self, positions):
        self.positions = positions

    def generate_positions(self, n):
        return self.positions


def moved(value):
    """Positions of three cells, one of which has another coordinate y."""
    positions = np.arange(9.0).reshape(3, 3)
    positions[1, 2] = value
    return positions


@pytest.mark.parametrize("value", [NAN, np.inf, -np.inf])
def test_cells_are_somewhere(sim, value):
    cells = sim.Population(3, sim.IF_curr_exp(), structure=Line(), label="here")
    before = cells.positions.copy()
    text = f"y = {value} of cell 2 as a position in 'here'; coordinates must be finite"
    with pytest.raises(errors.InvalidParameterValueError, match=text):
        cells.positions = moved(value)
    with pytest.raises(errors.InvalidParameterValueError, match=f"y = {value} as a position"):
        cells[1].position = (0.0, value, 0.0)
    assert_array_equal(cells.positions, before)
    assert cells.structure == Line()
    lost = sim.Population(3, sim.IF_curr_exp(), structure=Given(moved(value)), label="here")
    with pytest.raises(errors.InvalidParameterValueError, match=text):
        lost.positions.sum()


@pytest.mark.parametrize(
    ("positions", "error", "text"),
    [
        (np.zeros((3, 2)), errors.InvalidDimensionsError, r"\(3, 2\); .* shape \(3, 3\)"),
        (np.zeros((2, 3)), errors.InvalidDimensionsError, r"\(2, 3\)"),
        (1.0, errors.InvalidDimensionsError, r"shape \(\)"),
        ([[1.0], [1.0, 2.0], [3.0]], errors.InvalidDimensionsError, "different lengths"),
        ([["a"] * 3] * 3, errors.InvalidParameterValueError, "give numbers"),
        (None, errors.InvalidParameterValueError, "give numbers"),
        (np.zeros((3, 3), complex), errors.InvalidParameterValueError, "complex128; give numbers"),
    ],
)
def test_positions_are_numbers_for_each_cell(sim, positions, error, text):
    cells = sim.Population(3, sim.IF_curr_exp(), label="here")
    with pytest.raises(error, match=f"Positions of 'here' .*{text}"):
        cells.positions = positions
    lost = sim.Population(3, sim.IF_curr_exp(), structure=Given(positions), label="here")
    with pytest.raises(error, match=f"Positions of 'here' .*{text}"):
        lost.positions.sum()


def test_positions_are_copied(sim):
    cells = sim.Population(3, sim.IF_curr_exp())
    given = moved(0.0)
    cells.positions = given
    given[:] = -1.0
    assert_array_equal(cells.positions, moved(0.0))
    assert cells.structure is None
    cells.positions = moved(5.0).tolist()
    assert_array_equal(cells.positions, moved(5.0))
    cells.structure = Line(dx=2.0)
    assert_array_equal(cells.positions[0], [0.0, 2.0, 4.0])


@pytest.mark.parametrize("whole", ["population", "view", "assembly"])
def test_positions_that_were_written_over(sim, network, whole):
    """Where distances and displacements are needed."""
    cells = sim.Population(3, sim.IF_curr_exp(), label="here")
    cells.positions[1, 2] = NAN
    post = {"population": cells, "view": cells[1:], "assembly": cells + cells[:1]}[whole]
    before = network()
    for connector, weight in (
        (sim.DistanceDependentProbabilityConnector("d < 9"), 1.0),
        (sim.DisplacementDependentProbabilityConnector(lambda d: d[0] > 0), 1.0),
        (sim.AllToAllConnector(), "1 + d"),
        (sim.AllToAllConnector(), lambda d: 1.0 + d),
    ):
        with pytest.raises(errors.InvalidParameterValueError, match="y = nan of cell"):
            sim.Projection(cells, post, connector, sim.StaticSynapse(weight=weight))
    assert network() == before
    sim.Projection(cells, post, sim.AllToAllConnector(), sim.StaticSynapse(weight=1.0))
