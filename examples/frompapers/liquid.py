"""Liquids: columns of recurrently connected neurons, for the examples with liquid state machines.

Neurons stand on a grid; a connection is the likelier the nearer they are (Maass, Natschläger &
Markram 2002, Neural Comput. 14:2531; constants of Gorad, Saraswat & Ganguly 2019, IJCNN, and
Zhang, Li, Jin & Choe 2015, IEEE Trans. Neural Netw. Learn. Syst. 26:2635).
"""

from dataclasses import dataclass

import numpy as np
import torch

STRENGTH = {"EE": 3.0, "EI": 6.0, "IE": -4.0, "II": -4.0}
"""Weights from excitatory (E) and inhibitory (I) neurons to either, in units."""
PROBABILITY = {"EE": 0.45, "EI": 0.3, "IE": 0.6, "II": 0.15}
"""Of a connection between neurons in the same place."""


@dataclass
class Column:
    """A liquid.

    Attributes
    ----------
    places : int array [neuron, 3]
        On the grid.
    inhibits : bool array [neuron]
        Which neurons are inhibitory, one in five.
    input_weights : tensor [input, neuron]
    weights : tensor [neuron, neuron]
        Recurrent, from row to column.
    """

    places: np.ndarray
    inhibits: np.ndarray
    input_weights: torch.Tensor
    weights: torch.Tensor

    @property
    def shape(self):
        """Neurons along the three axes of the grid."""
        return tuple(int(most) + 1 for most in self.places.max(axis=0))


def column_shape(neurons):
    """The grid of a column: as near to a cube as whole numbers allow."""
    sides = [
        (a, b, neurons // (a * b))
        for a in range(1, neurons + 1)
        if neurons % a == 0
        for b in range(a, neurons // a + 1)
        if (neurons // a) % b == 0 and neurons // (a * b) >= b
    ]
    return min(sides, key=sum)


def draw_column(
    rng,
    shape,
    inputs,
    input_weight,
    unit,
    synapses=1.6,
    exciting=0.625,
    radius=2.95,
    strength=STRENGTH,
    probability=PROBABILITY,
):
    """Draw a liquid and its inputs.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : (int, int, int)
        Neurons along the three axes of the grid.
    inputs : int
        How many inputs there are.
    input_weight : float
        Magnitude of their weights.
    unit : float
        Weight of a recurrent synapse of strength 1.
    synapses : float
        From inputs, for each neuron.
    exciting : float
        Share of these that have a positive weight.
    radius : float
        Distance on the grid at which the probability of a connection is 1/e of that at distance 0.
    strength, probability : dict
        Of connections, by kinds of neurons.
    """
    count = int(np.prod(shape))
    places = np.stack(np.unravel_index(np.arange(count), shape), axis=1)
    inhibits = np.zeros(count, bool)
    inhibits[rng.permutation(count)[: count // 5]] = True
    distance2 = ((places[:, None] - places) ** 2).sum(axis=-1)
    weights = np.zeros((count, count))
    for kinds, likely in probability.items():
        pairs = np.outer(inhibits == (kinds[0] == "I"), inhibits == (kinds[1] == "I"))
        drawn = rng.random((count, count)) < likely * np.exp(-distance2 / radius**2)
        weights[pairs & drawn] = unit * strength[kinds]
    np.fill_diagonal(weights, 0.0)
    total = int(synapses * count)
    positive = round(exciting * total)
    input_weights = np.zeros((inputs, count))
    for weight, number in ((input_weight, positive), (-input_weight, total - positive)):
        _deal(rng, input_weights, weight, number)
    return Column(places, inhibits, _tensor(input_weights), _tensor(weights))


def _deal(rng, weights, weight, number):
    """Deal synapses out, so that inputs and neurons have as many as others, give or take one."""
    inputs, neurons = weights.shape
    targets = _dealt(rng, neurons, number)
    for source, target in zip(_dealt(rng, inputs, number), targets, strict=True):
        while weights[source, target]:
            source = rng.integers(inputs)
        weights[source, target] = weight


def _dealt(rng, size, number):
    """The first numbers of as many permutations as it takes."""
    rounds = -(-number // size)
    return np.concatenate([rng.permutation(size) for _ in range(rounds)])[:number]


def _tensor(array):
    return torch.tensor(array, dtype=torch.float32)
