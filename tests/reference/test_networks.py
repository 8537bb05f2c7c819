"""The network of Vogels and Abbott has the connections and rates that NEST and NEURON give it.

``networks/*.json`` hold what PyNN's own example reported there; the network of the benchmarks has
the same parameters, seeds and order of random draws. The network is chaotic, so that the rates of
two simulators differ by a few per cent; in COBA the stimulus is also drawn differently by each.
"""

from __future__ import annotations

import json
from pathlib import Path

import pyNN.ship as ship
import pytest

from benchmarks.networks import vogels_abbott

FOLDER = Path(__file__).resolve().parent / "networks"
REFERENCES = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}


class Counting:
    """The simulator's module; remembers the projections that are made."""

    def __init__(self):
        self.projections = []

    def __getattr__(self, name):
        return getattr(ship, name)

    def Projection(self, *arguments, **options):
        projection = ship.Projection(*arguments, **options)
        self.projections.append(projection)
        return projection


@pytest.fixture(scope="module", params=["CUBA", "COBA"])
def measured(request):
    sim = Counting()
    options = {**vogels_abbott.OPTIONS, "duration": 1000.0}
    values = vogels_abbott.run_network(sim, options, coba=request.param == "COBA")
    names = ("e2e", "e2i", "i2e", "i2i")
    return {
        "benchmark": request.param,
        "rates": {"excitatory": values["spikes_exc"], "inhibitory": values["spikes_inh"]},
        "connections": {
            name: projection.size()
            for name, projection in zip(names, sim.projections, strict=False)
        },
    }


@pytest.mark.parametrize("peer", ["nest", "neuron"])
def test_vogels_abbott(measured, peer):
    expected = REFERENCES[peer][measured["benchmark"]]
    assert measured["connections"] == expected["connections"]
    assert measured["rates"] == pytest.approx(expected["rates"], rel=0.1)
