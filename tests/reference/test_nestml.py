"""The models that come with NESTML do what the neurons that NEST has itself do.

``nestml/nest.npz`` comes from steps of 0.001 ms in NEST, at whose ends it stamps spikes, resets
cells, and lets input act; those errors of up to 0.001 ms for each spike add up.  NEST's Izhikevich
neuron takes Euler steps, which are worse.  Here steps are of 0.1 ms, with spikes inside them.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pyNN.ship as ship
import pytest

from ship_engine.equations import neuron_model
from ship_engine.errors import UnsupportedModelError
from ship_engine.mistakes import mistakes_of_model
from ship_engine.nestml.models import read_neuron, read_synapse

pytest.importorskip("pynestml")

MODELS = Path(sys.prefix) / "models"
REFERENCE = Path(__file__).parent / "nestml" / "nest.npz"
NAMES = {
    "t_ref": "refr_T",
    "E_ex": "E_exc",
    "E_in": "E_inh",
    "tau_syn_ex": "tau_syn_exc",
    "tau_syn_in": "tau_syn_inh",
    "tau_rise_ex": "tau_syn_rise_E",
    "tau_decay_ex": "tau_syn_decay_E",
    "tau_rise_in": "tau_syn_rise_I",
    "tau_decay_in": "tau_syn_decay_I",
}
"""Names of parameters that NEST and NESTML do not share."""
TOLERANCE = {"izhikevich": 0.05}
FACTS = json.loads(str(np.load(REFERENCE)["facts"]))
UNSUPPORTED = (
    "hh_cond_exp_destexhe",
    "hill_tononi",
    "iaf_chxk_2008",
    "iaf_psc_exp_htum",
    "ignore_and_fire",
    "mat2_psc_exp",
    "neuromodulated_stdp",
    "stdsp",
)

stock = pytest.mark.skipif(not MODELS.is_dir(), reason="the models of NESTML are not installed")


def population(model):
    """One cell of the model of NESTML with the parameters that NEST's had."""
    file = MODELS / "neurons" / f"{model}_neuron.nestml"
    celltype = ship.nestml_cell_type(f"{model}_neuron", file)
    values = FACTS[model]["parameters"]
    named = {name: values[name] for name in values if name in celltype.default_parameters}
    for name, own in NAMES.items():
        if name in values and own in celltype.default_parameters:
            named[own] = values[name]
    named.pop("V_min", None)
    cell = ship.Population(1, celltype(**named))
    states = {"V_m", "U_m"} & set(celltype.default_initial_values) & set(values)
    cell.initialize(**{name: values[name] for name in states})
    return cell


@stock
@pytest.mark.parametrize("model", FACTS)
def test_models_of_nestml_are_those_of_nest(model):
    reference = np.load(REFERENCE)
    ship.setup(timestep=0.1)
    cell = population(model)
    for receptor, weight in zip(("excitatory", "inhibitory"), FACTS[model]["weights"], strict=True):
        source = ship.Population(1, ship.SpikeSourceArray(spike_times=reference[receptor]))
        port = next(p for p in cell.celltype.model.ports if p.name == receptor)
        # PyNN's weights are in nA, uS or mV, and negative where inhibitory, but for conductances.
        weight = weight if port.unit == "mV" else weight / 1000.0
        synapse = ship.StaticSynapse(weight=abs(weight) if port.unit == "uS" else weight, delay=1.0)
        ship.Projection(source, cell, ship.AllToAllConnector(), synapse, receptor_type=receptor)
    cell.record(["spikes", "V_m"])
    ship.run(150.0)
    segment = cell.get_data().segments[0]
    expected = reference[f"{model} spikes"]
    assert expected.size > 1
    found = segment.spiketrains[0].magnitude
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=TOLERANCE.get(model, 0.01))
    potential = segment.filter(name="V_m")[0].magnitude[10:-1:10, 0]
    error = np.abs(potential - reference[f"{model} V_m"])
    assert np.median(error) < (0.02 if model == "izhikevich" else 5e-3)


@stock
@pytest.mark.parametrize("name", UNSUPPORTED)
def test_models_without_a_counterpart_are_refused(name):
    (file,) = MODELS.glob(f"*/{name}_*.nestml")
    read = read_neuron if file.parent.name == "neurons" else partial(read_synapse, name=name)
    with pytest.raises(UnsupportedModelError, match=r"line \d+, column \d+: .* is not supported"):
        read(file)


@stock
@pytest.mark.parametrize("name", ["izhikevich_psc_alpha", "terub_gpe", "wb_cond_multisyn"])
def test_other_models_are_complete(name):
    (file,) = MODELS.glob(f"neurons/{name}_neuron.nestml")
    assert not list(mistakes_of_model(neuron_model(read_neuron(file).description)))
