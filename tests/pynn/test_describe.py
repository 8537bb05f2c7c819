"""Descriptions in words, with each template engine that is there."""

from __future__ import annotations

import pytest
from pyNN import descriptions

from pyNN_ship.descriptions import describe

ENGINES = list(descriptions.TEMPLATE_ENGINES)


@pytest.mark.parametrize("engine", [*ENGINES, "default"])
def test_every_connector_describes_itself(sim, engine):
    cells = sim.Population(2, sim.IF_cond_exp())
    clone = sim.CloneConnector(sim.Projection(cells, cells, sim.AllToAllConnector()))
    connectors = [
        sim.AllToAllConnector(allow_self_connections=False),
        sim.FixedProbabilityConnector(0.25),
        sim.DistanceDependentProbabilityConnector("d < 3"),
        sim.FixedNumberPreConnector(7),
        sim.FixedTotalNumberConnector(8),
        sim.FromListConnector([(0, 1, 0.5, 1.0)]),
        sim.OneToOneConnector(),
        sim.SmallWorldConnector(3.5, 0.125),
        clone,
    ]
    words = ["False", "0.25", "d < 3", "7", "8", "0.5", "OneToOne", "3.5", "Projection"]
    for connector, word in zip(connectors, words, strict=True):
        text = connector.describe(engine=engine)
        assert text.startswith(f"name: {type(connector).__name__}")
        assert word in text


@pytest.mark.parametrize("engine", ENGINES)
def test_templates_of_ones_own(sim, engine):
    connector = sim.FixedProbabilityConnector(0.25)
    template = {"string": "by $name", "jinja2": "by {{name}}", "cheetah": "by $name"}[engine]
    assert connector.describe(template, engine) == "by FixedProbabilityConnector"
    assert connector.describe(None)["parameters"]["p_connect"] == 0.25


@pytest.mark.parametrize("engine", ENGINES)
def test_everything_else_describes_itself(sim, engine):
    cells = sim.Population(3, sim.IF_cond_exp(), label="cells")
    projection = sim.Projection(cells, cells, sim.FixedProbabilityConnector(1.0), label="links")
    for thing, word in (
        (cells, "IF_cond_exp"),
        (cells[1:], "cells"),
        (cells[:1] + cells[1:], "cells"),
        (projection, "connections: 9"),
        (cells.celltype, "IF_cond_exp"),
        (cells.structure, "Line"),
    ):
        assert word in thing.describe(engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_stdp_mechanisms_describe_themselves(sim, engine):
    rule = sim.STDPMechanism(
        timing_dependence=sim.SpikePairRule(tau_plus=17.25),
        weight_dependence=sim.GutigWeightDependence(w_max=0.5, mu_plus=0.375),
        dendritic_delay_fraction=0.125,
    )
    text = rule.describe(engine=engine)
    assert text.startswith("name: STDPMechanism")
    for word in ("SpikePairRule", "tau_plus: 17.25", "mu_plus: 0.375", "fraction: 0.125"):
        assert word in text
    assert rule.describe(None)["timing_dependence"]["name"] == "SpikePairRule"
    cells = sim.Population(2, sim.IF_cond_exp())
    projection = sim.Projection(cells, cells, sim.AllToAllConnector(), rule)
    assert "        tau_plus: 17.25" in projection.describe(engine=engine)


def test_the_outline():
    context = {"name": "x", "empty": {}, "parts": {"a": 1, "b": {"c": None}}}
    lines = describe(context, "t", "t", "string").splitlines()
    assert lines == ["name: x", "parts:", "    a: 1", "    b:", "        c: None"]


def test_what_a_projection_tells(sim):
    cells = sim.Population(3, sim.IF_cond_exp(), label="cells")
    synapse = sim.TsodyksMarkramSynapse(U=0.25, weight=0.5, delay=2.0)
    projection = sim.Projection(
        cells[1:], cells, sim.FixedProbabilityConnector(1.0), synapse, label="links"
    )
    lines = projection.describe().splitlines()
    assert lines[:5] == [
        "projection: links",
        "from: view of 'cells' with size 2 (2 cells)",
        "to: cells (3 cells)",
        "receptor type: excitatory",
        "connections: 6",
    ]
    assert "        U: 0.25" in lines
    assert not any("default" in line for line in lines)
    assert projection.describe("$label has $size", "string") == "links has 6"
    assert projection.describe(None)["pre"]["size"] == 2
