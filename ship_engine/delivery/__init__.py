"""How spikes reach their targets; the rule stands in `base`."""
