"""The network of Diehl & Cook (2015) in PyNN, for any simulator; see Diehl_2015.py.

Inputs, one for each pixel, reach all excitatory neurons by plastic synapses.  Each excitatory
neuron drives an inhibitory one of its own, which inhibits all other excitatory neurons.
"""

import numpy as np

from ship_engine.learning.normalisation import normalised

STEP = 0.5  # ms
LEAK = {"excitatory": 1.0 / 100.0, "inhibitory": 1.0 / 10.0}  # uS: cm / tau_m
UNIT = LEAK["excitatory"]
"""The conductance of a plastic weight of 1, in uS."""
EXCITATORY = {
    "v_rest": -65.0,
    "v_reset": -65.0,
    "tau_m": 100.0,
    "cm": 1.0,
    "tau_refrac": 5.0,
    "tau_syn_E": 1.0,
    "tau_syn_I": 2.0,
    "e_rev_E": 0.0,
    "e_rev_I": -100.0,
}
INHIBITORY = {
    "v_rest": -60.0,
    "v_reset": -45.0,
    "v_thresh": -40.0,
    "tau_m": 10.0,
    "cm": 1.0,
    "tau_refrac": 2.0,
    "tau_syn_E": 1.0,
    "tau_syn_I": 2.0,
    "e_rev_E": 0.0,
    "e_rev_I": -85.0,
}
THRESHOLD = -52.0  # mV, before it has adapted
TO_INHIBITORY, TO_EXCITATORY = 10.4, 17.0  # times the leak
FEWEST = 5
"""Spikes that an image has to cause; it is shown again, brighter, until it does."""
BRIGHTEST = 4.0
"""How many times as bright it becomes at most."""


class DigitNetwork:
    """Shows images to the network, and keeps what PyNN has no mechanism for between them.

    Parameters
    ----------
    sim : module
        The simulator's PyNN module.
    pixels, neurons : int
        How many inputs, and how many neurons in each of the two layers.
    seed : int
        Of initial weights and of Poisson spikes.
    weights : array [pixel, neuron], optional
        From 0 to 1.  If they are given, they do not change.
    thresholds : array [neuron], optional
        In mV, above THRESHOLD.
    shown, rest : float
        How long an image is shown, and for how long nothing is shown after it, in ms.
    potentiation, depression : float
        Amplitudes of plasticity, in the beginning.
    total : float
        What the weights onto a neuron sum to.
    """

    def __init__(
        self,
        sim,
        pixels,
        neurons,
        seed=0,
        weights=None,
        thresholds=None,
        shown=250.0,
        rest=100.0,
        potentiation=5e-3,
        depression=5e-5,
        total=78.4,
    ):
        self._sim, self._shown, self._rest = sim, shown, rest
        self._total, self._amplitudes = total * UNIT, (potentiation, depression)
        sim.setup(
            timestep=STEP,
            min_delay=STEP,
            max_delay=STEP,
            spike_precision="on_grid",
            seed=seed,
            rng_seed=seed + 1,
        )
        self.thresholds = np.zeros(neurons) if thresholds is None else np.array(thresholds)
        self.inputs = sim.Population(pixels, sim.SpikeSourcePoisson(rate=0.0))
        self.excitatory = sim.Population(neurons, sim.IF_cond_exp(**EXCITATORY))
        self.inhibitory = sim.Population(neurons, sim.IF_cond_exp(**INHIBITORY))
        for cells, rest_of_cells in ((self.excitatory, EXCITATORY), (self.inhibitory, INHIBITORY)):
            cells.initialize(v=rest_of_cells["v_rest"])
        self._set_thresholds()
        self._inhibit()
        synapse = self._static(weights) if weights is not None else None
        self.learning = sim.Projection(
            self.inputs,
            self.excitatory,
            sim.AllToAllConnector(),
            synapse or self._plastic(seed, potentiation, depression),
            receptor_type="excitatory",
        )
        self.excitatory.record("spikes")
        self._before = np.zeros(neurons, int)

    def _static(self, weights):
        return self._sim.StaticSynapse(weight=UNIT * np.asarray(weights), delay=STEP)

    def _plastic(self, seed, potentiation, depression):
        sim = self._sim
        random = sim.NumpyRNG(seed=seed)
        return sim.STDPMechanism(
            timing_dependence=sim.SpikePairRule(
                tau_plus=20.0, tau_minus=20.0, A_plus=potentiation, A_minus=depression
            ),
            weight_dependence=sim.AdditiveWeightDependence(w_min=0.0, w_max=UNIT),
            weight=sim.RandomDistribution("uniform", (0.0, 0.3 * UNIT), rng=random),
            delay=STEP,
        )

    def _inhibit(self):
        """Each excitatory neuron, by an inhibitory one, inhibits all others."""
        sim = self._sim
        others = ~np.eye(self.excitatory.size, dtype=bool)
        sim.Projection(
            self.excitatory,
            self.inhibitory,
            sim.OneToOneConnector(),
            sim.StaticSynapse(weight=TO_INHIBITORY * LEAK["inhibitory"], delay=STEP),
            receptor_type="excitatory",
        )
        sim.Projection(
            self.inhibitory,
            self.excitatory,
            sim.ArrayConnector(others),
            sim.StaticSynapse(weight=TO_EXCITATORY * LEAK["excitatory"], delay=STEP),
            receptor_type="inhibitory",
        )

    def _set_thresholds(self):
        self.excitatory.set(v_thresh=THRESHOLD + self.thresholds)

    @property
    def weights(self):
        """Weights [pixel, neuron], from 0 to 1."""
        return self.learning.get("weight", format="array") / UNIT

    def normalise(self, rate=None):
        """Scale the weights onto each neuron to their total, and perhaps learn at another rate.

        Parameters
        ----------
        rate : float, optional
            By what the amplitudes of plasticity, as they were given, are multiplied.
        """
        weights = self.learning.get("weight", format="array")
        changes = {"weight": normalised(weights, self._total)}
        if rate is not None:
            plus, minus = self._amplitudes
            changes |= {"A_plus": rate * plus, "A_minus": rate * minus}
        self.learning.set(**changes)

    def adapt(self, counts, step, kept):
        """Let thresholds decay by a factor, and rise by a step for each spike."""
        self.thresholds = self.thresholds * kept + step * counts
        self._set_thresholds()

    def respond(self, rates):
        """Show an image, brighter if need be; how often each neuron spiked.

        Parameters
        ----------
        rates : array [pixel]
            Of the inputs, in Hz.

        Returns
        -------
        int array [neuron]
        """
        brightness, counts = 1.0, self._show(rates)
        while counts.sum() < FEWEST and brightness < BRIGHTEST:
            brightness += 0.5
            counts = self._show(brightness * rates)
        return counts

    def _show(self, rates):
        start = self._sim.get_current_time()
        self.inputs.set(rate=rates, start=start, duration=self._shown)
        self._sim.run(self._shown + self._rest)
        # After the rest potentials still differ, which would give some a start on the next image.
        self.excitatory.initialize(v=EXCITATORY["v_rest"])
        return self._new_counts()

    def _new_counts(self):
        """Spikes since the last call."""
        told = self.excitatory.get_spike_counts()
        total = np.array([told[cell] for cell in sorted(told)])
        counts = total - self._before
        self._before = total
        if total.sum() > 100 * total.size:
            # Counting takes longer the more spikes are kept.
            self.excitatory.get_data("spikes", clear=True)
            self._before = np.zeros_like(total)
        return counts
