"""What synapses compute, apart from how spikes travel; see `base`."""
